/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where Intel's and AMD's processors differ, and the manual says neither nor.  Looked at when outcomes differ.  What is
 * told here as one vendor's way was seen on Sapphire Rapids or Zen 4.
 *
 * - An operand that is misaligned and not canonical: either of #AC and #GP or #SS.
 * - PUSH of a segment register with 32-bit operands checks the alignment of the two bytes it writes (Intel), or of
 * four.
 * - A repeated string instruction with 32-bit addresses in 64-bit mode that faults or has a count of 0: whether the
 * upper halves of RCX, RSI and RDI are cleared (Intel) or left alone.
 * - A repeated CMPS or SCAS that a fault or trap interrupts: flags as before the instruction (SDM vol. 2B, REP), or of
 * the last iteration.
 * - A near call to an address that is not canonical: the return address is written before #GP (Intel).
 * - A far transfer with a 64-bit operand to a 32-bit code segment: the upper half of RIP is dropped (Intel) or checked.
 * - An x87 store with an unmasked exception does not touch memory (Intel), or may fault before; a faulting store of ten
 *   bytes may have written some.
 * - A faulting MOVD or MOVQ from an MMX register has switched to MMX state (Intel), or not.
 * - A faulting gather: the part of the mask and the destination beyond the vector, and all but the sign bits of a
 * mask's elements; how many elements are done.
 * - A masked access: which address of the bad page is reported.
 * - A vector that begins on a bad page and ends behind the last canonical address: either of #PF and #GP.
 * - VCVTPS2PH to memory: whether its exceptions come before the page fault, and are in MXCSR by then (Intel).
 * - VCVTPS2PH with an unmasked underflow: whether the result is inexact is told from the denormal (Intel) or not.
 * - VEX: VPEXTRQ and VPINSRQ outside 64-bit mode are VPEXTRD and VPINSRD (SDM), or #UD; opmasks 8 to 15 are #UD (SDM),
 * or their upper bit is ignored.
 * - PAUSE with REX.B is PAUSE (Intel), or XCHG with R8.
 * - XSAVE may touch a part of its area that it does not write; XRSTOR may have loaded some components before it faults.
 * - BOUND may compare with the lower bound before it reads the upper one (Intel).
 * - A repeated MOVS whose operands overlap by way of two addresses of one page copies in chunks (Intel).
 * - VREDUCE flushes to zero even if underflow is not masked (Intel).
 * - An undefined opcode behind ten prefixes or more may be too long (#GP) first, and one at the end of a page may have
 * a ModRM byte that must be fetched.
 * - What our models do not have and some host does: RTM, half-precision arithmetic (FP16), AVX-VNNI; BF16 that CPUID
 * hides.
 */
#include "tests/cpu/vendor.h"

#include <string.h>

#include "tests/cpu/rows.h"

struct code {
	uint8_t map, opcode, modrm;
	uint8_t encoding; /* 0, INSN_VEX, INSN_EVEX, below */
	uint8_t vvvv, pp, reg;
	bool w, l, rep, address32, b, r;
};

enum { ENCODING_VEX = 1, ENCODING_EVEX };

static struct code code_parse(const struct oracle_case *c)
{
	struct code k = { .address32 = !c->code16 };
	const uint8_t *at = c->bytes, *end = c->bytes + c->length;

	if (c->code64)
		k.address32 = false;
	for (; at < end; at++) {
		bool rex = c->code64 && (*at & 0xf0) == 0x40;

		if (rex) {
			k.w = *at & 8;
			k.b = *at & 1;
			continue;
		}
		if (*at == 0x67)
			k.address32 = c->code64;
		else if (*at == 0xf2 || *at == 0xf3)
			k.rep = true;
		else if (*at != 0x66 && *at != 0xf0 && *at != 0x2e && (*at & 0xfe) != 0x64 && (*at & 0xe7) != 0x26)
			break;
		k.w = k.b = false;
	}
	if (end - at < 1)
		return k;
	k.opcode = *at++;
	if ((k.opcode == 0xc4 || k.opcode == 0xc5) && end - at > 2 && (c->code64 || *at >= 0xc0)) {
		k.encoding = ENCODING_VEX;
		k.r = !(at[0] & 0x80);
		k.map = k.opcode == 0xc5 ? 1 : at[0] & 31;
		at += k.opcode == 0xc4;
		k.w = k.opcode == 0xc4 && at[0] & 0x80;
		k.vvvv = ~at[0] >> 3 & 15;
		k.l = at[0] & 4;
		k.pp = at[0] & 3;
		k.opcode = at[1];
		at += 2;
	} else if (k.opcode == 0x62 && end - at > 4 && (c->code64 || *at >= 0xc0)) {
		k.encoding = ENCODING_EVEX;
		k.map = at[0] & 7;
		k.w = at[1] & 0x80;
		k.pp = at[1] & 3;
		k.opcode = at[3];
		at += 4;
	} else if (k.opcode == 0x0f && at < end) {
		k.map = 1;
		k.opcode = *at++;
	}
	k.modrm = at < end ? *at : 0;
	k.reg = (k.modrm >> 3 & 7) + (k.r ? 8 : 0);
	return k;
}

static bool is_fault(const struct outcome *o)
{
	return o->vector >= CPU_TS && o->vector <= CPU_AC;
}

static bool either_faults(const struct outcome *a, const struct outcome *b)
{
	return is_fault(a) || is_fault(b);
}

static bool either_is(const struct outcome *a, const struct outcome *b, int vector)
{
	return a->vector == vector || b->vector == vector;
}

static bool is_string(const struct code *k)
{
	return !k->map && !k->encoding && ((k->opcode & 0xfc) == 0xa4 || (k->opcode >= 0xaa && k->opcode <= 0xaf));
}

/* ---- whole cases ---- */

static bool stack_open(const struct oracle_case *c, const struct outcome *n, const struct outcome *e)
{
	if (!(c->eflags & 0x40000) || !either_is(n, e, CPU_AC))
		return false;
	const struct row *row = &oracle_rows[c->row];
	if (c->code64 && (either_is(n, e, CPU_SSF) || either_is(n, e, CPU_GP)))
		return true;
	return row->special == SPECIAL_STACK && !strncmp(row->name, "push ", 5) && strlen(row->name) == 7;
}

static bool transfer_open(
	const struct oracle_case *c, const struct code *k, const struct outcome *n, const struct outcome *e)
{
	if (k->map || k->encoding)
		return false;
	unsigned digit = k->opcode == 0xff ? k->modrm >> 3 & 7 : 8;
	if (c->code64 && digit == 2)
		return either_is(n, e, CPU_GP);
	bool far = digit == 5 || k->opcode == 0xcf || (k->opcode & 0xfe) == 0xca;
	return far && c->code64 && k->w && e->vector == CPU_GP && n->cs != USER_CODE64;
}

static bool store_open(const struct code *k, const struct outcome *n, const struct outcome *e)
{
	if (k->map || k->encoding || (k->opcode & 0xf8) != 0xd8 || k->modrm >= 0xc0)
		return false;
	/* one of them stopped before memory, with the exception's summary bit */
	return (is_fault(e) && n->fx.fsw & ~e->fx.fsw & 0x80) || (is_fault(n) && e->fx.fsw & ~n->fx.fsw & 0x80);
}

static bool is_opmask(const struct code *k)
{
	return k->encoding == ENCODING_VEX &&
		((k->map == 1 &&
			 ((k->opcode >= 0x41 && k->opcode <= 0x4b) || (k->opcode >= 0x90 && k->opcode <= 0x99))) ||
			(k->map == 3 && k->opcode >= 0x30 && k->opcode <= 0x33));
}

static bool encoding_open(
	const struct oracle_case *c, const struct code *k, const struct outcome *n, const struct outcome *e)
{
	if (is_opmask(k))
		return (k->r || k->vvvv > 7) && either_is(n, e, CPU_UD);
	if (k->encoding == ENCODING_VEX && k->map == 3 && (k->opcode == 0x16 || k->opcode == 0x22))
		return !c->code64 && k->w && either_is(n, e, CPU_UD);
	if (k->encoding == ENCODING_VEX && k->map == 2 && k->opcode >= 0x50 && k->opcode <= 0x53) /* AVX-VNNI */
		return e->vector == CPU_UD;
	/* half-precision forms have no prefix where the others have 66h */
	if (k->encoding == ENCODING_EVEX && (k->map >= 5 || (k->map == 3 && (!k->pp || k->opcode == 0xc2))))
		return e->vector == CPU_UD;
	/* some hosts have BF16 and do not say so */
	if (k->encoding == ENCODING_EVEX && k->map == 2 && k->pp > 1 && (k->opcode == 0x52 || k->opcode == 0x72))
		return e->vector == CPU_UD;
	if (!k->map && !k->encoding && (k->opcode & 0xfe) == 0xc6 && k->modrm == 0xf8) /* XABORT, XBEGIN */
		return e->vector == CPU_UD;
	return !k->map && !k->encoding && k->opcode == 0x90 && k->b && k->rep;
}

static bool is_half_store(const struct code *k)
{
	return k->encoding && k->map == 3 && k->opcode == 0x1d && k->modrm < 0xc0;
}

static bool open(const struct oracle_case *c, const struct code *k, const struct outcome *n, const struct outcome *e)
{
	if (stack_open(c, n, e) || transfer_open(c, k, n, e) || store_open(k, n, e) || encoding_open(c, k, n, e))
		return true;
	if (is_half_store(k) && either_is(n, e, CPU_XM) && either_faults(n, e))
		return true;
	unsigned class = oracle_rows[c->row].class;
	if ((class == CLASS_VEX || class == CLASS_EVEX) && either_is(n, e, CPU_PF) && n->vector != e->vector &&
		either_faults(n, e) && (n->cr2 | e->cr2) - 0x7fffffffffc0 < 64)
		return true;
	bool bound = !k->map && !k->encoding && k->opcode == 0x62;
	if (bound && either_is(n, e, CPU_BR) && either_faults(n, e))
		return true;
	if (class == CLASS_DECODE && e->vector == CPU_UD &&
		((n->vector == CPU_GP && c->length > 12) || (n->vector == CPU_PF && n->error & 16 && c->edge)))
		return true;
	bool reduce = k->encoding == ENCODING_EVEX && k->map == 3 && (k->opcode & 0xfe) == 0x56;
	if (reduce && (c->fx.mxcsr & 0x8800) == 0x8000)
		return true;
	return class == CLASS_XSAVE && is_fault(n) != is_fault(e) && k->map == 1 &&
		(k->opcode == 0xae || k->opcode == 0xc7);
}

/* ---- parts ---- */

static void string_settle(const struct oracle_case *c, const struct code *k, struct outcome *n, struct outcome *e)
{
	static const unsigned numbers[] = { CPU_RCX, CPU_RSI, CPU_RDI };
	const uint32_t arithmetic = CF | PF | AF | ZF | SF | OF;

	if (!k->rep || !is_string(k))
		return;
	if (c->code64 && k->address32 && (n->vector >= 0 || !(uint32_t)n->gpr[CPU_RCX]))
		for (unsigned i = 0; i < 3; i++) {
			n->gpr[numbers[i]] = (uint32_t)n->gpr[numbers[i]];
			e->gpr[numbers[i]] = (uint32_t)e->gpr[numbers[i]];
		}
	if ((k->opcode & 0xfe) == 0xa4 && (c->gpr[CPU_RSI] ^ c->gpr[CPU_RDI]) >> 32)
		n->line_count = e->line_count = 0;
	bool compares = (k->opcode & 0xfe) == 0xa6 || (k->opcode & 0xfe) == 0xae;
	if (compares && n->vector >= 0 && !n->rip) {
		n->eflags &= ~arithmetic;
		e->eflags &= ~arithmetic;
	}
}

static bool is_gather(const struct code *k)
{
	return k->encoding && k->map == 2 && k->opcode >= 0x90 && k->opcode <= 0x93;
}

/* The sign bits of a mask of a gather that faulted. */
static void signs_keep(uint8_t *at, unsigned element, unsigned bytes, unsigned whole)
{
	for (unsigned i = 0; i < whole; i++)
		at[i] = i < bytes && i % element == element - 1 ? at[i] & 0x80 : 0;
}

static void gather_settle(const struct code *k, struct outcome *o)
{
	unsigned element = k->w ? 8 : 4, bytes = k->l ? 32 : 16;

	if (k->opcode & 1 && !k->w) /* 64-bit indices of 32-bit elements */
		bytes /= 2;
	signs_keep(o->fx.xmm[k->vvvv], element, bytes < 16 ? bytes : 16, 16);
	signs_keep(o->extended.ymm_high[k->vvvv], element, bytes > 16 ? 16 : 0, 16);
	memset(o->extended.zmm_high[k->vvvv], 0, 32);
	if (bytes < 32)
		memset(o->extended.ymm_high[k->reg], 0, 16);
	memset(o->extended.zmm_high[k->reg], 0, 32);
}

static bool is_vector(unsigned class)
{
	return class == CLASS_VEX || class == CLASS_EVEX;
}

static void fault_settle(const struct oracle_case *c, const struct code *k, struct outcome *n, struct outcome *e)
{
	unsigned class = oracle_rows[c->row].class;

	if (!is_fault(n) || n->vector != e->vector)
		return;
	if (is_vector(class) && n->vector == CPU_PF) {
		n->cr2 &= ~0xfffull;
		e->cr2 &= ~0xfffull;
	}
	if (is_half_store(k))
		n->fx.mxcsr = e->fx.mxcsr = 0;
	if (is_gather(k) && k->encoding == ENCODING_VEX) {
		gather_settle(k, n);
		gather_settle(k, e);
	}
	if (class == CLASS_XSAVE) {
		n->fx = e->fx;
		n->extended = e->extended;
	}
	bool mmx = k->map == 1 && !k->encoding && ((k->opcode & 0xfe) == 0x7e || k->opcode == 0xe7);
	if (mmx) {
		n->fx.fsw = e->fx.fsw = 0;
		n->fx.ftw = e->fx.ftw = 0;
		memset(n->fx.st, 0, sizeof(n->fx.st));
		memset(e->fx.st, 0, sizeof(e->fx.st));
	}
	bool ten_bytes = !k->map && !k->encoding && k->modrm < 0xc0 &&
		((k->opcode == 0xdb && (k->modrm >> 3 & 7) == 7) || (k->opcode == 0xdf && (k->modrm >> 3 & 7) == 6));
	if (ten_bytes)
		n->line_count = e->line_count = 0;
}

static void precision_settle(const struct oracle_case *c, const struct code *k, struct outcome *n, struct outcome *e)
{
	const uint32_t precision = 0x20, underflow_mask = 0x800;

	if (k->encoding && k->map == 3 && k->opcode == 0x1d && !(c->fx.mxcsr & underflow_mask)) {
		n->fx.mxcsr &= ~precision;
		e->fx.mxcsr &= ~precision;
	}
}

bool vendor_settle(const struct oracle_case *c, struct outcome *native, struct outcome *engine)
{
	struct code k = code_parse(c);

	if (open(c, &k, native, engine))
		return true;
	string_settle(c, &k, native, engine);
	fault_settle(c, &k, native, engine);
	precision_settle(c, &k, native, engine);
	return false;
}
