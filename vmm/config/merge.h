/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside vmm/config: adding values while reading. */
#ifndef VMM_CONFIG_MERGE_H
#define VMM_CONFIG_MERGE_H

#include "vmm/config/config.h"

int config_add(struct config *config, const char *section, const char *key, const char *value, const char *file,
	unsigned line, bool replace);
int config_section_add(struct config *config, const char *name, const char *file, unsigned line);

#endif
