/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.machine/1, vmm.power/1, vmm.random/1: the machine as a whole.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <vmm/base.h>
#include <vmm/host.h>

#define VMM_SERVICE_MACHINE "vmm.machine/1"
#define VMM_SERVICE_POWER   "vmm.power/1"
#define VMM_SERVICE_RANDOM  "vmm.random/1"

/* Facts about the machine, for firmware and chipsets.  Constant while it exists. */
struct vmm_machine_info {
	uint32_t struct_size;
	uint32_t cpu_count;
	uint64_t ram_below_4g; /* bytes of RAM from address 0, the holes below 1 MiB not taken off */
	uint64_t ram_above_4g; /* bytes of RAM from 4 GiB up */
	uint8_t uuid[16];      /* in the order it is written */
	uint32_t has_local_apic;
	uint32_t reserved;
};

/* All [machine]. */
struct vmm_machine_service {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*info)(void *context, struct vmm_machine_info *info);
	/* A setting of the core's sections ("boot", "machine"), as text: get_string(c, "boot", "kernel", 0, ...).
	 * Lists by index; paths are absolute.  The length, -ENOENT (unset), -EOVERFLOW. */
	int32_t (*get_string)(
		void *context, const char *section, const char *key, uint32_t index, char *text, uint32_t size);
	/* Is an instance of the plugin with this id in the machine?  For firmware tables. */
	uint32_t (*has_plugin)(void *context, const char *id);
};

#define VMM_POWER_RESET   1 /* power->request: reset the machine (VMM_RESET_HARD) */
#define VMM_POWER_OFF     2 /* the guest switched the power off */
#define VMM_POWER_SUSPEND 3 /* S3: the processors stop until VMM_POWER_WAKE; devices go on */
#define VMM_POWER_WAKE    4 /* end S3: VMM_RESET_WAKE, then the processors start anew */
#define VMM_POWER_PAUSE   5 /* the host needs care (a full disk): pause, until the user resumes */

struct vmm_power_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Ask for a change of the power state; it happens soon after the call has returned.  [any] */
	void (*request)(void *context, uint32_t what);
	/* End the run with this exit status (debug-exit).  [any] */
	void (*exit)(void *context, int32_t status);
	/* The A20 gate: 0 masks address bit 20.  The OR of what all instances set.  [machine] */
	void (*a20)(void *context, uint32_t enabled);
	/* INIT to the CPUs, without resetting devices (port 92, the keyboard controller on old boards).  [machine] */
	void (*cpu_init)(void *context);
	/* Be told when the user presses the power button (the ACPI chipset).  [machine] */
	int32_t (*watch_button)(
		void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token);
};

struct vmm_random_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Through the machine's one source of chance, so that a run can be repeated.  [machine] */
	void (*fill)(void *context, void *data, uint64_t length);
};

#endif
