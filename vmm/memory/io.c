/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/memory/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define IO_CLAIMS_MAX 4096u

struct io_claim {
	struct io_space *io;
	struct io_desc desc;
	bool enabled;
	uint64_t order;
};

struct io_space {
	struct machine_lock *lock;
	struct io_claim *claims[IO_CLAIMS_MAX]; /* 0 is never used */
	unsigned count;                         /* highest index + 1 */
	uint64_t order;
	void (*trace)(void *self, bool write, uint16_t port, unsigned size, uint32_t value);
	void *trace_self;
	uint16_t ports[IO_PORTS]; /* index of the claim, 0: none */
};

int io_space_new(struct machine_lock *lock, struct io_space **result)
{
	struct io_space *io = calloc(1, sizeof(*io));

	if (!io)
		return -ENOMEM;
	io->lock = lock;
	io->count = 1;
	*result = io;
	return 0;
}

void io_space_free(struct io_space *io)
{
	if (!io)
		return;
	for (unsigned i = 1; i < io->count; i++)
		free(io->claims[i]);
	free(io);
}

static bool io_above(const struct io_claim *a, const struct io_claim *b)
{
	return a->desc.priority != b->desc.priority ? a->desc.priority > b->desc.priority : a->order > b->order;
}

/* Decide anew who has the ports [first, first + count). */
static void io_repaint(struct io_space *io, uint32_t first, uint32_t count)
{
	for (uint32_t port = first; port < first + count && port < IO_PORTS; port++)
		io->ports[port] = 0;
	for (unsigned i = 1; i < io->count; i++) {
		const struct io_claim *claim = io->claims[i];

		if (!claim || !claim->enabled)
			continue;
		uint32_t from = claim->desc.port > first ? claim->desc.port : first;
		uint32_t to = claim->desc.port + claim->desc.count;

		if (to > first + count)
			to = first + count;
		for (uint32_t port = from; port < to && port < IO_PORTS; port++)
			if (!io->ports[port] || io_above(claim, io->claims[io->ports[port]]))
				io->ports[port] = (uint16_t)i;
	}
}

int io_claim_new(struct io_space *io, const struct io_desc *desc, struct io_claim **result, const char **holder)
{
	unsigned index = 1;

	if (!desc->count || desc->port >= IO_PORTS || desc->count > IO_PORTS - desc->port || !(desc->sizes & 7u) ||
		!desc->read || !desc->write)
		return -EINVAL;
	for (unsigned i = 1; i < io->count; i++) {
		const struct io_claim *other = io->claims[i];

		if (other && other->enabled && other->desc.priority == desc->priority &&
			other->desc.port < desc->port + desc->count &&
			desc->port < other->desc.port + other->desc.count) {
			if (holder)
				*holder = other->desc.name;
			return -EBUSY;
		}
	}
	while (index < io->count && io->claims[index])
		index++;
	if (index == IO_CLAIMS_MAX)
		return -ENOMEM;
	struct io_claim *claim = malloc(sizeof(*claim));

	if (!claim)
		return -ENOMEM;
	*claim = (struct io_claim){ io, *desc, true, ++io->order };
	io->claims[index] = claim;
	if (index == io->count)
		io->count++;
	io_repaint(io, desc->port, desc->count);
	*result = claim;
	return 0;
}

void io_claim_free(struct io_claim *claim)
{
	struct io_space *io;

	if (!claim)
		return;
	io = claim->io;
	for (unsigned i = 1; i < io->count; i++)
		if (io->claims[i] == claim)
			io->claims[i] = NULL;
	io_repaint(io, claim->desc.port, claim->desc.count);
	free(claim);
}

int io_claim_move(struct io_claim *claim, uint32_t port)
{
	uint32_t old = claim->desc.port;

	if (port >= IO_PORTS || claim->desc.count > IO_PORTS - port)
		return -EINVAL;
	if (port == old)
		return 0;
	claim->desc.port = port;
	claim->order = ++claim->io->order;
	io_repaint(claim->io, old, claim->desc.count);
	io_repaint(claim->io, port, claim->desc.count);
	return 0;
}

void io_claim_enable(struct io_claim *claim, bool enabled)
{
	if (claim->enabled == enabled)
		return;
	claim->enabled = enabled;
	io_repaint(claim->io, claim->desc.port, claim->desc.count);
}

uint32_t io_claim_count(const struct io_claim *claim)
{
	return claim->desc.count;
}

void io_trace(struct io_space *io, void (*trace)(void *self, bool write, uint16_t port, unsigned size, uint32_t value),
	void *self)
{
	io->trace_self = self;
	io->trace = trace;
}

const struct io_desc *io_claim_info(struct io_space *io, unsigned index, bool *enabled)
{
	for (unsigned i = 1; i < io->count; i++) {
		if (!io->claims[i] || index--)
			continue;
		if (enabled)
			*enabled = io->claims[i]->enabled;
		return &io->claims[i]->desc;
	}
	return NULL;
}

/* How many of `size` bytes at `port` one call to its claim can take: all, or a smaller power of two. */
static unsigned io_piece(const struct io_space *io, uint32_t port, unsigned size)
{
	const struct io_claim *claim = io->claims[io->ports[port]];

	for (; size > 1; size >>= 1)
		if ((!claim || (claim->desc.sizes & size)) && port + size <= IO_PORTS &&
			io->ports[port + size - 1] == io->ports[port])
			break;
	return size;
}

static uint32_t io_piece_read(struct io_space *io, uint32_t port, unsigned size)
{
	struct io_claim *claim = io->claims[io->ports[port]];
	uint32_t value = UINT32_MAX;

	if (!claim || !(claim->desc.sizes & size))
		return value;
	/* The call may release the claim: keep the owner. */
	struct memory_owner *owner = claim->desc.owner;

	if (owner)
		owner->busy++;
	if (claim->desc.read(claim->desc.self, claim->desc.token, port - claim->desc.port, size, &value) < 0)
		value = UINT32_MAX;
	if (owner)
		owner->busy--;
	return value;
}

static void io_piece_write(struct io_space *io, uint32_t port, unsigned size, uint32_t value)
{
	struct io_claim *claim = io->claims[io->ports[port]];

	if (!claim || !(claim->desc.sizes & size))
		return;
	/* The call may release the claim: keep the owner. */
	struct memory_owner *owner = claim->desc.owner;

	if (owner)
		owner->busy++;
	claim->desc.write(claim->desc.self, claim->desc.token, port - claim->desc.port, size, value);
	if (owner)
		owner->busy--;
}

static uint32_t io_mask(unsigned size)
{
	return size == 4 ? UINT32_MAX : (1u << (8 * size)) - 1;
}

uint32_t io_space_read(struct io_space *io, uint16_t port, unsigned size)
{
	uint32_t value = 0;

	lock_acquire(io->lock);
	for (unsigned done = 0; done < size;) {
		uint32_t at = ((uint32_t)port + done) & (IO_PORTS - 1);
		unsigned piece = io_piece(io, at, size - done == 3 ? 2 : size - done);

		value |= (io_piece_read(io, at, piece) & io_mask(piece)) << (8 * done);
		done += piece;
	}
	if (io->trace)
		io->trace(io->trace_self, false, port, size, value);
	lock_release(io->lock);
	return value;
}

void io_space_write(struct io_space *io, uint16_t port, unsigned size, uint32_t value)
{
	lock_acquire(io->lock);
	if (io->trace)
		io->trace(io->trace_self, true, port, size, value & io_mask(size));
	for (unsigned done = 0; done < size;) {
		uint32_t at = ((uint32_t)port + done) & (IO_PORTS - 1);
		unsigned piece = io_piece(io, at, size - done == 3 ? 2 : size - done);

		io_piece_write(io, at, piece, (value >> (8 * done)) & io_mask(piece));
		done += piece;
	}
	lock_release(io->lock);
}
