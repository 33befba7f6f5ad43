/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The engine's side of the oracle: two virtual CPUs on a small fake bus, in user mode with the same segments and
 * linear addresses as the native side; one in protected mode under PAE paging, one in IA-32e mode for 64-bit cases
 * and, as compatibility mode, for some of the others.  Exceptions are delivered through an IDT to a page of HLTs,
 * and told by where the CPU halts and what is on the kernel stack.
 */
#include "tests/cpu/case.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/block.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/xsave.h"
#include "vmm/translate/translate.h"

#define RAM_BYTES 0x100000u
/* All of RAM, for the kernel, where user code does not stray; in IA-32e mode, and otherwise. */
#define KERNEL_LONG   0xffffa00000000000u
#define KERNEL_LEGACY 0xc0000000u
/* Physical addresses. */
#define PA_GDT        0x1000u
#define PA_IDT        0x2000u
#define PA_TSS        0x3000u
#define PA_LDT        0x4000u
#define PA_IDT_LONG   0x5000u
#define PA_TSS_LONG   0x6000u
#define PA_STACK_TOP  0x10ff0u
#define PA_HANDLERS   0x11000u
#define HANDLER_BYTES 16u
#define PA_CODE       0x20000u
#define PA_REGION     0x40000u
#define PA_TABLES     0x80000u /* page tables, up to the end */

#define KERNEL_CODE32 0x08u
#define KERNEL_CODE64 0x10u
#define KERNEL_DATA   0x18u
#define GDT_BYTES     128u

#define PTE_P  1u
#define PTE_W  2u
#define PTE_U  4u
#define PTE_NX ((uint64_t)1 << 63)

struct engine {
	struct cpu *legacy, *extended;
	uint32_t table_next;
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

static uint64_t get64(const struct engine *e, uint32_t physical)
{
	uint64_t value;
	memcpy(&value, e->ram + physical, 8);
	return value;
}

static uint32_t table_create(struct engine *e)
{
	uint32_t table = e->table_next;
	e->table_next += 4096;
	return table;
}

/* Map a page in tables of that many levels: 3 with PAE, whose highest entries have no rights. */
static void page_map(struct engine *e, uint32_t table, unsigned levels, uint64_t linear, uint64_t entry)
{
	for (unsigned level = levels; level > 1; level--) {
		uint32_t at = table + (uint32_t)(linear >> (3 + 9 * level) & 511) * 8;
		if (!get64(e, at))
			put64(e, at, table_create(e) | PTE_P | (levels == 3 && level == 3 ? 0 : PTE_W | PTE_U));
		table = get64(e, at) & 0xfffff000;
	}
	put64(e, table + (uint32_t)(linear >> 12 & 511) * 8, entry);
}

/* Returns the highest table. */
static uint32_t tables_fill(struct engine *e, unsigned levels, uint64_t kernel)
{
	uint32_t root = table_create(e);
	for (uint32_t page = 0; page < RAM_BYTES / 4096; page++)
		page_map(e, root, levels, kernel + page * 4096, page * 4096 | PTE_P | PTE_W);
	for (uint64_t delta = 0; delta <= (levels == 4 ? HIGH_DELTA : 0); delta += HIGH_DELTA) {
		for (uint32_t page = 0; page < REGION_PAGES; page++) {
			uint32_t writable = REGION_WRITABLE >> page & 1 ? PTE_W : 0;
			if (REGION_MAPPED >> page & 1)
				page_map(e, root, levels, REGION_BASE + delta + page * 4096,
					(PA_REGION + page * 4096) | PTE_P | PTE_U | writable | PTE_NX);
		}
		for (uint32_t page = 0; page < CODE_BYTES / 4096; page++)
			page_map(e, root, levels, CODE_BASE + delta + page * 4096,
				(PA_CODE + page * 4096) | PTE_P | PTE_U);
	}
	return root;
}

static uint64_t descriptor(uint32_t base, uint32_t limit, unsigned attributes)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attributes << 40 |
		(uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base >> 24) << 56;
}

static void descriptors_fill(struct engine *e)
{
	const uint32_t top = REGION_PAGES * 4096 - 1;
	put64(e, PA_GDT + KERNEL_CODE32, descriptor(0, 0xfffff, 0xc09b));
	put64(e, PA_GDT + KERNEL_CODE64, descriptor(0, 0xfffff, 0xa09b));
	put64(e, PA_GDT + KERNEL_DATA, descriptor(0, 0xfffff, 0xc093));
	put64(e, PA_GDT + (USER_CODE32 & ~7u), descriptor(0, 0xfffff, 0xc0fb));
	put64(e, PA_GDT + (USER_DATA & ~7u), descriptor(0, 0xfffff, 0xc0f3));
	put64(e, PA_GDT + (USER_CODE64 & ~7u), descriptor(0, 0xfffff, 0xa0fb));
	put64(e, PA_GDT + 0x78, descriptor(0, 0, 0x40f5)); /* the processor's number, as Linux has it */
	put64(e, PA_LDT + LDT_CODE32 * 8, descriptor(0, 0xfffff, 0xc0fb));
	put64(e, PA_LDT + LDT_CODE16 * 8, descriptor(CODE_BASE, 0xffff, 0xfb));
	put64(e, PA_LDT + LDT_DATA * 8, descriptor(REGION_BASE, top, 0x40f3));
	put64(e, PA_LDT + LDT_STACK32 * 8, descriptor(REGION_BASE, top, 0x40f3));
	put64(e, PA_LDT + LDT_STACK16 * 8, descriptor(REGION_BASE, top, 0xf3));
	put64(e, PA_LDT + LDT_OTHER * 8, descriptor(REGION_BASE + OTHER_OFFSET, top - OTHER_OFFSET, 0x40f3));
	for (uint32_t vector = 0; vector < 256; vector++) {
		uint64_t type = vector == 3 || vector == 4 ? 0xee00 : 0x8e00;
		uint64_t offset = PA_HANDLERS + (vector < 32 ? vector : 32) * HANDLER_BYTES;
		uint64_t handler = KERNEL_LEGACY + offset;
		put64(e, PA_IDT + vector * 8,
			(handler & 0xffff) | KERNEL_CODE32 << 16 | type << 32 | (handler >> 16) << 48);
		handler = KERNEL_LONG + offset;
		put64(e, PA_IDT_LONG + vector * 16,
			(handler & 0xffff) | KERNEL_CODE64 << 16 | type << 32 | (handler >> 16 & 0xffff) << 48);
		put64(e, PA_IDT_LONG + vector * 16 + 8, handler >> 32);
	}
	memset(e->ram + PA_HANDLERS, 0xf4, 4096);
	put32(e, PA_TSS + 4, KERNEL_LEGACY + PA_STACK_TOP);
	put32(e, PA_TSS + 8, KERNEL_DATA);
	put32(e, PA_TSS + 100, 104u << 16); /* no I/O permission map */
	put64(e, PA_TSS_LONG + 4, KERNEL_LONG + PA_STACK_TOP);
	put32(e, PA_TSS_LONG + 100, 104u << 16);
}

static void segment_set(struct cpu *cpu, unsigned number, uint16_t selector, unsigned type, unsigned size,
	uint32_t base, uint32_t limit)
{
	cpu->segment[number] = (struct cpu_segment){
		.selector = selector,
		.attributes = (uint16_t)(type | CPU_SEGMENT_S | 3u << 5 | CPU_SEGMENT_P | size),
		.limit = limit,
		.base = base,
	};
}

static void system_set(struct engine *e, struct cpu *cpu, bool extended)
{
	uint64_t kernel = extended ? KERNEL_LONG : KERNEL_LEGACY;
	cpu->cr0 = CPU_CR0_PE | CPU_CR0_MP | CPU_CR0_ET | CPU_CR0_NE | CPU_CR0_WP | CPU_CR0_AM | CPU_CR0_PG;
	cpu->cr4 = CPU_CR4_PAE | CPU_CR4_PSE | CPU_CR4_PGE | CPU_CR4_OSFXSR | CPU_CR4_OSXMMEXCPT;
	if (cpu->model->features_1_ecx & CPU_FEATURE_XSAVE) {
		cpu->cr4 |= CPU_CR4_OSXSAVE;
		cpu->xcr0 = xcr0_allowed(cpu->model);
	}
	cpu->efer = CPU_EFER_NXE;
	if (extended) {
		cpu->cr4 |= CPU_CR4_FSGSBASE;
		cpu->efer |= CPU_EFER_LME | CPU_EFER_LMA | CPU_EFER_SCE;
	}
	cpu->cr3 = tables_fill(e, extended ? 4 : 3, kernel);
	if (!extended)
		paging_load_pdptes(cpu, cpu->cr3, cpu->pdpte);
	cpu->gdtr.base = kernel + PA_GDT;
	cpu->gdtr.limit = GDT_BYTES - 1;
	cpu->idtr.base = kernel + (extended ? PA_IDT_LONG : PA_IDT);
	cpu->idtr.limit = extended ? 4095 : 2047;
	cpu->tr = (struct cpu_segment){
		.selector = 0x40, .attributes = 0x8b, .limit = 103, .base = kernel + (extended ? PA_TSS_LONG : PA_TSS)
	};
	cpu->ldtr = (struct cpu_segment){
		.selector = 0x50, .attributes = 0x82, .limit = LDT_ENTRIES * 8 - 1, .base = kernel + PA_LDT
	};
}

struct engine *engine_create(const char *model, unsigned tier)
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
	if (cpu_create(&config, &e->legacy) || cpu_create(&config, &e->extended)) {
		engine_destroy(e);
		return NULL;
	}
	if (tier > 0 &&
		(translator_t1_create(e->legacy, 8u << 20, 0, 0, true) ||
			translator_t1_create(e->extended, 8u << 20, 0, 0, true))) {
		engine_destroy(e);
		return NULL;
	}
	/* one instruction at a time */
	e->legacy->blocks->insns_max = e->extended->blocks->insns_max = 1;
	e->table_next = PA_TABLES;
	descriptors_fill(e);
	system_set(e, e->legacy, false);
	system_set(e, e->extended, true);
	return e;
}

void engine_destroy(struct engine *e)
{
	if (!e)
		return;
	cpu_destroy(e->legacy);
	cpu_destroy(e->extended);
	free(e);
}

/* ---- a case ---- */

static void segments_long(struct cpu *cpu, const struct oracle_case *c)
{
	segment_set(cpu, CPU_CS, USER_CODE64, 0xb, CPU_SEGMENT_L | CPU_SEGMENT_G, 0, 0xffffffff);
	segment_set(cpu, CPU_SS, USER_DATA, 3, CPU_SEGMENT_DB | CPU_SEGMENT_G, 0, 0xffffffff);
	memset(&cpu->segment[CPU_DS], 0, sizeof(cpu->segment[CPU_DS]));
	cpu->segment[CPU_ES] = cpu->segment[CPU_FS] = cpu->segment[CPU_GS] = cpu->segment[CPU_DS];
	cpu->segment[CPU_FS].base = c->fs_base;
	cpu->segment[CPU_GS].base = c->gs_base;
}

static void segments_set(struct cpu *cpu, const struct oracle_case *c)
{
	const uint32_t top = REGION_PAGES * 4096 - 1;
	unsigned size = c->code16 ? 0 : CPU_SEGMENT_DB;
	segment_set(cpu, CPU_CS, LDT_SELECTOR(c->code16 ? LDT_CODE16 : LDT_CODE32), 0xb, size,
		c->code16 ? CODE_BASE : 0, c->code16 ? 0xffff : 0xffffffff);
	segment_set(cpu, CPU_SS, LDT_SELECTOR(c->code16 ? LDT_STACK16 : LDT_STACK32), 3, size, REGION_BASE, top);
	segment_set(cpu, CPU_DS, LDT_SELECTOR(LDT_DATA), 3, CPU_SEGMENT_DB, REGION_BASE, top);
	segment_set(cpu, CPU_ES, LDT_SELECTOR(LDT_OTHER), 3, CPU_SEGMENT_DB, REGION_BASE + OTHER_OFFSET,
		top - OTHER_OFFSET);
	cpu->segment[CPU_GS] = cpu->segment[CPU_ES];
}

static void state_load(struct cpu *cpu, const struct oracle_case *c, uint64_t rip)
{
	for (unsigned i = 0; i < 16; i++)
		cpu->gpr[i] = c->gpr[i];
	cpu->rip = rip;
	cpu->rflags = c->eflags;
	cpu->flags_op = FLAGS_VALID;
	cpu->cpl = 3;
	cpu->halted = false;
	memcpy(&cpu->fx, &c->fx, sizeof(cpu->fx));
	cpu->vector = c->extended;
	if (c->code64)
		segments_long(cpu, c);
	else
		segments_set(cpu, c);
	cpu_mode_update(cpu);
}

static uint64_t stack_word(const struct engine *e, const struct cpu *cpu, unsigned number)
{
	bool extended = cpu == e->extended;
	uint64_t word = 0;
	uint32_t at = (uint32_t)(cpu->gpr[CPU_RSP] - (extended ? KERNEL_LONG : KERNEL_LEGACY));
	memcpy(&word, e->ram + ((at + number * (extended ? 8 : 4)) & (RAM_BYTES - 4)), extended ? 8 : 4);
	return word;
}

static bool has_error(unsigned vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

static void state_store(const struct engine *e, struct cpu *cpu, struct outcome *o)
{
	memset(o, 0, offsetof(struct outcome, lines));
	o->vector = -1;
	memcpy(o->gpr, cpu->gpr, sizeof(o->gpr));
	o->rip = cpu->rip;
	o->cs = cpu->segment[CPU_CS].selector;
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		o->selectors[i] = cpu->segment[i].selector;
	o->fs_base = cpu->segment[CPU_FS].base;
	o->gs_base = cpu->segment[CPU_GS].base;
	o->eflags = (uint32_t)cpu_rflags(cpu);
	memcpy(&o->fx, &cpu->fx, sizeof(o->fx));
	o->extended = cpu->vector;
	if (cpu->cpl != 0)
		return;
	uint64_t kernel = cpu == e->extended ? KERNEL_LONG : KERNEL_LEGACY;
	o->vector = (int32_t)((cpu->rip - 1 - kernel - PA_HANDLERS) / HANDLER_BYTES);
	unsigned frame = 0;
	if (has_error((unsigned)o->vector))
		o->error = (uint32_t)stack_word(e, cpu, frame++);
	if (o->vector == CPU_PF)
		o->cr2 = cpu->cr2;
	o->rip = stack_word(e, cpu, frame);
	o->cs = (uint16_t)stack_word(e, cpu, frame + 1);
	o->eflags = (uint32_t)stack_word(e, cpu, frame + 2);
	o->gpr[4] = stack_word(e, cpu, frame + 3);
	o->selectors[CPU_SS] = (uint16_t)stack_word(e, cpu, frame + 4);
}

static void code_changed(struct engine *e)
{
	for (unsigned page = 0; page < CODE_BYTES / 4096; page++)
		__atomic_fetch_add(&e->code_version[PA_CODE / 4096 + page], 1, __ATOMIC_RELEASE);
}

static void case_run(
	struct engine *e, const struct oracle_case *c, unsigned number, struct outcome *o, const uint8_t *template)
{
	struct cpu *cpu = c->legacy ? e->legacy : e->extended;
	uint64_t rip = case_rip(c, number);
	case_patch(c, e->ram + PA_REGION);
	if (c->edge) {
		case_emit(c, number, e->ram + PA_CODE, native_exit_address(c->code64));
		code_changed(e);
	}
	state_load(cpu, c, rip);
	/* one instruction; where it jumped, one more: it must fault; strings may take several runs */
	for (unsigned i = 0; i < 1000 && cpu->cpl == 3; i++) {
		if (cpu->rip == rip + c->length && i && !c->open_end && !c->edge && !(c->eflags & 0x100))
			break;
		enum cpu_exit why = cpu_run(cpu, 1);
		if (why == CPU_EXIT_SHUTDOWN)
			break;
	}
	/* an exception is delivered at the latest with the handler's HLT */
	if (cpu->cpl == 0 && !cpu->halted)
		cpu_run(cpu, 1);
	state_store(e, cpu, o);
	o->rip -= rip;
	case_collect(o, e->ram + PA_REGION, template);
}

void engine_run(struct engine *e, const struct oracle_case *cases, unsigned count, const uint8_t *template,
	struct outcome *outcomes)
{
	for (unsigned i = 0; i < count; i++)
		if (!cases[i].edge)
			case_emit(&cases[i], i, e->ram + PA_CODE, native_exit_address(cases[i].code64));
	code_changed(e);
	memcpy(e->ram + PA_REGION, template, REGION_PAGES * 4096);
	for (unsigned i = 0; i < count; i++) {
		case_run(e, &cases[i], i, &outcomes[i], template);
		/* Decoding has dropped the TLB's write entries, so that T0 did what writes: now it is T1's. */
		if (e->legacy->translator && !cases[i].edge)
			case_run(e, &cases[i], i, &outcomes[i], template);
	}
}
