/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm disk bench: how long so many requests take, through the queue that a machine's requests take.
 *
 * A request that has completed is followed by the next, from whichever thread it completed on, as a busy guest's would
 * be.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/command/disk.h"
#include "vmm/event/clock.h"

#define DEPTH_MAX 1024u
#define LARGE     (UINT64_C(2) << 20)

struct bench {
	struct vmm_image image;
	uint64_t count, size, step, depth, length, seed;
	bool write, random;
	struct vmm_storage_segment *segments; /* one a request in flight */
	uint8_t *memory;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t ended;
	uint64_t submitted, completed, offset;
	uint32_t *free_slots, free_count;
	bool pumping, again;
	int32_t failed;
};

static uint64_t next_offset(struct bench *bench)
{
	uint64_t places = bench->length / bench->size, offset = bench->offset;

	if (bench->random) {
		/* splitmix64, the same for the same seed. */
		uint64_t z = bench->seed += UINT64_C(0x9e3779b97f4a7c15);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		return (z ^ z >> 31) % places * bench->size;
	}
	/* Around the end to the beginning, at a place that a step which is no divisor makes another one each time. */
	bench->offset = (bench->offset + bench->step) % bench->length;
	if (bench->offset > bench->length - bench->size)
		bench->offset = 0;
	return offset;
}

/* Keep as many in flight as there should be.  With the mutex, which is let go meanwhile; if somebody is at it already,
 * perhaps we ourselves further up, he looks again. */
static void pump(struct bench *bench)
{
	if (bench->pumping) {
		bench->again = true;
		return;
	}
	bench->pumping = true;
	do {
		bench->again = false;
		while (bench->free_count && bench->submitted < bench->count && !bench->failed) {
			uint32_t slot = bench->free_slots[--bench->free_count];
			struct vmm_storage_request request = {
				.struct_size = sizeof(request),
				.operation = bench->write ? VMM_STORAGE_WRITE : VMM_STORAGE_READ,
				.segment_count = 1,
				.token = slot,
				.offset = next_offset(bench),
				.length = bench->size,
				.segments = &bench->segments[slot],
			};
			int32_t status;

			bench->submitted++;
			pthread_mutex_unlock(&bench->mutex);
			status = bench->image.ops->submit(bench->image.self, &request);
			pthread_mutex_lock(&bench->mutex);
			if (status) {
				bench->failed = status;
				bench->submitted--;
			}
		}
	} while (bench->again);
	bench->pumping = false;
}

static void completed(void *self, uint64_t token, int32_t status)
{
	struct bench *bench = self;

	pthread_mutex_lock(&bench->mutex);
	bench->completed++;
	bench->free_slots[bench->free_count++] = (uint32_t)token;
	if (status && !bench->failed)
		bench->failed = status;
	pump(bench);
	if (bench->completed == bench->submitted && (bench->submitted == bench->count || bench->failed))
		pthread_cond_signal(&bench->ended);
	pthread_mutex_unlock(&bench->mutex);
}

static int32_t bench_run(struct bench *bench, double *seconds)
{
	int32_t status = bench->image.ops->listen(bench->image.self, completed, bench);
	uint64_t start = clock_host_now();

	if (status)
		return status;
	pthread_mutex_lock(&bench->mutex);
	pump(bench);
	while (bench->completed < bench->submitted || (bench->submitted < bench->count && !bench->failed))
		pthread_cond_wait(&bench->ended, &bench->mutex);
	pthread_mutex_unlock(&bench->mutex);
	bench->image.ops->settle(bench->image.self);
	*seconds = (double)(clock_host_now() - start) / 1e9;
	return bench->failed;
}

static int bench_numbers(struct bench *bench, const struct disk_words *words)
{
	int status = STATUS_DONE;

	*bench = (struct bench){ .count = 10000, .size = 4096, .depth = 64, .seed = 1 };
	bench->write = words->write;
	bench->random = words->random;
	if (words->count)
		status = disk_number(words->count, "--count", 1, UINT64_C(1) << 40, &bench->count);
	if (status == STATUS_DONE && words->depth)
		status = disk_number(words->depth, "--depth", 1, DEPTH_MAX, &bench->depth);
	if (status == STATUS_DONE && words->seed)
		status = disk_number(words->seed, "--seed", 0, INT64_MAX, &bench->seed);
	if (status == STATUS_DONE && words->size)
		status = disk_size(words->size, "size of a request", &bench->size);
	bench->step = bench->size;
	if (status == STATUS_DONE && words->step)
		status = disk_size(words->step, "step", &bench->step);
	if (status == STATUS_DONE && (bench->size % 512 || bench->step % 512 || bench->size > (UINT64_C(64) << 20)))
		status = command_usage("disk", "--size and --step are multiples of 512, --size 64M at most");
	if (status == STATUS_DONE && words->cache && strcmp(words->cache, "writeback") != 0 &&
		strcmp(words->cache, "none") != 0)
		status = command_usage("disk", "--cache is writeback or none");
	return status;
}

static int bench_memory(struct bench *bench)
{
	uint32_t depth = (uint32_t)bench->depth;
	uint64_t room = (bench->size + 4095) / 4096 * 4096;

	bench->segments = calloc(depth, sizeof(*bench->segments));
	bench->free_slots = calloc(depth, sizeof(*bench->free_slots));
	/* One piece, in large pages if the host has some, as a guest's memory is. */
	bench->memory = aligned_alloc(LARGE, (room * depth + LARGE - 1) / LARGE * LARGE);
	if (!bench->segments || !bench->free_slots || !bench->memory)
		return command_failed("out of memory");
	madvise(bench->memory, room * depth, MADV_HUGEPAGE);
	memset(bench->memory, 0xa5, room * depth);
	for (uint32_t i = 0; i < depth; i++) {
		bench->segments[i] = (struct vmm_storage_segment){ bench->memory + i * room, bench->size };
		bench->free_slots[bench->free_count++] = depth - 1 - i;
	}
	return STATUS_DONE;
}

static void bench_free(struct bench *bench)
{
	free(bench->memory);
	free(bench->segments);
	free(bench->free_slots);
}

int disk_bench(struct disk_host *host, const struct disk_words *words)
{
	struct bench bench;
	double seconds = 0;
	int32_t failed;
	uint32_t flags = words->cache && !strcmp(words->cache, "none") ? VMM_IMAGE_DIRECT : 0;
	int status = bench_numbers(&bench, words);

	if (status != STATUS_DONE)
		return status;
	status = disk_open(host, words->names[0], words->source_format, flags | (bench.write ? 0 : VMM_IMAGE_READONLY),
		&bench.image);
	if (status != STATUS_DONE)
		return status;
	bench.length = disk_info_of(&bench.image, 0).length;
	if (bench.size > bench.length)
		status = command_failed("%s is shorter than a request: use a smaller --size", words->names[0]);
	if (status == STATUS_DONE)
		status = bench_memory(&bench);
	if (status != STATUS_DONE) {
		bench.image.ops->close(bench.image.self);
		bench_free(&bench);
		return status;
	}
	pthread_mutex_init(&bench.mutex, NULL);
	pthread_cond_init(&bench.ended, NULL);
	host->cause[0] = 0;
	failed = bench_run(&bench, &seconds);
	bench.image.ops->close(bench.image.self);
	pthread_cond_destroy(&bench.ended);
	pthread_mutex_destroy(&bench.mutex);
	bench_free(&bench);
	if (failed)
		return disk_failed(host, failed, "benchmark", words->names[0]);
	if (words->json)
		command_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:f}", "file", words->names[0], "operation",
			bench.write ? "write" : "read", "count", (json_int_t)bench.count, "size",
			(json_int_t)bench.size, "step", (json_int_t)bench.step, "depth", (json_int_t)bench.depth,
			"random", bench.random, "seconds", seconds));
	else
		printf("%llu requests of %llu bytes in %.3f s: %.0f a second, %.1f MiB/s\n",
			(unsigned long long)bench.count, (unsigned long long)bench.size, seconds,
			(double)bench.count / seconds, (double)bench.count * (double)bench.size / seconds / 1048576);
	return STATUS_DONE;
}
