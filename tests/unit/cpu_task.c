/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Task switches and virtual-8086 mode.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"

static void tss2_make(uint32_t eip, uint32_t flags)
{
	ram_put32(TSS2_AT + 28, 0);
	ram_put32(TSS2_AT + 32, eip);
	ram_put32(TSS2_AT + 36, flags);
	for (unsigned i = 0; i < 8; i++)
		ram_put32(TSS2_AT + 40 + 4 * i, 0x1000 + i);
	ram_put32(TSS2_AT + 56, 0xa000);
	for (unsigned i = 0; i < 6; i++)
		ram_put32(TSS2_AT + 72 + 4 * i, i == 1 ? KCODE : KDATA);
	ram_put32(TSS2_AT + 96, 0);
	ram_put32(TSS2_AT + 100, 0);
}

static unsigned tss_type(uint16_t selector)
{
	return fixture.ram[GDT_AT + selector + 5] & 15;
}

START_TEST(jump_and_back)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	tss2_make(0x10100, 2);
	CODE(0x10000, 0xea, 0, 0, 0, 0, TSS2_SEL, 0, 0x43, 0xf4);
	CODE(0x10100, 0x40, 0xea, 0, 0, 0, 0, TSS_SEL, 0); /* inc eax; jmp back */
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->rip, 0x10100);
	ck_assert_uint_eq(reg(CPU_RAX), 0x1000);
	ck_assert_uint_eq(reg(CPU_RDI), 0x1007);
	ck_assert_uint_eq(reg(CPU_RSP), 0xa000);
	ck_assert(cpu->cr0 & CPU_CR0_TS);
	ck_assert(!(cpu->rflags & CPU_FLAG_NT));
	ck_assert_uint_eq(tss_type(TSS_SEL), 9);
	ck_assert_uint_eq(tss_type(TSS2_SEL), 11);
	ck_assert_uint_eq(ram_get32(TSS_AT + 32), 0x10007);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	ck_assert_uint_eq(ram_get32(TSS2_AT + 40), 0x1001); /* the other task's EAX was saved */
	ck_assert_uint_eq(tss_type(TSS_SEL), 11);
	ck_assert_uint_eq(tss_type(TSS2_SEL), 9);
}
END_TEST

START_TEST(call_nests_and_iret_returns)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	tss2_make(0x10100, 2);
	CODE(0x10000, 0x9a, 0, 0, 0, 0, TSS2_SEL, 0, 0x43, 0xf4);
	CODE(0x10100, 0xcf, 0x90, 0xf4);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(cpu->rflags & CPU_FLAG_NT);
	ck_assert_uint_eq(ram_get16(TSS2_AT), TSS_SEL);
	ck_assert_uint_eq(tss_type(TSS_SEL), 11); /* both are busy */
	ck_assert_uint_eq(tss_type(TSS2_SEL), 11);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x10009);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	ck_assert_uint_eq(tss_type(TSS2_SEL), 9);
	ck_assert_uint_eq(ram_get32(TSS2_AT + 36) & CPU_FLAG_NT, 0);
	ck_assert_uint_eq(ram_get32(TSS2_AT + 32), 0x10101);
}
END_TEST

START_TEST(busy_task_refused)
{
	start_protected(0x10000, 0);
	CODE(0x10000, 0xea, 0, 0, 0, 0, TSS_SEL, 0);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), TSS_SEL);
}
END_TEST

START_TEST(short_tss)
{
	start_protected(0x10000, 0);
	gdt_put(TSS2_SEL, descriptor_make(TSS2_AT, 0x66, 0x89));
	CODE(0x10000, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	expect_vector(CPU_TS);
	ck_assert_uint_eq(frame32(0), TSS2_SEL);
	ck_assert_uint_eq(frame32(1), 0x10000);
	ck_assert_uint_eq(fixture.cpu->tr.selector, TSS_SEL);
}
END_TEST

START_TEST(bad_segment_faults_in_the_new_task)
{
	start_protected(0x10000, 0);
	tss2_make(0x10100, 2);
	ram_put32(TSS2_AT + 72 + 4 * CPU_FS, 0x200); /* beyond the GDT */
	CODE(0x10000, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	expect_vector(CPU_TS);
	ck_assert_uint_eq(frame32(0), 0x200);
	ck_assert_uint_eq(frame32(1), 0x10100);
	ck_assert_uint_eq(fixture.cpu->tr.selector, TSS2_SEL);
}
END_TEST

START_TEST(trap_bit)
{
	start_protected(0x10000, 0);
	tss2_make(0x10100, 2);
	ram_put32(TSS2_AT + 100, 1);
	CODE(0x10000, 0xea, 0, 0, 0, 0, TSS2_SEL, 0);
	CODE(0x10100, 0x40);
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x10100);
	ck_assert_uint_eq(fixture.cpu->dr[6] & 0xe00f, 0x8000);
}
END_TEST

START_TEST(task_gate_with_error_code)
{
	start_protected(0x10000, 0);
	tss2_make(0x10100, 2);
	idt_put(CPU_GP, (uint64_t)0x85 << 40 | (uint64_t)TSS2_SEL << 16);
	CODE(0x10000, 0x66, 0xb8, 0x00, 0x02, 0x8e, 0xd8);
	CODE(0x10100, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RSP), 0xa000 - 4);
	ck_assert_uint_eq(frame32(0), 0x200);
	ck_assert_uint_eq(ram_get32(TSS_AT + 32), 0x10004);
	ck_assert(fixture.cpu->rflags & CPU_FLAG_NT);
}
END_TEST

START_TEST(task_of_16_bits)
{
	start_protected(0x10000, 0);
	gdt_put(FREE_SEL, descriptor_make(0x3400, 43, 0x81));
	gdt_put(FREE_SEL + 8, descriptor_make(0, 0xffff, 0x009b));
	ram_put16(0x3400 + 14, 0x600);
	ram_put16(0x3400 + 16, 2);
	ram_put16(0x3400 + 18, 0xabcd);
	ram_put16(0x3400 + 26, 0x6000);
	ram_put16(0x3400 + 34, KDATA);
	ram_put16(0x3400 + 36, FREE_SEL + 8);
	ram_put16(0x3400 + 38, KDATA);
	ram_put16(0x3400 + 40, KDATA);
	CODE(0x10000, 0xea, 0, 0, 0, 0, FREE_SEL, 0);
	CODE(0x600, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->rip, 0x601);
	ck_assert_uint_eq(reg(CPU_RAX) & 0xffff, 0xabcd);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_FS].selector, 0);
}
END_TEST

/* Virtual-8086 mode */

START_TEST(v86_segments)
{
	start_v86(0x1000, 0, 0);
	/* mov ax,2000h; mov ds,ax; mov word [0],1234h; hlt: #GP */
	CODE(0x10000, 0xb8, 0x00, 0x20, 0x8e, 0xd8, 0xc7, 0x06, 0x00, 0x00, 0x34, 0x12, 0xf4);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(ram_get16(0x20000), 0x1234);
	ck_assert_uint_eq(fixture.cpu->rflags & CPU_FLAG_VM, 0);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0 - 40);
	ck_assert_uint_eq(frame32(0), 0);
	ck_assert_uint_eq(frame32(1), 0xb);
	ck_assert_uint_eq(frame32(2), 0x1000);
	ck_assert(frame32(3) & CPU_FLAG_VM);
	ck_assert_uint_eq(frame32(4), 0x7000);
	ck_assert_uint_eq(frame32(5), 0);
	ck_assert_uint_eq(frame32(6), 0);      /* ES */
	ck_assert_uint_eq(frame32(7), 0x2000); /* DS */
	ck_assert_uint_eq(fixture.cpu->segment[CPU_DS].selector, 0);
}
END_TEST

START_TEST(v86_sensitive_instructions)
{
	static const uint8_t codes[][2] = { { 0xfa }, { 0xfb }, { 0x9c }, { 0x9d }, { 0xcd, 0x30 }, { 0xcf },
		{ 0xe4, 0x60 } };

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		start_v86(0x1000, 0, 0);
		fixture.cpu->halted = false;
		idt_put(0x30, gate_make(KCODE, HANDLER(0x30), 0xee, 0));
		ram_put(0x10000, codes[i], 2);
		expect_vector(CPU_GP);
		ck_assert_uint_eq(frame32(0), 0);
	}
}
END_TEST

START_TEST(v86_iret_into)
{
	start_protected(0x10000, 0);
	/* gs fs ds es ss esp eflags cs eip on the stack */
	static const uint32_t frame[] = { 0x5, CPU_FLAG_VM | 2, 0, 0x6000, 0x300, 0x2000, 0x2100, 0x2200, 0x2300 };
	uint32_t at = STACK0 - 36;

	fixture.cpu->gpr[CPU_RSP] = at;
	ram_put32(at, frame[0]);
	ram_put32(at + 4, 0x1000);
	ram_put32(at + 8, frame[1]);
	ram_put32(at + 12, frame[3]);
	ram_put32(at + 16, frame[4]);
	for (unsigned i = 0; i < 4; i++)
		ram_put32(at + 20 + 4 * i, frame[5 + i]);
	CODE(0x10000, 0xcf);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(fixture.cpu->cpl, 3);
	ck_assert(fixture.cpu->rflags & CPU_FLAG_VM);
	ck_assert_uint_eq(fixture.cpu->rip, 5);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_CS].base, 0x10000);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_SS].selector, 0x300);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_ES].base, 0x20000);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_GS].base, 0x23000);
	ck_assert_uint_eq(reg(CPU_RSP), 0x6000);
}
END_TEST

static void vme_map(uint8_t redirect_bits)
{
	ram_put16(TSS_AT + 102, 0x100);
	for (unsigned i = 0; i < 32; i++)
		ram_put8(TSS_AT + 0x100 - 32 + i, redirect_bits);
	fixture.cpu->cr4 |= CPU_CR4_VME;
}

START_TEST(vme_redirects_int)
{
	struct cpu *cpu = fixture.cpu;

	start_v86(0x1000, 0, CPU_FLAG_VIF);
	vme_map(0);
	ram_put32(0x30 * 4, 0x10000020); /* 1000:0020 */
	CODE(0x10000, 0xcd, 0x30, 0x43);
	CODE(0x10020, 0xcf);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->rip, 0x20);
	ck_assert(cpu->rflags & CPU_FLAG_VM);
	ck_assert(!(cpu->rflags & CPU_FLAG_VIF));
	ck_assert_uint_eq(ram_get16(0x6ffa), 2);
	ck_assert_uint_eq(ram_get16(0x6ffe) & (CPU_FLAG_IF | CPU_FLAG_IOPL), CPU_FLAG_IF | CPU_FLAG_IOPL);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert(cpu->rflags & CPU_FLAG_VIF);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

START_TEST(vme_bit_set_goes_to_gp)
{
	start_v86(0x1000, 0, 0);
	vme_map(0xff);
	CODE(0x10000, 0xcd, 0x30);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0);
}
END_TEST

START_TEST(vme_sti_with_vip)
{
	start_v86(0x1000, 0, 0);
	vme_map(0);
	CODE(0x10000, 0xfb, 0xfa, 0xfb); /* sti; cli; sti */
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(fixture.cpu->rflags & CPU_FLAG_VIF);
	ck_assert(!(fixture.cpu->rflags & CPU_FLAG_IF));
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(!(fixture.cpu->rflags & CPU_FLAG_VIF));
	fixture.cpu->rflags |= CPU_FLAG_VIP;
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(1), 2);
}
END_TEST

/* IRET to a program with a virtual interrupt pending and on: #GP before its first instruction. */
START_TEST(pending_virtual_interrupt)
{
	static const struct {
		uint32_t flags, cr4;
		bool faults;
	} rows[] = {
		{ CPU_FLAG_VM | CPU_FLAG_VIF | CPU_FLAG_VIP, CPU_CR4_VME, true },
		{ CPU_FLAG_VM | CPU_FLAG_VIF | CPU_FLAG_VIP, CPU_CR4_PVI, false },
		{ CPU_FLAG_VM | CPU_FLAG_VIF | CPU_FLAG_VIP | CPU_FLAG_IOPL, CPU_CR4_VME, false },
		{ CPU_FLAG_VM | CPU_FLAG_VIF, CPU_CR4_VME, false },
		{ CPU_FLAG_VM | CPU_FLAG_VIP, CPU_CR4_VME, false },
		{ CPU_FLAG_VIF | CPU_FLAG_VIP, CPU_CR4_PVI, true },
		{ CPU_FLAG_VIF | CPU_FLAG_VIP, CPU_CR4_VME, false },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu *cpu = fixture.cpu;
		bool v86 = rows[i].flags & CPU_FLAG_VM;
		const uint32_t frame[] = { v86 ? 0 : 0x10000, v86 ? 0x1000 : UCODE, rows[i].flags | 2,
			v86 ? 0x7000 : STACK3, v86 ? 0 : UDATA, 0, 0, 0, 0 };

		cpu_reset(cpu, false);
		start_protected(0x5000, 0);
		cpu->cr4 |= rows[i].cr4;
		CODE(0x5000, 0xcf);
		CODE(0x10000, 0x43, 0x90, 0xeb, 0xfe); /* inc */
		cpu->gpr[CPU_RSP] = 0x7f00;
		ram_put(0x7f00, frame, sizeof(frame));
		if (!rows[i].faults) {
			ck_assert_int_eq(run_for(10), CPU_EXIT_BUDGET);
			ck_assert_uint_eq(reg(CPU_RBX), 1);
			continue;
		}
		expect_vector(CPU_GP);
		ck_assert_uint_eq(frame32(0), 0); /* the error code */
		ck_assert_uint_eq(frame32(1), frame[0]);
		ck_assert_uint_eq(frame32(3) & ~CPU_FLAG_RF, frame[2]);
		ck_assert_uint_eq(reg(CPU_RBX), 0);
	}
}
END_TEST

SUITE("cpu tasks and v86", jump_and_back, call_nests_and_iret_returns, busy_task_refused, short_tss,
	bad_segment_faults_in_the_new_task, trap_bit, task_gate_with_error_code, task_of_16_bits, v86_segments,
	v86_sensitive_instructions, v86_iret_into, vme_redirects_int, vme_bit_set_goes_to_gp, vme_sti_with_vip,
	pending_virtual_interrupt)
