/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: a diskette drive on a controller's cable.
 */
#include <stdio.h>

#include "disk.h"

static int32_t init(void *self)
{
	/* In the order of the choices, from 1. */
	static const uint32_t types[] = { VMM_FLOPPY_1440, VMM_FLOPPY_360, VMM_FLOPPY_720, VMM_FLOPPY_1200,
		VMM_FLOPPY_1440, VMM_FLOPPY_2880 };
	struct drive *drive = self;
	drive->event = vmm_kit_service(drive->host, VMM_SERVICE_EVENT);
	drive->firmware = vmm_kit_service(drive->host, VMM_SERVICE_FIRMWARE);
	if (drive->event == NULL || drive->firmware == NULL)
		return -ENOTSUP;
	drive->choice = vmm_kit_choice(drive->host, "type");
	if (drive->choice >= VMM_KIT_COUNT(types))
		drive->choice = 0;
	drive->type = types[drive->choice];
	return 0;
}

static void add_boot(struct drive *drive)
{
	char path[256];
	if (drive->boot_added || !VMM_HAS(drive->controller, path))
		return;
	int32_t length = drive->controller->path(drive->controller_self, path, sizeof(path));
	if (length < 0 || (uint32_t)length + 16 > sizeof(path))
		return;
	length += snprintf(path + length, sizeof(path) - (uint32_t)length, "/floppy@%u", drive->unit);
	drive->boot_added = drive->firmware->add(
				    drive->host->context, VMM_FIRMWARE_BOOT, "floppy", path, (uint64_t)length) >= 0;
}

static void reset(void *self, uint32_t kind)
{
	struct drive *drive = self;
	drive->motor = 0;
	if (kind != VMM_RESET_POWER)
		return;
	drive->cylinder = 0;
	drive->change = 1;
	drive->dirty = 0;
	drive->started = 0;
	medium_look(drive);
	add_boot(drive);
}

static int32_t start(void *self)
{
	struct drive *drive = self;
	drive->started = 1;
	if (!drive->motor)
		medium_flush(drive);
	return 0;
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct drive, type, VMM_FLOPPY_2880),
	VMM_FIELD_MAX(struct drive, cylinder, CYLINDERS),
	VMM_FIELD_MAX(struct drive, motor, 1),
	VMM_FIELD_MAX(struct drive, change, 1),
	VMM_FIELD_MAX(struct drive, dirty, 1),
};

static const struct vmm_field geometry_fields[] = {
	VMM_FIELD_MAX(struct geometry, cylinders, CYLINDERS),
	VMM_FIELD_MAX(struct geometry, heads, 2),
	VMM_FIELD_MAX(struct geometry, sectors, SECTORS_MAX),
	VMM_FIELD_MAX(struct geometry, size_code, 7),
	VMM_FIELD_MAX(struct geometry, rate, 3),
};

static int32_t save(void *self)
{
	struct drive *drive = self;
	int32_t status = vmm_fields_save(drive->host, "", drive, fields, VMM_KIT_COUNT(fields));
	return status < 0 ? status
			  : vmm_fields_save(drive->host, "geometry.", &drive->geometry, geometry_fields,
				    VMM_KIT_COUNT(geometry_fields));
}

static int32_t load(void *self, uint32_t version)
{
	struct drive *drive = self;
	struct geometry geometry = drive->geometry;
	(void)version;
	int32_t status = vmm_fields_load(drive->host, "", drive, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_load(
			drive->host, "geometry.", &geometry, geometry_fields, VMM_KIT_COUNT(geometry_fields));
	if (status < 0)
		return status;
	/* A medium that is another one now is as it is; the guest sees that it was changed. */
	if (geometry.size_code >= 2 && geometry.sectors != 0 && drive->info.length != 0 &&
		drive->info.block_size <= SECTOR)
		drive->geometry = geometry;
	return 0;
}

static void destroy(void *self)
{
	free(self);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	side->port_self = side->self = self;
	if (strcmp(key, "bus") == 0) {
		side->ops = &bus_ops;
		side->table = &drive_lower;
	} else if (strcmp(key, "media") == 0) {
		side->ops = &media_ops;
		side->table = &media_upper;
	} else {
		return -ENOENT;
	}
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_CHOICE("type", "auto", "auto|360|720|1200|1440|2880",
		"The drive, by the KiB that its disks hold; auto: 1440, or 2880 if the disk that is in it at power-on "
		"needs that."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_FLOPPY, "The controller's cable."),
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "media", VMM_PORT_STORAGE, "The disk; none: the drive is empty."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.floppy-disk",
	.name = "Diskette drive",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A diskette drive of 5.25 or 3.5 inches",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(floppy_disk, VMM_KIND_DEVICE, descriptor, instance_ops, struct drive);
