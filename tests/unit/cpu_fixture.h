/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A CPU on a fake bus: flat RAM, ports that log, a counter for a clock.
 */
#ifndef TESTS_CPU_FIXTURE_H
#define TESTS_CPU_FIXTURE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/cpu/cpu.h"

#define RAM_SIZE  (4u << 20)
#define RAM_PAGES (RAM_SIZE / CPU_PAGE_SIZE)
#define MMIO_BASE 0xd0000000u /* a device page: reads count, writes are logged */

struct fixture {
	struct cpu *cpu;
	uint8_t *ram;
	uint32_t version[RAM_PAGES];
	bool code[RAM_PAGES], read_only[RAM_PAGES];
	uint64_t clock, deadline;
	int vector; /* answer to acknowledge() */
	unsigned acknowledged;
	unsigned mmio_reads, mmio_writes, mmio_size;
	uint64_t mmio_value, mmio_offset;
	unsigned port_reads, port_writes;
	uint16_t port;
	uint32_t port_value, port_answer;
	char log[4096];
};

void fixture_setup(void);
void fixture_setup_32bit(void); /* a processor without 64-bit mode */
void fixture_teardown(void);
void fixture_add_apic(void);                       /* start over, with a local APIC */
void fixture_remake(const char *model, bool apic); /* start over with that model of cpu_model_find() */
extern struct fixture fixture;

/* Bytes into RAM. */
void ram_put(uint32_t address, const void *bytes, size_t size);
void ram_put8(uint32_t address, uint8_t value);
void ram_put16(uint32_t address, uint16_t value);
void ram_put32(uint32_t address, uint32_t value);
void ram_put64(uint32_t address, uint64_t value);
uint16_t ram_get16(uint32_t address);
uint32_t ram_get32(uint32_t address);
#define CODE(address, ...) \
	do { \
		const uint8_t bytes_[] = { __VA_ARGS__ }; \
		ram_put(address, bytes_, sizeof(bytes_)); \
	} while (0)

/* Real mode at 0000:ip with a stack at 0000:7000. */
void start_real(uint16_t ip);

/* Protected mode, 32-bit flat, at CPL 0 or 3; tables as below. */
#define GDT_AT          0x1000u
#define IDT_AT          0x2000u
#define TSS_AT          0x3000u /* current task */
#define TSS2_AT         0x3200u /* another one, 32 bits; 16 bits at 0x3400 */
#define STACK0          0x8000u /* top of the ring 0 stack */
#define STACK3          0x9000u
#define KCODE           0x08u
#define KDATA           0x10u
#define UCODE           0x1bu
#define UDATA           0x23u
#define TSS_SEL         0x28u
#define TSS2_SEL        0x30u
#define FREE_SEL        0x40u                    /* and up: for tests */
#define HANDLER(vector) (0x4000u + (vector)*16u) /* each holds HLT */

void start_protected(uint32_t eip, unsigned cpl);
void start_v86(uint16_t cs, uint16_t ip, uint32_t flags);
uint64_t descriptor_make(uint32_t base, uint32_t limit, uint16_t attributes); /* attributes: as in cpu_segment */
uint64_t gate_make(uint16_t selector, uint32_t offset, uint8_t type_byte, uint8_t count);
void gdt_put(uint16_t selector, uint64_t descriptor);
void idt_put(unsigned vector, uint64_t gate);
/* Identity paging of the first 4 MiB with 4 KiB pages: directory at 0x100000, table at 0x101000. */
#define PD_AT 0x100000u
#define PT_AT 0x101000u
void paging_on(uint32_t flags);
void pte_put(uint32_t linear, uint32_t entry);

/*
 * 64-bit mode at CPL 0 or 3, from reset state: 4-level paging that maps the first 4 MiB to themselves and again at
 * HIGH_HALF, with 4 KiB pages that users may write.  KCODE and UCODE are 64-bit code, TSS_SEL takes two entries.
 */
#define PML4_AT   0x102000u
#define PDPT_AT   0x103000u
#define PDIR_AT   0x104000u
#define PTAB_AT   0x105000u /* two */
#define HIGH_HALF 0xffff800000000000u
#define KCODE32   0x38u
#define UCODE32   0xf3u
#define IST_STACK 0xa000u /* IST1 */
void start_long(uint64_t rip, unsigned cpl);
void gate_put_long(unsigned vector, uint16_t selector, uint64_t offset, uint8_t type_byte, uint8_t ist);
void gdt_put_long(uint16_t selector, uint64_t base, uint32_t limit, uint16_t attributes);
uint64_t ram_get64(uint32_t address);
uint64_t frame64(unsigned index);

/* Run until HLT or `budget` instructions; fails the test on anything else. */
enum cpu_exit run_for(uint64_t budget);
/* Run and expect the HLT of a vector's handler; returns the frame's address on the stack. */
void expect_vector(unsigned vector);
#define NONE 0xffffu /* no exception */
/* In IA-32e mode, run to a HLT: with NONE that at `end`, otherwise the handler's of `vector`, with this error code
 * (none for #UD) and the RIP of the instruction itself, `from`, not where it led.  `row` is for the message. */
void expect_long(unsigned row, uint64_t from, uint64_t end, unsigned vector, uint64_t error);
uint32_t frame32(unsigned index);
uint64_t reg(unsigned index);

/* main() of a test: run one Check suite of these test functions, each on a fresh fixture. */
int suite_run(const char *name, const TTest *const *tests, size_t count);
#define SUITE(name, ...) \
	int main(void) \
	{ \
		const TTest *const tests[] = { __VA_ARGS__ }; \
		return suite_run(name, tests, sizeof(tests) / sizeof(tests[0])); \
	}

#endif
