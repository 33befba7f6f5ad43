/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: two 8237As as in a PC/AT and PIIX3 (290550-002, 2.5), with their page registers.
 *
 * Channels 0 to 3 are the first chip's, for bytes; it requests the bus by channel 4, the second chip's channel 0,
 * which must be in cascade mode for that.  Channels 5 to 7 move words: their addresses and counts are of words.
 */
#include <vmm/io.h>
#include <vmm/kit/plugin.h>
#include <vmm/memory.h>
#include <vmm/port-dma.h>
#include <vmm/timer.h>

#include "controller.h"

#define PAGES    16
#define CHANNELS 8
#define CASCADE  4
#define PIECE    512u

enum { TOKEN_FIRST = 0, TOKEN_SECOND = 1, TOKEN_PAGE = 2 };

struct dma {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_memory_service *memory;
	const struct vmm_timer_service *timer;
	const struct vmm_dma_upper *bus;
	void *bus_self;
	vmm_handle claims[3], nudge;

	struct controller chips[2];
	uint8_t pages[PAGES];
	uint8_t ready; /* channels that could transfer when we looked last */
	uint8_t owed;  /* channels whose devices are to be told that they can */
};

static uint32_t is_cascade(const struct controller *chip, uint32_t number)
{
	return (chip->channels[number].mode & MODE_KIND) == MODE_CASCADE;
}

/* Channels 0 to 7 that would be served. */
static uint8_t open_channels(const struct dma *dma)
{
	uint8_t second = controller_open(&dma->chips[1]);
	uint8_t first = (second & 1) != 0 && is_cascade(&dma->chips[1], 0) ? controller_open(&dma->chips[0]) : 0;
	uint8_t all = (uint8_t)(first | (second & 0x0e) << 4);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		/* A master of its own has nothing that we could do for it. */
		if (i != CASCADE && is_cascade(&dma->chips[i >> 2], i & 3))
			all &= (uint8_t) ~(1u << i);
	}
	return all;
}

static uint8_t active_channels(const struct dma *dma)
{
	return (uint8_t)(controller_active(&dma->chips[0]) | (controller_active(&dma->chips[1]) & 0x0e) << 4);
}

/* The second chip sees the first one's request on its DREQ0. */
static void link_chips(struct dma *dma)
{
	const struct controller *first = &dma->chips[0];
	uint32_t wants = (controller_active(first) | first->request) & controller_open(first);
	uint8_t pin = (dma->chips[1].command & COMMAND_DREQ_LOW) != 0 ? wants == 0 : wants != 0;
	dma->chips[1].dreq = (uint8_t)((dma->chips[1].dreq & ~1u) | pin);
}

/* Tell devices whose channels have become ready, but not from in here: this may be a call of theirs. */
static void look(struct dma *dma)
{
	link_chips(dma);
	uint8_t ready = open_channels(dma) & active_channels(dma);
	dma->owed = (uint8_t)((dma->owed | (ready & ~dma->ready)) & ready);
	dma->ready = ready;
	dma->timer->arm(dma->host->context, dma->nudge, dma->owed != 0 ? 0 : VMM_TIME_NEVER);
}

static void nudge_due(void *self, uint64_t token)
{
	struct dma *dma = self;
	uint8_t owed = dma->owed;
	(void)token;
	dma->owed = 0;
	for (uint32_t i = 0; i < CHANNELS; i++) {
		if ((owed >> i & 1) != 0 && dma->bus != NULL)
			dma->bus->dack(dma->bus_self, i);
	}
}

/* Memory. */

static uint64_t channel_address(const struct dma *dma, uint32_t channel)
{
	/* Which page register is whose (PIIX3, 2.5.12); channel 4's is the refresh's. */
	static const uint8_t page_of[CHANNELS] = { 0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa };
	uint32_t address = dma->chips[channel >> 2].channels[channel & 3].address;
	uint32_t page = dma->pages[page_of[channel]];
	return channel < CASCADE ? page << 16 | address : (page & 0xfe) << 16 | address << 1;
}

/* The first of `count` units as they lie in memory. */
static uint64_t lowest(const struct dma *dma, uint32_t channel, uint32_t count, uint32_t size)
{
	uint64_t address = channel_address(dma, channel);
	const struct channel *registers = &dma->chips[channel >> 2].channels[channel & 3];
	return (registers->mode & MODE_DECREMENT) != 0 ? address - (uint64_t)(count - 1) * size : address;
}

/* Units in the other order, for a channel that counts down. */
static void turn(uint8_t *to, const uint8_t *from, uint32_t count, uint32_t size)
{
	for (uint32_t i = 0; i < count; i++)
		memcpy(to + i * size, from + (count - 1 - i) * size, size);
}

/* Move units of the channel's size without wrapping; `data` NULL: nobody drives the bus, which reads as ones. */
static void move_piece(
	struct dma *dma, uint32_t channel, uint8_t *data, uint32_t count, uint32_t size, uint32_t to_memory)
{
	const struct channel *registers = &dma->chips[channel >> 2].channels[channel & 3];
	uint8_t piece[PIECE];
	uint32_t down = (registers->mode & MODE_DECREMENT) != 0;
	uint64_t address = lowest(dma, channel, count, size);
	uint32_t type = registers->mode & MODE_TYPE;
	if (to_memory) {
		/* Verifying makes no bus cycles; the other direction's would not reach this device. */
		if (type != MODE_WRITE)
			return;
		if (data == NULL)
			memset(piece, 0xff, count * size);
		else if (down)
			turn(piece, data, count, size);
		dma->memory->write(dma->host->context, address, data != NULL && !down ? data : piece, count * size);
	} else if (type != MODE_READ) {
		memset(data, 0xff, count * size);
	} else if (down) {
		memset(piece, 0xff, count * size);
		dma->memory->read(dma->host->context, address, piece, count * size);
		turn(data, piece, count, size);
	} else {
		memset(data, 0xff, count * size);
		dma->memory->read(dma->host->context, address, data, count * size);
	}
}

/* Up to `count` units; how many. */
static uint32_t move(
	struct dma *dma, uint32_t channel, uint8_t *data, uint32_t count, uint32_t to_memory, uint32_t *terminal)
{
	struct controller *chip = &dma->chips[channel >> 2];
	struct channel *registers = &chip->channels[channel & 3];
	uint32_t size = channel < CASCADE ? 1 : 2;
	uint32_t done = 0;
	*terminal = 0;
	while (done < count && !*terminal) {
		uint32_t piece = PIECE / size;
		if (piece > count - done)
			piece = count - done;
		if (piece > channel_run(registers))
			piece = channel_run(registers);
		if (piece > channel_left(registers))
			piece = channel_left(registers);
		move_piece(dma, channel, data != NULL ? data + done * size : NULL, piece, size, to_memory);
		*terminal = controller_count(chip, channel & 3, piece);
		done += piece;
	}
	return done;
}

/* Channel 0's bytes to channel 1's place, by way of the temporary register, until channel 1's count runs out. */
static void copy_memory(struct dma *dma)
{
	struct controller *chip = &dma->chips[0];
	uint32_t last = 0;
	while (!last) {
		chip->temporary = 0xff;
		dma->memory->read(dma->host->context, channel_address(dma, 0), &chip->temporary, 1);
		dma->memory->write(dma->host->context, channel_address(dma, 1), &chip->temporary, 1);
		/* Channel 0's own count does not end it, and starts no end of its own. */
		struct channel *source = &chip->channels[0];
		if ((chip->command & COMMAND_HOLD) == 0)
			source->address = (uint16_t)(source->address +
				((source->mode & MODE_DECREMENT) != 0 ? 0xffff : 1));
		source->count--;
		last = controller_count(chip, 1, 1);
	}
	chip->request &= (uint8_t)~1u;
	if ((chip->channels[0].mode & MODE_AUTO) != 0) {
		chip->channels[0].address = chip->channels[0].base_address;
		chip->channels[0].count = chip->channels[0].base_count;
	}
}

/* A request by software is not masked and is served at once; nobody is at the other end unless a device asks too. */
static void serve_requests(struct dma *dma)
{
	const struct controller *second = &dma->chips[1];
	uint32_t linked = (controller_open(second) & 1) != 0 && is_cascade(second, 0);
	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct controller *chip = &dma->chips[i >> 2];
		uint32_t terminal;
		if (i == CASCADE || (chip->request >> (i & 3) & 1) == 0 || (chip->command & COMMAND_DISABLE) != 0 ||
			(i < CASCADE && !linked))
			continue;
		if (i == 0 && (chip->command & COMMAND_MEMORY) != 0)
			copy_memory(dma);
		else if (!is_cascade(chip, i & 3) && (open_channels(dma) & active_channels(dma) & 1u << i) == 0)
			move(dma, i, NULL, channel_left(&chip->channels[i & 3]), 1, &terminal);
	}
}

/* The devices' side. */

static int32_t dreq(void *self, uint32_t channel, uint32_t level)
{
	struct dma *dma = self;
	if (channel >= CHANNELS || channel == CASCADE)
		return -EINVAL;
	struct controller *chip = &dma->chips[channel >> 2];
	uint8_t bit = (uint8_t)(1u << (channel & 3));
	chip->dreq = (uint8_t)(level != 0 ? chip->dreq | bit : chip->dreq & ~bit);
	look(dma);
	return 0;
}

static int32_t transfer(
	struct dma *dma, uint32_t channel, uint8_t *data, uint32_t length, uint32_t to_memory, uint32_t *terminal)
{
	*terminal = 0;
	if (channel >= CHANNELS || channel == CASCADE)
		return -EINVAL;
	if ((open_channels(dma) & active_channels(dma) & 1u << channel) == 0)
		return 0;
	uint32_t shift = channel > CASCADE;
	uint32_t done = move(dma, channel, data, length >> shift, to_memory, terminal);
	look(dma);
	return (int32_t)(done << shift);
}

static int32_t to_memory(void *self, uint32_t channel, const void *data, uint32_t length, uint32_t *terminal)
{
	/* Not written to: move_piece reads from it in this direction. */
	return transfer(self, channel, (uint8_t *)(uintptr_t)data, length, 1, terminal);
}

static int32_t from_memory(void *self, uint32_t channel, void *data, uint32_t length, uint32_t *terminal)
{
	return transfer(self, channel, data, length, 0, terminal);
}

static const struct vmm_dma_lower lower = {
	.struct_size = sizeof(struct vmm_dma_lower),
	.dreq = dreq,
	.to_memory = to_memory,
	.from_memory = from_memory,
};

static void attached(void *self, const struct vmm_link *link)
{
	struct dma *dma = self;
	dma->bus = link->peer;
	dma->bus_self = link->peer_self;
}

static void detached(void *self, const struct vmm_link *link)
{
	struct dma *dma = self;
	(void)link;
	dma->bus = NULL;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = attached,
	.detached = detached,
};

/* The processor's side. */

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct dma *dma = self;
	(void)size;
	switch (token) {
	case TOKEN_FIRST: *value = controller_read(&dma->chips[0], offset & 15); break;
	case TOKEN_SECOND: *value = controller_read(&dma->chips[1], offset >> 1 & 15); break;
	default: *value = dma->pages[(offset + 1) & 15]; break;
	}
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct dma *dma = self;
	(void)size;
	switch (token) {
	case TOKEN_FIRST: controller_write(&dma->chips[0], offset & 15, (uint8_t)value); break;
	case TOKEN_SECOND: controller_write(&dma->chips[1], offset >> 1 & 15, (uint8_t)value); break;
	default: dma->pages[(offset + 1) & 15] = (uint8_t)value; return 0;
	}
	serve_requests(dma);
	look(dma);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

static int32_t init(void *self)
{
	struct dma *dma = self;
	const struct vmm_host *host = dma->host;
	static const struct {
		uint32_t port, count;
	} ranges[3] = { { 0x00, 16 }, { 0xc0, 32 }, { 0x81, 15 } };
	dma->io = vmm_kit_service(host, VMM_SERVICE_IO);
	dma->memory = vmm_kit_service(host, VMM_SERVICE_MEMORY);
	dma->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (dma->io == NULL || dma->memory == NULL || dma->timer == NULL)
		return -ENOTSUP;
	for (uint32_t i = 0; i < 3; i++) {
		int32_t status = dma->io->claim(host->context, ranges[i].port, ranges[i].count, VMM_IO_SIZE_1, 0,
			&io_ops, dma, i, &dma->claims[i]);
		if (status < 0)
			return vmm_kit_fail(host, status, "leave one of the two devices out",
				"I/O ports %#x to %#x are taken", ranges[i].port, ranges[i].port + ranges[i].count - 1);
	}
	return dma->timer->create(host->context, VMM_CLOCK_GUEST, nudge_due, dma, 0, &dma->nudge);
}

static void reset(void *self, uint32_t kind)
{
	struct dma *dma = self;
	for (uint32_t i = 0; i < 2; i++) {
		controller_clear(&dma->chips[i]);
		dma->chips[i].dreq = 0;
		if (kind == VMM_RESET_POWER)
			memset(dma->chips[i].channels, 0, sizeof(dma->chips[i].channels));
	}
	if (kind == VMM_RESET_POWER)
		memset(dma->pages, 0, sizeof(dma->pages));
	/* PIIX3 has channel 4 in cascade mode by default, but masked. */
	dma->chips[1].channels[0].mode = MODE_CASCADE;
	dma->ready = dma->owed = 0;
	look(dma);
}

/* Saved state. */

static const struct vmm_field channel_fields[] = {
	VMM_FIELD(struct channel, base_address),
	VMM_FIELD(struct channel, base_count),
	VMM_FIELD(struct channel, address),
	VMM_FIELD(struct channel, count),
	VMM_FIELD(struct channel, mode),
};

static const struct vmm_field chip_fields[] = {
	VMM_FIELD(struct controller, command),
	VMM_FIELD(struct controller, temporary),
	VMM_FIELD_MAX(struct controller, request, 15),
	VMM_FIELD_MAX(struct controller, mask, 15),
	VMM_FIELD_MAX(struct controller, terminal, 15),
	VMM_FIELD_MAX(struct controller, flip_flop, 1),
	VMM_FIELD_MAX(struct controller, dreq, 15),
};

static const struct vmm_field fields[] = {
	VMM_FIELD_ARRAY(struct dma, pages),
	VMM_FIELD(struct dma, ready),
	VMM_FIELD(struct dma, owed),
};

static const char *const prefixes[2][5] = {
	{ "first.", "channel0.", "channel1.", "channel2.", "channel3." },
	{ "second.", "channel4.", "channel5.", "channel6.", "channel7." },
};

static int32_t save(void *self)
{
	struct dma *dma = self;
	int32_t status = vmm_fields_save(dma->host, "", dma, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; i < 2 && status >= 0; i++) {
		status = vmm_fields_save(
			dma->host, prefixes[i][0], &dma->chips[i], chip_fields, VMM_KIT_COUNT(chip_fields));
		for (uint32_t k = 0; k < 4 && status >= 0; k++)
			status = vmm_fields_save(dma->host, prefixes[i][k + 1], &dma->chips[i].channels[k],
				channel_fields, VMM_KIT_COUNT(channel_fields));
	}
	return status;
}

static int32_t load(void *self, uint32_t version)
{
	struct dma *dma = self;
	(void)version;
	int32_t status = vmm_fields_load(dma->host, "", dma, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; i < 2 && status >= 0; i++) {
		status = vmm_fields_load(
			dma->host, prefixes[i][0], &dma->chips[i], chip_fields, VMM_KIT_COUNT(chip_fields));
		for (uint32_t k = 0; k < 4 && status >= 0; k++)
			status = vmm_fields_load(dma->host, prefixes[i][k + 1], &dma->chips[i].channels[k],
				channel_fields, VMM_KIT_COUNT(channel_fields));
	}
	if (status >= 0)
		dma->timer->arm(dma->host->context, dma->nudge, dma->owed != 0 ? 0 : VMM_TIME_NEVER);
	return status;
}

static void destroy(void *self)
{
	struct dma *dma = self;
	for (uint32_t i = 0; i < 3; i++) {
		if (dma->claims[i] != 0)
			dma->io->release(dma->host->context, dma->claims[i]);
	}
	if (dma->nudge != 0)
		dma->timer->destroy(dma->host->context, dma->nudge);
	free(dma);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") != 0)
		return -ENOENT;
	side->ops = &port_ops;
	side->port_self = side->self = self;
	side->table = &lower;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_DMA, "The bridge whose ISA devices it serves."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.dma-8237",
	.name = "8237A DMA controllers",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's two 8237A DMA controllers with their page registers",
	.ports = ports,
};

VMM_KIT_PLUGIN(dma_8237, VMM_KIND_DEVICE, descriptor, instance_ops, struct dma);
