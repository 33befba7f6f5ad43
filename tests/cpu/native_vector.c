/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * AVX and AVX-512 state of the host: where its parts are, the host's CPUID leaf 0xd tells.
 */
#include "tests/cpu/native_vector.h"

#include <cpuid.h>
#include <stddef.h>
#include <string.h>

#define HEADER 512u

static const struct {
	uint8_t number;
	uint16_t state, size;
} parts[] = {
	{ 2, offsetof(struct cpu_vector, ymm_high), 256 },
	{ 5, offsetof(struct cpu_vector, k), 64 },
	{ 6, offsetof(struct cpu_vector, zmm_high), 512 },
	{ 7, offsetof(struct cpu_vector, zmm), 1024 },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

void native_layout_read(struct native_layout *layout)
{
	uint32_t eax, ebx, ecx, edx, xcr0;

	memset(layout, 0, sizeof(*layout));
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
		return;
	__asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
	layout->components = xcr0 & 0xe7;
	for (unsigned i = 0; i < PARTS; i++)
		if (__get_cpuid_count(0xd, parts[i].number, &eax, &ebx, &ecx, &edx))
			layout->offset[parts[i].number] = ebx;
}

static bool all_zero(const uint8_t *bytes, unsigned size)
{
	return !*bytes && !memcmp(bytes, bytes + 1, size - 1);
}

/* What is zero is not in use: XSAVE can tell. */
void native_vector_put(const struct native_layout *layout, uint8_t *area, const struct cpu_vector *vector)
{
	uint64_t header[8] = { layout->components };

	if (all_zero(area + 160, 256)) /* XMM */
		header[0] &= ~2u;
	for (unsigned i = 0; i < PARTS; i++) {
		const uint8_t *from = (const uint8_t *)vector + parts[i].state;
		if (all_zero(from, parts[i].size))
			header[0] &= ~((uint64_t)1 << parts[i].number);
		else if (header[0] >> parts[i].number & 1)
			memcpy(area + layout->offset[parts[i].number], from, parts[i].size);
	}
	memcpy(area + HEADER, header, sizeof(header));
}

void native_vector_get(const struct native_layout *layout, const uint8_t *area, struct cpu_vector *vector)
{
	uint64_t present;

	memset(vector, 0, sizeof(*vector));
	memcpy(&present, area + HEADER, 8);
	present &= layout->components;
	for (unsigned i = 0; i < PARTS; i++)
		if (present >> parts[i].number & 1)
			memcpy((uint8_t *)vector + parts[i].state, area + layout->offset[parts[i].number],
				parts[i].size);
}
