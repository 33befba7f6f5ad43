/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The engine's side of the oracle: a virtual CPU on a small fake bus, in user mode under PAE paging, with the same
 * segments and linear addresses as the native side.  Exceptions are delivered through an IDT to a page of HLTs, and
 * told by where the CPU halts and what is on the kernel stack.
 */
#include "tests/cpu/case.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/flags.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"

#define RAM_BYTES 0x100000u
/* All of RAM, for the kernel, where user code does not stray. */
#define KERNEL_BASE 0xc0000000u
/* Physical addresses. */
#define PA_GDT              0x1000u
#define PA_IDT              0x2000u
#define PA_TSS              0x3000u
#define PA_PDPT             0x4000u
#define PA_DIRECTORY        0x5000u
#define PA_TABLES           0x6000u /* three: kernel, region, code */
#define PA_KERNEL_DIRECTORY 0x9000u
#define PA_STACK_TOP        0x10ff0u
#define PA_HANDLERS         0x11000u
#define HANDLER_BYTES       16u
#define PA_CODE             0x20000u
#define PA_REGION           0x40000u

#define PTE_P  1u
#define PTE_W  2u
#define PTE_U  4u
#define PTE_NX ((uint64_t)1 << 63)

struct engine {
	struct cpu *cpu;
	uint32_t code_version[RAM_BYTES / 4096];
	uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
};

/* ---- the bus ---- */

static void bus_page(void *self, uint64_t physical, struct cpu_page *page)
{
	struct engine *e = self;
	memset(page, 0, sizeof(*page));
	if (physical >= RAM_BYTES)
		return;
	page->host = e->ram + physical;
	page->writable = true;
	page->code_version = &e->code_version[physical / 4096];
}

static int bus_read(void *self, uint64_t physical, void *data, unsigned size)
{
	struct engine *e = self;
	memset(data, 0xff, size);
	if (physical + size <= RAM_BYTES)
		memcpy(data, e->ram + physical, size);
	return 0;
}

static int bus_write(void *self, uint64_t physical, const void *data, unsigned size)
{
	struct engine *e = self;
	if (physical + size <= RAM_BYTES)
		memcpy(e->ram + physical, data, size);
	return 0;
}

static void bus_code(void *self, uint64_t physical, unsigned length)
{
	(void)self;
	(void)physical;
	(void)length;
}

static void bus_port_read(void *self, uint16_t port, unsigned size, uint32_t *value)
{
	(void)self;
	(void)port;
	(void)size;
	*value = ~0u;
}

static void bus_port_write(void *self, uint16_t port, unsigned size, uint32_t value)
{
	(void)self;
	(void)port;
	(void)size;
	(void)value;
}

static uint64_t bus_time(void *self)
{
	(void)self;
	return 0;
}

static void bus_timer(void *self, uint64_t deadline)
{
	(void)self;
	(void)deadline;
}

static int bus_acknowledge(void *self)
{
	(void)self;
	return -1;
}

static void bus_eoi(void *self, uint8_t vector)
{
	(void)self;
	(void)vector;
}

static void bus_ipi(void *self, uint32_t icr_low, uint32_t destination)
{
	(void)self;
	(void)icr_low;
	(void)destination;
}

static void bus_random(void *self, void *data, unsigned size)
{
	(void)self;
	memset(data, 0, size);
}

/* ---- the world ---- */

static void put64(struct engine *e, uint32_t physical, uint64_t value)
{
	memcpy(e->ram + physical, &value, 8);
}

static void put32(struct engine *e, uint32_t physical, uint32_t value)
{
	memcpy(e->ram + physical, &value, 4);
}

static void tables_fill(struct engine *e)
{
	uint32_t region = PA_TABLES + 0x1000, code = PA_TABLES + 0x2000;
	put64(e, PA_PDPT, PA_DIRECTORY | PTE_P);
	put64(e, PA_PDPT + 24, PA_KERNEL_DIRECTORY | PTE_P);
	put64(e, PA_KERNEL_DIRECTORY, PA_TABLES | PTE_P | PTE_W | PTE_U);
	put64(e, PA_DIRECTORY + (REGION_BASE >> 21) * 8, region | PTE_P | PTE_W | PTE_U);
	put64(e, PA_DIRECTORY + (CODE_BASE >> 21) * 8, code | PTE_P | PTE_W | PTE_U);
	for (uint32_t page = 0; page < RAM_BYTES / 4096; page++)
		put64(e, PA_TABLES + page * 8, page * 4096 | PTE_P | PTE_W);
	for (uint32_t page = 0; page < REGION_PAGES; page++) {
		uint32_t writable = REGION_WRITABLE >> page & 1 ? PTE_W : 0;
		if (REGION_MAPPED >> page & 1)
			put64(e, region + page * 8, (PA_REGION + page * 4096) | PTE_P | PTE_U | writable | PTE_NX);
	}
	for (uint32_t page = 0; page < CODE_BYTES / 4096; page++)
		put64(e, code + page * 8, (PA_CODE + page * 4096) | PTE_P | PTE_U);

	put64(e, PA_GDT + 8, 0x00cf9b000000ffff);
	put64(e, PA_GDT + 16, 0x00cf93000000ffff);
	for (uint32_t vector = 0; vector < 256; vector++) {
		uint64_t handler = KERNEL_BASE + PA_HANDLERS + (vector < 32 ? vector : 32) * HANDLER_BYTES;
		uint64_t dpl = vector == 3 || vector == 4 ? 3 : 0;
		put64(e, PA_IDT + vector * 8,
			(handler & 0xffff) | 8u << 16 | (uint64_t)(0x8e00 | dpl << 13) << 32 | (handler >> 16) << 48);
	}
	memset(e->ram + PA_HANDLERS, 0xf4, 4096);
	put32(e, PA_TSS + 4, KERNEL_BASE + PA_STACK_TOP);
	put32(e, PA_TSS + 8, 16);
	put32(e, PA_TSS + 100, 104u << 16); /* no I/O permission map */
}

static void segment_set(
	struct cpu *cpu, unsigned number, uint16_t selector, unsigned type, bool wide, uint32_t base, uint32_t limit)
{
	cpu->segment[number] = (struct cpu_segment){
		.selector = selector,
		.attributes = (uint16_t)(type | CPU_SEGMENT_S | 3u << 5 | CPU_SEGMENT_P | (wide ? CPU_SEGMENT_DB : 0)),
		.limit = limit,
		.base = base,
	};
}

static void system_set(struct engine *e)
{
	struct cpu *cpu = e->cpu;
	cpu->cr0 = CPU_CR0_PE | CPU_CR0_MP | CPU_CR0_ET | CPU_CR0_NE | CPU_CR0_WP | CPU_CR0_AM | CPU_CR0_PG;
	cpu->cr4 = CPU_CR4_PAE | CPU_CR4_PSE | CPU_CR4_PGE | CPU_CR4_OSFXSR | CPU_CR4_OSXMMEXCPT;
	cpu->efer = CPU_EFER_NXE;
	cpu->cr3 = PA_PDPT;
	paging_load_pdptes(cpu, PA_PDPT, cpu->pdpte);
	cpu->gdtr.base = KERNEL_BASE + PA_GDT;
	cpu->gdtr.limit = 23;
	cpu->idtr.base = KERNEL_BASE + PA_IDT;
	cpu->idtr.limit = 2047;
	cpu->tr = (struct cpu_segment){
		.selector = 24, .attributes = 0x8b, .limit = 103, .base = KERNEL_BASE + PA_TSS
	};
}

struct engine *engine_create(const char *model)
{
	struct engine *e = aligned_alloc(4096, (sizeof(struct engine) + 4095) & ~(size_t)4095);
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	struct cpu_config config = {
		.count = 1,
		.model = model,
		.bus = { .self = e,
			.page = bus_page,
			.read = bus_read,
			.write = bus_write,
			.code = bus_code,
			.port_read = bus_port_read,
			.port_write = bus_port_write,
			.time = bus_time,
			.timer = bus_timer,
			.acknowledge = bus_acknowledge,
			.eoi = bus_eoi,
			.ipi = bus_ipi,
			.random = bus_random },
	};
	if (cpu_create(&config, &e->cpu)) {
		free(e);
		return NULL;
	}
	tables_fill(e);
	system_set(e);
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	cpu_destroy(e->cpu);
	free(e);
}

/* ---- a case ---- */

static void state_load(struct engine *e, const struct oracle_case *c, uint32_t eip)
{
	struct cpu *cpu = e->cpu;
	const uint32_t top = REGION_PAGES * 4096 - 1;
	for (unsigned i = 0; i < 8; i++)
		cpu->gpr[i] = c->gpr[i];
	cpu->rip = eip;
	cpu->rflags = c->eflags;
	cpu->flags_op = FLAGS_VALID;
	cpu->cpl = 3;
	cpu->halted = false;
	memcpy(&cpu->fx, &c->fx, sizeof(cpu->fx));
	segment_set(cpu, CPU_CS, LDT_SELECTOR(c->code16 ? LDT_CODE16 : LDT_CODE32), 0xb, !c->code16,
		c->code16 ? CODE_BASE : 0, c->code16 ? 0xffff : 0xffffffff);
	segment_set(cpu, CPU_SS, LDT_SELECTOR(c->code16 ? LDT_STACK16 : LDT_STACK32), 3, !c->code16, REGION_BASE, top);
	segment_set(cpu, CPU_DS, LDT_SELECTOR(LDT_DATA), 3, true, REGION_BASE, top);
	segment_set(cpu, CPU_ES, LDT_SELECTOR(LDT_OTHER), 3, true, REGION_BASE + OTHER_OFFSET, top - OTHER_OFFSET);
	cpu->segment[CPU_GS] = cpu->segment[CPU_ES];
	cpu_mode_update(cpu);
}

static uint32_t stack_word(const struct engine *e, unsigned number)
{
	uint32_t word, at = (uint32_t)e->cpu->gpr[CPU_RSP] - KERNEL_BASE + number * 4;
	memcpy(&word, e->ram + (at & (RAM_BYTES - 4)), 4);
	return word;
}

static bool has_error(unsigned vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void state_store(struct engine *e, struct outcome *o)
{
	struct cpu *cpu = e->cpu;
	o->vector = -1;
	o->error = o->cr2 = 0;
	for (unsigned i = 0; i < 8; i++)
		o->gpr[i] = (uint32_t)cpu->gpr[i];
	o->eip = (uint32_t)cpu->rip;
	o->eflags = (uint32_t)cpu_rflags(cpu);
	memcpy(&o->fx, &cpu->fx, sizeof(o->fx));
	if (cpu->cpl != 0)
		return;
	o->vector = (int32_t)((cpu->rip - 1 - KERNEL_BASE - PA_HANDLERS) / HANDLER_BYTES);
	unsigned frame = 0;
	if (has_error((unsigned)o->vector))
		o->error = stack_word(e, frame++);
	if (o->vector == CPU_PF)
		o->cr2 = (uint32_t)cpu->cr2;
	o->eip = stack_word(e, frame);
	o->eflags = stack_word(e, frame + 2);
	o->gpr[4] = stack_word(e, frame + 3);
}

static void case_run(
	struct engine *e, const struct oracle_case *c, unsigned number, struct outcome *o, const uint8_t *template)
{
	struct cpu *cpu = e->cpu;
	uint32_t eip = number * SLOT_BYTES + case_start(c) + (c->code16 ? 0 : CODE_BASE);
	case_patch(c, e->ram + PA_REGION);
	state_load(e, c, eip);
	/* one instruction; where it jumped, one more: it must fault; strings may take several runs */
	for (unsigned i = 0; i < 1000 && cpu->cpl == 3; i++) {
		if (cpu->rip == eip + c->length && i)
			break;
		enum cpu_exit why = cpu_run(cpu, 1);
		if (why == CPU_EXIT_SHUTDOWN)
			break;
	}
	/* an exception is delivered at the latest with the handler's HLT */
	if (cpu->cpl == 0 && !cpu->halted)
		cpu_run(cpu, 1);
	state_store(e, o);
	o->eip -= eip;
	case_collect(o, e->ram + PA_REGION, template);
}

void engine_run(struct engine *e, const struct oracle_case *cases, unsigned count, const uint8_t *template,
	struct outcome *outcomes)
{
	for (unsigned i = 0; i < count; i++)
		case_emit(&cases[i], e->ram + PA_CODE + i * SLOT_BYTES, STUB_BASE);
	for (unsigned page = 0; page < CODE_BYTES / 4096; page++)
		__atomic_fetch_add(&e->code_version[PA_CODE / 4096 + page], 1, __ATOMIC_RELEASE);
	memcpy(e->ram + PA_REGION, template, REGION_PAGES * 4096);
	for (unsigned i = 0; i < count; i++)
		case_run(e, &cases[i], i, &outcomes[i], template);
}
