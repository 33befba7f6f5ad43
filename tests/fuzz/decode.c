/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Target: the instruction decoder, in each mode (first byte); also at the end of what can be fetched. */
#include "vmm/cpu/decode.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/cpu_bench.h"
#include "tests/fuzz/input.h"

static struct cpu_bench *modes[BENCH_MODES];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (unsigned i = 0; i < BENCH_MODES; i++) {
		modes[i] = cpu_bench_new(false);
		cpu_bench_enter(modes[i], i);
	}
	return 0;
}

/* To the byte, so that a fetch beyond shows. */
static int decode_exactly(struct cpu *cpu, const uint8_t *data, unsigned length, struct insn *insn)
{
	uint8_t *bytes = malloc(length ? length : 1);
	int status;

	memcpy(bytes, data, length);
	status = insn_decode(cpu, bytes, length, 0, insn);
	free(bytes);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpu *cpu = modes[size ? data[0] % BENCH_MODES : 0]->cpu;
	const uint8_t *at = data + 1;
	size_t left = size ? size - 1 : 0;

	while (left) {
		struct insn insn, again;
		unsigned available = left < 32 ? (unsigned)left : 32;
		int length = decode_exactly(cpu, at, available, &insn);

		if (length == DECODE_SHORT && available >= DECODE_MAX)
			abort();
		if (length <= 0)
			break;
		if (length > DECODE_MAX || (unsigned)length > available || insn.length != length || !insn.execute)
			abort();
		/* With just as much as it needs it is the same; with less it is short. */
		if (decode_exactly(cpu, at, (unsigned)length, &again) != length || again.opcode != insn.opcode ||
			again.execute != insn.execute || again.immediate != insn.immediate)
			abort();
		if (decode_exactly(cpu, at, (unsigned)length - 1, &again) != DECODE_SHORT)
			abort();
		insn_ends_block(&insn);
		at += length;
		left -= (size_t)length;
	}
	return 0;
}
