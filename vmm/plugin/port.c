/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/plugin/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/plugin/copy.h"
#include "vmm/plugin/link.h"

const struct vmm_port_row *port_row(const struct plugin *plugin, const char *key)
{
	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++)
		if (!strcmp(plugin->ports[i].key, key))
			return &plugin->ports[i];
	return NULL;
}

/* The first interface of `a`, newest first, that `b` has too. */
bool port_interface_common(const char *a, const char *b, char *interface)
{
	while (*a) {
		size_t length = strcspn(a, "|");

		for (const char *at = b; *at;) {
			size_t other = strcspn(at, "|");

			if (other == length && !strncmp(a, at, length)) {
				if (interface)
					snprintf(interface, 64, "%.*s", (int)length, a);
				return true;
			}
			at += other + (at[other] == '|');
		}
		a += length + (a[length] == '|');
	}
	return false;
}

const struct vmm_port_row *port_match(const struct vmm_port_row *row, const struct plugin *plugin, char *interface)
{
	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++) {
		const struct vmm_port_row *other = &plugin->ports[i];

		if (other->role != row->role && port_interface_common(row->interfaces, other->interfaces, interface))
			return other;
	}
	return NULL;
}

int port_side_get(struct port_link *link, unsigned side, struct config_error *error)
{
	struct instance *instance = link->instance[side];
	struct vmm_port_side given = { .struct_size = sizeof(given) };
	int status = instance->ops.get_port ? instance->ops.get_port(instance->self, link->row[side]->key, &given)
					    : -ENOENT;

	if (!status && (!given.table || !given.ops))
		status = -ENOSYS;
	if (status)
		return instance_failed(instance, status, "its port", error);
	link->side[side] = given;
	link->self[side] = given.self;
	COPY_STRUCT(&link->ops[side], given.ops);
	return 0;
}

int port_side_prepare(struct port_link *link, unsigned side, struct config_error *error)
{
	struct instance *instance = link->instance[side];
	int status;

	if (!link->ops[side].prepare)
		return 0;
	status = link->ops[side].prepare(link->side[side].port_self, &link->link[side], &link->self[side]);
	return status ? instance_failed(instance, status, "joining its port", error) : 0;
}

static void side_detached(struct port_link *link, unsigned side)
{
	if (link->ops[side].detached)
		link->ops[side].detached(link->side[side].port_self, &link->link[side]);
}

int port_prepare(struct instance *a, const struct vmm_port_row *a_row, struct instance *b,
	const struct vmm_port_row *b_row, uint64_t address, struct port_link **result, struct config_error *error)
{
	struct port_link *link = calloc(1, sizeof(*link));
	unsigned a_side = a_row->role == VMM_ROLE_UPPER ? UPPER : LOWER;
	int status;

	if (!link) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	port_interface_common(a_row->interfaces, b_row->interfaces, link->interface);
	link->instance[a_side] = a;
	link->row[a_side] = a_row;
	link->instance[!a_side] = b;
	link->row[!a_side] = b_row;
	uint32_t id = ++a->env->link_id;

	for (unsigned side = 0; side < 2; side++)
		link->link[side] = (struct vmm_link){
			.struct_size = sizeof(struct vmm_link),
			.id = id,
			.interface = link->interface,
			.peer_name = link->instance[!side]->name,
			.address = address,
		};
	status = port_side_get(link, UPPER, error);
	if (!status)
		status = port_side_get(link, LOWER, error);
	if (!status)
		status = port_side_prepare(link, UPPER, error);
	if (!status) {
		status = port_side_prepare(link, LOWER, error);
		if (status)
			side_detached(link, UPPER);
	}
	if (status) {
		free(link);
		return status;
	}
	*result = link;
	return 0;
}

void port_attach(struct port_link *link, const struct port_proxy *proxy)
{
	for (unsigned side = 0; side < 2; side++) {
		const void *table = link->side[!side].table;
		void *self = link->self[!side];

		if (proxy && proxy->wrap)
			proxy->wrap(proxy->self, link->interface, side == UPPER ? VMM_ROLE_LOWER : VMM_ROLE_UPPER,
				&table, &self);
		link->link[side].peer = table;
		link->link[side].peer_self = self;
	}
	link->attached = true;
	/* The provider first, so that it is ready when the guest's side begins to submit. */
	for (int side = LOWER; side >= UPPER; side--)
		if (link->ops[side].attached)
			link->ops[side].attached(link->side[side].port_self, &link->link[side]);
}

void port_detach(struct port_link *link)
{
	if (!link)
		return;
	for (unsigned side = 0; side < 2 && link->attached; side++)
		if (link->ops[side].closing)
			link->ops[side].closing(link->side[side].port_self, &link->link[side]);
	if (link->controller.line)
		irq_controller_remove(link->instance[UPPER]->env->lines, &link->controller);
	side_detached(link, UPPER);
	side_detached(link, LOWER);
	free(link->copy);
	free(link);
}
