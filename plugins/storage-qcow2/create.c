/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * New images: header, refcount table and blocks, and an empty L1 table.
 */
#include <stdio.h>

#include <vmm/param.h>

#include "qcow2.h"

const struct vmm_param qcow2_options[QCOW2_OPTIONS] = {
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "cluster_size", NULL, 512, 2 << 20, NULL,
		"Bytes of a cluster, a power of 2: by default 65536, with extended_l2 131072."),
	VMM_KIT_PARAM_CHOICE("refcount_bits", "16", "1|2|4|8|16|32|64", "Width of refcounts (v3; 16 in v2)."),
	VMM_KIT_PARAM_CHOICE("compression_type", "zlib", "zlib|zstd", "How clusters are compressed (zstd: v3)."),
	VMM_KIT_PARAM_BOOL("lazy_refcounts", "no", "Let other programs write refcounts late (v3)."),
	VMM_KIT_PARAM_BOOL("extended_l2", "no", "Allocate by 32nds of a cluster (v3, clusters of 16 KiB or more)."),
	VMM_KIT_PARAM_PATH("data_file", NULL, "Keep the data in this file, apart from the tables (v3)."),
	VMM_KIT_PARAM_BOOL("data_file_raw", "no", "Have the data file readable as a raw image."),
};

static const char *option_text(const struct vmm_block_create *create, const char *key)
{
	const char *value = create->option == NULL ? NULL : create->option(create, key);
	return value == NULL ? "" : value;
}

static uint32_t option_bool(const struct vmm_block_create *create, const char *key)
{
	const char *value = option_text(create, key);
	return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 || strcmp(value, "on") == 0 ||
		strcmp(value, "1") == 0;
}

static uint64_t option_size(const struct vmm_block_create *create, const char *key)
{
	char *end;
	uint64_t value = strtoull(option_text(create, key), &end, 0);
	uint32_t shift = *end == 'K' || *end == 'k' ? 10 : *end == 'M' || *end == 'm' ? 20 : 0;
	return value << shift;
}

static int32_t fail(const struct vmm_block_create *create, const char *remedy, const char *what)
{
	return vmm_block_fail(create->host, -EINVAL, remedy, "cannot make %.3000s: %s", create->path, what);
}

static int32_t options_read(const struct vmm_block_create *create, struct qcow2 *q)
{
	uint64_t cluster_size = option_size(create, "cluster_size");
	q->version = create->variant != NULL && strncmp(create->variant, "v2", 2) == 0 ? 2 : 3;
	q->is_packed = create->variant != NULL && strstr(create->variant, "compressed") != NULL;
	q->header_length = q->version == 2 ? HEADER_V2 : HEADER_OURS;
	q->is_extended = option_bool(create, "extended_l2");
	if (cluster_size == 0)
		cluster_size = q->is_extended ? 128 << 10 : 64 << 10;
	if (cluster_size < 512 || cluster_size > 2 << 20 || (cluster_size & (cluster_size - 1)) != 0)
		return fail(create, "use a power of 2, 512 to 2M", "that cluster_size cannot be");
	q->cluster_size = (uint32_t)cluster_size;
	q->cluster_bits = (uint32_t)__builtin_ctzll(cluster_size);
	q->refcount_order = 4;
	uint64_t bits = option_size(create, "refcount_bits");
	if (bits != 0)
		q->refcount_order = (uint32_t)__builtin_ctzll(bits);
	if (bits > 64 || (bits & (bits - 1)) != 0)
		return fail(create, "use 1, 2, 4, 8, 16, 32 or 64", "those refcount_bits cannot be");
	if (strcmp(option_text(create, "compression_type"), "zstd") == 0) {
		q->compression = 1;
		q->incompatible |= INCOMPATIBLE_COMPRESSION;
	}
	if (option_bool(create, "lazy_refcounts"))
		q->compatible |= COMPATIBLE_LAZY;
	if (q->is_extended)
		q->incompatible |= INCOMPATIBLE_EXTENDED_L2;
	if (option_text(create, "data_file")[0] != '\0')
		q->incompatible |= INCOMPATIBLE_DATA_FILE;
	if (option_bool(create, "data_file_raw"))
		q->autoclear |= AUTOCLEAR_RAW;
	if (q->version == 2 && (q->incompatible | q->compatible | q->autoclear | (q->refcount_order ^ 4)) != 0)
		return fail(create, "use v3, or leave the option out", "version 2 does not know one of its options");
	if (q->is_packed && (q->incompatible & (INCOMPATIBLE_EXTENDED_L2 | INCOMPATIBLE_DATA_FILE)) != 0)
		return fail(create, "leave out extended_l2 and data_file, or take another variant",
			"a compressed image has neither extended L2 entries nor a data file");
	if (q->is_extended && q->cluster_bits < 14)
		return fail(create, "use a cluster_size of 16K or more", "extended L2 entries need larger clusters");
	if ((q->autoclear & AUTOCLEAR_RAW) != 0 && (q->incompatible & INCOMPATIBLE_DATA_FILE) == 0)
		return fail(create, "name the data file with `data_file`", "data_file_raw needs a data file");
	if ((q->autoclear & AUTOCLEAR_RAW) != 0 && create->parent != NULL)
		return fail(create, "leave data_file_raw out", "a raw data file cannot have a parent");
	return 0;
}

/* Where things are: header, refcount table, refcount blocks, L1 table; sets *clusters, of all. */
static int32_t layout(const struct vmm_block_create *create, struct qcow2 *q, uint64_t *clusters, uint64_t *blocks)
{
	uint32_t l2_bits = q->cluster_bits - (q->is_extended ? 4 : 3);
	uint64_t covered = (uint64_t)q->cluster_size << l2_bits;
	uint64_t l1_size = create->length / covered + (create->length % covered != 0);
	if (l1_size * 8 > L1_MAXIMUM)
		return fail(create, "use a larger cluster_size", "the disk is too large for its clusters");
	q->l1_size = (uint32_t)l1_size;
	q->block_bits = q->cluster_bits + 3 - q->refcount_order;
	uint64_t l1_clusters = clusters_of(q, larger(l1_size, 1) * 8);
	uint64_t table = 1;
	uint64_t count = 1;
	for (uint32_t is_stable = 0; !is_stable;) {
		*clusters = 1 + table + count + l1_clusters;
		uint64_t needed = (*clusters >> q->block_bits) + 1;
		uint64_t needed_table = clusters_of(q, needed * 8);
		is_stable = needed <= count && needed_table <= table;
		count = larger(count, needed);
		table = larger(table, needed_table);
	}
	*blocks = count;
	q->refcount_offset = q->cluster_size;
	q->refcount_clusters = (uint32_t)table;
	q->l1_offset = (1 + table + count) << q->cluster_bits;
	return 0;
}

static int32_t head_make(const struct vmm_block_create *create, struct qcow2 *q, uint8_t *head, uint32_t *length)
{
	const char *data_file = option_text(create, "data_file");
	size_t parent = create->parent == NULL ? 0 : strlen(create->parent);
	const char *parent_format = format_name_theirs(create->parent_format);
	size_t format = create->parent == NULL || parent_format == NULL ? 0 : strlen(parent_format);
	const char *base = strrchr(create->path, '/');
	size_t folder = base == NULL ? 0 : (size_t)(base - create->path) + 1;
	/* A data file beside the image is named so, that both may move. */
	if (folder != 0 && strncmp(data_file, create->path, folder) == 0)
		data_file += folder;
	if (parent > BACKING_NAME_MAXIMUM || format > 64 || strlen(data_file) > 4000)
		return fail(create, "use a shorter, relative name", "a file name is too long for the header");
	header_encode(q, head);
	uint32_t at = q->header_length;
	if (format != 0)
		at += header_extension_put(head + at, EXTENSION_BACKING, parent_format, (uint32_t)format);
	if (data_file[0] != '\0')
		at += header_extension_put(head + at, EXTENSION_DATA_FILE, data_file, (uint32_t)strlen(data_file));
	if (q->is_packed)
		at += header_extension_put(head + at, EXTENSION_PACKED, NULL, 0);
	/* In clusters of 512 bytes there is no room for the names of features, which only explain. */
	if (q->version == 3 && q->cluster_size >= 1024)
		at += header_features_put(head + at);
	at += header_extension_put(head + at, EXTENSION_END, NULL, 0);
	if (parent != 0) {
		vmm_block_put_be64(head + AT_BACKING_OFFSET, at);
		vmm_block_put_be32(head + AT_BACKING_SIZE, (uint32_t)parent);
		memcpy(head + at, create->parent, parent);
		at += (uint32_t)parent;
	}
	*length = at;
	if (at > q->cluster_size)
		return fail(create, "use a shorter name or a larger cluster_size",
			"the names of its files do not fit into its first cluster");
	return 0;
}

static int32_t tables_write(struct qcow2 *q, struct vmm_block_file *file, uint64_t clusters, uint64_t blocks)
{
	uint8_t *data = malloc(q->cluster_size);
	uint64_t first = 1 + q->refcount_clusters;
	int32_t status = data == NULL ? -ENOMEM : 0;
	/* Length first: what is not written below is a hole, and zeros. */
	if (status >= 0)
		status = vmm_block_file_truncate(file, clusters << q->cluster_bits);
	for (uint64_t i = 0; i < blocks && status >= 0; i++) {
		uint64_t from = i << q->block_bits;
		uint64_t count = clusters > from ? smaller(clusters - from, UINT64_C(1) << q->block_bits) : 0;
		uint8_t entry[8];
		memset(data, 0, q->cluster_size);
		for (uint64_t k = 0; k < count; k++)
			refcount_store(data, q->refcount_order, k, 1);
		status = vmm_block_file_write(file, data, q->cluster_size, (first + i) << q->cluster_bits);
		vmm_block_put_be64(entry, (first + i) << q->cluster_bits);
		if (status >= 0)
			status = vmm_block_file_write(file, entry, sizeof(entry), q->refcount_offset + i * 8);
	}
	free(data);
	return status;
}

static int32_t data_file_make(const struct vmm_block_create *create)
{
	const char *path = option_text(create, "data_file");
	struct vmm_block_file *file;
	if (path[0] == '\0')
		return 0;
	int32_t status = vmm_block_file_open(path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status < 0)
		return vmm_block_fail(create->host, status,
			"name a file that does not exist, in a folder that can be written",
			"cannot make the data file %.3000s: %s", path, strerror(-status));
	status = vmm_block_file_truncate(file, create->length);
	if (status >= 0)
		status = vmm_block_file_sync(file);
	vmm_block_file_close(file);
	if (status < 0)
		vmm_block_unlink(path);
	return status;
}

int32_t qcow2_create(const struct vmm_block_create *create)
{
	struct qcow2 q = { .size = create->length };
	struct vmm_block_file *file;
	uint64_t clusters = 0;
	uint64_t blocks = 0;
	uint32_t length;
	int32_t status = options_read(create, &q);
	if (status >= 0)
		status = layout(create, &q, &clusters, &blocks);
	if (status < 0)
		return status;
	uint8_t *head = calloc(1, q.cluster_size + 8192);
	if (head == NULL)
		return -ENOMEM;
	status = head_make(create, &q, head, &length);
	if (status < 0)
		goto free_head;
	status = data_file_make(create);
	if (status < 0)
		goto free_head;
	status = vmm_block_file_open(create->path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status < 0) {
		vmm_block_fail(create->host, status, "name a file that does not exist, in a folder that can be written",
			"cannot make %.3000s: %s", create->path, strerror(-status));
		goto remove_data;
	}
	/* The header last: what has one is whole. */
	status = tables_write(&q, file, clusters, blocks);
	if (status >= 0)
		status = vmm_block_file_sync(file);
	if (status >= 0)
		status = vmm_block_file_write(file, head, q.cluster_size, 0);
	if (status >= 0)
		status = vmm_block_file_sync(file);
	vmm_block_file_close(file);
	if (status < 0) {
		vmm_block_unlink(create->path);
		vmm_block_fail(create->host, status, "make room on its disk", "cannot make %.3000s: %s", create->path,
			strerror(-status));
	}
remove_data:
	if (status < 0 && option_text(create, "data_file")[0] != '\0')
		vmm_block_unlink(option_text(create, "data_file"));
free_head:
	free(head);
	return status;
}
