/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Saved-state streams that are made to fit after somebody has changed them. */
#ifndef FUZZ_STREAM_H
#define FUZZ_STREAM_H

#include <stddef.h>
#include <stdint.h>

/* Put the header and the checksums of all sections right, as far as they can be made out.  The length up to and with
 * the end mark, or `length`. */
size_t stream_repair(uint8_t *data, size_t length);

/* Do two streams say the same?  If not, crash with the name of the field that differs. */
void stream_compare(const uint8_t *one, size_t one_length, const uint8_t *two, size_t two_length, const char *when);

#endif
