/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm disk info | map */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/command/disk.h"

struct gathering {
	json_t *facts, *files;
	uint64_t allocated;
};

static void gather_text(void *self, const char *name, const char *value)
{
	struct gathering *gathering = self;

	/* What a damaged image says need not be UTF-8. */
	json_t *text = json_string(value);

	json_object_set_new(gathering->facts, name, text ? text : json_string("?"));
}

static void gather_number(void *self, const char *name, uint64_t value)
{
	struct gathering *gathering = self;

	json_object_set_new(gathering->facts, name, json_integer((json_int_t)value));
}

static void gather_file(void *self, const char *role, const char *path)
{
	struct gathering *gathering = self;
	struct stat file;
	json_t *entry = json_pack("{s:s}", "role", role);
	json_t *name = json_string(path);

	json_object_set_new(entry, "path", name ? name : json_string("?"));
	if (!stat(path, &file)) {
		json_object_set_new(entry, "length", json_integer(file.st_size));
		json_object_set_new(entry, "allocated", json_integer((json_int_t)file.st_blocks * 512));
		gathering->allocated += (uint64_t)file.st_blocks * 512;
	}
	json_array_append_new(gathering->files, entry);
}

/* A file of the kit's that lies beside the image: its name. */
static void beside_add(json_t *answer, const char *key, const char *path, const char *suffix)
{
	char *name;
	json_t *text;

	if (asprintf(&name, "%s%s", path, suffix) < 0)
		return;
	text = access(name, F_OK) ? NULL : json_string(name);
	if (text)
		json_object_set_new(answer, key, text);
	free(name);
}

static json_t *image_json(const struct vmm_image *image, uint32_t depth)
{
	struct gathering gathering = { json_object(), json_array(), 0 };
	const struct vmm_image_facts facts = { sizeof(facts), 0, &gathering, gather_text, gather_number, gather_file };
	struct vmm_image_info info = disk_info_of(image, depth);
	json_t *answer;

	image->ops->facts(image->self, depth, &facts);
	answer = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "file", info.path, "format", info.format, "variant",
		info.variant, "size", (json_int_t)info.length, "allocated",
		(json_int_t)(json_array_size(gathering.files) ? gathering.allocated : info.allocated), "readonly",
		(int)info.is_readonly);
	if (!answer)
		answer = json_object();
	if (info.unit)
		json_object_set_new(answer, "unit", json_integer(info.unit));
	if (info.readonly_why)
		json_object_set_new(answer, "readonly_why", json_string(info.readonly_why));
	if (info.parent[0]) {
		json_object_set_new(answer, "parent", json_string(info.parent));
		if (info.parent_format[0])
			json_object_set_new(answer, "parent_format", json_string(info.parent_format));
	}
	beside_add(answer, "tracked", info.path, ".cbt");
	beside_add(answer, "undoable", info.path, ".redo");
	json_object_set_new(answer, "facts", gathering.facts);
	json_object_set_new(answer, "files", gathering.files);
	return answer;
}

static void image_print(json_t *info)
{
	char size[32], room[32];
	const char *name, *parent = json_string_value(json_object_get(info, "parent"));
	json_t *value;
	size_t index;

	printf("%s: %s%s%s\n  size       %s (%lld bytes)\n  on disk    %s\n",
		json_string_value(json_object_get(info, "file")), json_string_value(json_object_get(info, "format")),
		json_string_value(json_object_get(info, "variant"))[0] ? ", " : "",
		json_string_value(json_object_get(info, "variant")),
		disk_bytes((uint64_t)json_integer_value(json_object_get(info, "size")), size),
		(long long)json_integer_value(json_object_get(info, "size")),
		disk_bytes((uint64_t)json_integer_value(json_object_get(info, "allocated")), room));
	if (json_object_get(info, "unit"))
		printf("  unit       %lld\n", (long long)json_integer_value(json_object_get(info, "unit")));
	if (json_is_true(json_object_get(info, "readonly")))
		printf("  read-only  %s\n",
			json_object_get(info, "readonly_why") ? json_string_value(json_object_get(info, "readonly_why"))
							      : "yes");
	if (parent)
		printf("  parent     %s\n", parent);
	if (json_object_get(info, "tracked"))
		printf("  tracked    in %s\n", json_string_value(json_object_get(info, "tracked")));
	if (json_object_get(info, "undoable"))
		printf("  undoable   changes are in %s: commit or discard them\n",
			json_string_value(json_object_get(info, "undoable")));
	json_object_foreach(json_object_get(info, "facts"), name, value)
	{
		if (json_is_string(value))
			printf("  %-10s %s\n", name, json_string_value(value));
		else
			printf("  %-10s %lld\n", name, (long long)json_integer_value(value));
	}
	json_array_foreach(json_object_get(info, "files"), index, value) printf("  %-10s %s\n",
		json_string_value(json_object_get(value, "role")), json_string_value(json_object_get(value, "path")));
}

int disk_info(struct disk_host *host, const struct disk_words *words)
{
	const uint32_t flags = VMM_IMAGE_READONLY | VMM_IMAGE_UNLOCKED;
	struct vmm_image_info info = { .struct_size = sizeof(info) };
	struct vmm_image image = { .struct_size = sizeof(image) };
	char trouble[sizeof(host->cause)] = "";
	json_t *answer, *chain = json_array();
	int status = STATUS_DONE;

	/* An image whose parent is gone still has something to say. */
	if (image_open_for(host->registry, &host->host, words->source_format, words->names[0], flags, &image)) {
		strcpy(trouble, host->cause);
		if (image_open_for(host->registry, &host->host, words->source_format, words->names[0],
			    flags | VMM_IMAGE_LONELY, &image)) {
			json_decref(chain);
			return disk_failed(host, -EIO, "opening", words->names[0]);
		}
	}
	answer = image_json(&image, 0);
	for (uint32_t depth = 1; !image.ops->info(image.self, depth, &info); depth++)
		json_array_append_new(chain, image_json(&image, depth));
	image.ops->close(image.self);
	if (trouble[0]) {
		json_t *text = json_string(trouble);

		json_object_set_new(answer, "trouble", text ? text : json_string("?"));
		status = STATUS_FAILED;
	}
	json_object_set_new(answer, "parents", chain);
	if (words->json) {
		command_json(answer);
	} else {
		json_t *parent;
		size_t index;

		image_print(answer);
		json_array_foreach(chain, index, parent) image_print(parent);
		json_decref(answer);
	}
	return trouble[0] ? command_failed("%s", trouble) : status;
}

/* map */

static const char *piece_word(const struct vmm_image_piece *piece)
{
	if (piece->kind == VMM_IMAGE_DATA)
		return piece->is_hole ? "hole" : "data";
	if (piece->kind == VMM_IMAGE_PACKED)
		return "packed";
	return piece->is_hole ? "absent" : "zero";
}

static void piece_tell(json_t *list, uint64_t offset, const struct vmm_image_piece *piece)
{
	if (list) {
		json_t *entry = json_pack("{s:I, s:I, s:s, s:i}", "offset", (json_int_t)offset, "length",
			(json_int_t)piece->length, "kind", piece_word(piece), "depth", (int)piece->depth);

		if (piece->kind == VMM_IMAGE_DATA) {
			json_object_set_new(entry, "file", json_string(piece->path));
			json_object_set_new(entry, "file_offset", json_integer((json_int_t)piece->offset));
		}
		json_array_append_new(list, entry);
		return;
	}
	printf("%14llu %14llu  %-6s %2u", (unsigned long long)offset, (unsigned long long)piece->length,
		piece_word(piece), piece->depth);
	if (piece->kind == VMM_IMAGE_DATA)
		printf("  %s @ %llu", piece->path, (unsigned long long)piece->offset);
	putchar('\n');
}

static bool goes_on(const struct vmm_image_piece *piece, const struct vmm_image_piece *next)
{
	if (piece->kind != next->kind || piece->depth != next->depth || piece->is_hole != next->is_hole)
		return false;
	return piece->kind != VMM_IMAGE_DATA ||
		(piece->path == next->path && piece->offset + piece->length == next->offset);
}

int disk_map(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image_piece piece = { 0 };
	struct vmm_image image;
	uint64_t length, start = 0;
	int32_t failed = 0;
	json_t *list;
	int status;

	if (words->since)
		return disk_changes(host, words);
	list = words->json ? json_array() : NULL;
	status = disk_open(
		host, words->names[0], words->source_format, VMM_IMAGE_READONLY | VMM_IMAGE_UNLOCKED, &image);
	if (status != STATUS_DONE) {
		json_decref(list);
		return status;
	}
	length = disk_info_of(&image, 0).length;
	if (!words->json)
		printf("%14s %14s  %-6s %2s\n", "offset", "length", "kind", "of");
	for (uint64_t offset = 0; offset < length && !failed;) {
		struct vmm_image_piece next = { .struct_size = sizeof(next) };

		failed = image.ops->map(image.self, offset, length - offset, &next);
		if (failed)
			break;
		if (piece.length && goes_on(&piece, &next)) {
			piece.length += next.length;
		} else {
			if (piece.length)
				piece_tell(list, start, &piece);
			piece = next;
			start = offset;
		}
		offset += next.length;
	}
	if (piece.length)
		piece_tell(list, start, &piece);
	if (list)
		command_json(json_pack("{s:o}", "pieces", list));
	image.ops->close(image.self);
	return failed ? disk_failed(host, failed, "mapping", words->names[0]) : STATUS_DONE;
}
