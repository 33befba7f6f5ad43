/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A filter that writes all frames that pass it into a file.
 *
 * It records what was taken, as it would be on a wire: frames that stand for several are cut, and checksums that were
 * left to somebody are put.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/control.h>
#include <vmm/kit/net_mode.h>
#include <vmm/kit/plugin.h>
#include <vmm/timer.h>

#include "capture.h"

struct dump {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	struct vmm_net_filter filter;
	struct capture capture;
	uint8_t *room;
	vmm_time now; /* of the frames that are just being recorded */
};

static int32_t record_one(void *self, const struct vmm_net_frame *frame)
{
	struct dump *dump = self;
	capture_add(&dump->capture, frame, dump->now);
	return 0;
}

static void record(struct dump *dump, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	if (count > 0)
		dump->now = dump->timer->now(dump->host->context, VMM_CLOCK_REAL);
	for (uint32_t i = 0; i < count; i++)
		vmm_net_finish(vmm_net_frame_at(frames, stride, i), 0, dump->room, record_one, dump);
}

static uint32_t down(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct dump *dump = self;
	uint32_t taken = vmm_net_filter_down(&dump->filter, frames, stride, count);
	record(dump, frames, stride, taken);
	return taken;
}

static uint32_t up(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct dump *dump = self;
	uint32_t taken = vmm_net_filter_up(&dump->filter, frames, stride, count);
	record(dump, frames, stride, taken);
	return taken;
}

static int32_t call_info(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct capture *capture = &((struct dump *)self)->capture;
	(void)token;
	(void)params;
	json_t *value = json_pack("{s:s, s:I, s:I, s:I, s:b, s:o}", "file", capture->path, "bytes",
		(json_int_t)capture->bytes, "frames", (json_int_t)capture->frames, "dropped",
		(json_int_t)capture->dropped, "full", (int)capture->full, "error",
		capture->error != 0 ? json_string(strerror(-capture->error)) : json_null());
	size_t length = value != NULL ? json_dumpb(value, reply, size - 1, JSON_COMPACT) : 0;
	json_decref(value);
	if (length == 0 || length >= size)
		return -ENOMEM;
	reply[length] = '\0';
	return 0;
}

static int32_t init(void *self)
{
	struct dump *dump = self;
	struct capture *capture = &dump->capture;
	const struct vmm_host *host = dump->host;
	capture->host = host;
	capture->fd = -1;
	capture->limit = (uint64_t)vmm_kit_int(host, "limit", 0);
	capture->snaplen = (uint32_t)vmm_kit_int(host, "snaplen", VMM_NET_FRAME_MAXIMUM);
	if (vmm_kit_string(host, "file", capture->path, sizeof(capture->path)) <= 0)
		return vmm_kit_fail(
			host, -EINVAL, "set `file =` to a shorter one", "the file's name is missing or too long");
	dump->filter.self = dump;
	dump->filter.down = down;
	dump->filter.up = up;
	dump->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	capture->task = vmm_kit_service(host, VMM_SERVICE_TASK);
	if (dump->timer == NULL || capture->task == NULL || vmm_net_filter_init(&dump->filter, host) < 0)
		return -ENOTSUP;
	const struct vmm_control_service *control = host->get_service(host->context, VMM_SERVICE_CONTROL);
	int32_t status = control != NULL ? control->add(host->context, "info", call_info, dump, 0) : 0;
	dump->room = malloc(VMM_NET_ROOM);
	if (status == 0)
		status = dump->room != NULL ? capture_init(capture) : -ENOMEM;
	if (status < 0)
		return vmm_kit_fail(host, status, "close other programs", "%s", strerror(-status));
	return capture_open(capture);
}

/* Only a machine that starts empties the file. */
static int32_t start(void *self)
{
	struct dump *dump = self;
	return dump->capture.bytes == 0 ? capture_begin(&dump->capture) : 0;
}

static void stop(void *self)
{
	struct dump *dump = self;
	capture_flush(&dump->capture);
}

static void destroy(void *self)
{
	struct dump *dump = self;
	capture_destroy(&dump->capture);
	free(dump->room);
	free(dump);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct dump *dump = self;
	return vmm_net_filter_get_port(&dump->filter, key, side);
}

static const struct vmm_instance_ops ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	{ sizeof(struct vmm_param), VMM_PARAM_PATH, VMM_PARAM_REQUIRED, 0, "file", NULL, 0, 0, NULL,
		"The capture file; it is emptied first." },
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "limit", "1G", 4096, INT64_MAX, NULL,
		"The most that the file may have; the capture ends there."),
	VMM_KIT_PARAM_INT("snaplen", "65550", 14, 65550, "How many bytes of each frame are written."),
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
	.id = "org.vmm.net-dump",
	.name = "Network capture",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Writes the frames between a network card and its network into a pcap file",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(net_dump, VMM_KIND_NET, descriptor, ops, struct dump);
