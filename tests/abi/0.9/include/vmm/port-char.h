/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.char/1: a stream of bytes both ways, with back-pressure, and a serial line's signals.
 *
 * Upper: a serial or parallel port, a monitor.  Lower: a terminal, file, pipe, socket.
 */
#ifndef VMM_PORT_CHAR_H
#define VMM_PORT_CHAR_H

#include <vmm/port.h>

#define VMM_PORT_CHAR "vmm.port.char/1"

/* Events, both ways. */
#define VMM_CHAR_OPENED 1 /* up: somebody is there (a terminal was opened, a socket connected) */
#define VMM_CHAR_CLOSED 2 /* up: nobody is there; what is written is dropped or kept, as the backend documents */
#define VMM_CHAR_BREAK  3 /* up and down: a break; `value` its length in ns, 0 unknown */
#define VMM_CHAR_MODEM  4 /* up: value is VMM_CHAR_CTS.. as they are now; down: VMM_CHAR_DTR and VMM_CHAR_RTS */
#define VMM_CHAR_SPEED  5 /* down: value is bits a second in the low half, VMM_CHAR_FRAME in the high half */

#define VMM_CHAR_CTS 1u
#define VMM_CHAR_DSR 2u
#define VMM_CHAR_RI  4u
#define VMM_CHAR_DCD 8u
#define VMM_CHAR_DTR 16u
#define VMM_CHAR_RTS 32u
/* Frame word: data bits 0-3, stop bits 4-5, parity 6-8 (0 none, 1 odd, 2 even, 3 mark, 4 space). */
#define VMM_CHAR_FRAME(data, stop, parity) ((uint32_t)((data) | ((stop) << 4) | ((parity) << 6)))

struct vmm_char_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* Take bytes; returns how many were taken (0..length).  The rest is offered again after lower->readable. */
	int32_t (*receive)(void *self, const void *data, uint32_t length);
	/* Room again after a short write. */
	void (*writable)(void *self);
	void (*event)(void *self, uint32_t event, uint64_t value);
};

struct vmm_char_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* Take bytes; returns how many were taken; if fewer than length, writable follows. */
	int32_t (*write)(void *self, const void *data, uint32_t length);
	/* The upper side can take bytes again. */
	void (*readable)(void *self);
	void (*event)(void *self, uint32_t event, uint64_t value);
};

#endif
