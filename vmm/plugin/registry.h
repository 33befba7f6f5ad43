/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Finding and loading plugins, and what is known of each.
 */
#ifndef VMM_PLUGIN_REGISTRY_H
#define VMM_PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <vmm/plugin.h>

#include "vmm/config/config.h"

#define PLUGIN_ID_PREFIX "org.vmm."

struct plugin_registry;

/* A plugin of a file.  The descriptor and its tables are copies of this program's sizes. */
struct plugin {
	const char *kind; /* VMM_KIND_* */
	const char *path; /* of its file */
	struct vmm_descriptor descriptor;
	struct vmm_param *params;
	struct vmm_port_row *ports;
	struct vmm_factory factory;
	uint32_t index; /* within the factory */
};

/* A registry that looks into the folders of `path` (parted by colons; empty parts are skipped). */
int registry_new(const char *path, struct plugin_registry **registry);
void registry_free(struct plugin_registry *registry);
/* $VMM_PLUGIN_PATH, then the user's and the system's folders.  malloc'ed. */
char *registry_default_path(void);
const char *registry_path(const struct plugin_registry *registry);

/* Find a plugin by its id ("org.vmm." may be left out) and load its file.  -ENOENT: no folder has it; other
 * negatives: it was found, but is unfit.  The message has cause and remedy, without file and line. */
int registry_find(
	struct plugin_registry *registry, const char *id, const struct plugin **plugin, struct config_error *error);
/* The plugin that is surest to know the image at an absolute path (probe.c).  -ENOENT and the like with a message. */
int registry_probe(
	struct plugin_registry *registry, const char *path, const struct plugin **plugin, struct config_error *error);
/* The head and the tail of a file, for probe functions; 0, or a negative errno with a message.  `path` has to last. */
int probe_open(const char *path, struct vmm_probe *probe, struct config_error *error);
void probe_close(struct vmm_probe *probe);
/* The image formats of all plugins (image.h). */
struct image_list;
const struct image_list *registry_images(struct plugin_registry *registry);
/* Load all there are; each file that is unfit is told to `bad` (may be NULL). */
void registry_load_all(
	struct plugin_registry *registry, void (*bad)(void *self, const char *path, const char *text), void *self);
/* The plugins that were loaded, by index; NULL past the end. */
const struct plugin *registry_plugin(const struct plugin_registry *registry, unsigned index);
/* Load one file by its path. 0 or a negative errno with a message. */
int registry_load(struct plugin_registry *registry, const char *path, struct config_error *error);
/* Ids of all plugins that folders hold, for spelling help: file names without ".so".  Free with names_free. */
char **registry_names(struct plugin_registry *registry, unsigned *count);
void registry_names_free(char **names, unsigned count);
/* An id without "org.vmm.". */
const char *plugin_short_id(const char *id);
bool plugin_id_equal(const char *a, const char *b);

#endif
