/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Mode 1 sectors as they stand on the disc (ECMA-130, clause 14 and annex A): sync, header, user data, EDC and ECC.
 */
#include "cd.h"

#define RAW_SYNC   0x80
#define RAW_HEADER 0x20
#define RAW_ECC    0x08
#define RAW_FLAGS  0xf8
#define RAW_C2     0x06

#define SECTOR     2352u
#define AT_HEADER  12u
#define AT_USER    16u
#define AT_EDC     2064u
#define AT_P       2076u
#define AT_Q       2248u
#define POLYNOMIAL 0xd8018001u /* of the EDC, bits reversed */

int32_t sector_size(uint8_t raw)
{
	int32_t size = 0;
	/* No error flags here, and only parts that stand side by side (MMC-3, table 223); mode 1 has no subheader. */
	if ((raw & ~RAW_FLAGS) != 0)
		return -1;
	if ((raw & RAW_ECC) != 0 && (raw & RAW_USER) == 0)
		return -1;
	if ((raw & RAW_SYNC) != 0 && (raw & RAW_HEADER) == 0 && (raw & ~RAW_SYNC) != 0)
		return -1;
	size += (raw & RAW_SYNC) != 0 ? 12 : 0;
	size += (raw & RAW_HEADER) != 0 ? 4 : 0;
	size += (raw & RAW_USER) != 0 ? (int32_t)BLOCK : 0;
	size += (raw & RAW_ECC) != 0 ? 288 : 0;
	return size;
}

static uint8_t bcd(uint32_t value)
{
	return (uint8_t)((value / 10 % 10) << 4 | value % 10);
}

/* Four bytes: 0, M, S, F, or a block's number. */
void sector_address(uint8_t *data, uint32_t lba, uint32_t msf)
{
	if (!msf) {
		put32(data, lba);
		return;
	}
	lba += 150;
	data[0] = 0;
	data[1] = (uint8_t)(lba / (75 * 60));
	data[2] = (uint8_t)(lba / 75 % 60);
	data[3] = (uint8_t)(lba % 75);
}

static uint32_t edc(const uint8_t *data, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i++) {
		sum ^= data[i];
		for (uint32_t bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ ((sum & 1) != 0 ? POLYNOMIAL : 0);
	}
	return sum;
}

/* Times alpha in GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t times_alpha(uint8_t value)
{
	return (uint8_t)(value << 1 ^ ((value & 0x80) != 0 ? 0x1d : 0));
}

/* Division by alpha + 1: the inverse is found by going round; there are only 255 values. */
static uint8_t divide(uint8_t value)
{
	uint8_t quotient = 0;
	while ((uint8_t)(times_alpha(quotient) ^ quotient) != value)
		quotient++;
	return quotient;
}

/*
 * One code word of P or Q: `length` bytes of the sector from its header on, `step` apart, wrapping at `wrap`; two
 * parity bytes that make the sum of all, and the sum weighted with powers of alpha, zero (A.4, A.5).
 */
static void parity(const uint8_t *data, uint32_t first, uint32_t step, uint32_t length, uint32_t wrap, uint8_t *at,
	uint32_t second)
{
	uint8_t sum = 0;
	uint8_t weighted = 0;
	for (uint32_t i = 0; i < length; i++) {
		uint8_t byte = data[(first + i * step) % wrap];
		sum ^= byte;
		weighted = times_alpha(weighted ^ byte);
	}
	/* weighted is now W, the sum of byte i times alpha^(length - i); with parities a, b after it:
	 * sum + a + b = 0 and alpha * (W + a) + b = 0, so a * (alpha + 1) = alpha * W + sum. */
	uint8_t a = divide(times_alpha(weighted) ^ sum);
	at[0] = a;
	at[second] = sum ^ a;
}

static void parities(uint8_t *sector)
{
	uint8_t *data = sector + AT_HEADER;
	for (uint32_t column = 0; column < 43; column++) {
		for (uint32_t half = 0; half < 2; half++)
			parity(data, column * 2 + half, 86, 24, 2064, sector + AT_P + column * 2 + half, 86);
	}
	for (uint32_t diagonal = 0; diagonal < 26; diagonal++) {
		for (uint32_t half = 0; half < 2; half++)
			parity(data, diagonal * 86 + half, 88, 43, 2236, sector + AT_Q + diagonal * 2 + half, 52);
	}
}

static void whole(uint8_t *sector, const uint8_t *user, uint32_t lba)
{
	uint8_t address[4];
	memset(sector, 0, SECTOR);
	memset(sector + 1, 0xff, 10);
	sector_address(address, lba, 1);
	for (uint32_t i = 0; i < 3; i++)
		sector[AT_HEADER + i] = bcd(address[i + 1]);
	sector[AT_HEADER + 3] = 1;
	memcpy(sector + AT_USER, user, BLOCK);
	uint32_t sum = edc(sector, AT_EDC);
	for (uint32_t i = 0; i < 4; i++)
		sector[AT_EDC + i] = (uint8_t)(sum >> (i * 8));
}

/* Widen, or narrow, blocks of user data that stand side by side, in place. */
void sector_build(uint8_t *sectors, uint32_t lba, uint32_t count, uint8_t raw)
{
	uint8_t sector[SECTOR];
	uint8_t user[BLOCK];
	int32_t size = sector_size(raw);
	uint32_t from = AT_USER;
	if (size <= 0 || size == (int32_t)BLOCK)
		return;
	if ((raw & RAW_SYNC) != 0)
		from = 0;
	else if ((raw & RAW_HEADER) != 0)
		from = AT_HEADER;
	memset(user, 0, sizeof(user));
	/* Wide ones from the end, so that none is overwritten before it is used. */
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = size > (int32_t)BLOCK ? count - 1 - i : i;
		if ((raw & RAW_USER) != 0)
			memcpy(user, sectors + (size_t)at * BLOCK, BLOCK);
		whole(sector, user, lba + at);
		if ((raw & RAW_ECC) != 0)
			parities(sector);
		memcpy(sectors + (size_t)at * (uint32_t)size, sector + from, (uint32_t)size);
	}
}
