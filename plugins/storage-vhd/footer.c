/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The footer: which of its copies to believe, and how long the disk is.
 */
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "vhd.h"

#define EPOCH        946684800 /* 2000-01-01 00:00:00 UTC, the format's zero */
#define FOOTER_OLD   511u      /* of images made before Virtual PC 2004 */
#define CHS_SECTORS  (UINT64_C(65535) * 16 * 255)
#define CHS_MIDDLE   (UINT64_C(65535) * 16 * 63)
#define FEATURE_MUST 2u

/* One's complement of the sum of all bytes but the field's own. */
uint32_t checksum(const uint8_t *data, uint32_t length, uint32_t field)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i++) {
		if (i < field || i >= field + 4)
			sum += data[i];
	}
	return ~sum;
}

static uint32_t footer_is_there(const uint8_t *footer)
{
	return memcmp(footer, "conectix", 8) == 0;
}

uint32_t footer_is_good(const uint8_t *footer, uint32_t length)
{
	return footer_is_there(footer) && checksum(footer, length, AT_CHECKSUM) == vmm_block_be32(footer + AT_CHECKSUM);
}

void footer_seal(uint8_t *footer)
{
	vmm_block_put_be32(footer + AT_CHECKSUM, checksum(footer, FOOTER_SIZE, AT_CHECKSUM));
}

uint32_t time_now(void)
{
	time_t now = time(NULL);
	return now < EPOCH ? 0 : (uint32_t)(now - EPOCH);
}

uint32_t time_of_file(const char *path)
{
	struct stat what;
	return stat(path, &what) < 0 || what.st_mtime < EPOCH ? 0 : (uint32_t)(what.st_mtime - EPOCH);
}

/*
 * Virtual PC shows the guest what the geometry has room for, which is less than the current size; so did QEMU, and they
 * cut off the rest.  Everybody else means the current size, and so do they where the geometry is at its end.
 */
uint64_t footer_length(const uint8_t *footer)
{
	const uint8_t *geometry = footer + AT_GEOMETRY;
	uint64_t sectors = (uint64_t)vmm_block_be16(geometry) * geometry[2] * geometry[3];
	uint64_t current = vmm_block_be64(footer + AT_CURRENT_SIZE) & ~(uint64_t)(VMM_BLOCK_SECTOR - 1);
	const uint8_t *creator = footer + AT_CREATOR;
	uint32_t by_geometry = memcmp(creator, "vpc ", 4) == 0 || memcmp(creator, "vs  ", 4) == 0 ||
		memcmp(creator, "qemu", 4) == 0;
	return by_geometry && sectors != 0 && sectors != CHS_SECTORS ? sectors * VMM_BLOCK_SECTOR : current;
}

/* The specification's appendix "CHS Calculation". */
static void geometry_set(uint8_t *geometry, uint64_t sectors)
{
	uint32_t per_track = 17;
	uint32_t heads = 16;
	uint64_t tracks;
	sectors = smaller(sectors, CHS_SECTORS);
	if (sectors >= CHS_MIDDLE) {
		per_track = 255;
		tracks = sectors / per_track;
	} else {
		tracks = sectors / per_track;
		heads = (uint32_t)larger((tracks + 1023) / 1024, 4);
		if (tracks >= (uint64_t)heads * 1024 || heads > 16) {
			per_track = 31;
			heads = 16;
			tracks = sectors / per_track;
		}
		if (tracks >= (uint64_t)heads * 1024) {
			per_track = 63;
			heads = 16;
			tracks = sectors / per_track;
		}
	}
	vmm_block_put_be16(geometry, (uint16_t)(tracks / heads));
	geometry[2] = (uint8_t)heads;
	geometry[3] = (uint8_t)per_track;
}

/* `win `: the creator that everybody believes the current size of. */
void footer_length_set(uint8_t *footer, uint64_t length)
{
	memcpy(footer + AT_CREATOR, "win ", 4);
	vmm_block_put_be64(footer + AT_CURRENT_SIZE, length);
	geometry_set(footer + AT_GEOMETRY, length / VMM_BLOCK_SECTOR);
	footer_seal(footer);
}

void footer_make(uint8_t *footer, uint64_t length, uint32_t disk_type)
{
	memset(footer, 0, FOOTER_SIZE);
	memcpy(footer, "conectix", 8);
	vmm_block_put_be32(footer + AT_FEATURES, FEATURE_MUST);
	vmm_block_put_be32(footer + AT_VERSION, 0x10000);
	vmm_block_put_be64(footer + AT_DATA_OFFSET, disk_type == DISK_FIXED ? NO_OFFSET : HEADER_PLACE);
	vmm_block_put_be32(footer + AT_TIME, time_now());
	vmm_block_put_be32(footer + AT_CREATOR_VERSION, 0x60001);
	memcpy(footer + AT_CREATOR_HOST, "Wi2k", 4);
	vmm_block_put_be64(footer + AT_ORIGINAL_SIZE, length);
	vmm_block_put_be32(footer + AT_DISK_TYPE, disk_type);
	if (getrandom(footer + AT_UUID, 16, 0) == 16) {
		footer[AT_UUID + 6] = (uint8_t)((footer[AT_UUID + 6] & 0x0f) | 0x40);
		footer[AT_UUID + 8] = (uint8_t)((footer[AT_UUID + 8] & 0x3f) | 0x80);
	}
	footer_length_set(footer, length);
}

/* One of those at the end. */
static int32_t end_read(struct vhd *vhd, uint64_t length, uint8_t *footer, uint64_t *offset)
{
	uint8_t tail[FOOTER_SIZE];
	int32_t status = vmm_block_file_read(vhd->file, tail, sizeof(tail), length - sizeof(tail));
	if (status < 0)
		return status;
	memset(footer, 0, FOOTER_SIZE);
	*offset = length - FOOTER_SIZE;
	if (!footer_is_there(tail) && footer_is_there(tail + 1)) {
		memcpy(footer, tail + 1, FOOTER_OLD);
		*offset = length - FOOTER_OLD;
		vhd->is_footer_old = footer_is_good(footer, FOOTER_OLD);
		return 0;
	}
	memcpy(footer, tail, FOOTER_SIZE);
	return 0;
}

int32_t footer_read(struct vhd *vhd)
{
	struct vmm_block_image *image = vhd->image;
	struct vmm_block_file_info info;
	uint8_t copy[FOOTER_SIZE];
	uint64_t offset = 0;
	int32_t status = vmm_block_file_info(vhd->file, &info);
	if (status < 0)
		return status;
	if (info.length < FOOTER_SIZE)
		return vmm_block_fail(image->host, -EINVAL, "take the image from a backup",
			"%.3000s is not a VHD image: it is shorter than a footer", image->path);
	status = end_read(vhd, info.length, vhd->footer, &offset);
	if (status >= 0)
		status = vmm_block_file_read(vhd->file, copy, sizeof(copy), 0);
	if (status < 0)
		return status;
	vhd->is_footer_bad = !footer_is_good(vhd->footer, FOOTER_SIZE);
	/* One whose checksum is wrong is better than none, if there is no copy. */
	uint32_t is_there = footer_is_there(vhd->footer);
	uint32_t type = vmm_block_be32(vhd->footer + AT_DISK_TYPE);
	if (vhd->is_footer_bad && footer_is_good(copy, FOOTER_SIZE)) {
		memcpy(vhd->footer, copy, sizeof(copy));
	} else if (vhd->is_footer_bad && footer_is_there(copy) && !is_there) {
		memcpy(vhd->footer, copy, sizeof(copy));
		vhd->is_copy_bad = 1;
	} else if (!is_there) {
		return vmm_block_fail(image->host, -EINVAL,
			"take the image from a backup; if it was being copied, copy it again",
			"%.3000s is not a sound VHD image: its footer is missing at its end and at its beginning",
			image->path);
	} else if (type != DISK_FIXED) {
		vhd->is_copy_bad = !footer_is_good(copy, FOOTER_SIZE);
		vhd->is_different = !vhd->is_copy_bad && memcmp(copy, vhd->footer, sizeof(copy)) != 0;
	}
	if (vhd->is_footer_bad && (vhd->is_copy_bad || !footer_is_good(vhd->footer, FOOTER_SIZE)) &&
		(image->flags & VMM_BLOCK_LENIENT) == 0)
		return vmm_block_fail(image->host, -EINVAL, "run `vmm disk repair` on it",
			"%.3000s is damaged: the checksum of its footer is wrong, and there is no sound copy",
			image->path);
	vhd->disk_type = vmm_block_be32(vhd->footer + AT_DISK_TYPE);
	vhd->footer_is_away = vhd->is_footer_bad || vhd->is_footer_old;
	vhd->end = vhd->is_footer_bad && !is_there ? sectors_up(info.length) : sectors_up(offset);
	return 0;
}
