/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Checks of an instance's life: many at once, settings, services that are missing or fail, joining, leaks.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Use it a little, then let it go. */
static void use(struct rig *rig, uint32_t acts)
{
	rig_join(rig);
	if (rig_start(rig) >= 0) {
		for (uint32_t i = 0; i < acts; i++)
			rig_act(rig, rig->check->seed, i);
	}
	rig_verdict(rig);
}

void check_create(struct check *check)
{
	uint32_t count = check->options->instances;
	struct rig *rigs = calloc(count, sizeof(*rigs));
	check->seed = check->options->seed;
	/* Each in a machine of its own: two machines in one process must work. */
	for (uint32_t i = 0; i < count && !check->failed; i++) {
		if (rig_new(&rigs[i], check, check->options->seed + i) == 0)
			rig_start(&rigs[i]);
	}
	for (uint32_t k = 0; k < 200 && !check->failed; k++) {
		for (uint32_t i = 0; i < count && !check->failed; i++)
			rig_act(&rigs[i], check->options->seed + i, k);
	}
	for (uint32_t i = 0; i < count; i++)
		rig_free(&rigs[i]);
	/* All in one machine: those that find their place taken say so. */
	uint32_t lived = 0;
	struct fake *fake = fake_new();
	memset(rigs, 0, count * sizeof(*rigs));
	if ((check->descriptor->flags & VMM_PLUGIN_SINGLE) != 0)
		count = 1;
	for (uint32_t i = 0; i < count && !check->failed; i++) {
		char name[32];
		snprintf(name, sizeof(name), "test%u", i);
		rig_settings(check, fake, name);
		if (rig_init(&rigs[i], check, fake, name) >= 0)
			lived++;
	}
	if (lived == 0)
		check_fail(check, "see the cause", "no instance could be made: %s", fake->cause);
	snprintf(check->detail, sizeof(check->detail), "%u machines; in one machine %u of %u instances found a place",
		check->options->instances, lived, count);
	/* The last first, and the others afterwards: instances know nothing of each other. */
	for (uint32_t i = count; i-- > 0;)
		rig_destroy(&rigs[i]);
	fake_free(fake);
	free(rigs);
}

/* One setting; init works, or fails and says why. */
static void settings_try(struct check *check, const char *key, const char *value, uint32_t *tried)
{
	struct fake *fake = fake_new();
	struct rig rig;
	(*tried)++;
	/* What is set first wins, so that this may be one of the required ones too. */
	fake_set(fake, "under-test", key, value);
	rig_settings(check, fake, "under-test");
	int32_t status = rig_init(&rig, check, fake, "under-test");
	check_doing(check, "use with %s = %.100s", key, value);
	if (status >= 0)
		use(&rig, 100);
	if (check->failed == 1) {
		char text[768];
		snprintf(text, sizeof(text), "with `%s = %.60s`: %.600s", key, value, check->cause);
		snprintf(check->cause, sizeof(check->cause), "%s", text);
	}
	rig_free(&rig);
}

static void settings_row(struct check *check, const struct vmm_param *row, uint32_t *tried)
{
	static const char *const texts[] = { "", "x", "/", "/nonexistent/file", "/dev/null", "/dev/full", "/proc",
		"%s%n%x", "\xc3\xa9\xf0\x9f\x98\x80", "a b\tc;d|e" };
	char text[1024];
	switch (row->type) {
	case VMM_PARAM_BOOL:
		settings_try(check, row->key, "yes", tried);
		settings_try(check, row->key, "no", tried);
		break;
	case VMM_PARAM_INT:
	case VMM_PARAM_SIZE: {
		uint32_t ranged = row->minimum != 0 || row->maximum != 0;
		int64_t least = ranged ? row->minimum : row->type == VMM_PARAM_SIZE ? 0 : INT64_MIN;
		int64_t most = ranged ? row->maximum : INT64_MAX;
		const int64_t values[] = { least, least + 1, least + (most / 2 - least / 2), most - 1, most };
		for (uint32_t i = 0; i < 5; i++) {
			snprintf(text, sizeof(text), "%lld", (long long)values[i]);
			if (values[i] >= least && values[i] <= most)
				settings_try(check, row->key, text, tried);
		}
		break;
	}
	case VMM_PARAM_CHOICE:
		for (const char *at = row->choices; *at != '\0';) {
			size_t length = strcspn(at, "|");
			snprintf(text, sizeof(text), "%.*s", (int)length, at);
			settings_try(check, row->key, text, tried);
			at += length + (at[length] == '|');
		}
		break;
	case VMM_PARAM_MAC: settings_try(check, row->key, "02:00:00:00:00:01", tried); break;
	default:
		for (uint32_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			if (row->type == VMM_PARAM_STRING && row->maximum != 0 &&
				((int64_t)strlen(texts[i]) < row->minimum || (int64_t)strlen(texts[i]) > row->maximum))
				continue;
			/* The host makes paths absolute. */
			if (row->type == VMM_PARAM_PATH && texts[i][0] != '/')
				continue;
			settings_try(check, row->key, texts[i], tried);
		}
		memset(text, 'x', sizeof(text));
		text[0] = row->type == VMM_PARAM_PATH ? '/' : 'x';
		text[row->type == VMM_PARAM_STRING && row->maximum > 0 && row->maximum < 1000 ? row->maximum : 1000] =
			'\0';
		settings_try(check, row->key, text, tried);
		break;
	}
}

void check_settings(struct check *check)
{
	uint32_t tried = 0;
	check->seed = check->options->seed;
	for (uint32_t i = 0; i < check->descriptor->param_count && !check->failed; i++)
		settings_row(check, check_param(check->descriptor, i), &tried);
	snprintf(check->detail, sizeof(check->detail), "%u values of %u parameters", tried,
		check->descriptor->param_count);
}

void check_services(struct check *check)
{
	static const char *const services[] = { VMM_SERVICE_PARAM, VMM_SERVICE_MACHINE, VMM_SERVICE_IO,
		VMM_SERVICE_MEMORY, VMM_SERVICE_REGION, VMM_SERVICE_IRQ, VMM_SERVICE_TIMER, VMM_SERVICE_EVENT,
		VMM_SERVICE_TASK, VMM_SERVICE_POWER, VMM_SERVICE_RANDOM, VMM_SERVICE_FIRMWARE,
		VMM_SERVICE_FIRMWARE_LIST, VMM_SERVICE_CONTROL, VMM_SERVICE_CPU };
	uint32_t needed = 0;
	check->seed = check->options->seed;
	for (uint32_t i = 0; i < sizeof(services) / sizeof(services[0]) && !check->failed; i++) {
		struct fake *fake = fake_new();
		struct rig rig;
		rig_settings(check, fake, "under-test");
		fake->hidden = services[i];
		int32_t status = rig_init(&rig, check, fake, "under-test");
		check_doing(check, "use without %s", services[i]);
		if (status >= 0)
			use(&rig, 200);
		else
			needed++;
		rig_free(&rig);
		if (check->failed) {
			char text[512];
			snprintf(text, sizeof(text), "without %s: %.400s", services[i], check->cause);
			snprintf(check->cause, sizeof(check->cause), "%s", text);
		}
	}
	snprintf(check->detail, sizeof(check->detail), "each left out in turn; %u needed", needed);
}

void check_failures(struct check *check)
{
	struct rig rig;
	uint64_t calls = 0;
	check->seed = check->options->seed;
	for (uint64_t k = 0; k <= calls && k < 200 && !check->failed; k++) {
		/* That call alone, then it and all that follow. */
		for (uint32_t all = 0; all < 2 && !check->failed; all++) {
			struct fake *fake = fake_new();
			rig_settings(check, fake, "under-test");
			fake->fail_first = k;
			fake->fail_to = all ? UINT64_MAX : k + 1;
			int32_t status = rig_init(&rig, check, fake, "under-test");
			if (fake->calls > calls)
				calls = fake->calls;
			check_doing(check, "use after failure of call %llu", (unsigned long long)k);
			if (status >= 0)
				use(&rig, 100);
			rig_free(&rig);
			if (check->failed) {
				char text[512];
				snprintf(text, sizeof(text), "when call number %llu of init returned -ENOMEM: %.400s",
					(unsigned long long)k, check->cause);
				snprintf(check->cause, sizeof(check->cause), "%s", text);
			}
		}
	}
	snprintf(check->detail, sizeof(check->detail), "%llu calls of init made to fail", (unsigned long long)calls);
}

void check_join(struct check *check)
{
	struct rig rig;
	uint32_t joined = 0;
	if (rig_new(&rig, check, check->options->seed) < 0)
		return;
	joined = rig.peer_count;
	rig_start(&rig);
	/* Join and part while it runs, as often as the row allows it. */
	for (uint32_t round = 0; round < 20 && !check->failed; round++) {
		for (uint32_t i = 0; i < 100; i++)
			rig_act(&rig, check->seed + round, i);
		for (uint32_t i = 0; i < rig.peer_count && !check->failed; i++) {
			struct fake_peer *peer = &rig.peers[i];
			const struct vmm_port_row *row = peer->row;
			uint64_t address = peer->link != NULL ? peer->link->upper.address : 0;
			if ((row->flags & VMM_PORT_LIVE) == 0 || peer->link == NULL)
				continue;
			check_doing(check, "part and join port %s while running", row->key);
			fake_part(rig.fake, peer->link);
			fake_peer_free(peer);
			/* Alone for a while. */
			peer->row = row;
			for (uint32_t k = 0; k < 20; k++)
				rig_act(&rig, ~check->seed, k + i * 100);
			if (fake_peer_join(peer, rig.instance, row, address, &rig.chance) < 0)
				check_fail(check, "let a live port be joined again",
					"port %s cannot be joined again: %s", row->key, rig.fake->cause);
		}
		rig_verdict(&rig);
	}
	/* Without any peer, it still lives. */
	check_doing(check, "use without peers");
	rig_stop(&rig);
	rig_part(&rig);
	fake_reset(rig.fake, VMM_RESET_HARD);
	fake_reset(rig.fake, VMM_RESET_POWER);
	rig_start(&rig);
	for (uint32_t i = 0; i < 500 && !check->failed; i++)
		rig_act(&rig, check->seed, i);
	rig_free(&rig);
	snprintf(check->detail, sizeof(check->detail), "%u peers joined to %u ports", joined,
		check->descriptor->port_count);
}

static uint32_t entries(const char *path)
{
	DIR *folder = opendir(path);
	uint32_t count = 0;
	if (folder == NULL)
		return 0;
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void leak_round(struct check *check, uint32_t round)
{
	struct rig rig;
	if (rig_new(&rig, check, check->options->seed + round % 4) < 0)
		return;
	rig_start(&rig);
	for (uint32_t i = 0; i < 50; i++)
		rig_act(&rig, check->seed, i);
	rig_free(&rig);
}

/* Bytes allocated.  What is freed into a thread's cache counts as allocated too, so empty that first. */
static size_t in_use(void)
{
	void *held[65][16];
	for (size_t i = 0; i < 65; i++) {
		for (size_t k = 0; k < 16; k++)
			held[i][k] = malloc(i * 16 + 8);
	}
	size_t bytes = mallinfo2().uordblks;
	for (size_t i = 0; i < 65; i++) {
		for (size_t k = 0; k < 16; k++) {
			bytes -= malloc_usable_size(held[i][k]) + sizeof(size_t);
			free(held[i][k]);
		}
	}
	return bytes;
}

void check_leaks(struct check *check)
{
	const uint32_t warm = 16;
	const uint32_t rounds = 64;
	uint32_t files = 0;
	uint32_t threads = 0;
	size_t before = 0;
	for (uint32_t i = 0; i < warm + rounds && !check->failed; i++) {
		if (i == warm) {
			files = entries("/proc/self/fd");
			threads = entries("/proc/self/task");
			before = in_use();
		}
		leak_round(check, i);
	}
	size_t after = in_use();
	uint32_t files_after = entries("/proc/self/fd");
	uint32_t threads_after = entries("/proc/self/task");
	if (check->failed)
		return;
	if (after > before && (after - before) / rounds >= 8)
		check_fail(check, "free in destroy what create and init allocated", "%zu bytes a life are not freed",
			(after - before) / rounds);
	if (files_after > files)
		check_fail(check, "close in destroy what init opened", "%u descriptors are open after %u lives",
			files_after - files, rounds);
	if (threads_after > threads)
		check_fail(check, "join threads in stop or destroy", "%u threads run after %u lives",
			threads_after - threads, rounds);
	snprintf(check->detail, sizeof(check->detail), "%u lives: memory, descriptors, threads", rounds);
}
