if PLUGIN_FIRMWARE_BIOS
plugin_LTLIBRARIES += plugins/firmware-bios/firmware-bios.la
plugins_firmware_bios_firmware_bios_la_SOURCES = \
	plugins/firmware-bios/acpi_dsdt.c \
	plugins/firmware-bios/acpi_tables.c \
	plugins/firmware-bios/aml.c \
	plugins/firmware-bios/bios_files.c \
	plugins/firmware-bios/bzimage.c \
	plugins/firmware-bios/debugcon.c \
	plugins/firmware-bios/devices.c \
	plugins/firmware-bios/e820.c \
	plugins/firmware-bios/files.c \
	plugins/firmware-bios/firmware.c \
	plugins/firmware-bios/fw_cfg.c \
	plugins/firmware-bios/multiboot.c \
	plugins/firmware-bios/pci_setup.c \
	plugins/firmware-bios/smbios.c \
	plugins/firmware-bios/stub.c \
	plugins/firmware-bios/video.c \
	plugins/firmware-bios/acpi.h \
	plugins/firmware-bios/aml.h \
	plugins/firmware-bios/firmware.h \
	plugins/firmware-bios/fw_cfg.h
plugins_firmware_bios_firmware_bios_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_firmware_bios_firmware_bios_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_firmware_bios_firmware_bios_la_LIBADD = sdk/kit/libvmm-kit.la
dist_man7_MANS += plugins/firmware-bios/vmm-firmware-bios.7
endif
