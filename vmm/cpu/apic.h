/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The local APIC of one virtual CPU (SDM vol. 3A, chapter 10), xAPIC and x2APIC registers.
 *
 * All of it runs on the CPU's thread but apic_post(), which any thread may call.
 */
#ifndef VMM_CPU_APIC_H
#define VMM_CPU_APIC_H

#include "vmm/cpu/cpu.h"

int apic_create(struct cpu *cpu, struct cpu_apic **apic); /* 0 or -ENOMEM */
void apic_destroy(struct cpu_apic *apic);
/* RESET#; `init`: INIT, which keeps the APIC ID and the base MSR. */
void apic_reset(struct cpu_apic *apic, bool init);

/* IA32_APIC_BASE.  write returns 0, or -EINVAL where the SDM has #GP. */
uint64_t apic_base_read(const struct cpu_apic *apic);
int apic_base_write(struct cpu_apic *apic, uint64_t value);
/* Physical base of the register page, or UINT64_MAX when it is disabled or in x2APIC mode.  When it changes,
 * the CPU drops its TLB. */
uint64_t apic_page(const struct cpu_apic *apic);
/* Register page accesses: offset 0..0xfff, size 1..8.  Only aligned 32-bit accesses are architectural. */
uint32_t apic_mmio_read(struct cpu_apic *apic, unsigned offset);
void apic_mmio_write(struct cpu_apic *apic, unsigned offset, uint32_t value);
/* x2APIC MSRs 0x800..0x83f and IA32_TSC_DEADLINE (0x6e0).  -EINVAL: #GP. */
int apic_msr_read(struct cpu_apic *apic, uint32_t msr, uint64_t *value);
int apic_msr_write(struct cpu_apic *apic, uint32_t msr, uint64_t value);
/* CR8 */
uint64_t apic_tpr_read(const struct cpu_apic *apic);
void apic_tpr_write(struct cpu_apic *apic, uint64_t cr8);

/* CPU_REQUEST_TIMER or CPU_REQUEST_APIC was taken: bring IRR up to date. */
void apic_update(struct cpu_apic *apic);
/* The vector that would be delivered now if IF allowed, or -1.  Includes no ExtINT. */
int apic_pending(const struct cpu_apic *apic);
/* Accept that vector: IRR to ISR.  Returns it (or the spurious vector). */
int apic_acknowledge(struct cpu_apic *apic);
/* The 8259's INTR reaches the CPU: the APIC is disabled, or LINT0 is unmasked and in ExtINT mode. */
bool apic_extint_open(const struct cpu_apic *apic);

/* A message for this APIC (I/O APIC, MSI, IPI), after destination matching.  Any thread.  `delivery` as in
 * the ICR: 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 6 SIPI, 7 ExtINT.  The caller wakes the CPU. */
void apic_post(struct cpu *cpu, uint8_t vector, unsigned delivery, bool level);
/* Does a destination field name this APIC?  `logical` as the message's destination mode.  Any thread; reads
 * the ID, LDR and DFR atomically. */
bool apic_matches(const struct cpu *cpu, uint32_t destination, bool logical);

int apic_save(const struct cpu_apic *apic, struct state_writer *writer);
int apic_load(struct cpu_apic *apic, struct state_reader *reader);

#endif
