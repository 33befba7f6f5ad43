/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * String instructions.
 *
 * A repeated one works in chunks, with the registers brought up to date after each iteration; between chunks it
 * looks for requests and gives way with CPU_REPEAT.  It retires, and counts, once: when it ends.
 */
#include "vmm/cpu/io.h"
#include "vmm/cpu/operand.h"

struct string {
	unsigned size; /* of an element */
	uint64_t mask; /* of addresses */
	uint64_t step; /* size, or its negative */
	unsigned segment;
};

static inline uint64_t offset_get(const struct cpu *cpu, const struct string *string, unsigned reg)
{
	return cpu->gpr[reg] & string->mask;
}

static inline void offset_set(struct cpu *cpu, const struct string *string, unsigned reg, uint64_t value)
{
	if (string->mask == 0xffff)
		cpu->gpr[reg] = (cpu->gpr[reg] & ~string->mask) | (value & string->mask);
	else
		cpu->gpr[reg] = value & string->mask;
}

static inline void offset_step(struct cpu *cpu, const struct string *string, unsigned reg)
{
	offset_set(cpu, string, reg, cpu->gpr[reg] + string->step);
}

static inline int element_read(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
	uint32_t value32;
	uint16_t value16;
	uint8_t value8;
	int status;

	switch (size) {
	case 1:
		status = mem_read8(cpu, segment, offset, &value8);
		*value = value8;
		return status;
	case 2:
		status = mem_read16(cpu, segment, offset, &value16);
		*value = value16;
		return status;
	case 4:
		status = mem_read32(cpu, segment, offset, &value32);
		*value = value32;
		return status;
	default: return mem_read64(cpu, segment, offset, value);
	}
}

static inline int element_write(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, uint64_t value)
{
	switch (size) {
	case 1: return mem_write8(cpu, segment, offset, (uint8_t)value);
	case 2: return mem_write16(cpu, segment, offset, (uint16_t)value);
	case 4: return mem_write32(cpu, segment, offset, (uint32_t)value);
	default: return mem_write64(cpu, segment, offset, value);
	}
}

static int movs_step(struct cpu *cpu, const struct string *string)
{
	uint64_t value = 0;

	if (element_read(cpu, string->segment, offset_get(cpu, string, CPU_RSI), string->size, &value) != CPU_OK ||
		element_write(cpu, CPU_ES, offset_get(cpu, string, CPU_RDI), string->size, value) != CPU_OK)
		return CPU_FAULT;
	offset_step(cpu, string, CPU_RSI);
	offset_step(cpu, string, CPU_RDI);
	return CPU_OK;
}

static int stos_step(struct cpu *cpu, const struct string *string)
{
	if (element_write(cpu, CPU_ES, offset_get(cpu, string, CPU_RDI), string->size, cpu->gpr[CPU_RAX]) != CPU_OK)
		return CPU_FAULT;
	offset_step(cpu, string, CPU_RDI);
	return CPU_OK;
}

static int lods_step(struct cpu *cpu, const struct string *string)
{
	uint64_t value = 0;

	if (element_read(cpu, string->segment, offset_get(cpu, string, CPU_RSI), string->size, &value) != CPU_OK)
		return CPU_FAULT;
	reg_set(cpu, CPU_RAX, string->size, value);
	offset_step(cpu, string, CPU_RSI);
	return CPU_OK;
}

static void compare(struct cpu *cpu, unsigned size, uint64_t a, uint64_t b)
{
	switch (size) {
	case 1: flags_set(cpu, FLAGS_SUB, (int8_t)(a - b), (int8_t)a, (int8_t)b); break;
	case 2: flags_set(cpu, FLAGS_SUB, (int16_t)(a - b), (int16_t)a, (int16_t)b); break;
	case 4: flags_set(cpu, FLAGS_SUB, (int32_t)(a - b), (int32_t)a, (int32_t)b); break;
	default: flags_set(cpu, FLAGS_SUB, (int64_t)(a - b), (int64_t)a, (int64_t)b); break;
	}
}

static int cmps_step(struct cpu *cpu, const struct string *string)
{
	uint64_t a = 0, b = 0;

	/* Processors read the destination first, as can be told from which of two faults is reported. */
	if (element_read(cpu, CPU_ES, offset_get(cpu, string, CPU_RDI), string->size, &b) != CPU_OK ||
		element_read(cpu, string->segment, offset_get(cpu, string, CPU_RSI), string->size, &a) != CPU_OK)
		return CPU_FAULT;
	offset_step(cpu, string, CPU_RSI);
	offset_step(cpu, string, CPU_RDI);
	compare(cpu, string->size, a, b);
	return CPU_OK;
}

static int scas_step(struct cpu *cpu, const struct string *string)
{
	uint64_t b = 0;

	if (element_read(cpu, CPU_ES, offset_get(cpu, string, CPU_RDI), string->size, &b) != CPU_OK)
		return CPU_FAULT;
	offset_step(cpu, string, CPU_RDI);
	compare(cpu, string->size, reg_get(cpu, CPU_RAX, string->size), b);
	return CPU_OK;
}

static int ins_step(struct cpu *cpu, const struct string *string)
{
	uint64_t offset = offset_get(cpu, string, CPU_RDI);
	uint16_t port = (uint16_t)cpu->gpr[CPU_RDX];
	uint32_t value;

	/* The port is read only when the write is known to succeed. */
	if (io_check(cpu, port, string->size) != CPU_OK || cpu_probe_write(cpu, CPU_ES, offset, string->size) != CPU_OK)
		return CPU_FAULT;
	value = io_read(cpu, port, string->size);
	if (element_write(cpu, CPU_ES, offset, string->size, value) != CPU_OK)
		return CPU_FAULT;
	offset_step(cpu, string, CPU_RDI);
	return CPU_OK;
}

static int outs_step(struct cpu *cpu, const struct string *string)
{
	uint16_t port = (uint16_t)cpu->gpr[CPU_RDX];
	uint64_t value = 0;

	if (io_check(cpu, port, string->size) != CPU_OK ||
		element_read(cpu, string->segment, offset_get(cpu, string, CPU_RSI), string->size, &value) != CPU_OK)
		return CPU_FAULT;
	io_write(cpu, port, string->size, (uint32_t)value);
	offset_step(cpu, string, CPU_RSI);
	return CPU_OK;
}

static int step(struct cpu *cpu, const struct insn *insn, const struct string *string)
{
	switch (insn->opcode & 0xfe) {
	case 0x6c: return ins_step(cpu, string);
	case 0x6e: return outs_step(cpu, string);
	case 0xa4: return movs_step(cpu, string);
	case 0xa6: return cmps_step(cpu, string);
	case 0xaa: return stos_step(cpu, string);
	case 0xac: return lods_step(cpu, string);
	default: return scas_step(cpu, string);
	}
}

/* How many elements lie before the end of the page, the address space and the segment check's reach. */
static uint64_t run_limit(const struct cpu *cpu, const struct string *string, unsigned segment, uint64_t offset)
{
	uint64_t linear = (cpu->fast[segment].base + offset) & cpu->linear_mask;
	uint64_t bytes = CPU_PAGE_SIZE - (linear & 0xfff);

	if (bytes > string->mask - offset)
		bytes = string->mask - offset;
	return bytes / string->size;
}

static void elements_copy(uint8_t *to, const uint8_t *from, uint64_t bytes, unsigned size)
{
	/* A destination inside the source repeats what was just copied. */
	if (to > from && to < from + bytes)
		for (uint64_t i = 0; i < bytes; i += size)
			memmove(to + i, from + i, size);
	else
		memmove(to, from, bytes);
}

static void elements_fill(uint8_t *to, uint64_t value, uint64_t count, unsigned size)
{
	if (size == 1)
		memset(to, (uint8_t)value, count);
	else
		for (uint64_t i = 0; i < count; i++)
			memcpy(to + i * size, &value, size);
}

/* MOVS and STOS over direct memory, to the end of a page at most: how many elements were done. */
static uint64_t run(struct cpu *cpu, const struct insn *insn, const struct string *string, uint64_t count)
{
	bool copies = (insn->opcode & 0xfe) == 0xa4;
	uint64_t di = offset_get(cpu, string, CPU_RDI), si = offset_get(cpu, string, CPU_RSI), n;
	uint8_t *to, *from = NULL;

	if ((!copies && (insn->opcode & 0xfe) != 0xaa) || cpu->rflags & CPU_FLAG_DF)
		return 0;
	n = run_limit(cpu, string, CPU_ES, di);
	if (n > count)
		n = count;
	if (copies) {
		uint64_t m = run_limit(cpu, string, string->segment, si);

		if (n > m)
			n = m;
	}
	if (n < 2)
		return 0;
	to = access_host(cpu, CPU_ES, di, (unsigned)(n * string->size), true);
	if (copies)
		from = access_host(cpu, string->segment, si, (unsigned)(n * string->size), false);
	if (!to || (copies && !from))
		return 0;
	if (copies) {
		elements_copy(to, from, n * string->size, string->size);
		offset_set(cpu, string, CPU_RSI, si + n * string->size);
	} else {
		elements_fill(to, cpu->gpr[CPU_RAX], n, string->size);
	}
	offset_set(cpu, string, CPU_RDI, di + n * string->size);
	return n;
}

/* The six flags, as lazily as struct cpu has them. */
struct flags {
	uint64_t rflags, result, source1, source2;
	uint32_t op;
};

static void flags_keep(const struct cpu *cpu, struct flags *flags)
{
	flags->rflags = cpu->rflags;
	flags->result = cpu->flags_result;
	flags->source1 = cpu->flags_source1;
	flags->source2 = cpu->flags_source2;
	flags->op = cpu->flags_op;
}

static void flags_put_back(struct cpu *cpu, const struct flags *flags)
{
	cpu->rflags = flags->rflags;
	cpu->flags_result = flags->result;
	cpu->flags_source1 = flags->source1;
	cpu->flags_source2 = flags->source2;
	cpu->flags_op = flags->op;
}

static int string_execute(struct cpu *cpu, const struct insn *insn)
{
	struct string string = {
		.size = insn->opcode & 1 ? insn->operand_size : 1,
		.mask = ~0ull >> insn->ea_shift,
		.segment = insn->segment,
	};
	bool compares = (insn->opcode & 0xf6) == 0xa6;
	struct flags flags;
	uint64_t count;

	if (string.size == 8 && (insn->opcode & 0xfc) == 0x6c)
		string.size = 4; /* ports have no more */
	string.step = cpu->rflags & CPU_FLAG_DF ? 0 - (uint64_t)string.size : string.size;
	if (!insn->rep)
		return step(cpu, insn, &string);
	count = cpu->gpr[CPU_RCX] & string.mask;
	/* The right to the port is checked even if nothing is moved. */
	if (!count && (insn->opcode & 0xfc) == 0x6c)
		return io_check(cpu, (uint16_t)cpu->gpr[CPU_RDX], string.size);
	flags_keep(cpu, &flags);
	for (unsigned work = 0; count;) {
		uint64_t done = cpu->slow ? 0 : run(cpu, insn, &string, count);

		if (!done) {
			if (step(cpu, insn, &string) != CPU_OK) {
				/* RFLAGS are as before the instruction (SDM vol. 2B, REP). */
				if (compares)
					flags_put_back(cpu, &flags);
				return CPU_FAULT;
			}
			done = 1;
		}
		count -= done;
		offset_set(cpu, &string, CPU_RCX, count);
		if (compares && flags_zf(cpu) != (insn->rep == 0xf3))
			break;
		if (!count)
			break;
		work += done > 1 ? 64 : 1;
		if (cpu->slow || cpu->block_end || (work >= 256 && __atomic_load_n(&cpu->request, __ATOMIC_RELAXED)) ||
			work >= 65536) {
			/* One instruction of any length must not keep timers from being looked at. */
			cpu->yield = work >= 65536;
			cpu->next_rip = cpu->rip;
			return CPU_REPEAT;
		}
	}
	return CPU_OK;
}

insn_execute *string_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return string_execute;
}
