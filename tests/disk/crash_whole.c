/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What is left of an image when resizing, compacting or leaving its parent is cut short: by a kill, after which the
 * host has all that was done before, or by a power failure, after which it has any of the sectors that were written,
 * and any of the lengths that were set, since the last sync.
 *
 * At every cut the image opens, nothing that cannot be mended is found, and what was in it before is in it still, to
 * its end: all of it if it is as long as before.  Then it is mended, and can be written; and made longer it shows
 * nothing of what was cut off.
 *
 * CRASH_SEED, CRASH_ROUNDS (a variant), CRASH_CUTS (an act; all if there are fewer), CRASH_DRAWS (power failures a
 * cut).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "subject.h"

#define LENGTH (UINT64_C(3) << 20)
#define MOST   (UINT64_C(8) << 20)
#define EVENTS 65536u
#ifndef DRAWS
#define DRAWS 1 /* power failures a cut */
#endif

static const struct vmm_block_format *const formats[] = { &SUBJECT };
static struct subject_host host;
static struct chance chance;
static uint8_t disk[MOST]; /* as it is to be */

struct event {
	uint32_t kind;
	uint64_t offset, length;
	uint8_t *data;
};

static struct {
	char path[4096];
	struct event events[EVENTS];
	uint32_t count;
	bool on;
	uint8_t *before;
	uint64_t before_length;
} tape;

static int32_t record(void *self, const char *path, uint32_t kind, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	if (!tape.on || strcmp(path, tape.path) != 0)
		return 0;
	if (tape.count == EVENTS)
		subject_wrong("too many events");
	struct event *event = &tape.events[tape.count++];
	*event = (struct event){ .kind = kind, .offset = offset, .length = length };
	if (data != NULL) {
		event->data = malloc(length);
		memcpy(event->data, data, length);
	}
	return 0;
}

static void path_of(char path[4096], bool child)
{
	char name[64];
	snprintf(name, sizeof(name), "%s.%.10s", child ? "child" : "disk", SUBJECT.suffixes);
	if (strchr(name, '|') != NULL)
		*strchr(name, '|') = 0;
	subject_path(path, name);
}

static struct vmm_block_image *image_open(const char *path, uint32_t flags)
{
	struct vmm_block_image *image;
	if (vmm_block_image_open(&host.host, formats, 1, path, flags, &image) < 0)
		subject_wrong("cannot open: %s", host.cause);
	return image;
}

static void fill(struct vmm_block_image *image, uint32_t acts)
{
	for (uint32_t i = 0; i < acts; i++) {
		uint64_t first = chance_below(&chance, image->length / 512);
		uint64_t count = 1 + chance_below(&chance, UINT64_C(1) << chance_below(&chance, 10));
		uint64_t what = chance_below(&chance, 4);
		count = count < image->length / 512 - first ? count : image->length / 512 - first;
		int32_t status;
		if (what == 0) {
			memset(disk + first * 512, 0, count * 512);
			status = vmm_block_image_zero(image, count * 512, first * 512, chance_below(&chance, 2) != 0);
		} else {
			pattern_fill(disk + first * 512, count * 512, first * 512, chance_next(&chance) >> 8);
			status = vmm_block_image_write(image, disk + first * 512, count * 512, first * 512);
		}
		if (status < 0)
			subject_wrong("fill: %s", strerror(-status));
	}
}

static void image_make(const char *variant, bool child)
{
	struct vmm_block_image *parent = NULL;
	char path[4096], base[4096];
	subject_folder_empty();
	memset(disk, 0, sizeof(disk));
	path_of(base, false);
	for (uint32_t i = 0; i <= child; i++) {
		path_of(path, i != 0);
		const struct vmm_block_new what = {
			.path = path,
			.variant = i == 0 ? variant : NULL,
			.length = LENGTH,
			.parent = i == 0 ? NULL : strrchr(base, '/') + 1,
			.parent_format = i == 0 ? NULL : SUBJECT.name,
			.parent_image = parent,
		};
		if (vmm_block_image_create(&host.host, &SUBJECT, &what) < 0)
			subject_wrong("cannot create: %s", host.cause);
		vmm_block_image_close(parent);
		struct vmm_block_image *image = image_open(path, 0);
		fill(image, 40);
		vmm_block_image_close(image);
		parent = i < child ? image_open(base, VMM_BLOCK_READONLY) : NULL;
	}
}

static void file_load(const char *path)
{
	struct stat what;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &what) < 0)
		subject_wrong("cannot open %s", path);
	free(tape.before);
	tape.before_length = (uint64_t)what.st_size;
	tape.before = malloc(tape.before_length + 1);
	if (pread(fd, tape.before, tape.before_length, 0) != (ssize_t)tape.before_length)
		subject_wrong("cannot read %s", path);
	close(fd);
}

/* The acts. */

enum { GROW, GROW_FAR, SHRINK, COMPACT, LEAVE, ACTS };
static const char *const act_names[] = { "grow", "grow far", "shrink", "compact", "leave its parent" };

static uint32_t progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	if (done > of)
		subject_wrong("progress of %llu of %llu", (unsigned long long)done, (unsigned long long)of);
	return 0;
}

/* Its length afterwards; 0: it cannot. */
static uint64_t act(struct vmm_block_image *image, uint32_t what)
{
	struct vmm_block_report report = { NULL, progress };
	uint64_t length = LENGTH;
	int32_t status = 0;
	switch (what) {
	case GROW: length = LENGTH + (1 + chance_below(&chance, 4000)) * 512; break;
	/* Where all has room in the file, so has the test in memory. */
	case GROW_FAR: length = image->unit == 0 ? 2 * LENGTH : UINT64_C(3) << 30; break;
	case SHRINK: length = (1 + chance_below(&chance, LENGTH / 512 - 1)) * 512; break;
	case COMPACT: status = vmm_block_image_compact(image, &report); break;
	default: status = vmm_block_image_rebase(image, NULL, NULL, NULL);
	}
	if (length != LENGTH)
		status = vmm_block_image_resize(image, length);
	/* Not all variants can. */
	if (status == -ENOTSUP || status == -EOPNOTSUPP)
		return 0;
	if (status < 0)
		subject_wrong("cannot %s: %s", act_names[what], host.cause);
	return length;
}

/* The cut. */

struct state {
	uint8_t *data;
	uint64_t length, space;
};

static void state_write(struct state *state, const uint8_t *data, uint64_t length, uint64_t offset)
{
	uint64_t end = offset + length;
	if (end > state->space) {
		uint64_t space = end + (1 << 20);
		state->data = realloc(state->data, space);
		memset(state->data + state->space, 0, space - state->space);
		state->space = space;
	}
	if (data != NULL)
		memcpy(state->data + offset, data, length);
	else
		memset(state->data + offset, 0, length);
	if (end > state->length)
		state->length = end;
}

static void state_length(struct state *state, uint64_t length)
{
	if (length > state->length) {
		state_write(state, NULL, length - state->length, state->length);
	} else {
		memset(state->data + length, 0, state->length - length);
		state->length = length;
	}
}

static void state_apply(struct state *state, const struct event *event, bool whole)
{
	uint64_t length = event->length;
	if (event->kind == VMM_BLOCK_EVENT_TRUNCATE) {
		if (whole || chance_below(&chance, 2) != 0)
			state_length(state, event->length);
		return;
	}
	if (event->kind != VMM_BLOCK_EVENT_WRITE && event->kind != VMM_BLOCK_EVENT_ZERO)
		return;
	if (event->kind == VMM_BLOCK_EVENT_ZERO) {
		/* It does not make the file longer. */
		uint64_t room = event->offset < state->length ? state->length - event->offset : 0;
		length = length < room ? length : room;
	}
	for (uint64_t at = 0; at < length;) {
		uint64_t part = 512 - (event->offset + at) % 512;
		part = part < length - at ? part : length - at;
		if (whole || chance_below(&chance, 2) != 0)
			state_write(state, event->data != NULL ? event->data + at : NULL, part, event->offset + at);
		at += part;
	}
}

static void state_make(struct state *state, uint32_t cut, bool power)
{
	uint32_t synced = 0;
	if (state->space != 0)
		memset(state->data, 0, state->space);
	state->length = 0;
	state_write(state, tape.before, tape.before_length, 0);
	for (uint32_t i = 0; i < cut; i++) {
		if (tape.events[i].kind == VMM_BLOCK_EVENT_SYNC)
			synced = i;
	}
	for (uint32_t i = 0; i < cut; i++)
		state_apply(state, &tape.events[i], !power || i < synced);
}

/* Its first `length` bytes; as many as there were at most. */
static void compare(struct vmm_block_image *image, uint64_t length, uint32_t cut, const char *what)
{
	static uint8_t data[MOST];
	length = length < image->length ? length : image->length;
	length = length < LENGTH ? length : LENGTH;
	int32_t status = vmm_block_image_read(image, data, length, 0);
	if (status < 0)
		subject_wrong("%s at %u: read: %s", what, cut, strerror(-status));
	for (uint64_t at = 0; at < length; at += 512) {
		if (memcmp(data + at, disk + at, 512) != 0)
			subject_wrong("%s at %u of %u: sector %llu has changed", what, cut, tape.count,
				(unsigned long long)at / 512);
	}
}

/* What was cut off does not come back. */
static void regrow(struct vmm_block_image *image, uint32_t cut, const char *what)
{
	static uint8_t data[MOST];
	uint64_t shorter = image->length;
	if (vmm_block_image_resize(image, LENGTH) < 0)
		subject_wrong("%s at %u: it cannot be made longer: %s", what, cut, host.cause);
	compare(image, shorter, cut, what);
	if (vmm_block_image_read(image, data, LENGTH - shorter, shorter) < 0)
		subject_wrong("%s at %u: what is new cannot be read", what, cut);
	for (uint64_t at = 0; at < LENGTH - shorter; at++) {
		if (data[at] != 0)
			subject_wrong(
				"%s at %u: byte %llu has come back", what, cut, (unsigned long long)(shorter + at));
	}
	if (vmm_block_image_resize(image, shorter) < 0)
		subject_wrong("%s at %u: it cannot be made shorter: %s", what, cut, host.cause);
}

static void examine(uint64_t length, uint32_t cut, const char *what)
{
	struct subject_findings findings;
	struct vmm_block_image *image = image_open(tape.path, VMM_BLOCK_READONLY);
	if (image->length != LENGTH && image->length != length)
		subject_wrong("%s at %u: it has %llu bytes", what, cut, (unsigned long long)image->length);
	compare(image, image->length, cut, what);
	vmm_block_image_close(image);
	image = image_open(tape.path, VMM_BLOCK_LENIENT);
	if (subject_check(image, true, &findings) < 0 || findings.unmendable != 0)
		subject_wrong("%s at %u: check: %s", what, cut, findings.first);
	vmm_block_image_close(image);
	image = image_open(tape.path, 0);
	compare(image, image->length, cut, what);
	if (image->length < LENGTH)
		regrow(image, cut, what);
	/* It can be gone on with. */
	static uint8_t data[65536];
	pattern_fill(data, sizeof(data), 0, 77);
	uint64_t part = image->length < sizeof(data) ? image->length : sizeof(data);
	if (vmm_block_image_write(image, data, part, image->length - part) < 0 || vmm_block_image_flush(image) < 0)
		subject_wrong("%s at %u: it cannot be written", what, cut);
	uint64_t rest = image->length - part;
	compare(image, rest < length || image->length == LENGTH ? rest : length, cut, what);
	if (subject_check(image, false, &findings) < 0 || findings.damage != 0)
		subject_wrong("%s at %u: damage is left: %s", what, cut, findings.first);
	vmm_block_image_close(image);
}

static void state_save(const struct state *state)
{
	int fd = open(tape.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || pwrite(fd, state->data, state->length, 0) != (ssize_t)state->length)
		subject_wrong("cannot write %s", tape.path);
	close(fd);
}

static uint64_t run(const char *variant, uint32_t what, uint64_t cuts, uint64_t draws)
{
	static struct state state;
	bool child = what == LEAVE ||
		((SUBJECT.flags & VMM_BLOCK_FORMAT_PARENTS) != 0 && chance_below(&chance, 3) == 0);
	char text[64];
	uint64_t count = 0;
	image_make(variant, child);
	path_of(tape.path, child);
	struct vmm_block_image *image = image_open(tape.path, 0);
	if (what == COMPACT && SUBJECT.compact == NULL) {
		vmm_block_image_close(image);
		return 0;
	}
	fill(image, 6);
	/* What the parent has is copied first, as the contract wants it. */
	if (what == LEAVE && vmm_block_image_write(image, disk, LENGTH, 0) < 0)
		subject_wrong("the parent cannot be copied");
	if (vmm_block_image_flush(image) < 0)
		subject_wrong("flush");
	file_load(tape.path);
	tape.count = 0;
	tape.on = true;
	uint64_t length = act(image, what);
	vmm_block_image_close(image);
	tape.on = false;
	for (uint32_t i = 0; i <= tape.count && length != 0; i++) {
		if (tape.count > cuts && chance_below(&chance, tape.count) >= cuts)
			continue;
		for (uint64_t power = 0; power <= draws; power++, count++) {
			snprintf(text, sizeof(text), "%s (%s)", act_names[what], power ? "power failure" : "kill");
			state_make(&state, i, power != 0);
			state_save(&state);
			examine(length, i, text);
		}
	}
	for (uint32_t i = 0; i < tape.count; i++)
		free(tape.events[i].data);
	tape.count = 0;
	return count;
}

int main(void)
{
	uint64_t seed = subject_number("CRASH_SEED", 1), rounds = subject_number("CRASH_ROUNDS", 3);
	uint64_t cuts = subject_number("CRASH_CUTS", 25), draws = subject_number("CRASH_DRAWS", DRAWS), count = 0;
	subject_host_init(&host);
	vmm_block_watch(record, NULL);
	for (uint32_t i = 0; subject_variant(i) != NULL; i++) {
		/* Only the image itself is cut. */
		if (strstr(subject_variant(i), "external") != NULL)
			continue;
		for (uint64_t round = 0; round < rounds; round++) {
			for (uint32_t what = 0; what < ACTS; what++) {
				chance.state = seed + round * ACTS + what;
				subject_place(subject_variant(i), seed + round, what);
				count += run(subject_variant(i), what, cuts, draws);
			}
		}
	}
	if (count == 0)
		subject_wrong("nothing was cut");
	printf("%s: %llu cuts from seed %llu lost nothing\n", SUBJECT.name, (unsigned long long)count,
		(unsigned long long)seed);
	free(tape.before);
	subject_folder_remove();
	return 0;
}
