/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A machine's own control methods. */
#ifndef VMM_COMMAND_SERVE_H
#define VMM_COMMAND_SERVE_H

#include "vmm/control/control.h"
#include "vmm/machine/machine.h"

struct serve;

/* Listen on the machine's socket.  0, or a negative errno with a message. */
int serve_new(struct machine *machine, struct serve **serve, struct config_error *error);
void serve_free(struct serve *serve);

/* serve_screen.c */
json_t *serve_screenshot(struct machine *machine, json_t *params, struct control_error *error);
json_t *serve_keys(struct machine *machine, json_t *params, struct control_error *error);
json_t *serve_mouse(struct machine *machine, json_t *params, struct control_error *error);
/* serve_engine.c: the engine's counters */
json_t *serve_engine(struct machine *machine);
/* serve_profile.c */
json_t *serve_profile(struct machine *machine, json_t *params, struct control_error *error);
json_t *serve_perf_map(struct machine *machine, json_t *params, struct control_error *error);
/* png.c.  0, or a negative errno with a message. */
int png_save(const char *path, const struct machine_picture *picture, struct config_error *error);

#endif
