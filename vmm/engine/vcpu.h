/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside vmm/engine. */
#ifndef VMM_ENGINE_VCPU_H
#define VMM_ENGINE_VCPU_H

#include <time.h>

#include "vmm/engine/engine.h"

struct cpu_sample;
struct profile;

struct vcpu {
	struct engine *engine;
	struct cpu *cpu;
	pthread_t thread;
	bool thread_made;
	struct timer apic_timer; /* clock = instructions */
	uint64_t apic_deadline;  /* guest time; own thread */
	timer_t signal_timer;    /* clock = host: ends guest code when the deadline has come; own thread */
	uint64_t signal_at;      /* what it is set to, host time */
	uint64_t signal_last;    /* when it was last seen to have fired */
	bool signals;            /* there is one */
	uint64_t skipped;        /* clock = instructions: guest ns that HLT skipped */
	uint64_t idle;           /* host ns halted; atomic */

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t wake;   /* for the CPU's thread */
	bool halted;           /* atomic: it sleeps or is about to */
	bool stop;             /* it shall park */
	bool quit;
	bool parked;
	pthread_cond_t parked_changed;
};

struct engine {
	struct engine_config config;
	struct vcpu vcpus[ENGINE_CPUS_MAX];
	unsigned count;
	bool running;
	bool wanted;     /* atomic: engine_wake was called */
	unsigned in_smm; /* how many CPUs are in system management mode; machine lock */
	unsigned lowest; /* where the search for a lowest-priority target goes on */
	pthread_mutex_t random_mutex;
	uint64_t random[4];
	struct profile *profile; /* set on the event loop's thread, under profile_mutex, a leaf; NULL: none */
	pthread_mutex_t profile_mutex;
};

/* bus.c */
void vcpu_bus(struct vcpu *vcpu, struct cpu_bus *bus);
/* deadline.c; on the CPU's thread */
int vcpu_deadline_open(struct vcpu *vcpu); /* negative errno: the event loop's timers have to do */
void vcpu_deadline_close(struct vcpu *vcpu);
void vcpu_deadline_arm(struct vcpu *vcpu);
/* vcpu.c */
void *vcpu_main(void *vcpu);
void vcpu_kick(struct vcpu *vcpu);
uint64_t vcpu_count(void *engine); /* guest time under clock = instructions */
/* profile.c */
void vcpu_sample(void *vcpu, const struct cpu_sample *sample);

#endif
