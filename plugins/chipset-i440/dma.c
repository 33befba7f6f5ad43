/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The ISA bus, and the DMA controllers behind it: a relay that remembers which device has asked on which channel.
 */
#include "chipset.h"

/* The OR of the devices' requests on a channel; a PC's channels are not shared, but nothing keeps two from trying. */
static uint32_t channel_level(const struct chipset *chipset, uint32_t channel)
{
	for (uint32_t i = 0; i < ISA_CHILDREN; i++) {
		if ((chipset->isa_dreq[i] >> channel & 1) != 0)
			return 1;
	}
	return 0;
}

static int32_t dreq(void *self, uint32_t channel, uint32_t level)
{
	struct isa_child *child = self;
	struct chipset *chipset = child->chipset;
	uint8_t *bits = &chipset->isa_dreq[child - chipset->isa_children];
	if (chipset->dma == NULL)
		return -ENODEV;
	if (channel > 7 || channel == 4)
		return -EINVAL;
	*bits = (uint8_t)(level != 0 ? *bits | 1u << channel : *bits & ~(1u << channel));
	return chipset->dma->dreq(chipset->dma_self, channel, channel_level(chipset, channel));
}

static int32_t dma_to_memory(void *self, uint32_t channel, const void *data, uint32_t length, uint32_t *terminal)
{
	const struct isa_child *child = self;
	const struct chipset *chipset = child->chipset;
	*terminal = 0;
	if (chipset->dma == NULL)
		return 0;
	return chipset->dma->to_memory(chipset->dma_self, channel, data, length, terminal);
}

static int32_t dma_from_memory(void *self, uint32_t channel, void *data, uint32_t length, uint32_t *terminal)
{
	const struct isa_child *child = self;
	const struct chipset *chipset = child->chipset;
	*terminal = 0;
	if (chipset->dma == NULL)
		return 0;
	return chipset->dma->from_memory(chipset->dma_self, channel, data, length, terminal);
}

static int32_t isa_path(void *self, char *text, uint32_t size)
{
	(void)self;
	return path_text("/pci@i0cf8/isa@1", text, size);
}

const struct vmm_isa_upper isa_upper = {
	.struct_size = sizeof(struct vmm_isa_upper),
	.dreq = dreq,
	.dma_to_memory = dma_to_memory,
	.dma_from_memory = dma_from_memory,
	.path = isa_path,
};

/* Joining of the devices. */

static struct isa_child *find_child(struct chipset *chipset, const struct vmm_link *link)
{
	for (uint32_t i = 0; i < ISA_CHILDREN; i++) {
		if (chipset->isa_children[i].taken && chipset->isa_children[i].link == link->id)
			return &chipset->isa_children[i];
	}
	return NULL;
}

static int32_t prepare(void *port_self, const struct vmm_link *link, void **self)
{
	struct chipset *chipset = port_self;
	for (uint32_t i = 0; i < ISA_CHILDREN; i++) {
		struct isa_child *child = &chipset->isa_children[i];
		if (child->taken)
			continue;
		*child = (struct isa_child){ .chipset = chipset, .taken = 1, .link = link->id };
		*self = child;
		return 0;
	}
	return vmm_kit_fail(
		chipset->host, -ENOSPC, "leave some out", "there are more than %u ISA devices", ISA_CHILDREN);
}

static void attached(void *port_self, const struct vmm_link *link)
{
	struct isa_child *child = find_child(port_self, link);
	if (child == NULL)
		return;
	child->table = link->peer;
	child->self = link->peer_self;
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct isa_child *child = find_child(port_self, link);
	for (uint32_t i = 0; child != NULL && i < 8; i++) {
		if ((child->chipset->isa_dreq[child - child->chipset->isa_children] >> i & 1) != 0)
			dreq(child, i, 0);
	}
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct chipset *chipset = port_self;
	struct isa_child *child = find_child(chipset, link);
	if (child == NULL)
		return;
	chipset->isa_dreq[child - chipset->isa_children] = 0;
	*child = (struct isa_child){ .taken = 0 };
}

const struct vmm_port_ops isa_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.prepare = prepare,
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

/* The controllers. */

static void dack(void *self, uint32_t channel)
{
	struct chipset *chipset = self;
	for (uint32_t i = 0; i < ISA_CHILDREN && channel < 8; i++) {
		const struct isa_child *child = &chipset->isa_children[i];
		if ((chipset->isa_dreq[i] >> channel & 1) != 0 && VMM_HAS(child->table, dack))
			child->table->dack(child->self, channel);
	}
}

const struct vmm_dma_upper dma_upper = {
	.struct_size = sizeof(struct vmm_dma_upper),
	.dack = dack,
};

static void dma_attached(void *port_self, const struct vmm_link *link)
{
	struct chipset *chipset = port_self;
	chipset->dma = link->peer;
	chipset->dma_self = link->peer_self;
}

static void dma_detached(void *port_self, const struct vmm_link *link)
{
	struct chipset *chipset = port_self;
	(void)link;
	chipset->dma = NULL;
	memset(chipset->isa_dreq, 0, sizeof(chipset->isa_dreq));
}

const struct vmm_port_ops dma_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = dma_attached,
	.detached = dma_detached,
};
