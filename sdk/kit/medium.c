/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/medium.h>

#include <errno.h>
#include <string.h>

#include <vmm/kit/fields.h>

static uint32_t has_data(uint32_t operation)
{
	return operation == VMM_STORAGE_READ || operation == VMM_STORAGE_WRITE;
}

static void info_read(struct vmm_medium *medium)
{
	struct vmm_storage_info info = { .struct_size = sizeof(info) };
	if (medium->lower == NULL || medium->lower->info(medium->lower_self, &info) < 0)
		memset(&info, 0, sizeof(info));
	if (info.block_size < 512 || info.block_size > 65536 || (info.block_size & (info.block_size - 1)) != 0)
		info.length = 0;
	if (info.length == 0)
		info.block_size = 512;
	medium->info = info;
}

/* The next request of the job. */
static int32_t submit(struct vmm_medium *medium)
{
	const struct vmm_storage_info *info = &medium->info;
	uint64_t left = medium->length - medium->done;
	uint64_t most = medium->single ? info->block_size : info->request_maximum & ~(uint64_t)(info->block_size - 1);
	uint64_t offset = medium->offset + medium->done;
	if (!medium->running || medium->closing)
		return 0; /* parked */
	if (medium->lower == NULL || info->length == 0)
		return -ENODEV;
	/* The medium may be another than when the job began. */
	if (((offset | left) & (info->block_size - 1)) != 0 || offset > info->length || left > info->length - offset)
		return -EIO;
	if (most == 0)
		most = info->request_maximum != 0 ? info->block_size : left;
	medium->piece = left < most ? left : most;
	struct vmm_storage_request request = {
		.struct_size = sizeof(request),
		.operation = medium->operation,
		.flags = vmm_medium_can(medium, VMM_STORAGE_CAN_FUA) ? medium->flags : 0,
		.token = ++medium->token,
		.offset = offset,
		.length = medium->piece,
		.segments = &medium->segment,
	};
	if (has_data(medium->operation)) {
		medium->segment.data = medium->buffer + medium->at + medium->done;
		medium->segment.length = medium->piece;
		request.segment_count = 1;
	}
	medium->in_flight = 1;
	int32_t status = medium->lower->submit(medium->lower_self, &request);
	if (status < 0)
		medium->in_flight = 0;
	return status;
}

static void end(struct vmm_medium *medium, int32_t status)
{
	medium->active = 0;
	medium->ended(medium->self, status);
}

static void complete(void *self, uint64_t token, int32_t status)
{
	struct vmm_medium *medium = self;
	if (!medium->in_flight || token != medium->token)
		return;
	medium->in_flight = 0;
	if (medium->abandoned) {
		medium->abandoned = 0;
		end(medium, -ECANCELED);
		return;
	}
	if (status == -ECANCELED)
		return; /* parked until start, or until the medium is gone */
	if (status < 0 && medium->piece > medium->info.block_size && !medium->single) {
		medium->single = 1;
		status = submit(medium);
	} else if (status >= 0) {
		medium->done += medium->piece;
		if (medium->done < medium->length) {
			status = submit(medium);
		} else if ((medium->flags & VMM_STORAGE_FUA) != 0 && !vmm_medium_can(medium, VMM_STORAGE_CAN_FUA) &&
			vmm_medium_can(medium, VMM_STORAGE_CAN_FLUSH)) {
			medium->operation = VMM_STORAGE_FLUSH;
			medium->flags = 0;
			medium->offset = medium->length = medium->done = 0;
			status = submit(medium);
		} else {
			end(medium, 0);
			return;
		}
	}
	if (status < 0)
		end(medium, status);
}

static void media_changed(void *self)
{
	struct vmm_medium *medium = self;
	info_read(medium);
	medium->changed(medium->self);
}

static void resized(void *self, uint64_t length)
{
	(void)length;
	media_changed(self);
}

static const struct vmm_storage_upper upper = {
	.struct_size = sizeof(struct vmm_storage_upper),
	.complete = complete,
	.media_changed = media_changed,
	.resized = resized,
};

void vmm_medium_init(struct vmm_medium *medium, const struct vmm_host *host, uint8_t *buffer, uint32_t size)
{
	medium->host = host;
	medium->prefix = "medium.";
	medium->buffer = buffer;
	medium->buffer_size = size;
	medium->info.block_size = 512;
}

int32_t vmm_medium_begin(
	struct vmm_medium *medium, uint32_t operation, uint32_t flags, uint64_t offset, uint64_t length, uint32_t at)
{
	if (medium->active || medium->in_flight)
		return -EBUSY;
	if (medium->lower == NULL || medium->info.length == 0)
		return -ENODEV;
	if (has_data(operation) && (at > medium->buffer_size || length > medium->buffer_size - at))
		return -EINVAL;
	if (operation == VMM_STORAGE_FLUSH ? !vmm_medium_can(medium, VMM_STORAGE_CAN_FLUSH) : length == 0)
		return 1;
	medium->operation = operation;
	medium->flags = flags;
	medium->offset = offset;
	medium->length = length;
	medium->done = 0;
	medium->at = at;
	medium->single = 0;
	int32_t status = submit(medium);
	medium->active = status >= 0;
	return status < 0 ? status : 0;
}

void vmm_medium_abandon(struct vmm_medium *medium)
{
	if (!medium->in_flight) {
		medium->active = 0;
	} else if (!medium->abandoned) {
		medium->abandoned = 1;
		if (medium->lower != NULL && VMM_HAS(medium->lower, cancel))
			medium->lower->cancel(medium->lower_self, medium->token);
	}
}

void vmm_medium_start(struct vmm_medium *medium)
{
	medium->running = 1;
	if (!medium->active || medium->in_flight)
		return;
	int32_t status = submit(medium);
	if (status < 0)
		end(medium, status);
}

void vmm_medium_stop(struct vmm_medium *medium)
{
	medium->running = 0;
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct vmm_medium, operation, VMM_STORAGE_WRITE_ZEROES),
	VMM_FIELD_MAX(struct vmm_medium, flags, VMM_STORAGE_FUA),
	VMM_FIELD_MAX(struct vmm_medium, offset, INT64_MAX),
	VMM_FIELD_MAX(struct vmm_medium, length, INT64_MAX),
	VMM_FIELD_MAX(struct vmm_medium, done, INT64_MAX),
	VMM_FIELD(struct vmm_medium, at),
	VMM_FIELD_MAX(struct vmm_medium, single, 1),
	VMM_FIELD_MAX(struct vmm_medium, active, 1),
};

int32_t vmm_medium_save(struct vmm_medium *medium)
{
	return vmm_fields_save(medium->host, medium->prefix, medium, fields, VMM_KIT_COUNT(fields));
}

int32_t vmm_medium_load(struct vmm_medium *medium)
{
	int32_t status = vmm_fields_load(medium->host, medium->prefix, medium, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	if (medium->done > medium->length ||
		(has_data(medium->operation) &&
			(medium->at > medium->buffer_size || medium->length > medium->buffer_size - medium->at)) ||
		(medium->active && medium->operation == 0))
		return vmm_kit_fail(medium->host, -EINVAL, "the state is damaged: start the machine afresh",
			"the saved request lies outside the drive's buffer");
	return 0;
}

/* The port. */

static void port_attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_medium *medium = port_self;
	medium->lower = link->peer;
	medium->lower_self = link->peer_self;
	medium->link = link->id;
	media_changed(medium);
}

static void port_closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_medium *medium = port_self;
	if (medium->lower == NULL || link->id != medium->link)
		return;
	medium->closing = 1;
	if (medium->in_flight && VMM_HAS(medium->lower, cancel))
		medium->lower->cancel(medium->lower_self, medium->token);
}

static void port_detached(void *port_self, const struct vmm_link *link)
{
	struct vmm_medium *medium = port_self;
	if (medium->lower == NULL || link->id != medium->link)
		return; /* a link that was prepared and came to nothing */
	medium->lower = NULL;
	medium->closing = 0;
	/* What has not come back by now never will. */
	medium->in_flight = 0;
	int32_t status = medium->abandoned ? -ECANCELED : -ENODEV;
	medium->abandoned = 0;
	if (medium->active)
		end(medium, status);
	media_changed(medium);
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = port_attached,
	.closing = port_closing,
	.detached = port_detached,
};

void vmm_medium_get_port(struct vmm_medium *medium, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = medium;
	side->table = &upper;
	side->self = medium;
}
