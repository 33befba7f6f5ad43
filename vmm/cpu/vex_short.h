/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Short names for the columns of vex_table.c and evex_table.c, and for them only.
 */
#define P0  0
#define P66 0x66
#define PF3 0xf3
#define PF2 0xf2
#define REG 0xff

#define W0 0
#define W1 1
#define WA VEX_W_ANY

#define L1   1
#define L2   2
#define L5   4
#define L12  3
#define L25  6
#define L125 7
#define LI   7

#define N  THUNK_NONE
#define V  THUNK_XMM
#define G  THUNK_GPR
#define K_ THUNK_MASK

#define FULL VEX_FULL
#define HALF VEX_HALF
#define QUAR VEX_QUARTER
#define EIGH VEX_EIGHTH

#define I   VEX_IMMEDIATE
#define ST  VEX_STORE
#define DB  VEX_STORE_VVVV
#define C   VEX_COMPARE
#define STR VEX_STRING
#define MO  VEX_MEMORY_ONLY
#define RO  VEX_REGISTER_ONLY
#define A   VEX_ALIGNED
#define E   VEX_EXCEPTIONS
#define T   VEX_TINY
#define D   VEX_DOUBLE
#define SC  VEX_SCALAR
#define M   VEX_MASK
#define Z   VEX_ZERO
#define B   VEX_BROADCAST
#define R   VEX_ROUNDING
#define NF  VEX_WHOLE
#define BC  VEX_REPEATED
#define P   VEX_PACKED
#define MM  VEX_MASK_VECTOR
#define RV  VEX_REGISTER_VVVV
