# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
if PLUGIN_VIRTIO_NET
plugin_LTLIBRARIES += plugins/virtio-net/virtio-net.la
plugins_virtio_net_virtio_net_la_SOURCES = \
	plugins/virtio-net/control.c \
	plugins/virtio-net/net.c \
	plugins/virtio-net/receive.c \
	plugins/virtio-net/transmit.c \
	plugins/virtio-net/card.h
plugins_virtio_net_virtio_net_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_virtio_net_virtio_net_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_virtio_net_virtio_net_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/virtio-net/vmm-virtio-net.7
endif
