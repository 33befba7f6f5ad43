/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Selectors, and far pointers for 16- and 32-bit code.
 *
 * These lead to where there is no code, so that the fetch faults and shows how the segment was loaded; as some of the
 * segments are 64-bit ones, the engine must be in IA-32e mode as the host is.
 */
#include "tests/cpu/generate.h"

#include <string.h>

uint16_t generate_selector(struct random *r)
{
	static const uint16_t selectors[] = { USER_DATA, USER_CODE32, USER_CODE64, 0x28, 0x10, 0x18, 0x83, 0x87, 0, 3 };
	if (random_below(r, 2))
		return (uint16_t)(LDT_SELECTOR(random_below(r, LDT_ENTRIES)) - random_below(r, 4));
	return selectors[random_below(r, sizeof(selectors) / sizeof(selectors[0]))];
}

static void word_put(uint8_t *data, unsigned *at, unsigned size, uint32_t value)
{
	memcpy(data + *at, &value, size);
	*at += size;
}

unsigned generate_pointer(struct random *r, struct oracle_case *c, unsigned size, bool code, bool flags, uint8_t *data)
{
	static const uint16_t codes[] = { LDT_SELECTOR(LDT_CODE32), LDT_SELECTOR(LDT_CODE16), USER_CODE32, USER_DATA, 0,
		0x10, USER_CODE64, 0x30 };
	/* A far CALL from compatibility mode to 64-bit code pushes as the latter does: generate_vendor_differs(). */
	unsigned limit = flags ? 8 : 6;
	uint16_t selector = code ? codes[random_below(r, limit)] : generate_selector(r);
	if (flags && (selector & 3) < 3 && !generate_host_is_intel())
		c->eflags &= ~0x40000u;
	uint32_t target = 0x4000 + random_below(r, 0x4000);
	unsigned at = 0;
	if (size == 4 && random_below(r, 2))
		target += CODE_BASE;
	if (!code)
		target = random_integer(r);
	else
		c->legacy = false;
	word_put(data, &at, size, target);
	/* on a stack the selector has a word of its own */
	word_put(data, &at, flags ? size : 2, selector);
	if (flags)
		word_put(data, &at, size, (uint32_t)random_next(r) & ~0x44100u);
	return at;
}
