/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* An interpreter for a bytecode with sixteen registers, which counts primes by trial division. */
#include "bench.h"

enum op { SET, MOVE, ADD, ADDI, MUL, REM, LESS, IF, IFNOT, JUMP, STOP };

struct code {
	unsigned char op, a, b, c;
	int32_t value;
};

#define LIMIT 4000

/* r0: the number; r1: the divisor; r2: how many primes; r3: a hash; r4, r5: scratch; r6: the limit */
static struct code code[] = {
	{ SET, 0, 0, 0, 2 },
	{ SET, 2, 0, 0, 0 },
	{ SET, 3, 0, 0, 1 },
	{ SET, 6, 0, 0, LIMIT },
	/* 4: next number */
	{ LESS, 4, 0, 6, 0 },
	{ IFNOT, 4, 0, 0, 20 },
	{ SET, 1, 0, 0, 2 },
	/* 7: next divisor */
	{ MUL, 5, 1, 1, 0 },
	{ LESS, 4, 0, 5, 0 },
	{ IF, 4, 0, 0, 14 },
	{ REM, 5, 0, 1, 0 },
	{ IFNOT, 5, 0, 0, 18 },
	{ ADDI, 1, 1, 0, 1 },
	{ JUMP, 0, 0, 0, 7 },
	/* 14: a prime */
	{ ADDI, 2, 2, 0, 1 },
	{ SET, 5, 0, 0, 31 },
	{ MUL, 3, 3, 5, 0 },
	{ ADD, 3, 3, 0, 0 },
	/* 18: go on */
	{ ADDI, 0, 0, 0, 1 },
	{ JUMP, 0, 0, 0, 4 },
	{ MOVE, 0, 2, 0, 0 },
	{ STOP, 0, 0, 0, 0 },
};

static uint64_t bytecode_round(void)
{
	uint32_t r[16] = { 0 };

	for (const struct code *p = code;; p++) {
		switch ((enum op)p->op) {
		case SET: r[p->a] = (uint32_t)p->value; break;
		case MOVE: r[p->a] = r[p->b]; break;
		case ADD: r[p->a] = r[p->b] + r[p->c]; break;
		case ADDI: r[p->a] = r[p->b] + (uint32_t)p->value; break;
		case MUL: r[p->a] = r[p->b] * r[p->c]; break;
		case REM: r[p->a] = r[p->b] % r[p->c]; break;
		case LESS: r[p->a] = r[p->b] < r[p->c]; break;
		case IF:
			if (r[p->a])
				p = code + p->value - 1;
			break;
		case IFNOT:
			if (!r[p->a])
				p = code + p->value - 1;
			break;
		case JUMP: p = code + p->value - 1; break;
		case STOP: return (uint64_t)r[0] << 32 | r[3];
		}
	}
}

const struct program bytecode_program = { "bytecode", "compute", UINT64_C(0x22665f2878c), 0, bytecode_round, 0 };
