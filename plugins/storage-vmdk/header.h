/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The first sector of a hosted sparse extent (SparseExtentHeader), and of the footer of a stream.
 */
#ifndef VMDK_HEADER_H
#define VMDK_HEADER_H

#include <vmm/block/format.h>

#define SECTOR VMM_BLOCK_SECTOR

#define HEADER_MAGIC   UINT32_C(0x564d444b) /* "KDMV" in the file */
#define HEADER_VERSION 3                    /* the newest that there is */

#define FLAG_NEWLINE    UINT32_C(1)       /* the check bytes are valid */
#define FLAG_REDUNDANT  UINT32_C(2)       /* there is a redundant grain directory */
#define FLAG_ZERO_GRAIN UINT32_C(4)       /* a grain table entry of 1 means zeros */
#define FLAG_COMPRESSED UINT32_C(0x10000) /* grains are */
#define FLAG_MARKERS    UINT32_C(0x20000) /* markers tell what is where */
#define FLAGS_KNOWN     (FLAG_NEWLINE | FLAG_REDUNDANT | FLAG_ZERO_GRAIN | FLAG_COMPRESSED | FLAG_MARKERS)

#define GD_AT_END UINT64_MAX /* gdOffset: see the footer */

#define COMPRESSION_NONE    0
#define COMPRESSION_DEFLATE 1

#define GTES        512u                 /* numGTEsPerGT, as all known programs have it */
#define GTES_MOST   8192u                /* that we take */
#define GRAIN_LEAST 1u                   /* sectors; the specification says more than 8 */
#define GRAIN_MOST  (UINT32_C(1) << 21)  /* 1 GiB, the largest unit of the block kit */
#define SECTOR_MOST UINT64_C(0xffffffff) /* the last one that a table entry can name */

#define MARKER_EOS    0
#define MARKER_GT     1
#define MARKER_GD     2
#define MARKER_FOOTER 3

/* In sectors, if nothing else is said. */
struct header {
	uint32_t version;
	uint32_t flags;
	uint64_t capacity;
	uint64_t grainSize;
	uint64_t descriptorOffset, descriptorSize;
	uint32_t numGTEsPerGT;
	uint64_t rgdOffset, gdOffset;
	uint64_t overHead;
	uint32_t uncleanShutdown;
	uint32_t newline; /* the check bytes are right */
	uint32_t compressAlgorithm;
};

#define HEADER_UNCLEAN_AT 72u /* the byte that says that it is in use */

/* 1 if the sector has the magic. */
uint32_t header_decode(const uint8_t sector[SECTOR], struct header *header);
void header_encode(const struct header *header, uint8_t sector[SECTOR]);
/* Another place for the descriptor; all else in the sector stays as it is. */
void header_place(struct header *header, uint8_t sector[SECTOR], uint64_t offset, uint64_t size);
/* Can one work with these numbers?  `length` is the file's, in bytes.  0, or -EINVAL, -EFBIG or -EOPNOTSUPP; `why` then
 * goes on after the file's name. */
int32_t header_check(const struct header *header, uint64_t length, char why[256], const char **remedy);
/* How many grain tables the capacity needs. */
uint64_t header_tables(const struct header *header);
/* Of a grain table, in sectors. */
uint32_t header_table_sectors(const struct header *header);

#endif
