if PLUGIN_VGA
plugin_LTLIBRARIES += plugins/vga/vga.la
plugins_vga_vga_la_SOURCES = \
	plugins/vga/dispi.c \
	plugins/vga/display.c \
	plugins/vga/graphics.c \
	plugins/vga/memory.c \
	plugins/vga/mode.c \
	plugins/vga/ports.c \
	plugins/vga/rom.c \
	plugins/vga/text.c \
	plugins/vga/vga.c \
	plugins/vga/vga.h
plugins_vga_vga_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_vga_vga_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_vga_vga_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/vga/vmm-vga.7
endif
