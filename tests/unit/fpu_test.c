/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * x87, MMX and SSE where the oracle (tests/cpu) does not reach: control registers, models, real-mode formats,
 * exceptions reported outside, and the thunk cache.
 */
#include <check.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/thunk.h"

#define AT   0x10000u
#define DATA 0x20000u

static struct cpu *cpu;
static unsigned ferr_count;
static bool ferr_level;

static void bus_ferr(void *self, bool level)
{
	(void)self;
	ck_assert(level != ferr_level);
	ferr_level = level;
	ferr_count += level;
}

static void setup(void)
{
	fixture_setup();
	cpu = fixture.cpu;
	cpu->bus.ferr = bus_ferr;
	ferr_count = 0;
	ferr_level = false;
	start_protected(AT, 0);
	cpu->cr0 = (cpu->cr0 | CPU_CR0_NE) & ~(uint64_t)(CPU_CR0_TS | CPU_CR0_EM);
	cpu->cr4 |= CPU_CR4_OSFXSR | CPU_CR4_OSXMMEXCPT;
	cpu->fx.fcw = 0x37f;
	cpu->fx.mxcsr = 0x1f80;
	cpu->fx.ftw = 0; /* RESET leaves them in use */
	cpu_mode_update(cpu);
}

/* Change control registers and have all caches know. */
static void control(uint64_t cr0_set, uint64_t cr4_clear)
{
	cpu->cr0 |= cr0_set;
	cpu->cr4 &= ~cr4_clear;
	cpu_mode_update(cpu);
}

static void model_set(const char *name)
{
	struct cpu_model model;
	ck_assert_int_eq(cpu_model_find(name, &model), 0);
	memcpy((void *)(uintptr_t)cpu->model, &model, sizeof(model));
}

#define FADD  0xd8, 0xc1       /* fadd %st(1) */
#define PADDB 0x0f, 0xfc, 0xc1 /* paddb %mm1, %mm0 */
#define ADDPS 0x0f, 0x58, 0xc1 /* addps %xmm1, %xmm0 */
#define HLT   0xf4

START_TEST(test_task_switched)
{
	control(CPU_CR0_TS, 0);
	CODE(AT, FADD);
	expect_vector(CPU_NM);
}
END_TEST

START_TEST(test_task_switched_mmx)
{
	control(CPU_CR0_TS, 0);
	CODE(AT, PADDB);
	expect_vector(CPU_NM);
}
END_TEST

START_TEST(test_task_switched_sse)
{
	control(CPU_CR0_TS, 0);
	CODE(AT, ADDPS);
	expect_vector(CPU_NM);
}
END_TEST

START_TEST(test_wait)
{
	/* FWAIT looks at MP too */
	cpu->cr0 &= ~(uint64_t)CPU_CR0_MP;
	control(CPU_CR0_TS, 0);
	CODE(AT, 0x9b, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, AT + 2);
	cpu->halted = false;
	cpu->rip = AT;
	control(CPU_CR0_MP, 0);
	expect_vector(CPU_NM);
}
END_TEST

START_TEST(test_emulated)
{
	control(CPU_CR0_EM, 0);
	CODE(AT, FADD);
	expect_vector(CPU_NM);
}
END_TEST

START_TEST(test_emulated_mmx)
{
	control(CPU_CR0_EM, 0);
	CODE(AT, PADDB);
	expect_vector(CPU_UD);
}
END_TEST

START_TEST(test_no_osfxsr)
{
	control(0, CPU_CR4_OSFXSR);
	CODE(AT, PADDB, ADDPS);
	expect_vector(CPU_UD);
	ck_assert_uint_eq(frame32(0), AT + 3); /* MMX does not ask for it */
}
END_TEST

START_TEST(test_no_osxmmexcpt)
{
	control(0, CPU_CR4_OSXMMEXCPT);
	cpu->fx.mxcsr = 0x1f00; /* invalid operation unmasked */
	memset(cpu->fx.xmm[0], 0, 16);
	cpu->fx.xmm[0][3] = 0x7f;
	cpu->fx.xmm[0][2] = 0xa0; /* a signalling NaN */
	memcpy(cpu->fx.xmm[1], cpu->fx.xmm[0], 16);
	CODE(AT, ADDPS);
	expect_vector(CPU_UD);
	ck_assert_uint_eq(cpu->fx.mxcsr, 0x1f01);
	ck_assert_uint_eq(cpu->fx.xmm[0][2], 0xa0);
}
END_TEST

START_TEST(test_simd_exception)
{
	cpu->fx.mxcsr = 0x1d80; /* division by zero unmasked */
	memset(cpu->fx.xmm, 0, sizeof(cpu->fx.xmm));
	cpu->fx.xmm[0][3] = 0x40;
	CODE(AT, 0xf3, 0x0f, 0x5e, 0xc1); /* divss %xmm1, %xmm0 */
	expect_vector(CPU_XM);
	ck_assert_uint_eq(cpu->fx.mxcsr, 0x1d84);
	ck_assert_uint_eq(cpu->fx.xmm[0][3], 0x40);
}
END_TEST

START_TEST(test_pending)
{
	cpu->fx.fcw = 0x37e;
	cpu->fx.fsw = 0x8081;
	CODE(AT, 0xdf, 0xe0, FADD); /* fnstsw %ax does not wait */
	expect_vector(CPU_MF);
	ck_assert_uint_eq(reg(CPU_RAX) & 0xffff, 0x8081);
	ck_assert_uint_eq(frame32(0), AT + 2);
	ck_assert_uint_eq(ferr_count, 0);
}
END_TEST

START_TEST(test_pending_mmx)
{
	cpu->fx.fcw = 0x37e;
	cpu->fx.fsw = 0x8081;
	CODE(AT, PADDB);
	expect_vector(CPU_MF);
}
END_TEST

START_TEST(test_ferr)
{
	cpu->cr0 &= ~(uint64_t)CPU_CR0_NE;
	cpu_mode_update(cpu);
	cpu->fx.fcw = 0x37e;
	cpu->fx.fsw = 0x8081;
	cpu->ignne = true;
	CODE(AT, 0xd9, 0xe8, HLT); /* fld1: executes, with IGNNE# */
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ferr_count, 1);
	ck_assert_uint_eq(cpu->fx.fsw, 0x8081 | 7 << 11);
	ck_assert_uint_eq(cpu->fx.fcw, 0x37e);
	ck_assert_uint_eq(cpu->fx.ftw, 0x80);
}
END_TEST

/* fldl DATA; fnstenv DATA + 16 */
static void environment_run(void)
{
	CODE(AT, 0xdd, 0x05, 0x00, 0x00, 0x02, 0x00, 0xd9, 0x35, 0x10, 0x00, 0x02, 0x00, HLT);
	ram_put64(DATA, 0x3ff8000000000000);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
}

START_TEST(test_environment)
{
	cpu->fx.fcw = 0x340;
	environment_run();
	ck_assert_uint_eq(ram_get32(DATA + 16), 0xffff0340);
	ck_assert_uint_eq(ram_get32(DATA + 20), 0xffff3800);
	ck_assert_uint_eq(ram_get32(DATA + 24), 0xffff3fff);
	ck_assert_uint_eq(ram_get32(DATA + 28), AT);
	ck_assert_uint_eq(ram_get32(DATA + 32), 0x5050000 | KCODE);
	ck_assert_uint_eq(ram_get32(DATA + 36), DATA);
	ck_assert_uint_eq(ram_get32(DATA + 40) & 0xffff, KDATA);
	ck_assert_uint_eq(cpu->fx.fcw, 0x37f); /* all masked afterwards */
}
END_TEST

START_TEST(test_environment_real)
{
	start_real(0x5f00);
	cpu->cr0 &= ~(uint64_t)(CPU_CR0_PE | CPU_CR0_PG);
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		cpu->segment[i] = (struct cpu_segment){ .attributes = i == CPU_CS ? 0x9b : 0x93, .limit = 0xffff };
	cpu->segment[CPU_DS].selector = 0x600;
	cpu->segment[CPU_DS].base = 0x6000;
	cpu_mode_update(cpu);
	/* fldl 0x10; fnstenv 0x20 */
	CODE(0x5f00, 0xdd, 0x06, 0x10, 0x00, 0xd9, 0x36, 0x20, 0x00, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get16(0x6020), 0x37f);
	ck_assert_uint_eq(ram_get16(0x6026), 0x5f00);
	ck_assert_uint_eq(ram_get16(0x6028), 0x506); /* no high bits, FOP */
	ck_assert_uint_eq(ram_get16(0x602a), 0x6010);
	ck_assert_uint_eq(ram_get16(0x602c), 0);
}
END_TEST

START_TEST(test_fxsave_without_osfxsr)
{
	control(0, CPU_CR4_OSFXSR);
	memset(cpu->fx.xmm, 0x11, sizeof(cpu->fx.xmm));
	for (uint32_t i = 0; i < 512; i += 4)
		ram_put32(DATA + i, 0x22222222);
	CODE(AT, 0x0f, 0xae, 0x05, 0x00, 0x00, 0x02, 0x00, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get16(DATA), 0x37f);
	ck_assert_uint_eq(ram_get32(DATA + 24), 0x22222222);  /* MXCSR */
	ck_assert_uint_eq(ram_get32(DATA + 160), 0x22222222); /* xmm0 */
	ck_assert_uint_eq(ram_get32(DATA + 32 + 8), 0);       /* st0 */
}
END_TEST

START_TEST(test_fxsave_misaligned)
{
	CODE(AT, 0x0f, 0xae, 0x05, 0x08, 0x00, 0x02, 0x00, HLT);
	expect_vector(CPU_GP);
}
END_TEST

START_TEST(test_fxrstor_reserved)
{
	ram_put32(DATA + 24, 0x10000);
	CODE(AT, 0x0f, 0xae, 0x0d, 0x00, 0x00, 0x02, 0x00, HLT);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(cpu->fx.fcw, 0x37f);
}
END_TEST

START_TEST(test_models)
{
	model_set("pentium");
	CODE(AT, PADDB);
	expect_vector(CPU_UD);
}
END_TEST

START_TEST(test_model_without_cmov)
{
	model_set("pentium");
	CODE(AT, 0xda, 0xc1); /* fcmovb */
	expect_vector(CPU_UD);
}
END_TEST

START_TEST(test_model_without_sse2)
{
	model_set("pentium3");
	CODE(AT, ADDPS, 0x66, 0x0f, 0x58, 0xc1); /* addpd */
	expect_vector(CPU_UD);
	ck_assert_uint_eq(frame32(0), AT + 3);
}
END_TEST

START_TEST(test_model_without_daz)
{
	model_set("pentium3");
	ram_put32(DATA, 0x1fc0);
	CODE(AT, 0x0f, 0xae, 0x15, 0x00, 0x00, 0x02, 0x00); /* ldmxcsr */
	expect_vector(CPU_GP);
}
END_TEST

START_TEST(test_host_state_kept)
{
	uint32_t before, after;
	uint16_t fcw_before, fcw_after;
	cpu->fx.fcw = 0x40;
	cpu->fx.mxcsr = 0x7f80;
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(before), "=m"(fcw_before));
	CODE(AT, 0xd9, 0xe8, ADDPS, PADDB, HLT);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(after), "=m"(fcw_after));
	ck_assert_uint_eq(before, after);
	ck_assert_uint_eq(fcw_before, fcw_after);
	volatile long double x = 1.5L; /* the x87 stack is empty again */
	for (int i = 0; i < 16; i++)
		x *= 1.0L + (long double)i;
	ck_assert(x > 1.0L);
}
END_TEST

static struct cpu_thunks *shared;

static void *thunk_thread(void *unused)
{
	(void)unused;
	uintptr_t sum = 0;
	for (unsigned i = 0; i < 256; i++) {
		struct thunk_shape shape = { .prefix = 0x66,
			.map = 1,
			.opcode = 0x70,
			.immediate = (uint8_t)i,
			.reg = THUNK_XMM,
			.rm = THUNK_XMM,
			.flags = THUNK_IMMEDIATE | THUNK_STORE_REG };
		sum += (uintptr_t)thunk_find(shared, &shape);
	}
	return (void *)sum;
}

START_TEST(test_thunks_shared)
{
	pthread_t threads[4];
	void *results[4];
	shared = thunks_create();
	ck_assert_ptr_nonnull(shared);
	ck_assert_ptr_eq(thunks_ref(shared), shared);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thunk_thread, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], &results[i]);
	for (unsigned i = 1; i < 4; i++)
		ck_assert_ptr_eq(results[i], results[0]); /* one thunk a shape, whoever was first */
	thunks_unref(shared);
	struct thunk_shape shape = {
		.map = 1, .opcode = 0xfe, .reg = THUNK_MMX, .rm = THUNK_MMX, .flags = THUNK_STORE_REG
	};
	uint32_t a[2] = { 1, 2 }, b[2] = { 10, 20 }, c[2];
	((thunk_vector *)thunk_find(shared, &shape))(a, b, c, NULL);
	ck_assert_uint_eq(c[0], 11);
	ck_assert_uint_eq(c[1], 22);
	thunks_unref(shared);
	thunks_unref(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fpu");
	TCase *test = tcase_create("fpu");
	tcase_add_checked_fixture(test, setup, fixture_teardown);
	tcase_add_test(test, test_task_switched);
	tcase_add_test(test, test_task_switched_mmx);
	tcase_add_test(test, test_task_switched_sse);
	tcase_add_test(test, test_wait);
	tcase_add_test(test, test_emulated);
	tcase_add_test(test, test_emulated_mmx);
	tcase_add_test(test, test_no_osfxsr);
	tcase_add_test(test, test_no_osxmmexcpt);
	tcase_add_test(test, test_simd_exception);
	tcase_add_test(test, test_pending);
	tcase_add_test(test, test_pending_mmx);
	tcase_add_test(test, test_ferr);
	tcase_add_test(test, test_environment);
	tcase_add_test(test, test_environment_real);
	tcase_add_test(test, test_fxsave_without_osfxsr);
	tcase_add_test(test, test_fxsave_misaligned);
	tcase_add_test(test, test_fxrstor_reserved);
	tcase_add_test(test, test_models);
	tcase_add_test(test, test_model_without_cmov);
	tcase_add_test(test, test_model_without_sse2);
	tcase_add_test(test, test_model_without_daz);
	tcase_add_test(test, test_host_state_kept);
	tcase_add_test(test, test_thunks_shared);
	suite_add_tcase(suite, test);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
