/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A picture as a PNG file, which is there whole or not at all. */
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/command/serve.h"

/* 0x00RRGGBB to three bytes. */
static uint8_t *png_rows(const struct machine_picture *picture)
{
	size_t count = (size_t)picture->width * picture->height;
	uint8_t *rows = malloc(count * 3);

	for (size_t i = 0; rows && i < count; i++) {
		rows[3 * i] = (uint8_t)(picture->pixels[i] >> 16);
		rows[3 * i + 1] = (uint8_t)(picture->pixels[i] >> 8);
		rows[3 * i + 2] = (uint8_t)picture->pixels[i];
	}
	return rows;
}

static int png_stream(FILE *file, const struct machine_picture *picture, char *why, size_t size)
{
	png_image image = { .version = PNG_IMAGE_VERSION, .width = picture->width, .height = picture->height };
	uint8_t *rows = png_rows(picture);

	image.format = PNG_FORMAT_RGB;
	if (!rows) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	int done = png_image_write_to_stdio(&image, file, 0, rows, 0, NULL);

	free(rows);
	if (done && !fflush(file))
		return 0;
	snprintf(why, size, "%s", image.message[0] ? image.message : strerror(errno));
	return -EIO;
}

int png_save(const char *path, const struct machine_picture *picture, struct config_error *error)
{
	char *temporary = NULL, why[256] = "";
	FILE *file = NULL;
	mode_t mask;
	int fd = -1, status;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	fd = mkstemp(temporary);
	if (fd >= 0)
		file = fdopen(fd, "wb");
	if (!file) {
		status = -errno;
		snprintf(why, sizeof(why), "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		goto out;
	}
	mask = umask(0);
	umask(mask);
	fchmod(fd, 0666 & ~mask);
	status = png_stream(file, picture, why, sizeof(why));
	if (fclose(file) && !status) {
		status = -errno;
		snprintf(why, sizeof(why), "%s", strerror(errno));
	}
	if (!status && rename(temporary, path)) {
		status = -errno;
		snprintf(why, sizeof(why), "%s", strerror(errno));
	}
out:
	if (status) {
		if (fd >= 0)
			unlink(temporary);
		config_fail(error, NULL, 0, "the picture %s cannot be written: %s", path, why);
	}
	free(temporary);
	return status;
}
