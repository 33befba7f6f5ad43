/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.timer/1: clocks and timers.
 *
 * The guest clock starts at 0 with the machine's first power-on, stops while the machine is stopped, and is part
 * of its saved state.  Compute what a device shows from now() when it is read; use timers only for what must
 * happen by itself.  Timers are not saved: load() arms them again.
 */
#ifndef VMM_TIMER_H
#define VMM_TIMER_H

#include <vmm/base.h>

#define VMM_SERVICE_TIMER "vmm.timer/1"

#define VMM_CLOCK_GUEST 1 /* ns of guest time */
#define VMM_CLOCK_HOST  2 /* ns of CLOCK_MONOTONIC; goes on while the machine is stopped */
#define VMM_CLOCK_REAL  3 /* now() only: ns since 1970-01-01 UTC, moving with the guest clock */

struct vmm_timer_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* [any] */
	vmm_time (*now)(void *context, uint32_t clock);
	/* A timer that is not armed.  `callback` is called on the event loop.  [machine] */
	int32_t (*create)(void *context, uint32_t clock, void (*callback)(void *self, uint64_t token), void *self,
		uint64_t token, vmm_handle *timer);
	void (*destroy)(void *context, vmm_handle timer);
	/* Have it called once, when its clock has reached `deadline` (at once if it has).  Replaces what was
	 * set before; VMM_TIME_NEVER disarms.  [any] */
	void (*arm)(void *context, vmm_handle timer, vmm_time deadline);
};

#endif
