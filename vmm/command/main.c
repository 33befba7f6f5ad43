/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/command/command.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/cpu.h"

static const char help[] =
	"vmm runs unmodified x86 operating systems in virtual machines, with no kernel module and no root.\n"
	"\n"
	"Usage: vmm VERB ...\n"
	"\n"
	"Machines\n"
	"  run FILE [--serial stdio|PATH] [--headless] [--set SECTION.KEY=VALUE]... [--tier T]\n"
	"           [--trace exec,int,mmu,io] [--log LEVEL] [--load STATE] [--report FILE]\n"
	"           [--gdb [HOST:]PORT] [--check none|lockstep]\n"
	"                              run the machine that an INI file describes\n"
	"  list [--json]               the machines that run\n"
	"  status NAME [--engine] [--watch SECONDS] [--json]\n"
	"                              what a machine is made of and how it is; or what its engine has counted\n"
	"  pause | resume | reset NAME\n"
	"  stop NAME [--button]        switch it off, or press its power button\n"
	"  screenshot NAME FILE.png    write a picture of the guest's screen; --text prints a text screen\n"
	"  keys NAME KEY...            press keys: a, ret, f1, ctrl-alt-delete; --text STRING types it\n"
	"  mouse NAME move DX DY | click left|right|middle | wheel N\n"
	"  attach NAME INSTANCE[.PORT] PLUGIN|PATH|@INSTANCE [KEY=VALUE]...\n"
	"  detach NAME INSTANCE[.PORT] change what a port is joined to (a CD, a floppy), while the machine runs\n"
	"  call NAME METHOD [KEY=VALUE... | JSON]\n"
	"                              call any method of the machine's or of an instance's, as net0.backend.info\n"
	"  profile NAME [--seconds N] [--hz N] [--symbols FILE [--slide HEX]] [--folded FILE [--depth N]] [--json]\n"
	"                              where the guest spends its time\n"
	"  profile NAME --perf-map [--output FILE] [--seconds N] [--symbols FILE [--slide HEX]]\n"
	"                              name the guest's code for perf(1)\n"
	"  trace NAME WHAT|off         log exec, int, mmu or io while it runs\n"
	"\n"
	"Disk images (FORMAT is NAME[:VARIANT]; all take --json)\n"
	"  disk create FILE SIZE [--format FORMAT] [--parent FILE] [--option KEY=VALUE]...\n"
	"  disk info | map | check FILE\n"
	"  disk repair FILE [--dry | --yes]\n"
	"  disk mark FILE [--begin] [--machine NAME]\n"
	"                              a mark for disk map FILE --changed-since MARK\n"
	"  disk backup FILE TARGET [--begin] [--changed-since MARK --parent COPY] [--format FORMAT] [--machine NAME]\n"
	"                              copy it, or what has changed, while a machine runs with it, too\n"
	"  disk convert FILE TARGET [--format FORMAT] [--source-format NAME] [--option KEY=VALUE]...\n"
	"  disk resize FILE SIZE|+SIZE|-SIZE [--shrink]\n"
	"  disk compact FILE           give room that nothing uses back to the host\n"
	"  disk snapshot FILE CHILD    make an image of the changes to FILE from now on\n"
	"  disk rebase FILE --parent FILE|none [--unsafe]\n"
	"  disk commit FILE            write the undoable changes to FILE, or those that FILE is, where they belong\n"
	"  disk discard FILE           drop the undoable changes to FILE\n"
	"  disk compare FILE FILE\n"
	"  disk bench FILE [--write] [--count N] [--size BYTES] [--step BYTES] [--depth N] [--random]\n"
	"             [--cache writeback|none]\n"
	"  disk formats                the formats there are, with their variants and options\n"
	"\n"
	"Plugins and settings\n"
	"  plugin list [--json]        the plugins there are\n"
	"  plugin info NAME [--json]   a plugin's parameters and ports\n"
	"  plugin check FILE.so        try a plugin hard against a fake host\n"
	"  config check FILE [--set ...]\n"
	"  config dump FILE [--set ...]\n"
	"                              every instance, parameter and default of a machine\n"
	"\n"
	"A first machine: scripts/demo in the source tree, or vmm(1). vmm --version prints the version.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "run", command_run },
	{ "plugin", command_plugin },
	{ "config", command_config },
	{ "list", command_list },
	{ "disk", command_disk },
	{ "status", command_status },
	{ "attach", command_attach },
	{ "detach", command_detach },
	{ "call", command_call_method },
	{ "trace", command_trace },
	{ "profile", command_profile },
	{ "screenshot", command_screenshot },
	{ "keys", command_keys },
	{ "mouse", command_mouse },
};
static const char *const simple_verbs[] = { "pause", "resume", "reset", "stop" };

static void message(const char *format, va_list arguments)
{
	fputs("vmm: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
}

int command_failed(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	message(format, arguments);
	va_end(arguments);
	return STATUS_FAILED;
}

int command_usage(const char *verb, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "vmm%s%s: %s: see vmm --help\n", verb[0] ? " " : "", verb, text);
	return STATUS_USAGE;
}

struct plugin_registry *command_registry(void)
{
	struct plugin_registry *registry = NULL;
	char *path = registry_default_path();

	if (!path || registry_new(path, &registry))
		command_failed("out of memory");
	free(path);
	return registry;
}

void command_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
}

const char *command_option(int argc, char **argv, int *index, const char *name, bool *missing)
{
	size_t length = strlen(name);
	const char *word = argv[*index];

	if (strncmp(word, name, length) != 0)
		return NULL;
	if (word[length] == '=')
		return word + length + 1;
	if (word[length])
		return NULL;
	if (*index + 1 >= argc) {
		*missing = true;
		return NULL;
	}
	return argv[++*index];
}

bool command_trace_words(const char *words, unsigned *cpu, bool *io)
{
	static const struct {
		const char *word;
		unsigned bit;
	} known[] = { { "exec", CPU_TRACE_EXEC }, { "int", CPU_TRACE_INT }, { "mmu", CPU_TRACE_MMU } };

	*cpu = 0;
	*io = false;
	if (!strcmp(words, "off"))
		return true;
	while (*words) {
		size_t length = strcspn(words, ","), i = 0;

		while (i < 3 && (strlen(known[i].word) != length || strncmp(known[i].word, words, length) != 0))
			i++;
		if (i < 3)
			*cpu |= known[i].bit;
		else if (length == 2 && !strncmp(words, "io", 2))
			*io = true;
		else
			return false;
		words += length + (words[length] == ',');
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *names[32];
	size_t count = 0;
	const char *near;

	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		fputs(help, stderr);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		fputs(help, stdout);
		return STATUS_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("vmm %s (SDK %d.%d)\n", VMM_VERSION, VMM_SDK_VERSION_MAJOR, VMM_SDK_VERSION_MINOR);
		return STATUS_DONE;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		names[count++] = verbs[i].name;
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 2, argv + 2);
	}
	for (size_t i = 0; i < sizeof(simple_verbs) / sizeof(simple_verbs[0]); i++) {
		names[count++] = simple_verbs[i];
		if (!strcmp(argv[1], simple_verbs[i]))
			return command_simple(simple_verbs[i], argc - 2, argv + 2);
	}
	near = config_nearest(argv[1], names, count);
	if (near)
		return command_usage("", "there is no verb \"%s\": did you mean \"%s\"?", argv[1], near);
	return command_usage("", "there is no verb \"%s\"", argv[1]);
}
