# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Compiled with everything else, so that a moved member stops the build's check and not a release.
check_LTLIBRARIES += tests/abi/libsizes.la
tests_abi_libsizes_la_SOURCES = tests/abi/sizes.c
tests_abi_libsizes_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)

dist_check_SCRIPTS += tests/abi/frozen.sh tests/abi/headers.sh tests/abi/outside.sh sdk/check/tree.sh
TESTS += tests/abi/frozen.sh tests/abi/headers.sh sdk/check/tree.sh
# A kit that was built with sanitizers needs their runtime, which a plugin built outside does not bring.
if !SANITIZERS
TESTS += tests/abi/outside.sh
endif
EXTRA_DIST += \
	tests/abi/README.md \
	tests/abi/sizes.sh \
	tests/abi/0.9/plugin.c \
	tests/abi/0.9/include/vmm
