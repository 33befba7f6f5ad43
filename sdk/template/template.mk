# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
templatedir = $(datadir)/vmm/template
dist_template_DATA = \
	sdk/template/Makefile \
	sdk/template/counter.c \
	sdk/template/counter_test.c

# The kit as plugins outside the tree link it; within the tree it is a convenience library of libtool's.
lib_LIBRARIES += sdk/kit/libvmm-kit.a
sdk_kit_libvmm_kit_a_SOURCES = $(sdk_kit_libvmm_kit_la_SOURCES)
sdk_kit_libvmm_kit_a_CPPFLAGS = $(PLUGIN_CPPFLAGS)
sdk_kit_libvmm_kit_a_CFLAGS = $(AM_CFLAGS) -fPIC -fvisibility=hidden

# The fake host, for unit tests of plugins outside the tree.
lib_LIBRARIES += sdk/check/libvmm-fake.a
sdk_check_libvmm_fake_a_SOURCES = $(sdk_check_libfake_la_SOURCES)
sdk_check_libvmm_fake_a_CPPFLAGS = $(PLUGIN_CPPFLAGS)
sdk_check_libvmm_fake_a_CFLAGS = $(AM_CFLAGS) -fPIC
vmmtestdir = $(includedir)/vmm/test
dist_vmmtest_HEADERS = sdk/check/fake_host.h sdk/check/fake_peer.h

# In the tree it is built too, so that it cannot rot, and for tests.
check_LTLIBRARIES += sdk/template/counter.la
sdk_template_counter_la_SOURCES = sdk/template/counter.c
sdk_template_counter_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
sdk_template_counter_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(plugindir)
sdk_template_counter_la_LIBADD = sdk/kit/libvmm-kit.la
