if PLUGIN_CHAR_NULL
plugin_LTLIBRARIES += plugins/char-null/char-null.la
plugins_char_null_char_null_la_SOURCES = \
	plugins/char-null/null.c
plugins_char_null_char_null_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_char_null_char_null_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_char_null_char_null_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/char-null/vmm-char-null.7
endif
