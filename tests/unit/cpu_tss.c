/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Task switches by JMP, CALL, IRET, task gates and interrupts: every check of SDM vol. 3A, table 7-1, before the switch
 * in the old task and after it in the new one.  The faults have task gates themselves, so that their back link tells
 * which.
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define CODE_AT     0x10000u
#define NEW_AT      0x11000u
#define ARRAY(a)    (sizeof(a) / sizeof((a)[0]))
#define SEL         FREE_SEL
#define GATE        0x48u
#define LDT_SEL     0x50u
#define BEYOND      0x200u
#define LDT_AT      0x3900u
#define FAULT(v)    (uint16_t)(0x60u + ((v)-CPU_DF) * 8u) /* the task of a fault's handler */
#define FAULT_AT(v) (0x3a00u + ((v)-CPU_DF) * 0x80u)

enum by { BY_JMP, BY_CALL, BY_JMP_GATE, BY_CALL_GATE, BY_INT, BY_IRET };

static void tss_make(uint32_t at, uint32_t eip)
{
	memset(fixture.ram + at, 0, 104);
	ram_put32(at + 32, eip);
	ram_put32(at + 36, CPU_FLAG_FIXED);
	for (unsigned i = 0; i < 8; i++)
		ram_put32(at + 40 + 4 * i, 0x1000 + i);
	ram_put32(at + 56, 0xa000);
	for (unsigned i = 0; i < 6; i++)
		ram_put32(at + 72 + 4 * i, i == CPU_CS ? KCODE : KDATA);
}

/* At CODE_AT what switches to the task in TSS2_AT, whose EIP is NEW_AT. */
static void start(enum by by, unsigned cpl)
{
	struct cpu *cpu = fixture.cpu;

	cpu_reset(cpu, false);
	start_protected(CODE_AT, cpl);
	memset(fixture.ram + GDT_AT + SEL, 0, 0x100 - SEL);
	tss_make(TSS2_AT, NEW_AT);
	gdt_put(TSS2_SEL, descriptor_make(TSS2_AT, 0x67, by == BY_IRET ? 0x8b : 0x89));
	gdt_put(GATE, gate_make(TSS2_SEL, 0, 0x85, 0));
	gdt_put(LDT_SEL, descriptor_make(LDT_AT, 0xff, 0x82));
	idt_put(0x30, gate_make(TSS2_SEL, 0, 0x85, 0));
	for (unsigned vector = CPU_DF; vector <= CPU_PF; vector++) {
		tss_make(FAULT_AT(vector), HANDLER(vector));
		gdt_put(FAULT(vector), descriptor_make(FAULT_AT(vector), 0x67, 0x89));
		idt_put(vector, gate_make(FAULT(vector), 0, 0x85, 0));
	}
	CODE(NEW_AT, 0xeb, 0xfe);
	switch (by) {
	case BY_JMP: CODE(CODE_AT, 0xea, 0, 0, 0, 0, TSS2_SEL | cpl, 0); break;
	case BY_CALL: CODE(CODE_AT, 0x9a, 0, 0, 0, 0, TSS2_SEL | cpl, 0); break;
	case BY_JMP_GATE: CODE(CODE_AT, 0xea, 0, 0, 0, 0, GATE | cpl, 0); break;
	case BY_CALL_GATE: CODE(CODE_AT, 0x9a, 0, 0, 0, 0, GATE | cpl, 0); break;
	case BY_INT: CODE(CODE_AT, 0xcd, 0x30); break;
	case BY_IRET:
		CODE(CODE_AT, 0xcf);
		ram_put16(TSS_AT, TSS2_SEL);
		cpu->rflags |= CPU_FLAG_NT;
		break;
	}
}

static unsigned length(enum by by)
{
	return by == BY_INT ? 2 : by == BY_IRET ? 1 : 7;
}

static unsigned tss_type(uint16_t selector)
{
	return fixture.ram[GDT_AT + selector + 5] & 15;
}

/* One instruction.  A fault's handler runs in its own task, and this is the one it came from. */
static void expect(unsigned row, unsigned vector, uint32_t error, uint16_t task)
{
	struct cpu *cpu = fixture.cpu;
	enum cpu_exit how = run_for(1);
	uint32_t at = task == TSS_SEL ? TSS_AT : TSS2_AT;

	if (vector == NONE) {
		ck_assert_msg(how == CPU_EXIT_BUDGET && cpu->rip == NEW_AT && (cpu->tr.selector & ~3u) == TSS2_SEL,
			"row %u: ended with %d at %llx", row, (int)how, (unsigned long long)cpu->rip);
		return;
	}
	ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(vector) + 1, "row %u: ended with %d at %llx", row,
		(int)how, (unsigned long long)cpu->rip);
	ck_assert_uint_eq(cpu->tr.selector, FAULT(vector));
	ck_assert_msg(ram_get16(FAULT_AT(vector)) == task, "row %u: in task %x", row, ram_get16(FAULT_AT(vector)));
	ck_assert_msg(frame32(0) == error, "row %u: error %x", row, frame32(0));
	ck_assert_uint_eq(ram_get32(at + 32), task == TSS_SEL ? CODE_AT : NEW_AT);
	/* Before the switch the new task's descriptor and registers are as they were. */
	if (task == TSS_SEL)
		ck_assert_uint_eq(ram_get32(TSS2_AT + 40), 0x1000);
}

/* ---- what becomes of the two tasks (table 7-2) ---- */

START_TEST(busy_nt_and_link)
{
	static const struct {
		enum by by;
		unsigned old_type;
		bool nested;
	} rows[] = { { BY_JMP, 9, false }, { BY_CALL, 11, true }, { BY_JMP_GATE, 9, false }, { BY_CALL_GATE, 11, true },
		{ BY_INT, 11, true }, { BY_IRET, 9, false } };
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start(rows[i].by, 0);
		ram_put16(TSS2_AT, 0x7777);
		cpu->gpr[CPU_RBX] = 0x99887766;
		cpu->dr[7] = 0x3ff | DR7_FIXED;
		expect(i, NONE, 0, 0);
		ck_assert_uint_eq(tss_type(TSS_SEL), rows[i].old_type);
		ck_assert_uint_eq(tss_type(TSS2_SEL), 11);
		ck_assert_uint_eq(ram_get16(TSS2_AT), rows[i].nested ? TSS_SEL : 0x7777);
		ck_assert_int_eq(!(cpu->rflags & CPU_FLAG_NT), !rows[i].nested);
		ck_assert_uint_eq(ram_get32(TSS_AT + 36) & CPU_FLAG_NT, 0); /* IRET clears it in the old task */
		ck_assert_uint_eq(ram_get32(TSS_AT + 32), CODE_AT + length(rows[i].by));
		ck_assert_uint_eq(ram_get32(TSS_AT + 40 + 4 * CPU_RBX), 0x99887766);
		ck_assert_uint_eq(reg(CPU_RBX), 0x1003);
		ck_assert(cpu->cr0 & CPU_CR0_TS);
		ck_assert_uint_eq(cpu->dr[7], 0x2aa | DR7_FIXED); /* local breakpoints, LE */
		ck_assert_uint_eq(cpu->segment[CPU_GS].selector, KDATA);
		ck_assert_uint_eq(cpu->segment[CPU_GS].limit, 0xffffffff);
	}
}
END_TEST

/* ---- before the switch ---- */

START_TEST(refused)
{
	static const struct {
		enum by by;
		unsigned cpl;
		uint16_t place; /* of the GDT; 1: the interrupt's gate; 2: the link */
		uint64_t descriptor;
		unsigned vector;
		uint32_t error;
	} rows[] = {
#define TSS(limit, type) (TSS2_AT << 16 | (limit) | (uint64_t)(type) << 40)
#define TASK(sel, type)  ((uint64_t)(sel) << 16 | (uint64_t)(type) << 40)
		{ BY_JMP, 0, TSS2_SEL, TSS(0x67, 0x89), NONE, 0 },
		{ BY_JMP, 0, TSS2_SEL, TSS(0x66, 0x89), CPU_TS, TSS2_SEL }, /* limit */
		{ BY_JMP, 0, TSS2_SEL, TSS(0x2a, 0x81), CPU_TS, TSS2_SEL },
		{ BY_JMP, 0, TSS2_SEL, TSS(0x67, 0x8b), CPU_GP, TSS2_SEL }, /* busy */
		{ BY_JMP, 0, TSS2_SEL, TSS(0x67, 0x83), CPU_GP, TSS2_SEL },
		{ BY_JMP, 0, TSS2_SEL, TSS(0x67, 0x09), CPU_NP, TSS2_SEL },
		{ BY_CALL, 0, TSS2_SEL, TSS(0x67, 0x01), CPU_NP, TSS2_SEL },
		{ BY_CALL, 3, TSS2_SEL, TSS(0x67, 0x89), CPU_GP, TSS2_SEL }, /* DPL < CPL */
		{ BY_CALL, 3, TSS2_SEL, TSS(0x67, 0xe9), NONE, 0 },
		{ BY_CALL, 0, TSS2_SEL, TSS(0x66, 0x89), CPU_TS, TSS2_SEL },
		/* the gate, and where it leads to: the TSS' own DPL does not matter */
		{ BY_JMP_GATE, 0, GATE, TASK(TSS2_SEL, 0x05), CPU_NP, GATE },
		{ BY_JMP_GATE, 3, GATE, TASK(TSS2_SEL, 0x85), CPU_GP, GATE },
		{ BY_JMP_GATE, 3, GATE, TASK(TSS2_SEL, 0xe5), NONE, 0 },
		{ BY_JMP_GATE, 0, GATE, TASK(TSS2_SEL | 3, 0x85), NONE, 0 },
		{ BY_JMP_GATE, 0, GATE, TASK(TSS2_SEL | 4, 0x85), CPU_GP, TSS2_SEL | 4 },
		{ BY_JMP_GATE, 0, GATE, TASK(BEYOND, 0x85), CPU_GP, BEYOND },
		{ BY_JMP_GATE, 0, GATE, TASK(0, 0x85), CPU_GP, 0 },
		{ BY_JMP_GATE, 0, GATE, TASK(KCODE, 0x85), CPU_GP, KCODE },
		{ BY_JMP_GATE, 0, GATE, TASK(KDATA, 0x85), CPU_GP, KDATA },
		{ BY_JMP_GATE, 0, GATE, TASK(LDT_SEL, 0x85), CPU_GP, LDT_SEL },
		{ BY_JMP_GATE, 0, GATE, TASK(TSS_SEL, 0x85), CPU_GP, TSS_SEL }, /* busy */
		{ BY_JMP_GATE, 0, TSS2_SEL, TSS(0x67, 0x09), CPU_NP, TSS2_SEL },
		{ BY_CALL_GATE, 0, TSS2_SEL, TSS(0x66, 0x89), CPU_TS, TSS2_SEL },
		/* an interrupt's gate: errors in the IDT have their own form */
		{ BY_INT, 0, 1, TASK(TSS2_SEL, 0x05), CPU_NP, 0x182 },
		{ BY_INT, 3, 1, TASK(TSS2_SEL, 0x85), CPU_GP, 0x182 }, { BY_INT, 3, 1, TASK(TSS2_SEL, 0xe5), NONE, 0 },
		{ BY_INT, 0, 1, TASK(TSS2_SEL | 4, 0x85), CPU_GP, TSS2_SEL | 4 },
		{ BY_INT, 0, 1, TASK(BEYOND, 0x85), CPU_GP, BEYOND },
		{ BY_INT, 0, 1, TASK(KCODE, 0x85), CPU_GP, KCODE },
		{ BY_INT, 0, TSS2_SEL, TSS(0x67, 0x8b), CPU_GP, TSS2_SEL },
		{ BY_INT, 0, TSS2_SEL, TSS(0x67, 0x09), CPU_NP, TSS2_SEL },
		{ BY_INT, 0, TSS2_SEL, TSS(0x66, 0x89), CPU_TS, TSS2_SEL },
		/* IRET wants a busy one, and says #TS */
		{ BY_IRET, 0, 2, TSS2_SEL | 4, CPU_TS, TSS2_SEL | 4 }, { BY_IRET, 0, 2, BEYOND, CPU_TS, BEYOND },
		{ BY_IRET, 0, 2, KCODE, CPU_TS, KCODE }, { BY_IRET, 0, 2, LDT_SEL, CPU_TS, LDT_SEL },
		{ BY_IRET, 0, 2, 0, CPU_TS, 0 }, { BY_IRET, 0, TSS2_SEL, TSS(0x67, 0x89), CPU_TS, TSS2_SEL },
		{ BY_IRET, 0, TSS2_SEL, TSS(0x67, 0x81), CPU_TS, TSS2_SEL },
		{ BY_IRET, 0, TSS2_SEL, TSS(0x67, 0x0b), CPU_NP, TSS2_SEL },
		{ BY_IRET, 0, TSS2_SEL, TSS(0x66, 0x8b), CPU_TS, TSS2_SEL },
		{ BY_IRET, 3, TSS2_SEL, TSS(0x67, 0x8b), NONE, 0 }, /* of any CPL */
	};

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start(rows[i].by, rows[i].cpl);
		if (rows[i].place == 1)
			idt_put(0x30, rows[i].descriptor);
		else if (rows[i].place == 2)
			ram_put16(TSS_AT, (uint16_t)rows[i].descriptor);
		else
			gdt_put(rows[i].place, rows[i].descriptor);
		expect(i, rows[i].vector, rows[i].error, TSS_SEL);
		if (rows[i].vector != NONE)
			ck_assert_uint_eq(tss_type(TSS_SEL), 11);
	}
	/* A selector with more RPL than the TSS' DPL; one in the LDT. */
	start(BY_JMP, 0);
	CODE(CODE_AT, 0xea, 0, 0, 0, 0, TSS2_SEL | 3, 0);
	expect(0, CPU_GP, TSS2_SEL, TSS_SEL);
	start(BY_JMP, 0);
	CODE(CODE_AT, 0xea, 0, 0, 0, 0, 8 | 4, 0);
	ram_put64(LDT_AT + 8, TSS(0x67, 0x89));
	fixture.cpu->ldtr.attributes = 0x82;
	fixture.cpu->ldtr.base = LDT_AT;
	fixture.cpu->ldtr.limit = 0xff;
	expect(1, CPU_GP, 8 | 4, TSS_SEL);
}
END_TEST

/* Page faults on what the switch reads and writes, before anything has changed.  Each of them has a page of its own. */
START_TEST(page_faults)
{
	static const struct {
		enum by by;
		uint32_t page, flags, cr2, error;
	} rows[] = {
		{ BY_JMP, 0x20000, 0, 0x20000, 0 },        /* the new TSS is not there */
		{ BY_JMP, 0x20000, 1, 0, 0 },              /* it is only read */
		{ BY_CALL, 0x20000, 1, 0x20000, 3 },       /* but for the back link */
		{ BY_JMP, 0x21000, 1, 0x21000 + 32, 3 },   /* the old TSS is written */
		{ BY_IRET, 0x21000, 0, 0x21000, 0 },       /* its link is read first */
		{ BY_CALL, 0x22000, 1, 0x22005 + SEL, 3 }, /* busy bits */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start(rows[i].by, 0);
		paging_on(7);
		/* The new TSS at 0x20000, the old one at 0x21000; the GDT's copy at 0x22000. */
		memcpy(fixture.ram + 0x20000, fixture.ram + TSS2_AT, 104);
		ram_put32(0x20000 + 28, PD_AT);
		ram_put16(0x21000, SEL);
		gdt_put(SEL, descriptor_make(0x20000, 0x67, rows[i].by == BY_IRET ? 0x8b : 0x89));
		idt_put(CPU_PF, gate_make(KCODE, HANDLER(CPU_PF), 0x8e, 0));
		memcpy(fixture.ram + 0x22000, fixture.ram + GDT_AT, 0x100);
		cpu->gdtr.base = 0x22000;
		cpu->tr.base = 0x21000;
		if (rows[i].by != BY_IRET)
			ram_put8(CODE_AT + 5, SEL);
		pte_put(rows[i].page, rows[i].flags ? rows[i].page | rows[i].flags | 4 : 0);
		enum cpu_exit how = run_for(1);

		if (!rows[i].cr2) {
			ck_assert_msg(how == CPU_EXIT_BUDGET && cpu->rip == NEW_AT, "row %u", i);
			continue;
		}
		ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(CPU_PF) + 1, "row %u: at %llx", i,
			(unsigned long long)cpu->rip);
		ck_assert_msg(cpu->cr2 == rows[i].cr2, "row %u: CR2 %llx", i, (unsigned long long)cpu->cr2);
		ck_assert_msg(frame32(0) == rows[i].error, "row %u: error %x", i, frame32(0));
		ck_assert_uint_eq(frame32(1), CODE_AT);
		ck_assert_uint_eq(cpu->tr.selector, TSS_SEL);
		ck_assert_uint_eq(fixture.ram[0x22000 + SEL + 5], rows[i].by == BY_IRET ? 0x8b : 0x89);
		ck_assert_uint_eq(fixture.ram[0x22000 + TSS_SEL + 5], 0x8b);
	}
}
END_TEST

/* ---- in the new task ---- */

START_TEST(new_task_faults)
{
	enum { ES = 72, CS = 76, SS = 80, DS = 84, FS = 88, GS = 92, LDT = 96 };
	static const struct {
		unsigned field;
		uint16_t selector, attributes; /* of SEL */
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ LDT, SEL, 0x0082, NONE, 0 },
		{ LDT, 3, 0x0082, NONE, 0 }, /* null */
		{ LDT, SEL | 4, 0x0082, CPU_TS, SEL | 4 },
		{ LDT, BEYOND, 0x0082, CPU_TS, BEYOND },
		{ LDT, SEL, 0x0089, CPU_TS, SEL },
		{ LDT, SEL, 0x0092, CPU_TS, SEL },
		{ LDT, SEL, 0x0002, CPU_TS, SEL },
		{ CS, SEL, 0xc09a, NONE, 0 },
		{ CS, SEL, 0xc09f, NONE, 0 },
		{ CS, 0, 0xc09b, CPU_TS, 0 },
		{ CS, BEYOND, 0xc09b, CPU_TS, BEYOND },
		{ CS, SEL, 0xc093, CPU_TS, SEL },
		{ CS, SEL, 0x008b, CPU_TS, SEL },
		{ CS, SEL, 0xc0fb, CPU_TS, SEL }, /* DPL != RPL */
		{ CS, SEL | 3, 0xc09b, CPU_TS, SEL },
		{ CS, SEL, 0xc0ff, CPU_TS, SEL }, /* conforming: DPL > RPL */
		{ CS, SEL, 0xc01b, CPU_NP, SEL },
		{ CS, SEL, 0x409b, CPU_GP, 0 }, /* EIP beyond a limit of 0xfff */
		{ SS, SEL, 0xc092, NONE, 0 },
		{ SS, 0, 0xc093, CPU_TS, 0 },
		{ SS, BEYOND, 0xc093, CPU_TS, BEYOND },
		{ SS, SEL | 3, 0xc093, CPU_TS, SEL }, /* RPL, DPL != CPL */
		{ SS, SEL, 0xc0f3, CPU_TS, SEL },
		{ SS, SEL, 0xc091, CPU_TS, SEL },
		{ SS, SEL, 0xc09b, CPU_TS, SEL },
		{ SS, SEL, 0x0082, CPU_TS, SEL },
		{ SS, SEL, 0xc013, CPU_SSF, SEL },
		{ DS, 0, 0, NONE, 0 },
		{ DS, SEL, 0xc090, NONE, 0 },
		{ FS, SEL | 3, 0xc09e, NONE, 0 }, /* readable and conforming */
		{ ES, BEYOND, 0xc093, CPU_TS, BEYOND },
		{ DS, SEL, 0xc098, CPU_TS, SEL }, /* execute-only */
		{ FS, SEL, 0x0082, CPU_TS, SEL },
		{ GS, SEL | 3, 0xc093, CPU_TS, SEL },
		{ GS, SEL | 4, 0xc093, CPU_TS, SEL | 4 },
		{ ES, SEL, 0xc013, CPU_NP, SEL },
		{ GS, SEL, 0xc013, CPU_NP, SEL },
	};

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2;

		start(i & 1 ? BY_CALL : BY_JMP, 0);
		gdt_put(SEL,
			descriptor_make(0, rows[row].attributes & 0x8000 ? 0xffffffff : 0xfff, rows[row].attributes));
		ram_put16(TSS2_AT + rows[row].field, rows[row].selector);
		expect(row, rows[row].vector, rows[row].error, TSS2_SEL);
	}
}
END_TEST

/* To CPL 3, where data of more privilege may not be; to virtual-8086 mode, where nothing is checked. */
START_TEST(new_task_levels)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2; i++) {
		start(BY_JMP, 0);
		for (unsigned n = 0; n < 6; n++)
			ram_put32(TSS2_AT + 72 + 4 * n, n == CPU_CS ? UCODE : UDATA);
		if (i)
			ram_put32(TSS2_AT + 72 + 4 * CPU_GS, KDATA);
		expect(i, i ? CPU_TS : NONE, KDATA, TSS2_SEL);
		if (!i)
			ck_assert_uint_eq(cpu->cpl, 3);
	}
	start(BY_JMP, 0);
	ram_put32(TSS2_AT + 36, CPU_FLAG_VM | CPU_FLAG_FIXED);
	ram_put32(TSS2_AT + 32, 0x100);
	for (unsigned n = 0; n < 6; n++)
		ram_put32(TSS2_AT + 72 + 4 * n, 0x1100 + n);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(cpu_v86(cpu));
	ck_assert_uint_eq(cpu->cpl, 3);
	ck_assert_uint_eq(cpu->rip, 0x100);
	for (unsigned n = 0; n < 6; n++) {
		ck_assert_uint_eq(cpu->segment[n].base, 0x11000 + 16 * n);
		ck_assert_uint_eq(cpu->segment[n].limit, 0xffff);
	}
}
END_TEST

/* A TSS of 32 bits brings its CR3, one of 16 bits leaves it; with PAE it brings the PDPTEs. */
START_TEST(new_task_paging)
{
	struct cpu *cpu = fixture.cpu;

	start(BY_JMP, 0);
	paging_on(7);
	ram_put(0x200000, fixture.ram + PD_AT, 4096);
	ram_put32(TSS2_AT + 28, 0x200000);
	expect(0, NONE, 0, 0);
	ck_assert_uint_eq(cpu->cr3, 0x200000);

	start(BY_JMP, 0);
	cpu->cr3 = 0x5000;
	ram_put32(TSS2_AT + 28, 0x200000);
	expect(1, NONE, 0, 0);
	ck_assert_uint_eq(cpu->cr3, 0x5000); /* not without paging */

	for (unsigned i = 0; i < 2; i++) {
		start(BY_JMP, 0);
		for (unsigned n = 0; n < 4; n++) {
			ram_put64(0x200000 + 8 * n, 0x201000 | 1);
			cpu->pdpte[n] = 0x201000 | 1;
		}
		for (unsigned n = 0; n < 512; n++)
			ram_put64(0x201000 + 8 * n, n << 21 | 0x83); /* 2 MiB */
		ram_put64(0x200020, 0x202001);
		ram_put64(0x202000, 0x83);
		cpu->cr4 |= CPU_CR4_PAE;
		cpu->cr3 = 0x200000;
		cpu->cr0 |= CPU_CR0_PG;
		ram_put32(TSS2_AT + 28, 0x200020);
		ram_put32(FAULT_AT(CPU_GP) + 28, 0x200000);
		if (i)
			ram_put64(0x200028, 0x1e7); /* reserved bits (4.4.1) */
		ck_assert_int_eq(run_for(1), i ? CPU_EXIT_HALT : CPU_EXIT_BUDGET);
		ck_assert_uint_eq(cpu->rip, i ? HANDLER(CPU_GP) + 1 : NEW_AT);
		if (!i)
			ck_assert_uint_eq(cpu->pdpte[0], 0x202001);
		ck_assert_uint_eq(cpu->cr3, i ? 0x200000 : 0x200020);
	}
}
END_TEST

/* Between 16 and 32 bits: what is saved, what is left alone, and the error code's size. */
START_TEST(sixteen_bits)
{
	struct cpu *cpu = fixture.cpu;
	static const uint16_t image[] = { 0, 0, 0, 0, 0, 0, 0, /* link, stacks */
		0x1000, 0x0002, 1, 2, 3, 4, 0xa000, 6, 7, 8, KDATA, SEL, 0x58, KDATA, 0 };

	start(BY_CALL, 0);
	gdt_put(SEL, descriptor_make(0x10000, 0xffff, 0x9b));
	gdt_put(0x58, descriptor_make(0, 0xffff, 0x93));
	ram_put(TSS2_AT, image, sizeof(image));
	ram_put32(TSS2_AT + 44, 0x55555555);
	gdt_put(TSS2_SEL, descriptor_make(TSS2_AT, 43, 0x81));
	CODE(NEW_AT, 0xcf); /* iret */
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->rip, 0x1000);
	ck_assert_uint_eq(reg(CPU_RCX) & 0xffff, 2);
	ck_assert_uint_eq(cpu->segment[CPU_FS].selector, 0);
	ck_assert_uint_eq(cpu->segment[CPU_GS].selector, 0);
	ck_assert_uint_eq(tss_type(TSS2_SEL), 3);
	ck_assert_uint_eq(ram_get16(TSS2_AT), TSS_SEL);
	cpu->gpr[CPU_RDI] = 0x1234abcd;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->rip, CODE_AT + 7);
	ck_assert_uint_eq(ram_get16(TSS2_AT + 14), 0x1001);
	ck_assert_uint_eq(ram_get16(TSS2_AT + 32), 0xabcd);
	ck_assert_uint_eq(ram_get16(TSS2_AT + 42), 0); /* the LDT's selector is only read */
	ck_assert_uint_eq(ram_get32(TSS2_AT + 44), 0x55555555);
	ck_assert_uint_eq(tss_type(TSS2_SEL), 1);

	/* #GP by way of a task of 16 bits. */
	start(BY_JMP, 0);
	gdt_put(SEL, descriptor_make(0x10000, 0xffff, 0x9b));
	gdt_put(0x58, descriptor_make(0, 0xffff, 0x93));
	ram_put(TSS2_AT, image, sizeof(image));
	gdt_put(TSS2_SEL, descriptor_make(TSS2_AT, 43, 0x81));
	idt_put(CPU_GP, gate_make(TSS2_SEL, 0, 0x85, 0));
	CODE(CODE_AT, 0x8e, 0xd9);
	CODE(NEW_AT, 0xf4);
	cpu->gpr[CPU_RCX] = BEYOND;
	ck_assert_int_eq(run_for(1), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RSP) & 0xffff, 0xa000 - 2);
	ck_assert_uint_eq(ram_get16(0xa000 - 2), BEYOND);

	/* Without room for it: #SS in the new task. */
	start(BY_JMP, 0);
	idt_put(CPU_GP, gate_make(TSS2_SEL, 0, 0x85, 0));
	gdt_put(SEL, descriptor_make(0, 0x9000, 0x4093));
	ram_put16(TSS2_AT + 80, SEL);
	CODE(CODE_AT, 0x8e, 0xd9);
	cpu->gpr[CPU_RCX] = BEYOND;
	/* A second contributory exception: #DF (table 6-5), from the new task. */
	ck_assert_int_eq(run_for(1), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->tr.selector, FAULT(CPU_DF));
	ck_assert_uint_eq(ram_get16(FAULT_AT(CPU_DF)), TSS2_SEL);
}
END_TEST

SUITE("cpu task switches", busy_nt_and_link, refused, page_faults, new_task_faults, new_task_levels, new_task_paging,
	sixteen_bits)
