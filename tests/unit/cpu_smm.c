/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * System management mode: what is saved, what the handler finds, what comes back (SDM vol. 3C, chapter 34).
 */
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/tlb.h"
#include "vmm/state/state.h"

#define SMBASE  0x30000u
#define ENTRY   (SMBASE + 0x8000)
#define MAP(at) (SMBASE + 0x8000 + (at)) /* offsets as in table 34-1 */
#define HLT     0xf4
#define RSM     0x0f, 0xaa

/* What SMM restores, or leaves alone. */
static void states_compare(const struct cpu *a, const struct cpu *b)
{
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(a->gpr[i], b->gpr[i]);
	ck_assert_uint_eq(a->rip, b->rip);
	ck_assert_uint_eq(cpu_rflags(a), cpu_rflags(b));
	ck_assert_uint_eq(a->cr0, b->cr0);
	ck_assert_uint_eq(a->cr2, b->cr2);
	ck_assert_uint_eq(a->cr3, b->cr3);
	ck_assert_uint_eq(a->cr4, b->cr4);
	ck_assert_mem_eq(a->pdpte, b->pdpte, sizeof(a->pdpte));
	ck_assert_uint_eq(a->dr[6], b->dr[6]);
	ck_assert_uint_eq(a->dr[7], b->dr[7]);
	ck_assert_uint_eq(a->cpl, b->cpl);
	for (unsigned i = 0; i < CPU_SEGMENTS + 2; i++) {
		const struct cpu_segment *s = i < CPU_SEGMENTS ? &a->segment[i] : i == CPU_SEGMENTS ? &a->ldtr : &a->tr;
		const struct cpu_segment *t = i < CPU_SEGMENTS ? &b->segment[i] : i == CPU_SEGMENTS ? &b->ldtr : &b->tr;

		ck_assert_uint_eq(s->selector, t->selector);
		ck_assert_uint_eq(s->attributes, t->attributes);
		ck_assert_uint_eq(s->limit, t->limit);
		ck_assert_uint_eq(s->base, t->base);
	}
	ck_assert_uint_eq(a->gdtr.base, b->gdtr.base);
	ck_assert_uint_eq(a->gdtr.limit, b->gdtr.limit);
	ck_assert_uint_eq(a->idtr.base, b->idtr.base);
	ck_assert_uint_eq(a->idtr.limit, b->idtr.limit);
	ck_assert_uint_eq(a->halted, b->halted);
}

/* Distinct values wherever SMM may look. */
static void registers_fill(void)
{
	struct cpu *cpu = fixture.cpu;
	uint64_t esp = cpu->gpr[CPU_RSP];

	for (unsigned i = 0; i < 8; i++)
		cpu->gpr[i] = 0x11111100u * (i + 1) + i;
	cpu->gpr[CPU_RSP] = esp;
	cpu->dr[6] = 0xffff4ff0;
	cpu->dr[7] = 0x00000700;
	cpu->cr2 = 0xdeadb000;
	cpu->ldtr = (struct cpu_segment){ .selector = 0x48, .attributes = 0x82, .limit = 0x1f, .base = 0x3800 };
	cpu->rflags |= CPU_FLAG_CF | CPU_FLAG_OF | CPU_FLAG_ID;
}

enum mode { REAL, BIG_REAL, PROTECTED, USER_PAGED, V86, PAE, MODES };

static void mode_start(enum mode mode)
{
	struct cpu *cpu = fixture.cpu;

	switch (mode) {
	case REAL:
	case BIG_REAL:
		start_real(0x5000);
		cpu->cr0 |= CPU_CR0_EM | CPU_CR0_TS;
		if (mode == BIG_REAL) {
			cpu->segment[CPU_DS].limit = 0xffffffff;
			cpu->segment[CPU_DS].attributes |= CPU_SEGMENT_G;
			cpu->segment[CPU_ES].selector = 0x1234;
			cpu->segment[CPU_ES].base = 0x12340;
		}
		break;
	case PROTECTED: start_protected(0x5000, 0); break;
	case USER_PAGED:
		start_protected(0x205000, 3);
		paging_on(7);
		pte_put(0x205000, 0x5007); /* so that a stale translation shows */
		cpu->cr4 |= CPU_CR4_PGE | CPU_CR4_PSE;
		break;
	case V86: start_v86(0x500, 0, CPU_FLAG_IOPL | CPU_FLAG_IF); break;
	default:
		start_protected(0x5000, 0);
		ram_put64(0x110000, 0x111001);
		ram_put64(0x111000, 0x000083); /* 2 MiB */
		cpu->cr3 = 0x110000;
		cpu->pdpte[0] = 0x111001;
		cpu->cr4 |= CPU_CR4_PAE;
		cpu->cr0 |= CPU_CR0_PG;
		break;
	}
	CODE(0x5000, 0x40, HLT); /* inc ax or eax */
	cpu_mode_update(cpu);
}

/* Table 34-4. */
START_TEST(entry_state)
{
	struct cpu *cpu = fixture.cpu;
	uint64_t cr0;

	mode_start((enum mode)_i);
	registers_fill();
	cpu->rflags |= CPU_FLAG_DF | CPU_FLAG_IF;
	cpu->cr0 |= CPU_CR0_MP | CPU_CR0_NE | CPU_CR0_WP;
	cr0 = cpu->cr0;
	CODE(ENTRY, HLT);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert(cpu->in_smm);
	ck_assert_uint_eq(cpu->rip, 0x8001);
	ck_assert_uint_eq(cpu_rflags(cpu), 2);
	ck_assert_uint_eq(cpu->cr0, cr0 & ~(uint64_t)(CPU_CR0_PE | CPU_CR0_EM | CPU_CR0_TS | CPU_CR0_PG));
	ck_assert_uint_eq(cpu->cr4, 0);
	ck_assert_uint_eq(cpu->dr[7], 0x400);
	ck_assert_uint_eq(cpu->cpl, 0);
	ck_assert(cpu->nmi_blocked);
	for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
		ck_assert_uint_eq(cpu->segment[i].selector, i == CPU_CS ? 0x3000 : 0);
		ck_assert_uint_eq(cpu->segment[i].base, i == CPU_CS ? SMBASE : 0);
		ck_assert_uint_eq(cpu->segment[i].limit, 0xffffffff);
		ck_assert(!(cpu->segment[i].attributes & CPU_SEGMENT_DB));
	}
}
END_TEST

/* Table 34-1. */
START_TEST(map_documented)
{
	struct cpu *cpu = fixture.cpu;

	start_protected(0x5000, 0);
	registers_fill();
	cpu->cr3 = 0x00123000;
	cpu->segment[CPU_ES].selector = 0x43;
	cpu->segment[CPU_FS].selector = 0x4b;
	cpu->segment[CPU_GS].selector = 0x53;
	cpu->segment[CPU_DS].selector = 0x5b;
	CODE(ENTRY, HLT);
	memset(fixture.ram + MAP(0x7ef8), 0xee, 0x108);
	const struct {
		uint16_t at;
		uint32_t value;
	} fields[] = {
		{ 0x7ffc, (uint32_t)cpu->cr0 },
		{ 0x7ff8, 0x00123000 },
		{ 0x7ff4, (uint32_t)cpu_rflags(cpu) },
		{ 0x7ff0, 0x5000 },
		{ 0x7fec, 0x88888807 },
		{ 0x7fe8, 0x77777706 },
		{ 0x7fe4, 0x66666605 },
		{ 0x7fe0, STACK0 },
		{ 0x7fdc, 0x44444403 },
		{ 0x7fd8, 0x33333302 },
		{ 0x7fd4, 0x22222201 },
		{ 0x7fd0, 0x11111100 },
		{ 0x7fcc, 0xffff4ff0 },
		{ 0x7fc8, 0x00000700 },
		{ 0x7fc4, TSS_SEL },
		{ 0x7fc0, 0x48 },
		{ 0x7fbc, 0x53 },
		{ 0x7fb8, 0x4b },
		{ 0x7fb4, 0x5b },
		{ 0x7fb0, KDATA },
		{ 0x7fac, KCODE },
		{ 0x7fa8, 0x43 },
		{ 0x7f00, 0 },
		{ 0x7efc, 0x00030000 },
		{ 0x7ef8, SMBASE },
	};
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		ck_assert_msg(ram_get32(MAP(fields[i].at)) == fields[i].value, "%04x is %08x, not %08x", fields[i].at,
			ram_get32(MAP(fields[i].at)), fields[i].value);
}
END_TEST

/* The handler changes all that it can. */
START_TEST(everything_comes_back)
{
	struct cpu *cpu = fixture.cpu, before;

	mode_start((enum mode)_i);
	registers_fill();
	CODE(ENTRY, 0x66, 0xb8, 0x10, 0x00, 0x00, 0x00, /* mov eax, 10h */
		0x0f, 0x22, 0xd8,                       /* mov cr3, eax */
		0x0f, 0x22, 0xe0,                       /* mov cr4, eax */
		0x0f, 0x23, 0xf8,                       /* mov dr7, eax */
		0x0f, 0x01, 0x16, 0x00, 0x60,           /* lgdt [6000h] */
		0x0f, 0x01, 0x1e, 0x00, 0x60,           /* lidt [6000h] */
		0x0f, 0x20, 0xc3, 0x0c, 0x01,           /* mov ebx, cr0; or al, 1 */
		0x0f, 0x22, 0xc0,                       /* mov cr0, eax */
		0x66, 0x31, 0xdb, 0x66, 0x31, 0xc9,     /* xor ebx, ebx; xor ecx, ecx */
		0x66, 0x89, 0xdc, 0x66, 0x89, 0xdd,     /* mov esp, ebx; mov ebp, ebx */
		0x66, 0x89, 0xde, 0x66, 0x89, 0xdf,     /* mov esi, ebx; mov edi, ebx */
		0x8e, 0xc3, 0x8e, 0xdb, 0x8e, 0xe3,     /* mov es, ds and fs, bx */
		RSM);
	before = *cpu;
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(19), CPU_EXIT_BUDGET);
	ck_assert(!cpu->in_smm);
	ck_assert(!cpu->nmi_blocked);
	states_compare(&before, cpu);
	ck_assert_uint_eq(before.context, cpu->context);
	ck_assert_uint_eq(before.stack_mask, cpu->stack_mask);
	/* And the program goes on. */
	before = *cpu;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RAX), 0x11111101);
	ck_assert_uint_eq(cpu->rip, before.rip + 1);
}
END_TEST

START_TEST(relocation)
{
	struct cpu *cpu = fixture.cpu;
	static const uint32_t bases[] = { 0x40000, 0x51230, 0x100000, 0x207fff };
	uint32_t base = bases[_i];

	start_real(0x5000);
	CODE(0x5000, 0xeb, 0xfe);
	CODE(ENTRY, 0x66, 0x2e, 0xc7, 0x06, 0xf8, 0xfe, base & 0xff, base >> 8 & 0xff, base >> 16, 0, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(cpu->smbase, base);
	ck_assert_uint_eq(cpu->rip, 0x5000);
	CODE(base + 0x8000, HLT);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_HALT);
	ck_assert_uint_eq(cpu->segment[CPU_CS].selector, (uint16_t)(base >> 4));
	ck_assert_uint_eq(cpu->segment[CPU_CS].base, base);
	ck_assert_uint_eq(ram_get32(base + 0xfef8), base);
	ck_assert_uint_eq(ram_get32(base + 0xfff0), 0x5000);
	/* INIT leaves SMBASE alone, RESET# does not. */
	cpu->in_smm = false;
	cpu_reset(cpu, true);
	ck_assert_uint_eq(cpu->smbase, base);
	cpu_reset(cpu, false);
	ck_assert_uint_eq(cpu->smbase, SMBASE);
}
END_TEST

START_TEST(invalid_state)
{
	struct cpu *cpu = fixture.cpu;
	static const struct {
		uint16_t at;
		uint32_t value;
	} bad[] = {
		{ 0x7ffc, CPU_CR0_PG | CPU_CR0_ET },
		{ 0x7ffc, CPU_CR0_NW | CPU_CR0_PE },
		{ 0x7f14, 1u << 31 },
		{ 0x7f14, 1u << 15 },
	};
	uint16_t at = bad[_i].at + 0x8000u;
	uint32_t value = bad[_i].value;

	start_real(0x5000);
	CODE(0x5000, HLT);
	CODE(ENTRY, 0x66, 0x2e, 0xc7, 0x06, at & 0xff, at >> 8, value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff,
		value >> 24, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(10), CPU_EXIT_SHUTDOWN);
}
END_TEST

/* Whatever a handler puts into the map, nothing breaks. */
START_TEST(random_map)
{
	struct cpu *cpu = fixture.cpu, before;
	uint32_t seed = 1, good = 0;

	for (unsigned round = 0; round < 3000; round++) {
		cpu_reset(cpu, false);
		start_real(0x5000);
		CODE(ENTRY, RSM);
		cpu->in_smm = true;
		cpu->segment[CPU_CS].base = SMBASE;
		cpu->rip = 0x8000;
		for (uint32_t at = 0x7ef8; at < 0x8000; at += 4) {
			seed = seed * 1664525u + 1013904223u;
			ram_put32(MAP(at), seed ^ seed >> 13);
		}
		ram_put32(MAP(0x7ffc), ram_get32(MAP(0x7ffc)) & ~(CPU_CR0_NW | (round & 1 ? CPU_CR0_PG : 0)));
		ram_put32(MAP(0x7f14), ram_get32(MAP(0x7f14)) & 0x6ff);
		if (run_for(1) != CPU_EXIT_BUDGET)
			continue;
		/* What came of it is saved and comes back as it is. */
		before = *cpu;
		cpu->smbase = SMBASE;
		cpu_request(cpu, CPU_REQUEST_SMI);
		run_for(1);
		ck_assert(!cpu->in_smm);
		states_compare(&before, cpu);
		good++;
	}
	ck_assert_uint_gt(good, 300);
}
END_TEST

/* 34.6: A20M# is blocked. */
START_TEST(a20)
{
	struct cpu *cpu = fixture.cpu;

	start_real(0x5000);
	cpu->a20_mask = cpu->a20_mask_next = ~(UINT64_C(1) << 20);
	CODE(0x5000, 0xa0, 0x00, 0x20, HLT); /* mov al, [2000h] */
	cpu->segment[CPU_DS].base = 0x100000;
	ram_put8(0x2000, 1);
	ram_put8(0x102000, 2);
	CODE(ENTRY, 0x67, 0x8a, 0x1d, 0x00, 0x20, 0x10, 0x00, /* mov bl, [102000h] */
		0x2e, 0x88, 0x1e, 0x00, 0x90, RSM);           /* mov cs:[9000h], bl */
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(ram_get16(SMBASE + 0x9000), 2);
	ck_assert_uint_eq(reg(CPU_RAX) & 0xff, 1);
	/* A change meanwhile is kept for after. */
	cpu_request(cpu, CPU_REQUEST_SMI);
	cpu->halted = false;
	cpu->rip = 0x5000;
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu->a20_mask_next = UINT64_MAX;
	cpu_request(cpu, CPU_REQUEST_A20);
	ck_assert_int_eq(run_for(20), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX) & 0xff, 2);
}
END_TEST

/* SMRAM behind other memory: what SMIACT# opens is seen at once, and what it hides is, after RSM. */
static void (*plain_page)(void *self, uint64_t physical, struct cpu_page *page);
static bool smram_open;
static char order[8];
static uint32_t smram_map;

static uint64_t smram_address(uint64_t physical)
{
	return smram_open && physical >= 0x38000 && physical < 0x40000 ? physical + 0x200000 : physical;
}
static void smram_page(void *self, uint64_t physical, struct cpu_page *page)
{
	plain_page(self, smram_address(physical), page);
}
static void smram_smiact(void *self, bool level)
{
	(void)self;
	strcat(order, level ? "+" : "-");
	smram_map = ram_get32(0x23fffc); /* CR0: written after this, read before */
	if (!level)
		memset(fixture.ram + 0x23fef8, 0xff, 0x108);
	smram_open = level;
	cpu_request(fixture.cpu, CPU_REQUEST_FLUSH);
}

START_TEST(smiact)
{
	struct cpu *cpu = fixture.cpu;

	plain_page = cpu->bus.page;
	cpu->bus.page = smram_page;
	cpu->bus.smiact = smram_smiact;
	smram_open = false;
	order[0] = 0;
	start_protected(0x38000, 0);
	cpu->gpr[CPU_RSI] = 0x39000;
	ram_put32(0x39000, 0x11);
	ram_put32(0x239000, 0x22);
	CODE(0x38000, 0x8b, 0x1e, 0xeb, 0xfc); /* 1: mov ebx, [esi]; jmp 1b */
	ck_assert_int_eq(run_for(10), CPU_EXIT_BUDGET);
	ck_assert_uint_eq(reg(CPU_RBX), 0x11);
	/* mov ebx, cs:[9000h]; mov [7000h], ebx; rsm */
	CODE(0x238000, 0x66, 0x2e, 0x8b, 0x1e, 0x00, 0x90, 0x66, 0x89, 0x1e, 0x00, 0x70, RSM);
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(2), CPU_EXIT_BUDGET);
	ck_assert_str_eq(order, "+");
	ck_assert_uint_eq(smram_map, 0);
	ck_assert_uint_eq(ram_get32(0x7000), 0x22);
	ck_assert_int_eq(run_for(11), CPU_EXIT_BUDGET);
	ck_assert_str_eq(order, "+-");
	ck_assert_uint_eq(reg(CPU_RBX), 0x11);
	ck_assert_uint_eq(smram_map, (uint32_t)cpu->cr0);
	/* The save went to SMRAM. */
	ck_assert_uint_eq(ram_get32(MAP(0x7efc)), 0);
}
END_TEST

/* Saved in the handler, loaded elsewhere, and left there. */
START_TEST(saved_state)
{
	struct cpu *cpu = fixture.cpu, before;
	struct state_writer *writer = state_writer_new();
	struct state_reader *reader;
	const void *data;
	size_t length;

	mode_start(USER_PAGED);
	registers_fill();
	CODE(ENTRY, 0x90, RSM);
	before = *cpu;
	cpu_request(cpu, CPU_REQUEST_SMI);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	cpu_request(cpu, CPU_REQUEST_SMI | CPU_REQUEST_INIT);
	cpu->a20_mask_next = ~(UINT64_C(1) << 20);
	state_section_begin(writer, "cpu0", "cpu", 1);
	ck_assert_int_eq(cpu_save(cpu, writer), 0);
	state_section_end(writer);
	ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);
	cpu_request_clear(cpu, UINT32_MAX);
	cpu_reset(cpu, false);
	ck_assert_int_eq(state_reader_new(data, length, &reader, NULL), 0);
	ck_assert_int_eq(state_section_open(reader, "cpu0", NULL, NULL), 0);
	ck_assert_int_eq(cpu_load(cpu, reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
	state_reader_free(reader);
	state_writer_free(writer);
	ck_assert(cpu->in_smm);
	ck_assert_uint_eq(cpu->a20_mask, UINT64_MAX);
	ck_assert_uint_eq(__atomic_load_n(&cpu->request, __ATOMIC_RELAXED), CPU_REQUEST_SMI | CPU_REQUEST_INIT);
	ck_assert_int_eq(run_for(1), CPU_EXIT_BUDGET);
	states_compare(&before, cpu);
	ck_assert(!cpu->in_smm);
	ck_assert_uint_eq(cpu->a20_mask, ~(UINT64_C(1) << 20));
}
END_TEST

int main(void)
{
	const struct {
		const TTest *test;
		int count;
	} loops[] = {
		{ entry_state, MODES },
		{ map_documented, 1 },
		{ everything_comes_back, MODES },
		{ relocation, 4 },
		{ invalid_state, 4 },
		{ random_map, 1 },
		{ a20, 1 },
		{ smiact, 1 },
		{ saved_state, 1 },
	};
	Suite *suite = suite_create("SMM");
	TCase *tcase = tcase_create("SMM");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, fixture_setup_32bit, fixture_teardown);
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		tcase_add_loop_test(tcase, loops[i].test, 0, loops[i].count);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
