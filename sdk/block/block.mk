# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# The block kit: what every image format shares (docs/disks.md).
noinst_LTLIBRARIES += sdk/block/libvmm-block.la
sdk_block_libvmm_block_la_SOURCES = sdk/block/bytes.c
sdk_block_libvmm_block_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(URING_CPPFLAGS)
sdk_block_libvmm_block_la_LIBADD = $(URING_LIBS)
vmmblockdir = $(includedir)/vmm/block
vmmblock_HEADERS = sdk/include/vmm/block/file.h sdk/include/vmm/block/format.h sdk/include/vmm/block/image.h
