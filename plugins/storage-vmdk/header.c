/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The header of a hosted sparse extent: "Hosted Sparse Extent Header" of Virtual Disk Format 5.0.
 */
#include "header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where its fields are; the struct is packed. */
#define AT_VERSION     4
#define AT_FLAGS       8
#define AT_CAPACITY    12
#define AT_GRAIN       20
#define AT_DESCRIPTOR  28
#define AT_SIZE        36
#define AT_GTES        44
#define AT_RGD         48
#define AT_GD          56
#define AT_OVERHEAD    64
#define AT_UNCLEAN     HEADER_UNCLEAN_AT
#define AT_NEWLINE     73
#define AT_COMPRESSION 77

static const uint8_t newline[4] = { '\n', ' ', '\r', '\n' };

uint32_t header_decode(const uint8_t sector[SECTOR], struct header *header)
{
	if (vmm_block_le32(sector) != HEADER_MAGIC)
		return 0;
	header->version = vmm_block_le32(sector + AT_VERSION);
	header->flags = vmm_block_le32(sector + AT_FLAGS);
	header->capacity = vmm_block_le64(sector + AT_CAPACITY);
	header->grainSize = vmm_block_le64(sector + AT_GRAIN);
	header->descriptorOffset = vmm_block_le64(sector + AT_DESCRIPTOR);
	/* What is nowhere has no size, whatever stands there. */
	header->descriptorSize = header->descriptorOffset != 0 ? vmm_block_le64(sector + AT_SIZE) : 0;
	header->numGTEsPerGT = vmm_block_le32(sector + AT_GTES);
	header->rgdOffset = vmm_block_le64(sector + AT_RGD);
	header->gdOffset = vmm_block_le64(sector + AT_GD);
	header->overHead = vmm_block_le64(sector + AT_OVERHEAD);
	header->uncleanShutdown = sector[AT_UNCLEAN];
	header->newline = memcmp(sector + AT_NEWLINE, newline, sizeof(newline)) == 0;
	header->compressAlgorithm = vmm_block_le16(sector + AT_COMPRESSION);
	return 1;
}

void header_encode(const struct header *header, uint8_t sector[SECTOR])
{
	memset(sector, 0, SECTOR);
	vmm_block_put_le32(sector, HEADER_MAGIC);
	vmm_block_put_le32(sector + AT_VERSION, header->version);
	vmm_block_put_le32(sector + AT_FLAGS, header->flags);
	vmm_block_put_le64(sector + AT_CAPACITY, header->capacity);
	vmm_block_put_le64(sector + AT_GRAIN, header->grainSize);
	vmm_block_put_le64(sector + AT_DESCRIPTOR, header->descriptorOffset);
	vmm_block_put_le64(sector + AT_SIZE, header->descriptorSize);
	vmm_block_put_le32(sector + AT_GTES, header->numGTEsPerGT);
	vmm_block_put_le64(sector + AT_RGD, header->rgdOffset);
	vmm_block_put_le64(sector + AT_GD, header->gdOffset);
	vmm_block_put_le64(sector + AT_OVERHEAD, header->overHead);
	sector[AT_UNCLEAN] = (uint8_t)header->uncleanShutdown;
	memcpy(sector + AT_NEWLINE, newline, sizeof(newline));
	vmm_block_put_le16(sector + AT_COMPRESSION, (uint16_t)header->compressAlgorithm);
}

void header_place(struct header *header, uint8_t sector[SECTOR], uint64_t offset, uint64_t size)
{
	header->descriptorOffset = offset;
	header->descriptorSize = size;
	vmm_block_put_le64(sector + AT_DESCRIPTOR, offset);
	vmm_block_put_le64(sector + AT_SIZE, size);
}

uint64_t header_tables(const struct header *header)
{
	uint64_t grains = header->capacity / header->grainSize + (header->capacity % header->grainSize != 0);
	return grains / header->numGTEsPerGT + (grains % header->numGTEsPerGT != 0);
}

uint32_t header_table_sectors(const struct header *header)
{
	return (header->numGTEsPerGT * 4 + SECTOR - 1) / SECTOR;
}

/* Is [offset, offset + size) inside the file? */
static uint32_t inside(uint64_t offset, uint64_t size, uint64_t length)
{
	uint64_t sectors = length / SECTOR;
	return offset > 0 && offset < sectors && size <= sectors - offset;
}

int32_t header_check(const struct header *header, uint64_t length, char why[256], const char **remedy)
{
	*remedy = "take the disk from a backup; what can still be read vmm disk check FILE tells";
	if (header->version == 0 || header->version > HEADER_VERSION) {
		snprintf(why, 256, "is of version %u, and vmm knows 1 to %u", header->version, HEADER_VERSION);
		*remedy = "convert it with the program that made it";
		return -EOPNOTSUPP;
	}
	if ((header->flags & FLAG_NEWLINE) != 0 && !header->newline) {
		snprintf(why, 256, "was damaged by a transfer that took it for text and changed its line ends");
		*remedy = "transfer it again in binary mode";
		return -EINVAL;
	}
	/* The upper half of the flags says what a reader must understand; all of it is. */
	if ((header->flags & ~FLAGS_KNOWN) != 0) {
		snprintf(why, 256, "has the unknown flags 0x%x", header->flags & ~FLAGS_KNOWN);
		return -EOPNOTSUPP;
	}
	if (header->capacity == 0 || header->capacity > VMM_BLOCK_LENGTH_MAXIMUM / SECTOR) {
		snprintf(why, 256, "has a capacity of %llu sectors", (unsigned long long)header->capacity);
		return -EINVAL;
	}
	if (header->grainSize < GRAIN_LEAST || header->grainSize > GRAIN_MOST ||
		(header->grainSize & (header->grainSize - 1)) != 0) {
		snprintf(why, 256, "has grains of %llu sectors, which must be a power of 2 and at most %u",
			(unsigned long long)header->grainSize, GRAIN_MOST);
		return -EINVAL;
	}
	if (header->numGTEsPerGT == 0 || header->numGTEsPerGT > GTES_MOST) {
		snprintf(why, 256, "has grain tables of %u entries, and vmm takes 1 to %u", header->numGTEsPerGT,
			GTES_MOST);
		return -EINVAL;
	}
	if (((header->flags & FLAG_COMPRESSED) != 0) != (header->compressAlgorithm != COMPRESSION_NONE) ||
		header->compressAlgorithm > COMPRESSION_DEFLATE) {
		snprintf(why, 256, "has the compression %u with the flags 0x%x", header->compressAlgorithm,
			header->flags);
		return -EOPNOTSUPP;
	}
	if ((header->flags & (FLAG_MARKERS | FLAG_COMPRESSED)) == FLAG_MARKERS) {
		snprintf(
			why, 256, "has markers, and grains that are not compressed, which no program is known to make");
		return -EOPNOTSUPP;
	}
	/* The tables are in the file: so their number, and the memory for them, is bounded by its length. */
	uint64_t size = (header_tables(header) * 4 + SECTOR - 1) / SECTOR;
	if (header->gdOffset != GD_AT_END && !inside(header->gdOffset, size, length)) {
		*remedy = "have vmm disk check look whether the redundant directory is right, which repair goes by";
		snprintf(why, 256, "has its grain directory at sector %llu, of %llu sectors, which is not in the file",
			(unsigned long long)header->gdOffset, (unsigned long long)size);
		return -EINVAL;
	}
	if ((header->flags & FLAG_REDUNDANT) != 0 && header->rgdOffset != 0 &&
		!inside(header->rgdOffset, size, length)) {
		*remedy = "have vmm disk repair make a new one";
		snprintf(why, 256, "has its redundant grain directory at sector %llu, which is not in the file",
			(unsigned long long)header->rgdOffset);
		return -EINVAL;
	}
	if (header->descriptorOffset != 0 && !inside(header->descriptorOffset, header->descriptorSize, length)) {
		snprintf(why, 256, "has its descriptor at sector %llu, of %llu sectors, which is not in the file",
			(unsigned long long)header->descriptorOffset, (unsigned long long)header->descriptorSize);
		return -EINVAL;
	}
	return 0;
}
