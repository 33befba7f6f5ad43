/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Which port is joined to which, and where on a bus. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine/parts.h"

#define ADDRESS_FREE UINT64_MAX

int join_add(struct machine *machine, const struct join *given)
{
	struct join *join = malloc(sizeof(*join));

	if (!join)
		return -ENOMEM;
	*join = *given;
	join->next = NULL;
	*machine->joins_last = join;
	machine->joins_last = &join->next;
	return 0;
}

static const struct config_key *member_key(const struct member *member, const char *name)
{
	char full[1024];

	snprintf(full, sizeof(full), "%s%s", member->prefix, name);
	return config_key(member->section, full);
}

/* SLOT[.FUNCTION] in hexadecimal, or [CHANNEL.]UNIT in decimal. */
static bool address_parse(uint32_t kind, const char *text, uint64_t *address)
{
	int base = kind == VMM_ADDRESS_SLOT ? 16 : 10;
	unsigned long first, second = 0;
	char *end;

	if (!isxdigit((unsigned char)*text))
		return false;
	first = strtoul(text, &end, base);
	bool dotted = *end == '.';

	if (dotted) {
		if (!isxdigit((unsigned char)end[1]))
			return false;
		second = strtoul(end + 1, &end, base);
	}
	if (*end)
		return false;
	if (kind == VMM_ADDRESS_SLOT) {
		*address = (uint64_t)first << 3 | second;
		return first < 32 && second < 8;
	}
	*address = dotted ? (uint64_t)first << 8 | second : first;
	return first < 256 && second < 256;
}

char *address_text(uint32_t kind, uint64_t address)
{
	char *text = NULL;
	int length;

	if (kind == VMM_ADDRESS_SLOT)
		length = asprintf(
			&text, "%02llx.%llx", (unsigned long long)address >> 3, (unsigned long long)address & 7);
	else
		length = asprintf(
			&text, "%llu.%llu", (unsigned long long)address >> 8, (unsigned long long)address & 0xff);
	return length < 0 ? NULL : text;
}

static struct member *address_holder(
	const struct machine *machine, const struct member *bus, const struct vmm_port_row *row, uint64_t address)
{
	for (const struct join *join = machine->joins; join; join = join->next)
		if (join->peer == bus && join->peer_row == row && join->address == address)
			return join->member;
	return NULL;
}

static bool slot_taken(
	const struct machine *machine, const struct member *bus, const struct vmm_port_row *row, uint64_t slot)
{
	for (unsigned function = 0; function < 8; function++)
		if (address_holder(machine, bus, row, slot << 3 | function))
			return true;
	return false;
}

/* Within the bus's bounds?  Those of CHANNEL.UNIT hold for each part. */
static bool address_fits(const struct vmm_port_row *row, uint64_t address)
{
	if (row->address_kind == VMM_ADDRESS_UNIT && (address & 0xff) > (row->address_last & 0xff))
		return false;
	return address <= row->address_last;
}

static int address_lowest(
	const struct machine *machine, const struct member *bus, const struct vmm_port_row *row, uint64_t *address)
{
	uint64_t step = row->address_kind == VMM_ADDRESS_SLOT ? 8 : 1;

	for (uint64_t at = row->address_first; at <= row->address_last; at += step) {
		if (!address_fits(row, at) ||
			(row->address_kind == VMM_ADDRESS_SLOT ? slot_taken(machine, bus, row, at >> 3)
							       : address_holder(machine, bus, row, at) != NULL))
			continue;
		*address = at;
		return 0;
	}
	return -ENOSPC;
}

/* The bus a child sits on: `bus = @SECTION`, or the first that offers its port. */
static int bus_find(struct machine *machine, struct member *member, const struct vmm_port_row *row, struct member **bus,
	const struct vmm_port_row **bus_row, struct config_error *error)
{
	const struct config_key *key = member->prefix[0] ? NULL : member_key(member, row->key);
	const char *text = key && key->count ? key->values[0].text : NULL;

	*bus = NULL;
	if (text && !text[0])
		return 0;
	if (text && text[0] != '@')
		return machine_fail(error, member->section, key, "\"%s\" must name a section: @SECTION", row->key);
	for (struct member *other = machine->members; other; other = other->next) {
		const struct vmm_port_row *match = port_match(row, other->instance->plugin, NULL);

		if (text ? strcmp(text + 1, other->instance->name) != 0 : !match || !(match->flags & VMM_PORT_BUS))
			continue;
		if (!match || !(match->flags & VMM_PORT_BUS))
			return machine_fail(error, member->section, key, "[%s] is no bus that [%s] can sit on (%s)",
				other->instance->name, member->instance->name, row->interfaces);
		*bus = other;
		*bus_row = match;
		return 0;
	}
	if (text)
		return machine_fail(error, member->section, key, "there is no section [%s]", text + 1);
	if (row->flags & VMM_PORT_REQUIRED)
		return machine_fail(error, member->section, NULL,
			"[%s] needs a bus (%s), and no instance offers one: add one, such as a chipset",
			member->instance->name, row->interfaces);
	return 0;
}

static int child_plan(struct machine *machine, struct member *member, const struct vmm_port_row *row, bool placed,
	struct config_error *error)
{
	const struct config_key *key = member->prefix[0] ? NULL : member_key(member, "address");
	struct join join = { .member = member, .row = row };
	struct member *holder;
	int status;

	/* First those with an address, so that the others find what is left. */
	if (placed != (key != NULL))
		return 0;
	status = bus_find(machine, member, row, &join.peer, &join.peer_row, error);
	if (status || !join.peer)
		return status;
	if (join.peer_row->address_kind == VMM_ADDRESS_NONE) {
		if (key)
			return machine_fail(error, member->section, key, "[%s] has no addresses: remove this line",
				join.peer->instance->name);
	} else if (key) {
		if (!address_parse(join.peer_row->address_kind, key->values[0].text, &join.address) ||
			!address_fits(join.peer_row, join.address))
			return machine_fail(error, member->section, key, "\"%s\" is no address on [%s]: write %s",
				key->values[0].text, join.peer->instance->name,
				join.peer_row->address_kind == VMM_ADDRESS_SLOT
					? "SLOT.FUNCTION in hexadecimal, 00.0 to 1f.7"
					: "CHANNEL.UNIT");
		holder = address_holder(machine, join.peer, join.peer_row, join.address);
		if (holder)
			return machine_fail(error, member->section, key,
				"address %s on [%s] is taken by [%s]: take another", key->values[0].text,
				join.peer->instance->name, holder->instance->name);
	} else if (address_lowest(machine, join.peer, join.peer_row, &join.address)) {
		return machine_fail(error, member->section, NULL,
			"there is no free address left on [%s]: remove a device", join.peer->instance->name);
	}
	member->bus = join.peer;
	member->address = join.address;
	return join_add(machine, &join);
}

static struct member *private_child(
	const struct machine *machine, const struct member *parent, const struct vmm_port_row *row)
{
	for (struct member *member = machine->members; member; member = member->next)
		if (member->parent == parent && member->parent_row == row)
			return member;
	return NULL;
}

unsigned peers_count(const struct machine *machine, const struct member *member, const struct vmm_port_row *row)
{
	unsigned count = 0;

	for (const struct join *join = machine->joins; join; join = join->next)
		count += (join->member == member && join->row == row) ||
			(join->peer == member && join->peer_row == row);
	return count;
}

/* A port that this member fills: by a private instance, or by @SECTION. */
static int port_plan(
	struct machine *machine, struct member *member, const struct vmm_port_row *row, struct config_error *error)
{
	const struct config_key *key = member_key(member, row->key);
	struct join join = { .member = member, .row = row };
	unsigned maximum;

	if (!key || !key->count || !key->values[0].text[0])
		return 0;
	if (key->count > 1)
		return machine_fail(error, member->section, key, "\"%s\" is set a second time (in line %u)", key->name,
			key->values[1].line);
	join.peer = key->values[0].text[0] == '@' ? member_find(machine, key->values[0].text + 1)
						  : private_child(machine, member, row);
	if (!join.peer)
		return machine_fail(error, member->section, key, "there is no section [%s] to join \"%s\" to",
			key->values[0].text + 1, row->key);
	join.peer_row = port_match(row, join.peer->instance->plugin, NULL);
	if (!join.peer_row)
		return machine_fail(error, member->section, key,
			"%s does not fit port \"%s\" (%s): see vmm plugin info",
			plugin_short_id(join.peer->instance->plugin->descriptor.id), row->key, row->interfaces);
	maximum = join.peer_row->maximum ? join.peer_row->maximum : 1;
	if (peers_count(machine, join.peer, join.peer_row) >= maximum)
		return machine_fail(error, member->section, key, "port \"%s\" of [%s] is taken already (it takes %u)",
			join.peer_row->key, join.peer->instance->name, maximum);
	return join_add(machine, &join);
}

static int ports_plan(struct machine *machine, struct member *member, unsigned pass, struct config_error *error)
{
	const struct plugin *plugin = member->instance->plugin;
	int status = 0;

	for (uint32_t i = 0; i < plugin->descriptor.port_count && !status; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];

		if (row->flags & (VMM_PORT_BUS | VMM_PORT_CORE))
			continue;
		if (row->flags & VMM_PORT_CHILD)
			status = pass < 2 ? child_plan(machine, member, row, pass == 0, error) : 0;
		else if (pass == 2)
			status = port_plan(machine, member, row, error);
	}
	return status;
}

static int required_check(struct machine *machine, const struct member *member, struct config_error *error)
{
	const struct plugin *plugin = member->instance->plugin;

	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];

		if (!(row->flags & VMM_PORT_REQUIRED) || (row->flags & VMM_PORT_CORE) ||
			peers_count(machine, member, row))
			continue;
		return machine_fail(error, member->section, NULL,
			"port \"%s\" of [%s] must be filled (%s): add a line %s%s = PLUGIN or @SECTION", row->key,
			member->instance->name, row->help, member->prefix, row->key);
	}
	return 0;
}

int joins_plan(struct machine *machine, struct config_error *error)
{
	int status = 0;

	for (unsigned pass = 0; pass < 3; pass++)
		for (struct member *member = machine->members; member && !status; member = member->next)
			status = ports_plan(machine, member, pass, error);
	for (struct member *member = machine->members; member && !status; member = member->next)
		status = required_check(machine, member, error);
	if (status == -ENOMEM)
		config_fail(error, NULL, 0, "out of memory");
	return status;
}

/* Say where the join that failed stands. */
static void join_place(const struct member *member, const struct vmm_port_row *row, struct config_error *error)
{
	struct config_error inner = *error;

	machine_fail(error, member->section, member_key(member, row->key), "%s", inner.text);
}

static int core_joins(struct machine *machine, struct config_error *error)
{
	int status = 0;

	for (struct member *member = machine->members; member && !status; member = member->next) {
		const struct plugin *plugin = member->instance->plugin;

		for (uint32_t i = 0; i < plugin->descriptor.port_count && !status; i++) {
			struct join join = { .member = member, .row = &plugin->ports[i] };

			if (!(join.row->flags & VMM_PORT_CORE))
				continue;
			status = port_attach_core(member->instance, join.row, &join.link, error);
			if (status)
				join_place(member, join.row, error);
			if (!status && join_add(machine, &join)) {
				port_detach(join.link);
				config_fail(error, NULL, 0, "out of memory");
				status = -ENOMEM;
			}
		}
	}
	return status;
}

int joins_make(struct machine *machine, struct config_error *error)
{
	int status = 0;

	for (struct join *join = machine->joins; join && !status; join = join->next) {
		status = port_prepare(join->member->instance, join->row, join->peer->instance, join->peer_row,
			join->address, &join->link, error);
		if (status)
			join_place(join->member, join->row, error);
		else
			port_attach(join->link, machine->options.proxy);
	}
	return status ? status : core_joins(machine, error);
}

void joins_free(struct machine *machine)
{
	/* The last made goes first. */
	while (machine->joins) {
		struct join **link = &machine->joins;

		while ((*link)->next)
			link = &(*link)->next;
		port_detach((*link)->link);
		free(*link);
		*link = NULL;
	}
	machine->joins_last = &machine->joins;
}
