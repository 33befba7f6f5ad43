/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/debug.h"

#include "vmm/cpu/debugger.h"

enum { BREAK_EXEC, BREAK_WRITE, BREAK_IO, BREAK_ACCESS };

static bool enabled(const struct cpu *cpu, unsigned i)
{
	return (cpu->dr[7] >> (2 * i) & 3) != 0;
}

static unsigned kind(const struct cpu *cpu, unsigned i)
{
	return cpu->dr[7] >> (16 + 4 * i) & 3;
}

static unsigned length(const struct cpu *cpu, unsigned i)
{
	static const uint8_t lengths[4] = { 1, 2, 8, 4 };

	return lengths[cpu->dr[7] >> (18 + 4 * i) & 3];
}

bool debug_data_armed(const struct cpu *cpu)
{
	if (!(cpu->dr[7] & 0xff))
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (enabled(cpu, i) && (kind(cpu, i) == BREAK_WRITE || kind(cpu, i) == BREAK_ACCESS))
			return true;
	return false;
}

bool debug_code_armed(const struct cpu *cpu)
{
	if (!(cpu->dr[7] & 0xff))
		return false;
	for (unsigned i = 0; i < 4; i++)
		if (enabled(cpu, i) && kind(cpu, i) == BREAK_EXEC)
			return true;
	return false;
}

uint32_t debug_code(const struct cpu *cpu, uint64_t linear)
{
	uint32_t hits = 0;
	bool taken = false;

	/* A match sets its B bit even while disabled, if an enabled one makes the exception (SDM 17.2.3). */
	for (unsigned i = 0; i < 4; i++) {
		if (kind(cpu, i) != BREAK_EXEC || cpu->dr[i] != linear)
			continue;
		hits |= 1u << i;
		taken |= enabled(cpu, i);
	}
	return taken ? hits : 0;
}

static void range_note(struct cpu *cpu, uint64_t address, unsigned size, unsigned kind1, unsigned kind2)
{
	uint32_t hits = 0;
	bool taken = false;

	for (unsigned i = 0; i < 4; i++) {
		unsigned bytes = length(cpu, i);
		uint64_t start = cpu->dr[i] & ~(uint64_t)(bytes - 1);

		if (kind(cpu, i) != kind1 && kind(cpu, i) != kind2)
			continue;
		if (address >= start + bytes || start >= address + size)
			continue;
		hits |= 1u << i;
		taken |= enabled(cpu, i);
	}
	if (taken) {
		cpu->pending_db |= hits;
		cpu->block_end = true;
	}
}

void debug_data(struct cpu *cpu, uint64_t linear, unsigned size, bool write)
{
	if (debugger_watches(cpu))
		debugger_data(cpu, linear, size, write);
	if (cpu->dr[7] & 0xff)
		range_note(cpu, linear, size, BREAK_ACCESS, write ? BREAK_WRITE : BREAK_ACCESS);
}

void debug_port(struct cpu *cpu, uint16_t port, unsigned size)
{
	if (cpu->dr[7] & 0xff && cpu->cr4 & CPU_CR4_DE)
		range_note(cpu, port, size, BREAK_IO, BREAK_IO);
}
