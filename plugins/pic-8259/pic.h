/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One 8259A interrupt controller (Intel 231468-003, December 1988), without its pins.
 */
#ifndef PIC_H
#define PIC_H

#include <stdint.h>

#define ICW1_INIT 0x10
#define ICW1_IC4  0x01
#define ICW1_SNGL 0x02
#define ICW4_UPM  0x01
#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10
#define OCW3      0x08
#define OCW3_RIS  0x01
#define OCW3_RR   0x02
#define OCW3_P    0x04
#define OCW3_SMM  0x20
#define OCW3_ESMM 0x40

struct pic {
	uint8_t irr, imr, isr;
	uint8_t lines;  /* the inputs as they are now */
	uint8_t elcr;   /* inputs that are level-triggered */
	uint8_t first;  /* the input with the highest priority, 0..7 */
	uint8_t vector; /* bits 7-3 of ICW2 */
	uint8_t icw3;
	uint8_t icw4;
	uint8_t step;        /* initialization word that is expected: 2, 3, 4; 0: done */
	uint8_t needs_icw4;  /* IC4 of ICW1 */
	uint8_t single;      /* SNGL of ICW1 */
	uint8_t read_isr;    /* a read of A0=0 gives ISR, else IRR */
	uint8_t poll;        /* the next read is an acknowledge */
	uint8_t special;     /* special mask mode */
	uint8_t rotate_aeoi; /* rotate in automatic EOI mode */
	uint8_t cascade;     /* inputs that have another 8259A behind them; a constant */
};

/* The input that is to be served next, or -1. */
int32_t pic_pending(const struct pic *pic);
void pic_line(struct pic *pic, uint32_t input, uint32_t level);
/* An INTA or a poll: takes the pending input into service.  -1: there is none any more. */
int32_t pic_take(struct pic *pic);
uint8_t pic_read(struct pic *pic, uint32_t a0);
void pic_write(struct pic *pic, uint32_t a0, uint8_t value);

#endif
