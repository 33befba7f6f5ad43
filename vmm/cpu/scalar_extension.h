/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Later instructions on general registers, for those who select by opcode.  NULL: none of these.
 */
#ifndef VMM_CPU_SCALAR_EXTENSION_H
#define VMM_CPU_SCALAR_EXTENSION_H

#include "vmm/cpu/insn.h"

/* Maps 0F38: MOVBE, CRC32, ADCX, ADOX. */
insn_execute *scalar_extension_select(const struct cpu *cpu, const struct insn *insn);
/* 0F BC and BD with F3: TZCNT, LZCNT. */
insn_execute *count_zeros_select(const struct cpu *cpu, const struct insn *insn);
/* 0F C7 /6 and /7: RDRAND, RDSEED. */
insn_execute *random_select(const struct cpu *cpu, const struct insn *insn);

#endif
