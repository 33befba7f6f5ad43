/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Fetching instructions: limits, pages that end, are missing, change or are a device's (SDM vol. 3A, 5.3, 5.3.1 and
 * 8.1.3); and making a CPU.
 */
#include <errno.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/thunk.h"
#include "vmm/cpu/tlb.h"

#define CODE_AT  0x10000u
#define EDGE     0x20000u /* a page boundary */
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes beyond the limit of CS, or the end of the lower canonical half: #GP(0) at the instruction that needs them. */
START_TEST(limits)
{
	static const struct {
		uint8_t code[16];
		uint32_t limit; /* of CS, from CODE_AT */
		unsigned vector, at;
		uint32_t eax;
	} rows[] = {
		{ { 0x40, 0x40, 0xf4 }, 2, 0, 3, 2 },
		{ { 0x40, 0x40, 0xf4 }, 1, CPU_GP, 2, 2 },
		{ { 0x40, 0xb8, 5, 0, 0, 0, 0xf4 }, 4, CPU_GP, 1, 1 },
		{ { 0x40, 0xb8, 5, 0, 0, 0, 0xf4 }, 5, CPU_GP, 6, 5 },
		{ { 0x40, 0xb8, 5, 0, 0, 0, 0xf4 }, 6, 0, 7, 5 },
		/* over 15 bytes */
		{ { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x40 },
			99, CPU_GP, 0, 0 },
		{ { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x40, 0xf4 },
			99, 0, 16, 1 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		ram_put(CODE_AT, rows[i].code, 16);
		cpu->segment[CPU_CS].limit = CODE_AT + rows[i].limit;
		cpu->gpr[CPU_RAX] = 0;
		ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
		ck_assert_msg(cpu->rip == (rows[i].vector ? HANDLER(CPU_GP) + 1 : CODE_AT + rows[i].at), "row %u: %llx",
			i, (unsigned long long)cpu->rip);
		ck_assert_uint_eq(reg(CPU_RAX), rows[i].eax);
		if (!rows[i].vector)
			continue;
		ck_assert_uint_eq(frame32(0), 0);
		ck_assert_msg(frame32(1) == CODE_AT + rows[i].at, "row %u: EIP %x", i, frame32(1));
	}
}
END_TEST

/* The same code under a limit that shrank: what is cached of it does not count. */
START_TEST(limit_that_shrinks)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0x40, 0x40, 0xeb, 0xfb);
	ck_assert_int_eq(run_for(8), CPU_EXIT_BUDGET);
	cpu->segment[CPU_CS].limit = CODE_AT + 1;
	cpu->rip = CODE_AT;
	cpu->gpr[CPU_RAX] = 0;
	expect_vector(CPU_GP);
	ck_assert_uint_eq(reg(CPU_RAX), 2);
	ck_assert_uint_eq(frame32(1), CODE_AT + 2);
}
END_TEST

/* 64-bit code runs into the end of the lower half, or wraps from the upper to address 0. */
START_TEST(canonical_ends)
{
	struct cpu *cpu = fixture.cpu;

	start_long(0x7ffffffffffe, 0);
	/* Its last page is that at CODE_AT. */
	ram_put64(PML4_AT + 255 * 8, 0x110007);
	ram_put64(0x110000 + 511 * 8, 0x111007);
	ram_put64(0x111000 + 511 * 8, 0x112007);
	ram_put64(0x112000 + 511 * 8, CODE_AT | 7);
	CODE(CODE_AT + 0xffe, 0x90, 0x90);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame64(0), 0);
	ck_assert_uint_eq(frame64(1), 0x800000000000);

	start_long(0x7ffffffffffe, 0);
	CODE(CODE_AT + 0xffe, 0x90, 0xb8); /* an operand that is not there */
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame64(1), 0x7fffffffffff);

	start_long(0xffffffffffffffff, 0);
	ram_put64(PML4_AT + 511 * 8, 0x110007);
	CODE(CODE_AT + 0xfff, 0x90);
	CODE(0, 0xf4);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, 1);
}
END_TEST

/* MOV EAX,imm32 across a page: the second is missing, forbidden, changes, is another frame, is a device's. */
START_TEST(across_pages)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
		cpu_reset(cpu, false);
		start_protected(EDGE - 4, cpl);
		paging_on(7);
		CODE(EDGE - 4, 0x43, 0xb8, 1, 2);
		CODE(EDGE, 3, 4, 0xeb, 0xf8);
		pte_put(EDGE, cpl ? EDGE | 3 : 0);
		expect_vector(CPU_PF);
		ck_assert_uint_eq(cpu->cr2, EDGE);
		ck_assert_uint_eq(frame32(0), cpl ? 5 : 0); /* there is no NX: no fetch bit */
		ck_assert_uint_eq(frame32(1), EDGE - 3);
		ck_assert_uint_eq(reg(CPU_RBX), 1);
		/* there */
		cpu->halted = false;
		cpu->rip = EDGE - 3;
		pte_put(EDGE, EDGE | 7);
		ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), 0x04030201);
		/* other bytes, in the second page and in the first; as a device writes them */
		ram_put8(EDGE, 0x33);
		ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), 0x04330201);
		ram_put8(EDGE - 1, 0x22);
		ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), 0x04332201);
		/* bytes elsewhere on these pages change nothing */
		ram_put8(EDGE + 0x800, 0x33);
		ram_put8(EDGE - 0x800, 0x33);
		ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), 0x04332201);
		/* another frame */
		CODE(EDGE + 0x5000, 0x55, 0x44, 0xeb, 0xf8);
		pte_put(EDGE, (EDGE + 0x5000) | 7);
		ck_assert_int_eq(run_for(20), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), 0x44552201);
		/* a device's, which is read */
		fixture.mmio_value = 0x9090909090902211;
		pte_put(EDGE, MMIO_BASE | 7);
		cpu->rip = EDGE - 3;
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), 0x22112201);
		ck_assert_uint_eq(cpu->rip, EDGE + 2);
		ck_assert(fixture.mmio_reads > 0);
		pte_put(EDGE, 0);
		cpu->rip = EDGE - 4;
		expect_vector(CPU_PF);
		ck_assert_uint_eq(cpu->cr2, EDGE);
	}
}
END_TEST

/* From a device's page one instruction at a time is read, and none is kept. */
START_TEST(device_code)
{
	struct cpu *cpu = fixture.cpu;
	unsigned reads;

	start_protected(MMIO_BASE, 0);
	fixture.mmio_value = 0xfeeb404040404040; /* the same eight bytes at every address */
	ck_assert_int_eq(run_for(3), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RAX), 3);
	ck_assert_uint_eq(cpu->rip, MMIO_BASE + 3);
	reads = fixture.mmio_reads;
	cpu->rip = MMIO_BASE;
	fixture.mmio_value = 0x4343434343434343;
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RAX), 3);
	ck_assert_uint_eq(reg(CPU_RBX), 2);
	ck_assert(fixture.mmio_reads > reads);
	/* Nothing is there: all ones, FF /7, which is none. */
	cpu->rip = 0xe0000000;
	expect_vector(CPU_UD);
	ck_assert_uint_eq(frame32(0), 0xe0000000);
	/* Up to the limit. */
	cpu_reset(cpu, false);
	start_protected(MMIO_BASE + 0x10, 0);
	cpu->segment[CPU_CS].limit = MMIO_BASE + 0x11;
	fixture.mmio_value = 0xb8b8b8b8b8b8b8b8;
	idt_put(CPU_GP, gate_make(FREE_SEL, HANDLER(CPU_GP), 0x8e, 0));
	gdt_put(FREE_SEL, descriptor_make(0, ~0u, 0xc09b));
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(1), MMIO_BASE + 0x10);
}
END_TEST

/* More code than the cache of blocks has room for: it starts over, and what ran first runs as before. */
START_TEST(much_code)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned round = 0; round < 3; round++) {
		cpu_reset(cpu, false);
		start_protected(EDGE, 0);
		cpu->gpr[CPU_RAX] = 0;
		memset(fixture.ram + EDGE, 0x40, 0x200000);
		ram_put8(EDGE + 0x200000, 0xf4);
		for (unsigned page = EDGE; page < EDGE + 0x200000; page += 0x1000)
			ram_put8(page, 0x40);
		ck_assert_int_eq(run_for(0x300000), CPU_EXIT_HALT);
		ck_assert_uint_eq(reg(CPU_RAX), 0x200000);
	}
}
END_TEST

/* ---- making a CPU ---- */

START_TEST(creation)
{
	struct cpu_config config = { .bus = fixture.cpu->bus };
	struct cpu *cpu = NULL;
	uint32_t id[4];

	config.model = "8086";
	ck_assert_int_eq(cpu_create(&config, &cpu), -EINVAL);
	ck_assert_ptr_null(cpu);
	cpu_destroy(NULL);
	config.model = "core2";
	config.index = 1;
	config.count = 2;
	config.tsc_hz = 2000000000;
	config.physical_address_bits = 39;
	config.apic = true;
	config.thunks = thunks_create();
	ck_assert_int_eq(cpu_create(&config, &cpu), 0);
	thunks_unref(config.thunks);
	/* An application processor waits; RDX has CPUID's signature (table 9-1). */
	ck_assert(cpu->wait_sipi);
	ck_assert_int_eq(cpu_run(cpu, 10), CPU_EXIT_HALT);
	cpu_cpuid(cpu, 1, 0, id);
	ck_assert_uint_eq(cpu->gpr[CPU_RDX], id[0]);
	ck_assert_uint_eq(id[1] >> 24, 1);
	cpu_cpuid(cpu, 0x80000008, 0, id);
	ck_assert_uint_eq(id[0] & 0xff, 39);
	fixture.clock = 5;
	ck_assert_uint_eq(cpu_tsc(cpu), 10);
	/* INIT keeps MSRs, the FPU and CR0's cache bits (table 9-1). */
	cpu->wait_sipi = false;
	cpu->pat = 6;
	cpu->cr0 = CPU_CR0_PE | CPU_CR0_CD;
	cpu->fx.mxcsr = 0x1fa0;
	cpu_reset(cpu, true);
	ck_assert(cpu->wait_sipi);
	ck_assert_uint_eq(cpu->pat, 6);
	ck_assert_uint_eq(cpu->cr0, CPU_CR0_CD | CPU_CR0_ET);
	ck_assert_uint_eq(cpu->fx.mxcsr, 0x1fa0);
	cpu_reset(cpu, false);
	ck_assert_uint_eq(cpu->pat, 0x0007040600070406);
	ck_assert_uint_eq(cpu->cr0, 0x60000010);
	cpu_destroy(cpu);
}
END_TEST

SUITE("cpu fetch", limits, limit_that_shrinks, canonical_ends, across_pages, device_code, much_code, creation)
