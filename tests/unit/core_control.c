/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The control socket: a server on a loop in a thread, and clients of every kind. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_fixture.h"
#include "vmm/control/control.h"

static struct machine_lock lock;
static struct event_loop *loop;
static struct control_server *server;
static pthread_t thread;
static char path[256];
static unsigned calls; /* atomic */

static json_t *handle(void *self, const char *method, json_t *params, struct control_error *error)
{
	ck_assert_ptr_eq(self, &calls);
	ck_assert(!lock_held(&lock));
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (!strcmp(method, "echo"))
		return json_incref(params);
	if (!strcmp(method, "fail"))
		return control_fail(error, CONTROL_FAILED, "it failed: %d", 7);
	if (!strcmp(method, "large")) {
		char *text = malloc(200001);
		json_t *result;

		memset(text, 'x', 200000);
		text[200000] = 0;
		result = json_pack("{s:s}", "text", text);
		free(text);
		return result;
	}
	return control_fail(error, CONTROL_NO_METHOD, "there is no method \"%s\"", method);
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

static void begin(void)
{
	strcpy(path, fixture_path("%d.sock", (int)getpid()));
	lock_init(&lock);
	ck_assert_int_eq(loop_new(&lock, &loop), 0);
	ck_assert_int_eq(control_server_new(loop, path, handle, &calls, &server), 0);
	loop_idle(loop, idle, NULL);
	pthread_create(&thread, NULL, run, NULL);
}

static void end(void)
{
	loop_quit(loop);
	pthread_join(thread, NULL);
	control_server_free(server);
	ck_assert_int_ne(access(path, F_OK), 0);
	loop_free(loop);
	lock_destroy(&lock);
}

static int client_open(void)
{
	struct timeval limit = { 10, 0 };
	int fd = control_connect(path);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

static void client_put(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t done = send(fd, data, length, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		data += done;
		length -= (size_t)done;
	}
}

/* A line, or NULL at the end; malloc'ed. */
static char *client_line(int fd)
{
	char *line = malloc(1 << 20);
	size_t length = 0;

	while (length + 1 < 1 << 20 && recv(fd, line + length, 1, 0) == 1) {
		if (line[length++] != '\n')
			continue;
		line[length - 1] = 0;
		return line;
	}
	free(line);
	return NULL;
}

static void ck_code(int fd, const char *request, size_t length, int code)
{
	client_put(fd, request, length);
	client_put(fd, "\n", 1);
	char *line = client_line(fd);

	ck_assert_msg(line != NULL, "no answer to %.60s", request);
	json_t *reply = json_loads(line, 0, NULL);

	ck_assert_msg(reply != NULL, "not JSON: %.200s", line);
	ck_assert_str_eq(json_string_value(json_object_get(reply, "jsonrpc")), "2.0");
	ck_assert_msg(
		json_integer_value(json_object_get(json_object_get(reply, "error"), "code")) == code, "%.200s", line);
	ck_assert_ptr_nonnull(json_object_get(reply, "id"));
	json_decref(reply);
	free(line);
}

START_TEST(requests)
{
	struct stat status;
	char message[256] = "";
	json_t *result = NULL;
	int fd = client_open();

	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	ck_assert_int_eq(control_call(fd, "version", NULL, &result, message, sizeof(message)), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(result, "version")), CONTROL_VERSION);
	json_decref(result);
	ck_assert_int_eq(control_call(fd, "echo", json_pack("{s:i}", "x", 5), &result, message, sizeof(message)), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(result, "x")), 5);
	json_decref(result);
	ck_assert_int_eq(control_call(fd, "fail", NULL, &result, message, sizeof(message)), -EREMOTEIO);
	ck_assert_str_eq(message, "it failed: 7");
	ck_assert_int_eq(control_call(fd, "nothing", NULL, &result, message, sizeof(message)), -EREMOTEIO);
	ck_assert_str_eq(message, "there is no method \"nothing\"");
	ck_assert_int_eq(control_call(fd, "large", NULL, &result, message, sizeof(message)), 0);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(result, "text"))), 200000);
	json_decref(result);
	close(fd);
	ck_assert_int_eq(control_connect(fixture_path("nobody.sock")), -ENOENT);
}
END_TEST

START_TEST(malformed)
{
	static const struct {
		const char *text;
		int code;
	} bad[] = { { "{", -32700 }, { "hello", -32700 }, { "\xff\xfe", -32700 }, { "{\"a\":\"\xc3\"}", -32700 },
		{ "{\"\xc3\xa4\": \xc3\xa4}", -32700 }, { "{\"a\":1,\"a\":2}", -32700 }, { "{} {}", -32700 },
		{ "[]", CONTROL_INVALID_REQUEST }, { "{}", CONTROL_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", CONTROL_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"echo\"}", CONTROL_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", CONTROL_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[1]}", CONTROL_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"none\"}", CONTROL_NO_METHOD },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{\"x\":[]},\"method\":\"fail\"}", CONTROL_FAILED } };
	int fd = client_open();
	char long_method[4096], *deep = malloc(100001);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_code(fd, bad[i].text, strlen(bad[i].text), bad[i].code);
	ck_code(fd, "{\0}", 3, -32700);
	memset(deep, '[', 100000);
	deep[100000] = 0;
	ck_code(fd, deep, 100000, -32700);
	free(deep);
	/* A message that is cut within a character is still answered. */
	for (unsigned lead = 0; lead < 2; lead++) {
		size_t length = (size_t)snprintf(long_method, sizeof(long_method),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s", lead ? "x" : "");

		for (unsigned i = 0; i < 1000; i++, length += 2)
			memcpy(long_method + length, "\xc3\xa4", 2);
		memcpy(long_method + length, "\"}", 2);
		ck_code(fd, long_method, length + 2, CONTROL_NO_METHOD);
	}
	/* Empty lines and notifications get no answer. */
	client_put(fd, "\n\n", 2);
	calls = 0;
	client_put(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"fail\"}\n", 35);
	ck_code(fd, "x", 1, -32700);
	ck_assert_uint_eq(__atomic_load_n(&calls, __ATOMIC_RELAXED), 1);
	close(fd);
}
END_TEST

START_TEST(huge_line)
{
	int fd = client_open(), other = client_open();
	char *data = malloc(2u << 20), message[64];
	json_t *result;

	memset(data, 'x', 2u << 20);
	client_put(fd, data, 2u << 20);
	ck_assert_ptr_null(client_line(fd));
	ck_assert_int_eq(control_call(other, "version", NULL, &result, message, sizeof(message)), 0);
	json_decref(result);
	free(data);
	close(fd);
	close(other);
}
END_TEST

START_TEST(many_clients)
{
	int fds[40];
	char message[64];
	json_t *result;

	for (unsigned i = 0; i < 40; i++)
		fds[i] = client_open();
	for (unsigned i = 0; i < 32; i++) {
		ck_assert_int_eq(control_call(fds[i], "version", NULL, &result, message, sizeof(message)), 0);
		json_decref(result);
	}
	/* Those that there is no room for are closed. */
	ck_assert_ptr_null(client_line(fds[39]));
	for (unsigned i = 0; i < 40; i++)
		close(fds[i]);
	usleep(20000);
	fds[0] = client_open();
	ck_assert_int_eq(control_call(fds[0], "version", NULL, &result, message, sizeof(message)), 0);
	json_decref(result);
	close(fds[0]);
}
END_TEST

/* One that asks and never reads is closed some time; the others do not notice. */
START_TEST(never_reads)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"large\"}\n";
	int fd = client_open(), other = client_open();
	char message[64];
	json_t *result;
	unsigned lines = 0;
	char *line;

	for (unsigned i = 0; i < 100; i++)
		client_put(fd, request, sizeof(request) - 1);
	for (unsigned i = 0; i < 20; i++) {
		ck_assert_int_eq(control_call(other, "version", NULL, &result, message, sizeof(message)), 0);
		json_decref(result);
	}
	while ((line = client_line(fd))) {
		free(line);
		lines++;
	}
	ck_assert_uint_lt(lines, 60);
	close(fd);
	close(other);
}
END_TEST

START_TEST(events)
{
	int fd = client_open(), deaf = client_open();
	char message[64], *line;
	json_t *result;

	ck_assert_int_eq(control_call(fd, "events", NULL, &result, message, sizeof(message)), 0);
	json_decref(result);
	control_event(server, json_pack("{s:s}", "event", "first"));
	control_event(server, json_pack("{s:s}", "event", "second"));
	line = client_line(fd);
	ck_assert_ptr_nonnull(line);
	ck_assert_says(line, "\"method\":\"event\"");
	ck_assert_says(line, "first");
	free(line);
	/* A call skips the events that come between. */
	ck_assert_int_eq(control_call(fd, "version", NULL, &result, message, sizeof(message)), 0);
	json_decref(result);
	ck_assert_int_eq(control_call(fd, "events", json_pack("{s:b}", "on", 0), &result, message, sizeof(message)), 0);
	json_decref(result);
	control_event(server, json_pack("{s:s}", "event", "third"));
	ck_assert_int_eq(control_call(deaf, "version", NULL, &result, message, sizeof(message)), 0);
	json_decref(result);
	close(fd);
	close(deaf);
}
END_TEST

START_TEST(addresses)
{
	struct control_server *second = NULL;
	struct event_loop *other;
	char name[300];
	int left;

	ck_assert_int_eq(loop_new(&lock, &other), 0);
	ck_assert_int_eq(control_server_new(other, path, handle, &calls, &second), -EADDRINUSE);
	ck_assert_int_eq(access(path, F_OK), 0);
	memset(name, 'n', sizeof(name));
	name[0] = '/';
	name[299] = 0;
	ck_assert_int_eq(control_server_new(other, name, handle, &calls, &second), -ENAMETOOLONG);
	ck_assert_int_lt(control_server_new(other, "/nowhere/x.sock", handle, &calls, &second), 0);
	/* A socket that was left behind is taken over. */
	strcpy(name, fixture_path("left.sock"));
	ck_assert_int_eq(control_server_new(other, name, handle, &calls, &second), 0);
	left = rename(name, fixture_path("kept.sock"));
	ck_assert_int_eq(left, 0);
	control_server_free(second);
	ck_assert_int_eq(rename(fixture_path("kept.sock"), name), 0);
	ck_assert_int_eq(control_server_new(other, name, handle, &calls, &second), 0);
	control_server_free(second);
	loop_free(other);
}
END_TEST

START_TEST(folders)
{
	char *folder;

	setenv("XDG_RUNTIME_DIR", fixture_path("runtime"), 1);
	mkdir(fixture_path("runtime"), 0700);
	folder = control_folder(false);
	ck_assert_ptr_null(folder);
	folder = control_folder(true);
	ck_assert_ptr_nonnull(folder);
	ck_assert_str_eq(folder, fixture_path("runtime/vmm"));
	/* One that others can look into is not private. */
	chmod(folder, 0750);
	free(folder);
	ck_assert_ptr_null(control_folder(true));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_control");
	TCase *cases = tcase_create("control");
	int status;

	if (!fixture_begin())
		return 99;
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, requests);
	tcase_add_test(cases, malformed);
	tcase_add_test(cases, huge_line);
	tcase_add_test(cases, many_clients);
	tcase_add_test(cases, never_reads);
	tcase_add_test(cases, events);
	tcase_add_test(cases, addresses);
	tcase_add_test(cases, folders);
	suite_add_tcase(suite, cases);
	status = fixture_run(suite);
	fixture_end();
	return status;
}
