/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: a plain file as a disk, its requests done by workers.
 */
#include <pthread.h>

#include <vmm/event.h>

#include "image.h"

enum { JOB_QUEUED, JOB_RUNNING, JOB_FINISHED };

struct raw;

/* A request on its way.  `state` and `status` are under the mutex; the rest is the machine's. */
struct job {
	struct raw *raw;
	struct job *next, **before; /* in raw->jobs, until it is completed */
	struct vmm_storage_request request;
	uint32_t state;
	int32_t status;
};

struct raw {
	const struct vmm_host *host;
	const struct vmm_task_service *task;
	const struct vmm_state_service *state;
	const struct vmm_storage_upper *upper;
	void *upper_self;
	struct image image;
	struct job *jobs;
	uint32_t settling, ready, broken;
	pthread_mutex_t mutex;
	pthread_cond_t finished;
};

/* Requests. */

static int32_t job_work(void *self, uint64_t token)
{
	struct job *job = self;
	struct raw *raw = job->raw;
	(void)token;
	pthread_mutex_lock(&raw->mutex);
	uint32_t wanted = job->state == JOB_QUEUED;
	if (wanted)
		job->state = JOB_RUNNING;
	pthread_mutex_unlock(&raw->mutex);
	if (!wanted)
		return 0;
	int32_t status = image_transfer(&raw->image, &job->request);
	pthread_mutex_lock(&raw->mutex);
	job->state = JOB_FINISHED;
	job->status = status;
	pthread_cond_broadcast(&raw->finished);
	pthread_mutex_unlock(&raw->mutex);
	return 0;
}

static void job_complete(struct job *job, int32_t status)
{
	struct raw *raw = job->raw;
	*job->before = job->next;
	if (job->next != NULL)
		job->next->before = job->before;
	job->before = NULL;
	if (status < 0 && status != -ECANCELED && !raw->broken) {
		raw->broken = 1;
		vmm_kit_log(raw->host, VMM_LOG_ERROR, "%.150s: %s of %llu bytes at %llu: %s", raw->image.path,
			job->request.operation == VMM_STORAGE_READ ? "read" : "write",
			(unsigned long long)job->request.length, (unsigned long long)job->request.offset,
			strerror(-status));
	}
	if (raw->upper != NULL)
		raw->upper->complete(raw->upper_self, job->request.token, status);
}

static void job_done(void *self, uint64_t token, int32_t status)
{
	struct job *job = self;
	(void)token;
	/* A host that had no thread for it says so. */
	if (job->before != NULL)
		job_complete(job, job->state == JOB_FINISHED ? job->status : status < 0 ? status : -EIO);
	free(job);
}

/* Complete all requests: those that no worker has begun are parked, the others are waited for. */
static void settle(struct raw *raw)
{
	raw->settling = 1;
	while (raw->jobs != NULL) {
		struct job *job = raw->jobs;
		pthread_mutex_lock(&raw->mutex);
		if (job->state == JOB_QUEUED) {
			job->state = JOB_FINISHED;
			job->status = -ECANCELED;
		}
		while (job->state != JOB_FINISHED)
			pthread_cond_wait(&raw->finished, &raw->mutex);
		int32_t status = job->status;
		pthread_mutex_unlock(&raw->mutex);
		/* Freed when its task is done. */
		job_complete(job, status);
	}
	raw->settling = 0;
}

static int32_t request_check(const struct image *image, const struct vmm_storage_request *request)
{
	uint64_t sum = 0;
	switch (request->operation) {
	case VMM_STORAGE_FLUSH: return 0;
	case VMM_STORAGE_READ:
	case VMM_STORAGE_WRITE:
		if (request->segment_count > SEGMENTS_MAXIMUM || request->length > REQUEST_MAXIMUM)
			return -EINVAL;
		for (uint32_t i = 0; i < request->segment_count; i++) {
			if (request->segments[i].length > request->length - sum)
				return -EINVAL;
			sum += request->segments[i].length;
		}
		if (sum != request->length)
			return -EINVAL;
		break;
	case VMM_STORAGE_DISCARD:
		if (!image->can_punch && image->overlay.fd < 0 && !image->readonly)
			return -EOPNOTSUPP;
		break;
	case VMM_STORAGE_WRITE_ZEROES: break;
	default: return -EOPNOTSUPP;
	}
	if (request->offset % SECTOR != 0 || request->length % SECTOR != 0 || request->offset > image->length ||
		request->length > image->length - request->offset)
		return -EINVAL;
	return request->operation != VMM_STORAGE_READ && image->readonly ? -EROFS : 0;
}

static int32_t submit(void *self, const struct vmm_storage_request *request)
{
	struct raw *raw = self;
	int32_t status = raw->settling ? -EAGAIN : request_check(&raw->image, request);
	if (status < 0)
		return status;
	struct job *job = calloc(1, sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	job->raw = raw;
	job->request = *request;
	job->next = raw->jobs;
	job->before = &raw->jobs;
	if (raw->jobs != NULL)
		raw->jobs->before = &job->next;
	raw->jobs = job;
	status = raw->task->run(raw->host->context, job_work, job_done, job, 0);
	if (status < 0) {
		raw->jobs = job->next;
		if (job->next != NULL)
			job->next->before = &raw->jobs;
		free(job);
	}
	return status;
}

static void cancel(void *self, uint64_t token)
{
	struct raw *raw = self;
	pthread_mutex_lock(&raw->mutex);
	for (struct job *job = raw->jobs; job != NULL; job = job->next) {
		if (job->request.token == token && job->state == JOB_QUEUED) {
			job->state = JOB_FINISHED;
			job->status = -ECANCELED;
		}
	}
	pthread_mutex_unlock(&raw->mutex);
}

static int32_t info(void *self, struct vmm_storage_info *info)
{
	const struct raw *raw = self;
	const struct image *image = &raw->image;
	uint64_t abilities = VMM_STORAGE_CAN_FLUSH | VMM_STORAGE_CAN_FUA;
	uint32_t size = info->struct_size;
	if (image->readonly)
		abilities |= VMM_STORAGE_READONLY;
	else
		abilities |= VMM_STORAGE_CAN_WRITE_ZEROES;
	if (!image->readonly && (image->can_punch || image->overlay.fd >= 0))
		abilities |= VMM_STORAGE_CAN_DISCARD | VMM_STORAGE_DISCARD_ZEROES;
	const struct vmm_storage_info full = {
		.struct_size = size,
		.block_size = SECTOR,
		.length = image->length,
		.capabilities = abilities,
		.physical_block = image->block,
		.segment_maximum = SEGMENTS_MAXIMUM,
		.request_maximum = REQUEST_MAXIMUM,
	};
	memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
	return 0;
}

static const struct vmm_storage_lower lower = {
	.struct_size = sizeof(struct vmm_storage_lower),
	.info = info,
	.submit = submit,
	.cancel = cancel,
};

/* The port. */

static void attached(void *self, const struct vmm_link *link)
{
	struct raw *raw = self;
	raw->upper = link->peer;
	raw->upper_self = link->peer_self;
}

static void closing(void *self, const struct vmm_link *link)
{
	(void)link;
	settle(self);
}

static void detached(void *self, const struct vmm_link *link)
{
	struct raw *raw = self;
	(void)link;
	raw->upper = NULL;
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
	struct raw *raw = self;
	pthread_mutex_init(&raw->mutex, NULL);
	pthread_cond_init(&raw->finished, NULL);
	raw->ready = 1;
	raw->image.fd = raw->image.overlay.fd = -1;
	raw->task = vmm_kit_service(raw->host, VMM_SERVICE_TASK);
	raw->state = vmm_kit_service(raw->host, VMM_SERVICE_STATE);
	if (raw->task == NULL || raw->state == NULL)
		return -ENOTSUP;
	return image_open(&raw->image, raw->host);
}

static void stop(void *self)
{
	settle(self);
}

static int32_t save(void *self)
{
	struct raw *raw = self;
	raw->state->put_u64(raw->host->context, "length", raw->image.length);
	raw->state->put_u64(raw->host->context, "changes", raw->image.overlay.fd >= 0);
	return raw->image.overlay.fd >= 0 ? overlay_save(&raw->image, raw->state) : 0;
}

static int32_t load(void *self, uint32_t version)
{
	struct raw *raw = self;
	uint64_t length = 0;
	uint64_t changes = 0;
	(void)version;
	int32_t status = raw->state->get_u64(raw->host->context, "length", &length);
	if (status >= 0)
		status = raw->state->get_u64(raw->host->context, "changes", &changes);
	if (status < 0)
		return status;
	if (length != raw->image.length)
		return vmm_kit_fail(raw->host, -EINVAL, "use the image that the machine was saved with",
			"%.1000s has %llu bytes; when the machine was saved it had %llu", raw->image.path,
			(unsigned long long)raw->image.length, (unsigned long long)length);
	if (changes != (raw->image.overlay.fd >= 0))
		return vmm_kit_fail(raw->host, -EINVAL, "set `mode` and `readonly` as when the machine was saved",
			"the saved state %s changes to %.1000s, whose mode is another now",
			changes ? "holds" : "does not hold", raw->image.path);
	return changes ? overlay_load(&raw->image, raw->state) : 0;
}

static void destroy(void *self)
{
	struct raw *raw = self;
	if (raw->ready) {
		settle(raw);
		image_close(&raw->image);
		pthread_cond_destroy(&raw->finished);
		pthread_mutex_destroy(&raw->mutex);
	}
	free(raw);
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

static uint32_t probe(uint32_t index, const struct vmm_probe *file)
{
	const uint32_t mark = 32769; /* ECMA-119, 8.1 */
	(void)index;
	if ((file->flags & (VMM_PROBE_BLOCK | VMM_PROBE_FOLDER)) != 0)
		return 0;
	return file->head_length >= mark + 5 && memcmp(file->head + mark, "CD001", 5) == 0 ? 60 : 1;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.stop = stop,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	{
		.struct_size = sizeof(struct vmm_param),
		.type = VMM_PARAM_PATH,
		.flags = VMM_PARAM_REQUIRED,
		.key = "path",
		.help = "The image, a plain file.",
	},
	VMM_KIT_PARAM_CHOICE("readonly", "auto", "auto|yes|no",
		"Whether the guest can only read it; auto: if the file cannot be written, or is an ISO 9660 image."),
	VMM_KIT_PARAM_CHOICE("mode", "persistent", "persistent|nonpersistent",
		"Whether what the guest writes goes to the file, or is kept aside in $TMPDIR and dropped at the end."),
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "size", NULL, SECTOR, (int64_t)LENGTH_MAXIMUM, NULL,
		"Make the image, sparse, with this size if there is none; grow one that is smaller."),
	VMM_KIT_PARAM_CHOICE("cache", "writeback", "writeback|writethrough",
		"Whether a write is on the disk when the guest flushes, or before it completes."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_LIVE, "storage", VMM_PORT_STORAGE, "The drive that it is in."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.storage-raw",
	.name = "Raw image",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A plain file as a disk, CD or floppy: raw and ISO 9660 images",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN_PROBE(storage_raw, VMM_KIND_STORAGE, descriptor, instance_ops, struct raw, probe);
