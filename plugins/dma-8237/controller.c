/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "controller.h"

void controller_clear(struct controller *controller)
{
	controller->command = controller->temporary = 0;
	controller->request = controller->terminal = 0;
	controller->flip_flop = 0;
	controller->mask = 0x0f;
}

uint8_t controller_active(const struct controller *controller)
{
	uint8_t pins = controller->dreq;
	if ((controller->command & COMMAND_DREQ_LOW) != 0)
		pins = (uint8_t)~pins;
	return pins & 0x0f;
}

uint8_t controller_open(const struct controller *controller)
{
	if ((controller->command & COMMAND_DISABLE) != 0)
		return 0;
	return (uint8_t)~controller->mask & 0x0f;
}

static uint8_t select_byte(struct controller *controller, uint16_t word)
{
	uint8_t byte = (uint8_t)(controller->flip_flop ? word >> 8 : word);
	controller->flip_flop ^= 1;
	return byte;
}

uint8_t controller_read(struct controller *controller, uint32_t number)
{
	const struct channel *channel = &controller->channels[number >> 1 & 3];
	uint8_t value;
	switch (number) {
	case 8: /* reading it clears the TC bits */
		value = (uint8_t)((controller_active(controller) | controller->request) << 4 | controller->terminal);
		controller->terminal = 0;
		return value;
	case 13: return controller->temporary;
	case 15: return controller->mask; /* PIIX3 (290550-002, 2.5): the mask register can be read */
	default:
		if (number >= 8)
			return 0xff;
		return select_byte(controller, (number & 1) != 0 ? channel->count : channel->address);
	}
}

static void set_bits(uint8_t *bits, uint8_t value)
{
	uint8_t bit = (uint8_t)(1u << (value & 3));
	*bits = (uint8_t)((value & 4) != 0 ? *bits | bit : *bits & ~bit);
}

/* Base and current registers are written together. */
static void write_word(struct controller *controller, uint16_t *base, uint16_t *current, uint8_t value)
{
	if (controller->flip_flop) {
		*base = (uint16_t)((*base & 0x00ff) | value << 8);
		*current = (uint16_t)((*current & 0x00ff) | value << 8);
	} else {
		*base = (uint16_t)((*base & 0xff00) | value);
		*current = (uint16_t)((*current & 0xff00) | value);
	}
	controller->flip_flop ^= 1;
}

void controller_write(struct controller *controller, uint32_t number, uint8_t value)
{
	struct channel *channel = &controller->channels[number >> 1 & 3];
	switch (number) {
	case 8: controller->command = value; break;
	case 9: set_bits(&controller->request, value); break;
	case 10: set_bits(&controller->mask, value); break;
	case 11: controller->channels[value & 3].mode = value & 0xfc; break;
	case 12: controller->flip_flop = 0; break;
	case 13: controller_clear(controller); break;
	case 14: controller->mask = 0; break;
	case 15: controller->mask = value & 0x0f; break;
	default:
		if ((number & 1) != 0)
			write_word(controller, &channel->base_count, &channel->count, value);
		else
			write_word(controller, &channel->base_address, &channel->address, value);
		break;
	}
}

uint32_t channel_left(const struct channel *channel)
{
	return (uint32_t)channel->count + 1;
}

uint32_t channel_run(const struct channel *channel)
{
	return (channel->mode & MODE_DECREMENT) != 0 ? (uint32_t)channel->address + 1 : 0x10000u - channel->address;
}

uint32_t controller_count(struct controller *controller, uint32_t number, uint32_t transfers)
{
	struct channel *channel = &controller->channels[number];
	uint8_t bit = (uint8_t)(1u << number);
	uint32_t last = transfers == channel_left(channel);
	uint32_t held = number == 0 &&
		(controller->command & (COMMAND_MEMORY | COMMAND_HOLD)) == (COMMAND_MEMORY | COMMAND_HOLD);
	if (!held) {
		if ((channel->mode & MODE_DECREMENT) != 0)
			channel->address = (uint16_t)(channel->address - transfers);
		else
			channel->address = (uint16_t)(channel->address + transfers);
	}
	channel->count = (uint16_t)(channel->count - transfers);
	if (!last)
		return 0;
	controller->terminal |= bit;
	controller->request &= (uint8_t)~bit;
	if ((channel->mode & MODE_AUTO) != 0) {
		channel->address = channel->base_address;
		channel->count = channel->base_count;
	} else {
		controller->mask |= bit;
	}
	return 1;
}
