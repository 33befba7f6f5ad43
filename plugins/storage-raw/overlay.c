/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Changes that are not to last: a sparse file without a name, and a map of the granules that are in there.
 *
 * A granule is either wholly in the image or wholly in the overlay.  Writers exclude each other and readers, so that
 * a granule is never seen half copied.
 */
#include "image.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define RUN            256u                 /* granules in one field of a saved state */
#define LENGTH_OVERLAY (UINT64_C(64) << 40) /* its map takes 2 GiB, as far as it is touched */

static int open_nameless(const char *folder)
{
	char name[4096];
	int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* A file system that does not know such files. */
	if (snprintf(name, sizeof(name), "%s/vmm-disk-XXXXXX", folder) >= (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

int32_t overlay_open(struct image *image)
{
	struct overlay *overlay = &image->overlay;
	const char *folder = getenv("TMPDIR");
	if (folder == NULL || folder[0] != '/')
		folder = "/var/tmp";
	if (image->length > LENGTH_OVERLAY)
		return vmm_kit_fail(image->host, -EFBIG, "use a smaller `size =`",
			"%.1000s with its `size =` is too long for `mode = nonpersistent`: more than 64T", image->path);
	overlay->granules = (image->length + GRANULE - 1) / GRANULE;
	overlay->map = calloc((overlay->granules + 63) / 64, sizeof(*overlay->map));
	if (overlay->map == NULL)
		return -ENOMEM;
	int fd = open_nameless(folder);
	if (fd < 0) {
		int error = errno;
		free(overlay->map);
		overlay->map = NULL;
		return vmm_kit_fail(image->host, -error, "set TMPDIR to a folder that can be written",
			"cannot make a file in %.1000s for the changes to %.1000s: %s", folder, image->path,
			strerror(error));
	}
	pthread_rwlock_init(&overlay->lock, NULL);
	overlay->fd = fd;
	return 0;
}

void overlay_close(struct overlay *overlay)
{
	if (overlay->fd < 0)
		return;
	pthread_rwlock_destroy(&overlay->lock);
	close(overlay->fd);
	free(overlay->map);
	overlay->fd = -1;
}

static uint32_t is_changed(const struct overlay *overlay, uint64_t granule)
{
	return overlay->map[granule / 64] >> (granule % 64) & 1;
}

static void set_changed(struct overlay *overlay, uint64_t granule)
{
	overlay->map[granule / 64] |= UINT64_C(1) << (granule % 64);
}

int32_t overlay_read(struct image *image, void *data, uint64_t length, uint64_t offset)
{
	struct overlay *overlay = &image->overlay;
	uint8_t *at = data;
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
		status = transfer_read(changed ? overlay->fd : image->fd, at, part, offset);
		at += part;
		offset += part;
		length -= part;
	}
	pthread_rwlock_unlock(&overlay->lock);
	return status;
}

/* Have a granule that is to be changed in part in the overlay. */
static int32_t take(struct image *image, uint64_t granule)
{
	struct overlay *overlay = &image->overlay;
	uint8_t bytes[GRANULE];
	if (is_changed(overlay, granule))
		return 0;
	int32_t status = transfer_read(image->fd, bytes, GRANULE, granule * GRANULE);
	if (status == 0)
		status = transfer_write(overlay->fd, bytes, GRANULE, granule * GRANULE);
	if (status == 0)
		set_changed(overlay, granule);
	return status;
}

/* Write data, or zeros if it is NULL. */
static int32_t put(struct image *image, const void *data, uint64_t length, uint64_t offset)
{
	struct overlay *overlay = &image->overlay;
	uint64_t end = offset + length;
	int32_t status = 0;
	if (length == 0)
		return 0;
	pthread_rwlock_wrlock(&overlay->lock);
	if (offset % GRANULE != 0)
		status = take(image, offset / GRANULE);
	if (status == 0 && end % GRANULE != 0)
		status = take(image, end / GRANULE);
	if (status == 0)
		status = data != NULL ? transfer_write(overlay->fd, data, length, offset)
				      : transfer_zero(overlay->fd, length, offset);
	/* After an error the granules that are not in the map stay as they were. */
	for (uint64_t i = offset / GRANULE; status == 0 && i * GRANULE < end; i++)
		set_changed(overlay, i);
	pthread_rwlock_unlock(&overlay->lock);
	return status;
}

int32_t overlay_write(struct image *image, const void *data, uint64_t length, uint64_t offset)
{
	return put(image, data, length, offset);
}

int32_t overlay_zero(struct image *image, uint64_t length, uint64_t offset)
{
	return put(image, NULL, length, offset);
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
int32_t overlay_save(struct image *image, const struct vmm_state_service *state)
{
	struct overlay *overlay = &image->overlay;
	void *context = image->host->context;
	uint8_t *bytes = malloc(8 + RUN * GRANULE);
	uint64_t runs = 0;
	int32_t status = 0;
	if (bytes == NULL)
		return -ENOMEM;
	for (uint64_t granule = 0, count; (count = next_run(overlay, &granule)) > 0; granule += count, runs++) {
		char name[32];
		run_name(name, sizeof(name), runs);
		for (uint32_t i = 0; i < 8; i++)
			bytes[i] = (uint8_t)(granule >> (8 * i));
		status = transfer_read(overlay->fd, bytes + 8, count * GRANULE, granule * GRANULE);
		if (status < 0) {
			vmm_kit_fail(image->host, status, "look after the disk that has $TMPDIR",
				"the changes to %.1000s cannot be read: %s", image->path, strerror(-status));
			break;
		}
		state->put_bytes(context, name, bytes, 8 + count * GRANULE);
	}
	state->put_u64(context, "runs", runs);
	free(bytes);
	return status;
}

static int32_t load_run(struct image *image, const struct vmm_state_service *state, uint64_t number, uint8_t *bytes)
{
	struct overlay *overlay = &image->overlay;
	void *context = image->host->context;
	char name[32];
	uint64_t granule = 0;
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
	for (uint32_t i = 0; i < 8; i++)
		granule |= (uint64_t)bytes[i] << (8 * i);
	if (granule >= overlay->granules || count > overlay->granules - granule)
		return -EINVAL;
	status = transfer_write(overlay->fd, bytes + 8, count * GRANULE, granule * GRANULE);
	for (uint64_t i = 0; status == 0 && i < count; i++)
		set_changed(overlay, granule + i);
	return status;
}

int32_t overlay_load(struct image *image, const struct vmm_state_service *state)
{
	struct overlay *overlay = &image->overlay;
	uint64_t runs = 0;
	int32_t status = state->get_u64(image->host->context, "runs", &runs);
	if (status < 0)
		return status;
	uint8_t *bytes = malloc(8 + RUN * GRANULE);
	if (bytes == NULL)
		return -ENOMEM;
	memset(overlay->map, 0, (overlay->granules + 63) / 64 * sizeof(*overlay->map));
	if (ftruncate(overlay->fd, 0) < 0)
		status = -errno;
	for (uint64_t i = 0; i < runs && status == 0; i++)
		status = load_run(image, state, i, bytes);
	free(bytes);
	if (status < 0 && status != -EPROTO)
		vmm_kit_fail(image->host, status,
			status == -EINVAL ? "the saved state is damaged; start the machine afresh"
					  : "make room in $TMPDIR",
			"the saved changes to %.1000s cannot be taken over: %s", image->path, strerror(-status));
	return status;
}
