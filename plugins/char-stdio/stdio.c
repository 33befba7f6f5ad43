/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The program's own standard input and output.
 *
 * On a terminal, input is raw while the machine runs, so that the guest gets every key; Ctrl-] leaves.  The end
 * of standard input only ends the input.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <vmm/kit/plugin.h>
#include <vmm/kit/stream.h>
#include <vmm/machine.h>

#define ESCAPE_KEY 0x1d /* Ctrl-] */
#define DRAIN_TIME 500  /* ms to write out the rest when the machine stops */

struct stdio {
	const struct vmm_host *host;
	const struct vmm_power_service *power;
	struct vmm_stream stream;
	uint32_t escape;   /* Ctrl-] ends the run */
	uint32_t terminal; /* standard input is one */
	uint32_t raw;      /* and we have changed its mode */
	int32_t in_fd, out_fd;
	struct termios saved;
};

/*
 * O_NONBLOCK belongs to the open file description, which the user's shell shares with us: open the same terminal or
 * pipe once more instead.  Returns the old descriptor where that is not possible (sockets) or not needed.
 */
static int32_t private_copy(int32_t fd, int mode, uint32_t *flags)
{
	struct stat what;
	char path[32];
	if (fstat(fd, &what) < 0)
		return -1;
	if (S_ISREG(what.st_mode) || S_ISBLK(what.st_mode))
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)fd);
	int copy = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (copy >= 0)
		return copy;
	*flags |= VMM_STREAM_WAITS;
	return fd;
}

static uint32_t filter(void *self, uint8_t *data, uint32_t length)
{
	struct stdio *stdio = self;
	if (!stdio->terminal || !stdio->escape)
		return length;
	const uint8_t *key = memchr(data, ESCAPE_KEY, length);
	if (key == NULL)
		return length;
	stdio->power->exit(stdio->host->context, 0);
	return (uint32_t)(key - data);
}

static int32_t init(void *self)
{
	struct stdio *stdio = self;
	uint32_t flags = 0;
	stdio->in_fd = stdio->out_fd = -1;
	stdio->power = vmm_kit_service(stdio->host, VMM_SERVICE_POWER);
	int32_t status = vmm_stream_init(&stdio->stream, stdio->host, stdio);
	if (stdio->power == NULL || status < 0)
		return -ENOTSUP;
	stdio->stream.filter = filter;
	stdio->escape = vmm_kit_bool(stdio->host, "escape", 1);
	stdio->terminal = isatty(STDIN_FILENO) == 1;
	/* A closed standard input or output is not an error: it is just not there. */
	stdio->in_fd = private_copy(STDIN_FILENO, O_RDONLY, &flags);
	stdio->out_fd = private_copy(STDOUT_FILENO, O_WRONLY, &flags);
	vmm_stream_open(&stdio->stream, stdio->in_fd, stdio->out_fd, flags);
	return 0;
}

static int32_t start(void *self)
{
	struct stdio *stdio = self;
	/* From the background, tcsetattr would stop the whole program. */
	if (stdio->terminal && !stdio->raw && tcgetpgrp(STDIN_FILENO) == getpgrp() &&
		tcgetattr(STDIN_FILENO, &stdio->saved) == 0) {
		struct termios mode = stdio->saved;
		mode.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
		mode.c_oflag &= ~(tcflag_t)OPOST;
		mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
		mode.c_cflag = (mode.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
		mode.c_cc[VMIN] = 1;
		mode.c_cc[VTIME] = 0;
		if (tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0)
			stdio->raw = 1;
	}
	vmm_stream_start(&stdio->stream);
	return 0;
}

static void restore(struct stdio *stdio)
{
	if (stdio->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &stdio->saved);
	stdio->raw = 0;
}

static void stop(void *self)
{
	struct stdio *stdio = self;
	vmm_stream_stop(&stdio->stream, DRAIN_TIME);
	restore(stdio);
}

static int32_t save(void *self)
{
	struct stdio *stdio = self;
	return vmm_stream_save(&stdio->stream);
}

static int32_t load(void *self, uint32_t version)
{
	struct stdio *stdio = self;
	(void)version;
	return vmm_stream_load(&stdio->stream);
}

static void destroy(void *self)
{
	struct stdio *stdio = self;
	if (stdio->stream.event != NULL)
		vmm_stream_stop(&stdio->stream, DRAIN_TIME);
	restore(stdio);
	vmm_stream_close(&stdio->stream);
	if (stdio->in_fd > STDERR_FILENO)
		close(stdio->in_fd);
	if (stdio->out_fd > STDERR_FILENO)
		close(stdio->out_fd);
	free(stdio);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct stdio *stdio = self;
	if (strcmp(key, "line") != 0)
		return -ENOENT;
	vmm_stream_get_port(&stdio->stream, side);
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

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_BOOL("escape", "yes", "Whether Ctrl-] on a terminal ends the run."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_LIVE, "line", VMM_PORT_CHAR, "The serial line."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.char-stdio",
	.name = "Standard input and output",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "The terminal, pipe or file that vmm was started with",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(char_stdio, VMM_KIND_CHAR, descriptor, instance_ops, struct stdio);
