/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * HLT, CLTS, INVD, WBINVD; LGDT, LIDT, SGDT, SIDT, LMSW, SMSW, INVLPG; control registers.
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/segment.h"
#include "vmm/cpu/system.h"
#include "vmm/cpu/xsave.h"

static int privilege_check(struct cpu *cpu)
{
	return cpu->cpl ? cpu_raise_error(cpu, CPU_GP, 0) : CPU_OK;
}

uint64_t cr0_settled(uint64_t value)
{
	const uint32_t known = CPU_CR0_PE | CPU_CR0_MP | CPU_CR0_EM | CPU_CR0_TS | CPU_CR0_NE | CPU_CR0_WP |
		CPU_CR0_AM | CPU_CR0_NW | CPU_CR0_CD | CPU_CR0_PG;

	return (value & known) | CPU_CR0_ET;
}

bool cr0_possible(uint64_t value)
{
	return !(value & CPU_CR0_PG && !(value & CPU_CR0_PE)) && !(value & CPU_CR0_NW && !(value & CPU_CR0_CD)) &&
		!(value >> 32);
}

/* Where paging goes on or off: may it, and does IA-32e mode come and go with it?  (SDM vol. 3A, 9.8.5) */
static int paging_switch(struct cpu *cpu, bool on, uint64_t *efer)
{
	*efer = cpu->efer;
	if (!on) {
		if (cpu_code64(cpu) || cpu->cr4 & CPU_CR4_PCIDE)
			return cpu_raise_error(cpu, CPU_GP, 0);
		*efer &= ~(uint64_t)CPU_EFER_LMA;
	} else if (cpu->efer & CPU_EFER_LME) {
		bool tss16 = CPU_SEGMENT_TYPE(cpu->tr.attributes) == SYSTEM_TSS16_BUSY && cpu->tr.selector;

		if (!(cpu->cr4 & CPU_CR4_PAE) || cpu->segment[CPU_CS].attributes & CPU_SEGMENT_L || tss16)
			return cpu_raise_error(cpu, CPU_GP, 0);
		*efer |= CPU_EFER_LMA;
	}
	return CPU_OK;
}

int cr0_write(struct cpu *cpu, uint64_t value)
{
	uint64_t changed, efer = cpu->efer;

	if (!cr0_possible(value))
		return cpu_raise_error(cpu, CPU_GP, 0);
	value = cr0_settled(value);
	changed = value ^ cpu->cr0;
	if (changed & CPU_CR0_PG && paging_switch(cpu, value & CPU_CR0_PG, &efer) != CPU_OK)
		return CPU_FAULT;
	if (value & CPU_CR0_PG && cpu->cr4 & CPU_CR4_PAE && !(efer & CPU_EFER_LMA) &&
		changed & (CPU_CR0_PG | CPU_CR0_CD | CPU_CR0_NW)) {
		uint64_t pdpte[4];

		if (!paging_load_pdptes(cpu, cpu->cr3, pdpte))
			return cpu_raise_error(cpu, CPU_GP, 0);
		memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
	}
	cpu->cr0 = value;
	cpu->efer = efer;
	if (changed & (CPU_CR0_PG | CPU_CR0_PE | CPU_CR0_WP))
		tlb_flush(cpu, true);
	if (!(value & CPU_CR0_PE))
		cpu->cpl = 0;
	cpu_mode_update(cpu);
	return CPU_OK;
}

int cr3_write(struct cpu *cpu, uint64_t value)
{
	if (cpu->efer & CPU_EFER_LMA) {
		/* That bit only spares a flush, which we make all the same: one PCID is in the TLB at a time. */
		if (cpu->cr4 & CPU_CR4_PCIDE)
			value &= ~CPU_CR3_NOFLUSH;
		if (value >> cpu->model->physical_bits)
			return cpu_raise_error(cpu, CPU_GP, 0);
	} else if (cpu->cr0 & CPU_CR0_PG && cpu->cr4 & CPU_CR4_PAE) {
		uint64_t pdpte[4];

		if (!paging_load_pdptes(cpu, value, pdpte))
			return cpu_raise_error(cpu, CPU_GP, 0);
		memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
	}
	cpu->cr3 = value;
	tlb_flush(cpu, false);
	return CPU_OK;
}

uint64_t cr4_allowed(const struct cpu *cpu)
{
	const struct cpu_model *model = cpu->model;
	static const struct {
		uint8_t bit;
		uint32_t allowed;
	} by_edx[] = {
		{ 1, CPU_CR4_VME | CPU_CR4_PVI },
		{ 2, CPU_CR4_DE },
		{ 3, CPU_CR4_PSE },
		{ 4, CPU_CR4_TSD },
		{ 6, CPU_CR4_PAE },
		{ 7, CPU_CR4_MCE },
		{ 13, CPU_CR4_PGE },
		{ 24, CPU_CR4_OSFXSR },
		{ 25, CPU_CR4_OSXMMEXCPT },
	};
	uint64_t allowed = model->family >= 6 ? CPU_CR4_PCE : 0;

	for (unsigned i = 0; i < sizeof(by_edx) / sizeof(by_edx[0]); i++)
		if (model->features_1_edx >> by_edx[i].bit & 1)
			allowed |= by_edx[i].allowed;
	if (model->features_1_ecx & CPU_FEATURE_XSAVE)
		allowed |= CPU_CR4_OSXSAVE;
	if (model->features_1_ecx & CPU_FEATURE_PCID)
		allowed |= CPU_CR4_PCIDE;
	if (model->features_7_ebx & CPU_FEATURE_FSGSBASE)
		allowed |= CPU_CR4_FSGSBASE;
	if (model->features_7_ebx & CPU_FEATURE_SMEP)
		allowed |= CPU_CR4_SMEP;
	if (model->features_7_ebx & CPU_FEATURE_SMAP)
		allowed |= CPU_CR4_SMAP;
	if (model->features_7_ecx & CPU_FEATURE_UMIP)
		allowed |= CPU_CR4_UMIP;
	if (model->features_7_ecx & CPU_FEATURE_LA57)
		allowed |= CPU_CR4_LA57;
	return allowed;
}

int cr4_write(struct cpu *cpu, uint64_t value)
{
	const uint32_t paging = CPU_CR4_PSE | CPU_CR4_PAE | CPU_CR4_PGE | CPU_CR4_SMEP | CPU_CR4_SMAP | CPU_CR4_PCIDE;
	uint64_t changed = value ^ cpu->cr4;
	bool ia32e = cpu->efer & CPU_EFER_LMA;

	if (value & ~cr4_allowed(cpu))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (ia32e ? !(value & CPU_CR4_PAE) || changed & CPU_CR4_LA57 : (value & CPU_CR4_PCIDE) != 0)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (changed & value & CPU_CR4_PCIDE && cpu->cr3 & 0xfff)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (cpu->cr0 & CPU_CR0_PG && !ia32e && value & CPU_CR4_PAE && changed & paging) {
		uint64_t pdpte[4];

		if (!paging_load_pdptes(cpu, cpu->cr3, pdpte))
			return cpu_raise_error(cpu, CPU_GP, 0);
		memcpy(cpu->pdpte, pdpte, sizeof(pdpte));
	}
	cpu->cr4 = value;
	if (changed & paging)
		tlb_flush(cpu, true);
	cpu_mode_update(cpu);
	return CPU_OK;
}

static int hlt(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (privilege_check(cpu) != CPU_OK)
		return CPU_FAULT;
	cpu->halted = true;
	cpu->attention = true;
	return CPU_END;
}

static int clts(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (privilege_check(cpu) != CPU_OK)
		return CPU_FAULT;
	cpu->cr0 &= ~(uint64_t)CPU_CR0_TS;
	cpu_mode_update(cpu);
	return CPU_END;
}

/* INVD, WBINVD: there is no cache to lose. */
static int cache_execute(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return privilege_check(cpu) == CPU_OK ? CPU_END : CPU_FAULT;
}

static int table_store(struct cpu *cpu, const struct insn *insn)
{
	bool gdt = !(insn->modrm >> 3 & 7);
	uint16_t limit = (uint16_t)(gdt ? cpu->gdtr.limit : cpu->idtr.limit);
	uint64_t base = gdt ? cpu->gdtr.base : cpu->idtr.base;
	uint64_t offset = ea(cpu, insn);
	uint8_t bytes[10];

	if (cpu->cr4 & CPU_CR4_UMIP && cpu->cpl && cpu->cr0 & CPU_CR0_PE)
		return cpu_raise_error(cpu, CPU_GP, 0);
	memcpy(bytes, &limit, 2);
	memcpy(bytes + 2, &base, 8);
	return cpu_write(cpu, insn->segment, offset, bytes, insn->code64 ? 10 : 6);
}

static int table_load(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset = ea(cpu, insn), mask = ~0ull >> insn->ea_shift;
	uint16_t limit;
	uint64_t base;

	if (privilege_check(cpu) != CPU_OK || mem_read16(cpu, insn->segment, offset, &limit) != CPU_OK ||
		mem_read(cpu, insn->segment, (offset + 2) & mask, insn->code64 ? 8 : 4, &base) != CPU_OK)
		return CPU_FAULT;
	if (insn->code64 && !cpu_canonical(cpu, base))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (!insn->code64 && insn->operand_size == 2)
		base &= 0xffffff;
	if ((insn->modrm >> 3 & 7) == 2) {
		cpu->gdtr.base = base;
		cpu->gdtr.limit = limit;
	} else {
		cpu->idtr.base = base;
		cpu->idtr.limit = limit;
	}
	return CPU_OK;
}

static int smsw(struct cpu *cpu, const struct insn *insn)
{
	if (cpu->cr4 & CPU_CR4_UMIP && cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	return rm_write(cpu, insn, insn->mod == 3 ? insn->operand_size : 2, cpu->cr0);
}

static int lmsw(struct cpu *cpu, const struct insn *insn)
{
	uint16_t value;
	uint64_t cr0;

	if (privilege_check(cpu) != CPU_OK || rm_read16(cpu, insn, &value) != CPU_OK)
		return CPU_FAULT;
	/* PE can be set, not cleared. */
	cr0 = (cpu->cr0 & ~0xeull) | (value & 0xfu);
	return cr0_write(cpu, cr0) == CPU_OK ? CPU_END : CPU_FAULT;
}

static int invlpg(struct cpu *cpu, const struct insn *insn)
{
	if (privilege_check(cpu) != CPU_OK)
		return CPU_FAULT;
	/* Nothing is translated by an address that is not canonical. */
	tlb_flush_page(cpu, cpu_linear(cpu, insn->segment, ea(cpu, insn)));
	/* of a page without code: what follows is where it was */
	return cpu->attention ? CPU_END : CPU_OK;
}

/* INVPCID: more may be dropped than was asked for, and what other PCIDs had is gone already (SDM vol. 3A, 4.10.4). */
static int invpcid(struct cpu *cpu, const struct insn *insn)
{
	uint64_t kind = insn->code64 ? cpu->gpr[insn->reg] : (uint32_t)cpu->gpr[insn->reg], descriptor[2];
	bool pcide = cpu->cr4 & CPU_CR4_PCIDE;

	if (privilege_check(cpu) != CPU_OK)
		return CPU_FAULT;
	if (cpu_read(cpu, insn->segment, ea(cpu, insn), descriptor, 16) != CPU_OK)
		return CPU_FAULT;
	if (kind > 3 || descriptor[0] >> 12 || (kind < 2 && !pcide && descriptor[0]) ||
		(kind == 0 && !cpu_canonical(cpu, descriptor[1])))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (kind == 0)
		tlb_flush_page(cpu, descriptor[1]);
	else
		tlb_flush(cpu, kind == 2);
	return CPU_END;
}

/* CLAC and STAC.  The way into a kernel has a CLAC that changes nothing. */
static int alignment_flag(struct cpu *cpu, const struct insn *insn)
{
	bool set = insn->modrm & 1;

	if (cpu->cpl)
		return cpu_raise(cpu, CPU_UD);
	if (set == !!(cpu->rflags & CPU_FLAG_AC))
		return CPU_OK;
	cpu_rflags_write(cpu, set ? CPU_FLAG_AC : 0, CPU_FLAG_AC);
	return CPU_END;
}

insn_execute *system_select(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode) {
	case 0xf4: return hlt;
	case 0x106: return clts;
	case 0x108:
	case 0x109: return cache_execute;
	case 0x282:
		if (!insn->prefix66 || insn->rep || insn->mod == 3 ||
			!(cpu->model->features_7_ebx & CPU_FEATURE_INVPCID))
			return NULL;
		return invpcid;
	default: break;
	}
	if (insn->opcode == 0x101 && (insn->modrm & 0xfe) == 0xd0)
		return xcr_select(cpu, insn);
	if (insn->modrm == 0xf8)
		return insn->code64 ? swapgs : NULL;
	if (insn->modrm == 0xf9)
		return cpu->model->features_ext_edx & CPU_FEATURE_RDTSCP ? rdtscp : NULL;
	if ((insn->modrm == 0xca || insn->modrm == 0xcb) && cpu->model->features_7_ebx >> 20 & 1)
		return alignment_flag;
	switch (insn->modrm >> 3 & 7) {
	case 0:
	case 1: return insn->mod != 3 ? table_store : NULL;
	case 2:
	case 3: return insn->mod != 3 ? table_load : NULL;
	case 4: return smsw;
	case 6: return lmsw;
	case 7: return insn->mod != 3 ? invlpg : NULL;
	default: return NULL;
	}
}
