/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A pseudo-terminal of the host's: the guest's line is its master side, a terminal program opens the other.
 *
 * While nobody has that side open, the master only reports a hang-up, for ever: then it is not watched but looked at
 * now and again, and what the guest writes is dropped.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <vmm/control.h>
#include <vmm/kit/plugin.h>
#include <vmm/kit/stream.h>
#include <vmm/timer.h>

#define DRAIN_TIME 500
#define LOOK_TIME  UINT64_C(250000000) /* ns between looks for somebody who opens it */

struct pty {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	const struct vmm_control_service *control; /* or NULL */
	struct vmm_port_side side;                 /* the stream's */
	struct vmm_stream stream;
	vmm_handle look;
	uint32_t running, linked, present; /* present: somebody has the other side open */
	uint32_t end_due, tell_due;
	int32_t master;
	char name[64]; /* /dev/pts/N */
	char path[4096];
};

static void make_raw(struct pty *pty)
{
	struct termios mode;
	if (tcgetattr(pty->master, &mode) < 0)
		return;
	cfmakeraw(&mode);
	tcsetattr(pty->master, TCSANOW, &mode);
}

static void look_later(struct pty *pty)
{
	vmm_time now = pty->timer->now(pty->host->context, VMM_CLOCK_HOST);
	pty->timer->arm(pty->host->context, pty->look, now + LOOK_TIME);
}

/* Calls up come from the event loop only. */
static void tell(void *self, uint64_t token)
{
	struct pty *pty = self;
	(void)token;
	pty->tell_due = 0;
	if (pty->running)
		vmm_stream_event(&pty->stream, pty->present ? VMM_CHAR_OPENED : VMM_CHAR_CLOSED, 0);
}

static void tell_soon(struct pty *pty)
{
	if (!pty->tell_due && pty->stream.event->defer(pty->host->context, tell, pty, 0) >= 0)
		pty->tell_due = 1;
}

static void look_due(void *self, uint64_t token)
{
	struct pty *pty = self;
	struct pollfd master = { .fd = pty->master, .events = POLLIN };
	(void)token;
	if (!pty->running || pty->present)
		return;
	/* Somebody may have come, written and gone in between: then there is input besides the hang-up. */
	poll(&master, 1, 0);
	if ((master.revents & POLLHUP) != 0 && (master.revents & POLLIN) == 0) {
		look_later(pty);
		return;
	}
	pty->present = 1;
	vmm_stream_open(&pty->stream, pty->master, pty->master, 0);
	tell_soon(pty);
}

static void end(void *self, uint64_t token)
{
	struct pty *pty = self;
	(void)token;
	pty->end_due = 0;
	pty->present = 0;
	vmm_stream_close(&pty->stream);
	make_raw(pty); /* whatever the last one has made of it */
	if (!pty->running)
		return;
	tell_soon(pty);
	look_later(pty);
}

/* The other side was closed.  This may be within a call from above: see to it afterwards. */
static void ended(void *self, int32_t status)
{
	struct pty *pty = self;
	(void)status;
	if (!pty->end_due && pty->stream.event->defer(pty->host->context, end, pty, 0) >= 0)
		pty->end_due = 1;
}

static int32_t open_master(struct pty *pty)
{
	static const char remedy[] = "close some terminals, or see that /dev/pts is mounted";
	pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pty->master < 0 || grantpt(pty->master) < 0 || unlockpt(pty->master) < 0) {
		int error = errno;
		return vmm_kit_fail(pty->host, -error, remedy, "cannot make a pseudo-terminal: %s", strerror(error));
	}
	int error = ptsname_r(pty->master, pty->name, sizeof(pty->name));
	if (error != 0)
		return vmm_kit_fail(pty->host, -error, remedy, "a pseudo-terminal without name: %s", strerror(error));
	make_raw(pty);
	/* A master reports a hang-up only after a first close: have that behind us. */
	int slave = open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave >= 0)
		close(slave);
	return 0;
}

/* A link that an earlier run has left is replaced, nothing else. */
static int32_t make_link(struct pty *pty)
{
	static const char terminals[] = "/dev/pts/";
	char target[64] = "";
	struct stat what;
	if (lstat(pty->path, &what) == 0) {
		ssize_t length = readlink(pty->path, target, sizeof(target) - 1);
		if (length < 0 || strncmp(target, terminals, sizeof(terminals) - 1) != 0)
			return vmm_kit_fail(pty->host, -EEXIST, "remove it, or choose another `path =`",
				"%.3000s is there and is no link to a terminal", pty->path);
		unlink(pty->path);
	}
	if (symlink(pty->name, pty->path) < 0) {
		int error = errno;
		pty->path[0] = '\0';
		return vmm_kit_fail(pty->host, -error, "choose another `path =`",
			"cannot make the link to the pseudo-terminal: %s", strerror(error));
	}
	pty->linked = 1;
	return 0;
}

static int32_t control_name(void *self, uint64_t token, const char *settings, char *reply, uint32_t reply_size)
{
	struct pty *pty = self;
	(void)token;
	(void)settings;
	snprintf(reply, reply_size, "\"%s\"", pty->name);
	return 0;
}

static int32_t init(void *self)
{
	struct pty *pty = self;
	const struct vmm_host *host = pty->host;
	pty->master = -1;
	pty->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	pty->control = host->get_service(host->context, VMM_SERVICE_CONTROL);
	int32_t status = vmm_stream_init(&pty->stream, host, pty);
	if (pty->timer == NULL || status < 0)
		return -ENOTSUP;
	pty->stream.ended = ended;
	vmm_stream_get_port(&pty->stream, &pty->side);
	status = pty->timer->create(host->context, VMM_CLOCK_HOST, look_due, pty, 0, &pty->look);
	if (status >= 0)
		status = open_master(pty);
	if (status < 0)
		return status;
	status = vmm_kit_string(host, "path", pty->path, sizeof(pty->path));
	if (status > 0)
		status = make_link(pty);
	if (status < 0 && status != -ENOENT)
		return status;
	if (pty->control != NULL)
		pty->control->add(host->context, "name", control_name, pty, 0);
	vmm_kit_log(host, VMM_LOG_INFO, "the line is at %s", pty->name);
	return 0;
}

static int32_t start(void *self)
{
	struct pty *pty = self;
	char json[80];
	if (pty->control != NULL && !pty->running) {
		snprintf(json, sizeof(json), "\"%s\"", pty->name);
		pty->control->event(pty->host->context, "name", json);
	}
	pty->running = 1;
	vmm_stream_start(&pty->stream);
	tell_soon(pty);
	if (!pty->present)
		pty->timer->arm(pty->host->context, pty->look, 0);
	return 0;
}

static void stop(void *self)
{
	struct pty *pty = self;
	vmm_stream_stop(&pty->stream, DRAIN_TIME);
	pty->running = 0;
	pty->timer->arm(pty->host->context, pty->look, VMM_TIME_NEVER);
}

static int32_t save(void *self)
{
	struct pty *pty = self;
	return vmm_stream_save(&pty->stream);
}

static int32_t load(void *self, uint32_t version)
{
	struct pty *pty = self;
	(void)version;
	return vmm_stream_load(&pty->stream);
}

static void remove_link(struct pty *pty)
{
	char target[64] = "";
	ssize_t length = readlink(pty->path, target, sizeof(target) - 1);
	/* Another machine's by now? */
	if (length > 0 && strcmp(target, pty->name) == 0)
		unlink(pty->path);
}

static void close_all(struct pty *pty)
{
	if (pty->running)
		stop(pty);
	vmm_stream_close(&pty->stream);
	if (pty->look != 0)
		pty->timer->destroy(pty->host->context, pty->look);
	if (pty->linked)
		remove_link(pty);
	if (pty->master >= 0)
		close(pty->master);
}

static void destroy(void *self)
{
	struct pty *pty = self;
	if (pty->stream.event != NULL)
		close_all(pty);
	free(pty);
}

/* The stream's side of the port, but that a new peer is told whether anybody is there. */

static void attached(void *port_self, const struct vmm_link *link)
{
	struct pty *pty = port_self;
	pty->side.ops->attached(pty->side.port_self, link);
	if (pty->running)
		tell_soon(pty);
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct pty *pty = port_self;
	pty->side.ops->closing(pty->side.port_self, link);
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct pty *pty = port_self;
	pty->side.ops->detached(pty->side.port_self, link);
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct pty *pty = self;
	if (strcmp(key, "line") != 0)
		return -ENOENT;
	side->ops = &port_ops;
	side->port_self = pty;
	side->table = pty->side.table;
	side->self = pty->side.self;
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
	VMM_KIT_PARAM_PATH("path", NULL, "Where to make a symbolic link to the pseudo-terminal; none if unset."),
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
	.id = "org.vmm.char-pty",
	.name = "Pseudo-terminal",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A serial line to a pseudo-terminal that any terminal program can open",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(char_pty, VMM_KIND_CHAR, descriptor, instance_ops, struct pty);
