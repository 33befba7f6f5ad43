/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The x87's error lines as the AT has them: FERR# raises IRQ13, which its handler takes back by writing port F0.  That
 * asserts IGNNE#, too, so that the handler can use the x87, until FERR# is gone.
 */
#include "chipset.h"

static void lines_update(struct chipset *chipset, uint32_t irq13, uint32_t ignne)
{
	if (chipset->irq13_high != irq13)
		chipset->irq->set(chipset->host->context, chipset->irq13, irq13);
	chipset->irq13_high = (uint8_t)irq13;
	if (chipset->ignne != ignne && VMM_HAS(chipset->core, ignne))
		chipset->core->ignne(chipset->core_self, ignne);
	chipset->ignne = (uint8_t)ignne;
}

void coprocessor_ferr(struct chipset *chipset, uint32_t level)
{
	chipset->ferr = level != 0;
	if (!level)
		lines_update(chipset, chipset->irq13_high, 0);
	else if ((chipset->isa_bridge.config[XBCS] & COPROCESSOR_ERRORS) != 0)
		lines_update(chipset, 1, chipset->ignne);
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	*value = 0xff;
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct chipset *chipset = self;
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	lines_update(chipset, 0, chipset->ferr);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

int32_t coprocessor_init(struct chipset *chipset)
{
	void *context = chipset->host->context;
	int32_t status = chipset->irq->open(context, 13, &chipset->irq13);
	if (status < 0)
		return status;
	status = chipset->io->claim(
		context, 0xf0, 1, VMM_IO_SIZE_1, 0, &io_ops, chipset, 0, &chipset->coprocessor_claim);
	return status < 0
		? vmm_kit_fail(chipset->host, status, "leave one of the two devices out", "I/O port 0xf0 is taken")
		: 0;
}

void coprocessor_reset(struct chipset *chipset)
{
	chipset->ferr = 0;
	lines_update(chipset, 0, 0);
}
