/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.input/1: keys and pointers.
 *
 * Upper: a keyboard and mouse controller.  Lower: who types: a display, or the core for `vmm keys`.
 */
#ifndef VMM_PORT_INPUT_H
#define VMM_PORT_INPUT_H

#include <vmm/port.h>

#define VMM_PORT_INPUT "vmm.port.input/1"

struct vmm_input_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* A key by its USB HID usage (page 7; Usage Tables 1.3, chapter 10).  Returns 0, or -EAGAIN when the
	 * controller's buffer is full. */
	int32_t (*key)(void *self, uint32_t usage, uint32_t down);
	/* Relative motion (right and down are positive), wheel, and the buttons that are down now: bit 0 left, 1
	 * right, 2 middle, 3 and 4 side. */
	int32_t (*pointer)(void *self, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons);
};

struct vmm_input_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* The keyboard's lights: bit 0 num, 1 caps, 2 scroll.  May be NULL. */
	void (*leds)(void *self, uint32_t leds);
};

#endif
