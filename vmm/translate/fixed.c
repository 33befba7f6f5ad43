/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The code that all blocks share: into translated code and out of it.
 */
#include "vmm/translate/t1.h"

#define STATE(member) rm_state(offsetof(struct cpu, member))

static const uint8_t callee_saved[] = { HOST_RBX, HOST_RBP, 12, 13, 14, 15 };

static void registers_load(struct emit *e)
{
	for (unsigned guest = 0; guest < 16; guest++)
		if (t1_host(guest) != T1_SLOT)
			emit_load(e, 8, t1_host(guest), rm_state(offsetof(struct cpu, gpr) + guest * 8));
}

static void registers_store(struct emit *e)
{
	for (unsigned guest = 0; guest < 16; guest++)
		if (t1_host(guest) != T1_SLOT)
			emit_store(e, 8, rm_state(offsetof(struct cpu, gpr) + guest * 8), t1_host(guest));
}

static void emit_push(struct emit *e, unsigned reg)
{
	if (reg & 8)
		emit8(e, 0x41);
	emit8(e, 0x50 | (reg & 7));
}

static void emit_pop(struct emit *e, unsigned reg)
{
	if (reg & 8)
		emit8(e, 0x41);
	emit8(e, 0x58 | (reg & 7));
}

static uint8_t *live_test(struct emit *e, size_t at, unsigned level)
{
	emit_op(e, 0x80, 1, 7, rm_state(at), 0, 1); /* cmp */
	emit8(e, level);
	return emit_jcc(e, CC_NZ);
}

/* Put the guest's vector registers away, if they are in the host's.  R10 stays. */
static void vector_out(struct emit *e, const struct t1 *t1)
{
	uint8_t *none;

	emit_rm(e, 0x1b6, 4, HOST_RAX, STATE(t1.live));
	emit_op(e, 0x88, 1, HOST_RAX, STATE(t1.live_was), 0, 0);
	emit_rm(e, 0x85, 4, HOST_RAX, rm_register(HOST_RAX));
	none = emit_jcc(e, CC_Z);
	for (unsigned level = T1_LIVE_SSE; level < T1_LIVES; level++) {
		uint8_t *other = live_test(e, offsetof(struct cpu, t1.live), level);

		emit_call(e, t1->vector_store[level]);
		emit_aim_here(e, other);
	}
	emit_op(e, 0xc6, 1, 0, STATE(t1.live), 0, 1);
	emit8(e, T1_LIVE_NONE);
	emit_aim_here(e, none);
	emit_rm(e, 0x1b6, 4, HOST_RAX, STATE(t1.x87));
	emit_op(e, 0x88, 1, HOST_RAX, STATE(t1.x87_was), 0, 0);
	emit_rm(e, 0x85, 4, HOST_RAX, rm_register(HOST_RAX));
	none = emit_jcc(e, CC_Z);
	emit_call(e, t1->x87_store);
	emit_aim_here(e, none);
}

/* Have them there again. */
static void vector_in(struct emit *e, const struct t1 *t1)
{
	for (unsigned level = T1_LIVE_SSE; level < T1_LIVES; level++) {
		uint8_t *other = live_test(e, offsetof(struct cpu, t1.live_was), level);

		emit_call(e, t1->vector_load[level]);
		emit_op(e, 0xc6, 1, 0, STATE(t1.live), 0, 1);
		emit8(e, level);
		emit_aim_here(e, other);
	}
	uint8_t *none = live_test(e, offsetof(struct cpu, t1.x87_was), 1);
	emit_call(e, t1->x87_load);
	emit_aim_here(e, none);
}

/* Return from enter(), with EAX as it is. */
static void return_emit(struct emit *e)
{
	emit_group1(e, 0, 8, rm_register(HOST_RSP), 8);
	for (unsigned i = sizeof(callee_saved); i-- > 0;)
		emit_pop(e, callee_saved[i]);
	emit8(e, 0xc3);
}

/* Leave with a reason, and what is in R10. */
static const void *leave_emit(struct emit *e, const struct t1 *t1, enum t1_leave reason, size_t subject)
{
	const void *start = emit_here(e);

	registers_store(e);
	vector_out(e, t1);
	emit_store(e, 8, rm_state(subject), HOST_R10);
	emit_constant(e, HOST_RAX, reason);
	return_emit(e);
	return start;
}

static const void *enter_emit(struct emit *e)
{
	const void *start = emit_here(e);

	for (unsigned i = 0; i < sizeof(callee_saved); i++)
		emit_push(e, callee_saved[i]);
	/* 16-byte alignment for the calls that blocks make */
	emit_group1(e, 5, 8, rm_register(HOST_RSP), 8);
	emit_store(e, 8, STATE(t1.scratch), HOST_RSI);
	registers_load(e);
	emit_rm(e, 0xff, 4, 4, STATE(t1.scratch));
	return start;
}

/* R10: a site, for a function in C that says whether to go on (0) or to leave.  flags: it has left them as an image. */
static const void *site_emit(struct emit *e, const struct t1 *t1, struct cpu *cpu,
	int (*function)(struct cpu *, const struct t1_site *), bool flags)
{
	const void *start = emit_here(e);
	uint8_t *out;

	registers_store(e);
	vector_out(e, t1);
	emit_constant(e, HOST_RDI, (uintptr_t)cpu);
	emit_move(e, 8, HOST_RSI, HOST_R10);
	emit_constant(e, HOST_RAX, (uintptr_t)function);
	emit_rm(e, 0xff, 4, 2, rm_register(HOST_RAX)); /* call */
	emit_rm(e, 0x85, 4, HOST_RAX, rm_register(HOST_RAX));
	out = emit_jcc(e, CC_NZ);
	vector_in(e, t1);
	registers_load(e);
	if (flags) {
		emit_rm(e, 0xff, 4, 6, rm_state(offsetof(struct cpu, flags_source1))); /* push */
		emit8(e, 0x9d);                                                        /* popfq */
	}
	emit_rm(e, 0xff, 4, 4, STATE(t1.resume));
	emit_aim_here(e, out);
	emit_constant(e, HOST_RAX, T1_SITE);
	return_emit(e);
	return start;
}

/* R10: a linear address, which stays; R11: T1_REFILL().  Zero flag clear: it is in the TLB now. */
static const void *refill_emit(struct emit *e, struct cpu *cpu)
{
	static const uint8_t saved[] = { HOST_RAX, HOST_RCX, HOST_RDX, HOST_RSI, HOST_RDI, HOST_R8, HOST_R9, HOST_R10 };
	const void *start = emit_here(e);

	for (unsigned i = 0; i < sizeof(saved); i++)
		emit_push(e, saved[i]);
	emit_constant(e, HOST_RDI, (uintptr_t)cpu);
	emit_move(e, 8, HOST_RSI, HOST_R10);
	emit_move(e, 8, HOST_RDX, HOST_R11);
	emit_constant(e, HOST_RAX, (uintptr_t)t1_refill);
	emit_group1(e, 5, 8, rm_register(HOST_RSP), 8);
	emit_rm(e, 0xff, 4, 2, rm_register(HOST_RAX));
	emit_group1(e, 0, 8, rm_register(HOST_RSP), 8);
	emit_move(e, 8, HOST_R11, HOST_RAX);
	for (unsigned i = sizeof(saved); i-- > 0;)
		emit_pop(e, saved[i]);
	emit_rm(e, 0x85, 4, HOST_R11, rm_register(HOST_R11));
	emit8(e, 0xc3);
	return start;
}

static uint64_t tsc_read(struct cpu *cpu)
{
	return cpu_tsc(cpu);
}

/* The time-stamp counter in EDX and EAX; R10 and R11 are lost.  The guest's vectors are not in the host's registers. */
static const void *tsc_emit(struct emit *e, struct cpu *cpu)
{
	static const uint8_t saved[] = { HOST_RCX, HOST_RSI, HOST_RDI, HOST_R8, HOST_R9 };
	const void *start = emit_here(e);

	for (unsigned i = 0; i < sizeof(saved); i++)
		emit_push(e, saved[i]);
	emit_constant(e, HOST_RDI, (uintptr_t)cpu);
	emit_constant(e, HOST_RAX, (uintptr_t)tsc_read);
	emit_rm(e, 0xff, 4, 2, rm_register(HOST_RAX)); /* call; with five pushed and the return address it is aligned */
	emit_move(e, 8, HOST_RDX, HOST_RAX);
	emit_op(e, 0xc1, 8, 5, rm_register(HOST_RDX), 0, 1); /* shr */
	emit8(e, 32);
	emit_rm(e, 0x89, 4, HOST_RAX, rm_register(HOST_RAX)); /* cuts it to 32 bits */
	for (unsigned i = sizeof(saved); i-- > 0;)
		emit_pop(e, saved[i]);
	emit8(e, 0xc3);
	return start;
}

/* What a recipe has left, done again. */
static void raw_emit(struct emit *e, unsigned kind, unsigned size)
{
	const struct host_rm result = STATE(flags_result), a = STATE(flags_source1), b = STATE(flags_source2);
	unsigned wide = size > 1, bytes = size == 1 ? EMIT_BYTE_REG | EMIT_BYTE_RM : 0;

	emit_load(e, 8, HOST_R10, kind == FLAGS_RAW_TEST || kind == FLAGS_RAW_CMP ? a : result);
	switch (kind) {
	case FLAGS_RAW_LOGIC: emit_op(e, 0x84 | wide, size, HOST_R10, rm_register(HOST_R10), bytes, 0); break;
	case FLAGS_RAW_TEST: emit_op(e, 0x84 | wide, size, HOST_R10, b, bytes & EMIT_BYTE_REG, 0); break;
	case FLAGS_RAW_CMP: emit_op(e, 0x3a | wide, size, HOST_R10, b, bytes & EMIT_BYTE_REG, 0); break;
	case FLAGS_RAW_SUB:
		emit_rm(e, 0x03, 8, HOST_R10, b);
		emit_op(e, 0x3a | wide, size, HOST_R10, b, bytes & EMIT_BYTE_REG, 0);
		break;
	case FLAGS_RAW_ADD:
		emit_rm(e, 0x2b, 8, HOST_R10, b);
		emit_op(e, 0x02 | wide, size, HOST_R10, b, bytes & EMIT_BYTE_REG, 0);
		break;
	default: /* FLAGS_RAW_NEG */
		emit_rm(e, 0xf7, 8, 3, rm_register(HOST_R10));
		emit_op(e, 0xf6 | wide, size, 3, rm_register(HOST_R10), bytes & EMIT_BYTE_RM, 0);
		break;
	}
}

/* The image of the flags in memory, from a recipe; R10 and R11 are lost.  Zero flag clear: it is none, or one for C. */
static const void *flags_emit(struct emit *e)
{
	const void *makers[FLAGS_RAW_COUNT - FLAGS_RAW_LOGIC], *start;
	uint8_t *none, *table;

	for (unsigned op = FLAGS_RAW_LOGIC; op < FLAGS_RAW_COUNT; op++) {
		makers[op - FLAGS_RAW_LOGIC] = emit_here(e);
		raw_emit(e, op & ~3u, 1u << (op & 3));
		emit8(e, 0x9c); /* pushfq */
		emit_rm(e, 0x8f, 4, 0, STATE(flags_source1));
		emit_store_immediate(e, 4, STATE(flags_op), FLAGS_IMAGE);
		emit_rm(e, 0x3b, 8, HOST_R10, rm_register(HOST_R10)); /* cmp */
		emit8(e, 0xc3);
	}
	e->at = (uint8_t *)(((uintptr_t)e->at + 7) & ~(uintptr_t)7);
	table = emit_here(e);
	for (unsigned i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		emit64(e, (uintptr_t)makers[i]);
	start = emit_here(e);
	emit_load(e, 4, HOST_R11, STATE(flags_op));
	emit_rm(e, 0x8d, 4, HOST_R11, rm_memory(HOST_R11, -(int)FLAGS_RAW_LOGIC));
	emit_group1(e, 7, 4, rm_register(HOST_R11), FLAGS_RAW_COUNT - FLAGS_RAW_LOGIC); /* cmp */
	none = emit_jcc(e, CC_AE);
	emit_rm(e, 0x8d, 8, HOST_R10, rm_near(table));
	emit_rm(e, 0xff, 4, 4, rm_indexed(HOST_R10, HOST_R11, 3, 0)); /* jmp */
	emit_aim_here(e, none);
	emit_rm(e, 0x85, 8, HOST_RSP, rm_register(HOST_RSP)); /* test */
	emit8(e, 0xc3);
	return start;
}

/* R10: a loop, for t2_enter().  Zero flag: it has said no. */
static const void *loop_emit(struct emit *e, struct cpu *cpu)
{
	static const uint8_t lost[] = { CPU_RAX, CPU_RCX, CPU_RDX, CPU_RSI, CPU_RDI, 8, CPU_RSP };
	const void *start = emit_here(e);

	registers_store(e);
	emit_constant(e, HOST_RDI, (uintptr_t)cpu);
	emit_move(e, 8, HOST_RSI, HOST_R10);
	emit_constant(e, HOST_RAX, (uintptr_t)t2_enter);
	emit_group1(e, 5, 8, rm_register(HOST_RSP), 8);
	emit_rm(e, 0xff, 4, 2, rm_register(HOST_RAX));
	emit_group1(e, 0, 8, rm_register(HOST_RSP), 8);
	emit_move(e, 8, HOST_R11, HOST_RAX);
	for (unsigned i = 0; i < sizeof(lost); i++)
		emit_load(e, 8, t1_host(lost[i]), rm_state(offsetof(struct cpu, gpr) + lost[i] * 8u));
	emit_rm(e, 0x85, 4, HOST_R11, rm_register(HOST_R11));
	emit8(e, 0xc3);
	return start;
}

/* R11: an address; R10: an eighth of where its second place in the jump table is.  Zero flag clear: it is another's. */
static const void *jump_emit(struct emit *e, const struct t1 *t1, const struct cpu *cpu)
{
	size_t at = (size_t)((const uint8_t *)t1->tables - (const uint8_t *)cpu) + offsetof(struct t1_tables, jumps);
	const void *start = emit_here(e);

	emit_move(e, 4, HOST_R10, HOST_R11);
	emit_op(e, 0xc1, 4, 5, rm_register(HOST_R10), 0, 1); /* shr */
	emit8(e, 10);
	emit_rm(e, 0x33, 4, HOST_R10, rm_register(HOST_R11)); /* xor */
	emit_group1(e, 4, 4, rm_register(HOST_R10), (T1_JUMPS - 1) << 2);
	emit_rm(e, 0x8d, 4, HOST_R10, rm_memory(HOST_R10, T1_JUMPS << 2));
	emit_rm(e, 0x3b, 8, HOST_R11, rm_state_by(HOST_R10, at + offsetof(struct t1_jump, rip)));
	emit8(e, 0xc3);
	return start;
}

void t1_fixed(struct t1 *t1, struct cpu *cpu)
{
	struct emit e = { .at = t1->writable, .execute = t1->code - t1->writable };
	const void *enter = enter_emit(&e);

	t1_vector_fixed(t1, &e);
	t1_x87_fixed(t1, &e);
	t1->vector = site_emit(&e, t1, cpu, t1_vector_enter, false);
	t1->refill = refill_emit(&e, cpu);
	t1->loop_enter = loop_emit(&e, cpu);
	t1->flags = flags_emit(&e);
	t1->tsc = tsc_emit(&e, cpu);
	t1->jump = jump_emit(&e, t1, cpu);
	memcpy(&t1->enter, &enter, sizeof(enter));
	t1->slow = site_emit(&e, t1, cpu, t1_slow, true);
	t1->link = leave_emit(&e, t1, T1_LINK, offsetof(struct cpu, t1.exit));
	t1->poll = leave_emit(&e, t1, T1_POLL, offsetof(struct cpu, t1.exit));
	t1->loop_hot = leave_emit(&e, t1, T1_HOT, offsetof(struct cpu, t1.exit));
	t1->stale = leave_emit(&e, t1, T1_STALE, offsetof(struct cpu, t1.block));
	t1->budget = leave_emit(&e, t1, T1_BUDGET, offsetof(struct cpu, t1.block));
	t1->code_fixed = t1->code_used = ((size_t)(e.at - t1->writable) + 63) & ~(size_t)63;
}
