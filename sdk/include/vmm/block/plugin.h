/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Block kit: a plugin made of an image format.
 */
#ifndef VMM_BLOCK_PLUGIN_H
#define VMM_BLOCK_PLUGIN_H

#include <string.h>

#include <vmm/block/format.h>
#include <vmm/kit/plugin.h>

/* The settings and ports of every storage plugin that is made so. */
#define VMM_BLOCK_PARAM_COUNT 6
extern const struct vmm_param vmm_block_params[VMM_BLOCK_PARAM_COUNT];
extern const struct vmm_port_row vmm_block_ports[1];

/* An instance of a storage plugin. */
int32_t vmm_block_instance(
	const struct vmm_block_format *format, const struct vmm_host *host, struct vmm_instance *instance);

/*
 * Export a format as a storage plugin.  FILE is the plugin file's name with '-' as '_'; FORMAT the name of the format,
 * a constant; ID "org.vmm.storage-NAME"; NAME and DESCRIPTION are the descriptor's.
 */
#define VMM_BLOCK_PLUGIN(FILE, FORMAT, ID, NAME, DESCRIPTION) \
	static const struct vmm_descriptor block_descriptor = { \
		.struct_size = sizeof(struct vmm_descriptor), \
		.thread_model = VMM_THREAD_MACHINE, \
		.state_version = 1, \
		.param_count = VMM_BLOCK_PARAM_COUNT, \
		.param_stride = sizeof(struct vmm_param), \
		.port_count = 1, \
		.port_stride = sizeof(struct vmm_port_row), \
		.id = (ID), \
		.name = (NAME), \
		.version = "0.9", \
		.licence = "BSD-2-Clause", \
		.description = (DESCRIPTION), \
		.params = vmm_block_params, \
		.ports = vmm_block_ports, \
	}; \
	static int32_t block_create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance) \
	{ \
		(void)index; \
		return vmm_block_instance(&(FORMAT), host, instance); \
	} \
	static uint32_t block_probe(uint32_t index, const struct vmm_probe *probe) \
	{ \
		(void)index; \
		return (FORMAT).probe(probe); \
	} \
	static const struct vmm_descriptor *const block_descriptors[] = { &block_descriptor }; \
	static const struct vmm_factory block_storage = { \
		.struct_size = sizeof(struct vmm_factory), \
		.descriptor_count = 1, \
		.descriptors = block_descriptors, \
		.create = block_create, \
		.probe = block_probe, \
	}; \
	static const struct vmm_factory *block_get_factory(const char *kind) \
	{ \
		return strcmp(kind, VMM_KIND_STORAGE) == 0 ? &block_storage : NULL; \
	} \
	VMM_PLUGIN(FILE, block_get_factory)

#endif
