/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The lock, handles, timers, the clock and the event loop. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core_fixture.h"
#include "vmm/event/clock.h"
#include "vmm/event/handle.h"
#include "vmm/event/lock.h"
#include "vmm/event/loop.h"
#include "vmm/event/timer.h"

#define MS UINT64_C(1000000)

static struct machine_lock lock;
static struct event_loop *loop;
static char said[512];

static void say(const char *word)
{
	strncat(said, word, sizeof(said) - strlen(said) - 1);
}

static void begin(void)
{
	said[0] = 0;
	ck_assert_int_eq(lock_init(&lock), 0);
	ck_assert_int_eq(loop_new(&lock, &loop), 0);
}

static void end(void)
{
	loop_free(loop);
	lock_destroy(&lock);
}

static void release_hook(void *self)
{
	unsigned *count = self;

	ck_assert(lock_held(&lock));
	ck_assert_uint_eq(lock.depth, 1);
	/* What it does may take the lock again. */
	lock_acquire(&lock);
	lock_release(&lock);
	++*count;
}

static void *lock_elsewhere(void *self)
{
	unsigned *count = self;

	ck_assert(!lock_held(&lock));
	for (unsigned i = 0; i < 10000; i++) {
		lock_acquire(&lock);
		++*count;
		lock_release(&lock);
	}
	return NULL;
}

START_TEST(locking)
{
	unsigned hooks = 0, count = 0;
	pthread_t threads[3];

	lock.release = release_hook;
	lock.release_self = &hooks;
	ck_assert(!lock_held(&lock));
	lock_acquire(&lock);
	lock_acquire(&lock);
	ck_assert(lock_held(&lock));
	lock_release(&lock);
	ck_assert(lock_held(&lock));
	ck_assert_uint_eq(hooks, 0);
	lock_release(&lock);
	ck_assert_uint_eq(hooks, 1);
	ck_assert(!lock_held(&lock));
	lock.release = NULL;
	lock_acquire(&lock);
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, lock_elsewhere, &count);
	usleep(10000);
	ck_assert_uint_eq(count, 0);
	lock_release(&lock);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(count, 30000);
}
END_TEST

START_TEST(handles)
{
	struct handle_table table = { 0 };
	int objects[100];
	uint64_t names[100], old, name;
	uint32_t cursor = 0;
	unsigned count = 0;

	ck_assert_ptr_null(handle_get(&table, 0));
	ck_assert_ptr_null(handle_get(&table, 1));
	for (unsigned i = 0; i < 100; i++) {
		names[i] = handle_add(&table, &objects[i]);
		ck_assert_uint_ne(names[i], 0);
	}
	for (unsigned i = 0; i < 100; i++)
		ck_assert_ptr_eq(handle_get(&table, names[i]), &objects[i]);
	old = names[50];
	ck_assert_ptr_eq(handle_remove(&table, old), &objects[50]);
	ck_assert_ptr_null(handle_get(&table, old));
	ck_assert_ptr_null(handle_remove(&table, old));
	/* The place is used again; the old name stays dead. */
	names[50] = handle_add(&table, &objects[0]);
	ck_assert_uint_eq((uint32_t)names[50], (uint32_t)old);
	ck_assert_uint_ne(names[50], old);
	ck_assert_ptr_null(handle_get(&table, old));
	ck_assert_ptr_null(handle_get(&table, names[99] + 1));
	ck_assert_ptr_null(handle_get(&table, UINT64_MAX));
	handle_remove(&table, names[0]);
	while (handle_next(&table, &cursor, &name)) {
		ck_assert_ptr_nonnull(handle_get(&table, name));
		count++;
	}
	ck_assert_uint_eq(count, 99);
	handle_table_free(&table);
}
END_TEST

static struct timer_set set;
static struct timer timers[8];

static void timer_say(void *self, uint64_t token)
{
	char word[2] = { (char)('a' + token) };

	(void)self;
	say(word);
}

static void timer_again(void *self, uint64_t token)
{
	timer_say(NULL, token);
	timer_arm(self, 0);
}

static void timer_kill(void *self, uint64_t token)
{
	timer_say(NULL, token);
	timer_arm(self, TIMER_NEVER);
}

START_TEST(timing)
{
	ck_assert_int_eq(timer_set_init(&set), 0);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_int_eq(timer_init(&timers[i], &set, timer_say, NULL, i), 0);
	ck_assert_uint_eq(timer_deadline(&set), TIMER_NEVER);
	ck_assert_uint_eq(timer_set_run(&set, UINT64_MAX - 1), 0);
	timer_arm(&timers[0], 30);
	timer_arm(&timers[1], 10);
	timer_arm(&timers[2], 20);
	timer_arm(&timers[3], 10); /* equal: in the order of arming */
	timer_arm(&timers[4], 10);
	timer_arm(&timers[1], 10); /* armed anew: now the last of these */
	ck_assert_uint_eq(timer_deadline(&set), 10);
	ck_assert_uint_eq(timer_set_run(&set, 9), 0);
	ck_assert_uint_eq(timer_set_run(&set, 20), 4);
	ck_assert_str_eq(said, "debc");
	timer_arm(&timers[0], TIMER_NEVER);
	ck_assert_uint_eq(timer_set_run(&set, 100), 0);
	/* One that arms itself for the past runs once a call, and keeps nobody back. */
	said[0] = 0;
	timers[5].callback = timer_again;
	timers[5].self = &timers[5];
	timer_arm(&timers[5], 1);
	timer_arm(&timers[6], 2);
	timer_arm(&timers[7], 3);
	ck_assert_uint_eq(timer_set_run(&set, 100), 3);
	ck_assert_str_eq(said, "fgh");
	ck_assert_uint_eq(timer_set_run(&set, 100), 1);
	/* A callback may end another that has expired too. */
	said[0] = 0;
	timers[5].callback = timer_kill;
	timers[5].self = &timers[6];
	timer_arm(&timers[6], 2);
	ck_assert_uint_eq(timer_set_run(&set, 100), 1);
	ck_assert_str_eq(said, "f");
	timer_arm(&timers[2], 5);
	timer_destroy(&timers[2]);
	ck_assert_uint_eq(timer_deadline(&set), TIMER_NEVER);
	for (unsigned i = 0; i < 8; i++)
		if (i != 2)
			timer_destroy(&timers[i]);
	timer_set_destroy(&set);
}
END_TEST

static uint64_t last_deadline;
static unsigned many_run;

static void timer_ordered(void *self, uint64_t token)
{
	(void)self;
	ck_assert_uint_ge(token, last_deadline);
	last_deadline = token;
	many_run++;
}

START_TEST(many_timers)
{
	static struct timer many[500];
	unsigned armed = 0;

	timer_set_init(&set);
	srand(7);
	for (unsigned i = 0; i < 500; i++)
		ck_assert_int_eq(timer_init(&many[i], &set, timer_ordered, NULL, 0), 0);
	for (unsigned i = 0; i < 5000; i++) {
		struct timer *timer = &many[rand() % 500];

		timer->token = (uint64_t)rand() % 1000;
		timer_arm(timer, rand() % 3 ? timer->token : TIMER_NEVER);
	}
	for (unsigned i = 0; i < 500; i++)
		armed += many[i].deadline != TIMER_NEVER;
	ck_assert_uint_eq(timer_set_run(&set, 1000), armed);
	ck_assert_uint_eq(many_run, armed);
	for (unsigned i = 0; i < 500; i++)
		timer_destroy(&many[i]);
	timer_set_destroy(&set);
}
END_TEST

static uint64_t count_time(void *self)
{
	return *(uint64_t *)self;
}

START_TEST(clocks)
{
	struct guest_clock clock;
	uint64_t now, counted = 42;

	clock_init(&clock, 5);
	ck_assert_uint_eq(clock_now(&clock), 0);
	ck_assert_uint_eq(clock_host_deadline(&clock, 1), UINT64_MAX);
	clock_start(&clock);
	clock_start(&clock);
	usleep(2000);
	now = clock_now(&clock);
	ck_assert(now >= 2 * MS && now < 10000 * MS);
	uint64_t host = clock_host_now(), due = clock_host_deadline(&clock, now + 1000 * MS);

	ck_assert(due <= host + 1000 * MS && due > host + 900 * MS);
	ck_assert_uint_eq(clock_host_deadline(&clock, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_lt(clock_host_deadline(&clock, UINT64_MAX - 1), UINT64_MAX);
	clock_stop(&clock);
	now = clock_now(&clock);
	usleep(2000);
	ck_assert_uint_eq(clock_now(&clock), now);
	clock_set(&clock, 77);
	ck_assert_uint_eq(clock_now(&clock), 77);
	clock_start(&clock);
	ck_assert_uint_lt(clock_now(&clock), 10000 * MS);
	clock.count = count_time;
	clock.count_self = &counted;
	ck_assert_uint_eq(clock_now(&clock), 42);
	ck_assert_uint_eq(clock_host_deadline(&clock, 50), UINT64_MAX);
}
END_TEST

static uint64_t watches[2];
static int pipes[2][2];

static void pipe_ready(void *self, uint64_t token, uint32_t events)
{
	ck_assert(lock_held(&lock));
	(void)self;
	if (events & LOOP_READ)
		say(token ? "B" : "A");
	if (events & LOOP_HANGUP)
		say("h");
	/* The other one is in the same batch: it must not be called any more. */
	loop_unwatch(loop, watches[!token]);
	loop_unwatch(loop, watches[token]);
	loop_quit(loop);
}

START_TEST(watching)
{
	uint64_t bad;

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(pipe(pipes[i]), 0);
		ck_assert_int_eq(write(pipes[i][1], "x", 1), 1);
		ck_assert_int_eq(loop_watch(loop, pipes[i][0], LOOP_READ, pipe_ready, NULL, i, &watches[i]), 0);
	}
	ck_assert_int_eq(loop_watch(loop, -1, LOOP_READ, pipe_ready, NULL, 0, &bad), -EBADF);
	ck_assert_int_eq(loop_watch_modify(loop, 12345, LOOP_READ), -ENOENT);
	said[0] = 0;
	loop_run(loop);
	ck_assert_uint_eq(strlen(said), 1);
	loop_unwatch(loop, watches[0]);
	/* Interest can be put off; a hang-up is told. */
	ck_assert_int_eq(loop_watch(loop, pipes[1][0], LOOP_READ, pipe_ready, NULL, 1, &watches[1]), 0);
	ck_assert_int_eq(loop_watch_modify(loop, watches[1], 0), 0);
	close(pipes[1][1]);
	said[0] = 0;
	loop_run(loop);
	ck_assert_str_eq(said, "h");
	close(pipes[0][0]);
	close(pipes[0][1]);
	close(pipes[1][0]);
}
END_TEST

static void call_say(void *self, uint64_t token)
{
	timer_say(self, token);
	if (token == 25)
		loop_quit(loop);
}

static void call_again(void *self, uint64_t token)
{
	(void)self;
	timer_say(NULL, token);
	loop_defer(loop, NULL, token ? call_again : call_say, NULL, token ? token - 1 : 25);
}

START_TEST(deferring)
{
	int mine, theirs;

	for (uint64_t i = 0; i < 6; i++)
		ck_assert_int_eq(loop_defer(loop, i % 2 ? &mine : &theirs, call_say, NULL, i), 0);
	loop_cancel(loop, &mine);
	loop_defer(loop, &mine, call_say, NULL, 6);
	lock_acquire(&lock);
	ck_assert_uint_eq(loop_deferred_run(loop), 4);
	ck_assert_str_eq(said, "aceg");
	/* The last one cancelled: the next is still found. */
	loop_defer(loop, &theirs, call_say, NULL, 0);
	loop_defer(loop, &mine, call_say, NULL, 1);
	loop_cancel(loop, &mine);
	loop_defer(loop, &theirs, call_say, NULL, 2);
	said[0] = 0;
	ck_assert_uint_eq(loop_deferred_run(loop), 2);
	ck_assert_str_eq(said, "ac");
	/* What is deferred in a call waits for the next round. */
	said[0] = 0;
	loop_defer(loop, NULL, call_again, NULL, 2);
	ck_assert_uint_eq(loop_deferred_run(loop), 1);
	ck_assert_str_eq(said, "c");
	lock_release(&lock);
	loop_run(loop);
	ck_assert_str_eq(said, "cbaz");
	/* What waits when the loop goes is dropped. */
	loop_defer(loop, NULL, call_say, NULL, 1);
}
END_TEST

static int32_t work(void *self, uint64_t token)
{
	(void)self;
	ck_assert(!lock_held(&lock));
	usleep(1000 * (unsigned)(token % 5));
	return (int32_t)token * 2;
}

static unsigned works_done;

static void work_done(void *self, uint64_t token, int32_t status)
{
	(void)self;
	ck_assert(lock_held(&lock));
	ck_assert_int_eq(status, (int32_t)token * 2);
	works_done++;
}

START_TEST(workers)
{
	int mine, theirs;

	for (unsigned i = 0; i < 50; i++)
		ck_assert_int_eq(loop_work(loop, i % 2 ? &mine : &theirs, work, work_done, NULL, i), 0);
	/* What is cancelled is deferred calls, not work. */
	lock_acquire(&lock);
	loop_cancel(loop, &mine);
	loop_workers_wait(loop, &mine);
	ck_assert_uint_ge(works_done, 25);
	loop_workers_wait(loop, NULL);
	ck_assert_uint_eq(works_done, 50);
	loop_workers_wait(loop, &mine);
	lock_release(&lock);
}
END_TEST

static void *arm_later(void *self)
{
	usleep(20000);
	timer_arm(self, clock_host_now());
	return NULL;
}

static void timer_quit(void *self, uint64_t token)
{
	ck_assert(lock_held(&lock));
	timer_say(self, token);
	loop_quit(loop);
}

/* The guest's timers wait while its clock stands; the host's do not; one armed elsewhere wakes the loop. */
START_TEST(loop_timers)
{
	struct guest_clock clock;
	struct timer guest, host, elsewhere;
	pthread_t thread;

	clock_init(&clock, 0);
	timer_set_init(&set);
	loop_guest_timers(loop, &set, &clock);
	timer_init(&guest, &set, timer_quit, NULL, 0);
	timer_init(&host, loop_host_timers(loop), timer_quit, NULL, 1);
	timer_init(&elsewhere, loop_host_timers(loop), timer_quit, NULL, 2);
	timer_arm(&guest, 0);
	timer_arm(&host, clock_host_now() + 20 * MS);
	loop_run(loop);
	ck_assert_str_eq(said, "b");
	ck_assert_uint_eq(guest.deadline, 0);
	clock_start(&clock);
	loop_run(loop);
	ck_assert_str_eq(said, "ba");
	timer_arm(&guest, clock_now(&clock) + 10 * MS);
	uint64_t start = clock_host_now();

	loop_run(loop);
	ck_assert_str_eq(said, "baa");
	ck_assert_uint_ge(clock_host_now() - start, 10 * MS - 1);
	timer_arm(&guest, clock_now(&clock) + 3600000 * MS);
	pthread_create(&thread, NULL, arm_later, &elsewhere);
	loop_run(loop);
	pthread_join(thread, NULL);
	ck_assert_str_eq(said, "baac");
	/* Asked to end before it begins, it ends at once, and can run again. */
	loop_quit(loop);
	loop_run(loop);
	timer_arm(&host, 0);
	loop_run(loop);
	ck_assert_str_eq(said, "baacb");
	timer_destroy(&guest);
	timer_destroy(&host);
	timer_destroy(&elsewhere);
	timer_set_destroy(&set);
}
END_TEST

static void idle_say(void *self)
{
	ck_assert(!lock_held(&lock));
	say("i");
	if (++*(unsigned *)self == 2)
		loop_quit(loop);
}

static void elsewhere_say(void *self)
{
	(void)self;
	say("e");
	lock_acquire(&lock);
	loop_deferred_run(loop);
	lock_release(&lock);
}

START_TEST(idle_and_elsewhere)
{
	unsigned rounds = 0;

	loop_idle(loop, idle_say, &rounds);
	loop_deferred_elsewhere(loop, elsewhere_say, NULL);
	loop_defer(loop, NULL, call_say, NULL, 0);
	loop_defer(loop, NULL, call_again, NULL, 1);
	loop_run(loop);
	ck_assert_str_eq(said, "eabieai");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_event");
	TCase *cases = tcase_create("event");

	tcase_set_timeout(cases, 30);
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, locking);
	tcase_add_test(cases, handles);
	tcase_add_test(cases, timing);
	tcase_add_test(cases, many_timers);
	tcase_add_test(cases, clocks);
	tcase_add_test(cases, watching);
	tcase_add_test(cases, deferring);
	tcase_add_test(cases, workers);
	tcase_add_test(cases, loop_timers);
	tcase_add_test(cases, idle_and_elsewhere);
	suite_add_tcase(suite, cases);
	return fixture_run(suite);
}
