/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Which storage plugin an image is for: each looks at its first and last bytes, and the surest has it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/fs.h>

#include "vmm/plugin/image.h"
#include "vmm/plugin/registry.h"

#define PROBE_HEAD 65536u
#define PROBE_TAIL 1024u

/* As much as there is; what cannot be read counts as not there. */
static uint32_t probe_read(int fd, uint8_t *data, uint32_t length, uint64_t offset)
{
	uint32_t done = 0;

	while (done < length) {
		ssize_t part = pread(fd, data + done, length - done, (off_t)(offset + done));

		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			break;
		done += (uint32_t)part;
	}
	return done;
}

static const struct plugin *probe_best(struct plugin_registry *registry, const struct vmm_probe *probe)
{
	const struct plugin *best = NULL, *plugin;
	uint32_t surest = 0;

	registry_load_all(registry, NULL, NULL);
	for (unsigned i = 0; (plugin = registry_plugin(registry, i)); i++) {
		uint32_t sure;

		if (strcmp(plugin->kind, VMM_KIND_STORAGE) || !plugin->factory.probe)
			continue;
		sure = plugin->factory.probe(plugin->index, probe);
		if (sure > surest) {
			surest = sure;
			best = plugin;
		}
	}
	return best;
}

/* Head and tail of an open file, and what it is. */
static int probe_fill(int fd, struct vmm_probe *probe, struct config_error *error)
{
	uint8_t *data = malloc(PROBE_HEAD + PROBE_TAIL);
	struct stat file;

	if (!data || fstat(fd, &file)) {
		free(data);
		return config_fail(error, NULL, 0, "the image %s cannot be read: %s", probe->path, strerror(errno));
	}
	probe->length = (uint64_t)file.st_size;
	if (S_ISBLK(file.st_mode)) {
		probe->flags |= VMM_PROBE_BLOCK;
		if (ioctl(fd, BLKGETSIZE64, &probe->length))
			probe->length = 0;
	} else if (S_ISDIR(file.st_mode)) {
		probe->flags |= VMM_PROBE_FOLDER;
	} else if (!S_ISREG(file.st_mode)) {
		free(data);
		return config_fail(error, NULL, 0, "%s is neither a file nor a block device: give the path of an image",
			probe->path);
	}
	if (!(probe->flags & VMM_PROBE_FOLDER)) {
		probe->head_length = probe_read(fd, data, PROBE_HEAD, 0);
		probe->tail_length = probe->length > PROBE_TAIL
			? probe_read(fd, data + PROBE_HEAD, PROBE_TAIL, probe->length - PROBE_TAIL)
			: 0;
	}
	probe->head = data;
	probe->tail = data + PROBE_HEAD;
	return 0;
}

int probe_open(const char *path, struct vmm_probe *probe, struct config_error *error)
{
	/* Not blocking: a pipe of that name is not to hang the machine. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), status;

	*probe = (struct vmm_probe){ .struct_size = sizeof(*probe), .path = path };
	if (fd < 0)
		return config_fail(error, NULL, 0, "the image %s cannot be opened: %s", path, strerror(errno));
	status = probe_fill(fd, probe, error);
	close(fd);
	return status;
}

void probe_close(struct vmm_probe *probe)
{
	free((void *)(uintptr_t)probe->head);
	probe->head = probe->tail = NULL;
}

/* For an image that is yet to be made (`size =`): as its name says, else raw. */
static const struct plugin *probe_name(struct plugin_registry *registry, const char *path)
{
	const struct image_format *format = image_format_suffix(registry, path);
	const struct plugin *plugin;

	if (!format && image_format_find(registry, "raw", &format, NULL))
		return NULL;
	for (unsigned i = 0; (plugin = registry_plugin(registry, i)); i++)
		if (!strcmp(plugin->kind, VMM_KIND_STORAGE) && !strcmp(plugin->path, format->path))
			return plugin;
	return NULL;
}

int registry_probe(
	struct plugin_registry *registry, const char *path, const struct plugin **plugin, struct config_error *error)
{
	struct vmm_probe probe;
	int status;

	if (access(path, F_OK) && errno == ENOENT) {
		*plugin = probe_name(registry, path);
		if (*plugin)
			return 0;
	}
	status = probe_open(path, &probe, error);
	if (status)
		return status;
	*plugin = probe_best(registry, &probe);
	probe_close(&probe);
	if (*plugin)
		return 0;
	return config_fail(error, NULL, 0,
		"no storage plugin knows the format of %s: name one (PORT.plugin = NAME; vmm plugin list)", path);
}
