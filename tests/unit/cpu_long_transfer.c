/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * IA-32e mode: interrupts, IRET, call gates, SYSCALL and its kin, compatibility mode.  Rows are the branches of the
 * operation sections in SDM vol. 2 (INT n, IRET, CALL, SYSCALL, ...) and of vol. 3A, 6.14.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define CODE_AT   0x10000u
#define TARGET_AT 0x11000u
#define NOT_CANON 0x0000800000000000u
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define TRAP      0x8f
#define INTERRUPT 0x8e
#define GATE      0x8c

/* Run to a HLT.  The handlers of exceptions halt, and so does what is at TARGET_AT. */
static void expect(unsigned row, unsigned vector, uint64_t error)
{
	expect_long(row, CODE_AT, TARGET_AT, vector, error);
}

static void segments_compatibility(unsigned cpl)
{
	struct cpu *cpu = fixture.cpu;

	cpu->segment[CPU_CS].selector = cpl ? UCODE32 : KCODE32;
	cpu->segment[CPU_CS].attributes = cpl ? 0xc0fb : 0xc09b;
	cpu_mode_update(cpu);
}

/* ---- interrupts ---- */

/* INT 0x30 through a gate to TARGET_AT. */
START_TEST(interrupt_gates)
{
	static const struct {
		unsigned cpl;
		uint8_t type, ist;
		uint16_t selector, code; /* its attributes */
		uint64_t target;
		unsigned vector;
		uint16_t error;
	} rows[] = {
		{ 0, INTERRUPT, 0, FREE_SEL, 0xa09b, TARGET_AT, NONE, 0 },
		{ 0, TRAP, 0, FREE_SEL, 0xa09b, TARGET_AT, NONE, 0 },
		{ 0, INTERRUPT, 1, FREE_SEL, 0xa09b, TARGET_AT, NONE, 0 },
		{ 3, 0xee, 0, FREE_SEL, 0xa09b, TARGET_AT, NONE, 0 },
		{ 3, 0xee, 1, FREE_SEL, 0xa09b, TARGET_AT, NONE, 0 },
		{ 3, INTERRUPT, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_GP, 0x182 }, /* gate's DPL */
		{ 0, 0x0e, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_NP, 0x182 },
		{ 0, 0x85, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_GP, 0x182 }, /* task and 16-bit gates */
		{ 0, 0x86, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_GP, 0x182 },
		{ 0, 0x87, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_GP, 0x182 },
		{ 0, GATE, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_GP, 0x182 },
		{ 0, 0x9e, 0, FREE_SEL, 0xa09b, TARGET_AT, CPU_GP, 0x182 },
		{ 0, INTERRUPT, 0, 0, 0xa09b, TARGET_AT, CPU_GP, 0 }, /* where it leads to */
		{ 0, INTERRUPT, 0, 0x200, 0xa09b, TARGET_AT, CPU_GP, 0x200 },
		{ 0, INTERRUPT, 0, FREE_SEL, 0xc09b, TARGET_AT, CPU_GP, FREE_SEL }, /* L clear */
		{ 0, INTERRUPT, 0, FREE_SEL, 0xe09b, TARGET_AT, CPU_GP, FREE_SEL }, /* D set */
		{ 0, INTERRUPT, 0, FREE_SEL, 0xa093, TARGET_AT, CPU_GP, FREE_SEL },
		{ 0, INTERRUPT, 0, FREE_SEL, 0xa0fb, TARGET_AT, CPU_GP, FREE_SEL }, /* to less privilege */
		{ 0, INTERRUPT, 0, FREE_SEL, 0xa01b, TARGET_AT, CPU_NP, FREE_SEL },
		{ 0, INTERRUPT, 0, FREE_SEL, 0xa09b, NOT_CANON, CPU_GP, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, 0xcd, 0x30);
		CODE(TARGET_AT, 0xf4);
		gdt_put(FREE_SEL, descriptor_make(0, 0xffffffff, rows[i].code));
		gate_put_long(0x30, rows[i].selector, rows[i].target, rows[i].type, rows[i].ist);
		cpu->rflags |= CPU_FLAG_IF | CPU_FLAG_NT;
		cpu->gpr[CPU_RSP] -= 3;
		expect(i, rows[i].vector, rows[i].error);
		if (rows[i].vector != NONE)
			continue;
		uint64_t top = rows[i].ist ? IST_STACK : rows[i].cpl ? STACK0 : STACK0 - 16;
		ck_assert_uint_eq(cpu->gpr[CPU_RSP], top - 40); /* aligned before the pushes */
		ck_assert_uint_eq(frame64(0), CODE_AT + 2);
		ck_assert_uint_eq(frame64(1), rows[i].cpl ? UCODE : KCODE);
		ck_assert_uint_eq(frame64(2) & (CPU_FLAG_IF | CPU_FLAG_NT), CPU_FLAG_IF | CPU_FLAG_NT);
		ck_assert_uint_eq(frame64(3), rows[i].cpl ? STACK3 - 3 : STACK0 - 3);
		ck_assert_uint_eq(frame64(4), rows[i].cpl ? UDATA : KDATA);
		ck_assert_uint_eq(cpu->segment[CPU_SS].selector, rows[i].cpl ? 0 : KDATA);
		ck_assert_uint_eq(cpu->cpl, 0);
		ck_assert_uint_eq(cpu_rflags(cpu) & CPU_FLAG_IF, rows[i].type == TRAP ? CPU_FLAG_IF : 0);
		ck_assert_uint_eq(cpu_rflags(cpu) & CPU_FLAG_NT, 0);
	}
}
END_TEST

/* The IDT's limit, the TSS' limit, and a stack where there can be none. */
START_TEST(interrupt_tables)
{
	struct cpu *cpu = fixture.cpu;

	CODE(CODE_AT, 0xcd, 0x30);
	start_long(CODE_AT, 0);
	cpu->idtr.limit = 0x30 * 16 + 14;
	expect(0, CPU_GP, 0x182);
	start_long(CODE_AT, 0);
	gate_put_long(0x30, KCODE, TARGET_AT, INTERRUPT, 7); /* IST7 ends the TSS */
	cpu->tr.limit = 90;
	expect(1, CPU_TS, TSS_SEL);
	start_long(CODE_AT, 0);
	gate_put_long(0x30, KCODE, TARGET_AT, INTERRUPT, 2);
	ram_put64(TSS_AT + 44, 1ull << 63);
	expect(2, CPU_SSF, 0);
	ram_put64(TSS_AT + 44, 0);
}
END_TEST

/* An exception from user mode: error code behind the frame, alignment not disturbed, RF set. */
START_TEST(exception_frame)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 3);
	CODE(CODE_AT, 0x8e, 0xd8); /* mov %eax, %ds */
	cpu->gpr[CPU_RAX] = KDATA;
	expect(0, CPU_GP, KDATA);
	ck_assert_uint_eq(cpu->gpr[CPU_RSP], STACK0 - 48);
	ck_assert_uint_eq(frame64(1), CODE_AT);
	ck_assert_uint_eq(frame64(3) & CPU_FLAG_RF, CPU_FLAG_RF);
	ck_assert_uint_eq(frame64(5), UDATA);
}
END_TEST

/* ---- IRET ---- */

START_TEST(iret)
{
	static const struct {
		unsigned cpl;
		uint64_t rip;
		uint16_t cs, ss;
		uint64_t flags;
		unsigned vector; /* of what is then: UD2 stands at TARGET_AT where HLT cannot */
		uint16_t error;
	} rows[] = {
		{ 0, TARGET_AT, KCODE, KDATA, 0, NONE, 0 },
		{ 0, TARGET_AT, KCODE, 0, 0, NONE, 0 },   /* no stack segment at CPL 0 */
		{ 0, TARGET_AT, KCODE, 1, 0, CPU_GP, 0 }, /* whose RPL is another */
		{ 0, TARGET_AT, KCODE, UDATA, 0, CPU_GP, 0x20 },
		{ 0, TARGET_AT, KCODE32, KDATA, 0, NONE, 0 },
		{ 0, TARGET_AT, KCODE32, 0, 0, CPU_GP, 0 },
		{ 0, TARGET_AT, UCODE, UDATA, 0, CPU_UD, 0 },
		{ 0, TARGET_AT, UCODE32, UDATA, 0, CPU_UD, 0 },
		{ 0, TARGET_AT, UCODE, 3, 0, CPU_GP, 0 },
		{ 0, TARGET_AT, UCODE, KDATA, 0, CPU_GP, KDATA },
		{ 0, TARGET_AT, 0, KDATA, 0, CPU_GP, 0 },
		{ 0, TARGET_AT, 0x200, KDATA, 0, CPU_GP, 0x200 },
		{ 0, TARGET_AT, KDATA, KDATA, 0, CPU_GP, KDATA },
		{ 0, TARGET_AT, FREE_SEL, KDATA, 0, CPU_GP, FREE_SEL }, /* L and D */
		{ 0, TARGET_AT, FREE_SEL + 8, KDATA, 0, CPU_NP, FREE_SEL + 8 },
		{ 0, TARGET_AT, KCODE, FREE_SEL + 16, 0, CPU_SSF, FREE_SEL + 16 },
		{ 0, NOT_CANON, KCODE, KDATA, 0, CPU_GP, 0 },
		{ 0, 1ull << 32, KCODE32, KDATA, 0, CPU_GP, 0 },
		{ 3, TARGET_AT, KCODE, KDATA, 0, CPU_GP, KCODE },
		{ 3, TARGET_AT, UCODE, UDATA, 0, CPU_UD, 0 },
		{ 3, TARGET_AT, UCODE, 3, 0, CPU_GP, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, 0x48, 0xcf);
		if (rows[i].vector == CPU_UD)
			CODE(TARGET_AT, 0x0f, 0x0b);
		else
			CODE(TARGET_AT, 0xf4);
		gdt_put(FREE_SEL, descriptor_make(0, 0xffffffff, 0xe09b));
		gdt_put(FREE_SEL + 8, descriptor_make(0, 0xffffffff, 0xa01b));
		gdt_put(FREE_SEL + 16, descriptor_make(0, 0xffffffff, 0xc013));
		const uint64_t frame[5] = { rows[i].rip, rows[i].cs, rows[i].flags, 0xb000, rows[i].ss };
		ram_put(0xc000, frame, sizeof(frame));
		cpu->gpr[CPU_RSP] = 0xc000;
		expect(i, rows[i].vector, rows[i].error);
		if (rows[i].vector == NONE) {
			ck_assert_uint_eq(cpu->gpr[CPU_RSP], 0xb000);
			ck_assert_uint_eq(cpu->segment[CPU_SS].selector, rows[i].ss);
			ck_assert_uint_eq(cpu_code64(cpu), rows[i].cs == KCODE);
		} else if (rows[i].vector == CPU_UD) {
			ck_assert_uint_eq(frame64(0), TARGET_AT);
			ck_assert_uint_eq(frame64(1), rows[i].cs);
			ck_assert_uint_eq(frame64(3), 0xb000);
		}
	}
}
END_TEST

START_TEST(iret_nested_task)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2; i++) {
		start_long(CODE_AT, 0);
		CODE(CODE_AT, 0xcf);
		if (i)
			segments_compatibility(0);
		cpu->rflags |= CPU_FLAG_NT;
		expect(i, CPU_GP, 0); /* IA-32e mode has no tasks */
	}
}
END_TEST

/* ---- gates and far transfers ---- */

START_TEST(call_gates)
{
	static const struct {
		unsigned cpl;
		bool jump, compatibility;
		uint8_t type;
		uint16_t selector, code;
		uint32_t high; /* third word of the descriptor's upper half */
		uint64_t target;
		unsigned vector;
		uint16_t error;
	} rows[] = {
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, NONE, 0 },
		{ 3, false, true, 0xec, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, NONE, 0 },
		{ 0, false, false, GATE, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, NONE, 0 },
		{ 0, true, false, GATE, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, NONE, 0 },
		{ 3, true, false, 0xec, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, CPU_GP, FREE_SEL + 16 },
		{ 3, false, false, GATE, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, CPU_GP, FREE_SEL },
		{ 3, false, false, 0x6c, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, CPU_NP, FREE_SEL },
		{ 3, false, false, 0xe4, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, CPU_GP, FREE_SEL }, /* 16 bits */
		{ 3, false, false, 0xe5, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, CPU_GP, FREE_SEL }, /* task */
		{ 3, false, false, 0xe9, FREE_SEL + 16, 0xa09b, 0, TARGET_AT, CPU_GP, FREE_SEL }, /* TSS */
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xa09b, 0x0100, TARGET_AT, CPU_GP, FREE_SEL },
		{ 3, false, false, 0xec, 0, 0xa09b, 0, TARGET_AT, CPU_GP, 0 },
		{ 3, false, false, 0xec, 0x200, 0xa09b, 0, TARGET_AT, CPU_GP, 0x200 },
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xc09b, 0, TARGET_AT, CPU_GP, FREE_SEL + 16 },
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xe09b, 0, TARGET_AT, CPU_GP, FREE_SEL + 16 },
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xa093, 0, TARGET_AT, CPU_GP, FREE_SEL + 16 },
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xa01b, 0, TARGET_AT, CPU_NP, FREE_SEL + 16 },
		{ 0, false, false, GATE, FREE_SEL + 16, 0xa0fb, 0, TARGET_AT, CPU_GP, FREE_SEL + 16 },
		{ 3, false, false, 0xec, FREE_SEL + 16, 0xa09b, 0, NOT_CANON, CPU_GP, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, 0xff, rows[i].jump ? 0x2b : 0x1b); /* ljmp *(%rbx), lcall *(%rbx) */
		CODE(TARGET_AT, 0xf4);
		cpu->gpr[CPU_RBX] = 0x12000;
		ram_put32(0x12000, 0x12345678); /* the gate has the offset */
		ram_put16(0x12004, (uint16_t)(FREE_SEL | rows[i].cpl));
		gdt_put(FREE_SEL, gate_make(rows[i].selector, (uint32_t)rows[i].target, rows[i].type, 0));
		gdt_put(FREE_SEL + 8, rows[i].target >> 32 | (uint64_t)rows[i].high << 32);
		gdt_put(FREE_SEL + 16, descriptor_make(0, 0xffffffff, rows[i].code));
		if (rows[i].compatibility)
			segments_compatibility(rows[i].cpl);
		expect(i, rows[i].vector, rows[i].error);
		if (rows[i].vector != NONE || rows[i].jump)
			continue;
		ck_assert_uint_eq(frame64(0), CODE_AT + 2);
		ck_assert_uint_eq(frame64(1), rows[i].compatibility ? UCODE32 : rows[i].cpl ? UCODE : KCODE);
		ck_assert_uint_eq(cpu->gpr[CPU_RSP], STACK0 - (rows[i].cpl ? 32 : 16)); /* not aligned, but so it is */
		ck_assert_uint_eq(cpu->segment[CPU_SS].selector, rows[i].cpl ? 0 : KDATA);
		if (rows[i].cpl) {
			ck_assert_uint_eq(frame64(2), STACK3);
			ck_assert_uint_eq(frame64(3), UDATA);
		}
	}
}
END_TEST

/* Compatibility mode: limits and bases count, addresses have 32 bits. */
START_TEST(compatibility)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0x8a, 0x03, 0xf4); /* mov (%ebx), %al; hlt */
	segments_compatibility(0);
	cpu->segment[CPU_DS].limit = 0x12fff;
	cpu->segment[CPU_DS].attributes &= (uint16_t)~CPU_SEGMENT_G;
	cpu_mode_update(cpu);
	cpu->gpr[CPU_RBX] = 0x13000;
	expect(0, CPU_GP, 0);

	start_long(CODE_AT, 0);
	segments_compatibility(0);
	cpu->segment[CPU_DS].base = 0xffff0000;
	cpu_mode_update(cpu);
	cpu->gpr[CPU_RBX] = 0x22000; /* 100012000, cut */
	ram_put8(0x12000, 0x5a);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, CODE_AT + 3);
	ck_assert_uint_eq(cpu->gpr[CPU_RAX] & 0xff, 0x5a);

	start_long(CODE_AT, 0); /* an operand that wraps at 4 GiB: the page at 0 is there, that at the end, too */
	segments_compatibility(0);
	CODE(CODE_AT, 0x8b, 0x03, 0xf4);
	ram_put64(PDPT_AT + 3 * 8, 0x107000 | 7);
	ram_put64(0x107000 + 511 * 8, 0x108000 | 7);
	ram_put64(0x108000 + 511 * 8, 0x12000 | 7);
	ram_put32(0x12ffe, 0x2211);
	ram_put16(0, 0x4433);
	cpu->gpr[CPU_RBX] = 0xfffffffe;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, CODE_AT + 3);
	ck_assert_uint_eq(cpu->gpr[CPU_RAX], 0x44332211);
}
END_TEST

/* ---- SYSCALL and its kin ---- */

START_TEST(system_calls)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 3);
	CODE(CODE_AT, 0x0f, 0x05);
	CODE(TARGET_AT, 0xf4);
	cpu->star = (uint64_t)KCODE << 32 | (uint64_t)0x13 << 48;
	cpu->lstar = HIGH_HALF + TARGET_AT;
	cpu->sfmask = CPU_FLAG_IF | CPU_FLAG_CF;
	cpu->rflags |= CPU_FLAG_IF | CPU_FLAG_CF | CPU_FLAG_ZF;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, HIGH_HALF + TARGET_AT + 1);
	ck_assert_uint_eq(cpu->gpr[CPU_RCX], CODE_AT + 2);
	ck_assert_uint_eq(cpu->gpr[11], CPU_FLAG_FIXED | CPU_FLAG_IF | CPU_FLAG_CF | CPU_FLAG_ZF);
	ck_assert_uint_eq(cpu_rflags(cpu), CPU_FLAG_FIXED | CPU_FLAG_ZF);
	ck_assert_uint_eq(cpu->segment[CPU_CS].selector, KCODE);
	ck_assert_uint_eq(cpu->segment[CPU_SS].selector, KDATA);
	ck_assert_uint_eq(cpu->gpr[CPU_RSP], STACK3);
	ck_assert_uint_eq(cpu->cpl, 0);

	/* without EFER.SCE, and in compatibility mode, there is none */
	start_long(CODE_AT, 3);
	cpu->efer &= ~(uint64_t)CPU_EFER_SCE;
	expect(0, CPU_UD, 0);
	start_long(CODE_AT, 3);
	segments_compatibility(3);
	expect(1, CPU_UD, 0);
}
END_TEST

START_TEST(system_returns)
{
	static const struct {
		uint8_t code[3];
		unsigned cpl;
		uint64_t rcx, rdx; /* SYSRET: RIP in RCX; SYSEXIT: RSP in RCX, RIP in RDX */
		bool disabled;     /* EFER.SCE or SYSENTER_CS is 0 */
		unsigned vector;
		uint16_t cs;
		uint64_t rip;
	} rows[] = {
		{ { 0x48, 0x0f, 0x07 }, 0, TARGET_AT, 0, false, CPU_UD, UCODE + 8, TARGET_AT },
		{ { 0x90, 0x0f, 0x07 }, 0, TARGET_AT | 1ull << 32, 0, false, CPU_UD, UCODE - 8, TARGET_AT },
		{ { 0x48, 0x0f, 0x07 }, 0, NOT_CANON, 0, false, CPU_GP, 0, 0 },
		{ { 0x48, 0x0f, 0x07 }, 3, TARGET_AT, 0, false, CPU_GP, 0, 0 },
		{ { 0x48, 0x0f, 0x07 }, 0, TARGET_AT, 0, true, CPU_UD, KCODE, CODE_AT },
		{ { 0x48, 0x0f, 0x35 }, 0, 0xb000, TARGET_AT, false, CPU_UD, KCODE + 35, TARGET_AT },
		{ { 0x90, 0x0f, 0x35 }, 0, 0xb000, TARGET_AT | 1ull << 32, false, CPU_UD, KCODE + 19, TARGET_AT },
		{ { 0x48, 0x0f, 0x35 }, 0, NOT_CANON, TARGET_AT, false, CPU_GP, 0, 0 },
		{ { 0x48, 0x0f, 0x35 }, 0, 0xb000, NOT_CANON, false, CPU_GP, 0, 0 },
		{ { 0x48, 0x0f, 0x35 }, 3, 0xb000, TARGET_AT, false, CPU_GP, 0, 0 },
		{ { 0x48, 0x0f, 0x35 }, 0, 0xb000, TARGET_AT, true, CPU_GP, 0, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	CODE(TARGET_AT, 0x0f, 0x0b);
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		bool sysret = rows[i].code[2] == 0x07;

		start_long(CODE_AT, rows[i].cpl);
		ram_put(CODE_AT, rows[i].code, 3);
		cpu->star = (uint64_t)(UCODE - 8) << 48;
		cpu->sysenter_cs = rows[i].disabled ? 0 : KCODE;
		if (rows[i].disabled && sysret)
			cpu->efer &= ~(uint64_t)CPU_EFER_SCE;
		cpu->gpr[CPU_RCX] = rows[i].rcx;
		cpu->gpr[CPU_RDX] = rows[i].rdx;
		cpu->gpr[11] = CPU_FLAG_CF | CPU_FLAG_RF | CPU_FLAG_VM | CPU_FLAG_ID;
		expect(i, rows[i].vector, 0);
		if (rows[i].vector != CPU_UD)
			continue;
		ck_assert_uint_eq(frame64(0), rows[i].rip);
		ck_assert_uint_eq(frame64(1), rows[i].cs);
		if (rows[i].disabled)
			continue;
		ck_assert_uint_eq(frame64(3), sysret ? STACK0 : 0xb000);
		ck_assert_uint_eq(frame64(4), sysret ? UCODE : rows[i].cs + 8u);
		if (sysret) /* RF is of the #UD */
			ck_assert_uint_eq(
				frame64(2) & ~(uint64_t)CPU_FLAG_RF, CPU_FLAG_FIXED | CPU_FLAG_CF | CPU_FLAG_ID);
	}
}
END_TEST

START_TEST(system_enter)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 3; i++) {
		start_long(CODE_AT, 3);
		CODE(CODE_AT, 0x0f, 0x34);
		CODE(TARGET_AT, 0xf4);
		if (i)
			segments_compatibility(3);
		cpu->sysenter_cs = i == 2 ? 3 : KCODE | 3;
		cpu->sysenter_esp = HIGH_HALF + 0xb000;
		cpu->sysenter_eip = HIGH_HALF + TARGET_AT;
		cpu->rflags |= CPU_FLAG_IF;
		if (i == 2) {
			expect(i, CPU_GP, 0);
			continue;
		}
		ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
		ck_assert_uint_eq(cpu->rip, HIGH_HALF + TARGET_AT + 1);
		ck_assert_uint_eq(cpu->gpr[CPU_RSP], HIGH_HALF + 0xb000);
		ck_assert_uint_eq(cpu->segment[CPU_CS].selector, KCODE);
		ck_assert_uint_eq(cpu->segment[CPU_SS].selector, KDATA);
		ck_assert_uint_eq(cpu_rflags(cpu) & CPU_FLAG_IF, 0);
	}
}
END_TEST

/* ---- what the host cannot tell the oracle, if it is AMD's ---- */

/* Near branches have 64-bit operands, 66 or not; a far pointer has 64 bits of offset with REX.W. */
START_TEST(branches)
{
	static const struct {
		uint8_t code[6], length;
		int moved; /* RSP */
	} rows[] = {
		{ { 0x66, 0xe8, 0xfa, 0x0f, 0x00, 0x00 }, 6, -8 }, /* call */
		{ { 0x66, 0xe9, 0xfa, 0x0f, 0x00, 0x00 }, 6, 0 },  /* jmp */
		{ { 0x66, 0xff, 0xd0 }, 3, -8 },                   /* call *%rax */
		{ { 0x66, 0xff, 0xe0 }, 3, 0 },                    /* jmp *%rax */
		{ { 0x66, 0xff, 0x13 }, 3, -8 },                   /* call *(%rbx) */
		{ { 0x66, 0xc3 }, 2, 8 },                          /* ret */
		{ { 0x66, 0xc2, 0x10, 0x00 }, 4, 24 },             /* ret $16 */
		{ { 0x48, 0xff, 0x2b }, 3, 0 },                    /* ljmp *(%rbx) */
		{ { 0x48, 0xff, 0x1b }, 3, -16 },                  /* lcall *(%rbx) */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint64_t half = rows[i].code[1] == 0xe8 || rows[i].code[1] == 0xe9 ? 0 : HIGH_HALF;

		start_long(CODE_AT, 0);
		ram_put(CODE_AT, rows[i].code, 6);
		CODE(TARGET_AT, 0xf4);
		cpu->gpr[CPU_RAX] = half + TARGET_AT;
		cpu->gpr[CPU_RBX] = 0x12000;
		ram_put64(0x12000, half + TARGET_AT);
		ram_put16(0x12008, KCODE);
		ram_put64(STACK0, half + TARGET_AT);
		ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
		ck_assert_msg(cpu->rip == half + TARGET_AT + 1, "row %u: %llx", i, (unsigned long long)cpu->rip);
		ck_assert_uint_eq(cpu->gpr[CPU_RSP], STACK0 + (uint64_t)(int64_t)rows[i].moved);
		if (rows[i].moved < 0)
			ck_assert_uint_eq(frame64(0), CODE_AT + rows[i].length);
	}
}
END_TEST

/* Checks that come before others. */
START_TEST(order)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0xff, 0xd0); /* call *%rax: to nowhere, with a stack that is not there either */
	cpu->gpr[CPU_RAX] = NOT_CANON;
	cpu->gpr[CPU_RSP] = 0x500000;
	gate_put_long(CPU_GP, KCODE, HANDLER(CPU_GP), INTERRUPT, 1);
	gate_put_long(CPU_PF, KCODE, HANDLER(CPU_PF), INTERRUPT, 1);
	expect(0, CPU_GP, 0);

	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0x64, 0x8a, 0x03, 0xf4); /* mov %fs:(%rbx), %al: only the sum must be canonical */
	cpu->segment[CPU_FS].base = UINT64_MAX << 47;
	cpu_mode_update(cpu);
	cpu->gpr[CPU_RBX] = 0x12000 + (1ull << 47);
	ram_put8(0x12000, 0x77);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, CODE_AT + 4);
	ck_assert_uint_eq(cpu->gpr[CPU_RAX] & 0xff, 0x77);

	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0x66, 0x63, 0x03, 0xf4); /* movsxd (%rbx), %ax: two bytes, before the end of what there is */
	cpu->gpr[CPU_RBX] = RAM_SIZE - 2;
	ram_put16(RAM_SIZE - 2, 0x8001);
	cpu->gpr[CPU_RAX] = UINT64_MAX;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, CODE_AT + 4);
	ck_assert_uint_eq(cpu->gpr[CPU_RAX], 0xffffffffffff8001);
}
END_TEST

SUITE("cpu_long_transfer", interrupt_gates, interrupt_tables, exception_frame, iret, iret_nested_task, call_gates,
	compatibility, system_calls, system_returns, system_enter, branches, order)
