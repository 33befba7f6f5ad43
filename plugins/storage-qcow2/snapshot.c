/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The table of internal snapshots, which is kept and never written.
 */
#include <stdio.h>

#include "qcow2.h"

/* Offsets in an entry of the snapshot table. */
enum {
	SNAPSHOT_L1_OFFSET = 0,
	SNAPSHOT_L1_SIZE = 8,
	SNAPSHOT_ID_SIZE = 12,
	SNAPSHOT_NAME_SIZE = 14,
	SNAPSHOT_DATE_SECONDS = 16,
	SNAPSHOT_VM_STATE = 32,
	SNAPSHOT_EXTRA_SIZE = 36,
	SNAPSHOT_ENTRY = 40,
};

int32_t snapshots_visit(struct qcow2 *q, snapshot_visit visit, void *self, uint64_t *length)
{
	uint64_t at = q->snapshot_offset;
	*length = 0;
	for (uint32_t i = 0; i < q->snapshot_count; i++) {
		uint8_t entry[SNAPSHOT_ENTRY];
		uint8_t extra[16] = { 0 };
		struct snapshot snapshot = { 0 };
		int32_t status = vmm_block_file_read_exact(q->file, entry, sizeof(entry), at);
		if (status < 0)
			return status;
		uint32_t extra_size = vmm_block_be32(entry + SNAPSHOT_EXTRA_SIZE);
		uint32_t id_size = vmm_block_be16(entry + SNAPSHOT_ID_SIZE);
		uint32_t name_size = vmm_block_be16(entry + SNAPSHOT_NAME_SIZE);
		if (extra_size > SNAPSHOT_EXTRA_MAXIMUM)
			return -EINVAL;
		at += SNAPSHOT_ENTRY;
		status = vmm_block_file_read_exact(q->file, extra, smaller(extra_size, sizeof(extra)), at);
		at += extra_size;
		if (status >= 0)
			status = vmm_block_file_read_exact(
				q->file, snapshot.id, smaller(id_size, sizeof(snapshot.id) - 1), at);
		at += id_size;
		if (status >= 0)
			status = vmm_block_file_read_exact(
				q->file, snapshot.name, smaller(name_size, sizeof(snapshot.name) - 1), at);
		if (status < 0)
			return status;
		at = (at + name_size + 7) & ~UINT64_C(7);
		snapshot.l1_offset = vmm_block_be64(entry + SNAPSHOT_L1_OFFSET);
		snapshot.l1_size = vmm_block_be32(entry + SNAPSHOT_L1_SIZE);
		snapshot.date_seconds = vmm_block_be32(entry + SNAPSHOT_DATE_SECONDS);
		snapshot.vm_state_size = extra_size >= 8 ? vmm_block_be64(extra)
							 : vmm_block_be32(entry + SNAPSHOT_VM_STATE);
		snapshot.disk_size = extra_size >= 16 ? vmm_block_be64(extra + 8) : 0;
		status = visit == NULL ? 0 : visit(q, &snapshot, self);
		if (status < 0)
			return status;
	}
	*length = at - q->snapshot_offset;
	return 0;
}

struct load {
	uint32_t count;
};

static int32_t snapshot_load(struct qcow2 *q, const struct snapshot *snapshot, void *self)
{
	struct load *load = self;
	q->snapshot_l1[2 * (size_t)load->count] = snapshot->l1_offset;
	q->snapshot_l1[2 * (size_t)load->count + 1] = (uint64_t)snapshot->l1_size * 8;
	load->count++;
	return 0;
}

/* Where they are, so that nothing is written there. */
int32_t snapshots_load(struct qcow2 *q)
{
	struct load load = { 0 };
	if (q->snapshot_count == 0)
		return 0;
	/* An entry takes 40 bytes at least. */
	if (q->snapshot_count > SNAPSHOTS_MAXIMUM || (q->snapshot_offset & (q->cluster_size - 1)) != 0 ||
		!in_file(q, q->snapshot_offset, (uint64_t)q->snapshot_count * SNAPSHOT_ENTRY))
		return -EINVAL;
	q->snapshot_l1 = calloc(q->snapshot_count, 2 * sizeof(uint64_t));
	if (q->snapshot_l1 == NULL)
		return -ENOMEM;
	return snapshots_visit(q, snapshot_load, &load, &q->snapshot_length);
}
