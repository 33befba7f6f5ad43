if PLUGIN_IDE_DISK
plugin_LTLIBRARIES += plugins/ide-disk/ide-disk.la
plugins_ide_disk_ide_disk_la_SOURCES = \
	plugins/ide-disk/command.c \
	plugins/ide-disk/disk.c \
	plugins/ide-disk/identify.c \
	plugins/ide-disk/smart.c \
	plugins/ide-disk/transfer.c \
	plugins/ide-disk/disk.h
plugins_ide_disk_ide_disk_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_ide_disk_ide_disk_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_ide_disk_ide_disk_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/ide-disk/vmm-ide-disk.7
endif
