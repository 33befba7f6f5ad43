/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Writing a thunk's code.  For thunk.c only.
 */
#ifndef VMM_CPU_THUNK_EMIT_H
#define VMM_CPU_THUNK_EMIT_H

#include "vmm/cpu/thunk.h"

#define THUNK_BYTES_MAX 224u /* the longest is a frame thunk with four operands, a mask and MXCSR */

/* Write the thunk for a shape; its length in bytes. */
unsigned thunk_emit(uint8_t *at, const struct thunk_shape *shape);

#endif
