# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_FLOPPY_82077
plugin_LTLIBRARIES += plugins/floppy-82077/floppy-82077.la
plugins_floppy_82077_floppy_82077_la_SOURCES = \
	plugins/floppy-82077/command.c \
	plugins/floppy-82077/drives.c \
	plugins/floppy-82077/execute.c \
	plugins/floppy-82077/fdc.c \
	plugins/floppy-82077/fdc.h
plugins_floppy_82077_floppy_82077_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_floppy_82077_floppy_82077_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_floppy_82077_floppy_82077_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/floppy-82077/vmm-floppy-82077.7
endif
