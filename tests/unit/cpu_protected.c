/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Protected mode: segments, gates, privilege changes, exceptions on exceptions.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/mode.h"

START_TEST(null_selector)
{
	start_protected(0x10000, 0);
	CODE(0x10000, 0x31, 0xc0, 0x8e, 0xd8, 0xa1, 0x00, 0x00, 0x02,
		0x00); /* xor eax,eax; mov ds,ax; mov eax,[20000] */
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0);
	ck_assert_uint_eq(frame32(1), 0x10004);
	ck_assert_uint_eq(frame32(2), KCODE);
	ck_assert_uint_eq(frame32(3) & CPU_FLAG_RF, CPU_FLAG_RF); /* a fault */
}
END_TEST

START_TEST(null_ss)
{
	start_protected(0x10000, 0);
	CODE(0x10000, 0x31, 0xc0, 0x8e, 0xd0);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0);
}
END_TEST

/* Load DS from a descriptor, then read at an offset; the vector expected, or 0 for none. */
static void data_access(uint64_t descriptor, uint32_t offset, bool write, unsigned vector, uint32_t error, uint32_t eip)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	gdt_put(FREE_SEL, descriptor);
	/* mov ds,ax; mov al,[ebx] or mov [ebx],al; hlt */
	CODE(0x10000, 0x8e, 0xd8, write ? 0x88 : 0x8a, 0x03, 0xf4);
	cpu->halted = false;
	cpu->gpr[CPU_RAX] = FREE_SEL;
	cpu->gpr[CPU_RBX] = offset;
	if (!vector) {
		ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
		ck_assert_uint_eq(cpu->rip, 0x10005);
		return;
	}
	expect_vector(vector);
	ck_assert_uint_eq(frame32(0), error);
	ck_assert_uint_eq(frame32(1), eip);
}

START_TEST(data_segments)
{
	static const struct {
		uint16_t attributes;
		uint32_t limit, offset;
		bool write;
		unsigned vector;
		uint32_t error, eip;
	} rows[] = {
		{ 0x4093, 0xfff, 0xfff, false, 0, 0, 0 }, { 0x4093, 0xfff, 0x1000, false, CPU_GP, 0, 0x10002 },
		{ 0x4091, 0xfff, 0, false, 0, 0, 0 }, /* read-only */
		{ 0x4091, 0xfff, 0, true, CPU_GP, 0, 0x10002 },
		{ 0x4097, 0xfff, 0xfff, false, CPU_GP, 0, 0x10002 }, /* expand-down */
		{ 0x4097, 0xfff, 0x1000, true, 0, 0, 0 },
		{ 0x0097, 0xfff, 0xffff, true, 0, 0, 0 }, /* expand-down, 16 bits */
		{ 0x0097, 0xfff, 0x10000, true, CPU_GP, 0, 0x10002 },
		{ 0xc093, 0x1fff, 0x1fff, true, 0, 0, 0 }, /* granular */
		{ 0xc093, 0x1fff, 0x2000, true, CPU_GP, 0, 0x10002 },
		{ 0x409b, 0xfff, 0, false, 0, 0, 0 }, /* readable code */
		{ 0x409b, 0xfff, 0, true, CPU_GP, 0, 0x10002 },
		{ 0x4099, 0xfff, 0, false, CPU_GP, FREE_SEL, 0x10000 }, /* execute-only */
		{ 0x4013, 0xfff, 0, false, CPU_NP, FREE_SEL, 0x10000 }, /* not present */
		{ 0x0089, 0xfff, 0, false, CPU_GP, FREE_SEL, 0x10000 }, /* a TSS */
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		data_access(descriptor_make(0x20000, rows[i].limit, rows[i].attributes), rows[i].offset, rows[i].write,
			rows[i].vector, rows[i].error, rows[i].eip);
}
END_TEST

START_TEST(accessed_bit)
{
	data_access(descriptor_make(0x20000, 0xfff, 0x4092), 0, false, 0, 0, 0);
	ck_assert_uint_eq(fixture.ram[GDT_AT + FREE_SEL + 5], 0x93);
}
END_TEST

START_TEST(beyond_the_table)
{
	start_protected(0x10000, 0);
	CODE(0x10000, 0x66, 0xb8, 0x00, 0x02, 0x8e, 0xc0);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0x200);
}
END_TEST

START_TEST(int_from_user)
{
	start_protected(0x10000, 3);
	idt_put(0x30, gate_make(KCODE, 0x4300, 0xee, 0));
	CODE(0x10000, 0xcd, 0x30, 0x43, 0xeb, 0xfe); /* int 30h; inc ebx; jmp . */
	CODE(0x4300, 0xf4, 0xcf);                    /* hlt; iret */
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->cpl, 0);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_SS].selector, KDATA);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0 - 20);
	ck_assert_uint_eq(frame32(0), 0x10002);
	ck_assert_uint_eq(frame32(1), UCODE);
	ck_assert_uint_eq(frame32(3), STACK3);
	ck_assert_uint_eq(frame32(4), UDATA);
	fixture.cpu->halted = false;
	ck_assert_int_eq(run_for(3), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(fixture.cpu->cpl, 3);
	ck_assert_uint_eq(reg(CPU_RSP), STACK3);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_SS].selector, UDATA);
}
END_TEST

START_TEST(int_needs_gate_dpl)
{
	start_protected(0x10000, 3);
	CODE(0x10000, 0xcd, 0x20);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0x20 * 8 + 2);
	ck_assert_uint_eq(frame32(1), 0x10000);
}
END_TEST

START_TEST(iret_drops_segments)
{
	start_protected(0x10000, 0);
	/* push UDATA; push esp3; push flags; push UCODE; push eip; iret; DS is KDATA, DPL 0 */
	CODE(0x10000, 0x6a, UDATA, 0x68, 0x00, 0x90, 0x00, 0x00, 0x6a, 0x02, 0x6a, UCODE, 0x68, 0x00, 0x01, 0x01, 0x00,
		0xcf);
	CODE(0x10100, 0xa1, 0x00, 0x00, 0x02, 0x00); /* mov eax,[20000] */
	expect_vector(CPU_GP);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_DS].selector, 0);
	ck_assert_uint_eq(frame32(0), 0);
	ck_assert_uint_eq(frame32(1), 0x10100);
	ck_assert_uint_eq(frame32(2), UCODE);
}
END_TEST

START_TEST(privileged_instructions_at_cpl3)
{
	static const uint8_t codes[][4] = { { 0xf4 }, { 0x0f, 0x22, 0xc0 }, { 0x0f, 0x20, 0xc0 }, { 0x0f, 0x06 },
		{ 0x0f, 0x30 }, { 0x0f, 0x32 }, { 0x0f, 0x09 }, { 0xfa }, { 0xe4, 0x60 }, { 0x0f, 0x01, 0x3b },
		{ 0x0f, 0x23, 0xc0 }, { 0x0f, 0x00, 0xd8 }, { 0x0f, 0x01, 0x13 } };

	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		fixture.cpu->halted = false;
		start_protected(0x10000, 3);
		ram_put(0x10000, codes[i], 4);
		expect_vector(CPU_GP);
		ck_assert_uint_eq(frame32(0), 0);
		ck_assert_uint_eq(frame32(1), 0x10000);
	}
}
END_TEST

START_TEST(call_gate_with_parameters)
{
	start_protected(0x10000, 3);
	gdt_put(FREE_SEL, gate_make(KCODE, 0x4300, 0xec, 2)); /* 32-bit call gate, DPL 3, two parameters */
	/* push 11h; push 22h; call FREE_SEL|3:0; inc ebx; jmp . */
	CODE(0x10000, 0x6a, 0x11, 0x6a, 0x22, 0x9a, 0, 0, 0, 0, FREE_SEL | 3, 0, 0x43, 0xeb, 0xfe);
	CODE(0x4300, 0xf4, 0xca, 0x08, 0x00); /* hlt; retf 8 */
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0 - 24);
	ck_assert_uint_eq(frame32(0), 0x1000b);
	ck_assert_uint_eq(frame32(1), UCODE);
	ck_assert_uint_eq(frame32(2), 0x22);
	ck_assert_uint_eq(frame32(3), 0x11);
	ck_assert_uint_eq(frame32(4), STACK3 - 8);
	ck_assert_uint_eq(frame32(5), UDATA);
	fixture.cpu->halted = false;
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(fixture.cpu->cpl, 3);
	ck_assert_uint_eq(reg(CPU_RSP), STACK3);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
}
END_TEST

START_TEST(conforming_code)
{
	start_protected(0x10000, 3);
	gdt_put(FREE_SEL, descriptor_make(0, 0xffffffff, 0xc09f)); /* conforming, DPL 0 */
	CODE(0x10000, 0xea, 0x00, 0x03, 0x01, 0x00, FREE_SEL, 0);  /* jmp FREE_SEL:10300h */
	CODE(0x10300, 0x0e, 0x58, 0xcc);                           /* push cs; pop eax; int3 */
	idt_put(CPU_BP, gate_make(KCODE, HANDLER(CPU_BP), 0xee, 0));
	expect_vector(CPU_BP);
	ck_assert_uint_eq(reg(CPU_RAX), FREE_SEL | 3);
	ck_assert_uint_eq(frame32(0), 0x10303); /* INT3 is a trap */
}
END_TEST

START_TEST(nonconforming_code_refused)
{
	start_protected(0x10000, 3);
	CODE(0x10000, 0xea, 0x00, 0x03, 0x01, 0x00, KCODE, 0);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), KCODE);
}
END_TEST

START_TEST(double_fault)
{
	start_protected(0x10000, 0);
	idt_put(CPU_GP, 0); /* #GP on the way to #GP */
	CODE(0x10000, 0x31, 0xc0, 0x8e, 0xd0);
	expect_vector(CPU_DF);
	ck_assert_uint_eq(frame32(0), 0);
	ck_assert_uint_eq(frame32(1), 0x10002);
}
END_TEST

START_TEST(triple_fault)
{
	start_protected(0x10000, 0);
	idt_put(CPU_GP, 0);
	idt_put(CPU_DF, 0);
	CODE(0x10000, 0x31, 0xc0, 0x8e, 0xd0);
	ck_assert_int_eq(run_for(10), CPU_EXIT_SHUTDOWN);
	/* It stands still, and INTR does not wake it (SDM vol. 3A, 6.15, "Interrupt 8"). */
	cpu_request(fixture.cpu, CPU_REQUEST_INTR);
	ck_assert(!cpu_wakes(fixture.cpu));
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	/* INIT does, and it begins anew. */
	cpu_request(fixture.cpu, CPU_REQUEST_INIT);
	ck_assert(cpu_wakes(fixture.cpu));
	ck_assert_int_eq(run_for(0), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(fixture.cpu->rip, 0xfff0);
	ck_assert(!fixture.cpu->shutdown);
}
END_TEST

START_TEST(nmi_after_shutdown)
{
	start_protected(0x10000, 0);
	idt_put(CPU_GP, 0);
	idt_put(CPU_DF, 0);
	CODE(0x10000, 0x31, 0xc0, 0x8e, 0xd0);
	ck_assert_int_eq(run_for(10), CPU_EXIT_SHUTDOWN);
	cpu_request(fixture.cpu, CPU_REQUEST_NMI);
	ck_assert(cpu_wakes(fixture.cpu));
	ck_assert_int_eq(run_for(0), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(fixture.cpu->rip, HANDLER(CPU_NMI));
	ck_assert(!fixture.cpu->shutdown);
}
END_TEST

START_TEST(benign_then_contributory)
{
	start_protected(0x10000, 0);
	idt_put(CPU_UD, gate_make(0x200, 0, 0x8e, 0)); /* #UD is benign: the #GP is delivered, with EXT */
	CODE(0x10000, 0x0f, 0x0b);
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(0), 0x201);
}
END_TEST

START_TEST(inner_stack_too_small)
{
	start_protected(0x10000, 3);
	gdt_put(FREE_SEL, descriptor_make(0, 0x3, 0x4093)); /* limit 3: no room */
	ram_put32(TSS_AT + 4, 4);
	ram_put32(TSS_AT + 8, FREE_SEL);
	idt_put(0x30, gate_make(KCODE, 0x4300, 0xee, 0));
	idt_put(CPU_SSF, (uint64_t)0x85 << 40 | (uint64_t)TSS2_SEL << 16);
	ram_put32(TSS2_AT + 32, 0x4400);
	ram_put32(TSS2_AT + 36, 2);
	ram_put32(TSS2_AT + 56, 0xa000); /* esp */
	for (unsigned i = 0; i < 6; i++)
		ram_put32(TSS2_AT + 72 + 4 * i, i == 1 ? KCODE : KDATA);
	CODE(0x10000, 0xcd, 0x30);
	CODE(0x4400, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->rip, 0x4401);
	ck_assert_uint_eq(reg(CPU_RSP), 0xa000 - 4);
	ck_assert_uint_eq(frame32(0), FREE_SEL);
}
END_TEST

START_TEST(lar_lsl_verr)
{
	start_protected(0x10000, 0);
	gdt_put(FREE_SEL, descriptor_make(0, 0x1fff, 0xc093));
	/* mov ecx,sel; lar eax,ecx; lsl ebx,ecx; verw cx; setz dl; verr [null]; setz dh; hlt */
	CODE(0x10000, 0xb9, FREE_SEL, 0, 0, 0, 0x0f, 0x02, 0xc1, 0x0f, 0x03, 0xd9, 0x0f, 0x00, 0xe9, 0x0f, 0x94, 0xc2,
		0x31, 0xc9, 0x0f, 0x00, 0xe1, 0x0f, 0x94, 0xc6, 0xf4);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0xc09300);
	ck_assert_uint_eq(reg(CPU_RBX), 0x1fff);
	ck_assert_uint_eq(reg(CPU_RDX) & 0xffff, 0x0001);
}
END_TEST

START_TEST(io_bitmap)
{
	start_protected(0x10000, 3);
	ram_put16(TSS_AT + 102, 104);
	for (unsigned i = 0; i < 0x100; i++)
		ram_put8(TSS_AT + 104 + i, 0);
	ram_put8(TSS_AT + 104 + 0x61 / 8, 1 << (0x61 % 8));
	CODE(0x10000, 0xe4, 0x60, 0xe5, 0x60); /* in al,60h: allowed; in eax,60h: touches 61h */
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(1), 0x10002);
	ck_assert_uint_eq(fixture.port_reads, 1);
}
END_TEST

START_TEST(sysenter_sysexit)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 3);
	cpu->sysenter_cs = KCODE;
	cpu->sysenter_esp = STACK0;
	cpu->sysenter_eip = 0x4300;
	cpu->rflags |= CPU_FLAG_IF;
	CODE(0x10000, 0x0f, 0x34);
	CODE(0x4300, 0xb9, 0x00, 0x90, 0x00, 0x00, 0xba, 0x00, 0x03, 0x01, 0x00, 0x0f,
		0x35); /* mov ecx; mov edx; sysexit */
	CODE(0x10300, 0xeb, 0xfe);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->cpl, 0);
	ck_assert_uint_eq(cpu->rflags & CPU_FLAG_IF, 0);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0);
	ck_assert_int_eq(run_for(3), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->cpl, 3);
	ck_assert_uint_eq(cpu->rip, 0x10300);
	ck_assert_uint_eq(cpu->segment[CPU_CS].selector, KCODE + 16 + 3);
	ck_assert_uint_eq(reg(CPU_RSP), 0x9000);
}
END_TEST

START_TEST(enter_and_leave)
{
	start_protected(0x10000, 0);
	CODE(0x10000, 0xc8, 0x10, 0x00, 0x00, 0xc8, 0x08, 0x00, 0x02, 0xc9, 0xc9,
		0xf4); /* enter 16,0; enter 8,2; leave; leave */
	fixture.cpu->gpr[CPU_RBP] = 0x1234;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RBP), STACK0 - 4);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0 - 20);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RBP), STACK0 - 24);
	ck_assert_uint_eq(ram_get32(STACK0 - 32), STACK0 - 24);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0 - 40);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBP), 0x1234);
	ck_assert_uint_eq(reg(CPU_RSP), STACK0);
}
END_TEST

START_TEST(interrupt_clears_if_trap_keeps)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	cpu->rflags |= CPU_FLAG_IF;
	idt_put(0x21, gate_make(KCODE, HANDLER(0x21), 0x8f, 0));
	CODE(0x10000, 0xcd, 0x21);
	expect_vector(0x21);
	ck_assert(cpu->rflags & CPU_FLAG_IF);
	cpu->halted = false;
	cpu->rip = 0x10010;
	CODE(0x10010, 0xcd, 0x22);
	expect_vector(0x22);
	ck_assert(!(cpu->rflags & CPU_FLAG_IF));
}
END_TEST

SUITE("cpu protected mode", null_selector, null_ss, data_segments, accessed_bit, beyond_the_table, int_from_user,
	int_needs_gate_dpl, iret_drops_segments, privileged_instructions_at_cpl3, call_gate_with_parameters,
	conforming_code, nonconforming_code_refused, double_fault, triple_fault, nmi_after_shutdown,
	benign_then_contributory, inner_stack_too_small, lar_lsl_verr, io_bitmap, sysenter_sysexit, enter_and_leave,
	interrupt_clears_if_trap_keeps)
