/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A 16550A UART (National Semiconductor PC16550D, June 1995) as a PC has it, at 1.8432 MHz.
 */
#ifndef UART_H
#define UART_H

#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/ring.h>
#include <vmm/plugin.h>
#include <vmm/port-char.h>
#include <vmm/port.h>
#include <vmm/timer.h>

#define FIFO_SIZE 16

/* Registers, by offset (RBR and THR, IIR and FCR share one; DLL and DLM with DLAB set). */
enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

#define IER_ERBI  0x01
#define IER_ETBEI 0x02
#define IER_ELSI  0x04
#define IER_EDSSI 0x08

#define IIR_NONE    0x01
#define IIR_MODEM   0x00
#define IIR_THRE    0x02
#define IIR_DATA    0x04
#define IIR_LINE    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFO    0xc0

#define FCR_ENABLE   0x01
#define FCR_RX_RESET 0x02
#define FCR_TX_RESET 0x04

#define LCR_BREAK 0x40
#define LCR_DLAB  0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10

#define LSR_DR    0x01
#define LSR_OE    0x02
#define LSR_PE    0x04
#define LSR_FE    0x08
#define LSR_BI    0x10
#define LSR_THRE  0x20
#define LSR_TEMT  0x40
#define LSR_ERROR 0x80

#define MSR_DCTS 0x01
#define MSR_DDSR 0x02
#define MSR_TERI 0x04
#define MSR_DDCD 0x08
#define MSR_CTS  0x10
#define MSR_DSR  0x20
#define MSR_RI   0x40
#define MSR_DCD  0x80

struct uart {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	const struct vmm_char_lower *backend; /* NULL: nothing is plugged in */
	void *backend_self;
	uint32_t pace; /* characters take the time that the divisor says */
	uint32_t held; /* the backend has bytes that receive() did not take */
	vmm_handle claim, source, tx_timer, rx_timer, timeout_timer;

	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t msr;    /* lines in the high half as they come in, deltas in the low half */
	uint8_t errors; /* OE, PE, FE, BI as LSR shows them */
	uint8_t thri;   /* the THRE interrupt is pending */
	uint8_t timed_out;
	uint8_t shifting; /* the transmitter shift register holds `shift` */
	uint8_t shift;
	uint16_t divisor;
	uint8_t rx_data[FIFO_SIZE], rx_flags[FIFO_SIZE], tx_data[FIFO_SIZE];
	struct vmm_ring rx, rx_error, tx;
	vmm_time shift_end, rx_next, timeout_at, break_start;
};

/* line.c: characters and signals. */
vmm_time uart_character_time(const struct uart *uart);
void uart_transmit(struct uart *uart);
void uart_receive(struct uart *uart, uint8_t data, uint8_t flags);
int32_t uart_read_data(struct uart *uart);
void uart_receive_clear(struct uart *uart);
void uart_room(struct uart *uart);
void uart_modem_in(struct uart *uart, uint8_t lines);
void uart_tell_modem(struct uart *uart);
void uart_tell_speed(struct uart *uart);
void uart_timeout_start(struct uart *uart);
uint8_t uart_modem_lines(const struct uart *uart);
extern const struct vmm_char_upper uart_char_upper;

/* uart.c: registers. */
uint8_t uart_iir(const struct uart *uart);
uint8_t uart_lsr(const struct uart *uart);
void uart_update(struct uart *uart);
extern const struct vmm_io_ops uart_io_ops;

static inline uint32_t uart_trigger(const struct uart *uart)
{
	static const uint8_t level[4] = { 1, 4, 8, 14 };
	return (uart->fcr & FCR_ENABLE) != 0 ? level[uart->fcr >> 6] : 1;
}

#endif
