/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Gathers and scatters: one access for each element that the mask selects, in order.
 *
 * A fault leaves what has been done so far: elements are in place and their bits in the mask are clear, so that the
 * instruction goes on where it was when it is restarted (SDM vol. 2C, VPGATHERDD).
 */
#include "vmm/cpu/feature.h"
#include "vmm/cpu/vex.h"

#define EVEX_AAA 0x07u
#define EVEX_B   0x10u
#define EVEX_Z   0x80u

struct gather {
	unsigned element, index_size, count;
	unsigned index_register, scale;
	uint8_t index[64];
};

static unsigned index_register(const struct insn *insn)
{
	unsigned number = (insn->sib >> 3 & 7u) | (insn->rex & 2 ? 8u : 0);

	return insn->vex == INSN_EVEX ? number | (insn->vvvv & 16u) : number;
}

static void gather_prepare(const struct cpu *cpu, const struct insn *insn, struct gather *g)
{
	unsigned vector = 16u << insn->vector_length;

	g->element = insn->rex & 8 ? 8 : 4;
	g->index_size = insn->opcode & 1 ? 8 : 4;
	g->count = vector / (g->element > g->index_size ? g->element : g->index_size);
	g->index_register = index_register(insn);
	g->scale = insn->sib >> 6;
	vector_get(cpu, g->index_register, g->index, 64);
}

static uint64_t gather_offset(const struct cpu *cpu, const struct insn *insn, const struct gather *g, unsigned i)
{
	int64_t index;

	if (g->index_size == 8) {
		memcpy(&index, g->index + 8 * i, 8);
	} else {
		int32_t narrow;
		memcpy(&narrow, g->index + 4 * i, 4);
		index = narrow;
	}
	uint64_t offset = cpu->gpr[insn->ea_base] + ((uint64_t)index << g->scale) + (uint64_t)insn->displacement;
	return offset & (~0ull >> insn->ea_shift);
}

/* VEX: the mask is a vector, of which the signs count. */
static int gather_vex(struct cpu *cpu, const struct insn *insn)
{
	struct gather g;
	uint8_t result[64], mask[64];
	int status = CPU_OK;

	if (vex_check(cpu, false))
		return CPU_FAULT;
	gather_prepare(cpu, insn, &g);
	vector_get(cpu, insn->reg, result, 64);
	vector_get(cpu, insn->vvvv, mask, 64);
	for (unsigned i = 0; i < g.count; i++) {
		uint8_t *element = mask + i * g.element;
		if (element[g.element - 1] & 0x80) {
			status = cpu_read(
				cpu, insn->segment, gather_offset(cpu, insn, &g, i), result + i * g.element, g.element);
			if (status != CPU_OK)
				break;
		}
		memset(element, 0, g.element);
	}
	/* what is beyond the elements, and the rest of the mask, is cleared at the end, not by a fault */
	vector_set(cpu, insn->reg, result, status == CPU_OK ? g.count * g.element : 64);
	vector_set(cpu, insn->vvvv, mask, status == CPU_OK ? 0 : 64);
	return status;
}

static int gather_evex(struct cpu *cpu, const struct insn *insn)
{
	struct gather g;
	uint8_t result[64];
	int status = CPU_OK;
	bool any = false;

	if (vex_check(cpu, true))
		return CPU_FAULT;
	gather_prepare(cpu, insn, &g);
	uint64_t mask = cpu->vector.k[insn->evex & EVEX_AAA];
	vector_get(cpu, insn->reg, result, 64);
	for (unsigned i = 0; i < g.count && status == CPU_OK; i++) {
		if (!(mask >> i & 1))
			continue;
		status = cpu_read(
			cpu, insn->segment, gather_offset(cpu, insn, &g, i), result + i * g.element, g.element);
		if (status == CPU_OK)
			mask &= ~((uint64_t)1 << i);
		any = any || status == CPU_OK;
	}
	cpu->vector.k[insn->evex & EVEX_AAA] = status == CPU_OK ? 0 : mask;
	if (status == CPU_OK || any)
		vector_set(cpu, insn->reg, result, status == CPU_OK ? g.count * g.element : 16u << insn->vector_length);
	return status;
}

static int scatter_evex(struct cpu *cpu, const struct insn *insn)
{
	struct gather g;
	uint8_t source[64];
	int status = CPU_OK;

	if (vex_check(cpu, true))
		return CPU_FAULT;
	gather_prepare(cpu, insn, &g);
	uint64_t mask = cpu->vector.k[insn->evex & EVEX_AAA];
	vector_get(cpu, insn->reg, source, 64);
	for (unsigned i = 0; i < g.count && status == CPU_OK; i++) {
		if (!(mask >> i & 1))
			continue;
		status = cpu_write(
			cpu, insn->segment, gather_offset(cpu, insn, &g, i), source + i * g.element, g.element);
		if (status == CPU_OK)
			mask &= ~((uint64_t)1 << i);
	}
	cpu->vector.k[insn->evex & EVEX_AAA] = status == CPU_OK ? 0 : mask;
	return status;
}

static bool gather_available(const struct cpu *cpu, const struct insn *insn)
{
	if (insn->vex == INSN_VEX)
		return model_has(cpu->model, FEATURE_AVX) && model_has(cpu->model, FEATURE_AVX2);
	return model_has(cpu->model, FEATURE_AVX512F) &&
		(insn->vector_length == 2 || model_has(cpu->model, FEATURE_AVX512VL));
}

insn_execute *vex_gather_select(const struct cpu *cpu, struct insn *insn)
{
	bool scatter = insn->opcode >= 0x2a0 && insn->opcode <= 0x2a3;

	if (!scatter && !(insn->opcode >= 0x290 && insn->opcode <= 0x293))
		return NULL;
	/* VSIB wants a SIB byte, which 16-bit addresses have not */
	if (!insn->prefix66 || insn->rep || insn->mod == 3 || (insn->modrm & 7) != 4 || insn->address_size == 2 ||
		!gather_available(cpu, insn))
		return NULL;
	if (insn->vex == INSN_VEX) {
		unsigned index = index_register(insn);
		if (scatter || insn->reg == insn->vvvv || insn->reg == index || insn->vvvv == index)
			return NULL;
		return gather_vex;
	}
	if (insn->vector_length > 2 || insn->vvvv & 15 || !(insn->evex & EVEX_AAA) || insn->evex & (EVEX_B | EVEX_Z) ||
		(!scatter && insn->reg == index_register(insn)))
		return NULL;
	if (insn->displacement8)
		insn->displacement *= insn->rex & 8 ? 8 : 4;
	return scatter ? scatter_evex : gather_evex;
}
