/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * CPU models: names, and what CPUID says of them.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/model.h"

static struct cpu *cpu;
static struct cpu_model model;

static void setup(void)
{
	cpu = aligned_alloc(64, (sizeof(*cpu) + 63) & ~(size_t)63);
	ck_assert_ptr_nonnull(cpu);
	memset(cpu, 0, sizeof(*cpu));
	ck_assert_int_eq(cpu_model_find(NULL, &model), 0);
	cpu->model = &model;
	cpu->count = 1;
	cpu->tsc_hz = 1000000000;
	ck_assert_int_eq(apic_create(cpu, &cpu->apic), 0);
}

static void teardown(void)
{
	apic_destroy(cpu->apic);
	free(cpu);
}

START_TEST(test_names)
{
	struct cpu_model m;
	unsigned count = 0;
	for (const char *const *name = cpu_model_names(); *name; name++, count++) {
		int status = cpu_model_find(*name, &m);
		ck_assert(status == 0 || status == -EOPNOTSUPP);
		ck_assert((cpu_model_lacks(*name) == NULL) == (status == 0 || !strcmp(*name, "host")));
		ck_assert_str_eq(m.name, *name);
		ck_assert(m.features_1_edx & CPU_FEATURE_FPU);
	}
	ck_assert_uint_ge(count, 10);
	ck_assert_int_eq(cpu_model_find("8088", &m), -ENOENT);
	ck_assert_int_eq(cpu_model_find(NULL, &m), 0);
	ck_assert_str_eq(m.name, "host");
}
END_TEST

START_TEST(test_classic_features)
{
	struct cpu_model m;
	cpu_model_find("486", &m);
	ck_assert(!(m.features_1_edx & (CPU_FEATURE_TSC | CPU_FEATURE_CX8 | CPU_FEATURE_APIC)));
	cpu_model_find("pentium", &m);
	ck_assert(!(m.features_1_edx & (CPU_FEATURE_CMOV | CPU_FEATURE_MMX)));
	cpu_model_find("pentium3", &m);
	ck_assert(m.features_1_edx & CPU_FEATURE_SSE && !(m.features_1_edx & CPU_FEATURE_SSE2));
	cpu_model_find("pentium4", &m);
	ck_assert(m.features_1_edx & CPU_FEATURE_SSE2 && !m.features_ext_edx);
}
END_TEST

START_TEST(test_vendor_and_limits)
{
	uint32_t r[4];
	cpu_cpuid(cpu, 0, 0, r);
	ck_assert_uint_eq(r[0], model.leaf_max);
	ck_assert_int_eq(memcmp(&r[1], "Genu", 4), 0);
	ck_assert_int_eq(memcmp(&r[3], "ineI", 4), 0);
	ck_assert_int_eq(memcmp(&r[2], "ntel", 4), 0);
	uint32_t beyond[4], last[4];
	cpu_cpuid(cpu, 0x7fffffff, 0, beyond);
	cpu_cpuid(cpu, model.leaf_max, 0, last);
	ck_assert_int_eq(memcmp(beyond, last, sizeof(last)), 0);
	cpu_cpuid(cpu, 0x80000000, 0, r);
	ck_assert_uint_eq(r[0], 0x80000008);
}
END_TEST

START_TEST(test_signature)
{
	uint32_t r[4];
	cpu_cpuid(cpu, 1, 0, r);
	ck_assert_uint_eq(r[0], 0x6fb);
	cpu_model_find("pentium4", &model);
	cpu_cpuid(cpu, 1, 0, r);
	ck_assert_uint_eq(r[0], 0xf29);
	cpu_model_find("486", &model);
	cpu_cpuid(cpu, 1, 0, r);
	ck_assert_uint_eq(r[0], 0x480);
}
END_TEST

START_TEST(test_apic_bit)
{
	uint32_t r[4];
	cpu_cpuid(cpu, 1, 0, r);
	ck_assert(r[3] & CPU_FEATURE_APIC);
	ck_assert(r[2] & CPU_FEATURE_X2APIC);
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00100), 0);
	cpu_cpuid(cpu, 1, 0, r);
	ck_assert(!(r[3] & CPU_FEATURE_APIC));
	ck_assert(!(r[2] & (CPU_FEATURE_X2APIC | CPU_FEATURE_TSC_DEADLINE)));
}
END_TEST

START_TEST(test_topology)
{
	uint32_t r[4];
	cpu->count = 3;
	cpu->index = 2;
	cpu_cpuid(cpu, 1, 0, r);
	ck_assert_uint_eq(r[1] >> 24, 2);
	ck_assert_uint_eq(r[1] >> 16 & 0xff, 4);
	ck_assert(r[3] & CPU_FEATURE_HT);
	cpu_cpuid(cpu, 4, 0, r);
	ck_assert_uint_eq(r[0] >> 26, 3);
	cpu_cpuid(cpu, 0xb, 1, r);
	ck_assert_uint_eq(r[0], 2);
	ck_assert_uint_eq(r[1], 3);
	ck_assert_uint_eq(r[2], 0x201);
	ck_assert_uint_eq(r[3], 2);
	cpu_cpuid(cpu, 0xb, 2, r);
	ck_assert_uint_eq(r[1], 0);
}
END_TEST

START_TEST(test_frequency)
{
	uint32_t r[4];
	cpu->tsc_hz = 2600000000;
	cpu_cpuid(cpu, 0x15, 0, r);
	ck_assert_uint_eq((uint64_t)r[2] * r[1] / r[0], 2600000000);
	ck_assert_uint_le((uint64_t)r[2] / 1000 * r[1], UINT32_MAX);
	cpu_cpuid(cpu, 0x40000010, 0, r);
	ck_assert_uint_eq(r[0], 2600000);
	ck_assert_uint_eq(r[1], 1000000);
	cpu->tsc_hz = 2595124123;
	cpu_cpuid(cpu, 0x15, 0, r);
	ck_assert_uint_eq(r[2], 0);
	cpu->tsc_hz = 0;
	cpu_cpuid(cpu, 0x15, 0, r); /* must not divide by it */
}
END_TEST

START_TEST(test_hypervisor)
{
	uint32_t r[4];
	cpu_cpuid(cpu, 0x40000000, 0, r);
	ck_assert_int_eq(memcmp(&r[1], "vmmvmmvmmvmm", 12), 0);
	cpu_model_find("486", &model);
	cpu_cpuid(cpu, 0x40000000, 0, r);
	ck_assert_int_ne(memcmp(&r[1], "vmmvmmvmmvmm", 12), 0);
}
END_TEST

START_TEST(test_arch_capabilities)
{
	ck_assert(cpu_model_arch_capabilities(&model) & 1);
	cpu_model_find("pentium3", &model);
	ck_assert_uint_eq(cpu_model_arch_capabilities(&model), 0);
}
END_TEST

static uint64_t no_time(void *self)
{
	(void)self;
	return 0;
}

START_TEST(test_mitigations)
{
	uint32_t r[4];
	struct cpu_config config = { .count = 1, .model = "host", .mitigations = true, .bus = { .time = no_time } };
	struct cpu *left;

	cpu_cpuid(cpu, 7, 0, r);
	ck_assert_uint_eq(r[3] >> 26 & 0xf, 0x9); /* SPEC_CTRL, ARCH_CAPABILITIES */
	ck_assert_uint_eq(r[0], 2);
	cpu_cpuid(cpu, 7, 2, r);
	ck_assert_uint_eq(r[3], 0x10); /* BHI_CTRL */
	ck_assert_int_eq(cpu_create(&config, &left), 0);
	cpu_cpuid(left, 7, 0, r);
	ck_assert_uint_eq(r[3], 0);
	ck_assert_uint_eq(cpu_model_arch_capabilities(left->model), 0);
	cpu_destroy(left);
}
END_TEST

START_TEST(test_brand)
{
	uint32_t r[12];
	for (unsigned i = 0; i < 3; i++)
		cpu_cpuid(cpu, 0x80000002 + i, 0, r + 4 * i);
	ck_assert_int_eq(strncmp((const char *)r, model.brand, 48), 0);
	for (const char *const *name = cpu_model_names(); *name; name++) {
		cpu_model_find(*name, &model);
		ck_assert_uint_lt(strlen(model.brand), 49);
		for (uint32_t leaf = 0; leaf < 0x20; leaf++)
			cpu_cpuid(cpu, leaf, 0, r);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *test = tcase_create("model");
	tcase_add_checked_fixture(test, setup, teardown);
	tcase_add_test(test, test_names);
	tcase_add_test(test, test_classic_features);
	tcase_add_test(test, test_vendor_and_limits);
	tcase_add_test(test, test_signature);
	tcase_add_test(test, test_apic_bit);
	tcase_add_test(test, test_topology);
	tcase_add_test(test, test_frequency);
	tcase_add_test(test, test_hypervisor);
	tcase_add_test(test, test_arch_capabilities);
	tcase_add_test(test, test_mitigations);
	tcase_add_test(test, test_brand);
	suite_add_tcase(suite, test);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
