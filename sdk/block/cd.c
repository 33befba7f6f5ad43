/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A CD drive of the host's: discs come and go, which nobody tells; so the drive is asked now and then.
 *
 * It is asked on a worker, since a drive that spins up takes its time.  What has changed is taken over on the event
 * loop, when no request is under way.
 */
#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>

#include <linux/cdrom.h>

#include "queue.h"

#define EVERY 1000000000u /* ns */

bool cd_is(const struct vmm_block_file *file)
{
	return file->is_device && ioctl(file->fd, CDROM_GET_CAPABILITY, 0) >= 0;
}

int32_t cd_lock(const struct vmm_block_file *file, uint32_t locked)
{
	return ioctl(file->fd, CDROM_LOCKDOOR, locked != 0) < 0 ? -errno : 0;
}

int32_t cd_eject(const struct vmm_block_file *file)
{
	/* The guest may open the door that it has locked. */
	cd_lock(file, 0);
	return ioctl(file->fd, CDROMEJECT, 0) < 0 ? -errno : 0;
}

/* On a worker.  1: there is another disc now, or none any more. */
static int32_t cd_ask(void *self, uint64_t token)
{
	struct cd *cd = self;
	const struct vmm_block_file *file = cd->disk->image->file;
	(void)token;
	int status = ioctl(file->fd, CDROM_DRIVE_STATUS, CDSL_CURRENT);
	/* Drives that cannot say are taken by their word on changes alone. */
	uint32_t loaded = status == CDS_DISC_OK ||
		(status != CDS_TRAY_OPEN && status != CDS_NO_DISC && status != CDS_DRIVE_NOT_READY &&
			cd->disk->length != 0);
	int changed = ioctl(file->fd, CDROM_MEDIA_CHANGED, CDSL_CURRENT);
	return changed > 0 || loaded != (cd->disk->length != 0);
}

static void cd_told(void *self, uint64_t token, int32_t status)
{
	struct cd *cd = self;
	(void)token;
	cd->asking = 0;
	if (status > 0)
		cd->changed(cd->changed_self);
	if (cd->running)
		cd->timer->arm(cd->host->context, cd->clock, cd->timer->now(cd->host->context, VMM_CLOCK_HOST) + EVERY);
}

static void cd_due(void *self, uint64_t token)
{
	struct cd *cd = self;
	(void)token;
	if (!cd->running || cd->asking)
		return;
	cd->asking = 1;
	if (cd->task->run(cd->host->context, cd_ask, cd_told, cd, 0) < 0) {
		/* For want of memory: next time. */
		cd->asking = 0;
		cd->timer->arm(cd->host->context, cd->clock, cd->timer->now(cd->host->context, VMM_CLOCK_HOST) + EVERY);
	}
}

int32_t cd_init(struct cd *cd, const struct vmm_host *host, struct disk *disk, void (*changed)(void *self), void *self)
{
	cd->host = host;
	cd->disk = disk;
	cd->changed = changed;
	cd->changed_self = self;
	cd->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	cd->task = vmm_kit_service(host, VMM_SERVICE_TASK);
	if (cd->timer == NULL || cd->task == NULL)
		return -ENOTSUP;
	return cd->timer->create(host->context, VMM_CLOCK_HOST, cd_due, cd, 0, &cd->clock);
}

void cd_start(struct cd *cd)
{
	if (cd->clock == 0)
		return;
	cd->running = 1;
	cd->timer->arm(cd->host->context, cd->clock, cd->timer->now(cd->host->context, VMM_CLOCK_HOST));
}

void cd_stop(struct cd *cd)
{
	if (cd->clock == 0)
		return;
	cd->running = 0;
	cd->timer->arm(cd->host->context, cd->clock, VMM_TIME_NEVER);
}

void cd_destroy(struct cd *cd)
{
	if (cd->clock != 0)
		cd->timer->destroy(cd->host->context, cd->clock);
	cd->clock = 0;
}
