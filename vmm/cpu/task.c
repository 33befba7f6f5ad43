/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/access.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/task.h"

/* What a TSS holds of a task. */
struct task {
	uint32_t cr3, eip, eflags, gpr[8];
	uint16_t selector[CPU_SEGMENTS], ldt;
	bool trap;
};

#define TSS16_SIZE 44u
#define TSS32_SIZE 104u

static bool is_tss32(unsigned type)
{
	return type & 8;
}

static int task_read(struct cpu *cpu, uint64_t base, bool wide, struct task *task)
{
	uint8_t image[TSS32_SIZE] = { 0 };

	memset(task, 0, sizeof(*task));
	if (access_system_read(cpu, base, image, wide ? TSS32_SIZE : TSS16_SIZE) != CPU_OK)
		return CPU_FAULT;
	if (wide) {
		memcpy(&task->cr3, image + 28, 4);
		memcpy(&task->eip, image + 32, 4);
		memcpy(&task->eflags, image + 36, 4);
		memcpy(task->gpr, image + 40, 32);
		for (unsigned i = 0; i < CPU_SEGMENTS; i++)
			memcpy(&task->selector[i], image + 72 + 4 * i, 2);
		memcpy(&task->ldt, image + 96, 2);
		task->trap = image[100] & 1;
	} else {
		memcpy(&task->eip, image + 14, 2);
		memcpy(&task->eflags, image + 16, 2);
		for (unsigned i = 0; i < 8; i++) {
			memcpy(&task->gpr[i], image + 18 + 2 * i, 2);
			task->gpr[i] |= 0xffff0000;
		}
		for (unsigned i = 0; i < 4; i++)
			memcpy(&task->selector[i], image + 34 + 2 * i, 2);
		memcpy(&task->ldt, image + 42, 2);
	}
	return CPU_OK;
}

/* Only the dynamic fields are written: registers, flags, IP and selectors. */
static int task_write(struct cpu *cpu, uint64_t base, bool wide, uint64_t eip, uint64_t eflags)
{
	uint8_t image[TSS32_SIZE] = { 0 };
	uint32_t eip32 = (uint32_t)eip, eflags32 = (uint32_t)eflags;

	if (wide) {
		memcpy(image, &eip32, 4);
		memcpy(image + 4, &eflags32, 4);
		for (unsigned i = 0; i < 8; i++)
			memcpy(image + 8 + 4 * i, &cpu->gpr[i], 4);
		for (unsigned i = 0; i < CPU_SEGMENTS; i++)
			memcpy(image + 40 + 4 * i, &cpu->segment[i].selector, 2);
		return access_system_write(cpu, base + 32, image, 64);
	}
	memcpy(image, &eip32, 2);
	memcpy(image + 2, &eflags32, 2);
	for (unsigned i = 0; i < 8; i++)
		memcpy(image + 4 + 2 * i, &cpu->gpr[i], 2);
	for (unsigned i = 0; i < 4; i++)
		memcpy(image + 20 + 2 * i, &cpu->segment[i].selector, 2);
	return access_system_write(cpu, base + 14, image, 28);
}

static int busy_set(struct cpu *cpu, struct descriptor *d, bool busy)
{
	uint8_t byte;

	d->raw = (d->raw & ~(2ull << 40)) | (busy ? 2ull << 40 : 0);
	byte = (uint8_t)(d->raw >> 40);
	return access_system_write(cpu, d->address + 5, &byte, 1);
}

/*
 * From here on the new task runs: what fails is its own fault, with its selectors (SDM vol. 3A, 7.3, steps 13
 * and on).
 */
static int ldt_load(struct cpu *cpu, uint16_t selector)
{
	struct descriptor d;

	cpu->ldtr.selector = selector;
	cpu->ldtr.attributes = 0;
	if (!(selector & 0xfffc))
		return CPU_OK;
	if (selector & 4)
		return raise_selector(cpu, CPU_TS, selector);
	if (descriptor_fetch(cpu, selector, CPU_TS, &d) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_is_segment(&d) || descriptor_type(&d) != SYSTEM_LDT || !descriptor_present(&d))
		return raise_selector(cpu, CPU_TS, selector);
	segment_cache(&cpu->ldtr, selector, &d);
	return CPU_OK;
}

static int code_load(struct cpu *cpu, uint16_t selector)
{
	struct descriptor d;

	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_TS, 0);
	if (descriptor_fetch(cpu, selector, CPU_TS, &d) != CPU_OK)
		return CPU_FAULT;
	if (!descriptor_is_code(&d))
		return raise_selector(cpu, CPU_TS, selector);
	if (descriptor_is_conforming(&d) ? descriptor_dpl(&d) > (selector & 3u) : descriptor_dpl(&d) != (selector & 3u))
		return raise_selector(cpu, CPU_TS, selector);
	if (!descriptor_present(&d))
		return raise_selector(cpu, CPU_NP, selector);
	return segment_load_code(cpu, &d, selector & 3);
}

static int stack_load(struct cpu *cpu, uint16_t selector)
{
	struct descriptor d;

	if (segment_stack_check(cpu, selector, cpu->cpl, CPU_TS, &d) != CPU_OK || descriptor_mark(cpu, &d) != CPU_OK)
		return CPU_FAULT;
	segment_cache(&cpu->segment[CPU_SS], selector, &d);
	cpu_segment_update(cpu, CPU_SS);
	return CPU_OK;
}

static int data_load(struct cpu *cpu, unsigned i, uint16_t selector)
{
	if (segment_load(cpu, i, selector) == CPU_OK)
		return CPU_OK;
	if (cpu->exception.vector == CPU_GP)
		cpu->exception.vector = CPU_TS;
	return CPU_FAULT;
}

static int segments_load(struct cpu *cpu, const struct task *task)
{
	static const uint8_t data[4] = { CPU_ES, CPU_DS, CPU_FS, CPU_GS };

	for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
		cpu->segment[i].selector = task->selector[i];
		cpu->segment[i].base = 0;
		cpu->segment[i].attributes = 0;
	}
	/* Until its descriptor is loaded, code runs at the level the selector asks for. */
	cpu->cpl = cpu_v86(cpu) ? 3 : task->selector[CPU_CS] & 3;
	cpu_mode_update(cpu);
	if (ldt_load(cpu, task->ldt) != CPU_OK)
		return CPU_FAULT;
	if (cpu_v86(cpu)) {
		for (unsigned i = 0; i < CPU_SEGMENTS; i++)
			segment_load_real(cpu, i, task->selector[i]);
		return CPU_OK;
	}
	if (code_load(cpu, task->selector[CPU_CS]) != CPU_OK || stack_load(cpu, task->selector[CPU_SS]) != CPU_OK)
		return CPU_FAULT;
	for (unsigned i = 0; i < 4; i++)
		if (data_load(cpu, data[i], task->selector[data[i]]) != CPU_OK)
			return CPU_FAULT;
	return CPU_OK;
}

static void registers_load(struct cpu *cpu, const struct task *task, bool wide)
{
	for (unsigned i = 0; i < 8; i++)
		cpu->gpr[i] = task->gpr[i];
	cpu->next_rip = cpu->rip = task->eip;
	cpu->rflags = (task->eflags & 0x3f7fd5) | CPU_FLAG_FIXED;
	if (!wide)
		cpu->rflags &= 0xffff;
	cpu->flags_op = FLAGS_VALID;
	cpu->attention = true;
}

/* The checks on the new TSS, and that every write that follows will succeed. */
static int task_check(struct cpu *cpu, const struct descriptor *tss, struct cpu_segment *new_tr, bool wide_old)
{
	bool wide = is_tss32(descriptor_type(tss));

	segment_cache(new_tr, tss->selector, tss);
	if (new_tr->limit < (wide ? TSS32_SIZE : TSS16_SIZE) - 1)
		return raise_selector(cpu, CPU_TS, tss->selector);
	if (access_system_probe(cpu, cpu->tr.base + (wide_old ? 32 : 14), wide_old ? 64 : 28, true) != CPU_OK ||
		access_system_probe(cpu, new_tr->base, wide ? TSS32_SIZE : TSS16_SIZE, false) != CPU_OK ||
		access_system_probe(cpu, tss->address + 5, 1, true) != CPU_OK)
		return CPU_FAULT;
	return CPU_OK;
}

int task_switch(
	struct cpu *cpu, struct descriptor *tss, enum task_reason reason, uint64_t back, bool has_error, uint32_t error)
{
	bool wide = is_tss32(descriptor_type(tss)), wide_old = is_tss32(CPU_SEGMENT_TYPE(cpu->tr.attributes));
	bool nested = reason == TASK_CALL || reason == TASK_INTERRUPT;
	uint16_t old_selector = cpu->tr.selector;
	uint64_t flags = cpu_rflags(cpu);
	struct cpu_segment new_tr;
	struct descriptor old;
	struct task task;

	if (task_check(cpu, tss, &new_tr, wide_old) != CPU_OK || task_read(cpu, new_tr.base, wide, &task) != CPU_OK)
		return CPU_FAULT;
	if (nested && access_system_probe(cpu, new_tr.base, 2, true) != CPU_OK)
		return CPU_FAULT;
	if (!nested) {
		if (descriptor_fetch(cpu, old_selector, CPU_TS, &old) != CPU_OK || busy_set(cpu, &old, false) != CPU_OK)
			return CPU_FAULT;
	}
	if (reason == TASK_IRET)
		flags &= ~(uint64_t)CPU_FLAG_NT;
	if (task_write(cpu, cpu->tr.base, wide_old, back, flags) != CPU_OK)
		return CPU_FAULT;
	if (nested && access_system_write(cpu, new_tr.base, &old_selector, 2) != CPU_OK)
		return CPU_FAULT;
	if (reason != TASK_IRET && busy_set(cpu, tss, true) != CPU_OK)
		return CPU_FAULT;

	/* The switch.  Later faults happen in the new task, at its first instruction. */
	new_tr.attributes |= 2;
	cpu->tr = new_tr;
	if (nested)
		task.eflags |= CPU_FLAG_NT;
	registers_load(cpu, &task, wide);
	cpu->cr0 |= CPU_CR0_TS;
	/* Local breakpoints belong to the old task. */
	cpu->dr[7] &= ~(uint64_t)0x155;
	if (wide && cpu->cr0 & CPU_CR0_PG && task.cr3 != cpu->cr3) {
		uint64_t pdpte[4];

		if (cpu->cr4 & CPU_CR4_PAE) {
			if (!paging_load_pdptes(cpu, task.cr3, pdpte))
				return cpu_raise_error(cpu, CPU_GP, 0);
			memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
		}
		cpu->cr3 = task.cr3;
		tlb_flush(cpu, false);
	}
	if (segments_load(cpu, &task) != CPU_OK)
		return CPU_FAULT;
	if (has_error) {
		struct stack stack;

		stack_current(cpu, &stack);
		if (stack_push(cpu, &stack, wide ? 4 : 2, error) != CPU_OK)
			return CPU_FAULT;
		stack_commit(cpu, &stack);
	}
	if (task.eip > cpu->segment[CPU_CS].limit)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (task.trap) {
		cpu->pending_db |= DR6_BT;
		cpu->attention = true;
	}
	cpu_mode_update(cpu);
	return CPU_OK;
}

int task_gate(struct cpu *cpu, const struct descriptor *gate, enum task_reason reason, uint64_t back, bool has_error,
	uint32_t error)
{
	uint16_t selector = (uint16_t)(gate->raw >> 16);
	struct descriptor tss;

	if (selector & 4)
		return raise_selector(cpu, CPU_GP, selector);
	if (descriptor_fetch(cpu, selector, CPU_GP, &tss) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_is_segment(&tss) ||
		(descriptor_type(&tss) != SYSTEM_TSS16 && descriptor_type(&tss) != SYSTEM_TSS32))
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(&tss))
		return raise_selector(cpu, CPU_NP, selector);
	return task_switch(cpu, &tss, reason, back, has_error, error);
}
