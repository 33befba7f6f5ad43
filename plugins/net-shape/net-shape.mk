if PLUGIN_NET_SHAPE
plugin_LTLIBRARIES += plugins/net-shape/net-shape.la
plugins_net_shape_net_shape_la_SOURCES = \
	plugins/net-shape/lane.c \
	plugins/net-shape/setting.c \
	plugins/net-shape/shape.c \
	plugins/net-shape/lane.h \
	plugins/net-shape/setting.h
plugins_net_shape_net_shape_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JANSSON_CFLAGS)
plugins_net_shape_net_shape_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_net_shape_net_shape_la_LIBADD = sdk/kit/libvmm-kit.la $(JANSSON_LIBS)
dist_man7_MANS += plugins/net-shape/vmm-net-shape.7
endif
