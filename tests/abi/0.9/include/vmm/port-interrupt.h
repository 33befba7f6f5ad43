/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.interrupt/1: an interrupt controller and the processors.
 *
 * Upper: the controller (8259 pair, I/O APIC).  Lower: the core, which keeps the lines and the local APICs.
 */
#ifndef VMM_PORT_INTERRUPT_H
#define VMM_PORT_INTERRUPT_H

#include <vmm/port.h>

#define VMM_PORT_INTERRUPT "vmm.port.interrupt/1"

struct vmm_interrupt_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* A line of vmm.irq/1 has changed.  Called for every line, in the order of the changes. */
	void (*line)(void *self, uint32_t line, uint32_t level);
	/* The chipset has set a line's trigger mode (ELCR).  May be NULL. */
	void (*trigger)(void *self, uint32_t line, uint32_t level_triggered);
	/* The processor's INTA cycle: the vector, 0..255.  NULL for controllers that send messages. */
	int32_t (*acknowledge)(void *self);
	/* A local APIC ended this level-triggered vector.  May be NULL. */
	void (*eoi)(void *self, uint32_t vector);
	/* SMIACT#: a processor has entered or left system management mode (the chipset shows SMRAM).  May be NULL. */
	void (*smiact)(void *self, uint32_t level);
	/* FERR#: an x87 exception is pending and CR0.NE is clear (a PC raises IRQ13 until port F0 is written).  May be
	 * NULL. */
	void (*ferr)(void *self, uint32_t level);
	/* The shutdown cycle: a processor has met a triple fault, and stands still until INIT, NMI, SMI or RESET#;
	 * boards answer with INIT.  Where no controller has this function, the machine is reset.  May be NULL. */
	void (*shutdown)(void *self);
};

struct vmm_interrupt_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* The INTR line to the processors' LINT0.  Down, or [any]. */
	void (*intr)(void *self, uint32_t level);
	/* An interrupt message, as an MSI carries it (SDM vol. 3A, 10.11): address 0xFEExxxxx and data.  [any] */
	void (*message)(void *self, uint64_t address, uint32_t data);
	/* An edge on NMI (port 61, a watchdog).  [any] */
	void (*nmi)(void *self);
	/* SMI#.  [any] */
	void (*smi)(void *self);
	/* IGNNE#: while it is asserted, x87 instructions go on in spite of a pending exception.  [any] */
	void (*ignne)(void *self, uint32_t level);
};

#endif
