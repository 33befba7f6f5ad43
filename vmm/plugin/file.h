/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Opening a plugin file: the only place that knows libltdl. */
#ifndef VMM_PLUGIN_FILE_H
#define VMM_PLUGIN_FILE_H

#include <vmm/plugin.h>

#include "vmm/config/config.h"

/* Check owner and mode, load, find the entry and check it.  The file stays loaded for good.  `path` is absolute.
 * 0 or a negative errno with a message (cause and remedy). */
int plugin_file_open(const char *path, struct vmm_plugin *entry, struct config_error *error);

#endif
