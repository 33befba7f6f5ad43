/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Inside the block kit: what its files share.
 */
#ifndef VMM_BLOCK_KIT_H
#define VMM_BLOCK_KIT_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/uio.h>

#include <vmm/block/image.h>
#include <vmm/draft/image.h>
#include <vmm/port-storage.h>

#define BLOCK_VECTORS 64 /* a system call */
#define PROBE_HEAD    65536u
#define PROBE_TAIL    1024u

#define BLOCK_EXTENT_NOWHERE (1u << 31) /* flags of a ZERO extent: nobody says so, it is just not there */
#define BLOCK_FORMAT_DEVICES (1u << 31) /* flags of a format: host block devices will do */

/* range.c: locks on ranges of bytes, shared or exclusive, granted in the order in which they were asked for. */
struct range {
	struct range *next, **before;
	uint64_t first, end; /* [first, end) */
	bool exclusive, granted;
};
struct range_set {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct range *ranges, **last;
	uint32_t waiting;
};
void range_set_init(struct range_set *set);
void range_set_destroy(struct range_set *set);
void range_lock(struct range_set *set, struct range *range, uint64_t first, uint64_t end, bool exclusive);
bool range_try(struct range_set *set, struct range *range, uint64_t first, uint64_t end, bool exclusive);
void range_unlock(struct range_set *set, struct range *range);

/* file.c */
struct vmm_block_file {
	int fd;
	uint32_t flags; /* VMM_BLOCK_FILE_* */
	uint64_t device, inode;
	uint32_t block, alignment;
	bool is_device;
	bool may_wait;           /* atomic: the file system has no writes that do not */
	int32_t lost;            /* what a sync failed with: data that were thought safe may be gone for good */
	struct range_set ranges; /* DIRECT: of writes, so that what is read to fill up a block does not get stale */
	char path[];
};
/* A file without a name in a folder. */
int32_t file_nameless(const char *folder, struct vmm_block_file **file);
bool file_same(const struct vmm_block_file *a, const struct vmm_block_file *b);
bool file_watched(void);
int32_t file_watch(const struct vmm_block_file *file, uint32_t event, const void *data, uint64_t length,
	uint64_t offset); /* what the watcher says */
int32_t path_watch(const char *path, uint32_t event, const void *data, uint64_t length);
/* lock.c: who has locked it: "process 123 (vmm)". */
void lock_holder(const struct vmm_block_file *file, char holder[64]);

/* file_io.c: the same with vectors; those that are given are used up. */
int32_t file_readv(struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset);
int32_t file_writev(struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset);

/* cursor.c: where in the segments of a request a transfer has come to. */
struct cursor {
	const struct vmm_storage_segment *segment, *end;
	uint64_t done; /* bytes of *segment */
};
/* Vectors for the next `length` bytes, or for as many as BLOCK_VECTORS hold: returns their number, *length is theirs.
 */
int cursor_gather(const struct cursor *cursor, struct iovec *vectors, uint64_t *length);
void cursor_move(struct cursor *cursor, uint64_t length);
void cursor_clear(struct cursor *cursor, uint64_t length);
void cursor_fill(struct cursor *cursor, const void *data, uint64_t length);

/* extent.c: where data have been found, so that not everybody need ask the format. */
struct vmm_block_image;
#define EXTENTS 512u
struct extent {
	uint64_t first, end; /* of the disk; end 0: none */
	struct vmm_block_file *file;
	uint64_t offset; /* of `first` in it */
	bool in_place;   /* a write may go there */
};
struct extents {
	pthread_mutex_t mutex;
	struct extent *table; /* NULL: no memory for it */
};
void extents_init(struct extents *extents);
void extents_destroy(struct extents *extents);
/* All for callers that have the range locked.  find: the bytes from `offset` on that are known to be in one place;
 * false: nothing is known. */
bool extents_find(struct vmm_block_image *image, uint64_t offset, uint64_t length, bool write, struct extent *extent);
void extents_note(struct vmm_block_image *image, uint64_t offset, const struct vmm_block_extent *found, bool in_place);
void extents_forget(struct vmm_block_image *image, uint64_t offset, uint64_t length);

/* gate.c: writes go through it; who holds it keeps them out, and has waited for those that were within. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	uint32_t writers;
	bool held;
};
void gate_init(struct gate *gate);
void gate_destroy(struct gate *gate);
void gate_enter(struct gate *gate);
bool gate_try(struct gate *gate);
void gate_leave(struct gate *gate);
void gate_hold(struct gate *gate);
void gate_release(struct gate *gate);

/* image.c: an open image. */
struct node {
	struct vmm_block_image image;
	pthread_mutex_t mutator;
	pthread_rwlock_t lock;
	struct range_set ranges;
	struct extents extents;
	struct gate gate;
	struct backup *backup;     /* that is under way, or NULL; changed with the gate held */
	bool begun;                /* atomic */
	uint64_t changes, flushed; /* atomic: how many changes were made, and how many of them the last flush covered */
	uint32_t depth;
	struct track *track; /* of changed blocks; NULL: there is none.  Set in begin, under the exclusive lock */
	char *parent_path;   /* where what the image names is; NULL: nowhere */
	char wanted[16];     /* the format it is to be of, for another plugin; empty: by its marks */
};
static inline struct node *image_node(const struct vmm_block_image *image)
{
	return image->kit;
}
static inline uint64_t unit_down(const struct vmm_block_image *image, uint64_t offset)
{
	return image->unit != 0 ? offset & ~((uint64_t)image->unit - 1) : offset;
}
/* The end of the unit that ends at `offset` or around it; may be past the end of the image. */
static inline uint64_t unit_up(const struct vmm_block_image *image, uint64_t offset)
{
	return image->unit != 0 ? unit_down(image, offset + image->unit - 1) : offset;
}
void image_exclusive(struct vmm_block_image *image);
void image_exclusive_end(struct vmm_block_image *image);
/* Before a change: 0, -EROFS, or what the format says. */
int32_t image_begin(struct vmm_block_image *image);
/* Asks the format, and checks its answer. */
int32_t image_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent, bool locked);
/* Open what a child names as its parent, or is to. */
int32_t image_parent_open(const struct vmm_host *host, const struct vmm_block_format *format, const char *child,
	const char *parent, const char *parent_format, struct vmm_block_image **image);
/* Where bytes of the whole chain are: *where is the image that has them; never ABSENT. */
int32_t chain_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent,
	struct vmm_block_image **where, bool locked);

/* Where a write can go as it is; known->end is 0 if it needs room first.  For who has the range locked. */
int32_t image_in_place(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct extent *known);

/* transfer.c */
/* Read, without locks of this image's if the caller is its exclusive owner. */
int32_t image_read_at(
	struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset, bool locked);
int32_t image_transfer(struct vmm_block_image *image, const struct vmm_storage_request *request);

int32_t file_transfer(struct vmm_block_file *file, struct cursor *cursor, uint64_t length, uint64_t offset, bool write);

/* allocate.c */
int32_t allocate_write(struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset);
/* locked: the caller has the range to itself already. */
int32_t allocate_zero(struct vmm_block_image *image, uint64_t length, uint64_t offset, bool discard, bool locked);

/* track.c: for an image whose changes are tracked; else they do nothing.  begin: if there is a file for it, or
 * `create`. note: before these bytes change; noted: it was. */
#define BLOCK_TRACKED UINT64_C(65536)
int32_t track_begin(struct vmm_block_image *image, bool create);
bool track_noted(struct vmm_block_image *image, uint64_t offset, uint64_t length);
int32_t track_note(struct vmm_block_image *image, uint64_t offset, uint64_t length);
int32_t track_sync(struct vmm_block_image *image);
int32_t track_resize(struct vmm_block_image *image);
void track_end(struct vmm_block_image *image, bool clean);
/* Those that say why they fail.  prepare: changes are tracked from now on, `begin` or not if there is no file for it:
 * -EROFS, -ENOENT.  mark: a new one, durable with the next sync; since: set a bit for each block that was changed.
 * Both with the gate held. */
int32_t track_prepare(struct vmm_block_image *image, bool begin);
int32_t track_mark(struct vmm_block_image *image, uint64_t *mark);
int32_t track_since(struct vmm_block_image *image, uint64_t since, uint64_t *bits);

/* Say whether there is anything wrong with the file. */
void track_check(const struct vmm_block_image *image, struct vmm_block_report *report);

/* backup.c: copying an image as it is now while it is written to.  start: to `target`, which is the backup's from then
 * on, what was changed since that mark (0: all); *mark is the next one, 0 if nobody keeps track.  -EBUSY: there is one
 * already.  look: true when it has ended.  end: stop it if it has not.  NULL will do. */
struct backup;
int32_t backup_start(struct vmm_block_image *image, const struct vmm_image *target, uint32_t begin, uint64_t since,
	struct backup **backup, uint64_t *mark);
bool backup_look(struct backup *backup, uint64_t *done, uint64_t *total, int32_t *status);
void backup_end(struct backup *backup);
/* Within the gate, before these bytes change; wants: there is something to be done then. */
void backup_before(struct vmm_block_image *image, uint64_t offset, uint64_t length);
bool backup_wants(struct vmm_block_image *image, uint64_t offset, uint64_t length);

/* foreign.c */
extern const struct vmm_block_format block_foreign;
/* An image of another plugin's, or NULL. */
const struct vmm_image *foreign_image(const struct vmm_block_image *image);
const char *image_format_name(const struct vmm_block_image *image);

/* overlay.c: changes that are not to last. */
struct overlay {
	const struct vmm_host *host;
	struct vmm_block_image *image;
	struct vmm_block_file *file; /* NULL: there is none */
	uint64_t length;             /* of the disk; what is past the image reads as zeros */
	pthread_rwlock_t lock;       /* of `map`, and of what it says about the two */
	uint64_t granules;           /* how many the disk has */
	uint64_t *map;               /* a bit each: its contents are in `file` */
};
struct vmm_state_service;
int32_t overlay_open(struct overlay *overlay, struct vmm_block_image *image, uint64_t length);
void overlay_close(struct overlay *overlay);
int32_t overlay_transfer(struct overlay *overlay, const struct vmm_storage_request *request);
int32_t overlay_save(struct overlay *overlay, const struct vmm_state_service *state);
int32_t overlay_load(struct overlay *overlay, const struct vmm_state_service *state);

#endif
