/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * VMware's own locks: while a machine of its uses disk.vmdk, on whichever host, there is a folder disk.vmdk.lck with a
 * file in it that says who.  Our kind of lock they do not have, so these are looked at as well.
 */
#include "vmdk.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The words of a lock file: the host, process and so on, between bytes that are for machines. */
static void holder_read(DIR *folder, const char *name, char holder[128])
{
	char bytes[512];
	uint32_t length = 0;
	int fd = openat(dirfd(folder), name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t size = fd < 0 ? 0 : read(fd, bytes, sizeof(bytes));
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < size && length < 127; i++) {
		if (isgraph((unsigned char)bytes[i]))
			holder[length++] = bytes[i];
		else if (length > 0 && holder[length - 1] != ' ')
			holder[length++] = ' ';
	}
	while (length > 0 && holder[length - 1] == ' ')
		length--;
	holder[length] = '\0';
}

int32_t lock_check(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	char path[DESCRIPTOR_NAME], remedy[DESCRIPTOR_NAME + 128], holder[128] = "";
	uint32_t is_locked = 0;
	if ((image->flags & VMM_BLOCK_READONLY) != 0 ||
		(uint32_t)snprintf(path, sizeof(path), "%s.lck", image->path) >= sizeof(path))
		return 0;
	DIR *folder = opendir(path);
	if (folder == NULL)
		return 0;
	for (struct dirent *entry; !is_locked && (entry = readdir(folder)) != NULL;) {
		size_t length = strlen(entry->d_name);
		is_locked = length > 4 && strcasecmp(entry->d_name + length - 4, ".lck") == 0;
		if (is_locked)
			holder_read(folder, entry->d_name, holder);
	}
	closedir(folder);
	if (!is_locked)
		return 0;
	snprintf(remedy, sizeof(remedy), "stop VMware's machine; if none is running anywhere, remove the folder %s",
		path);
	return vmm_block_fail(image->host, -EBUSY, remedy, "%s is in use by VMware%s%s", image->path,
		holder[0] != '\0' ? ": " : "", holder);
}
