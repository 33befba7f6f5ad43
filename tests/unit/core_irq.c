/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Interrupt lines. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core_fixture.h"
#include "vmm/engine/irq.h"

static struct machine_lock lock;
static struct event_loop *loop;
static struct irq_lines *lines;
static char told[512];
static struct irq_controller first, second;

static void hook(void *self)
{
	(void)self;
	irq_lines_deliver(lines);
}

static void line_told(void *self, uint32_t line, uint32_t level)
{
	size_t length = strlen(told);

	ck_assert(lock_held(&lock));
	snprintf(told + length, sizeof(told) - length, "%s%u%c ", (const char *)self, line, level ? '+' : '-');
}

static void trigger_told(void *self, uint32_t line, uint32_t level_triggered)
{
	size_t length = strlen(told);

	snprintf(
		told + length, sizeof(told) - length, "%s%u%c ", (const char *)self, line, level_triggered ? 'L' : 'E');
}

static int32_t acknowledge(void *self)
{
	(void)self;
	return 0x123;
}

static void eoi(void *self, uint32_t vector)
{
	trigger_told(self, vector, 0);
}

static void begin(void)
{
	told[0] = 0;
	lock_init(&lock);
	ck_assert_int_eq(loop_new(&lock, &loop), 0);
	ck_assert_int_eq(irq_lines_new(&lock, loop, &lines), 0);
	lock.release = hook;
	first = (struct irq_controller){ .self = (void *)(uintptr_t) "", .line = line_told, .trigger = trigger_told };
	lock_acquire(&lock);
	irq_controller_add(lines, &first);
}

static void end(void)
{
	irq_controller_remove(lines, &first);
	lock.release = NULL;
	irq_lines_free(lines);
	lock_release(&lock);
	loop_free(loop);
	lock_destroy(&lock);
}

static struct irq_source *source_make(const char *owner, uint32_t line)
{
	struct irq_source *source = NULL;

	ck_assert_int_eq(irq_source_new(lines, owner, line, &source), 0);
	return source;
}

/* What the controllers are told when the lock is given up. */
static void ck_told(const char *wanted)
{
	ck_assert_str_eq(told, "");
	lock_release(&lock);
	lock_acquire(&lock);
	ck_assert_str_eq(told, wanted);
	told[0] = 0;
}

START_TEST(levels)
{
	struct irq_source *a = source_make("a", 5), *b = source_make("b", 5), *c = source_make("c", 3), *none;

	ck_assert_int_eq(irq_source_new(lines, "x", IRQ_LINES, &none), -EINVAL);
	irq_source_set(a, true);
	ck_assert(irq_line_level(lines, 5) && !irq_line_level(lines, 3) && !irq_line_level(lines, 99));
	ck_told("5+ ");
	/* The OR: a second one changes nothing, nor does the first leaving. */
	irq_source_set(b, true);
	irq_source_set(b, true);
	irq_source_set(a, false);
	ck_told("");
	irq_source_set(b, false);
	irq_source_set(c, true);
	ck_told("5- 3+ ");
	/* In the order of the first change. */
	irq_source_set(a, true);
	irq_source_set(c, false);
	ck_told("5+ 3- ");
	/* Away and back is told; so is a pulse; under another source's level it is not seen. */
	irq_source_set(a, false);
	irq_source_set(a, true);
	ck_told("5- 5+ ");
	irq_source_pulse(c);
	ck_told("3+ 3- ");
	irq_source_pulse(b);
	ck_told("");
	irq_source_pulse(a);
	ck_told("5- ");
	/* A source that goes lets its line go. */
	irq_source_set(a, true);
	ck_told("5+ ");
	irq_source_free(a);
	ck_told("5- ");
	irq_source_free(b);
	irq_source_free(c);
	irq_source_free(NULL);
}
END_TEST

START_TEST(taking)
{
	struct irq_source *a = source_make("a", 0), *b = source_make("b", 0), *c = source_make("c", 0);

	/* While b has the line for itself, a is kept but not heard. */
	irq_source_set(a, true);
	ck_told("0+ ");
	ck_assert_int_eq(irq_source_take(b, true), 0);
	ck_assert_int_eq(irq_source_take(b, true), 0);
	ck_assert_int_eq(irq_source_take(c, true), -EBUSY);
	ck_assert(!irq_line_level(lines, 0));
	ck_told("0- ");
	irq_source_set(a, false);
	irq_source_pulse(a);
	irq_source_set(a, true);
	ck_told("");
	irq_source_pulse(b);
	ck_told("0+ 0- ");
	irq_source_set(b, true);
	ck_told("0+ ");
	/* It takes another line with it, and the first is the others' again. */
	irq_source_set(b, false);
	ck_told("0- ");
	irq_source_set(c, true);
	ck_assert_int_eq(irq_source_route(b, 8), 0);
	ck_told("0+ ");
	ck_assert_int_eq(irq_source_route(b, 0), 0);
	ck_told("0- ");
	ck_assert_int_eq(irq_source_take(b, false), 0);
	ck_told("0+ ");
	/* One that is freed gives it back. */
	ck_assert_int_eq(irq_source_take(b, true), 0);
	ck_told("0- ");
	irq_source_free(b);
	ck_told("0+ ");
	irq_source_free(c);
	irq_source_free(a);
	ck_told("0- ");
}
END_TEST

START_TEST(routing)
{
	struct irq_source *a = source_make("a", IRQ_NONE);

	irq_source_set(a, true);
	ck_told("");
	ck_assert_int_eq(irq_source_route(a, 7), 0);
	ck_told("7+ ");
	ck_assert_int_eq(irq_source_route(a, 9), 0);
	ck_told("7- 9+ ");
	ck_assert_int_eq(irq_source_route(a, 9), 0);
	ck_told("");
	ck_assert_int_eq(irq_source_route(a, IRQ_LINES), -EINVAL);
	ck_assert_int_eq(irq_source_route(a, IRQ_NONE), 0);
	ck_told("9- ");
	irq_source_free(a);
}
END_TEST

START_TEST(controllers)
{
	struct irq_source *a = source_make("a", 5);

	second = (struct irq_controller){ .self = (void *)(uintptr_t) "s",
		.line = line_told,
		.trigger = trigger_told,
		.acknowledge = acknowledge,
		.eoi = eoi };
	irq_line_trigger(lines, 11, true);
	irq_line_trigger(lines, 99, true);
	irq_source_set(a, true);
	ck_assert_str_eq(told, "11L ");
	told[0] = 0;
	ck_told("5+ ");
	ck_assert_int_eq(irq_acknowledge(lines), -1);
	/* One that comes later is told what is high. */
	irq_controller_add(lines, &second);
	ck_assert_str_eq(told, "s5+ s11L ");
	told[0] = 0;
	irq_source_set(a, false);
	ck_told("5- s5- ");
	ck_assert_int_eq(irq_acknowledge(lines), 0x23);
	irq_eoi(lines, 0x33);
	ck_assert_str_eq(told, "s51E ");
	told[0] = 0;
	irq_controller_remove(lines, &second);
	irq_source_set(a, true);
	ck_told("5+ ");
	/* A reset tells nobody. */
	irq_lines_reset(lines);
	ck_told("");
	ck_assert(!irq_line_level(lines, 5));
	irq_source_set(a, true);
	ck_told("5+ ");
	irq_source_free(a);
}
END_TEST

static void *set_elsewhere(void *self)
{
	usleep(10000);
	irq_source_set(self, true);
	return NULL;
}

static void line_quit(void *self, uint32_t line, uint32_t level)
{
	line_told(self, line, level);
	loop_quit(loop);
}

/* From another thread, without the lock: the loop delivers. */
START_TEST(another_thread)
{
	struct irq_source *a = source_make("a", 5);
	pthread_t thread;

	first.line = line_quit;
	lock_release(&lock);
	pthread_create(&thread, NULL, set_elsewhere, a);
	loop_run(loop);
	pthread_join(thread, NULL);
	ck_assert_str_eq(told, "5+ ");
	lock_acquire(&lock);
	told[0] = 0;
	irq_source_free(a);
}
END_TEST

START_TEST(saving)
{
	struct irq_source *a = source_make("dev", 5), *b = source_make("dev", 6), *c = source_make("other", 5);
	struct state_writer *writer = state_writer_new();
	struct state_reader *reader;
	const void *data;
	size_t length;

	irq_source_set(a, true);
	irq_source_set(b, true);
	irq_source_route(b, 7);
	irq_line_trigger(lines, 5, true);
	told[0] = 0;
	ck_told("5+ 6+ 6- 7+ ");
	state_section_begin(writer, "irq", "core.irq", 1);
	irq_lines_save(lines, writer);
	state_section_end(writer);
	ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);
	irq_lines_reset(lines);
	irq_line_trigger(lines, 5, false);
	irq_source_route(b, 6);
	irq_source_set(c, true);
	told[0] = 0;
	ck_assert_int_eq(state_reader_new(data, length, &reader, NULL), 0);
	ck_assert_int_eq(state_section_open(reader, "irq", NULL, NULL), 0);
	ck_assert_int_eq(irq_lines_load(lines, reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
	state_reader_free(reader);
	/* All is as it was told; nothing is told anew. */
	ck_told("");
	ck_assert(irq_line_level(lines, 5) && irq_line_level(lines, 7) && !irq_line_level(lines, 6));
	irq_source_set(c, true);
	irq_source_set(a, false);
	ck_told("");
	irq_source_set(c, false);
	irq_source_set(b, false);
	ck_told("5- 7- ");
	state_writer_free(writer);
	/* A source that the state does not know, of an owner that it knows: it is low.  And of another owner. */
	writer = state_writer_new();
	state_section_begin(writer, "irq", "core.irq", 1);
	irq_lines_save(lines, writer);
	state_section_end(writer);
	state_writer_finish(writer, &data, &length);
	struct irq_source *e = source_make("dev", 4);

	irq_source_set(e, true);
	state_reader_new(data, length, &reader, NULL);
	state_section_open(reader, "irq", NULL, NULL);
	ck_assert_int_eq(irq_lines_load(lines, reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
	ck_assert(!irq_line_level(lines, 4));
	state_reader_free(reader);
	irq_source_free(e);
	struct irq_source *d = source_make("late", 1);

	state_reader_new(data, length, &reader, NULL);
	state_section_open(reader, "irq", NULL, NULL);
	ck_assert_int_eq(irq_lines_load(lines, reader), -ENOENT);
	ck_assert_str_eq(state_reader_field(reader), "late#0");
	state_reader_free(reader);
	state_writer_free(writer);
	irq_source_free(a);
	irq_source_free(b);
	irq_source_free(c);
	irq_source_free(d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_irq");
	TCase *cases = tcase_create("irq");

	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, levels);
	tcase_add_test(cases, routing);
	tcase_add_test(cases, taking);
	tcase_add_test(cases, controllers);
	tcase_add_test(cases, another_thread);
	tcase_add_test(cases, saving);
	suite_add_tcase(suite, cases);
	return fixture_run(suite);
}
