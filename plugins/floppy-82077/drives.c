/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The drives on the cable: seeks, motors, and the port they are joined by.
 */
#include <stdio.h>

#include "fdc.h"

#define RECALIBRATE_STEPS 79 /* 5.2.7 */

uint32_t drive_info(struct fdc *fdc, uint32_t unit, struct vmm_floppy_info *info)
{
	const struct unit *drive = &fdc->units[unit];
	*info = (struct vmm_floppy_info){ .struct_size = sizeof(*info) };
	return drive->table != NULL && drive->table->info(drive->self, info) >= 0;
}

void drive_motors(struct fdc *fdc, uint8_t before)
{
	for (uint32_t i = 0; i < UNITS; i++) {
		const struct unit *drive = &fdc->units[i];
		uint32_t on = fdc->dor >> (4 + i) & 1;
		if (drive->table != NULL && on != (uint32_t)(before >> (4 + i) & 1))
			drive->table->motor(drive->self, on);
	}
}

void drive_step(struct fdc *fdc, uint32_t unit, int32_t count)
{
	const struct unit *drive = &fdc->units[unit];
	if (drive->table != NULL && count != 0)
		drive->table->step(drive->self, count);
}

void drive_seek(struct fdc *fdc, uint32_t unit, int32_t count, uint8_t st0, uint8_t pcn)
{
	drive_step(fdc, unit, count);
	fdc->pcn[unit] = pcn;
	fdc->seeking |= (uint8_t)(1u << unit);
	fdc->sense_st0[unit] = st0;
	fdc->sense &= (uint8_t) ~(1u << unit);
	fdc->seek_due[unit] = fdc_now(fdc) + SETTLE_TIME + STEP_TIME * (uint32_t)(count < 0 ? -count : count);
}

void drive_recalibrate(struct fdc *fdc, uint32_t unit)
{
	struct vmm_floppy_info info;
	uint32_t there = drive_info(fdc, unit, &info);
	uint32_t count = info.cylinder < RECALIBRATE_STEPS ? info.cylinder : RECALIBRATE_STEPS;
	uint8_t st0 = (uint8_t)(ST0_SEEK_END | unit);
	/* At track 0 there is no step, so the disk change line stays. */
	if (there && info.cylinder != 0)
		drive_step(fdc, unit, -RECALIBRATE_STEPS);
	/* Equipment check: track 0 was not reached. */
	if (!there || (drive_info(fdc, unit, &info) && info.cylinder != 0))
		st0 |= ST0_ABNORMAL | ST0_CHECK;
	drive_seek(fdc, unit, 0, st0, 0);
	fdc->seek_due[unit] += STEP_TIME * (there ? count : RECALIBRATE_STEPS);
}

/* Seeks that have come to their end. */
void drive_arrived(struct fdc *fdc, vmm_time now)
{
	for (uint32_t i = 0; i < UNITS; i++) {
		if ((fdc->seeking >> i & 1) == 0 || fdc->seek_due[i] > now)
			continue;
		fdc->seeking &= (uint8_t) ~(1u << i);
		fdc->seek_due[i] = NEVER;
		fdc->sense |= (uint8_t)(1u << i);
		fdc->interrupt = 1;
	}
}

/* CMOS register 10, for the firmware. */
void drive_types(struct fdc *fdc)
{
	struct vmm_floppy_info info;
	uint8_t value = 0;
	for (uint32_t i = 0; i < 2; i++) {
		if (drive_info(fdc, i, &info))
			value |= (uint8_t)((info.type & 15) << (i == 0 ? 4 : 0));
	}
	void *context = fdc->host->context;
	int32_t status = fdc->types_added ? fdc->firmware->update(context, VMM_FIRMWARE_FILE, "vmm/cmos/10", &value, 1)
					  : fdc->firmware->add(context, VMM_FIRMWARE_FILE, "vmm/cmos/10", &value, 1);
	if (status >= 0)
		fdc->types_added = 1;
	else
		vmm_kit_log(fdc->host, VMM_LOG_WARNING, "the BIOS will not know the drives: %s", strerror(-status));
}

/* Called by the drives. */

static void complete(void *self, uint64_t token, int32_t status)
{
	struct unit *unit = self;
	execute_complete(unit->fdc, token, status);
}

static void media_changed(void *self)
{
	(void)self; /* seen by the disk change line, which is asked for when it is read */
}

static int32_t path(void *self, char *text, uint32_t size)
{
	const struct unit *unit = self;
	const struct fdc *fdc = unit->fdc;
	char above[192];
	if (!VMM_HAS(fdc->bus, path))
		return -EOPNOTSUPP;
	int32_t status = fdc->bus->path(fdc->bus_self, above, sizeof(above));
	if (status < 0)
		return status;
	int length = snprintf(text, size, "%s/fdc@%04x", above, fdc->port);
	return length < 0 || (uint32_t)length >= size ? -EOVERFLOW : length;
}

const struct vmm_floppy_upper drive_upper = {
	.struct_size = sizeof(struct vmm_floppy_upper),
	.complete = complete,
	.media_changed = media_changed,
	.path = path,
};

static int32_t prepare(void *port_self, const struct vmm_link *link, void **self)
{
	struct fdc *fdc = port_self;
	if (link->address >= UNITS)
		return vmm_kit_fail(fdc->host, -EINVAL, "use `address = 0` to 3", "a floppy cable has four places");
	struct unit *unit = &fdc->units[link->address];
	if (unit->taken)
		return vmm_kit_fail(fdc->host, -EBUSY, "choose another `address =`", "floppy drive %u is there already",
			(uint32_t)link->address);
	unit->taken = 1;
	*self = unit;
	return 0;
}

static void attached(void *port_self, const struct vmm_link *link)
{
	struct fdc *fdc = port_self;
	struct unit *unit = &fdc->units[link->address & 3];
	unit->table = link->peer;
	unit->self = link->peer_self;
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct fdc *fdc = port_self;
	struct unit *unit = &fdc->units[link->address & 3];
	unit->table = NULL;
	unit->taken = 0;
	if (fdc->in_flight && fdc->unit == (link->address & 3))
		fdc->in_flight = 0;
}

const struct vmm_port_ops drive_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.prepare = prepare,
	.attached = attached,
	.detached = detached,
};
