/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/engine/irq.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct irq_source {
	struct irq_lines *lines;
	struct irq_source *next;
	char *owner;
	unsigned ordinal;
	uint32_t line;
	bool level;
	bool taking; /* has its line for itself */
};

struct irq_line {
	unsigned high; /* sources that are high */
	bool level;    /* of all, or of the one that has it for itself */
	bool told;     /* what the controllers were told last */
	bool queued;
	bool level_triggered;
};

struct irq_lines {
	struct machine_lock *lock;
	struct event_loop *loop;
	struct irq_controller *controllers;

	pthread_mutex_t mutex; /* a leaf: of what follows */
	struct irq_source *sources, **last;
	struct irq_line line[IRQ_LINES];
	uint8_t queue[IRQ_LINES]; /* lines that changed, in the order of their first change */
	unsigned queued;          /* atomic reads outside the mutex */
	unsigned taking;          /* how many sources have a line for themselves */
	bool delivering;
};

int irq_lines_new(struct machine_lock *lock, struct event_loop *loop, struct irq_lines **result)
{
	struct irq_lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	lines->lock = lock;
	lines->loop = loop;
	lines->last = &lines->sources;
	pthread_mutex_init(&lines->mutex, NULL);
	*result = lines;
	return 0;
}

void irq_lines_free(struct irq_lines *lines)
{
	if (!lines)
		return;
	while (lines->sources)
		irq_source_free(lines->sources);
	pthread_mutex_destroy(&lines->mutex);
	free(lines);
}

/* The one that has the line for itself, or NULL.  Under the mutex, as the two that follow. */
static struct irq_source *line_taker(struct irq_lines *lines, uint32_t number)
{
	struct irq_source *source = lines->taking ? lines->sources : NULL;

	while (source && !(source->taking && source->line == number))
		source = source->next;
	return source;
}

static bool line_level(struct irq_lines *lines, uint32_t number)
{
	const struct irq_source *taker = line_taker(lines, number);

	return taker ? taker->level : lines->line[number].high != 0;
}

static void line_add(struct irq_lines *lines, uint32_t number, int change)
{
	if (number >= IRQ_LINES)
		return;
	struct irq_line *line = &lines->line[number];

	line->high += (unsigned)change;
	bool now = line_level(lines, number);

	if (line->level == now)
		return;
	line->level = now;
	if (!line->queued) {
		line->queued = true;
		lines->queue[lines->queued] = (uint8_t)number;
		__atomic_store_n(&lines->queued, lines->queued + 1, __ATOMIC_RELEASE);
	}
}

/* Whoever holds the machine lock delivers when it is released; otherwise the event loop does. */
static void lines_notify(struct irq_lines *lines)
{
	if (__atomic_load_n(&lines->queued, __ATOMIC_ACQUIRE) && !lock_held(lines->lock))
		loop_wake(lines->loop);
}

int irq_source_new(struct irq_lines *lines, const char *owner, uint32_t line, struct irq_source **result)
{
	struct irq_source *source;
	unsigned ordinal = 0;

	if (line >= IRQ_LINES && line != IRQ_NONE)
		return -EINVAL;
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	source->owner = strdup(owner);
	if (!source->owner) {
		free(source);
		return -ENOMEM;
	}
	pthread_mutex_lock(&lines->mutex);
	for (struct irq_source *other = lines->sources; other; other = other->next)
		if (!strcmp(other->owner, owner))
			ordinal = other->ordinal + 1;
	source->lines = lines;
	source->ordinal = ordinal;
	source->line = line;
	*lines->last = source;
	lines->last = &source->next;
	pthread_mutex_unlock(&lines->mutex);
	*result = source;
	return 0;
}

void irq_source_free(struct irq_source *source)
{
	struct irq_lines *lines;

	if (!source)
		return;
	lines = source->lines;
	irq_source_set(source, false);
	irq_source_take(source, false);
	pthread_mutex_lock(&lines->mutex);
	for (struct irq_source **link = &lines->sources; *link; link = &(*link)->next) {
		if (*link != source)
			continue;
		*link = source->next;
		if (lines->last == &source->next)
			lines->last = link;
		break;
	}
	pthread_mutex_unlock(&lines->mutex);
	free(source->owner);
	free(source);
}

int irq_source_route(struct irq_source *source, uint32_t line)
{
	struct irq_lines *lines = source->lines;

	if (line >= IRQ_LINES && line != IRQ_NONE)
		return -EINVAL;
	pthread_mutex_lock(&lines->mutex);
	if (source->line != line) {
		uint32_t old = source->line;

		source->line = line;
		line_add(lines, old, source->level ? -1 : 0);
		line_add(lines, line, source->level ? 1 : 0);
	}
	pthread_mutex_unlock(&lines->mutex);
	lines_notify(lines);
	return 0;
}

void irq_source_set(struct irq_source *source, bool level)
{
	struct irq_lines *lines = source->lines;

	pthread_mutex_lock(&lines->mutex);
	if (source->level != level) {
		source->level = level;
		line_add(lines, source->line, level ? 1 : -1);
	}
	pthread_mutex_unlock(&lines->mutex);
	lines_notify(lines);
}

void irq_source_pulse(struct irq_source *source)
{
	struct irq_lines *lines = source->lines;

	pthread_mutex_lock(&lines->mutex);
	if (!source->level) {
		source->level = true;
		line_add(lines, source->line, 1);
	}
	source->level = false;
	line_add(lines, source->line, -1);
	pthread_mutex_unlock(&lines->mutex);
	lines_notify(lines);
}

int irq_source_take(struct irq_source *source, bool taken)
{
	struct irq_lines *lines = source->lines;
	int status = 0;

	pthread_mutex_lock(&lines->mutex);
	if (source->taking != taken) {
		if (taken && line_taker(lines, source->line)) {
			status = -EBUSY;
		} else {
			source->taking = taken;
			lines->taking += taken ? 1 : -1u;
			line_add(lines, source->line, 0);
		}
	}
	pthread_mutex_unlock(&lines->mutex);
	lines_notify(lines);
	return status;
}

bool irq_line_level(struct irq_lines *lines, uint32_t line)
{
	if (line >= IRQ_LINES)
		return false;
	pthread_mutex_lock(&lines->mutex);
	bool level = lines->line[line].level;

	pthread_mutex_unlock(&lines->mutex);
	return level;
}

void irq_line_trigger(struct irq_lines *lines, uint32_t line, bool level_triggered)
{
	if (line >= IRQ_LINES)
		return;
	lines->line[line].level_triggered = level_triggered;
	for (struct irq_controller *controller = lines->controllers; controller; controller = controller->next)
		if (controller->trigger)
			controller->trigger(controller->self, line, level_triggered);
}

void irq_controller_add(struct irq_lines *lines, struct irq_controller *controller)
{
	struct irq_controller **link = &lines->controllers;

	/* In the order they came, so that runs repeat. */
	while (*link)
		link = &(*link)->next;
	controller->next = NULL;
	*link = controller;
	for (uint32_t line = 0; line < IRQ_LINES; line++) {
		if (lines->line[line].level_triggered && controller->trigger)
			controller->trigger(controller->self, line, 1);
		if (lines->line[line].told)
			controller->line(controller->self, line, 1);
	}
}

void irq_controller_remove(struct irq_lines *lines, struct irq_controller *controller)
{
	for (struct irq_controller **link = &lines->controllers; *link; link = &(*link)->next) {
		if (*link != controller)
			continue;
		*link = controller->next;
		return;
	}
}

static void line_tell(struct irq_lines *lines, uint32_t line, bool level)
{
	for (struct irq_controller *controller = lines->controllers; controller; controller = controller->next)
		controller->line(controller->self, line, level);
}

void irq_lines_deliver(struct irq_lines *lines)
{
	if (!__atomic_load_n(&lines->queued, __ATOMIC_ACQUIRE) || lines->delivering)
		return;
	lines->delivering = true;
	pthread_mutex_lock(&lines->mutex);
	while (lines->queued) {
		uint32_t number = lines->queue[0];
		struct irq_line *line = &lines->line[number];
		bool told = line->told, now = line->level;
		bool pulse = told == now; /* it went away and came back */

		memmove(lines->queue, lines->queue + 1, lines->queued - 1);
		__atomic_store_n(&lines->queued, lines->queued - 1, __ATOMIC_RELEASE);
		line->queued = false;
		line->told = now;
		pthread_mutex_unlock(&lines->mutex);
		if (pulse)
			line_tell(lines, number, !told);
		line_tell(lines, number, now);
		pthread_mutex_lock(&lines->mutex);
	}
	pthread_mutex_unlock(&lines->mutex);
	lines->delivering = false;
}

int irq_acknowledge(struct irq_lines *lines)
{
	for (struct irq_controller *controller = lines->controllers; controller; controller = controller->next)
		if (controller->acknowledge)
			return controller->acknowledge(controller->self) & 0xff;
	return -1;
}

void irq_eoi(struct irq_lines *lines, uint32_t vector)
{
	for (struct irq_controller *controller = lines->controllers; controller; controller = controller->next)
		if (controller->eoi)
			controller->eoi(controller->self, vector);
}

void irq_lines_reset(struct irq_lines *lines)
{
	pthread_mutex_lock(&lines->mutex);
	for (struct irq_source *source = lines->sources; source; source = source->next)
		source->level = source->taking = false;
	lines->taking = 0;
	for (unsigned i = 0; i < IRQ_LINES; i++) {
		bool level_triggered = lines->line[i].level_triggered;

		lines->line[i] = (struct irq_line){ .level_triggered = level_triggered };
	}
	lines->queued = 0;
	pthread_mutex_unlock(&lines->mutex);
}

static void source_field(const struct irq_source *source, unsigned ordinal, char name[STATE_NAME_MAX + 1])
{
	/* Owners' names may be long: what a field's name has no room for is cut from the left. */
	size_t length = strlen(source->owner), room = STATE_NAME_MAX - 8;

	snprintf(name, STATE_NAME_MAX + 1, "%s#%u", source->owner + (length > room ? length - room : 0), ordinal);
}

void irq_lines_save(struct irq_lines *lines, struct state_writer *writer)
{
	uint64_t told = 0, triggers = 0;

	for (unsigned i = 0; i < IRQ_LINES; i++) {
		told |= (uint64_t)lines->line[i].told << i;
		triggers |= (uint64_t)lines->line[i].level_triggered << i;
	}
	state_put_u64(writer, "told", told);
	state_put_u64(writer, "level_triggered", triggers);
	for (const struct irq_source *source = lines->sources; source; source = source->next) {
		char name[STATE_NAME_MAX + 1];

		source_field(source, source->ordinal, name);
		state_put_u64(
			writer, name, (uint64_t)source->taking << 40 | (uint64_t)source->line << 1 | source->level);
	}
}

/* One that its owner has got since the state was saved: it is low. */
static bool source_is_new(const struct irq_source *source, struct state_reader *reader)
{
	char name[STATE_NAME_MAX + 1], first[STATE_NAME_MAX + 1];

	source_field(source, source->ordinal, name);
	source_field(source, 0, first);
	return !state_has(reader, name) && state_has(reader, first);
}

int irq_lines_load(struct irq_lines *lines, struct state_reader *reader)
{
	uint64_t told = 0, triggers = 0;

	irq_lines_reset(lines);
	state_get_u64(reader, "told", &told);
	state_get_u64(reader, "level_triggered", &triggers);
	for (struct irq_source *source = lines->sources; source; source = source->next) {
		char name[STATE_NAME_MAX + 1];
		uint64_t value = 0;

		source_field(source, source->ordinal, name);
		if (source_is_new(source, reader))
			continue;
		state_get_u64(reader, name, &value);
		source->line = (uint32_t)(value >> 1);
		source->level = value & 1;
		source->taking = value >> 40 & 1;
		lines->taking += source->taking;
		if (source->line >= IRQ_LINES && source->line != IRQ_NONE)
			return -EINVAL;
		if (source->level && source->line < IRQ_LINES)
			lines->line[source->line].high++;
	}
	for (unsigned i = 0; i < IRQ_LINES; i++) {
		lines->line[i].level = line_level(lines, i);
		lines->line[i].told = told >> i & 1;
		lines->line[i].level_triggered = triggers >> i & 1;
	}
	return state_reader_error(reader);
}
