/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The core's own sections, as parameter tables: [machine], [boot], [cpu] and [engine]. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/value.h"
#include "vmm/machine/parts.h"

#define PARAM(KEY, TYPE, DEFAULT, MINIMUM, MAXIMUM, CHOICES, HELP) \
	{ \
		.struct_size = sizeof(struct vmm_param), .type = VMM_PARAM_##TYPE, .key = KEY, \
		.default_value = DEFAULT, .minimum = MINIMUM, .maximum = MAXIMUM, .choices = CHOICES, .help = HELP \
	}

static const struct vmm_param machine_params[] = {
	PARAM("name", STRING, NULL, 1, MACHINE_NAME_MAX, NULL,
		"What the machine is called; by default its file's name."),
	PARAM("base", STRING, "pc", 1, 255, NULL, "The base machine whose file is read first; none for none."),
	PARAM("memory", SIZE, "256M", 1 << 20, INT64_C(1) << 40, NULL, "The guest's RAM, in bytes."),
	PARAM("memory.backing", CHOICE, "auto", 0, 0, "auto|anonymous", "Where the guest's RAM lies on the host."),
	PARAM("clock", CHOICE, "host", 0, 0, "host|instructions",
		"What guest time follows: the host's clock, or the count of guest instructions (repeatable)."),
	PARAM("seed", INT, "1", 0, 0, NULL, "Seed of the guest's random numbers with clock = instructions."),
	PARAM("date", INT, "946684800", 0, 0, NULL,
		"With clock = instructions: the wall clock at power-on, in seconds since 1970."),
	PARAM("uuid", STRING, NULL, 36, 36, NULL, "The machine's UUID; by default made from its name."),
};
static const struct vmm_param boot_params[] = {
	PARAM("kernel", PATH, NULL, 0, 0, NULL, "A Linux bzImage or Multiboot image that is started directly."),
	PARAM("initrd", PATH, NULL, 0, 0, NULL, "The initial RAM disk for the kernel."),
	PARAM("cmdline", STRING, NULL, 0, 4095, NULL, "The kernel's command line."),
	PARAM("modules", LIST, NULL, 0, 0, NULL, "Multiboot modules: a path, then the module's command line."),
	PARAM("rom", PATH, NULL, 0, 0, NULL, "A ROM image that replaces the firmware."),
	PARAM("order", LIST, NULL, 0, 0, NULL, "What to boot from, in this order: disk, cd, floppy, net."),
};
static const struct vmm_param cpu_params[] = {
	PARAM("count", INT, "1", 1, ENGINE_CPUS_MAX, NULL, "How many virtual CPUs there are."),
	PARAM("model", STRING, NULL, 1, 31, NULL, "The CPU that CPUID shows."),
	PARAM("tsc", INT, "0", 0, INT64_C(10000000000), NULL, "Frequency of the time-stamp counter in Hz; 0: 1 GHz."),
	PARAM("apic", BOOL, "yes", 0, 0, NULL, "Whether CPUs have a local APIC."),
	PARAM("mitigations", BOOL, "no", 0, 0, NULL,
		"Whether the CPU leaves it to the guest to take measures against speculation, which cost its time."),
};
static const struct vmm_param engine_params[] = {
	PARAM("tier", CHOICE, "auto", 0, 0, "auto|T0|T1|T2",
		"The fastest way of running guest code that may be used: T0, the interpreter; T1, the block "
		"translator; T2, which makes superblocks of loops besides (auto)."),
	PARAM("check", CHOICE, "none", 0, 0, "none|lockstep",
		"lockstep: run everything on T0 and on T1, and tell where they differ, on standard error."),
	PARAM("cache", INT, "64", 2, 512, NULL, "Room for translated code, in MiB for each virtual CPU."),
	PARAM("hot", INT, "16", 1, 255, NULL,
		"How often the interpreter runs a block before it is translated, which most blocks are not worth."),
};

#define SECTION(ID, PARAMS) \
	{ \
		.kind = "core", \
		.descriptor = { .struct_size = sizeof(struct vmm_descriptor), \
			.param_count = sizeof(PARAMS) / sizeof(PARAMS[0]), \
			.param_stride = sizeof(PARAMS[0]), \
			.id = ID, \
			.params = PARAMS }, \
		.params = (struct vmm_param *)(uintptr_t)PARAMS, \
	}

const struct plugin core_sections[CORE_SECTIONS] = {
	[CORE_MACHINE] = SECTION("machine", machine_params),
	[CORE_BOOT] = SECTION("boot", boot_params),
	[CORE_CPU] = SECTION("cpu", cpu_params),
	[CORE_ENGINE] = SECTION("engine", engine_params),
};

bool core_section_name(const char *name)
{
	for (unsigned i = 0; i < CORE_SECTIONS; i++)
		if (!strcmp(core_sections[i].descriptor.id, name))
			return true;
	return false;
}

static const struct setting *core_setting(const struct machine *machine, unsigned section, const char *key)
{
	const struct plugin *plugin = &core_sections[section];

	for (uint32_t i = 0; i < plugin->descriptor.param_count; i++)
		if (!strcmp(plugin->params[i].key, key))
			return machine->core[section]->settings[i].present ? &machine->core[section]->settings[i]
									   : NULL;
	return NULL;
}

int64_t core_number(const struct machine *machine, unsigned section, const char *key, int64_t absent)
{
	const struct setting *setting = core_setting(machine, section, key);

	return setting ? setting->number : absent;
}

const char *core_text(const struct machine *machine, unsigned section, const char *key, uint32_t index)
{
	const struct setting *setting = core_setting(machine, section, key);

	return setting && index < setting->count ? setting->texts[index] : NULL;
}

static int core_section(struct machine *machine, unsigned section, struct config_error *error)
{
	const struct plugin *plugin = &core_sections[section];
	const struct config_section *given = config_section(machine->config, plugin->descriptor.id);
	int status = instance_new(&machine->env, plugin, plugin->descriptor.id, &machine->core[section]);

	for (unsigned i = 0; given && i < given->count && !status; i++) {
		const struct config_key *key = &given->keys[i];
		const char *names[32];
		const char *near;

		status = setting_set(machine->core[section], key, key->name, error);
		if (status != -ENOENT)
			continue;
		for (uint32_t j = 0; j < plugin->descriptor.param_count; j++)
			names[j] = plugin->params[j].key;
		near = config_nearest(key->name, names, plugin->descriptor.param_count);
		return machine_fail(error, given, key, "[%s] has no key \"%s\"%s%s%s", plugin->descriptor.id, key->name,
			near ? ": did you mean \"" : ": see vmm(1) for those it has", near ? near : "",
			near ? "\"?" : "");
	}
	if (!status)
		status = settings_default(machine->core[section], error);
	if (status == -ENOMEM)
		config_fail(error, NULL, 0, "out of memory");
	return status;
}

static int core_name(struct machine *machine, struct config_error *error)
{
	const char *name = core_text(machine, CORE_MACHINE, "name", 0);

	snprintf(machine->name, sizeof(machine->name), "%s", name ? name : "vmm");
	for (const char *c = machine->name; *c; c++)
		if (*c == '/' || (unsigned char)*c <= ' ' || *c == 127)
			return machine_fail(error, config_section(machine->config, "machine"),
				config_key(config_section(machine->config, "machine"), "name"),
				"a machine's name has no spaces, slashes or control characters");
	return 0;
}

/* A machine without a UUID gets one from its name, always the same (RFC 9562, version 8), by FNV-1a twice. */
static int core_uuid(struct machine *machine, struct config_error *error)
{
	const char *text = core_text(machine, CORE_MACHINE, "uuid", 0);

	if (text && !value_uuid(text, machine->uuid))
		return machine_fail(error, config_section(machine->config, "machine"),
			config_key(config_section(machine->config, "machine"), "uuid"),
			"\"%s\" is not a UUID (01234567-89ab-cdef-0123-456789abcdef)", text);
	if (text)
		return 0;
	for (unsigned half = 0; half < 2; half++) {
		uint64_t hash = 0xcbf29ce484222325u + half;

		for (const char *c = machine->name; *c; c++)
			hash = (hash ^ (uint8_t)*c) * 0x100000001b3u;
		for (unsigned i = 0; i < 8; i++)
			machine->uuid[half * 8 + i] = (uint8_t)(hash >> (8 * i));
	}
	machine->uuid[6] = (machine->uuid[6] & 0x0f) | 0x80;
	machine->uuid[8] = (machine->uuid[8] & 0x3f) | 0x80;
	return 0;
}

int core_settings(struct machine *machine, struct config_error *error)
{
	int status = 0;

	for (unsigned i = 0; i < CORE_SECTIONS && !status; i++)
		status = core_section(machine, i, error);
	if (!status)
		status = core_name(machine, error);
	if (!status)
		status = core_uuid(machine, error);
	if (!status && core_number(machine, CORE_MACHINE, "memory", 0) & (MEMORY_PAGE_SIZE - 1))
		status = machine_fail(error, config_section(machine->config, "machine"),
			config_key(config_section(machine->config, "machine"), "memory"),
			"memory must be a multiple of 4K");
	return status;
}
