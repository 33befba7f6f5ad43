/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Making, resetting and destroying a CPU; its clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/smm.h"
#include "vmm/cpu/thunk.h"
#include "vmm/cpu/tlb.h"
#include "vmm/cpu/translator.h"

static uint64_t tsc_scaled(const struct cpu *cpu)
{
	uint64_t now = cpu->bus.time(cpu->bus.self);

	return (uint64_t)((unsigned __int128)now * cpu->tsc_hz / 1000000000u);
}

uint64_t cpu_tsc(const struct cpu *cpu)
{
	return tsc_scaled(cpu) + (uint64_t)cpu->tsc_offset;
}

static void segments_reset(struct cpu *cpu)
{
	const struct cpu_segment data = { .attributes = 0x93, .limit = 0xffff };

	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		cpu->segment[i] = data;
	cpu->segment[CPU_CS].selector = 0xf000;
	cpu->segment[CPU_CS].base = 0xffff0000;
	cpu->ldtr = cpu->tr = data;
	cpu->ldtr.attributes = 0x82;
	cpu->tr.attributes = 0x8b;
	cpu->gdtr.base = cpu->idtr.base = 0;
	cpu->gdtr.limit = cpu->idtr.limit = 0xffff;
}

/* What RESET# clears and INIT leaves alone. */
static void power_on_reset(struct cpu *cpu)
{
	cpu->cr0 = CPU_CR0_NW | CPU_CR0_CD;
	memset(&cpu->fx, 0, sizeof(cpu->fx));
	memset(&cpu->vector, 0, sizeof(cpu->vector));
	cpu->fx.fcw = 0x40;
	cpu->fx.ftw = 0xff;
	cpu->fx.mxcsr = 0x1f80;
	cpu->xcr0 = 1;
	cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
	cpu->star = cpu->lstar = cpu->cstar = cpu->sfmask = cpu->kernel_gs_base = cpu->tsc_aux = 0;
	cpu->pat = 0x0007040600070406;
	cpu->misc_enable = 1; /* fast strings */
	cpu->debugctl = 0;
	memset(cpu->mtrr_physical, 0, sizeof(cpu->mtrr_physical));
	memset(cpu->mtrr_fixed, 0, sizeof(cpu->mtrr_fixed));
	cpu->mtrr_default = 0;
	cpu->mcg_status = 0;
	cpu->spec_ctrl = 0;
	cpu->microcode_revision = 0;
	cpu->tsc_adjust = 0;
	cpu->tsc_offset = -(int64_t)tsc_scaled(cpu);
	cpu->a20_mask = cpu->a20_mask_next = UINT64_MAX;
	cpu->wait_sipi = cpu->index != 0;
	cpu->ferr = cpu->in_smm = false;
	__atomic_store_n(&cpu->ignne, false, __ATOMIC_RELAXED);
	cpu->smbase = SMM_BASE;
}

void cpu_reset(struct cpu *cpu, bool init)
{
	uint32_t id[4];

	if (!init)
		power_on_reset(cpu);
	else
		cpu->wait_sipi = cpu->index != 0;
	memset(cpu->gpr, 0, sizeof(cpu->gpr));
	cpu->rip = 0xfff0;
	cpu->rflags = CPU_FLAG_FIXED;
	cpu->flags_op = FLAGS_VALID;
	cpu->cpl = 0;
	segments_reset(cpu);
	cpu->cr0 = (cpu->cr0 & (CPU_CR0_NW | CPU_CR0_CD)) | CPU_CR0_ET;
	cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->efer = 0;
	memset(cpu->dr, 0, sizeof(cpu->dr));
	memset(cpu->pdpte, 0, sizeof(cpu->pdpte));
	cpu->dr[6] = DR6_FIXED;
	cpu->dr[7] = DR7_FIXED;
	cpu->interrupt_shadow = cpu->shadow_ss = cpu->nmi_blocked = cpu->halted = cpu->frozen = cpu->shutdown = false;
	cpu->io.instructions = UINT64_MAX - 1;
	cpu->pending_db = 0;
	cpu->block_end = false;
	if (cpu->apic)
		apic_reset(cpu->apic, init);
	cpu_cpuid(cpu, 1, 0, id);
	cpu->gpr[CPU_RDX] = id[0];
	tlb_flush(cpu, true);
	cpu_mode_update(cpu);
}

#define ROUND(size)   (((size) + 63) & ~(size_t)63)
#define TLB_AT        ROUND(sizeof(struct cpu))
#define ROOM_AT       (TLB_AT + ROUND(sizeof(struct cpu_tlb)))
#define CPU_ALIGNMENT 64u
#define CPU_BYTES     (ROOM_AT + TRANSLATOR_ROOM)

void *translator_room(struct cpu *cpu)
{
	return (uint8_t *)cpu + ROOM_AT;
}

int cpu_create(const struct cpu_config *config, struct cpu **out)
{
	struct cpu_model *model = NULL;
	struct cpu *cpu;
	void *memory;
	int error = -ENOMEM;

	/* In one piece, for a translator reaches all of it from one register.  So large that it comes from the host as
	 * zeros: what is not touched costs nothing. */
	memory = calloc(1, CPU_BYTES + CPU_ALIGNMENT);
	if (!memory)
		return -ENOMEM;
	cpu = (struct cpu *)(((uintptr_t)memory + CPU_ALIGNMENT) & ~(uintptr_t)(CPU_ALIGNMENT - 1));
	cpu->memory = memory;
	cpu->index = config->index;
	cpu->count = config->count ? config->count : 1;
	cpu->bus = config->bus;
	cpu->thunks = config->thunks ? thunks_ref(config->thunks) : NULL;
	cpu->tsc_hz = config->tsc_hz ? config->tsc_hz : 1000000000u;
	model = calloc(1, sizeof(*model));
	cpu->model = model;
	cpu->tlb = (struct cpu_tlb *)(void *)((uint8_t *)cpu + TLB_AT);
	tlb_init(cpu->tlb);
	cpu->blocks = blocks_create();
	if (!model || !cpu->blocks)
		goto fail;
	error = cpu_model_find(config->model, model);
	if (error == -ENOENT)
		error = -EINVAL;
	if (error)
		goto fail;
	if (config->mitigations)
		model->features_7_edx &= ~(CPU_FEATURE_SPEC_CTRL | CPU_FEATURE_ARCH_CAPABILITIES);
	if (config->physical_address_bits)
		model->physical_bits = (uint8_t)config->physical_address_bits;
	if (config->apic) {
		error = apic_create(cpu, &cpu->apic);
		if (error)
			goto fail;
	}
	cpu_reset(cpu, false);
	*out = cpu;
	return 0;
fail:
	cpu_destroy(cpu);
	return error;
}

void cpu_destroy(struct cpu *cpu)
{
	if (!cpu)
		return;
	if (cpu->apic)
		apic_destroy(cpu->apic);
	thunks_unref(cpu->thunks);
	free(cpu->debugger);
	if (cpu->translator)
		cpu->translator->destroy(cpu);
	blocks_destroy(cpu->blocks);
	free((void *)(uintptr_t)cpu->model);
	free(cpu->memory);
}
