/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The border itself, and vmm.port.char/1 over it.
 */
#include "proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>

#include <vmm/port-char.h>
#include <vmm/port-pci.h>
#include <vmm/port-storage.h>

struct memory {
	struct memory *next;
	void *data;
};

struct proxy {
	struct port_proxy hook;
	struct proxy_link *links;
	struct memory *memory;
	pthread_mutex_t mutex; /* counts and memory: some calls are [any] */
	struct proxy_count counts[PROXY_KINDS];
};

static void *need(void *memory)
{
	if (memory == NULL)
		abort(); /* a test without memory has nothing to say */
	return memory;
}

void wire_put(struct wire *wire, const void *data, size_t length)
{
	wire->data = need(realloc(wire->data, wire->length + length + 1));
	if (length > 0)
		memcpy(wire->data + wire->length, data, length);
	wire->length += length;
}

void wire_put_u64(struct wire *wire, uint64_t value)
{
	uint8_t bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (i * 8));
	wire_put(wire, bytes, sizeof(bytes));
}

void wire_get(struct wire *wire, void *data, size_t length)
{
	if (length > wire->length - wire->at)
		abort(); /* the two ends of this file do not agree */
	if (length > 0)
		memcpy(data, wire->data + wire->at, length);
	wire->at += length;
}

uint64_t wire_get_u64(struct wire *wire)
{
	uint8_t bytes[8];
	uint64_t value = 0;
	wire_get(wire, bytes, sizeof(bytes));
	for (int i = 0; i < 8; i++)
		value |= (uint64_t)bytes[i] << (i * 8);
	return value;
}

void wire_free(struct wire *wire)
{
	free(wire->data);
	memset(wire, 0, sizeof(*wire));
}

void proxy_counted(struct proxy_link *link, uint32_t role)
{
	struct proxy *proxy = link->proxy;
	pthread_mutex_lock(&proxy->mutex);
	if (role == VMM_ROLE_LOWER)
		proxy->counts[link->kind].down++;
	else
		proxy->counts[link->kind].up++;
	pthread_mutex_unlock(&proxy->mutex);
}

void *proxy_lend(struct proxy_link *link, size_t length)
{
	struct memory *memory = need(malloc(sizeof(*memory)));
	memory->data = need(calloc(1, length + 1));
	pthread_mutex_lock(&link->proxy->mutex);
	memory->next = link->proxy->memory;
	link->proxy->memory = memory;
	pthread_mutex_unlock(&link->proxy->mutex);
	return memory->data;
}

void proxy_take_back(struct proxy_link *link, void *memory, size_t length)
{
	(void)link;
	memset(memory, 0xa5, length);
}

/* vmm.port.char/1: three calls each way, alike but for their names. */

enum { CHAR_BYTES, CHAR_GO, CHAR_EVENT };

/* The far side: unpack, call, pack what it returned. */
static int32_t char_arrive(struct proxy_link *link, uint32_t role, struct wire *call)
{
	const struct vmm_char_upper *upper = link->upper;
	const struct vmm_char_lower *lower = link->lower;
	uint64_t what = wire_get_u64(call);
	int32_t status = 0;
	if (what == CHAR_BYTES) {
		uint32_t length = (uint32_t)wire_get_u64(call);
		void *data = proxy_lend(link, length);
		wire_get(call, data, length);
		status = role == VMM_ROLE_LOWER ? lower->write(link->lower_self, data, length)
						: upper->receive(link->upper_self, data, length);
		proxy_take_back(link, data, length);
	} else if (what == CHAR_GO) {
		if (role == VMM_ROLE_LOWER)
			lower->readable(link->lower_self);
		else
			upper->writable(link->upper_self);
	} else {
		uint32_t event = (uint32_t)wire_get_u64(call);
		uint64_t value = wire_get_u64(call);
		if (role == VMM_ROLE_LOWER)
			lower->event(link->lower_self, event, value);
		else
			upper->event(link->upper_self, event, value);
	}
	return status;
}

static int32_t char_send(struct proxy_link *link, uint32_t role, struct wire *call)
{
	proxy_counted(link, role);
	int32_t status = char_arrive(link, role, call);
	wire_free(call);
	return status;
}

static int32_t char_bytes(struct proxy_link *link, uint32_t role, const void *data, uint32_t length)
{
	struct wire call = { 0 };
	wire_put_u64(&call, CHAR_BYTES);
	wire_put_u64(&call, length);
	wire_put(&call, data, length);
	return char_send(link, role, &call);
}

static void char_go(struct proxy_link *link, uint32_t role)
{
	struct wire call = { 0 };
	wire_put_u64(&call, CHAR_GO);
	char_send(link, role, &call);
}

static void char_event(struct proxy_link *link, uint32_t role, uint32_t event, uint64_t value)
{
	struct wire call = { 0 };
	wire_put_u64(&call, CHAR_EVENT);
	wire_put_u64(&call, event);
	wire_put_u64(&call, value);
	char_send(link, role, &call);
}

static int32_t char_write(void *self, const void *data, uint32_t length)
{
	return char_bytes(self, VMM_ROLE_LOWER, data, length);
}

static int32_t char_receive(void *self, const void *data, uint32_t length)
{
	return char_bytes(self, VMM_ROLE_UPPER, data, length);
}

static void char_readable(void *self)
{
	char_go(self, VMM_ROLE_LOWER);
}

static void char_writable(void *self)
{
	char_go(self, VMM_ROLE_UPPER);
}

static void char_down(void *self, uint32_t event, uint64_t value)
{
	char_event(self, VMM_ROLE_LOWER, event, value);
}

static void char_up(void *self, uint32_t event, uint64_t value)
{
	char_event(self, VMM_ROLE_UPPER, event, value);
}

void *proxy_char_table(struct proxy_link *link, uint32_t role)
{
	(void)link;
	if (role == VMM_ROLE_LOWER) {
		struct vmm_char_lower *table = need(calloc(1, sizeof(*table)));
		*table = (struct vmm_char_lower){ sizeof(*table), 0, char_write, char_readable, char_down };
		return table;
	}
	struct vmm_char_upper *table = need(calloc(1, sizeof(*table)));
	*table = (struct vmm_char_upper){ sizeof(*table), 0, char_receive, char_writable, char_up };
	return table;
}

/* The hook: the core asks for the lower table first, then for the upper one of the same link. */
static void wrap(void *self, const char *interface, uint32_t role, const void **table, void **table_self)
{
	static const char *const interfaces[PROXY_KINDS] = { VMM_PORT_CHAR, VMM_PORT_STORAGE, VMM_PORT_PCI };
	static void *(*const makers[PROXY_KINDS])(
		struct proxy_link *, uint32_t) = { proxy_char_table, proxy_storage_table, proxy_pci_table };
	struct proxy *proxy = self;
	int kind;
	for (kind = 0; kind < PROXY_KINDS && strcmp(interfaces[kind], interface) != 0; kind++)
		continue;
	if (kind == PROXY_KINDS || *table == NULL)
		return;
	struct proxy_link *link = proxy->links;
	if (link == NULL || link->kind != (enum proxy_kind)kind ||
		(role == VMM_ROLE_LOWER ? link->lower : link->upper) != NULL) {
		link = need(calloc(1, sizeof(*link)));
		link->proxy = proxy;
		link->kind = (enum proxy_kind)kind;
		link->next = proxy->links;
		proxy->links = link;
	}
	if (role == VMM_ROLE_LOWER) {
		link->lower = *table;
		link->lower_self = *table_self;
		*table = link->lower_table = makers[kind](link, role);
	} else {
		link->upper = *table;
		link->upper_self = *table_self;
		*table = link->upper_table = makers[kind](link, role);
	}
	*table_self = link;
}

struct proxy *proxy_new(void)
{
	struct proxy *proxy = need(calloc(1, sizeof(*proxy)));
	pthread_mutex_init(&proxy->mutex, NULL);
	proxy->hook.self = proxy;
	proxy->hook.wrap = wrap;
	return proxy;
}

void proxy_free(struct proxy *proxy)
{
	while (proxy->links != NULL) {
		struct proxy_link *link = proxy->links;
		proxy->links = link->next;
		free(link->upper_table);
		free(link->lower_table);
		free(link->extra);
		free(link);
	}
	while (proxy->memory != NULL) {
		struct memory *memory = proxy->memory;
		proxy->memory = memory->next;
		free(memory->data);
		free(memory);
	}
	pthread_mutex_destroy(&proxy->mutex);
	free(proxy);
}

const struct port_proxy *proxy_hook(struct proxy *proxy)
{
	return &proxy->hook;
}

struct proxy_count proxy_count(const struct proxy *proxy, enum proxy_kind kind)
{
	return proxy->counts[kind];
}
