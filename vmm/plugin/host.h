/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The host side of the SDK: instances of plugins, their settings, and the services they are given.
 */
#ifndef VMM_PLUGIN_HOST_H
#define VMM_PLUGIN_HOST_H

#include <stdbool.h>
#include <vmm/control.h>
#include <vmm/draft/cpu.h>
#include <vmm/draft/image.h>
#include <vmm/event.h>
#include <vmm/firmware.h>
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/machine.h>
#include <vmm/memory.h>
#include <vmm/param.h>
#include <vmm/plugin.h>
#include <vmm/port.h>
#include <vmm/state.h>
#include <vmm/timer.h>

#include "vmm/config/config.h"
#include "vmm/engine/irq.h"
#include "vmm/event/clock.h"
#include "vmm/event/handle.h"
#include "vmm/event/loop.h"
#include "vmm/memory/io.h"
#include "vmm/memory/space.h"
#include "vmm/plugin/registry.h"
#include "vmm/state/state.h"

struct instance;

/* What the machine does for its plugins.  Under the machine lock unless noted. */
/* vmm.cpu/1, all under the machine lock. */
struct plugin_debug {
	uint32_t (*count)(void *self);
	int (*watch)(void *self, struct instance *owner,
		void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop), void *stopped_self,
		uint64_t token);
	int (*stop)(void *self);
	int (*resume)(void *self, uint32_t cpu, bool step);
	int (*access_register)(void *self, uint32_t cpu, uint32_t number, void *value, uint32_t size, bool write);
	int (*access_memory)(
		void *self, uint32_t cpu, uint32_t space, uint64_t address, void *data, uint64_t length, bool write);
	int (*point)(void *self, uint32_t kind, uint64_t address, uint64_t length, bool add);
};

struct plugin_machine {
	void *self;
	void (*log)(void *self, const char *instance, unsigned level, const char *text); /* any thread */
	void (*power)(void *self, uint32_t what);                                        /* any thread */
	void (*exit)(void *self, int status);                                            /* any thread */
	void (*a20)(void *self, struct instance *instance, bool enabled);
	void (*cpu_init)(void *self);
	void (*info)(void *self, struct vmm_machine_info *info);
	/* A value of the core's own sections: its text, or NULL. */
	const char *(*setting)(void *self, const char *section, const char *key, uint32_t index);
	bool (*has_plugin)(void *self, const char *id);
	void (*random)(void *self, void *data, uint64_t length);
	/* Interrupts from controllers.  Any thread. */
	void (*intr)(void *self, bool level);
	void (*message)(void *self, uint64_t address, uint32_t data);
	void (*nmi)(void *self);
	void (*smi)(void *self);
	void (*ignne)(void *self, bool level);
	/* An instance adds a control command or sends an event (any thread). */
	int (*control_add)(void *self, struct instance *instance, const char *name,
		int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t size),
		void *handler_self, uint64_t token);
	int (*control_event)(void *self, struct instance *instance, const char *name, const char *json);
	struct plugin_debug debug;
};

struct firmware_entry {
	struct firmware_entry *next;
	struct instance *owner;
	uint32_t type;
	char *name;
	void *data;
	uint64_t length;
};

struct power_button {
	struct power_button *next;
	struct instance *owner;
	void (*callback)(void *self, uint64_t token);
	void *self;
	uint64_t token;
};

/* All that one machine's plugins share. */
struct plugin_env {
	struct machine_lock *lock;
	struct event_loop *loop;
	struct guest_clock *clock;
	struct timer_set *timers; /* guest clock */
	struct memory_space *memory;
	struct plugin_registry *registry; /* may be NULL: no images of other plugins */
	struct io_space *io;
	struct irq_lines *lines;
	struct plugin_machine machine;

	pthread_mutex_t handle_mutex; /* a leaf: of `handles` */
	struct handle_table handles;  /* struct resource */
	struct firmware_entry *firmware, **firmware_last;
	struct power_button *buttons;
	uint32_t link_id;
};

/* A parameter's checked value. */
struct setting {
	bool set; /* by the user */
	bool present;
	int64_t number; /* BOOL, INT, SIZE; CHOICE: the word's position */
	char **texts;   /* STRING, PATH, CHOICE, MAC: one; LIST: as many as there are */
	uint32_t count;
	uint8_t mac[6];
};

struct instance {
	struct plugin_env *env;
	char *name;
	const struct plugin *plugin;
	struct vmm_host host;
	struct vmm_instance_ops ops;
	void *self;
	struct memory_owner owner;
	struct setting *settings; /* one a row of the parameter table */
	char cause[512], remedy[512];
	struct state_writer *writer; /* during save */
	struct state_reader *reader; /* during load */
	bool created, initialised, started;
	void *machine_data; /* the machine's */
};

int plugin_env_init(struct plugin_env *env);
void plugin_env_destroy(struct plugin_env *env);

/* An instance with all settings at their defaults, not yet created. */
int instance_new(struct plugin_env *env, const struct plugin *plugin, const char *name, struct instance **instance);
/* Destroys it, and takes back what it has left of its resources.  NULL is fine. */
void instance_free(struct instance *instance);
/* Check and set a parameter: the message names the value's place.  -ENOENT: no such parameter. */
int setting_set(struct instance *instance, const struct config_key *key, const char *name, struct config_error *error);
/* Every required setting has a value. */
int settings_check(struct instance *instance, struct config_error *error);
/* The value as it would be written, or NULL if there is none; malloc'ed. */
char *setting_text(const struct instance *instance, unsigned row, uint32_t index);
/* Put every row at its default. 0, -ENOMEM, -EINVAL: a default of the plugin does not fit its own row. */
int settings_default(struct instance *instance, struct config_error *error);
void settings_free(struct instance *instance);

/* The instance's calls, in the order of vmm/plugin.h; under the machine lock.  A failure's reason is in *error. */
int instance_create(struct instance *instance, struct config_error *error);
int instance_start(struct instance *instance, struct config_error *error);
void instance_stop(struct instance *instance);
void instance_reset(struct instance *instance, uint32_t kind);
int instance_save(struct instance *instance, struct state_writer *writer, struct config_error *error);
int instance_load(struct instance *instance, struct state_reader *reader, struct config_error *error);
/* Say why something failed with what the plugin said, or with the errno. */
int instance_failed(struct instance *instance, int status, const char *what, struct config_error *error);

/* A service's table (service_*.c). */
const void *service_find(const char *id);

/* Things that handles name. */
enum resource_type { RESOURCE_REGION = 1, RESOURCE_CLAIM, RESOURCE_IRQ, RESOURCE_TIMER, RESOURCE_WATCH, RESOURCE_MAP };
struct resource {
	enum resource_type type;
	struct instance *owner;
	union {
		struct memory_region *region;
		struct io_claim *claim;
		struct irq_source *source;
		struct {
			struct timer timer;
			uint32_t clock;
		};
		uint64_t watch;
		struct memory_map map;
	};
};
/* 0: out of memory (the resource is freed). */
uint64_t resource_add(struct instance *owner, const struct resource *resource);
struct resource *resource_get(struct plugin_env *env, uint64_t handle, enum resource_type type);
/* Out of the table; the caller releases and frees it. */
struct resource *resource_take(struct plugin_env *env, uint64_t handle, enum resource_type type);
void resources_release(struct instance *owner);

extern const struct vmm_param_service service_param;
extern const struct vmm_memory_service service_memory;
extern const struct vmm_region_service service_region;
extern const struct vmm_io_service service_io;
extern const struct vmm_irq_service service_irq;
extern const struct vmm_timer_service service_timer;
extern const struct vmm_event_service service_event;
extern const struct vmm_task_service service_task;
extern const struct vmm_state_service service_state;
extern const struct vmm_machine_service service_machine;
extern const struct vmm_power_service service_power;
extern const struct vmm_random_service service_random;
extern const struct vmm_firmware_service service_firmware;
extern const struct vmm_firmware_list_service service_firmware_list;
extern const struct vmm_control_service service_control;
extern const struct vmm_cpu_service service_cpu;
extern const struct vmm_image_service service_image;

#endif
