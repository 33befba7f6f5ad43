/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Days and dates (proleptic Gregorian).
 */
#ifndef CALENDAR_H
#define CALENDAR_H

#include <stdint.h>

struct date {
	int32_t year, month, day; /* month 1 to 12, day 1 to 31 */
	int32_t hour, minute, second;
	int32_t weekday; /* 0: Sunday */
};

/* Seconds since 1970-01-01 00:00:00. */
int64_t calendar_seconds(const struct date *date);
struct date calendar_date(int64_t seconds);
/* "2000-01-31" or "2000-01-31T12:34:56"; 0 or -1. */
int32_t calendar_parse(const char *text, struct date *date);

#endif
