/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A line over a UNIX or TCP socket, called or calling, plain or as Telnet.
 *
 * One peer at a time; a second one waits in the listener's queue.  While nobody is there, the newest `buffer` bytes of
 * output are kept for who comes next.  With `wait`, the guest's output is held up until the first one has come.
 */
#include <fcntl.h>
#include <unistd.h>

#include <vmm/kit/plugin.h>
#include <vmm/kit/stream.h>
#include <vmm/timer.h>

#include "address.h"
#include "telnet.h"

#define DRAIN_TIME 2000
#define SECOND     UINT64_C(1000000000)
#define PIECE      512

struct line {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_timer_service *timer;
	struct vmm_port_side side; /* the stream's */
	struct vmm_stream stream;
	struct address address;
	struct telnet telnet_state;
	uint32_t listens, waits, telnet, reconnect;
	uint32_t running, ever; /* ever: somebody has been there */
	uint32_t end_due, tell_due, complained;
	int32_t listener, calling, peer; /* descriptors, or -1; calling: not connected yet */
	vmm_handle watch, retry;         /* watch: of the listener or of the call */
	uint8_t kept_data[16384];
	struct vmm_ring kept;
};

static void seek_peer(struct line *line);

/* Calls up come from the event loop only. */
static void tell(void *self, uint64_t token)
{
	struct line *line = self;
	(void)token;
	line->tell_due = 0;
	if (line->running)
		vmm_stream_event(&line->stream, line->peer >= 0 ? VMM_CHAR_OPENED : VMM_CHAR_CLOSED, 0);
}

static void tell_soon(struct line *line)
{
	if (!line->tell_due && line->event->defer(line->host->context, tell, line, 0) >= 0)
		line->tell_due = 1;
}

static void unwatch(struct line *line)
{
	if (line->watch != 0)
		line->event->unwatch(line->host->context, line->watch);
	line->watch = 0;
}

/* Output.  It is kept and queued as it goes over the wire. */

static uint32_t wire_form(const struct line *line, const uint8_t *data, uint32_t length, uint8_t *wire)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < length; i++) {
		wire[count++] = data[i];
		if (line->telnet && data[i] == TELNET_IAC)
			wire[count++] = TELNET_IAC;
	}
	return count;
}

/* The oldest makes room for the newest. */
static void keep(struct line *line, const uint8_t *wire, uint32_t length)
{
	if (length > line->kept.size) {
		wire += length - line->kept.size;
		length = line->kept.size;
	}
	if (length > vmm_ring_space(&line->kept))
		vmm_ring_drop(&line->kept, length - vmm_ring_space(&line->kept));
	vmm_ring_write(&line->kept, wire, length);
}

static int32_t char_write(void *self, const void *data, uint32_t length)
{
	struct line *line = self;
	const uint8_t *bytes = data;
	const struct vmm_char_lower *below = line->side.table;
	uint8_t wire[2 * PIECE];
	uint32_t done = 0;
	if (line->peer < 0 && line->waits && !line->ever) {
		line->stream.short_write = 1;
		return 0;
	}
	if (line->peer >= 0 && !line->telnet)
		return below->write(line->side.self, data, length);
	while (done < length) {
		uint32_t piece = length - done < PIECE ? length - done : PIECE;
		uint32_t count = wire_form(line, bytes + done, piece, wire);
		if (line->peer < 0) {
			keep(line, wire, count);
		} else if (vmm_ring_space(&line->stream.out) >= 2 * PIECE) {
			below->write(line->side.self, wire, count);
		} else {
			/* It is not empty, so a flush is under way and tells of the room. */
			line->stream.short_write = 1;
			break;
		}
		done += piece;
	}
	return (int32_t)done;
}

static void char_readable(void *self)
{
	struct line *line = self;
	const struct vmm_char_lower *below = line->side.table;
	below->readable(line->side.self);
}

static void char_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

static const struct vmm_char_lower lower = {
	.struct_size = sizeof(struct vmm_char_lower),
	.write = char_write,
	.readable = char_readable,
	.event = char_event,
};

/* Telnet. */

static void send_reply(struct line *line)
{
	vmm_stream_inject(&line->stream, line->telnet_state.reply, line->telnet_state.reply_length);
	line->telnet_state.reply_length = 0;
}

static uint32_t filter(void *self, uint8_t *data, uint32_t length)
{
	struct line *line = self;
	if (!line->telnet)
		return length;
	uint32_t left = telnet_input(&line->telnet_state, data, length);
	if (line->telnet_state.reply_length > 0)
		send_reply(line);
	if (line->telnet_state.breaks)
		vmm_stream_event(&line->stream, VMM_CHAR_BREAK, 0);
	line->telnet_state.breaks = 0;
	return left;
}

/* Peers. */

static void connected(struct line *line, int32_t fd)
{
	uint32_t length;
	uint8_t wire[PIECE];
	unwatch(line);
	address_tune(&line->address, fd);
	line->peer = fd;
	line->ever = 1;
	line->complained = 0;
	vmm_stream_open(&line->stream, fd, fd, VMM_STREAM_SOCKET);
	if (line->telnet) {
		telnet_start(&line->telnet_state, line->listens);
		send_reply(line);
	}
	while ((length = line->kept.count < PIECE ? line->kept.count : PIECE) > 0) {
		for (uint32_t i = 0; i < length; i++)
			wire[i] = vmm_ring_at(&line->kept, i);
		if (!vmm_stream_inject(&line->stream, wire, length))
			break;
		vmm_ring_drop(&line->kept, length);
	}
	vmm_ring_clear(&line->kept);
	tell_soon(line);
	if (line->stream.short_write && line->stream.upper != NULL) {
		line->stream.short_write = 0;
		line->stream.upper->writable(line->stream.upper_self);
	}
}

static void end(void *self, uint64_t token)
{
	struct line *line = self;
	uint32_t length;
	(void)token;
	line->end_due = 0;
	if (line->peer < 0)
		return;
	/* What it has not been sent is for the next. */
	while (line->kept.size > 0 && line->stream.out.count > 0) {
		const uint8_t *piece = vmm_ring_piece(&line->stream.out, &length);
		keep(line, piece, length);
		vmm_ring_drop(&line->stream.out, length);
	}
	vmm_stream_close(&line->stream);
	close(line->peer);
	line->peer = -1;
	if (!line->running)
		return;
	tell_soon(line);
	seek_peer(line);
}

/* This may be within a call from above: see to it afterwards. */
static void ended(void *self, int32_t status)
{
	struct line *line = self;
	(void)status;
	if (!line->end_due && line->event->defer(line->host->context, end, line, 0) >= 0)
		line->end_due = 1;
}

static void accept_ready(void *self, uint64_t token, uint32_t events)
{
	struct line *line = self;
	(void)token;
	(void)events;
	int fd = accept4(line->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		connected(line, fd);
}

static void retry_later(struct line *line, int error)
{
	if (!line->complained)
		vmm_kit_log(line->host, VMM_LOG_WARNING, "cannot connect to %s: %s%s", line->address.text,
			strerror(error), line->reconnect > 0 ? "; trying again" : "; `reconnect =` would try again");
	line->complained = 1;
	if (line->reconnect > 0)
		line->timer->arm(line->host->context, line->retry,
			line->timer->now(line->host->context, VMM_CLOCK_HOST) + line->reconnect * SECOND);
}

static void call_ready(void *self, uint64_t token, uint32_t events)
{
	struct line *line = self;
	int error = 0;
	socklen_t length = sizeof(error);
	int32_t fd = line->calling;
	(void)token;
	(void)events;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	unwatch(line);
	line->calling = -1;
	if (error == 0) {
		connected(line, fd);
		return;
	}
	close(fd);
	retry_later(line, error);
}

static void call(struct line *line)
{
	uint32_t pending = 0;
	int32_t fd = address_connect(&line->address, &pending);
	if (fd < 0) {
		retry_later(line, -fd);
	} else if (!pending) {
		connected(line, fd);
	} else if (line->event->watch(line->host->context, fd, VMM_EVENT_WRITE, call_ready, line, 0, &line->watch) >=
		0) {
		line->calling = fd;
	} else {
		close(fd);
		retry_later(line, ENOMEM);
	}
}

static void retry_due(void *self, uint64_t token)
{
	struct line *line = self;
	(void)token;
	if (line->running && line->peer < 0 && line->calling < 0)
		call(line);
}

/* Nobody is there: listen, or call soon. */
static void seek_peer(struct line *line)
{
	void *context = line->host->context;
	if (line->peer >= 0 || line->watch != 0)
		return;
	if (line->listens)
		line->event->watch(context, line->listener, VMM_EVENT_READ, accept_ready, line, 0, &line->watch);
	else if (!line->ever)
		line->timer->arm(context, line->retry, 0);
	else if (line->reconnect > 0)
		line->timer->arm(
			context, line->retry, line->timer->now(context, VMM_CLOCK_HOST) + line->reconnect * SECOND);
}

/* The instance. */

static int32_t init(void *self)
{
	struct line *line = self;
	const struct vmm_host *host = line->host;
	line->listener = line->calling = line->peer = -1;
	line->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	int32_t status = vmm_stream_init(&line->stream, host, line);
	if (line->timer == NULL || status < 0)
		return -ENOTSUP;
	line->event = line->stream.event;
	line->stream.filter = filter;
	line->stream.ended = ended;
	vmm_stream_get_port(&line->stream, &line->side);
	line->listens = vmm_kit_bool(host, "listen", 0);
	line->waits = vmm_kit_bool(host, "wait", 0);
	line->telnet = vmm_kit_bool(host, "telnet", 0);
	line->reconnect = (uint32_t)vmm_kit_int(host, "reconnect", 1);
	vmm_ring_init(&line->kept, line->kept_data, (uint32_t)vmm_kit_int(host, "buffer", 0));
	status = line->timer->create(host->context, VMM_CLOCK_HOST, retry_due, line, 0, &line->retry);
	if (status >= 0)
		status = address_init(&line->address, host);
	if (status < 0 || !line->listens)
		return status;
	status = address_listen(&line->address, host);
	if (status < 0)
		return status;
	line->listener = status;
	return 0;
}

static int32_t start(void *self)
{
	struct line *line = self;
	line->running = 1;
	vmm_stream_start(&line->stream);
	tell_soon(line);
	seek_peer(line);
	return 0;
}

static void stop(void *self)
{
	struct line *line = self;
	vmm_stream_stop(&line->stream, DRAIN_TIME);
	line->running = 0;
	unwatch(line);
	line->timer->arm(line->host->context, line->retry, VMM_TIME_NEVER);
	if (line->calling >= 0)
		close(line->calling);
	line->calling = -1;
}

static int32_t save(void *self)
{
	struct line *line = self;
	int32_t status = vmm_stream_save(&line->stream);
	return status < 0 ? status : vmm_ring_save(line->host, "kept", &line->kept);
}

static int32_t load(void *self, uint32_t version)
{
	struct line *line = self;
	(void)version;
	int32_t status = vmm_stream_load(&line->stream);
	return status < 0 ? status : vmm_ring_load(line->host, "kept", &line->kept);
}

static void close_all(struct line *line)
{
	if (line->running)
		stop(line);
	vmm_stream_close(&line->stream);
	if (line->retry != 0)
		line->timer->destroy(line->host->context, line->retry);
	if (line->peer >= 0)
		close(line->peer);
	if (line->listener >= 0)
		close(line->listener);
	address_remove(&line->address);
}

static void destroy(void *self)
{
	struct line *line = self;
	if (line->event != NULL)
		close_all(line);
	free(line);
}

/* The stream's side of the port, with our table before it. */

static void attached(void *port_self, const struct vmm_link *link)
{
	struct line *line = port_self;
	line->side.ops->attached(line->side.port_self, link);
	if (line->running)
		tell_soon(line);
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct line *line = port_self;
	line->side.ops->closing(line->side.port_self, link);
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct line *line = port_self;
	line->side.ops->detached(line->side.port_self, link);
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "line") != 0)
		return -ENOENT;
	side->ops = &port_ops;
	side->port_self = self;
	side->table = &lower;
	side->self = self;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_PATH("path", NULL, "A UNIX socket's path."),
	VMM_KIT_PARAM_STRING("host", "127.0.0.1", "For TCP: the name or address to connect to, or to listen at."),
	VMM_KIT_PARAM_INT("port", NULL, 1, 65535, "For TCP: the port's number."),
	VMM_KIT_PARAM_BOOL("listen", "no", "Whether to wait to be called, rather than to call."),
	VMM_KIT_PARAM_BOOL(
		"wait", "no", "Whether to hold the guest's output up, losing none, until somebody is connected."),
	VMM_KIT_PARAM_BOOL("telnet", "no", "Whether the peer speaks Telnet."),
	VMM_KIT_PARAM_INT("reconnect", "1", 0, 3600,
		"Seconds until the next try when a call has failed or ended; 0: no other try."),
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "buffer", "0", 0, 16384, NULL,
		"How many of the newest bytes of output to keep while nobody is connected."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_LIVE, "line", VMM_PORT_CHAR, "The serial line."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.char-socket",
	.name = "Socket",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A serial line over a UNIX or TCP socket, or Telnet",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(char_socket, VMM_KIND_CHAR, descriptor, instance_ops, struct line);
