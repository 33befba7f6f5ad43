/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Both tiers in lockstep: wrong code of T1's is found wherever it goes wrong, the guest goes on with T0's result, and
 * what has effects outside happens once.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/block.h"
#include "vmm/translate/lockstep.h"
#include "vmm/translate/t1.h"

#define CODE_AT 0x20000u
#define NEXT_AT 0x20800u
#define DATA_AT 0x30000u
#define MAGIC   0x13572468u

static char reported[16384];

static void report(void *self, const char *text)
{
	(void)self;
	strncat(reported, text, sizeof(reported) - strlen(reported) - 1);
}

static void lockstep_start(void)
{
	const struct lockstep_config config = { .report = report };

	reported[0] = 0;
	start_protected(CODE_AT, 0);
	ck_assert_int_eq(translator_lockstep_create(fixture.cpu, 8u << 20, &config), 0);
}

static struct lockstep_statistics statistics(void)
{
	struct lockstep_statistics now;

	translator_lockstep_statistics(fixture.cpu, &now);
	return now;
}

static void run_from(uint32_t eip)
{
	fixture.cpu->rip = eip;
	fixture.cpu->halted = false;
	ck_assert_int_eq(run_for(10000), CPU_EXIT_HALT);
}

static struct block *block_at(uint32_t eip)
{
	struct block *block;

	fixture.cpu->rip = eip;
	block = block_find(fixture.cpu);
	ck_assert(block && block->code);
	return block;
}

/* In a block's code, the first or last place where these four bytes are. */
static void code_change_at(const struct block *block, uint32_t from, uint32_t to, bool first)
{
	const struct t1 *t1 = (const struct t1 *)(const void *)fixture.cpu->translator;
	uint8_t *code = t1->writable + ((const uint8_t *)block->code - t1->code), *found = NULL;

	for (uint8_t *at = code; at + 4 <= t1->writable + t1->code_used; at++)
		if (memcmp(at, &from, 4) == 0 && !(first && found))
			found = at;
	ck_assert_msg(found != NULL, "%x is not in the code", from);
	memcpy(found, &to, 4);
}

static void code_change(const struct block *block, uint32_t from, uint32_t to)
{
	code_change_at(block, from, to, false);
}

START_TEST(agrees)
{
	CODE(CODE_AT, 0xb9, 0x00, 0x01, 0x00, 0x00,             /* mov ecx, 256 */
		0x01, 0xc8,                                     /* add eax, ecx */
		0x89, 0x04, 0x8d, 0x00, 0x00, 0x03, 0x00,       /* mov [ecx * 4 + DATA_AT], eax */
		0xf0, 0x0f, 0xb1, 0x0d, 0x00, 0x00, 0x03, 0x00, /* lock cmpxchg [DATA_AT], ecx */
		0x9c, 0x5a,                                     /* pushf; pop edx */
		0x49, 0x75, 0xea,                               /* dec ecx; jnz to the add */
		0xf4);
	lockstep_start();
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 0);
	ck_assert_str_eq(reported, "");
	ck_assert_uint_ge(statistics().blocks, 256);
	ck_assert_uint_ge(statistics().instructions, 256 * 6);
	ck_assert_uint_eq(reg(CPU_RCX), 0);
}
END_TEST

START_TEST(finds_register)
{
	CODE(CODE_AT, 0xb9, 0x68, 0x24, 0x57, 0x13, 0xf4); /* mov ecx, MAGIC; hlt */
	lockstep_start();
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 0);
	code_change(block_at(CODE_AT), MAGIC, MAGIC + 1);
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 1);
	ck_assert_msg(strstr(reported, "RCX: T0 0000000013572468, T1 0000000013572469"), "%s", reported);
	ck_assert_msg(strstr(reported, "32-bit code at CPL 0, 8:20000: b968245713 | f4"), "%s", reported);
	ck_assert_uint_eq(reg(CPU_RCX), MAGIC);
}
END_TEST

START_TEST(finds_memory)
{
	/* mov dword [DATA_AT + 8], MAGIC; hlt */
	CODE(CODE_AT, 0xc7, 0x05, 0x08, 0x00, 0x03, 0x00, 0x68, 0x24, 0x57, 0x13, 0xf4);
	lockstep_start();
	run_from(CODE_AT);
	code_change(block_at(CODE_AT), MAGIC, MAGIC + 1);
	ram_put32(DATA_AT + 8, 0);
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 1);
	ck_assert_msg(strstr(reported, "008: T0 0000000013572468, T1 0000000013572469"), "%s", reported);
	ck_assert_uint_eq(ram_get32(DATA_AT + 8), MAGIC);
}
END_TEST

START_TEST(finds_stray_write)
{
	/* mov [DATA_AT + 0x1000], eax; jmp NEXT_AT: mov [DATA_AT + 8], eax; hlt.  T1 will write to the other page,
	 * which it knows how to reach. */
	CODE(CODE_AT, 0x89, 0x05, 0x00, 0x10, 0x03, 0x00, 0xe9, 0xf5, 0x07, 0x00, 0x00);
	CODE(NEXT_AT, 0x89, 0x05, 0x08, 0x00, 0x03, 0x00, 0xf4);
	lockstep_start();
	paging_on(7);
	fixture.cpu->gpr[CPU_RAX] = MAGIC;
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 0);
	code_change(block_at(NEXT_AT), DATA_AT + 8, DATA_AT + 0x1008);
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 1);
	ck_assert_msg(strstr(reported, "does not write to, at 31008"), "%s", reported);
	ck_assert_uint_eq(ram_get32(DATA_AT + 8), MAGIC);
	ck_assert_uint_eq(ram_get32(DATA_AT + 0x1008), 0);
}
END_TEST

START_TEST(finds_flags)
{
	/* cmp eax, MAGIC; jz NEXT_AT; hlt.  The flags are live where it leads. */
	CODE(CODE_AT, 0x3d, 0x68, 0x24, 0x57, 0x13, 0x0f, 0x84, 0xf5, 0x07, 0x00, 0x00, 0xf4);
	CODE(NEXT_AT, 0x9c, 0x58, 0xf4); /* pushf; pop eax; hlt */
	lockstep_start();
	fixture.cpu->gpr[CPU_RAX] = MAGIC;
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 0);
	/* the comparison; and its operand, which is kept where flags are not known to be read */
	code_change_at(block_at(CODE_AT), MAGIC, MAGIC + 1, true);
	code_change(block_at(CODE_AT), MAGIC, MAGIC + 1);
	fixture.cpu->gpr[CPU_RAX] = MAGIC;
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 1);
	ck_assert_msg(strstr(reported, "RFLAGS"), "%s", reported);
	ck_assert_msg(strstr(reported, "RIP: T0"), "%s", reported);
	ck_assert_uint_eq(reg(CPU_RAX) & CPU_FLAG_ZF, CPU_FLAG_ZF);
}
END_TEST

START_TEST(finds_flags_taken_for_dead)
{
	struct lockstep_block *note;

	/* add eax, ecx; jmp NEXT_AT: setc dl; hlt */
	CODE(CODE_AT, 0x01, 0xc8, 0xe9, 0xf9, 0x07, 0x00, 0x00);
	CODE(NEXT_AT, 0x0f, 0x92, 0xc2, 0xf4);
	lockstep_start();
	run_from(CODE_AT);
	ck_assert_uint_eq(statistics().differences, 0);
	note = block_at(CODE_AT)->check;
	memset(note->before, 0, sizeof(note->before));
	memset(note->taken, 0, sizeof(note->taken));
	run_from(CODE_AT);
	ck_assert_uint_ge(statistics().differences, 1);
	ck_assert_msg(strstr(reported, "RDX: T0"), "%s", reported);
	ck_assert_uint_eq(reg(CPU_RDX) & 0xff, 0);
}
END_TEST

START_TEST(does_things_once)
{
	CODE(CODE_AT, 0x40, 0xe6, 0x42,                         /* inc eax; out 42h, al */
		0x40, 0xa3, 0x10, 0x00, 0x00, 0xd0,             /* inc eax; mov [MMIO_BASE + 16], eax */
		0x40, 0x8b, 0x1d, 0x00, 0x00, 0x00, 0xd0,       /* inc eax; mov ebx, [MMIO_BASE] */
		0x40, 0xc6, 0x05, 0x1e, 0x00, 0x02, 0x00, 0x42, /* inc eax; mov byte [the next], inc edx */
		0x90, 0xf4);
	ram_put8(CODE_AT + 0x1e, 0x90);
	lockstep_start();
	fixture.cpu->gpr[CPU_RAX] = 0;
	fixture.cpu->gpr[CPU_RDX] = 0;
	run_from(CODE_AT);
	ck_assert_str_eq(reported, "");
	ck_assert_uint_eq(reg(CPU_RAX), 4);
	ck_assert_uint_eq(fixture.port_writes, 1);
	ck_assert_uint_eq(fixture.mmio_writes, 1);
	ck_assert_uint_eq(fixture.mmio_reads, 1);
	ck_assert_uint_ge(statistics().not_compared[LOCKSTEP_INSTRUCTION], 1);
	ck_assert_uint_eq(statistics().not_compared[LOCKSTEP_DEVICE], 2);
	ck_assert_uint_eq(statistics().not_compared[LOCKSTEP_TRACKED], 1);
	ck_assert_uint_eq(statistics().not_compared[LOCKSTEP_LOST], 0);
}
END_TEST

START_TEST(compares_faults)
{
	/* mov [DATA_AT], eax; div ebx: by 0; T1 leaves the fault to T0 */
	CODE(CODE_AT, 0xa3, 0x00, 0x00, 0x03, 0x00, 0xf7, 0xf3, 0xf4);
	lockstep_start();
	fixture.cpu->gpr[CPU_RBX] = 0;
	expect_vector(CPU_DE);
	ck_assert_uint_eq(statistics().differences, 0);
	ck_assert_uint_ge(statistics().blocks, 1);
}
END_TEST

SUITE("lockstep", agrees, finds_register, finds_memory, finds_stray_write, finds_flags, finds_flags_taken_for_dead,
	does_things_once, compares_faults)
