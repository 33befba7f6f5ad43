# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_DMA_8237
plugin_LTLIBRARIES += plugins/dma-8237/dma-8237.la
plugins_dma_8237_dma_8237_la_SOURCES = \
	plugins/dma-8237/controller.c \
	plugins/dma-8237/controller.h \
	plugins/dma-8237/dma.c
plugins_dma_8237_dma_8237_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_dma_8237_dma_8237_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_dma_8237_dma_8237_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/dma-8237/vmm-dma-8237.7
endif
