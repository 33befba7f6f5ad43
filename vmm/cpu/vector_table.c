/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The MMX and SSE instructions, ordered by map and opcode, but those that imply an operand (vector_implicit.c).
 */
#include "vmm/cpu/vector_table.h"

#include <stddef.h>

#include "vmm/cpu/feature.h"
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
	{ 1, 0x10, 0x00, REG, X, X, 16, 0x10, W, FEATURE_SSE }, /* MOVUPS */
	{ 1, 0x10, 0x66, REG, X, X, 16, 0x10, W, FEATURE_SSE2 }, /* MOVUPD */
	{ 1, 0x10, 0xf3, REG, X, X, 4, 0x10, 0, FEATURE_SSE }, /* MOVSS */
	{ 1, 0x10, 0xf2, REG, X, X, 8, 0x10, 0, FEATURE_SSE2 }, /* MOVSD */
	{ 1, 0x11, 0x00, REG, X, X, 16, 0x11, S, FEATURE_SSE }, /* MOVUPS */
	{ 1, 0x11, 0x66, REG, X, X, 16, 0x11, S, FEATURE_SSE2 }, /* MOVUPD */
	{ 1, 0x11, 0xf3, REG, X, X, 4, 0x11, S, FEATURE_SSE }, /* MOVSS */
	{ 1, 0x11, 0xf2, REG, X, X, 8, 0x11, S, FEATURE_SSE2 }, /* MOVSD */
	{ 1, 0x12, 0x00, REG, X, X, 8, 0x12, 0, FEATURE_SSE }, /* MOVLPS, MOVHLPS */
	{ 1, 0x12, 0x66, REG, X, X, 8, 0x12, MO, FEATURE_SSE2 }, /* MOVLPD */
	{ 1, 0x12, 0xf3, REG, X, X, 16, 0x12, A | W, FEATURE_SSE3 }, /* MOVSLDUP */
	{ 1, 0x12, 0xf2, REG, X, X, 8, 0x12, W, FEATURE_SSE3 }, /* MOVDDUP */
	{ 1, 0x13, 0x00, REG, X, X, 8, 0x13, S | MO, FEATURE_SSE }, /* MOVLPS */
	{ 1, 0x13, 0x66, REG, X, X, 8, 0x13, S | MO, FEATURE_SSE2 }, /* MOVLPD */
	{ 1, 0x14, 0x00, REG, X, X, 16, 0x14, A, FEATURE_SSE }, /* UNPCKLPS */
	{ 1, 0x14, 0x66, REG, X, X, 16, 0x14, A, FEATURE_SSE2 }, /* UNPCKLPD */
	{ 1, 0x15, 0x00, REG, X, X, 16, 0x15, A, FEATURE_SSE }, /* UNPCKHPS */
	{ 1, 0x15, 0x66, REG, X, X, 16, 0x15, A, FEATURE_SSE2 }, /* UNPCKHPD */
	{ 1, 0x16, 0x00, REG, X, X, 8, 0x16, 0, FEATURE_SSE }, /* MOVHPS, MOVLHPS */
	{ 1, 0x16, 0x66, REG, X, X, 8, 0x16, MO, FEATURE_SSE2 }, /* MOVHPD */
	{ 1, 0x16, 0xf3, REG, X, X, 16, 0x16, A | W, FEATURE_SSE3 }, /* MOVSHDUP */
	{ 1, 0x17, 0x00, REG, X, X, 8, 0x17, S | MO, FEATURE_SSE }, /* MOVHPS */
	{ 1, 0x17, 0x66, REG, X, X, 8, 0x17, S | MO, FEATURE_SSE2 }, /* MOVHPD */
	{ 1, 0x28, 0x00, REG, X, X, 16, 0x28, A | W, FEATURE_SSE }, /* MOVAPS */
	{ 1, 0x28, 0x66, REG, X, X, 16, 0x28, A | W, FEATURE_SSE2 }, /* MOVAPD */
	{ 1, 0x29, 0x00, REG, X, X, 16, 0x29, S | A, FEATURE_SSE }, /* MOVAPS */
	{ 1, 0x29, 0x66, REG, X, X, 16, 0x29, S | A, FEATURE_SSE2 }, /* MOVAPD */
	{ 1, 0x2a, 0x00, REG, X, M, 8, 0x2a, E, FEATURE_SSE }, /* CVTPI2PS */
	{ 1, 0x2a, 0x66, REG, X, M, 8, 0x2a, Q, FEATURE_SSE2 }, /* CVTPI2PD */
	{ 1, 0x2a, 0xf3, REG, X, G, 4, 0x2a, E, FEATURE_SSE }, /* CVTSI2SS */
	{ 1, 0x2a, 0xf2, REG, X, G, 4, 0x2a, E, FEATURE_SSE2 }, /* CVTSI2SD */
	{ 1, 0x2b, 0x00, REG, X, X, 16, 0x29, S | MO | A, FEATURE_SSE }, /* MOVNTPS */
	{ 1, 0x2b, 0x66, REG, X, X, 16, 0x29, S | MO | A, FEATURE_SSE2 }, /* MOVNTPD */
	{ 1, 0x2c, 0x00, REG, M, X, 8, 0x2c, E | W, FEATURE_SSE }, /* CVTTPS2PI */
	{ 1, 0x2c, 0x66, REG, M, X, 16, 0x2c, A | E | W, FEATURE_SSE2 }, /* CVTTPD2PI */
	{ 1, 0x2c, 0xf3, REG, G, X, 4, 0x2c, E | W, FEATURE_SSE }, /* CVTTSS2SI */
	{ 1, 0x2c, 0xf2, REG, G, X, 8, 0x2c, E | W, FEATURE_SSE2 }, /* CVTTSD2SI */
	{ 1, 0x2d, 0x00, REG, M, X, 8, 0x2d, E | W, FEATURE_SSE }, /* CVTPS2PI */
	{ 1, 0x2d, 0x66, REG, M, X, 16, 0x2d, A | E | W, FEATURE_SSE2 }, /* CVTPD2PI */
	{ 1, 0x2d, 0xf3, REG, G, X, 4, 0x2d, E | W, FEATURE_SSE }, /* CVTSS2SI */
	{ 1, 0x2d, 0xf2, REG, G, X, 8, 0x2d, E | W, FEATURE_SSE2 }, /* CVTSD2SI */
	{ 1, 0x2e, 0x00, REG, X, X, 4, 0x2e, C | E, FEATURE_SSE }, /* UCOMISS */
	{ 1, 0x2e, 0x66, REG, X, X, 8, 0x2e, C | E, FEATURE_SSE2 }, /* UCOMISD */
	{ 1, 0x2f, 0x00, REG, X, X, 4, 0x2f, C | E, FEATURE_SSE }, /* COMISS */
	{ 1, 0x2f, 0x66, REG, X, X, 8, 0x2f, C | E, FEATURE_SSE2 }, /* COMISD */
	{ 1, 0x50, 0x00, REG, G, X, 0, 0x50, RO | W, FEATURE_SSE }, /* MOVMSKPS */
	{ 1, 0x50, 0x66, REG, G, X, 0, 0x50, RO | W, FEATURE_SSE2 }, /* MOVMSKPD */
	{ 1, 0x51, 0x00, REG, X, X, 16, 0x51, A | E, FEATURE_SSE }, /* SQRTPS */
	{ 1, 0x51, 0x66, REG, X, X, 16, 0x51, A | E | D, FEATURE_SSE2 }, /* SQRTPD */
	{ 1, 0x51, 0xf3, REG, X, X, 4, 0x51, E | L, FEATURE_SSE }, /* SQRTSS */
	{ 1, 0x51, 0xf2, REG, X, X, 8, 0x51, E | D | L, FEATURE_SSE2 }, /* SQRTSD */
	{ 1, 0x52, 0x00, REG, X, X, 16, 0x52, A | W, FEATURE_SSE }, /* RSQRTPS */
	{ 1, 0x52, 0xf3, REG, X, X, 4, 0x52, 0, FEATURE_SSE }, /* RSQRTSS */
	{ 1, 0x53, 0x00, REG, X, X, 16, 0x53, A | W, FEATURE_SSE }, /* RCPPS */
	{ 1, 0x53, 0xf3, REG, X, X, 4, 0x53, 0, FEATURE_SSE }, /* RCPSS */
	{ 1, 0x54, 0x00, REG, X, X, 16, 0x54, A, FEATURE_SSE }, /* ANDPS */
	{ 1, 0x54, 0x66, REG, X, X, 16, 0x54, A, FEATURE_SSE2 }, /* ANDPD */
	{ 1, 0x55, 0x00, REG, X, X, 16, 0x55, A, FEATURE_SSE }, /* ANDNPS */
	{ 1, 0x55, 0x66, REG, X, X, 16, 0x55, A, FEATURE_SSE2 }, /* ANDNPD */
	{ 1, 0x56, 0x00, REG, X, X, 16, 0x56, A, FEATURE_SSE }, /* ORPS */
	{ 1, 0x56, 0x66, REG, X, X, 16, 0x56, A, FEATURE_SSE2 }, /* ORPD */
	{ 1, 0x57, 0x00, REG, X, X, 16, 0x57, A, FEATURE_SSE }, /* XORPS */
	{ 1, 0x57, 0x66, REG, X, X, 16, 0x57, A, FEATURE_SSE2 }, /* XORPD */
	{ 1, 0x58, 0x00, REG, X, X, 16, 0x58, A | E | T, FEATURE_SSE }, /* ADDPS */
	{ 1, 0x58, 0x66, REG, X, X, 16, 0x58, A | E | T | D, FEATURE_SSE2 }, /* ADDPD */
	{ 1, 0x58, 0xf3, REG, X, X, 4, 0x58, E | T | L, FEATURE_SSE }, /* ADDSS */
	{ 1, 0x58, 0xf2, REG, X, X, 8, 0x58, E | T | D | L, FEATURE_SSE2 }, /* ADDSD */
	{ 1, 0x59, 0x00, REG, X, X, 16, 0x59, A | E | T, FEATURE_SSE }, /* MULPS */
	{ 1, 0x59, 0x66, REG, X, X, 16, 0x59, A | E | T | D, FEATURE_SSE2 }, /* MULPD */
	{ 1, 0x59, 0xf3, REG, X, X, 4, 0x59, E | T | L, FEATURE_SSE }, /* MULSS */
	{ 1, 0x59, 0xf2, REG, X, X, 8, 0x59, E | T | D | L, FEATURE_SSE2 }, /* MULSD */
	{ 1, 0x5a, 0x00, REG, X, X, 8, 0x5a, E | W, FEATURE_SSE2 }, /* CVTPS2PD */
	{ 1, 0x5a, 0x66, REG, X, X, 16, 0x5a, A | E | T | W, FEATURE_SSE2 }, /* CVTPD2PS */
	{ 1, 0x5a, 0xf3, REG, X, X, 4, 0x5a, E | D | L, FEATURE_SSE2 }, /* CVTSS2SD */
	{ 1, 0x5a, 0xf2, REG, X, X, 8, 0x5a, E | T | L, FEATURE_SSE2 }, /* CVTSD2SS */
	{ 1, 0x5b, 0x00, REG, X, X, 16, 0x5b, A | E | W, FEATURE_SSE2 }, /* CVTDQ2PS */
	{ 1, 0x5b, 0x66, REG, X, X, 16, 0x5b, A | E | W, FEATURE_SSE2 }, /* CVTPS2DQ */
	{ 1, 0x5b, 0xf3, REG, X, X, 16, 0x5b, A | E | W, FEATURE_SSE2 }, /* CVTTPS2DQ */
	{ 1, 0x5c, 0x00, REG, X, X, 16, 0x5c, A | E | T, FEATURE_SSE }, /* SUBPS */
	{ 1, 0x5c, 0x66, REG, X, X, 16, 0x5c, A | E | T | D, FEATURE_SSE2 }, /* SUBPD */
	{ 1, 0x5c, 0xf3, REG, X, X, 4, 0x5c, E | T | L, FEATURE_SSE }, /* SUBSS */
	{ 1, 0x5c, 0xf2, REG, X, X, 8, 0x5c, E | T | D | L, FEATURE_SSE2 }, /* SUBSD */
	{ 1, 0x5d, 0x00, REG, X, X, 16, 0x5d, A | E, FEATURE_SSE }, /* MINPS */
	{ 1, 0x5d, 0x66, REG, X, X, 16, 0x5d, A | E | D, FEATURE_SSE2 }, /* MINPD */
	{ 1, 0x5d, 0xf3, REG, X, X, 4, 0x5d, E | L, FEATURE_SSE }, /* MINSS */
	{ 1, 0x5d, 0xf2, REG, X, X, 8, 0x5d, E | D | L, FEATURE_SSE2 }, /* MINSD */
	{ 1, 0x5e, 0x00, REG, X, X, 16, 0x5e, A | E | T, FEATURE_SSE }, /* DIVPS */
	{ 1, 0x5e, 0x66, REG, X, X, 16, 0x5e, A | E | T | D, FEATURE_SSE2 }, /* DIVPD */
	{ 1, 0x5e, 0xf3, REG, X, X, 4, 0x5e, E | T | L, FEATURE_SSE }, /* DIVSS */
	{ 1, 0x5e, 0xf2, REG, X, X, 8, 0x5e, E | T | D | L, FEATURE_SSE2 }, /* DIVSD */
	{ 1, 0x5f, 0x00, REG, X, X, 16, 0x5f, A | E, FEATURE_SSE }, /* MAXPS */
	{ 1, 0x5f, 0x66, REG, X, X, 16, 0x5f, A | E | D, FEATURE_SSE2 }, /* MAXPD */
	{ 1, 0x5f, 0xf3, REG, X, X, 4, 0x5f, E | L, FEATURE_SSE }, /* MAXSS */
	{ 1, 0x5f, 0xf2, REG, X, X, 8, 0x5f, E | D | L, FEATURE_SSE2 }, /* MAXSD */
	{ 1, 0x60, 0x00, REG, M, M, 4, 0x60, 0, FEATURE_MMX }, /* PUNPCKLBW */
	{ 1, 0x60, 0x66, REG, X, X, 16, 0x60, A, FEATURE_SSE2 }, /* PUNPCKLBW */
	{ 1, 0x61, 0x00, REG, M, M, 4, 0x61, 0, FEATURE_MMX }, /* PUNPCKLWD */
	{ 1, 0x61, 0x66, REG, X, X, 16, 0x61, A, FEATURE_SSE2 }, /* PUNPCKLWD */
	{ 1, 0x62, 0x00, REG, M, M, 4, 0x62, 0, FEATURE_MMX }, /* PUNPCKLDQ */
	{ 1, 0x62, 0x66, REG, X, X, 16, 0x62, A, FEATURE_SSE2 }, /* PUNPCKLDQ */
	{ 1, 0x63, 0x00, REG, M, M, 8, 0x63, 0, FEATURE_MMX }, /* PACKSSWB */
	{ 1, 0x63, 0x66, REG, X, X, 16, 0x63, A, FEATURE_SSE2 }, /* PACKSSWB */
	{ 1, 0x64, 0x00, REG, M, M, 8, 0x64, 0, FEATURE_MMX }, /* PCMPGTB */
	{ 1, 0x64, 0x66, REG, X, X, 16, 0x64, A, FEATURE_SSE2 }, /* PCMPGTB */
	{ 1, 0x65, 0x00, REG, M, M, 8, 0x65, 0, FEATURE_MMX }, /* PCMPGTW */
	{ 1, 0x65, 0x66, REG, X, X, 16, 0x65, A, FEATURE_SSE2 }, /* PCMPGTW */
	{ 1, 0x66, 0x00, REG, M, M, 8, 0x66, 0, FEATURE_MMX }, /* PCMPGTD */
	{ 1, 0x66, 0x66, REG, X, X, 16, 0x66, A, FEATURE_SSE2 }, /* PCMPGTD */
	{ 1, 0x67, 0x00, REG, M, M, 8, 0x67, 0, FEATURE_MMX }, /* PACKUSWB */
	{ 1, 0x67, 0x66, REG, X, X, 16, 0x67, A, FEATURE_SSE2 }, /* PACKUSWB */
	{ 1, 0x68, 0x00, REG, M, M, 8, 0x68, 0, FEATURE_MMX }, /* PUNPCKHBW */
	{ 1, 0x68, 0x66, REG, X, X, 16, 0x68, A, FEATURE_SSE2 }, /* PUNPCKHBW */
	{ 1, 0x69, 0x00, REG, M, M, 8, 0x69, 0, FEATURE_MMX }, /* PUNPCKHWD */
	{ 1, 0x69, 0x66, REG, X, X, 16, 0x69, A, FEATURE_SSE2 }, /* PUNPCKHWD */
	{ 1, 0x6a, 0x00, REG, M, M, 8, 0x6a, 0, FEATURE_MMX }, /* PUNPCKHDQ */
	{ 1, 0x6a, 0x66, REG, X, X, 16, 0x6a, A, FEATURE_SSE2 }, /* PUNPCKHDQ */
	{ 1, 0x6b, 0x00, REG, M, M, 8, 0x6b, 0, FEATURE_MMX }, /* PACKSSDW */
	{ 1, 0x6b, 0x66, REG, X, X, 16, 0x6b, A, FEATURE_SSE2 }, /* PACKSSDW */
	{ 1, 0x6c, 0x66, REG, X, X, 16, 0x6c, A, FEATURE_SSE2 }, /* PUNPCKLQDQ */
	{ 1, 0x6d, 0x66, REG, X, X, 16, 0x6d, A, FEATURE_SSE2 }, /* PUNPCKHQDQ */
	{ 1, 0x6e, 0x00, REG, M, G, 4, 0x6e, W, FEATURE_MMX }, /* MOVD */
	{ 1, 0x6e, 0x66, REG, X, G, 4, 0x6e, W, FEATURE_SSE2 }, /* MOVD */
	{ 1, 0x6f, 0x00, REG, M, M, 8, 0x6f, W, FEATURE_MMX }, /* MOVQ */
	{ 1, 0x6f, 0x66, REG, X, X, 16, 0x6f, A | W, FEATURE_SSE2 }, /* MOVDQA */
	{ 1, 0x6f, 0xf3, REG, X, X, 16, 0x6f, W, FEATURE_SSE2 }, /* MOVDQU */
	{ 1, 0x70, 0x00, REG, M, M, 8, 0x70, I | W, FEATURE_SSE }, /* PSHUFW */
	{ 1, 0x70, 0x66, REG, X, X, 16, 0x70, I | A | W, FEATURE_SSE2 }, /* PSHUFD */
	{ 1, 0x70, 0xf3, REG, X, X, 16, 0x70, I | A | W, FEATURE_SSE2 }, /* PSHUFHW */
	{ 1, 0x70, 0xf2, REG, X, X, 16, 0x70, I | A | W, FEATURE_SSE2 }, /* PSHUFLW */
	{ 1, 0x71, 0x00, 2, N, M, 0, 0x71, I | S | RO, FEATURE_MMX }, /* PSRLW */
	{ 1, 0x71, 0x66, 2, N, X, 0, 0x71, I | S | RO, FEATURE_SSE2 }, /* PSRLW */
	{ 1, 0x71, 0x00, 4, N, M, 0, 0x71, I | S | RO, FEATURE_MMX }, /* PSRAW */
	{ 1, 0x71, 0x66, 4, N, X, 0, 0x71, I | S | RO, FEATURE_SSE2 }, /* PSRAW */
	{ 1, 0x71, 0x00, 6, N, M, 0, 0x71, I | S | RO, FEATURE_MMX }, /* PSLLW */
	{ 1, 0x71, 0x66, 6, N, X, 0, 0x71, I | S | RO, FEATURE_SSE2 }, /* PSLLW */
	{ 1, 0x72, 0x00, 2, N, M, 0, 0x72, I | S | RO, FEATURE_MMX }, /* PSRLD */
	{ 1, 0x72, 0x66, 2, N, X, 0, 0x72, I | S | RO, FEATURE_SSE2 }, /* PSRLD */
	{ 1, 0x72, 0x00, 4, N, M, 0, 0x72, I | S | RO, FEATURE_MMX }, /* PSRAD */
	{ 1, 0x72, 0x66, 4, N, X, 0, 0x72, I | S | RO, FEATURE_SSE2 }, /* PSRAD */
	{ 1, 0x72, 0x00, 6, N, M, 0, 0x72, I | S | RO, FEATURE_MMX }, /* PSLLD */
	{ 1, 0x72, 0x66, 6, N, X, 0, 0x72, I | S | RO, FEATURE_SSE2 }, /* PSLLD */
	{ 1, 0x73, 0x00, 2, N, M, 0, 0x73, I | S | RO, FEATURE_MMX }, /* PSRLQ */
	{ 1, 0x73, 0x66, 2, N, X, 0, 0x73, I | S | RO, FEATURE_SSE2 }, /* PSRLQ */
	{ 1, 0x73, 0x00, 6, N, M, 0, 0x73, I | S | RO, FEATURE_MMX }, /* PSLLQ */
	{ 1, 0x73, 0x66, 6, N, X, 0, 0x73, I | S | RO, FEATURE_SSE2 }, /* PSLLQ */
	{ 1, 0x73, 0x66, 3, N, X, 0, 0x73, I | S | RO, FEATURE_SSE2 }, /* PSRLDQ */
	{ 1, 0x73, 0x66, 7, N, X, 0, 0x73, I | S | RO, FEATURE_SSE2 }, /* PSLLDQ */
	{ 1, 0x74, 0x00, REG, M, M, 8, 0x74, 0, FEATURE_MMX }, /* PCMPEQB */
	{ 1, 0x74, 0x66, REG, X, X, 16, 0x74, A, FEATURE_SSE2 }, /* PCMPEQB */
	{ 1, 0x75, 0x00, REG, M, M, 8, 0x75, 0, FEATURE_MMX }, /* PCMPEQW */
	{ 1, 0x75, 0x66, REG, X, X, 16, 0x75, A, FEATURE_SSE2 }, /* PCMPEQW */
	{ 1, 0x76, 0x00, REG, M, M, 8, 0x76, 0, FEATURE_MMX }, /* PCMPEQD */
	{ 1, 0x76, 0x66, REG, X, X, 16, 0x76, A, FEATURE_SSE2 }, /* PCMPEQD */
	{ 1, 0x7c, 0x66, REG, X, X, 16, 0x7c, A | E | T | D, FEATURE_SSE3 }, /* HADDPD */
	{ 1, 0x7c, 0xf2, REG, X, X, 16, 0x7c, A | E | T, FEATURE_SSE3 }, /* HADDPS */
	{ 1, 0x7d, 0x66, REG, X, X, 16, 0x7d, A | E | T | D, FEATURE_SSE3 }, /* HSUBPD */
	{ 1, 0x7d, 0xf2, REG, X, X, 16, 0x7d, A | E | T, FEATURE_SSE3 }, /* HSUBPS */
	{ 1, 0x7e, 0x00, REG, M, G, 4, 0x7e, S, FEATURE_MMX }, /* MOVD */
	{ 1, 0x7e, 0x66, REG, X, G, 4, 0x7e, S, FEATURE_SSE2 }, /* MOVD */
	{ 1, 0x7e, 0xf3, REG, X, X, 8, 0x7e, W, FEATURE_SSE2 }, /* MOVQ */
	{ 1, 0x7f, 0x00, REG, M, M, 8, 0x7f, S, FEATURE_MMX }, /* MOVQ */
	{ 1, 0x7f, 0x66, REG, X, X, 16, 0x7f, S | A, FEATURE_SSE2 }, /* MOVDQA */
	{ 1, 0x7f, 0xf3, REG, X, X, 16, 0x7f, S, FEATURE_SSE2 }, /* MOVDQU */
	{ 1, 0xc2, 0x00, REG, X, X, 16, 0xc2, I | A | E, FEATURE_SSE }, /* CMPPS */
	{ 1, 0xc2, 0x66, REG, X, X, 16, 0xc2, I | A | E | D, FEATURE_SSE2 }, /* CMPPD */
	{ 1, 0xc2, 0xf3, REG, X, X, 4, 0xc2, I | E | L, FEATURE_SSE }, /* CMPSS */
	{ 1, 0xc2, 0xf2, REG, X, X, 8, 0xc2, I | E | D | L, FEATURE_SSE2 }, /* CMPSD */
	{ 1, 0xc4, 0x00, REG, M, G, 2, 0xc4, I, FEATURE_SSE }, /* PINSRW */
	{ 1, 0xc4, 0x66, REG, X, G, 2, 0xc4, I, FEATURE_SSE2 }, /* PINSRW */
	{ 1, 0xc5, 0x00, REG, G, M, 0, 0xc5, I | RO | W, FEATURE_SSE }, /* PEXTRW */
	{ 1, 0xc5, 0x66, REG, G, X, 0, 0xc5, I | RO | W, FEATURE_SSE2 }, /* PEXTRW */
	{ 1, 0xc6, 0x00, REG, X, X, 16, 0xc6, I | A, FEATURE_SSE }, /* SHUFPS */
	{ 1, 0xc6, 0x66, REG, X, X, 16, 0xc6, I | A, FEATURE_SSE2 }, /* SHUFPD */
	{ 1, 0xd0, 0x66, REG, X, X, 16, 0xd0, A | E | T | D, FEATURE_SSE3 }, /* ADDSUBPD */
	{ 1, 0xd0, 0xf2, REG, X, X, 16, 0xd0, A | E | T, FEATURE_SSE3 }, /* ADDSUBPS */
	{ 1, 0xd1, 0x00, REG, M, M, 8, 0xd1, 0, FEATURE_MMX }, /* PSRLW */
	{ 1, 0xd1, 0x66, REG, X, X, 16, 0xd1, A, FEATURE_SSE2 }, /* PSRLW */
	{ 1, 0xd2, 0x00, REG, M, M, 8, 0xd2, 0, FEATURE_MMX }, /* PSRLD */
	{ 1, 0xd2, 0x66, REG, X, X, 16, 0xd2, A, FEATURE_SSE2 }, /* PSRLD */
	{ 1, 0xd3, 0x00, REG, M, M, 8, 0xd3, 0, FEATURE_MMX }, /* PSRLQ */
	{ 1, 0xd3, 0x66, REG, X, X, 16, 0xd3, A, FEATURE_SSE2 }, /* PSRLQ */
	{ 1, 0xd4, 0x00, REG, M, M, 8, 0xd4, 0, FEATURE_SSE2 }, /* PADDQ */
	{ 1, 0xd4, 0x66, REG, X, X, 16, 0xd4, A, FEATURE_SSE2 }, /* PADDQ */
	{ 1, 0xd5, 0x00, REG, M, M, 8, 0xd5, 0, FEATURE_MMX }, /* PMULLW */
	{ 1, 0xd5, 0x66, REG, X, X, 16, 0xd5, A, FEATURE_SSE2 }, /* PMULLW */
	{ 1, 0xd6, 0x66, REG, X, X, 8, 0xd6, S, FEATURE_SSE2 }, /* MOVQ */
	{ 1, 0xd6, 0xf3, REG, X, M, 0, 0xd6, RO | W, FEATURE_SSE2 }, /* MOVQ2DQ */
	{ 1, 0xd6, 0xf2, REG, M, X, 0, 0xd6, RO | W, FEATURE_SSE2 }, /* MOVDQ2Q */
	{ 1, 0xd7, 0x00, REG, G, M, 0, 0xd7, RO | W, FEATURE_SSE }, /* PMOVMSKB */
	{ 1, 0xd7, 0x66, REG, G, X, 0, 0xd7, RO | W, FEATURE_SSE2 }, /* PMOVMSKB */
	{ 1, 0xd8, 0x00, REG, M, M, 8, 0xd8, 0, FEATURE_MMX }, /* PSUBUSB */
	{ 1, 0xd8, 0x66, REG, X, X, 16, 0xd8, A, FEATURE_SSE2 }, /* PSUBUSB */
	{ 1, 0xd9, 0x00, REG, M, M, 8, 0xd9, 0, FEATURE_MMX }, /* PSUBUSW */
	{ 1, 0xd9, 0x66, REG, X, X, 16, 0xd9, A, FEATURE_SSE2 }, /* PSUBUSW */
	{ 1, 0xda, 0x00, REG, M, M, 8, 0xda, 0, FEATURE_SSE }, /* PMINUB */
	{ 1, 0xda, 0x66, REG, X, X, 16, 0xda, A, FEATURE_SSE2 }, /* PMINUB */
	{ 1, 0xdb, 0x00, REG, M, M, 8, 0xdb, 0, FEATURE_MMX }, /* PAND */
	{ 1, 0xdb, 0x66, REG, X, X, 16, 0xdb, A, FEATURE_SSE2 }, /* PAND */
	{ 1, 0xdc, 0x00, REG, M, M, 8, 0xdc, 0, FEATURE_MMX }, /* PADDUSB */
	{ 1, 0xdc, 0x66, REG, X, X, 16, 0xdc, A, FEATURE_SSE2 }, /* PADDUSB */
	{ 1, 0xdd, 0x00, REG, M, M, 8, 0xdd, 0, FEATURE_MMX }, /* PADDUSW */
	{ 1, 0xdd, 0x66, REG, X, X, 16, 0xdd, A, FEATURE_SSE2 }, /* PADDUSW */
	{ 1, 0xde, 0x00, REG, M, M, 8, 0xde, 0, FEATURE_SSE }, /* PMAXUB */
	{ 1, 0xde, 0x66, REG, X, X, 16, 0xde, A, FEATURE_SSE2 }, /* PMAXUB */
	{ 1, 0xdf, 0x00, REG, M, M, 8, 0xdf, 0, FEATURE_MMX }, /* PANDN */
	{ 1, 0xdf, 0x66, REG, X, X, 16, 0xdf, A, FEATURE_SSE2 }, /* PANDN */
	{ 1, 0xe0, 0x00, REG, M, M, 8, 0xe0, 0, FEATURE_SSE }, /* PAVGB */
	{ 1, 0xe0, 0x66, REG, X, X, 16, 0xe0, A, FEATURE_SSE2 }, /* PAVGB */
	{ 1, 0xe1, 0x00, REG, M, M, 8, 0xe1, 0, FEATURE_MMX }, /* PSRAW */
	{ 1, 0xe1, 0x66, REG, X, X, 16, 0xe1, A, FEATURE_SSE2 }, /* PSRAW */
	{ 1, 0xe2, 0x00, REG, M, M, 8, 0xe2, 0, FEATURE_MMX }, /* PSRAD */
	{ 1, 0xe2, 0x66, REG, X, X, 16, 0xe2, A, FEATURE_SSE2 }, /* PSRAD */
	{ 1, 0xe3, 0x00, REG, M, M, 8, 0xe3, 0, FEATURE_SSE }, /* PAVGW */
	{ 1, 0xe3, 0x66, REG, X, X, 16, 0xe3, A, FEATURE_SSE2 }, /* PAVGW */
	{ 1, 0xe4, 0x00, REG, M, M, 8, 0xe4, 0, FEATURE_SSE }, /* PMULHUW */
	{ 1, 0xe4, 0x66, REG, X, X, 16, 0xe4, A, FEATURE_SSE2 }, /* PMULHUW */
	{ 1, 0xe5, 0x00, REG, M, M, 8, 0xe5, 0, FEATURE_MMX }, /* PMULHW */
	{ 1, 0xe5, 0x66, REG, X, X, 16, 0xe5, A, FEATURE_SSE2 }, /* PMULHW */
	{ 1, 0xe6, 0x66, REG, X, X, 16, 0xe6, A | E | W, FEATURE_SSE2 }, /* CVTTPD2DQ */
	{ 1, 0xe6, 0xf3, REG, X, X, 8, 0xe6, W, FEATURE_SSE2 }, /* CVTDQ2PD */
	{ 1, 0xe6, 0xf2, REG, X, X, 16, 0xe6, A | E | W, FEATURE_SSE2 }, /* CVTPD2DQ */
	{ 1, 0xe7, 0x00, REG, M, M, 8, 0x7f, S | MO, FEATURE_SSE }, /* MOVNTQ */
	{ 1, 0xe7, 0x66, REG, X, X, 16, 0x7f, S | MO | A, FEATURE_SSE2 }, /* MOVNTDQ */
	{ 1, 0xe8, 0x00, REG, M, M, 8, 0xe8, 0, FEATURE_MMX }, /* PSUBSB */
	{ 1, 0xe8, 0x66, REG, X, X, 16, 0xe8, A, FEATURE_SSE2 }, /* PSUBSB */
	{ 1, 0xe9, 0x00, REG, M, M, 8, 0xe9, 0, FEATURE_MMX }, /* PSUBSW */
	{ 1, 0xe9, 0x66, REG, X, X, 16, 0xe9, A, FEATURE_SSE2 }, /* PSUBSW */
	{ 1, 0xea, 0x00, REG, M, M, 8, 0xea, 0, FEATURE_SSE }, /* PMINSW */
	{ 1, 0xea, 0x66, REG, X, X, 16, 0xea, A, FEATURE_SSE2 }, /* PMINSW */
	{ 1, 0xeb, 0x00, REG, M, M, 8, 0xeb, 0, FEATURE_MMX }, /* POR */
	{ 1, 0xeb, 0x66, REG, X, X, 16, 0xeb, A, FEATURE_SSE2 }, /* POR */
	{ 1, 0xec, 0x00, REG, M, M, 8, 0xec, 0, FEATURE_MMX }, /* PADDSB */
	{ 1, 0xec, 0x66, REG, X, X, 16, 0xec, A, FEATURE_SSE2 }, /* PADDSB */
	{ 1, 0xed, 0x00, REG, M, M, 8, 0xed, 0, FEATURE_MMX }, /* PADDSW */
	{ 1, 0xed, 0x66, REG, X, X, 16, 0xed, A, FEATURE_SSE2 }, /* PADDSW */
	{ 1, 0xee, 0x00, REG, M, M, 8, 0xee, 0, FEATURE_SSE }, /* PMAXSW */
	{ 1, 0xee, 0x66, REG, X, X, 16, 0xee, A, FEATURE_SSE2 }, /* PMAXSW */
	{ 1, 0xef, 0x00, REG, M, M, 8, 0xef, 0, FEATURE_MMX }, /* PXOR */
	{ 1, 0xef, 0x66, REG, X, X, 16, 0xef, A, FEATURE_SSE2 }, /* PXOR */
	{ 1, 0xf0, 0xf2, REG, X, X, 16, 0xf0, MO | W, FEATURE_SSE3 }, /* LDDQU */
	{ 1, 0xf1, 0x00, REG, M, M, 8, 0xf1, 0, FEATURE_MMX }, /* PSLLW */
	{ 1, 0xf1, 0x66, REG, X, X, 16, 0xf1, A, FEATURE_SSE2 }, /* PSLLW */
	{ 1, 0xf2, 0x00, REG, M, M, 8, 0xf2, 0, FEATURE_MMX }, /* PSLLD */
	{ 1, 0xf2, 0x66, REG, X, X, 16, 0xf2, A, FEATURE_SSE2 }, /* PSLLD */
	{ 1, 0xf3, 0x00, REG, M, M, 8, 0xf3, 0, FEATURE_MMX }, /* PSLLQ */
	{ 1, 0xf3, 0x66, REG, X, X, 16, 0xf3, A, FEATURE_SSE2 }, /* PSLLQ */
	{ 1, 0xf4, 0x00, REG, M, M, 8, 0xf4, 0, FEATURE_SSE2 }, /* PMULUDQ */
	{ 1, 0xf4, 0x66, REG, X, X, 16, 0xf4, A, FEATURE_SSE2 }, /* PMULUDQ */
	{ 1, 0xf5, 0x00, REG, M, M, 8, 0xf5, 0, FEATURE_MMX }, /* PMADDWD */
	{ 1, 0xf5, 0x66, REG, X, X, 16, 0xf5, A, FEATURE_SSE2 }, /* PMADDWD */
	{ 1, 0xf6, 0x00, REG, M, M, 8, 0xf6, 0, FEATURE_SSE }, /* PSADBW */
	{ 1, 0xf6, 0x66, REG, X, X, 16, 0xf6, A, FEATURE_SSE2 }, /* PSADBW */
	{ 1, 0xf8, 0x00, REG, M, M, 8, 0xf8, 0, FEATURE_MMX }, /* PSUBB */
	{ 1, 0xf8, 0x66, REG, X, X, 16, 0xf8, A, FEATURE_SSE2 }, /* PSUBB */
	{ 1, 0xf9, 0x00, REG, M, M, 8, 0xf9, 0, FEATURE_MMX }, /* PSUBW */
	{ 1, 0xf9, 0x66, REG, X, X, 16, 0xf9, A, FEATURE_SSE2 }, /* PSUBW */
	{ 1, 0xfa, 0x00, REG, M, M, 8, 0xfa, 0, FEATURE_MMX }, /* PSUBD */
	{ 1, 0xfa, 0x66, REG, X, X, 16, 0xfa, A, FEATURE_SSE2 }, /* PSUBD */
	{ 1, 0xfb, 0x00, REG, M, M, 8, 0xfb, 0, FEATURE_SSE2 }, /* PSUBQ */
	{ 1, 0xfb, 0x66, REG, X, X, 16, 0xfb, A, FEATURE_SSE2 }, /* PSUBQ */
	{ 1, 0xfc, 0x00, REG, M, M, 8, 0xfc, 0, FEATURE_MMX }, /* PADDB */
	{ 1, 0xfc, 0x66, REG, X, X, 16, 0xfc, A, FEATURE_SSE2 }, /* PADDB */
	{ 1, 0xfd, 0x00, REG, M, M, 8, 0xfd, 0, FEATURE_MMX }, /* PADDW */
	{ 1, 0xfd, 0x66, REG, X, X, 16, 0xfd, A, FEATURE_SSE2 }, /* PADDW */
	{ 1, 0xfe, 0x00, REG, M, M, 8, 0xfe, 0, FEATURE_MMX }, /* PADDD */
	{ 1, 0xfe, 0x66, REG, X, X, 16, 0xfe, A, FEATURE_SSE2 }, /* PADDD */
	{ 2, 0x00, 0x00, REG, M, M, 8, 0x00, 0, FEATURE_SSSE3 }, /* PSHUFB */
	{ 2, 0x00, 0x66, REG, X, X, 16, 0x00, A, FEATURE_SSSE3 }, /* PSHUFB */
	{ 2, 0x01, 0x00, REG, M, M, 8, 0x01, 0, FEATURE_SSSE3 }, /* PHADDW */
	{ 2, 0x01, 0x66, REG, X, X, 16, 0x01, A, FEATURE_SSSE3 }, /* PHADDW */
	{ 2, 0x02, 0x00, REG, M, M, 8, 0x02, 0, FEATURE_SSSE3 }, /* PHADDD */
	{ 2, 0x02, 0x66, REG, X, X, 16, 0x02, A, FEATURE_SSSE3 }, /* PHADDD */
	{ 2, 0x03, 0x00, REG, M, M, 8, 0x03, 0, FEATURE_SSSE3 }, /* PHADDSW */
	{ 2, 0x03, 0x66, REG, X, X, 16, 0x03, A, FEATURE_SSSE3 }, /* PHADDSW */
	{ 2, 0x04, 0x00, REG, M, M, 8, 0x04, 0, FEATURE_SSSE3 }, /* PMADDUBSW */
	{ 2, 0x04, 0x66, REG, X, X, 16, 0x04, A, FEATURE_SSSE3 }, /* PMADDUBSW */
	{ 2, 0x05, 0x00, REG, M, M, 8, 0x05, 0, FEATURE_SSSE3 }, /* PHSUBW */
	{ 2, 0x05, 0x66, REG, X, X, 16, 0x05, A, FEATURE_SSSE3 }, /* PHSUBW */
	{ 2, 0x06, 0x00, REG, M, M, 8, 0x06, 0, FEATURE_SSSE3 }, /* PHSUBD */
	{ 2, 0x06, 0x66, REG, X, X, 16, 0x06, A, FEATURE_SSSE3 }, /* PHSUBD */
	{ 2, 0x07, 0x00, REG, M, M, 8, 0x07, 0, FEATURE_SSSE3 }, /* PHSUBSW */
	{ 2, 0x07, 0x66, REG, X, X, 16, 0x07, A, FEATURE_SSSE3 }, /* PHSUBSW */
	{ 2, 0x08, 0x00, REG, M, M, 8, 0x08, 0, FEATURE_SSSE3 }, /* PSIGNB */
	{ 2, 0x08, 0x66, REG, X, X, 16, 0x08, A, FEATURE_SSSE3 }, /* PSIGNB */
	{ 2, 0x09, 0x00, REG, M, M, 8, 0x09, 0, FEATURE_SSSE3 }, /* PSIGNW */
	{ 2, 0x09, 0x66, REG, X, X, 16, 0x09, A, FEATURE_SSSE3 }, /* PSIGNW */
	{ 2, 0x0a, 0x00, REG, M, M, 8, 0x0a, 0, FEATURE_SSSE3 }, /* PSIGND */
	{ 2, 0x0a, 0x66, REG, X, X, 16, 0x0a, A, FEATURE_SSSE3 }, /* PSIGND */
	{ 2, 0x0b, 0x00, REG, M, M, 8, 0x0b, 0, FEATURE_SSSE3 }, /* PMULHRSW */
	{ 2, 0x0b, 0x66, REG, X, X, 16, 0x0b, A, FEATURE_SSSE3 }, /* PMULHRSW */
	{ 2, 0x17, 0x66, REG, X, X, 16, 0x17, C | A, FEATURE_SSE4_1 }, /* PTEST */
	{ 2, 0x1c, 0x00, REG, M, M, 8, 0x1c, 0, FEATURE_SSSE3 }, /* PABSB */
	{ 2, 0x1c, 0x66, REG, X, X, 16, 0x1c, A, FEATURE_SSSE3 }, /* PABSB */
	{ 2, 0x1d, 0x00, REG, M, M, 8, 0x1d, 0, FEATURE_SSSE3 }, /* PABSW */
	{ 2, 0x1d, 0x66, REG, X, X, 16, 0x1d, A, FEATURE_SSSE3 }, /* PABSW */
	{ 2, 0x1e, 0x00, REG, M, M, 8, 0x1e, 0, FEATURE_SSSE3 }, /* PABSD */
	{ 2, 0x1e, 0x66, REG, X, X, 16, 0x1e, A, FEATURE_SSSE3 }, /* PABSD */
	{ 2, 0x20, 0x66, REG, X, X, 8, 0x20, W, FEATURE_SSE4_1 }, /* PMOVSXBW */
	{ 2, 0x21, 0x66, REG, X, X, 4, 0x21, W, FEATURE_SSE4_1 }, /* PMOVSXBD */
	{ 2, 0x22, 0x66, REG, X, X, 2, 0x22, W, FEATURE_SSE4_1 }, /* PMOVSXBQ */
	{ 2, 0x23, 0x66, REG, X, X, 8, 0x23, W, FEATURE_SSE4_1 }, /* PMOVSXWD */
	{ 2, 0x24, 0x66, REG, X, X, 4, 0x24, W, FEATURE_SSE4_1 }, /* PMOVSXWQ */
	{ 2, 0x25, 0x66, REG, X, X, 8, 0x25, W, FEATURE_SSE4_1 }, /* PMOVSXDQ */
	{ 2, 0x28, 0x66, REG, X, X, 16, 0x28, A, FEATURE_SSE4_1 }, /* PMULDQ */
	{ 2, 0x29, 0x66, REG, X, X, 16, 0x29, A, FEATURE_SSE4_1 }, /* PCMPEQQ */
	{ 2, 0x2a, 0x66, REG, X, X, 16, 0x2a, MO | A | W, FEATURE_SSE4_1 }, /* MOVNTDQA */
	{ 2, 0x2b, 0x66, REG, X, X, 16, 0x2b, A, FEATURE_SSE4_1 }, /* PACKUSDW */
	{ 2, 0x30, 0x66, REG, X, X, 8, 0x30, W, FEATURE_SSE4_1 }, /* PMOVZXBW */
	{ 2, 0x31, 0x66, REG, X, X, 4, 0x31, W, FEATURE_SSE4_1 }, /* PMOVZXBD */
	{ 2, 0x32, 0x66, REG, X, X, 2, 0x32, W, FEATURE_SSE4_1 }, /* PMOVZXBQ */
	{ 2, 0x33, 0x66, REG, X, X, 8, 0x33, W, FEATURE_SSE4_1 }, /* PMOVZXWD */
	{ 2, 0x34, 0x66, REG, X, X, 4, 0x34, W, FEATURE_SSE4_1 }, /* PMOVZXWQ */
	{ 2, 0x35, 0x66, REG, X, X, 8, 0x35, W, FEATURE_SSE4_1 }, /* PMOVZXDQ */
	{ 2, 0x37, 0x66, REG, X, X, 16, 0x37, A, FEATURE_SSE4_2 }, /* PCMPGTQ */
	{ 2, 0x38, 0x66, REG, X, X, 16, 0x38, A, FEATURE_SSE4_1 }, /* PMINSB */
	{ 2, 0x39, 0x66, REG, X, X, 16, 0x39, A, FEATURE_SSE4_1 }, /* PMINSD */
	{ 2, 0x3a, 0x66, REG, X, X, 16, 0x3a, A, FEATURE_SSE4_1 }, /* PMINUW */
	{ 2, 0x3b, 0x66, REG, X, X, 16, 0x3b, A, FEATURE_SSE4_1 }, /* PMINUD */
	{ 2, 0x3c, 0x66, REG, X, X, 16, 0x3c, A, FEATURE_SSE4_1 }, /* PMAXSB */
	{ 2, 0x3d, 0x66, REG, X, X, 16, 0x3d, A, FEATURE_SSE4_1 }, /* PMAXSD */
	{ 2, 0x3e, 0x66, REG, X, X, 16, 0x3e, A, FEATURE_SSE4_1 }, /* PMAXUW */
	{ 2, 0x3f, 0x66, REG, X, X, 16, 0x3f, A, FEATURE_SSE4_1 }, /* PMAXUD */
	{ 2, 0x40, 0x66, REG, X, X, 16, 0x40, A, FEATURE_SSE4_1 }, /* PMULLD */
	{ 2, 0x41, 0x66, REG, X, X, 16, 0x41, A, FEATURE_SSE4_1 }, /* PHMINPOSUW */
	{ 2, 0xc8, 0x00, REG, X, X, 16, 0xc8, A, FEATURE_SHA }, /* SHA1NEXTE */
	{ 2, 0xc9, 0x00, REG, X, X, 16, 0xc9, A, FEATURE_SHA }, /* SHA1MSG1 */
	{ 2, 0xca, 0x00, REG, X, X, 16, 0xca, A, FEATURE_SHA }, /* SHA1MSG2 */
	{ 2, 0xcc, 0x00, REG, X, X, 16, 0xcc, A, FEATURE_SHA }, /* SHA256MSG1 */
	{ 2, 0xcd, 0x00, REG, X, X, 16, 0xcd, A, FEATURE_SHA }, /* SHA256MSG2 */
	{ 2, 0xcf, 0x66, REG, X, X, 16, 0xcf, A, FEATURE_GFNI }, /* GF2P8MULB */
	{ 2, 0xdb, 0x66, REG, X, X, 16, 0xdb, A, FEATURE_AES }, /* AESIMC */
	{ 2, 0xdc, 0x66, REG, X, X, 16, 0xdc, A, FEATURE_AES }, /* AESENC */
	{ 2, 0xdd, 0x66, REG, X, X, 16, 0xdd, A, FEATURE_AES }, /* AESENCLAST */
	{ 2, 0xde, 0x66, REG, X, X, 16, 0xde, A, FEATURE_AES }, /* AESDEC */
	{ 2, 0xdf, 0x66, REG, X, X, 16, 0xdf, A, FEATURE_AES }, /* AESDECLAST */
	{ 3, 0x08, 0x66, REG, X, X, 16, 0x08, I | A | E, FEATURE_SSE4_1 }, /* ROUNDPS */
	{ 3, 0x09, 0x66, REG, X, X, 16, 0x09, I | A | E | D, FEATURE_SSE4_1 }, /* ROUNDPD */
	{ 3, 0x0a, 0x66, REG, X, X, 4, 0x0a, I | E | L, FEATURE_SSE4_1 }, /* ROUNDSS */
	{ 3, 0x0b, 0x66, REG, X, X, 8, 0x0b, I | E | D | L, FEATURE_SSE4_1 }, /* ROUNDSD */
	{ 3, 0x0c, 0x66, REG, X, X, 16, 0x0c, I | A, FEATURE_SSE4_1 }, /* BLENDPS */
	{ 3, 0x0d, 0x66, REG, X, X, 16, 0x0d, I | A, FEATURE_SSE4_1 }, /* BLENDPD */
	{ 3, 0x0e, 0x66, REG, X, X, 16, 0x0e, I | A, FEATURE_SSE4_1 }, /* PBLENDW */
	{ 3, 0x0f, 0x00, REG, M, M, 8, 0x0f, I, FEATURE_SSSE3 }, /* PALIGNR */
	{ 3, 0x0f, 0x66, REG, X, X, 16, 0x0f, I | A, FEATURE_SSSE3 }, /* PALIGNR */
	{ 3, 0x14, 0x66, REG, X, G, 1, 0x14, I | S, FEATURE_SSE4_1 }, /* PEXTRB */
	{ 3, 0x15, 0x66, REG, X, G, 2, 0x15, I | S, FEATURE_SSE4_1 }, /* PEXTRW */
	{ 3, 0x16, 0x66, REG, X, G, 4, 0x16, I | S, FEATURE_SSE4_1 }, /* PEXTRD */
	{ 3, 0x17, 0x66, REG, X, G, 4, 0x17, I | S, FEATURE_SSE4_1 }, /* EXTRACTPS */
	{ 3, 0x20, 0x66, REG, X, G, 1, 0x20, I, FEATURE_SSE4_1 }, /* PINSRB */
	{ 3, 0x21, 0x66, REG, X, X, 4, 0x21, I, FEATURE_SSE4_1 }, /* INSERTPS */
	{ 3, 0x22, 0x66, REG, X, G, 4, 0x22, I, FEATURE_SSE4_1 }, /* PINSRD */
	{ 3, 0x40, 0x66, REG, X, X, 16, 0x40, I | A | E | T, FEATURE_SSE4_1 }, /* DPPS */
	{ 3, 0x41, 0x66, REG, X, X, 16, 0x41, I | A | E | T | D, FEATURE_SSE4_1 }, /* DPPD */
	{ 3, 0x42, 0x66, REG, X, X, 16, 0x42, I | A, FEATURE_SSE4_1 }, /* MPSADBW */
	{ 3, 0x44, 0x66, REG, X, X, 16, 0x44, I | A, FEATURE_PCLMULQDQ }, /* PCLMULQDQ */
	{ 3, 0xcc, 0x00, REG, X, X, 16, 0xcc, I | A, FEATURE_SHA }, /* SHA1RNDS4 */
	{ 3, 0xce, 0x66, REG, X, X, 16, 0xce, I | A, FEATURE_GFNI }, /* GF2P8AFFINEQB */
	{ 3, 0xcf, 0x66, REG, X, X, 16, 0xcf, I | A, FEATURE_GFNI }, /* GF2P8AFFINEINVQB */
	{ 3, 0xdf, 0x66, REG, X, X, 16, 0xdf, I | A, FEATURE_AES }, /* AESKEYGENASSIST */
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
