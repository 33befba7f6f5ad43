if PLUGIN_PARALLEL
plugin_LTLIBRARIES += plugins/parallel/parallel.la
plugins_parallel_parallel_la_SOURCES = \
	plugins/parallel/extended.c \
	plugins/parallel/parallel.c \
	plugins/parallel/parallel.h \
	plugins/parallel/standard.c
plugins_parallel_parallel_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_parallel_parallel_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_parallel_parallel_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/parallel/vmm-parallel.7
endif
