/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.dma/1: the 8237 pair behind an ISA bus.
 *
 * Upper: the bridge that has the bus, which knows the devices.  Lower: the DMA controllers.  The functions are those of
 * vmm.port.isa/1, relayed.
 */
#ifndef VMM_PORT_DMA_H
#define VMM_PORT_DMA_H

#include <vmm/port.h>

#define VMM_PORT_DMA "vmm.port.dma/1"

struct vmm_dma_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* The channel can transfer: DREQ is up, and it was unmasked or programmed.  [machine] */
	void (*dack)(void *self, uint32_t channel);
};

struct vmm_dma_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* As in struct vmm_isa_upper.  [machine] */
	int32_t (*dreq)(void *self, uint32_t channel, uint32_t level);
	int32_t (*to_memory)(void *self, uint32_t channel, const void *data, uint32_t length, uint32_t *terminal);
	int32_t (*from_memory)(void *self, uint32_t channel, void *data, uint32_t length, uint32_t *terminal);
};

#endif
