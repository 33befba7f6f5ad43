/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Block kit: what an image format tells the kit.
 *
 * A format knows where in its files the contents of an image are, and finds room for more; the kit does everything
 * else: it opens the chain of parents, moves the data, fills what a write leaves of an allocation unit from the parent,
 * keeps requests for the same unit apart, queues, flushes, keeps `mode`, `cache` and `on-error`, tracks changed blocks,
 * and makes of a format a storage plugin and what `vmm disk` needs.
 *
 * Threads and locks.  The kit calls a format from any thread, and serialises:
 *   [shared]     map, unpack: any number at a time, with each other and with sync;
 *   [mutator]    sync: not with another mutator, but beside map and unpack;
 *   [exclusive]  all other functions: alone.
 * A format has no locks of its own unless map fills a cache.  It may wait for its files.
 *
 * Durability.  Data of a new unit are written before commit; sync first syncs the files that data went to, then writes
 * the tables that say where they are, then syncs those: whatever the host loses in between, a table never names a unit
 * whose data did not arrive.  Nothing that a sync has covered may be lost by a kill, or by a power failure, at any
 * later instant.
 *
 * Sizes and offsets that come from an image are not to be trusted: check them before use, without overflow, against the
 * length of the file and against what is said below.  Memory for tables is bounded by what the file really holds.
 */
#ifndef VMM_BLOCK_FORMAT_H
#define VMM_BLOCK_FORMAT_H

#include <vmm/block/file.h>
#include <vmm/plugin.h>

#define VMM_BLOCK_SECTOR         512u
#define VMM_BLOCK_LENGTH_MAXIMUM (UINT64_C(1) << 62)

/* How an image is opened. */
#define VMM_BLOCK_READONLY 1u  /* nothing may be changed; parents always are opened so */
#define VMM_BLOCK_LENIENT  2u  /* for check and repair: open what is damaged as far as it can be understood */
#define VMM_BLOCK_DIRECT   4u  /* `cache = none` */
#define VMM_BLOCK_UNLOCKED 8u  /* for info: look at it even if it is in use; READONLY too */
#define VMM_BLOCK_LONELY   16u /* without its parent: for rebase and info */

struct vmm_block_format;

/* An open image.  The format fills in what is marked; memory begins zeroed. */
struct vmm_block_image {
	const struct vmm_host *host; /* for vmm_block_fail and log */
	const struct vmm_block_format *format;
	const char *path;
	uint32_t flags;              /* VMM_BLOCK_* */
	struct vmm_block_file *file; /* `path`, opened by the kit */
	void *state;                 /* the format's, of its state_size */
	/* The format fills in, in open: */
	uint64_t length;      /* as the guest sees it: whole sectors */
	uint32_t unit;        /* an allocation unit in bytes, a power of 2, 512 .. 1 GiB; 0: there are none (flat) */
	uint32_t is_readonly; /* this image can only be read, whatever was asked for */
	const char *readonly_why; /* then: a sentence for people; static lifetime */
	char variant[40];         /* "monolithicSparse" */
	char parent[4096];        /* empty: none; as the image names it */
	char parent_format[16];   /* empty: as the parent's own marks tell */
	/* The kit's: the parent, open, when `parent` was set.  open of the child has returned by then; see `joined`. */
	struct vmm_block_image *parent_image;
	void *kit; /* the kit's */
};

#define VMM_BLOCK_ABSENT 0 /* not in this image: what the parent has there, zeros if there is none or it is shorter */
#define VMM_BLOCK_ZERO   1 /* zeros, whatever the parent has */
#define VMM_BLOCK_DATA   2 /* in `file` from `offset` on, byte for byte */
#define VMM_BLOCK_PACKED 3 /* in this image, but not so: unpack reads it */

#define VMM_BLOCK_SHARED    1u /* flags: a write must not go there (a snapshot has it too): allocate anew */
#define VMM_BLOCK_ALLOCATED 2u /* ZERO: room for it is kept; allocate will not fail for want of it */

struct vmm_block_extent {
	uint32_t kind;
	uint32_t flags;
	struct vmm_block_file *file;
	uint64_t offset;
	uint64_t length; /* for how many bytes from the place asked for this holds: 1 .. what was asked */
	uint64_t token;  /* the format's, from allocate to commit or abandon */
};

/* What create is asked for. */
struct vmm_block_create {
	const struct vmm_host *host;
	const char *path;
	const char *variant;                  /* one of the format's */
	uint64_t length;                      /* whole sectors */
	const char *parent;                   /* as it is to be named in the image, or NULL */
	const char *parent_format;            /* or NULL */
	struct vmm_block_image *parent_image; /* open, or NULL */
	/* The value of an option of the format's table, or its default, or NULL. */
	const char *(*option)(const struct vmm_block_create *create, const char *key);
	void *kit;
};

#define VMM_BLOCK_NOTE   0 /* severities of what check finds */
#define VMM_BLOCK_WASTE  1 /* room that nothing uses */
#define VMM_BLOCK_DAMAGE 2 /* contradictory; contents may be lost */
struct vmm_block_report {
	/* Something was found: one sentence.  `mendable`: repair can do something about it, and `remedy` says what.
	 * Returns 1 if it is to be done now, which is the format's to do then; 0 otherwise. */
	uint32_t (*found)(struct vmm_block_report *report, uint32_t severity, uint32_t mendable, const char *remedy,
		const char *format, ...) __attribute__((format(printf, 5, 6)));
	/* Done so far, of how much; 1: the user has had enough: return -ECANCELED. */
	uint32_t (*progress)(struct vmm_block_report *report, uint64_t done, uint64_t of);
};

/* For info: facts beyond those in vmm_block_image, by name. */
struct vmm_block_facts {
	void (*text)(struct vmm_block_facts *facts, const char *name, const char *value);
	void (*number)(struct vmm_block_facts *facts, const char *name, uint64_t value);
	/* A file that the image consists of, with what it is ("extent", "descriptor"). */
	void (*file)(struct vmm_block_facts *facts, const char *role, const char *path);
};

/* A format.  Static const; functions marked * may be NULL. */
struct vmm_block_format {
	uint32_t state_size;             /* of vmm_block_image.state */
	uint32_t flags;                  /* VMM_BLOCK_FORMAT_* */
	const char *name;                /* "vmdk" */
	const char *suffixes;            /* "vmdk", parted by '|' */
	const char *variants;            /* that create knows, parted by '|'; the first is the default */
	const struct vmm_param *options; /* of create; the keys of `vmm disk create --option KEY=VALUE` */
	uint32_t option_count;
	uint32_t reserved;
	/* As vmm_factory's. */
	uint32_t (*probe)(const struct vmm_probe *probe);
	/* Understand image->file.  On failure say why with vmm_block_fail, which returns the errno.  close is called
	 * in any case. */
	int32_t (*open)(struct vmm_block_image *image);
	/* * The parent is open: is it the one that was meant (content ID, UUID, time)?  Say why not with
	 * vmm_block_fail. */
	int32_t (*joined)(struct vmm_block_image *image);
	/* Free all.  What is dirty and was not synced is written if that can be done safely. */
	void (*close)(struct vmm_block_image *image);
	/* * The first change since it was opened is about to be made: a new content ID, the mark of an unclean
	 * shutdown.  Durable before it returns. */
	int32_t (*begin)(struct vmm_block_image *image);
	/* [shared] Where are these bytes?  offset + length is within image->length. */
	int32_t (*map)(
		struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
	/* * [shared] Read PACKED bytes. */
	int32_t (*unpack)(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data);
	/* * Find room for a write of these bytes, where map said anything but DATA that is not SHARED for all of them.
	 * The extent is DATA: from its offset on `length` bytes, as many as are adjacent in the file; it stands for
	 * whole units, the bytes before `offset` in the first and behind the end in the last among them, all of which
	 * the kit writes.  map does not show it before commit.  -ENOSPC. */
	int32_t (*allocate)(
		struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
	/* * Its data are written (not yet synced): map shows it from now on. */
	int32_t (*commit)(
		struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
	/* * They could not be written: the room is free again. */
	void (*abandon)(
		struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
	/* * Whole units (or to the end of the image) become zeros, whatever the parent has.  `discard`: their room is
	 * given up, where the format can.  -EOPNOTSUPP: the kit writes zeros. */
	int32_t (*zero)(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard);
	/* [mutator] Durability, as above. */
	int32_t (*sync)(struct vmm_block_image *image);
	/* * Write one whole unit (or the last, shorter) packed, in ascending order: variants that `convert` makes. */
	int32_t (*pack)(struct vmm_block_image *image, uint64_t offset, uint64_t length, const void *data);
	/* * Another length.  Shorter loses what is behind it, once the length is on the disk and not before.  Longer
	 * shows none of it: the rest of the last unit, and what a shortening that was cut short has left, are cleared
	 * first. */
	int32_t (*resize)(struct vmm_block_image *image, uint64_t length);
	/* * Move units down to the beginning of the files and give the rest back to the host. */
	int32_t (*compact)(struct vmm_block_image *image, struct vmm_block_report *report);
	/* * Name another parent, or none (NULL); `parent_image` is it, open. */
	int32_t (*rebase)(struct vmm_block_image *image, const char *parent, const char *parent_format,
		struct vmm_block_image *parent_image);
	/* * Find every inconsistency, and mend what report->found says is to be mended.  0 or a negative errno when it
	 * could not be looked at to the end. */
	int32_t (*check)(struct vmm_block_image *image, struct vmm_block_report *report);
	/* * More to say. */
	void (*info)(struct vmm_block_image *image, struct vmm_block_facts *facts);
	/* * Make an image.  On failure say why; what was made is removed again. */
	int32_t (*create)(const struct vmm_block_create *create);
};
#define VMM_BLOCK_FORMAT_PARENTS 1u /* flags: images may have parents */

/* The kit's, for formats. */

/* Say why something fails and what the user can do about it, and return `error` (negative). */
int32_t vmm_block_fail(const struct vmm_host *host, int32_t error, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Open another file of an image (an extent), as image->flags say; says why if it fails. */
int32_t vmm_block_open_part(struct vmm_block_image *image, const char *path, struct vmm_block_file **file);
/* Read a whole image through the kit: this image's and its parents' contents, for check, compact and pack. */
int32_t vmm_block_read(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data);
uint32_t vmm_block_is_zero(const void *data, uint64_t length);
uint16_t vmm_block_be16(const void *at);
uint32_t vmm_block_be32(const void *at);
uint64_t vmm_block_be64(const void *at);
uint16_t vmm_block_le16(const void *at);
uint32_t vmm_block_le32(const void *at);
uint64_t vmm_block_le64(const void *at);
void vmm_block_put_be16(void *at, uint16_t value);
void vmm_block_put_be32(void *at, uint32_t value);
void vmm_block_put_be64(void *at, uint64_t value);
void vmm_block_put_le16(void *at, uint16_t value);
void vmm_block_put_le32(void *at, uint32_t value);
void vmm_block_put_le64(void *at, uint64_t value);

#endif
