/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The time of day, computed from the host's real-time clock and an offset.
 */
#include "rtc.h"

#define DAY 86400

int64_t rtc_now(struct rtc *rtc)
{
	return (int64_t)(rtc->timer->now(rtc->host->context, VMM_CLOCK_REAL) + rtc->offset);
}

/* DV 6 and 7 hold the divider chain in reset (table 5). */
uint32_t rtc_divider_reset(const struct rtc *rtc)
{
	return (rtc->cmos[RTC_A] & A_DV) >= 0x60;
}

uint32_t rtc_stopped(const struct rtc *rtc)
{
	return (rtc->cmos[RTC_B] & B_SET) != 0 || rtc_divider_reset(rtc);
}

static int64_t floor_second(int64_t nanoseconds)
{
	int64_t seconds = nanoseconds / SECOND;
	return nanoseconds % SECOND < 0 ? seconds - 1 : seconds;
}

/* Binary or BCD, by register B. */
static uint8_t encode(const struct rtc *rtc, int32_t value)
{
	if ((rtc->cmos[RTC_B] & B_DM) != 0)
		return (uint8_t)value;
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static int32_t decode(const struct rtc *rtc, uint8_t value)
{
	if ((rtc->cmos[RTC_B] & B_DM) != 0)
		return value;
	return (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const struct rtc *rtc, int32_t hour)
{
	if ((rtc->cmos[RTC_B] & B_24) != 0)
		return encode(rtc, hour);
	/* 12 AM is midnight; bit 7 is PM. */
	return (uint8_t)(encode(rtc, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80 : 0));
}

static int32_t decode_hour(const struct rtc *rtc, uint8_t value)
{
	if ((rtc->cmos[RTC_B] & B_24) != 0)
		return decode(rtc, value);
	return decode(rtc, value & 0x7f) % 12 + ((value & 0x80) != 0 ? 12 : 0);
}

static uint8_t field(const struct rtc *rtc, const struct date *date, uint32_t index)
{
	switch (index) {
	case RTC_SECONDS: return encode(rtc, date->second);
	case RTC_MINUTES: return encode(rtc, date->minute);
	case RTC_HOURS: return encode_hour(rtc, date->hour);
	case RTC_WEEKDAY: return (uint8_t)((date->weekday + rtc->weekday_shift) % 7 + 1);
	case RTC_DAY: return encode(rtc, date->day);
	case RTC_MONTH: return encode(rtc, date->month);
	case RTC_YEAR: return encode(rtc, date->year % 100);
	default: return encode(rtc, date->year / 100 % 100);
	}
}

uint8_t rtc_time_register(struct rtc *rtc, uint32_t index)
{
	if (rtc_stopped(rtc))
		return rtc->cmos[index];
	struct date date = calendar_date(floor_second(rtc_now(rtc)));
	return field(rtc, &date, index);
}

static const uint8_t time_registers[] = { RTC_SECONDS, RTC_MINUTES, RTC_HOURS, RTC_WEEKDAY, RTC_DAY, RTC_MONTH,
	RTC_YEAR, RTC_CENTURY };

void rtc_hold(struct rtc *rtc)
{
	struct date date = calendar_date(floor_second(rtc_now(rtc)));
	for (uint32_t i = 0; i < sizeof(time_registers); i++)
		rtc->cmos[time_registers[i]] = field(rtc, &date, time_registers[i]);
	rtc->held = 0;
}

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
	return value < low ? low : value > high ? high : value;
}

void rtc_release(struct rtc *rtc)
{
	struct date date = {
		.second = clamp(decode(rtc, rtc->cmos[RTC_SECONDS]), 0, 59),
		.minute = clamp(decode(rtc, rtc->cmos[RTC_MINUTES]), 0, 59),
		.hour = clamp(decode_hour(rtc, rtc->cmos[RTC_HOURS]), 0, 23),
		.day = clamp(decode(rtc, rtc->cmos[RTC_DAY]), 1, 31),
		.month = clamp(decode(rtc, rtc->cmos[RTC_MONTH]), 1, 12),
		.year = clamp(decode(rtc, rtc->cmos[RTC_CENTURY]), 0, 99) * 100 +
			clamp(decode(rtc, rtc->cmos[RTC_YEAR]), 0, 99),
	};
	int64_t seconds = calendar_seconds(&date);
	date = calendar_date(seconds);
	int32_t weekday = clamp(rtc->cmos[RTC_WEEKDAY], 1, 7) - 1;
	rtc->weekday_shift = (uint8_t)((weekday - date.weekday + 7) % 7);
	int64_t real = (int64_t)rtc->timer->now(rtc->host->context, VMM_CLOCK_REAL);
	/* The divider chain keeps its phase; after its reset the first update comes half a second later. */
	int64_t now = rtc_now(rtc);
	int64_t phase = rtc->held ? SECOND / 2 : now - floor_second(now) * SECOND;
	/* Centuries far from ours would not fit into nanoseconds. */
	seconds = seconds < -9000000000 ? -9000000000 : seconds > 9000000000 ? 9000000000 : seconds;
	rtc->offset = (uint64_t)(seconds * SECOND + phase) - (uint64_t)real;
	rtc->held = 0;
}

void rtc_set_register(struct rtc *rtc, uint32_t index, uint8_t value)
{
	if (rtc_stopped(rtc)) {
		rtc->cmos[index] = value;
		return;
	}
	rtc_hold(rtc);
	rtc->cmos[index] = value;
	rtc_release(rtc);
}

/* Does an alarm byte match?  C0 to FF match always. */
static uint32_t matches(uint8_t alarm, int32_t decoded, int32_t value)
{
	return (alarm & 0xc0) == 0xc0 || decoded == value;
}

int64_t rtc_next_alarm(struct rtc *rtc, int64_t after)
{
	uint8_t hour = rtc->cmos[RTC_HOURS_ALARM];
	uint8_t minute = rtc->cmos[RTC_MINUTES_ALARM];
	uint8_t second = rtc->cmos[RTC_SECONDS_ALARM];
	int64_t day = after / DAY * DAY - (after % DAY < 0 ? DAY : 0);
	for (uint32_t days = 0; days < 2; days++, day += DAY) {
		for (int32_t h = 0; h < 24; h++) {
			if (!matches(hour, decode_hour(rtc, hour), h) || day + h * 3600 + 3599 <= after)
				continue;
			for (int32_t m = 0; m < 60; m++) {
				if (!matches(minute, decode(rtc, minute), m) || day + h * 3600 + m * 60 + 59 <= after)
					continue;
				for (int32_t s = 0; s < 60; s++) {
					if (matches(second, decode(rtc, second), s) &&
						day + h * 3600 + m * 60 + s > after)
						return day + h * 3600 + m * 60 + s;
				}
			}
		}
	}
	return INT64_MAX;
}
