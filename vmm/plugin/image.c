/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/plugin/image.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "vmm/plugin/copy.h"

#define FORMATS_MAX 64u
#define OPTIONS_MAX 256u

static void format_free(struct image_format *format)
{
	if (!format)
		return;
	free(format->options);
	free(format);
}

void image_list_free(struct image_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		format_free(list->formats[i]);
	free(list->formats);
	*list = (struct image_list){ 0 };
}

static int options_copy(struct image_format *format)
{
	const struct vmm_image_format *known = &format->known;
	const char *row = (const char *)known->options;

	if (!known->option_count)
		return 0;
	if (known->option_count > OPTIONS_MAX || known->option_stride < sizeof(uint32_t) || !row)
		return -EINVAL;
	format->options = calloc(known->option_count, sizeof(*format->options));
	if (!format->options)
		return -ENOMEM;
	for (uint32_t i = 0; i < known->option_count; i++, row += known->option_stride) {
		COPY_STRUCT(&format->options[i], row);
		if (!format->options[i].key || !format->options[i].help)
			return -EINVAL;
	}
	return 0;
}

static int format_add(
	struct image_list *list, const struct vmm_image_factory *factory, uint32_t index, const char *path)
{
	struct image_format *format = calloc(1, sizeof(*format)), **formats;
	int status;

	if (!format)
		return -ENOMEM;
	format->path = path;
	format->factory = *factory;
	format->index = index;
	format->known.struct_size = sizeof(format->known);
	status = factory->format(index, &format->known);
	if (!status && (!format->known.name || !format->known.suffixes || !format->known.variants))
		status = -EINVAL;
	if (!status)
		status = options_copy(format);
	if (!status) {
		formats = realloc(list->formats, (list->count + 1) * sizeof(struct image_format *));
		status = formats ? 0 : -ENOMEM;
	}
	if (status) {
		format_free(format);
		return status;
	}
	list->formats = formats;
	formats[list->count++] = format;
	return 0;
}

int image_list_add(
	struct image_list *list, const struct vmm_plugin *entry, const char *path, struct config_error *error)
{
	const void *found = entry->get_factory(VMM_KIND_IMAGE);
	struct vmm_image_factory factory;
	int status = 0;

	if (!found)
		return 0;
	COPY_STRUCT(&factory, (const struct vmm_image_factory *)found);
	if (!factory.format || !factory.open || factory.format_count > FORMATS_MAX)
		status = -EINVAL;
	for (uint32_t i = 0; i < factory.format_count && !status; i++)
		status = format_add(list, &factory, i, path);
	if (status == -ENOMEM)
		config_fail(error, NULL, 0, "out of memory");
	else if (status)
		config_fail(error, NULL, 0,
			"plugin %s is broken (its table of image formats is incomplete): rebuild it", path);
	return status ? -ENOEXEC : 0;
}

const struct image_format *image_format_at(struct plugin_registry *registry, unsigned index)
{
	const struct image_list *list = registry_images(registry);

	return index < list->count ? list->formats[index] : NULL;
}

int image_format_find(struct plugin_registry *registry, const char *name, const struct image_format **format,
	struct config_error *error)
{
	const struct image_list *list = registry_images(registry);
	const char *names[FORMATS_MAX], *near;
	unsigned count = 0;

	for (unsigned i = 0; i < list->count; i++) {
		*format = list->formats[i];
		if (!strcasecmp((*format)->known.name, name))
			return 0;
		if (count < FORMATS_MAX)
			names[count++] = (*format)->known.name;
	}
	*format = NULL;
	near = config_nearest(name, names, count);
	config_fail(error, NULL, 0,
		near ? "there is no image format \"%s\": did you mean \"%s\"?"
		     : "there is no image format \"%s\": see vmm disk formats",
		name, near);
	return -ENOENT;
}

/* Which of `words`, parted by '|', is `suffix`?  Past them all: none. */
static unsigned suffix_rank(const char *words, const char *suffix)
{
	size_t wanted = strlen(suffix);

	for (unsigned rank = 0; *words; rank++) {
		size_t length = strcspn(words, "|");

		if (length == wanted && !strncasecmp(words, suffix, length))
			return rank;
		words += length + (words[length] == '|');
	}
	return UINT_MAX;
}

const struct image_format *image_format_suffix(struct plugin_registry *registry, const char *path)
{
	const struct image_list *list = registry_images(registry);
	const struct image_format *best = NULL;
	const char *dot = strrchr(path, '.');
	unsigned first = UINT_MAX;

	if (!dot || strchr(dot, '/'))
		return NULL;
	/* Several may be found in a file.img; whoever names it first means it most. */
	for (unsigned i = 0; i < list->count; i++) {
		unsigned rank = suffix_rank(list->formats[i]->known.suffixes, dot + 1);

		if (rank < first) {
			first = rank;
			best = list->formats[i];
		}
	}
	return best;
}

static const struct image_format *format_surest(const struct image_list *list, const struct vmm_probe *probe)
{
	const struct image_format *best = NULL;
	uint32_t surest = 0;

	for (unsigned i = 0; i < list->count; i++) {
		const struct image_format *format = list->formats[i];
		uint32_t sure = format->factory.probe ? format->factory.probe(format->index, probe) : 0;

		if (sure > surest) {
			surest = sure;
			best = format;
		}
	}
	return best;
}

int image_format_probe(struct plugin_registry *registry, const char *path, const struct image_format **format,
	struct config_error *error)
{
	struct vmm_probe probe;
	int status = probe_open(path, &probe, error);

	if (status)
		return status;
	*format = format_surest(registry_images(registry), &probe);
	probe_close(&probe);
	if (*format)
		return 0;
	config_fail(error, NULL, 0, "no plugin knows the format of the image %s: name one (vmm disk formats)", path);
	return -ENOENT;
}
