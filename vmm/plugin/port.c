/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/plugin/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vmm/port-interrupt.h>

#include "vmm/plugin/copy.h"

enum { UPPER, LOWER };

const struct vmm_port_row *port_row(const struct plugin *plugin, const char *key)
{
	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++)
		if (!strcmp(plugin->ports[i].key, key))
			return &plugin->ports[i];
	return NULL;
}

/* The first interface of `a`, newest first, that `b` has too. */
static bool interface_common(const char *a, const char *b, char *interface)
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

		if (other->role != row->role && interface_common(row->interfaces, other->interfaces, interface))
			return other;
	}
	return NULL;
}

static int side_get(struct port_link *link, unsigned side, struct config_error *error)
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

static int side_prepare(struct port_link *link, unsigned side, struct config_error *error)
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
	interface_common(a_row->interfaces, b_row->interfaces, link->interface);
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
	status = side_get(link, UPPER, error);
	if (!status)
		status = side_get(link, LOWER, error);
	if (!status)
		status = side_prepare(link, UPPER, error);
	if (!status) {
		status = side_prepare(link, LOWER, error);
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
	if (link->controller.line) {
		struct instance *instance = link->instance[UPPER];

		irq_controller_remove(instance->env->lines, &link->controller);
		side_detached(link, UPPER);
	} else {
		side_detached(link, UPPER);
		side_detached(link, LOWER);
	}
	free(link->interrupt);
	free(link);
}

static void core_intr(void *self, uint32_t level)
{
	const struct plugin_machine *machine = self;

	machine->intr(machine->self, level != 0);
}

static void core_message(void *self, uint64_t address, uint32_t data)
{
	const struct plugin_machine *machine = self;

	machine->message(machine->self, address, data);
}

static void core_nmi(void *self)
{
	const struct plugin_machine *machine = self;

	machine->nmi(machine->self);
}

static void core_smi(void *self)
{
	const struct plugin_machine *machine = self;

	machine->smi(machine->self);
}

static const struct vmm_interrupt_lower core_interrupt = {
	.struct_size = sizeof(core_interrupt),
	.intr = core_intr,
	.message = core_message,
	.nmi = core_nmi,
	.smi = core_smi,
};

int port_attach_core(struct instance *instance, const struct vmm_port_row *row, struct port_link **result,
	struct config_error *error)
{
	struct port_link *link = calloc(1, sizeof(*link));
	struct vmm_interrupt_upper *upper = calloc(1, sizeof(*upper));
	int status = -ENOMEM;

	if (!link || !upper)
		goto fail;
	if (row->role != VMM_ROLE_UPPER || !interface_common(row->interfaces, VMM_PORT_INTERRUPT, link->interface)) {
		status = -ENOSYS;
		goto fail;
	}
	link->instance[UPPER] = instance;
	link->row[UPPER] = row;
	link->interrupt = upper;
	link->link[UPPER] = (struct vmm_link){
		.struct_size = sizeof(struct vmm_link),
		.id = ++instance->env->link_id,
		.interface = link->interface,
		.peer_name = "core",
		.peer = NULL,
	};
	status = side_get(link, UPPER, error);
	if (!status)
		status = side_prepare(link, UPPER, error);
	if (status) {
		free(upper);
		free(link);
		return status;
	}
	COPY_STRUCT(upper, link->side[UPPER].table);
	link->controller = (struct irq_controller){
		.self = link->self[UPPER],
		.line = upper->line,
		.trigger = upper->trigger,
		.acknowledge = upper->acknowledge,
		.eoi = upper->eoi,
	};
	link->link[UPPER].peer = &core_interrupt;
	link->link[UPPER].peer_self = &instance->env->machine;
	link->attached = true;
	if (link->ops[UPPER].attached)
		link->ops[UPPER].attached(link->side[UPPER].port_self, &link->link[UPPER]);
	if (upper->line)
		irq_controller_add(instance->env->lines, &link->controller);
	*result = link;
	return 0;
fail:
	free(link);
	free(upper);
	return instance_failed(instance, status, "joining its port to the core", error);
}
