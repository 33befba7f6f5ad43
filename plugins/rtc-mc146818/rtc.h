/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MC146818A real-time clock with 128 bytes of CMOS RAM (Motorola MC146818A/D, 1984), as a PC has it.
 */
#ifndef RTC_H
#define RTC_H

#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/plugin.h>
#include <vmm/timer.h>

#include "calendar.h"

enum {
	RTC_SECONDS = 0,
	RTC_SECONDS_ALARM = 1,
	RTC_MINUTES = 2,
	RTC_MINUTES_ALARM = 3,
	RTC_HOURS = 4,
	RTC_HOURS_ALARM = 5,
	RTC_WEEKDAY = 6,
	RTC_DAY = 7,
	RTC_MONTH = 8,
	RTC_YEAR = 9,
	RTC_A = 10,
	RTC_B = 11,
	RTC_C = 12,
	RTC_D = 13,
	RTC_CENTURY = 0x32,
};

#define A_UIP  0x80
#define A_DV   0x70
#define A_RS   0x0f
#define B_SET  0x80
#define B_PIE  0x40
#define B_AIE  0x20
#define B_UIE  0x10
#define B_SQWE 0x08
#define B_DM   0x04 /* binary */
#define B_24   0x02
#define C_IRQF 0x80
#define C_PF   0x40
#define C_AF   0x20
#define C_UF   0x10
#define D_VRT  0x80

#define SECOND INT64_C(1000000000)

struct rtc {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	vmm_handle claim, source, event;

	uint8_t index;     /* port 70, bit 7: NMI masked */
	uint8_t cmos[128]; /* time registers hold their values only while the clock is set */
	uint8_t held;      /* the divider was reset since the clock stopped */
	uint8_t weekday_shift;
	uint64_t offset;      /* the clock's time less VMM_CLOCK_REAL, in ns, modulo 2^64 */
	uint64_t seen_second; /* updates up to here have set UF and AF */
	uint64_t seen_tick;   /* 32768 Hz ticks up to here have set PF */
};

/* clock.c */
int64_t rtc_now(struct rtc *rtc);
uint32_t rtc_stopped(const struct rtc *rtc);
uint32_t rtc_divider_reset(const struct rtc *rtc);
uint8_t rtc_time_register(struct rtc *rtc, uint32_t index);
void rtc_hold(struct rtc *rtc);    /* the clock is about to stop: put the time into the registers */
void rtc_release(struct rtc *rtc); /* it goes on from what the registers say */
void rtc_set_register(struct rtc *rtc, uint32_t index, uint8_t value);
int64_t rtc_next_alarm(struct rtc *rtc, int64_t after); /* second of the next match, or INT64_MAX */

static inline uint32_t rtc_is_time(uint32_t index)
{
	return index == RTC_SECONDS || index == RTC_MINUTES || index == RTC_HOURS ||
		(index >= RTC_WEEKDAY && index <= RTC_YEAR) || index == RTC_CENTURY;
}

#endif
