/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "tests/unit/cpu_modes.h"

#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"

void mode_start(enum mode mode, uint32_t flags)
{
	struct cpu *cpu = fixture.cpu;

	cpu_reset(cpu, false);
	switch (mode) {
	case REAL: start_real(CODE_AT); break;
	case RING0:
	case RING3: start_protected(CODE_AT, mode == RING3 ? 3 : 0); break;
	case V86: start_v86(0, CODE_AT, flags); break;
	default: start_long(CODE_AT, mode == LONG3 ? 3 : 0);
	}
	cpu->rflags |= flags;
}

void mode_expect(unsigned row, unsigned mode, unsigned vector, unsigned size)
{
	struct cpu *cpu = fixture.cpu;
	enum cpu_exit how = run_for(1);
	uint64_t back;

	if (vector == OK) {
		ck_assert_msg(cpu->rip == CODE_AT + size, "row %u, mode %u: ended with %d at %llx", row, mode, (int)how,
			(unsigned long long)cpu->rip);
		return;
	}
	ck_assert_msg(how == CPU_EXIT_HALT && cpu->rip == HANDLER(vector) + 1, "row %u, mode %u: ended with %d at %llx",
		row, mode, (int)how, (unsigned long long)cpu->rip);
	back = mode == REAL        ? ram_get16((uint32_t)reg(CPU_RSP))
		: vector == CPU_UD ? frame32(0)
				   : frame32(mode >= LONG0 ? 2 : 1);
	ck_assert_uint_eq(back, CODE_AT);
	if (mode != REAL && vector != CPU_UD)
		ck_assert_msg(frame32(0) == 0, "row %u: error %x", row, frame32(0));
}
