/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SSE4 and SHA instructions with operands that the encoding does not show: XMM0 as a mask or as data, and the string
 * comparisons, which read EAX and EDX and write ECX or XMM0, and flags.
 */
#include "vmm/cpu/feature.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/thunk.h"
#include "vmm/cpu/vector_table.h"

struct implicit {
	uint16_t opcode;
	uint8_t prefix, feature;
	bool string;
};

static const struct implicit rows[] = {
	{ 0x210, 0x66, FEATURE_SSE4_1, false }, /* PBLENDVB */
	{ 0x214, 0x66, FEATURE_SSE4_1, false }, /* BLENDVPS */
	{ 0x215, 0x66, FEATURE_SSE4_1, false }, /* BLENDVPD */
	{ 0x2cb, 0x00, FEATURE_SHA, false },    /* SHA256RNDS2 */
	{ 0x360, 0x66, FEATURE_SSE4_2, true },  /* PCMPESTRM */
	{ 0x361, 0x66, FEATURE_SSE4_2, true },  /* PCMPESTRI */
	{ 0x362, 0x66, FEATURE_SSE4_2, true },  /* PCMPISTRM */
	{ 0x363, 0x66, FEATURE_SSE4_2, true },  /* PCMPISTRI */
};

/* Fetch reg and rm; the string comparisons take their operand at any address. */
static int frame_prepare(struct cpu *cpu, const struct insn *insn, bool aligned, struct thunk_frame *frame)
{
	uint64_t offset;

	if (vector_check_sse(cpu))
		return CPU_FAULT;
	memcpy(frame->reg, cpu->fx.xmm[insn->reg & 15], 16);
	memcpy(frame->is4, cpu->fx.xmm[0], 16);
	if (insn->mod == 3) {
		memcpy(frame->rm, cpu->fx.xmm[insn->rm & 15], 16);
		return CPU_OK;
	}
	offset = insn_offset(cpu, insn);
	if (aligned && cpu_linear(cpu, insn->segment, offset) & 15)
		return cpu_raise_error(cpu, CPU_GP, 0);
	return cpu_read(cpu, insn->segment, offset, frame->rm, 16);
}

static int implicit_run(struct cpu *cpu, const struct insn *insn)
{
	struct thunk_frame frame;

	if (frame_prepare(cpu, insn, true, &frame))
		return CPU_FAULT;
	((thunk_framed *)insn->thunk)(&frame);
	memcpy(cpu->fx.xmm[insn->reg & 15], frame.reg, 16);
	return CPU_OK;
}

static int implicit_run_string(struct cpu *cpu, const struct insn *insn)
{
	uint64_t mask = insn->rex & 8 ? UINT64_MAX : UINT32_MAX;
	struct thunk_frame frame;

	if (frame_prepare(cpu, insn, false, &frame))
		return CPU_FAULT;
	frame.rax = cpu->gpr[CPU_RAX] & mask;
	frame.rdx = cpu->gpr[CPU_RDX] & mask;
	((thunk_framed *)insn->thunk)(&frame);
	if (insn->opcode & 1)
		cpu->gpr[CPU_RCX] = frame.rcx;
	else
		memcpy(cpu->fx.xmm[0], frame.is4, 16);
	cpu_arithmetic_set(cpu, (uint32_t)frame.rflags);
	return CPU_OK;
}

insn_execute *vector_implicit_select(struct cpu *cpu, struct insn *insn)
{
	unsigned prefix = insn->rep ? insn->rep : insn->prefix66 ? 0x66 : 0;
	const struct implicit *row = rows, *end = rows + sizeof(rows) / sizeof(rows[0]);

	while (row < end && (row->opcode != insn->opcode || row->prefix != prefix))
		row++;
	if (row == end || !model_has(cpu->model, row->feature))
		return NULL;
	struct thunk_shape shape = {
		.prefix = row->prefix,
		.map = insn->opcode >> 8,
		.opcode = insn->opcode & 0xff,
		.reg = THUNK_XMM,
		.rm = insn->mod == 3 ? THUNK_XMM : THUNK_MEMORY,
		.is4 = THUNK_XMM,
		.flags = THUNK_FRAME,
	};
	if (row->string) {
		shape.flags |= THUNK_STRING | THUNK_RFLAGS | THUNK_IMMEDIATE | THUNK_STORE_XMM0;
		shape.immediate = (uint8_t)insn->immediate;
		if (insn->rex & 8)
			shape.flags |= THUNK_WIDE;
	} else {
		shape.flags |= THUNK_STORE_REG;
	}
	insn->thunk = cpu_thunk(cpu, &shape);
	if (!insn->thunk)
		return NULL;
	return row->string ? implicit_run_string : implicit_run;
}

bool vector_is_implicit(const struct insn *insn, bool *string)
{
	*string = insn->execute == implicit_run_string;
	return *string || insn->execute == implicit_run;
}
