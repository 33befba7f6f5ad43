/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: settings, ports of the machine, saved state.
 */
#include <vmm/kit/plugin.h>

#include "uart.h"

static void tx_done(void *self, uint64_t token)
{
	struct uart *uart = self;
	(void)token;
	uart_transmit(uart);
	uart_update(uart);
}

static void rx_ready(void *self, uint64_t token)
{
	(void)token;
	uart_room(self);
}

static void timed_out(void *self, uint64_t token)
{
	struct uart *uart = self;
	(void)token;
	if (uart->rx.count == 0 || (uart->fcr & FCR_ENABLE) == 0)
		return;
	uart->timed_out = 1;
	uart->timeout_at = VMM_TIME_NEVER;
	uart_update(uart);
}

static int32_t init(void *self)
{
	static const uint16_t bases[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
	static const uint8_t lines[4] = { 4, 3, 4, 3 };
	struct uart *uart = self;
	const struct vmm_host *host = uart->host;
	uart->io = vmm_kit_service(host, VMM_SERVICE_IO);
	uart->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	uart->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (uart->io == NULL || uart->irq == NULL || uart->timer == NULL)
		return -ENOTSUP;
	uint32_t port = vmm_kit_choice(host, "port") & 3;
	uint32_t base = (uint32_t)vmm_kit_int(host, "base", bases[port]);
	uint32_t line = (uint32_t)vmm_kit_int(host, "irq", lines[port]);
	uart->pace = vmm_kit_bool(host, "pace", 0);
	vmm_ring_init(&uart->rx, uart->rx_data, FIFO_SIZE);
	vmm_ring_init(&uart->rx_error, uart->rx_flags, FIFO_SIZE);
	vmm_ring_init(&uart->tx, uart->tx_data, FIFO_SIZE);
	int32_t status = uart->io->claim(host->context, base, 8, VMM_IO_SIZE_1, 0, &uart_io_ops, uart, 0, &uart->claim);
	if (status < 0)
		return vmm_kit_fail(host, status, "choose another with `port = com2` or `base =`",
			"I/O ports %#x to %#x are taken", base, base + 7);
	status = uart->irq->open(host->context, line, &uart->source);
	if (status >= 0)
		status = uart->timer->create(host->context, VMM_CLOCK_GUEST, tx_done, uart, 0, &uart->tx_timer);
	if (status >= 0)
		status = uart->timer->create(host->context, VMM_CLOCK_GUEST, rx_ready, uart, 0, &uart->rx_timer);
	if (status >= 0)
		status = uart->timer->create(host->context, VMM_CLOCK_GUEST, timed_out, uart, 0, &uart->timeout_timer);
	if (status < 0)
		return vmm_kit_fail(host, status, "choose another `irq =`", "interrupt line %u cannot be used", line);
	return 0;
}

static void reset(void *self, uint32_t kind)
{
	struct uart *uart = self;
	uart->ier = uart->fcr = uart->lcr = uart->mcr = uart->errors = 0;
	uart->thri = uart->shifting = uart->shift = 0;
	uart->msr &= 0xf0;
	uart->shift_end = uart->rx_next = uart->break_start = 0;
	vmm_ring_clear(&uart->tx);
	/* Master reset leaves the scratch register and the divisor alone (table I). */
	if (kind == VMM_RESET_POWER) {
		uart->scr = 0;
		uart->divisor = 12;
		uart->msr = uart->backend != NULL ? MSR_CTS | MSR_DSR | MSR_DCD : 0;
	}
	uart->timer->arm(uart->host->context, uart->tx_timer, VMM_TIME_NEVER);
	uart->timer->arm(uart->host->context, uart->rx_timer, VMM_TIME_NEVER);
	uart_receive_clear(uart);
	uart_tell_modem(uart);
	uart_update(uart);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct uart, ier, 0x0f),
	VMM_FIELD_MAX(struct uart, fcr, 0xc9),
	VMM_FIELD(struct uart, lcr),
	VMM_FIELD_MAX(struct uart, mcr, 0x1f),
	VMM_FIELD(struct uart, scr),
	VMM_FIELD(struct uart, msr),
	VMM_FIELD_MAX(struct uart, errors, LSR_OE | LSR_PE | LSR_FE | LSR_BI),
	VMM_FIELD_MAX(struct uart, thri, 1),
	VMM_FIELD_MAX(struct uart, timed_out, 1),
	VMM_FIELD_MAX(struct uart, shifting, 1),
	VMM_FIELD(struct uart, shift),
	VMM_FIELD(struct uart, divisor),
	VMM_FIELD(struct uart, shift_end),
	VMM_FIELD(struct uart, rx_next),
	VMM_FIELD(struct uart, timeout_at),
	VMM_FIELD(struct uart, break_start),
};

static int32_t save(void *self)
{
	struct uart *uart = self;
	int32_t status = vmm_fields_save(uart->host, "", uart, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ring_save(uart->host, "rx", &uart->rx);
	if (status >= 0)
		status = vmm_ring_save(uart->host, "rx_error", &uart->rx_error);
	if (status >= 0)
		status = vmm_ring_save(uart->host, "tx", &uart->tx);
	return status;
}

static int32_t load(void *self, uint32_t version)
{
	struct uart *uart = self;
	(void)version;
	int32_t status = vmm_fields_load(uart->host, "", uart, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ring_load(uart->host, "rx", &uart->rx);
	if (status >= 0)
		status = vmm_ring_load(uart->host, "rx_error", &uart->rx_error);
	if (status >= 0)
		status = vmm_ring_load(uart->host, "tx", &uart->tx);
	if (status < 0)
		return status;
	if (uart->rx.count != uart->rx_error.count)
		return vmm_kit_fail(uart->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"saved fields rx and rx_error differ in length");
	/* What the backend holds back is offered again by its own readable. */
	uart->held = 1;
	return 0;
}

static int32_t start(void *self)
{
	struct uart *uart = self;
	uart->timer->arm(uart->host->context, uart->timeout_timer, uart->timeout_at);
	if (uart->shifting)
		uart->timer->arm(uart->host->context, uart->tx_timer, uart->pace ? uart->shift_end : 0);
	if (uart->held)
		uart->timer->arm(uart->host->context, uart->rx_timer, uart->rx_next);
	uart_tell_speed(uart);
	uart_tell_modem(uart);
	return 0;
}

static void destroy(void *self)
{
	struct uart *uart = self;
	if (uart->claim != 0)
		uart->io->release(uart->host->context, uart->claim);
	if (uart->tx_timer != 0)
		uart->timer->destroy(uart->host->context, uart->tx_timer);
	if (uart->rx_timer != 0)
		uart->timer->destroy(uart->host->context, uart->rx_timer);
	if (uart->timeout_timer != 0)
		uart->timer->destroy(uart->host->context, uart->timeout_timer);
	free(uart);
}

/* Ports. */

static void backend_attached(void *self, const struct vmm_link *link)
{
	struct uart *uart = self;
	uart->backend = link->peer;
	uart->backend_self = link->peer_self;
	uart_modem_in(uart, MSR_CTS | MSR_DSR | MSR_DCD);
	uart_tell_speed(uart);
	uart_tell_modem(uart);
	/* What waits in the shift register goes to the new peer, but not from within this call. */
	if (uart->shifting)
		uart->timer->arm(uart->host->context, uart->tx_timer, uart->pace ? uart->shift_end : 0);
	uart_update(uart);
}

static void backend_closing(void *self, const struct vmm_link *link)
{
	struct uart *uart = self;
	(void)link;
	uart->backend = NULL;
	uart->held = 0;
	uart_modem_in(uart, 0);
	/* Nobody takes the characters that wait: they go out into the air. */
	if (uart->shifting)
		uart_transmit(uart);
	uart_update(uart);
}

static void detached(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
}

static const struct vmm_port_ops backend_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = backend_attached,
	.closing = backend_closing,
	.detached = detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	side->port_self = side->self = self;
	if (strcmp(key, "backend") == 0) {
		side->ops = &backend_ops;
		side->table = &uart_char_upper;
		return 0;
	}
	if (strcmp(key, "bus") == 0) {
		vmm_kit_port_isa(self, side);
		return 0;
	}
	return -ENOENT;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_CHOICE("port", "com1", "com1|com2|com3|com4",
		"Which of a PC's serial ports this is: it sets the I/O ports and the interrupt line."),
	VMM_KIT_PARAM_INT(
		"base", NULL, 0x100, 0xfff8, "First of the eight I/O ports, instead of the one that goes with port."),
	VMM_KIT_PARAM_INT("irq", NULL, 0, 15, "Interrupt line, instead of the one that goes with port."),
	VMM_KIT_PARAM_BOOL("pace", "no", "Let characters take the time that the guest's line speed says."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE | VMM_PORT_CONSOLE, "backend", VMM_PORT_CHAR,
		"What the serial line is connected to."),
	VMM_KIT_PORT_ISA_CHILD,
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.serial-16550",
	.name = "16550A serial port",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's serial port, with the FIFOs and modem signals of a 16550A",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(serial_16550, VMM_KIND_DEVICE, descriptor, instance_ops, struct uart);
