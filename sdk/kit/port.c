/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/plugin.h>

static void quiet(void *port_self, const struct vmm_link *link)
{
	(void)port_self;
	(void)link;
}

static const struct vmm_port_ops quiet_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = quiet,
	.closing = quiet,
	.detached = quiet,
};

static const struct vmm_isa_lower isa_lower = { .struct_size = sizeof(struct vmm_isa_lower) };

void vmm_kit_port_quiet(void *self, const void *table, struct vmm_port_side *side)
{
	side->ops = &quiet_ops;
	side->port_self = self;
	side->table = table;
	side->self = self;
}

void vmm_kit_port_isa(void *self, struct vmm_port_side *side)
{
	vmm_kit_port_quiet(self, &isa_lower, side);
}
