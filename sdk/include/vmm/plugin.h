/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a plugin file exports, and what an instance of a plugin is.
 *
 * A plugin file exports one symbol, `vmm_plugin` (made by VMM_PLUGIN below): constant data.  Nothing of a
 * plugin runs when it is loaded.  The host asks get_factory() for each kind that it knows.
 */
#ifndef VMM_PLUGIN_H
#define VMM_PLUGIN_H

#include <vmm/base.h>
#include <vmm/host.h>

#define VMM_ABI_MAGIC UINT32_C(0x504d4d56) /* "VMMP" in memory */
#define VMM_ABI_MAJOR UINT32_C(1)

struct vmm_factory;

/* The exported symbol. */
struct vmm_plugin {
	uint32_t magic;     /* VMM_ABI_MAGIC */
	uint32_t abi_major; /* VMM_ABI_MAJOR */
	uint32_t struct_size;
	uint32_t sdk_version; /* VMM_SDK_VERSION it was built with */
	/* The factory of one kind (VMM_KIND_*), or NULL.  [any]; no host call; static lifetime. */
	const struct vmm_factory *(*get_factory)(const char *kind);
};

/* Kinds of plugin; each is asked for with its own factory id. */
#define VMM_KIND_DEVICE  "vmm.device/1"
#define VMM_KIND_CHAR    "vmm.char/1"
#define VMM_KIND_STORAGE "vmm.storage/1"
#define VMM_KIND_NET     "vmm.net/1"
#define VMM_KIND_DISPLAY "vmm.display/1"
#define VMM_KIND_AUDIO   "vmm.audio/1"
#define VMM_KIND_INPUT   "vmm.input/1"
#define VMM_KIND_ENGINE  "vmm.engine/1"
#define VMM_KIND_CONTROL "vmm.control/1"

/* Types of parameters.  The host checks a value against its type before the plugin sees it. */
#define VMM_PARAM_BOOL   1 /* yes, no, true, false, on, off, 1, 0 */
#define VMM_PARAM_INT    2 /* decimal, 0x hexadecimal; range minimum..maximum */
#define VMM_PARAM_SIZE   3 /* bytes, with K, M, G, T for powers of 1024; range */
#define VMM_PARAM_STRING 4 /* range is the length in bytes, if maximum is not 0 */
#define VMM_PARAM_PATH   5 /* made absolute, relative to the file that names it */
#define VMM_PARAM_MAC    6 /* aa:bb:cc:dd:ee:ff, unicast */
#define VMM_PARAM_CHOICE 7 /* one of `choices` */
#define VMM_PARAM_LIST   8 /* strings: the key may be repeated */

#define VMM_PARAM_REQUIRED 1u /* flags: there is no default, it must be set */
#define VMM_PARAM_LIVE     2u /* may be set while the machine runs */

struct vmm_param {
	uint32_t struct_size;
	uint32_t type;
	uint32_t flags;
	uint32_t reserved;
	const char *key;           /* as in the INI file */
	const char *default_value; /* as it would be written in the INI file; NULL: unset */
	int64_t minimum, maximum;  /* both 0: no range */
	const char *choices;       /* CHOICE: words parted by '|' */
	const char *help;          /* one sentence, for the manual page and `vmm plugin info` */
};

/* Roles of a port: which of its interface's two tables the instance provides. */
#define VMM_ROLE_UPPER 1 /* the guest's side */
#define VMM_ROLE_LOWER 2 /* the provider's side */

#define VMM_PORT_REQUIRED 1u /* flags: must be joined before the machine starts */
#define VMM_PORT_LIVE     2u /* may be joined and parted while the machine runs */
#define VMM_PORT_BUS      4u /* a bus: many peers, placed at addresses by their `address` key; key is the bus's name */
#define VMM_PORT_CHILD    8u /* sits on a bus: joined by `bus =`, or to the first bus that offers it; one a plugin */
/* Joined to the core itself (interrupt, display, input), beside any other peers; needs no line in the INI file. */
#define VMM_PORT_CORE 16u
/* A byte stream on which a guest may keep a terminal (a UART, a virtio console): `vmm run --serial` joins the first. */
#define VMM_PORT_CONSOLE 32u

/* How a bus writes its addresses. */
#define VMM_ADDRESS_NONE 0
#define VMM_ADDRESS_SLOT 1 /* SLOT[.FUNCTION], hexadecimal; as a number (slot << 3) | function */
#define VMM_ADDRESS_UNIT 2 /* CHANNEL.UNIT or UNIT, decimal; as a number (channel << 8) | unit */

struct vmm_port_row {
	uint32_t struct_size;
	uint32_t role;
	uint32_t flags;
	uint32_t maximum;       /* how many peers at a time; 0 means 1 */
	const char *key;        /* its key in the INI file */
	const char *interfaces; /* ids, newest revision first, parted by '|': "vmm.port.char/1" */
	uint32_t address_kind;  /* of a bus */
	uint32_t address_first; /* lowest address that is given out without being asked for */
	uint32_t address_last;  /* highest */
	uint32_t reserved;
	const char *help;
};

#define VMM_THREAD_MACHINE 0 /* thread model: every call comes under the machine lock */

struct vmm_descriptor {
	uint32_t struct_size;
	uint32_t thread_model;
	uint32_t state_version; /* of what save() writes; load() is given the version that was saved */
	uint32_t param_count, param_stride;
	uint32_t port_count, port_stride;
	uint32_t flags;          /* VMM_PLUGIN_* */
	const char *id;          /* "org.vmm.serial-16550", "com.acme.counter" */
	const char *name;        /* for people: "16550A serial port" */
	const char *version;     /* of the plugin */
	const char *licence;     /* SPDX */
	const char *description; /* one line */
	const struct vmm_param *params;
	const struct vmm_port_row *ports;
};
#define VMM_PLUGIN_SINGLE 1u /* at most one instance in a machine */

/* Reset kinds. */
#define VMM_RESET_POWER 1 /* power-on: everything returns to its default */
#define VMM_RESET_HARD  2 /* RESET#, PCI RST#: what survives a warm reset stays */
#define VMM_RESET_WAKE  3 /* as HARD, on waking from S3: RAM and what has standby power stays */

struct vmm_link;
struct vmm_port_side;

/*
 * An instance's functions.  All are [machine].  Any may be NULL but destroy: a NULL does nothing and succeeds.
 * Order: create, init, (joining of ports), reset(POWER), [load], start, ... stop, [save], start ..., stop, destroy.
 */
struct vmm_instance_ops {
	uint32_t struct_size;
	uint32_t reserved;
	/* Read settings, get services, claim resources.  On failure say why with host->fail, then return the
	 * errno; destroy follows. */
	int32_t (*init)(void *self);
	/* The machine starts, or goes on after stop. */
	int32_t (*start)(void *self);
	/* Quiesce: no timer, thread, map or request of this instance's is under way when it returns. */
	void (*stop)(void *self);
	void (*reset)(void *self, uint32_t kind);
	/* Write all state that the guest can see or depends on.  Only while stopped; changes nothing. */
	int32_t (*save)(void *self);
	/* Read it back, after reset(POWER), in a machine with the same settings.  All fields must be read. */
	int32_t (*load)(void *self, uint32_t version);
	void (*destroy)(void *self);
	/* This side of the port whose row has `key`.  Fills *side in.  -ENOENT: no such port. */
	int32_t (*get_port)(void *self, const char *key, struct vmm_port_side *side);
};

/* What create() makes. */
struct vmm_instance {
	uint32_t struct_size;
	uint32_t reserved;
	const struct vmm_instance_ops *ops; /* static lifetime */
	void *self;
};

/* The beginning and the end of a file that might be an image, for probe(). */
struct vmm_probe {
	uint32_t struct_size;
	uint32_t flags;       /* VMM_PROBE_* */
	const char *path;     /* absolute */
	uint64_t length;      /* of the file, in bytes */
	const uint8_t *head;  /* its first bytes; lent for the call, as all of this */
	const uint8_t *tail;  /* its last bytes */
	uint32_t head_length; /* up to 64 KiB */
	uint32_t tail_length; /* up to 1 KiB */
};
#define VMM_PROBE_BLOCK  1u /* a block device */
#define VMM_PROBE_FOLDER 2u /* a directory */

struct vmm_factory {
	uint32_t struct_size;
	uint32_t descriptor_count;
	/* One descriptor a plugin; static lifetime. */
	const struct vmm_descriptor *const *descriptors;
	/* Make an instance of descriptors[index].  No host call.  `host` outlives the instance.  -ENOMEM is
	 * the only failure.  [machine] */
	int32_t (*create)(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance);
	/* How sure is descriptors[index] that it can open this (storage plugins; NULL: never without being named)?  0:
	 * not at all; 1: any bytes will do (a raw image); 50: by its shape; 100: by a mark that only this format has.
	 * The highest wins.  No host call.  [any] */
	uint32_t (*probe)(uint32_t index, const struct vmm_probe *probe);
};

/*
 * Export a plugin.  FILE is the plugin file's name with '-' as '_': VMM_PLUGIN(serial_16550, get_factory).
 * The second symbol is libltdl's name for the same data, so that a plugin can be preloaded into a static
 * program with -dlpreopen.
 */
#if defined(__GNUC__)
#define VMM_EXPORT __attribute__((visibility("default")))
#else
#define VMM_EXPORT
#endif
#ifdef __cplusplus
#define VMM_EXTERN_ALIAS extern "C"
#else
#define VMM_EXTERN_ALIAS extern
#endif
#define VMM_PLUGIN(FILE, GET_FACTORY) \
	VMM_EXTERN_C VMM_EXPORT const struct vmm_plugin FILE##_LTX_vmm_plugin; \
	VMM_EXTERN_C const struct vmm_plugin FILE##_LTX_vmm_plugin = { VMM_ABI_MAGIC, VMM_ABI_MAJOR, \
		sizeof(struct vmm_plugin), VMM_SDK_VERSION, GET_FACTORY }; \
	VMM_EXTERN_ALIAS VMM_EXPORT const struct vmm_plugin vmm_plugin __attribute__((alias(#FILE "_LTX_vmm_plugin")))

#endif
