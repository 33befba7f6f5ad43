/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * VHD for the property and crash tests, with small blocks: its variants are their sizes.  There are many of them even
 * in a small image, so that gaps are found and used anew, and the BAT has to move when the disk grows.
 */
#include <stdio.h>

/* All but the name of the table is the plugin's. */
#define vmm_vhd_format vhd_untuned
#include "plugins/storage-vhd/vhd.c"
#undef vmm_vhd_format

extern const struct vmm_block_format vmm_vhd_format; /* as the plugin's other files call it */

static char size[16];

static const char *tuned_option(const struct vmm_block_create *create, const char *key)
{
	(void)create;
	return strcmp(key, "block_size") == 0 ? size : NULL;
}

static int32_t tuned_create(const struct vmm_block_create *create)
{
	struct vmm_block_create tuned = *create;
	/* A child is made without a variant: it is to be like its parent. */
	if (create->parent == NULL)
		snprintf(size, sizeof(size), "%s", create->variant);
	tuned.variant = "dynamic";
	tuned.option = tuned_option;
	return vhd_create(&tuned);
}

const struct vmm_block_format vmm_vhd_format = {
	.state_size = sizeof(struct vhd),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "vhd",
	.suffixes = "vhd",
	.variants = "4096|65536|524288",
	.probe = probe,
	.open = open_image,
	.joined = vhd_joined,
	.close = close_image,
	.map = vhd_map,
	.allocate = vhd_allocate,
	.commit = vhd_commit,
	.abandon = vhd_abandon,
	.zero = vhd_zero,
	.sync = vhd_sync,
	.resize = vhd_resize,
	.compact = vhd_compact,
	.rebase = vhd_rebase,
	.check = vhd_check,
	.info = info,
	.create = tuned_create,
};
