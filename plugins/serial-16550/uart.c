/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The registers, and the interrupt that follows from them.
 */
#include "uart.h"

uint8_t uart_lsr(const struct uart *uart)
{
	uint8_t value = uart->errors;
	if (uart->rx.count > 0)
		value |= LSR_DR;
	if (uart->tx.count == 0) {
		value |= LSR_THRE;
		if (!uart->shifting)
			value |= LSR_TEMT;
	}
	if ((uart->fcr & FCR_ENABLE) != 0) {
		for (uint32_t i = 0; i < uart->rx_error.count; i++) {
			if (vmm_ring_at(&uart->rx_error, i) != 0)
				value |= LSR_ERROR;
		}
		if ((uart->errors & (LSR_PE | LSR_FE | LSR_BI)) != 0)
			value |= LSR_ERROR;
	}
	return value;
}

/* The source that is shown, by priority (table V). */
uint8_t uart_iir(const struct uart *uart)
{
	if ((uart->ier & IER_ELSI) != 0 && uart->errors != 0)
		return IIR_LINE;
	if ((uart->ier & IER_ERBI) != 0) {
		if (uart->rx.count >= uart_trigger(uart))
			return IIR_DATA;
		if (uart->timed_out)
			return IIR_TIMEOUT;
	}
	if ((uart->ier & IER_ETBEI) != 0 && uart->thri)
		return IIR_THRE;
	if ((uart->ier & IER_EDSSI) != 0 && (uart->msr & 0x0f) != 0)
		return IIR_MODEM;
	return IIR_NONE;
}

void uart_update(struct uart *uart)
{
	/* A PC gates the interrupt with OUT2, which loopback holds inactive. */
	uint32_t gate = (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	uart->irq->set(uart->host->context, uart->source, gate && uart_iir(uart) != IIR_NONE);
}

static uint32_t read_register(struct uart *uart, uint32_t offset)
{
	uint8_t value;
	switch (offset) {
	case RBR_THR:
		if ((uart->lcr & LCR_DLAB) != 0)
			return uart->divisor & 0xff;
		value = (uint8_t)uart_read_data(uart);
		break;
	case IER: return (uart->lcr & LCR_DLAB) != 0 ? uart->divisor >> 8 : uart->ier;
	case IIR_FCR:
		value = uart_iir(uart);
		/* Reading IIR takes the THRE interrupt back, but only when that is what it showed (8.6.5). */
		if (value == IIR_THRE)
			uart->thri = 0;
		if ((uart->fcr & FCR_ENABLE) != 0)
			value |= IIR_FIFO;
		break;
	case LCR: return uart->lcr;
	case MCR: return uart->mcr;
	case LSR:
		value = uart_lsr(uart);
		uart->errors = 0;
		break;
	case MSR:
		value = (uint8_t)(uart_modem_lines(uart) | (uart->msr & 0x0f));
		uart->msr &= 0xf0;
		break;
	default: return uart->scr;
	}
	uart_update(uart);
	return value;
}

static void write_data(struct uart *uart, uint8_t value)
{
	uint32_t size = (uart->fcr & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
	uart->thri = 0;
	/* The line goes low here even if it rises again at once: ISA interrupts are edges. */
	uart_update(uart);
	if (uart->tx.count < size)
		vmm_ring_push(&uart->tx, value);
	else if (size == 1)
		uart->tx.data[uart->tx.first] = value; /* the guest did not wait for THRE */
	uart_transmit(uart);
}

static void write_fcr(struct uart *uart, uint8_t value)
{
	/* Switching FIFO mode empties both; the other bits count only with bit 0 set (8.6.6). */
	if (((value ^ uart->fcr) & FCR_ENABLE) != 0)
		value |= FCR_RX_RESET | FCR_TX_RESET;
	else if ((value & FCR_ENABLE) == 0)
		return;
	uart->fcr = (value & FCR_ENABLE) != 0 ? value & 0xc9 : 0;
	if ((value & FCR_RX_RESET) != 0) {
		uart->errors &= LSR_OE;
		uart_receive_clear(uart);
	}
	if ((value & FCR_TX_RESET) != 0 && uart->tx.count > 0) {
		vmm_ring_clear(&uart->tx);
		uart->thri = 1;
	}
}

static void write_lcr(struct uart *uart, uint8_t value)
{
	uint8_t changed = uart->lcr ^ value;
	vmm_time time = uart->timer->now(uart->host->context, VMM_CLOCK_GUEST);
	uart->lcr = value;
	if ((changed & 0x3f) != 0)
		uart_tell_speed(uart);
	if ((changed & LCR_BREAK) == 0)
		return;
	if ((value & LCR_BREAK) != 0) {
		uart->break_start = time;
		if ((uart->mcr & MCR_LOOP) != 0)
			uart_receive(uart, 0, LSR_BI | LSR_FE);
	} else if ((uart->mcr & MCR_LOOP) == 0 && uart->backend != NULL) {
		uart->backend->event(uart->backend_self, VMM_CHAR_BREAK, time - uart->break_start);
	}
}

static void write_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = uart_modem_lines(uart);
	uart->mcr = value & 0x1f;
	uint8_t changed = before ^ uart_modem_lines(uart);
	uart->msr |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	if ((changed & before & MSR_RI) != 0)
		uart->msr |= MSR_TERI;
	uart_tell_modem(uart);
	if (uart->rx.count == 0)
		uart_room(uart);
}

static void write_register(struct uart *uart, uint32_t offset, uint8_t value)
{
	uint8_t rising;
	switch (offset) {
	case RBR_THR:
		if ((uart->lcr & LCR_DLAB) != 0) {
			uart->divisor = (uint16_t)((uart->divisor & 0xff00) | value);
			uart_tell_speed(uart);
			return;
		}
		write_data(uart, value);
		break;
	case IER:
		if ((uart->lcr & LCR_DLAB) != 0) {
			uart->divisor = (uint16_t)((uart->divisor & 0xff) | value << 8);
			uart_tell_speed(uart);
			return;
		}
		rising = value & (uint8_t)~uart->ier;
		uart->ier = value & 0x0f;
		/* Enabling ETBEI with an empty transmitter interrupts at once. */
		if ((rising & IER_ETBEI) != 0 && uart->tx.count == 0)
			uart->thri = 1;
		break;
	case IIR_FCR: write_fcr(uart, value); break;
	case LCR: write_lcr(uart, value); break;
	case MCR: write_mcr(uart, value); break;
	case SCR: uart->scr = value; return;
	default: return; /* LSR and MSR are not for writing */
	}
	uart_update(uart);
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)token;
	(void)size;
	*value = read_register(self, offset & 7);
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)token;
	(void)size;
	write_register(self, offset & 7, (uint8_t)value);
	return 0;
}

const struct vmm_io_ops uart_io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};
