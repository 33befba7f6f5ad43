/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A disk of 1 MiB in memory that completes late, in any order, and sometimes fails; and a drive that asks for
 * anything that it may ask for.
 */
#include "fake_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The disk. */

static int32_t disk_info(void *self, struct vmm_storage_info *info)
{
	(void)self;
	info->block_size = 512;
	info->length = PEER_DISK;
	info->capabilities = VMM_STORAGE_CAN_FLUSH | VMM_STORAGE_CAN_FUA | VMM_STORAGE_REMOVABLE;
	info->physical_block = 4096;
	info->segment_maximum = 8;
	info->request_maximum = 65536;
	return 0;
}

static int32_t disk_submit(void *self, const struct vmm_storage_request *request)
{
	struct fake_peer *peer = self;
	uint64_t sum = 0;
	uint32_t data = request->operation == VMM_STORAGE_READ || request->operation == VMM_STORAGE_WRITE;
	if (request->operation < VMM_STORAGE_READ || request->operation > VMM_STORAGE_WRITE_ZEROES ||
		request->segment_count > 8 || request->offset % 512 != 0 || request->length % 512 != 0 ||
		request->offset > PEER_DISK || request->length > PEER_DISK - request->offset ||
		request->length > 65536) {
		fake_fault(peer->instance, "port %s: request %u of %llu bytes at %llu breaks the limits of info",
			peer->row->key, request->operation, (unsigned long long)request->length,
			(unsigned long long)request->offset);
		return -EINVAL;
	}
	for (uint32_t i = 0; data && i < request->segment_count; i++)
		sum += request->segments[i].length;
	if (data && sum != request->length) {
		fake_fault(peer->instance, "port %s: segments hold %llu bytes of a request of %llu", peer->row->key,
			(unsigned long long)sum, (unsigned long long)request->length);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < PEER_REQUESTS; i++) {
		struct peer_request *entry = &peer->requests[i];
		if (entry->used)
			continue;
		entry->used = 1;
		entry->request = *request;
		for (uint32_t k = 0; k < request->segment_count; k++)
			entry->segments[k] = request->segments[k];
		return 0;
	}
	return -EAGAIN;
}

static void disk_finish(struct fake_peer *peer, struct peer_request *entry, int32_t status)
{
	const struct vmm_storage_upper *upper = peer->table;
	uint8_t *at = peer->disk + entry->request.offset;
	entry->used = 0;
	for (uint32_t i = 0; status == 0 && i < entry->request.segment_count; i++) {
		if (entry->request.operation == VMM_STORAGE_READ)
			memcpy(entry->segments[i].data, at, entry->segments[i].length);
		else if (entry->request.operation == VMM_STORAGE_WRITE)
			memcpy(at, entry->segments[i].data, entry->segments[i].length);
		at += entry->segments[i].length;
	}
	upper->complete(peer->self, entry->request.token, status);
}

static void disk_cancel(void *self, uint64_t token)
{
	(void)self;
	(void)token;
}

static int32_t disk_lock(void *self, uint32_t locked)
{
	(void)self;
	(void)locked;
	return 0;
}

static int32_t disk_eject(void *self)
{
	(void)self;
	return 0;
}

const struct vmm_storage_lower fake_peer_storage_lower = {
	.struct_size = sizeof(struct vmm_storage_lower),
	.info = disk_info,
	.submit = disk_submit,
	.cancel = disk_cancel,
	.lock = disk_lock,
	.eject = disk_eject,
};

static void disk_act(struct fake_peer *peer)
{
	const struct vmm_storage_upper *upper = peer->table;
	uint32_t first = (uint32_t)chance_below(peer->chance, PEER_REQUESTS);
	if (chance_below(peer->chance, 32) == 0 && VMM_HAS(upper, media_changed)) {
		upper->media_changed(peer->self);
		return;
	}
	for (uint32_t i = 0; i < PEER_REQUESTS; i++) {
		struct peer_request *entry = &peer->requests[(first + i) % PEER_REQUESTS];
		if (!entry->used)
			continue;
		disk_finish(peer, entry, chance_below(peer->chance, 16) == 0 ? -EIO : 0);
		return;
	}
}

/* The drive. */

static void drive_complete(void *self, uint64_t token, int32_t status)
{
	struct fake_peer *peer = self;
	if (peer->calling > 0)
		fake_fault(peer->instance, "port %s: complete was called within a call down", peer->row->key);
	if (status > 0)
		fake_fault(peer->instance, "port %s: complete gave status %d", peer->row->key, status);
	for (uint32_t i = 0; i < PEER_REQUESTS; i++) {
		struct peer_request *entry = &peer->requests[i];
		if (!entry->used || entry->request.token != token)
			continue;
		entry->used = 0;
		free(entry->data);
		entry->data = NULL;
		return;
	}
	fake_fault(peer->instance, "port %s: complete of %llu, which is not under way", peer->row->key,
		(unsigned long long)token);
}

static void drive_changed(void *self)
{
	(void)self;
}

static void drive_resized(void *self, uint64_t length)
{
	(void)self;
	(void)length;
}

const struct vmm_storage_upper fake_peer_storage_upper = {
	.struct_size = sizeof(struct vmm_storage_upper),
	.complete = drive_complete,
	.media_changed = drive_changed,
	.resized = drive_resized,
};

static uint32_t is_change(const struct vmm_storage_request *request)
{
	return request->operation != VMM_STORAGE_READ && request->operation != VMM_STORAGE_FLUSH;
}

/* Wait until nothing is under way, or nothing that changes the disk. */
static void drive_wait(struct fake_peer *peer, uint32_t changes_only)
{
	/* A provider may have threads of its own, which take their time: ten seconds, then the drive goes on. */
	for (uint32_t tries = 0; tries < 100000; tries++) {
		uint32_t busy = 0;
		for (uint32_t i = 0; i < PEER_REQUESTS; i++)
			busy += peer->requests[i].used && (!changes_only || is_change(&peer->requests[i].request));
		if (busy == 0)
			return;
		if (fake_poll(peer->instance->fake, 0) == 0)
			usleep(100);
	}
}

static void drive_submit(struct fake_peer *peer, struct peer_request *entry)
{
	const struct vmm_storage_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	struct vmm_storage_info info = { .struct_size = sizeof(info) };
	if (lower->info(peer->self, &info) < 0 || info.length == 0 || info.block_size == 0)
		return;
	uint64_t blocks = info.length / info.block_size;
	uint64_t first = chance_below(chance, blocks + 1);
	uint64_t count = chance_below(chance, 17);
	if (count > blocks - first)
		count = blocks - first;
	entry->request = (struct vmm_storage_request){
		.struct_size = sizeof(entry->request),
		.operation = VMM_STORAGE_READ + (uint32_t)chance_below(chance, 5),
		.flags = chance_below(chance, 4) == 0 ? VMM_STORAGE_FUA : 0,
		.token = ++peer->next_token,
		.offset = first * info.block_size,
		.length = count * info.block_size,
		.segments = entry->segments,
	};
	if (entry->request.operation <= VMM_STORAGE_WRITE) {
		entry->data = calloc(1, entry->request.length + 1);
		entry->segments[0] = (struct vmm_storage_segment){ entry->data, entry->request.length };
		entry->request.segment_count = 1;
	}
	/* Requests under way have no order: two machines that are compared must not differ by that, nor by whether a
	 * change could still be cancelled. */
	drive_wait(peer, !is_change(&entry->request));
	entry->used = 1;
	peer->calling++;
	int32_t status = lower->submit(peer->self, &entry->request);
	if (status >= 0 && chance_below(chance, 8) == 0 && !is_change(&entry->request) && VMM_HAS(lower, cancel))
		lower->cancel(peer->self, entry->request.token);
	peer->calling--;
	if (status < 0) {
		free(entry->data);
		entry->data = NULL;
		entry->used = 0;
	}
}

void fake_peer_storage_settle(struct fake_peer *peer)
{
	drive_wait(peer, 1);
}

void fake_peer_storage_act(struct fake_peer *peer)
{
	if (peer->role == VMM_ROLE_LOWER) {
		disk_act(peer);
		return;
	}
	for (uint32_t i = 0; i < PEER_REQUESTS; i++) {
		if (!peer->requests[i].used) {
			drive_submit(peer, &peer->requests[i]);
			return;
		}
	}
	drive_wait(peer, 0);
	if (!peer->requests[0].used)
		drive_submit(peer, &peer->requests[0]);
}

void fake_peer_storage_drain(struct fake_peer *peer)
{
	for (uint32_t i = 0; peer->role == VMM_ROLE_LOWER && i < PEER_REQUESTS; i++) {
		if (peer->requests[i].used)
			disk_finish(peer, &peer->requests[i], -ECANCELED);
	}
	if (peer->role == VMM_ROLE_UPPER)
		drive_wait(peer, 0);
}
