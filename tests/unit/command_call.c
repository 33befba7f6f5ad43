/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm call: what it asks a machine, and what it prints. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_fixture.h"
#include "vmm/command/command.h"
#include "vmm/control/control.h"

static struct machine_lock lock;
static struct event_loop *loop;
static struct control_server *server;
static pthread_t thread;
static char asked[256], printed[512], complaint[512];

/* The parts of main.c that a verb uses. */
static void complain(const char *format, va_list arguments)
{
	vsnprintf(complaint, sizeof(complaint), format, arguments);
}

int command_failed(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	return STATUS_FAILED;
}

int command_usage(const char *verb, const char *format, ...)
{
	va_list arguments;

	ck_assert_str_eq(verb, "call");
	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	return STATUS_USAGE;
}

void command_json(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	snprintf(printed, sizeof(printed), "%s", text);
	free(text);
	json_decref(value);
}

/* The machine. */
static json_t *handle(void *self, const char *method, json_t *params, struct control_error *error)
{
	char *text = json_dumps(params, JSON_COMPACT);

	(void)self;
	snprintf(asked, sizeof(asked), "%s %s", method, text);
	free(text);
	if (!strcmp(method, "net0.backend.fail"))
		return control_fail(error, CONTROL_FAILED, "the port is taken: choose another");
	return json_pack("{s:i}", "answer", 42);
}

static void idle(void *self)
{
	(void)self;
	control_poll(server);
}

static void *run(void *self)
{
	(void)self;
	loop_run(loop);
	return NULL;
}

static int call(const char *words)
{
	char text[256], *argv[16], *save = NULL;
	int argc = 0;

	asked[0] = printed[0] = complaint[0] = 0;
	snprintf(text, sizeof(text), "%s", words);
	for (char *word = strtok_r(text, "|", &save); word; word = strtok_r(NULL, "|", &save))
		argv[argc++] = word;
	return command_call_method(argc, argv);
}

START_TEST(call_asks_and_prints)
{
	static const struct {
		const char *words, *asked;
	} rows[] = {
		{ "first|net0.backend.info", "net0.backend.info {}" },
		{ "first|net0.backend.forward|forward=tcp:127.0.0.1:2222:22",
			"net0.backend.forward {\"forward\":\"tcp:127.0.0.1:2222:22\"}" },
		{ "first|a.b|x=7|y=true|z=a=b|text=\"7\"|list=[1,2]|none=",
			"a.b {\"x\":7,\"y\":true,\"z\":\"a=b\",\"text\":\"7\",\"list\":[1,2],\"none\":\"\"}" },
		{ "first.ini|a.b|{\"x\": {\"y\": null}}", "a.b {\"x\":{\"y\":null}}" },
	};
	char path[300];

	setenv("XDG_RUNTIME_DIR", fixture_path("."), 1);
	ck_assert_int_eq(mkdir(fixture_path("vmm"), 0700), 0);
	snprintf(path, sizeof(path), "%s", fixture_path("vmm/first.sock"));
	lock_init(&lock);
	ck_assert_int_eq(loop_new(&lock, &loop), 0);
	ck_assert_int_eq(control_server_new(loop, path, handle, NULL, &server), 0);
	loop_idle(loop, idle, NULL);
	pthread_create(&thread, NULL, run, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(call(rows[i].words), STATUS_DONE);
		ck_assert_str_eq(asked, rows[i].asked);
		ck_assert_str_eq(printed, "{\"answer\":42}");
	}
	ck_assert_int_eq(call("first|net0.backend.fail"), STATUS_FAILED);
	ck_assert_str_eq(complaint, "the port is taken: choose another");
	ck_assert_int_eq(call("second|info"), STATUS_FAILED);
	ck_assert_ptr_nonnull(strstr(complaint, "no machine called \"second\""));
	loop_quit(loop);
	pthread_join(thread, NULL);
	control_server_free(server);
	loop_free(loop);
	lock_destroy(&lock);
}
END_TEST

START_TEST(call_refuses_what_is_none)
{
	static const char *const rows[] = { "first", "first|info|forward", "first|info|=x",
		"first|info|{\"x\": ", "first|info|{}|x=1", "first|info|x=\xff" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(call(rows[i]), STATUS_USAGE);
		ck_assert_int_gt(strlen(complaint), 0);
		ck_assert_int_eq(asked[0], 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("command_call");
	TCase *cases = tcase_create("call");
	int status;

	if (!fixture_begin())
		return 99;
	tcase_add_test(cases, call_asks_and_prints);
	tcase_add_test(cases, call_refuses_what_is_none);
	suite_add_tcase(suite, cases);
	status = fixture_run(suite);
	fixture_end();
	return status;
}
