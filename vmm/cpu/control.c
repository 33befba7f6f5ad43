/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Near jumps, calls and returns; LOOP and JCXZ.
 */
#include "vmm/cpu/operand.h"

/* A near target is cut to the operand size and must lie within CS; in 64-bit mode it must be canonical. */
static inline int jump(struct cpu *cpu, const struct insn *insn, uint64_t target)
{
	if (insn->code64) {
		if (unlikely(!cpu_canonical(cpu, target)))
			return cpu_raise_error(cpu, CPU_GP, 0);
		cpu->next_rip = target;
		return CPU_END;
	}
	target &= insn->operand_size == 2 ? 0xffff : 0xffffffff;
	if (unlikely(target > cpu->segment[CPU_CS].limit))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->next_rip = target;
	return CPU_END;
}

#define JCC(cc) \
	static int jcc##cc(struct cpu *cpu, const struct insn *insn) \
	{ \
		if (flags_condition(cpu, 0x##cc)) \
			return jump(cpu, insn, cpu->next_rip + insn->immediate); \
		return CPU_OK; \
	}
JCC(0)
JCC(1)
JCC(2)
JCC(3)
JCC(4)
JCC(5)
JCC(6)
JCC(7)
JCC(8)
JCC(9)
JCC(a)
JCC(b)
JCC(c)
JCC(d)
JCC(e)
JCC(f)

static int jmp_relative(struct cpu *cpu, const struct insn *insn)
{
	return jump(cpu, insn, cpu->next_rip + insn->immediate);
}

static int jmp_rm(struct cpu *cpu, const struct insn *insn)
{
	uint64_t target;

	if (rm_read(cpu, insn, insn->operand_size, &target) != CPU_OK)
		return CPU_FAULT;
	return jump(cpu, insn, target);
}

static int call(struct cpu *cpu, const struct insn *insn, uint64_t target)
{
	uint64_t back = cpu->next_rip;

	if (jump(cpu, insn, target) == CPU_FAULT || push(cpu, insn->operand_size, back) != CPU_OK)
		return CPU_FAULT;
	return CPU_END;
}

static int call_relative(struct cpu *cpu, const struct insn *insn)
{
	return call(cpu, insn, cpu->next_rip + insn->immediate);
}

static int call_rm(struct cpu *cpu, const struct insn *insn)
{
	uint64_t target;

	if (rm_read(cpu, insn, insn->operand_size, &target) != CPU_OK)
		return CPU_FAULT;
	return call(cpu, insn, target);
}

static int ret32(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP] & cpu->stack_mask;
	uint32_t target;

	if (unlikely(mem_read32(cpu, CPU_SS, rsp, &target) != CPU_OK) || jump(cpu, insn, target) == CPU_FAULT)
		return CPU_FAULT;
	rsp_set(cpu, rsp + 4 + insn->immediate);
	return CPU_END;
}

static int ret64(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP], target;

	if (unlikely(mem_read64(cpu, CPU_SS, rsp, &target) != CPU_OK) || jump(cpu, insn, target) == CPU_FAULT)
		return CPU_FAULT;
	cpu->gpr[CPU_RSP] = rsp + 8 + insn->immediate;
	return CPU_END;
}

static int ret16(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP] & cpu->stack_mask;
	uint16_t target;

	if (mem_read16(cpu, CPU_SS, rsp, &target) != CPU_OK || jump(cpu, insn, target) == CPU_FAULT)
		return CPU_FAULT;
	rsp_set(cpu, rsp + 2 + insn->immediate);
	return CPU_END;
}

/* LOOPNE, LOOPE, LOOP; JCXZ.  The counter is of the address size. */
static int loop(struct cpu *cpu, const struct insn *insn)
{
	uint64_t count = (reg_get(cpu, CPU_RCX, insn->address_size) - 1) & (~0ull >> insn->ea_shift);
	bool taken = count != 0;

	if (insn->opcode != 0xe2)
		taken = taken && flags_zf(cpu) == (insn->opcode == 0xe1);
	if (taken && jump(cpu, insn, cpu->next_rip + insn->immediate) == CPU_FAULT)
		return CPU_FAULT;
	reg_set(cpu, CPU_RCX, insn->address_size, count);
	return CPU_END;
}

static int jcxz(struct cpu *cpu, const struct insn *insn)
{
	if (reg_get(cpu, CPU_RCX, insn->address_size))
		return CPU_END;
	return jump(cpu, insn, cpu->next_rip + insn->immediate);
}

insn_execute *control_select(struct cpu *cpu, struct insn *insn)
{
	static insn_execute *const jcc[16] = { jcc0, jcc1, jcc2, jcc3, jcc4, jcc5, jcc6, jcc7, jcc8, jcc9, jcca, jccb,
		jccc, jccd, jcce, jccf };

	(void)cpu;
	if (insn->opcode < 0x80 || insn->opcode >= 0x100)
		return jcc[insn->opcode & 15];
	switch (insn->opcode) {
	case 0xc2:
	case 0xc3: return by_size(insn, ret16, ret32, ret64);
	case 0xe0:
	case 0xe1:
	case 0xe2: return loop;
	case 0xe3: return jcxz;
	case 0xe8: return call_relative;
	case 0xff: return (insn->modrm >> 3 & 7) == 2 ? call_rm : jmp_rm;
	default: return jmp_relative;
	}
}
