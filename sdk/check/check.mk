# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
noinst_LTLIBRARIES += sdk/check/libfake.la
sdk_check_libfake_la_SOURCES = \
	sdk/check/fake_cpu.c \
	sdk/check/fake_host.c \
	sdk/check/fake_host.h \
	sdk/check/fake_io.c \
	sdk/check/fake_link.c \
	sdk/check/fake_memory.c \
	sdk/check/fake_misc.c \
	sdk/check/fake_peer.c \
	sdk/check/fake_peer.h \
	sdk/check/fake_peer_bus.c \
	sdk/check/fake_peer_display.c \
	sdk/check/fake_peer_dma.c \
	sdk/check/fake_peer_floppy.c \
	sdk/check/fake_peer_speaker.c \
	sdk/check/fake_peer_ide.c \
	sdk/check/fake_peer_net.c \
	sdk/check/fake_peer_storage.c \
	sdk/check/fake_setting.c \
	sdk/check/fake_state.c \
	sdk/check/fake_time.c
sdk_check_libfake_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)

bin_PROGRAMS += sdk/check/vmm-plugin-check
sdk_check_vmm_plugin_check_SOURCES = \
	sdk/check/check.h \
	sdk/check/check_file.c \
	sdk/check/check_life.c \
	sdk/check/check_state.c \
	sdk/check/drive.c \
	sdk/check/main.c \
	sdk/check/rig.c
sdk_check_vmm_plugin_check_CPPFLAGS = $(PLUGIN_CPPFLAGS)
sdk_check_vmm_plugin_check_LDADD = sdk/check/libfake.la
dist_man1_MANS += sdk/check/vmm-plugin-check.1
