/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm.image/1: images of other plugins' formats, for those whose parents they are. */
#include <errno.h>

#include "vmm/plugin/host.h"
#include "vmm/plugin/image.h"

int image_open_for(struct plugin_registry *registry, const struct vmm_host *host, const char *name, const char *path,
	uint32_t flags, struct vmm_image *image)
{
	const struct image_format *format = NULL;
	struct config_error error = { "" };
	int status = name ? image_format_find(registry, name, &format, &error)
			  : image_format_probe(registry, path, &format, &error);

	if (status) {
		host->fail(host->context, error.text, "install the plugin, or convert the image");
		return status;
	}
	return format->factory.open(format->index, host, path, flags, image);
}

static int32_t service_image_open(
	void *context, const char *format, const char *path, uint32_t flags, struct vmm_image *image)
{
	struct instance *instance = context;

	if (!instance->env->registry)
		return -ENOTSUP;
	return image_open_for(instance->env->registry, &instance->host, format, path, flags, image);
}

const struct vmm_image_service service_image = { .struct_size = sizeof(service_image), .open = service_image_open };
