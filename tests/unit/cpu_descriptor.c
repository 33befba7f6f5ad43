/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Instructions on selectors: LAR, LSL, VERR, VERW, ARPL, LLDT, LTR, SLDT, STR and loads of segment registers, by
 * descriptor type, DPL, RPL and CPL, in legacy and IA-32e mode (SDM vol. 2; vol. 3A, 5.10 and tables 3-1 and 3-2).
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define CODE_AT  0x10000u
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define SEL      FREE_SEL
#define BEYOND   0x200u /* of the GDT */
#define LDT_AT   0x3800u

static void start(bool ia32e, unsigned cpl)
{
	cpu_reset(fixture.cpu, false);
	if (ia32e)
		start_long(CODE_AT, cpl);
	else
		start_protected(CODE_AT, cpl);
}

/* As expect_vector(), with the error code, and nothing changed: a fault. */
static void expect_error(unsigned row, unsigned vector, uint32_t error)
{
	struct cpu *cpu = fixture.cpu;
	enum cpu_exit how = run_for(1);

	ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(vector) + 1, "row %u: ended with %d at %llx", row,
		(int)how, (unsigned long long)cpu->rip);
	if (vector == CPU_UD)
		return;
	ck_assert_msg(frame32(0) == error, "row %u: error %x", row, frame32(0));
	ck_assert_uint_eq(frame32(cpu->efer & CPU_EFER_LMA ? 2 : 1), CODE_AT);
}

/* ---- LAR, LSL, VERR, VERW ---- */

enum { LAR, LSL, VERR, VERW };

static bool valid(unsigned which, bool ia32e, unsigned type_byte, unsigned cpl, unsigned rpl)
{
	/* SDM vol. 2A, tables 3-53 (LAR) and 3-58 (LSL): system types, and those of them that IA-32e mode has */
	const unsigned lar = 0x1a3e, lar_ia32e = 0x1a04, lsl = 0x0a0e, lsl_ia32e = 0x0a04;
	unsigned type = type_byte & 15, dpl = type_byte >> 5 & 3;
	bool segment = type_byte & 16, code = segment && type & 8;

	if (!segment) {
		unsigned known = which == LAR ? (ia32e ? lar_ia32e : lar) : (ia32e ? lsl_ia32e : lsl);

		if (which >= VERR || !(known >> type & 1))
			return false;
	} else if (which == VERR && code && !(type & 2)) {
		return false;
	} else if (which == VERW && (code || !(type & 2))) {
		return false;
	}
	return (code && type & 4) || (dpl >= cpl && dpl >= rpl);
}

/* Every type, present or not, every DPL, RPL, and CPL 0 and 3. */
START_TEST(access_rights)
{
	static const uint8_t code[4][3] = { { 0x0f, 0x02, 0xc1 }, { 0x0f, 0x03, 0xc1 }, { 0x0f, 0x00, 0xe1 },
		{ 0x0f, 0x00, 0xe9 } };
	struct cpu *cpu = fixture.cpu;

	for (unsigned n = 0; n < 16; n++) {
		unsigned which = n & 3, cpl = n & 4 ? 3 : 0;
		bool ia32e = n & 8;

		start(ia32e, cpl);
		ram_put(CODE_AT, code[which], 3);
		for (unsigned type = 0; type < 256; type++)
			for (unsigned rpl = 0; rpl < 4; rpl++) {
				uint16_t attributes = (uint16_t)(0x9000 | type);
				bool yes = valid(which, ia32e, type, cpl, rpl);
				uint32_t wanted = 0x55555555;

				gdt_put(SEL, descriptor_make(0x123456, 0xabcdefff, attributes));
				cpu->rip = CODE_AT;
				cpu->gpr[CPU_RCX] = 0xffff0000 | SEL | rpl;
				cpu->gpr[CPU_RAX] = 0x55555555;
				cpu_rflags_write(cpu, yes ? 0 : CPU_FLAG_ZF, CPU_FLAG_ZF);
				ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
				ck_assert_msg(
					!(cpu_rflags(cpu) & CPU_FLAG_ZF) == !yes, "%u: type %x, RPL %u", n, type, rpl);
				if (yes && which == LAR)
					wanted = type << 8 | 9u << 20;
				if (yes && which == LSL)
					wanted = 0xabcdefff;
				ck_assert_msg(reg(CPU_RAX) == wanted, "%u: type %x: %llx", n, type,
					(unsigned long long)reg(CPU_RAX));
			}
	}
}
END_TEST

/* Selectors that name nothing clear ZF; operands of memory; 16 and 64 bits; granularity. */
START_TEST(access_rights_operands)
{
	static const struct {
		bool ia32e;
		uint8_t code[5];
		uint16_t selector;
		uint64_t rax; /* 0: ZF clear */
	} rows[] = {
		{ false, { 0x0f, 0x02, 0xc1 }, 0, 0 },
		{ false, { 0x0f, 0x02, 0xc1 }, 3, 0 },
		{ false, { 0x0f, 0x03, 0xc1 }, BEYOND, 0 },
		{ false, { 0x0f, 0x03, 0xc1 }, SEL | 4, 0 }, /* beyond the LDT */
		{ false, { 0x0f, 0x03, 0xc1 }, 8 | 4, 0x1234 },
		{ false, { 0x0f, 0x02, 0xc1 }, 8 | 4, 0x409300 },
		{ false, { 0x0f, 0x02, 0x02 }, SEL, 0x809b00 }, /* [edx] */
		{ false, { 0x0f, 0x03, 0x02 }, SEL, 0x12345fff },
		{ false, { 0x66, 0x0f, 0x02, 0xc1 }, SEL, 0x55559b00 },
		{ false, { 0x66, 0x0f, 0x03, 0xc1 }, SEL, 0x55555fff },
		{ true, { 0x48, 0x0f, 0x02, 0xc1 }, SEL, 0x809b00 },
		{ true, { 0x48, 0x0f, 0x03, 0xc1 }, SEL, 0x12345fff },
		{ true, { 0x48, 0x0f, 0x03, 0xc1 }, BEYOND, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start(rows[i].ia32e, 0);
		ram_put(CODE_AT, rows[i].code, 5);
		gdt_put(SEL, descriptor_make(0, 0x12345fff, 0x809b));
		ram_put64(LDT_AT + 8, descriptor_make(0, 0x1234, 0x4093));
		cpu->ldtr.attributes = 0x82;
		cpu->ldtr.base = LDT_AT;
		cpu->ldtr.limit = 0x1f;
		ram_put16(0x20000, rows[i].selector);
		cpu->gpr[CPU_RAX] = 0x55555555;
		cpu->gpr[CPU_RCX] = rows[i].selector;
		cpu->gpr[CPU_RDX] = 0x20000;
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_msg(!(cpu_rflags(cpu) & CPU_FLAG_ZF) == !rows[i].rax, "row %u", i);
		ck_assert_msg(reg(CPU_RAX) == (rows[i].rax ? rows[i].rax : 0x55555555), "row %u: %llx", i,
			(unsigned long long)reg(CPU_RAX));
	}
	/* The operand's own faults, and an LDT that is not there. */
	for (unsigned i = 0; i < 4; i++) {
		static const uint8_t code[4][3] = { { 0x0f, 0x02, 0x02 }, { 0x0f, 0x03, 0x02 }, { 0x0f, 0x00, 0x22 },
			{ 0x0f, 0x00, 0x2a } };

		start(false, 3);
		ram_put(CODE_AT, code[i], 3);
		cpu->segment[CPU_DS].limit = 0x20000;
		cpu->gpr[CPU_RDX] = 0x20000;
		expect_error(i, CPU_GP, 0);
	}
	start(false, 0);
	CODE(CODE_AT, 0x0f, 0x02, 0xc1);
	cpu->ldtr.attributes = 0;
	cpu->gpr[CPU_RCX] = 4 | 8;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(!(cpu_rflags(cpu) & CPU_FLAG_ZF));
	/* The table's page may be missing. */
	start(false, 0);
	paging_on(7);
	pte_put(0x30000, 0);
	CODE(CODE_AT, 0x0f, 0x00, 0xe1, 0xf4);
	cpu->ldtr.attributes = 0x82;
	cpu->ldtr.base = 0x30000;
	cpu->ldtr.limit = 0xff;
	cpu->gpr[CPU_RCX] = 4 | 8;
	expect_error(0, CPU_PF, 0);
	ck_assert_uint_eq(cpu->cr2, 0x30008);
}
END_TEST

/* Neither real mode nor virtual-8086 mode knows them; real mode has no descriptors to load. */
START_TEST(not_recognized)
{
	static const uint8_t codes[][3] = { { 0x0f, 0x00, 0xc0 }, { 0x0f, 0x00, 0xc8 }, { 0x0f, 0x00, 0xd0 },
		{ 0x0f, 0x00, 0xd8 }, { 0x0f, 0x00, 0xe0 }, { 0x0f, 0x00, 0xe8 }, { 0x0f, 0x02, 0xc1 },
		{ 0x0f, 0x03, 0xc1 }, { 0x63, 0xc1 }, { 0x0f, 0x00, 0xf0 }, { 0x0f, 0x00, 0xf8 } };
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(codes); i++) {
		cpu_reset(cpu, false);
		start_real(0x5000);
		ram_put(0x5000, codes[i], 3);
		expect_vector(CPU_UD);
		cpu_reset(cpu, false);
		start_v86(CODE_AT >> 4, 0, CPU_FLAG_IOPL);
		ram_put(CODE_AT, codes[i], 3);
		expect_vector(CPU_UD);
		ck_assert_uint_eq(frame32(0), 0);
	}
}
END_TEST

START_TEST(arpl)
{
	static const struct {
		uint16_t destination, source, result;
		bool zf;
	} rows[] = { { 0x40, 0x43, 0x43, true }, { 0x43, 0x40, 0x43, false }, { 0x41, 0x41, 0x41, false },
		{ 0x41, 0xfffe, 0x42, true } };
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2;

		start(false, 3);
		if (i & 1)
			CODE(CODE_AT, 0x63, 0x0a); /* arpl [edx],cx */
		else
			CODE(CODE_AT, 0x63, 0xc8); /* arpl ax,cx */
		cpu->gpr[CPU_RAX] = 0x99990000 | rows[row].destination;
		cpu->gpr[CPU_RCX] = rows[row].source;
		cpu->gpr[CPU_RDX] = 0x20000;
		ram_put32(0x20000, 0x99990000 | rows[row].destination);
		cpu_rflags_write(cpu, rows[row].zf ? 0 : CPU_FLAG_ZF, CPU_FLAG_ZF);
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(i & 1 ? ram_get32(0x20000) : reg(CPU_RAX), 0x99990000 | rows[row].result);
		ck_assert(!(cpu_rflags(cpu) & CPU_FLAG_ZF) == !rows[row].zf);
	}
	start(false, 3);
	CODE(CODE_AT, 0x63, 0x0a);
	cpu->gpr[CPU_RDX] = 0x20000;
	cpu->segment[CPU_DS].limit = 0x20000;
	expect_error(0, CPU_GP, 0);
}
END_TEST

/* ---- LLDT, LTR ---- */

START_TEST(system_loads)
{
	enum { LLDT = 0xd1, LTR = 0xd9 };
	static const struct {
		uint8_t modrm;
		bool ia32e;
		unsigned cpl;
		uint16_t selector, attributes;
		uint64_t high;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ LLDT, false, 0, SEL, 0x82, 0, NONE, 0 },
		{ LLDT, false, 3, SEL, 0x82, 0, CPU_GP, 0 },
		{ LLDT, false, 0, BEYOND, 0x82, 0, CPU_GP, BEYOND },
		{ LLDT, false, 0, SEL | 4, 0x82, 0, CPU_GP, SEL | 4 }, /* in an LDT */
		{ LLDT, false, 0, SEL, 0x89, 0, CPU_GP, SEL },
		{ LLDT, false, 0, SEL, 0x92, 0, CPU_GP, SEL },
		{ LLDT, false, 0, SEL, 0x02, 0, CPU_NP, SEL },
		{ LLDT, false, 0, SEL | 3, 0x82, ~0ull, NONE, 0 }, /* neither RPL nor DPL matters, nor what follows */
		{ LLDT, true, 0, SEL, 0x82, 0xffff8000, NONE, 0 },
		{ LLDT, true, 0, SEL, 0x82, 0x1ull << 40, CPU_GP, SEL }, /* the upper half's type must be 0 */
		{ LLDT, true, 0, SEL, 0x82, 0x8000, CPU_GP, SEL },       /* base not canonical */
		{ LLDT, true, 0, 0xf8, 0x82, 0, CPU_GP, 0xf8 },          /* its upper half is beyond the table */
		{ LTR, false, 0, SEL, 0x89, 0, NONE, 0 },
		{ LTR, false, 0, SEL, 0x81, 0, NONE, 0 },
		{ LTR, false, 3, SEL, 0x89, 0, CPU_GP, 0 },
		{ LTR, false, 0, 0, 0x89, 0, CPU_GP, 0 },
		{ LTR, false, 0, 3, 0x89, 0, CPU_GP, 0 },
		{ LTR, false, 0, BEYOND, 0x89, 0, CPU_GP, BEYOND },
		{ LTR, false, 0, SEL | 4, 0x89, 0, CPU_GP, SEL | 4 },
		{ LTR, false, 0, SEL, 0x8b, 0, CPU_GP, SEL }, /* busy */
		{ LTR, false, 0, SEL, 0x83, 0, CPU_GP, SEL },
		{ LTR, false, 0, SEL, 0x82, 0, CPU_GP, SEL },
		{ LTR, false, 0, SEL, 0x99, 0, CPU_GP, SEL },
		{ LTR, false, 0, SEL, 0x09, 0, CPU_NP, SEL },
		{ LTR, true, 0, SEL, 0x89, 0xffff8000, NONE, 0 },
		{ LTR, true, 0, SEL, 0x81, 0, CPU_GP, SEL }, /* no 16-bit TSS */
		{ LTR, true, 0, SEL, 0x89, 0x2ull << 40, CPU_GP, SEL },
		{ LTR, true, 0, SEL, 0x89, 0x8000, CPU_GP, SEL },
		{ LTR, true, 0, 0xf8, 0x89, 0, CPU_GP, 0xf8 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		const struct cpu_segment *loaded = rows[i].modrm == LLDT ? &cpu->ldtr : &cpu->tr;
		uint16_t before;

		start(rows[i].ia32e, rows[i].cpl);
		before = loaded->selector;
		CODE(CODE_AT, 0x0f, 0x00, rows[i].modrm);
		gdt_put(SEL, descriptor_make(0x123456, 0xfff, rows[i].attributes));
		gdt_put(SEL + 8, rows[i].high);
		gdt_put(0xf8, descriptor_make(0x123456, 0xfff, rows[i].attributes));
		cpu->gpr[CPU_RCX] = rows[i].selector;
		if (rows[i].vector != NONE) {
			expect_error(i, rows[i].vector, rows[i].error);
			ck_assert_uint_eq(loaded->selector, before);
			ck_assert_uint_eq(fixture.ram[GDT_AT + SEL + 5], rows[i].attributes);
			continue;
		}
		ck_assert_msg(run_for(1) == CPU_EXIT_BUDGET && cpu->rip == CODE_AT + 3, "row %u", i);
		ck_assert_uint_eq(loaded->selector, rows[i].selector);
		ck_assert_uint_eq(loaded->limit, 0xfff);
		ck_assert_uint_eq(loaded->base, 0x123456 | (rows[i].ia32e ? rows[i].high << 32 : 0));
		/* LTR marks it busy. */
		ck_assert_uint_eq(fixture.ram[GDT_AT + SEL + 5], rows[i].attributes | (rows[i].modrm == LTR ? 2 : 0));
	}
}
END_TEST

/* A null LDT is none; the operand's own faults; a GDT that cannot be read or written. */
START_TEST(system_load_operands)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 4; i++) {
		start(false, 0);
		CODE(CODE_AT, 0x0f, 0x00, 0xd1);
		cpu->ldtr.attributes = 0x82;
		cpu->ldtr.limit = 0xff;
		cpu->gpr[CPU_RCX] = i;
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert(!(cpu->ldtr.attributes & CPU_SEGMENT_P));
		ck_assert_uint_eq(cpu->ldtr.selector, i);
	}
	for (unsigned i = 0; i < 2; i++) {
		start(false, 0);
		CODE(CODE_AT, 0x0f, 0x00, i ? 0x1a : 0x12); /* [edx] */
		cpu->gpr[CPU_RDX] = 0x20000;
		cpu->segment[CPU_DS].limit = 0x20000;
		expect_error(i, CPU_GP, 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		start(true, 0);
		ram_put(0x21000, fixture.ram + GDT_AT, 0x100);
		cpu->gdtr.base = 0x21000;
		ram_put64(0x21000 + SEL, descriptor_make(0x123456, 0xfff, 0x89));
		ram_put64(0x21008 + SEL, 0);
		/* no page, or one that may only be read: LTR writes, for the supervisor, under CR0.WP */
		ram_put64(PTAB_AT + 8 * 0x21, i ? 0x21001 : 0);
		CODE(CODE_AT, 0x0f, 0x00, 0xd9);
		cpu->gpr[CPU_RCX] = SEL;
		/* The handler's CS is read from that page too. */
		ck_assert_int_eq(run_for(1), i ? CPU_EXIT_HALT : CPU_EXIT_SHUTDOWN);
		ck_assert_uint_eq(cpu->tr.selector, TSS_SEL);
		if (i)
			ck_assert_uint_eq(frame64(0), 3);
		ck_assert_uint_eq(cpu->cr2, i ? 0x21005 + SEL : 0x21000 + KCODE);
		ram_put64(PTAB_AT + 8 * 0x21, 0x21007);
	}
}
END_TEST

/* SLDT, STR: 16 bits to memory, zero-extended to registers; with UMIP not above CPL 0. */
START_TEST(stores)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 16; i++) {
		unsigned cpl = i & 1 ? 3 : 0;
		bool str = i & 2, umip = i & 4, memory = i & 8;

		start(false, cpl);
		CODE(CODE_AT, 0x0f, 0x00, (memory ? 0x02 : 0xc0) | (str ? 8 : 0));
		cpu->ldtr.selector = 0x77;
		cpu->cr4 = umip ? CPU_CR4_UMIP : 0;
		cpu->gpr[CPU_RAX] = 0x55555555;
		cpu->gpr[CPU_RDX] = 0x20000;
		ram_put32(0x20000, 0x55555555);
		if (umip && cpl) {
			expect_error(i, CPU_GP, 0);
			ck_assert_uint_eq(reg(CPU_RAX), 0x55555555);
			ck_assert_uint_eq(ram_get32(0x20000), 0x55555555);
			continue;
		}
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		if (memory)
			ck_assert_uint_eq(ram_get32(0x20000), 0x55550000 | (str ? TSS_SEL : 0x77));
		else
			ck_assert_uint_eq(reg(CPU_RAX), str ? TSS_SEL : 0x77);
	}
}
END_TEST

/* ---- segment registers ---- */

/* MOV to DS (or LFS by its kin), by the pseudocode of MOV. */
START_TEST(segment_loads)
{
	static const struct {
		unsigned cpl;
		uint16_t selector, attributes;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ 0, SEL, 0xc092, NONE, 0 }, { 0, SEL, 0xc090, NONE, 0 }, /* read-only */
		{ 0, SEL, 0xc09a, NONE, 0 },                              /* readable code */
		{ 0, SEL, 0xc098, CPU_GP, SEL },                          /* execute-only */
		{ 0, SEL, 0xc09c, CPU_GP, SEL },                          /* and conforming */
		{ 0, SEL, 0x0082, CPU_GP, SEL },                          /* system */
		{ 0, SEL, 0x008c, CPU_GP, SEL }, { 0, BEYOND, 0xc093, CPU_GP, BEYOND },
		{ 0, SEL | 4, 0xc093, CPU_GP, SEL | 4 }, { 0, SEL | 3, 0xc0f3, NONE, 0 },
		{ 0, SEL | 3, 0xc093, CPU_GP, SEL }, /* RPL > DPL */
		{ 3, SEL, 0xc093, CPU_GP, SEL },     /* CPL > DPL */
		{ 3, SEL | 3, 0xc0d3, CPU_GP, SEL }, { 3, SEL | 3, 0xc0f3, NONE, 0 },
		{ 3, SEL | 3, 0xc09b, CPU_GP, SEL },                              /* non-conforming code likewise */
		{ 3, SEL | 3, 0xc09f, NONE, 0 },                                  /* conforming: anybody */
		{ 0, SEL, 0xc013, CPU_NP, SEL }, { 3, SEL, 0xc013, CPU_GP, SEL }, /* privilege goes first */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2, segment = i & 1 ? CPU_FS : CPU_DS;

		start(false, rows[row].cpl);
		if (i & 1)
			CODE(CODE_AT, 0x0f, 0xb4, 0x02); /* lfs eax,[edx] */
		else
			CODE(CODE_AT, 0x8e, 0xd9); /* mov ds,cx */
		gdt_put(SEL, descriptor_make(0x1000, 0xffffffff, rows[row].attributes));
		ram_put32(0x20000, 0x12345678);
		ram_put16(0x20004, rows[row].selector);
		cpu->gpr[CPU_RAX] = 0;
		cpu->gpr[CPU_RCX] = rows[row].selector;
		cpu->gpr[CPU_RDX] = 0x20000;
		if (rows[row].vector != NONE) {
			expect_error(row, rows[row].vector, rows[row].error);
			ck_assert_uint_eq(cpu->segment[segment].selector, rows[row].cpl ? UDATA : KDATA);
			ck_assert_uint_eq(reg(CPU_RAX), 0);
			ck_assert_uint_eq(fixture.ram[GDT_AT + SEL + 5], rows[row].attributes & 0xff);
			continue;
		}
		ck_assert_msg(run_for(1) == CPU_EXIT_BUDGET && cpu->rip == CODE_AT + (i & 1 ? 3 : 2), "row %u", row);
		ck_assert_uint_eq(cpu->segment[segment].selector, rows[row].selector);
		ck_assert_uint_eq(cpu->segment[segment].base, 0x1000);
		ck_assert_uint_eq(fixture.ram[GDT_AT + SEL + 5], (rows[row].attributes & 0xff) | 1); /* accessed */
		ck_assert_uint_eq(reg(CPU_RAX), i & 1 ? 0x12345678 : 0);
	}
}
END_TEST

/* MOV to SS and LSS: writable data, RPL = DPL = CPL.  64-bit code below CPL 3 may have none. */
START_TEST(stack_segment_loads)
{
	static const struct {
		bool ia32e;
		unsigned cpl;
		uint16_t selector, attributes;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ false, 0, SEL, 0xc092, NONE, 0 },
		{ false, 3, SEL | 3, 0xc0f2, NONE, 0 },
		{ false, 0, 0, 0xc093, CPU_GP, 0 },
		{ false, 3, 3, 0xc0f3, CPU_GP, 0 },
		{ false, 0, BEYOND, 0xc093, CPU_GP, BEYOND },
		{ false, 0, SEL | 3, 0xc093, CPU_GP, SEL },
		{ false, 3, SEL, 0xc0f3, CPU_GP, SEL },
		{ false, 0, SEL, 0xc0f3, CPU_GP, SEL },
		{ false, 3, SEL | 3, 0xc093, CPU_GP, SEL },
		{ false, 0, SEL, 0xc091, CPU_GP, SEL },
		{ false, 0, SEL, 0xc09b, CPU_GP, SEL },
		{ false, 0, SEL, 0x0082, CPU_GP, SEL },
		{ false, 0, SEL, 0xc013, CPU_SSF, SEL },
		{ true, 0, 0, 0xc093, NONE, 0 },
		{ true, 0, 1, 0xc093, CPU_GP, 0 },
		{ true, 3, 3, 0xc0f3, CPU_GP, 0 },
		{ true, 0, SEL, 0xc093, NONE, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2;

		start(rows[row].ia32e, rows[row].cpl);
		if (i & 1)
			CODE(CODE_AT, 0x0f, 0xb2, 0x22); /* lss esp,[edx] */
		else
			CODE(CODE_AT, 0x8e, 0xd1);
		gdt_put(SEL, descriptor_make(0, 0xffffffff, rows[row].attributes));
		ram_put32(0x20000, 0x7800);
		ram_put16(0x20004, rows[row].selector);
		cpu->gpr[CPU_RCX] = rows[row].selector;
		cpu->gpr[CPU_RDX] = 0x20000;
		if (rows[row].vector != NONE) {
			expect_error(row, rows[row].vector, rows[row].error);
			continue;
		}
		ck_assert_msg(run_for(1) == CPU_EXIT_BUDGET && cpu->rip == CODE_AT + (i & 1 ? 3 : 2), "row %u", row);
		ck_assert_uint_eq(cpu->segment[CPU_SS].selector, rows[row].selector);
		if (i & 1)
			ck_assert_uint_eq(reg(CPU_RSP), 0x7800);
	}
	/* To CS, to segment registers 6 and 7, far pointers in registers: #UD. */
	static const uint8_t codes[][3] = { { 0x8e, 0xc8 }, { 0x8e, 0xf0 }, { 0x8e, 0xf8 }, { 0x8c, 0xf0 },
		{ 0x8c, 0xf8 }, { 0x0f, 0xb2, 0xc1 }, { 0x0f, 0xb4, 0xc1 }, { 0x0f, 0xb5, 0xc1 } };

	for (unsigned i = 0; i < ARRAY(codes); i++) {
		start(false, 0);
		ram_put(CODE_AT, codes[i], 3);
		expect_error(i, CPU_UD, 0);
	}
	/* Far pointers whose halves are beyond the segment. */
	for (unsigned i = 0; i < 2; i++) {
		start(false, 0);
		CODE(CODE_AT, 0x0f, 0xb5, 0x02);
		cpu->gpr[CPU_RDX] = 0x20000;
		cpu->segment[CPU_DS].limit = i ? 0x20004 : 0x20002;
		expect_error(i, CPU_GP, 0);
	}
}
END_TEST

SUITE("cpu descriptors", access_rights, access_rights_operands, not_recognized, arpl, system_loads,
	system_load_operands, stores, segment_loads, stack_segment_loads)
