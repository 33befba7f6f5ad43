/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What making disks and making them longer share.
 */
#ifndef VMDK_CREATE_H
#define VMDK_CREATE_H

#include "vmdk.h"

#define SPLIT_SECTORS UINT64_C(4192256) /* of an extent of the twoGbMaxExtent variants: 2047 MiB */

/* Heads and sectors as VMware chooses them for an adapter, and the cylinders. */
struct geometry {
	uint64_t cylinders;
	uint32_t heads, sectors;
};
/* The cylinders, of heads and sectors that are given. */
void geometry_fit(uint64_t sectors, struct geometry *geometry);
void geometry_make(uint64_t sectors, const char *adapter, struct geometry *geometry);

/* Where everything is in a new hosted sparse extent; capacity, grainSize, flags, version and descriptorSize are set. */
int32_t layout_make(struct header *header);
/* Write its header and its directories; the tables are zeros.  The file is new. */
int32_t layout_write(struct vmm_block_file *file, const struct header *header);
/* "disk.vmdk" and "-s001": "disk-s001.vmdk". */
int32_t name_make(const char *path, const char *suffix, char *result, uint32_t size);
const char *name_base(const char *path);
/* A new file of an extent. */
int32_t flat_new(const char *path, uint64_t sectors);
int32_t sparse_new_file(const char *path, uint64_t sectors, const struct header *like);

#endif
