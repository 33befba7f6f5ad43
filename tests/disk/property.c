/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Chains of images against a disk in memory: writes, zeros, discards, flushes, snapshots, resizes and reopenings by
 * chance, and reads that must agree; then the same from several threads.
 *
 * PROPERTY_SEED, PROPERTY_ROUNDS (chains a variant), PROPERTY_STEPS (acts a chain).
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subject.h"

#define LENGTH_MAXIMUM (UINT64_C(12) << 20)
#define CHAIN_MAXIMUM  5u
#define THREADS        4u

#ifdef SUBJECT_BASE
static const struct vmm_block_format *const formats[] = { &SUBJECT, &SUBJECT_BASE };
#define FORMATS 2
#else
static const struct vmm_block_format *const formats[] = { &SUBJECT };
#define FORMATS 1
#endif

struct chain {
	struct subject_host host;
	struct chance chance;
	const char *variant;
	struct vmm_block_image *image;
	struct model model;
	struct model parents[CHAIN_MAXIMUM]; /* as they were when they became parents */
	uint32_t depth;
	uint64_t mark; /* of the last write */
	uint8_t *buffer;
};

static void chain_name(char path[4096], uint32_t depth)
{
	char name[32];
	snprintf(name, sizeof(name), "disk-%u.%.10s", depth, SUBJECT.suffixes);
	char *bar = strchr(name, '|');
	if (bar != NULL)
		*bar = 0;
	subject_path(path, name);
}

static void chain_open(struct chain *chain, uint32_t flags)
{
	char path[4096];
	chain_name(path, chain->depth);
	if (vmm_block_image_open(&chain->host.host, formats, FORMATS, path, flags, &chain->image) < 0)
		subject_wrong("cannot open %s: %s", path, chain->host.cause);
	if (chain->image->length != chain->model.length)
		subject_wrong("it has %llu bytes, not %llu", (unsigned long long)chain->image->length,
			(unsigned long long)chain->model.length);
}

static void chain_create(struct chain *chain, const char *parent)
{
	char path[4096];
	chain_name(path, chain->depth);
	const struct vmm_block_new what = {
		.path = path,
		/* Of a child the default will do: not all variants are for children. */
		.variant = parent == NULL ? chain->variant : NULL,
		.length = chain->model.length,
		.parent = parent,
		/* By its marks, or the base's name. */
		.parent_format = parent == NULL ? NULL : formats[chain->depth == 0 ? FORMATS - 1 : 0]->name,
		.parent_image = chain->image,
	};
	if (vmm_block_image_create(&chain->host.host, &SUBJECT, &what) < 0)
		subject_wrong("cannot create %s: %s", path, chain->host.cause);
}

static void compare(struct chain *chain, uint64_t offset, uint64_t length)
{
	memset(chain->buffer, 0xee, length);
	int32_t status = vmm_block_image_read(chain->image, chain->buffer, length, offset);
	if (status < 0)
		subject_wrong("read of %llu at %llu: %s", (unsigned long long)length, (unsigned long long)offset,
			strerror(-status));
	for (uint64_t at = 0; at < length; at += SUBJECT_SECTOR) {
		if (memcmp(chain->buffer + at, chain->model.data + offset + at, SUBJECT_SECTOR) == 0)
			continue;
		uint64_t have, want;
		memcpy(&have, chain->buffer + at, 8);
		memcpy(&want, chain->model.data + offset + at, 8);
		subject_wrong("sector %llu has mark %llu, not %llu (read of %llu at %llu)",
			(unsigned long long)((offset + at) / SUBJECT_SECTOR), (unsigned long long)have,
			(unsigned long long)want, (unsigned long long)length, (unsigned long long)offset);
	}
}

/* The maps cover everything, and do not call zero what is not. */
static void compare_map(struct chain *chain)
{
	for (uint64_t offset = 0; offset < chain->model.length;) {
		struct vmm_block_piece piece;
		if (vmm_block_image_map(chain->image, offset, chain->model.length - offset, &piece) < 0 ||
			piece.length == 0 || piece.length > chain->model.length - offset)
			subject_wrong("no map at %llu", (unsigned long long)offset);
		if ((piece.kind == VMM_BLOCK_ZERO || piece.is_hole) &&
			!vmm_block_is_zero(chain->model.data + offset, piece.length))
			subject_wrong("%llu bytes at %llu are not zeros, as map says", (unsigned long long)piece.length,
				(unsigned long long)offset);
		offset += piece.length;
	}
}

static void compare_all(struct chain *chain)
{
	for (uint64_t offset = 0; offset < chain->model.length;) {
		uint64_t part = chain->model.length - offset < (1 << 20) ? chain->model.length - offset : 1 << 20;
		compare(chain, offset, part);
		offset += part;
	}
	compare_map(chain);
}

static void check_clean(struct chain *chain)
{
	struct subject_findings findings;
	if (subject_check(chain->image, false, &findings) < 0)
		subject_wrong("check failed: %s", chain->host.cause);
	if (findings.damage != 0 || findings.waste != 0)
		subject_wrong("check finds %u damages and %u wastes after an orderly close: %s", findings.damage,
			findings.waste, findings.first);
}

/* A place and a length: small ones mostly, at edges often. */
static void pick(struct chain *chain, uint64_t *offset, uint64_t *length)
{
	struct chance *chance = &chain->chance;
	uint64_t sectors = chain->model.length / SUBJECT_SECTOR, unit = chain->image->unit / SUBJECT_SECTOR;
	uint64_t count = 1 + chance_below(chance, UINT64_C(1) << chance_below(chance, 12));
	uint64_t first = chance_below(chance, sectors);
	if (unit > 1 && chance_below(chance, 3) == 0) {
		first = first / unit * unit;
		if (chance_below(chance, 2) == 0)
			count = unit * (1 + chance_below(chance, 4));
	}
	if (count > sectors - first)
		count = sectors - first;
	*offset = first * SUBJECT_SECTOR;
	*length = count * SUBJECT_SECTOR;
}

static void act_write(struct chain *chain, bool zeros)
{
	uint64_t offset, length;
	pick(chain, &offset, &length);
	if (zeros)
		memset(chain->buffer, 0, length);
	else
		pattern_fill(chain->buffer, length, offset, ++chain->mark);
	int32_t status = vmm_block_image_write(chain->image, chain->buffer, length, offset);
	if (status < 0)
		subject_wrong("write of %llu at %llu: %s", (unsigned long long)length, (unsigned long long)offset,
			strerror(-status));
	memcpy(chain->model.data + offset, chain->buffer, length);
}

static void act_zero(struct chain *chain, uint32_t discard)
{
	uint64_t offset, length;
	pick(chain, &offset, &length);
	int32_t status = vmm_block_image_zero(chain->image, length, offset, discard);
	if (status < 0)
		subject_wrong("zero of %llu at %llu: %s", (unsigned long long)length, (unsigned long long)offset,
			strerror(-status));
	memset(chain->model.data + offset, 0, length);
}

static void act_reopen(struct chain *chain)
{
	vmm_block_image_close(chain->image);
	chain_open(chain, VMM_BLOCK_READONLY);
	check_clean(chain);
	vmm_block_image_close(chain->image);
	chain_open(chain, 0);
	compare_all(chain);
}

static void act_snapshot(struct chain *chain)
{
	char path[4096];
	if ((SUBJECT.flags & VMM_BLOCK_FORMAT_PARENTS) == 0 || chain->depth + 1 >= CHAIN_MAXIMUM)
		return;
	vmm_block_image_close(chain->image);
	chain_open(chain, VMM_BLOCK_READONLY);
	chain_name(path, chain->depth);
	model_copy(&chain->parents[chain->depth], &chain->model);
	chain->depth++;
	/* A child that is longer than its parent has zeros there. */
	if (SUBJECT.resize != NULL && chance_below(&chain->chance, 3) == 0 && chain->model.length < LENGTH_MAXIMUM / 2)
		model_resize(&chain->model, chain->model.length + (1 + chance_below(&chain->chance, 4096)) * 512);
	chain_create(chain, strrchr(path, '/') + 1);
	vmm_block_image_close(chain->image);
	chain_open(chain, 0);
	compare_all(chain);
}

static void act_resize(struct chain *chain)
{
	uint64_t length = (1 + chance_below(&chain->chance, LENGTH_MAXIMUM / 512)) * 512;
	if (SUBJECT.resize == NULL || chance_below(&chain->chance, 4) != 0)
		return;
	int32_t status = vmm_block_image_resize(chain->image, length);
	if (status == -EOPNOTSUPP || status == -ENOTSUP) {
		/* Not all variants, nor all directions. */
		if (chain->host.cause[0] == 0)
			subject_wrong("resize is refused without a reason");
		return;
	}
	if (status < 0)
		subject_wrong("resize to %llu: %s", (unsigned long long)length, chain->host.cause);
	model_resize(&chain->model, length);
	if (chain->image->length != length)
		subject_wrong("resized to %llu it has %llu", (unsigned long long)length,
			(unsigned long long)chain->image->length);
}

static void act(struct chain *chain)
{
	uint64_t offset, length;
	switch (chance_below(&chain->chance, 32)) {
	case 0: act_reopen(chain); break;
	case 1: act_snapshot(chain); break;
	case 2: act_resize(chain); break;
	case 3:
		if (vmm_block_image_flush(chain->image) < 0)
			subject_wrong("flush failed");
		break;
	case 4:
	case 5:
	case 6: act_zero(chain, 0); break;
	case 7:
	case 8:
	case 9: act_zero(chain, 1); break;
	case 10:
	case 11: act_write(chain, true); break;
	case 12:
	case 13:
	case 14:
	case 15:
	case 16:
		pick(chain, &offset, &length);
		compare(chain, offset, length);
		break;
	default: act_write(chain, false);
	}
}

/* The parents are what they were. */
static void compare_parents(struct chain *chain)
{
	while (chain->depth > 0) {
		vmm_block_image_close(chain->image);
		chain->depth--;
		model_copy(&chain->model, &chain->parents[chain->depth]);
		chain_open(chain, VMM_BLOCK_READONLY);
		compare_all(chain);
	}
}

static void chain_begin(struct chain *chain, const char *variant, uint64_t seed)
{
	memset(chain, 0, sizeof(*chain));
	subject_host_init(&chain->host);
	chain->chance.state = seed;
	chain->variant = variant;
	chain->buffer = malloc(LENGTH_MAXIMUM);
	subject_folder_empty();
	subject_place(variant, seed, 0);
	model_init(&chain->model, (1 + chance_below(&chain->chance, LENGTH_MAXIMUM / 2 / 512)) * 512);
#ifdef SUBJECT_BASE
	char base[4096];
	subject_path(base, "base");
	const struct vmm_block_new what = { .path = base, .length = chain->model.length };
	if (vmm_block_image_create(&chain->host.host, &SUBJECT_BASE, &what) < 0)
		subject_wrong("cannot create the base: %s", chain->host.cause);
	chain_create(chain, "base");
#else
	chain_create(chain, NULL);
#endif
	chain_open(chain, 0);
	/* What the format rounds the size to is its own affair, but no smaller. */
	compare_all(chain);
}

static void chain_end(struct chain *chain)
{
	vmm_block_image_close(chain->image);
	model_free(&chain->model);
	for (uint32_t i = 0; i < CHAIN_MAXIMUM; i++)
		model_free(&chain->parents[i]);
	free(chain->buffer);
}

static void run(const char *variant, uint64_t seed, uint64_t steps)
{
	static struct chain chain;
	chain_begin(&chain, variant, seed);
	for (uint64_t step = 1; step <= steps; step++) {
		subject_place(variant, seed, step);
		act(&chain);
	}
	compare_all(&chain);
	act_reopen(&chain);
	compare_parents(&chain);
	chain_end(&chain);
}

/* Several threads: each writes sectors of its own, which share units with the others'. */
struct writer {
	struct chain *chain;
	struct chance chance;
	uint32_t number;
	uint64_t steps;
	pthread_t thread;
};

static void *write_own(void *self)
{
	struct writer *writer = self;
	struct chain *chain = writer->chain;
	uint8_t data[SUBJECT_SECTOR], back[SUBJECT_SECTOR];
	for (uint64_t step = 0; step < writer->steps; step++) {
		uint64_t sector = chance_below(&writer->chance, chain->model.length / SUBJECT_SECTOR / THREADS);
		uint64_t offset = (sector * THREADS + writer->number) * SUBJECT_SECTOR;
		uint64_t what = chance_below(&writer->chance, 8);
		int32_t status;
		if (what == 0) {
			memset(data, 0, sizeof(data));
			status = vmm_block_image_zero(chain->image, SUBJECT_SECTOR, offset, step % 2);
		} else if (what == 1) {
			status = vmm_block_image_flush(chain->image);
		} else {
			pattern_fill(data, sizeof(data), offset, step);
			status = vmm_block_image_write(chain->image, data, sizeof(data), offset);
		}
		if (status < 0)
			subject_wrong("thread %u: %s", writer->number, strerror(-status));
		if (what != 1)
			memcpy(chain->model.data + offset, data, sizeof(data));
		status = vmm_block_image_read(chain->image, back, sizeof(back), offset);
		if (status < 0 || memcmp(back, chain->model.data + offset, sizeof(back)) != 0)
			subject_wrong("thread %u: sector %llu is not what was written", writer->number,
				(unsigned long long)(offset / SUBJECT_SECTOR));
	}
	return NULL;
}

static void run_threads(const char *variant, uint64_t seed, uint64_t steps)
{
	static struct chain chain;
	struct writer writers[THREADS];
	chain_begin(&chain, variant, seed);
	for (uint32_t i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){ .chain = &chain, .number = i, .steps = steps };
		writers[i].chance.state = seed + 1000 * i;
		if (pthread_create(&writers[i].thread, NULL, write_own, &writers[i]) != 0)
			subject_wrong("no thread");
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(writers[i].thread, NULL);
	compare_all(&chain);
	act_reopen(&chain);
	chain_end(&chain);
}

int main(void)
{
	uint64_t seed = subject_number("PROPERTY_SEED", 1), rounds = subject_number("PROPERTY_ROUNDS", 6);
	uint64_t steps = subject_number("PROPERTY_STEPS", 250), chains = 0;
	for (uint32_t i = 0; subject_variant(i) != NULL; i++) {
		for (uint64_t round = 0; round < rounds; round++, chains++)
			run(subject_variant(i), seed + round, steps);
		run_threads(subject_variant(i), seed, steps * 2);
	}
	printf("%s: %llu chains of %llu acts from seed %llu agree\n", SUBJECT.name, (unsigned long long)chains,
		(unsigned long long)steps, (unsigned long long)seed);
	subject_folder_remove();
	return 0;
}
