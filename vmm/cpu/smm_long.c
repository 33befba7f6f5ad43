/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The state save map of a processor with 64-bit mode.
 *
 * Intel keeps most of what RSM restores in reserved parts of its own (SDM vol. 3C, table 34-3).  Firmware for virtual
 * machines looks for the map that AMD documents whole, with its revision (AMD64 APM vol. 2, table 10-1), so that is
 * the one we have.
 */
#include <string.h>

#include "vmm/cpu/flags.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/smm.h"
#include "vmm/cpu/system.h"

/* Offsets from SMBASE + 8000. */
enum {
	MAP_FIRST = 0x7e00,
	MAP_SEGMENTS = 0x7e00, /* ES, CS, SS, DS, FS, GS, 16 bytes each: selector, attributes, limit, base */
	MAP_GDTR = 0x7e60,     /* limit at 4, base at 8 */
	MAP_LDTR = 0x7e70,
	MAP_IDTR = 0x7e80,
	MAP_TR = 0x7e90,
	MAP_IO_RIP = 0x7ea0,
	MAP_IO_RCX = 0x7ea8,
	MAP_IO_RSI = 0x7eb0,
	MAP_IO_RDI = 0x7eb8,
	MAP_IO_RESTART = 0x7ec8,
	MAP_HALT_RESTART = 0x7ec9,
	MAP_EFER = 0x7ed0,
	MAP_REVISION = 0x7efc,
	MAP_SMBASE = 0x7f00,
	MAP_PENDING_DB = 0x7f04, /* reserved; ours */
	MAP_CR4 = 0x7f48,
	MAP_CR3 = 0x7f50,
	MAP_CR0 = 0x7f58,
	MAP_DR7 = 0x7f60,
	MAP_DR6 = 0x7f68,
	MAP_RFLAGS = 0x7f70,
	MAP_RIP = 0x7f78,
	MAP_R15 = 0x7f80, /* and down to RAX at 7FF8, in the order of their numbers */
};

/* The 64-bit map, with SMBASE relocation and I/O instruction restart. */
#define REVISION 0x00030064u

#define EFER_KNOWN (CPU_EFER_SCE | CPU_EFER_LME | CPU_EFER_LMA | CPU_EFER_NXE)

static void put(struct smm_map *map, unsigned offset, unsigned size, uint64_t value)
{
	memcpy(map->bytes + (offset - MAP_FIRST), &value, size);
}

static uint64_t get(const struct smm_map *map, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, map->bytes + (offset - MAP_FIRST), size);
	return value;
}

static void put_segment(struct smm_map *map, unsigned offset, const struct cpu_segment *segment)
{
	put(map, offset, 2, segment->selector);
	put(map, offset + 2, 2, segment->attributes);
	put(map, offset + 4, 4, segment->limit);
	put(map, offset + 8, 8, segment->base);
}

static void get_segment(const struct smm_map *map, unsigned offset, struct cpu_segment *segment)
{
	segment->selector = (uint16_t)get(map, offset, 2);
	segment->attributes = get(map, offset + 2, 2) & 0xf0ff;
	segment->limit = (uint32_t)get(map, offset + 4, 4);
	segment->base = get(map, offset + 8, 8);
}

void smm_map_save_long(struct cpu *cpu, struct smm_map *map)
{
	bool io = smm_io_last(cpu);

	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		put_segment(map, MAP_SEGMENTS + 16 * i, &cpu->segment[i]);
	put_segment(map, MAP_LDTR, &cpu->ldtr);
	put_segment(map, MAP_TR, &cpu->tr);
	put(map, MAP_GDTR + 4, 2, cpu->gdtr.limit);
	put(map, MAP_GDTR + 8, 8, cpu->gdtr.base);
	put(map, MAP_IDTR + 4, 2, cpu->idtr.limit);
	put(map, MAP_IDTR + 8, 8, cpu->idtr.base);
	put(map, MAP_IO_RIP, 8, io ? cpu->io.rip : cpu->rip);
	put(map, MAP_IO_RCX, 8, io ? cpu->io.rcx : cpu->gpr[CPU_RCX]);
	put(map, MAP_IO_RSI, 8, io ? cpu->io.rsi : cpu->gpr[CPU_RSI]);
	put(map, MAP_IO_RDI, 8, io ? cpu->io.rdi : cpu->gpr[CPU_RDI]);
	put(map, MAP_HALT_RESTART, 1, cpu->halted);
	put(map, MAP_EFER, 8, cpu->efer);
	put(map, MAP_REVISION, 4, REVISION);
	put(map, MAP_SMBASE, 4, cpu->smbase);
	/* SMI goes before the traps of the instruction behind it (vol. 3A, table 6-2), which must not be lost. */
	put(map, MAP_PENDING_DB, 4, cpu->pending_db);
	put(map, MAP_CR4, 8, cpu->cr4);
	put(map, MAP_CR3, 8, cpu->cr3);
	put(map, MAP_CR0, 8, cpu->cr0);
	put(map, MAP_DR7, 8, cpu->dr[7]);
	put(map, MAP_DR6, 8, cpu->dr[6]);
	put(map, MAP_RFLAGS, 8, cpu_rflags(cpu));
	put(map, MAP_RIP, 8, cpu->rip);
	for (unsigned i = 0; i < 16; i++)
		put(map, MAP_R15 + 8 * (15 - i), 8, cpu->gpr[i]);
}

/* Do control registers and EFER go together?  (34.4.2) */
static bool control_valid(const struct cpu *cpu, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
	bool lma = efer & CPU_EFER_LMA;

	if (!cr0_possible(cr0) || cr4 & ~cr4_allowed(cpu) || efer & ~(uint64_t)EFER_KNOWN)
		return false;
	if (lma != (efer & CPU_EFER_LME && cr0 & CPU_CR0_PG))
		return false;
	if (lma)
		return cr4 & CPU_CR4_PAE && !(cr3 >> cpu->model->physical_bits);
	return !(cr4 & CPU_CR4_PCIDE);
}

bool smm_map_load_long(struct cpu *cpu, const struct smm_map *map)
{
	uint64_t cr0 = get(map, MAP_CR0, 8), cr3 = get(map, MAP_CR3, 8), cr4 = get(map, MAP_CR4, 8);
	uint64_t efer = get(map, MAP_EFER, 8);

	if (!control_valid(cpu, cr0, cr3, cr4, efer))
		return false;
	cpu->cr0 = cr0_settled(cr0);
	cpu->cr3 = cr3;
	cpu->cr4 = cr4;
	cpu->efer = efer;
	for (unsigned i = 0; i < 16; i++)
		cpu->gpr[i] = get(map, MAP_R15 + 8 * (15 - i), 8);
	cpu->next_rip = get(map, MAP_RIP, 8);
	if (get(map, MAP_IO_RESTART, 1) == 0xff) {
		cpu->next_rip = get(map, MAP_IO_RIP, 8);
		cpu->gpr[CPU_RCX] = get(map, MAP_IO_RCX, 8);
		cpu->gpr[CPU_RSI] = get(map, MAP_IO_RSI, 8);
		cpu->gpr[CPU_RDI] = get(map, MAP_IO_RDI, 8);
	}
	cpu->halted = get(map, MAP_HALT_RESTART, 1) & 1;
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		get_segment(map, MAP_SEGMENTS + 16 * i, &cpu->segment[i]);
	get_segment(map, MAP_LDTR, &cpu->ldtr);
	get_segment(map, MAP_TR, &cpu->tr);
	cpu->gdtr.limit = (uint32_t)get(map, MAP_GDTR + 4, 2);
	cpu->gdtr.base = get(map, MAP_GDTR + 8, 8);
	cpu->idtr.limit = (uint32_t)get(map, MAP_IDTR + 4, 2);
	cpu->idtr.base = get(map, MAP_IDTR + 8, 8);
	smm_debug_load(cpu, (uint32_t)get(map, MAP_DR6, 4), (uint32_t)get(map, MAP_DR7, 4),
		(uint32_t)get(map, MAP_PENDING_DB, 4));
	smm_flags_load(cpu, (uint32_t)get(map, MAP_RFLAGS, 4));
	cpu->smbase = (uint32_t)get(map, MAP_SMBASE, 4);
	return true;
}
