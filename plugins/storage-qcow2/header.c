/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The header and its extensions: read, judged, written.
 */
#include <stdio.h>

#include "qcow2.h"

#define FEATURE_ENTRY 48u
#define FEATURE_NAME  46u

struct feature {
	uint8_t type, bit;
	const char *name;
};

/* The feature name table that other programs can explain our images by. */
static const struct feature features[] = {
	{ 0, 0, "dirty bit" },
	{ 0, 1, "corrupt bit" },
	{ 0, 2, "external data file" },
	{ 0, 3, "compression type" },
	{ 0, 4, "extended L2 entries" },
	{ 1, 0, "lazy refcounts" },
	{ 2, 0, "bitmaps" },
	{ 2, 1, "raw external data" },
};

static int32_t fail_damaged(struct qcow2 *q, const char *what)
{
	return vmm_block_fail(q->image->host, -EINVAL,
		"take the image from a backup; if it was being copied, copy it again",
		"%.3000s is not a sound qcow2 image: %s", q->image->path, what);
}

static int32_t fail_unsupported(struct qcow2 *q, const char *what, const char *remedy)
{
	return vmm_block_fail(q->image->host, -ENOTSUP, remedy, "%.3000s %s, which storage-qcow2 does not support",
		q->image->path, what);
}

uint32_t header_extension_put(uint8_t *at, uint32_t type, const void *data, uint32_t length)
{
	uint32_t padded = (length + 7) & ~7u;
	vmm_block_put_be32(at, type);
	vmm_block_put_be32(at + 4, length);
	memset(at + 8, 0, padded);
	if (length != 0)
		memcpy(at + 8, data, length);
	return 8 + padded;
}

uint32_t header_features_put(uint8_t *at)
{
	uint8_t table[VMM_KIT_COUNT(features) * FEATURE_ENTRY] = { 0 };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(features); i++) {
		uint8_t *entry = table + (size_t)i * FEATURE_ENTRY;
		entry[0] = features[i].type;
		entry[1] = features[i].bit;
		memcpy(entry + 2, features[i].name, strlen(features[i].name));
	}
	return header_extension_put(at, EXTENSION_FEATURES, table, sizeof(table));
}

/* The extension at *at, which goes to the next.  0: there are no more. */
static uint32_t extension_next(const struct qcow2 *q, uint32_t *at, uint32_t *type, uint32_t *length)
{
	uint32_t end = q->head_length;
	uint64_t backing = vmm_block_be64(q->head + AT_BACKING_OFFSET);
	if (backing != 0 && backing < end)
		end = (uint32_t)backing;
	if (*at > end || end - *at < 8)
		return 0;
	*type = vmm_block_be32(q->head + *at);
	*length = vmm_block_be32(q->head + *at + 4);
	if (*type == EXTENSION_END || *length > end - *at - 8)
		return 0;
	*at += 8 + ((*length + 7) & ~7u);
	return 1;
}

/* QEMU's names of formats, where we have others. */
static const struct {
	const char *theirs, *ours;
} format_names[] = { { "vpc", "vhd" }, { "file", "raw" }, { "host_device", "raw" } };

const char *format_name_theirs(const char *name)
{
	for (uint32_t i = 0; name != NULL && i < VMM_KIT_COUNT(format_names); i++) {
		if (strcmp(name, format_names[i].ours) == 0 && strcmp(name, "raw") != 0)
			return format_names[i].theirs;
	}
	return name;
}

static void format_name_translate(char name[16])
{
	for (uint32_t i = 0; i < VMM_KIT_COUNT(format_names); i++) {
		if (strcmp(name, format_names[i].theirs) == 0)
			snprintf(name, 16, "%s", format_names[i].ours);
	}
}

int32_t header_extension_find(const struct qcow2 *q, uint32_t type, const uint8_t **data, uint32_t *length)
{
	uint32_t at = q->header_length;
	uint32_t start = at;
	uint32_t found;
	while (extension_next(q, &at, &found, length)) {
		*data = q->head + start + 8;
		if (found == type)
			return 0;
		start = at;
	}
	return -ENOENT;
}

/* An incompatible feature that we do not know, as the image's own table calls it. */
static int32_t fail_feature(struct qcow2 *q)
{
	uint64_t unknown = q->incompatible & ~INCOMPATIBLE_KNOWN;
	const uint8_t *table;
	uint32_t length;
	uint32_t bit = (uint32_t)__builtin_ctzll(unknown);
	char name[FEATURE_NAME + 1] = "";
	char text[160];
	if (header_extension_find(q, EXTENSION_FEATURES, &table, &length) >= 0) {
		for (uint32_t i = 0; i + FEATURE_ENTRY <= length; i += FEATURE_ENTRY) {
			if (table[i] == 0 && table[i + 1] == bit)
				memcpy(name, table + i + 2, FEATURE_NAME);
		}
	}
	snprintf(text, sizeof(text), "needs the feature `%s` (incompatible bit %u)", name[0] != '\0' ? name : "unknown",
		bit);
	return fail_unsupported(q, text, "convert it with the program that made it: `qemu-img convert -O qcow2`");
}

static int32_t fields_read(struct qcow2 *q, const uint8_t *at)
{
	q->version = vmm_block_be32(at + AT_VERSION);
	q->cluster_bits = vmm_block_be32(at + AT_CLUSTER_BITS);
	q->size = vmm_block_be64(at + AT_SIZE);
	q->l1_size = vmm_block_be32(at + AT_L1_SIZE);
	q->l1_offset = vmm_block_be64(at + AT_L1_OFFSET);
	q->refcount_offset = vmm_block_be64(at + AT_REFCOUNT_OFFSET);
	q->refcount_clusters = vmm_block_be32(at + AT_REFCOUNT_CLUSTERS);
	q->snapshot_count = vmm_block_be32(at + AT_SNAPSHOT_COUNT);
	q->snapshot_offset = vmm_block_be64(at + AT_SNAPSHOT_OFFSET);
	q->refcount_order = 4;
	q->header_length = HEADER_V2;
	if (vmm_block_be32(at) != QCOW2_MAGIC)
		return fail_damaged(q, "it does not begin with the mark of one");
	if (q->version == 1)
		return fail_unsupported(q, "is a qcow image, version 1", "convert it: `qemu-img convert -O qcow2`");
	if (q->version < 2 || q->version > 3)
		return fail_unsupported(
			q, "has a version after 3", "convert it: `qemu-img convert -O qcow2 -o compat=1.1`");
	if (q->version == 3) {
		q->incompatible = vmm_block_be64(at + AT_INCOMPATIBLE);
		q->compatible = vmm_block_be64(at + AT_COMPATIBLE);
		q->autoclear = vmm_block_be64(at + AT_AUTOCLEAR);
		q->refcount_order = vmm_block_be32(at + AT_REFCOUNT_ORDER);
		q->header_length = vmm_block_be32(at + AT_HEADER_LENGTH);
		if (q->header_length > AT_COMPRESSION)
			q->compression = at[AT_COMPRESSION];
	}
	if (q->cluster_bits < 9 || q->cluster_bits > 21)
		return fail_damaged(q, "its cluster size is not between 512 bytes and 2 MiB");
	if (q->version == 3 && (q->header_length < HEADER_V3 || q->header_length % 8 != 0))
		return fail_damaged(q, "its header length cannot be");
	if (q->refcount_order > 6)
		return fail_damaged(q, "its refcounts are wider than 64 bits");
	return 0;
}

/* All of it: header, extensions, backing file name. */
static int32_t head_read(struct qcow2 *q, uint64_t file_length)
{
	uint8_t first[HEADER_OURS] = { 0 };
	int32_t status = vmm_block_file_read(q->file, first, sizeof(first), 0);
	if (status >= 0)
		status = fields_read(q, first);
	if (status < 0)
		return status;
	q->cluster_size = 1u << q->cluster_bits;
	q->head_length = (uint32_t)smaller(q->cluster_size, larger(file_length, VMM_BLOCK_SECTOR));
	if (q->header_length > q->head_length)
		return fail_damaged(q, "its header is longer than a cluster, or than the file");
	q->head = calloc(1, q->head_length);
	if (q->head == NULL)
		return -ENOMEM;
	return vmm_block_file_read(q->file, q->head, q->head_length, 0);
}

static int32_t features_check(struct qcow2 *q)
{
	uint32_t crypt = vmm_block_be32(q->head + AT_CRYPT_METHOD);
	const char *decrypt = "decrypt it: `qemu-img convert -O qcow2` with its secret";
	if (crypt == 1)
		return fail_unsupported(q, "is encrypted with AES", decrypt);
	if (crypt == 2)
		return fail_unsupported(q, "is encrypted with LUKS", decrypt);
	if (crypt != 0)
		return fail_unsupported(q, "is encrypted in an unknown way", decrypt);
	if ((q->incompatible & ~INCOMPATIBLE_KNOWN) != 0)
		return fail_feature(q);
	if (q->compression > 1)
		return fail_unsupported(q, "has a compression type other than zlib and zstd",
			"convert it with the program that made it: `qemu-img convert -O qcow2`");
	if ((q->compression != 0) != ((q->incompatible & INCOMPATIBLE_COMPRESSION) != 0))
		return fail_damaged(q, "its compression type does not go with its feature bits");
	q->is_external = (q->incompatible & INCOMPATIBLE_DATA_FILE) != 0;
	q->is_extended = (q->incompatible & INCOMPATIBLE_EXTENDED_L2) != 0;
	if (q->is_extended && q->cluster_bits < 14)
		return fail_damaged(q, "extended L2 entries need clusters of 16 KiB or more");
	return 0;
}

static int32_t parent_read(struct qcow2 *q)
{
	struct vmm_block_image *image = q->image;
	uint64_t offset = vmm_block_be64(q->head + AT_BACKING_OFFSET);
	uint32_t size = vmm_block_be32(q->head + AT_BACKING_SIZE);
	const uint8_t *data;
	uint32_t length;
	if (offset == 0 || size == 0)
		return 0;
	if (size > BACKING_NAME_MAXIMUM || offset > q->head_length || size > q->head_length - offset)
		return fail_damaged(q, "the name of its backing file is outside of its first cluster");
	memcpy(image->parent, q->head + offset, size);
	image->parent[size] = '\0';
	if (strncmp(image->parent, "file:", 5) == 0)
		memmove(image->parent, image->parent + 5, strlen(image->parent + 5) + 1);
	if (strncmp(image->parent, "json:", 5) == 0 && (image->flags & VMM_BLOCK_LONELY) == 0)
		return fail_unsupported(q, "names its backing file by a `json:` text",
			"give it a plain file name: `qemu-img rebase -u -b FILE -F FORMAT`");
	if (header_extension_find(q, EXTENSION_BACKING, &data, &length) >= 0 && length < sizeof(image->parent_format))
		memcpy(image->parent_format, data, length);
	format_name_translate(image->parent_format);
	return 0;
}

static int32_t data_open(struct qcow2 *q)
{
	const uint8_t *name;
	uint32_t length;
	char text[4096];
	if (!q->is_external)
		return 0;
	if (header_extension_find(q, EXTENSION_DATA_FILE, &name, &length) < 0 || length == 0 || length >= sizeof(text))
		return fail_damaged(q, "it does not say where its external data file is");
	memcpy(text, name, length);
	text[length] = '\0';
	int32_t status = vmm_block_path(q->image->path, text, q->data_path, sizeof(q->data_path));
	if (status < 0)
		return fail_damaged(q, "the name of its external data file is too long");
	return vmm_block_open_part(q->image, q->data_path, &q->data);
}

/* What the fields say about the rest of the file. */
static int32_t layout_check(struct qcow2 *q)
{
	uint64_t mask = q->cluster_size - 1;
	q->entry_size = q->is_extended ? 16 : 8;
	q->l2_bits = q->cluster_bits - (q->is_extended ? 4 : 3);
	q->l2_entries = 1u << q->l2_bits;
	q->unit_bits = q->is_extended ? q->cluster_bits - 5 : q->cluster_bits;
	q->unit = 1u << q->unit_bits;
	q->units = q->cluster_size / q->unit;
	q->block_bits = q->cluster_bits + 3 - q->refcount_order;
	q->refcount_maximum = q->refcount_order == 6 ? UINT64_MAX : (UINT64_C(1) << (1u << q->refcount_order)) - 1;
	if (q->size > VMM_BLOCK_LENGTH_MAXIMUM - VMM_BLOCK_SECTOR)
		return fail_damaged(q, "its disk is larger than can be");
	uint64_t sectors = (q->size + VMM_BLOCK_SECTOR - 1) / VMM_BLOCK_SECTOR;
	uint64_t table = (uint64_t)q->cluster_size << q->l2_bits;
	if ((uint64_t)q->l1_size * 8 > L1_MAXIMUM)
		return fail_damaged(q, "its L1 table is larger than 32 MiB");
	if (sectors * VMM_BLOCK_SECTOR > table * q->l1_size)
		return fail_damaged(q, "its L1 table is too short for its disk");
	if (q->l1_size != 0 && ((q->l1_offset & mask) != 0 || !in_file(q, q->l1_offset, (uint64_t)q->l1_size * 8)))
		return fail_damaged(q, "its L1 table is misaligned, or behind the end of the file");
	if (q->l1_size != 0 && q->l1_offset == 0)
		return fail_damaged(q, "its L1 table is where its header is");
	/* Two tables in one place: the refcounts can be made anew. */
	uint64_t table_length = (uint64_t)q->refcount_clusters * q->cluster_size;
	uint32_t is_over_l1 = q->refcount_offset < q->l1_offset + (uint64_t)q->l1_size * 8 &&
		q->l1_offset < q->refcount_offset + table_length;
	q->is_refcount_broken = is_over_l1 || (q->refcount_offset & mask) != 0 || q->refcount_offset == 0 ||
		q->refcount_clusters == 0 || q->refcount_clusters > REFCOUNT_TABLE_MAXIMUM / q->cluster_size ||
		!in_file(q, q->refcount_offset, table_length);
	return 0;
}

int32_t header_read(struct qcow2 *q)
{
	struct vmm_block_file_info info;
	const uint8_t *data;
	uint32_t length;
	int32_t status = vmm_block_file_info(q->file, &info);
	if (status >= 0)
		status = head_read(q, info.length);
	if (status < 0)
		return status;
	q->file_clusters = q->found_clusters = clusters_of(q, info.length);
	q->is_packed = header_extension_find(q, EXTENSION_PACKED, &data, &length) >= 0;
	status = features_check(q);
	if (status >= 0)
		status = layout_check(q);
	if (status >= 0)
		status = parent_read(q);
	if (status >= 0)
		status = data_open(q);
	return status;
}

void header_encode(const struct qcow2 *q, uint8_t *at)
{
	vmm_block_put_be32(at, QCOW2_MAGIC);
	vmm_block_put_be32(at + AT_VERSION, q->version);
	vmm_block_put_be32(at + AT_CLUSTER_BITS, q->cluster_bits);
	vmm_block_put_be64(at + AT_SIZE, q->size);
	vmm_block_put_be32(at + AT_L1_SIZE, q->l1_size);
	vmm_block_put_be64(at + AT_L1_OFFSET, q->l1_offset);
	vmm_block_put_be64(at + AT_REFCOUNT_OFFSET, q->refcount_offset);
	vmm_block_put_be32(at + AT_REFCOUNT_CLUSTERS, q->refcount_clusters);
	vmm_block_put_be32(at + AT_SNAPSHOT_COUNT, q->snapshot_count);
	vmm_block_put_be64(at + AT_SNAPSHOT_OFFSET, q->snapshot_offset);
	if (q->version < 3)
		return;
	vmm_block_put_be64(at + AT_INCOMPATIBLE, q->incompatible);
	vmm_block_put_be64(at + AT_COMPATIBLE, q->compatible);
	vmm_block_put_be64(at + AT_AUTOCLEAR, q->autoclear);
	vmm_block_put_be32(at + AT_REFCOUNT_ORDER, q->refcount_order);
	vmm_block_put_be32(at + AT_HEADER_LENGTH, q->header_length);
	if (q->header_length > AT_COMPRESSION)
		at[AT_COMPRESSION] = (uint8_t)q->compression;
}

/* The fields are all in the first sector, which is written at once. */
int32_t header_write(struct qcow2 *q)
{
	header_encode(q, q->head);
	int32_t status = vmm_block_file_write(q->file, q->head, VMM_BLOCK_SECTOR, 0);
	return status < 0 ? status : vmm_block_file_sync(q->file);
}

int32_t header_backing_set(struct qcow2 *q, const char *name, const char *format)
{
	format = format_name_theirs(format);
	uint32_t name_length = name == NULL ? 0 : (uint32_t)strlen(name);
	uint32_t format_length = name == NULL || format == NULL ? 0 : (uint32_t)strlen(format);
	uint32_t at = q->header_length;
	uint32_t start = at;
	uint32_t type;
	uint32_t length;
	if (name_length > BACKING_NAME_MAXIMUM || format_length > 64)
		return -ENAMETOOLONG;
	/* As the old one, and another format's extension, an end and the name. */
	size_t room = (size_t)q->head_length + 2 * 8 + 64 + 8 + BACKING_NAME_MAXIMUM + VMM_BLOCK_SECTOR;
	uint8_t *head = calloc(1, room);
	if (head == NULL)
		return -ENOMEM;
	memcpy(head, q->head, q->header_length);
	uint32_t to = q->header_length;
	if (format_length != 0)
		to += header_extension_put(head + to, EXTENSION_BACKING, format, format_length);
	while (extension_next(q, &at, &type, &length)) {
		if (type != EXTENSION_BACKING)
			to += header_extension_put(head + to, type, q->head + start + 8, length);
		start = at;
	}
	to += header_extension_put(head + to, EXTENSION_END, NULL, 0);
	vmm_block_put_be64(head + AT_BACKING_OFFSET, name_length != 0 ? to : 0);
	vmm_block_put_be32(head + AT_BACKING_SIZE, name_length);
	if (name_length != 0)
		memcpy(head + to, name, name_length);
	uint32_t end = to + name_length;
	int32_t status = end > q->cluster_size ? -ENAMETOOLONG : 0;
	if (status >= 0) {
		uint32_t whole = (end + VMM_BLOCK_SECTOR - 1) & ~(VMM_BLOCK_SECTOR - 1);
		status = vmm_block_file_write(q->file, head, whole, 0);
		if (status >= 0)
			status = vmm_block_file_sync(q->file);
		free(q->head);
		q->head = head;
		q->head_length = whole;
		return status;
	}
	free(head);
	return status;
}
