/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#ifndef VMM_CPU_IO_H
#define VMM_CPU_IO_H

#include "vmm/cpu/cpu.h"

/* May the program use this port?  CPU_FAULT: #GP. */
int io_check(struct cpu *cpu, uint16_t port, unsigned size);
uint32_t io_read(struct cpu *cpu, uint16_t port, unsigned size);
void io_write(struct cpu *cpu, uint16_t port, unsigned size, uint32_t value);

#endif
