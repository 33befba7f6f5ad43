/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A line with nobody at the other end: takes everything, says nothing.
 */
#include <vmm/kit/plugin.h>
#include <vmm/port-char.h>

struct null {
	const struct vmm_host *host;
};

static int32_t char_write(void *self, const void *data, uint32_t length)
{
	(void)self;
	(void)data;
	return length > INT32_MAX ? INT32_MAX : (int32_t)length;
}

static void char_readable(void *self)
{
	(void)self;
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

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "line") != 0)
		return -ENOENT;
	vmm_kit_port_quiet(self, &lower, side);
	return 0;
}

static void destroy(void *self)
{
	free(self);
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_LIVE, "line", VMM_PORT_CHAR, "The serial line."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.char-null",
	.name = "Nothing",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A serial line that swallows all output and has no input",
	.ports = ports,
};

VMM_KIT_PLUGIN(char_null, VMM_KIND_CHAR, descriptor, instance_ops, struct null);
