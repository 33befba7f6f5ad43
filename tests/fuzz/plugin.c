/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* All that makes one device's target differ from another's. */

extern const char fuzz_plugin[], fuzz_build[];
const char fuzz_plugin[] = FUZZ_PLUGIN;
const char fuzz_build[] = FUZZ_BUILD;
