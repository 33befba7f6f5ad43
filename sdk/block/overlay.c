/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Changes that are not to last: a sparse file without a name, and a map of the granules that are in there.
 *
 * A granule is either wholly in the image or wholly in the overlay.  Writers exclude each other and readers, so that
 * a granule is never seen half copied.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/kit/host.h>
#include <vmm/state.h>

#include "kit.h"

#define GRANULE        UINT64_C(4096)
#define RUN            256u                 /* granules in one field of a saved state */
#define LENGTH_OVERLAY (UINT64_C(64) << 40) /* its map takes 2 GiB, as far as it is touched */

int32_t overlay_open(struct overlay *overlay, struct vmm_block_image *image, uint64_t length)
{
	const char *folder = getenv("TMPDIR");
	if (folder == NULL || folder[0] != '/')
		folder = "/var/tmp";
	if (length > LENGTH_OVERLAY)
		return vmm_block_fail(image->host, -EFBIG, "use a smaller `size =`",
			"%.1000s with its `size =` is too long for `mode = nonpersistent`: more than 64T", image->path);
	overlay->host = image->host;
	overlay->image = image;
	overlay->length = length;
	overlay->granules = (length + GRANULE - 1) / GRANULE;
	overlay->map = calloc((overlay->granules + 63) / 64, sizeof(*overlay->map));
	if (overlay->map == NULL)
		return -ENOMEM;
	int32_t status = file_nameless(folder, &overlay->file);
	if (status < 0) {
		free(overlay->map);
		overlay->map = NULL;
		return vmm_block_fail(image->host, status, "set TMPDIR to a folder that can be written",
			"cannot make a file in %.1000s for the changes to %.1000s: %s", folder, image->path,
			strerror(-status));
	}
	pthread_rwlock_init(&overlay->lock, NULL);
	return 0;
}

void overlay_close(struct overlay *overlay)
{
	if (overlay->file == NULL)
		return;
	pthread_rwlock_destroy(&overlay->lock);
	vmm_block_file_close(overlay->file);
	free(overlay->map);
	overlay->file = NULL;
}

static uint32_t is_changed(const struct overlay *overlay, uint64_t granule)
{
	return overlay->map[granule / 64] >> (granule % 64) & 1;
}

static void set_changed(struct overlay *overlay, uint64_t granule)
{
	overlay->map[granule / 64] |= UINT64_C(1) << (granule % 64);
}

/* From the image; zeros where the disk is longer. */
static int32_t image_read(struct overlay *overlay, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	uint64_t there = offset < overlay->image->length ? overlay->image->length - offset : 0;
	int32_t status = 0;
	if (there > length)
		there = length;
	if (there > 0)
		status = image_read_at(overlay->image, cursor, there, offset, false);
	if (status == 0 && there < length)
		cursor_clear(cursor, length - there);
	return status;
}

static int32_t overlay_read(struct overlay *overlay, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	int32_t status = 0;
	pthread_rwlock_rdlock(&overlay->lock);
	while (length > 0 && status == 0) {
		/* As much as is in the same file. */
		uint64_t granule = offset / GRANULE;
		uint32_t changed = is_changed(overlay, granule);
		uint64_t part = GRANULE - offset % GRANULE;
		while (part < length && is_changed(overlay, ++granule) == changed)
			part += GRANULE;
		if (part > length)
			part = length;
		status = changed ? file_transfer(overlay->file, cursor, part, offset, false)
				 : image_read(overlay, cursor, part, offset);
		offset += part;
		length -= part;
	}
	pthread_rwlock_unlock(&overlay->lock);
	return status;
}

/* Have a granule that is to be changed in part in the overlay. */
static int32_t take(struct overlay *overlay, uint64_t granule)
{
	uint8_t bytes[GRANULE];
	const struct vmm_storage_segment segment = { bytes, GRANULE };
	struct cursor cursor = { &segment, &segment + 1, 0 };
	if (is_changed(overlay, granule))
		return 0;
	int32_t status = image_read(overlay, &cursor, GRANULE, granule * GRANULE);
	if (status == 0)
		status = vmm_block_file_write(overlay->file, bytes, GRANULE, granule * GRANULE);
	if (status == 0)
		set_changed(overlay, granule);
	return status;
}

/* Write data, or zeros if there is no cursor. */
static int32_t overlay_put(struct overlay *overlay, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	uint64_t end = offset + length;
	int32_t status = 0;
	if (length == 0)
		return 0;
	pthread_rwlock_wrlock(&overlay->lock);
	if (offset % GRANULE != 0)
		status = take(overlay, offset / GRANULE);
	if (status == 0 && end % GRANULE != 0)
		status = take(overlay, end / GRANULE);
	if (status == 0)
		status = cursor != NULL ? file_transfer(overlay->file, cursor, length, offset, true)
					: vmm_block_file_zero(overlay->file, length, offset);
	/* After an error the granules that are not in the map stay as they were. */
	for (uint64_t i = offset / GRANULE; status == 0 && i * GRANULE < end; i++)
		set_changed(overlay, i);
	pthread_rwlock_unlock(&overlay->lock);
	return status;
}

int32_t overlay_transfer(struct overlay *overlay, const struct vmm_storage_request *request)
{
	struct cursor cursor = { request->segments,
		request->segment_count != 0 ? request->segments + request->segment_count : request->segments, 0 };
	switch (request->operation) {
	case VMM_STORAGE_READ: return overlay_read(overlay, &cursor, request->length, request->offset);
	case VMM_STORAGE_WRITE: return overlay_put(overlay, &cursor, request->length, request->offset);
	case VMM_STORAGE_DISCARD:
	case VMM_STORAGE_WRITE_ZEROES: return overlay_put(overlay, NULL, request->length, request->offset);
	/* What is not to last needs no care. */
	case VMM_STORAGE_FLUSH: return 0;
	default: return -EINVAL;
	}
}

/* The next run of changed granules from `*granule` on, at most RUN of them; 0: no more. */
static uint64_t next_run(const struct overlay *overlay, uint64_t *granule)
{
	uint64_t count = 0;
	while (*granule < overlay->granules && !is_changed(overlay, *granule))
		*granule += *granule % 64 == 0 && overlay->map[*granule / 64] == 0 ? 64 : 1;
	while (count < RUN && *granule + count < overlay->granules && is_changed(overlay, *granule + count))
		count++;
	return count;
}

static void run_name(char *name, size_t size, uint64_t number)
{
	snprintf(name, size, "run.%llu", (unsigned long long)number);
}

/* Each run is a field: the number of its first granule, then the contents. */
int32_t overlay_save(struct overlay *overlay, const struct vmm_state_service *state)
{
	void *context = overlay->host->context;
	uint8_t *bytes = malloc(8 + RUN * GRANULE);
	uint64_t runs = 0;
	uint64_t count;
	int32_t status = 0;
	if (bytes == NULL)
		return -ENOMEM;
	for (uint64_t granule = 0; (count = next_run(overlay, &granule)) != 0; granule += count) {
		char name[32];
		run_name(name, sizeof(name), runs++);
		vmm_block_put_le64(bytes, granule);
		status = vmm_block_file_read(overlay->file, bytes + 8, count * GRANULE, granule * GRANULE);
		if (status < 0) {
			vmm_block_fail(overlay->host, status, "make sure that $TMPDIR is on a sound disk",
				"the changes to %.1000s cannot be read: %s", overlay->image->path, strerror(-status));
			break;
		}
		state->put_bytes(context, name, bytes, 8 + count * GRANULE);
	}
	state->put_u64(context, "runs", runs);
	free(bytes);
	return status;
}

static int32_t load_run(struct overlay *overlay, const struct vmm_state_service *state, uint64_t number, uint8_t *bytes)
{
	void *context = overlay->host->context;
	char name[32];
	run_name(name, sizeof(name), number);
	int64_t length = state->length(context, name);
	if (length < 0)
		return -EPROTO;
	uint64_t count = length > 8 ? ((uint64_t)length - 8) / GRANULE : 0;
	if (count == 0 || count > RUN || (uint64_t)length != 8 + count * GRANULE)
		return -EINVAL;
	int32_t status = state->get_bytes(context, name, bytes, (uint64_t)length);
	if (status < 0)
		return status;
	uint64_t granule = vmm_block_le64(bytes);
	if (granule >= overlay->granules || count > overlay->granules - granule)
		return -EINVAL;
	status = vmm_block_file_write(overlay->file, bytes + 8, count * GRANULE, granule * GRANULE);
	for (uint64_t i = 0; status == 0 && i < count; i++)
		set_changed(overlay, granule + i);
	return status;
}

int32_t overlay_load(struct overlay *overlay, const struct vmm_state_service *state)
{
	uint64_t runs = 0;
	int32_t status = state->get_u64(overlay->host->context, "runs", &runs);
	if (status < 0)
		return status;
	uint8_t *bytes = malloc(8 + RUN * GRANULE);
	if (bytes == NULL)
		return -ENOMEM;
	memset(overlay->map, 0, (overlay->granules + 63) / 64 * sizeof(*overlay->map));
	status = vmm_block_file_truncate(overlay->file, 0);
	for (uint64_t i = 0; i < runs && status == 0; i++)
		status = load_run(overlay, state, i, bytes);
	free(bytes);
	if (status < 0 && status != -EPROTO)
		vmm_block_fail(overlay->host, status,
			status == -EINVAL ? "the saved state is damaged; start the machine afresh"
					  : "make room in $TMPDIR",
			"the saved changes to %.1000s cannot be taken over: %s", overlay->image->path,
			strerror(-status));
	return status;
}
