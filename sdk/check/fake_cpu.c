/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.cpu/1 for plugins under test: one processor that executes nothing.  It stops when asked or after a step, on the
 * event loop; its memory is the fake machine's RAM, its registers are numbers.
 */
#include <errno.h>
#include <string.h>

#include "fake_host.h"

static int32_t cpu_owned(void *context, const char *call)
{
	struct fake_instance *instance = context;
	struct fake *fake = fake_enter(context, call);

	if (fake->cpu.owner != instance) {
		fake_fault(instance, "%s was called by an instance that does not watch the processors", call);
		return -EPERM;
	}
	return fake->cpu.standing ? 0 : -EBUSY;
}

static uint32_t cpu_count(void *context)
{
	fake_enter(context, __func__);
	return 1;
}

static int32_t cpu_watch(void *context, void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop),
	void *self, uint64_t token)
{
	struct fake *fake = fake_enter(context, __func__);

	if (fake->cpu.owner != NULL && fake->cpu.owner != context)
		return -EBUSY;
	memset(&fake->cpu.stop, 0, sizeof(fake->cpu.stop));
	fake->cpu.owner = stopped != NULL ? context : NULL;
	fake->cpu.stopped = stopped;
	fake->cpu.self = self;
	fake->cpu.token = token;
	fake->cpu.stop_due = 0;
	if (stopped == NULL)
		fake->cpu.standing = fake->cpu.point_count = 0;
	return 0;
}

static int32_t cpu_stop(void *context)
{
	struct fake *fake = fake_enter(context, __func__);

	fake->cpu.stop = (struct vmm_cpu_stop){ .struct_size = sizeof(fake->cpu.stop), .reason = VMM_CPU_STOP_ASKED };
	fake->cpu.stop_due = 1;
	return 0;
}

static int32_t cpu_resume(void *context, uint32_t cpu, uint32_t step)
{
	struct fake *fake = ((struct fake_instance *)context)->fake;
	int32_t status = cpu_owned(context, __func__);

	if (status < 0)
		return status;
	if (cpu != 0)
		return -ENOENT;
	fake->cpu.standing = 0;
	if (step) {
		cpu_stop(context);
		fake->cpu.stop.reason = VMM_CPU_STOP_STEP;
		fake->cpu.registers[VMM_CPU_RIP][0]++;
	}
	return 0;
}

static uint32_t register_size(uint32_t number)
{
	if (number >= VMM_CPU_ST0 && number < VMM_CPU_ST0 + 8)
		return 10;
	if (number >= VMM_CPU_XMM0 && number < VMM_CPU_XMM0 + 16)
		return 16;
	return number <= VMM_CPU_CPL || (number >= VMM_CPU_FCW && number <= VMM_CPU_MXCSR) ? 8 : 0;
}

static int32_t cpu_get_register(void *context, uint32_t cpu, uint32_t number, void *value, uint32_t size)
{
	struct fake *fake = ((struct fake_instance *)context)->fake;
	int32_t status = cpu_owned(context, __func__);

	if (status < 0)
		return status;
	if (cpu != 0 || register_size(number) == 0)
		return -ENOENT;
	if (size != register_size(number))
		return -EINVAL;
	memcpy(value, fake->cpu.registers[number], size);
	return 0;
}

static int32_t cpu_set_register(void *context, uint32_t cpu, uint32_t number, const void *value, uint32_t size)
{
	struct fake *fake = ((struct fake_instance *)context)->fake;
	int32_t status = cpu_owned(context, __func__);

	if (status < 0)
		return status;
	if (cpu != 0 || register_size(number) == 0)
		return -ENOENT;
	if (size != register_size(number))
		return -EINVAL;
	memcpy(fake->cpu.registers[number], value, size);
	return 0;
}

static int32_t cpu_range(void *context, uint32_t cpu, uint32_t space, uint64_t address, uint64_t length)
{
	int32_t status = cpu_owned(context, __func__);

	if (status < 0)
		return status;
	if (cpu != 0 || space > VMM_CPU_PHYSICAL)
		return -EINVAL;
	return length <= FAKE_RAM && address <= FAKE_RAM - length ? 0 : -EFAULT;
}

static int32_t cpu_read(void *context, uint32_t cpu, uint32_t space, uint64_t address, void *data, uint64_t length)
{
	struct fake *fake = ((struct fake_instance *)context)->fake;
	int32_t status = cpu_range(context, cpu, space, address, length);

	if (status >= 0)
		fake_read(fake, address, data, length);
	return status;
}

static int32_t cpu_write(
	void *context, uint32_t cpu, uint32_t space, uint64_t address, const void *data, uint64_t length)
{
	struct fake *fake = ((struct fake_instance *)context)->fake;
	int32_t status = cpu_range(context, cpu, space, address, length);

	if (status >= 0)
		fake_write(fake, address, data, length);
	return status;
}

static int32_t cpu_point(void *context, uint32_t kind, uint64_t address, uint64_t length, uint32_t add)
{
	struct fake *fake = ((struct fake_instance *)context)->fake;
	int32_t status = cpu_owned(context, __func__);

	if (status < 0)
		return status;
	if (kind > VMM_CPU_POINT_ACCESS || length == 0 || address + length < address)
		return -EINVAL;
	if (add && fake->cpu.point_count == 256)
		return -ENOSPC;
	if (!add && fake->cpu.point_count == 0)
		return -ENOENT;
	fake->cpu.point_count += add ? 1 : -1u;
	return 0;
}

uint32_t fake_cpu_run(struct fake *fake)
{
	if (!fake->cpu.stop_due || fake->cpu.stopped == NULL)
		return 0;
	fake->cpu.stop_due = 0;
	fake->cpu.standing = 1;
	fake->cpu.stopped(fake->cpu.self, fake->cpu.token, &fake->cpu.stop);
	return 1;
}

const struct vmm_cpu_service fake_cpu_service = {
	.struct_size = sizeof(struct vmm_cpu_service),
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
