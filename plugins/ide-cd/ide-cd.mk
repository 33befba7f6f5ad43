if PLUGIN_IDE_CD
plugin_LTLIBRARIES += plugins/ide-cd/ide-cd.la
plugins_ide_cd_ide_cd_la_SOURCES = \
	plugins/ide-cd/cd.c \
	plugins/ide-cd/disc.c \
	plugins/ide-cd/drive.c \
	plugins/ide-cd/mode.c \
	plugins/ide-cd/packet.c \
	plugins/ide-cd/sector.c \
	plugins/ide-cd/transfer.c \
	plugins/ide-cd/cd.h
plugins_ide_cd_ide_cd_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_ide_cd_ide_cd_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_ide_cd_ide_cd_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/ide-cd/vmm-ide-cd.7
endif
