/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.image/1 (draft): disk images without a machine, for `vmm disk` and for images whose parents are of another
 * plugin's format.
 *
 * A storage plugin offers this factory beside vmm.storage/1: get_factory(VMM_KIND_IMAGE) returns it as a
 * `const struct vmm_factory *`, which begins with struct_size as this does.  The block kit makes one of every format.
 *
 * All functions are [any], and wait unless it is said otherwise; one image may be used by many threads at a time, but
 * for close and the changes of the whole (resize to rebase).  They return 0 or a negative errno; why, and what to do
 * about it, is said through the host's fail, but for read, write, zero, flush and map.
 */
#ifndef VMM_DRAFT_IMAGE_H
#define VMM_DRAFT_IMAGE_H

#include <vmm/plugin.h>
#include <vmm/port-storage.h>

#define VMM_KIND_IMAGE    "vmm.image/1"
#define VMM_SERVICE_IMAGE "vmm.image/1" /* of the host: struct vmm_image_service */

/* What a format can do (flags of struct vmm_image_format). */
#define VMM_IMAGE_PARENTS 1u /* images may have parents */
#define VMM_IMAGE_CREATE  2u
#define VMM_IMAGE_RESIZE  4u
#define VMM_IMAGE_COMPACT 8u
#define VMM_IMAGE_REBASE  16u
#define VMM_IMAGE_CHECK   32u
#define VMM_IMAGE_PACK    64u

struct vmm_image_format {
	uint32_t struct_size;
	uint32_t flags;                  /* VMM_IMAGE_* */
	const char *name;                /* "vmdk" */
	const char *suffixes;            /* of file names, parted by '|' */
	const char *variants;            /* that create knows, parted by '|'; the first is the default */
	const char *description;         /* one line */
	const struct vmm_param *options; /* of create */
	uint32_t option_count, option_stride;
};

/* How an image is opened. */
#define VMM_IMAGE_READONLY 1u  /* nothing may be changed */
#define VMM_IMAGE_LENIENT  2u  /* for check: open what is damaged as far as it can be understood */
#define VMM_IMAGE_DIRECT   4u  /* past the host's page cache, where that can be done */
#define VMM_IMAGE_UNLOCKED 8u  /* for a look at what is in use; READONLY too */
#define VMM_IMAGE_LONELY   16u /* without its parent */

struct vmm_image_info {
	uint32_t struct_size;
	uint32_t is_readonly; /* it can only be read, whatever was asked for */
	uint64_t length;      /* as a guest sees it */
	uint64_t allocated;   /* of its first file, of the host's disk */
	uint32_t unit;        /* an allocation unit in bytes; 0: there are none */
	uint32_t reserved;
	/* All live as long as the image. */
	const char *path;
	const char *format;
	const char *variant;
	const char *parent; /* as it is named in the image; "" : none */
	const char *parent_format;
	const char *readonly_why; /* or NULL */
	const char *parent_path;  /* where that is here; "": nowhere */
};

#define VMM_IMAGE_ZERO   1 /* kinds of a piece: zeros */
#define VMM_IMAGE_DATA   2 /* byte for byte in a file */
#define VMM_IMAGE_PACKED 3 /* in another form */
struct vmm_image_piece {
	uint32_t struct_size;
	uint32_t kind;
	uint32_t depth;   /* whose: 0 the image's own, 1 its parent's and so on */
	uint32_t is_hole; /* DATA: zeros that take no room; ZERO: nobody says so, it is just not there */
	uint64_t length;
	uint64_t offset; /* DATA: in the file `path`, which lives as long as the image */
	const char *path;
};

#define VMM_IMAGE_NOTE   0 /* severities of what check finds */
#define VMM_IMAGE_WASTE  1 /* room that nothing uses */
#define VMM_IMAGE_DAMAGE 2 /* contradictory; contents may be lost */
struct vmm_image_report {
	uint32_t struct_size;
	uint32_t reserved;
	void *self;
	/* Something was found.  `mendable`: `remedy` says what can be done; 1 is returned if it is to be done now. */
	uint32_t (*found)(void *self, uint32_t severity, uint32_t mendable, const char *remedy, const char *text);
	/* Done so far, of how much; 1: leave it (-ECANCELED). */
	uint32_t (*progress)(void *self, uint64_t done, uint64_t of);
};

struct vmm_image_facts {
	uint32_t struct_size;
	uint32_t reserved;
	void *self;
	void (*text)(void *self, const char *name, const char *value);
	void (*number)(void *self, const char *name, uint64_t value);
	void (*file)(void *self, const char *role, const char *path); /* that the image consists of */
};

struct vmm_image_ops {
	uint32_t struct_size;
	uint32_t reserved;
	void (*close)(void *self);
	/* Of the image (depth 0), its parent (1) and so on; -ENOENT: there is no more. */
	int32_t (*info)(void *self, uint32_t depth, struct vmm_image_info *info);
	int32_t (*facts)(void *self, uint32_t depth, const struct vmm_image_facts *facts);
	/* Sectors of 512 bytes, within the image. */
	int32_t (*read)(void *self, void *data, uint64_t length, uint64_t offset);
	int32_t (*write)(void *self, const void *data, uint64_t length, uint64_t offset);
	int32_t (*zero)(void *self, uint64_t length, uint64_t offset, uint32_t discard);
	int32_t (*flush)(void *self);
	int32_t (*map)(void *self, uint64_t offset, uint64_t length, struct vmm_image_piece *piece);
	/* A whole unit (or the last, shorter one) in the variant's packed form, in ascending order; -EOPNOTSUPP: there
	 * is none, write it. */
	int32_t (*pack)(void *self, const void *data, uint64_t length, uint64_t offset);
	int32_t (*resize)(void *self, uint64_t length);
	int32_t (*compact)(void *self, const struct vmm_image_report *report);
	/* Name another parent, or none (NULL); what differs has been copied. */
	int32_t (*rebase)(void *self, const char *parent, const char *parent_format);
	int32_t (*check)(void *self, const struct vmm_image_report *report);
	/* As vmm_storage_lower's, with no waiting.  complete is called on any thread, perhaps within submit, for each
	 * request; both are given before the first submit. */
	int32_t (*listen)(
		void *self, void (*complete)(void *self, uint64_t token, int32_t status), void *complete_self);
	int32_t (*submit)(void *self, const struct vmm_storage_request *request);
	/* Wait for all that was submitted. */
	void (*settle)(void *self);
	/* Changed blocks, of an image that is tracked: a new mark (`begin`: track it from now on, if it is not);
	 * whether the next `same` bytes were changed since one was given. */
	int32_t (*mark)(void *self, uint32_t begin, uint64_t *mark);
	int32_t (*changed)(
		void *self, uint64_t since, uint64_t offset, uint64_t length, uint64_t *same, uint32_t *is_changed);
};

struct vmm_image {
	uint32_t struct_size;
	uint32_t reserved;
	const struct vmm_image_ops *ops; /* static lifetime */
	void *self;
};

struct vmm_image_option {
	const char *key, *value;
};

struct vmm_image_create {
	uint32_t struct_size;
	uint32_t option_count;
	const char *path;
	const char *variant; /* NULL: the default */
	uint64_t length;
	const char *parent; /* as it is to be named in the image; NULL: none */
	const char *parent_format;
	const struct vmm_image_option *options;
};

struct vmm_image_factory {
	uint32_t struct_size;
	uint32_t format_count;
	/* What is known of format `index`; the strings and tables have static lifetime.  No host call. */
	int32_t (*format)(uint32_t index, struct vmm_image_format *format);
	/* As vmm_factory's. */
	uint32_t (*probe)(uint32_t index, const struct vmm_probe *probe);
	/* `host` outlives the image. */
	int32_t (*open)(
		uint32_t index, const struct vmm_host *host, const char *path, uint32_t flags, struct vmm_image *image);
	int32_t (*create)(uint32_t index, const struct vmm_host *host, const struct vmm_image_create *create);
};

/* The host's: images of formats that the plugin does not know, for parents. */
struct vmm_image_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Open an image of the format `format` (NULL: by its marks), with the caller's host.  Says why it fails. */
	int32_t (*open)(void *context, const char *format, const char *path, uint32_t flags, struct vmm_image *image);
};

#endif
