/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A channel: its legacy ports, and the two places on its cable.
 */
#include "piix.h"

/* Nobody drives the bus: the resistor at DD7 pulls it down, so that BSY reads 0 (T13/1410D, 4.3). */
#define FLOATING 0x7f

static const struct drive *selected(const struct channel *channel)
{
	return &channel->drives[channel->selected];
}

static uint8_t register_read(struct channel *channel, uint32_t reg)
{
	const struct drive *drive = selected(channel);
	const struct drive *first = &channel->drives[0];
	if (drive->table != NULL)
		return (uint8_t)drive->table->read(drive->self, reg);
	/* Device 0 answers for a device 1 that is not there, with status 0 (9.16.1). */
	if (drive == first || first->table == NULL)
		return FLOATING;
	if (reg == VMM_IDE_STATUS || reg == VMM_IDE_CONTROL)
		return 0;
	return (uint8_t)first->table->read(first->self, reg);
}

static void register_write(struct channel *channel, uint32_t reg, uint8_t value)
{
	if (reg == VMM_IDE_DEVICE)
		channel->selected = value >> 4 & 1;
	for (uint32_t i = 0; i < DRIVES; i++) {
		const struct drive *drive = &channel->drives[i];
		if (drive->table != NULL)
			drive->table->write(drive->self, reg, value);
	}
}

/* SRST and the diagnostics select device 0 (9.2, 8.12); what is read then must be its registers. */
static void selection_follow(struct channel *channel, uint32_t reg, uint8_t value)
{
	if ((reg == VMM_IDE_CONTROL && (value & 4) != 0) || (reg == VMM_IDE_COMMAND && value == 0x90))
		channel->selected = 0;
}

/* The data register has 16 bits; 32 are two words, one after the other. */
static uint32_t data_read(struct channel *channel, uint32_t size)
{
	const struct drive *drive = selected(channel);
	uint8_t data[4] = { FLOATING, 0xff, FLOATING, 0xff };
	if (drive->table != NULL)
		drive->table->data_read(drive->self, data, size == 4 ? 4 : 2);
	if (size == 1)
		return data[0];
	uint32_t word = data[0] | (uint32_t)data[1] << 8;
	return size == 2 ? word : word | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static void data_write(struct channel *channel, uint32_t size, uint32_t value)
{
	const struct drive *drive = selected(channel);
	const uint8_t data[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
		(uint8_t)(value >> 24) };
	if (drive->table != NULL)
		drive->table->data_write(drive->self, data, size == 4 ? 4 : 2);
}

static int32_t data_port_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct channel *channel = self;
	(void)token;
	if (offset == 0) {
		*value = data_read(channel, size);
		return 0;
	}
	*value = 0;
	for (uint32_t i = 0; i < size; i++)
		*value |= (uint32_t)register_read(channel, offset + i) << (i * 8);
	return 0;
}

static int32_t data_port_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct channel *channel = self;
	(void)token;
	if (offset == 0) {
		data_write(channel, size, value);
		return 0;
	}
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> (i * 8));
		register_write(channel, offset + i, byte);
		selection_follow(channel, offset + i, byte);
	}
	return 0;
}

const struct vmm_io_ops channel_data_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = data_port_read,
	.write = data_port_write,
};

static int32_t control_port_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)token;
	(void)offset;
	(void)size;
	*value = register_read(self, VMM_IDE_CONTROL);
	return 0;
}

static int32_t control_port_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)token;
	(void)offset;
	(void)size;
	register_write(self, VMM_IDE_CONTROL, (uint8_t)value);
	selection_follow(self, VMM_IDE_CONTROL, (uint8_t)value);
	return 0;
}

const struct vmm_io_ops channel_control_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = control_port_read,
	.write = control_port_write,
};

/* What drives call. */

static void line_update(struct channel *channel)
{
	uint8_t level = channel->drives[0].intrq | channel->drives[1].intrq;
	if (level == channel->level)
		return;
	channel->level = level;
	if (level)
		master_interrupt(channel);
	channel->piix->irq->set(channel->piix->host->context, channel->irq, level);
}

static void intrq(void *self, uint32_t level)
{
	struct drive *drive = self;
	drive->intrq = level != 0;
	line_update(drive->channel);
}

static void dmarq(void *self, uint32_t level)
{
	struct drive *drive = self;
	drive->dmarq = level != 0;
	master_kick(drive->channel);
}

static int32_t to_memory(void *self, const void *data, uint32_t length)
{
	struct drive *drive = self;
	return master_move(drive->channel, (uint8_t *)(uintptr_t)data, length, 1);
}

static int32_t from_memory(void *self, void *data, uint32_t length)
{
	struct drive *drive = self;
	return master_move(drive->channel, data, length, 0);
}

static int32_t path(void *self, char *text, uint32_t size)
{
	struct drive *drive = self;
	return vmm_pci_path(&drive->channel->piix->pci, "ide", text, size);
}

const struct vmm_ide_upper channel_upper = {
	.struct_size = sizeof(struct vmm_ide_upper),
	.intrq = intrq,
	.dmarq = dmarq,
	.to_memory = to_memory,
	.from_memory = from_memory,
	.path = path,
};

/* Joining. */

static struct drive *drive_at(struct piix *piix, uint64_t address)
{
	uint64_t channel = address >> 8;
	uint64_t unit = address & 0xff;
	return channel < CHANNELS && unit < DRIVES ? &piix->channels[channel].drives[unit] : NULL;
}

/* A device alone on its cable is told so. */
static void neighbours_tell(struct channel *channel)
{
	for (uint32_t i = 0; i < DRIVES; i++) {
		const struct drive *drive = &channel->drives[i];
		if (VMM_HAS(drive->table, neighbour))
			drive->table->neighbour(drive->self, channel->drives[1 - i].table != NULL);
	}
}

static int32_t prepare(void *port_self, const struct vmm_link *link, void **self)
{
	struct piix *piix = port_self;
	struct drive *drive = drive_at(piix, link->address);
	if (drive == NULL)
		return vmm_kit_fail(piix->host, -EINVAL, "use `address = 0.0`, `0.1`, `1.0` or `1.1` (CHANNEL.UNIT)",
			"the controller has no place for a drive at %u.%u", (uint32_t)(link->address >> 8),
			(uint32_t)link->address & 0xff);
	if (drive->taken)
		return vmm_kit_fail(piix->host, -EBUSY, "choose another `address =`",
			"there is a drive at %u.%u already", (uint32_t)(link->address >> 8),
			(uint32_t)link->address & 0xff);
	drive->taken = 1;
	drive->link = link->id;
	*self = drive;
	return 0;
}

static void attached(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = drive_at(port_self, link->address);
	if (drive == NULL)
		return;
	drive->table = link->peer;
	drive->self = link->peer_self;
	neighbours_tell(drive->channel);
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct drive *drive = drive_at(port_self, link->address);
	if (drive == NULL || !drive->taken || drive->link != link->id)
		return;
	drive->table = NULL;
	drive->taken = 0;
	drive->intrq = drive->dmarq = 0;
	line_update(drive->channel);
	neighbours_tell(drive->channel);
}

const struct vmm_port_ops channel_port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.prepare = prepare,
	.attached = attached,
	.detached = detached,
};
