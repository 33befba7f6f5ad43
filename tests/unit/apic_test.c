/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The local APIC on a bare struct cpu and a bus that remembers.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/model.h"
#include "vmm/state/state.h"

#define REG_ID       0x20
#define REG_VERSION  0x30
#define REG_TPR      0x80
#define REG_PPR      0xa0
#define REG_EOI      0xb0
#define REG_LDR      0xd0
#define REG_DFR      0xe0
#define REG_SVR      0xf0
#define REG_ISR      0x100
#define REG_TMR      0x180
#define REG_IRR      0x200
#define REG_ESR      0x280
#define REG_ICR_LOW  0x300
#define REG_ICR_HIGH 0x310
#define REG_TIMER    0x320
#define REG_LINT0    0x350
#define REG_ERROR    0x370
#define REG_INITIAL  0x380
#define REG_CURRENT  0x390
#define REG_DIVIDE   0x3e0
#define DIVIDE_1     0xb

static struct cpu *cpu;
static struct cpu_model model;
static uint64_t clock_now, deadline;
static unsigned eoi_count, ipi_count;
static uint8_t eoi_vector;
static uint32_t ipi_low, ipi_destination;

static uint64_t bus_time(void *self)
{
	(void)self;
	return clock_now;
}

static void bus_timer(void *self, uint64_t when)
{
	(void)self;
	deadline = when;
}

static void bus_eoi(void *self, uint8_t vector)
{
	(void)self;
	eoi_count++;
	eoi_vector = vector;
}

static void bus_ipi(void *self, uint32_t low, uint32_t destination)
{
	(void)self;
	ipi_count++;
	ipi_low = low;
	ipi_destination = destination;
}

static void setup(void)
{
	clock_now = 1000;
	deadline = UINT64_MAX;
	eoi_count = ipi_count = 0;
	cpu = aligned_alloc(64, (sizeof(*cpu) + 63) & ~(size_t)63);
	ck_assert_ptr_nonnull(cpu);
	memset(cpu, 0, sizeof(*cpu));
	ck_assert_int_eq(cpu_model_find(NULL, &model), 0);
	cpu->model = &model;
	cpu->count = 1;
	cpu->tsc_hz = 1000000000;
	cpu->bus.time = bus_time;
	cpu->bus.timer = bus_timer;
	cpu->bus.eoi = bus_eoi;
	cpu->bus.ipi = bus_ipi;
	ck_assert_int_eq(apic_create(cpu, &cpu->apic), 0);
	apic_mmio_write(cpu->apic, REG_SVR, 0x1ff);
}

static void teardown(void)
{
	apic_destroy(cpu->apic);
	free(cpu);
}

static void post(uint8_t vector, bool level)
{
	apic_post(cpu, vector, 0, level);
	apic_update(cpu->apic);
}

START_TEST(test_reset_state)
{
	apic_reset(cpu->apic, false);
	ck_assert_uint_eq(apic_base_read(cpu->apic), 0xfee00900);
	ck_assert_uint_eq(apic_page(cpu->apic), 0xfee00000);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_SVR), 0xff);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_LINT0), 0x10000);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_DFR), 0xffffffff);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_VERSION) & 0xff00ff, 0x50014);
	ck_assert(!apic_extint_open(cpu->apic));
}
END_TEST

START_TEST(test_priorities)
{
	post(0x31, false);
	post(0x52, false);
	ck_assert_int_eq(apic_pending(cpu->apic), 0x52);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x52);
	ck_assert_int_eq(apic_pending(cpu->apic), -1); /* in service */
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_PPR), 0x50);
	post(0x5f, false); /* same class */
	ck_assert_int_eq(apic_pending(cpu->apic), -1);
	post(0x60, false);
	ck_assert_int_eq(apic_pending(cpu->apic), 0x60);
	apic_mmio_write(cpu->apic, REG_TPR, 0x60);
	ck_assert_int_eq(apic_pending(cpu->apic), -1);
	ck_assert_uint_eq(apic_tpr_read(cpu->apic), 6);
	apic_tpr_write(cpu->apic, 5);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x60);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_ISR + 0x20), 0);
	apic_tpr_write(cpu->apic, 0);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x5f);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0xff); /* nothing deliverable: spurious */
}
END_TEST

START_TEST(test_level_eoi)
{
	post(0x41, true);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_TMR + 0x20), 2);
	apic_acknowledge(cpu->apic);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	ck_assert_uint_eq(eoi_count, 1);
	ck_assert_uint_eq(eoi_vector, 0x41);
	post(0x41, false);
	apic_acknowledge(cpu->apic);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	ck_assert_uint_eq(eoi_count, 1); /* edges are not broadcast */
}
END_TEST

START_TEST(test_software_disable)
{
	apic_mmio_write(cpu->apic, REG_LINT0, 0x700);
	ck_assert(apic_extint_open(cpu->apic));
	apic_mmio_write(cpu->apic, REG_SVR, 0xff);
	ck_assert(!apic_extint_open(cpu->apic));
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_LINT0), 0x10700);
	post(0x41, false);
	ck_assert_int_eq(apic_pending(cpu->apic), -1);
	apic_mmio_write(cpu->apic, REG_SVR, 0x1ff);
	ck_assert_int_eq(apic_pending(cpu->apic), -1); /* the message was not kept */
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00100), 0);
	ck_assert(apic_extint_open(cpu->apic));
	ck_assert_uint_eq(apic_page(cpu->apic), UINT64_MAX);
}
END_TEST

START_TEST(test_one_shot)
{
	apic_mmio_write(cpu->apic, REG_DIVIDE, DIVIDE_1);
	apic_mmio_write(cpu->apic, REG_TIMER, 0x30);
	apic_mmio_write(cpu->apic, REG_INITIAL, 500);
	ck_assert_uint_eq(deadline, 1500);
	clock_now = 1200;
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_CURRENT), 300);
	apic_update(cpu->apic);
	ck_assert_int_eq(apic_pending(cpu->apic), -1);
	clock_now = 1501;
	apic_update(cpu->apic);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x30);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_CURRENT), 0);
	ck_assert_uint_eq(deadline, UINT64_MAX);
	clock_now = 5000;
	apic_update(cpu->apic);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_IRR + 0x10), 0);
}
END_TEST

START_TEST(test_divide)
{
	apic_mmio_write(cpu->apic, REG_DIVIDE, 3); /* 16 */
	apic_mmio_write(cpu->apic, REG_TIMER, 0x30);
	apic_mmio_write(cpu->apic, REG_INITIAL, 100);
	ck_assert_uint_eq(deadline, 1000 + 1600);
	clock_now = 1000 + 800;
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_CURRENT), 50);
	apic_mmio_write(cpu->apic, REG_DIVIDE, 0); /* 2 */
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_CURRENT), 50);
	ck_assert_uint_eq(deadline, clock_now + 100);
}
END_TEST

START_TEST(test_periodic_missed)
{
	apic_mmio_write(cpu->apic, REG_DIVIDE, DIVIDE_1);
	apic_mmio_write(cpu->apic, REG_TIMER, 0x20030);
	apic_mmio_write(cpu->apic, REG_INITIAL, 100);
	clock_now = 1000 + 750; /* seven and a half periods */
	apic_update(cpu->apic);
	ck_assert_uint_eq(deadline, 1000 + 800); /* phase kept */
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_CURRENT), 50);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x30);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	ck_assert_int_eq(apic_pending(cpu->apic), -1); /* one, not seven */
	apic_mmio_write(cpu->apic, REG_INITIAL, 0);
	ck_assert_uint_eq(deadline, UINT64_MAX);
}
END_TEST

START_TEST(test_deadline)
{
	uint64_t value;
	cpu->tsc_hz = 2000000000;
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x6e0, 5000), 0);
	ck_assert_int_eq(apic_msr_read(cpu->apic, 0x6e0, &value), 0);
	ck_assert_uint_eq(value, 0); /* not in that mode: ignored */
	apic_mmio_write(cpu->apic, REG_TIMER, 0x40030);
	uint64_t tsc = cpu_tsc(cpu);
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x6e0, tsc + 1000), 0);
	ck_assert_uint_eq(deadline, clock_now + 500);
	clock_now += 500;
	apic_update(cpu->apic);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x30);
	ck_assert_int_eq(apic_msr_read(cpu->apic, 0x6e0, &value), 0);
	ck_assert_uint_eq(value, 0);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x6e0, 1), 0); /* in the past */
	ck_assert_int_eq(apic_pending(cpu->apic), 0x30);
	model.features_1_ecx &= ~CPU_FEATURE_TSC_DEADLINE;
	ck_assert_int_eq(apic_msr_read(cpu->apic, 0x6e0, &value), -EINVAL);
}
END_TEST

START_TEST(test_icr)
{
	apic_mmio_write(cpu->apic, REG_ICR_HIGH, 0x05000000);
	apic_mmio_write(cpu->apic, REG_ICR_LOW, 0x4041);
	ck_assert_uint_eq(ipi_count, 1);
	ck_assert_uint_eq(ipi_low & 0xcffff, 0x4041);
	ck_assert_uint_eq(ipi_destination, 5);
	apic_mmio_write(cpu->apic, REG_ICR_LOW, 0x44041); /* self */
	apic_update(cpu->apic);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x41);
	apic_mmio_write(cpu->apic, REG_ICR_LOW, 0xc4500); /* INIT, all but self */
	ck_assert_uint_eq(ipi_count, 2);
	apic_mmio_write(cpu->apic, REG_ICR_LOW, 0xc8500); /* its de-assert */
	ck_assert_uint_eq(ipi_count, 2);
	apic_mmio_write(cpu->apic, REG_ICR_LOW, 0x4005); /* illegal vector */
	ck_assert_uint_eq(ipi_count, 2);
	apic_mmio_write(cpu->apic, REG_ESR, 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_ESR), 1u << 5);
	apic_mmio_write(cpu->apic, REG_ESR, 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_ESR), 0);
}
END_TEST

START_TEST(test_error_vector)
{
	apic_mmio_write(cpu->apic, REG_ERROR, 0x55);
	apic_mmio_read(cpu->apic, 0x40); /* no such register */
	apic_update(cpu->apic);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x55);
	apic_mmio_write(cpu->apic, REG_ESR, 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_ESR), 1u << 7);
	post(3, false);
	apic_mmio_write(cpu->apic, REG_ESR, 0);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_ESR), 1u << 6);
}
END_TEST

START_TEST(test_matching)
{
	apic_mmio_write(cpu->apic, REG_ID, 0x03000000);
	ck_assert(apic_matches(cpu, 3, false));
	ck_assert(!apic_matches(cpu, 2, false));
	ck_assert(apic_matches(cpu, 0xff, false));
	apic_mmio_write(cpu->apic, REG_LDR, 0x04000000);
	ck_assert(apic_matches(cpu, 0x0c, true));
	ck_assert(!apic_matches(cpu, 0x03, true));
	apic_mmio_write(cpu->apic, REG_DFR, 0x0fffffff); /* cluster */
	apic_mmio_write(cpu->apic, REG_LDR, 0x24000000);
	ck_assert(apic_matches(cpu, 0x2c, true));
	ck_assert(!apic_matches(cpu, 0x1c, true));
	ck_assert(!apic_matches(cpu, 0x23, true));
}
END_TEST

START_TEST(test_x2apic)
{
	uint64_t value;
	ck_assert_int_eq(apic_msr_read(cpu->apic, 0x802, &value), -EINVAL);
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00500), -EINVAL); /* without the enable bit */
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00d00), 0);
	ck_assert_uint_eq(apic_page(cpu->apic), UINT64_MAX);
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00900), -EINVAL);
	cpu->index = 0;
	ck_assert_int_eq(apic_msr_read(cpu->apic, 0x80d, &value), 0);
	ck_assert_uint_eq(value, 1);
	ck_assert_int_eq(apic_msr_read(cpu->apic, 0x80e, &value), -EINVAL); /* no DFR */
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x80b, 1), -EINVAL);
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x808, 0x100), -EINVAL);
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x830, 0x0001000000004042), 0);
	ck_assert_uint_eq(ipi_destination, 0x10000);
	ck_assert_int_eq(apic_msr_write(cpu->apic, 0x83f, 0x66), 0);
	apic_update(cpu->apic);
	ck_assert_int_eq(apic_acknowledge(cpu->apic), 0x66);
	ck_assert(apic_matches(cpu, UINT32_MAX, false));
	ck_assert(apic_matches(cpu, 1, true));
	ck_assert(!apic_matches(cpu, 0x10001, true));
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00100), 0);
	ck_assert_int_eq(apic_base_write(cpu->apic, 0xfee00d00), -EINVAL); /* only from xAPIC mode */
}
END_TEST

START_TEST(test_deliveries)
{
	apic_post(cpu, 0, 4, false);
	ck_assert_uint_eq(cpu->request, CPU_REQUEST_NMI);
	apic_post(cpu, 0, 5, false);
	ck_assert(cpu->request & CPU_REQUEST_INIT);
	apic_post(cpu, 0x9a, 6, false);
	ck_assert(cpu->request & CPU_REQUEST_SIPI);
	ck_assert_uint_eq(cpu->sipi_vector, 0x9a);
	ck_assert(!(cpu->request & CPU_REQUEST_APIC));
}
END_TEST

START_TEST(test_save)
{
	post(0x41, true);
	apic_acknowledge(cpu->apic);
	apic_post(cpu, 0x52, 0, false); /* posted, not yet received */
	apic_mmio_write(cpu->apic, REG_DIVIDE, DIVIDE_1);
	apic_mmio_write(cpu->apic, REG_TIMER, 0x20030);
	apic_mmio_write(cpu->apic, REG_INITIAL, 100);
	struct state_writer *writer = state_writer_new();
	state_section_begin(writer, "cpu0", "cpu", 1);
	ck_assert_int_eq(apic_save(cpu->apic, writer), 0);
	state_section_end(writer);
	const void *data;
	size_t length;
	ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);

	apic_reset(cpu->apic, false);
	ck_assert_int_eq(apic_pending(cpu->apic), -1);
	struct state_reader *reader;
	const char *plugin, *reason;
	uint32_t version;
	ck_assert_int_eq(state_reader_new(data, length, &reader, &reason), 0);
	ck_assert_int_eq(state_section_open(reader, "cpu0", &plugin, &version), 0);
	ck_assert_int_eq(apic_load(cpu->apic, reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
	state_reader_free(reader);
	state_writer_free(writer);

	ck_assert_int_eq(apic_pending(cpu->apic), 0x52);
	ck_assert_uint_eq(deadline, 1100);
	apic_mmio_write(cpu->apic, REG_EOI, 0);
	ck_assert_uint_eq(eoi_vector, 0x41);
	ck_assert_uint_eq(apic_mmio_read(cpu->apic, REG_INITIAL), 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("apic");
	TCase *test = tcase_create("apic");
	tcase_add_checked_fixture(test, setup, teardown);
	tcase_add_test(test, test_reset_state);
	tcase_add_test(test, test_priorities);
	tcase_add_test(test, test_level_eoi);
	tcase_add_test(test, test_software_disable);
	tcase_add_test(test, test_one_shot);
	tcase_add_test(test, test_divide);
	tcase_add_test(test, test_periodic_missed);
	tcase_add_test(test, test_deadline);
	tcase_add_test(test, test_icr);
	tcase_add_test(test, test_error_vector);
	tcase_add_test(test, test_matching);
	tcase_add_test(test, test_x2apic);
	tcase_add_test(test, test_deliveries);
	tcase_add_test(test, test_save);
	suite_add_tcase(suite, test);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
