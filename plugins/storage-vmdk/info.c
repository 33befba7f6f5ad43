/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What there is to say about a VMDK.
 */
#include "sparse.h"

#include <stdio.h>
#include <string.h>

/* Keys of the descriptor that people ask for, and their names in our words. */
static const struct {
	const char *key, *name;
} keys[] = {
	{ "createType", "create-type" },
	{ "encoding", "encoding" },
	{ "CID", "content-id" },
	{ "parentCID", "parent-content-id" },
	{ "changeTrackPath", "change-tracking-file" },
	{ "ddb.adapterType", "adapter-type" },
	{ "ddb.geometry.cylinders", "cylinders" },
	{ "ddb.geometry.heads", "heads" },
	{ "ddb.geometry.sectors", "sectors" },
	{ "ddb.virtualHWVersion", "hardware-version" },
	{ "ddb.toolsVersion", "tools-version" },
	{ "ddb.thinProvisioned", "thin-provisioned" },
	{ "ddb.uuid", "uuid" },
	{ "ddb.longContentID", "long-content-id" },
	{ "ddb.comment", "comment" },
};

static const char *kind_name(const struct sparse *sparse)
{
	switch (sparse->kind) {
	case SPARSE_STREAM: return "compressed";
	case SPARSE_COWD: return "COWD";
	case SPARSE_SE: return "seSparse";
	default: return "hosted";
	}
}

static void sparse_info(const struct sparse *sparse, struct vmm_block_facts *facts)
{
	facts->text(facts, "sparse-extent", kind_name(sparse));
	if (sparse->kind == SPARSE_HOSTED || sparse->kind == SPARSE_STREAM)
		facts->number(facts, "header-version", sparse->header.version);
	facts->number(facts, "grain-size", sparse->grain_bytes);
	if (sparse->kind != SPARSE_HOSTED)
		return;
	facts->text(facts, "zeroed-grain", (sparse->header.flags & FLAG_ZERO_GRAIN) != 0 ? "yes" : "no");
	facts->text(facts, "unclean-shutdown", sparse->was_unclean ? "yes" : "no");
}

static void file_info(const struct extent *extent, struct vmm_block_facts *facts)
{
	if (extent->part != NULL)
		facts->file(facts, "extent", extent->part->path);
	else if (extent->kind == EXTENT_BROKEN)
		facts->file(facts, "missing extent", extent->name);
}

void vmdk_info(struct vmm_block_image *image, struct vmm_block_facts *facts)
{
	const struct vmdk *vmdk = vmdk_of(image);
	char value[256];
	uint32_t is_said = 0;
	for (uint32_t i = 0; vmdk->descriptor.text != NULL && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (descriptor_get(&vmdk->descriptor, keys[i].key, value, sizeof(value)) && value[0] != '\0')
			facts->text(facts, keys[i].name, value);
	}
	facts->number(facts, "extents", vmdk->extent_count);
	if (!vmdk->is_bare && vmdk->descriptor_offset == 0)
		facts->file(facts, "descriptor", image->path);
	if (vmdk->descriptor_offset > 1)
		facts->number(facts, "descriptor-sector", vmdk->descriptor_offset);
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		/* The extents of a disk are alike, but for some that were made by hand. */
		if (vmdk->extents[i].sparse != NULL && !is_said) {
			sparse_info(vmdk->extents[i].sparse, facts);
			is_said = 1;
		}
		file_info(&vmdk->extents[i], facts);
	}
}
