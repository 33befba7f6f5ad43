if PLUGIN_NET_DUMP
plugin_LTLIBRARIES += plugins/net-dump/net-dump.la
plugins_net_dump_net_dump_la_SOURCES = \
	plugins/net-dump/capture.c \
	plugins/net-dump/dump.c \
	plugins/net-dump/capture.h
plugins_net_dump_net_dump_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JANSSON_CFLAGS)
plugins_net_dump_net_dump_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_net_dump_net_dump_la_LIBADD = sdk/kit/libvmm-kit.la $(JANSSON_LIBS)
dist_man7_MANS += plugins/net-dump/vmm-net-dump.7
endif
