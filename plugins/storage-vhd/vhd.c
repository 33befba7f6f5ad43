/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The format's table: opening, closing, what there is to say about an image.
 */
#include <stdio.h>
#include <time.h>

#include "vhd.h"

#define EPOCH 946684800

static uint32_t probe(const struct vmm_probe *probe)
{
	static const char mark[] = "conectix";
	uint32_t length = probe->tail_length;
	/* A footer, also one of 511 bytes; the copy at 0 only if that was lost: a guest could have written it. */
	if (length >= FOOTER_SIZE &&
		(memcmp(probe->tail + length - FOOTER_SIZE, mark, 8) == 0 ||
			memcmp(probe->tail + length - FOOTER_SIZE + 1, mark, 8) == 0))
		return 100;
	if (probe->head_length < FOOTER_SIZE || memcmp(probe->head, mark, 8) != 0)
		return 0;
	return footer_is_good(probe->head, FOOTER_SIZE) ? 90 : 40;
}

static int32_t fixed_open(struct vhd *vhd)
{
	struct vmm_block_image *image = vhd->image;
	if (image->length > vhd->end)
		return vmm_block_fail(image->host, -EINVAL,
			"take the image from a backup; if it was being copied, copy it again",
			"%.3000s is not a sound VHD image: it has %llu bytes for a disk of %llu", image->path,
			(unsigned long long)vhd->end, (unsigned long long)image->length);
	snprintf(image->variant, sizeof(image->variant), "fixed");
	return 0;
}

static int32_t open_image(struct vmm_block_image *image)
{
	struct vhd *vhd = vhd_of(image);
	vhd->image = image;
	vhd->file = image->file;
	pthread_mutex_init(&vhd->mutex, NULL);
	vhd->has_mutex = 1;
	int32_t status = footer_read(vhd);
	if (status < 0)
		return status;
	image->length = footer_length(vhd->footer);
	if (image->length == 0 || image->length > VMM_BLOCK_LENGTH_MAXIMUM)
		return vmm_block_fail(image->host, -EINVAL, "take the image from a backup",
			"%.3000s is not a sound VHD image: its disk has %llu bytes", image->path,
			(unsigned long long)image->length);
	if (vhd->disk_type == DISK_FIXED)
		return fixed_open(vhd);
	if (vhd->disk_type != DISK_DYNAMIC && vhd->disk_type != DISK_DIFFERENCING)
		return vmm_block_fail(image->host, -ENOTSUP, "convert it with the program that made it",
			"%.3000s has the disk type %u, which the VHD specification does not define", image->path,
			vhd->disk_type);
	status = header_read(vhd);
	if (status >= 0)
		status = bitmap_init(vhd);
	if (status < 0)
		return status;
	image->unit = vhd->disk_type == DISK_DYNAMIC ? vhd->block_size : VMM_BLOCK_SECTOR;
	snprintf(image->variant, sizeof(image->variant), "%s",
		vhd->disk_type == DISK_DYNAMIC ? "dynamic" : "differencing");
	if (vhd->disk_type != DISK_DIFFERENCING)
		return 0;
	parent_find(vhd);
	if (image->parent[0] == '\0' && (image->flags & (VMM_BLOCK_LONELY | VMM_BLOCK_LENIENT)) == 0)
		return vmm_block_fail(image->host, -EINVAL, "name it with `vmm disk rebase`",
			"%.3000s is a differencing disk, but does not say where its parent is", image->path);
	return 0;
}

static void close_image(struct vmm_block_image *image)
{
	struct vhd *vhd = vhd_of(image);
	if (!vhd->has_mutex)
		return;
	if (vhd->bat_is_dirty || vhd->bitmap_dirty != 0)
		vhd_sync(image);
	bitmap_free(vhd);
	free(vhd->bat);
	free(vhd->bat_dirty);
	free(vhd->slots);
	free(vhd->freed);
	pthread_mutex_destroy(&vhd->mutex);
	memset(vhd, 0, sizeof(*vhd));
}

static void uuid_fact(struct vmm_block_facts *facts, const char *name, const uint8_t *uuid)
{
	char text[40];
	char *at = text;
	for (uint32_t i = 0; i < 16; i++)
		at += snprintf(at, 4, "%02x%s", uuid[i], i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
	facts->text(facts, name, text);
}

static void time_fact(struct vmm_block_facts *facts, const char *name, uint32_t seconds)
{
	char text[32];
	time_t when = (time_t)seconds + EPOCH;
	struct tm parts;
	if (gmtime_r(&when, &parts) != NULL && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) != 0)
		facts->text(facts, name, text);
}

static void creator_fact(struct vmm_block_facts *facts, const uint8_t *creator)
{
	char text[5] = "";
	for (uint32_t i = 0; i < 4; i++)
		text[i] = creator[i] == 0 ? '\0' : creator[i] < 32 || creator[i] > 126 ? '?' : (char)creator[i];
	facts->text(facts, "creator", text);
}

static void info(struct vmm_block_image *image, struct vmm_block_facts *facts)
{
	struct vhd *vhd = vhd_of(image);
	const uint8_t *geometry = vhd->footer + AT_GEOMETRY;
	uint64_t present = 0;
	char text[64];
	creator_fact(facts, vhd->footer + AT_CREATOR);
	time_fact(facts, "created", vmm_block_be32(vhd->footer + AT_TIME));
	uuid_fact(facts, "uuid", vhd->footer + AT_UUID);
	snprintf(text, sizeof(text), "%u/%u/%u", vmm_block_be16(geometry), geometry[2], geometry[3]);
	facts->text(facts, "geometry", text);
	facts->number(facts, "current-size", vmm_block_be64(vhd->footer + AT_CURRENT_SIZE));
	if (vhd->disk_type == DISK_FIXED)
		return;
	for (uint32_t i = 0; i < vhd->entries; i++)
		present += vhd->bat[i] != BAT_ABSENT;
	facts->number(facts, "block-size", vhd->block_size);
	facts->number(facts, "blocks", vhd->entries);
	facts->number(facts, "blocks-present", present);
	if (vhd->disk_type == DISK_DIFFERENCING) {
		uuid_fact(facts, "parent-uuid", vhd->header + AT_PARENT_UUID);
		time_fact(facts, "parent-time", vmm_block_be32(vhd->header + AT_PARENT_TIME));
	}
}

const struct vmm_block_format vmm_vhd_format = {
	.state_size = sizeof(struct vhd),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "vhd",
	.suffixes = "vhd|vpc|avhd|vud",
	.variants = "dynamic|fixed|differencing",
	.options = vhd_options,
	.option_count = VHD_OPTIONS,
	.probe = probe,
	.open = open_image,
	.joined = vhd_joined,
	.close = close_image,
	.map = vhd_map,
	.allocate = vhd_allocate,
	.commit = vhd_commit,
	.abandon = vhd_abandon,
	.zero = vhd_zero,
	.sync = vhd_sync,
	.resize = vhd_resize,
	.compact = vhd_compact,
	.rebase = vhd_rebase,
	.check = vhd_check,
	.info = info,
	.create = vhd_create,
};
