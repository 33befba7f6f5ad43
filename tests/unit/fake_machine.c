/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Ports, memory, lines, time, events, power.
 */
#include "fake_host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static struct fake *machine(void *context)
{
	struct fake_instance *instance = context;
	return instance->fake;
}

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
	struct fake *fake = machine(context);
	if (count == 0 || port + count > 0x10000)
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
		*claim = i + 1;
		return 0;
	}
	return -ENOMEM;
}

static void io_release(void *context, vmm_handle claim)
{
	machine(context)->claims[claim - 1].used = 0;
}

static int32_t io_move(void *context, vmm_handle claim, uint32_t port)
{
	struct fake_claim *entry = &machine(context)->claims[claim - 1];
	if (port + entry->count > 0x10000)
		return -EINVAL;
	uint32_t before = entry->port;
	entry->port = port;
	if (entry->enabled && conflict(machine(context), entry)) {
		entry->port = before;
		return -EBUSY;
	}
	return 0;
}

static int32_t io_enable(void *context, vmm_handle claim, uint32_t enabled)
{
	struct fake_claim *entry = &machine(context)->claims[claim - 1];
	if (enabled && conflict(machine(context), entry))
		return -EBUSY;
	entry->enabled = enabled;
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
	*value = fake_in(machine(context), port, size);
	return 0;
}

static int32_t io_write(void *context, uint32_t port, uint32_t size, uint32_t value)
{
	fake_out(machine(context), port, size, value);
	return 0;
}

static const struct vmm_io_service io_service = {
	.struct_size = sizeof(struct vmm_io_service),
	.claim = io_claim,
	.release = io_release,
	.move = io_move,
	.enable = io_enable,
	.read = io_read,
	.write = io_write,
};

/* Memory. */

static struct fake_region *region_at(struct fake *fake, uint64_t address)
{
	struct fake_region *best = NULL;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		struct fake_region *region = &fake->regions[i];
		if (!region->used || !region->mapped || address - region->address >= region->desc.length)
			continue;
		if (region->priority < 0 && address < FAKE_RAM)
			continue;
		if (best == NULL || region->priority >= best->priority)
			best = region;
	}
	return best;
}

/* Where a byte is kept; NULL: in a device, or nowhere. */
static uint8_t *byte_at(struct fake *fake, uint64_t address, struct fake_region **device)
{
	struct fake_region *region = region_at(fake, address);
	*device = NULL;
	if (region == NULL)
		return address < FAKE_RAM ? fake->ram + address : NULL;
	uint64_t offset = address - region->address;
	if (region->desc.type == VMM_REGION_ALIAS) {
		if (region->desc.target == 0)
			return region->desc.target_offset + offset < FAKE_RAM
				? fake->ram + region->desc.target_offset + offset
				: NULL;
		offset += region->desc.target_offset;
		region = &fake->regions[region->desc.target - 1];
	}
	if (region->bytes != NULL)
		return region->bytes + offset;
	*device = region;
	return NULL;
}

void fake_read(struct fake *fake, uint64_t address, void *data, uint64_t length)
{
	uint8_t *bytes = data;
	struct fake_region *device;
	uint64_t value = UINT64_MAX;
	if (byte_at(fake, address, &device) == NULL && device != NULL && (length == 4 || length == 8 || length <= 2)) {
		device->desc.ops->read(
			device->desc.self, device->desc.token, address - device->address, (uint32_t)length, &value);
		memcpy(data, &value, length);
		return;
	}
	for (uint64_t i = 0; i < length; i++) {
		uint8_t *at = byte_at(fake, address + i, &device);
		bytes[i] = at != NULL ? *at : 0xff;
	}
}

void fake_write(struct fake *fake, uint64_t address, const void *data, uint64_t length)
{
	const uint8_t *bytes = data;
	struct fake_region *device;
	uint64_t value = 0;
	if (byte_at(fake, address, &device) == NULL && device != NULL && (length == 4 || length == 8 || length <= 2)) {
		memcpy(&value, data, length);
		device->desc.ops->write(
			device->desc.self, device->desc.token, address - device->address, (uint32_t)length, value);
		return;
	}
	for (uint64_t i = 0; i < length; i++) {
		struct fake_region *region = region_at(fake, address + i);
		uint8_t *at = byte_at(fake, address + i, &device);
		if (at != NULL && (region == NULL || region->desc.type == VMM_REGION_RAM))
			*at = bytes[i];
	}
}

static int32_t memory_read(void *context, uint64_t address, void *data, uint64_t length)
{
	fake_read(machine(context), address, data, length);
	return 0;
}

static int32_t memory_write(void *context, uint64_t address, const void *data, uint64_t length)
{
	fake_write(machine(context), address, data, length);
	return 0;
}

static int32_t memory_map(
	void *context, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	(void)direction;
	if (address >= FAKE_RAM)
		return -ENOMEM;
	if (*length > FAKE_RAM - address)
		*length = FAKE_RAM - address;
	*map = 1;
	*pointer = machine(context)->ram + address;
	return 0;
}

static void memory_unmap(void *context, vmm_handle map, uint64_t written)
{
	(void)context;
	(void)map;
	(void)written;
}

static const struct vmm_memory_service memory_service = {
	.struct_size = sizeof(struct vmm_memory_service),
	.read = memory_read,
	.write = memory_write,
	.map = memory_map,
	.unmap = memory_unmap,
};

static int32_t region_create(void *context, const struct vmm_region_desc *desc, vmm_handle *region)
{
	struct fake *fake = machine(context);
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		struct fake_region *entry = &fake->regions[i];
		if (entry->used)
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->owner = context;
		entry->used = 1;
		entry->desc = *desc;
		if (desc->type == VMM_REGION_RAM || desc->type == VMM_REGION_ROM)
			entry->bytes = calloc(1, desc->length);
		*region = i + 1;
		return 0;
	}
	return -ENOMEM;
}

static void region_destroy(void *context, vmm_handle region)
{
	struct fake_region *entry = &machine(context)->regions[region - 1];
	free(entry->bytes);
	memset(entry, 0, sizeof(*entry));
}

static int32_t region_map(void *context, vmm_handle region, uint64_t address, int32_t priority)
{
	struct fake_region *entry = &machine(context)->regions[region - 1];
	entry->mapped = 1;
	entry->address = address;
	entry->priority = priority;
	return 0;
}

static void region_unmap(void *context, vmm_handle region)
{
	machine(context)->regions[region - 1].mapped = 0;
}

static void region_nothing(void *context)
{
	(void)context;
}

static int32_t region_readonly(void *context, vmm_handle region, uint32_t readonly)
{
	(void)context;
	(void)region;
	(void)readonly;
	return 0;
}

static int32_t region_write(void *context, vmm_handle region, uint64_t offset, const void *data, uint64_t length)
{
	struct fake_region *entry = &machine(context)->regions[region - 1];
	if (entry->bytes == NULL || offset > entry->desc.length || length > entry->desc.length - offset)
		return -EINVAL;
	memcpy(entry->bytes + offset, data, length);
	return 0;
}

static int32_t region_read(void *context, vmm_handle region, uint64_t offset, void *data, uint64_t length)
{
	struct fake_region *entry = &machine(context)->regions[region - 1];
	if (entry->bytes == NULL || offset > entry->desc.length || length > entry->desc.length - offset)
		return -EINVAL;
	memcpy(data, entry->bytes + offset, length);
	return 0;
}

static int32_t region_dirty(
	void *context, vmm_handle region, uint64_t offset, uint64_t length, uint64_t *bits, uint64_t words)
{
	(void)context;
	(void)region;
	(void)offset;
	(void)length;
	memset(bits, 0xff, words * 8);
	return 0;
}

static const struct vmm_region_service region_service = {
	.struct_size = sizeof(struct vmm_region_service),
	.create = region_create,
	.destroy = region_destroy,
	.map = region_map,
	.unmap = region_unmap,
	.begin = region_nothing,
	.commit = region_nothing,
	.set_readonly = region_readonly,
	.write = region_write,
	.read = region_read,
	.dirty_fetch = region_dirty,
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
	for (uint32_t i = 0; i < FAKE_SOURCES; i++)
		level |= fake->sources[i].used && fake->sources[i].line == line && fake->sources[i].level;
	fake_line(fake, line, level);
}

static int32_t irq_open(void *context, uint32_t line, vmm_handle *source)
{
	struct fake *fake = machine(context);
	if (line >= VMM_IRQ_LINES)
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_SOURCES; i++) {
		if (fake->sources[i].used)
			continue;
		fake->sources[i] = (struct fake_source){ 1, line, 0 };
		*source = i + 1;
		return 0;
	}
	return -ENOMEM;
}

static void irq_set(void *context, vmm_handle source, uint32_t level)
{
	struct fake_source *entry = &machine(context)->sources[source - 1];
	entry->level = level != 0;
	line_update(machine(context), entry->line);
}

static void irq_pulse(void *context, vmm_handle source)
{
	irq_set(context, source, 1);
	irq_set(context, source, 0);
}

static int32_t irq_route(void *context, vmm_handle source, uint32_t line)
{
	struct fake_source *entry = &machine(context)->sources[source - 1];
	uint32_t before = entry->line;
	entry->line = line;
	line_update(machine(context), before);
	line_update(machine(context), line);
	return 0;
}

static void irq_trigger(void *context, uint32_t line, uint32_t level_triggered)
{
	struct fake *fake = machine(context);
	fake->line_trigger[line] = level_triggered;
	for (uint32_t i = 0; i < fake->controller_count; i++) {
		if (fake->controllers[i]->trigger != NULL)
			fake->controllers[i]->trigger(fake->controller_selves[i], line, level_triggered);
	}
}

static uint32_t irq_level(void *context, uint32_t line)
{
	return machine(context)->line_level[line];
}

static const struct vmm_irq_service irq_service = {
	.struct_size = sizeof(struct vmm_irq_service),
	.open = irq_open,
	.set = irq_set,
	.pulse = irq_pulse,
	.route = irq_route,
	.trigger = irq_trigger,
	.level = irq_level,
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

const struct vmm_interrupt_lower fake_interrupt_lower = {
	.struct_size = sizeof(struct vmm_interrupt_lower),
	.intr = core_intr,
	.message = core_message,
	.nmi = core_nmi,
	.smi = core_smi,
};

/* Time. */

static vmm_time clock_at(struct fake *fake, uint32_t clock)
{
	return clock == VMM_CLOCK_REAL ? fake->now + fake->real_offset : fake->now;
}

static vmm_time timer_now(void *context, uint32_t clock)
{
	return clock_at(machine(context), clock);
}

static int32_t timer_create_(void *context, uint32_t clock, void (*callback)(void *self, uint64_t token), void *self,
	uint64_t token, vmm_handle *timer)
{
	struct fake *fake = machine(context);
	for (uint32_t i = 0; i < FAKE_TIMERS; i++) {
		if (fake->timers[i].used)
			continue;
		fake->timers[i] = (struct fake_timer){ context, 1, clock, callback, self, token, VMM_TIME_NEVER };
		*timer = i + 1;
		return 0;
	}
	return -ENOMEM;
}

static void timer_destroy(void *context, vmm_handle timer)
{
	machine(context)->timers[timer - 1].used = 0;
}

static void timer_arm(void *context, vmm_handle timer, vmm_time deadline)
{
	machine(context)->timers[timer - 1].deadline = deadline;
}

static const struct vmm_timer_service timer_service = {
	.struct_size = sizeof(struct vmm_timer_service),
	.now = timer_now,
	.create = timer_create_,
	.destroy = timer_destroy,
	.arm = timer_arm,
};

static struct fake_timer *first_timer(struct fake *fake, vmm_time until)
{
	struct fake_timer *first = NULL;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++) {
		struct fake_timer *timer = &fake->timers[i];
		if (timer->used && timer->deadline != VMM_TIME_NEVER && timer->deadline <= until &&
			(first == NULL || timer->deadline < first->deadline))
			first = timer;
	}
	return first;
}

void fake_run_timers(struct fake *fake)
{
	struct fake_timer *timer;
	while ((timer = first_timer(fake, fake->now)) != NULL) {
		timer->deadline = VMM_TIME_NEVER;
		timer->callback(timer->self, timer->token);
	}
}

void fake_advance(struct fake *fake, vmm_time nanoseconds)
{
	vmm_time end = fake->now + nanoseconds;
	struct fake_timer *timer;
	while ((timer = first_timer(fake, end)) != NULL) {
		if (timer->deadline > fake->now)
			fake->now = timer->deadline;
		timer->deadline = VMM_TIME_NEVER;
		timer->callback(timer->self, timer->token);
	}
	fake->now = end;
}

void fake_skip(struct fake *fake, vmm_time nanoseconds)
{
	fake->now += nanoseconds;
}

/* Events. */

static int32_t event_watch(void *context, int32_t fd, uint32_t events,
	void (*callback)(void *self, uint64_t token, uint32_t events), void *self, uint64_t token, vmm_handle *watch)
{
	struct fake *fake = machine(context);
	for (uint32_t i = 0; i < FAKE_WATCHES; i++) {
		if (fake->watches[i].used)
			continue;
		fake->watches[i] = (struct fake_watch){ context, 1, events, fd, callback, self, token };
		*watch = i + 1;
		return 0;
	}
	return -ENOMEM;
}

static int32_t event_modify(void *context, vmm_handle watch, uint32_t events)
{
	machine(context)->watches[watch - 1].events = events;
	return 0;
}

static void event_unwatch(void *context, vmm_handle watch)
{
	machine(context)->watches[watch - 1].used = 0;
}

static int32_t event_defer(void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token)
{
	struct fake *fake = machine(context);
	if (fake->deferred_count == FAKE_DEFERRED)
		return -ENOMEM;
	fake->deferred[fake->deferred_count++] = (struct fake_deferred){ context, callback, self, token };
	return 0;
}

static const struct vmm_event_service event_service = {
	.struct_size = sizeof(struct vmm_event_service),
	.watch = event_watch,
	.modify = event_modify,
	.unwatch = event_unwatch,
	.defer = event_defer,
};

static uint32_t run_deferred(struct fake *fake)
{
	uint32_t count = 0;
	while (fake->deferred_count > 0 && count < 1000) {
		struct fake_deferred call = fake->deferred[0];
		fake->deferred_count--;
		memmove(fake->deferred, fake->deferred + 1, fake->deferred_count * sizeof(call));
		call.callback(call.self, call.token);
		count++;
	}
	return count;
}

uint32_t fake_poll(struct fake *fake, int milliseconds)
{
	struct pollfd fds[FAKE_WATCHES];
	uint32_t map[FAKE_WATCHES];
	uint32_t used = 0;
	uint32_t count = run_deferred(fake);
	for (uint32_t i = 0; i < FAKE_WATCHES; i++) {
		struct fake_watch *watch = &fake->watches[i];
		if (!watch->used)
			continue;
		fds[used] = (struct pollfd){ .fd = watch->fd };
		fds[used].events = (short)(((watch->events & VMM_EVENT_READ) != 0 ? POLLIN : 0) |
			((watch->events & VMM_EVENT_WRITE) != 0 ? POLLOUT : 0));
		map[used++] = i;
	}
	if (poll(fds, used, count > 0 ? 0 : milliseconds) <= 0)
		return count;
	for (uint32_t i = 0; i < used; i++) {
		struct fake_watch *watch = &fake->watches[map[i]];
		uint32_t events = ((fds[i].revents & POLLIN) != 0 ? VMM_EVENT_READ : 0) |
			((fds[i].revents & POLLOUT) != 0 ? VMM_EVENT_WRITE : 0) |
			((fds[i].revents & (POLLHUP | POLLERR)) != 0 ? VMM_EVENT_HANGUP : 0);
		if (events == 0 || !watch->used)
			continue;
		watch->callback(watch->self, watch->token, events);
		count++;
	}
	return count + run_deferred(fake);
}

/* Power and chance. */

static void power_request(void *context, uint32_t what)
{
	if (what < 4)
		machine(context)->requests[what]++;
}

static void power_exit(void *context, int32_t status)
{
	machine(context)->exited++;
	machine(context)->exit_status = status;
}

static void power_a20(void *context, uint32_t enabled)
{
	struct fake *fake = machine(context);
	fake->a20[(struct fake_instance *)context - fake->instances] = enabled;
}

static void power_cpu_init(void *context)
{
	machine(context)->cpu_init_count++;
}

static int32_t power_watch(void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token)
{
	struct fake_instance *instance = context;
	(void)token;
	instance->button = callback;
	instance->button_self = self;
	return 0;
}

static const struct vmm_power_service power_service = {
	.struct_size = sizeof(struct vmm_power_service),
	.request = power_request,
	.exit = power_exit,
	.a20 = power_a20,
	.cpu_init = power_cpu_init,
	.watch_button = power_watch,
};

void fake_button(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->instance_count; i++) {
		if (fake->instances[i].button != NULL)
			fake->instances[i].button(fake->instances[i].button_self, 0);
	}
}

static void random_fill(void *context, void *data, uint64_t length)
{
	struct fake *fake = machine(context);
	uint8_t *bytes = data;
	for (uint64_t i = 0; i < length; i++) {
		fake->random_state = fake->random_state * 1103515245u + 12345u;
		bytes[i] = (uint8_t)(fake->random_state >> 16);
	}
}

static const struct vmm_random_service random_service = {
	.struct_size = sizeof(struct vmm_random_service),
	.fill = random_fill,
};

const void *fake_machine_service(const char *id)
{
	static const struct {
		const char *id;
		const void *table;
	} services[] = {
		{ VMM_SERVICE_IO, &io_service },
		{ VMM_SERVICE_MEMORY, &memory_service },
		{ VMM_SERVICE_REGION, &region_service },
		{ VMM_SERVICE_IRQ, &irq_service },
		{ VMM_SERVICE_TIMER, &timer_service },
		{ VMM_SERVICE_EVENT, &event_service },
		{ VMM_SERVICE_POWER, &power_service },
		{ VMM_SERVICE_RANDOM, &random_service },
	};
	for (uint32_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i].id, id) == 0)
			return services[i].table;
	}
	return NULL;
}

/* What a destroyed instance has left behind. */
void fake_release(struct fake_instance *instance)
{
	struct fake *fake = instance->fake;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < fake->deferred_count; i++) {
		if (fake->deferred[i].owner != instance)
			fake->deferred[kept++] = fake->deferred[i];
	}
	fake->deferred_count = kept;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++) {
		if (fake->timers[i].owner == instance)
			fake->timers[i].used = 0;
	}
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
		if (fake->claims[i].owner == instance)
			fake->claims[i].used = 0;
	}
	for (uint32_t i = 0; i < FAKE_WATCHES; i++) {
		if (fake->watches[i].owner == instance)
			fake->watches[i].used = 0;
	}
	instance->button = NULL;
}
