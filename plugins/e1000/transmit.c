/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Frames out of the transmit ring (3.3, 3.4).
 *
 * A frame is sent once all of its descriptors are there, and only then are they given back and TDH moved on: one that
 * the network does not take yet stays in the ring, and nothing of it need be saved.
 */
#include "e1000.h"

#define LONGEST     (VMM_NET_FRAME_MAXIMUM - 4u) /* with room for a tag */
#define DESCRIPTORS 512u                         /* of a frame */
#define PIECES      DESCRIPTORS
#define COPIED      512u /* frames up to this length are copied; of longer ones, the headers */
#define HEADERS     256u
#define FETCHED     32u

/* How much is done in one go, before others have their turn. */
#define BUDGET_DESCRIPTORS 1024u
#define BUDGET_BYTES       (128u << 10)

/* Of the fields of a descriptor's third and fourth word (3.3.3, 3.3.6, 3.3.7). */
#define CMD_EOP  0x01u
#define CMD_IFCS 0x02u
#define CMD_IC   0x04u /* legacy; in data descriptors: */
#define CMD_TSE  0x04u
#define CMD_RS   0x08u
#define CMD_DEXT 0x20u
#define CMD_VLE  0x40u
#define CMD_IDE  0x80u
#define DTYP     0xf
#define STA_DD   0x01u

struct descriptor {
	uint64_t address;
	uint32_t lower, upper;
};

struct piece {
	uint64_t address;
	uint32_t length;
};

/* A descriptor to be given back. */
struct mark {
	uint32_t index;
	uint8_t cmd, sta;
};

struct assembly {
	struct e1000 *e1000;
	uint32_t epoch, index, count; /* the next descriptor, of how many in the ring */
	uint32_t fetched, fetched_at; /* how many are in the cache, from which on */
	struct descriptor cache[FETCHED];
	struct mark marks[DESCRIPTORS];
	uint32_t mark_count;
	struct piece pieces[PIECES];
	uint32_t piece_count;
	uint32_t total; /* at most LONGEST and a descriptor's 20 bits */
	struct transmit transmit;
};

static uint32_t le32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Has the card been reset, or its ring changed, by what it has written itself? */
static uint32_t is_stale(const struct assembly *assembly)
{
	return assembly->epoch != assembly->e1000->epoch || assembly->e1000->pci.bus == NULL;
}

static int32_t descriptor_get(struct assembly *assembly, uint32_t tail, struct descriptor *descriptor)
{
	struct e1000 *e1000 = assembly->e1000;
	uint32_t at = assembly->index - assembly->fetched_at;
	if (at >= assembly->fetched) {
		uint8_t bytes[FETCHED * 16];
		uint32_t end = tail > assembly->index ? tail : assembly->count;
		uint32_t number = end - assembly->index < FETCHED ? end - assembly->index : FETCHED;
		if (is_stale(assembly) ||
			e1000->pci.bus->dma_read(e1000->pci.bus_self, ring_at(e1000, TDBAL, assembly->index), bytes,
				(uint64_t)number * 16) < 0 ||
			is_stale(assembly))
			return -EIO;
		for (uint32_t i = 0; i < number; i++) {
			const uint8_t *from = bytes + (size_t)i * 16;
			assembly->cache[i] = (struct descriptor){ (uint64_t)le32(from + 4) << 32 | le32(from),
				le32(from + 8), le32(from + 12) };
		}
		assembly->fetched = number;
		assembly->fetched_at = assembly->index;
		at = 0;
	}
	*descriptor = assembly->cache[at];
	return 0;
}

/* 3.3.6: the one with TSE is for segmentation, the other for checksums. */
static void context_load(struct e1000 *e1000, const struct descriptor *descriptor)
{
	struct context *context = (descriptor->lower >> 24 & TUCMD_TSE) != 0 ? &e1000->segmentation : &e1000->checksum;
	uint32_t low = (uint32_t)descriptor->address;
	uint32_t high = (uint32_t)(descriptor->address >> 32);
	*context = (struct context){ .ipcss = (uint8_t)low,
		.ipcso = (uint8_t)(low >> 8),
		.ipcse = (uint16_t)(low >> 16),
		.tucss = (uint8_t)high,
		.tucso = (uint8_t)(high >> 8),
		.tucse = (uint16_t)(high >> 16),
		.paylen = descriptor->lower & 0xfffff,
		.tucmd = (uint8_t)(descriptor->lower >> 24),
		.hdrlen = (uint8_t)(descriptor->upper >> 8),
		.mss = (uint16_t)(descriptor->upper >> 16) };
}

static uint32_t is_context(const struct descriptor *descriptor)
{
	return (descriptor->lower >> 24 & CMD_DEXT) != 0 && (descriptor->lower >> 20 & DTYP) == 0;
}

/* A part of a frame.  1: it is the last. */
static uint32_t data_add(struct assembly *assembly, const struct descriptor *descriptor)
{
	struct transmit *transmit = &assembly->transmit;
	uint32_t cmd = descriptor->lower >> 24;
	uint32_t extended = cmd & CMD_DEXT;
	uint32_t length = descriptor->lower & (extended ? 0xfffff : 0xffff);
	/* POPTS and TSE are of the first, the rest of the last (3.3.7.1, 3.3.3). */
	if (assembly->total == 0 && assembly->piece_count == 0) {
		transmit->tse = extended && (cmd & CMD_TSE) != 0;
		transmit->popts = extended ? descriptor->upper >> 8 & 0xff : 0;
	}
	if (length > 0 && assembly->piece_count < PIECES)
		assembly->pieces[assembly->piece_count++] = (struct piece){ descriptor->address, length };
	assembly->total += length;
	if ((cmd & CMD_EOP) == 0)
		return 0;
	transmit->ic = !extended && (cmd & CMD_IC) != 0;
	transmit->cso = descriptor->lower >> 16 & 0xff;
	transmit->css = descriptor->upper >> 8 & 0xff;
	transmit->ifcs = cmd & CMD_IFCS;
	transmit->vle = cmd & CMD_VLE;
	transmit->tag = descriptor->upper >> 16;
	return 1;
}

/* Give descriptors back: DD where it was asked for, then TDH, then the causes (3.4.2). */
static int32_t marks_return(struct assembly *assembly)
{
	struct e1000 *e1000 = assembly->e1000;
	uint32_t causes = 0;
	uint32_t delayed = 0;
	for (uint32_t i = 0; i < assembly->mark_count; i++) {
		const struct mark *mark = &assembly->marks[i];
		const uint8_t sta = mark->sta | STA_DD;
		if ((mark->cmd & CMD_RS) == 0)
			continue;
		if (is_stale(assembly) ||
			e1000->pci.bus->dma_write(
				e1000->pci.bus_self, ring_at(e1000, TDBAL, mark->index) + 12, &sta, 1) < 0)
			return -EIO;
		if ((mark->cmd & CMD_IDE) != 0)
			delayed = 1;
		else
			causes |= ICR_TXDW;
	}
	if (is_stale(assembly))
		return -EIO;
	*register_at(e1000, TDH) = assembly->index;
	uint32_t waiting = (register_get(e1000, TDT) + assembly->count - assembly->index) % assembly->count;
	uint32_t threshold = (register_get(e1000, TXDCTL) >> 25) * 8;
	if (waiting == 0)
		causes |= ICR_TXQE;
	if (threshold != 0 && waiting == threshold)
		causes |= ICR_TXD_LOW;
	if (causes != 0)
		interrupt_raise(e1000, causes);
	if (delayed)
		interrupt_sent(e1000);
	return 0;
}

/* Sending. */

/* The parts of a frame that are not copied. */
struct lent {
	struct vmm_net_segment segments[VMM_NET_SEGMENTS];
	vmm_handle maps[VMM_NET_SEGMENTS];
	uint32_t count;
};

static void lent_return(struct e1000 *e1000, struct lent *lent)
{
	for (uint32_t i = 1; i < lent->count; i++)
		e1000->pci.bus->dma_unmap(e1000->pci.bus_self, lent->maps[i], 0);
	lent->count = 0;
}

/* Map what is behind the first `skip` bytes; -EAGAIN: it must be copied. */
static int32_t lent_map(const struct assembly *assembly, struct lent *lent, uint64_t skip, uint64_t length)
{
	struct e1000 *e1000 = assembly->e1000;
	const struct vmm_pci_upper *bus = e1000->pci.bus;
	for (uint32_t i = 0; i < assembly->piece_count && length > 0; i++) {
		uint64_t address = assembly->pieces[i].address;
		uint64_t left = assembly->pieces[i].length;
		uint64_t over = skip < left ? skip : left;
		skip -= over;
		address += over;
		left -= over;
		left = left < length ? left : length;
		while (left > 0) {
			uint64_t here = left;
			void *pointer;
			vmm_handle *map = &lent->maps[lent->count];
			if (lent->count == VMM_NET_SEGMENTS || !VMM_HAS(bus, dma_map) ||
				bus->dma_map(e1000->pci.bus_self, address, &here, VMM_DIRECTION_FROM_GUEST, map,
					&pointer) < 0)
				return -EAGAIN;
			lent->segments[lent->count++] = (struct vmm_net_segment){ pointer, here };
			address += here;
			left -= here;
			length -= here;
		}
	}
	return 0;
}

static int32_t head_read(const struct assembly *assembly, uint32_t length)
{
	struct e1000 *e1000 = assembly->e1000;
	uint32_t done = 0;
	for (uint32_t i = 0; i < assembly->piece_count && done < length; i++) {
		uint32_t here = assembly->pieces[i].length < length - done ? assembly->pieces[i].length : length - done;
		if (e1000->pci.bus->dma_read(
			    e1000->pci.bus_self, assembly->pieces[i].address, e1000->buffer + done, here) < 0 ||
			is_stale(assembly))
			return -EIO;
		done += here;
	}
	return 0;
}

/* -EAGAIN: try again with all of it copied; -EINVAL: it is nothing that can be sent. */
static int32_t frame_build(struct assembly *assembly, uint32_t copied, struct vmm_net_frame *frame, struct lent *lent)
{
	struct e1000 *e1000 = assembly->e1000;
	uint32_t length = assembly->total;
	/* The frame brings its own check sequence. */
	if (!assembly->transmit.ifcs && length > 18)
		length -= 4;
	if (length < 14 || length > LONGEST)
		return -EINVAL;
	uint32_t head = copied || length <= COPIED ? length : HEADERS;
	uint32_t skip = head;
	int32_t status = head_read(assembly, head);
	if (status < 0)
		return status;
	*frame = (struct vmm_net_frame){ .struct_size = sizeof(*frame), .length = length, .segments = lent->segments };
	status = offload_apply(e1000, &assembly->transmit, frame, &head);
	if (status < 0)
		return status;
	lent->segments[0] = (struct vmm_net_segment){ e1000->buffer, head };
	lent->count = 1;
	status = lent_map(assembly, lent, skip, length - skip);
	frame->segment_count = lent->count;
	if (status < 0 || is_stale(assembly))
		lent_return(e1000, lent);
	return status;
}

static int32_t loop_back(void *self, const struct vmm_net_frame *frame)
{
	receive_frame(self, frame);
	return 0;
}

/* RCTL.LBM: in the MAC, or where the PHY turns it around (13.4.22). */
static uint32_t is_loopback(const struct e1000 *e1000)
{
	uint32_t mode = register_get(e1000, RCTL) & RCTL_LBM;
	return mode == 0x40 || (e1000->phy[PHY_PCTRL] & PCTRL_LOOPBACK) != 0;
}

static void frame_count(struct e1000 *e1000, const struct vmm_net_frame *frame)
{
	if (frame->segmentation == VMM_NET_SEGMENT_NONE) {
		count_sent(e1000, e1000->buffer, frame->length, 1);
		return;
	}
	uint64_t payload = frame->length - frame->header_length;
	uint32_t whole = (uint32_t)((payload - 1) / frame->segment_size);
	count_sent(e1000, e1000->buffer, (uint64_t)frame->header_length + frame->segment_size, whole);
	count_sent(e1000, e1000->buffer, frame->length - (uint64_t)whole * frame->segment_size, 1);
	count_add(e1000, TSCTC, 1);
}

/* -EAGAIN: the network takes no more. */
static int32_t frame_send(struct assembly *assembly)
{
	struct e1000 *e1000 = assembly->e1000;
	struct vmm_net_frame frame;
	struct lent lent;
	lent.count = 0;
	int32_t status = frame_build(assembly, 0, &frame, &lent);
	if (status == -EAGAIN)
		status = frame_build(assembly, 1, &frame, &lent);
	if (is_stale(assembly))
		return -EIO;
	if (status < 0) {
		/* It is swallowed; without bus mastering nothing moves. */
		if (assembly->transmit.tse)
			count_add(e1000, TSCTFC, 1);
		return status == -EIO ? -EIO : 0;
	}
	if (is_loopback(e1000))
		vmm_net_finish(&frame, 0, e1000->room, loop_back, e1000);
	else if (vmm_net_card_send(&e1000->card, &frame, sizeof(frame), 1) == 0)
		status = -EAGAIN;
	lent_return(e1000, &lent);
	if (status >= 0)
		frame_count(e1000, &frame);
	return status;
}

/* The next frame, or context, of the ring.  Negative: no more can be done now; else how many descriptors it had. */
static int32_t frame_next(struct assembly *assembly)
{
	struct e1000 *e1000 = assembly->e1000;
	uint32_t begin = assembly->index;
	assembly->mark_count = assembly->piece_count = assembly->total = 0;
	for (;;) {
		uint32_t tail = register_get(e1000, TDT);
		struct descriptor descriptor;
		if (assembly->index == tail || tail >= assembly->count ||
			descriptor_get(assembly, tail, &descriptor) < 0)
			return -ENOENT;
		assembly->marks[assembly->mark_count++] = (struct mark){ assembly->index,
			(uint8_t)(descriptor.lower >> 24), (uint8_t)descriptor.upper };
		assembly->index = (assembly->index + 1) % assembly->count;
		if (is_context(&descriptor)) {
			context_load(e1000, &descriptor);
			if (assembly->mark_count == 1)
				break;
		} else if (data_add(assembly, &descriptor)) {
			int32_t status = e1000->skipping ? 0 : frame_send(assembly);
			if (status < 0)
				return status;
			e1000->skipping = 0;
			break;
		} else if (e1000->skipping) {
			break;
		}
		/* More than can be a frame: it is dropped to its end. */
		if (assembly->mark_count == DESCRIPTORS || assembly->total > LONGEST) {
			e1000->skipping = 1;
			break;
		}
	}
	uint32_t number = (assembly->index + assembly->count - begin) % assembly->count;
	int32_t status = marks_return(assembly);
	return status < 0 ? status : (int32_t)number;
}

static void transmit_more(void *self, uint64_t token)
{
	struct e1000 *e1000 = self;
	(void)token;
	e1000->kicked = 0;
	if (e1000->running)
		transmit_run(e1000);
}

void transmit_run(struct e1000 *e1000)
{
	struct assembly assembly;
	uint32_t descriptors = 0;
	uint32_t bytes = 0;
	if (e1000->sending || (register_get(e1000, TCTL) & TCTL_EN) == 0 || e1000->pci.bus == NULL)
		return;
	assembly.e1000 = e1000;
	assembly.epoch = e1000->epoch;
	assembly.count = ring_count(e1000, TDBAL);
	assembly.index = register_get(e1000, TDH);
	assembly.fetched = assembly.fetched_at = 0;
	if (assembly.index >= assembly.count)
		return;
	e1000->sending = 1;
	for (;;) {
		if (descriptors >= BUDGET_DESCRIPTORS || bytes >= BUDGET_BYTES) {
			if (!e1000->kicked)
				e1000->kicked = e1000->event->defer(e1000->host->context, transmit_more, e1000, 0) >= 0;
			break;
		}
		assembly.transmit = (struct transmit){ 0 };
		int32_t done = frame_next(&assembly);
		if (done < 0 || is_stale(&assembly))
			break;
		descriptors += (uint32_t)done;
		bytes += assembly.total;
	}
	e1000->sending = 0;
}
