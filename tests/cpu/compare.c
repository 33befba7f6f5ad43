/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Comparing outcomes.  What the manual leaves undefined is masked here, in rows.c and in vendor.c, and nowhere else:
 *
 * - arithmetic flags, by instruction (rows.c) and, for shifts, by count;
 * - RF in the image of a single-step trap between two iterations (Intel: set, SDM vol. 3B, 17.3.1.1; AMD: clear);
 * - FIP, FDP, FOP: AMD hosts save them only with an exception pending (AMD64 APM vol. 2, 11.4.3); they are masked in
 *   the state and where FXSAVE, FNSTENV and FNSAVE write them;
 * - MXCSR_MASK in an FXSAVE image, which belongs to the model;
 * - the fault address within its page, for operands that are accessed in several parts, in an order that the manual
 *   does not tell: PUSHA and POPA, FXSAVE and FXRSTOR, x87 environments and images;
 * - for the same, in 64-bit mode, which fault comes of an operand from a bad page to where addresses are not canonical;
 * - whether an x87 operand that is misaligned and partly outside of its segment raises #AC or #GP;
 * - what PUSHA, POPA and FXSAVE have written before they fault;
 * - which exception FXSAVE and FXRSTOR raise for an operand that is both misaligned and outside of SS;
 * - whether alignment checks reach to operands of 16 bytes that need no alignment, and of MASKMOVQ and MASKMOVDQU
 *   (SDM vol. 2B, MOVDQU: implementation-dependent);
 * - whether MASKMOVQ and MASKMOVDQU fault for bytes that their mask leaves out (SDM: implementation-dependent);
 * - whether a faulting MASKMOVQ or CVTxx2PI has already switched to MMX state, and whether CVTPI2PS from memory does
 *   so at all (Intel's manual: yes, AMD: no);
 * - which of CMPS' two operands faults, if both do (AMD: the second, Intel: the first);
 * - the upper half of what PUSH of a segment register writes with 32-bit operands (Intel: left alone, AMD: zero);
 * - the upper halves of registers, and r8 to r15, once compatibility mode is entered (SDM vol. 1, 3.4.1.1);
 * - bits 16 to 19 of what LAR loads;
 * - which null selector it is, in 64-bit code: the kernel's own IRET may replace it;
 * - the low halves of what RDTSCP and RDPID read;
 * - the present bit in the error code of a page fault in the kernel's half, which Linux makes up;
 * - which flags an unmasked exception of DPPS and DPPD leaves behind: its products and sums are rounded one by one, in
 * an order and with intermediate exceptions that the manual leaves open (SDM vol. 2A, DPPS);
 * - whether SHA's operands must be aligned (AMD: no);
 * - whether XSAVE and XRSTOR access parts of an area that they do not need: AMD's touch its ends; whether a component
 * in its initial state is in use (SDM vol. 1, 13.6);
 * - whether alignment is checked (#AC) where vectors are loaded or stored unaligned, or by elements (SDM vol.
 * 3A, 6.15);
 * - EVEX.b where it says nothing, and EVEX.z without a mask: AMD ignores them in some instructions (SDM vol.
 * 2A, 2.7.11: undefined);
 * - the reserved upper six bytes of an x87 register in the FXSAVE image.
 */
#include "tests/cpu/case.h"

#include <stdio.h>
#include <string.h>

#include "tests/cpu/rows.h"
#include "tests/cpu/vendor.h"

struct parsed {
	const uint8_t *opcode; /* the byte; ModRM is next to it */
	bool operand16, operand64;
	bool other; /* memory operand behind ES or GS */
};

static struct parsed case_parse(const struct oracle_case *c)
{
	struct parsed p = { .opcode = c->bytes, .operand16 = c->code16 };
	for (;; p.opcode++) {
		bool rex = c->code64 && (*p.opcode & 0xf0) == 0x40;
		if (rex) {
			p.operand64 = *p.opcode & 8;
			continue;
		}
		switch (*p.opcode) {
		case 0x66: p.operand16 = !c->code16; break;
		case 0x26:
		case 0x65: p.other = !c->code64; break;
		case 0x36:
		case 0x3e: p.other = false; break;
		case 0x2e:
		case 0x64:
		case 0x67:
		case 0xf0:
		case 0xf2:
		case 0xf3: break;
		case 0x0f: p.opcode++; return p;
		default: return p;
		}
		p.operand64 = false; /* REX counts right before the opcode only */
	}
}

static uint32_t undefined_shift(const struct oracle_case *c, const struct parsed *p)
{
	unsigned opcode = *p->opcode, digit = p->opcode[1] >> 3 & 7;
	unsigned count = (opcode & 0xfe) == 0xc0 ? c->bytes[c->length - 1]
		: (opcode & 0xfe) == 0xd0        ? 1
						 : (unsigned)c->gpr[1];
	unsigned size = !(opcode & 1) ? 8 : p->operand64 ? 64 : p->operand16 ? 16 : 32;
	count &= size == 64 ? 63 : 31;
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
	unsigned count = *p->opcode & 1 ? (unsigned)c->gpr[1] : c->bytes[c->length - 1];
	count &= p->operand64 ? 63 : 31;
	return !count ? 0 : AF | (count > 1 ? OF : 0);
}

static uint32_t flags_undefined(const struct oracle_case *c, const struct parsed *p)
{
	uint32_t undefined = oracle_rows[c->row].undefined;
	if (undefined & UNDEFINED_SHIFT)
		return undefined_shift(c, p);
	if (undefined & UNDEFINED_DOUBLE_SHIFT)
		return undefined_double_shift(c, p);
	return undefined & ~NOT_LONG;
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

/* Has EVEX a bit that the engine takes for an error and some hosts do not mind? */
static bool evex_tolerated(const struct oracle_case *c)
{
	const uint8_t *at = c->bytes;
	if (oracle_rows[c->row].class != CLASS_EVEX)
		return false;
	while (*at != 0x62)
		at++;
	return (at[3] & 0x10 && at[5] >= 0xc0) || (at[3] & 0x87) == 0x80;
}

static bool is_sha(const struct oracle_case *c)
{
	const uint8_t *at = memchr(c->bytes, 0x0f, c->length);
	return at && ((at[1] == 0x38 && at[2] >= 0xc8 && at[2] <= 0xcd) || (at[1] == 0x3a && at[2] == 0xcc));
}

static bool is_dot_product(const struct oracle_case *c)
{
	const uint8_t *at = c->bytes, *end = c->bytes + c->length;
	unsigned class = oracle_rows[c->row].class;
	if (class == CLASS_SSE)
		return (at = memchr(at, 0x3a, c->length)) && (at[1] & 0xfe) == 0x40;
	while (at < end && *at != 0xc4)
		at++;
	return class == CLASS_VEX && end - at > 4 && (at[1] & 31) == 3 && (at[3] & 0xfe) == 0x40;
}

static uint64_t address_defined(const struct oracle_case *c, const struct parsed *p)
{
	switch (oracle_rows[c->row].special) {
	case SPECIAL_FXSAVE:
	case SPECIAL_FXRSTOR: return ~0xfffull;
	case SPECIAL_X87:
		if (p->opcode[1] < 0xc0 && (*p->opcode == 0xd9 || *p->opcode == 0xdd) && p->opcode[1] & 0x20)
			return ~0xfffull;
		return ~0ull;
	case SPECIAL_VECTOR:
	case SPECIAL_STRING: return is_masked_store(c, p) ? ~0xfffull : ~0ull;
	case SPECIAL_STACK: return is_push_all(c, p) ? ~0xfffull : ~0ull;
	default: return ~0ull;
	}
}

/* An instruction fetch from what is not ours: whether there is a page is another matter on either side. */
static bool fetch_outside(const struct outcome *o)
{
	uint64_t low = o->cr2 >= HIGH_DELTA ? o->cr2 - HIGH_DELTA : o->cr2;
	return o->vector == CPU_PF && o->error & 16 && low - REGION_BASE >= REGION_PAGES * 4096 &&
		low - CODE_BASE >= CODE_BYTES;
}

/* The host's kernel does not tell whether it has a page in its own half. */
static uint32_t error_defined(const struct outcome *native, const struct outcome *engine)
{
	if (fetch_outside(native) && fetch_outside(engine))
		return ~1u;
	return native->vector == CPU_PF && native->cr2 >= 0x7ffffffff000 ? ~1u : ~0u;
}

/* The low byte of XSTATE_BV in what was written, or 0. */
static unsigned xstate_written(const struct outcome *o, uint32_t area)
{
	for (unsigned i = 0; i < o->line_count; i++)
		if (o->lines[i] == (area + 512) / 64)
			return o->data[i][(area + 512) & 63];
	return 0;
}

static bool xsave_undefined(
	const struct oracle_case *c, const struct parsed *p, const struct outcome *native, const struct outcome *engine)
{
	uint32_t area = c->target + (p->other ? OTHER_OFFSET : 0);
	unsigned n = xstate_written(native, area), e = xstate_written(engine, area);
	if (native->vector >= CPU_SSF && engine->vector != native->vector && (area & 0xfff) > 0x1000 - 832)
		return true;
	return n != e && (n & e) == e;
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

static void report_different(struct report *r, const char *what, unsigned number, uint64_t native, uint64_t engine)
{
	if (native != engine)
		report(r, what, number, native, engine);
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
	for (unsigned i = 0; i < 16; i++)
		compare_bytes(r, "xmm", i, n->xmm[i], e->xmm[i], 16);
}

static void compare_vector(struct report *r, const struct cpu_vector *n, const struct cpu_vector *e)
{
	for (unsigned i = 0; i < 16; i++) {
		compare_bytes(r, "ymm", i, n->ymm_high[i], e->ymm_high[i], 16);
		compare_bytes(r, "zmm", i, n->zmm_high[i], e->zmm_high[i], 32);
		compare_bytes(r, "zmm", 16 + i, n->zmm[i], e->zmm[i], 64);
	}
	for (unsigned i = 0; i < 8; i++)
		compare_value(r, "k", n->k[i], e->k[i]);
}

static void compare_memory(struct report *r, const struct oracle_case *c, const struct parsed *p,
	const struct outcome *native, const struct outcome *engine)
{
	uint32_t from, to, mask;
	image_undefined(c, p, &from, &to, &mask);
	if (is_segment_push(c) && !p->operand16 && !c->code64) {
		from = (uint32_t)(native->gpr[4] & (c->code16 ? 0xffff : ~0u)) + 2;
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

/* What a counter or a processor number says is the host's affair; that the upper half is cleared is not. */
static uint64_t register_defined(const struct oracle_case *c, const struct outcome *native, unsigned number)
{
	if (c->code64 && native->cs != USER_CODE64) /* SDM vol. 1, 3.4.1.1 */
		return number < 8 ? 0xffffffff : 0;
	const struct row *row = &oracle_rows[c->row];
	bool counter = row->special == SPECIAL_COUNTER;
	if (row->map == 1 && row->first == 0x02) /* LAR */
		return ~0xf0000ull;
	return counter && (number < 3 || row->form == FORM_REGISTER) ? ~0xffffffffull : ~0ull;
}

static bool is_vector(unsigned class)
{
	return class == CLASS_VECTOR || (class >= CLASS_SSE && class <= CLASS_GATHER);
}

static int compare(const struct oracle_case *c, const struct outcome *native, const struct outcome *engine, char *text,
	unsigned size)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9",
		"r10", "r11", "r12", "r13", "r14", "r15" };
	struct report r = { text, size, false };
	struct parsed p = case_parse(c);
	uint32_t defined = ~flags_undefined(c, &p);
	if (native->vector == CPU_DB && !native->rip)
		defined &= ~0x10000u;
	text[0] = 0;
	if (native->fx.mxcsr & 0x20000) /* AMD's misaligned SSE mode was switched on */
		return 0;
	if (oracle_rows[c->row].class == CLASS_XSAVE && xsave_undefined(c, &p, native, engine))
		return 0;
	if (engine->vector == CPU_GP && oracle_rows[c->row].class == CLASS_SSE && is_sha(c))
		return 0;
	if ((native->vector == CPU_XM || engine->vector == CPU_XM) && is_dot_product(c))
		return 0;
	if (engine->vector == CPU_UD && evex_tolerated(c))
		return 0;
	if (mmx_undefined(c, &p, false) && engine->vector == CPU_MF)
		return 0;
	if (is_masked_store(c, &p) && ((native->vector < 0) != (engine->vector < 0) || native->rip != engine->rip))
		return 0;
	if (is_vector(oracle_rows[c->row].class) && c->eflags & 0x40000 &&
		(native->vector == CPU_AC) != (engine->vector == CPU_AC))
		return 0;
	bool either = is_string_compare(c, &p) && native->vector >= 0 && engine->vector >= 0;
	uint64_t address = address_defined(c, &p);
	if (address != ~0ull && native->vector == CPU_PF && engine->vector == CPU_PF)
		either = true; /* of two bad pages, either may be reported */
	if (oracle_rows[c->row].special == SPECIAL_X87 && native->vector == CPU_AC &&
		(engine->vector == CPU_GP || engine->vector == CPU_SSF))
		either = true;
	bool parts = address != ~0ull || (oracle_rows[c->row].special == SPECIAL_X87 && native->cr2 >= 0x7ffffffff000);
	if (parts && c->code64 && native->vector >= CPU_SSF && engine->vector >= CPU_SSF && native->vector <= CPU_AC &&
		engine->vector <= CPU_AC)
		either = true; /* bad page or misaligned, and not canonical behind it */
	unsigned special = oracle_rows[c->row].special;
	if ((special == SPECIAL_FXSAVE || special == SPECIAL_FXRSTOR) && native->vector >= CPU_SSF &&
		native->vector <= CPU_GP && engine->vector >= CPU_SSF && engine->vector <= CPU_GP)
		either = true;
	if (!either) {
		compare_value(&r, "vector", (uint32_t)native->vector, (uint32_t)engine->vector);
		uint32_t error = error_defined(native, engine);
		compare_value(&r, "error", native->error & error, engine->error & error);
		compare_value(&r, "cr2", native->cr2 & address, engine->cr2 & address);
	}
	compare_value(&r, "rip", native->rip, engine->rip);
	compare_value(&r, "cs", native->cs, engine->cs);
	for (unsigned i = 0; i < CPU_SEGMENTS && !c->code64 && native->vector < 0; i++)
		if (i != CPU_CS && i != CPU_FS)
			report_different(&r, "selector ", i, native->selectors[i], engine->selectors[i]);
	bool partial = (is_push_all(c, &p) || oracle_rows[c->row].special == SPECIAL_FXSAVE) && native->vector >= 0;
	for (unsigned i = 0; i < 16 && !partial; i++)
		compare_value(&r, names[i], native->gpr[i] & register_defined(c, native, i),
			engine->gpr[i] & register_defined(c, native, i));
	if (c->code64) {
		for (unsigned i = 0; i < CPU_SEGMENTS; i++)
			if (i != CPU_CS && (native->selectors[i] > 3 || engine->selectors[i] > 3))
				report_different(&r, "selector ", i, native->selectors[i], engine->selectors[i]);
		compare_value(&r, "fs base", native->fs_base, engine->fs_base);
		compare_value(&r, "gs base", native->gs_base, engine->gs_base);
	}
	compare_value(&r, "eflags", native->eflags & defined, engine->eflags & defined);
	if (!mmx_undefined(c, &p, native->vector >= 0))
		compare_x87(&r, &native->fx, &engine->fx);
	compare_sse(&r, &native->fx, &engine->fx);
	compare_vector(&r, &native->extended, &engine->extended);
	if (!partial)
		compare_memory(&r, c, &p, native, engine);
	if (r.different)
		compare_value(&r, "(vector)", (uint32_t)native->vector, ~0u);
	return r.different ? -1 : 0;
}

int compare_outcomes(const struct oracle_case *c, const struct outcome *native, const struct outcome *engine,
	char *text, unsigned size)
{
	if (!compare(c, native, engine, text, size))
		return 0;
	struct outcome n = *native, e = *engine;
	return vendor_settle(c, &n, &e) ? 0 : compare(c, &n, &e, text, size);
}
