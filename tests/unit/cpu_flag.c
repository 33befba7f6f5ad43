/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The flags that IOPL, VME and PVI guard: CLI, STI, PUSHF, POPF and IRET (SDM vol. 2; vol. 3B, 20.3 and 20.4).
 */
#include "tests/unit/cpu_modes.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define IOPL(n)   ((uint32_t)(n) << 12)
#define ALL_FLAGS 0x3f7fd7u

/* CLI and STI by the decision tables of their pages: IF, VIF, or #GP. */
START_TEST(cli_sti)
{
	enum { IF = CPU_FLAG_IF, VIF = CPU_FLAG_VIF, VIP = CPU_FLAG_VIP };
	static const struct {
		enum mode mode;
		uint32_t flags, cr4;
		uint32_t changes; /* 0: #GP */
		bool sti_faults;
	} rows[] = {
		{ REAL, 0, 0, IF, false },
		{ RING0, 0, 0, IF, false },
		{ RING3, IOPL(3), 0, IF, false },
		{ RING3, IOPL(2), 0, 0, true },
		{ RING3, IOPL(2), CPU_CR4_PVI, VIF, false },
		{ RING3, IOPL(2) | VIP, CPU_CR4_PVI, VIF, true },
		{ RING3, IOPL(3) | VIP, CPU_CR4_PVI, IF, false },
		{ RING3, IOPL(2), CPU_CR4_VME, 0, true },
		{ RING0, VIP, CPU_CR4_PVI, IF, false },
		{ V86, IOPL(3), 0, IF, false },
		{ V86, IOPL(0), 0, 0, true },
		{ V86, IOPL(2), CPU_CR4_VME, VIF, false },
		{ V86, IOPL(2) | VIP, CPU_CR4_VME, VIF, true },
		{ V86, IOPL(2), CPU_CR4_PVI, 0, true },
		{ V86, IOPL(3) | VIP, CPU_CR4_VME, IF, false },
		{ LONG3, IOPL(0), CPU_CR4_PVI, VIF, false },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 4 * ARRAY(rows); i++) {
		unsigned row = i / 4;
		bool sti = i & 1, before = i & 2, faults = sti ? rows[row].sti_faults : !rows[row].changes;
		uint32_t changes = rows[row].changes, flags;

		mode_start(rows[row].mode, rows[row].flags | (before ? changes : 0));
		cpu->cr4 |= rows[row].cr4;
		/* VIF with VIP would be delivered as a virtual interrupt at once. */
		if (faults && before)
			continue;
		CODE(CODE_AT, sti ? 0xfb : 0xfa, 0x90);
		flags = (uint32_t)cpu->rflags;
		if (before && changes == VIF && flags & VIP)
			continue;
		mode_expect(row, rows[row].mode, faults ? CPU_GP : OK, 1);
		if (!faults)
			ck_assert_msg(cpu->rflags == (sti ? flags | changes : flags & ~changes), "row %u: %llx", row,
				(unsigned long long)cpu->rflags);
	}
}
END_TEST

/* POPF of all ones, and of zeros under all ones: which flags change (vol. 2B, tables 4-15 and 4-16). */
START_TEST(popf)
{
	enum {
		STATUS = CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_DF | CPU_FLAG_NT,
		WIDE = CPU_FLAG_AC | CPU_FLAG_ID
	};
	static const struct {
		enum mode mode;
		uint32_t iopl;
		bool narrow;
		uint32_t changes;
	} rows[] = {
		{ REAL, 0, true, STATUS | CPU_FLAG_IF | CPU_FLAG_IOPL },
		{ REAL, 0, false, STATUS | CPU_FLAG_IF | CPU_FLAG_IOPL | WIDE },
		{ RING0, 0, false, STATUS | CPU_FLAG_IF | CPU_FLAG_IOPL | WIDE },
		{ RING0, 0, true, STATUS | CPU_FLAG_IF | CPU_FLAG_IOPL },
		{ RING3, 0, false, STATUS | WIDE },
		{ RING3, IOPL(2), true, STATUS },
		{ RING3, IOPL(3), false, STATUS | CPU_FLAG_IF | WIDE },
		{ V86, IOPL(3), false, STATUS | CPU_FLAG_IF | WIDE },
		{ V86, IOPL(3), true, STATUS | CPU_FLAG_IF },
		{ LONG0, 0, false, STATUS | CPU_FLAG_IF | CPU_FLAG_IOPL | WIDE },
		{ LONG3, 0, false, STATUS | WIDE },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2;
		bool sixteen = rows[row].mode == REAL || rows[row].mode == V86, prefix = sixteen != rows[row].narrow;
		uint32_t image = i & 1 ? 0 : ALL_FLAGS & ~(CPU_FLAG_VM | CPU_FLAG_RF);
		uint32_t size = rows[row].narrow ? 2 : rows[row].mode >= LONG0 ? 8 : 4, flags;
		uint64_t top;

		mode_start(rows[row].mode, rows[row].iopl);
		if (i & 1)
			cpu->rflags |= rows[row].changes & ~(CPU_FLAG_TF | CPU_FLAG_AC);
		if (prefix)
			CODE(CODE_AT, 0x66, 0x9d);
		else
			CODE(CODE_AT, 0x9d);
		flags = (uint32_t)cpu->rflags;
		top = reg(CPU_RSP) - size;
		cpu->gpr[CPU_RSP] = top;
		ram_put64((uint32_t)top, image);
		mode_expect(row, rows[row].mode, OK, prefix ? 2 : 1);
		ck_assert_uint_eq(reg(CPU_RSP), top + size);
		ck_assert_msg(cpu_rflags(cpu) == ((flags & ~rows[row].changes) | (image & rows[row].changes)),
			"row %u: %llx", row, (unsigned long long)cpu_rflags(cpu));
	}
	/* At the end of the stack. */
	mode_start(RING0, 0);
	CODE(CODE_AT, 0x9d);
	cpu->segment[CPU_SS].limit = 0x9000;
	cpu->gpr[CPU_RSP] = 0x8fff;
	mode_expect(0, RING0, CPU_SSF, 1);
}
END_TEST

/* PUSHF, POPF and IRET in virtual-8086 mode with IOPL below 3: #GP, or with VME and 16 bits VIF in IF's place. */
START_TEST(v86_flags)
{
	enum { PUSHF = 0x9c, POPF = 0x9d, IRET = 0xcf };
	static const struct {
		uint8_t opcode;
		bool wide;
		uint32_t cr4, flags;
		uint16_t image;
		unsigned vector;
		uint32_t vif; /* after it */
	} rows[] = {
		{ PUSHF, false, 0, 0, 0, CPU_GP, 0 },
		{ PUSHF, true, CPU_CR4_VME, 0, 0, CPU_GP, 0 },
		{ PUSHF, false, CPU_CR4_VME, 0, 0x3002, OK, 0 },
		{ PUSHF, false, CPU_CR4_VME, CPU_FLAG_VIF, 0x3202, OK, CPU_FLAG_VIF },
		{ PUSHF, false, CPU_CR4_VME, CPU_FLAG_IF | IOPL(1), 0x3002, OK, 0 },
		{ POPF, false, 0, 0, 0, CPU_GP, 0 },
		{ POPF, true, CPU_CR4_VME, 0, 0, CPU_GP, 0 },
		{ POPF, false, CPU_CR4_VME, 0, 0x0200, OK, CPU_FLAG_VIF },
		{ POPF, false, CPU_CR4_VME, CPU_FLAG_VIF, 0x3000, OK, 0 },
		{ POPF, false, CPU_CR4_VME, 0, 0x0100, CPU_GP, 0 }, /* TF */
		{ POPF, false, CPU_CR4_VME, CPU_FLAG_VIP, 0x0200, CPU_GP, 0 },
		{ POPF, false, CPU_CR4_VME, CPU_FLAG_VIP, 0x0000, OK, 0 },
		{ IRET, false, 0, 0, 0, CPU_GP, 0 },
		{ IRET, true, CPU_CR4_VME, 0, 0, CPU_GP, 0 },
		{ IRET, false, CPU_CR4_VME, 0, 0x0200, OK, CPU_FLAG_VIF },
		{ IRET, false, CPU_CR4_VME, CPU_FLAG_VIF, 0, OK, 0 },
		{ IRET, false, CPU_CR4_VME, 0, 0x0100, CPU_GP, 0 },
		{ IRET, false, CPU_CR4_VME, CPU_FLAG_VIP, 0x0200, CPU_GP, 0 },
		{ IRET, false, CPU_CR4_VME, CPU_FLAG_VIP, 0, OK, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint32_t before;

		mode_start(V86, rows[i].flags);
		if (rows[i].wide)
			CODE(CODE_AT, 0x66, rows[i].opcode);
		else
			CODE(CODE_AT, rows[i].opcode, 0x90);
		cpu->cr4 |= rows[i].cr4;
		cpu->gpr[CPU_RSP] = 0x7000;
		ram_put64(0x7000, rows[i].image);
		if (rows[i].opcode == IRET)
			ram_put64(0x7000, (CODE_AT + 1) | (uint64_t)rows[i].image << 32);
		before = (uint32_t)cpu->rflags;
		mode_expect(i, V86, rows[i].vector, 1);
		if (rows[i].vector != OK)
			continue;
		ck_assert_msg((cpu->rflags & CPU_FLAG_VIF) == rows[i].vif, "row %u", i);
		ck_assert_uint_eq((cpu->rflags ^ before) & (CPU_FLAG_IOPL | CPU_FLAG_IF | CPU_FLAG_VIP), 0);
		if (rows[i].opcode == PUSHF)
			ck_assert_uint_eq(ram_get16(0x6ffe), rows[i].image);
	}
}
END_TEST

SUITE("cpu flags", cli_sti, popf, v86_flags)
