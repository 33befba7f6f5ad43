/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm-plugin-check: a plugin under test, and the checks.
 */
#ifndef CHECK_H
#define CHECK_H

#include "fake_host.h"
#include "fake_peer.h"

#define CHECK_PEERS    16
#define CHECK_SETTINGS 16

struct check_options {
	uint64_t seed;
	uint32_t seconds, instances, verbose;
	const char *plugin; /* id, NULL: all of the file */
	const char *settings[CHECK_SETTINGS];
	uint32_t setting_count;
};

/* Written by the child, read by the parent when the child has died. */
struct check_note {
	uint64_t seed;
	char doing[256];
};

/* The plugin under test, and what has been found. */
struct check {
	const struct check_options *options;
	const struct vmm_factory *factory;
	uint32_t index;
	const struct vmm_descriptor *descriptor;
	struct check_note *note;
	char folder[64]; /* for settings that are paths; removed afterwards */
	uint64_t seed;   /* of the present round */
	uint32_t failed, skipped;
	char cause[768], remedy[256], detail[256];
};

/* A check's verdict; the first failure counts. */
void check_fail(struct check *check, const char *remedy, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* What is being done, for the report of a crash. */
void check_doing(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A machine with one instance (or several) of the plugin and peers on all its ports. */
struct rig {
	struct check *check;
	struct fake *fake;
	struct fake_instance *instance;
	struct fake_peer peers[CHECK_PEERS];
	uint32_t peer_count;
	struct chance chance;
	uint32_t running;
	uint64_t result; /* of all that the guest has read: two rigs in step have the same */
	uint64_t last;
};

const struct vmm_param *check_param(const struct vmm_descriptor *descriptor, uint32_t index);
const struct vmm_port_row *check_port(const struct vmm_descriptor *descriptor, uint32_t index);

/* Settings that the plugin insists on, and those of the command line. */
void rig_settings(struct check *check, struct fake *fake, const char *name);
/* Create and init; NULL after a check_fail.  With `may_fail` a clean failure of init is fine, *status says. */
int32_t rig_init(struct rig *rig, struct check *check, struct fake *fake, const char *name);
/* Join peers, reset(POWER). */
void rig_join(struct rig *rig);
/* All of it with the usual settings, and started; 0, or -1 after a check_fail. */
int32_t rig_new(struct rig *rig, struct check *check, uint64_t seed);
int32_t rig_start(struct rig *rig);
void rig_stop(struct rig *rig);
void rig_part(struct rig *rig);
/* Stop, part, destroy; complains about what is left. */
void rig_destroy(struct rig *rig);
void rig_free(struct rig *rig);
/* Has the instance broken a rule?  Then the check fails. */
void rig_verdict(struct rig *rig);

/* One random thing that a guest, a peer or time may do; the same for the same number and seed. */
void rig_act(struct rig *rig, uint64_t seed, uint64_t number);

/* Let a guest read everything once. */
void rig_look(struct rig *rig);

/* The checks. */
void check_descriptor(struct check *check);
void check_create(struct check *check);
void check_settings(struct check *check);
void check_services(struct check *check);
void check_failures(struct check *check);
void check_join(struct check *check);
void check_drive(struct check *check);
void check_state(struct check *check);
void check_damage(struct check *check);
void check_leaks(struct check *check);

/* What can be seen in the file without running it.  0, or -1 with a cause. */
int32_t check_symbols(const char *path, char *cause, uint32_t size);

#endif
