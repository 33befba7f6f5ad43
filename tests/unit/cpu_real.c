/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Real mode: reset, vectors, limits, the way into protected mode and back; shadows, budget, strings.
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"

START_TEST(reset_state)
{
	struct cpu *cpu = fixture.cpu;

	ck_assert_uint_eq(cpu->rip, 0xfff0);
	ck_assert_uint_eq(cpu->segment[CPU_CS].base, 0xffff0000);
	ck_assert_uint_eq(cpu->segment[CPU_CS].selector, 0xf000);
	ck_assert_uint_eq(cpu->cr0, 0x60000010);
	ck_assert_uint_eq(cpu->rflags, 2);
	ck_assert_uint_eq(cpu->dr[6], 0xffff0ff0);
	ck_assert_uint_eq(cpu->dr[7], 0x400);
	ck_assert_uint_eq(cpu->gpr[CPU_RDX] >> 8 & 15, 6);
}
END_TEST

START_TEST(int_and_iret)
{
	start_real(0x500);
	ram_put32(0x21 * 4, 0x00010600); /* 0001:0600 */
	fixture.cpu->rflags |= CPU_FLAG_IF;
	CODE(0x500, 0xcd, 0x21, 0x43, 0xf4);       /* int 21h; inc bx; hlt */
	CODE(0x610, 0x9c, 0x58, 0x89, 0xe5, 0xcf); /* pushf; pop ax; mov bp,sp; iret */
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	ck_assert_uint_eq(reg(CPU_RAX) & CPU_FLAG_IF, 0); /* cleared in the handler */
	ck_assert_uint_eq(reg(CPU_RBP), 0x7000 - 6);
	ck_assert_uint_eq(reg(CPU_RSP), 0x7000);
	ck_assert_uint_eq(fixture.cpu->rflags & CPU_FLAG_IF, CPU_FLAG_IF);
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x502);
	ck_assert_uint_eq(fixture.cpu->instructions, 7);
}
END_TEST

START_TEST(limit_is_gp_without_error_code)
{
	start_real(0x500);
	CODE(0x500, 0xbb, 0xff, 0xff, 0x8b, 0x07, 0xf4); /* mov bx,ffff; mov ax,[bx]: crosses the limit */
	expect_vector(CPU_GP);
	ck_assert_uint_eq(reg(CPU_RSP), 0x7000 - 6);
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x503); /* the instruction's own IP */
}
END_TEST

START_TEST(stack_limit_is_ss)
{
	start_real(0x500);
	fixture.cpu->gpr[CPU_RSP] = 1;
	/* The handler needs stack too: with SP odd at the top, this shuts down. */
	CODE(0x500, 0x50); /* push ax: at ffff */
	ck_assert_int_eq(run_for(100), CPU_EXIT_SHUTDOWN);
}
END_TEST

START_TEST(divide_error_is_a_fault)
{
	start_real(0x500);
	CODE(0x500, 0x31, 0xc9, 0xf7, 0xf1);
	expect_vector(CPU_DE);
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x502);
}
END_TEST

START_TEST(protected_mode_and_unreal)
{
	start_real(0x500);
	ram_put64(0x808, descriptor_make(0, 0xffffffff, 0xc093)); /* flat data at selector 8 */
	ram_put64(0x810, descriptor_make(0, 0xffffffff, 0xc09b)); /* 32-bit code at 10h */
	ram_put16(0x800 - 8, 0x17);
	ram_put32(0x800 - 6, 0x800);
	/* lgdt [7f8h]; mov eax,cr0; or al,1; mov cr0,eax; mov bx,8; mov ds,bx; and al,fe; mov cr0,eax;
	 * mov esi,200000h; mov dword [esi],12345678h; hlt */
	CODE(0x500, 0x0f, 0x01, 0x16, 0xf8, 0x07, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0xbb, 0x08, 0x00,
		0x8e, 0xdb, 0x24, 0xfe, 0x0f, 0x22, 0xc0, 0x66, 0xbe, 0x00, 0x00, 0x20, 0x00, 0x67, 0x66, 0xc7, 0x06,
		0x78, 0x56, 0x34, 0x12, 0xf4);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get32(0x200000), 0x12345678);
	ck_assert_uint_eq(fixture.cpu->cr0 & 1, 0);
}
END_TEST

START_TEST(jump_to_protected_code)
{
	start_real(0x500);
	ram_put64(0x808, descriptor_make(0, 0xffffffff, 0xc093));
	ram_put64(0x810, descriptor_make(0, 0xffffffff, 0xc09b));
	ram_put16(0x7f8, 0x17);
	ram_put32(0x7fa, 0x800);
	/* lgdt; mov eax,cr0; inc ax; mov cr0,eax; jmp 10h:600h; at 600h: mov eax,12345678h; hlt */
	CODE(0x500, 0x0f, 0x01, 0x16, 0xf8, 0x07, 0x0f, 0x20, 0xc0, 0x40, 0x0f, 0x22, 0xc0, 0xea, 0x00, 0x06, 0x10,
		0x00);
	CODE(0x600, 0xb8, 0x78, 0x56, 0x34, 0x12, 0xf4);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0x12345678);
	ck_assert_uint_eq(fixture.cpu->segment[CPU_CS].selector, 0x10);
}
END_TEST

START_TEST(a20_wraps)
{
	start_real(0x500);
	fixture.cpu->a20_mask_next = ~(1ull << 20);
	cpu_request(fixture.cpu, CPU_REQUEST_A20);
	ram_put16(0x600, 0xabcd);
	/* mov ax,ffffh; mov es,ax; mov ax,es:[610h]; hlt: linear 100600h */
	CODE(0x500, 0xb8, 0xff, 0xff, 0x8e, 0xc0, 0x26, 0xa1, 0x10, 0x06, 0xf4);
	ram_put16(0x100600, 0x1111);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0xabcd);
}
END_TEST

START_TEST(sti_shadow)
{
	start_real(0x500);
	fixture.vector = 0x20;
	cpu_request(fixture.cpu, CPU_REQUEST_INTR);
	CODE(0x500, 0xfb, 0x40, 0x40, 0xf4); /* sti; inc ax; inc ax; hlt */
	expect_vector(0x20);
	ck_assert_uint_eq(reg(CPU_RAX), 1); /* exactly one instruction ran in the shadow */
	ck_assert_uint_eq(fixture.acknowledged, 1);
}
END_TEST

START_TEST(sti_hlt_wakes)
{
	start_real(0x500);
	fixture.vector = 0x20;
	CODE(0x500, 0xfb, 0xf4, 0x40, 0xf4);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert(!cpu_wakes(fixture.cpu));
	cpu_request(fixture.cpu, CPU_REQUEST_INTR);
	ck_assert(cpu_wakes(fixture.cpu));
	expect_vector(0x20);
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x502); /* returns behind HLT */
}
END_TEST

START_TEST(mov_ss_shadow_holds_nmi)
{
	start_real(0x500);
	/* mov ss,ax; mov sp,6000h; inc bx */
	CODE(0x500, 0x8e, 0xd0, 0xbc, 0x00, 0x60, 0x43, 0xf4);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(fixture.cpu, CPU_REQUEST_NMI);
	expect_vector(CPU_NMI);
	ck_assert_uint_eq(reg(CPU_RSP), 0x6000 - 6);
	ck_assert_uint_eq(reg(CPU_RBX), 0);
	ck_assert(fixture.cpu->nmi_blocked);
}
END_TEST

START_TEST(nmi_blocked_until_iret)
{
	start_real(0x500);
	ram_put32(CPU_NMI * 4, 0x600);
	CODE(0x500, 0x90, 0xf4);
	CODE(0x600, 0x41, 0x41, 0x41, 0xcf); /* inc cx, thrice; iret */
	cpu_request(fixture.cpu, CPU_REQUEST_NMI);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	cpu_request(fixture.cpu, CPU_REQUEST_NMI); /* latched while blocked */
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RCX), 3);
	ck_assert_uint_eq(fixture.cpu->rip, 0x500);
	ck_assert_int_eq(run_for(3), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RCX), 6);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RCX), 6);
}
END_TEST

START_TEST(budget_is_exact)
{
	start_real(0x500);
	for (unsigned i = 0; i < 64; i++)
		ram_put8(0x500 + i, 0x40); /* inc ax */
	ram_put8(0x540, 0xf4);
	for (unsigned n = 1; n <= 10; n++) {
		ck_assert_int_eq(run_for(n), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RAX), n * (n + 1) / 2);
		ck_assert_uint_eq(fixture.cpu->instructions, n * (n + 1) / 2);
	}
	ck_assert_int_eq(run_for(0), CPU_EXIT_BUDGET);
	ck_assert_int_eq(run_for(1000), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->instructions, 65);
}
END_TEST

START_TEST(exit_request)
{
	start_real(0x500);
	CODE(0x500, 0xeb, 0xfe);
	cpu_request(fixture.cpu, CPU_REQUEST_EXIT);
	ck_assert_int_eq(run_for(1000000), CPU_EXIT_REQUEST);
	ck_assert_uint_eq(fixture.cpu->request, 0);
	ck_assert_int_eq(run_for(1000), CPU_EXIT_BUDGET);
}
END_TEST

START_TEST(rep_movs_overlap_and_direction)
{
	start_real(0x500);
	memcpy(fixture.ram + 0x20000, "abcdefgh", 8);
	/* mov ax,2000h; mov ds,ax; mov es,ax; xor si,si; mov di,1; mov cx,1000h; cld; rep movsb; hlt */
	CODE(0x500, 0xb8, 0x00, 0x20, 0x8e, 0xd8, 0x8e, 0xc0, 0x31, 0xf6, 0xbf, 0x01, 0x00, 0xb9, 0x00, 0x10, 0xfc,
		0xf3, 0xa4, 0xf4);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	for (unsigned i = 0; i <= 0x1000; i++)
		ck_assert_uint_eq(fixture.ram[0x20000 + i], 'a');
	ck_assert_uint_eq(reg(CPU_RCX), 0);
	ck_assert_uint_eq(reg(CPU_RSI), 0x1000);
	ck_assert_uint_eq(reg(CPU_RDI), 0x1001);
	ck_assert_uint_eq(fixture.cpu->instructions, 9); /* REP counts one */
}
END_TEST

START_TEST(rep_stos_wraps_64k)
{
	start_real(0x500);
	/* mov ax,2000h; mov es,ax; mov di,fff0h; mov cx,20h; mov al,5ah; rep stosb; hlt */
	CODE(0x500, 0xb8, 0x00, 0x20, 0x8e, 0xc0, 0xbf, 0xf0, 0xff, 0xb9, 0x20, 0x00, 0xb0, 0x5a, 0xf3, 0xaa, 0xf4);
	ck_assert_int_eq(run_for(100), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.ram[0x2ffff], 0x5a);
	ck_assert_uint_eq(fixture.ram[0x30000], 0);
	ck_assert_uint_eq(fixture.ram[0x20000], 0x5a);
	ck_assert_uint_eq(fixture.ram[0x2000f], 0x5a);
	ck_assert_uint_eq(fixture.ram[0x20010], 0);
	ck_assert_uint_eq(reg(CPU_RDI), 0x10);
}
END_TEST

START_TEST(mmio_read_modify_write_is_one_each)
{
	start_protected(0x10000, 0);
	fixture.mmio_value = 41;
	CODE(0x10000, 0xff, 0x05, 0x10, 0x00, 0x00, 0xd0, 0xf4); /* inc dword [d0000010h]; hlt */
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.mmio_reads, 1);
	ck_assert_uint_eq(fixture.mmio_writes, 1);
	ck_assert_uint_eq(fixture.mmio_value, 42);
	ck_assert_uint_eq(fixture.mmio_offset, 0x10);
	ck_assert_uint_eq(fixture.mmio_size, 4);
}
END_TEST

START_TEST(self_modifying_code)
{
	start_protected(0x10000, 0);
	/* mov byte [10008h],43h (inc ebx); the next byte was inc eax: */
	CODE(0x10000, 0xc6, 0x05, 0x07, 0x00, 0x01, 0x00, 0x43, 0x40, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	/* And once more from outside, as a device would. */
	ram_put8(0x10007, 0x41);
	fixture.cpu->rip = 0x10007;
	fixture.cpu->halted = false;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RCX), 1);
}
END_TEST

START_TEST(self_modifying_loop)
{
	start_protected(0x10000, 0);
	/* The loop patches its own immediate: mov ecx,10; l: mov eax,imm(10006h); add [10006h],1... */
	/* b9 0a 00 00 00 | b8 00 00 00 00 | ff 05 06 00 01 00 | 01 c3 | 49 | 75 f0 | f4 */
	CODE(0x10000, 0xb9, 0x0a, 0x00, 0x00, 0x00, 0xb8, 0x00, 0x00, 0x00, 0x00, 0xff, 0x05, 0x06, 0x00, 0x01, 0x00,
		0x01, 0xc3, 0x49, 0x75, 0xf0, 0xf4);
	ck_assert_int_eq(run_for(1000), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBX), 45);
}
END_TEST

START_TEST(port_io)
{
	start_real(0x500);
	fixture.port_answer = 0xa5;
	CODE(0x500, 0xe4, 0x60, 0xba, 0x34, 0x12, 0xef, 0xf4); /* in al,60h; mov dx,1234h; out dx,ax */
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0xa5);
	ck_assert_uint_eq(fixture.port, 0x1234);
	ck_assert_uint_eq(fixture.port_value, 0xa5);
}
END_TEST

START_TEST(fifteen_bytes)
{
	start_real(0x500);
	memset(fixture.ram + 0x500, 0x66, 14);
	CODE(0x50e, 0x90, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		0x90);
	expect_vector(CPU_GP); /* the first, of 15 bytes, is fine; the second has 16 */
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x50f);
}
END_TEST

START_TEST(lock_is_checked)
{
	start_real(0x500);
	CODE(0x500, 0xf0, 0x01, 0x07, 0xf0, 0x01, 0xc3); /* lock add [bx],ax; lock add bx,ax */
	expect_vector(CPU_UD);
	ck_assert_uint_eq(ram_get16(0x6ffa), 0x503);
}
END_TEST

START_TEST(trace_line)
{
	start_real(0x500);
	fixture.cpu->trace = CPU_TRACE_EXEC;
	CODE(0x500, 0xb8, 0x34, 0x12, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_ptr_nonnull(strstr(fixture.log, "0000:00000500 b83412"));
	ck_assert_ptr_nonnull(strstr(fixture.log, "0000:00000503 f4"));
	ck_assert_ptr_nonnull(strstr(fixture.log, "a=00001234"));
}
END_TEST

SUITE("cpu real mode", reset_state, int_and_iret, limit_is_gp_without_error_code, stack_limit_is_ss,
	divide_error_is_a_fault, protected_mode_and_unreal, jump_to_protected_code, a20_wraps, sti_shadow,
	sti_hlt_wakes, mov_ss_shadow_holds_nmi, nmi_blocked_until_iret, budget_is_exact, exit_request,
	rep_movs_overlap_and_direction, rep_stos_wraps_64k, mmio_read_modify_write_is_one_each, self_modifying_code,
	self_modifying_loop, port_io, fifteen_bytes, lock_is_checked, trace_line)
