/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Plugins for proxy_test: a line that records and echoes, a drive that tests its disk, and a disk in memory that can
 * be told to cheat: to look at memory that it was only lent.
 */
#include <fcntl.h>
#include <unistd.h>

#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-char.h>
#include <vmm/port-storage.h>

/* The line.  It takes up to three bytes at a time, now and then none, and echoes small letters as capitals. */

struct record {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_char_upper *upper;
	void *upper_self;
	int fd;
	uint32_t writes, refused, deferred, count;
	uint8_t echo[256];
};

static void record_go(void *self, uint64_t token)
{
	struct record *record = self;
	(void)token;
	record->deferred = 0;
	if (record->upper != NULL && record->count > 0) {
		int32_t taken = record->upper->receive(record->upper_self, record->echo, record->count);
		memmove(record->echo, record->echo + taken, record->count - (uint32_t)taken);
		record->count -= (uint32_t)taken;
	}
	if (record->upper != NULL && record->refused) {
		record->refused = 0;
		record->upper->writable(record->upper_self);
	}
}

static void record_defer(struct record *record)
{
	if (!record->deferred)
		record->deferred = record->event->defer(record->host->context, record_go, record, 0) >= 0;
}

static int32_t record_write(void *self, const void *data, uint32_t length)
{
	struct record *record = self;
	const uint8_t *bytes = data;
	uint32_t taken = ++record->writes % 5 == 0 ? 0 : length < 3 ? length : 3;
	if (write(record->fd, data, taken) != (ssize_t)taken)
		vmm_kit_log(record->host, VMM_LOG_ERROR, "the record cannot be written");
	for (uint32_t i = 0; i < taken; i++) {
		if (bytes[i] >= 'a' && bytes[i] <= 'z' && record->count < sizeof(record->echo))
			record->echo[record->count++] = (uint8_t)(bytes[i] - 'a' + 'A');
	}
	record->refused = taken < length;
	record_defer(record);
	return (int32_t)taken;
}

static void record_readable(void *self)
{
	record_defer(self);
}

static void record_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

static const struct vmm_char_lower record_lower = { sizeof(record_lower), 0, record_write, record_readable,
	record_event };

static int32_t record_init(void *self)
{
	struct record *record = self;
	char path[1024];
	record->event = vmm_kit_service(record->host, VMM_SERVICE_EVENT);
	vmm_kit_string(record->host, "file", path, sizeof(path));
	record->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return record->fd < 0 ? vmm_kit_fail(record->host, -EIO, "give another file", "%s cannot be written", path) : 0;
}

static void record_destroy(void *self)
{
	struct record *record = self;
	if (record->fd > 0)
		close(record->fd);
	free(record);
}

static void record_attached(void *self, const struct vmm_link *link)
{
	struct record *record = self;
	record->upper = link->peer;
	record->upper_self = link->peer_self;
}

static void record_closing(void *self, const struct vmm_link *link)
{
	struct record *record = self;
	(void)link;
	record->upper = NULL;
}

static void detached(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
}

static const struct vmm_port_ops record_ops = { sizeof(record_ops), 0, NULL, record_attached, record_closing,
	detached };

static int32_t record_port(void *self, const char *key, struct vmm_port_side *side)
{
	(void)key;
	side->ops = &record_ops;
	side->port_self = side->self = self;
	side->table = &record_lower;
	return 0;
}

static const struct vmm_instance_ops record_instance = {
	.struct_size = sizeof(record_instance), .init = record_init, .destroy = record_destroy, .get_port = record_port
};

/* The disk. */

#define DISK_LENGTH   65536u
#define DISK_REQUESTS 8

struct disk {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_storage_upper *upper;
	void *upper_self;
	uint32_t cheat, count;
	struct vmm_storage_request requests[DISK_REQUESTS];
	uint8_t data[DISK_LENGTH];
	const uint8_t *seen[DISK_LENGTH / 512]; /* cheating: where the block's data was, when it was written */
};

static void disk_copy(struct disk *disk, const struct vmm_storage_request *request)
{
	uint64_t at = request->offset;
	for (uint32_t i = 0; i < request->segment_count; i++) {
		const struct vmm_storage_segment *segment = &request->segments[i];
		for (uint64_t k = 0; k < segment->length; k += 512, at += 512) {
			uint8_t *data = (uint8_t *)segment->data + k;
			if (request->operation == VMM_STORAGE_READ)
				memcpy(data, disk->cheat ? disk->seen[at / 512] : disk->data + at, 512);
			else
				memcpy(disk->data + at, data, 512);
			if (request->operation == VMM_STORAGE_WRITE)
				disk->seen[at / 512] = data;
		}
	}
}

static void disk_go(void *self, uint64_t token)
{
	struct disk *disk = self;
	(void)token;
	if (disk->count == 0 || disk->upper == NULL)
		return;
	/* The last first: requests are not ordered. */
	struct vmm_storage_request request = disk->requests[--disk->count];
	if (request.operation <= VMM_STORAGE_WRITE)
		disk_copy(disk, &request);
	disk->upper->complete(disk->upper_self, request.token, 0);
}

static int32_t disk_info(void *self, struct vmm_storage_info *info)
{
	(void)self;
	info->block_size = 512;
	info->length = DISK_LENGTH;
	info->capabilities = VMM_STORAGE_CAN_FLUSH;
	info->physical_block = 512;
	info->segment_maximum = 4;
	info->request_maximum = 4096;
	return 0;
}

static int32_t disk_submit(void *self, const struct vmm_storage_request *request)
{
	struct disk *disk = self;
	if (request->offset > DISK_LENGTH || request->length > DISK_LENGTH - request->offset)
		return -EINVAL;
	if (disk->count == DISK_REQUESTS || disk->event->defer(disk->host->context, disk_go, disk, 0) < 0)
		return -EAGAIN;
	disk->requests[disk->count++] = *request;
	return 0;
}

static const struct vmm_storage_lower disk_lower = { sizeof(disk_lower), 0, disk_info, disk_submit, NULL, NULL, NULL };

static int32_t disk_init(void *self)
{
	struct disk *disk = self;
	disk->event = vmm_kit_service(disk->host, VMM_SERVICE_EVENT);
	disk->cheat = vmm_kit_bool(disk->host, "cheat", 0);
	return 0;
}

static void disk_attached(void *self, const struct vmm_link *link)
{
	struct disk *disk = self;
	disk->upper = link->peer;
	disk->upper_self = link->peer_self;
}

static void disk_closing(void *self, const struct vmm_link *link)
{
	struct disk *disk = self;
	(void)link;
	disk->upper = NULL;
}

static const struct vmm_port_ops disk_ops = { sizeof(disk_ops), 0, NULL, disk_attached, disk_closing, detached };

static int32_t disk_port(void *self, const char *key, struct vmm_port_side *side)
{
	(void)key;
	side->ops = &disk_ops;
	side->port_self = side->self = self;
	side->table = &disk_lower;
	return 0;
}

static const struct vmm_instance_ops disk_instance = {
	.struct_size = sizeof(disk_instance), .init = disk_init, .destroy = free, .get_port = disk_port
};

/* The drive: a write to port 500 starts the test; port 500 reads 0 while it runs, then 1, or 2 if it went wrong; port
 * 504 reads the sum of what came back. */

#define DRIVE_STEPS 16

struct drive {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	vmm_handle claim;
	const struct vmm_storage_lower *lower;
	void *lower_self;
	uint32_t step, result, sum, pending;
	struct vmm_storage_segment segments[DRIVE_STEPS][2];
	uint8_t written[DRIVE_STEPS][1536], read[DRIVE_STEPS][1536];
};

static int32_t drive_submit(struct drive *drive, uint32_t operation, uint32_t step, uint8_t *data, uint64_t token)
{
	/* The array is lent too, not only what it points to. */
	struct vmm_storage_segment *segments = drive->segments[step % DRIVE_STEPS];
	if (data != NULL) {
		segments[0] = (struct vmm_storage_segment){ data, 512 };
		segments[1] = (struct vmm_storage_segment){ data + 512, 1024 };
	}
	const struct vmm_storage_request request = { sizeof(request), operation, 0, data != NULL ? 2 : 0, token,
		step * 2048, data != NULL ? 1536 : 0, segments };
	drive->pending++;
	int32_t status = drive->lower->submit(drive->lower_self, &request);
	if (status < 0)
		drive->pending--;
	return status;
}

/* Two requests at a time of each step; then a flush; then the same for reading. */
static void drive_next(struct drive *drive)
{
	uint32_t step = drive->step;
	int32_t status = 0;
	if (step < DRIVE_STEPS) {
		drive->step += 2;
		for (uint32_t i = step; i < step + 2; i++) {
			for (uint32_t k = 0; k < 1536; k++)
				drive->written[i][k] = (uint8_t)(i * 31 + k * 7 + k / 256);
			status |= drive_submit(drive, VMM_STORAGE_WRITE, i, drive->written[i], 100 + i);
		}
	} else if (step == DRIVE_STEPS) {
		drive->step++;
		status = drive_submit(drive, VMM_STORAGE_FLUSH, 0, NULL, 99);
	} else if (step < DRIVE_STEPS * 2 + 1) {
		drive->step += 2;
		for (uint32_t i = step - DRIVE_STEPS - 1; i < step - DRIVE_STEPS + 1; i++)
			status |= drive_submit(drive, VMM_STORAGE_READ, i, drive->read[i], 200 + i);
	} else {
		/* Past the end: refused, and complete does not come. */
		if (drive_submit(drive, VMM_STORAGE_READ, DISK_LENGTH / 2048, drive->read[0], 300) != -EINVAL)
			status = -EIO;
		for (uint32_t i = 0; i < DRIVE_STEPS; i++) {
			for (uint32_t k = 0; k < 1536; k++)
				drive->sum = drive->sum * 33 + drive->read[i][k];
		}
		drive->result = status == 0 ? 1 : 2;
		return;
	}
	if (status < 0)
		drive->result = 2;
}

static void drive_complete(void *self, uint64_t token, int32_t status)
{
	struct drive *drive = self;
	/* The token comes back as it was given. */
	if (status < 0 || (token != 99 && token / 100 != 1 && token / 100 != 2))
		drive->result = 2;
	if (--drive->pending == 0)
		drive_next(drive);
}

static const struct vmm_storage_upper drive_upper = { sizeof(drive_upper), 0, drive_complete, NULL, NULL };

static int32_t drive_in(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct drive *drive = self;
	(void)token;
	(void)size;
	*value = offset == 0 ? drive->result : drive->sum;
	return 0;
}

static int32_t drive_out(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct drive *drive = self;
	struct vmm_storage_info info = { .struct_size = sizeof(info) };
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	drive->step = drive->result = drive->sum = 0;
	if (drive->lower == NULL || drive->lower->info(drive->lower_self, &info) < 0 || info.length != DISK_LENGTH)
		drive->result = 2;
	else
		drive_next(drive);
	return 0;
}

static const struct vmm_io_ops drive_io = { sizeof(drive_io), 0, drive_in, drive_out };

static int32_t drive_init(void *self)
{
	struct drive *drive = self;
	drive->io = vmm_kit_service(drive->host, VMM_SERVICE_IO);
	return drive->io->claim(drive->host->context, 0x500, 8, VMM_IO_SIZE_4, 0, &drive_io, drive, 0, &drive->claim);
}

static void drive_attached(void *self, const struct vmm_link *link)
{
	struct drive *drive = self;
	drive->lower = link->peer;
	drive->lower_self = link->peer_self;
}

static void drive_closing(void *self, const struct vmm_link *link)
{
	struct drive *drive = self;
	(void)link;
	drive->lower = NULL;
}

static const struct vmm_port_ops drive_ops = { sizeof(drive_ops), 0, NULL, drive_attached, drive_closing, detached };

static void drive_destroy(void *self)
{
	struct drive *drive = self;
	if (drive->claim != 0)
		drive->io->release(drive->host->context, drive->claim);
	free(drive);
}

static int32_t drive_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") == 0) {
		vmm_kit_port_isa(self, side);
		return 0;
	}
	side->ops = &drive_ops;
	side->port_self = side->self = self;
	side->table = &drive_upper;
	return 0;
}

static const struct vmm_instance_ops drive_instance = {
	.struct_size = sizeof(drive_instance), .init = drive_init, .destroy = drive_destroy, .get_port = drive_port
};

/* The file. */

static const struct vmm_param record_params[] = { VMM_KIT_PARAM_PATH("file", "/dev/null", "Where it is recorded.") };
static const struct vmm_param disk_params[] = { VMM_KIT_PARAM_BOOL("cheat", "no", "Look at memory that was lent.") };
static const struct vmm_port_row record_ports[] = { VMM_KIT_PORT(
	VMM_ROLE_LOWER, VMM_PORT_LIVE, "line", VMM_PORT_CHAR, "The line.") };
static const struct vmm_port_row disk_ports[] = { VMM_KIT_PORT(
	VMM_ROLE_LOWER, 0, "medium", VMM_PORT_STORAGE, "The drive it is in.") };
static const struct vmm_port_row drive_ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, 0, "disk", VMM_PORT_STORAGE, "Its disk."),
	VMM_KIT_PORT_ISA_CHILD,
};

#define DESCRIPTOR(NAME, PARAMS, PARAM_COUNT, PORTS) \
	{ \
		sizeof(struct vmm_descriptor), 0, 1, (PARAM_COUNT), sizeof(struct vmm_param), VMM_KIT_COUNT(PORTS), \
			sizeof(struct vmm_port_row), 0, "com.example.proxy-" NAME, NAME, "1", "BSD-2-Clause", \
			"For a test", (PARAMS), (PORTS) \
	}
static const struct vmm_descriptor record_descriptor = DESCRIPTOR("record", record_params, 1, record_ports);
static const struct vmm_descriptor disk_descriptor = DESCRIPTOR("disk", disk_params, 1, disk_ports);
static const struct vmm_descriptor drive_descriptor = DESCRIPTOR("drive", NULL, 0, drive_ports);

#define FACTORY(NAME) \
	static int32_t NAME##_create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance) \
	{ \
		struct NAME *NAME = calloc(1, sizeof(*NAME)); \
		(void)index; \
		if (NAME == NULL) \
			return -ENOMEM; \
		NAME->host = host; \
		instance->ops = &NAME##_instance; \
		instance->self = NAME; \
		return 0; \
	} \
	static const struct vmm_descriptor *const NAME##_list[] = { &NAME##_descriptor }; \
	static const struct vmm_factory NAME##_factory = { sizeof(NAME##_factory), 1, NAME##_list, NAME##_create, \
		NULL };

FACTORY(record)
FACTORY(disk)
FACTORY(drive)

static const struct vmm_factory *get_factory(const char *kind)
{
	if (strcmp(kind, VMM_KIND_CHAR) == 0)
		return &record_factory;
	if (strcmp(kind, VMM_KIND_STORAGE) == 0)
		return &disk_factory;
	return strcmp(kind, VMM_KIND_DEVICE) == 0 ? &drive_factory : NULL;
}

VMM_PLUGIN(proxy_plugins, get_factory);
