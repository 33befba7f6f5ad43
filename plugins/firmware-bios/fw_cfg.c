/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "fw_cfg.h"

#include <stdio.h>
#include <vmm/state.h>

#define PORT_SELECTOR 0x510
#define PORT_DMA      0x514

#define ID_TRADITIONAL 1u
#define ID_DMA         2u

/* The control word of a DMA request. */
#define DMA_ERROR  0x01u
#define DMA_READ   0x02u
#define DMA_SKIP   0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE  0x10u

#define DIRECTORY_ENTRY (8 + FW_CFG_NAME)
#define FILE_MAXIMUM    (16u << 20)

enum { TOKEN_DATA, TOKEN_DMA };

static void put_be(uint8_t *at, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> ((size - 1 - i) * 8));
}

static uint64_t get_be(const uint8_t *at, uint32_t size)
{
	uint64_t value = 0;
	for (uint32_t i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

static struct fw_cfg_item *item_find(struct fw_cfg *fw_cfg, uint32_t selector)
{
	for (uint32_t i = 0; i < fw_cfg->count; i++) {
		if (fw_cfg->items[i].selector == selector)
			return &fw_cfg->items[i];
	}
	return NULL;
}

static int32_t item_add(struct fw_cfg *fw_cfg, uint32_t selector, const char *name, const void *data, uint32_t length)
{
	if (fw_cfg->count == FW_CFG_FILES)
		return -ENOSPC;
	uint8_t *copy = malloc(length != 0 ? length : 1);
	if (copy == NULL)
		return -ENOMEM;
	if (length != 0)
		memcpy(copy, data, length);
	struct fw_cfg_item *item = &fw_cfg->items[fw_cfg->count++];
	item->selector = selector;
	snprintf(item->name, sizeof(item->name), "%s", name);
	item->data = copy;
	item->length = length;
	return 0;
}

int32_t fw_cfg_add(struct fw_cfg *fw_cfg, uint32_t selector, const void *data, uint32_t length)
{
	return item_add(fw_cfg, selector, "", data, length);
}

int32_t fw_cfg_add_number(struct fw_cfg *fw_cfg, uint32_t selector, uint64_t value, uint32_t length)
{
	uint8_t bytes[8];
	for (uint32_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (i * 8));
	return fw_cfg_add(fw_cfg, selector, bytes, length < 8 ? length : 8);
}

int32_t fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *data, uint32_t length)
{
	uint32_t selector = FW_CFG_FILE_FIRST;
	if (strlen(name) >= FW_CFG_NAME)
		return -ENAMETOOLONG;
	while (item_find(fw_cfg, selector) != NULL)
		selector++;
	return item_add(fw_cfg, selector, name, data, length);
}

static void items_clear(struct fw_cfg *fw_cfg)
{
	for (uint32_t i = 0; i < fw_cfg->count; i++)
		free(fw_cfg->items[i].data);
	fw_cfg->count = 0;
	fw_cfg->filled = 0;
}

static int32_t directory_add(struct fw_cfg *fw_cfg)
{
	uint8_t *data = calloc(1, 4 + FW_CFG_FILES * DIRECTORY_ENTRY);
	uint32_t count = 0;
	if (data == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < fw_cfg->count; i++) {
		const struct fw_cfg_item *item = &fw_cfg->items[i];
		uint8_t *entry = data + 4 + count * DIRECTORY_ENTRY;
		if (item->name[0] == '\0')
			continue;
		put_be(entry, item->length, 4);
		put_be(entry + 4, item->selector, 2);
		memcpy(entry + 8, item->name, strlen(item->name));
		count++;
	}
	put_be(data, count, 4);
	int32_t status = fw_cfg_add(fw_cfg, FW_CFG_DIRECTORY, data, 4 + count * DIRECTORY_ENTRY);
	free(data);
	return status;
}

static void fill(struct fw_cfg *fw_cfg)
{
	if (fw_cfg->filled)
		return;
	items_clear(fw_cfg);
	fw_cfg->filled = 1;
	int32_t status = fw_cfg_add(fw_cfg, FW_CFG_SIGNATURE, "QEMU", 4);
	if (status >= 0)
		status = fw_cfg_add_number(fw_cfg, FW_CFG_ID, ID_TRADITIONAL | ID_DMA, 4);
	fw_cfg->fill(fw_cfg->self);
	if (status >= 0)
		status = directory_add(fw_cfg);
	if (status < 0)
		vmm_kit_log(
			fw_cfg->host, VMM_LOG_ERROR, "the firmware's files are not complete: %s", strerror(-status));
}

static void select_item(struct fw_cfg *fw_cfg, uint32_t selector)
{
	fill(fw_cfg);
	/* Bit 14 asks to write, which no item allows. */
	fw_cfg->selector = (uint16_t)(selector & ~0x4000u);
	fw_cfg->offset = 0;
}

/* The next bytes of what is selected; past its end it reads as zeros. */
static void item_read(struct fw_cfg *fw_cfg, uint8_t *data, uint32_t length)
{
	const struct fw_cfg_item *item = item_find(fw_cfg, fw_cfg->selector);
	uint32_t left = item != NULL ? item->length - fw_cfg->offset : 0;
	uint32_t part = length < left ? length : left;
	if (part != 0)
		memcpy(data, item->data + fw_cfg->offset, part);
	memset(data + part, 0, length - part);
	fw_cfg->offset += part;
}

static uint32_t dma_read(struct fw_cfg *fw_cfg, uint64_t address, uint32_t length)
{
	uint8_t bytes[4096];
	while (length > 0) {
		uint32_t part = length < sizeof(bytes) ? length : (uint32_t)sizeof(bytes);
		item_read(fw_cfg, bytes, part);
		if (fw_cfg->memory->write(fw_cfg->host->context, address, bytes, part) < 0)
			return DMA_ERROR;
		address += part;
		length -= part;
	}
	return 0;
}

static void dma_run(struct fw_cfg *fw_cfg, uint64_t address)
{
	uint8_t request[16];
	void *context = fw_cfg->host->context;
	if (fw_cfg->memory->read(context, address, request, sizeof(request)) < 0)
		return;
	uint32_t control = (uint32_t)get_be(request, 4);
	uint32_t length = (uint32_t)get_be(request + 4, 4);
	uint64_t target = get_be(request + 8, 8);
	uint32_t result = 0;
	if ((control & DMA_SELECT) != 0)
		select_item(fw_cfg, control >> 16);
	const struct fw_cfg_item *item = item_find(fw_cfg, fw_cfg->selector);
	/* A guest may ask for zeros past the end, but not for 4 GiB of them. */
	if (length > FILE_MAXIMUM)
		result = DMA_ERROR;
	else if ((control & DMA_READ) != 0)
		result = dma_read(fw_cfg, target, length);
	else if ((control & DMA_SKIP) != 0)
		fw_cfg->offset = item == NULL                    ? 0
			: length < item->length - fw_cfg->offset ? fw_cfg->offset + length
								 : item->length;
	else if ((control & DMA_WRITE) != 0)
		result = DMA_ERROR;
	put_be(request, result, 4);
	fw_cfg->memory->write(context, address, request, 4);
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct fw_cfg *fw_cfg = self;
	if (token == TOKEN_DMA) {
		/* So a guest finds the interface. */
		static const uint8_t signature[8] = "QEMU CFG";
		*value = 0;
		for (uint32_t i = 0; i < size && offset + i < 8; i++)
			*value |= (uint32_t)signature[offset + i] << (i * 8);
		return 0;
	}
	uint8_t byte = 0;
	if (offset == 1) {
		fill(fw_cfg);
		item_read(fw_cfg, &byte, 1);
	}
	*value = byte;
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct fw_cfg *fw_cfg = self;
	if (token == TOKEN_DATA) {
		if (offset == 0 && size == 2)
			select_item(fw_cfg, value);
		return 0;
	}
	if (size != 4)
		return 0;
	uint32_t swapped = __builtin_bswap32(value);
	if (offset == 0) {
		fw_cfg->dma_high = swapped;
	} else if (offset == 4) {
		uint64_t address = (uint64_t)fw_cfg->dma_high << 32 | swapped;
		fw_cfg->dma_high = 0;
		dma_run(fw_cfg, address);
	}
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

int32_t fw_cfg_init(struct fw_cfg *fw_cfg, const struct vmm_host *host, void (*fill_items)(void *self), void *self)
{
	fw_cfg->host = host;
	fw_cfg->fill = fill_items;
	fw_cfg->self = self;
	fw_cfg->io = vmm_kit_service(host, VMM_SERVICE_IO);
	fw_cfg->memory = vmm_kit_service(host, VMM_SERVICE_MEMORY);
	if (fw_cfg->io == NULL || fw_cfg->memory == NULL)
		return -ENOTSUP;
	int32_t status = fw_cfg->io->claim(host->context, PORT_SELECTOR, 2, VMM_IO_SIZE_1 | VMM_IO_SIZE_2, 0, &io_ops,
		fw_cfg, TOKEN_DATA, &fw_cfg->claim);
	if (status >= 0)
		status = fw_cfg->io->claim(host->context, PORT_DMA, 8, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, 0,
			&io_ops, fw_cfg, TOKEN_DMA, &fw_cfg->dma_claim);
	return status;
}

void fw_cfg_reset(struct fw_cfg *fw_cfg)
{
	items_clear(fw_cfg);
	fw_cfg->selector = 0;
	fw_cfg->offset = 0;
	fw_cfg->dma_high = 0;
}

void fw_cfg_destroy(struct fw_cfg *fw_cfg)
{
	items_clear(fw_cfg);
	if (fw_cfg->claim != 0)
		fw_cfg->io->release(fw_cfg->host->context, fw_cfg->claim);
	if (fw_cfg->dma_claim != 0)
		fw_cfg->io->release(fw_cfg->host->context, fw_cfg->dma_claim);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct fw_cfg, filled, 1),
	VMM_FIELD(struct fw_cfg, selector),
	VMM_FIELD(struct fw_cfg, offset),
	VMM_FIELD(struct fw_cfg, dma_high),
	VMM_FIELD_MAX(struct fw_cfg, count, FW_CFG_FILES),
};

static void item_field(char *name, size_t size, uint32_t index, const char *part)
{
	snprintf(name, size, "item%u.%s", index, part);
}

/* A BIOS may be in the middle of its files: it goes on with those that it began with. */
int32_t fw_cfg_save(struct fw_cfg *fw_cfg)
{
	const struct vmm_state_service *state = vmm_kit_service(fw_cfg->host, VMM_SERVICE_STATE);
	void *context = fw_cfg->host->context;
	char name[64];
	if (state == NULL)
		return -ENOTSUP;
	int32_t status = vmm_fields_save(fw_cfg->host, "fw-cfg.", fw_cfg, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; status >= 0 && i < fw_cfg->count; i++) {
		const struct fw_cfg_item *item = &fw_cfg->items[i];
		item_field(name, sizeof(name), i, "selector");
		state->put_u64(context, name, item->selector);
		item_field(name, sizeof(name), i, "name");
		state->put_bytes(context, name, item->name, sizeof(item->name));
		item_field(name, sizeof(name), i, "data");
		state->put_bytes(context, name, item->data, item->length);
	}
	return status;
}

static int32_t item_load(struct fw_cfg *fw_cfg, const struct vmm_state_service *state, uint32_t index)
{
	void *context = fw_cfg->host->context;
	char name[64], file[FW_CFG_NAME];
	uint64_t selector = 0;
	item_field(name, sizeof(name), index, "selector");
	int32_t status = state->get_u64(context, name, &selector);
	item_field(name, sizeof(name), index, "name");
	if (status >= 0)
		status = state->get_bytes(context, name, file, sizeof(file));
	item_field(name, sizeof(name), index, "data");
	int64_t length = status < 0 ? status : state->length(context, name);
	if (length < 0)
		return (int32_t)length;
	if (length > FILE_MAXIMUM || selector > 0xffff || file[sizeof(file) - 1] != '\0')
		return vmm_kit_fail(fw_cfg->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"saved firmware file %u is out of range", index);
	uint8_t *data = malloc(length != 0 ? (size_t)length : 1);
	if (data == NULL)
		return -ENOMEM;
	status = state->get_bytes(context, name, data, (uint64_t)length);
	if (status >= 0)
		status = item_add(fw_cfg, (uint32_t)selector, file, data, (uint32_t)length);
	free(data);
	return status;
}

int32_t fw_cfg_load(struct fw_cfg *fw_cfg)
{
	const struct vmm_state_service *state = vmm_kit_service(fw_cfg->host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	items_clear(fw_cfg);
	int32_t status = vmm_fields_load(fw_cfg->host, "fw-cfg.", fw_cfg, fields, VMM_KIT_COUNT(fields));
	uint32_t count = fw_cfg->count;
	fw_cfg->count = 0;
	for (uint32_t i = 0; status >= 0 && i < count; i++)
		status = item_load(fw_cfg, state, i);
	const struct fw_cfg_item *item = item_find(fw_cfg, fw_cfg->selector);
	if (status >= 0 && fw_cfg->offset > (item != NULL ? item->length : 0))
		return vmm_kit_fail(fw_cfg->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"the saved place in a firmware file is out of range");
	return status;
}
