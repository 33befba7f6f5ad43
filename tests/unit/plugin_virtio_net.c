/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* virtio-net, and the kit's virtio device and queues, as a driver and a hostile one use them. */
#include "net_peer.h"
#include "virtio_driver.h"

#define RX   0u
#define TX   1u
#define CTRL 2u

#define HEADER 12u

#define CSUM       (UINT64_C(1) << 0)
#define GUEST_CSUM (UINT64_C(1) << 1)
#define HOST_TSO4  (UINT64_C(1) << 11)
#define MRG_RXBUF  (UINT64_C(1) << 15)
#define STATUS     (UINT64_C(1) << 16)
#define CTRL_VQ    (UINT64_C(1) << 17)
#define CTRL_RX    (UINT64_C(1) << 18)
#define CTRL_VLAN  (UINT64_C(1) << 19)
#define MQ         (UINT64_C(1) << 22)

#define BASIC (VMM_VIRTIO_VERSION_1 | MRG_RXBUF | STATUS | CTRL_VQ | CTRL_RX)

#define TX_AT 0x400000u
#define RX_AT 0x500000u

static struct driver driver;
static struct net_peer peer;
static struct fake_instance *card;

static const uint8_t ours[6] = { 0x52, 0x54, 0, 1, 2, 3 };

static void begin(uint64_t features, uint64_t capabilities)
{
	struct fake *fake = fake_new();

	memset(&driver, 0, sizeof(driver));
	memset(&peer, 0, sizeof(peer));
	fake_set(fake, "net0", "mac", "52:54:00:01:02:03");
	fake_set(fake, "net0", "rom", "");
	card = fake_add(fake, "virtio-net", "net0");
	pci_bench_join(&driver.bench, card);
	net_peer_join(&peer, card, capabilities);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	driver_find(&driver);
	if (features == 0)
		return;
	ck_assert(driver_negotiate(&driver, features));
	for (uint32_t i = RX; i <= CTRL; i++)
		driver_queue(&driver, i, VMM_VIRTIO_NO_VECTOR);
	driver_ok(&driver);
}

static void end(void)
{
	struct fake *fake = driver.bench.fake;

	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	ck_assert_uint_eq(driver.bench.mapped, 0);
	net_peer_clear(&peer);
	fake_free(fake);
}

static void frame_fill(uint8_t *frame, uint32_t length, uint8_t seed)
{
	memset(frame, 0, 14);
	memcpy(frame, ours, 6);
	frame[6] = 2;
	frame[12] = 0x88;
	frame[13] = 0xb5; /* a type for experiments */
	for (uint32_t i = 14; i < length; i++)
		frame[i] = (uint8_t)(seed + i * 7);
}

/* A frame behind an empty header, in buffers of these lengths. */
static uint32_t tx_offer(uint32_t slot, const uint8_t *frame, uint32_t length, const uint32_t *lengths, uint32_t count)
{
	static const uint8_t header[HEADER];
	uint64_t at = TX_AT + slot * UINT64_C(0x12000);

	fake_write(driver.bench.fake, at, header, HEADER);
	fake_write(driver.bench.fake, at + HEADER, frame, length);
	return driver_chain(&driver, TX, at, lengths, count, 0);
}

START_TEST(shows_itself)
{
	begin(0, 0);
	ck_assert_uint_eq(pci_bench_config(&driver.bench, 0, 4), 0x10411af4);
	ck_assert_uint_eq(pci_bench_config(&driver.bench, 8, 4), 0x02000001);
	ck_assert_uint_eq(driver_get(&driver, driver.common + 0x12, 2), 3);
	ck_assert_uint_eq(driver_features(&driver) & (BASIC | CSUM | HOST_TSO4), BASIC | CSUM | HOST_TSO4);
	ck_assert_uint_eq(driver_features(&driver) & MQ, 0);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_uint_eq(driver_get(&driver, driver.config + i, 1), ours[i]);
	ck_assert_uint_eq(driver_get(&driver, driver.config + 6, 2) & 1, 1);
	/* The way through configuration space finds the same. */
	uint32_t access = 0;
	for (uint32_t i = 0, cap; (cap = pci_bench_capability(&driver.bench, VMM_PCI_CAP_VENDOR, i)) != 0; i++)
		if (pci_bench_config(&driver.bench, cap + 3, 1) == 5)
			access = cap;
	ck_assert_uint_ne(access, 0);
	pci_bench_configure(&driver.bench, access + 4, 1, 4);
	pci_bench_configure(&driver.bench, access + 8, 4, 0x2000);
	pci_bench_configure(&driver.bench, access + 12, 4, 4);
	ck_assert_uint_eq(pci_bench_config(&driver.bench, access + 16, 4), 0x01005452);
	pci_bench_configure(&driver.bench, access + 8, 4, 0x16);
	pci_bench_configure(&driver.bench, access + 12, 4, 2);
	pci_bench_configure(&driver.bench, access + 16, 4, 2);
	ck_assert_uint_eq(driver_get(&driver, driver.common + 0x16, 2), 2);
	/* what would be outside is not done */
	pci_bench_configure(&driver.bench, access + 8, 4, 0xfffffffe);
	pci_bench_configure(&driver.bench, access + 16, 4, 7);
	end();
}
END_TEST

START_TEST(negotiates)
{
	begin(0, 0);
	ck_assert(!driver_negotiate(&driver, BASIC & ~VMM_VIRTIO_VERSION_1));
	ck_assert(!driver_negotiate(&driver, BASIC | UINT64_C(1) << 40));
	ck_assert(driver_negotiate(&driver, BASIC));
	/* features are fixed now */
	driver_set(&driver, driver.common + 8, 4, 0);
	driver_set(&driver, driver.common + 0xc, 4, 0xffffffff);
	ck_assert_uint_eq(driver_get(&driver, driver.common + 0xc, 4), (uint32_t)BASIC);
	/* a queue is not moved while it is on */
	driver_queue(&driver, TX, 0);
	driver_set(&driver, driver.common + 0x20, 4, 0x77770);
	ck_assert_uint_eq(driver_get(&driver, driver.common + 0x20, 4), driver.queues[TX].at);
	ck_assert(fake_round_trip(card));
	driver_set(&driver, driver.common + 0x14, 1, 0);
	ck_assert_uint_eq(driver_get(&driver, driver.common + 0x14, 1), 0);
	driver_set(&driver, driver.common + 0x16, 2, TX);
	ck_assert_uint_eq(driver_get(&driver, driver.common + 0x1c, 2), 0);
	end();
}
END_TEST

START_TEST(sends)
{
	static const uint32_t one[] = { HEADER + 60 }, header_apart[] = { HEADER, 1000 },
			      split[] = { 5, 7 + 3, 11, HEADER + 2979 - 26 }, large[] = { HEADER, 3000, 3000, 3000 };
	static const struct {
		const uint32_t *lengths;
		uint32_t count, length;
	} rows[] = { { one, 1, 60 }, { header_apart, 2, 1000 }, { split, 4, 2979 }, { large, 4, 9000 } };
	uint8_t frame[9000];
	uint32_t length;

	begin(BASIC, 0);
	for (uint32_t round = 0; round < 12; round++) {
		for (uint32_t i = 0; i < VMM_KIT_COUNT(rows); i++) {
			frame_fill(frame, rows[i].length, (uint8_t)(round + i));
			uint32_t head = tx_offer(i, frame, rows[i].length, rows[i].lengths, rows[i].count);
			driver_notify(&driver, TX);
			ck_assert_uint_eq(peer.count, 1);
			ck_assert_uint_eq(peer.frames[0].length, rows[i].length);
			ck_assert_mem_eq(peer.frames[0].data, frame, rows[i].length);
			ck_assert_int_eq(driver_used(&driver, TX, &length), (int32_t)head);
			ck_assert_int_eq(driver_used(&driver, TX, &length), -1);
			net_peer_clear(&peer);
		}
		ck_assert(fake_round_trip(card));
	}
	end();
}
END_TEST

START_TEST(sends_what_is_indirect)
{
	uint8_t frame[400];
	uint32_t length;
	const uint64_t table = 0x380000;

	begin(BASIC | VMM_VIRTIO_RING_INDIRECT, 0);
	frame_fill(frame, sizeof(frame), 3);
	fake_write(driver.bench.fake, TX_AT + HEADER, frame, sizeof(frame));
	driver_descriptor(&driver, table, 0, TX_AT, HEADER, NEXT, 2);
	driver_descriptor(&driver, table, 2, TX_AT + HEADER, sizeof(frame), 0, 0);
	driver_descriptor(&driver, driver.queues[TX].at, 5, table, 3 * 16, INDIRECT, 0);
	driver_offer(&driver, TX, 5);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(peer.count, 1);
	ck_assert_mem_eq(peer.frames[0].data, frame, sizeof(frame));
	ck_assert_int_eq(driver_used(&driver, TX, &length), 5);
	end();
}
END_TEST

START_TEST(waits_for_the_network)
{
	static const uint32_t lengths[] = { HEADER + 100 };
	uint8_t frame[100];
	uint32_t length;

	begin(BASIC, 0);
	peer.room = 3;
	for (uint32_t i = 0; i < 8; i++) {
		frame_fill(frame, sizeof(frame), (uint8_t)i);
		tx_offer(i, frame, sizeof(frame), lengths, 1);
	}
	driver_notify(&driver, TX);
	ck_assert_uint_eq(peer.count, 3);
	for (int32_t i = 0; i < 3; i++)
		ck_assert_int_eq(driver_used(&driver, TX, &length), i);
	ck_assert_int_eq(driver_used(&driver, TX, &length), -1);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(peer.count, 3);
	peer.room = 0;
	fake_stop(driver.bench.fake);
	ck_assert(fake_round_trip(card));
	fake_start(driver.bench.fake);
	peer.room = 100;
	peer.upper->writable(peer.upper_self);
	fake_poll(driver.bench.fake, 0);
	ck_assert_uint_eq(peer.count, 8);
	for (uint32_t i = 0; i < 8; i++) {
		frame_fill(frame, sizeof(frame), (uint8_t)i);
		ck_assert_mem_eq(peer.frames[i].data, frame, sizeof(frame));
	}
	for (int32_t i = 3; i < 8; i++)
		ck_assert_int_eq(driver_used(&driver, TX, &length), i);
	end();
}
END_TEST

/* A TCP segment of so many bytes, the pseudo header's sum in its checksum. */
static uint32_t tcp_fill(uint8_t *frame, uint32_t payload)
{
	uint32_t total = 40 + payload;

	memset(frame, 0, 54);
	memcpy(frame, ours, 6);
	frame[6] = 2;
	frame[12] = 8;
	uint8_t *ip = frame + 14, *tcp = ip + 20;
	ip[0] = 0x45;
	ip[2] = (uint8_t)(total >> 8);
	ip[3] = (uint8_t)total;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
	uint16_t sum = vmm_net_sum_fold(vmm_net_sum(0, ip, 20));
	memcpy(ip + 10, &sum, 2);
	tcp[0] = 0x12;
	tcp[12] = 5 << 4;
	tcp[13] = 0x18;
	for (uint32_t i = 0; i < payload; i++)
		tcp[20 + i] = (uint8_t)(i * 13 + (i >> 8));
	const uint8_t pseudo[4] = { 0, 6, (uint8_t)((20 + payload) >> 8), (uint8_t)(20 + payload) };
	uint32_t whole = vmm_net_sum(vmm_net_sum(0, ip + 12, 8), pseudo, 4);
	sum = (uint16_t)~vmm_net_sum_fold(whole);
	memcpy(tcp + 16, &sum, 2);
	return 54 + payload;
}

static uint32_t tcp_is_right(const uint8_t *frame, uint32_t length)
{
	const uint8_t pseudo[4] = { 0, 6, (uint8_t)((length - 34) >> 8), (uint8_t)(length - 34) };
	uint32_t sum = vmm_net_sum(vmm_net_sum(0, frame + 26, 8), pseudo, 4);

	return vmm_net_sum_fold(vmm_net_sum(sum, frame + 34, length - 34)) == 0 &&
		vmm_net_sum_fold(vmm_net_sum(0, frame + 14, 20)) == 0;
}

/* What the network cannot do is done before; what it can is left to it. */
START_TEST(cuts_what_the_network_cannot)
{
	static uint8_t frame[30100];
	const uint32_t payload = 30000, mss = 1460;

	for (uint32_t able = 0; able < 2; able++) {
		uint8_t header[HEADER] = { 1, 1, 54, 0, mss & 0xff, mss >> 8, 34, 0, 16, 0 };
		uint32_t at = 0, length;

		begin(BASIC | CSUM | HOST_TSO4, able ? VMM_NET_CHECKSUM | VMM_NET_TCP4 : 0);
		length = tcp_fill(frame, payload);
		fake_write(driver.bench.fake, TX_AT, header, HEADER);
		fake_write(driver.bench.fake, TX_AT + HEADER, frame, length);
		driver_chain(&driver, TX, TX_AT, (const uint32_t[]){ HEADER + 1000, length - 1000 }, 2, 0);
		driver_notify(&driver, TX);
		ck_assert_uint_eq(peer.count, able ? 1 : (payload + mss - 1) / mss);
		if (able) {
			ck_assert_uint_eq(peer.frames[0].frame.segmentation, VMM_NET_SEGMENT_TCP4);
			ck_assert_uint_eq(peer.frames[0].frame.segment_size, mss);
			ck_assert_uint_eq(peer.frames[0].frame.header_length, 54);
			ck_assert_mem_eq(peer.frames[0].data, frame, length);
		}
		for (uint32_t i = 0; i < peer.count && !able; i++) {
			const struct net_peer_frame *got = &peer.frames[i];
			ck_assert(tcp_is_right(got->data, got->length));
			ck_assert_mem_eq(got->data + 54, frame + 54 + at, got->length - 54);
			at += got->length - 54;
		}
		ck_assert_uint_eq(at, able ? 0 : payload);
		end();
	}
}
END_TEST

START_TEST(receives)
{
	static const uint32_t lengths[] = { 700, 200, 1600, 40, 3000 };
	uint8_t frame[5000], got[8192];
	uint32_t used[16], count = 0, length;

	for (uint32_t merge = 0; merge < 2; merge++) {
		begin(merge ? BASIC : BASIC & ~MRG_RXBUF, 0);
		frame_fill(frame, sizeof(frame), 9);
		/* none: it is offered again when there is */
		ck_assert_uint_eq(net_peer_pass(&peer, frame, 3000, 0), 0);
		uint32_t readables = peer.readables;
		for (uint32_t i = 0; i < 5; i++)
			driver_chain(&driver, RX, RX_AT + i * UINT64_C(0x10000), &lengths[i], 1, WRITE);
		driver_notify(&driver, RX);
		fake_poll(driver.bench.fake, 0);
		ck_assert_uint_gt(peer.readables, readables);
		if (!merge) {
			/* too long for the buffer: dropped, the buffer is still there */
			ck_assert_uint_eq(net_peer_pass(&peer, frame, 3000, 0), 1);
			ck_assert_int_eq(driver_used(&driver, RX, &length), -1);
			ck_assert_uint_eq(net_peer_pass(&peer, frame, 688, 0), 1);
			ck_assert_int_eq(driver_used(&driver, RX, &length), 0);
			ck_assert_uint_eq(length, 700);
			ck_assert_uint_eq(driver_get(&driver, RX_AT + 10, 2), 1);
			end();
			continue;
		}
		ck_assert_uint_eq(net_peer_pass(&peer, frame, 3000, 0), 1);
		uint32_t at = 0;
		for (count = 0; driver_used(&driver, RX, &used[count]) >= 0; count++) {
			fake_read(driver.bench.fake, RX_AT + count * UINT64_C(0x10000), got + at, used[count]);
			at += used[count];
		}
		ck_assert_uint_eq(count, 5);
		ck_assert_uint_eq(at, HEADER + 3000);
		ck_assert_mem_eq(got + HEADER, frame, 3000);
		ck_assert_uint_eq(got[10], 5); /* num_buffers */
		/* what is not for us is taken and dropped */
		frame[5] ^= 1;
		ck_assert_uint_eq(net_peer_pass(&peer, frame, 100, 0), 1);
		ck_assert_int_eq(driver_used(&driver, RX, &length), -1);
		ck_assert(fake_round_trip(card));
		end();
	}
}
END_TEST

START_TEST(interrupts)
{
	static const uint32_t lengths[] = { HEADER + 60 };
	uint8_t frame[60];
	uint32_t length;

	frame_fill(frame, sizeof(frame), 1);
	/* INTA#, until the status is read; not if the driver does not want it */
	begin(BASIC, 0);
	tx_offer(0, frame, sizeof(frame), lengths, 1);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(driver.bench.intx, 1);
	ck_assert_uint_eq(driver_get(&driver, driver.isr, 1), 1);
	ck_assert_uint_eq(driver.bench.intx, 0);
	driver_set(&driver, driver.queues[TX].at + 0x1000, 2, 1);
	tx_offer(1, frame, sizeof(frame), lengths, 1);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(driver.bench.intx, 0);
	end();
	/* messages, and the index at which one is wanted */
	begin(0, 0);
	uint32_t cap = pci_bench_capability(&driver.bench, VMM_PCI_CAP_MSIX, 0);
	uint64_t table = driver.bench.bar_address[4] + (pci_bench_config(&driver.bench, cap + 4, 4) & ~7u);
	ck_assert_uint_eq(pci_bench_config(&driver.bench, cap + 2, 2), 3);
	ck_assert(driver_negotiate(&driver, BASIC | VMM_VIRTIO_RING_EVENT));
	pci_bench_configure(&driver.bench, cap + 2, 2, 0x8000);
	driver_set(&driver, table + 16, 4, 0xfee01000);
	driver_set(&driver, table + 24, 4, 0x4021);
	for (uint32_t i = RX; i <= CTRL; i++)
		driver_queue(&driver, i, i == TX ? 1 : VMM_VIRTIO_NO_VECTOR);
	driver_ok(&driver);
	tx_offer(0, frame, sizeof(frame), lengths, 1);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(driver.bench.messages, 0); /* masked: it waits */
	ck_assert_uint_eq(driver_get(&driver, table + 0x1000, 4), 2);
	ck_assert(fake_round_trip(card));
	driver_set(&driver, table + 28, 4, 0);
	ck_assert_uint_eq(driver.bench.messages, 1);
	ck_assert_uint_eq(driver.bench.message_address, 0xfee01000);
	ck_assert_uint_eq(driver.bench.message_data, 0x4021);
	/* used_event is 2: not for the second chain, but for the third */
	driver_set(&driver, driver.queues[TX].at + 0x1000 + 4 + QUEUE_SIZE * 2, 2, 2);
	tx_offer(1, frame, sizeof(frame), lengths, 1);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(driver.bench.messages, 1);
	tx_offer(2, frame, sizeof(frame), lengths, 1);
	driver_notify(&driver, TX);
	ck_assert_uint_eq(driver.bench.messages, 2);
	while (driver_used(&driver, TX, &length) >= 0)
		;
	ck_assert_uint_eq(driver.queues[TX].used, 3);
	end();
}
END_TEST

static uint8_t command(const void *bytes, uint32_t length)
{
	const uint32_t lengths[2] = { length, 1 };
	uint32_t given;

	fake_write(driver.bench.fake, 0x600000, bytes, length);
	driver_set(&driver, 0x600000 + length, 1, 0x55);
	struct driver_queue *queue = &driver.queues[CTRL];
	uint32_t head = queue->free % QUEUE_SIZE, next = (head + 1) % QUEUE_SIZE;
	driver_descriptor(&driver, queue->at, head, 0x600000, lengths[0], NEXT, next);
	driver_descriptor(&driver, queue->at, next, 0x600000 + length, 1, WRITE, 0);
	queue->free = (uint16_t)(queue->free + 2);
	driver_offer(&driver, CTRL, head);
	driver_notify(&driver, CTRL);
	ck_assert_int_eq(driver_used(&driver, CTRL, &given), (int32_t)head);
	return (uint8_t)driver_get(&driver, 0x600000 + length, 1);
}

START_TEST(filters)
{
	static const uint8_t table[] = { 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 9, 1, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1 };
	static const uint32_t room[] = { 2000 };
	uint8_t frame[100];
	uint32_t length;

	begin(BASIC | CTRL_VLAN, 0);
	ck_assert_uint_eq(peer.wants.address_count, 1);
	ck_assert_mem_eq(peer.addresses[0].bytes, ours, 6);
	ck_assert_uint_eq(command("\0\0\1", 3), 0);
	ck_assert_uint_eq(peer.wants.flags, VMM_NET_PROMISCUOUS | VMM_NET_BROADCAST);
	ck_assert_uint_eq(command("\0\0\0", 3), 0);
	ck_assert_uint_eq(command("\0\5\1", 3), 0);
	ck_assert_uint_eq(peer.wants.flags, 0);
	ck_assert_uint_eq(command("\0\7\1", 3), 1);
	ck_assert_uint_eq(command("\0\0", 2), 1);
	ck_assert_uint_eq(command("\x9\0\0", 3), 1);
	ck_assert_uint_eq(command(table, sizeof(table)), 0);
	ck_assert_uint_eq(peer.wants.address_count, 3);
	ck_assert_mem_eq(peer.addresses[1].bytes, table + 6, 6);
	ck_assert_mem_eq(peer.addresses[2].bytes, table + 16, 6);
	ck_assert(fake_round_trip(card));
	/* more addresses than there are bytes: everything is let through, and the driver is told */
	uint8_t broken[sizeof(table)];
	memcpy(broken, table, sizeof(table));
	broken[5] = 0x40;
	ck_assert_uint_eq(command(broken, sizeof(broken)), 1);
	ck_assert_uint_ne(peer.wants.flags & VMM_NET_PROMISCUOUS, 0);
	ck_assert_uint_eq(command(table, sizeof(table)), 0);
	/* a VLAN that was not asked for does not come in */
	for (uint32_t i = 0; i < 4; i++)
		driver_chain(&driver, RX, RX_AT + i * UINT64_C(0x10000), room, 1, WRITE);
	driver_notify(&driver, RX);
	frame_fill(frame, sizeof(frame), 1);
	memcpy(frame + 12, "\x81\x00\x00\x07", 4);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, sizeof(frame), 0), 1);
	ck_assert_int_eq(driver_used(&driver, RX, &length), -1);
	ck_assert_uint_eq(command("\2\0\7\0", 4), 0);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, sizeof(frame), 0), 1);
	ck_assert_int_eq(driver_used(&driver, RX, &length), 0);
	ck_assert_uint_eq(command("\2\1\7\0", 4), 0);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, sizeof(frame), 0), 1);
	ck_assert_int_eq(driver_used(&driver, RX, &length), -1);
	end();
}
END_TEST

/* A driver that goes by event indices notifies of each command, or waits for its answer for ever. */
START_TEST(hears_every_command)
{
	begin(BASIC | VMM_VIRTIO_RING_EVENT, 0);
	for (uint32_t i = 0; i < 5; i++) {
		uint64_t event = driver.queues[CTRL].at + 0x2000 + 4 + QUEUE_SIZE * UINT64_C(8);

		ck_assert_uint_eq(driver_get(&driver, event, 2), i);
		ck_assert_uint_eq(command("\0\0\1", 3), 0);
	}
	end();
}
END_TEST

START_TEST(link_is_seen)
{
	begin(BASIC, 0);
	driver_get(&driver, driver.isr, 1);
	uint64_t generation = driver_get(&driver, driver.common + 0x15, 1);
	net_peer_cable(card, 0);
	fake_poll(driver.bench.fake, 0);
	ck_assert_uint_eq(driver_get(&driver, driver.config + 6, 2), 0);
	ck_assert_uint_eq(driver_get(&driver, driver.isr, 1), 2);
	ck_assert_uint_ne(driver_get(&driver, driver.common + 0x15, 1), generation);
	net_peer_cable(card, 1);
	fake_advance(driver.bench.fake, UINT64_C(5000000000));
	fake_poll(driver.bench.fake, 0);
	ck_assert_uint_eq(driver_get(&driver, driver.config + 6, 2), 1);
	end();
}
END_TEST

/* What a driver must not do is told, hurts nobody, and ends with a reset. */
START_TEST(bears_a_hostile_driver)
{
	for (uint32_t i = 0; i < 10; i++) {
		uint64_t table;

		begin(BASIC | VMM_VIRTIO_RING_INDIRECT, 0);
		driver_get(&driver, driver.isr, 1);
		table = driver.queues[TX].at;
		driver_descriptor(&driver, table, 0, TX_AT, 100, 0, 0);
		switch (i) {
		case 0: driver_offer(&driver, TX, QUEUE_SIZE); break;
		case 1:
			driver.queues[TX].avail = QUEUE_SIZE + 5;
			driver_offer(&driver, TX, 0);
			break;
		case 2:
			driver_descriptor(&driver, table, 0, TX_AT, 100, NEXT, 0);
			driver_offer(&driver, TX, 0);
			break;
		case 3:
			driver_descriptor(&driver, table, 0, TX_AT, 100, NEXT, QUEUE_SIZE);
			driver_offer(&driver, TX, 0);
			break;
		case 4:
			driver_descriptor(&driver, table, 0, TX_AT, 100, NEXT | WRITE, 1);
			driver_descriptor(&driver, table, 1, TX_AT, 100, 0, 0);
			driver_offer(&driver, TX, 0);
			break;
		case 5:
			driver_descriptor(&driver, table, 0, TX_AT, 100, INDIRECT, 0);
			driver_offer(&driver, TX, 0);
			break;
		case 6:
			driver_descriptor(&driver, table, 0, TX_AT, 160, INDIRECT | NEXT, 0);
			driver_offer(&driver, TX, 0);
			break;
		case 7: /* an indirect table in an indirect table */
			driver_descriptor(&driver, table, 0, 0x380000, 16, INDIRECT, 0);
			driver_descriptor(&driver, 0x380000, 0, 0x380000, 16, INDIRECT, 0);
			driver_offer(&driver, TX, 0);
			break;
		case 8:
			driver_descriptor(&driver, table, 0, ~UINT64_C(0), 100, 0, 0);
			driver_offer(&driver, TX, 0);
			break;
		default:
			driver_descriptor(&driver, table, 0, TX_AT, 0xfffffff0, INDIRECT, 0);
			driver_offer(&driver, TX, 0);
			break;
		}
		driver_notify(&driver, TX);
		ck_assert_msg((driver_status(&driver) & VMM_VIRTIO_NEEDS_RESET) != 0, "case %u", i);
		ck_assert_uint_eq(driver_get(&driver, driver.isr, 1) & 2, 2);
		ck_assert_uint_eq(peer.count, 0);
		driver_notify(&driver, TX);
		ck_assert(fake_round_trip(card));
		ck_assert(driver_negotiate(&driver, BASIC));
		driver_queue(&driver, TX, VMM_VIRTIO_NO_VECTOR);
		driver_ok(&driver);
		uint8_t frame[60];
		frame_fill(frame, sizeof(frame), 1);
		tx_offer(0, frame, sizeof(frame), (const uint32_t[]){ HEADER + 60 }, 1);
		driver_notify(&driver, TX);
		ck_assert_uint_eq(peer.count, 1);
		end();
	}
}
END_TEST

/* Frames that are none, and headers that ask for what cannot be, are given back and not sent. */
START_TEST(drops_what_is_no_frame)
{
	static const uint8_t headers[][HEADER] = {
		{ 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0 },      /* a checksum from outside on */
		{ 0, 1, 54, 0, 0xb4, 5, 34, 0, 16, 0 },      /* segments without a checksum */
		{ 1, 1, 54, 0, 0, 0, 34, 0, 16, 0 },         /* of no size */
		{ 1, 3, 54, 0, 0xb4, 5, 34, 0, 16, 0 },      /* a kind that was not offered */
		{ 1, 1, 54, 0, 0xb4, 5, 0xf0, 0xff, 16, 0 }, /* TCP beyond the end */
	};
	uint8_t frame[200];
	uint32_t length;

	begin(BASIC | CSUM | HOST_TSO4, 0);
	tcp_fill(frame, 146);
	for (uint32_t i = 0; i < VMM_KIT_COUNT(headers); i++) {
		uint32_t head = tx_offer(i, frame, sizeof(frame), (const uint32_t[]){ HEADER + 200 }, 1);
		fake_write(driver.bench.fake, TX_AT + i * UINT64_C(0x12000), headers[i], HEADER);
		driver_notify(&driver, TX);
		ck_assert_msg(peer.count == 0, "header %u", i);
		ck_assert_int_eq(driver_used(&driver, TX, &length), (int32_t)head);
	}
	static const uint32_t lengths[] = { 0, 3, HEADER, HEADER + 13 };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(lengths); i++) {
		uint32_t head = tx_offer(i, frame, sizeof(frame), &lengths[i], 1);
		driver_notify(&driver, TX);
		ck_assert_uint_eq(peer.count, 0);
		ck_assert_int_eq(driver_used(&driver, TX, &length), (int32_t)head);
	}
	ck_assert_uint_eq(driver_status(&driver), 15);
	end();
}
END_TEST

PLUGIN_TEST_MAIN("virtio-net", shows_itself, negotiates, sends, sends_what_is_indirect, waits_for_the_network,
	cuts_what_the_network_cannot, receives, interrupts, filters, hears_every_command, link_is_seen,
	bears_a_hostile_driver, drops_what_is_no_frame)
