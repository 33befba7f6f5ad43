/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Which frames are received (3.2.1, 13.5), and what is found out about their checksums (3.2.9).
 */
#include "e1000.h"

#define ADDRESSES 16u
#define TYPE_IP4  0x0800u
#define TYPE_IP6  0x86ddu

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t is_station(const struct e1000 *e1000, const uint8_t *frame)
{
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		uint32_t low = register_get(e1000, RAL + i * 8);
		uint32_t high = register_get(e1000, RAH + i * 8);
		/* ASEL: the destination, or the source (13.5.3). */
		const uint8_t *at = (high >> 16 & 3) == 1 ? frame + 6 : frame;
		uint32_t first = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
		if ((high & RAH_AV) != 0 && (high >> 16 & 3) < 2 && low == first &&
			(high & 0xffff) == (at[4] | (uint32_t)at[5] << 8))
			return 1;
	}
	return 0;
}

/* 12 bits of the address, beginning where RCTL.MO says, choose one of 4096 (13.5.1). */
static uint32_t is_hashed(const struct e1000 *e1000, const uint8_t *frame)
{
	static const uint8_t shifts[4] = { 4, 3, 2, 0 };
	uint32_t shift = shifts[register_get(e1000, RCTL) >> 12 & 3];
	uint32_t hash = ((frame[4] | (uint32_t)frame[5] << 8) >> shift) & 0xfff;
	return register_get(e1000, MTA + (hash >> 5) * 4) >> (hash & 31) & 1;
}

static uint32_t is_vlan_member(const struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
	uint32_t rctl = register_get(e1000, RCTL);
	if ((rctl & RCTL_VFE) == 0 || length < 16 || word(frame + 12) != (register_get(e1000, VET) & 0xffff))
		return 1;
	uint32_t vlan = word(frame + 14) & 0xfff;
	return register_get(e1000, VFTA + (vlan >> 5) * 4) >> (vlan & 31) & 1;
}

uint32_t filter_match(const struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t rctl = register_get(e1000, RCTL);
	if (!is_vlan_member(e1000, frame, length))
		return FILTER_NO;
	if (is_station(e1000, frame))
		return FILTER_EXACT;
	if ((frame[0] & 1) == 0)
		return (rctl & RCTL_UPE) != 0 ? FILTER_INEXACT : FILTER_NO;
	if (memcmp(frame, broadcast, sizeof(broadcast)) == 0 && (rctl & RCTL_BAM) != 0)
		return FILTER_EXACT;
	return (rctl & RCTL_MPE) != 0 || is_hashed(e1000, frame) ? FILTER_INEXACT : FILTER_NO;
}

struct packet {
	uint32_t ip, transport, length; /* length: of what is behind the transport header's start */
	uint32_t protocol, version;
};

/* 0: there is none that we know, or its lengths are wrong. */
static uint32_t packet_find(const uint8_t *frame, uint32_t length, struct packet *packet)
{
	uint32_t at = 12;
	while (at + 4 <= length && (word(frame + at) == 0x8100 || word(frame + at) == 0x88a8))
		at += 4;
	packet->ip = at + 2;
	if (at + 2 + 20 > length)
		return 0;
	const uint8_t *ip = frame + packet->ip;
	uint32_t left = length - packet->ip;
	if (word(frame + at) == TYPE_IP4 && ip[0] >> 4 == 4) {
		uint32_t header = (ip[0] & 15u) * 4;
		uint32_t total = word(ip + 2);
		if (header < 20 || total < header || total > left)
			return 0;
		packet->version = 4;
		packet->transport = packet->ip + header;
		packet->length = total - header;
		/* A fragment's checksum is not in it, or not of it alone. */
		packet->protocol = (word(ip + 6) & 0x3fff) == 0 ? ip[9] : 0;
		return 1;
	}
	if (word(frame + at) != TYPE_IP6 || left < 40 || word(ip + 4) > left - 40)
		return 0;
	packet->version = 6;
	packet->transport = packet->ip + 40;
	packet->length = word(ip + 4);
	packet->protocol = ip[6];
	return 1;
}

static uint32_t transport_sum(const uint8_t *frame, const struct packet *packet)
{
	const uint8_t *ip = frame + packet->ip;
	const uint8_t tail[8] = { (uint8_t)(packet->length >> 24), (uint8_t)(packet->length >> 16),
		(uint8_t)(packet->length >> 8), (uint8_t)packet->length, 0, 0, 0, (uint8_t)packet->protocol };
	uint32_t sum = packet->version == 4 ? vmm_net_sum(0, ip + 12, 8) : vmm_net_sum(0, ip + 8, 32);
	sum = vmm_net_sum(sum, tail, sizeof(tail));
	return vmm_net_sum_fold(vmm_net_sum(sum, frame + packet->transport, packet->length));
}

void filter_checksums(const struct e1000 *e1000, const uint8_t *frame, uint32_t length, uint32_t right, uint8_t *status,
	uint8_t *errors)
{
	uint32_t rxcsum = register_get(e1000, RXCSUM);
	struct packet packet;
	if ((rxcsum & (RXCSUM_IPOFLD | RXCSUM_TUOFLD)) == 0 || !packet_find(frame, length, &packet) ||
		(packet.version == 6 && (rxcsum & RXCSUM_IPV6OFL) == 0)) {
		*status |= RX_IXSM;
		return;
	}
	if (packet.version == 4 && (rxcsum & RXCSUM_IPOFLD) != 0) {
		const uint8_t *ip = frame + packet.ip;
		*status |= RX_IPCS;
		if (!right && vmm_net_sum_fold(vmm_net_sum(0, ip, packet.transport - packet.ip)) != 0)
			*errors |= RX_IPE;
	}
	uint32_t least = packet.protocol == 6 ? 20 : 8;
	if ((rxcsum & RXCSUM_TUOFLD) == 0 || (packet.protocol != 6 && packet.protocol != 17) || packet.length < least)
		return;
	/* UDP without a checksum (RFC 768): there is nothing to be looked at. */
	if (packet.protocol == 17 && word(frame + packet.transport + 6) == 0)
		return;
	*status |= RX_TCPCS;
	if (!right && transport_sum(frame, &packet) != 0)
		*errors |= RX_TCPE;
}
