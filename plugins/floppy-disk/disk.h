/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A diskette drive, and how the disk in it is laid out.
 */
#ifndef DISK_H
#define DISK_H

#include <vmm/event.h>
#include <vmm/firmware.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-floppy.h>
#include <vmm/port-storage.h>

#define SECTOR      512u
#define CYLINDERS   82u /* most drives can go a little further than 80 */
#define SECTORS_MAX 240u
#define SLOTS       8u

struct geometry {
	uint32_t cylinders, heads, sectors;
	uint32_t size_code; /* 128 << it bytes a sector */
	uint32_t rate;
};

struct drive;

/* A request on its way to the medium. */
struct slot {
	struct drive *drive;
	uint32_t used, own; /* own: the flush of a motor that stopped */
	uint64_t token;     /* the controller's */
	uint8_t *zeros;     /* of a read past the medium's end: what to clear */
	uint32_t zero_length;
	struct vmm_storage_segment segment;
};

struct drive {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_firmware_service *firmware;
	const struct vmm_floppy_upper *controller;
	void *controller_self;
	const struct vmm_storage_lower *media;
	void *media_self;
	struct vmm_storage_info info;
	uint32_t unit, choice, boot_added, closing, started;
	struct slot slots[SLOTS];

	uint32_t type; /* VMM_FLOPPY_* */
	uint32_t cylinder, motor, change, dirty;
	struct geometry geometry; /* sectors 0: cannot be read */
};

/* geometry.c */
/* Of a medium of `length` bytes, in a drive of this type; all zeros if it cannot be one. */
void geometry_find(struct geometry *geometry, uint32_t type, uint64_t length);
/* Of a medium whose tracks are being formatted so; 0 if it does not fit. */
uint32_t geometry_change(struct geometry *geometry, uint32_t type, uint64_t length, uint32_t sectors, uint32_t size);
uint64_t geometry_length(const struct geometry *geometry);
/* The drive that a medium needs, for `type = auto`. */
uint32_t geometry_drive(uint64_t length);
/* A drive of 80 cylinders steps twice from one track to the next of a disk that has 40. */
uint32_t geometry_steps(const struct geometry *geometry, uint32_t type);

/* medium.c: the ports. */
extern const struct vmm_port_ops media_ops, bus_ops;
extern const struct vmm_storage_upper media_upper;
extern const struct vmm_floppy_lower drive_lower;
void medium_look(struct drive *drive);
void medium_flush(struct drive *drive);

#endif
