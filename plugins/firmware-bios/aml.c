/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "aml.h"

#include <string.h>

void aml_byte(struct aml *aml, uint32_t value)
{
	if (aml->length == aml->size) {
		aml->overflow = 1;
		return;
	}
	aml->data[aml->length++] = (uint8_t)value;
}

void aml_bytes(struct aml *aml, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < length; i++)
		aml_byte(aml, bytes[i]);
}

static void number(struct aml *aml, uint64_t value, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		aml_byte(aml, (uint32_t)(value >> (i * 8)) & 0xff);
}

void aml_name(struct aml *aml, const char *name)
{
	uint32_t segments = 1;
	while (*name == '\\' || *name == '^')
		aml_byte(aml, (uint8_t)*name++);
	for (const char *at = name; *at != '\0'; at++)
		segments += *at == '.';
	if (*name == '\0') {
		aml_byte(aml, 0);
		return;
	}
	if (segments == 2) {
		aml_byte(aml, 0x2e);
	} else if (segments > 2) {
		aml_byte(aml, 0x2f);
		aml_byte(aml, segments);
	}
	while (segments-- > 0) {
		for (uint32_t i = 0; i < 4; i++)
			aml_byte(aml, *name != '\0' && *name != '.' ? (uint8_t)*name++ : '_');
		if (*name == '.')
			name++;
	}
}

void aml_integer(struct aml *aml, uint64_t value)
{
	if (value <= 1) {
		aml_byte(aml, (uint32_t)value);
	} else if (value <= 0xff) {
		aml_byte(aml, 0x0a);
		number(aml, value, 1);
	} else if (value <= 0xffff) {
		aml_byte(aml, 0x0b);
		number(aml, value, 2);
	} else if (value <= UINT32_MAX) {
		aml_byte(aml, 0x0c);
		number(aml, value, 4);
	} else {
		aml_byte(aml, 0x0e);
		number(aml, value, 8);
	}
}

void aml_string(struct aml *aml, const char *text)
{
	aml_byte(aml, 0x0d);
	aml_bytes(aml, text, strlen(text) + 1);
}

static uint32_t hex(char digit)
{
	return digit <= '9' ? (uint32_t)(digit - '0') : (uint32_t)(digit - 'A' + 10);
}

void aml_eisa_id(struct aml *aml, const char *id)
{
	uint32_t letters = (uint32_t)(id[0] - '@') << 10 | (uint32_t)(id[1] - '@') << 5 | (uint32_t)(id[2] - '@');
	uint32_t digits = hex(id[3]) << 12 | hex(id[4]) << 8 | hex(id[5]) << 4 | hex(id[6]);
	aml_byte(aml, 0x0c);
	/* Big-endian, as the EISA ID is (19.3.4). */
	aml_byte(aml, letters >> 8);
	aml_byte(aml, letters & 0xff);
	aml_byte(aml, digits >> 8);
	aml_byte(aml, digits & 0xff);
}

/* Package lengths are always written in three bytes, so that they can be filled in later. */
static size_t begin(struct aml *aml)
{
	size_t mark = aml->length;
	number(aml, 0, 3);
	return mark;
}

void aml_end(struct aml *aml, size_t mark)
{
	if (aml->overflow)
		return;
	size_t length = aml->length - mark;
	aml->data[mark] = (uint8_t)(0x80 | (length & 15));
	aml->data[mark + 1] = (uint8_t)(length >> 4);
	aml->data[mark + 2] = (uint8_t)(length >> 12);
}

size_t aml_scope(struct aml *aml, const char *name)
{
	aml_byte(aml, 0x10);
	size_t mark = begin(aml);
	aml_name(aml, name);
	return mark;
}

size_t aml_device(struct aml *aml, const char *name)
{
	aml_byte(aml, 0x5b);
	aml_byte(aml, 0x82);
	size_t mark = begin(aml);
	aml_name(aml, name);
	return mark;
}

size_t aml_method(struct aml *aml, const char *name, uint32_t arguments)
{
	aml_byte(aml, 0x14);
	size_t mark = begin(aml);
	aml_name(aml, name);
	aml_byte(aml, arguments);
	return mark;
}

size_t aml_package(struct aml *aml, uint32_t count)
{
	aml_byte(aml, 0x12);
	size_t mark = begin(aml);
	aml_byte(aml, count);
	return mark;
}

size_t aml_if(struct aml *aml)
{
	aml_byte(aml, AML_IF);
	return begin(aml);
}

size_t aml_else(struct aml *aml)
{
	aml_byte(aml, AML_ELSE);
	return begin(aml);
}

size_t aml_processor(struct aml *aml, const char *name, uint32_t id)
{
	aml_byte(aml, 0x5b);
	aml_byte(aml, 0x83);
	size_t mark = begin(aml);
	aml_name(aml, name);
	aml_byte(aml, id);
	number(aml, 0, 5); /* no P_BLK */
	return mark;
}

void aml_define(struct aml *aml, const char *name)
{
	aml_byte(aml, 0x08);
	aml_name(aml, name);
}

void aml_define_integer(struct aml *aml, const char *name, uint64_t value)
{
	aml_define(aml, name);
	aml_integer(aml, value);
}

void aml_define_eisa_id(struct aml *aml, const char *name, const char *id)
{
	aml_define(aml, name);
	aml_eisa_id(aml, id);
}

void aml_region(struct aml *aml, const char *name, uint32_t space, uint64_t offset, uint64_t length)
{
	aml_byte(aml, 0x5b);
	aml_byte(aml, 0x80);
	aml_name(aml, name);
	aml_byte(aml, space);
	aml_integer(aml, offset);
	aml_integer(aml, length);
}

void aml_fields8(struct aml *aml, const char *region, const char *const *names, uint32_t count)
{
	aml_byte(aml, 0x5b);
	aml_byte(aml, 0x81);
	size_t mark = begin(aml);
	aml_name(aml, region);
	aml_byte(aml, 0x01); /* ByteAcc, NoLock, Preserve */
	for (uint32_t i = 0; i < count; i++) {
		aml_bytes(aml, names[i], 4);
		aml_byte(aml, 8);
	}
	aml_end(aml, mark);
}

struct aml_resources aml_resources(struct aml *aml)
{
	struct aml_resources resources;
	aml_byte(aml, 0x11);
	resources.package = begin(aml);
	aml_byte(aml, 0x0b);
	resources.length_at = aml->length;
	number(aml, 0, 2);
	resources.start = aml->length;
	return resources;
}

void aml_resources_end(struct aml *aml, struct aml_resources resources)
{
	aml_byte(aml, 0x79); /* end tag, no checksum */
	aml_byte(aml, 0);
	if (aml->overflow)
		return;
	size_t length = aml->length - resources.start;
	aml->data[resources.length_at] = (uint8_t)length;
	aml->data[resources.length_at + 1] = (uint8_t)(length >> 8);
	aml_end(aml, resources.package);
}

void aml_res_io(struct aml *aml, uint32_t base, uint32_t length)
{
	aml_byte(aml, 0x47);
	aml_byte(aml, 1); /* decodes 16 bits */
	number(aml, base, 2);
	number(aml, base, 2);
	aml_byte(aml, 1);
	aml_byte(aml, length);
}

void aml_res_irq(struct aml *aml, uint32_t line)
{
	aml_byte(aml, 0x22);
	number(aml, 1u << line, 2);
}

void aml_res_interrupts(struct aml *aml, const uint32_t *lines, uint32_t count)
{
	aml_byte(aml, 0x89);
	number(aml, 2 + 4 * count, 2);
	aml_byte(aml, 0x09);
	aml_byte(aml, count);
	for (uint32_t i = 0; i < count; i++)
		number(aml, lines[i], 4);
}

void aml_res_word(struct aml *aml, uint32_t type, uint32_t type_flags, uint32_t first, uint32_t last)
{
	aml_byte(aml, 0x88);
	number(aml, 13, 2);
	aml_byte(aml, type);
	aml_byte(aml, 0x0c); /* fixed, positive decode, producer */
	aml_byte(aml, type_flags);
	number(aml, 0, 2);
	number(aml, first, 2);
	number(aml, last, 2);
	number(aml, 0, 2);
	number(aml, last - first + 1, 2);
}

void aml_res_dword_memory(struct aml *aml, uint32_t first, uint32_t last, uint32_t cacheable)
{
	aml_byte(aml, 0x87);
	number(aml, 23, 2);
	aml_byte(aml, 0);
	aml_byte(aml, 0x0c);
	aml_byte(aml, cacheable ? 0x03 : 0x01); /* read-write */
	number(aml, 0, 4);
	number(aml, first, 4);
	number(aml, last, 4);
	number(aml, 0, 4);
	number(aml, (uint64_t)last - first + 1, 4);
}
