/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A line whose output goes to a file, FIFO or character device, and whose input may come from another.
 *
 * FIFOs are opened for reading and writing, so that their other ends may come and go: what the guest writes waits for
 * a reader, and input does not end with a writer.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/kit/plugin.h>
#include <vmm/kit/stream.h>
#include <vmm/timer.h>

#include "tty.h"

#define DRAIN_TIME 2000                 /* ms for a slow reader to take the rest when the machine stops */
#define LOOK_TIME  UINT64_C(100000000)  /* ns between looks at the modem lines: the kernel cannot tell of changes */
#define BREAK_TIME UINT64_C(250000000)  /* a break whose length is not known */
#define BREAK_MOST UINT64_C(1000000000) /* nobody needs a longer one */

struct file {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	struct vmm_stream stream;
	struct tty tty;
	vmm_handle look, unbreak;
	uint64_t modem;   /* as last told to the guest */
	uint32_t running; /* between start and stop */
	uint32_t begun;   /* the file has what it is to begin with */
	uint32_t append, regular, failed;
	int32_t in_fd, out_fd;
	char path[4096], input[4096];
};

static const char *remedy_for(int error)
{
	switch (error) {
	case ENOENT: return "make it, or correct the name";
	case EACCES:
	case EPERM: return "get the right to it (for a serial port, usually by joining the group dialout)";
	case EISDIR: return "name a file in that folder";
	case ENOSPC: return "make room on its disk";
	case EROFS: return "name a file on a disk that can be written";
	default: return "name another file";
	}
}

static int32_t fail(struct file *file, const char *key, const char *path)
{
	int error = errno;
	return vmm_kit_fail(
		file->host, -error, remedy_for(error), "cannot open `%s = %.3000s`: %s", key, path, strerror(error));
}

static int32_t open_output(struct file *file)
{
	const int common = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat what;
	int mode = O_WRONLY;
	if (stat(file->path, &what) == 0 && (S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode)))
		mode = O_RDWR;
	int fd = open(file->path, mode | common | O_CREAT | (file->append ? O_APPEND : 0), 0666);
	if (fd < 0 && mode == O_RDWR && (errno == EACCES || errno == EPERM || errno == EROFS)) /* a printer, say */
		fd = open(file->path, O_WRONLY | common);
	if (fd < 0)
		return fail(file, "file", file->path);
	file->out_fd = fd;
	if (fstat(fd, &what) < 0)
		return fail(file, "file", file->path);
	file->regular = S_ISREG(what.st_mode);
	if (S_ISREG(what.st_mode) || S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode))
		return 0;
	return vmm_kit_fail(file->host, -EINVAL, "name a file, a FIFO or a character device",
		"`file = %.3000s` is something else", file->path);
}

static int32_t open_input(struct file *file)
{
	const int common = O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat what;
	if (file->input[0] == '\0') {
		/* A serial port has both ways. */
		if (file->tty.fd >= 0)
			file->in_fd = file->out_fd;
		return 0;
	}
	int mode = stat(file->input, &what) == 0 && S_ISFIFO(what.st_mode) ? O_RDWR : O_RDONLY;
	int fd = open(file->input, mode | common);
	if (fd < 0)
		return fail(file, "input", file->input);
	file->in_fd = fd;
	if (fstat(fd, &what) < 0)
		return fail(file, "input", file->input);
	if (S_ISREG(what.st_mode) || S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode))
		return 0;
	return vmm_kit_fail(file->host, -EINVAL, "name a file, a FIFO or a character device",
		"`input = %.3000s` is something else", file->input);
}

/* A descriptor failed (which is told once) or the input has come to its end (which is no news). */
static void ended(void *self, int32_t status)
{
	struct file *file = self;
	if (status == 0 || file->failed)
		return;
	file->failed = 1;
	vmm_kit_log(file->host, VMM_LOG_ERROR, "%.150s: %s: what the guest writes is lost; %s", file->path,
		strerror(-status), remedy_for(-status));
}

static vmm_time later(struct file *file, vmm_time nanoseconds)
{
	return file->timer->now(file->host->context, VMM_CLOCK_HOST) + nanoseconds;
}

static void look_due(void *self, uint64_t token)
{
	struct file *file = self;
	(void)token;
	if (!file->running)
		return;
	uint64_t modem = tty_get_modem(&file->tty);
	if (modem != file->modem)
		vmm_stream_event(&file->stream, VMM_CHAR_MODEM, modem);
	file->modem = modem;
	file->timer->arm(file->host->context, file->look, later(file, LOOK_TIME));
}

static void unbreak_due(void *self, uint64_t token)
{
	struct file *file = self;
	(void)token;
	tty_set_break(&file->tty, 0);
}

static void signal_down(void *self, uint32_t event, uint64_t value)
{
	struct file *file = self;
	if (file->tty.fd < 0)
		return;
	if (event == VMM_CHAR_SPEED) {
		if (tty_set_speed(&file->tty, value) < 0)
			vmm_kit_log(file->host, VMM_LOG_WARNING, "%.150s cannot do %u bits a second as the guest asks",
				file->path, (uint32_t)value);
	} else if (event == VMM_CHAR_MODEM) {
		tty_set_modem(&file->tty, value);
	} else if (event == VMM_CHAR_BREAK) {
		vmm_time length = value == 0 ? BREAK_TIME : value > BREAK_MOST ? BREAK_MOST : value;
		tty_set_break(&file->tty, 1);
		file->timer->arm(file->host->context, file->unbreak, later(file, length));
	}
}

static int32_t init(void *self)
{
	struct file *file = self;
	const struct vmm_host *host = file->host;
	file->in_fd = file->out_fd = file->tty.fd = -1;
	file->modem = UINT64_MAX;
	file->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	int32_t status = vmm_stream_init(&file->stream, host, file);
	if (file->timer == NULL || status < 0)
		return -ENOTSUP;
	file->stream.ended = ended;
	file->stream.signal = signal_down;
	file->append = vmm_kit_bool(host, "append", 0);
	if (vmm_kit_string(host, "file", file->path, sizeof(file->path)) <= 0)
		return vmm_kit_fail(host, -EINVAL, "add `file = PATH`", "`file =` is not set, or too long");
	status = vmm_kit_string(host, "input", file->input, sizeof(file->input));
	if (status < 0 && status != -ENOENT)
		return vmm_kit_fail(host, status, "use a shorter name", "`input =` is too long");
	status = file->timer->create(host->context, VMM_CLOCK_HOST, look_due, file, 0, &file->look);
	if (status >= 0)
		status = file->timer->create(host->context, VMM_CLOCK_HOST, unbreak_due, file, 0, &file->unbreak);
	if (status >= 0)
		status = open_output(file);
	if (status < 0)
		return status;
	tty_open(&file->tty, file->out_fd);
	status = open_input(file);
	if (status < 0)
		return status;
	vmm_stream_open(&file->stream, file->in_fd, file->out_fd, 0);
	return 0;
}

/* Only a machine that really starts may take away what is in the file. */
static int32_t begin(struct file *file)
{
	if (file->begun || !file->regular)
		return 0;
	file->begun = 1;
	if (!file->append && ftruncate(file->out_fd, 0) < 0) {
		int error = errno;
		return vmm_kit_fail(
			file->host, -error, remedy_for(error), "cannot empty %.3000s: %s", file->path, strerror(error));
	}
	return 0;
}

static int32_t start(void *self)
{
	struct file *file = self;
	int32_t status = begin(file);
	if (status < 0)
		return status;
	file->running = 1;
	vmm_stream_start(&file->stream);
	if (file->tty.signals)
		file->timer->arm(file->host->context, file->look, later(file, 0));
	return 0;
}

static void stop(void *self)
{
	struct file *file = self;
	file->running = 0;
	vmm_stream_stop(&file->stream, DRAIN_TIME);
	file->timer->arm(file->host->context, file->look, VMM_TIME_NEVER);
	file->timer->arm(file->host->context, file->unbreak, VMM_TIME_NEVER);
	tty_set_break(&file->tty, 0);
}

static int32_t save(void *self)
{
	struct file *file = self;
	return vmm_stream_save(&file->stream);
}

static int32_t load(void *self, uint32_t version)
{
	struct file *file = self;
	(void)version;
	/* The machine goes on: so does its file. */
	if (file->regular && !file->begun)
		lseek(file->out_fd, 0, SEEK_END);
	file->begun = 1;
	return vmm_stream_load(&file->stream);
}

static void close_all(struct file *file)
{
	if (file->running)
		stop(file);
	if (file->stream.out.count > 0)
		vmm_kit_log(file->host, VMM_LOG_WARNING, "%.150s: nobody took the last %u bytes", file->path,
			file->stream.out.count);
	vmm_stream_close(&file->stream);
	if (file->look != 0)
		file->timer->destroy(file->host->context, file->look);
	if (file->unbreak != 0)
		file->timer->destroy(file->host->context, file->unbreak);
	tty_close(&file->tty, DRAIN_TIME);
	if (file->in_fd >= 0 && file->in_fd != file->out_fd)
		close(file->in_fd);
	if (file->out_fd >= 0)
		close(file->out_fd);
}

static void destroy(void *self)
{
	struct file *file = self;
	if (file->stream.event != NULL)
		close_all(file);
	free(file);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct file *file = self;
	if (strcmp(key, "line") != 0)
		return -ENOENT;
	vmm_stream_get_port(&file->stream, side);
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
	{
		.struct_size = sizeof(struct vmm_param),
		.type = VMM_PARAM_PATH,
		.flags = VMM_PARAM_REQUIRED,
		.key = "file",
		.help = "The file, FIFO or character device (such as /dev/ttyS0) that output goes to; a file is made "
			"if "
			"need be.",
	},
	VMM_KIT_PARAM_PATH("input", NULL,
		"The file, FIFO or character device that input comes from; a terminal named by `file` has its own."),
	VMM_KIT_PARAM_BOOL("append", "no", "Whether to add to a file that is there, rather than to empty it."),
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
	.id = "org.vmm.char-file",
	.name = "File",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A serial line to and from files, FIFOs and the host's serial ports",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(char_file, VMM_KIND_CHAR, descriptor, instance_ops, struct file);
