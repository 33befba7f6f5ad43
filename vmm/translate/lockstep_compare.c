/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What two tiers made of a block, side by side.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/translate/lockstep.h"

struct text {
	char *at;
	size_t used, size;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	int length;

	if (text->used + 1 >= text->size)
		return;
	va_start(arguments, format);
	length = vsnprintf(text->at + text->used, text->size - text->used, format, arguments);
	va_end(arguments);
	text->used += (size_t)length;
	if (text->used >= text->size)
		text->used = text->size - 1;
}

#define FIELD(name, member) \
	{ \
		name, offsetof(struct cpu, member), sizeof(((struct cpu *)0)->member) \
	}
#define SEGMENT(name, member) \
	FIELD(name ".selector", member.selector), FIELD(name ".attributes", member.attributes), \
		FIELD(name ".limit", member.limit), FIELD(name ".base", member.base)

/* All that an instruction can change, but FIP, FDP and FOP, which T1 does not keep.  Not here, but in
 * lockstep_compare(): the flags. */
static const struct field {
	const char *name;
	size_t at, size;
} fields[] = {
	FIELD("RAX", gpr[0]),
	FIELD("RCX", gpr[1]),
	FIELD("RDX", gpr[2]),
	FIELD("RBX", gpr[3]),
	FIELD("RBP", gpr[5]),
	FIELD("RSI", gpr[6]),
	FIELD("RDI", gpr[7]),
	FIELD("R8", gpr[8]),
	FIELD("R9", gpr[9]),
	FIELD("R10", gpr[10]),
	FIELD("R11", gpr[11]),
	FIELD("R12", gpr[12]),
	FIELD("R13", gpr[13]),
	FIELD("R14", gpr[14]),
	FIELD("R15", gpr[15]),
	FIELD("zero", gpr[16]),
	FIELD("RIP", rip),
	FIELD("instructions", instructions),
	FIELD("CPL", cpl),
	SEGMENT("ES", segment[CPU_ES]),
	SEGMENT("CS", segment[CPU_CS]),
	SEGMENT("SS", segment[CPU_SS]),
	SEGMENT("DS", segment[CPU_DS]),
	SEGMENT("FS", segment[CPU_FS]),
	SEGMENT("GS", segment[CPU_GS]),
	SEGMENT("LDTR", ldtr),
	SEGMENT("TR", tr),
	FIELD("GDTR.base", gdtr.base),
	FIELD("GDTR.limit", gdtr.limit),
	FIELD("IDTR.base", idtr.base),
	FIELD("IDTR.limit", idtr.limit),
	FIELD("CR0", cr0),
	FIELD("CR2", cr2),
	FIELD("CR3", cr3),
	FIELD("CR4", cr4),
	FIELD("EFER", efer),
	FIELD("XCR0", xcr0),
	FIELD("DR", dr),
	FIELD("PDPTE", pdpte),
	FIELD("IA32_SYSENTER_CS", sysenter_cs),
	FIELD("IA32_SYSENTER_ESP", sysenter_esp),
	FIELD("IA32_SYSENTER_EIP", sysenter_eip),
	FIELD("IA32_STAR", star),
	FIELD("IA32_LSTAR", lstar),
	FIELD("IA32_CSTAR", cstar),
	FIELD("IA32_FMASK", sfmask),
	FIELD("IA32_KERNEL_GS_BASE", kernel_gs_base),
	FIELD("IA32_TSC_AUX", tsc_aux),
	FIELD("FCW", fx.fcw),
	FIELD("FSW", fx.fsw),
	FIELD("FTW", fx.ftw),
	FIELD("MXCSR", fx.mxcsr),
	FIELD("ST0", fx.st[0]),
	FIELD("ST1", fx.st[1]),
	FIELD("ST2", fx.st[2]),
	FIELD("ST3", fx.st[3]),
	FIELD("ST4", fx.st[4]),
	FIELD("ST5", fx.st[5]),
	FIELD("ST6", fx.st[6]),
	FIELD("ST7", fx.st[7]),
	FIELD("XMM", fx.xmm),
	FIELD("YMM, upper halves", vector.ymm_high),
	FIELD("ZMM, upper halves", vector.zmm_high),
	FIELD("ZMM16 to ZMM31", vector.zmm),
	FIELD("k", vector.k),
	FIELD("interrupt shadow", interrupt_shadow),
	FIELD("shadow of MOV SS", shadow_ss),
	FIELD("NMI blocked", nmi_blocked),
	FIELD("halted", halted),
	FIELD("frozen", frozen),
	FIELD("in SMM", in_smm),
	FIELD("pending #DB", pending_db),
	FIELD("mode", context),
};

/* What is compared in one piece first, since it hardly ever differs. */
static const struct {
	size_t begin, end;
} ranges[] = {
	{ offsetof(struct cpu, gpr), offsetof(struct cpu, rflags) },
	{ offsetof(struct cpu, cpl), offsetof(struct cpu, fx) },
	{ offsetof(struct cpu, fx), offsetof(struct cpu, fx.fop) },
	{ offsetof(struct cpu, fx.mxcsr), offsetof(struct cpu, xsave_header) },
	{ offsetof(struct cpu, vector), offsetof(struct cpu, interrupt_shadow) },
	{ offsetof(struct cpu, interrupt_shadow), offsetof(struct cpu, ignne) },
	{ offsetof(struct cpu, instructions), offsetof(struct cpu, budget_end) },
	{ offsetof(struct cpu, context), offsetof(struct cpu, tlb_read) },
};

static bool is_vector(size_t at)
{
	return at >= offsetof(struct cpu, fx) && at < offsetof(struct cpu, interrupt_shadow);
}

static bool ranges_same(const struct cpu *a, const struct cpu *b, bool vector)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if ((vector || !is_vector(ranges[i].begin)) &&
			memcmp((const uint8_t *)a + ranges[i].begin, (const uint8_t *)b + ranges[i].begin,
				ranges[i].end - ranges[i].begin) != 0)
			return false;
	return a->in_smm == b->in_smm && a->pending_db == b->pending_db;
}

/* From the highest byte that differs down to the lowest, of one value, in up to 16 bytes. */
static void put_bytes(struct text *text, const uint8_t *bytes, size_t from, size_t count)
{
	for (size_t i = count; i-- > 0;)
		put(text, "%02x", bytes[from + i]);
}

static void put_field(struct text *text, const char *name, const uint8_t *a, const uint8_t *b, size_t size)
{
	const size_t unit = size > 16 ? 16 : size;

	for (size_t at = 0; at < size; at += unit) {
		if (memcmp(a + at, b + at, unit) == 0)
			continue;
		put(text, "  %s", name);
		if (size > unit)
			put(text, " + %zu", at);
		put(text, ": T0 ");
		put_bytes(text, a, at, unit);
		put(text, ", T1 ");
		put_bytes(text, b, at, unit);
		put(text, "\n");
	}
}

/* OK and END are the same to whoever looks between blocks. */
static int status_kind(int status)
{
	return status == CPU_END ? CPU_OK : status;
}

static void put_status(struct text *text, const char *tier, const struct lockstep_outcome *outcome)
{
	const struct cpu_exception *exception = &outcome->cpu->exception;

	switch (outcome->status) {
	case CPU_FAULT:
		if (exception->vector == CPU_CUT) {
			put(text, "  %s: an access that cannot be done twice\n", tier);
			break;
		}
		put(text, "  %s: exception %u", tier, exception->vector);
		if (exception->has_error)
			put(text, ", error code %x", exception->error);
		if (exception->vector == CPU_PF)
			put(text, ", CR2 %llx", (unsigned long long)exception->cr2);
		put(text, "\n");
		break;
	case CPU_REPEAT: put(text, "  %s: a string instruction gave way\n", tier); break;
	default: put(text, "  %s: no exception\n", tier); break;
	}
}

static bool exceptions_same(const struct lockstep_outcome *t0, const struct lockstep_outcome *t1)
{
	const struct cpu_exception *a = &t0->cpu->exception, *b = &t1->cpu->exception;

	if (status_kind(t0->status) != status_kind(t1->status))
		return false;
	if (t0->status != CPU_FAULT)
		return true;
	return a->vector == b->vector && a->has_error == b->has_error && a->error == b->error && a->dr6 == b->dr6 &&
		(a->vector != CPU_PF || a->cr2 == b->cr2);
}

size_t lockstep_compare(const struct lockstep_outcome *t0, const struct lockstep_outcome *t1, uint32_t flags,
	bool vector, char *text, size_t size)
{
	const struct cpu *a = t0->cpu, *b = t1->cpu;
	const uint64_t mask = ~(uint64_t)(CPU_FLAGS_ARITHMETIC & ~flags);
	uint64_t flags0 = cpu_rflags(a) & mask, flags1 = cpu_rflags(b) & mask;
	struct text to = { text, 0, size };

	if (!exceptions_same(t0, t1)) {
		put_status(&to, "T0", t0);
		put_status(&to, "T1", t1);
	}
	if (flags0 != flags1)
		put(&to, "  RFLAGS (without those that T1 does not keep): T0 %llx, T1 %llx\n",
			(unsigned long long)flags0, (unsigned long long)flags1);
	/* Outside of 64-bit code T0 keeps the upper half of RSP where it pushes and pops, T1 clears it; the manual
	 * promises neither (SDM vol. 1, 3.4.1.1). */
	put_field(&to, "RSP", (const uint8_t *)&a->gpr[CPU_RSP], (const uint8_t *)&b->gpr[CPU_RSP],
		a->context >> 32 & MODE_CODE64 ? 8 : 4);
	if (!ranges_same(a, b, vector))
		for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (vector || !is_vector(fields[i].at))
				put_field(&to, fields[i].name, (const uint8_t *)a + fields[i].at,
					(const uint8_t *)b + fields[i].at, fields[i].size);
	return to.used;
}

size_t lockstep_compare_page(const uint8_t *t0, const uint8_t *t1, const char *where, char *text, size_t size)
{
	struct text to = { text, 0, size };
	unsigned lines = 0;

	for (unsigned at = 0; at < CPU_PAGE_SIZE && lines < 16; at += 8) {
		if (memcmp(t0 + at, t1 + at, 8) == 0)
			continue;
		put(&to, "  memory %s + %03x: T0 ", where, at);
		put_bytes(&to, t0, at, 8);
		put(&to, ", T1 ");
		put_bytes(&to, t1, at, 8);
		put(&to, "\n");
		lines++;
	}
	return to.used;
}

size_t lockstep_block_text(const struct cpu *cpu, const struct block *block, char *text, size_t size)
{
	struct text to = { text, 0, size };
	uint32_t mode = (uint32_t)(block->context >> 32);
	unsigned at = 0;

	put(&to, "%s-bit code at CPL %u, %x:%llx:",
		mode & MODE_CODE64           ? "64"
			: mode & MODE_CODE32 ? "32"
					     : "16",
		cpu->cpl, cpu->segment[CPU_CS].selector, (unsigned long long)block->rip);
	for (unsigned i = 0; i < block->count; i++) {
		put(&to, i ? " | " : " ");
		for (unsigned end = at + block->insns[i].length; at < end; at++)
			put(&to, "%02x", block->bytes[at]);
	}
	put(&to, "\n");
	return to.used;
}
