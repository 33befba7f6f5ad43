/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the engine counts: instructions by opcode, and the exits of a program whose course is known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/decode.h"
#include "vmm/translate/statistics.h"
#include "vmm/translate/translate.h"

#define ROWS 64u

static struct row {
	char group[32], name[40];
	uint64_t value;
} rows[ROWS];
static unsigned row_count;

static void row_add(void *self, const char *group, const char *name, uint64_t value)
{
	(void)self;
	ck_assert_uint_lt(row_count, ROWS);
	snprintf(rows[row_count].group, sizeof(rows[0].group), "%s", group);
	snprintf(rows[row_count].name, sizeof(rows[0].name), "%s", name);
	rows[row_count++].value = value;
}

static uint64_t row_get(const char *group, const char *name)
{
	for (unsigned i = 0; i < row_count; i++)
		if (!strcmp(rows[i].group, group) && !strcmp(rows[i].name, name))
			return rows[i].value;
	ck_abort_msg("there is no counter %s of %s", name, group);
}

static void rows_take(void)
{
	row_count = 0;
	cpu_statistics(fixture.cpu, row_add, NULL);
}

START_TEST(names_opcodes)
{
	static const struct {
		const char *text;
		uint8_t bytes[8];
	} known[] = {
		{ "0f a2", { 0x0f, 0xa2 } },
		{ "f3 a4", { 0xf3, 0xa4 } },
		{ "f2 a6", { 0xf2, 0xa6 } },
		{ "8b", { 0x8b, 0x18 } },
		{ "8b", { 0x66, 0x8b, 0x18 } },
		{ "ff /2", { 0xff, 0xd0 } },
		{ "0f 01 /7", { 0x0f, 0x01, 0x38 } },
		{ "66 0f 6f", { 0x66, 0x0f, 0x6f, 0x00 } },
		{ "f3 0f 6f", { 0xf3, 0x0f, 0x6f, 0x00 } },
		{ "0f38 00", { 0x0f, 0x38, 0x00, 0x00 } },
		{ "66 0f3a 0f", { 0x66, 0x0f, 0x3a, 0x0f, 0xc1, 1 } },
		{ "vex 0f 58", { 0xc5, 0xf8, 0x58, 0xc1 } },
	};

	start_protected(0x5000, 0);
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char text[T1_OPCODE_TEXT];
		struct insn insn;

		ck_assert_int_gt(insn_decode(fixture.cpu, known[i].bytes, sizeof(known[i].bytes), 0, &insn), 0);
		t1_opcode_text(&insn, text);
		ck_assert_str_eq(text, known[i].text);
	}
}
END_TEST

START_TEST(ranks_opcodes)
{
	struct t1_statistics *statistics = calloc(1, sizeof(*statistics));
	uint64_t sum = 0;

	ck_assert_ptr_nonnull(statistics);
	/* more kinds than there is room for: all are counted, by name or as lost */
	for (unsigned opcode = 0; opcode < 3 * T1_OPCODES; opcode++) {
		const struct insn insn = { .opcode = (uint16_t)(0x300 + opcode) };

		for (unsigned times = 0; times <= opcode % 7; times++, sum++)
			t1_count_opcode(statistics, &insn);
	}
	row_count = 0;
	t1_opcodes_top(statistics, 10, "top", row_add, NULL);
	ck_assert_uint_eq(row_count, 10);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(rows[i].value, 7);
	for (unsigned i = 0; i < T1_OPCODES; i++)
		sum -= statistics->opcodes[i].count;
	ck_assert_uint_gt(sum, 0);
	ck_assert_uint_eq(sum, statistics->opcodes_lost);
	free(statistics);
}
END_TEST

/* mov $count, %esi; 1: rdtsc; dec %esi; jnz 1b; hlt */
static void program_run(uint8_t count)
{
	CODE(0x5000, 0xbe, count, 0, 0, 0, 0x0f, 0x31, 0x4e, 0x75, 0xfb, 0xf4);
	start_protected(0x5000, 0);
	ck_assert_int_eq(cpu_run(fixture.cpu, 100000), CPU_EXIT_HALT);
}

START_TEST(counts_a_run)
{
	ck_assert_int_eq(translator_t1_create(fixture.cpu, 4u << 20, 2, 0, true), 0);
	rows_take();
	uint64_t emptied = row_get("translator", "cache_emptied");
	program_run(200);
	rows_take();
	uint64_t rdtsc = row_get("interpreted", "0f 31"),
		 beside = row_get("interpreter", "blocks_run_beside_translator");
	/* the loop is a block, and was T0's until it was hot */
	ck_assert_uint_ge(rdtsc, 190);
	ck_assert_uint_le(rdtsc + beside, 210);
	ck_assert_uint_ge(row_get("exits", "interpreted"), rdtsc);
	ck_assert_uint_ge(row_get("translator", "blocks_translated"), 1);
	ck_assert_uint_ge(row_get("translator", "bytes_translated"), 20);
	ck_assert_uint_gt(row_get("translator", "code_bytes_used"), row_get("translator", "bytes_translated"));
	ck_assert_uint_lt(row_get("translator", "code_bytes_used"), row_get("translator", "code_bytes"));
	ck_assert_uint_ge(row_get("translator", "links_made"), 1);
	ck_assert_uint_eq(row_get("translator", "cache_emptied"), emptied);
	ck_assert_uint_ge(row_get("interpreter", "blocks_decoded"), 2);
	ck_assert_uint_eq(row_get("translator", "blocks_discarded"), 0);
	ck_assert_uint_eq(row_get("interpreter", "blocks_discarded"), 0);
	/* a byte before the loop changes: one block is another, and what was made of its page's others is made anew */
	fixture.cpu->halted = false;
	program_run(201);
	rows_take();
	ck_assert_uint_ge(row_get("interpreted", "0f 31"), rdtsc + 190);
	ck_assert_uint_ge(row_get("translator", "blocks_discarded"), 1);
	ck_assert_uint_eq(row_get("interpreter", "blocks_discarded"), 1);
}
END_TEST

/* fninit; mov $200, %esi; 1: paddd %mm0, %mm1; emms; dec %esi; jnz 1b; hlt: nothing of the loop is T0's */
START_TEST(runs_mmx_natively)
{
	ck_assert_int_eq(translator_t1_create(fixture.cpu, 4u << 20, 2, 0, true), 0);
	CODE(0x5000, 0xdb, 0xe3, 0xbe, 200, 0, 0, 0, 0x0f, 0xfe, 0xc8, 0x0f, 0x77, 0x4e, 0x75, 0xf8, 0xf4);
	start_protected(0x5000, 0);
	ck_assert_int_eq(cpu_run(fixture.cpu, 100000), CPU_EXIT_HALT);
	rows_take();
	ck_assert_uint_ge(row_get("exits", "x87_loads"), 1);
	for (unsigned i = 0; i < row_count; i++)
		if (!strcmp(rows[i].group, "interpreted"))
			ck_assert_uint_lt(rows[i].value, 10);
}
END_TEST

START_TEST(counts_without_a_translator)
{
	program_run(200);
	rows_take();
	for (unsigned i = 0; i < row_count; i++)
		ck_assert(!strcmp(rows[i].group, "interpreter") || !strcmp(rows[i].group, "tlb"));
	ck_assert_uint_ge(row_get("interpreter", "blocks_decoded"), 2);
	ck_assert_uint_gt(row_get("interpreter", "cache_bytes_used"), 0);
	uint64_t all = row_get("tlb", "flushes_of_all");
	fixture.cpu->cr3 = 0;
	cpu_reset(fixture.cpu, false);
	rows_take();
	ck_assert_uint_eq(row_get("tlb", "flushes_of_all"), all + 1);
}
END_TEST

SUITE("statistics", names_opcodes, ranks_opcodes, counts_a_run, runs_mmx_natively, counts_without_a_translator)
