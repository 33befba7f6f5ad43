/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Finding, loading and checking plugins, their settings, and joining them: with plugins compiled for the test. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_acme.h"
#include "core_fixture.h"
#include "vmm/machine/machine.h"

static char log_text[65536];

static void log_keep(void *self, unsigned level, const char *line)
{
	size_t length = strlen(log_text);
	const char *text = strchr(line, '[');

	(void)self;
	(void)level;
	/* "m: [up] info: init" becomes "up init;". */
	if (text)
		snprintf(log_text + length, sizeof(log_text) - length, "%.*s%s;", (int)strcspn(text + 1, "]"), text + 1,
			strstr(text, ": ") + 1);
}

struct bad {
	const char *name, *defines, *says;
};

#define GOOD_TAIL \
	"\n#ifndef MAGIC\n#define MAGIC VMM_ABI_MAGIC\n#endif\n#ifndef ABI\n#define ABI VMM_ABI_MAJOR\n#endif\n" \
	"#ifndef SDK\n#define SDK VMM_SDK_VERSION\n#endif\n#ifndef GET\n#define GET get_factory\n#endif\n" \
	"#ifndef TYPE\n#define TYPE VMM_PARAM_INT\n#endif\n#ifndef DEFAULT\n#define DEFAULT \"1\"\n#endif\n" \
	"#ifndef CHOICES\n#define CHOICES 0\n#endif\n#ifndef COUNT\n#define COUNT 1\n#endif\n" \
	"#ifndef STRIDE\n#define STRIDE sizeof(struct vmm_param)\n#endif\n#ifndef ID\n#define ID \"com.acme.bad\"\n" \
	"#endif\n#ifndef LICENCE\n#define LICENCE \"X\"\n#endif\n#ifndef MODEL\n#define MODEL 0\n#endif\n" \
	"#ifndef EXTRA\n#define EXTRA 0\n#endif\n#ifndef CREATE\n#define CREATE create\n#endif\n" \
	"#ifndef KIND\n#define KIND VMM_KIND_DEVICE\n#endif\n"

static const struct bad bads[] = {
	{ "good", "", NULL },
	{ "magic", "#define MAGIC 1", "wrong magic number): build it with VMM_PLUGIN()" },
	{ "abi", "#define ABI 2", "has ABI 2, this vmm has ABI 1: rebuild it" },
	{ "sdk", "#define SDK 0x00000003", "was built with SDK 0.3, this vmm has" },
	{ "undefined", "int32_t surely_nowhere(void);\n#define EXTRA surely_nowhere()", "surely_nowhere" },
	{ "noget", "#define GET 0", "has no get_factory" },
	{ "kind", "#define KIND \"vmm.teapot/1\"", "offers nothing that this vmm knows: a newer vmm may" },
	{ "nocreate", "#define CREATE 0", "its factory is incomplete): rebuild it" },
	{ "nolicence", "#define LICENCE 0", "its descriptor lacks a text): rebuild it" },
	{ "noid", "#define ID 0", "its descriptor lacks a text): rebuild it" },
	{ "vendor", "#define ID \"thing\"", "its id has no vendor part" },
	{ "model", "#define MODEL 7", "a thread model that this vmm does not know" },
	{ "type", "#define TYPE 99", "a row of its parameter table is incomplete" },
	{ "choices", "#define TYPE VMM_PARAM_CHOICE", "has no choices" },
	{ "count", "#define COUNT 4000000000u", "absurd size" },
	{ "stride", "#define STRIDE 1", "absurd size" },
};

START_TEST(loading)
{
	const struct bad *bad = &bads[_i];
	struct plugin_registry *registry;
	struct config_error error = { "" };
	const struct plugin *plugin = NULL;
	char *source;

	ck_assert_int_ge(asprintf(&source, "#include <stdint.h>\n%s%s%s", bad->defines, GOOD_TAIL, acme_bad_source), 0);
	ck_assert_int_eq(fixture_compile("bad", bad->name, source), 0);
	free(source);
	const char *path = fixture_path("bad/%s.so", bad->name);

	ck_assert_int_eq(registry_new("", &registry), 0);
	int status = registry_load(registry, path, &error);

	if (!bad->says) {
		ck_assert_msg(!status, "%s", error.text);
		ck_assert_int_eq(registry_load(registry, path, &error), 0);
		plugin = registry_plugin(registry, 0);
		ck_assert_ptr_nonnull(plugin);
		ck_assert_str_eq(plugin->descriptor.id, "com.acme.bad");
		ck_assert_ptr_null(registry_plugin(registry, 1));
	} else {
		ck_assert_int_lt(status, 0);
		ck_assert_line(error.text);
		ck_assert_says(error.text, bad->says);
		ck_assert_says(error.text, path);
		ck_assert_ptr_null(registry_plugin(registry, 0));
	}
	registry_free(registry);
}
END_TEST

static void ck_unsafe(const char *path, const char *says)
{
	struct plugin_registry *registry;
	struct config_error error = { "" };

	ck_assert_int_eq(registry_new("", &registry), 0);
	int status = registry_load(registry, path, &error);

	if (says) {
		ck_assert_int_lt(status, 0);
		ck_assert_line(error.text);
		ck_assert_says(error.text, says);
	} else {
		ck_assert_msg(!status, "%s", error.text);
	}
	registry_free(registry);
}

START_TEST(owner_and_mode)
{
	char path[512], link_path[512];

	ck_assert_int_eq(fixture_compile("mode", "acme", acme_source), 0);
	strcpy(path, fixture_path("mode/acme.so"));
	ck_unsafe(path, NULL);
	chmod(path, 0775);
	ck_unsafe(path, "can be written by other users: chmod go-w ");
	chmod(path, 0757);
	ck_unsafe(path, "can be written by other users: chmod go-w ");
	chmod(path, 0755);
	chmod(fixture_path("mode"), 0777);
	ck_unsafe(path, "plugin folder");
	chmod(fixture_path("mode"), 0755);
	/* A link is judged by what it points to, and its folder. */
	mkdir(fixture_path("links"), 0755);
	strcpy(link_path, fixture_path("links/acme.so"));
	ck_assert_int_eq(symlink("../mode/acme.so", link_path), 0);
	ck_unsafe(link_path, NULL);
	chmod(fixture_path("mode"), 0777);
	ck_unsafe(link_path, "plugin folder");
	chmod(fixture_path("mode"), 0755);
	chmod(path, 0777);
	ck_unsafe(link_path, "plugin file");
	chmod(path, 0755);
	if (!geteuid()) {
		ck_assert_int_eq(chown(path, 4711, 4711), 0);
		ck_unsafe(path, "belongs to another user (uid 4711): make it root's or yours");
		ck_assert_int_eq(chown(path, 0, 0), 0);
		ck_assert_int_eq(chown(fixture_path("mode"), 4711, 4711), 0);
		ck_unsafe(path, "plugin folder");
		ck_assert_int_eq(chown(fixture_path("mode"), 0, 0), 0);
	}
	unlink(link_path);
	ck_assert_int_eq(symlink("acme.so", link_path), 0);
	ck_unsafe(link_path, "cannot be read");
	ck_unsafe(fixture_path("mode/gone.so"), "cannot be read");
	ck_unsafe(fixture_path("mode"), "plugin");
	ck_unsafe(path, NULL);
}
END_TEST

START_TEST(finding)
{
	struct plugin_registry *registry;
	struct config_error error = { "" };
	const struct plugin *plugin;
	char *path;

	/* Empty and relative parts of the path are skipped. */
	ck_assert_int_ge(
		asprintf(&path, ":relative:%s:/nowhere:%s:", fixture_path("plugins"), fixture_path("none")), 0);
	ck_assert_int_eq(registry_new(path, &registry), 0);
	ck_assert_str_eq(registry_path(registry), path);
	ck_assert_int_eq(registry_find(registry, "com.acme.upper", &plugin, &error), 0);
	ck_assert_str_eq(plugin->descriptor.id, "com.acme.upper");
	ck_assert_int_eq(registry_find(registry, "com.acme.uppr", &plugin, &error), -ENOENT);
	ck_assert_line(error.text);
	ck_assert_ptr_null(plugin);
	ck_assert_int_eq(registry_find(registry, "upper", &plugin, &error), -ENOENT);
	ck_assert_int_eq(registry_find(registry, "", &plugin, &error), -ENOENT);
	ck_assert_int_eq(registry_find(registry, "../plugins/acme", &plugin, &error), -ENOENT);
	registry_free(registry);
	free(path);
	ck_assert_str_eq(plugin_short_id("org.vmm.x-y"), "x-y");
	ck_assert_str_eq(plugin_short_id("com.vmm.x-y"), "com.vmm.x-y");
	ck_assert(plugin_id_equal("org.vmm.x", "x") && !plugin_id_equal("com.vmm.x", "x"));
}
END_TEST

static struct plugin_registry *registry;
static struct config *config;
static struct machine *machine;
static struct config_error error;

/* Make a machine of this text; its status. */
static int machine_make(const char *text)
{
	struct machine_options options = { .log = log_keep, .log_level = VMM_LOG_INFO };

	log_text[0] = error.text[0] = 0;
	machine = NULL;
	fixture_text("m.ini", "[machine]\nname = m\nbase = none\nmemory = 1M\n%s\n", text);
	ck_assert_int_eq(registry_new(fixture_path("plugins"), &registry), 0);
	ck_assert_msg(!machine_config(fixture_path("m.ini"), NULL, 0, &config, &error), "%s", error.text);
	return machine_new(config, registry, &options, &machine, &error);
}

static void machine_unmake(void)
{
	machine_free(machine);
	config_free(config);
	registry_free(registry);
}

static unsigned words_count(const char *word)
{
	unsigned count = 0;

	for (const char *at = log_text; (at = strstr(at, word)); at++)
		count++;
	return count;
}

static void ck_refused(const char *text, const char *says)
{
	ck_assert_int_ne(machine_make(text), 0);
	ck_assert_line(error.text);
	ck_assert_says(error.text, says);
	/* What was created was destroyed, and what was attached was detached. */
	ck_assert_uint_eq(words_count(" destroy"), words_count(" init "));
	ck_assert_uint_eq(words_count(" closing"), words_count(" attached"));
	machine_unmake();
}

START_TEST(settings)
{
	char wanted[1024];

	ck_assert_msg(!machine_make("[x]\nplugin = com.acme.upper\n"), "%s", error.text);
	ck_assert_str_eq(log_text, "x init -3 4096 0 - - 0 000000000000 0 - 0;");
	machine_unmake();
	ck_assert_msg(!machine_make("[x]\nplugin = com.acme.upper\nnumber = 0x7\nsize = 1M\nflag = ON\nword = abc\n"
				    "path = ./a/b\nmac = 00:1b:2C:3d:4e:5f\nchoice = three\nlist = one\nlist = two\n"),
		"%s", error.text);
	snprintf(wanted, sizeof(wanted), "x init 7 1048576 1 abc %s/./a/b 2 001b2c3d4e5f 2 two 1;",
		fixture_path("%s", ""));
	/* The path is absolute, below the file's folder. */
	ck_assert_says(log_text, "x init 7 1048576 1 abc /");
	ck_assert_says(log_text, "/a/b 2 001b2c3d4e5f 2 two 1;");
	machine_unmake();
	static const struct {
		const char *line, *says;
	} wrong[] = {
		{ "number = 10", "m.ini:7: number = 10: must be a number from -9 to 9" },
		{ "number = -10", "from -9 to 9" },
		{ "number = 3.5", "a number" },
		{ "number =", "a number" },
		{ "size = 0", "a size in bytes" },
		{ "size = 2M", "a size in bytes" },
		{ "size = -1", "a size in bytes" },
		{ "flag = 2", "yes or no" },
		{ "word = a", "a text of 2 to 5 bytes" },
		{ "word = abcdef", "a text of 2 to 5 bytes" },
		{ "path =", "a path" },
		{ "mac = 03:00:00:00:00:00", "a unicast MAC address" },
		{ "mac = 00:00:00:00:00", "a unicast MAC address" },
		{ "mac = 00-00-00-00-00-00", "a unicast MAC address" },
		{ "choice = One", "one of one|two|three" },
		{ "list = 12345", "a text of 1 to 4 bytes" },
		{ "numbr = 1", "has no key \"numbr\": did you mean \"number\"?" },
		{ "number = 1\nnumber = 1", "m.ini:8: \"number\" is set a second time (first in line 7)" },
		{ "address = 1", "has no key \"address\"" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "[x]\nplugin = com.acme.upper\n%s", wrong[i].line);
		ck_refused(text, wrong[i].says);
		ck_assert_uint_eq(words_count("init"), 0);
	}
}
END_TEST

START_TEST(order_of_calls)
{
	ck_assert_msg(!machine_make("[up]\nplugin = com.acme.upper\nout = @down\n[down]\nplugin = com.acme.lower\n"),
		"%s", error.text);
	ck_assert_says(log_text, "down init");
	ck_assert_says(log_text, "up prepare down 0;down prepare up 0;down attached up;up attached down;");
	log_text[0] = 0;
	ck_assert_int_eq(machine_resume(machine, &error), 0);
	ck_assert_str_eq(log_text, "up start;down start;");
	log_text[0] = 0;
	ck_assert_int_eq(machine_pause(machine), 0);
	ck_assert_str_eq(log_text, "up stop;down stop;");
	log_text[0] = 0;
	machine_unmake();
	ck_assert_str_eq(
		log_text, "up closing down;down closing up;up detached down;down detached up;up destroy;down destroy;");
}
END_TEST

static const struct bad joins[] = {
	{ "", "[a]\nplugin = com.acme.upper\nfail = init\n", "[a]: init: try again" },
	{ "", "[never]\nplugin = com.acme.upper\n", "[never]: creating it failed: Cannot allocate memory" },
	{ "", "[a]\nplugin = com.acme.upper\nout = @b\nfail = prepare\n[b]\nplugin = com.acme.lower\n",
		"[a]: prepare: try again" },
	{ "", "[a]\nplugin = com.acme.upper\nout = @b\n[b]\nplugin = com.acme.lower\nfail = prepare\n",
		"[b]: prepare: try again" },
	{ "", "[a]\nplugin = com.acme.upper\nout = @b\nfail = port\n[b]\nplugin = com.acme.lower\n",
		"[a]: port: try again" },
	{ "", "[a]\nplugin = com.acme.upper\nout = com.acme.lower\nout.fail = init\n", "[a.out]: init: try again" },
	{ "", "[a]\nplugin = com.acme.upper\nout = com.acme.other\n", "does not fit port \"out\"" },
	{ "", "[a]\nplugin = com.acme.upper\nout = com.acme.upper\n", "does not fit port \"out\"" },
	{ "", "[a]\nplugin = com.acme.needs\n", "port \"out\" of [a] must be filled" },
	{ "", "[a]\nplugin = com.acme.needs\nout =\n", "port \"out\" of [a] must be filled" },
	{ "",
		"[a]\nplugin = com.acme.upper\nout = @b\n[b]\nplugin = com.acme.lower\n[c]\nplugin = "
		"com.acme.upper\nout = @b\n",
		"port \"in\" of [b] is taken already (it takes 1)" },
	{ "", "[a]\nplugin = com.acme.child\n", "[a] needs a bus (com.acme.bus/1)" },
	{ "",
		"[b]\nplugin = com.acme.bus\n[a]\nplugin = com.acme.child\naddress = 2.0\n[c]\nplugin = "
		"com.acme.child\n"
		"address = 02.0\n",
		"m.ini:12: address 02.0 on [b] is taken by [a]: take another" },
	{ "", "[b]\nplugin = com.acme.bus\n[a]\nplugin = com.acme.child\naddress = 4.0\n", "is no address on [b]" },
	{ "", "[b]\nplugin = com.acme.bus\n[a]\nplugin = com.acme.child\naddress = 1.8\n", "is no address on [b]" },
	{ "", "[b]\nplugin = com.acme.bus\n[a]\nplugin = com.acme.child\naddress = -1\n", "is no address on [b]" },
	{ "", "[b]\nplugin = com.acme.bus\n[a]\nplugin = com.acme.child\naddress = 1.\n", "is no address on [b]" },
	{ "", "[b]\nplugin = com.acme.bus\n[a]\nplugin = com.acme.child\naddress =\n", "is no address on [b]" },
	{ "", "[b]\nplugin = com.acme.unit\n[a]\nplugin = com.acme.disk\naddress = 0.256\n", "CHANNEL.UNIT" },
	{ "", "[b]\nplugin = com.acme.unit\n[a]\nplugin = com.acme.disk\naddress = 0.2\n", "is no address on [b]" },
	{ "", "[b]\nplugin = com.acme.unit\n[a]\nplugin = com.acme.disk\naddress = 2.0\n", "is no address on [b]" },
	{ "",
		"[b]\nplugin = com.acme.bus\n[c]\nplugin = com.acme.child\n[d]\nplugin = com.acme.child\n[e]\n"
		"plugin = com.acme.child\n[f]\nplugin = com.acme.child\n",
		"no free address left on [b]" },
	{ "", "[a]\nplugin = com.acme.upper\n[b]\nplugin = com.acme.child\nbus = @a\n",
		"[a] is no bus that [b] can sit on" },
};

START_TEST(joins_refused)
{
	ck_refused(joins[_i].defines, joins[_i].says);
	ck_assert_says(error.text, "m.ini");
}
END_TEST

START_TEST(start_fails)
{
	ck_assert_int_eq(machine_make("[a]\nplugin = com.acme.upper\n[b]\nplugin = com.acme.upper\nfail = start\n"), 0);
	ck_assert_int_lt(machine_resume(machine, &error), 0);
	ck_assert_str_eq(error.text, "[b]: start: try again");
	ck_assert_int_ne(machine_state(machine), MACHINE_RUNNING);
	/* The one that had started was stopped. */
	ck_assert_says(log_text, "a start;b start;a stop;");
	ck_assert_uint_eq(words_count("b stop"), 0);
	machine_unmake();
	ck_assert_uint_eq(words_count(" destroy"), 2);
}
END_TEST

START_TEST(bus_addresses)
{
	ck_assert_msg(
		!machine_make("[b]\nplugin = com.acme.bus\n[c]\nplugin = com.acme.child\n[d]\nplugin = com.acme.child\n"
			      "address = 01.0\n[e]\nplugin = com.acme.child\naddress = 3.5\n"),
		"%s", error.text);
	/* c was given the lowest slot that is wholly free. */
	ck_assert_says(log_text, "c prepare b 16;");
	ck_assert_says(log_text, "d prepare b 8;");
	ck_assert_says(log_text, "e prepare b 29;");
	machine_unmake();
	ck_assert_msg(
		!machine_make("[d]\nplugin = com.acme.disk\n[b]\nplugin = com.acme.unit\n[e]\nplugin = com.acme.disk\n"
			      "address = 0.0\n[p]\nplugin = com.acme.unit\n[f]\nplugin = com.acme.disk\nbus = @p\n"
			      "[g]\nplugin = com.acme.disk\nbus =\n"),
		"%s", error.text);
	ck_assert_says(log_text, "d prepare b 1;");
	ck_assert_says(log_text, "e prepare b 0;");
	ck_assert_says(log_text, "f prepare p 0;");
	ck_assert_uint_eq(words_count("g prepare"), 0);
	machine_unmake();
	/* Behind the last unit of a channel comes the next channel. */
	ck_assert_msg(
		!machine_make("[b]\nplugin = com.acme.unit\n[d]\nplugin = com.acme.disk\n[e]\nplugin = com.acme.disk\n"
			      "[f]\nplugin = com.acme.disk\n[g]\nplugin = com.acme.disk\n"),
		"%s", error.text);
	ck_assert_says(log_text, "e prepare b 1;");
	ck_assert_says(log_text, "f prepare b 256;");
	ck_assert_says(log_text, "g prepare b 257;");
	machine_unmake();
}
END_TEST

START_TEST(attach_and_detach)
{
	static const char *const bad[] = { "fail=prepare" }, *const start[] = { "fail=start" },
				 *const word[] = { "word=abc" };
	static const char *const unknown[] = { "wrod=abc" }, *const none[] = { "word" };

	ck_assert_msg(
		!machine_make("[up]\nplugin = com.acme.upper\nout = com.acme.lower\n[req]\nplugin = com.acme.needs\n"
			      "out = com.acme.lower\n[fix]\nplugin = com.acme.fixed\n[low]\nplugin = com.acme.lower\n"),
		"%s", error.text);
	ck_assert_int_eq(machine_resume(machine, &error), 0);
	log_text[0] = 0;
	/* The new one is ready before the old one is told. */
	ck_assert_msg(!machine_attach(machine, "up", "out", "com.acme.lower", NULL, word, 1, &error), "%s", error.text);
	ck_assert_says(log_text, " init -3 4096 0 abc ");
	const char *prepared = strstr(log_text, "up prepare"), *closed = strstr(log_text, "up closing"),
		   *attached = strstr(log_text, "up attached");

	ck_assert(prepared && closed && attached && prepared < closed && closed < attached);
	ck_assert_uint_eq(words_count("destroy"), 1);
	/* What fails changes nothing. */
	for (unsigned i = 0; i < 5; i++) {
		const char *const *sets = i == 0 ? bad : i == 1 ? start : i == 2 ? unknown : none;

		log_text[0] = 0;
		ck_assert_int_ne(machine_attach(machine, "up", "out", i < 4 ? "com.acme.lower" : "com.acme.other", NULL,
					 sets, i < 4, &error),
			0);
		ck_assert_line(error.text);
		ck_assert_uint_eq(words_count("up closing"), 0);
		ck_assert_uint_eq(words_count("destroy"), words_count(" init "));
	}
	static const struct bad wrong[] = {
		{ "nobody", "out", "no instance \"nobody\"" },
		{ "up", "in", "has no port \"in\"" },
		{ "fix", "out", "cannot change while the machine runs" },
	};

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_ne(machine_attach(machine, wrong[i].name, wrong[i].defines, "com.acme.lower", NULL, NULL,
					 0, &error),
			0);
		ck_assert_says(error.text, wrong[i].says);
		ck_assert_int_ne(machine_detach(machine, wrong[i].name, wrong[i].defines, &error), 0);
		ck_assert_says(error.text, wrong[i].says);
	}
	ck_assert_int_ne(machine_attach(machine, "up", "out", "com.acme.nothing", NULL, NULL, 0, &error), 0);
	ck_assert_says(error.text, "there is no plugin");
	ck_assert_int_ne(machine_attach(machine, "up", "out", "@nothing", NULL, NULL, 0, &error), 0);
	/* A section's port takes one peer only. */
	ck_assert_msg(!machine_attach(machine, "up", "out", "@low", NULL, NULL, 0, &error), "%s", error.text);
	ck_assert_int_ne(machine_attach(machine, "req", "out", "@low", NULL, NULL, 0, &error), 0);
	ck_assert_says(error.text, "taken already");
	log_text[0] = 0;
	ck_assert_msg(!machine_attach(machine, "up", "out", "@low", NULL, NULL, 0, &error), "%s", error.text);
	ck_assert_int_eq(machine_detach(machine, "up", "out", &error), 0);
	ck_assert_uint_eq(words_count("destroy"), 0);
	ck_assert_int_ne(machine_detach(machine, "up", "out", &error), 0);
	ck_assert_says(error.text, "is empty already");
	ck_assert_int_ne(machine_detach(machine, "req", "out", &error), 0);
	ck_assert_says(error.text, "must be filled");
	/* Again and again. */
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(machine_attach(machine, "up", "out", "com.acme.lower", NULL, word, 1, &error), 0);
		if (i % 3 == 0)
			ck_assert_int_eq(machine_detach(machine, "up", "out", &error), 0);
	}
	log_text[0] = 0;
	machine_unmake();
	ck_assert_uint_eq(words_count("closing"), words_count("detached"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_plugin");
	TCase *cases = tcase_create("plugin");
	int status;

	if (!fixture_begin() || fixture_compile("plugins", "acme", acme_source))
		return 99;
	tcase_set_timeout(cases, 60);
	tcase_add_loop_test(cases, loading, 0, sizeof(bads) / sizeof(bads[0]));
	tcase_add_test(cases, owner_and_mode);
	tcase_add_test(cases, finding);
	tcase_add_test(cases, settings);
	tcase_add_test(cases, order_of_calls);
	tcase_add_loop_test(cases, joins_refused, 0, sizeof(joins) / sizeof(joins[0]));
	tcase_add_test(cases, start_fails);
	tcase_add_test(cases, bus_addresses);
	tcase_add_test(cases, attach_and_detach);
	suite_add_tcase(suite, cases);
	status = fixture_run(suite);
	fixture_end();
	return status;
}
