/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The translator, as the engine sees it.
 */
#ifndef VMM_TRANSLATE_TRANSLATE_H
#define VMM_TRANSLATE_TRANSLATE_H

#include <stddef.h>

#include "vmm/cpu/translator.h"

/* Give a CPU the block translator, T1, with `cache` bytes for code, and 3.5 times as many for what belongs to it.  0,
 * -ENOMEM, or why the host lets nobody make code.  hot: how often the interpreter runs a block before.  hot2: how often
 * a loop goes round before it becomes a superblock, T2; 0: none does.  exact: its code counts instructions, keeps to
 * cpu_run()'s budget, and looks itself whether its page's version has changed; else whoever raises a version calls
 * cpu_code_changed(), and nothing is counted. */
int translator_t1_create(struct cpu *cpu, size_t cache, unsigned hot, unsigned hot2, bool exact);

/* The code that is in the cache now, block by block; `block` NULL: what all blocks share.  While the CPU stands still.
 */
typedef void translator_each(void *self, const void *code, size_t size, const struct block *block);
void translator_t1_code(const struct cpu *cpu, translator_each *each, void *self);

#endif
