/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "disk.h"

/* Lengths that there are; the standard ones are also for what is a little shorter. */
static const struct row {
	uint16_t cylinders, heads, sectors;
	uint8_t five; /* standard for 5.25 inches */
	uint8_t three;
} rows[] = {
	{ 40, 1, 8, 1, 0 },
	{ 40, 1, 9, 1, 0 },
	{ 40, 2, 8, 1, 0 },
	{ 40, 2, 9, 1, 0 },
	{ 41, 2, 10, 0, 0 },
	{ 80, 1, 8, 0, 0 },
	{ 80, 1, 9, 0, 0 },
	{ 80, 2, 8, 0, 0 },
	{ 80, 2, 9, 0, 1 },
	{ 80, 2, 10, 0, 0 },
	{ 82, 2, 10, 0, 0 },
	{ 80, 2, 15, 1, 0 },
	{ 80, 2, 16, 0, 0 },
	{ 80, 2, 18, 0, 1 },
	{ 80, 2, 20, 0, 0 },
	{ 82, 2, 20, 0, 0 },
	{ 80, 2, 21, 0, 0 }, /* DMF */
	{ 82, 2, 21, 0, 0 },
	{ 80, 2, 22, 0, 0 },
	{ 80, 2, 36, 0, 1 },
	{ 80, 2, 39, 0, 0 },
};

uint64_t geometry_length(const struct geometry *geometry)
{
	return (uint64_t)geometry->cylinders * geometry->heads * geometry->sectors * (128u << geometry->size_code);
}

/* By how much is on a track: double density to 11 sectors of 512 bytes, high to 24, then extra. */
static uint32_t rate_of(uint32_t type, uint32_t track)
{
	if (track > 24 * SECTOR)
		return VMM_FLOPPY_RATE_1000;
	if (track > 11 * SECTOR)
		return VMM_FLOPPY_RATE_500;
	/* A 1.2M drive turns faster. */
	return type == VMM_FLOPPY_1200 ? VMM_FLOPPY_RATE_300 : VMM_FLOPPY_RATE_250;
}

static uint32_t drive_can(uint32_t type, const struct geometry *geometry)
{
	uint32_t track = geometry->sectors * (128u << geometry->size_code);
	switch (type) {
	case VMM_FLOPPY_360: return geometry->cylinders <= 42 && geometry->rate == VMM_FLOPPY_RATE_250;
	case VMM_FLOPPY_720: return geometry->rate == VMM_FLOPPY_RATE_250;
	case VMM_FLOPPY_1200: return track <= 17 * SECTOR;
	case VMM_FLOPPY_1440: return geometry->rate != VMM_FLOPPY_RATE_1000;
	case VMM_FLOPPY_2880: return track <= 48 * SECTOR;
	default: return 0;
	}
}

static uint32_t is_five(uint32_t type)
{
	return type == VMM_FLOPPY_360 || type == VMM_FLOPPY_1200;
}

void geometry_find(struct geometry *geometry, uint32_t type, uint64_t length)
{
	const struct geometry none = { 0 };
	const struct row *found = NULL;
	for (uint32_t exact = 1; exact < 2 && found == NULL && length > 0; exact--) {
		for (uint32_t i = 0; i < VMM_KIT_COUNT(rows) && found == NULL; i++) {
			const struct row *row = &rows[i];
			uint64_t bytes = (uint64_t)row->cylinders * row->heads * row->sectors * SECTOR;
			if (exact ? bytes == length : bytes > length && (is_five(type) ? row->five : row->three))
				found = row;
		}
	}
	*geometry = none;
	if (found == NULL)
		return;
	*geometry = (struct geometry){ found->cylinders, found->heads, found->sectors, 2,
		rate_of(type, found->sectors * SECTOR) };
	if (!drive_can(type, geometry))
		*geometry = none;
}

uint32_t geometry_change(struct geometry *geometry, uint32_t type, uint64_t length, uint32_t sectors, uint32_t size)
{
	struct geometry changed = *geometry;
	uint32_t code = 2;
	while (code < 7 && 128u << code < size)
		code++;
	if (128u << code != size || sectors == 0 || sectors > SECTORS_MAX)
		return 0;
	if (changed.sectors == sectors && changed.size_code == code)
		return 1;
	/* A disk that could not be read may have become one that can. */
	if (changed.cylinders == 0)
		changed = (struct geometry){ .cylinders = type == VMM_FLOPPY_360 ? 40 : 80, .heads = 2 };
	changed.sectors = sectors;
	changed.size_code = code;
	changed.rate = rate_of(type, sectors * size);
	if (!drive_can(type, &changed) || geometry_length(&changed) > length)
		return 0;
	*geometry = changed;
	return 1;
}

uint32_t geometry_drive(uint64_t length)
{
	struct geometry geometry;
	geometry_find(&geometry, VMM_FLOPPY_1440, length);
	return length > 0 && geometry.sectors == 0 ? VMM_FLOPPY_2880 : VMM_FLOPPY_1440;
}

uint32_t geometry_steps(const struct geometry *geometry, uint32_t type)
{
	return type == VMM_FLOPPY_1200 && geometry->cylinders != 0 && geometry->cylinders <= 42 ? 2 : 1;
}
