/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/debugger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"

static int debugger_have(struct cpu *cpu)
{
	if (!cpu->debugger)
		cpu->debugger = calloc(1, sizeof(*cpu->debugger));
	return cpu->debugger ? 0 : -ENOMEM;
}

int debugger_point(struct cpu *cpu, enum debugger_kind kind, uint64_t linear, uint64_t length, bool add)
{
	struct cpu_debugger *debugger;
	unsigned i;
	int error = debugger_have(cpu);

	if (error)
		return error;
	if (!length || linear + length - 1 < linear)
		return -EINVAL;
	debugger = cpu->debugger;
	for (i = 0; i < debugger->count; i++)
		if (debugger->points[i].kind == kind && debugger->points[i].address == linear &&
			debugger->points[i].length == length)
			break;
	if (!add && i == debugger->count)
		return -ENOENT;
	if (add && i == debugger->count) {
		if (debugger->count == DEBUGGER_POINTS)
			return -ENOSPC;
		debugger->points[i].kind = kind;
		debugger->points[i].address = linear;
		debugger->points[i].length = length;
		debugger->count++;
		debugger->code_count += kind == DEBUGGER_EXEC;
	} else if (!add) {
		debugger->points[i] = debugger->points[--debugger->count];
		debugger->code_count -= kind == DEBUGGER_EXEC;
	}
	cpu_tlb_select(cpu);
	return 0;
}

int debugger_resume(struct cpu *cpu, bool step)
{
	int error = debugger_have(cpu);

	if (error)
		return error;
	cpu->debugger->step = step;
	cpu->debugger->resumed = cpu->instructions;
	cpu->debugger->resumed_rip = cpu->rip;
	cpu->debugger->reason = DEBUGGER_NONE;
	cpu_tlb_select(cpu);
	return 0;
}

static bool breakpoint_at(const struct cpu_debugger *debugger, uint64_t linear)
{
	for (unsigned i = 0; i < debugger->count; i++)
		if (debugger->points[i].kind == DEBUGGER_EXEC && debugger->points[i].address == linear)
			return true;
	return false;
}

unsigned debugger_limit(const struct cpu *cpu, const struct block *block, unsigned limit)
{
	uint64_t linear = cpu->fast[CPU_CS].base + cpu->rip;
	unsigned i = 0;

	if (!cpu->debugger->code_count)
		return limit;
	/* Where it was resumed it must get on; the handler of an interrupt or fault that came first is elsewhere. */
	if (cpu->debugger->resumed == cpu->instructions && cpu->debugger->resumed_rip == cpu->rip && limit)
		linear += block->insns[i++].length;
	for (; i < limit; linear += block->insns[i++].length)
		if (breakpoint_at(cpu->debugger, linear & cpu->linear_mask))
			return i;
	return limit;
}

void debugger_data(struct cpu *cpu, uint64_t linear, unsigned size, bool write)
{
	static const enum debugger_reason reasons[] = {
		[DEBUGGER_WRITE] = DEBUGGER_WATCH_WRITE,
		[DEBUGGER_READ] = DEBUGGER_WATCH_READ,
		[DEBUGGER_ACCESS] = DEBUGGER_WATCH_ACCESS,
	};
	struct cpu_debugger *debugger = cpu->debugger;

	for (unsigned i = 0; i < debugger->count; i++) {
		enum debugger_kind kind = debugger->points[i].kind;

		if (kind == DEBUGGER_EXEC || kind == (write ? DEBUGGER_READ : DEBUGGER_WRITE))
			continue;
		if (linear > debugger->points[i].address + debugger->points[i].length - 1 ||
			debugger->points[i].address > linear + size - 1)
			continue;
		debugger->reason = reasons[kind];
		debugger->address = linear > debugger->points[i].address ? linear : debugger->points[i].address;
		/* The instruction ends first. */
		cpu->block_end = cpu->attention = true;
	}
}

static void physical_peek(struct cpu *cpu, uint64_t physical, uint8_t *data, unsigned size, bool write)
{
	struct cpu_page page;

	physical_page(cpu, physical, &page);
	if (!page.host) {
		if (!write)
			memset(data, 0, size);
	} else if (!write) {
		memcpy(data, page.host + (physical & 0xfff), size);
	} else {
		/* The bus tells whoever tracks the page, and drops translated code. */
		cpu->bus.write(cpu->bus.self, physical, data, size);
	}
}

void debugger_physical(struct cpu *cpu, uint64_t physical, void *data, uint64_t length, bool write)
{
	uint8_t *bytes = data;

	while (length) {
		uint64_t size = 64 - physical % 64;

		if (size > length)
			size = length;
		physical_peek(cpu, physical, bytes, (unsigned)size, write);
		physical += size;
		bytes += size;
		length -= size;
	}
}

bool debugger_memory(struct cpu *cpu, uint64_t linear, void *data, uint64_t length, bool write)
{
	uint8_t *bytes = data;

	while (length) {
		uint64_t physical, size = 64 - linear % 64;

		if (size > length)
			size = length;
		if (!paging_peek(cpu, linear & (cpu->efer & CPU_EFER_LMA ? UINT64_MAX : UINT32_MAX), &physical))
			return false;
		physical_peek(cpu, physical, bytes, (unsigned)size, write);
		linear += size;
		bytes += size;
		length -= size;
	}
	return true;
}
