/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment.h"

/* "/" and 16 digits. */
#define NAME_LENGTH 17u

/* Whoever may write there may join: it must be ours alone. */
static int32_t folder_make(const struct vmm_host *host, const char *folder)
{
	struct stat what;
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return vmm_kit_fail(host, -errno, "set `folder =` to one that can be made", "cannot make %s: %s",
			folder, strerror(errno));
	if (lstat(folder, &what) < 0 || !S_ISDIR(what.st_mode))
		return vmm_kit_fail(host, -ENOTDIR, "remove it, or set `folder =`", "%s is no folder", folder);
	if (what.st_uid != geteuid() || (what.st_mode & 077) != 0)
		return vmm_kit_fail(host, -EPERM, "close it to others, or set `folder =`",
			"%s is not ours alone, so that anybody could join", folder);
	return 0;
}

static int32_t too_long(const struct segment *segment)
{
	return vmm_kit_fail(segment->host, -ENAMETOOLONG, "set `folder =` to a shorter one",
		"a socket's path has at most %u bytes, and the segment's folder leaves too little of it",
		SEGMENT_PATH - 1);
}

int32_t segment_folder(struct segment *segment)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	const struct vmm_host *host = segment->host;
	char parent[4096];
	int32_t length = vmm_kit_string(host, "folder", parent, sizeof(parent));
	if (length == -EOVERFLOW || length >= (int32_t)(SEGMENT_PATH - NAME_LENGTH))
		return too_long(segment);
	if (length > 0) {
		memcpy(segment->folder, parent, (size_t)length + 1);
		return folder_make(host, segment->folder);
	}
	if (base != NULL && base[0] == '/')
		snprintf(parent, sizeof(parent), "%s/vmm", base);
	else
		snprintf(parent, sizeof(parent), "/tmp/vmm-%u", (unsigned int)geteuid());
	length = snprintf(segment->folder, sizeof(segment->folder), "%.90s/segment-%s", parent, segment->name);
	if (length >= (int32_t)(SEGMENT_PATH - NAME_LENGTH) || strlen(parent) > 90)
		return too_long(segment);
	int32_t status = folder_make(host, parent);
	return status < 0 ? status : folder_make(host, segment->folder);
}
