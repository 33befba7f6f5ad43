/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the parts of a plugin that are the same in all of them.
 */
#ifndef VMM_KIT_PLUGIN_H
#define VMM_KIT_PLUGIN_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/kit/fields.h>
#include <vmm/kit/host.h>
#include <vmm/plugin.h>
#include <vmm/port-isa.h>
#include <vmm/port.h>

/* Rows of a parameter table. */
#define VMM_KIT_PARAM(TYPE, KEY, DEFAULT, MINIMUM, MAXIMUM, CHOICES, HELP) \
	{ \
		sizeof(struct vmm_param), (TYPE), 0, 0, (KEY), (DEFAULT), (MINIMUM), (MAXIMUM), (CHOICES), (HELP) \
	}
#define VMM_KIT_PARAM_BOOL(KEY, DEFAULT, HELP) VMM_KIT_PARAM(VMM_PARAM_BOOL, KEY, DEFAULT, 0, 0, NULL, HELP)
#define VMM_KIT_PARAM_INT(KEY, DEFAULT, MINIMUM, MAXIMUM, HELP) \
	VMM_KIT_PARAM(VMM_PARAM_INT, KEY, DEFAULT, MINIMUM, MAXIMUM, NULL, HELP)
#define VMM_KIT_PARAM_CHOICE(KEY, DEFAULT, CHOICES, HELP) \
	VMM_KIT_PARAM(VMM_PARAM_CHOICE, KEY, DEFAULT, 0, 0, CHOICES, HELP)
#define VMM_KIT_PARAM_STRING(KEY, DEFAULT, HELP) VMM_KIT_PARAM(VMM_PARAM_STRING, KEY, DEFAULT, 0, 0, NULL, HELP)
#define VMM_KIT_PARAM_PATH(KEY, DEFAULT, HELP)   VMM_KIT_PARAM(VMM_PARAM_PATH, KEY, DEFAULT, 0, 0, NULL, HELP)

/* Rows of a port table. */
#define VMM_KIT_PORT(ROLE, FLAGS, KEY, INTERFACES, HELP) \
	{ \
		sizeof(struct vmm_port_row), (ROLE), (FLAGS), 0, (KEY), (INTERFACES), VMM_ADDRESS_NONE, 0, 0, 0, \
			(HELP) \
	}
#define VMM_KIT_PORT_ISA_CHILD \
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_ISA, "The ISA bus it sits on.")

/* The side of a port that need do nothing when it is joined or parted, such as an ISA device without DMA. */
void vmm_kit_port_quiet(void *self, const void *table, struct vmm_port_side *side);
void vmm_kit_port_isa(void *self, struct vmm_port_side *side);

/*
 * Export one plugin of one kind: DESCRIPTOR and OPS are the names of static constants, TYPE the instance's struct,
 * which has a member `const struct vmm_host *host`; its memory is zeroed.
 */
#define VMM_KIT_PLUGIN(FILE, KIND, DESCRIPTOR, OPS, TYPE) VMM_KIT_PLUGIN_PROBE(FILE, KIND, DESCRIPTOR, OPS, TYPE, NULL)
/* The same for a storage plugin that can tell its images: PROBE is the factory's function. */
#define VMM_KIT_PLUGIN_PROBE(FILE, KIND, DESCRIPTOR, OPS, TYPE, PROBE) \
	static int32_t kit_create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance) \
	{ \
		(void)index; \
		TYPE *self = calloc(1, sizeof(TYPE)); \
		if (self == NULL) \
			return -ENOMEM; \
		self->host = host; \
		instance->ops = &(OPS); \
		instance->self = self; \
		return 0; \
	} \
	static const struct vmm_descriptor *const kit_descriptors[] = { &(DESCRIPTOR) }; \
	static const struct vmm_factory kit_factory = { \
		.struct_size = sizeof(struct vmm_factory), \
		.descriptor_count = 1, \
		.descriptors = kit_descriptors, \
		.create = kit_create, \
		.probe = (PROBE), \
	}; \
	static const struct vmm_factory *kit_get_factory(const char *kind) \
	{ \
		return strcmp(kind, KIND) == 0 ? &kit_factory : NULL; \
	} \
	VMM_PLUGIN(FILE, kit_get_factory)

#endif
