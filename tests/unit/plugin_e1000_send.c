/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What the card sends, and what it does to it for the driver. */
#include "e1000_bench.h"

START_TEST(transmits)
{
	const struct plain_packet packet = { 4, 6, 1000, 0 };
	setup(0);
	uint32_t length = packet_make(frame, &packet, 5);
	fake_write(bench.fake, TX_BUFFER, frame, length);
	/* In one piece, and in three of which one is empty; more than what is copied is lent. */
	tx_put(TX_BUFFER, length | EOP | IFCS | RS, 0);
	tx_put(TX_BUFFER, 100 | IFCS, 0);
	tx_put(TX_BUFFER + 100, IFCS, 0);
	tx_put(TX_BUFFER + 100, (length - 100) | EOP | IFCS | RS, 0);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 2);
	for (uint32_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(bench.peer.frames[i].length, length);
		ck_assert_mem_eq(bench.peer.frames[i].data, frame, length);
		ck_assert_uint_gt(bench.peer.frames[i].frame.segment_count, 1);
	}
	ck_assert_uint_eq(bench.bus.maps, 2);
	ck_assert_uint_eq(get(TDH), 4);
	ck_assert_uint_eq(tx_status(0), 1);
	ck_assert_uint_eq(tx_status(1), 0);
	ck_assert_uint_eq(tx_status(3), 1);
	ck_assert_uint_eq(get(ICR), ICR_TXDW | ICR_TXQE);
	/* Memory that cannot be lent is copied. */
	bench.bus.unmappable = 1;
	tx_put(TX_BUFFER, length | EOP | IFCS, 0);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 3);
	ck_assert_uint_eq(bench.peer.frames[2].frame.segment_count, 1);
	ck_assert_mem_eq(bench.peer.frames[2].data, frame, length);
	bench.bus.unmappable = 0;
	/* With its own check sequence; with a tag. */
	tx_put(TX_BUFFER, (length + 4) | EOP, 0);
	set(CTRL, get(CTRL) | CTRL_VME);
	tx_put(TX_BUFFER, length | EOP | IFCS | VLE, 0x20640000);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 5);
	ck_assert_uint_eq(bench.peer.frames[3].length, length);
	ck_assert_uint_eq(bench.peer.frames[4].length, length + 4);
	ck_assert_mem_eq(bench.peer.frames[4].data, frame, 12);
	ck_assert_mem_eq(bench.peer.frames[4].data + 12, "\x81\x00\x20\x64", 4);
	ck_assert_mem_eq(bench.peer.frames[4].data + 16, frame + 12, length - 12);
	/* Half a frame waits for the rest. */
	tx_put(TX_BUFFER, 100 | IFCS, 0);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 5);
	tx_put(TX_BUFFER + 100, (length - 100) | EOP | IFCS, 0);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 6);
	ck_assert_mem_eq(bench.peer.frames[5].data, frame, length);
	ck_assert_uint_eq(get(GPTC), 6);
	ck_assert_uint_eq(get(GOTCL), 6 * (length + 4) + 4);
	ck_assert_uint_eq(get(GOTCL + 4), 0);
	ck_assert_uint_eq(get(GOTCL), 0);
	bench_free();
}
END_TEST

START_TEST(checksums)
{
	static const uint64_t peers[] = { 0, VMM_NET_CHECKSUM };
	for (uint32_t i = 0; i < 32; i++) {
		const struct plain_packet packet = { (i & 1) != 0 ? 6 : 4, (i & 2) != 0 ? 17 : 6,
			(i & 4) != 0 ? 1001 : 18, (i & 8) != 0 ? 5 : 0 };
		setup(peers[i >> 4]);
		uint32_t length = packet_make(frame, &packet, i * 77);
		memcpy(other, frame, length);
		/* The sum of the pseudo header is there; for IP, nothing. */
		uint32_t at = packet_sum_at(&packet);
		put16(other + at, packet_pseudo(other, &packet, length - packet_transport(&packet)));
		if (packet.version == 4)
			put16(other + packet_ip(&packet) + 10, 0);
		fake_write(bench.fake, TX_BUFFER, other, length);
		context_put(&packet, 0, 0, 0);
		tx_put(TX_BUFFER, length | DATA | DEXT | EOP | IFCS | RS, TXSM | (packet.version == 4 ? IXSM : 0));
		/* And a legacy descriptor, which does one of them. */
		memcpy(other + packet_ip(&packet) + 10, frame + packet_ip(&packet) + 10, 2);
		fake_write(bench.fake, TX_BUFFER + 0x1000, other, length);
		tx_put(TX_BUFFER + 0x1000, length | at << 16 | EOP | IFCS | IC, packet_transport(&packet) << 8);
		tx_go();
		ck_assert_uint_eq(bench.peer.count, 2);
		for (uint32_t k = 0; k < 2; k++) {
			struct net_peer_frame *sent = &bench.peer.frames[k];
			ck_assert_uint_eq(sent->length, length);
			if (peers[i >> 4] != 0) {
				/* Left to the network. */
				ck_assert_uint_eq(sent->frame.flags, VMM_NET_NEEDS_CHECKSUM);
				ck_assert_uint_eq(sent->frame.checksum_start, packet_transport(&packet));
				ck_assert_uint_eq(sent->frame.checksum_start + sent->frame.checksum_offset, at);
				memcpy(sent->data + at, frame + at, 2);
			}
			ck_assert_mem_eq(sent->data, frame, length);
		}
		bench_free();
	}
}
END_TEST

START_TEST(odd_checksums)
{
	setup(VMM_NET_CHECKSUM);
	for (uint32_t i = 0; i < 1500; i++)
		frame[i] = (uint8_t)(i * 5 + 3);
	fake_write(bench.fake, TX_BUFFER, frame, 1500);
	/* A sum that ends within the frame, far from its beginning: all of it is copied. */
	const uint64_t context = (uint64_t)(50u | 1000u << 8) << 32;
	tx_put(context | UINT64_C(1203) << 48, DEXT, 0);
	tx_put(TX_BUFFER, 1500 | DATA | DEXT | EOP | IFCS, TXSM);
	/* One that is put before its beginning. */
	tx_put((uint64_t)(100u | 20u << 8) << 32, DEXT, 0);
	tx_put(TX_BUFFER, 1500 | DATA | DEXT | EOP | IFCS, TXSM);
	/* One outside: the frame goes as it is. */
	tx_put((uint64_t)(100u | 254u << 8) << 32, DEXT, 0);
	tx_put(TX_BUFFER, 80 | DATA | DEXT | EOP | IFCS, TXSM);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 3);
	memcpy(other, frame, 1500);
	put16(other + (1000 & 0xff), ~plain_sum(0, frame + 50, 1203 - 50 + 1) & 0xffff);
	ck_assert_mem_eq(bench.peer.frames[0].data, other, 1500);
	memcpy(other, frame, 1500);
	put16(other + 20, ~plain_sum(0, frame + 100, 1400) & 0xffff);
	ck_assert_mem_eq(bench.peer.frames[1].data, other, 1500);
	ck_assert_mem_eq(bench.peer.frames[2].data, frame, 80);
	bench_free();
}
END_TEST

/* Sends `payload` bytes in segments of `mss`. */
static void segment(const struct plain_packet *packet, uint32_t mss, uint32_t vle)
{
	uint32_t header = packet_header(packet);
	uint32_t length = packet_make(frame, packet, 0);
	/* The lengths are the card's, also in the pseudo header. */
	memcpy(other, frame, length);
	put16(other + packet_sum_at(packet), packet_pseudo(other, packet, 0));
	put16(other + packet_ip(packet) + (packet->version == 4 ? 2 : 4), 0);
	if (packet->version == 4)
		put16(other + packet_ip(packet) + 10, 0);
	fake_write(bench.fake, TX_BUFFER, other, length);
	context_put(packet, TUCMD_TSE, header, mss);
	uint32_t command = DATA | DEXT | TSE | IFCS | (vle ? VLE : 0);
	tx_put(TX_BUFFER, 20 | command, TXSM | IXSM);
	for (uint32_t at = 20; at < length; at += 4000) {
		uint32_t here = length - at < 4000 ? length - at : 4000;
		tx_put(TX_BUFFER + at, here | command | (at + here == length ? EOP | RS : 0), vle ? 0x00070000 : 0);
	}
	tx_go();
}

START_TEST(segments)
{
	for (uint32_t i = 0; i < 16; i++) {
		struct plain_packet packet = { (i & 1) != 0 ? 6 : 4, (i & 2) != 0 ? 17 : 6, 20000,
			(i & 4) != 0 ? 9 : 0 };
		uint32_t mss = 1440;
		uint32_t vle = (i & 8) != 0;
		setup(0);
		set(CTRL, get(CTRL) | CTRL_VME);
		segment(&packet, mss, vle);
		ck_assert_uint_eq(bench.peer.count, 14);
		ck_assert_uint_eq(get(TDH), tx_tail);
		ck_assert_uint_eq(get(TSCTC), 1);
		ck_assert_uint_eq(get(GPTC), 14);
		for (uint32_t k = 0; k < 14; k++) {
			/* What one would have sent who did it by hand. */
			packet.payload = k < 13 ? mss : 20000 - 13 * mss;
			uint32_t length = packet_make(other, &packet, k * mss);
			uint32_t ip = packet_ip(&packet);
			if (packet.protocol == 17) {
				uint32_t transport = packet_transport(&packet);
				memcpy(other + transport + 8, frame + transport + 8 + k * mss, packet.payload);
			}
			if (packet.version == 4) {
				put16(other + ip + 4, 0x1234 + k);
				put16(other + ip + 10, 0);
				put16(other + ip + 10, ~plain_sum(0, other + ip, 20) & 0xffff);
			}
			struct net_peer_frame *sent = &bench.peer.frames[k];
			ck_assert_uint_eq(sent->length, length + (vle ? 4 : 0));
			if (vle) {
				ck_assert_mem_eq(sent->data + 12, "\x81\x00\x00\x07", 4);
				memmove(sent->data + 12, sent->data + 16, length - 12);
			}
			ck_assert_mem_eq(sent->data, other, length);
		}
		bench_free();
	}
}
END_TEST

START_TEST(segments_whole)
{
	const struct plain_packet packet = { 4, 6, 30000, 0 };
	setup(VMM_NET_CHECKSUM | VMM_NET_TCP4);
	segment(&packet, 1460, 0);
	ck_assert_uint_eq(bench.peer.count, 1);
	const struct net_peer_frame *sent = &bench.peer.frames[0];
	ck_assert_uint_eq(sent->frame.segmentation, VMM_NET_SEGMENT_TCP4);
	ck_assert_uint_eq(sent->frame.segment_size, 1460);
	ck_assert_uint_eq(sent->frame.header_length, 54);
	ck_assert_uint_gt(sent->frame.segment_count, 7);
	put16(frame + 50, packet_pseudo(frame, &packet, 30020));
	ck_assert_mem_eq(sent->data, frame, 30054);
	/* One that fits needs no cutting. */
	net_peer_clear(&bench.peer);
	const struct plain_packet small = { 4, 6, 1000, 0 };
	segment(&small, 1460, 0);
	ck_assert_uint_eq(bench.peer.count, 1);
	ck_assert_uint_eq(bench.peer.frames[0].frame.segmentation, 0);
	bench_free();
}
END_TEST

START_TEST(waits)
{
	const struct plain_packet packet = { 4, 6, 1000, 0 };
	setup(VMM_NET_CHECKSUM);
	uint32_t length = packet_make(frame, &packet, 5);
	fake_write(bench.fake, TX_BUFFER, frame, length);
	bench.peer.room = 1;
	for (uint32_t i = 0; i < 3; i++) {
		context_put(&packet, 0, 0, 0);
		tx_put(TX_BUFFER, length | DATA | DEXT | EOP | IFCS | RS, TXSM);
	}
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 1);
	/* The context is taken, the frame is not. */
	ck_assert_uint_eq(get(TDH), 3);
	ck_assert_uint_eq(tx_status(3), 0);
	bench_reload();
	ck_assert_uint_eq(get(TDH), 3);
	bench.peer.room = 100;
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(bench.peer.count, 3);
	ck_assert_uint_eq(get(TDH), 6);
	ck_assert_uint_eq(tx_status(5), 1);
	/* More than is done at once: the event loop does the rest. */
	net_peer_clear(&bench.peer);
	const struct plain_packet great = { 4, 6, 60000, 0 };
	length = packet_make(frame, &great, 5);
	fake_write(bench.fake, TX_BUFFER, frame, length);
	for (uint32_t i = 0; i < 10; i++)
		tx_put(TX_BUFFER, length | DATA | DEXT | EOP | IFCS, 0);
	tx_go();
	uint32_t at_once = bench.peer.count;
	ck_assert_uint_lt(at_once, 10);
	while (fake_poll(bench.fake, 0) != 0)
		;
	ck_assert_uint_eq(bench.peer.count, 10);
	bench_free();
}
END_TEST

START_TEST(loops_back)
{
	const struct plain_packet packet = { 4, 6, 3000, 0 };
	setup(0);
	set(RCTL, RCTL_EN | RCTL_UPE | 0x40);
	segment(&packet, 1000, 0);
	ck_assert_uint_eq(bench.peer.count, 0);
	ck_assert_uint_eq(get(RDH), 3);
	struct rx last;
	ck_assert_uint_eq(rx_collect(2, 2048, other, &last), 1058);
	ck_assert_mem_eq(other + 54, frame + 2054, 1000);
	set(RCTL, RCTL_EN | RCTL_UPE);
	net_peer_cable(bench.card, 0);
	phy_set(PHY_PCTRL, PCTRL_LOOPBACK | 0x140);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, STATUS_LU);
	tx_put(TX_BUFFER, 100 | EOP | IFCS, 0);
	tx_go();
	ck_assert_uint_eq(get(RDH), 4);
	bench_free();
}
END_TEST

PLUGIN_TEST_MAIN("e1000-send", transmits, checksums, odd_checksums, segments, segments_whole, waits, loops_back)
