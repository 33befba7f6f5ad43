/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Writing host instructions.  Encodings are those of SDM vol. 2A, chapter 2.
 *
 * Bytes go to the writable mapping of the code cache; addresses in the code are of the executable one, `execute` bytes
 * further on.  There is no check for room: the caller makes sure of EMIT_ROOM bytes before each guest instruction.
 */
#ifndef VMM_TRANSLATE_EMIT_H
#define VMM_TRANSLATE_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EMIT_ROOM 1024u

enum { HOST_RAX, HOST_RCX, HOST_RDX, HOST_RBX, HOST_RSP, HOST_RBP, HOST_RSI, HOST_RDI };
#define HOST_R8   8
#define HOST_R9   9
#define HOST_R10  10
#define HOST_R11  11
#define HOST_NONE 0xff

/* Conditions, as in the opcodes. */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_Z, CC_NZ, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G };

struct emit {
	uint8_t *at;
	intptr_t execute;
};

/* What ModRM.rm stands for. */
struct host_rm {
	enum { RM_REGISTER, RM_MEMORY, RM_STATE, RM_NEAR } kind;
	uint8_t base, index, scale; /* RM_REGISTER: base is the register; HOST_NONE where absent */
	int32_t displacement;
	const void *near; /* RM_NEAR: addressed from RIP */
};

#define EMIT_LOCK     0x01u
#define EMIT_66       0x02u /* as a mandatory prefix */
#define EMIT_F3       0x04u
#define EMIT_F2       0x08u
#define EMIT_BYTE_REG 0x10u /* ModRM.reg is a byte register, the low byte of it */
#define EMIT_BYTE_RM  0x20u /* the same of ModRM.rm */
#define EMIT_HIGH     0x40u /* 4 to 7 are AH, CH, DH, BH: no REX may be needed */

static inline void *emit_here(const struct emit *e)
{
	return e->at + e->execute;
}
static inline void emit8(struct emit *e, unsigned byte)
{
	*e->at++ = (uint8_t)byte;
}
static inline void emit16(struct emit *e, unsigned word)
{
	uint16_t v = (uint16_t)word;

	memcpy(e->at, &v, 2);
	e->at += 2;
}
static inline void emit32(struct emit *e, uint32_t v)
{
	memcpy(e->at, &v, 4);
	e->at += 4;
}
static inline void emit64(struct emit *e, uint64_t v)
{
	memcpy(e->at, &v, 8);
	e->at += 8;
}
static inline void emit_immediate(struct emit *e, uint64_t v, unsigned size)
{
	memcpy(e->at, &v, size);
	e->at += size;
}

static inline struct host_rm rm_register(unsigned reg)
{
	return (struct host_rm){ .kind = RM_REGISTER, .base = (uint8_t)reg };
}
static inline struct host_rm rm_memory(unsigned base, int32_t displacement)
{
	return (struct host_rm){
		.kind = RM_MEMORY, .base = (uint8_t)base, .index = HOST_NONE, .displacement = displacement
	};
}
static inline struct host_rm rm_indexed(unsigned base, unsigned index, unsigned scale, int32_t displacement)
{
	return (struct host_rm){ .kind = RM_MEMORY,
		.base = (uint8_t)base,
		.index = (uint8_t)index,
		.scale = (uint8_t)scale,
		.displacement = displacement };
}
/* In the CPU's state, behind GS. */
static inline struct host_rm rm_state(size_t offset)
{
	return (struct host_rm){
		.kind = RM_STATE, .base = HOST_NONE, .index = HOST_NONE, .displacement = (int32_t)offset
	};
}
/* The same, plus a register. */
static inline struct host_rm rm_state_at(unsigned base, size_t offset)
{
	return (struct host_rm){
		.kind = RM_STATE, .base = (uint8_t)base, .index = HOST_NONE, .displacement = (int32_t)offset
	};
}
/* The same with eight times a register. */
static inline struct host_rm rm_state_by(unsigned index, size_t offset)
{
	return (struct host_rm){ .kind = RM_STATE,
		.base = HOST_NONE,
		.index = (uint8_t)index,
		.scale = 3,
		.displacement = (int32_t)offset };
}
static inline struct host_rm rm_near(const void *near)
{
	return (struct host_rm){ .kind = RM_NEAR, .near = near };
}

/* One instruction with a ModRM byte.  opcode: map << 8 | byte, as in struct insn.  `immediate`: how many bytes the
 * caller emits behind it, which a RIP-relative operand must know. */
void emit_op(struct emit *e, unsigned opcode, unsigned size, unsigned reg, struct host_rm rm, unsigned flags,
	unsigned immediate);

static inline void emit_rm(struct emit *e, unsigned opcode, unsigned size, unsigned reg, struct host_rm rm)
{
	emit_op(e, opcode, size, reg, rm, 0, 0);
}
static inline void emit_move(struct emit *e, unsigned size, unsigned to, unsigned from)
{
	if (to != from)
		emit_rm(e, 0x89, size, from, rm_register(to));
}
static inline void emit_load(struct emit *e, unsigned size, unsigned to, struct host_rm rm)
{
	emit_rm(e, 0x8b, size, to, rm);
}
static inline void emit_store(struct emit *e, unsigned size, struct host_rm rm, unsigned from)
{
	emit_op(e, size == 1 ? 0x88 : 0x89, size, from, rm, size == 1 ? EMIT_BYTE_REG : 0, 0);
}
/* A 32-bit immediate, sign-extended for size 8. */
static inline void emit_store_immediate(struct emit *e, unsigned size, struct host_rm rm, uint32_t value)
{
	emit_op(e, 0xc7, size, 0, rm, 0, 4);
	emit32(e, value);
}
static inline void emit_group1(struct emit *e, unsigned digit, unsigned size, struct host_rm rm, uint32_t value)
{
	emit_op(e, 0x81, size, digit, rm, 0, 4);
	emit32(e, value);
}
/* A register gets a constant, in the shortest way. */
void emit_constant(struct emit *e, unsigned reg, uint64_t value);

/* Jumps with a distance of 32 bits, for emit_aim(): the address of the distance. */
static inline uint8_t *emit_jcc(struct emit *e, unsigned cc)
{
	emit8(e, 0x0f);
	emit8(e, 0x80 | cc);
	emit32(e, 0);
	return e->at - 4;
}
static inline uint8_t *emit_jump(struct emit *e)
{
	emit8(e, 0xe9);
	emit32(e, 0);
	return e->at - 4;
}
/* Have a jump lead to `target`, in the executable mapping. */
static inline void emit_aim(const struct emit *e, uint8_t *distance, const void *target)
{
	int32_t v = (int32_t)((const uint8_t *)target - (distance + 4 + e->execute));

	memcpy(distance, &v, 4);
}
static inline void emit_aim_here(const struct emit *e, uint8_t *distance)
{
	emit_aim(e, distance, emit_here(e));
}
static inline void emit_jump_to(struct emit *e, const void *target)
{
	emit_aim(e, emit_jump(e), target);
}
static inline void emit_jcc_to(struct emit *e, unsigned cc, const void *target)
{
	emit_aim(e, emit_jcc(e, cc), target);
}
static inline void emit_call(struct emit *e, const void *target)
{
	emit8(e, 0xe8);
	emit32(e, 0);
	emit_aim(e, e->at - 4, target);
}

#endif
