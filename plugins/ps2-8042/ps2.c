/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: services, the input port, saved state.
 */
#include "ps2.h"

static void byte_due(void *self, uint64_t token)
{
	(void)token;
	controller_transfer(self);
}

static void repeat_due(void *self, uint64_t token)
{
	(void)token;
	keyboard_repeat(self);
}

static void report_due(void *self, uint64_t token)
{
	(void)token;
	mouse_report(self);
}

static void device_init(struct device *device)
{
	vmm_ring_init(&device->queue, device->queue_data, QUEUE_SIZE);
	vmm_ring_init(&device->reply, device->reply_data, REPLY_SIZE);
}

static int32_t init(void *self)
{
	struct ps2 *ps2 = self;
	const struct vmm_host *host = ps2->host;
	void *context = host->context;
	ps2->io = vmm_kit_service(host, VMM_SERVICE_IO);
	ps2->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	ps2->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	ps2->power = vmm_kit_service(host, VMM_SERVICE_POWER);
	if (ps2->io == NULL || ps2->irq == NULL || ps2->timer == NULL || ps2->power == NULL)
		return -ENOTSUP;
	device_init(&ps2->keyboard.device);
	device_init(&ps2->mouse.device);
	ps2->mouse.rate = 100;
	int32_t status = ps2->io->claim(context, 0x60, 1, VMM_IO_SIZE_1, 0, &controller_ops, ps2, 0, &ps2->data_claim);
	if (status >= 0)
		status = ps2->io->claim(
			context, 0x64, 1, VMM_IO_SIZE_1, 0, &controller_ops, ps2, 1, &ps2->command_claim);
	if (status < 0)
		return vmm_kit_fail(
			host, status, "leave one of the two devices out", "I/O ports 0x60 and 0x64 are taken");
	status = ps2->irq->open(context, 1, &ps2->irq1);
	if (status >= 0)
		status = ps2->irq->open(context, 12, &ps2->irq12);
	if (status >= 0)
		status = ps2->timer->create(context, VMM_CLOCK_GUEST, byte_due, ps2, 0, &ps2->byte_timer);
	if (status >= 0)
		status = ps2->timer->create(context, VMM_CLOCK_GUEST, repeat_due, ps2, 0, &ps2->repeat_timer);
	if (status >= 0)
		status = ps2->timer->create(context, VMM_CLOCK_GUEST, report_due, ps2, 0, &ps2->report_timer);
	return status;
}

static void reset(void *self, uint32_t kind)
{
	struct ps2 *ps2 = self;
	controller_reset(ps2, kind);
	keyboard_reset(ps2);
	mouse_reset(ps2);
	ps2->timer->arm(ps2->host->context, ps2->byte_timer, VMM_TIME_NEVER);
	/* Both devices have passed their own test and say so, once their clocks are let go. */
	if (kind == VMM_RESET_POWER) {
		vmm_ring_push(&ps2->keyboard.device.reply, 0xaa);
		vmm_ring_push(&ps2->mouse.device.reply, 0xaa);
		vmm_ring_push(&ps2->mouse.device.reply, 0x00);
	}
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct ps2, ccb),
	VMM_FIELD_ARRAY(struct ps2, ram),
	VMM_FIELD(struct ps2, output),
	VMM_FIELD_MAX(struct ps2, full, 1),
	VMM_FIELD_MAX(struct ps2, source, 2),
	VMM_FIELD(struct ps2, data),
	VMM_FIELD(struct ps2, command),
	VMM_FIELD_MAX(struct ps2, a2, 1),
	VMM_FIELD_MAX(struct ps2, released, 0x80),
	VMM_FIELD(struct ps2, next_byte),
};

static const struct vmm_field device_fields[] = {
	VMM_FIELD_MAX(struct device, enabled, 1),
	VMM_FIELD(struct device, argument),
	VMM_FIELD(struct device, last),
};

static const struct vmm_field keyboard_fields[] = {
	VMM_FIELD_MAX(struct keyboard, set, 3),
	VMM_FIELD_MAX(struct keyboard, leds, 7),
	VMM_FIELD_MAX(struct keyboard, rate, 0x7f),
	VMM_FIELD(struct keyboard, repeat),
	VMM_FIELD_ARRAY(struct keyboard, down),
	VMM_FIELD_ARRAY(struct keyboard, make_only),
	VMM_FIELD_ARRAY(struct keyboard, no_repeat),
	VMM_FIELD(struct keyboard, repeat_at),
};

static const struct vmm_field mouse_fields[] = {
	VMM_FIELD_MAX(struct mouse, remote, 1),
	VMM_FIELD_MAX(struct mouse, wrap, 1),
	VMM_FIELD_MAX(struct mouse, scale, 1),
	VMM_FIELD_MAX(struct mouse, resolution, 3),
	VMM_FIELD(struct mouse, rate),
	VMM_FIELD_MAX(struct mouse, id, 4),
	VMM_FIELD_MAX(struct mouse, knock, 3),
	VMM_FIELD_MAX(struct mouse, buttons, 0x1f),
	VMM_FIELD_MAX(struct mouse, reported, 0x1f),
	VMM_FIELD(struct mouse, dx),
	VMM_FIELD(struct mouse, dy),
	VMM_FIELD(struct mouse, dz),
	VMM_FIELD(struct mouse, next_report),
};

static int32_t save(void *self)
{
	struct ps2 *ps2 = self;
	const struct vmm_host *host = ps2->host;
	struct keyboard *keyboard = &ps2->keyboard;
	struct mouse *mouse = &ps2->mouse;
	int32_t status = vmm_fields_save(host, "", ps2, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_save(host, "keyboard.", keyboard, keyboard_fields, VMM_KIT_COUNT(keyboard_fields));
	if (status >= 0)
		status = vmm_fields_save(
			host, "keyboard.", &keyboard->device, device_fields, VMM_KIT_COUNT(device_fields));
	if (status >= 0)
		status = vmm_fields_save(host, "mouse.", mouse, mouse_fields, VMM_KIT_COUNT(mouse_fields));
	if (status >= 0)
		status = vmm_fields_save(host, "mouse.", &mouse->device, device_fields, VMM_KIT_COUNT(device_fields));
	if (status >= 0)
		status = vmm_ring_save(host, "keyboard.queue", &keyboard->device.queue);
	if (status >= 0)
		status = vmm_ring_save(host, "keyboard.reply", &keyboard->device.reply);
	if (status >= 0)
		status = vmm_ring_save(host, "mouse.queue", &mouse->device.queue);
	return status < 0 ? status : vmm_ring_save(host, "mouse.reply", &mouse->device.reply);
}

static int32_t load(void *self, uint32_t version)
{
	struct ps2 *ps2 = self;
	const struct vmm_host *host = ps2->host;
	struct keyboard *keyboard = &ps2->keyboard;
	struct mouse *mouse = &ps2->mouse;
	(void)version;
	int32_t status = vmm_fields_load(host, "", ps2, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_load(host, "keyboard.", keyboard, keyboard_fields, VMM_KIT_COUNT(keyboard_fields));
	if (status >= 0)
		status = vmm_fields_load(
			host, "keyboard.", &keyboard->device, device_fields, VMM_KIT_COUNT(device_fields));
	if (status >= 0)
		status = vmm_fields_load(host, "mouse.", mouse, mouse_fields, VMM_KIT_COUNT(mouse_fields));
	if (status >= 0)
		status = vmm_fields_load(host, "mouse.", &mouse->device, device_fields, VMM_KIT_COUNT(device_fields));
	if (status >= 0)
		status = vmm_ring_load(host, "keyboard.queue", &keyboard->device.queue);
	if (status >= 0)
		status = vmm_ring_load(host, "keyboard.reply", &keyboard->device.reply);
	if (status >= 0)
		status = vmm_ring_load(host, "mouse.queue", &mouse->device.queue);
	if (status >= 0)
		status = vmm_ring_load(host, "mouse.reply", &mouse->device.reply);
	if (status < 0)
		return status;
	if (keyboard->set == 0 || mouse->rate == 0 || mouse->dx < -(1 << 20) || mouse->dx > 1 << 20 ||
		mouse->dy < -(1 << 20) || mouse->dy > 1 << 20 || mouse->dz < -(1 << 20) || mouse->dz > 1 << 20)
		return vmm_kit_fail(host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"saved keyboard or mouse settings are out of range");
	ps2->power->a20(host->context, (ps2->output & OUTPUT_A20) != 0);
	ps2->timer->arm(host->context, ps2->byte_timer, ps2->next_byte);
	ps2->timer->arm(host->context, ps2->repeat_timer, keyboard->repeat_at);
	ps2->timer->arm(host->context, ps2->report_timer, mouse->next_report);
	keyboard_tell_leds(ps2);
	return 0;
}

static void destroy(void *self)
{
	struct ps2 *ps2 = self;
	void *context = ps2->host->context;
	const vmm_handle timers[3] = { ps2->byte_timer, ps2->repeat_timer, ps2->report_timer };
	if (ps2->data_claim != 0)
		ps2->io->release(context, ps2->data_claim);
	if (ps2->command_claim != 0)
		ps2->io->release(context, ps2->command_claim);
	for (uint32_t i = 0; i < 3; i++) {
		if (timers[i] != 0)
			ps2->timer->destroy(context, timers[i]);
	}
	free(ps2);
}

/* The input port: several may type. */

static int32_t input_key(void *self, uint32_t usage, uint32_t down)
{
	return keyboard_key(self, usage, down);
}

static int32_t input_pointer(void *self, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons)
{
	return mouse_move(self, dx, dy, dz, buttons);
}

static const struct vmm_input_upper input_upper = {
	.struct_size = sizeof(struct vmm_input_upper),
	.key = input_key,
	.pointer = input_pointer,
};

static void input_attached(void *self, const struct vmm_link *link)
{
	struct ps2 *ps2 = self;
	for (uint32_t i = 0; i < INPUT_PEERS; i++) {
		if (ps2->peers[i].table != NULL)
			continue;
		ps2->peers[i].table = link->peer;
		ps2->peers[i].self = link->peer_self;
		ps2->peers[i].id = link->id;
		keyboard_tell_leds(ps2);
		return;
	}
}

static void input_detached(void *self, const struct vmm_link *link)
{
	struct ps2 *ps2 = self;
	for (uint32_t i = 0; i < INPUT_PEERS; i++) {
		if (ps2->peers[i].id == link->id)
			ps2->peers[i].table = NULL;
	}
}

static const struct vmm_port_ops input_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = input_attached,
	.detached = input_detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") == 0) {
		vmm_kit_port_isa(self, side);
		return 0;
	}
	if (strcmp(key, "input") != 0)
		return -ENOENT;
	side->ops = &input_ops;
	side->port_self = self;
	side->table = &input_upper;
	side->self = self;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_port_row ports[] = {
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_CORE | VMM_PORT_LIVE,
		.maximum = INPUT_PEERS,
		.key = "input",
		.interfaces = VMM_PORT_INPUT,
		.help = "Who types and moves the mouse.",
	},
	VMM_KIT_PORT_ISA_CHILD,
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.ps2-8042",
	.name = "8042 keyboard controller",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's keyboard controller with a keyboard and a wheel mouse",
	.ports = ports,
};

VMM_KIT_PLUGIN(ps2_8042, VMM_KIND_DEVICE, descriptor, instance_ops, struct ps2);
