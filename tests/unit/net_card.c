/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The kit's network card, in a device that is nothing else. */
#include "net_peer.h"

#define SECOND UINT64_C(1000000000)

struct device {
	const struct vmm_host *host;
	struct vmm_net_card card;
	uint32_t room, received, writables, changes;
	uint32_t rereads; /* calls readable from within receive */
	uint8_t last[2048];
	uint32_t last_length;
};

static uint32_t device_receive(void *self, const struct vmm_net_frame *frame)
{
	struct device *device = self;
	if (device->rereads) {
		device->rereads = 0;
		vmm_net_card_readable(&device->card);
	}
	if (device->room == 0)
		return 0;
	device->room--;
	device->received++;
	device->last_length = (uint32_t)vmm_net_copy(frame, 0, device->last, sizeof(device->last));
	return 1;
}

static void device_writable(void *self)
{
	((struct device *)self)->writables++;
}

static void device_changed(void *self)
{
	((struct device *)self)->changes++;
}

static int32_t init(void *self)
{
	struct device *device = self;
	device->card.receive = device_receive;
	device->card.writable = device_writable;
	device->card.changed = device_changed;
	device->card.self = device;
	return vmm_net_card_init(&device->card, device->host);
}

static int32_t start(void *self)
{
	vmm_net_card_start(&((struct device *)self)->card);
	return 0;
}

static void stop(void *self)
{
	vmm_net_card_stop(&((struct device *)self)->card);
}

static void reset(void *self, uint32_t kind)
{
	struct device *device = self;
	(void)kind;
	vmm_net_card_wants(&device->card, VMM_NET_OFF, NULL, 0, 0);
}

static int32_t save(void *self)
{
	return vmm_net_card_save(&((struct device *)self)->card);
}

static int32_t load(void *self, uint32_t version)
{
	(void)version;
	return vmm_net_card_load(&((struct device *)self)->card);
}

static void destroy(void *self)
{
	struct device *device = self;
	vmm_net_card_destroy(&device->card);
	free(device);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct device *device = self;
	if (strcmp(key, "backend") != 0)
		return -ENOENT;
	vmm_net_card_get_port(&device->card, side);
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = { VMM_NET_CARD_PARAMS };

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "backend", VMM_PORT_NET, "The network."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.test-card",
	.name = "card",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "card",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(test_card, VMM_KIND_DEVICE, descriptor, instance_ops, struct device);

static struct net_peer peer;

static struct device *device_of(struct fake_instance *instance)
{
	return instance->instance.self;
}

static struct fake_instance *device_add(struct fake *fake, const char *name)
{
	struct fake_instance *instance = fake_make(fake, &kit_factory, 0, name);
	ck_assert_ptr_nonnull(instance);
	ck_assert_int_eq(fake_init(instance), 0);
	return instance;
}

static struct fake_instance *setup(struct fake *fake, uint64_t capabilities)
{
	memset(&peer, 0, sizeof(peer));
	struct fake_instance *instance = device_add(fake, "net0");
	net_peer_join(&peer, instance, capabilities);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	fake_poll(fake, 0);
	device_of(instance)->room = UINT32_MAX;
	device_of(instance)->writables = 0;
	return instance;
}

static void done(struct fake *fake)
{
	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	net_peer_clear(&peer);
	fake_free(fake);
}

START_TEST(addresses)
{
	struct fake *fake = fake_new();
	fake_set(fake, "net2", "mac", "02:11:22:33:44:ff");
	uint8_t made[6];
	memcpy(made, device_of(device_add(fake, "net0"))->card.mac, 6);
	ck_assert_mem_eq(made, "\x00\x0c\x29", 3);
	const struct device *other = device_of(device_add(fake, "net1"));
	ck_assert_mem_eq(other->card.mac, "\x00\x0c\x29", 3);
	ck_assert_mem_ne(other->card.mac, made, 6);
	ck_assert_mem_eq(device_of(device_add(fake, "net2"))->card.mac, "\x02\x11\x22\x33\x44\xff", 6);
	fake_free(fake);
	/* The same in the machine's next life; another in another machine. */
	fake = fake_new();
	ck_assert_mem_eq(device_of(device_add(fake, "net0"))->card.mac, made, 6);
	fake_free(fake);
	fake = fake_new();
	fake->info.uuid[15] ^= 1;
	ck_assert_mem_ne(device_of(device_add(fake, "net0"))->card.mac, made, 6);
	fake_free(fake);
}
END_TEST

START_TEST(filters)
{
	static const struct vmm_net_address two[2] = { { .bytes = { 2, 0, 0, 0, 0, 5 } },
		{ .bytes = { 1, 0, 0x5e, 0, 0, 9 } } };
	static struct vmm_net_address many[VMM_NET_ADDRESSES + 1];
	struct fake *fake = fake_new();
	struct fake_instance *instance = setup(fake, 0);
	struct device *device = device_of(instance);
	uint8_t own[60] = { 2, 0, 0, 0, 0, 5 };
	uint8_t other[60] = { 2, 0, 0, 0, 0, 6 };
	uint8_t group[60] = { 1, 0, 0x5e, 0, 0, 9 };
	uint8_t groups[60] = { 1, 0, 0x5e, 0, 0, 10 };
	uint8_t all[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t *const frames[5] = { own, other, group, groups, all };
	static const struct {
		uint32_t flags, count, taken; /* taken: a bit a frame */
	} cases[] = { { VMM_NET_OFF, 2, 0 }, { 0, 2, 5 }, { 0, 1, 1 }, { VMM_NET_BROADCAST, 2, 0x15 },
		{ VMM_NET_ALL_MULTICAST, 1, 0xd }, { VMM_NET_PROMISCUOUS, 0, 0x1f },
		{ VMM_NET_PROMISCUOUS | VMM_NET_OFF, 0, 0 } };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(cases); i++) {
		vmm_net_card_wants(&device->card, cases[i].flags, two, cases[i].count, 0);
		ck_assert_uint_eq(peer.wants.flags, cases[i].flags);
		ck_assert_uint_eq(peer.wants.address_count, cases[i].count);
		for (uint32_t k = 0; k < 5; k++) {
			uint32_t before = device->received;
			ck_assert_uint_eq(net_peer_pass(&peer, frames[k], 60, 0), 1);
			ck_assert_uint_eq(device->received - before, cases[i].taken >> k & 1);
		}
	}
	/* The same again is no news. */
	uint32_t calls = peer.wants_calls;
	vmm_net_card_wants(&device->card, cases[6].flags, two, 0, 0);
	ck_assert_uint_eq(peer.wants_calls, calls);
	/* Too many: all groups, and everything if there is a station's address among them. */
	for (uint32_t i = 0; i <= VMM_NET_ADDRESSES; i++)
		many[i].bytes[0] = 1;
	vmm_net_card_wants(&device->card, 0, many, VMM_NET_ADDRESSES + 1, 0);
	ck_assert_uint_eq(peer.wants.flags, VMM_NET_ALL_MULTICAST);
	many[VMM_NET_ADDRESSES].bytes[0] = 2;
	vmm_net_card_wants(&device->card, 0, many, VMM_NET_ADDRESSES + 1, 0);
	ck_assert_uint_eq(peer.wants.flags, VMM_NET_ALL_MULTICAST | VMM_NET_PROMISCUOUS);
	done(fake);
}
END_TEST

START_TEST(links)
{
	struct fake *fake = fake_new();
	struct fake_instance *instance = setup(fake, VMM_NET_CHECKSUM);
	struct device *device = device_of(instance);
	char reply[128];
	ck_assert_uint_eq(device->card.info.link, 1);
	ck_assert_uint_eq(device->changes, 1);
	/* Pulled and plugged in at once: the guest sees both, a second apart. */
	net_peer_cable(instance, 0);
	ck_assert_uint_eq(device->card.info.link, 0);
	ck_assert_uint_eq(device->changes, 2);
	net_peer_cable(instance, 1);
	ck_assert_uint_eq(device->card.info.link, 0);
	fake_advance(fake, SECOND - 1);
	ck_assert_uint_eq(device->card.info.link, 0);
	fake_advance(fake, 1);
	ck_assert_uint_eq(device->card.info.link, 1);
	ck_assert_uint_eq(device->changes, 3);
	/* A swap of the peer is the same. */
	fake_part(fake, peer.link);
	ck_assert_uint_eq(device->card.info.link, 0);
	uint8_t frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	net_peer_join(&peer, instance, 0);
	vmm_net_card_wants(&device->card, VMM_NET_PROMISCUOUS, NULL, 0, 0);
	ck_assert_uint_eq(device->card.info.link, 0);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, 60, 0), 1);
	ck_assert_uint_eq(device->received, 0);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(device->card.info.link, 1);
	ck_assert_uint_eq(device->card.info.capabilities, 0);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, 60, 0), 1);
	ck_assert_uint_eq(device->received, 1);
	/* The peer's own link. */
	peer.info.link = 0;
	peer.upper->changed(peer.upper_self);
	ck_assert_uint_eq(device->card.info.link, 0);
	fake_advance(fake, 2 * SECOND);
	peer.info.link = 1;
	peer.upper->changed(peer.upper_self);
	ck_assert_uint_eq(device->card.info.link, 1);
	/* While the machine stands nothing changes for the guest. */
	fake_stop(fake);
	net_peer_cable(instance, 0);
	ck_assert_uint_eq(device->card.info.link, 1);
	fake_start(fake);
	ck_assert_uint_eq(device->card.info.link, 0);
	ck_assert_int_eq(fake_command(instance, "link", "{}", reply, sizeof(reply)), 0);
	ck_assert_str_eq(reply, "{\"up\": false}");
	static const char *const wrong[] = { "", "{", "[]", "{\"up\"}", "{\"up\": 1}", "{\"up\": true",
		"{\"down\": true}", "{\"up\": true} x", "{\"up\": true, \"x\": 1}" };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(wrong); i++)
		ck_assert_int_eq(fake_command(instance, "link", wrong[i], reply, sizeof(reply)), -EINVAL);
	ck_assert_int_eq(fake_command(instance, "link", " {\n\"up\" : true } ", reply, sizeof(reply)), 0);
	done(fake);
}
END_TEST

START_TEST(pushes_back)
{
	struct fake *fake = fake_new();
	struct fake_instance *instance = setup(fake, 0);
	struct device *device = device_of(instance);
	uint8_t bytes[100] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct vmm_net_segment segment = { bytes, 100 };
	struct vmm_net_frame frames[4];
	for (uint32_t i = 0; i < 4; i++)
		frames[i] = (struct vmm_net_frame){
			.struct_size = sizeof(frames[i]), .length = 100, .segments = &segment, .segment_count = 1
		};
	/* Down: the peer takes two; the rest comes after writable. */
	peer.room = 2;
	ck_assert_uint_eq(vmm_net_card_send(&device->card, frames, sizeof(frames[0]), 4), 2);
	ck_assert_uint_eq(peer.sends, 1);
	peer.room = 10;
	fake_poll(fake, 0);
	ck_assert_uint_eq(device->writables, 0);
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(device->writables, 1);
	ck_assert_uint_eq(vmm_net_card_send(&device->card, frames + 2, sizeof(frames[0]), 2), 2);
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(device->writables, 1);
	/* One that cannot be is swallowed, and those around it go. */
	net_peer_clear(&peer);
	frames[1].length = 101;
	ck_assert_uint_eq(vmm_net_card_send(&device->card, frames, sizeof(frames[0]), 4), 4);
	ck_assert_uint_eq(peer.count, 3);
	/* A peer that goes: what was held back is the device's again, and is swallowed. */
	peer.room = 0;
	ck_assert_uint_eq(vmm_net_card_send(&device->card, frames, sizeof(frames[0]), 1), 0);
	fake_part(fake, peer.link);
	ck_assert_uint_eq(device->writables, 1);
	fake_poll(fake, 0);
	ck_assert_uint_eq(device->writables, 2);
	ck_assert_uint_eq(vmm_net_card_send(&device->card, frames, sizeof(frames[0]), 4), 4);
	net_peer_join(&peer, instance, 0);
	fake_advance(fake, SECOND);
	/* Up. */
	vmm_net_card_wants(&device->card, VMM_NET_BROADCAST, NULL, 0, 0);
	frames[1].length = 100;
	device->room = 3;
	uint32_t readables = peer.readables;
	ck_assert_uint_eq(peer.upper->receive(peer.upper_self, frames, sizeof(frames[0]), 4), 3);
	ck_assert_uint_eq(peer.readables, readables);
	vmm_net_card_readable(&device->card);
	ck_assert_uint_eq(peer.readables, readables + 1);
	vmm_net_card_readable(&device->card);
	ck_assert_uint_eq(peer.readables, readables + 1);
	/* From within: later. */
	device->rereads = 1;
	ck_assert_uint_eq(peer.upper->receive(peer.upper_self, frames, sizeof(frames[0]), 1), 0);
	ck_assert_uint_eq(peer.readables, readables + 1);
	fake_poll(fake, 0);
	ck_assert_uint_eq(peer.readables, readables + 2);
	done(fake);
}
END_TEST

/* A TCP segment of IPv4 with `payload` bytes, its checksum left to be done. */
static uint32_t tcp_make(uint8_t *frame, uint32_t payload)
{
	static const uint8_t head[54] = { 2, 0, 0, 0, 0, 5, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6,
		0, 0, 10, 0, 2, 15, 10, 0, 2, 2, 0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 0xff, 0xff };
	memcpy(frame, head, sizeof(head));
	for (uint32_t i = 0; i < payload; i++)
		frame[54 + i] = (uint8_t)(i * 7 + (i >> 8));
	frame[16] = (uint8_t)((payload + 40) >> 8);
	frame[17] = (uint8_t)(payload + 40);
	return 54 + payload;
}

START_TEST(adapts)
{
	static uint8_t bytes[VMM_NET_FRAME_MAXIMUM];
	struct fake *fake = fake_new();
	struct fake_instance *instance = setup(fake, VMM_NET_CHECKSUM | VMM_NET_TCP4);
	struct device *device = device_of(instance);
	uint32_t length = tcp_make(bytes, 10000);
	struct vmm_net_segment segment = { bytes, length };
	struct vmm_net_frame frame = { .struct_size = sizeof(frame),
		.flags = VMM_NET_NEEDS_CHECKSUM,
		.length = length,
		.segments = &segment,
		.segment_count = 1,
		.segmentation = VMM_NET_SEGMENT_TCP4,
		.segment_size = 1460,
		.header_length = 54,
		.checksum_start = 34,
		.checksum_offset = 16 };
	/* As it is, to one that takes it. */
	ck_assert_uint_eq(vmm_net_card_send(&device->card, &frame, sizeof(frame), 1), 1);
	ck_assert_uint_eq(peer.count, 1);
	ck_assert_uint_eq(peer.frames[0].frame.segment_size, 1460);
	net_peer_clear(&peer);
	/* Cut for another, which is slow: the rest is kept, and nothing overtakes it. */
	peer.info.capabilities = 0;
	peer.upper->changed(peer.upper_self);
	peer.room = 2;
	ck_assert_uint_eq(vmm_net_card_send(&device->card, &frame, sizeof(frame), 1), 1);
	ck_assert_uint_eq(peer.count, 2);
	ck_assert_uint_eq(vmm_net_card_send(&device->card, &frame, sizeof(frame), 1), 0);
	/* In the saved state, too. */
	fake_stop(fake);
	ck_assert(fake_round_trip(instance));
	fake_start(fake);
	peer.room = 2;
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(device->writables, 0);
	ck_assert_uint_eq(peer.count, 4);
	peer.room = 100;
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(device->writables, 1);
	ck_assert_uint_eq(peer.count, 7);
	uint32_t at = 0;
	for (uint32_t i = 0; i < 7; i++) {
		const struct net_peer_frame *part = &peer.frames[i];
		ck_assert_uint_eq(part->frame.flags & VMM_NET_NEEDS_CHECKSUM, 0);
		ck_assert_uint_eq(part->length, 54 + (i < 6 ? 1460 : 10000 - 6 * 1460));
		ck_assert_mem_eq(part->data + 54, bytes + 54 + at, part->length - 54);
		at += part->length - 54;
	}
	/* A damaged queue is refused. */
	net_peer_clear(&peer);
	peer.room = 0;
	vmm_net_card_send(&device->card, &frame, sizeof(frame), 1);
	fake_stop(fake);
	struct fake_state *state = fake_save(instance);
	struct fake_field *field = fake_state_field(state, "net.queue");
	ck_assert_ptr_nonnull(field);
	ck_assert_uint_gt(field->length, 10000);
	field->bytes[0] ^= 1;
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_int_eq(fake_load(instance, state), -EINVAL);
	fake_state_free(state);
	done(fake);
}
END_TEST

START_TEST(receives_plain)
{
	static uint8_t bytes[4096];
	struct fake *fake = fake_new();
	struct fake_instance *instance = setup(fake, 0);
	struct device *device = device_of(instance);
	uint32_t length = tcp_make(bytes, 3000);
	struct vmm_net_segment segment = { bytes, length };
	struct vmm_net_frame frame = { .struct_size = sizeof(frame),
		.flags = VMM_NET_NEEDS_CHECKSUM,
		.length = length,
		.segments = &segment,
		.segment_count = 1,
		.segmentation = VMM_NET_SEGMENT_TCP4,
		.segment_size = 1000,
		.header_length = 54,
		.checksum_start = 34,
		.checksum_offset = 16 };
	/* The guest has asked for less since it was sent. */
	vmm_net_card_wants(&device->card, VMM_NET_PROMISCUOUS, NULL, 0, 0);
	ck_assert_uint_eq(peer.upper->receive(peer.upper_self, &frame, sizeof(frame), 1), 1);
	ck_assert_uint_eq(device->received, 3);
	ck_assert_uint_eq(device->last_length, 1054);
	ck_assert_mem_eq(device->last + 54, bytes + 2054, 1000);
	/* No room for any of it: all comes again.  For a part: the rest is lost. */
	device->room = 0;
	ck_assert_uint_eq(peer.upper->receive(peer.upper_self, &frame, sizeof(frame), 1), 0);
	device->room = 1;
	ck_assert_uint_eq(peer.upper->receive(peer.upper_self, &frame, sizeof(frame), 1), 1);
	ck_assert_uint_eq(device->received, 4);
	done(fake);
}
END_TEST

PLUGIN_TEST_MAIN("net-card", addresses, filters, links, pushes_back, adapts, receives_plain)
