if PLUGIN_HPET
plugin_LTLIBRARIES += plugins/hpet/hpet.la
plugins_hpet_hpet_la_SOURCES = \
	plugins/hpet/firmware.c \
	plugins/hpet/hpet.c \
	plugins/hpet/hpet.h \
	plugins/hpet/timers.c
plugins_hpet_hpet_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_hpet_hpet_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_hpet_hpet_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/hpet/vmm-hpet.7
endif
