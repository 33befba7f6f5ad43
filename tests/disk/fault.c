/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An image on a host that fails now and then: writes, holes, lengths and syncs are refused with EIO or ENOSPC.
 *
 * A request that failed leaves each of its sectors as it was or as it was to be; all others read as written, at once
 * and after the image was closed, perhaps while the host still failed, and opened again.  No damage is left.
 *
 * FAULT_SEED, FAULT_ROUNDS (a variant), FAULT_ACTS (a round).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subject.h"

#define LENGTH  (UINT64_C(3) << 20)
#define SECTORS (LENGTH / SUBJECT_SECTOR)

static const struct vmm_block_format *const formats[] = { &SUBJECT };
static struct subject_host host;
static struct chance chance;

static struct {
	uint64_t one_in; /* 0: the host is well */
	int32_t error;
	struct chance chance;
	uint64_t count;
} fault;

static int32_t watch(void *self, const char *path, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)path;
	(void)event;
	(void)data;
	(void)length;
	(void)offset;
	if (fault.one_in == 0 || chance_below(&fault.chance, fault.one_in) != 0)
		return 0;
	fault.count++;
	return fault.error;
}

/* What a sector may have: what it had, and what failed writes were to put there. */
struct sector {
	uint64_t known; /* the mark that it has for certain, unless there are others; 0: zeros */
	uint64_t maybe[8];
	uint32_t maybes;
	uint32_t anything; /* too many */
};
static struct sector sectors[SECTORS];

static void request(struct vmm_block_image *image, uint64_t mark)
{
	static uint8_t data[LENGTH];
	uint64_t first = chance_below(&chance, SECTORS);
	uint64_t count = 1 + chance_below(&chance, UINT64_C(1) << chance_below(&chance, 9));
	uint64_t what = chance_below(&chance, 8);
	count = count < SECTORS - first ? count : SECTORS - first;
	uint64_t offset = first * SUBJECT_SECTOR, length = count * SUBJECT_SECTOR;
	if (what == 0) {
		vmm_block_image_flush(image);
		return;
	}
	pattern_fill(data, length, offset, mark - 1);
	int32_t status = what < 3 ? vmm_block_image_zero(image, length, offset, what & 1)
				  : vmm_block_image_write(image, data, length, offset);
	for (uint64_t i = first; i < first + count; i++) {
		struct sector *sector = &sectors[i];
		uint64_t value = what < 3 ? 0 : mark;
		if (status >= 0)
			*sector = (struct sector){ .known = value };
		else if (sector->maybes < 8)
			sector->maybe[sector->maybes++] = value;
		else
			sector->anything = 1;
	}
	if (status < 0 && fault.one_in == 0)
		subject_wrong("act %llu fails on a host that is well: %s", (unsigned long long)mark, strerror(-status));
}

static void compare(struct vmm_block_image *image, const char *when)
{
	static uint8_t data[LENGTH];
	uint8_t want[SUBJECT_SECTOR];
	int32_t status = vmm_block_image_read(image, data, LENGTH, 0);
	if (status < 0)
		subject_wrong("%s: read: %s", when, strerror(-status));
	for (uint64_t i = 0; i < SECTORS; i++) {
		struct sector *sector = &sectors[i];
		const uint8_t *have = data + i * SUBJECT_SECTOR;
		uint32_t good = sector->anything;
		for (uint32_t k = 0; k <= sector->maybes && !good; k++) {
			uint64_t mark = k == 0 ? sector->known : sector->maybe[k - 1];
			memset(want, 0, sizeof(want));
			if (mark != 0)
				pattern_fill(want, sizeof(want), i * SUBJECT_SECTOR, mark - 1);
			good = memcmp(have, want, sizeof(want)) == 0;
		}
		if (!good)
			subject_wrong("%s: sector %llu is not what it can be (known %llu, %u more)", when,
				(unsigned long long)i, (unsigned long long)sector->known, sector->maybes);
	}
}

static struct vmm_block_image *disk_open(const char *path, uint32_t flags)
{
	struct vmm_block_image *image;
	if (vmm_block_image_open(&host.host, formats, 1, path, flags, &image) < 0)
		subject_wrong("cannot open: %s", host.cause);
	return image;
}

/* What the host is told: this test makes it fail, so that complaints are no news. */
static void quiet(void *context, uint32_t level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
}

static void run(const char *variant, uint64_t acts)
{
	char path[4096], name[64];
	struct subject_findings findings;
	snprintf(name, sizeof(name), "disk.%.10s", SUBJECT.suffixes);
	if (strchr(name, '|') != NULL)
		*strchr(name, '|') = 0;
	subject_folder_empty();
	subject_path(path, name);
	const struct vmm_block_new what = { .path = path, .variant = variant, .length = LENGTH };
	fault.one_in = 0;
	if (vmm_block_image_create(&host.host, &SUBJECT, &what) < 0)
		subject_wrong("cannot create: %s", host.cause);
	memset(sectors, 0, sizeof(sectors));
	for (uint64_t part = 0, mark = 1; part < 4; part++) {
		struct vmm_block_image *image = disk_open(path, 0);
		for (uint64_t i = 0; i < acts; i++, mark++) {
			/* Well, and failing, by turns. */
			if (i % 16 == 0)
				fault.one_in = i / 16 % 2 == 0 ? 0 : 2 + chance_below(&chance, 30);
			fault.error = chance_below(&chance, 2) == 0 ? -EIO : -ENOSPC;
			request(image, mark);
		}
		compare(image, "while it is open");
		/* An image that is closed by a failing host has what was flushed: here, all. */
		fault.one_in = 0;
		if (vmm_block_image_flush(image) < 0)
			subject_wrong("a host that is well again cannot flush");
		if (part % 2 == 1)
			fault.one_in = 2;
		vmm_block_image_close(image);
		fault.one_in = 0;
		image = disk_open(path, VMM_BLOCK_READONLY);
		compare(image, "after it was closed");
		if (subject_check(image, false, &findings) < 0 || findings.damage != 0)
			subject_wrong("damage is left: %s", findings.first);
		vmm_block_image_close(image);
	}
}

int main(void)
{
	uint64_t seed = subject_number("FAULT_SEED", 1), rounds = subject_number("FAULT_ROUNDS", 6);
	uint64_t acts = subject_number("FAULT_ACTS", 160);
	subject_host_init(&host);
	host.host.log = quiet;
	vmm_block_watch(watch, NULL);
	for (uint32_t i = 0; subject_variant(i) != NULL; i++) {
		for (uint64_t round = 0; round < rounds; round++) {
			chance.state = seed + round;
			fault.chance.state = seed + 1000 + round;
			subject_place(subject_variant(i), seed + round, 0);
			run(subject_variant(i), acts);
		}
	}
	if (fault.count == 0)
		subject_wrong("the host has not failed once");
	printf("%s: %llu failures of the host from seed %llu lost nothing\n", SUBJECT.name,
		(unsigned long long)fault.count, (unsigned long long)seed);
	subject_folder_remove();
	return 0;
}
