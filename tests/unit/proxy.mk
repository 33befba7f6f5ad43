# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
check_LTLIBRARIES += tests/unit/proxy-plugins.la
tests_unit_proxy_plugins_la_SOURCES = tests/unit/proxy_plugins.c
tests_unit_proxy_plugins_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
tests_unit_proxy_plugins_la_LDFLAGS = $(PLUGIN_LDFLAGS) -rpath $(plugindir)
tests_unit_proxy_plugins_la_LIBADD = sdk/kit/libvmm-kit.la
if HAVE_CHECK
check_PROGRAMS += tests/unit/proxy_test
TESTS += tests/unit/proxy_test
tests_unit_proxy_test_SOURCES = \
	tests/unit/proxy.c \
	tests/unit/proxy.h \
	tests/unit/proxy_pci.c \
	tests/unit/proxy_storage.c \
	tests/unit/proxy_test.c
tests_unit_proxy_test_CPPFLAGS = $(CORE_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_proxy_test_LDADD = vmm/libcore.la $(CHECK_LIBS)
# Plugins are found beside it.
EXTRA_tests_unit_proxy_test_DEPENDENCIES = tests/unit/proxy-plugins.la sdk/template/counter.la
endif
