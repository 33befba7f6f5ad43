/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Near jumps, calls and returns, and the ways out of a block.
 */
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

#define STATE(member) rm_state(offsetof(struct cpu, member))

static bool is_kernel(const struct t1_translation *t)
{
	return !((t->block->context >> 32) & MODE_CPL(3));
}

static size_t stamp_at(const struct t1_translation *t)
{
	return is_kernel(t) ? offsetof(struct cpu, t1.stamp_kernel) : offsetof(struct cpu, t1.stamp);
}

/* Zero flag clear: a request was made. */
static void poll_compare(struct t1_translation *t)
{
	emit_op(&t->e, 0x83, 4, 7, STATE(t1.poll), 0, 1);
	emit8(&t->e, 0);
}

/* Leave then, by way of a stub. */
static void poll(struct t1_translation *t, enum t1_stub_kind kind, void *subject)
{
	poll_compare(t);
	t1_stub(t, emit_jcc(&t->e, CC_NZ), kind, subject);
}

static bool same_page(const struct t1_translation *t, uint64_t rip)
{
	uint64_t base = (uint32_t)t->block->context;

	return !(((rip + base) ^ (t->block->rip + base)) >> 12);
}

static struct t1_exit *exit_make(struct t1_translation *t, uint64_t rip)
{
	struct t1_exit *exit = t1_data(t, sizeof(*exit));

	if (!exit)
		return NULL;
	exit->rip = rip;
	exit->block = t->block;
	exit->page = &t->t1->nowhere;
	return exit;
}

/* The jump whose distance this is goes there, in the page, without a look at requests. */
static void exit_by(struct t1_translation *t, uint64_t rip, uint8_t *distance)
{
	struct t1_exit *exit = exit_make(t, rip);

	if (!exit)
		return;
	exit->distance = distance;
	t1_stub(t, distance, T1_STUB_LINK, exit);
}

void t1_loop_close(struct t1_translation *t, const void *body)
{
	struct t1_exit *exit = exit_make(t, t->block->rip);

	if (!exit)
		return;
	poll_compare(t);
	emit_jcc_to(&t->e, CC_Z, body);
	t1_stub(t, emit_jump(&t->e), T1_STUB_POLL, exit);
}

/* The page that is known for it must be there still. */
static void page_require(struct t1_translation *t, struct t1_exit *exit)
{
	emit_load(&t->e, 8, HOST_R10, rm_near(&exit->page));
	emit_load(&t->e, 8, HOST_R10, rm_memory(HOST_R10, 0));
	emit_rm(&t->e, 0x3b, 8, HOST_R10, rm_state(stamp_at(t)));
	t1_stub(t, emit_jcc(&t->e, CC_NZ), T1_STUB_LINK, exit);
}

void t1_leave_to(struct t1_translation *t, uint64_t rip)
{
	struct t1_exit *exit;

	if (same_page(t, rip) && rip > t->rip) {
		exit_by(t, rip, emit_jump(&t->e));
		return;
	}
	exit = exit_make(t, rip);
	if (!exit)
		return;
	if (same_page(t, rip)) {
		t2_count(t, exit);
		/* the way that is gone mostly has no other jump */
		poll_compare(t);
		exit->distance = emit_jcc(&t->e, CC_Z);
		t1_stub(t, exit->distance, T1_STUB_LINK, exit);
		t1_stub(t, emit_jump(&t->e), T1_STUB_POLL, exit);
		return;
	}
	if (rip <= t->rip)
		poll(t, T1_STUB_POLL, exit);
	page_require(t, exit);
	emit_rm(&t->e, 0xff, 4, 4, rm_near(&exit->code)); /* jmp */
}

struct t1_exit *t1_guard(struct t1_translation *t)
{
	struct t1_exit *guard = exit_make(t, t->block->rip);

	if (guard)
		page_require(t, guard);
	return guard;
}

/* The entry for the target in R11 must be there, and right; R10 is an eighth of where it is.  R11 is lost. */
static void jump_lookup(struct t1_translation *t)
{
	size_t at = (size_t)((uint8_t *)t->t1->tables - (uint8_t *)t->cpu) + offsetof(struct t1_tables, jumps);

	_Static_assert(sizeof(struct t1_jump) == 8 << 2, "eight times an address without its two lowest bits");
	emit_move(&t->e, 4, HOST_R10, HOST_R11);
	emit_group1(&t->e, 4, 4, rm_register(HOST_R10), (T1_JUMPS - 1) << 2);
	emit_rm(&t->e, 0x3b, 8, HOST_R11, rm_state_by(HOST_R10, at + offsetof(struct t1_jump, rip)));
	t1_stub(t, emit_jcc(&t->e, CC_NZ), T1_STUB_JUMP, t1_site(t));
	if (t->site)
		t->site->jump = emit_here(&t->e);
	emit_load(&t->e, 8, HOST_R11, rm_state_by(HOST_R10, at + offsetof(struct t1_jump, page)));
	emit_load(&t->e, 8, HOST_R11, rm_memory(HOST_R11, 0));
	emit_rm(&t->e, 0x3b, 8, HOST_R11, rm_state(stamp_at(t)));
	t1_miss(t, CC_NZ);
}

static struct host_rm jump_code(const struct t1_translation *t)
{
	size_t at = (size_t)((uint8_t *)t->t1->tables - (uint8_t *)t->cpu) + offsetof(struct t1_tables, jumps);

	return rm_state_by(HOST_R10, at + offsetof(struct t1_jump, code));
}

static void jump_to_entry(struct t1_translation *t)
{
	emit_rm(&t->e, 0xff, 4, 4, jump_code(t));
}

/* So many instructions of the block have been counted, and do not run. */
static void uncount(struct t1_translation *t, unsigned behind)
{
	if (!t->t1->exact)
		return;
	emit_op(&t->e, 0x83, 8, 0, STATE(t1.left), 0, 1); /* add */
	emit8(&t->e, behind);
}

void t1_leave_plain(struct t1_translation *t, uint64_t rip, unsigned behind)
{
	struct t1_exit *exit = exit_make(t, rip);

	if (!exit)
		return;
	exit->plain = true;
	uncount(t, behind);
	exit->distance = emit_jump(&t->e);
	t1_stub(t, exit->distance, T1_STUB_LINK, exit);
}

void t1_leave_next(struct t1_translation *t, const struct t1_site *site)
{
	uncount(t, site->behind - 1);
	t->rip = site->rip;
	t1_leave_to(t, site->next);
}

void t1_leave_indirect(struct t1_translation *t, unsigned behind)
{
	jump_lookup(t);
	uncount(t, behind);
	jump_to_entry(t);
	t->left = true;
}

/* The cut that T0 makes: only whole pointers are done here. */
static bool target_plain(const struct t1_translation *t)
{
	return t->insn->code64 || t->insn->operand_size == 4;
}

/* Push the address behind a CALL. */
static void return_push(struct t1_translation *t)
{
	unsigned size = t1_stack_width(t);

	t1_reach(t, CPU_RSP, -(int)size, CPU_SS, size, true);
	if (size == 4 || (int64_t)t->next == (int32_t)t->next) {
		emit_store_immediate(&t->e, size, t1_memory(t), (uint32_t)t->next);
	} else {
		emit_constant(&t->e, HOST_R11, t->next);
		emit_store(&t->e, size, t1_memory(t), HOST_R11);
	}
	emit_rm(&t->e, 0x8d, size, HOST_R9, rm_memory(HOST_R9, -(int)size));
}

uint64_t t1_target(const struct insn *insn, uint64_t next)
{
	return (next + insn->immediate) & (insn->code64 ? UINT64_MAX : insn->operand_size == 2 ? 0xffff : 0xffffffff);
}

/* Where a relative branch leads to, if it needs no check that T0 makes. */
static bool target_known(const struct t1_translation *t, uint64_t *target)
{
	*target = t1_target(t->insn, t->next);
	if (t->insn->code64)
		return cpu_canonical(t->cpu, *target);
	return *target <= t->cpu->segment[CPU_CS].limit;
}

static void flags_state(struct t1_translation *t, bool host, bool memory, bool image)
{
	t->host = host;
	t->memory = memory;
	t->image = image;
}

static void way_out(struct t1_translation *t, uint64_t rip)
{
	t1_flags_spill(t, t1_live_at(t, rip));
	t1_leave_to(t, rip);
}

static void jump_conditional(struct t1_translation *t, uint64_t target)
{
	unsigned cc = t1_condition(t, t->insn->opcode & 15);
	bool host = t->host, memory = t->memory, image = t->image, back = target <= t->rip;
	uint8_t *distance;

	if (t->number + 1 < t->block->count || t2_is_super(t->block)) {
		/* a superblock may go on where the jump leads */
		bool jumps = t2_is_super(t->block) && t2_followed(t) != t->next;

		t->asides[t->aside_count++] = (struct t1_aside){ .distance = emit_jcc(&t->e, jumps ? cc ^ 1 : cc),
			.rip = t->rip,
			.target = jumps ? t->next : target,
			.number = t->number,
			.live = t->aside_live[t->number],
			.recipe = t->recipe,
			.host = host,
			.memory = memory,
			.image = image };
		return;
	}
	t->left = true;
	if (!back && same_page(t, target) && !t1_flags_spills(t, t1_live_at(t, target))) {
		exit_by(t, target, emit_jcc(&t->e, cc));
		way_out(t, t->next);
		return;
	}
	/* a jump backwards is a loop's: it is the one that falls through here */
	distance = emit_jcc(&t->e, back ? cc ^ 1 : cc);
	way_out(t, back ? target : t->next);
	emit_aim_here(&t->e, distance);
	flags_state(t, host, memory, image);
	way_out(t, back ? t->next : target);
}

void t1_asides(struct t1_translation *t)
{
	for (unsigned i = 0; i < t->aside_count; i++) {
		const struct t1_aside *aside = &t->asides[i];
		unsigned behind = t->block->count - aside->number - 1;

		flags_state(t, aside->host, aside->memory, aside->image);
		t->recipe = aside->recipe;
		t->rip = aside->rip;
		if (!t->t1->exact && aside->target > aside->rip && same_page(t, aside->target) &&
			!t1_flags_spills(t, aside->live)) {
			exit_by(t, aside->target, aside->distance);
			continue;
		}
		emit_aim_here(&t->e, aside->distance);
		t1_flags_spill(t, aside->live);
		uncount(t, behind);
		t1_leave_to(t, aside->target);
	}
}

/* LOOP, LOOPE, LOOPNE, JCXZ; the counter is of the address size. */
static bool loop(struct t1_translation *t, uint64_t target)
{
	unsigned size = t->insn->address_size, opcode = t->insn->opcode;
	uint8_t *taken;

	if (size == 2 || opcode == 0xe0 || opcode == 0xe1)
		return false;
	t1_flags_spill(t, t->live_out);
	if (opcode == 0xe2)
		emit_rm(&t->e, 0x8d, size, HOST_RCX, rm_memory(HOST_RCX, -1));
	emit_rm(&t->e, 0x85, size, HOST_RCX, rm_register(HOST_RCX)); /* test */
	taken = emit_jcc(&t->e, opcode == 0xe2 ? CC_NZ : CC_Z);
	t1_leave_to(t, t->next);
	emit_aim_here(&t->e, taken);
	t1_leave_to(t, target);
	t->left = true;
	return true;
}

static bool call_relative(struct t1_translation *t, uint64_t target)
{
	if (!target_plain(t) || !t1_stack_flat(t))
		return false;
	return_push(t);
	t1_leave_to(t, target);
	t->left = true;
	return true;
}

/* JMP and CALL with an operand. */
static bool indirect(struct t1_translation *t, bool call)
{
	const struct insn *insn = t->insn;
	unsigned size = t1_stack_width(t);
	const struct host_rm scratch = STATE(t1.scratch);

	if (!target_plain(t) || (call && !t1_stack_flat(t)))
		return false;
	if (insn->mod != 3) {
		t1_operand(t, size, false);
		emit_load(&t->e, size, HOST_R11, t1_memory(t));
	} else {
		t1_flags_spill(t, t->needed[t->number]);
		unsigned host = t1_in(t, insn->rm, HOST_R11);

		if (host != HOST_R11)
			emit_move(&t->e, size, HOST_R11, host);
		else if (size == 4)
			emit_rm(&t->e, 0x89, 4, HOST_R11, rm_register(HOST_R11));
	}
	poll(t, T1_STUB_SITE, t1_site(t));
	jump_lookup(t);
	t->left = true;
	if (!call) {
		jump_to_entry(t);
		return true;
	}
	emit_load(&t->e, 8, HOST_R10, jump_code(t));
	emit_store(&t->e, 8, scratch, HOST_R10);
	return_push(t);
	emit_rm(&t->e, 0xff, 4, 4, scratch);
	return true;
}

static bool ret(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = t1_stack_width(t);

	if (!target_plain(t) || !t1_stack_flat(t))
		return false;
	t1_reach(t, CPU_RSP, 0, CPU_SS, size, false);
	emit_load(&t->e, size, HOST_R11, t1_memory(t));
	poll(t, T1_STUB_SITE, t1_site(t));
	jump_lookup(t);
	emit_rm(&t->e, 0x8d, size, HOST_R9,
		rm_memory(HOST_R9, (int)(size + (insn->opcode == 0xc2 ? (unsigned)insn->immediate : 0))));
	jump_to_entry(t);
	t->left = true;
	return true;
}

bool t1_is_conditional(const struct insn *insn)
{
	return !insn->vex && ((insn->opcode & 0xfff0) == 0x70 || (insn->opcode & 0xfff0) == 0x180);
}

bool t1_is_control(const struct insn *insn)
{
	switch (insn->opcode) {
	case 0x70 ... 0x7f:
	case 0x180 ... 0x18f:
	case 0xc2:
	case 0xc3:
	case 0xe0 ... 0xe3:
	case 0xe8:
	case 0xe9:
	case 0xeb: return true;
	case 0xff: return (insn->modrm >> 3 & 7) == 2 || (insn->modrm >> 3 & 7) == 4;
	default: return false;
	}
}

bool t1_control(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	uint64_t target;

	switch (insn->opcode) {
	case 0xff: return indirect(t, (insn->modrm >> 3 & 7) == 2);
	case 0xc2:
	case 0xc3: return ret(t);
	default: break;
	}
	if (!target_known(t, &target))
		return false;
	switch (insn->opcode) {
	case 0xe0 ... 0xe3: return loop(t, target);
	case 0xe8: return call_relative(t, target);
	case 0xe9:
	case 0xeb:
		if (t2_is_super(t->block))
			return true;
		t1_flags_spill(t, t->live_out);
		t1_leave_to(t, target);
		t->left = true;
		return true;
	default: jump_conditional(t, target); return true;
	}
}
