if PLUGIN_SERIAL_16550
plugin_LTLIBRARIES += plugins/serial-16550/serial-16550.la
plugins_serial_16550_serial_16550_la_SOURCES = \
	plugins/serial-16550/line.c \
	plugins/serial-16550/serial.c \
	plugins/serial-16550/uart.c \
	plugins/serial-16550/uart.h
plugins_serial_16550_serial_16550_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_serial_16550_serial_16550_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_serial_16550_serial_16550_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/serial-16550/vmm-serial-16550.7
endif
