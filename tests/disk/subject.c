/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "host.h"
#include "subject.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	char folder[256];
	char variant[64];
	uint64_t seed, step;
} place;

static void host_log(void *context, uint32_t level, const char *text)
{
	(void)context;
	if (level <= VMM_LOG_ERROR)
		fprintf(stderr, "log: %s\n", text);
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	struct subject_host *host = context;
	snprintf(host->cause, sizeof(host->cause), "%s", cause);
	snprintf(host->remedy, sizeof(host->remedy), "%s", remedy != NULL ? remedy : "");
}

void subject_host_init(struct subject_host *host)
{
	memset(host, 0, sizeof(*host));
	host->host = (struct vmm_host)HOST_WITH(host, host_log, host_fail);
}

uint64_t chance_next(struct chance *chance)
{
	/* splitmix64 */
	uint64_t z = chance->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t chance_below(struct chance *chance, uint64_t limit)
{
	return chance_next(chance) % limit;
}

void model_init(struct model *model, uint64_t length)
{
	model->data = calloc(1, length);
	model->length = length;
	if (model->data == NULL)
		subject_wrong("no memory");
}

void model_free(struct model *model)
{
	free(model->data);
	model->data = NULL;
}

void model_resize(struct model *model, uint64_t length)
{
	uint8_t *data = realloc(model->data, length);
	if (data == NULL)
		subject_wrong("no memory");
	model->data = data;
	if (length > model->length)
		memset(data + model->length, 0, length - model->length);
	model->length = length;
}

void model_copy(struct model *model, const struct model *from)
{
	model_free(model);
	model_init(model, from->length);
	memcpy(model->data, from->data, from->length);
}

void pattern_fill(uint8_t *data, uint64_t length, uint64_t offset, uint64_t mark)
{
	for (uint64_t at = 0; at < length; at += 16) {
		uint64_t sector = (offset + at) / SUBJECT_SECTOR, words[2] = { mark + 1, sector << 16 | at % 512 };
		memcpy(data + at, words, 16);
	}
}

void subject_wrong(const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s:%s seed %llu step %llu: ", SUBJECT.name, place.variant, (unsigned long long)place.seed,
		(unsigned long long)place.step);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n  (the files are in %s)\n", place.folder);
	exit(1);
}

void subject_place(const char *variant, uint64_t seed, uint64_t step)
{
	snprintf(place.variant, sizeof(place.variant), "%s", variant);
	place.seed = seed;
	place.step = step;
}

const char *subject_folder(void)
{
	const char *base = getenv("TMPDIR");
	if (place.folder[0] != 0)
		return place.folder;
	snprintf(place.folder, sizeof(place.folder), "%.200s/vmm-image-XXXXXX", base != NULL ? base : "/tmp");
	if (mkdtemp(place.folder) == NULL) {
		perror(place.folder);
		exit(1);
	}
	return place.folder;
}

void subject_path(char path[4096], const char *name)
{
	snprintf(path, 4096, "%s/%s", subject_folder(), name);
}

void subject_folder_empty(void)
{
	DIR *folder = opendir(subject_folder());
	struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	if (folder != NULL)
		closedir(folder);
}

void subject_folder_remove(void)
{
	if (place.folder[0] == 0)
		return;
	subject_folder_empty();
	rmdir(place.folder);
}

const char *subject_variant(uint32_t index)
{
	static char words[256];
	static const char *variants[16];
	static uint32_t count;
	const char *only = getenv("SUBJECT_VARIANT");
	if (only != NULL)
		return index == 0 ? only : NULL;
	if (words[0] == 0) {
#ifdef SUBJECT_VARIANTS
		snprintf(words, sizeof(words), "%s", SUBJECT_VARIANTS);
#else
		snprintf(words, sizeof(words), "%s", SUBJECT.variants);
#endif
		for (char *word = strtok(words, "|"); word != NULL && count < 15; word = strtok(NULL, "|"))
			variants[count++] = word;
	}
	return variants[index];
}

uint64_t subject_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

/* Checking. */

struct collector {
	struct vmm_block_report report; /* first */
	struct subject_findings *findings;
	bool mend;
};

static uint32_t found(struct vmm_block_report *report, uint32_t severity, uint32_t mendable, const char *remedy,
	const char *format, ...)
{
	struct collector *collector = (struct collector *)report;
	struct subject_findings *findings = collector->findings;
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (severity == VMM_BLOCK_NOTE)
		findings->notes++;
	else if (severity == VMM_BLOCK_WASTE)
		findings->waste++;
	else if (findings->damage++ == 0)
		snprintf(findings->first, sizeof(findings->first), "%s", text);
	if (!mendable)
		findings->unmendable += severity == VMM_BLOCK_DAMAGE;
	if (mendable && (remedy == NULL || remedy[0] == 0))
		subject_wrong("no remedy is told for: %s", text);
	if (getenv("SUBJECT_VERBOSE") != NULL)
		fprintf(stderr, "  found: %s (%s)\n", text, remedy != NULL ? remedy : "-");
	return collector->mend && mendable;
}

static uint32_t progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	if (done > of)
		subject_wrong("progress of %llu of %llu", (unsigned long long)done, (unsigned long long)of);
	return 0;
}

int32_t subject_check(struct vmm_block_image *image, bool mend, struct subject_findings *findings)
{
	struct collector collector = { { found, progress }, findings, mend };
	memset(findings, 0, sizeof(*findings));
	return vmm_block_image_check(image, &collector.report);
}
