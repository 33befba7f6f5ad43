/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A machine's control socket: the methods that it answers (docs/control.md). */
#ifndef VMM_COMMAND_SERVE_H
#define VMM_COMMAND_SERVE_H

#include "vmm/machine/machine.h"

struct serve;

int serve_new(struct machine *machine, struct serve **serve, struct config_error *error);
void serve_free(struct serve *serve);

#endif
