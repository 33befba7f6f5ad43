/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: registers, life and saved state.
 */
#include "hpet.h"

#define PERIOD_FS (TICK * UINT64_C(1000000))
#define PRIORITY  1

static uint64_t timer_get(const struct hpet *hpet, uint32_t offset)
{
	const struct comparator *comparator = &hpet->comparators[(offset - 0x100) / 0x20];
	if ((offset - 0x100) / 0x20 >= hpet->count)
		return 0;
	switch (offset & 0x18) {
	case 0x00: return comparator->conf | TN_CAN | TN_64 | (uint64_t)ROUTES << 32;
	case 0x08: return comparator->compare;
	default: return 0; /* no messages: FSB delivery is not offered */
	}
}

static uint64_t register_get(const struct hpet *hpet, uint32_t offset)
{
	switch (offset) {
	case 0x000: return PERIOD_FS << 32 | hpet_id(hpet);
	case 0x010: return hpet->conf;
	case 0x020: {
		uint64_t status = 0;
		for (uint32_t i = 0; i < hpet->count; i++)
			status |= (uint64_t)hpet->comparators[i].raised << i;
		return status;
	}
	case 0x0f0: return counter_read(hpet);
	default: return offset >= 0x100 && offset < 0x100 + TIMERS_MAX * 0x20 ? timer_get(hpet, offset) : 0;
	}
}

static void conf_set(struct comparator *comparator, uint32_t value)
{
	uint32_t changed = comparator->conf ^ value;
	comparator->conf = value;
	if ((value & TN_LEVEL) == 0)
		comparator->raised = 0;
	if ((changed & TN_32) != 0 && (value & TN_32) != 0) {
		comparator->compare &= UINT32_MAX;
		comparator->period &= UINT32_MAX;
	}
	if ((changed & (TN_32 | TN_PERIODIC)) != 0)
		comparator_plan(comparator);
	comparator_line(comparator);
	comparators_route(comparator->hpet);
}

static void timer_set(struct hpet *hpet, uint32_t offset, uint64_t value)
{
	struct comparator *comparator = &hpet->comparators[(offset - 0x100) / 0x20];
	if ((offset - 0x100) / 0x20 >= hpet->count)
		return;
	switch (offset & 0x18) {
	case 0x00: conf_set(comparator, (uint32_t)value & TN_WRITABLE); break;
	case 0x08: comparator_compare(comparator, value); break;
	default: break;
	}
}

static void status_clear(struct hpet *hpet, uint64_t bits)
{
	for (uint32_t i = 0; i < hpet->count; i++) {
		if ((bits >> i & 1) == 0)
			continue;
		hpet->comparators[i].raised = 0;
		comparator_line(&hpet->comparators[i]);
	}
}

static void counter_set(struct hpet *hpet, uint64_t value)
{
	hpet->counter = value;
	hpet->since = hpet->timer->now(hpet->host->context, VMM_CLOCK_GUEST);
	for (uint32_t i = 0; i < hpet->count; i++)
		comparator_plan(&hpet->comparators[i]);
}

static void register_set(struct hpet *hpet, uint32_t offset, uint64_t value)
{
	switch (offset) {
	case 0x010: hpet_enable(hpet, (uint32_t)value & (CONF_ENABLE | (hpet->can_take ? CONF_LEGACY : 0))); break;
	case 0x020: status_clear(hpet, value); break;
	case 0x0f0: counter_set(hpet, value); break;
	default:
		if (offset >= 0x100 && offset < 0x100 + TIMERS_MAX * 0x20)
			timer_set(hpet, offset, value);
		break;
	}
}

static int32_t window_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	uint64_t whole = register_get(self, (uint32_t)offset & ~7u);
	(void)token;
	*value = size == 8 ? whole : whole >> (offset & 4) * 8 & UINT32_MAX;
	return 0;
}

/* Half a register is written: the other half stays. */
static int32_t window_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct hpet *hpet = self;
	uint32_t at = (uint32_t)offset & ~7u;
	(void)token;
	if (size == 4) {
		/* Writing 0 to the status clears nothing; what is periodic keeps its period in the other half. */
		uint64_t whole = at == 0x020 ? 0 : register_get(hpet, at);
		if (at >= 0x100 && (at & 0x18) == 8 && (at - 0x100) / 0x20 < hpet->count) {
			const struct comparator *comparator = &hpet->comparators[(at - 0x100) / 0x20];
			if ((comparator->conf & (TN_PERIODIC | TN_SET)) == TN_PERIODIC)
				whole = comparator->period;
		}
		value = (offset & 4) == 0 ? (whole & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX)
					  : (whole & UINT32_MAX) | value << 32;
	}
	register_set(hpet, at, value);
	return 0;
}

static const struct vmm_region_ops window_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = window_read,
	.write = window_write,
};

static int32_t init(void *self)
{
	struct hpet *hpet = self;
	const struct vmm_host *host = hpet->host;
	hpet->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	hpet->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	hpet->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (hpet->region == NULL || hpet->irq == NULL || hpet->timer == NULL)
		return -ENOTSUP;
	hpet->can_take = VMM_HAS(hpet->irq, take);
	hpet->count = (uint32_t)vmm_kit_int(host, "timers", TIMERS_MIN);
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_MMIO,
		.size_minimum = 4,
		.size_maximum = 8,
		.length = HPET_LENGTH,
		.ops = &window_ops,
		.self = hpet,
		.name = "HPET",
	};
	int32_t status = hpet->region->create(host->context, &desc, &hpet->registers);
	if (status >= 0)
		status = hpet->region->map(host->context, hpet->registers, HPET_BASE, PRIORITY);
	for (uint32_t i = 0; status >= 0 && i < hpet->count; i++) {
		struct comparator *comparator = &hpet->comparators[i];
		comparator->hpet = hpet;
		status = hpet->irq->open(host->context, 20 + i % 4, &comparator->source);
		if (status >= 0)
			status = hpet->timer->create(
				host->context, VMM_CLOCK_GUEST, comparator_due, hpet, i, &comparator->timer);
	}
	if (status >= 0)
		status = firmware_add(hpet);
	return status < 0 ? vmm_kit_fail(host, status, "report this", "cannot set up the HPET") : 0;
}

static void reset(void *self, uint32_t kind)
{
	struct hpet *hpet = self;
	(void)kind;
	hpet->conf = 0;
	hpet->counter = 0;
	hpet->since = 0;
	for (uint32_t i = 0; i < hpet->count; i++) {
		struct comparator *comparator = &hpet->comparators[i];
		comparator->conf = 0;
		comparator->raised = 0;
		comparator->compare = UINT64_MAX; /* 2.3.9: all ones */
		comparator->period = 0;
		comparator_plan(comparator);
		comparator_line(comparator);
	}
	comparators_route(hpet);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct hpet, conf, CONF_ENABLE | CONF_LEGACY),
	VMM_FIELD(struct hpet, counter),
	VMM_FIELD(struct hpet, since),
};

static const struct vmm_field timer_fields[] = {
	VMM_FIELD_MAX(struct comparator, conf, TN_WRITABLE),
	VMM_FIELD_MAX(struct comparator, raised, 1),
	VMM_FIELD(struct comparator, compare),
	VMM_FIELD(struct comparator, period),
	VMM_FIELD(struct comparator, next),
};

static const char *const prefixes[TIMERS_MAX] = { "timer0.", "timer1.", "timer2.", "timer3.", "timer4.", "timer5.",
	"timer6.", "timer7." };

static int32_t save(void *self)
{
	struct hpet *hpet = self;
	int32_t status = vmm_fields_save(hpet->host, "", hpet, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; status >= 0 && i < hpet->count; i++)
		status = vmm_fields_save(
			hpet->host, prefixes[i], &hpet->comparators[i], timer_fields, VMM_KIT_COUNT(timer_fields));
	return status;
}

static int32_t load(void *self, uint32_t version)
{
	struct hpet *hpet = self;
	(void)version;
	int32_t status = vmm_fields_load(hpet->host, "", hpet, fields, VMM_KIT_COUNT(fields));
	for (uint32_t i = 0; status >= 0 && i < hpet->count; i++) {
		struct comparator *comparator = &hpet->comparators[i];
		status = vmm_fields_load(
			hpet->host, prefixes[i], comparator, timer_fields, VMM_KIT_COUNT(timer_fields));
		comparator->conf &= TN_WRITABLE;
	}
	if (status < 0)
		return status;
	if (hpet->since > hpet->timer->now(hpet->host->context, VMM_CLOCK_GUEST))
		return vmm_kit_fail(hpet->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"the saved counter began in the future");
	comparators_route(hpet);
	for (uint32_t i = 0; i < hpet->count; i++)
		comparator_resume(&hpet->comparators[i]);
	return 0;
}

static void destroy(void *self)
{
	struct hpet *hpet = self;
	for (uint32_t i = 0; i < hpet->count; i++) {
		if (hpet->comparators[i].timer != 0)
			hpet->timer->destroy(hpet->host->context, hpet->comparators[i].timer);
	}
	if (hpet->registers != 0)
		hpet->region->destroy(hpet->host->context, hpet->registers);
	free(hpet);
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_INT("timers", "3", TIMERS_MIN, TIMERS_MAX, "How many comparators it has."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.hpet",
	.name = "HPET",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A high precision event timer: a 100 MHz counter with 3 to 8 comparators",
	.params = params,
};

VMM_KIT_PLUGIN(hpet, VMM_KIND_DEVICE, descriptor, instance_ops, struct hpet);
