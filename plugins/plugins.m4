# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Every plugin of the tree, one a line; Makefile.am includes its fragment.
VMM_PLUGIN([char-file])
VMM_PLUGIN([char-null])
VMM_PLUGIN([char-pty])
VMM_PLUGIN([char-socket])
VMM_PLUGIN([char-stdio])
VMM_PLUGIN([chipset-i440])
VMM_PLUGIN([debug-exit])
VMM_PLUGIN([firmware-bios])
VMM_PLUGIN([ioapic-82093])
VMM_PLUGIN([pic-8259])
VMM_PLUGIN([pit-8254])
VMM_PLUGIN([ps2-8042])
VMM_PLUGIN([rtc-mc146818])
VMM_PLUGIN([serial-16550])
