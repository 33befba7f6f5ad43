/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Decimal adjustment: DAA, DAS, AAA, AAS, AAM, AAD; and SALC.
 */
#include "vmm/cpu/operand.h"

static uint32_t result_flags(uint8_t al)
{
	return (al ? 0 : CPU_FLAG_ZF) | (al & 0x80 ? CPU_FLAG_SF : 0) | (__builtin_parity(al) ? 0 : CPU_FLAG_PF);
}

static int daa_das(struct cpu *cpu, const struct insn *insn)
{
	bool subtract = insn->opcode == 0x2f;
	uint32_t flags = flags_compute(cpu), out = 0;
	uint8_t al = (uint8_t)cpu->gpr[CPU_RAX], old = al;

	if ((al & 0xf) > 9 || flags & CPU_FLAG_AF) {
		/* DAS takes the borrow of this step into CF, and so does DAA with its carry. */
		if (subtract ? al < 6 : al > 0xf9)
			out |= CPU_FLAG_CF;
		al = (uint8_t)(subtract ? al - 6 : al + 6);
		out |= CPU_FLAG_AF | (flags & CPU_FLAG_CF);
	}
	if (old > 0x99 || flags & CPU_FLAG_CF) {
		al = (uint8_t)(subtract ? al - 0x60 : al + 0x60);
		out |= CPU_FLAG_CF;
	}
	reg_set8(cpu, insn, CPU_RAX, al);
	cpu_arithmetic_set(cpu, out | result_flags(al));
	return CPU_OK;
}

static int aaa_aas(struct cpu *cpu, const struct insn *insn)
{
	bool subtract = insn->opcode == 0x3f;
	uint16_t ax = (uint16_t)cpu->gpr[CPU_RAX];
	uint32_t out = 0;

	if ((ax & 0xf) > 9 || flags_compute(cpu) & CPU_FLAG_AF) {
		ax = (uint16_t)(subtract ? ax - 0x106 : ax + 0x106);
		out = CPU_FLAG_AF | CPU_FLAG_CF;
	}
	ax &= 0xff0f;
	reg_set16(cpu, insn, CPU_RAX, ax);
	cpu_arithmetic_set(cpu, out | result_flags((uint8_t)ax));
	return CPU_OK;
}

static int aam(struct cpu *cpu, const struct insn *insn)
{
	uint8_t base = (uint8_t)insn->immediate, al = (uint8_t)cpu->gpr[CPU_RAX];

	if (!base)
		return cpu_raise(cpu, CPU_DE);
	reg_set16(cpu, insn, CPU_RAX, (uint16_t)((al / base) << 8 | al % base));
	cpu_arithmetic_set(cpu, result_flags(al % base));
	return CPU_OK;
}

static int aad(struct cpu *cpu, const struct insn *insn)
{
	uint16_t ax = (uint16_t)cpu->gpr[CPU_RAX];
	uint8_t al = (uint8_t)((ax & 0xff) + (ax >> 8) * (uint8_t)insn->immediate);

	reg_set16(cpu, insn, CPU_RAX, al);
	cpu_arithmetic_set(cpu, result_flags(al));
	return CPU_OK;
}

static int salc(struct cpu *cpu, const struct insn *insn)
{
	reg_set8(cpu, insn, CPU_RAX, flags_cf(cpu) ? 0xff : 0);
	return CPU_OK;
}

insn_execute *decimal_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	if (insn->code64)
		return NULL;
	switch (insn->opcode) {
	case 0x27:
	case 0x2f: return daa_das;
	case 0x37:
	case 0x3f: return aaa_aas;
	case 0xd4: return aam;
	case 0xd5: return aad;
	default: return salc;
	}
}
