/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Joining ports: who fits whom, and the steps of a link's life.
 */
#ifndef VMM_PLUGIN_PORT_H
#define VMM_PLUGIN_PORT_H

#include <vmm/port-interrupt.h>

#include "vmm/plugin/host.h"

/* Stands between two tables, for a process border or a test: gives the table and self that a side shall see instead
 * of its peer's.  NULL functions leave them alone. */
struct port_proxy {
	void *self;
	void (*wrap)(void *self, const char *interface, uint32_t role, const void **table, void **table_self);
};

struct port_link {
	struct port_link *next;
	/* [0] upper, [1] lower.  NULL: the core's own side. */
	struct instance *instance[2];
	const struct vmm_port_row *row[2];
	struct vmm_port_side side[2];
	struct vmm_port_ops ops[2];
	struct vmm_link link[2]; /* as each side sees it */
	void *self[2];           /* what each side wants to be called with */
	char interface[64];
	bool attached;
	struct irq_controller controller; /* of an interrupt port */
	void *copy;                       /* joined to the core: the peer's table, in this program's size */
};

/* The row with a key; NULL: none. */
const struct vmm_port_row *port_row(const struct plugin *plugin, const char *key);
/* The first row of `plugin` that could be the other end of `row`, by role and interface; NULL: none.  The agreed
 * interface is put in `interface` (64 bytes), if not NULL. */
const struct vmm_port_row *port_match(const struct vmm_port_row *row, const struct plugin *plugin, char *interface);

/* Prepare a link.  Machine lock.  0, or a negative errno with a message, and then nothing has happened. */
int port_prepare(struct instance *a, const struct vmm_port_row *a_row, struct instance *b,
	const struct vmm_port_row *b_row, uint64_t address, struct port_link **link, struct config_error *error);
void port_attach(struct port_link *link, const struct port_proxy *proxy);
/* Undo: closing and detached on both sides, or only detached if it was never attached; frees it. */
void port_detach(struct port_link *link);
/* Join an interrupt, display or input port to the core (port_core.c). */
int port_attach_core(
	struct instance *instance, const struct vmm_port_row *row, struct port_link **link, struct config_error *error);
/* The table of a port that is joined to the core, and what to call it with; NULL: the link is of another interface. */
const void *port_core_table(const struct port_link *link, const char *interface, void **self);
/* Tell the controller that this link joins to the core, if it does, of SMIACT# and FERR#. */
void port_core_smiact(const struct port_link *link, bool level);
void port_core_ferr(const struct port_link *link, bool level);
/* False: the peer does not answer it. */
bool port_core_shutdown(const struct port_link *link);

#endif
