if PLUGIN_DEBUG_EXIT
plugin_LTLIBRARIES += plugins/debug-exit/debug-exit.la
plugins_debug_exit_debug_exit_la_SOURCES = \
	plugins/debug-exit/debug-exit.c
plugins_debug_exit_debug_exit_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_debug_exit_debug_exit_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_debug_exit_debug_exit_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/debug-exit/vmm-debug-exit.7
endif
