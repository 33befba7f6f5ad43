if PLUGIN_IDE_PIIX
plugin_LTLIBRARIES += plugins/ide-piix/ide-piix.la
plugins_ide_piix_ide_piix_la_SOURCES = \
	plugins/ide-piix/channel.c \
	plugins/ide-piix/master.c \
	plugins/ide-piix/piix.c \
	plugins/ide-piix/piix.h
plugins_ide_piix_ide_piix_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_ide_piix_ide_piix_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_ide_piix_ide_piix_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/ide-piix/vmm-ide-piix.7
endif
