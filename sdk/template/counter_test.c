/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A test of the counter on the SDK's fake host: no machine, no guest, a clock moved by hand.  `make check` runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/test/fake_peer.h>

#define BAR UINT64_C(0xe0000000)

static struct fake *fake;

/* Not assert(), which NDEBUG would take away. */
#define EXPECT(WHAT) \
	do { \
		if (!(WHAT)) { \
			fprintf(stderr, "%s:%d: %s is not so\n", __FILE__, __LINE__, #WHAT); \
			exit(1); \
		} \
	} while (0)

static uint32_t get(uint32_t offset)
{
	uint32_t value;
	fake_read(fake, BAR + offset, &value, 4);
	return value;
}

static void put(uint32_t offset, uint32_t value)
{
	fake_write(fake, BAR + offset, &value, 4);
}

int main(void)
{
	struct fake_peer bus;
	struct chance chance = { 1 };
	uint8_t block[9000];
	uint8_t copy[sizeof(block)];
	fake = fake_new();
	fake_set(fake, "counter0", "rate", "1000");
	struct fake_instance *counter = fake_add(fake, "counter", "counter0");
	EXPECT(fake_peer_join(&bus, counter, &counter->descriptor->ports[0], 5 << 3, &chance) == 0);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);

	/* Firmware places the BAR and lets it decode and master the bus. */
	const struct vmm_pci_lower *function = bus.table;
	function->config_write(bus.self, 0x10, 4, (uint32_t)BAR);
	function->config_write(bus.self, 0x04, 2, 6);
	EXPECT(get(0x00) == 0x52544e43);
	EXPECT(get(0x14) == 1000);

	/* It counts only when told to, in guest time. */
	fake_advance(fake, 5000000);
	EXPECT(get(0x0c) == 0);
	put(0x10, 20);
	put(0x04, 3);
	fake_advance(fake, 5000000);
	EXPECT(get(0x0c) == 5);
	EXPECT(get(0x08) == 0);
	fake_advance(fake, 16000000);
	EXPECT(get(0x0c) == 21);
	EXPECT(get(0x08) == 1);
	put(0x08, 1);
	EXPECT(get(0x08) == 0);

	/* The state survives, in the middle of a copy too. */
	for (uint32_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 7);
	fake_write(fake, 0x100000, block, sizeof(block));
	put(0x18, 0x100000);
	put(0x20, 0x200000);
	put(0x28, sizeof(block));
	put(0x2c, 1);
	EXPECT(get(0x2c) == 1);
	EXPECT(fake_round_trip(counter));
	fake_start(fake);
	fake_poll(fake, 0);
	EXPECT(get(0x2c) == 0);
	EXPECT(get(0x08) == 2);
	fake_read(fake, 0x200000, copy, sizeof(copy));
	EXPECT(memcmp(block, copy, sizeof(copy)) == 0);

	/* No copy without bus mastering. */
	put(0x08, 7);
	function->config_write(bus.self, 0x04, 2, 2);
	put(0x2c, 1);
	fake_poll(fake, 0);
	EXPECT(get(0x08) == 4);

	EXPECT(fake->fault_count == 0);
	fake_free(fake);
	fake_peer_free(&bus);
	puts("ok    counter_test");
	return 0;
}
