/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The I/O space: 65,536 ports and who claims them.  Everything is done under the machine lock, which io_read and
 * io_write take themselves.
 */
#ifndef VMM_MEMORY_IO_H
#define VMM_MEMORY_IO_H

#include <stdint.h>

#include "vmm/event/lock.h"
#include "vmm/memory/space.h"

#define IO_PORTS 65536u

struct io_space;
struct io_claim;

struct io_desc {
	uint32_t port, count;
	uint32_t sizes; /* bit 0: 1 byte, 1: 2, 2: 4 */
	int priority;
	int32_t (*read)(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value);
	int32_t (*write)(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value);
	void *self;
	uint64_t token;
	struct memory_owner *owner; /* may be NULL */
	const char *name;           /* lives as long as the claim */
};

int io_space_new(struct machine_lock *lock, struct io_space **io);
void io_space_free(struct io_space *io);
/* -EBUSY: another claim of the same priority has one of the ports; its name is put in *holder. */
int io_claim_new(struct io_space *io, const struct io_desc *desc, struct io_claim **claim, const char **holder);
void io_claim_free(struct io_claim *claim);
int io_claim_move(struct io_claim *claim, uint32_t port);
void io_claim_enable(struct io_claim *claim, bool enabled);
uint32_t io_claim_count(const struct io_claim *claim);
/* Any thread.  size 1, 2 or 4. */
uint32_t io_space_read(struct io_space *io, uint16_t port, unsigned size);
void io_space_write(struct io_space *io, uint16_t port, unsigned size, uint32_t value);
/* --trace io: called for every access. NULL: off. */
void io_trace(struct io_space *io, void (*trace)(void *self, bool write, uint16_t port, unsigned size, uint32_t value),
	void *self);
/* Claims in no order, for `vmm status`: NULL past the end. */
const struct io_desc *io_claim_info(struct io_space *io, unsigned index, bool *enabled);

#endif
