/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The code at the reset vector: from real mode to the kernel's 32-bit entry point.
 */
#include "firmware.h"

#define START          0xe05bu /* where a PC's BIOS has its POST entry */
#define FLAT           0xe100u
#define GDT            0xe180u
#define GDTR           0xe1a0u
#define ENTRY          0xe1c0u /* struct entry, as five dwords */
#define RESUME         0xe1e0u /* offset and segment of the waking vector */
#define VIDEO          0xe1e4u /* the display adapter's bus, device and function */
#define LAPIC_SVR      0xfee000f0u
#define LAPIC_LINT0    0xfee00350u
#define LAPIC_LINT1    0xfee00360u
#define LINEAR(offset) (ROM_LOW + (offset))
#define D(value) \
	(uint8_t)((value)&0xff), (uint8_t)((value) >> 8 & 0xff), (uint8_t)((value) >> 16 & 0xff), \
		(uint8_t)((value) >> 24 & 0xff)
#define W(value) (uint8_t)((value)&0xff), (uint8_t)((value) >> 8 & 0xff)

/* clang-format off */
static const uint8_t reset_vector[16] = {
	0xea, W(START), W(0xf000),             /* jmp 0xf000:START */
	'0', '1', '/', '0', '1', '/', '2', '6', 0, 0xfc, 0,
};

static const uint8_t start[] = {
	0xfa,                                  /*       cli                             */
	0xfc,                                  /*       cld                             */
	0xba, W(DOORBELL_PORT),                /* ring: mov dx, DOORBELL_PORT           */
	0x66, 0xb8, D(DOORBELL_MAGIC),         /*       mov eax, DOORBELL_MAGIC         */
	0x66, 0xef,                            /*       out dx, eax                     */
	0x66, 0xed,                            /*       in eax, dx                      */
	/* The video BIOS, as POST calls it (PCI firmware specification 3.0, 5.2.1.22), then an 80x25 text screen. */
	0x66, 0x83, 0xf8, DOORBELL_VIDEO,      /*       cmp eax, DOORBELL_VIDEO         */
	0x75, 0x42,                            /*       jne next                        */
	/* It may reach all memory with 32-bit addresses: data segments of 4 GiB ("big real mode"). */
	0x66, 0x2e, 0x0f, 0x01, 0x16, W(GDTR), /*       lgdt cs:[GDTR]                  */
	0x0f, 0x20, 0xc0,                      /*       mov eax, cr0                    */
	0x0c, 0x01,                            /*       or al, 1                        */
	0x0f, 0x22, 0xc0,                      /*       mov cr0, eax                    */
	0xeb, 0x00,                            /*       jmp $ + 2                       */
	0xbb, W(0x18),                         /*       mov bx, 0x18                    */
	0x8e, 0xdb,                            /*       mov ds, bx                      */
	0x8e, 0xc3,                            /*       mov es, bx                      */
	0x8e, 0xe3,                            /*       mov fs, bx                      */
	0x8e, 0xeb,                            /*       mov gs, bx                      */
	0x24, 0xfe,                            /*       and al, 0xfe                    */
	0x0f, 0x22, 0xc0,                      /*       mov cr0, eax                    */
	0x31, 0xc0,                            /*       xor ax, ax                      */
	0x8e, 0xd8,                            /*       mov ds, ax                      */
	0x8e, 0xc0,                            /*       mov es, ax                      */
	0x8e, 0xe0,                            /*       mov fs, ax                      */
	0x8e, 0xe8,                            /*       mov gs, ax                      */
	0x8e, 0xd0,                            /*       mov ss, ax                      */
	0xbc, W(0x7000),                       /*       mov sp, 0x7000                  */
	0x2e, 0xa1, W(VIDEO),                  /*       mov ax, cs:[VIDEO]              */
	0x9a, W(0x0003), W(0xc000),            /*       call 0xc000:3                   */
	0xb8, W(0x0003),                       /*       mov ax, 3                       */
	0xcd, 0x10,                            /*       int 0x10                        */
	0xfa,                                  /*       cli                             */
	0xfc,                                  /*       cld                             */
	0xeb, 0xab,                            /*       jmp ring                        */
	                                       /* next:                                 */
	0x66, 0x83, 0xf8, DOORBELL_RESUME,     /*       cmp eax, DOORBELL_RESUME        */
	0x75, 0x05,                            /*       jne go                          */
	0x2e, 0xff, 0x2e, W(RESUME),           /*       jmp far cs:[RESUME]             */
	0x66, 0x83, 0xf8, DOORBELL_GO,         /* go:   cmp eax, DOORBELL_GO            */
	0x75, 0x18,                            /*       jne stay                        */
	0x66, 0x2e, 0x0f, 0x01, 0x16, W(GDTR), /*       lgdt cs:[GDTR]  (32-bit base)   */
	0x0f, 0x20, 0xc0,                      /*       mov eax, cr0                    */
	0x0c, 0x01,                            /*       or al, 1                        */
	0x0f, 0x22, 0xc0,                      /*       mov cr0, eax                    */
	0x66, 0xea, D(LINEAR(FLAT)), W(0x10),  /*       jmp dword 0x10:LINEAR(FLAT)     */
	0x90,                                  /*       nop                             */
	0xf4,                                  /* stay: hlt                             */
	0xeb, 0xfd,                            /*       jmp stay                        */
};

static const uint8_t flat[] = {
	0xb8, D(0x18),                         /* mov eax, 0x18                         */
	0x8e, 0xd8,                            /* mov ds, eax                           */
	0x8e, 0xc0,                            /* mov es, eax                           */
	0x8e, 0xe0,                            /* mov fs, eax                           */
	0x8e, 0xe8,                            /* mov gs, eax                           */
	0x8e, 0xd0,                            /* mov ss, eax                           */
	/* Virtual wire mode, as every BIOS leaves it (MP specification 1.4, 3.6.2.2): the 8259's INTR reaches the
	   processor through LINT0. A machine without a local APIC has nothing there that could mind. */
	0xc7, 0x05, D(LAPIC_SVR), D(0x10f),    /* mov dword [SVR], enabled, vector 15   */
	0xc7, 0x05, D(LAPIC_LINT0), D(0x700),  /* mov dword [LVT LINT0], ExtINT         */
	0xc7, 0x05, D(LAPIC_LINT1), D(0x400),  /* mov dword [LVT LINT1], NMI            */
	0x8b, 0x1d, D(LINEAR(ENTRY + 4)),      /* mov ebx, [entry.ebx]                  */
	0x8b, 0x35, D(LINEAR(ENTRY + 8)),      /* mov esi, [entry.esi]                  */
	0x8b, 0x25, D(LINEAR(ENTRY + 12)),     /* mov esp, [entry.esp]                  */
	0x31, 0xed,                            /* xor ebp, ebp                          */
	0x31, 0xff,                            /* xor edi, edi                          */
	0x31, 0xc9,                            /* xor ecx, ecx                          */
	0x31, 0xd2,                            /* xor edx, edx                          */
	0xa1, D(LINEAR(ENTRY)),                /* mov eax, [entry.eax]                  */
	0xff, 0x25, D(LINEAR(ENTRY + 16)),     /* jmp [entry.eip]                       */
};

/* Flat 4 GiB segments at the selectors that Linux asks for, accessed bits set since a ROM cannot take them. */
static const uint8_t gdt[32] = {
	0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0,
	0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0,    /* 0x10: code */
	0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0,    /* 0x18: data */
};

static const uint8_t gdtr[6] = { W(sizeof(gdt) - 1), D(LINEAR(GDT)) };
/* clang-format on */

void stub_build(uint8_t *rom)
{
	memset(rom, 0, ROM_SIZE);
	memcpy(rom + 0xfff0, reset_vector, sizeof(reset_vector));
	memcpy(rom + START, start, sizeof(start));
	memcpy(rom + FLAT, flat, sizeof(flat));
	memcpy(rom + GDT, gdt, sizeof(gdt));
	memcpy(rom + GDTR, gdtr, sizeof(gdtr));
}

void stub_set_entry(uint8_t *rom, const struct entry *entry)
{
	put32(rom + ENTRY, entry->eax);
	put32(rom + ENTRY + 4, entry->ebx);
	put32(rom + ENTRY + 8, entry->esi);
	put32(rom + ENTRY + 12, entry->esp);
	put32(rom + ENTRY + 16, entry->eip);
}

void stub_set_resume(uint8_t *rom, uint32_t vector)
{
	put16(rom + RESUME, vector & 0x0f);
	put16(rom + RESUME + 2, vector >> 4);
}

void stub_set_video(uint8_t *rom, uint32_t function)
{
	put16(rom + VIDEO, function);
}
