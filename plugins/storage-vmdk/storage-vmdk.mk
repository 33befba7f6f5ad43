# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_STORAGE_VMDK
# The format without the plugin's entry, which tests link.
noinst_LTLIBRARIES += plugins/storage-vmdk/libvmdk.la
plugins_storage_vmdk_libvmdk_la_SOURCES = \
	plugins/storage-vmdk/chain.c \
	plugins/storage-vmdk/check.c \
	plugins/storage-vmdk/check.h \
	plugins/storage-vmdk/check_hosted.c \
	plugins/storage-vmdk/check_stream.c \
	plugins/storage-vmdk/compact.c \
	plugins/storage-vmdk/cowd.c \
	plugins/storage-vmdk/create.c \
	plugins/storage-vmdk/create.h \
	plugins/storage-vmdk/descriptor.c \
	plugins/storage-vmdk/descriptor.h \
	plugins/storage-vmdk/directory.c \
	plugins/storage-vmdk/encoding.c \
	plugins/storage-vmdk/extent.c \
	plugins/storage-vmdk/grow.c \
	plugins/storage-vmdk/header.c \
	plugins/storage-vmdk/header.h \
	plugins/storage-vmdk/info.c \
	plugins/storage-vmdk/layout.c \
	plugins/storage-vmdk/lock.c \
	plugins/storage-vmdk/map.c \
	plugins/storage-vmdk/pack.c \
	plugins/storage-vmdk/recover.c \
	plugins/storage-vmdk/remake.c \
	plugins/storage-vmdk/resize.c \
	plugins/storage-vmdk/sesparse.c \
	plugins/storage-vmdk/space.c \
	plugins/storage-vmdk/sparse.c \
	plugins/storage-vmdk/sparse.h \
	plugins/storage-vmdk/store.c \
	plugins/storage-vmdk/stream.c \
	plugins/storage-vmdk/survey.c \
	plugins/storage-vmdk/survey.h \
	plugins/storage-vmdk/sync.c \
	plugins/storage-vmdk/table.c \
	plugins/storage-vmdk/vmdk.c \
	plugins/storage-vmdk/vmdk.h
plugins_storage_vmdk_libvmdk_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(ZLIB_CFLAGS)

dist_man7_MANS += plugins/storage-vmdk/vmm-storage-vmdk.7
plugin_LTLIBRARIES += plugins/storage-vmdk/storage-vmdk.la
plugins_storage_vmdk_storage_vmdk_la_SOURCES = plugins/storage-vmdk/plugin.c
plugins_storage_vmdk_storage_vmdk_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_storage_vmdk_storage_vmdk_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_storage_vmdk_storage_vmdk_la_LIBADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)

# Against other programs, and odd and broken images; and what drives vmm in them.
TESTS += tests/disk/vmdk.py tests/disk/vmdk_rows.py
dist_check_SCRIPTS += tests/disk/vmdk.py tests/disk/vmdk_rows.py tests/disk/vmdk_images.py
check_PROGRAMS += tests/disk/vmdk_tool
tests_disk_vmdk_tool_SOURCES = tests/disk/vmdk_tool.c
tests_disk_vmdk_tool_CPPFLAGS = $(PLUGIN_CPPFLAGS) -iquote $(top_srcdir)/plugins/storage-vmdk
tests_disk_vmdk_tool_LDADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)

if HAVE_CHECK
unit_vmdk = tests/unit/vmdk_cut tests/unit/vmdk_descriptor tests/unit/vmdk_write
check_PROGRAMS += $(unit_vmdk)
TESTS += $(unit_vmdk)
VMDK_UNIT_CPPFLAGS = $(PLUGIN_CPPFLAGS) -iquote $(top_srcdir)/plugins/storage-vmdk $(CHECK_CFLAGS)
VMDK_UNIT_LIBS = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS) $(CHECK_LIBS)
tests_unit_vmdk_cut_SOURCES = tests/unit/vmdk_cut.c
tests_unit_vmdk_cut_CPPFLAGS = $(VMDK_UNIT_CPPFLAGS)
tests_unit_vmdk_cut_LDADD = $(VMDK_UNIT_LIBS)
tests_unit_vmdk_descriptor_SOURCES = tests/unit/vmdk_descriptor.c
tests_unit_vmdk_descriptor_CPPFLAGS = $(VMDK_UNIT_CPPFLAGS)
tests_unit_vmdk_descriptor_LDADD = $(VMDK_UNIT_LIBS)
tests_unit_vmdk_write_SOURCES = tests/unit/vmdk_write.c
tests_unit_vmdk_write_CPPFLAGS = $(VMDK_UNIT_CPPFLAGS)
tests_unit_vmdk_write_LDADD = $(VMDK_UNIT_LIBS)
endif

if FUZZERS
check_PROGRAMS += tests/fuzz/storage-vmdk
tests_fuzz_storage_vmdk_SOURCES = tests/fuzz/image.c tests/fuzz/image.h tests/fuzz/image_vmdk.c tests/fuzz/input.h
tests_fuzz_storage_vmdk_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir) -iquote $(top_srcdir)/plugins/storage-vmdk \
	-DFUZZ_FORMAT=vmdk_format
tests_fuzz_storage_vmdk_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_storage_vmdk_LDADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)
endif

# The kit's own tests, over what a guest can write.
VMDK_SUBJECT = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmdk_format \
	-DSUBJECT_VARIANTS='"monolithicSparse|monolithicFlat|twoGbMaxExtentSparse|twoGbMaxExtentFlat|vmfs"'
check_PROGRAMS += tests/disk/property_vmdk tests/disk/crash_vmdk
TESTS += tests/disk/property_vmdk tests/disk/crash_vmdk
tests_disk_property_vmdk_SOURCES = $(DISK_PROPERTY)
tests_disk_property_vmdk_CPPFLAGS = $(VMDK_SUBJECT)
tests_disk_property_vmdk_LDADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)
tests_disk_crash_vmdk_SOURCES = $(DISK_CRASH)
tests_disk_crash_vmdk_CPPFLAGS = $(VMDK_SUBJECT)
tests_disk_crash_vmdk_LDADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)
endif
# Of one file, which is what this test cuts.
check_PROGRAMS += tests/disk/crash_whole_vmdk
TESTS += tests/disk/crash_whole_vmdk
tests_disk_crash_whole_vmdk_SOURCES = tests/disk/crash_whole.c tests/disk/subject.c tests/disk/subject.h
tests_disk_crash_whole_vmdk_CPPFLAGS = $(PLUGIN_CPPFLAGS) -DSUBJECT=vmdk_format -DSUBJECT_VARIANTS='"monolithicSparse"'
tests_disk_crash_whole_vmdk_LDADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)
# With a descriptor that has to move.
VMDK_TUNED_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir) -iquote $(top_srcdir)/plugins/storage-vmdk -DSUBJECT=vmdk_format
check_PROGRAMS += tests/disk/property_vmdk_tuned tests/disk/crash_whole_vmdk_tuned
TESTS += tests/disk/property_vmdk_tuned tests/disk/crash_whole_vmdk_tuned
tests_disk_property_vmdk_tuned_SOURCES = $(DISK_PROPERTY) tests/disk/vmdk_tuned.c
tests_disk_property_vmdk_tuned_CPPFLAGS = $(VMDK_TUNED_CPPFLAGS)
tests_disk_property_vmdk_tuned_LDADD = plugins/storage-vmdk/libvmdk.la sdk/block/libvmm-block.la $(ZLIB_LIBS)
tests_disk_crash_whole_vmdk_tuned_SOURCES = $(tests_disk_crash_whole_vmdk_SOURCES) tests/disk/vmdk_tuned.c
tests_disk_crash_whole_vmdk_tuned_CPPFLAGS = $(VMDK_TUNED_CPPFLAGS) -DDRAWS=3
tests_disk_crash_whole_vmdk_tuned_LDADD = $(tests_disk_property_vmdk_tuned_LDADD)
