/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Saving and loading: architectural state only, at an instruction boundary.
 */
#include <stdio.h>
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/smm.h"
#include "vmm/cpu/tlb.h"
#include "vmm/state/state.h"

static const char *const gpr_names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10",
	"r11", "r12", "r13", "r14", "r15" };
static const char *const segment_names[CPU_SEGMENTS] = { "es", "cs", "ss", "ds", "fs", "gs" };

/* Edges; levels are raised again by whoever drives them. */
#define REQUEST_LATCHED (CPU_REQUEST_NMI | CPU_REQUEST_SIPI | CPU_REQUEST_SMI | CPU_REQUEST_INIT)

/* One walk over the fields serves both directions. */
struct stream {
	struct state_writer *writer;
	struct state_reader *reader;
};

static void field(struct stream *stream, const char *name, uint64_t *value)
{
	if (stream->writer)
		state_put_u64(stream->writer, name, *value);
	else
		state_get_u64(stream->reader, name, value);
}

static void field_bool(struct stream *stream, const char *name, bool *value)
{
	if (stream->writer)
		state_put_bool(stream->writer, name, *value);
	else
		state_get_bool(stream->reader, name, value);
}

static void field_at(struct stream *stream, const char *name, unsigned index, uint64_t *value)
{
	char text[STATE_NAME_MAX + 1];

	snprintf(text, sizeof(text), "%s%u", name, index);
	field(stream, text, value);
}

static void field_part(struct stream *stream, const char *name, const char *part, uint64_t *value)
{
	char text[STATE_NAME_MAX + 1];

	snprintf(text, sizeof(text), "%s.%s", name, part);
	field(stream, text, value);
}

static void field_segment(struct stream *stream, const char *name, struct cpu_segment *segment)
{
	uint64_t selector = segment->selector, attributes = segment->attributes, limit = segment->limit;

	field_part(stream, name, "selector", &selector);
	field_part(stream, name, "attributes", &attributes);
	field_part(stream, name, "limit", &limit);
	field_part(stream, name, "base", &segment->base);
	segment->selector = (uint16_t)selector;
	segment->attributes = (uint16_t)attributes;
	segment->limit = (uint32_t)limit;
}

static void field_table(struct stream *stream, const char *name, uint64_t *base, uint32_t *limit)
{
	uint64_t value = *limit;

	field_part(stream, name, "base", base);
	field_part(stream, name, "limit", &value);
	*limit = (uint32_t)value;
}

static void fields_control(struct stream *stream, struct cpu *cpu)
{
	field(stream, "cr0", &cpu->cr0);
	field(stream, "cr2", &cpu->cr2);
	field(stream, "cr3", &cpu->cr3);
	field(stream, "cr4", &cpu->cr4);
	field(stream, "efer", &cpu->efer);
	field(stream, "xcr0", &cpu->xcr0);
	for (unsigned i = 0; i < 8; i++)
		field_at(stream, "dr", i, &cpu->dr[i]);
	for (unsigned i = 0; i < 4; i++)
		field_at(stream, "pdpte", i, &cpu->pdpte[i]);
}

static void fields_msr(struct stream *stream, struct cpu *cpu)
{
	uint64_t tsc_offset = (uint64_t)cpu->tsc_offset;

	field(stream, "sysenter_cs", &cpu->sysenter_cs);
	field(stream, "sysenter_esp", &cpu->sysenter_esp);
	field(stream, "sysenter_eip", &cpu->sysenter_eip);
	field(stream, "star", &cpu->star);
	field(stream, "lstar", &cpu->lstar);
	field(stream, "cstar", &cpu->cstar);
	field(stream, "sfmask", &cpu->sfmask);
	field(stream, "kernel_gs_base", &cpu->kernel_gs_base);
	field(stream, "tsc_aux", &cpu->tsc_aux);
	field(stream, "pat", &cpu->pat);
	field(stream, "misc_enable", &cpu->misc_enable);
	field(stream, "debugctl", &cpu->debugctl);
	for (unsigned i = 0; i < 16; i++)
		field_at(stream, "mtrr_physical", i, &cpu->mtrr_physical[i]);
	for (unsigned i = 0; i < 11; i++)
		field_at(stream, "mtrr_fixed", i, &cpu->mtrr_fixed[i]);
	field(stream, "mtrr_default", &cpu->mtrr_default);
	field(stream, "mcg_status", &cpu->mcg_status);
	field(stream, "microcode_revision", &cpu->microcode_revision);
	field(stream, "tsc_offset", &tsc_offset);
	field(stream, "tsc_adjust", &cpu->tsc_adjust);
	cpu->tsc_offset = (int64_t)tsc_offset;
}

static bool has(struct stream *stream, const char *name)
{
	return stream->writer || state_has(stream->reader, name);
}

/* System management mode and the x87 error lines, which states of before they existed do not have. */
static void fields_late(struct stream *stream, struct cpu *cpu)
{
	uint64_t smbase = cpu->smbase;
	bool io = stream->writer && smm_io_last(cpu), ignne = __atomic_load_n(&cpu->ignne, __ATOMIC_RELAXED);

	if (stream->reader) {
		cpu->in_smm = cpu->frozen = cpu->ferr = ignne = false;
		smbase = SMM_BASE;
	}
	if (has(stream, "smbase")) {
		field_bool(stream, "in_smm", &cpu->in_smm);
		field(stream, "smbase", &smbase);
		field_bool(stream, "io.last", &io);
		field(stream, "io.eip", &cpu->io.rip);
		field(stream, "io.ecx", &cpu->io.rcx);
		field(stream, "io.esi", &cpu->io.rsi);
		field(stream, "io.edi", &cpu->io.rdi);
		field_bool(stream, "frozen", &cpu->frozen);
		field_bool(stream, "ferr", &cpu->ferr);
		field_bool(stream, "ignne", &ignne);
	}
	if (stream->reader)
		cpu->shutdown = false;
	if (has(stream, "shutdown"))
		field_bool(stream, "shutdown", &cpu->shutdown);
	if (!stream->reader)
		return;
	cpu->smbase = (uint32_t)smbase;
	cpu->io.instructions = cpu->instructions - (io ? 1 : 2);
	__atomic_store_n(&cpu->ignne, ignne, __ATOMIC_RELAXED);
	if (cpu->in_smm)
		cpu->a20_mask = UINT64_MAX;
}

static void fields_running(struct stream *stream, struct cpu *cpu)
{
	uint64_t request = __atomic_load_n(&cpu->request, __ATOMIC_SEQ_CST) & REQUEST_LATCHED;
	uint64_t sipi_vector = cpu->sipi_vector, cpl = cpu->cpl;

	field(stream, "cpl", &cpl);
	field_bool(stream, "interrupt_shadow", &cpu->interrupt_shadow);
	field_bool(stream, "shadow_ss", &cpu->shadow_ss);
	field_bool(stream, "nmi_blocked", &cpu->nmi_blocked);
	field_bool(stream, "halted", &cpu->halted);
	field_bool(stream, "wait_sipi", &cpu->wait_sipi);
	field(stream, "instructions", &cpu->instructions);
	field(stream, "pending_db", &cpu->pending_db);
	field(stream, "a20_mask", &cpu->a20_mask_next);
	field(stream, "request", &request);
	field(stream, "sipi_vector", &sipi_vector);
	if (stream->reader) {
		cpu->cpl = cpl & 3;
		cpu->sipi_vector = (uint8_t)sipi_vector;
		cpu->a20_mask = cpu->a20_mask_next;
		cpu_request(cpu, request & REQUEST_LATCHED);
	}
}

/* AVX and AVX-512 state, which older states do not have. */
static void fields_vector(struct stream *stream, struct cpu *cpu)
{
	if (stream->writer) {
		state_put_bytes(stream->writer, "vector", &cpu->vector, sizeof(cpu->vector));
		return;
	}
	memset(&cpu->vector, 0, sizeof(cpu->vector));
	if (has(stream, "vector"))
		state_get_bytes(stream->reader, "vector", &cpu->vector, sizeof(cpu->vector));
}

/* IA32_SPEC_CTRL, the same. */
static void fields_speculation(struct stream *stream, struct cpu *cpu)
{
	if (has(stream, "spec_ctrl"))
		field(stream, "spec_ctrl", &cpu->spec_ctrl);
	else
		cpu->spec_ctrl = 0;
}

static void fields(struct stream *stream, struct cpu *cpu)
{
	uint64_t rflags = cpu_rflags(cpu);

	for (unsigned i = 0; i < 16; i++)
		field(stream, gpr_names[i], &cpu->gpr[i]);
	field(stream, "rip", &cpu->rip);
	field(stream, "rflags", &rflags);
	if (stream->reader) {
		cpu->rflags = rflags | CPU_FLAG_FIXED;
		cpu->flags_op = FLAGS_VALID;
	}
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		field_segment(stream, segment_names[i], &cpu->segment[i]);
	field_segment(stream, "ldtr", &cpu->ldtr);
	field_segment(stream, "tr", &cpu->tr);
	field_table(stream, "gdtr", &cpu->gdtr.base, &cpu->gdtr.limit);
	field_table(stream, "idtr", &cpu->idtr.base, &cpu->idtr.limit);
	fields_control(stream, cpu);
	fields_msr(stream, cpu);
	fields_running(stream, cpu);
	fields_late(stream, cpu);
	if (stream->writer)
		state_put_bytes(stream->writer, "fx", &cpu->fx, 512);
	else
		state_get_bytes(stream->reader, "fx", &cpu->fx, 512);
	fields_vector(stream, cpu);
	fields_speculation(stream, cpu);
}

int cpu_save(const struct cpu *cpu, struct state_writer *writer)
{
	/* A copy of the architectural part keeps the walk single and the original const. */
	struct cpu copy = *cpu;
	struct stream stream = { .writer = writer };
	int error;

	fields(&stream, &copy);
	error = state_writer_error(writer);
	if (!error && cpu->apic)
		error = apic_save(cpu->apic, writer);
	return error;
}

int cpu_load(struct cpu *cpu, struct state_reader *reader)
{
	struct stream stream = { .reader = reader };
	int error;

	fields(&stream, cpu);
	error = state_reader_error(reader);
	if (!error && cpu->apic)
		error = apic_load(cpu->apic, reader);
	tlb_flush(cpu, true);
	blocks_layout_changed(cpu);
	cpu_mode_update(cpu);
	return error;
}
