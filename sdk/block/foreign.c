/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Parents of another plugin's format: the host opens them, and the kit reads them through vmm.image/1.
 */
#include <errno.h>
#include <string.h>

#include "kit.h"

struct foreign {
	struct vmm_image image;
};

static int32_t foreign_open(struct vmm_block_image *image)
{
	struct foreign *foreign = image->state;
	const struct vmm_image_service *service = image->host->get_service(image->host->context, VMM_SERVICE_IMAGE);
	const char *wanted = image_node(image)->wanted;
	struct vmm_image_info info = { .struct_size = sizeof(info) };
	if (!VMM_HAS(service, open))
		return vmm_block_fail(image->host, -ENOTSUP, "convert the parent, or install the plugin",
			"the parent %.3000s is of a format that nobody here knows", image->path);
	/* image->file stays open, too: by it the kit sees that no image is its own ancestor. */
	int32_t status = service->open(
		image->host->context, wanted[0] != 0 ? wanted : NULL, image->path, image->flags, &foreign->image);
	if (status < 0)
		return status;
	status = foreign->image.ops->info(foreign->image.self, 0, &info);
	if (status < 0)
		return status;
	image->length = info.length;
	image->is_readonly = 1;
	return 0;
}

static void foreign_close(struct vmm_block_image *image)
{
	struct foreign *foreign = image->state;
	if (foreign->image.ops != NULL)
		foreign->image.ops->close(foreign->image.self);
	foreign->image.ops = NULL;
}

static int32_t foreign_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	const struct foreign *foreign = image->state;
	struct vmm_image_piece piece = { .struct_size = sizeof(piece) };
	int32_t status = foreign->image.ops->map(foreign->image.self, offset, length, &piece);
	if (status < 0)
		return status;
	extent->kind = piece.kind == VMM_IMAGE_ZERO || piece.is_hole ? VMM_BLOCK_ZERO : VMM_BLOCK_PACKED;
	extent->length = piece.length;
	return 0;
}

static int32_t foreign_unpack(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data)
{
	const struct foreign *foreign = image->state;
	return foreign->image.ops->read(foreign->image.self, data, length, offset);
}

const struct vmm_block_format block_foreign = {
	.state_size = sizeof(struct foreign),
	.flags = BLOCK_FORMAT_DEVICES,
	.name = "foreign",
	.suffixes = "",
	.variants = "",
	.open = foreign_open,
	.close = foreign_close,
	.map = foreign_map,
	.unpack = foreign_unpack,
};

const struct vmm_image *foreign_image(const struct vmm_block_image *image)
{
	const struct foreign *foreign = image->state;
	return image->format == &block_foreign ? &foreign->image : NULL;
}

const char *image_format_name(const struct vmm_block_image *image)
{
	const struct vmm_image *foreign = foreign_image(image);
	struct vmm_image_info info = { .struct_size = sizeof(info) };
	if (foreign != NULL && foreign->ops->info(foreign->self, 0, &info) == 0)
		return info.format;
	return image->format->name;
}
