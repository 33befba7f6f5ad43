/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside vmm/machine. */
#ifndef VMM_MACHINE_PARTS_H
#define VMM_MACHINE_PARTS_H

#include "vmm/engine/engine.h"
#include "vmm/machine/machine.h"

/* An instance in the machine, from a section or private to a port of another. */
struct member {
	struct member *next;
	struct instance *instance;
	struct config_section *section;
	char *prefix;          /* of its keys in the section: "" or "backend." */
	struct member *parent; /* of a private one */
	const struct vmm_port_row *parent_row;
	struct member *bus; /* it sits on, if any */
	uint64_t address;
};

/* A link that is to be made, or was made. */
struct join {
	struct join *next;
	struct member *member; /* whose port it is */
	const struct vmm_port_row *row;
	struct member *peer; /* NULL: the core */
	const struct vmm_port_row *peer_row;
	uint64_t address;
	struct port_link *link;
};

/* What the power-state machinery has been asked for. */
#define PENDING_RESET  1u
#define PENDING_END    2u
#define PENDING_BUTTON 4u
#define PENDING_SLEEP  8u
#define PENDING_WAKE   16u
#define PENDING_BREAK  32u  /* stand still for a debugger */
#define PENDING_GO     64u  /* and go on */
#define PENDING_FORGET 128u /* the debugger is gone */
#define PENDING_PAUSE  256u

#define A20_DRIVERS_MAX 8
#define CORE_SECTIONS   4
enum { CORE_MACHINE, CORE_BOOT, CORE_CPU, CORE_ENGINE };

struct command {
	struct command *next;
	struct instance *instance;
	char *name;
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t size);
	void *self;
	uint64_t token;
};

struct machine {
	struct machine_options options;
	struct config *config;
	struct plugin_registry *registry;
	struct instance *core[CORE_SECTIONS]; /* settings only: never created */
	char name[MACHINE_NAME_MAX + 1];
	uint8_t uuid[16];
	enum machine_state state;
	bool sleeping; /* S3: it runs, but its processors do not */

	struct machine_lock lock;
	struct event_loop *loop;
	struct guest_clock clock;
	struct timer_set timers;
	struct memory_space *memory;
	struct memory_region *ram[2]; /* below and above 4 GiB */
	struct io_space *io;
	struct irq_lines *lines;
	struct engine *engine;
	struct plugin_env env;

	struct member *members, **members_last;
	struct join *joins, **joins_last;
	struct command *commands;
	struct {
		struct instance *instance;
		bool enabled;
	} a20[A20_DRIVERS_MAX];
	unsigned a20_count;

	struct {
		bool standing;          /* the processors stand still for a debugger */
		uint32_t cpu;           /* atomic: which of them stopped by itself */
		struct instance *owner; /* the debugger; NULL: none */
		void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop);
		void *self;
		uint64_t token;
	} debug;

	struct keys *keys; /* what is being typed; NULL: nothing yet */

	uint32_t pending; /* atomic: PENDING_* */
	int status;       /* of machine_run() */
	void (*idle)(void *self);
	void *idle_self;
	void (*event)(void *self, const char *instance, const char *name, const char *json);
	void *event_self;
};

/* core.c: the core's own sections */
extern const struct plugin core_sections[CORE_SECTIONS];
int core_settings(struct machine *machine, struct config_error *error);
int64_t core_number(const struct machine *machine, unsigned section, const char *key, int64_t absent);
const char *core_text(const struct machine *machine, unsigned section, const char *key, uint32_t index);
bool core_section_name(const char *name);
/* assemble.c */
int machine_assemble(struct machine *machine, struct config_error *error);
struct member *member_find(const struct machine *machine, const char *name);
int member_new(struct machine *machine, const char *name, const char *plugin, struct config_section *section,
	const char *prefix, struct member **member, struct config_error *error);
/* A storage port: its value is a path, not a plugin. */
bool port_takes_path(const struct vmm_port_row *row);
/* Which plugin fills a port whose key is `key`, and whose PORT.plugin is `named` (may be NULL). */
int member_provider(struct machine *machine, const struct vmm_port_row *row, const struct config_key *key,
	const struct config_key *named, const char **plugin_id, struct config_error *error);
void member_free(struct machine *machine, struct member *member);
int member_keys(struct machine *machine, struct member *member, struct config_error *error);
/* join.c */
int joins_plan(struct machine *machine, struct config_error *error);
int joins_make(struct machine *machine, struct config_error *error);
void joins_free(struct machine *machine);
unsigned peers_count(const struct machine *machine, const struct member *member, const struct vmm_port_row *row);
int join_add(struct machine *machine, const struct join *join);
/* A place where a message can point: the key's, or the section's. */
int machine_fail(struct config_error *error, const struct config_section *section, const struct config_key *key,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
char *address_text(uint32_t kind, uint64_t address);
/* host.c: what plugins ask of the machine */
void machine_host(struct machine *machine);
void machine_log(struct machine *machine, const char *instance, unsigned level, const char *text);
/* The table of the first port of this interface that is joined to the core, or of the instance `name`'s. */
const void *core_peer(const struct machine *machine, const char *interface, const char *name, void **self);
/* debug.c */
void machine_debug_init(struct machine *machine);
void machine_debug_stopped(void *machine, unsigned cpu); /* a CPU's thread */
/* Between two rounds of the loop. */
void machine_debug_stop_now(struct machine *machine);
void machine_debug_go_now(struct machine *machine);
void machine_debug_forget_now(struct machine *machine);
/* debug_register.c */
int debug_register(struct cpu *cpu, uint32_t number, void *value, uint32_t size, bool write);
/* keys.c */
void keys_free(struct machine *machine);
/* machine.c */
void machine_reset_all(struct machine *machine, uint32_t kind);
void machine_a20(struct machine *machine);
void machine_pending(struct machine *machine, uint32_t what);
/* Saved RAM (ram.c) */
int ram_write(struct machine *machine, int fd, struct config_error *error);
int ram_read(struct machine *machine, int fd, struct config_error *error);

#define MACHINE_BELOW_4G UINT64_C(0xc0000000) /* RAM up to here at most; PCI memory follows, as on the 440FX */

#endif
