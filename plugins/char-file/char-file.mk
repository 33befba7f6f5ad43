if PLUGIN_CHAR_FILE
plugin_LTLIBRARIES += plugins/char-file/char-file.la
plugins_char_file_char_file_la_SOURCES = \
	plugins/char-file/file.c \
	plugins/char-file/tty.c \
	plugins/char-file/tty.h
plugins_char_file_char_file_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_char_file_char_file_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_char_file_char_file_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/char-file/vmm-char-file.7
endif
