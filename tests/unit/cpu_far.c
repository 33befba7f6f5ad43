/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Far JMP, CALL and RET, IRET and call gates in real, protected and 64-bit mode.  Rows are the branches of the
 * operation sections in SDM vol. 2 (JMP, CALL, RET, IRET) with the vector and error code of each.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"

#define CODE_AT   0x10000u
#define TARGET_AT 0x11000u
#define NOT_CANON 0x0000800000000000u
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define CODE_SEL  FREE_SEL
#define GATE_SEL  (FREE_SEL + 0x10)
#define STACK_SEL (FREE_SEL + 0x20)
#define BEYOND    0x200u /* of the GDT */
#define JMP       0xea
#define CALL      0x9a
#define RETF      0xcb
#define IRET      0xcf

/* Run one instruction.  Without a vector it ends at `target`, else in the vector's handler with that error code, and
 * what was pushed is the instruction itself. */
static void expect(unsigned row, unsigned vector, uint32_t error, uint64_t target)
{
	struct cpu *cpu = fixture.cpu;
	enum cpu_exit how = run_for(1);

	if (vector == NONE) {
		ck_assert_msg(how == CPU_EXIT_BUDGET && cpu->rip == target, "row %u: ended with %d at %llx, error %x",
			row, (int)how, (unsigned long long)cpu->rip, frame32(0));
		return;
	}
	ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(vector) + 1, "row %u: ended with %d at %llx", row,
		(int)how, (unsigned long long)cpu->rip);
	if (vector == CPU_UD)
		return;
	ck_assert_msg(frame32(0) == error, "row %u: error %x", row, frame32(0));
	ck_assert_msg(frame32(cpu->efer & CPU_EFER_LMA ? 2 : 1) == CODE_AT, "row %u: not a fault", row);
}

static void far_pointer(uint8_t opcode, uint32_t offset, uint16_t selector)
{
	ram_put8(CODE_AT, opcode);
	ram_put32(CODE_AT + 1, offset);
	ram_put16(CODE_AT + 5, selector);
}

/* JMP and CALL to a code segment. */
START_TEST(direct)
{
	static const struct {
		unsigned cpl;
		uint16_t selector, attributes;
		uint32_t limit;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ 0, CODE_SEL, 0xc09a, 0xffffffff, NONE, 0 }, { 0, CODE_SEL, 0xc09b, TARGET_AT | 0xfff, NONE, 0 },
		{ 0, CODE_SEL, 0x409b, TARGET_AT - 1, CPU_GP, 0 }, /* target beyond the limit */
		{ 0, 0, 0xc09b, 0xffffffff, CPU_GP, 0 }, { 0, 3, 0xc09b, 0xffffffff, CPU_GP, 0 },
		{ 0, BEYOND, 0xc09b, 0xffffffff, CPU_GP, BEYOND },
		{ 0, CODE_SEL | 4, 0xc09b, 0xffffffff, CPU_GP, CODE_SEL | 4 }, /* no LDT */
		{ 0, CODE_SEL, 0xc093, 0xffffffff, CPU_GP, CODE_SEL },         /* data */
		{ 0, CODE_SEL, 0x0080, 0xfff, CPU_GP, CODE_SEL },              /* system types */
		{ 0, CODE_SEL, 0x0082, 0xfff, CPU_GP, CODE_SEL }, { 0, CODE_SEL, 0x0083, 0xfff, CPU_GP, CODE_SEL },
		{ 0, CODE_SEL, 0x0086, 0xfff, CPU_GP, CODE_SEL }, { 0, CODE_SEL, 0x008b, 0xfff, CPU_GP, CODE_SEL },
		{ 0, CODE_SEL, 0x008f, 0xfff, CPU_GP, CODE_SEL },
		/* non-conforming: DPL = CPL, RPL <= CPL */
		{ 3, CODE_SEL, 0xc0fb, 0xffffffff, NONE, 0 }, { 3, CODE_SEL | 3, 0xc0fb, 0xffffffff, NONE, 0 },
		{ 3, CODE_SEL | 3, 0xc09b, 0xffffffff, CPU_GP, CODE_SEL },
		{ 0, CODE_SEL, 0xc0fb, 0xffffffff, CPU_GP, CODE_SEL },
		{ 0, CODE_SEL | 1, 0xc09b, 0xffffffff, CPU_GP, CODE_SEL },
		/* conforming: DPL <= CPL */
		{ 3, CODE_SEL, 0xc09f, 0xffffffff, NONE, 0 }, { 3, CODE_SEL | 3, 0xc0df, 0xffffffff, NONE, 0 },
		{ 0, CODE_SEL | 3, 0xc09f, 0xffffffff, NONE, 0 }, { 0, CODE_SEL, 0xc0ff, 0xffffffff, CPU_GP, CODE_SEL },
		{ 0, CODE_SEL, 0xc01b, 0xffffffff, CPU_NP, CODE_SEL },
		{ 3, CODE_SEL, 0xc01b, 0xffffffff, CPU_GP, CODE_SEL }, /* privilege goes first */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2;
		uint8_t opcode = i & 1 ? CALL : JMP;
		uint32_t top = rows[row].cpl ? STACK3 : STACK0;

		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[row].cpl);
		far_pointer(opcode, TARGET_AT, rows[row].selector);
		gdt_put(CODE_SEL, descriptor_make(0, rows[row].limit, rows[row].attributes));
		expect(row, rows[row].vector, rows[row].error, TARGET_AT);
		if (rows[row].vector != NONE)
			continue;
		ck_assert_uint_eq(cpu->cpl, rows[row].cpl);
		ck_assert_uint_eq(cpu->segment[CPU_CS].selector, CODE_SEL | rows[row].cpl);
		ck_assert(fixture.ram[GDT_AT + CODE_SEL + 5] & 1); /* accessed */
		ck_assert_uint_eq(reg(CPU_RSP), opcode == CALL ? top - 8 : top);
		if (opcode == CALL) {
			ck_assert_uint_eq(frame32(0), CODE_AT + 7);
			ck_assert_uint_eq(frame32(1), rows[row].cpl ? UCODE : KCODE);
		}
	}
}
END_TEST

/* CALL pushes before it goes: #SS(0), and neither CS nor ESP has changed. */
START_TEST(call_without_stack)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned room = 0; room <= 8; room += 4) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 3);
		far_pointer(CALL, TARGET_AT, UCODE);
		cpu->segment[CPU_SS].attributes |= 4; /* grows down */
		cpu->segment[CPU_SS].limit = STACK3 - room - 1;
		expect(room, room < 8 ? CPU_SSF : NONE, 0, TARGET_AT);
		if (room < 8)
			ck_assert_uint_eq(frame32(4), STACK3);
	}
}
END_TEST

/* By way of memory, with 16 and 32 bits of offset; the operand's own faults. */
START_TEST(indirect)
{
	static const struct {
		uint8_t code[7];
		uint32_t where;
		unsigned vector;
		uint64_t target;
	} rows[] = {
		{ { 0xff, 0x28 }, 0x20000, NONE, TARGET_AT },
		{ { 0xff, 0x18 }, 0x20000, NONE, TARGET_AT },
		{ { 0x66, 0xff, 0x28 }, 0x20010, NONE, 0x1234 },
		{ { 0x66, 0xff, 0x18 }, 0x20010, NONE, 0x1234 },
		{ { 0xff, 0xe8 }, 0x20000, CPU_UD, 0 }, /* no register */
		{ { 0xff, 0xd8 }, 0x20000, CPU_UD, 0 },
		{ { 0xff, 0x28 }, 0x2fffd, CPU_GP, 0 }, /* DS ends at 0x2ffff: in the offset */
		{ { 0xff, 0x28 }, 0x2fffb, CPU_GP, 0 }, /* in the selector */
		{ { 0x66, 0xea, 0x34, 0x12, KCODE, 0 }, 0, NONE, 0x1234 },
		{ { 0x66, 0x9a, 0x34, 0x12, KCODE, 0 }, 0, NONE, 0x1234 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		ram_put(CODE_AT, rows[i].code, sizeof(rows[i].code));
		ram_put32(0x20000, TARGET_AT);
		ram_put16(0x20004, KCODE);
		ram_put16(0x20010, 0x1234);
		ram_put16(0x20012, KCODE);
		cpu->segment[CPU_DS].limit = 0x2ffff;
		cpu->gpr[CPU_RAX] = rows[i].where;
		expect(i, rows[i].vector, 0, rows[i].target);
	}
}
END_TEST

/* Offsets beyond CS' limit and a stack that wraps: #GP and #SS, without error codes in real mode. */
START_TEST(real_mode)
{
	static const struct {
		uint8_t code[8];
		uint16_t sp;
		unsigned vector;
		uint16_t target, base; /* CS.base >> 4 */
	} rows[] = {
		{ { JMP, 0x34, 0x12, 0x00, 0x20 }, 0x7000, NONE, 0x1234, 0x2000 },
		{ { CALL, 0x34, 0x12, 0x00, 0x20 }, 0x7000, NONE, 0x1234, 0x2000 },
		{ { 0x66, JMP, 0x34, 0x12, 0x00, 0x00, 0x00, 0x20 }, 0x7000, NONE, 0x1234, 0x2000 },
		{ { 0x66, JMP, 0x34, 0x12, 0x01, 0x00, 0x00, 0x20 }, 0x7000, CPU_GP, 0, 0 },
		{ { 0x66, CALL, 0x34, 0x12, 0x01, 0x00, 0x00, 0x20 }, 0x7000, CPU_GP, 0, 0 },
		{ { CALL, 0x34, 0x12, 0x00, 0x20 }, 0x0001, CPU_SSF, 0, 0 },
		{ { CALL, 0x34, 0x12, 0x00, 0x20 }, 0x0003, CPU_SSF, 0, 0 },
		{ { RETF }, 0x6000, NONE, 0x1234, 0x2000 },
		{ { 0xca, 0x10, 0x00 }, 0x6000, NONE, 0x1234, 0x2000 },
		{ { 0x66, RETF }, 0x6010, CPU_GP, 0, 0 },
		{ { RETF }, 0xffff, CPU_SSF, 0, 0 },
		{ { RETF }, 0xfffd, CPU_SSF, 0, 0 },
		{ { IRET }, 0x6000, NONE, 0x1234, 0x2000 },
		{ { 0x66, IRET }, 0x6010, CPU_GP, 0, 0 },
		{ { IRET }, 0xfffb, CPU_SSF, 0, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint32_t sp = rows[i].sp;

		cpu_reset(cpu, false);
		start_real(0x5000);
		ram_put(0x5000, rows[i].code, sizeof(rows[i].code));
		ram_put32(0x6000, 0x20001234);
		ram_put32(0x6010, 0x00011234);
		cpu->gpr[CPU_RSP] = sp;
		enum cpu_exit how = run_for(1);

		if (rows[i].vector == NONE) {
			ck_assert_msg(how == CPU_EXIT_BUDGET && cpu->rip == rows[i].target, "row %u: at %llx", i,
				(unsigned long long)cpu->rip);
			ck_assert_uint_eq(cpu->segment[CPU_CS].base >> 4, rows[i].base);
			if (rows[i].code[0] == 0xca)
				ck_assert_uint_eq(reg(CPU_RSP), sp + 0x14u);
		} else if (rows[i].vector == CPU_GP) {
			ck_assert_msg(cpu->rip == HANDLER(CPU_GP) + 1, "row %u", i);
			ck_assert_uint_eq(reg(CPU_RSP), sp - 6);
			ck_assert_uint_eq(ram_get16(sp - 6), 0x5000);
		} else {
			/* Where SP wraps nothing can be pushed, #SS' own frame included: shutdown. */
			ck_assert_msg(sp < 4 ? how == CPU_EXIT_SHUTDOWN : cpu->rip == HANDLER(CPU_SSF) + 1,
				"row %u: %d", i, (int)how);
		}
	}
}
END_TEST

/* ---- call gates ---- */

START_TEST(gates)
{
	static const struct {
		uint8_t opcode;
		unsigned cpl;
		uint16_t gate; /* selector */
		uint8_t type;
		uint16_t code, attributes;
		uint32_t limit;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ CALL, 0, GATE_SEL, 0x8c, CODE_SEL, 0xc09b, 0xffffffff, NONE, 0 },
		{ JMP, 0, GATE_SEL, 0x8c, CODE_SEL, 0xc09b, 0xffffffff, NONE, 0 },
		{ JMP, 0, GATE_SEL, 0x8c, CODE_SEL | 3, 0xc09b, 0xffffffff, NONE, 0 }, /* RPL is not looked at */
		{ CALL, 3, GATE_SEL | 3, 0xec, CODE_SEL, 0xc09b, 0xffffffff, NONE, 0 },
		{ CALL, 3, GATE_SEL | 3, 0xec, CODE_SEL, 0xc0fb, 0xffffffff, NONE, 0 },
		{ CALL, 3, GATE_SEL | 3, 0xec, CODE_SEL, 0xc09f, 0xffffffff, NONE, 0 }, /* conforming */
		{ JMP, 3, GATE_SEL | 3, 0xec, CODE_SEL, 0xc09f, 0xffffffff, NONE, 0 },
		{ JMP, 3, GATE_SEL | 3, 0xec, CODE_SEL, 0xc09b, 0xffffffff, CPU_GP, CODE_SEL },
		{ CALL, 3, GATE_SEL | 3, 0x8c, CODE_SEL, 0xc09b, 0xffffffff, CPU_GP, GATE_SEL }, /* DPL < CPL */
		{ CALL, 0, GATE_SEL | 1, 0x8c, CODE_SEL, 0xc09b, 0xffffffff, CPU_GP, GATE_SEL }, /* DPL < RPL */
		{ CALL, 0, GATE_SEL, 0x0c, CODE_SEL, 0xc09b, 0xffffffff, CPU_NP, GATE_SEL },
		{ CALL, 0, GATE_SEL, 0x8c, 0, 0xc09b, 0xffffffff, CPU_GP, 0 },
		{ CALL, 0, GATE_SEL, 0x8c, 3, 0xc09b, 0xffffffff, CPU_GP, 0 },
		{ CALL, 0, GATE_SEL, 0x8c, BEYOND, 0xc09b, 0xffffffff, CPU_GP, BEYOND },
		{ CALL, 0, GATE_SEL, 0x8c, CODE_SEL, 0xc093, 0xffffffff, CPU_GP, CODE_SEL },
		{ CALL, 0, GATE_SEL, 0x8c, CODE_SEL, 0x0089, 0xffffffff, CPU_GP, CODE_SEL },
		{ CALL, 0, GATE_SEL, 0x8c, CODE_SEL, 0xc0fb, 0xffffffff, CPU_GP, CODE_SEL }, /* DPL > CPL */
		{ JMP, 0, GATE_SEL, 0x8c, CODE_SEL, 0xc0fb, 0xffffffff, CPU_GP, CODE_SEL },
		{ CALL, 0, GATE_SEL, 0x8c, CODE_SEL, 0xc01b, 0xffffffff, CPU_NP, CODE_SEL },
		{ CALL, 0, GATE_SEL, 0x8c, CODE_SEL, 0x409b, 0xff, CPU_GP, 0 },
		{ JMP, 0, GATE_SEL, 0x8c, CODE_SEL, 0x409b, 0xff, CPU_GP, 0 },
		{ CALL, 3, GATE_SEL | 3, 0xec, CODE_SEL, 0x409b, 0xff, CPU_GP, 0 },
		/* 16 bits: the upper half of the offset is not used, two bytes a push */
		{ CALL, 0, GATE_SEL, 0x84, CODE_SEL, 0xc09b, 0xffffffff, NONE, 0 },
		{ JMP, 0, GATE_SEL, 0x84, CODE_SEL, 0xc09b, 0xffffffff, NONE, 0 },
		{ CALL, 3, GATE_SEL | 3, 0xe4, CODE_SEL, 0xc09b, 0xffffffff, NONE, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		bool wide = rows[i].type & 8, inner = rows[i].cpl && rows[i].attributes == 0xc09b;
		uint32_t top = rows[i].cpl && !inner ? STACK3 : STACK0, size = wide ? 4 : 2;

		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[i].cpl);
		far_pointer(rows[i].opcode, 0xdeadbeef, rows[i].gate); /* the offset is not used */
		gdt_put(CODE_SEL, descriptor_make(0, rows[i].limit, rows[i].attributes));
		gdt_put(GATE_SEL, gate_make(rows[i].code, TARGET_AT, rows[i].type, 0));
		expect(i, rows[i].vector, rows[i].error, wide ? TARGET_AT : TARGET_AT & 0xffff);
		if (rows[i].vector != NONE)
			continue;
		ck_assert_uint_eq(cpu->cpl, inner ? 0 : rows[i].cpl);
		ck_assert_uint_eq(cpu->segment[CPU_CS].selector, CODE_SEL | cpu->cpl);
		ck_assert_uint_eq(cpu->segment[CPU_SS].selector, cpu->cpl ? UDATA : KDATA);
		ck_assert_uint_eq(reg(CPU_RSP), rows[i].opcode == JMP ? top : top - size * (inner ? 4 : 2));
		if (rows[i].opcode == CALL) {
			ck_assert_uint_eq(ram_get16((uint32_t)reg(CPU_RSP)), (CODE_AT + 7) & 0xffff);
			ck_assert_uint_eq(ram_get16((uint32_t)reg(CPU_RSP) + size), rows[i].cpl ? UCODE : KCODE);
		}
	}
}
END_TEST

/* The new stack of a call to more privilege: the TSS, its SS and ESP, and room for what is pushed. */
START_TEST(gate_stacks)
{
	static const struct {
		uint32_t tss_limit;
		uint16_t ss, attributes;
		uint32_t limit, esp;
		unsigned parameters;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ 0x67, STACK_SEL, 0xc093, 0xffffffff, STACK0, 3, NONE, 0 },
		{ 0x67, STACK_SEL, 0xc092, 0xffffffff, STACK0, 0, NONE, 0 },
		{ 9, STACK_SEL, 0xc093, 0xffffffff, STACK0, 0, NONE, 0 },
		{ 8, STACK_SEL, 0xc093, 0xffffffff, STACK0, 0, CPU_TS, TSS_SEL },
		{ 0x67, 0, 0xc093, 0xffffffff, STACK0, 0, CPU_TS, 0 },
		{ 0x67, BEYOND, 0xc093, 0xffffffff, STACK0, 0, CPU_TS, BEYOND },
		{ 0x67, STACK_SEL | 1, 0xc093, 0xffffffff, STACK0, 0, CPU_TS, STACK_SEL }, /* RPL */
		{ 0x67, STACK_SEL, 0xc0b3, 0xffffffff, STACK0, 0, CPU_TS, STACK_SEL },     /* DPL */
		{ 0x67, STACK_SEL, 0xc091, 0xffffffff, STACK0, 0, CPU_TS, STACK_SEL },     /* not writable */
		{ 0x67, STACK_SEL, 0xc09b, 0xffffffff, STACK0, 0, CPU_TS, STACK_SEL },     /* code */
		{ 0x67, STACK_SEL, 0x0082, 0xffffffff, STACK0, 0, CPU_TS, STACK_SEL },     /* system */
		{ 0x67, STACK_SEL, 0xc013, 0xffffffff, STACK0, 0, CPU_SSF, STACK_SEL },    /* not present */
		/* room, from the top: SS, ESP, parameters, CS, EIP */
		{ 0x67, STACK_SEL, 0x4093, 0xffff, 0x12000, 0, CPU_SSF, STACK_SEL },
		{ 0x67, STACK_SEL, 0x4097, STACK0 - 5, STACK0, 0, CPU_SSF, STACK_SEL },
		{ 0x67, STACK_SEL, 0x4097, STACK0 - 9, STACK0, 1, CPU_SSF, STACK_SEL },
		{ 0x67, STACK_SEL, 0x4097, STACK0 - 9, STACK0, 0, CPU_SSF, STACK_SEL },
		{ 0x67, STACK_SEL, 0x4097, STACK0 - 13, STACK0, 0, CPU_SSF, STACK_SEL },
		{ 0x67, STACK_SEL, 0x4097, STACK0 - 17, STACK0, 0, NONE, 0 },
		{ 0x67, STACK_SEL, 0x0093, 0xffff, 0xabc08000, 0, NONE, 0 },     /* 16 bits of SP */
		{ 0x67, STACK_SEL, 0xc093, 0xffffffff, STACK0, 31, CPU_SSF, 0 }, /* parameters beyond the old stack */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2, size = i & 1 ? 2 : 4;

		/* Rows about sizes are of 32-bit gates. */
		if (size == 2 && row >= 12 && row <= 17)
			continue;
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 3);
		far_pointer(CALL, 0, GATE_SEL | 3);
		gdt_put(CODE_SEL, descriptor_make(0, 0xffffffff, 0xc09b));
		gdt_put(GATE_SEL,
			gate_make(CODE_SEL, TARGET_AT, size == 4 ? 0xec : 0xe4, (uint8_t)rows[row].parameters));
		gdt_put(STACK_SEL, descriptor_make(0, rows[row].limit, rows[row].attributes));
		/* The faults' own stack must be good: they stay at CPL 3. */
		ram_put32(TSS_AT + 4, rows[row].esp);
		ram_put32(TSS_AT + 8, rows[row].ss);
		gdt_put(BEYOND - 0x120, descriptor_make(0, 0xffffffff, 0xc0fb));
		for (unsigned vector = CPU_TS; vector <= CPU_GP; vector++) {
			idt_put(vector, gate_make((BEYOND - 0x120) | 3, HANDLER(vector), 0xee, 0));
			CODE(HANDLER(vector), 0xeb, 0xfe);
		}
		cpu->tr.limit = rows[row].tss_limit;
		cpu->segment[CPU_SS].limit = STACK3 + 31;
		for (unsigned n = 0; n < 8; n++)
			ram_put32(STACK3 + 4 * n, 0x11110000 * (n & 1) + 0x2220 + n);
		enum cpu_exit how = run_for(1);

		ck_assert_int_eq(how, CPU_EXIT_BUDGET);
		if (rows[row].vector != NONE) {
			ck_assert_msg(cpu->rip == HANDLER(rows[row].vector), "row %u: at %llx", row,
				(unsigned long long)cpu->rip);
			ck_assert_msg(frame32(0) == rows[row].error, "row %u: error %x", row, frame32(0));
			ck_assert_uint_eq(frame32(1), CODE_AT);
			ck_assert_uint_eq(cpu->segment[CPU_SS].selector, UDATA);
			continue;
		}
		uint32_t sp = (uint32_t)reg(CPU_RSP) & (rows[row].attributes & 0x4000 ? ~0u : 0xffff);
		uint32_t top = rows[row].esp & (rows[row].attributes & 0x4000 ? ~0u : 0xffff);

		ck_assert_msg(cpu->rip == (size == 4 ? TARGET_AT : TARGET_AT & 0xffff), "row %u: at %llx", row,
			(unsigned long long)cpu->rip);
		ck_assert_uint_eq(sp, top - size * (4 + rows[row].parameters));
		ck_assert_uint_eq(ram_get16(sp + size), UCODE);
		ck_assert_uint_eq(ram_get16(top - size), UDATA);
		ck_assert_uint_eq(ram_get16(top - 2 * size), STACK3);
		for (unsigned n = 0; n < rows[row].parameters; n++)
			ck_assert_uint_eq(ram_get16(sp + size * (2 + n)), ram_get16(STACK3 + size * n));
		ck_assert_uint_eq(cpu->cpl, 0);
	}
}
END_TEST

/* A TSS of 16 bits holds its stacks elsewhere. */
START_TEST(gate_stack_of_tss16)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned limit = 4; limit <= 5; limit++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 3);
		far_pointer(CALL, 0, GATE_SEL | 3);
		gdt_put(GATE_SEL, gate_make(KCODE, TARGET_AT, 0xec, 0));
		ram_put16(TSS_AT + 2, 0x8000);
		ram_put16(TSS_AT + 4, KDATA);
		cpu->tr.attributes = 0x83;
		cpu->tr.limit = limit;
		enum cpu_exit how = run_for(1);

		/* Without a stack for #TS either, and #DF's is no better. */
		ck_assert_int_eq(how, limit == 5 ? CPU_EXIT_BUDGET : CPU_EXIT_SHUTDOWN);
		if (limit == 5) {
			ck_assert_uint_eq(reg(CPU_RSP), 0x8000 - 16);
			ck_assert_uint_eq(frame32(3), UDATA);
		}
	}
}
END_TEST

/* ---- RETF and IRET ---- */

START_TEST(returns)
{
	static const struct {
		unsigned cpl;
		uint16_t cs, code;
		uint32_t limit, eip;
		uint16_t ss, data;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ 0, CODE_SEL, 0xc09a, 0xffffffff, TARGET_AT, 0, 0, NONE, 0 },
		{ 0, CODE_SEL, 0xc09f, 0xffffffff, TARGET_AT, 0, 0, NONE, 0 },
		{ 3, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, 0, 0, NONE, 0 },
		{ 3, CODE_SEL | 3, 0xc09f, 0xffffffff, TARGET_AT, 0, 0, NONE, 0 },
		{ 0, 0, 0xc09b, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, 0 },
		{ 0, 3, 0xc09b, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, 0 },
		{ 0, BEYOND, 0xc09b, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, BEYOND },
		{ 0, CODE_SEL | 4, 0xc09b, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL | 4 },
		{ 0, CODE_SEL, 0xc093, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL },
		{ 0, CODE_SEL, 0x008c, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL },
		{ 3, CODE_SEL, 0xc09b, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL },     /* RPL < CPL */
		{ 0, CODE_SEL, 0xc0ff, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL },     /* conforming, DPL > RPL */
		{ 0, CODE_SEL, 0xc0fb, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL },     /* DPL != RPL */
		{ 0, CODE_SEL | 3, 0xc09b, 0xffffffff, TARGET_AT, 0, 0, CPU_GP, CODE_SEL }, /* DPL != RPL */
		{ 0, CODE_SEL, 0xc01b, 0xffffffff, TARGET_AT, 0, 0, CPU_NP, CODE_SEL },
		{ 0, CODE_SEL, 0x409b, 0xffff, TARGET_AT, 0, 0, CPU_GP, 0 },
		/* to an outer level */
		{ 0, CODE_SEL | 3, 0xc0fa, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0xc0f2, NONE, 0 },
		{ 0, CODE_SEL | 3, 0xc09f, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0xc0f3, NONE, 0 },
		{ 0, CODE_SEL | 1, 0xc0bb, 0xffffffff, TARGET_AT, STACK_SEL | 1, 0xc0b3, NONE, 0 },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0x00f3, NONE, 0 }, /* 16 bits of SP */
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, 0, 0xc0f3, CPU_GP, 0 },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, 3, 0xc0f3, CPU_GP, 0 },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, BEYOND | 3, 0xc0f3, CPU_GP, BEYOND },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL, 0xc0f3, CPU_GP, STACK_SEL },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0xc093, CPU_GP, STACK_SEL },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0xc0f1, CPU_GP, STACK_SEL },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0xc0fb, CPU_GP, STACK_SEL },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0x00e2, CPU_GP, STACK_SEL },
		{ 0, CODE_SEL | 3, 0xc0fb, 0xffffffff, TARGET_AT, STACK_SEL | 3, 0xc073, CPU_SSF, STACK_SEL },
		{ 0, CODE_SEL | 3, 0x40fb, 0xffff, TARGET_AT, STACK_SEL | 3, 0xc0f3, CPU_GP, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2, rpl = rows[row].cs & 3;
		uint8_t opcode = i & 1 ? IRET : RETF;
		uint32_t at = rows[row].cpl ? STACK3 - 64 : STACK0 - 64, size = opcode == IRET ? 12 : 8;

		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[row].cpl);
		CODE(CODE_AT, opcode);
		gdt_put(CODE_SEL, descriptor_make(0, rows[row].limit, rows[row].code));
		gdt_put(STACK_SEL, descriptor_make(0, 0xffffffff, rows[row].data));
		ram_put32(at, rows[row].eip);
		ram_put32(at + 4, rows[row].cs);
		ram_put32(at + 8, CPU_FLAG_FIXED | CPU_FLAG_CF);
		ram_put32(at + size, 0xabcd0010);
		ram_put32(at + size + 4, rows[row].ss);
		cpu->gpr[CPU_RSP] = at;
		expect(row, rows[row].vector, rows[row].error, TARGET_AT);
		if (rows[row].vector != NONE)
			continue;
		ck_assert_uint_eq(cpu->cpl, rpl);
		ck_assert_uint_eq(cpu->segment[CPU_CS].selector, rows[row].cs);
		ck_assert_uint_eq(fixture.ram[GDT_AT + CODE_SEL + 5] & 1, 1);
		if (opcode == IRET)
			ck_assert(cpu_run(cpu, 0) == CPU_EXIT_BUDGET && cpu->rflags & CPU_FLAG_CF);
		if (rpl == rows[row].cpl) {
			ck_assert_uint_eq(reg(CPU_RSP), at + size);
			continue;
		}
		ck_assert_uint_eq(cpu->segment[CPU_SS].selector, rows[row].ss);
		ck_assert_uint_eq(fixture.ram[GDT_AT + STACK_SEL + 5] & 1, 1);
		/* all of ESP, or with a 16-bit stack segment SP alone */
		if (rows[row].data & 0x4000)
			ck_assert_uint_eq(reg(CPU_RSP), 0xabcd0010);
		else
			ck_assert_uint_eq(reg(CPU_RSP) & 0xffff, 0x0010);
		/* Data segments of more privilege are gone. */
		ck_assert_uint_eq(cpu->segment[CPU_DS].selector, 0);
		ck_assert_uint_eq(cpu->segment[CPU_GS].selector, 0);
	}
}
END_TEST

/* RET imm16 releases on both stacks. */
START_TEST(return_releases)
{
	struct cpu *cpu = fixture.cpu;
	uint32_t at = STACK0 - 64;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0xca, 0x08, 0x00);
	cpu->gpr[CPU_RSP] = at;
	ram_put32(at, TARGET_AT);
	ram_put32(at + 4, UCODE);
	ram_put32(at + 16, STACK3);
	ram_put32(at + 20, UDATA);
	expect(0, NONE, 0, TARGET_AT);
	ck_assert_uint_eq(reg(CPU_RSP), STACK3 + 8);
	ck_assert_uint_eq(cpu->cpl, 3);
}
END_TEST

/* The stack ends before what must be on it: #SS(0). */
START_TEST(returns_without_stack)
{
	struct cpu *cpu = fixture.cpu;
	static const struct {
		uint8_t code[2];
		uint16_t cs;
		uint32_t flags;
		unsigned need;
	} rows[] = {
		{ { RETF }, KCODE, 2, 8 },
		{ { RETF }, UCODE, 2, 16 },
		{ { IRET }, KCODE, 2, 12 },
		{ { IRET }, UCODE, 2, 20 },
		{ { IRET }, 0x1000, CPU_FLAG_VM | 2, 36 },
		{ { 0x66, RETF }, KCODE, 2, 4 },
		{ { 0x66, IRET }, KCODE, 2, 6 },
	};

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		bool narrow = rows[i].code[0] == 0x66;
		unsigned step = narrow ? 2 : 4;

		for (unsigned have = 0; have < rows[i].need; have += step) {
			uint32_t at = 0xb000, outer = rows[i].code[0] == RETF ? 8 : 12;

			cpu_reset(cpu, false);
			start_protected(CODE_AT, 0);
			ram_put(CODE_AT, rows[i].code, 2);
			ram_put32(at, narrow ? 0x1234u | (uint32_t)rows[i].cs << 16 : 0x1234);
			ram_put32(at + 4, narrow ? 2 : rows[i].cs);
			ram_put32(at + 8, rows[i].flags);
			ram_put32(at + outer, STACK3);
			ram_put32(at + outer + 4, UDATA);
			cpu->gpr[CPU_RSP] = at;
			cpu->segment[CPU_SS].limit = at + have - 1;
			expect(i, CPU_SSF, 0, 0);
			ck_assert_uint_eq(reg(CPU_RSP), at - 16);
		}
	}
}
END_TEST

/* IRET to virtual-8086 mode: EIP has 16 bits.  From CPL 3 the VM flag of the image does nothing. */
START_TEST(iret_to_v86)
{
	struct cpu *cpu = fixture.cpu;
	static const struct {
		unsigned cpl;
		uint32_t eip;
		unsigned vector;
	} rows[] = { { 0, 0x1234, NONE }, { 0, 0x10000, CPU_GP }, { 3, TARGET_AT, NONE } };

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint32_t at = rows[i].cpl ? STACK3 - 64 : STACK0 - 64;
		const uint32_t frame[] = { rows[i].eip, UCODE, CPU_FLAG_VM | CPU_FLAG_IOPL | 2, 0x6000, 0x300, 0x2000,
			0x2100, 0x2200, 0x2300 };

		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, IRET);
		cpu->gpr[CPU_RSP] = at;
		ram_put(at, frame, sizeof(frame));
		expect(i, rows[i].vector, 0, rows[i].eip);
		if (rows[i].vector != NONE)
			continue;
		ck_assert_int_eq(cpu_v86(cpu), rows[i].cpl == 0);
		ck_assert_uint_eq(cpu_iopl(cpu), rows[i].cpl ? 0 : 3);
		ck_assert_uint_eq(reg(CPU_RSP), rows[i].cpl ? at + 12 : 0x6000);
	}
}
END_TEST

/* ---- 64-bit mode ---- */

START_TEST(long_transfers)
{
	static const struct {
		uint8_t code[4];
		unsigned cpl;
		uint16_t selector, attributes;
		uint64_t target;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0xa09a, TARGET_AT, NONE, 0 },
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0xa09b, HIGH_HALF + TARGET_AT, NONE, 0 },
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0xa09b, NOT_CANON, CPU_GP, 0 },
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0xe09b, TARGET_AT, CPU_GP, CODE_SEL }, /* L and D */
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0xc09b, TARGET_AT, NONE, 0 },          /* compatibility mode */
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0xc09b, HIGH_HALF + TARGET_AT, CPU_GP, 0 },
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0x0089, TARGET_AT, CPU_GP, CODE_SEL }, /* TSS */
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0x0085, TARGET_AT, CPU_GP, CODE_SEL }, /* task gate */
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0x0081, TARGET_AT, CPU_GP, CODE_SEL },
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0x0084, TARGET_AT, CPU_GP, CODE_SEL },
		{ { 0x48, 0xff, 0x28 }, 3, CODE_SEL, 0x008c, TARGET_AT, CPU_GP, CODE_SEL },
		{ { 0x48, 0xff, 0x28 }, 0, CODE_SEL, 0x000c, TARGET_AT, CPU_NP, CODE_SEL },
		{ { 0x48, 0xff, 0x18 }, 3, CODE_SEL, 0xa0fb, TARGET_AT, NONE, 0 },
		{ { 0x48, 0xff, 0x18 }, 3, CODE_SEL, 0xa09b, TARGET_AT, CPU_GP, CODE_SEL },
		{ { JMP }, 0, CODE_SEL, 0xa09b, TARGET_AT, CPU_UD, 0 },
		{ { CALL }, 0, CODE_SEL, 0xa09b, TARGET_AT, CPU_UD, 0 },
		{ { 0xce }, 0, CODE_SEL, 0xa09b, TARGET_AT, CPU_UD, 0 }, /* INTO */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, rows[i].cpl);
		ram_put(CODE_AT, rows[i].code, 4);
		ram_put64(0x20000, rows[i].target);
		ram_put16(0x20008, rows[i].selector);
		gdt_put(CODE_SEL, descriptor_make(0, 0xffffffff, rows[i].attributes));
		gdt_put(CODE_SEL + 8, 0);
		cpu->gpr[CPU_RAX] = 0x20000;
		expect(i, rows[i].vector, rows[i].error, rows[i].target);
		if (rows[i].code[2] == 0x18 && rows[i].vector == NONE) {
			ck_assert_uint_eq(frame64(0), CODE_AT + 3);
			ck_assert_uint_eq(frame64(1), UCODE);
		}
	}
}
END_TEST

/* RETF of 64 bits.  SS may be null for CPL 0 to 2 where it matches. */
START_TEST(long_returns)
{
	static const struct {
		uint16_t cs, code, ss, data;
		uint64_t rip;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ CODE_SEL, 0xa09b, 0, 0, TARGET_AT, NONE, 0 }, { CODE_SEL, 0xa09b, 0, 0, NOT_CANON, CPU_GP, 0 },
		{ CODE_SEL, 0xe09b, 0, 0, TARGET_AT, CPU_GP, CODE_SEL }, { CODE_SEL, 0xc09b, 0, 0, TARGET_AT, NONE, 0 },
		{ CODE_SEL, 0xc09b, 0, 0, HIGH_HALF, CPU_GP, 0 },
		{ CODE_SEL | 3, 0xa0fb, STACK_SEL | 3, 0xc0f3, TARGET_AT, NONE, 0 },
		{ CODE_SEL | 3, 0xa0fb, 3, 0xc0f3, TARGET_AT, CPU_GP, 0 },
		{ CODE_SEL | 3, 0xa0fb, STACK_SEL | 3, 0xc0f3, NOT_CANON, CPU_GP, 0 },
		{ CODE_SEL | 1, 0xa0bb, 1, 0, TARGET_AT, NONE, 0 },
		{ CODE_SEL | 1, 0xa0bb, 2, 0, TARGET_AT, CPU_GP, 0 },
		{ CODE_SEL | 1, 0xc0bb, 1, 0, TARGET_AT, CPU_GP, 0 }, /* not to compatibility mode */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 0);
		CODE(CODE_AT, 0x48, RETF);
		gdt_put(CODE_SEL, descriptor_make(0, 0xffffffff, rows[i].code));
		gdt_put(STACK_SEL, descriptor_make(0, 0xffffffff, rows[i].data));
		cpu->gpr[CPU_RSP] = STACK0 - 64;
		ram_put64(STACK0 - 64, rows[i].rip);
		ram_put64(STACK0 - 56, rows[i].cs);
		ram_put64(STACK0 - 48, HIGH_HALF + STACK3);
		ram_put64(STACK0 - 40, rows[i].ss);
		expect(i, rows[i].vector, rows[i].error, rows[i].rip);
		if (rows[i].vector != NONE)
			continue;
		ck_assert_uint_eq(cpu->cpl, rows[i].cs & 3);
		ck_assert_uint_eq(reg(CPU_RSP), rows[i].cs & 3 ? HIGH_HALF + STACK3 : STACK0 - 48);
		if (rows[i].cs & 3)
			ck_assert_uint_eq(cpu->segment[CPU_SS].selector, rows[i].ss);
	}
}
END_TEST

SUITE("cpu far transfers", direct, call_without_stack, indirect, real_mode, gates, gate_stacks, gate_stack_of_tss16,
	returns, return_releases, returns_without_stack, iret_to_v86, long_transfers, long_returns)
