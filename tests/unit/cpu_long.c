/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * IA-32e mode: getting into it and out of it, system registers and instructions, paging.  Rows are the branches of the
 * operation sections in SDM vol. 2 and the checks of vol. 3A.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/tlb.h"

#define CODE_AT   0x10000u
#define DATA_AT   0x20000u
#define NOT_CANON 0x0000800000000000u
#define HIGHEST   0x00007fffffffffffu
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))

/* Run what is at CODE_AT, `length` bytes and HLT behind; expect that, or an exception with this error code. */
static void expect(unsigned row, unsigned length, unsigned vector, uint64_t error)
{
	expect_long(row, CODE_AT, CODE_AT + length, vector, error);
}

/* CR0.PG goes on in protected mode, where IDT and stack are 32-bit. */
START_TEST(enter)
{
	static const struct {
		uint32_t cr4, efer;
		uint16_t code, tss;
		bool good, active;
	} rows[] = {
		{ CPU_CR4_PAE, CPU_EFER_LME, 0xc09b, 0x8b, true, true }, { CPU_CR4_PAE, 0, 0xc09b, 0x8b, true, false },
		{ 0, CPU_EFER_LME, 0xc09b, 0x8b, false, false },
		{ CPU_CR4_PAE, CPU_EFER_LME, 0xe09b, 0x8b, false, false }, /* CS.L */
		{ CPU_CR4_PAE, CPU_EFER_LME, 0xc09b, 0x83, false, false }, /* a 16-bit TSS */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 0);
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		ram_put64(PML4_AT, rows[i].active ? PDPT_AT | 7u : PDPT_AT | 1u); /* or the first PDPTE */
		ram_put64(PDPT_AT, PDIR_AT | (rows[i].active ? 7u : 1u));
		if (!rows[i].active)
			ram_put64(PML4_AT, PDIR_AT | 1u);
		CODE(CODE_AT, 0x0f, 0x22, 0xc0, 0xf4);
		cpu->cr3 = PML4_AT;
		cpu->cr4 = rows[i].cr4;
		cpu->efer = rows[i].efer;
		cpu->segment[CPU_CS].attributes = rows[i].code;
		cpu->tr.attributes = rows[i].tss;
		cpu->gpr[CPU_RAX] = cpu->cr0 | CPU_CR0_PG;
		cpu_mode_update(cpu);
		if (!rows[i].good) {
			expect_vector(CPU_GP);
			ck_assert_uint_eq(frame32(0), 0);
			continue;
		}
		ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
		ck_assert_uint_eq(cpu->rip, CODE_AT + 4);
		ck_assert_uint_eq((cpu->efer & CPU_EFER_LMA) != 0, rows[i].active);
	}
}
END_TEST

START_TEST(leave)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x22, 0xc0, 0xf4);
	cpu->segment[CPU_CS].selector = KCODE32;
	cpu->segment[CPU_CS].attributes = 0xc09b;
	cpu_mode_update(cpu);
	cpu->gpr[CPU_RAX] = cpu->cr0 & ~(uint64_t)CPU_CR0_PG;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->rip, CODE_AT + 4);
	ck_assert_uint_eq(cpu->efer & (CPU_EFER_LMA | CPU_EFER_LME), CPU_EFER_LME);
}
END_TEST

/* MOV to and from control and debug registers: register and value in RAX. */
START_TEST(control_registers)
{
	static const struct {
		uint8_t code[4]; /* padded with NOP */
		uint64_t value;
		uint32_t cr4;
		unsigned vector;
	} rows[] = {
		/* CR0 */
		{ { 0x0f, 0x22, 0xc0, 0x90 }, 0x80010011, 0, NONE },
		{ { 0x0f, 0x22, 0xc0, 0x90 }, 0x180010011, 0, CPU_GP },
		{ { 0x0f, 0x22, 0xc0, 0x90 }, 0x00010011, 0, CPU_GP }, /* PG off in 64-bit code */
		{ { 0x0f, 0x22, 0xc0, 0x90 }, 0x80010010, 0, CPU_GP }, /* PG without PE */
		{ { 0x0f, 0x22, 0xc0, 0x90 }, 0xa0010011, 0, CPU_GP }, /* NW without CD */
		/* CR3: 40 physical bits */
		{ { 0x0f, 0x22, 0xd8, 0x90 }, PML4_AT, 0, NONE },
		{ { 0x0f, 0x22, 0xd8, 0x90 }, PML4_AT | 1ull << 40, 0, CPU_GP },
		{ { 0x0f, 0x22, 0xd8, 0x90 }, PML4_AT | 1ull << 63, 0, CPU_GP },
		{ { 0x0f, 0x22, 0xd8, 0x90 }, PML4_AT | 1ull << 63, CPU_CR4_PCIDE, NONE },
		/* CR4 */
		{ { 0x0f, 0x22, 0xe0, 0x90 }, CPU_CR4_PAE | CPU_CR4_PGE, 0, NONE },
		{ { 0x0f, 0x22, 0xe0, 0x90 }, CPU_CR4_PGE, 0, CPU_GP }, /* PAE off */
		{ { 0x0f, 0x22, 0xe0, 0x90 }, CPU_CR4_PAE | CPU_CR4_LA57, 0, CPU_GP },
		{ { 0x0f, 0x22, 0xe0, 0x90 }, CPU_CR4_PAE | 1ull << 32, 0, CPU_GP },
		{ { 0x0f, 0x22, 0xe0, 0x90 }, CPU_CR4_PAE | 1u << 31, 0, CPU_GP },
		{ { 0x0f, 0x22, 0xe0, 0x90 }, CPU_CR4_PAE | CPU_CR4_PCIDE, 0, NONE },
		/* CR8 */
		{ { 0x44, 0x0f, 0x22, 0xc0 }, 15, 0, NONE },
		{ { 0x44, 0x0f, 0x22, 0xc0 }, 16, 0, CPU_GP },
		{ { 0x44, 0x0f, 0x22, 0xc0 }, 1ull << 63, 0, CPU_GP },
		/* what there is not */
		{ { 0x0f, 0x22, 0xc8, 0x90 }, 0, 0, CPU_UD },
		{ { 0x44, 0x0f, 0x22, 0xd8 }, 0, 0, CPU_UD },
		{ { 0x44, 0x0f, 0x23, 0xc0 }, 0, 0, CPU_UD },
		{ { 0xf0, 0x0f, 0x22, 0xc0 }, 0, 0, CPU_UD },
		/* debug registers */
		{ { 0x0f, 0x23, 0xc0, 0x90 }, NOT_CANON, 0, NONE },
		{ { 0x0f, 0x23, 0xf0, 0x90 }, 0xffffffff, 0, NONE },
		{ { 0x0f, 0x23, 0xf0, 0x90 }, 1ull << 32, 0, CPU_GP },
		{ { 0x0f, 0x23, 0xf8, 0x90 }, 1ull << 32, 0, CPU_GP },
		{ { 0x0f, 0x23, 0xf8, 0x90 }, 0x400, 0, NONE },
		{ { 0x0f, 0x23, 0xe0, 0x90 }, 1ull << 32, 0, CPU_GP }, /* DR4 is DR6 */
		{ { 0x0f, 0x23, 0xe0, 0x90 }, 0, CPU_CR4_DE, CPU_UD },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 0);
		ram_put(CODE_AT, rows[i].code, 4);
		ram_put8(CODE_AT + 4, 0xf4);
		cpu->cr4 |= rows[i].cr4;
		cpu_mode_update(cpu);
		cpu->gpr[CPU_RAX] = rows[i].value;
		expect(i, 4, rows[i].vector, 0);
		if (rows[i].code[0] == 0xf0 || rows[i].vector == CPU_UD)
			continue;
		start_long(CODE_AT, 3); /* all of them are for CPL 0 */
		cpu->cr4 |= rows[i].cr4;
		cpu_mode_update(cpu);
		expect(i, 4, CPU_GP, 0);
	}
}
END_TEST

START_TEST(control_register_width)
{
	struct cpu *cpu = fixture.cpu;

	fixture_add_apic();
	cpu = fixture.cpu;
	start_long(CODE_AT, 0);
	/* mov %rax, %cr8; mov %cr8, %rbx; mov %cr2, %rcx; mov %dr0, %rdx; hlt */
	CODE(CODE_AT, 0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3, 0x66, 0x0f, 0x20, 0xd1, 0x0f, 0x21, 0xc2, 0xf4);
	cpu->cr2 = 0x123456789abcdef0;
	cpu->dr[0] = 0xfedcba9876543210;
	cpu->gpr[CPU_RAX] = 7;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBX), 7);
	ck_assert_uint_eq(reg(CPU_RCX), 0x123456789abcdef0);
	ck_assert_uint_eq(reg(CPU_RDX), 0xfedcba9876543210);
}
END_TEST

START_TEST(msrs)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
		unsigned vector;
	} rows[] = {
		{ 0xc0000080, CPU_EFER_LME | CPU_EFER_LMA | CPU_EFER_NXE, NONE },
		{ 0xc0000080, CPU_EFER_LME | CPU_EFER_NXE, NONE }, /* LMA is not written */
		{ 0xc0000080, CPU_EFER_LMA, CPU_GP },              /* LME goes off under paging */
		{ 0xc0000080, CPU_EFER_LME | 2, CPU_GP },
		{ 0xc0000080, CPU_EFER_LME | 1ull << 32, CPU_GP },
		{ 0xc0000081, UINT64_MAX, NONE }, /* STAR */
		{ 0xc0000082, HIGHEST, NONE },    /* LSTAR */
		{ 0xc0000082, HIGH_HALF, NONE },
		{ 0xc0000082, NOT_CANON, CPU_GP },
		{ 0xc0000083, NOT_CANON, CPU_GP }, /* CSTAR */
		{ 0xc0000084, 0xffffffff, NONE },  /* FMASK */
		{ 0xc0000084, 1ull << 32, CPU_GP },
		{ 0xc0000100, HIGH_HALF, NONE }, /* FS and GS bases */
		{ 0xc0000100, NOT_CANON, CPU_GP },
		{ 0xc0000101, HIGH_HALF - 1, CPU_GP },
		{ 0xc0000102, 1ull << 63, CPU_GP },
		{ 0xc0000102, HIGHEST, NONE },
		{ 0xc0000103, 0xffffffff, NONE }, /* TSC_AUX */
		{ 0xc0000103, 1ull << 32, CPU_GP },
		{ 0x175, NOT_CANON, CPU_GP }, /* SYSENTER_ESP, EIP */
		{ 0x175, HIGH_HALF, NONE },
		{ 0x176, NOT_CANON, CPU_GP },
		{ 0x176, HIGHEST, NONE },
	};
	struct cpu *cpu = fixture.cpu;

	CODE(CODE_AT, 0x0f, 0x30, 0xf4);
	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2, cpl = i & 1 ? 3 : 0;

		start_long(CODE_AT, cpl);
		cpu->gpr[CPU_RCX] = rows[row].msr | 1ull << 40; /* the upper half does not count */
		cpu->gpr[CPU_RAX] = rows[row].value;
		cpu->gpr[CPU_RDX] = rows[row].value >> 32;
		expect(row, 2, cpl ? CPU_GP : rows[row].vector, 0);
	}
}
END_TEST

START_TEST(invpcid)
{
	static const struct {
		uint64_t kind, low, high;
		uint32_t cr4;
		unsigned vector;
	} rows[] = {
		{ 0, 0, HIGHEST, 0, NONE },
		{ 0, 0, NOT_CANON, 0, CPU_GP },
		{ 0, 1, 0, 0, CPU_GP }, /* a PCID without PCIDE */
		{ 0, 1, 0, CPU_CR4_PCIDE, NONE },
		{ 0, 0x1000, 0, CPU_CR4_PCIDE, CPU_GP },
		{ 1, 1, 0, 0, CPU_GP },
		{ 1, 1, NOT_CANON, CPU_CR4_PCIDE, NONE },
		{ 2, 1, NOT_CANON, 0, NONE },
		{ 2, 1ull << 63, 0, 0, CPU_GP },
		{ 3, 0, 0, 0, NONE },
		{ 4, 0, 0, 0, CPU_GP },
		{ 1ull << 32, 0, 0, 0, CPU_GP },
	};
	struct cpu *cpu = fixture.cpu;

	CODE(CODE_AT, 0x66, 0x0f, 0x38, 0x82, 0x03, 0xf4); /* invpcid (%rbx), %rax */
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 0);
		cpu->cr4 |= rows[i].cr4;
		cpu_mode_update(cpu);
		cpu->gpr[CPU_RAX] = rows[i].kind;
		cpu->gpr[CPU_RBX] = DATA_AT;
		ram_put64(DATA_AT, rows[i].low);
		ram_put64(DATA_AT + 8, rows[i].high);
		expect(i, 5, rows[i].vector, 0);
	}
}
END_TEST

/* LGDT, LIDT, LLDT, LTR with what is at DATA_AT. */
START_TEST(tables)
{
	static const struct {
		uint8_t code[3];
		uint64_t base;
		unsigned vector;
	} rows[] = {
		{ { 0x0f, 0x01, 0x13 }, HIGH_HALF, NONE },
		{ { 0x0f, 0x01, 0x13 }, NOT_CANON, CPU_GP },
		{ { 0x0f, 0x01, 0x1b }, HIGHEST, NONE },
		{ { 0x0f, 0x01, 0x1b }, NOT_CANON, CPU_GP },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 0);
		ram_put(CODE_AT, rows[i].code, 3);
		ram_put8(CODE_AT + 3, 0xf4);
		ram_put16(DATA_AT, 0xffff);
		ram_put(DATA_AT + 2, &rows[i].base, 8);
		cpu->gpr[CPU_RBX] = DATA_AT;
		expect(i, 3, rows[i].vector, 0);
		if (rows[i].vector == NONE)
			ck_assert_uint_eq(rows[i].code[2] == 0x13 ? cpu->gdtr.base : cpu->idtr.base, rows[i].base);
	}
}
END_TEST

START_TEST(system_segments)
{
	static const struct {
		uint8_t modrm; /* D0: LLDT, D8: LTR */
		uint16_t selector, attributes;
		uint32_t high; /* of the second half */
		unsigned vector;
		uint16_t error;
	} rows[] = {
		{ 0xd0, FREE_SEL, 0x82, 0, NONE, 0 },
		{ 0xd0, 0, 0x82, 0, NONE, 0 },
		{ 0xd0, FREE_SEL | 4, 0x82, 0, CPU_GP, FREE_SEL | 4 },
		{ 0xd0, FREE_SEL, 0x02, 0, CPU_NP, FREE_SEL },
		{ 0xd0, FREE_SEL, 0x89, 0, CPU_GP, FREE_SEL },
		{ 0xd0, FREE_SEL, 0x92, 0, CPU_GP, FREE_SEL },
		{ 0xd0, FREE_SEL, 0x82, 0x0100, CPU_GP, FREE_SEL }, /* a type in the upper half */
		{ 0xd0, 0xf8, 0x82, 0, CPU_GP, 0xf8 },              /* which is behind the limit */
		{ 0xd8, FREE_SEL, 0x89, 0, NONE, 0 },
		{ 0xd8, 0, 0x89, 0, CPU_GP, 0 },
		{ 0xd8, FREE_SEL, 0x8b, 0, CPU_GP, FREE_SEL }, /* busy */
		{ 0xd8, FREE_SEL, 0x81, 0, CPU_GP, FREE_SEL }, /* of 16 bits */
		{ 0xd8, FREE_SEL, 0x09, 0, CPU_NP, FREE_SEL },
		{ 0xd8, FREE_SEL, 0x89, 0x1f00, CPU_GP, FREE_SEL },
		{ 0xd8, 0xf8, 0x89, 0, CPU_GP, 0xf8 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint16_t at = rows[i].selector ? rows[i].selector & ~7u : FREE_SEL;

		start_long(CODE_AT, 0);
		CODE(CODE_AT, 0x0f, 0x00, rows[i].modrm, 0xf4);
		gdt_put_long(at, 0xffff800012345678, 103, rows[i].attributes);
		ram_put32(GDT_AT + at + 12, rows[i].high);
		cpu->gpr[CPU_RAX] = rows[i].selector;
		expect(i, 3, rows[i].vector, rows[i].error);
		if (rows[i].vector == NONE && rows[i].selector)
			ck_assert_uint_eq(rows[i].modrm == 0xd0 ? cpu->ldtr.base : cpu->tr.base, 0xffff800012345678);
		if (rows[i].vector == NONE && rows[i].modrm == 0xd8)
			ck_assert_uint_eq(ram_get64(GDT_AT + FREE_SEL) >> 40 & 0xff, 0x8b);
	}
}
END_TEST

START_TEST(swap_gs)
{
	struct cpu *cpu = fixture.cpu;

	CODE(CODE_AT, 0x0f, 0x01, 0xf8, 0xf4);
	start_long(CODE_AT, 0);
	cpu->segment[CPU_GS].base = 0x1234;
	cpu->kernel_gs_base = HIGH_HALF;
	expect(0, 3, NONE, 0);
	ck_assert_uint_eq(cpu->segment[CPU_GS].base, HIGH_HALF);
	ck_assert_uint_eq(cpu->kernel_gs_base, 0x1234);
	start_long(CODE_AT, 3);
	expect(1, 3, CPU_GP, 0);
	start_long(CODE_AT, 0);
	cpu->segment[CPU_CS].attributes = 0xc09b;
	cpu_mode_update(cpu);
	expect(2, 3, CPU_UD, 0);
}
END_TEST

/* Alignment checks, by the size of what is accessed (SDM vol. 3A, table 6-7): none, or #AC. */
START_TEST(alignment)
{
	static const struct {
		uint8_t code[3];
		uint8_t off; /* of RBX, and of RSP */
		bool fault;
	} rows[] = {
		{ { 0x48, 0x8b, 0x03 }, 4, true },                                     /* mov (%rbx), %rax */
		{ { 0x90, 0x8b, 0x03 }, 4, false },                                    /* mov (%rbx), %eax */
		{ { 0x90, 0xdb, 0x2b }, 4, true },                                     /* fldt (%rbx) */
		{ { 0x90, 0xdb, 0x2b }, 8, false }, { { 0x90, 0xd9, 0x33 }, 2, true }, /* fnstenv (%rbx) */
		{ { 0x90, 0xd9, 0x33 }, 4, false }, { { 0x66, 0xd9, 0x33 }, 1, true },
		{ { 0x66, 0xd9, 0x33 }, 2, false }, { { 0x90, 0xdd, 0x33 }, 2, true }, /* fnsave (%rbx) */
		{ { 0x90, 0xdd, 0x33 }, 4, false }, { { 0x66, 0xdd, 0x33 }, 1, true },
		{ { 0x66, 0xdd, 0x33 }, 2, false }, { { 0x48, 0xcb, 0x90 }, 4, true }, /* lretq */
		{ { 0x48, 0xcf, 0x90 }, 4, true },                                     /* iretq */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 3);
		ram_put(CODE_AT, rows[i].code, 3);
		CODE(CODE_AT + 3, 0x0f, 0x0b);
		cpu->cr0 |= CPU_CR0_AM | CPU_CR0_MP;
		cpu->rflags |= CPU_FLAG_AC;
		cpu_mode_update(cpu);
		cpu->gpr[CPU_RBX] = DATA_AT + rows[i].off;
		cpu->gpr[CPU_RSP] -= 64 - rows[i].off;
		ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
		ck_assert_msg(cpu->rip == HANDLER(rows[i].fault ? CPU_AC : CPU_UD) + 1, "row %u: halted at %llx", i,
			(unsigned long long)cpu->rip);
	}
}
END_TEST

/* ---- paging ---- */

#define NX (1ull << 63)

enum { READ, WRITE, FETCH };

static void access_run(unsigned row, unsigned kind, unsigned cpl, uint64_t address, unsigned error)
{
	struct cpu *cpu = fixture.cpu;
	/* mov (%rbx), %al; mov %al, (%rbx); jmp *%rbx */
	static const uint8_t codes[3][2] = { { 0x8a, 0x03 }, { 0x88, 0x03 }, { 0xff, 0xe3 } };

	ram_put(CODE_AT, codes[kind], 2);
	CODE(CODE_AT + 2, 0x0f, 0x0b); /* UD2, where HLT may not be */
	CODE(DATA_AT, 0x0f, 0x0b);
	cpu->gpr[CPU_RBX] = address;
	(void)cpl;
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_msg(cpu->rip == HANDLER(error == NONE ? CPU_UD : CPU_PF) + 1, "row %u: at %llx, error %llx", row,
		(unsigned long long)cpu->rip, (unsigned long long)frame64(0));
	if (error == NONE)
		return;
	ck_assert_msg(frame64(0) == error, "row %u: error %llx", row, (unsigned long long)frame64(0));
	ck_assert_uint_eq(cpu->cr2, address);
}

START_TEST(page_faults)
{
	static const uint32_t at[4] = { PML4_AT + 256 * 8, PDPT_AT + 8, PDIR_AT, PTAB_AT + DATA_AT / 4096 * 8 };
	static const struct {
		uint8_t level; /* 0: PML4E, 3: PTE, which is changed with bits to set and to clear */
		uint64_t set, clear;
		uint8_t kind, cpl;
		uint32_t cr4;
		bool no_wp, no_nx;
		unsigned error;
	} rows[] = {
		/* not present, at each level */
		{ 0, 0, 1, READ, 0, 0, false, false, 0 },
		{ 1, 0, 1, READ, 3, 0, false, false, 4 },
		{ 2, 0, 1, WRITE, 0, 0, false, false, 2 },
		{ 3, 0, 1, FETCH, 3, 0, false, false, 0x14 },
		{ 3, 0, 1, FETCH, 3, 0, false, true, 4 },
		{ 3, 0, 1, FETCH, 0, CPU_CR4_SMEP, false, true, 0x10 },
		/* reserved bits */
		{ 0, 1ull << 40, 0, READ, 0, 0, false, false, 9 },
		{ 1, 1ull << 51, 0, READ, 3, 0, false, false, 0xd },
		{ 2, 1ull << 45, 0, WRITE, 0, 0, false, false, 0xb },
		{ 3, 1ull << 40, 0, FETCH, 0, 0, false, false, 0x19 },
		{ 0, 1u << 7, 0, READ, 0, 0, false, false, 9 },           /* PS in a PML4E */
		{ 0, 0x7ffull << 52, 0, READ, 0, 0, false, false, NONE }, /* ignored ones */
		{ 3, 0x7ffull << 52, 0, READ, 0, 0, false, false, NONE },
		{ 0, NX, 0, READ, 0, 0, false, true, 9 },
		{ 1, NX, 0, READ, 0, 0, false, true, 9 },
		{ 3, NX, 0, WRITE, 3, 0, false, true, 0xf },
		/* rights, at each level */
		{ 0, NX, 0, FETCH, 0, 0, false, false, 0x11 },
		{ 2, NX, 0, FETCH, 3, 0, false, false, 0x15 },
		{ 3, NX, 0, FETCH, 3, 0, false, false, 0x15 },
		{ 3, NX, 0, READ, 3, 0, false, false, NONE },
		{ 0, 0, 2, WRITE, 3, 0, true, false, 7 },
		{ 1, 0, 2, WRITE, 0, 0, false, false, 3 },
		{ 1, 0, 2, WRITE, 0, 0, true, false, NONE },
		{ 2, 0, 4, READ, 3, 0, false, false, 5 },
		{ 3, 0, 4, FETCH, 3, 0, false, false, 0x15 },
		{ 3, 0, 4, READ, 0, 0, false, false, NONE },
		/* SMEP, SMAP */
		{ 3, 0, 0, READ, 0, CPU_CR4_SMAP, false, false, 1 },
		{ 3, 0, 0, WRITE, 0, CPU_CR4_SMAP, true, false, 3 },
		{ 0, 0, 4, READ, 0, CPU_CR4_SMAP, false, false, NONE },
		{ 3, 0, 4, FETCH, 0, CPU_CR4_SMEP, false, false, NONE },
		{ 3, 0, 0, READ, 3, CPU_CR4_SMEP, false, false, NONE },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		/* code, stack and tables are reached through other entries than the data */
		uint64_t address = HIGH_HALF + DATA_AT, entry;

		start_long(CODE_AT, rows[i].cpl);
		ram_put64(PML4_AT + 256 * 8, 0x107000 | 7);
		ram_put64(0x107000, 0x108000 | 7);
		ram_put64(0x108000, 0x109000 | 7);
		ram_put64(0x109000 + DATA_AT / 4096 * 8, DATA_AT | 7);
		if (rows[i].cr4) /* the kernel's own pages must not be the user's then */
			for (uint32_t page = 0; page < RAM_PAGES; page++)
				ram_put64(PTAB_AT + 8 * page, page << 12 | (rows[i].cpl ? 7 : 3));
		const uint32_t mine[4] = { at[0], 0x107000, 0x108000, 0x109000 + DATA_AT / 4096 * 8 };
		entry = ram_get64(mine[rows[i].level]);
		ram_put64(mine[rows[i].level], (entry & ~rows[i].clear) | rows[i].set);
		cpu->cr4 |= rows[i].cr4 & ~(rows[i].cpl ? CPU_CR4_SMEP : 0);
		if (rows[i].no_wp)
			cpu->cr0 &= ~(uint64_t)CPU_CR0_WP;
		if (rows[i].no_nx)
			cpu->efer &= ~(uint64_t)CPU_EFER_NXE;
		tlb_flush(cpu, true);
		cpu_mode_update(cpu);
		access_run(i, rows[i].kind, rows[i].cpl, address, rows[i].error);
	}
}
END_TEST

START_TEST(large_pages)
{
	static const struct {
		bool huge;
		uint64_t entry;
		unsigned error;
	} rows[] = {
		{ false, 0x87, NONE },
		{ false, 0x1087, NONE }, /* PAT */
		{ false, 0x2087, 9 },
		{ false, 0x100087, 9 },
		{ true, 0x87, NONE },
		{ true, 0x1087, NONE },
		{ true, 0x2087, 9 },
		{ true, 0x20000087, 9 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		start_long(CODE_AT, 0);
		ram_put64(PML4_AT + 256 * 8, 0x107000 | 7);
		ram_put64(0x107000, rows[i].huge ? rows[i].entry : 0x108000 | 7);
		ram_put64(0x108000, rows[i].entry);
		tlb_flush(cpu, true);
		access_run(i, READ, 0, HIGH_HALF + DATA_AT, rows[i].error);
	}
}
END_TEST

START_TEST(accessed_dirty)
{
	struct cpu *cpu = fixture.cpu;

	start_long(CODE_AT, 0);
	ram_put64(PML4_AT + 256 * 8, 0x107000 | 7);
	ram_put64(0x107000, 0x108000 | 7);
	ram_put64(0x108000, 0x109000 | 7);
	ram_put64(0x109000 + DATA_AT / 4096 * 8, DATA_AT | 5);
	tlb_flush(cpu, true);
	access_run(0, WRITE, 0, HIGH_HALF + DATA_AT, 3); /* a refused access marks nothing below */
	ck_assert_uint_eq(ram_get64(0x109000 + DATA_AT / 4096 * 8) & 0x60, 0);
	start_long(CODE_AT, 0);
	ram_put64(PML4_AT + 256 * 8, 0x107000 | 7);
	ram_put64(0x109000 + DATA_AT / 4096 * 8, DATA_AT | 7);
	tlb_flush(cpu, true);
	access_run(1, READ, 0, HIGH_HALF + DATA_AT, NONE);
	ck_assert_uint_eq(ram_get64(PML4_AT + 256 * 8) & 0x60, 0x20);
	ck_assert_uint_eq(ram_get64(0x107000) & 0x60, 0x20);
	ck_assert_uint_eq(ram_get64(0x108000) & 0x60, 0x20);
	ck_assert_uint_eq(ram_get64(0x109000 + DATA_AT / 4096 * 8) & 0x60, 0x20);
	start_long(CODE_AT, 0);
	ram_put64(PML4_AT + 256 * 8, 0x107000 | 7);
	access_run(2, WRITE, 0, HIGH_HALF + DATA_AT, NONE);
	ck_assert_uint_eq(ram_get64(0x109000 + DATA_AT / 4096 * 8) & 0x60, 0x60);
}
END_TEST

SUITE("cpu_long", enter, leave, control_registers, control_register_width, msrs, invpcid, tables, system_segments,
	swap_gs, alignment, page_faults, large_pages, accessed_dirty)
