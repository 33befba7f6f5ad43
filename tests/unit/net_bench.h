/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A bench for network cards: a PCI bus above, a network of the test's own below.
 */
#ifndef NET_BENCH_H
#define NET_BENCH_H

#include "net_peer.h"
#include "pci_bench.h"

#define BENCH_MEMORY UINT64_C(0xe0000000)
#define BENCH_PORTS  0xc000u

struct net_bench {
	struct fake *fake;
	struct fake_instance *card;
	struct net_peer peer;
	struct pci_bench bus;
};

static struct net_bench bench;

static inline uint32_t bench_config(uint32_t offset, uint32_t size)
{
	return pci_bench_config(&bench.bus, offset, size);
}

static inline void bench_config_write(uint32_t offset, uint32_t size, uint32_t value)
{
	pci_bench_configure(&bench.bus, offset, size, value);
}

/* Add the card, join it in slot 3, and start the machine; firmware has placed the BARs. */
static inline void bench_init(struct fake *fake, const char *plugin, uint64_t capabilities)
{
	memset(&bench, 0, sizeof(bench));
	bench.fake = fake;
	bench.card = fake_add(fake, plugin, "net0");
	pci_bench_join(&bench.bus, bench.card);
	net_peer_join(&bench.peer, bench.card, capabilities);
	fake_reset(fake, VMM_RESET_POWER);
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t bar = bench_config(0x10 + i * 4, 4);
		if ((bar & 1) != 0)
			bench_config_write(0x10 + i * 4, 4, BENCH_PORTS);
		else if (i < 2)
			bench_config_write(0x10 + i * 4, 4, i == 0 ? (uint32_t)BENCH_MEMORY : 0);
	}
	bench_config_write(4, 2, 7);
	fake_start(fake);
	fake_poll(fake, 0);
}

static inline void bench_free(void)
{
	ck_assert_msg(bench.fake->fault_count == 0, "%s", bench.fake->fault);
	ck_assert_uint_eq(bench.bus.mapped, 0);
	net_peer_clear(&bench.peer);
	fake_free(bench.fake);
}

/* Save, lose all, and load. */
static inline void bench_reload(void)
{
	fake_stop(bench.fake);
	struct fake_state *state = fake_save(bench.card);
	ck_assert_int_eq(state->status, 0);
	uint32_t line = bench.bus.intx;
	ck_assert(fake_round_trip(bench.card));
	fake_reset(bench.fake, VMM_RESET_POWER);
	ck_assert_int_eq(fake_load(bench.card, state), 0);
	bench.bus.intx = line; /* the bus's to save */
	fake_state_free(state);
	fake_start(bench.fake);
}

/* ---- frames, and what should become of them, done in the plainest way ---- */

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

/* RFC 1071, a word at a time. */
static inline uint32_t plain_sum(uint32_t sum, const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		sum += (i & 1) != 0 ? data[i] : (uint32_t)data[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

struct plain_packet {
	uint32_t version, protocol, payload; /* 4 or 6; 6 or 17; bytes */
	uint32_t vlan;                       /* 0: no tag */
};

static inline uint32_t packet_ip(const struct plain_packet *packet)
{
	return packet->vlan != 0 ? 18 : 14;
}

static inline uint32_t packet_transport(const struct plain_packet *packet)
{
	return packet_ip(packet) + (packet->version == 4 ? 20 : 40);
}

static inline uint32_t packet_header(const struct plain_packet *packet)
{
	return packet_transport(packet) + (packet->protocol == 6 ? 20 : 8);
}

static inline uint32_t packet_sum_at(const struct plain_packet *packet)
{
	return packet_transport(packet) + (packet->protocol == 6 ? 16 : 6);
}

/* The sum of the pseudo header, with a length. */
static inline uint32_t packet_pseudo(const uint8_t *frame, const struct plain_packet *packet, uint32_t length)
{
	const uint8_t *ip = frame + packet_ip(packet);
	uint32_t sum = packet->protocol + length;
	return packet->version == 4 ? plain_sum(sum, ip + 12, 8) : plain_sum(sum, ip + 8, 32);
}

/* A whole packet with right checksums; `sequence` is TCP's and the payload's pattern.  Its length. */
static inline uint32_t packet_make(uint8_t *frame, const struct plain_packet *packet, uint32_t sequence)
{
	static const uint8_t addresses[12] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1 };
	uint32_t ip = packet_ip(packet);
	uint32_t transport = packet_transport(packet);
	uint32_t header = packet_header(packet);
	uint32_t length = header - transport + packet->payload;
	memset(frame, 0, header);
	memcpy(frame, addresses, 12);
	if (packet->vlan != 0) {
		put16(frame + 12, 0x8100);
		put16(frame + 14, packet->vlan);
	}
	put16(frame + ip - 2, packet->version == 4 ? 0x0800 : 0x86dd);
	for (uint32_t i = 0; i < packet->payload; i++)
		frame[header + i] = (uint8_t)((sequence + i) * 7 + ((sequence + i) >> 8));
	if (packet->version == 4) {
		frame[ip] = 0x45;
		put16(frame + ip + 2, 20 + length);
		put16(frame + ip + 4, 0x1234);
		frame[ip + 6] = 0x40;
		frame[ip + 8] = 64;
		frame[ip + 9] = (uint8_t)packet->protocol;
		memcpy(frame + ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
		put16(frame + ip + 10, ~plain_sum(0, frame + ip, 20) & 0xffff);
	} else {
		frame[ip] = 0x60;
		put16(frame + ip + 4, length);
		frame[ip + 6] = (uint8_t)packet->protocol;
		frame[ip + 7] = 64;
		for (uint32_t i = 0; i < 32; i++)
			frame[ip + 8 + i] = (uint8_t)(0xfe - i * 3);
	}
	put16(frame + transport, 1025);
	put16(frame + transport + 2, 80);
	if (packet->protocol == 6) {
		put16(frame + transport + 4, sequence >> 16);
		put16(frame + transport + 6, sequence);
		frame[transport + 12] = 0x50;
		frame[transport + 13] = 0x10;
		put16(frame + transport + 14, 0x7210);
	} else {
		put16(frame + transport + 4, length);
	}
	uint32_t sum = plain_sum(packet_pseudo(frame, packet, length), frame + transport, length);
	sum = ~sum & 0xffff;
	put16(frame + packet_sum_at(packet), sum == 0 && packet->protocol == 17 ? 0xffff : sum);
	return transport + length;
}

/* The check sequence (IEEE 802.3, 3.2.9), a bit at a time. */
static inline uint32_t plain_crc(const uint8_t *data, uint32_t length)
{
	uint32_t crc = UINT32_MAX;
	for (uint32_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (uint32_t k = 0; k < 8; k++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
	}
	return ~crc;
}

#endif
