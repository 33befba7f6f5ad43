if PLUGIN_CHAR_PTY
plugin_LTLIBRARIES += plugins/char-pty/char-pty.la
plugins_char_pty_char_pty_la_SOURCES = \
	plugins/char-pty/pty.c
plugins_char_pty_char_pty_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_char_pty_char_pty_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_char_pty_char_pty_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/char-pty/vmm-char-pty.7
endif
