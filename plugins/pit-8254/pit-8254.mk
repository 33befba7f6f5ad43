if PLUGIN_PIT_8254
plugin_LTLIBRARIES += plugins/pit-8254/pit-8254.la
plugins_pit_8254_pit_8254_la_SOURCES = \
	plugins/pit-8254/counter.c \
	plugins/pit-8254/pit.c \
	plugins/pit-8254/counter.h
plugins_pit_8254_pit_8254_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_pit_8254_pit_8254_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_pit_8254_pit_8254_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/pit-8254/vmm-pit-8254.7
endif
