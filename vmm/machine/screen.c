/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Looking at the guest's screen, as a display that is joined for a moment would. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vmm/port-display.h>

#include "vmm/machine/parts.h"

#define TRIES 4 /* a guest that changes its mode all the time has no picture */

const void *core_peer(const struct machine *machine, const char *interface, const char *name, void **self)
{
	for (const struct join *join = machine->joins; join; join = join->next) {
		const void *table;

		if (join->peer || !join->link || (name && strcmp(join->member->instance->name, name)))
			continue;
		table = port_core_table(join->link, interface, self);
		if (table)
			return table;
	}
	return NULL;
}

void machine_picture_free(struct machine_picture *picture)
{
	free(picture->pixels);
	free(picture->cells);
	memset(picture, 0, sizeof(*picture));
}

static int picture_draw(const struct vmm_display_upper *upper, void *self, struct machine_picture *picture)
{
	struct vmm_display_info info = { .struct_size = sizeof(info) };
	struct vmm_display_rect changed;
	size_t length;
	int status = upper->info(self, &info);

	if (status)
		return status;
	if (!info.width || !info.height || info.width > VMM_DISPLAY_SIZE_MAX || info.height > VMM_DISPLAY_SIZE_MAX ||
		info.columns > 1024 || info.rows > 1024)
		return -EPROTO;
	length = (size_t)info.width * info.height * sizeof(uint32_t);
	picture->width = info.width;
	picture->height = info.height;
	picture->pixels = calloc(1, length);
	if (!picture->pixels)
		return -ENOMEM;
	status = upper->update(self, 1, picture->pixels, length, info.width * (uint32_t)sizeof(uint32_t), &changed);
	if (status || !info.columns || !info.rows || !upper->text)
		return status;
	picture->cells = calloc((size_t)info.columns * info.rows, sizeof(uint16_t));
	if (!picture->cells)
		return -ENOMEM;
	if (upper->text(self, picture->cells, info.columns * info.rows) < 0) {
		free(picture->cells);
		picture->cells = NULL;
		return 0;
	}
	picture->columns = info.columns;
	picture->rows = info.rows;
	return 0;
}

int machine_picture(
	struct machine *machine, const char *name, struct machine_picture *picture, struct config_error *error)
{
	const struct vmm_display_upper *upper;
	int status = -EAGAIN;
	void *self;

	memset(picture, 0, sizeof(*picture));
	lock_acquire(&machine->lock);
	upper = core_peer(machine, VMM_PORT_DISPLAY, name, &self);
	if (!upper || !upper->info || !upper->update) {
		lock_release(&machine->lock);
		config_fail(error, NULL, 0, "machine %s has no display adapter%s%s: add one, such as [vga0]",
			machine->name, name ? " called " : "", name ? name : "");
		return -ENODEV;
	}
	for (unsigned i = 0; i < TRIES && status == -EAGAIN; i++) {
		machine_picture_free(picture);
		status = picture_draw(upper, self, picture);
	}
	lock_release(&machine->lock);
	if (status) {
		machine_picture_free(picture);
		config_fail(error, NULL, 0, "the screen cannot be read: %s", strerror(-status));
	}
	return status;
}
