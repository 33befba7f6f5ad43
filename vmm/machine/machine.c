/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Making a machine, running it, and its power states. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/cpu/model.h"
#include "vmm/machine/parts.h"

void machine_pending(struct machine *machine, uint32_t what)
{
	/* The guest goes no further meanwhile: where it is when it ends would be chance.  First this, then the request,
	 * so that whoever answers it starts the CPUs again. */
	if (what & (PENDING_RESET | PENDING_END | PENDING_SLEEP | PENDING_BREAK | PENDING_PAUSE))
		engine_stand(machine->engine);
	__atomic_fetch_or(&machine->pending, what, __ATOMIC_ACQ_REL);
	loop_wake(machine->loop);
}

void machine_power(struct machine *machine, uint32_t what)
{
	if (what == VMM_POWER_RESET)
		machine_pending(machine, PENDING_RESET);
	else if (what == VMM_POWER_OFF)
		machine_pending(machine, PENDING_END);
	else if (what == VMM_POWER_SUSPEND)
		machine_pending(machine, PENDING_SLEEP);
	else if (what == VMM_POWER_WAKE)
		machine_pending(machine, PENDING_WAKE);
	else if (what == VMM_POWER_PAUSE)
		machine_pending(machine, PENDING_PAUSE);
}

void machine_exit(struct machine *machine, int status)
{
	__atomic_store_n(&machine->status, status, __ATOMIC_RELEASE);
	machine_pending(machine, PENDING_END);
}

void machine_button(struct machine *machine)
{
	machine_pending(machine, PENDING_BUTTON);
}

void machine_a20(struct machine *machine)
{
	/* A machine without an A20 gate has the line always on. */
	bool enabled = !machine->a20_count;

	for (unsigned i = 0; i < machine->a20_count; i++)
		enabled |= machine->a20[i].enabled;
	engine_a20(machine->engine, enabled);
}

static void machine_shutdown(void *self, unsigned cpu)
{
	struct machine *machine = self;
	bool answered = false;

	(void)cpu;
	lock_acquire(&machine->lock);
	for (const struct join *join = machine->joins; join; join = join->next)
		if (!join->peer && join->link)
			answered |= port_core_shutdown(join->link);
	lock_release(&machine->lock);
	machine_log(machine, NULL, VMM_LOG_INFO,
		answered ? "the guest's CPU has shut down (triple fault): INIT"
			 : "the guest's CPU has shut down (triple fault): reset");
	if (!answered)
		machine_power(machine, VMM_POWER_RESET);
}

static void machine_smiact(void *self, bool level)
{
	const struct machine *machine = self;

	for (const struct join *join = machine->joins; join; join = join->next)
		if (!join->peer && join->link)
			port_core_smiact(join->link, level);
}

static void machine_ferr(void *self, bool level)
{
	const struct machine *machine = self;

	for (const struct join *join = machine->joins; join; join = join->next)
		if (!join->peer && join->link)
			port_core_ferr(join->link, level);
}

static void machine_cpu_trace(void *self, const char *text)
{
	struct machine *machine = self;

	if (machine->options.log)
		machine->options.log(machine->options.log_self, VMM_LOG_TRACE, text);
	else
		fprintf(stderr, "%s\n", text);
}

static void machine_difference(void *self, const char *text)
{
	(void)self;
	fputs(text, stderr);
}

static void machine_io_trace(void *self, bool write, uint16_t port, unsigned size, uint32_t value)
{
	char text[64];

	snprintf(text, sizeof(text), "io %s %04x/%u %0*x", write ? "out" : "in", port, size, (int)size * 2, value);
	machine_cpu_trace(self, text);
}

void machine_trace(struct machine *machine, uint32_t cpu_trace, bool io)
{
	engine_trace_set(machine->engine, cpu_trace);
	io_trace(machine->io, io ? machine_io_trace : NULL, machine);
}

static void machine_lock_released(void *self)
{
	struct machine *machine = self;

	if (machine->lines)
		irq_lines_deliver(machine->lines);
}

static int ram_add(struct machine *machine, unsigned index, uint64_t address, uint64_t length)
{
	struct memory_desc desc = { .type = MEMORY_RAM, .length = length, .name = index ? "ram-above-4g" : "ram" };
	int status;

	if (!length)
		return 0;
	status = memory_region_new(machine->memory, &desc, &machine->ram[index]);
	return status ? status : memory_region_map(machine->ram[index], address, 0);
}

static int machine_ram(struct machine *machine)
{
	uint64_t memory = (uint64_t)core_number(machine, CORE_MACHINE, "memory", 0);
	uint64_t below = memory < MACHINE_BELOW_4G ? memory : MACHINE_BELOW_4G;
	int status = ram_add(machine, 0, 0, below);

	return status ? status : ram_add(machine, 1, UINT64_C(1) << 32, memory - below);
}

static int machine_floor(struct machine *machine, struct config_error *error)
{
	int status = loop_new(&machine->lock, &machine->loop);

	if (!status)
		status = memory_space_new(&machine->lock, &machine->memory);
	if (!status)
		status = io_space_new(&machine->lock, &machine->io);
	if (!status)
		status = irq_lines_new(&machine->lock, machine->loop, &machine->lines);
	if (status) {
		config_fail(error, NULL, 0, "the machine cannot be made: %s", strerror(-status));
		return status;
	}
	machine->env.lock = &machine->lock;
	machine->env.loop = machine->loop;
	machine->env.clock = &machine->clock;
	machine->env.timers = &machine->timers;
	machine->env.memory = machine->memory;
	machine->env.io = machine->io;
	machine->env.lines = machine->lines;
	machine_host(machine);
	return 0;
}

static void machine_wake_engine(void *self)
{
	struct machine *machine = self;

	if (machine->state == MACHINE_RUNNING) {
		engine_wake(machine->engine);
		return;
	}
	lock_acquire(&machine->lock);
	loop_deferred_run(machine->loop);
	lock_release(&machine->lock);
}

static int machine_engine_new(struct machine *machine, struct config_error *error)
{
	bool counting = core_number(machine, CORE_MACHINE, "clock", 0) == 1;
	struct engine_config config = {
		.lock = &machine->lock,
		.loop = machine->loop,
		.clock = &machine->clock,
		.timers = &machine->timers,
		.memory = machine->memory,
		.io = machine->io,
		.lines = machine->lines,
		.cpu_count = (unsigned)core_number(machine, CORE_CPU, "count", 1),
		.cpu_model = core_text(machine, CORE_CPU, "model", 0),
		.tsc_hz = (uint64_t)core_number(machine, CORE_CPU, "tsc", 0),
		.apic = core_number(machine, CORE_CPU, "apic", 1) != 0,
		.mitigations = core_number(machine, CORE_CPU, "mitigations", 0) != 0,
		.translate = core_number(machine, CORE_ENGINE, "tier", 0) != 1,
		.superblocks = core_number(machine, CORE_ENGINE, "tier", 0) == 0 ||
			core_number(machine, CORE_ENGINE, "tier", 0) == 3, /* auto is T2 */
		.lockstep = core_number(machine, CORE_ENGINE, "check", 0) == 1,
		.cache = (size_t)core_number(machine, CORE_ENGINE, "cache", 64) << 20,
		.hot = (unsigned)core_number(machine, CORE_ENGINE, "hot", 16),
		.count_instructions = counting,
		.seed = (uint64_t)core_number(machine, CORE_MACHINE, "seed", 1),
		.shutdown = machine_shutdown,
		.smiact = machine_smiact,
		.ferr = machine_ferr,
		.debug = machine_debug_stopped,
		.trace = machine_cpu_trace,
		.difference = machine_difference,
		.self = machine,
	};
	int64_t date = core_number(machine, CORE_MACHINE, "date", 0) * 1000000000;
	int status;

	clock_init(&machine->clock, counting ? date : clock_real_now());
	status = engine_new(&config, &machine->engine);
	if (status == -EINVAL)
		return machine_fail(error, config_section(machine->config, "cpu"),
			config_key(config_section(machine->config, "cpu"), "model"),
			"there is no CPU model \"%s\": those there are stand in vmm(1)", config.cpu_model);
	if (status == -EOPNOTSUPP)
		return machine_fail(error, config_section(machine->config, "cpu"),
			config_key(config_section(machine->config, "cpu"), "model"),
			"this host lacks %s, which cpu.model %s needs", cpu_model_lacks(config.cpu_model),
			config.cpu_model);
	if (status) {
		config_fail(error, NULL, 0, "the virtual CPU cannot be made: %s", strerror(-status));
		return status;
	}
	if (counting)
		loop_deferred_elsewhere(machine->loop, machine_wake_engine, machine);
	else
		loop_guest_timers(machine->loop, &machine->timers, &machine->clock);
	return 0;
}

static void machine_idle_hook(void *self);

int machine_new(struct config *config, struct plugin_registry *registry, const struct machine_options *options,
	struct machine **result, struct config_error *error)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int status;

	if (!machine) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	machine->config = config;
	machine->registry = registry;
	machine->env.registry = registry;
	if (options)
		machine->options = *options;
	machine->members_last = &machine->members;
	machine->joins_last = &machine->joins;
	lock_init(&machine->lock);
	machine->lock.release = machine_lock_released;
	machine->lock.release_self = machine;
	timer_set_init(&machine->timers);
	plugin_env_init(&machine->env);
	lock_acquire(&machine->lock);
	status = machine_floor(machine, error);
	if (!status)
		status = core_settings(machine, error);
	if (!status) {
		status = machine_ram(machine);
		if (status)
			machine_fail(error, config_section(machine->config, "machine"),
				config_key(config_section(machine->config, "machine"), "memory"),
				"the guest's RAM cannot be had from the host (%s): set a smaller memory",
				strerror(-status));
	}
	if (!status)
		status = machine_engine_new(machine, error);
	if (!status)
		status = machine_assemble(machine, error);
	lock_release(&machine->lock);
	if (status) {
		machine_free(machine);
		return status;
	}
	loop_idle(machine->loop, machine_idle_hook, machine);
	*result = machine;
	return 0;
}

static void members_free(struct machine *machine)
{
	/* Parents before the private instances that serve them. */
	while (machine->members)
		member_free(machine, machine->members);
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	if (machine->engine && machine->state != MACHINE_OFF)
		machine_pause(machine);
	lock_acquire(&machine->lock);
	keys_free(machine);
	joins_free(machine);
	members_free(machine);
	for (unsigned i = 0; i < CORE_SECTIONS; i++)
		instance_free(machine->core[i]);
	lock_release(&machine->lock);
	engine_free(machine->engine);
	lock_acquire(&machine->lock);
	memory_region_free(machine->ram[0]);
	memory_region_free(machine->ram[1]);
	irq_lines_free(machine->lines);
	machine->lines = NULL;
	lock_release(&machine->lock);
	io_space_free(machine->io);
	memory_space_free(machine->memory);
	plugin_env_destroy(&machine->env);
	loop_free(machine->loop);
	timer_set_destroy(&machine->timers);
	lock_destroy(&machine->lock);
	free(machine);
}

void machine_reset_all(struct machine *machine, uint32_t kind)
{
	lock_acquire(&machine->lock);
	if (kind == VMM_RESET_POWER)
		irq_lines_reset(machine->lines);
	for (struct member *member = machine->members; member; member = member->next)
		instance_reset(member->instance, kind);
	engine_reset(machine->engine);
	machine_a20(machine);
	lock_release(&machine->lock);
}

static int members_start(struct machine *machine, struct config_error *error)
{
	/* Providers before those who use them. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (struct member *member = machine->members; member; member = member->next) {
			bool device = !strcmp(member->instance->plugin->kind, VMM_KIND_DEVICE);
			int status = device == (pass == 1) ? instance_start(member->instance, error) : 0;

			if (status)
				return status;
		}
	}
	return 0;
}

static void members_stop(struct machine *machine)
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (struct member *member = machine->members; member; member = member->next)
			if (!strcmp(member->instance->plugin->kind, VMM_KIND_DEVICE) == (pass == 0))
				instance_stop(member->instance);
}

int machine_pause(struct machine *machine)
{
	if (machine->state != MACHINE_RUNNING)
		return 0;
	engine_pause(machine->engine);
	machine->state = MACHINE_PAUSED;
	lock_acquire(&machine->lock);
	members_stop(machine);
	clock_stop(&machine->clock);
	lock_release(&machine->lock);
	return 0;
}

/* S3 and debuggers have the processors stand while the machine runs; a debugger its clock too. */
static bool engine_may_run(const struct machine *machine)
{
	return !machine->sleeping && !machine->debug.standing;
}

static void clock_resume(struct machine *machine)
{
	if (!machine->debug.standing)
		clock_start(&machine->clock);
}

int machine_resume(struct machine *machine, struct config_error *error)
{
	int status;

	if (machine->state == MACHINE_RUNNING)
		return 0;
	lock_acquire(&machine->lock);
	status = members_start(machine, error);
	if (status)
		members_stop(machine);
	else
		clock_resume(machine);
	lock_release(&machine->lock);
	if (!status && engine_may_run(machine))
		status = engine_start(machine->engine);
	if (!status) {
		machine->state = MACHINE_RUNNING;
		loop_wake(machine->loop);
	}
	return status;
}

static void machine_reset_now(struct machine *machine, uint32_t kind)
{
	bool running = machine->state == MACHINE_RUNNING;

	if (running)
		engine_pause(machine->engine);
	machine->sleeping = false;
	machine_reset_all(machine, kind);
	if (running && engine_may_run(machine) && engine_start(machine->engine)) {
		machine_log(
			machine, NULL, VMM_LOG_ERROR, "the virtual CPU's thread cannot be made again after a reset");
		machine_exit(machine, 1);
	}
}

static void machine_button_now(struct machine *machine)
{
	lock_acquire(&machine->lock);
	for (struct power_button *button = machine->env.buttons; button; button = button->next)
		button->callback(button->self, button->token);
	lock_release(&machine->lock);
}

/* Between two rounds of the loop, without the lock: where the machine may be paused. */
static void machine_idle_hook(void *self)
{
	struct machine *machine = self;
	uint32_t pending = __atomic_exchange_n(&machine->pending, 0, __ATOMIC_ACQ_REL);

	if (pending & PENDING_END) {
		machine_pause(machine);
		machine->state = MACHINE_ENDED;
		loop_quit(machine->loop);
	} else if (pending & PENDING_RESET) {
		machine_reset_now(machine, VMM_RESET_HARD);
	} else {
		if (pending & PENDING_SLEEP) {
			engine_pause(machine->engine);
			machine->sleeping = true;
		}
		if (pending & PENDING_WAKE && machine->sleeping)
			machine_reset_now(machine, VMM_RESET_WAKE);
	}
	if (pending & PENDING_PAUSE && !(pending & PENDING_END))
		machine_pause(machine);
	if (pending & PENDING_FORGET && !(pending & PENDING_END))
		machine_debug_forget_now(machine);
	if (pending & PENDING_GO && !(pending & PENDING_END))
		machine_debug_go_now(machine);
	if (pending & PENDING_BREAK && !(pending & PENDING_END))
		machine_debug_stop_now(machine);
	if (pending & PENDING_BUTTON)
		machine_button_now(machine);
	if (machine->idle)
		machine->idle(machine->idle_self);
}

int machine_run(struct machine *machine, const char *state, struct config_error *error)
{
	int status;

	machine->status = 0;
	machine_reset_all(machine, VMM_RESET_POWER);
	status = state ? machine_load(machine, state, error) : 0;
	if (!status)
		status = machine_resume(machine, error);
	if (status)
		return -1;
	loop_run(machine->loop);
	return __atomic_load_n(&machine->status, __ATOMIC_ACQUIRE);
}

const char *machine_name(const struct machine *machine)
{
	return machine->name;
}

bool machine_sleeping(const struct machine *machine)
{
	return machine->sleeping;
}

enum machine_state machine_state(const struct machine *machine)
{
	return machine->state;
}

struct plugin_env *machine_env(struct machine *machine)
{
	return &machine->env;
}

struct engine *machine_engine(struct machine *machine)
{
	return machine->engine;
}

void machine_idle(struct machine *machine, void (*idle)(void *self), void *self)
{
	machine->idle_self = self;
	machine->idle = idle;
}

void machine_events(struct machine *machine,
	void (*event)(void *self, const char *instance, const char *name, const char *json), void *self)
{
	machine->event_self = self;
	machine->event = event;
}

int machine_command(struct machine *machine, const char *name, const char *params, char *reply, uint32_t size)
{
	int status = -ENOENT;

	lock_acquire(&machine->lock);
	for (struct command *command = machine->commands; command; command = command->next) {
		if (strcmp(command->name, name))
			continue;
		command->instance->cause[0] = command->instance->remedy[0] = 0;
		status = command->handler(command->self, command->token, params, reply, size);
		/* Who has told the host need not say it again. */
		if (status < 0 && !reply[0] && command->instance->cause[0])
			snprintf(reply, size, "%s%s%s", command->instance->cause,
				command->instance->remedy[0] ? ": " : "", command->instance->remedy);
		command->instance->cause[0] = command->instance->remedy[0] = 0;
		break;
	}
	lock_release(&machine->lock);
	return status;
}
