/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <stdio.h>

#include "vmm/cpu/trace.h"

void trace_instruction(struct cpu *cpu, const uint8_t *bytes, const struct insn *insn)
{
	char text[256], hex[2 * 16 + 1] = "";
	const uint64_t *r = cpu->gpr;

	if (!cpu->trace_log)
		return;
	for (unsigned i = 0; bytes && i < insn->length; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	snprintf(text, sizeof(text),
		"%04x:%08x %-16s a=%08x b=%08x c=%08x d=%08x si=%08x di=%08x bp=%08x sp=%08x f=%06x",
		cpu->segment[CPU_CS].selector, (uint32_t)cpu->rip, hex, (uint32_t)r[CPU_RAX], (uint32_t)r[CPU_RBX],
		(uint32_t)r[CPU_RCX], (uint32_t)r[CPU_RDX], (uint32_t)r[CPU_RSI], (uint32_t)r[CPU_RDI],
		(uint32_t)r[CPU_RBP], (uint32_t)r[CPU_RSP], (uint32_t)cpu_rflags(cpu));
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
