/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/command/symbols.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
	uint64_t address;
	size_t order; /* in the file: of several names for an address the first is taken */
	char *name;   /* NULL: no function, but where the one before it ends */
};

struct symbols {
	struct symbol *list;
	size_t count, capacity;
};

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; i < symbols->count; i++)
		free(symbols->list[i].name);
	free(symbols->list);
	free(symbols);
}

static int symbol_add(struct symbols *symbols, uint64_t address, bool function, const char *name, const char *module)
{
	struct symbol *symbol;

	if (symbols->count == symbols->capacity) {
		size_t capacity = symbols->capacity ? symbols->capacity * 2 : 4096;
		struct symbol *grown = realloc(symbols->list, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		symbols->list = grown;
		symbols->capacity = capacity;
	}
	symbol = &symbols->list[symbols->count];
	*symbol = (struct symbol){ .address = address, .order = symbols->count };
	if (function && asprintf(&symbol->name, "%s%s%s", name, module[0] ? "_" : "", module) < 0)
		return -ENOMEM;
	symbols->count++;
	return 0;
}

/* ADDRESS TYPE NAME, in kallsyms with the module's name in brackets behind it.  nm's lines of undefined symbols have no
 * address, absolute ones have no place. */
static int line_read(struct symbols *symbols, const char *line, uint64_t slide, bool *hidden)
{
	char name[512], module[128] = "", type, *end;
	uint64_t address;

	errno = 0;
	address = strtoull(line, &end, 16);
	if (errno || end == line || sscanf(end, " %c %511s %127s", &type, name, module) < 2)
		return 0;
	if (type == 'a' || type == 'A' || type == 'U')
		return 0;
	if (!address) {
		*hidden = true;
		return 0;
	}
	return symbol_add(symbols, address + slide, strchr("tTwWiV", type), name, module);
}

static int symbol_compare(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	/* a function before what else is there */
	if (!left->name != !right->name)
		return left->name ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

int symbols_read(const char *path, uint64_t slide, struct symbols **result)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	FILE *file = fopen(path, "re");
	size_t capacity = 0;
	bool hidden = false;
	char *line = NULL;
	int status = !file ? -errno : symbols ? 0 : -ENOMEM;

	while (!status && getline(&line, &capacity, file) >= 0)
		status = line_read(symbols, line, slide, &hidden);
	if (!status && ferror(file))
		status = -EIO;
	free(line);
	if (file)
		fclose(file);
	if (!status && !symbols->count)
		status = hidden ? -EACCES : -ENODATA;
	if (status) {
		symbols_free(symbols);
		return status;
	}
	qsort(symbols->list, symbols->count, sizeof(symbols->list[0]), symbol_compare);
	*result = symbols;
	return 0;
}

const char *symbols_find(const struct symbols *symbols, uint64_t address)
{
	size_t low = 0, high = symbols ? symbols->count : 0;

	/* the last at or below it */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	/* the first of those that share its address */
	uint64_t found = symbols->list[low - 1].address;

	while (low > 1 && symbols->list[low - 2].address == found)
		low--;
	return symbols->list[low - 1].name;
}
