/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What a virtual CPU reaches through its funnel (vmm/cpu/bus.h). */
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/engine/vcpu.h"

static void bus_page(void *self, uint64_t physical, struct cpu_page *page)
{
	struct vcpu *vcpu = self;
	struct memory_page found;

	memory_page(vcpu->engine->config.memory, physical, &found);
	page->host = found.host;
	page->writable = found.writable;
	page->code_version = found.code_version;
}

static int bus_read(void *self, uint64_t physical, void *data, unsigned size)
{
	struct vcpu *vcpu = self;

	memory_read(vcpu->engine->config.memory, physical, data, size, MEMORY_MAY_LOCK);
	return 0;
}

static int bus_write(void *self, uint64_t physical, const void *data, unsigned size)
{
	struct vcpu *vcpu = self;
	int status = memory_write(vcpu->engine->config.memory, physical, data, size, MEMORY_MAY_LOCK);

	return status == MEMORY_CODE_CHANGED ? CPU_BUS_CODE_CHANGED : 0;
}

static void bus_code(void *self, uint64_t physical, unsigned length)
{
	struct vcpu *vcpu = self;

	memory_code(vcpu->engine->config.memory, physical, length);
}

static void bus_port_read(void *self, uint16_t port, unsigned size, uint32_t *value)
{
	struct vcpu *vcpu = self;

	*value = io_space_read(vcpu->engine->config.io, port, size);
}

static void bus_port_write(void *self, uint16_t port, unsigned size, uint32_t value)
{
	struct vcpu *vcpu = self;

	io_space_write(vcpu->engine->config.io, port, size, value);
}

static uint64_t bus_time(void *self)
{
	struct vcpu *vcpu = self;

	return clock_now(vcpu->engine->config.clock);
}

static void bus_timer(void *self, uint64_t deadline)
{
	struct vcpu *vcpu = self;

	vcpu->apic_deadline = deadline;
	if (!vcpu->signals)
		timer_arm(&vcpu->apic_timer, deadline);
	else if (deadline != UINT64_MAX)
		vcpu_deadline_arm(vcpu);
}

static int bus_acknowledge(void *self)
{
	struct vcpu *vcpu = self;
	const struct engine_config *config = &vcpu->engine->config;

	lock_acquire(config->lock);
	int vector = irq_acknowledge(config->lines);

	lock_release(config->lock);
	return vector;
}

static void bus_eoi(void *self, uint8_t vector)
{
	struct vcpu *vcpu = self;
	const struct engine_config *config = &vcpu->engine->config;

	lock_acquire(config->lock);
	irq_eoi(config->lines, vector);
	lock_release(config->lock);
}

static void bus_ipi(void *self, uint32_t icr_low, uint32_t destination)
{
	struct vcpu *vcpu = self;
	struct engine *engine = vcpu->engine;
	unsigned delivery = icr_low >> 8 & 7, shorthand = icr_low >> 18 & 3;
	bool logical = icr_low >> 11 & 1, level = icr_low >> 15 & 1;

	/* An INIT level de-assert only synchronises arbitration IDs, which we do not have. */
	if (delivery == 5 && level && !(icr_low >> 14 & 1))
		return;
	for (unsigned i = 0; i < engine->count; i++) {
		struct vcpu *target = &engine->vcpus[i];
		bool hit;

		switch (shorthand) {
		case 1: hit = target == vcpu; break;
		case 2: hit = true; break;
		case 3: hit = target != vcpu; break;
		default: hit = apic_matches(target->cpu, destination, logical); break;
		}
		if (!hit)
			continue;
		/* IPIs are edge-triggered but for INIT. */
		apic_post(target->cpu, (uint8_t)icr_low, delivery, false);
		vcpu_kick(target);
		if (delivery == 1)
			break;
	}
}

static void bus_random(void *self, void *data, unsigned size)
{
	struct vcpu *vcpu = self;

	engine_random(vcpu->engine, data, size);
}

static void bus_smiact(void *self, bool level)
{
	struct vcpu *vcpu = self;
	struct engine *engine = vcpu->engine;
	const struct engine_config *config = &engine->config;

	lock_acquire(config->lock);
	engine->in_smm += level ? 1 : -1u;
	if (config->smiact && engine->in_smm == level)
		config->smiact(config->self, level);
	lock_release(config->lock);
}

static void bus_ferr(void *self, bool level)
{
	struct vcpu *vcpu = self;
	const struct engine_config *config = &vcpu->engine->config;

	/* Boards wire the boot processor's. */
	if (vcpu->cpu->index || !config->ferr)
		return;
	lock_acquire(config->lock);
	config->ferr(config->self, level);
	lock_release(config->lock);
}

void vcpu_bus(struct vcpu *vcpu, struct cpu_bus *bus)
{
	*bus = (struct cpu_bus){
		.self = vcpu,
		.page = bus_page,
		.read = bus_read,
		.write = bus_write,
		.code = bus_code,
		.port_read = bus_port_read,
		.port_write = bus_port_write,
		.time = bus_time,
		.timer = bus_timer,
		.acknowledge = bus_acknowledge,
		.eoi = bus_eoi,
		.ipi = bus_ipi,
		.random = bus_random,
		.smiact = bus_smiact,
		.ferr = bus_ferr,
		.sample = vcpu_sample,
	};
}
