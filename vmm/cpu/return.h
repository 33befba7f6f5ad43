/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#ifndef VMM_CPU_RETURN_H
#define VMM_CPU_RETURN_H

#include "vmm/cpu/insn.h"

insn_execute return_far, return_interrupt; /* RETF, IRET */

#endif
