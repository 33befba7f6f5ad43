/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A bench for IDE drives: the controller of the PIIX, a disk medium of the test's own.
 */
#ifndef IDE_BENCH_H
#define IDE_BENCH_H

#include <errno.h>
#include <string.h>

#include <vmm/port-ide.h>
#include <vmm/port-pci.h>
#include <vmm/port-storage.h>

#include "plugin_test.h"

#define PRIMARY 0x1f0
#define CONTROL 0x3f6
#define MASTER  0xc000
#define TABLE   0x10000u
#define MEMORY  0x20000u

#define BSY  0x80
#define DRDY 0x40
#define DRQ  0x08
#define ERR  0x01

/* A medium: one request at a time is held back until bench_run. */
struct bench_medium {
	struct vmm_storage_info info;
	uint8_t *bytes;
	const struct vmm_storage_upper *upper;
	void *upper_self;
	struct vmm_storage_request request;
	struct vmm_storage_segment segment;
	uint32_t held, requests, flushes, fuas, discards, cancels, ejects, locked;
	uint64_t bad; /* a byte that cannot be read or written, UINT64_MAX: none */
	struct fake_link *link;
};

struct bench {
	struct fake *fake;
	struct fake_instance *controller, *drive;
	struct bench_medium medium;
	const struct vmm_pci_lower *pci;
	void *pci_self;
	uint32_t master;
};

/* The PCI bus above the controller. */

static inline void bench_intx(void *self, uint32_t pin, uint32_t level)
{
	(void)self;
	(void)pin;
	(void)level;
}

static inline uint32_t bench_config(struct bench *bench, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;
	ck_assert_int_eq(bench->pci->config_read(bench->pci_self, offset, size, &value), 0);
	return value;
}

static inline void bench_config_write(struct bench *bench, uint32_t offset, uint32_t size, uint32_t value)
{
	ck_assert_int_eq(bench->pci->config_write(bench->pci_self, offset, size, value), 0);
}

static inline int32_t bench_dma_read(void *self, uint64_t address, void *data, uint64_t length)
{
	struct bench *bench = self;
	if ((bench_config(bench, 4, 2) & 4) == 0)
		return -EIO;
	fake_read(bench->fake, address, data, length);
	return 0;
}

static inline int32_t bench_dma_write(void *self, uint64_t address, const void *data, uint64_t length)
{
	struct bench *bench = self;
	if ((bench_config(bench, 4, 2) & 4) == 0)
		return -EIO;
	fake_write(bench->fake, address, data, length);
	return 0;
}

static inline int32_t bench_bar(void *self, uint32_t bar, uint32_t space, vmm_handle resource, uint64_t address,
	uint64_t length, uint32_t enabled)
{
	struct bench *bench = self;
	ck_assert_uint_eq(bar, 4);
	ck_assert_uint_eq(space, VMM_PCI_IO);
	ck_assert_uint_eq(length, 16);
	if (enabled)
		fake_io_service.move(bench->controller, resource, (uint32_t)address);
	return fake_io_service.enable(bench->controller, resource, enabled);
}

static inline int32_t bench_path(void *self, char *text, uint32_t size)
{
	(void)self;
	ck_assert_uint_gt(size, 11);
	strcpy(text, "/pci@i0cf8");
	return 10;
}

static const struct vmm_pci_upper bench_pci = {
	.struct_size = sizeof(struct vmm_pci_upper),
	.intx = bench_intx,
	.dma_read = bench_dma_read,
	.dma_write = bench_dma_write,
	.bar = bench_bar,
	.path = bench_path,
};

/* The medium. */

static inline int32_t bench_info(void *self, struct vmm_storage_info *info)
{
	struct bench *bench = self;
	*info = bench->medium.info;
	return 0;
}

static inline int32_t bench_submit(void *self, const struct vmm_storage_request *request)
{
	struct bench_medium *medium = &((struct bench *)self)->medium;
	ck_assert_uint_eq(medium->held, 0);
	ck_assert_uint_eq((request->offset | request->length) % medium->info.block_size, 0);
	ck_assert_uint_le(request->offset + request->length, medium->info.length);
	if (medium->info.request_maximum != 0)
		ck_assert_uint_le(request->length, medium->info.request_maximum);
	medium->request = *request;
	medium->segment = request->segment_count != 0 ? *request->segments : (struct vmm_storage_segment){ 0 };
	medium->held = 1;
	medium->requests++;
	return 0;
}

static inline void bench_cancel(void *self, uint64_t token)
{
	struct bench *bench = self;
	ck_assert_uint_eq(token, bench->medium.request.token);
	bench->medium.cancels++;
}

static inline int32_t bench_lock(void *self, uint32_t locked)
{
	((struct bench *)self)->medium.locked = locked;
	return 0;
}

static inline int32_t bench_eject(void *self)
{
	((struct bench *)self)->medium.ejects++;
	return 0;
}

static const struct vmm_storage_lower bench_storage = {
	.struct_size = sizeof(struct vmm_storage_lower),
	.info = bench_info,
	.submit = bench_submit,
	.cancel = bench_cancel,
	.lock = bench_lock,
	.eject = bench_eject,
};

static inline void bench_complete(struct bench *bench, int32_t status)
{
	struct bench_medium *medium = &bench->medium;
	ck_assert_uint_eq(medium->held, 1);
	medium->held = 0;
	medium->upper->complete(medium->upper_self, medium->request.token, status);
}

/* Let all that is under way come to its end. */
static inline void bench_run(struct bench *bench)
{
	struct bench_medium *medium = &bench->medium;
	uint32_t more = 1;
	while (more) {
		more = fake_poll(bench->fake, 0) != 0;
		if (!medium->held)
			continue;
		const struct vmm_storage_request *request = &medium->request;
		int32_t status = 0;
		uint8_t *at = medium->bytes + request->offset;
		if (medium->bad >= request->offset && medium->bad < request->offset + request->length)
			status = -EIO;
		medium->flushes += request->operation == VMM_STORAGE_FLUSH;
		medium->discards += request->operation == VMM_STORAGE_DISCARD;
		medium->fuas += (request->flags & VMM_STORAGE_FUA) != 0;
		if (status == 0 && request->operation == VMM_STORAGE_READ)
			memcpy(medium->segment.data, at, request->length);
		if (status == 0 && request->operation == VMM_STORAGE_WRITE)
			memcpy(at, medium->segment.data, request->length);
		if (status == 0 && request->operation == VMM_STORAGE_DISCARD)
			memset(at, 0, request->length);
		bench_complete(bench, status);
		more = 1;
	}
}

/* Join, switch on, and decode, as firmware does. */
static inline void bench_join_medium(struct bench *bench)
{
	struct vmm_port_side upper;
	struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &bench_storage, .self = bench };
	ck_assert_int_eq(fake_side(bench->drive, "media", &upper), 0);
	bench->medium.upper = upper.table;
	bench->medium.upper_self = upper.self;
	bench->medium.link = fake_join_sides(bench->fake, &upper, &lower, VMM_PORT_STORAGE, 0);
	ck_assert_ptr_nonnull(bench->medium.link);
}

static inline void bench_firmware(struct bench *bench)
{
	bench_config_write(bench, 0x20, 4, MASTER);
	bench_config_write(bench, 0x40, 4, 0x80008000);
	bench_config_write(bench, 4, 2, 5);
}

static inline void bench_init(struct bench *bench, struct fake *fake, uint64_t address)
{
	struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &bench_pci, .self = bench };
	struct vmm_port_side lower;
	bench->fake = fake;
	bench->controller = fake_add(fake, "ide-piix", "ide0");
	ck_assert_int_eq(fake_side(bench->controller, "bus", &lower), 0);
	bench->pci = lower.table;
	bench->pci_self = lower.self;
	ck_assert_ptr_nonnull(fake_join_sides(fake, &upper, &lower, VMM_PORT_PCI, 1 << 3 | 1));
	if (bench->drive != NULL)
		ck_assert_ptr_nonnull(fake_join(bench->controller, "ide", bench->drive, "bus", VMM_PORT_IDE, address));
}

static inline void bench_medium_init(struct bench *bench, uint64_t length, uint64_t capabilities)
{
	bench->medium.bad = UINT64_MAX;
	bench->medium.info = (struct vmm_storage_info){ .struct_size = sizeof(bench->medium.info),
		.block_size = 512,
		.length = length,
		.capabilities = capabilities,
		.segment_maximum = 1 };
	bench->medium.bytes = malloc(length);
	for (uint64_t i = 0; i < length; i++)
		bench->medium.bytes[i] = (uint8_t)(i * 7 + (i >> 9) * 13);
}

static inline void bench_free(struct bench *bench)
{
	free(bench->medium.bytes);
	fake_free(bench->fake);
	memset(bench, 0, sizeof(*bench));
}

/* The host's side. */

static inline uint8_t bench_in(struct bench *bench, uint32_t reg)
{
	return (uint8_t)fake_in(bench->fake, PRIMARY + reg, 1);
}

static inline void bench_out(struct bench *bench, uint32_t reg, uint8_t value)
{
	fake_out(bench->fake, PRIMARY + reg, 1, value);
}

static inline uint8_t bench_status(struct bench *bench)
{
	return (uint8_t)fake_in(bench->fake, CONTROL, 1);
}

/* A command with a 28-bit address. */
static inline void bench_command(struct bench *bench, uint8_t command, uint32_t lba, uint8_t count)
{
	bench_out(bench, 2, count);
	bench_out(bench, 3, (uint8_t)lba);
	bench_out(bench, 4, (uint8_t)(lba >> 8));
	bench_out(bench, 5, (uint8_t)(lba >> 16));
	bench_out(bench, 6, (uint8_t)(0xe0 | (lba >> 24 & 15)));
	bench_out(bench, 7, command);
}

static inline uint32_t bench_lba(struct bench *bench)
{
	return bench_in(bench, 3) | (uint32_t)bench_in(bench, 4) << 8 | (uint32_t)bench_in(bench, 5) << 16 |
		(uint32_t)(bench_in(bench, 6) & 15) << 24;
}

static inline void bench_read(struct bench *bench, void *data, uint32_t length)
{
	uint8_t *bytes = data;
	for (uint32_t i = 0; i < length; i += 2) {
		uint32_t word = fake_in(bench->fake, PRIMARY, 2);
		bytes[i] = (uint8_t)word;
		if (i + 1 < length)
			bytes[i + 1] = (uint8_t)(word >> 8);
	}
}

static inline void bench_write(struct bench *bench, const void *data, uint32_t length)
{
	const uint8_t *bytes = data;
	for (uint32_t i = 0; i < length; i += 2)
		fake_out(bench->fake, PRIMARY, 2, bytes[i] | (uint32_t)bytes[i + 1] << 8);
}

/* An interrupt has come; reading STATUS ends it. */
static inline void bench_expect_interrupt(struct bench *bench)
{
	ck_assert_uint_eq(bench->fake->line_level[14], 1);
	bench_in(bench, 7);
	ck_assert_uint_eq(bench->fake->line_level[14], 0);
}

/* One region of `length` bytes at MEMORY; start the bus master. */
static inline void bench_master(struct bench *bench, uint32_t length, uint8_t direction)
{
	const uint32_t entry[2] = { MEMORY, (length & 0xffff) | 0x80000000 };
	fake_write(bench->fake, TABLE, entry, sizeof(entry));
	fake_out(bench->fake, MASTER, 1, 0);
	fake_out(bench->fake, MASTER + 4, 4, TABLE);
	fake_out(bench->fake, MASTER + 2, 1, 0x66);
	fake_out(bench->fake, MASTER, 1, direction);
	fake_out(bench->fake, MASTER, 1, direction | 1u);
}

#endif
