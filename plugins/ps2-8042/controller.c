/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Ports 60 and 64.
 */
#include "ps2.h"

void controller_irq(struct ps2 *ps2)
{
	void *context = ps2->host->context;
	uint32_t mouse = ps2->full && ps2->source == FROM_MOUSE;
	ps2->irq->set(context, ps2->irq1, ps2->full && !mouse && (ps2->ccb & CCB_KIE) != 0);
	ps2->irq->set(context, ps2->irq12, mouse && (ps2->ccb & CCB_MIE) != 0);
}

static void put(struct ps2 *ps2, uint8_t byte, uint8_t source)
{
	ps2->data = byte;
	ps2->source = source;
	ps2->full = 1;
	controller_irq(ps2);
}

/* Take a device's next byte; -1 if there is none. */
static int32_t next(struct device *device)
{
	int32_t byte = vmm_ring_pop(&device->reply);
	if (byte < 0)
		byte = vmm_ring_pop(&device->queue);
	if (byte >= 0)
		device->last = (uint8_t)byte;
	return byte;
}

static uint32_t has_data(const struct device *device)
{
	return device->reply.count + device->queue.count > 0;
}

/* Set 2 becomes set 1: F0 vanishes and sets bit 7 of what follows.  -1: nothing to show. */
static int32_t translate(struct ps2 *ps2, uint8_t byte)
{
	if ((ps2->ccb & CCB_XLATE) == 0)
		return byte;
	if (byte == 0xf0) {
		ps2->released = 0x80;
		return -1;
	}
	uint8_t code = scancode_translate(byte) | ps2->released;
	ps2->released = 0;
	return code;
}

void controller_transfer(struct ps2 *ps2)
{
	while (!ps2->full) {
		uint32_t keyboard = (ps2->ccb & CCB_KOFF) == 0 && has_data(&ps2->keyboard.device);
		uint32_t mouse = (ps2->ccb & CCB_MOFF) == 0 && has_data(&ps2->mouse.device);
		if (!keyboard && !mouse)
			return;
		/* Bytes take their time, so that a driver that reads port 60 twice sees the same one. */
		if (ps2_now(ps2) < ps2->next_byte) {
			ps2->timer->arm(ps2->host->context, ps2->byte_timer, ps2->next_byte);
			return;
		}
		int32_t byte = next(keyboard ? &ps2->keyboard.device : &ps2->mouse.device);
		if (byte >= 0 && keyboard)
			byte = translate(ps2, (uint8_t)byte);
		if (byte >= 0)
			put(ps2, (uint8_t)byte, keyboard ? FROM_KEYBOARD : FROM_MOUSE);
	}
}

void controller_queued(struct ps2 *ps2)
{
	vmm_time soon = ps2_now(ps2) + BYTE_TIME;
	if (ps2->next_byte < soon && !ps2->full)
		ps2->next_byte = ps2->next_byte > ps2_now(ps2) ? ps2->next_byte : soon;
	controller_transfer(ps2);
}

static void write_output(struct ps2 *ps2, uint8_t value)
{
	if (((ps2->output ^ value) & OUTPUT_A20) != 0)
		ps2->power->a20(ps2->host->context, (value & OUTPUT_A20) != 0);
	uint32_t falling = (ps2->output & ~value & OUTPUT_RESET) != 0;
	ps2->output = value & (uint8_t) ~(OUTPUT_OBF | OUTPUT_MOBF);
	if (falling)
		ps2->power->cpu_init(ps2->host->context);
	ps2->output |= OUTPUT_RESET; /* the CPU would not run otherwise */
}

static uint8_t read_output(const struct ps2 *ps2)
{
	uint8_t value = ps2->output;
	if (ps2->full)
		value |= ps2->source == FROM_MOUSE ? OUTPUT_MOBF : OUTPUT_OBF;
	return value;
}

static void set_ccb(struct ps2 *ps2, uint8_t value)
{
	ps2->ccb = value;
	controller_irq(ps2);
	controller_transfer(ps2);
}

static void write_command(struct ps2 *ps2, uint8_t command)
{
	ps2->a2 = 1;
	ps2->command = 0;
	switch (command) {
	case 0xa4: /* is there a password? */ put(ps2, 0xf1, FROM_CONTROLLER); return;
	case 0xa7: set_ccb(ps2, ps2->ccb | CCB_MOFF); return;
	case 0xa8: set_ccb(ps2, ps2->ccb & (uint8_t)~CCB_MOFF); return;
	case 0xa9: /* test of the mouse's wires */
	case 0xab: /* and of the keyboard's */ put(ps2, 0x00, FROM_CONTROLLER); return;
	case 0xaa:
		/* The self test begins afresh: what the devices said at power-on is swallowed. */
		ps2->ccb |= CCB_SYS;
		vmm_ring_clear(&ps2->keyboard.device.reply);
		vmm_ring_clear(&ps2->keyboard.device.queue);
		vmm_ring_clear(&ps2->mouse.device.reply);
		vmm_ring_clear(&ps2->mouse.device.queue);
		ps2->released = 0;
		put(ps2, 0x55, FROM_CONTROLLER);
		return;
	case 0xad: set_ccb(ps2, ps2->ccb | CCB_KOFF); return;
	case 0xae: set_ccb(ps2, ps2->ccb & (uint8_t)~CCB_KOFF); return;
	case 0xc0: /* input port: no lock, colour display */ put(ps2, 0xbf, FROM_CONTROLLER); return;
	case 0xd0: put(ps2, read_output(ps2), FROM_CONTROLLER); return;
	case 0xdd: write_output(ps2, ps2->output & (uint8_t)~OUTPUT_A20); return;
	case 0xdf: write_output(ps2, ps2->output | OUTPUT_A20); return;
	case 0xe0: put(ps2, 0x00, FROM_CONTROLLER); return;
	case 0xa5: /* load a password: its bytes are swallowed until 0 */
	case 0xd1:
	case 0xd2:
	case 0xd3:
	case 0xd4: ps2->command = command; return;
	default: break;
	}
	if (command >= 0xf0) {
		/* Pulse low the lines whose bits are 0; line 0 is the CPU's reset. */
		if ((command & 1) == 0)
			ps2->power->cpu_init(ps2->host->context);
	} else if (command >= 0x60 && command < 0x80) {
		ps2->command = command;
	} else if (command >= 0x20 && command < 0x40) {
		put(ps2, (command & 31) == 0 ? ps2->ccb : ps2->ram[command & 31], FROM_CONTROLLER);
	}
}

static void write_data(struct ps2 *ps2, uint8_t byte)
{
	uint8_t command = ps2->command;
	ps2->a2 = 0;
	ps2->command = 0;
	switch (command) {
	case 0xa5:
		if (byte != 0)
			ps2->command = 0xa5;
		return;
	case 0xd1: write_output(ps2, byte); return;
	case 0xd2: put(ps2, byte, FROM_KEYBOARD); return;
	case 0xd3: put(ps2, byte, FROM_MOUSE); return;
	case 0xd4:
		ps2->ccb &= (uint8_t)~CCB_MOFF;
		mouse_write(ps2, byte);
		return;
	case 0: /* to the keyboard, whose clock it starts */
		ps2->ccb &= (uint8_t)~CCB_KOFF;
		keyboard_write(ps2, byte);
		return;
	default: break;
	}
	if ((command & 31) == 0)
		set_ccb(ps2, byte);
	else
		ps2->ram[command & 31] = byte;
}

enum { TOKEN_DATA = 0, TOKEN_COMMAND = 1 };

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct ps2 *ps2 = self;
	(void)offset;
	(void)size;
	if (token == TOKEN_COMMAND) {
		*value = STATUS_INH | (ps2->full ? STATUS_OBF : 0u) | (ps2->ccb & CCB_SYS ? STATUS_SYS : 0u) |
			(ps2->a2 ? STATUS_A2 : 0u) | (ps2->full && ps2->source == FROM_MOUSE ? STATUS_MOBF : 0u);
		return 0;
	}
	*value = ps2->data;
	if (ps2->full) {
		ps2->full = 0;
		controller_irq(ps2);
		vmm_time soon = ps2_now(ps2) + BYTE_TIME;
		ps2->next_byte = ps2->next_byte > soon ? ps2->next_byte : soon;
		controller_transfer(ps2);
	}
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)offset;
	(void)size;
	if (token == TOKEN_COMMAND)
		write_command(self, (uint8_t)value);
	else
		write_data(self, (uint8_t)value);
	return 0;
}

const struct vmm_io_ops controller_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

void controller_reset(struct ps2 *ps2, uint32_t kind)
{
	(void)kind;
	ps2->ccb = CCB_KOFF | CCB_MOFF;
	memset(ps2->ram, 0, sizeof(ps2->ram));
	ps2->output = OUTPUT_RESET | OUTPUT_A20 | 0xcc;
	ps2->full = ps2->source = ps2->data = ps2->command = ps2->a2 = ps2->released = 0;
	ps2->next_byte = 0;
	ps2->power->a20(ps2->host->context, 1);
	controller_irq(ps2);
}
