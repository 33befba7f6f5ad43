/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The card's side of its port: link, filter, and sending what the peer takes.
 */
#include <vmm/kit/net.h>

#include <stdio.h>

#include <vmm/control.h>
#include <vmm/event.h>
#include <vmm/machine.h>
#include <vmm/param.h>
#include <vmm/state.h>
#include <vmm/timer.h>

/* How long a link that was lost stays away at least.  Auto-negotiation takes about as long (IEEE 802.3, 28.3.2). */
#define PAUSE UINT64_C(1000000000)

/* A frame in the queue; its bytes follow. */
struct record {
	uint32_t length, flags, segmentation, segment_size, header_length, checksum_start, checksum_offset;
};

static const struct vmm_event_service *event_of(const struct vmm_net_card *card)
{
	return card->host->get_service(card->host->context, VMM_SERVICE_EVENT);
}

static const struct vmm_region_service *region_of(const struct vmm_net_card *card)
{
	return card->host->get_service(card->host->context, VMM_SERVICE_REGION);
}

static const struct vmm_timer_service *timer_of(const struct vmm_net_card *card)
{
	return card->host->get_service(card->host->context, VMM_SERVICE_TIMER);
}

/* ---- the queue ---- */

/* A frame that was cut from a greater one.  What does not fit is lost, as it would be in a switch. */
static void queue_put(struct vmm_net_card *card, const struct vmm_net_frame *frame)
{
	const struct record record = { (uint32_t)frame->length, frame->flags, frame->segmentation, frame->segment_size,
		frame->header_length, frame->checksum_start, frame->checksum_offset };
	uint64_t at = (uint64_t)card->queue_first + card->queue_used;
	if (frame->length > VMM_NET_FRAME_MAXIMUM || at + sizeof(record) + frame->length > VMM_NET_QUEUE)
		return;
	memcpy(card->queue + at, &record, sizeof(record));
	vmm_net_copy(frame, 0, card->queue + at + sizeof(record), frame->length);
	card->queue_used += (uint32_t)(sizeof(record) + frame->length);
}

static struct vmm_net_frame record_frame(
	const struct record *record, const uint8_t *bytes, struct vmm_net_segment *segment)
{
	*segment = (struct vmm_net_segment){ bytes, record->length };
	return (struct vmm_net_frame){ .struct_size = sizeof(struct vmm_net_frame),
		.flags = record->flags,
		.length = record->length,
		.segments = segment,
		.segment_count = 1,
		.segmentation = record->segmentation,
		.segment_size = record->segment_size,
		.header_length = record->header_length,
		.checksum_start = record->checksum_start,
		.checksum_offset = record->checksum_offset };
}

static void queue_clear(struct vmm_net_card *card)
{
	card->queue_first = card->queue_used = 0;
}

/* 0, or -EAGAIN: the peer takes no more. */
static int32_t queue_flush(struct vmm_net_card *card)
{
	while (card->queue_used > 0 && card->info.link != 0) {
		struct record record;
		memcpy(&record, card->queue + card->queue_first, sizeof(record));
		struct vmm_net_segment segment;
		const struct vmm_net_frame frame = record_frame(
			&record, card->queue + card->queue_first + sizeof(record), &segment);
		/* The peer may do less by now. */
		if ((vmm_net_needs(&frame) & ~card->info.capabilities) == 0 &&
			card->lower->send(card->lower_self, &frame, sizeof(frame), 1) == 0)
			return -EAGAIN;
		card->queue_first += (uint32_t)sizeof(record) + record.length;
		card->queue_used -= (uint32_t)sizeof(record) + record.length;
	}
	queue_clear(card);
	return 0;
}

/* ---- what is left for the event loop ---- */

static void settle(struct vmm_net_card *card)
{
	if (queue_flush(card) < 0 || !card->owed)
		return;
	card->owed = 0;
	card->writable(card->self);
}

static void kick(void *self, uint64_t token)
{
	struct vmm_net_card *card = self;
	(void)token;
	card->kicked = 0;
	if (!card->running)
		return;
	if (card->again && card->lower != NULL) {
		card->again = card->shut = 0;
		card->lower->readable(card->lower_self);
	}
	settle(card);
}

static void kick_soon(struct vmm_net_card *card)
{
	if (!card->kicked && card->running)
		card->kicked = event_of(card)->defer(card->host->context, kick, card, 0) >= 0;
}

/* ---- the link ---- */

static void link_update(struct vmm_net_card *card)
{
	struct vmm_net_info info = { .struct_size = sizeof(info) };
	uint32_t before = card->info.link;
	if (!card->running)
		return;
	if (card->lower == NULL || card->lower->info(card->lower_self, &info) < 0)
		memset(&info, 0, sizeof(info));
	info.struct_size = sizeof(info);
	info.link = info.link != 0 && card->cable;
	const struct vmm_timer_service *timer = timer_of(card);
	vmm_time now = timer->now(card->host->context, VMM_CLOCK_GUEST);
	if (before && !info.link) {
		card->up_at = now + PAUSE;
	} else if (!before && info.link && now < card->up_at) {
		timer->arm(card->host->context, card->pause, card->up_at);
		info.link = 0;
	} else if (info.link) {
		card->up_at = 0;
	}
	uint32_t same = info.link == before && info.capabilities == card->info.capabilities &&
		info.mtu == card->info.mtu && info.megabits == card->info.megabits;
	card->info = info;
	if (!info.link) {
		queue_clear(card);
		if (card->owed)
			kick_soon(card);
	}
	if (!same)
		card->changed(card->self);
}

static void pause_over(void *self, uint64_t token)
{
	(void)token;
	link_update(self);
}

static const char *skip_space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* {"up": true}, {"up": false}, or {} to ask: 1, 0, -ENODATA; else -EINVAL. */
static int32_t params_read(const char *at)
{
	int32_t up = -ENODATA;
	at = skip_space(at);
	if (*at++ != '{')
		return -EINVAL;
	at = skip_space(at);
	if (strncmp(at, "\"up\"", 4) == 0) {
		at = skip_space(at + 4);
		if (*at++ != ':')
			return -EINVAL;
		at = skip_space(at);
		up = strncmp(at, "true", 4) == 0 ? 1 : strncmp(at, "false", 5) == 0 ? 0 : -EINVAL;
		if (up < 0)
			return up;
		at = skip_space(at + (up ? 4 : 5));
	}
	return *at == '}' && *skip_space(at + 1) == '\0' ? up : -EINVAL;
}

static int32_t link_control(void *self, uint64_t token, const char *params, char *reply, uint32_t reply_size)
{
	struct vmm_net_card *card = self;
	(void)token;
	int32_t up = params_read(params != NULL ? params : "{}");
	if (up == -EINVAL) {
		snprintf(reply, reply_size, "give {\"up\": true} or {\"up\": false}, or {} to ask");
		return up;
	}
	if (up >= 0) {
		card->cable = (uint32_t)up;
		link_update(card);
	}
	snprintf(reply, reply_size, "{\"up\": %s}", card->cable ? "true" : "false");
	return 0;
}

/* ---- receiving ---- */

static uint32_t is_wanted(const struct vmm_net_card *card, const struct vmm_net_frame *frame)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct vmm_net_wants *wants = &card->wants;
	uint8_t to[6];
	if ((wants->flags & VMM_NET_OFF) != 0 || vmm_net_copy(frame, 0, to, sizeof(to)) < sizeof(to))
		return 0;
	if ((wants->flags & VMM_NET_PROMISCUOUS) != 0)
		return 1;
	if (memcmp(to, broadcast, sizeof(to)) == 0)
		return (wants->flags & VMM_NET_BROADCAST) != 0;
	if ((to[0] & 1) != 0 && (wants->flags & VMM_NET_ALL_MULTICAST) != 0)
		return 1;
	for (uint32_t i = 0; i < wants->address_count; i++) {
		if (memcmp(to, card->addresses[i].bytes, sizeof(to)) == 0)
			return 1;
	}
	return 0;
}

struct delivery {
	struct vmm_net_card *card;
	uint32_t count;
};

static int32_t deliver(void *self, const struct vmm_net_frame *frame)
{
	struct delivery *delivery = self;
	if (delivery->card->receive(delivery->card->self, frame) == 0)
		return -EAGAIN;
	delivery->count++;
	return 0;
}

/* 1: it is done with. */
static uint32_t frame_take(struct vmm_net_card *card, const struct vmm_net_frame *frame)
{
	if (!card->info.link || !is_wanted(card, frame))
		return 1;
	if ((vmm_net_needs(frame) & ~card->wants.capabilities) == 0)
		return card->receive(card->self, frame) != 0;
	/* It was on its way when the guest asked for less.  Once a part has gone, the rest is lost if it does not fit.
	 */
	struct delivery delivery = { card, 0 };
	return vmm_net_finish(frame, card->wants.capabilities, card->room, deliver, &delivery) != -EAGAIN ||
		delivery.count > 0;
}

static uint32_t port_receive(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct vmm_net_card *card = self;
	uint32_t taken = 0;
	if (card->offering)
		return 0;
	card->offering = 1;
	card->again = 0;
	while (taken < count && card->running && frame_take(card, vmm_net_frame_at(frames, stride, taken)))
		taken++;
	card->offering = 0;
	if (taken < count) {
		card->shut = 1;
		if (card->again)
			kick_soon(card);
	}
	return taken;
}

static void port_writable(void *self)
{
	struct vmm_net_card *card = self;
	if (card->running)
		settle(card);
}

static void port_changed(void *self)
{
	link_update(self);
}

static const struct vmm_net_upper upper = {
	.struct_size = sizeof(struct vmm_net_upper),
	.receive = port_receive,
	.writable = port_writable,
	.changed = port_changed,
};

void vmm_net_card_readable(struct vmm_net_card *card)
{
	if (card->offering) {
		card->again = 1;
	} else if (card->shut && card->running && card->lower != NULL) {
		card->shut = 0;
		card->lower->readable(card->lower_self);
	}
}

static void wants_tell(struct vmm_net_card *card)
{
	card->wants.struct_size = sizeof(card->wants);
	card->wants.addresses = card->addresses;
	if (card->lower != NULL)
		card->lower->wants(card->lower_self, &card->wants);
}

void vmm_net_card_wants(struct vmm_net_card *card, uint32_t flags, const struct vmm_net_address *addresses,
	uint32_t address_count, uint64_t capabilities)
{
	uint32_t count = address_count <= VMM_NET_ADDRESSES ? address_count : 0;
	for (uint32_t i = 0; i < address_count && count == 0; i++)
		flags |= (addresses[i].bytes[0] & 1) != 0 ? VMM_NET_ALL_MULTICAST : VMM_NET_PROMISCUOUS;
	uint32_t same = card->wants.flags == flags && card->wants.capabilities == capabilities &&
		card->wants.address_count == count;
	for (uint32_t i = 0; i < count; i++) {
		same = same && memcmp(card->addresses[i].bytes, addresses[i].bytes, 6) == 0;
		card->addresses[i] = addresses[i];
	}
	card->wants.flags = flags;
	card->wants.capabilities = capabilities;
	card->wants.address_count = count;
	if (!same)
		wants_tell(card);
}

/* ---- sending ---- */

static int32_t part_send(void *self, const struct vmm_net_frame *frame)
{
	struct vmm_net_card *card = self;
	if (card->queue_used > 0 || card->lower->send(card->lower_self, frame, sizeof(*frame), 1) == 0)
		queue_put(card, frame);
	return 0;
}

uint32_t vmm_net_card_send(
	struct vmm_net_card *card, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	uint32_t done = 0;
	if (!card->info.link || card->lower == NULL || !card->running)
		return count;
	while (done < count && queue_flush(card) == 0) {
		uint32_t run = 0;
		const struct vmm_net_frame *frame = vmm_net_frame_at(frames, stride, done);
		/* As many as can go as they are. */
		while (done + run < count) {
			const struct vmm_net_frame *next = vmm_net_frame_at(frames, stride, done + run);
			if ((vmm_net_needs(next) & ~card->info.capabilities) != 0 || vmm_net_check(next) < 0)
				break;
			run++;
		}
		if (run > 0) {
			uint32_t taken = card->lower->send(card->lower_self, frame, stride, run);
			done += taken < run ? taken : run;
			if (taken < run)
				break;
			continue;
		}
		if (vmm_net_check(frame) >= 0)
			vmm_net_finish(frame, card->info.capabilities, card->room, part_send, card);
		done++;
	}
	if (done < count)
		card->owed = 1;
	return done;
}

/* ---- the port ---- */

static void attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_card *card = port_self;
	card->lower = link->peer;
	card->lower_self = link->peer_self;
	card->link_id = link->id;
	card->shut = 0;
	wants_tell(card);
	link_update(card);
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_card *card = port_self;
	if (card->lower == NULL || card->link_id != link->id)
		return;
	card->lower = NULL;
	card->shut = 0;
	link_update(card);
}

static void detached(void *port_self, const struct vmm_link *link)
{
	(void)port_self;
	(void)link;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

void vmm_net_card_get_port(struct vmm_net_card *card, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = card;
	side->table = &upper;
	side->self = card;
}

int32_t vmm_net_card_get_ports(
	struct vmm_net_card *card, struct vmm_pci *pci, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") == 0)
		vmm_pci_get_port(pci, side);
	else if (strcmp(key, "backend") == 0)
		vmm_net_card_get_port(card, side);
	else
		return -ENOENT;
	return 0;
}

/* ---- life ---- */

/* 00:0C:29 is VMware's for addresses that are made; the rest is a hash (FNV-1a) of what stays the same. */
static int32_t mac_make(struct vmm_net_card *card)
{
	const struct vmm_machine_service *machine = vmm_kit_service(card->host, VMM_SERVICE_MACHINE);
	struct vmm_machine_info info = { .struct_size = sizeof(info) };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	if (machine == NULL)
		return -ENOTSUP;
	int32_t status = machine->info(card->host->context, &info);
	if (status < 0)
		return vmm_kit_fail(card->host, status, "set `mac`", "the machine has no UUID to make an address of");
	for (uint32_t i = 0; i < sizeof(info.uuid); i++)
		hash = (hash ^ info.uuid[i]) * UINT64_C(0x100000001b3);
	for (const char *at = card->host->instance; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	hash ^= hash >> 32;
	const uint8_t mac[6] = { 0x00, 0x0c, 0x29, (uint8_t)(hash >> 16), (uint8_t)(hash >> 8), (uint8_t)hash };
	memcpy(card->mac, mac, sizeof(mac));
	return 0;
}

int32_t vmm_net_card_init(struct vmm_net_card *card, const struct vmm_host *host)
{
	const struct vmm_param_service *params = vmm_kit_service(host, VMM_SERVICE_PARAM);
	const struct vmm_timer_service *timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	const struct vmm_event_service *event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	const struct vmm_control_service *control = host->get_service(host->context, VMM_SERVICE_CONTROL);
	static const char memory[] = "free memory on the host";
	card->host = host;
	if (params == NULL || timer == NULL || event == NULL)
		return -ENOTSUP;
	int32_t status = params->get_mac(host->context, "mac", card->mac) >= 0 ? 0 : mac_make(card);
	if (status < 0)
		return status;
	card->cable = vmm_kit_bool(host, "connected", 1);
	card->wants.flags = VMM_NET_OFF;
	card->queue = malloc(VMM_NET_QUEUE);
	card->room = malloc(VMM_NET_ROOM);
	if (card->queue == NULL || card->room == NULL)
		return vmm_kit_fail(host, -ENOMEM, memory, "no memory for the network card");
	status = timer->create(host->context, VMM_CLOCK_GUEST, pause_over, card, 0, &card->pause);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no timer for the network card");
	status = control != NULL ? control->add(host->context, "link", link_control, card, 0) : 0;
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "the command `link` cannot be added");
	return 0;
}

void vmm_net_card_destroy(struct vmm_net_card *card)
{
	if (card->pause != 0)
		timer_of(card)->destroy(card->host->context, card->pause);
	if (card->rom != 0)
		region_of(card)->destroy(card->host->context, card->rom);
	free(card->queue);
	free(card->room);
	card->pause = card->rom = 0;
	card->queue = card->room = NULL;
}

void vmm_net_card_start(struct vmm_net_card *card)
{
	card->running = 1;
	/* Whatever was left when it stopped, here or in the machine that was saved: both are told. */
	card->owed = card->again = 1;
	wants_tell(card);
	link_update(card);
	kick_soon(card);
}

void vmm_net_card_stop(struct vmm_net_card *card)
{
	card->running = 0;
	if (card->pause != 0)
		timer_of(card)->arm(card->host->context, card->pause, VMM_TIME_NEVER);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct vmm_net_card, cable, 1),
	VMM_FIELD(struct vmm_net_card, up_at),
};

static const struct vmm_field info_fields[] = {
	VMM_FIELD_MAX(struct vmm_net_info, link, 1),
	VMM_FIELD(struct vmm_net_info, capabilities),
	VMM_FIELD(struct vmm_net_info, mtu),
	VMM_FIELD(struct vmm_net_info, megabits),
};

static const struct vmm_field wants_fields[] = {
	VMM_FIELD(struct vmm_net_wants, flags),
	VMM_FIELD(struct vmm_net_wants, capabilities),
	VMM_FIELD_MAX(struct vmm_net_wants, address_count, VMM_NET_ADDRESSES),
};

int32_t vmm_net_card_save(struct vmm_net_card *card)
{
	const struct vmm_state_service *state = vmm_kit_service(card->host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	int32_t status = vmm_fields_save(card->host, "net.", card, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_save(card->host, "net.peer.", &card->info, info_fields, VMM_KIT_COUNT(info_fields));
	if (status >= 0)
		status = vmm_fields_save(
			card->host, "net.wants.", &card->wants, wants_fields, VMM_KIT_COUNT(wants_fields));
	state->put_bytes(card->host->context, "net.wants.addresses", card->addresses,
		card->wants.address_count * sizeof(card->addresses[0]));
	state->put_bytes(card->host->context, "net.queue", card->queue + card->queue_first, card->queue_used);
	return status;
}

/* Does the queue consist of whole frames? */
static int32_t queue_check(const struct vmm_net_card *card)
{
	for (uint32_t at = 0; at < card->queue_used;) {
		struct record record;
		if (card->queue_used - at < sizeof(record))
			return -EINVAL;
		memcpy(&record, card->queue + at, sizeof(record));
		at += (uint32_t)sizeof(record);
		struct vmm_net_segment segment;
		const struct vmm_net_frame frame = record_frame(&record, card->queue + at, &segment);
		if (record.length > card->queue_used - at || vmm_net_check(&frame) < 0)
			return -EINVAL;
		at += record.length;
	}
	return 0;
}

int32_t vmm_net_card_load(struct vmm_net_card *card)
{
	static const char damaged[] = "the saved state is damaged; start the machine afresh";
	const struct vmm_host *host = card->host;
	const struct vmm_state_service *state = vmm_kit_service(host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	int32_t status = vmm_fields_load(host, "net.", card, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_load(host, "net.peer.", &card->info, info_fields, VMM_KIT_COUNT(info_fields));
	if (status >= 0)
		status = vmm_fields_load(host, "net.wants.", &card->wants, wants_fields, VMM_KIT_COUNT(wants_fields));
	if (status < 0) {
		card->wants.address_count = 0;
		return status;
	}
	card->info.struct_size = sizeof(card->info);
	status = state->get_bytes(host->context, "net.wants.addresses", card->addresses,
		card->wants.address_count * sizeof(card->addresses[0]));
	int64_t length = state->length(host->context, "net.queue");
	if (status < 0 || length < 0) {
		card->wants.address_count = 0;
		return -EPROTO;
	}
	if (length > VMM_NET_QUEUE)
		return vmm_kit_fail(host, -EINVAL, damaged, "the saved queue of frames is too long");
	status = state->get_bytes(host->context, "net.queue", card->queue, (uint64_t)length);
	card->queue_first = 0;
	card->queue_used = status >= 0 ? (uint32_t)length : 0;
	if (queue_check(card) < 0) {
		queue_clear(card);
		return vmm_kit_fail(host, -EINVAL, damaged, "the saved queue of frames is damaged");
	}
	return status;
}
