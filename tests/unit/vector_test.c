/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * AVX, XSAVE and later instructions where the oracle (tests/cpu) does not reach: control registers, models, the
 * compacted layout, restart of gathers, and what CPUID says.  What needs AVX is left out where the host lacks it.
 */
#include <check.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/xsave.h"

#define AT   0x10000u
#define DATA 0x20000u
#define HLT  0xf4

#define XGETBV     0x0f, 0x01, 0xd0
#define XSETBV     0x0f, 0x01, 0xd1
#define XSAVE_EDI  0x0f, 0xae, 0x27
#define XSAVEC_EDI 0x0f, 0xc7, 0x27
#define XRSTOR_EDI 0x0f, 0xae, 0x2f
#define VADDPS     0xc5, 0xf4, 0x58, 0xc2             /* vaddps %ymm2, %ymm1, %ymm0 */
#define VPADDD_Z   0x62, 0xf1, 0x75, 0x48, 0xfe, 0xc2 /* vpaddd %zmm2, %zmm1, %zmm0 */
#define VGATHER    0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x8f /* vpgatherdd %ymm2, (%edi,%ymm1,4), %ymm0 */

static struct cpu *cpu;

static void setup(void)
{
	fixture_setup();
	cpu = fixture.cpu;
	start_protected(AT, 0);
	cpu->cr0 &= ~(uint64_t)(CPU_CR0_TS | CPU_CR0_EM);
	cpu->cr4 |= CPU_CR4_OSFXSR | CPU_CR4_OSXMMEXCPT | CPU_CR4_OSXSAVE;
	cpu->xcr0 = xcr0_allowed(cpu->model);
	cpu->fx.fcw = 0x37f;
	cpu->fx.mxcsr = 0x1f80;
	cpu->fx.ftw = 0;
	cpu->gpr[CPU_RDI] = DATA;
	cpu_mode_update(cpu);
}

static bool has(unsigned feature)
{
	return model_has(cpu->model, feature);
}

static void again(void)
{
	cpu->halted = false;
	cpu->rip = AT;
}

static void expect_halt(void)
{
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->cpl, 0);
	ck_assert_uint_gt(cpu->rip, AT);
}

/* Run XSETBV and see whether it faults. */
static bool xsetbv_allowed(uint32_t number, uint64_t value)
{
	start_protected(AT, 0);
	cpu->cr4 |= CPU_CR4_OSXSAVE;
	cpu->halted = false;
	cpu->gpr[CPU_RCX] = number;
	cpu->gpr[CPU_RAX] = (uint32_t)value;
	cpu->gpr[CPU_RDX] = value >> 32;
	CODE(AT, XSETBV, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	return cpu->rip == AT + 4;
}

START_TEST(test_xsetbv)
{
	ck_assert(xsetbv_allowed(0, 1));
	ck_assert_uint_eq(cpu->xcr0, 1);
	ck_assert(xsetbv_allowed(0, 3));
	ck_assert(!xsetbv_allowed(0, 0)); /* x87 stays */
	ck_assert(!xsetbv_allowed(0, 2));
	ck_assert(!xsetbv_allowed(0, 0xb)); /* MPX is not there */
	ck_assert(!xsetbv_allowed(0, (uint64_t)1 << 63 | 1));
	ck_assert(!xsetbv_allowed(1, 3));
	ck_assert(!xsetbv_allowed(0, 5)); /* AVX without SSE */
	ck_assert(!xsetbv_allowed(0, 0xe3));
	ck_assert(!xsetbv_allowed(0, 0x27));
	ck_assert_uint_eq(cpu->xcr0, 3);
	if (has(FEATURE_AVX))
		ck_assert(xsetbv_allowed(0, 7));
	if (has(FEATURE_AVX512F))
		ck_assert(xsetbv_allowed(0, 0xe7));
}
END_TEST

START_TEST(test_xsetbv_user)
{
	start_protected(AT, 3);
	cpu->cr4 |= CPU_CR4_OSXSAVE;
	cpu->gpr[CPU_RAX] = 3;
	CODE(AT, XSETBV);
	expect_vector(CPU_GP);
}
END_TEST

START_TEST(test_xgetbv)
{
	cpu->gpr[CPU_RDX] = UINT32_MAX;
	CODE(AT, XGETBV, HLT);
	expect_halt();
	ck_assert_uint_eq(reg(CPU_RAX), cpu->xcr0);
	ck_assert_uint_eq(reg(CPU_RDX), 0);
	again();
	cpu->gpr[CPU_RCX] = 1;
	memset(&cpu->vector, 0, sizeof(cpu->vector));
	cpu->fx.xmm[3][5] = 1;
	expect_halt();
	ck_assert_uint_eq(reg(CPU_RAX), XCR0_SSE); /* in use */
	again();
	cpu->gpr[CPU_RCX] = 2;
	expect_vector(CPU_GP);
}
END_TEST

START_TEST(test_no_osxsave)
{
	static const uint8_t codes[][8] = { { XGETBV }, { XSETBV }, { XSAVE_EDI }, { XRSTOR_EDI }, { XSAVEC_EDI },
		{ VADDPS } };
	cpu->cr4 &= ~(uint64_t)CPU_CR4_OSXSAVE;
	for (unsigned i = 0; i < 6; i++) {
		ram_put(AT + 16 * i, codes[i], 8);
		cpu->rip = AT + 16 * i;
		cpu->halted = false;
		expect_vector(CPU_UD);
		start_protected(AT, 0);
		cpu->cr4 &= ~(uint64_t)CPU_CR4_OSXSAVE;
		cpu->gpr[CPU_RDI] = DATA;
	}
}
END_TEST

START_TEST(test_task_switched)
{
	cpu->cr0 |= CPU_CR0_TS;
	CODE(AT, XSAVE_EDI);
	expect_vector(CPU_NM);
}
END_TEST

START_TEST(test_task_switched_avx)
{
	cpu->cr0 |= CPU_CR0_TS;
	CODE(AT, VADDPS);
	expect_vector(has(FEATURE_AVX) ? CPU_NM : CPU_UD);
}
END_TEST

START_TEST(test_emulated_avx)
{
	/* CR0.EM says nothing to VEX */
	if (!has(FEATURE_AVX))
		return;
	cpu->cr0 |= CPU_CR0_EM;
	CODE(AT, VADDPS, HLT);
	expect_halt();
}
END_TEST

START_TEST(test_component_off)
{
	if (!has(FEATURE_AVX))
		return;
	cpu->xcr0 = 3;
	CODE(AT, VADDPS);
	expect_vector(CPU_UD);
}
END_TEST

START_TEST(test_component_off_512)
{
	if (!has(FEATURE_AVX512F))
		return;
	CODE(AT, VPADDD_Z, HLT);
	expect_halt();
	again();
	cpu->xcr0 = 7;
	expect_vector(CPU_UD);
}
END_TEST

START_TEST(test_xsave_alignment)
{
	cpu->gpr[CPU_RDI] = DATA + 32;
	CODE(AT, XSAVE_EDI);
	expect_vector(CPU_GP);
}
END_TEST

static void state_fill(void)
{
	for (unsigned i = 0; i < sizeof(cpu->vector); i++)
		((uint8_t *)&cpu->vector)[i] = (uint8_t)(i * 7 + 1);
	for (unsigned i = 0; i < sizeof(cpu->fx.xmm); i++)
		((uint8_t *)cpu->fx.xmm)[i] = (uint8_t)(i * 5 + 1);
}

START_TEST(test_xsave_restore)
{
	struct cpu_vector before;
	uint8_t xmm[128];
	state_fill();
	before = cpu->vector;
	memcpy(xmm, cpu->fx.xmm, sizeof(xmm));
	cpu->fx.mxcsr = 0x9fc0;
	cpu->gpr[CPU_RAX] = cpu->gpr[CPU_RDX] = UINT32_MAX;
	memset(fixture.ram + DATA, 0, 4096);
	ram_put8(DATA + 519, 0x80); /* a bit of XSTATE_BV that is not ours stays */
	CODE(AT, XSAVE_EDI, HLT);
	expect_halt();
	ck_assert_uint_eq(
		ram_get32(DATA + 512), xcr0_allowed(cpu->model) & ~(uint64_t)XCR0_X87 & ~(uint64_t)XCR0_ZMM_16);
	ck_assert_uint_eq(fixture.ram[DATA + 519], 0x80);
	ram_put8(DATA + 519, 0);
	if (has(FEATURE_AVX))
		ck_assert_mem_eq(fixture.ram + DATA + 576, before.ymm_high, 128);
	if (has(FEATURE_AVX512F)) {
		ck_assert_mem_eq(fixture.ram + DATA + 1088, before.k, 64);
		ck_assert_mem_eq(fixture.ram + DATA + 1152, before.zmm_high, 256);
		/* outside of 64-bit mode there are eight registers */
		for (unsigned i = 1152 + 256; i < 2688; i++)
			ck_assert_uint_eq(fixture.ram[DATA + i], 0);
	}

	memset(&cpu->vector, 0x55, sizeof(cpu->vector));
	memset(cpu->fx.xmm, 0x55, sizeof(cpu->fx.xmm));
	cpu->fx.mxcsr = 0x1f80;
	again();
	CODE(AT, XRSTOR_EDI, HLT);
	expect_halt();
	ck_assert_mem_eq(cpu->fx.xmm, xmm, sizeof(xmm));
	ck_assert_uint_eq(cpu->fx.mxcsr, 0x9fc0);
	if (has(FEATURE_AVX)) {
		ck_assert_mem_eq(cpu->vector.ymm_high, before.ymm_high, 128);
		ck_assert_uint_eq(cpu->vector.ymm_high[8][0], 0x55);
	}
	if (has(FEATURE_AVX512F)) {
		ck_assert_mem_eq(cpu->vector.k, before.k, 64);
		ck_assert_mem_eq(cpu->vector.zmm_high, before.zmm_high, 256);
		ck_assert_uint_eq(cpu->vector.zmm[0][0], 0x55);
	}
}
END_TEST

START_TEST(test_xsavec_layout)
{
	if (!has(FEATURE_AVX512F))
		return;
	state_fill();
	memset(cpu->vector.ymm_high, 0, sizeof(cpu->vector.ymm_high)); /* not in use, but with a place */
	memset(fixture.ram + DATA, 0xaa, 4096);
	cpu->gpr[CPU_RAX] = XCR0_SSE | XCR0_AVX | XCR0_OPMASK;
	CODE(AT, XSAVEC_EDI, HLT);
	expect_halt();
	ck_assert_uint_eq(ram_get32(DATA + 512), XCR0_SSE | XCR0_OPMASK);
	ck_assert_uint_eq(ram_get32(DATA + 520), XCR0_SSE | XCR0_AVX | XCR0_OPMASK);
	ck_assert_uint_eq(ram_get32(DATA + 524), 0x80000000);
	ck_assert_uint_eq(fixture.ram[DATA + 528], 0xaa);
	ck_assert_uint_eq(fixture.ram[DATA + 576], 0xaa);
	ck_assert_mem_eq(fixture.ram + DATA + 576 + 256, cpu->vector.k, 64);

	struct cpu_vector before = cpu->vector;
	memset(&cpu->vector, 0x55, sizeof(cpu->vector));
	memset(fixture.ram + DATA + 528, 0, 48);
	again();
	CODE(AT, XRSTOR_EDI, HLT);
	expect_halt();
	ck_assert_mem_eq(cpu->vector.k, before.k, 64);
	ck_assert_mem_eq(cpu->vector.ymm_high, before.ymm_high, 128); /* initial: zero */
	ck_assert_uint_eq(cpu->vector.zmm_high[0][0], 0x55);          /* not asked for */
}
END_TEST

/* Restore everything from a header. */
static bool xrstor_allowed(uint64_t present, uint64_t compact, uint64_t reserved, uint32_t mxcsr)
{
	start_protected(AT, 0);
	cpu->cr4 |= CPU_CR4_OSXSAVE | CPU_CR4_OSFXSR;
	cpu->halted = false;
	cpu->gpr[CPU_RDI] = DATA;
	cpu->gpr[CPU_RAX] = cpu->gpr[CPU_RDX] = UINT32_MAX;
	memset(fixture.ram + DATA, 0, 4096);
	ram_put32(DATA + 24, mxcsr);
	ram_put64(DATA + 512, present);
	ram_put64(DATA + 520, compact);
	ram_put64(DATA + 528, reserved);
	CODE(AT, XRSTOR_EDI, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	return cpu->rip == AT + 4;
}

START_TEST(test_xrstor_header)
{
	const uint64_t form = (uint64_t)1 << 63;
	ck_assert(xrstor_allowed(0, 0, 0, 0x1f80));
	ck_assert(xrstor_allowed(3, 0, 0, 0x1f80));
	ck_assert(!xrstor_allowed(8, 0, 0, 0x1f80));
	ck_assert(!xrstor_allowed(0, 1, 0, 0x1f80));
	ck_assert(!xrstor_allowed(0, 0, 1, 0x1f80));
	ck_assert(!xrstor_allowed(0, 0, 0, 0x10000)); /* standard form: MXCSR is loaded whatever XSTATE_BV says */
	ck_assert(xrstor_allowed(0, form | 3, 0, 0x10000));
	ck_assert_uint_eq(cpu->fx.mxcsr, 0x1f80);
	ck_assert(!xrstor_allowed(2, form | 2, 0, 0x10000));
	ck_assert(!xrstor_allowed(3, form | 1, 0, 0x1f80));
	ck_assert(!xrstor_allowed(0, form | 8, 0, 0x1f80));
	ck_assert(!xrstor_allowed(0, form | 3, 1, 0x1f80));
	ck_assert(!xrstor_allowed(form | 3, form | 3, 0, 0x1f80));
	ck_assert(xrstor_allowed(1, form | 3, 0, 0));
	ck_assert_uint_eq(cpu->fx.fcw, 0x40); /* from the area, where all is zero */
}
END_TEST

START_TEST(test_cpuid)
{
	uint32_t out[4];
	cpu_cpuid(cpu, 0xd, 0, out);
	ck_assert_uint_eq(out[0], xcr0_allowed(cpu->model));
	ck_assert_uint_eq(out[1], out[2]);
	ck_assert_uint_eq(out[2], has(FEATURE_AVX512F) ? 2688 : has(FEATURE_AVX) ? 832 : 576);
	cpu->xcr0 = 1;
	cpu_cpuid(cpu, 0xd, 0, out);
	ck_assert_uint_eq(out[1], 576);
	cpu->xcr0 = xcr0_allowed(cpu->model);
	cpu_cpuid(cpu, 0xd, 1, out);
	ck_assert_uint_eq(out[0], cpu->model->features_xsave_eax);
	ck_assert_uint_eq(out[1], has(FEATURE_AVX512F) ? 576 + 256 + 64 + 512 + 1024 : has(FEATURE_AVX) ? 832 : 576);
	cpu_cpuid(cpu, 0xd, 2, out);
	ck_assert_uint_eq(out[0], has(FEATURE_AVX) ? 256 : 0);
	cpu_cpuid(cpu, 0xd, 3, out);
	ck_assert_uint_eq(out[0] | out[1] | out[2] | out[3], 0);
	cpu_cpuid(cpu, 1, 0, out);
	ck_assert(out[2] & CPU_FEATURE_OSXSAVE);
}
END_TEST

START_TEST(test_gather_restart)
{
	uint32_t index[8], result[8];
	if (!has(FEATURE_AVX2))
		return;
	paging_on(3);
	cpu->xcr0 = 7;
	cpu->cr4 |= CPU_CR4_OSXSAVE;
	/* elements 0 to 3 on one page, 5 to 7 on the next, which is not there; 4 is masked */
	for (unsigned i = 0; i < 8; i++) {
		index[i] = i < 4 ? i : 1024 + i;
		ram_put32(DATA + 4 * index[i], 0x1000 + i);
	}
	memcpy(cpu->fx.xmm[1], index, 16);
	memcpy(cpu->vector.ymm_high[1], index + 4, 16);
	memset(cpu->fx.xmm[2], 0xff, 16);
	memset(cpu->vector.ymm_high[2], 0xff, 16);
	cpu->vector.ymm_high[2][3] = 0;
	memset(cpu->fx.xmm[0], 0x77, 16);
	memset(cpu->vector.ymm_high[0], 0x77, 16);
	pte_put(DATA + 4096, 0);
	cpu->gpr[CPU_RDI] = DATA;
	CODE(AT, VGATHER, HLT);
	expect_vector(CPU_PF);
	ck_assert_uint_eq(cpu->cr2, DATA + 4 * (1024 + 5));
	memcpy(result, cpu->fx.xmm[0], 16);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(result[i], 0x1000 + i);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(cpu->fx.xmm[2][i], 0);
	ck_assert_uint_eq(cpu->vector.ymm_high[2][7], 0xff);

	pte_put(DATA + 4096, (DATA + 4096) | 3);
	ram_put32(DATA, 0xdead); /* not read again */
	start_protected(AT, 0);
	cpu->cr4 |= CPU_CR4_OSXSAVE;
	cpu->gpr[CPU_RDI] = DATA;
	again();
	expect_halt();
	memcpy(result, cpu->fx.xmm[0], 16);
	memcpy(result + 4, cpu->vector.ymm_high[0], 16);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(result[i], i == 4 ? 0x77777777 : 0x1000 + i);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(cpu->vector.ymm_high[2][i], 0);
}
END_TEST

START_TEST(test_string_compare)
{
	if (!has(FEATURE_SSE4_2))
		return;
	memcpy(cpu->fx.xmm[1], "lo\0junkjunkjunkj", 16);
	memcpy(cpu->fx.xmm[2], "hello world\0....", 16);
	CODE(AT, 0x66, 0x0f, 0x3a, 0x63, 0xca, 0x0c, HLT); /* pcmpistri $12 (equal ordered), %xmm2, %xmm1 */
	expect_halt();
	ck_assert_uint_eq(reg(CPU_RCX), 3);
	ck_assert_uint_eq(cpu->rflags & 0x8d5, CPU_FLAG_CF | CPU_FLAG_ZF | CPU_FLAG_SF);
	again();
	cpu->gpr[CPU_RAX] = 2;
	cpu->gpr[CPU_RDX] = (uint32_t)-16;                 /* lengths count by magnitude */
	CODE(AT, 0x66, 0x0f, 0x3a, 0x60, 0xca, 0x0c, HLT); /* pcmpestrm */
	expect_halt();
	ck_assert_uint_eq(cpu->fx.xmm[0][0] | cpu->fx.xmm[0][1] << 8, 1 << 3);
	ck_assert_uint_eq(cpu->rflags & (CPU_FLAG_CF | CPU_FLAG_ZF | CPU_FLAG_SF), CPU_FLAG_CF | CPU_FLAG_SF);
}
END_TEST

static void model_set(const char *name)
{
	struct cpu_model model;
	ck_assert_int_eq(cpu_model_find(name, &model), 0);
	memcpy((void *)(uintptr_t)cpu->model, &model, sizeof(model));
}

START_TEST(test_model_without)
{
	static const uint8_t codes[][6] = {
		{ 0xf2, 0x0f, 0xf0, 0x07 },       /* lddqu */
		{ 0x0f, 0x38, 0x00, 0xc1 },       /* pshufb */
		{ 0xc5, 0xf8, 0x77 },             /* vzeroupper */
		{ 0xc4, 0xe2, 0x78, 0xf2, 0xc1 }, /* andn */
		{ 0x0f, 0xc7, 0xf0 },             /* rdrand */
		{ XGETBV },
		{ XSAVE_EDI },
	};
	model_set("pentium4");
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		ram_put(AT + 16 * i, codes[i], 6);
		start_protected(AT + 16 * i, 0);
		cpu->halted = false;
		cpu->gpr[CPU_RDI] = DATA;
		cpu->cr4 |= CPU_CR4_OSFXSR | CPU_CR4_OSXSAVE;
		expect_vector(CPU_UD);
	}
}
END_TEST

START_TEST(test_count_zeros)
{
	CODE(AT, 0xf3, 0x0f, 0xbd, 0xc1, HLT); /* lzcnt %ecx, %eax */
	cpu->gpr[CPU_RCX] = 0x10000;
	expect_halt();
	ck_assert_uint_eq(reg(CPU_RAX), 15);
	model_set("pentium4"); /* where it is BSR */
	CODE(AT + 16, 0xf3, 0x0f, 0xbd, 0xc1, HLT);
	again();
	cpu->rip = AT + 16;
	expect_halt();
	ck_assert_uint_eq(reg(CPU_RAX), 16);
}
END_TEST

START_TEST(test_random)
{
	CODE(AT, 0x0f, 0xc7, 0xf0, 0x0f, 0xc7, 0xfb, HLT); /* rdrand %eax; rdseed %ebx */
	cpu->gpr[CPU_RAX] = UINT64_MAX;
	expect_halt();
	ck_assert_uint_eq(reg(CPU_RAX) >> 32, 0);
	ck_assert_uint_eq(cpu->rflags & 0x8d5, CPU_FLAG_CF);
}
END_TEST

static int vector_suite(const TTest *const *tests, size_t count)
{
	TCase *tcase = tcase_create("vector");
	tcase_add_checked_fixture(tcase, setup, fixture_teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	Suite *suite = suite_create("vector");
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}

int main(void)
{
	const TTest *const tests[] = { test_xsetbv, test_xsetbv_user, test_xgetbv, test_no_osxsave, test_task_switched,
		test_task_switched_avx, test_emulated_avx, test_component_off, test_component_off_512,
		test_xsave_alignment, test_xsave_restore, test_xsavec_layout, test_xrstor_header, test_cpuid,
		test_gather_restart, test_string_compare, test_model_without, test_count_zeros, test_random };
	return vector_suite(tests, sizeof(tests) / sizeof(tests[0]));
}
