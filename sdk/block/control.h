/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Inside the block kit: what the machine's control socket may ask of a drive's image.
 */
#ifndef VMM_BLOCK_CONTROL_H
#define VMM_BLOCK_CONTROL_H

#include <vmm/control.h>

#include "queue.h"

/* control.c */
struct disk_control {
	const struct vmm_host *host;
	struct disk *disk;
	struct backup *backup; /* the last one, or NULL */
	uint64_t mark;         /* that it has given */
};
/* Add the methods, where the host has a control socket. */
void disk_control_init(struct disk_control *control, const struct vmm_host *host, struct disk *disk);
/* Stop what is under way.  While the image is open. */
void disk_control_end(struct disk_control *control);

/* params.c: false: there is none of that kind. */
bool params_text(const char *json, const char *key, char *text, size_t size);
bool params_number(const char *json, const char *key, uint64_t *number);
bool params_true(const char *json, const char *key);

#endif
