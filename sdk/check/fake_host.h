/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A host for testing plugins without a machine: services whose every effect can be seen, a clock moved by hand.  The
 * unit tests and vmm-plugin-check share it.
 *
 * Plugins are loaded from $VMM_TEST_PLUGINS/NAME.so, else plugins/NAME/.libs/NAME.so.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include <pthread.h>

#include <vmm/control.h>
#include <vmm/draft/cpu.h>
#include <vmm/event.h>
#include <vmm/firmware.h>
#include <vmm/host.h>
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/machine.h>
#include <vmm/memory.h>
#include <vmm/param.h>
#include <vmm/plugin.h>
#include <vmm/port-interrupt.h>
#include <vmm/port.h>
#include <vmm/state.h>
#include <vmm/timer.h>

#define FAKE_INSTANCES 64
#define FAKE_CLAIMS    512
#define FAKE_REGIONS   256
#define FAKE_TIMERS    256
#define FAKE_SOURCES   512
#define FAKE_WATCHES   64
#define FAKE_DEFERRED  256
#define FAKE_SETTINGS  64
#define FAKE_LINKS     128
#define FAKE_MAPS      64
#define FAKE_TASKS     64
#define FAKE_FILES     64
#define FAKE_COMMANDS  32
#define FAKE_RAM       (UINT64_C(64) << 20)

struct fake;

struct fake_setting {
	char section[32]; /* "boot" and "machine" for the core's, else the instance's name */
	char key[32];
	char value[1024];
};

struct fake_field {
	char name[64];
	uint32_t is_bytes;
	uint64_t value;
	uint8_t *bytes;
	uint64_t length;
	uint32_t read;
};

struct fake_state {
	struct fake_field *fields;
	uint32_t count, space;
	int32_t status;
	uint32_t version;
};

struct fake_instance {
	struct fake *fake;
	char name[64];
	void *file;
	const struct vmm_descriptor *descriptor;
	struct vmm_host host;
	struct vmm_instance instance;
	const struct vmm_factory *factory;
	struct fake_state *state;           /* while save or load runs */
	uint32_t creating, saving, initing; /* what the instance is doing, for the rules that hang on it */
	void (*button)(void *self, uint64_t token);
	void *button_self;
};

struct fake_claim {
	struct fake_instance *owner;
	uint32_t used, enabled, port, count, sizes;
	int32_t priority;
	const struct vmm_io_ops *ops;
	void *self;
	uint64_t token;
};

struct fake_region {
	struct fake_instance *owner;
	uint32_t used, mapped, readonly;
	struct vmm_region_desc desc;
	uint8_t *bytes;
	uint8_t *dirty; /* one a page, of a region with VMM_REGION_DIRTY */
	uint64_t address;
	int32_t priority;
};

struct fake_timer {
	struct fake_instance *owner;
	uint32_t used, clock;
	void (*callback)(void *self, uint64_t token);
	void *self;
	uint64_t token;
	vmm_time deadline;
};

struct fake_source {
	struct fake_instance *owner;
	uint32_t used, line, level, taking;
};

struct fake_map {
	struct fake_instance *owner;
	uint32_t used;
	uint64_t address, length;
};

struct fake_task {
	struct fake_instance *owner;
	int32_t (*work)(void *self, uint64_t token);
	void (*done)(void *self, uint64_t token, int32_t status);
	void *self;
	uint64_t token;
	int32_t status;
};

/* What devices add to the firmware. */
struct fake_file {
	struct fake_instance *owner;
	uint32_t used, type;
	char name[64];
	uint8_t *data;
	uint64_t length;
};

/* What devices add to the control socket. */
struct fake_command {
	struct fake_instance *owner;
	char name[32];
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t reply_size);
	void *self;
	uint64_t token;
};

struct fake_watch {
	struct fake_instance *owner;
	uint32_t used, events;
	int32_t fd;
	void (*callback)(void *self, uint64_t token, uint32_t events);
	void *self;
	uint64_t token;
};

struct fake_deferred {
	struct fake_instance *owner;
	void (*callback)(void *self, uint64_t token);
	void *self;
	uint64_t token;
};

struct fake_link {
	struct vmm_link upper, lower; /* as each side sees it */
	struct vmm_port_side upper_side, lower_side;
	uint32_t used;
};

struct fake {
	struct fake_instance instances[FAKE_INSTANCES];
	uint32_t instance_count;
	struct fake_setting settings[FAKE_SETTINGS];
	uint32_t setting_count;
	struct fake_claim claims[FAKE_CLAIMS];
	struct fake_region regions[FAKE_REGIONS];
	struct fake_timer timers[FAKE_TIMERS];
	struct fake_source sources[FAKE_SOURCES];
	struct fake_watch watches[FAKE_WATCHES];
	struct fake_deferred deferred[FAKE_DEFERRED];
	uint32_t deferred_count;
	struct fake_link links[FAKE_LINKS];
	struct fake_map maps[FAKE_MAPS];
	struct fake_task tasks[FAKE_TASKS];
	uint32_t task_count;
	struct fake_file files[FAKE_FILES];
	struct fake_command commands[FAKE_COMMANDS];
	uint8_t *ram;
	uint8_t written[FAKE_RAM >> 16]; /* pieces of 64 KiB of RAM that somebody may have written to */
	/* Of deferred calls, tasks, timers' deadlines and sources' levels, which any thread may touch. */
	pthread_mutex_t mutex;
	uint32_t lines_stale; /* a source has changed on another thread */

	/* Rules that plugins broke: how many times, and the first. */
	uint32_t fault_count;
	char fault[512];
	pthread_t thread;             /* the one that "holds the machine lock" */
	const char *hidden;           /* a service that this host lacks */
	uint64_t calls;               /* that could have failed */
	uint64_t fail_first, fail_to; /* which of them do fail: [first, to) */

	/* What plugins have done. */
	char cause[8192], remedy[1024], log[8192];
	uint32_t line_level[VMM_IRQ_LINES], line_edges[VMM_IRQ_LINES], line_trigger[VMM_IRQ_LINES];
	uint32_t intr, ignne, nmi_count, smi_count, message_count;
	uint64_t message_address;
	uint32_t message_data;
	char event[64], event_data[256]; /* the control event that was sent last */
	uint32_t event_count;
	uint32_t requests[6]; /* by VMM_POWER_* */
	/* vmm.cpu/1 */
	struct {
		struct fake_instance *owner;
		void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop);
		void *self;
		uint64_t token;
		struct vmm_cpu_stop stop;
		uint32_t standing, stop_due, point_count;
		uint8_t registers[VMM_CPU_K0][16];
	} cpu;
	uint32_t exited, a20[FAKE_INSTANCES], cpu_init_count;
	int32_t exit_status;
	vmm_time now;
	uint64_t real_offset; /* VMM_CLOCK_REAL - now */
	uint32_t random_state;
	struct vmm_machine_info info;
	/* Interrupt controllers, told of the lines. */
	const struct vmm_interrupt_upper *controllers[FAKE_INSTANCES];
	void *controller_selves[FAKE_INSTANCES];
	uint32_t controller_count;
};

/* A plugin has broken a rule of the contract. */
void fake_fault(struct fake_instance *instance, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* At the start of each service function: the machine, after a check of thread and time. */
struct fake *fake_enter(void *context, const char *call);
struct fake *fake_enter_any(void *context, const char *call);
/* Is this call to fail, for the test of failures? */
uint32_t fake_fails(struct fake *fake);

struct fake *fake_new(void);
void fake_free(struct fake *fake);
/* Before fake_add. */
void fake_set(struct fake *fake, const char *section, const char *key, const char *value);
/* Load and create, not init; NULL (and a message) if there is no such plugin. */
struct fake_instance *fake_create(struct fake *fake, const char *plugin, const char *name);
/* The same from a loaded file's factory. */
struct fake_instance *fake_make(struct fake *fake, const struct vmm_factory *factory, uint32_t index, const char *name);
int32_t fake_init(struct fake_instance *instance);
/* All of it: aborts the test if anything fails; joins CORE ports. */
struct fake_instance *fake_add(struct fake *fake, const char *plugin, const char *name);
void fake_destroy(struct fake_instance *instance);
int32_t fake_side(struct fake_instance *instance, const char *key, struct vmm_port_side *side);
/* Join two sides; -1 link on failure. */
struct fake_link *fake_join_sides(struct fake *fake, const struct vmm_port_side *upper,
	const struct vmm_port_side *lower, const char *interface, uint64_t address);
struct fake_link *fake_join(struct fake_instance *upper, const char *upper_key, struct fake_instance *lower,
	const char *lower_key, const char *interface, uint64_t address);
/* Is this a row that only the core can be joined to, as an interrupt controller's?  Displays have other peers. */
uint32_t fake_core_row(const struct vmm_port_row *row);
void fake_part(struct fake *fake, struct fake_link *link);
/* Join an instance's interrupt controller port to the core's. */
struct fake_link *fake_join_core(
	struct fake_instance *instance, const struct vmm_port_row *row, const struct vmm_port_side *side);
void fake_reset(struct fake *fake, uint32_t kind);
void fake_start(struct fake *fake);
void fake_stop(struct fake *fake);

uint32_t fake_in(struct fake *fake, uint32_t port, uint32_t size);
void fake_out(struct fake *fake, uint32_t port, uint32_t size, uint32_t value);
void fake_read(struct fake *fake, uint64_t address, void *data, uint64_t length);
/* Make the RAM of one machine that of another. */
void fake_ram_copy(struct fake *to, const struct fake *from);
/* And all else that the host itself keeps and saves: clocks, levels, memory of devices.  The same instances in both. */
void fake_copy(struct fake *to, const struct fake *from);
void fake_write(struct fake *fake, uint64_t address, const void *data, uint64_t length);
/* A line of the test's own, to the controllers. */
void fake_line(struct fake *fake, uint32_t line, uint32_t level);
/* Move the clock, running timers in order. */
void fake_advance(struct fake *fake, vmm_time nanoseconds);
/* Move it without running any: a busy host. */
void fake_skip(struct fake *fake, vmm_time nanoseconds);
void fake_run_timers(struct fake *fake);
/* Deferred calls, and descriptors that are ready within `milliseconds`; returns how many were run. */
uint32_t fake_poll(struct fake *fake, int milliseconds);
void fake_button(struct fake *fake);
/* A request on the control socket, with JSON texts; -ENOENT: the instance has no such method. */
int32_t fake_command(
	struct fake_instance *instance, const char *name, const char *params, char *reply, uint32_t reply_size);

struct fake_state *fake_save(struct fake_instance *instance);
int32_t fake_load(struct fake_instance *instance, struct fake_state *state);
/* -1 if they are equal, else what differs is said in `text`. */
int32_t fake_state_compare(const struct fake_state *a, const struct fake_state *b, char *text, uint32_t size);
uint32_t fake_state_equal(const struct fake_state *a, const struct fake_state *b);
struct fake_field *fake_state_field(struct fake_state *state, const char *name);
void fake_state_free(struct fake_state *state);
/* save, reset(POWER), load, save: equal?  Says which field differs on standard error. */
uint32_t fake_round_trip(struct fake_instance *instance);

/* Resources that an instance holds, in words ("2 timers, 1 region"); how many. */
uint32_t fake_held(struct fake_instance *instance, char *text, uint32_t size);
void fake_release(struct fake_instance *instance);
/* Handles: the kind above, the index + 1 below. */
enum fake_kind { FAKE_CLAIM = 1, FAKE_REGION, FAKE_TIMER, FAKE_SOURCE, FAKE_WATCH, FAKE_MAP };
vmm_handle fake_handle(enum fake_kind kind, uint32_t index);
/* Index of a handle, or -1 after a complaint. */
int32_t fake_index(void *context, enum fake_kind kind, vmm_handle handle, const char *call);

extern const struct vmm_param_service fake_param_service;
extern const struct vmm_state_service fake_state_service;
extern const struct vmm_machine_service fake_machine_service;
extern const struct vmm_io_service fake_io_service;
extern const struct vmm_irq_service fake_irq_service;
extern const struct vmm_memory_service fake_memory_service;
extern const struct vmm_region_service fake_region_service;
extern const struct vmm_timer_service fake_timer_service;
extern const struct vmm_event_service fake_event_service;
extern const struct vmm_task_service fake_task_service;
extern const struct vmm_power_service fake_power_service;
extern const struct vmm_random_service fake_random_service;
extern const struct vmm_firmware_service fake_firmware_service;
extern const struct vmm_firmware_list_service fake_firmware_list_service;
extern const struct vmm_control_service fake_control_service;
extern const struct vmm_cpu_service fake_cpu_service;
/* Tell the watcher of a stop that is due; returns how many were told. */
uint32_t fake_cpu_run(struct fake *fake);
extern const struct vmm_interrupt_lower fake_interrupt_lower;
void fake_lines_update(struct fake *fake);

#endif
