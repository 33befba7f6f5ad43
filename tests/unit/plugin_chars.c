/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The five plugins of kind vmm.char, against real files, pipes, terminals and sockets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <vmm/port-char.h>

#include "plugin_test.h"

#define BIG 600000

static struct fake *fake;
static struct fake_instance *line;
static const struct vmm_char_lower *down;
static void *down_self;
static char folder[32], path[48];

/* The guest's side. */
static struct {
	char text[BIG];
	uint32_t length, room, writable, opened, closed, breaks, within;
	uint64_t modem;
} guest;

static int32_t guest_receive(void *self, const void *data, uint32_t length)
{
	(void)self;
	ck_assert_uint_eq(guest.within, 0);
	if (length > guest.room)
		length = guest.room;
	memcpy(guest.text + guest.length, data, length);
	guest.length += length;
	guest.room -= length;
	return (int32_t)length;
}

static void guest_writable(void *self)
{
	(void)self;
	ck_assert_uint_eq(guest.within, 0);
	guest.writable++;
}

static void guest_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	ck_assert_uint_eq(guest.within, 0);
	guest.opened += event == VMM_CHAR_OPENED;
	guest.closed += event == VMM_CHAR_CLOSED;
	guest.breaks += event == VMM_CHAR_BREAK;
	if (event == VMM_CHAR_MODEM)
		guest.modem = value;
}

static const struct vmm_char_upper guest_table = {
	.struct_size = sizeof(struct vmm_char_upper),
	.receive = guest_receive,
	.writable = guest_writable,
	.event = guest_event,
};

static void prepare(void)
{
	memset(&guest, 0, sizeof(guest));
	guest.room = sizeof(guest.text);
	snprintf(folder, sizeof(folder), "/tmp/vmm-chars-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/line", folder);
	fake = fake_new();
}

static void join(const char *plugin)
{
	struct vmm_port_side side;
	const struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &guest_table };
	line = fake_add(fake, plugin, "char0");
	ck_assert_int_eq(fake_side(line, "line", &side), 0);
	down = side.table;
	down_self = side.self;
	ck_assert_ptr_nonnull(fake_join_sides(fake, &upper, &side, VMM_PORT_CHAR, 0));
	fake_reset(fake, VMM_RESET_POWER);
}

static void finish(void)
{
	fake_free(fake);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing is left behind */
}

static uint32_t put(const void *data, uint32_t length)
{
	guest.within = 1;
	int32_t done = down->write(down_self, data, length);
	guest.within = 0;
	ck_assert_int_ge(done, 0);
	ck_assert_uint_le((uint32_t)done, length);
	return (uint32_t)done;
}

static void settle(void)
{
	for (uint32_t i = 0; i < 20; i++)
		fake_poll(fake, 2);
}

static void pattern(char *text, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		text[i] = (char)(i * 7 + i / 251);
}

/* Save, load and save again: the same. */
static void check_state(void)
{
	struct fake_state *first = fake_save(line);
	ck_assert_int_eq(fake_load(line, first), 0);
	struct fake_state *second = fake_save(line);
	ck_assert(fake_state_equal(first, second));
	fake_state_free(first);
	fake_state_free(second);
}

static void expect_read(int fd, const char *text)
{
	char data[256] = "";
	size_t got = 0;
	for (uint32_t i = 0; i < 50 && got < strlen(text); i++) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		fake_poll(fake, 0);
		poll(&wait, 1, 5);
		ssize_t length = read(fd, data + got, sizeof(data) - 1 - got);
		got += length > 0 ? (size_t)length : 0;
	}
	data[got] = '\0';
	ck_assert_str_eq(data, text);
}

/* Push all of it through a slow reader: every byte arrives once, and the guest is told of room. */
static void push_through(int reader)
{
	static char sent[BIG], got[BIG];
	uint32_t put_in = 0;
	uint32_t read_out = 0;
	uint32_t shorts = 0;
	pattern(sent, BIG);
	for (uint32_t i = 0; i < 20000 && read_out < BIG; i++) {
		if (put_in < BIG) {
			uint32_t done = put(sent + put_in, BIG - put_in < 5000 ? BIG - put_in : 5000);
			put_in += done;
			shorts += done < 5000;
		}
		fake_poll(fake, 0);
		if (i % 8 != 0)
			continue;
		ssize_t length = read(reader, got + read_out, BIG - read_out < 4096 ? BIG - read_out : 4096);
		read_out += length > 0 ? (uint32_t)length : 0;
	}
	ck_assert_uint_eq(put_in, BIG);
	ck_assert_uint_eq(read_out, BIG);
	ck_assert(memcmp(sent, got, BIG) == 0);
	ck_assert_uint_gt(shorts, 0);
	ck_assert_uint_gt(guest.writable, 0);
}

START_TEST(null_swallows)
{
	prepare();
	join("char-null");
	fake_start(fake);
	ck_assert_uint_eq(put("hello", 5), 5);
	settle();
	ck_assert_uint_eq(guest.length, 0);
	check_state();
	finish();
}
END_TEST

START_TEST(stdio_pipes)
{
	int in[2], out[2];
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
	fflush(stdout);
	int saved = dup(1);
	ck_assert_int_ge(dup2(in[0], 0), 0);
	ck_assert_int_ge(dup2(out[1], 1), 0);
	prepare();
	join("char-stdio");
	fake_start(fake);
	ck_assert_int_eq(write(in[1], "a\035b", 3), 3); /* no terminal: Ctrl-] is a byte as any other */
	settle();
	ck_assert_uint_eq(guest.length, 3);
	ck_assert_uint_eq(fake->exited, 0);
	ck_assert_uint_eq(put("hello", 5), 5);
	expect_read(out[0], "hello");
	check_state();
	push_through(out[0]);
	close(in[1]);
	close(in[0]);
	settle();
	ck_assert_uint_eq(put("still", 5), 5); /* the end of input is not the end */
	fake_stop(fake);
	expect_read(out[0], "still");
	finish();
	dup2(saved, 1);
}
END_TEST

static void check_file(const char *text, size_t length)
{
	static char got[BIG + 16];
	FILE *stream = fopen(path, "r");
	ck_assert_ptr_nonnull(stream);
	size_t size = fread(got, 1, sizeof(got), stream);
	fclose(stream);
	ck_assert_uint_eq(size, length);
	ck_assert(memcmp(got, text, length) == 0);
}

static void write_file(const char *text)
{
	FILE *stream = fopen(path, "w");
	ck_assert_ptr_nonnull(stream);
	fputs(text, stream);
	fclose(stream);
}

START_TEST(file_is_complete)
{
	static char text[BIG];
	prepare();
	write_file("old");
	fake_set(fake, "char0", "file", path);
	join("char-file");
	check_file("old", 3); /* only a machine that starts empties it */
	fake_start(fake);
	pattern(text, BIG);
	uint32_t done = 0;
	for (uint32_t i = 0; i < 1000 && done < BIG; i++)
		done += put(text + done, BIG - done);
	ck_assert_uint_eq(done, BIG);
	fake_stop(fake); /* with no turn of the loop */
	check_file(text, BIG);
	check_state();
	finish();
}
END_TEST

START_TEST(file_append_and_input)
{
	char input[128];
	prepare();
	write_file("old ");
	snprintf(input, sizeof(input), "%s/input", folder);
	FILE *stream = fopen(input, "w");
	fputs("typed", stream);
	fclose(stream);
	fake_set(fake, "char0", "file", path);
	fake_set(fake, "char0", "input", input);
	fake_set(fake, "char0", "append", "yes");
	join("char-file");
	guest.room = 2;
	fake_start(fake);
	put("new", 3);
	settle();
	ck_assert_uint_eq(guest.length, 2); /* the guest takes no more yet */
	guest.room = 100;
	down->readable(down_self);
	ck_assert_uint_eq(guest.length, 2);
	settle();
	ck_assert_uint_eq(guest.length, 5);
	ck_assert(memcmp(guest.text, "typed", 5) == 0);
	check_state();
	fake_stop(fake);
	check_file("old new", 7);
	unlink(input);
	finish();
}
END_TEST

START_TEST(file_goes_on_after_load)
{
	prepare();
	write_file("before ");
	fake_set(fake, "char0", "file", path);
	join("char-file");
	check_state(); /* loads */
	fake_start(fake);
	put("after", 5);
	fake_stop(fake);
	check_file("before after", 12);
	finish();
}
END_TEST

START_TEST(file_fifo)
{
	prepare();
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fake_set(fake, "char0", "file", path);
	join("char-file"); /* with no reader yet */
	fake_start(fake);
	ck_assert_uint_eq(put("early ", 6), 6);
	settle();
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	expect_read(reader, "early ");
	push_through(reader);
	close(reader); /* and it comes back */
	put("late", 4);
	settle();
	reader = open(path, O_RDONLY | O_NONBLOCK);
	expect_read(reader, "late");
	close(reader);
	finish();
}
END_TEST

START_TEST(file_terminal)
{
	struct termios mode;
	prepare();
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	fake_set(fake, "char0", "file", ptsname(master));
	join("char-file");
	fake_start(fake);
	guest.within = 1;
	down->event(down_self, VMM_CHAR_SPEED, UINT64_C(9600) | (uint64_t)VMM_CHAR_FRAME(7, 2, 2) << 32);
	guest.within = 0;
	ck_assert_int_eq(tcgetattr(master, &mode), 0);
	ck_assert_uint_eq(cfgetospeed(&mode), B9600);
	ck_assert_uint_eq(mode.c_cflag & CSTOPB, CSTOPB);
	ck_assert_uint_eq(mode.c_cflag & PARODD, 0);
	ck_assert_uint_eq(mode.c_lflag & (ICANON | ECHO | ISIG), 0);
	ck_assert_uint_eq(mode.c_oflag & OPOST, 0);
	down->event(down_self, VMM_CHAR_SPEED, UINT64_C(115200) | (uint64_t)VMM_CHAR_FRAME(8, 1, 0) << 32);
	put("out\n", 4);
	expect_read(master, "out\n"); /* no CR added */
	ck_assert_int_eq(write(master, "in\r\003", 4), 4);
	settle();
	ck_assert_uint_eq(guest.length, 4);
	ck_assert(memcmp(guest.text, "in\r\003", 4) == 0);
	fake_stop(fake);
	fake_destroy(line);
	ck_assert_int_eq(tcgetattr(master, &mode), 0);
	ck_assert_uint_eq(mode.c_lflag & ICANON, ICANON); /* as it was */
	close(master);
	for (uint32_t i = 0; i < FAKE_LINKS; i++)
		fake->links[i].used = 0;
	finish();
}
END_TEST

static void expect_failure(const char *plugin, const char *word)
{
	struct fake_instance *bad = fake_create(fake, plugin, "char0");
	ck_assert_int_lt(fake_init(bad), 0);
	ck_assert_msg(strstr(fake->cause, word) != NULL, "no %s in: %s", word, fake->cause);
	ck_assert_str_ne(fake->remedy, "");
	fake_destroy(bad);
}

START_TEST(file_errors)
{
	prepare();
	expect_failure("char-file", "file =");
	fake_set(fake, "char0", "file", "/nowhere/at/all");
	expect_failure("char-file", "/nowhere/at/all");
	fake_free(fake);
	fake = fake_new();
	fake_set(fake, "char0", "file", folder);
	expect_failure("char-file", folder);
	fake_free(fake);
	fake = fake_new();
	fake_set(fake, "char0", "file", path);
	fake_set(fake, "char0", "input", "/nowhere/input");
	expect_failure("char-file", "/nowhere/input");
	/* A full disk is told of, and the guest goes on. */
	fake_free(fake);
	fake = fake_new();
	fake_set(fake, "char0", "file", "/dev/full");
	join("char-file");
	fake_start(fake);
	ck_assert_uint_eq(put("hello", 5), 5);
	settle();
	ck_assert_ptr_nonnull(strstr(fake->log, "/dev/full"));
	finish();
}
END_TEST

static const char *terminal_name(void)
{
	static char name[64];
	const char *at = strstr(fake->log, "/dev/pts/");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "%63[a-z0-9/]", name), 1);
	return name;
}

static uint32_t host_timers(void)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++)
		count += fake->timers[i].used && fake->timers[i].deadline != VMM_TIME_NEVER;
	return count;
}

static uint32_t watches(void)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < FAKE_WATCHES; i++)
		count += fake->watches[i].used;
	return count;
}

START_TEST(pty_comes_and_goes)
{
	char target[64] = "";
	prepare();
	fake_set(fake, "char0", "path", path);
	ck_assert_int_eq(symlink("/dev/pts/99999", path), 0); /* left over */
	join("char-pty");
	const char *name = terminal_name();
	ck_assert_int_gt(readlink(path, target, sizeof(target) - 1), 0);
	ck_assert_str_eq(target, name);
	fake_start(fake);
	fake_advance(fake, 1);
	settle();
	ck_assert_uint_eq(guest.closed, 1);
	ck_assert_uint_eq(watches(), 0); /* or the hang-up would keep the loop busy */
	ck_assert_uint_eq(host_timers(), 1);
	ck_assert_uint_eq(put("nobody", 6), 6);
	for (uint32_t round = 1; round <= 3; round++) {
		int slave = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
		ck_assert_int_ge(slave, 0);
		fake_advance(fake, 300000000);
		settle();
		ck_assert_uint_eq(guest.opened, round);
		ck_assert_uint_eq(host_timers(), 0);
		put("login: ", 7);
		expect_read(slave, "login: ");
		ck_assert_int_eq(write(slave, "root\r", 5), 5);
		settle();
		ck_assert_uint_eq(guest.length, 5 * round);
		check_state();
		close(slave);
		settle();
		ck_assert_uint_eq(guest.closed, round + 1);
		ck_assert_uint_eq(watches(), 0);
		static const char much[40000];
		ck_assert_uint_eq(put(much, sizeof(much)), sizeof(much)); /* dropped */
		settle();
	}
	/* Somebody who writes and goes before we look. */
	int slave = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
	ck_assert_int_eq(write(slave, "quick", 5), 5);
	close(slave);
	fake_advance(fake, 300000000);
	settle();
	ck_assert_uint_eq(guest.length, 20);
	ck_assert_uint_eq(guest.closed, 5);
	fake_stop(fake);
	ck_assert_uint_eq(host_timers(), 0);
	fake_start(fake);
	finish(); /* the link is removed */
}
END_TEST

START_TEST(pty_back_pressure_and_errors)
{
	prepare();
	write_file("precious");
	fake_set(fake, "char0", "path", path);
	expect_failure("char-pty", path);
	check_file("precious", 8);
	unlink(path);
	fake_free(fake);
	fake = fake_new();
	join("char-pty");
	int slave = open(terminal_name(), O_RDWR | O_NOCTTY | O_NONBLOCK);
	fake_start(fake);
	fake_advance(fake, 1);
	settle();
	ck_assert_uint_eq(guest.opened, 1);
	push_through(slave);
	close(slave);
	finish();
}
END_TEST

static int unix_socket(uint32_t listens)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	snprintf(where.sun_path, sizeof(where.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listens) {
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&where, sizeof(where)), 0);
		ck_assert_int_eq(listen(fd, 1), 0);
	} else {
		ck_assert_int_eq(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0);
	}
	return fd;
}

START_TEST(socket_listens)
{
	prepare();
	close(unix_socket(1)); /* the socket of a dead process */
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "listen", "yes");
	join("char-socket");
	fake_start(fake);
	settle();
	ck_assert_uint_eq(guest.closed, 1);
	ck_assert_uint_eq(put("dropped", 7), 7);
	for (uint32_t round = 1; round <= 3; round++) {
		int peer = unix_socket(0);
		settle();
		ck_assert_uint_eq(guest.opened, round);
		put("hello", 5);
		expect_read(peer, "hello");
		ck_assert_int_eq(write(peer, "\377\r", 2), 2); /* no Telnet: as it is */
		settle();
		ck_assert_uint_eq(guest.length, 2 * round);
		ck_assert(memcmp(guest.text, "\377\r", 2) == 0);
		check_state();
		close(peer);
		settle();
		ck_assert_uint_eq(guest.closed, round + 1);
	}
	int peer = unix_socket(0);
	settle();
	push_through(peer);
	put("the end", 7);
	fake_stop(fake); /* writes all there is */
	expect_read(peer, "the end");
	close(peer);
	/* Another machine must not take a live socket away. */
	struct fake *other = fake_new();
	struct fake *mine = fake;
	fake = other;
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "listen", "yes");
	expect_failure("char-socket", path);
	fake_free(fake);
	fake = mine;
	ck_assert_int_eq(access(path, F_OK), 0);
	finish();
}
END_TEST

START_TEST(socket_keeps_output)
{
	static char text[3000];
	prepare();
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "listen", "yes");
	fake_set(fake, "char0", "buffer", "8");
	join("char-socket");
	fake_start(fake);
	settle();
	ck_assert_uint_eq(put(text, sizeof(text)), sizeof(text));
	ck_assert_uint_eq(put("abcdefghij", 10), 10);
	check_state();
	int peer = unix_socket(0);
	settle();
	expect_read(peer, "cdefghij");
	/* A peer that dies with output on its way. */
	close(peer);
	put("lost", 4);
	settle();
	put("kept", 4);
	peer = unix_socket(0);
	settle();
	char data[16] = "";
	ck_assert_int_ge(read(peer, data, sizeof(data) - 1), 4);
	ck_assert_str_eq(data + strlen(data) - 4, "kept");
	close(peer);
	finish();
}
END_TEST

START_TEST(socket_wait)
{
	prepare();
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "listen", "yes");
	fake_set(fake, "char0", "wait", "yes");
	join("char-socket");
	fake_start(fake);
	settle();
	ck_assert_uint_eq(put("first", 5), 0);
	settle();
	guest.writable = 0;
	int peer = unix_socket(0);
	settle();
	ck_assert_uint_ge(guest.writable, 1);
	ck_assert_uint_eq(put("first", 5), 5);
	expect_read(peer, "first");
	close(peer);
	settle();
	ck_assert_uint_eq(put("dropped", 7), 7); /* only the first is waited for */
	finish();
}
END_TEST

START_TEST(socket_calls_again)
{
	char port[16];
	prepare();
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(where);
	int on = 1;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&where, sizeof(where)), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&where, &length), 0);
	snprintf(port, sizeof(port), "%u", ntohs(where.sin_port));
	fake_set(fake, "char0", "port", port);
	fake_set(fake, "char0", "reconnect", "2");
	join("char-socket");
	fake_start(fake);
	fake_advance(fake, 1);
	settle();
	ck_assert_uint_eq(guest.opened, 0); /* nobody listens yet */
	ck_assert_ptr_nonnull(strstr(fake->log, port));
	ck_assert_int_eq(listen(listener, 1), 0);
	fake_advance(fake, 1900000000);
	settle();
	ck_assert_uint_eq(guest.opened, 0);
	for (uint32_t round = 1; round <= 2; round++) {
		fake_advance(fake, 2000000000);
		settle();
		ck_assert_uint_eq(guest.opened, round);
		int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		ck_assert_int_ge(peer, 0);
		put("calling", 7);
		expect_read(peer, "calling");
		close(peer);
		settle();
		ck_assert_uint_eq(guest.closed, round + 1);
	}
	close(listener);
	finish();
}
END_TEST

START_TEST(socket_telnet)
{
	static const uint8_t input[] = { 'a', 255, 255, 'b', '\r', 0, 'c', 255, 253, 1, 255, 251, 31, 255, 250, 31, 0,
		80, 255, 255, 255, 240, 'd', 255, 243, 255, 253, 24, 'e' };
	static const uint8_t output[] = { 'x', 255, 'y' };
	static const uint8_t expected[] = { 255, 251, 1, 255, 251, 3, 255, 253, 3, 255, 251, 0, 255, 253, 0, 255, 254,
		31, 255, 252, 24, 'x', 255, 255, 'y' };
	uint8_t data[64];
	prepare();
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "listen", "yes");
	fake_set(fake, "char0", "telnet", "yes");
	join("char-socket");
	fake_start(fake);
	settle();
	int peer = unix_socket(0);
	settle();
	for (size_t i = 0; i < sizeof(input); i++) { /* commands are cut anywhere */
		ck_assert_int_eq(write(peer, input + i, 1), 1);
		settle();
	}
	ck_assert_uint_eq(guest.length, 7);
	ck_assert(memcmp(guest.text, "a\377b\rcde", 7) == 0);
	ck_assert_uint_eq(guest.breaks, 1);
	ck_assert_uint_eq(put(output, 3), 3);
	settle();
	ck_assert_int_eq(read(peer, data, sizeof(data)), sizeof(expected));
	ck_assert(memcmp(data, expected, sizeof(expected)) == 0);
	close(peer);
	finish();
}
END_TEST

START_TEST(socket_errors)
{
	char deep[256];
	prepare();
	expect_failure("char-socket", "path =");
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "port", "1");
	expect_failure("char-socket", "both");
	fake_free(fake);
	fake = fake_new();
	memset(deep, 'x', sizeof(deep) - 1);
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	fake_set(fake, "char0", "path", deep);
	expect_failure("char-socket", "107 bytes");
	fake_free(fake);
	fake = fake_new();
	write_file("precious");
	fake_set(fake, "char0", "path", path);
	fake_set(fake, "char0", "listen", "yes");
	expect_failure("char-socket", "no socket");
	check_file("precious", 8);
	finish();
}
END_TEST

PLUGIN_TEST_MAIN("chars", null_swallows, stdio_pipes, file_is_complete, file_append_and_input, file_goes_on_after_load,
	file_fifo, file_terminal, file_errors, pty_comes_and_goes, pty_back_pressure_and_errors, socket_listens,
	socket_keeps_output, socket_wait, socket_calls_again, socket_telnet, socket_errors)
