/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/access.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/segment.h"

int raise_selector(struct cpu *cpu, unsigned vector, uint16_t selector)
{
	return cpu_raise_error(cpu, vector, selector & ~3u);
}

uint32_t descriptor_limit(const struct descriptor *d)
{
	uint32_t limit = (uint32_t)(d->raw & 0xffff) | (uint32_t)(d->raw >> 32 & 0xf0000);

	return d->raw >> 55 & 1 ? limit << 12 | 0xfff : limit;
}

void segment_cache(struct cpu_segment *segment, uint16_t selector, const struct descriptor *d)
{
	segment->selector = selector;
	segment->base = (d->raw >> 16 & 0xffffff) | (d->raw >> 32 & 0xff000000);
	segment->limit = descriptor_limit(d);
	segment->attributes = (uint16_t)(d->raw >> 40 & 0xf0ff);
	if (!descriptor_is_segment(d))
		segment->base |= d->high << 32;
}

bool descriptor_reachable(const struct cpu *cpu, uint16_t selector)
{
	if (selector & 4)
		return cpu->ldtr.attributes & CPU_SEGMENT_P && (selector | 7u) <= cpu->ldtr.limit;
	return (selector | 7u) <= cpu->gdtr.limit;
}

int descriptor_fetch(struct cpu *cpu, uint16_t selector, unsigned vector, struct descriptor *d)
{
	if (!descriptor_reachable(cpu, selector))
		return raise_selector(cpu, vector, selector);
	d->selector = selector;
	d->high = 0;
	d->address = (selector & 4 ? cpu->ldtr.base : cpu->gdtr.base) + (selector & 0xfff8);
	return access_system_read(cpu, d->address, &d->raw, 8);
}

int descriptor_extend(struct cpu *cpu, unsigned vector, struct descriptor *d)
{
	uint32_t limit = d->selector & 4 ? cpu->ldtr.limit : cpu->gdtr.limit;

	if (!(cpu->efer & CPU_EFER_LMA))
		return CPU_OK;
	if ((d->selector & 0xfff8u) + 15 > limit)
		return raise_selector(cpu, vector, d->selector);
	if (access_system_read(cpu, d->address + 8, &d->high, 8) != CPU_OK)
		return CPU_FAULT;
	/* The upper half must not pass for a descriptor of its own. */
	if (d->high >> 40 & 0x1f)
		return raise_selector(cpu, vector, d->selector);
	return CPU_OK;
}

int segment_code_check(struct cpu *cpu, const struct descriptor *d)
{
	if (cpu->efer & CPU_EFER_LMA && descriptor_is_code64(d) && d->raw >> 54 & 1)
		return raise_selector(cpu, CPU_GP, d->selector);
	return CPU_OK;
}

int segment_target_check(struct cpu *cpu, const struct descriptor *code, uint64_t target)
{
	bool possible;

	if (cpu->efer & CPU_EFER_LMA && descriptor_is_code64(code))
		possible = cpu_canonical(cpu, target);
	else
		possible = target <= descriptor_limit(code);
	return possible ? CPU_OK : cpu_raise_error(cpu, CPU_GP, 0);
}

int descriptor_mark(struct cpu *cpu, struct descriptor *d)
{
	uint8_t byte;

	if (d->raw >> 40 & 1)
		return CPU_OK;
	d->raw |= 1ull << 40;
	byte = (uint8_t)(d->raw >> 40);
	return access_system_write(cpu, d->address + 5, &byte, 1);
}

void segment_load_real(struct cpu *cpu, unsigned i, uint16_t selector)
{
	struct cpu_segment *segment = &cpu->segment[i];

	segment->selector = selector;
	segment->base = (uint64_t)selector << 4;
	if (cpu_v86(cpu)) {
		segment->limit = 0xffff;
		segment->attributes = 0xf3;
	} else {
		/* Real mode leaves limit and size alone ("unreal mode"). */
		segment->attributes = (segment->attributes & (CPU_SEGMENT_DB | CPU_SEGMENT_G)) | 0x93;
	}
	cpu_segment_update(cpu, i);
}

void segment_load_null(struct cpu *cpu, unsigned i, uint16_t selector)
{
	/* The limit stays, for a return to real mode. */
	cpu->segment[i].selector = selector;
	/* Intel's processors clear the base of FS and GS too. */
	cpu->segment[i].base = 0;
	cpu->segment[i].attributes = 0;
	cpu_segment_update(cpu, i);
}

void segment_load_null_stack(struct cpu *cpu, uint16_t selector, unsigned cpl)
{
	segment_load_null(cpu, CPU_SS, selector);
	/* SS.DPL is the CPL, always. */
	cpu->segment[CPU_SS].attributes = (uint16_t)(cpl << 5);
}

int segment_stack_check(struct cpu *cpu, uint16_t selector, unsigned cpl, unsigned vector, struct descriptor *d)
{
	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, vector, 0);
	if (descriptor_fetch(cpu, selector, vector, d) != CPU_OK)
		return CPU_FAULT;
	if ((selector & 3) != cpl || descriptor_dpl(d) != cpl || !descriptor_is_segment(d) ||
		(descriptor_type(d) & 0xa) != 2)
		return raise_selector(cpu, vector, selector);
	if (!descriptor_present(d))
		return raise_selector(cpu, CPU_SSF, selector);
	return CPU_OK;
}

int segment_load(struct cpu *cpu, unsigned i, uint16_t selector)
{
	struct descriptor d;

	if (!cpu_protected(cpu)) {
		segment_load_real(cpu, i, selector);
		return CPU_OK;
	}
	if (i == CPU_SS && cpu_code64(cpu) && !(selector & 0xfffc) && cpu->cpl != 3 && (selector & 3) == cpu->cpl) {
		segment_load_null_stack(cpu, selector, cpu->cpl);
		return CPU_OK;
	}
	if (i == CPU_SS) {
		if (segment_stack_check(cpu, selector, cpu->cpl, CPU_GP, &d) != CPU_OK)
			return CPU_FAULT;
	} else {
		if (!(selector & 0xfffc)) {
			segment_load_null(cpu, i, selector);
			return CPU_OK;
		}
		if (descriptor_fetch(cpu, selector, CPU_GP, &d) != CPU_OK)
			return CPU_FAULT;
		/* Data, or readable code. */
		if (!descriptor_is_segment(&d) || (descriptor_type(&d) & 0xa) == 8)
			return raise_selector(cpu, CPU_GP, selector);
		if ((descriptor_type(&d) & 0xc) != 0xc &&
			((selector & 3) > descriptor_dpl(&d) || cpu->cpl > descriptor_dpl(&d)))
			return raise_selector(cpu, CPU_GP, selector);
		if (!descriptor_present(&d))
			return raise_selector(cpu, CPU_NP, selector);
	}
	if (descriptor_mark(cpu, &d) != CPU_OK)
		return CPU_FAULT;
	segment_cache(&cpu->segment[i], selector, &d);
	cpu_segment_update(cpu, i);
	return CPU_OK;
}

void cpl_set(struct cpu *cpu, unsigned cpl)
{
	if (cpu->cpl == cpl)
		return;
	cpu->cpl = (uint8_t)cpl;
	cpu_tlb_select(cpu);
}

int segment_load_code(struct cpu *cpu, struct descriptor *d, unsigned cpl)
{
	if (descriptor_mark(cpu, d) != CPU_OK)
		return CPU_FAULT;
	cpl_set(cpu, cpl);
	segment_cache(&cpu->segment[CPU_CS], (uint16_t)((d->selector & ~3u) | cpl), d);
	cpu_segment_update(cpu, CPU_CS);
	return CPU_OK;
}

void stack_current(const struct cpu *cpu, struct stack *stack)
{
	stack->ss = cpu->segment[CPU_SS];
	stack->mask = cpu->stack_mask;
	stack->wide = cpu_code64(cpu);
	stack->sp = cpu->gpr[CPU_RSP] & stack->mask;
	stack->cpl = cpu->cpl;
	stack->error = 0;
}

static int stack_linear(struct cpu *cpu, struct stack *stack, unsigned size, bool write, uint64_t *linear)
{
	if (stack->wide) {
		*linear = stack->sp;
		if (!cpu_canonical(cpu, *linear) || !cpu_canonical(cpu, *linear + size - 1))
			return cpu_raise_error(cpu, CPU_SSF, stack->error & ~3u);
	} else if (segment_check(cpu, &stack->ss, true, stack->sp, size, write, linear) != CPU_OK) {
		cpu->exception.error = stack->error & ~3u;
		return CPU_FAULT;
	}
	/* An inner level's stack is not checked. */
	return stack->cpl == 3 ? access_alignment(cpu, *linear, size) : CPU_OK;
}

static unsigned stack_access(const struct cpu *cpu, const struct stack *stack)
{
	if (stack->cpl == 3)
		return ACCESS_USER;
	return cpu->cpl == 3 ? paging_access_system(cpu) : paging_access(cpu);
}

int stack_push(struct cpu *cpu, struct stack *stack, unsigned size, uint64_t value)
{
	uint64_t linear, old = stack->sp;

	stack->sp = (stack->sp - size) & stack->mask;
	if (stack_linear(cpu, stack, size, true, &linear) != CPU_OK ||
		access_linear_write(cpu, linear, &value, size, stack_access(cpu, stack)) != CPU_OK) {
		stack->sp = old;
		return CPU_FAULT;
	}
	return CPU_OK;
}

int stack_pop(struct cpu *cpu, struct stack *stack, unsigned size, uint64_t *value)
{
	uint64_t linear;

	*value = 0;
	if (stack_linear(cpu, stack, size, false, &linear) != CPU_OK ||
		access_linear_read(cpu, linear, value, size, stack_access(cpu, stack)) != CPU_OK)
		return CPU_FAULT;
	stack->sp = (stack->sp + size) & stack->mask;
	return CPU_OK;
}

void stack_commit(struct cpu *cpu, const struct stack *stack)
{
	cpu->gpr[CPU_RSP] = (cpu->gpr[CPU_RSP] & ~stack->mask) | stack->sp;
}

/* MOV to and from a segment register, LDS and its kin. */
static int mov_from_segment(struct cpu *cpu, const struct insn *insn)
{
	/* To memory always 16 bits; to a register zero-extended (since the Pentium Pro). */
	return rm_write(cpu, insn, insn->mod == 3 ? insn->operand_size : 2, cpu->segment[insn->reg & 7].selector);
}

static int mov_to_segment(struct cpu *cpu, const struct insn *insn)
{
	uint16_t selector;

	if (rm_read16(cpu, insn, &selector) != CPU_OK || segment_load(cpu, insn->reg & 7, selector) != CPU_OK)
		return CPU_FAULT;
	if ((insn->reg & 7) == CPU_SS) {
		cpu->interrupt_shadow = cpu->shadow_ss = true;
		cpu->attention = true;
		return CPU_END;
	}
	return CPU_OK;
}

static int load_far_pointer(struct cpu *cpu, const struct insn *insn)
{
	static const uint8_t segments[8] = { 0, 0, CPU_SS, 0, CPU_FS, CPU_GS, 0, 0 };
	unsigned segment = insn->opcode == 0xc4 ? CPU_ES : insn->opcode == 0xc5 ? CPU_DS : segments[insn->opcode & 7];
	uint64_t offset, where = ea(cpu, insn);
	uint64_t mask = ~0ull >> insn->ea_shift;
	uint16_t selector;

	if (mem_read(cpu, insn->segment, where, insn->operand_size, &offset) != CPU_OK)
		return CPU_FAULT;
	if (mem_read16(cpu, insn->segment, (where + insn->operand_size) & mask, &selector) != CPU_OK)
		return CPU_FAULT;
	if (segment_load(cpu, segment, selector) != CPU_OK)
		return CPU_FAULT;
	reg_set(cpu, insn->reg, insn->operand_size, offset);
	return segment == CPU_SS ? CPU_END : CPU_OK;
}

insn_execute *segment_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	switch (insn->opcode) {
	case 0x8c: return (insn->reg & 7) < CPU_SEGMENTS ? mov_from_segment : NULL;
	case 0x8e: return (insn->reg & 7) < CPU_SEGMENTS && (insn->reg & 7) != CPU_CS ? mov_to_segment : NULL;
	default: return insn->mod != 3 ? load_far_pointer : NULL;
	}
}
