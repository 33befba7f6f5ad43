/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * New images.
 */
#include <stdio.h>

#include "vhd.h"

#define BLOCK_DEFAULT (2u << 20)
#define LOCATOR_ROOM  (2 * 2 * PATH_BYTES)

const struct vmm_param vhd_options[VHD_OPTIONS] = {
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "block_size", "2097152", 4096, 256 << 20, NULL,
		"Bytes of a block of a dynamic or differencing disk, a power of 2; many programs know only 2097152."),
};

struct making {
	const struct vmm_block_create *create;
	uint8_t footer[FOOTER_SIZE];
	uint8_t header[HEADER_SIZE];
	struct locators locators;
	uint64_t locators_at, end;
	uint32_t entries, disk_type;
};

static int32_t fail(const struct vmm_block_create *create, int32_t error, const char *remedy, const char *what)
{
	return vmm_block_fail(create->host, error, remedy, "cannot make %.3000s: %s", create->path, what);
}

static int32_t header_make(struct making *making)
{
	const struct vmm_block_create *create = making->create;
	const char *text = create->option == NULL ? NULL : create->option(create, "block_size");
	uint64_t block_size = text == NULL ? BLOCK_DEFAULT : strtoull(text, NULL, 0);
	uint8_t *header = making->header;
	if (block_size < 4096 || block_size > 256 << 20 || (block_size & (block_size - 1)) != 0)
		return fail(create, -EINVAL, "use a power of 2, 4096 to 268435456", "that block_size cannot be");
	uint64_t entries = (create->length + block_size - 1) / block_size;
	if (entries * 4 > BAT_MAXIMUM)
		return fail(create, -EINVAL, "use a larger block_size", "the disk is too large for its blocks");
	making->entries = (uint32_t)entries;
	memcpy(header, "cxsparse", 8);
	vmm_block_put_be64(header + 8, NO_OFFSET);
	vmm_block_put_be64(header + AT_TABLE_OFFSET, BAT_PLACE);
	vmm_block_put_be32(header + AT_HEADER_VERSION, 0x10000);
	vmm_block_put_be32(header + AT_MAX_ENTRIES, making->entries);
	vmm_block_put_be32(header + AT_BLOCK_SIZE, (uint32_t)block_size);
	making->end = BAT_PLACE + sectors_up(entries * 4);
	if (making->disk_type == DISK_DIFFERENCING) {
		making->locators_at = making->end;
		making->end += LOCATOR_ROOM;
		int32_t status = parent_encode(header, create->path, create->parent, create->parent_image,
			making->locators_at, &making->locators);
		if (status < 0)
			return fail(
				create, status, "use a shorter, relative name", "the name of its parent is too long");
	}
	header_seal(header);
	return 0;
}

static int32_t bat_make(const struct making *making, struct vmm_block_file *file)
{
	uint64_t length = sectors_up((uint64_t)making->entries * 4);
	uint8_t *data = malloc(length);
	if (data == NULL)
		return -ENOMEM;
	/* All of it, the end of the last sector, too: there are programs that look. */
	memset(data, 0xff, length);
	int32_t status = vmm_block_file_write(file, data, length, BAT_PLACE);
	free(data);
	return status;
}

static int32_t contents_write(const struct making *making, struct vmm_block_file *file)
{
	int32_t status = 0;
	if (making->disk_type == DISK_FIXED) {
		status = vmm_block_file_write(file, making->footer, FOOTER_SIZE, making->end);
		return status < 0 ? status : vmm_block_file_sync(file);
	}
	status = bat_make(making, file);
	if (status >= 0 && making->disk_type == DISK_DIFFERENCING)
		status = locators_write(file, &making->locators, making->locators_at);
	if (status >= 0)
		status = vmm_block_file_write(file, making->header, HEADER_SIZE, HEADER_PLACE);
	/* The footers last: what has one is whole. */
	if (status >= 0)
		status = vmm_block_file_sync(file);
	if (status >= 0)
		status = vmm_block_file_write(file, making->footer, FOOTER_SIZE, making->end);
	if (status >= 0)
		status = vmm_block_file_write(file, making->footer, FOOTER_SIZE, 0);
	return status < 0 ? status : vmm_block_file_sync(file);
}

static uint32_t type_find(const struct vmm_block_create *create)
{
	if (create->parent != NULL)
		return DISK_DIFFERENCING;
	return create->variant != NULL && strcmp(create->variant, "fixed") == 0 ? DISK_FIXED : DISK_DYNAMIC;
}

int32_t vhd_create(const struct vmm_block_create *create)
{
	struct vmm_block_file *file;
	int32_t status = 0;
	if (create->length > LENGTH_LIMIT)
		return fail(create, -EFBIG, "use a smaller disk or another format", "a VHD has at most 2040 GiB");
	if (create->variant != NULL && strcmp(create->variant, "differencing") == 0 && create->parent == NULL)
		return fail(
			create, -EINVAL, "name its parent, or make it dynamic", "a differencing disk needs a parent");
	if (create->variant != NULL && strcmp(create->variant, "fixed") == 0 && create->parent != NULL)
		return fail(create, -EINVAL, "leave the variant out", "a fixed disk cannot have a parent");
	if (create->parent_image != NULL && create->parent_image->format != &vmm_vhd_format)
		return fail(create, -EINVAL,
			"convert the parent to VHD, or make a child of another format, such as qcow2",
			"its parent is not a VHD");
	struct making *making = calloc(1, sizeof(*making));
	if (making == NULL)
		return -ENOMEM;
	making->create = create;
	making->disk_type = type_find(create);
	making->end = create->length;
	footer_make(making->footer, create->length, making->disk_type);
	if (making->disk_type != DISK_FIXED)
		status = header_make(making);
	if (status < 0)
		goto free_making;
	status = vmm_block_file_open(create->path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status < 0) {
		fail(create, status, "name a file that does not exist, in a folder that can be written",
			strerror(-status));
		goto free_making;
	}
	status = contents_write(making, file);
	vmm_block_file_close(file);
	if (status < 0) {
		vmm_block_unlink(create->path);
		fail(create, status, "make room on its disk", strerror(-status));
	}
free_making:
	free(making);
	return status;
}
