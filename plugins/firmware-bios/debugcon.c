/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Ports 402 and E9, where a BIOS writes what it is doing: lines in the machine's log, or a file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "firmware.h"

#define PORT_402  0x402
#define PORT_E9   0xe9
#define SIGNATURE 0xe9 /* what both read, so that a writer knows that somebody listens */

static void line_end(struct debugcon *debugcon)
{
	debugcon->line[debugcon->length] = '\0';
	if (debugcon->length != 0)
		debugcon->host->log(debugcon->host->context, VMM_LOG_DEBUG, debugcon->line);
	debugcon->length = 0;
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	*value = SIGNATURE;
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct debugcon *debugcon = self;
	(void)token;
	(void)offset;
	(void)size;
	char byte = (char)value;
	/* A full disk loses lines of a log, and no more. */
	if (debugcon->fd >= 0 && write(debugcon->fd, &byte, 1) < 0)
		return 0;
	if (debugcon->fd >= 0)
		return 0;
	if (byte == '\n' || debugcon->length == sizeof(debugcon->line) - 1)
		line_end(debugcon);
	else if ((unsigned char)byte >= ' ')
		debugcon->line[debugcon->length++] = byte;
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

int32_t debugcon_init(struct debugcon *debugcon, const struct vmm_host *host)
{
	static const uint16_t ports[2] = { PORT_402, PORT_E9 };
	char path[PATH_SIZE];
	debugcon->host = host;
	debugcon->fd = -1;
	debugcon->io = vmm_kit_service(host, VMM_SERVICE_IO);
	if (debugcon->io == NULL)
		return -ENOTSUP;
	if (vmm_kit_string(host, "debug-file", path, sizeof(path)) > 0) {
		debugcon->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
		if (debugcon->fd < 0)
			return vmm_kit_fail(host, -errno, "give a file that can be written",
				"cannot open the debug file %s: %s", path, strerror(errno));
	}
	/* A plugin of the user's own (debug-exit may sit at E9) comes first. */
	for (uint32_t i = 0; i < 2; i++) {
		int32_t status = debugcon->io->claim(
			host->context, ports[i], 1, VMM_IO_SIZE_1, -1, &io_ops, debugcon, i, &debugcon->claims[i]);
		if (status < 0)
			return vmm_kit_fail(
				host, status, "leave one of the two devices out", "I/O port %#x is taken", ports[i]);
	}
	return 0;
}

void debugcon_destroy(struct debugcon *debugcon)
{
	for (uint32_t i = 0; i < 2; i++) {
		if (debugcon->claims[i] != 0)
			debugcon->io->release(debugcon->host->context, debugcon->claims[i]);
	}
	if (debugcon->fd >= 0 && debugcon->host != NULL)
		close(debugcon->fd);
}
