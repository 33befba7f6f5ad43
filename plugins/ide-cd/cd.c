/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: settings, ports, saved state.
 */
#include "cd.h"

#include <vmm/state.h>

static int32_t init(void *self)
{
	struct cd *cd = self;
	const struct vmm_host *host = cd->host;
	if (vmm_kit_service(host, VMM_SERVICE_STATE) == NULL)
		return -ENOTSUP;
	cd->buffer = calloc(1, BUFFER + PACKET);
	if (cd->buffer == NULL)
		return -ENOMEM;
	int32_t status = vmm_ata_names(host, cd->model, cd->serial);
	if (status < 0)
		return status;
	vmm_ata_init(&cd->ata, host, &cd_ata_ops, cd, cd->buffer, BUFFER + PACKET);
	cd->ata.packet = 1;
	vmm_medium_init(&cd->medium, host, cd->buffer, BUFFER);
	cd->medium.ended = cd_ended;
	cd->medium.changed = cd_changed;
	cd->medium.self = cd;
	return 0;
}

static int32_t start(void *self)
{
	struct cd *cd = self;
	vmm_medium_start(&cd->medium);
	/* After a load the provider does not know of it yet. */
	if (cd->locked && VMM_HAS(cd->medium.lower, lock))
		cd->medium.lower->lock(cd->medium.lower_self, 1);
	return 0;
}

static void stop(void *self)
{
	struct cd *cd = self;
	vmm_medium_stop(&cd->medium);
}

static void reset(void *self, uint32_t kind)
{
	struct cd *cd = self;
	if (kind == VMM_RESET_POWER)
		vmm_ata_list(&cd->ata, "cd");
	vmm_ata_reset(&cd->ata);
	cd_defaults(cd, kind == VMM_RESET_POWER);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct cd, dma_mode, 0x45),
	VMM_FIELD_MAX(struct cd, sleeping, 1),
	VMM_FIELD(struct cd, power),
	VMM_FIELD_MAX(struct cd, sense, 0xfffff),
	VMM_FIELD(struct cd, sense_address),
	VMM_FIELD_MAX(struct cd, attentions, ATTENTION_RESET | ATTENTION_CHANGED),
	VMM_FIELD_MAX(struct cd, events, EVENTS),
	VMM_FIELD_MAX(struct cd, tray_open, 1),
	VMM_FIELD_MAX(struct cd, locked, 1),
	VMM_FIELD_ARRAY(struct cd, recovery),
	VMM_FIELD_ARRAY(struct cd, audio),
	VMM_FIELD_MAX(struct cd, kind, KINDS - 1),
	VMM_FIELD_MAX(struct cd, dma, 1),
	VMM_FIELD_ARRAY(struct cd, packet),
	VMM_FIELD(struct cd, raw),
	VMM_FIELD_MAX(struct cd, byte_limit, 0xfffe),
	VMM_FIELD_MAX(struct cd, held, BUFFER),
	VMM_FIELD_MAX(struct cd, sent, BUFFER),
	VMM_FIELD_MAX(struct cd, block, BUFFER),
	VMM_FIELD_MAX(struct cd, lba, INT32_MAX),
	VMM_FIELD_MAX(struct cd, left, INT32_MAX),
	VMM_FIELD_MAX(struct cd, pieces, BUFFER / BLOCK),
};

/* How much of the buffer matters, and where. */
static uint32_t buffer_used(const struct cd *cd, uint32_t *at)
{
	*at = 0;
	switch (cd->kind) {
	case TAKE_PACKET: *at = BUFFER; return PACKET;
	case IDENTIFY: return 512;
	case READ:
		if (cd->pieces == 0)
			return cd->held;
		return cd->medium.done < BUFFER ? (uint32_t)cd->medium.done : BUFFER;
	case IDLE: return 0;
	default: return cd->held;
	}
}

static int32_t save(void *self)
{
	struct cd *cd = self;
	const struct vmm_state_service *state = cd->host->get_service(cd->host->context, VMM_SERVICE_STATE);
	uint32_t at;
	int32_t status = vmm_fields_save(cd->host, "", cd, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ata_save(&cd->ata);
	if (status >= 0)
		status = vmm_medium_save(&cd->medium);
	if (status < 0)
		return status;
	uint32_t length = buffer_used(cd, &at);
	state->put_bytes(cd->host->context, "buffer", cd->buffer + at, length);
	return 0;
}

static int32_t load(void *self, uint32_t version)
{
	struct cd *cd = self;
	const struct vmm_state_service *state = cd->host->get_service(cd->host->context, VMM_SERVICE_STATE);
	uint32_t at;
	(void)version;
	int32_t status = vmm_fields_load(cd->host, "", cd, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ata_load(&cd->ata);
	if (status >= 0)
		status = vmm_medium_load(&cd->medium);
	if (status < 0)
		return status;
	uint32_t length = buffer_used(cd, &at);
	status = state->get_bytes(cd->host->context, "buffer", cd->buffer + at, length);
	if (status < 0)
		return status;
	int32_t size = sector_size(cd->raw);
	if (cd->sent > cd->held || cd->block > BUFFER - cd->sent || cd->pieces > cd->left ||
		(cd->kind == READ && size <= 0) || (cd->medium.active && cd->medium.operation != VMM_STORAGE_READ) ||
		(size > 0 && cd->pieces * (uint32_t)size > BUFFER))
		return vmm_kit_fail(cd->host, -EINVAL, "the state is damaged: start the machine afresh",
			"the saved transfer makes no sense");
	cd->recovery[1] = sizeof(cd->recovery) - 2;
	cd->audio[1] = sizeof(cd->audio) - 2;
	return 0;
}

static void destroy(void *self)
{
	struct cd *cd = self;
	free(cd->buffer);
	free(cd);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct cd *cd = self;
	if (strcmp(key, "bus") == 0)
		vmm_ata_get_port(&cd->ata, side);
	else if (strcmp(key, "media") == 0)
		vmm_medium_get_port(&cd->medium, side);
	else
		return -ENOENT;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_STRING("model", "vmm ide-cd", "Its model, as it is told to the guest: up to 40 characters."),
	VMM_KIT_PARAM_STRING("serial", NULL,
		"Its serial number, up to 20 characters; if unset, one made of the machine and its name."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_IDE, "The IDE channel it sits on."),
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "media", VMM_PORT_STORAGE, "The disc in it; none: it is empty."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.ide-cd",
	.name = "IDE CD drive",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "ATAPI CD and DVD drive whose disc can be changed at any time",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(ide_cd, VMM_KIND_DEVICE, descriptor, instance_ops, struct cd);
