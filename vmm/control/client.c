/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/control/control.h"
#include "vmm/event/file.h"

/* One line, without its end; malloc'ed.  What comes behind it stays in the socket. */
static int line_read(int fd, char **line)
{
	size_t length = 0, capacity = 0;
	char *text = NULL;

	for (;;) {
		char piece[4096];
		const char *end;
		ssize_t got = recv(fd, piece, sizeof(piece), MSG_PEEK);

		if (got > 0) {
			end = memchr(piece, '\n', (size_t)got);
			got = recv(fd, piece, end ? (size_t)(end - piece) + 1 : (size_t)got, 0);
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || length > 16 * (size_t)CONTROL_LINE_MAX) {
			free(text);
			return got < 0 ? -errno : -ECONNRESET;
		}
		if (length + (size_t)got >= capacity) {
			char *grown = realloc(text, capacity = capacity * 2 + sizeof(piece));

			if (!grown) {
				free(text);
				return -ENOMEM;
			}
			text = grown;
		}
		memcpy(text + length, piece, (size_t)got);
		length += (size_t)got;
		if (text[length - 1] == '\n') {
			text[length - 1] = 0;
			*line = text;
			return 0;
		}
	}
}

int control_call(int fd, const char *method, json_t *params, json_t **result, char *message, size_t size)
{
	json_t *request = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method, "params",
		params ? params : json_object());
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;
	json_t *reply = NULL;
	int status = text ? file_write(fd, text, strlen(text)) : -ENOMEM;

	json_decref(request);
	free(text);
	if (!status)
		status = file_write(fd, "\n", 1);
	while (!status && !reply) {
		status = line_read(fd, &line);
		if (status)
			break;
		reply = json_loads(line, 0, NULL);
		free(line);
		/* Events may come between. */
		if (reply && !json_object_get(reply, "id")) {
			json_decref(reply);
			reply = NULL;
		} else if (!reply) {
			status = -EPROTO;
		}
	}
	if (!status) {
		json_t *error = json_object_get(reply, "error");

		if (error) {
			const char *said = json_string_value(json_object_get(error, "message"));

			snprintf(message, size, "%s", said ? said : "unknown error");
			status = -EREMOTEIO;
		} else {
			*result = json_incref(json_object_get(reply, "result"));
		}
	}
	json_decref(reply);
	return status;
}
