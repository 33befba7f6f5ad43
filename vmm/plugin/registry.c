/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/plugin/copy.h"
#include "vmm/plugin/file.h"
#include "vmm/plugin/image.h"

#define TABLE_ROWS_MAX 256u

struct plugin_registry {
	char *path;
	char **files; /* that were loaded or found unfit */
	unsigned file_count;
	struct plugin **plugins;
	unsigned plugin_count;
	struct image_list images;
	bool images_wanted; /* they are all loaded */
};

static const char *const registry_kinds[] = { VMM_KIND_DEVICE, VMM_KIND_CHAR, VMM_KIND_STORAGE, VMM_KIND_NET,
	VMM_KIND_DISPLAY, VMM_KIND_AUDIO, VMM_KIND_INPUT, VMM_KIND_ENGINE, VMM_KIND_CONTROL };

int registry_new(const char *path, struct plugin_registry **result)
{
	struct plugin_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	registry->path = strdup(path);
	if (!registry->path) {
		free(registry);
		return -ENOMEM;
	}
	*result = registry;
	return 0;
}

static void plugin_free(struct plugin *plugin)
{
	if (!plugin)
		return;
	free(plugin->params);
	free(plugin->ports);
	free(plugin);
}

void registry_free(struct plugin_registry *registry)
{
	if (!registry)
		return;
	for (unsigned i = 0; i < registry->plugin_count; i++)
		plugin_free(registry->plugins[i]);
	image_list_free(&registry->images);
	for (unsigned i = 0; i < registry->file_count; i++)
		free(registry->files[i]);
	free(registry->plugins);
	free(registry->files);
	free(registry->path);
	free(registry);
}

const char *registry_path(const struct plugin_registry *registry)
{
	return registry->path;
}

char *registry_default_path(void)
{
	const char *own = getenv("VMM_PLUGIN_PATH"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int length;

	if (data && data[0] == '/')
		length = asprintf(&path, "%s:%s/vmm/plugins:%s", own ? own : "", data, VMM_PLUGIN_DIR);
	else if (home && home[0] == '/')
		length = asprintf(&path, "%s:%s/.local/share/vmm/plugins:%s", own ? own : "", home, VMM_PLUGIN_DIR);
	else
		length = asprintf(&path, "%s:%s", own ? own : "", VMM_PLUGIN_DIR);
	return length < 0 ? NULL : path;
}

const char *plugin_short_id(const char *id)
{
	return strncmp(id, PLUGIN_ID_PREFIX, strlen(PLUGIN_ID_PREFIX)) ? id : id + strlen(PLUGIN_ID_PREFIX);
}

bool plugin_id_equal(const char *a, const char *b)
{
	return !strcmp(plugin_short_id(a), plugin_short_id(b));
}

static int copy_rows(void **rows, const void *from, uint32_t count, uint32_t stride, size_t size)
{
	*rows = NULL;
	if (!count)
		return 0;
	if (count > TABLE_ROWS_MAX || stride < sizeof(uint32_t) || !from)
		return -EINVAL;
	*rows = calloc(count, size);
	if (!*rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		const char *row = (const char *)from + (size_t)i * stride;
		uint32_t row_size;

		memcpy(&row_size, row, sizeof(row_size));
		copy_struct((char *)*rows + i * size, size, row, row_size < stride ? row_size : stride);
	}
	return 0;
}

static const char *descriptor_fault(const struct plugin *plugin)
{
	const struct vmm_descriptor *descriptor = &plugin->descriptor;

	if (!descriptor->id || !descriptor->name || !descriptor->version || !descriptor->licence ||
		!descriptor->description)
		return "its descriptor lacks a text";
	if (!strchr(descriptor->id, '.'))
		return "its id has no vendor part";
	if (descriptor->thread_model != VMM_THREAD_MACHINE)
		return "it wants a thread model that this vmm does not know";
	for (uint32_t i = 0; i < descriptor->param_count; i++) {
		const struct vmm_param *param = &plugin->params[i];

		if (!param->key || !param->help || param->type < VMM_PARAM_BOOL || param->type > VMM_PARAM_LIST)
			return "a row of its parameter table is incomplete";
		if (param->type == VMM_PARAM_CHOICE && !param->choices)
			return "a choice in its parameter table has no choices";
	}
	for (uint32_t i = 0; i < descriptor->port_count; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];

		if (!row->key || !row->interfaces || !row->help ||
			(row->role != VMM_ROLE_UPPER && row->role != VMM_ROLE_LOWER))
			return "a row of its port table is incomplete";
	}
	return NULL;
}

static int plugin_add(struct plugin_registry *registry, const char *kind, const char *path,
	const struct vmm_factory *factory, uint32_t index, struct config_error *error)
{
	struct plugin *plugin = calloc(1, sizeof(*plugin));
	struct plugin **plugins;
	const struct vmm_descriptor *descriptor = factory->descriptors[index];
	const char *fault = NULL;
	int result = plugin ? 0 : -ENOMEM;

	if (!result && !descriptor)
		fault = "a descriptor is missing";
	if (!result && !fault) {
		COPY_STRUCT(&plugin->descriptor, descriptor);
		plugin->kind = kind;
		plugin->path = path;
		plugin->factory = *factory;
		plugin->index = index;
		result = copy_rows((void **)&plugin->params, plugin->descriptor.params, plugin->descriptor.param_count,
			plugin->descriptor.param_stride, sizeof(*plugin->params));
		if (!result)
			result = copy_rows((void **)&plugin->ports, plugin->descriptor.ports,
				plugin->descriptor.port_count, plugin->descriptor.port_stride, sizeof(*plugin->ports));
		if (!result)
			fault = descriptor_fault(plugin);
		if (result == -EINVAL)
			fault = "a table of its descriptor has an absurd size";
	}
	if (fault) {
		config_fail(error, NULL, 0, "plugin %s is broken (%s): rebuild it", path, fault);
		result = -ENOEXEC;
	}
	if (!result) {
		plugins = realloc(registry->plugins, (registry->plugin_count + 1) * sizeof(struct plugin *));
		if (plugins) {
			registry->plugins = plugins;
			plugins[registry->plugin_count++] = plugin;
			return 0;
		}
		result = -ENOMEM;
	}
	if (result == -ENOMEM)
		config_fail(error, NULL, 0, "out of memory");
	plugin_free(plugin);
	return result;
}

static const char *file_add(struct plugin_registry *registry, const char *path)
{
	char **files = realloc(registry->files, (registry->file_count + 1) * sizeof(char *));

	if (!files)
		return NULL;
	registry->files = files;
	files[registry->file_count] = strdup(path);
	return files[registry->file_count] ? files[registry->file_count++] : NULL;
}

static bool file_seen(const struct plugin_registry *registry, const char *path)
{
	for (unsigned i = 0; i < registry->file_count; i++)
		if (!strcmp(registry->files[i], path))
			return true;
	return false;
}

int registry_load(struct plugin_registry *registry, const char *path, struct config_error *error)
{
	struct vmm_plugin entry;
	unsigned before = registry->plugin_count, images_before = registry->images.count;
	const char *kept;
	int result;

	if (file_seen(registry, path))
		return 0;
	result = plugin_file_open(path, &entry, error);
	if (result)
		return result;
	kept = file_add(registry, path);
	if (!kept) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < sizeof(registry_kinds) / sizeof(registry_kinds[0]); i++) {
		const struct vmm_factory *found = entry.get_factory(registry_kinds[i]);
		struct vmm_factory factory;

		if (!found)
			continue;
		COPY_STRUCT(&factory, found);
		if (!factory.create || !factory.descriptors || factory.descriptor_count > TABLE_ROWS_MAX) {
			config_fail(
				error, NULL, 0, "plugin %s is broken (its factory is incomplete): rebuild it", path);
			return -ENOEXEC;
		}
		for (uint32_t j = 0; j < factory.descriptor_count && !result; j++)
			result = plugin_add(registry, registry_kinds[i], kept, &factory, j, error);
		if (result)
			return result;
	}
	result = image_list_add(&registry->images, &entry, kept, error);
	if (result)
		return result;
	if (registry->plugin_count == before && registry->images.count == images_before) {
		config_fail(error, NULL, 0, "plugin %s offers nothing that this vmm knows: a newer vmm may", path);
		return -ENOEXEC;
	}
	return 0;
}

/* Call for each folder of the search path, until the call returns true. */
static bool registry_folders(
	const struct plugin_registry *registry, bool (*call)(void *self, const char *folder), void *self)
{
	const char *at = registry->path;

	while (*at) {
		size_t length = strcspn(at, ":");
		char folder[4096];

		/* Only absolute paths: what is loaded must not depend on where we stand. */
		if (length && length < sizeof(folder) && at[0] == '/') {
			memcpy(folder, at, length);
			folder[length] = 0;
			if (call(self, folder))
				return true;
		}
		at += length + (at[length] == ':');
	}
	return false;
}

static bool name_is_plugin(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && !strcmp(name + length - 3, ".so") && name[0] != '.' && strncmp(name, "lib", 3) != 0;
}

struct scan {
	struct plugin_registry *registry;
	const char *id;
	bool id_only; /* look for ID.so only */
	struct config_error *error;
	int result;
	void (*bad)(void *self, const char *path, const char *text);
	void *bad_self;
	char **names;
	unsigned name_count;
};

static const struct plugin *registry_loaded(const struct plugin_registry *registry, const char *id)
{
	for (unsigned i = 0; i < registry->plugin_count; i++)
		if (plugin_id_equal(registry->plugins[i]->descriptor.id, id))
			return registry->plugins[i];
	return NULL;
}

static bool scan_named(void *self, const char *folder)
{
	struct scan *scan = self;
	const char *names[2] = { plugin_short_id(scan->id),
		strrchr(scan->id, '.') ? strrchr(scan->id, '.') + 1 : NULL };

	for (unsigned i = 0; i < 2 && names[i]; i++) {
		char path[8192];

		snprintf(path, sizeof(path), "%s/%s.so", folder, names[i]);
		if (access(path, F_OK))
			continue;
		scan->result = registry_load(scan->registry, path, scan->error);
		if (scan->result || registry_loaded(scan->registry, scan->id))
			return true;
	}
	return false;
}

static bool scan_all(void *self, const char *folder)
{
	struct scan *scan = self;
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		struct config_error error = { "" };
		char path[8192];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (name_is_plugin(entries[i]->d_name) && registry_load(scan->registry, path, &error) && scan->bad)
			scan->bad(scan->bad_self, path, error.text);
		free(entries[i]);
	}
	free(entries);
	return false;
}

static bool scan_names(void *self, const char *folder)
{
	struct scan *scan = self;
	DIR *directory = opendir(folder);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char **names;

		if (!name_is_plugin(entry->d_name))
			continue;
		names = realloc(scan->names, (scan->name_count + 1) * sizeof(char *));
		if (!names)
			break;
		scan->names = names;
		names[scan->name_count] = strndup(entry->d_name, strlen(entry->d_name) - 3);
		if (names[scan->name_count])
			scan->name_count++;
	}
	if (directory)
		closedir(directory);
	return false;
}

char **registry_names(struct plugin_registry *registry, unsigned *count)
{
	struct scan scan = { .registry = registry };

	registry_folders(registry, scan_names, &scan);
	*count = scan.name_count;
	return scan.names;
}

void registry_names_free(char **names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

void registry_load_all(
	struct plugin_registry *registry, void (*bad)(void *self, const char *path, const char *text), void *self)
{
	struct scan scan = { .registry = registry, .bad = bad, .bad_self = self };

	registry_folders(registry, scan_all, &scan);
}

const struct image_list *registry_images(struct plugin_registry *registry)
{
	if (!registry->images_wanted)
		registry_load_all(registry, NULL, NULL);
	registry->images_wanted = true;
	return &registry->images;
}

const struct plugin *registry_plugin(const struct plugin_registry *registry, unsigned index)
{
	return index < registry->plugin_count ? registry->plugins[index] : NULL;
}

int registry_find(
	struct plugin_registry *registry, const char *id, const struct plugin **plugin, struct config_error *error)
{
	struct scan scan = { .registry = registry, .id = id, .error = error };
	unsigned count;
	char **names;
	const char *near;

	*plugin = registry_loaded(registry, id);
	if (*plugin)
		return 0;
	if (!strchr(id, '/')) {
		registry_folders(registry, scan_named, &scan);
		if (scan.result)
			return scan.result;
		*plugin = registry_loaded(registry, id);
	}
	if (!*plugin) {
		/* A file may hold plugins of other names. */
		registry_load_all(registry, NULL, NULL);
		*plugin = registry_loaded(registry, id);
	}
	if (*plugin)
		return 0;
	names = registry_names(registry, &count);
	near = config_nearest(plugin_short_id(id), (const char *const *)names, count);
	if (near)
		config_fail(error, NULL, 0, "there is no plugin \"%s\": did you mean \"%s\"?", id, near);
	else
		config_fail(error, NULL, 0,
			"there is no plugin \"%s\": install it, or add its folder to VMM_PLUGIN_PATH (searched: %s)",
			id, registry->path);
	registry_names_free(names, count);
	return -ENOENT;
}
