/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/tlb.h"

struct fixture fixture;

/* For places that run outside of Check, too. */
static void require(bool yes)
{
	if (!yes)
		abort();
}

static void bus_page(void *self, uint64_t physical, struct cpu_page *page)
{
	struct fixture *f = self;
	uint64_t number = physical / CPU_PAGE_SIZE;

	memset(page, 0, sizeof(*page));
	if (number >= RAM_PAGES)
		return;
	page->host = f->ram + physical;
	page->writable = !f->code[number] && !f->read_only[number];
	page->code_version = &f->version[number];
}

static int bus_read(void *self, uint64_t physical, void *data, unsigned size)
{
	struct fixture *f = self;

	require((physical & 0xfff) + size <= CPU_PAGE_SIZE);
	memset(data, 0xff, size);
	if (physical + size <= RAM_SIZE) {
		memcpy(data, f->ram + physical, size);
	} else if ((physical & ~0xfffull) == MMIO_BASE) {
		f->mmio_reads++;
		f->mmio_size = size;
		f->mmio_offset = physical - MMIO_BASE;
		memcpy(data, &f->mmio_value, size < 8 ? size : 8);
	}
	return 0;
}

static int bus_write(void *self, uint64_t physical, const void *data, unsigned size)
{
	struct fixture *f = self;
	uint64_t number = physical / CPU_PAGE_SIZE;

	require((physical & 0xfff) + size <= CPU_PAGE_SIZE);
	if (number < RAM_PAGES) {
		if (f->read_only[number])
			return 0;
		memcpy(f->ram + physical, data, size);
		if (f->code[number]) {
			__atomic_fetch_add(&f->version[number], 1, __ATOMIC_RELEASE);
			return CPU_BUS_CODE_CHANGED;
		}
	} else if ((physical & ~0xfffull) == MMIO_BASE) {
		f->mmio_writes++;
		f->mmio_size = size;
		f->mmio_offset = physical - MMIO_BASE;
		f->mmio_value = 0;
		memcpy(&f->mmio_value, data, size < 8 ? size : 8);
	}
	return 0;
}

static void bus_code(void *self, uint64_t physical, unsigned length)
{
	struct fixture *f = self;

	require((physical & 0xfff) + length <= CPU_PAGE_SIZE);
	if (physical < RAM_SIZE)
		f->code[physical / CPU_PAGE_SIZE] = true;
}

static void bus_port_read(void *self, uint16_t port, unsigned size, uint32_t *value)
{
	struct fixture *f = self;

	(void)size;
	f->port_reads++;
	f->port = port;
	*value = f->port_answer;
}

static void bus_port_write(void *self, uint16_t port, unsigned size, uint32_t value)
{
	struct fixture *f = self;

	(void)size;
	f->port_writes++;
	f->port = port;
	f->port_value = value;
}

static uint64_t bus_time(void *self)
{
	return ((struct fixture *)self)->clock;
}

static void bus_timer(void *self, uint64_t deadline)
{
	((struct fixture *)self)->deadline = deadline;
}

static int bus_acknowledge(void *self)
{
	struct fixture *f = self;

	f->acknowledged++;
	cpu_request_clear(f->cpu, CPU_REQUEST_INTR);
	return f->vector;
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
	memset(data, 0x5a, size);
}

static void trace(void *self, const char *text)
{
	struct fixture *f = self;
	size_t used = strlen(f->log);

	strncat(f->log, text, sizeof(f->log) - used - 2);
	strcat(f->log, "\n");
}

static void fixture_make(bool apic, const char *model)
{
	struct cpu_config config = {
		.count = 1,
		.bus = {
			.self = &fixture,
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
			.random = bus_random,
		},
		.apic = apic,
		.model = model,
	};

	memset(&fixture, 0, sizeof(fixture));
	fixture.ram = calloc(1, RAM_SIZE);
	require(fixture.ram != NULL);
	fixture.vector = -1;
	require(cpu_create(&config, &fixture.cpu) == 0);
	fixture.cpu->trace_log = trace;
	fixture.cpu->trace_self = &fixture;
}

void fixture_setup(void)
{
	fixture_make(false, NULL);
}

void fixture_setup_32bit(void)
{
	fixture_make(false, "pentium4");
}

void fixture_add_apic(void)
{
	fixture_remake(NULL, true);
}

void fixture_remake(const char *model, bool apic)
{
	fixture_teardown();
	fixture_make(apic, model);
}

void fixture_teardown(void)
{
	cpu_destroy(fixture.cpu);
	free(fixture.ram);
}

void ram_put(uint32_t address, const void *bytes, size_t size)
{
	memcpy(fixture.ram + address, bytes, size);
	/* As a device would: code that was there is no longer valid. */
	__atomic_fetch_add(&fixture.version[address / CPU_PAGE_SIZE], 1, __ATOMIC_RELEASE);
}

void ram_put8(uint32_t address, uint8_t value)
{
	ram_put(address, &value, 1);
}

void ram_put16(uint32_t address, uint16_t value)
{
	ram_put(address, &value, 2);
}

void ram_put32(uint32_t address, uint32_t value)
{
	ram_put(address, &value, 4);
}

void ram_put64(uint32_t address, uint64_t value)
{
	ram_put(address, &value, 8);
}

uint16_t ram_get16(uint32_t address)
{
	uint16_t value;

	memcpy(&value, fixture.ram + address, 2);
	return value;
}

uint32_t ram_get32(uint32_t address)
{
	uint32_t value;

	memcpy(&value, fixture.ram + address, 4);
	return value;
}

uint64_t ram_get64(uint32_t address)
{
	uint64_t value;

	memcpy(&value, fixture.ram + address, 8);
	return value;
}

void start_real(uint16_t ip)
{
	struct cpu *cpu = fixture.cpu;

	cpu->segment[CPU_CS].selector = 0;
	cpu->segment[CPU_CS].base = 0;
	cpu->rip = ip;
	cpu->gpr[CPU_RSP] = 0x7000;
	/* Every vector's handler halts. */
	for (unsigned vector = 0; vector < 256; vector++) {
		ram_put32(vector * 4, HANDLER(vector));
		ram_put8(HANDLER(vector), 0xf4);
	}
}

uint64_t descriptor_make(uint32_t base, uint32_t limit, uint16_t attributes)
{
	if (attributes & CPU_SEGMENT_G)
		limit >>= 12;
	return (limit & 0xffffu) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attributes << 40 |
		(uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base & 0xff000000) << 32;
}

uint64_t gate_make(uint16_t selector, uint32_t offset, uint8_t type_byte, uint8_t count)
{
	return (offset & 0xffffu) | (uint64_t)selector << 16 | (uint64_t)count << 32 | (uint64_t)type_byte << 40 |
		(uint64_t)(offset & 0xffff0000) << 32;
}

void gdt_put(uint16_t selector, uint64_t descriptor)
{
	ram_put64(GDT_AT + (selector & ~7u), descriptor);
}

void idt_put(unsigned vector, uint64_t gate)
{
	ram_put64(IDT_AT + vector * 8, gate);
}

static void segment_flat(unsigned i, uint16_t selector, uint16_t attributes)
{
	struct cpu_segment *segment = &fixture.cpu->segment[i];

	segment->selector = selector;
	segment->attributes = attributes;
	segment->base = 0;
	segment->limit = 0xffffffff;
}

static void tables_make(void)
{
	struct cpu *cpu = fixture.cpu;

	gdt_put(KCODE, descriptor_make(0, 0xffffffff, 0xc09b));
	gdt_put(KDATA, descriptor_make(0, 0xffffffff, 0xc093));
	gdt_put(UCODE, descriptor_make(0, 0xffffffff, 0xc0fb));
	gdt_put(UDATA, descriptor_make(0, 0xffffffff, 0xc0f3));
	gdt_put(TSS_SEL, descriptor_make(TSS_AT, 0x1ff, 0x8b));
	gdt_put(TSS2_SEL, descriptor_make(TSS2_AT, 0x67, 0x89));
	for (unsigned vector = 0; vector < 64; vector++) {
		idt_put(vector, gate_make(KCODE, HANDLER(vector), 0x8e, 0));
		ram_put8(HANDLER(vector), 0xf4);
	}
	ram_put32(TSS_AT + 4, STACK0);
	ram_put32(TSS_AT + 8, KDATA);
	ram_put16(TSS_AT + 102, 0x200); /* no I/O bit map */
	cpu->gdtr.base = GDT_AT;
	cpu->gdtr.limit = 0xff;
	cpu->idtr.base = IDT_AT;
	cpu->idtr.limit = 64 * 8 - 1;
	cpu->tr.selector = TSS_SEL;
	cpu->tr.base = TSS_AT;
	cpu->tr.limit = 0x1ff;
	cpu->tr.attributes = 0x8b;
	cpu->cr0 |= CPU_CR0_PE;
}

void start_protected(uint32_t eip, unsigned cpl)
{
	struct cpu *cpu = fixture.cpu;

	tables_make();
	segment_flat(CPU_CS, cpl ? UCODE : KCODE, cpl ? 0xc0fb : 0xc09b);
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		if (i != CPU_CS)
			segment_flat(i, cpl ? UDATA : KDATA, cpl ? 0xc0f3 : 0xc093);
	cpu->cpl = (uint8_t)cpl;
	cpu->rip = eip;
	cpu->gpr[CPU_RSP] = cpl ? STACK3 : STACK0;
	cpu_mode_update(cpu);
}

void start_v86(uint16_t cs, uint16_t ip, uint32_t flags)
{
	struct cpu *cpu = fixture.cpu;

	tables_make();
	cpu->rflags = flags | CPU_FLAG_VM | CPU_FLAG_FIXED;
	cpu->cpl = 3;
	for (unsigned i = 0; i < CPU_SEGMENTS; i++) {
		cpu->segment[i].selector = i == CPU_CS ? cs : 0;
		cpu->segment[i].base = i == CPU_CS ? (uint32_t)cs << 4 : 0;
		cpu->segment[i].limit = 0xffff;
		cpu->segment[i].attributes = 0xf3;
	}
	cpu->rip = ip;
	cpu->gpr[CPU_RSP] = 0x7000;
	cpu_mode_update(cpu);
}

void gate_put_long(unsigned vector, uint16_t selector, uint64_t offset, uint8_t type_byte, uint8_t ist)
{
	ram_put64(IDT_AT + vector * 16, gate_make(selector, (uint32_t)offset, type_byte, ist));
	ram_put64(IDT_AT + vector * 16 + 8, offset >> 32);
}

void gdt_put_long(uint16_t selector, uint64_t base, uint32_t limit, uint16_t attributes)
{
	gdt_put(selector, descriptor_make((uint32_t)base, limit, attributes));
	gdt_put((uint16_t)(selector + 8), base >> 32);
}

static void tables_make_long(void)
{
	static const uint32_t tables[] = { PML4_AT, PDPT_AT, PDIR_AT };

	gdt_put(KCODE, descriptor_make(0, 0xffffffff, 0xa09b));
	gdt_put(UCODE, descriptor_make(0, 0xffffffff, 0xa0fb));
	gdt_put(KCODE32, descriptor_make(0, 0xffffffff, 0xc09b));
	gdt_put(UCODE32, descriptor_make(0, 0xffffffff, 0xc0fb));
	gdt_put_long(TSS_SEL, TSS_AT, 103, 0x8b);
	for (unsigned vector = 0; vector < 64; vector++)
		gate_put_long(vector, KCODE, HANDLER(vector), 0x8e, 0);
	ram_put64(TSS_AT + 4, STACK0);
	ram_put64(TSS_AT + 36, IST_STACK);
	for (unsigned i = 0; i < 3; i++)
		ram_put64(tables[i], (tables[i] + 0x1000) | 7);
	ram_put64(PML4_AT + 256 * 8, PDPT_AT | 7);
	ram_put64(PDIR_AT + 8, (PTAB_AT + 0x1000) | 7);
	for (uint32_t page = 0; page < RAM_PAGES; page++)
		ram_put64(PTAB_AT + 8 * page, page << 12 | 7);
}

void start_long(uint64_t rip, unsigned cpl)
{
	struct cpu *cpu = fixture.cpu;

	cpu_reset(cpu, false);
	tables_make();
	tables_make_long();
	cpu->idtr.limit = 64 * 16 - 1;
	cpu->tr.limit = 103;
	cpu->cr0 |= CPU_CR0_PE | CPU_CR0_PG | CPU_CR0_WP;
	cpu->cr4 = CPU_CR4_PAE;
	cpu->cr3 = PML4_AT;
	cpu->efer = CPU_EFER_LME | CPU_EFER_LMA | CPU_EFER_NXE | CPU_EFER_SCE;
	segment_flat(CPU_CS, cpl ? UCODE : KCODE, cpl ? 0xa0fb : 0xa09b);
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		if (i != CPU_CS)
			segment_flat(i, cpl ? UDATA : KDATA, cpl ? 0xc0f3 : 0xc093);
	cpu->cpl = (uint8_t)cpl;
	cpu->rip = rip;
	cpu->gpr[CPU_RSP] = cpl ? STACK3 : STACK0;
	tlb_flush(cpu, true);
	cpu_mode_update(cpu);
}

void paging_on(uint32_t flags)
{
	ram_put32(PD_AT, PT_AT | 7);
	for (uint32_t page = 0; page < RAM_PAGES; page++)
		ram_put32(PT_AT + 4 * page, page << 12 | flags);
	fixture.cpu->cr3 = PD_AT;
	fixture.cpu->cr0 |= CPU_CR0_PG | CPU_CR0_WP;
	tlb_flush(fixture.cpu, true);
}

void pte_put(uint32_t linear, uint32_t entry)
{
	ram_put32(PT_AT + (linear >> 12) * 4, entry);
	tlb_flush_page(fixture.cpu, linear);
}

enum cpu_exit run_for(uint64_t budget)
{
	return cpu_run(fixture.cpu, budget);
}

void expect_vector(unsigned vector)
{
	enum cpu_exit how = run_for(10000);

	ck_assert_msg(how == CPU_EXIT_HALT, "ended with %d at %04x:%08x", (int)how,
		fixture.cpu->segment[CPU_CS].selector, (uint32_t)fixture.cpu->rip);
	ck_assert_msg(fixture.cpu->rip == HANDLER(vector) + 1, "halted at %08x, not in the handler of %u",
		(uint32_t)fixture.cpu->rip, vector);
}

uint32_t frame32(unsigned index)
{
	return ram_get32((uint32_t)fixture.cpu->gpr[CPU_RSP] + 4 * index);
}

uint64_t frame64(unsigned index)
{
	return ram_get64((uint32_t)fixture.cpu->gpr[CPU_RSP] + 8 * index);
}

uint64_t reg(unsigned index)
{
	return fixture.cpu->gpr[index];
}

int suite_run(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120); /* for a busy host with sanitizers */
	tcase_add_checked_fixture(tcase, fixture_setup, fixture_teardown);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

void expect_long(unsigned row, uint64_t from, uint64_t end, unsigned vector, uint64_t error)
{
	struct cpu *cpu = fixture.cpu;
	enum cpu_exit how = run_for(100);

	ck_assert_msg(
		how == CPU_EXIT_HALT, "row %u: ended with %d at %llx", row, (int)how, (unsigned long long)cpu->rip);
	if (vector == NONE) {
		ck_assert_msg(cpu->rip == end + 1, "row %u: halted at %llx, error %llx", row,
			(unsigned long long)cpu->rip, (unsigned long long)frame64(0));
		return;
	}
	ck_assert_msg(cpu->rip == HANDLER(vector) + 1, "row %u: halted at %llx, not in the handler of %u", row,
		(unsigned long long)cpu->rip, vector);
	if (vector == CPU_UD)
		return;
	ck_assert_msg(frame64(0) == error, "row %u: error %llx", row, (unsigned long long)frame64(0));
	ck_assert_msg(frame64(1) == from, "row %u: RIP %llx", row, (unsigned long long)frame64(1));
}
