/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: an image as the lower side of a drive's storage port.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmm/block/plugin.h>
#include <vmm/event.h>
#include <vmm/machine.h>
#include <vmm/state.h>

#include "control.h"

struct block {
	const struct vmm_host *host;
	const struct vmm_block_format *format;
	const struct vmm_event_service *event;
	const struct vmm_state_service *state;
	const struct vmm_storage_upper *upper;
	void *upper_self;
	struct disk disk;
	struct queue *queue;
	struct cd cd;
	struct disk_control control;
	const struct vmm_power_service *power;
	struct job *parked, **parked_last; /* that failed, until the machine is stopped and resumed */
	int32_t bell;                      /* an eventfd: something is done */
	vmm_handle watch;
	uint32_t settling, broken, pauses;
};

/* Requests. */

static void complete(struct block *block, struct job *job)
{
	if (block->upper != NULL)
		block->upper->complete(block->upper_self, job->request.token, job->status);
	free(job);
}

static void explain(struct block *block, const struct job *job)
{
	static const char *const words[] = { "request", "read", "write", "flush", "discard", "zeroing" };
	uint32_t operation = job->request.operation < VMM_KIT_COUNT(words) ? job->request.operation : 0;
	if (job->status < 0 && job->status != -ECANCELED && !block->broken) {
		block->broken = 1;
		vmm_kit_log(block->host, VMM_LOG_ERROR, "%.150s: %s of %llu bytes at %llu: %s", block->disk.image->path,
			words[operation], (unsigned long long)job->request.length,
			(unsigned long long)job->request.offset, strerror(-job->status));
	}
}

/* What may be better once somebody has looked after the host. */
static uint32_t is_curable(int32_t status)
{
	return status == -ENOSPC || status == -EDQUOT || status == -EIO || status == -EFBIG;
}

/* Keep a request that failed, and have the machine paused: it comes back to the drive, which submits it again, when
 * the machine is stopped. */
static void park(struct block *block, struct job *job)
{
	uint32_t first = block->parked == NULL;
	job->next = NULL;
	*block->parked_last = job;
	block->parked_last = &job->next;
	if (!first)
		return;
	vmm_kit_log(block->host, VMM_LOG_ERROR, "the machine is paused: %s; then `vmm resume` goes on",
		job->status == -EIO ? "its disk's host has an I/O error: mend it" : "there is no room: make some");
	block->power->request(block->host->context, VMM_POWER_PAUSE);
}

static void unpark(struct block *block)
{
	struct job *next;
	for (struct job *job = block->parked; job != NULL; job = next) {
		next = job->next;
		job->status = -ECANCELED;
		complete(block, job);
	}
	block->parked = NULL;
	block->parked_last = &block->parked;
	block->broken = 0;
}

static void finished(struct block *block, struct job *job)
{
	explain(block, job);
	if (!block->pauses || !is_curable(job->status)) {
		complete(block, job);
	} else if (block->settling) {
		job->status = -ECANCELED;
		complete(block, job);
	} else {
		park(block, job);
	}
}

static void complete_all(struct block *block)
{
	struct job *next;
	for (struct job *job = queue_take(block->queue); job != NULL; job = next) {
		next = job->next;
		finished(block, job);
	}
}

static void completed(void *self, uint64_t token, uint32_t events)
{
	struct block *block = self;
	uint64_t count;
	(void)token;
	(void)events;
	if (read(block->bell, &count, sizeof(count)) < 0)
		return;
	complete_all(block);
}

/* On a thread of the queue. */
static void queue_done(void *self)
{
	struct block *block = self;
	const uint64_t one = 1;
	/* Cannot fail for want of memory, as a deferred call can. */
	if (write(block->bell, &one, sizeof(one)) < 0)
		return;
}

/* Complete all requests: those that no thread has begun are parked, the others are waited for. */
static void settle(struct block *block)
{
	block->settling = 1;
	queue_settle(block->queue, true);
	complete_all(block);
	unpark(block);
	block->settling = 0;
}

static int32_t submit(void *self, const struct vmm_storage_request *request)
{
	struct block *block = self;
	int32_t status = block->settling ? -EAGAIN : disk_check(&block->disk, request);
	return status < 0 ? status : queue_submit(block->queue, request);
}

static void cancel(void *self, uint64_t token)
{
	struct block *block = self;
	queue_cancel(block->queue, token);
}

static int32_t info(void *self, struct vmm_storage_info *info)
{
	const struct block *block = self;
	const struct disk *disk = &block->disk;
	uint64_t abilities = VMM_STORAGE_CAN_FLUSH | VMM_STORAGE_CAN_FUA;
	uint32_t size = info->struct_size;
	abilities |= disk->readonly ? VMM_STORAGE_READONLY : VMM_STORAGE_CAN_WRITE_ZEROES;
	if (disk->can_discard)
		abilities |= VMM_STORAGE_CAN_DISCARD | VMM_STORAGE_DISCARD_ZEROES;
	if (disk->is_cd)
		abilities |= VMM_STORAGE_REMOVABLE;
	if (disk->independent)
		abilities |= VMM_STORAGE_INDEPENDENT;
	const struct vmm_storage_info full = {
		.struct_size = size,
		.block_size = VMM_BLOCK_SECTOR,
		.length = disk->length,
		.capabilities = abilities,
		.physical_block = disk->image->file->block,
		.segment_maximum = SEGMENTS_MAXIMUM,
		.request_maximum = REQUEST_MAXIMUM,
	};
	memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
	return 0;
}

static int32_t lock(void *self, uint32_t locked)
{
	struct block *block = self;
	return block->disk.is_cd ? cd_lock(block->disk.image->file, locked) : 0;
}

static int32_t eject(void *self)
{
	struct block *block = self;
	return block->disk.is_cd ? cd_eject(block->disk.image->file) : 0;
}

/* Another disc. */
static void disc_changed(void *self)
{
	struct block *block = self;
	settle(block);
	if (disk_reopen(&block->disk) < 0)
		block->disk.length = 0;
	if (block->upper != NULL)
		block->upper->media_changed(block->upper_self);
}

static const struct vmm_storage_lower lower = {
	.struct_size = sizeof(struct vmm_storage_lower),
	.info = info,
	.submit = submit,
	.cancel = cancel,
	.lock = lock,
	.eject = eject,
};

/* The port. */

static void attached(void *self, const struct vmm_link *link)
{
	struct block *block = self;
	block->upper = link->peer;
	block->upper_self = link->peer_self;
}

static void closing(void *self, const struct vmm_link *link)
{
	(void)link;
	settle(self);
}

static void detached(void *self, const struct vmm_link *link)
{
	struct block *block = self;
	(void)link;
	block->upper = NULL;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.closing = closing,
	.detached = detached,
};

/* The instance. */

static int32_t init(void *self)
{
	struct block *block = self;
	block->event = vmm_kit_service(block->host, VMM_SERVICE_EVENT);
	block->state = vmm_kit_service(block->host, VMM_SERVICE_STATE);
	if (block->event == NULL || block->state == NULL)
		return -ENOTSUP;
	block->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (block->bell < 0)
		return -errno;
	int32_t status = block->event->watch(
		block->host->context, block->bell, VMM_EVENT_READ, completed, block, 0, &block->watch);
	if (status < 0)
		return status;
	block->pauses = vmm_kit_choice(block->host, "on-error");
	block->power = block->pauses ? vmm_kit_service(block->host, VMM_SERVICE_POWER) : NULL;
	if (block->pauses && block->power == NULL)
		return -ENOTSUP;
	status = disk_open(&block->disk, block->host, block->format);
	if (status == 0 && block->disk.is_cd)
		status = cd_init(&block->cd, block->host, &block->disk, disc_changed, block);
	if (status == 0)
		status = queue_new(&block->disk, queue_done, block, &block->queue);
	if (status == 0 && !block->disk.is_cd)
		disk_control_init(&block->control, block->host, &block->disk);
	return status;
}

static int32_t start(void *self)
{
	struct block *block = self;
	cd_start(&block->cd);
	return 0;
}

static void stop(void *self)
{
	struct block *block = self;
	cd_stop(&block->cd);
	settle(block);
}

static int32_t save(void *self)
{
	struct block *block = self;
	uint32_t changes = block->disk.overlay.file != NULL;
	block->state->put_u64(block->host->context, "length", block->disk.length);
	block->state->put_u64(block->host->context, "changes", changes);
	return changes ? overlay_save(&block->disk.overlay, block->state) : 0;
}

static int32_t load(void *self, uint32_t version)
{
	struct block *block = self;
	const char *path = block->disk.image->path;
	uint64_t length = 0;
	uint64_t changes = 0;
	(void)version;
	int32_t status = block->state->get_u64(block->host->context, "length", &length);
	if (status >= 0)
		status = block->state->get_u64(block->host->context, "changes", &changes);
	if (status < 0)
		return status;
	if (length != block->disk.length && !block->disk.is_cd)
		return vmm_kit_fail(block->host, -EINVAL, "use the image that the machine was saved with",
			"%.1000s has %llu bytes; when the machine was saved it had %llu", path,
			(unsigned long long)block->disk.length, (unsigned long long)length);
	if (changes != (block->disk.overlay.file != NULL))
		return vmm_kit_fail(block->host, -EINVAL, "set `mode` and `readonly` as when the machine was saved",
			"the saved state %s changes to %.1000s, whose mode is another now",
			changes ? "holds" : "does not hold", path);
	return changes ? overlay_load(&block->disk.overlay, block->state) : 0;
}

static void destroy(void *self)
{
	struct block *block = self;
	if (block->queue != NULL)
		settle(block);
	disk_control_end(&block->control);
	cd_destroy(&block->cd);
	queue_free(block->queue);
	if (block->watch != 0)
		block->event->unwatch(block->host->context, block->watch);
	if (block->bell >= 0)
		close(block->bell);
	disk_close(&block->disk);
	free(block);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "storage") != 0)
		return -ENOENT;
	side->ops = &port_ops;
	side->port_self = side->self = self;
	side->table = &lower;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

int32_t vmm_block_instance(
	const struct vmm_block_format *format, const struct vmm_host *host, struct vmm_instance *instance)
{
	struct block *block = calloc(1, sizeof(*block));
	if (block == NULL)
		return -ENOMEM;
	block->host = host;
	block->format = format;
	block->parked_last = &block->parked;
	block->bell = -1;
	instance->ops = &instance_ops;
	instance->self = block;
	return 0;
}

const struct vmm_param vmm_block_params[VMM_BLOCK_PARAM_COUNT] = {
	{
		.struct_size = sizeof(struct vmm_param),
		.type = VMM_PARAM_PATH,
		.flags = VMM_PARAM_REQUIRED,
		.key = "path",
		.help = "The image.",
	},
	VMM_KIT_PARAM_CHOICE("readonly", "auto", "auto|yes|no",
		"Whether the guest can only read it; auto: if the image cannot be written, or is a CD's."),
	VMM_KIT_PARAM_CHOICE("mode", "persistent",
		"persistent|nonpersistent|undoable|independent-persistent|independent-nonpersistent",
		"Whether what the guest writes goes to the image, is kept aside in $TMPDIR and dropped at the end, or "
		"is kept "
		"in IMAGE.redo until vmm disk commit or discard; the independent modes are left out of snapshots."),
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "size", NULL, VMM_BLOCK_SECTOR,
		(int64_t)(VMM_BLOCK_LENGTH_MAXIMUM - VMM_BLOCK_SECTOR), NULL,
		"Make the image with this size if there is none; grow one that is smaller."),
	VMM_KIT_PARAM_CHOICE("cache", "writeback", "writeback|writethrough|none",
		"Whether a write is on the disk when the guest flushes, or before it completes; none: as writeback, "
		"past the "
		"host's page cache where its file system can."),
	VMM_KIT_PARAM_BOOL("track-changes", "no",
		"Keep in IMAGE.cbt which blocks change, for vmm disk map --changed-since; once begun, that goes on "
		"until "
		"the file is removed."),
	VMM_KIT_PARAM_CHOICE("on-error", "report", "report|pause",
		"When the host's disk is full or fails: tell the guest, or pause the machine and try again when it is "
		"resumed."),
};

const struct vmm_port_row vmm_block_ports[1] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_LIVE, "storage", VMM_PORT_STORAGE, "The drive that it is in."),
};
