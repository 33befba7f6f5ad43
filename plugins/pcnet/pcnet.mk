if PLUGIN_PCNET
plugin_LTLIBRARIES += plugins/pcnet/pcnet.la
plugins_pcnet_pcnet_la_SOURCES = \
	plugins/pcnet/csr.c \
	plugins/pcnet/descriptor.c \
	plugins/pcnet/pcnet.c \
	plugins/pcnet/pcnet.h \
	plugins/pcnet/poll.c \
	plugins/pcnet/receive.c \
	plugins/pcnet/space.c \
	plugins/pcnet/state.c \
	plugins/pcnet/transmit.c
plugins_pcnet_pcnet_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(ZLIB_CFLAGS)
plugins_pcnet_pcnet_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_pcnet_pcnet_la_LIBADD = sdk/kit/libvmm-kit.la $(ZLIB_LIBS)
dist_man7_MANS += plugins/pcnet/vmm-pcnet.7
endif
