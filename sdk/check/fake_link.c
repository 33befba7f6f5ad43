/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Joining ports, as the core does it.
 */
#include "fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_link *fake_join_sides(struct fake *fake, const struct vmm_port_side *upper,
	const struct vmm_port_side *lower, const char *interface, uint64_t address)
{
	struct fake_link *link = NULL;
	uint32_t id;
	for (id = 0; id < FAKE_LINKS && link == NULL; id++) {
		if (!fake->links[id].used)
			link = &fake->links[id];
	}
	if (link == NULL)
		return NULL;
	memset(link, 0, sizeof(*link));
	link->upper_side = *upper;
	link->lower_side = *lower;
	link->upper = (struct vmm_link){ .struct_size = sizeof(struct vmm_link),
		.id = id,
		.interface = interface,
		.peer_name = "peer",
		.address = address };
	link->lower = link->upper;
	void *upper_self = upper->self;
	void *lower_self = lower->self;
	if (upper->ops != NULL && upper->ops->prepare != NULL &&
		upper->ops->prepare(upper->port_self, &link->upper, &upper_self) < 0)
		return NULL;
	if (lower->ops != NULL && lower->ops->prepare != NULL &&
		lower->ops->prepare(lower->port_self, &link->lower, &lower_self) < 0) {
		if (upper->ops != NULL && upper->ops->detached != NULL)
			upper->ops->detached(upper->port_self, &link->upper);
		return NULL;
	}
	link->used = 1;
	link->upper.peer = lower->table;
	link->upper.peer_self = lower_self;
	link->lower.peer = upper->table;
	link->lower.peer_self = upper_self;
	/* The provider first, so that it is ready when the guest's side begins to submit. */
	if (lower->ops != NULL && lower->ops->attached != NULL)
		lower->ops->attached(lower->port_self, &link->lower);
	if (upper->ops != NULL && upper->ops->attached != NULL)
		upper->ops->attached(upper->port_self, &link->upper);
	return link;
}

struct fake_link *fake_join(struct fake_instance *upper, const char *upper_key, struct fake_instance *lower,
	const char *lower_key, const char *interface, uint64_t address)
{
	struct vmm_port_side above;
	struct vmm_port_side below;
	if (fake_side(upper, upper_key, &above) < 0 || fake_side(lower, lower_key, &below) < 0)
		return NULL;
	return fake_join_sides(upper->fake, &above, &below, interface, address);
}

void fake_part(struct fake *fake, struct fake_link *link)
{
	const struct vmm_port_ops *upper = link->upper_side.ops;
	const struct vmm_port_ops *lower = link->lower_side.ops;
	(void)fake;
	if (upper != NULL && upper->closing != NULL)
		upper->closing(link->upper_side.port_self, &link->upper);
	if (lower != NULL && lower->closing != NULL)
		lower->closing(link->lower_side.port_self, &link->lower);
	if (upper != NULL && upper->detached != NULL)
		upper->detached(link->upper_side.port_self, &link->upper);
	if (lower != NULL && lower->detached != NULL)
		lower->detached(link->lower_side.port_self, &link->lower);
	link->used = 0;
}

uint32_t fake_core_row(const struct vmm_port_row *row)
{
	return (row->flags & VMM_PORT_CORE) != 0 && strcmp(row->interfaces, VMM_PORT_INTERRUPT) == 0;
}

struct fake_link *fake_join_core(
	struct fake_instance *instance, const struct vmm_port_row *row, const struct vmm_port_side *side)
{
	struct fake *fake = instance->fake;
	const struct vmm_port_side core = {
		.struct_size = sizeof(core),
		.table = &fake_interrupt_lower,
		.self = fake,
	};
	if (fake->controller_count == sizeof(fake->controllers) / sizeof(fake->controllers[0]))
		return NULL;
	struct fake_link *link = fake_join_sides(fake, side, &core, row->interfaces, 0);
	if (link == NULL)
		return NULL;
	fake->controllers[fake->controller_count] = side->table;
	fake->controller_selves[fake->controller_count++] = link->lower.peer_self;
	return link;
}
