/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The option ROM (PCI Firmware Specification 3.0, chapter 5) in the ROM BAR.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vga.h"

#define PATH_LENGTH 4096
#define AT_LENGTH   2    /* in units of 512 bytes */
#define AT_CHECKSUM 6    /* a byte of the vendor's, which makes the sum 0 */
#define AT_PCIR     0x18 /* where the PCI data structure is */
#define PCIR_LENGTH 0x18
#define PCIR_VENDOR 4
#define PCIR_DEVICE 6

static uint32_t word(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8;
}

static void word_set(uint8_t *data, uint32_t at, uint32_t value)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint8_t byte = (uint8_t)(value >> (i * 8));
		data[AT_CHECKSUM] = (uint8_t)(data[AT_CHECKSUM] + data[at + i] - byte);
		data[at + i] = byte;
	}
}

/* An option ROM for a PCI function?  Make it this function's. */
static int32_t rom_check(struct vga *vga, const char *path, uint8_t *data, uint32_t length)
{
	static const char remedy[] = "name a VGA BIOS in `rom`, or leave it empty for none";
	if (length < 512 || data[0] != 0x55 || data[1] != 0xaa)
		return vmm_kit_fail(vga->host, -EINVAL, remedy, "%.900s is not an option ROM", path);
	uint32_t image = data[AT_LENGTH] * 512u;
	uint32_t pcir = word(&data[AT_PCIR]);
	if (image == 0 || image > length)
		return vmm_kit_fail(vga->host, -EINVAL, "get a complete copy of the file", "%.900s is truncated", path);
	if (pcir < AT_PCIR + 2 || pcir + PCIR_LENGTH > image || memcmp(&data[pcir], "PCIR", 4) != 0)
		return vmm_kit_fail(vga->host, -EINVAL, remedy, "%.900s is not a PCI option ROM", path);
	if (word(&data[pcir + PCIR_VENDOR]) != PCI_VENDOR || word(&data[pcir + PCIR_DEVICE]) != PCI_DEVICE) {
		word_set(data, pcir + PCIR_VENDOR, PCI_VENDOR);
		word_set(data, pcir + PCIR_DEVICE, PCI_DEVICE);
	}
	return 0;
}

static int32_t file_read(struct vga *vga, const char *path, uint8_t **data, uint32_t *length)
{
	const struct vmm_host *host = vga->host;
	static const char remedy[] = "install the package seabios, or set `rom`";
	struct stat stat;
	int32_t status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	*data = NULL;
	if (fd < 0)
		return vmm_kit_fail(host, -errno, remedy, "cannot open the VGA BIOS %.900s: %s", path, strerror(errno));
	if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)) {
		status = vmm_kit_fail(host, -EINVAL, remedy, "the VGA BIOS %.900s is not a file", path);
		goto out;
	}
	if (stat.st_size > ROM_MAX) {
		status = vmm_kit_fail(host, -EINVAL, remedy, "the VGA BIOS %.900s is greater than 1 MiB", path);
		goto out;
	}
	*length = (uint32_t)stat.st_size;
	*data = calloc(1, *length + 1u);
	if (*data == NULL) {
		status = -ENOMEM;
		goto out;
	}
	for (uint32_t done = 0; done < *length;) {
		ssize_t got = read(fd, *data + done, *length - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			status = vmm_kit_fail(host, got < 0 ? -errno : -EINVAL, "look at the file",
				"cannot read the VGA BIOS %.900s: %s", path,
				got < 0 ? strerror(errno) : "it has shrunk");
			goto out;
		}
		done += (uint32_t)got;
	}
	status = 0;
out:
	close(fd);
	if (status < 0) {
		free(*data);
		*data = NULL;
	}
	return status;
}

int32_t rom_load(struct vga *vga)
{
	const struct vmm_host *host = vga->host;
	char path[PATH_LENGTH];
	uint8_t *data;
	uint32_t length = 0;
	uint32_t space = 4096;
	int32_t status = vmm_kit_string(host, "rom", path, sizeof(path));
	if (status == -ENOENT || (status >= 0 && path[0] == '\0'))
		return 0;
	if (status < 0)
		return status;
	status = file_read(vga, path, &data, &length);
	if (status < 0)
		return status;
	status = rom_check(vga, path, data, length);
	if (status < 0)
		goto out;
	while (space < length)
		space *= 2;
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_ROM,
		.length = space,
		.name = "VGA BIOS",
	};
	status = vga->region->create(host->context, &desc, &vga->rom);
	if (status >= 0)
		status = vga->region->write(host->context, vga->rom, 0, data, length);
	if (status >= 0)
		status = vmm_pci_add_bar(&vga->pci, 6, VMM_PCI_BAR_ROM, space, vga->rom);
out:
	free(data);
	return status;
}
