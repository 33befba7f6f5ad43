/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The descriptor: the text that says what a disk is made of (Virtual Disk Format 5.0, "The Descriptor File").
 *
 * The text is kept as it was read and is changed in place, so that what we do not know stays as it is, byte for byte.
 * Names in it are in the encoding that it names.
 */
#ifndef VMDK_DESCRIPTOR_H
#define VMDK_DESCRIPTOR_H

#include <vmm/block/format.h>

#define DESCRIPTOR_MAXIMUM (UINT32_C(4) << 20) /* bytes; a 62 TiB disk in extents of 2 GiB has 2 MiB */
#define DESCRIPTOR_NAME    4096

#define CID_NONE UINT32_C(0xffffffff)

struct descriptor {
	char *text;      /* NUL at the end, which is not counted */
	uint32_t length; /* in bytes */
};

#define ACCESS_NONE     0 /* NOACCESS */
#define ACCESS_READONLY 1 /* RDONLY */
#define ACCESS_WRITE    2 /* RW */

#define TYPE_FLAT   1 /* FLAT, VMFS */
#define TYPE_SPARSE 2 /* SPARSE, VMFSSPARSE, SESPARSE: the file's magic tells which */
#define TYPE_ZERO   3
#define TYPE_DEVICE 4 /* VMFSRDM, VMFSRAW */

/* An extent line. */
struct descriptor_extent {
	uint32_t access;
	uint32_t type;
	uint64_t sectors;
	uint64_t offset;            /* in sectors, of FLAT */
	char type_name[16];         /* as written */
	char name[DESCRIPTOR_NAME]; /* in UTF-8 */
	uint32_t at, end;           /* the line in the text, with its end */
};

/* Does this begin like a descriptor? */
uint32_t descriptor_is(const void *data, uint64_t length);
/* Take over a copy of the text, up to its first NUL. */
int32_t descriptor_copy(struct descriptor *descriptor, const void *text, uint64_t length);
void descriptor_free(struct descriptor *descriptor);

/* The value of a key, without its quotes; keys are compared whole, and without regard to case.  1, or 0: there is none,
 * or it does not fit. */
uint32_t descriptor_get(const struct descriptor *descriptor, const char *key, char *value, uint32_t size);
/* The same as a number, `base` 10 or 16. */
uint32_t descriptor_number(const struct descriptor *descriptor, const char *key, uint32_t base, uint64_t *value);
/* A value that is a file's name, in UTF-8. */
uint32_t descriptor_path(const struct descriptor *descriptor, const char *key, char *value, uint32_t size);
/* How often a key is there. */
uint32_t descriptor_count(const struct descriptor *descriptor, const char *key);
/* Give a key another value, where it stands; or add it to its section.  `quoted` is for a key that is new.  NULL: take
 * the key out.  -ENOMEM, -EFBIG. */
int32_t descriptor_set(struct descriptor *descriptor, const char *key, const char *value, uint32_t quoted);
/* The same with a file's name in UTF-8.  -EILSEQ: the encoding of the descriptor has no such characters. */
int32_t descriptor_set_path(struct descriptor *descriptor, const char *key, const char *value);

/* The next extent line from *at on, which is moved behind it.  1; 0: no more; -EINVAL: `why` says what is wrong with
 * the line, which is skipped. */
int32_t descriptor_extent(
	const struct descriptor *descriptor, uint32_t *at, struct descriptor_extent *extent, char why[160]);
/* Put `line` (without its end) in the place of the bytes at .. end, which are an extent line or empty; NULL: take it
 * out. */
int32_t descriptor_put(struct descriptor *descriptor, uint32_t at, uint32_t end, const char *line);
/* Give the extent line that was found another length. */
int32_t descriptor_put_sectors(struct descriptor *descriptor, const struct descriptor_extent *extent, uint64_t sectors);

/* Text in the encoding that the descriptor names, as UTF-8, and back.  What cannot be understood stays as it is when it
 * is read; -EILSEQ when it is written. */
int32_t encoding_decode(const char *encoding, const char *text, char *result, uint32_t size);
int32_t encoding_encode(const char *encoding, const char *text, char *result, uint32_t size);

#endif
