/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Saving and loading the local APIC, within its CPU's section.
 *
 * Vectors that other threads posted count as received: they are saved as part of IRR.
 */
#include "vmm/cpu/apic_state.h"

#include <errno.h>
#include <string.h>

#include "vmm/state/state.h"

static void put_bitmap(struct state_writer *writer, const char *name, const uint32_t bits[8])
{
	uint8_t bytes[32];
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(bits[i / 4] >> 8 * (i % 4));
	state_put_bytes(writer, name, bytes, sizeof(bytes));
}

static void get_bitmap(struct state_reader *reader, const char *name, uint32_t bits[8])
{
	uint8_t bytes[32] = { 0 };
	state_get_bytes(reader, name, bytes, sizeof(bytes));
	memset(bits, 0, 32);
	for (unsigned i = 0; i < 32; i++)
		bits[i / 4] |= (uint32_t)bytes[i] << 8 * (i % 4);
}

static uint32_t get_u32(struct state_reader *reader, const char *name)
{
	uint64_t value = 0;
	state_get_u64(reader, name, &value);
	return (uint32_t)value;
}

static const char *const lvt_names[LVT_COUNT] = {
	[LVT_TIMER] = "apic_lvt_timer",
	[LVT_THERMAL] = "apic_lvt_thermal",
	[LVT_PERFORMANCE] = "apic_lvt_performance",
	[LVT_LINT0] = "apic_lvt_lint0",
	[LVT_LINT1] = "apic_lvt_lint1",
	[LVT_ERROR] = "apic_lvt_error",
};

int apic_save(const struct cpu_apic *apic, struct state_writer *writer)
{
	uint32_t irr[8], tmr[8];
	for (unsigned i = 0; i < 8; i++) {
		uint32_t edge = __atomic_load_n(&apic->posted_edge[i], __ATOMIC_ACQUIRE);
		uint32_t level = __atomic_load_n(&apic->posted_level[i], __ATOMIC_ACQUIRE);
		irr[i] = apic->irr[i] | edge | level;
		tmr[i] = (apic->tmr[i] & ~edge) | level;
	}
	irr[0] &= ~0xffffu; /* an illegal vector that was posted is not worth an error after a resume */
	put_bitmap(writer, "apic_irr", irr);
	put_bitmap(writer, "apic_tmr", tmr);
	put_bitmap(writer, "apic_isr", apic->isr);
	state_put_u64(writer, "apic_base", apic->base);
	state_put_u64(writer, "apic_id", apic->id);
	state_put_u64(writer, "apic_ldr", apic->ldr);
	state_put_u64(writer, "apic_dfr", apic->dfr);
	state_put_u64(writer, "apic_tpr", apic->tpr);
	state_put_u64(writer, "apic_svr", apic->svr);
	state_put_u64(writer, "apic_esr", apic->esr);
	state_put_u64(writer, "apic_esr_pending", apic->esr_pending);
	state_put_u64(writer, "apic_icr", (uint64_t)apic->icr_high << 32 | apic->icr_low);
	for (unsigned i = 0; i < LVT_COUNT; i++)
		state_put_u64(writer, lvt_names[i], apic->lvt[i]);
	state_put_u64(writer, "apic_timer_initial", apic->timer_initial);
	state_put_u64(writer, "apic_timer_divide", apic->timer_divide);
	state_put_u64(writer, "apic_timer_start", apic->timer_start);
	state_put_u64(writer, "apic_timer_next", apic->timer_next);
	state_put_u64(writer, "apic_tsc_deadline", apic->tsc_deadline);
	return state_writer_error(writer);
}

int apic_load(struct cpu_apic *apic, struct state_reader *reader)
{
	get_bitmap(reader, "apic_irr", apic->irr);
	apic->cpu->irr_waits = 1; /* maybe; until the next is taken */
	get_bitmap(reader, "apic_tmr", apic->tmr);
	get_bitmap(reader, "apic_isr", apic->isr);
	for (unsigned i = 0; i < 8; i++) {
		__atomic_store_n(&apic->posted_edge[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&apic->posted_level[i], 0, __ATOMIC_RELAXED);
	}
	uint64_t icr = 0;
	state_get_u64(reader, "apic_base", &apic->base);
	apic->id = get_u32(reader, "apic_id");
	apic->ldr = get_u32(reader, "apic_ldr");
	apic->dfr = get_u32(reader, "apic_dfr");
	apic->tpr = get_u32(reader, "apic_tpr") & 0xff;
	apic->svr = get_u32(reader, "apic_svr");
	apic->esr = get_u32(reader, "apic_esr");
	apic->esr_pending = get_u32(reader, "apic_esr_pending");
	state_get_u64(reader, "apic_icr", &icr);
	apic->icr_low = (uint32_t)icr;
	apic->icr_high = (uint32_t)(icr >> 32);
	for (unsigned i = 0; i < LVT_COUNT; i++)
		apic->lvt[i] = get_u32(reader, lvt_names[i]);
	apic->timer_initial = get_u32(reader, "apic_timer_initial");
	apic->timer_divide = get_u32(reader, "apic_timer_divide");
	state_get_u64(reader, "apic_timer_start", &apic->timer_start);
	state_get_u64(reader, "apic_timer_next", &apic->timer_next);
	state_get_u64(reader, "apic_tsc_deadline", &apic->tsc_deadline);
	int error = state_reader_error(reader);
	if (error)
		return error;
	/* a periodic timer without a period could never catch up */
	if (LVT_TIMER_MODE(apic->lvt[LVT_TIMER]) == TIMER_PERIODIC && !apic->timer_initial)
		apic->timer_next = UINT64_MAX;
	apic_identity_update(apic);
	apic_timer_arm(apic);
	return 0;
}
