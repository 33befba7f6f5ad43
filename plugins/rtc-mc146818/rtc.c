/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: registers, interrupts, saved state.
 */
#include <time.h>

#include "rtc.h"

/* UIP is seen from 244 us before an update cycle of 1984 us (figure 14); the time changes at its end. */
#define UIP_TIME INT64_C(2228000)
#define CRYSTAL  32768

static int64_t second_of(int64_t nanoseconds)
{
	return nanoseconds / SECOND - (nanoseconds % SECOND < 0);
}

static uint64_t tick_of(int64_t nanoseconds)
{
	/* Only differences count; the bias keeps dates before 1970 positive. */
	return (uint64_t)(((__int128)nanoseconds + ((__int128)SECOND << 34)) * CRYSTAL / SECOND);
}

/* Ticks between periodic interrupts; 0: none (table 5). */
static uint32_t period(const struct rtc *rtc)
{
	uint32_t rate = rtc->cmos[RTC_A] & A_RS;
	if (rate == 0 || rtc_divider_reset(rtc))
		return 0;
	return rate <= 2 ? 64u << rate : 1u << (rate - 1);
}

/* Set the flags of all that has happened since the last look. */
static void sync(struct rtc *rtc)
{
	int64_t now = rtc_now(rtc);
	int64_t second = second_of(now);
	uint64_t tick = tick_of(now);
	uint32_t ticks = period(rtc);
	if (!rtc_stopped(rtc) && second > (int64_t)rtc->seen_second) {
		rtc->cmos[RTC_C] |= C_UF;
		if (rtc_next_alarm(rtc, (int64_t)rtc->seen_second) <= second)
			rtc->cmos[RTC_C] |= C_AF;
	}
	rtc->seen_second = (uint64_t)second;
	if (ticks != 0 && tick / ticks != rtc->seen_tick / ticks)
		rtc->cmos[RTC_C] |= C_PF;
	rtc->seen_tick = tick;
}

static int64_t time_of_tick(uint64_t tick)
{
	return (int64_t)(((__int128)tick * SECOND + CRYSTAL - 1) / CRYSTAL - ((__int128)SECOND << 34));
}

/* Drive the line, and wait for the next event that would raise it. */
static void update(struct rtc *rtc)
{
	uint8_t enabled = rtc->cmos[RTC_B];
	uint32_t raised = (rtc->cmos[RTC_C] & enabled & (C_PF | C_AF | C_UF)) != 0;
	rtc->cmos[RTC_C] = (uint8_t)((rtc->cmos[RTC_C] & ~C_IRQF) | (raised ? C_IRQF : 0));
	rtc->irq->set(rtc->host->context, rtc->source, raised);
	int64_t now = rtc_now(rtc);
	int64_t next = INT64_MAX;
	if (!raised && !rtc_stopped(rtc)) {
		int64_t second = second_of(now);
		if ((enabled & B_UIE) != 0)
			next = (second + 1) * SECOND;
		else if ((enabled & B_AIE) != 0) {
			int64_t alarm = rtc_next_alarm(rtc, second);
			next = alarm == INT64_MAX ? alarm : alarm * SECOND;
		}
	}
	uint32_t ticks = period(rtc);
	if (!raised && (enabled & B_PIE) != 0 && ticks != 0) {
		int64_t periodic = time_of_tick((tick_of(now) / ticks + 1) * ticks);
		next = periodic < next ? periodic : next;
	}
	vmm_time guest = rtc->timer->now(rtc->host->context, VMM_CLOCK_GUEST);
	rtc->timer->arm(rtc->host->context, rtc->event,
		next == INT64_MAX ? VMM_TIME_NEVER : guest + (vmm_time)(next > now ? next - now : 0));
}

static void event_due(void *self, uint64_t token)
{
	(void)token;
	sync(self);
	update(self);
}

static uint8_t read_register(struct rtc *rtc, uint32_t index)
{
	uint8_t value;
	if (rtc_is_time(index))
		return rtc_time_register(rtc, index);
	switch (index) {
	case RTC_A: {
		int64_t now = rtc_now(rtc);
		uint32_t uip = !rtc_stopped(rtc) && now - second_of(now) * SECOND >= SECOND - UIP_TIME;
		return rtc->cmos[RTC_A] | (uip ? A_UIP : 0);
	}
	case RTC_C:
		sync(rtc);
		update(rtc);
		value = rtc->cmos[RTC_C];
		rtc->cmos[RTC_C] = 0;
		update(rtc);
		return value;
	case RTC_D: return D_VRT;
	default: return rtc->cmos[index];
	}
}

/* Registers A and B can stop the clock and let it go on. */
static void write_control(struct rtc *rtc, uint32_t index, uint8_t value)
{
	uint32_t stopped = rtc_stopped(rtc);
	if (!stopped && ((index == RTC_A && (value & A_DV) >= 0x60) || (index == RTC_B && (value & B_SET) != 0))) {
		rtc_hold(rtc);
		stopped = 1;
	}
	rtc->cmos[index] = value;
	if (rtc_divider_reset(rtc))
		rtc->held = 1;
	if (stopped && !rtc_stopped(rtc)) {
		rtc_release(rtc);
		rtc->seen_second = (uint64_t)second_of(rtc_now(rtc));
		rtc->seen_tick = tick_of(rtc_now(rtc));
	}
}

static void write_register(struct rtc *rtc, uint32_t index, uint8_t value)
{
	if (rtc_is_time(index)) {
		sync(rtc);
		rtc_set_register(rtc, index, value);
		rtc->seen_second = (uint64_t)second_of(rtc_now(rtc));
		rtc->seen_tick = tick_of(rtc_now(rtc));
		update(rtc);
		return;
	}
	switch (index) {
	case RTC_A:
		sync(rtc);
		write_control(rtc, index, value & (uint8_t)~A_UIP);
		update(rtc);
		break;
	case RTC_B:
		sync(rtc);
		/* SET clears UIE (register B). */
		write_control(rtc, index, (value & B_SET) != 0 ? value & (uint8_t)~B_UIE : value);
		update(rtc);
		break;
	case RTC_C:
	case RTC_D: break; /* read-only */
	case RTC_SECONDS_ALARM:
	case RTC_MINUTES_ALARM:
	case RTC_HOURS_ALARM:
		sync(rtc);
		rtc->cmos[index] = value;
		update(rtc);
		break;
	default: rtc->cmos[index] = value; break;
	}
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct rtc *rtc = self;
	(void)token;
	(void)size;
	/* The index register cannot be read on a PC. */
	*value = (offset & 1) == 0 ? 0xff : read_register(rtc, rtc->index & 0x7f);
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct rtc *rtc = self;
	(void)token;
	(void)size;
	if ((offset & 1) == 0)
		rtc->index = (uint8_t)value;
	else
		write_register(rtc, rtc->index & 0x7f, (uint8_t)value);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

/* `base`: what the clock shows when the machine is made. */
static int32_t set_base(struct rtc *rtc)
{
	char text[64];
	struct date date;
	int64_t real = (int64_t)rtc->timer->now(rtc->host->context, VMM_CLOCK_REAL);
	vmm_kit_string(rtc->host, "base", text, sizeof(text));
	if (strcmp(text, "utc") == 0 || text[0] == '\0')
		return 0;
	if (strcmp(text, "localtime") == 0) {
		time_t now = (time_t)(real / SECOND);
		struct tm local;
		if (localtime_r(&now, &local) != NULL)
			rtc->offset = (uint64_t)(local.tm_gmtoff * SECOND);
		return 0;
	}
	if (calendar_parse(text, &date) < 0 || date.year > 2200)
		return vmm_kit_fail(rtc->host, -EINVAL, "write utc, localtime or a date as 1999-12-31T23:59:00",
			"`base = %s` is no date up to 2200", text);
	rtc->offset = (uint64_t)(calendar_seconds(&date) * SECOND) - (uint64_t)real;
	return 0;
}

static int32_t init(void *self)
{
	struct rtc *rtc = self;
	const struct vmm_host *host = rtc->host;
	rtc->io = vmm_kit_service(host, VMM_SERVICE_IO);
	rtc->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	rtc->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (rtc->io == NULL || rtc->irq == NULL || rtc->timer == NULL)
		return -ENOTSUP;
	int32_t status = set_base(rtc);
	if (status < 0)
		return status;
	status = rtc->io->claim(host->context, 0x70, 2, VMM_IO_SIZE_1, 0, &io_ops, rtc, 0, &rtc->claim);
	if (status < 0)
		return vmm_kit_fail(
			host, status, "leave one of the two devices out", "I/O ports 0x70 and 0x71 are taken");
	status = rtc->irq->open(host->context, 8, &rtc->source);
	if (status >= 0)
		status = rtc->timer->create(host->context, VMM_CLOCK_GUEST, event_due, rtc, 0, &rtc->event);
	return status;
}

static void reset(void *self, uint32_t kind)
{
	struct rtc *rtc = self;
	if (rtc_stopped(rtc))
		rtc_release(rtc);
	/* The battery keeps time and memory; RESET# clears the enables and the flags. */
	if (kind == VMM_RESET_POWER) {
		rtc->cmos[RTC_A] = 0x26;
		rtc->cmos[RTC_B] = B_24;
	} else {
		rtc->cmos[RTC_A] &= (uint8_t)~0x40; /* a stopped clock goes on */
		rtc->cmos[RTC_B] &= (uint8_t) ~(B_SET | B_PIE | B_AIE | B_UIE | B_SQWE);
	}
	rtc->cmos[RTC_C] = 0;
	rtc->cmos[RTC_D] = D_VRT;
	rtc->index = 0;
	rtc->held = 0;
	rtc->seen_second = (uint64_t)second_of(rtc_now(rtc));
	rtc->seen_tick = tick_of(rtc_now(rtc));
	update(rtc);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct rtc, index),
	VMM_FIELD_ARRAY(struct rtc, cmos),
	VMM_FIELD_MAX(struct rtc, held, 1),
	VMM_FIELD_MAX(struct rtc, weekday_shift, 6),
	VMM_FIELD(struct rtc, offset),
	VMM_FIELD(struct rtc, seen_second),
	VMM_FIELD(struct rtc, seen_tick),
};

static int32_t save(void *self)
{
	struct rtc *rtc = self;
	return vmm_fields_save(rtc->host, "", rtc, fields, VMM_KIT_COUNT(fields));
}

static int32_t load(void *self, uint32_t version)
{
	struct rtc *rtc = self;
	(void)version;
	int32_t status = vmm_fields_load(rtc->host, "", rtc, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	int64_t second = (int64_t)rtc->seen_second;
	if (second < -10000000000 || second > 10000000000)
		return vmm_kit_fail(rtc->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"saved field seen_second is out of range");
	rtc->cmos[RTC_A] &= (uint8_t)~A_UIP;
	update(rtc);
	return 0;
}

static void destroy(void *self)
{
	struct rtc *rtc = self;
	if (rtc->claim != 0)
		rtc->io->release(rtc->host->context, rtc->claim);
	if (rtc->event != 0)
		rtc->timer->destroy(rtc->host->context, rtc->event);
	free(rtc);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "bus") != 0)
		return -ENOENT;
	vmm_kit_port_isa(self, side);
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

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_STRING("base", "utc",
		"What the clock shows: utc, localtime, or a date and time such as 1999-12-31T23:59:00 at which the "
		"machine starts."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT_ISA_CHILD,
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
	.id = "org.vmm.rtc-mc146818",
	.name = "MC146818 real-time clock",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's real-time clock with alarm, IRQ8 and 128 bytes of CMOS memory",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(rtc_mc146818, VMM_KIND_DEVICE, descriptor, instance_ops, struct rtc);
