/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside vmm/plugin: the steps that all links share. */
#ifndef VMM_PLUGIN_LINK_H
#define VMM_PLUGIN_LINK_H

#include "vmm/plugin/port.h"

enum { UPPER, LOWER };

/* The first interface of `a`, newest first, that `b` has too; put in `interface` (64 bytes) if not NULL. */
bool port_interface_common(const char *a, const char *b, char *interface);
/* Ask a side for its half, and whether it may be joined. */
int port_side_get(struct port_link *link, unsigned side, struct config_error *error);
int port_side_prepare(struct port_link *link, unsigned side, struct config_error *error);

#endif
