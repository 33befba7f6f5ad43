/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Links to parents, and the content IDs that tell whether a parent is still what a child was made from.
 *
 * A disk gets another CID at the first write after it is opened; a child keeps its parent's as parentCID.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

uint32_t cid_make(void)
{
	uint32_t cid = 0;
	if (getrandom(&cid, sizeof(cid), GRND_NONBLOCK) != sizeof(cid)) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		cid = (uint32_t)now.tv_sec ^ ((uint32_t)now.tv_nsec << 2);
	}
	/* ffffffff means none, and fffffffe "see longContentID". */
	return cid >= 0xfffffffe || cid == 0 ? 0x1badc1d : cid;
}

static uint32_t cid_get(const struct descriptor *descriptor, const char *key)
{
	uint64_t value;
	return descriptor_number(descriptor, key, 16, &value) && value <= UINT32_MAX ? (uint32_t)value : CID_NONE;
}

int32_t chain_open(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	vmdk->cid = cid_get(&vmdk->descriptor, "CID");
	vmdk->parent_cid = cid_get(&vmdk->descriptor, "parentCID");
	if (vmdk->parent_cid == CID_NONE)
		return 0;
	if (!descriptor_path(&vmdk->descriptor, "parentFileNameHint", image->parent, sizeof(image->parent)) &&
		(image->flags & (VMM_BLOCK_LENIENT | VMM_BLOCK_LONELY)) == 0)
		return vmm_block_fail(image->host, -EINVAL,
			"name the parent with vmm disk rebase FILE --parent PARENT --unsafe",
			"%s has a parent (with the content ID %08x), and does not say which", image->path,
			vmdk->parent_cid);
	if (image->parent[0] != '\0')
		snprintf(image->parent_format, sizeof(image->parent_format), "vmdk");
	return 0;
}

int32_t vmdk_joined(struct vmm_block_image *image)
{
	struct vmdk *vmdk = vmdk_of(image);
	const struct vmm_block_image *parent = image->parent_image;
	if (parent->format != &vmdk_format)
		return vmm_block_fail(image->host, -EINVAL,
			"convert the parent to VMDK, and name it with vmm disk rebase --unsafe",
			"%s, the parent of %s, is no VMDK", parent->path, image->path);
	uint32_t cid = ((const struct vmdk *)parent->state)->cid;
	if (cid == vmdk->parent_cid)
		return 0;
	/* Check says so, among all else. */
	if ((image->flags & VMM_BLOCK_LENIENT) != 0) {
		vmdk->is_stale = 1;
		return 0;
	}
	return vmm_block_fail(image->host, -ESTALE,
		"restore the parent as it was; if you know that only its content ID has changed, say so with vmm disk "
		"rebase FILE --parent PARENT --unsafe",
		"%s was changed after %s was made from it (its content ID is %08x, and was %08x)", parent->path,
		image->path, cid, vmdk->parent_cid);
}

uint32_t chain_value(const struct vmm_block_image *image, const char *key, char *value, uint32_t size)
{
	for (; image != NULL && image->format == &vmdk_format; image = image->parent_image) {
		const struct vmdk *vmdk = image->state;
		if (vmdk->descriptor.text != NULL && descriptor_get(&vmdk->descriptor, key, value, size))
			return 1;
	}
	value[0] = '\0';
	return 0;
}

/* VMware's record of changed blocks, which backups go by, does not know of ours: better none than one that is wrong. */
static int32_t tracking_end(struct vmdk *vmdk)
{
	const struct vmm_host *host = vmdk->image->host;
	char text[512];
	if (descriptor_count(&vmdk->descriptor, "changeTrackPath") == 0)
		return 0;
	snprintf(text, sizeof(text),
		"%.300s has changed block tracking, which ends with the first write: the next backup must be a full "
		"one",
		vmdk->image->path);
	host->log(host->context, VMM_LOG_WARNING, text);
	return descriptor_set(&vmdk->descriptor, "changeTrackPath", NULL, 1);
}

static int32_t cid_change(struct vmdk *vmdk, uint32_t cid)
{
	char text[16], whole[40];
	snprintf(text, sizeof(text), "%08x", cid);
	int32_t status = descriptor_set(&vmdk->descriptor, "CID", text, 0);
	/* Its last eight digits are the CID. */
	if (status == 0 && descriptor_get(&vmdk->descriptor, "ddb.longContentID", whole, sizeof(whole)) &&
		strlen(whole) == 32) {
		snprintf(whole, sizeof(whole), "%08x%08x%08x%08x", cid_make(), cid_make(), cid_make(), cid);
		status = descriptor_set(&vmdk->descriptor, "ddb.longContentID", whole, 1);
	}
	return status;
}

int32_t vmdk_begin(struct vmm_block_image *image)
{
	struct vmdk *vmdk = vmdk_of(image);
	uint32_t cid = cid_make();
	if (vmdk->is_bare || vmdk->descriptor.text == NULL)
		return 0;
	if (cid == vmdk->cid)
		cid ^= 1;
	/* One that never had an ID gets none: there may be no room. */
	uint32_t has_cid = descriptor_count(&vmdk->descriptor, "CID") > 0;
	int32_t status = has_cid ? cid_change(vmdk, cid) : 0;
	if (status == 0)
		status = tracking_end(vmdk);
	if (status == 0)
		status = store_save(vmdk);
	if (status == 0 && has_cid)
		vmdk->cid = cid;
	return status;
}

int32_t vmdk_rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image)
{
	struct vmdk *vmdk = vmdk_of(image);
	uint32_t cid = CID_NONE;
	char text[16];
	(void)parent_format;
	if (vmdk->is_bare || vmdk->descriptor.text == NULL)
		return vmm_block_fail(image->host, -EINVAL, "rebase the disk by its descriptor",
			"%s is an extent without its descriptor", image->path);
	if (parent != NULL) {
		if (parent_image == NULL || parent_image->format != &vmdk_format)
			return vmm_block_fail(image->host, -EINVAL, "convert the parent to VMDK first",
				"%s is no VMDK, and the parent of a VMDK must be one", parent);
		cid = ((const struct vmdk *)parent_image->state)->cid;
		for (uint32_t i = 0; i < vmdk->extent_count; i++) {
			if (vmdk->extents[i].kind == EXTENT_FLAT)
				return vmm_block_fail(image->host, -EOPNOTSUPP,
					"make a child with vmm disk create --parent and convert into that",
					"%s is flat, and only sparse disks have parents", image->path);
		}
	}
	snprintf(text, sizeof(text), "%08x", cid);
	int32_t status = descriptor_set(&vmdk->descriptor, "parentCID", text, 0);
	if (status == 0)
		status = descriptor_set_path(&vmdk->descriptor, "parentFileNameHint", parent);
	if (status == -EILSEQ)
		return vmm_block_fail(image->host, status,
			"Rename the parent, or give the descriptor encoding=\"UTF-8\".",
			"the descriptor of %s cannot name %s in its encoding", image->path, parent);
	if (status == 0)
		status = store_save(vmdk);
	if (status == 0) {
		vmdk->parent_cid = cid;
		snprintf(image->parent, sizeof(image->parent), "%s", parent != NULL ? parent : "");
	}
	return status;
}
