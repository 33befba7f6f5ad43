/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Paging: error codes, accessed and dirty bits, PSE, PAE, NX, global pages, page-crossing accesses.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/tlb.h"

#define PAGE 0x20000u /* the page under test */

/* mov eax,[ebx]; hlt or mov [ebx],eax; hlt */
static void access_code(bool write)
{
	CODE(0x10000, write ? 0x89 : 0x8b, 0x03, 0x90, 0xeb, 0xfe);
	fixture.cpu->gpr[CPU_RBX] = PAGE;
}

START_TEST(error_codes)
{
	static const struct {
		unsigned cpl;
		bool write, wp;
		uint32_t pte;
		int error; /* -1: no fault */
	} rows[] = {
		{ 0, false, true, 0, 0 },
		{ 0, true, true, 0, 2 },
		{ 3, false, true, 0, 4 },
		{ 3, true, true, 0, 6 },
		{ 3, false, true, PAGE | 3, 5 },
		{ 3, true, true, PAGE | 3, 7 },
		{ 3, true, true, PAGE | 5, 7 },
		{ 3, false, true, PAGE | 5, -1 },
		{ 3, true, true, PAGE | 7, -1 },
		{ 0, true, true, PAGE | 1, 3 },
		{ 0, true, false, PAGE | 1, -1 },
		{ 0, false, true, PAGE | 1, -1 },
		{ 0, true, true, PAGE | 7, -1 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cpu *cpu = fixture.cpu;

		cpu->cr0 &= ~(uint64_t)CPU_CR0_PG;
		cpu->halted = false;
		start_protected(0x10000, rows[i].cpl);
		paging_on(7);
		pte_put(PAGE, rows[i].pte);
		if (!rows[i].wp)
			cpu->cr0 &= ~(uint64_t)CPU_CR0_WP;
		access_code(rows[i].write);
		if (rows[i].error < 0) {
			ck_assert_int_eq(run_for(5), CPU_EXIT_BUDGET);
			ck_assert_uint_eq(cpu->rip, 0x10003);
			ck_assert_uint_eq(ram_get32(PT_AT + PAGE / 1024) & 0x60, rows[i].write ? 0x60 : 0x20);
			continue;
		}
		expect_vector(CPU_PF);
		ck_assert_uint_eq(frame32(0), (uint32_t)rows[i].error);
		ck_assert_uint_eq(frame32(1), 0x10000);
		ck_assert_uint_eq(cpu->cr2, PAGE);
		ck_assert_uint_eq(ram_get32(PT_AT + PAGE / 1024), rows[i].pte); /* no bits on a fault */
	}
}
END_TEST

START_TEST(dirty_after_read)
{
	start_protected(0x10000, 0);
	paging_on(3);
	/* mov eax,[ebx]; mov [ebx],eax; hlt: the read's TLB entry must not hide the write */
	CODE(0x10000, 0x8b, 0x03, 0x89, 0x03, 0xf4);
	fixture.cpu->gpr[CPU_RBX] = PAGE;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(ram_get32(PT_AT + PAGE / 1024) & 0x60, 0x20);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get32(PT_AT + PAGE / 1024) & 0x60, 0x60);
	ck_assert_uint_eq(ram_get32(PD_AT) & 0x20, 0x20);
}
END_TEST

START_TEST(crossing_write_changes_nothing)
{
	start_protected(0x10000, 0);
	paging_on(3);
	pte_put(PAGE + 0x1000, 0);
	ram_put32(PAGE + 0xffc, 0x55555555);
	CODE(0x10000, 0x89, 0x03);
	fixture.cpu->gpr[CPU_RBX] = PAGE + 0xffe;
	fixture.cpu->gpr[CPU_RAX] = 0;
	expect_vector(CPU_PF);
	ck_assert_uint_eq(fixture.cpu->cr2, PAGE + 0x1000);
	ck_assert_uint_eq(ram_get32(PAGE + 0xffc), 0x55555555);
}
END_TEST

START_TEST(crossing_to_another_frame)
{
	start_protected(0x10000, 0);
	paging_on(3);
	pte_put(PAGE + 0x1000, 0x30000 | 3);
	CODE(0x10000, 0x89, 0x03, 0x8b, 0x0b, 0xf4); /* mov [ebx],eax; mov ecx,[ebx] */
	fixture.cpu->gpr[CPU_RBX] = PAGE + 0xffe;
	fixture.cpu->gpr[CPU_RAX] = 0x11223344;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get16(PAGE + 0xffe), 0x3344);
	ck_assert_uint_eq(ram_get16(0x30000), 0x1122);
	ck_assert_uint_eq(reg(CPU_RCX), 0x11223344);
}
END_TEST

START_TEST(fetch_across_pages)
{
	start_protected(0x10ffe, 0);
	paging_on(3);
	pte_put(0x11000, 0x30000 | 3);
	CODE(0x10ffe, 0xb8, 0x44); /* mov eax,11223344h, its tail in another frame */
	CODE(0x30000, 0x33, 0x22, 0x11, 0xf4);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0x11223344);
	/* Remap the second page only: the cached instruction must not be used. */
	pte_put(0x11000, 0x31000 | 3);
	CODE(0x31000, 0x99, 0x88, 0x77, 0xf4);
	fixture.cpu->rip = 0x10ffe;
	fixture.cpu->halted = false;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 0x77889944);
	pte_put(0x11000, 0);
	fixture.cpu->rip = 0x10ffe;
	fixture.cpu->halted = false;
	expect_vector(CPU_PF);
	ck_assert_uint_eq(fixture.cpu->cr2, 0x11000);
	ck_assert_uint_eq(frame32(1), 0x10ffe);
}
END_TEST

START_TEST(code_follows_its_mapping)
{
	start_protected(0x10000, 0);
	paging_on(3);
	/* The same linear page shows two frames in turn: call it, remap, invlpg, call again. */
	CODE(0x40000, 0x43, 0xc3); /* inc ebx; ret */
	CODE(0x41000, 0x41, 0xc3); /* inc ecx; ret */
	/* call 40000; mov dword [pte],41003; invlpg [40000]; call 40000; hlt */
	CODE(0x10000, 0xe8, 0xfb, 0xff, 0x02, 0x00, 0xc7, 0x05, 0x00, 0x11, 0x10, 0x00, 0x03, 0x10, 0x04, 0x00, 0x0f,
		0x01, 0x3d, 0x00, 0x00, 0x04, 0x00, 0xe8, 0xe5, 0xff, 0x02, 0x00, 0xf4);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBX), 1);
	ck_assert_uint_eq(reg(CPU_RCX), 1);
}
END_TEST

START_TEST(large_pages)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	paging_on(3);
	cpu->cr4 |= CPU_CR4_PSE;
	ram_put32(PD_AT + 4 * 1, 0x83);           /* 400000h: 4 MiB at 0 */
	ram_put32(PD_AT + 4 * 2, 0x83 | 1 << 21); /* reserved bit */
	ram_put32(PAGE, 0x1234);
	CODE(0x10000, 0x8b, 0x03, 0x8b, 0x09); /* mov eax,[ebx]; mov ecx,[ecx] */
	cpu->gpr[CPU_RBX] = 0x400000 + PAGE;
	cpu->gpr[CPU_RCX] = 0x800000;
	expect_vector(CPU_PF);
	ck_assert_uint_eq(reg(CPU_RAX), 0x1234);
	ck_assert_uint_eq(frame32(0), 9); /* RSVD and P */
	ck_assert_uint_eq(ram_get32(PD_AT + 4) & 0x60, 0x20);
}
END_TEST

START_TEST(invlpg_of_a_large_page)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	paging_on(3);
	cpu->cr4 |= CPU_CR4_PSE;
	ram_put32(PD_AT + 4 * 1, 0x83);
	ram_put32(PAGE, 1);
	/* mov eax,[420000h]; mov dword [PD+4],0; invlpg [400000h]; mov eax,[420000h] */
	CODE(0x10000, 0xa1, 0x00, 0x00, 0x42, 0x00, 0xc7, 0x05, 0x04, 0x00, 0x10, 0x00, 0, 0, 0, 0, 0x0f, 0x01, 0x3d,
		0x00, 0x00, 0x40, 0x00, 0xa1, 0x00, 0x00, 0x42, 0x00);
	expect_vector(CPU_PF);
	ck_assert_uint_eq(cpu->cr2, 0x420000);
	ck_assert_uint_eq(frame32(1), 0x10016);
}
END_TEST

static void pae_tables(uint64_t pte_high)
{
	ram_put64(0x110000, 0x111001); /* PDPT: entry 0 */
	ram_put64(0x111000, 0x112007); /* PD */
	for (uint32_t page = 0; page < 512; page++)
		ram_put64(0x112000 + 8 * page, page << 12 | 7);
	ram_put64(0x112000 + 8 * (PAGE >> 12), PAGE | 7 | pte_high);
	fixture.cpu->gpr[CPU_RAX] = 0x110000;
}

START_TEST(pae_and_nx)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	pae_tables(1ull << 63);
	cpu->efer = CPU_EFER_NXE;
	/* mov cr3,eax; mov eax,20h; mov cr4,eax; mov eax,80000011h; mov cr0,eax; mov ecx,[PAGE]; jmp PAGE */
	CODE(0x10000, 0x0f, 0x22, 0xd8, 0xb8, 0x20, 0, 0, 0, 0x0f, 0x22, 0xe0, 0xb8, 0x11, 0, 0, 0x80, 0x0f, 0x22, 0xc0,
		0x8b, 0x0d, 0x00, 0x00, 0x02, 0x00, 0xe9, 0xe2, 0xff, 0x00, 0x00);
	ram_put32(PAGE, 0x99);
	expect_vector(CPU_PF);
	ck_assert_uint_eq(reg(CPU_RCX), 0x99);
	ck_assert_uint_eq(frame32(0), 0x11); /* fetch of a present page */
	ck_assert_uint_eq(frame32(1), PAGE);
	ck_assert_uint_eq(cpu->cr2, PAGE);
}
END_TEST

START_TEST(nx_bit_is_reserved_without_nxe)
{
	start_protected(0x10000, 0);
	pae_tables(1ull << 63);
	CODE(0x10000, 0x0f, 0x22, 0xd8, 0xb8, 0x20, 0, 0, 0, 0x0f, 0x22, 0xe0, 0xb8, 0x11, 0, 0, 0x80, 0x0f, 0x22, 0xc0,
		0x8b, 0x0d, 0x00, 0x00, 0x02, 0x00);
	expect_vector(CPU_PF);
	ck_assert_uint_eq(frame32(0), 9);
}
END_TEST

START_TEST(pdptes_are_cached_and_checked)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	pae_tables(0);
	CODE(0x10000, 0x0f, 0x22, 0xd8, 0xb8, 0x20, 0, 0, 0, 0x0f, 0x22, 0xe0, 0xb8, 0x11, 0, 0, 0x80, 0x0f, 0x22, 0xc0,
		0x90, 0x0f, 0x22, 0xdb); /* ... nop; mov cr3,ebx */
	ck_assert_int_eq(run_for(6), CPU_EXIT_BUDGET);
	ram_put64(0x110000, 0x111001 | 2); /* a reserved bit: found by MOV to CR3 */
	cpu->gpr[CPU_RBX] = 0x110000;
	expect_vector(CPU_GP);
	ck_assert_uint_eq(frame32(1), 0x10014);
}
END_TEST

START_TEST(global_pages)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	paging_on(3);
	cpu->cr4 |= CPU_CR4_PGE;
	ram_put32(PT_AT + PAGE / 1024, PAGE | 0x103);
	ram_put32(PAGE, 7);
	ram_put32(0x30000, 8);
	/* mov eax,[PAGE]; mov dword [pte],30003; mov ecx,cr3; mov cr3,ecx; mov ebx,[PAGE];
	 * mov eax',cr4; and al,7f; mov cr4; mov edx,[PAGE]; hlt */
	CODE(0x10000, 0xa1, 0x00, 0x00, 0x02, 0x00, 0xc7, 0x05, 0x80, 0x10, 0x10, 0x00, 0x03, 0x00, 0x03, 0x00, 0x0f,
		0x20, 0xd9, 0x0f, 0x22, 0xd9, 0x8b, 0x1d, 0x00, 0x00, 0x02, 0x00, 0x0f, 0x20, 0xe0, 0x24, 0x7f, 0x0f,
		0x22, 0xe0, 0x8b, 0x15, 0x00, 0x00, 0x02, 0x00, 0xf4);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RBX), 7);
	ck_assert_uint_eq(reg(CPU_RDX), 8);
}
END_TEST

START_TEST(user_cannot_use_kernel_entry)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	paging_on(7);
	pte_put(PAGE, PAGE | 3);
	/* Fill the kernel's TLB entry, then drop to ring 3 and read the same page. */
	CODE(0x10000, 0xa1, 0x00, 0x00, 0x02, 0x00, 0x6a, UDATA, 0x68, 0x00, 0x90, 0x00, 0x00, 0x6a, 0x02, 0x6a, UCODE,
		0x68, 0x00, 0x01, 0x01, 0x00, 0xcf);
	CODE(0x10100, 0x36, 0xa1, 0x00, 0x00, 0x02, 0x00); /* mov eax,ss:[PAGE] */
	expect_vector(CPU_PF);
	ck_assert_uint_eq(frame32(0), 5);
	ck_assert_uint_eq(cpu->cr2, PAGE);
}
END_TEST

START_TEST(push_fault_is_restartable)
{
	start_protected(0x10000, 0);
	paging_on(3);
	pte_put(0x8000 - 0x1000, 0);
	fixture.cpu->gpr[CPU_RSP] = 0x8000;
	CODE(0x10000, 0x50); /* push eax: #PF; its handler's pushes fault too, and the double fault's */
	ck_assert_int_eq(run_for(10), CPU_EXIT_SHUTDOWN);
	ck_assert_uint_eq(reg(CPU_RSP), 0x8000);
	ck_assert_uint_eq(fixture.cpu->rip, 0x10000);
}
END_TEST

START_TEST(rep_movs_restarts)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x10000, 0);
	paging_on(3);
	pte_put(PAGE + 0x1000, 0);
	for (unsigned i = 0; i < 0x1000; i += 4)
		ram_put32(0x50000 + i, i);
	CODE(0x10000, 0xf3, 0xa5, 0xf4); /* rep movsd */
	cpu->gpr[CPU_RSI] = 0x50000;
	cpu->gpr[CPU_RDI] = PAGE + 0xf00;
	cpu->gpr[CPU_RCX] = 0x100;
	expect_vector(CPU_PF);
	ck_assert_uint_eq(reg(CPU_RCX), 0xc0);
	ck_assert_uint_eq(reg(CPU_RSI), 0x50100);
	ck_assert_uint_eq(reg(CPU_RDI), PAGE + 0x1000);
	ck_assert_uint_eq(frame32(1), 0x10000);
	pte_put(PAGE + 0x1000, (PAGE + 0x1000) | 3);
	cpu->halted = false;
	cpu->rip = 0x10000;
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	for (unsigned i = 0; i < 0x400; i += 4)
		ck_assert_uint_eq(ram_get32(PAGE + 0xf00 + i), i);
}
END_TEST

START_TEST(page_fault_on_page_fault_is_double)
{
	start_protected(0x10000, 3);
	paging_on(7);
	idt_put(CPU_DF, (uint64_t)0x85 << 40 | (uint64_t)TSS2_SEL << 16);
	ram_put32(TSS2_AT + 28, PD_AT);
	ram_put32(TSS2_AT + 32, 0x4400);
	ram_put32(TSS2_AT + 36, 2);
	ram_put32(TSS2_AT + 56, 0xa000);
	for (unsigned i = 0; i < 6; i++)
		ram_put32(TSS2_AT + 72 + 4 * i, i == 1 ? KCODE : KDATA);
	CODE(0x4400, 0xf4);
	pte_put(STACK0 - 0x1000, 0); /* the kernel stack */
	pte_put(PAGE, 0);
	access_code(false);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->rip, 0x4401);
	ck_assert_uint_eq(frame32(0), 0);
	ck_assert_uint_eq(ram_get32(TSS_AT + 32), 0x10000); /* the faulting EIP went to the old TSS */
}
END_TEST

SUITE("cpu paging", error_codes, dirty_after_read, crossing_write_changes_nothing, crossing_to_another_frame,
	fetch_across_pages, code_follows_its_mapping, large_pages, invlpg_of_a_large_page, pae_and_nx,
	nx_bit_is_reserved_without_nxe, pdptes_are_cached_and_checked, global_pages, user_cannot_use_kernel_entry,
	push_fault_is_restartable, rep_movs_restarts, page_fault_on_page_fault_is_double)
