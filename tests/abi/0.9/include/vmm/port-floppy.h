/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.floppy/1: a diskette drive on its cable.
 *
 * Upper: a diskette controller (Intel 82077AA).  Lower: a drive, which has the mechanics and the medium: where the
 * heads stand, the motor, the disk change line, the tracks.  The link's address is the unit, 0..3.
 */
#ifndef VMM_PORT_FLOPPY_H
#define VMM_PORT_FLOPPY_H

#include <vmm/port.h>

#define VMM_PORT_FLOPPY "vmm.port.floppy/1"

/* Data rates, as the 82077's DSR and CCR number them. */
#define VMM_FLOPPY_RATE_500  0
#define VMM_FLOPPY_RATE_300  1
#define VMM_FLOPPY_RATE_250  2
#define VMM_FLOPPY_RATE_1000 3

/* Types of drive, as CMOS register 10 numbers them. */
#define VMM_FLOPPY_NONE 0
#define VMM_FLOPPY_360  1
#define VMM_FLOPPY_1200 2
#define VMM_FLOPPY_720  3
#define VMM_FLOPPY_1440 4
#define VMM_FLOPPY_2880 5

struct vmm_floppy_info {
	uint32_t struct_size;
	uint32_t type;   /* of the drive */
	uint32_t medium; /* is there one? */
	uint32_t write_protected;
	uint32_t disk_change; /* the line: set by a change of the medium, cleared by a step with a medium in */
	uint32_t cylinder;    /* where the heads stand; TRK0 is cylinder 0 */
	/* Of the medium as it is formatted. */
	uint32_t cylinders, heads, sectors; /* sectors a track */
	uint32_t size_code;                 /* N: 128 << N bytes a sector */
	uint32_t rate;                      /* VMM_FLOPPY_RATE_* that reads it */
	uint32_t rpm;                       /* 300 or 360 */
};

#define VMM_FLOPPY_READ   1
#define VMM_FLOPPY_WRITE  2
#define VMM_FLOPPY_FORMAT 3 /* write a track: as many sectors as the data holds, filled with it */

/* Called by the drive.  [machine] */
struct vmm_floppy_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* A transfer has ended: 0 or a negative errno.  Exactly once a transfer, never inside `transfer`. */
	void (*complete)(void *self, uint64_t token, int32_t status);
	/* The medium was changed, or taken out. */
	void (*media_changed)(void *self);
	/* "/pci@i0cf8/isa@1/fdc@03f0"; the length, or -EOVERFLOW. */
	int32_t (*path)(void *self, char *text, uint32_t size);
};

/* Called by the controller.  [machine] */
struct vmm_floppy_lower {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*info)(void *self, struct vmm_floppy_info *info);
	void (*motor)(void *self, uint32_t on);
	/* Move the heads by `count` cylinders, out (towards 0) if negative; they stop at the ends. */
	void (*step)(void *self, int32_t count);
	/* Read, write or format at the cylinder under the heads: sectors `first` to `first + count - 1`, numbered from
	 * 1, of one track; `length` is count * (128 << size_code).  The data is lent until complete.  -ENOMEDIUM,
	 * -EROFS, -ENXIO (no such sector), -EMEDIUMTYPE (a format that this medium cannot have): refused at once, and
	 * complete will not be called. */
	int32_t (*transfer)(void *self, uint64_t token, uint32_t operation, uint32_t head, uint32_t first,
		uint32_t count, void *data, uint32_t length);
	/* Take a transfer back; complete comes in any case, perhaps with -ECANCELED. */
	void (*cancel)(void *self, uint64_t token);
	/* Write what is buffered to the medium; the answer comes as complete. */
	int32_t (*flush)(void *self, uint64_t token);
};

#endif
