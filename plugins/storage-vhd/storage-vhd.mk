# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_STORAGE_VHD
VHD_PARTS = \
	plugins/storage-vhd/bitmap.c \
	plugins/storage-vhd/block.c \
	plugins/storage-vhd/check.c \
	plugins/storage-vhd/compact.c \
	plugins/storage-vhd/create.c \
	plugins/storage-vhd/footer.c \
	plugins/storage-vhd/header.c \
	plugins/storage-vhd/locator.c \
	plugins/storage-vhd/rebase.c \
	plugins/storage-vhd/resize.c \
	plugins/storage-vhd/slot.c \
	plugins/storage-vhd/sync.c \
	plugins/storage-vhd/vhd.h
VHD_SOURCES = plugins/storage-vhd/vhd.c $(VHD_PARTS)
plugin_LTLIBRARIES += plugins/storage-vhd/storage-vhd.la
plugins_storage_vhd_storage_vhd_la_SOURCES = plugins/storage-vhd/plugin.c $(VHD_SOURCES)
plugins_storage_vhd_storage_vhd_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_storage_vhd_storage_vhd_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_storage_vhd_storage_vhd_la_LIBADD = sdk/block/libvmm-block.la
dist_man7_MANS += plugins/storage-vhd/vmm-storage-vhd.7

check_PROGRAMS += tests/disk/property_vhd tests/disk/crash_vhd
TESTS += tests/disk/property_vhd tests/disk/crash_vhd
tests_disk_property_vhd_SOURCES = $(DISK_PROPERTY) $(VHD_SOURCES)
tests_disk_property_vhd_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmm_vhd_format -DSUBJECT_VARIANTS='"dynamic|fixed"'
tests_disk_property_vhd_LDADD = sdk/block/libvmm-block.la
tests_disk_crash_vhd_SOURCES = $(DISK_CRASH) $(VHD_SOURCES)
tests_disk_crash_vhd_CPPFLAGS = $(tests_disk_property_vhd_CPPFLAGS)
tests_disk_crash_vhd_LDADD = sdk/block/libvmm-block.la
check_PROGRAMS += tests/disk/property_vhd_tuned tests/disk/crash_vhd_tuned
TESTS += tests/disk/property_vhd_tuned tests/disk/crash_vhd_tuned
VHD_TUNED = tests/disk/vhd_tuned.c $(VHD_PARTS)
tests_disk_property_vhd_tuned_SOURCES = $(DISK_PROPERTY) $(VHD_TUNED)
tests_disk_property_vhd_tuned_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir) -iquote $(top_srcdir)/plugins/storage-vhd \
	-DSUBJECT=vmm_vhd_format
tests_disk_property_vhd_tuned_LDADD = sdk/block/libvmm-block.la
tests_disk_crash_vhd_tuned_SOURCES = $(DISK_CRASH) $(VHD_TUNED)
tests_disk_crash_vhd_tuned_CPPFLAGS = $(tests_disk_property_vhd_tuned_CPPFLAGS)
tests_disk_crash_vhd_tuned_LDADD = sdk/block/libvmm-block.la

check_PROGRAMS += tests/disk/crash_whole_vhd
TESTS += tests/disk/crash_whole_vhd
tests_disk_crash_whole_vhd_SOURCES = tests/disk/crash_whole.c tests/disk/subject.c tests/disk/subject.h $(VHD_SOURCES)
tests_disk_crash_whole_vhd_CPPFLAGS = $(tests_disk_property_vhd_CPPFLAGS)
tests_disk_crash_whole_vhd_LDADD = sdk/block/libvmm-block.la
check_PROGRAMS += tests/disk/crash_whole_vhd_tuned
TESTS += tests/disk/crash_whole_vhd_tuned
tests_disk_crash_whole_vhd_tuned_SOURCES = tests/disk/crash_whole.c tests/disk/subject.c tests/disk/subject.h $(VHD_TUNED)
tests_disk_crash_whole_vhd_tuned_CPPFLAGS = $(tests_disk_property_vhd_tuned_CPPFLAGS)
tests_disk_crash_whole_vhd_tuned_LDADD = sdk/block/libvmm-block.la
check_PROGRAMS += tests/disk/fault_vhd
TESTS += tests/disk/fault_vhd
tests_disk_fault_vhd_SOURCES = tests/disk/fault.c tests/disk/subject.c tests/disk/subject.h $(VHD_TUNED)
tests_disk_fault_vhd_CPPFLAGS = $(tests_disk_property_vhd_tuned_CPPFLAGS)
tests_disk_fault_vhd_LDADD = sdk/block/libvmm-block.la

check_PROGRAMS += tests/disk/tool_vhd
tests_disk_tool_vhd_SOURCES = tests/disk/tool.c $(VHD_SOURCES)
tests_disk_tool_vhd_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmm_vhd_format
tests_disk_tool_vhd_LDADD = sdk/block/libvmm-block.la
TESTS += tests/disk/vhd.py
dist_check_SCRIPTS += tests/disk/vhd.py

if HAVE_CHECK
check_PROGRAMS += tests/unit/vhd_tables
TESTS += tests/unit/vhd_tables
tests_unit_vhd_tables_SOURCES = tests/unit/vhd_tables.c $(VHD_SOURCES)
tests_unit_vhd_tables_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS)
tests_unit_vhd_tables_LDADD = sdk/block/libvmm-block.la $(CHECK_LIBS)
endif

if FUZZERS
check_PROGRAMS += tests/fuzz/storage-vhd
tests_fuzz_storage_vhd_SOURCES = tests/fuzz/image.c tests/fuzz/image.h tests/fuzz/image_vhd.c tests/fuzz/input.h $(VHD_SOURCES)
tests_fuzz_storage_vhd_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir) -DFUZZ_FORMAT=vmm_vhd_format
tests_fuzz_storage_vhd_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer -rdynamic -no-install
tests_fuzz_storage_vhd_LDADD = sdk/block/libvmm-block.la
endif
endif
