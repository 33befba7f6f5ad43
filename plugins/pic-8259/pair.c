/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: a PC's two 8259As, the slave on the master's input 2, at I/O ports 20 and A0.
 */
#include <vmm/io.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-interrupt.h>

#include "pic.h"

#define SLAVE_INPUT 2

struct pair {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_interrupt_lower *core;
	void *core_self;
	vmm_handle claims[2];
	struct pic chips[2]; /* master, slave */
	uint32_t intr;       /* what the core has been told */
};

static void update(struct pair *pair)
{
	pic_line(&pair->chips[0], SLAVE_INPUT, pic_pending(&pair->chips[1]) >= 0);
	uint32_t intr = pic_pending(&pair->chips[0]) >= 0;
	if (intr != pair->intr && pair->core != NULL)
		pair->core->intr(pair->core_self, intr);
	pair->intr = intr;
}

static void line(void *self, uint32_t number, uint32_t level)
{
	struct pair *pair = self;
	if (number >= 16 || number == SLAVE_INPUT)
		return;
	pic_line(&pair->chips[number >> 3], number & 7, level != 0);
	update(pair);
}

static void trigger(void *self, uint32_t number, uint32_t level_triggered)
{
	struct pair *pair = self;
	if (number >= 16 || number == SLAVE_INPUT)
		return;
	struct pic *pic = &pair->chips[number >> 3];
	uint8_t bit = (uint8_t)(1u << (number & 7));
	if (level_triggered) {
		pic->elcr |= bit;
		pic->irr = (uint8_t)((pic->irr & ~bit) | (pic->lines & bit));
	} else {
		pic->elcr &= (uint8_t)~bit;
	}
	update(pair);
}

static int32_t acknowledge(void *self)
{
	struct pair *pair = self;
	int32_t input = pic_take(&pair->chips[0]);
	int32_t vector;
	/* A request that has gone before it was acknowledged shows as input 7, with no bit in ISR (datasheet, "the
	 * sequence of events"). */
	if (input == SLAVE_INPUT) {
		input = pic_take(&pair->chips[1]);
		vector = pair->chips[1].vector | (input < 0 ? 7 : input);
	} else {
		vector = pair->chips[0].vector | (input < 0 ? 7 : input);
	}
	update(pair);
	return vector;
}

static const struct vmm_interrupt_upper upper = {
	.struct_size = sizeof(struct vmm_interrupt_upper),
	.line = line,
	.trigger = trigger,
	.acknowledge = acknowledge,
};

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct pair *pair = self;
	(void)size;
	*value = pic_read(&pair->chips[token & 1], offset & 1);
	update(pair);
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct pair *pair = self;
	(void)size;
	pic_write(&pair->chips[token & 1], offset & 1, (uint8_t)value);
	update(pair);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

static int32_t init(void *self)
{
	static const uint16_t ports[2] = { 0x20, 0xa0 };
	struct pair *pair = self;
	pair->io = vmm_kit_service(pair->host, VMM_SERVICE_IO);
	if (pair->io == NULL)
		return -ENOTSUP;
	for (uint32_t i = 0; i < 2; i++) {
		int32_t status = pair->io->claim(
			pair->host->context, ports[i], 2, VMM_IO_SIZE_1, 0, &io_ops, pair, i, &pair->claims[i]);
		if (status < 0)
			return vmm_kit_fail(pair->host, status, "leave one of the two devices out",
				"I/O ports %#x and %#x are taken", ports[i], ports[i] + 1);
	}
	return 0;
}

static void reset(void *self, uint32_t kind)
{
	struct pair *pair = self;
	(void)kind;
	/* The chip has no reset: it waits for ICW1.  The inputs belong to the outside. */
	for (uint32_t i = 0; i < 2; i++) {
		struct pic *pic = &pair->chips[i];
		uint8_t lines = pic->lines;
		memset(pic, 0, sizeof(*pic));
		pic->lines = lines;
		pic->imr = 0xff;
	}
	pair->chips[0].cascade = 1u << SLAVE_INPUT;
	update(pair);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct pic, irr),
	VMM_FIELD(struct pic, imr),
	VMM_FIELD(struct pic, isr),
	VMM_FIELD(struct pic, lines),
	VMM_FIELD(struct pic, elcr),
	VMM_FIELD_MAX(struct pic, first, 7),
	VMM_FIELD(struct pic, vector),
	VMM_FIELD(struct pic, icw3),
	VMM_FIELD_MAX(struct pic, icw4, 0x1f),
	VMM_FIELD_MAX(struct pic, step, 4),
	VMM_FIELD_MAX(struct pic, needs_icw4, 1),
	VMM_FIELD_MAX(struct pic, single, 1),
	VMM_FIELD_MAX(struct pic, read_isr, 1),
	VMM_FIELD_MAX(struct pic, poll, 1),
	VMM_FIELD_MAX(struct pic, special, 1),
	VMM_FIELD_MAX(struct pic, rotate_aeoi, 1),
};

static int32_t save(void *self)
{
	struct pair *pair = self;
	int32_t status = vmm_fields_save(pair->host, "master.", &pair->chips[0], fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	return vmm_fields_save(pair->host, "slave.", &pair->chips[1], fields, VMM_KIT_COUNT(fields));
}

static int32_t load(void *self, uint32_t version)
{
	struct pair *pair = self;
	(void)version;
	int32_t status = vmm_fields_load(pair->host, "master.", &pair->chips[0], fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_load(pair->host, "slave.", &pair->chips[1], fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	/* The core must hear of INTR in any case. */
	pair->intr = !(pic_pending(&pair->chips[0]) >= 0);
	update(pair);
	return 0;
}

static void destroy(void *self)
{
	struct pair *pair = self;
	for (uint32_t i = 0; i < 2; i++) {
		if (pair->claims[i] != 0)
			pair->io->release(pair->host->context, pair->claims[i]);
	}
	free(pair);
}

static void core_attached(void *self, const struct vmm_link *link)
{
	struct pair *pair = self;
	pair->core = link->peer;
	pair->core_self = link->peer_self;
	pair->core->intr(pair->core_self, pair->intr);
}

static void core_detached(void *self, const struct vmm_link *link)
{
	struct pair *pair = self;
	(void)link;
	pair->core = NULL;
}

static const struct vmm_port_ops core_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = core_attached,
	.detached = core_detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") == 0) {
		vmm_kit_port_isa(self, side);
		return 0;
	}
	if (strcmp(key, "interrupt") != 0)
		return -ENOENT;
	side->ops = &core_ops;
	side->port_self = self;
	side->table = &upper;
	side->self = self;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_CORE, "interrupt", VMM_PORT_INTERRUPT,
		"The interrupt lines and the processors."),
	VMM_KIT_PORT_ISA_CHILD,
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.pic-8259",
	.name = "8259A interrupt controllers",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's pair of 8259A interrupt controllers, for IRQ 0 to 15",
	.ports = ports,
};

VMM_KIT_PLUGIN(pic_8259, VMM_KIND_DEVICE, descriptor, instance_ops, struct pair);
