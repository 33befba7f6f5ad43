/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Intel 82093AA I/O APIC (290566-001), with the EOI register of later ones.
 *
 * A PC's IRQ0 comes in at pin 2, where the 8259A's cascade would be; all other lines at the pin of their number.
 * The polarity bits are kept but have no effect: lines are levels of "asserted" here.
 */
#include <vmm/kit/plugin.h>
#include <vmm/memory.h>
#include <vmm/port-interrupt.h>

#define PINS     24
#define BASE     0xfec00000u
#define PRIORITY 10

#define IOREGSEL 0x00
#define IOWIN    0x10
#define EOIR     0x40

#define IOAPICID  0x00
#define IOAPICVER 0x01
#define IOAPICARB 0x02
#define IOREDTBL  0x10

/* The low half of a redirection table entry. */
#define RTE_VECTOR     0x000000ffu
#define RTE_DELIVERY   0x00000700u
#define RTE_LOGICAL    0x00000800u
#define RTE_REMOTE_IRR 0x00004000u
#define RTE_LEVEL      0x00008000u
#define RTE_MASK       0x00010000u
#define RTE_WRITABLE   0x0001afffu /* all but delivery status and remote IRR */

#define MESSAGE_ASSERT 0x00004000u

struct ioapic {
	const struct vmm_host *host;
	const struct vmm_region_service *region;
	const struct vmm_interrupt_lower *core;
	void *core_self;
	vmm_handle window;
	uint32_t version;

	uint8_t select;
	uint32_t id;
	uint32_t lines; /* pins that are high */
	uint32_t low[PINS], high[PINS];
};

static void send(struct ioapic *ioapic, uint32_t pin)
{
	uint32_t low = ioapic->low[pin];
	uint64_t address = 0xfee00000u | (uint64_t)(ioapic->high[pin] >> 24) << 12 |
		((low & RTE_LOGICAL) != 0 ? 1u << 2 : 0);
	if (ioapic->core != NULL)
		ioapic->core->message(
			ioapic->core_self, address, (low & (RTE_VECTOR | RTE_DELIVERY | RTE_LEVEL)) | MESSAGE_ASSERT);
}

/* A level that waits is sent once; then its EOI is awaited. */
static void service(struct ioapic *ioapic, uint32_t pin)
{
	uint32_t low = ioapic->low[pin];
	if ((low & (RTE_LEVEL | RTE_MASK | RTE_REMOTE_IRR)) != RTE_LEVEL || (ioapic->lines >> pin & 1) == 0)
		return;
	ioapic->low[pin] |= RTE_REMOTE_IRR;
	send(ioapic, pin);
}

static void line(void *self, uint32_t number, uint32_t level)
{
	struct ioapic *ioapic = self;
	uint32_t pin = number == 0 ? 2 : number;
	if (number == 2 || pin >= PINS)
		return;
	uint32_t rising = level && (ioapic->lines >> pin & 1) == 0;
	ioapic->lines = (ioapic->lines & ~(1u << pin)) | (uint32_t)(level != 0) << pin;
	if ((ioapic->low[pin] & RTE_LEVEL) != 0)
		service(ioapic, pin);
	else if (rising && (ioapic->low[pin] & RTE_MASK) == 0)
		send(ioapic, pin); /* an edge at a masked pin is lost (3.2.4, interrupt mask) */
}

static void eoi(void *self, uint32_t vector)
{
	struct ioapic *ioapic = self;
	for (uint32_t pin = 0; pin < PINS; pin++) {
		uint32_t low = ioapic->low[pin];
		if ((low & RTE_LEVEL) == 0 || (low & RTE_VECTOR) != vector || (low & RTE_REMOTE_IRR) == 0)
			continue;
		ioapic->low[pin] &= ~RTE_REMOTE_IRR;
		service(ioapic, pin);
	}
}

static const struct vmm_interrupt_upper upper = {
	.struct_size = sizeof(struct vmm_interrupt_upper),
	.line = line,
	.eoi = eoi,
};

static uint32_t read_register(struct ioapic *ioapic)
{
	uint32_t index = ioapic->select;
	switch (index) {
	case IOAPICID:
	case IOAPICARB: return ioapic->id << 24;
	case IOAPICVER: return (PINS - 1) << 16 | ioapic->version;
	default: break;
	}
	uint32_t pin = (index - IOREDTBL) / 2;
	if (index < IOREDTBL || pin >= PINS)
		return 0;
	return (index & 1) != 0 ? ioapic->high[pin] : ioapic->low[pin];
}

static void write_register(struct ioapic *ioapic, uint32_t value)
{
	uint32_t index = ioapic->select;
	if (index == IOAPICID) {
		ioapic->id = value >> 24 & 15;
		return;
	}
	uint32_t pin = (index - IOREDTBL) / 2;
	if (index < IOREDTBL || pin >= PINS)
		return;
	if ((index & 1) != 0) {
		ioapic->high[pin] = value & 0xff000000;
		return;
	}
	ioapic->low[pin] = (ioapic->low[pin] & ~RTE_WRITABLE) | (value & RTE_WRITABLE);
	/* Software without an EOI register ends a level by making the pin edge-triggered for a moment. */
	if ((ioapic->low[pin] & RTE_LEVEL) == 0)
		ioapic->low[pin] &= ~RTE_REMOTE_IRR;
	service(ioapic, pin);
}

static int32_t window_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	struct ioapic *ioapic = self;
	(void)token;
	(void)size;
	switch (offset & 0xff) {
	case IOREGSEL: *value = ioapic->select; break;
	case IOWIN: *value = read_register(ioapic); break;
	default: *value = 0; break;
	}
	return 0;
}

static int32_t window_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct ioapic *ioapic = self;
	(void)token;
	(void)size;
	switch (offset & 0xff) {
	case IOREGSEL: ioapic->select = (uint8_t)value; break;
	case IOWIN: write_register(ioapic, (uint32_t)value); break;
	case EOIR:
		if (ioapic->version >= 0x20)
			eoi(ioapic, value & 0xff);
		break;
	default: break;
	}
	return 0;
}

static const struct vmm_region_ops window_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = window_read,
	.write = window_write,
};

static int32_t init(void *self)
{
	struct ioapic *ioapic = self;
	const struct vmm_host *host = ioapic->host;
	ioapic->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	if (ioapic->region == NULL)
		return -ENOTSUP;
	ioapic->version = vmm_kit_choice(host, "version") == 1 ? 0x11 : 0x20;
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_MMIO,
		.size_minimum = 4,
		.size_maximum = 4,
		.length = 4096,
		.ops = &window_ops,
		.self = ioapic,
		.name = "I/O APIC",
	};
	int32_t status = ioapic->region->create(host->context, &desc, &ioapic->window);
	if (status >= 0)
		status = ioapic->region->map(
			host->context, ioapic->window, (uint64_t)vmm_kit_int(host, "base", BASE), PRIORITY);
	return status < 0 ? vmm_kit_fail(host, status, "report this", "cannot map the I/O APIC's registers") : 0;
}

static void reset(void *self, uint32_t kind)
{
	struct ioapic *ioapic = self;
	(void)kind;
	ioapic->select = 0;
	ioapic->id = 0;
	for (uint32_t pin = 0; pin < PINS; pin++) {
		ioapic->low[pin] = RTE_MASK;
		ioapic->high[pin] = 0;
	}
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct ioapic, select),
	VMM_FIELD_MAX(struct ioapic, id, 15),
	VMM_FIELD_MAX(struct ioapic, lines, (1u << PINS) - 1),
	VMM_FIELD_ARRAY_MAX(struct ioapic, low, RTE_WRITABLE | RTE_REMOTE_IRR),
	VMM_FIELD_ARRAY(struct ioapic, high),
};

static int32_t save(void *self)
{
	struct ioapic *ioapic = self;
	return vmm_fields_save(ioapic->host, "", ioapic, fields, VMM_KIT_COUNT(fields));
}

static int32_t load(void *self, uint32_t version)
{
	struct ioapic *ioapic = self;
	(void)version;
	return vmm_fields_load(ioapic->host, "", ioapic, fields, VMM_KIT_COUNT(fields));
}

static void destroy(void *self)
{
	struct ioapic *ioapic = self;
	if (ioapic->window != 0)
		ioapic->region->destroy(ioapic->host->context, ioapic->window);
	free(ioapic);
}

static void core_attached(void *self, const struct vmm_link *link)
{
	struct ioapic *ioapic = self;
	ioapic->core = link->peer;
	ioapic->core_self = link->peer_self;
}

static void core_detached(void *self, const struct vmm_link *link)
{
	struct ioapic *ioapic = self;
	(void)link;
	ioapic->core = NULL;
}

static const struct vmm_port_ops core_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = core_attached,
	.detached = core_detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	if (strcmp(key, "interrupt") != 0)
		return -ENOENT;
	side->ops = &core_ops;
	side->port_self = self;
	side->table = &upper;
	side->self = self;
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
	VMM_KIT_PARAM_CHOICE(
		"version", "0x20", "0x20|0x11", "Its version register: 0x20 has an EOI register, 0x11 is an 82093AA."),
	VMM_KIT_PARAM_INT("base", "0xfec00000", 0xfec00000, 0xfecff000, "Physical address of its registers."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_CORE, "interrupt", VMM_PORT_INTERRUPT,
		"The interrupt lines and the processors."),
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
	.id = "org.vmm.ioapic-82093",
	.name = "82093AA I/O APIC",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "An I/O APIC with 24 inputs, which sends interrupts to the local APICs",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(ioapic_82093, VMM_KIND_DEVICE, descriptor, instance_ops, struct ioapic);
