/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The core's own side of ports: processors, somebody who looks, somebody who types. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vmm/port-display.h>
#include <vmm/port-input.h>
#include <vmm/port-interrupt.h>

#include "vmm/plugin/copy.h"
#include "vmm/plugin/link.h"

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

static void core_ignne(void *self, uint32_t level)
{
	const struct plugin_machine *machine = self;

	machine->ignne(machine->self, level != 0);
}

static const struct vmm_interrupt_lower core_interrupt = {
	.struct_size = sizeof(core_interrupt),
	.intr = core_intr,
	.message = core_message,
	.nmi = core_nmi,
	.smi = core_smi,
	.ignne = core_ignne,
};

/* The core looks when it is asked to, and does not care about lights. */
static const struct vmm_display_lower core_viewer = { .struct_size = sizeof(core_viewer) };
static const struct vmm_input_lower core_typist = { .struct_size = sizeof(core_typist) };

static const struct core_interface {
	const char *name;
	const void *table;
	size_t size; /* of the peer's table */
} interfaces[] = {
	{ VMM_PORT_INTERRUPT, &core_interrupt, sizeof(struct vmm_interrupt_upper) },
	{ VMM_PORT_DISPLAY, &core_viewer, sizeof(struct vmm_display_upper) },
	{ VMM_PORT_INPUT, &core_typist, sizeof(struct vmm_input_upper) },
};

static const struct core_interface *interface_find(const struct vmm_port_row *row, char *name)
{
	if (row->role != VMM_ROLE_UPPER)
		return NULL;
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (port_interface_common(row->interfaces, interfaces[i].name, name))
			return &interfaces[i];
	return NULL;
}

static void controller_fill(struct port_link *link)
{
	const struct vmm_interrupt_upper *upper = link->copy;

	link->controller = (struct irq_controller){
		.self = link->self[UPPER],
		.line = upper->line,
		.trigger = upper->trigger,
		.acknowledge = upper->acknowledge,
		.eoi = upper->eoi,
	};
}

int port_attach_core(struct instance *instance, const struct vmm_port_row *row, struct port_link **result,
	struct config_error *error)
{
	struct port_link *link = calloc(1, sizeof(*link));
	const struct core_interface *interface = link ? interface_find(row, link->interface) : NULL;
	int status = link ? -ENOSYS : -ENOMEM;

	if (!interface)
		goto fail;
	link->copy = calloc(1, interface->size);
	status = -ENOMEM;
	if (!link->copy)
		goto fail;
	link->instance[UPPER] = instance;
	link->row[UPPER] = row;
	link->link[UPPER] = (struct vmm_link){
		.struct_size = sizeof(struct vmm_link),
		.id = ++instance->env->link_id,
		.interface = link->interface,
		.peer_name = "core",
		.peer = NULL,
	};
	status = port_side_get(link, UPPER, error);
	if (!status)
		status = port_side_prepare(link, UPPER, error);
	if (status) {
		free(link->copy);
		free(link);
		return status;
	}
	copy_struct(link->copy, interface->size, link->side[UPPER].table, *(const uint32_t *)link->side[UPPER].table);
	link->link[UPPER].peer = interface->table;
	link->link[UPPER].peer_self = &instance->env->machine;
	link->attached = true;
	if (interface->table == &core_interrupt)
		controller_fill(link);
	if (link->ops[UPPER].attached)
		link->ops[UPPER].attached(link->side[UPPER].port_self, &link->link[UPPER]);
	if (link->controller.line)
		irq_controller_add(instance->env->lines, &link->controller);
	*result = link;
	return 0;
fail:
	free(link);
	return instance_failed(instance, status, "joining its port to the core", error);
}

const void *port_core_table(const struct port_link *link, const char *interface, void **self)
{
	if (!link->copy || strcmp(link->interface, interface))
		return NULL;
	*self = link->self[UPPER];
	return link->copy;
}

void port_core_smiact(const struct port_link *link, bool level)
{
	void *self;
	const struct vmm_interrupt_upper *upper = port_core_table(link, VMM_PORT_INTERRUPT, &self);

	if (upper && upper->smiact)
		upper->smiact(self, level);
}

void port_core_ferr(const struct port_link *link, bool level)
{
	void *self;
	const struct vmm_interrupt_upper *upper = port_core_table(link, VMM_PORT_INTERRUPT, &self);

	if (upper && upper->ferr)
		upper->ferr(self, level);
}

bool port_core_shutdown(const struct port_link *link)
{
	void *self;
	const struct vmm_interrupt_upper *upper = port_core_table(link, VMM_PORT_INTERRUPT, &self);

	if (!upper || !upper->shutdown)
		return false;
	upper->shutdown(self);
	return true;
}
