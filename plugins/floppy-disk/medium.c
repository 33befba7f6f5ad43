/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Transfers between the controller and the medium.
 */
#include "disk.h"

/* What is in the drive now? */
void medium_look(struct drive *drive)
{
	struct vmm_storage_info info = { .struct_size = sizeof(info) };
	memset(&drive->info, 0, sizeof(drive->info));
	if (drive->media != NULL && !drive->closing && drive->media->info(drive->media_self, &info) >= 0)
		drive->info = info;
	/* Until power is on the drive is the one that its disk needs. */
	if (drive->choice == 0 && !drive->started)
		drive->type = geometry_drive(drive->info.length);
	geometry_find(&drive->geometry, drive->type, drive->info.length);
	if (drive->info.length == 0)
		return;
	if (drive->info.block_size > SECTOR)
		drive->geometry = (struct geometry){ 0 };
	if (drive->geometry.sectors == 0)
		vmm_kit_log(drive->host, VMM_LOG_WARNING, "the drive cannot read a disk of %llu bytes",
			(unsigned long long)drive->info.length);
}

static void changed(struct drive *drive)
{
	drive->change = 1;
	drive->dirty = 0;
	medium_look(drive);
	if (drive->controller != NULL)
		drive->controller->media_changed(drive->controller_self);
}

/* Requests. */

static struct slot *slot_get(struct drive *drive, uint64_t token)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &drive->slots[i];
		if (slot->used)
			continue;
		*slot = (struct slot){ .drive = drive, .used = 1, .token = token };
		return slot;
	}
	return NULL;
}

static void slot_end(struct slot *slot, int32_t status)
{
	struct drive *drive = slot->drive;
	slot->used = 0;
	if (status == 0 && slot->zero_length > 0)
		memset(slot->zeros, 0, slot->zero_length);
	if (slot->own)
		drive->dirty |= status == -ECANCELED;
	else if (drive->controller != NULL)
		drive->controller->complete(drive->controller_self, slot->token, status > 0 ? -EIO : status);
}

static void slot_later(void *self, uint64_t token)
{
	struct slot *slot = self;
	/* It may have been ended, and used again. */
	if (slot->used && slot->token == token && slot->segment.length == 0)
		slot_end(slot, 0);
}

static int32_t slot_submit(struct slot *slot, uint32_t operation, uint64_t offset)
{
	struct drive *drive = slot->drive;
	const struct vmm_storage_request request = {
		.struct_size = sizeof(request),
		.operation = operation,
		.token = (uint64_t)(slot - drive->slots),
		.offset = offset,
		.length = slot->segment.length,
		.segments = &slot->segment,
		.segment_count = slot->segment.length > 0,
	};
	int32_t status = drive->media->submit(drive->media_self, &request);
	if (status < 0)
		slot->used = 0;
	return status < 0 ? status : 0;
}

/* Nothing is to be done; but that is not told at once. */
static int32_t slot_defer(struct slot *slot)
{
	struct drive *drive = slot->drive;
	int32_t status = drive->event->defer(drive->host->context, slot_later, slot, slot->token);
	if (status < 0)
		slot->used = 0;
	return status;
}

/* A flush that nobody waits for. */
void medium_flush(struct drive *drive)
{
	if (!drive->dirty || drive->media == NULL || drive->closing ||
		(drive->info.capabilities & VMM_STORAGE_CAN_FLUSH) == 0)
		return;
	struct slot *slot = slot_get(drive, 0);
	if (slot == NULL)
		return;
	slot->own = 1;
	drive->dirty = slot_submit(slot, VMM_STORAGE_FLUSH, 0) < 0;
}

/* Called by the controller. */

static int32_t info(void *self, struct vmm_floppy_info *info)
{
	const struct drive *drive = self;
	const struct geometry *geometry = &drive->geometry;
	uint32_t size = info->struct_size;
	const struct vmm_floppy_info full = {
		.struct_size = size,
		.type = drive->type,
		.medium = drive->info.length != 0,
		.write_protected = (drive->info.capabilities & VMM_STORAGE_READONLY) != 0,
		.disk_change = drive->change || drive->info.length == 0,
		.cylinder = drive->cylinder / geometry_steps(geometry, drive->type),
		.cylinders = geometry->cylinders,
		.heads = geometry->heads,
		.sectors = geometry->sectors,
		.size_code = geometry->size_code,
		.rate = geometry->rate,
		.rpm = drive->type == VMM_FLOPPY_1200 ? 360 : 300,
	};
	memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
	return 0;
}

static void motor(void *self, uint32_t on)
{
	struct drive *drive = self;
	drive->motor = on != 0;
	/* Whoever sees the light go out may take the disk. */
	if (!drive->motor)
		medium_flush(drive);
}

static void step(void *self, int32_t count)
{
	struct drive *drive = self;
	int64_t most = drive->type == VMM_FLOPPY_360 ? 41 : CYLINDERS;
	int64_t to = (int64_t)drive->cylinder + count;
	drive->cylinder = (uint32_t)(to < 0 ? 0 : to > most ? most : to);
	if (count != 0 && drive->info.length != 0)
		drive->change = 0;
}

/* Where the sectors are, and whether they can be had. */
static int32_t locate(struct drive *drive, uint32_t head, uint32_t first, uint32_t count, uint64_t *offset)
{
	const struct geometry *geometry = &drive->geometry;
	uint32_t steps = geometry_steps(geometry, drive->type);
	uint32_t cylinder = drive->cylinder / steps;
	if (geometry->sectors == 0 || drive->cylinder % steps != 0 || cylinder >= geometry->cylinders ||
		head >= geometry->heads || first == 0 || count == 0 || first > geometry->sectors ||
		count > geometry->sectors - first + 1)
		return -ENXIO;
	*offset = (((uint64_t)cylinder * geometry->heads + head) * geometry->sectors + first - 1) *
		(128u << geometry->size_code);
	return 0;
}

static int32_t transfer(void *self, uint64_t token, uint32_t operation, uint32_t head, uint32_t first, uint32_t count,
	void *data, uint32_t length)
{
	struct drive *drive = self;
	struct geometry before = drive->geometry;
	uint64_t offset = 0;
	uint32_t writes = operation != VMM_FLOPPY_READ;
	if (drive->media == NULL || drive->closing || drive->info.length == 0)
		return -ENOMEDIUM;
	if (operation < VMM_FLOPPY_READ || operation > VMM_FLOPPY_FORMAT)
		return -EINVAL;
	if (writes && (drive->info.capabilities & VMM_STORAGE_READONLY) != 0)
		return -EROFS;
	if (operation == VMM_FLOPPY_FORMAT &&
		(first != 1 || count == 0 || length % count != 0 || drive->info.block_size > SECTOR ||
			!geometry_change(&drive->geometry, drive->type, drive->info.length, count, length / count)))
		return -EMEDIUMTYPE;
	int32_t status = locate(drive, head, first, count, &offset);
	if (status == 0 && length != (uint64_t)count * (128u << drive->geometry.size_code))
		status = -ENXIO;
	/* An image that is shorter than its disk: there is no place for what is written behind its end. */
	uint64_t there = offset < drive->info.length ? drive->info.length - offset : 0;
	if (status == 0 && writes && there < length)
		status = -EIO;
	struct slot *slot = status == 0 ? slot_get(drive, token) : NULL;
	if (slot == NULL) {
		drive->geometry = before;
		return status < 0 ? status : -EAGAIN;
	}
	slot->segment = (struct vmm_storage_segment){ data, there < length ? there : length };
	slot->zeros = (uint8_t *)data + slot->segment.length;
	slot->zero_length = length - (uint32_t)slot->segment.length;
	if (slot->segment.length == 0)
		return slot_defer(slot);
	status = slot_submit(slot, writes ? VMM_STORAGE_WRITE : VMM_STORAGE_READ, offset);
	if (status < 0)
		drive->geometry = before;
	else
		drive->dirty |= writes;
	return status;
}

static void cancel(void *self, uint64_t token)
{
	struct drive *drive = self;
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct slot *slot = &drive->slots[i];
		if (slot->used && !slot->own && slot->token == token && slot->segment.length > 0 &&
			VMM_HAS(drive->media, cancel))
			drive->media->cancel(drive->media_self, i);
	}
}

static int32_t flush(void *self, uint64_t token)
{
	struct drive *drive = self;
	if (drive->media == NULL || drive->closing || drive->info.length == 0)
		return -ENOMEDIUM;
	struct slot *slot = slot_get(drive, token);
	if (slot == NULL)
		return -EAGAIN;
	drive->dirty = 0;
	if ((drive->info.capabilities & VMM_STORAGE_CAN_FLUSH) == 0)
		return slot_defer(slot);
	return slot_submit(slot, VMM_STORAGE_FLUSH, 0);
}

const struct vmm_floppy_lower drive_lower = {
	.struct_size = sizeof(struct vmm_floppy_lower),
	.info = info,
	.motor = motor,
	.step = step,
	.transfer = transfer,
	.cancel = cancel,
	.flush = flush,
};

/* Called by the medium. */

static void complete(void *self, uint64_t token, int32_t status)
{
	struct drive *drive = self;
	if (token < SLOTS && drive->slots[token].used)
		slot_end(&drive->slots[token], status);
}

static void media_changed(void *self)
{
	changed(self);
}

static void resized(void *self, uint64_t length)
{
	(void)length;
	changed(self); /* another length is another disk */
}

const struct vmm_storage_upper media_upper = {
	.struct_size = sizeof(struct vmm_storage_upper),
	.complete = complete,
	.media_changed = media_changed,
	.resized = resized,
};

static void media_attached(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = port_self;
	drive->media = link->peer;
	drive->media_self = link->peer_self;
	drive->closing = 0;
	changed(drive);
}

static void media_closing(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = port_self;
	(void)link;
	drive->closing = 1;
}

static void media_detached(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = port_self;
	(void)link;
	drive->media = NULL;
	drive->closing = 0;
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (drive->slots[i].used)
			slot_end(&drive->slots[i], -ECANCELED);
	}
	changed(drive);
}

const struct vmm_port_ops media_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = media_attached,
	.closing = media_closing,
	.detached = media_detached,
};

static void bus_attached(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = port_self;
	drive->controller = link->peer;
	drive->controller_self = link->peer_self;
	drive->unit = (uint32_t)link->address;
}

static void bus_detached(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = port_self;
	(void)link;
	drive->controller = NULL;
}

const struct vmm_port_ops bus_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = bus_attached,
	.detached = bus_detached,
};
