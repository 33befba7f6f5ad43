/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Interrupt lines: sources are OR'ed into levels, and changes told to the interrupt controllers.
 *
 * Setting a source only latches (any thread); controllers are told under the machine lock, by the lock's release
 * hook or on the event loop.  A pulse shorter than that is told as a rise and a fall.
 */
#ifndef VMM_ENGINE_IRQ_H
#define VMM_ENGINE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/event/loop.h"
#include "vmm/state/state.h"

#define IRQ_LINES 24u
#define IRQ_NONE  UINT32_MAX

struct irq_lines;
struct irq_source;

/* An interrupt controller: like the SDK's upper table of vmm.port.interrupt, all under the machine lock. */
struct irq_controller {
	struct irq_controller *next;
	void *self;
	void (*line)(void *self, uint32_t line, uint32_t level);
	void (*trigger)(void *self, uint32_t line, uint32_t level_triggered); /* may be NULL */
	int32_t (*acknowledge)(void *self);                                   /* may be NULL */
	void (*eoi)(void *self, uint32_t vector);                             /* may be NULL */
};

int irq_lines_new(struct machine_lock *lock, struct event_loop *loop, struct irq_lines **lines);
void irq_lines_free(struct irq_lines *lines);

/* A source, named for the saved state by its owner and its number among the owner's.  Machine lock. */
int irq_source_new(struct irq_lines *lines, const char *owner, uint32_t line, struct irq_source **source);
void irq_source_free(struct irq_source *source);
int irq_source_route(struct irq_source *source, uint32_t line);
/* Any thread. */
void irq_source_set(struct irq_source *source, bool level);
void irq_source_pulse(struct irq_source *source);
/* Machine lock: the other sources of its line are not heard.  -EBUSY. */
int irq_source_take(struct irq_source *source, bool taken);

/* Machine lock. */
bool irq_line_level(struct irq_lines *lines, uint32_t line);
void irq_line_trigger(struct irq_lines *lines, uint32_t line, bool level_triggered);
/* The controller's struct stays its owner's.  It is told the present levels that are high, and triggers. */
void irq_controller_add(struct irq_lines *lines, struct irq_controller *controller);
void irq_controller_remove(struct irq_lines *lines, struct irq_controller *controller);
/* Tell the controllers what has changed; returns when nothing is left. */
void irq_lines_deliver(struct irq_lines *lines);
/* The INTA cycle: a vector, or -1. */
int irq_acknowledge(struct irq_lines *lines);
void irq_eoi(struct irq_lines *lines, uint32_t vector);

/* All sources go low, and nobody is told: the machine is being reset or loaded. */
void irq_lines_reset(struct irq_lines *lines);
void irq_lines_save(struct irq_lines *lines, struct state_writer *writer);
int irq_lines_load(struct irq_lines *lines, struct state_reader *reader);

#endif
