/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Interrupts, exceptions and call gates in IA-32e mode (SDM vol. 3A, 6.14 and 5.8.3.1), and IRET from 64-bit code.
 */
#include "vmm/cpu/access.h"
#include "vmm/cpu/exception.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/return.h"
#include "vmm/cpu/segment.h"

/* In the 64-bit TSS: RSP0 to RSP2, then IST1 to IST7. */
#define TSS_RSP(cpl) (4u + 8 * (cpl))
#define TSS_IST(n)   (36u + 8 * ((n)-1))

int tss_stack_long(struct cpu *cpu, unsigned cpl, unsigned ist, uint64_t *rsp)
{
	unsigned at = ist ? TSS_IST(ist) : TSS_RSP(cpl);

	if (at + 7 > cpu->tr.limit)
		return raise_selector(cpu, CPU_TS, cpu->tr.selector);
	return access_system_read(cpu, cpu->tr.base + at, rsp, 8);
}

/* The code segment that a gate leads to: 64-bit, and at most as privileged as wanted. */
static int gate_code(struct cpu *cpu, uint16_t selector, struct descriptor *code)
{
	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (descriptor_fetch(cpu, selector, CPU_GP, code) != CPU_OK)
		return CPU_FAULT;
	if (!descriptor_is_code(code) || descriptor_dpl(code) > cpu->cpl)
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_is_code64(code) || code->raw >> 54 & 1)
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(code))
		return raise_selector(cpu, CPU_NP, selector);
	return CPU_OK;
}

static bool code_is_inner(const struct cpu *cpu, const struct descriptor *code)
{
	return !descriptor_is_conforming(code) && descriptor_dpl(code) < cpu->cpl;
}

static uint64_t gate_target(const struct descriptor *gate)
{
	return (gate->raw & 0xffff) | (gate->raw >> 32 & 0xffff0000) | gate->high << 32;
}

int interrupt_enter_long(
	struct cpu *cpu, unsigned vector, bool software, bool is_fault, uint64_t back, bool has_error, uint32_t error)
{
	struct descriptor gate = { .selector = 0 }, code;
	uint32_t index = vector * 8 + 2;
	uint64_t flags = cpu_rflags(cpu) & ~(uint64_t)CPU_FLAG_RF;
	uint64_t rsp = cpu->gpr[CPU_RSP];
	unsigned type, ist, cpl = cpu->cpl;
	struct stack stack = { .wide = true, .mask = UINT64_MAX };
	bool inner;

	if (vector * 16 + 15 > cpu->idtr.limit)
		return cpu_raise_error(cpu, CPU_GP, index);
	if (access_system_read(cpu, cpu->idtr.base + vector * 16, &gate.raw, 8) != CPU_OK ||
		access_system_read(cpu, cpu->idtr.base + vector * 16 + 8, &gate.high, 8) != CPU_OK)
		return CPU_FAULT;
	type = gate.raw >> 40 & 0x1f;
	if (type != SYSTEM_INT32 && type != SYSTEM_TRAP32)
		return cpu_raise_error(cpu, CPU_GP, index);
	if (software && descriptor_dpl(&gate) < cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, index);
	if (!descriptor_present(&gate))
		return cpu_raise_error(cpu, CPU_NP, index);
	if (gate_code(cpu, (uint16_t)(gate.raw >> 16), &code) != CPU_OK)
		return CPU_FAULT;
	flags |= is_fault ? CPU_FLAG_RF : cpu->rflags & CPU_FLAG_RF;
	inner = code_is_inner(cpu, &code);
	if (inner)
		cpl = descriptor_dpl(&code);
	ist = gate.raw >> 32 & 7;
	if ((inner || ist) && tss_stack_long(cpu, cpl, ist, &rsp) != CPU_OK)
		return CPU_FAULT;
	/* Aligned before anything is pushed, with or without a change of stack (6.14.2). */
	stack.sp = rsp & ~15ull;
	stack.cpl = cpl;
	if (stack_push(cpu, &stack, 8, cpu->segment[CPU_SS].selector) != CPU_OK ||
		stack_push(cpu, &stack, 8, cpu->gpr[CPU_RSP]) != CPU_OK ||
		stack_push(cpu, &stack, 8, flags) != CPU_OK ||
		stack_push(cpu, &stack, 8, cpu->segment[CPU_CS].selector) != CPU_OK ||
		stack_push(cpu, &stack, 8, back) != CPU_OK)
		return CPU_FAULT;
	if (has_error && stack_push(cpu, &stack, 8, error) != CPU_OK)
		return CPU_FAULT;
	if (segment_target_check(cpu, &code, gate_target(&gate)) != CPU_OK || descriptor_mark(cpu, &code) != CPU_OK)
		return CPU_FAULT;

	/* Nothing can fail from here on. */
	cpu_rflags_write(
		cpu, 0, CPU_FLAG_TF | CPU_FLAG_VM | CPU_FLAG_RF | CPU_FLAG_NT | (type & 1 ? 0 : (uint64_t)CPU_FLAG_IF));
	segment_load_code(cpu, &code, cpl);
	if (inner)
		segment_load_null_stack(cpu, (uint16_t)cpl, cpl);
	cpu->gpr[CPU_RSP] = stack.sp;
	cpu->next_rip = gate_target(&gate);
	return CPU_OK;
}

int far_gate_long(struct cpu *cpu, struct descriptor *gate, bool is_call)
{
	uint16_t selector = (uint16_t)(gate->raw >> 16);
	struct descriptor code;
	struct stack stack = { .wide = true, .mask = UINT64_MAX, .sp = cpu->gpr[CPU_RSP], .cpl = cpu->cpl };
	bool inner;

	if (descriptor_extend(cpu, CPU_GP, gate) != CPU_OK || gate_code(cpu, selector, &code) != CPU_OK)
		return CPU_FAULT;
	inner = code_is_inner(cpu, &code);
	if (!is_call && inner)
		return raise_selector(cpu, CPU_GP, selector);
	if (inner) {
		stack.cpl = descriptor_dpl(&code);
		if (tss_stack_long(cpu, stack.cpl, 0, &stack.sp) != CPU_OK ||
			stack_push(cpu, &stack, 8, cpu->segment[CPU_SS].selector) != CPU_OK ||
			stack_push(cpu, &stack, 8, cpu->gpr[CPU_RSP]) != CPU_OK)
			return CPU_FAULT;
	}
	if (is_call &&
		(stack_push(cpu, &stack, 8, cpu->segment[CPU_CS].selector) != CPU_OK ||
			stack_push(cpu, &stack, 8, cpu->next_rip) != CPU_OK))
		return CPU_FAULT;
	if (segment_target_check(cpu, &code, gate_target(gate)) != CPU_OK ||
		segment_load_code(cpu, &code, stack.cpl) != CPU_OK)
		return CPU_FAULT;
	if (inner)
		segment_load_null_stack(cpu, (uint16_t)stack.cpl, stack.cpl);
	cpu->gpr[CPU_RSP] = stack.sp;
	cpu->next_rip = gate_target(gate);
	return CPU_END;
}
