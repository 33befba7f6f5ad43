/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A border between two plugins, for tests: every call on a port is turned into bytes, carried over, and done on the
 * other side with arguments in fresh memory, as if that side were another process.
 */
#ifndef PROXY_H
#define PROXY_H

#include "vmm/plugin/port.h"

enum proxy_kind { PROXY_CHAR, PROXY_STORAGE, PROXY_PCI, PROXY_KINDS };

struct proxy;
struct proxy_link;

/* Calls that have gone over, by interface, down and up. */
struct proxy_count {
	uint64_t down, up;
};

struct proxy *proxy_new(void);
/* After the machine is gone. */
void proxy_free(struct proxy *proxy);
/* For machine_options.proxy; valid as long as the proxy. */
const struct port_proxy *proxy_hook(struct proxy *proxy);
struct proxy_count proxy_count(const struct proxy *proxy, enum proxy_kind kind);

/* For the files of the interfaces. */

/* Bytes on their way. */
struct wire {
	uint8_t *data;
	size_t length, at;
};

void wire_put(struct wire *wire, const void *data, size_t length);
void wire_put_u64(struct wire *wire, uint64_t value);
void wire_get(struct wire *wire, void *data, size_t length);
uint64_t wire_get_u64(struct wire *wire);
void wire_free(struct wire *wire);

/* A link's two wrapped tables; self of the tables that plugins get. */
struct proxy_link {
	struct proxy_link *next;
	struct proxy *proxy;
	enum proxy_kind kind;
	const void *upper, *lower; /* the plugins' own */
	void *upper_self, *lower_self;
	void *upper_table, *lower_table; /* what their peers see */
	void *extra;                     /* the interface's */
};

void proxy_counted(struct proxy_link *link, uint32_t role);
/* Memory that the other side was lent: spoilt when given back, freed only with the proxy, so that who still looks
 * there sees rubbish and not an accident. */
void *proxy_lend(struct proxy_link *link, size_t length);
void proxy_take_back(struct proxy_link *link, void *memory, size_t length);

void *proxy_char_table(struct proxy_link *link, uint32_t role);
void *proxy_storage_table(struct proxy_link *link, uint32_t role);
void *proxy_pci_table(struct proxy_link *link, uint32_t role);

#endif
