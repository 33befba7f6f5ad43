/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a debugger on the host sees and does (vmm/cpu/debugger.h).  Its watchpoints stop where the debug registers
 * would: after the instruction, or after the iteration of a repeated one (SDM vol. 3B, 17.2.4).
 */
#include <errno.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/debugger.h"
#include "vmm/cpu/mode.h"

#define CODE_AT  0x10000u
#define DATA_AT  0x20000u
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static void point(enum debugger_kind kind, uint64_t linear, uint64_t length)
{
	ck_assert_int_eq(debugger_point(fixture.cpu, kind, linear, length, true), 0);
}

static void point_remove(enum debugger_kind kind, uint64_t linear, uint64_t length)
{
	ck_assert_int_eq(debugger_point(fixture.cpu, kind, linear, length, false), 0);
}

static void expect_stop(bool step, enum debugger_reason reason, uint64_t rip)
{
	struct cpu *cpu = fixture.cpu;
	enum cpu_exit how;

	ck_assert_int_eq(debugger_resume(cpu, step), 0);
	how = run_for(1000);
	ck_assert_msg(how == CPU_EXIT_DEBUG, "ended with %d at %llx", (int)how, (unsigned long long)cpu->rip);
	ck_assert_int_eq(cpu->debugger->reason, reason);
	ck_assert_uint_eq(cpu->rip, rip);
}

static void expect_halt(uint64_t rip)
{
	ck_assert_int_eq(debugger_resume(fixture.cpu, false), 0);
	ck_assert_int_eq(run_for(1000), CPU_EXIT_HALT);
	ck_assert_int_eq(fixture.cpu->debugger->reason, DEBUGGER_NONE);
	ck_assert_uint_eq(fixture.cpu->rip, rip);
}

/* ---- points ---- */

START_TEST(points_are_kept)
{
	static const struct {
		enum debugger_kind kind;
		uint64_t linear, length;
		bool add;
		int error;
		unsigned count, code_count;
	} rows[] = {
		{ DEBUGGER_EXEC, CODE_AT, 1, false, -ENOENT, 0, 0 },
		{ DEBUGGER_EXEC, CODE_AT, 0, true, -EINVAL, 0, 0 },
		{ DEBUGGER_WRITE, UINT64_MAX, 2, true, -EINVAL, 0, 0 }, /* wraps */
		{ DEBUGGER_WRITE, UINT64_MAX, 1, true, 0, 1, 0 },
		{ DEBUGGER_WRITE, UINT64_MAX, 1, false, 0, 0, 0 },
		{ DEBUGGER_EXEC, CODE_AT, 1, true, 0, 1, 1 },
		{ DEBUGGER_EXEC, CODE_AT, 1, true, 0, 1, 1 }, /* twice is once */
		{ DEBUGGER_WRITE, CODE_AT, 1, false, -ENOENT, 1, 1 },
		{ DEBUGGER_EXEC, CODE_AT + 1, 1, false, -ENOENT, 1, 1 },
		{ DEBUGGER_EXEC, CODE_AT, 2, false, -ENOENT, 1, 1 },
		{ DEBUGGER_READ, DATA_AT, 4, true, 0, 2, 1 },
		{ DEBUGGER_ACCESS, DATA_AT, 4, true, 0, 3, 1 },
		{ DEBUGGER_EXEC, CODE_AT, 1, false, 0, 2, 0 },
		{ DEBUGGER_READ, DATA_AT, 4, false, 0, 1, 0 },
		{ DEBUGGER_ACCESS, DATA_AT, 4, false, 0, 0, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	ck_assert(!debugger_stopped(cpu) && !debugger_stepping(cpu) && !debugger_watches(cpu));
	for (unsigned i = 0; i < ARRAY(rows); i++) {
		int error = debugger_point(cpu, rows[i].kind, rows[i].linear, rows[i].length, rows[i].add);

		ck_assert_msg(error == rows[i].error, "row %u: %d", i, error);
		ck_assert_uint_eq(cpu->debugger->count, rows[i].count);
		ck_assert_uint_eq(cpu->debugger->code_count, rows[i].code_count);
		ck_assert(debugger_watches(cpu) == (rows[i].count > rows[i].code_count));
	}
}
END_TEST

START_TEST(points_run_out)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < DEBUGGER_POINTS; i++)
		point(DEBUGGER_EXEC, CODE_AT + i, 1);
	ck_assert_int_eq(debugger_point(cpu, DEBUGGER_WRITE, DATA_AT, 1, true), -ENOSPC);
	ck_assert_int_eq(debugger_point(cpu, DEBUGGER_EXEC, CODE_AT, 1, true), 0); /* that one is there */
	point_remove(DEBUGGER_EXEC, CODE_AT + 7, 1);
	point(DEBUGGER_WRITE, DATA_AT, 1);
	ck_assert_uint_eq(cpu->debugger->count, DEBUGGER_POINTS);
}
END_TEST

/* ---- breakpoints ---- */

START_TEST(breakpoint_at_block_start_and_in_its_middle)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0x40, 0x43, 0x43, 0xf4); /* inc eax twice; inc ebx twice; hlt */
	point(DEBUGGER_EXEC, CODE_AT + 1, 1);
	point(DEBUGGER_EXEC, CODE_AT + 3, 1);
	expect_stop(false, DEBUGGER_BREAKPOINT, CODE_AT + 1);
	ck_assert_uint_eq(reg(CPU_RAX), 1);
	ck_assert_uint_eq(ram_get32(CODE_AT), 0x43434040); /* no INT3 in the guest's code */
	/* Stopped, it stays where it is until it is resumed. */
	ck_assert_int_eq(run_for(100), CPU_EXIT_DEBUG);
	expect_stop(false, DEBUGGER_BREAKPOINT, CODE_AT + 3);
	ck_assert_uint_eq(reg(CPU_RAX), 2);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	expect_halt(CODE_AT + 5);
	ck_assert_uint_eq(reg(CPU_RBX), 2);
	ck_assert_uint_eq(cpu->dr[6], 0xffff0ff0); /* the guest saw nothing */
}
END_TEST

START_TEST(breakpoint_where_it_was_resumed)
{
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0xeb, 0xfd); /* inc eax; jmp to it */
	point(DEBUGGER_EXEC, CODE_AT, 1);
	/* At its first instruction it gets on, and meets the breakpoint when it comes round. */
	for (unsigned i = 1; i < 4; i++) {
		expect_stop(false, DEBUGGER_BREAKPOINT, CODE_AT);
		ck_assert_uint_eq(reg(CPU_RAX), i);
	}
	point_remove(DEBUGGER_EXEC, CODE_AT, 1);
	ck_assert_int_eq(debugger_resume(fixture.cpu, false), 0);
	ck_assert_int_eq(run_for(100), CPU_EXIT_BUDGET);
}
END_TEST

/* The instruction where it was resumed faults: the handler's breakpoint counts. */
START_TEST(breakpoint_in_the_handler_of_a_fault)
{
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x0b); /* ud2 */
	point(DEBUGGER_EXEC, HANDLER(CPU_UD), 1);
	expect_stop(false, DEBUGGER_BREAKPOINT, HANDLER(CPU_UD));
	ck_assert_uint_eq(frame32(0), CODE_AT);
	expect_halt(HANDLER(CPU_UD) + 1);
}
END_TEST

START_TEST(breakpoint_in_the_handler_of_an_interrupt)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0xf4);
	cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = 0x21;
	cpu_request(cpu, CPU_REQUEST_INTR);
	point(DEBUGGER_EXEC, HANDLER(0x21), 1);
	expect_stop(false, DEBUGGER_BREAKPOINT, HANDLER(0x21));
	ck_assert_uint_eq(reg(CPU_RAX), 0);
}
END_TEST

/* With the guest's own single steps one instruction runs at a time: run_slow(). */
START_TEST(breakpoint_under_trap_flag)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0x43, 0xf4);
	CODE(HANDLER(CPU_DB), 0xcf);
	cpu->rflags |= CPU_FLAG_TF;
	point(DEBUGGER_EXEC, CODE_AT + 1, 1);
	expect_stop(false, DEBUGGER_BREAKPOINT, CODE_AT + 1);
	ck_assert_uint_eq(reg(CPU_RBX), 0);
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 2);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

/* The address is linear: CS.base counts, and 32 bits of it where it wraps. */
START_TEST(breakpoint_is_linear)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0, 0);
	cpu->segment[CPU_CS].base = CODE_AT;
	CODE(CODE_AT, 0x40, 0x40, 0xf4);
	point(DEBUGGER_EXEC, CODE_AT + 1, 1);
	expect_stop(false, DEBUGGER_BREAKPOINT, 1);
	cpu->segment[CPU_CS].base = 0xfffff000;
	cpu->rip = CODE_AT + 0x1000;
	expect_stop(false, DEBUGGER_BREAKPOINT, CODE_AT + 0x1001);
}
END_TEST

START_TEST(breakpoint_in_the_high_half)
{
	start_long(HIGH_HALF + CODE_AT, 0);
	CODE(CODE_AT, 0x90, 0x90, 0xf4);
	point(DEBUGGER_EXEC, HIGH_HALF + CODE_AT + 1, 1);
	point(DEBUGGER_EXEC, CODE_AT, 1); /* the same byte elsewhere */
	expect_stop(false, DEBUGGER_BREAKPOINT, HIGH_HALF + CODE_AT + 1);
	expect_halt(HIGH_HALF + CODE_AT + 3);
}
END_TEST

/* ---- watchpoints ---- */

/* One instruction, then INC EBX; HLT.  EAX = 0, ESI = EDI = DATA_AT, ECX = 1. */
START_TEST(watchpoints)
{
	static const struct {
		uint8_t code[8], length;
		enum debugger_kind kind;
		uint32_t linear, size;
		enum debugger_reason reason; /* NONE: it goes on */
		uint32_t address;
	} rows[] = {
		/* mov [edi],eax */
		{ { 0x89, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT, 4, DEBUGGER_WATCH_WRITE, DATA_AT },
		{ { 0x89, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT + 3, 1, DEBUGGER_WATCH_WRITE, DATA_AT + 3 },
		{ { 0x89, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT + 4, 1, DEBUGGER_NONE, 0 },
		{ { 0x89, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT - 4, 4, DEBUGGER_NONE, 0 },
		{ { 0x89, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT - 4, 5, DEBUGGER_WATCH_WRITE, DATA_AT },
		{ { 0x89, 0x07 }, 2, DEBUGGER_READ, DATA_AT, 4, DEBUGGER_NONE, 0 },
		{ { 0x89, 0x07 }, 2, DEBUGGER_ACCESS, DATA_AT, 4, DEBUGGER_WATCH_ACCESS, DATA_AT },
		/* mov eax,[edi] */
		{ { 0x8b, 0x07 }, 2, DEBUGGER_READ, DATA_AT, 4, DEBUGGER_WATCH_READ, DATA_AT },
		{ { 0x8b, 0x07 }, 2, DEBUGGER_ACCESS, DATA_AT, 1, DEBUGGER_WATCH_ACCESS, DATA_AT },
		{ { 0x8b, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT, 4, DEBUGGER_NONE, 0 },
		/* mov [edi+0xffe],eax: across a page */
		{ { 0x89, 0x87, 0xfe, 0x0f, 0, 0 }, 6, DEBUGGER_WRITE, DATA_AT + 0x1001, 1, DEBUGGER_WATCH_WRITE,
			DATA_AT + 0x1001 },
		{ { 0x89, 0x87, 0xfe, 0x0f, 0, 0 }, 6, DEBUGGER_WRITE, DATA_AT + 0xffe, 1, DEBUGGER_WATCH_WRITE,
			DATA_AT + 0xffe },
		{ { 0x8b, 0x87, 0xfe, 0x0f, 0, 0 }, 6, DEBUGGER_READ, DATA_AT + 0x1000, 2, DEBUGGER_WATCH_READ,
			DATA_AT + 0x1000 },
		/* push eax; inc dword [edi]; xchg; stosb; movsb; cmpxchg */
		{ { 0x50 }, 1, DEBUGGER_WRITE, STACK0 - 1, 1, DEBUGGER_WATCH_WRITE, STACK0 - 1 },
		{ { 0x58 }, 1, DEBUGGER_READ, STACK0, 4, DEBUGGER_WATCH_READ, STACK0 },
		{ { 0xff, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT, 4, DEBUGGER_WATCH_WRITE, DATA_AT },
		{ { 0xff, 0x07 }, 2, DEBUGGER_READ, DATA_AT, 4, DEBUGGER_WATCH_READ, DATA_AT },
		{ { 0x87, 0x07 }, 2, DEBUGGER_WRITE, DATA_AT, 4, DEBUGGER_WATCH_WRITE, DATA_AT },
		{ { 0xaa }, 1, DEBUGGER_WRITE, DATA_AT, 1, DEBUGGER_WATCH_WRITE, DATA_AT },
		{ { 0xac }, 1, DEBUGGER_READ, DATA_AT, 1, DEBUGGER_WATCH_READ, DATA_AT },
		{ { 0xff, 0x37 }, 2, DEBUGGER_READ, DATA_AT + 2, 1, DEBUGGER_WATCH_READ, DATA_AT + 2 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		CODE(CODE_AT, 0x43, 0x43, 0x43, 0x43, 0x43, 0x43, 0xf4);
		ram_put(CODE_AT, rows[i].code, rows[i].length);
		cpu->gpr[CPU_RSI] = cpu->gpr[CPU_RDI] = DATA_AT;
		cpu->gpr[CPU_RAX] = cpu->gpr[CPU_RBX] = 0;
		ram_put32(DATA_AT, 0);
		point(rows[i].kind, rows[i].linear, rows[i].size);
		ck_assert_int_eq(debugger_resume(cpu, false), 0);
		enum cpu_exit how = run_for(100);

		ck_assert_msg(how == (rows[i].reason ? CPU_EXIT_DEBUG : CPU_EXIT_HALT), "row %u: %d", i, (int)how);
		ck_assert_msg(
			cpu->debugger->reason == rows[i].reason, "row %u: reason %d", i, (int)cpu->debugger->reason);
		if (rows[i].reason) {
			ck_assert_msg(cpu->rip == CODE_AT + rows[i].length, "row %u: RIP %llx", i,
				(unsigned long long)cpu->rip);
			ck_assert_msg(cpu->debugger->address == rows[i].address, "row %u: at %llx", i,
				(unsigned long long)cpu->debugger->address);
			ck_assert_uint_eq(reg(CPU_RBX), 0);
			expect_halt(CODE_AT + 7);
		}
		point_remove(rows[i].kind, rows[i].linear, rows[i].size);
	}
}
END_TEST

/* Between the iterations of a repeated string instruction, which then goes on with the next. */
START_TEST(watchpoint_in_a_string)
{
	static const struct {
		uint8_t opcode;
		enum debugger_kind kind;
		uint32_t linear;
	} rows[] = { { 0xaa, DEBUGGER_WRITE, DATA_AT + 5 }, { 0xa4, DEBUGGER_WRITE, DATA_AT + 5 },
		{ 0xa4, DEBUGGER_READ, DATA_AT + 0x1005 }, { 0xac, DEBUGGER_ACCESS, DATA_AT + 0x1005 } };
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		CODE(CODE_AT, 0xf3, rows[i].opcode, 0xf4);
		cpu->gpr[CPU_RDI] = DATA_AT;
		cpu->gpr[CPU_RSI] = DATA_AT + 0x1000;
		cpu->gpr[CPU_RCX] = 16;
		point(rows[i].kind, rows[i].linear, 1);
		expect_stop(false, DEBUGGER_WATCH_WRITE + (rows[i].kind - DEBUGGER_WRITE), CODE_AT);
		ck_assert_uint_eq(reg(CPU_RCX), 10);
		ck_assert_uint_eq(cpu->debugger->address, rows[i].linear);
		expect_halt(CODE_AT + 3);
		ck_assert_uint_eq(reg(CPU_RCX), 0);
		point_remove(rows[i].kind, rows[i].linear, 1);
	}
}
END_TEST

/* A breakpoint is none for data, nor is a watchpoint one for code. */
START_TEST(both_kinds)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x89, 0x07, 0x8b, 0x0e, 0x43, 0xf4); /* mov [edi],eax; mov ecx,[esi] */
	cpu->gpr[CPU_RDI] = DATA_AT;
	cpu->gpr[CPU_RSI] = CODE_AT + 4;
	point(DEBUGGER_ACCESS, CODE_AT, 2);
	point(DEBUGGER_EXEC, DATA_AT, 1);
	point(DEBUGGER_EXEC, CODE_AT + 4, 1);
	expect_stop(false, DEBUGGER_BREAKPOINT, CODE_AT + 4);
	ck_assert_uint_eq(reg(CPU_RCX) & 0xffff, 0xf443);
	expect_halt(CODE_AT + 6);
}
END_TEST

/* ---- single steps ---- */

START_TEST(steps)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0xb8, 5, 0, 0, 0, 0xeb, 0x02, 0, 0, 0x0f, 0x0b);
	point(DEBUGGER_EXEC, CODE_AT, 1); /* does not hold up a step from there */
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 1);
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 6);
	ck_assert_uint_eq(reg(CPU_RAX), 5);
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 10);
	expect_stop(true, DEBUGGER_STEPPED, HANDLER(CPU_UD)); /* into the handler of its fault */
	ck_assert(!(frame32(2) & CPU_FLAG_TF));
	ck_assert_uint_eq(cpu->dr[6], 0xffff0ff0);
}
END_TEST

START_TEST(step_takes_no_interrupt)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0x40, 0x40, 0xf4);
	cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = 0x21;
	cpu_request(cpu, CPU_REQUEST_INTR);
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 1);
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 2);
	ck_assert_uint_eq(fixture.acknowledged, 0);
	expect_halt(HANDLER(0x21) + 1);
	ck_assert_uint_eq(fixture.acknowledged, 1);
	ck_assert_uint_eq(frame32(0), CODE_AT + 2);
}
END_TEST

/* Halted, there is nothing to step over but the interrupt that ends it. */
START_TEST(step_over_hlt)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0xf4, 0x40);
	CODE(HANDLER(0x21), 0x43, 0xf4);
	cpu->rflags |= CPU_FLAG_IF;
	fixture.vector = 0x21;
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 1);
	ck_assert(cpu->halted);
	cpu_request(cpu, CPU_REQUEST_INTR);
	expect_stop(true, DEBUGGER_STEPPED, HANDLER(0x21) + 1);
	ck_assert_uint_eq(frame32(0), CODE_AT + 1);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

/* A step that reaches watched memory says so. */
START_TEST(step_and_watchpoint)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x89, 0x07, 0x43);
	cpu->gpr[CPU_RDI] = DATA_AT;
	point(DEBUGGER_WRITE, DATA_AT, 4);
	expect_stop(true, DEBUGGER_WATCH_WRITE, CODE_AT + 2);
	expect_stop(true, DEBUGGER_STEPPED, CODE_AT + 3);
}
END_TEST

/* ---- memory ---- */

START_TEST(memory_without_paging)
{
	struct cpu *cpu = fixture.cpu;
	uint8_t data[300], back[300];

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	start_protected(CODE_AT, 0);
	fixture.read_only[(DATA_AT + 0x2000) / CPU_PAGE_SIZE] = true;
	ck_assert(debugger_memory(cpu, DATA_AT + 0xff5, data, sizeof(data), true)); /* two pages */
	ck_assert_int_eq(memcmp(fixture.ram + DATA_AT + 0xff5, data, sizeof(data)), 0);
	ck_assert(debugger_memory(cpu, DATA_AT + 0xff5, back, sizeof(back), false));
	ck_assert_int_eq(memcmp(back, data, sizeof(data)), 0);
	/* 32 bits of address outside IA-32e mode; a device reads as zeros and is not asked; ROM keeps what it has. */
	ck_assert(debugger_memory(cpu, 0x700000000 + DATA_AT + 0xff5, back, 1, false));
	ck_assert_uint_eq(back[0], data[0]);
	fixture.mmio_value = 0x1234;
	ck_assert(debugger_memory(cpu, MMIO_BASE, back, 4, false));
	ck_assert(!back[0] && !back[1] && !back[2] && !back[3]);
	ck_assert(debugger_memory(cpu, MMIO_BASE, data, 4, true));
	ck_assert_uint_eq(fixture.mmio_reads + fixture.mmio_writes, 0);
	ck_assert(debugger_memory(cpu, DATA_AT + 0x2000, data + 1, 1, true));
	ck_assert_uint_eq(fixture.ram[DATA_AT + 0x2000], 0);
	ck_assert(debugger_memory(cpu, DATA_AT, data, 0, false));
	debugger_physical(cpu, DATA_AT + 0x3030, data, sizeof(data), true);
	ck_assert_int_eq(memcmp(fixture.ram + DATA_AT + 0x3030, data, sizeof(data)), 0);
	debugger_physical(cpu, DATA_AT + 0x3030, back, sizeof(back), false);
	ck_assert_int_eq(memcmp(back, data, sizeof(data)), 0);
	debugger_physical(cpu, MMIO_BASE, back, 4, false);
	ck_assert(!back[0] && !back[3]);
}
END_TEST

/* What the guest may not write, and without accessed or dirty bits. */
START_TEST(memory_with_paging)
{
	struct cpu *cpu = fixture.cpu;
	uint32_t value = 0x12345678, back = 0;

	start_protected(CODE_AT, 3);
	paging_on(7);
	pte_put(DATA_AT, (DATA_AT + 0x5000) | 1); /* read-only, supervisor, elsewhere */
	pte_put(DATA_AT + 0x1000, 0);
	ck_assert(debugger_memory(cpu, DATA_AT + 0x10, &value, 4, true));
	ck_assert_uint_eq(ram_get32(DATA_AT + 0x5010), value);
	ck_assert(debugger_memory(cpu, DATA_AT + 0x10, &back, 4, false));
	ck_assert_uint_eq(back, value);
	ck_assert_uint_eq(ram_get32(PT_AT + (DATA_AT >> 12) * 4), (DATA_AT + 0x5000) | 1);
	ck_assert(!debugger_memory(cpu, DATA_AT + 0x1000, &back, 4, false));
	ck_assert(!debugger_memory(cpu, DATA_AT + 0xffe, &back, 4, false)); /* from a page that is there */
	ck_assert(!debugger_memory(cpu, DATA_AT + 0x1000, &value, 4, true));
	ck_assert_uint_eq(cpu->cr2, 0);
}
END_TEST

START_TEST(memory_in_long_mode)
{
	struct cpu *cpu = fixture.cpu;
	uint32_t value = 0x12345678, back = 0;

	start_long(CODE_AT, 0);
	ck_assert(debugger_memory(cpu, HIGH_HALF + DATA_AT, &value, 4, true));
	ck_assert_uint_eq(ram_get32(DATA_AT), value);
	ck_assert(debugger_memory(cpu, HIGH_HALF + DATA_AT, &back, 4, false));
	ck_assert_uint_eq(back, value);
	ck_assert(!debugger_memory(cpu, 0x700000000 + DATA_AT, &back, 4, false));
}
END_TEST

/* Code that the debugger changes is what runs next. */
START_TEST(memory_of_code)
{
	uint8_t inc_ebx = 0x43;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x40, 0xeb, 0xfd);
	ck_assert_int_eq(run_for(10), CPU_EXIT_BUDGET);
	fixture.cpu->rip = CODE_AT;
	ck_assert(debugger_memory(fixture.cpu, CODE_AT, &inc_ebx, 1, true));
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

SUITE("cpu debugger", points_are_kept, points_run_out, breakpoint_at_block_start_and_in_its_middle,
	breakpoint_where_it_was_resumed, breakpoint_in_the_handler_of_a_fault,
	breakpoint_in_the_handler_of_an_interrupt, breakpoint_under_trap_flag, breakpoint_is_linear,
	breakpoint_in_the_high_half, watchpoints, watchpoint_in_a_string, both_kinds, steps, step_takes_no_interrupt,
	step_over_hlt, step_and_watchpoint, memory_without_paging, memory_with_paging, memory_in_long_mode,
	memory_of_code)
