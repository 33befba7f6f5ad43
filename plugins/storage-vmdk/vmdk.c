/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The format: which files are VMDKs, and how one is opened.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COWD_MAGIC     UINT32_C(0x44574f43)
#define SESPARSE_MAGIC UINT64_C(0x00000000cafebabe)
#define PROBE_BYTES    4096u

static uint32_t is_extent(const uint8_t *head, uint64_t length)
{
	return length >= SECTOR &&
		(vmm_block_le32(head) == HEADER_MAGIC || vmm_block_le32(head) == COWD_MAGIC ||
			vmm_block_le64(head) == SESPARSE_MAGIC);
}

static uint32_t probe(const struct vmm_probe *probe)
{
	if ((probe->flags & (VMM_PROBE_BLOCK | VMM_PROBE_FOLDER)) != 0)
		return 0;
	if (is_extent(probe->head, probe->head_length))
		return 100;
	uint32_t length = probe->head_length < PROBE_BYTES ? probe->head_length : PROBE_BYTES;
	return descriptor_is(probe->head, length) ? 100 : 0;
}

/* What others can open and vmm cannot. */
static int32_t refuse(struct vmdk *vmdk)
{
	static const char *const devices[] = { "fullDevice", "partitionedDevice", "vmfsRDM", "vmfsRawDeviceMap",
		"vmfsRDMP", "vmfsPassthroughRawDeviceMap", "vmfsRaw" };
	static const char *const keys[] = { "encryptionKeys", "encryption.keySafe", "encryption.data",
		"ddb.encryption.keySafe" };
	const struct vmm_block_image *image = vmdk->image;
	char value[1024];
	uint64_t version;
	for (uint32_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (strcasecmp(image->variant, devices[i]) == 0)
			return vmm_block_fail(image->host, -EOPNOTSUPP,
				"give the device itself to the machine (storage-raw), or clone the disk where it is",
				"%s is a %s disk: it stands for a device of its host", image->path, image->variant);
	}
	for (uint32_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (descriptor_count(&vmdk->descriptor, keys[i]) > 0)
			return vmm_block_fail(image->host, -EOPNOTSUPP,
				"remove the encryption with the program that made it", "%s is encrypted", image->path);
	}
	if (descriptor_get(&vmdk->descriptor, "ddb.iofilters", value, sizeof(value)) &&
		strcasestr(value, "crypt") != NULL)
		return vmm_block_fail(image->host, -EOPNOTSUPP, "remove the encryption on its ESXi host",
			"%s is encrypted (%s)", image->path, value);
	if (descriptor_number(&vmdk->descriptor, "version", 10, &version) && version > 4)
		return vmm_block_fail(image->host, -EOPNOTSUPP, "convert it with the program that made it",
			"the descriptor of %s is of version %llu, which vmm does not know", image->path,
			(unsigned long long)version);
	return 0;
}

/* The name of the variant, in the specification's spelling. */
static void variant_set(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	if (!descriptor_get(&vmdk->descriptor, "createType", image->variant, sizeof(image->variant)))
		snprintf(image->variant, sizeof(image->variant), "custom");
	if (strcasecmp(image->variant, "2GbMaxExtentSparse") == 0)
		snprintf(image->variant, sizeof(image->variant), "twoGbMaxExtentSparse");
	if (strcasecmp(image->variant, "2GbMaxExtentFlat") == 0)
		snprintf(image->variant, sizeof(image->variant), "twoGbMaxExtentFlat");
}

/* An extent that says nothing of a descriptor.  Alone it is a part of a disk, and of a child even less. */
static int32_t bare_open(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	if ((image->flags & VMM_BLOCK_LENIENT) == 0)
		return vmm_block_fail(image->host, -EINVAL, "open the .vmdk that is a short text and names this file",
			"%s is one extent of a disk, without its descriptor", image->path);
	vmdk->is_bare = 1;
	image->is_readonly = 1;
	image->readonly_why = "it is an extent without its descriptor";
	snprintf(image->variant, sizeof(image->variant), "custom");
	return 0;
}

static int32_t head_read(struct vmdk *vmdk, const uint8_t *head, uint64_t length)
{
	struct vmm_block_image *image = vmdk->image;
	struct header header;
	if (length >= SECTOR && header_decode(head, &header)) {
		if (header.descriptorOffset == 0)
			return bare_open(vmdk);
		int32_t status = store_load(vmdk, &header);
		if (status < 0)
			return status;
		if (!descriptor_is(vmdk->descriptor.text, vmdk->descriptor.length)) {
			/* Not even a text: then the extent tells how long the disk is. */
			if ((image->flags & VMM_BLOCK_LENIENT) != 0)
				return bare_open(vmdk);
			return vmm_block_fail(image->host, -EINVAL,
				"have vmm disk repair write a new one, or take the disk from a backup",
				"the descriptor of %s is damaged: it does not begin with \"# Disk DescriptorFile\"",
				image->path);
		}
		return 0;
	}
	if (is_extent(head, length))
		return bare_open(vmdk);
	if (!descriptor_is(head, length))
		return vmm_block_fail(
			image->host, -EINVAL, "name another file, or another format", "%s is no VMDK", image->path);
	return store_load(vmdk, NULL);
}

static int32_t open_image(struct vmm_block_image *image)
{
	struct vmdk *vmdk = vmdk_of(image);
	struct vmm_block_file_info info;
	struct part *part;
	uint8_t head[PROBE_BYTES];
	vmdk->image = image;
	int32_t status = vmm_block_file_info(image->file, &info);
	uint64_t length = status == 0 && info.length < sizeof(head) ? info.length : sizeof(head);
	if (status == 0)
		status = vmm_block_file_read(image->file, head, length, 0);
	if (status < 0)
		return vmm_block_fail(image->host, status, "look for the cause in the host's log",
			"%s cannot be read: %s", image->path, strerror(-status));
	/* The first part is the image's own file, if anything but a descriptor is in it. */
	if (is_extent(head, length)) {
		status = part_add(vmdk, image->file, image->path, 0, (image->flags & VMM_BLOCK_READONLY) != 0, &part);
		if (status < 0)
			return status;
	}
	status = lock_check(vmdk);
	if (status == 0)
		status = head_read(vmdk, head, length);
	if (status == 0 && !vmdk->is_bare) {
		variant_set(vmdk);
		status = refuse(vmdk);
		if (status == 0)
			status = chain_open(vmdk);
	}
	if (status == 0)
		status = extents_open(vmdk);
	if (status < 0)
		return status;
	image->unit = extents_unit(vmdk);
	return 0;
}

static void close_image(struct vmm_block_image *image)
{
	struct vmdk *vmdk = vmdk_of(image);
	/* It may be half open. */
	if (vmdk->image == NULL)
		return;
	if ((image->flags & VMM_BLOCK_READONLY) == 0 && vmdk_sync(image) == 0)
		vmdk_finish(vmdk);
	pack_end(vmdk);
	extents_close(vmdk);
	descriptor_free(&vmdk->descriptor);
}

const struct vmm_block_format vmdk_format = {
	.state_size = sizeof(struct vmdk),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "vmdk",
	.suffixes = "vmdk",
	.variants = "monolithicSparse|monolithicFlat|twoGbMaxExtentSparse|twoGbMaxExtentFlat|streamOptimized|vmfs|"
		    "vmfsThin",
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
	.create = vmdk_create,
};
