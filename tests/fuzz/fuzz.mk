# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# libFuzzer targets: ./configure CC=clang --enable-sanitizers --enable-fuzzers (docs/fuzzing.md)
EXTRA_DIST += tests/fuzz/run tests/fuzz/corpus
if FUZZERS
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer -rdynamic -no-install

# The bench and the fake host, of which no coverage is wanted: it is the plugin that is to be explored.
check_LTLIBRARIES += tests/fuzz/libbench.la
tests_fuzz_libbench_la_SOURCES = $(sdk_check_libfake_la_SOURCES) \
	tests/fuzz/act.c tests/fuzz/bench.c tests/fuzz/bench.h tests/fuzz/device.c tests/fuzz/world.c \
	tests/fuzz/world.h
# Small disks, which are made quickly and have a diskette's size.
tests_fuzz_libbench_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) -iquote $(top_srcdir)/sdk/check -DPEER_DISK='UINT64_C(163840)'
tests_fuzz_libbench_la_CFLAGS = $(AM_CFLAGS) -fno-sanitize=fuzzer-no-link

# One for each device.
FUZZ_DEVICE_CPPFLAGS = -DFUZZ_BUILD='"$(abs_top_builddir)"'
check_PROGRAMS += tests/fuzz/char-file
tests_fuzz_char_file_SOURCES = tests/fuzz/plugin.c
tests_fuzz_char_file_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"char-file"'
tests_fuzz_char_file_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_char_file_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/char-pty
tests_fuzz_char_pty_SOURCES = tests/fuzz/plugin.c
tests_fuzz_char_pty_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"char-pty"'
tests_fuzz_char_pty_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_char_pty_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/char-socket
tests_fuzz_char_socket_SOURCES = tests/fuzz/plugin.c
tests_fuzz_char_socket_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"char-socket"'
tests_fuzz_char_socket_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_char_socket_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/chipset-i440
tests_fuzz_chipset_i440_SOURCES = tests/fuzz/plugin.c
tests_fuzz_chipset_i440_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"chipset-i440"'
tests_fuzz_chipset_i440_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_chipset_i440_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/debug-exit
tests_fuzz_debug_exit_SOURCES = tests/fuzz/plugin.c
tests_fuzz_debug_exit_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"debug-exit"'
tests_fuzz_debug_exit_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_debug_exit_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/debug-gdb
tests_fuzz_debug_gdb_SOURCES = tests/fuzz/plugin.c
tests_fuzz_debug_gdb_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"debug-gdb"'
tests_fuzz_debug_gdb_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_debug_gdb_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/dma-8237
tests_fuzz_dma_8237_SOURCES = tests/fuzz/plugin.c
tests_fuzz_dma_8237_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"dma-8237"'
tests_fuzz_dma_8237_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_dma_8237_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/e1000
tests_fuzz_e1000_SOURCES = tests/fuzz/plugin.c
tests_fuzz_e1000_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"e1000"'
tests_fuzz_e1000_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_e1000_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/firmware-bios
tests_fuzz_firmware_bios_SOURCES = tests/fuzz/plugin.c
tests_fuzz_firmware_bios_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"firmware-bios"'
tests_fuzz_firmware_bios_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_firmware_bios_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/floppy-82077
tests_fuzz_floppy_82077_SOURCES = tests/fuzz/plugin.c
tests_fuzz_floppy_82077_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"floppy-82077"'
tests_fuzz_floppy_82077_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_floppy_82077_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/floppy-disk
tests_fuzz_floppy_disk_SOURCES = tests/fuzz/plugin.c
tests_fuzz_floppy_disk_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"floppy-disk"'
tests_fuzz_floppy_disk_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_floppy_disk_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/hpet
tests_fuzz_hpet_SOURCES = tests/fuzz/plugin.c
tests_fuzz_hpet_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"hpet"'
tests_fuzz_hpet_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_hpet_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/ide-cd
tests_fuzz_ide_cd_SOURCES = tests/fuzz/plugin.c
tests_fuzz_ide_cd_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"ide-cd"'
tests_fuzz_ide_cd_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ide_cd_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/ide-disk
tests_fuzz_ide_disk_SOURCES = tests/fuzz/plugin.c
tests_fuzz_ide_disk_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"ide-disk"'
tests_fuzz_ide_disk_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ide_disk_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/ide-piix
tests_fuzz_ide_piix_SOURCES = tests/fuzz/plugin.c
tests_fuzz_ide_piix_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"ide-piix"'
tests_fuzz_ide_piix_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ide_piix_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/ioapic-82093
tests_fuzz_ioapic_82093_SOURCES = tests/fuzz/plugin.c
tests_fuzz_ioapic_82093_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"ioapic-82093"'
tests_fuzz_ioapic_82093_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ioapic_82093_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/ne2000
tests_fuzz_ne2000_SOURCES = tests/fuzz/plugin.c
tests_fuzz_ne2000_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"ne2000"'
tests_fuzz_ne2000_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ne2000_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/net-dump
tests_fuzz_net_dump_SOURCES = tests/fuzz/plugin.c
tests_fuzz_net_dump_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"net-dump"'
tests_fuzz_net_dump_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_net_dump_LDADD = tests/fuzz/libbench.la
if PLUGIN_NET_NAT
check_PROGRAMS += tests/fuzz/net-nat
tests_fuzz_net_nat_SOURCES = tests/fuzz/plugin.c
tests_fuzz_net_nat_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"net-nat"'
tests_fuzz_net_nat_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_net_nat_LDADD = tests/fuzz/libbench.la
endif
check_PROGRAMS += tests/fuzz/net-segment
tests_fuzz_net_segment_SOURCES = tests/fuzz/plugin.c
tests_fuzz_net_segment_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"net-segment"'
tests_fuzz_net_segment_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_net_segment_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/net-shape
tests_fuzz_net_shape_SOURCES = tests/fuzz/plugin.c
tests_fuzz_net_shape_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"net-shape"'
tests_fuzz_net_shape_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_net_shape_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/parallel
tests_fuzz_parallel_SOURCES = tests/fuzz/plugin.c
tests_fuzz_parallel_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"parallel"'
tests_fuzz_parallel_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_parallel_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/pcnet
tests_fuzz_pcnet_SOURCES = tests/fuzz/plugin.c
tests_fuzz_pcnet_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"pcnet"'
tests_fuzz_pcnet_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pcnet_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/pic-8259
tests_fuzz_pic_8259_SOURCES = tests/fuzz/plugin.c
tests_fuzz_pic_8259_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"pic-8259"'
tests_fuzz_pic_8259_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pic_8259_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/pit-8254
tests_fuzz_pit_8254_SOURCES = tests/fuzz/plugin.c
tests_fuzz_pit_8254_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"pit-8254"'
tests_fuzz_pit_8254_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_pit_8254_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/ps2-8042
tests_fuzz_ps2_8042_SOURCES = tests/fuzz/plugin.c
tests_fuzz_ps2_8042_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"ps2-8042"'
tests_fuzz_ps2_8042_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_ps2_8042_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/rtc-mc146818
tests_fuzz_rtc_mc146818_SOURCES = tests/fuzz/plugin.c
tests_fuzz_rtc_mc146818_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"rtc-mc146818"'
tests_fuzz_rtc_mc146818_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_rtc_mc146818_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/serial-16550
tests_fuzz_serial_16550_SOURCES = tests/fuzz/plugin.c
tests_fuzz_serial_16550_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"serial-16550"'
tests_fuzz_serial_16550_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_serial_16550_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/speaker
tests_fuzz_speaker_SOURCES = tests/fuzz/plugin.c
tests_fuzz_speaker_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"speaker"'
tests_fuzz_speaker_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_speaker_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/storage-raw
tests_fuzz_storage_raw_SOURCES = tests/fuzz/plugin.c
tests_fuzz_storage_raw_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"storage-raw"'
tests_fuzz_storage_raw_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_storage_raw_LDADD = tests/fuzz/libbench.la
check_PROGRAMS += tests/fuzz/vga
tests_fuzz_vga_SOURCES = tests/fuzz/plugin.c
tests_fuzz_vga_CPPFLAGS = $(FUZZ_DEVICE_CPPFLAGS) -DFUZZ_PLUGIN='"vga"'
tests_fuzz_vga_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_vga_LDADD = tests/fuzz/libbench.la
# What the firmware is given to start.
check_PROGRAMS += tests/fuzz/kernel
tests_fuzz_kernel_SOURCES = tests/fuzz/plugin.c tests/fuzz/kernel.c
tests_fuzz_kernel_CPPFLAGS = $(PLUGIN_CPPFLAGS) -iquote $(top_srcdir)/sdk/check $(FUZZ_DEVICE_CPPFLAGS) \
	-DFUZZ_PLUGIN='"kernel"'
tests_fuzz_kernel_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_kernel_LDADD = tests/fuzz/libbench.la

# The block kit's own files; the formats' targets are in their own fragments.
check_PROGRAMS += tests/fuzz/storage-delta tests/fuzz/track
tests_fuzz_storage_delta_SOURCES = tests/fuzz/image.c tests/fuzz/image.h tests/fuzz/image_delta.c tests/fuzz/input.h
tests_fuzz_storage_delta_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir) -DFUZZ_FORMAT=vmm_block_delta
tests_fuzz_storage_delta_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_storage_delta_LDADD = sdk/block/libvmm-block.la
tests_fuzz_track_SOURCES = tests/fuzz/track.c tests/fuzz/input.h
tests_fuzz_track_CPPFLAGS = $(PLUGIN_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_track_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_track_LDADD = sdk/block/libvmm-block.la

# The core's, and what plugins read that comes from elsewhere.
check_PROGRAMS += tests/fuzz/config
tests_fuzz_config_SOURCES = tests/fuzz/config.c tests/fuzz/input.h
tests_fuzz_config_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_config_LDADD = vmm/libcore.la
check_PROGRAMS += tests/fuzz/state
tests_fuzz_state_SOURCES = tests/fuzz/state.c tests/fuzz/input.h tests/fuzz/stream.c tests/fuzz/stream.h
tests_fuzz_state_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_state_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_state_LDADD = vmm/libcore.la
check_PROGRAMS += tests/fuzz/control
tests_fuzz_control_SOURCES = tests/fuzz/control.c tests/fuzz/input.h
tests_fuzz_control_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_control_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_control_LDADD = vmm/libcore.la
check_PROGRAMS += tests/fuzz/machine
tests_fuzz_machine_SOURCES = tests/fuzz/machine.c tests/fuzz/input.h tests/fuzz/stream.c tests/fuzz/stream.h
tests_fuzz_machine_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_machine_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_machine_LDADD = vmm/libcore.la
check_PROGRAMS += tests/fuzz/decode
tests_fuzz_decode_SOURCES = tests/fuzz/decode.c tests/fuzz/input.h tests/fuzz/cpu_bench.c tests/fuzz/cpu_bench.h
tests_fuzz_decode_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_decode_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_decode_LDADD = vmm/libcore.la
check_PROGRAMS += tests/fuzz/cpu
tests_fuzz_cpu_SOURCES = tests/fuzz/cpu.c tests/fuzz/input.h tests/fuzz/cpu_bench.c tests/fuzz/cpu_bench.h \
	tests/fuzz/stream.c tests/fuzz/stream.h
tests_fuzz_cpu_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_cpu_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_cpu_LDADD = vmm/libcore.la
check_PROGRAMS += tests/fuzz/telnet
tests_fuzz_telnet_SOURCES = tests/fuzz/telnet.c tests/fuzz/input.h plugins/char-socket/telnet.c \
	plugins/char-socket/telnet.h
tests_fuzz_telnet_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_telnet_LDFLAGS = $(FUZZ_LINK)
check_PROGRAMS += tests/fuzz/net-frame
tests_fuzz_net_frame_SOURCES = tests/fuzz/net_frame.c tests/fuzz/input.h
tests_fuzz_net_frame_CPPFLAGS = $(CORE_CPPFLAGS)
tests_fuzz_net_frame_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_net_frame_LDADD = sdk/kit/libvmm-kit.la
endif
