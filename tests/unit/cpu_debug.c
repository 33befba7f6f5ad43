/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Single-step, debug registers; MSRs and control registers; saving and loading.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"
#include "vmm/state/state.h"

START_TEST(single_step)
{
	start_protected(0x10000, 0);
	/* push flags|TF; popf; inc eax; inc eax */
	CODE(0x10000, 0x68, 0x02, 0x01, 0x00, 0x00, 0x9d, 0x40, 0x40);
	expect_vector(CPU_DB);
	ck_assert_uint_eq(reg(CPU_RAX), 1); /* POPF itself does not trap */
	ck_assert_uint_eq(frame32(0), 0x10007);
	ck_assert(frame32(2) & CPU_FLAG_TF);
	ck_assert_uint_eq(fixture.cpu->dr[6] & 0xe00f, 0x4000);
	ck_assert(!(fixture.cpu->rflags & CPU_FLAG_TF));
}
END_TEST

START_TEST(single_step_and_mov_ss)
{
	start_protected(0x10000, 0);
	fixture.cpu->rflags |= CPU_FLAG_TF;
	fixture.cpu->gpr[CPU_RAX] = KDATA;
	CODE(0x10000, 0x8e, 0xd0, 0x43, 0x43); /* mov ss,ax; inc ebx: the trap comes after it */
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x10003);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

START_TEST(single_step_of_rep)
{
	start_protected(0x10000, 0);
	fixture.cpu->rflags |= CPU_FLAG_TF;
	fixture.cpu->gpr[CPU_RCX] = 3;
	fixture.cpu->gpr[CPU_RDI] = 0x20000;
	CODE(0x10000, 0xf3, 0xaa);
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x10000); /* after each iteration */
	ck_assert_uint_eq(reg(CPU_RCX), 2);
}
END_TEST

START_TEST(code_breakpoint_and_rf)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->dr[0] = 0x10001;
	cpu->dr[7] |= 2;
	CODE(0x10000, 0x40, 0x40, 0x40, 0xeb, 0xfe);
	CODE(HANDLER(CPU_DB), 0xf4, 0x81, 0x4c, 0x24, 0x08, 0x00, 0x00, 0x01, 0x00,
		0xcf); /* hlt; or [esp+8],RF; iret */
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x10001); /* a fault, before the instruction */
	ck_assert(!(frame32(2) & CPU_FLAG_RF));
	ck_assert_uint_eq(reg(CPU_RAX), 1);
	ck_assert_uint_eq(cpu->dr[6] & 15, 1);
	cpu->halted = false;
	ck_assert_int_eq(run_for(3), CPU_EXIT_BUDGET); /* or, iret, and the instruction under RF */
	ck_assert_uint_eq(reg(CPU_RAX), 2);
	ck_assert(!(cpu->rflags & CPU_FLAG_RF));
}
END_TEST

START_TEST(data_breakpoint)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->dr[2] = 0x20004;
	cpu->dr[7] |= 2u << 4 | 1u << 24 | 3u << 26; /* G2, write, four bytes */
	CODE(0x10000, 0xa1, 0x04, 0x00, 0x02, 0x00, 0xa2, 0x03, 0x00, 0x02, 0x00, 0x66, 0xa3, 0x03, 0x00, 0x02, 0x00,
		0x43);
	cpu->gpr[CPU_RAX] = 0;
	ram_put32(0x20004, 0);
	expect_vector(CPU_DB); /* not the read, not the byte below; the word that reaches in */
	ck_assert_uint_eq(frame32(0), 0x10010);
	ck_assert_uint_eq(cpu->dr[6] & 15, 4);
	ck_assert_uint_eq(reg(CPU_RBX), 0);
}
END_TEST

START_TEST(general_detect)
{
	start_protected(0x10000, 0);
	fixture.cpu->dr[7] |= 1u << 13;
	CODE(0x10000, 0x0f, 0x21, 0xc0);
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x10000);
	ck_assert_uint_eq(fixture.cpu->dr[6] & 0xe00f, 0x2000);
	ck_assert_uint_eq(fixture.cpu->dr[7] & (1u << 13), 0);
}
END_TEST

START_TEST(port_breakpoint)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->cr4 |= CPU_CR4_DE;
	cpu->dr[1] = 0x60;
	cpu->dr[7] |= 2u << 2 | 2u << 20;
	CODE(0x10000, 0xe6, 0x61, 0xe6, 0x60, 0x43);
	expect_vector(CPU_DB);
	ck_assert_uint_eq(frame32(0), 0x10004);
	ck_assert_uint_eq(cpu->dr[6] & 15, 2);
}
END_TEST

START_TEST(control_register_checks)
{
	static const struct {
		uint8_t modrm; /* of MOV to CR */
		uint32_t value;
	} rows[] = { { 0xc0, 0x80000010 }, { 0xc0, 0x20000011 }, { 0xe0, 0x80000000 }, { 0xe0, 1u << 15 } };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fixture.cpu->halted = false;
		start_protected(0x10000, 0);
		fixture.cpu->gpr[CPU_RAX] = rows[i].value;
		CODE(0x10000, 0x0f, 0x22, rows[i].modrm);
		expect_vector(CPU_GP);
		ck_assert_uint_eq(frame32(1), 0x10000);
	}
}
END_TEST

START_TEST(debug_registers_4_and_5)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	CODE(0x10000, 0x0f, 0x21, 0xe8, 0xf4); /* mov eax,dr5 */
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0x400);
	cpu->halted = false;
	cpu->rip = 0x10000;
	cpu->cr4 |= CPU_CR4_DE;
	expect_vector(CPU_UD);
}
END_TEST

START_TEST(msrs)
{
	static const struct {
		uint32_t msr;
		uint64_t value;
		bool good;
	} rows[] = {
		{ 0x174, 8, true },
		{ 0x277, 0x0007040600070406, true },
		{ 0x277, 2, false },
		{ 0x2ff, 0xc06, true },
		{ 0x2ff, 0x100, false },
		{ 0x200, 0x80000006, true },
		{ 0x200, 2, false },
		{ 0x12345, 0, false },
		{ 0xc0000080, 0x800, true },
		{ 0xc0000080, 2, false },
		{ 0x179, 0, false },
		{ 0x400, ~0ull, true },
		{ 0x401, 1, false },
		{ 0x8b, 0, true },
		{ 0x10, 0x123456789a, true },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu *cpu = fixture.cpu;

		cpu->halted = false;
		start_protected(0x10000, 0);
		CODE(0x10000, 0x0f, 0x30, 0x0f, 0x32, 0x90, 0xeb, 0xfe); /* wrmsr; rdmsr */
		cpu->gpr[CPU_RCX] = rows[i].msr;
		cpu->gpr[CPU_RAX] = (uint32_t)rows[i].value;
		cpu->gpr[CPU_RDX] = rows[i].value >> 32;
		if (!rows[i].good) {
			expect_vector(CPU_GP);
			ck_assert_uint_eq(frame32(1), 0x10000);
			continue;
		}
		ck_assert_int_eq(run_for(3), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(cpu->rip, 0x10005);
		if (rows[i].msr != 0x400)
			ck_assert_uint_eq(reg(CPU_RDX) << 32 | reg(CPU_RAX), rows[i].value);
	}
}
END_TEST

START_TEST(tsc_follows_the_clock)
{
	struct cpu *cpu = fixture.cpu;

	cpu->tsc_hz = 2500000000u;
	cpu_reset(cpu, false);
	fixture.clock = 4;
	ck_assert_uint_eq(cpu_tsc(cpu), 10);
	start_protected(0x10000, 3);
	cpu->cr4 |= CPU_CR4_TSD;
	CODE(0x10000, 0x0f, 0x31);
	expect_vector(CPU_GP);
}
END_TEST

START_TEST(save_and_load)
{
	struct cpu *cpu = fixture.cpu;
	struct state_writer *writer = state_writer_new();
	struct state_reader *reader;
	const char *plugin, *reason;
	const void *data;
	uint32_t version;
	size_t length;

	start_protected(0x10000, 3);
	paging_on(7);
	CODE(0x10000, 0x01, 0xd8, 0x19, 0xd1, 0xeb, 0xfa); /* add eax,ebx; sbb ecx,edx; loop */
	cpu->gpr[CPU_RBX] = 0x87654321;
	cpu->gpr[CPU_RDX] = 0x13579bdf;
	ck_assert_int_eq(run_for(1001), CPU_EXIT_BUDGET);
	state_section_begin(writer, "cpu0", "cpu", 1);
	ck_assert_int_eq(cpu_save(cpu, writer), 0);
	state_section_end(writer);
	ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);
	ck_assert_int_eq(run_for(1000), CPU_EXIT_BUDGET);
	uint64_t eax = reg(CPU_RAX), ecx = reg(CPU_RCX), rip = cpu->rip, count = cpu->instructions;

	cpu_reset(cpu, false);
	ck_assert_int_eq(state_reader_new(data, length, &reader, &reason), 0);
	ck_assert_int_eq(state_section_open(reader, "cpu0", &plugin, &version), 0);
	ck_assert_int_eq(cpu_load(cpu, reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
	ck_assert_int_eq(run_for(1000), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RAX), eax);
	ck_assert_uint_eq(reg(CPU_RCX), ecx);
	ck_assert_uint_eq(cpu->rip, rip);
	ck_assert_uint_eq(cpu->instructions, count);
	ck_assert_uint_eq(cpu->cpl, 3);
	state_reader_free(reader);
	state_writer_free(writer);
}
END_TEST

SUITE("cpu debug and system", single_step, single_step_and_mov_ss, single_step_of_rep, code_breakpoint_and_rf,
	data_breakpoint, general_detect, port_breakpoint, control_register_checks, debug_registers_4_and_5, msrs,
	tsc_follows_the_clock, save_and_load)
