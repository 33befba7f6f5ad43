/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Commands and results (section 5 of the data sheet).
 */
#include "fdc.h"

static void read_data(struct fdc *fdc)
{
	execute_begin(fdc, KIND_READ);
}

static void write_data(struct fdc *fdc)
{
	execute_begin(fdc, KIND_WRITE);
}

static void read_track(struct fdc *fdc)
{
	execute_begin(fdc, KIND_TRACK);
}

static void verify(struct fdc *fdc)
{
	execute_begin(fdc, KIND_VERIFY);
}

static void scan(struct fdc *fdc)
{
	execute_begin(fdc, KIND_SCAN);
}

static void format_track(struct fdc *fdc)
{
	execute_begin(fdc, KIND_FORMAT);
}

static void read_id(struct fdc *fdc)
{
	execute_begin(fdc, KIND_ID);
}

/* To the result phase, or, without results, to the next command. */
static void answer(struct fdc *fdc, uint32_t count)
{
	fdc->phase = count > 0 ? PHASE_RESULT : PHASE_COMMAND;
	fdc->result_count = count;
	fdc->result_at = 0;
	fdc->command_count = 0;
}

static void invalid(struct fdc *fdc)
{
	fdc->result[0] = ST0_INVALID;
	answer(fdc, 1);
}

static void recalibrate(struct fdc *fdc)
{
	answer(fdc, 0);
	drive_recalibrate(fdc, fdc->command[1] & 3);
}

static void seek(struct fdc *fdc)
{
	uint32_t unit = fdc->command[1] & 3;
	answer(fdc, 0);
	uint8_t st0 = (uint8_t)(ST0_SEEK_END | (fdc->command[1] & 4) | unit);
	drive_seek(fdc, unit, (int32_t)fdc->command[2] - fdc->pcn[unit], st0, fdc->command[2]);
}

/* By so many cylinders; the heads may go where the counter cannot follow, which wraps (5.2.12). */
static void relative_seek(struct fdc *fdc)
{
	uint32_t unit = fdc->command[1] & 3;
	int32_t count = (fdc->command[0] & 0x40) != 0 ? fdc->command[2] : -(int32_t)fdc->command[2];
	uint8_t st0 = (uint8_t)(ST0_SEEK_END | (fdc->command[1] & 4) | unit);
	answer(fdc, 0);
	drive_seek(fdc, unit, count, st0, (uint8_t)(fdc->pcn[unit] + count));
}

static void sense_interrupt(struct fdc *fdc)
{
	for (uint32_t i = 0; i < UNITS; i++) {
		if ((fdc->sense >> i & 1) == 0)
			continue;
		fdc->sense &= (uint8_t) ~(1u << i);
		fdc->result[0] = fdc->sense_st0[i];
		fdc->result[1] = fdc->pcn[i];
		/* After a reset one interrupt is for all four; after seeks there is one each. */
		fdc->interrupt = fdc->sense != 0 && (fdc->sense_st0[i] & ST0_POLL) != ST0_POLL;
		answer(fdc, 2);
		return;
	}
	invalid(fdc);
}

static void specify(struct fdc *fdc)
{
	fdc->specify[0] = fdc->command[1];
	fdc->specify[1] = fdc->command[2];
	answer(fdc, 0);
}

static void sense_drive(struct fdc *fdc)
{
	struct vmm_floppy_info info;
	uint32_t there = drive_info(fdc, fdc->command[1] & 3, &info);
	fdc->result[0] = (uint8_t)(ST3_ALWAYS | (fdc->command[1] & 7));
	if (there && info.cylinder == 0)
		fdc->result[0] |= ST3_TRACK0;
	if (there && info.medium && info.write_protected)
		fdc->result[0] |= ST3_PROTECT;
	answer(fdc, 1);
}

static void configure(struct fdc *fdc)
{
	fdc->config = fdc->command[2] & 0x7f;
	fdc->pretrack = fdc->command[3];
	answer(fdc, 0);
}

static void dump_registers(struct fdc *fdc)
{
	memcpy(fdc->result, fdc->pcn, UNITS);
	fdc->result[4] = fdc->specify[0];
	fdc->result[5] = fdc->specify[1];
	fdc->result[6] = fdc->last_sector;
	fdc->result[7] = (uint8_t)(fdc->lock << 7 | fdc->perpendicular);
	fdc->result[8] = fdc->config;
	fdc->result[9] = fdc->pretrack;
	answer(fdc, 10);
}

/* D0 to D3 change only while OW is set (5.2.13). */
static void perpendicular(struct fdc *fdc)
{
	uint8_t value = fdc->command[1];
	if ((value & 0x80) != 0)
		fdc->perpendicular = value & 0x3f;
	else
		fdc->perpendicular = (uint8_t)((fdc->perpendicular & 0x3c) | (value & 3));
	answer(fdc, 0);
}

static void lock(struct fdc *fdc)
{
	fdc->lock = fdc->command[0] >> 7;
	fdc->result[0] = (uint8_t)(fdc->lock << 4);
	answer(fdc, 1);
}

static void version(struct fdc *fdc)
{
	fdc->result[0] = 0x90;
	answer(fdc, 1);
}

static const struct row {
	uint8_t mask, code, length;
	void (*run)(struct fdc *fdc);
} rows[] = {
	{ 0x1f, 0x06, 9, read_data },
	{ 0x1f, 0x0c, 9, read_data }, /* deleted */
	{ 0x3f, 0x05, 9, write_data },
	{ 0x3f, 0x09, 9, write_data }, /* deleted */
	{ 0x9f, 0x02, 9, read_track },
	{ 0x1f, 0x16, 9, verify },
	{ 0xbf, 0x0d, 6, format_track },
	{ 0x1f, 0x11, 9, scan },
	{ 0x1f, 0x19, 9, scan }, /* low or equal */
	{ 0x1f, 0x1d, 9, scan }, /* high or equal */
	{ 0xff, 0x07, 2, recalibrate },
	{ 0xff, 0x08, 1, sense_interrupt },
	{ 0xff, 0x03, 3, specify },
	{ 0xff, 0x04, 2, sense_drive },
	{ 0xff, 0x13, 4, configure },
	{ 0xff, 0x0f, 3, seek },
	{ 0xbf, 0x8f, 3, relative_seek },
	{ 0xff, 0x0e, 1, dump_registers },
	{ 0xbf, 0x0a, 2, read_id },
	{ 0xff, 0x12, 2, perpendicular },
	{ 0x7f, 0x14, 1, lock },
	{ 0xff, 0x10, 1, version },
};

static const struct row *find(uint8_t code)
{
	for (uint32_t i = 0; i < VMM_KIT_COUNT(rows); i++) {
		if ((code & rows[i].mask) == rows[i].code)
			return &rows[i];
	}
	return NULL;
}

void command_write(struct fdc *fdc, uint8_t value)
{
	if (fdc->phase != PHASE_COMMAND || fdc->command_count >= sizeof(fdc->command))
		return;
	fdc->command[fdc->command_count++] = value;
	const struct row *row = find(fdc->command[0]);
	if (row == NULL)
		invalid(fdc);
	else if (fdc->command_count == row->length)
		row->run(fdc);
}

uint8_t command_read(struct fdc *fdc)
{
	if (fdc->phase != PHASE_RESULT || fdc->result_at >= fdc->result_count)
		return 0xff;
	uint8_t value = fdc->result[fdc->result_at];
	/* The interrupt of a result goes with its first byte; those of seeks stay. */
	if (fdc->result_at++ == 0 && fdc->sense == 0)
		fdc->interrupt = 0;
	if (fdc->result_at == fdc->result_count)
		answer(fdc, 0);
	return value;
}

/* The end of an execution phase. */
void command_end(struct fdc *fdc)
{
	const uint8_t bytes[7] = { (uint8_t)(fdc->st0 | fdc->head << 2 | fdc->unit), fdc->st1, fdc->st2, fdc->c, fdc->h,
		fdc->r, fdc->n };
	memcpy(fdc->result, bytes, sizeof(bytes));
	answer(fdc, sizeof(bytes));
	fdc->interrupt = 1;
}
