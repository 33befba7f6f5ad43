/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the socket is: a path, or a host and port.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <vmm/kit/host.h>

struct address {
	struct sockaddr_storage bytes;
	socklen_t length;
	char text[160]; /* for messages */
	/* The socket file that we have made. */
	uint32_t made;
	dev_t device;
	ino_t inode;
};

/* From the settings; names are looked up.  0, or a negative errno after host->fail. */
int32_t address_init(struct address *address, const struct vmm_host *host);
/* A listening socket, or a negative errno after host->fail. */
int32_t address_listen(struct address *address, const struct vmm_host *host);
/* A socket that is connected or about to be (*pending), or a negative errno. */
int32_t address_connect(const struct address *address, uint32_t *pending);
/* Prepare a connection that has been made. */
void address_tune(const struct address *address, int32_t fd);
/* Remove the socket file, if it is still ours. */
void address_remove(struct address *address);

#endif
