/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm disk check | repair */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/disk.h"

#define SHOWN 100u /* findings that are printed, of each look */

struct findings {
	struct disk_progress progress;
	bool json, mend;
	unsigned notes, waste, damage, mendable, mended;
	json_t *list;
};

static uint32_t found(void *self, uint32_t severity, uint32_t mendable, const char *remedy, const char *text)
{
	static const char *const words[] = { "note", "waste", "damage" };
	struct findings *findings = self;
	const char *word = words[severity <= VMM_IMAGE_DAMAGE ? severity : VMM_IMAGE_DAMAGE];
	unsigned *count = severity == VMM_IMAGE_NOTE ? &findings->notes
		: severity == VMM_IMAGE_WASTE        ? &findings->waste
						     : &findings->damage;
	uint32_t now = findings->mend && mendable;

	++*count;
	findings->mendable += mendable != 0;
	findings->mended += now;
	if (json_array_size(findings->list) < SHOWN) {
		json_t *entry = json_pack("{s:s, s:s?, s:b, s:b}", "severity", word, "remedy", remedy, "mendable",
			(int)mendable, "mended", (int)now);
		json_t *string = json_string(text);

		json_object_set_new(entry, "text", string ? string : json_string("?"));
		json_array_append_new(findings->list, entry);
		if (!findings->json)
			printf("%s: %s%s%s\n", word, text,
				now                ? ": mended: "
					: mendable ? ": can be mended: "
					: remedy   ? ": "
						   : "",
				remedy ? remedy : "");
	} else if (json_array_size(findings->list) == SHOWN && !findings->json) {
		json_array_append_new(findings->list, json_pack("{s:s}", "text", "and more"));
		printf("... and more\n");
	}
	return now;
}

static uint32_t progress(void *self, uint64_t done, uint64_t of)
{
	struct findings *findings = self;

	return disk_progress(&findings->progress, done, of);
}

/* Open it, or, if its parents are what is wrong, without them: that is found, too. */
static int look_open(struct disk_host *host, const struct disk_words *words, uint32_t flags, struct findings *findings,
	struct vmm_image *image)
{
	char cause[sizeof(host->cause)], remedy[sizeof(host->remedy)];
	int32_t failed;

	*image = (struct vmm_image){ .struct_size = sizeof(*image) };
	host->cause[0] = 0;
	failed = image_open_for(host->registry, &host->host, words->source_format, words->names[0], flags, image);
	if (!failed)
		return STATUS_DONE;
	strcpy(cause, host->cause);
	strcpy(remedy, host->remedy);
	if (!cause[0] ||
		image_open_for(host->registry, &host->host, words->source_format, words->names[0],
			flags | VMM_IMAGE_LONELY, image) ||
		!disk_info_of(image, 0).parent[0]) {
		if (image->ops)
			image->ops->close(image->self);
		strcpy(host->cause, cause);
		strcpy(host->remedy, remedy);
		return disk_failed(host, failed, "opening", words->names[0]);
	}
	found(findings, VMM_IMAGE_DAMAGE, 0, remedy, cause);
	return STATUS_DONE;
}

/* One look at it.  The image is open only meanwhile. */
static int look(struct disk_host *host, const struct disk_words *words, bool mend, struct findings *findings)
{
	const struct vmm_image_report report = { sizeof(report), 0, findings, found, progress };
	struct config_error error = { "" };
	const struct image_format *format = NULL;
	struct vmm_image image;
	int32_t failed;
	int status;

	*findings = (struct findings){ .json = words->json, .mend = mend, .list = json_array() };
	status = look_open(host, words, VMM_IMAGE_LENIENT | (mend ? 0 : VMM_IMAGE_READONLY), findings, &image);
	if (status != STATUS_DONE)
		return status;
	if (!image_format_find(host->registry, disk_info_of(&image, 0).format, &format, &error) &&
		!(format->known.flags & VMM_IMAGE_CHECK) && !words->json)
		printf("%s images have no inner structure: there is nothing to check\n", format->known.name);
	disk_progress_begin(&findings->progress, mend ? "mending" : "checking");
	host->cause[0] = 0;
	failed = image.ops->check(image.self, &report);
	if (!failed && mend)
		failed = image.ops->flush(image.self);
	disk_progress_end(&findings->progress);
	image.ops->close(image.self);
	return failed ? disk_failed(host, failed, mend ? "mending" : "checking", words->names[0]) : STATUS_DONE;
}

static void summary(const struct findings *findings, const char *path)
{
	if (findings->json)
		return;
	if (!findings->waste && !findings->damage)
		printf("%s is sound%s\n", path, findings->notes ? ", with notes" : "");
	else
		printf("%s: %u damaged, %u wasted; %u of these can be mended\n", path, findings->damage,
			findings->waste, findings->mendable);
}

static int answer(const struct disk_words *words, struct findings *findings, int status)
{
	if (words->json)
		command_json(json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:O}", "file", words->names[0], "damage",
			(int)findings->damage, "waste", (int)findings->waste, "notes", (int)findings->notes, "mendable",
			(int)findings->mendable, "mended", (int)findings->mended, "findings", findings->list));
	json_decref(findings->list);
	return status;
}

int disk_check(struct disk_host *host, const struct disk_words *words)
{
	struct findings findings;
	int status = look(host, words, false, &findings);

	if (status != STATUS_DONE) {
		json_decref(findings.list);
		return status;
	}
	summary(&findings, words->names[0]);
	return answer(words, &findings, findings.damage + findings.waste ? STATUS_FOUND : STATUS_DONE);
}

static bool agreed(void)
{
	char line[16] = "";

	fprintf(stderr, "Mend it now? [y/N] ");
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

int disk_repair(struct disk_host *host, const struct disk_words *words)
{
	struct findings findings, after;
	int status = look(host, words, false, &findings);

	if (status != STATUS_DONE) {
		json_decref(findings.list);
		return status;
	}
	summary(&findings, words->names[0]);
	if (!findings.mendable || words->dry)
		return answer(words, &findings, findings.damage + findings.waste ? STATUS_FOUND : STATUS_DONE);
	if (!words->yes && (words->json || !isatty(STDIN_FILENO) || !agreed())) {
		answer(words, &findings, STATUS_DONE);
		return command_failed("nothing was changed: say --yes to have %s mended", words->names[0]);
	}
	json_decref(findings.list);
	status = look(host, words, true, &findings);
	if (status == STATUS_DONE) {
		/* Is it now? */
		bool json = words->json;
		struct disk_words quiet = *words;

		quiet.json = true;
		status = look(host, &quiet, false, &after);
		json_decref(after.list);
		if (status == STATUS_DONE && !json)
			printf("%s: %u things were mended, %u are left\n", words->names[0], findings.mended,
				after.damage + after.waste);
	}
	if (status != STATUS_DONE) {
		json_decref(findings.list);
		return status;
	}
	return answer(words, &findings, after.damage + after.waste ? STATUS_FOUND : STATUS_DONE);
}
