/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Joining.  Under a lock of the folder a newcomer makes its socket and calls all that are there, so that there is
 * exactly one connection between any two; later ones call it.  A socket on which nobody listens is a dead member's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "segment.h"

#define RETRY_TIME UINT64_C(20000000)
#define ID_LENGTH  16u

static void complain(struct segment *segment, const char *what, int32_t status)
{
	if (!segment->complained)
		vmm_kit_log(
			segment->host, VMM_LOG_WARNING, "segment %s: %s: %s", segment->name, what, strerror(-status));
	segment->complained = 1;
}

static void call(struct segment *segment, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int32_t status = fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	if (status == 0) {
		status = peer_new(segment, fd);
		fd = -1;
	}
	if (fd >= 0)
		close(fd);
	if (status == -ECONNREFUSED)
		unlink(path);
	else if (status < 0)
		complain(segment, "another member cannot be reached", status);
}

static void call_all(struct segment *segment)
{
	char path[SEGMENT_PATH];
	DIR *directory = opendir(segment->folder);
	const struct dirent *entry;
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (strlen(entry->d_name) != ID_LENGTH || strspn(entry->d_name, "0123456789abcdef") != ID_LENGTH)
			continue;
		snprintf(path, sizeof(path), "%.90s/%.16s", segment->folder, entry->d_name);
		if (strcmp(path, segment->path) != 0)
			call(segment, path);
	}
	if (directory != NULL)
		closedir(directory);
}

static void accept_ready(void *self, uint64_t token, uint32_t events)
{
	struct segment *segment = self;
	(void)token;
	(void)events;
	int fd = accept4(segment->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int32_t status = fd >= 0 ? peer_new(segment, fd) : errno == EAGAIN ? 0 : -errno;
	if (status < 0)
		complain(segment, "a member cannot be let in", status);
}

static int32_t listen_at(struct segment *segment)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t id = 0;
	/* Not the machine's chance: two machines may have the same. */
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	snprintf(segment->path, sizeof(segment->path), "%.90s/%016llx", segment->folder, (unsigned long long)id);
	memcpy(address.sun_path, segment->path, sizeof(segment->path));
	segment->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (segment->listener < 0)
		return -errno;
	if (bind(segment->listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(segment->listener, (int)SEGMENT_PEERS) < 0)
		return -errno;
	return segment->mode.event->watch(segment->host->context, segment->listener, VMM_EVENT_READ, accept_ready,
		segment, 0, &segment->listener_watch);
}

/* 0, or -EAGAIN: somebody else is joining. */
static int32_t join(struct segment *segment)
{
	char lock_path[SEGMENT_PATH];
	snprintf(lock_path, sizeof(lock_path), "%.90s/lock", segment->folder);
	int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int32_t status = lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	if (status == 0)
		status = listen_at(segment);
	if (status == 0)
		call_all(segment);
	if (lock >= 0)
		close(lock);
	return status;
}

void segment_join(struct segment *segment)
{
	int32_t status = join(segment);
	if (status == 0)
		return;
	segment_leave(segment);
	if (status != -EWOULDBLOCK)
		complain(segment, "cannot join", status);
	segment->timer->arm(segment->host->context, segment->retry,
		segment->timer->now(segment->host->context, VMM_CLOCK_HOST) + RETRY_TIME);
}

void segment_leave(struct segment *segment)
{
	segment->timer->arm(segment->host->context, segment->retry, VMM_TIME_NEVER);
	peers_close(segment);
	if (segment->listener_watch != 0)
		segment->mode.event->unwatch(segment->host->context, segment->listener_watch);
	segment->listener_watch = 0;
	if (segment->listener >= 0)
		close(segment->listener);
	segment->listener = -1;
	if (segment->path[0] != '\0')
		unlink(segment->path);
	segment->path[0] = '\0';
}
