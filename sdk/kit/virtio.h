/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside the kit: what queues want of their device. */
#ifndef VMM_SDK_KIT_VIRTIO_H
#define VMM_SDK_KIT_VIRTIO_H

#include <vmm/kit/virtio.h>

/* For a queue, by its vector, or by INTx. */
void virtio_interrupt(struct vmm_virtio *virtio, uint32_t vector);

#endif
