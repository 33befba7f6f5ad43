/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An IDE controller for a drive, and a drive for a controller.
 */
#include "fake_peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm/port-ide.h>

/* What a controller remembers of its drive's lines; also whether `dma` runs. */
#define OWED_DMARQ  1u
#define OWED_MOVING 2u

/* The controller. */

static void controller_intrq(void *self, uint32_t level)
{
	(void)self;
	(void)level;
}

static void controller_dmarq(void *self, uint32_t level)
{
	struct fake_peer *peer = self;
	peer->owed = (peer->owed & ~OWED_DMARQ) | (level != 0 ? OWED_DMARQ : 0);
}

static int32_t moved(struct fake_peer *peer, uint32_t length, const char *call)
{
	if ((peer->owed & OWED_MOVING) == 0)
		fake_fault(peer->instance, "port %s: %s was called outside of dma", peer->row->key, call);
	if (chance_below(peer->chance, 8) == 0)
		return -EIO;
	return (int32_t)(chance_below(peer->chance, 4) == 0 ? chance_below(peer->chance, length + 1) : length);
}

static int32_t controller_to_memory(void *self, const void *data, uint32_t length)
{
	const volatile uint8_t *bytes = data;
	for (uint32_t i = 0; i < length; i++)
		(void)bytes[i];
	return moved(self, length, "to_memory");
}

static int32_t controller_from_memory(void *self, void *data, uint32_t length)
{
	struct fake_peer *peer = self;
	int32_t count = moved(peer, length, "from_memory");
	if (count > 0)
		memset(data, (int)chance_next(peer->chance) & 0xff, (size_t)count);
	return count;
}

static int32_t controller_path(void *self, char *text, uint32_t size)
{
	(void)self;
	int length = snprintf(text, size, "/pci@i0cf8/ide@1,1");
	return (uint32_t)length < size ? length : -EOVERFLOW;
}

const struct vmm_ide_upper fake_peer_ide_upper = {
	.struct_size = sizeof(struct vmm_ide_upper),
	.intrq = controller_intrq,
	.dmarq = controller_dmarq,
	.to_memory = controller_to_memory,
	.from_memory = controller_from_memory,
	.path = controller_path,
};

/* A command as a driver would give it, to the first sectors as a rule. */
static void give_command(struct fake_peer *peer)
{
	static const uint8_t commands[] = { 0x20, 0x24, 0x25, 0x30, 0x34, 0x35, 0x3d, 0x40, 0xc4, 0xc5, 0xc6, 0xc8,
		0xca, 0xe7, 0xec, 0xef, 0xa0, 0xa0, 0xa0, 0xa1, 0x08, 0x06, 0xb0, 0xe4, 0xe8, 0x90, 0x91, 0xf8, 0xf9 };
	static const uint8_t packets[] = { 0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x28, 0x43, 0x46, 0x4a, 0x51, 0x52,
		0x55, 0x5a, 0x15, 0x1a, 0xa8, 0xad, 0xb9, 0xbd, 0xbe };
	const struct vmm_ide_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	uint32_t wild = chance_below(chance, 4) == 0;
	uint8_t command = commands[chance_below(chance, sizeof(commands))];
	uint8_t packet[12] = { packets[chance_below(chance, sizeof(packets))] };
	for (uint32_t reg = VMM_IDE_FEATURES; reg <= VMM_IDE_LBA_HIGH; reg++) {
		uint64_t limit = reg == VMM_IDE_FEATURES ? 4 : reg <= VMM_IDE_LBA_LOW ? 40 : 6;
		lower->write(peer->self, reg, (uint32_t)chance_below(chance, wild ? 256 : limit));
		if (chance_below(chance, 2) == 0)
			lower->write(peer->self, reg, (uint32_t)chance_below(chance, wild ? 256 : limit));
	}
	/* The drive's own place, nearly always. */
	uint32_t unit = (uint32_t)peer->link->upper.address & 1;
	if (wild)
		unit = (uint32_t)chance_below(chance, 2);
	lower->write(peer->self, VMM_IDE_DEVICE, (chance_below(chance, 4) != 0 ? 0xe0u : 0xa0u) | unit << 4);
	lower->write(peer->self, VMM_IDE_COMMAND, wild ? (uint32_t)chance_below(chance, 256) : command);
	if (command != 0xa0)
		return;
	for (uint32_t i = 1; i < sizeof(packet); i++)
		packet[i] = (uint8_t)chance_below(chance, i >= 5 && i != 7 ? 24 : 3);
	lower->data_write(peer->self, packet, sizeof(packet));
}

static void controller_act(struct fake_peer *peer)
{
	const struct vmm_ide_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	uint8_t data[1024];
	uint32_t rounds = 1 + (uint32_t)chance_below(chance, 24);
	uint32_t what = (uint32_t)chance_below(chance, 16);
	peer->calling++;
	if (what == 0 && chance_below(chance, 8) == 0) {
		lower->reset(peer->self);
	} else if (what == 1) {
		/* SRST, nIEN, HOB */
		lower->write(peer->self, VMM_IDE_CONTROL, (uint32_t)chance_below(chance, 256));
		lower->write(peer->self, VMM_IDE_CONTROL, chance_below(chance, 2) == 0 ? 0x80 : 0);
	} else if (what == 2 && VMM_HAS(lower, neighbour)) {
		lower->neighbour(peer->self, (uint32_t)chance_below(chance, 2));
	} else if (what < 7) {
		give_command(peer);
	}
	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t length = 2u << chance_below(chance, 10);
		switch (chance_below(chance, 6)) {
		case 0: lower->read(peer->self, (uint32_t)chance_below(chance, 9)); break;
		case 1: lower->read(peer->self, VMM_IDE_STATUS); break;
		case 2:
			memset(data, (int)chance_next(chance) & 0xff, length);
			lower->data_write(peer->self, data, length);
			break;
		case 3:
			if ((peer->owed & OWED_DMARQ) != 0 && VMM_HAS(lower, dma)) {
				peer->owed |= OWED_MOVING;
				lower->dma(peer->self);
				peer->owed &= ~OWED_MOVING;
			}
			break;
		default: lower->data_read(peer->self, data, length); break;
		}
	}
	peer->calling--;
}

/* The drive. */

static uint32_t drive_read(void *self, uint32_t reg)
{
	struct fake_peer *peer = self;
	const struct vmm_ide_upper *upper = peer->table;
	if (reg < VMM_IDE_ERROR || reg > VMM_IDE_CONTROL)
		fake_fault(peer->instance, "port %s: read of register %u", peer->row->key, reg);
	if (reg == VMM_IDE_STATUS)
		upper->intrq(peer->self, 0);
	return reg * 0x11;
}

static void drive_write(void *self, uint32_t reg, uint32_t value)
{
	struct fake_peer *peer = self;
	const struct vmm_ide_upper *upper = peer->table;
	if (reg < VMM_IDE_ERROR || reg > VMM_IDE_CONTROL || value > 0xff)
		fake_fault(peer->instance, "port %s: write of %#x to register %u", peer->row->key, value, reg);
	if (reg == VMM_IDE_COMMAND) {
		upper->intrq(peer->self, value & 1);
		upper->dmarq(peer->self, value >> 1 & 1);
	}
}

static void drive_data_read(void *self, void *data, uint32_t length)
{
	struct fake_peer *peer = self;
	if (length == 0 || (length & 1) != 0)
		fake_fault(peer->instance, "port %s: data_read of %u bytes", peer->row->key, length);
	memset(data, 0x5a, length);
}

static void drive_data_write(void *self, const void *data, uint32_t length)
{
	struct fake_peer *peer = self;
	(void)data;
	if (length == 0 || (length & 1) != 0)
		fake_fault(peer->instance, "port %s: data_write of %u bytes", peer->row->key, length);
}

static void drive_dma(void *self)
{
	struct fake_peer *peer = self;
	const struct vmm_ide_upper *upper = peer->table;
	uint8_t data[4096];
	uint32_t length = 1 + (uint32_t)chance_below(peer->chance, sizeof(data));
	memset(data, (int)length & 0xff, sizeof(data));
	int32_t count = chance_below(peer->chance, 2) == 0 ? upper->to_memory(peer->self, data, length)
							   : upper->from_memory(peer->self, data, length);
	if (count > (int32_t)length)
		fake_fault(peer->instance, "port %s: %d of %u bytes were moved", peer->row->key, count, length);
	if (chance_below(peer->chance, 2) == 0) {
		upper->dmarq(peer->self, 0);
		upper->intrq(peer->self, 1);
	}
}

static void drive_reset(void *self)
{
	struct fake_peer *peer = self;
	const struct vmm_ide_upper *upper = peer->table;
	upper->dmarq(peer->self, 0);
	upper->intrq(peer->self, 0);
}

static void drive_neighbour(void *self, uint32_t present)
{
	(void)self;
	(void)present;
}

const struct vmm_ide_lower fake_peer_ide_lower = {
	.struct_size = sizeof(struct vmm_ide_lower),
	.read = drive_read,
	.write = drive_write,
	.data_read = drive_data_read,
	.data_write = drive_data_write,
	.dma = drive_dma,
	.reset = drive_reset,
	.neighbour = drive_neighbour,
};

static void drive_act(struct fake_peer *peer)
{
	const struct vmm_ide_upper *upper = peer->table;
	uint32_t level = (uint32_t)chance_below(peer->chance, 2);
	char text[64];
	switch (chance_below(peer->chance, 4)) {
	case 0: upper->intrq(peer->self, level); break;
	case 1:
		/* Without room for it all there is none of it. */
		if (upper->path(peer->self, text, 1 + (uint32_t)chance_below(peer->chance, sizeof(text))) >
			(int32_t)sizeof(text))
			fake_fault(peer->instance, "port %s: path is too long", peer->row->key);
		break;
	default: upper->dmarq(peer->self, level); break;
	}
}

void fake_peer_ide_act(struct fake_peer *peer)
{
	if (peer->role == VMM_ROLE_UPPER)
		controller_act(peer);
	else
		drive_act(peer);
}
