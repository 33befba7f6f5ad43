if PLUGIN_NET_SEGMENT
plugin_LTLIBRARIES += plugins/net-segment/net-segment.la
plugins_net_segment_net_segment_la_SOURCES = \
	plugins/net-segment/address.c \
	plugins/net-segment/folder.c \
	plugins/net-segment/member.c \
	plugins/net-segment/peer.c \
	plugins/net-segment/plugin.c \
	plugins/net-segment/segment.h
plugins_net_segment_net_segment_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(JANSSON_CFLAGS)
plugins_net_segment_net_segment_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_net_segment_net_segment_la_LIBADD = sdk/kit/libvmm-kit.la $(JANSSON_LIBS)
dist_man7_MANS += plugins/net-segment/vmm-net-segment.7
endif
