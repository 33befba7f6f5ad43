/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/net_mode.h>

#include <errno.h>
#include <string.h>

static void call_soon(struct vmm_net_filter *filter);

/* From the event loop: what has to be said after a side has come or gone. */
static void call_up(void *self, uint64_t token)
{
	struct vmm_net_filter *filter = self;
	(void)token;
	filter->call_due = 0;
	if (filter->tell_changed) {
		filter->tell_changed = 0;
		if (filter->upper != NULL)
			filter->upper->changed(filter->upper_self);
		if (filter->writable != NULL)
			filter->writable(filter->self);
	}
	vmm_net_filter_writable(filter);
}

static void call_soon(struct vmm_net_filter *filter)
{
	if (!filter->call_due && filter->event->defer(filter->host->context, call_up, filter, 0) >= 0)
		filter->call_due = 1;
}

int32_t vmm_net_filter_init(struct vmm_net_filter *filter, const struct vmm_host *host)
{
	filter->host = host;
	filter->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	filter->wants = (struct vmm_net_wants){
		.struct_size = sizeof(filter->wants), .flags = VMM_NET_BROADCAST, .addresses = filter->addresses
	};
	return filter->event != NULL ? 0 : -ENOTSUP;
}

uint32_t vmm_net_filter_down(
	struct vmm_net_filter *filter, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	return filter->lower != NULL ? filter->lower->send(filter->lower_self, frames, stride, count) : count;
}

uint32_t vmm_net_filter_up(
	struct vmm_net_filter *filter, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	return filter->upper != NULL ? filter->upper->receive(filter->upper_self, frames, stride, count) : count;
}

void vmm_net_filter_writable(struct vmm_net_filter *filter)
{
	if (!filter->upper_owed)
		return;
	filter->upper_owed = 0;
	if (filter->upper != NULL)
		filter->upper->writable(filter->upper_self);
}

void vmm_net_filter_readable(struct vmm_net_filter *filter)
{
	if (!filter->lower_owed)
		return;
	filter->lower_owed = 0;
	if (filter->lower != NULL)
		filter->lower->readable(filter->lower_self);
}

/* The card's side. */

static int32_t card_info(void *self, struct vmm_net_info *info)
{
	struct vmm_net_filter *filter = self;
	const struct vmm_net_info none = { .struct_size = info->struct_size, .mtu = 1500 };
	if (filter->lower != NULL)
		return filter->lower->info(filter->lower_self, info);
	memcpy(info, &none, info->struct_size < sizeof(none) ? info->struct_size : sizeof(none));
	return 0;
}

static uint32_t card_send(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct vmm_net_filter *filter = self;
	uint32_t taken = filter->down(filter->self, frames, stride, count);
	if (taken < count)
		filter->upper_owed = 1;
	return taken;
}

static void card_readable(void *self)
{
	struct vmm_net_filter *filter = self;
	if (filter->readable != NULL)
		filter->readable(filter->self);
	else
		vmm_net_filter_readable(filter);
}

static void card_wants(void *self, const struct vmm_net_wants *wants)
{
	struct vmm_net_filter *filter = self;
	filter->wants.flags = wants->flags;
	filter->wants.capabilities = wants->capabilities;
	filter->wants.address_count = wants->address_count;
	if (wants->address_count > VMM_NET_ADDRESSES) {
		filter->wants.address_count = 0;
		filter->wants.flags |= VMM_NET_PROMISCUOUS;
	}
	if (filter->wants.address_count > 0)
		memcpy(filter->addresses, wants->addresses, filter->wants.address_count * sizeof(filter->addresses[0]));
	filter->wanted = 1;
	if (filter->lower != NULL)
		filter->lower->wants(filter->lower_self, &filter->wants);
}

static const struct vmm_net_lower card_table = {
	.struct_size = sizeof(struct vmm_net_lower),
	.info = card_info,
	.send = card_send,
	.readable = card_readable,
	.wants = card_wants,
};

static void card_attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_filter *filter = port_self;
	filter->upper = link->peer;
	filter->upper_self = link->peer_self;
}

/* The next card wants nothing but what it says; and whoever waited for this one need not any more. */
static void card_closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_filter *filter = port_self;
	(void)link;
	filter->upper = NULL;
	filter->upper_owed = 0;
	filter->wants.flags = VMM_NET_BROADCAST;
	filter->wants.capabilities = 0;
	filter->wants.address_count = 0;
	if (filter->lower != NULL && filter->wanted)
		filter->lower->wants(filter->lower_self, &filter->wants);
	card_readable(filter);
}

static void parted(void *port_self, const struct vmm_link *link)
{
	(void)port_self;
	(void)link;
}

static const struct vmm_port_ops card_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = card_attached,
	.closing = card_closing,
	.detached = parted,
};

/* The network's side. */

static uint32_t network_receive(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct vmm_net_filter *filter = self;
	/* Before the call: the card may say `readable` within. */
	filter->lower_owed = 1;
	uint32_t taken = filter->up(filter->self, frames, stride, count);
	if (taken >= count)
		filter->lower_owed = 0;
	return taken;
}

static void network_writable(void *self)
{
	struct vmm_net_filter *filter = self;
	if (filter->writable != NULL)
		filter->writable(filter->self);
	else
		vmm_net_filter_writable(filter);
}

static void network_changed(void *self)
{
	struct vmm_net_filter *filter = self;
	if (filter->upper != NULL)
		filter->upper->changed(filter->upper_self);
}

static const struct vmm_net_upper network_table = {
	.struct_size = sizeof(struct vmm_net_upper),
	.receive = network_receive,
	.writable = network_writable,
	.changed = network_changed,
};

static void network_attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_filter *filter = port_self;
	filter->lower = link->peer;
	filter->lower_self = link->peer_self;
	filter->lower_link = link->id;
	filter->lower_owed = 0;
	if (filter->wanted)
		filter->lower->wants(filter->lower_self, &filter->wants);
	filter->tell_changed = 1;
	call_soon(filter);
}

static void network_closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_filter *filter = port_self;
	/* A swap may have brought the next one already. */
	if (filter->lower == NULL || filter->lower_link != link->id)
		return;
	filter->lower = NULL;
	filter->lower_owed = 0;
	filter->tell_changed = 1;
	call_soon(filter);
}

static const struct vmm_port_ops network_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = network_attached,
	.closing = network_closing,
	.detached = parted,
};

int32_t vmm_net_filter_get_port(struct vmm_net_filter *filter, const char *key, struct vmm_port_side *side)
{
	uint32_t card = strcmp(key, "card") == 0;
	if (!card && strcmp(key, "backend") != 0)
		return -ENOENT;
	side->ops = card ? &card_ops : &network_ops;
	side->table = card ? (const void *)&card_table : (const void *)&network_table;
	side->port_self = filter;
	side->self = filter;
	return 0;
}
