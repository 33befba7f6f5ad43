if PLUGIN_DEBUG_GDB
plugin_LTLIBRARIES += plugins/debug-gdb/debug-gdb.la
plugins_debug_gdb_debug_gdb_la_SOURCES = \
	plugins/debug-gdb/command.c \
	plugins/debug-gdb/gdb.c \
	plugins/debug-gdb/gdb.h \
	plugins/debug-gdb/monitor.c \
	plugins/debug-gdb/packet.c \
	plugins/debug-gdb/target.c
plugins_debug_gdb_debug_gdb_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_debug_gdb_debug_gdb_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_debug_gdb_debug_gdb_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/debug-gdb/vmm-debug-gdb.7
endif
