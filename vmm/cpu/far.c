/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Far jumps and calls, far returns; INT n, INT3, INTO, INT1.
 */
#include "vmm/cpu/exception.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/return.h"
#include "vmm/cpu/segment.h"
#include "vmm/cpu/task.h"

/* Real and virtual-8086 mode. */
static int far_real(struct cpu *cpu, const struct insn *insn, uint16_t selector, uint64_t target, bool is_call)
{
	struct stack stack;

	if (target > cpu->segment[CPU_CS].limit)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (is_call) {
		stack_current(cpu, &stack);
		if (stack_push(cpu, &stack, insn->operand_size, cpu->segment[CPU_CS].selector) != CPU_OK ||
			stack_push(cpu, &stack, insn->operand_size, cpu->next_rip) != CPU_OK)
			return CPU_FAULT;
		stack_commit(cpu, &stack);
	}
	segment_load_real(cpu, CPU_CS, selector);
	cpu->next_rip = target;
	return CPU_END;
}

/* To a code segment, directly. */
static int far_code(struct cpu *cpu, const struct insn *insn, struct descriptor *code, uint64_t target, bool is_call)
{
	uint16_t selector = code->selector;
	struct stack stack;

	if (descriptor_is_conforming(code)) {
		if (descriptor_dpl(code) > cpu->cpl)
			return raise_selector(cpu, CPU_GP, selector);
	} else if ((selector & 3) > cpu->cpl || descriptor_dpl(code) != cpu->cpl) {
		return raise_selector(cpu, CPU_GP, selector);
	}
	if (!descriptor_present(code))
		return raise_selector(cpu, CPU_NP, selector);
	if (segment_code_check(cpu, code) != CPU_OK)
		return CPU_FAULT;
	stack_current(cpu, &stack);
	if (is_call &&
		(stack_push(cpu, &stack, insn->operand_size, cpu->segment[CPU_CS].selector) != CPU_OK ||
			stack_push(cpu, &stack, insn->operand_size, cpu->next_rip) != CPU_OK))
		return CPU_FAULT;
	if (segment_target_check(cpu, code, target) != CPU_OK || segment_load_code(cpu, code, cpu->cpl) != CPU_OK)
		return CPU_FAULT;
	if (is_call)
		stack_commit(cpu, &stack);
	cpu->next_rip = target;
	return CPU_END;
}

/* A call through a gate to a more privileged level: parameters move to the new stack. */
static int gate_inner(struct cpu *cpu, const struct descriptor *gate, struct descriptor *code, uint64_t target)
{
	unsigned size = descriptor_type(gate) & 8 ? 4 : 2, count = gate->raw >> 32 & 31, cpl = descriptor_dpl(code);
	struct descriptor data;
	struct stack stack, old;
	uint64_t parameters[32];
	uint16_t new_ss;

	stack_current(cpu, &old);
	if (tss_stack(cpu, cpl, &new_ss, &stack.sp) != CPU_OK ||
		segment_stack_check(cpu, new_ss, cpl, CPU_TS, &data) != CPU_OK || descriptor_mark(cpu, &data) != CPU_OK)
		return CPU_FAULT;
	segment_cache(&stack.ss, new_ss, &data);
	stack.wide = false;
	stack.mask = stack.ss.attributes & CPU_SEGMENT_DB ? 0xffffffff : 0xffff;
	stack.sp &= stack.mask;
	stack.cpl = cpl;
	stack.error = new_ss;
	for (unsigned i = 0; i < count; i++)
		if (stack_pop(cpu, &old, size, &parameters[i]) != CPU_OK)
			return CPU_FAULT;
	if (stack_push(cpu, &stack, size, cpu->segment[CPU_SS].selector) != CPU_OK ||
		stack_push(cpu, &stack, size, cpu->gpr[CPU_RSP]) != CPU_OK)
		return CPU_FAULT;
	while (count)
		if (stack_push(cpu, &stack, size, parameters[--count]) != CPU_OK)
			return CPU_FAULT;
	if (stack_push(cpu, &stack, size, cpu->segment[CPU_CS].selector) != CPU_OK ||
		stack_push(cpu, &stack, size, cpu->next_rip) != CPU_OK)
		return CPU_FAULT;
	if (target > descriptor_limit(code))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (segment_load_code(cpu, code, cpl) != CPU_OK)
		return CPU_FAULT;
	cpu->segment[CPU_SS] = stack.ss;
	cpu_segment_update(cpu, CPU_SS);
	stack_commit(cpu, &stack);
	cpu->next_rip = target;
	return CPU_END;
}

static int far_gate(struct cpu *cpu, const struct descriptor *gate, bool is_call)
{
	unsigned size = descriptor_type(gate) & 8 ? 4 : 2;
	uint16_t selector = (uint16_t)(gate->raw >> 16);
	uint64_t target = (gate->raw & 0xffff) | (size == 4 ? gate->raw >> 32 & 0xffff0000 : 0);
	struct descriptor code;
	struct stack stack;

	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (descriptor_fetch(cpu, selector, CPU_GP, &code) != CPU_OK)
		return CPU_FAULT;
	if (!descriptor_is_code(&code) || descriptor_dpl(&code) > cpu->cpl)
		return raise_selector(cpu, CPU_GP, selector);
	if (!is_call && !descriptor_is_conforming(&code) && descriptor_dpl(&code) != cpu->cpl)
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(&code))
		return raise_selector(cpu, CPU_NP, selector);
	if (is_call && !descriptor_is_conforming(&code) && descriptor_dpl(&code) < cpu->cpl)
		return gate_inner(cpu, gate, &code, target);
	stack_current(cpu, &stack);
	if (is_call &&
		(stack_push(cpu, &stack, size, cpu->segment[CPU_CS].selector) != CPU_OK ||
			stack_push(cpu, &stack, size, cpu->next_rip) != CPU_OK))
		return CPU_FAULT;
	if (target > descriptor_limit(&code))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (segment_load_code(cpu, &code, cpu->cpl) != CPU_OK)
		return CPU_FAULT;
	if (is_call)
		stack_commit(cpu, &stack);
	cpu->next_rip = target;
	return CPU_END;
}

static int far_transfer(struct cpu *cpu, const struct insn *insn, uint16_t selector, uint64_t target, bool is_call)
{
	enum task_reason reason = is_call ? TASK_CALL : TASK_JUMP;
	struct descriptor d;

	if (insn->operand_size == 2)
		target &= 0xffff;
	if (!cpu_protected(cpu))
		return far_real(cpu, insn, selector, target, is_call);
	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (descriptor_fetch(cpu, selector, CPU_GP, &d) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_is_code(&d))
		return far_code(cpu, insn, &d, target, is_call);
	if (descriptor_is_segment(&d))
		return raise_selector(cpu, CPU_GP, selector);
	switch (descriptor_type(&d)) {
	case SYSTEM_CALL32: break;
	case SYSTEM_CALL16:
	case SYSTEM_TASK:
	case SYSTEM_TSS16:
	case SYSTEM_TSS32:
		/* IA-32e mode has no tasks. */
		if (cpu->efer & CPU_EFER_LMA)
			return raise_selector(cpu, CPU_GP, selector);
		break;
	default: return raise_selector(cpu, CPU_GP, selector);
	}
	if (descriptor_dpl(&d) < cpu->cpl || descriptor_dpl(&d) < (selector & 3u))
		return raise_selector(cpu, CPU_GP, selector);
	if (descriptor_type(&d) == SYSTEM_TSS16 || descriptor_type(&d) == SYSTEM_TSS32) {
		if (selector & 4)
			return raise_selector(cpu, CPU_GP, selector);
		if (!descriptor_present(&d))
			return raise_selector(cpu, CPU_NP, selector);
		return task_switch(cpu, &d, reason, cpu->next_rip, false, 0) == CPU_OK ? CPU_END : CPU_FAULT;
	}
	if (!descriptor_present(&d))
		return raise_selector(cpu, CPU_NP, selector);
	if (cpu->efer & CPU_EFER_LMA)
		return far_gate_long(cpu, &d, is_call);
	if (descriptor_type(&d) == SYSTEM_TASK)
		return task_gate(cpu, &d, reason, cpu->next_rip, false, 0) == CPU_OK ? CPU_END : CPU_FAULT;
	return far_gate(cpu, &d, is_call);
}

static int far_immediate(struct cpu *cpu, const struct insn *insn)
{
	return far_transfer(cpu, insn, insn->immediate2, insn->immediate, insn->opcode == 0x9a);
}

static int far_memory(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset, where = ea(cpu, insn), mask = ~0ull >> insn->ea_shift;
	uint16_t selector;

	if (mem_read(cpu, insn->segment, where, insn->operand_size, &offset) != CPU_OK ||
		mem_read16(cpu, insn->segment, (where + insn->operand_size) & mask, &selector) != CPU_OK)
		return CPU_FAULT;
	return far_transfer(cpu, insn, selector, offset, (insn->modrm >> 3 & 7) == 3);
}

static int interrupt(struct cpu *cpu, unsigned vector, enum interrupt_kind kind)
{
	trace_interrupt(cpu, vector, "int", false, 0);
	if (interrupt_enter(cpu, vector, kind, cpu->next_rip, false, 0) == CPU_OK)
		return CPU_END;
	/* INT1 counts as external in the error codes of what goes wrong on the way (SDM vol. 2A, INT n). */
	if (kind == INTERRUPT_ICEBP && cpu->exception.vector >= CPU_TS && cpu->exception.vector <= CPU_GP)
		cpu->exception.error |= 1;
	return CPU_FAULT;
}

static int int_n(struct cpu *cpu, const struct insn *insn)
{
	return interrupt(cpu, (uint8_t)insn->immediate, INTERRUPT_SOFTWARE);
}

static int int3(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return interrupt(cpu, CPU_BP, INTERRUPT_BREAK);
}

static int into(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return flags_of(cpu) ? interrupt(cpu, CPU_OF, INTERRUPT_BREAK) : CPU_END;
}

/* INT1 makes a #DB that sets no bit of DR6 (SDM vol. 2A, INT n). */
static int int1(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return interrupt(cpu, CPU_DB, INTERRUPT_ICEBP);
}

insn_execute *far_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	switch (insn->opcode) {
	case 0x9a:
	case 0xea: return insn->code64 ? NULL : far_immediate;
	case 0xff: return insn->mod != 3 ? far_memory : NULL;
	case 0xca:
	case 0xcb: return return_far;
	case 0xcf: return return_interrupt;
	case 0xcc: return int3;
	case 0xcd: return int_n;
	case 0xce: return insn->code64 ? NULL : into;
	case 0xf1: return int1;
	default: return NULL;
	}
}
