/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Saved state.
 */
#include "pcnet.h"

static const struct vmm_field fields[] = {
	VMM_FIELD_ARRAY(struct pcnet, aprom),
	VMM_FIELD_ARRAY(struct pcnet, csr),
	VMM_FIELD_ARRAY(struct pcnet, bcr),
	VMM_FIELD_MAX(struct pcnet, rap, CSR_COUNT - 1),
	VMM_FIELD_MAX(struct pcnet, dwio, 1),
	VMM_FIELD(struct pcnet, rx_index),
	VMM_FIELD(struct pcnet, tx_index),
	VMM_FIELD_MAX(struct pcnet, credit, RING_MAX),
	VMM_FIELD(struct pcnet, misses),
	VMM_FIELD(struct pcnet, poll_due),
	VMM_FIELD(struct pcnet, poll_step),
};

int32_t state_save(void *self)
{
	struct pcnet *pcnet = self;
	int32_t status = vmm_pci_save(&pcnet->pci);
	if (status >= 0)
		status = vmm_net_card_save(&pcnet->card);
	return status < 0 ? status : vmm_fields_save(pcnet->host, "", pcnet, fields, VMM_KIT_COUNT(fields));
}

int32_t state_load(void *self, uint32_t version)
{
	struct pcnet *pcnet = self;
	(void)version;
	int32_t status = vmm_pci_load(&pcnet->pci);
	if (status >= 0)
		status = vmm_net_card_load(&pcnet->card);
	return status < 0 ? status : vmm_fields_load(pcnet->host, "", pcnet, fields, VMM_KIT_COUNT(fields));
}
