/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * FERR# and IGNNE#: x87 exceptions in MS-DOS compatibility mode (SDM vol. 1, 8.7.2 and appendix D).
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"
#include "vmm/state/state.h"

#define AT     0x10000u
#define DATA   0x20000u
#define HLT    0xf4
#define FLD1   0xd9, 0xe8
#define FNINIT 0xdb, 0xe3
#define FNCLEX 0xdb, 0xe2
#define IRQ13  0x75

static struct cpu *cpu;
static bool ferr;
static unsigned rises;
static bool board; /* FERR# interrupts, as in a PC */

static void bus_ferr(void *self, bool level)
{
	(void)self;
	ck_assert(level != ferr);
	ferr = level;
	rises += level;
	if (level && board)
		cpu_request(cpu, CPU_REQUEST_INTR);
	if (!level)
		__atomic_store_n(&cpu->ignne, false, __ATOMIC_SEQ_CST);
}

/* Port F0 asserts IGNNE#. */
static void bus_port(void *self, uint16_t port, unsigned size, uint32_t value)
{
	(void)self;
	(void)size;
	(void)value;
	if (port == 0xf0)
		__atomic_store_n(&cpu->ignne, ferr, __ATOMIC_SEQ_CST);
}

/* In real mode, with division by zero unmasked and pending. */
static void setup(bool with_board)
{
	cpu = fixture.cpu;
	cpu->bus.ferr = bus_ferr;
	cpu->bus.port_write = bus_port;
	ferr = false;
	rises = 0;
	board = with_board;
	fixture.vector = IRQ13;
	start_real(0x5000);
	cpu->cr0 &= ~(uint64_t)(CPU_CR0_TS | CPU_CR0_EM | CPU_CR0_NE);
	cpu->fx.fcw = 0x37b;
	cpu->fx.fsw = 0x8084;
	cpu->fx.ftw = 0;
	cpu_mode_update(cpu);
}

START_TEST(freezes)
{
	static const uint8_t waiting[][2] = { { FLD1 }, { 0x9b, HLT }, { 0x0f, 0x77 } }; /* FLD1, FWAIT, EMMS */

	setup(false);
	ram_put(0x5000, waiting[_i], 2);
	ram_put8(0x5002, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(ferr);
	ck_assert_uint_eq(cpu->rip, 0x5000);
	ck_assert_uint_eq(cpu->instructions, 0);
	ck_assert(!cpu_wakes(cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	/* An interrupt that is off is none. */
	cpu_request(cpu, CPU_REQUEST_INTR);
	ck_assert(!cpu_wakes(cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5000);
	/* IGNNE# lets it go on. */
	cpu->ignne = true;
	ck_assert(cpu_wakes(cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, _i == 1 ? 0x5002 : 0x5003);
	ck_assert_uint_eq(rises, 1);
	ck_assert(ferr);
}
END_TEST

/* Instructions that do not wait go on, and those that clear the exception take FERR# back. */
START_TEST(not_waiting)
{
	static const struct {
		uint8_t bytes[5];
		bool clears;
	} rows[] = {
		{ { FNINIT, 0x90, 0x90, 0x90 }, true }, { { FNCLEX, 0x90, 0x90, 0x90 }, true },
		{ { 0xd9, 0x36, 0x00, 0x60, 0x90 }, true },  /* FNSTENV: masks all */
		{ { 0xdd, 0x36, 0x00, 0x60, 0x90 }, true },  /* FNSAVE */
		{ { 0xdf, 0xe0, 0x90, 0x90, 0x90 }, false }, /* FNSTSW AX */
		{ { 0xd9, 0x3e, 0x00, 0x60, 0x90 }, false }, /* FNSTCW */
		{ { 0x0f, 0xae, 0x06, 0x00, 0x60 }, false }, /* FXSAVE */
		{ { 0x0f, 0xae, 0x0e, 0x00, 0x62 }, true },  /* FXRSTOR, of an image without */
	};

	setup(false);
	cpu->ignne = true;
	CODE(0x5000, FLD1);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(ferr);
	cpu->ignne = false;
	ram_put16(0x6200, 0x37f);
	ram_put32(0x6218, 0x1f80);
	ram_put(0x5002, rows[_i].bytes, 5);
	ram_put8(0x5007, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5008);
	ck_assert_uint_eq(ferr, !rows[_i].clears);
}
END_TEST

/* The usual handler of IRQ13: it returns to the instruction that waited. */
START_TEST(interrupt)
{
	setup(true);
	cpu->rflags |= CPU_FLAG_IF;
	CODE(0x5000, 0x40, FLD1, HLT);
	ram_put32(IRQ13 * 4, 0x6000);
	/* fnstsw [7100h]; out f0h, al; fstp [7200h], which IGNNE# lets pass; fnclex; iret */
	CODE(0x6000, 0xdd, 0x3e, 0x00, 0x71, 0xe6, 0xf0, 0xd9, 0x06, 0x00, 0x72, FNCLEX, 0xcf);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5004);
	ck_assert_uint_eq(rises, 1);
	ck_assert(!ferr);
	ck_assert(!cpu->ignne);
	ck_assert_uint_eq(ram_get16(0x7100), 0x8084);
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x5001);
	ck_assert_uint_eq(fixture.acknowledged, 1);
	ck_assert_uint_eq(cpu->fx.fsw & 0xff, 0);
}
END_TEST

/* A handler that clears nothing comes back to where it froze. */
START_TEST(freezes_again)
{
	setup(true);
	cpu->rflags |= CPU_FLAG_IF;
	CODE(0x5000, FLD1, HLT);
	ram_put32(IRQ13 * 4, 0x6000);
	CODE(0x6000, 0x40, 0xcf);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5000);
	ck_assert_uint_eq(reg(CPU_RAX), 1);
	ck_assert_uint_eq(rises, 1);
	cpu_request(cpu, CPU_REQUEST_NMI);
	ck_assert(cpu_wakes(cpu));
	expect_vector(CPU_NMI);
	ck_assert_uint_eq(ram_get16((uint32_t)reg(CPU_RSP)), 0x5000);
}
END_TEST

START_TEST(smi_and_init)
{
	setup(false);
	CODE(0x5000, FLD1, HLT);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	CODE(0x38000, 0x0f, 0xaa);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert(cpu_wakes(cpu));
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert(!cpu->in_smm);
	ck_assert_uint_eq(ram_get16(0x3fec8) >> 8, 0); /* it was not HLT */
	ck_assert_uint_eq(cpu->rip, 0x5000);
	ck_assert(cpu->frozen);
	cpu_request(cpu, CPU_REQUEST_INIT);
	ck_assert(cpu_wakes(cpu));
	run_for(0);
	run_for(1);
	ck_assert(!cpu->frozen);
	/* INIT leaves the x87 alone, RESET# does not. */
	ck_assert_uint_eq(cpu->fx.fsw, 0x8084);
	ck_assert(cpu->ferr);
	cpu_reset(cpu, false);
	ck_assert(!cpu->ferr);
}
END_TEST

/* CR0.NE: exception 16, and the lines stay out of it. */
START_TEST(native)
{
	setup(true);
	cpu->cr0 |= CPU_CR0_NE;
	CODE(0x5000, FLD1);
	expect_vector(CPU_MF);
	ck_assert_uint_eq(rises, 0);
}
END_TEST

/* A machine without the lines: as if IGNNE# were asserted. */
START_TEST(no_lines)
{
	setup(false);
	cpu->bus.ferr = NULL;
	CODE(0x5000, FLD1, HLT);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5003);
}
END_TEST

START_TEST(saved_state)
{
	struct state_writer *writer = state_writer_new();
	struct state_reader *reader;
	const void *data;
	size_t length;

	setup(false);
	CODE(0x5000, FLD1, HLT);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	state_section_begin(writer, "cpu0", "cpu", 1);
	ck_assert_int_eq(cpu_save(cpu, writer), 0);
	state_section_end(writer);
	ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);
	cpu_reset(cpu, false);
	ck_assert_int_eq(state_reader_new(data, length, &reader, NULL), 0);
	ck_assert_int_eq(state_section_open(reader, "cpu0", NULL, NULL), 0);
	ck_assert_int_eq(cpu_load(cpu, reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
	state_reader_free(reader);
	state_writer_free(writer);
	ck_assert(cpu->frozen && cpu->ferr && !cpu->ignne);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5000);
	cpu->ignne = true;
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 0x5003);
	ck_assert_uint_eq(rises, 1);
}
END_TEST

int main(void)
{
	const struct {
		const TTest *test;
		int count;
	} loops[] = {
		{ freezes, 3 },
		{ not_waiting, 8 },
		{ interrupt, 1 },
		{ freezes_again, 1 },
		{ smi_and_init, 1 },
		{ native, 1 },
		{ no_lines, 1 },
		{ saved_state, 1 },
	};
	Suite *suite = suite_create("FERR#");
	TCase *tcase = tcase_create("FERR#");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		tcase_add_loop_test(tcase, loops[i].test, 0, loops[i].count);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
