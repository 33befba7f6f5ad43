/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The native side of the oracle: a child process that runs each case's instruction on the host CPU itself, in 32-
 * or 16-bit code reached through LDT segments.
 *
 * In: a stub in 64-bit code below 4 GiB loads the FXSAVE image and the registers and leaves with IRETQ.  Out: the
 * far jump behind the instruction, or a signal, whose handler takes vector, error code, fault address and state
 * from the signal frame and has the kernel return to the stub's end.
 *
 * The handler runs with the guest's segment registers, flags and stack pointer gone; FS is never loaded, so thread-
 * local storage works.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/cpu/case.h"

#include <asm/ldt.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* At STATE_BASE in the child; the stub knows these offsets. */
struct native_state {
	uint32_t gpr[8];      /* 0 */
	uint64_t eflags;      /* 32 */
	uint64_t host_stack;  /* 40 */
	uint64_t eip, cs, ss; /* 48, 56, 64 */
	uint32_t data, other; /* 72, 76: selectors */
	uint32_t mxcsr;       /* 80: the host's */
	uint32_t reserved[11];
	struct cpu_fxsave fx; /* 128 */
};
_Static_assert(offsetof(struct native_state, fx) == 128, "known to the stub");

#define STATE ((struct native_state *)(uintptr_t)STATE_BASE)

/* Position-independent but for the state's fixed address; copied to STUB_BASE. */
__asm__(".pushsection .text\n"
	".globl oracle_stub_begin, oracle_stub_exit, oracle_stub_resume, oracle_stub_end\n"
	".set STATE, 0x30000000\n"
	"oracle_stub_begin:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, STATE+40\n"
	"	stmxcsr STATE+80\n"
	"	fxrstor STATE+128\n"
	"	mov STATE+72, %eax; mov %eax, %ds\n"
	"	mov STATE+76, %eax; mov %eax, %es; mov %eax, %gs\n"
	"	pushq STATE+64; mov STATE+16, %eax; push %rax; pushq STATE+32; pushq STATE+56; pushq STATE+48\n"
	"	mov STATE, %eax; mov STATE+4, %ecx; mov STATE+8, %edx; mov STATE+12, %ebx\n"
	"	mov STATE+20, %ebp; mov STATE+24, %esi; mov STATE+28, %edi\n"
	"	iretq\n"
	"oracle_stub_exit:\n"
	"	mov %eax, STATE; mov %ecx, STATE+4; mov %edx, STATE+8; mov %ebx, STATE+12\n"
	"	mov %esp, STATE+16; mov %ebp, STATE+20; mov %esi, STATE+24; mov %edi, STATE+28\n"
	"	mov $0x2b, %eax; mov %eax, %ss\n"
	"	mov STATE+40, %rsp\n"
	"	pushfq; popq STATE+32\n"
	"	fxsave STATE+128\n"
	"oracle_stub_resume:\n"
	"	pushq $0x202; popfq\n"
	"	fninit; ldmxcsr STATE+80\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"oracle_stub_end:\n"
	".popsection\n");
extern const uint8_t oracle_stub_begin[], oracle_stub_exit[], oracle_stub_resume[], oracle_stub_end[];

struct shared {
	struct oracle_case cases[BATCH];
	struct outcome outcomes[BATCH];
	uint8_t template[REGION_PAGES * 4096];
	unsigned count, progress;
	struct outcome *current; /* the child's, for its signal handler */
};

struct native {
	struct shared *shared;
	int to_child, from_child;
	pid_t child;
};

/* The handler has no other way to its data. */
static struct shared *child_shared;

static void handle_signal(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *g = uc->uc_mcontext.gregs;
	struct outcome *o = child_shared->current;
	static const int order[8] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI };
	(void)info;
	if ((g[REG_CSGSFS] & 4) == 0 || !o) { /* not in the case: our own mistake */
		signal(number, SIG_DFL);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		o->gpr[i] = (uint32_t)g[order[i]];
	o->eflags = (uint32_t)g[REG_EFL];
	o->eip = (uint32_t)g[REG_RIP];
	o->vector = (int32_t)g[REG_TRAPNO];
	o->error = (uint32_t)g[REG_ERR];
	o->cr2 = o->vector == CPU_PF ? (uint32_t)g[REG_CR2] : 0;
	memcpy(&o->fx, uc->uc_mcontext.fpregs, sizeof(o->fx));
	g[REG_RIP] = (greg_t)(STUB_BASE + (oracle_stub_resume - oracle_stub_begin));
	g[REG_RSP] = (greg_t)STATE->host_stack;
	g[REG_EFL] = 0x202;
	g[REG_CSGSFS] = (greg_t)(0x33 | (uint64_t)0x2b << 48);
}

static void run_case(struct shared *shared, unsigned number)
{
	const struct oracle_case *c = &shared->cases[number];
	struct outcome *o = &shared->outcomes[number];
	struct native_state *state = STATE;
	uint8_t *region = (uint8_t *)(uintptr_t)REGION_BASE;
	uint32_t slot = CODE_BASE + number * SLOT_BYTES;

	case_patch(c, region);
	memcpy(state->gpr, c->gpr, sizeof(c->gpr));
	memcpy(&state->fx, &c->fx, sizeof(c->fx));
	state->eflags = c->eflags;
	state->eip = slot;
	if (c->code16)
		state->eip -= CODE_BASE;
	state->cs = LDT_SELECTOR(c->code16 ? LDT_CODE16 : LDT_CODE32);
	state->ss = LDT_SELECTOR(c->code16 ? LDT_STACK16 : LDT_STACK32);
	o->vector = -1;
	o->error = o->cr2 = 0;
	shared->current = o;
	((void (*)(void))(uintptr_t)STUB_BASE)();
	shared->current = NULL;
	if (o->vector < 0) {
		memcpy(o->gpr, state->gpr, sizeof(o->gpr));
		memcpy(&o->fx, &state->fx, sizeof(o->fx));
		o->eflags = (uint32_t)state->eflags;
		o->eip = c->length;
	} else {
		o->eip -= (uint32_t)state->eip + case_start(c);
	}
}

uint32_t native_exit_address(void)
{
	return STUB_BASE + (uint32_t)(oracle_stub_exit - oracle_stub_begin);
}

static void run_batch(struct shared *shared)
{
	uint8_t *region = (uint8_t *)(uintptr_t)REGION_BASE;
	mprotect((void *)(uintptr_t)CODE_BASE, CODE_BYTES, PROT_READ | PROT_WRITE);
	for (unsigned i = 0; i < shared->count; i++)
		case_emit(&shared->cases[i], (uint8_t *)(uintptr_t)CODE_BASE + i * SLOT_BYTES, native_exit_address());
	mprotect((void *)(uintptr_t)CODE_BASE, CODE_BYTES, PROT_READ | PROT_EXEC);
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		if (!(REGION_MAPPED >> page & 1))
			continue;
		if (REGION_READONLY >> page & 1)
			mprotect(region + page * 4096, 4096, PROT_READ | PROT_WRITE);
		memcpy(region + page * 4096, shared->template + page * 4096, 4096);
		if (REGION_READONLY >> page & 1)
			mprotect(region + page * 4096, 4096, PROT_READ);
	}
	for (unsigned i = 0; i < shared->count; i++) {
		__atomic_store_n(&shared->progress, i, __ATOMIC_RELAXED);
		run_case(shared, i);
		case_collect(&shared->outcomes[i], region, shared->template);
	}
}

static int map_fixed(uint32_t address, size_t size, int protection)
{
	void *p = mmap(
		(void *)(uintptr_t)address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	return p == (void *)(uintptr_t)address ? 0 : -1;
}

static int ldt_set(unsigned entry, uint32_t base, uint32_t limit, bool wide, bool code)
{
	struct user_desc d = {
		.entry_number = entry,
		.base_addr = base,
		.limit = limit,
		.seg_32bit = wide,
		.contents = code ? MODIFY_LDT_CONTENTS_CODE : MODIFY_LDT_CONTENTS_DATA,
	};
	if (code && wide) {
		d.limit = 0xfffff;
		d.limit_in_pages = 1;
	}
	return syscall(SYS_modify_ldt, 1, &d, sizeof(d)) < 0 ? -1 : 0;
}

static int child_prepare(void)
{
	const uint32_t top = REGION_PAGES * 4096 - 1;
	if (ldt_set(LDT_CODE32, 0, 0, true, true) || ldt_set(LDT_CODE16, CODE_BASE, 0xffff, false, true) ||
		ldt_set(LDT_DATA, REGION_BASE, top, true, false) ||
		ldt_set(LDT_STACK32, REGION_BASE, top, true, false) ||
		ldt_set(LDT_STACK16, REGION_BASE, top, false, false) ||
		ldt_set(LDT_OTHER, REGION_BASE + OTHER_OFFSET, top - OTHER_OFFSET, true, false))
		return -1;
	if (map_fixed(STATE_BASE, 4096, PROT_READ | PROT_WRITE) || map_fixed(STUB_BASE, 4096, PROT_READ | PROT_WRITE) ||
		map_fixed(CODE_BASE, CODE_BYTES, PROT_READ | PROT_WRITE))
		return -1;
	for (unsigned page = 0; page < REGION_PAGES; page++)
		if (REGION_MAPPED >> page & 1 && map_fixed(REGION_BASE + page * 4096, 4096, PROT_READ | PROT_WRITE))
			return -1;
	memcpy((void *)(uintptr_t)STUB_BASE, oracle_stub_begin, (size_t)(oracle_stub_end - oracle_stub_begin));
	mprotect((void *)(uintptr_t)STUB_BASE, 4096, PROT_READ | PROT_EXEC);
	STATE->data = LDT_SELECTOR(LDT_DATA);
	STATE->other = LDT_SELECTOR(LDT_OTHER);

	static uint8_t stack[65536]; /* the child's alone */
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = handle_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	static const int signals[] = { SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS };
	if (sigaltstack(&alternate, NULL))
		return -1;
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], &action, NULL))
			return -1;
	return 0;
}

static void child_main(struct shared *shared, int in, int out)
{
	char byte = 0;
	child_shared = shared;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bool ready = !child_prepare();
	byte = ready ? 'r' : 'n';
	if (write(out, &byte, 1) != 1 || !ready)
		_exit(1);
	while (read(in, &byte, 1) == 1) {
		alarm(20); /* a case that never ends kills the child, and is named */
		run_batch(shared);
		alarm(0);
		if (write(out, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

static int child_start(struct native *native)
{
	int to[2], from[2];
	char byte = 0;
	if (pipe(to) || pipe(from))
		return -1;
	native->child = fork();
	if (native->child == 0) {
		close(to[1]);
		close(from[0]);
		child_main(native->shared, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	native->to_child = to[1];
	native->from_child = from[0];
	return native->child > 0 && read(from[0], &byte, 1) == 1 && byte == 'r' ? 0 : -1;
}

static void child_stop(struct native *native)
{
	close(native->to_child);
	close(native->from_child);
	if (native->child > 0)
		waitpid(native->child, NULL, 0);
}

int native_create(struct native **result, const char **reason)
{
	struct native *native = calloc(1, sizeof(*native));
	*reason = "no memory";
	if (!native)
		return -ENOSYS;
	native->shared = mmap(NULL, sizeof(*native->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (native->shared == MAP_FAILED) {
		free(native);
		return -ENOSYS;
	}
	signal(SIGPIPE, SIG_IGN);
	if (child_start(native)) {
		*reason = "the host does not give us LDT segments (modify_ldt) or low addresses";
		native_destroy(native);
		return -ENOSYS;
	}
	*result = native;
	return 0;
}

void native_destroy(struct native *native)
{
	if (!native)
		return;
	child_stop(native);
	munmap(native->shared, sizeof(*native->shared));
	free(native);
}

struct oracle_case *native_cases(struct native *native)
{
	return native->shared->cases;
}

uint8_t *native_template(struct native *native)
{
	return native->shared->template;
}

const struct outcome *native_outcomes(const struct native *native)
{
	return native->shared->outcomes;
}

void native_start(struct native *native, unsigned count)
{
	char byte = 'b';
	native->shared->count = count;
	native->shared->progress = 0;
	if (write(native->to_child, &byte, 1) != 1)
		native->shared->count = 0; /* native_finish() will see that the child is gone */
}

unsigned native_finish(struct native *native)
{
	char byte;
	if (read(native->from_child, &byte, 1) == 1)
		return 0;
	unsigned where = native->shared->progress + 1;
	child_stop(native);
	if (child_start(native))
		_exit(99);
	return where;
}
