/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A debugger's view of the machine: vmm.cpu/1.
 *
 * Standing still for a debugger is apart from being paused: the machine runs, its devices answer the host, but its
 * processors and its clock stand.
 */
#include <errno.h>
#include <string.h>
#include <vmm/draft/cpu.h>

#include "vmm/cpu/debugger.h"
#include "vmm/cpu/paging.h"
#include "vmm/machine/parts.h"

#define NO_CPU UINT32_MAX

void machine_debug_stopped(void *self, unsigned cpu)
{
	struct machine *machine = self;

	__atomic_store_n(&machine->debug.cpu, cpu, __ATOMIC_RELEASE);
	machine_pending(machine, PENDING_BREAK);
}

static void stop_fill(struct machine *machine, struct vmm_cpu_stop *stop)
{
	static const uint32_t reasons[] = {
		[DEBUGGER_NONE] = VMM_CPU_STOP_ASKED,
		[DEBUGGER_STEPPED] = VMM_CPU_STOP_STEP,
		[DEBUGGER_BREAKPOINT] = VMM_CPU_STOP_EXEC,
		[DEBUGGER_WATCH_WRITE] = VMM_CPU_STOP_WRITE,
		[DEBUGGER_WATCH_READ] = VMM_CPU_STOP_READ,
		[DEBUGGER_WATCH_ACCESS] = VMM_CPU_STOP_ACCESS,
	};
	uint32_t index = __atomic_exchange_n(&machine->debug.cpu, NO_CPU, __ATOMIC_ACQ_REL);
	const struct cpu *cpu = engine_cpu(machine->engine, index == NO_CPU ? 0 : index);

	*stop = (struct vmm_cpu_stop){ .struct_size = sizeof(*stop), .cpu = index == NO_CPU ? 0 : index };
	if (index == NO_CPU || !cpu->debugger)
		return;
	stop->reason = reasons[cpu->debugger->reason];
	stop->address = cpu->debugger->address;
}

void machine_debug_stop_now(struct machine *machine)
{
	struct vmm_cpu_stop stop;

	if (machine->state != MACHINE_RUNNING || !machine->debug.stopped) {
		__atomic_store_n(&machine->debug.cpu, NO_CPU, __ATOMIC_RELEASE);
		/* Nobody wants to know, but the processors stand already. */
		if (machine->state == MACHINE_RUNNING && !machine->sleeping && !machine->debug.standing) {
			engine_pause(machine->engine);
			engine_start(machine->engine);
		}
		return;
	}
	engine_pause(machine->engine);
	lock_acquire(&machine->lock);
	clock_stop(&machine->clock);
	machine->debug.standing = true;
	stop_fill(machine, &stop);
	machine->debug.stopped(machine->debug.self, machine->debug.token, &stop);
	lock_release(&machine->lock);
}

void machine_debug_go_now(struct machine *machine)
{
	if (!machine->debug.standing)
		return;
	machine->debug.standing = false;
	if (machine->state != MACHINE_RUNNING)
		return;
	lock_acquire(&machine->lock);
	clock_start(&machine->clock);
	lock_release(&machine->lock);
	if (!machine->sleeping && engine_start(machine->engine)) {
		machine_log(machine, NULL, VMM_LOG_ERROR, "the virtual CPU's thread cannot be made again");
		machine_exit(machine, 1);
	}
}

static uint32_t debug_count(void *self)
{
	struct machine *machine = self;

	return (uint32_t)core_number(machine, CORE_CPU, "count", 1);
}

static void points_clear(struct machine *machine)
{
	for (unsigned i = 0; i < debug_count(machine); i++) {
		struct cpu *cpu = engine_cpu(machine->engine, i);

		while (cpu->debugger && cpu->debugger->count)
			debugger_point(cpu, cpu->debugger->points[0].kind, cpu->debugger->points[0].address,
				cpu->debugger->points[0].length, false);
		if (cpu->debugger)
			debugger_resume(cpu, false);
	}
}

static int debug_watch(void *self, struct instance *owner,
	void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop), void *stopped_self,
	uint64_t token)
{
	struct machine *machine = self;

	if (machine->debug.owner && machine->debug.owner != owner)
		return -EBUSY;
	machine->debug.owner = stopped ? owner : NULL;
	machine->debug.stopped = stopped;
	machine->debug.self = stopped_self;
	machine->debug.token = token;
	if (!stopped)
		machine_pending(machine, PENDING_FORGET | PENDING_GO);
	return 0;
}

void machine_debug_forget_now(struct machine *machine)
{
	bool stands = machine->debug.standing || machine->state != MACHINE_RUNNING;

	if (!stands)
		engine_pause(machine->engine);
	points_clear(machine);
	if (!stands && !machine->sleeping)
		engine_start(machine->engine);
}

static int debug_stop(void *self)
{
	struct machine *machine = self;

	/* Before the machine starts: it shall not run at all until then. */
	if (machine->state != MACHINE_RUNNING)
		machine->debug.standing = true;
	machine_pending(machine, PENDING_BREAK);
	return 0;
}

static int debug_resume(void *self, uint32_t index, bool step)
{
	struct machine *machine = self;

	if (!machine->debug.standing)
		return -EBUSY;
	if (index >= debug_count(machine))
		return -ENOENT;
	for (unsigned i = 0; i < debug_count(machine); i++) {
		int status = debugger_resume(engine_cpu(machine->engine, i), step && i == index);

		if (status)
			return status;
	}
	machine_pending(machine, PENDING_GO);
	return 0;
}

static int standing_cpu(struct machine *machine, uint32_t index, struct cpu **cpu)
{
	if (!machine->debug.standing && machine->state == MACHINE_RUNNING)
		return -EBUSY;
	*cpu = engine_cpu(machine->engine, index);
	return *cpu ? 0 : -ENOENT;
}

static int debug_access_register(void *self, uint32_t index, uint32_t number, void *value, uint32_t size, bool write)
{
	struct cpu *cpu = NULL;
	int status = standing_cpu(self, index, &cpu);

	return status ? status : debug_register(cpu, number, value, size, write);
}

static int debug_access_memory(
	void *self, uint32_t index, uint32_t space, uint64_t address, void *data, uint64_t length, bool write)
{
	struct machine *machine = self;
	struct cpu *cpu = NULL;
	int status = standing_cpu(machine, index, &cpu);

	if (status)
		return status;
	if (space == VMM_CPU_LINEAR)
		return debugger_memory(cpu, address, data, length, write) ? 0 : -EFAULT;
	if (space != VMM_CPU_PHYSICAL)
		return -EINVAL;
	debugger_physical(cpu, address, data, length, write);
	return 0;
}

static int debug_point(void *self, uint32_t kind, uint64_t address, uint64_t length, bool add)
{
	static const enum debugger_kind kinds[] = { DEBUGGER_EXEC, DEBUGGER_WRITE, DEBUGGER_READ, DEBUGGER_ACCESS };
	struct machine *machine = self;
	struct cpu *cpu;
	int status = standing_cpu(machine, 0, &cpu);

	if (kind >= sizeof(kinds) / sizeof(kinds[0]))
		return -EINVAL;
	for (unsigned i = 0; i < debug_count(machine) && !status; i++)
		status = debugger_point(engine_cpu(machine->engine, i), kinds[kind], address, length, add);
	return status;
}

void machine_debug_init(struct machine *machine)
{
	machine->debug.cpu = NO_CPU;
	machine->env.machine.debug = (struct plugin_debug){
		.count = debug_count,
		.watch = debug_watch,
		.stop = debug_stop,
		.resume = debug_resume,
		.access_register = debug_access_register,
		.access_memory = debug_access_memory,
		.point = debug_point,
	};
}
