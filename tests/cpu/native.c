/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The native side of the oracle: a child process that runs each case's instruction on the host CPU itself, in 64-bit
 * code or in 32- or 16-bit code reached through LDT segments.  How it gets there and back is in native_stub.c.
 *
 * Region and code are files in memory, mapped where the cases see them and, all of it writable, where they do not.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tests/cpu/case.h"
#include "tests/cpu/native.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

struct shared {
	struct oracle_case cases[BATCH];
	struct outcome outcomes[BATCH];
	uint8_t template[REGION_PAGES * 4096];
	unsigned count, progress;
	struct native_layout layout;
	struct outcome *current; /* the child's, for its signal handler */
};

struct native {
	struct shared *shared;
	int to_child, from_child;
	pid_t child;
};

/* The handler has no other way to its data. */
static struct shared *child_shared;
/* The child's writable views of what the cases run on. */
static uint8_t *child_region, *child_code;

void native_signal(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *g = uc->uc_mcontext.gregs;
	struct outcome *o = child_shared->current;
	static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,
		REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
	uint64_t cs = (uint64_t)g[REG_CSGSFS] & 0xffff, rip = (uint64_t)g[REG_RIP];
	(void)info;
	if (!o || (cs == USER_CODE64 && rip - STUB_BASE < 4096)) { /* not in the case: our own mistake */
		signal(number, SIG_DFL);
		return;
	}
	for (unsigned i = 0; i < 16; i++)
		o->gpr[i] = (uint64_t)g[order[i]];
	o->eflags = (uint32_t)g[REG_EFL];
	o->rip = rip;
	o->cs = (uint16_t)cs;
	o->selectors[CPU_SS] = (uint16_t)((uint64_t)g[REG_CSGSFS] >> 48);
	o->vector = (int32_t)g[REG_TRAPNO];
	o->error = (uint32_t)g[REG_ERR];
	o->cr2 = o->vector == CPU_PF ? (uint64_t)g[REG_CR2] : 0;
	memcpy(&o->fx, uc->uc_mcontext.fpregs, sizeof(o->fx));
	if (STATE->components)
		native_vector_get(&child_shared->layout, (const uint8_t *)uc->uc_mcontext.fpregs, &o->extended);
	g[REG_RIP] = (greg_t)(STUB_BASE + (oracle_stub_resume - oracle_stub_begin));
	g[REG_RSP] = (greg_t)STATE->host_stack;
	g[REG_EFL] = 0x202;
	g[REG_CSGSFS] = (greg_t)(USER_CODE64 | (uint64_t)USER_DATA << 48);
}

static void run_case(struct shared *shared, unsigned number)
{
	const struct oracle_case *c = &shared->cases[number];
	struct outcome *o = &shared->outcomes[number];
	struct native_state *state = STATE;
	uint64_t rip = case_rip(c, number);

	case_patch(c, child_region);
	if (c->edge)
		case_emit(c, number, child_code, native_exit_address(c->code64));
	memcpy(state->gpr, c->gpr, sizeof(c->gpr));
	memcpy(&state->fx, &c->fx, sizeof(c->fx));
	if (state->components)
		native_vector_put(&shared->layout, (uint8_t *)&state->fx, &c->extended);
	state->eflags = c->eflags;
	state->rip = rip - case_start(c);
	state->cs = c->code64 ? USER_CODE64 : LDT_SELECTOR(c->code16 ? LDT_CODE16 : LDT_CODE32);
	state->ss = c->code64 ? USER_DATA : LDT_SELECTOR(c->code16 ? LDT_STACK16 : LDT_STACK32);
	state->fs_base = c->fs_base;
	state->gs_base = c->gs_base;
	memset(o, 0, offsetof(struct outcome, lines));
	o->vector = -1;
	shared->current = o;
	((void (*)(void))(uintptr_t)(STUB_BASE + (c->code64 ? oracle_stub_begin64 - oracle_stub_begin : 0)))();
	shared->current = NULL;
	if (o->vector < 0) {
		memcpy(o->gpr, state->gpr, sizeof(o->gpr));
		memcpy(&o->fx, &state->fx, sizeof(o->fx));
		if (state->components)
			native_vector_get(&shared->layout, (const uint8_t *)&state->fx, &o->extended);
		o->eflags = (uint32_t)state->eflags;
		o->rip = c->length;
		o->cs = (uint16_t)state->cs;
	} else {
		o->rip -= rip;
	}
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		if (i != CPU_SS || o->vector < 0)
			o->selectors[i] = (uint16_t)state->selectors[i];
	if (c->code64) {
		o->fs_base = state->fs_base;
		o->gs_base = state->gs_base;
	} else {
		for (unsigned i = 0; i < 8; i++)
			o->gpr[i] = (uint32_t)o->gpr[i];
		memset(o->gpr + 8, 0, 64);
		memset(o->fx.xmm[8], 0, 128);
	}
}

bool native_has_long(void)
{
	return getauxval(AT_HWCAP2) & 2; /* HWCAP2_FSGSBASE */
}

uint64_t native_exit_address(bool code64)
{
	return STUB_BASE + (uint64_t)((code64 ? oracle_stub_exit64 : oracle_stub_exit) - oracle_stub_begin);
}

static void run_batch(struct shared *shared)
{
	for (unsigned i = 0; i < shared->count; i++)
		if (!shared->cases[i].edge)
			case_emit(&shared->cases[i], i, child_code, native_exit_address(shared->cases[i].code64));
	memcpy(child_region, shared->template, REGION_PAGES * 4096);
	for (unsigned i = 0; i < shared->count; i++) {
		__atomic_store_n(&shared->progress, i, __ATOMIC_RELAXED);
		run_case(shared, i);
		case_collect(&shared->outcomes[i], child_region, shared->template);
	}
}

static int map_fixed(uint64_t address, size_t size, int protection, int file, uint32_t offset)
{
	int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
	void *p = mmap((void *)(uintptr_t)address, size, protection, flags | MAP_FIXED_NOREPLACE, file, offset);
	return p == (void *)(uintptr_t)address ? 0 : -1;
}

static int file_create(size_t size, uint8_t **view)
{
	int file = memfd_create("oracle", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, (off_t)size))
		return -1;
	*view = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	return *view == MAP_FAILED ? -1 : file;
}

static int memory_prepare(void)
{
	int region = file_create(REGION_PAGES * 4096, &child_region), code = file_create(CODE_BYTES, &child_code);
	if (region < 0 || code < 0 || map_fixed(STATE_BASE, 4096, PROT_READ | PROT_WRITE, -1, 0) ||
		map_fixed(STUB_BASE, 4096, PROT_READ | PROT_WRITE, -1, 0))
		return -1;
	for (uint64_t delta = 0; delta <= HIGH_DELTA; delta += HIGH_DELTA) {
		if (map_fixed(CODE_BASE + delta, CODE_BYTES, PROT_READ | PROT_EXEC, code, 0))
			return -1;
		for (unsigned page = 0; page < REGION_PAGES; page++) {
			int protection = PROT_READ | (REGION_WRITABLE >> page & 1 ? PROT_WRITE : 0);
			if (REGION_MAPPED >> page & 1 &&
				map_fixed(REGION_BASE + delta + page * 4096, 4096, protection, region, page * 4096))
				return -1;
		}
	}
	memcpy((void *)(uintptr_t)STUB_BASE, oracle_stub_begin, (size_t)(oracle_stub_end - oracle_stub_begin));
	return mprotect((void *)(uintptr_t)STUB_BASE, 4096, PROT_READ | PROT_EXEC);
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
	if (memory_prepare())
		return -1;
	STATE->components = child_shared->layout.components;
	STATE->data = LDT_SELECTOR(LDT_DATA);
	STATE->other = LDT_SELECTOR(LDT_OTHER);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &STATE->host_fs);

	static uint8_t stack[65536]; /* the child's alone */
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_sigaction = native_has_long() ? oracle_signal_entry : native_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };
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
	native_layout_read(&shared->layout);
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
