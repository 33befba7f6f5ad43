# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# The core's own tests.
dist_check_SCRIPTS += tests/layers.sh
TESTS += tests/layers.sh
CORE_TEST_CPPFLAGS = $(CORE_CPPFLAGS) $(CHECK_CFLAGS) -DCORE_TEST_SDK='"$(abs_top_srcdir)/sdk/include"' \
	-DCORE_TEST_BUILD='"$(abs_top_builddir)"'
CORE_TEST_FIXTURE = tests/unit/core_fixture.c tests/unit/core_fixture.h
CORE_TEST_LIBS = vmm/libcore.la $(CHECK_LIBS)
if HAVE_CHECK
check_PROGRAMS += tests/unit/core_event
TESTS += tests/unit/core_event
tests_unit_core_event_SOURCES = tests/unit/core_event.c $(CORE_TEST_FIXTURE)
tests_unit_core_event_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_event_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_state
TESTS += tests/unit/core_state
tests_unit_core_state_SOURCES = tests/unit/core_state.c $(CORE_TEST_FIXTURE)
tests_unit_core_state_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_state_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_config
TESTS += tests/unit/core_config
tests_unit_core_config_SOURCES = tests/unit/core_config.c $(CORE_TEST_FIXTURE)
tests_unit_core_config_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_config_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_memory
TESTS += tests/unit/core_memory
tests_unit_core_memory_SOURCES = tests/unit/core_memory.c $(CORE_TEST_FIXTURE)
tests_unit_core_memory_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_memory_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_io
TESTS += tests/unit/core_io
tests_unit_core_io_SOURCES = tests/unit/core_io.c $(CORE_TEST_FIXTURE)
tests_unit_core_io_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_io_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_irq
TESTS += tests/unit/core_irq
tests_unit_core_irq_SOURCES = tests/unit/core_irq.c $(CORE_TEST_FIXTURE)
tests_unit_core_irq_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_irq_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_plugin
TESTS += tests/unit/core_plugin
tests_unit_core_plugin_SOURCES = tests/unit/core_plugin.c tests/unit/core_acme.h $(CORE_TEST_FIXTURE)
tests_unit_core_plugin_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_plugin_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_machine
TESTS += tests/unit/core_machine
tests_unit_core_machine_SOURCES = tests/unit/core_machine.c tests/unit/core_rom.h $(CORE_TEST_FIXTURE)
tests_unit_core_machine_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_machine_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/command_call
TESTS += tests/unit/command_call
tests_unit_command_call_SOURCES = tests/unit/command_call.c vmm/command/call.c vmm/command/command.h \
	vmm/command/remote.c $(CORE_TEST_FIXTURE)
tests_unit_command_call_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_command_call_LDADD = $(CORE_TEST_LIBS)
check_PROGRAMS += tests/unit/core_control
TESTS += tests/unit/core_control
tests_unit_core_control_SOURCES = tests/unit/core_control.c $(CORE_TEST_FIXTURE)
tests_unit_core_control_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
tests_unit_core_control_LDADD = $(CORE_TEST_LIBS)
endif
