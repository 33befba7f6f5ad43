/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/net_mode.h>

#include <errno.h>
#include <string.h>

#define UP_LIMIT (512u << 10)

static void call_soon(struct vmm_net_mode *mode);

/* From the event loop: all that is to go up. */
static void call_up(void *self, uint64_t token)
{
	struct vmm_net_mode *mode = self;
	(void)token;
	mode->call_due = 0;
	if (mode->upper == NULL)
		return;
	if (mode->tell_changed) {
		mode->tell_changed = 0;
		mode->upper->changed(mode->upper_self);
	}
	if (!mode->running)
		return;
	if (mode->tell_writable) {
		mode->tell_writable = 0;
		mode->upper->writable(mode->upper_self);
	}
	if (!mode->upper_full && mode->upper != NULL) {
		uint32_t before = mode->up.count;
		uint32_t busy = vmm_net_mode_busy(mode);
		/* It may say `readable` within: then it is asked again. */
		mode->upper_full = 1;
		uint32_t taken = vmm_net_queue_pass(&mode->up, VMM_TIME_NEVER, mode->upper->receive, mode->upper_self);
		mode->received += taken;
		/* It may have said within that it takes less than is waiting. */
		if (mode->restrict_due)
			mode->lost += vmm_net_queue_restrict(&mode->up, mode->capabilities);
		mode->restrict_due = 0;
		if (taken == before)
			mode->upper_full = 0;
		if (!mode->upper_full && mode->up.count > 0)
			call_soon(mode);
		if (busy && !vmm_net_mode_busy(mode) && mode->drained != NULL)
			mode->drained(mode->self);
	}
}

static void call_soon(struct vmm_net_mode *mode)
{
	if (!mode->call_due && mode->event->defer(mode->host->context, call_up, mode, 0) >= 0)
		mode->call_due = 1;
}

int32_t vmm_net_mode_init(struct vmm_net_mode *mode, const struct vmm_host *host)
{
	mode->host = host;
	mode->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	if (mode->up.limit == 0)
		mode->up.limit = UP_LIMIT;
	return mode->event != NULL ? 0 : -ENOTSUP;
}

void vmm_net_mode_destroy(struct vmm_net_mode *mode)
{
	vmm_net_queue_clear(&mode->up);
}

uint32_t vmm_net_mode_busy(const struct vmm_net_mode *mode)
{
	return mode->up.bytes > mode->up.limit / 2;
}

void vmm_net_mode_receive(struct vmm_net_mode *mode, const struct vmm_net_frame *frame)
{
	if (mode->upper == NULL)
		return;
	if (vmm_net_queue_add(&mode->up, frame, 0) < 0)
		mode->lost++;
	if (mode->running && !mode->upper_full)
		call_soon(mode);
}

void vmm_net_mode_bytes(struct vmm_net_mode *mode, const void *data, uint64_t length, uint32_t flags)
{
	const struct vmm_net_segment segment = { data, length };
	const struct vmm_net_frame frame = {
		.struct_size = sizeof(frame),
		.flags = flags,
		.length = length,
		.segments = &segment,
		.segment_count = 1,
	};
	if (vmm_net_check(&frame) == 0)
		vmm_net_mode_receive(mode, &frame);
}

void vmm_net_mode_writable(struct vmm_net_mode *mode)
{
	mode->tell_writable = 1;
	call_soon(mode);
}

void vmm_net_mode_changed(struct vmm_net_mode *mode)
{
	mode->tell_changed = 1;
	call_soon(mode);
}

void vmm_net_mode_start(struct vmm_net_mode *mode)
{
	mode->running = 1;
	mode->upper_full = 0;
	call_soon(mode);
}

void vmm_net_mode_stop(struct vmm_net_mode *mode)
{
	mode->running = 0;
}

/* The port. */

static int32_t port_info(void *self, struct vmm_net_info *info)
{
	struct vmm_net_mode *mode = self;
	struct vmm_net_info full = { .struct_size = sizeof(full), .link = 1, .mtu = 1500 };
	mode->info(mode->self, &full);
	uint32_t size = info->struct_size < sizeof(full) ? info->struct_size : (uint32_t)sizeof(full);
	full.struct_size = info->struct_size;
	memcpy(info, &full, size);
	return 0;
}

static uint32_t port_send(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct vmm_net_mode *mode = self;
	struct vmm_net_info info = { .struct_size = sizeof(info) };
	port_info(mode, &info);
	if (!mode->running || !info.link)
		return count;
	uint32_t taken = mode->send(mode->self, frames, stride, count);
	mode->sent += taken;
	return taken;
}

static void port_readable(void *self)
{
	struct vmm_net_mode *mode = self;
	mode->upper_full = 0;
	if (mode->running)
		call_soon(mode);
}

static void port_wants(void *self, const struct vmm_net_wants *wants)
{
	struct vmm_net_mode *mode = self;
	mode->capabilities = wants->capabilities;
	if (mode->up.passing)
		mode->restrict_due = 1;
	else
		mode->lost += vmm_net_queue_restrict(&mode->up, mode->capabilities);
}

static const struct vmm_net_lower lower = {
	.struct_size = sizeof(struct vmm_net_lower),
	.info = port_info,
	.send = port_send,
	.readable = port_readable,
	.wants = port_wants,
};

static void attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_mode *mode = port_self;
	mode->upper = link->peer;
	mode->upper_self = link->peer_self;
	mode->upper_full = 0;
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_net_mode *mode = port_self;
	(void)link;
	mode->upper = NULL;
	mode->tell_writable = mode->tell_changed = 0;
	mode->capabilities = 0;
	vmm_net_queue_clear(&mode->up);
	/* Its sockets have been waiting for it. */
	if (mode->drained != NULL)
		mode->drained(mode->self);
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

void vmm_net_mode_get_port(struct vmm_net_mode *mode, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = mode;
	side->table = &lower;
	side->self = mode;
}
