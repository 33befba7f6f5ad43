/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The paravirtual configuration device that SeaBIOS reads (QEMU's specification docs/specs/fw_cfg): a selector at port
 * 510, data at 511, and DMA at 514 to 51B.
 */
#ifndef FW_CFG_H
#define FW_CFG_H

#include <vmm/io.h>
#include <vmm/kit/plugin.h>
#include <vmm/memory.h>

#define FW_CFG_FILES 128
#define FW_CFG_NAME  56

/* Selectors. */
#define FW_CFG_SIGNATURE  0x00
#define FW_CFG_ID         0x01
#define FW_CFG_UUID       0x02
#define FW_CFG_RAM_SIZE   0x03
#define FW_CFG_NB_CPUS    0x05
#define FW_CFG_BOOT_MENU  0x0e
#define FW_CFG_MAX_CPUS   0x0f
#define FW_CFG_DIRECTORY  0x19
#define FW_CFG_FILE_FIRST 0x20
#define FW_CFG_IRQ0       0x8002 /* IRQ0 is on GSI 2 */

struct fw_cfg_item {
	uint32_t selector;
	char name[FW_CFG_NAME]; /* "": no file */
	uint8_t *data;
	uint32_t length;
};

struct fw_cfg {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_memory_service *memory;
	vmm_handle claim, dma_claim;
	/* Called when a guest first looks after a reset: fills the items in. */
	void (*fill)(void *self);
	void *self;

	struct fw_cfg_item items[FW_CFG_FILES];
	uint32_t count;
	uint8_t filled;
	uint16_t selector;
	uint32_t offset;
	uint32_t dma_high; /* the address's upper half, written before the lower */
};

int32_t fw_cfg_init(struct fw_cfg *fw_cfg, const struct vmm_host *host, void (*fill)(void *self), void *self);
void fw_cfg_reset(struct fw_cfg *fw_cfg);
void fw_cfg_destroy(struct fw_cfg *fw_cfg);
int32_t fw_cfg_save(struct fw_cfg *fw_cfg);
int32_t fw_cfg_load(struct fw_cfg *fw_cfg);
/* Add an item by its selector, or a file by its name; the bytes are copied.  -ENOMEM, -ENOSPC. */
int32_t fw_cfg_add(struct fw_cfg *fw_cfg, uint32_t selector, const void *data, uint32_t length);
int32_t fw_cfg_add_number(struct fw_cfg *fw_cfg, uint32_t selector, uint64_t value, uint32_t length);
int32_t fw_cfg_add_file(struct fw_cfg *fw_cfg, const char *name, const void *data, uint32_t length);

#endif
