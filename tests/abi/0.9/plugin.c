/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A plugin as somebody may have built it with SDK 0.9: a device and a char backend in one file, from nothing but the
 * frozen headers (no kit).  It is never changed again, whatever becomes of the current ones.
 */
#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/param.h>
#include <vmm/plugin.h>
#include <vmm/port-char.h>
#include <vmm/port-isa.h>
#include <vmm/state.h>
#include <vmm/timer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The device: what is written to port 0 is sent to the line and kept; port 1 says how many bytes came from it; an
 * interrupt a millisecond after each write. */
struct device {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	const struct vmm_state_service *state;
	vmm_handle claim, source, alarm;
	const struct vmm_char_lower *line;
	void *line_self;
	uint64_t kept, received, deadline;
};

static int32_t device_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct device *device = self;
	(void)token;
	(void)size;
	*value = offset == 0 ? (uint32_t)device->kept : (uint32_t)(device->received & 0xff);
	if (offset == 1)
		device->irq->set(device->host->context, device->source, 0);
	return 0;
}

static int32_t device_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct device *device = self;
	uint8_t byte = (uint8_t)value;
	(void)token;
	(void)size;
	if (offset != 0)
		return 0;
	device->kept = byte;
	device->deadline = device->timer->now(device->host->context, VMM_CLOCK_GUEST) + 1000000;
	device->timer->arm(device->host->context, device->alarm, device->deadline);
	if (device->line != NULL)
		device->line->write(device->line_self, &byte, 1);
	return 0;
}

static const struct vmm_io_ops device_io = { sizeof(struct vmm_io_ops), 0, device_read, device_write };

static void device_alarm(void *self, uint64_t token)
{
	struct device *device = self;
	(void)token;
	device->deadline = VMM_TIME_NEVER;
	device->irq->set(device->host->context, device->source, 1);
}

static int32_t line_receive(void *self, const void *data, uint32_t length)
{
	struct device *device = self;
	(void)data;
	device->received += length;
	return (int32_t)length;
}

static void line_writable(void *self)
{
	(void)self;
}

static void line_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

static const struct vmm_char_upper line_upper = { sizeof(struct vmm_char_upper), 0, line_receive, line_writable,
	line_event };

static int32_t device_init(void *self)
{
	struct device *device = self;
	const struct vmm_host *host = device->host;
	const struct vmm_param_service *param = host->get_service(host->context, VMM_SERVICE_PARAM);
	int64_t port = 0x2f0;
	device->io = host->get_service(host->context, VMM_SERVICE_IO);
	device->irq = host->get_service(host->context, VMM_SERVICE_IRQ);
	device->timer = host->get_service(host->context, VMM_SERVICE_TIMER);
	device->state = host->get_service(host->context, VMM_SERVICE_STATE);
	device->deadline = VMM_TIME_NEVER;
	if (param == NULL || device->io == NULL || device->irq == NULL || device->timer == NULL ||
		device->state == NULL) {
		host->fail(host->context, "a service is missing", "use another host");
		return -ENOTSUP;
	}
	param->get_int(host->context, "port", &port);
	int32_t status = device->io->claim(
		host->context, (uint32_t)port, 2, VMM_IO_SIZE_1, 0, &device_io, device, 0, &device->claim);
	if (status >= 0)
		status = device->irq->open(host->context, 10, &device->source);
	if (status >= 0)
		status = device->timer->create(host->context, VMM_CLOCK_GUEST, device_alarm, device, 0, &device->alarm);
	if (status < 0)
		host->fail(host->context, "a port, a line or a timer is not to be had", "choose another `port =`");
	return status;
}

static void device_reset(void *self, uint32_t kind)
{
	struct device *device = self;
	(void)kind;
	device->kept = device->received = 0;
	device->deadline = VMM_TIME_NEVER;
	device->timer->arm(device->host->context, device->alarm, VMM_TIME_NEVER);
	device->irq->set(device->host->context, device->source, 0);
}

static int32_t device_save(void *self)
{
	struct device *device = self;
	device->state->put_u64(device->host->context, "kept", device->kept);
	device->state->put_u64(device->host->context, "received", device->received);
	device->state->put_u64(device->host->context, "deadline", device->deadline);
	return 0;
}

static int32_t device_load(void *self, uint32_t version)
{
	struct device *device = self;
	(void)version;
	device->state->get_u64(device->host->context, "kept", &device->kept);
	device->state->get_u64(device->host->context, "received", &device->received);
	device->state->get_u64(device->host->context, "deadline", &device->deadline);
	device->timer->arm(device->host->context, device->alarm, device->deadline);
	return 0;
}

static void device_destroy(void *self)
{
	struct device *device = self;
	if (device->alarm != 0)
		device->timer->destroy(device->host->context, device->alarm);
	if (device->claim != 0)
		device->io->release(device->host->context, device->claim);
	free(device);
}

static void line_attached(void *self, const struct vmm_link *link)
{
	struct device *device = self;
	device->line = link->peer;
	device->line_self = link->peer_self;
}

static void line_closing(void *self, const struct vmm_link *link)
{
	struct device *device = self;
	(void)link;
	device->line = NULL;
}

static void nothing(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
}

static const struct vmm_port_ops line_ops = { sizeof(struct vmm_port_ops), 0, NULL, line_attached, line_closing,
	nothing };
static const struct vmm_port_ops bus_ops = { sizeof(struct vmm_port_ops), 0, NULL, nothing, NULL, nothing };
static const struct vmm_isa_lower bus_lower = { sizeof(struct vmm_isa_lower), 0, NULL };

static int32_t device_port(void *self, const char *key, struct vmm_port_side *side)
{
	side->port_self = side->self = self;
	if (strcmp(key, "line") == 0) {
		side->ops = &line_ops;
		side->table = &line_upper;
	} else if (strcmp(key, "bus") == 0) {
		side->ops = &bus_ops;
		side->table = &bus_lower;
	} else {
		return -ENOENT;
	}
	return 0;
}

static const struct vmm_instance_ops device_ops = { sizeof(struct vmm_instance_ops), 0, device_init, NULL, NULL,
	device_reset, device_save, device_load, device_destroy, device_port };

/* The backend: an echo.  What does not fit is not taken, and asked for again. */
struct echo {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_state_service *state;
	const struct vmm_char_upper *upper;
	void *upper_self;
	uint8_t data[64];
	uint32_t count, deferred, refused;
};

static void echo_send(void *self, uint64_t token)
{
	struct echo *echo = self;
	int32_t taken;
	(void)token;
	echo->deferred = 0;
	if (echo->upper == NULL || echo->count == 0)
		return;
	taken = echo->upper->receive(echo->upper_self, echo->data, echo->count);
	if (taken > 0) {
		memmove(echo->data, echo->data + taken, echo->count - (uint32_t)taken);
		echo->count -= (uint32_t)taken;
	}
	if (echo->refused && echo->upper != NULL) {
		echo->refused = 0;
		echo->upper->writable(echo->upper_self);
	}
}

static void echo_defer(struct echo *echo)
{
	if (!echo->deferred && echo->count > 0)
		echo->deferred = echo->event->defer(echo->host->context, echo_send, echo, 0) >= 0;
}

static int32_t echo_write(void *self, const void *data, uint32_t length)
{
	struct echo *echo = self;
	uint32_t room = sizeof(echo->data) - echo->count;
	uint32_t taken = length < room ? length : room;
	memcpy(echo->data + echo->count, data, taken);
	echo->count += taken;
	echo->refused = taken < length;
	echo_defer(echo);
	return (int32_t)taken;
}

static void echo_readable(void *self)
{
	echo_defer(self);
}

static const struct vmm_char_lower echo_lower = { sizeof(struct vmm_char_lower), 0, echo_write, echo_readable,
	line_event };

static int32_t echo_init(void *self)
{
	struct echo *echo = self;
	echo->event = echo->host->get_service(echo->host->context, VMM_SERVICE_EVENT);
	echo->state = echo->host->get_service(echo->host->context, VMM_SERVICE_STATE);
	if (echo->event != NULL && echo->state != NULL)
		return 0;
	echo->host->fail(echo->host->context, "a service is missing", "use another host");
	return -ENOTSUP;
}

static int32_t echo_start(void *self)
{
	echo_defer(self);
	return 0;
}

static int32_t echo_save(void *self)
{
	struct echo *echo = self;
	echo->state->put_u64(echo->host->context, "refused", echo->refused);
	echo->state->put_bytes(echo->host->context, "data", echo->data, echo->count);
	return 0;
}

static int32_t echo_load(void *self, uint32_t version)
{
	struct echo *echo = self;
	int64_t length = echo->state->length(echo->host->context, "data");
	uint64_t refused = 0;
	(void)version;
	if (length < 0 || length > (int64_t)sizeof(echo->data)) {
		echo->host->fail(echo->host->context, "the saved data has a wrong length", "start the machine afresh");
		return -EINVAL;
	}
	echo->state->get_u64(echo->host->context, "refused", &refused);
	echo->state->get_bytes(echo->host->context, "data", echo->data, (uint64_t)length);
	echo->refused = (uint32_t)refused;
	echo->count = (uint32_t)length;
	return 0;
}

static void echo_destroy(void *self)
{
	free(self);
}

static void echo_attached(void *self, const struct vmm_link *link)
{
	struct echo *echo = self;
	echo->upper = link->peer;
	echo->upper_self = link->peer_self;
}

static void echo_closing(void *self, const struct vmm_link *link)
{
	struct echo *echo = self;
	(void)link;
	echo->upper = NULL;
}

static const struct vmm_port_ops echo_port_ops = { sizeof(struct vmm_port_ops), 0, NULL, echo_attached, echo_closing,
	nothing };

static int32_t echo_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "line") != 0)
		return -ENOENT;
	side->ops = &echo_port_ops;
	side->port_self = side->self = self;
	side->table = &echo_lower;
	return 0;
}

static const struct vmm_instance_ops echo_ops = { sizeof(struct vmm_instance_ops), 0, echo_init, echo_start, NULL, NULL,
	echo_save, echo_load, echo_destroy, echo_port };

/* The file. */

static const struct vmm_param device_params[] = { { sizeof(struct vmm_param), VMM_PARAM_INT, 0, 0, "port", "0x2f0",
	0x100, 0xfffe, NULL, "First of its two I/O ports." } };
static const struct vmm_port_row device_ports[] = {
	{ sizeof(struct vmm_port_row), VMM_ROLE_UPPER, VMM_PORT_LIVE, 1, "line", VMM_PORT_CHAR, 0, 0, 0, 0,
		"Its line." },
	{ sizeof(struct vmm_port_row), VMM_ROLE_LOWER, VMM_PORT_CHILD, 1, "bus", VMM_PORT_ISA, 0, 0, 0, 0, "Its bus." },
};
static const struct vmm_port_row echo_ports[] = {
	{ sizeof(struct vmm_port_row), VMM_ROLE_LOWER, VMM_PORT_LIVE, 1, "line", VMM_PORT_CHAR, 0, 0, 0, 0,
		"The line." },
};
static const struct vmm_descriptor device_descriptor = { sizeof(struct vmm_descriptor), VMM_THREAD_MACHINE, 1, 1,
	sizeof(struct vmm_param), 2, sizeof(struct vmm_port_row), 0, "com.example.abi-device-0-9", "Device of SDK 0.9",
	"0.9", "BSD-2-Clause", "A device that was built with SDK 0.9", device_params, device_ports };
static const struct vmm_descriptor echo_descriptor = { sizeof(struct vmm_descriptor), VMM_THREAD_MACHINE, 1, 0, 0, 1,
	sizeof(struct vmm_port_row), 0, "com.example.abi-echo-0-9", "Echo of SDK 0.9", "0.9", "BSD-2-Clause",
	"An echo that was built with SDK 0.9", NULL, echo_ports };

static int32_t create(
	size_t size, const struct vmm_instance_ops *ops, const struct vmm_host *host, struct vmm_instance *instance)
{
	/* The host is the first member of both. */
	const struct vmm_host **self = calloc(1, size);
	if (self == NULL)
		return -ENOMEM;
	*self = host;
	instance->ops = ops;
	instance->self = self;
	return 0;
}

static int32_t device_create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance)
{
	(void)index;
	return create(sizeof(struct device), &device_ops, host, instance);
}

static int32_t echo_create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance)
{
	(void)index;
	return create(sizeof(struct echo), &echo_ops, host, instance);
}

static const struct vmm_descriptor *const device_list[] = { &device_descriptor };
static const struct vmm_descriptor *const echo_list[] = { &echo_descriptor };
static const struct vmm_factory device_factory = { sizeof(struct vmm_factory), 1, device_list, device_create };
static const struct vmm_factory echo_factory = { sizeof(struct vmm_factory), 1, echo_list, echo_create };

static const struct vmm_factory *get_factory(const char *kind)
{
	if (strcmp(kind, VMM_KIND_DEVICE) == 0)
		return &device_factory;
	return strcmp(kind, VMM_KIND_CHAR) == 0 ? &echo_factory : NULL;
}

VMM_PLUGIN(abi_0_9, get_factory);
