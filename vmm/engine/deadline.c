/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The APIC timer's deadline, by the host's clock: a signal to the CPU's own thread ends guest code when it has come.
 * It costs no other thread a wake, and guest code no look at a clock.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* gettid */
#endif
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vmm/engine/vcpu.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Host ns.  A signal and what follows from it take 5 to 10 us; a guest with a shorter period is to get somewhere too.
 */
#define SIGNAL_GAP 50000u

static void deadline_signal(int number, siginfo_t *info, void *context)
{
	const struct vcpu *vcpu = info->si_value.sival_ptr;

	(void)number;
	(void)context;
	/* anybody may send a signal; the kernel alone gives it this code */
	if (info->si_code == SI_TIMER && vcpu)
		cpu_request(vcpu->cpu, CPU_REQUEST_EXIT);
}

int vcpu_deadline_open(struct vcpu *vcpu)
{
	struct sigaction action = { .sa_sigaction = deadline_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	sigset_t set;

	vcpu->signal_at = UINT64_MAX;
	event.sigev_value.sival_ptr = vcpu;
	event.sigev_notify_thread_id = gettid();
	sigfillset(&action.sa_mask);
	if (sigaction(SIGRTMIN, &action, NULL) < 0 || timer_create(CLOCK_MONOTONIC, &event, &vcpu->signal_timer) < 0)
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	vcpu->signals = true;
	return 0;
}

void vcpu_deadline_close(struct vcpu *vcpu)
{
	if (vcpu->signals)
		timer_delete(vcpu->signal_timer);
	vcpu->signals = false;
}

void vcpu_deadline_arm(struct vcpu *vcpu)
{
	uint64_t host = clock_host_deadline(vcpu->engine->config.clock, vcpu->apic_deadline), now = clock_host_now();
	struct itimerspec spec = { { 0 }, { 0 } };

	if (host == UINT64_MAX)
		return;
	if (vcpu->signal_at <= now) {
		vcpu->signal_last = now;
		vcpu->signal_at = UINT64_MAX;
	}
	if (host < vcpu->signal_last + SIGNAL_GAP)
		host = vcpu->signal_last + SIGNAL_GAP;
	/* A signal that comes too early does no harm, so that a deadline which is put off costs nothing. */
	if (vcpu->signal_at <= host)
		return;
	spec.it_value.tv_sec = (time_t)(host / 1000000000u);
	spec.it_value.tv_nsec = (long)(host % 1000000000u);
	timer_settime(vcpu->signal_timer, TIMER_ABSTIME, &spec, NULL);
	vcpu->signal_at = host;
}
