/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Interrupt causes (13.4.17 on), throttling (13.4.18), and the delays of RXT0 and TXDW (13.4.30, 13.4.44).
 */
#include "e1000.h"

#define ITR_UNIT   256u  /* ns */
#define DELAY_UNIT 1024u /* ns */

static vmm_time now(const struct e1000 *e1000)
{
	return e1000->timer->now(e1000->host->context, VMM_CLOCK_GUEST);
}

/* The earliest of what is due. */
void interrupt_plan(struct e1000 *e1000)
{
	const vmm_time due[] = { e1000->rx_due, e1000->rx_latest, e1000->tx_due, e1000->tx_latest };
	vmm_time first = VMM_TIME_NEVER;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(due); i++) {
		if (due[i] != 0 && due[i] < first)
			first = due[i];
	}
	uint32_t wanted = register_get(e1000, ICR) & register_get(e1000, IMS);
	if (wanted != 0 && !e1000->asserted && e1000->throttled < first)
		first = e1000->throttled;
	e1000->timer->arm(e1000->host->context, e1000->alarm, e1000->running ? first : VMM_TIME_NEVER);
}

void interrupt_update(struct e1000 *e1000)
{
	uint32_t wanted = (register_get(e1000, ICR) & register_get(e1000, IMS)) != 0;
	uint32_t interval = register_get(e1000, ITR) & 0xffff;
	if (wanted == e1000->asserted)
		return;
	if (wanted && interval != 0) {
		vmm_time time = now(e1000);
		/* After a change of ITR it may be further away than an interval. */
		if (time < e1000->throttled && e1000->throttled - time <= (vmm_time)interval * ITR_UNIT) {
			interrupt_plan(e1000);
			return;
		}
		e1000->throttled = time + (vmm_time)interval * ITR_UNIT;
	}
	e1000->asserted = (uint8_t)wanted;
	vmm_pci_interrupt(&e1000->pci, wanted);
}

void interrupt_raise(struct e1000 *e1000, uint32_t causes)
{
	*register_at(e1000, ICR) |= causes & ICR_ALL;
	interrupt_update(e1000);
}

/* `delay` and `limit` are RDTR and RADV, or TIDV and TADV. */
static void delay_start(
	struct e1000 *e1000, uint32_t cause, uint32_t delay, uint32_t limit, vmm_time *due, vmm_time *latest)
{
	delay &= 0xffff;
	limit &= 0xffff;
	if (delay == 0) {
		*due = *latest = 0;
		interrupt_raise(e1000, cause);
		return;
	}
	*due = now(e1000) + (vmm_time)delay * DELAY_UNIT;
	if (*latest == 0 && limit != 0)
		*latest = now(e1000) + (vmm_time)limit * DELAY_UNIT;
	interrupt_plan(e1000);
}

void interrupt_received(struct e1000 *e1000)
{
	delay_start(e1000, ICR_RXT0, register_get(e1000, RDTR), register_get(e1000, RADV), &e1000->rx_due,
		&e1000->rx_latest);
}

void interrupt_sent(struct e1000 *e1000)
{
	delay_start(e1000, ICR_TXDW, register_get(e1000, TIDV), register_get(e1000, TADV), &e1000->tx_due,
		&e1000->tx_latest);
}

void interrupt_flush(struct e1000 *e1000, uint32_t cause)
{
	vmm_time *due = cause == ICR_RXT0 ? &e1000->rx_due : &e1000->tx_due;
	vmm_time *latest = cause == ICR_RXT0 ? &e1000->rx_latest : &e1000->tx_latest;
	uint32_t waiting = *due != 0 || *latest != 0;
	*due = *latest = 0;
	if (waiting)
		interrupt_raise(e1000, cause);
}

void interrupt_alarm(void *self, uint64_t token)
{
	struct e1000 *e1000 = self;
	vmm_time time = now(e1000);
	(void)token;
	if (!e1000->running)
		return;
	if ((e1000->rx_due != 0 && e1000->rx_due <= time) || (e1000->rx_latest != 0 && e1000->rx_latest <= time))
		interrupt_flush(e1000, ICR_RXT0);
	if ((e1000->tx_due != 0 && e1000->tx_due <= time) || (e1000->tx_latest != 0 && e1000->tx_latest <= time))
		interrupt_flush(e1000, ICR_TXDW);
	interrupt_update(e1000);
	interrupt_plan(e1000);
}
