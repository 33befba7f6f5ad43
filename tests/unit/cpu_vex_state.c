/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * VZEROUPPER, VZEROALL, VLDMXCSR, VSTMXCSR and VMASKMOVDQU, which do not run natively: what they do, and when they are
 * #UD or #NM (SDM vol. 2A, 2.4.4, 2.4.5 and 2.4.8: exception types 4, 5 and 8).
 */
#include <stdio.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/mode.h"

#define CODE_AT  0x6000u
#define DATA_AT  0x6800u
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define OK       0xffu

enum mode { REAL, RING3, V86, LONG3 };

/* No AVX in this host, none in the guest. */
static bool have_avx(void)
{
	if (model_has(fixture.cpu->model, FEATURE_AVX))
		return true;
	fputs("no AVX here: skipped\n", stderr);
	return false;
}

static void start(enum mode mode)
{
	struct cpu *cpu = fixture.cpu;

	cpu_reset(cpu, false);
	switch (mode) {
	case REAL: start_real(CODE_AT); break;
	case V86: start_v86(0, CODE_AT, 0); break;
	case RING3: start_protected(CODE_AT, 3); break;
	case LONG3: start_long(CODE_AT, 3);
	}
	cpu->cr4 |= CPU_CR4_OSFXSR | CPU_CR4_OSXSAVE;
	cpu->xcr0 = 7;
	cpu->gpr[CPU_RDI] = DATA_AT;
	memset(cpu->fx.xmm, 0x11, sizeof(cpu->fx.xmm));
	memset(&cpu->vector, 0x22, sizeof(cpu->vector));
	ram_put32(DATA_AT, 0x1f80);
}

START_TEST(recognized)
{
	static const struct {
		enum mode mode;
		uint8_t code[6];
		unsigned size, vector;
	} rows[] = {
		{ RING3, { 0xc5, 0xf8, 0x77 }, 3, OK },       /* vzeroupper */
		{ RING3, { 0xc5, 0xfc, 0x77 }, 3, OK },       /* vzeroall */
		{ RING3, { 0xc4, 0xe1, 0x78, 0x77 }, 4, OK }, /* by three bytes */
		{ RING3, { 0xc5, 0xf0, 0x77 }, 3, CPU_UD },   /* vvvv */
		{ RING3, { 0xc5, 0xf9, 0x77 }, 3, CPU_UD },   /* 66, F3, F2 */
		{ RING3, { 0xc5, 0xfa, 0x77 }, 3, CPU_UD },
		{ RING3, { 0xc5, 0xfb, 0x77 }, 3, CPU_UD },
		{ RING3, { 0xc5, 0xf8, 0xae, 0x17 }, 4, OK },     /* vldmxcsr [edi] */
		{ RING3, { 0xc5, 0xf8, 0xae, 0x1f }, 4, OK },     /* vstmxcsr */
		{ RING3, { 0xc5, 0xf8, 0xae, 0xd7 }, 4, CPU_UD }, /* registers */
		{ RING3, { 0xc5, 0xf8, 0xae, 0xdf }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xfc, 0xae, 0x17 }, 4, CPU_UD }, /* 256 bits */
		{ RING3, { 0xc5, 0xf9, 0xae, 0x17 }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xf0, 0xae, 0x17 }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xf8, 0xae, 0x07 }, 4, CPU_UD }, /* FXSAVE and its kin have no VEX form */
		{ RING3, { 0xc5, 0xf8, 0xae, 0x0f }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xf8, 0xae, 0x27 }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xf8, 0xae, 0x3f }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xf9, 0xf7, 0xca }, 4, OK },     /* vmaskmovdqu xmm1,xmm2 */
		{ RING3, { 0xc5, 0xf9, 0xf7, 0x0a }, 4, CPU_UD }, /* memory */
		{ RING3, { 0xc5, 0xf8, 0xf7, 0xca }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xfd, 0xf7, 0xca }, 4, CPU_UD },
		{ RING3, { 0xc5, 0xf1, 0xf7, 0xca }, 4, CPU_UD },
		{ RING3, { 0x66, 0xc5, 0xf8, 0x77 }, 4, CPU_UD }, /* prefixes before VEX */
		{ RING3, { 0xf3, 0xc5, 0xf8, 0x77 }, 4, CPU_UD },
		{ RING3, { 0xf0, 0xc5, 0xf8, 0x77 }, 4, CPU_UD },
		{ LONG3, { 0xc5, 0xf8, 0x77 }, 3, OK },
		{ LONG3, { 0x48, 0xc5, 0xf8, 0x77 }, 4, CPU_UD }, /* REX */
		/* LDS of a register, where there is no VEX */
		{ REAL, { 0xc5, 0xf8, 0x77 }, 3, CPU_UD },
		{ V86, { 0xc5, 0xf8, 0x77 }, 3, CPU_UD },
	};
	struct cpu *cpu = fixture.cpu;

	if (!have_avx())
		return;
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start(rows[i].mode);
		ram_put(CODE_AT, rows[i].code, 6);
		enum cpu_exit how = run_for(1);

		ck_assert_msg(
			cpu->rip == (rows[i].vector == OK ? CODE_AT + rows[i].size : HANDLER(rows[i].vector) + 1u),
			"row %u: ended with %d at %llx", i, (int)how, (unsigned long long)cpu->rip);
	}
}
END_TEST

/* Each of them needs CR4.OSXSAVE, XCR0's SSE and AVX, and CR0.TS clear; CR0.EM does not matter. */
START_TEST(enabled)
{
	static const uint8_t codes[][4] = { { 0xc5, 0xf8, 0x77 }, { 0xc5, 0xfc, 0x77 }, { 0xc5, 0xf8, 0xae, 0x17 },
		{ 0xc5, 0xf8, 0xae, 0x1f }, { 0xc5, 0xf9, 0xf7, 0xca } };
	static const struct {
		uint64_t xcr0;
		bool osxsave;
		uint32_t cr0;
		unsigned vector;
	} rows[] = { { 7, true, 0, OK }, { 7, true, CPU_CR0_EM, OK }, { 7, true, CPU_CR0_TS, CPU_NM },
		{ 7, false, 0, CPU_UD }, { 3, true, 0, CPU_UD }, { 1, true, 0, CPU_UD },
		{ 3, true, CPU_CR0_TS, CPU_UD } };
	struct cpu *cpu = fixture.cpu;

	if (!have_avx())
		return;
	for (unsigned i = 0; i < ARRAY(codes) * ARRAY(rows); i++) {
		unsigned row = i % ARRAY(rows);

		start(RING3);
		ram_put(CODE_AT, codes[i / ARRAY(rows)], 4);
		cpu->xcr0 = rows[row].xcr0;
		cpu->cr0 |= rows[row].cr0;
		if (!rows[row].osxsave)
			cpu->cr4 &= ~(uint64_t)CPU_CR4_OSXSAVE;
		if (rows[row].vector == OK) {
			ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
			continue;
		}
		expect_vector(rows[row].vector);
		ck_assert_uint_eq(frame32(0), CODE_AT);
		ck_assert_uint_eq(cpu->fx.xmm[0][0], 0x11);
		ck_assert_uint_eq(cpu->vector.ymm_high[0][0], 0x22);
	}
	fixture_remake("core2", false); /* without AVX all of it is LDS' #UD */
	for (unsigned i = 0; i < ARRAY(codes); i++) {
		start(RING3);
		ram_put(CODE_AT, codes[i], 4);
		expect_vector(CPU_UD);
	}
}
END_TEST

/* Eight registers, or sixteen in 64-bit mode; ZMM16 and up and the opmasks stay. */
START_TEST(zeroed)
{
	struct cpu *cpu = fixture.cpu;

	if (!have_avx())
		return;
	for (unsigned i = 0; i < 4; i++) {
		bool all = i & 1, wide = i & 2;

		start(wide ? LONG3 : RING3);
		CODE(CODE_AT, 0xc5, all ? 0xfc : 0xf8, 0x77);
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		for (unsigned n = 0; n < 16; n++) {
			bool named = wide || n < 8;

			for (unsigned byte = 0; byte < 16; byte++) {
				ck_assert_uint_eq(cpu->fx.xmm[n][byte], named && all ? 0 : 0x11);
				ck_assert_uint_eq(cpu->vector.ymm_high[n][byte], named ? 0 : 0x22);
				ck_assert_uint_eq(cpu->vector.zmm_high[n][2 * byte + 1], named ? 0 : 0x22);
			}
			ck_assert_uint_eq(cpu->vector.zmm[n][63], 0x22);
		}
		ck_assert_uint_eq(cpu->vector.k[7], 0x2222222222222222);
	}
}
END_TEST

START_TEST(mxcsr)
{
	static const struct {
		uint8_t modrm;
		uint32_t value, limit;
		unsigned vector;
	} rows[] = {
		{ 0x17, 0x1f80, ~0u, OK },
		{ 0x17, 0xffbf, ~0u, OK },
		{ 0x17, 0x10000, ~0u, CPU_GP }, /* reserved bits */
		{ 0x17, 0x80001f80, ~0u, CPU_GP },
		{ 0x17, 0x1f80, DATA_AT + 2, CPU_GP },
		{ 0x1f, 0x1fa0, ~0u, OK },
		{ 0x1f, 0x1fa0, DATA_AT + 2, CPU_GP },
	};
	struct cpu *cpu = fixture.cpu;

	if (!have_avx())
		return;
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		bool load = rows[i].modrm == 0x17;

		start(RING3);
		CODE(CODE_AT, 0xc5, 0xf8, 0xae, rows[i].modrm);
		ram_put32(DATA_AT, load ? rows[i].value : 0);
		cpu->fx.mxcsr = load ? 0x1f81 : rows[i].value;
		cpu->segment[CPU_DS].limit = rows[i].limit;
		if (rows[i].vector == OK) {
			ck_assert_msg(run_for(1) == CPU_EXIT_BUDGET, "row %u", i);
			ck_assert_uint_eq(load ? cpu->fx.mxcsr : ram_get32(DATA_AT), rows[i].value);
			continue;
		}
		expect_vector(CPU_GP);
		ck_assert_uint_eq(frame32(0), 0);
		ck_assert_uint_eq(load ? cpu->fx.mxcsr : ram_get32(DATA_AT), load ? 0x1f81 : 0);
	}
}
END_TEST

/* Bytes of the first operand where those of the second have their top bits set. */
START_TEST(masked_store)
{
	struct cpu *cpu = fixture.cpu;

	if (!have_avx())
		return;
	start(RING3);
	CODE(CODE_AT, 0xc5, 0xf9, 0xf7, 0xca);
	for (unsigned n = 0; n < 16; n++) {
		cpu->fx.xmm[1][n] = (uint8_t)(0x30 + n);
		cpu->fx.xmm[2][n] = n % 3 ? 0x7f : 0x80;
		ram_put8(DATA_AT + n, 0x99);
	}
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	for (unsigned n = 0; n < 16; n++)
		ck_assert_uint_eq(fixture.ram[DATA_AT + n], n % 3 ? 0x99 : 0x30 + n);
	start(RING3);
	paging_on(7);
	pte_put(DATA_AT + 0x10000, 0);
	CODE(CODE_AT, 0xc5, 0xf9, 0xf7, 0xca);
	cpu->gpr[CPU_RDI] = DATA_AT + 0x10000;
	cpu->fx.xmm[2][5] = 0x80;
	expect_vector(CPU_PF);
	ck_assert_uint_eq(frame32(0), 6);
}
END_TEST

SUITE("cpu VEX state", recognized, enabled, zeroed, mxcsr, masked_store)
