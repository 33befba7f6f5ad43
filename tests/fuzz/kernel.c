/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Target: a kernel, an initrd or a ROM that the firmware is to start; the first byte says as what it is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bench *bench;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	bench = bench_open(fuzz_plugin);
	if (bench == NULL)
		exit(1);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake *fake = fake_new();
	struct fake_instance *parts[BENCH_PARTS];
	uint32_t count;
	bench_file("kernel", size > 0 ? data + 1 : data, size > 0 ? size - 1 : 0);
	bench_set(bench, size > 0 ? data[0] % bench_variants(bench) : 0, fake);
	int32_t status = bench_make(bench, fake, parts, &count);
	if (status < 0 && (fake->cause[0] == '\0' || fake->remedy[0] == '\0')) {
		fprintf(stderr, "init failed (%d) without saying why and what to do\n", status);
		abort();
	}
	if (status >= 0) {
		fake_reset(fake, VMM_RESET_POWER);
		fake_start(fake);
		fake_poll(fake, 0);
		/* The firmware's doorbell: it has found the stub that it left. */
		for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
			const struct fake_claim *claim = &fake->claims[i];
			for (uint32_t k = 0; claim->used && claim->enabled && k < claim->count; k++)
				fake_out(fake, claim->port + k, 1, 1);
		}
		/* Somebody has made the file shorter in the meantime. */
		bench_file("kernel", data, size / 2);
		fake_reset(fake, VMM_RESET_HARD);
		fake_stop(fake);
	}
	if (fake->fault_count > 0) {
		fprintf(stderr, "%s\n", fake->fault);
		abort();
	}
	fake_free(fake);
	return 0;
}
