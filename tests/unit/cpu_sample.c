/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where a CPU says that it is when it is asked in the middle of a known program, on both tiers.
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/sample.h"
#include "vmm/translate/translate.h"

static struct cpu_sample last;
static unsigned taken, asked, ask_at;

static void sample_keep(void *self, const struct cpu_sample *sample)
{
	(void)self;
	last = *sample;
	taken++;
}

/* The program says where it wants to be seen by reading from a device, which ends no block. */
static int read_ask(void *self, uint64_t physical, void *data, unsigned size)
{
	(void)self;
	memset(data, 0, size);
	if (physical == MMIO_BASE && ++asked == ask_at)
		cpu_request(fixture.cpu, CPU_REQUEST_SAMPLE);
	return 0;
}

#define MAIN_AT  0x5000u
#define BACK_AT  0x5008u /* behind its call */
#define OUTER_AT 0x5100u
#define LEAF_AT  0x5200u

static void setup(unsigned depth, bool translate)
{
	/* _start: xor %ebp,%ebp; inc %esi; call outer; cmp $100,%esi; jb _start+2; hlt */
	CODE(MAIN_AT, 0x31, 0xed, 0x46, 0xe8, 0xf8, 0, 0, 0, 0x83, 0xfe, 100, 0x72, 0xf5, 0xf4);
	/* outer: push %ebp; mov %esp,%ebp; call leaf; pop %ebp; ret */
	CODE(OUTER_AT, 0x55, 0x89, 0xe5, 0xe8, 0xf8, 0, 0, 0, 0x5d, 0xc3);
	/* leaf: mov MMIO_BASE,%al; nop; ret */
	CODE(LEAF_AT, 0xa0, 0, 0, 0, MMIO_BASE >> 24, 0x90, 0xc3);
	start_protected(MAIN_AT, 0);
	fixture.cpu->gpr[CPU_RSI] = 0;
	fixture.cpu->bus.sample = sample_keep;
	fixture.cpu->bus.read = read_ask;
	fixture.cpu->halted = false;
	fixture.cpu->sample_depth = (uint8_t)depth;
	if (translate && !fixture.cpu->translator)
		ck_assert_int_eq(translator_t1_create(fixture.cpu, 4u << 20, 2, 0, true), 0);
	taken = asked = 0;
}

static void run_to(unsigned call)
{
	ask_at = call;
	ck_assert_int_eq(cpu_run(fixture.cpu, 100000), CPU_EXIT_HALT);
	ck_assert_uint_eq(asked, 100);
	ck_assert_uint_eq(taken, 1);
	ck_assert(!(fixture.cpu->request & CPU_REQUEST_SAMPLE));
}

static void callers_check(bool translate)
{
	setup(8, translate);
	run_to(80);
	/* in the leaf, which has no frame, but was about to return */
	ck_assert_uint_ge(last.address[0], LEAF_AT);
	ck_assert_uint_le(last.address[0], LEAF_AT + 6);
	ck_assert_uint_eq(last.bits, 32);
	ck_assert(!last.user);
	ck_assert_uint_eq(last.count, 2);
	ck_assert_uint_eq(last.address[1], OUTER_AT + 8);
}

START_TEST(sees_callers_t0)
{
	callers_check(false);
}
END_TEST

START_TEST(sees_callers_t1)
{
	callers_check(true);
}
END_TEST

/* With a frame above the leaf's caller that is not the outermost. */
START_TEST(walks_frames)
{
	for (unsigned depth = 1; depth < 5; depth++) {
		setup(depth, depth > 2);
		/* a caller of _start, that left its frame */
		ram_put32(0x6f00, 0x6f40);
		ram_put32(0x6f04, 0x1234);
		ram_put32(0x6f40, 0);
		ram_put32(0x6f44, 0x5678);
		CODE(MAIN_AT, 0x90, 0x90); /* EBP stays */
		fixture.cpu->gpr[CPU_RBP] = 0x6f00;
		fixture.cpu->gpr[CPU_RSP] = 0x6e00;
		run_to(50);
		ck_assert_uint_eq(last.count, depth < 4 ? depth : 4);
		if (depth > 1)
			ck_assert_uint_eq(last.address[1], OUTER_AT + 8);
		if (depth > 2)
			ck_assert_uint_eq(last.address[2], BACK_AT);
		if (depth > 3)
			ck_assert_uint_eq(last.address[3], 0x1234);
	}
}
END_TEST

/* Whatever EBP is: nothing is mapped there, or it leads round in a circle, or down. */
START_TEST(survives_any_frame)
{
	static const uint32_t frames[] = { 0, 1, 0x6e02, 0xfffffffc, 0xfffffff8, 0x7000, 0x6e10, MMIO_BASE,
		RAM_SIZE - 4 };

	for (unsigned i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		setup(SAMPLE_FRAMES, false);
		CODE(MAIN_AT, 0x90, 0x90);
		ram_put32(0x6e10, 0x6e10);
		ram_put32(0x6e14, 0x1111);
		ram_put32(0x7000, 0x6e10);
		ram_put32(0x7004, 0x2222);
		fixture.cpu->gpr[CPU_RBP] = frames[i];
		fixture.cpu->gpr[CPU_RSP] = 0x6e00;
		run_to(7);
		ck_assert_uint_ge(last.count, 2);
		ck_assert_uint_le(last.count, 4);
		ck_assert_uint_eq(last.address[1], OUTER_AT + 8);
	}
}
END_TEST

/* Up to the limit, and no further. */
START_TEST(stops_at_the_depth)
{
	setup(255, true);
	CODE(MAIN_AT, 0x90, 0x90);
	for (uint32_t at = 0x6000; at < 0x6fc0; at += 16) {
		ram_put32(at, at + 16);
		ram_put32(at + 4, 0x4321);
	}
	fixture.cpu->gpr[CPU_RBP] = 0x6000;
	fixture.cpu->gpr[CPU_RSP] = 0x5f00;
	run_to(60);
	ck_assert_uint_eq(last.count, SAMPLE_FRAMES);
	ck_assert_uint_eq(last.address[SAMPLE_FRAMES - 1], 0x4321);
}
END_TEST

/* Nobody listens: the request goes away all the same, and the program runs on. */
START_TEST(needs_no_listener)
{
	setup(1, true);
	fixture.cpu->bus.sample = NULL;
	ask_at = 9;
	ck_assert_int_eq(cpu_run(fixture.cpu, 100000), CPU_EXIT_HALT);
	ck_assert_uint_eq(asked, 100);
	ck_assert(!(fixture.cpu->request & CPU_REQUEST_SAMPLE));
}
END_TEST

SUITE("sample", sees_callers_t0, sees_callers_t1, walks_frames, survives_any_frame, stops_at_the_depth,
	needs_no_listener)
