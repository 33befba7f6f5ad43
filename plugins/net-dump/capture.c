/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The file is a pcap with nanoseconds, in the host's byte order (draft-ietf-opsawg-pcap).
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER        (2u << 20)
#define PCAP_MAGIC    UINT32_C(0xa1b23c4d)
#define PCAP_VERSION  (2u | 4u << 16)
#define PCAP_ETHERNET 1u
#define SECOND        UINT64_C(1000000000)

struct file_header {
	uint32_t magic, version, zone, accuracy, snaplen, link;
};

struct record_header {
	uint32_t seconds, nanoseconds, length, whole;
};

int32_t capture_init(struct capture *capture)
{
	capture->filling = malloc(BUFFER);
	capture->writing = malloc(BUFFER);
	return capture->filling != NULL && capture->writing != NULL ? 0 : -ENOMEM;
}

static int32_t write_all(int fd, const uint8_t *data, uint32_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, data, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		data += done;
		length -= (uint32_t)done;
	}
	return 0;
}

int32_t capture_open(struct capture *capture)
{
	struct stat what;
	/* What the guest says is nobody else's business.  A FIFO could make us wait. */
	int fd = open(capture->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	int32_t status = fd < 0 || fstat(fd, &what) < 0 ? -errno : 0;
	if (status == -ENXIO || (status == 0 && !S_ISREG(what.st_mode))) {
		if (fd >= 0)
			close(fd);
		return vmm_kit_fail(
			capture->host, -EINVAL, "choose another `file =`", "%.400s is no regular file", capture->path);
	}
	if (status < 0)
		return vmm_kit_fail(capture->host, status, "correct `file =`", "cannot write to %.400s: %s",
			capture->path, strerror(-status));
	capture->fd = fd;
	return 0;
}

int32_t capture_begin(struct capture *capture)
{
	const struct file_header header = { PCAP_MAGIC, PCAP_VERSION, 0, 0, capture->snaplen, PCAP_ETHERNET };
	int32_t status = ftruncate(capture->fd, 0) < 0 ? -errno : 0;
	if (status == 0)
		status = write_all(capture->fd, (const uint8_t *)&header, sizeof(header));
	if (status < 0)
		return vmm_kit_fail(capture->host, status, "choose another `file =`", "cannot write to %.400s: %s",
			capture->path, strerror(-status));
	capture->bytes = sizeof(header);
	return 0;
}

static int32_t work(void *self, uint64_t token)
{
	struct capture *capture = self;
	(void)token;
	return write_all(capture->fd, capture->writing, capture->to_write);
}

static void failed(struct capture *capture, int32_t status)
{
	if (capture->error == 0)
		vmm_kit_log(capture->host, VMM_LOG_WARNING, "%.100s cannot be written and ends here: %s", capture->path,
			strerror(-status));
	capture->error = status;
}

static void write_soon(struct capture *capture);

static void done(void *self, uint64_t token, int32_t status)
{
	struct capture *capture = self;
	(void)token;
	capture->to_write = 0;
	if (status < 0)
		failed(capture, status);
	write_soon(capture);
}

static void swap(struct capture *capture)
{
	uint8_t *full = capture->filling;
	capture->filling = capture->writing;
	capture->writing = full;
	capture->to_write = capture->filled;
	capture->filled = 0;
}

static void write_soon(struct capture *capture)
{
	if (capture->to_write > 0 || capture->filled == 0)
		return;
	swap(capture);
	if (capture->task->run(capture->host->context, work, done, capture, 0) >= 0)
		return;
	/* The next frame tries again. */
	uint32_t length = capture->to_write;
	swap(capture);
	capture->filled = length;
	capture->to_write = 0;
}

void capture_add(struct capture *capture, const struct vmm_net_frame *frame, vmm_time time)
{
	uint32_t length = frame->length < capture->snaplen ? (uint32_t)frame->length : capture->snaplen;
	const struct record_header header = {
		.seconds = (uint32_t)(time / SECOND),
		.nanoseconds = (uint32_t)(time % SECOND),
		.length = length,
		.whole = (uint32_t)frame->length,
	};
	uint32_t size = sizeof(header) + length;
	if (capture->bytes + size > capture->limit && !capture->full) {
		capture->full = 1;
		vmm_kit_log(capture->host, VMM_LOG_INFO, "%.100s has reached its limit and ends here", capture->path);
	}
	if (capture->bytes == 0 || capture->error != 0 || capture->full || capture->filled + size > BUFFER) {
		capture->dropped++;
		return;
	}
	memcpy(capture->filling + capture->filled, &header, sizeof(header));
	vmm_net_copy(frame, 0, capture->filling + capture->filled + sizeof(header), length);
	capture->filled += size;
	capture->bytes += size;
	capture->frames++;
	write_soon(capture);
}

void capture_flush(struct capture *capture)
{
	if (capture->to_write > 0 || capture->filled == 0)
		return;
	int32_t status = capture->error == 0 ? write_all(capture->fd, capture->filling, capture->filled) : 0;
	capture->filled = 0;
	if (status < 0)
		failed(capture, status);
}

void capture_destroy(struct capture *capture)
{
	if (capture->fd >= 0) {
		capture_flush(capture);
		close(capture->fd);
	}
	capture->fd = -1;
	free(capture->filling);
	free(capture->writing);
}
