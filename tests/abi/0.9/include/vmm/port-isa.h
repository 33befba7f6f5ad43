/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.isa/1: an ISA or LPC device on its bus.
 *
 * I/O ports, memory and interrupt lines of ISA devices are claimed from the services; the bus gives them a place,
 * and the DMA channels of its 8237 pair.  Upper: the bus.  Lower: the device.
 */
#ifndef VMM_PORT_ISA_H
#define VMM_PORT_ISA_H

#include <vmm/port.h>

#define VMM_PORT_ISA "vmm.port.isa/1"

struct vmm_isa_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* DREQ of a channel, 0..3 and 5..7.  -ENODEV: the machine has no DMA controller.  [machine] */
	int32_t (*dreq)(void *self, uint32_t channel, uint32_t level);
	/* Move bytes of the transfer that the channel is programmed for: up to `length`, returns how many (0: masked or
	 * ended).  *terminal is set when the count has run out.  Direction is of the device. [machine] */
	int32_t (*dma_to_memory)(void *self, uint32_t channel, const void *data, uint32_t length, uint32_t *terminal);
	int32_t (*dma_from_memory)(void *self, uint32_t channel, void *data, uint32_t length, uint32_t *terminal);
	/* The bus's place as SeaBIOS writes it in bootorder: "/pci@i0cf8/isa@1".  The length, or -EOVERFLOW.  May be
	 * NULL.  [machine] */
	int32_t (*path)(void *self, char *text, uint32_t size);
};

struct vmm_isa_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* DREQ is up and the channel was unmasked or programmed: go on with the transfer, but not within this call
	 * (set a timer, or defer). */
	void (*dack)(void *self, uint32_t channel);
};

#endif
