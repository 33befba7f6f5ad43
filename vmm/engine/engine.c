/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/engine/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "vmm/cpu/apic.h"
#include "vmm/engine/profile.h"
#include "vmm/engine/vcpu.h"
#include "vmm/translate/lockstep.h"
#include "vmm/translate/translate.h"

static void engine_request(struct engine *engine, uint32_t bits)
{
	for (unsigned i = 0; i < engine->count; i++) {
		cpu_request(engine->vcpus[i].cpu, bits);
		vcpu_kick(&engine->vcpus[i]);
	}
}

static void engine_apic_timer(void *self, uint64_t token)
{
	struct vcpu *vcpu = self;

	(void)token;
	cpu_request(vcpu->cpu, CPU_REQUEST_TIMER);
	vcpu_kick(vcpu);
}

/* A timer was armed nearer than before: under clock = instructions the CPU must not run past it. */
static void engine_timers_changed(void *self)
{
	struct engine *engine = self;

	cpu_request(engine->vcpus[0].cpu, CPU_REQUEST_EXIT);
	vcpu_kick(&engine->vcpus[0]);
}

static void engine_flush_watch(void *self)
{
	engine_flush(self);
}

static void engine_code_watch(void *self, const uint32_t *version)
{
	struct engine *engine = self;

	/* A CPU that sleeps looks when it wakes. */
	for (unsigned i = 0; i < engine->count; i++)
		cpu_code_changed(engine->vcpus[i].cpu, version);
}

static void engine_seed(struct engine *engine)
{
	uint64_t state = engine->config.seed;

	if (!engine->config.count_instructions) {
		if (getrandom(engine->random, sizeof(engine->random), 0) == sizeof(engine->random))
			return;
		state = clock_host_now();
	}
	/* splitmix64 (Steele, Lea, Flood 2014) spreads a seed over xoshiro's state. */
	for (unsigned i = 0; i < 4; i++) {
		uint64_t z = state += 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		engine->random[i] = z ^ z >> 31;
	}
}

#define LOOP_HOT 400u /* rounds before a loop is worth being a superblock */

static void engine_hold(void *self)
{
	lock_acquire(((struct engine *)self)->config.lock);
}

static void engine_release(void *self)
{
	lock_release(((struct engine *)self)->config.lock);
}

static void engine_difference(void *self, const char *text)
{
	const struct engine_config *config = &((struct engine *)self)->config;

	if (config->difference)
		config->difference(config->self, text);
}

/* Devices write to the guest's memory with the machine lock held: not between the tiers. */
static int engine_lockstep_create(struct engine *engine, struct cpu *cpu)
{
	const struct lockstep_config config = {
		/* when instructions are counted the CPU's own thread runs the devices */
		.hold = engine->config.count_instructions ? NULL : engine_hold,
		.release = engine->config.count_instructions ? NULL : engine_release,
		.report = engine_difference,
		.self = engine,
	};

	return translator_lockstep_create(cpu, engine->config.cache, &config);
}

uint64_t engine_lockstep(const struct engine *engine, char *text, size_t size)
{
	struct lockstep_statistics sum = { 0 };
	int used;

	for (unsigned i = 0; i < engine->count; i++) {
		struct lockstep_statistics one;

		translator_lockstep_statistics(engine->vcpus[i].cpu, &one);
		sum.blocks += one.blocks;
		sum.instructions += one.instructions;
		sum.differences += one.differences;
		for (unsigned reason = 0; reason < LOCKSTEP_REASONS; reason++)
			sum.not_compared[reason] += one.not_compared[reason];
	}
	used = snprintf(text, size,
		"lockstep: %llu blocks, %llu instructions compared, %llu differences; not compared:",
		(unsigned long long)sum.blocks, (unsigned long long)sum.instructions,
		(unsigned long long)sum.differences);
	for (unsigned reason = 0; reason < LOCKSTEP_REASONS; reason++)
		if (used > 0 && (size_t)used < size)
			used += snprintf(text + used, size - (size_t)used, "%s %llu %s", reason ? "," : "",
				(unsigned long long)sum.not_compared[reason],
				lockstep_reason_name((enum lockstep_reason)reason));
	return sum.differences;
}

static int vcpu_init(struct vcpu *vcpu, struct engine *engine, unsigned index)
{
	const struct engine_config *config = &engine->config;
	struct cpu_config cpu = {
		.index = index,
		.count = config->cpu_count,
		.model = config->cpu_model,
		.tsc_hz = config->tsc_hz,
		.apic = config->apic,
		.mitigations = config->mitigations,
	};
	pthread_condattr_t monotonic;
	int error;

	vcpu->engine = engine;
	vcpu->stop = true;
	pthread_mutex_init(&vcpu->mutex, NULL);
	/* Deadlines are CLOCK_MONOTONIC's. */
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&vcpu->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	vcpu->apic_deadline = UINT64_MAX;
	pthread_cond_init(&vcpu->parked_changed, NULL);
	error = timer_init(&vcpu->apic_timer, config->timers, engine_apic_timer, vcpu, 0);
	if (error)
		return error;
	vcpu_bus(vcpu, &cpu.bus);
	error = cpu_create(&cpu, &vcpu->cpu);
	/* A host that lets nobody make code has the interpreter still. */
	if (!error && config->lockstep)
		error = engine_lockstep_create(engine, vcpu->cpu);
	else if (!error && config->translate)
		translator_t1_create(vcpu->cpu, config->cache, config->hot, config->superblocks ? LOOP_HOT : 0,
			config->count_instructions);
	if (error)
		timer_destroy(&vcpu->apic_timer);
	else
		vcpu->cpu->trace_self = config->self;
	if (!error)
		vcpu->cpu->trace_log = config->trace;
	return error;
}

int engine_new(const struct engine_config *config, struct engine **result)
{
	struct engine *engine;
	int error = 0;

	if (config->cpu_count < 1 || config->cpu_count > ENGINE_CPUS_MAX)
		return -ENOTSUP;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return -ENOMEM;
	engine->config = *config;
	pthread_mutex_init(&engine->random_mutex, NULL);
	pthread_mutex_init(&engine->profile_mutex, NULL);
	engine_seed(engine);
	for (unsigned i = 0; i < config->cpu_count && !error; i++) {
		error = vcpu_init(&engine->vcpus[i], engine, i);
		if (!error)
			engine->count++;
	}
	if (error) {
		engine_free(engine);
		return error;
	}
	memory_space_watch(config->memory, engine_flush_watch, engine);
	memory_space_watch_code(config->memory, engine_code_watch, engine);
	if (config->count_instructions) {
		config->clock->count_self = engine;
		config->clock->count = vcpu_count;
		config->timers->changed_self = engine;
		config->timers->changed = engine_timers_changed;
	}
	*result = engine;
	return 0;
}

void engine_free(struct engine *engine)
{
	if (!engine)
		return;
	if (engine->running)
		engine_pause(engine);
	memory_space_watch(engine->config.memory, NULL, NULL);
	memory_space_watch_code(engine->config.memory, NULL, NULL);
	if (engine->config.count_instructions) {
		engine->config.clock->count = NULL;
		engine->config.timers->changed = NULL;
	}
	for (unsigned i = 0; i < engine->count; i++) {
		struct vcpu *vcpu = &engine->vcpus[i];

		if (vcpu->thread_made) {
			pthread_mutex_lock(&vcpu->mutex);
			vcpu->quit = true;
			pthread_cond_signal(&vcpu->wake);
			pthread_mutex_unlock(&vcpu->mutex);
			pthread_join(vcpu->thread, NULL);
		}
		timer_destroy(&vcpu->apic_timer);
		cpu_destroy(vcpu->cpu);
		pthread_cond_destroy(&vcpu->wake);
		pthread_cond_destroy(&vcpu->parked_changed);
		pthread_mutex_destroy(&vcpu->mutex);
	}
	profile_stop(engine);
	pthread_mutex_destroy(&engine->profile_mutex);
	pthread_mutex_destroy(&engine->random_mutex);
	free(engine);
}

static int vcpu_thread(struct vcpu *vcpu)
{
	sigset_t all, old;
	int error;

	if (vcpu->thread_made)
		return 0;
	sigfillset(&all);
	/* Faults of the host's own are not to be put off. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&vcpu->thread, NULL, vcpu_main, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	vcpu->thread_made = !error;
	return -error;
}

int engine_start(struct engine *engine)
{
	for (unsigned i = 0; i < engine->count; i++) {
		int error = vcpu_thread(&engine->vcpus[i]);

		if (error)
			return error;
	}
	engine->running = true;
	for (unsigned i = 0; i < engine->count; i++) {
		struct vcpu *vcpu = &engine->vcpus[i];

		pthread_mutex_lock(&vcpu->mutex);
		vcpu->stop = false;
		pthread_cond_signal(&vcpu->wake);
		pthread_mutex_unlock(&vcpu->mutex);
	}
	return 0;
}

void engine_stand(struct engine *engine)
{
	for (unsigned i = 0; i < engine->count; i++) {
		struct vcpu *vcpu = &engine->vcpus[i];

		pthread_mutex_lock(&vcpu->mutex);
		vcpu->stop = true;
		cpu_request(vcpu->cpu, CPU_REQUEST_EXIT);
		pthread_cond_signal(&vcpu->wake);
		pthread_mutex_unlock(&vcpu->mutex);
	}
}

void engine_pause(struct engine *engine)
{
	if (!engine->running)
		return;
	engine_stand(engine);
	for (unsigned i = 0; i < engine->count; i++) {
		struct vcpu *vcpu = &engine->vcpus[i];

		pthread_mutex_lock(&vcpu->mutex);
		while (!vcpu->parked)
			pthread_cond_wait(&vcpu->parked_changed, &vcpu->mutex);
		pthread_mutex_unlock(&vcpu->mutex);
	}
	engine->running = false;
}

void engine_reset(struct engine *engine)
{
	engine->in_smm = 0;
	for (unsigned i = 0; i < engine->count; i++) {
		struct vcpu *vcpu = &engine->vcpus[i];
		uint64_t instructions = vcpu->cpu->instructions;

		timer_arm(&vcpu->apic_timer, TIMER_NEVER);
		vcpu->apic_deadline = UINT64_MAX;
		cpu_request_clear(vcpu->cpu, UINT32_MAX);
		cpu_reset(vcpu->cpu, false);
		/* Counted time goes on through a reset. */
		vcpu->cpu->instructions = instructions;
	}
}

void engine_trace_set(struct engine *engine, uint32_t trace)
{
	for (unsigned i = 0; i < engine->count; i++)
		engine->vcpus[i].cpu->trace = trace;
}

void engine_intr(struct engine *engine, bool level)
{
	/* LINT0 of the boot processor only, as boards wire it. */
	struct vcpu *vcpu = &engine->vcpus[0];

	if (!level) {
		cpu_request_clear(vcpu->cpu, CPU_REQUEST_INTR);
		return;
	}
	cpu_request(vcpu->cpu, CPU_REQUEST_INTR);
	vcpu_kick(vcpu);
}

void engine_message(struct engine *engine, uint64_t address, uint32_t data)
{
	uint32_t destination = (uint32_t)(address >> 12) & 0xff;
	bool logical = address >> 2 & 1;
	unsigned delivery = data >> 8 & 7;

	if (address >> 20 != 0xfee)
		return;
	if (destination == 0xff)
		destination = UINT32_MAX;
	for (unsigned n = 0; n < engine->count; n++) {
		unsigned i = (engine->lowest + n) % engine->count;
		struct vcpu *vcpu = &engine->vcpus[i];

		if (!apic_matches(vcpu->cpu, destination, logical))
			continue;
		apic_post(vcpu->cpu, (uint8_t)data, delivery, data >> 15 & 1);
		vcpu_kick(vcpu);
		if (delivery == 1) {
			engine->lowest = i + 1;
			break;
		}
	}
}

void engine_nmi(struct engine *engine)
{
	cpu_request(engine->vcpus[0].cpu, CPU_REQUEST_NMI);
	vcpu_kick(&engine->vcpus[0]);
}

void engine_smi(struct engine *engine)
{
	engine_request(engine, CPU_REQUEST_SMI);
}

void engine_ignne(struct engine *engine, bool level)
{
	struct vcpu *vcpu = &engine->vcpus[0];

	__atomic_store_n(&vcpu->cpu->ignne, level, __ATOMIC_SEQ_CST);
	vcpu_kick(vcpu);
}

void engine_init(struct engine *engine)
{
	engine_request(engine, CPU_REQUEST_INIT);
}

void engine_a20(struct engine *engine, bool enabled)
{
	for (unsigned i = 0; i < engine->count; i++)
		engine->vcpus[i].cpu->a20_mask_next = enabled ? UINT64_MAX : ~(UINT64_C(1) << 20);
	engine_request(engine, CPU_REQUEST_A20);
}

void engine_flush(struct engine *engine)
{
	engine_request(engine, CPU_REQUEST_FLUSH);
}

void engine_wake(struct engine *engine)
{
	__atomic_store_n(&engine->wanted, true, __ATOMIC_RELEASE);
	engine_request(engine, CPU_REQUEST_EXIT);
}

static uint64_t rotate_left(uint64_t value, unsigned count)
{
	return value << count | value >> (64 - count);
}

/* xoshiro256** (Blackman, Vigna 2018). */
static uint64_t engine_random_next(uint64_t s[4])
{
	uint64_t result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

void engine_random(struct engine *engine, void *data, uint64_t length)
{
	uint8_t *bytes = data;

	/* A guest may make keys of these: the host's own source, unless the run must repeat. */
	if (!engine->config.count_instructions) {
		while (length) {
			ssize_t got = getrandom(bytes, length < 256 ? length : 256, 0);

			if (got <= 0)
				break;
			bytes += got;
			length -= (uint64_t)got;
		}
	}
	pthread_mutex_lock(&engine->random_mutex);
	while (length) {
		uint64_t value = engine_random_next(engine->random);
		uint64_t size = length < 8 ? length : 8;

		memcpy(bytes, &value, size);
		bytes += size;
		length -= size;
	}
	pthread_mutex_unlock(&engine->random_mutex);
}

uint64_t engine_instructions(const struct engine *engine)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < engine->count; i++)
		sum += __atomic_load_n(&engine->vcpus[i].cpu->instructions, __ATOMIC_RELAXED);
	return sum;
}

bool engine_counts(const struct engine *engine)
{
	return engine->config.count_instructions || !engine->vcpus[0].cpu->translator;
}

uint64_t engine_idle(const struct engine *engine)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < engine->count; i++)
		sum += __atomic_load_n(&engine->vcpus[i].idle, __ATOMIC_RELAXED);
	return sum;
}

unsigned engine_count(const struct engine *engine)
{
	return engine->count;
}

void engine_statistics(const struct engine *engine, unsigned cpu, statistics_each *each, void *self)
{
	if (cpu < engine->count)
		cpu_statistics(engine->vcpus[cpu].cpu, each, self);
}

const char *engine_tier(const struct engine *engine)
{
	if (!engine->vcpus[0].cpu->translator)
		return "T0";
	return engine->config.superblocks ? "T2" : "T1";
}

struct cpu *engine_cpu(struct engine *engine, unsigned index)
{
	return index < engine->count ? engine->vcpus[index].cpu : NULL;
}

int engine_save(struct engine *engine, struct state_writer *writer)
{
	state_section_begin(writer, ".engine", "core.engine", 1);
	state_put_u64(writer, "cpu_count", engine->count);
	state_put_u64(writer, "skipped", engine->vcpus[0].skipped);
	state_put_bytes(
		writer, "random", engine->random, engine->config.count_instructions ? sizeof(engine->random) : 0);
	state_section_end(writer);
	for (unsigned i = 0; i < engine->count; i++) {
		char name[16];
		int error;

		snprintf(name, sizeof(name), ".cpu%u", i);
		state_section_begin(writer, name, "core.cpu", 1);
		error = cpu_save(engine->vcpus[i].cpu, writer);
		state_section_end(writer);
		if (error)
			return error;
	}
	return state_writer_error(writer);
}

int engine_load(struct engine *engine, struct state_reader *reader)
{
	uint64_t count = 0;
	int error = state_section_open(reader, ".engine", NULL, NULL);

	if (error)
		return error;
	state_get_u64(reader, "cpu_count", &count);
	state_get_u64(reader, "skipped", &engine->vcpus[0].skipped);
	if (state_length(reader, "random") == sizeof(engine->random))
		state_get_bytes(reader, "random", engine->random, sizeof(engine->random));
	else
		state_get_bytes(reader, "random", engine->random, 0);
	error = state_section_close(reader);
	if (!error && count != engine->count)
		error = -EINVAL;
	engine->in_smm = 0;
	for (unsigned i = 0; i < engine->count && !error; i++) {
		char name[16];
		uint32_t version;

		snprintf(name, sizeof(name), ".cpu%u", i);
		error = state_section_open(reader, name, NULL, &version);
		if (error)
			break;
		error = cpu_load(engine->vcpus[i].cpu, reader);
		engine->in_smm += engine->vcpus[i].cpu->in_smm;
		if (!error)
			error = state_section_close(reader);
	}
	return error;
}
