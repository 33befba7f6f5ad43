/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Native one-instruction thunks.
 *
 * Floating point is not worth imitating: 80-bit arithmetic, its flags, and the rounding and exception rules of
 * SSE are exactly what the host's own unit does.  So an x87 or vector instruction is taken apart into its
 * *shape* - prefix, opcode, immediate, and what kind of thing each operand is - and for each shape a few host
 * instructions are made, once:
 *
 *	load the operand of ModRM.reg into xmm0, mm0 or rax          movups (%rdi), %xmm0
 *	load the operand of ModRM.rm into xmm1, mm1 or r8            movups (%rsi), %xmm1   (a memory operand stays)
 *	switch to the guest's MXCSR, if the instruction has to do with it
 *	the instruction, with register numbers rewritten             addps %xmm1, %xmm0
 *	fetch flags and MXCSR, switch back to the host's
 *	store what the instruction wrote                             movups %xmm0, (%rdx)
 *
 * Guest register numbers are gone from a shape, so the number of shapes is bounded by the instruction set (some
 * thousands in practice, most of them shuffles with their 256 immediates), and thunks are never evicted.  A decoded
 * instruction keeps the pointer.
 *
 * Instructions encoded with VEX and EVEX, and those that imply XMM0 or general registers, have their operands in one
 * frame that the thunk is given.
 *
 * x87 instructions depend on the whole unit (stack, tags, condition codes), so their thunks are FXRSTOR, the
 * instruction, FXSAVE; the guest's own control word is in force in between.  That cannot trap: x87 exceptions
 * are only reported by the *next* waiting instruction, and the caller never starts one with an exception pending.
 * SSE instructions do trap at once; so their callers give an MXCSR with all exceptions masked, and find out from
 * the flags afterwards.
 *
 * The code lives in a memory file that is mapped twice, once writable, once executable: no mapping is ever both.
 * Looking a thunk up takes no lock: slots are published with release stores, in a table that never moves.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "vmm/cpu/thunk_emit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Address space, of which only what is used becomes memory: room for every shape there is. */
#define CODE_BYTES (64u << 20)
#define SLOTS      (1u << 20) /* a power of two */
#define SLOTS_FULL (SLOTS / 4 * 3)

struct slot {
	uint64_t key[2];
	const void *code; /* published last */
};

struct cpu_thunks {
	unsigned references;
	pthread_mutex_t lock; /* creation of a thunk */
	uint8_t *writable, *executable;
	uint32_t used, count;
	struct slot slots[SLOTS];
};

struct cpu_thunks *thunks_create(void)
{
	struct cpu_thunks *thunks = calloc(1, sizeof(*thunks));
	if (!thunks)
		return NULL;
	thunks->references = 1;
	int fd = memfd_create("vmm-thunks", MFD_CLOEXEC);
	if (fd < 0)
		goto fail;
	if (ftruncate(fd, CODE_BYTES) < 0)
		goto fail_fd;
	thunks->writable = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (thunks->writable == MAP_FAILED)
		goto fail_fd;
	thunks->executable = mmap(NULL, CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (thunks->executable == MAP_FAILED)
		goto fail_map;
	if (pthread_mutex_init(&thunks->lock, NULL))
		goto fail_executable;
	close(fd);
	return thunks;

fail_executable:
	munmap(thunks->executable, CODE_BYTES);
fail_map:
	munmap(thunks->writable, CODE_BYTES);
fail_fd:
	close(fd);
fail:
	free(thunks);
	return NULL;
}

struct cpu_thunks *thunks_ref(struct cpu_thunks *thunks)
{
	__atomic_fetch_add(&thunks->references, 1, __ATOMIC_RELAXED);
	return thunks;
}

void thunks_unref(struct cpu_thunks *thunks)
{
	if (!thunks || __atomic_sub_fetch(&thunks->references, 1, __ATOMIC_ACQ_REL))
		return;
	pthread_mutex_destroy(&thunks->lock);
	munmap(thunks->executable, CODE_BYTES);
	munmap(thunks->writable, CODE_BYTES);
	free(thunks);
}

/* ---- the cache ---- */

_Static_assert(sizeof(struct thunk_shape) == sizeof(((struct slot *)0)->key), "a shape is a key");

/* The slot that holds the key, or the free one where it belongs. */
static struct slot *slot_find(struct cpu_thunks *thunks, const uint64_t key[2], const void **code)
{
	uint64_t hash = (key[0] * 0x9e3779b97f4a7c15u ^ key[1]) * 0xd1342543de82ef95u;
	for (unsigned i = (unsigned)(hash >> 40);; i++) {
		struct slot *slot = &thunks->slots[i % SLOTS];
		*code = __atomic_load_n(&slot->code, __ATOMIC_ACQUIRE);
		if (!*code || (slot->key[0] == key[0] && slot->key[1] == key[1]))
			return slot;
	}
}

const void *thunk_find(struct cpu_thunks *thunks, const struct thunk_shape *shape)
{
	uint64_t key[2];
	const void *code;
	memcpy(key, shape, sizeof(key));
	slot_find(thunks, key, &code);
	if (code)
		return code;

	pthread_mutex_lock(&thunks->lock);
	struct slot *slot = slot_find(thunks, key, &code); /* another thread may have been faster */
	if (!code && thunks->count < SLOTS_FULL && thunks->used + THUNK_BYTES_MAX <= CODE_BYTES) {
		unsigned length = thunk_emit(thunks->writable + thunks->used, shape);
		code = thunks->executable + thunks->used;
		thunks->used = (thunks->used + length + 15) & ~15u;
		thunks->count++;
		memcpy(slot->key, key, sizeof(key));
		__atomic_store_n(&slot->code, code, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&thunks->lock);
	return code;
}

const void *cpu_thunk(struct cpu *cpu, const struct thunk_shape *shape)
{
	if (!cpu->thunks)
		cpu->thunks = thunks_create();
	return cpu->thunks ? thunk_find(cpu->thunks, shape) : NULL;
}
