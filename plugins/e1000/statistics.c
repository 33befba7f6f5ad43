/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Statistics registers (13.7): they are cleared when they are read, and stay at their greatest value.
 */
#include "e1000.h"

#define FIRST 0x4000u
#define LAST  0x40fcu
#define FCS   4u

void count_add(struct e1000 *e1000, uint32_t offset, uint32_t number)
{
	uint32_t *counter = register_at(e1000, offset);
	*counter = *counter + number < *counter ? UINT32_MAX : *counter + number;
}

/* Octets: the low half, and the high one behind it. */
static void octets_add(struct e1000 *e1000, uint32_t offset, uint64_t number)
{
	uint32_t *low = register_at(e1000, offset);
	uint64_t sum = ((uint64_t)low[1] << 32 | low[0]) + number;
	if (sum < number)
		sum = UINT64_MAX;
	low[0] = (uint32_t)sum;
	low[1] = (uint32_t)(sum >> 32);
}

/* PRC64 to PRC1522, and PTC64 to PTC1522. */
static uint32_t size_offset(uint64_t length)
{
	static const uint32_t limits[] = { 64, 127, 255, 511, 1023 };
	uint32_t i = 0;
	while (i < VMM_KIT_COUNT(limits) && length > limits[i])
		i++;
	return i * 4;
}

static uint32_t is_broadcast(const uint8_t *frame)
{
	return (frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xff;
}

void count_received(struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
	length = (length < 60 ? 60 : length) + FCS;
	count_add(e1000, PRC64 + size_offset(length), 1);
	count_add(e1000, GPRC, 1);
	count_add(e1000, TPR, 1);
	if (is_broadcast(frame))
		count_add(e1000, BPRC, 1);
	else if ((frame[0] & 1) != 0)
		count_add(e1000, MPRC, 1);
	octets_add(e1000, GORCL, length);
	octets_add(e1000, TORL, length);
}

void count_sent(struct e1000 *e1000, const uint8_t *frame, uint64_t length, uint32_t number)
{
	length = (length < 60 ? 60 : length) + FCS;
	count_add(e1000, PTC64 + size_offset(length), number);
	count_add(e1000, GPTC, number);
	count_add(e1000, TPT, number);
	if (is_broadcast(frame))
		count_add(e1000, BPTC, number);
	else if ((frame[0] & 1) != 0)
		count_add(e1000, MPTC, number);
	octets_add(e1000, GOTCL, length * number);
	octets_add(e1000, TOTL, length * number);
}

uint32_t count_read(struct e1000 *e1000, uint32_t offset, uint32_t *value)
{
	if (offset < FIRST || offset > LAST)
		return 0;
	uint32_t *counter = register_at(e1000, offset);
	*value = *counter;
	switch (offset) {
	/* Octets are cleared by reading the high half, which comes second. */
	case GORCL:
	case GOTCL:
	case TORL:
	case TOTL: return 1;
	case GORCL + 4:
	case GOTCL + 4:
	case TORL + 4:
	case TOTL + 4: counter[-1] = 0; break;
	default: break;
	}
	*counter = 0;
	return 1;
}
