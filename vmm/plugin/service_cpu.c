/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm.cpu/1 (draft). */
#include <errno.h>
#include <string.h>

#include "vmm/plugin/host.h"

static const struct plugin_machine *machine_of(void *context)
{
	const struct instance *instance = context;

	return &instance->env->machine;
}

static uint32_t cpu_count(void *context)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.count(machine->self);
}

static int32_t cpu_watch(void *context, void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop),
	void *self, uint64_t token)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.watch(machine->self, context, stopped, self, token);
}

static int32_t cpu_stop(void *context)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.stop(machine->self);
}

static int32_t cpu_resume(void *context, uint32_t cpu, uint32_t step)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.resume(machine->self, cpu, step != 0);
}

static int32_t cpu_get_register(void *context, uint32_t cpu, uint32_t number, void *value, uint32_t size)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.access_register(machine->self, cpu, number, value, size, false);
}

static int32_t cpu_set_register(void *context, uint32_t cpu, uint32_t number, const void *value, uint32_t size)
{
	const struct plugin_machine *machine = machine_of(context);
	uint8_t copy[64];

	if (size > sizeof(copy))
		return -EINVAL;
	memcpy(copy, value, size);
	return machine->debug.access_register(machine->self, cpu, number, copy, size, true);
}

static int32_t cpu_read(void *context, uint32_t cpu, uint32_t space, uint64_t address, void *data, uint64_t length)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.access_memory(machine->self, cpu, space, address, data, length, false);
}

static int32_t cpu_write(
	void *context, uint32_t cpu, uint32_t space, uint64_t address, const void *data, uint64_t length)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.access_memory(machine->self, cpu, space, address, (void *)(uintptr_t)data, length, true);
}

static int32_t cpu_point(void *context, uint32_t kind, uint64_t address, uint64_t length, uint32_t add)
{
	const struct plugin_machine *machine = machine_of(context);

	return machine->debug.point(machine->self, kind, address, length, add != 0);
}

const struct vmm_cpu_service service_cpu = {
	.struct_size = sizeof(service_cpu),
	.count = cpu_count,
	.watch = cpu_watch,
	.stop = cpu_stop,
	.resume = cpu_resume,
	.get_register = cpu_get_register,
	.set_register = cpu_set_register,
	.read = cpu_read,
	.write = cpu_write,
	.point = cpu_point,
};
