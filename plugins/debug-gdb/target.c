/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The target's description: which registers there are, in GDB's order and under its names.
 *
 * The features org.gnu.gdb.i386.* are GDB's own (gdb/features/i386); control registers come in one of ours.
 */
#include <stdio.h>

#include "gdb.h"

#define FEATURE_CORE     "org.gnu.gdb.i386.core"
#define FEATURE_SSE      "org.gnu.gdb.i386.sse"
#define FEATURE_SEGMENTS "org.gnu.gdb.i386.segments"
#define FEATURE_SYSTEM   "org.vmm.system"
#define FEATURE_AVX      "org.gnu.gdb.i386.avx"

#define RAX VMM_CPU_RAX

struct row {
	const char *name, *type, *feature;
	uint8_t bits;
	uint8_t upper;   /* the upper half of a YMM register */
	uint16_t number; /* of vmm.cpu/1 */
};

#define ROW(NAME, BITS, TYPE, FEATURE, NUMBER) \
	{ \
		NAME, TYPE, FEATURE, BITS, 0, NUMBER \
	}
#define CORE32(NAME, TYPE, NUMBER) ROW(NAME, 32, TYPE, FEATURE_CORE, NUMBER)
#define CORE64(NAME, TYPE, NUMBER) ROW(NAME, 64, TYPE, FEATURE_CORE, NUMBER)
#define SEGMENTS \
	CORE32("cs", "int32", VMM_CPU_ES + 1), CORE32("ss", "int32", VMM_CPU_ES + 2), \
		CORE32("ds", "int32", VMM_CPU_ES + 3), CORE32("es", "int32", VMM_CPU_ES), \
		CORE32("fs", "int32", VMM_CPU_ES + 4), CORE32("gs", "int32", VMM_CPU_ES + 5)
#define ST(N) ROW("st" #N, 80, "i387_ext", FEATURE_CORE, VMM_CPU_ST0 + N)
#define X87 \
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7), CORE32("fctrl", "int", VMM_CPU_FCW), \
		CORE32("fstat", "int", VMM_CPU_FCW + 1), CORE32("ftag", "int", VMM_CPU_FCW + 2), \
		CORE32("fiseg", "int", VMM_CPU_FCW + 3), CORE32("fioff", "int", VMM_CPU_FCW + 4), \
		CORE32("foseg", "int", VMM_CPU_FCW + 5), CORE32("fooff", "int", VMM_CPU_FCW + 6), \
		CORE32("fop", "int", VMM_CPU_FCW + 7)
#define XMM(N)               ROW("xmm" #N, 128, "vec128", FEATURE_SSE, VMM_CPU_XMM0 + N)
#define XMM8                 XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7)
#define MXCSR                ROW("mxcsr", 32, "int32", FEATURE_SSE, VMM_CPU_MXCSR)
#define SYSTEM(NAME, NUMBER) ROW(NAME, 64, "int64", FEATURE_SYSTEM, NUMBER)
#define SYSTEMS \
	SYSTEM("cr0", VMM_CPU_CR0), SYSTEM("cr2", VMM_CPU_CR2), SYSTEM("cr3", VMM_CPU_CR3), \
		SYSTEM("cr4", VMM_CPU_CR4), SYSTEM("cr8", VMM_CPU_CR8), SYSTEM("efer", VMM_CPU_EFER)
#define YMMH(N) \
	{ \
		"ymm" #N "h", "uint128", FEATURE_AVX, 128, 1, VMM_CPU_YMM0 + N \
	}
#define YMMH8 YMMH(0), YMMH(1), YMMH(2), YMMH(3), YMMH(4), YMMH(5), YMMH(6), YMMH(7)

static const struct row rows32[] = {
	CORE32("eax", "int32", RAX + 0), CORE32("ecx", "int32", RAX + 1), CORE32("edx", "int32", RAX + 2),
	CORE32("ebx", "int32", RAX + 3), CORE32("esp", "data_ptr", RAX + 4), CORE32("ebp", "data_ptr", RAX + 5),
	CORE32("esi", "int32", RAX + 6), CORE32("edi", "int32", RAX + 7), CORE32("eip", "code_ptr", VMM_CPU_RIP),
	CORE32("eflags", "int32", VMM_CPU_RFLAGS), SEGMENTS, X87, XMM8, MXCSR, SYSTEMS,
	YMMH8, /* last: left out where the CPU has none */
};
static const struct row rows64[] = {
	CORE64("rax", "int64", RAX + 0),
	CORE64("rbx", "int64", RAX + 3),
	CORE64("rcx", "int64", RAX + 1),
	CORE64("rdx", "int64", RAX + 2),
	CORE64("rsi", "int64", RAX + 6),
	CORE64("rdi", "int64", RAX + 7),
	CORE64("rbp", "data_ptr", RAX + 5),
	CORE64("rsp", "data_ptr", RAX + 4),
	CORE64("r8", "int64", 8),
	CORE64("r9", "int64", 9),
	CORE64("r10", "int64", 10),
	CORE64("r11", "int64", 11),
	CORE64("r12", "int64", 12),
	CORE64("r13", "int64", 13),
	CORE64("r14", "int64", 14),
	CORE64("r15", "int64", 15),
	CORE64("rip", "code_ptr", VMM_CPU_RIP),
	CORE32("eflags", "int32", VMM_CPU_RFLAGS),
	SEGMENTS,
	X87,
	XMM8,
	XMM(8),
	XMM(9),
	XMM(10),
	XMM(11),
	XMM(12),
	XMM(13),
	XMM(14),
	XMM(15),
	MXCSR,
	ROW("fs_base", 64, "int", FEATURE_SEGMENTS, VMM_CPU_ES_BASE + 4),
	ROW("gs_base", 64, "int", FEATURE_SEGMENTS, VMM_CPU_ES_BASE + 5),
	SYSTEMS,
	YMMH8,
	YMMH(8),
	YMMH(9),
	YMMH(10),
	YMMH(11),
	YMMH(12),
	YMMH(13),
	YMMH(14),
	YMMH(15),
};

static int32_t cpu_get(const struct gdb *gdb, uint32_t number, void *value, uint32_t size)
{
	return gdb->cpu->get_register(gdb->host->context, gdb->thread, number, value, size);
}

void target_choose(struct gdb *gdb)
{
	uint64_t width = 0;

	gdb->chosen = gdb->arch;
	if (gdb->arch == ARCH_AUTO)
		gdb->chosen = cpu_get(gdb, VMM_CPU_CODE_WIDTH, &width, 8) >= 0 && width == 64 ? ARCH_X86_64 : ARCH_I386;
}

static const struct row *target_rows(const struct gdb *gdb, uint32_t *count)
{
	bool wide = gdb->chosen == ARCH_X86_64;
	const struct row *rows = wide ? rows64 : rows32;
	uint8_t ymm[32];

	*count = wide ? VMM_KIT_COUNT(rows64) : VMM_KIT_COUNT(rows32);
	if (cpu_get(gdb, VMM_CPU_YMM0, ymm, sizeof(ymm)) < 0)
		while (*count && rows[*count - 1].upper)
			--*count;
	return rows;
}

uint32_t target_registers(const struct gdb *gdb)
{
	uint32_t count;

	target_rows(gdb, &count);
	return count;
}

uint32_t target_size(const struct gdb *gdb, uint32_t number)
{
	uint32_t count;
	const struct row *rows = target_rows(gdb, &count);

	return number < count ? rows[number].bits / 8u : 0;
}

/* Bytes that vmm.cpu/1 has of it. */
static uint32_t native_size(const struct row *row)
{
	if (row->upper)
		return 32;
	return row->bits == 80 ? 10 : row->bits == 128 ? 16 : 8;
}

uint32_t target_get(const struct gdb *gdb, uint32_t number, uint8_t *value)
{
	uint32_t count, size;
	const struct row *rows = target_rows(gdb, &count);
	uint8_t native[32] = { 0 };

	if (number >= count)
		return 0;
	size = rows[number].bits / 8u;
	if (cpu_get(gdb, rows[number].number, native, native_size(&rows[number])) < 0)
		memset(native, 0, sizeof(native));
	memcpy(value, native + (rows[number].upper ? 16 : 0), size);
	return size;
}

int32_t target_set(const struct gdb *gdb, uint32_t number, const uint8_t *value)
{
	uint32_t count, size;
	const struct row *rows = target_rows(gdb, &count), *row;
	uint8_t native[32] = { 0 };

	if (number >= count)
		return -ENOENT;
	row = &rows[number];
	size = native_size(row);
	/* What GDB does not have of it stays. */
	if (cpu_get(gdb, row->number, native, size) < 0)
		return -ENOENT;
	memcpy(native + (row->upper ? 16 : 0), value, row->bits / 8u);
	if (row->bits == 32 && gdb->chosen == ARCH_I386)
		memset(native + 4, 0, 4);
	return gdb->cpu->set_register(gdb->host->context, gdb->thread, row->number, native, size);
}

static const char vector_types[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
	"<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
	"<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
	"<field name=\"uint128\" type=\"uint128\"/></union>";

uint32_t target_description(const struct gdb *gdb, char *text, uint32_t size)
{
	uint32_t count;
	const struct row *rows = target_rows(gdb, &count);
	const char *feature = NULL;
	int at = snprintf(text, size,
		"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
		"<architecture>%s</architecture>",
		gdb->chosen == ARCH_X86_64 ? "i386:x86-64" : "i386");

	for (uint32_t i = 0; i < count && at < (int)size; i++) {
		if (rows[i].feature != feature) {
			at += snprintf(text + at, size - (uint32_t)at, "%s<feature name=\"%s\">%s",
				feature ? "</feature>" : "", rows[i].feature,
				strcmp(rows[i].feature, FEATURE_SSE) == 0 ? vector_types : "");
			feature = rows[i].feature;
			if (at >= (int)size)
				break;
		}
		at += snprintf(text + at, size - (uint32_t)at,
			"<reg name=\"%s\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"/>", rows[i].name, rows[i].bits,
			rows[i].type, i);
	}
	if (at < (int)size)
		at += snprintf(text + at, size - (uint32_t)at, "</feature></target>");
	return at < (int)size ? (uint32_t)at : 0;
}
