/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Interrupts and exceptions outside IA-32e mode: the gates of INT n, INT3, INTO and INT1 (SDM vol. 2A, INT n), faults
 * on the way to a handler (vol. 3A, tables 6-4 and 6-5), and INT n in virtual-8086 mode (vol. 3B, table 20-2).
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define CODE_AT   0x10000u
#define TARGET_AT 0x11000u
#define MISSING   0x30000u /* no page is there once there is paging */
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define SEL       FREE_SEL
#define STACK_SEL (FREE_SEL + 8)
#define BEYOND    0x200u
#define SHUTDOWN  0xfffeu
#define IOPL(n)   ((uint32_t)(n) << 12)

static uint64_t gate(uint16_t selector, uint8_t type)
{
	return gate_make(selector, TARGET_AT, type, 0);
}

/* ---- gates ---- */

START_TEST(gates)
{
	static const struct {
		unsigned cpl;
		uint8_t type;
		uint16_t selector, attributes;
		uint32_t limit;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ 0, 0x8e, SEL, 0xc09a, ~0u, NONE, 0 },
		{ 0, 0x8f, SEL, 0xc09b, ~0u, NONE, 0 },
		{ 0, 0x86, SEL, 0xc09b, ~0u, NONE, 0 },
		{ 0, 0x87, SEL, 0xc09b, ~0u, NONE, 0 },
		{ 3, 0xee, SEL, 0xc09b, ~0u, NONE, 0 },
		{ 3, 0xe7, SEL, 0xc09b, ~0u, NONE, 0 },
		{ 3, 0xee, SEL | 3, 0xc0fb, ~0u, NONE, 0 }, /* RPL is not looked at */
		{ 3, 0xee, SEL, 0xc09f, ~0u, NONE, 0 },     /* conforming: stays */
		{ 3, 0x8e, SEL, 0xc09b, ~0u, CPU_GP, 0x182 },
		{ 3, 0xce, SEL, 0xc09b, ~0u, CPU_GP, 0x182 },
		{ 0, 0x0e, SEL, 0xc09b, ~0u, CPU_NP, 0x182 },
		{ 3, 0x0e, SEL, 0xc09b, ~0u, CPU_GP, 0x182 }, /* DPL goes first */
		{ 0, 0x8c, SEL, 0xc09b, ~0u, CPU_GP, 0x182 }, /* other types */
		{ 0, 0x89, SEL, 0xc09b, ~0u, CPU_GP, 0x182 },
		{ 0, 0x80, SEL, 0xc09b, ~0u, CPU_GP, 0x182 },
		{ 0, 0x9e, SEL, 0xc09b, ~0u, CPU_GP, 0x182 },
		{ 0, 0x8e, 0, 0xc09b, ~0u, CPU_GP, 0 },
		{ 0, 0x8e, 3, 0xc09b, ~0u, CPU_GP, 0 },
		{ 0, 0x8e, BEYOND, 0xc09b, ~0u, CPU_GP, BEYOND },
		{ 0, 0x8e, SEL | 4, 0xc09b, ~0u, CPU_GP, SEL | 4 },
		{ 0, 0x8e, SEL, 0xc093, ~0u, CPU_GP, SEL },
		{ 0, 0x8e, SEL, 0x0089, ~0u, CPU_GP, SEL },
		{ 0, 0x8e, SEL, 0xc0fb, ~0u, CPU_GP, SEL }, /* to less privilege */
		{ 0, 0x8e, SEL, 0xc0ff, ~0u, CPU_GP, SEL },
		{ 0, 0x8e, SEL, 0xc01b, ~0u, CPU_NP, SEL },
		{ 0, 0x8e, SEL, 0x409b, 0xfff, CPU_GP, 0 },
		{ 3, 0xee, SEL, 0x409b, 0xfff, CPU_GP, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		bool wide = rows[i].type & 8, inner = rows[i].cpl && rows[i].attributes == 0xc09b;
		uint32_t top = rows[i].cpl && !inner ? STACK3 : STACK0, size = wide ? 4 : 2, sp;

		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, 0xcd, 0x30);
		gdt_put(SEL, descriptor_make(0, rows[i].limit, rows[i].attributes));
		idt_put(0x30, gate(rows[i].selector, rows[i].type));
		cpu->rflags |= CPU_FLAG_IF | CPU_FLAG_NT | IOPL(3);
		enum cpu_exit how = run_for(1);

		if (rows[i].vector != NONE) {
			ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(rows[i].vector) + 1,
				"row %u: at %llx", i, (unsigned long long)cpu->rip);
			ck_assert_msg(frame32(0) == rows[i].error, "row %u: error %x", i, frame32(0));
			ck_assert_uint_eq(frame32(1), CODE_AT);
			continue;
		}
		ck_assert_msg(cpu->rip == (wide ? TARGET_AT : TARGET_AT & 0xffff), "row %u: at %llx", i,
			(unsigned long long)cpu->rip);
		sp = top - size * (inner ? 5 : 3);
		ck_assert_uint_eq(reg(CPU_RSP), sp);
		ck_assert_uint_eq(ram_get16(sp), (CODE_AT + 2) & 0xffff);
		ck_assert_uint_eq(ram_get16(sp + size), rows[i].cpl ? UCODE : KCODE);
		ck_assert_uint_eq(ram_get16(sp + 2 * size), CPU_FLAG_IF | CPU_FLAG_NT | IOPL(3) | CPU_FLAG_FIXED);
		if (inner)
			ck_assert_uint_eq(ram_get16(sp + 4 * size), UDATA);
		ck_assert_uint_eq(cpu->cpl, inner ? 0 : rows[i].cpl);
		ck_assert_uint_eq(cpu->rflags, IOPL(3) | CPU_FLAG_FIXED | (rows[i].type & 1 ? CPU_FLAG_IF : 0));
		ck_assert(fixture.ram[GDT_AT + SEL + 5] & 1);
	}
	cpu_reset(cpu, false);
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0xcd, 0x3f);
	cpu->idtr.limit = 0x3f * 8 + 6;
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0x3f * 8 + 2);
}
END_TEST

/* Stacks: of the TSS, from CPL 3; the current one, at CPL 0. */
START_TEST(stacks)
{
	static const struct {
		unsigned cpl;
		uint32_t tss_limit;
		uint16_t ss, attributes;
		uint32_t limit;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ 3, 0x67, STACK_SEL, 0xc092, ~0u, NONE, 0 },
		{ 3, 8, STACK_SEL, 0xc093, ~0u, CPU_TS, TSS_SEL },
		{ 3, 0x67, 0, 0xc093, ~0u, CPU_TS, 0 },
		{ 3, 0x67, BEYOND, 0xc093, ~0u, CPU_TS, BEYOND },
		{ 3, 0x67, STACK_SEL | 3, 0xc093, ~0u, CPU_TS, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0xc0f3, ~0u, CPU_TS, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0xc091, ~0u, CPU_TS, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0xc013, ~0u, CPU_SSF, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0x4097, STACK0 - 5, CPU_SSF, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0x4097, STACK0 - 9, CPU_SSF, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0x4097, STACK0 - 17, CPU_SSF, STACK_SEL },
		{ 3, 0x67, STACK_SEL, 0x4097, STACK0 - 21, NONE, 0 },
		{ 3, 0x67, STACK_SEL, 0x0093, 0xffff, NONE, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, 0xcd, 0x30);
		gdt_put(SEL, descriptor_make(0, ~0u, 0xc0fb));
		gdt_put(STACK_SEL, descriptor_make(0, rows[i].limit, rows[i].attributes));
		idt_put(0x30, gate(KCODE, 0xee));
		/* The faults' handlers stay at CPL 3, where the stack is good. */
		for (unsigned vector = CPU_TS; vector <= CPU_GP; vector++) {
			idt_put(vector, gate_make(SEL | 3, HANDLER(vector), 0xee, 0));
			CODE(HANDLER(vector), 0xeb, 0xfe);
		}
		ram_put32(TSS_AT + 8, rows[i].ss);
		cpu->tr.limit = rows[i].tss_limit;
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_msg(cpu->rip == (rows[i].vector == NONE ? TARGET_AT : HANDLER(rows[i].vector)),
			"row %u: at %llx", i, (unsigned long long)cpu->rip);
		if (rows[i].vector != NONE) {
			ck_assert_msg(frame32(0) == rows[i].error, "row %u: error %x", i, frame32(0));
			ck_assert_uint_eq(frame32(1), CODE_AT);
		}
	}
	/* At CPL 0 without room for one of EFLAGS, CS, EIP: the #SS finds none either, nor does #DF. */
	for (unsigned room = 0; room <= 12; room += 4) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		CODE(CODE_AT, 0xcd, 0x30);
		idt_put(0x30, gate(KCODE, 0x8e));
		cpu->segment[CPU_SS].attributes |= 4;
		cpu->segment[CPU_SS].limit = STACK0 - room - 1;
		ck_assert_int_eq(run_for(1), room < 12 ? CPU_EXIT_SHUTDOWN : CPU_EXIT_BUDGET);
		ck_assert_uint_eq(cpu->rip, room < 12 ? CODE_AT : TARGET_AT);
	}
}
END_TEST

/* INT3 and INTO ask for the gate's DPL as INT n does, INT1 does not.  What goes wrong on the way is the program's own
 * doing but with INT1, which like a hardware interrupt sets the EXT bit of the error code (vol. 3A, 6.13). */
START_TEST(short_forms)
{
	static const struct {
		uint8_t code[2];
		unsigned cpl;
		uint32_t flags;
		unsigned at; /* the vector */
		uint8_t type;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ { 0xcc }, 3, 0, CPU_BP, 0xee, NONE, 0 },
		{ { 0xcc }, 3, 0, CPU_BP, 0x8e, CPU_GP, 0x1a },
		{ { 0xcc }, 0, 0, CPU_BP, 0x0e, CPU_NP, 0x1a },
		{ { 0xce }, 3, CPU_FLAG_OF, CPU_OF, 0xee, NONE, 0 },
		{ { 0xce }, 3, CPU_FLAG_OF, CPU_OF, 0x8e, CPU_GP, 0x22 },
		{ { 0xce }, 0, CPU_FLAG_OF, CPU_OF, 0x8c, CPU_GP, 0x22 },
		{ { 0xf1 }, 3, 0, CPU_DB, 0x8e, NONE, 0 },
		{ { 0xf1 }, 0, 0, CPU_DB, 0x0e, CPU_NP, 0x0b },
		{ { 0xf1 }, 0, 0, CPU_DB, 0x8c, CPU_GP, 0x0b },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, rows[i].cpl);
		ram_put(CODE_AT, rows[i].code, 2);
		cpu->rflags |= rows[i].flags;
		idt_put(rows[i].at, gate(KCODE, rows[i].type));
		CODE(TARGET_AT, 0xf4);
		ck_assert_int_eq(run_for(2), CPU_EXIT_HALT);
		if (rows[i].vector == NONE) {
			ck_assert_msg(cpu->rip == TARGET_AT + 1, "row %u", i);
			ck_assert_uint_eq(frame32(0), CODE_AT + 1);
			ck_assert_uint_eq(cpu->dr[6], 0xffff0ff0);
			continue;
		}
		ck_assert_msg(
			cpu->rip == HANDLER(rows[i].vector) + 1, "row %u: at %llx", i, (unsigned long long)cpu->rip);
		ck_assert_msg(frame32(0) == rows[i].error, "row %u: error %x", i, frame32(0));
		ck_assert_uint_eq(frame32(1), CODE_AT);
	}
	cpu_reset(cpu, false);
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0xce, 0x43);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET); /* INTO without OF */
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

/* ---- one exception on the way to another's handler ---- */

enum first { DIVIDE, PROTECTION, PAGE, OPCODE, INT_N, NMI, INTR };

/* What goes wrong with the first: its gate is not present (#NP), or its code segment's descriptor is on a missing page.
 */
START_TEST(double_faults)
{
	static const struct {
		enum first first;
		bool page;
		unsigned vector;
		uint32_t error;
	} rows[] = {
		/* benign first: the second is handled by itself */
		{ OPCODE, false, CPU_NP, CPU_UD * 8 + 3 },
		{ OPCODE, true, CPU_PF, 0 },
		{ INT_N, false, CPU_NP, 0x30 * 8 + 2 },
		{ INT_N, true, CPU_PF, 0 },
		{ NMI, false, CPU_NP, CPU_NMI * 8 + 3 },
		{ NMI, true, CPU_PF, 0 },
		{ INTR, false, CPU_NP, 0x31 * 8 + 3 },
		{ INTR, true, CPU_PF, 0 },
		/* contributory first */
		{ DIVIDE, false, CPU_DF, 0 },
		{ DIVIDE, true, CPU_PF, 0 },
		{ PROTECTION, false, CPU_DF, 0 },
		{ PROTECTION, true, CPU_PF, 0 },
		/* a page fault first */
		{ PAGE, false, CPU_DF, 0 },
		{ PAGE, true, CPU_DF, 0 },
	};
	static const uint8_t vectors[] = { CPU_DE, CPU_GP, CPU_PF, CPU_UD, 0x30, CPU_NMI, 0x31 };
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2, at = vectors[rows[row].first];
		bool third = i & 1; /* #DF's gate is bad, too */

		if (third && rows[row].vector != CPU_DF)
			continue;
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		paging_on(7);
		pte_put(MISSING, 0);
		cpu->ldtr.attributes = 0x82;
		cpu->ldtr.base = MISSING;
		cpu->ldtr.limit = 0xff;
		switch (rows[row].first) {
		case DIVIDE: CODE(CODE_AT, 0xf7, 0xf1); break;     /* div ecx */
		case PROTECTION: CODE(CODE_AT, 0x8e, 0xd9); break; /* mov ds,cx */
		case PAGE: CODE(CODE_AT, 0x8b, 0x07); break;       /* mov eax,[edi] */
		case OPCODE: CODE(CODE_AT, 0x0f, 0x0b); break;
		case INT_N: CODE(CODE_AT, 0xcd, 0x30); break;
		case NMI:
			CODE(CODE_AT, 0x90);
			cpu_request(cpu, CPU_REQUEST_NMI);
			break;
		case INTR:
			CODE(CODE_AT, 0x90);
			cpu->rflags |= CPU_FLAG_IF;
			fixture.vector = 0x31;
			cpu_request(cpu, CPU_REQUEST_INTR);
		}
		cpu->gpr[CPU_RCX] = rows[row].first == PROTECTION ? BEYOND : 0;
		cpu->gpr[CPU_RDI] = MISSING + 0x800;
		idt_put(at, gate_make(rows[row].page ? 8 | 4 : KCODE, TARGET_AT, rows[row].page ? 0x8e : 0x0e, 0));
		if (third)
			idt_put(CPU_DF, gate(KCODE, rows[row].page ? 0x0e : 0x8c));
		enum cpu_exit how = run_for(1);

		if (third) {
			ck_assert_msg(how == CPU_EXIT_SHUTDOWN, "row %u: %d", row, (int)how);
			ck_assert_uint_eq(cpu->rip, CODE_AT);
			continue;
		}
		ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(rows[row].vector) + 1, "row %u: %d at %llx",
			row, (int)how, (unsigned long long)cpu->rip);
		ck_assert_msg(frame32(0) == rows[row].error, "row %u: error %x", row, frame32(0));
		ck_assert_uint_eq(frame32(1), CODE_AT);
		if (rows[row].page)
			ck_assert_uint_eq(cpu->cr2, MISSING + 8);
		else if (rows[row].first == PAGE)
			ck_assert_uint_eq(cpu->cr2, MISSING + 0x800);
	}
}
END_TEST

/* The TSS, the IDT, the stack: page faults on the way. */
START_TEST(page_faults_on_the_way)
{
	struct cpu *cpu = fixture.cpu;
	static const uint32_t cr2[] = { MISSING + 4, MISSING - 0x78 + 0x30 * 8, 0, MISSING + 0x800 - 4, MISSING + 2 };

	for (unsigned i = 0; i < ARRAY(cr2); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, i == 2 ? 0 : 3);
		paging_on(7);
		CODE(CODE_AT, 0xcd, 0x30);
		idt_put(0x30, gate(KCODE, 0xee));
		gdt_put(SEL, descriptor_make(0, ~0u, 0xc0fb));
		idt_put(CPU_PF, gate_make(SEL | 3, HANDLER(CPU_PF), 0xee, 0));
		CODE(HANDLER(CPU_PF), 0xeb, 0xfe);
		pte_put(MISSING, 0);
		if (i == 0 || i == 4)
			cpu->tr.base = MISSING;
		if (i == 4)
			cpu->tr.attributes = 0x83;
		if (i == 1) { /* the upper entries of the IDT on the next page */
			memcpy(fixture.ram + MISSING - 0x78, fixture.ram + IDT_AT, 0x78);
			cpu->idtr.base = MISSING - 0x78;
		}
		if (i == 2)
			cpu->gpr[CPU_RSP] = MISSING + 0x800;
		if (i == 3)
			ram_put32(TSS_AT + 4, MISSING + 0x800);
		enum cpu_exit how = run_for(1);

		if (i == 2) { /* no stack for #PF either: #DF, shutdown */
			ck_assert_int_eq(how, CPU_EXIT_SHUTDOWN);
			continue;
		}
		ck_assert_msg(how == CPU_EXIT_BUDGET && cpu->rip == HANDLER(CPU_PF), "row %u: %d at %llx", i, (int)how,
			(unsigned long long)cpu->rip);
		ck_assert_uint_eq(frame32(1), CODE_AT);
		ck_assert_uint_eq(cpu->cr2, cr2[i]);
		ck_assert_uint_eq(frame32(0), i == 3 ? 2 : 0); /* by the supervisor */
	}
}
END_TEST

/* ---- real mode ---- */

START_TEST(real_mode)
{
	struct cpu *cpu = fixture.cpu;
	static const struct {
		uint32_t idt_limit, cs_limit;
		uint16_t sp, target;
		unsigned vector;
	} rows[] = {
		{ 0x3ff, 0xffff, 0x7000, 0x5200, NONE },
		{ 0x30 * 4 + 3, 0xffff, 0x7000, 0x5200, NONE },
		{ 0x30 * 4 + 2, 0xffff, 0x7000, 0x5200, CPU_GP },
		{ CPU_GP * 4 + 2, 0xffff, 0x7000, 0x5200, CPU_DF }, /* neither is there */
		{ CPU_DF * 4 + 2, 0xffff, 0x7000, 0x5200, SHUTDOWN },
		{ 0x3ff, 0x51ff, 0x7000, 0x5200, CPU_GP },
		{ 0x3ff, 0xffff, 0x0001, 0x5200, SHUTDOWN },
		{ 0x3ff, 0xffff, 0x0003, 0x5200, SHUTDOWN },
		{ 0x3ff, 0xffff, 0x0005, 0x5200, SHUTDOWN },
	};

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_real(0x5000);
		CODE(0x5000, 0xcd, 0x30);
		CODE(0x5200, 0xf4);
		ram_put16(0x30 * 4, rows[i].target);
		cpu->idtr.limit = rows[i].idt_limit;
		cpu->segment[CPU_CS].limit = rows[i].cs_limit;
		cpu->gpr[CPU_RSP] = rows[i].sp;
		cpu->rflags |= CPU_FLAG_IF | CPU_FLAG_AC;
		enum cpu_exit how = run_for(2);

		if (rows[i].vector == SHUTDOWN) {
			ck_assert_msg(how == CPU_EXIT_SHUTDOWN, "row %u: %d", i, (int)how);
			continue;
		}
		ck_assert_msg(cpu->rip == (rows[i].vector == NONE ? 0x5200 : HANDLER(rows[i].vector)) + 1u,
			"row %u: at %llx", i, (unsigned long long)cpu->rip);
		/* no error codes */
		ck_assert_uint_eq(reg(CPU_RSP), rows[i].sp - 6);
		ck_assert_uint_eq(ram_get16(rows[i].sp - 6), rows[i].vector == NONE ? 0x5002 : 0x5000);
		ck_assert_uint_eq(cpu->rflags & (CPU_FLAG_IF | CPU_FLAG_AC), 0);
	}
}
END_TEST

/* ---- virtual-8086 mode ---- */

enum way { GP0, GATE, PROGRAM }; /* #GP(0), the protected-mode gate, the 8086 program's own handler */

START_TEST(v86_int)
{
	static const struct {
		uint8_t code[2];
		uint32_t flags;
		bool vme, redirected; /* the bit is clear */
		enum way way;
		uint16_t image; /* flags on the 8086 program's stack */
	} rows[] = {
		{ { 0xcd, 0x30 }, IOPL(3), false, false, GATE, 0 },
		{ { 0xcd, 0x30 }, IOPL(2), false, false, GP0, 0 },
		{ { 0xcd, 0x30 }, IOPL(3), true, false, GATE, 0 },
		{ { 0xcd, 0x30 }, IOPL(0), true, false, GP0, 0 },
		{ { 0xcd, 0x30 }, IOPL(0), true, true, PROGRAM, 0x3002 },
		{ { 0xcd, 0x30 }, IOPL(1) | CPU_FLAG_VIF, true, true, PROGRAM, 0x3202 },
		{ { 0xcd, 0x30 }, IOPL(3) | CPU_FLAG_IF, true, true, PROGRAM, 0x3202 },
		/* INT3 and INTO know neither IOPL nor the map */
		{ { 0xcc }, IOPL(0), true, true, GATE, 0 },
		{ { 0xce }, IOPL(0) | CPU_FLAG_OF, false, true, GATE, 0 },
		{ { 0xf1 }, IOPL(0), true, true, GATE, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_v86(CODE_AT >> 4, 0, rows[i].flags);
		ram_put(CODE_AT, rows[i].code, 2);
		ram_put32(0x30 * 4, 0x20001234);
		ram_put16(TSS_AT + 102, 0x100);
		memset(fixture.ram + TSS_AT + 0xe0, rows[i].redirected ? 0 : 0xff, 32);
		for (unsigned vector = 0; vector < 0x31; vector++)
			if (vector < CPU_TS)
				idt_put(vector, gate(KCODE, 0xee));
		idt_put(0x30, gate(KCODE, 0xee));
		CODE(TARGET_AT, 0xf4);
		if (rows[i].vme)
			cpu->cr4 |= CPU_CR4_VME;
		run_for(1);
		if (rows[i].way == PROGRAM) {
			ck_assert_msg(cpu->rip == 0x1234 && cpu->segment[CPU_CS].base == 0x20000, "row %u", i);
			ck_assert(cpu_v86(cpu));
			ck_assert_uint_eq(reg(CPU_RSP), 0x7000 - 6);
			ck_assert_uint_eq(ram_get16(0x7000 - 6), 2);
			ck_assert_uint_eq(ram_get16(0x7000 - 4), CODE_AT >> 4);
			ck_assert_msg(ram_get16(0x7000 - 2) == rows[i].image, "row %u: %x", i, ram_get16(0x7000 - 2));
			ck_assert_uint_eq(cpu->rflags & (CPU_FLAG_IF | CPU_FLAG_VIF | CPU_FLAG_TF), 0);
			ck_assert_uint_eq(cpu->rflags & CPU_FLAG_IOPL, rows[i].flags & CPU_FLAG_IOPL);
			continue;
		}
		if (rows[i].way == GATE)
			ck_assert_int_eq(run_for(1), CPU_EXIT_HALT);
		ck_assert_msg(cpu->rip == (rows[i].way == GATE ? TARGET_AT : HANDLER(CPU_GP)) + 1, "row %u: at %llx", i,
			(unsigned long long)cpu->rip);
		ck_assert(!cpu_v86(cpu));
		ck_assert_uint_eq(reg(CPU_RSP), STACK0 - (rows[i].way == GATE ? 36 : 40));
		if (rows[i].way == GP0)
			ck_assert_uint_eq(frame32(0), 0);
	}
}
END_TEST

/* The map must be within a TSS of 32 bits, the gate must lead to CPL 0, and there must be room. */
START_TEST(v86_faults)
{
	struct cpu *cpu = fixture.cpu;
	static const struct {
		bool vme;
		uint16_t map, tss, limit; /* the TSS' attributes */
		uint16_t attributes;      /* of the gate's code segment */
		unsigned vector;
		uint32_t error;
	} rows[] = {
		{ true, 0x100, 0x8b, 0x1ff, 0xc09b, NONE, 0 },
		{ true, 0x100, 0x83, 0x1ff, 0xc09b, CPU_GP, 0 }, /* of 16 bits */
		{ true, 0x100, 0x8b, 0x66, 0xc09b, CPU_GP, 0 }, { true, 0x1f, 0x8b, 0x1ff, 0xc09b, CPU_GP, 0 },
		{ true, 0x200 + 26, 0x8b, 0x1ff, 0xc09b, CPU_GP, 0 },
		{ true, 0x200 + 25, 0x8b, 0x1ff, 0xc09b, NONE, 0 }, { false, 0, 0x8b, 0x1ff, 0xc09b, NONE, 0 },
		{ false, 0, 0x8b, 0x1ff, 0xc0bb, CPU_GP, SEL }, /* DPL 1 */
		{ false, 0, 0x8b, 0x1ff, 0xc0fb, CPU_GP, SEL }, /* DPL 3 */
		{ false, 0, 0x8b, 0x1ff, 0xc09f, CPU_GP, SEL }, /* conforming */
	};

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_v86(CODE_AT >> 4, 0, IOPL(3));
		CODE(CODE_AT, 0xcd, 0x30);
		ram_put16(TSS_AT + 102, rows[i].map);
		if (rows[i].map >= 32)
			memset(fixture.ram + TSS_AT + rows[i].map - 32, 0xff, 32);
		if (rows[i].tss == 0x83) {
			ram_put16(TSS_AT + 2, STACK0); /* where a TSS of 16 bits has them */
			ram_put16(TSS_AT + 4, KDATA);
		}
		idt_put(0x30, gate(SEL, 0xee));
		gdt_put(SEL, descriptor_make(0, ~0u, rows[i].attributes));
		CODE(TARGET_AT, 0xf4);
		cpu->tr.attributes = rows[i].tss;
		cpu->tr.limit = rows[i].limit;
		if (rows[i].vme)
			cpu->cr4 |= CPU_CR4_VME;
		ck_assert_int_eq(run_for(2), CPU_EXIT_HALT);
		if (rows[i].vector == NONE) {
			ck_assert_msg(cpu->rip == TARGET_AT + 1, "row %u: at %llx", i, (unsigned long long)cpu->rip);
			continue;
		}
		ck_assert_msg(cpu->rip == HANDLER(CPU_GP) + 1, "row %u: at %llx", i, (unsigned long long)cpu->rip);
		ck_assert_msg(frame32(0) == rows[i].error, "row %u: error %x", i, frame32(0));
	}
	/* Room for the nine words on the monitor's stack, and for three on the program's. */
	for (unsigned room = 0; room <= 40; room += 4) {
		cpu_reset(cpu, false);
		start_v86(CODE_AT >> 4, 0, IOPL(3));
		CODE(CODE_AT, 0xcd, 0x30);
		idt_put(0x30, gate(KCODE, 0xee));
		gdt_put(STACK_SEL, descriptor_make(0, STACK0 - room - 1, 0x4097));
		ram_put32(TSS_AT + 8, STACK_SEL);
		ck_assert_int_eq(run_for(1), room < 36 ? CPU_EXIT_SHUTDOWN : CPU_EXIT_BUDGET);
	}
	cpu_reset(cpu, false);
	start_v86(CODE_AT >> 4, 0, IOPL(3));
	CODE(CODE_AT, 0xcd, 0x30);
	ram_put16(TSS_AT + 102, 0x100);
	memset(fixture.ram + TSS_AT + 0xe0, 0, 32);
	cpu->cr4 |= CPU_CR4_VME;
	cpu->gpr[CPU_RSP] = 1;
	expect_vector(CPU_SSF);
	ck_assert_uint_eq(frame32(0), 0);
	/* The map on a missing page, and the TSS. */
	for (unsigned i = 0; i < 2; i++) {
		cpu_reset(cpu, false);
		start_v86(CODE_AT >> 4, 0, IOPL(3));
		CODE(CODE_AT, 0xcd, 0x30);
		cpu->cr4 |= CPU_CR4_VME;
		paging_on(7);
		pte_put(MISSING, 0);
		memcpy(fixture.ram + MISSING - 0x80, fixture.ram + TSS_AT, 0x60);
		ram_put16(MISSING - 0x80 + 102, 0x100);
		cpu->tr.base = i ? MISSING - 100 : MISSING - 0x80;
		if (i)
			memcpy(fixture.ram + MISSING - 100, fixture.ram + TSS_AT, 0x60);
		expect_vector(CPU_PF);
		ck_assert_uint_eq(frame32(0), 0);
		ck_assert_uint_eq(cpu->cr2, i ? MISSING + 2 : MISSING + 0x80 - 32 + 6);
	}
}
END_TEST

/* ---- traces ---- */

START_TEST(traces)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2; i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		paging_on(7);
		pte_put(MISSING, 0);
		fixture.log[0] = 0;
		cpu->trace = CPU_TRACE_EXEC | CPU_TRACE_INT | CPU_TRACE_MMU;
		CODE(CODE_AT, 0xcd, 0x30, 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0x8b, 0x07);
		CODE(HANDLER(0x30), 0xcf);
		cpu->gpr[CPU_RDI] = MISSING + 0x10;
		if (i)
			cpu->trace_log = NULL;
		expect_vector(CPU_PF);
		if (i) {
			ck_assert_str_eq(fixture.log, "");
			continue;
		}
		ck_assert_ptr_nonnull(strstr(fixture.log, "int 30 at 0008:00010000 cpl 0"));
		ck_assert_ptr_nonnull(strstr(fixture.log, "0008:00010000 cd30"));
		ck_assert_ptr_nonnull(strstr(fixture.log, "mmu flush non-global at 0008:00010005"));
		ck_assert_ptr_nonnull(strstr(fixture.log, "mmu fault 00030010 error 0 at 0008:00010008"));
		ck_assert_ptr_nonnull(strstr(fixture.log, "exception 0e error 0 cr2 00030010"));
	}
	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0x49, 0x89, 0xc0, 0xf4); /* mov r8,rax */
	cpu->trace_log = NULL;
	cpu->trace = CPU_TRACE_EXEC;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
}
END_TEST

START_TEST(trace_of_long_mode)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0x49, 0x89, 0xc0, 0x0f, 0x0b);
	cpu->trace = CPU_TRACE_EXEC | CPU_TRACE_INT | CPU_TRACE_MMU;
	cpu->gpr[CPU_RAX] = 0x123456789abcdef0;
	expect_vector(CPU_UD);
	ck_assert_ptr_nonnull(strstr(fixture.log, "0008:0000000000010000 4989c0"));
	ck_assert_ptr_nonnull(strstr(fixture.log, " r8=123456789abcdef0"));
	ck_assert_ptr_nonnull(strstr(fixture.log, "exception 06 at 0008:00010003"));
}
END_TEST

SUITE("cpu exceptions", gates, stacks, short_forms, double_faults, page_faults_on_the_way, real_mode, v86_int,
	v86_faults, traces, trace_of_long_mode)
