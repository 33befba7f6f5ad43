/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Model-specific registers (SDM vol. 4; the local APIC's: vol. 3A, 10.4.4, 10.5.4.1 and 10.12): which processor has
 * which, and what each takes.  RDMSR and WRMSR raise #GP(0) for what is not there, for reserved bits and above CPL 0.
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/apic.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"

#define CODE_AT   0x10000u
#define NOT_CANON 0x0000800000000000u
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))

enum result { FINE, FAULTS };

/* Run the instruction at CODE_AT, with the MSR in ECX and a value in EDX:EAX.  Leaves the vector, or 0 if there was
 * none; an error code is checked to be zero, and the frame to be the instruction's own. */
static unsigned run_one(uint32_t msr, uint64_t value)
{
	struct cpu *cpu = fixture.cpu;

	cpu->halted = false;
	cpu->gpr[CPU_RCX] = msr;
	cpu->gpr[CPU_RAX] = (uint32_t)value;
	cpu->gpr[CPU_RDX] = value >> 32;
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	if (cpu->rip == HANDLER(CPU_UD) + 1)
		return CPU_UD;
	if (cpu->rip != HANDLER(CPU_GP) + 1)
		return 0;
	ck_assert_uint_eq(frame32(0), 0);
	ck_assert_uint_eq(frame32(1), CODE_AT);
	ck_assert_uint_eq(reg(CPU_RAX), (uint32_t)value);
	ck_assert_uint_eq(reg(CPU_RDX), value >> 32);
	return CPU_GP;
}

static unsigned msr_write(uint32_t msr, uint64_t value)
{
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x30, 0xf4);
	return run_one(msr, value);
}

static unsigned msr_read(uint32_t msr, uint64_t *value)
{
	unsigned vector;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x32, 0xf4);
	vector = run_one(msr, 0xa5a5a5a55a5a5a5a);
	*value = reg(CPU_RDX) << 32 | reg(CPU_RAX);
	return vector;
}

static uint64_t msr_get(uint32_t msr)
{
	uint64_t value;

	ck_assert_msg(msr_read(msr, &value) == 0, "MSR %x", msr);
	return value;
}

/* Reading, by model (SDM vol. 4, tables 2-2, 2-20 and following: "where introduced"). */
START_TEST(present)
{
	enum { P5 = 1, P3 = 2, P4 = 4, CORE2 = 8, V1 = 16, HOST = 32, P6 = P3 | P4 | CORE2 | V1 | HOST, ALL = P5 | P6 };
	static const char *const models[] = { "pentium", "pentium3", "pentium4", "core2", "x86-64-v1", "host" };
	static const struct {
		uint32_t msr;
		unsigned models;
	} rows[] = {
		{ 0x0, ALL },
		{ 0x1, ALL },   /* P5_MC_ADDR, P5_MC_TYPE */
		{ 0x10, ALL },  /* TSC */
		{ 0x17, P6 },   /* PLATFORM_ID */
		{ 0x1b, P6 },   /* APIC_BASE: the Pentium's APIC has none */
		{ 0x3b, HOST }, /* TSC_ADJUST */
		{ 0x48, HOST }, /* SPEC_CTRL */
		{ 0x49, 0 },    /* PRED_CMD: write-only */
		{ 0x79, 0 },    /* BIOS_UPDT_TRIG: write-only */
		{ 0x8b, P6 },   /* BIOS_SIGN_ID */
		{ 0xc1, P6 & ~P4 },
		{ 0xc2, P6 & ~P4 }, /* PERFCTR; the Pentium 4's are elsewhere */
		{ 0xc3, 0 },
		{ 0xfe, P6 },    /* MTRRCAP */
		{ 0x10a, HOST }, /* ARCH_CAPABILITIES */
		{ 0x174, P6 },
		{ 0x175, P6 },
		{ 0x176, P6 },
		{ 0x179, P6 },
		{ 0x17a, P6 }, /* MCG_CAP, MCG_STATUS */
		{ 0x17b, 0 },  /* MCG_CTL: MCG_CAP says no */
		{ 0x186, P6 & ~P4 },
		{ 0x187, P6 & ~P4 },
		{ 0x188, 0 },
		{ 0x1a0, P6 & ~P3 }, /* MISC_ENABLE: since the Pentium M (06_0DH) */
		{ 0x1d9, P6 },       /* DEBUGCTL */
		{ 0x1ff, 0 },
		{ 0x200, P6 },
		{ 0x20f, P6 },
		{ 0x210, 0 },
		{ 0x24f, 0 },
		{ 0x250, P6 },
		{ 0x251, 0 },
		{ 0x257, 0 },
		{ 0x258, P6 },
		{ 0x259, P6 },
		{ 0x25a, 0 },
		{ 0x267, 0 },
		{ 0x268, P6 },
		{ 0x26f, P6 },
		{ 0x270, 0 },
		{ 0x277, P6 }, /* PAT */
		{ 0x2ff, P6 },
		{ 0x3ff, 0 },
		{ 0x400, P6 },
		{ 0x40f, P6 },
		{ 0x410, 0 },
		{ 0x6e0, V1 | HOST }, /* TSC_DEADLINE */
		{ 0x7ff, 0 },
		{ 0x802, 0 },
		{ 0x83f, 0 },
		{ 0x840, 0 },                      /* not in x2APIC mode */
		{ 0xc0000080, CORE2 | V1 | HOST }, /* EFER */
		{ 0xc0000081, CORE2 | V1 | HOST },
		{ 0xc0000082, CORE2 | V1 | HOST },
		{ 0xc0000083, CORE2 | V1 | HOST },
		{ 0xc0000084, CORE2 | V1 | HOST },
		{ 0xc0000085, 0 },
		{ 0xc0000100, CORE2 | V1 | HOST },
		{ 0xc0000101, CORE2 | V1 | HOST },
		{ 0xc0000102, CORE2 | V1 | HOST },
		{ 0xc0000103, V1 | HOST }, /* TSC_AUX, with RDTSCP */
		{ 0xc0000104, 0 },
	};

	for (unsigned m = 0; m < ARRAY(models); m++) {
		fixture_remake(models[m], true);
		for (unsigned i = 0; i < ARRAY(rows); i++) {
			unsigned wanted = rows[i].models >> m & 1 ? 0 : CPU_GP, vector;
			uint64_t value;

			vector = msr_read(rows[i].msr, &value);
			ck_assert_msg(vector == wanted, "%s, RDMSR %x: vector %u", models[m], rows[i].msr, vector);
			/* What can be read takes its value back, but for what is read-only. */
			if (rows[i].msr == 0xfe || rows[i].msr == 0x17 || rows[i].msr == 0x10a || rows[i].msr == 0x179)
				wanted = CPU_GP;
			if (rows[i].msr == 0x79)
				wanted = strlen(models[m]) > 7 || models[m][0] == 'h' || models[m][0] == 'c' ? 0
													     : CPU_GP;
			vector = msr_write(rows[i].msr, value);
			ck_assert_msg(vector == wanted, "%s, WRMSR %x: vector %u", models[m], rows[i].msr, vector);
		}
	}
}
END_TEST

/* CPUID.1:EDX announces RDMSR, RDTSC; the 486 has neither.  RDPMC is of the P6 (and not where family 15 is). */
START_TEST(absent_instructions)
{
	static const struct {
		const char *model;
		uint8_t opcode;
		unsigned vector;
	} rows[] = { { "486", 0x30, CPU_UD }, { "486", 0x31, CPU_UD }, { "486", 0x32, CPU_UD }, { "486", 0x33, CPU_UD },
		{ "pentium", 0x31, 0 }, { "pentium", 0x33, CPU_UD }, { "pentium3", 0x33, 0 }, { "core2", 0x33, 0 } };

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		fixture_remake(rows[i].model, false);
		start_protected(CODE_AT, 0);
		CODE(CODE_AT, 0x0f, rows[i].opcode, 0xf4);
		unsigned vector = run_one(0, 0);

		ck_assert_msg(vector == rows[i].vector, "row %u: vector %u", i, vector);
	}
}
END_TEST

/* What WRMSR takes, and what RDMSR then reads.  A refused value changes nothing. */
START_TEST(values)
{
	static const struct {
		uint32_t msr;
		uint64_t value, back;
		enum result result;
	} rows[] = {
		{ 0x10, 0x123456789abcdef0, 0x123456789abcdef0, FINE },
		{ 0x174, 0xffffffff, 0xffffffff, FINE },
		{ 0x175, 0xffff800000000000, 0xffff800000000000, FINE },
		{ 0x175, NOT_CANON, 0xffff800000000000, FAULTS },
		{ 0x176, 0x00007fffffffffff, 0x00007fffffffffff, FINE },
		{ 0x176, 0xffff7fffffffffff, 0x00007fffffffffff, FAULTS },
		{ 0x8b, 0, 0, FINE },
		{ 0x17a, 7, 7, FINE },
		{ 0x1a0, 0x850089, 0x850089, FINE },
		{ 0x1d9, 3, 3, FINE },
		{ 0x1d9, 4, 3, FAULTS },
		/* MTRRs: types 0, 1, 4, 5, 6 (SDM vol. 3A, table 11-8) */
		{ 0x2ff, 0xc06, 0xc06, FINE },
		{ 0x2ff, 0xc02, 0xc06, FAULTS },
		{ 0x2ff, 0x1000, 0xc06, FAULTS },
		{ 0x2ff, 1ull << 40, 0xc06, FAULTS },
		{ 0x200, 0xfffffff106, 0, FAULTS }, /* bits 8 to 11 */
		{ 0x200, 0xfffffff000 | 5, 0xfffffff005, FINE },
		{ 0x200, 1ull << 40, 0xfffffff005, FAULTS }, /* beyond MAXPHYADDR */
		{ 0x200, 7, 0xfffffff005, FAULTS },
		{ 0x200, 3, 0xfffffff005, FAULTS },
		{ 0x201, 0xfffffff800, 0xfffffff800, FINE },
		{ 0x201, 0xfffffff801, 0xfffffff800, FAULTS },
		{ 0x20f, 1ull << 63, 0, FAULTS },
		{ 0x250, 0x0605040100010405, 0x0605040100010405, FINE },
		{ 0x250, 0x0705040100010405, 0x0605040100010405, FAULTS },
		{ 0x259, 0x0600000000000002, 0, FAULTS },
		{ 0x26f, 0x0606060606060606, 0x0606060606060606, FINE },
		/* PAT: 7 (UC-) as well */
		{ 0x277, 0x0706050401000706, 0x0706050401000706, FINE },
		{ 0x277, 0x0706050401000702, 0x0706050401000706, FAULTS },
		{ 0x277, 0x0306050401000706, 0x0706050401000706, FAULTS },
		{ 0x277, 0x8706050401000706, 0x0706050401000706, FAULTS },
		/* machine check banks: controls take anything, the rest zero */
		{ 0x404, ~0ull, 0, FINE },
		{ 0x405, 0, 0, FINE },
		{ 0x405, 1, 0, FAULTS },
		{ 0x40f, 1, 0, FAULTS },
		/* Intel 64 */
		{ 0xc0000081, ~0ull, ~0ull, FINE },
		{ 0xc0000082, 0xffff800000000000, 0xffff800000000000, FINE },
		{ 0xc0000082, NOT_CANON, 0xffff800000000000, FAULTS },
		{ 0xc0000083, NOT_CANON, 0, FAULTS },
		{ 0xc0000084, 0xffffffff, 0xffffffff, FINE },
		{ 0xc0000084, 0x100000000, 0xffffffff, FAULTS },
		{ 0xc0000100, NOT_CANON, 0, FAULTS },
		{ 0xc0000101, 1ull << 63, 0, FAULTS },
		{ 0xc0000102, 0x7fffffffffff, 0x7fffffffffff, FINE },
		{ 0xc0000102, ~0ull >> 1, 0x7fffffffffff, FAULTS },
		{ 0xc0000103, 0xffffffff, 0xffffffff, FINE },
		{ 0xc0000103, 1ull << 32, 0xffffffff, FAULTS },
		/* EFER: LMA only shows what is */
		{ 0xc0000080, 0xd01, 0x901, FINE },
		{ 0xc0000080, 2, 0x901, FAULTS },
		{ 0xc0000080, 1ull << 12, 0x901, FAULTS },
		{ 0xc0000080, 1ull << 32, 0x901, FAULTS },
		{ 0xc0000080, 0, 0, FINE },
	};

	fixture_add_apic();
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		unsigned vector = msr_write(rows[i].msr, rows[i].value);

		ck_assert_msg(vector == (rows[i].result == FAULTS ? CPU_GP : 0), "row %u: vector %u", i, vector);
		ck_assert_msg(msr_get(rows[i].msr) == rows[i].back, "row %u: reads %llx", i,
			(unsigned long long)msr_get(rows[i].msr));
	}
}
END_TEST

/* The bases of FS and GS are those of their segments. */
START_TEST(segment_bases)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2; i++) {
		start_long(CODE_AT, 0);
		cpu->gpr[CPU_RSP] = STACK0;
		CODE(CODE_AT, 0x0f, 0x30, 0x64 + (uint8_t)i, 0x8b, 0x1c, 0x25, 8, 0, 0, 0, 0xf4); /* mov ebx,[fs:8] */
		ram_put32(0x20008 + 0x1000 * i, 0x12345678 + i);
		cpu->gpr[CPU_RCX] = 0xc0000100 + i;
		cpu->gpr[CPU_RAX] = 0x20000 + 0x1000 * i;
		cpu->gpr[CPU_RDX] = 0xffff8000;
		ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
		ck_assert_uint_eq(reg(CPU_RBX), 0x12345678 + i);
		ck_assert_uint_eq(cpu->segment[CPU_FS + i].base, HIGH_HALF + 0x20000 + 0x1000 * i);
	}
}
END_TEST

/* EFER.LME does not change while paging is on (SDM vol. 3A, 9.8.5); NXE and SCE do. */
START_TEST(efer_with_paging)
{
	struct cpu *cpu = fixture.cpu;
	static const struct {
		uint64_t before, value;
		enum result result;
	} rows[] = { { 0, 0x100, FAULTS }, { 0, 0x801, FINE }, { 0x800, 0x900, FAULTS }, { 0x801, 0, FINE } };

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_protected(CODE_AT, 0);
		paging_on(7);
		CODE(CODE_AT, 0x0f, 0x30, 0xf4);
		cpu->efer = rows[i].before;
		ck_assert_uint_eq(run_one(0xc0000080, rows[i].value), rows[i].result == FAULTS ? CPU_GP : 0);
		ck_assert_uint_eq(cpu->efer, rows[i].result == FAULTS ? rows[i].before : rows[i].value);
	}
	start_long(CODE_AT, 0);
	cpu->gpr[CPU_RCX] = 0xc0000080;
	cpu->gpr[CPU_RAX] = 0x401; /* LME off */
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, HANDLER(CPU_GP) + 1);
	ck_assert_uint_eq(cpu->efer, 0xd01);
}
END_TEST

/* SDM vol. 3B, 17.17.3: each moves with the other. */
START_TEST(tsc_and_adjust)
{
	ck_assert_uint_eq(msr_write(0x3b, 100), 0);
	ck_assert_uint_eq(msr_get(0x10), 100);
	ck_assert_uint_eq(msr_write(0x10, 1000), 0);
	ck_assert_uint_eq(msr_get(0x3b), 1000);
	fixture.clock = 50;
	ck_assert_uint_eq(msr_get(0x10), 1050);
	ck_assert_uint_eq(msr_write(0x3b, 0), 0);
	ck_assert_uint_eq(msr_get(0x10), 50);
	ck_assert_uint_eq(msr_write(0x10, 0), 0);
	ck_assert_uint_eq(msr_get(0x3b), (uint64_t)-50);
}
END_TEST

/* RDMSR and WRMSR at CPL 0 only; RDTSC, RDTSCP by CR4.TSD, RDPMC by CR4.PCE.  In virtual-8086 mode the CPL is 3. */
START_TEST(privileges)
{
	static const struct {
		unsigned cpl; /* 4: virtual-8086 mode */
		uint8_t code[3];
		uint32_t cr4;
		uint32_t ecx;
		unsigned vector;
	} rows[] = {
		{ 3, { 0x0f, 0x30, 0xf4 }, 0, 0x10, CPU_GP },
		{ 3, { 0x0f, 0x32, 0xf4 }, 0, 0x10, CPU_GP },
		{ 4, { 0x0f, 0x30, 0xf4 }, 0, 0x10, CPU_GP },
		{ 4, { 0x0f, 0x32, 0xf4 }, 0, 0x10, CPU_GP },
		{ 0, { 0x0f, 0x31 }, 0, 0, 0 },
		{ 0, { 0x0f, 0x31 }, CPU_CR4_TSD, 0, 0 },
		{ 3, { 0x0f, 0x31 }, 0, 0, 0 },
		{ 3, { 0x0f, 0x31 }, CPU_CR4_TSD, 0, CPU_GP },
		{ 4, { 0x0f, 0x31 }, CPU_CR4_TSD, 0, CPU_GP },
		{ 0, { 0x0f, 0x01, 0xf9 }, CPU_CR4_TSD, 0, 0 },
		{ 3, { 0x0f, 0x01, 0xf9 }, 0, 0, 0 },
		{ 3, { 0x0f, 0x01, 0xf9 }, CPU_CR4_TSD, 0, CPU_GP },
		{ 0, { 0x0f, 0x33 }, 0, 0, 0 },
		{ 0, { 0x0f, 0x33 }, 0, 1, 0 },
		{ 0, { 0x0f, 0x33 }, 0, 2, CPU_GP },
		{ 3, { 0x0f, 0x33 }, 0, 0, CPU_GP },
		{ 3, { 0x0f, 0x33 }, CPU_CR4_PCE, 1, 0 },
		{ 3, { 0x0f, 0x33 }, CPU_CR4_PCE, 2, CPU_GP },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		if (rows[i].cpl == 4)
			start_v86(CODE_AT >> 4, 0, 0);
		else
			start_protected(CODE_AT, rows[i].cpl);
		CODE(CODE_AT, 0x90, 0x90, 0x90, 0x90);
		ram_put(CODE_AT, rows[i].code, 3);
		fixture.clock = 0x123456789a;
		cpu->tsc_aux = 0x77;
		cpu->tsc_offset = 0;
		cpu->cr4 = rows[i].cr4;
		cpu->gpr[CPU_RCX] = rows[i].ecx;
		cpu->gpr[CPU_RAX] = cpu->gpr[CPU_RDX] = 0x5555;
		if (rows[i].vector) {
			expect_vector(rows[i].vector);
			ck_assert_msg(reg(CPU_RAX) == 0x5555 && reg(CPU_RCX) == rows[i].ecx, "row %u", i);
			ck_assert_uint_eq(frame32(0), 0);
			ck_assert_uint_eq(frame32(1), rows[i].cpl == 4 ? 0 : CODE_AT);
			continue;
		}
		ck_assert_msg(run_for(1) == CPU_EXIT_BUDGET, "row %u", i);
		ck_assert_msg(cpu->rip == CODE_AT + (rows[i].code[1] == 1 ? 3 : 2), "row %u", i);
		ck_assert_uint_eq(reg(CPU_RDX) << 32 | reg(CPU_RAX), rows[i].code[1] == 0x33 ? 0 : 0x123456789a);
		ck_assert_uint_eq(reg(CPU_RCX), rows[i].code[1] == 1 ? 0x77 : rows[i].ecx);
	}
	fixture_remake("core2", false); /* RDTSCP is not there */
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x01, 0xf9);
	expect_vector(CPU_UD);
}
END_TEST

/* ---- local APIC ---- */

#define BASE 0xfee00000u

/* SDM vol. 3A, 10.12.5, figure 10-27: from which state to which. */
START_TEST(apic_base)
{
	static const struct {
		uint64_t value;
		enum result result;
	} rows[] = {
		{ BASE | 0x900, FINE },
		{ BASE | 0x901, FAULTS }, /* reserved bits */
		{ BASE | 0xb00, FAULTS },
		{ 1ull << 40 | BASE | 0x900, FAULTS },
		{ BASE | 0x100, FINE },   /* off */
		{ BASE | 0xd00, FAULTS }, /* x2APIC from off */
		{ BASE | 0x500, FAULTS }, /* without enable */
		{ BASE | 0x900, FINE },
		{ 0xfed00900, FINE },
		{ BASE | 0x900, FINE },
		{ BASE | 0xd00, FINE }, /* xAPIC to x2APIC */
		{ BASE | 0xd00, FINE },
		{ BASE | 0x900, FAULTS }, /* only by way of off */
		{ BASE | 0x500, FAULTS },
		{ BASE | 0x100, FINE },
		{ BASE | 0x900, FINE },
	};
	uint64_t before = BASE | 0x900;

	fixture_add_apic();
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		unsigned vector = msr_write(0x1b, rows[i].value);

		ck_assert_msg(vector == (rows[i].result == FAULTS ? CPU_GP : 0), "row %u: vector %u", i, vector);
		if (rows[i].result == FINE)
			before = rows[i].value;
		ck_assert_msg(msr_get(0x1b) == before, "row %u", i);
	}
	/* Without x2APIC bit 10 is reserved. */
	fixture_remake("core2", true);
	ck_assert_uint_eq(msr_write(0x1b, BASE | 0xd00), CPU_GP);
	fixture_remake(NULL, false);
	ck_assert_uint_eq(msr_write(0x1b, BASE | 0x900), CPU_GP);
	ck_assert_uint_eq(msr_write(0x6e0, 1), CPU_GP);
	ck_assert_uint_eq(msr_read(0x6e0, &before), CPU_GP);
	ck_assert_uint_eq(msr_read(0x802, &before), CPU_GP);
	ck_assert_uint_eq(msr_read(0x1b, &before), CPU_GP);
}
END_TEST

/* SDM vol. 3A, table 10-6: what can be read and written, and reserved bits. */
START_TEST(x2apic)
{
	enum { NO_READ = 1, NO_WRITE = 2 };
	static const struct {
		uint32_t msr;
		unsigned kind;
		uint64_t good, bad; /* good: reads back; bad: 0 for none */
	} rows[] = {
		{ 0x800, NO_READ | NO_WRITE, 0, 0 },
		{ 0x802, NO_WRITE, 0, 0 },           /* ID */
		{ 0x803, NO_WRITE, 0x1050014, 0 },   /* version */
		{ 0x808, 0, 0x35, 0x135 },           /* TPR */
		{ 0x809, NO_READ | NO_WRITE, 0, 0 }, /* APR */
		{ 0x80a, NO_WRITE, 0x35, 0 },        /* PPR: as the TPR above */
		{ 0x80b, NO_READ, 0, 1 },            /* EOI */
		{ 0x80c, NO_READ | NO_WRITE, 0, 0 },
		{ 0x80d, NO_WRITE, 1, 0 }, /* LDR, from the ID */
		{ 0x80e, NO_READ | NO_WRITE, 0, 0 },
		{ 0x80f, 0, 0x1ff, 0x2000 }, /* SVR */
		{ 0x810, NO_WRITE, 0, 0 },
		{ 0x818, NO_WRITE, 0, 0 },
		{ 0x827, NO_WRITE, 0, 0 },
		{ 0x828, 0, 0, 1 },                  /* ESR */
		{ 0x82f, NO_READ | NO_WRITE, 0, 0 }, /* LVT CMCI */
		{ 0x830, 0, 0x1000000000040cfe & ~0x40000ull, 0x2000 },
		{ 0x831, NO_READ | NO_WRITE, 0, 0 },
		{ 0x832, 0, 0x30020, 0x400 }, /* LVT timer */
		{ 0x833, 0, 0x10020, 0x800 }, /* thermal */
		{ 0x834, 0, 0x10020, 0x20000 },
		{ 0x835, 0, 0x1a720, 0x800 }, /* LINT0 */
		{ 0x836, 0, 0x10400, 0x20000 },
		{ 0x837, 0, 0x10020, 0x100 }, /* error */
		{ 0x838, 0, 0, 1ull << 32 },
		{ 0x839, NO_WRITE, 0, 0 },
		{ 0x83a, NO_READ | NO_WRITE, 0, 0 },
		{ 0x83e, 0, 0xb, 4 },         /* divide */
		{ 0x83f, NO_READ, 0, 0x100 }, /* self IPI */
		{ 0x840, NO_READ | NO_WRITE, 0, 0 },
	};

	fixture_add_apic();
	ck_assert_uint_eq(msr_write(0x1b, BASE | 0xd00), 0);
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint64_t value = 0, good = rows[i].good;
		unsigned vector;

		if (rows[i].msr == 0x83f)
			good = 0x41;
		vector = msr_write(rows[i].msr, good);
		ck_assert_msg(vector == (rows[i].kind & NO_WRITE ? CPU_GP : 0), "WRMSR %x: %u", rows[i].msr, vector);
		if (rows[i].bad)
			ck_assert_msg(msr_write(rows[i].msr, rows[i].bad) == CPU_GP, "WRMSR %x, bad", rows[i].msr);
		if (rows[i].bad)
			ck_assert_msg(msr_write(rows[i].msr, rows[i].good | 1ull << 32) ==
					(rows[i].msr == 0x830 ? 0 : CPU_GP),
				"WRMSR %x, high", rows[i].msr);
		if (rows[i].msr == 0x830)
			ck_assert_uint_eq(msr_write(0x830, good), 0);
		vector = msr_read(rows[i].msr, &value);
		ck_assert_msg(vector == (rows[i].kind & NO_READ ? CPU_GP : 0), "RDMSR %x: %u", rows[i].msr, vector);
		if (!vector && rows[i].msr != 0x80d)
			ck_assert_msg(value == good, "RDMSR %x: %llx", rows[i].msr, (unsigned long long)value);
	}
	/* The self IPI is in IRR, edge-triggered. */
	ck_assert_uint_eq(msr_get(0x822), 2);
	ck_assert_uint_eq(msr_get(0x81a), 0);
}
END_TEST

/* The page of xAPIC mode: what is only of x2APIC mode is an illegal register address (10.5.3), writes elsewhere than
 * to a register's first word are for nobody. */
START_TEST(xapic_page)
{
	static const struct {
		unsigned offset;
		uint32_t value, back;
		bool error;
	} rows[] = {
		{ 0x020, 0x07000000, 0x07000000, false }, /* ID */
		{ 0x030, 1, 0x01050014, true },           /* version: cannot be written */
		{ 0x080, 0x1ff, 0xff, false },
		{ 0x080, 0, 0, false },
		{ 0x0b0, 0, 0, false },
		{ 0x0d0, 0xff123456, 0xff000000, false },
		{ 0x0e0, 0x0fffffff, 0x0fffffff, false },
		{ 0x0f0, 0xffffffff, 0x13ff, false },
		{ 0x280, 0xff, 0, false },
		{ 0x310, 0xff123456, 0xff000000, false },
		{ 0x320, 0xffffffff, 0x700ff, false },
		{ 0x330, 0x10020, 0x10020, false },
		{ 0x380, 5, 5, false },
		{ 0x3e0, 0xffffffff, 0xb, false },
		{ 0x3f0, 0x41, 0, true }, /* self IPI */
		{ 0x040, 1, 0, true },
		{ 0x324, 0, 0, false },
	};
	struct cpu *cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	apic_mmio_write(cpu->apic, 0x0f0, 0x1ff);
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint32_t errors;

		apic_mmio_write(cpu->apic, 0x280, 0);
		apic_mmio_write(cpu->apic, rows[i].offset, rows[i].value);
		apic_mmio_write(cpu->apic, 0x280, 0);
		errors = apic_mmio_read(cpu->apic, 0x280);
		ck_assert_msg(errors == (rows[i].error ? 0x80 : 0), "row %u: ESR %x", i, errors);
		if (rows[i].offset != 0x280)
			ck_assert_msg(apic_mmio_read(cpu->apic, rows[i].offset) == rows[i].back, "row %u: %x", i,
				apic_mmio_read(cpu->apic, rows[i].offset));
	}
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, 0x090), 0); /* APR, RRD */
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, 0x0c0), 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, 0x0a0), 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, 0x022), 0x0700); /* the upper half of the ID */
	ck_assert_uint_eq(msr_get(0x1b), BASE | 0x900);
}
END_TEST

/* Illegal vectors (10.5.3): of an IPI that is sent, of an LVT entry that is unmasked.  INIT level de-assert is for
 * nobody (10.6.1). */
START_TEST(apic_errors)
{
	static const struct {
		unsigned offset;
		uint32_t value, errors;
	} rows[] = {
		{ 0x300, 0x0400f, 0x20 }, /* fixed, vector 15 */
		{ 0x300, 0x0410f, 0x20 }, /* lowest priority */
		{ 0x300, 0x04410, 0 },    /* NMI has none */
		{ 0x300, 0x08500, 0 },    /* INIT, de-assert */
		{ 0x300, 0x0c500, 0 },    /* INIT */
		{ 0x300, 0x44020, 0 },    /* to itself */
		{ 0x370, 0x00f, 0x40 },   /* LVT error */
		{ 0x370, 0x1000f, 0 },    /* masked */
		{ 0x350, 0x40f, 0 },      /* NMI */
	};
	struct cpu *cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	apic_mmio_write(cpu->apic, 0x0f0, 0x1ff);
	apic_mmio_write(cpu->apic, 0x370, 0x10000);
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		apic_mmio_write(cpu->apic, 0x280, 0);
		apic_mmio_write(cpu->apic, 0x280, 0);
		apic_mmio_write(cpu->apic, rows[i].offset, rows[i].value);
		apic_mmio_write(cpu->apic, 0x280, 0);
		ck_assert_msg(apic_mmio_read(cpu->apic, 0x280) == rows[i].errors, "row %u: %x", i,
			apic_mmio_read(cpu->apic, 0x280));
		apic_mmio_write(cpu->apic, 0x370, 0x10000);
	}
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, 0x210), 1); /* vector 0x20 */
	/* Disabled by software, its entries are held masked (10.4.7.2). */
	apic_mmio_write(cpu->apic, 0x0f0, 0xff);
	apic_mmio_write(cpu->apic, 0x350, 0x420);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, 0x350), 0x10420);
}
END_TEST

/* IA32_TSC_DEADLINE counts in TSC-deadline mode only, reads 0 once it has passed, and 0 disarms it (10.5.4.1). */
START_TEST(tsc_deadline)
{
	struct cpu *cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	ck_assert_uint_eq(msr_write(0x1b, BASE | 0xd00), 0);
	ck_assert_uint_eq(msr_write(0x80f, 0x1ff), 0);
	ck_assert_uint_eq(msr_write(0x6e0, 5000), 0);
	ck_assert_uint_eq(msr_get(0x6e0), 0);
	ck_assert_uint_eq(msr_write(0x832, 0x40041), 0);
	ck_assert_uint_eq(msr_write(0x6e0, 5000), 0);
	ck_assert_uint_eq(msr_get(0x6e0), 5000);
	ck_assert_uint_eq(fixture.deadline, 5000);
	ck_assert_uint_eq(msr_write(0x6e0, 0), 0);
	ck_assert_uint_eq(msr_get(0x6e0), 0);
	ck_assert_uint_eq(msr_write(0x6e0, 6000), 0);
	ck_assert_uint_eq(msr_get(0x822), 0);
	fixture.clock = 6000;
	cpu_request(cpu, CPU_REQUEST_TIMER);
	ck_assert_uint_eq(msr_get(0x822), 2);
	ck_assert_uint_eq(msr_get(0x6e0), 0);
	/* One in the past is due at once. */
	start_protected(CODE_AT, 0);
	apic_acknowledge(cpu->apic);
	ck_assert_uint_eq(msr_write(0x80b, 0), 0);
	ck_assert_uint_eq(msr_write(0x6e0, 10), 0);
	ck_assert_uint_eq(msr_get(0x822), 2);
	/* Another mode forgets it. */
	ck_assert_uint_eq(msr_write(0x6e0, 9000), 0);
	ck_assert_uint_eq(msr_write(0x832, 0x41), 0);
	ck_assert_uint_eq(msr_write(0x832, 0x40041), 0);
	ck_assert_uint_eq(msr_get(0x6e0), 0);
	/* Bit 18 is reserved where CPUID does not have it. */
	fixture_remake("core2", true);
	apic_mmio_write(fixture.cpu->apic, 0x320, 0x50041);
	ck_assert_uint_eq(apic_mmio_read(fixture.cpu->apic, 0x320), 0x10041);
	ck_assert_uint_eq(msr_write(0x6e0, 1), CPU_GP);
}
END_TEST

SUITE("cpu MSRs", present, absent_instructions, values, segment_bases, efer_with_paging, tsc_and_adjust, privileges,
	apic_base, x2apic, xapic_page, apic_errors, tsc_deadline)
