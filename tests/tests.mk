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
	tests/cpu/generate.h tests/cpu/generate_address.c tests/cpu/generate_decode.c tests/cpu/generate_far.c \
	tests/cpu/generate_long.c tests/cpu/generate_long.h tests/cpu/generate_vector.c tests/cpu/native.c \
	tests/cpu/native.h tests/cpu/native_stub.c tests/cpu/native_vector.c tests/cpu/native_vector.h \
	tests/cpu/oracle.c tests/cpu/random.h tests/cpu/rows.c tests/cpu/rows.h tests/cpu/rows_vector.h \
	tests/cpu/vendor.c tests/cpu/vendor.h
tests_cpu_oracle_CPPFLAGS = $(CORE_CPPFLAGS)
tests_cpu_oracle_LDADD = vmm/libcore.la
TESTS += tests/cpu/oracle.test tests/cpu/registers.test
dist_check_SCRIPTS += tests/cpu/oracle.test tests/cpu/registers.test

check_PROGRAMS += tests/unit/cpu_speed
tests_unit_cpu_speed_SOURCES = tests/unit/cpu_speed.c tests/unit/cpu_fixture.c tests/unit/cpu_fixture.h
tests_unit_cpu_speed_CPPFLAGS = $(CORE_CPPFLAGS) $(CHECK_CFLAGS)
tests_unit_cpu_speed_LDADD = $(UNIT_LIBS)

if HAVE_CHECK
unit_cpu = tests/unit/cpu_real tests/unit/cpu_protected tests/unit/cpu_paging tests/unit/cpu_task \
	tests/unit/cpu_long tests/unit/cpu_long_transfer \
	tests/unit/cpu_debug tests/unit/cpu_interrupt tests/unit/cpu_smm tests/unit/cpu_smi \
	tests/unit/cpu_smm_long tests/unit/cpu_ferr tests/unit/translate_refill tests/unit/translate_statistics \
	tests/unit/translate_lockstep \
	tests/unit/translate_loops \
	tests/unit/cpu_sample tests/unit/command_symbols tests/unit/fpu_test tests/unit/vector_test tests/unit/apic_test \
	tests/unit/model_test \
	tests/unit/cpu_debugger tests/unit/cpu_msr tests/unit/cpu_far tests/unit/cpu_descriptor \
	tests/unit/cpu_tss tests/unit/cpu_privilege tests/unit/cpu_flag tests/unit/cpu_exception \
	tests/unit/cpu_fetch tests/unit/cpu_vex_state tests/unit/cpu_restart
check_PROGRAMS += $(unit_cpu)
TESTS += $(unit_cpu)
CPU_FIXTURE = tests/unit/cpu_fixture.c tests/unit/cpu_fixture.h
CPU_MODES = tests/unit/cpu_modes.c tests/unit/cpu_modes.h $(CPU_FIXTURE)
tests_unit_cpu_real_SOURCES = tests/unit/cpu_real.c $(CPU_FIXTURE)
tests_unit_cpu_real_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_real_LDADD = $(UNIT_LIBS)
tests_unit_cpu_protected_SOURCES = tests/unit/cpu_protected.c $(CPU_FIXTURE)
tests_unit_cpu_protected_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_protected_LDADD = $(UNIT_LIBS)
tests_unit_cpu_long_SOURCES = tests/unit/cpu_long.c $(CPU_FIXTURE)
tests_unit_cpu_long_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_long_LDADD = $(UNIT_LIBS)
tests_unit_cpu_long_transfer_SOURCES = tests/unit/cpu_long_transfer.c $(CPU_FIXTURE)
tests_unit_cpu_long_transfer_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_long_transfer_LDADD = $(UNIT_LIBS)
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
tests_unit_translate_statistics_SOURCES = tests/unit/translate_statistics.c $(CPU_FIXTURE)
tests_unit_translate_statistics_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_translate_statistics_LDADD = $(UNIT_LIBS)
tests_unit_cpu_sample_SOURCES = tests/unit/cpu_sample.c $(CPU_FIXTURE)
tests_unit_cpu_sample_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_sample_LDADD = $(UNIT_LIBS)
tests_unit_command_symbols_SOURCES = tests/unit/command_symbols.c vmm/command/symbols.c vmm/command/symbols.h
tests_unit_command_symbols_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_command_symbols_LDADD = $(UNIT_LIBS)
tests_unit_translate_refill_SOURCES = tests/unit/translate_refill.c $(CPU_FIXTURE)
tests_unit_translate_refill_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_translate_refill_LDADD = $(UNIT_LIBS)
tests_unit_translate_loops_SOURCES = tests/unit/translate_loops.c $(CPU_FIXTURE)
tests_unit_translate_loops_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_translate_loops_LDADD = $(UNIT_LIBS)
tests_unit_translate_lockstep_SOURCES = tests/unit/translate_lockstep.c $(CPU_FIXTURE)
tests_unit_translate_lockstep_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_translate_lockstep_LDADD = $(UNIT_LIBS)
tests_unit_cpu_ferr_SOURCES = tests/unit/cpu_ferr.c $(CPU_FIXTURE)
tests_unit_cpu_ferr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_ferr_LDADD = $(UNIT_LIBS)
tests_unit_cpu_smi_SOURCES = tests/unit/cpu_smi.c $(CPU_FIXTURE)
tests_unit_cpu_smi_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_smi_LDADD = $(UNIT_LIBS)
tests_unit_cpu_smm_SOURCES = tests/unit/cpu_smm.c $(CPU_FIXTURE)
tests_unit_cpu_smm_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_smm_LDADD = $(UNIT_LIBS)
tests_unit_cpu_smm_long_SOURCES = tests/unit/cpu_smm_long.c $(CPU_FIXTURE)
tests_unit_cpu_smm_long_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_smm_long_LDADD = $(UNIT_LIBS)
tests_unit_cpu_debugger_SOURCES = tests/unit/cpu_debugger.c $(CPU_FIXTURE)
tests_unit_cpu_debugger_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_debugger_LDADD = $(UNIT_LIBS)
tests_unit_cpu_msr_SOURCES = tests/unit/cpu_msr.c $(CPU_FIXTURE)
tests_unit_cpu_msr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_msr_LDADD = $(UNIT_LIBS)
tests_unit_cpu_far_SOURCES = tests/unit/cpu_far.c $(CPU_FIXTURE)
tests_unit_cpu_far_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_far_LDADD = $(UNIT_LIBS)
tests_unit_cpu_descriptor_SOURCES = tests/unit/cpu_descriptor.c $(CPU_FIXTURE)
tests_unit_cpu_descriptor_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_descriptor_LDADD = $(UNIT_LIBS)
tests_unit_cpu_tss_SOURCES = tests/unit/cpu_tss.c $(CPU_FIXTURE)
tests_unit_cpu_tss_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_tss_LDADD = $(UNIT_LIBS)
tests_unit_cpu_privilege_SOURCES = tests/unit/cpu_privilege.c $(CPU_MODES)
tests_unit_cpu_privilege_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_privilege_LDADD = $(UNIT_LIBS)
tests_unit_cpu_flag_SOURCES = tests/unit/cpu_flag.c $(CPU_MODES)
tests_unit_cpu_flag_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_flag_LDADD = $(UNIT_LIBS)
tests_unit_cpu_exception_SOURCES = tests/unit/cpu_exception.c $(CPU_FIXTURE)
tests_unit_cpu_exception_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_exception_LDADD = $(UNIT_LIBS)
tests_unit_cpu_fetch_SOURCES = tests/unit/cpu_fetch.c $(CPU_FIXTURE)
tests_unit_cpu_fetch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_fetch_LDADD = $(UNIT_LIBS)
tests_unit_cpu_vex_state_SOURCES = tests/unit/cpu_vex_state.c $(CPU_FIXTURE)
tests_unit_cpu_vex_state_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_vex_state_LDADD = $(UNIT_LIBS)
tests_unit_cpu_restart_SOURCES = tests/unit/cpu_restart.c $(CPU_FIXTURE)
tests_unit_cpu_restart_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_cpu_restart_LDADD = $(UNIT_LIBS)
tests_unit_fpu_test_SOURCES = tests/unit/fpu_test.c $(CPU_FIXTURE)
tests_unit_fpu_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_fpu_test_LDADD = $(UNIT_LIBS)
tests_unit_vector_test_SOURCES = tests/unit/vector_test.c $(CPU_FIXTURE)
tests_unit_vector_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_vector_test_LDADD = $(UNIT_LIBS)
tests_unit_apic_test_SOURCES = tests/unit/apic_test.c
tests_unit_apic_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_apic_test_LDADD = $(UNIT_LIBS)
tests_unit_model_test_SOURCES = tests/unit/model_test.c
tests_unit_model_test_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_model_test_LDADD = $(UNIT_LIBS)

# Plugins, against a fake host; they are loaded as files, as the core would.
unit_plugin = \
	tests/unit/net_frame \
	tests/unit/plugin_net_dump \
	tests/unit/plugin_net_segment \
	tests/unit/plugin_net_shape \
	tests/unit/plugin_pic \
	tests/unit/plugin_pit \
	tests/unit/plugin_serial \
	tests/unit/plugin_chipset \
	tests/unit/plugin_pam \
	tests/unit/plugin_firmware \
	tests/unit/plugin_ide \
	tests/unit/plugin_ide_cd \
	tests/unit/plugin_ide_disk \
	tests/unit/plugin_ioapic \
	tests/unit/plugin_rtc \
	tests/unit/plugin_ps2 \
	tests/unit/plugin_hpet \
	tests/unit/plugin_parallel \
	tests/unit/plugin_speaker \
	tests/unit/plugin_vga \
	tests/unit/plugin_vga_modes \
	tests/unit/plugin_small \
	tests/unit/plugin_chars \
	tests/unit/plugin_debug_exit \
	tests/unit/plugin_debug_gdb \
	tests/unit/plugin_storage_raw \
	tests/unit/plugin_dma \
	tests/unit/plugin_floppy \
	tests/unit/plugin_floppy_disk \
	tests/unit/net_card \
	tests/unit/plugin_e1000 \
	tests/unit/plugin_e1000_send \
	tests/unit/plugin_pcnet \
	tests/unit/plugin_ne2000 \
	tests/unit/plugin_virtio_net
if PLUGIN_NET_NAT
unit_plugin += tests/unit/plugin_net_nat tests/unit/plugin_net_nat_flow
endif
check_PROGRAMS += $(unit_plugin)
TESTS += $(unit_plugin)
PLUGIN_TEST_CPPFLAGS = $(PLUGIN_CPPFLAGS) -iquote $(top_srcdir)/sdk/check $(CHECK_CFLAGS)
PLUGIN_TEST_LIBS = sdk/check/libfake.la sdk/kit/libvmm-kit.la $(CHECK_LIBS)
tests_unit_net_frame_SOURCES = tests/unit/net_frame.c tests/unit/plugin_test.h
tests_unit_net_frame_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_net_frame_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_net_dump_SOURCES = tests/unit/plugin_net_dump.c tests/unit/net_guest.h tests/unit/net_peer.h \
	tests/unit/plugin_test.h
tests_unit_plugin_net_dump_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_net_dump_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_net_shape_SOURCES = tests/unit/plugin_net_shape.c tests/unit/net_guest.h tests/unit/net_peer.h \
	tests/unit/plugin_test.h
tests_unit_plugin_net_shape_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_net_shape_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_net_segment_SOURCES = tests/unit/plugin_net_segment.c tests/unit/net_guest.h \
	tests/unit/plugin_test.h
tests_unit_plugin_net_segment_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_net_segment_LDADD = $(PLUGIN_TEST_LIBS)
NAT_FIXTURE = tests/unit/nat_fixture.h tests/unit/net_guest.h tests/unit/net_tcp.h tests/unit/plugin_test.h
tests_unit_plugin_net_nat_flow_SOURCES = tests/unit/plugin_net_nat_flow.c $(NAT_FIXTURE)
tests_unit_plugin_net_nat_flow_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_net_nat_flow_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_net_nat_SOURCES = tests/unit/plugin_net_nat.c $(NAT_FIXTURE)
tests_unit_plugin_net_nat_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_net_nat_LDADD = $(PLUGIN_TEST_LIBS)
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
tests_unit_plugin_pam_SOURCES = tests/unit/plugin_pam.c tests/unit/plugin_test.h
tests_unit_plugin_pam_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_pam_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_firmware_SOURCES = tests/unit/plugin_firmware.c tests/unit/plugin_test.h
tests_unit_plugin_firmware_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_firmware_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ide_SOURCES = tests/unit/plugin_ide.c tests/unit/ide_bench.h tests/unit/plugin_test.h
tests_unit_plugin_ide_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ide_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ide_cd_SOURCES = tests/unit/plugin_ide_cd.c tests/unit/ide_bench.h tests/unit/plugin_test.h
tests_unit_plugin_ide_cd_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ide_cd_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ide_disk_SOURCES = tests/unit/plugin_ide_disk.c tests/unit/ide_bench.h tests/unit/plugin_test.h
tests_unit_plugin_ide_disk_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ide_disk_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_virtio_net_SOURCES = tests/unit/plugin_virtio_net.c tests/unit/net_peer.h tests/unit/pci_bench.h \
	tests/unit/plugin_test.h tests/unit/virtio_driver.h
tests_unit_plugin_virtio_net_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_virtio_net_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_e1000_send_SOURCES = tests/unit/plugin_e1000_send.c tests/unit/e1000_bench.h tests/unit/net_bench.h tests/unit/pci_bench.h \
	tests/unit/net_peer.h tests/unit/plugin_test.h plugins/e1000/e1000.h
tests_unit_plugin_e1000_send_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_e1000_send_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_e1000_SOURCES = tests/unit/plugin_e1000.c tests/unit/e1000_bench.h tests/unit/net_bench.h tests/unit/pci_bench.h tests/unit/net_peer.h \
	tests/unit/plugin_test.h plugins/e1000/e1000.h
tests_unit_plugin_e1000_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_e1000_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_pcnet_SOURCES = tests/unit/plugin_pcnet.c tests/unit/net_bench.h tests/unit/pci_bench.h tests/unit/net_peer.h \
	tests/unit/plugin_test.h plugins/pcnet/pcnet.h
tests_unit_plugin_pcnet_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_pcnet_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ne2000_SOURCES = tests/unit/plugin_ne2000.c tests/unit/net_bench.h tests/unit/pci_bench.h tests/unit/net_peer.h \
	tests/unit/plugin_test.h
tests_unit_plugin_ne2000_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ne2000_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_net_card_SOURCES = tests/unit/net_card.c tests/unit/net_peer.h tests/unit/plugin_test.h
tests_unit_net_card_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_net_card_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ioapic_SOURCES = tests/unit/plugin_ioapic.c tests/unit/plugin_test.h
tests_unit_plugin_ioapic_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ioapic_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_rtc_SOURCES = tests/unit/plugin_rtc.c tests/unit/plugin_test.h
tests_unit_plugin_rtc_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_rtc_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_ps2_SOURCES = tests/unit/plugin_ps2.c tests/unit/plugin_test.h
tests_unit_plugin_ps2_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_ps2_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_hpet_SOURCES = tests/unit/plugin_hpet.c tests/unit/plugin_test.h
tests_unit_plugin_hpet_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_hpet_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_parallel_SOURCES = tests/unit/plugin_parallel.c tests/unit/plugin_test.h
tests_unit_plugin_parallel_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_parallel_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_speaker_SOURCES = tests/unit/plugin_speaker.c tests/unit/plugin_test.h
tests_unit_plugin_speaker_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_speaker_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_vga_SOURCES = tests/unit/plugin_vga.c tests/unit/plugin_test.h tests/unit/vga_fixture.h
tests_unit_plugin_vga_modes_SOURCES = tests/unit/plugin_vga_modes.c tests/unit/plugin_test.h tests/unit/vga_fixture.h
tests_unit_plugin_vga_modes_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_vga_modes_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_vga_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_vga_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_small_SOURCES = tests/unit/plugin_small.c tests/unit/plugin_test.h
tests_unit_plugin_small_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_small_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_chars_SOURCES = tests/unit/plugin_chars.c tests/unit/plugin_test.h
tests_unit_plugin_chars_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_chars_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_debug_exit_SOURCES = tests/unit/plugin_debug_exit.c tests/unit/plugin_test.h
tests_unit_plugin_debug_exit_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_debug_exit_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_debug_gdb_SOURCES = tests/unit/plugin_debug_gdb.c tests/unit/plugin_test.h
tests_unit_plugin_debug_gdb_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_debug_gdb_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_storage_raw_SOURCES = tests/unit/plugin_storage_raw.c tests/unit/plugin_test.h
tests_unit_plugin_storage_raw_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_storage_raw_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_dma_SOURCES = tests/unit/plugin_dma.c tests/unit/plugin_test.h
tests_unit_plugin_dma_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_dma_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_floppy_SOURCES = tests/unit/plugin_floppy.c tests/unit/plugin_test.h
tests_unit_plugin_floppy_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_floppy_LDADD = $(PLUGIN_TEST_LIBS)
tests_unit_plugin_floppy_disk_SOURCES = tests/unit/plugin_floppy_disk.c tests/unit/plugin_test.h
tests_unit_plugin_floppy_disk_CPPFLAGS = $(PLUGIN_TEST_CPPFLAGS)
tests_unit_plugin_floppy_disk_LDADD = $(PLUGIN_TEST_LIBS)
endif

guest_tests = tests/guest/amd64.py tests/guest/bad_input.py tests/guest/boot.py tests/guest/device.py tests/guest/floppy.py tests/guest/gdb.py tests/guest/guest.py tests/guest/hazard.py \
	tests/guest/disks.py tests/guest/ide.py tests/guest/linux.py tests/guest/lockstep.py tests/guest/machine.py tests/guest/media.py tests/guest/native.py tests/guest/net_modes.py tests/guest/net.py tests/guest/profile.py \
	tests/soak/run tests/soak/calculate.py tests/soak/sqlite.sql tests/soak/work.sh \
	tests/bench/run tests/bench/chart.py tests/bench/compute.py tests/bench/cpu.py \
	tests/bench/debian.py tests/bench/debian.sh tests/bench/lateness.S tests/bench/pc.py \
	tests/bench/report.py tests/bench/rom.py tests/bench/programs/bench.h tests/bench/programs/bytecode.c tests/bench/programs/chase.c tests/bench/programs/crc.c tests/bench/programs/dd.c tests/bench/programs/fork.c tests/bench/programs/getppid.c tests/bench/programs/integer.c tests/bench/programs/lz.c tests/bench/programs/main.c tests/bench/programs/matmul.c tests/bench/programs/mmap.c tests/bench/programs/page_faults.c tests/bench/programs/pipe.c tests/bench/programs/qsort.c tests/bench/programs/recursion.c tests/bench/programs/serve.c tests/bench/programs/sha256.c tests/bench/programs/sieve.c tests/bench/programs/strings.c
guest_devices = tests/guest/hazard/avx.S tests/guest/hazard/catch.inc tests/guest/hazard/checksum.S tests/guest/hazard/cross.S tests/guest/hazard/debug.S tests/guest/hazard/dma_code.S tests/guest/hazard/evict.S tests/guest/hazard/flags.S tests/guest/hazard/kernel.S tests/guest/hazard/long.S tests/guest/hazard/long.inc tests/guest/hazard/mmx.S tests/guest/hazard/paging.inc tests/guest/hazard/privilege.S tests/guest/hazard/real.S tests/guest/hazard/remap.S tests/guest/hazard/segment.S tests/guest/hazard/self_modify.S tests/guest/hazard/share.S tests/guest/hazard/share.inc tests/guest/hazard/share_long.S tests/guest/hazard/sse.S tests/guest/hazard/string.S tests/guest/hazard/task.S \
	tests/guest/device/bios_call.inc tests/guest/device/common.inc tests/guest/device/ide_cd.inc \
	tests/guest/device/bios.S tests/guest/device/boot.S \
	tests/guest/device/dma.S tests/guest/device/floppy.S tests/guest/device/ide.S tests/guest/device/interrupt.S \
	tests/guest/device/keyboard.S tests/guest/device/parallel.S tests/guest/device/power.S tests/guest/device/reset.S \
	tests/guest/device/serial.S tests/guest/device/sleep.S tests/guest/device/tables.S tests/guest/device/timer.S \
	tests/guest/device/video.S
EXTRA_DIST += tests/coverage.sh $(guest_tests) $(guest_devices)
