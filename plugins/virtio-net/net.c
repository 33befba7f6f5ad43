/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The plugin: settings, queues, the device's configuration, saved state. */
#include <string.h>

#include <vmm/kit/fields.h>
#include <vmm/kit/plugin.h>
#include <vmm/state.h>

#include "card.h"

#define TYPE_NET     1
#define CLASS_NET    0x020000
#define CONFIG_BYTES 17u

#define STATUS_LINK_UP  1u
#define STATUS_ANNOUNCE 2u

#define FEATURES \
	(F_CSUM | F_GUEST_CSUM | F_CTRL_GUEST_OFFLOADS | F_MAC | F_GUEST_TSO4 | F_GUEST_TSO6 | F_GUEST_ECN | \
		F_HOST_TSO4 | F_HOST_TSO6 | F_HOST_ECN | F_MRG_RXBUF | F_STATUS | F_CTRL_VQ | F_CTRL_RX | \
		F_CTRL_VLAN | F_CTRL_RX_EXTRA | F_GUEST_ANNOUNCE | F_CTRL_MAC_ADDR | F_HOST_USO | F_SPEED_DUPLEX)

/* struct virtio_net_config (5.1.4). */
static uint8_t config_read(void *self, uint32_t offset)
{
	const struct card *card = self;
	const uint32_t speed = card->net.info.megabits != 0 ? card->net.info.megabits : ~0u;
	uint8_t bytes[CONFIG_BYTES] = { 0 };

	memcpy(bytes, card->mac, 6);
	bytes[6] = (uint8_t)((card->net.info.link ? STATUS_LINK_UP : 0) | (card->announce ? STATUS_ANNOUNCE : 0));
	bytes[8] = (uint8_t)card->pairs;
	bytes[10] = (uint8_t)card->mtu;
	bytes[11] = (uint8_t)(card->mtu >> 8);
	memcpy(bytes + 12, &speed, 4);
	bytes[16] = card->net.info.link ? 1 : 0xff; /* full duplex; unknown */
	return offset < sizeof(bytes) ? bytes[offset] : 0;
}

static void driver_reset(void *self)
{
	struct card *card = self;

	card->blocked = 0;
	card->starved = 0;
	memset(card->steering, 0, sizeof(card->steering));
	filter_reset(card);
	wants_update(card);
}

static void ready(void *self)
{
	struct card *card = self;

	card->offloads = card->virtio.agreed & GUEST_OFFLOADS;
	card->active = 1;
	for (uint32_t i = 0; i < card->pairs; i++)
		vmm_virtqueue_listen(&card->virtio.queues[2 * i], 0);
	wants_update(card);
}

static void readable(struct card *card)
{
	if (card->running)
		vmm_net_card_readable(&card->net);
}

static void notify(void *self, uint32_t queue)
{
	struct card *card = self;

	if (vmm_virtio_has(&card->virtio, F_CTRL_VQ) && queue == control_queue(card))
		control(card);
	else if ((queue & 1) != 0)
		transmit(card, queue / 2);
	else
		readable(card);
}

static void writable(void *self)
{
	struct card *card = self;
	uint32_t blocked = card->blocked;

	card->blocked = 0;
	for (uint32_t i = 0; i < PAIRS; i++)
		if ((blocked >> i & 1) != 0)
			transmit(card, i);
}

/* Another link: what is on it should hear of the guest. */
static void changed(void *self)
{
	struct card *card = self;

	if (card->net.info.link && vmm_virtio_has(&card->virtio, F_GUEST_ANNOUNCE))
		card->announce = 1;
	vmm_virtio_config_changed(&card->virtio);
}

static int32_t init(void *self)
{
	struct card *card = self;
	int64_t queue_size = vmm_kit_int(card->host, "queue_size", 256);
	int32_t status;

	card->pairs = (uint32_t)vmm_kit_int(card->host, "queues", 1);
	card->mtu = (uint32_t)vmm_kit_int(card->host, "mtu", 0);
	if (queue_size & (queue_size - 1))
		return vmm_kit_fail(card->host, -EINVAL, "give a power of 2, such as 256", "queue_size = %lld is none",
			(long long)queue_size);
	if (card->mtu != 0 && card->mtu < 68)
		return vmm_kit_fail(card->host, -EINVAL, "give 68 to 65520, or 0 to leave it to the guest",
			"mtu = %u is less than IPv4 needs", card->mtu);
	card->event = vmm_kit_service(card->host, VMM_SERVICE_EVENT);
	card->large = malloc(VMM_NET_FRAME_MAXIMUM);
	if (card->event == NULL || card->large == NULL)
		return card->event == NULL ? -ENOTSUP : -ENOMEM;
	card->virtio.self = card->net.self = card;
	card->virtio.reset = driver_reset;
	card->virtio.ready = ready;
	card->virtio.notify = notify;
	card->virtio.config_read = config_read;
	card->net.receive = receive;
	card->net.writable = writable;
	card->net.changed = changed;
	status = vmm_net_card_init(&card->net, card->host);
	if (status < 0)
		return status;
	const struct vmm_virtio_desc desc = { .type = TYPE_NET,
		.queue_count = (uint16_t)(2 * card->pairs + 1),
		.queue_size = (uint16_t)queue_size,
		.class_code = CLASS_NET,
		.config_length = CONFIG_BYTES,
		.features = FEATURES | (card->pairs > 1 ? F_MQ : 0) | (card->mtu != 0 ? F_MTU : 0) };
	status = vmm_virtio_init(&card->virtio, card->host, &desc);
	return status < 0 ? status : vmm_net_card_add_rom(&card->net, &card->virtio.pci);
}

static int32_t start(void *self)
{
	struct card *card = self;

	card->running = 1;
	vmm_net_card_start(&card->net);
	wants_update(card);
	for (uint32_t i = 0; i < card->active; i++)
		transmit(card, i);
	readable(card);
	return 0;
}

static void stop(void *self)
{
	struct card *card = self;

	card->running = 0;
	vmm_net_card_stop(&card->net);
}

static void reset(void *self, uint32_t kind)
{
	struct card *card = self;

	vmm_virtio_reset(&card->virtio);
	if (kind == VMM_RESET_POWER)
		vmm_net_card_list(&card->net, &card->virtio.pci);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct card, active, PAIRS),
	VMM_FIELD_ARRAY(struct card, mac),
	VMM_FIELD_MAX(struct card, announce, 1),
	VMM_FIELD(struct card, offloads),
	VMM_FIELD_ARRAY_MAX(struct card, steering, PAIRS - 1),
};

static const struct vmm_field filter_fields[] = {
	VMM_FIELD_MAX(struct filter, promiscuous, 1),
	VMM_FIELD_MAX(struct filter, all_multicast, 1),
	VMM_FIELD_MAX(struct filter, all_unicast, 1),
	VMM_FIELD_MAX(struct filter, no_multicast, 1),
	VMM_FIELD_MAX(struct filter, no_unicast, 1),
	VMM_FIELD_MAX(struct filter, no_broadcast, 1),
	VMM_FIELD_MAX(struct filter, overflow, 1),
	VMM_FIELD_MAX(struct filter, address_count, MAC_TABLE),
	VMM_FIELD_ARRAY(struct filter, vlans),
};

static int32_t addresses_put(const struct card *card)
{
	const struct vmm_state_service *state = vmm_kit_service(card->host, VMM_SERVICE_STATE);

	if (state == NULL)
		return -ENOTSUP;
	state->put_bytes(card->host->context, "filter.addresses", card->filter.addresses,
		card->filter.address_count * sizeof(card->filter.addresses[0]));
	return 0;
}

static int32_t addresses_get(struct card *card)
{
	const struct vmm_state_service *state = vmm_kit_service(card->host, VMM_SERVICE_STATE);

	if (state == NULL)
		return -ENOTSUP;
	return state->get_bytes(card->host->context, "filter.addresses", card->filter.addresses,
		card->filter.address_count * sizeof(card->filter.addresses[0]));
}

static int32_t save(void *self)
{
	struct card *card = self;
	int32_t status = vmm_virtio_save(&card->virtio);

	if (status >= 0)
		status = vmm_net_card_save(&card->net);
	if (status >= 0)
		status = vmm_fields_save(card->host, "card.", card, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_save(
			card->host, "filter.", &card->filter, filter_fields, VMM_KIT_COUNT(filter_fields));
	return status < 0 ? status : addresses_put(card);
}

static int32_t load(void *self, uint32_t version)
{
	struct card *card = self;
	int32_t status = vmm_virtio_load(&card->virtio);

	(void)version;
	if (status >= 0)
		status = vmm_net_card_load(&card->net);
	if (status >= 0)
		status = vmm_fields_load(card->host, "card.", card, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_load(
			card->host, "filter.", &card->filter, filter_fields, VMM_KIT_COUNT(filter_fields));
	if (status >= 0)
		status = addresses_get(card);
	if (status < 0)
		return status;
	if (card->active == 0 || card->active > card->pairs || (card->mac[0] & 1) != 0)
		return vmm_kit_fail(card->host, -EINVAL, "give the card the queues that it was saved with",
			"the guest uses %u queue pairs of %u", card->active, card->pairs);
	card->offloads &= card->virtio.agreed & GUEST_OFFLOADS;
	return 0;
}

static void destroy(void *self)
{
	struct card *card = self;

	vmm_net_card_destroy(&card->net);
	vmm_virtio_destroy(&card->virtio);
	free(card->large);
	free(card);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct card *card = self;

	if (strcmp(key, "bus") != 0)
		return vmm_net_card_get_ports(&card->net, &card->virtio.pci, key, side);
	vmm_virtio_get_port(&card->virtio, side);
	return 0;
}

static const struct vmm_instance_ops ops = {
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

static const struct vmm_param params[] = {
	VMM_NET_CARD_PARAMS,
	VMM_NET_CARD_ROM("pxe-virtio.rom"),
	VMM_KIT_PARAM_INT(
		"queues", "1", 1, PAIRS, "Pairs of queues, so that several processors can send and receive at once."),
	VMM_KIT_PARAM_INT("queue_size", "256", 16, VMM_VIRTIO_QUEUE_SIZE, "Descriptors a queue, a power of 2."),
	VMM_KIT_PARAM_INT("mtu", "0", 0, 65520,
		"The greatest packet that the guest is told to send; 0 leaves that to the guest."),
};

static const struct vmm_port_row ports[] = { VMM_NET_CARD_PORTS };

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.virtio-net",
	.name = "virtio network card",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A paravirtual network card: modern virtio on PCI, with offloads and several queues",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(virtio_net, VMM_KIND_DEVICE, descriptor, ops, struct card);
