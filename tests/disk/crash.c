/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What is left of an image after a kill or a power failure at any instant.
 *
 * A run of writes, zeros and flushes is recorded, file by file.  Then it is cut: at each sync, and elsewhere by chance.
 * After a kill the host still has all that was done before the cut.  After a power failure each sector of each file is
 * as it was at some instant between the file's last sync and the cut, and so is its length, independently.  What comes
 * out is opened, checked, mended, opened again and read: what a flush had covered before the cut must be there, and a
 * sector that was written since has either what was flushed or something that was written since.  Then it is written
 * to and reopened, since what is left over must not be used twice.
 *
 * CRASH_SEED, CRASH_ROUNDS (recordings a variant), CRASH_ACTS (a recording), CRASH_CUTS (by chance, a recording).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "subject.h"

#define LENGTH (UINT64_C(3) << 20)
#define FILES  16u
#define EVENTS 65536u

#ifdef SUBJECT_BASE
static const struct vmm_block_format *const formats[] = { &SUBJECT, &SUBJECT_BASE };
#define FORMATS 2
#else
static const struct vmm_block_format *const formats[] = { &SUBJECT };
#define FORMATS 1
#endif

/* The recording. */

struct event {
	uint32_t file, kind;
	uint64_t offset, length; /* TRUNCATE: length */
	uint8_t *data;           /* WRITE; RENAME: the new path */
};

struct file {
	char path[4096];
	uint8_t *before; /* when the recording began; NULL: there was none */
	uint64_t length;
};

/* What the guest was promised: the disk as it was when a flush returned. */
struct flush {
	uint32_t event; /* how many there were then */
	uint32_t write; /* how many guest writes had been made */
};

struct guest_write {
	uint32_t event;                /* how many there were when it began */
	uint64_t offset, length, mark; /* mark 0: zeros */
};

static struct {
	struct event events[EVENTS];
	uint32_t event_count;
	struct file files[FILES];
	uint32_t file_count;
	struct flush flushes[4096];
	uint32_t flush_count;
	struct guest_write writes[4096];
	uint32_t write_count;
	bool on;
} tape;

static uint32_t file_number(const char *path)
{
	for (uint32_t i = 0; i < tape.file_count; i++) {
		if (strcmp(tape.files[i].path, path) == 0)
			return i;
	}
	if (tape.file_count == FILES)
		subject_wrong("too many files");
	struct file *file = &tape.files[tape.file_count];
	memset(file, 0, sizeof(*file));
	snprintf(file->path, sizeof(file->path), "%s", path);
	return tape.file_count++;
}

static int32_t record(void *self, const char *path, uint32_t kind, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	if (!tape.on)
		return 0;
	if (tape.event_count == EVENTS)
		subject_wrong("too many events");
	struct event *event = &tape.events[tape.event_count++];
	*event = (struct event){ .file = file_number(path), .kind = kind, .offset = offset, .length = length };
	if (data != NULL) {
		event->data = malloc(length);
		memcpy(event->data, data, length);
	}
	return 0;
}

static void tape_clear(void)
{
	for (uint32_t i = 0; i < tape.event_count; i++)
		free(tape.events[i].data);
	for (uint32_t i = 0; i < tape.file_count; i++)
		free(tape.files[i].before);
	tape.event_count = tape.file_count = tape.flush_count = tape.write_count = 0;
}

static void file_load(const char *path)
{
	struct file *file = &tape.files[file_number(path)];
	struct stat what;
	int fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &what) < 0)
		subject_wrong("cannot open %s", path);
	file->length = (uint64_t)what.st_size;
	file->before = malloc(file->length + 1);
	if (pread(fd, file->before, file->length, 0) != (ssize_t)file->length)
		subject_wrong("cannot read %s", path);
	close(fd);
}

static void files_load(void)
{
	DIR *folder = opendir(subject_folder());
	struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		char path[4096];
		subject_path(path, entry->d_name);
		if (entry->d_name[0] != '.')
			file_load(path);
	}
	closedir(folder);
}

/* The run. */

static struct subject_host host;
static struct chance chance;

static void disk_path(char path[4096], bool child)
{
	char name[64];
	snprintf(name, sizeof(name), "%s.%.10s", child ? "child" : "disk", SUBJECT.suffixes);
	char *bar = strchr(name, '|');
	if (bar != NULL)
		*bar = 0;
	subject_path(path, name);
}

static struct vmm_block_image *disk_open(bool child, uint32_t flags)
{
	struct vmm_block_image *image;
	char path[4096];
	disk_path(path, child);
	host.cause[0] = 0;
	return vmm_block_image_open(&host.host, formats, FORMATS, path, flags, &image) < 0 ? NULL : image;
}

static void disk_create(const char *variant, const char *parent, struct vmm_block_image *parent_image)
{
	char path[4096];
	disk_path(path, parent != NULL);
	const char *format = parent != NULL ? SUBJECT.name : NULL;
#ifdef SUBJECT_BASE
	char base[4096];
	subject_path(base, "base");
	const struct vmm_block_new ground = { .path = base, .length = LENGTH };
	if (parent == NULL && vmm_block_image_create(&host.host, &SUBJECT_BASE, &ground) < 0)
		subject_wrong("cannot create the base: %s", host.cause);
	if (parent == NULL) {
		parent = "base";
		format = SUBJECT_BASE.name;
	}
#endif
	const struct vmm_block_new what = {
		.path = path,
		.variant = parent == NULL ? variant : NULL,
		.length = LENGTH,
		.parent = parent,
		.parent_format = format,
		.parent_image = parent_image,
	};
	if (vmm_block_image_create(&host.host, &SUBJECT, &what) < 0)
		subject_wrong("cannot create: %s", host.cause);
}

static void pick(const struct vmm_block_image *image, uint64_t *offset, uint64_t *length)
{
	uint64_t sectors = LENGTH / SUBJECT_SECTOR, unit = image->unit / SUBJECT_SECTOR;
	uint64_t count = 1 + chance_below(&chance, UINT64_C(1) << chance_below(&chance, 9));
	uint64_t first = chance_below(&chance, sectors);
	if (unit > 1 && chance_below(&chance, 3) == 0) {
		first = first / unit * unit;
		count = unit;
	}
	if (count > sectors - first)
		count = sectors - first;
	*offset = first * SUBJECT_SECTOR;
	*length = count * SUBJECT_SECTOR;
}

static void act(struct vmm_block_image *image, uint64_t mark)
{
	static uint8_t data[LENGTH];
	uint64_t what = chance_below(&chance, 16), offset, length;
	int32_t status;
	if (what < 3) {
		status = vmm_block_image_flush(image);
		tape.flushes[tape.flush_count++] = (struct flush){ tape.event_count, tape.write_count };
	} else {
		pick(image, &offset, &length);
		bool zero = what < 7;
		tape.writes[tape.write_count++] = (struct guest_write){ tape.event_count, offset, length,
			zero ? 0 : mark };
		pattern_fill(data, length, offset, mark - 1);
		status = zero ? vmm_block_image_zero(image, length, offset, what < 6)
			      : vmm_block_image_write(image, data, length, offset);
	}
	if (status < 0)
		subject_wrong("act %llu: %s", (unsigned long long)mark, strerror(-status));
}

static void run_record(const char *variant, uint64_t acts, bool child)
{
	subject_folder_empty();
	tape_clear();
	disk_create(variant, NULL, NULL);
	if (child) {
		char path[4096];
		static uint8_t data[LENGTH];
		struct vmm_block_image *image = disk_open(false, 0);
		if (image == NULL)
			subject_wrong("cannot open: %s", host.cause);
		/* What must not shine through: marks of their own. */
		pattern_fill(data, LENGTH / 2, 0, UINT64_C(1) << 40);
		if (vmm_block_image_write(image, data, LENGTH / 2, 0) < 0)
			subject_wrong("cannot write the parent");
		vmm_block_image_close(image);
		image = disk_open(false, VMM_BLOCK_READONLY);
		disk_path(path, false);
		disk_create(variant, strrchr(path, '/') + 1, image);
		vmm_block_image_close(image);
	}
	files_load();
	tape.on = true;
	struct vmm_block_image *image = disk_open(child, 0);
	if (image == NULL)
		subject_wrong("cannot open: %s", host.cause);
	for (uint64_t mark = 1; mark <= acts; mark++)
		act(image, mark);
	vmm_block_image_close(image);
	/* An orderly close is a flush. */
	tape.flushes[tape.flush_count++] = (struct flush){ tape.event_count, tape.write_count };
	tape.on = false;
}

/* The cut. */

struct state {
	uint8_t *data;
	uint64_t length, space;
	bool there;
};

static void state_room(struct state *state, uint64_t length)
{
	if (length > state->space) {
		uint64_t space = length + (1 << 20);
		state->data = realloc(state->data, space);
		memset(state->data + state->space, 0, space - state->space);
		state->space = space;
	}
}

static void state_length(struct state *state, uint64_t length)
{
	state_room(state, length);
	if (length < state->length)
		memset(state->data + length, 0, state->length - length);
	state->length = length;
}

static void state_apply(struct state *states, const struct event *event)
{
	struct state *state = &states[event->file];
	switch (event->kind) {
	case VMM_BLOCK_EVENT_WRITE:
		state_room(state, event->offset + event->length);
		memcpy(state->data + event->offset, event->data, event->length);
		if (event->offset + event->length > state->length)
			state->length = event->offset + event->length;
		break;
	case VMM_BLOCK_EVENT_ZERO:
		if (event->offset < state->length)
			memset(state->data + event->offset, 0,
				event->length < state->length - event->offset ? event->length
									      : state->length - event->offset);
		break;
	case VMM_BLOCK_EVENT_TRUNCATE: state_length(state, event->length); break;
	case VMM_BLOCK_EVENT_CREATE:
		state_length(state, 0);
		state->there = true;
		break;
	case VMM_BLOCK_EVENT_RENAME: {
		struct state *to = &states[file_number((const char *)event->data)];
		state_length(to, 0);
		state_length(to, state->length);
		memcpy(to->data, state->data, state->length);
		to->there = true;
		state->there = false;
		break;
	}
	case VMM_BLOCK_EVENT_UNLINK: state->there = false; break;
	default: break;
	}
}

static void states_begin(struct state *states)
{
	for (uint32_t i = 0; i < FILES; i++) {
		struct state *state = &states[i];
		bool there = i < tape.file_count && tape.files[i].before != NULL;
		state_length(state, 0);
		state->there = there;
		if (!there)
			continue;
		state_length(state, tape.files[i].length);
		memcpy(state->data, tape.files[i].before, state->length);
	}
}

/* Each sector of a file at an instant of its own after the last sync. */
static void power_fail(struct state *states, uint32_t cut)
{
	static struct state then[FILES];
	for (uint32_t file = 0; file < tape.file_count; file++) {
		uint32_t from = 0, instants[64], count = 0;
		for (uint32_t i = 0; i < cut; i++) {
			/* A rename comes after a sync, and what it has taken the place of is gone. */
			if (tape.events[i].file == file &&
				(tape.events[i].kind == VMM_BLOCK_EVENT_SYNC ||
					tape.events[i].kind == VMM_BLOCK_EVENT_CREATE))
				from = i + 1;
			if (tape.events[i].kind == VMM_BLOCK_EVENT_RENAME &&
				file_number((const char *)tape.events[i].data) == file)
				from = i + 1;
		}
		/* A few instants are enough to mix. */
		instants[count++] = from;
		while (count < 6 && from < cut)
			instants[count++] = from + (uint32_t)chance_below(&chance, cut - from + 1);
		uint64_t bias = chance_below(&chance, 3);
		uint64_t length_at = chance_below(&chance, count);
		uint64_t seed = chance_next(&chance);
		for (uint32_t k = 0; k < count; k++) {
			struct chance choose = { seed };
			states_begin(then);
			for (uint32_t i = 0; i < instants[k]; i++)
				state_apply(then, &tape.events[i]);
			if (k == 0)
				state_length(&states[file], 0);
			if (k == length_at)
				states[file].length = then[file].length;
			uint64_t sectors = (then[file].length + 511) / 512;
			state_room(&states[file], sectors * 512);
			state_room(&then[file], sectors * 512);
			for (uint64_t sector = 0; sector < sectors; sector++) {
				/* The same instant for a sector in every round of k. */
				choose.state = seed + sector;
				uint64_t mine = chance_below(&choose, count + bias);
				if (mine >= count)
					mine = bias == 1 ? 0 : count - 1;
				if (mine == k)
					memcpy(states[file].data + sector * 512, then[file].data + sector * 512, 512);
			}
		}
	}
}

static void states_write(struct state *states)
{
	subject_folder_empty();
	for (uint32_t i = 0; i < tape.file_count; i++) {
		if (!states[i].there)
			continue;
		int fd = open(tape.files[i].path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || pwrite(fd, states[i].data, states[i].length, 0) != (ssize_t)states[i].length)
			subject_wrong("cannot write %s", tape.files[i].path);
		close(fd);
	}
}

/* What has come out. */

static uint64_t mark_of(const uint8_t *sector, uint64_t number)
{
	uint8_t want[512];
	uint64_t mark;
	memcpy(&mark, sector, 8);
	if (mark == 0)
		return vmm_block_is_zero(sector, 512) ? 0 : UINT64_MAX;
	pattern_fill(want, 512, number * 512, mark - 1);
	return memcmp(sector, want, 512) == 0 ? mark : UINT64_MAX;
}

static void verify(struct vmm_block_image *image, uint32_t cut, bool child, const char *kind)
{
	static uint8_t data[LENGTH];
	uint32_t flushed = 0, begun = 0;
	int32_t status = vmm_block_image_read(image, data, LENGTH, 0);
	if (status < 0)
		subject_wrong("%s at %u: read: %s", kind, cut, strerror(-status));
	for (uint32_t i = 0; i < tape.flush_count && tape.flushes[i].event <= cut; i++)
		flushed = tape.flushes[i].write;
	while (begun < tape.write_count && tape.writes[begun].event <= cut)
		begun++;
	for (uint64_t sector = 0; sector < LENGTH / 512; sector++) {
		uint64_t have = mark_of(data + sector * 512, sector);
		uint64_t want = child && sector < LENGTH / 512 / 2 ? (UINT64_C(1) << 40) + 1 : 0;
		bool good = false;
		for (uint32_t i = 0; i < begun; i++) {
			const struct guest_write *write = &tape.writes[i];
			if (sector * 512 < write->offset || sector * 512 >= write->offset + write->length)
				continue;
			if (i < flushed)
				want = write->mark;
			else
				good |= have == write->mark;
		}
		if (!good && have != want)
			subject_wrong("%s at event %u of %u: sector %llu has mark %lld, but %llu was flushed", kind,
				cut, tape.event_count, (unsigned long long)sector, (long long)have,
				(unsigned long long)want);
	}
}

/* It can be gone on with: whatever was left over is not used twice. */
static void go_on(uint32_t cut, bool child, const char *kind)
{
	static uint8_t before[LENGTH], back[LENGTH];
	struct vmm_block_image *image = disk_open(child, 0);
	if (image == NULL)
		subject_wrong("%s at %u: cannot open again: %s", kind, cut, host.cause);
	if (vmm_block_image_read(image, before, LENGTH, 0) < 0)
		subject_wrong("%s at %u: read", kind, cut);
	for (uint64_t i = 0; i < 24; i++) {
		uint64_t offset, length;
		pick(image, &offset, &length);
		pattern_fill(before + offset, length, offset, 1000000 + i);
		int32_t status = vmm_block_image_write(image, before + offset, length, offset);
		if (status < 0)
			subject_wrong("%s at %u: write: %s", kind, cut, strerror(-status));
	}
	vmm_block_image_close(image);
	image = disk_open(child, VMM_BLOCK_READONLY);
	if (image == NULL || vmm_block_image_read(image, back, LENGTH, 0) < 0)
		subject_wrong("%s at %u: cannot open a third time: %s", kind, cut, host.cause);
	if (memcmp(before, back, LENGTH) != 0)
		subject_wrong("%s at %u: going on has changed what was not written", kind, cut);
	struct subject_findings findings;
	if (subject_check(image, false, &findings) < 0 || findings.damage != 0)
		subject_wrong("%s at %u: damage after going on: %s", kind, cut, findings.first);
	vmm_block_image_close(image);
}

static void examine(uint32_t cut, bool child, const char *kind)
{
	struct subject_findings findings;
	/* A machine that starts again opens it as it is; whoever looks first may mend it. */
	if (chance_below(&chance, 2) == 0) {
		struct vmm_block_image *image = disk_open(child, VMM_BLOCK_LENIENT);
		if (image == NULL)
			subject_wrong("%s at %u: cannot open to mend: %s", kind, cut, host.cause);
		if (subject_check(image, true, &findings) < 0)
			subject_wrong("%s at %u: check: %s", kind, cut, host.cause);
		if (findings.unmendable != 0)
			subject_wrong("%s at %u: what cannot be mended: %s", kind, cut, findings.first);
		vmm_block_image_close(image);
		image = disk_open(child, VMM_BLOCK_READONLY);
		if (image == NULL)
			subject_wrong("%s at %u: cannot open after mending: %s", kind, cut, host.cause);
		if (subject_check(image, false, &findings) < 0 || findings.damage + findings.waste != 0)
			subject_wrong("%s at %u: after mending %u damages, %u wastes are left: %s", kind, cut,
				findings.damage, findings.waste, findings.first);
		vmm_block_image_close(image);
	}
	struct vmm_block_image *image = disk_open(child, chance_below(&chance, 2) == 0 ? VMM_BLOCK_READONLY : 0);
	if (image == NULL)
		subject_wrong("%s at %u: cannot open: %s", kind, cut, host.cause);
	verify(image, cut, child, kind);
	vmm_block_image_close(image);
	go_on(cut, child, kind);
}

static void cut_at(uint32_t cut, bool child)
{
	static struct state states[FILES];
	states_begin(states);
	for (uint32_t i = 0; i < cut; i++)
		state_apply(states, &tape.events[i]);
	states_write(states);
	examine(cut, child, "kill");
	/* What is there, and under which name, is as after the kill; the contents are not. */
	power_fail(states, cut);
	states_write(states);
	examine(cut, child, "power failure");
}

static uint64_t cut_all(uint64_t cuts, bool child)
{
	uint64_t count = 0, syncs = 0;
	for (uint32_t i = 0; i < tape.event_count; i++)
		syncs += tape.events[i].kind == VMM_BLOCK_EVENT_SYNC;
	/* At each sync: just before it and after.  If there are many, at some of them. */
	for (uint32_t i = 0; i < tape.event_count; i++) {
		if (tape.events[i].kind != VMM_BLOCK_EVENT_SYNC || chance_below(&chance, syncs) >= cuts)
			continue;
		cut_at(i, child);
		cut_at(i + 1, child);
		count += 2;
	}
	for (uint64_t i = 0; i < cuts; i++, count++)
		cut_at((uint32_t)chance_below(&chance, tape.event_count + 1), child);
	return count;
}

int main(void)
{
	uint64_t seed = subject_number("CRASH_SEED", 1), rounds = subject_number("CRASH_ROUNDS", 3);
	uint64_t acts = subject_number("CRASH_ACTS", 60), cuts = subject_number("CRASH_CUTS", 12), count = 0;
	subject_host_init(&host);
	vmm_block_watch(record, NULL);
	for (uint32_t i = 0; subject_variant(i) != NULL; i++) {
		for (uint64_t round = 0; round < rounds; round++) {
			bool child = round % 3 == 2 && (SUBJECT.flags & VMM_BLOCK_FORMAT_PARENTS) != 0;
			chance.state = seed + round;
			subject_place(subject_variant(i), seed + round, 0);
			run_record(subject_variant(i), acts, child);
			count += cut_all(cuts, child);
		}
	}
	printf("%s: %llu cuts from seed %llu lost nothing\n", SUBJECT.name, (unsigned long long)count,
		(unsigned long long)seed);
	tape_clear();
	subject_folder_remove();
	return 0;
}
