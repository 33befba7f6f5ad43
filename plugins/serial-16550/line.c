/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The two shift registers with their FIFOs, and the modem signals.
 */
#include "uart.h"

vmm_time uart_character_time(const struct uart *uart)
{
	/* Start bit, 5 to 8 data bits, parity, 1, 1.5 or 2 stop bits; counted in half bits. */
	uint32_t half = 2 + 2 * (5 + (uart->lcr & 3u)) + ((uart->lcr & 8) != 0 ? 2 : 0);
	if ((uart->lcr & 4) == 0)
		half += 2;
	else
		half += (uart->lcr & 3) == 0 ? 3 : 4;
	/* Divisor 0 counts as 1, as on most parts. */
	uint64_t divisor = uart->divisor != 0 ? uart->divisor : 1;
	return vmm_kit_muldiv(half * divisor, UINT64_C(1000000000), 2 * UINT64_C(115200));
}

static vmm_time now(const struct uart *uart)
{
	return uart->timer->now(uart->host->context, VMM_CLOCK_GUEST);
}

/* Transmitter. */

/* Hand the shift register's character over; 0 if the other end does not take it yet. */
static uint32_t deliver(struct uart *uart)
{
	uint8_t data = uart->shift & (uint8_t)(0xff >> (3 - (uart->lcr & 3)));
	if ((uart->mcr & MCR_LOOP) != 0) {
		uart_receive(uart, data, 0);
		return 1;
	}
	if (uart->backend == NULL || (uart->lcr & LCR_BREAK) != 0)
		return 1;
	return uart->backend->write(uart->backend_self, &data, 1) == 1;
}

void uart_transmit(struct uart *uart)
{
	for (;;) {
		if (!uart->shifting) {
			int32_t byte = vmm_ring_pop(&uart->tx);
			if (byte < 0)
				return;
			uart->shift = (uint8_t)byte;
			uart->shifting = 1;
			if (uart->tx.count == 0)
				uart->thri = 1;
			if (uart->pace) {
				uart->shift_end = now(uart) + uart_character_time(uart);
				uart->timer->arm(uart->host->context, uart->tx_timer, uart->shift_end);
				return;
			}
		}
		if (uart->pace && now(uart) < uart->shift_end)
			return;
		if (!deliver(uart))
			return;
		uart->shifting = 0;
	}
}

/* Receiver. */

/* The character at the top of the FIFO shows its errors in LSR (8.6.3). */
static void show_errors(struct uart *uart)
{
	if (uart->rx_error.count == 0)
		return;
	uart->errors |= vmm_ring_at(&uart->rx_error, 0);
	uart->rx_error.data[uart->rx_error.first] = 0;
}

void uart_timeout_start(struct uart *uart)
{
	/* Four character times without a character coming in or being read (8.6.4). */
	uart->timed_out = 0;
	if ((uart->fcr & FCR_ENABLE) != 0 && uart->rx.count > 0)
		uart->timeout_at = now(uart) + 4 * uart_character_time(uart);
	else
		uart->timeout_at = VMM_TIME_NEVER;
	uart->timer->arm(uart->host->context, uart->timeout_timer, uart->timeout_at);
}

void uart_receive(struct uart *uart, uint8_t data, uint8_t flags)
{
	uint32_t size = (uart->fcr & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
	if (uart->rx.count >= size) {
		/* The FIFO stays as it is; without it the new character replaces the old (8.6.3, OE). */
		uart->errors |= LSR_OE;
		if (size == 1)
			uart->rx.data[uart->rx.first] = data;
		return;
	}
	vmm_ring_push(&uart->rx, data);
	vmm_ring_push(&uart->rx_error, flags);
	if (uart->rx.count == 1)
		show_errors(uart);
	uart_timeout_start(uart);
}

int32_t uart_read_data(struct uart *uart)
{
	int32_t byte = vmm_ring_pop(&uart->rx);
	vmm_ring_pop(&uart->rx_error);
	if (byte < 0)
		return 0;
	show_errors(uart);
	uart_timeout_start(uart);
	if (uart->rx.count == 0)
		uart_room(uart);
	return byte;
}

void uart_receive_clear(struct uart *uart)
{
	vmm_ring_clear(&uart->rx);
	vmm_ring_clear(&uart->rx_error);
	uart_timeout_start(uart);
	uart_room(uart);
}

/* Tell the backend that receive() would take something now. */
void uart_room(struct uart *uart)
{
	if (!uart->held || uart->backend == NULL || (uart->mcr & MCR_LOOP) != 0)
		return;
	if (uart->pace && now(uart) < uart->rx_next)
		return;
	uart->held = 0;
	uart->backend->readable(uart->backend_self);
}

static int32_t char_receive(void *self, const void *data, uint32_t length)
{
	struct uart *uart = self;
	const uint8_t *bytes = data;
	uint32_t size = (uart->fcr & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
	uint8_t mask = (uint8_t)(0xff >> (3 - (uart->lcr & 3)));
	uint32_t taken = 0;
	/* In loopback the serial input is disconnected (8.6.7); the line waits instead of losing characters. */
	while (taken < length && uart->rx.count < size && (uart->mcr & MCR_LOOP) == 0) {
		if (uart->pace) {
			vmm_time time = now(uart);
			if (time < uart->rx_next)
				break;
			uart->rx_next = time + uart_character_time(uart);
		}
		uart_receive(uart, bytes[taken++] & mask, 0);
	}
	if (taken < length) {
		uart->held = 1;
		if (uart->pace && uart->rx.count < size)
			uart->timer->arm(uart->host->context, uart->rx_timer, uart->rx_next);
	}
	uart_update(uart);
	return (int32_t)taken;
}

static void char_writable(void *self)
{
	struct uart *uart = self;
	uart_transmit(uart);
	uart_update(uart);
}

static void char_event(void *self, uint32_t event, uint64_t value)
{
	struct uart *uart = self;
	uint8_t lines = uart->msr & 0xf0;
	switch (event) {
	case VMM_CHAR_OPENED: lines = MSR_CTS | MSR_DSR | MSR_DCD; break;
	/* Clear to send stays, so that a guest with hardware flow control does not hang without a peer. */
	case VMM_CHAR_CLOSED: lines = MSR_CTS; break;
	case VMM_CHAR_BREAK:
		if ((uart->mcr & MCR_LOOP) == 0)
			uart_receive(uart, 0, LSR_BI | LSR_FE);
		break;
	case VMM_CHAR_MODEM:
		lines = 0;
		lines |= (value & VMM_CHAR_CTS) != 0 ? MSR_CTS : 0;
		lines |= (value & VMM_CHAR_DSR) != 0 ? MSR_DSR : 0;
		lines |= (value & VMM_CHAR_RI) != 0 ? MSR_RI : 0;
		lines |= (value & VMM_CHAR_DCD) != 0 ? MSR_DCD : 0;
		break;
	default: return;
	}
	uart_modem_in(uart, lines);
	uart_update(uart);
}

const struct vmm_char_upper uart_char_upper = {
	.struct_size = sizeof(struct vmm_char_upper),
	.receive = char_receive,
	.writable = char_writable,
	.event = char_event,
};

/* Signals. */

/* The four inputs as MSR shows them: in loopback they are MCR's outputs (8.6.7). */
uint8_t uart_modem_lines(const struct uart *uart)
{
	if ((uart->mcr & MCR_LOOP) == 0)
		return uart->msr & 0xf0;
	uint8_t lines = 0;
	lines |= (uart->mcr & MCR_RTS) != 0 ? MSR_CTS : 0;
	lines |= (uart->mcr & MCR_DTR) != 0 ? MSR_DSR : 0;
	lines |= (uart->mcr & MCR_OUT1) != 0 ? MSR_RI : 0;
	lines |= (uart->mcr & MCR_OUT2) != 0 ? MSR_DCD : 0;
	return lines;
}

static void deltas(struct uart *uart, uint8_t before)
{
	uint8_t lines = uart_modem_lines(uart);
	uint8_t changed = before ^ lines;
	uart->msr |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	/* Trailing edge only. */
	if ((changed & MSR_RI) != 0 && (lines & MSR_RI) == 0)
		uart->msr |= MSR_TERI;
}

void uart_modem_in(struct uart *uart, uint8_t lines)
{
	uint8_t before = uart_modem_lines(uart);
	uart->msr = (uint8_t)((uart->msr & 0x0f) | (lines & 0xf0));
	deltas(uart, before);
}

void uart_tell_modem(struct uart *uart)
{
	uint64_t value = 0;
	if (uart->backend == NULL)
		return;
	/* The outputs are inactive in loopback. */
	if ((uart->mcr & MCR_LOOP) == 0) {
		value |= (uart->mcr & MCR_DTR) != 0 ? VMM_CHAR_DTR : 0;
		value |= (uart->mcr & MCR_RTS) != 0 ? VMM_CHAR_RTS : 0;
	}
	uart->backend->event(uart->backend_self, VMM_CHAR_MODEM, value);
}

void uart_tell_speed(struct uart *uart)
{
	static const uint8_t parity[4] = { 1, 2, 3, 4 }; /* LCR bits 5-4: odd, even, mark, space */
	if (uart->backend == NULL)
		return;
	uint32_t divisor = uart->divisor != 0 ? uart->divisor : 1;
	uint32_t frame = VMM_CHAR_FRAME(5u + (uart->lcr & 3u), (uart->lcr & 4) != 0 ? 2u : 1u,
		(uart->lcr & 8) != 0 ? (uint32_t)parity[uart->lcr >> 4 & 3] : 0u);
	uart->backend->event(uart->backend_self, VMM_CHAR_SPEED, (uint64_t)frame << 32 | 115200 / divisor);
}
