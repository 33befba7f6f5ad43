/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * PIIX4's power management function (290562-001, chapter 7), as ACPI sees it.
 */
#include "chipset.h"

#define PM_TIMER_HZ   UINT64_C(3579545)
#define PM_TIMER_BITS 24

#define PMBASE    0x40
#define PMREGMISC 0x80
#define SMBBASE   0x90
#define SMBHSTCFG 0xd2

/* Offsets of the I/O block; those of smi.c are in chipset.h. */
enum { PM1_STS = 0x00, PM1_EN = 0x02, PM1_CNT = 0x04, PM_TMR = 0x08, GP_STS = 0x0c, GP_EN = 0x0e };

#define TMROF_STS  0x0001
#define GBL_STS    0x0020
#define PWRBTN_STS 0x0100
#define RTC_STS    0x0400
#define RSM_STS    0x8000

#define SCI_EN           0x0001
#define GBL_RLS          0x0004
#define SUS_EN           0x2000
#define SUS_TYP(control) ((control) >> 10 & 7)
enum { SUS_OFF = 0, SUS_RAM = 1 };

#define ACPI_ENABLE  0xf1 /* in port B2; the same values stand in the FADT */
#define ACPI_DISABLE 0xf0

enum { TOKEN_PM, TOKEN_APM, TOKEN_SMBUS };

static uint64_t ticks(struct chipset *chipset)
{
	vmm_time now = chipset->timer->now(chipset->host->context, VMM_CLOCK_GUEST);
	return vmm_kit_muldiv(now, PM_TIMER_HZ, 1000000000u);
}

/* TMROF_STS is set each time that the timer's highest bit changes. */
static uint16_t pm1_status(struct chipset *chipset)
{
	uint16_t status = chipset->pm.status;
	if (ticks(chipset) >> (PM_TIMER_BITS - 1) != chipset->pm.timer_half)
		status |= TMROF_STS;
	return status;
}

void power_update(struct chipset *chipset)
{
	struct pm *pm = &chipset->pm;
	uint16_t status = pm1_status(chipset);
	uint32_t wanted = (status & pm->enable & (TMROF_STS | GBL_STS | PWRBTN_STS | RTC_STS)) != 0 ||
		(pm->gpe_status & pm->gpe_enable) != 0;
	/* Without SCI_EN these are SMIs for a BIOS that does power management itself. */
	smi_event(chipset, wanted && (pm->control & SCI_EN) == 0);
	chipset->irq->set(chipset->host->context, chipset->sci, wanted && (pm->control & SCI_EN) != 0);
	/* The button always wakes, the clock if it may. */
	if (pm->sleeping && (pm->status & (PWRBTN_STS | (pm->enable & RTC_STS))) != 0)
		chipset->power->request(chipset->host->context, VMM_POWER_WAKE);
	vmm_time deadline = VMM_TIME_NEVER;
	if ((pm->enable & TMROF_STS) != 0 && (status & TMROF_STS) == 0) {
		unsigned __int128 tick = (unsigned __int128)(pm->timer_half + 1) << (PM_TIMER_BITS - 1);
		deadline = (vmm_time)((tick * 1000000000u + PM_TIMER_HZ - 1) / PM_TIMER_HZ);
	}
	chipset->timer->arm(chipset->host->context, chipset->overflow, deadline);
}

static void overflow_due(void *self, uint64_t token)
{
	(void)token;
	power_update(self);
}

void power_alarm(struct chipset *chipset)
{
	chipset->pm.status |= RTC_STS;
	power_update(chipset);
}

static void button(void *self, uint64_t token)
{
	struct chipset *chipset = self;
	(void)token;
	/* Before an operating system has switched ACPI on, the button is the mains switch. */
	if ((chipset->pm.control & SCI_EN) == 0 && !chipset->pm.sleeping) {
		chipset->power->request(chipset->host->context, VMM_POWER_OFF);
		return;
	}
	chipset->pm.status |= PWRBTN_STS;
	power_update(chipset);
}

static void write_control(struct chipset *chipset, uint16_t value)
{
	struct pm *pm = &chipset->pm;
	/* GBL_RLS and SUS_EN read as 0. */
	pm->control = value & 0x1c03;
	if ((value & GBL_RLS) != 0)
		smi_release(chipset);
	if ((value & SUS_EN) == 0)
		return;
	switch (SUS_TYP(value)) {
	case SUS_OFF: chipset->power->request(chipset->host->context, VMM_POWER_OFF); break;
	case SUS_RAM:
		pm->sleeping = 1;
		chipset->power->request(chipset->host->context, VMM_POWER_SUSPEND);
		break;
	default: /* power-on suspend: over at once */ pm->status |= RSM_STS; break;
	}
}

static uint8_t pm_read_byte(struct chipset *chipset, uint32_t offset)
{
	struct pm *pm = &chipset->pm;
	switch (offset) {
	case PM1_STS:
	case PM1_STS + 1: return (uint8_t)(pm1_status(chipset) >> (offset & 1) * 8);
	case PM1_EN:
	case PM1_EN + 1: return (uint8_t)(pm->enable >> (offset & 1) * 8);
	case PM1_CNT:
	case PM1_CNT + 1: return (uint8_t)(pm->control >> (offset & 1) * 8);
	case GP_STS:
	case GP_STS + 1: return (uint8_t)(pm->gpe_status >> (offset & 1) * 8);
	case GP_EN:
	case GP_EN + 1: return (uint8_t)(pm->gpe_enable >> (offset & 1) * 8);
	default: return pm->other[offset];
	}
}

static int32_t pm_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct chipset *chipset = self;
	(void)token;
	*value = 0;
	uint32_t timer = (uint32_t)ticks(chipset) & ((1u << PM_TIMER_BITS) - 1);
	for (uint32_t i = 0; i < size; i++) {
		uint32_t at = (offset + i) & (PM_PORTS - 1);
		uint32_t byte = (at & ~3u) == PM_TMR ? timer >> ((at & 3) * 8) & 0xff : pm_read_byte(chipset, at);
		*value |= byte << (i * 8);
	}
	return 0;
}

static void pm_write_word(struct chipset *chipset, uint32_t offset, uint16_t value, uint16_t mask)
{
	struct pm *pm = &chipset->pm;
	value &= mask;
	switch (offset) {
	case PM1_STS:
		pm->status &= (uint16_t)~value;
		if ((value & TMROF_STS) != 0)
			pm->timer_half = ticks(chipset) >> (PM_TIMER_BITS - 1);
		break;
	case PM1_EN:
		pm->enable = (uint16_t)((pm->enable & ~mask) | value) & (TMROF_STS | GBL_STS | PWRBTN_STS | RTC_STS);
		break;
	case PM1_CNT: write_control(chipset, (uint16_t)((pm->control & ~mask) | value)); break;
	case GP_STS: pm->gpe_status &= (uint16_t)~value; break;
	case GP_EN: pm->gpe_enable = (uint16_t)((pm->gpe_enable & ~mask) | value); break;
	case PM_TMR:
	case PM_TMR + 2: break; /* read-only */
	case GLBSTS:
	case GLBCTL:
	case GLBCTL + 2: smi_write(chipset, offset, value, mask); break;
	default:
		for (uint32_t i = 0; i < 2; i++) {
			if ((mask >> (i * 8) & 0xff) != 0)
				pm->other[offset + i] = (uint8_t)(value >> (i * 8));
		}
		break;
	}
}

static int32_t pm_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct chipset *chipset = self;
	(void)token;
	/* Whatever the size, the registers are words. */
	for (uint32_t i = 0; i < size;) {
		uint32_t at = (offset + i) & (PM_PORTS - 1);
		if ((at & 1) != 0 || i + 1 == size) {
			uint32_t shift = (at & 1) * 8;
			pm_write_word(chipset, at & ~1u, (uint16_t)((value >> (i * 8) & 0xff) << shift),
				(uint16_t)(0xffu << shift));
			i++;
		} else {
			pm_write_word(chipset, at, (uint16_t)(value >> (i * 8)), 0xffff);
			i += 2;
		}
	}
	power_update(chipset);
	return 0;
}

static int32_t apm_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct chipset *chipset = self;
	(void)token;
	(void)size;
	*value = offset == 0 ? chipset->pm.apm_control : chipset->pm.apm_status;
	return 0;
}

static int32_t apm_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct chipset *chipset = self;
	struct pm *pm = &chipset->pm;
	(void)token;
	(void)size;
	if (offset != 0) {
		pm->apm_status = (uint8_t)value;
		return 0;
	}
	pm->apm_control = (uint8_t)value;
	/* What a BIOS's SMI handler would do, and SeaBIOS's does not. */
	if (value == ACPI_ENABLE)
		pm->control |= SCI_EN;
	else if (value == ACPI_DISABLE)
		pm->control &= (uint16_t)~SCI_EN;
	power_update(chipset);
	smi_apmc(chipset);
	return 0;
}

/* The SMBus host controller: idle, with nobody on its bus. */
static int32_t smbus_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	*value = 0;
	return 0;
}

static int32_t smbus_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	return 0;
}

static const struct vmm_io_ops pm_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = pm_read,
	.write = pm_write,
};

static const struct vmm_io_ops apm_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = apm_read,
	.write = apm_write,
};

static const struct vmm_io_ops smbus_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = smbus_read,
	.write = smbus_write,
};

/* Put a block of ports where its base register says, or away. */
static void place(struct chipset *chipset, vmm_handle claim, uint32_t base, uint32_t on)
{
	void *context = chipset->host->context;
	chipset->io->enable(context, claim, 0);
	if (on && base != 0 && chipset->io->move(context, claim, base) >= 0)
		chipset->io->enable(context, claim, 1);
}

static void place_all(struct chipset *chipset)
{
	const struct vmm_pci *pci = &chipset->power_management;
	place(chipset, chipset->pm_claim, vmm_pci_get(pci, PMBASE, 2) & 0xffc0, pci->config[PMREGMISC] & 1);
	place(chipset, chipset->smbus_claim, vmm_pci_get(pci, SMBBASE, 2) & 0xfff0, pci->config[SMBHSTCFG] & 1);
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct chipset *chipset = self;
	static const uint8_t watched[] = { PMBASE, PMBASE + 1, PMREGMISC, SMBBASE, SMBBASE + 1, SMBHSTCFG };
	for (uint32_t i = 0; i < sizeof(watched); i++) {
		if (watched[i] >= offset && watched[i] < offset + size) {
			place_all(chipset);
			return;
		}
	}
}

int32_t power_init(struct chipset *chipset)
{
	struct vmm_pci *pci = &chipset->power_management;
	void *context = chipset->host->context;
	static const struct vmm_pci_ids ids = {
		.vendor = 0x8086,
		.device = 0x7113,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x068000,
		.revision = 0x03,
		.pin = 1,
	};
	vmm_pci_init(pci, chipset->host, &ids);
	pci->prefix = "power.";
	vmm_pci_register(pci, VMM_PCI_COMMAND, 2, 0, 0x0001);
	vmm_pci_register(pci, VMM_PCI_STATUS, 2, 0x0280, 0);
	vmm_pci_register(pci, PMBASE, 4, 1, 0xffc0);
	for (uint32_t i = 0x44; i < 0x80; i += 4)
		vmm_pci_register(pci, i, 4, 0, 0xffffffff); /* CNTA to GPICTL, DEVRESA to DEVRESJ */
	vmm_pci_register(pci, PMREGMISC, 1, 0, 0x01);
	vmm_pci_register(pci, SMBBASE, 4, 1, 0xfff0);
	vmm_pci_register(pci, SMBHSTCFG, 1, 0, 0x0f);
	vmm_pci_register(pci, 0xd3, 4, 0, 0xffffff);
	vmm_pci_register(pci, 0xd6, 1, 0, 0);
	pci->written = config_written;
	pci->written_self = chipset;
	chipset->functions[POWER].own = pci;

	int32_t status = chipset->irq->open(context, SCI_LINE, &chipset->sci);
	if (status >= 0)
		status = chipset->timer->create(context, VMM_CLOCK_GUEST, overflow_due, chipset, 0, &chipset->overflow);
	if (status >= 0)
		status = chipset->power->watch_button(context, button, chipset, 0);
	if (status < 0)
		return status;
	status = chipset->io->claim(
		context, 0xb2, 2, VMM_IO_SIZE_1, 0, &apm_ops, chipset, TOKEN_APM, &chipset->apm_claim);
	/* Off until firmware has set their bases. */
	if (status >= 0)
		status = chipset->io->claim(context, 0x600, PM_PORTS, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, 0,
			&pm_ops, chipset, TOKEN_PM, &chipset->pm_claim);
	if (status >= 0)
		status = chipset->io->claim(context, 0x700, SMBUS_PORTS, VMM_IO_SIZE_1, 0, &smbus_ops, chipset,
			TOKEN_SMBUS, &chipset->smbus_claim);
	if (status < 0)
		return vmm_kit_fail(chipset->host, status, "leave one of the two devices out",
			"I/O port 0xb2, 0x600 or 0x700 is taken");
	place_all(chipset);
	return 0;
}

void power_reset(struct chipset *chipset, uint32_t kind)
{
	struct pm kept = chipset->pm;
	struct vmm_pci *pci = &chipset->power_management;
	uint32_t base = vmm_pci_get(pci, PMBASE, 4);
	uint8_t enabled = pci->config[PMREGMISC];
	vmm_pci_reset(pci);
	memset(&chipset->pm, 0, sizeof(chipset->pm));
	/* In the resume well: what has happened, and what may wake.  A BIOS that was written for virtual machines
	 * raises an SMI on waking before it has set the base again, as if that were there too. */
	if (kind == VMM_RESET_WAKE) {
		vmm_pci_set(pci, PMBASE, 4, base);
		pci->config[PMREGMISC] = enabled;
		chipset->pm.status = kept.status | RSM_STS;
		chipset->pm.enable = kept.enable;
		chipset->pm.gpe_status = kept.gpe_status;
		chipset->pm.gpe_enable = kept.gpe_enable;
	}
	chipset->pm.timer_half = ticks(chipset) >> (PM_TIMER_BITS - 1);
	place_all(chipset);
	power_update(chipset);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct pm, status),
	VMM_FIELD(struct pm, enable),
	VMM_FIELD(struct pm, control),
	VMM_FIELD(struct pm, gpe_status),
	VMM_FIELD(struct pm, gpe_enable),
	VMM_FIELD(struct pm, apm_control),
	VMM_FIELD(struct pm, apm_status),
	VMM_FIELD_MAX(struct pm, sleeping, 1),
	VMM_FIELD_MAX(struct pm, timer_half, UINT64_C(1) << 40),
	VMM_FIELD_ARRAY(struct pm, other),
};

/* Since version 2 of the state. */
static const struct vmm_field fields_2[] = {
	VMM_FIELD_MAX(struct pm, smi_event, 1),
};

int32_t power_save(struct chipset *chipset)
{
	int32_t status = vmm_fields_save(chipset->host, "pm.", &chipset->pm, fields, VMM_KIT_COUNT(fields));
	return status < 0 ? status
			  : vmm_fields_save(chipset->host, "pm.", &chipset->pm, fields_2, VMM_KIT_COUNT(fields_2));
}

int32_t power_load(struct chipset *chipset, uint32_t version)
{
	int32_t status = vmm_fields_load(chipset->host, "pm.", &chipset->pm, fields, VMM_KIT_COUNT(fields));
	chipset->pm.smi_event = 0;
	if (status >= 0 && version >= 2)
		status = vmm_fields_load(chipset->host, "pm.", &chipset->pm, fields_2, VMM_KIT_COUNT(fields_2));
	if (status < 0)
		return status;
	place_all(chipset);
	power_update(chipset);
	return 0;
}
