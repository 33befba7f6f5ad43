# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# The core's own tests.
dist_check_SCRIPTS += tests/layers.sh
TESTS += tests/layers.sh
CORE_TEST_CPPFLAGS = $(CORE_CPPFLAGS) $(CHECK_CFLAGS) -DCORE_TEST_SDK='"$(abs_top_srcdir)/sdk/include"' \
	-DCORE_TEST_BUILD='"$(abs_top_builddir)"'
CORE_TEST_FIXTURE = tests/unit/core_fixture.c tests/unit/core_fixture.h
if HAVE_CHECK
check_PROGRAMS += tests/unit/core_machine
TESTS += tests/unit/core_machine
tests_unit_core_machine_SOURCES = tests/unit/core_machine.c tests/unit/core_rom.h $(CORE_TEST_FIXTURE)
tests_unit_core_machine_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_machine_LDADD = vmm/libcore.la $(CHECK_LIBS)
endif
