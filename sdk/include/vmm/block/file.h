/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Block kit: the host's files and devices that an image consists of.
 *
 * All functions wait until they are done, and may be called from any thread; two calls for the same bytes at a time are
 * as unordered as the kernel's.  They return 0 (or what is said) or a negative errno, and say nothing: the caller knows
 * what the bytes were for.  Offsets and lengths are in bytes; EINTR and short transfers are dealt with here.
 */
#ifndef VMM_BLOCK_FILE_H
#define VMM_BLOCK_FILE_H

#include <vmm/base.h>
#include <vmm/host.h>

struct vmm_block_file;

/* Flags of vmm_block_file_open. */
#define VMM_BLOCK_FILE_READONLY 1u  /* open it for reading only, with a lock that other readers share */
#define VMM_BLOCK_FILE_CREATE   2u  /* make it; -EEXIST if there is one */
#define VMM_BLOCK_FILE_DIRECT   4u  /* past the host's page cache (`cache = none`), where the file system can */
#define VMM_BLOCK_FILE_UNLOCKED 8u  /* no lock: for a look at what somebody may be writing */
#define VMM_BLOCK_FILE_DEVICE   16u /* a block device or CD drive of the host's will do, too */

struct vmm_block_file_info {
	uint64_t length;
	uint64_t allocated;   /* what it takes of the host's disk */
	uint32_t block;       /* what the file system likes best, a power of 2 */
	uint32_t alignment;   /* of offsets, lengths and memory if it is DIRECT; else 1 */
	uint32_t is_device;   /* of the host's: its length cannot be set */
	uint32_t is_readonly; /* opened so, whatever was asked for */
};

/*
 * Open a file and lock it: one writer, or any number of readers, in this process and others.  -EBUSY: somebody has it;
 * `holder` (may be NULL) then says who, as far as the host knows ("process 123 (vmm)").
 */
int32_t vmm_block_file_open(const char *path, uint32_t flags, char holder[64], struct vmm_block_file **file);
/* Closes it; what was not synced may be lost with the host.  NULL will do. */
void vmm_block_file_close(struct vmm_block_file *file);
const char *vmm_block_file_path(const struct vmm_block_file *file);
int32_t vmm_block_file_info(struct vmm_block_file *file, struct vmm_block_file_info *info);

/* Read; what is past the end reads as zeros.  read_exact: -ENODATA instead, for what must be there. */
int32_t vmm_block_file_read(struct vmm_block_file *file, void *data, uint64_t length, uint64_t offset);
int32_t vmm_block_file_read_exact(struct vmm_block_file *file, void *data, uint64_t length, uint64_t offset);
int32_t vmm_block_file_write(struct vmm_block_file *file, const void *data, uint64_t length, uint64_t offset);
/* Have zeros there, as a hole where the host can; it does not make the file longer. */
int32_t vmm_block_file_zero(struct vmm_block_file *file, uint64_t length, uint64_t offset);
/* Have everything that was written on stable storage, as fdatasync. */
int32_t vmm_block_file_sync(struct vmm_block_file *file);
/* Make it longer (with a hole) or shorter. */
int32_t vmm_block_file_truncate(struct vmm_block_file *file, uint64_t length);
/* How many of the `length` bytes from `offset` are of one kind, at least 1: *is_hole says which.  Where the host does
 * not know all is data. */
int32_t vmm_block_file_holes(
	struct vmm_block_file *file, uint64_t offset, uint64_t length, uint64_t *same, uint32_t *is_hole);

/*
 * Tests see, and can refuse, all that changes a file: called before it is done, on the thread that does it, whether by
 * these functions or by the kit's own transfers.  A negative errno is the operation's result.  One watcher a process;
 * NULL ends it; not while files are in use.
 */
#define VMM_BLOCK_EVENT_WRITE    1
#define VMM_BLOCK_EVENT_ZERO     2
#define VMM_BLOCK_EVENT_SYNC     3
#define VMM_BLOCK_EVENT_TRUNCATE 4
#define VMM_BLOCK_EVENT_CREATE   5
#define VMM_BLOCK_EVENT_RENAME   6 /* data: the new path, `length` bytes with its NUL */
#define VMM_BLOCK_EVENT_UNLINK   7
typedef int32_t (*vmm_block_watcher)(
	void *self, const char *path, uint32_t event, const void *data, uint64_t length, uint64_t offset);
void vmm_block_watch(vmm_block_watcher watcher, void *self);

/* Put a file in the place of another at once, and durably: for descriptors, which are rewritten whole. */
int32_t vmm_block_replace(const char *path, const void *data, uint64_t length);
int32_t vmm_block_unlink(const char *path);
/* The path of what `path` calls `name`: relative names stand beside it.  Slashes of both kinds part folders; a Windows
 * drive or an absolute path that does not exist is looked for by its last part beside `path`.  -ENAMETOOLONG. */
int32_t vmm_block_path(const char *path, const char *name, char *result, uint32_t size);

#endif
