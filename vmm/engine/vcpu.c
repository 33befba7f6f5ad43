/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The thread of a virtual CPU. */
#include <errno.h>
#include <time.h>

#include "vmm/engine/vcpu.h"

/* Under clock = instructions, what the event loop has for us lands at multiples of this many instructions. */
#define COUNT_QUANTUM 100000u

void vcpu_kick(struct vcpu *vcpu)
{
	/* The request was set before this load, and the sleeper sets `halted` before it looks at requests. */
	if (!__atomic_load_n(&vcpu->halted, __ATOMIC_SEQ_CST))
		return;
	pthread_mutex_lock(&vcpu->mutex);
	pthread_cond_signal(&vcpu->wake);
	pthread_mutex_unlock(&vcpu->mutex);
}

uint64_t vcpu_count(void *self)
{
	const struct engine *engine = self;
	const struct vcpu *vcpu = &engine->vcpus[0];

	/* An instruction takes a nanosecond. */
	return __atomic_load_n(&vcpu->cpu->instructions, __ATOMIC_RELAXED) +
		__atomic_load_n(&vcpu->skipped, __ATOMIC_RELAXED);
}

/* Has the APIC timer's deadline passed?  Tell the CPU, once. */
static bool vcpu_deadline(struct vcpu *vcpu, uint64_t now)
{
	if (vcpu->apic_deadline > now)
		return false;
	vcpu->apic_deadline = UINT64_MAX;
	cpu_request(vcpu->cpu, CPU_REQUEST_TIMER);
	return true;
}

static int vcpu_wait(struct vcpu *vcpu, uint64_t deadline)
{
	struct timespec until = { (time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u) };

	if (deadline == UINT64_MAX)
		return pthread_cond_wait(&vcpu->wake, &vcpu->mutex);
	return pthread_cond_timedwait(&vcpu->wake, &vcpu->mutex, &until);
}

/* Sleep until there is a reason not to: an interrupt that the CPU would take, or the engine's wish. */
static void vcpu_sleep(struct vcpu *vcpu)
{
	const struct guest_clock *clock = vcpu->engine->config.clock;
	uint64_t start = clock_host_now(), deadline = clock_host_deadline(clock, vcpu->apic_deadline);

	pthread_mutex_lock(&vcpu->mutex);
	__atomic_store_n(&vcpu->halted, true, __ATOMIC_SEQ_CST);
	while (!vcpu->stop && !vcpu->quit && !cpu_wakes(vcpu->cpu) &&
		!__atomic_load_n(&vcpu->engine->wanted, __ATOMIC_ACQUIRE))
		if (vcpu_wait(vcpu, deadline) == ETIMEDOUT && vcpu_deadline(vcpu, clock_now(clock)))
			deadline = UINT64_MAX;
	__atomic_store_n(&vcpu->halted, false, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&vcpu->mutex);
	__atomic_fetch_add(&vcpu->idle, clock_host_now() - start, __ATOMIC_RELAXED);
}

/* Stand still while the engine is paused.  False: the thread shall end. */
static bool vcpu_park(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->mutex);
	while (vcpu->stop && !vcpu->quit) {
		if (!vcpu->parked) {
			vcpu->parked = true;
			pthread_cond_broadcast(&vcpu->parked_changed);
		}
		__atomic_store_n(&vcpu->halted, true, __ATOMIC_SEQ_CST);
		pthread_cond_wait(&vcpu->wake, &vcpu->mutex);
	}
	__atomic_store_n(&vcpu->halted, false, __ATOMIC_SEQ_CST);
	vcpu->parked = false;
	bool go = !vcpu->quit;

	pthread_mutex_unlock(&vcpu->mutex);
	return go;
}

/* clock = host: see to it that the APIC timer's deadline ends guest code. */
static uint64_t vcpu_watched(struct vcpu *vcpu)
{
	if (vcpu->apic_deadline != UINT64_MAX && !vcpu_deadline(vcpu, clock_now(vcpu->engine->config.clock)) &&
		vcpu->signals)
		vcpu_deadline_arm(vcpu);
	return UINT64_MAX;
}

/* clock = instructions: run what has come due, and say how far the CPU may go. */
static uint64_t vcpu_counted(struct vcpu *vcpu)
{
	struct engine_config *config = &vcpu->engine->config;
	uint64_t now, deadline;

	__atomic_store_n(&vcpu->engine->wanted, false, __ATOMIC_RELEASE);
	lock_acquire(config->lock);
	loop_deferred_run(config->loop);
	do {
		now = clock_now(config->clock);
		timer_set_run(config->timers, now);
		irq_lines_deliver(config->lines);
		deadline = timer_deadline(config->timers);
	} while (deadline <= now);
	lock_release(config->lock);
	uint64_t quantum = COUNT_QUANTUM - vcpu->cpu->instructions % COUNT_QUANTUM;

	return deadline - now < quantum ? deadline - now : quantum;
}

/* clock = instructions, HLT: nothing can happen before the next deadline, so it is now. */
static void vcpu_skip(struct vcpu *vcpu)
{
	struct engine_config *config = &vcpu->engine->config;
	uint64_t deadline = timer_deadline(config->timers), now = clock_now(config->clock);

	if (deadline == TIMER_NEVER)
		vcpu_sleep(vcpu);
	else if (deadline > now)
		__atomic_fetch_add(&vcpu->skipped, deadline - now, __ATOMIC_RELAXED);
}

void *vcpu_main(void *argument)
{
	struct vcpu *vcpu = argument;
	const struct engine_config *config = &vcpu->engine->config;

	if (!config->count_instructions)
		vcpu_deadline_open(vcpu);
	while (vcpu_park(vcpu)) {
		uint64_t budget = config->count_instructions ? vcpu_counted(vcpu) : vcpu_watched(vcpu);

		switch (cpu_run(vcpu->cpu, budget)) {
		case CPU_EXIT_HALT:
			if (config->count_instructions && !cpu_wakes(vcpu->cpu))
				vcpu_skip(vcpu);
			else
				vcpu_sleep(vcpu);
			break;
		case CPU_EXIT_SHUTDOWN: config->shutdown(config->self, vcpu->cpu->index); break;
		case CPU_EXIT_DEBUG:
			engine_stand(vcpu->engine);
			if (config->debug)
				config->debug(config->self, vcpu->cpu->index);
			break;
		case CPU_EXIT_REQUEST:
		case CPU_EXIT_BUDGET: break;
		}
	}
	vcpu_deadline_close(vcpu);
	return NULL;
}
