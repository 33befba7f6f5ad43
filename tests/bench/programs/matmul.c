/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Products of matrices.  The elements are small whole numbers, so that sums are exact with SSE and x87 alike. */
#include <string.h>
#include "bench.h"

#define N 96

#define MATMUL(TYPE) \
	static TYPE TYPE##_a[N][N], TYPE##_b[N][N], TYPE##_c[N][N]; \
\
	static int TYPE##_begin(void) \
	{ \
		uint32_t state = 3; \
\
		for (int i = 0; i < N; i++) \
			for (int j = 0; j < N; j++) { \
				TYPE##_a[i][j] = (TYPE)(int)(random_next(&state) % 255) - 127; \
				TYPE##_b[i][j] = (TYPE)(int)(random_next(&state) % 255) - 127; \
			} \
		return 0; \
	} \
\
	static uint64_t TYPE##_round(void) \
	{ \
		uint64_t hash = MIX_START; \
\
		memset(TYPE##_c, 0, sizeof(TYPE##_c)); \
		for (int i = 0; i < N; i++) \
			for (int k = 0; k < N; k++) \
				for (int j = 0; j < N; j++) \
					TYPE##_c[i][j] += TYPE##_a[i][k] * TYPE##_b[k][j]; \
		for (int i = 0; i < N; i++) \
			for (int j = i % 8; j < N; j += 8) \
				hash = mix(hash, (uint32_t)(int)TYPE##_c[i][j]); \
		return hash; \
	}

MATMUL(double)
MATMUL(float)

const struct program matmul_double_program = { "matmul-double", "compute", UINT64_C(0x027d2e4289e9f155), double_begin,
	double_round, 0 };
const struct program matmul_float_program = { "matmul-float", "compute", UINT64_C(0x027d2e4289e9f155), float_begin,
	float_round, 0 };
