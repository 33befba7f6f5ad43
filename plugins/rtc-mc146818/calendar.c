/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "calendar.h"

#include <stdio.h>

#define DAY 86400

/* Years are counted from March, so that the leap day comes last; 400 years have 146097 days. */
static int64_t days(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t of_era = year - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t calendar_seconds(const struct date *date)
{
	return days(date->year, date->month, date->day) * DAY + date->hour * 3600 + date->minute * 60 + date->second;
}

struct date calendar_date(int64_t seconds)
{
	struct date date;
	int64_t day = seconds / DAY;
	int64_t rest = seconds % DAY;
	if (rest < 0) {
		rest += DAY;
		day--;
	}
	date.hour = (int32_t)(rest / 3600);
	date.minute = (int32_t)(rest / 60 % 60);
	date.second = (int32_t)(rest % 60);
	int64_t weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday */
	date.weekday = (int32_t)(weekday < 0 ? weekday + 7 : weekday);
	day += 719468;
	int64_t era = (day >= 0 ? day : day - 146096) / 146097;
	int64_t of_era = day - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;
	date.day = (int32_t)(of_year - (153 * month + 2) / 5 + 1);
	date.month = (int32_t)(month < 10 ? month + 3 : month - 9);
	date.year = (int32_t)(year + era * 400 + (date.month <= 2));
	return date;
}

int32_t calendar_parse(const char *text, struct date *date)
{
	int used = 0;
	*date = (struct date){ 0 };
	if (sscanf(text, "%4d-%2d-%2d%n", &date->year, &date->month, &date->day, &used) != 3)
		return -1;
	if (text[used] == 'T' || text[used] == ' ') {
		int more = 0;
		if (sscanf(text + used + 1, "%2d:%2d:%2d%n", &date->hour, &date->minute, &date->second, &more) != 3)
			return -1;
		used += 1 + more;
	}
	if (text[used] != '\0' || date->year < 1900 || date->year > 9999 || date->month < 1 || date->month > 12 ||
		date->day < 1 || date->day > 31 || date->hour < 0 || date->hour > 23 || date->minute < 0 ||
		date->minute > 59 || date->second < 0 || date->second > 59)
		return -1;
	struct date again = calendar_date(calendar_seconds(date));
	return again.day == date->day ? 0 : -1; /* no 31st of April */
}
