/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "core_fixture.h"

#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CORE_TEST_SDK
#define CORE_TEST_SDK "sdk/include"
#endif
#ifndef CORE_TEST_BUILD
#define CORE_TEST_BUILD "."
#endif

static char fixture_folder[64];

/* Check's own assertions work within tests only. */
static void fixture_must(int true_one)
{
	if (true_one)
		return;
	perror("the test cannot be set up");
	exit(99);
}

int fixture_begin(void)
{
	strcpy(fixture_folder, "/tmp/vmm-core-XXXXXX");
	return mkdtemp(fixture_folder) != NULL;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void fixture_end(void)
{
	nftw(fixture_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_path(const char *format, ...)
{
	static char paths[16][512];
	static unsigned next;
	char *path = paths[next++ % 16];
	int length = snprintf(path, sizeof(paths[0]), "%s/", fixture_folder);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path + length, sizeof(paths[0]) - (size_t)length, format, arguments);
	va_end(arguments);
	return path;
}

const char *fixture_write(const char *name, const void *data, size_t length)
{
	const char *path = fixture_path("%s", name);
	FILE *file = fopen(path, "w");

	fixture_must(file != NULL);
	fixture_must(fwrite(data, 1, length, file) == length);
	fixture_must(fclose(file) == 0);
	return path;
}

const char *fixture_text(const char *name, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;
	const char *path;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);

	va_end(arguments);
	fixture_must(length >= 0);
	path = fixture_write(name, text, (size_t)length);
	free(text);
	return path;
}

char *fixture_read(const char *path, size_t *length)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0, got = 0;

	if (!file)
		return NULL;
	do {
		text = realloc(text, size + 4097);
		fixture_must(text != NULL);
		got = fread(text + size, 1, 4096, file);
		size += got;
	} while (got);
	fclose(file);
	text[size] = 0;
	if (length)
		*length = size;
	return text;
}

int fixture_compile(const char *folder, const char *name, const char *source)
{
	const char *compiler = getenv("CC");
	char *command = NULL;
	char file[128];
	int status;

	mkdir(fixture_path("%s", folder), 0755);
	snprintf(file, sizeof(file), "%s/%s.c", folder, name);
	fixture_write(file, source, strlen(source));
	if (asprintf(&command, "%s -w -std=gnu17 -shared -fPIC -D_GNU_SOURCE -I%s -o %s/%s/%s.so %s/%s",
		    compiler && compiler[0] ? compiler : "cc", CORE_TEST_SDK, fixture_folder, folder, name,
		    fixture_folder, file) < 0)
		return -1;
	status = system(command);
	free(command);
	if (!status)
		chmod(fixture_path("%s/%s.so", folder, name), 0755);
	return status;
}

char *fixture_plugins(const char *first)
{
	const char *own = getenv("VMM_PLUGIN_PATH");
	char *path = strdup(first ? first : ""), *longer;
	glob_t found = { 0 };

	if (own && own[0]) {
		fixture_must(asprintf(&longer, "%s:%s", path, own) >= 0);
		free(path);
		return longer;
	}
	glob(CORE_TEST_BUILD "/plugins/*/.libs", 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char absolute[PATH_MAX];

		if (!realpath(found.gl_pathv[i], absolute))
			continue;
		fixture_must(asprintf(&longer, "%s:%s", path, absolute) >= 0);
		free(path);
		path = longer;
	}
	globfree(&found);
	return path;
}

const char fixture_log_plugin[] =
	"#include <fcntl.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
	"#include <vmm/param.h>\n#include <vmm/plugin.h>\n#include <vmm/port-char.h>\n"
	"struct log { const struct vmm_host *host; int fd; };\n"
	"static int32_t line_write(void *self, const void *data, uint32_t length)\n"
	"{ struct log *log = self; return (int32_t)write(log->fd, data, length); }\n"
	"static void line_readable(void *self) { (void)self; }\n"
	"static void line_event(void *self, uint32_t event, uint64_t value) { (void)self; (void)event; (void)value; }\n"
	"static const struct vmm_char_lower lower = { sizeof(lower), 0, line_write, line_readable, line_event };\n"
	"static void line_attached(void *self, const struct vmm_link *link) { (void)self; (void)link; }\n"
	"static const struct vmm_port_ops port_ops = { .struct_size = sizeof(port_ops), .attached = line_attached };\n"
	"static int32_t init(void *self)\n"
	"{ struct log *log = self; char file[4096];\n"
	"  const struct vmm_param_service *param = log->host->get_service(log->host->context, VMM_SERVICE_PARAM);\n"
	"  int32_t status = param->get_string(log->host->context, \"file\", 0, file, sizeof(file));\n"
	"  if (status < 0) return status;\n"
	"  log->fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);\n"
	"  if (log->fd >= 0) return 0;\n"
	"  log->host->fail(log->host->context, \"the file cannot be opened\", \"name another\"); return -5; }\n"
	"static void destroy(void *self)\n"
	"{ struct log *log = self; if (log->fd >= 0) close(log->fd); free(log); }\n"
	"static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)\n"
	"{ if (strcmp(key, \"line\")) return -2; side->ops = &port_ops; side->port_self = side->self = self;\n"
	"  side->table = &lower; return 0; }\n"
	"static const struct vmm_instance_ops ops = { .struct_size = sizeof(ops), .init = init, .destroy = destroy,\n"
	"  .get_port = get_port };\n"
	"static const struct vmm_param params[] = { { .struct_size = sizeof(params[0]), .type = VMM_PARAM_PATH,\n"
	"  .flags = VMM_PARAM_REQUIRED, .key = \"file\", .help = \"Where to.\" } };\n"
	"static const struct vmm_port_row ports[] = { { .struct_size = sizeof(ports[0]), .role = VMM_ROLE_LOWER,\n"
	"  .flags = VMM_PORT_LIVE, .key = \"line\", .interfaces = VMM_PORT_CHAR, .help = \"The line.\" } };\n"
	"static const struct vmm_descriptor descriptor = { .struct_size = sizeof(descriptor), .state_version = 1,\n"
	"  .param_count = 1, .param_stride = sizeof(params[0]), .params = params, .port_count = 1,\n"
	"  .port_stride = sizeof(ports[0]), .ports = ports, .id = \"com.acme.test-log\", .name = \"Log\",\n"
	"  .version = \"1\", .licence = \"BSD-2-Clause\", .description = \"A log\" };\n"
	"static int32_t create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance)\n"
	"{ struct log *log = calloc(1, sizeof(*log)); (void)index; if (!log) return -12; log->host = host;\n"
	"  log->fd = -1; instance->ops = &ops; instance->self = log; return 0; }\n"
	"static const struct vmm_descriptor *const descriptors[] = { &descriptor };\n"
	"static const struct vmm_factory factory = { sizeof(factory), 1, descriptors, create };\n"
	"static const struct vmm_factory *get_factory(const char *kind)\n"
	"{ return strcmp(kind, VMM_KIND_CHAR) ? NULL : &factory; }\n"
	"VMM_PLUGIN(test_log, get_factory);\n";

int fixture_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
