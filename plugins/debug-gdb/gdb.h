/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside debug-gdb.  The protocol is that of "Debugging with GDB", appendix E. */
#ifndef DEBUG_GDB_H
#define DEBUG_GDB_H

#include <stdbool.h>
#include <vmm/draft/cpu.h>
#include <vmm/event.h>
#include <vmm/kit/plugin.h>
#include <vmm/machine.h>
#include <vmm/port-char.h>

#define PACKET_MAX 16384u /* characters of a packet's contents, either way */

enum arch { ARCH_AUTO, ARCH_I386, ARCH_X86_64 };

struct gdb {
	const struct vmm_host *host;
	const struct vmm_cpu_service *cpu;
	const struct vmm_event_service *event;
	const struct vmm_power_service *power;
	const struct vmm_char_lower *backend;
	void *backend_self;
	enum arch arch, chosen; /* as set; as it is now */
	uint8_t wait;           /* stand still until a debugger says otherwise */

	uint8_t connected; /* a debugger is there, as far as the backend can tell */
	uint8_t watching;  /* we are the CPUs' watcher */
	uint8_t standing;  /* they stand still */
	uint8_t stop_due;  /* a debugger waits to hear of the next stop */
	uint8_t no_ack;
	uint8_t physical; /* memory packets mean physical addresses */
	uint32_t thread;  /* the CPU that register and memory packets mean */
	struct vmm_cpu_stop stop;

	/* A packet that is coming in: '$', contents, '#', two digits. */
	uint8_t state, sum, digit;
	uint8_t flush_due;
	uint32_t length;
	char packet[PACKET_MAX + 1];
	/* What goes out, as far as the backend has not taken it. */
	uint32_t out_length, out_sent;
	char out[2 * PACKET_MAX + 64];
	char last[PACKET_MAX + 16]; /* the last packet, for a debugger that did not get it right */
	uint32_t last_length;
};

/* packet.c */
int32_t packet_receive(struct gdb *gdb, const uint8_t *data, uint32_t length);
/* Send a packet; the contents may be in binary (escaped here).  Longer than PACKET_MAX is cut. */
void packet_send(struct gdb *gdb, const char *contents, uint32_t length);
void packet_send_text(struct gdb *gdb, const char *text);
void packet_flush(struct gdb *gdb);
void packet_forget(struct gdb *gdb);
/* Hexadecimal: returns the digits' number, moving *at behind them. */
uint64_t hex_number(const char **at);
/* `length` bytes from 2 * length digits; 0 if there are not so many. */
uint32_t hex_bytes(const char *text, uint8_t *bytes, uint32_t length);
/* Appends 2 * length digits and a NUL; returns where the NUL is. */
char *hex_put(char *at, const void *bytes, uint32_t length);

/* command.c */
void command_run(struct gdb *gdb, char *packet, uint32_t length);
void command_stopped(struct gdb *gdb);
/* gdb.c */
int32_t gdb_go(struct gdb *gdb, uint32_t cpu, uint32_t step);
void gdb_leave(struct gdb *gdb);
/* target.c */
void target_choose(struct gdb *gdb);
/* The target's description; returns its length, without the NUL. */
uint32_t target_description(const struct gdb *gdb, char *text, uint32_t size);
uint32_t target_registers(const struct gdb *gdb);
/* A register by GDB's number: its size in bytes, or 0 if there is none.  Bytes that cannot be read are zeros. */
uint32_t target_get(const struct gdb *gdb, uint32_t number, uint8_t *value);
int32_t target_set(const struct gdb *gdb, uint32_t number, const uint8_t *value);
uint32_t target_size(const struct gdb *gdb, uint32_t number);
/* monitor.c: `monitor ...`; the answer goes out as packets. */
void monitor_run(struct gdb *gdb, const char *text);

#endif
