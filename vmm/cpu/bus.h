/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The one way in and out of a virtual CPU: the funnel of docs/engine.md.
 *
 * Whatever the guest's own code does not determine - time, interrupts, what ports and devices answer,
 * random numbers - reaches a virtual CPU through this table and nowhere else, so that lockstep runs,
 * reproducible tests and record and replay have a single place to stand on.  The engine fills the table
 * in; a unit test fills in its own.
 *
 * Every function is called on the virtual CPU's own thread, without the machine lock (an implementation
 * takes it where it needs it).  `self` is the table's first member.
 */
#ifndef VMM_CPU_BUS_H
#define VMM_CPU_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define CPU_PAGE_SIZE 4096u

struct cpu_sample;

/* What the CPU may do with one physical page without asking again. */
struct cpu_page {
	/* Host address of the page's first byte; NULL: every access must go through read and write. */
	uint8_t *host;
	/* May be written through `host`.  Clear for ROM, and for a page whose writes somebody tracks
	 * (translated code, dirty pages): its writes go through write(). */
	bool writable;
	/* Changes whenever bytes of the page that were announced with code() are written, by anybody, and
	 * when the page is mapped elsewhere.  NULL where no code may be cached (devices).  Read it with
	 * __atomic_load_n(ACQUIRE). */
	const uint32_t *code_version;
};

/* write() returns this (not an error) after changing bytes that were announced with code(): the block that
 * is running must end after this instruction. */
#define CPU_BUS_CODE_CHANGED 1

struct cpu_bus {
	void *self;

	/* Look a page up.  `physical` is a multiple of CPU_PAGE_SIZE, the A20 mask already applied.  What it
	 * returns stays valid until CPU_REQUEST_FLUSH has been raised on this CPU and taken by it, but for
	 * `writable`, which code() and dirty tracking clear in the same way. */
	void (*page)(void *self, uint64_t physical, struct cpu_page *page);

	/* Access anything that has no direct page: devices, ROM, tracked RAM, holes (read as all ones).  An
	 * access never crosses a page.  size 1..64.  read returns 0; write 0 or CPU_BUS_CODE_CHANGED. */
	int (*read)(void *self, uint64_t physical, void *data, unsigned size);
	int (*write)(void *self, uint64_t physical, const void *data, unsigned size);

	/* Announce that the bytes [physical, physical + length) of one page were decoded.  Afterwards page()
	 * reports the page as not writable, this CPU must drop its own write entries for it (others are told
	 * by the implementation).  Read the bytes after this call, not before. */
	void (*code)(void *self, uint64_t physical, unsigned length);

	/* I/O ports.  size 1, 2 or 4.  Unclaimed ports read as all ones. */
	void (*port_read)(void *self, uint16_t port, unsigned size, uint32_t *value);
	void (*port_write)(void *self, uint16_t port, unsigned size, uint32_t value);

	/* The guest's clock in nanoseconds; the TSC and every timer are computed from it when read. */
	uint64_t (*time)(void *self);
	/* Have CPU_REQUEST_TIMER raised when time() reaches `deadline`; UINT64_MAX: never.  Replaces the
	 * previous deadline. */
	void (*timer)(void *self, uint64_t deadline);
	/* The 8259's INTA cycle, when its INTR line is up: the vector, or -1 if it has become spurious at the
	 * source and nobody drives the bus. */
	int (*acknowledge)(void *self);
	/* A level-triggered vector was ended in this CPU's local APIC: broadcast to the I/O APICs. */
	void (*eoi)(void *self, uint8_t vector);
	/* This CPU's local APIC sends an interprocessor message: the two halves of the ICR as the SDM lays
	 * them out (x2APIC: 32-bit destination in `destination`). Self and "all including self" included. */
	void (*ipi)(void *self, uint32_t icr_low, uint32_t destination);
	/* FERR#: an x87 exception was met with CR0.NE clear (a PC raises IRQ 13), or is there no longer.  NULL: nobody
	 * listens, and IGNNE# is always asserted. */
	void (*ferr)(void *self, bool level);
	/* SMIACT#: before the state is saved, and after it has been restored.  A change of the memory layout that
	 * follows must have raised CPU_REQUEST_FLUSH when this returns.  May be NULL. */
	void (*smiact)(void *self, bool level);
	/* Bytes for RDRAND and RDSEED. */
	void (*random)(void *self, void *data, unsigned size);
	/* The answer to CPU_REQUEST_SAMPLE (sample.h).  May be NULL. */
	void (*sample)(void *self, const struct cpu_sample *sample);
};

/*
 * What other threads ask of a virtual CPU: bits in struct cpu's `request`, set with cpu_request() and
 * polled by the CPU between blocks, at every string-instruction chunk and on HLT.
 */
#define CPU_REQUEST_INTR   (1u << 0)  /* a level: the 8259's INTR line is up; cleared by cpu_request_clear() */
#define CPU_REQUEST_APIC   (1u << 1)  /* messages were posted to the local APIC */
#define CPU_REQUEST_NMI    (1u << 2)  /* an edge, latched */
#define CPU_REQUEST_SMI    (1u << 3)  /* an edge, latched */
#define CPU_REQUEST_INIT   (1u << 4)  /* the INIT message or pin */
#define CPU_REQUEST_SIPI   (1u << 5)  /* start-up message; vector in struct cpu's sipi_vector */
#define CPU_REQUEST_TIMER  (1u << 6)  /* the deadline given to bus->timer has passed */
#define CPU_REQUEST_FLUSH  (1u << 7)  /* drop every direct page (the memory layout or tracking changed) */
#define CPU_REQUEST_A20    (1u << 8)  /* cpu->a20_mask_next is to be taken over */
#define CPU_REQUEST_EXIT   (1u << 9)  /* leave cpu_run() with CPU_EXIT_REQUEST */
#define CPU_REQUEST_SAMPLE (1u << 10) /* somebody wants to know where the guest is */
#define CPU_REQUEST_CODE   (1u << 11) /* decoded bytes have changed: cpu_code_changed() */

#endif
