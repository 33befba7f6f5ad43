/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Images that a running machine has open: which machine that is, and its drive's methods on the control socket.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/command/disk.h"
#include "vmm/control/control.h"

#define PATIENCE 10 /* seconds, with a machine that may not be the one */

/* The image that an instance has, or NULL. */
static json_t *instance_image(int fd, const char *instance, json_t *plugin)
{
	const char *name = json_string_value(plugin);
	char *method, text[1024];
	json_t *result = NULL;

	if (!name || strncmp(name, "storage-", 8) != 0 || asprintf(&method, "%s.image", instance) < 0)
		return NULL;
	if (control_call(fd, method, NULL, &result, text, sizeof(text)))
		result = NULL;
	free(method);
	return result;
}

/* Has the machine behind this socket the file?  Then the socket is *live's. */
static bool machine_has(const char *socket, const struct stat *file, struct disk_live *live)
{
	const struct timeval limit = { PATIENCE, 0 }, forever = { 0 };
	json_t *status = NULL, *entry;
	char text[1024];
	size_t index;
	int fd = control_connect(socket);

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (control_call(fd, "status", NULL, &status, text, sizeof(text)))
		status = NULL;
	json_array_foreach(json_object_get(status, "instances"), index, entry)
	{
		const char *instance = json_string_value(json_object_get(entry, "name"));
		json_t *image = instance ? instance_image(fd, instance, json_object_get(entry, "plugin")) : NULL;

		if (image && (dev_t)json_integer_value(json_object_get(image, "device")) == file->st_dev &&
			(ino_t)json_integer_value(json_object_get(image, "inode")) == file->st_ino) {
			live->instance = strdup(instance);
			live->length = (uint64_t)json_integer_value(json_object_get(image, "length"));
		}
		json_decref(image);
		if (live->instance)
			break;
	}
	json_decref(status);
	if (!live->instance) {
		close(fd);
		return false;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever, sizeof(forever));
	live->fd = fd;
	return true;
}

static bool any_machine_has(const struct stat *file, struct disk_live *live)
{
	char *folder = control_folder(false), *path;
	DIR *directory = folder ? opendir(folder) : NULL;
	struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);

		if (length <= 5 || strcmp(entry->d_name + length - 5, ".sock") != 0 ||
			asprintf(&path, "%s/%s", folder, entry->d_name) < 0)
			continue;
		found = machine_has(path, file, live);
		free(path);
	}
	if (directory)
		closedir(directory);
	free(folder);
	return found;
}

static int named_machine(const struct disk_words *words, const struct stat *file, struct disk_live *live)
{
	char *socket = command_socket(words->machine);
	int fd = socket ? control_connect(socket) : -ENOENT;
	int status = STATUS_DONE;

	if (fd < 0)
		status = command_failed("no machine called \"%s\" runs: vmm list shows those that do", words->machine);
	else if (!machine_has(socket, file, live))
		status = command_failed("machine \"%s\" has no drive with %s: vmm status shows those that it has",
			words->machine, words->names[0]);
	if (fd >= 0)
		close(fd);
	free(socket);
	return status;
}

int disk_open_live(struct disk_host *host, const struct disk_words *words, uint32_t flags, struct vmm_image *image,
	struct disk_live *live)
{
	struct stat file = { 0 };
	int32_t failed;

	*live = (struct disk_live){ .fd = -1 };
	*image = (struct vmm_image){ .struct_size = sizeof(*image) };
	host->cause[0] = 0;
	if (words->machine && stat(words->names[0], &file))
		return command_failed("%s: %s", words->names[0], strerror(errno));
	if (words->machine)
		return named_machine(words, &file, live);
	failed = image_open_for(
		host->registry, &host->host, words->source_format, words->names[0], flags & ~VMM_IMAGE_UNLOCKED, image);
	if (failed == -EBUSY && !stat(words->names[0], &file) && any_machine_has(&file, live))
		return STATUS_DONE;
	if (failed == -EBUSY && (flags & VMM_IMAGE_UNLOCKED))
		failed = image_open_for(
			host->registry, &host->host, words->source_format, words->names[0], flags, image);
	return failed ? disk_failed(host, failed, "opening", words->names[0]) : STATUS_DONE;
}

int disk_live_call(const struct disk_live *live, const char *method, json_t *params, json_t **result)
{
	char *name, text[1024];
	int status;

	*result = NULL;
	if (asprintf(&name, "%s.%s", live->instance, method) < 0) {
		json_decref(params);
		return command_failed("out of memory");
	}
	status = control_call(live->fd, name, params, result, text, sizeof(text));
	free(name);
	if (status == -EREMOTEIO)
		return command_failed("%s", text);
	return status ? command_failed("the machine does not answer any more: %s", strerror(-status)) : STATUS_DONE;
}

void disk_live_close(struct disk_live *live)
{
	if (live->fd >= 0)
		close(live->fd);
	free(live->instance);
	*live = (struct disk_live){ .fd = -1 };
}
