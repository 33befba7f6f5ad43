/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Making disks.
 */
#include "create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include <vmm/kit/plugin.h>

#define DESCRIPTOR_SECTORS 20u /* as VMware has it */
#define DESCRIPTOR_SLACK   10u /* at least: VirtualBox adds its UUIDs to the descriptors of others */
#define STREAM_OVERHEAD    128u
#define TEXT_MAXIMUM       (UINT32_C(4) << 20)

const struct vmm_param vmdk_options[] = {
	VMM_KIT_PARAM_CHOICE("adapter_type", "ide", "ide|buslogic|lsilogic|legacyESX",
		"The adapter that the disk is made for, which its geometry follows."),
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "grain_size", "65536", 8192, 4194304, NULL,
		"The unit in which a sparse disk grows, a power of 2."),
	VMM_KIT_PARAM_INT("hwversion", "4", 3, 99, "The version of the virtual hardware, for VMware's programs."),
	VMM_KIT_PARAM_INT("toolsversion", "2147483647", 0, 2147483647,
		"The version of VMware Tools; by default: the guest cares."),
	VMM_KIT_PARAM_BOOL("zeroed_grain", "no",
		"Let tables of a sparse disk say that a grain is zero (version 2, which old programs do not read)."),
};
const uint32_t vmdk_option_count = VMM_KIT_COUNT(vmdk_options);

/* A variant, and what its extents are. */
struct variant {
	const char *name;
	const char *create_type; /* in the descriptor */
	const char *type;        /* of the extent lines */
	const char *suffix;      /* of the extents' files; NULL: the one extent is in the same file */
	uint32_t is_sparse, is_split;
};

/* ESXi calls its thin disks vmfs, too, and says in the disk database that they are thin. */
static const struct variant variants[] = {
	{ "monolithicSparse", "monolithicSparse", "SPARSE", NULL, 1, 0 },
	{ "monolithicFlat", "monolithicFlat", "FLAT", "-flat", 0, 0 },
	{ "twoGbMaxExtentSparse", "twoGbMaxExtentSparse", "SPARSE", "-s", 1, 1 },
	{ "twoGbMaxExtentFlat", "twoGbMaxExtentFlat", "FLAT", "-f", 0, 1 },
	{ "streamOptimized", "streamOptimized", "SPARSE", NULL, 1, 0 },
	{ "vmfs", "vmfs", "VMFS", "-flat", 0, 0 },
	{ "vmfsThin", "vmfs", "VMFS", "-flat", 0, 0 },
};

/* What is being made. */
struct making {
	const struct vmm_block_create *create;
	const struct variant *variant;
	struct header header; /* of sparse extents */
	struct descriptor descriptor;
	uint32_t extents, made; /* files of extents */
};

static uint64_t option_number(const struct vmm_block_create *create, const char *key, uint64_t other)
{
	const char *text = create->option(create, key);
	char *end;
	if (text == NULL)
		return other;
	uint64_t value = strtoull(text, &end, 0);
	switch (*end) {
	case 'k':
	case 'K': return value << 10;
	case 'm':
	case 'M': return value << 20;
	default: return value;
	}
}

static uint32_t option_true(const struct vmm_block_create *create, const char *key)
{
	const char *text = create->option(create, key);
	return text != NULL &&
		(strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0 ||
			strcmp(text, "1") == 0);
}

static uint64_t extent_sectors(const struct making *making, uint32_t number)
{
	uint64_t sectors = making->create->length / SECTOR;
	if (!making->variant->is_split)
		return sectors;
	sectors -= (uint64_t)number * SPLIT_SECTORS;
	return sectors < SPLIT_SECTORS ? sectors : SPLIT_SECTORS;
}

static int32_t extent_name(const struct making *making, uint32_t number, char *path, uint32_t size)
{
	char suffix[32];
	if (making->variant->suffix == NULL)
		return (uint32_t)snprintf(path, size, "%s", making->create->path) >= size ? -ENAMETOOLONG : 0;
	if (making->variant->is_split)
		snprintf(suffix, sizeof(suffix), "%s%03u", making->variant->suffix, number + 1);
	else
		snprintf(suffix, sizeof(suffix), "%s", making->variant->suffix);
	return name_make(making->create->path, suffix, path, size);
}

/* VMware's disk UUIDs begin so. */
static void uuid_make(char text[64])
{
	uint8_t bytes[16];
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
		for (uint32_t i = 0; i < sizeof(bytes); i += 4)
			vmm_block_put_le32(bytes + i, cid_make());
	}
	bytes[0] = 0x60;
	bytes[1] = 0x00;
	bytes[2] = 0xc2;
	bytes[3] = 0x90 | (bytes[3] & 0x0f);
	char *at = text;
	for (uint32_t i = 0; i < 16; i++)
		at += sprintf(at, "%02x%s", bytes[i], i == 15 ? "" : i == 7 ? "-" : " ");
}

/* The lines of the extents. */
static int32_t extents_add(const struct making *making, FILE *text)
{
	char path[DESCRIPTOR_NAME];
	fputs("\n# Extent description\n", text);
	for (uint32_t i = 0; i < making->extents; i++) {
		int32_t status = extent_name(making, i, path, sizeof(path));
		if (status < 0)
			return status;
		fprintf(text, "RW %llu %s \"%s\"%s\n", (unsigned long long)extent_sectors(making, i),
			making->variant->type, name_base(path), strcmp(making->variant->type, "FLAT") == 0 ? " 0" : "");
	}
	return 0;
}

/* The disk database.  What a child says counts more than what its parents do, so it says the same as they. */
static void ddb_add(const struct making *making, FILE *text, uint32_t cid)
{
	const struct vmm_block_create *create = making->create;
	const struct vmm_block_image *parent = create->parent_image;
	const char *option = create->option(create, "adapter_type");
	struct geometry geometry;
	char adapter[32], value[32], uuid[64];
	uint64_t number;
	if (!chain_value(parent, "ddb.adapterType", adapter, sizeof(adapter)))
		snprintf(adapter, sizeof(adapter), "%s", option != NULL ? option : "ide");
	geometry_make(create->length / SECTOR, adapter, &geometry);
	if (chain_value(parent, "ddb.geometry.heads", value, sizeof(value)) &&
		(number = strtoull(value, NULL, 10)) > 0 && number <= 255)
		geometry.heads = (uint32_t)number;
	if (chain_value(parent, "ddb.geometry.sectors", value, sizeof(value)) &&
		(number = strtoull(value, NULL, 10)) > 0 && number <= 63)
		geometry.sectors = (uint32_t)number;
	geometry_fit(create->length / SECTOR, &geometry);
	fprintf(text,
		"\n# The Disk Data Base\n#DDB\n\nddb.adapterType = \"%s\"\nddb.geometry.cylinders = \"%llu\"\n"
		"ddb.geometry.heads = \"%u\"\nddb.geometry.sectors = \"%u\"\n"
		"ddb.longContentID = \"%08x%08x%08x%08x\"\n",
		adapter, (unsigned long long)geometry.cylinders, geometry.heads, geometry.sectors, cid_make(),
		cid_make(), cid_make(), cid);
	if (!chain_value(parent, "ddb.toolsVersion", value, sizeof(value)))
		snprintf(value, sizeof(value), "%llu",
			(unsigned long long)option_number(create, "toolsversion", 2147483647));
	fprintf(text, "ddb.toolsVersion = \"%s\"\n", value);
	if (parent == NULL) {
		uuid_make(uuid);
		fprintf(text, "ddb.uuid = \"%s\"\n", uuid);
	}
	if (!chain_value(parent, "ddb.virtualHWVersion", value, sizeof(value)))
		snprintf(value, sizeof(value), "%llu", (unsigned long long)option_number(create, "hwversion", 4));
	fprintf(text, "ddb.virtualHWVersion = \"%s\"\n", value);
	if (strcmp(making->variant->name, "vmfsThin") == 0)
		fputs("ddb.thinProvisioned = \"1\"\n", text);
}

static int32_t descriptor_make(struct making *making)
{
	const struct vmm_block_create *create = making->create;
	char *memory = NULL;
	size_t size = 0;
	uint32_t cid = cid_make(), parent = CID_NONE;
	FILE *text = open_memstream(&memory, &size);
	if (text == NULL)
		return -ENOMEM;
	if (create->parent_image != NULL)
		parent = ((const struct vmdk *)create->parent_image->state)->cid;
	fprintf(text,
		"# Disk DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=%08x\nparentCID=%08x\n"
		"isNativeSnapshot=\"no\"\ncreateType=\"%s\"\n",
		cid, parent, making->variant->create_type);
	if (create->parent != NULL)
		fprintf(text, "parentFileNameHint=\"%s\"\n", create->parent);
	int32_t status = extents_add(making, text);
	ddb_add(making, text, cid);
	uint32_t is_short = ferror(text) != 0;
	if (fclose(text) != 0 || is_short)
		status = -ENOMEM;
	if (status == 0)
		status = descriptor_copy(&making->descriptor, memory, size);
	free(memory);
	return status;
}

/* A stream with nothing in it, which pack goes on with. */
static int32_t stream_write(struct vmm_block_file *file, struct making *making)
{
	struct header header = making->header;
	uint64_t sectors = (header_tables(&header) * 4 + SECTOR - 1) / SECTOR;
	uint8_t marker[SECTOR] = { 0 }, *end = calloc(sectors + 4, SECTOR);
	if (end == NULL)
		return -ENOMEM;
	vmm_block_put_le64(end, sectors);
	vmm_block_put_le32(end + 12, MARKER_GD);
	vmm_block_put_le64(end + (sectors + 1) * SECTOR, 1);
	vmm_block_put_le32(end + (sectors + 1) * SECTOR + 12, MARKER_FOOTER);
	header.gdOffset = header.overHead + 1;
	header_encode(&header, end + (sectors + 2) * SECTOR);
	header_encode(&making->header, marker);
	int32_t status = vmm_block_file_write(file, end, (sectors + 4) * SECTOR, header.overHead * SECTOR);
	if (status == 0)
		status = vmm_block_file_write(file, marker, SECTOR, 0);
	free(end);
	return status;
}

/* The one file of a monolithicSparse or streamOptimized disk. */
static int32_t monolithic_write(struct making *making)
{
	struct header *header = &making->header;
	struct vmm_block_file *file;
	uint32_t is_stream = (header->flags & FLAG_COMPRESSED) != 0;
	uint32_t need = (making->descriptor.length + SECTOR - 1) / SECTOR + DESCRIPTOR_SLACK;
	int32_t status = 0;
	header->descriptorSize = need > DESCRIPTOR_SECTORS ? need : DESCRIPTOR_SECTORS;
	if (is_stream) {
		header->descriptorOffset = 1;
		header->gdOffset = GD_AT_END;
		header->overHead = 1 + header->descriptorSize;
		if (header->overHead < STREAM_OVERHEAD)
			header->overHead = STREAM_OVERHEAD;
	} else {
		status = layout_make(header);
	}
	if (status == 0)
		status = vmm_block_file_open(making->create->path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status < 0)
		return status;
	making->made = 1;
	status = is_stream ? stream_write(file, making) : layout_write(file, header);
	if (status == 0)
		status = vmm_block_file_write(file, making->descriptor.text, making->descriptor.length, SECTOR);
	if (status == 0)
		status = vmm_block_file_sync(file);
	vmm_block_file_close(file);
	return status;
}

/* A descriptor and the files of its extents: the descriptor's text comes last, when all that it names is there. */
static int32_t parts_write(struct making *making)
{
	char path[DESCRIPTOR_NAME];
	struct vmm_block_file *file;
	int32_t status = vmm_block_file_open(making->create->path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < making->extents && status == 0; i++) {
		status = extent_name(making, i, path, sizeof(path));
		if (status < 0)
			break;
		uint64_t sectors = extent_sectors(making, i);
		status = making->variant->is_sparse ? sparse_new_file(path, sectors, &making->header)
						    : flat_new(path, sectors);
		making->made += status == 0;
	}
	if (status == 0)
		status = vmm_block_replace(making->create->path, making->descriptor.text, making->descriptor.length);
	vmm_block_file_close(file);
	if (status < 0)
		(void)vmm_block_unlink(making->create->path);
	return status;
}

static void unmake(struct making *making)
{
	char path[DESCRIPTOR_NAME];
	for (uint32_t i = 0; i < making->made; i++) {
		if (extent_name(making, i, path, sizeof(path)) == 0)
			(void)vmm_block_unlink(path);
	}
}

static int32_t making_check(struct making *making)
{
	const struct vmm_block_create *create = making->create;
	const struct vmm_host *host = create->host;
	uint64_t grain = option_number(create, "grain_size", 65536), sectors = create->length / SECTOR;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(variants); i++) {
		if (strcmp(variants[i].name, create->variant) == 0)
			making->variant = &variants[i];
	}
	if (making->variant == NULL)
		return vmm_block_fail(host, -EINVAL, "choose one that vmm disk formats lists", "VMDK has no variant %s",
			create->variant);
	if (create->length == 0 || create->length % SECTOR != 0)
		return vmm_block_fail(host, -EINVAL, "give a multiple of 512 bytes", "a disk of %llu bytes cannot be",
			(unsigned long long)create->length);
	if (grain < 16 * SECTOR || grain > (UINT64_C(4) << 20) || (grain & (grain - 1)) != 0)
		return vmm_block_fail(host, -EINVAL, "give a power of 2 from 8K to 4M",
			"grains of %llu bytes cannot be", (unsigned long long)grain);
	if (create->parent != NULL && (!making->variant->is_sparse || strcmp(create->variant, "streamOptimized") == 0))
		return vmm_block_fail(host, -EINVAL, "make it monolithicSparse or twoGbMaxExtentSparse",
			"a %s disk cannot have a parent", create->variant);
	if (create->parent != NULL && (create->parent_image == NULL || create->parent_image->format != &vmdk_format))
		return vmm_block_fail(host, -EINVAL, "convert the parent to VMDK first",
			"%s is no VMDK, and the parent of a VMDK must be one", create->parent);
	if (strpbrk(name_base(create->path), "\"\r\n") != NULL ||
		(create->parent != NULL && strpbrk(create->parent, "\"\r\n") != NULL))
		return vmm_block_fail(host, -EINVAL, "give it another name",
			"a VMDK cannot have or name a file whose name has quotes or line ends in it");
	making->extents = 1;
	if (making->variant->is_split)
		making->extents = (uint32_t)((sectors + SPLIT_SECTORS - 1) / SPLIT_SECTORS);
	making->header = (struct header){ .version = 1,
		.flags = FLAG_NEWLINE | FLAG_REDUNDANT,
		.capacity = sectors,
		.grainSize = grain / SECTOR,
		.numGTEsPerGT = GTES };
	if (option_true(create, "zeroed_grain")) {
		making->header.version = 2;
		making->header.flags |= FLAG_ZERO_GRAIN;
	}
	if (strcmp(create->variant, "streamOptimized") == 0) {
		/* ESXi takes nothing older for an upload. */
		making->header.version = 3;
		making->header.flags = FLAG_NEWLINE | FLAG_COMPRESSED | FLAG_MARKERS;
		making->header.compressAlgorithm = COMPRESSION_DEFLATE;
	}
	/* A sparse file may be larger than what can be in it, but not without end: its tables have to be. */
	if (making->variant->is_sparse && header_tables(&making->header) > (UINT32_C(4) << 20))
		return vmm_block_fail(host, -EFBIG, "make it smaller, or monolithicFlat",
			"a sparse VMDK cannot have %llu bytes", (unsigned long long)create->length);
	return 0;
}

int32_t vmdk_create(const struct vmm_block_create *create)
{
	struct making making = { .create = create };
	int32_t status = making_check(&making);
	if (status < 0)
		return status;
	status = descriptor_make(&making);
	if (status == 0)
		status = making.variant->suffix == NULL ? monolithic_write(&making) : parts_write(&making);
	if (status < 0) {
		unmake(&making);
		(void)vmm_block_fail(create->host, status,
			status == -EEXIST ? "remove it, or give another name" : "make room, or give another place",
			"%s cannot be made: %s%s", create->path, strerror(-status),
			status == -EEXIST ? " (or one of its extents)" : "");
	}
	descriptor_free(&making.descriptor);
	return status;
}
