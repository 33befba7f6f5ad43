# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_FLOPPY_DISK
plugin_LTLIBRARIES += plugins/floppy-disk/floppy-disk.la
plugins_floppy_disk_floppy_disk_la_SOURCES = \
	plugins/floppy-disk/disk.h \
	plugins/floppy-disk/drive.c \
	plugins/floppy-disk/geometry.c \
	plugins/floppy-disk/medium.c
plugins_floppy_disk_floppy_disk_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_floppy_disk_floppy_disk_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_floppy_disk_floppy_disk_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/floppy-disk/vmm-floppy-disk.7
endif
