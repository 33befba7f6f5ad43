# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# make check runs the quick tests; scripts/test runs the guests too.
AM_TESTS_ENVIRONMENT = VMM_BUILD='$(abs_top_builddir)'; VMM_SOURCE='$(abs_top_srcdir)'; CC='$(CC)'; \
	export VMM_BUILD VMM_SOURCE CC;
LOG_COMPILER = $(top_builddir)/vmm-build --program
UNIT_CPPFLAGS = $(CORE_CPPFLAGS) $(CHECK_CFLAGS)
UNIT_LIBS = vmm/libcore.la $(CHECK_LIBS)

# The CPU against the host's own.
check_PROGRAMS += tests/cpu/oracle
tests_cpu_oracle_SOURCES = \
	tests/cpu/case.c tests/cpu/case.h tests/cpu/compare.c tests/cpu/engine.c tests/cpu/generate.c \
	tests/cpu/generate_decode.c tests/cpu/native.c tests/cpu/oracle.c tests/cpu/random.h tests/cpu/rows.c \
	tests/cpu/rows.h
tests_cpu_oracle_CPPFLAGS = $(CORE_CPPFLAGS)
tests_cpu_oracle_LDADD = vmm/libcore.la
TESTS += tests/cpu/oracle.test
dist_check_SCRIPTS += tests/cpu/oracle.test

check_PROGRAMS += tests/unit/cpu_speed
tests_unit_cpu_speed_SOURCES = tests/unit/cpu_speed.c tests/unit/cpu_fixture.c tests/unit/cpu_fixture.h
tests_unit_cpu_speed_CPPFLAGS = $(CORE_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_cpu_speed_LDADD = $(UNIT_LIBS)

if HAVE_CHECK
unit_cpu = tests/unit/cpu_real tests/unit/cpu_protected tests/unit/cpu_paging tests/unit/cpu_task \
	tests/unit/cpu_debug tests/unit/cpu_interrupt tests/unit/fpu_test tests/unit/apic_test tests/unit/model_test
check_PROGRAMS += $(unit_cpu)
TESTS += $(unit_cpu)
CPU_FIXTURE = tests/unit/cpu_fixture.c tests/unit/cpu_fixture.h
tests_unit_cpu_real_SOURCES = tests/unit/cpu_real.c $(CPU_FIXTURE)
tests_unit_cpu_real_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_real_LDADD = $(UNIT_LIBS)
tests_unit_cpu_protected_SOURCES = tests/unit/cpu_protected.c $(CPU_FIXTURE)
tests_unit_cpu_protected_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_protected_LDADD = $(UNIT_LIBS)
tests_unit_cpu_paging_SOURCES = tests/unit/cpu_paging.c $(CPU_FIXTURE)
tests_unit_cpu_paging_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_paging_LDADD = $(UNIT_LIBS)
tests_unit_cpu_task_SOURCES = tests/unit/cpu_task.c $(CPU_FIXTURE)
tests_unit_cpu_task_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_task_LDADD = $(UNIT_LIBS)
tests_unit_cpu_debug_SOURCES = tests/unit/cpu_debug.c $(CPU_FIXTURE)
tests_unit_cpu_debug_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_debug_LDADD = $(UNIT_LIBS)
tests_unit_cpu_interrupt_SOURCES = tests/unit/cpu_interrupt.c $(CPU_FIXTURE)
tests_unit_cpu_interrupt_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_interrupt_LDADD = $(UNIT_LIBS)
tests_unit_fpu_test_SOURCES = tests/unit/fpu_test.c $(CPU_FIXTURE)
tests_unit_fpu_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_fpu_test_LDADD = $(UNIT_LIBS)
tests_unit_apic_test_SOURCES = tests/unit/apic_test.c
tests_unit_apic_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_apic_test_LDADD = $(UNIT_LIBS)
tests_unit_model_test_SOURCES = tests/unit/model_test.c
tests_unit_model_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_model_test_LDADD = $(UNIT_LIBS)

# Plugins, against a fake host; they are loaded as files, as the core would.
unit_plugin = \
	tests/unit/plugin_pic \
	tests/unit/plugin_pit \
	tests/unit/plugin_serial \
	tests/unit/plugin_chipset \
	tests/unit/plugin_firmware \
	tests/unit/plugin_ioapic \
	tests/unit/plugin_rtc \
	tests/unit/plugin_ps2 \
	tests/unit/plugin_small \
	tests/unit/plugin_chars \
	tests/unit/plugin_debug_exit
check_PROGRAMS += $(unit_plugin)
TESTS += $(unit_plugin)
PLUGIN_TEST_CPPFLAGS = $(PLUGIN_CPPFLAGS) -iquote $(top_srcdir)/sdk/check $(CHECK_CFLAGS)
PLUGIN_TEST_LIBS = sdk/check/libfake.la sdk/kit/libvmm-kit.la $(CHECK_LIBS)
tests_unit_plugin_pic_SOURCES = tests/unit/plugin_pic.c tests/unit/plugin_test.h
tests_unit_plugin_pic_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_pic_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_pit_SOURCES = tests/unit/plugin_pit.c tests/unit/plugin_test.h
tests_unit_plugin_pit_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_pit_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_serial_SOURCES = tests/unit/plugin_serial.c tests/unit/plugin_test.h
tests_unit_plugin_serial_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_serial_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_chipset_SOURCES = tests/unit/plugin_chipset.c tests/unit/plugin_test.h
tests_unit_plugin_chipset_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_chipset_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_firmware_SOURCES = tests/unit/plugin_firmware.c tests/unit/plugin_test.h
tests_unit_plugin_firmware_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_firmware_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ioapic_SOURCES = tests/unit/plugin_ioapic.c tests/unit/plugin_test.h
tests_unit_plugin_ioapic_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ioapic_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_rtc_SOURCES = tests/unit/plugin_rtc.c tests/unit/plugin_test.h
tests_unit_plugin_rtc_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_rtc_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ps2_SOURCES = tests/unit/plugin_ps2.c tests/unit/plugin_test.h
tests_unit_plugin_ps2_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ps2_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_small_SOURCES = tests/unit/plugin_small.c tests/unit/plugin_test.h
tests_unit_plugin_small_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_small_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_chars_SOURCES = tests/unit/plugin_chars.c tests/unit/plugin_test.h
tests_unit_plugin_chars_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_chars_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_debug_exit_SOURCES = tests/unit/plugin_debug_exit.c tests/unit/plugin_test.h
tests_unit_plugin_debug_exit_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_debug_exit_LDADD = $(PLUGIN_TEST_LIBS)
endif

guest_tests = tests/guest/guest.py tests/guest/linux.py tests/guest/machine.py tests/guest/bad_input.py tests/soak/linux.py tests/bench/run tests/bench/rom.py
EXTRA_DIST += $(guest_tests)
