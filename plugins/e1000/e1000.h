/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Intel 82545EM and 82540EM, after the PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual
 * (317453-006).  Names of registers and bits, and section numbers in comments, are the manual's.
 */
#ifndef E1000_H
#define E1000_H

#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/kit/net.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/timer.h>

#define MEMORY_SIZE    0x20000u
#define IO_SIZE        64u
#define REGISTER_COUNT (0x6000u / 4)
#define EEPROM_WORDS   64u
#define PHY_COUNT      32u

/* Registers (13.4). */
#define CTRL     0x0000u
#define STATUS   0x0008u
#define EECD     0x0010u
#define EERD     0x0014u
#define CTRL_EXT 0x0018u
#define FLA      0x001cu
#define MDIC     0x0020u
#define FCAL     0x0028u
#define FCAH     0x002cu
#define FCT      0x0030u
#define VET      0x0038u
#define ICR      0x00c0u
#define ITR      0x00c4u
#define ICS      0x00c8u
#define IMS      0x00d0u
#define IMC      0x00d8u
#define RCTL     0x0100u
#define FCTTV    0x0170u
#define TXCW     0x0178u
#define RXCW     0x0180u
#define TCTL     0x0400u
#define TIPG     0x0410u
#define AIT      0x0458u
#define LEDCTL   0x0e00u
#define PBA      0x1000u
#define FCRTL    0x2160u
#define FCRTH    0x2168u
#define RDBAL    0x2800u
#define RDBAH    0x2804u
#define RDLEN    0x2808u
#define RDH      0x2810u
#define RDT      0x2818u
#define RDTR     0x2820u
#define RXDCTL   0x2828u
#define RADV     0x282cu
#define RSRPD    0x2c00u
#define TXDMAC   0x3000u
#define TDBAL    0x3800u
#define TDBAH    0x3804u
#define TDLEN    0x3808u
#define TDH      0x3810u
#define TDT      0x3818u
#define TIDV     0x3820u
#define TXDCTL   0x3828u
#define TADV     0x382cu
#define TSPMT    0x3830u
#define CRCERRS  0x4000u
#define MPC      0x4010u
#define PRC64    0x405cu
#define GPRC     0x4074u
#define BPRC     0x4078u
#define MPRC     0x407cu
#define GPTC     0x4080u
#define GORCL    0x4088u
#define GOTCL    0x4090u
#define RNBC     0x40a0u
#define RUC      0x40a4u
#define ROC      0x40acu
#define TORL     0x40c0u
#define TOTL     0x40c8u
#define TPR      0x40d0u
#define TPT      0x40d4u
#define PTC64    0x40d8u
#define MPTC     0x40f0u
#define BPTC     0x40f4u
#define TSCTC    0x40f8u
#define TSCTFC   0x40fcu
#define RXCSUM   0x5000u
#define MTA      0x5200u
#define RAL      0x5400u
#define RAH      0x5404u
#define VFTA     0x5600u
#define WUC      0x5800u
#define WUFC     0x5808u
#define WUS      0x5810u
#define MANC     0x5820u
#define IPAV     0x5838u
#define IP4AT    0x5840u
#define IP6AT    0x5880u
#define WUPL     0x5900u
#define WUPM     0x5a00u

#define CTRL_FD      UINT32_C(0x00000001)
#define CTRL_SLU     UINT32_C(0x00000040)
#define CTRL_RST     UINT32_C(0x04000000)
#define CTRL_VME     UINT32_C(0x40000000)
#define CTRL_PHY_RST UINT32_C(0x80000000)

#define STATUS_FD    UINT32_C(0x00000001)
#define STATUS_LU    UINT32_C(0x00000002)
#define STATUS_TXOFF UINT32_C(0x00000010)
#define STATUS_1000  UINT32_C(0x00000280) /* SPEED and ASDV */

/* Causes of interrupts. */
#define ICR_TXDW    UINT32_C(0x00000001)
#define ICR_TXQE    UINT32_C(0x00000002)
#define ICR_LSC     UINT32_C(0x00000004)
#define ICR_RXDMT0  UINT32_C(0x00000010)
#define ICR_RXO     UINT32_C(0x00000040)
#define ICR_RXT0    UINT32_C(0x00000080)
#define ICR_MDAC    UINT32_C(0x00000200)
#define ICR_TXD_LOW UINT32_C(0x00008000)
#define ICR_SRPD    UINT32_C(0x00010000)
#define ICR_ALL     UINT32_C(0x0001f6df)

#define RCTL_EN    UINT32_C(0x00000002)
#define RCTL_UPE   UINT32_C(0x00000008)
#define RCTL_MPE   UINT32_C(0x00000010)
#define RCTL_LPE   UINT32_C(0x00000020)
#define RCTL_LBM   UINT32_C(0x000000c0)
#define RCTL_BAM   UINT32_C(0x00008000)
#define RCTL_VFE   UINT32_C(0x00040000)
#define RCTL_BSEX  UINT32_C(0x02000000)
#define RCTL_SECRC UINT32_C(0x04000000)

#define TCTL_EN UINT32_C(0x00000002)

#define RXCSUM_IPOFLD  UINT32_C(0x00000100)
#define RXCSUM_TUOFLD  UINT32_C(0x00000200)
#define RXCSUM_IPV6OFL UINT32_C(0x00000400)

#define RAH_AV UINT32_C(0x80000000)

/* PHY registers (13.4.11 on, the internal 88E1011). */
#define PHY_PCTRL   0u
#define PHY_PSTATUS 1u
#define PHY_ANA     4u
#define PHY_LPA     5u
#define PHY_ANE     6u
#define PHY_GCON    9u
#define PHY_GSTATUS 10u
#define PHY_PSCON   16u
#define PHY_PSSTAT  17u
#define PHY_IE      18u
#define PHY_IS      19u

#define PCTRL_RESET    0x8000u
#define PCTRL_LOOPBACK 0x4000u
#define PCTRL_AN       0x1000u
#define PCTRL_DOWN     0x0800u
#define PCTRL_RESTART  0x0200u

/* One of the two contexts of the transmitter (3.3.6). */
struct context {
	uint8_t ipcss, ipcso, tucss, tucso, tucmd, hdrlen;
	uint16_t ipcse, tucse, mss;
	uint32_t paylen;
};
#define TUCMD_TCP 0x01u
#define TUCMD_IP  0x02u
#define TUCMD_TSE 0x04u

/* Where EECD's bits have got to (5.3). */
struct microwire {
	uint8_t count; /* bits taken since the start bit */
	uint16_t in;   /* opcode and address */
	uint8_t reading, left, out;
	uint16_t data; /* what is still to be shifted out, bit 15 first */
};

struct e1000 {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_region_service *region;
	const struct vmm_event_service *event;
	const struct vmm_timer_service *timer;
	struct vmm_pci pci;
	struct vmm_net_card card;
	vmm_handle memory, ports, alarm;
	uint32_t small; /* it is an 82540EM */
	uint8_t running, kicked;
	uint8_t sending; /* within transmit_run: a descriptor may lie in our own registers */
	uint32_t epoch;  /* resets so far: what was begun before one is not finished */

	uint32_t registers[REGISTER_COUNT];
	uint16_t phy[PHY_COUNT];
	uint16_t eeprom[EEPROM_WORDS];
	struct microwire microwire;
	uint32_t io_address;
	struct context checksum, segmentation;
	uint8_t skipping;   /* the rest of a frame that was too long */
	uint8_t link;       /* STATUS.LU */
	uint8_t link_lost;  /* until PSTATUS is read */
	uint8_t asserted;   /* the interrupt line */
	vmm_time throttled; /* ITR: no interrupt before this */
	/* When RXT0 and TXDW are raised: after the last (RDTR, TIDV) and the first (RADV, TADV); 0: not due. */
	vmm_time rx_due, rx_latest, tx_due, tx_latest;

	uint8_t buffer[VMM_NET_ROOM], room[VMM_NET_ROOM];
};

static inline uint32_t *register_at(struct e1000 *e1000, uint32_t offset)
{
	return &e1000->registers[offset / 4];
}

static inline uint32_t register_get(const struct e1000 *e1000, uint32_t offset)
{
	return e1000->registers[offset / 4];
}

/* Descriptors in a ring; base and length registers are next to each other in both. */
static inline uint32_t ring_count(const struct e1000 *e1000, uint32_t base)
{
	return register_get(e1000, base + (RDLEN - RDBAL)) / 16;
}

static inline uint64_t ring_at(const struct e1000 *e1000, uint32_t base, uint32_t index)
{
	return ((uint64_t)register_get(e1000, base + 4) << 32 | register_get(e1000, base)) + (uint64_t)index * 16;
}

/* registers.c */
extern const struct vmm_region_ops memory_ops;
extern const struct vmm_io_ops port_ops;
void registers_reset(struct e1000 *e1000);
/* Addresses and modes, to the port. */
void registers_wants(struct e1000 *e1000);

/* interrupt.c */
void interrupt_raise(struct e1000 *e1000, uint32_t causes);
void interrupt_update(struct e1000 *e1000);
/* A frame has come, or a descriptor with IDE is done: RXT0 or TXDW, perhaps later. */
void interrupt_received(struct e1000 *e1000);
void interrupt_sent(struct e1000 *e1000);
/* RDTR or TIDV with FPD. */
void interrupt_flush(struct e1000 *e1000, uint32_t cause);
void interrupt_alarm(void *self, uint64_t token);
void interrupt_plan(struct e1000 *e1000);

/* transmit.c */
/* Send what the ring has, a bounded part now and the rest from the event loop. */
void transmit_run(struct e1000 *e1000);

/* offload.c */
struct transmit {
	uint32_t tse, popts, ic; /* of the first descriptor; IC is of legacy ones */
	uint32_t css, cso;       /* legacy */
	uint32_t vle, tag;
	uint32_t ifcs;
};
/* Fill in what the frame asks for, in its headers too: `head` bytes of it are in e1000->buffer, and it has `room` for a
 * tag behind them.  0, -EAGAIN: all of the frame must be in the buffer; -EINVAL: it cannot be sent. */
int32_t offload_apply(
	struct e1000 *e1000, const struct transmit *transmit, struct vmm_net_frame *frame, uint32_t *head);

/* receive.c */
uint32_t receive_frame(void *self, const struct vmm_net_frame *frame);

/* filter.c */
#define FILTER_NO      0u
#define FILTER_EXACT   1u
#define FILTER_INEXACT 2u /* PIF */
uint32_t filter_match(const struct e1000 *e1000, const uint8_t *frame, uint32_t length);
/* Status bits and errors of a received frame (3.2.3.1), whose bytes and sum are to be looked at. */
#define RX_DD    0x01u
#define RX_EOP   0x02u
#define RX_IXSM  0x04u
#define RX_VP    0x08u
#define RX_TCPCS 0x20u
#define RX_IPCS  0x40u
#define RX_PIF   0x80u
#define RX_TCPE  0x20u
#define RX_IPE   0x40u
void filter_checksums(const struct e1000 *e1000, const uint8_t *frame, uint32_t length, uint32_t right, uint8_t *status,
	uint8_t *errors);

/* phy.c */
void mdic_write(struct e1000 *e1000, uint32_t value);
void phy_reset(struct e1000 *e1000);
/* LU follows the cable, CTRL.SLU and the PHY; LSC if it changes. */
void link_update(struct e1000 *e1000);

/* eeprom.c */
void eeprom_fill(struct e1000 *e1000);
void eerd_write(struct e1000 *e1000, uint32_t value);
uint32_t eecd_read(const struct e1000 *e1000);
void eecd_write(struct e1000 *e1000, uint32_t value);

/* statistics.c */
void count_add(struct e1000 *e1000, uint32_t offset, uint32_t number);
void count_received(struct e1000 *e1000, const uint8_t *frame, uint32_t length);
/* `number` frames of `length` bytes each, without the check sequence. */
void count_sent(struct e1000 *e1000, const uint8_t *frame, uint64_t length, uint32_t number);
/* Reading clears; 1 if it is a statistics register. */
uint32_t count_read(struct e1000 *e1000, uint32_t offset, uint32_t *value);

/* state.c */
int32_t state_save(void *self);
int32_t state_load(void *self, uint32_t version);

#endif
