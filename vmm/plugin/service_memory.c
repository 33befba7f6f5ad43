/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm.memory/1, vmm.region/1 and vmm.io/1. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/plugin/copy.h"
#include "vmm/plugin/host.h"

static int32_t service_memory_read(void *context, uint64_t address, void *data, uint64_t length)
{
	struct instance *instance = context;
	int status = memory_read(instance->env->memory, address, data, length, MEMORY_DMA);

	return status < 0 ? status : 0;
}

static int32_t service_memory_write(void *context, uint64_t address, const void *data, uint64_t length)
{
	struct instance *instance = context;
	int status = memory_write(instance->env->memory, address, data, length, MEMORY_DMA);

	return status < 0 ? status : 0;
}

static int32_t service_memory_map(
	void *context, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	struct instance *instance = context;
	struct resource resource = { .type = RESOURCE_MAP };
	int status = memory_map(
		instance->env->memory, address, *length, direction == VMM_DIRECTION_TO_GUEST, &resource.map, pointer);

	if (status)
		return status;
	*length = resource.map.length;
	*map = resource_add(instance, &resource);
	if (*map)
		return 0;
	memory_unmap(&resource.map, 0);
	return -ENOMEM;
}

static void service_memory_unmap(void *context, vmm_handle map, uint64_t written)
{
	struct instance *instance = context;
	struct resource *resource = resource_take(instance->env, map, RESOURCE_MAP);

	if (!resource)
		return;
	memory_unmap(&resource->map, written);
	free(resource);
}

const struct vmm_memory_service service_memory = {
	.struct_size = sizeof(service_memory),
	.read = service_memory_read,
	.write = service_memory_write,
	.map = service_memory_map,
	.unmap = service_memory_unmap,
};

static int32_t region_create(void *context, const struct vmm_region_desc *given, vmm_handle *region)
{
	struct instance *instance = context;
	struct resource resource = { .type = RESOURCE_REGION }, *target = NULL;
	struct vmm_region_desc desc;
	struct vmm_region_ops ops;
	int status;

	COPY_STRUCT(&desc, given);
	COPY_STRUCT(&ops, desc.ops);
	if (desc.type < VMM_REGION_RAM || desc.type > VMM_REGION_ALIAS)
		return -EINVAL;
	if (desc.type == VMM_REGION_ALIAS && desc.target) {
		target = resource_get(instance->env, desc.target, RESOURCE_REGION);
		if (!target)
			return -EINVAL;
	}
	struct memory_desc made = {
		.type = (enum memory_type)desc.type,
		.flags = desc.flags,
		.size_minimum = desc.size_minimum,
		.size_maximum = desc.size_maximum,
		.length = desc.length,
		.read = ops.read,
		.write = ops.write,
		.self = desc.self,
		.token = desc.token,
		.target = target ? target->region : NULL,
		.target_offset = desc.target_offset,
		.owner = &instance->owner,
		.name = desc.name ? desc.name : instance->name,
	};

	status = memory_region_new(instance->env->memory, &made, &resource.region);
	if (status)
		return status;
	*region = resource_add(instance, &resource);
	if (*region)
		return 0;
	memory_region_free(resource.region);
	return -ENOMEM;
}

static struct memory_region *region_get(void *context, vmm_handle region)
{
	struct instance *instance = context;
	struct resource *resource = resource_get(instance->env, region, RESOURCE_REGION);

	return resource ? resource->region : NULL;
}

static void region_destroy(void *context, vmm_handle region)
{
	struct instance *instance = context;
	struct resource *resource = resource_take(instance->env, region, RESOURCE_REGION);

	if (!resource)
		return;
	memory_region_free(resource->region);
	free(resource);
}

static int32_t region_map(void *context, vmm_handle handle, uint64_t address, int32_t priority)
{
	struct memory_region *region = region_get(context, handle);

	return region ? memory_region_map(region, address, priority) : -EINVAL;
}

static void region_unmap(void *context, vmm_handle handle)
{
	struct memory_region *region = region_get(context, handle);

	if (region)
		memory_region_unmap(region);
}

static void region_begin(void *context)
{
	struct instance *instance = context;

	memory_begin(instance->env->memory);
}

static void region_commit(void *context)
{
	struct instance *instance = context;

	memory_commit(instance->env->memory);
}

static int32_t region_set_readonly(void *context, vmm_handle handle, uint32_t readonly)
{
	struct memory_region *region = region_get(context, handle);

	return region ? memory_region_set_readonly(region, readonly != 0) : -EINVAL;
}

static int32_t region_write(void *context, vmm_handle handle, uint64_t offset, const void *data, uint64_t length)
{
	struct memory_region *region = region_get(context, handle);

	return region ? memory_region_write(region, offset, data, length) : -EINVAL;
}

static int32_t region_read(void *context, vmm_handle handle, uint64_t offset, void *data, uint64_t length)
{
	struct memory_region *region = region_get(context, handle);

	return region ? memory_region_read(region, offset, data, length) : -EINVAL;
}

static int32_t region_dirty_fetch(
	void *context, vmm_handle handle, uint64_t offset, uint64_t length, uint64_t *bits, uint64_t words)
{
	struct memory_region *region = region_get(context, handle);

	return region ? memory_region_dirty(region, offset, length, bits, words) : -EINVAL;
}

const struct vmm_region_service service_region = {
	.struct_size = sizeof(service_region),
	.create = region_create,
	.destroy = region_destroy,
	.map = region_map,
	.unmap = region_unmap,
	.begin = region_begin,
	.commit = region_commit,
	.set_readonly = region_set_readonly,
	.write = region_write,
	.read = region_read,
	.dirty_fetch = region_dirty_fetch,
};

static int32_t service_io_claim(void *context, uint32_t port, uint32_t count, uint32_t sizes, int32_t priority,
	const struct vmm_io_ops *given, void *self, uint64_t token, vmm_handle *claim)
{
	struct instance *instance = context;
	struct resource resource = { .type = RESOURCE_CLAIM };
	const char *holder = "?";
	struct vmm_io_ops ops;
	char cause[160];

	COPY_STRUCT(&ops, given);
	struct io_desc desc = {
		.port = port,
		.count = count,
		.sizes = sizes,
		.priority = priority,
		.read = ops.read,
		.write = ops.write,
		.self = self,
		.token = token,
		.owner = &instance->owner,
		.name = instance->name,
	};
	int status = io_claim_new(instance->env->io, &desc, &resource.claim, &holder);

	if (status == -EBUSY) {
		snprintf(cause, sizeof(cause), "I/O ports 0x%x to 0x%x are taken by [%.64s]", port, port + count - 1,
			holder);
		instance->host.fail(
			instance, cause, "give one of the two other ports, or remove it with plugin = none");
	}
	if (status)
		return status;
	*claim = resource_add(instance, &resource);
	if (*claim)
		return 0;
	io_claim_free(resource.claim);
	return -ENOMEM;
}

static struct io_claim *claim_get(void *context, vmm_handle claim)
{
	struct instance *instance = context;
	struct resource *resource = resource_get(instance->env, claim, RESOURCE_CLAIM);

	return resource ? resource->claim : NULL;
}

static void service_io_release(void *context, vmm_handle claim)
{
	struct instance *instance = context;
	struct resource *resource = resource_take(instance->env, claim, RESOURCE_CLAIM);

	if (!resource)
		return;
	io_claim_free(resource->claim);
	free(resource);
}

static int32_t service_io_move(void *context, vmm_handle handle, uint32_t port)
{
	struct io_claim *claim = claim_get(context, handle);

	return claim ? io_claim_move(claim, port) : -EINVAL;
}

static int32_t service_io_enable(void *context, vmm_handle handle, uint32_t enabled)
{
	struct io_claim *claim = claim_get(context, handle);

	if (!claim)
		return -EINVAL;
	io_claim_enable(claim, enabled != 0);
	return 0;
}

static bool io_access_valid(uint32_t port, uint32_t size)
{
	return port < IO_PORTS && (size == 1 || size == 2 || size == 4);
}

static int32_t service_io_read(void *context, uint32_t port, uint32_t size, uint32_t *value)
{
	struct instance *instance = context;

	if (!io_access_valid(port, size))
		return -EINVAL;
	*value = io_space_read(instance->env->io, (uint16_t)port, size);
	return 0;
}

static int32_t service_io_write(void *context, uint32_t port, uint32_t size, uint32_t value)
{
	struct instance *instance = context;

	if (!io_access_valid(port, size))
		return -EINVAL;
	io_space_write(instance->env->io, (uint16_t)port, size, value);
	return 0;
}

const struct vmm_io_service service_io = {
	.struct_size = sizeof(service_io),
	.claim = service_io_claim,
	.release = service_io_release,
	.move = service_io_move,
	.enable = service_io_enable,
	.read = service_io_read,
	.write = service_io_write,
};
