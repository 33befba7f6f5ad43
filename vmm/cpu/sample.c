/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/sample.h"

#include "vmm/cpu/debugger.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

#define CR3_FLAGS UINT64_C(0x8000000000000fff)

static bool stack_read(struct cpu *cpu, uint64_t offset, unsigned size, uint64_t *value)
{
	*value = 0;
	return debugger_memory(cpu, (cpu->fast[CPU_SS].base + offset) & cpu->linear_mask, value, size, false);
}

static void address_add(struct cpu *cpu, struct cpu_sample *sample, uint64_t rip, uint64_t context)
{
	sample->address[sample->count++] = (rip + (uint32_t)context) & cpu->linear_mask;
}

static bool is_return(const struct insn *insn)
{
	return !insn->vex && (insn->opcode == 0xc2 || insn->opcode == 0xc3);
}

/* By frame pointers, if the guest keeps them: each leads to the caller's and the return address above it.  What else is
 * in RBP leads nowhere soon: frames must go up, by no more than a stack's size. */
static void frames_walk(struct cpu *cpu, struct cpu_sample *sample, uint64_t context, unsigned depth)
{
	const unsigned size = sample->bits / 8;
	const uint64_t mask = size == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t frame = cpu->gpr[CPU_RBP] & mask, below = cpu->gpr[CPU_RSP] & mask, up, back;

	while (sample->count < depth && frame >= below && frame - below < 1u << 20 && !(frame % size)) {
		if (!stack_read(cpu, frame, size, &up) || !stack_read(cpu, frame + size, size, &back) || !back)
			return;
		/* the outermost keeps a zero, and nothing above it is a return address */
		if (!up)
			return;
		/* user code is not called by the kernel, nor the other way round */
		if (size == 8 && (back >> 63) != (sample->address[0] >> 63))
			return;
		address_add(cpu, sample, back, context);
		below = frame + 2 * size;
		frame = up;
	}
}

void sample_take(struct cpu *cpu, uint64_t rip, uint64_t context, const struct insn *last)
{
	uint32_t mode = (uint32_t)(context >> 32);
	unsigned depth = __atomic_load_n(&cpu->sample_depth, __ATOMIC_RELAXED);
	struct cpu_sample sample = { .cr3 = cpu->cr3 & ~CR3_FLAGS,
		.bits = mode & MODE_CODE64   ? 64
			: mode & MODE_CODE32 ? 32
					     : 16,
		.user = (mode & MODE_CPL(3)) == MODE_CPL(3) };

	cpu_request_clear(cpu, CPU_REQUEST_SAMPLE);
	if (!cpu->bus.sample)
		return;
	address_add(cpu, &sample, rip, context);
	if (depth > SAMPLE_FRAMES)
		depth = SAMPLE_FRAMES;
	if (depth > 1 && sample.bits != 16) {
		uint64_t back = cpu->rip;

		/* the frame of a function that is returning is gone already */
		if (last && is_return(last) &&
			(back != rip || stack_read(cpu, cpu->gpr[CPU_RSP], sample.bits / 8, &back)))
			address_add(cpu, &sample, back, context);
		frames_walk(cpu, &sample, context, depth);
	}
	cpu->bus.sample(cpu->bus.self, &sample);
}
