/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: settings, ports of the machine, life and saved state.
 */
#include "parallel.h"

static int32_t init(void *self)
{
	static const uint16_t bases[3] = { 0x378, 0x278, 0x3bc };
	static const uint8_t lines[3] = { 7, 5, 7 };
	struct parallel *parallel = self;
	const struct vmm_host *host = parallel->host;
	parallel->io = vmm_kit_service(host, VMM_SERVICE_IO);
	parallel->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	parallel->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (parallel->io == NULL || parallel->irq == NULL || parallel->timer == NULL)
		return -ENOTSUP;
	uint32_t port = vmm_kit_choice(host, "port") % 3;
	uint32_t base = (uint32_t)vmm_kit_int(host, "base", bases[port]);
	/* At 3BC there is room for three ports only: a VGA follows.  So there is no EPP. */
	uint32_t count = (base & 7) == 0 ? 8 : 3;
	parallel->line = (uint32_t)vmm_kit_int(host, "irq", lines[port]);
	vmm_ring_init(&parallel->out, parallel->out_data, FIFO_SIZE);
	vmm_ring_init(&parallel->in, parallel->in_data, FIFO_SIZE);
	int32_t status = parallel->io->claim(
		host->context, base, count, VMM_IO_SIZE_1, 0, &standard_ops, parallel, 0, &parallel->claims[0]);
	if (status >= 0)
		status = parallel->io->claim(host->context, base + 0x400, 3, VMM_IO_SIZE_1, 0, &extended_ops, parallel,
			0, &parallel->claims[1]);
	if (status < 0)
		return vmm_kit_fail(host, status, "choose another with `port = lpt2` or `base =`",
			"I/O ports %#x to %#x or %#x to %#x are taken", base, base + count - 1, base + 0x400,
			base + 0x402);
	status = parallel->irq->open(host->context, parallel->line, &parallel->source);
	if (status >= 0)
		status = parallel->timer->create(
			host->context, VMM_CLOCK_GUEST, ack_due, parallel, 0, &parallel->ack_timer);
	return status < 0 ? vmm_kit_fail(host, status, "choose another `irq =`", "interrupt line %u cannot be used",
				    parallel->line)
			  : 0;
}

static void reset(void *self, uint32_t kind)
{
	struct parallel *parallel = self;
	(void)kind;
	parallel->data = 0;
	parallel->control = 0x04; /* nInit inactive */
	parallel->ecr = MODE_BYTE << 5 | ECR_NERROR | ECR_SERVICE;
	parallel->epp_address = parallel->timed_out = parallel->pending = parallel->strobed = 0;
	parallel->ack_end = 0;
	parallel->ack_unseen = 0;
	vmm_ring_clear(&parallel->out);
	vmm_ring_clear(&parallel->in);
	parallel->timer->arm(parallel->host->context, parallel->ack_timer, VMM_TIME_NEVER);
	/* Nothing is said to the backend within a reset: what it holds back is asked for at the next start. */
	parallel->held = 1;
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct parallel, data),
	VMM_FIELD_MAX(struct parallel, control, CONTROL_BITS),
	VMM_FIELD_MAX(struct parallel, ecr, 0xfc),
	VMM_FIELD(struct parallel, epp_address),
	VMM_FIELD_MAX(struct parallel, timed_out, 1),
	VMM_FIELD_MAX(struct parallel, pending, 1),
	VMM_FIELD(struct parallel, strobed),
	VMM_FIELD(struct parallel, ack_end),
	VMM_FIELD_MAX(struct parallel, ack_unseen, 1),
};

static int32_t save(void *self)
{
	struct parallel *parallel = self;
	int32_t status = vmm_fields_save(parallel->host, "", parallel, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ring_save(parallel->host, "out", &parallel->out);
	if (status >= 0)
		status = vmm_ring_save(parallel->host, "in", &parallel->in);
	return status;
}

static int32_t load(void *self, uint32_t version)
{
	struct parallel *parallel = self;
	(void)version;
	int32_t status = vmm_fields_load(parallel->host, "", parallel, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_ring_load(parallel->host, "out", &parallel->out);
	if (status >= 0)
		status = vmm_ring_load(parallel->host, "in", &parallel->in);
	if (status < 0)
		return status;
	parallel->ecr &= (uint8_t) ~(ECR_EMPTY | ECR_FULL);
	if (parallel->ack_end > parallel->timer->now(parallel->host->context, VMM_CLOCK_GUEST))
		parallel->timer->arm(parallel->host->context, parallel->ack_timer, parallel->ack_end);
	parallel->held = 1;
	return 0;
}

static int32_t start(void *self)
{
	struct parallel *parallel = self;
	/* A byte or a FIFO that waits goes to a backend that may be another than when it was saved. */
	backend_send(parallel);
	backend_room(parallel);
	return 0;
}

static void destroy(void *self)
{
	struct parallel *parallel = self;
	for (uint32_t i = 0; i < 2; i++) {
		if (parallel->claims[i] != 0)
			parallel->io->release(parallel->host->context, parallel->claims[i]);
	}
	if (parallel->ack_timer != 0)
		parallel->timer->destroy(parallel->host->context, parallel->ack_timer);
	free(parallel);
}

static void backend_attached(void *self, const struct vmm_link *link)
{
	struct parallel *parallel = self;
	parallel->backend = link->peer;
	parallel->backend_self = link->peer_self;
}

static void backend_closing(void *self, const struct vmm_link *link)
{
	struct parallel *parallel = self;
	(void)link;
	parallel->backend = NULL;
	parallel->held = 0;
	/* Nobody is going to take it. */
	parallel->pending = 0;
}

static void detached(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
}

static const struct vmm_port_ops backend_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = backend_attached,
	.closing = backend_closing,
	.detached = detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	side->port_self = side->self = self;
	if (strcmp(key, "backend") == 0) {
		side->ops = &backend_ops;
		side->table = &char_upper;
		return 0;
	}
	if (strcmp(key, "bus") == 0) {
		vmm_kit_port_isa(self, side);
		return 0;
	}
	return -ENOENT;
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
	VMM_KIT_PARAM_CHOICE("port", "lpt1", "lpt1|lpt2|lpt3",
		"Which of a PC's parallel ports this is: it sets the I/O ports (378, 278, 3BC) and the interrupt "
		"line."),
	VMM_KIT_PARAM_INT("base", NULL, 0x100, 0xf800,
		"First of the I/O ports, instead of the one that goes with port; a multiple of 8 for EPP."),
	VMM_KIT_PARAM_INT("irq", NULL, 0, 15, "Interrupt line, instead of the one that goes with port."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "backend", VMM_PORT_CHAR, "What the cable is connected to."),
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
	.id = "org.vmm.parallel",
	.name = "Parallel port",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A PC's parallel port with EPP and ECP registers",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(parallel, VMM_KIND_DEVICE, descriptor, instance_ops, struct parallel);
