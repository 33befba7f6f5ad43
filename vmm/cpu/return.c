/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * RETF and IRET.
 */
#include "vmm/cpu/operand.h"
#include "vmm/cpu/return.h"
#include "vmm/cpu/segment.h"
#include "vmm/cpu/task.h"

/* The checks of a return's code segment, for RETF and IRET alike. */
static int return_code(struct cpu *cpu, uint16_t selector, struct descriptor *code)
{
	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (descriptor_fetch(cpu, selector, CPU_GP, code) != CPU_OK)
		return CPU_FAULT;
	if (!descriptor_is_code(code) || (selector & 3) < cpu->cpl)
		return raise_selector(cpu, CPU_GP, selector);
	if (descriptor_is_conforming(code) ? descriptor_dpl(code) > (selector & 3)
					   : descriptor_dpl(code) != (selector & 3))
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(code))
		return raise_selector(cpu, CPU_NP, selector);
	return segment_code_check(cpu, code);
}

/* SS and RSP off the stack.  64-bit code may return without a stack segment, but not to CPL 3. */
static int return_stack(struct cpu *cpu, const struct descriptor *code, uint16_t ss, struct descriptor *data)
{
	unsigned cpl = code->selector & 3;

	if (!(ss & 0xfffc) && cpu->efer & CPU_EFER_LMA && descriptor_is_code64(code) && cpl != 3 && (ss & 3) == cpl) {
		*data = (struct descriptor){ .selector = ss };
		return CPU_OK;
	}
	return segment_stack_check(cpu, ss, cpl, CPU_GP, data);
}

/* Data segments that the outer level may not see become null. */
static void segments_drop(struct cpu *cpu)
{
	static const uint8_t checked[4] = { CPU_ES, CPU_DS, CPU_FS, CPU_GS };

	for (unsigned i = 0; i < 4; i++) {
		const struct cpu_segment *segment = &cpu->segment[checked[i]];
		unsigned type = CPU_SEGMENT_TYPE(segment->attributes);

		if (segment->attributes & CPU_SEGMENT_P && (type & 0xc) != 0xc &&
			CPU_SEGMENT_DPL(segment->attributes) < cpu->cpl)
			segment_load_null(cpu, checked[i], 0);
	}
}

/* Leave for an outer privilege level, with SS and RSP popped already. */
static int return_outer(struct cpu *cpu, struct descriptor *code, uint64_t target, uint16_t ss, uint64_t rsp,
	unsigned size, unsigned release, uint64_t flags, uint64_t flags_mask)
{
	unsigned cpl = code->selector & 3, old = cpu->cpl;
	struct descriptor data;

	if (return_stack(cpu, code, ss, &data) != CPU_OK)
		return CPU_FAULT;
	if (segment_target_check(cpu, code, target) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_mark(cpu, code) != CPU_OK || (data.raw && descriptor_mark(cpu, &data) != CPU_OK))
		return CPU_FAULT;
	segment_load_code(cpu, code, cpl);
	if (data.raw) {
		segment_cache(&cpu->segment[CPU_SS], ss, &data);
		cpu_segment_update(cpu, CPU_SS);
	} else {
		segment_load_null_stack(cpu, ss, cpl);
	}
	if (cpu->stack_mask == UINT64_MAX)
		cpu->gpr[CPU_RSP] = rsp + release;
	else if (cpu->stack_mask == 0xffff)
		reg_set(cpu, CPU_RSP, 2, rsp + release);
	else
		cpu->gpr[CPU_RSP] = (uint32_t)((size == 2 ? rsp & 0xffff : rsp) + release);
	if (flags_mask)
		cpu_rflags_write(cpu, flags, flags_mask);
	if (cpl > old)
		segments_drop(cpu);
	cpu->next_rip = target;
	return CPU_END;
}

int return_far(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size, release = insn->opcode == 0xca ? (unsigned)insn->immediate : 0;
	uint64_t target, cs, ss, rsp;
	struct descriptor code;
	struct stack stack;

	stack_current(cpu, &stack);
	if (stack_pop(cpu, &stack, size, &target) != CPU_OK || stack_pop(cpu, &stack, size, &cs) != CPU_OK)
		return CPU_FAULT;
	if (!cpu_protected(cpu)) {
		if (target > cpu->segment[CPU_CS].limit)
			return cpu_raise_error(cpu, CPU_GP, 0);
		stack.sp = (stack.sp + release) & stack.mask;
		stack_commit(cpu, &stack);
		segment_load_real(cpu, CPU_CS, (uint16_t)cs);
		cpu->next_rip = target;
		return CPU_END;
	}
	if (return_code(cpu, (uint16_t)cs, &code) != CPU_OK)
		return CPU_FAULT;
	stack.sp = (stack.sp + release) & stack.mask;
	if ((cs & 3) > cpu->cpl) {
		if (stack_pop(cpu, &stack, size, &rsp) != CPU_OK || stack_pop(cpu, &stack, size, &ss) != CPU_OK)
			return CPU_FAULT;
		return return_outer(cpu, &code, target, (uint16_t)ss, rsp, size, release, 0, 0);
	}
	if (segment_target_check(cpu, &code, target) != CPU_OK || segment_load_code(cpu, &code, cpu->cpl) != CPU_OK)
		return CPU_FAULT;
	stack_commit(cpu, &stack);
	cpu->next_rip = target;
	return CPU_END;
}

/* Which flags IRET may change at this privilege. */
static uint64_t iret_mask(const struct cpu *cpu, unsigned size)
{
	uint64_t mask = CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_DF | CPU_FLAG_NT;

	if (size != 2)
		mask |= CPU_FLAG_RF | CPU_FLAG_AC | CPU_FLAG_ID;
	if (cpu->cpl <= cpu_iopl(cpu))
		mask |= CPU_FLAG_IF;
	if (cpu->cpl == 0) {
		mask |= CPU_FLAG_IOPL;
		if (size != 2)
			mask |= CPU_FLAG_VIF | CPU_FLAG_VIP;
	}
	return mask;
}

static int iret_real(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	uint64_t target, cs, flags, mask;
	struct stack stack;

	stack_current(cpu, &stack);
	if (cpu_v86(cpu) && cpu_iopl(cpu) < 3 && (!(cpu->cr4 & CPU_CR4_VME) || size != 2))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (stack_pop(cpu, &stack, size, &target) != CPU_OK || stack_pop(cpu, &stack, size, &cs) != CPU_OK ||
		stack_pop(cpu, &stack, size, &flags) != CPU_OK)
		return CPU_FAULT;
	if (target > cpu->segment[CPU_CS].limit)
		return cpu_raise_error(cpu, CPU_GP, 0);
	mask = CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_DF | CPU_FLAG_NT;
	if (size != 2)
		mask |= CPU_FLAG_RF | CPU_FLAG_AC | CPU_FLAG_ID;
	if (cpu_v86(cpu) && cpu_iopl(cpu) < 3) {
		if (flags & CPU_FLAG_TF || (flags & CPU_FLAG_IF && cpu->rflags & CPU_FLAG_VIP))
			return cpu_raise_error(cpu, CPU_GP, 0);
		mask |= CPU_FLAG_VIF;
		flags &= ~(uint64_t)CPU_FLAG_VIF;
		if (flags & CPU_FLAG_IF)
			flags |= CPU_FLAG_VIF;
	} else {
		mask |= CPU_FLAG_IF;
		if (!cpu_v86(cpu))
			mask |= CPU_FLAG_IOPL;
	}
	stack_commit(cpu, &stack);
	segment_load_real(cpu, CPU_CS, (uint16_t)cs);
	cpu_rflags_write(cpu, flags, mask);
	cpu->next_rip = target;
	return CPU_END;
}

/* The stack holds what a switch from virtual-8086 mode left there. */
static int iret_to_v86(struct cpu *cpu, struct stack *stack, uint64_t target, uint16_t cs, uint64_t flags)
{
	static const uint8_t order[4] = { CPU_ES, CPU_DS, CPU_FS, CPU_GS };
	uint64_t rsp, ss, selectors[4];

	if (stack_pop(cpu, stack, 4, &rsp) != CPU_OK || stack_pop(cpu, stack, 4, &ss) != CPU_OK)
		return CPU_FAULT;
	for (unsigned i = 0; i < 4; i++)
		if (stack_pop(cpu, stack, 4, &selectors[i]) != CPU_OK)
			return CPU_FAULT;
	if ((uint32_t)target > 0xffff)
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu_rflags_write(cpu, flags,
		CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_IF | CPU_FLAG_DF | CPU_FLAG_IOPL | CPU_FLAG_NT |
			CPU_FLAG_RF | CPU_FLAG_VM | CPU_FLAG_AC | CPU_FLAG_VIF | CPU_FLAG_VIP | CPU_FLAG_ID);
	cpl_set(cpu, 3);
	segment_load_real(cpu, CPU_CS, cs);
	segment_load_real(cpu, CPU_SS, (uint16_t)ss);
	for (unsigned i = 0; i < 4; i++)
		segment_load_real(cpu, order[i], (uint16_t)selectors[i]);
	cpu->gpr[CPU_RSP] = (uint32_t)rsp;
	cpu->next_rip = target;
	return CPU_END;
}

static int iret_task(struct cpu *cpu)
{
	struct descriptor tss;
	uint16_t link;

	if (access_system_read(cpu, cpu->tr.base, &link, 2) != CPU_OK)
		return CPU_FAULT;
	if (link & 4 || !descriptor_reachable(cpu, link))
		return raise_selector(cpu, CPU_TS, link);
	if (descriptor_fetch(cpu, link, CPU_TS, &tss) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_is_segment(&tss) ||
		(descriptor_type(&tss) != SYSTEM_TSS16_BUSY && descriptor_type(&tss) != SYSTEM_TSS32_BUSY))
		return raise_selector(cpu, CPU_TS, link);
	if (!descriptor_present(&tss))
		return raise_selector(cpu, CPU_NP, link);
	return task_switch(cpu, &tss, TASK_IRET, cpu->next_rip, false, 0) == CPU_OK ? CPU_END : CPU_FAULT;
}

int return_interrupt(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	uint64_t target, cs, flags, ss, rsp, mask;
	struct descriptor code;
	struct stack stack;
	int status;

	if (!cpu_protected(cpu)) {
		status = iret_real(cpu, insn);
	} else if (cpu->rflags & CPU_FLAG_NT) {
		status = cpu->efer & CPU_EFER_LMA ? cpu_raise_error(cpu, CPU_GP, 0) : iret_task(cpu);
	} else {
		stack_current(cpu, &stack);
		if (stack_pop(cpu, &stack, size, &target) != CPU_OK || stack_pop(cpu, &stack, size, &cs) != CPU_OK ||
			stack_pop(cpu, &stack, size, &flags) != CPU_OK)
			return CPU_FAULT;
		mask = iret_mask(cpu, size);
		if (size == 4 && flags & CPU_FLAG_VM && cpu->cpl == 0 && !(cpu->efer & CPU_EFER_LMA)) {
			status = iret_to_v86(cpu, &stack, target, (uint16_t)cs, flags);
		} else if (return_code(cpu, (uint16_t)cs, &code) != CPU_OK) {
			return CPU_FAULT;
		} else if ((cs & 3) > cpu->cpl || cpu_code64(cpu)) {
			/* 64-bit code always has SS and RSP on the stack. */
			if (stack_pop(cpu, &stack, size, &rsp) != CPU_OK || stack_pop(cpu, &stack, size, &ss) != CPU_OK)
				return CPU_FAULT;
			status = return_outer(cpu, &code, target, (uint16_t)ss, rsp, size, 0, flags, mask);
		} else {
			if (segment_target_check(cpu, &code, target) != CPU_OK ||
				segment_load_code(cpu, &code, cpu->cpl) != CPU_OK)
				return CPU_FAULT;
			stack_commit(cpu, &stack);
			cpu_rflags_write(cpu, flags, mask);
			cpu->next_rip = target;
			status = CPU_END;
		}
	}
	if (status == CPU_END) {
		cpu->nmi_blocked = false;
		cpu->attention = true;
	}
	return status;
}
