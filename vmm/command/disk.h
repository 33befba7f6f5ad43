/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm disk: what its actions share.
 */
#ifndef VMM_COMMAND_DISK_H
#define VMM_COMMAND_DISK_H

#include <string.h>

#include "vmm/command/command.h"
#include "vmm/plugin/image.h"

#define STATUS_FOUND 3 /* check has found something */

/* Options and names of an action; disk.c takes them apart. */
#define DISK_NAMES   2u
#define DISK_OPTIONS 32u
struct disk_words {
	const char *action;
	const char *names[DISK_NAMES + 1];
	unsigned name_count;
	const char *format, *source_format, *parent, *parent_format;
	struct vmm_image_option options[DISK_OPTIONS];
	unsigned option_count;
	const char *count, *size, *step, *depth, *cache, *seed, *since, *machine;
	bool json, begin, yes, dry, unsafe_, write, random, shrink;
};

/* The host that images are opened for: what they say of a failure last is kept. */
struct disk_host {
	struct vmm_host host;
	struct plugin_registry *registry;
	char cause[6144], remedy[512];
};
int disk_host_init(struct disk_host *host); /* a status */
void disk_host_end(struct disk_host *host);
/* "vmm: WHAT, as the host was told"; STATUS_FAILED. */
int disk_failed(const struct disk_host *host, int32_t status, const char *what, const char *path);

/* Open an image by `format` (NULL: by what is in it).  A status after a message; FLAGS are VMM_IMAGE_*. */
int disk_open(struct disk_host *host, const char *path, const char *format, uint32_t flags, struct vmm_image *image);
/* The format that an image of this name is to have: "NAME:VARIANT", or as its suffix says, or raw.  *variant:
 * malloc'ed, NULL if none is named. */
int disk_format(struct disk_host *host, const char *words, const char *path, const struct image_format **format,
	char **variant);
int disk_size(const char *text, const char *what, uint64_t *size);
int disk_number(const char *text, const char *what, uint64_t least, uint64_t most, uint64_t *number);
/* How an image is to name another as its parent: as seen from its own folder, if they share one.  malloc'ed. */
char *disk_parent_name(const char *child, const char *parent);
/* Zeros that nobody says are there. */
static inline bool disk_absent(const struct vmm_image_piece *piece)
{
	return piece->kind == VMM_IMAGE_ZERO && piece->is_hole;
}
static inline bool disk_is_zero(const uint8_t *data, uint64_t length)
{
	return !length || (!data[0] && !memcmp(data, data + 1, length - 1));
}
/* "1.5 GiB" */
const char *disk_bytes(uint64_t bytes, char text[32]);
struct vmm_image_info disk_info_of(const struct vmm_image *image, uint32_t depth);

/* Progress on a terminal, and the user's Ctrl-C (disk_progress.c). */
struct disk_progress {
	const char *what;
	bool shown, terminal;
	int percent;
	uint64_t last; /* when it was shown, in ns */
};
void disk_progress_begin(struct disk_progress *progress, const char *what);
/* True: the user has had enough. */
bool disk_progress(struct disk_progress *progress, uint64_t done, uint64_t of);
bool disk_interrupted(void);
void disk_progress_end(struct disk_progress *progress);

/* The files that an image consists of, but for `path`, which is to go last; a list of strings. */
json_t *disk_files(const struct vmm_image *image, const char *path);
int disk_files_remove(json_t *files, const char *path);

/* An image that a running machine has open (disk_live.c). */
struct disk_live {
	int fd; /* its control socket; -1: there is none */
	char *instance;
	uint64_t length;
};
/* Open the image as `words` say; or, if a machine has it, or --machine names one, connect to that: then image->ops is
 * NULL.  UNLOCKED: if somebody has it, and no machine answers for it.  A status after a message. */
int disk_open_live(struct disk_host *host, const struct disk_words *words, uint32_t flags, struct vmm_image *image,
	struct disk_live *live);
/* A method of the instance.  A status after a message. */
int disk_live_call(const struct disk_live *live, const char *method, json_t *params, json_t **result);
void disk_live_close(struct disk_live *live);

int disk_create(struct disk_host *host, const struct disk_words *words);
int disk_snapshot(struct disk_host *host, const struct disk_words *words);
int disk_formats(struct disk_host *host, const struct disk_words *words);
int disk_info(struct disk_host *host, const struct disk_words *words);
int disk_map(struct disk_host *host, const struct disk_words *words);
int disk_check(struct disk_host *host, const struct disk_words *words);
int disk_repair(struct disk_host *host, const struct disk_words *words);
int disk_convert(struct disk_host *host, const struct disk_words *words);
int disk_resize(struct disk_host *host, const struct disk_words *words);
int disk_compact(struct disk_host *host, const struct disk_words *words);
int disk_rebase(struct disk_host *host, const struct disk_words *words);
int disk_commit(struct disk_host *host, const struct disk_words *words);
int disk_discard(struct disk_host *host, const struct disk_words *words);
int disk_mark(struct disk_host *host, const struct disk_words *words);
int disk_changes(struct disk_host *host, const struct disk_words *words); /* map --changed-since */
int disk_backup(struct disk_host *host, const struct disk_words *words);
int disk_compare(struct disk_host *host, const struct disk_words *words);
int disk_bench(struct disk_host *host, const struct disk_words *words);

#endif
