/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Target: what a client of the control socket sends.  A zero byte ends what is sent at once. */
#include "vmm/control/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/input.h"

#define ROUNDS 4

static struct {
	struct machine_lock lock;
	struct event_loop *loop;
	struct control_server *server;
	unsigned rounds;
	char path[108];
} fuzz;

static json_t *request_handle(void *self, const char *method, json_t *params, struct control_error *error)
{
	(void)self;
	if (!json_is_object(params))
		abort();
	if (!strcmp(method, "echo"))
		return json_incref(params);
	if (!strcmp(method, "event")) {
		control_event(fuzz.server, json_incref(params));
		return json_null();
	}
	if (!strcmp(method, "fail"))
		return control_fail(error, CONTROL_FAILED, "%s",
			json_string_value(json_object_get(params, "text")) ? "it failed" : "no text");
	return control_fail(error, CONTROL_NO_METHOD, "there is no method \"%s\"", method);
}

static void loop_round(void *self)
{
	(void)self;
	control_poll(fuzz.server);
	if (++fuzz.rounds < ROUNDS)
		loop_wake(fuzz.loop);
	else
		loop_quit(fuzz.loop);
}

static void loop_some(void)
{
	fuzz.rounds = 0;
	loop_wake(fuzz.loop);
	loop_run(fuzz.loop);
}

static void socket_remove(void)
{
	unlink(fuzz.path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *parent = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(fuzz.path, sizeof(fuzz.path), "%.60s/vmm-fuzz-%d.sock", parent ? parent : "/tmp", (int)getpid());
	lock_init(&fuzz.lock);
	if (loop_new(&fuzz.lock, &fuzz.loop) ||
		control_server_new(fuzz.loop, fuzz.path, request_handle, NULL, &fuzz.server))
		abort();
	loop_idle(fuzz.loop, loop_round, NULL);
	atexit(socket_remove);
	return 0;
}

/* Every answer is a line of JSON. */
static void answers_check(const char *text, size_t length)
{
	while (length) {
		const char *end = memchr(text, '\n', length);
		json_t *reply;

		if (!end)
			return; /* more than we read */
		reply = json_loadb(text, (size_t)(end - text), 0, NULL);
		if (!reply || !json_string_value(json_object_get(reply, "jsonrpc")))
			abort();
		json_decref(reply);
		length -= (size_t)(end - text) + 1;
		text = end + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answers[1 << 16];
	int fd = control_connect(fuzz.path);

	if (fd < 0)
		abort();
	while (size) {
		const uint8_t *end = memchr(data, 0, size);
		size_t length = end ? (size_t)(end - data) : size;
		ssize_t got;

		if (send(fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
			break;
		loop_some();
		got = recv(fd, answers, sizeof(answers), MSG_DONTWAIT);
		if (got > 0 && got < (ssize_t)sizeof(answers))
			answers_check(answers, (size_t)got);
		data += length + (end ? 1 : 0);
		size -= length + (end ? 1 : 0);
	}
	close(fd);
	loop_some();
	return 0;
}
