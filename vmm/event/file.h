/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Reading and writing files whole. */
#ifndef VMM_EVENT_FILE_H
#define VMM_EVENT_FILE_H

#include <stddef.h>

/* All of it, or a negative errno; a file that ends too soon is -ENODATA. */
int file_write(int fd, const void *data, size_t length);
int file_read(int fd, void *data, size_t length);
/* Put a file in place of whatever is there: a folder like /tmp is anybody's.  Only its owner may read it. */
int file_replace(const char *path, const void *data, size_t length);
/* Make a rename in a file's folder safe. */
int file_sync_folder(const char *path);

#endif
