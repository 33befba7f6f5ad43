/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/engine/profile.h"

#include <errno.h>
#include <stdlib.h>

#include "vmm/engine/vcpu.h"

#define NS_PER_S UINT64_C(1000000000)

/* Its timer belongs to the event loop's thread; what it has gathered, to engine->profile_mutex. */
struct profile {
	struct engine *engine;
	struct timer timer;
	uint64_t period, next, end; /* host ns */
	uint64_t emptied;           /* what it was when this began */
	struct profile_counts counts;
	uint64_t ticks[ENGINE_CPUS_MAX]; /* that no sample has answered yet */
	unsigned first, waiting;         /* a ring */
	struct profile_sample samples[PROFILE_SAMPLES];
};

static uint64_t caches_emptied(const struct engine *engine)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < engine->count; i++)
		sum += cpu_blocks_emptied(engine->vcpus[i].cpu);
	return sum;
}

static void profile_ask(struct profile *profile, struct vcpu *vcpu, uint64_t ticks)
{
	uint64_t *due = &profile->ticks[vcpu->cpu->index];

	*due += ticks;
	if (!__atomic_load_n(&vcpu->halted, __ATOMIC_SEQ_CST)) {
		cpu_request(vcpu->cpu, CPU_REQUEST_SAMPLE);
		return;
	}
	cpu_request_clear(vcpu->cpu, CPU_REQUEST_SAMPLE);
	profile->counts.idle += *due;
	*due = 0;
}

static void profile_tick(void *self, uint64_t token)
{
	struct profile *profile = self;
	struct engine *engine = profile->engine;
	uint64_t now = clock_host_now(), ticks = 0;
	bool on;

	(void)token;
	/* A tick that comes late stands for those that were missed. */
	while (profile->next <= now) {
		profile->next += profile->period;
		ticks++;
	}
	on = profile->next < profile->end;
	pthread_mutex_lock(&engine->profile_mutex);
	for (unsigned i = 0; i < engine->count; i++)
		profile_ask(profile, &engine->vcpus[i], ticks);
	profile->counts.running = on;
	pthread_mutex_unlock(&engine->profile_mutex);
	timer_arm(&profile->timer, on ? profile->next : TIMER_NEVER);
}

void vcpu_sample(void *self, const struct cpu_sample *sample)
{
	struct vcpu *vcpu = self;
	struct engine *engine = vcpu->engine;
	unsigned index = vcpu->cpu->index;

	pthread_mutex_lock(&engine->profile_mutex);
	struct profile *profile = engine->profile;

	/* Without a tick, the sleep that came between has had it. */
	if (profile && profile->ticks[index]) {
		if (profile->waiting == PROFILE_SAMPLES)
			profile->counts.lost += profile->ticks[index];
		else
			profile->samples[(profile->first + profile->waiting++) % PROFILE_SAMPLES] =
				(struct profile_sample){ .cpu = index, .ticks = profile->ticks[index], .at = *sample };
		profile->ticks[index] = 0;
	}
	pthread_mutex_unlock(&engine->profile_mutex);
}

int profile_start(struct engine *engine, unsigned hz, unsigned depth, uint64_t ns)
{
	struct profile *profile;
	int error;

	if (!hz || hz > PROFILE_HZ_MAX || !depth || depth > SAMPLE_FRAMES || ns < NS_PER_S / hz)
		return -EINVAL;
	if (engine->profile && engine->profile->counts.running)
		return -EBUSY;
	profile_stop(engine);
	profile = calloc(1, sizeof(*profile));
	if (!profile)
		return -ENOMEM;
	error = timer_init(&profile->timer, loop_host_timers(engine->config.loop), profile_tick, profile, 0);
	if (error) {
		free(profile);
		return error;
	}
	profile->engine = engine;
	profile->period = NS_PER_S / hz;
	profile->next = clock_host_now() + profile->period;
	profile->end = profile->next + ns;
	profile->emptied = caches_emptied(engine);
	profile->counts.running = true;
	for (unsigned i = 0; i < engine->count; i++)
		__atomic_store_n(&engine->vcpus[i].cpu->sample_depth, depth, __ATOMIC_RELAXED);
	pthread_mutex_lock(&engine->profile_mutex);
	engine->profile = profile;
	pthread_mutex_unlock(&engine->profile_mutex);
	timer_arm(&profile->timer, profile->next);
	return 0;
}

void profile_stop(struct engine *engine)
{
	struct profile *profile = engine->profile;

	if (!profile)
		return;
	timer_destroy(&profile->timer);
	pthread_mutex_lock(&engine->profile_mutex);
	engine->profile = NULL;
	pthread_mutex_unlock(&engine->profile_mutex);
	free(profile);
}

int profile_read(struct engine *engine, struct profile_sample *samples, unsigned count, struct profile_counts *counts)
{
	struct profile *profile = engine->profile;
	unsigned done = 0;

	if (!profile)
		return -ENOENT;
	pthread_mutex_lock(&engine->profile_mutex);
	while (done < count && profile->waiting) {
		samples[done++] = profile->samples[profile->first];
		profile->first = (profile->first + 1) % PROFILE_SAMPLES;
		profile->waiting--;
	}
	*counts = profile->counts;
	counts->emptied = caches_emptied(engine) - profile->emptied;
	profile->counts.idle = profile->counts.lost = 0;
	pthread_mutex_unlock(&engine->profile_mutex);
	return (int)done;
}

void profile_code(struct engine *engine, translator_each *each, void *self)
{
	for (unsigned i = 0; i < engine->count; i++)
		translator_t1_code(engine->vcpus[i].cpu, each, self);
}
