/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A PC's keyboard controller (Intel 8042 with an AT/PS2 BIOS), its keyboard and its mouse (IBM PS/2 Hardware Interface
 * Technical Reference; Microsoft IntelliMouse).
 */
#ifndef PS2_H
#define PS2_H

#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/plugin.h>
#include <vmm/kit/ring.h>
#include <vmm/machine.h>
#include <vmm/port-input.h>
#include <vmm/timer.h>

#define BYTE_TIME   UINT64_C(500000) /* ns for a byte on the wire */
#define QUEUE_SIZE  64
#define REPLY_SIZE  16
#define INPUT_PEERS 8

#define STATUS_OBF  0x01
#define STATUS_SYS  0x04
#define STATUS_A2   0x08
#define STATUS_INH  0x10
#define STATUS_MOBF 0x20

#define CCB_KIE   0x01
#define CCB_MIE   0x02
#define CCB_SYS   0x04
#define CCB_KOFF  0x10
#define CCB_MOFF  0x20
#define CCB_XLATE 0x40

#define OUTPUT_RESET 0x01 /* low: resets the CPU */
#define OUTPUT_A20   0x02
#define OUTPUT_OBF   0x10
#define OUTPUT_MOBF  0x20

/* Where a byte in the output buffer came from. */
enum { FROM_CONTROLLER = 0, FROM_KEYBOARD = 1, FROM_MOUSE = 2 };

/* What both devices have: a queue of data, and one of replies, which go first. */
struct device {
	uint8_t queue_data[QUEUE_SIZE], reply_data[REPLY_SIZE];
	struct vmm_ring queue, reply;
	uint8_t enabled;  /* scanning, reporting */
	uint8_t argument; /* the command that waits for its argument, or 0 */
	uint8_t last;     /* for a resend */
};

struct keyboard {
	struct device device;
	uint8_t set; /* 1 to 3 */
	uint8_t leds;
	uint8_t rate;                         /* typematic rate and delay as set by F3 */
	uint8_t repeat;                       /* the usage that repeats, or 0 */
	uint8_t down[32];                     /* usages that are down, a bit each */
	uint8_t make_only[32], no_repeat[32]; /* set 3: by scan code */
	vmm_time repeat_at;
};

struct mouse {
	struct device device;
	uint8_t remote, wrap, scale;
	uint8_t resolution, rate, id;
	uint8_t knock; /* how far the rates that switch the wheel on have come */
	uint8_t buttons, reported;
	int32_t dx, dy, dz;
	vmm_time next_report;
};

struct ps2 {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	const struct vmm_power_service *power;
	struct {
		const struct vmm_input_lower *table;
		void *self;
		uint32_t id;
	} peers[INPUT_PEERS];
	vmm_handle data_claim, command_claim, irq1, irq12;
	vmm_handle byte_timer, repeat_timer, report_timer;

	uint8_t ccb;        /* the command byte */
	uint8_t ram[32];    /* the controller's memory; byte 0 is ccb */
	uint8_t output;     /* the output port, without the OBF bits */
	uint8_t full;       /* the output buffer holds a byte */
	uint8_t source;     /* FROM_* */
	uint8_t data;       /* the byte, or the last one */
	uint8_t command;    /* the controller command that waits for its byte, or 0 */
	uint8_t a2;         /* the last write was to port 64 */
	uint8_t released;   /* translation: F0 was seen */
	vmm_time next_byte; /* the wire is busy until then */
	struct keyboard keyboard;
	struct mouse mouse;
};

static inline vmm_time ps2_now(struct ps2 *ps2)
{
	return ps2->timer->now(ps2->host->context, VMM_CLOCK_GUEST);
}

/* controller.c */
extern const struct vmm_io_ops controller_ops;
void controller_reset(struct ps2 *ps2, uint32_t kind);
void controller_transfer(struct ps2 *ps2); /* move a byte into the output buffer, if it is time */
void controller_queued(struct ps2 *ps2);   /* a device has something to send */
void controller_irq(struct ps2 *ps2);

/* keyboard.c */
void keyboard_reset(struct ps2 *ps2);
void keyboard_write(struct ps2 *ps2, uint8_t byte);
int32_t keyboard_key(struct ps2 *ps2, uint32_t usage, uint32_t down);
void keyboard_repeat(struct ps2 *ps2);
void keyboard_tell_leds(struct ps2 *ps2);

/* mouse.c */
void mouse_reset(struct ps2 *ps2);
void mouse_write(struct ps2 *ps2, uint8_t byte);
int32_t mouse_move(struct ps2 *ps2, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons);
void mouse_report(struct ps2 *ps2);

/* scancodes.c */
uint8_t scancode_translate(uint8_t code); /* set 2 to set 1 */
uint32_t scancode_set2(uint32_t usage);   /* with 0xe000 for the prefix; 0: no such key */
uint8_t scancode_set3(uint32_t usage);

#define USAGE_PRINT 0x46
#define USAGE_PAUSE 0x48

#endif
