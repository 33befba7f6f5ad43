/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/command/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vmm/command/command.h"
#include "vmm/control/control.h"
#include "vmm/engine/engine.h"
#include "vmm/machine/parts.h"

struct serve {
	struct machine *machine;
	struct control_server *server;
};

static const char *state_word(const struct machine *machine)
{
	switch (machine_state(machine)) {
	case MACHINE_RUNNING: return machine_sleeping(machine) ? "sleeping" : "running";
	case MACHINE_PAUSED: return "paused";
	case MACHINE_ENDED: return "ended";
	default: return "off";
	}
}

static void serve_event(struct serve *serve, const char *name)
{
	control_event(serve->server, json_pack("{s:s, s:s}", "event", name, "state", state_word(serve->machine)));
}

static json_t *serve_done(struct serve *serve, int status, const struct config_error *inner, const char *event,
	struct control_error *error)
{
	if (status)
		return control_fail(error, CONTROL_FAILED, "%s", inner->text[0] ? inner->text : strerror(-status));
	if (event)
		serve_event(serve, event);
	return json_pack("{s:s}", "state", state_word(serve->machine));
}

static json_t *serve_instances(struct machine *machine)
{
	json_t *list = json_array();

	for (struct member *member = machine->members; member; member = member->next) {
		json_t *ports = json_object();

		for (const struct join *join = machine->joins; join; join = join->next)
			if (join->member == member)
				json_object_set_new(ports, join->row->key,
					json_string(join->peer ? join->peer->instance->name : "core"));
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:o}", "name", member->instance->name, "plugin",
				plugin_short_id(member->instance->plugin->descriptor.id), "ports", ports));
	}
	return list;
}

static json_t *serve_status(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	struct machine *machine = serve->machine;
	struct engine *engine = machine_engine(machine);
	struct memory_range_info range;
	const struct io_desc *claim;
	json_t *memory = json_array(), *ports = json_array(), *status;
	struct rusage usage;
	bool enabled;

	(void)method;
	(void)error;
	lock_acquire(&machine->lock);
	for (unsigned i = 0; memory_view_range(machine->memory, i, &range); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%09llx-%09llx", (unsigned long long)range.first,
			(unsigned long long)range.last);
		json_array_append_new(memory,
			json_pack("{s:s, s:s, s:b}", "range", text, "region", range.name, "readonly", range.readonly));
	}
	for (unsigned i = 0; (claim = io_claim_info(machine->io, i, &enabled)); i++) {
		char text[32];

		snprintf(text, sizeof(text), "%04x-%04x", claim->port, claim->port + claim->count - 1);
		if (enabled)
			json_array_append_new(ports, json_pack("{s:s, s:s}", "range", text, "instance", claim->name));
	}
	getrusage(RUSAGE_SELF, &usage);
	status = json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:o, s:o, s:o}", "name", machine_name(machine), "state",
		state_word(machine), "pid", (int)getpid(), "time_ns", (json_int_t)clock_now(&machine->clock), "idle_ns",
		(json_int_t)engine_idle(engine), "resident_kib", (json_int_t)usage.ru_maxrss, "instances",
		serve_instances(machine), "memory", memory, "ports", ports);
	if (engine_counts(engine))
		json_object_set_new(status, "instructions", json_integer((json_int_t)engine_instructions(engine)));
	lock_release(&machine->lock);
	if (json_is_true(json_object_get(params, "engine"))) {
		json_object_set_new(status, "host_ns", json_integer((json_int_t)clock_host_now()));
		json_object_set_new(status, "engine", serve_engine(machine));
	}
	return status;
}

static json_t *serve_pause(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	(void)method;
	(void)params;
	(void)error;
	machine_pause(serve->machine);
	return serve_done(serve, 0, NULL, "paused", error);
}

static json_t *serve_resume(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	struct config_error inner = { "" };

	(void)method;
	(void)params;
	return serve_done(serve, machine_resume(serve->machine, &inner), &inner, "resumed", error);
}

static json_t *serve_power(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	(void)params;
	(void)error;
	if (!strcmp(method, "reset"))
		machine_power(serve->machine, VMM_POWER_RESET);
	else if (!strcmp(method, "stop"))
		machine_power(serve->machine, VMM_POWER_OFF);
	else
		machine_button(serve->machine);
	return serve_done(serve, 0, NULL, method, error);
}

static const char *param_text(json_t *params, const char *key, struct control_error *error)
{
	const char *text = json_string_value(json_object_get(params, key));

	if (!text)
		control_fail(error, CONTROL_INVALID_PARAMS, "\"%s\" must be given, as a string", key);
	return text;
}

static json_t *serve_state(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	const char *path = param_text(params, "path", error);
	struct config_error inner = { "" };
	bool save = !strcmp(method, "save");
	int status;

	if (!path)
		return NULL;
	if (path[0] != '/')
		return control_fail(error, CONTROL_INVALID_PARAMS, "\"path\" must be absolute");
	status = save ? machine_save(serve->machine, path, &inner) : machine_load(serve->machine, path, &inner);
	return serve_done(serve, status, &inner, save ? "saved" : "loaded", error);
}

static json_t *serve_attach(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	const char *instance = param_text(params, "instance", error), *value = NULL, *sets[32];
	const char *port = json_string_value(json_object_get(params, "port"));
	const char *folder = json_string_value(json_object_get(params, "folder"));
	bool attach = !strcmp(method, "attach");
	struct config_error inner = { "" };
	json_t *settings = json_object_get(params, "settings"), *setting;
	unsigned count = 0;
	size_t index;
	int status;

	if (instance && attach)
		value = param_text(params, "value", error);
	if (!instance || (attach && !value))
		return NULL;
	if (folder && folder[0] != '/')
		return control_fail(error, CONTROL_INVALID_PARAMS, "\"folder\" must be absolute");
	json_array_foreach(settings, index, setting)
	{
		if (count == 32 || !json_is_string(setting))
			return control_fail(error, CONTROL_INVALID_PARAMS,
				"\"settings\" is a list of at most 32 strings KEY=VALUE");
		sets[count++] = json_string_value(setting);
	}
	if (attach)
		status = machine_attach(serve->machine, instance, port, value, folder, sets, count, &inner);
	else
		status = machine_detach(serve->machine, instance, port, &inner);
	return serve_done(serve, status, &inner, attach ? "attached" : "detached", error);
}

static json_t *serve_trace(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	const char *what = param_text(params, "what", error);
	unsigned cpu;
	bool io;

	(void)method;
	if (!what)
		return NULL;
	if (!command_trace_words(what, &cpu, &io))
		return control_fail(
			error, CONTROL_INVALID_PARAMS, "trace exec, int, mmu and io, parted by commas, or off");
	machine_trace(serve->machine, cpu, io);
	return serve_done(serve, 0, NULL, NULL, error);
}

static json_t *serve_screen(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	if (!strcmp(method, "screenshot"))
		return serve_screenshot(serve->machine, params, error);
	return (!strcmp(method, "keys") ? serve_keys : serve_mouse)(serve->machine, params, error);
}

static json_t *serve_samples(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	return (!strcmp(method, "profile") ? serve_profile : serve_perf_map)(serve->machine, params, error);
}

static const struct {
	const char *name;
	json_t *(*call)(struct serve *serve, const char *method, json_t *params, struct control_error *error);
} methods[] = {
	{ "status", serve_status },
	{ "pause", serve_pause },
	{ "resume", serve_resume },
	{ "reset", serve_power },
	{ "stop", serve_power },
	{ "button", serve_power },
	{ "save", serve_state },
	{ "load", serve_state },
	{ "attach", serve_attach },
	{ "detach", serve_attach },
	{ "trace", serve_trace },
	{ "profile", serve_samples },
	{ "perf-map", serve_samples },
	{ "screenshot", serve_screen },
	{ "keys", serve_screen },
	{ "mouse", serve_screen },
};

/* A plugin's own command: INSTANCE.NAME. */
static json_t *serve_plugin(struct serve *serve, const char *method, json_t *params, struct control_error *error)
{
	char reply[65536] = "", *text = json_dumps(params, JSON_COMPACT);
	int status = text ? machine_command(serve->machine, method, text, reply, sizeof(reply)) : -ENOMEM;
	json_t *answer;

	free(text);
	reply[sizeof(reply) - 1] = 0;
	if (status == -ENOENT && !reply[0])
		return control_fail(error, CONTROL_NO_METHOD, "there is no method \"%s\"", method);
	if (status)
		return control_fail(error, CONTROL_FAILED, "%s", reply[0] ? reply : strerror(-status));
	answer = json_loads(reply[0] ? reply : "{}", JSON_DECODE_ANY, NULL);
	return answer ? answer : control_fail(error, CONTROL_FAILED, "the plugin's answer is not JSON");
}

static json_t *serve_handle(void *self, const char *method, json_t *params, struct control_error *error)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, method))
			return methods[i].call(self, method, params, error);
	return serve_plugin(self, method, params, error);
}

static void serve_idle(void *self)
{
	struct serve *serve = self;

	control_poll(serve->server);
}

static void serve_plugin_event(void *self, const char *instance, const char *name, const char *json)
{
	struct serve *serve = self;
	json_t *data = json_loads(json, JSON_DECODE_ANY, NULL);

	control_event(serve->server,
		json_pack("{s:s, s:s, s:o}", "instance", instance, "event", name, "data", data ? data : json_null()));
}

int serve_new(struct machine *machine, struct serve **result, struct config_error *error)
{
	char *folder = control_folder(true), *path = NULL;
	struct serve *serve = calloc(1, sizeof(*serve));
	int status = -ENOMEM;

	if (!folder) {
		config_fail(error, NULL, 0,
			"there is no private folder for the control socket: set XDG_RUNTIME_DIR to a folder of yours "
			"(mode 700)");
		status = -EACCES;
	} else if (serve && asprintf(&path, "%s/%s.sock", folder, machine_name(machine)) >= 0) {
		status = control_server_new(machine->loop, path, serve_handle, serve, &serve->server);
		if (status == -EADDRINUSE)
			config_fail(error, NULL, 0,
				"a machine called \"%s\" runs already: stop it, or give this one another "
				"name (--set machine.name=NAME)",
				machine_name(machine));
		else if (status)
			config_fail(error, path, 0, "the control socket cannot be made: %s", strerror(-status));
	}
	free(folder);
	free(path);
	if (status) {
		free(serve);
		return status;
	}
	serve->machine = machine;
	machine_idle(machine, serve_idle, serve);
	machine_events(machine, serve_plugin_event, serve);
	*result = serve;
	return 0;
}

void serve_free(struct serve *serve)
{
	if (!serve)
		return;
	machine_idle(serve->machine, NULL, NULL);
	machine_events(serve->machine, NULL, NULL);
	control_server_free(serve->server);
	free(serve);
}
