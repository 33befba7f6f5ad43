# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_STORAGE_QCOW2
QCOW2_PARTS = \
	plugins/storage-qcow2/allocate.c \
	plugins/storage-qcow2/cache.c \
	plugins/storage-qcow2/check.c \
	plugins/storage-qcow2/check.h \
	plugins/storage-qcow2/check_tables.c \
	plugins/storage-qcow2/compact.c \
	plugins/storage-qcow2/counts.c \
	plugins/storage-qcow2/create.c \
	plugins/storage-qcow2/header.c \
	plugins/storage-qcow2/l2.c \
	plugins/storage-qcow2/map.c \
	plugins/storage-qcow2/overlap.c \
	plugins/storage-qcow2/packed.c \
	plugins/storage-qcow2/qcow2.h \
	plugins/storage-qcow2/refcount.c \
	plugins/storage-qcow2/resize.c \
	plugins/storage-qcow2/snapshot.c \
	plugins/storage-qcow2/sync.c \
	plugins/storage-qcow2/zero.c
QCOW2_SOURCES = plugins/storage-qcow2/qcow2.c $(QCOW2_PARTS)
QCOW2_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
QCOW2_LIBS = sdk/block/libvmm-block.la $(ZLIB_LIBS) $(ZSTD_LIBS)
plugin_LTLIBRARIES += plugins/storage-qcow2/storage-qcow2.la
plugins_storage_qcow2_storage_qcow2_la_SOURCES = plugins/storage-qcow2/plugin.c $(QCOW2_SOURCES)
plugins_storage_qcow2_storage_qcow2_la_CPPFLAGS = $(QCOW2_CPPFLAGS)
plugins_storage_qcow2_storage_qcow2_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_storage_qcow2_storage_qcow2_la_LIBADD = $(QCOW2_LIBS)
dist_man7_MANS += plugins/storage-qcow2/vmm-storage-qcow2.7

check_PROGRAMS += tests/disk/property_qcow2 tests/disk/crash_qcow2
TESTS += tests/disk/property_qcow2 tests/disk/crash_qcow2
tests_disk_property_qcow2_SOURCES = $(DISK_PROPERTY) $(QCOW2_SOURCES)
tests_disk_property_qcow2_CPPFLAGS = $(QCOW2_CPPFLAGS) -DSUBJECT=vmm_qcow2_format -DSUBJECT_VARIANTS='"v3|v2"'
tests_disk_property_qcow2_LDADD = $(QCOW2_LIBS)
tests_disk_crash_qcow2_SOURCES = $(DISK_CRASH) $(QCOW2_SOURCES)
tests_disk_crash_qcow2_CPPFLAGS = $(QCOW2_CPPFLAGS) -DSUBJECT=vmm_qcow2_format -DSUBJECT_VARIANTS='"v3|v2"'
tests_disk_crash_qcow2_LDADD = $(QCOW2_LIBS)
check_PROGRAMS += tests/disk/property_qcow2_tuned tests/disk/crash_qcow2_tuned
TESTS += tests/disk/property_qcow2_tuned tests/disk/crash_qcow2_tuned
QCOW2_TUNED = tests/disk/qcow2_tuned.c $(QCOW2_PARTS)
tests_disk_property_qcow2_tuned_SOURCES = $(DISK_PROPERTY) $(QCOW2_TUNED)
tests_disk_property_qcow2_tuned_CPPFLAGS = $(QCOW2_CPPFLAGS) -I$(top_srcdir) -iquote $(top_srcdir)/plugins/storage-qcow2 \
	-DSUBJECT=vmm_qcow2_tuned
tests_disk_property_qcow2_tuned_LDADD = $(QCOW2_LIBS)
tests_disk_crash_qcow2_tuned_SOURCES = $(DISK_CRASH) $(QCOW2_TUNED)
tests_disk_crash_qcow2_tuned_CPPFLAGS = $(tests_disk_property_qcow2_tuned_CPPFLAGS)
tests_disk_crash_qcow2_tuned_LDADD = $(QCOW2_LIBS)
check_PROGRAMS += tests/disk/crash_whole_qcow2
TESTS += tests/disk/crash_whole_qcow2
tests_disk_crash_whole_qcow2_SOURCES = tests/disk/crash_whole.c tests/disk/subject.c tests/disk/subject.h $(QCOW2_SOURCES)
tests_disk_crash_whole_qcow2_CPPFLAGS = $(tests_disk_property_qcow2_CPPFLAGS)
tests_disk_crash_whole_qcow2_LDADD = $(QCOW2_LIBS)
check_PROGRAMS += tests/disk/crash_whole_qcow2_tuned
TESTS += tests/disk/crash_whole_qcow2_tuned
tests_disk_crash_whole_qcow2_tuned_SOURCES = tests/disk/crash_whole.c tests/disk/subject.c tests/disk/subject.h $(QCOW2_TUNED)
tests_disk_crash_whole_qcow2_tuned_CPPFLAGS = $(tests_disk_property_qcow2_tuned_CPPFLAGS)
tests_disk_crash_whole_qcow2_tuned_LDADD = $(QCOW2_LIBS)
check_PROGRAMS += tests/disk/fault_qcow2
TESTS += tests/disk/fault_qcow2
tests_disk_fault_qcow2_SOURCES = tests/disk/fault.c tests/disk/subject.c tests/disk/subject.h $(QCOW2_TUNED)
tests_disk_fault_qcow2_CPPFLAGS = $(tests_disk_property_qcow2_tuned_CPPFLAGS)
tests_disk_fault_qcow2_LDADD = $(QCOW2_LIBS)

check_PROGRAMS += tests/disk/tool_qcow2
tests_disk_tool_qcow2_SOURCES = tests/disk/tool.c $(QCOW2_SOURCES)
tests_disk_tool_qcow2_CPPFLAGS = $(QCOW2_CPPFLAGS) -DSUBJECT=vmm_qcow2_format
tests_disk_tool_qcow2_LDADD = $(QCOW2_LIBS)
TESTS += tests/disk/qcow2.py
dist_check_SCRIPTS += tests/disk/qcow2.py
EXTRA_DIST += tests/disk/tools.py

if HAVE_CHECK
check_PROGRAMS += tests/unit/qcow2_tables
TESTS += tests/unit/qcow2_tables
tests_unit_qcow2_tables_SOURCES = tests/unit/qcow2_tables.c $(QCOW2_SOURCES)
tests_unit_qcow2_tables_CPPFLAGS = $(QCOW2_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS)
tests_unit_qcow2_tables_LDADD = $(QCOW2_LIBS) $(CHECK_LIBS)
endif

if FUZZERS
check_PROGRAMS += tests/fuzz/storage-qcow2
tests_fuzz_storage_qcow2_SOURCES = tests/fuzz/image.c tests/fuzz/image.h tests/fuzz/image_qcow2.c tests/fuzz/input.h $(QCOW2_SOURCES)
tests_fuzz_storage_qcow2_CPPFLAGS = $(QCOW2_CPPFLAGS) -I$(top_srcdir) -DFUZZ_FORMAT=vmm_qcow2_format
tests_fuzz_storage_qcow2_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer -rdynamic -no-install
tests_fuzz_storage_qcow2_LDADD = $(QCOW2_LIBS)
endif
endif
