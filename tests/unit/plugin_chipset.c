/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <string.h>

#include <vmm/kit/pci.h>

#include "plugin_test.h"

#define SECOND UINT64_C(1000000000)

static struct fake *fake;
static struct fake_instance *chipset;

static void setup(void)
{
	fake = fake_new();
	chipset = fake_add(fake, "chipset-i440", "pci0");
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
}

static uint32_t config_in(uint32_t function, uint32_t offset, uint32_t size)
{
	fake_out(fake, 0xcf8, 4, 0x80000000u | function << 8 | (offset & 0xfc));
	return fake_in(fake, 0xcfc + (offset & 3), size);
}

static void config_out(uint32_t function, uint32_t offset, uint32_t size, uint32_t value)
{
	fake_out(fake, 0xcf8, 4, 0x80000000u | function << 8 | (offset & 0xfc));
	fake_out(fake, 0xcfc + (offset & 3), size, value);
}

/* A function of the test's own, in slot 3: a memory BAR, an I/O BAR, INTA#, MSI. */
static struct vmm_pci device;
static uint32_t device_reads;

static int32_t device_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	(void)self;
	(void)token;
	(void)size;
	device_reads++;
	*value = 0x1000 + offset;
	return 0;
}

static int32_t device_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	return 0;
}

static int32_t device_in(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)self;
	(void)token;
	(void)size;
	*value = 0x40 + offset;
	return 0;
}

static int32_t device_out(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	return 0;
}

static const struct vmm_region_ops region_ops = { sizeof(region_ops), 0, device_read, device_write };
static const struct vmm_io_ops io_ops = { sizeof(io_ops), 0, device_in, device_out };

static struct fake_link *plug(uint64_t address)
{
	static const struct vmm_pci_ids ids = { 0x1234, 0x5678, 0x1111, 0x2222, 0xff0000, 1, 1 };
	const struct vmm_host *host = &chipset->host;
	const struct vmm_region_service *regions = host->get_service(host->context, VMM_SERVICE_REGION);
	const struct vmm_io_service *io = host->get_service(host->context, VMM_SERVICE_IO);
	struct vmm_region_desc desc = {
		.struct_size = sizeof(desc), .type = VMM_REGION_MMIO, .length = 4096, .ops = &region_ops
	};
	vmm_handle region;
	vmm_handle claim;
	ck_assert_int_eq(regions->create(host->context, &desc, &region), 0);
	ck_assert_int_eq(io->claim(host->context, 0x9000, 32, 7, 0, &io_ops, NULL, 0, &claim), 0);
	io->enable(host->context, claim, 0);
	vmm_pci_init(&device, host, &ids);
	ck_assert_int_eq(vmm_pci_add_bar(&device, 0, VMM_PCI_BAR_MEMORY32, 4096, region), 0);
	ck_assert_int_eq(vmm_pci_add_bar(&device, 1, VMM_PCI_BAR_IO, 32, claim), 0);
	ck_assert_int_eq(vmm_pci_add_msi(&device, 1), 0);
	ck_assert_int_eq(vmm_pci_add_bar(&device, 2, VMM_PCI_BAR_IO, 33, claim), -EINVAL);
	struct vmm_port_side upper;
	struct vmm_port_side lower = { .struct_size = sizeof(lower) };
	fake_side(chipset, "pci", &upper);
	vmm_pci_get_port(&device, &lower);
	return fake_join_sides(fake, &upper, &lower, VMM_PORT_PCI, address);
}

START_TEST(identity)
{
	setup();
	ck_assert_uint_eq(config_in(0x00, 0, 4), 0x12378086);
	ck_assert_uint_eq(config_in(0x00, 0x2c, 4), 0x11001af4);
	ck_assert_uint_eq(config_in(0x08, 0, 4), 0x71108086);
	ck_assert_uint_eq(config_in(0x08, 0x0a, 2), 0x0601);
	ck_assert_uint_eq(config_in(0x08, 0x0e, 1), 0x80);
	ck_assert_uint_eq(config_in(0x0b, 0, 4), 0x71138086);
	ck_assert_uint_eq(config_in(0x09, 0, 4), 0xffffffff);
	ck_assert_uint_eq(config_in(0x18, 0, 4), 0xffffffff);
	/* Bus 1, and mechanism off. */
	fake_out(fake, 0xcf8, 4, 0x80010000);
	ck_assert_uint_eq(fake_in(fake, 0xcfc, 4), 0xffffffff);
	fake_out(fake, 0xcf8, 4, 0);
	ck_assert_uint_eq(fake_in(fake, 0xcfc, 4), 0xffffffff);
	/* Only dwords reach the address register. */
	fake_out(fake, 0xcf8, 4, 0x80000000);
	fake_out(fake, 0xcfb, 1, 0x01);
	fake_out(fake, 0xcf8, 2, 0x1234);
	ck_assert_uint_eq(fake_in(fake, 0xcf8, 4), 0x80000000);
	ck_assert_uint_eq(fake_in(fake, 0xcfe, 2), 0x1237);
	ck_assert_uint_eq(fake_in(fake, 0xcfd, 1), 0x80);
	ck_assert_uint_eq(fake_in(fake, 0xcfd, 2), 0x3780);
	ck_assert(fake_round_trip(chipset));
	fake_free(fake);
}
END_TEST

START_TEST(resets)
{
	setup();
	fake_out(fake, 0xcf9, 1, 0x02);
	ck_assert_uint_eq(fake->requests[VMM_POWER_RESET], 0);
	fake_out(fake, 0xcf9, 1, 0x06);
	ck_assert_uint_eq(fake->requests[VMM_POWER_RESET], 1);
	fake_out(fake, 0xcf9, 1, 0x00);
	fake_out(fake, 0xcf9, 1, 0x04);
	ck_assert_uint_eq(fake->cpu_init_count, 1);
	fake_out(fake, 0x92, 1, 0x00);
	ck_assert_uint_eq(fake->a20[0], 0);
	fake_out(fake, 0x92, 1, 0x03);
	ck_assert_uint_eq(fake->a20[0], 1);
	ck_assert_uint_eq(fake->cpu_init_count, 2);
	fake_out(fake, 0x80, 1, 0x55);
	fake_free(fake);
}
END_TEST

START_TEST(bars_and_interrupts)
{
	setup();
	ck_assert_ptr_null(plug(0x08));
	ck_assert(strstr(fake->cause, "01.0") != NULL);
	struct fake_link *link = plug(0x18);
	ck_assert_ptr_nonnull(link);
	ck_assert_uint_eq(config_in(0x18, 0, 4), 0x56781234);
	/* Sizing. */
	config_out(0x18, 0x10, 4, 0xffffffff);
	ck_assert_uint_eq(config_in(0x18, 0x10, 4), 0xfffff000);
	config_out(0x18, 0x14, 4, 0xffffffff);
	ck_assert_uint_eq(config_in(0x18, 0x14, 4), 0xffffffe1);
	config_out(0x18, 0x10, 4, 0xe0000000);
	config_out(0x18, 0x14, 4, 0xc000);
	uint32_t value;
	fake_read(fake, 0xe0000010, &value, 4);
	ck_assert_uint_eq(value, 0xffffffff);
	config_out(0x18, 4, 2, 0x0003);
	fake_read(fake, 0xe0000010, &value, 4);
	ck_assert_uint_eq(value, 0x1010);
	ck_assert_uint_eq(fake_in(fake, 0xc002, 1), 0x42);
	config_out(0x18, 0x10, 4, 0xe0100000);
	fake_read(fake, 0xe0100004, &value, 4);
	ck_assert_uint_eq(value, 0x1004);
	fake_read(fake, 0xe0000010, &value, 4);
	ck_assert_uint_eq(value, 0xffffffff);

	/* Slot 3, INTA#: (3 + 0 - 1) & 3 is PIRQC#. */
	vmm_pci_interrupt(&device, 1);
	for (uint32_t i = 0; i < 16; i++)
		ck_assert_uint_eq(fake->line_level[i], 0);
	config_out(0x08, 0x62, 1, 11);
	ck_assert_uint_eq(fake->line_level[11], 1);
	ck_assert_uint_eq(config_in(0x18, 6, 2) & 0x18, 0x18);
	config_out(0x08, 0x62, 1, 10);
	ck_assert_uint_eq(fake->line_level[11], 0);
	ck_assert_uint_eq(fake->line_level[10], 1);
	config_out(0x18, 4, 2, 0x0403); /* interrupt disable */
	ck_assert_uint_eq(fake->line_level[10], 0);
	config_out(0x18, 4, 2, 0x0003);
	ck_assert_uint_eq(fake->line_level[10], 1);
	ck_assert(fake_round_trip(chipset));
	config_out(0x08, 0x62, 1, 0x80);
	ck_assert_uint_eq(fake->line_level[10], 0);
	config_out(0x08, 0x62, 1, 13); /* reserved */
	ck_assert_uint_eq(fake->line_level[13], 0);
	config_out(0x08, 0x62, 1, 10);
	vmm_pci_interrupt(&device, 0);
	ck_assert_uint_eq(fake->line_level[10], 0);

	/* MSI, and DMA, need the bus-master bit. */
	uint32_t cap = config_in(0x18, 0x34, 1);
	ck_assert_uint_eq(config_in(0x18, cap, 1), 5);
	config_out(0x18, cap + 4, 4, 0xfee00000);
	config_out(0x18, cap + 12, 2, 0x4041);
	config_out(0x18, cap + 2, 2, 1);
	vmm_pci_interrupt(&device, 1);
	ck_assert_uint_eq(fake->message_count, 0);
	uint8_t byte;
	ck_assert_int_eq(device.bus->dma_read(device.bus_self, 0, &byte, 1), -EIO);
	config_out(0x18, 4, 2, 0x0007);
	ck_assert_int_eq(device.bus->dma_read(device.bus_self, 0, &byte, 1), 0);
	vmm_pci_interrupt(&device, 0);
	vmm_pci_interrupt(&device, 1);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(fake->message_address, 0xfee00000);
	ck_assert_uint_eq(fake->message_data, 0x4041);
	ck_assert_uint_eq(fake->line_level[10], 0);
	fake_part(fake, link);
	ck_assert_uint_eq(config_in(0x18, 0, 4), 0xffffffff);
	fake_free(fake);
}
END_TEST

START_TEST(elcr)
{
	setup();
	fake_out(fake, 0x4d0, 1, 0xff);
	fake_out(fake, 0x4d1, 1, 0x0c);
	ck_assert_uint_eq(fake_in(fake, 0x4d0, 1), 0xf8);
	ck_assert_uint_eq(fake->line_trigger[0], 0);
	ck_assert_uint_eq(fake->line_trigger[5], 1);
	ck_assert_uint_eq(fake->line_trigger[10], 1);
	ck_assert(fake_round_trip(chipset));
	fake_free(fake);
}
END_TEST

START_TEST(power_management)
{
	setup();
	ck_assert_uint_eq(fake_in(fake, 0x608, 4), 0xffffffff);
	config_out(0x0b, 0x40, 4, 0x601);
	ck_assert_uint_eq(config_in(0x0b, 0x40, 4), 0x601);
	config_out(0x0b, 0x80, 1, 1);
	/* The timer runs at 3.579545 MHz. */
	uint32_t before = fake_in(fake, 0x608, 4);
	fake_advance(fake, SECOND);
	uint32_t difference = fake_in(fake, 0x608, 4) - before;
	ck_assert_uint_ge(difference, 3579544);
	ck_assert_uint_le(difference, 3579546);
	fake_advance(fake, 100 * SECOND);
	ck_assert_uint_lt(fake_in(fake, 0x608, 4), 1u << 24);
	/* Overflow: the highest bit changes every 2.34 s. */
	fake_out(fake, 0x600, 2, 0xffff);
	ck_assert_uint_eq(fake_in(fake, 0x600, 2), 0);
	fake_out(fake, 0xb2, 1, 0xf1);
	ck_assert_uint_eq(fake_in(fake, 0x604, 2) & 1, 1);
	fake_out(fake, 0x602, 2, 0x0001);
	fake_advance(fake, SECOND * 5 / 2);
	ck_assert_uint_eq(fake->line_level[9], 1);
	ck_assert_uint_eq(fake_in(fake, 0x600, 2), 1);
	ck_assert(fake_round_trip(chipset));
	fake_out(fake, 0x600, 2, 1);
	ck_assert_uint_eq(fake->line_level[9], 0);
	fake_out(fake, 0x602, 2, 0x0100);
	fake_button(fake);
	ck_assert_uint_eq(fake->line_level[9], 1);
	ck_assert_uint_eq(fake_in(fake, 0x600, 2) & 0x100, 0x100);
	fake_out(fake, 0x601, 1, 0x01);
	ck_assert_uint_eq(fake->line_level[9], 0);
	/* Soft off: sleep type 0 and the enable bit. */
	fake_out(fake, 0x604, 2, 0x0001);
	ck_assert_uint_eq(fake->requests[VMM_POWER_OFF], 0);
	fake_out(fake, 0x604, 2, 0x2001);
	ck_assert_uint_eq(fake->requests[VMM_POWER_OFF], 1);
	fake_out(fake, 0xb2, 1, 0xf0);
	ck_assert_uint_eq(fake_in(fake, 0x604, 2) & 1, 0);
	fake_button(fake);
	ck_assert_uint_eq(fake->requests[VMM_POWER_OFF], 2);
	/* The block moves with its base. */
	config_out(0x0b, 0x40, 4, 0xb001);
	ck_assert_uint_eq(fake_in(fake, 0x608, 4), 0xffffffff);
	ck_assert_uint_ne(fake_in(fake, 0xb008, 4), 0xffffffff);
	fake_free(fake);
}
END_TEST

/* SMI# by writes to port B2: both enables must be set, and neither is after a reset. */
START_TEST(smi_by_command)
{
	setup();
	config_out(0x0b, 0x40, 4, 0x601);
	config_out(0x0b, 0x80, 1, 1);
	ck_assert_uint_eq(config_in(0x0b, 0x58, 4), 0);
	fake_out(fake, 0xb2, 1, 0x12);
	config_out(0x0b, 0x58, 4, 0x02000000);
	fake_out(fake, 0xb2, 1, 0x12);
	ck_assert_uint_eq(fake->smi_count, 0);
	ck_assert_uint_eq(fake_in(fake, 0x618, 2), 0x20);
	fake_out(fake, 0x628, 4, 1);
	ck_assert_uint_eq(fake_in(fake, 0x628, 4), 1);
	fake_out(fake, 0xb2, 1, 0x34);
	ck_assert_uint_eq(fake->smi_count, 1);
	ck_assert_uint_eq(fake_in(fake, 0xb2, 1), 0x34);
	/* Port B3 only keeps what is written. */
	fake_out(fake, 0xb3, 1, 0x56);
	ck_assert_uint_eq(fake_in(fake, 0xb3, 1), 0x56);
	ck_assert_uint_eq(fake->smi_count, 1);
	ck_assert(fake_round_trip(chipset));
	fake_out(fake, 0xb2, 1, 0xf1);
	ck_assert_uint_eq(fake->smi_count, 2);
	ck_assert_uint_eq(fake_in(fake, 0x604, 2), 1);
	/* EOS raises SMI# again for a cause that is still there, and is taken back with it. */
	fake_out(fake, 0x62a, 2, 1);
	ck_assert_uint_eq(fake->smi_count, 3);
	ck_assert_uint_eq(fake_in(fake, 0x628, 4), 1);
	fake_out(fake, 0x618, 2, 0x20);
	ck_assert_uint_eq(fake_in(fake, 0x618, 2), 0);
	fake_out(fake, 0x628, 4, 0x00010001);
	ck_assert_uint_eq(fake->smi_count, 3);
	ck_assert_uint_eq(fake_in(fake, 0x628, 4), 0x00010001);
	fake_out(fake, 0x628, 4, 0);
	fake_out(fake, 0xb2, 1, 0x34);
	ck_assert_uint_eq(fake->smi_count, 3);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(config_in(0x0b, 0x58, 4), 0);
	fake_free(fake);
}
END_TEST

/* The global lock's release, and events before ACPI is on. */
START_TEST(smi_by_event)
{
	setup();
	config_out(0x0b, 0x40, 4, 0x601);
	config_out(0x0b, 0x80, 1, 1);
	fake_out(fake, 0x628, 4, 1);
	fake_out(fake, 0x604, 2, 0x0004);
	ck_assert_uint_eq(fake_in(fake, 0x604, 2), 0);
	ck_assert_uint_eq(fake_in(fake, 0x618, 2), 0x02);
	ck_assert_uint_eq(fake->smi_count, 0);
	fake_out(fake, 0x618, 2, 0x02);
	fake_out(fake, 0x620, 2, 0x02);
	fake_out(fake, 0x604, 2, 0x0004);
	ck_assert_uint_eq(fake->smi_count, 1);
	/* BIOSRLS is the answer. */
	fake_out(fake, 0x602, 2, 0x0020);
	fake_out(fake, 0xb2, 1, 0xf1);
	fake_out(fake, 0x628, 2, 3);
	ck_assert_uint_eq(fake_in(fake, 0x628, 2), 1);
	ck_assert_uint_eq(fake_in(fake, 0x600, 2) & 0x20, 0x20);
	ck_assert_uint_eq(fake->line_level[9], 1);
	ck_assert_uint_eq(fake->smi_count, 1);
	/* The same event without SCI_EN is an SMI, once. */
	fake_out(fake, 0xb2, 1, 0xf0);
	ck_assert_uint_eq(fake->line_level[9], 0);
	ck_assert_uint_eq(fake->smi_count, 2);
	ck_assert(fake_round_trip(chipset));
	fake_out(fake, 0x602, 2, 0x0020);
	ck_assert_uint_eq(fake->smi_count, 2);
	fake_out(fake, 0x600, 2, 0x0020);
	fake_out(fake, 0x628, 2, 3);
	ck_assert_uint_eq(fake->smi_count, 3);
	fake_free(fake);
}
END_TEST

START_TEST(coprocessor_errors)
{
	struct vmm_port_side side;
	setup();
	ck_assert_int_eq(fake_side(chipset, "interrupt", &side), 0);
	const struct vmm_interrupt_upper *upper = side.table;
	/* Without an error port F0 does nothing. */
	fake_out(fake, 0xf0, 1, 0);
	ck_assert_uint_eq(fake->ignne, 0);
	ck_assert_uint_eq(fake_in(fake, 0xf0, 1), 0xff);
	upper->ferr(side.self, 1);
	ck_assert_uint_eq(fake->line_level[13], 1);
	ck_assert_uint_eq(fake->ignne, 0);
	ck_assert(fake_round_trip(chipset));
	fake_out(fake, 0xf0, 1, 0);
	ck_assert_uint_eq(fake->line_level[13], 0);
	ck_assert_uint_eq(fake->ignne, 1);
	ck_assert(fake_round_trip(chipset));
	upper->ferr(side.self, 0);
	ck_assert_uint_eq(fake->ignne, 0);
	/* The interrupt stays until it is taken back, even if the error goes first. */
	upper->ferr(side.self, 1);
	upper->ferr(side.self, 0);
	ck_assert_uint_eq(fake->line_level[13], 1);
	fake_out(fake, 0xf0, 1, 0);
	ck_assert_uint_eq(fake->line_level[13], 0);
	ck_assert_uint_eq(fake->ignne, 0);
	/* XBCS bit 5 lets it. */
	config_out(0x08, 0x4e, 2, config_in(0x08, 0x4e, 2) & ~0x20u);
	upper->ferr(side.self, 1);
	ck_assert_uint_eq(fake->line_level[13], 0);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(fake->ignne, 0);
	fake_free(fake);
}
END_TEST

/* The shutdown cycle becomes INIT: devices and memory stay. */
START_TEST(shutdown_cycle)
{
	struct vmm_port_side side;
	setup();
	ck_assert_int_eq(fake_side(chipset, "interrupt", &side), 0);
	const struct vmm_interrupt_upper *upper = side.table;
	config_out(0x0b, 0x40, 4, 0x8001);
	config_out(0x0b, 0x80, 1, 1);
	uint32_t before = fake->cpu_init_count;
	upper->shutdown(side.self);
	ck_assert_uint_eq(fake->cpu_init_count, before + 1);
	ck_assert_uint_eq(config_in(0x0b, 0x40, 4), 0x8001);
	fake_free(fake);
}
END_TEST

/* A BIOS on waking raises an SMI by port B2 before it has set PMBASE again: only what enables it must be set. */
START_TEST(smi_after_waking)
{
	setup();
	config_out(0x0b, 0x40, 4, 0x8001);
	config_out(0x0b, 0x80, 1, 1);
	config_out(0x0b, 0x58, 4, 0x02000000);
	fake_out(fake, 0x8028, 4, 1);
	fake_out(fake, 0xb2, 1, 0);
	ck_assert_uint_eq(fake->smi_count, 1);
	fake_reset(fake, VMM_RESET_WAKE);
	fake_out(fake, 0xb2, 1, 0);
	ck_assert_uint_eq(fake->smi_count, 1);
	config_out(0x0b, 0x58, 4, 0x02000000);
	fake_out(fake, 0x8028, 4, 1);
	fake_out(fake, 0xb2, 1, 0);
	ck_assert_uint_eq(fake->smi_count, 2);
	/* Another reset takes the base away. */
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(config_in(0x0b, 0x40, 4), 1);
	ck_assert_uint_eq(config_in(0x0b, 0x80, 1), 0);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup();
	config_out(0x0b, 0x40, 4, 0x601);
	config_out(0x0b, 0x80, 1, 1);
	drive_ports(fake, chipset, 0x600, 0x63f, 20000);
	drive_ports(fake, chipset, 0xcf8, 0xcff, 20000);
	drive_ports(fake, chipset, 0x80, 0xf0, 20000);
	for (uint32_t i = 0; i < 3000; i++) {
		config_out(i * 7 % 32, i * 13 % 256 & ~3u, 4, i * 2654435761u);
		if (i % 100 == 0)
			ck_assert(fake_round_trip(chipset));
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("chipset-i440", identity, resets, bars_and_interrupts, elcr, power_management, smi_by_command,
	smi_by_event, coprocessor_errors, shutdown_cycle, smi_after_waking, random_driving)
