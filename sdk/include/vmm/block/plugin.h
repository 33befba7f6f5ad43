/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Block kit: a plugin made of an image format.
 */
#ifndef VMM_BLOCK_PLUGIN_H
#define VMM_BLOCK_PLUGIN_H

#include <string.h>

#include <vmm/block/format.h>
#include <vmm/draft/image.h>
#include <vmm/kit/plugin.h>

/* The settings and ports of every storage plugin that is made so. */
#define VMM_BLOCK_PARAM_COUNT 7
extern const struct vmm_param vmm_block_params[VMM_BLOCK_PARAM_COUNT];
extern const struct vmm_port_row vmm_block_ports[1];

/* An instance of a storage plugin. */
int32_t vmm_block_instance(
	const struct vmm_block_format *format, const struct vmm_host *host, struct vmm_instance *instance);

/* vmm.image/1 of a format. */
int32_t vmm_block_factory_open(const struct vmm_block_format *format, const struct vmm_host *host, const char *path,
	uint32_t flags, struct vmm_image *image);
int32_t vmm_block_factory_create(
	const struct vmm_block_format *format, const struct vmm_host *host, const struct vmm_image_create *create);
int32_t vmm_block_factory_format(
	const struct vmm_block_format *format, const char *description, struct vmm_image_format *known);

/*
 * Export a format as a storage plugin, and as an image plugin for `vmm disk`.  FILE is the plugin file's name with '-'
 * as '_'; FORMAT the name of the format, a constant; ID "org.vmm.storage-NAME"; NAME and DESCRIPTION are the
 * descriptor's.
 */
#define VMM_BLOCK_PLUGIN(FILE, FORMAT, ID, NAME, DESCRIPTION) \
	VMM_BLOCK_PLUGIN_TWO(FILE, FORMAT, ID, NAME, DESCRIPTION, 1, FORMAT, DESCRIPTION)
/* The same with another format for `vmm disk` alone; COUNT is 2. */
#define VMM_BLOCK_PLUGIN_TWO(FILE, FORMAT, ID, NAME, DESCRIPTION, COUNT, SECOND, SECOND_DESCRIPTION) \
	static const struct vmm_block_format *const block_formats[2] = { &(FORMAT), &(SECOND) }; \
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
		return index < (COUNT) ? block_formats[index]->probe(probe) : 0; \
	} \
	static const struct vmm_descriptor *const block_descriptors[] = { &block_descriptor }; \
	static const struct vmm_factory block_storage = { \
		.struct_size = sizeof(struct vmm_factory), \
		.descriptor_count = 1, \
		.descriptors = block_descriptors, \
		.create = block_create, \
		.probe = block_probe, \
	}; \
	static int32_t block_image_format(uint32_t index, struct vmm_image_format *format) \
	{ \
		return index < (COUNT) ? vmm_block_factory_format(block_formats[index], \
						 index == 0 ? (DESCRIPTION) : (SECOND_DESCRIPTION), format) \
				       : -ENOENT; \
	} \
	static int32_t block_image_open(uint32_t index, const struct vmm_host *host, const char *path, uint32_t flags, \
		struct vmm_image *image) \
	{ \
		return index < (COUNT) ? vmm_block_factory_open(block_formats[index], host, path, flags, image) \
				       : -ENOENT; \
	} \
	static int32_t block_image_create( \
		uint32_t index, const struct vmm_host *host, const struct vmm_image_create *create) \
	{ \
		return index < (COUNT) ? vmm_block_factory_create(block_formats[index], host, create) : -ENOENT; \
	} \
	static const struct vmm_image_factory block_image = { \
		.struct_size = sizeof(struct vmm_image_factory), \
		.format_count = (COUNT), \
		.format = block_image_format, \
		.probe = block_probe, \
		.open = block_image_open, \
		.create = block_image_create, \
	}; \
	static const struct vmm_factory *block_get_factory(const char *kind) \
	{ \
		if (strcmp(kind, VMM_KIND_IMAGE) == 0) \
			return (const struct vmm_factory *)(const void *)&block_image; \
		return strcmp(kind, VMM_KIND_STORAGE) == 0 ? &block_storage : NULL; \
	} \
	VMM_PLUGIN(FILE, block_get_factory)

#endif
