if PLUGIN_E1000
plugin_LTLIBRARIES += plugins/e1000/e1000.la
plugins_e1000_e1000_la_SOURCES = \
	plugins/e1000/e1000.c \
	plugins/e1000/e1000.h \
	plugins/e1000/eeprom.c \
	plugins/e1000/filter.c \
	plugins/e1000/interrupt.c \
	plugins/e1000/offload.c \
	plugins/e1000/phy.c \
	plugins/e1000/receive.c \
	plugins/e1000/registers.c \
	plugins/e1000/state.c \
	plugins/e1000/statistics.c \
	plugins/e1000/transmit.c
plugins_e1000_e1000_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(ZLIB_CFLAGS)
plugins_e1000_e1000_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_e1000_e1000_la_LIBADD = sdk/kit/libvmm-kit.la $(ZLIB_LIBS)
dist_man7_MANS += plugins/e1000/vmm-e1000.7
endif
