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
 * thousands, most of them shuffles with their 256 immediates), and thunks are never evicted.  A decoded
 * instruction keeps the pointer.
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
#include "vmm/cpu/thunk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE_BYTES      (2u << 20)
#define SLOTS           32768u /* a power of two */
#define SLOTS_FULL      24576u /* more thunks than that are refused */
#define THUNK_BYTES_MAX 96u    /* of one thunk, checked by counting the longest sequence in thunk_emit() */

struct slot {
	uint64_t key;
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

/* ---- emission ---- */

struct emitter {
	uint8_t *at;
};

static void emit(struct emitter *e, unsigned count, uint64_t bytes)
{
	/* bytes in memory order: the first is the most significant of the count given */
	for (unsigned i = count; i--;)
		*e->at++ = (uint8_t)(bytes >> (8 * i));
}

static void emit_instruction(struct emitter *e, const struct thunk_shape *shape)
{
	uint8_t rex = 0;
	uint8_t reg = shape->reg == THUNK_NONE ? shape->digit : 0;
	uint8_t modrm;
	switch (shape->rm) {
	case THUNK_NONE: modrm = shape->digit; break;
	case THUNK_MEMORY:
		modrm = (uint8_t)(reg << 3 | 6); /* [rsi] */
		break;
	case THUNK_GPR:
		modrm = (uint8_t)(0xc0 | reg << 3); /* r8 */
		rex |= 0x41;
		break;
	default: modrm = (uint8_t)(0xc0 | reg << 3 | 1);
	}
	if (shape->flags & THUNK_WIDE)
		rex |= 0x48;
	if (shape->prefix)
		emit(e, 1, shape->prefix);
	if (rex)
		emit(e, 1, rex);
	if (shape->map)
		emit(e, 1, 0x0f);
	if (shape->map == 2)
		emit(e, 1, 0x38);
	if (shape->map == 3)
		emit(e, 1, 0x3a);
	emit(e, 1, shape->opcode);
	emit(e, 1, modrm);
	if (shape->flags & THUNK_IMMEDIATE)
		emit(e, 1, shape->immediate);
}

static void emit_x87(struct emitter *e, const struct thunk_shape *shape)
{
	emit(e, 4, 0x4883ec08); /* sub $8, %rsp */
	emit(e, 4, 0x0fae1c24); /* stmxcsr (%rsp) */
	emit(e, 4, 0xd97c2404); /* fnstcw 4(%rsp) */
	emit(e, 4, 0x480fae0f); /* fxrstor64 (%rdi) */
	if (shape->flags & THUNK_RFLAGS)
		emit(e, 3, 0xff329d); /* pushq (%rdx); popfq */
	emit_instruction(e, shape);
	if (shape->flags & THUNK_RFLAGS)
		emit(e, 3, 0x9c8f02); /* pushfq; popq (%rdx) */
	emit(e, 4, 0x480fae07);       /* fxsave64 (%rdi) */
	emit(e, 2, 0xdbe3);           /* fninit: also drops a pending exception */
	emit(e, 4, 0xd96c2404);       /* fldcw 4(%rsp) */
	emit(e, 4, 0x0fae1424);       /* ldmxcsr (%rsp) */
	emit(e, 5, 0x4883c408c3);     /* add $8, %rsp; ret */
}

static void emit_vector(struct emitter *e, const struct thunk_shape *shape)
{
	if (shape->reg == THUNK_XMM)
		emit(e, 3, 0x0f1007); /* movups (%rdi), %xmm0 */
	else if (shape->reg == THUNK_MMX)
		emit(e, 3, 0x0f6f07); /* movq (%rdi), %mm0 */
	else if (shape->reg == THUNK_GPR)
		emit(e, 3, 0x488b07); /* mov (%rdi), %rax */
	if (shape->rm == THUNK_XMM)
		emit(e, 3, 0x0f100e); /* movups (%rsi), %xmm1 */
	else if (shape->rm == THUNK_MMX)
		emit(e, 3, 0x0f6f0e); /* movq (%rsi), %mm1 */
	else if (shape->rm == THUNK_GPR)
		emit(e, 3, 0x4c8b06); /* mov (%rsi), %r8 */
	if (shape->flags & THUNK_MXCSR) {
		emit(e, 4, 0x4883ec08); /* sub $8, %rsp */
		emit(e, 4, 0x0fae1c24); /* stmxcsr (%rsp) */
		emit(e, 3, 0x0fae11);   /* ldmxcsr (%rcx) */
	}
	emit_instruction(e, shape);
	if (shape->flags & THUNK_RFLAGS)
		emit(e, 4, 0x9c8f4108); /* pushfq; popq 8(%rcx) */
	if (shape->flags & THUNK_MXCSR) {
		emit(e, 4, 0x0fae5904); /* stmxcsr 4(%rcx) */
		emit(e, 4, 0x0fae1424); /* ldmxcsr (%rsp) */
		emit(e, 4, 0x4883c408); /* add $8, %rsp */
	}
	if (shape->flags & THUNK_STORE_REG) {
		if (shape->reg == THUNK_XMM)
			emit(e, 3, 0x0f1102); /* movups %xmm0, (%rdx) */
		else if (shape->reg == THUNK_MMX)
			emit(e, 3, 0x0f7f02); /* movq %mm0, (%rdx) */
		else if (shape->reg == THUNK_GPR)
			emit(e, 3, 0x488902); /* mov %rax, (%rdx) */
	}
	if (shape->flags & THUNK_STORE_RM) {
		if (shape->rm == THUNK_XMM)
			emit(e, 3, 0x0f110e); /* movups %xmm1, (%rsi) */
		else if (shape->rm == THUNK_MMX)
			emit(e, 3, 0x0f7f0e); /* movq %mm1, (%rsi) */
		else if (shape->rm == THUNK_GPR)
			emit(e, 3, 0x4c8906); /* mov %r8, (%rsi) */
	}
	if (shape->reg == THUNK_MMX || shape->rm == THUNK_MMX)
		emit(e, 2, 0x0f77); /* emms: C code wants an empty x87 stack */
	emit(e, 1, 0xc3);
}

/* ---- the cache ---- */

static uint64_t shape_key(const struct thunk_shape *shape)
{
	uint64_t key;
	_Static_assert(sizeof(*shape) == sizeof(key), "a shape is a key");
	memcpy(&key, shape, sizeof(key));
	return key;
}

/* The slot that holds the key, or the free one where it belongs. */
static struct slot *slot_find(struct cpu_thunks *thunks, uint64_t key, const void **code)
{
	uint64_t hash = key * 0x9e3779b97f4a7c15u;
	for (unsigned i = (unsigned)(hash >> 40);; i++) {
		struct slot *slot = &thunks->slots[i % SLOTS];
		*code = __atomic_load_n(&slot->code, __ATOMIC_ACQUIRE);
		if (!*code || slot->key == key)
			return slot;
	}
}

const void *thunk_find(struct cpu_thunks *thunks, const struct thunk_shape *shape)
{
	uint64_t key = shape_key(shape);
	const void *code;
	slot_find(thunks, key, &code);
	if (code)
		return code;

	pthread_mutex_lock(&thunks->lock);
	struct slot *slot = slot_find(thunks, key, &code); /* another thread may have been faster */
	if (!code && thunks->count < SLOTS_FULL && thunks->used + THUNK_BYTES_MAX <= CODE_BYTES) {
		struct emitter e = { thunks->writable + thunks->used };
		if (shape->flags & THUNK_X87)
			emit_x87(&e, shape);
		else
			emit_vector(&e, shape);
		code = thunks->executable + thunks->used;
		thunks->used = ((uint32_t)(e.at - thunks->writable) + 15) & ~15u;
		thunks->count++;
		slot->key = key;
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
