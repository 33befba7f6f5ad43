/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Formats of disk images that plugins offer (vmm.image/1), and opening images by them.
 */
#ifndef VMM_PLUGIN_IMAGE_H
#define VMM_PLUGIN_IMAGE_H

#include <vmm/draft/image.h>

#include "vmm/plugin/registry.h"

/* A format of a file.  The table and its options are copies of this program's sizes. */
struct image_format {
	const char *path; /* of its plugin */
	struct vmm_image_factory factory;
	uint32_t index; /* within the factory */
	struct vmm_image_format known;
	struct vmm_param *options; /* known.option_count */
};

/* What a registry has of them. */
struct image_list {
	struct image_format **formats;
	unsigned count;
};
/* Add what a plugin has; 0 too if that is nothing. */
int image_list_add(
	struct image_list *list, const struct vmm_plugin *entry, const char *path, struct config_error *error);
void image_list_free(struct image_list *list);

/* All there are, by index; NULL past the end.  The first call loads every plugin. */
const struct image_format *image_format_at(struct plugin_registry *registry, unsigned index);
/* By its name.  -ENOENT with a message. */
int image_format_find(struct plugin_registry *registry, const char *name, const struct image_format **format,
	struct config_error *error);
/* By the suffix of a file's name; NULL: none claims it. */
const struct image_format *image_format_suffix(struct plugin_registry *registry, const char *path);
/* By what is in the file. */
int image_format_probe(struct plugin_registry *registry, const char *path, const struct image_format **format,
	struct config_error *error);
/* Open an image; `name` NULL: by what is in it.  Why it fails is said to the host. */
int image_open_for(struct plugin_registry *registry, const struct vmm_host *host, const char *name, const char *path,
	uint32_t flags, struct vmm_image *image);

#endif
