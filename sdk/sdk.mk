# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
sdkincludedir = $(includedir)/vmm
dist_sdkinclude_HEADERS = \
	sdk/include/vmm/base.h \
	sdk/include/vmm/control.h \
	sdk/include/vmm/event.h \
	sdk/include/vmm/firmware.h \
	sdk/include/vmm/host.h \
	sdk/include/vmm/io.h \
	sdk/include/vmm/irq.h \
	sdk/include/vmm/machine.h \
	sdk/include/vmm/memory.h \
	sdk/include/vmm/param.h \
	sdk/include/vmm/plugin.h \
	sdk/include/vmm/port-char.h \
	sdk/include/vmm/port-display.h \
	sdk/include/vmm/port-dma.h \
	sdk/include/vmm/port-floppy.h \
	sdk/include/vmm/port-ide.h \
	sdk/include/vmm/port-input.h \
	sdk/include/vmm/port-interrupt.h \
	sdk/include/vmm/port-isa.h \
	sdk/include/vmm/port-net.h \
	sdk/include/vmm/port-pci.h \
	sdk/include/vmm/port-speaker.h \
	sdk/include/vmm/port-storage.h \
	sdk/include/vmm/port.h \
	sdk/include/vmm/state.h \
	sdk/include/vmm/timer.h
sdkdraftdir = $(includedir)/vmm/draft
dist_sdkdraft_HEADERS = sdk/include/vmm/draft/cpu.h sdk/include/vmm/draft/image.h
pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = sdk/vmm-sdk.pc
