/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "pic.h"

/* Rank of the most important of some inputs, 0 highest; 8 for none. */
static uint32_t rank(const struct pic *pic, uint8_t inputs)
{
	for (uint32_t i = 0; i < 8; i++) {
		if ((inputs & (1u << ((pic->first + i) & 7))) != 0)
			return i;
	}
	return 8;
}

int32_t pic_pending(const struct pic *pic)
{
	uint32_t wanted = rank(pic, pic->irr & (uint8_t)~pic->imr);
	if (wanted == 8 || pic->step != 0)
		return -1;
	uint8_t serving = pic->isr;
	/* Special mask mode: what is masked does not hold back lower priorities. */
	if (pic->special)
		serving &= (uint8_t)~pic->imr;
	/* Special fully nested: a slave in service may interrupt again for a higher one of its own. */
	if ((pic->icw4 & ICW4_SFNM) != 0) {
		uint8_t others = serving & (uint8_t)~pic->cascade;
		uint32_t slave = rank(pic, serving & pic->cascade);
		if (slave == wanted && slave < rank(pic, others))
			return (int32_t)((pic->first + wanted) & 7);
	}
	return wanted < rank(pic, serving) ? (int32_t)((pic->first + wanted) & 7) : -1;
}

void pic_line(struct pic *pic, uint32_t input, uint32_t level)
{
	uint8_t bit = (uint8_t)(1u << input);
	/* The slave's INT output is followed as a level: it stays high from one of its requests to the next. */
	if (((pic->elcr | pic->cascade) & bit) != 0) {
		pic->irr = level ? pic->irr | bit : pic->irr & (uint8_t)~bit;
	} else if (level && (pic->lines & bit) == 0) {
		/* The latch holds a request whose line has dropped again, so that short pulses count. */
		pic->irr |= bit;
	}
	pic->lines = level ? pic->lines | bit : pic->lines & (uint8_t)~bit;
}

int32_t pic_take(struct pic *pic)
{
	int32_t input = pic_pending(pic);
	if (input < 0)
		return -1;
	uint8_t bit = (uint8_t)(1u << input);
	if (((pic->elcr | pic->cascade) & bit) == 0)
		pic->irr &= (uint8_t)~bit;
	if ((pic->icw4 & ICW4_AEOI) == 0)
		pic->isr |= bit;
	else if (pic->rotate_aeoi)
		pic->first = (uint8_t)((input + 1) & 7);
	return input;
}

uint8_t pic_read(struct pic *pic, uint32_t a0)
{
	if (pic->poll) {
		pic->poll = 0;
		int32_t input = pic_take(pic);
		return input < 0 ? 0 : (uint8_t)(0x80 | input);
	}
	if (a0)
		return pic->imr;
	return pic->read_isr ? pic->isr : pic->irr;
}

static void write_icw1(struct pic *pic, uint8_t value)
{
	/* Figure 6: edge sense, mask, priorities, special mask mode and the status read are reset. */
	pic->irr = pic->lines & (pic->elcr | pic->cascade);
	pic->imr = 0;
	pic->isr = 0;
	pic->first = 0;
	pic->special = 0;
	pic->rotate_aeoi = 0;
	pic->read_isr = 0;
	pic->poll = 0;
	/* LTIM (bit 3) is not there in a PIIX: ELCR takes its place. */
	pic->single = (value & ICW1_SNGL) != 0;
	pic->needs_icw4 = (value & ICW1_IC4) != 0;
	if (!pic->needs_icw4)
		pic->icw4 = 0;
	pic->step = 2;
}

static void write_ocw2(struct pic *pic, uint8_t value)
{
	uint32_t input = value & 7;
	/* A non-specific EOI does not see what special mask mode masks. */
	uint32_t top = rank(pic, pic->special ? pic->isr & (uint8_t)~pic->imr : pic->isr);
	switch (value >> 5) {
	case 0: /* rotate in automatic EOI mode: clear */ pic->rotate_aeoi = 0; break;
	case 4: /* and set */ pic->rotate_aeoi = 1; break;
	case 1: /* non-specific EOI */
	case 5: /* with rotation */
		if (top == 8)
			break;
		input = (pic->first + top) & 7;
		pic->isr &= (uint8_t) ~(1u << input);
		if ((value >> 5) == 5)
			pic->first = (uint8_t)((input + 1) & 7);
		break;
	case 3: /* specific EOI */
	case 7: /* with rotation */
		pic->isr &= (uint8_t) ~(1u << input);
		if ((value >> 5) == 7)
			pic->first = (uint8_t)((input + 1) & 7);
		break;
	case 6: /* set priority: `input` becomes the lowest */ pic->first = (uint8_t)((input + 1) & 7); break;
	default: break; /* no operation */
	}
}

void pic_write(struct pic *pic, uint32_t a0, uint8_t value)
{
	if (!a0) {
		if ((value & ICW1_INIT) != 0) {
			write_icw1(pic, value);
		} else if ((value & OCW3) == 0) {
			write_ocw2(pic, value);
		} else {
			if ((value & OCW3_P) != 0)
				pic->poll = 1;
			else if ((value & OCW3_RR) != 0)
				pic->read_isr = value & OCW3_RIS;
			if ((value & OCW3_ESMM) != 0)
				pic->special = (value & OCW3_SMM) != 0;
		}
		return;
	}
	switch (pic->step) {
	case 2:
		pic->vector = value & 0xf8;
		pic->step = pic->single ? (pic->needs_icw4 ? 4 : 0) : 3;
		break;
	case 3:
		pic->icw3 = value;
		pic->step = pic->needs_icw4 ? 4 : 0;
		break;
	case 4:
		pic->icw4 = value & 0x1f;
		pic->step = 0;
		break;
	default: pic->imr = value; break;
	}
}
