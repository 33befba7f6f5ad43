/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* MSI-X (PCI Local Bus Specification 3.0, 6.8.2). */
#include "sdk/kit/msix.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm/kit/fields.h>

#define CONTROL_ENABLE 0x80 /* of the high byte of message control */
#define CONTROL_MASK   0x40 /* all vectors */

int32_t vmm_pci_add_msix(
	struct vmm_pci *pci, struct vmm_msix *msix, uint32_t count, uint32_t bar, uint32_t table, uint32_t bits)
{
	if (count == 0 || count > VMM_MSIX_VECTORS || bar > 5 || (table & 7) != 0 || (bits & 7) != 0)
		return -EINVAL;
	int32_t offset = vmm_pci_add_capability(pci, VMM_PCI_CAP_MSIX, 12);
	if (offset < 0)
		return offset;
	vmm_pci_register(pci, (uint32_t)offset + 2, 2, count - 1, (CONTROL_ENABLE | CONTROL_MASK) << 8);
	vmm_pci_register(pci, (uint32_t)offset + 4, 4, table | bar, 0);
	vmm_pci_register(pci, (uint32_t)offset + 8, 4, bits | bar, 0);
	memset(msix, 0, sizeof(*msix));
	msix->pci = pci;
	msix->capability = (uint32_t)offset;
	msix->count = count;
	pci->msix = msix;
	msix_reset(msix);
	return 0;
}

static uint8_t control(const struct vmm_msix *msix)
{
	return msix->pci->config[msix->capability + 3];
}

uint32_t vmm_msix_enabled(const struct vmm_msix *msix)
{
	return (control(msix) & CONTROL_ENABLE) != 0;
}

static uint32_t may_send(const struct vmm_msix *msix, uint32_t vector)
{
	return (control(msix) & CONTROL_MASK) == 0 && !msix->masked[vector];
}

static void send(struct vmm_msix *msix, uint32_t vector)
{
	const struct vmm_pci *pci = msix->pci;

	msix->pending &= ~(UINT64_C(1) << vector);
	if (pci->bus != NULL && vmm_pci_bus_master(pci))
		pci->bus->msi(pci->bus_self, msix->address[vector], msix->data[vector]);
}

void msix_update(struct vmm_msix *msix)
{
	if (!vmm_msix_enabled(msix))
		return;
	for (uint32_t i = 0; i < msix->count && msix->pending != 0; i++)
		if ((msix->pending >> i & 1) != 0 && may_send(msix, i))
			send(msix, i);
}

void vmm_msix_send(struct vmm_msix *msix, uint32_t vector)
{
	if (vector >= msix->count || !vmm_msix_enabled(msix))
		return;
	if (may_send(msix, vector))
		send(msix, vector);
	else
		msix->pending |= UINT64_C(1) << vector;
}

/* 32 bits of the table: low address, high address, data, vector control. */
static uint32_t word_read(const struct vmm_msix *msix, uint64_t offset)
{
	uint32_t vector = (uint32_t)(offset / 16);

	switch (offset & 12) {
	case 0: return (uint32_t)msix->address[vector];
	case 4: return (uint32_t)(msix->address[vector] >> 32);
	case 8: return msix->data[vector];
	default: return msix->masked[vector];
	}
}

static void word_write(struct vmm_msix *msix, uint64_t offset, uint32_t value)
{
	uint32_t vector = (uint32_t)(offset / 16);
	uint64_t *address = &msix->address[vector];

	switch (offset & 12) {
	case 0: *address = (*address & ~UINT64_C(0xffffffff)) | (value & ~3u); break;
	case 4: *address = (*address & 0xffffffff) | (uint64_t)value << 32; break;
	case 8: msix->data[vector] = value; break;
	default: msix->masked[vector] = value & 1; break;
	}
}

static uint32_t is_possible(const struct vmm_msix *msix, uint64_t offset, uint32_t size)
{
	return (size == 4 || size == 8) && (offset & (size - 1)) == 0 && offset < msix->count * 16;
}

uint64_t vmm_msix_table_read(const struct vmm_msix *msix, uint64_t offset, uint32_t size)
{
	if (!is_possible(msix, offset, size))
		return 0;
	uint64_t value = word_read(msix, offset);
	if (size == 8)
		value |= (uint64_t)word_read(msix, offset + 4) << 32;
	return value;
}

void vmm_msix_table_write(struct vmm_msix *msix, uint64_t offset, uint32_t size, uint64_t value)
{
	if (!is_possible(msix, offset, size))
		return;
	word_write(msix, offset, (uint32_t)value);
	if (size == 8)
		word_write(msix, offset + 4, (uint32_t)(value >> 32));
	msix_update(msix);
}

uint64_t vmm_msix_bits_read(const struct vmm_msix *msix, uint64_t offset, uint32_t size)
{
	if (offset >= 8 || size > 8 - offset)
		return 0;
	uint64_t value = msix->pending >> (offset * 8);
	return size == 8 ? value : value & ((UINT64_C(1) << (size * 8)) - 1);
}

void msix_reset(struct vmm_msix *msix)
{
	memset(msix->address, 0, sizeof(msix->address));
	memset(msix->data, 0, sizeof(msix->data));
	memset(msix->masked, 1, sizeof(msix->masked));
	msix->pending = 0;
}

static const struct vmm_field fields[] = {
	VMM_FIELD_ARRAY(struct vmm_msix, address),
	VMM_FIELD_ARRAY(struct vmm_msix, data),
	VMM_FIELD_ARRAY_MAX(struct vmm_msix, masked, 1),
	VMM_FIELD(struct vmm_msix, pending),
};

/* Names have the function's prefix in front, which says whose they are. */
static const char *prefix(const struct vmm_msix *msix, char text[64])
{
	snprintf(text, 64, "%smsix.", msix->pci->prefix);
	return text;
}

int32_t msix_save(struct vmm_msix *msix)
{
	char text[64];

	return vmm_fields_save(msix->pci->host, prefix(msix, text), msix, fields, VMM_KIT_COUNT(fields));
}

int32_t msix_load(struct vmm_msix *msix)
{
	char text[64];
	int32_t status = vmm_fields_load(msix->pci->host, prefix(msix, text), msix, fields, VMM_KIT_COUNT(fields));

	if (status < 0)
		return status;
	if (msix->count < 64)
		msix->pending &= (UINT64_C(1) << msix->count) - 1;
	for (uint32_t i = 0; i < VMM_MSIX_VECTORS; i++)
		msix->address[i] &= ~UINT64_C(3);
	/* only what the guest may change is its own */
	uint8_t *config = msix->pci->config + msix->capability;
	const uint8_t *initial = msix->pci->initial + msix->capability;
	uint8_t control_was = config[3] & (CONTROL_ENABLE | CONTROL_MASK);
	memcpy(config, initial, 12);
	config[3] |= control_was;
	return 0;
}
