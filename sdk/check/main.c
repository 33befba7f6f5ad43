/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm-plugin-check: the command.  Every check of every plugin runs in a child, so that a crash ends only that check.
 */
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A check that has said nothing for so long hangs (and `seconds` on top). */
#define PATIENCE 20

static const struct {
	const char *name;
	void (*run)(struct check *check);
} checks[] = {
	{ "descriptor", check_descriptor },
	{ "instances", check_create },
	{ "settings", check_settings },
	{ "services", check_services },
	{ "failures", check_failures },
	{ "joining", check_join },
	{ "driving", check_drive },
	{ "state", check_state },
	{ "damage", check_damage },
	{ "leaks", check_leaks },
};

/* What parent and child share. */
struct shared {
	struct check_note note;
	uint32_t finished, failed;
	uint64_t seed;
	char cause[768], remedy[256], detail[256];
};

static void child(struct shared *shared, struct check *check, uint32_t number)
{
	/* A plugin may use standard input and output: it gets nothing to read, and what it writes is not ours. */
	int null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!check->options->verbose)
		dup2(null, STDERR_FILENO);
	close(null);
	signal(SIGPIPE, SIG_IGN);
	checks[number].run(check);
	shared->failed = check->failed;
	shared->seed = check->seed;
	memcpy(shared->cause, check->cause, sizeof(shared->cause));
	memcpy(shared->remedy, check->remedy, sizeof(shared->remedy));
	memcpy(shared->detail, check->detail, sizeof(shared->detail));
	shared->finished = 1;
	_exit(0);
}

/* Remove what is in the folder of paths, and it. */
static void folder_remove(const struct check *check)
{
	char path[192];
	for (uint32_t i = 0; i < check->descriptor->param_count; i++) {
		snprintf(path, sizeof(path), "%s/%s", check->folder, check_param(check->descriptor, i)->key);
		unlink(path);
	}
	rmdir(check->folder);
}

static int32_t wait_for(pid_t pid, uint32_t seconds, int *status)
{
	struct timespec pause = { 0, 2000000 };
	for (uint64_t i = 0; i < (uint64_t)seconds * 500; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return 0;
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return -1;
}

/* 1 if the check has failed. */
static uint32_t check_run(struct check *check, struct shared *shared, uint32_t number, const char *file)
{
	const char *id = check->descriptor->id != NULL ? check->descriptor->id : "?";
	int status = 0;
	memset(shared, 0, sizeof(*shared));
	shared->seed = check->options->seed;
	snprintf(check->folder, sizeof(check->folder), "/tmp/vmm-plugin-check-XXXXXX");
	if (mkdtemp(check->folder) == NULL)
		check->folder[0] = '\0';
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		fprintf(stderr, "vmm-plugin-check: fork: %s: end other processes\n", strerror(errno));
		exit(1);
	}
	if (pid == 0)
		child(shared, check, number);
	int32_t late = wait_for(pid, PATIENCE + check->options->seconds, &status);
	folder_remove(check);
	if (shared->finished && !shared->failed) {
		printf("ok    %s %s%s%s\n", id, checks[number].name, shared->detail[0] != '\0' ? ": " : "",
			shared->detail);
		return 0;
	}
	if (shared->finished) {
		printf("FAIL  %s %s: %s: %s", id, checks[number].name, shared->cause, shared->remedy);
	} else {
		shared->seed = shared->note.seed;
		if (late < 0)
			printf("FAIL  %s %s: it hangs in: %s: let every call return soon", id, checks[number].name,
				shared->note.doing);
		else if (WIFSIGNALED(status))
			printf("FAIL  %s %s: killed by signal %d (%s) in: %s: run it again under gdb", id,
				checks[number].name, WTERMSIG(status), strsignal(WTERMSIG(status)), shared->note.doing);
		else
			printf("FAIL  %s %s: it ended the process (status %d) in: %s: return an error instead", id,
				checks[number].name, WEXITSTATUS(status), shared->note.doing);
	}
	printf(" [vmm-plugin-check %s --plugin %s --check %s --seed %llu]\n", file, id, checks[number].name,
		(unsigned long long)shared->seed);
	return 1;
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: vmm-plugin-check FILE.so [--seed N] [--seconds N] [--instances N] [--plugin ID]\n"
		"                        [--check NAME] [--set KEY=VALUE]... [--verbose]\n");
}

static uint64_t number(const char *text, uint64_t most, const char *option)
{
	char *end;
	errno = 0;
	uint64_t value = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > most) {
		fprintf(stderr, "vmm-plugin-check: --%s takes a number up to %llu, not `%s`\n", option,
			(unsigned long long)most, text);
		exit(2);
	}
	return value;
}

/* The file's entry; exits with a message, unless the rest can be checked all the same. */
static const struct vmm_plugin *entry_open(const char *path, uint32_t *failed)
{
	char cause[256];
	if (check_symbols(path, cause, sizeof(cause)) < 0) {
		printf("FAIL  %s symbols: %s\n", path, cause);
		(*failed)++;
	}
	void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct vmm_plugin *entry = file != NULL ? dlsym(file, "vmm_plugin") : NULL;
	if (entry == NULL) {
		printf("FAIL  %s symbols: %s: link it with -Wl,-z,defs to see what is missing\n", path, dlerror());
		exit(1);
	}
	if (entry->magic != VMM_ABI_MAGIC || entry->abi_major != VMM_ABI_MAJOR ||
		entry->struct_size < sizeof(struct vmm_plugin) || entry->get_factory == NULL) {
		printf("FAIL  %s symbols: vmm_plugin has a wrong magic number, ABI or size: make it with "
		       "VMM_PLUGIN()\n",
			path);
		exit(1);
	}
	if (entry->sdk_version != VMM_SDK_VERSION) {
		printf("FAIL  %s symbols: it was built with SDK %u.%u, this is %u.%u: rebuild it\n", path,
			entry->sdk_version >> 16, entry->sdk_version & 0xffff, VMM_SDK_VERSION_MAJOR,
			VMM_SDK_VERSION_MINOR);
		exit(1);
	}
	if (*failed == 0)
		printf("ok    %s symbols\n", path);
	return entry;
}

/* All checks of one factory's plugins; how many failed.  *seen counts plugins. */
static uint32_t factory_run(const struct check_options *options, const struct vmm_factory *factory,
	struct shared *shared, const char *file, const char *only, uint32_t *seen)
{
	uint32_t failed = 0;
	for (uint32_t i = 0; i < factory->descriptor_count; i++) {
		const struct vmm_descriptor *descriptor = factory->descriptors[i];
		if (options->plugin != NULL && (descriptor->id == NULL || strcmp(descriptor->id, options->plugin) != 0))
			continue;
		(*seen)++;
		for (uint32_t k = 0; k < sizeof(checks) / sizeof(checks[0]); k++) {
			struct check check = {
				.options = options,
				.factory = factory,
				.index = i,
				.descriptor = descriptor,
				.note = &shared->note,
				.seed = options->seed,
			};
			if (only != NULL && strcmp(only, checks[k].name) != 0)
				continue;
			uint32_t bad = check_run(&check, shared, k, file);
			failed += bad;
			/* With broken tables, or without an instance, the rest means nothing. */
			if (bad &&
				(checks[k].run == check_descriptor || strncmp(shared->cause, "init failed", 11) == 0))
				break;
		}
	}
	return failed;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "seed", 1, NULL, 's' }, { "seconds", 1, NULL, 't' },
		{ "instances", 1, NULL, 'i' }, { "plugin", 1, NULL, 'p' }, { "check", 1, NULL, 'c' },
		{ "set", 1, NULL, 'S' }, { "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 } };
	static const char *const kinds[] = { VMM_KIND_DEVICE, VMM_KIND_CHAR, VMM_KIND_STORAGE, VMM_KIND_NET,
		VMM_KIND_DISPLAY, VMM_KIND_AUDIO, VMM_KIND_INPUT, VMM_KIND_ENGINE, VMM_KIND_CONTROL };
	struct check_options options = { .seed = 1, .seconds = 1, .instances = 16 };
	const char *only = NULL;
	char path[PATH_MAX];
	int option;
	while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (option) {
		case 's': options.seed = number(optarg, UINT64_MAX, "seed"); break;
		case 't': options.seconds = (uint32_t)number(optarg, 86400, "seconds"); break;
		case 'i': options.instances = (uint32_t)number(optarg, FAKE_INSTANCES, "instances"); break;
		case 'p': options.plugin = optarg; break;
		case 'c': only = optarg; break;
		case 'S':
			if (strchr(optarg, '=') == NULL || options.setting_count == CHECK_SETTINGS) {
				fprintf(stderr, "vmm-plugin-check: --set takes KEY=VALUE, up to %d times\n",
					CHECK_SETTINGS);
				return 2;
			}
			options.settings[options.setting_count++] = optarg;
			break;
		case 'v': options.verbose = 1; break;
		case 'h': usage(stdout); return 0;
		default: usage(stderr); return 2;
		}
	}
	if (optind + 1 != argc || options.instances == 0) {
		usage(stderr);
		return 2;
	}
	/* A name without a slash would be looked for in the library path. */
	if (realpath(argv[optind], path) == NULL) {
		fprintf(stderr, "vmm-plugin-check: %s: %s: give the path of a plugin file\n", argv[optind],
			strerror(errno));
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	uint32_t failed = 0;
	const struct vmm_plugin *entry = entry_open(path, &failed);
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	uint32_t seen = 0;
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct vmm_factory *factory = entry->get_factory(kinds[i]);
		if (factory == NULL)
			continue;
		if (factory->descriptors == NULL || factory->create == NULL) {
			printf("FAIL  %s: its factory for %s has no descriptors or no create: fill it in\n",
				argv[optind], kinds[i]);
			failed++;
			continue;
		}
		failed += factory_run(&options, factory, shared, argv[optind], only, &seen);
	}
	if (seen == 0 && failed == 0) {
		printf("FAIL  %s: it offers no plugin%s%s: see get_factory\n", argv[optind],
			options.plugin != NULL ? " called " : "", options.plugin != NULL ? options.plugin : "");
		return 1;
	}
	return failed > 0;
}
