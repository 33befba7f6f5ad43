/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Transfers of control that fault half way leave nothing behind: accessed bits that cannot be written (SDM vol.
 * 3A, 5.11 and 6.5), stacks that end within a frame, in legacy and IA-32e mode; and what IRET does to the flags in
 * each.
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define CODE_AT   0x10000u
#define TARGET_AT 0x11000u
#define TABLE_AT  0x20000u /* a GDT whose page may only be read */
#define MISSING   0x30000u
#define ARRAY(a)  (sizeof(a) / sizeof((a)[0]))
#define CODE_SEL  0x40u
#define DATA_SEL  0x48u
#define GATE_SEL  0x50u
#define UCODE_SEL 0x60u
#define UDATA_SEL 0x68u

enum {
	JMP,
	CALL,
	CALL_GATE,
	JMP_GATE,
	INNER_GATE,
	INNER_GATE_SS,
	RETF,
	RETF_OUTER,
	RETF_OUTER_SS,
	IRET,
	MOV_DS,
	MOV_SS,
	INT_N,
	INT_INNER_SS
};

static void frame(uint32_t at, unsigned size, uint64_t rip, uint16_t cs, bool flags, uint64_t rsp, uint16_t ss)
{
	const uint64_t values[] = { rip, cs, CPU_FLAG_FIXED, rsp, ss };

	for (unsigned i = 0; i < ARRAY(values); i++) {
		if (i == 2 && !flags)
			continue;
		ram_put64(at, values[i]);
		at += size;
	}
}

/* A descriptor is used for the first time in a table that is read-only, under CR0.WP: #PF, and all is as before. */
START_TEST(accessed_bits)
{
	static const struct {
		unsigned what;
		bool ia32e;
		unsigned cpl;
		uint8_t code[8];
		uint16_t selector; /* whose bit is to be set */
		uint8_t accessed;  /* CODE_SEL has its bit already */
	} rows[] = {
		{ JMP, false, 0, { 0xea, 0, 0x10, 1, 0, CODE_SEL, 0 }, CODE_SEL, 0 },
		{ CALL, false, 0, { 0x9a, 0, 0x10, 1, 0, CODE_SEL, 0 }, CODE_SEL, 0 },
		{ CALL_GATE, false, 0, { 0x9a, 0, 0, 0, 0, GATE_SEL, 0 }, CODE_SEL, 0 },
		{ JMP_GATE, false, 0, { 0xea, 0, 0, 0, 0, GATE_SEL, 0 }, CODE_SEL, 0 },
		{ INNER_GATE, false, 3, { 0x9a, 0, 0, 0, 0, GATE_SEL | 3, 0 }, CODE_SEL, 0 },
		{ INNER_GATE_SS, false, 3, { 0x9a, 0, 0, 0, 0, GATE_SEL | 3, 0 }, DATA_SEL, 1 },
		{ RETF, false, 0, { 0xcb }, CODE_SEL, 0 },
		{ IRET, false, 0, { 0xcf }, CODE_SEL, 0 },
		{ RETF_OUTER, false, 0, { 0xcb }, UCODE_SEL, 0 },
		{ RETF_OUTER_SS, false, 0, { 0xcb }, UDATA_SEL, 1 },
		{ MOV_DS, false, 0, { 0x8e, 0xd9 }, DATA_SEL, 0 },
		{ MOV_SS, false, 0, { 0x8e, 0xd1 }, DATA_SEL, 0 },
		{ INT_N, false, 0, { 0xcd, 0x30 }, CODE_SEL, 0 },
		{ INT_N, false, 3, { 0xcd, 0x30 }, CODE_SEL, 0 },
		{ INT_INNER_SS, false, 3, { 0xcd, 0x30 }, DATA_SEL, 1 },
		{ JMP, true, 0, { 0x48, 0xff, 0x2f }, CODE_SEL, 0 },
		{ CALL, true, 0, { 0x48, 0xff, 0x1f }, CODE_SEL, 0 },
		{ CALL_GATE, true, 0, { 0x48, 0xff, 0x1f }, CODE_SEL, 0 },
		{ INNER_GATE, true, 3, { 0x48, 0xff, 0x1f }, CODE_SEL, 0 },
		{ RETF, true, 0, { 0x48, 0xcb }, CODE_SEL, 0 },
		{ RETF_OUTER, true, 0, { 0x48, 0xcb }, UCODE_SEL, 0 },
		{ RETF_OUTER_SS, true, 0, { 0x48, 0xcb }, UDATA_SEL, 1 },
		{ IRET, true, 0, { 0x48, 0xcf }, CODE_SEL, 0 },
		{ INT_N, true, 0, { 0xcd, 0x30 }, CODE_SEL, 0 },
		{ INT_N, true, 3, { 0xcd, 0x30 }, CODE_SEL, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		unsigned what = rows[i].what, size = rows[i].ia32e ? 8 : 4, data_cpl = rows[i].cpl;
		uint32_t at = rows[i].cpl ? STACK3 - 128 : STACK0 - 128;
		bool outer = what == RETF_OUTER || what == RETF_OUTER_SS;
		uint16_t code = rows[i].ia32e ? 0xa09a : 0xc09a, selectors[6];
		uint8_t bit = rows[i].accessed;

		cpu_reset(cpu, false);
		if (rows[i].ia32e) {
			start_long(CODE_AT, rows[i].cpl);
			gate_put_long(0x30, CODE_SEL, TARGET_AT, 0xee, 0);
			ram_put64(PTAB_AT + 8 * (TABLE_AT >> 12), TABLE_AT | 5);
		} else {
			start_protected(CODE_AT, rows[i].cpl);
			paging_on(7);
			pte_put(TABLE_AT, TABLE_AT | 5);
			idt_put(0x30, gate_make(CODE_SEL, TARGET_AT, 0xee, 0));
			ram_put32(TSS_AT + 8, what == INNER_GATE_SS || what == INT_INNER_SS ? DATA_SEL : KDATA);
			/* The fault's handler stays at CPL 3, and does without that stack. */
			if (what == INNER_GATE_SS || what == INT_INNER_SS)
				idt_put(CPU_PF, gate_make(UCODE, HANDLER(CPU_PF), 0xee, 0));
			else
				data_cpl = 0;
		}
		gdt_put(CODE_SEL, descriptor_make(0, ~0u, code | bit));
		gdt_put(DATA_SEL, descriptor_make(0, ~0u, 0xc092));
		gdt_put(GATE_SEL, gate_make(CODE_SEL, TARGET_AT, 0xec, 0));
		gdt_put(GATE_SEL + 8, 0);
		gdt_put(UCODE_SEL, descriptor_make(0, ~0u, (code | 0x60) | bit));
		gdt_put(UDATA_SEL, descriptor_make(0, ~0u, 0xc0f2));
		memcpy(fixture.ram + TABLE_AT, fixture.ram + GDT_AT, 0x100);
		cpu->gdtr.base = TABLE_AT;
		ram_put(CODE_AT, rows[i].code, 8);
		CODE(HANDLER(CPU_PF), 0xeb, 0xfe);
		ram_put64(0x28000, TARGET_AT);
		ram_put16(0x28008, what == CALL_GATE || what == INNER_GATE ? GATE_SEL | rows[i].cpl : CODE_SEL);
		cpu->gpr[CPU_RDI] = 0x28000;
		cpu->gpr[CPU_RCX] = DATA_SEL;
		cpu->gpr[CPU_RSP] = at;
		frame(at, size, TARGET_AT, outer ? UCODE_SEL | 3 : CODE_SEL, what == IRET,
			what == IRET ? STACK0 : STACK3, what == IRET ? KDATA : UDATA_SEL | 3);
		for (unsigned n = 0; n < 6; n++)
			selectors[n] = cpu->segment[n].selector;
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_msg(cpu->rip == HANDLER(CPU_PF), "row %u: at %llx", i, (unsigned long long)cpu->rip);
		ck_assert_msg(cpu->cr2 == TABLE_AT + rows[i].selector + 5, "row %u: CR2 %llx", i,
			(unsigned long long)cpu->cr2);
		ck_assert_uint_eq(frame32(0), 3); /* a write by the supervisor, whatever the CPL */
		ck_assert_uint_eq(frame32(size / 4), CODE_AT);
		ck_assert_uint_eq(ram_get16((uint32_t)reg(CPU_RSP) + 2 * size), selectors[CPU_CS]);
		if (rows[i].ia32e || (rows[i].cpl && data_cpl != 3)) {
			ck_assert_uint_eq(ram_get16((uint32_t)reg(CPU_RSP) + 5 * size), selectors[CPU_SS]);
			ck_assert_uint_eq(ram_get32((uint32_t)reg(CPU_RSP) + 4 * size), at);
		} else {
			ck_assert_uint_eq(cpu->segment[CPU_SS].selector, selectors[CPU_SS]);
			ck_assert_uint_eq(reg(CPU_RSP), at - 4 * size);
		}
		ck_assert_uint_eq(cpu->segment[CPU_DS].selector, selectors[CPU_DS]);
		ck_assert_int_eq(memcmp(fixture.ram + TABLE_AT, fixture.ram + GDT_AT, 0x100), 0);
	}
}
END_TEST

/* IA-32e mode: pages end within what interrupts, call gates and returns push and pop.  #PF has a stack of its own. */
START_TEST(long_stacks)
{
	enum { INT_RING3, CALL_INNER, CALL_SAME, CALL_FAR, RET, RET_OUTER, INTERRUPT_RETURN };
	static const struct {
		unsigned what, cpl, slots; /* of eight bytes */
		uint8_t code[3];
	} rows[] = {
		{ INT_RING3, 3, 5, { 0xcd, 0x30 } },
		{ CALL_INNER, 3, 4, { 0x48, 0xff, 0x1f } },
		{ CALL_SAME, 0, 2, { 0x48, 0xff, 0x1f } },
		{ CALL_FAR, 0, 2, { 0x48, 0xff, 0x1f } },
		{ RET, 0, 2, { 0x48, 0xcb } },
		{ RET_OUTER, 0, 4, { 0x48, 0xcb } },
		{ INTERRUPT_RETURN, 0, 5, { 0x48, 0xcf } },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		unsigned what = rows[i].what, step = what == INT_RING3 ? 2 : 1; /* it aligns its stack */
		bool pops = what >= RET;

		for (unsigned have = 0; have <= rows[i].slots; have += step) {
			uint64_t rsp = pops ? MISSING - 8 * have : MISSING + 0x1000 + 8 * have;
			bool faults = have < rows[i].slots;

			start_long(CODE_AT, rows[i].cpl);
			ram_put(CODE_AT, rows[i].code, 3);
			CODE(TARGET_AT, 0xf4);
			gate_put_long(0x30, KCODE, TARGET_AT, 0xee, 0);
			gate_put_long(CPU_PF, KCODE, HANDLER(CPU_PF), 0x8e, 1);
			gdt_put(GATE_SEL, gate_make(KCODE, TARGET_AT, 0xec, 0));
			gdt_put(GATE_SEL + 8, 0);
			ram_put64(0x28000, TARGET_AT);
			ram_put16(0x28008, what == CALL_FAR ? KCODE : GATE_SEL | rows[i].cpl);
			cpu->gpr[CPU_RDI] = 0x28000;
			if (rows[i].cpl)
				ram_put64(TSS_AT + 4, rsp);
			else
				cpu->gpr[CPU_RSP] = rsp;
			ram_put64(PTAB_AT + 8 * (MISSING >> 12), 0);
			if (pops)
				frame((uint32_t)rsp, 8, TARGET_AT, what == RET_OUTER ? UCODE : KCODE,
					what == INTERRUPT_RETURN, STACK3, what == RET_OUTER ? UDATA : KDATA);
			run_for(1);
			if (!faults) {
				ck_assert_msg(
					cpu->rip == TARGET_AT, "row %u: at %llx", i, (unsigned long long)cpu->rip);
				continue;
			}
			ck_assert_msg(cpu->rip == HANDLER(CPU_PF) + 1, "row %u, %u: at %llx", i, have,
				(unsigned long long)cpu->rip);
			ck_assert_uint_eq(cpu->cr2, pops ? MISSING : MISSING + 0xff8);
			ck_assert_uint_eq(frame64(0), pops ? 0 : 2);
			ck_assert_uint_eq(frame64(1), CODE_AT);
			ck_assert_uint_eq(frame64(4), rows[i].cpl ? STACK3 : rsp);
		}
	}
	/* At the edge of what is canonical: #SS(0). */
	for (unsigned i = 0; i < 2; i++) {
		start_long(CODE_AT, 0);
		CODE(CODE_AT, 0x48, i ? 0xcf : 0xcb);
		gate_put_long(CPU_SSF, KCODE, HANDLER(CPU_SSF), 0x8e, 1);
		cpu->gpr[CPU_RSP] = i ? 0x800000000000 : 0x7ffffffffffc;
		expect_vector(CPU_SSF);
		ck_assert_uint_eq(frame64(0), 0);
		ck_assert_uint_eq(frame64(1), CODE_AT);
	}
}
END_TEST

/* IRET of 16, 32 and 64 bits under every CPL and IOPL: which flags an image of ones, or zeros, changes (vol. 2A, IRET).
 */
START_TEST(iret_flags)
{
	enum mode { REAL, RING0, RING3, V86, LONG0, LONG3 };
	enum {
		STATUS = CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_DF | CPU_FLAG_NT,
		WIDE = CPU_FLAG_RF | CPU_FLAG_AC | CPU_FLAG_ID,
		KERNEL = CPU_FLAG_IF | CPU_FLAG_IOPL
	};
	static const struct {
		enum mode mode;
		unsigned iopl, size;
		uint32_t changes;
	} rows[] = {
		{ REAL, 0, 2, STATUS | KERNEL },
		{ REAL, 0, 4, STATUS | KERNEL | WIDE },
		{ RING0, 0, 2, STATUS | KERNEL },
		{ RING0, 0, 4, STATUS | KERNEL | WIDE | CPU_FLAG_VIF | CPU_FLAG_VIP },
		{ RING3, 0, 2, STATUS },
		{ RING3, 2, 4, STATUS | WIDE },
		{ RING3, 3, 4, STATUS | WIDE | CPU_FLAG_IF },
		{ V86, 3, 2, STATUS | CPU_FLAG_IF },
		{ V86, 3, 4, STATUS | WIDE | CPU_FLAG_IF },
		{ LONG0, 0, 8, STATUS | KERNEL | WIDE | CPU_FLAG_VIF | CPU_FLAG_VIP },
		{ LONG0, 0, 4, STATUS | KERNEL | WIDE | CPU_FLAG_VIF | CPU_FLAG_VIP },
		{ LONG3, 0, 8, STATUS | WIDE },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 2 * ARRAY(rows); i++) {
		unsigned row = i / 2, size = rows[row].size;
		enum mode mode = rows[row].mode;
		bool sixteen = mode == REAL || mode == V86, ones = i & 1;
		uint32_t image = ones ? 0x3d7fd5 : 0, iopl = rows[row].iopl << 12, before, at;
		uint64_t values[5];

		cpu_reset(cpu, false);
		if (mode == REAL)
			start_real(0x5000);
		else if (mode == V86)
			start_v86(0, 0x5000, iopl);
		else if (mode >= LONG0)
			start_long(0x5000, mode == LONG3 ? 3 : 0);
		else
			start_protected(0x5000, mode == RING3 ? 3 : 0);
		cpu->rflags |= iopl;
		if (!ones)
			cpu->rflags |= rows[row].changes &
				~(CPU_FLAG_TF | CPU_FLAG_AC | CPU_FLAG_NT | CPU_FLAG_VIP | CPU_FLAG_VIF);
		before = (uint32_t)cpu->rflags;
		if (size == 8)
			CODE(0x5000, 0x48, 0xcf);
		else if (mode < LONG0 && sixteen != (size == 2))
			CODE(0x5000, 0x66, 0xcf);
		else
			CODE(0x5000, 0xcf);
		at = (uint32_t)reg(CPU_RSP) - 64;
		cpu->gpr[CPU_RSP] = at;
		values[0] = 0x5100;
		values[1] = sixteen ? 0 : mode == RING3 || mode == LONG3 ? UCODE : KCODE;
		values[2] = image;
		values[3] = mode == LONG3 ? STACK3 : STACK0;
		values[4] = mode == LONG3 ? UDATA : KDATA;
		for (unsigned n = 0; n < 5; n++)
			ram_put(at + n * size, &values[n], size);
		CODE(0x5100, 0xeb, 0xfe);
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_msg(cpu->rip == 0x5100, "row %u: at %llx", row, (unsigned long long)cpu->rip);
		ck_assert_msg(cpu_rflags(cpu) == ((before & ~rows[row].changes) | (image & rows[row].changes)),
			"row %u, image %x: %llx after %x", row, image, (unsigned long long)cpu_rflags(cpu), before);
	}
	/* In virtual-8086 mode, and beyond its stack. */
	for (unsigned have = 0; have < 6; have += 2) {
		cpu_reset(cpu, false);
		start_v86(0, 0x5000, CPU_FLAG_IOPL);
		CODE(0x5000, 0xcf);
		cpu->segment[CPU_SS].limit = 0x6000 + have - 1;
		cpu->gpr[CPU_RSP] = 0x6000;
		expect_vector(CPU_SSF);
		ck_assert_uint_eq(frame32(0), 0);
		ck_assert_uint_eq(frame32(4), 0x6000);
	}
}
END_TEST

/* Data segments that a return to less privilege drops: not conforming code, not null ones, not those of DPL 3. */
START_TEST(segments_dropped)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x66, 0xcb); /* of 16 bits: SP's upper half becomes zero */
	cpu->segment[CPU_DS].selector = CODE_SEL;
	cpu->segment[CPU_DS].attributes = 0xc09f;
	cpu->segment[CPU_ES].selector = 0;
	cpu->segment[CPU_ES].attributes = 0;
	cpu->segment[CPU_FS].selector = UDATA;
	cpu->segment[CPU_FS].attributes = 0xc0f3;
	cpu->segment[CPU_GS].attributes = 0xc09b;
	cpu->gpr[CPU_RSP] = STACK0 - 8;
	ram_put16(STACK0 - 8, 0x4000);
	ram_put16(STACK0 - 6, UCODE);
	ram_put16(STACK0 - 4, 0x9000);
	ram_put16(STACK0 - 2, UDATA);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->rip, 0x4000);
	ck_assert_uint_eq(reg(CPU_RSP), 0x9000);
	ck_assert_uint_eq(cpu->segment[CPU_DS].selector, CODE_SEL);
	ck_assert_uint_eq(cpu->segment[CPU_FS].selector, UDATA);
	ck_assert_uint_eq(cpu->segment[CPU_GS].selector, 0);
	ck_assert_uint_eq(cpu->segment[CPU_GS].attributes, 0);
}
END_TEST

/* In and out of system management mode, the trace says so. */
START_TEST(trace_of_smm)
{
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < 3; i++) {
		cpu_reset(cpu, false);
		start_protected(CODE_AT, 0);
		CODE(CODE_AT, 0x40, 0xf4);
		CODE(0x38000, 0x0f, 0xaa); /* rsm */
		fixture.log[0] = 0;
		cpu->trace = i == 0 ? 0 : CPU_TRACE_INT;
		if (i == 2)
			cpu->trace_log = NULL;
		cpu_request(cpu, CPU_REQUEST_SMI);
		ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
		ck_assert_uint_eq(cpu->rip, CODE_AT + 2);
		ck_assert_int_eq(strstr(fixture.log, "smbase 00030000") != NULL, i == 1);
		ck_assert_int_eq(strstr(fixture.log, "0008:00010000") != NULL, i == 1);
	}
}
END_TEST

SUITE("cpu restarts", accessed_bits, long_stacks, iret_flags, segments_dropped, trace_of_smm)
