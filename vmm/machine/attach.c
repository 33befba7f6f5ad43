/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Changing ports of a running machine: a swap prepares the new peer before it closes the old one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine/parts.h"

static struct join *join_find(
	const struct machine *machine, const struct member *member, const struct vmm_port_row *row)
{
	for (struct join *join = machine->joins; join; join = join->next)
		if (join->member == member && join->row == row)
			return join;
	return NULL;
}

static void join_remove(struct machine *machine, struct join *join)
{
	for (struct join **link = &machine->joins; *link; link = &(*link)->next) {
		if (*link != join)
			continue;
		*link = join->next;
		if (machine->joins_last == &join->next)
			machine->joins_last = link;
		break;
	}
	port_detach(join->link);
	free(join);
}

/* A private instance goes when its port is emptied. */
static void peer_remove(struct machine *machine, struct member *peer, const struct member *parent)
{
	if (!peer || peer->parent != parent)
		return;
	for (struct join *join = machine->joins, *next; join; join = next) {
		next = join->next;
		if (join->member != peer)
			continue;
		struct member *further = join->peer;

		join_remove(machine, join);
		peer_remove(machine, further, peer);
		next = machine->joins; /* the list has changed: begin anew */
	}
	instance_stop(peer->instance);
	member_free(machine, peer);
}

/* The one port that can change while the machine runs. */
static const struct vmm_port_row *live_only(const struct plugin *plugin)
{
	const struct vmm_port_row *only = NULL;

	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++) {
		if (!(plugin->ports[i].flags & VMM_PORT_LIVE))
			continue;
		if (only)
			return NULL;
		only = &plugin->ports[i];
	}
	return only;
}

static int live_port(struct machine *machine, const char *instance, const char *port, struct member **member,
	const struct vmm_port_row **row, struct config_error *error)
{
	*member = member_find(machine, instance);
	if (!*member)
		return config_fail(error, NULL, 0, "machine %s has no instance \"%s\": vmm status lists them",
			machine->name, instance);
	*row = port ? port_row((*member)->instance->plugin, port) : live_only((*member)->instance->plugin);
	if (!*row && !port)
		return config_fail(
			error, NULL, 0, "[%s] has not just one port that can change: say %s.PORT", instance, instance);
	if (!*row)
		return config_fail(error, NULL, 0, "[%s] has no port \"%s\": vmm plugin info %s lists them", instance,
			port, plugin_short_id((*member)->instance->plugin->descriptor.id));
	if (!((*row)->flags & VMM_PORT_LIVE))
		return config_fail(error, NULL, 0,
			"port \"%s\" of [%s] cannot change while the machine runs: change its file and start it anew",
			port, instance);
	return 0;
}

int machine_detach(struct machine *machine, const char *instance, const char *port, struct config_error *error)
{
	struct member *member;
	const struct vmm_port_row *row;
	struct join *join;
	int status;

	lock_acquire(&machine->lock);
	status = live_port(machine, instance, port, &member, &row, error);
	join = status ? NULL : join_find(machine, member, row);
	if (!status && !join)
		status = config_fail(error, NULL, 0, "port \"%s\" of [%s] is empty already", row->key, instance);
	if (!status && (row->flags & VMM_PORT_REQUIRED))
		status = config_fail(error, NULL, 0, "port \"%s\" of [%s] must be filled: attach another instead",
			row->key, instance);
	if (!status) {
		struct member *peer = join->peer;

		join_remove(machine, join);
		peer_remove(machine, peer, member);
	}
	lock_release(&machine->lock);
	return status;
}

/* The section that a live attach makes: SECTION.PORT, as keys of a file would say it. */
static int attach_settings(struct machine *machine, const char *section, const char *port, const char *value,
	const char *const *sets, unsigned set_count, struct config_error *error)
{
	int status = config_put(machine->config, section, port, value, NULL, 0);

	for (unsigned i = 0; i < set_count && !status; i++) {
		const char *equals = strchr(sets[i], '=');
		char key[256];

		if (!equals || equals == sets[i])
			return config_fail(error, NULL, 0, "\"%s\" is not KEY=VALUE", sets[i]);
		snprintf(key, sizeof(key), "%s.%.*s", port, (int)(equals - sets[i]), sets[i]);
		status = config_put(machine->config, section, key, equals + 1, NULL, 0);
	}
	if (status)
		config_fail(error, NULL, 0, "out of memory");
	return status;
}

static int attach_private(struct machine *machine, struct member *member, const struct vmm_port_row *row,
	const char *value, const char *const *sets, unsigned set_count, struct member **peer,
	struct config_error *error)
{
	char section[512], prefix[128], name[512];
	const char *plugin_id = value;
	int status;

	/* Sections of live attaches have a name that no file can have, so that old settings do not mix in. */
	snprintf(section, sizeof(section), "%s+%u", member->instance->name, machine->env.link_id + 1);
	snprintf(prefix, sizeof(prefix), "%s.", row->key);
	snprintf(name, sizeof(name), "%s.%s", member->instance->name, row->key);
	if (member_find(machine, name))
		snprintf(name, sizeof(name), "%s.%s+%u", member->instance->name, row->key, machine->env.link_id + 1);
	status = attach_settings(machine, section, row->key, value, sets, set_count, error);
	if (status)
		return status;
	struct config_section *made = config_section(machine->config, section);
	char plugin_key[160];

	snprintf(plugin_key, sizeof(plugin_key), "%splugin", prefix);
	status = member_provider(
		machine, row, config_key(made, row->key), config_key(made, plugin_key), &plugin_id, error);
	if (!status)
		status = member_new(machine, name, plugin_id, made, prefix, peer, error);
	if (status)
		return status;
	(*peer)->parent = member;
	(*peer)->parent_row = row;
	status = member_keys(machine, *peer, error);
	if (!status)
		status = instance_create((*peer)->instance, error);
	if (!status) {
		instance_reset((*peer)->instance, VMM_RESET_POWER);
		if (machine->state == MACHINE_RUNNING)
			status = instance_start((*peer)->instance, error);
	}
	return status;
}

int machine_attach(struct machine *machine, const char *instance, const char *port, const char *value,
	const char *folder, const char *const *sets, unsigned set_count, struct config_error *error)
{
	struct join made = { 0 };
	struct join *old;
	char *path = NULL;
	int status;

	lock_acquire(&machine->lock);
	status = live_port(machine, instance, port, &made.member, &made.row, error);
	if (status)
		goto out;
	if (folder && port_takes_path(made.row) && value[0] != '@' && value[0] != '/') {
		if (asprintf(&path, "%s/%s", folder, value) < 0) {
			path = NULL;
			status = config_fail(error, NULL, 0, "out of memory");
			goto out;
		}
		value = path;
	}
	if (value[0] == '@') {
		made.peer = member_find(machine, value + 1);
		if (!made.peer)
			status = config_fail(
				error, NULL, 0, "machine %s has no instance \"%s\"", machine->name, value + 1);
	} else {
		status = attach_private(machine, made.member, made.row, value, sets, set_count, &made.peer, error);
	}
	if (!status) {
		made.peer_row = port_match(made.row, made.peer->instance->plugin, NULL);
		if (!made.peer_row)
			status = config_fail(error, NULL, 0, "%s does not fit port \"%s\" (%s)", value, made.row->key,
				made.row->interfaces);
	}
	old = join_find(machine, made.member, made.row);
	if (!status) {
		unsigned maximum = made.peer_row->maximum ? made.peer_row->maximum : 1;
		unsigned count = peers_count(machine, made.peer, made.peer_row);

		/* What it takes the place of does not count. */
		if (count - (old && old->peer == made.peer && old->peer_row == made.peer_row) >= maximum)
			status = config_fail(error, NULL, 0,
				"port \"%s\" of [%s] is taken already (it takes %u): detach there first",
				made.peer_row->key, made.peer->instance->name, maximum);
	}
	if (!status)
		status = port_prepare(
			made.member->instance, made.row, made.peer->instance, made.peer_row, 0, &made.link, error);
	if (status) {
		if (value[0] != '@')
			peer_remove(machine, made.peer, made.member);
		goto out;
	}
	if (old) {
		struct member *peer = old->peer;

		join_remove(machine, old);
		peer_remove(machine, peer, made.member);
	}
	port_attach(made.link, machine->options.proxy);
	status = join_add(machine, &made);
	if (status) {
		port_detach(made.link);
		config_fail(error, NULL, 0, "out of memory");
	}
out:
	lock_release(&machine->lock);
	free(path);
	return status;
}
