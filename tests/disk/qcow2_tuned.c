/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * qcow2 for the property and crash tests, with options: its variants are sets of them.  Small clusters have many tables
 * even in a small image, so that refcount tables grow and L2 tables come and go.
 */
#include <stdio.h>

/* All but the name of the table is the plugin's. */
#define vmm_qcow2_format qcow2_untuned
#include "plugins/storage-qcow2/qcow2.c"
#undef vmm_qcow2_format

extern const struct vmm_block_format vmm_qcow2_tuned;

struct tuning {
	const char *name, *version;
	const char *options[8];
};

static const struct tuning tunings[] = {
	{ "512", "v3", { "cluster_size", "512" } },
	{ "v2-512", "v2", { "cluster_size", "512" } },
	{ "1-bit", "v3", { "cluster_size", "1024", "refcount_bits", "1" } },
	{ "64-bit", "v3", { "cluster_size", "512", "refcount_bits", "64" } },
	{ "extended", "v3", { "cluster_size", "16384", "extended_l2", "yes" } },
	{ "compressed", "compressed", { "cluster_size", "1024" } },
	{ "external", "v3", { "cluster_size", "4096", "data_file", "" } },
	{ "extended-external", "v3", { "cluster_size", "65536", "extended_l2", "yes", "data_file", "" } },
};

struct tuned {
	struct vmm_block_create create; /* first */
	const struct tuning *tuning;
	char data[4096];
};

static const char *tuned_option(const struct vmm_block_create *create, const char *key)
{
	const struct tuned *tuned = create->kit;
	for (uint32_t i = 0; tuned->tuning->options[i] != NULL; i += 2) {
		if (strcmp(tuned->tuning->options[i], key) == 0)
			return strcmp(key, "data_file") == 0 ? tuned->data : tuned->tuning->options[i + 1];
	}
	return NULL;
}

static int32_t tuned_create(const struct vmm_block_create *create)
{
	/* A child is made without a variant: it is to be like its parent. */
	static const struct tuning *last = &tunings[0];
	struct tuned tuned = { .create = *create };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(tunings) && create->parent == NULL; i++) {
		if (strcmp(tunings[i].name, create->variant) == 0)
			last = &tunings[i];
	}
	tuned.tuning = last;
	tuned.create.variant = last->version;
	tuned.create.option = tuned_option;
	tuned.create.kit = &tuned;
	snprintf(tuned.data, sizeof(tuned.data), "%s.data", create->path);
	return qcow2_create(&tuned.create);
}

const struct vmm_block_format vmm_qcow2_tuned = {
	.state_size = sizeof(struct qcow2),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "qcow2",
	.suffixes = "qcow2",
	.variants = "512|v2-512|1-bit|64-bit|extended|compressed|external|extended-external",
	.probe = probe,
	.open = open_image,
	.close = close_image,
	.begin = begin,
	.map = qcow2_map,
	.unpack = qcow2_unpack,
	.allocate = qcow2_allocate,
	.commit = qcow2_commit,
	.abandon = qcow2_abandon,
	.zero = qcow2_zero,
	.sync = qcow2_sync,
	.pack = qcow2_pack,
	.resize = qcow2_resize,
	.compact = qcow2_compact,
	.rebase = rebase,
	.check = qcow2_check,
	.info = info,
	.create = tuned_create,
};
