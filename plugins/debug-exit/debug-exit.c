/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Ends the run when the guest writes to a port, for test guests: with exit status (value << 1) | 1, which leaves 0 to
 * a guest that switches the power off.
 */
#include <vmm/io.h>
#include <vmm/kit/plugin.h>
#include <vmm/machine.h>

#define PORTS 4

struct debug_exit {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_power_service *power;
	vmm_handle claim;
};

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	*value = 0;
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct debug_exit *device = self;
	(void)token;
	(void)offset;
	(void)size;
	/* The host's exit status has eight bits. */
	device->power->exit(device->host->context, (int32_t)((value << 1 | 1) & 0xff));
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

static int32_t init(void *self)
{
	struct debug_exit *device = self;
	const struct vmm_host *host = device->host;
	uint32_t port = (uint32_t)vmm_kit_int(host, "port", 0xf4);
	device->io = vmm_kit_service(host, VMM_SERVICE_IO);
	device->power = vmm_kit_service(host, VMM_SERVICE_POWER);
	if (device->io == NULL || device->power == NULL)
		return -ENOTSUP;
	int32_t status = device->io->claim(host->context, port, PORTS, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, 0,
		&io_ops, device, 0, &device->claim);
	if (status < 0)
		return vmm_kit_fail(host, status, "choose another `port =`", "I/O ports %#x to %#x are taken", port,
			port + PORTS - 1);
	return 0;
}

static void destroy(void *self)
{
	struct debug_exit *device = self;
	if (device->claim != 0)
		device->io->release(device->host->context, device->claim);
	free(device);
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
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_INT("port", "0xf4", 0, 0xfffc, "First of its four I/O ports."),
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
	.id = "org.vmm.debug-exit",
	.name = "Exit port",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A port that ends the run with the status that the guest writes to it",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(debug_exit, VMM_KIND_DEVICE, descriptor, instance_ops, struct debug_exit);
