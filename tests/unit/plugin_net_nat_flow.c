/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * net-nat when nothing flows: a card that is full, a flood, an idle network, a load.
 */
#include "nat_fixture.h"

/* A guest that takes nothing holds the sender up; nothing is lost, and nothing spins. */
START_TEST(a_full_card_holds_senders_up)
{
	static struct tcp tcp[12];
	char reply[2048];
	int fds[12];
	uint32_t port = 0, total = 0;
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	int listener = host_socket(AF_INET, SOCK_STREAM, &port);
	for (uint32_t i = 0; i < 12; i++) {
		tcp_init(&tcp[i], &guest, 41000 + i);
		ck_assert(tcp_connect(&tcp[i], &router, port));
		fds[i] = -1;
		for (uint32_t k = 0; k < 100 && fds[i] < 0; k++) {
			guest_turn(&guest);
			fds[i] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		}
		ck_assert_int_ge(fds[i], 0);
	}
	guest.room = 0;
	for (uint32_t k = 0; k < 300; k++) {
		for (uint32_t i = 0; i < 12; i++) {
			ssize_t length = send(fds[i], pattern[0], 65536, MSG_NOSIGNAL);
			total += length > 0 ? (uint32_t)length : 0;
		}
		fake_poll(fake, 0);
	}
	ck_assert_uint_gt(total, 12 * 65536);
	ck_assert_int_eq(call("info", "{}", reply, sizeof(reply)), 0);
	ck_assert_ptr_nonnull(strstr(reply, "\"lost\":0"));
	/* All of it is at rest. */
	for (uint32_t k = 0; k < 20; k++)
		fake_poll(fake, 0);
	ck_assert_uint_eq(fake_poll(fake, 0), 0);
	/* And goes on. */
	guest.room = UINT32_MAX;
	guest.within = 1;
	guest.lower->readable(guest.lower_self);
	guest.within = 0;
	static uint8_t sink[16u << 20];
	uint32_t got = 0;
	for (uint32_t i = 0; i < 12; i++) {
		tcp[i].in = sink;
		tcp[i].in_size = sizeof(sink);
	}
	for (uint32_t k = 0; k < 20000 && got < total; k++) {
		const struct guest_frame *frame;
		struct guest_address from;
		uint32_t length;
		guest_turn(&guest);
		while ((frame = guest_next(&guest)) != NULL) {
			const uint8_t *at = guest_packet(&guest, frame, GUEST_TCP, &from, &length);
			if (at != NULL && guest_get(at + 2, 2) - 41000 < 12)
				tcp_take(&tcp[guest_get(at + 2, 2) - 41000], at, length);
		}
		got = 0;
		for (uint32_t i = 0; i < 12; i++)
			got += tcp[i].in_length;
	}
	ck_assert_uint_eq(got, total);
	for (uint32_t i = 0; i < 12; i++)
		close(fds[i]);
	close(listener);
	finish();
}
END_TEST

/* UDP has no window: it is the host's socket that must not be read any more. */
START_TEST(a_full_card_stops_datagrams)
{
	static uint8_t data[1400];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	char reply[2048];
	uint32_t port = 0, next = 0;
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	int fd = host_socket(AF_INET, SOCK_DGRAM, &port);
	guest_send_udp(&guest, &router, 5000, port, "question", 8);
	for (uint32_t i = 0; i < 200 && recvfrom(fd, data, 8, 0, (struct sockaddr *)&from, &size) < 0; i++)
		guest_turn(&guest);
	guest.room = 0;
	for (uint32_t i = 0; i < 4000; i++) {
		guest_put(data, 4, i);
		ck_assert_int_eq(sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&from, size), sizeof(data));
		fake_poll(fake, 0);
	}
	for (uint32_t i = 0; i < 20; i++)
		fake_poll(fake, 0);
	ck_assert_uint_eq(fake_poll(fake, 0), 0);
	ck_assert_int_eq(call("info", "{}", reply, sizeof(reply)), 0);
	ck_assert_ptr_nonnull(strstr(reply, "\"lost\":0,\"sockets\":0}"));
	/* What was read comes whole and in order, then what the kernel has kept. */
	guest.room = UINT32_MAX;
	guest.lower->readable(guest.lower_self);
	for (uint32_t i = 0; i < 2000; i++) {
		const struct guest_frame *frame;
		struct guest_address sender;
		uint32_t length;
		guest_turn(&guest);
		while ((frame = guest_next(&guest)) != NULL) {
			const uint8_t *udp = guest_packet(&guest, frame, GUEST_UDP, &sender, &length);
			if (udp != NULL && guest_get(udp + 8, 4) == next)
				next++;
		}
	}
	ck_assert_uint_gt(next, 700);
	close(fd);
	finish();
}
END_TEST

/* Frames that no guest should send do no harm, and a flood is held up, not kept. */
START_TEST(floods_are_refused)
{
	static uint8_t frame[60000];
	prepare();
	begin();
	uint32_t taken = 0;
	while (taken < 1000 && guest_send(&guest, frame, sizeof(frame)) == 1)
		taken++;
	ck_assert_uint_gt(taken, 10);
	ck_assert_uint_lt(taken, 100);
	ck_assert_uint_eq(guest.writables, 0);
	guest_turn(&guest);
	guest_turn(&guest);
	ck_assert_uint_eq(guest.writables, 1);
	ck_assert_uint_eq(guest_send(&guest, frame, sizeof(frame)), 1);
	ck_assert_uint_eq(guest_send(&guest, frame, 3), 1);
	ck_assert(guest_find_router(&guest, &router));
	finish();
}
END_TEST

static uint32_t timers_armed(void)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++)
		count += fake->timers[i].used && fake->timers[i].deadline < fake->now + UINT64_C(100000000000);
	return count;
}

START_TEST(an_idle_network_sleeps)
{
	uint32_t port = free_port(SOCK_STREAM);
	char text[64], reply[64];
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	for (uint32_t i = 0; i < 10; i++)
		fake_poll(fake, 0);
	ck_assert_uint_eq(fake_poll(fake, 0), 0);
	ck_assert_uint_eq(timers_armed(), 0);
	snprintf(text, sizeof(text), "{\"forward\": \"tcp:%u:22\"}", port);
	ck_assert_int_eq(call("forward", text, reply, sizeof(reply)), 0);
	/* With a connection, it has timers; stopped, it has nothing at all. */
	serve_guest(AF_INET, &router, 0, 0);
	fake_stop(fake);
	int fd = host_connect(port, SOCK_STREAM);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(timers_armed(), 0);
	ck_assert_uint_eq(fake_poll(fake, 0), 0);
	close(fd);
	fake_start(fake);
	serve_guest(AF_INET, &router, 0, 0);
	finish();
}
END_TEST

START_TEST(a_load_breaks_connections_only)
{
	struct tcp tcp;
	uint32_t port = 0, forward = free_port(SOCK_STREAM);
	char text[64];
	prepare();
	set_forward(text, sizeof(text), "tcp:%u:22", forward);
	begin();
	ck_assert(guest_find_router(&guest, &router));
	int listener = host_socket(AF_INET, SOCK_STREAM, &port);
	tcp_init(&tcp, &guest, 40002);
	ck_assert(tcp_connect(&tcp, &router, port));
	fake_stop(fake);
	ck_assert(fake_round_trip(guest.net));
	fake_start(fake);
	tcp_send(&tcp, TCP_ACK, (const uint8_t *)"x", 1);
	for (uint32_t i = 0; i < 100 && !tcp.reset; i++)
		tcp_turn(&tcp);
	ck_assert(tcp.reset);
	close(listener);
	check_forward(forward);
	serve_guest(AF_INET, &router, 0, 0);
	finish();
}
END_TEST

PLUGIN_TEST_MAIN("net-nat flow", a_full_card_holds_senders_up, a_full_card_stops_datagrams, floods_are_refused,
	an_idle_network_sleeps, a_load_breaks_connections_only)
