/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The engine's counters, for `vmm status --engine`. */
#include "vmm/command/serve.h"
#include "vmm/engine/engine.h"

static void counter_put(void *self, const char *group, const char *name, uint64_t value)
{
	json_t *cpu = self, *object = json_object_get(cpu, group);

	if (!object) {
		object = json_object();
		json_object_set_new(cpu, group, object);
	}
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

json_t *serve_engine(struct machine *machine)
{
	const struct engine *engine = machine_engine(machine);
	json_t *cpus = json_array();

	for (unsigned i = 0; i < engine_count(engine); i++) {
		json_t *cpu = json_object();

		engine_statistics(engine, i, counter_put, cpu);
		json_array_append_new(cpus, cpu);
	}
	return json_pack("{s:s, s:o}", "tier", engine_tier(engine), "cpus", cpus);
}
