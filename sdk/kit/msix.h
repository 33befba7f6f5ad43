/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside the kit: what the function does to its MSI-X. */
#ifndef VMM_SDK_KIT_MSIX_H
#define VMM_SDK_KIT_MSIX_H

#include <vmm/kit/pci.h>

void msix_reset(struct vmm_msix *msix);
/* The configuration space was written: what may be sent now? */
void msix_update(struct vmm_msix *msix);
int32_t msix_save(struct vmm_msix *msix);
int32_t msix_load(struct vmm_msix *msix);

#endif
