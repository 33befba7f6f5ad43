/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int32_t set_path(struct address *address, const struct vmm_host *host, const char *path)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&address->bytes;
	size_t length = strlen(path);
	if (length >= sizeof(local->sun_path))
		return vmm_kit_fail(host, -ENAMETOOLONG, "choose a shorter `path =`",
			"a socket's path has at most %u bytes: %.3000s", (uint32_t)sizeof(local->sun_path) - 1, path);
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, path, length + 1);
	address->length = sizeof(*local);
	memcpy(address->text, path, length + 1);
	return 0;
}

static int32_t set_name(struct address *address, const struct vmm_host *host, const char *name, uint32_t port)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char service[16];
	snprintf(service, sizeof(service), "%u", port);
	int status = getaddrinfo(name, service, &hints, &found);
	if (status != 0)
		return vmm_kit_fail(host, -EINVAL, "correct `host =`, or write an address", "cannot find %.255s: %s",
			name, gai_strerror(status));
	memcpy(&address->bytes, found->ai_addr, found->ai_addrlen);
	address->length = found->ai_addrlen;
	freeaddrinfo(found);
	snprintf(address->text, sizeof(address->text), strchr(name, ':') != NULL ? "[%.120s]:%u" : "%.120s:%u", name,
		port);
	return 0;
}

int32_t address_init(struct address *address, const struct vmm_host *host)
{
	char path[4096];
	char name[256];
	int64_t port = vmm_kit_int(host, "port", 0);
	int32_t has_path = vmm_kit_string(host, "path", path, sizeof(path));
	int32_t has_name = vmm_kit_string(host, "host", name, sizeof(name));
	if (has_path == -EOVERFLOW || has_name == -EOVERFLOW)
		return vmm_kit_fail(host, -EINVAL, "use a shorter one", "`path =` or `host =` is too long");
	if ((has_path > 0) == (port != 0))
		return vmm_kit_fail(host, -EINVAL, "set `path =` for a UNIX socket, or `port =` for TCP",
			has_path > 0 ? "both `path =` and `port =` are set" : "neither `path =` nor `port =` is set");
	if (has_path > 0)
		return set_path(address, host, path);
	return set_name(address, host, has_name > 0 ? name : "127.0.0.1", (uint32_t)port);
}

/* Does anybody listen at a socket file that is there? */
static uint32_t is_live(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 1;
	uint32_t live = connect(fd, (const struct sockaddr *)&address->bytes, address->length) == 0 ||
		errno != ECONNREFUSED;
	close(fd);
	return live;
}

static int32_t bind_path(struct address *address, const struct vmm_host *host, int fd)
{
	const char *path = ((const struct sockaddr_un *)&address->bytes)->sun_path;
	const struct sockaddr *where = (const struct sockaddr *)&address->bytes;
	struct stat what;
	int status = bind(fd, where, address->length);
	if (status < 0 && errno == EADDRINUSE) {
		if (lstat(path, &what) == 0 && !S_ISSOCK(what.st_mode))
			return vmm_kit_fail(host, -EEXIST, "remove it, or choose another `path =`",
				"%s is there and is no socket", path);
		if (is_live(address))
			return vmm_kit_fail(host, -EADDRINUSE, "stop it, or choose another `path =`",
				"another program listens at %s", path);
		unlink(path);
		status = bind(fd, where, address->length);
	}
	if (status < 0)
		return errno == EADDRINUSE ? -EBUSY : -errno;
	if (stat(path, &what) == 0) {
		address->made = 1;
		address->device = what.st_dev;
		address->inode = what.st_ino;
	}
	return 0;
}

int32_t address_listen(struct address *address, const struct vmm_host *host)
{
	int on = 1;
	int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int32_t status = fd < 0 ? -errno : 0;
	if (status == 0 && address->bytes.ss_family == AF_UNIX) {
		status = bind_path(address, host, fd);
		if (status == -EEXIST || status == -EADDRINUSE) {
			close(fd);
			return status;
		}
	} else if (status == 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, (const struct sockaddr *)&address->bytes, address->length) < 0)
			status = -errno;
	}
	if (status == 0 && listen(fd, 1) < 0)
		status = -errno;
	if (status == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return vmm_kit_fail(host, status, "choose another `path =`, `host =` or `port =`", "cannot listen at %s: %s",
		address->text, strerror(-status));
}

int32_t address_connect(const struct address *address, uint32_t *pending)
{
	int fd = socket(address->bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	*pending = 0;
	if (connect(fd, (const struct sockaddr *)&address->bytes, address->length) == 0)
		return fd;
	int error = errno;
	if (error == EINPROGRESS) {
		*pending = 1;
		return fd;
	}
	close(fd);
	return -error;
}

void address_tune(const struct address *address, int32_t fd)
{
	int on = 1;
	if (address->bytes.ss_family == AF_UNIX)
		return;
	/* A key a packet; and a peer that has vanished is found out one day. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

void address_remove(struct address *address)
{
	const char *path = ((const struct sockaddr_un *)&address->bytes)->sun_path;
	struct stat what;
	if (address->made && lstat(path, &what) == 0 && what.st_dev == address->device && what.st_ino == address->inode)
		unlink(path);
	address->made = 0;
}
