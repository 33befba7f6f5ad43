if PLUGIN_NE2000
plugin_LTLIBRARIES += plugins/ne2000/ne2000.la
plugins_ne2000_ne2000_la_SOURCES = \
	plugins/ne2000/chip.c \
	plugins/ne2000/frame.c \
	plugins/ne2000/memory.c \
	plugins/ne2000/ne2000.c \
	plugins/ne2000/ne2000.h
plugins_ne2000_ne2000_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(ZLIB_CFLAGS)
plugins_ne2000_ne2000_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_ne2000_ne2000_la_LIBADD = sdk/kit/libvmm-kit.la $(ZLIB_LIBS)
dist_man7_MANS += plugins/ne2000/vmm-ne2000.7
endif
