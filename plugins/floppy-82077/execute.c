/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The execution phase: sectors between drive, buffer and host, one at a time.
 */
#include "fdc.h"

#define COMMAND_MT 0x80
#define COMMAND_MF 0x40
#define COMMAND_SK 0x20

static void wait_for(struct fdc *fdc, enum step step, vmm_time time)
{
	fdc->step = (uint8_t)step;
	fdc->execute_due = fdc_now(fdc) + time;
}

static void set_dreq(struct fdc *fdc, uint32_t level)
{
	if (fdc->dreq == level)
		return;
	fdc->dreq = (uint8_t)level;
	if (fdc->bus != NULL)
		fdc->bus->dreq(fdc->bus_self, fdc->channel, level);
}

static void finish(struct fdc *fdc)
{
	fdc->step = STEP_NONE;
	fdc->execute_due = fdc->overrun_due = NEVER;
	fdc->waiting = fdc->ready = 0;
	set_dreq(fdc, 0);
	command_end(fdc);
}

static void fail(struct fdc *fdc, uint8_t st1, uint8_t st2)
{
	fdc->st0 |= ST0_ABNORMAL;
	fdc->st1 |= st1;
	fdc->st2 |= st2;
	finish(fdc);
}

/* Nothing was found: so it seems after two turns of the disk. */
static void lose(struct fdc *fdc, uint8_t st1, uint8_t st2)
{
	fdc->st0 |= ST0_ABNORMAL;
	fdc->st1 |= st1;
	fdc->st2 |= st2;
	wait_for(fdc, STEP_LOST, SEARCH_TIME);
}

static uint32_t is_deleted(const struct fdc *fdc)
{
	return (fdc->command[0] & 0x1f) == 0x0c;
}

/* Does the host give the data? */
static uint32_t is_from_host(const struct fdc *fdc)
{
	return fdc->kind == KIND_WRITE || fdc->kind == KIND_SCAN || fdc->kind == KIND_FORMAT;
}

static uint32_t sector_size(const struct fdc *fdc)
{
	return 128u << (fdc->n & 7);
}

/* With N = 0, DTL is how much of the 128 bytes is transferred. */
static uint32_t sector_length(const struct fdc *fdc)
{
	uint32_t length = fdc->kind == KIND_VERIFY || fdc->kind == KIND_SCAN ? 128 : fdc->command[8];
	return fdc->n != 0 || length > 128 ? sector_size(fdc) : length;
}

/* From here on the host moves `length` bytes. */
static void data_begin(struct fdc *fdc, uint32_t length)
{
	fdc->step = STEP_DATA;
	fdc->position = 0;
	fdc->length = length;
	fdc->burst = 0;
	fdc->execute_due = fdc_now(fdc) + BYTE_TIME;
	fdc->overrun_due = fdc_now(fdc) + OVERRUN_TIME;
	if (!is_polled(fdc))
		set_dreq(fdc, 1);
}

static uint32_t transfer_kind(const struct fdc *fdc)
{
	if (fdc->kind == KIND_FORMAT)
		return VMM_FLOPPY_FORMAT;
	return fdc->kind == KIND_WRITE ? VMM_FLOPPY_WRITE : VMM_FLOPPY_READ;
}

static void drive_failed(struct fdc *fdc, int32_t status)
{
	fdc->waiting = 0;
	switch (status) {
	case -EROFS: fail(fdc, ST1_PROTECT, 0); break;
	case -ENOMEDIUM: lose(fdc, ST1_NO_MARK, 0); break;
	case -ENXIO:
	case -EMEDIUMTYPE: lose(fdc, ST1_NO_DATA, 0); break;
	default: fail(fdc, ST1_DATA, ST2_DATA); break;
	}
}

/* Have the drive do what the state says it is to do.  The buffer is lent for one transfer at a time. */
void execute_submit(struct fdc *fdc)
{
	const struct unit *drive = &fdc->units[fdc->unit];
	uint32_t operation = transfer_kind(fdc);
	int32_t status = -ENOMEDIUM;
	if (!fdc->waiting || fdc->in_flight)
		return;
	fdc->execute_due = NEVER;
	fdc->reads = operation == VMM_FLOPPY_READ;
	if (drive->table != NULL && operation == VMM_FLOPPY_FORMAT) {
		uint32_t count = fdc->command[3];
		memset(fdc->track, fdc->command[5], count * sector_size(fdc));
		status = drive->table->transfer(
			drive->self, fdc->token, operation, fdc->head, 1, count, fdc->track, count * sector_size(fdc));
	} else if (drive->table != NULL) {
		uint32_t sector = fdc->kind == KIND_TRACK ? fdc->left : fdc->r;
		status = drive->table->transfer(
			drive->self, fdc->token, operation, fdc->head, sector, 1, fdc->buffer, sector_size(fdc));
	}
	if (status == -EAGAIN || status == -ENOMEM || status == -EBUSY)
		fdc->execute_due = fdc_now(fdc) + AGAIN_TIME;
	else if (status < 0)
		drive_failed(fdc, status);
	else
		fdc->in_flight = 1;
	fdc->flight_token = fdc->token;
}

static void transfer_begin(struct fdc *fdc)
{
	fdc->step = STEP_DRIVE;
	fdc->overrun_due = NEVER;
	fdc->waiting = 1;
	fdc->token++;
	execute_submit(fdc);
}

/* Sectors. */

/* The next one: where the result says the command ended, too (table 5-6).  Returns whether it is past the end. */
static uint32_t advance(struct fdc *fdc)
{
	uint8_t step = fdc->kind == KIND_SCAN ? fdc->command[8] : 1;
	uint32_t multi = (fdc->command[0] & COMMAND_MT) != 0 && fdc->kind != KIND_TRACK;
	if (step == 0)
		step = 1;
	if (fdc->r != fdc->command[6] && (uint32_t)fdc->r + step <= 255 &&
		(fdc->kind != KIND_SCAN || (uint32_t)fdc->r + step <= fdc->command[6])) {
		fdc->r = (uint8_t)(fdc->r + step);
		return 0;
	}
	fdc->r = 1;
	if (multi) {
		fdc->h ^= 1;
		if (fdc->head == 0) {
			fdc->head = 1;
			return 0;
		}
		fdc->head = 0;
	}
	fdc->c++;
	return 1;
}

/* Compare the sector in the buffer, which was the drive's, byte for byte as the host's come. */
static void compare(struct fdc *fdc, uint8_t host, uint8_t disk)
{
	uint32_t code = fdc->command[0] & 0x1f;
	/* FF on either side is taken for equal (5.1.8). */
	if (host == disk || host == 0xff || disk == 0xff)
		return;
	fdc->st2 &= (uint8_t)~ST2_HIT;
	if (code == 0x11 || (code == 0x19 && disk > host) || (code == 0x1d && disk < host))
		fdc->st2 |= ST2_MISS;
}

static void sector_done(struct fdc *fdc)
{
	uint32_t stop = fdc->terminal;
	uint32_t head = fdc->head;
	set_dreq(fdc, 0);
	if (fdc->kind == KIND_SCAN && (fdc->st2 & ST2_MISS) == 0)
		stop = 1;
	if (fdc->kind == KIND_VERIFY && (fdc->command[1] & 0x80) != 0 && --fdc->left == 0)
		stop = 1;
	if ((fdc->st2 & ST2_MARK) != 0 && (fdc->command[0] & COMMAND_SK) == 0)
		stop = 1;
	if (fdc->kind == KIND_TRACK && fdc->left++ >= fdc->command[6])
		fdc->r = fdc->command[6];
	uint32_t end = advance(fdc);
	if (stop || end) {
		/* ST0 names the head that was used last. */
		fdc->head = (uint8_t)head;
		if (!stop && fdc->kind != KIND_SCAN && (fdc->kind != KIND_VERIFY || (fdc->command[1] & 0x80) != 0)) {
			fail(fdc, ST1_END, 0);
			return;
		}
		finish(fdc);
		return;
	}
	wait_for(fdc, STEP_SEARCH, SECTOR_TIME);
}

/* Is there anything to be read at this rate?  Fills in *info. */
static uint32_t can_read(struct fdc *fdc, struct vmm_floppy_info *info)
{
	return drive_info(fdc, fdc->unit, info) && info->medium && (fdc->dor >> (4 + fdc->unit) & 1) != 0 &&
		(fdc->command[0] & COMMAND_MF) != 0 && info->rate == fdc->rate && info->cylinder < info->cylinders &&
		fdc->head < info->heads && info->sectors != 0;
}

static void search_format(struct fdc *fdc, const struct vmm_floppy_info *info)
{
	uint32_t count = fdc->command[3];
	if (info->write_protected) {
		fail(fdc, ST1_PROTECT, 0);
		return;
	}
	if (count == 0 || fdc->n > 7 || count * sector_size(fdc) > TRACK_MOST) {
		lose(fdc, ST1_NO_DATA, 0);
		return;
	}
	data_begin(fdc, count * 4);
}

/* The ID fields of a raw image are what its place says. */
static void search(struct fdc *fdc)
{
	struct vmm_floppy_info info;
	uint32_t readable = can_read(fdc, &info);
	if (fdc->kind == KIND_FORMAT && info.medium && (fdc->dor >> (4 + fdc->unit) & 1) != 0) {
		search_format(fdc, &info);
		return;
	}
	if (!readable) {
		lose(fdc, ST1_NO_MARK, 0);
		return;
	}
	if (fdc->kind == KIND_ID) {
		fdc->c = (uint8_t)info.cylinder;
		fdc->h = fdc->head;
		fdc->r = (uint8_t)(1 + fdc_now(fdc) / SECTOR_TIME % info.sectors);
		fdc->n = (uint8_t)info.size_code;
		finish(fdc);
		return;
	}
	if (fdc->kind == KIND_WRITE && info.write_protected) {
		fail(fdc, ST1_PROTECT, 0);
		return;
	}
	uint32_t number = fdc->kind == KIND_TRACK ? fdc->left : fdc->r;
	uint32_t matches = fdc->c == info.cylinder && fdc->h == fdc->head && fdc->n == info.size_code;
	if (fdc->kind == KIND_TRACK) {
		/* Reads on whatever the ID says, but tells. */
		if (!matches || fdc->r != number)
			fdc->st1 |= ST1_NO_DATA;
		if (number > info.sectors || fdc->n > 7 || fdc->n != info.size_code) {
			lose(fdc, ST1_NO_DATA, 0);
			return;
		}
	} else if (!matches || number == 0 || number > info.sectors) {
		lose(fdc, ST1_NO_DATA, fdc->c != info.cylinder ? ST2_CYLINDER : 0);
		return;
	}
	if (is_deleted(fdc)) {
		fdc->st2 |= ST2_MARK;
		if ((fdc->command[0] & COMMAND_SK) != 0) {
			sector_done(fdc);
			return;
		}
	}
	if (fdc->kind == KIND_WRITE)
		data_begin(fdc, sector_length(fdc));
	else
		transfer_begin(fdc);
}

/* All bytes of a sector have passed, or of a track's IDs. */
static void data_done(struct fdc *fdc)
{
	fdc->overrun_due = fdc->execute_due = NEVER;
	fdc->ready = 0;
	set_dreq(fdc, 0);
	if (fdc->kind == KIND_WRITE) {
		memset(fdc->buffer + fdc->position, 0, sector_size(fdc) - fdc->position);
		transfer_begin(fdc);
	} else if (fdc->kind == KIND_FORMAT) {
		struct vmm_floppy_info info;
		uint8_t seen[256] = { 0 };
		drive_info(fdc, fdc->unit, &info);
		/* IDs that a raw image cannot hold; their order is free. */
		for (uint32_t i = 0; i < fdc->command[3]; i++) {
			const uint8_t *id = fdc->buffer + i * 4;
			if (i * 4 + 4 > fdc->position || id[0] != info.cylinder || id[1] != fdc->head || id[2] == 0 ||
				id[2] > fdc->command[3] || seen[id[2]]++ != 0 || id[3] != fdc->n) {
				lose(fdc, ST1_NO_DATA, 0);
				return;
			}
		}
		transfer_begin(fdc);
	} else {
		sector_done(fdc);
	}
}

/* A byte from the host. */
static void take(struct fdc *fdc, uint8_t value)
{
	if (fdc->kind == KIND_SCAN)
		compare(fdc, value, fdc->buffer[fdc->position]);
	else
		fdc->buffer[fdc->position] = value;
	fdc->position++;
}

/* Move what the DMA controller lets us. */
static void pump(struct fdc *fdc)
{
	uint32_t terminal = 0;
	uint32_t length = fdc->length - fdc->position;
	int32_t done = 0;
	fdc->execute_due = NEVER;
	if (fdc->bus == NULL || length == 0)
		return;
	if (is_from_host(fdc)) {
		uint8_t piece[512];
		if (length > sizeof(piece))
			length = sizeof(piece);
		done = fdc->bus->dma_from_memory(fdc->bus_self, fdc->channel, piece, length, &terminal);
		if (done > (int32_t)length)
			done = (int32_t)length;
		for (int32_t i = 0; i < done; i++)
			take(fdc, piece[i]);
	} else {
		done = fdc->bus->dma_to_memory(
			fdc->bus_self, fdc->channel, fdc->buffer + fdc->position, length, &terminal);
		if (done > (int32_t)length)
			done = (int32_t)length;
		fdc->position += done > 0 ? (uint32_t)done : 0;
	}
	if (done > 0)
		fdc->overrun_due = fdc_now(fdc) + OVERRUN_TIME;
	if (terminal)
		fdc->terminal = 1;
	if (terminal || fdc->position == fdc->length)
		data_done(fdc);
	else if (done > 0)
		fdc->execute_due = fdc_now(fdc) + BYTE_TIME;
	/* Else dack says when to go on. */
}

void execute_due(struct fdc *fdc)
{
	fdc->execute_due = NEVER;
	switch (fdc->step) {
	case STEP_SEARCH: search(fdc); break;
	case STEP_DRIVE: execute_submit(fdc); break;
	case STEP_LOST: finish(fdc); break;
	case STEP_DATA:
		/* The old transfer of a command that was reset still has the buffer. */
		if (fdc->in_flight) {
			fdc->execute_due = fdc_now(fdc) + AGAIN_TIME;
		} else if (is_polled(fdc)) {
			fdc->ready = 1;
			fdc->interrupt = 1;
			fdc->burst = (fdc->config & CONFIG_EFIFO) != 0 ? 1 : (fdc->config & 15u) + 1;
		} else if ((fdc->dor & DOR_GATE) != 0) {
			pump(fdc);
		}
		break;
	default: break;
	}
}

void execute_overrun(struct fdc *fdc)
{
	fdc->overrun_due = NEVER;
	if (fdc->step == STEP_DATA)
		fail(fdc, ST1_OVERRUN, 0);
}

/* Without DMA: one of a burst of bytes that an interrupt asked for. */
static void moved(struct fdc *fdc)
{
	fdc->overrun_due = fdc_now(fdc) + OVERRUN_TIME;
	if (fdc->position == fdc->length) {
		fdc->interrupt = 0;
		data_done(fdc);
	} else if (--fdc->burst == 0) {
		fdc->interrupt = fdc->ready = 0;
		fdc->execute_due = fdc_now(fdc) + BYTE_TIME;
	}
}

void execute_write(struct fdc *fdc, uint8_t value)
{
	if (!fdc->ready || !is_from_host(fdc))
		return;
	take(fdc, value);
	moved(fdc);
}

uint8_t execute_read(struct fdc *fdc)
{
	if (!fdc->ready || is_from_host(fdc))
		return 0xff;
	uint8_t value = fdc->buffer[fdc->position++];
	moved(fdc);
	return value;
}

/* The drive has done it, or not. */
void execute_complete(struct fdc *fdc, uint64_t token, int32_t status)
{
	if (!fdc->in_flight || token != fdc->flight_token)
		return;
	fdc->in_flight = 0;
	if (!fdc->waiting)
		return;
	/* Given back by a stop, or from before a reset: the next one may go now, from the timer. */
	if (status == -ECANCELED || token != fdc->token) {
		fdc->execute_due = fdc_now(fdc);
		fdc_arm(fdc);
		return;
	}
	fdc->waiting = 0;
	if (status < 0) {
		drive_failed(fdc, status);
	} else if (fdc->kind == KIND_VERIFY || fdc->kind == KIND_WRITE) {
		sector_done(fdc);
	} else if (fdc->kind == KIND_FORMAT) {
		finish(fdc);
	} else {
		if (fdc->kind == KIND_SCAN)
			fdc->st2 = (uint8_t)((fdc->st2 & ~ST2_MISS) | ST2_HIT);
		data_begin(fdc, sector_length(fdc));
	}
	fdc_lines(fdc);
	fdc_arm(fdc);
}

/* The implied seek that EIS asks for; how long it takes. */
static vmm_time implied_seek(struct fdc *fdc)
{
	int32_t count = (int32_t)fdc->c - fdc->pcn[fdc->unit];
	if ((fdc->config & CONFIG_SEEK) == 0 || fdc->kind == KIND_FORMAT || fdc->kind == KIND_ID || count == 0)
		return 0;
	drive_step(fdc, fdc->unit, count);
	fdc->pcn[fdc->unit] = fdc->c;
	fdc->st0 |= ST0_SEEK_END;
	return SETTLE_TIME + STEP_TIME * (uint32_t)(count < 0 ? -count : count);
}

void execute_begin(struct fdc *fdc, uint32_t kind)
{
	fdc->phase = PHASE_EXECUTE;
	fdc->command_count = 0;
	fdc->kind = (uint8_t)kind;
	fdc->unit = fdc->command[1] & 3;
	fdc->head = fdc->command[1] >> 2 & 1;
	fdc->st0 = fdc->st1 = fdc->st2 = 0;
	fdc->terminal = fdc->waiting = fdc->ready = 0;
	fdc->position = fdc->length = fdc->burst = 0;
	if (kind == KIND_FORMAT) {
		fdc->c = fdc->pcn[fdc->unit];
		fdc->h = fdc->head;
		fdc->r = 1;
		fdc->n = fdc->command[2];
		fdc->last_sector = fdc->command[3];
	} else if (kind != KIND_ID) {
		fdc->c = fdc->command[2];
		fdc->h = fdc->command[3];
		fdc->r = fdc->command[4];
		fdc->n = fdc->command[5];
		fdc->last_sector = fdc->command[6];
	}
	/* VERIFY with EC counts sectors in DTL's place; 0 is 256. */
	fdc->left = kind == KIND_TRACK ? 1 : fdc->command[8] != 0 ? fdc->command[8] : 256;
	wait_for(fdc, STEP_SEARCH, SECTOR_TIME + implied_seek(fdc));
}
