if PLUGIN_CHAR_STDIO
plugin_LTLIBRARIES += plugins/char-stdio/char-stdio.la
plugins_char_stdio_char_stdio_la_SOURCES = \
	plugins/char-stdio/stdio.c
plugins_char_stdio_char_stdio_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_char_stdio_char_stdio_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_char_stdio_char_stdio_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/char-stdio/vmm-char-stdio.7
endif
