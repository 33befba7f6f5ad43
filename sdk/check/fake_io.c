/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.io/1 and vmm.irq/1: ports and interrupt lines.
 */
#include "fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* I/O ports. */

static uint32_t overlap(const struct fake_claim *a, uint32_t port, uint32_t count)
{
	return a->port < port + count && port < a->port + a->count;
}

static uint32_t conflict(struct fake *fake, const struct fake_claim *claim)
{
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
		struct fake_claim *other = &fake->claims[i];
		if (other != claim && other->used && other->enabled && other->priority == claim->priority &&
			overlap(other, claim->port, claim->count))
			return 1;
	}
	return 0;
}

static int32_t io_claim(void *context, uint32_t port, uint32_t count, uint32_t sizes, int32_t priority,
	const struct vmm_io_ops *ops, void *self, uint64_t token, vmm_handle *claim)
{
	struct fake *fake = fake_enter(context, __func__);
	if (fake_fails(fake))
		return -ENOMEM;
	if (count == 0 || count > 0x10000 || port > 0x10000 - count || ops == NULL || (sizes & ~7u) != 0 || sizes == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
		struct fake_claim *entry = &fake->claims[i];
		if (entry->used)
			continue;
		*entry = (struct fake_claim){ context, 1, 1, port, count, sizes, priority, ops, self, token };
		if (conflict(fake, entry)) {
			entry->used = 0;
			return -EBUSY;
		}
		*claim = fake_handle(FAKE_CLAIM, i);
		return 0;
	}
	return -ENOMEM;
}

static void io_release(void *context, vmm_handle claim)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_CLAIM, claim, __func__);
	if (index < 0)
		return;
	fake->claims[index].used = 0;
}

static int32_t io_move(void *context, vmm_handle claim, uint32_t port)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_CLAIM, claim, __func__);
	if (index < 0)
		return -EINVAL;
	struct fake_claim *entry = &fake->claims[index];
	if (port > 0x10000 - entry->count)
		return -EINVAL;
	uint32_t before = entry->port;
	entry->port = port;
	if (entry->enabled && conflict(fake, entry)) {
		entry->port = before;
		return -EBUSY;
	}
	return 0;
}

static int32_t io_enable(void *context, vmm_handle claim, uint32_t enabled)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_CLAIM, claim, __func__);
	if (index < 0)
		return -EINVAL;
	struct fake_claim *entry = &fake->claims[index];
	if (enabled && conflict(fake, entry))
		return -EBUSY;
	entry->enabled = enabled != 0;
	return 0;
}

static struct fake_claim *claim_at(struct fake *fake, uint32_t port)
{
	struct fake_claim *best = NULL;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
		struct fake_claim *entry = &fake->claims[i];
		if (entry->used && entry->enabled && port - entry->port < entry->count &&
			(best == NULL || entry->priority > best->priority))
			best = entry;
	}
	return best;
}

uint32_t fake_in(struct fake *fake, uint32_t port, uint32_t size)
{
	struct fake_claim *claim = claim_at(fake, port);
	uint32_t value = UINT32_MAX;
	uint32_t mask = size == 4 ? UINT32_MAX : (1u << (size * 8)) - 1;
	if (size > 1 && (claim == NULL || (claim->sizes & size) == 0 || port + size > claim->port + claim->count))
		return fake_in(fake, port, size / 2) | fake_in(fake, port + size / 2, size / 2) << (size * 4);
	if (claim == NULL || claim->ops->read(claim->self, claim->token, port - claim->port, size, &value) < 0)
		value = UINT32_MAX;
	return value & mask;
}

void fake_out(struct fake *fake, uint32_t port, uint32_t size, uint32_t value)
{
	struct fake_claim *claim = claim_at(fake, port);
	uint32_t mask = size == 4 ? UINT32_MAX : (1u << (size * 8)) - 1;
	if (size > 1 && (claim == NULL || (claim->sizes & size) == 0 || port + size > claim->port + claim->count)) {
		fake_out(fake, port, size / 2, value);
		fake_out(fake, port + size / 2, size / 2, value >> (size * 4));
	} else if (claim != NULL) {
		claim->ops->write(claim->self, claim->token, port - claim->port, size, value & mask);
	}
}

static int32_t io_read(void *context, uint32_t port, uint32_t size, uint32_t *value)
{
	*value = fake_in(fake_enter(context, __func__), port, size);
	return 0;
}

static int32_t io_write(void *context, uint32_t port, uint32_t size, uint32_t value)
{
	fake_out(fake_enter(context, __func__), port, size, value);
	return 0;
}

const struct vmm_io_service fake_io_service = {
	.struct_size = sizeof(struct vmm_io_service),
	.claim = io_claim,
	.release = io_release,
	.move = io_move,
	.enable = io_enable,
	.read = io_read,
	.write = io_write,
};

/* Interrupt lines: changes go to the controllers at once. */

void fake_line(struct fake *fake, uint32_t line, uint32_t level)
{
	if (fake->line_level[line] == level)
		return;
	fake->line_level[line] = level;
	fake->line_edges[line] += level;
	for (uint32_t i = 0; i < fake->controller_count; i++)
		fake->controllers[i]->line(fake->controller_selves[i], line, level);
}

static void line_update(struct fake *fake, uint32_t line)
{
	uint32_t level = 0;
	if (line >= VMM_IRQ_LINES)
		return;
	const struct fake_source *taker = NULL;
	for (uint32_t i = 0; i < FAKE_SOURCES; i++) {
		const struct fake_source *source = &fake->sources[i];
		if (!source->used || source->line != line)
			continue;
		level |= source->level;
		if (source->taking)
			taker = source;
	}
	if (taker != NULL)
		level = taker->level;
	fake_line(fake, line, level);
}

void fake_lines_update(struct fake *fake)
{
	if (!fake->lines_stale)
		return;
	fake->lines_stale = 0;
	for (uint32_t i = 0; i < VMM_IRQ_LINES; i++)
		line_update(fake, i);
}

static int32_t irq_open(void *context, uint32_t line, vmm_handle *source)
{
	struct fake *fake = fake_enter(context, __func__);
	struct fake_instance *instance = context;
	if (!instance->initing)
		fake_fault(instance, "irq.open was called outside init");
	if (fake_fails(fake))
		return -ENOMEM;
	if (line >= VMM_IRQ_LINES)
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_SOURCES; i++) {
		if (fake->sources[i].used)
			continue;
		fake->sources[i] = (struct fake_source){ context, 1, line, 0, 0 };
		*source = fake_handle(FAKE_SOURCE, i);
		return 0;
	}
	return -ENOMEM;
}

static void irq_set(void *context, vmm_handle source, uint32_t level)
{
	struct fake *fake = fake_enter_any(context, __func__);
	int32_t index = fake_index(context, FAKE_SOURCE, source, __func__);
	if (index < 0)
		return;
	struct fake_source *entry = &fake->sources[index];
	/* The controllers are told on the machine's thread only. */
	if (!pthread_equal(pthread_self(), fake->thread)) {
		pthread_mutex_lock(&fake->mutex);
		entry->level = level != 0;
		fake->lines_stale = 1;
		pthread_mutex_unlock(&fake->mutex);
		return;
	}
	entry->level = level != 0;
	line_update(fake, entry->line);
}

static void irq_pulse(void *context, vmm_handle source)
{
	irq_set(context, source, 1);
	irq_set(context, source, 0);
}

static int32_t irq_route(void *context, vmm_handle source, uint32_t line)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_SOURCE, source, __func__);
	if (index < 0 || (line >= VMM_IRQ_LINES && line != VMM_IRQ_NONE))
		return -EINVAL;
	struct fake_source *entry = &fake->sources[index];
	uint32_t before = entry->line;
	entry->line = line;
	line_update(fake, before);
	line_update(fake, line);
	return 0;
}

static void irq_trigger(void *context, uint32_t line, uint32_t level_triggered)
{
	struct fake *fake = fake_enter(context, __func__);
	if (line >= VMM_IRQ_LINES) {
		fake_fault(context, "irq.trigger was called for line %u", line);
		return;
	}
	fake->line_trigger[line] = level_triggered;
	for (uint32_t i = 0; i < fake->controller_count; i++) {
		if (fake->controllers[i]->trigger != NULL)
			fake->controllers[i]->trigger(fake->controller_selves[i], line, level_triggered);
	}
}

static uint32_t irq_level(void *context, uint32_t line)
{
	struct fake *fake = fake_enter(context, __func__);
	if (line < VMM_IRQ_LINES)
		return fake->line_level[line];
	fake_fault(context, "irq.level was called for line %u", line);
	return 0;
}

static int32_t irq_take(void *context, vmm_handle source, uint32_t taken)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_SOURCE, source, __func__);
	if (index < 0)
		return -EINVAL;
	fake->sources[index].taking = taken != 0;
	line_update(fake, fake->sources[index].line);
	return 0;
}

const struct vmm_irq_service fake_irq_service = {
	.struct_size = sizeof(struct vmm_irq_service),
	.open = irq_open,
	.set = irq_set,
	.pulse = irq_pulse,
	.route = irq_route,
	.trigger = irq_trigger,
	.level = irq_level,
	.take = irq_take,
};

static void core_intr(void *self, uint32_t level)
{
	struct fake *fake = self;
	fake->intr = level;
}

static void core_message(void *self, uint64_t address, uint32_t data)
{
	struct fake *fake = self;
	fake->message_count++;
	fake->message_address = address;
	fake->message_data = data;
}

static void core_nmi(void *self)
{
	struct fake *fake = self;
	fake->nmi_count++;
}

static void core_smi(void *self)
{
	struct fake *fake = self;
	fake->smi_count++;
}

static void core_ignne(void *self, uint32_t level)
{
	struct fake *fake = self;
	fake->ignne = level;
}

const struct vmm_interrupt_lower fake_interrupt_lower = {
	.struct_size = sizeof(struct vmm_interrupt_lower),
	.intr = core_intr,
	.message = core_message,
	.nmi = core_nmi,
	.smi = core_smi,
	.ignne = core_ignne,
};
