/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The local APIC (SDM vol. 3A, chapter 10): messages in, priorities, acknowledge.  The registers are in
 * apic_register.c, the timer in apic_timer.c, saving in apic_save.c.
 *
 * Interrupts come from three sides.  Messages of I/O APICs, devices (MSI) and other CPUs are matched to APICs by
 * the sender with apic_matches() and left with apic_post(), on any thread: a bit in an atomic bitmap and a request
 * bit in the CPU.  The CPU's own thread moves them to IRR in apic_update().  Local sources (timer, errors, LINT
 * pins) go through the local vector table, on the CPU's thread.
 *
 * From IRR, the highest vector whose class is above the processor priority is what apic_pending() reports; the CPU
 * takes it when IF allows, with apic_acknowledge(), which moves it to ISR.  A vector that was posted twice before
 * it was taken is taken once, as in hardware.  TMR remembers which vectors came level-triggered; ending those is
 * broadcast to the I/O APICs through bus.eoi, unless SVR bit 12 suppresses it.
 *
 * NMI, SMI, INIT and start-up messages do not go through IRR at all: they become request bits.
 */
#include "vmm/cpu/apic_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/model.h"

/* ---- priorities ---- */

static int highest(const uint32_t bits[8])
{
	for (int i = 7; i >= 0; i--)
		if (bits[i])
			return i * 32 + 31 - __builtin_clz(bits[i]);
	return -1;
}

static void bit_set(uint32_t bits[8], unsigned vector)
{
	bits[vector / 32] |= 1u << vector % 32;
}

static void bit_clear(uint32_t bits[8], unsigned vector)
{
	bits[vector / 32] &= ~(1u << vector % 32);
}

uint32_t apic_ppr(const struct cpu_apic *apic)
{
	int service = highest(apic->isr);
	uint32_t class = service < 0 ? 0 : (uint32_t)service & 0xf0;
	return (apic->tpr & 0xf0) >= class ? apic->tpr : class;
}

int apic_pending(const struct cpu_apic *apic)
{
	if (!(apic->base & APIC_BASE_ENABLE) || !(apic->svr & 1u << 8))
		return -1;
	int vector = highest(apic->irr);
	return vector >= 0 && ((uint32_t)vector & 0xf0) > (apic_ppr(apic) & 0xf0) ? vector : -1;
}

int apic_acknowledge(struct cpu_apic *apic)
{
	int vector = apic_pending(apic);
	if (vector < 0)
		return (int)(apic->svr & 0xff); /* spurious: no bit in ISR, so no EOI */
	bit_clear(apic->irr, (unsigned)vector);
	bit_set(apic->isr, (unsigned)vector);
	apic->cpu->irr_waits = highest(apic->irr) >= 0;
	return vector;
}

void apic_eoi(struct cpu_apic *apic)
{
	int vector = highest(apic->isr);
	if (vector < 0)
		return;
	bit_clear(apic->isr, (unsigned)vector);
	if (!(apic->tmr[vector / 32] & 1u << vector % 32))
		return;
	if (apic->svr & 1u << 12)
		return; /* broadcast suppressed */
	const struct cpu_bus *bus = &apic->cpu->bus;
	if (bus->eoi)
		bus->eoi(bus->self, (uint8_t)vector);
}

uint64_t apic_tpr_read(const struct cpu_apic *apic)
{
	return apic->tpr >> 4;
}

void apic_tpr_write(struct cpu_apic *apic, uint64_t cr8)
{
	apic->tpr = (uint32_t)(cr8 & 15) << 4;
}

bool apic_extint_open(const struct cpu_apic *apic)
{
	if (!(apic->base & APIC_BASE_ENABLE))
		return true;
	uint32_t lint0 = apic->lvt[LVT_LINT0];
	return !(lint0 & LVT_MASKED) && (lint0 >> 8 & 7u) == DELIVERY_EXTINT;
}

/* ---- messages ---- */

static void vector_accept(struct cpu_apic *apic, unsigned vector, bool level)
{
	if (vector < 16) {
		apic_error(apic, ESR_RECEIVE_ILLEGAL);
		return;
	}
	bit_set(apic->irr, vector);
	apic->cpu->irr_waits = 1;
	if (level)
		bit_set(apic->tmr, vector);
	else
		bit_clear(apic->tmr, vector);
}

void apic_update(struct cpu_apic *apic)
{
	for (unsigned i = 0; i < 8; i++) {
		for (unsigned level = 0; level < 2; level++) {
			uint32_t *posted = level ? &apic->posted_level[i] : &apic->posted_edge[i];
			if (!__atomic_load_n(posted, __ATOMIC_RELAXED))
				continue;
			uint32_t bits = __atomic_exchange_n(posted, 0, __ATOMIC_ACQUIRE);
			for (; bits; bits &= bits - 1)
				vector_accept(apic, i * 32 + (unsigned)__builtin_ctz(bits), level);
		}
	}
	apic_timer_update(apic);
}

void apic_post(struct cpu *cpu, uint8_t vector, unsigned delivery, bool level)
{
	struct cpu_apic *apic = cpu->apic;
	switch (delivery) {
	case DELIVERY_FIXED:
	case DELIVERY_LOWEST:
		if (__atomic_load_n(&apic->disabled, __ATOMIC_RELAXED))
			return;
		__atomic_fetch_or((level ? apic->posted_level : apic->posted_edge) + vector / 32, 1u << vector % 32,
			__ATOMIC_RELEASE);
		cpu_request(cpu, CPU_REQUEST_APIC);
		break;
	case DELIVERY_SMI: cpu_request(cpu, CPU_REQUEST_SMI); break;
	case DELIVERY_NMI: cpu_request(cpu, CPU_REQUEST_NMI); break;
	case DELIVERY_INIT: cpu_request(cpu, CPU_REQUEST_INIT); break;
	case DELIVERY_SIPI:
		__atomic_store_n(&cpu->sipi_vector, vector, __ATOMIC_RELAXED);
		cpu_request(cpu, CPU_REQUEST_SIPI);
		break;
	case DELIVERY_EXTINT: cpu_request(cpu, CPU_REQUEST_INTR); break;
	default: break;
	}
}

bool apic_matches(const struct cpu *cpu, uint32_t destination, bool logical)
{
	const struct cpu_apic *apic = cpu->apic;
	bool x2apic = __atomic_load_n(&apic->x2apic, __ATOMIC_RELAXED);
	uint32_t id = __atomic_load_n(&apic->id, __ATOMIC_RELAXED);
	if (destination == UINT32_MAX || (!x2apic && destination == 0xff))
		return true;
	/* Senders of 8-bit destinations say 0xff for all; an APIC in x2APIC mode understands that, too, unless 255 is
	 * its own ID's kind of number, which 8-bit senders cannot mean. */
	if (!logical)
		return destination == id || (x2apic && destination == 0xff);
	uint32_t ldr = __atomic_load_n(&apic->ldr, __ATOMIC_RELAXED);
	if (x2apic)
		return destination >> 16 == ldr >> 16 && destination & ldr & 0xffff;
	uint32_t mine = ldr >> 24;
	if (__atomic_load_n(&apic->dfr, __ATOMIC_RELAXED) >> 28 == 0xf)
		return (destination & mine & 0xff) != 0;                          /* flat */
	return (destination & 0xf0) == (mine & 0xf0) && destination & mine & 0xf; /* cluster */
}

void apic_lvt_deliver(struct cpu_apic *apic, unsigned entry)
{
	uint32_t lvt = apic->lvt[entry];
	if (lvt & LVT_MASKED)
		return;
	/* the timer's and the error entry's delivery mode bits do not exist: fixed */
	switch (lvt >> 8 & 7u) {
	case DELIVERY_FIXED: vector_accept(apic, lvt & 0xff, false); break;
	case DELIVERY_SMI: cpu_request(apic->cpu, CPU_REQUEST_SMI); break;
	case DELIVERY_NMI: cpu_request(apic->cpu, CPU_REQUEST_NMI); break;
	case DELIVERY_INIT: cpu_request(apic->cpu, CPU_REQUEST_INIT); break;
	default: break; /* ExtINT: see apic_extint_open() */
	}
}

void apic_error(struct cpu_apic *apic, uint32_t bits)
{
	uint32_t fresh = bits & ~apic->esr_pending;
	apic->esr_pending |= bits;
	/* an error entry with an illegal vector would report itself forever */
	if (fresh && (apic->lvt[LVT_ERROR] & 0xff) >= 16)
		apic_lvt_deliver(apic, LVT_ERROR);
}

/* ---- life, base MSR ---- */

/* What other threads read follows from the registers. */
void apic_identity_update(struct cpu_apic *apic)
{
	bool x2apic = apic->base & APIC_BASE_X2APIC;
	if (x2apic) {
		uint32_t id = apic->cpu->index;
		__atomic_store_n(&apic->id, id, __ATOMIC_RELAXED);
		__atomic_store_n(&apic->ldr, (id >> 4) << 16 | 1u << (id & 15), __ATOMIC_RELAXED);
	}
	__atomic_store_n(&apic->x2apic, x2apic, __ATOMIC_RELAXED);
	__atomic_store_n(&apic->disabled, !(apic->base & APIC_BASE_ENABLE) || !(apic->svr & 1u << 8), __ATOMIC_RELAXED);
}

static void registers_reset(struct cpu_apic *apic)
{
	memset(apic->irr, 0, sizeof(apic->irr));
	apic->cpu->irr_waits = 0;
	memset(apic->isr, 0, sizeof(apic->isr));
	memset(apic->tmr, 0, sizeof(apic->tmr));
	for (unsigned i = 0; i < 8; i++) {
		__atomic_store_n(&apic->posted_edge[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&apic->posted_level[i], 0, __ATOMIC_RELAXED);
	}
	for (unsigned i = 0; i < LVT_COUNT; i++)
		apic->lvt[i] = LVT_MASKED;
	apic->tpr = apic->esr = apic->esr_pending = 0;
	apic->icr_low = apic->icr_high = 0;
	apic->svr = 0xff;
	apic->timer_initial = apic->timer_divide = 0;
	apic->timer_start = apic->tsc_deadline = 0;
	apic_timer_stop(apic);
	__atomic_store_n(&apic->ldr, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&apic->dfr, UINT32_MAX, __ATOMIC_RELAXED);
	apic_identity_update(apic);
}

void apic_reset(struct cpu_apic *apic, bool init)
{
	if (!init) {
		apic->base = 0xfee00000u | APIC_BASE_ENABLE | (apic->cpu->index ? 0 : APIC_BASE_BSP);
		__atomic_store_n(&apic->id, apic->cpu->index, __ATOMIC_RELAXED);
	}
	registers_reset(apic);
}

int apic_create(struct cpu *cpu, struct cpu_apic **apic)
{
	*apic = calloc(1, sizeof(**apic));
	if (!*apic)
		return -ENOMEM;
	(*apic)->cpu = cpu;
	(*apic)->timer_next = UINT64_MAX;
	apic_reset(*apic, false);
	return 0;
}

void apic_destroy(struct cpu_apic *apic)
{
	free(apic);
}

uint64_t apic_base_read(const struct cpu_apic *apic)
{
	return apic->base;
}

int apic_base_write(struct cpu_apic *apic, uint64_t value)
{
	const struct cpu_model *model = apic->cpu->model;
	uint64_t allowed = ((uint64_t)1 << model->physical_bits) - 1;
	allowed &= ~(uint64_t)0xfff;
	allowed |= APIC_BASE_BSP | APIC_BASE_ENABLE;
	if (model->features_1_ecx & CPU_FEATURE_X2APIC)
		allowed |= APIC_BASE_X2APIC;
	if (value & ~allowed)
		return -EINVAL;
	/* SDM figure 10-27: x2APIC needs the enable bit; out of it only through disabled; into it only from xAPIC */
	bool enable = value & APIC_BASE_ENABLE, x2apic = value & APIC_BASE_X2APIC;
	bool was_enabled = apic->base & APIC_BASE_ENABLE, was_x2apic = apic->base & APIC_BASE_X2APIC;
	if (x2apic && (!enable || !was_enabled))
		return -EINVAL;
	if (was_x2apic && enable && !x2apic)
		return -EINVAL;
	apic->base = value;
	if (was_enabled && !enable) {
		__atomic_store_n(&apic->id, apic->cpu->index, __ATOMIC_RELAXED);
		registers_reset(apic);
	}
	if (x2apic && !was_x2apic)
		apic->icr_high = 0;
	apic_identity_update(apic);
	return 0;
}

uint64_t apic_page(const struct cpu_apic *apic)
{
	if (!(apic->base & APIC_BASE_ENABLE) || apic->base & APIC_BASE_X2APIC)
		return UINT64_MAX;
	return apic->base & ~(uint64_t)0xfff;
}
