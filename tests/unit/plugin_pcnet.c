/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The card, driven as a driver does, with each kind of its structures. */
#include "net_bench.h"

#include "../../plugins/pcnet/pcnet.h"

#define BLOCK     0x8000u
#define TX_RING   0x10000u
#define RX_RING   0x20000u
#define TX_BUFFER 0x100000u
#define RX_BUFFER 0x200000u
#define RX_SIZE   1544u
#define CODE      4u /* of rings of 16 */
#define COUNT     (1u << CODE)
#define POLL      UINT64_C(2000000)

#define STYLES 4u

static uint8_t frame[4096], other[4096];
static uint32_t style, wide, dwio, tx_tail;

static uint32_t port_get(uint32_t number)
{
	return dwio ? fake_in(bench.fake, BENCH_PORTS + 0x10 + number * 4, 4)
		    : fake_in(bench.fake, BENCH_PORTS + 0x10 + number * 2, 2);
}

static void port_set(uint32_t number, uint32_t value)
{
	fake_out(bench.fake, BENCH_PORTS + 0x10 + number * (dwio ? 4 : 2), dwio ? 4 : 2, value);
}

static uint32_t csr_get(uint32_t number)
{
	port_set(1, number);
	return port_get(0);
}

static void csr_set(uint32_t number, uint32_t value)
{
	port_set(1, number);
	port_set(0, value);
}

static uint32_t bcr_get(uint32_t number)
{
	port_set(1, number);
	return port_get(3);
}

static void bcr_set(uint32_t number, uint32_t value)
{
	port_set(1, number);
	port_set(3, value);
}

struct entry {
	uint32_t address, flags, length, status; /* flags and status as in style 2 */
};

/* Descriptors in the four styles (RMD0 to RMD3, TMD0 to TMD3). */
static void entry_write(uint32_t ring, uint32_t index, const struct entry *entry)
{
	uint32_t count = -entry->length & 0xfff;
	if (wide) {
		uint32_t words[4] = { entry->address, entry->flags | 0xf000 | count, entry->status, 0 };
		if (style == 3) {
			words[0] = entry->status;
			words[2] = entry->address;
		}
		fake_write(bench.fake, ring + index * 16, words, sizeof(words));
	} else {
		const uint16_t words[4] = { (uint16_t)entry->address,
			(uint16_t)(entry->flags >> 16 | (entry->address >> 16 & 0xff)), (uint16_t)(0xf000 | count), 0 };
		fake_write(bench.fake, ring + index * 8, words, sizeof(words));
	}
}

static struct entry entry_read(uint32_t ring, uint32_t index)
{
	if (wide) {
		uint32_t words[4];
		fake_read(bench.fake, ring + index * 16, words, sizeof(words));
		return (struct entry){ words[style == 3 ? 2 : 0], words[1] & 0xffff0000, -words[1] & 0xfff,
			words[style == 3 ? 0 : 2] };
	}
	uint16_t words[4];
	fake_read(bench.fake, ring + index * 8, words, sizeof(words));
	uint32_t status = ring == TX_RING ? (uint32_t)words[3] << 16 : words[3];
	return (struct entry){ words[0] | (uint32_t)(words[1] & 0xff) << 16, (uint32_t)(words[1] & 0xff00) << 16,
		-(uint32_t)words[2] & 0xfff, status };
}

static void rx_give(uint32_t index, uint32_t length)
{
	const struct entry entry = { RX_BUFFER + index * 0x1000, MD_OWN, length, 0 };
	entry_write(RX_RING, index, &entry);
}

static void tx_put(uint32_t address, uint32_t length, uint32_t flags)
{
	const struct entry entry = { address, flags | MD_OWN, length, 0 };
	entry_write(TX_RING, tx_tail, &entry);
	tx_tail = (tx_tail + 1) % COUNT;
}

static void tx_go(void)
{
	csr_set(0, CSR0_IENA | CSR0_TDMD);
}

static const uint8_t station[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static void block_write(uint32_t mode, uint64_t filter)
{
	uint8_t block[28] = { (uint8_t)mode, (uint8_t)(mode >> 8) };
	uint32_t rings = wide ? 20 : 16;
	if (wide) {
		block[2] = CODE << 4;
		block[3] = CODE << 4;
	}
	memcpy(block + (wide ? 4 : 2), station, 6);
	memcpy(block + (wide ? 12 : 8), &filter, 8);
	const uint32_t words[2] = { RX_RING | (wide ? 0 : CODE << 29), TX_RING | (wide ? 0 : CODE << 29) };
	memcpy(block + rings, words, 8);
	fake_write(bench.fake, BLOCK, block, sizeof(block));
}

/* INIT, and STRT, as a driver does. */
static void start_with(uint32_t mode, uint64_t filter)
{
	csr_set(0, CSR0_STOP);
	bcr_set(20, style);
	block_write(mode, filter);
	csr_set(1, BLOCK & 0xffff);
	csr_set(2, BLOCK >> 16);
	csr_set(0, CSR0_INIT);
	ck_assert_uint_eq(csr_get(0) & (CSR0_IDON | CSR0_STOP), CSR0_IDON);
	tx_tail = 0;
	for (uint32_t i = 0; i < COUNT; i++) {
		const struct entry none = { 0 };
		rx_give(i, RX_SIZE);
		entry_write(TX_RING, i, &none);
	}
	csr_set(0, CSR0_IENA | CSR0_STRT | CSR0_IDON);
}

static void setup(uint32_t wanted_style, uint64_t capabilities)
{
	style = wanted_style;
	wide = style != 0;
	dwio = 0;
	bench_init(fake_new(), "pcnet", capabilities);
	start_with(0, 0);
	ck_assert_uint_eq(csr_get(0), CSR0_IENA | CSR0_RXON | CSR0_TXON | CSR0_STRT | CSR0_INIT);
}

START_TEST(identity)
{
	uint32_t sum = 0;
	uint8_t prom[16];
	setup(2, 0);
	ck_assert_uint_eq(bench_config(0, 4), 0x20001022);
	ck_assert_uint_eq(bench_config(8, 4), 0x02000010);
	ck_assert_uint_eq(csr_get(88) | csr_get(89) << 16, 0x02621003);
	for (uint32_t i = 0; i < 16; i++)
		prom[i] = (uint8_t)fake_in(bench.fake, BENCH_PORTS + i, 1);
	for (uint32_t i = 0; i < 16; i++)
		sum += i == 12 || i == 13 ? 0 : prom[i];
	ck_assert_mem_eq(prom, "\x00\x0c\x29", 3);
	ck_assert_mem_eq(prom + 14, "WW", 2);
	ck_assert_uint_eq(prom[12] | (uint32_t)prom[13] << 8, sum);
	/* The same registers in memory. */
	bench_config_write(0x14, 4, (uint32_t)BENCH_MEMORY);
	uint16_t word = 88;
	fake_write(bench.fake, BENCH_MEMORY + 0x12, &word, 2);
	fake_read(bench.fake, BENCH_MEMORY + 0x10, &word, 2);
	ck_assert_uint_eq(word, 0x1003);
	/* S_RESET. */
	ck_assert_uint_eq(port_get(2), 0);
	ck_assert_uint_eq(csr_get(0), CSR0_STOP);
	ck_assert_uint_eq(bcr_get(20), 0x0302);
	/* DWIO, until a hard reset. */
	fake_out(bench.fake, BENCH_PORTS + 0x10, 4, 0);
	dwio = 1;
	ck_assert_uint_eq(csr_get(88), 0x1003);
	ck_assert_uint_eq(bcr_get(18) & 0x80, 0x80);
	ck_assert_uint_eq(port_get(2), 0);
	ck_assert_uint_eq(csr_get(0), CSR0_STOP);
	start_with(0, 0);
	ck_assert_uint_eq(csr_get(0) & CSR0_STRT, CSR0_STRT);
	bench.bus.function->bus_reset(bench.bus.function_self);
	bench_config_write(0x10, 4, BENCH_PORTS);
	bench_config_write(4, 2, 7);
	dwio = 0;
	ck_assert_uint_eq(csr_get(0), CSR0_STOP);
	bench_free();
}
END_TEST

/* Returns the length that the guest sees, its bytes in `other`. */
static uint32_t rx_collect(uint32_t first, struct entry *last)
{
	uint32_t length = 0;
	for (uint32_t i = first;; i = (i + 1) % COUNT) {
		*last = entry_read(RX_RING, i);
		ck_assert_uint_eq(last->flags & (MD_OWN | MD_ERR), 0);
		ck_assert_uint_eq(last->flags & MD_STP, i == first ? MD_STP : 0);
		uint32_t here = (last->flags & MD_ENP) != 0 ? (last->status & 0xfff) - length : last->length;
		fake_read(bench.fake, last->address, other + length, here);
		length += here;
		if ((last->flags & MD_ENP) != 0)
			return length;
	}
}

START_TEST(receives)
{
	static const uint32_t lengths[] = { 14, 59, 60, 61, 1514 };
	static const uint32_t sizes[] = { RX_SIZE, 100, 64 };
	for (uint32_t s = 0; s < STYLES; s++) {
		for (uint32_t k = 0; k < VMM_KIT_COUNT(sizes); k++) {
			setup(s, 0);
			for (uint32_t i = 0; i < sizeof(frame); i++)
				frame[i] = (uint8_t)(i * 11 + (i >> 8));
			memcpy(frame, station, 6);
			for (uint32_t i = 0; i < VMM_KIT_COUNT(lengths); i++) {
				uint32_t length = lengths[i] < 1000 || k == 0 ? lengths[i] : 900;
				uint32_t padded = length < 60 ? 60 : length;
				struct entry last;
				start_with(0, 0);
				for (uint32_t n = 0; n < COUNT; n++)
					rx_give(n, sizes[k]);
				ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, length, 0), 1);
				ck_assert_uint_eq(rx_collect(0, &last), padded + 4);
				ck_assert_mem_eq(other, frame, length);
				uint32_t crc = plain_crc(other, padded);
				ck_assert_mem_eq(other + padded, &crc, 4);
				ck_assert_uint_eq(last.flags & MD_PAM, wide ? MD_PAM : 0);
				ck_assert_uint_eq(csr_get(0) & (CSR0_RINT | CSR0_INTR), CSR0_RINT | CSR0_INTR);
				ck_assert_uint_eq(bench.bus.intx, 1);
				csr_set(0, CSR0_IENA | CSR0_RINT);
				ck_assert_uint_eq(bench.bus.intx, 0);
			}
			bench_free();
		}
	}
}
END_TEST

static uint32_t is_received(const uint8_t *to)
{
	memcpy(frame, to, 6);
	csr_set(0, CSR0_IENA | CSR0_RINT);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 100, 0), 1);
	return (csr_get(0) & CSR0_RINT) != 0;
}

START_TEST(filters)
{
	static const uint8_t stranger[6] = { 2, 1, 2, 3, 4, 5 };
	static const uint8_t group[6] = { 1, 0, 0x5e, 1, 2, 3 };
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t hash = ~plain_crc(group, 6) >> 26;
	setup(2, 0);
	memset(frame, 0, 100);
	ck_assert_uint_eq(is_received(station), 1);
	ck_assert_uint_eq(is_received(stranger), 0);
	ck_assert_uint_eq(is_received(group), 0);
	ck_assert_uint_eq(is_received(all), 1);
	start_with(MODE_DRCVBC, UINT64_C(1) << hash);
	ck_assert_uint_eq(is_received(all), 0);
	ck_assert_uint_eq(is_received(group), 1);
	start_with(MODE_DRCVPA, ~(UINT64_C(1) << hash));
	ck_assert_uint_eq(is_received(station), 0);
	ck_assert_uint_eq(is_received(group), 0);
	start_with(MODE_PROM, 0);
	ck_assert_uint_eq(is_received(stranger), 1);
	start_with(MODE_DRX, 0);
	ck_assert_uint_eq(is_received(station), 0);
	ck_assert_uint_ne(bench.peer.wants.flags & VMM_NET_OFF, 0);
	bench_free();
}
END_TEST

START_TEST(misses)
{
	setup(2, 0);
	memcpy(frame, station, 6);
	for (uint32_t i = 0; i < COUNT; i++)
		ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 60, 0), 1);
	/* No room: it waits, and is found to have room without a word from the driver. */
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 60, 0), 0);
	uint32_t calls = bench.peer.readables;
	rx_give(0, RX_SIZE);
	fake_advance(bench.fake, POLL);
	ck_assert_uint_eq(bench.peer.readables, calls + 1);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 60, 0), 1);
	/* For ever: it is missed in the end. */
	uint32_t looks = 0;
	while (net_peer_pass(&bench.peer, frame, 60, 0) == 0) {
		ck_assert_uint_lt(looks++, 100);
		fake_advance(bench.fake, POLL);
	}
	ck_assert_uint_gt(looks, 1);
	ck_assert_uint_eq(csr_get(0) & (CSR0_MISS | CSR0_ERR), CSR0_MISS | CSR0_ERR);
	ck_assert_uint_eq(csr_get(112), 1);
	bench_free();
}
END_TEST

START_TEST(transmits)
{
	const struct plain_packet packet = { 4, 6, 1000, 0 };
	for (uint32_t s = 0; s < STYLES; s++) {
		setup(s, 0);
		uint32_t length = packet_make(frame, &packet, 5);
		fake_write(bench.fake, TX_BUFFER, frame, length);
		tx_put(TX_BUFFER, length, MD_STP | MD_ENP);
		tx_put(TX_BUFFER, 100, MD_STP);
		tx_put(TX_BUFFER + 100, 1, 0);
		tx_put(TX_BUFFER + 101, length - 101, MD_ENP);
		tx_go();
		ck_assert_uint_eq(bench.peer.count, 2);
		for (uint32_t i = 0; i < 2; i++) {
			ck_assert_uint_eq(bench.peer.frames[i].length, length);
			ck_assert_mem_eq(bench.peer.frames[i].data, frame, length);
		}
		for (uint32_t i = 0; i < 4; i++) {
			struct entry entry = entry_read(TX_RING, i);
			ck_assert_uint_eq(entry.flags & (MD_OWN | MD_ERR), 0);
			ck_assert_uint_eq(entry.status, 0);
		}
		ck_assert_uint_eq(csr_get(0) & CSR0_TINT, CSR0_TINT);
		ck_assert_uint_eq(bench.bus.intx, 1);
		csr_set(0, CSR0_IENA | CSR0_TINT);
		/* Without a word: it is found; and without the middle: it is not sent before that is there. */
		tx_put(TX_BUFFER, length, MD_STP | MD_ENP);
		fake_advance(bench.fake, POLL * 64);
		ck_assert_uint_eq(bench.peer.count, 3);
		tx_tail = (tx_tail + 1) % COUNT;
		tx_put(TX_BUFFER + 100, length - 100, MD_ENP);
		tx_tail = (tx_tail + COUNT - 2) % COUNT;
		tx_go();
		ck_assert_uint_eq(bench.peer.count, 3);
		tx_put(TX_BUFFER, 100, MD_STP);
		tx_go();
		ck_assert_uint_eq(bench.peer.count, 4);
		ck_assert_mem_eq(bench.peer.frames[3].data, frame, length);
		bench_free();
	}
}
END_TEST

START_TEST(interrupts)
{
	setup(2, 0);
	/* Masked. */
	csr_set(3, CSR0_TINT);
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(csr_get(0) & (CSR0_TINT | CSR0_INTR), CSR0_TINT);
	ck_assert_uint_eq(bench.bus.intx, 0);
	csr_set(3, 0);
	ck_assert_uint_eq(bench.bus.intx, 1);
	csr_set(0, CSR0_TINT);
	ck_assert_uint_eq(bench.bus.intx, 0);
	/* Only for the last ones, or for none that went well. */
	csr_set(5, CSR5_LTINTEN);
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(csr_get(0) & CSR0_TINT, 0);
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP | MD_LTINT);
	tx_go();
	ck_assert_uint_eq(csr_get(0) & CSR0_TINT, CSR0_TINT);
	csr_set(0, CSR0_IENA | CSR0_TINT);
	csr_set(5, CSR5_TOKINTD);
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(csr_get(0) & CSR0_TINT, 0);
	/* No carrier is no success. */
	ck_assert_uint_eq(bcr_get(4) & 0x8000, 0x8000);
	net_peer_cable(bench.card, 0);
	ck_assert_uint_eq(bcr_get(4), 0xc0);
	uint32_t at = tx_tail;
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(csr_get(0) & CSR0_TINT, CSR0_TINT);
	ck_assert_uint_eq(entry_read(TX_RING, at).flags & MD_ERR, MD_ERR);
	ck_assert_uint_eq(entry_read(TX_RING, at).status, TMD_LCAR);
	csr_set(0, CSR0_IENA | CSR0_TINT);
	/* The user's own. */
	csr_set(4, CSR4_UINTCMD);
	ck_assert_uint_eq(bench.bus.intx, 1);
	ck_assert_uint_eq(csr_get(4) & CSR4_UINT, CSR4_UINT);
	csr_set(4, CSR4_UINT);
	ck_assert_uint_eq(bench.bus.intx, 0);
	bench_free();
}
END_TEST

START_TEST(stands)
{
	setup(2, 0);
	memcpy(frame, station, 6);
	/* Suspended: nothing moves, and registers can be written. */
	csr_set(12, 0x1111);
	ck_assert_uint_eq(csr_get(12), 0x5452);
	csr_set(5, CSR5_SPND);
	ck_assert_uint_eq(csr_get(5), CSR5_SPND);
	csr_set(46, 0x1111);
	ck_assert_uint_eq(csr_get(46), 0x1111);
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 0);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 60, 0), 0);
	uint32_t calls = bench.peer.readables;
	csr_set(5, 0);
	ck_assert_uint_eq(bench.peer.count, 1);
	ck_assert_uint_eq(bench.peer.readables, calls + 1);
	/* Stopped, and started again where it was. */
	csr_set(0, CSR0_STOP | CSR0_IENA);
	ck_assert_uint_eq(csr_get(0), CSR0_STOP);
	tx_put(TX_BUFFER, 60, MD_STP | MD_ENP);
	csr_set(0, CSR0_TDMD);
	ck_assert_uint_eq(bench.peer.count, 1);
	csr_set(0, CSR0_STRT | CSR0_IENA);
	ck_assert_uint_eq(bench.peer.count, 2);
	/* Loopback. */
	start_with(MODE_LOOP, 0);
	fake_write(bench.fake, TX_BUFFER, frame, 100);
	tx_put(TX_BUFFER, 100, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 2);
	struct entry last;
	ck_assert_uint_eq(rx_collect(0, &last), 104);
	ck_assert_mem_eq(other, frame, 100);
	/* DXMTFCS: the frame has its own check sequence, but where ADD_FCS says otherwise. */
	start_with(MODE_DXMTFCS, 0);
	tx_put(TX_BUFFER, 104, MD_STP | MD_ENP);
	tx_put(TX_BUFFER, 104, MD_STP | MD_ENP | MD_ADD_FCS);
	tx_go();
	ck_assert_uint_eq(bench.peer.frames[2].length, 100);
	ck_assert_uint_eq(bench.peer.frames[3].length, 104);
	bench_free();
}
END_TEST

START_TEST(goes_on)
{
	setup(3, 0);
	memcpy(frame, station, 6);
	fake_write(bench.fake, TX_BUFFER, frame, 100);
	bench.peer.room = 1;
	for (uint32_t i = 0; i < 3; i++)
		tx_put(TX_BUFFER, 100, MD_STP | MD_ENP);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 1);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 100, 0), 1);
	bench_reload();
	bench.peer.room = 1000;
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(bench.peer.count, 3);
	ck_assert_uint_eq(bench.bus.intx, 1);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 100, 0), 1);
	struct entry last;
	ck_assert_uint_eq(rx_collect(1, &last), 104);
	/* More than is done at once. */
	const struct plain_packet packet = { 4, 6, 200, 0 };
	uint32_t length = packet_make(frame, &packet, 5);
	fake_write(bench.fake, TX_BUFFER, frame, length);
	for (uint32_t i = 0; i < 8; i++) {
		for (uint32_t k = 0; k < 15; k++)
			tx_put(TX_BUFFER, length, MD_STP | MD_ENP);
		tx_go();
		fake_poll(bench.fake, 0);
	}
	ck_assert_uint_eq(bench.peer.count, 3 + 8 * 15);
	bench_free();
}
END_TEST

START_TEST(hostile)
{
	for (uint32_t s = 0; s < STYLES; s++) {
		setup(s, 0);
		fake_out(bench.fake, BENCH_PORTS + 0x10, 4, 0);
		dwio = 1;
		start_with(0, 0);
		/* A ring that is one endless frame; no STP; the greatest lengths. */
		for (uint32_t i = 0; i < COUNT; i++)
			tx_put(TX_BUFFER, 4096, MD_STP);
		tx_go();
		while (fake_poll(bench.fake, 0) != 0)
			;
		for (uint32_t i = 0; i < COUNT; i++)
			tx_put(TX_BUFFER, 4096, MD_ENP);
		tx_go();
		ck_assert_uint_le(bench.peer.count, 1);
		/* Rings and buffers in the card's own registers, and nowhere. */
		bench_config_write(0x14, 4, (uint32_t)BENCH_MEMORY);
		start_with(MODE_PROM, 0);
		for (uint32_t i = 0; i < COUNT; i++) {
			const struct entry in = { (uint32_t)BENCH_MEMORY + 0x10, MD_OWN, 4, 0 };
			const struct entry out = { (uint32_t)BENCH_MEMORY + 0x10, MD_OWN | MD_STP | MD_ENP, 60, 0 };
			entry_write(RX_RING, i, &in);
			entry_write(TX_RING, i, &out);
		}
		memset(frame, 0x04, 100);
		net_peer_pass(&bench.peer, frame, 60, 0);
		tx_go();
		csr_set(0, CSR0_STOP);
		csr_set(24, (uint32_t)BENCH_MEMORY & 0xffff);
		csr_set(25, (uint32_t)BENCH_MEMORY >> 16);
		csr_set(30, (uint32_t)BENCH_MEMORY & 0xffff);
		csr_set(31, (uint32_t)BENCH_MEMORY >> 16);
		csr_set(76, 0);
		csr_set(78, 1);
		csr_set(0, CSR0_STRT);
		net_peer_pass(&bench.peer, frame, 60, 0);
		while (fake_poll(bench.fake, 0) != 0)
			;
		/* No bus mastering: INIT fails, and is tried again. */
		csr_set(0, CSR0_STOP);
		bench_config_write(4, 2, 3);
		csr_set(0, CSR0_INIT);
		ck_assert_uint_eq(csr_get(0) & (CSR0_MERR | CSR0_IDON), CSR0_MERR);
		bench_config_write(4, 2, 7);
		start_with(0, 0);
		bench_free();
	}
}
END_TEST

START_TEST(endures)
{
	setup(2, 0);
	drive_ports(bench.fake, bench.card, BENCH_PORTS, BENCH_PORTS + 31, 20000);
	bench_free();
}
END_TEST

PLUGIN_TEST_MAIN("pcnet", identity, receives, filters, misses, transmits, interrupts, stands, goes_on, hostile, endures)
