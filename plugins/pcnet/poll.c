/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Looking at descriptors now and then (CSR47): a driver need not say that it has given one.  The longer nothing
 * happens, the more seldom.
 */
#include "pcnet.h"

#define SHORTEST UINT64_C(2000000) /* ns; as the chip's default, 65,536 clocks of 33 MHz */
#define LONGEST  UINT64_C(64000000)

void poll_plan(struct pcnet *pcnet)
{
	vmm_time due = pcnet->poll_due != 0 && pcnet->running ? pcnet->poll_due : VMM_TIME_NEVER;
	pcnet->timer->arm(pcnet->host->context, pcnet->alarm, due);
}

static void poll_again(struct pcnet *pcnet)
{
	uint32_t on = pcnet->csr[0] & (CSR0_TXON | CSR0_RXON);
	/* DPOLL: the transmitter looks when it is told to only. */
	if ((pcnet->csr[4] & CSR4_DPOLL) != 0 && pcnet->misses == 0)
		on = 0;
	pcnet->poll_due = on != 0 ? pcnet->timer->now(pcnet->host->context, VMM_CLOCK_GUEST) + pcnet->poll_step : 0;
	poll_plan(pcnet);
}

void poll_soon(struct pcnet *pcnet)
{
	if (pcnet->poll_due != 0 && pcnet->poll_step == SHORTEST)
		return;
	pcnet->poll_step = SHORTEST;
	poll_again(pcnet);
}

void poll_alarm(void *self, uint64_t token)
{
	struct pcnet *pcnet = self;
	uint16_t before = pcnet->tx_index;
	(void)token;
	if (!pcnet->running)
		return;
	pcnet->poll_due = 0;
	uint32_t waiting = pcnet->misses;
	if (waiting != 0 && waiting < UINT8_MAX)
		pcnet->misses++;
	transmit_kick(pcnet);
	vmm_net_card_readable(&pcnet->card);
	if (before != pcnet->tx_index || waiting != 0)
		pcnet->poll_step = SHORTEST;
	else if (pcnet->poll_step < LONGEST)
		pcnet->poll_step = pcnet->poll_step != 0 ? pcnet->poll_step * 2 : SHORTEST;
	poll_again(pcnet);
}
