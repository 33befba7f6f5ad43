/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Ports of the host that lead into the guest: PROTOCOL:[HOST:]PORT:[GUEST:]PORT, IPv6 addresses in brackets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nat.h"

#define WORDS 4

/* Between the colons, without brackets. */
struct words {
	char text[WORDS][64];
	uint32_t count;
	bool udp;
};

static int32_t refuse(int32_t status, char *message, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int32_t refuse(int32_t status, char *message, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(message, NAT_TEXT, format, list);
	va_end(list);
	return status;
}

static int32_t refuse_syntax(char *message, const char *text)
{
	return refuse(-EINVAL, message,
		"\"%.100s\" is no forward: write it as tcp:127.0.0.1:2222:22 or udp:5353:10.0.2.15:53", text);
}

static bool words_split(const char *text, struct words *words)
{
	const char *at = strchr(text, ':');
	if (at == NULL || at - text != 3 || (memcmp(text, "tcp", 3) != 0 && memcmp(text, "udp", 3) != 0))
		return false;
	words->udp = text[0] == 'u';
	for (words->count = 0; *at == ':'; words->count++) {
		bool bracket = *++at == '[';
		at += bracket;
		size_t length = strcspn(at, bracket ? "]" : ":");
		if (words->count == WORDS || length >= sizeof(words->text[0]))
			return false;
		memcpy(words->text[words->count], at, length);
		words->text[words->count][length] = '\0';
		at += length;
		if (bracket && *at++ != ']')
			return false;
	}
	return *at == '\0';
}

static uint32_t port_read(const char *text)
{
	size_t length = strspn(text, "0123456789");
	if (length == 0 || length > 5 || text[length] != '\0')
		return 0;
	uint32_t port = (uint32_t)strtoul(text, NULL, 10);
	return port <= 0xffff ? port : 0;
}

static socklen_t address_read(const char *text, uint32_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return sizeof(*in6);
	}
	return 0;
}

/* The host's half; *used: how many words it took. */
static int32_t host_read(
	const struct words *words, const char *text, struct nat_forward *forward, uint32_t *used, char *message)
{
	const char *address = "127.0.0.1";
	if (words->count == 0)
		return refuse_syntax(message, text);
	size_t digits = strspn(words->text[0], "0123456789");
	*used = digits > 0 && words->text[0][digits] == '\0' ? 1 : 2;
	if (*used > words->count)
		return refuse_syntax(message, text);
	if (*used == 2 && words->text[0][0] != '\0')
		address = strcmp(words->text[0], "*") == 0 ? "0.0.0.0" : words->text[0];
	uint32_t port = port_read(words->text[*used - 1]);
	if (port == 0)
		return refuse(-EINVAL, message, "\"%.40s\" in \"%.100s\" is no port: use 1 to 65535",
			words->text[*used - 1], text);
	forward->udp = words->udp;
	forward->length = address_read(address, port, &forward->host);
	if (forward->length == 0)
		return refuse(-EINVAL, message,
			"\"%.64s\" in \"%.100s\" is no address of the host: use numbers, and [] around IPv6", address,
			text);
	return 0;
}

static int32_t guest_read(const struct nat *nat, const char *address, const char *port_text, const char *text,
	struct nat_forward *forward, char *message)
{
	char first[INET_ADDRSTRLEN];
	bool ip6 = forward->host.ss_family == AF_INET6;
	uint32_t port = port_read(port_text);
	if (port == 0)
		return refuse(-EINVAL, message, "\"%.40s\" in \"%.100s\" is no port: use 1 to 65535", port_text, text);
	if (address[0] == '\0' && ip6)
		return refuse(-EINVAL, message,
			"\"%.100s\" does not say the guest's IPv6 address: write it in [] before the port", text);
	if (address[0] == '\0')
		address = inet_ntop(AF_INET, &nat->settings.dhcp, first, sizeof(first));
	if (address_read(address, port, &forward->guest) != forward->length)
		return refuse(-EINVAL, message, "\"%.64s\" in \"%.100s\" is no address of the guest's with IPv%d",
			address, text, ip6 ? 6 : 4);
	if (ip6 && !nat->settings.ip6)
		return refuse(-EINVAL, message, "\"%.100s\" needs IPv6: set `ipv6 =` to a prefix", text);
	const struct sockaddr_in *in = (const struct sockaddr_in *)&forward->guest;
	if (!ip6 && (in->sin_addr.s_addr & nat->settings.mask.s_addr) != nat->settings.network.s_addr)
		return refuse(-EINVAL, message, "the guest's address in \"%.100s\" is not in `network =`", text);
	return 0;
}

static void address_text(const struct sockaddr_storage *address, char *text, size_t size)
{
	char name[INET6_ADDRSTRLEN];
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	if (address->ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, name, sizeof(name));
		snprintf(text, size, "[%s]:%u", name, ntohs(in6->sin6_port));
	} else {
		inet_ntop(AF_INET, &in->sin_addr, name, sizeof(name));
		snprintf(text, size, "%s:%u", name, ntohs(in->sin_port));
	}
}

static void forward_text(struct nat_forward *forward)
{
	char host[64], guest[64];
	address_text(&forward->host, host, sizeof(host));
	address_text(&forward->guest, guest, sizeof(guest));
	snprintf(forward->text, sizeof(forward->text), "%s:%s:%s", forward->udp ? "udp" : "tcp", host, guest);
}

static int forward_flags(const struct nat_forward *forward)
{
	return (forward->udp ? SLIRP_HOSTFWD_UDP : 0) |
		(forward->host.ss_family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0);
}

static int32_t forward_open(struct nat *nat, const struct nat_forward *forward)
{
	/* A load that has failed leaves us without. */
	if (nat->slirp == NULL)
		return -EIO;
	errno = 0;
	if (slirp_add_hostxfwd(nat->slirp, (const struct sockaddr *)&forward->host, forward->length,
		    (const struct sockaddr *)&forward->guest, forward->length, forward_flags(forward)) == 0)
		return 0;
	return errno != 0 ? -errno : -EIO;
}

static int32_t forward_find(const struct nat *nat, const struct nat_forward *forward)
{
	for (uint32_t i = 0; i < nat->forwards.count; i++) {
		const struct nat_forward *item = &nat->forwards.items[i];
		if (item->udp == forward->udp && item->length == forward->length &&
			memcmp(&item->host, &forward->host, item->length) == 0)
			return (int32_t)i;
	}
	return -1;
}

int32_t nat_forward_add(struct nat *nat, const char *text, char *message)
{
	struct nat_forward forward = { 0 };
	struct words words;
	uint32_t used;
	if (!words_split(text, &words))
		return refuse_syntax(message, text);
	int32_t status = host_read(&words, text, &forward, &used, message);
	if (status < 0)
		return status;
	uint32_t left = words.count - used;
	if (left != 1 && left != 2)
		return refuse_syntax(message, text);
	status = guest_read(
		nat, left == 2 ? words.text[used] : "", words.text[words.count - 1], text, &forward, message);
	if (status < 0)
		return status;
	forward_text(&forward);
	if (forward_find(nat, &forward) >= 0)
		return refuse(-EEXIST, message, "\"%.100s\" is forwarded already: remove that forward first", text);
	if (nat->forwards.count == NAT_FORWARDS)
		return refuse(-E2BIG, message, "there are %d forwards: remove one first", NAT_FORWARDS);
	struct nat_forward *grown = realloc(nat->forwards.items, (nat->forwards.count + 1) * sizeof(forward));
	if (grown == NULL)
		return refuse(-ENOMEM, message, "out of memory");
	nat->forwards.items = grown;
	status = forward_open(nat, &forward);
	if (status == -EADDRINUSE)
		return refuse(status, message, "cannot forward %s: another program has this port: choose another",
			forward.text);
	if (status == -EACCES)
		return refuse(status, message, "cannot forward %s: ports below 1024 need rights: choose another",
			forward.text);
	if (status < 0)
		return refuse(status, message, "cannot forward %s: %s: choose another port or address of the host",
			forward.text, strerror(-status));
	grown[nat->forwards.count++] = forward;
	return 0;
}

int32_t nat_forward_remove(struct nat *nat, const char *text, char *message)
{
	struct nat_forward forward = { 0 };
	struct words words;
	uint32_t used;
	if (!words_split(text, &words))
		return refuse_syntax(message, text);
	int32_t status = host_read(&words, text, &forward, &used, message);
	if (status < 0)
		return status;
	int32_t index = forward_find(nat, &forward);
	if (index < 0)
		return refuse(-ESRCH, message, "there is no forward \"%.100s\": see those that `info` lists", text);
	if (nat->slirp != NULL)
		slirp_remove_hostxfwd(
			nat->slirp, (const struct sockaddr *)&forward.host, forward.length, forward_flags(&forward));
	nat->forwards.count--;
	memmove(&nat->forwards.items[index], &nat->forwards.items[index + 1],
		(nat->forwards.count - (uint32_t)index) * sizeof(forward));
	return 0;
}

uint32_t nat_forward_again(struct nat *nat)
{
	uint32_t failed = 0;
	for (uint32_t i = 0; i < nat->forwards.count; i++) {
		int32_t status = forward_open(nat, &nat->forwards.items[i]);
		if (status == 0)
			continue;
		failed++;
		vmm_kit_log(nat->host, VMM_LOG_WARNING, "%s is no longer forwarded: %s", nat->forwards.items[i].text,
			strerror(-status));
	}
	return failed;
}
