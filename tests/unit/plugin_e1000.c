/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The card, driven as a driver does; sending is in plugin_e1000_send.c. */
#include "e1000_bench.h"

START_TEST(identity)
{
	struct fake *fake = fake_new();
	fake_set(fake, "net0", "rom", "/usr/lib/ipxe/qemu/pxe-e1000.rom");
	setup_in(fake, 0);
	ck_assert_uint_eq(bench_config(0, 4), 0x100f8086);
	ck_assert_uint_eq(bench_config(0x2c, 4), 0x075015ad);
	ck_assert_uint_eq(bench_config(8, 4) >> 8, 0x020000);
	ck_assert_uint_eq(bench_config(0x3d, 1), 1);
	ck_assert_uint_eq(bench_config(bench_config(0x34, 1), 1), 1);
	bench_config_write(0x10, 4, UINT32_MAX);
	ck_assert_uint_eq(bench_config(0x10, 4), 0xfffe0004);
	bench_config_write(0x10, 4, (uint32_t)BENCH_MEMORY);
	/* The ROM is the card's, and sums to 0. */
	static uint8_t rom[1 << 18];
	bench_config_write(0x30, 4, 0xe8000001);
	fake_read(fake, 0xe8000000, rom, sizeof(rom));
	uint32_t at = rom[0x18] | (uint32_t)rom[0x19] << 8;
	ck_assert_mem_eq(rom + at, "PCIR\x86\x80\x0f\x10", 8);
	uint8_t sum = 0;
	for (uint32_t i = 0; i < rom[2] * 512u; i++)
		sum = (uint8_t)(sum + rom[i]);
	ck_assert_uint_eq(sum, 0);
	uint32_t listed = 0;
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &fake->files[i];
		if (!file->used || file->type != VMM_FIRMWARE_BOOT)
			continue;
		listed++;
		ck_assert_str_eq(file->name, "net");
		ck_assert_uint_eq(file->length, 21);
		ck_assert_mem_eq(file->data, "/pci@i0cf8/ethernet@3", 21);
	}
	ck_assert_uint_eq(listed, 1);
	bench_free();
	fake = fake_new();
	fake_set(fake, "net0", "model", "82540em");
	setup_in(fake, 0);
	ck_assert_uint_eq(bench_config(0, 4), 0x100e8086);
	ck_assert_uint_eq(bench_config(0x10, 4), (uint32_t)BENCH_MEMORY);
	/* The way through I/O ports. */
	fake_out(fake, BENCH_PORTS, 4, VET);
	ck_assert_uint_eq(fake_in(fake, BENCH_PORTS, 4), VET);
	ck_assert_uint_eq(fake_in(fake, BENCH_PORTS + 4, 4), 0x8100);
	fake_out(fake, BENCH_PORTS + 4, 4, 0x88a8);
	ck_assert_uint_eq(get(VET), 0x88a8);
	fake_out(fake, BENCH_PORTS, 4, 0x20000);
	ck_assert_uint_eq(fake_in(fake, BENCH_PORTS + 4, 4), 0);
	bench_free();
}
END_TEST

static uint32_t eecd_clock(uint32_t bit)
{
	set(EECD, 0x42 | bit << 2);
	set(EECD, 0x43 | bit << 2);
	uint32_t out = get(EECD) >> 3 & 1;
	set(EECD, 0x42 | bit << 2);
	return out;
}

START_TEST(eeprom)
{
	uint32_t sum = 0;
	uint8_t mac[6];
	setup(0);
	set(EECD, 0x40);
	ck_assert_uint_eq(get(EECD) & 0x1c0, 0x1c0);
	for (uint32_t i = 0; i < EEPROM_WORDS; i++) {
		set(EERD, i << 8 | 1);
		ck_assert_uint_eq(get(EERD) & 0x10, 0x10);
		uint32_t word = get(EERD) >> 16;
		sum += word;
		if (i < 3) {
			mac[i * 2] = (uint8_t)word;
			mac[i * 2 + 1] = (uint8_t)(word >> 8);
		}
		/* The same by the wires: start, READ, six bits of address, sixteen of data. */
		uint32_t command = 6 << 6 | i;
		uint32_t data = 0;
		for (uint32_t k = 9; k-- > 0;)
			eecd_clock(command >> k & 1);
		for (uint32_t k = 0; k < 16; k++)
			data = data << 1 | eecd_clock(0);
		ck_assert_uint_eq(data, word);
		set(EECD, 0x40);
	}
	ck_assert_uint_eq(sum & 0xffff, 0xbaba);
	ck_assert_mem_eq(mac, "\x00\x0c\x29", 3);
	ck_assert_uint_eq(get(RAL), mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24);
	ck_assert_uint_eq(get(RAH), mac[4] | (uint32_t)mac[5] << 8 | RAH_AV);
	bench_free();
}
END_TEST

START_TEST(link)
{
	setup(0);
	ck_assert_uint_eq(phy_get(2), 0x0141);
	ck_assert_uint_eq(phy_get(3) & 0xfff0, 0x0c20);
	ck_assert_uint_eq(get(STATUS) & 0x2c3, 0x283);
	phy_get(PHY_PSTATUS);
	ck_assert_uint_eq(phy_get(PHY_PSTATUS) & 0x24, 0x24);
	ck_assert_uint_eq(phy_get(PHY_PSSTAT) & 0xec00, 0xac00);
	/* Another address than the PHY's: an error; with I: an interrupt. */
	set(MDIC, 0x28400000);
	ck_assert_uint_eq(get(MDIC) & 0x50000000, 0x50000000);
	ck_assert_uint_eq(bench.bus.intx, 1);
	ck_assert_uint_eq(get(ICR), ICR_MDAC);
	ck_assert_uint_eq(bench.bus.intx, 0);
	/* The cable. */
	net_peer_cable(bench.card, 0);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, 0);
	ck_assert_uint_eq(bench.bus.intx, 1);
	ck_assert_uint_eq(get(ICR), ICR_LSC);
	net_peer_cable(bench.card, 1);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, 0);
	fake_advance(bench.fake, 1000000000);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, STATUS_LU);
	ck_assert_uint_eq(get(ICR), ICR_LSC);
	/* That it was away is seen once. */
	ck_assert_uint_eq(phy_get(PHY_PSTATUS) & 4, 0);
	ck_assert_uint_eq(phy_get(PHY_PSTATUS) & 4, 4);
	/* Powered down, and without SLU. */
	phy_set(PHY_PCTRL, PCTRL_AN | PCTRL_DOWN);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, 0);
	phy_set(PHY_PCTRL, PCTRL_AN | PCTRL_RESTART);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, STATUS_LU);
	ck_assert_uint_eq(phy_get(PHY_PCTRL), PCTRL_AN);
	set(CTRL, get(CTRL) & ~CTRL_SLU);
	ck_assert_uint_eq(get(STATUS) & STATUS_LU, 0);
	/* A reset of the card. */
	set(VET, 1);
	set(CTRL, CTRL_RST);
	ck_assert_uint_eq(get(CTRL) & CTRL_RST, 0);
	ck_assert_uint_eq(get(VET), 0x8100);
	ck_assert_uint_eq(get(IMS), 0);
	ck_assert_uint_eq(phy_get(PHY_PCTRL), 0x1140);
	bench_free();
}
END_TEST

START_TEST(receives)
{
	static const struct {
		uint32_t bits, size;
	} sizes[] = { { 0, 2048 }, { 0x10000, 1024 }, { 0x20000, 512 }, { 0x30000, 256 }, { 0x2010000, 16384 },
		{ 0x2020000, 8192 }, { 0x2030000, 4096 } };
	static const uint32_t lengths[] = { 14, 59, 60, 61, 252, 253, 1514, 3000 };
	struct rx last;
	setup(0);
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 11 + (i >> 8));
	memset(frame, 2, 6);
	for (uint32_t i = 0; i < VMM_KIT_COUNT(sizes); i++) {
		for (uint32_t k = 0; k < VMM_KIT_COUNT(lengths); k++) {
			uint32_t length = lengths[k];
			uint32_t padded = length < 60 ? 60 : length;
			set(RCTL, RCTL_EN | RCTL_UPE | RCTL_LPE | sizes[i].bits);
			rx_fill();
			uint32_t first = get(RDH);
			set(RDT, (first + RX_COUNT - 1) % RX_COUNT);
			ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, length, 0), 1);
			ck_assert_uint_eq(rx_collect(first, sizes[i].size, other, &last), padded + 4);
			ck_assert_mem_eq(other, frame, length);
			for (uint32_t n = length; n < padded; n++)
				ck_assert_uint_eq(other[n], 0);
			uint32_t crc = plain_crc(other, padded);
			ck_assert_mem_eq(other + padded, &crc, 4);
			ck_assert_uint_eq(get(ICR) & ICR_RXT0, ICR_RXT0);
		}
	}
	/* Without the check sequence; too long without LPE. */
	set(RCTL, RCTL_EN | RCTL_UPE | RCTL_SECRC);
	uint32_t first = get(RDH);
	rx_fill();
	set(RDT, (first + RX_COUNT - 1) % RX_COUNT);
	net_peer_pass(&bench.peer, frame, 1514, 0);
	ck_assert_uint_eq(rx_collect(first, 2048, other, &last), 1514);
	get(ROC);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1519, 0), 1);
	ck_assert_uint_eq(get(RDH), (first + 1) % RX_COUNT);
	ck_assert_uint_eq(get(ROC), 1);
	ck_assert_uint_eq(get(ROC), 0);
	bench_free();
}
END_TEST

START_TEST(no_room)
{
	setup(0);
	memset(frame, 2, 1514);
	set(RCTL, RCTL_EN | RCTL_UPE | 0x20000);
	set(RDTR, 0);
	/* Eleven of fifteen are used at 512 bytes: one more whole frame, then none. */
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 1);
	ck_assert_uint_eq(get(ICR) & ICR_RXDMT0, ICR_RXDMT0);
	ck_assert_uint_eq(get(RDH), 15);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 0);
	uint32_t calls = bench.peer.readables;
	set(RDT, 1);
	ck_assert_uint_eq(bench.peer.readables, calls + 1);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 0);
	set(RDT, 2);
	ck_assert_uint_eq(bench.peer.readables, calls + 2);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 1);
	ck_assert_uint_eq(get(RDH), 2);
	ck_assert_uint_eq(get(RNBC), 2);
	bench_free();
}
END_TEST

static uint32_t is_received(const uint8_t *to, uint32_t vlan)
{
	uint32_t before = get(RDH);
	memcpy(frame, to, 6);
	put16(frame + 12, vlan != 0 ? 0x8100 : 0x0800);
	put16(frame + 14, vlan);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 100, 0), 1);
	uint32_t head = get(RDH);
	set(RDT, (head + RX_COUNT - 1) % RX_COUNT);
	return head != before;
}

START_TEST(filters)
{
	static const uint8_t own[6] = { 2, 1, 2, 3, 4, 5 };
	static const uint8_t group[6] = { 1, 0, 0x5e, 1, 2, 3 };
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	setup(0);
	set(RCTL, RCTL_EN);
	ck_assert_uint_eq(is_received(own, 0), 0);
	set(RAL + 15 * 8, 0x03020102);
	set(RAH + 15 * 8, 0x80000504);
	ck_assert_uint_eq(is_received(own, 0), 1);
	ck_assert_uint_eq(rx_get((get(RDH) + RX_COUNT - 1) % RX_COUNT).status & RX_PIF, 0);
	set(RAH + 15 * 8, 0x00000504);
	ck_assert_uint_eq(is_received(own, 0), 0);
	ck_assert_uint_eq(is_received(all, 0), 0);
	set(RCTL, RCTL_EN | RCTL_BAM);
	ck_assert_uint_eq(is_received(all, 0), 1);
	set(RCTL, RCTL_EN | RCTL_UPE);
	ck_assert_uint_eq(is_received(own, 0), 1);
	ck_assert_uint_eq(rx_get((get(RDH) + RX_COUNT - 1) % RX_COUNT).status & RX_PIF, RX_PIF);
	ck_assert_uint_eq(is_received(group, 0), 0);
	set(RCTL, RCTL_EN | RCTL_MPE);
	ck_assert_uint_eq(is_received(group, 0), 1);
	ck_assert_uint_eq(is_received(own, 0), 0);
	/* The table: 12 bits of bytes 4 and 5, at each of the four places. */
	for (uint32_t mo = 0; mo < 4; mo++) {
		static const uint32_t shifts[4] = { 4, 3, 2, 0 };
		uint32_t hash = (0x0302u >> shifts[mo]) & 0xfff;
		set(RCTL, RCTL_EN | mo << 12);
		ck_assert_uint_eq(is_received(group, 0), 0);
		set(MTA + (hash >> 5) * 4, 1u << (hash & 31));
		ck_assert_uint_eq(is_received(group, 0), 1);
		set(MTA + (hash >> 5) * 4, ~(1u << (hash & 31)));
		ck_assert_uint_eq(is_received(group, 0), 0);
		set(MTA + (hash >> 5) * 4, 0);
	}
	/* VLANs. */
	set(RCTL, RCTL_EN | RCTL_UPE | RCTL_VFE);
	ck_assert_uint_eq(is_received(own, 0x2064), 0);
	ck_assert_uint_eq(is_received(own, 0), 1);
	set(VFTA + 0x64 / 32 * 4, 1u << (0x64 % 32));
	ck_assert_uint_eq(is_received(own, 0x2064), 1);
	set(CTRL, get(CTRL) | CTRL_VME);
	ck_assert_uint_eq(is_received(own, 0x2064), 1);
	struct rx rx = rx_get((get(RDH) + RX_COUNT - 1) % RX_COUNT);
	ck_assert_uint_eq(rx.status & RX_VP, RX_VP);
	ck_assert_uint_eq(rx.special, 0x2064);
	ck_assert_uint_eq(rx.length, 100);
	fake_read(bench.fake, rx.address, other, 100);
	ck_assert_mem_eq(other, frame, 12);
	ck_assert_mem_eq(other + 12, frame + 16, 84);
	/* Off. */
	set(RCTL, RCTL_UPE);
	ck_assert_uint_eq(is_received(own, 0), 0);
	ck_assert_uint_ne(bench.peer.wants.flags & VMM_NET_OFF, 0);
	bench_free();
}
END_TEST

static struct rx rx_pass(uint32_t length, uint32_t flags)
{
	uint32_t head = get(RDH);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, length, flags), 1);
	set(RDT, head);
	return rx_get(head);
}

START_TEST(checks_received)
{
	setup(0);
	set(RCTL, RCTL_EN | RCTL_UPE | RCTL_LPE);
	for (uint32_t i = 0; i < 16; i++) {
		const struct plain_packet packet = { (i & 1) != 0 ? 6 : 4, (i & 2) != 0 ? 17 : 6,
			(i & 4) != 0 ? 1001 : 0, (i & 8) != 0 ? 5 : 0 };
		uint32_t length = packet_make(frame, &packet, i * 1000);
		uint32_t ip = packet_ip(&packet);
		uint32_t four = packet.version == 4;
		set(RXCSUM, 0);
		ck_assert_uint_eq(rx_pass(length, 0).status & (RX_IXSM | RX_IPCS | RX_TCPCS), RX_IXSM);
		set(RXCSUM, RXCSUM_IPOFLD | RXCSUM_TUOFLD | RXCSUM_IPV6OFL | 14);
		struct rx rx = rx_pass(length, 0);
		ck_assert_uint_eq(rx.status & (RX_IXSM | RX_IPCS | RX_TCPCS), four ? RX_IPCS | RX_TCPCS : RX_TCPCS);
		ck_assert_uint_eq(rx.errors, 0);
		ck_assert_uint_eq(rx.sum, plain_sum(0, frame + 14, length - 14));
		/* A wrong byte, where it counts. */
		frame[packet_transport(&packet)] ^= 0x10;
		ck_assert_uint_eq(rx_pass(length, 0).errors, RX_TCPE);
		ck_assert_uint_eq(rx_pass(length, VMM_NET_CHECKSUM_RIGHT).errors, 0);
		frame[packet_transport(&packet)] ^= 0x10;
		frame[ip + (four ? 4 : 8)] ^= 1;
		ck_assert_uint_eq(rx_pass(length, 0).errors, four ? RX_IPE : RX_TCPE);
		/* A fragment, and what says more than is there. */
		packet_make(frame, &packet, 0);
		put16(frame + ip + (four ? 2 : 4), length);
		ck_assert_uint_eq(rx_pass(length, 0).status & (RX_IXSM | RX_IPCS | RX_TCPCS), RX_IXSM);
		set(RXCSUM, RXCSUM_TUOFLD);
		packet_make(frame, &packet, 0);
		ck_assert_uint_eq(
			rx_pass(length, 0).status & (RX_IXSM | RX_IPCS | RX_TCPCS), four ? RX_TCPCS : RX_IXSM);
	}
	bench_free();
}
END_TEST

START_TEST(interrupts)
{
	setup(0);
	memset(frame, 2, 100);
	/* RDTR begins anew with each frame; RADV does not. */
	set(RDTR, 100);
	set(RADV, 150);
	net_peer_pass(&bench.peer, frame, 100, 0);
	fake_advance(bench.fake, 90 * 1024);
	ck_assert_uint_eq(bench.bus.intx, 0);
	net_peer_pass(&bench.peer, frame, 100, 0);
	fake_advance(bench.fake, 59 * 1024);
	ck_assert_uint_eq(bench.bus.intx, 0);
	fake_advance(bench.fake, 1024);
	ck_assert_uint_eq(bench.bus.intx, 1);
	ck_assert_uint_eq(get(ICR), ICR_RXT0);
	fake_advance(bench.fake, 1000 * 1024);
	ck_assert_uint_eq(bench.bus.intx, 0);
	net_peer_pass(&bench.peer, frame, 100, 0);
	set(RDTR, 100 | 0x80000000);
	ck_assert_uint_eq(bench.bus.intx, 1);
	get(ICR);
	/* TIDV, for descriptors with IDE. */
	set(TIDV, 50);
	tx_put(TX_BUFFER, 100 | EOP | IFCS | RS | IDE, 0);
	tx_go();
	ck_assert_uint_eq(get(ICR) & ICR_TXDW, 0);
	fake_advance(bench.fake, 50 * 1024);
	ck_assert_uint_eq(get(ICR) & ICR_TXDW, ICR_TXDW);
	/* Throttled: the second comes when the interval is over. */
	set(ITR, 1000);
	set(ICS, ICR_RXO);
	ck_assert_uint_eq(bench.bus.intx, 1);
	get(ICR);
	ck_assert_uint_eq(bench.bus.intx, 0);
	set(ICS, ICR_RXO);
	ck_assert_uint_eq(bench.bus.intx, 0);
	fake_advance(bench.fake, 100 * 256);
	bench_reload();
	fake_advance(bench.fake, 899 * 256);
	ck_assert_uint_eq(bench.bus.intx, 0);
	fake_advance(bench.fake, 256);
	ck_assert_uint_eq(bench.bus.intx, 1);
	/* Masked, and written to clear. */
	set(IMC, ICR_RXO);
	ck_assert_uint_eq(bench.bus.intx, 0);
	set(ITR, 0);
	set(IMS, ICR_RXO);
	ck_assert_uint_eq(bench.bus.intx, 1);
	set(ICR, ICR_RXO);
	ck_assert_uint_eq(bench.bus.intx, 0);
	bench_free();
}
END_TEST

START_TEST(hostile)
{
	setup(0);
	/* Heads and tails outside. */
	set(TDT, 0xffff);
	set(TDH, 0xffff);
	set(TDT, 3);
	set(TDH, 0);
	set(TDLEN, 0);
	set(TDT, 5);
	set(TDLEN, TX_COUNT * 16);
	set(TDT, 0xffff);
	ck_assert_uint_eq(bench.peer.count, 0);
	set(TDH, 0);
	set(TDT, 0);
	tx_tail = 0;
	/* Lengths of 0, and of more than any frame; headers longer than the frame. */
	tx_put(TX_BUFFER, EOP | IFCS, 0);
	tx_put(TX_BUFFER, 13 | EOP | IFCS, 0);
	for (uint32_t i = 0; i < 3; i++)
		tx_put(TX_BUFFER, 0xfffff | DATA | DEXT | RS, 0);
	tx_put(TX_BUFFER, 60 | EOP | IFCS | RS, 0);
	tx_put(UINT64_C(0xffffffffffffffff), DEXT | TUCMD_TSE << 24 | 0xfffff, 0xffffff00);
	tx_put(TX_BUFFER, 100 | DATA | DEXT | TSE | EOP | IFCS, TXSM | IXSM);
	tx_put(TX_BUFFER, 100 | EOP | IFCS | RS, 0);
	tx_go();
	while (fake_poll(bench.fake, 0) != 0)
		;
	ck_assert_uint_eq(get(TDH), tx_tail);
	ck_assert_uint_eq(bench.peer.count, 1);
	ck_assert_uint_eq(get(TSCTFC), 1);
	/* A buffer in the card's own registers, and one nowhere. */
	tx_put(BENCH_MEMORY + TDT, 100 | EOP | IFCS | RS, 0);
	tx_put(UINT64_C(0xfffffffffffff000), 100 | EOP | IFCS | RS, 0);
	tx_go();
	ck_assert_uint_eq(get(TDH), tx_tail);
	/* A receive buffer over RCTL and CTRL: the frame resets the card as it comes. */
	const uint64_t words[2] = { BENCH_MEMORY + CTRL, 0 };
	fake_write(bench.fake, RX_RING, words, sizeof(words));
	set(RDH, 0);
	set(RDT, 4);
	memset(frame, 0xff, 100);
	net_peer_pass(&bench.peer, frame, 100, 0);
	/* Descriptors that are the card's own registers. */
	set(RDBAL, (uint32_t)BENCH_MEMORY + RDBAL);
	set(RDLEN, 128);
	set(RDT, 7);
	set(RCTL, RCTL_EN | RCTL_BAM | RCTL_UPE);
	for (uint32_t i = 0; i < 20; i++)
		net_peer_pass(&bench.peer, frame, 1000, 0);
	set(TDBAL, (uint32_t)BENCH_MEMORY + TDBAL);
	set(TDLEN, 4096);
	set(TDH, 0);
	set(TCTL, TCTL_EN);
	set(TDT, 200);
	while (fake_poll(bench.fake, 0) != 0)
		;
	/* No bus mastering: nothing moves, and it goes on afterwards. */
	set(CTRL, CTRL_RST);
	set(CTRL, CTRL_SLU);
	set(TDBAL, TX_RING);
	set(TDLEN, TX_COUNT * 16);
	tx_tail = 0;
	tx_put(TX_BUFFER, 100 | EOP | IFCS | RS, 0);
	net_peer_clear(&bench.peer);
	bench_config_write(4, 2, 3);
	set(TCTL, TCTL_EN);
	tx_go();
	ck_assert_uint_eq(bench.peer.count, 0);
	bench_config_write(4, 2, 7);
	ck_assert_uint_eq(bench.peer.count, 1);
	ck_assert_uint_eq(get(TDH), 1);
	bench_free();
}
END_TEST

PLUGIN_TEST_MAIN("e1000", identity, eeprom, link, receives, no_room, filters, checks_received, interrupts, hostile)
