/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/ata.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm/firmware.h>
#include <vmm/kit/fields.h>
#include <vmm/machine.h>

#define EXECUTE_DEVICE_DIAGNOSTIC 0x90
#define DEVICE_RESET              0x08

static uint32_t is_selected(const struct vmm_ata *ata)
{
	return (ata->device >> 4 & 1) == ata->unit;
}

/* INTRQ is driven by the selected drive only, and not with nIEN set (5.2.9, 6.8). */
static void intrq_update(struct vmm_ata *ata)
{
	uint8_t level = ata->pending && is_selected(ata) && (ata->control & VMM_ATA_NIEN) == 0;
	if (level == ata->intrq)
		return;
	ata->intrq = level;
	if (ata->upper != NULL)
		ata->upper->intrq(ata->upper_self, level);
}

static void dmarq_set(struct vmm_ata *ata, uint8_t level)
{
	if (level == ata->dmarq)
		return;
	ata->dmarq = level;
	if (ata->upper != NULL)
		ata->upper->dmarq(ata->upper_self, level);
}

static void interrupt(struct vmm_ata *ata)
{
	ata->pending = 1;
	intrq_update(ata);
}

void vmm_ata_init(struct vmm_ata *ata, const struct vmm_host *host, const struct vmm_ata_ops *ops, void *self,
	uint8_t *buffer, uint32_t size)
{
	ata->host = host;
	ata->prefix = "ata.";
	ata->ops = ops;
	ata->self = self;
	ata->buffer = buffer;
	ata->buffer_size = size;
}

void vmm_ata_busy(struct vmm_ata *ata)
{
	ata->status = (uint8_t)((ata->status & ~VMM_ATA_DRQ) | VMM_ATA_BSY);
	ata->transfer = VMM_ATA_NONE;
	dmarq_set(ata, 0);
}

void vmm_ata_quiet(struct vmm_ata *ata, uint8_t status)
{
	ata->status = status;
	ata->transfer = VMM_ATA_NONE;
	dmarq_set(ata, 0);
}

void vmm_ata_end_status(struct vmm_ata *ata, uint8_t status, uint8_t error)
{
	ata->error = error;
	vmm_ata_quiet(ata, status);
	interrupt(ata);
}

void vmm_ata_end(struct vmm_ata *ata, uint8_t error)
{
	uint8_t status = VMM_ATA_DRDY | VMM_ATA_DSC;
	vmm_ata_end_status(ata, error != 0 ? status | VMM_ATA_ERR : status, error);
}

static void window(struct vmm_ata *ata, uint32_t at, uint32_t length)
{
	ata->position = at < ata->buffer_size ? at : ata->buffer_size;
	ata->limit = length < ata->buffer_size - ata->position ? ata->position + length : ata->buffer_size;
}

void vmm_ata_data(struct vmm_ata *ata, uint8_t direction, uint32_t at, uint32_t length, uint32_t with_interrupt)
{
	window(ata, at, length);
	ata->transfer = direction;
	ata->status = VMM_ATA_DRDY | VMM_ATA_DSC | VMM_ATA_DRQ;
	if (with_interrupt)
		interrupt(ata);
}

void vmm_ata_dma_data(struct vmm_ata *ata, uint32_t at, uint32_t length)
{
	window(ata, at, length);
}

void vmm_ata_dma(struct vmm_ata *ata)
{
	ata->transfer = VMM_ATA_NONE;
	ata->status = VMM_ATA_DRDY | VMM_ATA_DSC | VMM_ATA_DRQ;
	dmarq_set(ata, 1);
}

uint32_t vmm_ata_dma_move(struct vmm_ata *ata, uint8_t direction)
{
	uint32_t left = ata->limit - ata->position;
	uint8_t *at = ata->buffer + ata->position;
	int32_t moved = 0;
	if (ata->upper != NULL && left > 0)
		moved = direction == VMM_ATA_IN ? ata->upper->to_memory(ata->upper_self, at, left)
						: ata->upper->from_memory(ata->upper_self, at, left);
	if (moved > 0)
		ata->position += (uint32_t)moved < left ? (uint32_t)moved : left;
	return ata->position == ata->limit;
}

/* Resets (9.1 to 9.4). */

/* The signature (9.12); the registers' earlier contents go too. */
static void signature(struct vmm_ata *ata)
{
	memset(ata->features, 0, sizeof(ata->features));
	memset(ata->count, 0, sizeof(ata->count));
	memset(ata->low, 0, sizeof(ata->low));
	memset(ata->mid, 0, sizeof(ata->mid));
	memset(ata->high, 0, sizeof(ata->high));
	ata->count[0] = ata->low[0] = 1;
	if (ata->packet) {
		ata->mid[0] = 0x14;
		ata->high[0] = 0xeb;
	}
}

static void ready(struct vmm_ata *ata)
{
	/* A packet drive is not ready until it has been given a packet command (9.12). */
	vmm_ata_quiet(ata, ata->packet ? 0 : VMM_ATA_DRDY | VMM_ATA_DSC);
}

void vmm_ata_settle(struct vmm_ata *ata)
{
	if (!ata->resetting || (ata->control & VMM_ATA_SRST) != 0 || ata->ops->busy(ata->self))
		return;
	/* DEVICE RESET leaves DEV alone (8.7). */
	ata->device &= ata->resetting == VMM_ATA_RESET_DEVICE ? VMM_ATA_DEV : 0;
	ata->resetting = 0;
	signature(ata);
	ata->error = 1; /* passed its diagnostics */
	ready(ata);
	intrq_update(ata);
}

static void reset_begin(struct vmm_ata *ata, uint8_t kind)
{
	vmm_ata_busy(ata);
	ata->status = VMM_ATA_BSY;
	ata->pending = 0;
	ata->resetting = kind;
	intrq_update(ata);
	ata->ops->reset(ata->self, kind);
	vmm_ata_settle(ata);
}

void vmm_ata_reset(struct vmm_ata *ata)
{
	ata->control = 0;
	ata->device = 0;
	reset_begin(ata, VMM_ATA_RESET_HARD);
}

/* Both drives run it, and device 0 alone reports (8.12). */
static void diagnostic(struct vmm_ata *ata)
{
	ata->ops->reset(ata->self, VMM_ATA_RESET_DEVICE);
	ata->device = 0;
	signature(ata);
	ata->error = 1;
	ready(ata);
	ata->pending = ata->unit == 0;
	intrq_update(ata);
}

/* Registers. */

static uint32_t port_read(void *self, uint32_t reg)
{
	struct vmm_ata *ata = self;
	uint32_t before = ata->control >> 7 & 1;
	switch (reg) {
	case VMM_IDE_ERROR: return ata->error;
	case VMM_IDE_COUNT: return ata->count[before];
	case VMM_IDE_LBA_LOW: return ata->low[before];
	case VMM_IDE_LBA_MID: return ata->mid[before];
	case VMM_IDE_LBA_HIGH: return ata->high[before];
	case VMM_IDE_DEVICE: return ata->device | 0xa0u; /* obsolete bits that firmware expects to be set */
	case VMM_IDE_STATUS:
		if (ata->pending) {
			ata->pending = 0;
			intrq_update(ata);
		}
		return ata->status;
	case VMM_IDE_CONTROL: return ata->status;
	default: return 0xff;
	}
}

static void control_write(struct vmm_ata *ata, uint8_t value)
{
	uint8_t before = ata->control;
	ata->control = value & (VMM_ATA_HOB | VMM_ATA_SRST | VMM_ATA_NIEN);
	if ((value & VMM_ATA_SRST) != 0 && (before & VMM_ATA_SRST) == 0)
		reset_begin(ata, VMM_ATA_RESET_SOFT);
	else
		vmm_ata_settle(ata);
	intrq_update(ata);
}

static void command_write(struct vmm_ata *ata, uint8_t command)
{
	if (ata->resetting)
		return;
	if (command == DEVICE_RESET && ata->packet && is_selected(ata)) {
		reset_begin(ata, VMM_ATA_RESET_DEVICE);
		return;
	}
	if ((ata->status & VMM_ATA_BSY) != 0)
		return;
	if (command != EXECUTE_DEVICE_DIAGNOSTIC && !is_selected(ata))
		return;
	vmm_ata_busy(ata);
	ata->pending = 0;
	intrq_update(ata);
	ata->error = 0;
	if (command == EXECUTE_DEVICE_DIAGNOSTIC) {
		diagnostic(ata);
	} else {
		ata->status = VMM_ATA_BSY | VMM_ATA_DRDY | VMM_ATA_DSC;
		ata->ops->command(ata->self, command);
	}
}

static void push(uint8_t reg[2], uint8_t value)
{
	reg[1] = reg[0];
	reg[0] = value;
}

static void port_write(void *self, uint32_t reg, uint32_t value)
{
	struct vmm_ata *ata = self;
	uint8_t byte = (uint8_t)value;
	if (reg == VMM_IDE_CONTROL) {
		control_write(ata, byte);
		return;
	}
	ata->control &= (uint8_t)~VMM_ATA_HOB; /* 6.20 */
	if (reg == VMM_IDE_COMMAND) {
		command_write(ata, byte);
	} else if (reg == VMM_IDE_DEVICE) {
		/* Both drives must always agree on who is selected. */
		ata->device = byte;
		intrq_update(ata);
	} else if ((ata->status & VMM_ATA_BSY) == 0) {
		switch (reg) {
		case VMM_IDE_FEATURES: push(ata->features, byte); break;
		case VMM_IDE_COUNT: push(ata->count, byte); break;
		case VMM_IDE_LBA_LOW: push(ata->low, byte); break;
		case VMM_IDE_LBA_MID: push(ata->mid, byte); break;
		case VMM_IDE_LBA_HIGH: push(ata->high, byte); break;
		default: break;
		}
	}
}

static void moved(struct vmm_ata *ata)
{
	vmm_ata_busy(ata);
	ata->ops->moved(ata->self);
}

static void port_data_read(void *self, void *data, uint32_t length)
{
	struct vmm_ata *ata = self;
	uint32_t left = ata->limit - ata->position;
	if (ata->transfer != VMM_ATA_IN) {
		memset(data, 0, length);
		return;
	}
	if (length > left) {
		memset((uint8_t *)data + left, 0, length - left);
		length = left;
	}
	memcpy(data, ata->buffer + ata->position, length);
	ata->position += length;
	if (ata->position == ata->limit)
		moved(ata);
}

static void port_data_write(void *self, const void *data, uint32_t length)
{
	struct vmm_ata *ata = self;
	uint32_t left = ata->limit - ata->position;
	if (ata->transfer != VMM_ATA_OUT)
		return;
	if (length > left)
		length = left;
	memcpy(ata->buffer + ata->position, data, length);
	ata->position += length;
	if (ata->position == ata->limit)
		moved(ata);
}

static void port_dma(void *self)
{
	struct vmm_ata *ata = self;
	if (ata->dmarq)
		ata->ops->dma(ata->self);
}

static void port_reset(void *self)
{
	vmm_ata_reset(self);
}

static const struct vmm_ide_lower lower = {
	.struct_size = sizeof(struct vmm_ide_lower),
	.read = port_read,
	.write = port_write,
	.data_read = port_data_read,
	.data_write = port_data_write,
	.dma = port_dma,
	.reset = port_reset,
};

static void port_attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_ata *ata = port_self;
	ata->upper = link->peer;
	ata->upper_self = link->peer_self;
	ata->channel = (uint32_t)(link->address >> 8) & 0xff;
	ata->unit = (uint32_t)link->address & 1;
	ata->link = link->id;
}

static void port_closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_ata *ata = port_self;
	if (ata->upper == NULL || link->id != ata->link)
		return;
	dmarq_set(ata, 0);
	ata->pending = 0;
	intrq_update(ata);
	ata->upper = NULL;
}

static void port_detached(void *port_self, const struct vmm_link *link)
{
	(void)port_self;
	(void)link;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = port_attached,
	.closing = port_closing,
	.detached = port_detached,
};

void vmm_ata_get_port(struct vmm_ata *ata, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = ata;
	side->table = &lower;
	side->self = ata;
}

void vmm_ata_list(struct vmm_ata *ata, const char *kind)
{
	const struct vmm_firmware_service *firmware = ata->host->get_service(ata->host->context, VMM_SERVICE_FIRMWARE);
	char text[256];
	if (firmware == NULL || ata->upper == NULL || !VMM_HAS(ata->upper, path))
		return;
	int32_t length = ata->upper->path(ata->upper_self, text, sizeof(text));
	if (length < 0 || (uint32_t)length >= sizeof(text))
		return;
	int written = snprintf(
		text + length, sizeof(text) - (uint32_t)length, "/drive@%x/disk@%x", ata->channel, ata->unit);
	if (written < 0 || (uint32_t)written >= sizeof(text) - (uint32_t)length)
		return;
	length += written;
	if (ata->listed)
		firmware->update(ata->host->context, VMM_FIRMWARE_BOOT, kind, text, (uint64_t)length);
	else if (firmware->add(ata->host->context, VMM_FIRMWARE_BOOT, kind, text, (uint64_t)length) >= 0)
		ata->listed = 1;
}

static const struct vmm_field fields[] = {
	VMM_FIELD_ARRAY(struct vmm_ata, features),
	VMM_FIELD_ARRAY(struct vmm_ata, count),
	VMM_FIELD_ARRAY(struct vmm_ata, low),
	VMM_FIELD_ARRAY(struct vmm_ata, mid),
	VMM_FIELD_ARRAY(struct vmm_ata, high),
	VMM_FIELD(struct vmm_ata, device),
	VMM_FIELD(struct vmm_ata, status),
	VMM_FIELD(struct vmm_ata, error),
	VMM_FIELD(struct vmm_ata, control),
	VMM_FIELD_MAX(struct vmm_ata, pending, 1),
	VMM_FIELD_MAX(struct vmm_ata, resetting, VMM_ATA_RESET_DEVICE),
	VMM_FIELD_MAX(struct vmm_ata, transfer, VMM_ATA_OUT),
	VMM_FIELD_MAX(struct vmm_ata, intrq, 1),
	VMM_FIELD_MAX(struct vmm_ata, dmarq, 1),
	VMM_FIELD(struct vmm_ata, position),
	VMM_FIELD(struct vmm_ata, limit),
};

int32_t vmm_ata_save(struct vmm_ata *ata)
{
	return vmm_fields_save(ata->host, ata->prefix, ata, fields, VMM_KIT_COUNT(fields));
}

/* The levels of INTRQ and DMARQ are the controller's to restore on its side. */
int32_t vmm_ata_load(struct vmm_ata *ata)
{
	int32_t status = vmm_fields_load(ata->host, ata->prefix, ata, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	if (ata->limit > ata->buffer_size || ata->position > ata->limit ||
		(ata->transfer != VMM_ATA_NONE && ata->position == ata->limit))
		return vmm_kit_fail(ata->host, -EINVAL, "the state is damaged: start the machine afresh",
			"the saved transfer lies outside the drive's buffer");
	return 0;
}

void vmm_ata_text(uint16_t *words, uint32_t count, const char *text)
{
	for (uint32_t i = 0; i < count; i++) {
		uint8_t first = *text != '\0' ? (uint8_t)*text++ : ' ';
		uint8_t second = *text != '\0' ? (uint8_t)*text++ : ' ';
		words[i] = (uint16_t)(first << 8 | second);
	}
}

void vmm_ata_identify(uint8_t *data, const uint16_t words[256])
{
	uint8_t sum = 0xa5;
	for (uint32_t i = 0; i < 255; i++) {
		data[i * 2] = (uint8_t)words[i];
		data[i * 2 + 1] = (uint8_t)(words[i] >> 8);
	}
	data[510] = 0xa5;
	for (uint32_t i = 0; i < 510; i++)
		sum = (uint8_t)(sum + data[i]);
	data[511] = (uint8_t)-sum;
}

/* A serial number that stays the same from run to run: of the machine and the instance's name. */
static void serial_default(const struct vmm_host *host, char *serial)
{
	const struct vmm_machine_service *machine = host->get_service(host->context, VMM_SERVICE_MACHINE);
	struct vmm_machine_info info = { .struct_size = sizeof(info) };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	if (machine != NULL)
		machine->info(host->context, &info);
	for (uint32_t i = 0; i < sizeof(info.uuid); i++)
		hash = (hash ^ info.uuid[i]) * UINT64_C(0x100000001b3);
	for (const char *at = host->instance; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	snprintf(serial, VMM_ATA_SERIAL, "VM%016llX", (unsigned long long)hash);
}

static int32_t name_setting(const struct vmm_host *host, const char *key, char *text, uint32_t size)
{
	int32_t length = vmm_kit_string(host, key, text, size);
	if (length == -ENOENT)
		return 0;
	if (length < 0)
		return vmm_kit_fail(host, -EINVAL, "shorten it", "%s is longer than %u characters", key, size - 1);
	for (int32_t i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return vmm_kit_fail(host, -EINVAL, "use letters and digits",
				"%s has a character that is not printable ASCII", key);
	}
	return length;
}

int32_t vmm_ata_names(const struct vmm_host *host, char model[VMM_ATA_MODEL], char serial[VMM_ATA_SERIAL])
{
	int32_t status = name_setting(host, "model", model, VMM_ATA_MODEL);
	if (status < 0)
		return status;
	status = name_setting(host, "serial", serial, VMM_ATA_SERIAL);
	if (status == 0)
		serial_default(host, serial);
	return status < 0 ? status : 0;
}
