/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * com.example.counter: a PCI function to copy.  It counts guest time, raises an interrupt when the count reaches a
 * value, and copies blocks of guest memory.  Read it from top to bottom; docs/plugin-tutorial.md goes along.
 *
 * Registers in BAR 0, 32 bits each:
 *   00 ID       reads "CNTR"                          14 RATE      ticks a second (the setting `rate`)
 *   04 CONTROL  bit 0 count, bit 1 interrupt          18 SOURCE    guest address of the copy, low and (1c) high half
 *   08 STATUS   bit 0 the count was reached,          20 TARGET    where it goes, low and (24) high half
 *               bit 1 copied, bit 2 copy failed;      28 LENGTH    bytes, up to 1 MiB
 *               writing a 1 clears a bit              2c START     writing 1 starts the copy; reads 1 while it goes on
 *   0c COUNT    10 COMPARE
 */
#include <vmm/event.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/memory.h>
#include <vmm/timer.h>

#define REG_ID      0x00
#define REG_CONTROL 0x04
#define REG_STATUS  0x08
#define REG_COUNT   0x0c
#define REG_COMPARE 0x10
#define REG_RATE    0x14
#define REG_SOURCE  0x18
#define REG_TARGET  0x20
#define REG_LENGTH  0x28
#define REG_START   0x2c

#define CONTROL_COUNT     1u
#define CONTROL_INTERRUPT 2u
#define STATUS_REACHED    1u
#define STATUS_COPIED     2u
#define STATUS_FAILED     4u

#define BAR_LENGTH  4096
#define COPY_LENGTH (1u << 20)
#define SECOND      UINT64_C(1000000000)

/* One instance.  Nothing is global: a machine may have any number of counters, and a process any of machines. */
struct counter {
	const struct vmm_host *host;
	/* Services and resources of the host. */
	const struct vmm_event_service *event;
	const struct vmm_region_service *region;
	const struct vmm_timer_service *timer;
	vmm_handle bar, reached_timer;
	/* Settings: fixed while the instance lives. */
	uint32_t rate;
	/* What the guest sees, and so what is saved. */
	struct vmm_pci pci;
	uint32_t control, status, compare;
	uint32_t base; /* the count at guest time `since` */
	uint64_t since;
	uint64_t source, target;
	uint32_t length, left; /* of the copy; left: bytes still to go */
	/* Not saved: whether a deferred call is on its way. */
	uint32_t deferred;
};

/* Time.  The count is never kept up by a timer: it is computed from the guest clock when somebody looks. */

static uint64_t ticks(const struct counter *counter, vmm_time now)
{
	if ((counter->control & CONTROL_COUNT) == 0 || now < counter->since)
		return 0;
	return vmm_kit_muldiv(now - counter->since, counter->rate, SECOND);
}

static vmm_time now(const struct counter *counter)
{
	return counter->timer->now(counter->host->context, VMM_CLOCK_GUEST);
}

/* Make the present count the new base, so that base and since may be changed. */
static void rebase(struct counter *counter)
{
	vmm_time time = now(counter);
	uint64_t passed = ticks(counter, time);
	/* Not `time`: part of a tick may have passed, and must not be lost. */
	if ((counter->control & CONTROL_COUNT) != 0)
		counter->since += vmm_kit_muldiv(passed, SECOND, counter->rate);
	else
		counter->since = time;
	counter->base += (uint32_t)passed;
}

/* Only what must happen by itself needs a timer: here, reaching COMPARE. */
static void timer_arm(struct counter *counter)
{
	vmm_time deadline = VMM_TIME_NEVER;
	if ((counter->control & CONTROL_COUNT) != 0) {
		uint64_t distance = (uint32_t)(counter->compare - counter->base);
		/* The tick after those that have passed; the count goes round every 2^32. */
		while (distance <= ticks(counter, now(counter)))
			distance += UINT64_C(1) << 32;
		deadline = counter->since + vmm_kit_muldiv(distance, SECOND, counter->rate) + 1;
	}
	counter->timer->arm(counter->host->context, counter->reached_timer, deadline);
}

/* The kit turns the level into INTx, or into a message once the guest has switched MSI on. */
static void interrupt_update(struct counter *counter)
{
	vmm_pci_interrupt(&counter->pci, counter->status != 0 && (counter->control & CONTROL_INTERRUPT) != 0);
}

static void reached(void *self, uint64_t token)
{
	struct counter *counter = self;
	(void)token;
	counter->status |= STATUS_REACHED;
	rebase(counter);
	timer_arm(counter);
	interrupt_update(counter);
}

/* Copying.  A write to START only defers the work: a vCPU waits for us while we are in its register access.  DMA goes
 * through the bus, which knows whether the guest has allowed it (bus mastering). */
static void copy_step(void *self, uint64_t token)
{
	struct counter *counter = self;
	uint8_t block[4096];
	uint32_t length = counter->left < sizeof(block) ? counter->left : (uint32_t)sizeof(block);
	uint64_t done = counter->length - counter->left;
	int32_t status = -EIO;
	(void)token;
	counter->deferred = 0;
	if (counter->left == 0)
		return; /* a reset came first */
	if (counter->pci.bus != NULL)
		status = counter->pci.bus->dma_read(counter->pci.bus_self, counter->source + done, block, length);
	if (status >= 0)
		status = counter->pci.bus->dma_write(counter->pci.bus_self, counter->target + done, block, length);
	counter->left = status >= 0 ? counter->left - length : 0;
	if (counter->left > 0 && counter->event->defer(counter->host->context, copy_step, counter, 0) >= 0) {
		counter->deferred = 1;
		return;
	}
	counter->status |= status < 0 || counter->left > 0 ? STATUS_FAILED : STATUS_COPIED;
	counter->left = 0;
	interrupt_update(counter);
}

static void copy_defer(struct counter *counter)
{
	if (counter->left > 0 && !counter->deferred)
		counter->deferred = counter->event->defer(counter->host->context, copy_step, counter, 0) >= 0;
}

/* Registers.  The host has already cut the guest's accesses to aligned ones of 4 bytes, as the region asks for. */

static int32_t bar_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	struct counter *counter = self;
	(void)token;
	(void)size;
	switch (offset) {
	case REG_ID: *value = 0x52544e43; break;
	case REG_CONTROL: *value = counter->control; break;
	case REG_STATUS: *value = counter->status; break;
	case REG_COUNT: *value = (uint32_t)(counter->base + ticks(counter, now(counter))); break;
	case REG_COMPARE: *value = counter->compare; break;
	case REG_RATE: *value = counter->rate; break;
	case REG_SOURCE: *value = (uint32_t)counter->source; break;
	case REG_SOURCE + 4: *value = counter->source >> 32; break;
	case REG_TARGET: *value = (uint32_t)counter->target; break;
	case REG_TARGET + 4: *value = counter->target >> 32; break;
	case REG_LENGTH: *value = counter->length; break;
	case REG_START: *value = counter->left > 0; break;
	default: *value = 0; break;
	}
	return 0;
}

static int32_t bar_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct counter *counter = self;
	(void)token;
	(void)size;
	/* A guest may write anything at any time; it must only ever hurt itself. */
	if (counter->left > 0 && offset >= REG_SOURCE && offset <= REG_START)
		return 0;
	switch (offset) {
	case REG_CONTROL:
		rebase(counter);
		counter->control = value & (CONTROL_COUNT | CONTROL_INTERRUPT);
		break;
	case REG_STATUS: counter->status &= (uint32_t)~value; break;
	case REG_COUNT:
		counter->base = (uint32_t)value;
		counter->since = now(counter);
		break;
	case REG_COMPARE: counter->compare = (uint32_t)value; break;
	case REG_SOURCE: counter->source = (counter->source & ~UINT64_C(0xffffffff)) | value; break;
	case REG_SOURCE + 4: counter->source = (uint32_t)counter->source | value << 32; break;
	case REG_TARGET: counter->target = (counter->target & ~UINT64_C(0xffffffff)) | value; break;
	case REG_TARGET + 4: counter->target = (uint32_t)counter->target | value << 32; break;
	case REG_LENGTH: counter->length = value > COPY_LENGTH ? COPY_LENGTH : (uint32_t)value; break;
	case REG_START:
		if ((value & 1) != 0)
			counter->left = counter->length;
		copy_defer(counter);
		break;
	default: return 0;
	}
	timer_arm(counter);
	interrupt_update(counter);
	return 0;
}

static const struct vmm_region_ops bar_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = bar_read,
	.write = bar_write,
};

/* The life of an instance.  create() is the kit's: it allocates a zeroed struct and no more. */

static int32_t init(void *self)
{
	/* Vendor 1234 belongs to nobody; ask the PCI-SIG for a number of your own before you give a device away. */
	static const struct vmm_pci_ids ids = {
		.vendor = 0x1234,
		.device = 0xc0de,
		.subsystem_vendor = 0x1234,
		.subsystem = 0x0001,
		.class_code = 0x088000, /* a system peripheral of no other kind */
		.revision = 1,
		.pin = 1,
	};
	struct counter *counter = self;
	const struct vmm_host *host = counter->host;
	counter->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	counter->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	counter->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (counter->event == NULL || counter->region == NULL || counter->timer == NULL)
		return -ENOTSUP;
	counter->rate = (uint32_t)vmm_kit_int(host, "rate", 1000000);
	const struct vmm_region_desc bar = {
		.struct_size = sizeof(bar),
		.type = VMM_REGION_MMIO,
		.size_minimum = 4,
		.size_maximum = 4,
		.length = BAR_LENGTH,
		.ops = &bar_ops,
		.self = counter,
		.name = "counter",
	};
	int32_t status = counter->region->create(host->context, &bar, &counter->bar);
	if (status >= 0)
		status = counter->timer->create(
			host->context, VMM_CLOCK_GUEST, reached, counter, 0, &counter->reached_timer);
	if (status < 0)
		return vmm_kit_fail(host, status, "close other programs", "the host has no memory for its registers");
	vmm_pci_init(&counter->pci, host, &ids);
	vmm_pci_add_bar(&counter->pci, 0, VMM_PCI_BAR_MEMORY32, BAR_LENGTH, counter->bar);
	if (vmm_kit_bool(host, "msi", 1))
		vmm_pci_add_msi(&counter->pci, 1);
	return 0;
}

static void reset(void *self, uint32_t kind)
{
	struct counter *counter = self;
	(void)kind; /* nothing survives a warm reset */
	counter->control = counter->status = counter->base = counter->compare = 0;
	counter->source = counter->target = 0;
	counter->length = counter->left = 0;
	counter->since = now(counter);
	vmm_pci_reset(&counter->pci);
	timer_arm(counter);
}

/* Saved fields have names and greatest values: a state that was tampered with is refused by the kit. */
static const struct vmm_field fields[] = {
	VMM_FIELD_MAX(struct counter, control, CONTROL_COUNT | CONTROL_INTERRUPT),
	VMM_FIELD_MAX(struct counter, status, STATUS_REACHED | STATUS_COPIED | STATUS_FAILED),
	VMM_FIELD(struct counter, compare),
	VMM_FIELD(struct counter, base),
	VMM_FIELD(struct counter, since),
	VMM_FIELD(struct counter, source),
	VMM_FIELD(struct counter, target),
	VMM_FIELD_MAX(struct counter, length, COPY_LENGTH),
	VMM_FIELD_MAX(struct counter, left, COPY_LENGTH),
};

static int32_t save(void *self)
{
	struct counter *counter = self;
	int32_t status = vmm_pci_save(&counter->pci);
	return status < 0 ? status : vmm_fields_save(counter->host, "", counter, fields, VMM_KIT_COUNT(fields));
}

static int32_t load(void *self, uint32_t version)
{
	struct counter *counter = self;
	(void)version; /* there has been one only */
	int32_t status = vmm_pci_load(&counter->pci);
	if (status >= 0)
		status = vmm_fields_load(counter->host, "", counter, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	/* What the kit cannot know: how fields hang together. */
	if (counter->left > counter->length || counter->since > now(counter))
		return vmm_kit_fail(counter->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"a saved field is out of range");
	/* Timers are not saved. */
	timer_arm(counter);
	return 0;
}

/* The machine starts, or goes on: so does a copy that was under way. */
static int32_t start(void *self)
{
	copy_defer(self);
	return 0;
}

static void destroy(void *self)
{
	struct counter *counter = self;
	/* Also after an init that failed half-way. */
	if (counter->reached_timer != 0)
		counter->timer->destroy(counter->host->context, counter->reached_timer);
	if (counter->bar != 0)
		counter->region->destroy(counter->host->context, counter->bar);
	free(counter);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct counter *counter = self;
	if (strcmp(key, "bus") != 0)
		return -ENOENT;
	vmm_pci_get_port(&counter->pci, side);
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

/* What the core needs to know before it makes an instance; `vmm plugin info` shows it. */

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_INT("rate", "1000000", 1, 1000000000, "Ticks a second."),
	VMM_KIT_PARAM_BOOL("msi", "yes", "Offer message signalled interrupts."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_PCI, "The PCI bus it sits on."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "com.example.counter",
	.name = "Counter",
	.version = "1.0",
	.licence = "BSD-2-Clause",
	.description = "A counter with a timer interrupt and block copies, to start a device of your own from",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(counter, VMM_KIND_DEVICE, descriptor, instance_ops, struct counter);
