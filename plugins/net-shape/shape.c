/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A filter that makes the network behind it slower, longer or worse.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/control.h>
#include <vmm/kit/plugin.h>

#include "setting.h"

#define MESSAGE 256

struct shape {
	const struct vmm_host *host;
	struct vmm_net_filter filter;
	struct lane lanes[2]; /* from the guest, to the guest */
};

/* Between the filter and its lanes. */

static uint32_t from_card(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct shape *shape = self;
	return lane_add(&shape->lanes[0], frames, stride, count);
}

static uint32_t from_network(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct shape *shape = self;
	return lane_add(&shape->lanes[1], frames, stride, count);
}

static uint32_t to_network(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct shape *shape = self;
	return vmm_net_filter_down(&shape->filter, frames, stride, count);
}

static uint32_t to_card(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct shape *shape = self;
	return vmm_net_filter_up(&shape->filter, frames, stride, count);
}

static void card_again(void *self)
{
	struct shape *shape = self;
	vmm_net_filter_writable(&shape->filter);
}

static void network_again(void *self)
{
	struct shape *shape = self;
	vmm_net_filter_readable(&shape->filter);
}

static void network_writable(void *self)
{
	struct shape *shape = self;
	lane_unblock(&shape->lanes[0]);
}

/* This may be within a call down, where nothing may be passed up: the timer does. */
static void card_readable(void *self)
{
	struct shape *shape = self;
	lane_unblock_soon(&shape->lanes[1]);
}

/* Control methods. */

static json_t *lane_json(const struct lane *lane)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:I}", "bandwidth", (json_int_t)lane->settings.bandwidth,
		"latency", (double)lane->settings.latency / 1e6, "jitter", (double)lane->settings.jitter / 1e6, "loss",
		(double)lane->settings.loss / 1e4, "passed", (json_int_t)lane->passed, "lost", (json_int_t)lane->lost,
		"waiting", (json_int_t)lane->queue.count, "bytes", (json_int_t)lane->queue.bytes);
}

static int32_t call_info(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct shape *shape = self;
	(void)token;
	(void)params;
	json_t *value = json_pack("{s:o, s:o}", "up", lane_json(&shape->lanes[0]), "down", lane_json(&shape->lanes[1]));
	size_t length = value != NULL ? json_dumpb(value, reply, size - 1, JSON_COMPACT | JSON_REAL_PRECISION(9)) : 0;
	json_decref(value);
	if (length == 0 || length >= size)
		return -ENOMEM;
	reply[length] = '\0';
	return 0;
}

/* All of them, or none. */
static int32_t call_set(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	struct shape *shape = self;
	struct lane_settings settings[2] = { shape->lanes[0].settings, shape->lanes[1].settings };
	json_t *root = json_loads(params, 0, NULL), *value;
	const char *key;
	int32_t status = 0;
	(void)token;
	if (json_object_size(root) == 0) {
		snprintf(reply, size, "set what? Say latency=20ms, bandwidth_up=1M or loss=0.5%%");
		json_decref(root);
		return -EINVAL;
	}
	json_object_foreach(root, key, value)
	{
		char text[64] = "";
		if (json_is_string(value))
			snprintf(text, sizeof(text), "%s", json_string_value(value));
		else
			json_dumpb(
				value, text, sizeof(text) - 1, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
		if (status == 0)
			status = setting_set(settings, key, text, reply, size);
	}
	json_decref(root);
	if (status < 0)
		return status == -ENOENT ? -EINVAL : status;
	for (uint32_t i = 0; i < 2; i++)
		lane_change(&shape->lanes[i], &settings[i]);
	return call_info(shape, 0, "", reply, size);
}

/* Life. */

static int32_t settings_read(struct shape *shape, struct lane_settings settings[2])
{
	char text[64], message[MESSAGE];
	for (uint32_t i = 0; i < SETTING_COUNT; i++) {
		int32_t length = vmm_kit_string(shape->host, setting_keys[i], text, sizeof(text));
		if (length == -ENOENT)
			continue;
		if (length < 0)
			snprintf(text, sizeof(text), "(too long)");
		if (setting_set(settings, setting_keys[i], text, message, sizeof(message)) < 0)
			return vmm_kit_fail(shape->host, -EINVAL, "write it as 10M, 20ms or 0.5%", "%s", message);
	}
	return 0;
}

static int32_t init(void *self)
{
	struct shape *shape = self;
	const struct vmm_host *host = shape->host;
	struct lane_settings settings[2] = { 0 };
	int32_t status = settings_read(shape, settings);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < 2; i++) {
		struct lane *lane = &shape->lanes[i];
		lane->host = host;
		lane->self = shape;
		lane->settings = settings[i];
		lane->queue_limit = (uint32_t)vmm_kit_int(host, "queue", 256 << 10);
		lane->take = i == 0 ? to_network : to_card;
		lane->room_again = i == 0 ? card_again : network_again;
		lane->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
		lane->random = vmm_kit_service(host, VMM_SERVICE_RANDOM);
		if (lane->timer == NULL || lane->random == NULL)
			return -ENOTSUP;
		status = lane_init(lane);
		if (status < 0)
			goto fail;
	}
	shape->filter.self = shape;
	shape->filter.down = from_card;
	shape->filter.up = from_network;
	shape->filter.writable = network_writable;
	shape->filter.readable = card_readable;
	if (vmm_net_filter_init(&shape->filter, host) < 0)
		return -ENOTSUP;
	const struct vmm_control_service *control = host->get_service(host->context, VMM_SERVICE_CONTROL);
	if (control != NULL)
		status = control->add(host->context, "info", call_info, shape, 0);
	if (control != NULL && status == 0)
		status = control->add(host->context, "set", call_set, shape, 0);
fail:
	return status < 0 ? vmm_kit_fail(host, status, "close other programs", "%s", strerror(-status)) : 0;
}

static int32_t start(void *self)
{
	struct shape *shape = self;
	lane_start(&shape->lanes[0]);
	lane_start(&shape->lanes[1]);
	return 0;
}

static void stop(void *self)
{
	struct shape *shape = self;
	lane_stop(&shape->lanes[0]);
	lane_stop(&shape->lanes[1]);
}

/* Frames on their way are not part of a state: networks lose some. */
static int32_t load(void *self, uint32_t version)
{
	struct shape *shape = self;
	(void)version;
	lane_clear(&shape->lanes[0]);
	lane_clear(&shape->lanes[1]);
	return 0;
}

static void destroy(void *self)
{
	struct shape *shape = self;
	lane_destroy(&shape->lanes[0]);
	lane_destroy(&shape->lanes[1]);
	free(shape);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct shape *shape = self;
	return vmm_net_filter_get_port(&shape->filter, key, side);
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

#define BOTH(KEY, HELP) \
	VMM_KIT_PARAM_STRING(KEY, NULL, HELP), \
		VMM_KIT_PARAM_STRING(KEY "_up", NULL, "The same, from the guest only."), \
		VMM_KIT_PARAM_STRING(KEY "_down", NULL, "The same, to the guest only.")

static const struct vmm_param params[] = {
	BOTH("bandwidth", "Bits a second, with k, M or G for powers of 1000; 0 is no limit."),
	BOTH("latency", "How long a frame travels, in ms, us or s."),
	BOTH("jitter", "How much shorter or longer it may travel, by chance; frames keep their order."),
	BOTH("loss", "How many of a hundred frames are lost, by chance: 0.5 or 0.5%."),
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "queue", "256K", 2048, INT64_C(16) << 20, NULL,
		"How many bytes may wait in each direction to be sent, where there is a bandwidth."),
};

static const struct vmm_port_row ports[] = { VMM_NET_FILTER_PORTS };

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.net-shape",
	.name = "Network shaper",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Gives the network behind it a bandwidth, a latency, jitter and loss",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(net_shape, VMM_KIND_NET, descriptor, ops, struct shape);
