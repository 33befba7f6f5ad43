/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: registers, reset, time, saved state.
 */
#include "fdc.h"

vmm_time fdc_now(const struct fdc *fdc)
{
	return fdc->timer->now(fdc->host->context, VMM_CLOCK_GUEST);
}

/* The timer is for whatever is due first. */
void fdc_arm(struct fdc *fdc)
{
	vmm_time due = fdc->reset_due;
	if (fdc->execute_due < due)
		due = fdc->execute_due;
	if (fdc->overrun_due < due)
		due = fdc->overrun_due;
	for (uint32_t i = 0; i < UNITS; i++) {
		if (fdc->seek_due[i] < due)
			due = fdc->seek_due[i];
	}
	fdc->timer->arm(fdc->host->context, fdc->tick, due);
}

void fdc_lines(struct fdc *fdc)
{
	fdc->irq->set(fdc->host->context, fdc->source, fdc->interrupt && (fdc->dor & DOR_GATE) != 0);
}

static void tick_due(void *self, uint64_t token)
{
	struct fdc *fdc = self;
	vmm_time now = fdc_now(fdc);
	(void)token;
	if (fdc->reset_due <= now) {
		/* Polling finds that all four drives have become ready (4.1.1). */
		fdc->reset_due = NEVER;
		fdc->sense = 0x0f;
		for (uint32_t i = 0; i < UNITS; i++)
			fdc->sense_st0[i] = (uint8_t)(ST0_POLL | i);
		fdc->interrupt = 1;
	}
	drive_arrived(fdc, now);
	if (fdc->execute_due <= now)
		execute_due(fdc);
	if (fdc->overrun_due <= now)
		execute_overrun(fdc);
	fdc_lines(fdc);
	fdc_arm(fdc);
}

/* Reset by a register keeps what SPECIFY and LOCK have set (4.0); the drive select register's bit is one too. */
void fdc_reset(struct fdc *fdc, uint32_t hardware)
{
	fdc->phase = PHASE_COMMAND;
	fdc->step = STEP_NONE;
	fdc->command_count = fdc->result_count = fdc->result_at = 0;
	fdc->interrupt = fdc->seeking = fdc->sense = 0;
	fdc->waiting = fdc->ready = fdc->terminal = 0;
	fdc->position = fdc->length = 0;
	fdc->execute_due = fdc->overrun_due = fdc->reset_due = NEVER;
	for (uint32_t i = 0; i < UNITS; i++)
		fdc->seek_due[i] = NEVER;
	if (fdc->dreq && fdc->bus != NULL)
		fdc->bus->dreq(fdc->bus_self, fdc->channel, 0);
	fdc->dreq = 0;
	/* Its buffer cannot be had before the drive gives it back. */
	if (fdc->in_flight && fdc->units[fdc->unit].table != NULL)
		fdc->units[fdc->unit].table->cancel(fdc->units[fdc->unit].self, fdc->flight_token);
	if (!fdc->lock || hardware) {
		fdc->config = CONFIG_EFIFO;
		fdc->pretrack = 0;
	} else {
		fdc->config &= CONFIG_EFIFO | 15;
	}
	fdc->perpendicular &= 0x3c;
	if (!hardware)
		return;
	fdc->lock = fdc->perpendicular = 0;
	fdc->dor = fdc->tdr = 0;
	fdc->dsr = fdc->rate = VMM_FLOPPY_RATE_250;
	fdc->last_sector = 0;
	memset(fdc->specify, 0, sizeof(fdc->specify));
	memset(fdc->pcn, 0, sizeof(fdc->pcn));
}

/* Registers. */

static void dor_write(struct fdc *fdc, uint8_t value)
{
	uint8_t before = fdc->dor;
	fdc->dor = value;
	drive_motors(fdc, before);
	if ((value & DOR_NRESET) == 0) {
		fdc_reset(fdc, 0);
	} else if ((before & DOR_NRESET) == 0) {
		fdc->reset_due = fdc_now(fdc) + RESET_TIME;
	} else if ((value & ~(uint32_t)before & DOR_GATE) != 0 && fdc->step == STEP_DATA && !is_polled(fdc)) {
		fdc->execute_due = fdc_now(fdc) + BYTE_TIME;
	}
}

static void dsr_write(struct fdc *fdc, uint8_t value)
{
	fdc->dsr = value & 0x7f;
	fdc->rate = value & 3;
	if ((value & 0x80) != 0 && (fdc->dor & DOR_NRESET) != 0) {
		fdc_reset(fdc, 0);
		fdc->reset_due = fdc_now(fdc) + RESET_TIME;
	}
}

static uint8_t msr_read(const struct fdc *fdc)
{
	uint8_t value = fdc->seeking;
	if ((fdc->dor & DOR_NRESET) == 0)
		return 0;
	switch (fdc->phase) {
	case PHASE_COMMAND: return (uint8_t)(value | MSR_RQM | (fdc->command_count > 0 ? MSR_BUSY : 0));
	case PHASE_RESULT: return value | MSR_RQM | MSR_DIO | MSR_BUSY;
	default: break;
	}
	value |= MSR_BUSY;
	if (is_polled(fdc) && fdc->step == STEP_DATA) {
		uint32_t from_host = fdc->kind == KIND_WRITE || fdc->kind == KIND_SCAN || fdc->kind == KIND_FORMAT;
		value |= MSR_NON_DMA;
		if (fdc->ready)
			value |= (uint8_t)(MSR_RQM | (from_host ? 0 : MSR_DIO));
	}
	return value;
}

/* Active-low inputs of the drive that is selected (PS/2, 2.1.1). */
static uint8_t sra_read(struct fdc *fdc)
{
	struct vmm_floppy_info info;
	uint32_t unit = fdc->dor & DOR_DRIVE;
	uint32_t there = drive_info(fdc, unit, &info);
	uint8_t value = 0x04; /* no index pulse just now */
	if (fdc->interrupt)
		value |= 0x80;
	if (fdc->units[1].table == NULL)
		value |= 0x40; /* DRV2# */
	if (!there || info.cylinder != 0)
		value |= 0x10;
	if (fdc->head)
		value |= 0x08;
	if (!there || !info.write_protected)
		value |= 0x02;
	return value;
}

static uint8_t dir_read(struct fdc *fdc)
{
	struct vmm_floppy_info info;
	uint32_t unit = fdc->dor & DOR_DRIVE;
	/* The drive shows it only while it is selected, which on an AT its motor bit does. */
	if ((fdc->dor >> (4 + unit) & 1) == 0 || !drive_info(fdc, unit, &info))
		return 0;
	return info.disk_change ? 0x80 : 0;
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct fdc *fdc = self;
	(void)size;
	switch (offset + (uint32_t)token) {
	case 0: *value = sra_read(fdc); break;
	case 1: *value = 0xc0u | (fdc->dor & 1u) << 5 | (fdc->dor >> 4 & 3u); break;
	case 2: *value = fdc->dor; break;
	case 3: *value = fdc->tdr; break;
	case 4: *value = msr_read(fdc); break;
	case 5:
		if ((fdc->dor & DOR_NRESET) == 0)
			*value = 0xff;
		else
			*value = fdc->phase == PHASE_EXECUTE ? execute_read(fdc) : command_read(fdc);
		break;
	default: *value = dir_read(fdc); break;
	}
	fdc_lines(fdc);
	fdc_arm(fdc);
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct fdc *fdc = self;
	uint8_t byte = (uint8_t)value;
	(void)size;
	switch (offset + (uint32_t)token) {
	case 2: dor_write(fdc, byte); break;
	case 3: fdc->tdr = byte & 3; break;
	case 4: dsr_write(fdc, byte); break;
	case 5:
		if ((fdc->dor & DOR_NRESET) == 0)
			break;
		if (fdc->phase == PHASE_EXECUTE)
			execute_write(fdc, byte);
		else
			command_write(fdc, byte);
		break;
	case 7: fdc->rate = byte & 3; break;
	default: break;
	}
	fdc_lines(fdc);
	fdc_arm(fdc);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

/* The bus. */

static void dack(void *self, uint32_t channel)
{
	struct fdc *fdc = self;
	if (channel != fdc->channel || !fdc->dreq || fdc->step != STEP_DATA)
		return;
	fdc->execute_due = fdc_now(fdc);
	fdc_arm(fdc);
}

static const struct vmm_isa_lower isa_lower = {
	.struct_size = sizeof(struct vmm_isa_lower),
	.dack = dack,
};

static void attached(void *self, const struct vmm_link *link)
{
	struct fdc *fdc = self;
	fdc->bus = link->peer;
	fdc->bus_self = link->peer_self;
}

static void detached(void *self, const struct vmm_link *link)
{
	struct fdc *fdc = self;
	(void)link;
	fdc->bus = NULL;
}

static const struct vmm_port_ops isa_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.detached = detached,
};

/* The instance. */

static int32_t init(void *self)
{
	struct fdc *fdc = self;
	const struct vmm_host *host = fdc->host;
	void *context = host->context;
	fdc->io = vmm_kit_service(host, VMM_SERVICE_IO);
	fdc->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	fdc->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	fdc->firmware = vmm_kit_service(host, VMM_SERVICE_FIRMWARE);
	if (fdc->io == NULL || fdc->irq == NULL || fdc->timer == NULL || fdc->firmware == NULL)
		return -ENOTSUP;
	for (uint32_t i = 0; i < UNITS; i++)
		fdc->units[i].fdc = fdc;
	fdc->port = (uint32_t)vmm_kit_int(host, "port", 0x3f0);
	fdc->channel = (uint32_t)vmm_kit_int(host, "dma", 2);
	fdc->track = malloc(TRACK_MOST);
	if (fdc->track == NULL)
		return -ENOMEM;
	if (fdc->port % 8 != 0)
		return vmm_kit_fail(host, -EINVAL, "use `port = 0x3f0` or `port = 0x370`",
			"`port = %#x` is not a multiple of 8", fdc->port);
	int32_t status = fdc->io->claim(context, fdc->port, 6, VMM_IO_SIZE_1, 0, &io_ops, fdc, 0, &fdc->claims[0]);
	if (status >= 0)
		status = fdc->io->claim(context, fdc->port + 7, 1, VMM_IO_SIZE_1, 0, &io_ops, fdc, 7, &fdc->claims[1]);
	if (status < 0)
		return vmm_kit_fail(host, status, "set another `port =`, or leave one of the two devices out",
			"I/O ports %#x to %#x or %#x are taken", fdc->port, fdc->port + 5, fdc->port + 7);
	status = fdc->irq->open(context, (uint32_t)vmm_kit_int(host, "irq", 6), &fdc->source);
	if (status >= 0)
		status = fdc->timer->create(context, VMM_CLOCK_GUEST, tick_due, fdc, 0, &fdc->tick);
	return status;
}

static void reset(void *self, uint32_t kind)
{
	struct fdc *fdc = self;
	uint8_t before = fdc->dor;
	fdc_reset(fdc, 1);
	drive_motors(fdc, before);
	fdc_lines(fdc);
	fdc_arm(fdc);
	if (kind != VMM_RESET_POWER)
		return;
	memset(fdc->buffer, 0, sizeof(fdc->buffer));
	memset(fdc->command, 0, sizeof(fdc->command));
	memset(fdc->result, 0, sizeof(fdc->result));
	drive_types(fdc);
}

static int32_t start(void *self)
{
	struct fdc *fdc = self;
	fdc->running = 1;
	/* What was under way when it was saved, or given back when it was stopped. */
	if (fdc->waiting && !fdc->in_flight) {
		fdc->execute_due = fdc_now(fdc);
		fdc_arm(fdc);
	}
	return 0;
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct fdc, dor),
	VMM_FIELD_MAX(struct fdc, tdr, 3),
	VMM_FIELD_MAX(struct fdc, dsr, 0x7f),
	VMM_FIELD_MAX(struct fdc, rate, 3),
	VMM_FIELD_ARRAY(struct fdc, specify),
	VMM_FIELD_MAX(struct fdc, config, 0x7f),
	VMM_FIELD(struct fdc, pretrack),
	VMM_FIELD_MAX(struct fdc, perpendicular, 0x3f),
	VMM_FIELD_MAX(struct fdc, lock, 1),
	VMM_FIELD(struct fdc, last_sector),
	VMM_FIELD_MAX(struct fdc, phase, PHASE_RESULT),
	VMM_FIELD_MAX(struct fdc, step, STEP_LOST),
	VMM_FIELD_ARRAY(struct fdc, command),
	VMM_FIELD_ARRAY(struct fdc, result),
	VMM_FIELD_MAX(struct fdc, command_count, 8),
	VMM_FIELD_MAX(struct fdc, result_count, 10),
	VMM_FIELD_MAX(struct fdc, result_at, 10),
	VMM_FIELD_MAX(struct fdc, interrupt, 1),
	VMM_FIELD_ARRAY(struct fdc, pcn),
	VMM_FIELD_MAX(struct fdc, seeking, 15),
	VMM_FIELD_MAX(struct fdc, sense, 15),
	VMM_FIELD_ARRAY(struct fdc, sense_st0),
	VMM_FIELD_ARRAY(struct fdc, seek_due),
	VMM_FIELD(struct fdc, reset_due),
	VMM_FIELD_MAX(struct fdc, kind, KIND_TRACK),
	VMM_FIELD_MAX(struct fdc, unit, 3),
	VMM_FIELD_MAX(struct fdc, head, 1),
	VMM_FIELD(struct fdc, st0),
	VMM_FIELD(struct fdc, st1),
	VMM_FIELD(struct fdc, st2),
	VMM_FIELD(struct fdc, c),
	VMM_FIELD(struct fdc, h),
	VMM_FIELD(struct fdc, r),
	VMM_FIELD(struct fdc, n),
	VMM_FIELD_MAX(struct fdc, terminal, 1),
	VMM_FIELD_MAX(struct fdc, waiting, 1),
	VMM_FIELD_MAX(struct fdc, ready, 1),
	VMM_FIELD_MAX(struct fdc, dreq, 1),
	VMM_FIELD_MAX(struct fdc, left, 256),
	VMM_FIELD_MAX(struct fdc, position, SECTOR_MOST),
	VMM_FIELD_MAX(struct fdc, length, SECTOR_MOST),
	VMM_FIELD_MAX(struct fdc, burst, 16),
	VMM_FIELD(struct fdc, token),
	VMM_FIELD(struct fdc, execute_due),
	VMM_FIELD(struct fdc, overrun_due),
	VMM_FIELD_ARRAY(struct fdc, buffer),
};

static int32_t save(void *self)
{
	struct fdc *fdc = self;
	return vmm_fields_save(fdc->host, "", fdc, fields, VMM_KIT_COUNT(fields));
}

/* What a state may say only together. */
static uint32_t is_sane(const struct fdc *fdc)
{
	uint32_t executing = fdc->phase == PHASE_EXECUTE;
	if (executing != (fdc->step != STEP_NONE) || fdc->position > fdc->length)
		return 0;
	if (fdc->phase == PHASE_RESULT && fdc->result_at >= fdc->result_count)
		return 0;
	if (fdc->waiting != (fdc->step == STEP_DRIVE))
		return 0;
	/* What indexes or fills a buffer. */
	if (executing && fdc->kind == KIND_FORMAT && (fdc->step == STEP_DRIVE || fdc->step == STEP_DATA) &&
		(fdc->n > 7 || fdc->command[3] == 0 || fdc->command[3] * (128u << fdc->n) > TRACK_MOST))
		return 0;
	if (executing && (fdc->step == STEP_DRIVE || fdc->step == STEP_DATA) && fdc->n > 7)
		return 0;
	if (executing && fdc->step == STEP_DATA && fdc->kind == KIND_WRITE && fdc->length > (128u << fdc->n))
		return 0;
	return (fdc->step != STEP_DATA || fdc->position < fdc->length) && (!fdc->ready || fdc->burst > 0) &&
		(!fdc->ready || fdc->step == STEP_DATA);
}

static int32_t load(void *self, uint32_t version)
{
	struct fdc *fdc = self;
	(void)version;
	int32_t status = vmm_fields_load(fdc->host, "", fdc, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	if (!is_sane(fdc)) {
		fdc_reset(fdc, 1);
		return vmm_kit_fail(fdc->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"the saved diskette controller is in a state that it cannot be in");
	}
	fdc_arm(fdc);
	return 0;
}

static void stop(void *self)
{
	struct fdc *fdc = self;
	fdc->running = 0;
}

static void destroy(void *self)
{
	struct fdc *fdc = self;
	for (uint32_t i = 0; i < 2; i++) {
		if (fdc->claims[i] != 0)
			fdc->io->release(fdc->host->context, fdc->claims[i]);
	}
	if (fdc->tick != 0)
		fdc->timer->destroy(fdc->host->context, fdc->tick);
	free(fdc->track);
	free(fdc);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	side->port_self = side->self = self;
	if (strcmp(key, "bus") == 0) {
		side->ops = &isa_ops;
		side->table = &isa_lower;
	} else if (strcmp(key, "floppy") == 0) {
		side->ops = &drive_ops;
		side->table = &drive_upper;
	} else {
		return -ENOENT;
	}
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
	VMM_KIT_PARAM_INT("port", "0x3f0", 0x100, 0xfff8, "The first I/O port; a second controller has 0x370."),
	VMM_KIT_PARAM_INT("irq", "6", 3, 15, "The interrupt line."),
	VMM_KIT_PARAM_INT("dma", "2", 0, 3, "The DMA channel."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT_ISA_CHILD,
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_BUS,
		.maximum = UNITS,
		.key = "floppy",
		.interfaces = VMM_PORT_FLOPPY,
		.address_kind = VMM_ADDRESS_UNIT,
		.address_first = 0,
		.address_last = UNITS - 1,
		.help = "The cable, with drives 0 to 3.",
	},
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.floppy-82077",
	.name = "82077AA diskette controller",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's diskette controller (Intel 82077AA)",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(floppy_82077, VMM_KIND_DEVICE, descriptor, instance_ops, struct fdc);
