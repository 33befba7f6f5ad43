/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Ports: how two instances are joined.
 *
 * An interface is two tables of functions: *upper*, implemented by the guest's side (a serial port, a PCI bus),
 * and *lower*, implemented by the provider's (a terminal, a PCI function).  Only the host joins:
 *
 *   prepare   both sides; may fail, and then nothing has happened;
 *   attached  both sides are given the other's table; cannot fail;
 *   closing   stop submitting, give back all that is lent;
 *   detached  the other's table is no longer valid once this has returned.
 *
 * A swap prepares the new peer before it closes the old one.  The first argument of each function in a table
 * is the `self` that its side gave in prepare.  A table may be a proxy's: nothing may be assumed of it but its
 * interface, and arguments are only scalars, flat structs, handles, and buffers with a length.
 *
 * Calls down (upper to lower) are [machine] and do not block.  Calls up come from the event loop, never from
 * within a down call on the same port, but for those marked [any].
 */
#ifndef VMM_PORT_H
#define VMM_PORT_H

#include <vmm/base.h>

struct vmm_link {
	uint32_t struct_size;
	uint32_t id;           /* of the link; unique in the machine's life */
	const char *interface; /* what was agreed on; valid while linked */
	const char *peer_name; /* the peer's instance, for logs; valid while linked */
	uint64_t address;      /* on a bus: the child's address, see VMM_ADDRESS_* */
	/* From attached on, the peer's table and self; in prepare both are NULL. */
	const void *peer;
	void *peer_self;
};

/* One side of a port, given by an instance's get_port.  All functions [machine]; static lifetime. */
struct vmm_port_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* May this link be made?  On failure say why with host->fail.  *self: what the peer shall pass as first
	 * argument on this link (as get_port gave it, if left alone).  May be NULL: always. */
	int32_t (*prepare)(void *port_self, const struct vmm_link *link, void **self);
	void (*attached)(void *port_self, const struct vmm_link *link);
	void (*closing)(void *port_self, const struct vmm_link *link);  /* may be NULL */
	void (*detached)(void *port_self, const struct vmm_link *link); /* also after a prepare that came to nothing */
};

struct vmm_port_side {
	uint32_t struct_size;
	uint32_t reserved;
	const struct vmm_port_ops *ops;
	void *port_self;   /* first argument of ops */
	const void *table; /* this side's half of the interface; static lifetime */
	void *self;        /* first argument of the table's functions */
};

#endif
