/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER    44
#define AMPLITUDE 20000.0
#define SECOND    UINT64_C(1000000000)
/* A pole close to 1: 35 Hz and up go through. */
#define POLE 0.995

static void give_up(struct record *record, const char *what)
{
	vmm_kit_log(record->host, VMM_LOG_WARNING, "the recording ends here: %s", what);
	close(record->fd);
	record->fd = -1;
}

/* 0, or -1 after giving up. */
static int32_t put(struct record *record, const void *data, size_t length, uint64_t offset)
{
	const uint8_t *bytes = data;
	while (length > 0) {
		ssize_t done = pwrite(record->fd, bytes, length, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			give_up(record, done < 0 ? strerror(errno) : "nothing could be written");
			return -1;
		}
		bytes += done;
		length -= (size_t)done;
		offset += (uint64_t)done;
	}
	return 0;
}

static void number(uint8_t *at, uint32_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (i * 8));
}

static void header_put(struct record *record)
{
	uint8_t header[HEADER];
	uint32_t bytes = (uint32_t)(record->samples * 2);
	memcpy(header, "RIFF....WAVEfmt ", 16);
	memcpy(header + 36, "data", 4);
	number(header + 4, bytes + HEADER - 8, 4);
	number(header + 16, 16, 4);
	number(header + 20, 1, 2); /* plain samples */
	number(header + 22, 1, 2);
	number(header + 24, (uint32_t)RECORD_RATE, 4);
	number(header + 28, (uint32_t)RECORD_RATE * 2, 4);
	number(header + 32, 2, 2);
	number(header + 34, 16, 2);
	number(header + 40, bytes, 4);
	put(record, header, sizeof(header), 0);
}

static void buffer_put(struct record *record)
{
	uint8_t bytes[RECORD_BUFFER * 2];
	for (uint32_t i = 0; i < record->buffered; i++)
		number(bytes + i * 2, (uint16_t)record->buffer[i], 2);
	uint64_t before = record->samples - record->buffered;
	uint32_t length = record->buffered * 2;
	record->buffered = 0;
	if (length > 0)
		put(record, bytes, length, HEADER + before * 2);
}

int32_t record_open(struct record *record, const struct vmm_host *host, const char *path, uint64_t limit)
{
	static const char remedy[] = "name a file that can be written";
	struct stat stat;
	record->host = host;
	record->limit = limit;
	/* Not truncated before it is known to be a plain file. */
	record->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	if (record->fd < 0)
		return vmm_kit_fail(host, -errno, remedy, "cannot open %.900s: %s", path, strerror(errno));
	if (fstat(record->fd, &stat) < 0 || !S_ISREG(stat.st_mode))
		return vmm_kit_fail(host, -EINVAL, remedy, "%.900s is not a plain file", path);
	if (ftruncate(record->fd, 0) < 0)
		return vmm_kit_fail(host, -errno, remedy, "cannot empty %.900s: %s", path, strerror(errno));
	header_put(record);
	return 0;
}

void record_resume(struct record *record, vmm_time now)
{
	record->base = record->at = now;
	record->count = 0;
	record->up = 0;
}

/* How long the wire has been up since the wave began. */
static uint64_t up_until(const struct wave *wave, vmm_time time)
{
	uint64_t gone = time > wave->begin ? time - wave->begin : 0;
	if (wave->period == 0)
		return wave->high != 0 ? gone : 0;
	uint64_t rest = gone % wave->period;
	return gone / wave->period * wave->high + (rest < wave->high ? rest : wave->high);
}

static void sample_put(struct record *record, uint64_t length)
{
	double input = AMPLITUDE * (double)record->up / (double)length;
	double output = input - record->input + POLE * record->output;
	record->input = input;
	record->output = output;
	record->up = 0;
	record->buffer[record->buffered++] = (int16_t)output; /* at most the amplitude, either way */
	record->samples++;
	if (record->buffered == RECORD_BUFFER)
		buffer_put(record);
	if (record->fd >= 0 && HEADER + (record->samples + 1) * 2 > record->limit) {
		record_flush(record);
		if (record->fd >= 0)
			give_up(record, "the file has reached its limit");
	}
}

void record_run(struct record *record, const struct wave *wave, vmm_time time)
{
	while (record->fd >= 0 && record->at < time) {
		vmm_time begin = record->base + vmm_kit_muldiv(record->count, SECOND, RECORD_RATE);
		vmm_time end = record->base + vmm_kit_muldiv(record->count + 1, SECOND, RECORD_RATE);
		vmm_time to = time < end ? time : end;
		record->up += up_until(wave, to) - up_until(wave, record->at);
		record->at = to;
		if (to < end)
			break;
		record->count++;
		sample_put(record, end - begin);
	}
}

void record_flush(struct record *record)
{
	if (record->fd >= 0)
		buffer_put(record);
	if (record->fd >= 0)
		header_put(record);
}

void record_close(struct record *record)
{
	record_flush(record);
	if (record->fd >= 0)
		close(record->fd);
	record->fd = -1;
}
