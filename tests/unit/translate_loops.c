/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Random loops on T2 and on the interpreter: both must leave the same registers, flags and memory, and the same faults.
 *
 * Pointers and indices move by constants, so that their accesses are looked up before the loop, through pages of which
 * some are missing or read-only; what is in between is arithmetic on other registers, jumps that depend on it, pushes
 * and pops.  LOOPS_COUNT and LOOPS_SEED ask for more or others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/tlb.h"
#include "vmm/cpu/xsave.h"
#include "vmm/translate/t1.h"
#include "vmm/translate/translate.h"

#define CODE_AT   0x300000u
#define DATA_AT   0x200000u
#define DATA_SIZE 0x80000u
#define STACK_AT  0x2c0000u
#define ROUNDS    3000u

struct program {
	uint8_t bytes[512];
	unsigned length;
	bool wide; /* 64-bit */
	uint64_t gpr[16];
	uint8_t rights[DATA_SIZE / 4096];
	unsigned align;
};

static uint64_t random_state;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1du;
}

static unsigned below(unsigned n)
{
	return (unsigned)(random64() >> 33) % n;
}

/* ---- making one ---- */

static void put(struct program *p, unsigned byte)
{
	ck_assert_uint_lt(p->length, sizeof(p->bytes));
	p->bytes[p->length++] = (uint8_t)byte;
}

static void put32(struct program *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		put(p, value >> 8 * i & 0xff);
}

/* Registers by what they are for; in 32-bit code there are fewer.  The counter is none of them. */
static unsigned one_of(const struct program *p, const uint8_t *wide, const uint8_t *narrow, unsigned count)
{
	return p->wide ? wide[below(count)] : narrow[below(2)];
}

static unsigned data_reg(const struct program *p)
{
	static const uint8_t wide[] = { CPU_RAX, CPU_RDX, 9, 12 }, narrow[] = { CPU_RAX, CPU_RDX };

	return one_of(p, wide, narrow, 4);
}

static unsigned pointer_reg(const struct program *p)
{
	static const uint8_t wide[] = { CPU_RBX, CPU_RSI, 8, 11 }, narrow[] = { CPU_RBX, CPU_RSI };

	return one_of(p, wide, narrow, 4);
}

static unsigned index_reg(const struct program *p)
{
	static const uint8_t wide[] = { CPU_RCX, 13, 10 }, narrow[] = { CPU_RCX, CPU_RCX };

	return one_of(p, wide, narrow, 3);
}

#define COUNTER_WIDE   15
#define COUNTER_NARROW CPU_RDI

static void rex(struct program *p, bool w, unsigned reg, unsigned index, unsigned rm, bool byte)
{
	unsigned bits = (w ? 8u : 0) | reg >> 3 << 2 | index >> 3 << 1 | rm >> 3;

	if (p->wide && (bits || (byte && reg >= 4)))
		put(p, 0x40 | bits);
}

/* The ModRM byte and what follows, of a register and a pointer, maybe with an index. */
static void memory(struct program *p, unsigned reg, unsigned base, unsigned index, unsigned scale, int displacement)
{
	bool small = displacement == (int8_t)displacement;
	bool sib = index < 16 || (base & 7) == CPU_RSP;

	put(p, (small ? 0x40u : 0x80u) | (reg & 7) << 3 | (sib ? 4 : base & 7));
	if (sib)
		put(p, scale << 6 | (index < 16 ? index & 7 : 4) << 3 | (base & 7));
	if (small)
		put(p, (unsigned)displacement & 0xff);
	else
		put32(p, (uint32_t)displacement);
}

/* Where in memory. */
static int displacement_any(const struct program *p)
{
	static const int displacements[] = { 0, 0, 0, 8, 16, 4, -8, 1, 60, 120, 2040 };
	int displacement = displacements[below(11)];

	return p->align ? displacement & -(int)p->align : displacement;
}

/* An instruction between a register and memory: opcode with its map, prefix or 0. */
static void access(struct program *p, unsigned prefix, unsigned opcode, unsigned size, unsigned reg)
{
	unsigned base = pointer_reg(p), index = below(2) ? 16 : index_reg(p), scale = below(4);
	int displacement = displacement_any(p);

	if (size == 2)
		put(p, 0x66);
	if (prefix)
		put(p, prefix);
	rex(p, size == 8, reg, index < 16 ? index : 0, base, size == 1);
	if (opcode >> 8)
		put(p, 0x0f);
	if (opcode >> 8 == 2)
		put(p, 0x38);
	put(p, opcode & 0xff);
	memory(p, reg, base, index, scale, displacement);
}

/* The same with a VEX prefix; `prefix' is its pp. */
static void access_vex(
	struct program *p, unsigned prefix, unsigned opcode, bool wide, unsigned length, unsigned reg, unsigned vvvv)
{
	unsigned base = pointer_reg(p), index = below(2) ? 16 : index_reg(p), scale = below(4);
	int displacement = displacement_any(p);

	put(p, 0xc4);
	put(p, (reg & 8 ? 0 : 0x80) | (index < 16 && index & 8 ? 0 : 0x40) | (base & 8 ? 0 : 0x20) | opcode >> 8);
	put(p, (wide ? 0x80 : 0) | (~vvvv & 15) << 3 | length << 2 | prefix);
	put(p, opcode & 0xff);
	memory(p, reg, base, index, scale, displacement);
}

static unsigned any_size(const struct program *p)
{
	static const unsigned sizes[] = { 4, 1, 2, 8 };

	return sizes[below(p->wide ? 4 : 3)];
}

/* ALU between memory and a register, either way; MOV; TEST; XCHG; XADD. */
static void integer(struct program *p)
{
	unsigned size = any_size(p), byte = size == 1, reg = data_reg(p);

	switch (below(8)) {
	case 0: access(p, 0, 0x88 | !byte, size, reg); break;
	case 1:
	case 2: access(p, 0, 0x8a | !byte, size, reg); break;
	case 3: access(p, 0, below(8) << 3 | !byte, size, reg); break;
	case 4: access(p, 0, below(8) << 3 | 2 | !byte, size, reg); break;
	case 5: access(p, 0, 0x84 | !byte, size, reg); break;
	case 6: access(p, 0, below(2) ? 0x1b6 | below(2) << 3 : 0x1af, byte ? 4 : size, reg); break;
	default: access(p, 0, below(2) ? 0x86 | !byte : 0x1c0 | !byte, size, reg); break;
	}
}

/* A shift, NOT, NEG, INC, DEC, or an operation with an immediate, in memory. */
static void modify(struct program *p)
{
	unsigned size = any_size(p), byte = size == 1;

	switch (below(3)) {
	case 0: access(p, 0, 0xd0 | !byte, size, 4 + below(4) % 3); break;
	case 1: access(p, 0, 0xfe | !byte, size, below(2)); break;
	default:
		access(p, 0, byte ? 0x80 : 0x83, size, below(8));
		put(p, below(256));
		break;
	}
}

static void vector(struct program *p)
{
	static const struct {
		uint8_t prefix;
		uint16_t opcode;
	} forms[] = { { 0, 0x110 }, { 0, 0x111 }, { 0, 0x128 }, { 0, 0x129 }, { 0x66, 0x1fe }, { 0x66, 0x1ef },
		{ 0xf2, 0x110 }, { 0xf2, 0x111 }, { 0xf3, 0x16f }, { 0xf3, 0x17f }, { 0x66, 0x12e }, { 0x66, 0x16f } };
	unsigned i = below(12);

	access(p, forms[i].prefix, forms[i].opcode, 4, below(8));
}

/* AND: an index stays where there is memory. */
static void index_bound(struct program *p, unsigned i)
{
	rex(p, false, 0, 0, i, false);
	put(p, 0x83);
	put(p, 0xe0 | (i & 7));
	put(p, below(0x80));
}

/* Later instructions on general registers, and what vector registers leave in those: they change what addresses are
 * made of. */
static void extension(struct program *p)
{
	unsigned a = data_reg(p), b = data_reg(p), i = index_reg(p), size = p->wide && below(2) ? 8 : 4;

	switch (below(8)) {
	case 0: /* ADCX, ADOX */
		put(p, below(2) ? 0x66 : 0xf3);
		rex(p, size == 8, a, 0, b, false);
		put(p, 0x0f);
		put(p, 0x38);
		put(p, 0xf6);
		put(p, 0xc0 | (a & 7) << 3 | (b & 7));
		break;
	case 1: access(p, below(2) ? 0x66 : 0xf3, 0x2f6, size, a); break;
	case 2: access(p, 0, 0x2f0 | below(2), size, a); break; /* MOVBE */
	case 3:                                                 /* CRC32 */
		access(p, 0xf2, 0x2f1, size, i);
		index_bound(p, i);
		break;
	case 4: /* MOVD, PMOVMSKB */
	case 5: {
		bool move = below(2);

		put(p, 0x66);
		rex(p, false, move ? below(8) : i, 0, move ? i : below(8), false);
		put(p, 0x0f);
		put(p, move ? 0x7e : 0xd7);
		put(p, 0xc0 | (move ? below(8) << 3 | (i & 7) : (i & 7) << 3 | below(8)));
		index_bound(p, i);
		break;
	}
	case 6: /* MULX */
		access_vex(p, 3, 0x2f6, size == 8, 0, i, a);
		index_bound(p, i);
		break;
	default: access_vex(p, 1, 0x1fe, false, below(2), below(8), below(8)); break; /* VPADDD */
	}
}

/* Between registers; the last one sets a bound for an index. */
static void arithmetic(struct program *p)
{
	unsigned a = data_reg(p), b = data_reg(p), i = index_reg(p);

	switch (below(9) % 7) {
	case 0:
		rex(p, p->wide, b, 0, a, false);
		put(p, below(8) << 3 | 1);
		put(p, 0xc0 | (b & 7) << 3 | (a & 7));
		break;
	case 1: /* IMUL */
		rex(p, p->wide, a, 0, b, false);
		put(p, 0x0f);
		put(p, 0xaf);
		put(p, 0xc0 | (a & 7) << 3 | (b & 7));
		break;
	case 2: /* SETcc, CMOVcc */
		rex(p, false, a, 0, b, true);
		put(p, 0x0f);
		put(p, 0x40 | below(16));
		put(p, 0xc0 | (a & 7) << 3 | (b & 7));
		break;
	case 3: /* ADC, SBB with an immediate */
		rex(p, p->wide, 0, 0, a, false);
		put(p, 0x83);
		put(p, 0xc0 | (2 + below(2)) << 3 | (a & 7));
		put(p, below(256));
		break;
	case 4: /* AH and its like */
		put(p, below(8) << 3 | 2);
		put(p, 0xc0 | (below(2) ? CPU_RAX : CPU_RDX) << 3 | 4 | (below(2) ? CPU_RAX : CPU_RDX));
		break;
	case 5: /* an index becomes small */
		rex(p, false, i, 0, a, true);
		put(p, 0x0f);
		put(p, 0xb6);
		put(p, 0xc0 | (i & 7) << 3 | (a & 7));
		break;
	default: index_bound(p, i); break;
	}
}

/* A pointer or an index moves. */
static void move(struct program *p, unsigned reg, bool index)
{
	static const int steps[] = { 1, 2, 4, 8, 8, 16, 16, -1, -8, -16, 12, 24, 64, 3 };
	bool wide = p->wide && (!index || below(4));
	int step = steps[below(14)];

	if (p->align && !index)
		step = step / (int)p->align * (int)p->align;
	switch (below(4)) {
	case 0:
		if (!p->align || index) {
			rex(p, wide, 0, 0, reg, false);
			put(p, 0xff);
			put(p, 0xc0 | below(2) << 3 | (reg & 7));
			break;
		}
		__attribute__((fallthrough));
	case 1: /* LEA */
		rex(p, wide, reg, 0, reg, false);
		put(p, 0x8d);
		memory(p, reg, reg, 16, 0, step);
		break;
	case 2: /* SUB */
		rex(p, wide, 0, 0, reg, false);
		put(p, 0x83);
		put(p, 0xe8 | (reg & 7));
		put(p, (unsigned)-step & 0xff);
		break;
	default:
		rex(p, wide, 0, 0, reg, false);
		put(p, 0x83);
		put(p, 0xc0 | (reg & 7));
		put(p, (unsigned)step & 0xff);
		break;
	}
}

static void any(struct program *p)
{
	switch (below(11)) {
	case 0:
	case 1: arithmetic(p); break;
	case 10: extension(p); break;
	case 2:
		if (below(2))
			move(p, pointer_reg(p), false);
		else
			move(p, index_reg(p), true);
		break;
	case 3: vector(p); break;
	case 4: modify(p); break;
	case 5: {
		/* a push and a pop */
		unsigned a = data_reg(p), b = data_reg(p);

		rex(p, false, 0, 0, a, false);
		put(p, 0x50 | (a & 7));
		if (below(2))
			integer(p);
		rex(p, false, 0, 0, b, false);
		put(p, 0x58 | (b & 7));
		break;
	}
	default: integer(p); break;
	}
}

/* Over one instruction, or by way of a jump back. */
static void jump(struct program *p)
{
	unsigned at;

	if (below(3)) {
		/* depends on data: seldom, often or half the time */
		unsigned reg = data_reg(p), kind = below(3);

		rex(p, false, 0, 0, reg, false);
		put(p, 0xf7); /* TEST */
		put(p, 0xc0 | (reg & 7));
		put32(p, kind == 0 ? 0x3f : kind == 1 ? 1 : 0x100);
	}
	put(p, below(4) ? 0x70 | below(16) : 0xeb);
	at = p->length;
	put(p, 0);
	any(p);
	p->bytes[at] = (uint8_t)(p->length - at - 1);
}

/* The loop is entered again, a few times, with a pointer elsewhere. */
static void again(struct program *p, unsigned head, unsigned counter)
{
	unsigned reg = pointer_reg(p), outer = p->wide ? 14 : CPU_RBP, end;

	p->gpr[outer] = 1 + below(6);
	rex(p, p->wide, 0, 0, reg, false);
	put(p, 0x81); /* ADD */
	put(p, 0xc0 | (reg & 7));
	put32(p, (uint32_t)below(DATA_SIZE / 8) - DATA_SIZE / 8);
	rex(p, p->wide, 0, 0, counter, false);
	put(p, 0xc7); /* MOV */
	put(p, 0xc0 | (counter & 7));
	put32(p, 100 + below(500));
	rex(p, p->wide, 0, 0, outer, false);
	put(p, 0xff); /* DEC */
	put(p, 0xc8 | (outer & 7));
	put(p, 0x74); /* JZ */
	end = p->length;
	put(p, 0);
	put(p, 0xe9);
	put32(p, head - (p->length + 4));
	p->bytes[end] = (uint8_t)(p->length - end - 1);
}

static void program_make(struct program *p)
{
	unsigned count = 2 + below(10), counter, head;

	memset(p, 0, sizeof(*p));
	p->wide = below(3);
	p->align = below(4) ? 16u >> below(3) : 0;
	for (unsigned i = 0; i < DATA_SIZE / 4096; i++)
		p->rights[i] = (uint8_t)(below(12) ? 7 : below(4) ? 5 : 6); /* or read-only, or missing */
	for (unsigned i = 0; i < 16; i++)
		p->gpr[i] = random64() & (p->wide ? UINT64_MAX : UINT32_MAX);
	static const uint8_t pointers[] = { CPU_RBX, CPU_RSI, 8, 11 }, indices[] = { CPU_RCX, 13, 10 };
	for (unsigned i = 0; i < (p->wide ? 4 : 2); i++) {
		uint64_t where = DATA_AT + DATA_SIZE / 4 + below(DATA_SIZE / 2);

		p->gpr[pointers[i]] = (p->align ? where & -(uint64_t)p->align : where) +
			(p->wide && below(2) ? HIGH_HALF : 0);
	}
	for (unsigned i = 0; i < (p->wide ? 3 : 1); i++)
		p->gpr[indices[i]] = below(3) ? below(200) : below(2) ? 0 : (uint32_t) - (int)below(200);
	counter = p->wide ? COUNTER_WIDE : COUNTER_NARROW;
	p->gpr[counter] = ROUNDS;
	head = p->length;
	for (unsigned i = 0; i < count; i++) {
		if (below(10))
			any(p);
		else
			jump(p);
	}
	for (unsigned i = 0; i < (p->wide ? 4 : 2); i++)
		if (below(2))
			move(p, pointers[i], false);
	for (unsigned i = 0; i < (p->wide ? 3 : 1); i++)
		if (below(3))
			move(p, indices[i], true);
	/* DEC, JNZ; the flags of the DEC are read by what comes first, maybe */
	rex(p, p->wide, 0, 0, counter, false);
	put(p, 0xff);
	put(p, 0xc8 | (counter & 7));
	put(p, 0x0f);
	put(p, 0x85);
	put32(p, head - (p->length + 4));
	again(p, head, counter);
	put(p, 0xf4);
}

/* ---- running it ---- */

struct outcome {
	uint64_t gpr[16], rip, cr2, frame[6];
	uint32_t flags;
	uint8_t fx[512];
	uint8_t data[DATA_SIZE];
};

static void data_fill(void)
{
	uint64_t state = 88172645463325252u;

	for (unsigned i = 0; i < DATA_SIZE; i += 8) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(fixture.ram + DATA_AT + i, &state, 8);
	}
}

/* Where programs have no business is nothing: what is left there by one run the next would find. */
static uint8_t page_rights(const struct program *p, uint32_t address)
{
	if (address >= DATA_AT && address < DATA_AT + DATA_SIZE)
		return p->rights[(address - DATA_AT) / 4096];
	return address < 0x110000 || address == CODE_AT || address == STACK_AT - 4096 ? 7 : 0;
}

static void run(const struct program *p, struct cpu_translator *translator, struct outcome *o)
{
	struct cpu *cpu = fixture.cpu;

	cpu->translator = NULL;
	cpu_reset(cpu, false);
	data_fill();
	memset(fixture.ram + STACK_AT - 4096, 0, 4096);
	ram_put(CODE_AT, p->bytes, p->length);
	if (p->wide) {
		start_long(CODE_AT, 0);
		for (uint32_t at = 0; at < RAM_SIZE; at += 4096)
			ram_put64(PTAB_AT + at / 4096 * 8, at | page_rights(p, at));
	} else {
		start_protected(CODE_AT, 0);
		paging_on(7);
		for (uint32_t at = 0; at < RAM_SIZE; at += 4096)
			pte_put(at, at | page_rights(p, at));
	}
	cpu->cr4 |= CPU_CR4_OSFXSR | CPU_CR4_OSXMMEXCPT | CPU_CR4_OSXSAVE;
	cpu->xcr0 = xcr0_allowed(cpu->model) & 7;
	cpu->cr0 = (cpu->cr0 | CPU_CR0_MP) & ~(CPU_CR0_TS | CPU_CR0_EM);
	memcpy(cpu->gpr, p->gpr, sizeof(cpu->gpr));
	cpu->gpr[CPU_RSP] = STACK_AT;
	for (unsigned i = 0; i < 128; i++)
		((uint8_t *)cpu->fx.xmm)[i] = (uint8_t)(i * 37);
	tlb_flush(cpu, true);
	cpu->translator = translator;
	blocks_reset(cpu);
	cpu->halted = false;
	cpu_mode_update(cpu);
	ck_assert_int_eq(cpu_run(cpu, UINT64_MAX), CPU_EXIT_HALT);
	memcpy(o->gpr, cpu->gpr, sizeof(o->gpr));
	o->rip = cpu->rip;
	o->cr2 = cpu->cr2;
	o->flags = (uint32_t)cpu_rflags(cpu);
	memset(o->frame, 0, sizeof(o->frame));
	if (cpu->rip - 1 != CODE_AT + p->length - 1) {
		/* a fault: what it has pushed, but flags that are dead there */
		for (unsigned i = 0; i < (p->wide ? 6u : 4u); i++)
			o->frame[i] = p->wide ? frame64(i) : frame32(i);
		o->flags &= ~CPU_FLAGS_ARITHMETIC;
		for (unsigned i = 2; i < 4; i++)
			o->frame[i] &= ~(uint64_t)CPU_FLAGS_ARITHMETIC;
		if (!p->wide)
			o->frame[3] &= ~(uint64_t)CPU_FLAGS_ARITHMETIC;
	}
	memcpy(o->fx, cpu->fx.xmm, 128);
	memcpy(o->data, fixture.ram + DATA_AT, DATA_SIZE);
}

static void tell(
	const struct program *p, const struct outcome *a, const struct outcome *b, unsigned number, uint64_t seed)
{
	FILE *file = fopen("translate_loops.bin", "wb");

	if (file) {
		fwrite(p->bytes, 1, p->length, file);
		fclose(file);
	}
	fprintf(stderr, "loop %u of seed %llu, %d-bit, differs (code in translate_loops.bin)\n", number,
		(unsigned long long)seed, p->wide ? 64 : 32);
	for (unsigned i = 0; i < 16; i++)
		if (a->gpr[i] != b->gpr[i])
			fprintf(stderr, "  register %u: %llx, T2 %llx (at first %llx)\n", i,
				(unsigned long long)a->gpr[i], (unsigned long long)b->gpr[i],
				(unsigned long long)p->gpr[i]);
	fprintf(stderr, "  rip %llx, T2 %llx; cr2 %llx, T2 %llx; flags %x, T2 %x\n", (unsigned long long)a->rip,
		(unsigned long long)b->rip, (unsigned long long)a->cr2, (unsigned long long)b->cr2, a->flags, b->flags);
	for (unsigned i = 0; i < 6; i++)
		if (a->frame[i] != b->frame[i])
			fprintf(stderr, "  frame %u: %llx, T2 %llx\n", i, (unsigned long long)a->frame[i],
				(unsigned long long)b->frame[i]);
	for (unsigned i = 0; i < DATA_SIZE; i++) {
		if (a->data[i] != b->data[i]) {
			fprintf(stderr, "  memory at %x: %x, T2 %x\n", DATA_AT + i, a->data[i], b->data[i]);
			break;
		}
	}
	fprintf(stderr, "  vectors %s\n", memcmp(a->fx, b->fx, 128) ? "differ" : "are equal");
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

START_TEST(random_loops)
{
	static struct outcome expected, got;
	static struct program program;
	uint64_t count = number_from("LOOPS_COUNT", 400), seed = number_from("LOOPS_SEED", 1), wrong = 0;
	struct cpu_translator *translator;
	const struct t1 *t1;

	ck_assert_int_eq(translator_t1_create(fixture.cpu, 8u << 20, 2, 50, false), 0);
	translator = fixture.cpu->translator;
	t1 = t1_of(fixture.cpu);
	for (unsigned i = (unsigned)number_from("LOOPS_FIRST", 0); i < count && wrong < 5; i++) {
		random_state = (seed << 32 | i) * 0x9e3779b97f4a7c15u + 1;
		program_make(&program);
		run(&program, NULL, &expected);
		run(&program, translator, &got);
		if (memcmp(&expected, &got, sizeof(got)) != 0) {
			tell(&program, &expected, &got, i, seed);
			wrong++;
		}
	}
	fixture.cpu->translator = translator;
	ck_assert_uint_eq(wrong, 0);
	/* it is superblocks that were to be tried */
	fprintf(stderr, "%llu loops, %llu superblocks, looked up %llu times, %llu in vain\n", (unsigned long long)count,
		(unsigned long long)t1->statistics.superblocks, (unsigned long long)t1->statistics.looked_up,
		(unsigned long long)t1->statistics.not_found);
	ck_assert_uint_gt(t1->statistics.superblocks, count / 10);
}
END_TEST

/* ---- known ones ---- */

static int (*fixture_write)(void *self, uint64_t physical, const void *data, unsigned size);

/* As an engine does: whoever changes code says so. */
static int write_told(void *self, uint64_t physical, const void *data, unsigned size)
{
	int status = fixture_write(self, physical, data, size);

	if (status == CPU_BUS_CODE_CHANGED)
		cpu_code_changed(fixture.cpu, &fixture.version[physical / CPU_PAGE_SIZE]);
	return status;
}

static const struct t1 *superblocks_start(void)
{
	struct cpu *cpu = fixture.cpu;

	ck_assert_int_eq(translator_t1_create(cpu, 4u << 20, 2, 50, false), 0);
	fixture_write = cpu->bus.write;
	cpu->bus.write = write_told;
	start_protected(CODE_AT, 0);
	cpu->halted = false;
	return t1_of(cpu);
}

START_TEST(loop_changes_itself)
{
	/* add eax, 1; add [ebx], ecx; dec edx; cmp edx, 500; jne +7: mov byte [the 1], 3; test edx, edx; jnz to the
	 * first; hlt */
	const struct t1 *t1;

	CODE(CODE_AT, 0x83, 0xc0, 0x01, 0x01, 0x0b, 0x4a, 0x81, 0xfa, 0xf4, 0x01, 0x00, 0x00, 0x75, 0x07, 0xc6, 0x05,
		0x02, 0x00, 0x30, 0x00, 0x03, 0x85, 0xd2, 0x75, 0xe7, 0xf4);
	t1 = superblocks_start();
	fixture.cpu->gpr[CPU_RAX] = 0;
	fixture.cpu->gpr[CPU_RBX] = DATA_AT;
	fixture.cpu->gpr[CPU_RCX] = 2;
	fixture.cpu->gpr[CPU_RDX] = 2000;
	ck_assert_int_eq(cpu_run(fixture.cpu, 1000000), CPU_EXIT_HALT);
	ck_assert_uint_eq(reg(CPU_RAX), 1500 + 3 * 500);
	ck_assert_uint_eq(ram_get32(DATA_AT), 4000);
	/* one, and another of the new code */
	ck_assert_uint_eq(t1->statistics.superblocks, 2);
}
END_TEST

/* The device page asks for something, once. */
static unsigned reads;

static int read_asks(void *self, uint64_t physical, void *data, unsigned size)
{
	(void)self;
	memset(data, 1, size);
	if (physical == MMIO_BASE && ++reads == 1000)
		cpu_request(fixture.cpu, CPU_REQUEST_NMI);
	return 0;
}

START_TEST(loop_reads_device)
{
	/* movzx eax, byte [MMIO_BASE]; add [ebx], eax; dec edx; jnz to the first; hlt */
	const struct t1 *t1;

	CODE(CODE_AT, 0x0f, 0xb6, 0x05, 0, 0, 0, MMIO_BASE >> 24, 0x01, 0x03, 0x4a, 0x75, 0xf4, 0xf4);
	t1 = superblocks_start();
	fixture.cpu->bus.read = read_asks;
	reads = 0;
	fixture.cpu->gpr[CPU_RBX] = DATA_AT;
	fixture.cpu->gpr[CPU_RDX] = 2000;
	/* the NMI comes right behind the read that asked for it */
	ck_assert_int_eq(cpu_run(fixture.cpu, 1000000), CPU_EXIT_HALT);
	ck_assert_uint_eq(fixture.cpu->rip, HANDLER(2) + 1);
	ck_assert_uint_eq(reads, 1000);
	ck_assert_uint_eq(ram_get32(DATA_AT), 999);
	ck_assert_uint_eq(frame32(0), CODE_AT + 7);
	ck_assert_uint_eq(t1->statistics.superblocks, 1);
	ck_assert_uint_gt(t1->statistics.not_found, 0);
}
END_TEST

START_TEST(loop_sees_remapped_page)
{
	/* mov eax, [esi]; add [ebx], eax; dec edx; jnz to the first; hlt */
	const struct t1 *t1;

	CODE(CODE_AT, 0x8b, 0x06, 0x01, 0x03, 0x4a, 0x75, 0xf9, 0xf4);
	t1 = superblocks_start();
	paging_on(7);
	ram_put32(DATA_AT, 1);
	ram_put32(DATA_AT + 0x1000, 10);
	ram_put32(DATA_AT + 0x2000, 0);
	for (unsigned i = 0; i < 4; i++) {
		fixture.cpu->gpr[CPU_RSI] = DATA_AT;
		fixture.cpu->gpr[CPU_RBX] = DATA_AT + 0x2000;
		fixture.cpu->gpr[CPU_RDX] = 1000;
		fixture.cpu->rip = CODE_AT;
		fixture.cpu->halted = false;
		pte_put(DATA_AT, (i & 1 ? DATA_AT + 0x1000 : DATA_AT) | 7);
		ck_assert_int_eq(cpu_run(fixture.cpu, 1000000), CPU_EXIT_HALT);
	}
	ck_assert_uint_eq(ram_get32(DATA_AT + 0x2000), 2 * 1000 + 2 * 10000);
	ck_assert_uint_ge(t1->statistics.superblocks, 1);
}
END_TEST

SUITE("translate_loops", random_loops, loop_changes_itself, loop_reads_device, loop_sees_remapped_page)
