/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A diskette drive that completes late and sometimes fails, and a controller that asks for anything.
 */
#include "fake_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CYLINDERS 80u
#define HEADS     2u
#define SECTORS   18u

/* The drive. */

static int32_t drive_info(void *self, struct vmm_floppy_info *info)
{
	struct fake_peer *peer = self;
	const struct vmm_floppy_info full = {
		.struct_size = info->struct_size,
		.type = VMM_FLOPPY_1440,
		.medium = 1,
		.disk_change = peer->change,
		.cylinder = peer->cylinder,
		.cylinders = CYLINDERS,
		.heads = HEADS,
		.sectors = SECTORS,
		.size_code = 2,
		.rate = VMM_FLOPPY_RATE_500,
		.rpm = 300,
	};
	memcpy(info, &full, info->struct_size < sizeof(full) ? info->struct_size : sizeof(full));
	return 0;
}

static void drive_motor(void *self, uint32_t on)
{
	(void)self;
	(void)on;
}

static void drive_step(void *self, int32_t count)
{
	struct fake_peer *peer = self;
	int64_t to = (int64_t)peer->cylinder + count;
	peer->cylinder = to < 0 ? 0 : to > 82 ? 82 : (uint32_t)to;
	peer->change = 0;
}

static int32_t drive_begin(struct fake_peer *peer, uint64_t token, uint32_t operation, void *data, uint32_t length)
{
	for (uint32_t i = 0; i < 4; i++) {
		struct peer_transfer *entry = &peer->transfers[i];
		if (entry->used)
			continue;
		*entry = (struct peer_transfer){ 1, operation, token, data, length };
		return 0;
	}
	return -EAGAIN;
}

static int32_t drive_transfer(void *self, uint64_t token, uint32_t operation, uint32_t head, uint32_t first,
	uint32_t count, void *data, uint32_t length)
{
	struct fake_peer *peer = self;
	if (operation < VMM_FLOPPY_READ || operation > VMM_FLOPPY_FORMAT)
		fake_fault(peer->instance, "port %s: transfer of kind %u", peer->row->key, operation);
	if (operation == VMM_FLOPPY_FORMAT)
		return length % 512 != 0 ? -EMEDIUMTYPE : drive_begin(peer, token, operation, data, length);
	if (head >= HEADS || first == 0 || count == 0 || first > SECTORS || count > SECTORS - first + 1 ||
		peer->cylinder >= CYLINDERS)
		return -ENXIO;
	if (length != count * 512)
		fake_fault(peer->instance, "port %s: %u sectors in %u bytes", peer->row->key, count, length);
	return drive_begin(peer, token, operation, data, length);
}

static void drive_cancel(void *self, uint64_t token)
{
	(void)self;
	(void)token;
}

static int32_t drive_flush(void *self, uint64_t token)
{
	return drive_begin(self, token, 0, NULL, 0);
}

const struct vmm_floppy_lower fake_peer_floppy_lower = {
	.struct_size = sizeof(struct vmm_floppy_lower),
	.info = drive_info,
	.motor = drive_motor,
	.step = drive_step,
	.transfer = drive_transfer,
	.cancel = drive_cancel,
	.flush = drive_flush,
};

static void drive_finish(struct fake_peer *peer, struct peer_transfer *entry, int32_t status)
{
	const struct vmm_floppy_upper *upper = peer->table;
	entry->used = 0;
	if (entry->operation == VMM_FLOPPY_READ && entry->length > 0)
		memset(entry->data, 0x5a, entry->length);
	/* What is lent is no longer ours. */
	entry->data = NULL;
	upper->complete(peer->self, entry->token, status);
}

static void drive_act(struct fake_peer *peer)
{
	const struct vmm_floppy_upper *upper = peer->table;
	if (chance_below(peer->chance, 32) == 0) {
		peer->change = 1;
		upper->media_changed(peer->self);
		return;
	}
	for (uint32_t i = 0; i < 4; i++) {
		if (!peer->transfers[i].used)
			continue;
		drive_finish(peer, &peer->transfers[i], chance_below(peer->chance, 16) == 0 ? -EIO : 0);
		return;
	}
}

/* The controller. */

static void controller_complete(void *self, uint64_t token, int32_t status)
{
	struct fake_peer *peer = self;
	if (peer->calling > 0)
		fake_fault(peer->instance, "port %s: complete was called within a call down", peer->row->key);
	if (status > 0)
		fake_fault(peer->instance, "port %s: complete gave status %d", peer->row->key, status);
	for (uint32_t i = 0; i < 4; i++) {
		struct peer_transfer *entry = &peer->transfers[i];
		if (!entry->used || entry->token != token)
			continue;
		entry->used = 0;
		free(entry->data);
		entry->data = NULL;
		return;
	}
	fake_fault(peer->instance, "port %s: complete of %llu, which is not under way", peer->row->key,
		(unsigned long long)token);
}

static void controller_changed(void *self)
{
	(void)self;
}

static int32_t controller_path(void *self, char *text, uint32_t size)
{
	(void)self;
	int length = snprintf(text, size, "/pci@i0cf8/isa@1/fdc@03f0");
	return length < 0 || (uint32_t)length >= size ? -EOVERFLOW : length;
}

const struct vmm_floppy_upper fake_peer_floppy_upper = {
	.struct_size = sizeof(struct vmm_floppy_upper),
	.complete = controller_complete,
	.media_changed = controller_changed,
	.path = controller_path,
};

static void controller_submit(struct fake_peer *peer, struct peer_transfer *entry)
{
	const struct vmm_floppy_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	struct vmm_floppy_info info = { .struct_size = sizeof(info) };
	uint32_t flush = chance_below(chance, 8) == 0;
	if (lower->info(peer->self, &info) < 0 || info.size_code > 7)
		return;
	uint32_t count = 1 + (uint32_t)chance_below(chance, info.sectors + 2);
	*entry = (struct peer_transfer){
		.used = 1, .token = ++peer->next_token, .length = count * (128u << info.size_code)
	};
	entry->data = calloc(1, entry->length);
	int32_t status = flush ? lower->flush(peer->self, entry->token)
			       : lower->transfer(peer->self, entry->token, 1 + (uint32_t)chance_below(chance, 3),
					 (uint32_t)chance_below(chance, 3), (uint32_t)chance_below(chance, 20), count,
					 entry->data, entry->length);
	if (status >= 0 && chance_below(chance, 8) == 0)
		lower->cancel(peer->self, entry->token);
	if (status < 0) {
		free(entry->data);
		*entry = (struct peer_transfer){ .used = 0 };
	}
}

static void controller_act(struct fake_peer *peer)
{
	const struct vmm_floppy_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	struct peer_transfer *entry = &peer->transfers[chance_below(chance, 4)];
	peer->calling++;
	switch (chance_below(chance, 4)) {
	case 0: lower->motor(peer->self, (uint32_t)chance_below(chance, 2)); break;
	case 1: lower->step(peer->self, (int32_t)chance_below(chance, 200) - 100); break;
	default:
		if (!entry->used)
			controller_submit(peer, entry);
		break;
	}
	peer->calling--;
}

void fake_peer_floppy_act(struct fake_peer *peer)
{
	if (peer->role == VMM_ROLE_LOWER)
		drive_act(peer);
	else
		controller_act(peer);
}

void fake_peer_floppy_drain(struct fake_peer *peer)
{
	for (uint32_t i = 0; peer->role == VMM_ROLE_LOWER && i < 4; i++) {
		if (peer->transfers[i].used)
			drive_finish(peer, &peer->transfers[i], -ECANCELED);
	}
	for (uint32_t i = 0; peer->role == VMM_ROLE_UPPER && i < 1000; i++) {
		if (fake_poll(peer->instance->fake, 0) == 0)
			break;
	}
}
