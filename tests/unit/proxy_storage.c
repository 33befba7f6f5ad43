/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.storage/1 over the border.  A request's memory is lent until complete: the far side works on a copy, which
 * comes back then.  Tokens are changed on the way, so that nobody can hide a pointer in one.
 */
#include "proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/port-storage.h>

#define REQUESTS 256
#define SEGMENTS 64

struct lent {
	uint32_t used, operation, segment_count;
	uint64_t token;                            /* the submitter's */
	struct vmm_storage_segment near[SEGMENTS]; /* its memory */
	struct vmm_storage_segment *far;           /* the provider's copy, lent */
};

struct storage {
	struct lent lent[REQUESTS];
};

static uint64_t far_token(uint32_t index)
{
	return UINT64_C(0x5eed000000000000) + index;
}

static int32_t lower_info(void *self, struct vmm_storage_info *info)
{
	struct proxy_link *link = self;
	const struct vmm_storage_lower *lower = link->lower;
	struct wire reply = { 0 };
	struct vmm_storage_info *far = proxy_lend(link, sizeof(*far));
	uint32_t size = info->struct_size < sizeof(*far) ? info->struct_size : (uint32_t)sizeof(*far);
	proxy_counted(link, VMM_ROLE_LOWER);
	far->struct_size = size;
	int32_t status = lower->info(link->lower_self, far);
	wire_put(&reply, far, size);
	proxy_take_back(link, far, sizeof(*far));
	wire_get(&reply, info, size);
	wire_free(&reply);
	return status;
}

/* The provider's side: fresh segments, with the data of a write. */
static int32_t submit_arrive(struct proxy_link *link, uint32_t index, struct wire *call)
{
	const struct vmm_storage_lower *lower = link->lower;
	struct lent *lent = &((struct storage *)link->extra)->lent[index];
	struct vmm_storage_request *request = proxy_lend(link, sizeof(*request));
	request->struct_size = sizeof(*request);
	request->operation = (uint32_t)wire_get_u64(call);
	request->flags = (uint32_t)wire_get_u64(call);
	request->segment_count = (uint32_t)wire_get_u64(call);
	request->token = wire_get_u64(call);
	request->offset = wire_get_u64(call);
	request->length = wire_get_u64(call);
	lent->far = proxy_lend(link, sizeof(*lent->far) * (request->segment_count + 1));
	for (uint32_t i = 0; i < request->segment_count; i++) {
		lent->far[i].length = wire_get_u64(call);
		lent->far[i].data = proxy_lend(link, lent->far[i].length);
		if (request->operation == VMM_STORAGE_WRITE)
			wire_get(call, lent->far[i].data, lent->far[i].length);
		else
			memset(lent->far[i].data, 0xcc, lent->far[i].length);
	}
	request->segments = lent->far;
	int32_t status = lower->submit(link->lower_self, request);
	/* The struct is copied by the provider, the memory it describes stays lent. */
	proxy_take_back(link, request, sizeof(*request));
	return status;
}

static int32_t lower_submit(void *self, const struct vmm_storage_request *request)
{
	struct proxy_link *link = self;
	struct storage *storage = link->extra;
	struct wire call = { 0 };
	uint32_t index;
	for (index = 0; index < REQUESTS && storage->lent[index].used; index++)
		continue;
	if (index == REQUESTS || request->segment_count > SEGMENTS)
		return -EAGAIN;
	struct lent *lent = &storage->lent[index];
	*lent = (struct lent){ .used = 1,
		.operation = request->operation,
		.segment_count = request->segment_count,
		.token = request->token };
	wire_put_u64(&call, request->operation);
	wire_put_u64(&call, request->flags);
	wire_put_u64(&call, request->segment_count);
	wire_put_u64(&call, far_token(index));
	wire_put_u64(&call, request->offset);
	wire_put_u64(&call, request->length);
	for (uint32_t i = 0; i < request->segment_count; i++) {
		lent->near[i] = request->segments[i];
		wire_put_u64(&call, request->segments[i].length);
		if (request->operation == VMM_STORAGE_WRITE)
			wire_put(&call, request->segments[i].data, request->segments[i].length);
	}
	proxy_counted(link, VMM_ROLE_LOWER);
	int32_t status = submit_arrive(link, index, &call);
	wire_free(&call);
	if (status < 0)
		lent->used = 0;
	return status;
}

static void lower_cancel(void *self, uint64_t token)
{
	struct proxy_link *link = self;
	const struct vmm_storage_lower *lower = link->lower;
	struct storage *storage = link->extra;
	proxy_counted(link, VMM_ROLE_LOWER);
	for (uint32_t i = 0; i < REQUESTS; i++) {
		if (storage->lent[i].used && storage->lent[i].token == token) {
			lower->cancel(link->lower_self, far_token(i));
			return;
		}
	}
}

static int32_t lower_lock(void *self, uint32_t locked)
{
	struct proxy_link *link = self;
	const struct vmm_storage_lower *lower = link->lower;
	proxy_counted(link, VMM_ROLE_LOWER);
	return lower->lock(link->lower_self, locked);
}

static int32_t lower_eject(void *self)
{
	struct proxy_link *link = self;
	const struct vmm_storage_lower *lower = link->lower;
	proxy_counted(link, VMM_ROLE_LOWER);
	return lower->eject(link->lower_self);
}

static void upper_complete(void *self, uint64_t token, int32_t status)
{
	struct proxy_link *link = self;
	const struct vmm_storage_upper *upper = link->upper;
	struct storage *storage = link->extra;
	struct wire reply = { 0 };
	uint64_t index = token - far_token(0);
	proxy_counted(link, VMM_ROLE_UPPER);
	/* A token that was not given: a real border would drop it; a test must see it. */
	if (index >= REQUESTS || !storage->lent[index].used)
		abort();
	struct lent *lent = &storage->lent[index];
	for (uint32_t i = 0; i < lent->segment_count; i++) {
		if (lent->operation == VMM_STORAGE_READ)
			wire_put(&reply, lent->far[i].data, lent->far[i].length);
		proxy_take_back(link, lent->far[i].data, lent->near[i].length);
	}
	for (uint32_t i = 0; i < lent->segment_count; i++) {
		if (lent->operation == VMM_STORAGE_READ)
			wire_get(&reply, lent->near[i].data, lent->near[i].length);
	}
	wire_free(&reply);
	uint64_t near_token = lent->token;
	lent->used = 0;
	upper->complete(link->upper_self, near_token, status);
}

static void upper_changed(void *self)
{
	struct proxy_link *link = self;
	const struct vmm_storage_upper *upper = link->upper;
	proxy_counted(link, VMM_ROLE_UPPER);
	upper->media_changed(link->upper_self);
}

static void upper_resized(void *self, uint64_t length)
{
	struct proxy_link *link = self;
	const struct vmm_storage_upper *upper = link->upper;
	proxy_counted(link, VMM_ROLE_UPPER);
	upper->resized(link->upper_self, length);
}

void *proxy_storage_table(struct proxy_link *link, uint32_t role)
{
	if (link->extra == NULL)
		link->extra = calloc(1, sizeof(struct storage));
	if (role == VMM_ROLE_LOWER) {
		const struct vmm_storage_lower *lower = link->lower;
		struct vmm_storage_lower *table = calloc(1, sizeof(*table));
		*table = (struct vmm_storage_lower){ sizeof(*table), 0, lower_info, lower_submit,
			VMM_HAS(lower, cancel) ? lower_cancel : NULL, VMM_HAS(lower, lock) ? lower_lock : NULL,
			VMM_HAS(lower, eject) ? lower_eject : NULL };
		return table;
	}
	const struct vmm_storage_upper *upper = link->upper;
	struct vmm_storage_upper *table = calloc(1, sizeof(*table));
	*table = (struct vmm_storage_upper){ sizeof(*table), 0, upper_complete,
		VMM_HAS(upper, media_changed) ? upper_changed : NULL, VMM_HAS(upper, resized) ? upper_resized : NULL };
	return table;
}
