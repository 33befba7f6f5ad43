/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Target: a CPU that runs the input.  It begins with the mode and registers, then come requests from outside (NMI, SMI,
 * interrupts, save and load), a byte each with a zero at their end, and the rest is code.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/cpu_bench.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/stream.h"
#include "vmm/cpu/mode.h"
#include "vmm/state/state.h"

#define SLICE  400u /* instructions */
#define ROUNDS 12u

static struct state_writer *cpu_write(const struct cpu *cpu, const void **data, size_t *length)
{
	struct state_writer *writer = state_writer_new();

	if (!writer)
		abort();
	state_section_begin(writer, "cpu", "cpu", 1);
	if (cpu_save(cpu, writer))
		abort();
	state_section_end(writer);
	if (state_writer_finish(writer, data, length))
		abort();
	return writer;
}

static int cpu_read(struct cpu *cpu, const void *data, size_t length)
{
	struct state_reader *reader;
	int status = state_reader_new(data, length, &reader, NULL);

	if (status)
		return status;
	status = state_section_open(reader, "cpu", NULL, NULL);
	if (!status)
		status = cpu_load(cpu, reader);
	if (!status)
		status = state_section_close(reader);
	state_reader_free(reader);
	return status;
}

/* Into another CPU, which must then save the same. */
static struct cpu_bench *bench_migrate(struct cpu_bench *old, bool apic)
{
	const void *one, *two;
	size_t one_length, two_length;
	struct state_writer *first = cpu_write(old->cpu, &one, &one_length), *second;
	struct cpu_bench *young = cpu_bench_new(apic);

	cpu_bench_copy(young, old);
	if (cpu_read(young->cpu, one, one_length))
		abort();
	second = cpu_write(young->cpu, &two, &two_length);
	stream_compare(one, one_length, two, two_length, "saved, loaded, saved again");
	state_writer_free(first);
	state_writer_free(second);
	return young;
}

/* Both go on, and must come to the same. */
static struct cpu_bench *bench_both(struct cpu_bench *old, bool apic)
{
	struct cpu_bench *young = bench_migrate(old, apic);
	const void *one, *two;
	size_t one_length, two_length;
	struct state_writer *first, *second;

	if (cpu_run(old->cpu, SLICE) != cpu_run(young->cpu, SLICE))
		abort();
	first = cpu_write(old->cpu, &one, &one_length);
	second = cpu_write(young->cpu, &two, &two_length);
	stream_compare(one, one_length, two, two_length, "both went on");
	if (memcmp(old->ram, young->ram, BENCH_RAM))
		abort();
	state_writer_free(first);
	state_writer_free(second);
	cpu_bench_free(old);
	return young;
}

/* A forged state: if it is taken, it must be possible to go on from it. */
static struct cpu_bench *bench_damage(struct cpu_bench *old, bool apic, struct input *input)
{
	const void *good;
	size_t length;
	struct state_writer *writer = cpu_write(old->cpu, &good, &length);
	uint8_t *data = malloc(length);
	struct cpu_bench *young = cpu_bench_new(apic);

	memcpy(data, good, length);
	for (unsigned i = 0; i < 1 + (unsigned)input_take(input, 1) % 4; i++) {
		size_t at = input_take(input, 2) % length;
		unsigned count = 1u << (input_take(input, 1) & 3);

		for (unsigned k = 0; k < count && at + k < length; k++)
			data[at + k] = (uint8_t)input_take(input, 1);
	}
	stream_repair(data, length);
	cpu_bench_copy(young, old);
	if (cpu_read(young->cpu, data, length)) {
		cpu_bench_free(young);
		young = old;
	} else {
		cpu_bench_free(old);
	}
	free(data);
	state_writer_free(writer);
	return young;
}

static struct cpu_bench *bench_request(struct cpu_bench *bench, uint8_t what, bool apic, struct input *input)
{
	struct cpu_bench *young;

	bench->clock += 1000;
	switch (what & 15) {
	case 0: cpu_request(bench->cpu, CPU_REQUEST_NMI); break;
	case 1: cpu_request(bench->cpu, CPU_REQUEST_SMI); break;
	case 2: cpu_request(bench->cpu, CPU_REQUEST_INIT); break;
	case 3:
		bench->cpu->sipi_vector = what >> 4;
		cpu_request(bench->cpu, CPU_REQUEST_SIPI);
		break;
	case 4: cpu_request(bench->cpu, CPU_REQUEST_TIMER); break;
	case 5: cpu_request(bench->cpu, CPU_REQUEST_FLUSH); break;
	case 6:
		bench->cpu->a20_mask_next = what & 16 ? ~(uint64_t)0 : ~(uint64_t)0x100000;
		cpu_request(bench->cpu, CPU_REQUEST_A20);
		break;
	case 7:
		bench->vector = what >> 4 ? (int)input_take(input, 1) : -1;
		cpu_request(bench->cpu, CPU_REQUEST_INTR);
		break;
	case 8:
		young = bench_migrate(bench, apic);
		cpu_bench_free(bench);
		return young;
	case 9:
	case 10: return bench_both(bench, apic);
	case 11: return bench_damage(bench, apic, input);
	default: bench->clock += 1000000; break;
	}
	return bench;
}

static void registers_set(struct cpu *cpu, struct input *input, uint8_t flags)
{
	for (unsigned i = 0; i < 8; i++) {
		uint8_t kind = (uint8_t)input_take(input, 1);

		if (i != CPU_RSP || kind >= 0xf0)
			cpu->gpr[i] = kind < 0x80 ? (uint64_t)kind << 8
				: kind < 0xf0     ? kind & 15
						  : input_take(input, 4);
	}
	/* Arithmetic flags, IF, DF, IOPL, AC. */
	cpu_rflags_write(cpu, input_take(input, 4), flags & 1 ? 0x47ed5 : 0xad5);
	if (flags & 2)
		cpu->cr4 |= CPU_CR4_OSFXSR | CPU_CR4_OSXMMEXCPT;
	if (flags & 4)
		cpu->cr0 |= CPU_CR0_NE;
	if (flags & 8)
		cpu->cr0 |= CPU_CR0_TS;
	if (flags & 16)
		cpu->cr0 |= CPU_CR0_AM;
	cpu->fx.fcw = flags & 32 ? 0x0340 : 0x037f;
	cpu_mode_update(cpu);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size }, code;
	uint8_t how = (uint8_t)input_take(&input, 1), flags = (uint8_t)input_take(&input, 1);
	bool apic = how & 0x40;
	struct cpu_bench *bench = cpu_bench_new(apic);

	cpu_bench_enter(bench, how % BENCH_LONG);
	if (how & 0x80 && how % BENCH_LONG != BENCH_REAL)
		cpu_bench_page(bench);
	registers_set(bench->cpu, &input, flags);
	/* Requests up to the zero, code behind it. */
	code = input;
	while (input_take(&code, 1))
		;
	memcpy(bench->ram + BENCH_CODE, code.at, code.left < 0x2000 ? code.left : 0x2000);
	for (unsigned i = 0; i < ROUNDS; i++) {
		enum cpu_exit how_ended = cpu_run(bench->cpu, SLICE);
		uint8_t what = (uint8_t)input_take(&input, 1);

		if (how_ended > CPU_EXIT_SHUTDOWN)
			abort();
		if (!what)
			break;
		bench = bench_request(bench, what, apic, &input);
	}
	cpu_bench_free(bench);
	return 0;
}
