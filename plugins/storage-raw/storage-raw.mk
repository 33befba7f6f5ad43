# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_STORAGE_RAW
plugin_LTLIBRARIES += plugins/storage-raw/storage-raw.la
plugins_storage_raw_storage_raw_la_SOURCES = plugins/storage-raw/raw.c
plugins_storage_raw_storage_raw_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_storage_raw_storage_raw_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_storage_raw_storage_raw_la_LIBADD = sdk/block/libvmm-block.la
dist_man7_MANS += plugins/storage-raw/vmm-storage-raw.7
endif
