/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What kernels do all the time: RFLAGS, the interrupt flag, segment registers and bases, the time-stamp counter, bit
 * strings, CMPXCHG8B and its kin.
 *
 * RFLAGS but for the arithmetic flags are in struct cpu, always.
 */
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

#define STATE(member) rm_state(offsetof(struct cpu, member))

static unsigned digit(const struct insn *insn)
{
	return insn->modrm >> 3 & 7;
}

static bool is_kernel(const struct t1_translation *t)
{
	return !(t->block->context >> 32 & (MODE_CPL(3) | MODE_VM));
}

/* BT and its kin, with a bit of memory that a register names. */
static bool is_bit_string(const struct insn *insn)
{
	switch (insn->opcode) {
	case 0x1a3:
	case 0x1ab:
	case 0x1b3:
	case 0x1bb: return insn->mod != 3 && insn->address_size != 2;
	default: return false;
	}
}

/* LFENCE, MFENCE, SFENCE */
static bool is_fence(const struct insn *insn)
{
	return insn->opcode == 0x1ae && insn->mod == 3 && digit(insn) >= 5 && !insn->rep && !insn->prefix66;
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE */
static bool is_base(const struct insn *insn)
{
	return insn->opcode == 0x1ae && insn->mod == 3 && digit(insn) < 4 && insn->rep == 0xf3 && !insn->prefix66;
}

static bool is_exchange(const struct insn *insn)
{
	return insn->opcode == 0x1c7 && insn->mod != 3 && digit(insn) == 1;
}

bool t1_system_effect(const struct insn *insn, struct t1_effect *effect)
{
	if (insn->vex)
		return false;
	*effect = (struct t1_effect){ .native = true };
	switch (insn->opcode) {
	case 0x9c: effect->reads = CPU_FLAGS_ARITHMETIC; return true;
	case 0x9d:
		effect->touches = true;
		effect->sets = CPU_FLAGS_ARITHMETIC;
		return true;
	case 0x8c:
	case 0xfa ... 0xfd: return true;
	case 0x120: return insn->reg != 8; /* the task priority */
	case 0x131: return true;
	case 0x1ae: return is_fence(insn) || is_base(insn);
	case 0x101: return insn->modrm == 0xf8 || insn->modrm == 0xf9 || insn->modrm == 0xca || insn->modrm == 0xcb;
	default: break;
	}
	effect->touches = true;
	effect->sets = is_exchange(insn) ? CPU_FLAG_ZF : CPU_FLAG_CF;
	return is_bit_string(insn) || is_exchange(insn);
}

/* ---- RFLAGS ---- */

static bool pushf(struct t1_translation *t)
{
	const uint32_t theirs = CPU_FLAGS_ARITHMETIC | CPU_FLAG_FIXED | CPU_FLAG_VM | CPU_FLAG_RF;
	unsigned size = t->insn->operand_size;

	if (!t1_stack_flat(t) || t->block->context >> 32 & MODE_VM)
		return false;
	t1_reach(t, CPU_RSP, -(int)size, CPU_SS, size, true);
	/* The image (FLAGS_IMAGE) has the arithmetic flags, and VM and RF clear; the rest is ours. */
	emit_load(&t->e, 4, HOST_R11, STATE(rflags));
	emit_rm(&t->e, 0x33, 4, HOST_R11, STATE(flags_source1));  /* xor */
	emit_group1(&t->e, 4, 4, rm_register(HOST_R11), ~theirs); /* and */
	emit_rm(&t->e, 0x33, 4, HOST_R11, STATE(flags_source1));
	emit_store(&t->e, size, t1_memory(t), HOST_R11);
	emit_rm(&t->e, 0x8d, t1_stack_width(t), HOST_R9, rm_memory(HOST_R9, -(int)size));
	return true;
}

static void rflags_change(struct t1_translation *t, uint32_t flag, bool set)
{
	t1_flags_spill(t, t->needed[t->number]);
	emit_group1(&t->e, set ? 1 : 4, 4, STATE(rflags), set ? flag : ~flag); /* or, and */
}

/* Nothing waits for the interrupt flag, in a request or in the local APIC; else it is T0's. */
static void quiet_require(struct t1_translation *t)
{
	emit_op(&t->e, 0x83, 4, 7, STATE(request), 0, 1); /* cmp */
	emit8(&t->e, 0);
	t1_miss(t, CC_NZ);
	emit_op(&t->e, 0x83, 4, 7, STATE(irr_waits), 0, 1);
	emit8(&t->e, 0);
	t1_miss(t, CC_NZ);
	/* From now on all requests end translated code: more than need to, and C finds out. */
	emit_store_immediate(&t->e, 4, STATE(t1.heeded), UINT32_MAX);
}

/* The kernel's way back from CLI: the arithmetic flags and IF; what changes others is T0's. */
static bool popf(struct t1_translation *t)
{
	const uint32_t others = CPU_FLAG_TF | CPU_FLAG_DF | CPU_FLAG_IOPL | CPU_FLAG_NT | CPU_FLAG_AC | CPU_FLAG_VIF |
		CPU_FLAG_VIP | CPU_FLAG_ID;
	unsigned size = t->insn->operand_size;
	uint8_t *off;

	if (!is_kernel(t) || size == 2 || !t1_stack_flat(t))
		return false;
	t1_reach(t, CPU_RSP, 0, CPU_SS, size, false);
	emit_load(&t->e, size, HOST_R11, t1_memory(t));
	t->held = T1_NO_GROUP;
	emit_move(&t->e, 4, HOST_R10, HOST_R11);
	emit_rm(&t->e, 0x33, 4, HOST_R10, STATE(rflags));        /* xor */
	emit_op(&t->e, 0xf7, 4, 0, rm_register(HOST_R10), 0, 4); /* test */
	emit32(&t->e, others);
	t1_miss(t, CC_NZ);
	emit_op(&t->e, 0xf7, 4, 0, rm_register(HOST_R11), 0, 4);
	emit32(&t->e, CPU_FLAG_IF);
	off = emit_jcc(&t->e, CC_Z);
	quiet_require(t);
	emit_aim_here(&t->e, off);
	emit_move(&t->e, 4, HOST_R10, HOST_R11);
	emit_group1(&t->e, 4, 4, rm_register(HOST_R10), CPU_FLAG_IF); /* and */
	emit_group1(&t->e, 4, 4, STATE(rflags), ~CPU_FLAG_IF);
	emit_rm(&t->e, 0x09, 4, HOST_R10, STATE(rflags)); /* or */
	emit_group1(&t->e, 4, 4, rm_register(HOST_R11), CPU_FLAGS_ARITHMETIC);
	emit_group1(&t->e, 1, 4, rm_register(HOST_R11), CPU_FLAG_FIXED | CPU_FLAG_IF);
	emit_store(&t->e, 8, STATE(flags_source1), HOST_R11);
	emit_store_immediate(&t->e, 4, STATE(flags_op), FLAGS_IMAGE);
	emit_rm(&t->e, 0x8d, t1_stack_width(t), HOST_R9, rm_memory(HOST_R9, (int)size));
	t->host = false;
	t->memory = t->image = true;
	t->recipe.kind = 0;
	return true;
}

/* The next instruction must be of the block, as it comes before any look at interrupts.  Those that wait already, in a
 * request or in the local APIC, are T0's. */
static bool sti(struct t1_translation *t)
{
	if (!is_kernel(t) || t->number + 1u == t->block->count)
		return false;
	t1_flags_spill(t, t->needed[t->number]);
	quiet_require(t);
	rflags_change(t, CPU_FLAG_IF, true);
	return true;
}

/* ---- STAC and CLAC: another array of the TLB, and blocks of another context ---- */

static void kind_switch(struct t1_translation *t, enum tlb_kind from, enum tlb_kind to)
{
	struct cpu_tlb *tlb = t->cpu->tlb;
	unsigned behind = t->block->count - t->number - 1u;

	emit_constant(&t->e, HOST_R11, (uintptr_t)tlb->read[to]);
	emit_store(&t->e, 8, STATE(tlb_read), HOST_R11);
	emit_constant(&t->e, HOST_R11, (uintptr_t)tlb->write[to]);
	emit_store(&t->e, 8, STATE(tlb_write), HOST_R11);
	/* stamps have the context in them, as it is */
	emit_constant(&t->e, HOST_R11, (uint64_t)(from ^ to) << (32 + MODE_KIND_SHIFT));
	emit_rm(&t->e, 0x31, 8, HOST_R11, STATE(context)); /* xor */
	emit_rm(&t->e, 0x31, 8, HOST_R11, STATE(t1.stamp));
	emit_rm(&t->e, 0x31, 8, HOST_R11, STATE(t1.stamp_kernel));
	emit_constant(&t->e, HOST_R11, t->next);
	t1_leave_indirect(t, behind);
}

static bool access_flag(struct t1_translation *t)
{
	unsigned kind = (uint32_t)(t->block->context >> 32) >> MODE_KIND_SHIFT & MODE_KIND_MASK;
	bool set = t->insn->modrm & 1;

	if (!is_kernel(t))
		return false;
	if (kind == TLB_KERNEL_SMAP && !set)
		return true; /* AC is clear */
	if (kind != (set ? TLB_KERNEL_SMAP : TLB_KERNEL))
		return false;
	t1_flags_spill(t, t->live);
	if (!set) {
		/* If it is not SMAP that is off, AC is set. */
		emit_op(&t->e, 0xf7, 4, 0, STATE(cr4), 0, 4); /* test */
		emit32(&t->e, CPU_CR4_SMAP);
		t1_miss(t, CC_Z);
	}
	emit_group1(&t->e, set ? 1 : 4, 4, STATE(rflags), set ? CPU_FLAG_AC : ~CPU_FLAG_AC);
	kind_switch(t, (enum tlb_kind)kind, set ? TLB_KERNEL : TLB_KERNEL_SMAP);
	return true;
}

/* ---- segments ---- */

static bool swapgs(struct t1_translation *t)
{
	if (!is_kernel(t))
		return false;
	emit_load(&t->e, 8, HOST_R10, STATE(kernel_gs_base));
	emit_load(&t->e, 8, HOST_R11, STATE(segment[CPU_GS].base));
	emit_store(&t->e, 8, STATE(kernel_gs_base), HOST_R11);
	emit_store(&t->e, 8, STATE(segment[CPU_GS].base), HOST_R10);
	emit_store(&t->e, 8, STATE(fast[CPU_GS].base), HOST_R10);
	return true;
}

/* Have T0 do it if none of these bits of CR4 is set, or if one is. */
static void control_miss(struct t1_translation *t, uint32_t bits, unsigned cc)
{
	emit_op(&t->e, 0xf7, 4, 0, STATE(cr4), 0, 4); /* test */
	emit32(&t->e, bits);
	t1_miss(t, cc);
}

static void segment_base(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	bool gs = digit(insn) & 1, wide = insn->operand_size == 8;
	struct host_rm base = gs ? STATE(segment[CPU_GS].base) : STATE(segment[CPU_FS].base);
	unsigned host;

	t1_flags_spill(t, t->needed[t->number]);
	control_miss(t, CPU_CR4_FSGSBASE, CC_Z);
	if (digit(insn) < 2) {
		host = t1_out(insn->rm, HOST_R11);
		emit_load(&t->e, wide ? 8 : 4, host, base);
		t1_commit(t, insn->rm, host);
		return;
	}
	host = t1_in(t, insn->rm, HOST_R10);
	emit_rm(&t->e, 0x89, wide ? 8 : 4, host, rm_register(HOST_R11));
	if (wide) {
		/* canonical with 48 bits, or T0's to judge */
		emit_op(&t->e, 0xc1, 8, 4, rm_register(HOST_R11), 0, 1); /* shl */
		emit8(&t->e, 16);
		emit_op(&t->e, 0xc1, 8, 7, rm_register(HOST_R11), 0, 1); /* sar */
		emit8(&t->e, 16);
		emit_rm(&t->e, 0x3b, 8, HOST_R11, rm_register(host)); /* cmp */
		t1_miss(t, CC_NZ);
	}
	emit_store(&t->e, 8, base, HOST_R11);
	emit_store(&t->e, 8, gs ? STATE(fast[CPU_GS].base) : STATE(fast[CPU_FS].base), HOST_R11);
}

/* RDTSC and RDTSCP.  The clock is the C library's, which may use vector registers; with the guest's in there, and with
 * counted time, it is T0's. */
static bool time_stamp(struct t1_translation *t)
{
	_Static_assert(offsetof(struct cpu, t1.x87) == offsetof(struct cpu, t1.live) + 1, "they are compared as one");
	if (t->t1->exact)
		return false;
	t1_flags_spill(t, t->needed[t->number]);
	if (!is_kernel(t))
		control_miss(t, CPU_CR4_TSD, CC_NZ);
	emit_op(&t->e, 0x83, 2, 7, STATE(t1.live), 0, 1); /* cmp */
	emit8(&t->e, 0);
	t1_miss(t, CC_NZ);
	emit_call(&t->e, t->t1->tsc);
	if (t->insn->opcode == 0x101)
		emit_load(&t->e, 4, HOST_RCX, STATE(tsc_aux));
	return true;
}

static void segment_read(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, to;
	struct host_rm selector = rm_state(offsetof(struct cpu, segment) +
		(insn->reg & 7u) * sizeof(struct cpu_segment) + offsetof(struct cpu_segment, selector));

	if (insn->mod != 3) {
		t1_operand(t, 2, true);
		t1_memory_exact(t);
		emit_rm(&t->e, 0x1b7, 4, HOST_R11, selector); /* movzx */
		emit_store(&t->e, 2, t1_memory(t), HOST_R11);
		return;
	}
	to = size == 2 ? t1_in(t, insn->rm, HOST_R10) : t1_out(insn->rm, HOST_R10);
	emit_rm(&t->e, size == 2 ? 0x8b : 0x1b7, size == 2 ? 2 : 4, to, selector);
	t1_commit(t, insn->rm, to);
}

static bool control_read(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	static const size_t at[5] = { offsetof(struct cpu, cr0), 0, offsetof(struct cpu, cr2),
		offsetof(struct cpu, cr3), offsetof(struct cpu, cr4) };
	unsigned to = t1_out(insn->rm, HOST_R10);

	if (!is_kernel(t))
		return false;
	emit_load(&t->e, insn->code64 ? 8 : 4, to, rm_state(at[insn->reg]));
	t1_commit(t, insn->rm, to);
	return true;
}

/* ---- memory ---- */

static void flags_fetch_rest(struct t1_translation *t, uint32_t sets)
{
	t1_flags_fetch(t, LIVE_ANY(t->live) & ~sets);
}

/* R11: a register as a signed number of bits. */
static void bit_index(struct t1_translation *t, unsigned size)
{
	unsigned index = t1_in(t, t->insn->reg, HOST_R11);

	if (size == 8)
		emit_move(&t->e, 8, HOST_R11, index);
	else
		emit_rm(&t->e, size == 4 ? 0x63 : 0x1bf, 8, HOST_R11, rm_register(index)); /* MOVSXD, MOVSX */
}

static void bit_string(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, shift = (unsigned)__builtin_ctz(size);
	bool test = insn->opcode == 0x1a3;

	t1_flags_spill(t, t->needed[t->number]);
	t1_effective(t, HOST_R10);
	bit_index(t, size);
	emit_op(&t->e, 0xc1, 8, 7, rm_register(HOST_R11), 0, 1); /* sar */
	emit8(&t->e, shift + 3);
	emit_rm(&t->e, 0x8d, insn->address_size, HOST_R10, rm_indexed(HOST_R10, HOST_R11, shift, 0));
	t1_lookup(t, insn->segment, size, !test);
	if (test) {
		emit_load(&t->e, size, HOST_R10, rm_memory(HOST_R10, 0));
		unsigned index = t1_in(t, insn->reg, HOST_R11);

		flags_fetch_rest(t, CPU_FLAG_CF);
		emit_rm(&t->e, insn->opcode, size, index, rm_register(HOST_R10));
	} else {
		/* of a whole register the host would make a bit string, too */
		emit_move(&t->e, 4, HOST_R11, t1_in(t, insn->reg, HOST_R11));
		emit_group1(&t->e, 4, 4, rm_register(HOST_R11), size * 8 - 1); /* and */
		flags_fetch_rest(t, CPU_FLAG_CF);
		emit_op(&t->e, insn->opcode, size, HOST_R11, rm_memory(HOST_R10, 0), insn->lock ? EMIT_LOCK : 0, 0);
	}
	t1_flags_set(t);
}

static void exchange(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	bool wide = insn->operand_size == 8;

	t1_operand(t, wide ? 16 : 8, true);
	if (wide) {
		/* #GP is T0's */
		t1_memory_exact(t);
		emit_op(&t->e, 0xf7, 4, 0, rm_register(HOST_R10), 0, 4); /* test */
		emit32(&t->e, 15);
		t1_miss(t, CC_NZ);
	}
	flags_fetch_rest(t, CPU_FLAG_ZF);
	emit_op(&t->e, insn->opcode, wide ? 8 : 4, 1, t1_memory(t), insn->lock ? EMIT_LOCK : 0, 0);
	t1_flags_set(t);
}

bool t1_system(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	struct t1_effect effect;

	if (!t1_system_effect(insn, &effect))
		return false;
	switch (insn->opcode) {
	case 0x9c: return pushf(t);
	case 0x9d: return popf(t);
	case 0x8c: segment_read(t); return true;
	case 0xfa:
		if (!is_kernel(t))
			return false;
		rflags_change(t, CPU_FLAG_IF, false);
		return true;
	case 0xfb: return sti(t);
	case 0xfc:
	case 0xfd: rflags_change(t, CPU_FLAG_DF, insn->opcode & 1); return true;
	case 0x120: return control_read(t);
	case 0x131: return time_stamp(t);
	case 0x1ae:
		if (is_base(insn))
			segment_base(t);
		else
			emit_op(&t->e, 0x1ae, 4, digit(insn), rm_register(0), 0, 0);
		return true;
	case 0x101:
		if (insn->modrm == 0xf9)
			return time_stamp(t);
		return insn->modrm == 0xf8 ? swapgs(t) : access_flag(t);
	case 0x1c7: exchange(t); return true;
	default: bit_string(t); return true;
	}
}
