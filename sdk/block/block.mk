# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# The block kit: what every image format shares (docs/disks.md).
noinst_LTLIBRARIES += sdk/block/libvmm-block.la
sdk_block_libvmm_block_la_SOURCES = sdk/block/allocate.c sdk/block/backup.c sdk/block/bytes.c sdk/block/cd.c sdk/block/change.c sdk/block/control.c sdk/block/control.h \
	sdk/block/cursor.c sdk/block/delta.c sdk/block/disk.c sdk/block/extent.c sdk/block/factory.c sdk/block/file.c sdk/block/file_io.c \
	sdk/block/foreign.c sdk/block/gate.c sdk/block/image.c sdk/block/kit.h sdk/block/lock.c sdk/block/overlay.c sdk/block/params.c sdk/block/path.c \
	sdk/block/place.c sdk/block/plugin.c sdk/block/queue.c sdk/block/queue.h sdk/block/range.c \
	sdk/block/raw.c sdk/block/ring.c sdk/block/track.c sdk/block/transfer.c
sdk_block_libvmm_block_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(URING_CPPFLAGS)
sdk_block_libvmm_block_la_LIBADD = sdk/kit/libvmm-kit.la $(URING_LIBS)
vmmblockdir = $(includedir)/vmm/block
vmmblock_HEADERS = sdk/include/vmm/block/file.h sdk/include/vmm/block/format.h sdk/include/vmm/block/image.h \
	sdk/include/vmm/block/plugin.h
EXTRA_DIST += docs/disks.md
