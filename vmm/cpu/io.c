/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * IN and OUT, and the permission check that INS and OUTS share.
 */
#include "vmm/cpu/debug.h"
#include "vmm/cpu/io.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/smm.h"

int io_check(struct cpu *cpu, uint16_t port, unsigned size)
{
	uint16_t map, bits;

	if (!(cpu->cr0 & CPU_CR0_PE) || (!cpu_v86(cpu) && cpu->cpl <= cpu_iopl(cpu)))
		return CPU_OK;
	/* The I/O permission bit map of a 32-bit TSS (SDM vol. 1, 19.5.2). */
	if (!(CPU_SEGMENT_TYPE(cpu->tr.attributes) & 8) || cpu->tr.limit < 103)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (access_system_read(cpu, cpu->tr.base + 102, &map, 2) != CPU_OK)
		return CPU_FAULT;
	if (map + port / 8 + 1u > cpu->tr.limit)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (access_system_read(cpu, cpu->tr.base + map + port / 8, &bits, 2) != CPU_OK)
		return CPU_FAULT;
	if (bits >> (port % 8) & ((1u << size) - 1))
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_OK;
}

uint32_t io_read(struct cpu *cpu, uint16_t port, unsigned size)
{
	uint32_t value = 0;

	smm_io(cpu);
	cpu->bus.port_read(cpu->bus.self, port, size, &value);
	debug_port(cpu, port, size);
	return value;
}

void io_write(struct cpu *cpu, uint16_t port, unsigned size, uint32_t value)
{
	smm_io(cpu);
	cpu->bus.port_write(cpu->bus.self, port, size, value);
	debug_port(cpu, port, size);
}

static int in_out(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = !(insn->opcode & 1) ? 1 : insn->operand_size == 2 ? 2 : 4;
	uint16_t port = insn->opcode & 8 ? (uint16_t)cpu->gpr[CPU_RDX] : (uint8_t)insn->immediate;

	if (io_check(cpu, port, size) != CPU_OK)
		return CPU_FAULT;
	if (insn->opcode & 2)
		io_write(cpu, port, size, (uint32_t)reg_get(cpu, CPU_RAX, size));
	else
		reg_set(cpu, CPU_RAX, size, io_read(cpu, port, size));
	return CPU_END;
}

insn_execute *io_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return in_out;
}
