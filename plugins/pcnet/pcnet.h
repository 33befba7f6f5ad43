/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * AMD's Am79C970A, PCnet-PCI II (datasheet 19436C).  Names of registers and bits are the datasheet's.
 */
#ifndef PCNET_H
#define PCNET_H

#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/kit/net.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/timer.h>

#define SPACE     32u /* bytes of registers */
#define CSR_COUNT 128u
#define BCR_COUNT 32u
#define RING_MAX  512u

/* CSR0 */
#define CSR0_ERR   0x8000u
#define CSR0_BABL  0x4000u
#define CSR0_CERR  0x2000u
#define CSR0_MISS  0x1000u
#define CSR0_MERR  0x0800u
#define CSR0_RINT  0x0400u
#define CSR0_TINT  0x0200u
#define CSR0_IDON  0x0100u
#define CSR0_INTR  0x0080u
#define CSR0_IENA  0x0040u
#define CSR0_RXON  0x0020u
#define CSR0_TXON  0x0010u
#define CSR0_TDMD  0x0008u
#define CSR0_STOP  0x0004u
#define CSR0_STRT  0x0002u
#define CSR0_INIT  0x0001u
#define CSR0_CLEAR (CSR0_BABL | CSR0_CERR | CSR0_MISS | CSR0_MERR | CSR0_RINT | CSR0_TINT | CSR0_IDON)

/* CSR3 masks causes of CSR0, bit by bit. */
#define CSR3_MASKS 0x5f00u
#define CSR3_BSWP  0x0004u

#define CSR4_DPOLL     0x1000u
#define CSR4_ASTRP_RCV 0x0400u
#define CSR4_MFCO      0x0200u
#define CSR4_UINTCMD   0x0080u
#define CSR4_UINT      0x0040u
#define CSR4_RCVCCO    0x0020u
#define CSR4_TXSTRT    0x0008u
#define CSR4_JAB       0x0002u
#define CSR4_CLEAR     (CSR4_MFCO | CSR4_UINT | CSR4_RCVCCO | CSR4_TXSTRT | CSR4_JAB)

#define CSR5_TOKINTD 0x8000u
#define CSR5_LTINTEN 0x4000u
#define CSR5_SINT    0x0800u
#define CSR5_CLEAR   0x0a90u /* SINT, SLPINT, EXDINT, MPINT */
#define CSR5_ENABLES 0x0548u
#define CSR5_SPND    0x0001u

/* CSR15, MODE */
#define MODE_PROM    0x8000u
#define MODE_DRCVBC  0x4000u
#define MODE_DRCVPA  0x2000u
#define MODE_DLNKTST 0x1000u
#define MODE_DXMTFCS 0x0008u
#define MODE_LOOP    0x0004u
#define MODE_DTX     0x0002u
#define MODE_DRX     0x0001u

#define BCR20_SSIZE32  0x0100u
#define BCR20_CSRPCNET 0x0200u

/* The high bits of a descriptor's second word, as in the 32-bit structures; in 16-bit ones they are 16 lower. */
#define MD_OWN     UINT32_C(0x80000000)
#define MD_ERR     UINT32_C(0x40000000)
#define MD_BUFF    UINT32_C(0x04000000) /* receive */
#define MD_ADD_FCS UINT32_C(0x20000000) /* transmit */
#define MD_LTINT   UINT32_C(0x10000000)
#define MD_STP     UINT32_C(0x02000000)
#define MD_ENP     UINT32_C(0x01000000)
#define MD_PAM     UINT32_C(0x00400000)
#define MD_LAFM    UINT32_C(0x00200000)
#define MD_BAM     UINT32_C(0x00100000)
#define TMD_LCAR   UINT32_C(0x08000000) /* in the status word */

struct pcnet {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_region_service *region;
	const struct vmm_event_service *event;
	const struct vmm_timer_service *timer;
	struct vmm_pci pci;
	struct vmm_net_card card;
	vmm_handle memory, ports, alarm;
	uint8_t running, kicked, sending;
	uint32_t epoch; /* stops and resets so far: what was begun before one is not finished */

	uint8_t aprom[16];
	uint16_t csr[CSR_COUNT], bcr[BCR_COUNT];
	uint8_t rap, dwio;
	uint16_t rx_index, tx_index;
	uint32_t credit;   /* descriptors that may be sent before the next word */
	uint8_t misses;    /* looks at a ring without room for the frame that waits */
	vmm_time poll_due; /* 0: not */
	vmm_time poll_step;

	uint8_t buffer[VMM_NET_ROOM];
};

/* csr.c */
uint16_t csr_read(struct pcnet *pcnet, uint32_t number);
void csr_write(struct pcnet *pcnet, uint32_t number, uint16_t value);
uint16_t bcr_read(struct pcnet *pcnet, uint32_t number);
void bcr_write(struct pcnet *pcnet, uint32_t number, uint16_t value);
void csr_reset(struct pcnet *pcnet, uint32_t hard);
void csr_wants(struct pcnet *pcnet);
void interrupt_update(struct pcnet *pcnet);
void interrupt_raise(struct pcnet *pcnet, uint16_t causes);
uint32_t csr_is_suspended(const struct pcnet *pcnet);

/* space.c */
extern const struct vmm_io_ops port_ops;
extern const struct vmm_region_ops memory_ops;

/* descriptor.c */
struct descriptor {
	uint64_t at;      /* where it lies */
	uint32_t address; /* of the buffer */
	uint32_t flags;   /* the high bits of its second word, in their 32-bit places */
	uint32_t length;  /* of the buffer, 1..4096 */
};
int32_t descriptor_read(struct pcnet *pcnet, uint32_t transmit, uint32_t index, struct descriptor *descriptor);
/* Give it back: flags without OWN, and the status word (MCNT, or errors). */
int32_t descriptor_write(struct pcnet *pcnet, uint32_t transmit, const struct descriptor *descriptor, uint32_t status);
uint32_t ring_length(const struct pcnet *pcnet, uint32_t transmit);
int32_t block_read(struct pcnet *pcnet);

/* transmit.c */
void transmit_run(struct pcnet *pcnet);
void transmit_kick(struct pcnet *pcnet);

/* receive.c */
uint32_t receive_frame(void *self, const struct vmm_net_frame *frame);

/* poll.c: what is only to be found by looking */
void poll_soon(struct pcnet *pcnet);
void poll_alarm(void *self, uint64_t token);
void poll_plan(struct pcnet *pcnet);

/* state.c */
int32_t state_save(void *self);
int32_t state_load(void *self, uint32_t version);

#endif
