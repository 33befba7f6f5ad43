/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * net-segment: three members, those that come, go and crash, and one that is no member at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net_guest.h"

#define MEMBERS 3
#define MAGIC   UINT32_C(0x314e4d56)

static struct fake *fake;
static struct fake_instance *members[MEMBERS];
static struct guest guests[MEMBERS];
static char folder[32], path[96];
static uint8_t frame[1500];

static void prepare(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-segment-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fake = fake_new();
}

static void add(uint32_t index)
{
	char name[16];
	snprintf(name, sizeof(name), "net%u", index);
	fake_set(fake, name, "folder", folder);
	members[index] = fake_add(fake, "net-segment", name);
	guest_join(&guests[index], fake, members[index]);
	guests[index].mac[5] = (uint8_t)index;
}

static void settle(void)
{
	for (uint32_t i = 0; i < 5; i++) {
		while (fake_poll(fake, 0) > 0)
			continue;
		fake_advance(fake, UINT64_C(25000000));
	}
}

static void begin(uint32_t count)
{
	prepare();
	for (uint32_t i = 0; i < count; i++)
		add(i);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	settle();
}

/* Sockets in the folder. */
static uint32_t sockets(void)
{
	DIR *directory = opendir(folder);
	const struct dirent *entry;
	uint32_t count = 0;
	while ((entry = readdir(directory)) != NULL) {
		if (strlen(entry->d_name) == 16)
			snprintf(path, sizeof(path), "%s/%.16s", folder, entry->d_name);
		count += strlen(entry->d_name) == 16;
	}
	closedir(directory);
	return count;
}

static void finish(void)
{
	char lock[64];
	fake_stop(fake);
	for (uint32_t i = 0; i < MEMBERS; i++)
		guest_drop_all(&guests[i]);
	fake_free(fake);
	snprintf(lock, sizeof(lock), "%s/lock", folder);
	unlink(lock);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else is left behind */
}

/* From one guest to another's address, or to all. */
static void say(uint32_t from, uint32_t to, uint32_t number)
{
	memset(frame, 0xff, 6);
	if (to < MEMBERS)
		memcpy(frame, guests[to].mac, 6);
	memcpy(frame + 6, guests[from].mac, 6);
	guest_put(frame + 12, 2, 0x88b5);
	guest_put(frame + 14, 4, number);
	ck_assert_uint_eq(guest_send(&guests[from], frame, sizeof(frame)), 1);
}

static void expect_counts(uint32_t a, uint32_t b, uint32_t c)
{
	settle();
	ck_assert_uint_eq(guests[0].count, a);
	ck_assert_uint_eq(guests[1].count, b);
	ck_assert_uint_eq(guests[2].count, c);
	for (uint32_t i = 0; i < MEMBERS; i++)
		guest_drop_all(&guests[i]);
}

static void info(uint32_t index, char *reply, uint32_t size)
{
	memset(reply, 0, size);
	ck_assert_int_eq(fake_command(members[index], "info", "{}", reply, size), 0);
}

START_TEST(frames_go_where_they_belong)
{
	char reply[512];
	begin(3);
	ck_assert_uint_eq(sockets(), 3);
	say(0, 9, 1);
	settle();
	const struct guest_frame *got = guest_next(&guests[1]);
	ck_assert_ptr_nonnull(got);
	ck_assert_uint_eq(got->length, sizeof(frame));
	ck_assert_mem_eq(got->data, frame, sizeof(frame));
	expect_counts(0, 0, 1);
	/* Nobody has heard of 2: to all. */
	say(0, 2, 2);
	expect_counts(0, 1, 1);
	say(2, 0, 3);
	expect_counts(1, 0, 0);
	say(0, 2, 4);
	expect_counts(0, 0, 1);
	info(0, reply, sizeof(reply));
	ck_assert_ptr_nonnull(strstr(reply, "\"others\":2,\"addresses\":[\"52:54:00:12:34:02\"],"));
	ck_assert_ptr_nonnull(strstr(reply, "\"sent\":3,\"lost\":0"));
	finish();
}
END_TEST

/* Whoever it is that goes, the rest stay joined; and it may come back. */
START_TEST(any_member_may_go)
{
	for (uint32_t gone = 0; gone < MEMBERS; gone++) {
		begin(3);
		uint32_t one = gone == 0 ? 1 : 0;
		uint32_t two = gone == 2 ? 1 : 2;
		say(gone, 9, 0);
		settle();
		for (uint32_t i = 0; i < MEMBERS; i++)
			guest_drop_all(&guests[i]);
		members[gone]->instance.ops->stop(members[gone]->instance.self);
		settle();
		ck_assert_uint_eq(sockets(), 2);
		say(one, two, 1);
		say(two, one, 2);
		say(one, gone, 3);
		/* Its address is forgotten: the last one goes to all. */
		uint32_t counts[MEMBERS] = { 0 };
		counts[one] = 1;
		counts[two] = 2;
		expect_counts(counts[0], counts[1], counts[2]);
		ck_assert_int_eq(members[gone]->instance.ops->start(members[gone]->instance.self), 0);
		settle();
		say(one, 9, 4);
		expect_counts(one != 0, one != 1, 1);
		finish();
	}
}
END_TEST

START_TEST(dead_members_are_cleared_away)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	begin(2);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/0123456789abcdef", folder);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	ck_assert_uint_eq(sockets(), 3);
	add(2);
	ck_assert_int_eq(members[2]->instance.ops->start(members[2]->instance.self), 0);
	settle();
	ck_assert_uint_eq(sockets(), 3);
	ck_assert_int_eq(access(address.sun_path, F_OK), -1);
	say(2, 9, 1);
	expect_counts(1, 1, 0);
	finish();
}
END_TEST

/* Somebody is joining for a long time: all others come in afterwards. */
START_TEST(joining_waits_without_blocking)
{
	char lock[64];
	prepare();
	snprintf(lock, sizeof(lock), "%s/lock", folder);
	int fd = open(lock, O_RDWR | O_CREAT, 0600);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	for (uint32_t i = 0; i < 3; i++)
		add(i);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	settle();
	ck_assert_uint_eq(sockets(), 0);
	say(0, 9, 1);
	expect_counts(0, 0, 0);
	close(fd);
	settle();
	ck_assert_uint_eq(sockets(), 3);
	say(0, 9, 1);
	expect_counts(0, 1, 1);
	finish();
}
END_TEST

/* A guest that takes nothing loses what it has no room for; the others do not notice. */
START_TEST(nobody_holds_up_the_rest)
{
	char reply[512];
	begin(3);
	for (uint32_t i = 0; i < MEMBERS; i++)
		say(i, 9, i);
	settle();
	for (uint32_t i = 0; i < MEMBERS; i++)
		guest_drop_all(&guests[i]);
	guests[2].room = 0;
	for (uint32_t i = 0; i < 4000; i++) {
		say(0, 2, i);
		if (i % 16 == 0)
			fake_poll(fake, 0);
	}
	info(0, reply, sizeof(reply));
	ck_assert_ptr_null(strstr(reply, "\"lost\":0"));
	for (uint32_t i = 0; i < 50; i++)
		say(0, 1, i);
	expect_counts(0, 50, 0);
	ck_assert_uint_eq(fake_poll(fake, 0), 0); /* nothing spins */
	/* What was kept is the beginning, in order. */
	guests[2].room = UINT32_MAX;
	guests[2].lower->readable(guests[2].lower_self);
	settle();
	ck_assert_uint_gt(guests[2].count, 500);
	ck_assert_uint_lt(guests[2].count, 4000);
	for (uint32_t i = 0; i < 500; i++)
		ck_assert_uint_eq(guest_get(guest_next(&guests[2])->data + 14, 4), i);
	guest_drop_all(&guests[2]);
	say(0, 2, 9);
	expect_counts(0, 0, 1);
	finish();
}
END_TEST

static void large_send(uint32_t from, uint32_t to)
{
	static uint8_t data[54 + 50000];
	const struct guest_address address = { { 10, 0, 0, 2 }, 4 };
	struct guest *guest = &guests[from];
	guest->own = (struct guest_address){ { 10, 0, 0, 1 }, 4 };
	memcpy(guest->router_mac, guests[to].mac, 6);
	for (uint32_t i = 54; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 255);
	data[46] = 0x50;
	guest_head(guest, data, &address, GUEST_TCP, 50020);
	uint16_t pseudo = (uint16_t)guest_pseudo(&guest->own, &address, GUEST_TCP, 50020);
	memcpy(data + 50, &pseudo, 2);
	const struct vmm_net_segment segment = { data, sizeof(data) };
	const struct vmm_net_frame large = {
		.struct_size = sizeof(large),
		.flags = VMM_NET_NEEDS_CHECKSUM,
		.length = segment.length,
		.segments = &segment,
		.segment_count = 1,
		.segmentation = VMM_NET_SEGMENT_TCP4,
		.segment_size = 1000,
		.header_length = 54,
		.checksum_start = 34,
		.checksum_offset = 16,
	};
	ck_assert_uint_eq(guest_send_frame(guest, &large), 1);
	settle();
}

START_TEST(large_frames_are_cut_where_they_must)
{
	const struct vmm_net_wants wants = { .struct_size = sizeof(wants), .capabilities = VMM_NET_CHECKSUM };
	const struct guest_frame *got;
	struct guest_address from;
	uint32_t length, count = 0;
	begin(2);
	large_send(0, 1);
	while ((got = guest_next(&guests[1])) != NULL) {
		const uint8_t *tcp = guest_packet(&guests[1], got, GUEST_TCP, &from, &length);
		ck_assert_ptr_nonnull(tcp);
		ck_assert_uint_eq(length, 1020);
		ck_assert_uint_eq(guest_get(tcp + 4, 4), count * 1000);
		ck_assert_uint_eq(
			tcp[20 + 999], (uint8_t)((54 + count * 1000 + 999) * 7 + (54 + count * 1000 + 999) / 255));
		count++;
	}
	ck_assert_uint_eq(count, 50);
	/* A card that does checksums is left to do them. */
	guests[1].lower->wants(guests[1].lower_self, &wants);
	large_send(0, 1);
	ck_assert_uint_eq(guests[1].count, 50);
	while ((got = guest_next(&guests[1])) != NULL)
		ck_assert_uint_eq(got->flags, VMM_NET_NEEDS_CHECKSUM);
	/* One that did, and does no longer, is given none that wait for it. */
	guests[1].room = 0;
	large_send(0, 1);
	const struct vmm_net_wants plain = { .struct_size = sizeof(plain) };
	guests[1].lower->wants(guests[1].lower_self, &plain);
	guests[1].room = UINT32_MAX;
	guests[1].lower->readable(guests[1].lower_self);
	settle();
	ck_assert_uint_eq(guests[1].count, 0);
	large_send(0, 1);
	ck_assert_uint_eq(guests[1].count, 50);
	finish();
}
END_TEST

static int call_member(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	ck_assert_uint_eq(sockets(), 1);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	settle();
	return fd;
}

/* Does it hang up on us? */
static uint32_t is_closed(int fd)
{
	uint8_t byte[8];
	ssize_t length;
	settle();
	while ((length = recv(fd, byte, sizeof(byte), 0)) > 0)
		continue;
	return length == 0 || errno == ECONNRESET;
}

START_TEST(strangers_do_no_harm)
{
	static uint8_t message[32 + VMM_NET_FRAME_MAXIMUM + 10];
	const uint32_t magic = MAGIC;
	begin(1);
	static const uint32_t lengths[] = { 1, 4, 5, 32, 100, sizeof(message) };
	/* Not a word of ours. */
	for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		int fd = call_member();
		memset(message, 0x5a, sizeof(message));
		ck_assert_int_eq(send(fd, message, lengths[i], 0), lengths[i]);
		ck_assert(is_closed(fd));
		close(fd);
	}
	/* A frame before the greeting; then half a head, and too much of a frame. */
	for (uint32_t i = 0; i < 3; i++) {
		int fd = call_member();
		memset(message, 0, sizeof(message));
		memcpy(message, &magic, 4);
		if (i > 0)
			ck_assert_int_eq(send(fd, message, 4, 0), 4);
		ck_assert_int_gt(send(fd, message, i == 0 ? 100 : i == 1 ? 20 : sizeof(message), 0), 0);
		ck_assert(is_closed(fd));
		close(fd);
	}
	/* Frames that are not possible are dropped, others taken. */
	int fd = call_member();
	uint32_t seed = 5;
	ck_assert_int_eq(send(fd, message, 4, 0), 4);
	for (uint32_t i = 0; i < 2000; i++) {
		for (uint32_t k = 4; k < 200; k++) {
			seed = seed * 1664525u + 1013904223u;
			message[k] = (uint8_t)(k < 32 && (seed & 0x300) != 0 ? 0 : seed >> 24);
		}
		ck_assert_int_gt(send(fd, message, 32 + i % 168, 0), 0);
		if (i % 8 == 0)
			settle();
		guest_drop_all(&guests[0]);
	}
	memset(message + 4, 0, 100);
	ck_assert_int_gt(send(fd, message, 32 + 60, 0), 0);
	settle();
	ck_assert_uint_ge(guests[0].count, 1);
	/* And it may stay silent, or go. */
	close(fd);
	fd = call_member();
	close(fd);
	settle();
	ck_assert_uint_eq(fake_poll(fake, 0), 0);
	finish();
}
END_TEST

START_TEST(folders_are_ours_alone)
{
	struct stat what;
	char inner[64];
	prepare();
	snprintf(inner, sizeof(inner), "%s/x", folder);
	setenv("XDG_RUNTIME_DIR", inner, 1);
	ck_assert_int_eq(mkdir(inner, 0700), 0);
	fake_set(fake, "net0", "name", "blue");
	ck_assert_ptr_nonnull(fake_add(fake, "net-segment", "net0"));
	snprintf(path, sizeof(path), "%s/vmm/segment-blue", inner);
	ck_assert_int_eq(stat(path, &what), 0);
	ck_assert_uint_eq(what.st_mode & 0777, 0700);
	fake_free(fake);
	/* Open to others. */
	ck_assert_int_eq(chmod(path, 0755), 0);
	fake = fake_new();
	fake_set(fake, "net0", "name", "blue");
	struct fake_instance *net = fake_create(fake, "net-segment", "net0");
	ck_assert_int_eq(fake_init(net), -EPERM);
	ck_assert_ptr_nonnull(strstr(fake->cause, "not ours alone"));
	fake_free(fake);
	rmdir(path);
	/* Not a folder; no name; too long. */
	static const char *const mistakes[][2] = { { "folder", "/dev/null" }, { "name", "" }, { "name", "a/b" },
		{ "folder",
			"/tmp/a-folder-with-a-name-of-which-a-socket-that-is-in-it-has-far-too-little-left-for-"
			"itself-to-have" } };
	for (uint32_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		fake = fake_new();
		fake_set(fake, "net0", mistakes[i][0], mistakes[i][1]);
		net = fake_create(fake, "net-segment", "net0");
		ck_assert_int_lt(fake_init(net), 0);
		ck_assert_uint_gt(strlen(fake->remedy), 0);
		fake_free(fake);
	}
	snprintf(path, sizeof(path), "%s/vmm", inner);
	rmdir(path);
	rmdir(inner);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_load_keeps_it_joined)
{
	begin(2);
	fake_stop(fake);
	ck_assert(fake_round_trip(members[0]));
	fake_start(fake);
	settle();
	say(0, 9, 1);
	expect_counts(0, 1, 0);
	finish();
}
END_TEST

PLUGIN_TEST_MAIN("net-segment", frames_go_where_they_belong, any_member_may_go, dead_members_are_cleared_away,
	joining_waits_without_blocking, nobody_holds_up_the_rest, large_frames_are_cut_where_they_must,
	strangers_do_no_harm, folders_are_ours_alone, a_load_keeps_it_joined)
