/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What kernels do all the time, hot: repeated strings within a page and at its ends, RFLAGS on the stack, CLI and STI with
 * and without an interrupt that waits, segment registers, bit strings, CMPXCHG8B.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"

#define APIC 0xfee00000
#define SELF 0x4402e	/* a fixed interrupt to oneself */
#define PAGE(n) (WINDOW + 0x1000 * (n))
#define FRAME(n) (RAM + 0x1000 * (n))
#define CODE FRAME(8)

	/* Call a function 30 times: EAX = how often it has said 1. */
	.macro	OFTEN function:req
	mov	eax, offset \function
	call	often
	.endm
	/* Leave the function with 0, if the last comparison was not equal. */
	.macro	MUST
	jne	wrong
	.endm

	.text	1
	.balign	4
arrivals: .long	0
arrived_ecx: .long 0
ticks:	.long	0
tick_eax: .long 0
tick_edx: .long 0
level:	.long	0
bits:	.fill	16, 4, 0
pair:	.long	0, 0
	/* B8 imm32, RET */
answer:	.byte	0xb8
	.long	0
	ret
answer_end:
	.text	0

often:	pushad
	mov	ebp, eax
	xor	ebx, ebx
	mov	ecx, 30
1:	push	ebx
	push	ecx
	push	ebp
	mov	[level], esp
	call	ebp
	pop	ebp
	pop	ecx
	pop	ebx
	add	ebx, eax
	loop	1b
	mov	[esp + 28], ebx
	popad
	ret
wrong:	mov	esp, [level]
	sub	esp, 4
	xor	eax, eax
	cld
	ret
right:	mov	eax, 1
	ret

arrive:	inc	dword ptr [arrivals]
	mov	eax, [ebp + 24]
	mov	[arrived_ecx], eax
	mov	dword ptr [WINDOW_A + 4], FRAME(1) + 3
	ret
tick:	mov	[tick_eax], eax
	mov	[tick_edx], edx
	inc	dword ptr [ticks]
	mov	dword ptr [APIC + 0xb0], 0
	iretd

/* Page 0 is there; 2 and 3 are one page, 4 is read-only, 5 is the code's. */
pages:	MAP	WINDOW_A, 0, FRAME(0) + 3
	MAP	WINDOW_A, 1, 0
	MAP	WINDOW_A, 2, FRAME(2) + 3
	MAP	WINDOW_A, 3, FRAME(2) + 3
	MAP	WINDOW_A, 4, FRAME(4) + 1
	MAP	WINDOW_A, 5, CODE + 3
	mov	dword ptr [arrivals], 0
	ret

main:
	cli
	call	catch_init
	call	paging_init
	mov	dword ptr [hooks + 4 * 14], offset arrive
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	PLACE	answer, answer_end, CODE
	OFTEN	stos_end
	IS	"STOS up to the end of a page", 30
	OFTEN	stos_over
	IS	"STOS of one byte more", 30
	OFTEN	movs_end
	IS	"MOVS between the ends of pages", 30
	OFTEN	count_zero
	IS	"a count of zero", 30
	OFTEN	downwards
	IS	"downwards", 30
	OFTEN	overlap
	IS	"MOVS between two addresses of a page", 30
	OFTEN	count_16
	IS	"a count of 16 bits", 30
	OFTEN	singles
	IS	"without a prefix", 30
	OFTEN	code_stos
	IS	"STOS over code", 30
	OFTEN	code_movs
	IS	"MOVS over code", 30
	mov	dword ptr [hooks + 4 * 14], 0
	OFTEN	read_only
	IS	"to a page that is read-only", 30
	OFTEN	images
	IS	"PUSHF", 30
	OFTEN	waiting
	IS	"STI with an interrupt that waits", 30
	OFTEN	later
	IS	"an interrupt after STI", 30
	OFTEN	closed
	IS	"CLI", 30
	OFTEN	priority
	IS	"STI and an interrupt below the priority", 30
	OFTEN	selectors
	IS	"MOV from segment registers", 30
	OFTEN	control
	IS	"MOV from control registers", 30
	OFTEN	strings
	IS	"bit strings", 30
	OFTEN	exchanges
	IS	"CMPXCHG8B", 30
	ret

/* ---- Strings */
stos_end:
	call	pages
	mov	byte ptr [FRAME(1)], 7
	mov	edi, PAGE(1) - 64
	mov	ecx, 16
	mov	eax, 0x64636261
	stc
	rep stosd
	jnc	wrong
	cmp	ecx, 0
	MUST
	cmp	edi, PAGE(1)
	MUST
	cmp	dword ptr [PAGE(1) - 64], 0x64636261
	MUST
	cmp	dword ptr [PAGE(1) - 4], 0x64636261
	MUST
	cmp	byte ptr [FRAME(1)], 7
	MUST
	mov	edi, PAGE(0)
	mov	ecx, 1024
	rep stosd
	cmp	edi, PAGE(1)
	MUST
	cmp	dword ptr [arrivals], 0
	MUST
	jmp	right

stos_over:
	call	pages
	mov	word ptr [FRAME(1)], 0x707
	mov	edi, PAGE(1) - 64
	mov	ecx, 65
	mov	al, 0x61
	rep stosb
	cmp	ecx, 0
	MUST
	cmp	edi, (PAGE(1) + 1)
	MUST
	cmp	dword ptr [arrivals], 1
	MUST
	cmp	dword ptr [arrived_ecx], 1
	MUST
	cmp	word ptr [FRAME(1)], 0x761
	MUST
	jmp	right

movs_end:
	call	pages
	mov	dword ptr [PAGE(1) - 32], 0x11111111
	mov	dword ptr [PAGE(1) - 4], 0x22222222
	mov	dword ptr [PAGE(3) - 4], 0
	mov	esi, PAGE(1) - 32
	mov	edi, PAGE(3) - 32
	mov	ecx, 16
	rep movsw
	cmp	ecx, 0
	MUST
	cmp	esi, PAGE(1)
	MUST
	cmp	edi, PAGE(3)
	MUST
	cmp	dword ptr [PAGE(3) - 32], 0x11111111
	MUST
	cmp	dword ptr [PAGE(3) - 4], 0x22222222
	MUST
	cmp	dword ptr [arrivals], 0
	MUST
	/* the source goes on where nothing is */
	mov	esi, PAGE(1) - 31
	mov	edi, PAGE(2)
	mov	ecx, 32
	rep movsb
	cmp	dword ptr [arrivals], 1
	MUST
	cmp	dword ptr [arrived_ecx], 1
	MUST
	cmp	edi, (PAGE(2) + 32)
	MUST
	jmp	right

count_zero:
	call	pages
	mov	esi, PAGE(9)
	mov	edi, PAGE(9)
	xor	ecx, ecx
	stc
	rep stosb
	rep movsd
	jnc	wrong
	cmp	edi, PAGE(9)
	MUST
	cmp	esi, PAGE(9)
	MUST
	cmp	dword ptr [arrivals], 0
	MUST
	jmp	right

downwards:
	call	pages
	mov	dword ptr [PAGE(0) + 0x10], 0
	mov	dword ptr [PAGE(0) + 0x24], 0
	mov	edi, PAGE(0) + 0x20
	mov	ecx, 4
	mov	eax, 0x62626262
	std
	rep stosd
	stosd
	cld
	cmp	edi, (PAGE(0) + 0xc)
	MUST
	cmp	dword ptr [PAGE(0) + 0x10], 0x62626262
	MUST
	cmp	dword ptr [PAGE(0) + 0x20], 0x62626262
	MUST
	cmp	dword ptr [PAGE(0) + 0x24], 0
	MUST
	jmp	right

overlap:
	call	pages
	mov	edi, PAGE(2)
	xor	eax, eax
	mov	ecx, 64
1:	mov	[edi + eax], al
	inc	eax
	loop	1b
	mov	esi, PAGE(2) + 3
	mov	edi, PAGE(3) + 4
	mov	ecx, 60
	rep movsb
	cmp	esi, (PAGE(2) + 63)
	MUST
	cmp	edi, (PAGE(3) + 64)
	MUST
	cmp	dword ptr [PAGE(2)], 0x03020100
	MUST
	cmp	dword ptr [PAGE(2) + 4], 0x03030303
	MUST
	cmp	dword ptr [PAGE(2) + 60], 0x03030303
	MUST
	mov	dword ptr [PAGE(2)], 0x03020100
	mov	dword ptr [PAGE(2) + 4], 0x07060504
	mov	dword ptr [PAGE(2) + 8], 8
	mov	esi, PAGE(3)
	mov	edi, PAGE(2) + 1
	mov	ecx, 2
	rep movsd
	cmp	dword ptr [PAGE(3)], 0x02010000
	MUST
	cmp	dword ptr [PAGE(3) + 4], 0x06050303
	MUST
	cmp	dword ptr [PAGE(3) + 8], 0x00000007
	MUST
	jmp	right

count_16:
	mov	edi, 0xffff5800
	mov	ecx, 0xffff0004
	mov	dword ptr [0x5804], 0
	mov	eax, 0x63636363
	.byte	0x67
	rep stosb
	cmp	edi, 0xffff5804
	MUST
	cmp	ecx, 0xffff0000
	MUST
	cmp	dword ptr [0x5800], 0x63636363
	MUST
	cmp	dword ptr [0x5804], 0
	MUST
	jmp	right

singles:
	call	pages
	mov	edi, PAGE(0)
	mov	eax, 0x44332211
	stosb
	stosw
	stosd
	cmp	edi, (PAGE(0) + 7)
	MUST
	cmp	dword ptr [PAGE(0)], 0x11221111
	MUST
	cmp	dword ptr [PAGE(0) + 3], 0x44332211
	MUST
	mov	esi, PAGE(0)
	mov	edi, PAGE(2)
	movsb
	movsw
	movsd
	cmp	esi, (PAGE(0) + 7)
	MUST
	cmp	edi, (PAGE(2) + 7)
	MUST
	cmp	dword ptr [PAGE(3)], 0x11221111
	MUST
	cmp	dword ptr [PAGE(3) + 3], 0x44332211
	MUST
	mov	eax, 0xffffffff
	mov	esi, PAGE(0)
	lodsb
	cmp	eax, 0xffffff11
	MUST
	lodsw
	cmp	eax, 0xffff2211
	MUST
	lodsd
	cmp	eax, 0x44332211
	MUST
	cmp	esi, (PAGE(0) + 7)
	MUST
	mov	esi, PAGE(0) + 3
	std
	lodsd
	cld
	cmp	esi, (PAGE(0) - 1)
	MUST
	jmp	right

code_stos:
	call	pages
	mov	ebp, 8
1:	mov	edi, PAGE(5) + 1
	mov	ecx, 4
	mov	eax, ebp
	mov	edx, 0x01010101
	mul	edx
	mov	esi, eax
	rep stosb
	mov	edx, CODE
	call	edx
	cmp	eax, esi
	jne	2f
	dec	ebp
	jnz	1b
2:	MUST
	jmp	right

code_movs:
	call	pages
	mov	ebp, 8
1:	mov	[PAGE(0)], ebp
	mov	esi, PAGE(0)
	mov	edi, PAGE(5) + 1
	mov	ecx, 1
	rep movsd
	mov	edx, CODE
	call	edx
	cmp	eax, ebp
	jne	2f
	dec	ebp
	jnz	1b
2:	MUST
	jmp	right

read_only:
	call	pages
	mov	eax, cr0
	or	eax, 0x10000
	mov	cr0, eax
	mov	edi, PAGE(4)
	mov	esi, [edi]
	mov	ecx, 8
	mov	eax, offset store_all
	call	try
	cmp	eax, 14
	MUST
	cmp	dword ptr [caught_ecx], 8
	MUST
	cmp	dword ptr [caught_edi], PAGE(4)
	MUST
	cmp	dword ptr [caught_error], 3
	MUST
	cmp	dword ptr [caught_eip], (offset store_all + 2)
	MUST
	cmp	[PAGE(4)], esi
	MUST
	jmp	right
store_all:
	mov	al, 0x55
	rep stosb
	int	STOP

/* ---- RFLAGS */
images:
	xor	eax, eax
	pushfd
	pop	edx
	cmp	edx, 0x46
	MUST
	mov	al, 0x7f
	add	al, 1
	mov	ecx, [bits]	/* they go to memory meanwhile */
	pushfd
	pop	edx
	cmp	edx, 0x892
	MUST
	stc
	std
	mov	edx, -1
	pushfw
	pop	dx
	cld
	and	edx, 0xffff0401
	cmp	edx, 0xffff0401
	MUST
	xor	eax, eax
	sti
	pushfd
	cli
	pop	edx
	cmp	edx, 0x246
	MUST
	push	0x40246
	popfd
	xor	eax, eax
	pushfd
	pop	edx
	push	2
	popfd
	cmp	edx, 0x40246
	MUST
	jmp	right

/* It comes behind the instruction that follows STI, and not behind that. */
waiting:
	xor	eax, eax
	xor	edx, edx
	mov	dword ptr [ticks], 0
	mov	dword ptr [APIC + 0x300], SELF
	mov	ecx, 100
1:	loop	1b
	cmp	dword ptr [ticks], 0
	MUST
	sti
	mov	eax, 1
	mov	edx, 1
	cli
	cmp	dword ptr [ticks], 1
	MUST
	cmp	dword ptr [tick_eax], 1
	MUST
	cmp	dword ptr [tick_edx], 0
	MUST
	jmp	right

later:
	mov	dword ptr [ticks], 0
	mov	ecx, 5
1:	sti
	mov	eax, 1
	cli
	loop	1b
	sti
	mov	ecx, 1000000
	mov	dword ptr [APIC + 0x300], SELF
1:	cmp	dword ptr [ticks], 0
	jne	2f
	loop	1b
2:	cli
	cmp	dword ptr [ticks], 1
	MUST
	jmp	right

closed:
	mov	dword ptr [ticks], 0
	sti
	nop
	cli
	mov	dword ptr [APIC + 0x300], SELF
	mov	ecx, 1000
1:	push	ecx
	pop	ecx
	loop	1b
	cmp	dword ptr [ticks], 0
	MUST
	sti
	nop
	nop
	cli
	cmp	dword ptr [ticks], 1
	MUST
	jmp	right

priority:
	mov	dword ptr [ticks], 0
	mov	dword ptr [APIC + 0x80], 0xf0
	mov	dword ptr [APIC + 0x300], SELF
	mov	ecx, 100
1:	sti
	nop
	cli
	loop	1b
	cmp	dword ptr [ticks], 0
	MUST
	sti
	nop
	mov	dword ptr [APIC + 0x80], 0
	nop
	cli
	cmp	dword ptr [ticks], 1
	MUST
	jmp	right

/* ---- Others */
selectors:
	mov	eax, -1
	mov	eax, ds
	cmp	eax, DATA32
	MUST
	mov	eax, -1
	.byte	0x66, 0x8c, 0xc8	/* mov ax, cs */
	cmp	eax, (0xffff0000 | CODE32)
	MUST
	mov	dword ptr [bits], -1
	mov	[bits], ss
	cmp	dword ptr [bits], (0xffff0000 | DATA32)
	MUST
	jmp	right

control:
	mov	eax, 0x12345678
	mov	cr2, eax
	mov	edx, cr2
	cmp	eax, edx
	MUST
	mov	eax, cr3
	cmp	eax, SPACE_A
	MUST
	mov	eax, cr0
	and	eax, 0x80000001
	cmp	eax, 0x80000001
	MUST
	lfence
	mfence
	sfence
	jmp	right

strings:
	mov	edi, offset bits
	mov	ecx, 16
	xor	eax, eax
	rep stosd
	mov	ebx, offset bits + 32
	mov	eax, -5
	mov	edx, 100
	cmp	eax, edx	/* SF, and neither ZF nor CF */
	lock bts [ebx], eax
	jc	wrong
	jz	wrong
	jns	wrong
	bts	[ebx], edx
	cmp	dword ptr [ebx - 4], 0x08000000
	MUST
	cmp	dword ptr [ebx + 12], 16
	MUST
	bt	[ebx], edx
	jnc	wrong
	btc	[ebx + eax * 8 + 40], edx
	jnc	wrong
	cmp	dword ptr [ebx + 12], 0
	MUST
	btr	[ebx], eax
	jnc	wrong
	bt	[ebx], eax
	jc	wrong
	cmp	dword ptr [ebx - 4], 0
	MUST
	mov	eax, 0x1fff0	/* -16 in 16 bits */
	bts	[ebx], ax
	jc	wrong
	cmp	word ptr [ebx - 2], 1
	MUST
	mov	dword ptr [ebx - 4], 0
	jmp	right

exchanges:
	mov	dword ptr [pair], 1
	mov	dword ptr [pair + 4], 2
	mov	eax, 1
	mov	edx, 2
	mov	ebx, 3
	mov	ecx, 4
	stc
	lock cmpxchg8b [pair]
	jnc	wrong
	MUST
	cmp	dword ptr [pair], 3
	MUST
	cmp	dword ptr [pair + 4], 4
	MUST
	cmpxchg8b [pair]
	je	wrong
	cmp	eax, 3
	MUST
	cmp	edx, 4
	MUST
	cmp	dword ptr [pair], 3
	MUST
	jmp	right
