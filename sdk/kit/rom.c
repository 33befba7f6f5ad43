/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/rom.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT_LENGTH   2    /* in units of 512 bytes */
#define AT_CHECKSUM 6    /* a byte of the vendor's, which makes the sum 0 */
#define AT_PCIR     0x18 /* where the PCI data structure is */
#define PCIR_LENGTH 0x18
#define PCIR_VENDOR 4
#define PCIR_DEVICE 6

struct rom {
	struct vmm_pci *pci;
	const char *path, *name;
	char install[128], choose[128]; /* remedies */
	uint8_t *data;
	uint32_t length;
};

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
static int32_t rom_adapt(const struct rom *rom)
{
	const struct vmm_host *host = rom->pci->host;
	uint8_t *data = rom->data;
	if (rom->length < 512 || data[0] != 0x55 || data[1] != 0xaa)
		return vmm_kit_fail(host, -EINVAL, rom->choose, "%.900s is not an option ROM", rom->path);
	uint32_t image = data[AT_LENGTH] * 512u;
	uint32_t pcir = word(&data[AT_PCIR]);
	if (image == 0 || image > rom->length)
		return vmm_kit_fail(host, -EINVAL, "get a complete copy of the file", "%.900s is truncated", rom->path);
	if (pcir < AT_PCIR + 2 || pcir + PCIR_LENGTH > image || memcmp(&data[pcir], "PCIR", 4) != 0)
		return vmm_kit_fail(host, -EINVAL, rom->choose, "%.900s is not a PCI option ROM", rom->path);
	word_set(data, pcir + PCIR_VENDOR, vmm_pci_get(rom->pci, VMM_PCI_VENDOR_ID, 2));
	word_set(data, pcir + PCIR_DEVICE, vmm_pci_get(rom->pci, VMM_PCI_DEVICE_ID, 2));
	return 0;
}

static int32_t rom_read(struct rom *rom)
{
	const struct vmm_host *host = rom->pci->host;
	struct stat stat;
	int32_t status = 0;
	int fd = open(rom->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return vmm_kit_fail(host, -errno, rom->install, "cannot open the %s %.900s: %s", rom->name, rom->path,
			strerror(errno));
	if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode)) {
		status = vmm_kit_fail(host, -EINVAL, rom->install, "the %s %.900s is not a file", rom->name, rom->path);
		goto out;
	}
	if (stat.st_size > VMM_ROM_MAXIMUM) {
		status = vmm_kit_fail(
			host, -EINVAL, rom->install, "the %s %.900s is greater than 1 MiB", rom->name, rom->path);
		goto out;
	}
	rom->length = (uint32_t)stat.st_size;
	rom->data = calloc(1, rom->length + 1u);
	if (rom->data == NULL) {
		status = -ENOMEM;
		goto out;
	}
	for (uint32_t done = 0; done < rom->length;) {
		ssize_t got = read(fd, rom->data + done, rom->length - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			status = vmm_kit_fail(host, got < 0 ? -errno : -EINVAL, "look at the file",
				"cannot read the %s %.900s: %s", rom->name, rom->path,
				got < 0 ? strerror(errno) : "it has shrunk");
			goto out;
		}
		done += (uint32_t)got;
	}
out:
	close(fd);
	return status;
}

static int32_t rom_show(const struct rom *rom, vmm_handle *region)
{
	const struct vmm_host *host = rom->pci->host;
	const struct vmm_region_service *service = vmm_kit_service(host, VMM_SERVICE_REGION);
	uint32_t space = 4096;
	if (service == NULL)
		return -ENOTSUP;
	while (space < rom->length)
		space *= 2;
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_ROM,
		.length = space,
		.name = rom->name,
	};
	int32_t status = service->create(host->context, &desc, region);
	if (status >= 0)
		status = service->write(host->context, *region, 0, rom->data, rom->length);
	return status >= 0 ? vmm_pci_add_bar(rom->pci, 6, VMM_PCI_BAR_ROM, space, *region) : status;
}

int32_t vmm_rom_add(struct vmm_pci *pci, const char *path, const char *name, const char *package, vmm_handle *region)
{
	struct rom rom = { .pci = pci, .path = path, .name = name };
	snprintf(rom.install, sizeof(rom.install), "install the package %s, or set `rom`", package);
	snprintf(rom.choose, sizeof(rom.choose), "name a %s in `rom`, or leave it empty for none", name);
	int32_t status = rom_read(&rom);
	if (status >= 0)
		status = rom_adapt(&rom);
	if (status >= 0)
		status = rom_show(&rom, region);
	free(rom.data);
	return status;
}
