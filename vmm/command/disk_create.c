/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm disk create | snapshot | formats */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/command/disk.h"

static int created(const struct disk_words *words, const char *path, const struct image_format *format)
{
	if (words->json)
		command_json(json_pack("{s:s, s:s}", "file", path, "format", format->known.name));
	return STATUS_DONE;
}

static int create_as(struct disk_host *host, const struct disk_words *words, const struct image_format *format,
	struct vmm_image_create *create)
{
	int32_t status;

	if (!format->factory.create || !(format->known.flags & VMM_IMAGE_CREATE))
		return command_failed(
			"%s images cannot be made: use another format (vmm disk formats)", format->known.name);
	create->struct_size = sizeof(*create);
	create->options = words->options;
	create->option_count = words->option_count;
	host->cause[0] = 0;
	status = format->factory.create(format->index, &host->host, create);
	return status ? disk_failed(host, status, "making", create->path) : created(words, create->path, format);
}

int disk_create(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image_create create = { .path = words->names[0] };
	const struct image_format *format;
	char *variant, *parent = NULL;
	int status = STATUS_DONE;

	if (words->names[1])
		status = disk_size(words->names[1], "size of an image", &create.length);
	else if (!words->parent)
		status = command_usage("disk", "create %s of what size?", words->names[0]);
	/* Sectors, of which there are no halves. */
	create.length = (create.length + 511) / 512 * 512;
	if (status != STATUS_DONE)
		return status;
	status = disk_format(host, words->format, words->names[0], &format, &variant);
	if (status == STATUS_DONE && words->parent) {
		parent = disk_parent_name(words->names[0], words->parent);
		if (!parent)
			status = command_failed("out of memory");
	}
	create.variant = variant;
	create.parent = parent;
	create.parent_format = words->parent_format;
	if (status == STATUS_DONE)
		status = create_as(host, words, format, &create);
	free(variant);
	free(parent);
	return status;
}

/* A child of the format that its parent has, if it can. */
int disk_snapshot(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image_create create = { .path = words->names[1] };
	const struct image_format *format;
	char *variant = NULL, *parent;
	struct config_error error = { "" };
	struct vmm_image image;
	struct vmm_image_info info;
	int status = disk_open(host, words->names[0], words->source_format, VMM_IMAGE_READONLY, &image);

	if (status != STATUS_DONE)
		return status;
	info = disk_info_of(&image, 0);
	parent = disk_parent_name(words->names[1], words->names[0]);
	create.parent = parent;
	create.parent_format = info.format;
	create.length = info.length;
	if (words->format)
		status = disk_format(host, words->format, words->names[1], &format, &variant);
	else if (image_format_find(host->registry, info.format, &format, &error))
		status = command_failed("%s", error.text);
	create.variant = variant;
	if (status == STATUS_DONE && !(format->known.flags & VMM_IMAGE_PARENTS))
		status = command_failed("%s images have no children: name a format that has, such as --format qcow2",
			format->known.name);
	else if (status == STATUS_DONE)
		status = create_as(host, words, format, &create);
	image.ops->close(image.self);
	free(variant);
	free(parent);
	return status;
}

static json_t *options_json(const struct image_format *format)
{
	json_t *options = json_array();

	for (uint32_t i = 0; i < format->known.option_count; i++) {
		const struct vmm_param *row = &format->options[i];

		json_array_append_new(options,
			json_pack("{s:s, s:s?, s:s?, s:s}", "key", row->key, "default", row->default_value, "choices",
				row->choices, "help", row->help));
	}
	return options;
}

int disk_formats(struct disk_host *host, const struct disk_words *words)
{
	static const struct {
		unsigned flag;
		const char *word;
	} abilities[] = { { VMM_IMAGE_CREATE, "create" }, { VMM_IMAGE_PARENTS, "parents" },
		{ VMM_IMAGE_RESIZE, "resize" }, { VMM_IMAGE_COMPACT, "compact" }, { VMM_IMAGE_REBASE, "rebase" },
		{ VMM_IMAGE_CHECK, "check" }, { VMM_IMAGE_PACK, "pack" } };
	json_t *list = json_array();
	const struct image_format *format;

	for (unsigned i = 0; (format = image_format_at(host->registry, i)); i++) {
		json_t *can = json_array();

		if (!words->json)
			printf("%-8s %s\n         variants: %s\n         files: *.%s\n         can:",
				format->known.name, format->known.description, format->known.variants,
				format->known.suffixes);
		for (size_t k = 0; k < sizeof(abilities) / sizeof(abilities[0]); k++) {
			if (!(format->known.flags & abilities[k].flag))
				continue;
			json_array_append_new(can, json_string(abilities[k].word));
			if (!words->json)
				printf(" %s", abilities[k].word);
		}
		if (!words->json)
			putchar('\n');
		for (uint32_t k = 0; !words->json && k < format->known.option_count; k++)
			printf("         --option %s=%s  %s\n", format->options[k].key,
				format->options[k].choices                 ? format->options[k].choices
					: format->options[k].default_value ? format->options[k].default_value
									   : "VALUE",
				format->options[k].help);
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "name", format->known.name, "description",
				format->known.description, "variants", format->known.variants, "suffixes",
				format->known.suffixes, "can", can, "options", options_json(format)));
	}
	if (words->json)
		command_json(json_pack("{s:o}", "formats", list));
	else
		json_decref(list);
	return STATUS_DONE;
}
