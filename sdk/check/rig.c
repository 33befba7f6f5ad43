/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A machine made of one plugin and its peers.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void check_fail(struct check *check, const char *remedy, const char *format, ...)
{
	va_list arguments;
	if (check->failed++ > 0)
		return;
	va_start(arguments, format);
	vsnprintf(check->cause, sizeof(check->cause), format, arguments);
	va_end(arguments);
	snprintf(check->remedy, sizeof(check->remedy), "%s", remedy);
}

void check_doing(struct check *check, const char *format, ...)
{
	va_list arguments;
	check->note->seed = check->seed;
	va_start(arguments, format);
	vsnprintf(check->note->doing, sizeof(check->note->doing), format, arguments);
	va_end(arguments);
}

const struct vmm_param *check_param(const struct vmm_descriptor *descriptor, uint32_t index)
{
	return (const void *)((const char *)descriptor->params + (size_t)index * descriptor->param_stride);
}

const struct vmm_port_row *check_port(const struct vmm_descriptor *descriptor, uint32_t index)
{
	return (const void *)((const char *)descriptor->ports + (size_t)index * descriptor->port_stride);
}

static uint32_t is_given(struct check *check, const char *key)
{
	size_t length = strlen(key);
	for (uint32_t i = 0; i < check->options->setting_count; i++) {
		const char *text = check->options->settings[i];
		if (strncmp(text, key, length) == 0 && text[length] == '=')
			return 1;
	}
	return 0;
}

void rig_settings(struct check *check, struct fake *fake, const char *name)
{
	const struct vmm_descriptor *descriptor = check->descriptor;
	for (uint32_t i = 0; i < check->options->setting_count; i++) {
		char key[64];
		const char *text = check->options->settings[i];
		const char *value = strchr(text, '=');
		const char *dot = memchr(text, '.', (size_t)(value - text));
		/* SECTION.KEY is a setting of the machine's own, such as boot.kernel. */
		if (dot != NULL) {
			char section[32];
			snprintf(section, sizeof(section), "%.*s", (int)(dot - text), text);
			snprintf(key, sizeof(key), "%.*s", (int)(value - dot - 1), dot + 1);
			fake_set(fake, section, key, value + 1);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)(value - text), text);
		fake_set(fake, name, key, value + 1);
	}
	for (uint32_t i = 0; i < descriptor->param_count; i++) {
		const struct vmm_param *row = check_param(descriptor, i);
		char text[128];
		if ((row->flags & VMM_PARAM_REQUIRED) == 0 || is_given(check, row->key))
			continue;
		switch (row->type) {
		case VMM_PARAM_BOOL: snprintf(text, sizeof(text), "yes"); break;
		case VMM_PARAM_INT:
		case VMM_PARAM_SIZE: snprintf(text, sizeof(text), "%lld", (long long)row->minimum); break;
		case VMM_PARAM_PATH: snprintf(text, sizeof(text), "%s/%s", check->folder, row->key); break;
		case VMM_PARAM_MAC: snprintf(text, sizeof(text), "52:54:00:12:34:56"); break;
		case VMM_PARAM_CHOICE:
			snprintf(text, sizeof(text), "%.*s", (int)strcspn(row->choices, "|"), row->choices);
			break;
		default: snprintf(text, sizeof(text), "text"); break;
		}
		fake_set(fake, name, row->key, text);
	}
}

void rig_verdict(struct rig *rig)
{
	if (rig->fake->fault_count > 0)
		check_fail(rig->check, "keep to the rule in the header that declares the call", "%s", rig->fake->fault);
}

int32_t rig_init(struct rig *rig, struct check *check, struct fake *fake, const char *name)
{
	memset(rig, 0, sizeof(*rig));
	rig->check = check;
	rig->fake = fake;
	chance_seed(&rig->chance, check->seed);
	check_doing(check, "create");
	rig->instance = fake_make(fake, check->factory, check->index, name);
	if (rig->instance == NULL) {
		check_fail(check, "create only allocates memory", "create failed");
		return -ENOMEM;
	}
	if (rig->instance->instance.ops == NULL || rig->instance->instance.ops->destroy == NULL) {
		check_fail(check, "set ops, with destroy, in create", "create gave an instance without ops or destroy");
		return -EINVAL;
	}
	fake->cause[0] = fake->remedy[0] = '\0';
	check_doing(check, "init");
	int32_t status = fake_init(rig->instance);
	if (status > 0)
		check_fail(check, "return 0 or a negative errno", "init returned %d", status);
	/* Want of memory explains itself. */
	if (status < 0 && status != -ENOMEM && (fake->cause[0] == '\0' || fake->remedy[0] == '\0'))
		check_fail(check, "call host->fail(cause, remedy) before init returns an error",
			"init failed (%d) without saying why and what to do", status);
	rig_verdict(rig);
	return status;
}

void rig_join(struct rig *rig)
{
	const struct vmm_descriptor *descriptor = rig->check->descriptor;
	for (uint32_t i = 0; i < descriptor->port_count && rig->peer_count < CHECK_PEERS; i++) {
		const struct vmm_port_row *row = check_port(descriptor, i);
		/* A bus gets a few children, so that more than one of its places is in use. */
		uint32_t count = (row->flags & VMM_PORT_BUS) == 0 ? 1 : row->maximum > 1 ? 3 : 1;
		uint64_t address = row->address_first;
		for (uint32_t k = 0; k < count && rig->peer_count < CHECK_PEERS; k++, address++) {
			if (row->address_kind == VMM_ADDRESS_SLOT && k > 0)
				address = (address | 7); /* the next slot, once k is added */
			check_doing(rig->check, "join port %s", row->key);
			if (fake_peer_join(&rig->peers[rig->peer_count], rig->instance, row, address, &rig->chance) >=
				0)
				rig->peer_count++;
		}
	}
	check_doing(rig->check, "reset(POWER)");
	fake_reset(rig->fake, VMM_RESET_POWER);
	rig_verdict(rig);
}

int32_t rig_start(struct rig *rig)
{
	const struct vmm_instance_ops *ops = rig->instance->instance.ops;
	check_doing(rig->check, "start");
	int32_t status = ops->start != NULL ? ops->start(rig->instance->instance.self) : 0;
	if (status < 0)
		check_fail(rig->check, "start must work after a successful init and reset", "start failed (%d): %s",
			status, rig->fake->cause);
	rig->running = 1;
	rig_verdict(rig);
	return status;
}

void rig_stop(struct rig *rig)
{
	const struct vmm_instance_ops *ops = rig->instance->instance.ops;
	char held[128];
	if (!rig->running)
		return;
	/* As the machine does: backends come to rest, what is deferred is run, then the devices stop. */
	check_doing(rig->check, "stop");
	fake_poll(rig->fake, 0);
	for (uint32_t i = 0; i < rig->peer_count; i++)
		fake_peer_settle(&rig->peers[i]);
	if (ops->stop != NULL)
		ops->stop(rig->instance->instance.self);
	for (uint32_t i = 0; i < rig->peer_count; i++)
		fake_peer_drain(&rig->peers[i]);
	fake_poll(rig->fake, 0);
	rig->running = 0;
	uint32_t maps = 0;
	for (uint32_t i = 0; i < FAKE_MAPS; i++)
		maps += rig->fake->maps[i].used;
	fake_held(rig->instance, held, sizeof(held));
	if (maps > 0)
		check_fail(rig->check, "unmap all that is mapped in stop", "%u maps outlive stop", maps);
	rig_verdict(rig);
}

void rig_part(struct rig *rig)
{
	for (uint32_t i = rig->peer_count; i-- > 0;) {
		struct fake_peer *peer = &rig->peers[i];
		check_doing(rig->check, "part port %s", peer->row->key);
		if (peer->link != NULL)
			fake_part(rig->fake, peer->link);
		fake_peer_free(peer);
	}
	rig->peer_count = 0;
	rig->fake->controller_count = 0;
}

void rig_destroy(struct rig *rig)
{
	char held[128];
	if (rig->instance == NULL)
		return;
	rig_stop(rig);
	rig_part(rig);
	check_doing(rig->check, "destroy");
	rig->instance->instance.ops->destroy(rig->instance->instance.self);
	if (fake_held(rig->instance, held, sizeof(held)) > 0)
		check_fail(rig->check, "give back in destroy what init took", "destroy leaves %s behind", held);
	rig_verdict(rig);
	fake_release(rig->instance);
	rig->instance->descriptor = NULL;
	rig->instance = NULL;
}

void rig_free(struct rig *rig)
{
	rig_destroy(rig);
	if (rig->fake != NULL)
		fake_free(rig->fake);
	rig->fake = NULL;
}

int32_t rig_new(struct rig *rig, struct check *check, uint64_t seed)
{
	struct fake *fake = fake_new();
	check->seed = seed;
	rig_settings(check, fake, "under-test");
	int32_t status = rig_init(rig, check, fake, "under-test");
	if (status < 0) {
		check_fail(check, "give what it needs with --set KEY=VALUE", "init failed (%d): %s (%s)", status,
			fake->cause, fake->remedy);
		rig_free(rig);
		return -1;
	}
	rig_join(rig);
	return 0;
}
