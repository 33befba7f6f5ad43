/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Saved state.
 */
#include "e1000.h"

static const struct vmm_field fields[] = {
	VMM_FIELD_ARRAY(struct e1000, registers),
	VMM_FIELD_ARRAY(struct e1000, phy),
	VMM_FIELD(struct e1000, io_address),
	VMM_FIELD_MAX(struct e1000, skipping, 1),
	VMM_FIELD_MAX(struct e1000, link, 1),
	VMM_FIELD_MAX(struct e1000, link_lost, 1),
	VMM_FIELD_MAX(struct e1000, asserted, 1),
	VMM_FIELD(struct e1000, throttled),
	VMM_FIELD(struct e1000, rx_due),
	VMM_FIELD(struct e1000, rx_latest),
	VMM_FIELD(struct e1000, tx_due),
	VMM_FIELD(struct e1000, tx_latest),
};

static const struct vmm_field microwire_fields[] = {
	VMM_FIELD(struct microwire, count),
	VMM_FIELD(struct microwire, in),
	VMM_FIELD_MAX(struct microwire, reading, 1),
	VMM_FIELD_MAX(struct microwire, left, 16),
	VMM_FIELD_MAX(struct microwire, out, 1),
	VMM_FIELD(struct microwire, data),
};

static const struct vmm_field context_fields[] = {
	VMM_FIELD(struct context, ipcss),
	VMM_FIELD(struct context, ipcso),
	VMM_FIELD(struct context, tucss),
	VMM_FIELD(struct context, tucso),
	VMM_FIELD(struct context, tucmd),
	VMM_FIELD(struct context, hdrlen),
	VMM_FIELD(struct context, ipcse),
	VMM_FIELD(struct context, tucse),
	VMM_FIELD(struct context, mss),
	VMM_FIELD_MAX(struct context, paylen, 0xfffff),
};

/* The parts of the state, each with its table. */
struct part {
	const char *prefix;
	uint32_t offset;
	const struct vmm_field *fields;
	uint32_t count;
};

static const struct part parts[] = {
	{ "", 0, fields, VMM_KIT_COUNT(fields) },
	{ "microwire.", offsetof(struct e1000, microwire), microwire_fields, VMM_KIT_COUNT(microwire_fields) },
	{ "checksum.", offsetof(struct e1000, checksum), context_fields, VMM_KIT_COUNT(context_fields) },
	{ "segmentation.", offsetof(struct e1000, segmentation), context_fields, VMM_KIT_COUNT(context_fields) },
};

int32_t state_save(void *self)
{
	struct e1000 *e1000 = self;
	int32_t status = vmm_pci_save(&e1000->pci);
	if (status >= 0)
		status = vmm_net_card_save(&e1000->card);
	for (uint32_t i = 0; i < VMM_KIT_COUNT(parts) && status >= 0; i++)
		status = vmm_fields_save(e1000->host, parts[i].prefix, (uint8_t *)e1000 + parts[i].offset,
			parts[i].fields, parts[i].count);
	return status;
}

int32_t state_load(void *self, uint32_t version)
{
	struct e1000 *e1000 = self;
	(void)version;
	int32_t status = vmm_pci_load(&e1000->pci);
	if (status >= 0)
		status = vmm_net_card_load(&e1000->card);
	for (uint32_t i = 0; i < VMM_KIT_COUNT(parts) && status >= 0; i++)
		status = vmm_fields_load(e1000->host, parts[i].prefix, (uint8_t *)e1000 + parts[i].offset,
			parts[i].fields, parts[i].count);
	if (status < 0)
		return status;
	/* What indexes the EEPROM while it is being read. */
	if (e1000->microwire.reading && e1000->microwire.in >= EEPROM_WORDS)
		return vmm_kit_fail(e1000->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"the saved address of the EEPROM is out of range");
	return status;
}
