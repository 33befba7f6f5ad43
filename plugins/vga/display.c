/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The port `display`: who looks, what each has seen, and how the mode is told.
 */
#include "vga.h"

#define LINE_BYTES (DISPI_XRES_MAX * 4u + 64u)

static uint32_t same(const struct mode *a, const struct mode *b)
{
	return a->kind == b->kind && a->blank == b->blank && a->width == b->width && a->height == b->height &&
		a->columns == b->columns && a->rows == b->rows;
}

/* Take over the mode that the registers stand for. */
static void mode_update(struct vga *vga)
{
	struct mode mode;
	mode_get(vga, &mode);
	if (!same(&mode, &vga->mode))
		vga->serial++;
	vga->mode = mode;
}

/* The registers have changed, and the processor has gone on. */
static void mode_tell(void *self, uint64_t token)
{
	struct vga *vga = self;
	uint32_t serial = vga->serial;
	(void)token;
	vga->watched = 0;
	mode_update(vga);
	for (uint32_t i = 0; i < VIEWERS && serial != vga->serial; i++) {
		struct viewer *viewer = vga->viewers[i];
		if (viewer != NULL && viewer->attached && VMM_HAS(viewer->peer, mode))
			viewer->peer->mode(viewer->peer_self);
	}
}

static uint32_t anyone(const struct vga *vga)
{
	for (uint32_t i = 0; i < VIEWERS; i++) {
		if (vga->viewers[i] != NULL && vga->viewers[i]->attached && VMM_HAS(vga->viewers[i]->peer, mode))
			return 1;
	}
	return 0;
}

void picture_changed(struct vga *vga)
{
	vga->generation++;
	if (vga->watched || vga->event == NULL || !anyone(vga))
		return;
	vga->watched = vga->event->defer(vga->host->context, mode_tell, vga, 0) >= 0;
}

void canvas_changed(const struct canvas *canvas, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	struct vmm_display_rect *rect = canvas->changed;
	if (rect->width == 0) {
		*rect = (struct vmm_display_rect){ x, y, width, height };
		return;
	}
	uint32_t right = rect->x + rect->width > x + width ? rect->x + rect->width : x + width;
	uint32_t bottom = rect->y + rect->height > y + height ? rect->y + rect->height : y + height;
	rect->x = rect->x < x ? rect->x : x;
	rect->y = rect->y < y ? rect->y : y;
	rect->width = right - rect->x;
	rect->height = bottom - rect->y;
}

/* Fetch the dirty pages of what is shown, once for all viewers. */
static void dirty_fetch(struct vga *vga)
{
	void *context = vga->host->context;
	uint32_t linear = vga->mode.kind == KIND_LINEAR;
	uint64_t length = linear ? vga->memory : LEGACY_BYTES;
	uint32_t words = linear ? vga->words : LEGACY_PAGES / 64;
	if (vga->region->dirty_fetch(context, vga->vram, 0, length, vga->fetched, words) < 0)
		memset(vga->fetched, 0xff, words * sizeof(*vga->fetched));
	for (uint32_t i = 0; i < words; i++) {
		for (uint32_t k = 0; k < VIEWERS && vga->fetched[i] != 0; k++) {
			if (vga->viewers[k] != NULL)
				vga->viewers[k]->dirty[i] |= vga->fetched[i];
		}
	}
	if (linear && vga->fetched[0] != 0)
		vga->shadow_stale = 1;
	if (linear)
		return;
	for (uint32_t page = 0; page < LEGACY_PAGES; page++) {
		if (vga->shadow_stale || (vga->fetched[page / 64] >> (page % 64) & 1) != 0)
			vga->region->read(context, vga->vram, page * PAGE, &vga->shadow[page * PAGE], PAGE);
	}
	vga->shadow_stale = 0;
}

static int32_t info(void *self, struct vmm_display_info *info)
{
	struct viewer *viewer = self;
	struct vga *vga = viewer->vga;
	mode_update(vga);
	struct vmm_display_info full = {
		.struct_size = info->struct_size,
		.flags = vga->mode.blank ? VMM_DISPLAY_BLANK : 0,
		.width = vga->mode.width,
		.height = vga->mode.height,
		.columns = vga->mode.columns,
		.rows = vga->mode.rows,
		.serial = vga->serial,
	};
	memcpy(info, &full, info->struct_size < sizeof(full) ? info->struct_size : sizeof(full));
	viewer->serial = vga->serial;
	return 0;
}

static void black(const struct mode *mode, const struct canvas *canvas)
{
	for (uint32_t y = 0; canvas->full && y < mode->height; y++)
		memset(&canvas->pixels[y * canvas->stride], 0, mode->width * sizeof(uint32_t));
	if (canvas->full)
		canvas_changed(canvas, 0, 0, mode->width, mode->height);
}

static int32_t update(
	void *self, uint32_t full, void *pixels, uint64_t length, uint32_t stride, struct vmm_display_rect *changed)
{
	struct viewer *viewer = self;
	struct vga *vga = viewer->vga;
	const struct mode *mode = &vga->mode;
	memset(changed, 0, sizeof(*changed));
	mode_update(vga);
	if (viewer->serial != vga->serial)
		return -EAGAIN;
	uint64_t line = (uint64_t)mode->width * 4;
	if (stride < line || stride % 4 != 0 || (uintptr_t)pixels % 4 != 0 ||
		length < (uint64_t)stride * (mode->height - 1) + line)
		return -EINVAL;
	const struct canvas canvas = {
		.pixels = pixels,
		.stride = stride / 4,
		.full = full != 0 || viewer->full || viewer->generation != vga->generation,
		.changed = changed,
	};
	int32_t status = 0;
	if (mode->blank) {
		black(mode, &canvas);
	} else {
		dirty_fetch(vga);
		mode_colours(vga);
		if (mode->kind == KIND_LINEAR)
			linear_draw(vga, viewer, mode, &canvas);
		else if (mode->kind == KIND_TEXT)
			status = text_draw(vga, viewer, mode, &canvas);
		else
			graphics_draw(vga, viewer, mode, &canvas);
	}
	if (status < 0)
		return status;
	viewer->full = 0;
	viewer->generation = vga->generation;
	return 0;
}

static int32_t text(void *self, uint16_t *cells, uint32_t count)
{
	struct viewer *viewer = self;
	struct vga *vga = viewer->vga;
	mode_update(vga);
	if (vga->mode.kind != KIND_TEXT)
		return -ENOTSUP;
	dirty_fetch(vga);
	return text_cells(vga, &vga->mode, cells, count);
}

static const struct vmm_display_upper upper = {
	.struct_size = sizeof(struct vmm_display_upper),
	.info = info,
	.update = update,
	.text = text,
};

static void viewer_free(struct viewer *viewer)
{
	if (viewer == NULL)
		return;
	free(viewer->dirty);
	free(viewer->cells);
	free(viewer->font);
	free(viewer);
}

static int32_t viewer_find(const struct vga *vga, uint32_t link)
{
	for (uint32_t i = 0; i < VIEWERS; i++) {
		if (vga->viewers[i] != NULL && vga->viewers[i]->link == link)
			return (int32_t)i;
	}
	return -1;
}

static int32_t prepare(void *port_self, const struct vmm_link *link, void **self)
{
	struct vga *vga = port_self;
	uint32_t slot = 0;
	while (slot < VIEWERS && vga->viewers[slot] != NULL)
		slot++;
	if (slot == VIEWERS)
		return vmm_kit_fail(vga->host, -EBUSY, "detach a display", "%u displays look on already", VIEWERS);
	struct viewer *viewer = calloc(1, sizeof(*viewer));
	if (viewer != NULL)
		viewer->dirty = calloc(vga->words, sizeof(*viewer->dirty));
	if (viewer == NULL || viewer->dirty == NULL) {
		viewer_free(viewer);
		return -ENOMEM;
	}
	viewer->vga = vga;
	viewer->link = link->id;
	viewer->full = 1;
	viewer->serial = vga->serial - 1; /* info first */
	vga->viewers[slot] = viewer;
	*self = viewer;
	return 0;
}

static void attached(void *port_self, const struct vmm_link *link)
{
	struct vga *vga = port_self;
	int32_t slot = viewer_find(vga, link->id);
	if (slot < 0)
		return;
	vga->viewers[slot]->peer = link->peer;
	vga->viewers[slot]->peer_self = link->peer_self;
	vga->viewers[slot]->attached = 1;
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct vga *vga = port_self;
	int32_t slot = viewer_find(vga, link->id);
	if (slot >= 0)
		vga->viewers[slot]->attached = 0;
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct vga *vga = port_self;
	int32_t slot = viewer_find(vga, link->id);
	if (slot < 0)
		return;
	viewer_free(vga->viewers[slot]);
	vga->viewers[slot] = NULL;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.prepare = prepare,
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

void display_get_port(struct vga *vga, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = vga;
	side->table = &upper;
	side->self = vga;
}

int32_t display_init(struct vga *vga)
{
	vga->words = (vga->memory / PAGE + 63) / 64;
	vga->shadow = calloc(1, LEGACY_BYTES);
	vga->fetched = calloc(vga->words, sizeof(*vga->fetched));
	vga->line = calloc(1, LINE_BYTES);
	vga->shadow_stale = 1;
	vga->generation = 1;
	return vga->shadow != NULL && vga->fetched != NULL && vga->line != NULL ? 0 : -ENOMEM;
}

void display_free(struct vga *vga)
{
	for (uint32_t i = 0; i < VIEWERS; i++)
		viewer_free(vga->viewers[i]);
	free(vga->shadow);
	free(vga->fetched);
	free(vga->line);
}
