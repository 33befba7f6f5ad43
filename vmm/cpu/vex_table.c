/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The instructions encoded with VEX, ordered by map and opcode, but those that vex.c lists by hand.
 */
#include "vmm/cpu/vex_table.h"

#include <stddef.h>

#include "vmm/cpu/feature.h"
#include "vmm/cpu/vex_short.h"

/* clang-format off */
const struct vex_row vex_rows[] = {
	/* opcode, pp, ModRM.reg, W, lengths, operands in reg, vvvv, rm and is4, memory, element, flags, feature */
	{ 0x110, P0, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VMOVUPS */
	{ 0x110, P66, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VMOVUPD */
	{ 0x110, PF3, REG, WA, LI, V, V, V, N, 4, 0, SC | RV, FEATURE_AVX }, /* VMOVSS */
	{ 0x110, PF2, REG, WA, LI, V, V, V, N, 8, 0, SC | RV, FEATURE_AVX }, /* VMOVSD */
	{ 0x111, P0, REG, WA, L12, V, N, V, N, FULL, 0, ST, FEATURE_AVX }, /* VMOVUPS */
	{ 0x111, P66, REG, WA, L12, V, N, V, N, FULL, 0, ST, FEATURE_AVX }, /* VMOVUPD */
	{ 0x111, PF3, REG, WA, LI, V, V, V, N, 4, 0, ST | SC | RV, FEATURE_AVX }, /* VMOVSS */
	{ 0x111, PF2, REG, WA, LI, V, V, V, N, 8, 0, ST | SC | RV, FEATURE_AVX }, /* VMOVSD */
	{ 0x112, P0, REG, WA, L1, V, V, V, N, 8, 0, 0, FEATURE_AVX }, /* VMOVLPS */
	{ 0x112, P66, REG, WA, L1, V, V, V, N, 8, 0, MO, FEATURE_AVX }, /* VMOVLPD */
	{ 0x112, PF3, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VMOVSLDUP */
	{ 0x112, PF2, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VMOVDDUP */
	{ 0x112, PF2, REG, WA, L2, V, N, V, N, 32, 0, 0, FEATURE_AVX }, /* VMOVDDUP */
	{ 0x113, P0, REG, WA, L1, V, N, V, N, 8, 0, ST | MO, FEATURE_AVX }, /* VMOVLPS */
	{ 0x113, P66, REG, WA, L1, V, N, V, N, 8, 0, ST | MO, FEATURE_AVX }, /* VMOVLPD */
	{ 0x114, P0, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VUNPCKLPS */
	{ 0x114, P66, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VUNPCKLPD */
	{ 0x115, P0, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VUNPCKHPS */
	{ 0x115, P66, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VUNPCKHPD */
	{ 0x116, P0, REG, WA, L1, V, V, V, N, 8, 0, 0, FEATURE_AVX }, /* VMOVHPS */
	{ 0x116, P66, REG, WA, L1, V, V, V, N, 8, 0, MO, FEATURE_AVX }, /* VMOVHPD */
	{ 0x116, PF3, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VMOVSHDUP */
	{ 0x117, P0, REG, WA, L1, V, N, V, N, 8, 0, ST | MO, FEATURE_AVX }, /* VMOVHPS */
	{ 0x117, P66, REG, WA, L1, V, N, V, N, 8, 0, ST | MO, FEATURE_AVX }, /* VMOVHPD */
	{ 0x128, P0, REG, WA, L12, V, N, V, N, FULL, 0, A, FEATURE_AVX }, /* VMOVAPS */
	{ 0x128, P66, REG, WA, L12, V, N, V, N, FULL, 0, A, FEATURE_AVX }, /* VMOVAPD */
	{ 0x129, P0, REG, WA, L12, V, N, V, N, FULL, 0, ST | A, FEATURE_AVX }, /* VMOVAPS */
	{ 0x129, P66, REG, WA, L12, V, N, V, N, FULL, 0, ST | A, FEATURE_AVX }, /* VMOVAPD */
	{ 0x12a, PF3, REG, W0, LI, V, V, G, N, 4, 4, E | SC, FEATURE_AVX }, /* VCVTSI2SS */
	{ 0x12a, PF3, REG, W1, LI, V, V, G, N, 8, 4, E | SC, FEATURE_AVX }, /* VCVTSI2SS */
	{ 0x12a, PF2, REG, W0, LI, V, V, G, N, 4, 8, E | D | SC, FEATURE_AVX }, /* VCVTSI2SD */
	{ 0x12a, PF2, REG, W1, LI, V, V, G, N, 8, 8, E | D | SC, FEATURE_AVX }, /* VCVTSI2SD */
	{ 0x12b, P0, REG, WA, L12, V, N, V, N, FULL, 0, ST | MO | A, FEATURE_AVX }, /* VMOVNTPS */
	{ 0x12b, P66, REG, WA, L12, V, N, V, N, FULL, 0, ST | MO | A, FEATURE_AVX }, /* VMOVNTPD */
	{ 0x12c, PF3, REG, WA, LI, G, N, V, N, 4, 4, E | SC, FEATURE_AVX }, /* VCVTTSS2SI */
	{ 0x12c, PF2, REG, WA, LI, G, N, V, N, 8, 4, E | SC, FEATURE_AVX }, /* VCVTTSD2SI */
	{ 0x12d, PF3, REG, WA, LI, G, N, V, N, 4, 4, E | SC, FEATURE_AVX }, /* VCVTSS2SI */
	{ 0x12d, PF2, REG, WA, LI, G, N, V, N, 8, 4, E | SC, FEATURE_AVX }, /* VCVTSD2SI */
	{ 0x12e, P0, REG, WA, LI, V, N, V, N, 4, 4, C | E | SC, FEATURE_AVX }, /* VUCOMISS */
	{ 0x12e, P66, REG, WA, LI, V, N, V, N, 8, 8, C | E | D | SC, FEATURE_AVX }, /* VUCOMISD */
	{ 0x12f, P0, REG, WA, LI, V, N, V, N, 4, 4, C | E | SC, FEATURE_AVX }, /* VCOMISS */
	{ 0x12f, P66, REG, WA, LI, V, N, V, N, 8, 8, C | E | D | SC, FEATURE_AVX }, /* VCOMISD */
	{ 0x141, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KANDW */
	{ 0x141, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KANDQ */
	{ 0x141, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KANDB */
	{ 0x141, P66, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KANDD */
	{ 0x142, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KANDNW */
	{ 0x142, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KANDNQ */
	{ 0x142, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KANDNB */
	{ 0x142, P66, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KANDND */
	{ 0x144, P0, REG, W0, L1, K_, N, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KNOTW */
	{ 0x144, P0, REG, W1, L1, K_, N, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KNOTQ */
	{ 0x144, P66, REG, W0, L1, K_, N, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KNOTB */
	{ 0x144, P66, REG, W1, L1, K_, N, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KNOTD */
	{ 0x145, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KORW */
	{ 0x145, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KORQ */
	{ 0x145, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KORB */
	{ 0x145, P66, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KORD */
	{ 0x146, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KXNORW */
	{ 0x146, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KXNORQ */
	{ 0x146, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KXNORB */
	{ 0x146, P66, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KXNORD */
	{ 0x147, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KXORW */
	{ 0x147, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KXORQ */
	{ 0x147, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KXORB */
	{ 0x147, P66, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KXORD */
	{ 0x14a, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KADDW */
	{ 0x14a, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KADDQ */
	{ 0x14a, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KADDB */
	{ 0x14a, P66, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KADDD */
	{ 0x14b, P0, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KUNPCKWD */
	{ 0x14b, P0, REG, W1, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KUNPCKDQ */
	{ 0x14b, P66, REG, W0, L2, K_, K_, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KUNPCKBW */
	{ 0x150, P0, REG, WA, L12, G, N, V, N, 0, 0, RO, FEATURE_AVX }, /* VMOVMSKPS */
	{ 0x150, P66, REG, WA, L12, G, N, V, N, 0, 0, RO, FEATURE_AVX }, /* VMOVMSKPD */
	{ 0x151, P0, REG, WA, L12, V, N, V, N, FULL, 4, E, FEATURE_AVX }, /* VSQRTPS */
	{ 0x151, P66, REG, WA, L12, V, N, V, N, FULL, 8, E | D, FEATURE_AVX }, /* VSQRTPD */
	{ 0x151, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | SC, FEATURE_AVX }, /* VSQRTSS */
	{ 0x151, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | D | SC, FEATURE_AVX }, /* VSQRTSD */
	{ 0x152, P0, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VRSQRTPS */
	{ 0x152, PF3, REG, WA, LI, V, V, V, N, 4, 0, SC, FEATURE_AVX }, /* VRSQRTSS */
	{ 0x153, P0, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VRCPPS */
	{ 0x153, PF3, REG, WA, LI, V, V, V, N, 4, 0, SC, FEATURE_AVX }, /* VRCPSS */
	{ 0x154, P0, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VANDPS */
	{ 0x154, P66, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VANDPD */
	{ 0x155, P0, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VANDNPS */
	{ 0x155, P66, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VANDNPD */
	{ 0x156, P0, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VORPS */
	{ 0x156, P66, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VORPD */
	{ 0x157, P0, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VXORPS */
	{ 0x157, P66, REG, WA, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VXORPD */
	{ 0x158, P0, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VADDPS */
	{ 0x158, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VADDPD */
	{ 0x158, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_AVX }, /* VADDSS */
	{ 0x158, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_AVX }, /* VADDSD */
	{ 0x159, P0, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VMULPS */
	{ 0x159, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VMULPD */
	{ 0x159, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_AVX }, /* VMULSS */
	{ 0x159, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_AVX }, /* VMULSD */
	{ 0x15a, P0, REG, WA, L12, V, N, V, N, HALF, 8, E | D, FEATURE_AVX }, /* VCVTPS2PD */
	{ 0x15a, P66, REG, WA, L12, V, N, V, N, FULL, 8, E | T, FEATURE_AVX }, /* VCVTPD2PS */
	{ 0x15a, PF3, REG, WA, LI, V, V, V, N, 4, 8, E | D | SC, FEATURE_AVX }, /* VCVTSS2SD */
	{ 0x15a, PF2, REG, WA, LI, V, V, V, N, 8, 4, E | T | SC, FEATURE_AVX }, /* VCVTSD2SS */
	{ 0x15b, P0, REG, WA, L12, V, N, V, N, FULL, 4, E, FEATURE_AVX }, /* VCVTDQ2PS */
	{ 0x15b, P66, REG, WA, L12, V, N, V, N, FULL, 4, E, FEATURE_AVX }, /* VCVTPS2DQ */
	{ 0x15b, PF3, REG, WA, L12, V, N, V, N, FULL, 4, E, FEATURE_AVX }, /* VCVTTPS2DQ */
	{ 0x15c, P0, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VSUBPS */
	{ 0x15c, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VSUBPD */
	{ 0x15c, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_AVX }, /* VSUBSS */
	{ 0x15c, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_AVX }, /* VSUBSD */
	{ 0x15d, P0, REG, WA, L12, V, V, V, N, FULL, 4, E, FEATURE_AVX }, /* VMINPS */
	{ 0x15d, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | D, FEATURE_AVX }, /* VMINPD */
	{ 0x15d, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | SC, FEATURE_AVX }, /* VMINSS */
	{ 0x15d, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | D | SC, FEATURE_AVX }, /* VMINSD */
	{ 0x15e, P0, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VDIVPS */
	{ 0x15e, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VDIVPD */
	{ 0x15e, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_AVX }, /* VDIVSS */
	{ 0x15e, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_AVX }, /* VDIVSD */
	{ 0x15f, P0, REG, WA, L12, V, V, V, N, FULL, 4, E, FEATURE_AVX }, /* VMAXPS */
	{ 0x15f, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | D, FEATURE_AVX }, /* VMAXPD */
	{ 0x15f, PF3, REG, WA, LI, V, V, V, N, 4, 4, E | SC, FEATURE_AVX }, /* VMAXSS */
	{ 0x15f, PF2, REG, WA, LI, V, V, V, N, 8, 8, E | D | SC, FEATURE_AVX }, /* VMAXSD */
	{ 0x160, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKLBW */
	{ 0x160, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKLBW */
	{ 0x161, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKLWD */
	{ 0x161, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKLWD */
	{ 0x162, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKLDQ */
	{ 0x162, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKLDQ */
	{ 0x163, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPACKSSWB */
	{ 0x163, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPACKSSWB */
	{ 0x164, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPGTB */
	{ 0x164, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPGTB */
	{ 0x165, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPGTW */
	{ 0x165, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPGTW */
	{ 0x166, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPGTD */
	{ 0x166, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPGTD */
	{ 0x167, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPACKUSWB */
	{ 0x167, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPACKUSWB */
	{ 0x168, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKHBW */
	{ 0x168, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKHBW */
	{ 0x169, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKHWD */
	{ 0x169, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKHWD */
	{ 0x16a, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKHDQ */
	{ 0x16a, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKHDQ */
	{ 0x16b, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPACKSSDW */
	{ 0x16b, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPACKSSDW */
	{ 0x16c, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKLQDQ */
	{ 0x16c, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKLQDQ */
	{ 0x16d, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPUNPCKHQDQ */
	{ 0x16d, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPUNPCKHQDQ */
	{ 0x16e, P66, REG, W0, L1, V, N, G, N, 4, 0, 0, FEATURE_AVX }, /* VMOVD */
	{ 0x16e, P66, REG, W1, L1, V, N, G, N, 8, 0, 0, FEATURE_AVX }, /* VMOVQ */
	{ 0x16f, P66, REG, WA, L12, V, N, V, N, FULL, 0, A, FEATURE_AVX }, /* VMOVDQA */
	{ 0x16f, PF3, REG, WA, L12, V, N, V, N, FULL, 0, 0, FEATURE_AVX }, /* VMOVDQU */
	{ 0x170, P66, REG, WA, L1, V, N, V, N, 16, 0, I, FEATURE_AVX }, /* VPSHUFD */
	{ 0x170, P66, REG, WA, L2, V, N, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPSHUFD */
	{ 0x170, PF3, REG, WA, L1, V, N, V, N, 16, 0, I, FEATURE_AVX }, /* VPSHUFHW */
	{ 0x170, PF3, REG, WA, L2, V, N, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPSHUFHW */
	{ 0x170, PF2, REG, WA, L1, V, N, V, N, 16, 0, I, FEATURE_AVX }, /* VPSHUFLW */
	{ 0x170, PF2, REG, WA, L2, V, N, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPSHUFLW */
	{ 0x171, P66, 2, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSRLW */
	{ 0x171, P66, 2, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSRLW */
	{ 0x171, P66, 4, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSRAW */
	{ 0x171, P66, 4, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSRAW */
	{ 0x171, P66, 6, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSLLW */
	{ 0x171, P66, 6, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSLLW */
	{ 0x172, P66, 2, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSRLD */
	{ 0x172, P66, 2, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSRLD */
	{ 0x172, P66, 4, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSRAD */
	{ 0x172, P66, 4, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSRAD */
	{ 0x172, P66, 6, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSLLD */
	{ 0x172, P66, 6, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSLLD */
	{ 0x173, P66, 2, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSRLQ */
	{ 0x173, P66, 2, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSRLQ */
	{ 0x173, P66, 3, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSRLDQ */
	{ 0x173, P66, 3, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSRLDQ */
	{ 0x173, P66, 6, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSLLQ */
	{ 0x173, P66, 6, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSLLQ */
	{ 0x173, P66, 7, WA, L1, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX }, /* VPSLLDQ */
	{ 0x173, P66, 7, WA, L2, N, V, V, N, 0, 0, I | DB | RO, FEATURE_AVX2 }, /* VPSLLDQ */
	{ 0x174, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPEQB */
	{ 0x174, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPEQB */
	{ 0x175, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPEQW */
	{ 0x175, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPEQW */
	{ 0x176, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPEQD */
	{ 0x176, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPEQD */
	{ 0x17c, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VHADDPD */
	{ 0x17c, PF2, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VHADDPS */
	{ 0x17d, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VHSUBPD */
	{ 0x17d, PF2, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VHSUBPS */
	{ 0x17e, P66, REG, W0, L1, V, N, G, N, 4, 0, ST, FEATURE_AVX }, /* VMOVD */
	{ 0x17e, P66, REG, W1, L1, V, N, G, N, 8, 0, ST, FEATURE_AVX }, /* VMOVQ */
	{ 0x17e, PF3, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VMOVQ */
	{ 0x17f, P66, REG, WA, L12, V, N, V, N, FULL, 0, ST | A, FEATURE_AVX }, /* VMOVDQA */
	{ 0x17f, PF3, REG, WA, L12, V, N, V, N, FULL, 0, ST, FEATURE_AVX }, /* VMOVDQU */
	{ 0x190, P0, REG, W0, L1, K_, N, K_, N, 2, 0, 0, FEATURE_AVX512F }, /* KMOVW */
	{ 0x190, P0, REG, W1, L1, K_, N, K_, N, 8, 0, 0, FEATURE_AVX512BW }, /* KMOVQ */
	{ 0x190, P66, REG, W0, L1, K_, N, K_, N, 1, 0, 0, FEATURE_AVX512DQ }, /* KMOVB */
	{ 0x190, P66, REG, W1, L1, K_, N, K_, N, 4, 0, 0, FEATURE_AVX512BW }, /* KMOVD */
	{ 0x191, P0, REG, W0, L1, K_, N, V, N, 2, 0, ST | MO, FEATURE_AVX512F }, /* KMOVW */
	{ 0x191, P0, REG, W1, L1, K_, N, V, N, 8, 0, ST | MO, FEATURE_AVX512BW }, /* KMOVQ */
	{ 0x191, P66, REG, W0, L1, K_, N, V, N, 1, 0, ST | MO, FEATURE_AVX512DQ }, /* KMOVB */
	{ 0x191, P66, REG, W1, L1, K_, N, V, N, 4, 0, ST | MO, FEATURE_AVX512BW }, /* KMOVD */
	{ 0x192, P0, REG, W0, L1, K_, N, G, N, 0, 0, RO, FEATURE_AVX512F }, /* KMOVW */
	{ 0x192, P66, REG, W0, L1, K_, N, G, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KMOVB */
	{ 0x192, PF2, REG, W0, L1, K_, N, G, N, 0, 0, RO, FEATURE_AVX512BW }, /* KMOVD */
	{ 0x192, PF2, REG, W1, L1, K_, N, G, N, 0, 0, RO, FEATURE_AVX512BW }, /* KMOVQ */
	{ 0x193, P0, REG, W0, L1, G, N, K_, N, 0, 0, RO, FEATURE_AVX512F }, /* KMOVW */
	{ 0x193, P66, REG, W0, L1, G, N, K_, N, 0, 0, RO, FEATURE_AVX512DQ }, /* KMOVB */
	{ 0x193, PF2, REG, W0, L1, G, N, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KMOVD */
	{ 0x193, PF2, REG, W1, L1, G, N, K_, N, 0, 0, RO, FEATURE_AVX512BW }, /* KMOVQ */
	{ 0x198, P0, REG, W0, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512F }, /* KORTESTW */
	{ 0x198, P0, REG, W1, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512BW }, /* KORTESTQ */
	{ 0x198, P66, REG, W0, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512DQ }, /* KORTESTB */
	{ 0x198, P66, REG, W1, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512BW }, /* KORTESTD */
	{ 0x199, P0, REG, W0, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512DQ }, /* KTESTW */
	{ 0x199, P0, REG, W1, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512BW }, /* KTESTQ */
	{ 0x199, P66, REG, W0, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512DQ }, /* KTESTB */
	{ 0x199, P66, REG, W1, L1, K_, N, K_, N, 0, 0, C | RO, FEATURE_AVX512BW }, /* KTESTD */
	{ 0x1c2, P0, REG, WA, L12, V, V, V, N, FULL, 4, I | E, FEATURE_AVX }, /* VCMPPS */
	{ 0x1c2, P66, REG, WA, L12, V, V, V, N, FULL, 8, I | E | D, FEATURE_AVX }, /* VCMPPD */
	{ 0x1c2, PF3, REG, WA, LI, V, V, V, N, 4, 4, I | E | SC, FEATURE_AVX }, /* VCMPSS */
	{ 0x1c2, PF2, REG, WA, LI, V, V, V, N, 8, 8, I | E | D | SC, FEATURE_AVX }, /* VCMPSD */
	{ 0x1c4, P66, REG, WA, L1, V, V, G, N, 2, 0, I, FEATURE_AVX }, /* VPINSRW */
	{ 0x1c5, P66, REG, WA, L1, G, N, V, N, 0, 0, I | RO, FEATURE_AVX }, /* VPEXTRW */
	{ 0x1c6, P0, REG, WA, L12, V, V, V, N, FULL, 0, I, FEATURE_AVX }, /* VSHUFPS */
	{ 0x1c6, P66, REG, WA, L12, V, V, V, N, FULL, 0, I, FEATURE_AVX }, /* VSHUFPD */
	{ 0x1d0, P66, REG, WA, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_AVX }, /* VADDSUBPD */
	{ 0x1d0, PF2, REG, WA, L12, V, V, V, N, FULL, 4, E | T, FEATURE_AVX }, /* VADDSUBPS */
	{ 0x1d1, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSRLW */
	{ 0x1d1, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSRLW */
	{ 0x1d2, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSRLD */
	{ 0x1d2, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSRLD */
	{ 0x1d3, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSRLQ */
	{ 0x1d3, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSRLQ */
	{ 0x1d4, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDQ */
	{ 0x1d4, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDQ */
	{ 0x1d5, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULLW */
	{ 0x1d5, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULLW */
	{ 0x1d6, P66, REG, WA, L1, V, N, V, N, 8, 0, ST, FEATURE_AVX }, /* VMOVQ */
	{ 0x1d7, P66, REG, WA, L1, G, N, V, N, 0, 0, RO, FEATURE_AVX }, /* VPMOVMSKB */
	{ 0x1d7, P66, REG, WA, L2, G, N, V, N, 0, 0, RO, FEATURE_AVX2 }, /* VPMOVMSKB */
	{ 0x1d8, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBUSB */
	{ 0x1d8, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBUSB */
	{ 0x1d9, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBUSW */
	{ 0x1d9, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBUSW */
	{ 0x1da, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMINUB */
	{ 0x1da, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMINUB */
	{ 0x1db, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPAND */
	{ 0x1db, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPAND */
	{ 0x1dc, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDUSB */
	{ 0x1dc, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDUSB */
	{ 0x1dd, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDUSW */
	{ 0x1dd, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDUSW */
	{ 0x1de, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMAXUB */
	{ 0x1de, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMAXUB */
	{ 0x1df, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPANDN */
	{ 0x1df, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPANDN */
	{ 0x1e0, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPAVGB */
	{ 0x1e0, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPAVGB */
	{ 0x1e1, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSRAW */
	{ 0x1e1, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSRAW */
	{ 0x1e2, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSRAD */
	{ 0x1e2, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSRAD */
	{ 0x1e3, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPAVGW */
	{ 0x1e3, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPAVGW */
	{ 0x1e4, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULHUW */
	{ 0x1e4, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULHUW */
	{ 0x1e5, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULHW */
	{ 0x1e5, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULHW */
	{ 0x1e6, P66, REG, WA, L12, V, N, V, N, FULL, 8, E | D, FEATURE_AVX }, /* VCVTTPD2DQ */
	{ 0x1e6, PF3, REG, WA, L12, V, N, V, N, HALF, 0, D, FEATURE_AVX }, /* VCVTDQ2PD */
	{ 0x1e6, PF2, REG, WA, L12, V, N, V, N, FULL, 8, E | D, FEATURE_AVX }, /* VCVTPD2DQ */
	{ 0x1e7, P66, REG, WA, L12, V, N, V, N, FULL, 0, ST | MO | A, FEATURE_AVX }, /* VMOVNTDQ */
	{ 0x1e8, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBSB */
	{ 0x1e8, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBSB */
	{ 0x1e9, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBSW */
	{ 0x1e9, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBSW */
	{ 0x1ea, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMINSW */
	{ 0x1ea, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMINSW */
	{ 0x1eb, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPOR */
	{ 0x1eb, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPOR */
	{ 0x1ec, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDSB */
	{ 0x1ec, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDSB */
	{ 0x1ed, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDSW */
	{ 0x1ed, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDSW */
	{ 0x1ee, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMAXSW */
	{ 0x1ee, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMAXSW */
	{ 0x1ef, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPXOR */
	{ 0x1ef, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPXOR */
	{ 0x1f0, PF2, REG, WA, L12, V, N, V, N, FULL, 0, MO, FEATURE_AVX }, /* VLDDQU */
	{ 0x1f1, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSLLW */
	{ 0x1f1, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSLLW */
	{ 0x1f2, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSLLD */
	{ 0x1f2, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSLLD */
	{ 0x1f3, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSLLQ */
	{ 0x1f3, P66, REG, WA, L2, V, V, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPSLLQ */
	{ 0x1f4, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULUDQ */
	{ 0x1f4, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULUDQ */
	{ 0x1f5, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMADDWD */
	{ 0x1f5, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMADDWD */
	{ 0x1f6, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSADBW */
	{ 0x1f6, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSADBW */
	{ 0x1f8, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBB */
	{ 0x1f8, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBB */
	{ 0x1f9, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBW */
	{ 0x1f9, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBW */
	{ 0x1fa, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBD */
	{ 0x1fa, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBD */
	{ 0x1fb, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSUBQ */
	{ 0x1fb, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSUBQ */
	{ 0x1fc, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDB */
	{ 0x1fc, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDB */
	{ 0x1fd, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDW */
	{ 0x1fd, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDW */
	{ 0x1fe, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPADDD */
	{ 0x1fe, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPADDD */
	{ 0x200, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSHUFB */
	{ 0x200, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSHUFB */
	{ 0x201, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHADDW */
	{ 0x201, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPHADDW */
	{ 0x202, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHADDD */
	{ 0x202, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPHADDD */
	{ 0x203, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHADDSW */
	{ 0x203, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPHADDSW */
	{ 0x204, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMADDUBSW */
	{ 0x204, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMADDUBSW */
	{ 0x205, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHSUBW */
	{ 0x205, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPHSUBW */
	{ 0x206, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHSUBD */
	{ 0x206, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPHSUBD */
	{ 0x207, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHSUBSW */
	{ 0x207, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPHSUBSW */
	{ 0x208, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSIGNB */
	{ 0x208, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSIGNB */
	{ 0x209, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSIGNW */
	{ 0x209, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSIGNW */
	{ 0x20a, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPSIGND */
	{ 0x20a, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPSIGND */
	{ 0x20b, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULHRSW */
	{ 0x20b, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULHRSW */
	{ 0x20c, P66, REG, W0, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VPERMILPS */
	{ 0x20d, P66, REG, W0, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX }, /* VPERMILPD */
	{ 0x20e, P66, REG, W0, L12, V, N, V, N, FULL, 0, C, FEATURE_AVX }, /* VTESTPS */
	{ 0x20f, P66, REG, W0, L12, V, N, V, N, FULL, 0, C, FEATURE_AVX }, /* VTESTPD */
	{ 0x213, P66, REG, W0, L12, V, N, V, N, HALF, 4, E, FEATURE_F16C }, /* VCVTPH2PS */
	{ 0x216, P66, REG, W0, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPERMPS */
	{ 0x217, P66, REG, WA, L12, V, N, V, N, FULL, 0, C, FEATURE_AVX }, /* VPTEST */
	{ 0x218, P66, REG, W0, L12, V, N, V, N, 4, 0, MO, FEATURE_AVX }, /* VBROADCASTSS */
	{ 0x218, P66, REG, W0, L12, V, N, V, N, 0, 0, RO, FEATURE_AVX2 }, /* VBROADCASTSS */
	{ 0x219, P66, REG, W0, L2, V, N, V, N, 8, 0, MO, FEATURE_AVX }, /* VBROADCASTSD */
	{ 0x219, P66, REG, W0, L2, V, N, V, N, 0, 0, RO, FEATURE_AVX2 }, /* VBROADCASTSD */
	{ 0x21a, P66, REG, W0, L2, V, N, V, N, 16, 0, MO, FEATURE_AVX }, /* VBROADCASTF128 */
	{ 0x21c, P66, REG, WA, L1, V, N, V, N, 16, 0, 0, FEATURE_AVX }, /* VPABSB */
	{ 0x21c, P66, REG, WA, L2, V, N, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPABSB */
	{ 0x21d, P66, REG, WA, L1, V, N, V, N, 16, 0, 0, FEATURE_AVX }, /* VPABSW */
	{ 0x21d, P66, REG, WA, L2, V, N, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPABSW */
	{ 0x21e, P66, REG, WA, L1, V, N, V, N, 16, 0, 0, FEATURE_AVX }, /* VPABSD */
	{ 0x21e, P66, REG, WA, L2, V, N, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPABSD */
	{ 0x220, P66, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VPMOVSXBW */
	{ 0x220, P66, REG, WA, L2, V, N, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPMOVSXBW */
	{ 0x221, P66, REG, WA, L1, V, N, V, N, 4, 0, 0, FEATURE_AVX }, /* VPMOVSXBD */
	{ 0x221, P66, REG, WA, L2, V, N, V, N, 8, 0, 0, FEATURE_AVX2 }, /* VPMOVSXBD */
	{ 0x222, P66, REG, WA, L1, V, N, V, N, 2, 0, 0, FEATURE_AVX }, /* VPMOVSXBQ */
	{ 0x222, P66, REG, WA, L2, V, N, V, N, 4, 0, 0, FEATURE_AVX2 }, /* VPMOVSXBQ */
	{ 0x223, P66, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VPMOVSXWD */
	{ 0x223, P66, REG, WA, L2, V, N, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPMOVSXWD */
	{ 0x224, P66, REG, WA, L1, V, N, V, N, 4, 0, 0, FEATURE_AVX }, /* VPMOVSXWQ */
	{ 0x224, P66, REG, WA, L2, V, N, V, N, 8, 0, 0, FEATURE_AVX2 }, /* VPMOVSXWQ */
	{ 0x225, P66, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VPMOVSXDQ */
	{ 0x225, P66, REG, WA, L2, V, N, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPMOVSXDQ */
	{ 0x228, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULDQ */
	{ 0x228, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULDQ */
	{ 0x229, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPEQQ */
	{ 0x229, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPEQQ */
	{ 0x22a, P66, REG, WA, L1, V, N, V, N, 16, 0, MO | A, FEATURE_AVX }, /* VMOVNTDQA */
	{ 0x22a, P66, REG, WA, L2, V, N, V, N, 32, 0, MO | A, FEATURE_AVX2 }, /* VMOVNTDQA */
	{ 0x22b, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPACKUSDW */
	{ 0x22b, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPACKUSDW */
	{ 0x22c, P66, REG, W0, L12, V, V, V, N, FULL, 4, MO | MM, FEATURE_AVX }, /* VMASKMOVPS */
	{ 0x22d, P66, REG, W0, L12, V, V, V, N, FULL, 8, MO | MM, FEATURE_AVX }, /* VMASKMOVPD */
	{ 0x22e, P66, REG, W0, L12, V, V, V, N, FULL, 4, ST | MO | MM, FEATURE_AVX }, /* VMASKMOVPS */
	{ 0x22f, P66, REG, W0, L12, V, V, V, N, FULL, 8, ST | MO | MM, FEATURE_AVX }, /* VMASKMOVPD */
	{ 0x230, P66, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VPMOVZXBW */
	{ 0x230, P66, REG, WA, L2, V, N, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPMOVZXBW */
	{ 0x231, P66, REG, WA, L1, V, N, V, N, 4, 0, 0, FEATURE_AVX }, /* VPMOVZXBD */
	{ 0x231, P66, REG, WA, L2, V, N, V, N, 8, 0, 0, FEATURE_AVX2 }, /* VPMOVZXBD */
	{ 0x232, P66, REG, WA, L1, V, N, V, N, 2, 0, 0, FEATURE_AVX }, /* VPMOVZXBQ */
	{ 0x232, P66, REG, WA, L2, V, N, V, N, 4, 0, 0, FEATURE_AVX2 }, /* VPMOVZXBQ */
	{ 0x233, P66, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VPMOVZXWD */
	{ 0x233, P66, REG, WA, L2, V, N, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPMOVZXWD */
	{ 0x234, P66, REG, WA, L1, V, N, V, N, 4, 0, 0, FEATURE_AVX }, /* VPMOVZXWQ */
	{ 0x234, P66, REG, WA, L2, V, N, V, N, 8, 0, 0, FEATURE_AVX2 }, /* VPMOVZXWQ */
	{ 0x235, P66, REG, WA, L1, V, N, V, N, 8, 0, 0, FEATURE_AVX }, /* VPMOVZXDQ */
	{ 0x235, P66, REG, WA, L2, V, N, V, N, 16, 0, 0, FEATURE_AVX2 }, /* VPMOVZXDQ */
	{ 0x236, P66, REG, W0, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPERMD */
	{ 0x237, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPCMPGTQ */
	{ 0x237, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPCMPGTQ */
	{ 0x238, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMINSB */
	{ 0x238, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMINSB */
	{ 0x239, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMINSD */
	{ 0x239, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMINSD */
	{ 0x23a, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMINUW */
	{ 0x23a, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMINUW */
	{ 0x23b, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMINUD */
	{ 0x23b, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMINUD */
	{ 0x23c, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMAXSB */
	{ 0x23c, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMAXSB */
	{ 0x23d, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMAXSD */
	{ 0x23d, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMAXSD */
	{ 0x23e, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMAXUW */
	{ 0x23e, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMAXUW */
	{ 0x23f, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMAXUD */
	{ 0x23f, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMAXUD */
	{ 0x240, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AVX }, /* VPMULLD */
	{ 0x240, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_AVX2 }, /* VPMULLD */
	{ 0x241, P66, REG, WA, L1, V, N, V, N, 16, 0, 0, FEATURE_AVX }, /* VPHMINPOSUW */
	{ 0x245, P66, REG, W0, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX2 }, /* VPSRLVD */
	{ 0x245, P66, REG, W1, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX2 }, /* VPSRLVQ */
	{ 0x246, P66, REG, W0, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX2 }, /* VPSRAVD */
	{ 0x247, P66, REG, W0, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX2 }, /* VPSLLVD */
	{ 0x247, P66, REG, W1, L12, V, V, V, N, FULL, 0, 0, FEATURE_AVX2 }, /* VPSLLVQ */
	{ 0x258, P66, REG, W0, L12, V, N, V, N, 4, 0, 0, FEATURE_AVX2 }, /* VPBROADCASTD */
	{ 0x259, P66, REG, W0, L12, V, N, V, N, 8, 0, 0, FEATURE_AVX2 }, /* VPBROADCASTQ */
	{ 0x25a, P66, REG, W0, L2, V, N, V, N, 16, 0, MO, FEATURE_AVX2 }, /* VBROADCASTI128 */
	{ 0x278, P66, REG, W0, L12, V, N, V, N, 1, 0, 0, FEATURE_AVX2 }, /* VPBROADCASTB */
	{ 0x279, P66, REG, W0, L12, V, N, V, N, 2, 0, 0, FEATURE_AVX2 }, /* VPBROADCASTW */
	{ 0x28c, P66, REG, W0, L12, V, V, V, N, FULL, 4, MO | MM, FEATURE_AVX2 }, /* VPMASKMOVD */
	{ 0x28c, P66, REG, W1, L12, V, V, V, N, FULL, 8, MO | MM, FEATURE_AVX2 }, /* VPMASKMOVQ */
	{ 0x28e, P66, REG, W0, L12, V, V, V, N, FULL, 4, ST | MO | MM, FEATURE_AVX2 }, /* VPMASKMOVD */
	{ 0x28e, P66, REG, W1, L12, V, V, V, N, FULL, 8, ST | MO | MM, FEATURE_AVX2 }, /* VPMASKMOVQ */
	{ 0x296, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMADDSUB132PS */
	{ 0x296, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMADDSUB132PD */
	{ 0x297, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMSUBADD132PS */
	{ 0x297, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMSUBADD132PD */
	{ 0x298, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMADD132PS */
	{ 0x298, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMADD132PD */
	{ 0x299, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFMADD132SS */
	{ 0x299, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFMADD132SD */
	{ 0x29a, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMSUB132PS */
	{ 0x29a, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMSUB132PD */
	{ 0x29b, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFMSUB132SS */
	{ 0x29b, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFMSUB132SD */
	{ 0x29c, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFNMADD132PS */
	{ 0x29c, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFNMADD132PD */
	{ 0x29d, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFNMADD132SS */
	{ 0x29d, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFNMADD132SD */
	{ 0x29e, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFNMSUB132PS */
	{ 0x29e, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFNMSUB132PD */
	{ 0x29f, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFNMSUB132SS */
	{ 0x29f, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFNMSUB132SD */
	{ 0x2a6, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMADDSUB213PS */
	{ 0x2a6, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMADDSUB213PD */
	{ 0x2a7, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMSUBADD213PS */
	{ 0x2a7, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMSUBADD213PD */
	{ 0x2a8, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMADD213PS */
	{ 0x2a8, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMADD213PD */
	{ 0x2a9, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFMADD213SS */
	{ 0x2a9, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFMADD213SD */
	{ 0x2aa, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMSUB213PS */
	{ 0x2aa, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMSUB213PD */
	{ 0x2ab, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFMSUB213SS */
	{ 0x2ab, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFMSUB213SD */
	{ 0x2ac, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFNMADD213PS */
	{ 0x2ac, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFNMADD213PD */
	{ 0x2ad, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFNMADD213SS */
	{ 0x2ad, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFNMADD213SD */
	{ 0x2ae, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFNMSUB213PS */
	{ 0x2ae, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFNMSUB213PD */
	{ 0x2af, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFNMSUB213SS */
	{ 0x2af, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFNMSUB213SD */
	{ 0x2b6, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMADDSUB231PS */
	{ 0x2b6, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMADDSUB231PD */
	{ 0x2b7, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMSUBADD231PS */
	{ 0x2b7, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMSUBADD231PD */
	{ 0x2b8, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMADD231PS */
	{ 0x2b8, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMADD231PD */
	{ 0x2b9, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFMADD231SS */
	{ 0x2b9, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFMADD231SD */
	{ 0x2ba, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFMSUB231PS */
	{ 0x2ba, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFMSUB231PD */
	{ 0x2bb, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFMSUB231SS */
	{ 0x2bb, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFMSUB231SD */
	{ 0x2bc, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFNMADD231PS */
	{ 0x2bc, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFNMADD231PD */
	{ 0x2bd, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFNMADD231SS */
	{ 0x2bd, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFNMADD231SD */
	{ 0x2be, P66, REG, W0, L12, V, V, V, N, FULL, 4, E | T, FEATURE_FMA }, /* VFNMSUB231PS */
	{ 0x2be, P66, REG, W1, L12, V, V, V, N, FULL, 8, E | T | D, FEATURE_FMA }, /* VFNMSUB231PD */
	{ 0x2bf, P66, REG, W0, LI, V, V, V, N, 4, 4, E | T | SC, FEATURE_FMA }, /* VFNMSUB231SS */
	{ 0x2bf, P66, REG, W1, LI, V, V, V, N, 8, 8, E | T | D | SC, FEATURE_FMA }, /* VFNMSUB231SD */
	{ 0x2cf, P66, REG, W0, L12, V, V, V, N, FULL, 0, 0, FEATURE_GFNI }, /* VGF2P8MULB */
	{ 0x2db, P66, REG, WA, L1, V, N, V, N, 16, 0, 0, FEATURE_AES }, /* VAESIMC */
	{ 0x2dc, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AES }, /* VAESENC */
	{ 0x2dc, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_VAES }, /* VAESENC */
	{ 0x2dd, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AES }, /* VAESENCLAST */
	{ 0x2dd, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_VAES }, /* VAESENCLAST */
	{ 0x2de, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AES }, /* VAESDEC */
	{ 0x2de, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_VAES }, /* VAESDEC */
	{ 0x2df, P66, REG, WA, L1, V, V, V, N, 16, 0, 0, FEATURE_AES }, /* VAESDECLAST */
	{ 0x2df, P66, REG, WA, L2, V, V, V, N, 32, 0, 0, FEATURE_VAES }, /* VAESDECLAST */
	{ 0x300, P66, REG, W1, L2, V, N, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPERMQ */
	{ 0x301, P66, REG, W1, L2, V, N, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPERMPD */
	{ 0x302, P66, REG, W0, L12, V, V, V, N, FULL, 0, I, FEATURE_AVX2 }, /* VPBLENDD */
	{ 0x304, P66, REG, W0, L12, V, N, V, N, FULL, 0, I, FEATURE_AVX }, /* VPERMILPS */
	{ 0x305, P66, REG, W0, L12, V, N, V, N, FULL, 0, I, FEATURE_AVX }, /* VPERMILPD */
	{ 0x306, P66, REG, W0, L2, V, V, V, N, 32, 0, I, FEATURE_AVX }, /* VPERM2F128 */
	{ 0x308, P66, REG, WA, L12, V, N, V, N, FULL, 4, I | E, FEATURE_AVX }, /* VROUNDPS */
	{ 0x309, P66, REG, WA, L12, V, N, V, N, FULL, 8, I | E | D, FEATURE_AVX }, /* VROUNDPD */
	{ 0x30a, P66, REG, WA, LI, V, V, V, N, 4, 4, I | E | SC, FEATURE_AVX }, /* VROUNDSS */
	{ 0x30b, P66, REG, WA, LI, V, V, V, N, 8, 8, I | E | D | SC, FEATURE_AVX }, /* VROUNDSD */
	{ 0x30c, P66, REG, WA, L12, V, V, V, N, FULL, 0, I, FEATURE_AVX }, /* VBLENDPS */
	{ 0x30d, P66, REG, WA, L12, V, V, V, N, FULL, 0, I, FEATURE_AVX }, /* VBLENDPD */
	{ 0x30e, P66, REG, WA, L1, V, V, V, N, 16, 0, I, FEATURE_AVX }, /* VPBLENDW */
	{ 0x30e, P66, REG, WA, L2, V, V, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPBLENDW */
	{ 0x30f, P66, REG, WA, L1, V, V, V, N, 16, 0, I, FEATURE_AVX }, /* VPALIGNR */
	{ 0x30f, P66, REG, WA, L2, V, V, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPALIGNR */
	{ 0x314, P66, REG, WA, L1, V, N, G, N, 1, 0, I | ST, FEATURE_AVX }, /* VPEXTRB */
	{ 0x315, P66, REG, WA, L1, V, N, G, N, 2, 0, I | ST, FEATURE_AVX }, /* VPEXTRW */
	{ 0x316, P66, REG, W0, L1, V, N, G, N, 4, 0, I | ST, FEATURE_AVX }, /* VPEXTRD */
	{ 0x316, P66, REG, W1, L1, V, N, G, N, 8, 0, I | ST, FEATURE_AVX }, /* VPEXTRQ */
	{ 0x317, P66, REG, WA, L1, V, N, G, N, 4, 0, I | ST, FEATURE_AVX }, /* VEXTRACTPS */
	{ 0x318, P66, REG, W0, L2, V, V, V, N, 16, 0, I, FEATURE_AVX }, /* VINSERTF128 */
	{ 0x319, P66, REG, W0, L2, V, N, V, N, 16, 0, I | ST, FEATURE_AVX }, /* VEXTRACTF128 */
	{ 0x31d, P66, REG, W0, L12, V, N, V, N, HALF, 4, I | ST | E | T, FEATURE_F16C }, /* VCVTPS2PH */
	{ 0x320, P66, REG, WA, L1, V, V, G, N, 1, 0, I, FEATURE_AVX }, /* VPINSRB */
	{ 0x321, P66, REG, WA, L1, V, V, V, N, 4, 0, I, FEATURE_AVX }, /* VINSERTPS */
	{ 0x322, P66, REG, W0, L1, V, V, G, N, 4, 0, I, FEATURE_AVX }, /* VPINSRD */
	{ 0x322, P66, REG, W1, L1, V, V, G, N, 8, 0, I, FEATURE_AVX }, /* VPINSRQ */
	{ 0x330, P66, REG, W0, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512DQ }, /* KSHIFTRB */
	{ 0x330, P66, REG, W1, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512F }, /* KSHIFTRW */
	{ 0x331, P66, REG, W0, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512BW }, /* KSHIFTRD */
	{ 0x331, P66, REG, W1, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512BW }, /* KSHIFTRQ */
	{ 0x332, P66, REG, W0, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512DQ }, /* KSHIFTLB */
	{ 0x332, P66, REG, W1, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512F }, /* KSHIFTLW */
	{ 0x333, P66, REG, W0, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512BW }, /* KSHIFTLD */
	{ 0x333, P66, REG, W1, L1, K_, N, K_, N, 0, 0, I | RO, FEATURE_AVX512BW }, /* KSHIFTLQ */
	{ 0x338, P66, REG, W0, L2, V, V, V, N, 16, 0, I, FEATURE_AVX2 }, /* VINSERTI128 */
	{ 0x339, P66, REG, W0, L2, V, N, V, N, 16, 0, I | ST, FEATURE_AVX2 }, /* VEXTRACTI128 */
	{ 0x340, P66, REG, WA, L12, V, V, V, N, FULL, 4, I | E | T, FEATURE_AVX }, /* VDPPS */
	{ 0x341, P66, REG, WA, L1, V, V, V, N, 16, 8, I | E | T | D, FEATURE_AVX }, /* VDPPD */
	{ 0x342, P66, REG, WA, L1, V, V, V, N, 16, 0, I, FEATURE_AVX }, /* VMPSADBW */
	{ 0x342, P66, REG, WA, L2, V, V, V, N, 32, 0, I, FEATURE_AVX2 }, /* VMPSADBW */
	{ 0x344, P66, REG, WA, L1, V, V, V, N, 16, 0, I, FEATURE_PCLMULQDQ }, /* VPCLMULQDQ */
	{ 0x344, P66, REG, WA, L2, V, V, V, N, 32, 0, I, FEATURE_VPCLMULQDQ }, /* VPCLMULQDQ */
	{ 0x346, P66, REG, W0, L2, V, V, V, N, 32, 0, I, FEATURE_AVX2 }, /* VPERM2I128 */
	{ 0x34a, P66, REG, W0, L12, V, V, V, V, FULL, 0, 0, FEATURE_AVX }, /* VBLENDVPS */
	{ 0x34b, P66, REG, W0, L12, V, V, V, V, FULL, 0, 0, FEATURE_AVX }, /* VBLENDVPD */
	{ 0x34c, P66, REG, W0, L1, V, V, V, V, 16, 0, 0, FEATURE_AVX }, /* VPBLENDVB */
	{ 0x34c, P66, REG, W0, L2, V, V, V, V, 32, 0, 0, FEATURE_AVX2 }, /* VPBLENDVB */
	{ 0x360, P66, REG, WA, L1, V, N, V, N, 16, 0, I | STR, FEATURE_AVX }, /* VPCMPESTRM */
	{ 0x361, P66, REG, WA, L1, V, N, V, N, 16, 0, I | STR, FEATURE_AVX }, /* VPCMPESTRI */
	{ 0x362, P66, REG, WA, L1, V, N, V, N, 16, 0, I | STR, FEATURE_AVX }, /* VPCMPISTRM */
	{ 0x363, P66, REG, WA, L1, V, N, V, N, 16, 0, I | STR, FEATURE_AVX }, /* VPCMPISTRI */
	{ 0x3ce, P66, REG, W1, L12, V, V, V, N, FULL, 0, I, FEATURE_GFNI }, /* VGF2P8AFFINEQB */
	{ 0x3cf, P66, REG, W1, L12, V, V, V, N, FULL, 0, I, FEATURE_GFNI }, /* VGF2P8AFFINEINVQB */
	{ 0x3df, P66, REG, WA, L1, V, N, V, N, 16, 0, I, FEATURE_AES }, /* VAESKEYGENASSIST */
};
/* clang-format on */

const unsigned vex_row_count = sizeof(vex_rows) / sizeof(vex_rows[0]);
