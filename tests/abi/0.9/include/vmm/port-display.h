/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.display/1: a picture and those who look at it.
 *
 * Upper: a display adapter.  Lower: a viewer: a window, a VNC server, or the core for `vmm screenshot`.  The viewer
 * asks when it likes, so a card that nobody looks at costs nothing; several viewers may look at one card, each with
 * its own idea of what it has seen.
 */
#ifndef VMM_PORT_DISPLAY_H
#define VMM_PORT_DISPLAY_H

#include <vmm/port.h>

#define VMM_PORT_DISPLAY "vmm.port.display/1"

#define VMM_DISPLAY_SIZE_MAX 16384u /* pixels each way */

#define VMM_DISPLAY_BLANK 1u /* flags: the adapter sends no picture (DPMS, screen off); it draws as black */

struct vmm_display_info {
	uint32_t struct_size;
	uint32_t flags;
	uint32_t width, height; /* in pixels, at least 1, at most VMM_DISPLAY_SIZE_MAX */
	uint32_t columns, rows; /* of characters; 0 in graphics modes */
	uint32_t serial;        /* another number after each change of the mode */
	uint32_t reserved;
};

struct vmm_display_rect {
	uint32_t x, y, width, height; /* in pixels; width 0: nothing */
};

/* Called by the viewer, from the event loop.  [machine] */
struct vmm_display_upper {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*info)(void *self, struct vmm_display_info *info);
	/* Draw what has changed since this viewer's last update, or all of it if `full` is set: pixels are
	 * 0x00RRGGBB, 32 bits in host order, rows lie `stride` bytes apart, `length` bytes may be written in all.
	 * *changed is a rectangle around what was drawn.  -EAGAIN: the mode is another than at this viewer's last
	 * info: ask again.  -EINVAL: the memory is too small. */
	int32_t (*update)(void *self, uint32_t full, void *pixels, uint64_t length, uint32_t stride,
		struct vmm_display_rect *changed);
	/* The characters on the screen, row by row: bits 0..7 the code (code page 437), bits 8..15 the attribute
	 * as text memory has it.  Returns how many were written, at most `count`; -ENOTSUP in graphics modes. */
	int32_t (*text)(void *self, uint16_t *cells, uint32_t count);
};

/* Called by the adapter.  [machine] */
struct vmm_display_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* The mode has changed: ask for info.  May be NULL. */
	void (*mode)(void *self);
	/* A pointer image of the adapter's own, `width` x `height` pixels 0xAARRGGBB with its hot spot; width 0 hides
	 * it.  The data is lent for the call.  May be NULL: then the adapter draws it into the picture. */
	void (*cursor)(void *self, uint32_t width, uint32_t height, uint32_t hot_x, uint32_t hot_y,
		const uint32_t *pixels, uint64_t length);
};

#endif
