/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Writing AML (ACPI 6.5, chapter 20) and resource templates (6.4).
 *
 * Names are written as in ASL: "\\_SB.PCI0", "_HID"; short segments are padded.
 */
#ifndef AML_H
#define AML_H

#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *data;
	size_t length, size;
	uint32_t overflow; /* it did not fit */
};

enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_LOCAL0 = 0x60,
	AML_ARG0 = 0x68,
	AML_STORE = 0x70,
	AML_AND = 0x7b,
	AML_OR = 0x7d,
	AML_CREATE_DWORD = 0x8a,
	AML_EQUAL = 0x93,
	AML_LESS = 0x95,
	AML_IF = 0xa0,
	AML_ELSE = 0xa1,
	AML_RETURN = 0xa4,
};

void aml_byte(struct aml *aml, uint32_t value);
void aml_bytes(struct aml *aml, const void *data, size_t length);
void aml_name(struct aml *aml, const char *name);
void aml_integer(struct aml *aml, uint64_t value);
void aml_string(struct aml *aml, const char *text);
void aml_eisa_id(struct aml *aml, const char *id);

/* Each of these begins a package that aml_end closes; they return its mark. */
size_t aml_scope(struct aml *aml, const char *name);
size_t aml_device(struct aml *aml, const char *name);
size_t aml_method(struct aml *aml, const char *name, uint32_t arguments);
size_t aml_package(struct aml *aml, uint32_t count);
size_t aml_if(struct aml *aml);
size_t aml_else(struct aml *aml);
size_t aml_processor(struct aml *aml, const char *name, uint32_t id);
void aml_end(struct aml *aml, size_t mark);

void aml_define(struct aml *aml, const char *name); /* Name (NAME, ...): the object follows */
void aml_define_integer(struct aml *aml, const char *name, uint64_t value);
void aml_define_eisa_id(struct aml *aml, const char *name, const char *id);
void aml_region(struct aml *aml, const char *name, uint32_t space, uint64_t offset, uint64_t length);
/* Fields of 8 bits, byte access, one after the other. */
void aml_fields8(struct aml *aml, const char *region, const char *const *names, uint32_t count);

/* ResourceTemplate () { ... }: a buffer whose length is filled in by the end. */
struct aml_resources {
	size_t package, length_at, start;
};
struct aml_resources aml_resources(struct aml *aml);
void aml_resources_end(struct aml *aml, struct aml_resources resources);
void aml_res_io(struct aml *aml, uint32_t base, uint32_t length);
void aml_res_irq(struct aml *aml, uint32_t line);                                /* edge, high, exclusive */
void aml_res_interrupts(struct aml *aml, const uint32_t *lines, uint32_t count); /* level, high, shared */
void aml_res_word(struct aml *aml, uint32_t type, uint32_t type_flags, uint32_t first, uint32_t last);
void aml_res_dword_memory(struct aml *aml, uint32_t first, uint32_t last, uint32_t cacheable);

#endif
