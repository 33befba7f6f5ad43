/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm run FILE */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vmm/command/command.h"
#include "vmm/command/serve.h"
#include "vmm/engine/engine.h"
#include "vmm/machine/machine.h"

struct run_options {
	const char *file, *serial, *state, *report, *gdb;
	const char *sets[64];
	unsigned set_count;
	unsigned log_level, trace;
	bool trace_io;
};

static int run_parse(int argc, char **argv, struct run_options *options)
{
	static const char *const levels[] = { "", "error", "warning", "info", "debug", "trace" };
	static const char *const shorthands[][2] = { { "--tier", "engine.tier" }, { "--check", "engine.check" } };
	static char settings[2][64];

	for (int i = 0; i < argc; i++) {
		bool missing = false;
		const char *value;

		value = command_option(argc, argv, &i, "--set", &missing);
		for (unsigned n = 0; n < 2 && !value && !missing; n++) {
			value = command_option(argc, argv, &i, shorthands[n][0], &missing);
			if (!value)
				continue;
			snprintf(settings[n], sizeof(settings[n]), "%s=%s", shorthands[n][1], value);
			value = settings[n];
		}
		if (value) {
			if (options->set_count == 64)
				return command_usage("run", "more than 64 --set, --tier and --check");
			options->sets[options->set_count++] = value;
		} else if (!missing && (value = command_option(argc, argv, &i, "--serial", &missing))) {
			options->serial = value;
		} else if (!missing && (value = command_option(argc, argv, &i, "--gdb", &missing))) {
			options->gdb = value;
		} else if (!missing && (value = command_option(argc, argv, &i, "--load", &missing))) {
			options->state = value;
		} else if (!missing && (value = command_option(argc, argv, &i, "--report", &missing))) {
			options->report = value;
		} else if (!missing && (value = command_option(argc, argv, &i, "--trace", &missing))) {
			if (!command_trace_words(value, &options->trace, &options->trace_io))
				return command_usage("run", "--trace takes exec, int, mmu and io, parted by commas");
		} else if (!missing && (value = command_option(argc, argv, &i, "--log", &missing))) {
			for (unsigned level = 1; level < 6; level++)
				if (!strcmp(levels[level], value))
					options->log_level = level;
			if (!options->log_level)
				return command_usage("run", "--log takes error, warning, info, debug or trace");
		} else if (missing) {
			return command_usage("run", "%s needs a value", argv[i]);
		} else if (!strcmp(argv[i], "--headless")) {
			/* There is no window yet that it could keep closed. */
		} else if (argv[i][0] == '-') {
			return command_usage("run", "there is no option \"%s\"", argv[i]);
		} else if (options->file) {
			return command_usage("run", "one FILE is enough (\"%s\" is another)", argv[i]);
		} else {
			options->file = argv[i];
		}
	}
	return options->file ? STATUS_DONE : command_usage("run", "which FILE?");
}

/* The first section whose plugin has a port for a terminal: what --serial joins. */
static int serial_port(struct config *config, struct plugin_registry *registry, const char **section, const char **port,
	struct config_error *error)
{
	for (unsigned i = 0; i < config->count; i++) {
		const char *id = config_text(config, config->sections[i]->name, "plugin");
		const struct plugin *plugin;
		struct config_error ignored;

		if (!id || !strcmp(id, "none") || registry_find(registry, id, &plugin, &ignored))
			continue;
		for (uint32_t j = 0; j < plugin->descriptor.port_count; j++) {
			const struct vmm_port_row *row = &plugin->ports[j];

			if (!(row->flags & VMM_PORT_CONSOLE))
				continue;
			*section = config->sections[i]->name;
			*port = row->key;
			return 0;
		}
	}
	return config_fail(error, "--serial", 0, "the machine has no serial port: add a section with one");
}

/* --serial KIND is the plugin whose name is "char-" and KIND; a PATH takes the one for files. */
static int run_serial(
	struct config *config, struct plugin_registry *registry, const char *serial, struct config_error *error)
{
	bool path = strchr(serial, '/') != NULL;
	const char *section = NULL, *port = NULL;
	char plugin[128], key[128];
	int status = serial_port(config, registry, &section, &port, error);

	if (status)
		return status;
	snprintf(plugin, sizeof(plugin), "char-%s", path ? "file" : serial);
	/* Whatever the file says of the backend that was there is not meant for this one. */
	snprintf(key, sizeof(key), "%s.", port);
	config_drop(config, section, key);
	status = config_put(config, section, port, plugin, NULL, 0);
	snprintf(key, sizeof(key), "%s.file", port);
	if (!status && path)
		status = config_put(config, section, key, serial, NULL, 0);
	if (status)
		config_fail(error, NULL, 0, "out of memory");
	return status;
}

/* --gdb [HOST:]PORT: the sections of the file "gdb" beside the base machines, with this address. */
static int run_gdb(struct config *config, const char *address, struct config_error *error)
{
	const char *colon = strrchr(address, ':'), *port = colon ? colon + 1 : address;
	int status = machine_config_add(config, "gdb", error);
	char *host = NULL;

	if (status)
		return status;
	if (colon)
		host = strndup(address, (size_t)(colon - address));
	if (colon && (!host || config_put(config, "gdb0", "backend.host", host, NULL, 0)))
		status = config_fail(error, NULL, 0, "out of memory");
	if (!status && config_put(config, "gdb0", "backend.port", port, NULL, 0))
		status = config_fail(error, NULL, 0, "out of memory");
	free(host);
	return status;
}

static void run_signal(void *self, uint64_t token, uint32_t events)
{
	struct signalfd_siginfo info;
	struct machine *machine = self;

	(void)events;
	if (read((int)token, &info, sizeof(info)) == sizeof(info))
		machine_exit(machine, 128 + (int)info.ssi_signo);
}

/* A signal ends the machine in order, so that the terminal is put back and files are closed. */
static int run_signals(struct machine *machine, sigset_t *mask)
{
	struct plugin_env *env = machine_env(machine);
	uint64_t watch;
	int fd = signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	return loop_watch(env->loop, fd, LOOP_READ, run_signal, machine, (uint64_t)fd, &watch);
}

/* --report: what the run came to, as JSON, for benchmarks and tests that compare runs. */
static int run_report(const char *path, struct machine *machine)
{
	struct engine *engine = machine_engine(machine);
	json_t *report;
	int status;

	report = json_pack("{s:I}", "time_ns", (json_int_t)clock_now(machine_env(machine)->clock));
	if (!report)
		return command_failed("out of memory");
	if (engine_counts(engine))
		json_object_set_new(report, "instructions", json_integer((json_int_t)engine_instructions(engine)));
	status = json_dump_file(report, path, JSON_COMPACT)
		? command_failed("%s: cannot be written: %s", path, strerror(errno))
		: STATUS_DONE;
	json_decref(report);
	return status;
}

/* What came of engine.check = lockstep. */
static int run_lockstep(struct machine *machine, struct config *config, int status)
{
	const char *check = config_text(config, "engine", "check");
	char text[1024];

	if (!check || strcmp(check, "lockstep") != 0)
		return status;
	if (engine_lockstep(machine_engine(machine), text, sizeof(text)))
		status = STATUS_DIFFER;
	fprintf(stderr, "vmm: %s\n", text);
	return status;
}

static int run_machine(const struct run_options *options, struct config *config, struct plugin_registry *registry)
{
	struct machine_options made = { .log_level = options->log_level };
	struct config_error error = { "" };
	struct machine *machine = NULL;
	struct serve *serve = NULL;
	sigset_t mask;
	int status;

	if (options->gdb && run_gdb(config, options->gdb, &error))
		return command_failed("%s", error.text);
	if (options->serial && run_serial(config, registry, options->serial, &error))
		return command_failed("%s", error.text);
	if (machine_new(config, registry, &made, &machine, &error))
		return command_failed("%s", error.text);
	/* Before any thread is made, so that all of them inherit it. */
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	status = run_signals(machine, &mask);
	if (!status)
		status = serve_new(machine, &serve, &error);
	if (status) {
		status = command_failed("%s", error.text[0] ? error.text : strerror(-status));
	} else {
		machine_trace(machine, options->trace, options->trace_io);
		status = machine_run(machine, options->state, &error);
		if (status < 0)
			status = command_failed("%s", error.text);
		else if (options->report && run_report(options->report, machine) && !status)
			status = STATUS_FAILED;
		status = run_lockstep(machine, config, status);
	}
	serve_free(serve);
	machine_free(machine);
	return status;
}

int command_run(int argc, char **argv)
{
	struct run_options options = { 0 };
	struct config_error error = { "" };
	struct config *config = NULL;
	struct plugin_registry *registry;
	int status = run_parse(argc, argv, &options);

	if (status)
		return status;
	registry = command_registry();
	if (!registry)
		return STATUS_FAILED;
	if (machine_config(options.file, options.sets, options.set_count, &config, &error))
		status = command_failed("%s", error.text);
	else
		status = run_machine(&options, config, registry);
	config_free(config);
	registry_free(registry);
	return status;
}
