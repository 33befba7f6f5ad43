/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * x87 instructions that compute or move data: executed by the host's x87 unit on the guest's whole x87 state
 * (thunk.c).  Instructions on the environment are in x87_control.c.
 *
 * The pointers of the last instruction (FIP, FDP, FOP and their selectors) are kept here, since AMD's FXSAVE
 * stores them only with an exception pending.
 */
#include "vmm/cpu/fpu.h"

#include "vmm/cpu/model.h"
#include "vmm/cpu/thunk.h"

int fpu_check_pending(struct cpu *cpu, bool *ignored)
{
	/* Not by ES: a loaded state may lie, and the host's unit will believe flags and masks, too. */
	if (!(cpu->fx.fsw & ~cpu->fx.fcw & FSW_EXCEPTIONS))
		return CPU_OK;
	if (cpu->cr0 & CPU_CR0_NE)
		return cpu_raise(cpu, CPU_MF);
	/* MS-DOS compatible reporting (SDM vol. 1, 8.7.2 and appendix D): FERR# is asserted; a PC answers with IRQ 13,
	 * and with IGNNE# when its handler writes port F0.  Until an interrupt comes the processor stands still. */
	if (cpu->bus.ferr && !cpu->ferr) {
		cpu->ferr = true;
		cpu->bus.ferr(cpu->bus.self, true);
	}
	if (cpu->bus.ferr && !__atomic_load_n(&cpu->ignne, __ATOMIC_ACQUIRE))
		return cpu_raise(cpu, CPU_FREEZE);
	if (ignored)
		*ignored = true;
	return CPU_OK;
}

void fpu_ferr_update(struct cpu *cpu)
{
	if (!cpu->ferr || cpu->fx.fsw & ~cpu->fx.fcw & FSW_EXCEPTIONS)
		return;
	cpu->ferr = false;
	if (cpu->bus.ferr)
		cpu->bus.ferr(cpu->bus.self, false);
}

/* #NM and pending exceptions, before all waiting instructions but FWAIT. */
static int x87_check(struct cpu *cpu, bool *ignored)
{
	if (cpu->cr0 & (CPU_CR0_EM | CPU_CR0_TS))
		return cpu_raise(cpu, CPU_NM);
	return fpu_check_pending(cpu, ignored);
}

static int x87_wait(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if ((cpu->cr0 & (CPU_CR0_MP | CPU_CR0_TS)) == (CPU_CR0_MP | CPU_CR0_TS))
		return cpu_raise(cpu, CPU_NM);
	return fpu_check_pending(cpu, NULL);
}

/* The x87 part of an image, with an MXCSR that can be loaded. */
static void image_begin(const struct cpu *cpu, struct cpu_fxsave *image, bool ignored)
{
	memcpy(image, &cpu->fx, offsetof(struct cpu_fxsave, xmm));
	image->mxcsr = MXCSR_DEFAULT;
	if (ignored) { /* the host must not see what IGNNE# hides */
		image->fcw |= FCW_MASKS;
		image->fsw &= (uint16_t) ~(FSW_ES | FSW_BUSY);
	}
}

static void image_commit(struct cpu *cpu, const struct cpu_fxsave *image, bool ignored)
{
	struct cpu_fxsave *fx = &cpu->fx;
	fx->fsw = image->fsw;
	fx->ftw = image->ftw;
	memcpy(fx->st, image->st, sizeof(fx->st));
	if (ignored)
		fpu_summarize(fx);
}

static void pointers_set(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_fxsave *fx = &cpu->fx;
	fx->fop = (uint16_t)((insn->opcode & 7) << 8 | insn->modrm);
	fx->fip = insn->code64 ? cpu->rip : (uint32_t)cpu->rip | (uint64_t)cpu->segment[CPU_CS].selector << 32;
	if (insn->mod != 3) {
		uint64_t offset = insn_offset(cpu, insn);
		fx->fdp = insn->code64 ? offset
				       : (uint32_t)offset | (uint64_t)cpu->segment[insn->segment].selector << 32;
	}
}

static int x87_register(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_fxsave image;
	bool ignored = false;
	if (x87_check(cpu, &ignored))
		return CPU_FAULT;
	image_begin(cpu, &image, ignored);
	((thunk_x87 *)insn->thunk)(&image, NULL, NULL);
	image_commit(cpu, &image, ignored);
	pointers_set(cpu, insn);
	return CPU_OK;
}

/* FCMOVcc, FCOMI and their kin */
static int x87_flags(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_fxsave image;
	bool ignored = false;
	if (x87_check(cpu, &ignored))
		return CPU_FAULT;
	image_begin(cpu, &image, ignored);
	uint64_t flags = cpu_rflags(cpu) & CPU_FLAGS_ARITHMETIC;
	((thunk_x87 *)insn->thunk)(&image, NULL, &flags);
	image_commit(cpu, &image, ignored);
	if ((insn->modrm & 0x20) != 0) /* not FCMOVcc */
		cpu_arithmetic_set(cpu, (uint32_t)flags);
	pointers_set(cpu, insn);
	return CPU_OK;
}

/* Bytes of the memory operand. */
static unsigned memory_size(const struct insn *insn)
{
	static const uint8_t sizes[8][8] = {
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 0, 4, 4, 0, 0, 0, 0 },
		{ 4, 4, 4, 4, 4, 4, 4, 4 },
		{ 4, 4, 4, 4, 0, 10, 0, 10 },
		{ 8, 8, 8, 8, 8, 8, 8, 8 },
		{ 8, 8, 8, 8, 0, 0, 0, 0 },
		{ 2, 2, 2, 2, 2, 2, 2, 2 },
		{ 2, 2, 2, 2, 10, 8, 10, 8 },
	};
	return sizes[insn->opcode & 7][insn->reg & 7];
}

static bool memory_is_store(const struct insn *insn)
{
	unsigned digit = insn->reg & 7;
	if (!(insn->opcode & 1))
		return false; /* arithmetic */
	if (digit >= 1 && digit <= 3)
		return true;
	return digit >= 6; /* FSTP m80, FBSTP, FISTP m64 */
}

static int x87_load(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_fxsave image;
	uint8_t memory[16];
	bool ignored = false;
	if (x87_check(cpu, &ignored))
		return CPU_FAULT;
	if (cpu_read(cpu, insn->segment, insn_offset(cpu, insn), memory, memory_size(insn)))
		return CPU_FAULT;
	image_begin(cpu, &image, ignored);
	((thunk_x87 *)insn->thunk)(&image, memory, NULL);
	image_commit(cpu, &image, ignored);
	pointers_set(cpu, insn);
	return CPU_OK;
}

/*
 * A store with an unmasked exception (invalid operation, over- and underflow) leaves memory alone.  Whether it
 * wrote is seen from a filling of the buffer that was there before; a result that equals the filling by chance is
 * told apart with a second filling.
 */
static bool run_store(struct cpu *cpu, const struct insn *insn, struct cpu_fxsave *image, uint8_t *memory,
	unsigned size, bool ignored)
{
	uint8_t filling[16];
	for (unsigned pass = 0; pass < 2; pass++) {
		memset(filling, pass ? 0x5a : 0xa5, sizeof(filling));
		memcpy(memory, filling, sizeof(filling));
		image_begin(cpu, image, ignored);
		((thunk_x87 *)insn->thunk)(image, memory, NULL);
		if (!(image->fsw & FSW_ES) || memcmp(memory, filling, size))
			return true;
	}
	return false;
}

static int x87_store(struct cpu *cpu, const struct insn *insn)
{
	struct cpu_fxsave image;
	uint8_t memory[16];
	bool ignored = false;
	if (x87_check(cpu, &ignored))
		return CPU_FAULT;
	unsigned size = memory_size(insn);
	uint64_t offset = insn_offset(cpu, insn);
	/* the address is checked, even if nothing is written */
	if (run_store(cpu, insn, &image, memory, size, ignored) ? cpu_write(cpu, insn->segment, offset, memory, size)
								: cpu_probe_write(cpu, insn->segment, offset, size))
		return CPU_FAULT;
	image_commit(cpu, &image, ignored);
	pointers_set(cpu, insn);
	return CPU_OK;
}

/* Is the register form of this ModRM defined?  One bit a ModRM byte from 0xc0 on, for each opcode. */
static bool register_form_valid(unsigned opcode, unsigned modrm)
{
	static const uint64_t valid[8] = {
		0xffffffffffffffff, /* D8 */
		0xffff7f33ff01ffff, /* D9: undefined D1-D7, E2, E3, E6, E7, EF */
		0x00000200ffffffff, /* DA: FCMOVcc, FUCOMPP */
		0x00ffff00ffffffff, /* DB: FCMOVNcc, FUCOMI, FCOMI; E0-E4 are control */
		0xffffffffffffffff, /* DC */
		0x0000ffffffffffff, /* DD */
		0xffffffff02ffffff, /* DE: of D8-DF only FCOMPP */
		0x00ffff00ffffffff, /* DF; FNSTSW AX is control */
	};
	return valid[opcode & 7] >> (modrm - 0xc0) & 1;
}

static bool needs_flags(const struct insn *insn)
{
	unsigned opcode = insn->opcode & 0xff, row = insn->modrm >> 3 & 7;
	if (opcode == 0xda || opcode == 0xdb)
		return row < 4 || (opcode == 0xdb && (row == 5 || row == 6));
	return opcode == 0xdf && (row == 5 || row == 6);
}

insn_execute *x87_select(struct cpu *cpu, struct insn *insn)
{
	const struct cpu_model *model = cpu->model;
	unsigned opcode = insn->opcode & 0xff;
	if (insn->lock || !(model->features_1_edx & CPU_FEATURE_FPU))
		return NULL;
	if (opcode == 0x9b)
		return x87_wait;
	insn_execute *control = x87_control_select(insn);
	if (control)
		return control;

	struct thunk_shape shape = { .opcode = (uint8_t)opcode, .flags = THUNK_X87 };
	insn_execute *execute;
	if (insn->mod == 3) {
		if (!register_form_valid(opcode, insn->modrm))
			return NULL;
		bool flags = needs_flags(insn);
		if (flags && !(model->features_1_edx & CPU_FEATURE_CMOV))
			return NULL;
		shape.digit = insn->modrm;
		shape.rm = THUNK_NONE;
		if (flags)
			shape.flags |= THUNK_RFLAGS;
		execute = flags ? x87_flags : x87_register;
	} else {
		if (!memory_size(insn))
			return NULL;
		bool fisttp = opcode & 1 && opcode != 0xd9 && (insn->reg & 7) == 1;
		if (fisttp && !(model->features_1_ecx & CPU_FEATURE_SSE3))
			return NULL;
		shape.digit = insn->reg & 7;
		shape.rm = THUNK_MEMORY;
		execute = memory_is_store(insn) ? x87_store : x87_load;
	}
	insn->thunk = cpu_thunk(cpu, &shape);
	return insn->thunk ? execute : NULL;
}

bool x87_form(const struct insn *insn, struct x87_form *form)
{
	if (insn->execute != x87_register && insn->execute != x87_flags && insn->execute != x87_load &&
		insn->execute != x87_store)
		return false;
	unsigned opcode = insn->opcode & 0xff;
	*form = (struct x87_form){ 0 };
	if (insn->mod != 3) {
		form->memory = memory_size(insn);
		form->store = memory_is_store(insn);
	} else if (needs_flags(insn)) {
		form->compares = (opcode == 0xdb || opcode == 0xdf) && (insn->modrm >> 3 & 7) >= 5;
		form->conditional = !form->compares;
	}
	return true;
}
