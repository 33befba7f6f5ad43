/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What was written becomes durable: the grains first, then the tables that name them, then the directories.
 *
 * A table's entries do not depend on each other, and each lies within one sector, so it does no harm if power fails
 * between two sectors of a table: either value of an entry is true to what had been flushed.
 */
#include "sparse.h"

#include <errno.h>
#include <string.h>

int32_t sparse_header_write(struct sparse *sparse)
{
	header_encode(&sparse->header, sparse->sector);
	return vmm_block_file_write(sparse->part->file, sparse->sector, SECTOR, 0);
}

/* Of the header only this byte changes: what we do not know in it stays. */
int32_t sparse_mark(struct sparse *sparse, uint32_t unclean)
{
	sparse->sector[HEADER_UNCLEAN_AT] = (uint8_t)unclean;
	int32_t status = vmm_block_file_write(sparse->part->file, sparse->sector, SECTOR, 0);
	if (status == 0) {
		sparse->is_marked = unclean;
		sparse->header.uncleanShutdown = unclean;
	}
	return status;
}

static uint32_t is_changed(const struct sparse *sparse)
{
	return sparse->is_writable && (sparse->dirty.count > 0 || sparse->gd_dirty);
}

static int32_t parts_sync(struct vmdk *vmdk)
{
	for (uint32_t i = 0; i < vmdk->part_count; i++) {
		int32_t status = vmdk->parts[i]->is_readonly ? 0 : vmm_block_file_sync(vmdk->parts[i]->file);
		if (status < 0)
			return status;
	}
	return 0;
}

/* The tables of one extent, whose grains are on the disk. */
static int32_t tables_sync(struct sparse *sparse)
{
	int32_t status = tables_write(sparse);
	if (status == 0)
		status = vmm_block_file_sync(sparse->part->file);
	if (status == 0 && sparse->gd_dirty) {
		status = directories_write(sparse);
		if (status == 0)
			status = vmm_block_file_sync(sparse->part->file);
		if (status == 0)
			sparse->gd_dirty = 0;
	}
	if (status == 0) {
		tables_settle(sparse);
		space_settle(sparse);
	}
	return status;
}

int32_t vmdk_sync(struct vmm_block_image *image)
{
	struct vmdk *vmdk = vmdk_of(image);
	int32_t status = 0;
	if (vmdk->pack != NULL)
		return pack_finish(vmdk);
	/* The mark of use goes to the disk with the grains, and so before any table. */
	for (uint32_t i = 0; i < vmdk->extent_count && status == 0; i++) {
		struct sparse *sparse = vmdk->extents[i].sparse;
		if (sparse != NULL && is_changed(sparse) && !sparse->is_marked)
			status = sparse_mark(sparse, 1);
	}
	if (status == 0)
		status = parts_sync(vmdk);
	for (uint32_t i = 0; i < vmdk->extent_count && status == 0; i++) {
		struct sparse *sparse = vmdk->extents[i].sparse;
		if (sparse != NULL && is_changed(sparse))
			status = tables_sync(sparse);
	}
	return status;
}

/* Everything of this extent is on the disk: say so there, last. */
static void sparse_finish(struct sparse *sparse)
{
	uint64_t length = sparse->end * SECTOR;
	if (!sparse->is_writable || is_changed(sparse))
		return;
	if (length < sparse->length && vmm_block_file_truncate(sparse->part->file, length) == 0)
		sparse->length = length;
	if (sparse->is_marked && !sparse->keeps_mark && vmm_block_file_sync(sparse->part->file) == 0 &&
		sparse_mark(sparse, 0) == 0)
		(void)vmm_block_file_sync(sparse->part->file);
}

void vmdk_finish(struct vmdk *vmdk)
{
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		if (vmdk->extents[i].sparse != NULL)
			sparse_finish(vmdk->extents[i].sparse);
	}
}
