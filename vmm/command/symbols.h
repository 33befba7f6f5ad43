/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Names for guest addresses: System.map, /proc/kallsyms, or what nm(1) prints.
 */
#ifndef VMM_COMMAND_SYMBOLS_H
#define VMM_COMMAND_SYMBOLS_H

#include <stdint.h>

struct symbols;

/* `slide` is added to each address.  0; a negative errno; -ENODATA: no line of "ADDRESS TYPE NAME" in it; -EACCES:
 * addresses hidden from whoever read them. */
int symbols_read(const char *path, uint64_t slide, struct symbols **symbols);
void symbols_free(struct symbols *symbols);
/* The function that an address lies in; NULL: none is known.  `symbols` may be NULL. */
const char *symbols_find(const struct symbols *symbols, uint64_t address);

#endif
