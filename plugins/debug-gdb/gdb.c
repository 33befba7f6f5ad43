/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * debug-gdb: GDB's remote protocol over any byte stream.
 *
 * A debugger that calls stops the processors; when it goes they run on, without its breakpoints.
 */
#include "gdb.h"

static void flush_later(void *self, uint64_t token)
{
	struct gdb *gdb = self;

	(void)token;
	gdb->flush_due = 0;
	packet_flush(gdb);
}

/* Calls down are not made from within a call up. */
static void flush(struct gdb *gdb)
{
	if (gdb->flush_due || gdb->out_sent >= gdb->out_length)
		return;
	gdb->flush_due = 1;
	if (gdb->event->defer(gdb->host->context, flush_later, gdb, 0) < 0)
		gdb->flush_due = 0;
}

static void stopped(void *self, uint64_t token, const struct vmm_cpu_stop *stop)
{
	struct gdb *gdb = self;
	bool first = !gdb->standing;

	(void)token;
	gdb->standing = 1;
	gdb->stop = *stop;
	if (first)
		gdb->thread = stop->cpu;
	if (!gdb->chosen)
		target_choose(gdb);
	if (gdb->stop_due) {
		gdb->stop_due = 0;
		command_stopped(gdb);
		flush(gdb);
	}
}

int32_t gdb_go(struct gdb *gdb, uint32_t cpu, uint32_t step)
{
	int32_t status = gdb->cpu->resume(gdb->host->context, cpu, step);

	if (status >= 0) {
		gdb->standing = 0;
		gdb->stop_due = 1;
	}
	return status;
}

static int32_t watch(struct gdb *gdb)
{
	int32_t status = 0;

	if (!gdb->watching)
		status = gdb->cpu->watch(gdb->host->context, stopped, gdb, 0);
	gdb->watching = status >= 0;
	return status;
}

void gdb_leave(struct gdb *gdb)
{
	if (gdb->watching)
		gdb->cpu->watch(gdb->host->context, NULL, NULL, 0);
	gdb->watching = gdb->standing = gdb->stop_due = 0;
	gdb->chosen = ARCH_AUTO;
	gdb->thread = 0;
}

static int32_t init(void *self)
{
	struct gdb *gdb = self;

	gdb->cpu = vmm_kit_service(gdb->host, VMM_SERVICE_CPU);
	gdb->event = vmm_kit_service(gdb->host, VMM_SERVICE_EVENT);
	gdb->power = vmm_kit_service(gdb->host, VMM_SERVICE_POWER);
	if (gdb->cpu == NULL || gdb->event == NULL || gdb->power == NULL)
		return -ENOTSUP;
	gdb->arch = vmm_kit_choice(gdb->host, "arch");
	gdb->wait = (uint8_t)vmm_kit_bool(gdb->host, "wait", 0);
	return 0;
}

static int32_t start(void *self)
{
	struct gdb *gdb = self;

	if (!gdb->wait)
		return 0;
	gdb->wait = 0;
	if (watch(gdb) < 0)
		return vmm_kit_fail(gdb->host, -EBUSY, "leave one of them out", "another debugger has the processors");
	return gdb->cpu->stop(gdb->host->context);
}

static void destroy(void *self)
{
	struct gdb *gdb = self;

	if (gdb->cpu != NULL && gdb->watching)
		gdb->cpu->watch(gdb->host->context, NULL, NULL, 0);
	free(gdb);
}

/* The byte stream. */

static int32_t receive(void *self, const void *data, uint32_t length)
{
	struct gdb *gdb = self;
	int32_t taken;

	gdb->connected = 1;
	if (watch(gdb) < 0)
		return (int32_t)length;
	taken = packet_receive(gdb, data, length);
	flush(gdb);
	return taken;
}

static void writable(void *self)
{
	flush(self);
}

static void event(void *self, uint32_t what, uint64_t value)
{
	struct gdb *gdb = self;

	(void)value;
	if (what == VMM_CHAR_OPENED) {
		packet_forget(gdb);
		gdb->connected = 1;
		if (watch(gdb) >= 0)
			gdb->cpu->stop(gdb->host->context);
	} else if (what == VMM_CHAR_CLOSED && gdb->connected) {
		packet_forget(gdb);
		gdb->connected = 0;
		gdb_leave(gdb);
	}
}

static const struct vmm_char_upper upper = {
	.struct_size = sizeof(struct vmm_char_upper),
	.receive = receive,
	.writable = writable,
	.event = event,
};

static void attached(void *self, const struct vmm_link *link)
{
	struct gdb *gdb = self;

	gdb->backend = link->peer;
	gdb->backend_self = link->peer_self;
	packet_forget(gdb);
}

static void closing(void *self, const struct vmm_link *link)
{
	struct gdb *gdb = self;

	(void)link;
	gdb->backend = NULL;
	packet_forget(gdb);
	if (gdb->connected)
		gdb_leave(gdb);
	gdb->connected = 0;
}

static void detached(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "backend") != 0)
		return -ENOENT;
	side->port_self = side->self = self;
	side->ops = &port_ops;
	side->table = &upper;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_CHOICE("arch", "auto", "auto|i386|x86-64",
		"Which registers the debugger is shown; auto goes by the code that runs when it calls."),
	VMM_KIT_PARAM_BOOL("wait", "no", "Stand still at power-on until a debugger lets the machine go on."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "backend", VMM_PORT_CHAR, "Where the debugger is."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.debug-gdb",
	.name = "GDB stub",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Lets GDB see and steer the guest: registers, memory, breakpoints, watchpoints, single steps",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(debug_gdb, VMM_KIND_DEVICE, descriptor, instance_ops, struct gdb);
