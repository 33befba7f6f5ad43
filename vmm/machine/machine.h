/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One virtual machine: assembled from settings and plugins, run, stopped, saved and loaded.
 */
#ifndef VMM_MACHINE_MACHINE_H
#define VMM_MACHINE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/config/config.h"
#include "vmm/plugin/host.h"
#include "vmm/plugin/port.h"
#include "vmm/plugin/registry.h"

struct machine;

#define MACHINE_NAME_MAX 63u

enum machine_state { MACHINE_OFF, MACHINE_RUNNING, MACHINE_PAUSED, MACHINE_ENDED };

struct machine_options {
	/* A line for the log; any thread. NULL: standard error. */
	void (*log)(void *self, unsigned level, const char *line);
	void *log_self;
	unsigned log_level;             /* VMM_LOG_*; 0: warnings */
	const struct port_proxy *proxy; /* for tests: put between all joined ports */
};

/* Merge a file of the folders of base machines over what is there: sections that an option of `vmm run` adds. */
int machine_config_add(struct config *config, const char *name, struct config_error *error);
/* The settings of a machine: its file, the base machine that it names, and --set assignments, merged.
 * 0 or a negative errno with a message. */
int machine_config(const char *file, const char *const *sets, unsigned set_count, struct config **config,
	struct config_error *error);

/* Assemble a machine, powered off: every plugin loaded, every setting checked, every instance made and joined.  The
 * config and the registry must outlive it. */
int machine_new(struct config *config, struct plugin_registry *registry, const struct machine_options *options,
	struct machine **machine, struct config_error *error);
/* Not while machine_run() runs. */
void machine_free(struct machine *machine);

/* Power on and run until the machine's end; the calling thread becomes its event loop.  The exit status: 0 after
 * a power-off, or what the guest or machine_exit() gave. -1 with a message if it could not start. `state` (may be
 * NULL) is a saved state to begin with. */
int machine_run(struct machine *machine, const char *state, struct config_error *error);

/* Any thread.  They take effect on the machine's event loop. */
void machine_power(struct machine *machine, uint32_t what); /* VMM_POWER_* */
void machine_exit(struct machine *machine, int status);
void machine_button(struct machine *machine);

/* On the machine's event loop without its lock (control requests), or before machine_run(). */
int machine_pause(struct machine *machine);
int machine_resume(struct machine *machine, struct config_error *error);
int machine_save(struct machine *machine, const char *path, struct config_error *error);
int machine_load(struct machine *machine, const char *path, struct config_error *error);
/* Join `value` (a plugin, or an image's path, with `sets` as its settings) to an instance's live port in place of what
 * is there, or empty it.  `port` NULL: its only live port.  A relative path begins at `folder` (NULL: here). */
int machine_attach(struct machine *machine, const char *instance, const char *port, const char *value,
	const char *folder, const char *const *sets, unsigned set_count, struct config_error *error);
int machine_detach(struct machine *machine, const char *instance, const char *port, struct config_error *error);
void machine_trace(struct machine *machine, uint32_t cpu_trace, bool io);

const char *machine_name(const struct machine *machine);
enum machine_state machine_state(const struct machine *machine);
/* In S3: it runs, but its processors do not. */
bool machine_sleeping(const struct machine *machine);
struct plugin_env *machine_env(struct machine *machine);
struct engine *machine_engine(struct machine *machine);
/* Called after each round of the loop, without the lock (the control server). */
void machine_idle(struct machine *machine, void (*idle)(void *self), void *self);
/* Events for listeners: any thread.  `json` is a text. */
void machine_events(struct machine *machine,
	void (*event)(void *self, const char *instance, const char *name, const char *json), void *self);
/* A plugin's control command, by its full name "INSTANCE.NAME".  -ENOENT: there is none. */
int machine_command(struct machine *machine, const char *name, const char *params, char *reply, uint32_t size);

/* The guest's screen (screen.c): the first display adapter's, or that of the instance `name`.  0, -ENODEV: there is
 * none; a message comes with every error.  On the event loop, without the lock. */
struct machine_picture {
	uint32_t width, height;
	uint32_t columns, rows; /* of characters; 0 in graphics modes */
	uint32_t *pixels;       /* 0x00RRGGBB, row by row; malloc'ed */
	uint16_t *cells;        /* code and attribute; malloc'ed, NULL in graphics modes */
};
int machine_picture(
	struct machine *machine, const char *name, struct machine_picture *picture, struct config_error *error);
void machine_picture_free(struct machine_picture *picture);

/* Type (keys.c): a key's name, or several joined by hyphens ("ctrl-alt-delete"); or text, on a US keyboard.  What is
 * typed is queued, with pauses as a quick typist makes them.  -EINVAL with a message: no such key. */
int machine_key(struct machine *machine, const char *keys, struct config_error *error);
int machine_type(struct machine *machine, const char *text, struct config_error *error);
/* Move the mouse, and set which of its buttons are down (bit 0 left, 1 right, 2 middle). */
int machine_pointer(
	struct machine *machine, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons, struct config_error *error);

/* `vmm config dump`: all sections with every parameter, in INI form, through `line`. */
void machine_dump(struct machine *machine, void (*line)(void *self, const char *text), void *self);

#endif
