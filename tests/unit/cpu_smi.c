/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * When SMI and RSM happen, and what is held off meanwhile (SDM vol. 3C, chapter 34).
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/apic.h"

#define SMBASE  0x30000u
#define ENTRY   (SMBASE + 0x8000)
#define MAP(at) (SMBASE + 0x8000 + (at)) /* offsets as in table 34-1 */
#define HLT     0xf4
#define RSM     0x0f, 0xaa

/* 34.10: the bit says that it was halted; cleared, the program goes on. */
START_TEST(halt_restart)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	CODE(0x5000, HLT, 0x40, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	CODE(ENTRY, 0x2e, 0xff, 0x36, 0x02, 0xff, /* push word cs:[ff02h] */
		0x8f, 0x06, 0x00, 0x70, RSM);     /* pop word [7000h] */
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert(cpu_wakes(cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get16(0x7000), 1);
	ck_assert_uint_eq(cpu->rip, 0x5001);
	ck_assert_uint_eq(reg(CPU_RAX), 0);
	ck_assert(!cpu_wakes(cpu));
	CODE(ENTRY, 0x2e, 0xc7, 0x06, 0x02, 0xff, 0, 0, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 1);
	ck_assert_uint_eq(cpu->rip, 0x5003);
}
END_TEST

/* One SMI is remembered in SMM, and taken before the program goes on. */
START_TEST(smi_latched)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	CODE(0x5000, 0x40, HLT);
	CODE(ENTRY, 0xff, 0x06, 0x00, 0x70, 0x90, 0x90, RSM); /* inc word [7000h] */
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_SMI);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert(cpu->in_smm);
	ck_assert_uint_eq(ram_get16(0x7000), 1);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get16(0x7000), 2);
	ck_assert_uint_eq(cpu->rip, 0x5002);
}
END_TEST

/* HLT in SMM is not left by what is held until RSM. */
START_TEST(held_in_smm)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	CODE(0x5000, 0x40, HLT);
	CODE(ENTRY, HLT, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	cpu_request(cpu, CPU_REQUEST_SMI | CPU_REQUEST_INIT | CPU_REQUEST_NMI);
	ck_assert(!cpu_wakes(cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(cpu->in_smm);
	/* An open interrupt ends it. */
	cpu->halted = false;
	CODE(ENTRY + 3, HLT);
	cpu_request_clear(cpu, CPU_REQUEST_SMI | CPU_REQUEST_NMI);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_int_eq(run_for(0), CPU_EXIT_BUDGET);
	ck_assert(!cpu->in_smm);
	/* INIT comes after RSM, before the program. */
	run_for(1);
	ck_assert_uint_eq(cpu->gdtr.limit, 0xffff);
	ck_assert_uint_eq(cpu->cr0 & CPU_CR0_PE, 0);
}
END_TEST

START_TEST(nmi)
{
	struct cpu *cpu = fixture.cpu;

	/* Behind SMI, and after RSM: two that came meanwhile are one. */
	start_protected(0x5000, 0);
	CODE(0x5000, 0x40, HLT);
	CODE(ENTRY, 0x90, 0x90, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI | CPU_REQUEST_NMI);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert(cpu->in_smm);
	cpu_request(cpu, CPU_REQUEST_NMI);
	expect_vector(CPU_NMI);
	ck_assert_uint_eq(frame32(0), 0x5000);
	ck_assert(!cpu->in_smm);
}
END_TEST

/* 34.8: IRET in SMM opens NMI. */
START_TEST(nmi_after_iret)
{
	struct cpu *cpu = fixture.cpu;

	start_real(0x5000);
	CODE(ENTRY, 0x66, 0xbc, 0x00, 0x70, 0x00, 0x00,   /* mov esp, 7000h */
		0x9c, 0x0e, 0x68, 0x0c, 0x80, 0xcf, HLT); /* pushf; push cs; push 800ch; iret */
	cpu_request(cpu, CPU_REQUEST_SMI | CPU_REQUEST_NMI);
	expect_vector(CPU_NMI);
	ck_assert(cpu->in_smm);
	ck_assert_uint_eq(ram_get16((uint32_t)reg(CPU_RSP)), 0x800c);
}
END_TEST

START_TEST(interrupts_are_off)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = 0x21;
	CODE(ENTRY, 0x90, 0x90, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI | CPU_REQUEST_INTR);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(fixture.acknowledged, 0);
	expect_vector(0x21);
	ck_assert_uint_eq(frame32(0), 0x5000);
}
END_TEST

START_TEST(rsm_outside)
{
	if (_i)
		start_protected(0x5000, 3);
	else
		start_real(0x5000);
	CODE(0x5000, RSM);
	expect_vector(CPU_UD);
}
END_TEST

/* Not between STI or MOV SS and the next instruction. */
START_TEST(shadow)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	if (_i)
		CODE(0x5000, 0x8e, 0xd0, 0x40, HLT); /* mov ss, ax; inc eax */
	else
		CODE(0x5000, 0xfb, 0x90, 0x40, HLT); /* sti; nop */
	cpu->gpr[CPU_RAX] = KDATA;
	CODE(ENTRY, HLT);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(!cpu->in_smm);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(cpu->in_smm);
	ck_assert_uint_eq(ram_get32(MAP(0x7ff0)), _i ? 0x5003 : 0x5002);
}
END_TEST

/* HLT in the shadow of STI is left by SMI at once. */
START_TEST(sti_hlt)
{
	start_protected(0x5000, 0);
	CODE(0x5000, 0xfb, HLT, HLT);
	CODE(ENTRY, HLT);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(fixture.cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(fixture.cpu->in_smm);
	ck_assert_uint_eq(ram_get32(MAP(0x7f00)), 0x10000);
	ck_assert_uint_eq(ram_get32(MAP(0x7ff0)), 0x5002);
}
END_TEST

/* A trap that stands behind an SMI is taken after RSM (vol. 3A, table 6-2); none in the handler. */
START_TEST(single_step)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	CODE(0x5000, 0x40, 0x40, HLT);
	CODE(ENTRY, 0x90, RSM);
	cpu->rflags |= CPU_FLAG_TF;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(cpu->in_smm);
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x5001);
	ck_assert_uint_eq(cpu->dr[6], 0xffff4ff0);
}
END_TEST

static unsigned outs;
static void port_smi(void *self, uint16_t port, unsigned size, uint32_t value)
{
	(void)self;
	(void)port;
	(void)size;
	(void)value;
	if (outs++ == 0)
		cpu_request(fixture.cpu, CPU_REQUEST_SMI);
}

/* 34.12: FF in the slot runs the I/O instruction again. */
START_TEST(io_restart)
{
	struct cpu *cpu = fixture.cpu;

	outs = 0;
	cpu->bus.port_write = port_smi;
	start_protected(0x5000, 0);
	CODE(0x5000, 0xe6, 0xb2, 0x40, HLT); /* out b2h, al; inc eax */
	CODE(ENTRY, 0x2e, 0xc7, 0x06, 0x00, 0xff, _i ? 0xff : 0, 0, RSM);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(outs, _i ? 2 : 1);
	/* At once behind the instruction. */
	ck_assert_uint_eq(ram_get32(MAP(0x7ff0)), 0x5002);
	ck_assert_uint_eq(ram_get32(MAP(0x7f10)), 0x5000);
	ck_assert_uint_eq(reg(CPU_RAX), 1);
	ck_assert_uint_eq(cpu->rip, 0x5004);
}
END_TEST

START_TEST(io_restart_string)
{
	struct cpu *cpu = fixture.cpu;

	outs = 0;
	cpu->bus.port_write = port_smi;
	start_protected(0x5000, 0);
	CODE(0x5000, 0xf3, 0x6e, HLT); /* rep outsb */
	CODE(ENTRY, 0x2e, 0xc7, 0x06, 0x00, 0xff, 0xff, 0, RSM);
	cpu->gpr[CPU_RCX] = 400;
	cpu->gpr[CPU_RSI] = 0x6000;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	/* One of the elements went out twice. */
	ck_assert_uint_eq(outs, 401);
	ck_assert_uint_eq(reg(CPU_RCX), 0);
	ck_assert_uint_eq(reg(CPU_RSI), 0x6000 + 400);
	ck_assert_uint_eq(ram_get32(MAP(0x7f08)), ram_get32(MAP(0x7fd4)) + 1);
	ck_assert_uint_eq(ram_get32(MAP(0x7f0c)), ram_get32(MAP(0x7fe8)) - 1);
}
END_TEST

START_TEST(apic_message)
{
	struct cpu *cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	start_protected(0x5000, 0);
	CODE(0x5000, HLT);
	CODE(ENTRY, HLT);
	apic_post(cpu, 0, 2, false);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(cpu->in_smm);
}
END_TEST

/* An application processor that waits for its start-up message keeps an SMI. */
START_TEST(wait_for_sipi)
{
	struct cpu *cpu = fixture.cpu;

	cpu->wait_sipi = true;
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(!cpu->in_smm);
	ck_assert(!cpu_wakes(cpu));
	CODE(ENTRY, HLT);
	cpu->sipi_vector = 5;
	cpu_request(cpu, CPU_REQUEST_SIPI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(cpu->in_smm);
	ck_assert_uint_eq(ram_get32(MAP(0x7fac)), 0x500);
}
END_TEST

int main(void)
{
	const struct {
		const TTest *test;
		int count;
	} loops[] = {
		{ halt_restart, 1 },
		{ smi_latched, 1 },
		{ held_in_smm, 1 },
		{ nmi, 1 },
		{ nmi_after_iret, 1 },
		{ interrupts_are_off, 1 },
		{ rsm_outside, 2 },
		{ shadow, 2 },
		{ sti_hlt, 1 },
		{ single_step, 1 },
		{ io_restart, 2 },
		{ io_restart_string, 1 },
		{ apic_message, 1 },
		{ wait_for_sipi, 1 },
	};
	Suite *suite = suite_create("SMI");
	TCase *tcase = tcase_create("SMI");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup_32bit, fixture_teardown);
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		tcase_add_loop_test(tcase, loops[i].test, 0, loops[i].count);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
