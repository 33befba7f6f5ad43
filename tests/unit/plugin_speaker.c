/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The loudspeaker on the 8254.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm/port-speaker.h>

#include "plugin_test.h"

#define SECOND UINT64_C(1000000000)

static struct fake *fake;
static struct fake_instance *pit, *speaker;
static char path[64];
static uint8_t *wav;
static long length;

static void setup(const char *limit)
{
	snprintf(path, sizeof(path), "/tmp/vmm-speaker-%d.wav", (int)getpid());
	fake = fake_new();
	fake_set(fake, "speaker0", "file", path);
	if (limit != NULL)
		fake_set(fake, "speaker0", "limit", limit);
	pit = fake_add(fake, "pit-8254", "pit0");
	speaker = fake_add(fake, "speaker", "speaker0");
	ck_assert_ptr_nonnull(fake_join(pit, "speaker", speaker, "bus", VMM_PORT_SPEAKER, 0));
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
}

static void teardown(void)
{
	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	fake_free(fake);
	unlink(path);
	free(wav);
	wav = NULL;
}

static void tone(uint32_t count)
{
	fake_out(fake, 0x43, 1, 0xb6);
	fake_out(fake, 0x42, 1, count & 0xff);
	fake_out(fake, 0x42, 1, count >> 8);
	fake_out(fake, 0x61, 1, 3);
}

static uint32_t word(long at)
{
	return (uint32_t)wav[at] | (uint32_t)wav[at + 1] << 8 | (uint32_t)wav[at + 2] << 16 |
		(uint32_t)wav[at + 3] << 24;
}

static int32_t sample(long index)
{
	return (int16_t)(wav[44 + index * 2] | wav[45 + index * 2] << 8);
}

/* The file as it is; its header must fit. */
static long recording(void)
{
	FILE *file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	fseek(file, 0, SEEK_END);
	length = ftell(file);
	rewind(file);
	free(wav);
	wav = malloc((size_t)length);
	ck_assert_uint_eq(fread(wav, 1, (size_t)length, file), (size_t)length);
	fclose(file);
	ck_assert_int_eq(memcmp(wav, "RIFF", 4), 0);
	ck_assert_int_eq(memcmp(wav + 8, "WAVEfmt ", 8), 0);
	ck_assert_uint_eq(word(4), (uint32_t)length - 8);
	ck_assert_uint_eq(word(24), 44100);
	ck_assert_uint_eq(word(40), (uint32_t)length - 44);
	return (length - 44) / 2;
}

START_TEST(tones)
{
	setup(NULL);
	tone(1193); /* 1000 Hz */
	fake_advance(fake, SECOND);
	ck_assert_str_eq(fake->event, "tone");
	ck_assert_int_eq(strncmp(fake->event_data, "{\"hz\": 1000.", 12), 0);
	uint32_t events = fake->event_count;
	fake_out(fake, 0x61, 1, 0);
	fake_advance(fake, SECOND);
	ck_assert_str_eq(fake->event_data, "{\"hz\": 0.00}");
	ck_assert_uint_eq(fake->event_count, events + 1);
	fake_stop(fake);
	ck_assert_int_ge(recording(), 88199);
	ck_assert_int_le(recording(), 88200);
	/* A thousand periods in the first second: count the changes of sign. */
	uint32_t rises = 0, loud = 0;
	for (long i = 1; i < 44100; i++)
		rises += sample(i - 1) < 0 && sample(i) >= 0;
	for (long i = 50000; i < 88199; i++)
		loud += sample(i) > 2 || sample(i) < -2;
	ck_assert_uint_ge(rises, 995);
	ck_assert_uint_le(rises, 1001);
	ck_assert_uint_eq(loud, 0);
	/* Stopped: the clock stands, so nothing is added. */
	fake_start(fake);
	fake_stop(fake);
	ck_assert_int_le(recording(), 88200);
	fake_start(fake);
	fake_advance(fake, SECOND / 2);
	fake_stop(fake);
	ck_assert_int_ge(recording(), 110248);
	ck_assert_int_le(recording(), 110250);
	teardown();
}
END_TEST

/* Samples by pulse width: mode 0, a count each 50 us, as long as the sample is high.  A slow sine must come out. */
START_TEST(pulse_width)
{
	setup(NULL);
	fake_out(fake, 0x43, 1, 0x90);
	fake_out(fake, 0x61, 1, 3);
	uint32_t events = fake->event_count;
	for (uint32_t i = 0; i < 20000; i++) {
		/* A square of 100 Hz in widths: 10 and 50 ticks. */
		fake_out(fake, 0x42, 1, i / 100 % 2 != 0 ? 50 : 10);
		fake_advance(fake, 50000);
	}
	ck_assert_uint_le(fake->event_count - events, 1);
	fake_stop(fake);
	long count = recording();
	ck_assert_int_ge(count, 44099);
	uint32_t rises = 0, up = 0;
	int64_t mean[8] = { 0 };
	for (long i = 4410; i + 8 < count; i++) {
		/* Smooth over 8 samples, then count periods. */
		mean[0] = 0;
		for (long k = 0; k < 8; k++)
			mean[0] += sample(i + k);
		rises += mean[0] > 4000 && !up;
		if (mean[0] > 4000)
			up = 1;
		else if (mean[0] < -4000)
			up = 0;
	}
	ck_assert_uint_ge(rises, 88);
	ck_assert_uint_le(rises, 92);
	teardown();
}
END_TEST

START_TEST(bounded)
{
	setup("64K");
	tone(2000);
	fake_advance(fake, 10 * SECOND);
	fake_stop(fake);
	recording();
	ck_assert_int_le(length, 65536);
	ck_assert_int_ge(length, 65000);
	teardown();
}
END_TEST

START_TEST(saved_tone)
{
	setup(NULL);
	tone(2386);
	fake_advance(fake, SECOND);
	ck_assert(fake_round_trip(pit));
	fake_stop(fake);
	fake_start(fake);
	fake_advance(fake, SECOND);
	ck_assert_int_eq(strncmp(fake->event_data, "{\"hz\": 500.", 11), 0);
	fake_reset(fake, VMM_RESET_HARD);
	fake_advance(fake, SECOND);
	ck_assert_str_eq(fake->event_data, "{\"hz\": 0.00}");
	drive_ports(fake, pit, 0x40, 0x43, 3000);
	drive_ports(fake, pit, 0x61, 0x61, 1000);
	fake_stop(fake);
	recording();
	teardown();
}
END_TEST

START_TEST(settings)
{
	fake = fake_new();
	fake_set(fake, "speaker0", "file", "/nowhere/at/all.wav");
	fake_set(fake, "speaker1", "file", "/dev/null");
	for (uint32_t i = 0; i < 2; i++) {
		struct fake_instance *bad = fake_create(fake, "speaker", i == 0 ? "speaker0" : "speaker1");
		ck_assert_int_lt(fake_init(bad), 0);
		ck_assert(fake->cause[0] != '\0');
		fake_destroy(bad);
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("speaker", tones, pulse_width, bounded, saved_tone, settings)
