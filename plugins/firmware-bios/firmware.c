/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: a BIOS in the ROM, or the direct boot of a kernel.
 */
#include "firmware.h"

/* Recognise, check and (with `load`) load the kernel. */
static int32_t kernel_load(struct firmware *firmware, struct entry *entry, uint32_t load)
{
	uint8_t head[HEAD_SIZE] = { 0 };
	struct file file;
	int32_t status = file_open(firmware, &file, "kernel", firmware->kernel);
	if (status < 0)
		return status;
	uint32_t length = file.size < HEAD_SIZE ? (uint32_t)file.size : HEAD_SIZE;
	status = file_read(firmware, &file, 0, head, length);
	if (status >= 0) {
		if (bzimage_is(head, length))
			status = bzimage_load(firmware, &file, entry, load);
		else if (multiboot_is(head, length))
			status = multiboot_load(firmware, &file, entry, load);
		else
			status = fail(firmware, -EINVAL, "give a Linux bzImage or a Multiboot 1 kernel",
				"%s is not a kernel that can be booted directly", firmware->kernel);
	}
	file_close(&file);
	return status;
}

/* On waking from S3 the operating system goes on at its waking vector, in real mode (ACPI 6.5, 16.3.1). */
static void resume(struct firmware *firmware)
{
	uint8_t vector[4] = { 0 };
	firmware->io->write(firmware->host->context, 0x92, 1, 0x02); /* A20 */
	pci_setup(firmware);
	firmware->memory->read(firmware->host->context, firmware->ram_top + FACS_WAKING_VECTOR, vector, sizeof(vector));
	stub_build(firmware->rom_image);
	stub_set_resume(firmware->rom_image, get32(vector));
	firmware->region->write(firmware->host->context, firmware->rom, 0, firmware->rom_image, ROM_SIZE);
	firmware->status = DOORBELL_RESUME;
}

/* Tables and the kernel; nothing of the firmware's own runs after that. */
static void boot_load(struct firmware *firmware)
{
	struct entry entry = { 0 };
	void *context = firmware->host->context;
	int32_t status = acpi_build(firmware);
	if (status >= 0)
		status = kernel_load(firmware, &entry, 1);
	if (status < 0) {
		vmm_kit_log(firmware->host, VMM_LOG_ERROR, "%s: %s", firmware->cause, firmware->remedy);
		firmware->power->exit(context, 1);
		return;
	}
	stub_set_entry(firmware->rom_image, &entry);
	firmware->region->write(context, firmware->rom, 0, firmware->rom_image, ROM_SIZE);
	firmware->status = DOORBELL_GO;
}

/* The CPU has begun to run the stub: every device has been reset. */
static void boot(struct firmware *firmware)
{
	stub_build(firmware->rom_image);
	devices_setup(firmware);
	pci_setup(firmware);
	int32_t video = video_shadow(firmware);
	if (video < 0) {
		boot_load(firmware);
		return;
	}
	stub_set_video(firmware->rom_image, (uint32_t)video);
	firmware->region->write(firmware->host->context, firmware->rom, 0, firmware->rom_image, ROM_SIZE);
	firmware->status = DOORBELL_VIDEO;
	firmware->armed = ARMED_LOAD;
}

static int32_t doorbell_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct firmware *firmware = self;
	(void)token;
	(void)offset;
	(void)size;
	*value = firmware->status;
	return 0;
}

static int32_t doorbell_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct firmware *firmware = self;
	(void)token;
	(void)offset;
	(void)size;
	if (value != DOORBELL_MAGIC)
		return 0;
	firmware->status = 0;
	uint32_t armed = firmware->armed;
	firmware->armed = 0;
	if (armed == ARMED_BOOT) {
		boot(firmware);
	} else if (armed == ARMED_LOAD) {
		boot_load(firmware);
	} else if (armed == ARMED_RESUME) {
		resume(firmware);
	} else {
		/* The CPU alone was reset: devices are in any state, so begin afresh. */
		firmware->power->request(firmware->host->context, VMM_POWER_RESET);
	}
	return 0;
}

static const struct vmm_io_ops doorbell_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = doorbell_read,
	.write = doorbell_write,
};

static int32_t map_rom(struct firmware *firmware, uint64_t length, uint64_t low_length)
{
	const struct vmm_region_service *region = firmware->region;
	void *context = firmware->host->context;
	struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_ROM,
		.length = length,
		.name = "firmware",
	};
	int32_t status = region->create(context, &desc, &firmware->rom);
	if (status < 0)
		return status;
	desc.type = VMM_REGION_ALIAS;
	desc.length = low_length;
	desc.target = firmware->rom;
	desc.target_offset = length - low_length;
	desc.name = "firmware below 1 MiB";
	status = region->create(context, &desc, &firmware->rom_high);
	if (status >= 0)
		status = region->map(context, firmware->rom, UINT64_C(0x100000000) - length, ROM_PRIORITY);
	if (status >= 0)
		status = region->map(context, firmware->rom_high, 0x100000 - low_length, ROM_PRIORITY);
	return status;
}

/* A ROM image: it ends at 4 GiB, and its last 128 KiB are seen below 1 MiB too. */
static int32_t rom_init(struct firmware *firmware, const char *path)
{
	struct file file;
	int32_t status = file_open(firmware, &file, "ROM image", path);
	if (status < 0)
		return status;
	if (file.size < 4096 || file.size > 0x1000000 || file.size % 4096 != 0)
		status = fail(firmware, -EINVAL, "give a raw BIOS image",
			"the ROM image %s has %llu bytes; a multiple of 4096 up to 16 MiB is needed", path,
			(unsigned long long)file.size);
	uint8_t *data = status >= 0 ? malloc(file.size) : NULL;
	if (status >= 0 && data == NULL)
		status = fail(firmware, -ENOMEM, "free some memory", "out of memory");
	if (status >= 0)
		status = file_read(firmware, &file, 0, data, (uint32_t)file.size);
	if (status >= 0)
		status = map_rom(firmware, file.size, file.size < 0x20000 ? file.size : 0x20000);
	if (status >= 0)
		status = firmware->region->write(firmware->host->context, firmware->rom, 0, data, file.size);
	if (status >= 0)
		status = fw_cfg_init(&firmware->fw_cfg, firmware->host, bios_files, firmware);
	if (status < 0 && firmware->cause[0] == '\0')
		status = fail(firmware, status, "leave one of the two devices out",
			"I/O ports 0x510 to 0x51b are taken, or memory has run out");
	free(data);
	file_close(&file);
	return status;
}

static int32_t direct_init(struct firmware *firmware)
{
	struct entry entry;
	void *context = firmware->host->context;
	firmware->direct = 1;
	/* Tables go to the top of low RAM, if it is not too small for that. */
	uint64_t top = firmware->info.ram_below_4g & ~UINT64_C(0xfff);
	if (top > UINT32_MAX)
		top = UINT32_MAX & ~UINT64_C(0xfff);
	if (top < 0x200000)
		return fail(firmware, -ENOMEM, "give the machine at least `memory = 2M`",
			"too little memory to boot a kernel");
	firmware->ram_top = (uint32_t)top - ACPI_SIZE;
	/* Find now what would fail later. */
	int32_t status = kernel_load(firmware, &entry, 0);
	if (status < 0)
		return status;
	status = map_rom(firmware, ROM_SIZE, ROM_SIZE);
	if (status < 0)
		return fail(firmware, status, "report this", "cannot map the firmware's ROM");
	status = firmware->io->claim(
		context, DOORBELL_PORT, 4, VMM_IO_SIZE_4, 0, &doorbell_ops, firmware, 0, &firmware->doorbell);
	if (status < 0)
		return fail(
			firmware, status, "leave one of the two devices out", "I/O port %#x is taken", DOORBELL_PORT);
	return 0;
}

static int32_t setting(struct firmware *firmware, const char *key, char *text, uint32_t size)
{
	int32_t length = firmware->machine->get_string(firmware->host->context, "boot", key, 0, text, size);
	if (length == -EOVERFLOW)
		return fail(firmware, length, "shorten it", "[boot] %s is too long", key);
	if (length < 0)
		text[0] = '\0';
	return 0;
}

static int32_t choose(struct firmware *firmware)
{
	char rom[PATH_SIZE];
	int32_t status = setting(firmware, "kernel", firmware->kernel, sizeof(firmware->kernel));
	if (status >= 0)
		status = setting(firmware, "initrd", firmware->initrd, sizeof(firmware->initrd));
	if (status >= 0)
		status = setting(firmware, "cmdline", firmware->cmdline, sizeof(firmware->cmdline));
	if (status >= 0)
		status = setting(firmware, "rom", rom, sizeof(rom));
	if (status < 0)
		return status;
	if (firmware->kernel[0] != '\0' && rom[0] != '\0')
		return fail(firmware, -EINVAL, "remove one of them", "[boot] has both `kernel =` and `rom =`");
	if (firmware->kernel[0] != '\0')
		return direct_init(firmware);
	if (rom[0] != '\0')
		return rom_init(firmware, rom);
	if (vmm_kit_string(firmware->host, "bios", rom, sizeof(rom)) < 0)
		return fail(firmware, -EINVAL, "shorten it", "`bios =` is too long");
	status = rom_init(firmware, rom);
	if (status == -ENOENT)
		firmware->remedy = "install Debian's package seabios, or name another BIOS with `bios = FILE`";
	return status;
}

static int32_t init(void *self)
{
	struct firmware *firmware = self;
	const struct vmm_host *host = firmware->host;
	firmware->io = vmm_kit_service(host, VMM_SERVICE_IO);
	firmware->memory = vmm_kit_service(host, VMM_SERVICE_MEMORY);
	firmware->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	firmware->machine = vmm_kit_service(host, VMM_SERVICE_MACHINE);
	firmware->power = vmm_kit_service(host, VMM_SERVICE_POWER);
	if (firmware->io == NULL || firmware->memory == NULL || firmware->region == NULL || firmware->machine == NULL ||
		firmware->power == NULL)
		return -ENOTSUP;
	firmware->list = host->get_service(host->context, VMM_SERVICE_FIRMWARE_LIST);
	firmware->info.struct_size = sizeof(firmware->info);
	int32_t status = firmware->machine->info(host->context, &firmware->info);
	if (status < 0)
		return vmm_kit_fail(host, status, "use a newer vmm", "the host does not describe the machine");
	status = debugcon_init(&firmware->debugcon, host);
	if (status < 0)
		return status;
	status = choose(firmware);
	if (status < 0)
		host->fail(host->context, firmware->cause, firmware->remedy != NULL ? firmware->remedy : "");
	return status;
}

static void reset(void *self, uint32_t kind)
{
	struct firmware *firmware = self;
	firmware->fresh = kind == VMM_RESET_POWER;
	if (!firmware->direct) {
		fw_cfg_reset(&firmware->fw_cfg);
		/* What a BIOS looks for on waking (QEMU's convention for SeaBIOS, too). */
		if (kind == VMM_RESET_WAKE)
			bios_cmos_wake(firmware);
		return;
	}
	firmware->armed = kind == VMM_RESET_WAKE ? ARMED_RESUME : ARMED_BOOT;
	firmware->status = 0;
	stub_build(firmware->rom_image);
	firmware->region->write(firmware->host->context, firmware->rom, 0, firmware->rom_image, ROM_SIZE);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct firmware, armed, ARMED_LOAD),
	VMM_FIELD_MAX(struct firmware, status, DOORBELL_VIDEO),
	VMM_FIELD_ARRAY(struct firmware, rom_image),
};

static int32_t start(void *self)
{
	struct firmware *firmware = self;
	if (firmware->fresh)
		bios_cmos(firmware);
	firmware->fresh = 0;
	return 0;
}

static int32_t save(void *self)
{
	struct firmware *firmware = self;
	return firmware->direct ? vmm_fields_save(firmware->host, "", firmware, fields, VMM_KIT_COUNT(fields))
				: fw_cfg_save(&firmware->fw_cfg);
}

static int32_t load(void *self, uint32_t version)
{
	struct firmware *firmware = self;
	(void)version;
	firmware->fresh = 0;
	if (!firmware->direct)
		return fw_cfg_load(&firmware->fw_cfg);
	int32_t status = vmm_fields_load(firmware->host, "", firmware, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = firmware->region->write(
			firmware->host->context, firmware->rom, 0, firmware->rom_image, ROM_SIZE);
	return status;
}

static void destroy(void *self)
{
	struct firmware *firmware = self;
	void *context = firmware->host->context;
	debugcon_destroy(&firmware->debugcon);
	fw_cfg_destroy(&firmware->fw_cfg);
	if (firmware->doorbell != 0)
		firmware->io->release(context, firmware->doorbell);
	if (firmware->rom_high != 0)
		firmware->region->destroy(context, firmware->rom_high);
	if (firmware->rom != 0)
		firmware->region->destroy(context, firmware->rom);
	free(firmware);
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_PATH("bios", "/usr/share/seabios/bios-256k.bin",
		"The BIOS image that runs when [boot] has neither kernel nor rom."),
	VMM_KIT_PARAM_BOOL("boot-menu", "no", "The BIOS offers its boot menu (Esc) for a few seconds."),
	VMM_KIT_PARAM_BOOL("serial-console", "no",
		"The BIOS shows its screen, and that of boot loaders which use it, on the first serial line too."),
	VMM_KIT_PARAM_PATH("debug-file", NULL,
		"Where to append what the BIOS writes to its debug ports, 402 and E9; the log, at level debug, if "
		"unset."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.firmware-bios",
	.name = "PC firmware",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Runs SeaBIOS or another ROM image, or boots a Linux or Multiboot kernel directly",
	.params = params,
};

VMM_KIT_PLUGIN(firmware_bios, VMM_KIND_DEVICE, descriptor, instance_ops, struct firmware);
