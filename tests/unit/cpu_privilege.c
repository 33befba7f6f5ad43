/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * System instructions by mode and privilege, and control registers (SDM vol. 2; vol. 3A, 2.5 and 2.8).
 */
#include "tests/unit/cpu_modes.h"
#include "vmm/cpu/mode.h"

#define DATA_AT  0x6800u
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

START_TEST(instructions)
{
	static const struct {
		uint8_t code[6], size;
		uint32_t cr4;
		uint8_t vectors[MODES];
	} rows[] = {
#define PRIVILEGED { OK, OK, CPU_GP, CPU_GP, OK, CPU_GP }
#define ANYWHERE \
	{ \
		OK, OK, OK, OK, OK, OK \
	}
#define NOWHERE \
	{ \
		CPU_UD, CPU_UD, CPU_UD, CPU_UD, CPU_UD, CPU_UD \
	}
#define CPL0_OR_UD \
	{ \
		OK, OK, CPU_UD, CPU_UD, OK, CPU_UD \
	}
		{ { 0xf4 }, 1, 0, PRIVILEGED },                                                   /* hlt */
		{ { 0x0f, 0x06 }, 2, 0, PRIVILEGED },                                             /* clts */
		{ { 0x0f, 0x08 }, 2, 0, PRIVILEGED },                                             /* invd */
		{ { 0x0f, 0x09 }, 2, 0, PRIVILEGED },                                             /* wbinvd */
		{ { 0x0f, 0x01, 0x17 }, 3, 0, PRIVILEGED },                                       /* lgdt [rdi] */
		{ { 0x0f, 0x01, 0x1f }, 3, 0, PRIVILEGED },                                       /* lidt */
		{ { 0x0f, 0x01, 0x3f }, 3, 0, PRIVILEGED },                                       /* invlpg */
		{ { 0x0f, 0x01, 0xf0 }, 3, 0, PRIVILEGED },                                       /* lmsw ax */
		{ { 0x0f, 0x01, 0x37 }, 3, 0, PRIVILEGED },                                       /* lmsw [rdi] */
		{ { 0x0f, 0x01, 0xd7 }, 3, 0, NOWHERE },                                          /* lgdt edi */
		{ { 0x0f, 0x01, 0xdf }, 3, 0, NOWHERE }, { { 0x0f, 0x01, 0xc7 }, 3, 0, NOWHERE }, /* sgdt edi */
		{ { 0x0f, 0x01, 0xcf }, 3, 0, NOWHERE }, { { 0x0f, 0x01, 0xff }, 3, 0, NOWHERE }, /* invlpg edi */
		{ { 0x0f, 0x01, 0xef }, 3, 0, NOWHERE },                                          /* reg 5 */
		{ { 0x0f, 0x20, 0xd0 }, 3, 0, PRIVILEGED },                                       /* mov eax,cr2 */
		{ { 0x0f, 0x22, 0xd0 }, 3, 0, PRIVILEGED }, { { 0x0f, 0x20, 0xe0 }, 3, 0, PRIVILEGED }, /* cr4 */
		{ { 0x0f, 0x20, 0xd8 }, 3, 0, PRIVILEGED },                                             /* cr3 */
		{ { 0x0f, 0x20, 0xc8 }, 3, 0, NOWHERE },                                                /* cr1, cr5 */
		{ { 0x0f, 0x22, 0xe8 }, 3, 0, NOWHERE },
		{ { 0x44, 0x0f, 0x20, 0xc0 }, 4, 0, { 1, 1, 1, 1, OK, CPU_GP } }, /* cr8; else INC ESP */
		{ { 0x44, 0x0f, 0x22, 0xc0 }, 4, 0, { 1, 1, 1, 1, OK, CPU_GP } },
		{ { 0x0f, 0x21, 0xc0 }, 3, 0, PRIVILEGED }, /* mov eax,dr0 */
		{ { 0x0f, 0x23, 0xc0 }, 3, 0, PRIVILEGED },
		{ { 0x0f, 0x21, 0xe0 }, 3, 0, PRIVILEGED }, /* dr4, which is dr6 without CR4.DE */
		{ { 0x0f, 0x23, 0xe8 }, 3, 0, PRIVILEGED }, { { 0x0f, 0x21, 0xe0 }, 3, CPU_CR4_DE, NOWHERE },
		{ { 0x0f, 0x23, 0xe8 }, 3, CPU_CR4_DE, NOWHERE },
		/* UMIP: vol. 3A, 2.5 */
		{ { 0x0f, 0x01, 0x07 }, 3, 0, ANYWHERE }, /* sgdt [rdi], sidt, smsw */
		{ { 0x0f, 0x01, 0x0f }, 3, 0, ANYWHERE }, { { 0x0f, 0x01, 0x27 }, 3, 0, ANYWHERE },
		{ { 0x0f, 0x01, 0xe0 }, 3, 0, ANYWHERE }, { { 0x0f, 0x01, 0x07 }, 3, CPU_CR4_UMIP, PRIVILEGED },
		{ { 0x0f, 0x01, 0x0f }, 3, CPU_CR4_UMIP, PRIVILEGED },
		{ { 0x0f, 0x01, 0x27 }, 3, CPU_CR4_UMIP, PRIVILEGED },
		{ { 0x0f, 0x01, 0xe0 }, 3, CPU_CR4_UMIP, PRIVILEGED },
		{ { 0x0f, 0x01, 0xca }, 3, 0, CPL0_OR_UD }, /* clac, stac */
		{ { 0x0f, 0x01, 0xcb }, 3, 0, CPL0_OR_UD },
		{ { 0x0f, 0x01, 0xf8 }, 3, 0, { CPU_UD, CPU_UD, CPU_UD, CPU_UD, OK, CPU_GP } }, /* swapgs */
		{ { 0x0f, 0x01, 0xf9 }, 3, 0, ANYWHERE },                                       /* rdtscp */
		{ { 0x66, 0x0f, 0x38, 0x82, 0x07 }, 5, 0, PRIVILEGED },                         /* invpcid eax,[rdi] */
		{ { 0x66, 0x0f, 0x38, 0x82, 0xc7 }, 5, 0, NOWHERE }, { { 0x0f, 0x38, 0x82, 0x07 }, 4, 0, NOWHERE },
		{ { 0x66, 0xf3, 0x0f, 0x38, 0x82, 0x07 }, 6, 0, NOWHERE },
		{ { 0x0f, 0x18, 0x07 }, 3, 0, ANYWHERE }, /* prefetch */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows) * MODES; i++) {
		unsigned row = i / MODES, mode = i % MODES, vector = rows[row].vectors[mode];

		mode_start(mode, 0);
		cpu->cr4 |= rows[row].cr4;
		ram_put(CODE_AT, rows[row].code, 6);
		ram_put16(DATA_AT, 0xff);
		ram_put64(DATA_AT + 2, GDT_AT);
		ram_put64(DATA_AT + 8, 0);
		if (rows[row].code[2] == 0x37)
			ram_put16(DATA_AT, 0x10); /* lmsw */
		if (rows[row].code[3] == 0x82)
			ram_put64(DATA_AT, 0);
		cpu->gpr[CPU_RDI] = cpu->gpr[CPU_RBX] = DATA_AT;
		cpu->gpr[CPU_RAX] = 0;
		if (vector == 1)
			mode_expect(row, mode, OK, 1);
		else
			mode_expect(row, mode, vector, rows[row].size);
	}
}
END_TEST

/* What they do where they may. */
START_TEST(outcomes)
{
	struct cpu *cpu = fixture.cpu;

	mode_start(RING0, 0);
	CODE(CODE_AT, 0x66, 0x0f, 0x01, 0x17, 0x0f, 0x01, 0x1f); /* o16 lgdt: 24 bits of base; lidt */
	ram_put16(DATA_AT, 0x1234);
	ram_put32(DATA_AT + 2, 0xaabbccdd);
	cpu->gpr[CPU_RDI] = DATA_AT;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->gdtr.base, 0xbbccdd);
	ck_assert_uint_eq(cpu->gdtr.limit, 0x1234);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->idtr.base, 0xaabbccdd);

	for (unsigned i = 0; i < 4; i++) {
		mode_start(i & 1 ? LONG0 : RING0, 0);
		CODE(CODE_AT, 0x0f, 0x01, i & 2 ? 0x0f : 0x07);
		cpu->gdtr.base = cpu->idtr.base = i & 1 ? HIGH_HALF + 0x1234 : 0x87654321;
		cpu->gdtr.limit = cpu->idtr.limit = 0xabcd;
		cpu->gpr[CPU_RDI] = DATA_AT;
		ram_put64(DATA_AT + 6, 0x5555555555555555);
		ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(ram_get16(DATA_AT), 0xabcd);
		if (i & 1)
			ck_assert_uint_eq(ram_get64(DATA_AT + 2), HIGH_HALF + 0x1234);
		else
			ck_assert_uint_eq(ram_get64(DATA_AT + 2), 0x5555555587654321);
	}
	/* Beyond the segment, in the limit and in the base; in 64-bit mode a base must be canonical. */
	for (unsigned i = 0; i < 4; i++) {
		mode_start(RING0, 0);
		CODE(CODE_AT, 0x0f, 0x01, i == 3 ? 0x37 : i == 2 ? 0x07 : 0x17);
		cpu->gpr[CPU_RDI] = DATA_AT;
		cpu->segment[CPU_DS].limit = DATA_AT + (i == 1 ? 2 : 0);
		mode_expect(i, RING0, CPU_GP, 3);
		ck_assert_uint_eq(cpu->gdtr.base, GDT_AT);
	}
	for (unsigned i = 0; i < 2; i++) {
		mode_start(LONG0, 0);
		CODE(CODE_AT, 0x0f, 0x01, i ? 0x1f : 0x17);
		ram_put64(DATA_AT + 2, 1ull << 47);
		cpu->gpr[CPU_RDI] = DATA_AT;
		mode_expect(i, LONG0, CPU_GP, 3);
	}
	/* SMSW: 16 bits to memory, more to a register.  LMSW sets PE and does not clear it. */
	mode_start(RING3, 0);
	CODE(CODE_AT, 0x0f, 0x01, 0x27, 0x0f, 0x01, 0xe0);
	cpu->gpr[CPU_RDI] = DATA_AT;
	ram_put32(DATA_AT, 0x55555555);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(ram_get32(DATA_AT), 0x55550011);
	ck_assert_uint_eq(reg(CPU_RAX), cpu->cr0);
	mode_start(RING0, 0);
	CODE(CODE_AT, 0x0f, 0x01, 0xf0);
	cpu->gpr[CPU_RAX] = 0xfffe;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->cr0 & 0xffff, 0x1f);
	mode_start(REAL, 0);
	CODE(CODE_AT, 0x0f, 0x01, 0xf0);
	cpu->gpr[CPU_RAX] = 9;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->cr0 & 0xf, 9);
	mode_start(RING0, 0);
	cpu->cr0 |= CPU_CR0_TS;
	CODE(CODE_AT, 0x0f, 0x06, 0x0f, 0x01, 0xcb, 0x0f, 0x01, 0xca);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert(!(cpu->cr0 & CPU_CR0_TS) && cpu->rflags & CPU_FLAG_AC);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert(!(cpu->rflags & CPU_FLAG_AC));
}
END_TEST

/* INVPCID by type (vol. 2A), with and without PCIDs. */
START_TEST(invpcid)
{
	static const struct {
		uint64_t type, pcid, linear;
		bool pcide;
		unsigned vector;
	} rows[] = {
		{ 0, 0, HIGH_HALF, false, OK },
		{ 0, 1, HIGH_HALF, false, CPU_GP },
		{ 0, 0xfff, HIGH_HALF, true, OK },
		{ 0, 0x1000, HIGH_HALF, true, CPU_GP },
		{ 0, 0, 1ull << 47, true, CPU_GP },
		{ 1, 0, 1ull << 47, true, OK },
		{ 1, 5, 0, true, OK },
		{ 1, 5, 0, false, CPU_GP },
		{ 2, 5, 0, false, OK },
		{ 2, 1ull << 63, 0, false, CPU_GP },
		{ 3, 5, 0, false, OK },
		{ 4, 0, 0, true, CPU_GP },
		{ 1ull << 32, 0, 0, true, CPU_GP },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		mode_start(LONG0, 0);
		CODE(CODE_AT, 0x66, 0x0f, 0x38, 0x82, 0x07);
		if (rows[i].pcide)
			cpu->cr4 |= CPU_CR4_PCIDE;
		cpu->gpr[CPU_RAX] = rows[i].type;
		cpu->gpr[CPU_RDI] = DATA_AT;
		ram_put64(DATA_AT, rows[i].pcid);
		ram_put64(DATA_AT + 8, rows[i].linear);
		mode_expect(i, LONG0, rows[i].vector, 5);
	}
	mode_start(RING0, 0);
	CODE(CODE_AT, 0x66, 0x0f, 0x38, 0x82, 0x07);
	cpu->gpr[CPU_RDI] = DATA_AT;
	cpu->segment[CPU_DS].limit = DATA_AT + 14;
	mode_expect(0, RING0, CPU_GP, 5);
	fixture_remake("core2", false);
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x66, 0x0f, 0x38, 0x82, 0x07);
	mode_expect(1, RING0, CPU_UD, 5);
	cpu_reset(fixture.cpu, false);
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x01, 0xca); /* no SMAP, no CLAC */
	mode_expect(2, RING0, CPU_UD, 3);
	fixture_remake("pentium", false);
	start_protected(CODE_AT, 0);
	CODE(CODE_AT, 0x0f, 0x1f, 0xc0); /* no long NOP before the P6 */
	mode_expect(3, RING0, CPU_UD, 3);
}
END_TEST

/* MOV to CR0, CR3 and CR4: what must go together. */
START_TEST(control_registers)
{
	enum { BAD_PDPTES = 1, CS_L = 2, TSS16 = 4, CR3_LOW = 8 };
	static const struct {
		enum mode mode;
		uint64_t cr0, cr4; /* set besides */
		uint32_t efer, setup;
		unsigned to;
		uint64_t clear, set;
		unsigned vector;
	} rows[] = {
		{ RING0, 0, 0, 0, 0, 0, 0, CPU_CR0_PG, OK },
		{ RING0, 0, 0, 0, 0, 0, CPU_CR0_PE, CPU_CR0_PG, CPU_GP },
		{ RING0, 0, 0, 0, 0, 0, CPU_CR0_CD | CPU_CR0_NW, CPU_CR0_NW, CPU_GP },
		{ RING0, 0, 0, 0, 0, 0, CPU_CR0_CD | CPU_CR0_NW, 0, OK },
		{ RING0, 0, 0, 0, 0, 0, 0, 1u << 28, OK }, /* reserved bits of the lower half: nothing */
		{ LONG0, 0, 0, 0, 0, 0, 0, 1ull << 32, CPU_GP },
		{ LONG0, 0, 0, 0, 0, 0, CPU_CR0_PG, 0, CPU_GP }, /* not out of 64-bit code */
		{ RING0, CPU_CR0_PG, 0, 0, 0, 0, CPU_CR0_PG, 0, OK },
		{ RING0, 0, CPU_CR4_PAE, 0, 0, 0, 0, CPU_CR0_PG, OK },
		{ RING0, 0, CPU_CR4_PAE, 0, BAD_PDPTES, 0, 0, CPU_CR0_PG, CPU_GP },
		{ RING0, CPU_CR0_PG, CPU_CR4_PAE, 0, BAD_PDPTES, 0, CPU_CR0_CD | CPU_CR0_NW, 0, CPU_GP },
		{ RING0, CPU_CR0_PG, CPU_CR4_PAE, 0, BAD_PDPTES, 0, 0, CPU_CR0_AM, OK }, /* they are not read then */
		/* into IA-32e mode (9.8.5) */
		{ RING0, 0, 0, CPU_EFER_LME, 0, 0, 0, CPU_CR0_PG, CPU_GP }, /* without PAE */
		{ RING0, 0, CPU_CR4_PAE, CPU_EFER_LME, CS_L, 0, 0, CPU_CR0_PG, CPU_GP },
		{ RING0, 0, CPU_CR4_PAE, CPU_EFER_LME, TSS16, 0, 0, CPU_CR0_PG, CPU_GP },
		/* CR3 */
		{ RING0, CPU_CR0_PG, CPU_CR4_PAE, 0, 0, 3, 0, 0, OK },
		{ RING0, CPU_CR0_PG, CPU_CR4_PAE, 0, BAD_PDPTES, 3, 0, 0, CPU_GP },
		{ RING0, 0, CPU_CR4_PAE, 0, BAD_PDPTES, 3, 0, 0, OK },
		{ LONG0, 0, 0, 0, 0, 3, 0, 1ull << 40, CPU_GP }, /* beyond MAXPHYADDR */
		{ LONG0, 0, 0, 0, 0, 3, 0, 1ull << 63, CPU_GP },
		{ LONG0, 0, CPU_CR4_PCIDE, 0, 0, 3, 0, 1ull << 63, OK },
		/* CR4 */
		{ RING0, 0, 0, 0, 0, 4, 0, CPU_CR4_VME | CPU_CR4_PSE | CPU_CR4_UMIP, OK },
		{ RING0, 0, 0, 0, 0, 4, 0, 1u << 13, CPU_GP }, /* VMXE, SMXE, LA57: not there */
		{ RING0, 0, 0, 0, 0, 4, 0, 1u << 14, CPU_GP },
		{ RING0, 0, 0, 0, 0, 4, 0, CPU_CR4_LA57, CPU_GP },
		{ RING0, 0, 0, 0, 0, 4, 0, CPU_CR4_PCIDE, CPU_GP }, /* in IA-32e mode only */
		{ LONG0, 0, 0, 0, 0, 4, 0, CPU_CR4_PCIDE, OK },
		{ LONG0, 0, 0, 0, CR3_LOW, 4, 0, CPU_CR4_PCIDE, CPU_GP }, /* with CR3[11:0] clear */
		{ LONG0, 0, CPU_CR4_PCIDE, 0, CR3_LOW, 4, 0, CPU_CR4_PGE, OK },
		{ LONG0, 0, 0, 0, 0, 4, CPU_CR4_PAE, 0, CPU_GP },
		{ LONG0, 0, 0, 0, 0, 4, 0, 1ull << 32, CPU_GP },
		{ RING0, CPU_CR0_PG, CPU_CR4_PAE, 0, BAD_PDPTES, 4, 0, CPU_CR4_PGE, CPU_GP },
		{ RING0, CPU_CR0_PG, CPU_CR4_PAE, 0, BAD_PDPTES, 4, 0, CPU_CR4_TSD, OK },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		uint64_t old, value, *control;

		mode_start(rows[i].mode, 0);
		CODE(CODE_AT, 0x0f, 0x22, 0xc0 | rows[i].to << 3);
		control = rows[i].to == 0 ? &cpu->cr0 : rows[i].to == 3 ? &cpu->cr3 : &cpu->cr4;
		cpu->cr0 |= rows[i].cr0;
		cpu->cr4 |= rows[i].cr4;
		cpu->efer |= rows[i].efer;
		if (rows[i].mode == RING0) {
			/* PDPTEs at 0x200000 for PAE, else a directory at 0x202000; pages of 2 or 4 MiB */
			for (unsigned n = 0; n < 4; n++) {
				cpu->pdpte[n] = 0x201001;
				ram_put64(0x200000 + 8 * n, 0x201001 | (rows[i].setup & BAD_PDPTES ? 0x1e6 : 0));
			}
			for (unsigned n = 0; n < 512; n++)
				ram_put64(0x201000 + 8 * n, n << 21 | 0x83);
			ram_put32(0x202000, 0x83);
			if (!(rows[i].cr4 & CPU_CR4_PAE))
				cpu->cr4 |= CPU_CR4_PSE;
			cpu->cr3 = rows[i].cr4 & CPU_CR4_PAE ? 0x200000 : 0x202000;
		}
		if (rows[i].setup & CS_L)
			cpu->segment[CPU_CS].attributes |= CPU_SEGMENT_L;
		if (rows[i].setup & TSS16)
			cpu->tr.attributes = 0x83;
		if (rows[i].setup & CR3_LOW)
			cpu->cr3 |= 0x18;
		old = *control;
		value = (old & ~rows[i].clear) | rows[i].set;
		cpu->gpr[CPU_RAX] = value;
		mode_expect(i, rows[i].mode, rows[i].vector, 3);
		if (rows[i].vector != OK)
			ck_assert_msg(*control == old, "row %u: %llx", i, (unsigned long long)*control);
		else if (rows[i].to) /* CR0's reserved bits and CR3's bit 63 read as zeros */
			ck_assert_msg(*control == (value & ~CPU_CR3_NOFLUSH), "row %u: %llx", i,
				(unsigned long long)*control);
		else
			ck_assert_msg(
				*control == (value & ~(1ull << 28)), "row %u: %llx", i, (unsigned long long)*control);
	}
}
END_TEST

/* CR8 is the upper half of the TPR; four bits. */
START_TEST(task_priority)
{
	struct cpu *cpu;

	for (unsigned apic = 0; apic < 2; apic++) {
		fixture_remake(NULL, apic);
		cpu = fixture.cpu;
		mode_start(LONG0, 0);
		CODE(CODE_AT, 0x44, 0x0f, 0x22, 0xc0, 0x44, 0x0f, 0x20, 0xc3); /* mov cr8,rax; mov rbx,cr8 */
		cpu->gpr[CPU_RAX] = 9;
		cpu->gpr[CPU_RBX] = ~0ull;
		ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
		ck_assert_uint_eq(reg(CPU_RBX), apic ? 9 : 0);
		mode_start(LONG0, 0);
		cpu->gpr[CPU_RAX] = 16;
		mode_expect(apic, LONG0, CPU_GP, 4);
	}
}
END_TEST

/* MOV to DR6 and DR7 in 64-bit mode: the upper half is reserved; DR8 and up are not there. */
START_TEST(debug_registers)
{
	static const struct {
		uint8_t code[4];
		uint64_t value;
		unsigned vector, reg;
		uint64_t result;
	} rows[] = {
		{ { 0x0f, 0x23, 0xf0 }, 0xffffffff, OK, 6, 0xffffefff },
		{ { 0x0f, 0x23, 0xf0 }, 1ull << 32, CPU_GP, 6, 0xffff0ff0 },
		{ { 0x0f, 0x23, 0xf8 }, 0xffffffff, OK, 7, 0xffff2fff },
		{ { 0x0f, 0x23, 0xf8 }, 1ull << 63, CPU_GP, 7, 0x400 },
		{ { 0x0f, 0x23, 0xd8 }, HIGH_HALF, OK, 3, HIGH_HALF },
		{ { 0x44, 0x0f, 0x23, 0xc0 }, 0, CPU_UD, 0, 0 },
		{ { 0x44, 0x0f, 0x21, 0xc0 }, 0, CPU_UD, 0, 0 },
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		mode_start(LONG0, 0);
		ram_put(CODE_AT, rows[i].code, 4);
		cpu->gpr[CPU_RAX] = rows[i].value;
		mode_expect(i, LONG0, rows[i].vector, 3);
		ck_assert_msg(cpu->dr[rows[i].reg] == rows[i].result, "row %u: %llx", i,
			(unsigned long long)cpu->dr[rows[i].reg]);
	}
}
END_TEST

/* RDFSBASE and its kin. */
START_TEST(segment_bases)
{
	static const struct {
		enum mode mode;
		uint8_t code[6];
		uint32_t cr4;
		uint64_t value;
		unsigned vector;
	} rows[] = {
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xc0 }, CPU_CR4_FSGSBASE, 0, OK },
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xc8 }, CPU_CR4_FSGSBASE, 0, OK },
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xd0 }, CPU_CR4_FSGSBASE, HIGH_HALF, OK },
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xd8 }, CPU_CR4_FSGSBASE, HIGH_HALF, OK },
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xd0 }, CPU_CR4_FSGSBASE, 1ull << 47, CPU_GP },
		{ LONG3, { 0xf3, 0x0f, 0xae, 0xd0, 0x90 }, CPU_CR4_FSGSBASE, 0xfffffffff, OK }, /* 32 bits of it */
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xc0 }, 0, 0, CPU_UD },
		{ LONG0, { 0xf3, 0x48, 0x0f, 0xae, 0xd8 }, 0, 0, CPU_UD },
		{ RING0, { 0xf3, 0x0f, 0xae, 0xc0 }, CPU_CR4_FSGSBASE, 0, CPU_UD },
		{ LONG0, { 0x66, 0xf3, 0x48, 0x0f, 0xae, 0xd0 }, CPU_CR4_FSGSBASE, 0, CPU_UD },
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0xe0 }, CPU_CR4_FSGSBASE, 0, CPU_UD }, /* /4: PTWRITE */
		{ LONG3, { 0xf3, 0x48, 0x0f, 0xae, 0x07 }, CPU_CR4_FSGSBASE, 0, CPU_UD }, /* of memory */
	};
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		bool gs = rows[i].code[4] & 8;

		mode_start(rows[i].mode, 0);
		ram_put(CODE_AT, rows[i].code, 6);
		cpu->cr4 |= rows[i].cr4;
		cpu->segment[CPU_FS].base = cpu->segment[CPU_GS].base = 0x123456789a;
		cpu->gpr[CPU_RAX] = rows[i].value;
		mode_expect(i, rows[i].mode, rows[i].vector, rows[i].code[1] == 0x0f ? 4 : 5);
		if (rows[i].vector != OK)
			ck_assert_uint_eq(cpu->segment[CPU_FS].base, 0x123456789a);
		else if (rows[i].code[4] < 0xd0 && rows[i].code[1] == 0x48)
			ck_assert_uint_eq(reg(CPU_RAX), 0x123456789a);
		else
			ck_assert_uint_eq(cpu->segment[gs && rows[i].code[1] == 0x48 ? CPU_GS : CPU_FS].base,
				rows[i].code[1] == 0x48 ? rows[i].value : (uint32_t)rows[i].value);
	}
	fixture_remake("core2", false);
	mode_start(LONG0, 0);
	CODE(CODE_AT, 0xf3, 0x48, 0x0f, 0xae, 0xc0);
	mode_expect(0, LONG0, CPU_UD, 0);
}
END_TEST

/* BOUND: below, in and above, signed; the table's own faults. */
START_TEST(bound)
{
	static const struct {
		bool narrow;
		int32_t index;
		uint32_t limit;
		unsigned vector;
	} rows[] = { { false, -5, ~0u, OK }, { false, 7, ~0u, OK }, { false, -6, ~0u, CPU_BR },
		{ false, 8, ~0u, CPU_BR }, { true, -5, ~0u, OK }, { true, 8, ~0u, CPU_BR }, { true, -6, ~0u, CPU_BR },
		{ false, 0, DATA_AT + 2, CPU_GP }, { false, 0, DATA_AT + 6, CPU_GP },
		{ true, 0, DATA_AT + 2, CPU_GP } };
	struct cpu *cpu = fixture.cpu;

	for (unsigned i = 0; i < ARRAY(rows); i++) {
		mode_start(RING3, 0);
		CODE(CODE_AT, 0x66, 0x62, 0x07);
		if (!rows[i].narrow)
			CODE(CODE_AT, 0x62, 0x07);
		ram_put32(DATA_AT, rows[i].narrow ? 0x0007fffbu : (uint32_t)-5);
		ram_put32(DATA_AT + 4, 7);
		cpu->segment[CPU_DS].limit = rows[i].limit;
		cpu->gpr[CPU_RDI] = DATA_AT;
		cpu->gpr[CPU_RAX] = (uint32_t)rows[i].index;
		if (rows[i].vector == CPU_BR) {
			expect_vector(CPU_BR);
			ck_assert_uint_eq(frame32(0), CODE_AT);
			continue;
		}
		mode_expect(i, RING3, rows[i].vector, rows[i].narrow ? 3 : 2);
	}
	/* No register, and what is EVEX elsewhere. */
	fixture_remake("core2", false);
	for (unsigned i = 0; i < 2; i++) {
		mode_start(i ? LONG0 : RING0, 0);
		CODE(CODE_AT, 0x62, 0xc0, 0, 0, 0, 0);
		mode_expect(i, i ? LONG0 : RING0, CPU_UD, 0);
	}
}
END_TEST

SUITE("cpu privileges", instructions, outcomes, invpcid, control_registers, task_priority, debug_registers,
	segment_bases, bound)
