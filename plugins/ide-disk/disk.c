/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: settings, ports, saved state.
 */
#include "disk.h"

#include <vmm/state.h>

static void changed(void *self)
{
	struct disk *disk = self;
	uint64_t before = disk->sectors;
	disk->sectors = disk->medium.info.block_size <= SECTOR ? disk->medium.info.length / SECTOR : 0;
	if (disk->sectors > UINT64_C(0xffffffffffff))
		disk->sectors = UINT64_C(0xffffffffffff);
	if (disk->sectors == before)
		return;
	disk_geometry(disk);
	if (disk->maximum == before || disk->maximum > disk->sectors)
		disk->maximum = disk->sectors;
	disk->now_cylinders = disk->cylinders;
	disk->now_heads = disk->heads;
	disk->now_per_track = disk->per_track;
}

static int32_t init(void *self)
{
	struct disk *disk = self;
	const struct vmm_host *host = disk->host;
	if (vmm_kit_service(host, VMM_SERVICE_STATE) == NULL)
		return -ENOTSUP;
	disk->buffer = calloc(1, BUFFER + SECTOR);
	if (disk->buffer == NULL)
		return -ENOMEM;
	int32_t status = vmm_ata_names(host, disk->model, disk->serial);
	if (status < 0)
		return status;
	disk->set_cylinders = (uint32_t)vmm_kit_int(host, "cylinders", 0);
	disk->set_heads = (uint32_t)vmm_kit_int(host, "heads", 0);
	disk->set_sectors = (uint32_t)vmm_kit_int(host, "sectors", 0);
	vmm_ata_init(&disk->ata, host, &disk_ata_ops, disk, disk->buffer, BUFFER);
	vmm_medium_init(&disk->medium, host, disk->buffer, BUFFER);
	disk->medium.ended = disk_ended;
	disk->medium.changed = changed;
	disk->medium.self = disk;
	disk_geometry(disk);
	return 0;
}

static int32_t start(void *self)
{
	struct disk *disk = self;
	if (disk->medium.info.length != 0 && disk->medium.info.block_size > SECTOR)
		return vmm_kit_fail(disk->host, -ENOTSUP, "use an image, or a host disk with blocks of 512 bytes",
			"the medium has blocks of %u bytes, and an IDE disk has 512", disk->medium.info.block_size);
	vmm_medium_start(&disk->medium);
	return 0;
}

static void stop(void *self)
{
	struct disk *disk = self;
	vmm_medium_stop(&disk->medium);
}

static void reset(void *self, uint32_t kind)
{
	struct disk *disk = self;
	if (kind == VMM_RESET_POWER) {
		memset(disk->buffer, 0, BUFFER + SECTOR);
		vmm_ata_list(&disk->ata, "disk");
	}
	vmm_ata_reset(&disk->ata);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct disk, now_cylinders, 65535),
	VMM_FIELD_MAX(struct disk, now_heads, 16),
	VMM_FIELD_MAX(struct disk, now_per_track, 255),
	VMM_FIELD_MAX(struct disk, maximum, UINT64_C(0xffffffffffff)),
	VMM_FIELD_MAX(struct disk, multiple, MULTIPLE),
	VMM_FIELD_MAX(struct disk, write_cache, 1),
	VMM_FIELD_MAX(struct disk, look_ahead, 1),
	VMM_FIELD_MAX(struct disk, smart, 1),
	VMM_FIELD_MAX(struct disk, keep, 1),
	VMM_FIELD_MAX(struct disk, dma_mode, 0x45),
	VMM_FIELD(struct disk, power),
	VMM_FIELD_MAX(struct disk, sleeping, 1),
	VMM_FIELD(struct disk, previous),
	VMM_FIELD_MAX(struct disk, standby, 255),
	VMM_FIELD_MAX(struct disk, kind, KINDS - 1),
	VMM_FIELD_MAX(struct disk, ext, 1),
	VMM_FIELD_MAX(struct disk, chs, 1),
	VMM_FIELD_MAX(struct disk, fua, 1),
	VMM_FIELD_MAX(struct disk, lba, UINT64_C(0xffffffffffff)),
	VMM_FIELD_MAX(struct disk, left, 65536),
	VMM_FIELD_MAX(struct disk, held, IN_BUFFER),
	VMM_FIELD_MAX(struct disk, used, IN_BUFFER),
	VMM_FIELD_MAX(struct disk, block, MULTIPLE),
	VMM_FIELD_MAX(struct disk, range, TRIM_BLOCKS *(SECTOR / 8)),
};

/* How much of the buffer matters: what has been read and what has come from the host. */
static uint32_t buffer_used(const struct disk *disk)
{
	uint32_t held = disk->held * SECTOR;
	uint32_t done = disk->medium.done < held ? (uint32_t)disk->medium.done : held;
	uint32_t come = disk->ata.position < BUFFER ? disk->ata.position : BUFFER;
	uint32_t waits = (disk->ata.status & VMM_ATA_DRQ) != 0;
	switch (disk->kind) {
	case READ_PIO:
	case READ_DMA: return disk->medium.active ? done : held;
	case WRITE_PIO:
	case WRITE_DMA:
	case TRIM:
	case WRITE_BUFFER: return waits ? come : held;
	case GIVE: return SECTOR;
	default: return 0;
	}
}

static int32_t save(void *self)
{
	struct disk *disk = self;
	const struct vmm_state_service *state = disk->host->get_service(disk->host->context, VMM_SERVICE_STATE);
	int32_t status = vmm_fields_save(disk->host, "", disk, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ata_save(&disk->ata);
	if (status >= 0)
		status = vmm_medium_save(&disk->medium);
	if (status < 0)
		return status;
	state->put_bytes(disk->host->context, "sector", disk->buffer + BUFFER, SECTOR);
	state->put_bytes(disk->host->context, "buffer", disk->buffer, buffer_used(disk));
	return 0;
}

/* Do the counters of the transfer fit together? */
static uint32_t is_sound(const struct disk *disk)
{
	uint32_t sectors = disk->kind >= READ_PIO && disk->kind <= VERIFY;
	if (sectors &&
		(disk->held == 0 || disk->held > disk->left || disk->used > disk->held || disk->block == 0 ||
			disk->lba + disk->left > disk->sectors))
		return 0;
	if (disk->kind == TRIM && disk->held > TRIM_BLOCKS)
		return 0;
	return disk->now_per_track != 0 && disk->now_heads != 0 && disk->maximum <= disk->sectors;
}

static int32_t load(void *self, uint32_t version)
{
	struct disk *disk = self;
	const struct vmm_state_service *state = disk->host->get_service(disk->host->context, VMM_SERVICE_STATE);
	(void)version;
	int32_t status = vmm_fields_load(disk->host, "", disk, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ata_load(&disk->ata);
	if (status >= 0)
		status = vmm_medium_load(&disk->medium);
	if (status >= 0)
		status = state->get_bytes(disk->host->context, "sector", disk->buffer + BUFFER, SECTOR);
	if (status >= 0)
		status = state->get_bytes(disk->host->context, "buffer", disk->buffer, buffer_used(disk));
	if (status < 0)
		return status;
	if (!is_sound(disk))
		return vmm_kit_fail(disk->host, -EINVAL, "use the image that the state was saved with",
			"the saved transfer does not fit the disk");
	return 0;
}

static void destroy(void *self)
{
	struct disk *disk = self;
	free(disk->buffer);
	free(disk);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct disk *disk = self;
	if (strcmp(key, "bus") == 0)
		vmm_ata_get_port(&disk->ata, side);
	else if (strcmp(key, "media") == 0)
		vmm_medium_get_port(&disk->medium, side);
	else
		return -ENOENT;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_STRING("model", "vmm ide-disk", "Its model, as IDENTIFY DEVICE tells: up to 40 characters."),
	VMM_KIT_PARAM_STRING("serial", NULL,
		"Its serial number, up to 20 characters; if unset, one made of the machine and its name."),
	VMM_KIT_PARAM_INT("cylinders", NULL, 1, 16383, "Cylinders of its geometry; if unset, as many as there are."),
	VMM_KIT_PARAM_INT("heads", "16", 1, 16, "Heads of its geometry."),
	VMM_KIT_PARAM_INT("sectors", "63", 1, 63, "Sectors a track of its geometry."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_IDE, "The IDE channel it sits on."),
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_REQUIRED, "media", VMM_PORT_STORAGE, "What it stores its sectors in."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.ide-disk",
	.name = "IDE disk",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "ATA-6 disk with LBA48 and DMA",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(ide_disk, VMM_KIND_DEVICE, descriptor, instance_ops, struct disk);
