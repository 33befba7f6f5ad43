/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The EEPROM (5.6), through EERD and through EECD's wires.  It cannot be written.
 */
#include "e1000.h"

#define SUM 0xbabau

#define EERD_START UINT32_C(0x01)
#define EERD_DONE  UINT32_C(0x10)

#define EECD_SK   UINT32_C(0x001)
#define EECD_CS   UINT32_C(0x002)
#define EECD_DI   UINT32_C(0x004)
#define EECD_DO   UINT32_C(0x008)
#define EECD_REQ  UINT32_C(0x040)
#define EECD_GNT  UINT32_C(0x080)
#define EECD_PRES UINT32_C(0x100)

#define COMMAND_BITS 8 /* two of the opcode, six of the address */
#define OPCODE_READ  2

void eeprom_fill(struct e1000 *e1000)
{
	uint16_t *words = e1000->eeprom;
	const struct vmm_pci *pci = &e1000->pci;
	uint32_t sum = 0;
	memset(words, 0, sizeof(e1000->eeprom));
	for (uint32_t i = 0; i < 3; i++)
		words[i] = (uint16_t)(e1000->card.mac[i * 2] | e1000->card.mac[i * 2 + 1] << 8);
	words[0x04] = 0xffff; /* the LEDs' defaults */
	words[0x08] = words[0x09] = 0xffff;
	/* Initialization control 1: the signature, full duplex, power management, IDs from here. */
	words[0x0a] = 0x440b;
	words[0x0b] = (uint16_t)vmm_pci_get(pci, VMM_PCI_SUBSYSTEM_ID, 2);
	words[0x0c] = (uint16_t)vmm_pci_get(pci, VMM_PCI_SUBSYSTEM_VENDOR, 2);
	words[0x0d] = (uint16_t)vmm_pci_get(pci, VMM_PCI_DEVICE_ID, 2);
	words[0x0e] = (uint16_t)vmm_pci_get(pci, VMM_PCI_VENDOR_ID, 2);
	words[0x0f] = 0x3000; /* initialization control 2: both kinds of pause */
	for (uint32_t i = 0; i < EEPROM_WORDS - 1; i++)
		sum += words[i];
	words[EEPROM_WORDS - 1] = (uint16_t)(SUM - sum);
}

void eerd_write(struct e1000 *e1000, uint32_t value)
{
	uint32_t address = value >> 8 & 0xff;
	uint32_t data = address < EEPROM_WORDS ? e1000->eeprom[address] : 0xffff;
	if ((value & EERD_START) != 0)
		*register_at(e1000, EERD) = (value & 0xff00) | EERD_DONE | data << 16;
}

uint32_t eecd_read(const struct e1000 *e1000)
{
	uint32_t value = register_get(e1000, EECD) & ~(EECD_DO | EECD_GNT);
	value |= EECD_PRES;
	if ((value & EECD_REQ) != 0)
		value |= EECD_GNT;
	return e1000->microwire.out ? value | EECD_DO : value;
}

/* SK rises: a bit goes in, and one out. */
static void bit_shift(struct e1000 *e1000, uint32_t bit)
{
	struct microwire *wire = &e1000->microwire;
	if (wire->reading) {
		if (wire->left == 0) {
			/* On to the next word. */
			wire->in = (uint16_t)((wire->in + 1u) % EEPROM_WORDS);
			wire->data = e1000->eeprom[wire->in];
			wire->left = 16;
		}
		wire->out = wire->data >> 15;
		wire->data = (uint16_t)(wire->data << 1);
		wire->left--;
		return;
	}
	/* A command begins with a 1. */
	if (wire->count == 0 && !bit)
		return;
	if (wire->count == 0) {
		wire->count = 1;
		wire->in = 0;
		return;
	}
	if (wire->count > COMMAND_BITS)
		return;
	wire->in = (uint16_t)(wire->in << 1 | bit);
	if (++wire->count <= COMMAND_BITS)
		return;
	if (wire->in >> 6 != OPCODE_READ)
		return;
	wire->reading = 1;
	wire->in &= EEPROM_WORDS - 1;
	wire->data = e1000->eeprom[wire->in];
	wire->left = 16;
	wire->out = 0; /* a zero goes before the data */
}

void eecd_write(struct e1000 *e1000, uint32_t value)
{
	uint32_t before = register_get(e1000, EECD);
	*register_at(e1000, EECD) = value & (EECD_SK | EECD_CS | EECD_DI | 0x30 | EECD_REQ);
	if ((value & EECD_CS) == 0) {
		memset(&e1000->microwire, 0, sizeof(e1000->microwire));
		e1000->microwire.out = 1; /* not driven; nothing is being written */
		return;
	}
	if ((before & EECD_SK) == 0 && (value & EECD_SK) != 0)
		bit_shift(e1000, (value & EECD_DI) != 0);
}
