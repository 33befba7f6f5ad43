/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * net-nat, driven as a guest would, by every protocol that it serves.
 */
#include "nat_fixture.h"

/* DHCP. */

static const uint8_t *dhcp_option(const uint8_t *bootp, uint32_t length, uint32_t code, uint32_t *size)
{
	for (uint32_t at = 240; at + 2 < length && bootp[at] != 255;) {
		if (bootp[at] == 0) {
			at++;
			continue;
		}
		*size = bootp[at + 1];
		ck_assert_uint_le(at + 2 + *size, length);
		if (bootp[at] == code)
			return bootp + at + 2;
		at += 2 + *size;
	}
	return NULL;
}

/* Send DISCOVER (1) or REQUEST (3); the answer's length, or 0. */
static uint32_t dhcp(uint32_t kind, const uint8_t *wanted, uint8_t *answer)
{
	static const struct guest_address all = { { 255, 255, 255, 255 }, 4 };
	uint8_t bootp[300] = { 1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78 };
	struct guest_address own = guest.own;
	uint32_t at = 240, length = 0;
	memcpy(bootp + 28, guest.mac, 6);
	guest_put(bootp + 236, 4, 0x63825363);
	bootp[at++] = 53;
	bootp[at++] = 1;
	bootp[at++] = (uint8_t)kind;
	if (wanted != NULL) {
		bootp[at++] = 50;
		bootp[at++] = 4;
		memcpy(bootp + at, wanted, 4);
		at += 4;
	}
	bootp[at] = 255;
	memset(guest.own.bytes, 0, 4);
	memset(guest.router_mac, 0xff, 6);
	guest_send_udp(&guest, &all, 68, 67, bootp, sizeof(bootp));
	guest.own = own;
	for (uint32_t i = 0; i < 100; i++) {
		const struct guest_frame *frame;
		struct guest_address from;
		guest_turn(&guest);
		while ((frame = guest_next(&guest)) != NULL) {
			const uint8_t *udp = guest_packet(&guest, frame, GUEST_UDP, &from, &length);
			if (udp == NULL || guest_get(udp + 2, 2) != 68)
				continue;
			ck_assert_uint_ne(frame->flags & VMM_NET_CHECKSUM_RIGHT, 0);
			memcpy(answer, udp + 8, length - 8);
			return length - 8;
		}
	}
	return 0;
}

static void check_lease(uint32_t address, uint32_t network_router, uint32_t dns)
{
	static uint8_t answer[2000];
	uint32_t size;
	uint32_t length = dhcp(1, NULL, answer);
	ck_assert_uint_gt(length, 240);
	ck_assert_uint_eq(*dhcp_option(answer, length, 53, &size), 2);
	ck_assert_uint_eq(guest_get(answer + 16, 4), address);
	uint8_t wanted[4];
	memcpy(wanted, answer + 16, 4);
	length = dhcp(3, wanted, answer);
	ck_assert_uint_gt(length, 240);
	ck_assert_uint_eq(*dhcp_option(answer, length, 53, &size), 5);
	ck_assert_uint_eq(guest_get(answer + 16, 4), address);
	ck_assert_uint_eq(guest_get(dhcp_option(answer, length, 3, &size), 4), network_router);
	ck_assert_uint_eq(guest_get(dhcp_option(answer, length, 6, &size), 4), dns);
	const uint8_t *name = dhcp_option(answer, length, 12, &size);
	ck_assert_uint_eq(size, 5);
	ck_assert_mem_eq(name, "first", 5);
	ck_assert_ptr_nonnull(dhcp_option(answer, length, 119, &size));
	ck_assert_uint_eq(size, 13);
}

START_TEST(dhcp_gives_an_address)
{
	prepare();
	begin();
	check_lease(0x0a00020f, 0x0a000202, 0x0a000203);
	ck_assert(guest_find_router(&guest, &router));
	ck_assert(guest_find_router(&guest, &name_server));
	finish();
}
END_TEST

START_TEST(addresses_are_settable)
{
	static const struct guest_address other = { { 192, 168, 7, 254 }, 4 };
	prepare();
	fake_set(fake, "nat0", "network", "192.168.7.0/24");
	fake_set(fake, "nat0", "host", "192.168.7.254");
	fake_set(fake, "nat0", "dns", "192.168.7.253");
	fake_set(fake, "nat0", "dhcp_start", "192.168.7.9");
	begin();
	check_lease(0xc0a80709, 0xc0a807fe, 0xc0a807fd);
	guest.own = (struct guest_address){ { 192, 168, 7, 9 }, 4 };
	ck_assert(guest_find_router(&guest, &other));
	finish();
}
END_TEST

START_TEST(tcp_to_the_host)
{
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	serve_guest(AF_INET, &router, 0, 0);
	finish();
}
END_TEST

START_TEST(tcp_with_segmentation_left_to_it)
{
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	serve_guest(AF_INET, &router, 60000, 0);
	finish();
}
END_TEST

START_TEST(large_packets_stay_large)
{
	struct vmm_net_info seen = { .struct_size = sizeof(seen) };
	prepare();
	fake_set(fake, "nat0", "mtu", "65520");
	begin();
	ck_assert_int_eq(guest.lower->info(guest.lower_self, &seen), 0);
	ck_assert_uint_eq(seen.mtu, 65520);
	ck_assert(guest_find_router(&guest, &router));
	ck_assert_uint_gt(serve_guest(AF_INET, &router, 0, 32000), 20000);
	finish();
}
END_TEST

/* Neighbour discovery: solicit a router, and learn its address and the prefix. */
static void find_router6(void)
{
	static const struct guest_address all_routers = { { 0xff, 2, [15] = 2 }, 16 };
	static const uint8_t all_mac[6] = { 0x33, 0x33, 0, 0, 0, 2 };
	uint8_t frame[54 + 16];
	guest.own = (struct guest_address){ { 0xfe, 0x80, [8] = 0x50, 0x54, 0, 0xff, 0xfe, 0x12, 0x34, 0x56 }, 16 };
	memcpy(guest.router_mac, all_mac, 6);
	memset(frame + 54, 0, 16);
	frame[54] = 133;
	frame[62] = 1;
	frame[63] = 1;
	memcpy(frame + 64, guest.mac, 6);
	guest_send_ip(&guest, frame, &all_routers, 58, 16, 2);
	uint32_t found = 0;
	for (uint32_t i = 0; i < 100 && !found; i++) {
		const struct guest_frame *got;
		guest_turn(&guest);
		while ((got = guest_next(&guest)) != NULL) {
			if (guest_get(got->data + 12, 2) != 0x86dd || got->data[54] != 134)
				continue;
			for (uint32_t at = 70; at + 8 <= got->length && got->data[at + 1] > 0;
				at += got->data[at + 1] * 8u) {
				if (got->data[at] == 3 && got->data[at + 2] == 64) {
					ck_assert_mem_eq(got->data + at + 16, "\xfd\0\0\0\0\0\0\0", 8);
					found = 1;
				}
			}
			memcpy(guest.router_mac, got->data + 6, 6);
		}
	}
	ck_assert(found);
	guest.own.bytes[0] = 0xfd;
	guest.own.bytes[1] = 0;
}

START_TEST(tcp_over_ip6)
{
	uint32_t port = 0;
	int probe = host_socket(AF_INET6, SOCK_STREAM, &port);
	if (probe < 0)
		return; /* a host without IPv6 */
	close(probe);
	prepare();
	begin();
	find_router6();
	serve_guest(AF_INET6, &router6, 0, 0);
	serve_guest(AF_INET6, &router6, 50000, 0);
	finish();
}
END_TEST

/* UDP. */

static void expect_udp(uint32_t port, const char *text)
{
	for (uint32_t i = 0; i < 200; i++) {
		const struct guest_frame *frame;
		struct guest_address from;
		uint32_t length;
		guest_turn(&guest);
		while ((frame = guest_next(&guest)) != NULL) {
			if (guest_resolve(&guest, frame))
				continue;
			const uint8_t *udp = guest_packet(&guest, frame, GUEST_UDP, &from, &length);
			if (udp == NULL || guest_get(udp + 2, 2) != port)
				continue;
			ck_assert_uint_eq(length, 8 + strlen(text));
			ck_assert_mem_eq(udp + 8, text, strlen(text));
			return;
		}
	}
	ck_abort_msg("nothing came to port %u", port);
}

START_TEST(udp_to_the_host)
{
	char text[16] = "";
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	uint32_t port = 0;
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	int fd = host_socket(AF_INET, SOCK_DGRAM, &port);
	guest_send_udp(&guest, &router, 5000, port, "question", 8);
	ssize_t got = -1;
	for (uint32_t i = 0; i < 200 && got < 0; i++) {
		guest_turn(&guest);
		got = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &length);
	}
	ck_assert_int_eq(got, 8);
	ck_assert_str_eq(text, "question");
	ck_assert_int_eq(sendto(fd, "answer", 6, 0, (struct sockaddr *)&from, length), 6);
	expect_udp(5000, "answer");
	close(fd);
	finish();
}
END_TEST

/* Whatever name server this host has or has not, all goes on. */
START_TEST(dns_does_not_hang)
{
	static const char query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3org\0\0\1\0\1";
	prepare();
	begin();
	ck_assert(guest_find_router(&guest, &router));
	ck_assert_uint_eq(guest_send_udp(&guest, &name_server, 5001, 53, query, sizeof(query) - 1), 1);
	for (uint32_t i = 0; i < 50; i++)
		guest_turn(&guest);
	guest_drop_all(&guest);
	serve_guest(AF_INET, &router, 0, 0);
	finish();
}
END_TEST

START_TEST(forwards_lead_to_the_guest)
{
	uint32_t tcp_port = free_port(SOCK_STREAM);
	uint32_t udp_port = free_port(SOCK_DGRAM);
	char text[64];
	prepare();
	set_forward(text, sizeof(text), "tcp:%u:22", tcp_port);
	set_forward(text, sizeof(text), "udp:127.0.0.1:%u:10.0.2.15:53", udp_port);
	begin();
	/* The guest need not have said a word before. */
	check_forward(tcp_port);
	int fd = host_connect(udp_port, SOCK_DGRAM);
	ck_assert_int_eq(send(fd, "datagram", 8, 0), 8);
	expect_udp(53, "datagram");
	close(fd);
	finish();
}
END_TEST

START_TEST(forwards_change_while_it_runs)
{
	uint32_t port = free_port(SOCK_STREAM);
	char text[128], reply[2048], expected[128];
	prepare();
	begin();
	ck_assert_int_eq(host_connect(port, SOCK_STREAM), -1);
	snprintf(text, sizeof(text), "{\"forward\": \"tcp:%u:22\"}", port);
	ck_assert_int_eq(call("forward", text, reply, sizeof(reply)), 0);
	snprintf(expected, sizeof(expected), "{\"forwards\":[\"tcp:127.0.0.1:%u:10.0.2.15:22\"]}", port);
	ck_assert_str_eq(reply, expected);
	check_forward(port);
	ck_assert_int_eq(call("forward", text, reply, sizeof(reply)), -EEXIST);
	ck_assert_ptr_nonnull(strstr(reply, "already"));
	ck_assert_int_eq(call("info", "{}", reply, sizeof(reply)), 0);
	expected[strlen(expected) - 1] = '\0';
	ck_assert_ptr_nonnull(strstr(reply, expected + 1));
	ck_assert_ptr_nonnull(strstr(reply, "\"network\":\"10.0.2.0/24\""));
	snprintf(text, sizeof(text), "{\"forward\": \"tcp:127.0.0.1:%u\"}", port);
	ck_assert_int_eq(call("unforward", text, reply, sizeof(reply)), 0);
	ck_assert_str_eq(reply, "{\"forwards\":[]}");
	ck_assert_int_eq(call("unforward", text, reply, sizeof(reply)), -ESRCH);
	ck_assert_int_eq(host_connect(port, SOCK_STREAM), -1);
	/* The port is taken. */
	uint32_t taken = 0;
	int fd = host_socket(AF_INET, SOCK_STREAM, &taken);
	snprintf(text, sizeof(text), "{\"forward\": \"tcp:%u:22\"}", taken);
	ck_assert_int_eq(call("forward", text, reply, sizeof(reply)), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(reply, "another program"));
	close(fd);
	ck_assert_int_eq(call("forward", "{}", reply, sizeof(reply)), -EINVAL);
	ck_assert_int_eq(call("forward", "not JSON", reply, sizeof(reply)), -EINVAL);
	ck_assert_int_eq(call("info", "{}", reply, 20), -ENOMEM);
	finish();
}
END_TEST

START_TEST(restricted_guests_stay_inside)
{
	struct tcp tcp;
	uint32_t port = 0, forward = free_port(SOCK_STREAM);
	char text[64];
	prepare();
	fake_set(fake, "nat0", "restrict", "yes");
	set_forward(text, sizeof(text), "tcp:%u:22", forward);
	begin();
	static uint8_t answer[2000];
	ck_assert_uint_gt(dhcp(1, NULL, answer), 240);
	ck_assert_uint_eq(guest_get(answer + 16, 4), 0x0a00020f);
	ck_assert(guest_find_router(&guest, &router));
	int listener = host_socket(AF_INET, SOCK_STREAM, &port);
	int datagrams = host_socket(AF_INET, SOCK_DGRAM, &port);
	tcp_init(&tcp, &guest, 40001);
	ck_assert(!tcp_connect(&tcp, &router, port));
	guest_send_udp(&guest, &router, 5000, port, "question", 8);
	for (uint32_t i = 0; i < 50; i++)
		guest_turn(&guest);
	ck_assert_int_eq(accept(listener, NULL, NULL), -1);
	ck_assert_int_eq(recv(datagrams, text, sizeof(text), 0), -1);
	close(listener);
	close(datagrams);
	check_forward(forward);
	finish();
}
END_TEST

START_TEST(mistakes_are_explained)
{
	static const struct {
		const char *key, *value, *cause;
	} mistakes[] = {
		{ "network", "10.0.2.0", "no IPv4 network" },
		{ "network", "10.0.2.1/24", "behind its prefix" },
		{ "network", "10.0.0.0/7", "too many" },
		{ "network", "10.0.2.0/29", "too few" },
		{ "host", "10.0.3.2", "no host's address" },
		{ "host", "10.0.2.255", "no host's address" },
		{ "host", "ten", "no IPv4 address" },
		{ "dns", "10.0.2.2", "the same" },
		{ "ipv6", "fd00::/48", "64 bits" },
		{ "ipv6", "fd00::1/64", "64 bits" },
		{ "tftp", "/nowhere/at/all", "cannot find" },
		{ "tftp", "/dev/null", "no folder" },
		{ "forward", "2222:22", "is no forward" },
		{ "forward", "sctp:2222:22", "is no forward" },
		{ "forward", "tcp:2222", "is no forward" },
		{ "forward", "tcp:1.2.3.4:2222:10.0.2.15:22:9", "is no forward" },
		{ "forward", "tcp:0:22", "is no port" },
		{ "forward", "tcp:127.0.0.1:70000:22", "is no port" },
		{ "forward", "tcp:2222:65536", "is no port" },
		{ "forward", "tcp:localhost:2222:22", "is no address" },
		{ "forward", "tcp:2222:192.168.1.1:22", "not in `network" },
		{ "forward", "tcp:2222:[fd00::1]:22", "is no address of the guest" },
		{ "forward", "tcp:[::1]:2222:22", "the guest's IPv6 address" },
		{ "forward", "tcp:[::1:2222:22", "is no forward" },
	};
	for (uint32_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		fake = fake_new();
		fake_set(fake, "nat0", mistakes[i].key, mistakes[i].value);
		struct fake_instance *nat = fake_create(fake, "net-nat", "nat0");
		ck_assert_ptr_nonnull(nat);
		ck_assert_int_lt(fake_init(nat), 0);
		if (strstr(fake->cause, mistakes[i].cause) == NULL || fake->remedy[0] == '\0')
			ck_abort_msg("%s = %s: %s: %s", mistakes[i].key, mistakes[i].value, fake->cause, fake->remedy);
		fake_free(fake);
	}
}
END_TEST

PLUGIN_TEST_MAIN("net-nat", dhcp_gives_an_address, addresses_are_settable, tcp_to_the_host,
	tcp_with_segmentation_left_to_it, large_packets_stay_large, tcp_over_ip6, udp_to_the_host, dns_does_not_hang,
	forwards_lead_to_the_guest, forwards_change_while_it_runs, restricted_guests_stay_inside,
	mistakes_are_explained)
