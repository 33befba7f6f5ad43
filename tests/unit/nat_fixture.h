/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A guest behind net-nat, and servers and clients on this host's loopback.
 */
#ifndef NAT_FIXTURE_H
#define NAT_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_tcp.h"

#define MEGABYTE (1u << 20)

static struct fake *fake;
static struct guest guest;
static const struct guest_address router = { { 10, 0, 2, 2 }, 4 };
static const struct guest_address name_server = { { 10, 0, 2, 3 }, 4 };
static const struct guest_address router6 = { { 0xfd, [15] = 2 }, 16 };

static inline void prepare(void)
{
	fake = fake_new();
	fake_set(fake, "nat0", "hostname", "first");
	fake_set(fake, "nat0", "search", "example.org");
}

static inline void begin(void)
{
	guest_join(&guest, fake, fake_add(fake, "net-nat", "nat0"));
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	guest.own = (struct guest_address){ { 10, 0, 2, 15 }, 4 };
}

static inline void finish(void)
{
	fake_stop(fake);
	guest_drop_all(&guest);
	fake_free(fake);
}

/* A socket of the host's on its loopback; *port is what it was given. */
static inline int host_socket(int domain, int type, uint32_t *port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = domain == AF_INET6 ? sizeof(six) : sizeof(four);
	struct sockaddr *address = domain == AF_INET6 ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	int fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, address, length) < 0) {
		close(fd);
		return -1;
	}
	ck_assert_int_eq(getsockname(fd, address, &length), 0);
	*port = ntohs(domain == AF_INET6 ? six.sin6_port : four.sin_port);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

static inline uint32_t free_port(int type)
{
	uint32_t port = 0;
	close(host_socket(AF_INET, type, &port));
	return port;
}

static inline int host_connect(uint32_t port, int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* TCP. */

static uint8_t pattern[2][MEGABYTE], guest_in[MEGABYTE], host_in[MEGABYTE];

static inline void patterns_make(void)
{
	uint32_t seed = 7;
	for (uint32_t i = 0; i < MEGABYTE; i++) {
		seed = seed * 1664525u + 1013904223u;
		pattern[0][i] = (uint8_t)(seed >> 24);
		pattern[1][i] = (uint8_t)(seed >> 16);
	}
}

/* A megabyte each way at the same time, between the guest's connection and a socket of the host's. */
static inline void exchange(struct tcp *tcp, int fd)
{
	uint32_t got = 0;
	uint32_t put = 0;
	patterns_make();
	tcp->out = pattern[0];
	tcp->out_length = MEGABYTE;
	tcp->in = guest_in;
	tcp->in_size = MEGABYTE;
	tcp->in_length = 0;
	for (uint32_t i = 0; i < 100000 && (got < MEGABYTE || tcp->in_length < MEGABYTE); i++) {
		tcp_turn(tcp);
		ssize_t length = recv(fd, host_in + got, MEGABYTE - got, 0);
		got += length > 0 ? (uint32_t)length : 0;
		length = put < MEGABYTE ? send(fd, pattern[1] + put, MEGABYTE - put, MSG_NOSIGNAL) : 0;
		put += length > 0 ? (uint32_t)length : 0;
	}
	ck_assert_uint_eq(got, MEGABYTE);
	ck_assert_uint_eq(tcp->in_length, MEGABYTE);
	ck_assert_mem_eq(host_in, pattern[0], MEGABYTE);
	ck_assert_mem_eq(guest_in, pattern[1], MEGABYTE);
	/* The end comes through both ways. */
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	for (uint32_t i = 0; i < 1000 && !tcp->closed; i++)
		tcp_turn(tcp);
	ck_assert(tcp->closed);
	tcp_send(tcp, TCP_FIN | TCP_ACK, NULL, 0);
	ssize_t length = -1;
	char byte;
	for (uint32_t i = 0; i < 1000 && length < 0; i++) {
		tcp_turn(tcp);
		length = recv(fd, &byte, 1, 0);
	}
	ck_assert_int_eq(length, 0);
}

/* Returns the length of the longest segment. */
static inline uint32_t serve_guest(int domain, const struct guest_address *to, uint32_t offload, uint32_t mss)
{
	struct tcp tcp;
	uint32_t port = 0;
	int listener = host_socket(domain, SOCK_STREAM, &port);
	ck_assert_int_ge(listener, 0);
	tcp_init(&tcp, &guest, 40000);
	tcp.offload = offload;
	tcp.mss = mss;
	ck_assert(tcp_connect(&tcp, to, port));
	int fd = -1;
	for (uint32_t i = 0; i < 100 && fd < 0; i++) {
		guest_turn(&guest);
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	ck_assert_int_ge(fd, 0);
	exchange(&tcp, fd);
	ck_assert_uint_eq(tcp.frames_large > 0, offload > 0);
	close(fd);
	close(listener);
	return tcp.longest;
}

/* Forwards. */

static inline void check_forward(uint32_t port)
{
	struct tcp tcp;
	uint8_t in[16];
	char text[16] = "";
	int fd = host_connect(port, SOCK_STREAM);
	ck_assert_int_ge(fd, 0);
	tcp_init(&tcp, &guest, 22);
	tcp.in = in;
	tcp.in_size = sizeof(in);
	ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
	for (uint32_t i = 0; i < 300 && tcp.in_length < 5; i++)
		tcp_turn(&tcp);
	ck_assert_uint_eq(tcp.in_length, 5);
	ck_assert_mem_eq(in, "hello", 5);
	tcp.out = (const uint8_t *)"SSH";
	tcp.out_length = 3;
	for (uint32_t i = 0; i < 300 && recv(fd, text, 3, 0) < 3; i++)
		tcp_turn(&tcp);
	ck_assert_str_eq(text, "SSH");
	close(fd);
	for (uint32_t i = 0; i < 300 && !tcp.closed && !tcp.reset; i++)
		tcp_turn(&tcp);
	ck_assert(tcp.closed || tcp.reset);
	tcp_send(&tcp, TCP_RST, NULL, 0);
	guest_turn(&guest);
}

static inline int32_t call(const char *method, const char *params, char *reply, uint32_t size)
{
	memset(reply, 0, size);
	int32_t status = fake_command(guest.net, method, params, reply, size);
	ck_assert_uint_lt(strlen(reply), size);
	return status;
}

static inline void set_forward(char *text, size_t size, const char *format, uint32_t port)
{
	snprintf(text, size, format, port);
	fake_set(fake, "nat0", "forward", text);
}

#endif
