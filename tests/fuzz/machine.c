/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Target: the file of a saved machine, RAM included.  The input changes a good one: pairs of a place and what to put
 * there, after which checksums are made to fit, unless the first byte says that they are not.
 */
#include "vmm/machine/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/stream.h"

/* As vmm/machine/ram.c has it. */
#define RAM_HEADER 88
#define RAM_CHUNK  65536u

static struct {
	struct plugin_registry *registry;
	struct config *config;
	struct machine *machine;
	char folder[64], file[80], ini[80];
	uint8_t *good;
	size_t length;
} fuzz;

static void put_le(uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

static void log_nothing(void *self, unsigned level, const char *line)
{
	(void)self;
	(void)level;
	(void)line;
}

static void files_remove(void)
{
	unlink(fuzz.file);
	unlink(fuzz.ini);
	rmdir(fuzz.folder);
}

static void file_put(const uint8_t *data, size_t length)
{
	int fd = open(fuzz.file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, length) != (ssize_t)length)
		abort();
	close(fd);
}

/* The checksums of the indexes of all RAM regions, the stream before them done already. */
static void ram_repair(uint8_t *data, size_t length, size_t at)
{
	at += 12;
	while (at <= length && length - at >= RAM_HEADER) {
		uint64_t chunks = get_le(data + at + 72, 8), end = get_le(data + at + 80, 8);

		if (chunks > (length - at - RAM_HEADER) / 16 || length - at - RAM_HEADER - chunks * 16 < 4)
			return;
		for (uint64_t i = 0; i < chunks; i++) {
			uint8_t *entry = data + at + RAM_HEADER + i * 16;
			uint64_t offset = get_le(entry, 8), stored = get_le(entry + 8, 4);

			if (stored && offset <= length && stored <= length - offset)
				put_le(entry + 12, crc32_z(0, data + offset, stored), 4);
		}
		put_le(data + at + RAM_HEADER + chunks * 16, crc32_z(0, data + at, RAM_HEADER + chunks * 16), 4);
		if (end <= at)
			return;
		at = end;
	}
}

static void state_repair(uint8_t *data, size_t length)
{
	uint64_t stream = length >= 8 ? get_le(data, 8) : 0;

	if (length < 8 || stream > length - 8)
		return;
	stream_repair(data + 8, stream);
	ram_repair(data, length, 8 + stream);
}

/* A chunk that is not zero, at the end of the file; the first index entry points to it. */
static void good_make(size_t length)
{
	size_t bound = ZSTD_compressBound(RAM_CHUNK), stored;
	uint8_t *chunk = malloc(RAM_CHUNK);
	uint8_t *entry;

	for (unsigned i = 0; i < RAM_CHUNK; i++)
		chunk[i] = (uint8_t)(i >> 6 ^ i);
	fuzz.good = realloc(fuzz.good, length + bound);
	stored = ZSTD_compress(fuzz.good + length, bound, chunk, RAM_CHUNK, 3);
	entry = fuzz.good + 8 + get_le(fuzz.good, 8) + 12 + RAM_HEADER;
	put_le(entry, length, 8);
	put_le(entry + 8, stored, 4);
	fuzz.length = length + stored;
	state_repair(fuzz.good, fuzz.length);
	free(chunk);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct machine_options options = { .log = log_nothing };
	static const char text[] = "[machine]\nname = fuzz\nbase = none\nmemory = 1M\n";
	const char *parent = getenv("TMPDIR");
	struct config_error error = { "" };
	int fd;

	(void)argc;
	(void)argv;
	snprintf(fuzz.folder, sizeof(fuzz.folder), "%.40s/vmm-fuzz-XXXXXX", parent ? parent : "/tmp");
	if (!mkdtemp(fuzz.folder))
		abort();
	snprintf(fuzz.file, sizeof(fuzz.file), "%s/state", fuzz.folder);
	snprintf(fuzz.ini, sizeof(fuzz.ini), "%s/fuzz.ini", fuzz.folder);
	atexit(files_remove);
	fd = open(fuzz.ini, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	if (registry_new("", &fuzz.registry) || machine_config(fuzz.ini, NULL, 0, &fuzz.config, &error) ||
		machine_new(fuzz.config, fuzz.registry, &options, &fuzz.machine, &error) ||
		machine_save(fuzz.machine, fuzz.file, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	fd = open(fuzz.file, O_RDONLY);
	off_t length = lseek(fd, 0, SEEK_END);

	fuzz.good = malloc((size_t)length);
	if (pread(fd, fuzz.good, (size_t)length, 0) != length)
		abort();
	close(fd);
	good_make((size_t)length);
	file_put(fuzz.good, fuzz.length);
	if (machine_load(fuzz.machine, fuzz.file, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct config_error error = { "" };
	uint8_t *state = malloc(fuzz.length), flags = (uint8_t)input_take(&input, 1);
	size_t length = fuzz.length;

	memcpy(state, fuzz.good, length);
	while (input.left) {
		uint64_t how = input_take(&input, 1);
		size_t at = input_take(&input, 2) % length;
		unsigned count = 1u << (how & 3);

		if (how >= 0xf8 && at > 0) {
			length = at;
			continue;
		}
		for (unsigned i = 0; i < count && at + i < length; i++)
			state[at + i] = (uint8_t)input_take(&input, 1);
	}
	if (!(flags & 1))
		state_repair(state, length);
	file_put(state, length);
	if (machine_load(fuzz.machine, fuzz.file, &error) && (!error.text[0] || strchr(error.text, '\n')))
		abort();
	free(state);
	return 0;
}
