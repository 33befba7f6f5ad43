/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/control.h>
#include <vmm/kit/plugin.h>

#include "segment.h"

static void port_info(void *self, struct vmm_net_info *info)
{
	struct segment *segment = self;
	info->capabilities = VMM_NET_CHECKSUM | VMM_NET_TCP4 | VMM_NET_TCP6 | VMM_NET_UDP | VMM_NET_ECN;
	info->mtu = segment->mtu;
}

static void frame_send(struct segment *segment, const struct vmm_net_frame *frame)
{
	uint8_t address[6];
	if (vmm_net_check(frame) < 0)
		return;
	vmm_net_copy(frame, 0, address, sizeof(address));
	uint32_t who = address_find(segment, address);
	for (uint32_t i = 0; i < segment->peer_count; i++) {
		if (who == 0 || segment->peers[i]->id == who)
			peer_send(segment->peers[i], frame);
	}
}

/* Never short: what another member has no room for is lost, so that it cannot hold up the rest. */
static uint32_t port_send(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct segment *segment = self;
	for (uint32_t i = 0; i < count; i++)
		frame_send(segment, vmm_net_frame_at(frames, stride, i));
	peers_sweep(segment);
	return count;
}

static void port_drained(void *self)
{
	peers_resume(self);
}

static int32_t call_info(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct segment *segment = self;
	json_t *addresses = json_array();
	(void)token;
	(void)params;
	for (uint32_t i = 0; i < SEGMENT_ADDRESSES; i++) {
		const uint8_t *a = segment->known[i].address;
		if (segment->known[i].peer != 0)
			json_array_append_new(addresses,
				json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]));
	}
	json_t *value = json_pack("{s:s, s:s, s:i, s:o, s:I, s:I, s:I}", "segment", segment->name, "folder",
		segment->folder, "others", (int)segment->peer_count, "addresses", addresses, "received",
		(json_int_t)segment->mode.received, "sent", (json_int_t)segment->mode.sent, "lost",
		(json_int_t)(segment->mode.lost + segment->dropped));
	size_t length = value != NULL ? json_dumpb(value, reply, size - 1, JSON_COMPACT) : 0;
	json_decref(value);
	if (length == 0 || length >= size)
		return -ENOMEM;
	reply[length] = '\0';
	return 0;
}

static void retry(void *self, uint64_t token)
{
	struct segment *segment = self;
	(void)token;
	if (segment->running)
		segment_join(segment);
}

static int32_t name_read(struct segment *segment)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	int32_t length = vmm_kit_string(segment->host, "name", segment->name, sizeof(segment->name));
	if (length <= 0 || length > 40 || strspn(segment->name, letters) != (size_t)length)
		return vmm_kit_fail(segment->host, -EINVAL, "choose another `name =`",
			"a segment's name has 1 to 40 letters, digits, - and _");
	return 0;
}

static int32_t init(void *self)
{
	struct segment *segment = self;
	const struct vmm_host *host = segment->host;
	segment->listener = -1;
	segment->mtu = (uint32_t)vmm_kit_int(host, "mtu", 1500);
	segment->mode.self = segment;
	segment->mode.info = port_info;
	segment->mode.send = port_send;
	segment->mode.drained = port_drained;
	segment->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (segment->timer == NULL || vmm_net_mode_init(&segment->mode, host) < 0)
		return -ENOTSUP;
	int32_t status = name_read(segment);
	if (status == 0)
		status = segment_folder(segment);
	if (status < 0)
		return status;
	segment->buffer = malloc(VMM_NET_FRAME_MAXIMUM);
	segment->room = malloc(VMM_NET_ROOM);
	if (segment->buffer == NULL || segment->room == NULL)
		status = -ENOMEM;
	if (status == 0)
		status = segment->timer->create(host->context, VMM_CLOCK_HOST, retry, segment, 0, &segment->retry);
	const struct vmm_control_service *control = host->get_service(host->context, VMM_SERVICE_CONTROL);
	if (status == 0 && control != NULL)
		status = control->add(host->context, "info", call_info, segment, 0);
	return status < 0 ? vmm_kit_fail(host, status, "close other programs", "%s", strerror(-status)) : 0;
}

static int32_t start(void *self)
{
	struct segment *segment = self;
	segment->running = 1;
	vmm_net_mode_start(&segment->mode);
	segment_join(segment);
	return 0;
}

/* A machine that stands still is no member: nobody has to wait for it. */
static void stop(void *self)
{
	struct segment *segment = self;
	segment->running = 0;
	segment_leave(segment);
	vmm_net_mode_stop(&segment->mode);
}

static int32_t load(void *self, uint32_t version)
{
	struct segment *segment = self;
	(void)version;
	vmm_net_queue_clear(&segment->mode.up);
	return 0;
}

static void destroy(void *self)
{
	struct segment *segment = self;
	if (segment->retry != 0) {
		segment_leave(segment);
		segment->timer->destroy(segment->host->context, segment->retry);
	}
	vmm_net_mode_destroy(&segment->mode);
	free(segment->buffer);
	free(segment->room);
	free(segment);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct segment *segment = self;
	if (strcmp(key, "card") != 0)
		return -ENOENT;
	vmm_net_mode_get_port(&segment->mode, side);
	return 0;
}

static const struct vmm_instance_ops ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_STRING("name", "lan", "The segment's name: machines that say the same one are joined."),
	VMM_KIT_PARAM_PATH(
		"folder", NULL, "The folder with the members' sockets, in place of one that is made from the name."),
	VMM_KIT_PARAM_INT("mtu", "1500", 576, 65520, "The largest packet on the segment, in bytes."),
};

static const struct vmm_port_row ports[] = { VMM_NET_MODE_PORT };

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.net-segment",
	.name = "Network between machines",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A private switch between the machines of one user, over UNIX sockets",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(net_segment, VMM_KIND_NET, descriptor, ops, struct segment);
