/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What plugins ask of the machine (struct plugin_machine). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine/parts.h"

void machine_log(struct machine *machine, const char *instance, unsigned level, const char *text)
{
	static const char *const levels[] = { "", "error", "warning", "info", "debug", "trace" };
	unsigned limit = machine->options.log_level ? machine->options.log_level : VMM_LOG_WARNING;
	char line[1200];

	if (level < VMM_LOG_ERROR || level > limit)
		return;
	snprintf(line, sizeof(line), "%s: %s%s%s%s: %s", machine->name, instance ? "[" : "", instance ? instance : "",
		instance ? "] " : "", levels[level > VMM_LOG_TRACE ? VMM_LOG_TRACE : level], text);
	/* What a guest makes a device say must not drive the user's terminal. */
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	if (machine->options.log)
		machine->options.log(machine->options.log_self, level, line);
	else
		fprintf(stderr, "%s\n", line);
}

static void host_log(void *self, const char *instance, unsigned level, const char *text)
{
	machine_log(self, instance, level, text);
}

static void host_power(void *self, uint32_t what)
{
	machine_power(self, what);
}

static void host_exit(void *self, int status)
{
	machine_exit(self, status);
}

/* The gate is the OR of what the machine's A20 drivers say: port 92 and the keyboard controller each have one. */
static void host_a20(void *self, struct instance *instance, bool enabled)
{
	struct machine *machine = self;
	unsigned i = 0;

	while (i < machine->a20_count && machine->a20[i].instance != instance)
		i++;
	if (i == A20_DRIVERS_MAX)
		return;
	machine->a20[i].instance = instance;
	machine->a20[i].enabled = enabled;
	if (i == machine->a20_count)
		machine->a20_count++;
	machine_a20(machine);
}

static void host_cpu_init(void *self)
{
	struct machine *machine = self;

	engine_init(machine->engine);
}

static void host_info(void *self, struct vmm_machine_info *info)
{
	struct machine *machine = self;
	uint64_t memory = (uint64_t)core_number(machine, CORE_MACHINE, "memory", 0);

	info->cpu_count = (uint32_t)core_number(machine, CORE_CPU, "count", 1);
	info->ram_below_4g = memory < MACHINE_BELOW_4G ? memory : MACHINE_BELOW_4G;
	info->ram_above_4g = memory - info->ram_below_4g;
	memcpy(info->uuid, machine->uuid, sizeof(info->uuid));
	info->has_local_apic = core_number(machine, CORE_CPU, "apic", 1) != 0;
}

static const char *host_setting(void *self, const char *section, const char *key, uint32_t index)
{
	const struct machine *machine = self;

	for (unsigned i = 0; i < CORE_SECTIONS; i++)
		if (!strcmp(core_sections[i].descriptor.id, section))
			return core_text(machine, i, key, index);
	return NULL;
}

static bool host_has_plugin(void *self, const char *id)
{
	const struct machine *machine = self;

	for (const struct member *member = machine->members; member; member = member->next)
		if (plugin_id_equal(member->instance->plugin->descriptor.id, id))
			return true;
	return false;
}

static void host_random(void *self, void *data, uint64_t length)
{
	struct machine *machine = self;

	engine_random(machine->engine, data, length);
}

static void host_intr(void *self, bool level)
{
	struct machine *machine = self;

	engine_intr(machine->engine, level);
}

static void host_message(void *self, uint64_t address, uint32_t data)
{
	struct machine *machine = self;

	engine_message(machine->engine, address, data);
}

static void host_nmi(void *self)
{
	struct machine *machine = self;

	engine_nmi(machine->engine);
}

static void host_smi(void *self)
{
	struct machine *machine = self;

	engine_smi(machine->engine);
}

static void host_ignne(void *self, bool level)
{
	struct machine *machine = self;

	engine_ignne(machine->engine, level);
}

static int host_control_add(void *self, struct instance *instance, const char *name,
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t size),
	void *handler_self, uint64_t token)
{
	struct machine *machine = self;
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return -ENOMEM;
	if (asprintf(&command->name, "%s.%s", instance->name, name) < 0) {
		free(command);
		return -ENOMEM;
	}
	command->instance = instance;
	command->handler = handler;
	command->self = handler_self;
	command->token = token;
	command->next = machine->commands;
	machine->commands = command;
	return 0;
}

static int host_control_event(void *self, struct instance *instance, const char *name, const char *json)
{
	struct machine *machine = self;

	if (machine->event)
		machine->event(machine->event_self, instance->name, name, json);
	return 0;
}

void machine_host(struct machine *machine)
{
	machine->env.machine = (struct plugin_machine){
		.self = machine,
		.log = host_log,
		.power = host_power,
		.exit = host_exit,
		.a20 = host_a20,
		.cpu_init = host_cpu_init,
		.info = host_info,
		.setting = host_setting,
		.has_plugin = host_has_plugin,
		.random = host_random,
		.intr = host_intr,
		.message = host_message,
		.nmi = host_nmi,
		.smi = host_smi,
		.ignne = host_ignne,
		.control_add = host_control_add,
		.control_event = host_control_event,
	};
	machine_debug_init(machine);
}
