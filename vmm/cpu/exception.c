/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <stdio.h>

#include "vmm/cpu/access.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/exception.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/segment.h"
#include "vmm/cpu/task.h"

int cpu_raise(struct cpu *cpu, unsigned vector)
{
	cpu->exception.vector = (uint8_t)vector;
	cpu->exception.has_error = false;
	cpu->exception.error = 0;
	cpu->exception.dr6 = 0;
	return CPU_FAULT;
}

int cpu_raise_error(struct cpu *cpu, unsigned vector, uint32_t error)
{
	cpu_raise(cpu, vector);
	cpu->exception.has_error = true;
	cpu->exception.error = error;
	return CPU_FAULT;
}

void trace_interrupt(struct cpu *cpu, unsigned vector, const char *what, bool has_error, uint32_t error)
{
	char text[192], code[40] = "";

	if (!(cpu->trace & CPU_TRACE_INT) || !cpu->trace_log)
		return;
	if (has_error)
		snprintf(code, sizeof(code), " error %04x", error);
	if (vector == CPU_PF && has_error)
		snprintf(code, sizeof(code), " error %x cr2 %08llx", error, (unsigned long long)cpu->cr2);
	snprintf(text, sizeof(text), "%s %02x%s at %04x:%08llx cpl %u esp %08llx eax %08llx n %llu", what, vector, code,
		cpu->segment[CPU_CS].selector, (unsigned long long)cpu->rip, cpu->cpl,
		(unsigned long long)cpu->gpr[CPU_RSP], (unsigned long long)cpu->gpr[CPU_RAX],
		(unsigned long long)cpu->instructions);
	cpu->trace_log(cpu->trace_self, text);
}

int tss_stack(struct cpu *cpu, unsigned cpl, uint16_t *ss, uint64_t *rsp)
{
	unsigned type = CPU_SEGMENT_TYPE(cpu->tr.attributes);
	uint64_t base = cpu->tr.base;
	uint32_t value = 0;

	*ss = 0;
	if (type & 8) {
		if (cpl * 8 + 4 + 5 > cpu->tr.limit)
			return raise_selector(cpu, CPU_TS, cpu->tr.selector);
		if (access_system_read(cpu, base + cpl * 8 + 4, &value, 4) != CPU_OK ||
			access_system_read(cpu, base + cpl * 8 + 8, ss, 2) != CPU_OK)
			return CPU_FAULT;
	} else {
		if (cpl * 4 + 2 + 3 > cpu->tr.limit)
			return raise_selector(cpu, CPU_TS, cpu->tr.selector);
		if (access_system_read(cpu, base + cpl * 4 + 2, &value, 2) != CPU_OK ||
			access_system_read(cpu, base + cpl * 4 + 4, ss, 2) != CPU_OK)
			return CPU_FAULT;
	}
	*rsp = value;
	return CPU_OK;
}

/* Real mode, and INT n that VME redirects: through the vector table at `table`. */
static int enter_real(struct cpu *cpu, unsigned vector, uint64_t table, uint64_t back, uint32_t image)
{
	struct stack stack;
	uint16_t pointer[2];

	if (access_system_read(cpu, table + vector * 4, pointer, 4) != CPU_OK)
		return CPU_FAULT;
	stack_current(cpu, &stack);
	if (stack_push(cpu, &stack, 2, image) != CPU_OK ||
		stack_push(cpu, &stack, 2, cpu->segment[CPU_CS].selector) != CPU_OK ||
		stack_push(cpu, &stack, 2, back) != CPU_OK)
		return CPU_FAULT;
	if (pointer[0] > cpu->segment[CPU_CS].limit)
		return cpu_raise_error(cpu, CPU_GP, 0);
	stack_commit(cpu, &stack);
	segment_load_real(cpu, CPU_CS, pointer[1]);
	cpu->next_rip = pointer[0];
	return CPU_OK;
}

/* INT n in virtual-8086 mode: 1 if VME sent it to the 8086 handler, 0 for the protected-mode gate, or -1 for a
 * fault (SDM vol. 3B, 20.3.3). */
static int enter_v86(struct cpu *cpu, unsigned vector, uint64_t back)
{
	uint16_t map = 0;
	uint8_t bits = 0xff;
	uint32_t image;

	if (!(cpu->cr4 & CPU_CR4_VME)) {
		if (cpu_iopl(cpu) < 3)
			goto fault;
		return 0;
	}
	if (!(CPU_SEGMENT_TYPE(cpu->tr.attributes) & 8) || cpu->tr.limit < 103)
		goto fault;
	if (access_system_read(cpu, cpu->tr.base + 102, &map, 2) != CPU_OK)
		return -1;
	if (map < 32 || map - 32u + vector / 8 > cpu->tr.limit)
		goto fault;
	if (access_system_read(cpu, cpu->tr.base + map - 32 + vector / 8, &bits, 1) != CPU_OK)
		return -1;
	if (bits >> (vector % 8) & 1) {
		if (cpu_iopl(cpu) < 3)
			goto fault;
		return 0;
	}
	image = (uint32_t)cpu_rflags(cpu);
	if (cpu_iopl(cpu) < 3) {
		image = (image | CPU_FLAG_IOPL) & ~CPU_FLAG_IF;
		if (image & CPU_FLAG_VIF)
			image |= CPU_FLAG_IF;
	}
	if (enter_real(cpu, vector, 0, back, image) != CPU_OK)
		return -1;
	cpu_rflags_write(
		cpu, 0, cpu_iopl(cpu) < 3 ? CPU_FLAG_TF | CPU_FLAG_VIF : CPU_FLAG_TF | CPU_FLAG_IF | CPU_FLAG_NT);
	return 1;
fault:
	cpu_raise_error(cpu, CPU_GP, 0);
	return -1;
}

/* Same privilege, or a more privileged handler on its own stack. */
static int enter_gate(struct cpu *cpu, uint64_t gate, bool is_fault, uint64_t back, bool has_error, uint32_t error)
{
	unsigned type = gate >> 40 & 15, size = type & 8 ? 4 : 2;
	uint16_t selector = (uint16_t)(gate >> 16);
	uint64_t target = (gate & 0xffff) | (size == 4 ? gate >> 32 & 0xffff0000 : 0);
	uint64_t flags = cpu_rflags(cpu) & ~(uint64_t)CPU_FLAG_RF;
	bool was_v86 = cpu_v86(cpu);
	unsigned cpl = cpu->cpl;
	struct descriptor code, data;
	struct stack stack;
	uint16_t new_ss = 0;
	bool inner = false;

	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (descriptor_fetch(cpu, selector, CPU_GP, &code) != CPU_OK)
		return CPU_FAULT;
	if (!descriptor_is_code(&code) || descriptor_dpl(&code) > cpl)
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(&code))
		return raise_selector(cpu, CPU_NP, selector);
	if (is_fault)
		flags |= CPU_FLAG_RF;
	else
		flags |= cpu->rflags & CPU_FLAG_RF;
	stack_current(cpu, &stack);
	if (!descriptor_is_conforming(&code) && descriptor_dpl(&code) < cpl) {
		if (was_v86 && descriptor_dpl(&code) != 0)
			return raise_selector(cpu, CPU_GP, selector);
		cpl = descriptor_dpl(&code);
		inner = true;
		if (tss_stack(cpu, cpl, &new_ss, &stack.sp) != CPU_OK ||
			segment_stack_check(cpu, new_ss, cpl, CPU_TS, &data) != CPU_OK ||
			descriptor_mark(cpu, &data) != CPU_OK)
			return CPU_FAULT;
		segment_cache(&stack.ss, new_ss, &data);
		stack.mask = stack.ss.attributes & CPU_SEGMENT_DB ? 0xffffffff : 0xffff;
		stack.sp &= stack.mask;
		stack.cpl = cpl;
		stack.error = new_ss;
		if (was_v86) {
			static const uint8_t order[4] = { CPU_GS, CPU_FS, CPU_DS, CPU_ES };

			for (unsigned i = 0; i < 4; i++)
				if (stack_push(cpu, &stack, size, cpu->segment[order[i]].selector) != CPU_OK)
					return CPU_FAULT;
		}
		if (stack_push(cpu, &stack, size, cpu->segment[CPU_SS].selector) != CPU_OK ||
			stack_push(cpu, &stack, size, cpu->gpr[CPU_RSP]) != CPU_OK)
			return CPU_FAULT;
	} else if (was_v86) {
		return raise_selector(cpu, CPU_GP, selector);
	}
	if (stack_push(cpu, &stack, size, flags) != CPU_OK ||
		stack_push(cpu, &stack, size, cpu->segment[CPU_CS].selector) != CPU_OK ||
		stack_push(cpu, &stack, size, back) != CPU_OK)
		return CPU_FAULT;
	if (has_error && stack_push(cpu, &stack, size, error) != CPU_OK)
		return CPU_FAULT;
	if (target > descriptor_limit(&code))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (descriptor_mark(cpu, &code) != CPU_OK)
		return CPU_FAULT;

	/* Nothing can fail from here on. */
	cpu_rflags_write(
		cpu, 0, CPU_FLAG_TF | CPU_FLAG_VM | CPU_FLAG_RF | CPU_FLAG_NT | (type & 1 ? 0 : (uint64_t)CPU_FLAG_IF));
	if (was_v86) {
		static const uint8_t emptied[4] = { CPU_GS, CPU_FS, CPU_DS, CPU_ES };

		for (unsigned i = 0; i < 4; i++)
			segment_load_null(cpu, emptied[i], 0);
	}
	segment_load_code(cpu, &code, cpl);
	if (inner) {
		cpu->segment[CPU_SS] = stack.ss;
		cpu_segment_update(cpu, CPU_SS);
	}
	stack_commit(cpu, &stack);
	cpu->next_rip = target;
	return CPU_OK;
}

int interrupt_enter(
	struct cpu *cpu, unsigned vector, enum interrupt_kind kind, uint64_t back, bool has_error, uint32_t error)
{
	bool software = kind == INTERRUPT_SOFTWARE || kind == INTERRUPT_BREAK;
	struct descriptor gate = { .selector = 0 };
	uint32_t index = vector * 8 + 2;

	if (!(cpu->cr0 & CPU_CR0_PE)) {
		if (vector * 4 + 3 > cpu->idtr.limit)
			return cpu_raise_error(cpu, CPU_GP, index);
		if (enter_real(cpu, vector, cpu->idtr.base, back, (uint32_t)cpu_rflags(cpu)) != CPU_OK)
			return CPU_FAULT;
		cpu_rflags_write(cpu, 0, CPU_FLAG_TF | CPU_FLAG_IF | CPU_FLAG_AC | CPU_FLAG_RF);
		return CPU_OK;
	}
	if (cpu->efer & CPU_EFER_LMA)
		return interrupt_enter_long(cpu, vector, software, kind == INTERRUPT_FAULT, back, has_error, error);
	if (kind == INTERRUPT_SOFTWARE && cpu_v86(cpu)) {
		int done = enter_v86(cpu, vector, back);

		if (done)
			return done > 0 ? CPU_OK : CPU_FAULT;
	}
	if (vector * 8 + 7 > cpu->idtr.limit)
		return cpu_raise_error(cpu, CPU_GP, index);
	gate.address = cpu->idtr.base + vector * 8;
	if (access_system_read(cpu, gate.address, &gate.raw, 8) != CPU_OK)
		return CPU_FAULT;
	switch (gate.raw >> 40 & 0x1f) {
	case SYSTEM_TASK:
	case SYSTEM_INT16:
	case SYSTEM_TRAP16:
	case SYSTEM_INT32:
	case SYSTEM_TRAP32: break;
	default: return cpu_raise_error(cpu, CPU_GP, index);
	}
	if (software && descriptor_dpl(&gate) < cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, index);
	if (!descriptor_present(&gate))
		return cpu_raise_error(cpu, CPU_NP, index);
	if ((gate.raw >> 40 & 0x1f) == SYSTEM_TASK)
		return task_gate(cpu, &gate, TASK_INTERRUPT, back, has_error, error);
	return enter_gate(cpu, gate.raw, kind == INTERRUPT_FAULT, back, has_error, error);
}

static bool contributory(unsigned vector)
{
	return vector == CPU_DE || (vector >= CPU_TS && vector <= CPU_GP);
}

static bool deliver(struct cpu *cpu, struct cpu_exception event, enum interrupt_kind kind)
{
	for (;;) {
		struct cpu_exception *second = &cpu->exception;
		enum interrupt_kind how = kind;

		if (event.vector == CPU_PF && kind == INTERRUPT_FAULT)
			cpu->cr2 = event.cr2;
		if (event.vector == CPU_DB && kind == INTERRUPT_FAULT) {
			cpu->dr[6] |= event.dr6;
			cpu->dr[7] &= ~(uint64_t)DR7_GD;
			/* Only an instruction breakpoint is a fault, and it pushes RF as it is. */
			how = INTERRUPT_EXTERNAL;
		}
		trace_interrupt(cpu, event.vector, kind == INTERRUPT_FAULT ? "exception" : "interrupt", event.has_error,
			event.error);
		cpu->next_rip = cpu->rip;
		if (interrupt_enter(cpu, event.vector, how, cpu->rip, event.has_error && cpu->cr0 & CPU_CR0_PE,
			    event.error) == CPU_OK) {
			cpu->rip = cpu->next_rip;
			return true;
		}
		if (kind == INTERRUPT_FAULT && event.vector == CPU_DF) {
			trace_interrupt(cpu, second->vector, "shutdown", second->has_error, second->error);
			return false;
		}
		if (second->vector == CPU_PF)
			cpu->cr2 = second->cr2;
		/* The error codes of what goes wrong on the way say so. */
		if (second->vector >= CPU_TS && second->vector <= CPU_GP)
			second->error |= 1;
		if (kind == INTERRUPT_FAULT &&
			((contributory(event.vector) && contributory(second->vector)) ||
				(event.vector == CPU_PF && (contributory(second->vector) || second->vector == CPU_PF))))
			cpu_raise_error(cpu, CPU_DF, 0);
		event = cpu->exception;
		kind = INTERRUPT_FAULT;
	}
}

bool exception_deliver(struct cpu *cpu)
{
	return deliver(cpu, cpu->exception, INTERRUPT_FAULT);
}

bool interrupt_deliver(struct cpu *cpu, unsigned vector, enum interrupt_kind kind)
{
	struct cpu_exception event = { .vector = (uint8_t)vector };

	return deliver(cpu, event, kind);
}

bool trap_deliver(struct cpu *cpu)
{
	struct cpu_exception event = { .vector = CPU_DB, .dr6 = cpu->pending_db };

	cpu->pending_db = 0;
	return deliver(cpu, event, INTERRUPT_FAULT);
}
