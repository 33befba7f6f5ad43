/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "tests/fuzz/cpu_bench.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/mode.h"
#include "vmm/cpu/thunk.h"
#include "vmm/cpu/tlb.h"

#define GDT_AT     0x1000u
#define IDT_AT     0x2000u
#define TSS_AT     0x3000u
#define HANDLER_AT 0x4000u /* of every vector: 16 bytes each, IRET or HLT */
#define STACK      0x5ff0u
#define KCODE      0x08u
#define KDATA      0x10u
#define UCODE      0x1bu
#define UDATA      0x23u
#define TSS_SEL    0x28u
#define CODE16_SEL 0x30u

static void bus_page(void *self, uint64_t physical, struct cpu_page *page)
{
	struct cpu_bench *bench = self;
	uint64_t number = physical / CPU_PAGE_SIZE;

	memset(page, 0, sizeof(*page));
	if (number >= BENCH_PAGES)
		return;
	page->host = bench->ram + physical;
	page->writable = !bench->code[number];
	page->code_version = &bench->version[number];
}

static void access_check(uint64_t physical, unsigned size)
{
	if (size < 1 || size > 64 || (physical & 0xfff) + size > CPU_PAGE_SIZE)
		abort();
}

static int bus_read(void *self, uint64_t physical, void *data, unsigned size)
{
	struct cpu_bench *bench = self;

	access_check(physical, size);
	if (physical < BENCH_RAM)
		memcpy(data, bench->ram + physical, size);
	else
		memset(data, (int)(bench->answer = bench->answer * 5 + 1) >> 8 & 0xff, size);
	return 0;
}

static int bus_write(void *self, uint64_t physical, const void *data, unsigned size)
{
	struct cpu_bench *bench = self;
	uint64_t number = physical / CPU_PAGE_SIZE;

	access_check(physical, size);
	if (number >= BENCH_PAGES)
		return 0;
	memcpy(bench->ram + physical, data, size);
	if (!bench->code[number])
		return 0;
	__atomic_fetch_add(&bench->version[number], 1, __ATOMIC_RELEASE);
	return CPU_BUS_CODE_CHANGED;
}

static void bus_code(void *self, uint64_t physical, unsigned length)
{
	struct cpu_bench *bench = self;

	if ((physical & 0xfff) + length > CPU_PAGE_SIZE)
		abort();
	if (physical < BENCH_RAM)
		bench->code[physical / CPU_PAGE_SIZE] = true;
}

static void bus_port_read(void *self, uint16_t port, unsigned size, uint32_t *value)
{
	struct cpu_bench *bench = self;

	(void)port;
	if (size != 1 && size != 2 && size != 4)
		abort();
	*value = bench->answer = bench->answer * 5 + 1;
}

static void bus_port_write(void *self, uint16_t port, unsigned size, uint32_t value)
{
	(void)self;
	(void)port;
	(void)value;
	if (size != 1 && size != 2 && size != 4)
		abort();
}

static uint64_t bus_time(void *self)
{
	return ((struct cpu_bench *)self)->clock;
}

static void bus_timer(void *self, uint64_t deadline)
{
	(void)self;
	(void)deadline;
}

static int bus_acknowledge(void *self)
{
	struct cpu_bench *bench = self;

	cpu_request_clear(bench->cpu, CPU_REQUEST_INTR);
	return bench->vector;
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

static void bus_level(void *self, bool level)
{
	(void)self;
	(void)level;
}

static void bus_random(void *self, void *data, unsigned size)
{
	(void)self;
	memset(data, 0x5a, size);
}

/* CPUs are used again: what they are made of is large.  Nothing of one run may be left in the next. */
static struct {
	struct cpu_bench *free[2][4];
	unsigned count[2];
	struct cpu_thunks *thunks; /* native code for instructions */
} pool;

static struct cpu_bench *bench_reuse(bool apic)
{
	struct cpu_bench *bench = pool.free[apic][--pool.count[apic]];
	struct cpu *cpu = bench->cpu;

	memset(bench->ram, 0, sizeof(bench->ram));
	memset(bench->code, 0, sizeof(bench->code));
	bench->clock = bench->answer = 0;
	bench->vector = -1;
	/* The memory is another: what was decoded is no longer so. */
	for (unsigned i = 0; i < BENCH_PAGES; i++)
		__atomic_fetch_add(&bench->version[i], 1, __ATOMIC_RELEASE);
	__atomic_store_n(&cpu->request, CPU_REQUEST_FLUSH, __ATOMIC_SEQ_CST);
	cpu->a20_mask = cpu->a20_mask_next = ~(uint64_t)0;
	cpu->sipi_vector = 0;
	cpu_reset(cpu, false);
	cpu->instructions = 0;
	return bench;
}

struct cpu_bench *cpu_bench_new(bool apic)
{
	if (pool.count[apic])
		return bench_reuse(apic);
	struct cpu_bench *bench = calloc(1, sizeof(*bench));
	struct cpu_config config = {
		.count = 1,
		.bus = {
			.self = bench,
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
			.ferr = bus_level,
			.smiact = bus_level,
			.random = bus_random,
		},
		.apic = apic,
	};

	if (!pool.thunks)
		pool.thunks = thunks_create();
	config.thunks = pool.thunks;
	if (!bench || cpu_create(&config, &bench->cpu))
		abort();
	bench->vector = -1;
	return bench;
}

void cpu_bench_free(struct cpu_bench *bench)
{
	bool apic = bench->cpu->apic;

	if (pool.count[apic] < 4) {
		pool.free[apic][pool.count[apic]++] = bench;
		return;
	}
	cpu_destroy(bench->cpu);
	free(bench);
}

static void put(struct cpu_bench *bench, uint32_t at, uint64_t value, unsigned size)
{
	memcpy(bench->ram + at, &value, size);
}

static uint64_t descriptor_make(uint32_t base, uint32_t limit, uint16_t attributes)
{
	if (attributes & CPU_SEGMENT_G)
		limit >>= 12;
	return (limit & 0xffffu) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attributes << 40 |
		(uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base & 0xff000000) << 32;
}

static void tables_make(struct cpu_bench *bench)
{
	put(bench, GDT_AT + KCODE, descriptor_make(0, 0xffffffff, 0xc09b), 8);
	put(bench, GDT_AT + KDATA, descriptor_make(0, 0xffffffff, 0xc093), 8);
	put(bench, GDT_AT + (UCODE & ~7u), descriptor_make(0, 0xffffffff, 0xc0fb), 8);
	put(bench, GDT_AT + (UDATA & ~7u), descriptor_make(0, 0xffffffff, 0xc0f3), 8);
	put(bench, GDT_AT + TSS_SEL, descriptor_make(TSS_AT, 0x1ff, 0x8b), 8);
	put(bench, GDT_AT + CODE16_SEL, descriptor_make(0, 0xffff, 0x009b), 8);
	for (unsigned vector = 0; vector < 64; vector++) {
		uint32_t handler = HANDLER_AT + vector * 16;

		put(bench, IDT_AT + vector * 8,
			(handler & 0xffffu) | KCODE << 16 | (uint64_t)0xee00 << 32 | (uint64_t)(handler >> 16) << 48,
			8);
	}
	put(bench, TSS_AT + 4, STACK, 4);
	put(bench, TSS_AT + 8, KDATA, 4);
	put(bench, TSS_AT + 102, 0x68, 2);
}

static void segments_set(struct cpu *cpu, const struct cpu_segment *code, const struct cpu_segment *data)
{
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		cpu->segment[i] = i == CPU_CS ? *code : *data;
}

static void protected_set(struct cpu_bench *bench, enum bench_mode mode)
{
	struct cpu *cpu = bench->cpu;
	bool user = mode == BENCH_RING3;
	struct cpu_segment code = { user ? UCODE : KCODE, user ? 0xc0fb : 0xc09b, 0xffffffff, 0 };
	struct cpu_segment data = { user ? UDATA : KDATA, user ? 0xc0f3 : 0xc093, 0xffffffff, 0 };

	if (mode == BENCH_CODE16)
		code = (struct cpu_segment){ CODE16_SEL, 0x009b, 0xffff, 0 };
	if (mode == BENCH_V86) {
		code = data = (struct cpu_segment){ 0, 0xf3, 0xffff, 0 };
		cpu->rflags |= CPU_FLAG_VM;
	}
	if (mode == BENCH_LONG) {
		/* Only for the decoder: nothing can run without its page tables. */
		code.attributes = 0xa09b;
		cpu->efer |= CPU_EFER_LME | CPU_EFER_LMA;
	}
	tables_make(bench);
	cpu->gdtr.base = GDT_AT;
	cpu->gdtr.limit = 0x3f;
	cpu->idtr.base = IDT_AT;
	cpu->idtr.limit = 64 * 8 - 1;
	cpu->tr = (struct cpu_segment){ TSS_SEL, 0x8b, 0x1ff, TSS_AT };
	cpu->cr0 |= CPU_CR0_PE;
	cpu->cpl = user || mode == BENCH_V86 ? 3 : 0;
	segments_set(cpu, &code, &data);
}

void cpu_bench_enter(struct cpu_bench *bench, enum bench_mode mode)
{
	struct cpu *cpu = bench->cpu;

	/* A handler ends what it was called for (IRET), or the round (HLT). */
	for (unsigned vector = 0; vector < 256; vector++)
		put(bench, HANDLER_AT + vector * 16, vector & 1 ? 0xcf : 0xf4, 1);
	if (mode == BENCH_REAL) {
		for (unsigned vector = 0; vector < 256; vector++)
			put(bench, vector * 4, HANDLER_AT + vector * 16, 4);
		cpu->segment[CPU_CS].selector = 0;
		cpu->segment[CPU_CS].base = 0;
	} else {
		protected_set(bench, mode);
	}
	cpu->rip = BENCH_CODE;
	cpu->gpr[CPU_RSP] = STACK;
	cpu_mode_update(cpu);
}

void cpu_bench_page(struct cpu_bench *bench)
{
	uint32_t directory = BENCH_RAM - CPU_PAGE_SIZE, table = directory - CPU_PAGE_SIZE;

	put(bench, directory, table | 7, 4);
	for (uint32_t page = 0; page < BENCH_PAGES; page++)
		put(bench, table + page * 4, page << 12 | 7, 4);
	bench->cpu->cr3 = directory;
	bench->cpu->cr0 |= CPU_CR0_PG | CPU_CR0_WP;
	tlb_flush(bench->cpu, true);
}

void cpu_bench_copy(struct cpu_bench *to, const struct cpu_bench *from)
{
	memcpy(to->ram, from->ram, BENCH_RAM);
	for (unsigned i = 0; i < BENCH_PAGES; i++)
		__atomic_fetch_add(&to->version[i], 1, __ATOMIC_RELEASE);
	to->clock = from->clock;
	to->answer = from->answer;
	to->vector = from->vector;
	cpu_request(to->cpu, CPU_REQUEST_FLUSH);
}
