/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#ifndef TESTS_CPU_VENDOR_H
#define TESTS_CPU_VENDOR_H

#include "tests/cpu/case.h"

/* For outcomes that differ: true if vendors differ about the whole case.  Else what they differ about is made equal in
 * both, for another comparison. */
bool vendor_settle(const struct oracle_case *c, struct outcome *native, struct outcome *engine);

#endif
