/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One instruction in each of the modes that decide on privilege.
 */
#ifndef TESTS_UNIT_CPU_MODES_H
#define TESTS_UNIT_CPU_MODES_H

#include "tests/unit/cpu_fixture.h"

#define CODE_AT 0x6000u
#define OK      0xffu

enum mode { REAL, RING0, RING3, V86, LONG0, LONG3, MODES };

/* Reset the processor, and make it ready in `mode` to fetch at CODE_AT, with `flags` set as well. */
void mode_start(enum mode mode, uint32_t flags);
/* Run the one instruction of `size` bytes at CODE_AT and check that it raises `vector` as a fault with error code 0, or
 * with OK that it ends.  `row` is for the message. */
void mode_expect(unsigned row, unsigned mode, unsigned vector, unsigned size);

#endif
