if PLUGIN_CHAR_SOCKET
plugin_LTLIBRARIES += plugins/char-socket/char-socket.la
plugins_char_socket_char_socket_la_SOURCES = \
	plugins/char-socket/address.c \
	plugins/char-socket/socket.c \
	plugins/char-socket/telnet.c \
	plugins/char-socket/address.h \
	plugins/char-socket/telnet.h
plugins_char_socket_char_socket_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_char_socket_char_socket_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_char_socket_char_socket_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/char-socket/vmm-char-socket.7
endif
