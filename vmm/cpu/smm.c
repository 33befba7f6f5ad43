/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * System management mode: SMI and RSM (SDM vol. 3C, chapter 34).
 *
 * The state save map ends at SMBASE + FFFF.  Without Intel 64, what the manual documents lies where table 34-1 says;
 * the rest, which it calls reserved, is laid out as on the P6: descriptor caches, table registers, CR4 and what an I/O
 * restart needs.  With it, smm_long.c has the map.
 */
#include "vmm/cpu/smm.h"

#include <string.h>

#include "vmm/cpu/model.h"

#include "vmm/cpu/debug.h"
#include "vmm/cpu/decode_table.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/system.h"
#include "vmm/cpu/trace.h"

/* Offsets as the manual gives them: from SMBASE + 8000. */
enum {
	MAP_SMBASE = 0x7ef8,
	MAP_REVISION = 0x7efc,
	MAP_IO_RESTART = 0x7f00,
	MAP_HALT_RESTART = 0x7f02,
	MAP_IO_EDI = 0x7f04,
	MAP_IO_ECX = 0x7f08,
	MAP_IO_ESI = 0x7f0c,
	MAP_IO_EIP = 0x7f10,
	MAP_CR4 = 0x7f14,
	MAP_PENDING_DB = 0x7f18,
	MAP_DS = 0x7f2c, /* descriptor caches: attributes, limit, base */
	MAP_FS = 0x7f38,
	MAP_GS = 0x7f44,
	MAP_IDTR = 0x7f54, /* limit, base */
	MAP_TR = 0x7f5c,
	MAP_GDTR = 0x7f70,
	MAP_LDTR = 0x7f78,
	MAP_ES = 0x7f84,
	MAP_CS = 0x7f90,
	MAP_SS = 0x7f9c,
	MAP_SELECTORS = 0x7fa8, /* ES, CS, SS, DS, FS, GS */
	MAP_LDTR_SELECTOR = 0x7fc0,
	MAP_TR_SELECTOR = 0x7fc4,
	MAP_DR7 = 0x7fc8,
	MAP_DR6 = 0x7fcc,
	MAP_EAX = 0x7fd0, /* and up, in the order of their numbers */
	MAP_EIP = 0x7ff0,
	MAP_EFLAGS = 0x7ff4,
	MAP_CR3 = 0x7ff8,
	MAP_CR0 = 0x7ffc,
	MAP_END = 0x8000,
};
#define MAP_FIRST 0x7e00 /* of the longer map */

/* SMBASE relocation and I/O instruction restart (34.9). */
#define REVISION 0x00030000u

static const uint16_t caches[CPU_SEGMENTS] = { MAP_ES, MAP_CS, MAP_SS, MAP_DS, MAP_FS, MAP_GS };

_Static_assert(sizeof(struct smm_map) == MAP_END - MAP_FIRST, "the map is as long as the longer of the two");

static bool map_is_long(const struct cpu *cpu)
{
	return cpu->model->features_ext_edx & CPU_FEATURE_LM;
}

static void put(struct smm_map *map, unsigned offset, uint64_t value)
{
	uint32_t low = (uint32_t)value;

	memcpy(map->bytes + (offset - MAP_FIRST), &low, 4);
}

static uint32_t get(const struct smm_map *map, unsigned offset)
{
	uint32_t value;

	memcpy(&value, map->bytes + (offset - MAP_FIRST), 4);
	return value;
}

static void put_cache(struct smm_map *map, unsigned offset, const struct cpu_segment *segment)
{
	/* As in a descriptor's second word. */
	put(map, offset, (uint32_t)segment->attributes << 8);
	put(map, offset + 4, segment->limit);
	put(map, offset + 8, segment->base);
}

static void get_cache(const struct smm_map *map, unsigned offset, struct cpu_segment *segment)
{
	segment->attributes = (uint16_t)(get(map, offset) >> 8 & 0xf0ff);
	segment->limit = get(map, offset + 4);
	segment->base = get(map, offset + 8);
}

/* The map in memory, physical and without A20M#; SMBASE may put it across pages. */
static void map_access(struct cpu *cpu, struct smm_map *map, bool write)
{
	unsigned skipped = map_is_long(cpu) ? 0 : MAP_SMBASE - MAP_FIRST;
	uint32_t at = cpu->smbase + 0x8000 + MAP_FIRST + skipped;

	for (unsigned done = skipped; done < sizeof(map->bytes);) {
		unsigned size = CPU_PAGE_SIZE - (at & (CPU_PAGE_SIZE - 1));

		if (size > 64)
			size = 64;
		if (size > sizeof(map->bytes) - done)
			size = (unsigned)sizeof(map->bytes) - done;
		if (write)
			physical_write(cpu, at, map->bytes + done, size);
		else
			physical_read(cpu, at, map->bytes + done, size);
		done += size;
		at += size;
	}
}

void smm_io(struct cpu *cpu)
{
	cpu->io.instructions = cpu->instructions;
	cpu->io.rip = cpu->rip;
	cpu->io.rcx = cpu->gpr[CPU_RCX];
	cpu->io.rsi = cpu->gpr[CPU_RSI];
	cpu->io.rdi = cpu->gpr[CPU_RDI];
}

bool smm_io_last(const struct cpu *cpu)
{
	uint64_t since = cpu->instructions - cpu->io.instructions;

	/* A repeated one has not retired between its iterations. */
	return since == 1 || (since == 0 && cpu->io.rip == cpu->rip);
}

static void state_save(struct cpu *cpu, struct smm_map *map)
{
	put(map, MAP_SMBASE, cpu->smbase);
	put(map, MAP_REVISION, REVISION);
	/* Auto HALT restart in the upper word, I/O instruction restart in the lower (34.10, 34.12). */
	put(map, MAP_IO_RESTART, (uint32_t)cpu->halted << 16);
	put(map, MAP_IO_EIP, smm_io_last(cpu) ? cpu->io.rip : cpu->rip);
	put(map, MAP_IO_ECX, smm_io_last(cpu) ? cpu->io.rcx : cpu->gpr[CPU_RCX]);
	put(map, MAP_IO_ESI, smm_io_last(cpu) ? cpu->io.rsi : cpu->gpr[CPU_RSI]);
	put(map, MAP_IO_EDI, smm_io_last(cpu) ? cpu->io.rdi : cpu->gpr[CPU_RDI]);
	put(map, MAP_CR4, cpu->cr4);
	/* SMI goes before the traps of the instruction behind it (vol. 3A, table 6-2), which must not be lost. */
	put(map, MAP_PENDING_DB, cpu->pending_db);
	for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
		put(map, MAP_SELECTORS + 4 * i, cpu->segment[i].selector);
		put_cache(map, caches[i], &cpu->segment[i]);
	}
	put(map, MAP_LDTR_SELECTOR, cpu->ldtr.selector);
	put_cache(map, MAP_LDTR, &cpu->ldtr);
	put(map, MAP_TR_SELECTOR, cpu->tr.selector);
	put_cache(map, MAP_TR, &cpu->tr);
	put(map, MAP_GDTR, cpu->gdtr.limit);
	put(map, MAP_GDTR + 4, cpu->gdtr.base);
	put(map, MAP_IDTR, cpu->idtr.limit);
	put(map, MAP_IDTR + 4, cpu->idtr.base);
	put(map, MAP_DR6, cpu->dr[6]);
	put(map, MAP_DR7, cpu->dr[7]);
	for (unsigned i = 0; i < 8; i++)
		put(map, MAP_EAX + 4 * i, cpu->gpr[i]);
	put(map, MAP_EIP, cpu->rip);
	put(map, MAP_EFLAGS, cpu_rflags(cpu));
	put(map, MAP_CR3, cpu->cr3);
	put(map, MAP_CR0, cpu->cr0);
}

void smm_enter(struct cpu *cpu)
{
	/* Table 34-4.  Limits of 4 GiB, in 16-bit segments. */
	const struct cpu_segment flat = { .attributes = CPU_SEGMENT_G | 0x93, .limit = 0xffffffff };
	struct smm_map map;

	trace_smm(cpu, "smi", cpu->rip);
	cpu->in_smm = true;
	cpu->a20_mask = UINT64_MAX; /* A20M# is blocked (34.6) */
	if (cpu->bus.smiact)
		cpu->bus.smiact(cpu->bus.self, true);
	memset(&map, 0, sizeof(map));
	if (map_is_long(cpu))
		smm_map_save_long(cpu, &map);
	else
		state_save(cpu, &map);
	map_access(cpu, &map, true);

	cpu->halted = cpu->frozen = cpu->shutdown = cpu->interrupt_shadow = cpu->shadow_ss = false;
	cpu->nmi_blocked = true;
	cpu->pending_db = 0;
	cpu->rflags = CPU_FLAG_FIXED;
	cpu->flags_op = FLAGS_VALID;
	cpu->cr0 &= ~(uint64_t)(CPU_CR0_PE | CPU_CR0_EM | CPU_CR0_TS | CPU_CR0_PG);
	cpu->cr4 = 0;
	cpu->efer = 0;
	cpu->dr[7] = DR7_FIXED;
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		cpu->segment[i] = flat;
	cpu->segment[CPU_CS].selector = (uint16_t)(cpu->smbase >> 4);
	cpu->segment[CPU_CS].base = cpu->smbase;
	cpu->cpl = 0;
	cpu->rip = 0x8000;
	tlb_flush(cpu, true);
	cpu_mode_update(cpu);
}

static bool state_valid(const struct cpu *cpu, const struct smm_map *map)
{
	uint32_t cr0 = get(map, MAP_CR0), cr4 = get(map, MAP_CR4);

	return cr0_possible(cr0) && !(cr4 & ~cr4_allowed(cpu)) && !(cr4 & CPU_CR4_PCIDE);
}

void smm_debug_load(struct cpu *cpu, uint32_t dr6, uint32_t dr7, uint32_t pending)
{
	cpu->dr[6] = (dr6 & (DR6_BD | DR6_BS | DR6_BT | 0xf)) | DR6_FIXED;
	cpu->dr[7] = (dr7 & 0xffff2bff) | DR7_FIXED;
	cpu->pending_db = pending & (DR6_BS | DR6_BT | 0xf);
}

void smm_flags_load(struct cpu *cpu, uint32_t flags)
{
	flags &= CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_IF | CPU_FLAG_DF | CPU_FLAG_IOPL | CPU_FLAG_NT |
		CPU_FLAG_RF | CPU_FLAG_VM | CPU_FLAG_AC | CPU_FLAG_VIF | CPU_FLAG_VIP | CPU_FLAG_ID;
	if (!(cpu->cr0 & CPU_CR0_PE) || cpu->efer & CPU_EFER_LMA)
		flags &= ~CPU_FLAG_VM;
	cpu->rflags = flags | CPU_FLAG_FIXED;
	cpu->flags_op = FLAGS_VALID;
	/* CPL is SS.DPL wherever there is one. */
	if (flags & CPU_FLAG_VM)
		cpu->cpl = 3;
	else
		cpu->cpl = cpu->cr0 & CPU_CR0_PE ? CPU_SEGMENT_DPL(cpu->segment[CPU_SS].attributes) : 0;
}

static void registers_load(struct cpu *cpu, const struct smm_map *map)
{
	bool io_restart = (get(map, MAP_IO_RESTART) & 0xffff) == 0xff;

	for (unsigned i = 0; i < 8; i++)
		cpu->gpr[i] = get(map, MAP_EAX + 4 * i);
	cpu->next_rip = get(map, MAP_EIP);
	if (io_restart) {
		cpu->next_rip = get(map, MAP_IO_EIP);
		cpu->gpr[CPU_RCX] = get(map, MAP_IO_ECX);
		cpu->gpr[CPU_RSI] = get(map, MAP_IO_ESI);
		cpu->gpr[CPU_RDI] = get(map, MAP_IO_EDI);
	}
	cpu->halted = get(map, MAP_IO_RESTART) >> 16 & 1;
	smm_debug_load(cpu, get(map, MAP_DR6), get(map, MAP_DR7), get(map, MAP_PENDING_DB));
}

static void segments_load(struct cpu *cpu, const struct smm_map *map)
{
	for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
		cpu->segment[i].selector = (uint16_t)get(map, MAP_SELECTORS + 4 * i);
		get_cache(map, caches[i], &cpu->segment[i]);
	}
	cpu->ldtr.selector = (uint16_t)get(map, MAP_LDTR_SELECTOR);
	get_cache(map, MAP_LDTR, &cpu->ldtr);
	cpu->tr.selector = (uint16_t)get(map, MAP_TR_SELECTOR);
	get_cache(map, MAP_TR, &cpu->tr);
	cpu->gdtr.limit = get(map, MAP_GDTR) & 0xffff;
	cpu->gdtr.base = get(map, MAP_GDTR + 4);
	cpu->idtr.limit = get(map, MAP_IDTR) & 0xffff;
	cpu->idtr.base = get(map, MAP_IDTR + 4);
}

static void mode_load(struct cpu *cpu, const struct smm_map *map)
{
	cpu->cr0 = cr0_settled(get(map, MAP_CR0));
	cpu->cr3 = get(map, MAP_CR3);
	cpu->cr4 = get(map, MAP_CR4);
	smm_flags_load(cpu, get(map, MAP_EFLAGS));
}

/* False: the map is not of a state that a CPU can have. */
static bool map_load(struct cpu *cpu, const struct smm_map *map)
{
	if (map_is_long(cpu))
		return smm_map_load_long(cpu, map);
	if (!state_valid(cpu, map))
		return false;
	registers_load(cpu, map);
	segments_load(cpu, map);
	mode_load(cpu, map);
	cpu->smbase = get(map, MAP_SMBASE);
	return true;
}

static int rsm(struct cpu *cpu, const struct insn *insn)
{
	struct smm_map map;

	(void)insn;
	if (!cpu->in_smm)
		return cpu_raise(cpu, CPU_UD);
	map_access(cpu, &map, false);
	if (!map_load(cpu, &map))
		return cpu_raise(cpu, CPU_SHUTDOWN);
	cpu->in_smm = false;
	cpu->nmi_blocked = false; /* whatever it was before: the map does not say (34.8) */
	cpu->a20_mask = __atomic_load_n(&cpu->a20_mask_next, __ATOMIC_ACQUIRE);
	if (cpu->bus.smiact)
		cpu->bus.smiact(cpu->bus.self, false);
	/* The handler may have used PAE itself. */
	if (cpu->cr0 & CPU_CR0_PG && cpu->cr4 & CPU_CR4_PAE && !(cpu->efer & CPU_EFER_LMA) &&
		!paging_load_pdptes(cpu, cpu->cr3, cpu->pdpte))
		return cpu_raise(cpu, CPU_SHUTDOWN);
	tlb_flush(cpu, true);
	cpu_mode_update(cpu);
	trace_smm(cpu, "rsm", cpu->next_rip);
	return CPU_END;
}

insn_execute *smm_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return rsm;
}
