/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: an 8254 at I/O ports 40 to 43, counter 0 on IRQ0, counter 1 as the refresh request, counter 2 behind
 * port 61, with the loudspeaker.
 */
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-speaker.h>
#include <vmm/timer.h>

#include "counter.h"

#define BACKLOG_SECONDS 2 /* missed ticks of more than this are dropped even by catch-up */
#define REFRESH_TICKS   18

enum { TOKEN_PIT = 0, TOKEN_PORT61 = 1 };
enum { MISSED_DROP = 0, MISSED_CATCH_UP = 1 };

struct pit {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	vmm_handle claims[2], source, tick, rise;
	const struct vmm_speaker_lower *speaker; /* NULL: nobody listens */
	void *speaker_self;
	uint32_t missed; /* MISSED_* */

	struct counter counters[3];
	uint8_t port61;   /* bits 0 to 3 as written */
	uint32_t backlog; /* ticks that are still owed to the guest */
	int64_t seen;     /* OUT0's edges up to this tick have been dealt with */

	/* What the loudspeaker was told last, and when OUT2 rises by itself; not saved: start() tells it again. */
	uint64_t wave_period, wave_high;
	int64_t rises;
};

static int64_t now(struct pit *pit)
{
	return counter_ticks(pit->timer->now(pit->host->context, VMM_CLOCK_GUEST));
}

/* Counter 0's next edge, or the next one that is owed. */
static void arm(struct pit *pit, int64_t tick)
{
	int64_t period;
	int64_t edge = counter_edge(&pit->counters[0], tick, &period);
	/* What is owed comes between the regular ticks, so that the guest has time for each. */
	if (pit->backlog > 0 && period > 0) {
		int64_t extra = tick + (period / 2 > 1 ? period / 2 : 1);
		if (extra < edge)
			edge = extra;
	}
	pit->timer->arm(pit->host->context, pit->tick, edge >= PIT_TICK_MAX ? VMM_TIME_NEVER : counter_time(edge));
}

/* An edge on IRQ0; the line then stays as OUT is. */
static void pulse(struct pit *pit)
{
	pit->irq->set(pit->host->context, pit->source, 0);
	pit->irq->set(pit->host->context, pit->source, 1);
}

/* How many rising edges OUT0 has had in (seen, tick]. */
static uint64_t edges(struct pit *pit, int64_t tick)
{
	struct counter *counter = &pit->counters[0];
	uint64_t count = 0;
	/* At most twice: once before a waiting count is taken over, and once after. */
	for (uint32_t i = 0; i < 4 && pit->seen < tick; i++) {
		int64_t period;
		int64_t edge = counter_edge(counter, pit->seen, &period);
		if (edge > tick)
			break;
		count++;
		pit->seen = edge;
		if (period > 0) {
			uint64_t more = (uint64_t)((tick - edge) / period);
			count += more;
			pit->seen += (int64_t)more * period;
			break;
		}
	}
	pit->seen = tick;
	return count;
}

static void run(struct pit *pit, int64_t tick)
{
	uint64_t count = edges(pit, tick);
	int64_t period;
	counter_edge(&pit->counters[0], tick, &period);
	if (period == 0 || pit->missed == MISSED_DROP)
		pit->backlog = 0;
	if (count > 0)
		pulse(pit);
	else if (pit->backlog > 0) {
		pit->backlog--;
		pulse(pit);
	}
	if (count > 1 && period > 0 && pit->missed == MISSED_CATCH_UP) {
		uint64_t limit = BACKLOG_SECONDS * PIT_HZ / (uint64_t)period;
		uint64_t owed = pit->backlog + count - 1;
		pit->backlog = (uint32_t)(owed < limit ? owed : limit);
	}
	arm(pit, tick);
}

static void tick_due(void *self, uint64_t token)
{
	struct pit *pit = self;
	(void)token;
	run(pit, now(pit));
}

/* Counter 0 was programmed: IRQ0 follows OUT. */
static void changed(struct pit *pit, int64_t tick)
{
	pit->seen = tick;
	pit->irq->set(pit->host->context, pit->source, counter_out(&pit->counters[0], tick));
	arm(pit, tick);
}

static uint64_t tick_length(uint64_t ticks)
{
	return vmm_kit_muldiv(ticks, UINT64_C(1000000000), PIT_HZ);
}

static void drive(struct pit *pit, vmm_time time, uint64_t period, uint64_t high)
{
	if (period == pit->wave_period && high == pit->wave_high)
		return;
	pit->wave_period = period;
	pit->wave_high = high;
	pit->speaker->drive(pit->speaker_self, time, period, high);
}

/* A rise of OUT2 that has come goes out before anything else changes. */
static void speaker_run(struct pit *pit, int64_t tick)
{
	if (pit->speaker == NULL || pit->rises > tick)
		return;
	vmm_time time = counter_time(pit->rises);
	pit->rises = PIT_NEVER;
	drive(pit, time, 0, 1);
}

static void rise_due(void *self, uint64_t token)
{
	struct pit *pit = self;
	(void)token;
	speaker_run(pit, now(pit));
}

/* The wire is OUT2 and port 61's bit 1.  Periodic modes are waves; a single rise (mode 0) is waited for. */
static void speaker_update(struct pit *pit, int64_t tick)
{
	struct counter *counter = &pit->counters[2];
	vmm_time time = pit->timer->now(pit->host->context, VMM_CLOCK_GUEST);
	int64_t period;
	if (pit->speaker == NULL)
		return;
	pit->rises = PIT_NEVER;
	if ((pit->port61 & 2) == 0) {
		drive(pit, time, 0, 0);
	} else {
		int64_t edge = counter_edge(counter, tick, &period);
		if (period > 0) {
			uint64_t count = counter->next_at != PIT_NEVER ? counter->next_count : counter->count;
			uint64_t high = counter->mode == 3 ? (count + 1) / 2 : count - 1;
			drive(pit, time, tick_length(count), tick_length(high));
		} else {
			drive(pit, time, 0, counter_out(counter, tick));
			if (edge < PIT_TICK_MAX)
				pit->rises = edge;
		}
	}
	pit->timer->arm(
		pit->host->context, pit->rise, pit->rises == PIT_NEVER ? VMM_TIME_NEVER : counter_time(pit->rises));
}

static void write_control(struct pit *pit, int64_t tick, uint8_t value)
{
	uint32_t select = value >> 6;
	if (select == 3) {
		/* Read-back: bit 5 low latches counts, bit 4 low latches status, of counters by bits 1 to 3. */
		for (uint32_t i = 0; i < 3; i++) {
			if ((value & (2u << i)) == 0)
				continue;
			if ((value & 0x20) == 0)
				counter_latch_count(&pit->counters[i], tick);
			if ((value & 0x10) == 0)
				counter_latch_status(&pit->counters[i], tick);
		}
		return;
	}
	if ((value >> 4 & 3) == ACCESS_LATCH) {
		counter_latch_count(&pit->counters[select], tick);
		return;
	}
	counter_control(&pit->counters[select], tick, value);
	if (select == 0) {
		pit->backlog = 0;
		changed(pit, tick);
	}
}

static uint8_t read_port61(struct pit *pit, int64_t tick)
{
	/* Bit 4 toggles with every refresh request, about every 15 us; bit 5 is OUT2; no parity or channel errors. */
	return (uint8_t)(pit->port61 | (uint32_t)(tick / REFRESH_TICKS & 1) << 4 |
		counter_out(&pit->counters[2], tick) << 5);
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct pit *pit = self;
	int64_t tick = now(pit);
	(void)size;
	if (token == TOKEN_PORT61)
		*value = read_port61(pit, tick);
	else if (offset < 3)
		*value = counter_read(&pit->counters[offset], tick);
	else
		*value = 0xff; /* the control register cannot be read */
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct pit *pit = self;
	int64_t tick = now(pit);
	(void)size;
	speaker_run(pit, tick);
	if (token == TOKEN_PORT61) {
		pit->port61 = value & 0x0f;
		counter_gate(&pit->counters[2], tick, value & 1);
	} else if (offset < 3) {
		if (offset == 0)
			run(pit, tick); /* edges up to now count at the old rate */
		counter_write(&pit->counters[offset], tick, (uint8_t)value);
		if (offset == 0)
			changed(pit, tick);
	} else {
		if ((value >> 6) == 0 && (value >> 4 & 3) != ACCESS_LATCH)
			run(pit, tick);
		write_control(pit, tick, (uint8_t)value);
	}
	if (token == TOKEN_PORT61 || offset >= 2)
		speaker_update(pit, tick);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

static int32_t init(void *self)
{
	struct pit *pit = self;
	const struct vmm_host *host = pit->host;
	pit->io = vmm_kit_service(host, VMM_SERVICE_IO);
	pit->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	pit->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (pit->io == NULL || pit->irq == NULL || pit->timer == NULL)
		return -ENOTSUP;
	pit->missed = vmm_kit_choice(host, "missed-ticks");
	int32_t status = pit->io->claim(
		host->context, 0x40, 4, VMM_IO_SIZE_1, 0, &io_ops, pit, TOKEN_PIT, &pit->claims[0]);
	if (status >= 0)
		status = pit->io->claim(
			host->context, 0x61, 1, VMM_IO_SIZE_1, 0, &io_ops, pit, TOKEN_PORT61, &pit->claims[1]);
	if (status < 0)
		return vmm_kit_fail(
			host, status, "leave one of the two devices out", "I/O ports 0x40 to 0x43 or 0x61 are taken");
	status = pit->irq->open(host->context, 0, &pit->source);
	if (status >= 0)
		status = pit->timer->create(host->context, VMM_CLOCK_GUEST, tick_due, pit, 0, &pit->tick);
	if (status >= 0)
		status = pit->timer->create(host->context, VMM_CLOCK_GUEST, rise_due, pit, 0, &pit->rise);
	return status;
}

static void reset(void *self, uint32_t kind)
{
	struct pit *pit = self;
	(void)kind;
	/* Counters 0 and 1 have their gates tied high. */
	for (uint32_t i = 0; i < 3; i++)
		counter_reset(&pit->counters[i], i < 2);
	pit->port61 = 0;
	pit->backlog = 0;
	pit->seen = now(pit);
	pit->irq->set(pit->host->context, pit->source, 0);
	pit->timer->arm(pit->host->context, pit->tick, VMM_TIME_NEVER);
	speaker_update(pit, pit->seen);
}

static int32_t start(void *self)
{
	struct pit *pit = self;
	/* After a load the wave is another than was told. */
	speaker_update(pit, now(pit));
	return 0;
}

static const struct vmm_field counter_fields[] = {
	VMM_FIELD_MAX(struct counter, mode, 5),
	VMM_FIELD_MAX(struct counter, bcd, 1),
	VMM_FIELD_MAX(struct counter, access, 3),
	VMM_FIELD_MAX(struct counter, gate, 1),
	VMM_FIELD_MAX(struct counter, armed, 1),
	VMM_FIELD_MAX(struct counter, triggered, 1),
	VMM_FIELD_MAX(struct counter, frozen, 1),
	VMM_FIELD_MAX(struct counter, write_high, 1),
	VMM_FIELD_MAX(struct counter, read_high, 1),
	VMM_FIELD(struct counter, write_low),
	VMM_FIELD_MAX(struct counter, latched, 2),
	VMM_FIELD_MAX(struct counter, has_status, 1),
	VMM_FIELD(struct counter, status),
	VMM_FIELD(struct counter, latch),
	VMM_FIELD_MAX(struct counter, count, 65536),
	VMM_FIELD_MAX(struct counter, next_count, 65536),
	VMM_FIELD(struct counter, start),
	VMM_FIELD(struct counter, next_at),
	VMM_FIELD(struct counter, elapsed),
};

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct pit, port61, 0x0f),
	VMM_FIELD_MAX(struct pit, backlog, BACKLOG_SECONDS *PIT_HZ),
	VMM_FIELD_MAX(struct pit, seen, PIT_TICK_MAX),
};

static const char *const prefixes[3] = { "counter0.", "counter1.", "counter2." };

static int32_t save(void *self)
{
	struct pit *pit = self;
	int32_t status = vmm_fields_save(pit->host, "", pit, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; status >= 0 && i < 3; i++)
		status = vmm_fields_save(
			pit->host, prefixes[i], &pit->counters[i], counter_fields, VMM_KIT_COUNT(counter_fields));
	return status;
}

static uint32_t sane(const struct counter *counter)
{
	return counter->count > 0 && counter->access != ACCESS_LATCH && counter->start > -PIT_TICK_MAX &&
		counter->start < PIT_TICK_MAX && counter->elapsed >= 0 && counter->elapsed < PIT_TICK_MAX &&
		(counter->next_at == PIT_NEVER || (counter->next_at >= 0 && counter->next_at < PIT_TICK_MAX)) &&
		(counter->next_at == PIT_NEVER || counter->next_count > 0) &&
		(!counter->armed || (counter->mode != 1 && counter->mode != 5) || counter->next_count > 0);
}

static int32_t load(void *self, uint32_t version)
{
	struct pit *pit = self;
	(void)version;
	int32_t status = vmm_fields_load(pit->host, "", pit, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; status >= 0 && i < 3; i++) {
		struct counter counter = pit->counters[i];
		status = vmm_fields_load(
			pit->host, prefixes[i], &counter, counter_fields, VMM_KIT_COUNT(counter_fields));
		if (status < 0)
			return status;
		if (!sane(&counter))
			return vmm_kit_fail(pit->host, -EINVAL, "the saved state is damaged; start the machine afresh",
				"saved counter %u is out of range", i);
		pit->counters[i] = counter;
	}
	if (status >= 0)
		arm(pit, pit->seen);
	return status;
}

static void destroy(void *self)
{
	struct pit *pit = self;
	for (uint32_t i = 0; i < 2; i++) {
		if (pit->claims[i] != 0)
			pit->io->release(pit->host->context, pit->claims[i]);
	}
	if (pit->tick != 0)
		pit->timer->destroy(pit->host->context, pit->tick);
	if (pit->rise != 0)
		pit->timer->destroy(pit->host->context, pit->rise);
	free(pit);
}

static void speaker_attached(void *self, const struct vmm_link *link)
{
	struct pit *pit = self;
	pit->speaker = link->peer;
	pit->speaker_self = link->peer_self;
	pit->wave_period = pit->wave_high = 0; /* it is silent before it is told otherwise */
	pit->rises = PIT_NEVER;
}

static void speaker_closing(void *self, const struct vmm_link *link)
{
	struct pit *pit = self;
	(void)link;
	pit->speaker = NULL;
	pit->timer->arm(pit->host->context, pit->rise, VMM_TIME_NEVER);
}

static void speaker_detached(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
}

static const struct vmm_port_ops speaker_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = speaker_attached,
	.closing = speaker_closing,
	.detached = speaker_detached,
};

static const struct vmm_speaker_upper speaker_upper = {
	.struct_size = sizeof(struct vmm_speaker_upper),
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "speaker") == 0) {
		side->ops = &speaker_ops;
		side->table = &speaker_upper;
		side->port_self = side->self = self;
		return 0;
	}
	if (strcmp(key, "bus") != 0)
		return -ENOENT;
	vmm_kit_port_isa(self, side);
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_CHOICE("missed-ticks", "catch-up", "drop|catch-up",
		"What becomes of timer interrupts that the host was too busy to deliver in time: catch-up delivers "
		"those of the last two seconds late, drop forgets them."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT_ISA_CHILD,
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_BUS, "speaker", VMM_PORT_SPEAKER, "The wire to the loudspeaker."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.pit-8254",
	.name = "8254 interval timer",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's 8254 interval timer with IRQ0, and port 61",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(pit_8254, VMM_KIND_DEVICE, descriptor, instance_ops, struct pit);
