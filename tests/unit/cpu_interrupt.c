/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Interrupts through the 8259's line and the local APIC; INIT and SIPI; requests inside string instructions.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/apic.h"
#include "vmm/cpu/mode.h"

START_TEST(intr_needs_if)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	fixture.vector = 0x21;
	cpu_request(cpu, CPU_REQUEST_INTR);
	CODE(0x10000, 0x40, 0x40, 0xfb, 0x43, 0x43, 0xf4); /* inc eax twice; sti; inc ebx twice; hlt */
	expect_vector(0x21);
	ck_assert_uint_eq(reg(CPU_RAX), 2);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	ck_assert_uint_eq(frame32(0), 0x10004);
	ck_assert(!(frame32(2) & CPU_FLAG_RF)); /* not a fault */
}
END_TEST

START_TEST(withdrawn_interrupt)
{
	start_protected(0x10000, 0);
	fixture.cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = -1;
	cpu_request(fixture.cpu, CPU_REQUEST_INTR);
	CODE(0x10000, 0x40, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->rip, 0x10002);
	ck_assert_uint_eq(fixture.acknowledged, 1);
}
END_TEST

START_TEST(popf_opens_the_window)
{
	start_protected(0x10000, 0);
	fixture.vector = 0x21;
	cpu_request(fixture.cpu, CPU_REQUEST_INTR);
	CODE(0x10000, 0x68, 0x02, 0x02, 0x00, 0x00, 0x9d, 0x40); /* push 202h; popf: no shadow */
	expect_vector(0x21);
	ck_assert_uint_eq(frame32(0), 0x10006);
}
END_TEST

START_TEST(loop_is_interrupted)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = 0x21;
	CODE(0x10000, 0x40, 0xeb, 0xfd);
	ck_assert_int_eq(run_for(1001), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_INTR);
	expect_vector(0x21);
	ck_assert_uint_eq(reg(CPU_RAX), 501);
	ck_assert_uint_eq(frame32(0), 0x10001);
}
END_TEST

START_TEST(hlt_without_if_stays)
{
	start_protected(0x10000, 0);
	CODE(0x10000, 0xf4, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	cpu_request(fixture.cpu, CPU_REQUEST_INTR);
	ck_assert(!cpu_wakes(fixture.cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->rip, 0x10001);
	cpu_request(fixture.cpu, CPU_REQUEST_NMI);
	ck_assert(cpu_wakes(fixture.cpu));
	expect_vector(CPU_NMI);
}
END_TEST

START_TEST(rep_gives_way)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = 0x21;
	cpu->gpr[CPU_RCX] = 3000000;
	cpu->gpr[CPU_RDI] = 0x40000;
	CODE(0x10000, 0xfd, 0xf3, 0xac, 0xf4); /* std; rep lodsb */
	cpu->gpr[CPU_RSI] = 0x3f0000;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_EXIT); /* as another thread would, in the middle */
	ck_assert_int_eq(run_for(10), CPU_EXIT_REQUEST);
	/* it lets whoever runs the CPU look at timers in between */
	unsigned pauses = 0;
	while (run_for(10) == CPU_EXIT_BUDGET)
		pauses++;
	ck_assert(cpu->halted);
	ck_assert_uint_gt(pauses, 9);
	ck_assert_uint_eq(reg(CPU_RCX), 0);
	ck_assert_uint_eq(cpu->instructions, 3);
}
END_TEST

START_TEST(init_and_sipi)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->index = 1;
	CODE(0x10000, 0xeb, 0xfe);
	CODE(0x12000, 0x40, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_INIT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(cpu->wait_sipi);
	ck_assert(!cpu_wakes(cpu));
	cpu->sipi_vector = 0x12;
	cpu_request(cpu, CPU_REQUEST_SIPI);
	ck_assert(cpu_wakes(cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->segment[CPU_CS].selector, 0x1200);
	ck_assert_uint_eq(cpu->rip, 2);
}
END_TEST

/* With a local APIC */

START_TEST(apic_page_and_interrupt)
{
	struct cpu *cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	start_protected(0x10000, 0);
	cpu->rflags |= CPU_FLAG_IF;
	/* Enable through the spurious vector register; then self-IPI-like message from outside. */
	CODE(0x10000, 0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0x00, 0x00, 0xa1, 0x30, 0x00, 0xe0, 0xfe, 0xeb,
		0xfe);
	ck_assert_int_eq(run_for(10), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RAX) & 0xf0, 0x10); /* version register */
	ck_assert_uint_eq(fixture.mmio_reads + fixture.mmio_writes, 0);
	apic_post(cpu, 0x31, 0, false);
	cpu_request(cpu, CPU_REQUEST_APIC);
	expect_vector(0x31);
	ck_assert_uint_eq(frame32(0), 0x1000f);
}
END_TEST

START_TEST(apic_waits_for_if_and_eoi)
{
	struct cpu *cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	start_protected(0x10000, 0);
	/* enable; hlt-less loop: sti; nop; the handler sends no EOI */
	CODE(0x10000, 0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01, 0x00, 0x00, 0x90, 0xfb, 0x90, 0x90, 0xeb, 0xfe);
	CODE(HANDLER(0x31), 0x41, 0xcf); /* inc ecx; iret */
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	apic_post(cpu, 0x31, 0, false);
	cpu_request(cpu, CPU_REQUEST_APIC);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RCX), 0);
	ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RCX), 1);
	apic_post(cpu, 0x31, 0, false);
	cpu_request(cpu, CPU_REQUEST_APIC);
	ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RCX), 1); /* still in service */
	ram_put8(0x1000e, 0xc7);            /* mov dword [fee000b0],0: EOI */
	CODE(0x1000e, 0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0, 0, 0, 0, 0xeb, 0xfe);
	ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RCX), 2);
}
END_TEST

START_TEST(apic_base_moves)
{
	fixture_add_apic();
	start_protected(0x10000, 0);
	/* mov ecx,1bh; rdmsr; and ah,~8; wrmsr (disable); mov eax,[fee00030] */
	CODE(0x10000, 0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32, 0x80, 0xe4, 0xf7, 0x0f, 0x30, 0xa1, 0x30, 0x00, 0xe0, 0xfe,
		0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0xffffffff);
}
END_TEST

SUITE("cpu interrupts", intr_needs_if, withdrawn_interrupt, popf_opens_the_window, loop_is_interrupted,
	hlt_without_if_stays, rep_gives_way, init_and_sipi, apic_page_and_interrupt, apic_waits_for_if_and_eoi,
	apic_base_moves)
