/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <stdio.h>

#include "vmm/cpu/trace.h"

void trace_instruction(struct cpu *cpu, const uint8_t *bytes, const struct insn *insn)
{
	static const struct {
		const char *name;
		uint8_t reg;
	} first[8] = { { "a", CPU_RAX }, { "b", CPU_RBX }, { "c", CPU_RCX }, { "d", CPU_RDX }, { "si", CPU_RSI },
		{ "di", CPU_RDI }, { "bp", CPU_RBP }, { "sp", CPU_RSP } };
	char text[512], hex[2 * 16 + 1] = "";
	int digits = insn->code64 ? 16 : 8;
	uint64_t mask = insn->code64 ? UINT64_MAX : UINT32_MAX;
	size_t at;

	if (!cpu->trace_log)
		return;
	for (unsigned i = 0; bytes && i < insn->length; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	at = (size_t)snprintf(text, sizeof(text), "%04x:%0*llx %-16s", cpu->segment[CPU_CS].selector, digits,
		(unsigned long long)cpu->rip, hex);
	for (unsigned i = 0; i < 8; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %s=%0*llx", first[i].name, digits,
			(unsigned long long)(cpu->gpr[first[i].reg] & mask));
	for (unsigned i = 8; insn->code64 && i < 16; i++)
		at += (size_t)snprintf(
			text + at, sizeof(text) - at, " r%u=%0*llx", i, digits, (unsigned long long)cpu->gpr[i]);
	snprintf(text + at, sizeof(text) - at, " f=%06x", (uint32_t)cpu_rflags(cpu));
	cpu->trace_log(cpu->trace_self, text);
}

void trace_page_fault(struct cpu *cpu, uint64_t linear, uint32_t error)
{
	char text[128];

	if (!cpu->trace_log)
		return;
	snprintf(text, sizeof(text), "mmu fault %08llx error %x at %04x:%08llx cr3 %08llx", (unsigned long long)linear,
		error, cpu->segment[CPU_CS].selector, (unsigned long long)cpu->rip, (unsigned long long)cpu->cr3);
	cpu->trace_log(cpu->trace_self, text);
}

void trace_flush(struct cpu *cpu, bool global)
{
	char text[96];

	if (!cpu->trace_log)
		return;
	snprintf(text, sizeof(text), "mmu flush %s at %04x:%08llx cr3 %08llx", global ? "all" : "non-global",
		cpu->segment[CPU_CS].selector, (unsigned long long)cpu->rip, (unsigned long long)cpu->cr3);
	cpu->trace_log(cpu->trace_self, text);
}

void trace_smm(struct cpu *cpu, const char *what, uint64_t rip)
{
	char text[96];

	if (!(cpu->trace & CPU_TRACE_INT) || !cpu->trace_log)
		return;
	snprintf(text, sizeof(text), "%s at %04x:%08llx cpl %u smbase %08x n %llu", what, cpu->segment[CPU_CS].selector,
		(unsigned long long)rip, cpu->cpl, cpu->smbase, (unsigned long long)cpu->instructions);
	cpu->trace_log(cpu->trace_self, text);
}
