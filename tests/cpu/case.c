/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What both sides of the oracle do alike: code slots and the memory region.
 */
#include "tests/cpu/case.h"

#include <string.h>

/* What leads from the instruction's end back to the stub. */
static void exit_emit(const struct oracle_case *c, uint8_t *at, unsigned offset, uint64_t exit_address)
{
	if (c->code64) { /* jmp *(%rip), aligned, as alignment checks may be on */
		at[0] = 0xff;
		at[1] = 0x25;
		memset(at + 2, 0, 4);
		at[2] = (uint8_t)(-offset - 6) & 7;
		memcpy(at + 6 + at[2], &exit_address, 8);
		return;
	}
	if (c->code16)
		*at++ = 0x66;
	*at++ = 0xea; /* ljmp $0x33, $exit */
	memcpy(at, &exit_address, 4);
	at[4] = USER_CODE64;
	at[5] = 0;
}

void case_emit(const struct oracle_case *c, unsigned number, uint8_t *code, uint64_t exit_address)
{
	uint64_t address = case_address(c, number);
	uint32_t offset = (uint32_t)(address & 0xffffff) - case_start(c);
	uint8_t slot[SLOT_BYTES], *at = slot;
	memset(slot, 0xcc, SLOT_BYTES);
	if (c->code16) { /* mov $esp, %esp: a far return to a 16-bit stack leaves its upper half alone */
		*at++ = 0x66;
		*at++ = 0xbc;
		memcpy(at, &c->gpr[4], 4);
		at += 4;
	}
	memcpy(at, c->bytes, c->length);
	if (c->rip_at) {
		uint32_t displacement = (uint32_t)(c->rip_target - address - c->length);
		memcpy(at + c->rip_at, &displacement, 4);
	}
	at += c->length;
	if (!c->open_end && !c->edge) /* else operands and what follows are INT3s */
		exit_emit(c, at, (unsigned)(at - slot), exit_address);
	memcpy(code + offset, slot, CODE_BYTES - offset < SLOT_BYTES ? CODE_BYTES - offset : SLOT_BYTES);
}

void case_patch(const struct oracle_case *c, uint8_t *region)
{
	for (uint32_t i = 0; i < c->patch_length; i++) {
		uint32_t offset = (c->patch_offset + i) & (REGION_PAGES * 4096 - 1);
		if (REGION_WRITABLE >> offset / 4096 & 1)
			region[offset] = c->patch[i];
	}
}

void case_collect(struct outcome *o, uint8_t *region, const uint8_t *template)
{
	o->line_count = 0;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		if (!(REGION_WRITABLE >> page & 1))
			continue;
		for (unsigned block = page * 4096; block < page * 4096 + 4096; block += 512) {
			if (!memcmp(region + block, template + block, 512))
				continue;
			for (unsigned at = block; at < block + 512; at += 64) {
				if (!memcmp(region + at, template + at, 64))
					continue;
				if (o->line_count < LINES_MAX) {
					o->lines[o->line_count] = (uint16_t)(at / 64);
					memcpy(o->data[o->line_count++], region + at, 64);
				}
				memcpy(region + at, template + at, 64);
			}
		}
	}
}
