/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The local APIC's registers, as a page (xAPIC) and as MSRs (x2APIC; SDM vol. 3A, 10.4 and 10.12).
 *
 * Both views number them alike: index = page offset / 16 = MSR - 0x800.
 */
#include "vmm/cpu/apic_state.h"

#include <errno.h>

#include "vmm/cpu/model.h"

#define VERSION (0x14u | (LVT_COUNT - 1u) << 16 | 1u << 24 /* EOI broadcast suppression */)

enum {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_RRD = 0x0c,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_CMCI = 0x2f,
	REG_ICR_LOW = 0x30,
	REG_ICR_HIGH = 0x31,
	REG_LVT = 0x32,
	REG_TIMER_INITIAL = 0x38,
	REG_TIMER_CURRENT = 0x39,
	REG_TIMER_DIVIDE = 0x3e,
	REG_SELF_IPI = 0x3f,
};

static bool in_x2apic(const struct cpu_apic *apic)
{
	return apic->base & APIC_BASE_X2APIC;
}

int apic_register_read(struct cpu_apic *apic, unsigned index, uint32_t *value)
{
	*value = 0;
	if (index >= REG_ISR && index < REG_ESR) {
		if (index >= REG_IRR)
			apic_update(apic);
		const uint32_t *bits = index >= REG_IRR ? apic->irr : index >= REG_TMR ? apic->tmr : apic->isr;
		*value = bits[index & 7];
		return 0;
	}
	if (index >= REG_LVT && index < REG_LVT + LVT_COUNT) {
		*value = apic->lvt[index - REG_LVT];
		return 0;
	}
	switch (index) {
	case REG_ID: *value = in_x2apic(apic) ? apic->id : apic->id << 24; break;
	case REG_VERSION: *value = VERSION; break;
	case REG_TPR: *value = apic->tpr; break;
	case REG_PPR: *value = apic_ppr(apic); break;
	case REG_LDR: *value = apic->ldr; break;
	case REG_SVR: *value = apic->svr; break;
	case REG_ESR: *value = apic->esr; break;
	case REG_ICR_LOW: *value = apic->icr_low; break;
	case REG_TIMER_INITIAL: *value = apic->timer_initial; break;
	case REG_TIMER_CURRENT: *value = apic_timer_current(apic); break;
	case REG_TIMER_DIVIDE: *value = apic->timer_divide; break;
	case REG_APR:
	case REG_RRD:
	case REG_DFR:
	case REG_ICR_HIGH:
		if (in_x2apic(apic))
			return -EINVAL;
		*value = index == REG_DFR ? apic->dfr : index == REG_ICR_HIGH ? apic->icr_high : 0;
		break;
	case REG_EOI:
		if (in_x2apic(apic))
			return -EINVAL;
		break; /* write-only: reads as zero, quietly */
	default: return -EINVAL;
	}
	return 0;
}

static void lvt_write(struct cpu_apic *apic, unsigned entry, uint32_t value)
{
	static const uint32_t writable[LVT_COUNT] = {
		[LVT_TIMER] = 0x300ff | LVT_MASKED,
		[LVT_THERMAL] = 0x107ff,
		[LVT_PERFORMANCE] = 0x107ff,
		[LVT_LINT0] = 0x1a7ff,
		[LVT_LINT1] = 0x1a7ff,
		[LVT_ERROR] = 0x100ff,
	};
	uint32_t mask = writable[entry], old = apic->lvt[entry];
	if (entry == LVT_TIMER && apic->cpu->model->features_1_ecx & CPU_FEATURE_TSC_DEADLINE)
		mask |= 1u << 18;
	value &= mask;
	if (!(apic->svr & 1u << 8))
		value |= LVT_MASKED; /* SDM 10.4.7.2: held masked while software-disabled */
	apic->lvt[entry] = value;
	unsigned delivery = value >> 8 & 7u;
	if (delivery == DELIVERY_FIXED && !(value & LVT_MASKED) && (value & 0xff) < 16)
		apic_error(apic, ESR_RECEIVE_ILLEGAL);
	if (entry == LVT_TIMER)
		apic_timer_lvt_changed(apic, old);
}

static void svr_write(struct cpu_apic *apic, uint32_t value)
{
	apic->svr = value & 0x13ff;
	if (!(value & 1u << 8))
		for (unsigned i = 0; i < LVT_COUNT; i++)
			apic->lvt[i] |= LVT_MASKED;
	apic_identity_update(apic);
}

void apic_icr_send(struct cpu_apic *apic, uint32_t low, uint32_t destination)
{
	unsigned delivery = low >> 8 & 7u, shorthand = low >> 18 & 3u;
	unsigned vector = low & 0xff;
	bool assert = low & 1u << 14, level = low & 1u << 15;
	if (delivery == DELIVERY_INIT && level && !assert)
		return; /* INIT level de-assert: a message that nobody heeds since the Pentium 4 */
	if ((delivery == DELIVERY_FIXED || delivery == DELIVERY_LOWEST) && vector < 16) {
		apic_error(apic, ESR_SEND_ILLEGAL);
		return;
	}
	if (shorthand == 1 && delivery == DELIVERY_FIXED) { /* to self: no need to leave the house */
		apic_post(apic->cpu, (uint8_t)vector, delivery, false);
		return;
	}
	const struct cpu_bus *bus = &apic->cpu->bus;
	if (bus->ipi)
		bus->ipi(bus->self, low & ~(1u << 15), destination); /* all but INIT de-assert are edges */
}

static void esr_write(struct cpu_apic *apic)
{
	apic->esr = apic->esr_pending;
	apic->esr_pending = 0;
}

int apic_register_write(struct cpu_apic *apic, unsigned index, uint32_t value)
{
	bool x2apic = in_x2apic(apic);
	if (index >= REG_LVT && index < REG_LVT + LVT_COUNT) {
		lvt_write(apic, index - REG_LVT, value);
		return 0;
	}
	switch (index) {
	case REG_ID:
		if (x2apic)
			return -EINVAL;
		__atomic_store_n(&apic->id, value >> 24, __ATOMIC_RELAXED);
		break;
	case REG_TPR: apic->tpr = value & 0xff; break;
	case REG_EOI:
		if (x2apic && value)
			return -EINVAL;
		apic_eoi(apic);
		break;
	case REG_LDR:
		if (x2apic)
			return -EINVAL;
		__atomic_store_n(&apic->ldr, value & 0xff000000, __ATOMIC_RELAXED);
		break;
	case REG_DFR:
		if (x2apic)
			return -EINVAL;
		__atomic_store_n(&apic->dfr, value | 0x0fffffff, __ATOMIC_RELAXED);
		break;
	case REG_SVR: svr_write(apic, value); break;
	case REG_ESR:
		if (x2apic && value)
			return -EINVAL;
		esr_write(apic);
		break;
	case REG_ICR_LOW:
		apic->icr_low = value & 0xccfff; /* delivery status always reads as idle */
		apic_icr_send(apic, apic->icr_low, apic->icr_high >> 24);
		break;
	case REG_ICR_HIGH:
		if (x2apic)
			return -EINVAL;
		apic->icr_high = value & 0xff000000;
		break;
	case REG_TIMER_INITIAL: apic_timer_initial_write(apic, value); break;
	case REG_TIMER_DIVIDE: apic_timer_divide_write(apic, value); break;
	case REG_SELF_IPI:
		if (!x2apic)
			return -EINVAL;
		apic_icr_send(apic, (value & 0xff) | 1u << 14 | 1u << 18, 0);
		break;
	default: return -EINVAL;
	}
	return 0;
}

uint32_t apic_mmio_read(struct cpu_apic *apic, unsigned offset)
{
	uint32_t value;
	if (apic_register_read(apic, offset >> 4 & 0xff, &value))
		apic_error(apic, ESR_REGISTER_ILLEGAL);
	return offset & 12 ? 0 : value >> (offset & 3) * 8;
}

void apic_mmio_write(struct cpu_apic *apic, unsigned offset, uint32_t value)
{
	if (offset & 15)
		return; /* only the aligned first word of a register is writable */
	if (apic_register_write(apic, offset >> 4 & 0xff, value))
		apic_error(apic, ESR_REGISTER_ILLEGAL);
}

#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800

int apic_msr_read(struct cpu_apic *apic, uint32_t msr, uint64_t *value)
{
	if (msr == MSR_TSC_DEADLINE) {
		if (!(apic->cpu->model->features_1_ecx & CPU_FEATURE_TSC_DEADLINE))
			return -EINVAL;
		*value = apic_timer_deadline_read(apic);
		return 0;
	}
	if (!in_x2apic(apic) || msr < MSR_X2APIC || msr > MSR_X2APIC + REG_SELF_IPI)
		return -EINVAL;
	uint32_t low;
	int status = apic_register_read(apic, msr - MSR_X2APIC, &low);
	*value = low;
	if (msr == MSR_X2APIC + REG_ICR_LOW)
		*value |= (uint64_t)apic->icr_high << 32;
	return status;
}

/* Reserved bits of an x2APIC register, which xAPIC ignores and x2APIC refuses. */
static bool reserved_set(const struct cpu_apic *apic, unsigned index, uint32_t value)
{
	switch (index) {
	case REG_TPR:
	case REG_SELF_IPI: return value & ~0xffu;
	case REG_SVR: return value & ~0x13ffu;
	case REG_TIMER_DIVIDE: return value & ~0xbu;
	case REG_ICR_LOW: return value & ~0xcdfffu;
	case REG_LVT + LVT_TIMER:
		return value & ~0x310ffu &
			~(apic->cpu->model->features_1_ecx & CPU_FEATURE_TSC_DEADLINE ? 1u << 18 : 0);
	case REG_LVT + LVT_THERMAL:
	case REG_LVT + LVT_PERFORMANCE: return value & ~0x117ffu;
	case REG_LVT + LVT_LINT0:
	case REG_LVT + LVT_LINT1: return value & ~0x1f7ffu;
	case REG_LVT + LVT_ERROR: return value & ~0x110ffu;
	default: return false;
	}
}

int apic_msr_write(struct cpu_apic *apic, uint32_t msr, uint64_t value)
{
	if (msr == MSR_TSC_DEADLINE) {
		if (!(apic->cpu->model->features_1_ecx & CPU_FEATURE_TSC_DEADLINE))
			return -EINVAL;
		apic_timer_deadline_write(apic, value);
		return 0;
	}
	if (!in_x2apic(apic) || msr < MSR_X2APIC || msr > MSR_X2APIC + REG_SELF_IPI)
		return -EINVAL;
	unsigned index = msr - MSR_X2APIC;
	if (reserved_set(apic, index, (uint32_t)value))
		return -EINVAL;
	if (index == REG_ICR_LOW) {
		apic->icr_low = (uint32_t)value & 0xccfff;
		apic->icr_high = (uint32_t)(value >> 32);
		apic_icr_send(apic, apic->icr_low, apic->icr_high);
		return 0;
	}
	if (value >> 32)
		return -EINVAL;
	return apic_register_write(apic, index, (uint32_t)value);
}
