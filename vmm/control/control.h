/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The control socket: JSON-RPC 2.0, one message a line, with events as notifications (docs/control.md).
 *
 * The server reads on the event loop and answers in control_poll(), which its owner calls without the machine
 * lock, so that a request may pause the machine.
 */
#ifndef VMM_CONTROL_CONTROL_H
#define VMM_CONTROL_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

#include "vmm/event/loop.h"

#define CONTROL_VERSION  1
#define CONTROL_LINE_MAX (1u << 20)

/* JSON-RPC's own codes, and ours from -32000 down. */
#define CONTROL_INVALID_REQUEST (-32600)
#define CONTROL_NO_METHOD       (-32601)
#define CONTROL_INVALID_PARAMS  (-32602)
#define CONTROL_FAILED          (-32000)

struct control_server;

struct control_error {
	int code; /* 0: none */
	char text[1024];
};
/* Fill an error in; returns NULL. */
json_t *control_fail(struct control_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Answer a request: a new reference, or NULL with *error filled in.  `params` is an object, perhaps empty. */
typedef json_t *control_handler(void *self, const char *method, json_t *params, struct control_error *error);

/* The folder of the sockets: $XDG_RUNTIME_DIR/vmm, or a private one under /tmp.  malloc'ed; `make` creates it.
 * NULL: it cannot be had, or belongs to somebody else. */
char *control_folder(bool make);

/* Listen on `path`.  -EADDRINUSE: a machine of this name runs already. */
int control_server_new(struct event_loop *loop, const char *path, control_handler *handler, void *self,
	struct control_server **server);
void control_server_free(struct control_server *server);
/* Answer what has come in.  On the event loop's thread, without the machine lock. */
void control_poll(struct control_server *server);
/* Send {"jsonrpc": "2.0", "method": "event", "params": params} to all who asked for events.  Any thread; takes the
 * reference. */
void control_event(struct control_server *server, json_t *params);

/* A client: connect, call, close.  -ENOENT, -ECONNREFUSED: no machine there. */
int control_connect(const char *path);
/* 0 and *result (a new reference); -EREMOTEIO with the machine's message; another errno. */
int control_call(int fd, const char *method, json_t *params, json_t **result, char *message, size_t size);

#endif
