/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * ISA devices, and the BIOS data area, as POST leaves them.
 */
#include "firmware.h"

static void out8(struct firmware *firmware, uint32_t port, uint32_t value)
{
	firmware->io->write(firmware->host->context, port, 1, value);
}

static uint32_t in8(struct firmware *firmware, uint32_t port)
{
	uint32_t value = 0xff;
	firmware->io->read(firmware->host->context, port, 1, &value);
	return value & 0xff;
}

static void interrupts(struct firmware *firmware)
{
	/* Vectors 08 and 70, slave on input 2, 8086 mode; everything masked. */
	out8(firmware, 0x20, 0x11);
	out8(firmware, 0xa0, 0x11);
	out8(firmware, 0x21, 0x08);
	out8(firmware, 0xa1, 0x70);
	out8(firmware, 0x21, 0x04);
	out8(firmware, 0xa1, 0x02);
	out8(firmware, 0x21, 0x01);
	out8(firmware, 0xa1, 0x01);
	out8(firmware, 0x21, 0xff);
	out8(firmware, 0xa1, 0xff);
}

/* Channel 4 carries the first controller's four through. */
static void dma(struct firmware *firmware)
{
	if (!firmware->machine->has_plugin(firmware->host->context, "org.vmm.dma-8237"))
		return;
	out8(firmware, 0xd6, 0xc0);
	out8(firmware, 0xd4, 0x00);
}

static void timer(struct firmware *firmware)
{
	/* Counter 0: 18.2 Hz square wave; counter 1: refresh. */
	out8(firmware, 0x43, 0x36);
	out8(firmware, 0x40, 0);
	out8(firmware, 0x40, 0);
	out8(firmware, 0x43, 0x54);
	out8(firmware, 0x41, 18);
}

/* Self test passed, translation on, keyboard with IRQ1, mouse off. */
static void keyboard(struct firmware *firmware)
{
	if (!firmware->machine->has_plugin(firmware->host->context, "org.vmm.ps2-8042"))
		return;
	out8(firmware, 0x64, 0xaa);
	in8(firmware, 0x60);
	out8(firmware, 0x64, 0x60);
	out8(firmware, 0x60, 0x65);
}

static const uint16_t bases[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };

/* Which serial ports answer: by the scratch register, as a BIOS looks for them. */
void serial_find(struct firmware *firmware)
{
	firmware->platform.serial = 0;
	for (uint32_t i = 0; i < 4; i++) {
		out8(firmware, bases[i] + 7u, 0x5a);
		uint32_t first = in8(firmware, bases[i] + 7u);
		out8(firmware, bases[i] + 7u, 0xa5);
		uint32_t second = in8(firmware, bases[i] + 7u);
		if (first != 0x5a || second != 0xa5)
			continue;
		out8(firmware, bases[i] + 7u, 0);
		firmware->platform.serial |= 1u << i;
	}
}

static void serial(struct firmware *firmware, uint8_t *bda)
{
	uint32_t found = 0;
	serial_find(firmware);
	for (uint32_t i = 0; i < 4; i++) {
		if ((firmware->platform.serial >> i & 1) == 0)
			continue;
		put16(bda + found * 2, bases[i]);
		found++;
	}
	/* Equipment word, bits 9 to 11. */
	put16(bda + 0x10, found << 9);
}

void devices_setup(struct firmware *firmware)
{
	uint8_t bda[256] = { 0 };
	interrupts(firmware);
	dma(firmware);
	timer(firmware);
	keyboard(firmware);
	out8(firmware, 0x92, 0x02); /* A20 */
	serial(firmware, bda);
	put16(bda + 0x0e, EBDA_START >> 4);
	put16(bda + 0x13, EBDA_START >> 10);
	uint8_t ebda[1] = { 1 }; /* its size in KiB */
	guest_write(firmware, 0x400, bda, sizeof(bda), 1);
	guest_write(firmware, EBDA_START, ebda, sizeof(ebda), 1);
}
