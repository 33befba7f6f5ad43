/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Check: the descriptor, and each extent after its kind.
 */
#include "check.h"

#include "create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Take all assignments of a key out but the first. */
static int32_t key_single(struct descriptor *descriptor, const char *key)
{
	char value[DESCRIPTOR_NAME];
	if (!descriptor_get(descriptor, key, value, sizeof(value)))
		return -EINVAL;
	/* From behind there is no way: so remember the first, take all out, and put it back. */
	uint32_t quoted = strcasecmp(key, "CID") != 0 && strcasecmp(key, "parentCID") != 0;
	int32_t status = 0;
	while (status == 0 && descriptor_count(descriptor, key) > 0)
		status = descriptor_set(descriptor, key, NULL, 0);
	return status == 0 ? descriptor_set(descriptor, key, value, quoted) : status;
}

static int32_t check_keys(struct checking *checking, uint32_t *changed)
{
	static const char *const once[] = { "CID", "parentCID", "createType", "version", "parentFileNameHint",
		"ddb.adapterType", "ddb.geometry.cylinders", "ddb.geometry.heads", "ddb.geometry.sectors" };
	struct descriptor *descriptor = &checking->vmdk->descriptor;
	int32_t status = 0;
	char text[16];
	for (uint32_t i = 0; i < sizeof(once) / sizeof(once[0]) && status == 0; i++) {
		uint32_t count = descriptor_count(descriptor, once[i]);
		if (count > 1 &&
			FOUND(checking, DAMAGE, 1, "only the first is kept",
				"the descriptor gives \"%s\" a value %u times, as if another had been added to it",
				once[i], count)) {
			status = key_single(descriptor, once[i]);
			*changed = 1;
		}
	}
	if (status == 0 && checking->vmdk->cid == CID_NONE &&
		FOUND(checking, DAMAGE, 1, "it gets a new one; children then need vmm disk rebase --unsafe",
			"the descriptor has no content ID")) {
		snprintf(text, sizeof(text), "%08x", cid_make());
		status = descriptor_set(descriptor, "CID", text, 0);
		*changed = 1;
	}
	if (descriptor_count(descriptor, "createType") == 0)
		FOUND(checking, NOTE, 0, "programs that want one refuse the disk; vmm does not",
			"the descriptor has no createType");
	if (checking->vmdk->is_stale)
		FOUND(checking, DAMAGE, 0,
			"restore the parent as it was, or if you know that only its content ID has changed, say so "
			"with vmm "
			"disk rebase --unsafe",
			"the parent %s was changed after this disk was made from it", checking->vmdk->image->parent);
	if (checking->vmdk->parent_cid != CID_NONE && checking->vmdk->image->parent[0] == '\0')
		FOUND(checking, DAMAGE, 0, "name it with vmm disk rebase --unsafe",
			"the descriptor does not say which the parent is");
	return status;
}

static int32_t check_geometry(struct checking *checking, uint32_t *changed)
{
	struct vmdk *vmdk = checking->vmdk;
	struct descriptor *descriptor = &vmdk->descriptor;
	uint64_t heads, sectors;
	char adapter[32], text[3][24];
	struct geometry geometry;
	if (descriptor_number(descriptor, "ddb.geometry.heads", 10, &heads) && heads > 0 && heads <= 255 &&
		descriptor_number(descriptor, "ddb.geometry.sectors", 10, &sectors) && sectors > 0 && sectors <= 63)
		return 0;
	/* A child may leave it to its parent. */
	if (vmdk->parent_cid != CID_NONE ||
		!FOUND(checking, NOTE, 1, "it gets the one that VMware would give it",
			"the descriptor has no geometry, or an impossible one"))
		return 0;
	if (!descriptor_get(descriptor, "ddb.adapterType", adapter, sizeof(adapter)))
		snprintf(adapter, sizeof(adapter), "ide");
	geometry_make(vmdk->image->length / SECTOR, adapter, &geometry);
	snprintf(text[0], sizeof(text[0]), "%llu", (unsigned long long)geometry.cylinders);
	snprintf(text[1], sizeof(text[1]), "%u", geometry.heads);
	snprintf(text[2], sizeof(text[2]), "%u", geometry.sectors);
	int32_t status = descriptor_set(descriptor, "ddb.geometry.cylinders", text[0], 1);
	if (status == 0)
		status = descriptor_set(descriptor, "ddb.geometry.heads", text[1], 1);
	if (status == 0)
		status = descriptor_set(descriptor, "ddb.geometry.sectors", text[2], 1);
	*changed = 1;
	return status;
}

static int32_t check_descriptor(struct checking *checking)
{
	static const char mark[] = "# Disk DescriptorFile";
	struct vmdk *vmdk = checking->vmdk;
	struct descriptor *descriptor = &vmdk->descriptor;
	uint32_t changed = 0;
	int32_t status = check_keys(checking, &changed);
	if (status == 0)
		status = check_geometry(checking, &changed);
	if (status == 0 && strncmp(descriptor->text, mark, 20) != 0 &&
		FOUND(checking, NOTE, 1, "it becomes the first line",
			"the descriptor does not begin with \"%s\", so that some programs refuse it", mark)) {
		status = descriptor_put(descriptor, 0, 0, mark);
		changed = 1;
	}
	if (vmdk->descriptor_offset != 0 && vmdk->descriptor_sectors * SECTOR < (uint64_t)descriptor->length + SECTOR)
		FOUND(checking, NOTE, 0, "vmm moves it when it needs more; or convert the disk",
			"there is no room behind the descriptor, which other programs may need");
	return status == 0 && changed ? store_save(vmdk) : status;
}

/* The extent is whole, and there is no text. */
static int32_t descriptor_rebuild(struct checking *checking)
{
	struct vmdk *vmdk = checking->vmdk;
	const struct sparse *sparse = checking->vmdk->extents[0].sparse;
	struct vmm_block_image *image = vmdk->image;
	char *text = NULL;
	struct geometry geometry;
	if (sparse == NULL || (sparse->kind != SPARSE_HOSTED && sparse->kind != SPARSE_STREAM) ||
		sparse->header.descriptorOffset == 0) {
		FOUND(checking, NOTE, 0, "check the disk by its descriptor", "%s is an extent without its descriptor",
			image->path);
		return 0;
	}
	if (!FOUND(checking, DAMAGE, 1,
		    "it gets a new one, of a disk without a parent: if it had one, name it with vmm disk rebase "
		    "--unsafe",
		    "the descriptor is no text"))
		return 0;
	geometry_make(image->length / SECTOR, "ide", &geometry);
	int size = asprintf(&text,
		"# Disk "
		"DescriptorFile\nversion=1\nencoding=\"UTF-8\"\nCID=%08x\nparentCID=ffffffff\ncreateType=\"%s\"\n\n"
		"# Extent description\nRW %llu SPARSE \"%s\"\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = "
		"\"ide\"\n"
		"ddb.geometry.cylinders = \"%llu\"\nddb.geometry.heads = \"%u\"\nddb.geometry.sectors = \"%u\"\n"
		"ddb.virtualHWVersion = \"4\"\n",
		cid_make(), sparse->kind == SPARSE_STREAM ? "streamOptimized" : "monolithicSparse",
		(unsigned long long)sparse->capacity, name_base(image->path), (unsigned long long)geometry.cylinders,
		geometry.heads, geometry.sectors);
	if (size < 0)
		return -ENOMEM;
	descriptor_free(&vmdk->descriptor);
	int32_t status = descriptor_copy(&vmdk->descriptor, text, (uint64_t)size);
	free(text);
	vmdk->descriptor_offset = sparse->header.descriptorOffset;
	vmdk->descriptor_sectors = sparse->header.descriptorSize;
	return status == 0 ? store_save(vmdk) : status;
}

static int32_t check_flat(struct checking *checking)
{
	const struct extent *extent = checking->extent;
	struct vmm_block_file_info info;
	uint64_t need = extent->offset + extent->length;
	int32_t status = vmm_block_file_info(extent->part->file, &info);
	checking->done += extent->length / SECTOR;
	if (status < 0 || info.length >= need)
		return status;
	if (FOUND(checking, DAMAGE, extent->access == ACCESS_WRITE, "it is filled up with zeros",
		    "%s has %llu bytes, and should have %llu: what was behind is lost", extent->part->path,
		    (unsigned long long)info.length, (unsigned long long)need))
		status = vmm_block_file_truncate(extent->part->file, need);
	return status;
}

static int32_t check_extent(struct checking *checking)
{
	struct extent *extent = checking->extent;
	switch (extent->kind) {
	case EXTENT_FLAT: return check_flat(checking);
	case EXTENT_SPARSE:
		return extent->sparse->kind == SPARSE_HOSTED ? check_hosted(checking) : check_entries(checking);
	case EXTENT_BROKEN: FOUND(checking, DAMAGE, 0, "put the right file in its place", "%s", extent->why); break;
	default: break;
	}
	checking->done += extent->length / SECTOR;
	return 0;
}

int32_t vmdk_check(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct vmdk *vmdk = vmdk_of(image);
	struct checking checking = { .vmdk = vmdk, .report = report, .of = 2 * image->length / SECTOR };
	int32_t status = vmdk->is_bare ? descriptor_rebuild(&checking) : check_descriptor(&checking);
	for (uint32_t i = 0; i < vmdk->extent_count && status == 0; i++) {
		checking.extent = &vmdk->extents[i];
		status = check_extent(&checking);
	}
	return status;
}
