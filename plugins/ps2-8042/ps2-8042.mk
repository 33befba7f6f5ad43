if PLUGIN_PS2_8042
plugin_LTLIBRARIES += plugins/ps2-8042/ps2-8042.la
plugins_ps2_8042_ps2_8042_la_SOURCES = \
	plugins/ps2-8042/controller.c \
	plugins/ps2-8042/keyboard.c \
	plugins/ps2-8042/mouse.c \
	plugins/ps2-8042/ps2.c \
	plugins/ps2-8042/scancodes.c \
	plugins/ps2-8042/ps2.h
plugins_ps2_8042_ps2_8042_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_ps2_8042_ps2_8042_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_ps2_8042_ps2_8042_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/ps2-8042/vmm-ps2-8042.7
endif
