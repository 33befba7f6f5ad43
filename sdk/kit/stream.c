/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/stream.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CAREFUL_LENGTH 64

static void update(struct vmm_stream *stream);

int32_t vmm_stream_init(struct vmm_stream *stream, const struct vmm_host *host, void *self)
{
	stream->host = host;
	stream->self = self;
	stream->in_fd = stream->out_fd = -1;
	vmm_ring_init(&stream->in, stream->in_data, sizeof(stream->in_data));
	vmm_ring_init(&stream->out, stream->out_data, sizeof(stream->out_data));
	stream->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	return stream->event != NULL ? 0 : -ENOTSUP;
}

/* Output. */

static ssize_t put(struct vmm_stream *stream, const uint8_t *data, uint32_t length)
{
	if ((stream->flags & VMM_STREAM_SOCKET) != 0)
		return send(stream->out_fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if ((stream->flags & VMM_STREAM_WAITS) != 0) {
		struct pollfd ready = { .fd = stream->out_fd, .events = POLLOUT };
		if (poll(&ready, 1, 0) == 0) {
			errno = EAGAIN;
			return -1;
		}
		if (length > CAREFUL_LENGTH)
			length = CAREFUL_LENGTH;
	}
	return write(stream->out_fd, data, length);
}

/* Write until the buffer is empty or the descriptor takes no more. */
static void flush(struct vmm_stream *stream)
{
	stream->out_blocked = 0;
	while (stream->out.count > 0 && stream->out_fd >= 0) {
		uint32_t length;
		const uint8_t *piece = vmm_ring_piece(&stream->out, &length);
		ssize_t done = put(stream, piece, length);
		if (done > 0) {
			vmm_ring_drop(&stream->out, (uint32_t)done);
		} else if (done < 0 && errno == EINTR) {
			continue;
		} else if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			stream->out_blocked = 1;
			return;
		} else {
			/* Broken: drop what there is, so that the guest goes on. */
			int32_t status = done < 0 ? -errno : -EIO;
			vmm_ring_clear(&stream->out);
			if (stream->ended != NULL)
				stream->ended(stream->self, status);
			return;
		}
	}
}

static void flush_and_tell(struct vmm_stream *stream)
{
	flush(stream);
	update(stream);
	if (stream->short_write && vmm_ring_space(&stream->out) > 0 && stream->upper != NULL) {
		stream->short_write = 0;
		stream->upper->writable(stream->upper_self);
	}
}

static void deferred_flush(void *self, uint64_t token)
{
	struct vmm_stream *stream = self;
	(void)token;
	stream->flush_due = 0;
	flush_and_tell(stream);
}

static void flush_soon(struct vmm_stream *stream)
{
	if (stream->flush_due)
		return;
	if (stream->event->defer(stream->host->context, deferred_flush, stream, 0) >= 0)
		stream->flush_due = 1;
}

/* Input. */

static void offer(struct vmm_stream *stream)
{
	while (stream->running && stream->in.count > 0 && stream->upper != NULL && !stream->upper_full) {
		uint32_t length;
		const uint8_t *piece = vmm_ring_piece(&stream->in, &length);
		int32_t taken = stream->upper->receive(stream->upper_self, piece, length);
		if (taken < 0 || (uint32_t)taken > length)
			taken = 0;
		vmm_ring_drop(&stream->in, (uint32_t)taken);
		if ((uint32_t)taken < length)
			stream->upper_full = 1;
	}
}

static void input(struct vmm_stream *stream)
{
	uint8_t data[1024];
	uint32_t room = vmm_ring_space(&stream->in);
	if (stream->in_fd < 0 || stream->in_ended || room == 0 || !stream->running)
		return;
	if (room > sizeof(data))
		room = sizeof(data);
	ssize_t length = (stream->flags & VMM_STREAM_SOCKET) != 0 ? recv(stream->in_fd, data, room, MSG_DONTWAIT)
								  : read(stream->in_fd, data, room);
	if (length > 0) {
		uint32_t left = (uint32_t)length;
		if (stream->filter != NULL)
			left = stream->filter(stream->self, data, left);
		vmm_ring_write(&stream->in, data, left);
		return;
	}
	if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	stream->in_ended = 1;
	if (stream->ended != NULL)
		stream->ended(stream->self, length < 0 ? -errno : 0);
}

static void deferred_read(void *self, uint64_t token)
{
	struct vmm_stream *stream = self;
	(void)token;
	stream->read_due = 0;
	if (stream->in_always)
		input(stream);
	offer(stream);
	update(stream);
}

static void read_soon(struct vmm_stream *stream)
{
	if (stream->read_due)
		return;
	if (stream->event->defer(stream->host->context, deferred_read, stream, 0) >= 0)
		stream->read_due = 1;
}

/* Watches.  One that would ask for nothing is taken away, since a hang-up would be reported for ever. */

static void ready(void *self, uint64_t token, uint32_t events)
{
	struct vmm_stream *stream = self;
	(void)token;
	if ((events & (VMM_EVENT_READ | VMM_EVENT_HANGUP)) != 0) {
		input(stream);
		offer(stream);
	}
	if ((events & (VMM_EVENT_WRITE | VMM_EVENT_HANGUP)) != 0)
		flush_and_tell(stream);
	update(stream);
}

static void set_watch(struct vmm_stream *stream, int32_t fd, uint32_t events, uint32_t *present, vmm_handle *watch)
{
	void *context = stream->host->context;
	if (events == *present)
		return;
	if (events == 0) {
		stream->event->unwatch(context, *watch);
		*watch = 0;
		*present = 0;
	} else if (*watch != 0) {
		stream->event->modify(context, *watch, events);
		*present = events;
	} else if (stream->event->watch(context, fd, events, ready, stream, 0, watch) >= 0) {
		*present = events;
	} else {
		/* A plain file or /dev/null: always ready, and refused by epoll. */
		*watch = 0;
		if ((events & VMM_EVENT_READ) != 0)
			stream->in_always = 1;
	}
}

static void update(struct vmm_stream *stream)
{
	uint32_t in = 0;
	uint32_t out = 0;
	if (stream->in_fd >= 0 && stream->running && !stream->in_ended && vmm_ring_space(&stream->in) > 0)
		in = VMM_EVENT_READ;
	if (stream->out_fd >= 0 && stream->out_blocked)
		out = VMM_EVENT_WRITE;
	if (stream->in_fd >= 0 && stream->in_fd == stream->out_fd) {
		set_watch(stream, stream->in_fd, in | out, &stream->in_events, &stream->in_watch);
		return;
	}
	if (stream->in_always) {
		if (in != 0)
			read_soon(stream);
	} else if (stream->in_fd >= 0) {
		set_watch(stream, stream->in_fd, in, &stream->in_events, &stream->in_watch);
		if (stream->in_always)
			read_soon(stream);
	}
	if (stream->out_fd >= 0) {
		uint32_t present = stream->out_watch != 0 ? VMM_EVENT_WRITE : 0;
		set_watch(stream, stream->out_fd, out, &present, &stream->out_watch);
	}
}

/* The owner's side. */

void vmm_stream_open(struct vmm_stream *stream, int32_t in_fd, int32_t out_fd, uint32_t flags)
{
	vmm_stream_close(stream);
	stream->in_fd = in_fd;
	stream->out_fd = out_fd;
	stream->flags = flags;
	stream->in_ended = stream->in_always = stream->out_blocked = 0;
	update(stream);
	if (stream->out.count > 0)
		flush_soon(stream);
}

void vmm_stream_close(struct vmm_stream *stream)
{
	if (stream->event == NULL)
		return;
	if (stream->in_watch != 0)
		stream->event->unwatch(stream->host->context, stream->in_watch);
	if (stream->out_watch != 0)
		stream->event->unwatch(stream->host->context, stream->out_watch);
	stream->in_watch = stream->out_watch = 0;
	stream->in_events = 0;
	if (stream->out_fd >= 0)
		vmm_ring_clear(&stream->out);
	stream->in_fd = stream->out_fd = -1;
	stream->in_always = stream->out_blocked = 0;
	if (stream->short_write)
		flush_soon(stream);
}

uint32_t vmm_stream_inject(struct vmm_stream *stream, const void *data, uint32_t length)
{
	if (stream->out_fd < 0 || vmm_ring_space(&stream->out) < length)
		return 0;
	vmm_ring_write(&stream->out, data, length);
	flush_soon(stream);
	return 1;
}

void vmm_stream_event(struct vmm_stream *stream, uint32_t event, uint64_t value)
{
	if (stream->upper != NULL)
		stream->upper->event(stream->upper_self, event, value);
}

void vmm_stream_start(struct vmm_stream *stream)
{
	stream->running = 1;
	stream->upper_full = 0;
	read_soon(stream);
	if (stream->out.count > 0 || stream->short_write)
		flush_soon(stream);
	update(stream);
}

void vmm_stream_stop(struct vmm_stream *stream, int32_t milliseconds)
{
	struct timespec time;
	stream->running = 0;
	if (stream->event == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &time);
	int64_t end = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000 + milliseconds;
	while (stream->out.count > 0 && stream->out_fd >= 0) {
		flush(stream);
		clock_gettime(CLOCK_MONOTONIC, &time);
		int64_t left = end - ((int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000);
		if (stream->out.count == 0 || left <= 0)
			break;
		struct pollfd wait = { .fd = stream->out_fd, .events = POLLOUT };
		poll(&wait, 1, (int)left);
	}
	update(stream);
}

int32_t vmm_stream_save(struct vmm_stream *stream)
{
	int32_t status = vmm_ring_save(stream->host, "in", &stream->in);
	return status < 0 ? status : vmm_ring_save(stream->host, "out", &stream->out);
}

int32_t vmm_stream_load(struct vmm_stream *stream)
{
	int32_t status = vmm_ring_load(stream->host, "in", &stream->in);
	if (status >= 0)
		status = vmm_ring_load(stream->host, "out", &stream->out);
	/* The device may have been left with a short write: tell it that there is room. */
	stream->short_write = 1;
	return status;
}

/* The port. */

static int32_t char_write(void *self, const void *data, uint32_t length)
{
	struct vmm_stream *stream = self;
	if (length > INT32_MAX)
		length = INT32_MAX;
	if (stream->out_fd < 0)
		return (int32_t)length;
	if (vmm_ring_space(&stream->out) < length)
		flush(stream);
	uint32_t done = vmm_ring_write(&stream->out, data, length);
	if (done < length)
		stream->short_write = 1;
	if (stream->out_blocked)
		update(stream);
	else
		flush_soon(stream);
	return (int32_t)done;
}

static void char_readable(void *self)
{
	struct vmm_stream *stream = self;
	stream->upper_full = 0;
	read_soon(stream);
}

static void char_event(void *self, uint32_t event, uint64_t value)
{
	struct vmm_stream *stream = self;
	if (stream->signal != NULL)
		stream->signal(stream->self, event, value);
}

static const struct vmm_char_lower lower = {
	.struct_size = sizeof(struct vmm_char_lower),
	.write = char_write,
	.readable = char_readable,
	.event = char_event,
};

static void attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_stream *stream = port_self;
	stream->upper = link->peer;
	stream->upper_self = link->peer_self;
	stream->upper_full = 0;
	if (stream->running)
		read_soon(stream);
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_stream *stream = port_self;
	(void)link;
	stream->upper = NULL;
	stream->short_write = 0;
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

void vmm_stream_get_port(struct vmm_stream *stream, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = stream;
	side->table = &lower;
	side->self = stream;
}
