/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A bench for the e1000: its registers and rings, as a driver has them.
 */
#ifndef E1000_BENCH_H
#define E1000_BENCH_H

#include "net_bench.h"

#include "../../plugins/e1000/e1000.h"

#define TX_RING   0x10000u
#define RX_RING   0x20000u
#define TX_BUFFER 0x100000u
#define RX_BUFFER 0x200000u
#define RX_STRIDE 0x4000u
#define TX_COUNT  32u
#define RX_COUNT  16u

#define EOP  0x01000000u
#define IFCS 0x02000000u
#define IC   0x04000000u
#define TSE  0x04000000u
#define RS   0x08000000u
#define DEXT 0x20000000u
#define VLE  0x40000000u
#define IDE  0x80000000u
#define DATA 0x00100000u
#define IXSM 0x100u
#define TXSM 0x200u

static uint8_t frame[VMM_NET_FRAME_MAXIMUM], other[VMM_NET_FRAME_MAXIMUM];

static inline uint32_t get(uint32_t offset)
{
	uint32_t value = 0;
	fake_read(bench.fake, BENCH_MEMORY + offset, &value, 4);
	return value;
}

static inline void set(uint32_t offset, uint32_t value)
{
	fake_write(bench.fake, BENCH_MEMORY + offset, &value, 4);
}

static uint32_t tx_tail;

/* One descriptor more; the card is told later. */
static inline void tx_put(uint64_t address, uint32_t lower, uint32_t upper)
{
	const uint32_t words[4] = { (uint32_t)address, (uint32_t)(address >> 32), lower, upper };
	fake_write(bench.fake, TX_RING + tx_tail * 16, words, sizeof(words));
	tx_tail = (tx_tail + 1) % TX_COUNT;
}

static inline void tx_go(void)
{
	set(TDT, tx_tail);
}

static inline uint32_t tx_status(uint32_t index)
{
	uint8_t status;
	fake_read(bench.fake, TX_RING + index * 16 + 12, &status, 1);
	return status;
}

static inline void context_put(const struct plain_packet *packet, uint32_t command, uint32_t header, uint32_t mss)
{
	uint32_t ip = packet_ip(packet);
	uint32_t transport = packet_transport(packet);
	uint32_t low = ip | (ip + 10) << 8 | (packet->version == 4 ? transport - 1 : 0) << 16;
	uint32_t high = transport | packet_sum_at(packet) << 8;
	command |= (packet->version == 4 ? TUCMD_IP : 0u) | (packet->protocol == 6 ? TUCMD_TCP : 0u);
	tx_put((uint64_t)high << 32 | low, command << 24 | DEXT | packet->payload, mss << 16 | header << 8);
}

static inline void rx_fill(void)
{
	for (uint32_t i = 0; i < RX_COUNT; i++) {
		const uint64_t words[2] = { RX_BUFFER + i * RX_STRIDE, 0 };
		fake_write(bench.fake, RX_RING + i * 16, words, sizeof(words));
	}
}

struct rx {
	uint64_t address;
	uint16_t length, sum;
	uint8_t status, errors;
	uint16_t special;
};

static inline struct rx rx_get(uint32_t index)
{
	struct rx rx;
	fake_read(bench.fake, RX_RING + index * 16, &rx, sizeof(rx));
	return rx;
}

static inline void setup_in(struct fake *fake, uint64_t capabilities)
{
	bench_init(fake, "e1000", capabilities);
	tx_tail = 0;
	set(CTRL, get(CTRL) | CTRL_SLU);
	set(TDBAL, TX_RING);
	set(TDLEN, TX_COUNT * 16);
	set(TCTL, TCTL_EN);
	rx_fill();
	set(RDBAL, RX_RING);
	set(RDLEN, RX_COUNT * 16);
	set(RDT, RX_COUNT - 1);
	set(RCTL, RCTL_EN | RCTL_BAM | RCTL_UPE);
	set(IMS, ICR_ALL);
	get(ICR);
	bench.bus.rises = 0;
}

static inline void setup(uint64_t capabilities)
{
	setup_in(fake_new(), capabilities);
}

static inline uint32_t phy_get(uint32_t number)
{
	set(MDIC, 0x08200000 | number << 16);
	ck_assert_uint_eq(get(MDIC) >> 28, 1);
	return get(MDIC) & 0xffff;
}

static inline void phy_set(uint32_t number, uint32_t value)
{
	set(MDIC, 0x04200000 | number << 16 | value);
}

/* A frame comes; what the guest has of it, from `first` on, in descriptors of `size`. */
static inline uint32_t rx_collect(uint32_t first, uint32_t size, uint8_t *data, struct rx *last)
{
	uint32_t length = 0;
	for (uint32_t i = first;; i = (i + 1) % RX_COUNT) {
		*last = rx_get(i);
		ck_assert_uint_eq(last->status & RX_DD, RX_DD);
		ck_assert_uint_le(last->length, size);
		fake_read(bench.fake, last->address, data + length, last->length);
		length += last->length;
		if ((last->status & RX_EOP) != 0)
			return length;
		ck_assert_uint_eq(last->length, size);
	}
}

#endif
