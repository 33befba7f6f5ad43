/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Comparing outcomes.  What the manual leaves undefined is masked here and in rows.c, and nowhere else:
 *
 * - arithmetic flags, by instruction (rows.c) and, for shifts, by count;
 * - FIP, FDP, FOP: AMD hosts save them only with an exception pending (AMD64 APM vol. 2, 11.4.3); they are masked in
 *   the state and where FXSAVE, FNSTENV and FNSAVE write them;
 * - MXCSR_MASK in an FXSAVE image, which belongs to the model;
 * - the fault address within its page, for operands that are accessed in several parts, in an order that the manual
 *   does not tell: PUSHA and POPA, FXSAVE and FXRSTOR, x87 environments and images;
 * - what PUSHA, POPA and FXSAVE have written before they fault;
 * - which exception FXSAVE and FXRSTOR raise for an operand that is both misaligned and outside of SS;
 * - whether MASKMOVQ and MASKMOVDQU fault for bytes that their mask leaves out (SDM: implementation-dependent);
 * - whether a faulting MASKMOVQ or CVTxx2PI has already switched to MMX state, and whether CVTPI2PS from memory does
 *   so at all (Intel's manual: yes, AMD: no);
 * - which of CMPS' two operands faults, if both do (AMD: the second, Intel: the first);
 * - the upper half of what PUSH of a segment register writes with 32-bit operands (Intel: left alone, AMD: zero);
 * - the reserved upper six bytes of an x87 register in the FXSAVE image.
 */
#include "tests/cpu/case.h"

#include <stdio.h>
#include <string.h>

#include "tests/cpu/rows.h"

struct parsed {
	const uint8_t *opcode; /* the byte; ModRM is next to it */
	bool operand16;
	bool other; /* memory operand behind ES or GS */
};

static struct parsed case_parse(const struct oracle_case *c)
{
	struct parsed p = { .opcode = c->bytes, .operand16 = c->code16 };
	for (;; p.opcode++) {
		switch (*p.opcode) {
		case 0x66: p.operand16 = !c->code16; break;
		case 0x26:
		case 0x65: p.other = true; break;
		case 0x36:
		case 0x3e: p.other = false; break;
		case 0x67:
		case 0xf0:
		case 0xf2:
		case 0xf3: break;
		case 0x0f: p.opcode++; return p;
		default: return p;
		}
	}
}

static uint32_t undefined_shift(const struct oracle_case *c, const struct parsed *p)
{
	unsigned opcode = *p->opcode, digit = p->opcode[1] >> 3 & 7;
	unsigned count = (opcode & 0xfe) == 0xc0 ? c->bytes[c->length - 1] : (opcode & 0xfe) == 0xd0 ? 1 : c->gpr[1];
	unsigned size = !(opcode & 1) ? 8 : p->operand16 ? 16 : 32;
	count &= 31;
	if (!count)
		return 0;
	uint32_t undefined = count > 1 ? OF : 0;
	if (digit >= 4)
		undefined |= AF;
	if (digit >= 4 && digit != 7 && count >= size)
		undefined |= CF;
	return undefined;
}

static uint32_t undefined_double_shift(const struct oracle_case *c, const struct parsed *p)
{
	unsigned count = (*p->opcode & 1 ? c->gpr[1] : c->bytes[c->length - 1]) & 31;
	return !count ? 0 : AF | (count > 1 ? OF : 0);
}

static uint32_t flags_undefined(const struct oracle_case *c, const struct parsed *p)
{
	uint32_t undefined = oracle_rows[c->row].undefined;
	if (undefined & UNDEFINED_SHIFT)
		return undefined_shift(c, p);
	if (undefined & UNDEFINED_DOUBLE_SHIFT)
		return undefined_double_shift(c, p);
	return undefined;
}

/* Which bytes of a stored image hold instruction pointers: [*from, *to) of the operand. */
static void image_undefined(
	const struct oracle_case *c, const struct parsed *p, uint32_t *from, uint32_t *to, uint32_t *mask)
{
	unsigned special = oracle_rows[c->row].special, modrm = p->opcode[1];
	bool environment = special == SPECIAL_X87 && (*p->opcode == 0xd9 || *p->opcode == 0xdd) &&
		(modrm >> 3 & 7) == 6 && modrm < 0xc0;
	uint32_t base = c->target + (p->other ? OTHER_OFFSET : 0);
	*from = *to = *mask = 0;
	if (special == SPECIAL_FXSAVE) {
		*from = base + 5;
		*to = base + 24;
		*mask = base + 28; /* MXCSR_MASK is the model's: AMD has bit 17, misaligned SSE */
	} else if (environment) {
		*from = base + (p->operand16 ? 6 : 12);
		*to = base + (p->operand16 ? 14 : 28);
	}
}

static bool is_string_compare(const struct oracle_case *c, const struct parsed *p)
{
	return oracle_rows[c->row].special == SPECIAL_STRING && (*p->opcode & 0xfe) == 0xa6;
}

static bool is_segment_push(const struct oracle_case *c)
{
	return !strncmp(oracle_rows[c->row].name, "push ", 5) && strlen(oracle_rows[c->row].name) == 7;
}

static bool is_push_all(const struct oracle_case *c, const struct parsed *p)
{
	return oracle_rows[c->row].special == SPECIAL_STACK && (*p->opcode & 0xfe) == 0x60;
}

static bool is_masked_store(const struct oracle_case *c, const struct parsed *p)
{
	return oracle_rows[c->row].class == CLASS_VECTOR && *p->opcode == 0xf7;
}

/* Is it undefined here whether the x87 registers have become MMX ones? */
static bool mmx_undefined(const struct oracle_case *c, const struct parsed *p, bool fault)
{
	if (oracle_rows[c->row].class != CLASS_VECTOR)
		return false;
	if (*p->opcode == 0x2a)
		return fault || p->opcode[1] < 0xc0;
	return fault && (*p->opcode == 0x2c || *p->opcode == 0x2d || *p->opcode == 0xf7);
}

static uint32_t address_defined(const struct oracle_case *c, const struct parsed *p)
{
	switch (oracle_rows[c->row].special) {
	case SPECIAL_FXSAVE:
	case SPECIAL_FXRSTOR: return ~0xfffu;
	case SPECIAL_X87:
		if (p->opcode[1] < 0xc0 && (*p->opcode == 0xd9 || *p->opcode == 0xdd) && p->opcode[1] & 0x20)
			return ~0xfffu;
		return ~0u;
	case SPECIAL_VECTOR:
	case SPECIAL_STRING: return is_masked_store(c, p) ? ~0xfffu : ~0u;
	case SPECIAL_STACK: return is_push_all(c, p) ? ~0xfffu : ~0u;
	default: return ~0u;
	}
}

struct report {
	char *text;
	unsigned size;
	bool different;
};

static void report(struct report *r, const char *what, unsigned number, uint64_t native, uint64_t engine)
{
	char line[96];
	r->different = true;
	snprintf(line, sizeof(line), " %s%u native %llx engine %llx;", what, number, (unsigned long long)native,
		(unsigned long long)engine);
	if (strlen(r->text) + strlen(line) < r->size)
		strcat(r->text, line);
}

static void compare_value(struct report *r, const char *what, uint64_t native, uint64_t engine)
{
	if (native == engine)
		return;
	char line[96];
	r->different = true;
	snprintf(line, sizeof(line), " %s native %llx engine %llx;", what, (unsigned long long)native,
		(unsigned long long)engine);
	if (strlen(r->text) + strlen(line) < r->size)
		strcat(r->text, line);
}

static void compare_bytes(struct report *r, const char *what, unsigned number, const uint8_t *native,
	const uint8_t *engine, unsigned size)
{
	for (unsigned at = 0; at < size; at += 8) {
		uint64_t n = 0, e = 0;
		unsigned part = size - at < 8 ? size - at : 8;
		memcpy(&n, native + at, part);
		memcpy(&e, engine + at, part);
		if (n != e)
			report(r, what, number * 100 + at, n, e);
	}
}

static void compare_x87(struct report *r, const struct cpu_fxsave *n, const struct cpu_fxsave *e)
{
	compare_value(r, "fcw", n->fcw, e->fcw);
	compare_value(r, "fsw", n->fsw, e->fsw);
	compare_value(r, "ftw", n->ftw, e->ftw);
	for (unsigned i = 0; i < 8; i++)
		compare_bytes(r, "st", i, n->st[i], e->st[i], 10);
}

static void compare_sse(struct report *r, const struct cpu_fxsave *n, const struct cpu_fxsave *e)
{
	compare_value(r, "mxcsr", n->mxcsr, e->mxcsr);
	for (unsigned i = 0; i < 8; i++)
		compare_bytes(r, "xmm", i, n->xmm[i], e->xmm[i], 16);
}

static void compare_memory(struct report *r, const struct oracle_case *c, const struct parsed *p,
	const struct outcome *native, const struct outcome *engine)
{
	uint32_t from, to, mask;
	image_undefined(c, p, &from, &to, &mask);
	if (is_segment_push(c) && !p->operand16) {
		from = (native->gpr[4] & (c->code16 ? 0xffff : ~0u)) + 2;
		to = from + 2;
	}
	unsigned n = 0, e = 0;
	while (n < native->line_count || e < engine->line_count) {
		unsigned nl = n < native->line_count ? native->lines[n] : ~0u;
		unsigned el = e < engine->line_count ? engine->lines[e] : ~0u;
		if (nl != el) { /* only one side wrote it; quiet if nothing but undefined bytes can be there */
			unsigned line = nl < el ? nl : el;
			if (line * 64 + 64 <= from || line * 64 >= to)
				report(r, nl < el ? "only native wrote line" : "only engine wrote line", line * 64, 0,
					0);
			if (nl < el)
				n++;
			else
				e++;
			continue;
		}
		uint8_t a[64], b[64];
		memcpy(a, native->data[n++], 64);
		memcpy(b, engine->data[e++], 64);
		for (unsigned i = 0; i < 64; i++)
			if ((nl * 64 + i >= from && nl * 64 + i < to) ||
				(mask && nl * 64 + i >= mask && nl * 64 + i < mask + 4))
				a[i] = b[i] = 0;
		for (unsigned at = 0; at < 64; at += 8) {
			uint64_t x, y;
			memcpy(&x, a + at, 8);
			memcpy(&y, b + at, 8);
			if (x != y)
				report(r, "memory ", nl * 64 + at, x, y);
		}
	}
}

int compare_outcomes(const struct oracle_case *c, const struct outcome *native, const struct outcome *engine,
	char *text, unsigned size)
{
	static const char *const names[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
	struct report r = { text, size, false };
	struct parsed p = case_parse(c);
	uint32_t defined = ~flags_undefined(c, &p);
	text[0] = 0;
	if (native->fx.mxcsr & 0x20000) /* AMD's misaligned SSE mode was switched on */
		return 0;
	if (mmx_undefined(c, &p, false) && engine->vector == CPU_MF)
		return 0;
	if (is_masked_store(c, &p) && (native->vector < 0) != (engine->vector < 0))
		return 0;
	bool either = is_string_compare(c, &p) && native->vector >= 0 && engine->vector >= 0;
	uint32_t address = address_defined(c, &p);
	if (address != ~0u && native->vector == CPU_PF && engine->vector == CPU_PF)
		either = true; /* of two bad pages, either may be reported */
	unsigned special = oracle_rows[c->row].special;
	if ((special == SPECIAL_FXSAVE || special == SPECIAL_FXRSTOR) && native->vector >= CPU_SSF &&
		native->vector <= CPU_GP && engine->vector >= CPU_SSF && engine->vector <= CPU_GP)
		either = true;
	if (!either) {
		compare_value(&r, "vector", (uint32_t)native->vector, (uint32_t)engine->vector);
		compare_value(&r, "error", native->error, engine->error);
		compare_value(&r, "cr2", native->cr2 & address, engine->cr2 & address);
	}
	compare_value(&r, "eip", native->eip, engine->eip);
	bool partial = (is_push_all(c, &p) || oracle_rows[c->row].special == SPECIAL_FXSAVE) && native->vector >= 0;
	for (unsigned i = 0; i < 8 && !partial; i++)
		compare_value(&r, names[i], native->gpr[i], engine->gpr[i]);
	compare_value(&r, "eflags", native->eflags & defined, engine->eflags & defined);
	if (!mmx_undefined(c, &p, native->vector >= 0))
		compare_x87(&r, &native->fx, &engine->fx);
	compare_sse(&r, &native->fx, &engine->fx);
	if (!partial)
		compare_memory(&r, c, &p, native, engine);
	if (r.different)
		compare_value(&r, "(vector)", (uint32_t)native->vector, ~0u);
	return r.different ? -1 : 0;
}
