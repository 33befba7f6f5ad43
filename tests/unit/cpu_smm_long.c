/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * System management mode on a processor with 64-bit mode: the longer state save map (AMD64 APM vol. 2, table 10-1).
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define ENTRY   0x38000u
#define MAP(at) (0x30000u + (at)) /* offsets from SMBASE */

/* 64-bit code at CPL 0 or 3: 4-level tables at 0x100000 map the first 2 MiB onto themselves. */
static void long_start(uint64_t rip, unsigned cpl)
{
	struct cpu *cpu = fixture.cpu;

	start_protected((uint32_t)rip, cpl);
	ram_put64(0x100000, 0x101007);
	ram_put64(0x101000, 0x102007);
	ram_put64(0x102000, 0x87);
	cpu->cr3 = 0x100000;
	cpu->cr4 = CPU_CR4_PAE;
	cpu->efer = CPU_EFER_LME | CPU_EFER_LMA | CPU_EFER_SCE;
	cpu->cr0 |= CPU_CR0_PG;
	cpu->segment[CPU_CS].attributes = (uint16_t)((cpu->segment[CPU_CS].attributes & ~CPU_SEGMENT_DB) |
		CPU_SEGMENT_L);
	cpu_mode_update(cpu);
}

static void smi_run(void)
{
	cpu_request(fixture.cpu, CPU_REQUEST_SMI);
	/* RSM */
	CODE(ENTRY, 0x0f, 0xaa);
}

/* All that 64-bit code has goes out and comes back, upper halves too. */
START_TEST(round_trip)
{
	struct cpu *cpu = fixture.cpu, before;

	long_start(0x10000, _i ? 3 : 0);
	for (unsigned i = 0; i < 16; i++)
		if (i != CPU_RSP)
			cpu->gpr[i] = 0x1122334455667700ull * (i + 1) + i;
	cpu->segment[CPU_FS].base = 0x7fff12345678ull;
	cpu->segment[CPU_GS].base = 0xffff888000001000ull;
	cpu->tr.base = 0xfffffe0000003000ull;
	cpu->gdtr.base = 0xfffffe0000001000ull;
	cpu->idtr.base = 0xfffffe0000000000ull;
	cpu_mode_update(cpu);
	before = *cpu;
	CODE(0x10000, 0x90, 0x90, 0x90);
	smi_run();
	ck_assert_int_eq(cpu_run(cpu, 2), CPU_EXIT_BUDGET);
	ck_assert(!cpu->in_smm);
	ck_assert_uint_eq(cpu->rip, 0x10001);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_uint_eq(cpu->gpr[i], before.gpr[i]);
	ck_assert_uint_eq(cpu->efer, before.efer);
	ck_assert_uint_eq(cpu->cr0, before.cr0);
	ck_assert_uint_eq(cpu->cr3, before.cr3);
	ck_assert_uint_eq(cpu->cr4, before.cr4);
	ck_assert_uint_eq(cpu->cpl, before.cpl);
	for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
		ck_assert_uint_eq(cpu->segment[i].selector, before.segment[i].selector);
		ck_assert_uint_eq(cpu->segment[i].attributes, before.segment[i].attributes);
		ck_assert_uint_eq(cpu->segment[i].base, before.segment[i].base);
	}
	ck_assert_uint_eq(cpu->tr.base, before.tr.base);
	ck_assert_uint_eq(cpu->gdtr.base, before.gdtr.base);
	ck_assert_uint_eq(cpu->idtr.base, before.idtr.base);
	ck_assert(cpu_code64(cpu));
}
END_TEST

/* Where the fields are, and what the handler runs in. */
START_TEST(map_documented)
{
	static const struct {
		uint32_t at, size;
		uint64_t value;
	} rows[] = {
		{ 0xfe12, 2, 0xa09b }, /* CS attributes */
		{ 0xfe48, 8, 0x7fff12345678ull }, { 0xfed0, 8, CPU_EFER_LME | CPU_EFER_LMA | CPU_EFER_SCE },
		{ 0xfefc, 4, 0x00030064 }, { 0xff00, 4, 0x30000 }, { 0xff48, 8, CPU_CR4_PAE }, { 0xff50, 8, 0x100000 },
		{ 0xff78, 8, 0x10000 }, { 0xffb8, 8, 0x8888888812345678ull }, /* R8 */
		{ 0xfff8, 8, 0xaaaaaaaa55555555ull },                         /* RAX */
	};
	struct cpu *cpu = fixture.cpu;

	long_start(0x10000, 0);
	cpu->segment[CPU_FS].base = 0x7fff12345678ull;
	cpu->segment[CPU_CS].attributes = 0xa09b;
	cpu->gpr[CPU_RAX] = 0xaaaaaaaa55555555ull;
	cpu->gpr[8] = 0x8888888812345678ull;
	cpu_request(cpu, CPU_REQUEST_SMI);
	CODE(ENTRY, 0xf4);
	ck_assert_int_eq(run_for(5), CPU_EXIT_HALT);
	ck_assert(cpu->in_smm && !cpu_code64(cpu) && cpu->efer == 0 && !(cpu->cr0 & (CPU_CR0_PE | CPU_CR0_PG)));
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t value = 0;

		memcpy(&value, fixture.ram + MAP(rows[i].at), rows[i].size);
		ck_assert_msg(value == rows[i].value, "%x is %llx, not %llx", rows[i].at, (unsigned long long)value,
			(unsigned long long)rows[i].value);
	}
}
END_TEST

/* A state that no processor can be in shuts it down (SDM vol. 3C, 34.4.2). */
START_TEST(invalid_state)
{
	static const struct {
		uint32_t at;
		uint64_t value;
	} rows[] = {
		{ 0xff58, 0x80000010 }, /* CR0.PG without PE */
		{ 0xff58, 0x20000011 }, /* NW without CD */
		{ 0xff48, CPU_CR4_PAE | 1ull << 40 },
		{ 0xff48, 0 },            /* LMA without PAE */
		{ 0xfed0, CPU_EFER_LMA }, /* without LME */
		{ 0xfed0, CPU_EFER_LME }, /* paging, so LMA is missing */
		{ 0xfed0, CPU_EFER_LME | CPU_EFER_LMA | 1 << 20 },
		{ 0xff50, 1ull << 52 },
	};

	long_start(0x10000, 0);
	cpu_request(fixture.cpu, CPU_REQUEST_SMI);
	CODE(ENTRY, 0xf4, 0x0f, 0xaa);
	ck_assert_int_eq(run_for(5), CPU_EXIT_HALT);
	ram_put64(MAP(rows[_i].at), rows[_i].value);
	fixture.cpu->halted = false;
	ck_assert_int_eq(cpu_run(fixture.cpu, 5), CPU_EXIT_SHUTDOWN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("SMM, 64 bits");
	TCase *tcase = tcase_create("smm");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	tcase_add_loop_test(tcase, round_trip, 0, 2);
	tcase_add_test(tcase, map_documented);
	tcase_add_loop_test(tcase, invalid_state, 0, 8);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
