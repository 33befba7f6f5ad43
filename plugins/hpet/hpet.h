/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A high precision event timer (IA-PC HPET Specification 1.0a, Intel, October 2004): a 64-bit counter at 100 MHz with 3
 * to 8 comparators.
 */
#ifndef HPET_H
#define HPET_H

#include <vmm/firmware.h>
#include <vmm/irq.h>
#include <vmm/kit/plugin.h>
#include <vmm/memory.h>
#include <vmm/timer.h>

#define HPET_BASE   UINT64_C(0xfed00000)
#define HPET_LENGTH 0x1000
#define TIMERS_MIN  3
#define TIMERS_MAX  8
#define TICK        10 /* ns */

/* General configuration (2.3.5). */
#define CONF_ENABLE 0x1u
#define CONF_LEGACY 0x2u

/* A timer's configuration (2.3.8). */
#define TN_LEVEL    0x0002u
#define TN_ENABLE   0x0004u
#define TN_PERIODIC 0x0008u
#define TN_CAN      0x0010u /* be periodic */
#define TN_64       0x0020u
#define TN_SET      0x0040u
#define TN_32       0x0100u
#define TN_ROUTE    0x3e00u
#define TN_WRITABLE (TN_LEVEL | TN_ENABLE | TN_PERIODIC | TN_SET | TN_32 | TN_ROUTE)
#define ROUTES      UINT32_C(0x00f00000) /* I/O APIC inputs that a timer may use: 20 to 23 */

struct hpet;

struct comparator {
	struct hpet *hpet;
	vmm_handle source, timer;
	uint32_t conf;   /* the writable bits */
	uint32_t raised; /* its status bit; 0 with edges */
	uint64_t compare, period;
	uint64_t next; /* what the counter must reach for the next match, UINT64_MAX: none */
};

struct hpet {
	const struct vmm_host *host;
	const struct vmm_region_service *region;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	vmm_handle registers;
	uint32_t count; /* of comparators */
	uint32_t can_take;
	uint32_t conf;
	uint64_t counter; /* as it stood at `since` */
	uint64_t since;   /* guest time of that, while the counter runs */
	struct comparator comparators[TIMERS_MAX];
};

/* timers.c */
uint64_t counter_read(const struct hpet *hpet);
/* A match is worked out afresh after the counter or the comparator was changed. */
void comparator_plan(struct comparator *comparator);
/* Arm its timer for the match that was worked out. */
void comparator_resume(struct comparator *comparator);
void comparator_due(void *self, uint64_t token);
void comparator_compare(struct comparator *comparator, uint64_t value);
void comparator_line(struct comparator *comparator);
void comparators_route(struct hpet *hpet);
void hpet_enable(struct hpet *hpet, uint32_t conf);
/* GCAP_ID's low half, which the ACPI table has too. */
uint32_t hpet_id(const struct hpet *hpet);

/* firmware.c */
int32_t firmware_add(struct hpet *hpet);

#endif
