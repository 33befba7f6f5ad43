/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Intel 82077AA diskette controller (290166-007, May 1994) in AT mode, with status registers A and B readable as in
 * PS/2 mode.
 */
#ifndef FDC_H
#define FDC_H

#include <vmm/firmware.h>
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-floppy.h>
#include <vmm/timer.h>

#define UNITS       4u
#define SECTOR_MOST 16384u /* 128 << 7 */
#define TRACK_MOST  65536u
#define NEVER       VMM_TIME_NEVER

/* Mechanics run faster than life, but not in no time: programs set up what they wait for after they started it. */
#define RESET_TIME   UINT64_C(50000)   /* from a reset to its interrupt */
#define STEP_TIME    UINT64_C(20000)   /* a cylinder */
#define SETTLE_TIME  UINT64_C(100000)  /* and the end of a seek */
#define SECTOR_TIME  UINT64_C(30000)   /* to the next sector */
#define SEARCH_TIME  UINT64_C(4000000) /* two index pulses without what was looked for */
#define BYTE_TIME    UINT64_C(1000)    /* without DMA */
#define OVERRUN_TIME UINT64_C(200000000)
#define AGAIN_TIME   UINT64_C(1000000) /* a drive that was busy, or gave a transfer back */

/* Digital output register (2.1.3). */
#define DOR_DRIVE  0x03
#define DOR_NRESET 0x04
#define DOR_GATE   0x08 /* INT and DRQ reach the bus */

/* Main status register (2.1.6). */
#define MSR_RQM     0x80
#define MSR_DIO     0x40
#define MSR_NON_DMA 0x20
#define MSR_BUSY    0x10

/* Status registers (5.0). */
#define ST0_ABNORMAL 0x40
#define ST0_INVALID  0x80
#define ST0_POLL     0xc0
#define ST0_SEEK_END 0x20
#define ST0_CHECK    0x10
#define ST1_END      0x80 /* EN: past the last sector */
#define ST1_DATA     0x20 /* DE: CRC */
#define ST1_OVERRUN  0x10
#define ST1_NO_DATA  0x04
#define ST1_PROTECT  0x02
#define ST1_NO_MARK  0x01
#define ST2_MARK     0x40 /* CM: of the other kind */
#define ST2_DATA     0x20
#define ST2_CYLINDER 0x10
#define ST2_HIT      0x08
#define ST2_MISS     0x04
#define ST3_PROTECT  0x40
#define ST3_TRACK0   0x10
#define ST3_ALWAYS   0x28

/* CONFIGURE's second byte. */
#define CONFIG_SEEK  0x40 /* EIS */
#define CONFIG_EFIFO 0x20 /* no FIFO */
#define CONFIG_POLL  0x10 /* no polling */

enum phase { PHASE_COMMAND, PHASE_EXECUTE, PHASE_RESULT };
enum step {
	STEP_NONE,
	STEP_SEARCH, /* for the sector; the heads settle */
	STEP_DRIVE,  /* the drive is at it */
	STEP_DATA,   /* between the host and the buffer */
	STEP_LOST,   /* nothing was found: the end comes after two turns */
};
enum kind { KIND_READ, KIND_WRITE, KIND_VERIFY, KIND_SCAN, KIND_FORMAT, KIND_ID, KIND_TRACK };

struct fdc;

struct unit {
	struct fdc *fdc;
	const struct vmm_floppy_lower *table;
	void *self;
	uint32_t taken;
};

struct fdc {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	const struct vmm_firmware_service *firmware;
	const struct vmm_isa_upper *bus;
	void *bus_self;
	vmm_handle claims[2], source, tick;
	uint32_t port, channel, running;
	uint32_t types_added;
	struct unit units[UNITS];
	uint8_t *track; /* of a format, while the drive has it */
	uint32_t in_flight, reads;
	uint64_t flight_token;

	/* Registers. */
	uint8_t dor, tdr, dsr, rate;
	uint8_t specify[2], config, pretrack, perpendicular, lock;
	uint8_t last_sector; /* EOT or SC, for DUMPREG */
	/* Phases. */
	uint8_t phase, step;
	uint8_t command[9], result[10];
	uint32_t command_count, result_count, result_at;
	uint8_t interrupt; /* the INT pin, before the gate */
	/* Seeks, and what SENSE INTERRUPT STATUS is to say. */
	uint8_t pcn[UNITS], seeking, sense;
	uint8_t sense_st0[UNITS];
	uint64_t seek_due[UNITS], reset_due;
	/* Execution. */
	uint8_t kind, unit, head, st0, st1, st2;
	uint8_t c, h, r, n;
	uint8_t terminal, waiting, ready; /* TC came; the drive is to have a transfer; a byte is ready (without DMA) */
	uint8_t dreq;
	uint32_t left;             /* VERIFY: sectors; READ TRACK: the next one */
	uint32_t position, length; /* in the buffer */
	uint32_t burst;            /* bytes of this interrupt that are still to be moved (without DMA) */
	uint64_t token;
	uint64_t execute_due, overrun_due;
	uint8_t buffer[SECTOR_MOST];
};

/* fdc.c */
vmm_time fdc_now(const struct fdc *fdc);
void fdc_arm(struct fdc *fdc);
void fdc_lines(struct fdc *fdc);
void fdc_reset(struct fdc *fdc, uint32_t hardware);

/* command.c: the command and result phases. */
void command_write(struct fdc *fdc, uint8_t value);
uint8_t command_read(struct fdc *fdc);
void command_end(struct fdc *fdc);

/* execute.c */
void execute_begin(struct fdc *fdc, uint32_t kind);
void execute_due(struct fdc *fdc);
void execute_overrun(struct fdc *fdc);
void execute_write(struct fdc *fdc, uint8_t value);
uint8_t execute_read(struct fdc *fdc);
void execute_complete(struct fdc *fdc, uint64_t token, int32_t status);
void execute_submit(struct fdc *fdc);
/* Without DMA? */
static inline uint32_t is_polled(const struct fdc *fdc)
{
	return fdc->specify[1] & 1;
}

/* drives.c: the port, the mechanics. */
extern const struct vmm_port_ops drive_ops;
extern const struct vmm_floppy_upper drive_upper;
uint32_t drive_info(struct fdc *fdc, uint32_t unit, struct vmm_floppy_info *info);
void drive_motors(struct fdc *fdc, uint8_t before);
void drive_step(struct fdc *fdc, uint32_t unit, int32_t count);
void drive_seek(struct fdc *fdc, uint32_t unit, int32_t count, uint8_t st0, uint8_t pcn);
void drive_recalibrate(struct fdc *fdc, uint32_t unit);
void drive_arrived(struct fdc *fdc, vmm_time now);
void drive_types(struct fdc *fdc);

#endif
