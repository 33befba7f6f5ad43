/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SLDT, STR, LLDT, LTR, VERR, VERW, LAR, LSL, ARPL.
 */
#include "vmm/cpu/operand.h"
#include "vmm/cpu/segment.h"

static int umip_check(struct cpu *cpu)
{
	if (cpu->cr4 & CPU_CR4_UMIP && cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_OK;
}

static int sldt_str(struct cpu *cpu, const struct insn *insn)
{
	uint16_t selector = (insn->modrm >> 3 & 7) ? cpu->tr.selector : cpu->ldtr.selector;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, CPU_UD);
	if (umip_check(cpu) != CPU_OK)
		return CPU_FAULT;
	return rm_write(cpu, insn, insn->mod == 3 ? insn->operand_size : 2, selector);
}

/* The rest of a descriptor of an LDT or TSS, whose base must be canonical in IA-32e mode (#GP(selector)). */
static int system_extend(struct cpu *cpu, struct descriptor *d, struct cpu_segment *segment)
{
	if (descriptor_extend(cpu, CPU_GP, d) != CPU_OK)
		return CPU_FAULT;
	segment_cache(segment, d->selector, d);
	return cpu_canonical(cpu, segment->base) ? CPU_OK : raise_selector(cpu, CPU_GP, d->selector);
}

static int lldt(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_segment segment;
	struct descriptor d;
	uint16_t selector;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (rm_read16(cpu, insn, &selector) != CPU_OK)
		return CPU_FAULT;
	if (!(selector & 0xfffc)) {
		cpu->ldtr.selector = selector;
		cpu->ldtr.attributes = 0;
		return CPU_OK;
	}
	if (selector & 4)
		return raise_selector(cpu, CPU_GP, selector);
	if (descriptor_fetch(cpu, selector, CPU_GP, &d) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_is_segment(&d) || descriptor_type(&d) != SYSTEM_LDT)
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(&d))
		return raise_selector(cpu, CPU_NP, selector);
	if (system_extend(cpu, &d, &segment) != CPU_OK)
		return CPU_FAULT;
	cpu->ldtr = segment;
	return CPU_OK;
}

static int ltr(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_segment segment;
	struct descriptor d;
	uint16_t selector;
	uint8_t byte;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (rm_read16(cpu, insn, &selector) != CPU_OK)
		return CPU_FAULT;
	if (!(selector & 0xfffc))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (selector & 4)
		return raise_selector(cpu, CPU_GP, selector);
	if (descriptor_fetch(cpu, selector, CPU_GP, &d) != CPU_OK)
		return CPU_FAULT;
	if (descriptor_is_segment(&d) || (descriptor_type(&d) != SYSTEM_TSS16 && descriptor_type(&d) != SYSTEM_TSS32))
		return raise_selector(cpu, CPU_GP, selector);
	if (descriptor_type(&d) == SYSTEM_TSS16 && cpu->efer & CPU_EFER_LMA)
		return raise_selector(cpu, CPU_GP, selector);
	if (!descriptor_present(&d))
		return raise_selector(cpu, CPU_NP, selector);
	if (system_extend(cpu, &d, &segment) != CPU_OK)
		return CPU_FAULT;
	d.raw |= 2ull << 40; /* busy */
	byte = (uint8_t)(d.raw >> 40);
	if (access_system_write(cpu, d.address + 5, &byte, 1) != CPU_OK)
		return CPU_FAULT;
	segment.attributes |= 2;
	cpu->tr = segment;
	return CPU_OK;
}

/* Read a descriptor that the instruction only asks about.  1: readable and valid so far, 0: not, -1: fault. */
static int descriptor_ask(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
	if (!(selector & 0xfffc) || !descriptor_reachable(cpu, selector))
		return 0;
	return descriptor_fetch(cpu, selector, CPU_GP, d) == CPU_OK ? 1 : -1;
}

static bool privileged_enough(const struct cpu *cpu, const struct descriptor *d)
{
	if (descriptor_is_code(d) && descriptor_is_conforming(d))
		return true;
	return descriptor_dpl(d) >= cpu->cpl && descriptor_dpl(d) >= (d->selector & 3u);
}

static void zero_set(struct cpu *cpu, bool yes)
{
	flags_settle(cpu);
	cpu->rflags = (cpu->rflags & ~(uint64_t)CPU_FLAG_ZF) | (yes ? CPU_FLAG_ZF : 0);
}

static int verr_verw(struct cpu *cpu, const struct insn *insn)
{
	bool write = (insn->modrm >> 3 & 7) == 5, yes = false;
	struct descriptor d;
	uint16_t selector;
	int known;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, CPU_UD);
	if (rm_read16(cpu, insn, &selector) != CPU_OK)
		return CPU_FAULT;
	known = descriptor_ask(cpu, selector, &d);
	if (known < 0)
		return CPU_FAULT;
	if (known && descriptor_is_segment(&d) && privileged_enough(cpu, &d)) {
		if (write)
			yes = !descriptor_is_code(&d) && descriptor_type(&d) & 2;
		else
			yes = !descriptor_is_code(&d) || descriptor_type(&d) & 2;
	}
	zero_set(cpu, yes);
	return CPU_OK;
}

static int lar_lsl(struct cpu *cpu, const struct insn *insn)
{
	/* System types that LAR, and of these those that LSL knows. */
	const unsigned long_types = 1u << SYSTEM_LDT | 1u << SYSTEM_TSS32 | 1u << SYSTEM_TSS32_BUSY;
	const unsigned lar_types = 1u << SYSTEM_TSS16 | 1u << SYSTEM_LDT | 1u << SYSTEM_TSS16_BUSY |
		1u << SYSTEM_CALL16 | 1u << SYSTEM_TASK | 1u << SYSTEM_TSS32 | 1u << SYSTEM_TSS32_BUSY |
		1u << SYSTEM_CALL32;
	const unsigned lsl_types = 1u << SYSTEM_TSS16 | 1u << SYSTEM_LDT | 1u << SYSTEM_TSS16_BUSY |
		1u << SYSTEM_TSS32 | 1u << SYSTEM_TSS32_BUSY;
	bool is_lsl = insn->opcode & 1;
	unsigned types = is_lsl ? lsl_types : lar_types;
	struct descriptor d;
	uint16_t selector;
	int known;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, CPU_UD);
	if (rm_read16(cpu, insn, &selector) != CPU_OK)
		return CPU_FAULT;
	known = descriptor_ask(cpu, selector, &d);
	if (known < 0)
		return CPU_FAULT;
	if (cpu->efer & CPU_EFER_LMA)
		types = long_types | (is_lsl ? 0 : 1u << SYSTEM_CALL32);
	if (known && !descriptor_is_segment(&d) && !(types >> descriptor_type(&d) & 1))
		known = 0;
	if (known && privileged_enough(cpu, &d)) {
		reg_set(cpu, insn->reg, insn->operand_size, is_lsl ? descriptor_limit(&d) : d.raw >> 32 & 0xf0ff00);
		zero_set(cpu, true);
	} else {
		zero_set(cpu, false);
	}
	return CPU_OK;
}

static int arpl(struct cpu *cpu, const struct insn *insn)
{
	uint16_t rpl = cpu->gpr[insn->reg] & 3, value;
	struct rmw rmw;

	if (!cpu_protected(cpu))
		return cpu_raise(cpu, CPU_UD);
	if (insn->mod == 3)
		value = (uint16_t)cpu->gpr[insn->rm];
	else if (rmw_begin16(cpu, insn, &rmw, &value) != CPU_OK)
		return CPU_FAULT;
	if ((value & 3) < rpl) {
		value = (uint16_t)((value & ~3u) | rpl);
		if (insn->mod == 3)
			reg_set16(cpu, insn, insn->rm, value);
		else
			rmw_end16(cpu, &rmw, value);
		zero_set(cpu, true);
	} else {
		zero_set(cpu, false);
	}
	return CPU_OK;
}

insn_execute *descriptor_select(struct cpu *cpu, struct insn *insn)
{
	if (insn->opcode == 0x63)
		return insn->code64 ? move_select(cpu, insn) : arpl;
	if (insn->opcode != 0x100)
		return lar_lsl;
	switch (insn->modrm >> 3 & 7) {
	case 0:
	case 1: return sldt_str;
	case 2: return lldt;
	case 3: return ltr;
	case 4:
	case 5: return verr_verw;
	default: return NULL;
	}
}
