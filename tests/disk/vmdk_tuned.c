/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * VMDK for the property and crash tests, with a descriptor that is full to its last byte of lines that nobody knows: it
 * has to move for the first change that makes it longer.
 */
#include <stdio.h>

/* All but the name of the table is the plugin's. */
#define vmdk_format vmdk_untuned
#include "plugins/storage-vmdk/vmdk.c"
#undef vmdk_format

extern const struct vmm_block_format vmdk_format; /* as the plugin's other files call it */

/* Lines of a vendor's own. */
static int32_t descriptor_fill(struct vmm_block_file *file)
{
	static char text[65536];
	struct header header;
	int32_t status = vmm_block_file_read_exact(file, text, SECTOR, 0);
	if (status < 0 || !header_decode((const uint8_t *)text, &header))
		return status;
	uint64_t size = header.descriptorSize * SECTOR;
	if (size >= sizeof(text))
		return -EFBIG;
	status = vmm_block_file_read_exact(file, text, size, header.descriptorOffset * SECTOR);
	for (size_t at = strnlen(text, size); status == 0 && at < size;) {
		size_t line = size - at < 160 ? size - at : 80;
		memset(text + at, 'x', line);
		if (line > 16)
			memcpy(text + at, "acme.note=\"", 11), text[at + line - 2] = '"';
		text[at + line - 1] = '\n';
		at += line;
	}
	return status == 0 ? vmm_block_file_write(file, text, size, header.descriptorOffset * SECTOR) : status;
}

static int32_t tuned_create(const struct vmm_block_create *create)
{
	struct vmm_block_file *file;
	int32_t status = vmdk_create(create);
	if (status == 0)
		status = vmm_block_file_open(create->path, 0, NULL, &file);
	if (status < 0)
		return status;
	status = descriptor_fill(file);
	vmm_block_file_close(file);
	return status;
}

const struct vmm_block_format vmdk_format = {
	.state_size = sizeof(struct vmdk),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "vmdk",
	.suffixes = "vmdk",
	.variants = "monolithicSparse",
	.options = vmdk_options,
	.option_count = 5,
	.probe = probe,
	.open = open_image,
	.joined = vmdk_joined,
	.close = close_image,
	.begin = vmdk_begin,
	.map = vmdk_map,
	.unpack = vmdk_unpack,
	.allocate = vmdk_allocate,
	.commit = vmdk_commit,
	.abandon = vmdk_abandon,
	.zero = vmdk_zero,
	.sync = vmdk_sync,
	.pack = vmdk_pack,
	.resize = vmdk_resize,
	.compact = vmdk_compact,
	.rebase = vmdk_rebase,
	.check = vmdk_check,
	.info = vmdk_info,
	.create = tuned_create,
};
