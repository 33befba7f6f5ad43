/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Decoding: bytes to struct insn.
 */
#ifndef VMM_CPU_DECODE_H
#define VMM_CPU_DECODE_H

#include "vmm/cpu/insn.h"

#define DECODE_SHORT 0    /* more bytes are needed than there are */
#define DECODE_LONG  (-1) /* over 15 bytes: #GP(0) */
#define DECODE_MAX   15

/* Decode one instruction that lies at `rip` in the CPU's current mode.  Its length, DECODE_SHORT or DECODE_LONG.  An
 * undefined one gets a handler that raises #UD. */
int insn_decode(struct cpu *cpu, const uint8_t *bytes, unsigned available, uint64_t rip, struct insn *insn);

/* Does it raise #UD and nothing else? */
bool insn_is_undefined(const struct insn *insn);

/* A conditional jump forward, behind which a block may go on. */
bool insn_may_fall_through(const struct insn *insn);
/* Must a block end after it, whatever its handler returns? */
bool insn_ends_block(const struct insn *insn);

#endif
