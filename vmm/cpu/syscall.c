/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS (SDM vol. 2B and 2C).
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/segment.h"
#include "vmm/cpu/system.h"

#define ATTRIBUTES_CODE32 0xc09bu /* P, DPL 0, accessed code; with the DPL of the new level ored in */
#define ATTRIBUTES_CODE64 0xa09bu
#define ATTRIBUTES_DATA   0xc093u

static void flat_segment(struct cpu *cpu, unsigned i, uint16_t selector, unsigned attributes, unsigned cpl)
{
	struct cpu_segment *segment = &cpu->segment[i];

	segment->selector = (uint16_t)((selector & ~3u) | cpl);
	segment->base = 0;
	segment->limit = 0xffffffff;
	segment->attributes = (uint16_t)(attributes | cpl << 5);
	cpu_segment_update(cpu, i);
}

static void segments_enter(struct cpu *cpu, uint16_t code, uint16_t stack, bool code64, unsigned cpl)
{
	cpl_set(cpu, cpl);
	flat_segment(cpu, CPU_CS, code, code64 ? ATTRIBUTES_CODE64 : ATTRIBUTES_CODE32, cpl);
	flat_segment(cpu, CPU_SS, stack, ATTRIBUTES_DATA, cpl);
}

static int sysenter(struct cpu *cpu, const struct insn *insn)
{
	uint16_t selector = (uint16_t)cpu->sysenter_cs & 0xfffc;
	bool ia32e = cpu->efer & CPU_EFER_LMA;
	uint64_t mask = ia32e ? UINT64_MAX : UINT32_MAX;

	(void)insn;
	if (!(cpu->cr0 & CPU_CR0_PE) || !selector)
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu_rflags_write(cpu, 0, CPU_FLAG_VM | CPU_FLAG_IF | CPU_FLAG_RF);
	segments_enter(cpu, selector, (uint16_t)(selector + 8), ia32e, 0);
	cpu->gpr[CPU_RSP] = cpu->sysenter_esp & mask;
	cpu->next_rip = cpu->sysenter_eip & mask;
	return CPU_END;
}

static int sysexit(struct cpu *cpu, const struct insn *insn)
{
	uint16_t selector = (uint16_t)cpu->sysenter_cs & 0xfffc;
	bool to64 = insn->operand_size == 8;
	uint64_t mask = to64 ? UINT64_MAX : UINT32_MAX;

	if (!(cpu->cr0 & CPU_CR0_PE) || !selector || cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (to64 && (!cpu_canonical(cpu, cpu->gpr[CPU_RCX]) || !cpu_canonical(cpu, cpu->gpr[CPU_RDX])))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->next_rip = cpu->gpr[CPU_RDX] & mask;
	cpu->gpr[CPU_RSP] = cpu->gpr[CPU_RCX] & mask;
	selector = (uint16_t)(selector + (to64 ? 32 : 16));
	segments_enter(cpu, selector, (uint16_t)(selector + 8), to64, 3);
	return CPU_END;
}

static int syscall(struct cpu *cpu, const struct insn *insn)
{
	uint16_t selector = (uint16_t)(cpu->star >> 32) & 0xfffc;

	(void)insn;
	if (!(cpu->efer & CPU_EFER_SCE))
		return cpu_raise(cpu, CPU_UD);
	cpu->gpr[CPU_RCX] = cpu->next_rip;
	cpu->gpr[11] = cpu_rflags(cpu);
	cpu_rflags_write(cpu, cpu->gpr[11] & ~cpu->sfmask, ~(uint64_t)CPU_FLAG_RF);
	cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
	segments_enter(cpu, selector, (uint16_t)(selector + 8), true, 0);
	cpu->next_rip = cpu->lstar;
	return CPU_END;
}

static int sysret(struct cpu *cpu, const struct insn *insn)
{
	const uint64_t known = 0x3c7fd7; /* all but RF and VM */
	uint16_t selector = (uint16_t)(cpu->star >> 48);
	bool to64 = insn->operand_size == 8;

	if (!(cpu->efer & CPU_EFER_SCE))
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cpl || (to64 && !cpu_canonical(cpu, cpu->gpr[CPU_RCX])))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->next_rip = to64 ? cpu->gpr[CPU_RCX] : (uint32_t)cpu->gpr[CPU_RCX];
	segments_enter(cpu, (uint16_t)(selector + (to64 ? 16 : 0)), (uint16_t)(selector + 8), to64, 3);
	cpu_rflags_write(cpu, cpu->gpr[11], known);
	cpu->rflags &= ~(uint64_t)(CPU_FLAG_RF | CPU_FLAG_VM);
	return CPU_END;
}

int swapgs(struct cpu *cpu, const struct insn *insn)
{
	uint64_t base = cpu->segment[CPU_GS].base;

	(void)insn;
	if (cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->segment[CPU_GS].base = cpu->kernel_gs_base;
	cpu->kernel_gs_base = base;
	cpu_segment_update(cpu, CPU_GS);
	return CPU_OK;
}

insn_execute *syscall_select(struct cpu *cpu, struct insn *insn)
{
	bool sep = cpu->model->features_1_edx & CPU_FEATURE_SEP;
	/* Intel's have it in 64-bit mode only, and CPUID shows it there only. */
	bool syscalls = insn->code64 && cpu->model->features_ext_edx & CPU_FEATURE_SYSCALL;

	switch (insn->opcode) {
	case 0x105: return syscalls ? syscall : NULL;
	case 0x107: return syscalls ? sysret : NULL;
	case 0x134: return sep ? sysenter : NULL;
	default: return sep ? sysexit : NULL;
	}
}
