/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The control queue (5.1.6.5). */
#include "card.h"

#include <string.h>

#define CLASS_RX             0
#define CLASS_MAC            1
#define CLASS_VLAN           2
#define CLASS_ANNOUNCE       3
#define CLASS_MQ             4
#define CLASS_GUEST_OFFLOADS 5

#define MAC_TABLE_SET 0
#define MAC_ADDR_SET  1

#define ACK_OK  0
#define ACK_ERR 1

#define VISIT VMM_VIRTIO_QUEUE_SIZE /* commands: all that a queue can hold */

void filter_reset(struct card *card)
{
	memset(&card->filter, 0, sizeof(card->filter));
	memcpy(card->mac, card->net.mac, sizeof(card->mac));
	card->offloads = 0;
	card->active = 1;
	card->announce = 0;
}

void wants_update(struct card *card)
{
	const struct filter *filter = &card->filter;
	struct vmm_net_address addresses[VMM_NET_ADDRESSES];
	uint32_t count = 0, flags = 0;
	uint64_t capabilities = 0;

	if (!card->running || (card->virtio.status & VMM_VIRTIO_DRIVER_OK) == 0) {
		vmm_net_card_wants(&card->net, VMM_NET_OFF, NULL, 0, 0);
		return;
	}
	if (filter->promiscuous || filter->all_unicast || filter->overflow)
		flags |= VMM_NET_PROMISCUOUS;
	/* without a control queue a driver cannot ask for multicast */
	if (filter->all_multicast || !vmm_virtio_has(&card->virtio, F_CTRL_RX))
		flags |= VMM_NET_ALL_MULTICAST;
	if (!filter->no_broadcast)
		flags |= VMM_NET_BROADCAST;
	if (!filter->no_unicast)
		memcpy(addresses[count++].bytes, card->mac, 6);
	for (uint32_t i = 0; i < filter->address_count; i++) {
		const struct vmm_net_address *address = &filter->addresses[i];

		if (!((address->bytes[0] & 1) != 0 ? filter->no_multicast : filter->no_unicast))
			addresses[count++] = *address;
	}
	if ((card->offloads & F_GUEST_CSUM) != 0)
		capabilities |= VMM_NET_CHECKSUM;
	if ((card->offloads & F_GUEST_TSO4) != 0)
		capabilities |= VMM_NET_TCP4;
	if ((card->offloads & F_GUEST_TSO6) != 0)
		capabilities |= VMM_NET_TCP6;
	if ((card->offloads & F_GUEST_ECN) != 0)
		capabilities |= VMM_NET_ECN;
	vmm_net_card_wants(&card->net, flags, addresses, count, capabilities);
}

static uint8_t rx_command(struct card *card, uint8_t command, const uint8_t *data, uint64_t length)
{
	uint8_t *const flags[] = { &card->filter.promiscuous, &card->filter.all_multicast, &card->filter.all_unicast,
		&card->filter.no_multicast, &card->filter.no_unicast, &card->filter.no_broadcast };

	if (command >= VMM_KIT_COUNT(flags) || length != 1)
		return ACK_ERR;
	*flags[command] = data[0] != 0;
	return ACK_OK;
}

/* One of the two tables: a number and so many addresses.  What it takes of the data; 0: it cannot be. */
static uint64_t table_add(
	struct filter *filter, const struct vmm_virtio_chain *chain, struct vmm_virtio *virtio, uint64_t at)
{
	uint32_t count;

	if (vmm_virtio_copy_out(virtio, chain, at, &count, sizeof(count)) != sizeof(count) ||
		count > (chain->out_length - at - sizeof(count)) / 6)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		struct vmm_net_address address = { .reserved = { 0 } };

		if (filter->address_count == MAC_TABLE) {
			filter->overflow = 1;
			break;
		}
		if (vmm_virtio_copy_out(virtio, chain, at + sizeof(count) + i * UINT64_C(6), address.bytes, 6) != 6)
			return 0;
		filter->addresses[filter->address_count++] = address;
	}
	return sizeof(count) + count * UINT64_C(6);
}

static uint8_t mac_command(struct card *card, uint8_t command, const uint8_t *data, uint64_t length)
{
	struct filter *filter = &card->filter;
	uint64_t first;

	if (command == MAC_ADDR_SET) {
		if (length != 6 || (data[0] & 1) != 0)
			return ACK_ERR;
		memcpy(card->mac, data, 6);
		return ACK_OK;
	}
	if (command != MAC_TABLE_SET)
		return ACK_ERR;
	filter->address_count = 0;
	filter->overflow = 0;
	/* unicast, then multicast; behind the command's two bytes */
	first = table_add(filter, &card->chain, &card->virtio, 2);
	if (first != 0 && table_add(filter, &card->chain, &card->virtio, 2 + first) != 0)
		return ACK_OK;
	filter->address_count = 0;
	filter->overflow = 1; /* rather too much than too little */
	return ACK_ERR;
}

static uint8_t vlan_command(struct card *card, uint8_t command, const uint8_t *data, uint64_t length)
{
	uint32_t number = length == 2 ? (uint32_t)(data[0] | data[1] << 8) : 4096;

	if (command > 1 || number > 4095)
		return ACK_ERR;
	if (command == 0)
		card->filter.vlans[number / 8] |= (uint8_t)(1 << (number % 8));
	else
		card->filter.vlans[number / 8] &= (uint8_t) ~(1 << (number % 8));
	return ACK_OK;
}

static uint8_t command_run(struct card *card, const uint8_t *bytes, uint64_t length)
{
	const uint8_t *data = bytes + 2;
	uint8_t command = bytes[1];
	uint64_t value = 0;

	length -= 2;
	switch (bytes[0]) {
	case CLASS_RX: return rx_command(card, command, data, length);
	case CLASS_MAC: return mac_command(card, command, data, length);
	case CLASS_VLAN: return vlan_command(card, command, data, length);
	case CLASS_ANNOUNCE: card->announce = 0; return command == 0 ? ACK_OK : ACK_ERR;
	case CLASS_MQ:
		if (command != 0 || length != 2 || !vmm_virtio_has(&card->virtio, F_MQ))
			return ACK_ERR;
		memcpy(&value, data, 2);
		if (value == 0 || value > card->pairs)
			return ACK_ERR;
		card->active = (uint32_t)value;
		return ACK_OK;
	case CLASS_GUEST_OFFLOADS:
		if (command != 0 || length != 8)
			return ACK_ERR;
		memcpy(&value, data, 8);
		if ((value & ~(card->virtio.agreed & GUEST_OFFLOADS)) != 0)
			return ACK_ERR;
		card->offloads = value;
		return ACK_OK;
	default: return ACK_ERR;
	}
}

void control(struct card *card)
{
	struct vmm_virtqueue *queue = &card->virtio.queues[control_queue(card)];
	struct vmm_virtio_chain *chain = &card->chain;

	for (uint32_t n = 0; n < VISIT && vmm_virtqueue_peek(queue, 0, chain) == 1; n++) {
		uint8_t bytes[16], ack = ACK_ERR;
		uint64_t length = chain->out_length < sizeof(bytes) ? chain->out_length : sizeof(bytes);
		uint32_t head = chain->head, room = chain->in_length != 0;

		if (chain->out_length >= 2 && vmm_virtio_copy_out(&card->virtio, chain, 0, bytes, length) == length)
			ack = command_run(card, bytes, chain->out_length > sizeof(bytes) ? UINT64_MAX : length);
		vmm_virtio_copy_in(&card->virtio, chain, 0, &ack, 1);
		vmm_virtqueue_take(queue, 1);
		vmm_virtqueue_push(queue, head, room);
		wants_update(card);
		/* the next command is to be notified of, too */
		vmm_virtqueue_listen(queue, 1);
		vmm_virtqueue_publish(queue);
	}
}
