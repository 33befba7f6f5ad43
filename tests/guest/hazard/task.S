/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Task switches, call gates and interrupts from CPL 3, and virtual-8086 mode, out of hot code and into it.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"

#define CODE_1 RAM
#define CODE_2 (RAM + 0x1000)
#define TSS_B 0x3200
#define GATE_B 0x3300		/* an interrupt's stack, and the rest */
#define USER_STACK 0x78000
#define V86 0x20000		/* its code */

	.macro	CODE at:req, value:req
	mov	byte ptr [\at], 0xb8
	mov	dword ptr [\at + 1], \value
	mov	byte ptr [\at + 5], 0xc3
	.endm

hot:	push	ecx
	mov	ecx, 20
1:	call	ebp
	add	ebx, eax
	loop	1b
	pop	ecx
	ret

main:
	cli
	call	catch_init
	call	paging_init
	CODE	CODE_1, 5
	CODE	CODE_2, 70
	mov	dword ptr [WINDOW_A], CODE_1 + 7
	mov	dword ptr [WINDOW_B], CODE_2 + 7
	SPACE	SPACE_A
	call	tasks
	call	gates
	call	virtual
	ret

/* ---- The other task has its own address space, with another function at WINDOW; registers and CF come back */
	.text	1
to_a:	.long	0
	.word	TSS_SELECTOR
to_b:	.long	0
	.word	TEST0
	.text	0
other_task:
	mov	ebp, WINDOW
	call	hot
	stc
	adc	edi, 0
	cmp	ebx, ebx		/* CF here is not theirs */
	jmp	fword ptr [to_a]
	jmp	other_task
called_task:
	mov	ebp, WINDOW
	call	hot
	mov	[from_b], ebx
	clc
	iretd
	jmp	called_task
set_b:	/* EAX is where it starts */
	push	edi
	push	eax
	mov	edi, TSS_B
	xor	eax, eax
	mov	ecx, 26
	rep stosd
	pop	eax
	mov	[TSS_B + 0x20], eax
	mov	dword ptr [TSS_B + 0x1c], SPACE_B
	mov	dword ptr [TSS_B + 0x24], 2
	mov	dword ptr [TSS_B + 0x38], 0x6f000
	mov	dword ptr [TSS_B + 0x48], DATA32
	mov	dword ptr [TSS_B + 0x4c], CODE32
	mov	dword ptr [TSS_B + 0x50], DATA32
	mov	dword ptr [TSS_B + 0x54], DATA32
	mov	dword ptr [TSS_B + 0x64], 0x680000
	DESCRIPTOR TEST0, TSS_B, 0x67, 0x89, 0
	pop	edi
	ret
tasks:
	mov	dword ptr [TSS + 0x1c], SPACE_A
	mov	eax, offset other_task
	call	set_b
	xor	ebx, ebx
	xor	edi, edi
	mov	ebp, WINDOW
	mov	ecx, 60
	mov	esi, 0x1234567
1:	call	hot
	cmp	ecx, 1000
	jmp	fword ptr [to_b]
	adc	edi, 0
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"JMP to a task: ours", 6000
	mov	eax, edi
	IS	"JMP to a task: CF", 60
	FOUND	"JMP to a task: theirs", (TSS_B+0x34), 84000
	FOUND	"JMP to a task: their EDI", (TSS_B+0x44), 60
	mov	eax, esi
	IS	"JMP to a task: ESI", 0x1234567
	mov	eax, offset called_task
	call	set_b
	xor	ebx, ebx
	xor	edi, edi
	mov	ecx, 60
1:	call	hot
	cmp	ecx, 1000
	call	fword ptr [to_b]
	adc	edi, 0
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"CALL of a task: ours", 6000
	mov	eax, edi
	IS	"CALL of a task: CF", 60
	FOUND	"CALL of a task: theirs", from_b, 84000
	/* By a task gate, as an interrupt. */
	mov	eax, offset called_task
	call	set_b
	mov	dword ptr [GATES + 8 * 0x2d], TEST0 << 16
	mov	dword ptr [GATES + 8 * 0x2d + 4], 0x8500
	xor	ebx, ebx
	xor	edi, edi
	mov	ecx, 60
1:	call	hot
	cmp	ecx, 1000
	int	0x2d
	adc	edi, 0
	dec	ecx
	jnz	1b
	mov	eax, edi
	IS	"INT to a task: CF", 60
	FOUND	"INT to a task: theirs", from_b, 84000
	ret

/* ---- CPL 3 calls CPL 0 by a call gate, which returns CF, and by INT, which returns it in its frame; all in one loop */
	.text	1
	.balign	4
from_b:	.long	0
gate_count: .long 0
	.text	0
gate:	/* one parameter: CF if it is below 100 */
	inc	dword ptr [gate_count]
	cmp	dword ptr [esp + 8], 100
	retf	4
gate_int:
	and	dword ptr [esp + 8], ~1
	test	ecx, 1
	jz	1f
	or	dword ptr [esp + 8], 1
1:	iretd
gate_user:
	xor	ebx, ebx
	xor	edi, edi
	mov	ecx, 300
	mov	ebp, WINDOW
1:	push	ecx
	.byte	0x9a
	.long	0
	.word	TEST1 + 3
	adc	ebx, 0
	int	0x2d
	adc	edi, 0
	call	ebp
	dec	ecx
	jnz	1b
	int	STOP
gates:
	mov	eax, offset gate
	mov	word ptr [GDT2 + TEST1], ax
	mov	word ptr [GDT2 + TEST1 + 2], CODE32
	mov	dword ptr [GDT2 + TEST1 + 4], 0xec01
	mov	eax, offset gate_int
	mov	dword ptr [GATES + 8 * 0x2d], CODE32 << 16
	mov	[GATES + 8 * 0x2d], ax
	mov	dword ptr [GATES + 8 * 0x2d + 4], 0xee00
	xor	esi, esi
	mov	ecx, 10
1:	mov	eax, offset gate_user
	mov	edx, USER_STACK
	call	user
	cmp	eax, STOP
	jne	2f
	cmp	dword ptr [caught_ebx], 99
	jne	2f
	cmp	dword ptr [caught_edi], 150
	jne	2f
	cmp	dword ptr [caught_esp], USER_STACK
	jne	2f
	inc	esi
2:	loop	1b
	mov	eax, esi
	IS	"call gates and INT from CPL 3", 10
	FOUND	"call gates: calls", gate_count, 3000
	ret

/* ---- Virtual-8086 mode: 16-bit code with CS:IP of which one physical page is at two places; PUSHF and POPF at IOPL 3, and
 * #GP for them at IOPL 0 in the same code; and it changes itself */
	.text	1
	.code16
v86:	xor	ax, ax
	mov	cx, 200
v86_loop:
	pushf
	popf
	mov	cs:[v86_imm - v86], cl
	add	ax, 0x1000
	.set	v86_imm, . - 2
	loop	v86_loop
	int	STOP
v86_end:
	.code32
	.text	0
virtual:
	mov	esi, offset v86
	mov	edi, V86
	mov	ecx, offset v86_end - v86
	rep movsb
	xor	esi, esi
	mov	ecx, 20
1:	/* 1000h is changed to 10xxh before each ADD: 200 * 1000h + (1 + ... + 200), of which 16 bits */
	mov	edx, 0x23002
	call	enter_v86
	cmp	eax, STOP
	jne	2f
	cmp	word ptr [caught_eax], (200*0x1000+20100)&0xffff
	jne	2f
	cmp	word ptr [caught_cs], V86 >> 4
	jne	2f
	inc	esi
2:	mov	edx, 0x20002
	call	enter_v86
	cmp	eax, 13
	jne	3f
	cmp	dword ptr [caught_eip], offset v86_loop - v86
	jne	3f
	cmp	word ptr [caught_ecx], 200
	jne	3f
	inc	esi
3:	dec	ecx
	jnz	1b
	mov	eax, esi
	IS	"virtual-8086 mode, IOPL 3 and 0 in turn", 40
	ret
enter_v86: /* EDX is EFLAGS */
	pushad
	mov	[caught_stack], esp
	xor	eax, eax
	push	eax		/* GS, FS, DS, ES */
	push	eax
	push	eax
	push	eax
	push	V86 >> 4	/* SS:ESP */
	push	0x2000
	push	edx
	push	V86 >> 4
	push	eax
	iretd
