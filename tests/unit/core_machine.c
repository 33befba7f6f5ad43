/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Whole machines, out of the in-tree plugins and a guest of a few bytes. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_fixture.h"
#include "core_rom.h"
#include "vmm/engine/engine.h"
#include "vmm/machine/machine.h"

static const char machine_text[] =
	"[machine]\nname = %s\nbase = none\nmemory = 2M\n%s\n[cpu]\napic = no\n"
	"[boot]\nrom = %s.rom\n"
	"[pci0]\nplugin = chipset-i440\n[pic0]\nplugin = pic-8259\n[pit0]\nplugin = pit-8254\n"
	"[rtc0]\nplugin = rtc-mc146818\n[fw0]\nplugin = firmware-bios\n[exit0]\nplugin = debug-exit\n"
	"[serial0]\nplugin = serial-16550\nbackend = com.acme.test-log\nbackend.file = %s.out\n";

static void rom_write(const char *name, struct rom_parameters parameters)
{
	uint8_t rom[ROM_SIZE] = { 0 };
	char file[64];

	rom[0] = parameters.letter;
	rom[1] = parameters.status;
	rom[2] = (uint8_t)parameters.lines;
	rom[3] = (uint8_t)(parameters.lines >> 8);
	rom[4] = parameters.count;
	rom[5] = parameters.mode;
	memcpy(rom + ROM_CODE, rom_code, sizeof(rom_code));
	memcpy(rom + ROM_RESET, rom_reset, sizeof(rom_reset));
	snprintf(file, sizeof(file), "%s.rom", name);
	fixture_write(file, rom, sizeof(rom));
}

static void log_quiet(void *self, unsigned level, const char *line)
{
	(void)self;
	(void)level;
	(void)line;
}

struct runner {
	char name[32];
	struct plugin_registry *registry;
	struct config *config;
	struct machine *machine;
	struct config_error error;
	pthread_t thread;
	const char *state;
	int status;
	int done;  /* atomic */
	int steps; /* of the idle hook */
	uint64_t paused_at;
};

static void runner_new(struct runner *runner, const char *name, const char *settings)
{
	struct machine_options options = { .log = log_quiet };
	char file[64], *plugins = fixture_plugins(fixture_path("plugins"));

	memset(runner, 0, sizeof(*runner));
	snprintf(runner->name, sizeof(runner->name), "%s", name);
	snprintf(file, sizeof(file), "%s.ini", name);
	fixture_text(file, machine_text, name, settings, name, name);
	ck_assert_int_eq(registry_new(plugins, &runner->registry), 0);
	free(plugins);
	ck_assert_msg(!machine_config(fixture_path("%s.ini", name), NULL, 0, &runner->config, &runner->error), "%s",
		runner->error.text);
	ck_assert_msg(!machine_new(runner->config, runner->registry, &options, &runner->machine, &runner->error), "%s",
		runner->error.text);
}

static void runner_free(struct runner *runner)
{
	machine_free(runner->machine);
	config_free(runner->config);
	registry_free(runner->registry);
}

static void *runner_main(void *argument)
{
	struct runner *runner = argument;

	runner->status = machine_run(runner->machine, runner->state, &runner->error);
	__atomic_store_n(&runner->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void runner_start(struct runner *runner)
{
	ck_assert_int_eq(pthread_create(&runner->thread, NULL, runner_main, runner), 0);
}

/* Wait for the end, having the loop look around meanwhile. */
static void runner_wait(struct runner *runner)
{
	for (unsigned i = 0; i < 5000 && !__atomic_load_n(&runner->done, __ATOMIC_ACQUIRE); i++) {
		loop_wake(machine_env(runner->machine)->loop);
		usleep(1000);
	}
	ck_assert_msg(__atomic_load_n(&runner->done, __ATOMIC_ACQUIRE), "%s does not end", runner->name);
	pthread_join(runner->thread, NULL);
}

static void ck_output(const char *name, const char *expected)
{
	char *text = fixture_read(fixture_path("%s.out", name), NULL);

	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, expected);
	free(text);
}

static size_t output_length(const char *name)
{
	struct stat status;

	return stat(fixture_path("%s.out", name), &status) ? 0 : (size_t)status.st_size;
}

START_TEST(two_at_once)
{
	static struct runner runners[2];

	rom_write("one", (struct rom_parameters){ 'A', 1, 30, 0, 0 });
	rom_write("two", (struct rom_parameters){ 'b', 2, 20, 0, 0 });
	runner_new(&runners[0], "one", "");
	runner_new(&runners[1], "two", "");
	runner_start(&runners[0]);
	runner_start(&runners[1]);
	runner_wait(&runners[0]);
	runner_wait(&runners[1]);
	ck_assert_int_eq(runners[0].status, 3);
	ck_assert_int_eq(runners[1].status, 5);
	ck_assert_int_eq(machine_state(runners[0].machine), MACHINE_ENDED);
	ck_assert_uint_gt(engine_instructions(machine_engine(runners[0].machine)), 500);
	runner_free(&runners[0]);
	runner_free(&runners[1]);
	ck_output("one", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
	ck_output("two", "bbbbbbbbbbbbbbbbbbbb\n");
}
END_TEST

/* Run to the end with counted time; the output, malloc'ed, and the count. */
static char *counted_run(const char *name, void (*idle)(void *self), struct runner *runner, uint64_t *count)
{
	char *text;

	rom_write(name, (struct rom_parameters){ 'c', 3, 200, 1, 0 });
	runner_new(runner, name, "clock = instructions\nseed = 7");
	if (idle)
		machine_idle(runner->machine, idle, runner);
	runner_start(runner);
	runner_wait(runner);
	ck_assert_int_eq(runner->status, 7);
	*count = engine_instructions(machine_engine(runner->machine));
	runner_free(runner);
	text = fixture_read(fixture_path("%s.out", name), NULL);
	ck_assert_ptr_nonnull(text);
	return text;
}

START_TEST(counted_twice)
{
	static struct runner first, second;
	uint64_t counts[2];
	char *texts[2];

	texts[0] = counted_run("first", NULL, &first, &counts[0]);
	texts[1] = counted_run("second", NULL, &second, &counts[1]);
	ck_assert_uint_eq(strlen(texts[0]), 401);
	ck_assert_str_eq(texts[0], texts[1]);
	ck_assert_uint_eq(counts[0], counts[1]);
	free(texts[0]);
	free(texts[1]);
}
END_TEST

/* Pause and go on a few times, in mid-run. */
static void idle_pause(void *self)
{
	struct runner *runner = self;
	struct engine *engine = machine_engine(runner->machine);

	if (runner->steps >= 10 || machine_state(runner->machine) != MACHINE_RUNNING)
		return;
	runner->steps++;
	ck_assert_int_eq(machine_pause(runner->machine), 0);
	ck_assert_int_eq(machine_state(runner->machine), MACHINE_PAUSED);
	uint64_t count = engine_instructions(engine), time = clock_now(machine_env(runner->machine)->clock);
	size_t length = output_length(runner->name);

	usleep(5000);
	ck_assert_uint_eq(engine_instructions(engine), count);
	ck_assert_uint_eq(clock_now(machine_env(runner->machine)->clock), time);
	ck_assert_uint_eq(output_length(runner->name), length);
	ck_assert_int_eq(machine_pause(runner->machine), 0);
	ck_assert_int_eq(machine_resume(runner->machine, &runner->error), 0);
	ck_assert_int_eq(machine_resume(runner->machine, &runner->error), 0);
}

START_TEST(pause_and_resume)
{
	static struct runner runner;

	rom_write("pause", (struct rom_parameters){ 'p', 4, 100, 0, 0 });
	runner_new(&runner, "pause", "");
	machine_idle(runner.machine, idle_pause, &runner);
	runner_start(&runner);
	runner_wait(&runner);
	ck_assert_int_eq(runner.steps, 10);
	ck_assert_int_eq(runner.status, 9);
	runner_free(&runner);
	ck_assert_uint_eq(output_length("pause"), 101);
}
END_TEST

/* A pause is no part of what a counted guest can see. */
START_TEST(pause_is_unseen)
{
	static struct runner plain, paused;
	uint64_t counts[2];
	char *texts[2];

	texts[0] = counted_run("plain", NULL, &plain, &counts[0]);
	texts[1] = counted_run("paused", idle_pause, &paused, &counts[1]);
	/* On a busy host the guest may be through before the loop has looked up once. */
	for (unsigned i = 0; i < 100 && !paused.steps; i++) {
		free(texts[1]);
		texts[1] = counted_run("paused", idle_pause, &paused, &counts[1]);
	}
	ck_assert_int_gt(paused.steps, 0);
	ck_assert_str_eq(texts[0], texts[1]);
	ck_assert_uint_eq(counts[0], counts[1]);
	free(texts[0]);
	free(texts[1]);
}
END_TEST

static void idle_reset(void *self)
{
	struct runner *runner = self;

	if (!runner->steps && output_length(runner->name) == 1) {
		runner->steps++;
		machine_power(runner->machine, VMM_POWER_RESET);
	}
}

START_TEST(reset)
{
	static struct runner runner;

	rom_write("reset", (struct rom_parameters){ 'x', 5, 1, 0, 2 });
	runner_new(&runner, "reset", "");
	machine_idle(runner.machine, idle_reset, &runner);
	runner_start(&runner);
	runner_wait(&runner);
	ck_assert_int_eq(runner.status, 11);
	runner_free(&runner);
	ck_output("reset", "SR\n");
}
END_TEST

START_TEST(triple_fault)
{
	static struct runner runner;

	rom_write("fault", (struct rom_parameters){ 'x', 6, 1, 0, 1 });
	runner_new(&runner, "fault", "");
	runner_start(&runner);
	runner_wait(&runner);
	ck_assert_int_eq(runner.status, 13);
	runner_free(&runner);
	ck_output("fault", "TR\n");
}
END_TEST

static void idle_off(void *self)
{
	struct runner *runner = self;

	if (output_length(runner->name) == 1)
		machine_power(runner->machine, VMM_POWER_OFF);
}

START_TEST(power_off)
{
	static struct runner runner;

	rom_write("off", (struct rom_parameters){ 'x', 6, 1, 0, 2 });
	runner_new(&runner, "off", "");
	machine_idle(runner.machine, idle_off, &runner);
	runner_start(&runner);
	runner_wait(&runner);
	ck_assert_int_eq(runner.status, 0);
	runner_free(&runner);
	ck_output("off", "S");
}
END_TEST

/* A plugin has the machine paused, for the user to look after the host. */
static void idle_care(void *self)
{
	struct runner *runner = self;

	if (!runner->steps && output_length(runner->name) == 1) {
		runner->steps++;
		machine_power(runner->machine, VMM_POWER_PAUSE);
	} else if (runner->steps == 1 && machine_state(runner->machine) == MACHINE_PAUSED) {
		runner->steps++;
		/* Once more makes no difference. */
		machine_power(runner->machine, VMM_POWER_PAUSE);
	} else if (runner->steps == 2) {
		ck_assert_int_eq(machine_state(runner->machine), MACHINE_PAUSED);
		ck_assert_int_eq(machine_resume(runner->machine, &runner->error), 0);
		runner->steps++;
		machine_power(runner->machine, VMM_POWER_OFF);
	}
}

START_TEST(power_pause)
{
	static struct runner runner;

	rom_write("care", (struct rom_parameters){ 'x', 6, 1, 0, 2 });
	runner_new(&runner, "care", "");
	machine_idle(runner.machine, idle_care, &runner);
	runner_start(&runner);
	runner_wait(&runner);
	ck_assert_int_eq(runner.steps, 3);
	ck_assert_int_eq(runner.status, 0);
	runner_free(&runner);
	ck_output("care", "S");
}
END_TEST

/* Save in mid-run, then end; the rest is done by another machine. */
static void idle_save(void *self)
{
	struct runner *runner = self;

	if (runner->steps || output_length(runner->name) < 21 || machine_state(runner->machine) != MACHINE_RUNNING)
		return;
	runner->steps = 1;
	ck_assert_int_eq(machine_save(runner->machine, fixture_path("mid.state"), &runner->error), -EBUSY);
	machine_pause(runner->machine);
	ck_assert_msg(
		!machine_save(runner->machine, fixture_path("mid.state"), &runner->error), "%s", runner->error.text);
	runner->paused_at = output_length(runner->name);
	machine_exit(runner->machine, 99);
}

static void save_and_go_on(const char *settings, uint8_t count)
{
	static struct runner whole, before, after;
	uint64_t counts[2];
	char *texts[2];

	rom_write("whole", (struct rom_parameters){ 's', 7, 200, count, 0 });
	rom_write("part", (struct rom_parameters){ 's', 7, 200, count, 0 });
	runner_new(&whole, "whole", settings);
	runner_start(&whole);
	runner_wait(&whole);
	ck_assert_int_eq(whole.status, 15);
	counts[0] = engine_instructions(machine_engine(whole.machine));
	runner_free(&whole);

	runner_new(&before, "part", settings);
	machine_idle(before.machine, idle_save, &before);
	runner_start(&before);
	runner_wait(&before);
	ck_assert_int_eq(before.steps, 1);
	ck_assert_int_eq(before.status, 99);
	runner_free(&before);
	ck_assert_uint_eq(output_length("part"), before.paused_at);
	ck_assert_uint_lt(before.paused_at, output_length("whole"));

	runner_new(&after, "part", settings);
	after.state = fixture_path("mid.state");
	runner_start(&after);
	runner_wait(&after);
	ck_assert_msg(after.status == 15, "status %d: %s", after.status, after.error.text);
	counts[1] = engine_instructions(machine_engine(after.machine));
	runner_free(&after);
	texts[0] = fixture_read(fixture_path("whole.out"), NULL);
	texts[1] = fixture_read(fixture_path("part.out"), NULL);
	ck_assert_str_eq(texts[0], texts[1]);
	if (count)
		ck_assert_uint_eq(counts[0], counts[1]);
	free(texts[0]);
	free(texts[1]);
}

START_TEST(save_and_load)
{
	save_and_go_on("", 0);
}
END_TEST

START_TEST(save_and_load_counted)
{
	save_and_go_on("clock = instructions", 1);
}
END_TEST

/* A state that was cut or damaged anywhere is refused, with a reason; one of another machine too. */
START_TEST(state_damage)
{
	static struct runner runner;
	size_t length;
	char *good;

	rom_write("state", (struct rom_parameters){ 's', 7, 1, 0, 0 });
	runner_new(&runner, "state", "");
	ck_assert_int_eq(machine_save(runner.machine, fixture_path("good.state"), &runner.error), 0);
	good = fixture_read(fixture_path("good.state"), &length);
	ck_assert_int_eq(machine_load(runner.machine, fixture_path("good.state"), &runner.error), 0);
	for (size_t cut = 0; cut < length; cut += cut < 64 || cut + 64 > length ? 1 : 97) {
		fixture_write("cut.state", good, cut);
		ck_assert_msg(machine_load(runner.machine, fixture_path("cut.state"), &runner.error) < 0,
			"taken, though cut to %zu of %zu bytes", cut, length);
		ck_assert_line(runner.error.text);
		ck_assert_says(runner.error.text, "cut.state: ");
	}
	for (size_t at = 0; at < length; at += at < 64 ? 1 : 31) {
		char damage = (char)(1u << at % 8);

		good[at] = (char)(good[at] ^ damage);
		fixture_write("bad.state", good, length);
		ck_assert_msg(machine_load(runner.machine, fixture_path("bad.state"), &runner.error) < 0,
			"taken, though byte %zu of %zu is damaged", at, length);
		ck_assert_line(runner.error.text);
		good[at] = (char)(good[at] ^ damage);
	}
	ck_assert_int_eq(machine_load(runner.machine, fixture_path("good.state"), &runner.error), 0);
	runner_free(&runner);
	free(good);
	rom_write("larger", (struct rom_parameters){ 's', 7, 1, 0, 0 });
	fixture_write("unused", "", 0);
	runner_new(&runner, "larger", "[ps2]\nplugin = ps2-8042\n");
	ck_assert_int_lt(machine_load(runner.machine, fixture_path("good.state"), &runner.error), 0);
	ck_assert_line(runner.error.text);
	runner_free(&runner);
}
END_TEST

/* RAM whose size is no multiple of a chunk comes back whole. */
START_TEST(odd_memory)
{
	static struct runner runner;

	rom_write("odd", (struct rom_parameters){ 's', 7, 1, 0, 0 });
	runner_new(&runner, "odd", "");
	config_put(runner.config, "machine", "memory", "1052672", NULL, 0);
	machine_free(runner.machine);
	ck_assert_int_eq(machine_new(runner.config, runner.registry, NULL, &runner.machine, &runner.error), 0);
	struct memory_space *memory = machine_env(runner.machine)->memory;

	for (uint32_t at = 0; at < 1052672; at += 4)
		if (at < 0xa0000 || at >= 0x100000)
			memory_write(memory, at, &at, 4, 0);
	ck_assert_int_eq(machine_save(runner.machine, fixture_path("odd.state"), &runner.error), 0);
	machine_free(runner.machine);
	ck_assert_int_eq(machine_new(runner.config, runner.registry, NULL, &runner.machine, &runner.error), 0);
	memory = machine_env(runner.machine)->memory;
	ck_assert_msg(!machine_load(runner.machine, fixture_path("odd.state"), &runner.error), "%s", runner.error.text);
	for (uint32_t at = 0; at < 1052672; at += 4) {
		uint32_t value = 0;

		if (at >= 0xa0000 && at < 0x100000)
			continue;
		memory_read(memory, at, &value, 4, 0);
		ck_assert_uint_eq(value, at);
	}
	runner_free(&runner);
}
END_TEST

static void dump_line(void *self, const char *text)
{
	fprintf(self, "%s\n", text);
}

static char *machine_dumped(struct runner *runner)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	machine_dump(runner->machine, dump_line, file);
	fclose(file);
	return text;
}

/* What `vmm config dump` writes makes the same machine. */
START_TEST(dump_again)
{
	static struct runner runner;
	char *first, *second;

	rom_write("dump", (struct rom_parameters){ 's', 7, 1, 0, 0 });
	runner_new(&runner, "dump", "uuid = 01234567-89ab-cdef-0123-456789abcdef");
	first = machine_dumped(&runner);
	ck_assert_says(first, "backend = com.acme.test-log");
	machine_free(runner.machine);
	config_free(runner.config);
	fixture_text("dumped.ini", "%s", first);
	ck_assert_msg(!machine_config(fixture_path("dumped.ini"), NULL, 0, &runner.config, &runner.error), "%s",
		runner.error.text);
	ck_assert_msg(!machine_new(runner.config, runner.registry, NULL, &runner.machine, &runner.error), "%s",
		runner.error.text);
	second = machine_dumped(&runner);
	ck_assert_str_eq(first, second);
	runner_free(&runner);
	free(first);
	free(second);
}
END_TEST

static const struct failure {
	const char *settings, *says;
} failures[] = {
	{ "memmory = 1M", "did you mean \"memory\"" },
	{ "memory = 3", "memory" },
	{ "uuid = 01234567x89ab-cdef-0123-456789abcdef", "is not a UUID" },
	{ "[cpu]\nmodel = z80", "no CPU model" },
	{ "[x]\nplugin = com.acme.nothing", "there is no plugin" },
	{ "[x]\nplugin = chipset-i440", "at most one" },
	{ "[x]\nplugin = pit-8254", "at most one" },
	{ "[x]\nplugin = com.acme.test-log", "\"file\" must be set" },
	{ "[x]\nplugin = com.acme.test-log\nfile = /nowhere/at/all", "[x]: the file cannot be opened: name another" },
	{ "[x]\nplugin = serial-16550\nbackend = nothing", "there is no plugin" },
	{ "[x]\nplugin = serial-16550\nbackend = com.acme.test-log", "\"file\" must be set" },
	{ "[x]\nplugin = serial-16550\nbackend = com.acme.test-log\nport = com2\nbackend.file = /nowhere/x",
		"cannot be opened" },
	{ "[x]\nplugin = serial-16550\nport = com2\nbackend = @y", "no section [y]" },
	{ "[x]\nplugin = serial-16550\nport = com2\nbackend = @z\n[y]\nplugin = serial-16550\nport = com3\n"
	  "backend = @z\n[z]\nplugin = char-null",
		"taken already" },
	{ "[x]\nplugin = serial-16550", "are taken" },
	{ "[x]\nplugin = debug-exit", "are taken" },
	{ "[boot]\nrom = /dev/null", "not a file" },
};

/* A machine that cannot be made leaves nothing behind: the leak checker looks on. */
START_TEST(new_fails)
{
	const struct failure *failure = &failures[_i];
	struct machine_options options = { .log = log_quiet };
	struct plugin_registry *registry;
	struct config *config = NULL;
	struct machine *machine = NULL;
	struct config_error error = { "" };
	char *plugins = fixture_plugins(fixture_path("plugins"));

	rom_write("bad", (struct rom_parameters){ 's', 7, 1, 0, 0 });
	fixture_text("bad.ini", machine_text, "bad", "", "bad", "bad");
	fixture_text("more.ini", "[machine]\nbase = ./bad.ini\n%s\n", failure->settings);
	ck_assert_int_eq(registry_new(plugins, &registry), 0);
	ck_assert_msg(!machine_config(fixture_path("more.ini"), NULL, 0, &config, &error), "%s", error.text);
	ck_assert_int_ne(machine_new(config, registry, &options, &machine, &error), 0);
	ck_assert_ptr_null(machine);
	ck_assert_line(error.text);
	ck_assert_says(error.text, failure->says);
	config_free(config);
	registry_free(registry);
	free(plugins);
}
END_TEST

START_TEST(no_plugins)
{
	struct plugin_registry *registry;
	struct config *config = NULL;
	struct machine *machine = NULL;
	struct config_error error = { "" };

	mkdir(fixture_path("empty"), 0755);
	ck_assert_int_eq(registry_new(fixture_path("empty"), &registry), 0);
	fixture_text("none.ini", "[machine]\nbase = none\n[pci0]\nplugin = chipset-i440\n");
	ck_assert_int_eq(machine_config(fixture_path("none.ini"), NULL, 0, &config, &error), 0);
	ck_assert_int_ne(machine_new(config, registry, NULL, &machine, &error), 0);
	ck_assert_line(error.text);
	ck_assert_says(error.text, "none.ini:4: there is no plugin \"chipset-i440\": install it");
	ck_assert_says(error.text, "VMM_PLUGIN_PATH");
	config_free(config);
	/* Without any section there is still a machine, of CPU and RAM alone. */
	fixture_text("bare.ini", "[machine]\nbase = none\n");
	ck_assert_int_eq(machine_config(fixture_path("bare.ini"), NULL, 0, &config, &error), 0);
	ck_assert_msg(!machine_new(config, registry, NULL, &machine, &error), "%s", error.text);
	machine_free(machine);
	config_free(config);
	registry_free(registry);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_machine");
	TCase *runs = tcase_create("runs"), *making = tcase_create("making");
	int status;

	if (!fixture_begin() || fixture_compile("plugins", "test-log", fixture_log_plugin))
		return 99;
	tcase_set_timeout(runs, 60);
	tcase_add_test(runs, two_at_once);
	tcase_add_test(runs, counted_twice);
	tcase_add_test(runs, pause_and_resume);
	tcase_add_test(runs, pause_is_unseen);
	tcase_add_test(runs, reset);
	tcase_add_test(runs, triple_fault);
	tcase_add_test(runs, power_off);
	tcase_add_test(runs, power_pause);
	tcase_add_test(runs, save_and_load);
	tcase_add_test(runs, save_and_load_counted);
	suite_add_tcase(suite, runs);
	tcase_set_timeout(making, 60);
	tcase_add_test(making, state_damage);
	tcase_add_test(making, odd_memory);
	tcase_add_test(making, dump_again);
	tcase_add_loop_test(making, new_fails, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(making, no_plugins);
	suite_add_tcase(suite, making);
	status = fixture_run(suite);
	fixture_end();
	return status;
}
