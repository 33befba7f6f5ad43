/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The queue: many requests in flight to an image that finds room as it goes, with and without the ring.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/block/image.h>
#include <vmm/block/plugin.h>

#include "../disk/host.h"

#define SLOTS  48u
#define PART   98304u /* of the disk, for each slot: a unit and a half, so that neighbours share one */
#define LENGTH ((uint64_t)SLOTS * PART)
#define ROUNDS 3000u

static char folder[64];

static void host_fail(void *context, const char *cause, const char *remedy)
{
	(void)context;
	ck_abort_msg("%s (%s)", cause, remedy);
}

static const struct vmm_host host = HOST_WITH(NULL, host_quiet, host_fail);

struct slot {
	struct vmm_storage_segment segments[2];
	uint8_t *data;
	uint64_t offset, length;
	uint32_t operation, busy;
};

struct crowd {
	struct vmm_image image;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	struct slot slots[SLOTS];
	uint8_t *model;
	uint32_t failed, done, busy;
};

/* On any thread, perhaps within submit. */
static void completed(void *self, uint64_t token, int32_t status)
{
	struct crowd *crowd = self;
	struct slot *slot = &crowd->slots[token];
	pthread_mutex_lock(&crowd->mutex);
	ck_assert_uint_lt(token, SLOTS);
	if (!slot->busy || status != 0)
		crowd->failed++;
	if (slot->operation == VMM_STORAGE_READ && memcmp(slot->data, crowd->model + slot->offset, slot->length) != 0)
		crowd->failed++;
	slot->busy = 0;
	crowd->busy--;
	crowd->done++;
	pthread_cond_signal(&crowd->changed);
	pthread_mutex_unlock(&crowd->mutex);
}

/* Requests of one slot come one after the other; those of different slots do not overlap. */
static void submit(struct crowd *crowd, uint32_t number, uint64_t chance)
{
	struct slot *slot = &crowd->slots[number];
	uint64_t sectors = PART / 512, first = chance % sectors, count = 1 + (chance >> 16) % (sectors - first);
	uint32_t what = (chance >> 40) % 16;
	slot->offset = (uint64_t)number * PART + first * 512;
	slot->length = count * 512;
	slot->operation = what < 6 ? VMM_STORAGE_READ
		: what < 13        ? VMM_STORAGE_WRITE
		: what == 13       ? VMM_STORAGE_DISCARD
		: what == 14       ? VMM_STORAGE_WRITE_ZEROES
				   : VMM_STORAGE_FLUSH;
	if (slot->operation == VMM_STORAGE_FLUSH)
		slot->offset = slot->length = 0;
	if (slot->operation == VMM_STORAGE_WRITE) {
		memset(slot->data, (int)(chance >> 48) | 1, slot->length);
		memcpy(crowd->model + slot->offset, slot->data, slot->length);
	} else if (slot->operation != VMM_STORAGE_READ) {
		memset(crowd->model + slot->offset, 0, slot->length);
	}
	slot->segments[0] = (struct vmm_storage_segment){ slot->data, 300 };
	slot->segments[1] = (struct vmm_storage_segment){ slot->data + 300, slot->length - 300 };
	const struct vmm_storage_request request = {
		.struct_size = sizeof(request),
		.operation = slot->operation,
		.flags = what == 12 ? VMM_STORAGE_FUA : 0,
		.segment_count = slot->operation <= VMM_STORAGE_WRITE ? 2 : 0,
		.token = number,
		.offset = slot->offset,
		.length = slot->length,
		.segments = slot->operation <= VMM_STORAGE_WRITE ? slot->segments : NULL,
	};
	pthread_mutex_unlock(&crowd->mutex);
	int32_t status = crowd->image.ops->submit(crowd->image.self, &request);
	pthread_mutex_lock(&crowd->mutex);
	if (status != 0)
		crowd->failed++;
}

static void run(struct crowd *crowd, uint64_t seed)
{
	pthread_mutex_lock(&crowd->mutex);
	for (uint32_t round = 0; round < ROUNDS; round++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint32_t number = (uint32_t)(seed >> 33) % SLOTS;
		while (crowd->busy == SLOTS)
			pthread_cond_wait(&crowd->changed, &crowd->mutex);
		while (crowd->slots[number].busy)
			number = (number + 1) % SLOTS;
		crowd->slots[number].busy = 1;
		crowd->busy++;
		submit(crowd, number, seed >> 3);
	}
	pthread_mutex_unlock(&crowd->mutex);
	crowd->image.ops->settle(crowd->image.self);
}

static void crowd_test(const char *ring, uint32_t flags, uint64_t seed)
{
	static struct crowd crowd;
	char base[128], path[128];
	uint8_t *back = malloc(LENGTH);
	memset(&crowd, 0, sizeof(crowd));
	snprintf(folder, sizeof(folder), "/tmp/vmm-queue-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("VMM_BLOCK_RING", ring, 1);
	snprintf(base, sizeof(base), "%s/base", folder);
	snprintf(path, sizeof(path), "%s/delta", folder);
	pthread_mutex_init(&crowd.mutex, NULL);
	pthread_cond_init(&crowd.changed, NULL);
	crowd.model = calloc(1, LENGTH);
	for (uint32_t i = 0; i < SLOTS; i++)
		ck_assert_int_eq(posix_memalign((void **)&crowd.slots[i].data, 4096, PART), 0);
	struct vmm_image_create create = { .struct_size = sizeof(create), .path = base, .length = LENGTH };
	ck_assert_int_eq(vmm_block_factory_create(&vmm_block_raw, &host, &create), 0);
	/* Of the base something is to be seen. */
	crowd.image.struct_size = sizeof(crowd.image);
	ck_assert_int_eq(vmm_block_factory_open(&vmm_block_raw, &host, base, 0, &crowd.image), 0);
	memset(crowd.model, 7, LENGTH / 2);
	ck_assert_int_eq(crowd.image.ops->write(crowd.image.self, crowd.model, LENGTH / 2, 0), 0);
	crowd.image.ops->close(crowd.image.self);
	create.path = path;
	create.parent = "base";
	create.parent_format = "raw";
	ck_assert_int_eq(vmm_block_factory_create(&vmm_block_delta, &host, &create), 0);
	ck_assert_int_eq(vmm_block_factory_open(&vmm_block_delta, &host, path, flags, &crowd.image), 0);
	ck_assert_int_eq(crowd.image.ops->listen(crowd.image.self, completed, &crowd), 0);
	run(&crowd, seed);
	ck_assert_uint_eq(crowd.failed, 0);
	ck_assert_uint_eq(crowd.done, ROUNDS);
	ck_assert_int_eq(crowd.image.ops->read(crowd.image.self, back, LENGTH, 0), 0);
	ck_assert_mem_eq(back, crowd.model, LENGTH);
	crowd.image.ops->close(crowd.image.self);
	ck_assert_int_eq(vmm_block_factory_open(&vmm_block_delta, &host, path, VMM_IMAGE_READONLY, &crowd.image), 0);
	ck_assert_int_eq(crowd.image.ops->read(crowd.image.self, back, LENGTH, 0), 0);
	ck_assert_mem_eq(back, crowd.model, LENGTH);
	crowd.image.ops->close(crowd.image.self);
	for (uint32_t i = 0; i < SLOTS; i++)
		free(crowd.slots[i].data);
	free(crowd.model);
	free(back);
	unlink(path);
	unlink(base);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(cached)
{
	crowd_test("yes", 0, 1);
}
END_TEST

START_TEST(cached_workers)
{
	crowd_test("no", 0, 2);
}
END_TEST

START_TEST(direct)
{
	crowd_test("yes", VMM_IMAGE_DIRECT, 3);
}
END_TEST

START_TEST(direct_workers)
{
	crowd_test("no", VMM_IMAGE_DIRECT, 4);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { cached, cached_workers, direct, direct_workers };
	Suite *suite = suite_create("block queue");
	TCase *tcase = tcase_create("block queue");
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
