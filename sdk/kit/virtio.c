/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A modern virtio device on PCI (Virtual I/O Device Version 1.2, 4.1). */
#include "sdk/kit/virtio.h"

#include <errno.h>
#include <stdio.h>

#include <vmm/kit/fields.h>

#define DEVICE_ID 0x1040 /* plus the type */

/* The BAR. */
#define BAR        4
#define AT_COMMON  0x0000u
#define AT_ISR     0x1000u
#define AT_CONFIG  0x2000u
#define AT_NOTIFY  0x3000u
#define AT_TABLE   0x4000u
#define AT_BITS    0x5000u
#define BAR_LENGTH 0x8000u

#define NOTIFY_STEP 4u /* bytes from one queue's place to the next's */

/* Types of the vendor's capabilities (4.1.4). */
#define CAP_COMMON 1u
#define CAP_NOTIFY 2u
#define CAP_ISR    3u
#define CAP_DEVICE 4u
#define CAP_PCI    5u

#define CAP_BAR_AT    4u
#define CAP_OFFSET_AT 8u
#define CAP_LENGTH_AT 12u
#define CAP_DATA_AT   16u

/* Fields of the common configuration (4.1.4.3). */
#define DEVICE_FEATURE_SELECT 0x00
#define DEVICE_FEATURE        0x04
#define DRIVER_FEATURE_SELECT 0x08
#define DRIVER_FEATURE        0x0c
#define CONFIG_MSIX_VECTOR    0x10
#define NUM_QUEUES            0x12
#define DEVICE_STATUS         0x14
#define CONFIG_GENERATION     0x15
#define QUEUE_SELECT          0x16
#define QUEUE_SIZE            0x18
#define QUEUE_MSIX_VECTOR     0x1a
#define QUEUE_ENABLE          0x1c
#define QUEUE_NOTIFY_OFF      0x1e
#define QUEUE_DESC            0x20
#define QUEUE_DRIVER          0x28
#define QUEUE_DEVICE          0x30
#define COMMON_LENGTH         0x38

#define ISR_QUEUE  1u
#define ISR_CONFIG 2u

static void intx_update(struct vmm_virtio *virtio)
{
	vmm_pci_interrupt(&virtio->pci, virtio->isr != 0);
}

/* With MSI-X the ISR status is not used (4.1.4.5). */
static void interrupt(struct vmm_virtio *virtio, uint32_t vector, uint8_t isr)
{
	if (vmm_msix_enabled(&virtio->msix)) {
		vmm_msix_send(&virtio->msix, vector);
		return;
	}
	virtio->isr |= isr;
	intx_update(virtio);
}

void virtio_interrupt(struct vmm_virtio *virtio, uint32_t vector)
{
	interrupt(virtio, vector, ISR_QUEUE);
}

void vmm_virtio_config_changed(struct vmm_virtio *virtio)
{
	virtio->generation++;
	if ((virtio->status & VMM_VIRTIO_DRIVER_OK) != 0)
		interrupt(virtio, virtio->config_vector, ISR_CONFIG);
}

void vmm_virtio_broken(struct vmm_virtio *virtio, const char *what)
{
	if ((virtio->status & VMM_VIRTIO_NEEDS_RESET) != 0)
		return;
	vmm_kit_log(virtio->host, VMM_LOG_WARNING, "the guest's driver made %s; the device waits for a reset", what);
	virtio->status |= VMM_VIRTIO_NEEDS_RESET;
	if ((virtio->status & VMM_VIRTIO_DRIVER_OK) != 0)
		interrupt(virtio, virtio->config_vector, ISR_CONFIG);
}

/* ---- the driver's side of the device ---- */

static void driver_reset(struct vmm_virtio *virtio)
{
	virtio->agreed = 0;
	virtio->offered_select = virtio->agreed_select = 0;
	virtio->config_vector = VMM_VIRTIO_NO_VECTOR;
	virtio->queue_select = 0;
	virtio->status = virtio->isr = 0;
	for (uint32_t i = 0; i < virtio->queue_count; i++) {
		struct vmm_virtqueue *queue = &virtio->queues[i];
		uint16_t maximum = queue->maximum;

		*queue = (struct vmm_virtqueue){
			.virtio = virtio, .maximum = maximum, .size = maximum, .vector = VMM_VIRTIO_NO_VECTOR
		};
	}
	intx_update(virtio);
	if (virtio->reset != NULL)
		virtio->reset(virtio->self);
}

static void status_write(struct vmm_virtio *virtio, uint8_t value)
{
	uint8_t risen = value & (uint8_t)~virtio->status;

	if (value == 0) {
		driver_reset(virtio);
		return;
	}
	/* what is not acceptable shows by the bit not staying (3.1.1, 2.2.2) */
	if ((risen & VMM_VIRTIO_FEATURES_OK) != 0 &&
		((virtio->agreed & ~virtio->offered) != 0 || !vmm_virtio_has(virtio, VMM_VIRTIO_VERSION_1)))
		value &= (uint8_t)~VMM_VIRTIO_FEATURES_OK;
	if ((value & VMM_VIRTIO_FEATURES_OK) == 0)
		value &= (uint8_t)~VMM_VIRTIO_DRIVER_OK;
	/* a driver only adds bits (2.1.1) */
	virtio->status |= value & (uint8_t)~VMM_VIRTIO_NEEDS_RESET;
	if ((risen & value & VMM_VIRTIO_DRIVER_OK) != 0 && vmm_virtio_running(virtio))
		virtio->ready(virtio->self);
}

static struct vmm_virtqueue *queue_selected(struct vmm_virtio *virtio)
{
	return virtio->queue_select < virtio->queue_count ? &virtio->queues[virtio->queue_select] : NULL;
}

static uint16_t vector_checked(const struct vmm_virtio *virtio, uint64_t value)
{
	return value < virtio->msix.count ? (uint16_t)value : VMM_VIRTIO_NO_VECTOR;
}

static uint64_t common_field(struct vmm_virtio *virtio, uint64_t offset)
{
	const struct vmm_virtqueue *queue = queue_selected(virtio);

	switch (offset) {
	case DEVICE_FEATURE_SELECT: return virtio->offered_select;
	case DEVICE_FEATURE:
		return virtio->offered_select < 2 ? (uint32_t)(virtio->offered >> (virtio->offered_select * 32)) : 0;
	case DRIVER_FEATURE_SELECT: return virtio->agreed_select;
	case DRIVER_FEATURE:
		return virtio->agreed_select < 2 ? (uint32_t)(virtio->agreed >> (virtio->agreed_select * 32)) : 0;
	case CONFIG_MSIX_VECTOR: return virtio->config_vector;
	case NUM_QUEUES: return virtio->queue_count;
	case DEVICE_STATUS: return virtio->status;
	case CONFIG_GENERATION: return virtio->generation;
	case QUEUE_SELECT: return virtio->queue_select;
	case QUEUE_SIZE: return queue != NULL ? queue->size : 0;
	case QUEUE_MSIX_VECTOR: return queue != NULL ? queue->vector : VMM_VIRTIO_NO_VECTOR;
	case QUEUE_ENABLE: return queue != NULL ? queue->enabled : 0;
	case QUEUE_NOTIFY_OFF: return virtio->queue_select;
	case QUEUE_DESC: return queue != NULL ? queue->descriptors : 0;
	case QUEUE_DRIVER: return queue != NULL ? queue->driver : 0;
	case QUEUE_DEVICE: return queue != NULL ? queue->device : 0;
	default: return 0;
	}
}

/* Of the common configuration, any bytes: fields of 64 bits are read by halves. */
static uint64_t common_read(struct vmm_virtio *virtio, uint64_t offset, uint32_t size)
{
	static const uint8_t starts[] = { DEVICE_FEATURE_SELECT, DEVICE_FEATURE, DRIVER_FEATURE_SELECT, DRIVER_FEATURE,
		CONFIG_MSIX_VECTOR, NUM_QUEUES, DEVICE_STATUS, CONFIG_GENERATION, QUEUE_SELECT, QUEUE_SIZE,
		QUEUE_MSIX_VECTOR, QUEUE_ENABLE, QUEUE_NOTIFY_OFF, QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE,
		COMMON_LENGTH };
	uint64_t value = 0;

	for (uint32_t i = 0; i < size && offset + i < COMMON_LENGTH; i++) {
		uint32_t field = 0;

		while (starts[field + 1] <= offset + i)
			field++;
		value |= (common_field(virtio, starts[field]) >> ((offset + i - starts[field]) * 8) & 0xff) << (i * 8);
	}
	return value;
}

static void queue_enable(struct vmm_virtio *virtio, struct vmm_virtqueue *queue)
{
	uint64_t last = ~UINT64_C(0) - 0x10000;

	if ((queue->descriptors & 15) != 0 || (queue->driver & 1) != 0 || (queue->device & 3) != 0 ||
		queue->descriptors > last || queue->driver > last || queue->device > last) {
		vmm_virtio_broken(virtio, "a queue at an impossible place");
		return;
	}
	queue->enabled = 1;
}

/* Half a field of 64 bits. */
static void half_write(uint64_t *field, uint64_t offset, uint32_t size, uint64_t value)
{
	if (size == 8)
		*field = value;
	else if ((offset & 4) != 0)
		*field = (*field & 0xffffffff) | value << 32;
	else
		*field = (*field & ~UINT64_C(0xffffffff)) | value;
}

static void queue_write(struct vmm_virtio *virtio, uint64_t offset, uint32_t size, uint64_t value)
{
	struct vmm_virtqueue *queue = queue_selected(virtio);

	if (queue == NULL || (queue->enabled && offset != QUEUE_MSIX_VECTOR))
		return;
	switch (offset) {
	case QUEUE_SIZE:
		if (value != 0 && value <= queue->maximum && (value & (value - 1)) == 0)
			queue->size = (uint16_t)value;
		break;
	case QUEUE_MSIX_VECTOR: queue->vector = vector_checked(virtio, value); break;
	case QUEUE_ENABLE:
		if (value == 1)
			queue_enable(virtio, queue);
		break;
	default:
		if (size < 4)
			break;
		if ((offset & ~UINT64_C(4)) == QUEUE_DESC)
			half_write(&queue->descriptors, offset, size, value);
		else if ((offset & ~UINT64_C(4)) == QUEUE_DRIVER)
			half_write(&queue->driver, offset, size, value);
		else if ((offset & ~UINT64_C(4)) == QUEUE_DEVICE)
			half_write(&queue->device, offset, size, value);
		break;
	}
}

static void common_write(struct vmm_virtio *virtio, uint64_t offset, uint32_t size, uint64_t value)
{
	switch (offset) {
	case DEVICE_FEATURE_SELECT: virtio->offered_select = (uint32_t)value; break;
	case DRIVER_FEATURE_SELECT: virtio->agreed_select = (uint32_t)value; break;
	case DRIVER_FEATURE:
		/* fixed once they have been accepted */
		if (virtio->agreed_select < 2 && (virtio->status & VMM_VIRTIO_FEATURES_OK) == 0)
			half_write(&virtio->agreed, virtio->agreed_select * UINT64_C(4), 4, (uint32_t)value);
		break;
	case CONFIG_MSIX_VECTOR: virtio->config_vector = vector_checked(virtio, value); break;
	case DEVICE_STATUS: status_write(virtio, (uint8_t)value); break;
	case QUEUE_SELECT: virtio->queue_select = (uint16_t)value; break;
	default: queue_write(virtio, offset, size, value); break;
	}
}

/* ---- the BAR ---- */

static uint64_t config_bytes(struct vmm_virtio *virtio, uint64_t offset, uint32_t size)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < size && offset + i < virtio->config_length; i++)
		value |= (uint64_t)virtio->config_read(virtio->self, (uint32_t)offset + i) << (i * 8);
	return value;
}

static uint64_t bar_read(struct vmm_virtio *virtio, uint64_t offset, uint32_t size)
{
	uint8_t isr;

	switch (offset & ~UINT64_C(0xfff)) {
	case AT_COMMON: return common_read(virtio, offset, size);
	case AT_ISR:
		if (offset != AT_ISR)
			return 0;
		isr = virtio->isr;
		virtio->isr = 0;
		intx_update(virtio);
		return isr;
	case AT_CONFIG: return config_bytes(virtio, offset - AT_CONFIG, size);
	case AT_TABLE: return vmm_msix_table_read(&virtio->msix, offset - AT_TABLE, size);
	case AT_BITS: return vmm_msix_bits_read(&virtio->msix, offset - AT_BITS, size);
	default: return 0;
	}
}

static void bar_write(struct vmm_virtio *virtio, uint64_t offset, uint32_t size, uint64_t value)
{
	switch (offset & ~UINT64_C(0xfff)) {
	case AT_COMMON: common_write(virtio, offset, size, value); break;
	case AT_CONFIG:
		for (uint32_t i = 0; i < size && virtio->config_write != NULL; i++)
			if (offset - AT_CONFIG + i < virtio->config_length)
				virtio->config_write(
					virtio->self, (uint32_t)(offset - AT_CONFIG) + i, (uint8_t)(value >> (i * 8)));
		break;
	case AT_NOTIFY:
		offset = (offset - AT_NOTIFY) / NOTIFY_STEP;
		if (offset < virtio->queue_count && virtio->queues[offset].enabled && vmm_virtio_running(virtio))
			virtio->notify(virtio->self, (uint32_t)offset);
		break;
	case AT_TABLE: vmm_msix_table_write(&virtio->msix, offset - AT_TABLE, size, value); break;
	default: break;
	}
}

static int32_t window_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	(void)token;
	*value = bar_read(self, offset, size);
	return 0;
}

static int32_t window_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	(void)token;
	bar_write(self, offset, size, value);
	return 0;
}

static const struct vmm_region_ops window_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = window_read,
	.write = window_write,
};

/* ---- configuration space ---- */

static int32_t capability_add(struct vmm_virtio *virtio, uint32_t type, uint32_t length, uint32_t at, uint32_t bytes)
{
	struct vmm_pci *pci = &virtio->pci;
	int32_t status = vmm_pci_add_capability(pci, VMM_PCI_CAP_VENDOR, length);

	if (status < 0)
		return status;
	uint32_t offset = (uint32_t)status;
	vmm_pci_register(pci, offset + 2, 1, length, 0);
	vmm_pci_register(pci, offset + 3, 1, type, 0);
	vmm_pci_register(pci, offset + CAP_BAR_AT, 1, BAR, 0);
	vmm_pci_register(pci, offset + CAP_OFFSET_AT, 4, at, 0);
	vmm_pci_register(pci, offset + CAP_LENGTH_AT, 4, bytes, 0);
	return status;
}

static int32_t capabilities_add(struct vmm_virtio *virtio)
{
	struct vmm_pci *pci = &virtio->pci;
	int32_t status = capability_add(virtio, CAP_COMMON, 16, AT_COMMON, COMMON_LENGTH);

	if (status >= 0)
		status = capability_add(virtio, CAP_ISR, 16, AT_ISR, 1);
	if (status >= 0 && virtio->config_length != 0)
		status = capability_add(virtio, CAP_DEVICE, 16, AT_CONFIG, virtio->config_length);
	if (status >= 0)
		status = capability_add(virtio, CAP_NOTIFY, 20, AT_NOTIFY, virtio->queue_count * NOTIFY_STEP);
	if (status < 0)
		return status;
	vmm_pci_register(pci, (uint32_t)status + 16, 4, NOTIFY_STEP, 0);
	status = capability_add(virtio, CAP_PCI, 20, 0, 0);
	if (status < 0)
		return status;
	/* The one that leads into the BAR without memory accesses (4.1.4.9): all its fields are the driver's. */
	virtio->access = (uint32_t)status;
	vmm_pci_register(pci, virtio->access + CAP_BAR_AT, 1, 0, 0xff);
	vmm_pci_register(pci, virtio->access + CAP_OFFSET_AT, 4, 0, 0xffffffff);
	vmm_pci_register(pci, virtio->access + CAP_LENGTH_AT, 4, 0, 0xffffffff);
	vmm_pci_register(pci, virtio->access + CAP_DATA_AT, 4, 0, 0xffffffff);
	return vmm_pci_add_msix(pci, &virtio->msix, virtio->queue_count + 1, BAR, AT_TABLE, AT_BITS);
}

/* Does an access touch the data of that capability, and is what it asks for possible? */
static uint32_t access_leads(
	const struct vmm_virtio *virtio, uint32_t offset, uint32_t size, uint32_t *at, uint32_t *length)
{
	const struct vmm_pci *pci = &virtio->pci;
	uint32_t data = virtio->access + CAP_DATA_AT;

	*at = vmm_pci_get(pci, virtio->access + CAP_OFFSET_AT, 4);
	*length = vmm_pci_get(pci, virtio->access + CAP_LENGTH_AT, 4);
	return offset < data + 4 && offset + size > data && pci->config[virtio->access + CAP_BAR_AT] == BAR &&
		(*length == 1 || *length == 2 || *length == 4) && *at <= BAR_LENGTH - *length &&
		(*at & (*length - 1)) == 0;
}

static int32_t config_read(void *self, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct vmm_virtio *virtio = self;
	uint32_t at, length;

	if (access_leads(virtio, offset, size, &at, &length))
		vmm_pci_set(&virtio->pci, virtio->access + CAP_DATA_AT, length, (uint32_t)bar_read(virtio, at, length));
	return vmm_pci_config_read(&virtio->pci, offset, size, value);
}

static int32_t config_write(void *self, uint32_t offset, uint32_t size, uint32_t value)
{
	struct vmm_virtio *virtio = self;
	uint32_t at, length;
	int32_t status = vmm_pci_config_write(&virtio->pci, offset, size, value);

	if (status >= 0 && access_leads(virtio, offset, size, &at, &length))
		bar_write(virtio, at, length, vmm_pci_get(&virtio->pci, virtio->access + CAP_DATA_AT, length));
	return status;
}

static void bus_reset(void *self)
{
	vmm_virtio_reset(self);
}

static const struct vmm_pci_lower lower = {
	.struct_size = sizeof(struct vmm_pci_lower),
	.config_read = config_read,
	.config_write = config_write,
	.bus_reset = bus_reset,
};

/* ---- for the owner ---- */

int32_t vmm_virtio_init(struct vmm_virtio *virtio, const struct vmm_host *host, const struct vmm_virtio_desc *desc)
{
	const struct vmm_pci_ids ids = {
		.vendor = VMM_VIRTIO_VENDOR,
		.device = (uint16_t)(DEVICE_ID + desc->type),
		.subsystem_vendor = VMM_VIRTIO_VENDOR,
		.subsystem = (uint16_t)(DEVICE_ID + desc->type),
		.class_code = desc->class_code,
		.revision = 1,
		.pin = 1,
	};
	const struct vmm_region_desc window = {
		.struct_size = sizeof(window),
		.type = VMM_REGION_MMIO,
		.size_minimum = 1,
		.size_maximum = 8,
		.length = BAR_LENGTH,
		.ops = &window_ops,
		.self = virtio,
		.name = "virtio registers",
	};
	int32_t status;

	virtio->host = host;
	virtio->offered = desc->features | VMM_VIRTIO_RING_INDIRECT | VMM_VIRTIO_RING_EVENT | VMM_VIRTIO_VERSION_1;
	virtio->queue_count = desc->queue_count;
	virtio->config_length = desc->config_length;
	for (uint32_t i = 0; i < virtio->queue_count; i++)
		virtio->queues[i].maximum = desc->queue_size;
	virtio->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	if (virtio->region == NULL)
		return -ENOTSUP;
	vmm_pci_init(&virtio->pci, host, &ids);
	status = capabilities_add(virtio);
	if (status < 0)
		return vmm_kit_fail(host, status, "report this: it is a fault of the plugin",
			"the virtio device has no room for its capabilities");
	status = virtio->region->create(host->context, &window, &virtio->window);
	if (status < 0)
		return vmm_kit_fail(host, status, "free memory on the host", "no region for the virtio device");
	return vmm_pci_add_bar(
		&virtio->pci, BAR, VMM_PCI_BAR_MEMORY64 | VMM_PCI_BAR_PREFETCH, BAR_LENGTH, virtio->window);
}

void vmm_virtio_destroy(struct vmm_virtio *virtio)
{
	if (virtio->window != 0)
		virtio->region->destroy(virtio->host->context, virtio->window);
	virtio->window = 0;
}

void vmm_virtio_reset(struct vmm_virtio *virtio)
{
	vmm_pci_reset(&virtio->pci);
	virtio->generation = 0;
	driver_reset(virtio);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct vmm_virtio, agreed),
	VMM_FIELD(struct vmm_virtio, offered_select),
	VMM_FIELD(struct vmm_virtio, agreed_select),
	VMM_FIELD(struct vmm_virtio, config_vector),
	VMM_FIELD(struct vmm_virtio, queue_select),
	VMM_FIELD(struct vmm_virtio, status),
	VMM_FIELD(struct vmm_virtio, generation),
	VMM_FIELD_MAX(struct vmm_virtio, isr, ISR_QUEUE | ISR_CONFIG),
};

static const struct vmm_field queue_fields[] = {
	VMM_FIELD(struct vmm_virtqueue, descriptors),
	VMM_FIELD(struct vmm_virtqueue, driver),
	VMM_FIELD(struct vmm_virtqueue, device),
	VMM_FIELD_MAX(struct vmm_virtqueue, size, VMM_VIRTIO_QUEUE_SIZE),
	VMM_FIELD(struct vmm_virtqueue, vector),
	VMM_FIELD_MAX(struct vmm_virtqueue, enabled, 1),
	VMM_FIELD(struct vmm_virtqueue, seen),
	VMM_FIELD(struct vmm_virtqueue, next),
	VMM_FIELD(struct vmm_virtqueue, used),
	VMM_FIELD(struct vmm_virtqueue, published),
};

static const char *queue_prefix(uint32_t number, char text[24])
{
	snprintf(text, 24, "queue.%u.", number);
	return text;
}

int32_t vmm_virtio_save(struct vmm_virtio *virtio)
{
	int32_t status = vmm_pci_save(&virtio->pci);
	char prefix[24];

	if (status >= 0)
		status = vmm_fields_save(virtio->host, "virtio.", virtio, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; i < virtio->queue_count && status >= 0; i++)
		status = vmm_fields_save(virtio->host, queue_prefix(i, prefix), &virtio->queues[i], queue_fields,
			VMM_KIT_COUNT(queue_fields));
	return status;
}

/* Is this a queue that a guest could have made? */
static int32_t queue_loaded(struct vmm_virtio *virtio, struct vmm_virtqueue *queue)
{
	uint32_t enabled = queue->enabled;

	if (queue->size == 0 || queue->size > queue->maximum || (queue->size & (queue->size - 1)) != 0 ||
		(uint16_t)(queue->seen - queue->next) > queue->size)
		return vmm_kit_fail(virtio->host, -EINVAL, "load a state that this machine has saved",
			"the state has a queue that cannot be");
	queue->vector = vector_checked(virtio, queue->vector);
	queue->enabled = 0;
	if (enabled)
		queue_enable(virtio, queue);
	return 0;
}

int32_t vmm_virtio_load(struct vmm_virtio *virtio)
{
	int32_t status = vmm_pci_load(&virtio->pci);
	char prefix[24];

	if (status >= 0)
		status = vmm_fields_load(virtio->host, "virtio.", virtio, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	/* Of the capabilities only what a driver may write is taken from the state. */
	for (uint32_t i = 0x40; i < virtio->msix.capability; i++)
		virtio->pci.config[i] = (uint8_t)((virtio->pci.config[i] & virtio->pci.writable[i]) |
			(virtio->pci.initial[i] & ~virtio->pci.writable[i]));
	if ((virtio->agreed & ~virtio->offered) != 0 && (virtio->status & VMM_VIRTIO_FEATURES_OK) != 0)
		return vmm_kit_fail(virtio->host, -EINVAL, "give the device the features that it was saved with",
			"the guest uses features that this device does not have");
	virtio->config_vector = vector_checked(virtio, virtio->config_vector);
	for (uint32_t i = 0; i < virtio->queue_count && status >= 0; i++) {
		status = vmm_fields_load(virtio->host, queue_prefix(i, prefix), &virtio->queues[i], queue_fields,
			VMM_KIT_COUNT(queue_fields));
		if (status >= 0)
			status = queue_loaded(virtio, &virtio->queues[i]);
	}
	return status;
}

void vmm_virtio_get_port(struct vmm_virtio *virtio, struct vmm_port_side *side)
{
	vmm_pci_get_port(&virtio->pci, side);
	side->table = &lower;
	side->self = virtio;
}
