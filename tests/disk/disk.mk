# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Tests of image formats.  A format's own fragment adds two programs, with its sources instead of vmm_block_raw's:
#   check_PROGRAMS += tests/disk/property_NAME tests/disk/crash_NAME
#   TESTS += tests/disk/property_NAME tests/disk/crash_NAME
#   tests_disk_property_NAME_SOURCES = $(DISK_PROPERTY) $(plugins_storage_NAME_storage_NAME_la_SOURCES)
#   tests_disk_property_NAME_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=FORMAT -DSUBJECT_VARIANTS='"A|B"'
#   tests_disk_property_NAME_LDADD = sdk/block/libvmm-block.la (and libraries of its own)
# and the same for crash with $(DISK_CRASH).  FORMAT is the struct vmm_block_format, not static; without SUBJECT_VARIANTS
# all variants that create knows are tried.
DISK_PROPERTY = tests/disk/property.c tests/disk/subject.c tests/disk/subject.h
DISK_CRASH = tests/disk/crash.c tests/disk/subject.c tests/disk/subject.h
check_PROGRAMS += tests/disk/property_raw tests/disk/crash_raw
TESTS += tests/disk/property_raw tests/disk/crash_raw
tests_disk_property_raw_SOURCES = $(DISK_PROPERTY)
tests_disk_property_raw_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmm_block_raw
tests_disk_property_raw_LDADD = sdk/block/libvmm-block.la
tests_disk_crash_raw_SOURCES = $(DISK_CRASH)
tests_disk_crash_raw_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmm_block_raw
tests_disk_crash_raw_LDADD = sdk/block/libvmm-block.la
if HAVE_CHECK
check_PROGRAMS += tests/unit/block_kit tests/unit/block_queue tests/unit/block_backup
TESTS += tests/unit/block_kit tests/unit/block_queue tests/unit/block_backup
tests_unit_block_backup_SOURCES = tests/unit/block_backup.c
tests_unit_block_backup_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_block_backup_LDADD = sdk/block/libvmm-block.la $(CHECK_LIBS)
tests_unit_block_queue_SOURCES = tests/unit/block_queue.c
tests_unit_block_queue_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_block_queue_LDADD = sdk/block/libvmm-block.la $(CHECK_LIBS)
tests_unit_block_kit_SOURCES = tests/unit/block_kit.c
tests_unit_block_kit_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_block_kit_LDADD = sdk/block/libvmm-block.la $(CHECK_LIBS)
endif
TESTS += tests/disk/command.py
dist_check_SCRIPTS += tests/disk/command.py
check_PROGRAMS += tests/disk/property_delta tests/disk/crash_delta
TESTS += tests/disk/property_delta tests/disk/crash_delta
tests_disk_property_delta_SOURCES = $(DISK_PROPERTY)
tests_disk_property_delta_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmm_block_delta -DSUBJECT_BASE=vmm_block_raw
tests_disk_property_delta_LDADD = sdk/block/libvmm-block.la
tests_disk_crash_delta_SOURCES = $(DISK_CRASH)
tests_disk_crash_delta_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmm_block_delta -DSUBJECT_BASE=vmm_block_raw
tests_disk_crash_delta_LDADD = sdk/block/libvmm-block.la
EXTRA_DIST += tests/bench/disk_images.py tests/disk/host.h
