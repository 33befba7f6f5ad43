/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Inside of the local APIC, shared by apic*.c only.
 */
#ifndef VMM_CPU_APIC_STATE_H
#define VMM_CPU_APIC_STATE_H

#include "vmm/cpu/apic.h"

enum { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

#define LVT_MASKED          (1u << 16)
#define LVT_TIMER_MODE(lvt) ((lvt) >> 17 & 3u)
enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

#define DELIVERY_FIXED  0u
#define DELIVERY_LOWEST 1u
#define DELIVERY_SMI    2u
#define DELIVERY_NMI    4u
#define DELIVERY_INIT   5u
#define DELIVERY_SIPI   6u
#define DELIVERY_EXTINT 7u

/* Error status bits */
#define ESR_SEND_ILLEGAL     (1u << 5)
#define ESR_RECEIVE_ILLEGAL  (1u << 6)
#define ESR_REGISTER_ILLEGAL (1u << 7)

#define APIC_BASE_BSP    (1u << 8)
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)

struct cpu_apic {
	struct cpu *cpu;
	uint64_t base;
	/* Read by other threads for destination matching: atomic. */
	uint32_t id, ldr, dfr;
	uint32_t x2apic;   /* a copy of the base's mode bit */
	uint32_t disabled; /* globally, by the base, or by software: takes no fixed messages */

	uint32_t tpr, svr, esr, esr_pending;
	uint32_t icr_low, icr_high;
	uint32_t irr[8], isr[8], tmr[8];
	uint32_t lvt[LVT_COUNT];

	/* The timer.  Counts are computed from the clock when somebody looks. */
	uint32_t timer_initial, timer_divide; /* registers */
	uint64_t timer_start;                 /* guest time at which timer_initial was written (or the phase began) */
	uint64_t timer_next;                  /* guest time of the next interrupt; UINT64_MAX: none */
	uint64_t tsc_deadline;

	/* Posted by any thread: edge and level vectors apart. */
	uint32_t posted_edge[8], posted_level[8];
};

/* apic_timer.c */
void apic_timer_initial_write(struct cpu_apic *apic, uint32_t value);
void apic_timer_divide_write(struct cpu_apic *apic, uint32_t value);
void apic_timer_lvt_changed(struct cpu_apic *apic, uint32_t old);
uint32_t apic_timer_current(const struct cpu_apic *apic);
void apic_timer_deadline_write(struct cpu_apic *apic, uint64_t value);
uint64_t apic_timer_deadline_read(const struct cpu_apic *apic);
void apic_timer_stop(struct cpu_apic *apic);
/* Raise the timer's interrupt if its time has come, and arm the next. */
void apic_timer_update(struct cpu_apic *apic);
void apic_timer_arm(struct cpu_apic *apic);

/* apic.c: an interrupt from within: deliver an LVT entry. */
void apic_lvt_deliver(struct cpu_apic *apic, unsigned entry);
void apic_error(struct cpu_apic *apic, uint32_t bits);

/* apic_register.c */
uint32_t apic_ppr(const struct cpu_apic *apic);
int apic_register_read(struct cpu_apic *apic, unsigned index, uint32_t *value);
int apic_register_write(struct cpu_apic *apic, unsigned index, uint32_t value);
void apic_eoi(struct cpu_apic *apic);
void apic_icr_send(struct cpu_apic *apic, uint32_t low, uint32_t destination);
void apic_identity_update(struct cpu_apic *apic);

#endif
