/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.speaker/1: the wire to a PC's loudspeaker.
 *
 * Upper: who drives it: counter 2 of the 8254 and port 61.  Lower: the loudspeaker.
 */
#ifndef VMM_PORT_SPEAKER_H
#define VMM_PORT_SPEAKER_H

#include <vmm/base.h>
#include <vmm/port.h>

#define VMM_PORT_SPEAKER "vmm.port.speaker/1"

struct vmm_speaker_upper {
	uint32_t struct_size;
	uint32_t reserved;
};

struct vmm_speaker_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* From guest time `time` on the wire is a rectangle wave: `high` of each `period` nanoseconds up, beginning
	 * with up.  Period 0: it stays at level `high` (0 or 1).  [machine] */
	void (*drive)(void *self, vmm_time time, uint64_t period, uint64_t high);
};

#endif
