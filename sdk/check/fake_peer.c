/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Joining peers, and those of the char, input and interrupt ports.
 */
#include "fake_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t fake_peer_value(struct chance *chance)
{
	uint64_t noise = chance_next(chance);
	switch (chance_below(chance, 8)) {
	case 0: return 0;
	case 1: return UINT64_MAX;
	case 2: return UINT64_C(1) << (noise & 63);
	case 3: return noise & 0xff;
	case 4: return noise % FAKE_RAM;
	case 5: return noise & 0xfff;
	default: return noise;
	}
}

void fake_peer_up_check(struct fake_peer *peer, const char *call)
{
	if (peer->calling > 0)
		fake_fault(peer->instance, "port %s: %s was called up from within a call down", peer->row->key, call);
}

/* A line. */

static int32_t char_take(struct fake_peer *peer, const void *data, uint32_t length)
{
	/* Touch it all: a wrong length is then seen by a sanitizer or as a crash. */
	const volatile uint8_t *bytes = data;
	for (uint32_t i = 0; i < length; i++)
		(void)bytes[i];
	uint32_t taken = chance_below(peer->chance, 4) != 0 ? length
							    : (uint32_t)chance_below(peer->chance, length + 1u);
	if (taken < length)
		peer->owed = 1;
	return (int32_t)taken;
}

static int32_t char_write(void *self, const void *data, uint32_t length)
{
	return char_take(self, data, length);
}

static void char_readable(void *self)
{
	(void)self;
}

static void char_down_event(void *self, uint32_t event, uint64_t value)
{
	struct fake_peer *peer = self;
	(void)value;
	if (event < VMM_CHAR_BREAK || event > VMM_CHAR_SPEED)
		fake_fault(peer->instance, "port %s: event %u does not go down", peer->row->key, event);
}

static const struct vmm_char_lower char_lower = {
	.struct_size = sizeof(struct vmm_char_lower),
	.write = char_write,
	.readable = char_readable,
	.event = char_down_event,
};

static int32_t char_receive(void *self, const void *data, uint32_t length)
{
	fake_peer_up_check(self, "receive");
	return char_take(self, data, length);
}

static void char_writable(void *self)
{
	fake_peer_up_check(self, "writable");
}

static void char_up_event(void *self, uint32_t event, uint64_t value)
{
	struct fake_peer *peer = self;
	(void)value;
	fake_peer_up_check(self, "event");
	if (event < VMM_CHAR_OPENED || event > VMM_CHAR_MODEM)
		fake_fault(peer->instance, "port %s: event %u does not go up", peer->row->key, event);
}

static const struct vmm_char_upper char_upper = {
	.struct_size = sizeof(struct vmm_char_upper),
	.receive = char_receive,
	.writable = char_writable,
	.event = char_up_event,
};

static void taken_check(struct fake_peer *peer, int32_t taken, uint32_t length, const char *call)
{
	if (taken < 0 || (uint32_t)taken > length)
		fake_fault(peer->instance, "port %s: %s took %d of %u bytes", peer->row->key, call, taken, length);
}

static void char_act(struct fake_peer *peer)
{
	struct chance *chance = peer->chance;
	uint32_t length = (uint32_t)chance_below(chance, chance_below(chance, 8) == 0 ? 5000 : 20);
	uint8_t *data = malloc(length + 1u); /* to the byte, so that a sanitizer sees an overrun */
	uint32_t what = (uint32_t)chance_below(chance, 8);
	for (uint32_t i = 0; i < length; i++)
		data[i] = (uint8_t)chance_below(chance, 256);
	if (peer->role == VMM_ROLE_LOWER) {
		const struct vmm_char_upper *upper = peer->table;
		if (peer->owed && what < 3) {
			peer->owed = 0;
			upper->writable(peer->self);
		} else if (what < 6) {
			taken_check(peer, upper->receive(peer->self, data, length), length, "receive");
		} else {
			upper->event(peer->self, VMM_CHAR_OPENED + (uint32_t)chance_below(chance, 4),
				chance_next(chance) & 0x3f);
		}
	} else {
		const struct vmm_char_lower *lower = peer->table;
		peer->calling++;
		if (peer->owed && what < 3) {
			peer->owed = 0;
			lower->readable(peer->self);
		} else if (what < 6) {
			taken_check(peer, lower->write(peer->self, data, length), length, "write");
		} else {
			lower->event(peer->self, VMM_CHAR_BREAK + (uint32_t)chance_below(chance, 3),
				chance_next(chance) & 0x3f);
		}
		peer->calling--;
	}
	free(data);
}

/* A typist, and a keyboard controller. */

static void input_leds(void *self, uint32_t leds)
{
	struct fake_peer *peer = self;
	if (leds > 7)
		fake_fault(peer->instance, "port %s: leds were given %#x", peer->row->key, leds);
}

static const struct vmm_input_lower input_lower = {
	.struct_size = sizeof(struct vmm_input_lower),
	.leds = input_leds,
};

static int32_t input_key(void *self, uint32_t usage, uint32_t down)
{
	struct fake_peer *peer = self;
	(void)usage;
	(void)down;
	fake_peer_up_check(self, "key");
	return chance_below(peer->chance, 4) == 0 ? -EAGAIN : 0;
}

static int32_t input_pointer(void *self, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons)
{
	(void)dx;
	(void)dy;
	(void)dz;
	(void)buttons;
	fake_peer_up_check(self, "pointer");
	return 0;
}

static const struct vmm_input_upper input_upper = {
	.struct_size = sizeof(struct vmm_input_upper),
	.key = input_key,
	.pointer = input_pointer,
};

static void input_act(struct fake_peer *peer)
{
	struct chance *chance = peer->chance;
	if (peer->role == VMM_ROLE_LOWER) {
		const struct vmm_input_upper *upper = peer->table;
		if (chance_below(chance, 2) == 0)
			upper->key(peer->self, (uint32_t)chance_below(chance, 300), (uint32_t)chance_below(chance, 2));
		else
			upper->pointer(peer->self, (int32_t)chance_next(chance),
				(int32_t)chance_below(chance, 600) - 300, (int32_t)chance_below(chance, 9) - 4,
				(uint32_t)chance_below(chance, 32));
	} else {
		const struct vmm_input_lower *lower = peer->table;
		peer->calling++;
		if (VMM_HAS(lower, leds))
			lower->leds(peer->self, (uint32_t)chance_below(chance, 8));
		peer->calling--;
	}
}

/* The processors. */
static void interrupt_act(struct fake_peer *peer)
{
	const struct vmm_interrupt_upper *upper = peer->table;
	struct fake *fake = peer->instance->fake;
	uint64_t noise = chance_next(peer->chance);
	if (fake->intr && VMM_HAS(upper, acknowledge)) {
		int32_t vector = upper->acknowledge(peer->self);
		if (vector > 255)
			fake_fault(peer->instance, "port %s: acknowledge gave vector %d", peer->row->key, vector);
	} else if ((noise & 3) == 0 && VMM_HAS(upper, eoi)) {
		upper->eoi(peer->self, (uint32_t)(noise >> 8) & 0xff);
	} else if ((noise & 15) == 1 && VMM_HAS(upper, smiact)) {
		upper->smiact(peer->self, (uint32_t)(noise >> 8) & 1);
	} else if ((noise & 15) == 2 && VMM_HAS(upper, ferr)) {
		upper->ferr(peer->self, (uint32_t)(noise >> 8) & 1);
	} else if ((noise & 255) == 3 && VMM_HAS(upper, shutdown)) {
		upper->shutdown(peer->self);
	} else {
		fake_line(fake, (uint32_t)(noise >> 8) % VMM_IRQ_LINES, (uint32_t)(noise >> 32) & 1);
	}
}

/* All kinds. */

static const struct {
	const char *interface;
	const void *tables[2]; /* the peer's, as upper and as lower */
	void (*act)(struct fake_peer *peer);
} kinds[] = {
	{ VMM_PORT_CHAR, { &char_upper, &char_lower }, char_act },
	{ VMM_PORT_DISPLAY, { &fake_peer_display_upper, &fake_peer_display_lower }, fake_peer_display_act },
	{ VMM_PORT_INPUT, { &input_upper, &input_lower }, input_act },
	{ VMM_PORT_IDE, { &fake_peer_ide_upper, &fake_peer_ide_lower }, fake_peer_ide_act },
	{ VMM_PORT_NET, { &fake_peer_net_upper, &fake_peer_net_lower }, fake_peer_net_act },
	{ VMM_PORT_STORAGE, { &fake_peer_storage_upper, &fake_peer_storage_lower }, fake_peer_storage_act },
	{ VMM_PORT_PCI, { &fake_peer_pci_upper, &fake_peer_pci_lower }, fake_peer_pci_act },
	{ VMM_PORT_SPEAKER, { &fake_peer_speaker_upper, &fake_peer_speaker_lower }, fake_peer_speaker_act },
	{ VMM_PORT_ISA, { &fake_peer_isa_upper, &fake_peer_isa_lower }, fake_peer_isa_act },
	{ VMM_PORT_DMA, { &fake_peer_dma_upper, &fake_peer_dma_lower }, fake_peer_dma_act },
	{ VMM_PORT_FLOPPY, { &fake_peer_floppy_upper, &fake_peer_floppy_lower }, fake_peer_floppy_act },
};

/* The newest revision in the row that we know. */
static int32_t kind_find(const struct vmm_port_row *row)
{
	for (const char *at = row->interfaces; *at != '\0';) {
		size_t length = strcspn(at, "|");
		for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (strlen(kinds[i].interface) == length && memcmp(kinds[i].interface, at, length) == 0)
				return (int32_t)i;
		}
		at += length + (at[length] == '|');
	}
	return -1;
}

int32_t fake_peer_join(struct fake_peer *peer, struct fake_instance *instance, const struct vmm_port_row *row,
	uint64_t address, struct chance *chance)
{
	struct vmm_port_side side;
	uint32_t core = fake_core_row(row);
	int32_t kind = kind_find(row);
	memset(peer, 0, sizeof(*peer));
	peer->instance = instance;
	peer->chance = chance;
	peer->row = row;
	if (kind < 0 && !core)
		return -ENOTSUP;
	if (fake_side(instance, row->key, &side) < 0 || side.table == NULL) {
		fake_fault(instance, "get_port refuses `%s`, which is in the table of ports", row->key);
		return -EINVAL;
	}
	if (core) {
		peer->role = VMM_ROLE_LOWER;
		peer->link = fake_join_core(instance, row, &side);
		if (peer->link == NULL)
			return -EBUSY;
		peer->table = side.table;
		peer->self = peer->link->lower.peer_self;
		return 0;
	}
	snprintf(peer->interface, sizeof(peer->interface), "%s", kinds[kind].interface);
	peer->role = row->role == VMM_ROLE_UPPER ? VMM_ROLE_LOWER : VMM_ROLE_UPPER;
	struct vmm_port_side mine = {
		.struct_size = sizeof(mine), .table = kinds[kind].tables[peer->role - 1], .self = peer
	};
	if (strcmp(peer->interface, VMM_PORT_STORAGE) == 0 && peer->role == VMM_ROLE_LOWER) {
		peer->disk = malloc(PEER_DISK);
		for (uint64_t i = 0; i < PEER_DISK; i += 512)
			memset(peer->disk + i, (int)(i >> 9) & 0xff, 512);
	}
	/* What the instance calls while it is being attached needs its own half already. */
	peer->table = side.table;
	peer->self = side.self;
	const struct vmm_port_side *upper = peer->role == VMM_ROLE_UPPER ? &mine : &side;
	const struct vmm_port_side *lower = peer->role == VMM_ROLE_UPPER ? &side : &mine;
	peer->link = fake_join_sides(instance->fake, upper, lower, peer->interface, address);
	if (peer->link == NULL)
		return -EBUSY;
	peer->self = peer->role == VMM_ROLE_UPPER ? peer->link->upper.peer_self : peer->link->lower.peer_self;
	return 0;
}

void fake_peer_act(struct fake_peer *peer)
{
	if (peer->link == NULL)
		return;
	if (fake_core_row(peer->row)) {
		interrupt_act(peer);
		return;
	}
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].interface, peer->interface) == 0)
			kinds[i].act(peer);
	}
}

void fake_peer_settle(struct fake_peer *peer)
{
	if (peer->link != NULL && peer->role == VMM_ROLE_UPPER && strcmp(peer->interface, VMM_PORT_STORAGE) == 0)
		fake_peer_storage_settle(peer);
}

void fake_peer_drain(struct fake_peer *peer)
{
	if (peer->link != NULL && strcmp(peer->interface, VMM_PORT_STORAGE) == 0)
		fake_peer_storage_drain(peer);
	if (peer->link != NULL && strcmp(peer->interface, VMM_PORT_FLOPPY) == 0)
		fake_peer_floppy_drain(peer);
}

void fake_peer_free(struct fake_peer *peer)
{
	for (uint32_t i = 0; i < PEER_REQUESTS; i++)
		free(peer->requests[i].data);
	for (uint32_t i = 0; i < 4 && peer->role == VMM_ROLE_UPPER; i++)
		free(peer->transfers[i].data);
	free(peer->disk);
	memset(peer, 0, sizeof(*peer));
}

void fake_peer_copy(struct fake_peer *to, const struct fake_peer *from)
{
	to->owed = from->owed;
	to->cylinder = from->cylinder;
	to->change = from->change;
	to->link_down = from->link_down;
	to->capabilities = from->capabilities;
	to->wanted = from->wanted;
	to->again = from->again;
	if (to->disk != NULL && from->disk != NULL)
		memcpy(to->disk, from->disk, PEER_DISK);
}
