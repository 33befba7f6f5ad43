/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One who looks at an adapter, and an adapter that is looked at.
 */
#include "fake_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PEER_PIXELS_MAX (UINT64_C(4) << 20)

/* A viewer. */

static void viewer_mode(void *self)
{
	struct fake_peer *peer = self;
	if (peer->table == NULL)
		fake_fault(peer->instance, "port %s: mode before the link was attached", peer->row->key);
}

static void viewer_cursor(void *self, uint32_t width, uint32_t height, uint32_t hot_x, uint32_t hot_y,
	const uint32_t *pixels, uint64_t length)
{
	struct fake_peer *peer = self;
	const volatile uint32_t *at = pixels;
	if (width != 0 && (hot_x >= width || hot_y >= height || length < (uint64_t)width * height * 4))
		fake_fault(peer->instance, "port %s: cursor of %u x %u with its hot spot at %u, %u", peer->row->key,
			width, height, hot_x, hot_y);
	for (uint64_t i = 0; width != 0 && i < length / 4; i++)
		(void)at[i];
}

const struct vmm_display_lower fake_peer_display_lower = {
	.struct_size = sizeof(struct vmm_display_lower),
	.mode = viewer_mode,
	.cursor = viewer_cursor,
};

static void viewer_update(struct fake_peer *peer, const struct vmm_display_info *info)
{
	const struct vmm_display_upper *upper = peer->table;
	uint32_t stride = (info->width + (uint32_t)chance_below(peer->chance, 3)) * 4;
	uint64_t length = (uint64_t)stride * (info->height - 1) + info->width * UINT64_C(4);
	struct vmm_display_rect changed = { 0 };
	/* To the byte, so that a sanitizer sees an overrun. */
	uint32_t *pixels = length <= PEER_PIXELS_MAX * 4 ? malloc(length) : NULL;
	if (pixels == NULL)
		return;
	if (chance_below(peer->chance, 8) == 0 &&
		upper->update(peer->self, 1, pixels, length - 4, stride, &changed) >= 0)
		fake_fault(peer->instance, "port %s: update drew into memory that is too small", peer->row->key);
	int32_t status = upper->update(
		peer->self, (uint32_t)chance_below(peer->chance, 2), pixels, length, stride, &changed);
	if (status >= 0 && changed.width != 0 &&
		(changed.x > info->width || changed.width > info->width - changed.x || changed.y > info->height ||
			changed.height > info->height - changed.y))
		fake_fault(peer->instance, "port %s: update changed %u x %u at %u, %u of %u x %u", peer->row->key,
			changed.width, changed.height, changed.x, changed.y, info->width, info->height);
	free(pixels);
}

static void viewer_act(struct fake_peer *peer)
{
	const struct vmm_display_upper *upper = peer->table;
	struct vmm_display_info info = { .struct_size = sizeof(info) };
	if (upper->info(peer->self, &info) < 0)
		return;
	if (info.width == 0 || info.height == 0 || info.width > VMM_DISPLAY_SIZE_MAX ||
		info.height > VMM_DISPLAY_SIZE_MAX) {
		fake_fault(peer->instance, "port %s: a picture of %u x %u", peer->row->key, info.width, info.height);
		return;
	}
	if (chance_below(peer->chance, 4) != 0) {
		viewer_update(peer, &info);
		return;
	}
	uint32_t count = (uint32_t)chance_below(peer->chance, 5000);
	uint16_t *cells = malloc(count * 2u + 1u);
	if (cells == NULL)
		return;
	int32_t got = upper->text(peer->self, cells, count);
	if (got > 0 && (uint32_t)got > count)
		fake_fault(peer->instance, "port %s: text wrote %d of %u cells", peer->row->key, got, count);
	free(cells);
}

/* An adapter. */

static int32_t adapter_info(void *self, struct vmm_display_info *info)
{
	struct fake_peer *peer = self;
	const struct vmm_display_info mine = {
		.struct_size = info->struct_size,
		.width = 64 + peer->owed % 64,
		.height = 48,
		.serial = peer->owed,
	};
	memcpy(info, &mine, info->struct_size < sizeof(mine) ? info->struct_size : sizeof(mine));
	peer->next_token = peer->owed;
	return 0;
}

static int32_t adapter_update(
	void *self, uint32_t full, void *pixels, uint64_t length, uint32_t stride, struct vmm_display_rect *changed)
{
	struct fake_peer *peer = self;
	uint32_t width = 64 + peer->owed % 64;
	memset(changed, 0, sizeof(*changed));
	if (peer->next_token != peer->owed)
		return -EAGAIN;
	if (stride < width * 4 || length < stride * UINT64_C(47) + width * 4)
		return -EINVAL;
	if (!full && chance_below(peer->chance, 2) != 0)
		return 0;
	for (uint32_t y = 0; y < 48; y++)
		memset((uint8_t *)pixels + (size_t)y * stride, (int)y, width * 4);
	*changed = (struct vmm_display_rect){ 0, 0, width, 48 };
	return 0;
}

static int32_t adapter_text(void *self, uint16_t *cells, uint32_t count)
{
	(void)self;
	(void)cells;
	(void)count;
	return -ENOTSUP;
}

const struct vmm_display_upper fake_peer_display_upper = {
	.struct_size = sizeof(struct vmm_display_upper),
	.info = adapter_info,
	.update = adapter_update,
	.text = adapter_text,
};

static void adapter_act(struct fake_peer *peer)
{
	const struct vmm_display_lower *lower = peer->table;
	uint32_t image[8 * 4] = { 0 };
	peer->calling++;
	switch (chance_below(peer->chance, 3)) {
	case 0:
		peer->owed++;
		if (VMM_HAS(lower, mode))
			lower->mode(peer->self);
		break;
	case 1:
		if (VMM_HAS(lower, cursor))
			lower->cursor(peer->self, 8, 4, 7, 3, image, sizeof(image));
		break;
	default:
		if (VMM_HAS(lower, cursor))
			lower->cursor(peer->self, 0, 0, 0, 0, NULL, 0);
		break;
	}
	peer->calling--;
}

void fake_peer_display_act(struct fake_peer *peer)
{
	if (peer->role == VMM_ROLE_LOWER)
		viewer_act(peer);
	else
		adapter_act(peer);
}
