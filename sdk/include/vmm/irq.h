/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.irq/1: interrupt lines.
 *
 * A machine has 24 lines: 0 to 15 are the ISA lines IRQ0 to IRQ15, 16 to 23 the further inputs of an I/O APIC.
 * A line's level is the OR of its sources'.  A change is latched and told to the interrupt controllers (their
 * ports of vmm.port.interrupt) when the plugin call that made it has returned; a pulse that is shorter than that
 * is not lost.  The levels of sources are saved and loaded by the host: load() need not set them again.
 */
#ifndef VMM_IRQ_H
#define VMM_IRQ_H

#include <vmm/base.h>

#define VMM_SERVICE_IRQ "vmm.irq/1"
#define VMM_IRQ_LINES   24

struct vmm_irq_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* A new source on a line, low at first.  In init, always in the same order.  0, -EINVAL, -ENOMEM.  [machine] */
	int32_t (*open)(void *context, uint32_t line, vmm_handle *source);
	/* Set its level: 0 low, else high.  [any] */
	void (*set)(void *context, vmm_handle source, uint32_t level);
	/* High, then low: an edge.  [any] */
	void (*pulse)(void *context, vmm_handle source);
	/* Move a source to another line, keeping its level (a router).  VMM_IRQ_NONE parks it.  [machine] */
	int32_t (*route)(void *context, vmm_handle source, uint32_t line);
	/* The chipset's edge/level control register (ELCR): tells the controllers how a line is to be taken.
	 * [machine] */
	void (*trigger)(void *context, uint32_t line, uint32_t level_triggered);
	/* The present OR of a line's sources.  [machine] */
	uint32_t (*level)(void *context, uint32_t line);
	/* While `taken`, this source has its line for itself: the others' levels are kept, but not heard (the legacy
	 * replacement routing of an HPET).  The source keeps it when it is routed elsewhere; a reset ends it; saved
	 * and loaded by the host.  -EBUSY: another source has the line.  [machine] */
	int32_t (*take)(void *context, vmm_handle source, uint32_t taken);
};
#define VMM_IRQ_NONE UINT32_MAX

#endif
