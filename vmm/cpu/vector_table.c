/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The MMX, SSE and SSE2 instructions, ordered by map and opcode.  Later instruction sets are more rows.
 */
#include "vmm/cpu/vector_table.h"

#include <stddef.h>

#include "vmm/cpu/thunk.h"

#define REG 0xff
#define N   THUNK_NONE
#define X   THUNK_XMM
#define M   THUNK_MMX
#define G   THUNK_GPR
#define I   VECTOR_IMMEDIATE
#define S   VECTOR_STORE
#define C   VECTOR_COMPARE
#define MO  VECTOR_MEMORY_ONLY
#define RO  VECTOR_REGISTER_ONLY
#define A   VECTOR_ALIGNED
#define E   VECTOR_EXCEPTIONS
#define T   VECTOR_TINY
#define D   VECTOR_DOUBLE
#define L   VECTOR_SCALAR
#define W   VECTOR_WRITE_ONLY
#define Q   VECTOR_MMX_QUIET

/* clang-format off */
static const struct vector_row rows[] = {
	/* map, opcode, prefix, digit, ModRM.reg, ModRM.rm, memory size, native opcode, flags, feature */
	{ 1, 0x10, 0x00, REG, X, X, 16, 0x10, W, VECTOR_SSE }, /* MOVUPS */
	{ 1, 0x10, 0x66, REG, X, X, 16, 0x10, W, VECTOR_SSE2 }, /* MOVUPD */
	{ 1, 0x10, 0xf3, REG, X, X, 4, 0x10, 0, VECTOR_SSE }, /* MOVSS */
	{ 1, 0x10, 0xf2, REG, X, X, 8, 0x10, 0, VECTOR_SSE2 }, /* MOVSD */
	{ 1, 0x11, 0x00, REG, X, X, 16, 0x11, S, VECTOR_SSE }, /* MOVUPS */
	{ 1, 0x11, 0x66, REG, X, X, 16, 0x11, S, VECTOR_SSE2 }, /* MOVUPD */
	{ 1, 0x11, 0xf3, REG, X, X, 4, 0x11, S, VECTOR_SSE }, /* MOVSS */
	{ 1, 0x11, 0xf2, REG, X, X, 8, 0x11, S, VECTOR_SSE2 }, /* MOVSD */
	{ 1, 0x12, 0x00, REG, X, X, 8, 0x12, 0, VECTOR_SSE }, /* MOVLPS, MOVHLPS */
	{ 1, 0x12, 0x66, REG, X, X, 8, 0x12, MO, VECTOR_SSE2 }, /* MOVLPD */
	{ 1, 0x13, 0x00, REG, X, X, 8, 0x13, S | MO, VECTOR_SSE }, /* MOVLPS */
	{ 1, 0x13, 0x66, REG, X, X, 8, 0x13, S | MO, VECTOR_SSE2 }, /* MOVLPD */
	{ 1, 0x14, 0x00, REG, X, X, 16, 0x14, A, VECTOR_SSE }, /* UNPCKLPS */
	{ 1, 0x14, 0x66, REG, X, X, 16, 0x14, A, VECTOR_SSE2 }, /* UNPCKLPD */
	{ 1, 0x15, 0x00, REG, X, X, 16, 0x15, A, VECTOR_SSE }, /* UNPCKHPS */
	{ 1, 0x15, 0x66, REG, X, X, 16, 0x15, A, VECTOR_SSE2 }, /* UNPCKHPD */
	{ 1, 0x16, 0x00, REG, X, X, 8, 0x16, 0, VECTOR_SSE }, /* MOVHPS, MOVLHPS */
	{ 1, 0x16, 0x66, REG, X, X, 8, 0x16, MO, VECTOR_SSE2 }, /* MOVHPD */
	{ 1, 0x17, 0x00, REG, X, X, 8, 0x17, S | MO, VECTOR_SSE }, /* MOVHPS */
	{ 1, 0x17, 0x66, REG, X, X, 8, 0x17, S | MO, VECTOR_SSE2 }, /* MOVHPD */
	{ 1, 0x28, 0x00, REG, X, X, 16, 0x28, A | W, VECTOR_SSE }, /* MOVAPS */
	{ 1, 0x28, 0x66, REG, X, X, 16, 0x28, A | W, VECTOR_SSE2 }, /* MOVAPD */
	{ 1, 0x29, 0x00, REG, X, X, 16, 0x29, S | A, VECTOR_SSE }, /* MOVAPS */
	{ 1, 0x29, 0x66, REG, X, X, 16, 0x29, S | A, VECTOR_SSE2 }, /* MOVAPD */
	{ 1, 0x2a, 0x00, REG, X, M, 8, 0x2a, E, VECTOR_SSE }, /* CVTPI2PS */
	{ 1, 0x2a, 0x66, REG, X, M, 8, 0x2a, Q, VECTOR_SSE2 }, /* CVTPI2PD */
	{ 1, 0x2a, 0xf3, REG, X, G, 4, 0x2a, E, VECTOR_SSE }, /* CVTSI2SS */
	{ 1, 0x2a, 0xf2, REG, X, G, 4, 0x2a, E, VECTOR_SSE2 }, /* CVTSI2SD */
	{ 1, 0x2b, 0x00, REG, X, X, 16, 0x29, S | MO | A, VECTOR_SSE }, /* MOVNTPS */
	{ 1, 0x2b, 0x66, REG, X, X, 16, 0x29, S | MO | A, VECTOR_SSE2 }, /* MOVNTPD */
	{ 1, 0x2c, 0x00, REG, M, X, 8, 0x2c, E | W, VECTOR_SSE }, /* CVTTPS2PI */
	{ 1, 0x2c, 0x66, REG, M, X, 16, 0x2c, A | E | W, VECTOR_SSE2 }, /* CVTTPD2PI */
	{ 1, 0x2c, 0xf3, REG, G, X, 4, 0x2c, E | W, VECTOR_SSE }, /* CVTTSS2SI */
	{ 1, 0x2c, 0xf2, REG, G, X, 8, 0x2c, E | W, VECTOR_SSE2 }, /* CVTTSD2SI */
	{ 1, 0x2d, 0x00, REG, M, X, 8, 0x2d, E | W, VECTOR_SSE }, /* CVTPS2PI */
	{ 1, 0x2d, 0x66, REG, M, X, 16, 0x2d, A | E | W, VECTOR_SSE2 }, /* CVTPD2PI */
	{ 1, 0x2d, 0xf3, REG, G, X, 4, 0x2d, E | W, VECTOR_SSE }, /* CVTSS2SI */
	{ 1, 0x2d, 0xf2, REG, G, X, 8, 0x2d, E | W, VECTOR_SSE2 }, /* CVTSD2SI */
	{ 1, 0x2e, 0x00, REG, X, X, 4, 0x2e, C | E, VECTOR_SSE }, /* UCOMISS */
	{ 1, 0x2e, 0x66, REG, X, X, 8, 0x2e, C | E, VECTOR_SSE2 }, /* UCOMISD */
	{ 1, 0x2f, 0x00, REG, X, X, 4, 0x2f, C | E, VECTOR_SSE }, /* COMISS */
	{ 1, 0x2f, 0x66, REG, X, X, 8, 0x2f, C | E, VECTOR_SSE2 }, /* COMISD */
	{ 1, 0x50, 0x00, REG, G, X, 0, 0x50, RO | W, VECTOR_SSE }, /* MOVMSKPS */
	{ 1, 0x50, 0x66, REG, G, X, 0, 0x50, RO | W, VECTOR_SSE2 }, /* MOVMSKPD */
	{ 1, 0x51, 0x00, REG, X, X, 16, 0x51, A | E, VECTOR_SSE }, /* SQRTPS */
	{ 1, 0x51, 0x66, REG, X, X, 16, 0x51, A | E | D, VECTOR_SSE2 }, /* SQRTPD */
	{ 1, 0x51, 0xf3, REG, X, X, 4, 0x51, E | L, VECTOR_SSE }, /* SQRTSS */
	{ 1, 0x51, 0xf2, REG, X, X, 8, 0x51, E | D | L, VECTOR_SSE2 }, /* SQRTSD */
	{ 1, 0x52, 0x00, REG, X, X, 16, 0x52, A | W, VECTOR_SSE }, /* RSQRTPS */
	{ 1, 0x52, 0xf3, REG, X, X, 4, 0x52, 0, VECTOR_SSE }, /* RSQRTSS */
	{ 1, 0x53, 0x00, REG, X, X, 16, 0x53, A | W, VECTOR_SSE }, /* RCPPS */
	{ 1, 0x53, 0xf3, REG, X, X, 4, 0x53, 0, VECTOR_SSE }, /* RCPSS */
	{ 1, 0x54, 0x00, REG, X, X, 16, 0x54, A, VECTOR_SSE }, /* ANDPS */
	{ 1, 0x54, 0x66, REG, X, X, 16, 0x54, A, VECTOR_SSE2 }, /* ANDPD */
	{ 1, 0x55, 0x00, REG, X, X, 16, 0x55, A, VECTOR_SSE }, /* ANDNPS */
	{ 1, 0x55, 0x66, REG, X, X, 16, 0x55, A, VECTOR_SSE2 }, /* ANDNPD */
	{ 1, 0x56, 0x00, REG, X, X, 16, 0x56, A, VECTOR_SSE }, /* ORPS */
	{ 1, 0x56, 0x66, REG, X, X, 16, 0x56, A, VECTOR_SSE2 }, /* ORPD */
	{ 1, 0x57, 0x00, REG, X, X, 16, 0x57, A, VECTOR_SSE }, /* XORPS */
	{ 1, 0x57, 0x66, REG, X, X, 16, 0x57, A, VECTOR_SSE2 }, /* XORPD */
	{ 1, 0x58, 0x00, REG, X, X, 16, 0x58, A | E | T, VECTOR_SSE }, /* ADDPS */
	{ 1, 0x58, 0x66, REG, X, X, 16, 0x58, A | E | T | D, VECTOR_SSE2 }, /* ADDPD */
	{ 1, 0x58, 0xf3, REG, X, X, 4, 0x58, E | T | L, VECTOR_SSE }, /* ADDSS */
	{ 1, 0x58, 0xf2, REG, X, X, 8, 0x58, E | T | D | L, VECTOR_SSE2 }, /* ADDSD */
	{ 1, 0x59, 0x00, REG, X, X, 16, 0x59, A | E | T, VECTOR_SSE }, /* MULPS */
	{ 1, 0x59, 0x66, REG, X, X, 16, 0x59, A | E | T | D, VECTOR_SSE2 }, /* MULPD */
	{ 1, 0x59, 0xf3, REG, X, X, 4, 0x59, E | T | L, VECTOR_SSE }, /* MULSS */
	{ 1, 0x59, 0xf2, REG, X, X, 8, 0x59, E | T | D | L, VECTOR_SSE2 }, /* MULSD */
	{ 1, 0x5a, 0x00, REG, X, X, 8, 0x5a, E | W, VECTOR_SSE2 }, /* CVTPS2PD */
	{ 1, 0x5a, 0x66, REG, X, X, 16, 0x5a, A | E | T | W, VECTOR_SSE2 }, /* CVTPD2PS */
	{ 1, 0x5a, 0xf3, REG, X, X, 4, 0x5a, E | D | L, VECTOR_SSE2 }, /* CVTSS2SD */
	{ 1, 0x5a, 0xf2, REG, X, X, 8, 0x5a, E | T | L, VECTOR_SSE2 }, /* CVTSD2SS */
	{ 1, 0x5b, 0x00, REG, X, X, 16, 0x5b, A | E | W, VECTOR_SSE2 }, /* CVTDQ2PS */
	{ 1, 0x5b, 0x66, REG, X, X, 16, 0x5b, A | E | W, VECTOR_SSE2 }, /* CVTPS2DQ */
	{ 1, 0x5b, 0xf3, REG, X, X, 16, 0x5b, A | E | W, VECTOR_SSE2 }, /* CVTTPS2DQ */
	{ 1, 0x5c, 0x00, REG, X, X, 16, 0x5c, A | E | T, VECTOR_SSE }, /* SUBPS */
	{ 1, 0x5c, 0x66, REG, X, X, 16, 0x5c, A | E | T | D, VECTOR_SSE2 }, /* SUBPD */
	{ 1, 0x5c, 0xf3, REG, X, X, 4, 0x5c, E | T | L, VECTOR_SSE }, /* SUBSS */
	{ 1, 0x5c, 0xf2, REG, X, X, 8, 0x5c, E | T | D | L, VECTOR_SSE2 }, /* SUBSD */
	{ 1, 0x5d, 0x00, REG, X, X, 16, 0x5d, A | E, VECTOR_SSE }, /* MINPS */
	{ 1, 0x5d, 0x66, REG, X, X, 16, 0x5d, A | E | D, VECTOR_SSE2 }, /* MINPD */
	{ 1, 0x5d, 0xf3, REG, X, X, 4, 0x5d, E | L, VECTOR_SSE }, /* MINSS */
	{ 1, 0x5d, 0xf2, REG, X, X, 8, 0x5d, E | D | L, VECTOR_SSE2 }, /* MINSD */
	{ 1, 0x5e, 0x00, REG, X, X, 16, 0x5e, A | E | T, VECTOR_SSE }, /* DIVPS */
	{ 1, 0x5e, 0x66, REG, X, X, 16, 0x5e, A | E | T | D, VECTOR_SSE2 }, /* DIVPD */
	{ 1, 0x5e, 0xf3, REG, X, X, 4, 0x5e, E | T | L, VECTOR_SSE }, /* DIVSS */
	{ 1, 0x5e, 0xf2, REG, X, X, 8, 0x5e, E | T | D | L, VECTOR_SSE2 }, /* DIVSD */
	{ 1, 0x5f, 0x00, REG, X, X, 16, 0x5f, A | E, VECTOR_SSE }, /* MAXPS */
	{ 1, 0x5f, 0x66, REG, X, X, 16, 0x5f, A | E | D, VECTOR_SSE2 }, /* MAXPD */
	{ 1, 0x5f, 0xf3, REG, X, X, 4, 0x5f, E | L, VECTOR_SSE }, /* MAXSS */
	{ 1, 0x5f, 0xf2, REG, X, X, 8, 0x5f, E | D | L, VECTOR_SSE2 }, /* MAXSD */
	{ 1, 0x60, 0x00, REG, M, M, 4, 0x60, 0, VECTOR_MMX }, /* PUNPCKLBW */
	{ 1, 0x60, 0x66, REG, X, X, 16, 0x60, A, VECTOR_SSE2 }, /* PUNPCKLBW */
	{ 1, 0x61, 0x00, REG, M, M, 4, 0x61, 0, VECTOR_MMX }, /* PUNPCKLWD */
	{ 1, 0x61, 0x66, REG, X, X, 16, 0x61, A, VECTOR_SSE2 }, /* PUNPCKLWD */
	{ 1, 0x62, 0x00, REG, M, M, 4, 0x62, 0, VECTOR_MMX }, /* PUNPCKLDQ */
	{ 1, 0x62, 0x66, REG, X, X, 16, 0x62, A, VECTOR_SSE2 }, /* PUNPCKLDQ */
	{ 1, 0x63, 0x00, REG, M, M, 8, 0x63, 0, VECTOR_MMX }, /* PACKSSWB */
	{ 1, 0x63, 0x66, REG, X, X, 16, 0x63, A, VECTOR_SSE2 }, /* PACKSSWB */
	{ 1, 0x64, 0x00, REG, M, M, 8, 0x64, 0, VECTOR_MMX }, /* PCMPGTB */
	{ 1, 0x64, 0x66, REG, X, X, 16, 0x64, A, VECTOR_SSE2 }, /* PCMPGTB */
	{ 1, 0x65, 0x00, REG, M, M, 8, 0x65, 0, VECTOR_MMX }, /* PCMPGTW */
	{ 1, 0x65, 0x66, REG, X, X, 16, 0x65, A, VECTOR_SSE2 }, /* PCMPGTW */
	{ 1, 0x66, 0x00, REG, M, M, 8, 0x66, 0, VECTOR_MMX }, /* PCMPGTD */
	{ 1, 0x66, 0x66, REG, X, X, 16, 0x66, A, VECTOR_SSE2 }, /* PCMPGTD */
	{ 1, 0x67, 0x00, REG, M, M, 8, 0x67, 0, VECTOR_MMX }, /* PACKUSWB */
	{ 1, 0x67, 0x66, REG, X, X, 16, 0x67, A, VECTOR_SSE2 }, /* PACKUSWB */
	{ 1, 0x68, 0x00, REG, M, M, 8, 0x68, 0, VECTOR_MMX }, /* PUNPCKHBW */
	{ 1, 0x68, 0x66, REG, X, X, 16, 0x68, A, VECTOR_SSE2 }, /* PUNPCKHBW */
	{ 1, 0x69, 0x00, REG, M, M, 8, 0x69, 0, VECTOR_MMX }, /* PUNPCKHWD */
	{ 1, 0x69, 0x66, REG, X, X, 16, 0x69, A, VECTOR_SSE2 }, /* PUNPCKHWD */
	{ 1, 0x6a, 0x00, REG, M, M, 8, 0x6a, 0, VECTOR_MMX }, /* PUNPCKHDQ */
	{ 1, 0x6a, 0x66, REG, X, X, 16, 0x6a, A, VECTOR_SSE2 }, /* PUNPCKHDQ */
	{ 1, 0x6b, 0x00, REG, M, M, 8, 0x6b, 0, VECTOR_MMX }, /* PACKSSDW */
	{ 1, 0x6b, 0x66, REG, X, X, 16, 0x6b, A, VECTOR_SSE2 }, /* PACKSSDW */
	{ 1, 0x6c, 0x66, REG, X, X, 16, 0x6c, A, VECTOR_SSE2 }, /* PUNPCKLQDQ */
	{ 1, 0x6d, 0x66, REG, X, X, 16, 0x6d, A, VECTOR_SSE2 }, /* PUNPCKHQDQ */
	{ 1, 0x6e, 0x00, REG, M, G, 4, 0x6e, W, VECTOR_MMX }, /* MOVD */
	{ 1, 0x6e, 0x66, REG, X, G, 4, 0x6e, W, VECTOR_SSE2 }, /* MOVD */
	{ 1, 0x6f, 0x00, REG, M, M, 8, 0x6f, W, VECTOR_MMX }, /* MOVQ */
	{ 1, 0x6f, 0x66, REG, X, X, 16, 0x6f, A | W, VECTOR_SSE2 }, /* MOVDQA */
	{ 1, 0x6f, 0xf3, REG, X, X, 16, 0x6f, W, VECTOR_SSE2 }, /* MOVDQU */
	{ 1, 0x70, 0x00, REG, M, M, 8, 0x70, I | W, VECTOR_SSE }, /* PSHUFW */
	{ 1, 0x70, 0x66, REG, X, X, 16, 0x70, I | A | W, VECTOR_SSE2 }, /* PSHUFD */
	{ 1, 0x70, 0xf3, REG, X, X, 16, 0x70, I | A | W, VECTOR_SSE2 }, /* PSHUFHW */
	{ 1, 0x70, 0xf2, REG, X, X, 16, 0x70, I | A | W, VECTOR_SSE2 }, /* PSHUFLW */
	{ 1, 0x71, 0x00, 2, N, M, 0, 0x71, I | S | RO, VECTOR_MMX }, /* PSRLW */
	{ 1, 0x71, 0x66, 2, N, X, 0, 0x71, I | S | RO, VECTOR_SSE2 }, /* PSRLW */
	{ 1, 0x71, 0x00, 4, N, M, 0, 0x71, I | S | RO, VECTOR_MMX }, /* PSRAW */
	{ 1, 0x71, 0x66, 4, N, X, 0, 0x71, I | S | RO, VECTOR_SSE2 }, /* PSRAW */
	{ 1, 0x71, 0x00, 6, N, M, 0, 0x71, I | S | RO, VECTOR_MMX }, /* PSLLW */
	{ 1, 0x71, 0x66, 6, N, X, 0, 0x71, I | S | RO, VECTOR_SSE2 }, /* PSLLW */
	{ 1, 0x72, 0x00, 2, N, M, 0, 0x72, I | S | RO, VECTOR_MMX }, /* PSRLD */
	{ 1, 0x72, 0x66, 2, N, X, 0, 0x72, I | S | RO, VECTOR_SSE2 }, /* PSRLD */
	{ 1, 0x72, 0x00, 4, N, M, 0, 0x72, I | S | RO, VECTOR_MMX }, /* PSRAD */
	{ 1, 0x72, 0x66, 4, N, X, 0, 0x72, I | S | RO, VECTOR_SSE2 }, /* PSRAD */
	{ 1, 0x72, 0x00, 6, N, M, 0, 0x72, I | S | RO, VECTOR_MMX }, /* PSLLD */
	{ 1, 0x72, 0x66, 6, N, X, 0, 0x72, I | S | RO, VECTOR_SSE2 }, /* PSLLD */
	{ 1, 0x73, 0x00, 2, N, M, 0, 0x73, I | S | RO, VECTOR_MMX }, /* PSRLQ */
	{ 1, 0x73, 0x66, 2, N, X, 0, 0x73, I | S | RO, VECTOR_SSE2 }, /* PSRLQ */
	{ 1, 0x73, 0x00, 6, N, M, 0, 0x73, I | S | RO, VECTOR_MMX }, /* PSLLQ */
	{ 1, 0x73, 0x66, 6, N, X, 0, 0x73, I | S | RO, VECTOR_SSE2 }, /* PSLLQ */
	{ 1, 0x73, 0x66, 3, N, X, 0, 0x73, I | S | RO, VECTOR_SSE2 }, /* PSRLDQ */
	{ 1, 0x73, 0x66, 7, N, X, 0, 0x73, I | S | RO, VECTOR_SSE2 }, /* PSLLDQ */
	{ 1, 0x74, 0x00, REG, M, M, 8, 0x74, 0, VECTOR_MMX }, /* PCMPEQB */
	{ 1, 0x74, 0x66, REG, X, X, 16, 0x74, A, VECTOR_SSE2 }, /* PCMPEQB */
	{ 1, 0x75, 0x00, REG, M, M, 8, 0x75, 0, VECTOR_MMX }, /* PCMPEQW */
	{ 1, 0x75, 0x66, REG, X, X, 16, 0x75, A, VECTOR_SSE2 }, /* PCMPEQW */
	{ 1, 0x76, 0x00, REG, M, M, 8, 0x76, 0, VECTOR_MMX }, /* PCMPEQD */
	{ 1, 0x76, 0x66, REG, X, X, 16, 0x76, A, VECTOR_SSE2 }, /* PCMPEQD */
	{ 1, 0x7e, 0x00, REG, M, G, 4, 0x7e, S, VECTOR_MMX }, /* MOVD */
	{ 1, 0x7e, 0x66, REG, X, G, 4, 0x7e, S, VECTOR_SSE2 }, /* MOVD */
	{ 1, 0x7e, 0xf3, REG, X, X, 8, 0x7e, W, VECTOR_SSE2 }, /* MOVQ */
	{ 1, 0x7f, 0x00, REG, M, M, 8, 0x7f, S, VECTOR_MMX }, /* MOVQ */
	{ 1, 0x7f, 0x66, REG, X, X, 16, 0x7f, S | A, VECTOR_SSE2 }, /* MOVDQA */
	{ 1, 0x7f, 0xf3, REG, X, X, 16, 0x7f, S, VECTOR_SSE2 }, /* MOVDQU */
	{ 1, 0xc2, 0x00, REG, X, X, 16, 0xc2, I | A | E, VECTOR_SSE }, /* CMPPS */
	{ 1, 0xc2, 0x66, REG, X, X, 16, 0xc2, I | A | E | D, VECTOR_SSE2 }, /* CMPPD */
	{ 1, 0xc2, 0xf3, REG, X, X, 4, 0xc2, I | E | L, VECTOR_SSE }, /* CMPSS */
	{ 1, 0xc2, 0xf2, REG, X, X, 8, 0xc2, I | E | D | L, VECTOR_SSE2 }, /* CMPSD */
	{ 1, 0xc4, 0x00, REG, M, G, 2, 0xc4, I, VECTOR_SSE }, /* PINSRW */
	{ 1, 0xc4, 0x66, REG, X, G, 2, 0xc4, I, VECTOR_SSE2 }, /* PINSRW */
	{ 1, 0xc5, 0x00, REG, G, M, 0, 0xc5, I | RO | W, VECTOR_SSE }, /* PEXTRW */
	{ 1, 0xc5, 0x66, REG, G, X, 0, 0xc5, I | RO | W, VECTOR_SSE2 }, /* PEXTRW */
	{ 1, 0xc6, 0x00, REG, X, X, 16, 0xc6, I | A, VECTOR_SSE }, /* SHUFPS */
	{ 1, 0xc6, 0x66, REG, X, X, 16, 0xc6, I | A, VECTOR_SSE2 }, /* SHUFPD */
	{ 1, 0xd1, 0x00, REG, M, M, 8, 0xd1, 0, VECTOR_MMX }, /* PSRLW */
	{ 1, 0xd1, 0x66, REG, X, X, 16, 0xd1, A, VECTOR_SSE2 }, /* PSRLW */
	{ 1, 0xd2, 0x00, REG, M, M, 8, 0xd2, 0, VECTOR_MMX }, /* PSRLD */
	{ 1, 0xd2, 0x66, REG, X, X, 16, 0xd2, A, VECTOR_SSE2 }, /* PSRLD */
	{ 1, 0xd3, 0x00, REG, M, M, 8, 0xd3, 0, VECTOR_MMX }, /* PSRLQ */
	{ 1, 0xd3, 0x66, REG, X, X, 16, 0xd3, A, VECTOR_SSE2 }, /* PSRLQ */
	{ 1, 0xd4, 0x00, REG, M, M, 8, 0xd4, 0, VECTOR_SSE2 }, /* PADDQ */
	{ 1, 0xd4, 0x66, REG, X, X, 16, 0xd4, A, VECTOR_SSE2 }, /* PADDQ */
	{ 1, 0xd5, 0x00, REG, M, M, 8, 0xd5, 0, VECTOR_MMX }, /* PMULLW */
	{ 1, 0xd5, 0x66, REG, X, X, 16, 0xd5, A, VECTOR_SSE2 }, /* PMULLW */
	{ 1, 0xd6, 0x66, REG, X, X, 8, 0xd6, S, VECTOR_SSE2 }, /* MOVQ */
	{ 1, 0xd6, 0xf3, REG, X, M, 0, 0xd6, RO | W, VECTOR_SSE2 }, /* MOVQ2DQ */
	{ 1, 0xd6, 0xf2, REG, M, X, 0, 0xd6, RO | W, VECTOR_SSE2 }, /* MOVDQ2Q */
	{ 1, 0xd7, 0x00, REG, G, M, 0, 0xd7, RO | W, VECTOR_SSE }, /* PMOVMSKB */
	{ 1, 0xd7, 0x66, REG, G, X, 0, 0xd7, RO | W, VECTOR_SSE2 }, /* PMOVMSKB */
	{ 1, 0xd8, 0x00, REG, M, M, 8, 0xd8, 0, VECTOR_MMX }, /* PSUBUSB */
	{ 1, 0xd8, 0x66, REG, X, X, 16, 0xd8, A, VECTOR_SSE2 }, /* PSUBUSB */
	{ 1, 0xd9, 0x00, REG, M, M, 8, 0xd9, 0, VECTOR_MMX }, /* PSUBUSW */
	{ 1, 0xd9, 0x66, REG, X, X, 16, 0xd9, A, VECTOR_SSE2 }, /* PSUBUSW */
	{ 1, 0xda, 0x00, REG, M, M, 8, 0xda, 0, VECTOR_SSE }, /* PMINUB */
	{ 1, 0xda, 0x66, REG, X, X, 16, 0xda, A, VECTOR_SSE2 }, /* PMINUB */
	{ 1, 0xdb, 0x00, REG, M, M, 8, 0xdb, 0, VECTOR_MMX }, /* PAND */
	{ 1, 0xdb, 0x66, REG, X, X, 16, 0xdb, A, VECTOR_SSE2 }, /* PAND */
	{ 1, 0xdc, 0x00, REG, M, M, 8, 0xdc, 0, VECTOR_MMX }, /* PADDUSB */
	{ 1, 0xdc, 0x66, REG, X, X, 16, 0xdc, A, VECTOR_SSE2 }, /* PADDUSB */
	{ 1, 0xdd, 0x00, REG, M, M, 8, 0xdd, 0, VECTOR_MMX }, /* PADDUSW */
	{ 1, 0xdd, 0x66, REG, X, X, 16, 0xdd, A, VECTOR_SSE2 }, /* PADDUSW */
	{ 1, 0xde, 0x00, REG, M, M, 8, 0xde, 0, VECTOR_SSE }, /* PMAXUB */
	{ 1, 0xde, 0x66, REG, X, X, 16, 0xde, A, VECTOR_SSE2 }, /* PMAXUB */
	{ 1, 0xdf, 0x00, REG, M, M, 8, 0xdf, 0, VECTOR_MMX }, /* PANDN */
	{ 1, 0xdf, 0x66, REG, X, X, 16, 0xdf, A, VECTOR_SSE2 }, /* PANDN */
	{ 1, 0xe0, 0x00, REG, M, M, 8, 0xe0, 0, VECTOR_SSE }, /* PAVGB */
	{ 1, 0xe0, 0x66, REG, X, X, 16, 0xe0, A, VECTOR_SSE2 }, /* PAVGB */
	{ 1, 0xe1, 0x00, REG, M, M, 8, 0xe1, 0, VECTOR_MMX }, /* PSRAW */
	{ 1, 0xe1, 0x66, REG, X, X, 16, 0xe1, A, VECTOR_SSE2 }, /* PSRAW */
	{ 1, 0xe2, 0x00, REG, M, M, 8, 0xe2, 0, VECTOR_MMX }, /* PSRAD */
	{ 1, 0xe2, 0x66, REG, X, X, 16, 0xe2, A, VECTOR_SSE2 }, /* PSRAD */
	{ 1, 0xe3, 0x00, REG, M, M, 8, 0xe3, 0, VECTOR_SSE }, /* PAVGW */
	{ 1, 0xe3, 0x66, REG, X, X, 16, 0xe3, A, VECTOR_SSE2 }, /* PAVGW */
	{ 1, 0xe4, 0x00, REG, M, M, 8, 0xe4, 0, VECTOR_SSE }, /* PMULHUW */
	{ 1, 0xe4, 0x66, REG, X, X, 16, 0xe4, A, VECTOR_SSE2 }, /* PMULHUW */
	{ 1, 0xe5, 0x00, REG, M, M, 8, 0xe5, 0, VECTOR_MMX }, /* PMULHW */
	{ 1, 0xe5, 0x66, REG, X, X, 16, 0xe5, A, VECTOR_SSE2 }, /* PMULHW */
	{ 1, 0xe6, 0x66, REG, X, X, 16, 0xe6, A | E | W, VECTOR_SSE2 }, /* CVTTPD2DQ */
	{ 1, 0xe6, 0xf3, REG, X, X, 8, 0xe6, W, VECTOR_SSE2 }, /* CVTDQ2PD */
	{ 1, 0xe6, 0xf2, REG, X, X, 16, 0xe6, A | E | W, VECTOR_SSE2 }, /* CVTPD2DQ */
	{ 1, 0xe7, 0x00, REG, M, M, 8, 0x7f, S | MO, VECTOR_SSE }, /* MOVNTQ */
	{ 1, 0xe7, 0x66, REG, X, X, 16, 0x7f, S | MO | A, VECTOR_SSE2 }, /* MOVNTDQ */
	{ 1, 0xe8, 0x00, REG, M, M, 8, 0xe8, 0, VECTOR_MMX }, /* PSUBSB */
	{ 1, 0xe8, 0x66, REG, X, X, 16, 0xe8, A, VECTOR_SSE2 }, /* PSUBSB */
	{ 1, 0xe9, 0x00, REG, M, M, 8, 0xe9, 0, VECTOR_MMX }, /* PSUBSW */
	{ 1, 0xe9, 0x66, REG, X, X, 16, 0xe9, A, VECTOR_SSE2 }, /* PSUBSW */
	{ 1, 0xea, 0x00, REG, M, M, 8, 0xea, 0, VECTOR_SSE }, /* PMINSW */
	{ 1, 0xea, 0x66, REG, X, X, 16, 0xea, A, VECTOR_SSE2 }, /* PMINSW */
	{ 1, 0xeb, 0x00, REG, M, M, 8, 0xeb, 0, VECTOR_MMX }, /* POR */
	{ 1, 0xeb, 0x66, REG, X, X, 16, 0xeb, A, VECTOR_SSE2 }, /* POR */
	{ 1, 0xec, 0x00, REG, M, M, 8, 0xec, 0, VECTOR_MMX }, /* PADDSB */
	{ 1, 0xec, 0x66, REG, X, X, 16, 0xec, A, VECTOR_SSE2 }, /* PADDSB */
	{ 1, 0xed, 0x00, REG, M, M, 8, 0xed, 0, VECTOR_MMX }, /* PADDSW */
	{ 1, 0xed, 0x66, REG, X, X, 16, 0xed, A, VECTOR_SSE2 }, /* PADDSW */
	{ 1, 0xee, 0x00, REG, M, M, 8, 0xee, 0, VECTOR_SSE }, /* PMAXSW */
	{ 1, 0xee, 0x66, REG, X, X, 16, 0xee, A, VECTOR_SSE2 }, /* PMAXSW */
	{ 1, 0xef, 0x00, REG, M, M, 8, 0xef, 0, VECTOR_MMX }, /* PXOR */
	{ 1, 0xef, 0x66, REG, X, X, 16, 0xef, A, VECTOR_SSE2 }, /* PXOR */
	{ 1, 0xf1, 0x00, REG, M, M, 8, 0xf1, 0, VECTOR_MMX }, /* PSLLW */
	{ 1, 0xf1, 0x66, REG, X, X, 16, 0xf1, A, VECTOR_SSE2 }, /* PSLLW */
	{ 1, 0xf2, 0x00, REG, M, M, 8, 0xf2, 0, VECTOR_MMX }, /* PSLLD */
	{ 1, 0xf2, 0x66, REG, X, X, 16, 0xf2, A, VECTOR_SSE2 }, /* PSLLD */
	{ 1, 0xf3, 0x00, REG, M, M, 8, 0xf3, 0, VECTOR_MMX }, /* PSLLQ */
	{ 1, 0xf3, 0x66, REG, X, X, 16, 0xf3, A, VECTOR_SSE2 }, /* PSLLQ */
	{ 1, 0xf4, 0x00, REG, M, M, 8, 0xf4, 0, VECTOR_SSE2 }, /* PMULUDQ */
	{ 1, 0xf4, 0x66, REG, X, X, 16, 0xf4, A, VECTOR_SSE2 }, /* PMULUDQ */
	{ 1, 0xf5, 0x00, REG, M, M, 8, 0xf5, 0, VECTOR_MMX }, /* PMADDWD */
	{ 1, 0xf5, 0x66, REG, X, X, 16, 0xf5, A, VECTOR_SSE2 }, /* PMADDWD */
	{ 1, 0xf6, 0x00, REG, M, M, 8, 0xf6, 0, VECTOR_SSE }, /* PSADBW */
	{ 1, 0xf6, 0x66, REG, X, X, 16, 0xf6, A, VECTOR_SSE2 }, /* PSADBW */
	{ 1, 0xf8, 0x00, REG, M, M, 8, 0xf8, 0, VECTOR_MMX }, /* PSUBB */
	{ 1, 0xf8, 0x66, REG, X, X, 16, 0xf8, A, VECTOR_SSE2 }, /* PSUBB */
	{ 1, 0xf9, 0x00, REG, M, M, 8, 0xf9, 0, VECTOR_MMX }, /* PSUBW */
	{ 1, 0xf9, 0x66, REG, X, X, 16, 0xf9, A, VECTOR_SSE2 }, /* PSUBW */
	{ 1, 0xfa, 0x00, REG, M, M, 8, 0xfa, 0, VECTOR_MMX }, /* PSUBD */
	{ 1, 0xfa, 0x66, REG, X, X, 16, 0xfa, A, VECTOR_SSE2 }, /* PSUBD */
	{ 1, 0xfb, 0x00, REG, M, M, 8, 0xfb, 0, VECTOR_SSE2 }, /* PSUBQ */
	{ 1, 0xfb, 0x66, REG, X, X, 16, 0xfb, A, VECTOR_SSE2 }, /* PSUBQ */
	{ 1, 0xfc, 0x00, REG, M, M, 8, 0xfc, 0, VECTOR_MMX }, /* PADDB */
	{ 1, 0xfc, 0x66, REG, X, X, 16, 0xfc, A, VECTOR_SSE2 }, /* PADDB */
	{ 1, 0xfd, 0x00, REG, M, M, 8, 0xfd, 0, VECTOR_MMX }, /* PADDW */
	{ 1, 0xfd, 0x66, REG, X, X, 16, 0xfd, A, VECTOR_SSE2 }, /* PADDW */
	{ 1, 0xfe, 0x00, REG, M, M, 8, 0xfe, 0, VECTOR_MMX }, /* PADDD */
	{ 1, 0xfe, 0x66, REG, X, X, 16, 0xfe, A, VECTOR_SSE2 }, /* PADDD */
};
/* clang-format on */
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct vector_row *vector_row(unsigned number)
{
	return number < ROWS ? &rows[number] : NULL;
}

unsigned vector_row_number(const struct vector_row *row)
{
	return (unsigned)(row - rows);
}

const struct vector_row *vector_row_find(const struct insn *insn)
{
	unsigned prefix = insn->rep ? insn->rep : insn->prefix66 ? 0x66 : 0;
	unsigned low = 0, high = ROWS;
	while (low < high) { /* the first row of the opcode */
		unsigned middle = (low + high) / 2;
		if ((unsigned)(rows[middle].map << 8 | rows[middle].opcode) < insn->opcode)
			low = middle + 1;
		else
			high = middle;
	}
	for (const struct vector_row *row = rows + low;
		row < rows + ROWS && (row->map << 8 | row->opcode) == insn->opcode; row++)
		if (row->prefix == prefix && (row->digit == REG || row->digit == (insn->reg & 7)))
			return row;
	return NULL;
}
