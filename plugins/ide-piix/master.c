/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The bus master (Programming Interface for Bus Master IDE Controller, revision 1.0).
 */
#include "piix.h"

/* Active falls with an error: it is for the driver to find out (section 3.1). */
static void error(struct channel *channel)
{
	channel->status = (uint8_t)((channel->status & ~STATUS_ACTIVE) | STATUS_ERROR);
}

/* The next region of the table.  A table does not cross 64 KiB: the pointer's low half wraps. */
static int32_t region_next(struct channel *channel)
{
	const struct vmm_pci *pci = &channel->piix->pci;
	uint8_t entry[8];
	if (pci->bus == NULL || pci->bus->dma_read(pci->bus_self, channel->next, entry, sizeof(entry)) < 0)
		return -EIO;
	uint32_t address = entry[0] | (uint32_t)entry[1] << 8 | (uint32_t)entry[2] << 16 | (uint32_t)entry[3] << 24;
	uint32_t count = (entry[4] | (uint32_t)entry[5] << 8) & 0xfffe;
	channel->next = (channel->next & 0xffff0000) | ((channel->next + 8) & 0xffff);
	channel->region = address & ~1u;
	channel->left = count != 0 ? count : 0x10000;
	channel->last = (entry[7] & 0x80) != 0;
	return 0;
}

int32_t master_move(struct channel *channel, uint8_t *data, uint32_t length, uint32_t to_memory)
{
	const struct vmm_pci *pci = &channel->piix->pci;
	uint32_t moved = 0;
	int32_t status;
	if ((channel->status & STATUS_ACTIVE) == 0 ||
		((channel->command & COMMAND_TO_MEMORY) != 0) != (to_memory != 0) || pci->bus == NULL ||
		length > INT32_MAX)
		return -EIO;
	while (moved < length && (channel->status & STATUS_ACTIVE) != 0) {
		if (channel->left == 0 && region_next(channel) < 0) {
			error(channel);
			break;
		}
		uint32_t piece = length - moved < channel->left ? length - moved : channel->left;
		if (to_memory)
			status = pci->bus->dma_write(pci->bus_self, channel->region, data + moved, piece);
		else
			status = pci->bus->dma_read(pci->bus_self, channel->region, data + moved, piece);
		if (status < 0) {
			error(channel);
			break;
		}
		moved += piece;
		channel->region += piece;
		channel->left -= piece;
		if (channel->left == 0 && channel->last)
			channel->status &= (uint8_t)~STATUS_ACTIVE;
	}
	return moved == 0 ? -EIO : (int32_t)moved;
}

static uint32_t can_run(const struct channel *channel, const struct drive *drive)
{
	return (channel->status & STATUS_ACTIVE) != 0 && drive->dmarq && VMM_HAS(drive->table, dma);
}

static void run(void *self, uint64_t token)
{
	struct piix *piix = self;
	struct channel *channel = &piix->channels[token % CHANNELS];
	channel->kicked = 0;
	for (uint32_t i = 0; i < DRIVES; i++) {
		struct drive *drive = &channel->drives[i];
		if (piix->running && can_run(channel, drive))
			drive->table->dma(drive->self);
	}
}

void master_kick(struct channel *channel)
{
	struct piix *piix = channel->piix;
	if (channel->kicked || !piix->running ||
		!(can_run(channel, &channel->drives[0]) || can_run(channel, &channel->drives[1])))
		return;
	channel->kicked = piix->event->defer(piix->host->context, run, piix, channel->number) >= 0;
}

/* INTRQ has risen. */
void master_interrupt(struct channel *channel)
{
	channel->status |= STATUS_INTERRUPT;
}

void master_reset(struct channel *channel)
{
	channel->command = 0;
	channel->status = 0;
	channel->table = channel->next = channel->region = channel->left = 0;
	channel->last = 0;
}

static void command_write(struct channel *channel, uint8_t value)
{
	uint8_t before = channel->command;
	/* The direction holds while it runs (2.1). */
	if ((channel->status & STATUS_ACTIVE) != 0)
		value = (uint8_t)((value & ~COMMAND_TO_MEMORY) | (before & COMMAND_TO_MEMORY));
	channel->command = value & (COMMAND_START | COMMAND_TO_MEMORY);
	if ((value & COMMAND_START) == 0) {
		channel->status &= (uint8_t)~STATUS_ACTIVE;
	} else if ((before & COMMAND_START) == 0) {
		channel->next = channel->table;
		channel->left = 0;
		channel->last = 0;
		channel->status |= STATUS_ACTIVE;
		master_kick(channel);
	}
}

static uint8_t byte_read(const struct channel *channel, uint32_t offset)
{
	switch (offset) {
	case 0: return channel->command;
	case 2: return channel->status;
	case 4:
	case 5:
	case 6:
	case 7: return (uint8_t)(channel->table >> ((offset - 4) * 8));
	default: return 0;
	}
}

static void byte_write(struct channel *channel, uint32_t offset, uint8_t value)
{
	switch (offset) {
	case 0: command_write(channel, value); break;
	case 2:
		channel->status = (uint8_t)((channel->status & ~STATUS_DRIVES) | (value & STATUS_DRIVES));
		channel->status &= (uint8_t) ~(value & (STATUS_INTERRUPT | STATUS_ERROR));
		break;
	case 4:
	case 5:
	case 6:
	case 7: {
		uint32_t shift = (offset - 4) * 8;
		channel->table = ((channel->table & ~(0xffu << shift)) | (uint32_t)value << shift) & ~3u;
		break;
	}
	default: break;
	}
}

static int32_t master_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct piix *piix = self;
	(void)token;
	*value = 0;
	for (uint32_t i = 0; i < size; i++) {
		struct channel *channel = &piix->channels[((offset + i) >> 3) % CHANNELS];
		/* A kick that found no room would else be lost. */
		master_kick(channel);
		*value |= (uint32_t)byte_read(channel, (offset + i) & 7) << (i * 8);
	}
	return 0;
}

static int32_t master_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct piix *piix = self;
	(void)token;
	for (uint32_t i = 0; i < size; i++)
		byte_write(
			&piix->channels[((offset + i) >> 3) % CHANNELS], (offset + i) & 7, (uint8_t)(value >> (i * 8)));
	return 0;
}

const struct vmm_io_ops master_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = master_read,
	.write = master_write,
};
