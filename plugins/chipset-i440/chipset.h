/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Intel 440FX with PIIX3 and the power management function of PIIX4 (Intel 290549-001, 290550-002, 290562-001): the
 * host bridge at 00.0, the ISA bridge at 01.0, power management at 01.3.
 *
 * PCI interrupts: pin INTA# + p of slot s is wired to PIRQ[(s + p - 1) & 3], so that slot 1's INTA# is PIRQA#,
 * slot 2's is PIRQB#, and so on.  firmware-bios puts the same table into the DSDT.
 */
#ifndef CHIPSET_H
#define CHIPSET_H

#include <stdatomic.h>

#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/machine.h>
#include <vmm/memory.h>
#include <vmm/port-dma.h>
#include <vmm/port-interrupt.h>
#include <vmm/timer.h>

#define FUNCTIONS    256
#define ISA_CHILDREN 64u
#define HOST_BRIDGE  0x00 /* (slot << 3) | function */
#define ISA_BRIDGE   0x08
#define POWER        0x0b
#define PIRQRC       0x60 /* in the ISA bridge: PIRQRC[A:D] */
#define SCI_LINE     9
#define PM_PORTS     64
#define SMBUS_PORTS  16

/* Registers of the power management block that smi.c keeps. */
enum { GLBSTS = 0x18, GLBEN = 0x20, GLBCTL = 0x28 };

struct chipset;

/* A place on the bus. */
struct function {
	struct chipset *chipset;
	struct vmm_pci *own; /* one of the chipset's own */
	const struct vmm_pci_lower *table;
	void *self;
	uint32_t taken;
	_Atomic uint32_t master; /* its bus-master enable bit, as it was written last */
};

/* A device on the ISA bus. */
struct isa_child {
	struct chipset *chipset;
	const struct vmm_isa_lower *table;
	void *self;
	uint32_t taken;
	uint32_t link; /* the link's id */
};

struct pm {
	uint16_t status, enable, control;
	uint16_t gpe_status, gpe_enable;
	uint8_t apm_control, apm_status; /* ports B2 and B3 */
	uint8_t sleeping;                /* S3, until a wake event */
	uint8_t smi_event;               /* an event asks for SMI, since SCI_EN is clear */
	uint64_t timer_half;             /* value of the timer's bits 23 and up when TMROF_STS was cleared */
	uint8_t other[PM_PORTS];         /* registers of smi.c, and those without an effect */
};

#define SEGMENTS 13 /* of the PAM registers: F0000, then C0000 to EC000 in steps of 16 KiB */

struct segment {
	vmm_handle ram, copy;
	uint32_t mode; /* as it is placed now */
};

struct chipset {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_memory_service *memory;
	const struct vmm_region_service *region;
	const struct vmm_timer_service *timer;
	const struct vmm_power_service *power;
	const struct vmm_interrupt_lower *core; /* messages and SMI; NULL if not joined */
	void *core_self;
	const struct vmm_dma_lower *dma; /* NULL: no DMA controllers */
	void *dma_self;
	vmm_handle config_claim, data_claim, elcr_claim, port92_claim, post_claim, apm_claim, pm_claim, smbus_claim,
		coprocessor_claim;
	vmm_handle pirq[4], sci, irq13, overflow;
	uint32_t pm_at; /* where the PM ports are now; 0: off */
	uint32_t a20_initial;

	struct vmm_pci host_bridge, isa_bridge, power_management;
	struct function functions[FUNCTIONS];
	struct isa_child isa_children[ISA_CHILDREN];
	uint8_t isa_dreq[ISA_CHILDREN]; /* channels that each asks on, a bit each */

	atomic_flag pin_lock;
	uint8_t pins[FUNCTIONS]; /* level of each function's four pins */
	uint32_t pin_count[4];   /* how many pins hold each PIRQ# up */

	struct segment segments[SEGMENTS];
	vmm_handle hole, smram;
	uint32_t shows_440bx;
	uint8_t smram_locked; /* the register as it was locked; 0: it is not */
	uint8_t smiact;       /* SMIACT#: the processor is in system management mode */
	uint8_t post_done;

	uint32_t config_address; /* CF8 */
	uint8_t reset_control;   /* CF9 */
	uint8_t elcr[2];
	uint8_t port92, post;
	uint8_t ferr, ignne; /* FERR#, IGNNE# */
	uint8_t irq13_high;
	struct pm pm;
};

/* config.c */
int32_t config_init(struct chipset *chipset);
void config_reset(struct chipset *chipset, uint32_t kind);

/* pam.c */
int32_t pam_init(struct chipset *chipset);
void pam_reset(struct chipset *chipset, uint32_t kind);
void pam_loaded(struct chipset *chipset);
void pam_update(struct chipset *chipset);
void pam_smiact(struct chipset *chipset, uint32_t level);
void pam_destroy(struct chipset *chipset);

/* bus.c: the port `pci`. */
extern const struct vmm_pci_upper bus_upper;
extern const struct vmm_port_ops bus_ops;
int32_t path_text(const char *path, char *text, uint32_t size);
void bus_masters(struct chipset *chipset);
void bus_pins(struct chipset *chipset);

/* dma.c: the ports `isa` and `dma`. */
extern const struct vmm_isa_upper isa_upper;
extern const struct vmm_port_ops isa_ops;
extern const struct vmm_dma_upper dma_upper;
extern const struct vmm_port_ops dma_ops;

/* isa.c: PIRQ routing, ELCR, ports 80 and 92. */
int32_t isa_init(struct chipset *chipset);
void isa_reset(struct chipset *chipset);
void isa_loaded(struct chipset *chipset);

/* coprocessor.c.  FERR# is enabled in the ISA bridge. */
#define XBCS               0x4e
#define COPROCESSOR_ERRORS 0x20 /* in XBCS */
int32_t coprocessor_init(struct chipset *chipset);
void coprocessor_reset(struct chipset *chipset);
void coprocessor_ferr(struct chipset *chipset, uint32_t level);

/* power.c */
int32_t power_init(struct chipset *chipset);
void power_reset(struct chipset *chipset, uint32_t kind);
/* IRQ8# has risen: the clock's alarm may wake the machine. */
void power_alarm(struct chipset *chipset);
int32_t power_save(struct chipset *chipset);
int32_t power_load(struct chipset *chipset, uint32_t version);
void power_update(struct chipset *chipset);

/* smi.c: port B2 was written; the operating system released the global lock; a power management event asks for SMI, or
 * does no longer; a word of GLBSTS or GLBCTL was written, where `mask` says. */
void smi_apmc(struct chipset *chipset);
void smi_release(struct chipset *chipset);
void smi_event(struct chipset *chipset, uint32_t level);
void smi_write(struct chipset *chipset, uint32_t offset, uint16_t value, uint16_t mask);

#endif
