/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * x87 control instructions: those that only move or set the control, status and tag words, the pointers and whole
 * images (SDM vol. 1, 8.1.8 to 8.1.10 for the layouts).
 */
#include "vmm/cpu/fpu.h"

void fpu_init(struct cpu_fxsave *fx)
{
	fpu_top_set(fx, 0);
	fx->fcw = 0x37f;
	fx->fsw = 0;
	fx->ftw = 0;
	fx->fop = 0;
	fx->fip = fx->fdp = 0;
}

void fpu_control_set(struct cpu_fxsave *fx, uint16_t fcw)
{
	fx->fcw = (uint16_t)((fcw & FCW_WRITABLE) | FCW_FIXED);
	fpu_summarize(fx);
}

static int check_available(struct cpu *cpu)
{
	return cpu->cr0 & (CPU_CR0_EM | CPU_CR0_TS) ? cpu_raise(cpu, CPU_NM) : CPU_OK;
}

static int check_waiting(struct cpu *cpu)
{
	return check_available(cpu) ? CPU_FAULT : fpu_check_pending(cpu, NULL);
}

static int x87_nothing(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return check_available(cpu); /* FNENI, FNDISI, FNSETPM: of the 8087 and 80287 */
}

static int x87_clear(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (check_available(cpu))
		return CPU_FAULT;
	cpu->fx.fsw &= 0x7f00;
	fpu_ferr_update(cpu);
	return CPU_OK;
}

static int x87_init(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (check_available(cpu))
		return CPU_FAULT;
	fpu_init(&cpu->fx);
	fpu_ferr_update(cpu);
	return CPU_OK;
}

static int x87_status_ax(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (check_available(cpu))
		return CPU_FAULT;
	cpu->gpr[CPU_RAX] = (cpu->gpr[CPU_RAX] & ~(uint64_t)0xffff) | cpu->fx.fsw;
	return CPU_OK;
}

static int x87_status_store(struct cpu *cpu, const struct insn *insn)
{
	if (check_available(cpu))
		return CPU_FAULT;
	return cpu_write(cpu, insn->segment, insn_offset(cpu, insn), &cpu->fx.fsw, 2);
}

static int x87_control_store(struct cpu *cpu, const struct insn *insn)
{
	if (check_available(cpu))
		return CPU_FAULT;
	return cpu_write(cpu, insn->segment, insn_offset(cpu, insn), &cpu->fx.fcw, 2);
}

static int x87_control_load(struct cpu *cpu, const struct insn *insn)
{
	uint16_t fcw;
	if (check_waiting(cpu) || cpu_read(cpu, insn->segment, insn_offset(cpu, insn), &fcw, 2))
		return CPU_FAULT;
	fpu_control_set(&cpu->fx, fcw);
	fpu_ferr_update(cpu);
	return CPU_OK;
}

/* ---- environment ---- */

/* The full tag word, from the abridged one and the values. */
static uint16_t tags_full(const struct cpu_fxsave *fx)
{
	unsigned tags = 0, top = fpu_top(fx);
	for (unsigned i = 0; i < 8; i++) {
		unsigned tag = 3;
		if (fx->ftw >> i & 1) {
			const uint8_t *st = fx->st[(i - top) & 7];
			uint64_t mantissa;
			uint16_t exponent;
			memcpy(&mantissa, st, 8);
			memcpy(&exponent, st + 8, 2);
			exponent &= 0x7fff;
			if (exponent == 0 && mantissa == 0)
				tag = 1;
			else
				tag = exponent != 0x7fff && exponent != 0 && mantissa >> 63 ? 0 : 2;
		}
		tags |= tag << 2 * i;
	}
	return (uint16_t)tags;
}

static uint8_t tags_abridged(unsigned full)
{
	unsigned tags = 0;
	for (unsigned i = 0; i < 8; i++)
		if ((full >> 2 * i & 3) != 3)
			tags |= 1u << i;
	return (uint8_t)tags;
}

static bool real_format(const struct cpu *cpu)
{
	return !(cpu->cr0 & CPU_CR0_PE) || cpu_rflags(cpu) & CPU_FLAG_VM;
}

/* Seven words or doublewords.  Returns the size in bytes. */
static unsigned environment_put(const struct cpu *cpu, const struct insn *insn, uint8_t *data)
{
	const struct cpu_fxsave *fx = &cpu->fx;
	uint32_t ip = (uint32_t)fx->fip, dp = (uint32_t)fx->fdp;
	uint32_t cs = fx->fip >> 32 & 0xffff, ds = fx->fdp >> 32 & 0xffff, fop = fx->fop & 0x7ff;
	bool wide = insn->operand_size != 2;
	uint32_t words[7] = { fx->fcw, fx->fsw, tags_full(fx) };
	if (real_format(cpu)) {
		uint32_t linear = ip + (cs << 4), data_linear = dp + (ds << 4);
		words[3] = linear & 0xffff;
		words[4] = (linear >> 16) << 12 | fop;
		words[5] = data_linear & 0xffff;
		words[6] = (data_linear >> 16) << 12;
	} else {
		words[3] = ip;
		words[4] = cs | (wide ? fop << 16 : 0);
		words[5] = dp;
		words[6] = ds;
	}
	if (wide) {
		/* unused halves are stored as ones */
		for (unsigned i = 0; i < 7; i++)
			if (i < 3 || (real_format(cpu) ? i == 3 || i == 5 : i == 6))
				words[i] |= 0xffff0000;
		memcpy(data, words, 28);
		return 28;
	}
	for (unsigned i = 0; i < 7; i++)
		memcpy(data + 2 * i, &words[i], 2);
	return 14;
}

static void environment_get(struct cpu *cpu, const struct insn *insn, const uint8_t *data)
{
	struct cpu_fxsave *fx = &cpu->fx;
	bool wide = insn->operand_size != 2;
	uint32_t words[7] = { 0 };
	for (unsigned i = 0; i < 7; i++)
		memcpy(&words[i], data + (wide ? 4 : 2) * i, wide ? 4 : 2);
	if (real_format(cpu)) {
		fx->fip = (words[3] & 0xffff) | (words[4] & (wide ? 0x0ffff000u : 0xf000u)) << 4;
		fx->fdp = (words[5] & 0xffff) | (words[6] & (wide ? 0x0ffff000u : 0xf000u)) << 4;
		fx->fop = words[4] & 0x7ff;
	} else {
		fx->fip = words[3] | (uint64_t)(words[4] & 0xffff) << 32;
		fx->fdp = words[5] | (uint64_t)(words[6] & 0xffff) << 32;
		fx->fop = wide ? words[4] >> 16 & 0x7ff : 0;
	}
	fpu_top_set(fx, words[1] >> FSW_TOP_SHIFT & 7);
	fx->fsw = (uint16_t)words[1];
	fx->ftw = tags_abridged(words[2]);
	fpu_control_set(fx, (uint16_t)words[0]);
	fpu_ferr_update(cpu);
}

static int x87_environment_store(struct cpu *cpu, const struct insn *insn)
{
	uint8_t data[28];
	if (check_available(cpu))
		return CPU_FAULT;
	unsigned size = environment_put(cpu, insn, data);
	if (cpu_write(cpu, insn->segment, insn_offset(cpu, insn), data, size))
		return CPU_FAULT;
	fpu_control_set(&cpu->fx, cpu->fx.fcw | FCW_MASKS); /* all masked afterwards */
	fpu_ferr_update(cpu);
	return CPU_OK;
}

static int x87_environment_load(struct cpu *cpu, const struct insn *insn)
{
	uint8_t data[28];
	if (check_waiting(cpu))
		return CPU_FAULT;
	unsigned size = insn->operand_size != 2 ? 28 : 14;
	if (cpu_read(cpu, insn->segment, insn_offset(cpu, insn), data, size))
		return CPU_FAULT;
	environment_get(cpu, insn, data);
	return CPU_OK;
}

static int x87_save(struct cpu *cpu, const struct insn *insn)
{
	uint8_t data[28 + 80];
	if (check_available(cpu))
		return CPU_FAULT;
	unsigned size = environment_put(cpu, insn, data);
	for (unsigned i = 0; i < 8; i++)
		memcpy(data + size + 10 * i, cpu->fx.st[i], 10);
	if (cpu_write(cpu, insn->segment, insn_offset(cpu, insn), data, size + 80))
		return CPU_FAULT;
	fpu_init(&cpu->fx);
	fpu_ferr_update(cpu);
	return CPU_OK;
}

static int x87_restore(struct cpu *cpu, const struct insn *insn)
{
	uint8_t data[28 + 80];
	if (check_waiting(cpu))
		return CPU_FAULT;
	unsigned size = insn->operand_size != 2 ? 28 : 14;
	if (cpu_read(cpu, insn->segment, insn_offset(cpu, insn), data, size + 80))
		return CPU_FAULT;
	environment_get(cpu, insn, data);
	for (unsigned i = 0; i < 8; i++)
		memcpy(cpu->fx.st[i], data + size + 10 * i, 10);
	return CPU_OK;
}

insn_execute *x87_control_select(const struct insn *insn)
{
	unsigned opcode = insn->opcode & 0xff, digit = insn->reg & 7;
	if (insn->mod == 3) {
		if (opcode == 0xdf && insn->modrm == 0xe0)
			return x87_status_ax;
		if (opcode != 0xdb)
			return NULL;
		switch (insn->modrm) {
		case 0xe0:
		case 0xe1:
		case 0xe4: return x87_nothing;
		case 0xe2: return x87_clear;
		case 0xe3: return x87_init;
		default: return NULL;
		}
	}
	if (opcode == 0xd9) {
		switch (digit) {
		case 4: return x87_environment_load;
		case 5: return x87_control_load;
		case 6: return x87_environment_store;
		case 7: return x87_control_store;
		default: return NULL;
		}
	}
	if (opcode == 0xdd) {
		switch (digit) {
		case 4: return x87_restore;
		case 6: return x87_save;
		case 7: return x87_status_store;
		default: return NULL;
		}
	}
	return NULL;
}
