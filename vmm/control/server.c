/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 32u
#define OUTPUT_MAX  (4u << 20) /* bytes that a client which does not read may leave waiting */

struct client {
	struct client *next;
	struct control_server *server;
	int fd;
	uint64_t watch;
	char *input, *output;
	size_t input_length, input_capacity, output_length;
	bool closed, events;
};

struct control_server {
	struct event_loop *loop;
	control_handler *handler;
	void *self;
	int fd;
	uint64_t watch;
	char *path;
	struct client *clients;
	unsigned count;
	pthread_mutex_t mutex; /* of the events that wait */
	json_t *events;
};

json_t *control_fail(struct control_error *error, int code, const char *format, ...)
{
	va_list arguments;

	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return NULL;
}

char *control_folder(bool make)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat status;
	char *path = NULL;
	int length;

	if (runtime && runtime[0] == '/')
		length = asprintf(&path, "%s/vmm", runtime);
	else
		length = asprintf(&path, "/tmp/vmm-%u", (unsigned)geteuid());
	if (length < 0)
		return NULL;
	if (make)
		mkdir(path, 0700);
	/* In /tmp anybody may have made it before us. */
	if (lstat(path, &status) || !S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077)) {
		free(path);
		return NULL;
	}
	return path;
}

static void client_close(struct client *client)
{
	if (client->closed)
		return;
	client->closed = true;
	loop_unwatch(client->server->loop, client->watch);
	close(client->fd);
}

static void client_flush(struct client *client)
{
	while (client->output_length && !client->closed) {
		ssize_t done = send(client->fd, client->output, client->output_length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (done <= 0) {
			client_close(client);
			return;
		}
		memmove(client->output, client->output + done, client->output_length - (size_t)done);
		client->output_length -= (size_t)done;
	}
	if (!client->closed)
		loop_watch_modify(
			client->server->loop, client->watch, LOOP_READ | (client->output_length ? LOOP_WRITE : 0));
}

static void client_send(struct client *client, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT), *grown;
	size_t length = text ? strlen(text) : 0;

	json_decref(message);
	if (!text)
		return;
	grown = client->output_length + length < OUTPUT_MAX
		? realloc(client->output, client->output_length + length + 1)
		: NULL;
	if (!grown) {
		client_close(client);
	} else {
		client->output = grown;
		memcpy(grown + client->output_length, text, length);
		grown[client->output_length + length] = '\n';
		client->output_length += length + 1;
		client_flush(client);
	}
	free(text);
}

static json_t *reply_error(json_t *id, int code, const char *text)
{
	json_t *message = json_string(text);

	/* A name of a file may be no UTF-8, and a message that was cut may end within a character. */
	if (!message) {
		char plain[1024];

		snprintf(plain, sizeof(plain), "%s", text);
		for (char *c = plain; *c; c++)
			if (*c & 0x80)
				*c = '?';
		message = json_string(plain);
	}
	return json_pack("{s:s, s:{s:i, s:o}, s:O?}", "jsonrpc", "2.0", "error", "code", code, "message", message, "id",
		id ? id : json_null());
}

static json_t *server_call(struct client *client, const char *method, json_t *params, struct control_error *error)
{
	struct control_server *server = client->server;

	if (!strcmp(method, "version"))
		return json_pack("{s:i, s:s}", "version", CONTROL_VERSION, "program", VMM_VERSION);
	if (!strcmp(method, "events")) {
		json_t *on = json_object_get(params, "on");

		client->events = !on || json_is_true(on);
		return json_pack("{s:b}", "on", client->events);
	}
	return server->handler(server->self, method, params, error);
}

static void client_request(struct client *client, const char *line, size_t length)
{
	struct control_error error = { 0 };
	json_error_t where;
	json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where), *result, *empty = NULL;

	if (!request) {
		client_send(client, reply_error(NULL, -32700, where.text));
		return;
	}
	json_t *id = json_object_get(request, "id"), *params = json_object_get(request, "params");
	const char *method = json_string_value(json_object_get(request, "method"));
	const char *version = json_string_value(json_object_get(request, "jsonrpc"));

	if (!method || !version || strcmp(version, "2.0") != 0 || (params && !json_is_object(params))) {
		client_send(client,
			reply_error(id, CONTROL_INVALID_REQUEST,
				"a request is {\"jsonrpc\": \"2.0\", \"id\": ..., \"method\": ..., \"params\": "
				"{...}}"));
		goto out;
	}
	if (!params)
		params = empty = json_object();
	result = server_call(client, method, params, &error);
	if (id && result)
		client_send(client, json_pack("{s:s, s:O, s:O}", "jsonrpc", "2.0", "result", result, "id", id));
	else if (id)
		client_send(client, reply_error(id, error.code ? error.code : CONTROL_FAILED, error.text));
	json_decref(result);
out:
	json_decref(empty);
	json_decref(request);
}

/* Take what has come; requests are answered later, in control_poll(). */
static void client_ready(void *self, uint64_t token, uint32_t events)
{
	struct client *client = self;

	(void)token;
	if (events & LOOP_WRITE)
		client_flush(client);
	while (!client->closed && (events & (LOOP_READ | LOOP_HANGUP))) {
		ssize_t got;

		if (client->input_capacity - client->input_length < 4096) {
			size_t capacity = client->input_capacity + 16384;
			char *grown = capacity <= CONTROL_LINE_MAX ? realloc(client->input, capacity) : NULL;

			if (!grown) {
				client_close(client);
				return;
			}
			client->input = grown;
			client->input_capacity = capacity;
		}
		got = recv(client->fd, client->input + client->input_length,
			client->input_capacity - client->input_length, MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got <= 0) {
			client_close(client);
			return;
		}
		client->input_length += (size_t)got;
	}
}

static void server_ready(void *self, uint64_t token, uint32_t events)
{
	struct control_server *server = self;
	struct client *client;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)token;
	(void)events;
	if (fd < 0)
		return;
	client = server->count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		close(fd);
		return;
	}
	client->server = server;
	client->fd = fd;
	if (loop_watch(server->loop, fd, LOOP_READ, client_ready, client, 0, &client->watch)) {
		close(fd);
		free(client);
		return;
	}
	client->next = server->clients;
	server->clients = client;
	server->count++;
}

static int socket_address(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

int control_server_new(
	struct event_loop *loop, const char *path, control_handler *handler, void *self, struct control_server **result)
{
	struct control_server *server = calloc(1, sizeof(*server));
	struct sockaddr_un address;
	int status = server ? socket_address(&address, path) : -ENOMEM, other;

	if (status) {
		free(server);
		return status;
	}
	server->loop = loop;
	server->handler = handler;
	server->self = self;
	server->fd = -1;
	pthread_mutex_init(&server->mutex, NULL);
	server->path = strdup(path);
	server->events = json_array();
	/* A socket that nobody listens on is left over from a machine that was killed. */
	other = control_connect(path);
	if (other >= 0) {
		close(other);
		status = -EADDRINUSE;
		free(server->path);
		server->path = NULL;
		goto fail;
	}
	unlink(path);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->fd < 0 || bind(server->fd, (const struct sockaddr *)&address, sizeof(address)) ||
		chmod(path, 0600) || listen(server->fd, 8)) {
		status = -errno;
		goto fail;
	}
	status = loop_watch(loop, server->fd, LOOP_READ, server_ready, server, 0, &server->watch);
	if (status)
		goto fail;
	*result = server;
	return 0;
fail:
	control_server_free(server);
	return status;
}

static void clients_sweep(struct control_server *server, bool all)
{
	for (struct client **link = &server->clients; *link;) {
		struct client *client = *link;

		if (all)
			client_close(client);
		if (!client->closed) {
			link = &client->next;
			continue;
		}
		*link = client->next;
		server->count--;
		free(client->input);
		free(client->output);
		free(client);
	}
}

void control_server_free(struct control_server *server)
{
	if (!server)
		return;
	clients_sweep(server, true);
	if (server->fd >= 0) {
		loop_unwatch(server->loop, server->watch);
		close(server->fd);
	}
	if (server->path)
		unlink(server->path);
	json_decref(server->events);
	pthread_mutex_destroy(&server->mutex);
	free(server->path);
	free(server);
}

static void client_requests(struct client *client)
{
	for (;;) {
		char *end = client->input_length ? memchr(client->input, '\n', client->input_length) : NULL;
		size_t length;

		if (!end)
			return;
		length = (size_t)(end - client->input);
		if (length)
			client_request(client, client->input, length);
		client->input_length -= length + 1;
		memmove(client->input, client->input + length + 1, client->input_length);
	}
}

void control_poll(struct control_server *server)
{
	json_t *events, *event;
	size_t index;

	for (struct client *client = server->clients; client; client = client->next)
		client_requests(client);
	pthread_mutex_lock(&server->mutex);
	events = json_array_size(server->events) ? server->events : NULL;
	if (events)
		server->events = json_array();
	pthread_mutex_unlock(&server->mutex);
	json_array_foreach(events, index, event)
	{
		for (struct client *client = server->clients; client; client = client->next)
			if (client->events && !client->closed)
				client_send(client,
					json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0", "method", "event", "params",
						event));
	}
	json_decref(events);
	clients_sweep(server, false);
}

void control_event(struct control_server *server, json_t *params)
{
	pthread_mutex_lock(&server->mutex);
	/* Nobody is owed an endless queue. */
	if (json_array_size(server->events) < 1024)
		json_array_append_new(server->events, params);
	else
		json_decref(params);
	pthread_mutex_unlock(&server->mutex);
	loop_wake(server->loop);
}

int control_connect(const char *path)
{
	struct sockaddr_un address;
	int fd, status = socket_address(&address, path);

	if (status)
		return status;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address))) {
		status = -errno;
		close(fd);
		return status;
	}
	return fd;
}
