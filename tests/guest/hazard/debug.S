/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Single steps, breakpoints and interrupt shadows in code that is hot.
 */
#include "common.inc"
#include "catch.inc"

#define APIC 0xfee00000
#define DATA 0x1f0000
#define CODE 0x200000

	.text	1
	.balign	4
traps:	.long	0	/* #DB */
trap_eip: .long	0	/* the last */
trap_dr6: .long	0
trap_ecx: .long	0
breaks:	.long	0	/* #BP */
break_eip: .long 0
ticks:	.long	0
tick_eip: .long	0
	.text	0

on_debug:
	inc	dword ptr [traps]
	mov	eax, [ebp + HOOK_EIP]
	mov	[trap_eip], eax
	mov	eax, [ebp + 24]
	mov	[trap_ecx], eax
	mov	eax, dr6
	mov	[trap_dr6], eax
	mov	eax, 0xffff0ff0
	mov	dr6, eax
	/* A breakpoint on an instruction is a fault: go on behind it. */
	or	dword ptr [ebp + HOOK_FLAGS], 0x10000
	ret
on_break:
	inc	dword ptr [breaks]
	mov	eax, [ebp + HOOK_EIP]
	mov	[break_eip], eax
	ret
tick:	push	eax
	inc	dword ptr [ticks]
	mov	dword ptr [APIC + 0xb0], 0
	mov	eax, [esp + 4]
	mov	[tick_eip], eax
	pop	eax
	iretd

main:
	cli
	call	catch_init
	mov	dword ptr [hooks + 4 * 1], offset on_debug
	mov	dword ptr [hooks + 4 * 3], offset on_break
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	call	steps
	call	breakpoints
	call	watches
	call	int3
	call	shadows
	ret

/* ---- TF through a hot loop: a trap after each instruction, but for the one that sets TF, and for MOV SS */
loop_of_five:	/* ECX turns of five instructions; POPF before */
1:	add	eax, 3
	mov	[DATA], eax
	xor	edx, edx
	dec	ecx
	jnz	1b
	ret
steps:
	xor	ebx, ebx
	xor	edi, edi
	mov	esi, 30
1:	mov	ecx, 50
	xor	eax, eax
	call	loop_of_five
	add	edi, eax
	mov	dword ptr [traps], 0
	pushfd
	or	dword ptr [esp], 0x100
	mov	ecx, 10
	xor	eax, eax
	popfd
	call	loop_of_five		/* 1 + 50 + 1 */
	pushfd				/* 1 */
	and	dword ptr [esp], ~0x100	/* 1 */
	popfd				/* traps, as TF was set before it: 1 */
3:	nop
	add	edi, eax
	cmp	dword ptr [traps], 55
	jne	2f
	cmp	dword ptr [trap_eip], offset 3b
	jne	2f
	mov	eax, [trap_dr6]
	and	eax, 0xe00f
	cmp	eax, 0x4000
	jne	2f
	inc	ebx
2:	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"TF through a hot loop", 30
	mov	eax, edi
	IS	"TF: the results", (30*(150+30))
	/* In the shadow of MOV SS there is no trap; string instructions have one for each iteration. */
	xor	ebx, ebx
	mov	esi, 20
1:	call	stepped
	cmp	eax, 9
	jne	2f
	inc	ebx
2:	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"TF: MOV SS, REP STOSB", 20
	ret
stepped: /* EAX traps: 9 */
	mov	dword ptr [traps], 0
	mov	edx, ss
	mov	edi, DATA
	mov	ecx, 5
	xor	eax, eax
	pushfd
	or	dword ptr [esp], 0x100
	popfd
	mov	ss, edx		/* no trap here */
	nop			/* 1, for both */
	rep stosb		/* 5 */
	pushfd			/* 1 */
	and	dword ptr [esp], ~0x100	/* 1 */
	popfd			/* 1 */
	mov	eax, [traps]
	ret

/* ---- A breakpoint on an instruction in a hot loop, which is set and taken away */
watched_loop:
	add	eax, 1
	xor	edx, edx
watched_at:
	add	eax, 2
	dec	ecx
	jnz	watched_loop
	ret
breakpoints:
	xor	ebx, ebx
	mov	esi, 20
1:	mov	dword ptr [traps], 0
	mov	ecx, 50
	xor	eax, eax
	call	watched_loop
	mov	edi, eax
	mov	eax, offset watched_at
	mov	dr0, eax
	mov	eax, 0x402
	mov	dr7, eax
	mov	ecx, 10
	xor	eax, eax
	call	watched_loop
	add	edi, eax
	mov	eax, 0x400
	mov	dr7, eax
	mov	ecx, 50
	xor	eax, eax
	call	watched_loop
	add	eax, edi
	cmp	eax, 330
	jne	2f
	cmp	dword ptr [traps], 10
	jne	2f
	cmp	dword ptr [trap_eip], offset watched_at
	jne	2f
	cmp	dword ptr [trap_ecx], 1
	jne	2f
	mov	eax, [trap_dr6]
	and	eax, 0xe00f
	cmp	eax, 1
	jne	2f
	inc	ebx
2:	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"a breakpoint in a hot loop", 20
	ret

/* ---- On data: writes, and reads and writes, by a hot loop; behind the instruction */
store_loop:
	mov	[DATA + ecx * 4], eax
store_behind:
	mov	edx, [DATA + ecx * 4]
load_behind:
	dec	ecx
	jnz	store_loop
	ret
watches:
	xor	ebx, ebx
	mov	esi, 20
1:	mov	dword ptr [traps], 0
	mov	ecx, 50
	call	store_loop
	mov	eax, DATA + 4 * 7
	mov	dr1, eax
	mov	eax, 0xd00408	/* 4 bytes, writes */
	mov	dr7, eax
	mov	ecx, 50
	call	store_loop
	cmp	dword ptr [traps], 1
	jne	2f
	cmp	dword ptr [trap_eip], offset store_behind
	jne	2f
	cmp	dword ptr [trap_ecx], 7
	jne	2f
	mov	eax, 0xf00408	/* reads too */
	mov	dr7, eax
	mov	ecx, 50
	call	store_loop
	cmp	dword ptr [traps], 3
	jne	2f
	cmp	dword ptr [trap_eip], offset load_behind
	jne	2f
	mov	eax, [trap_dr6]
	and	eax, 0xe00f
	cmp	eax, 2
	jne	2f
	inc	ebx
2:	mov	eax, 0x400
	mov	dr7, eax
	mov	ecx, 50
	call	store_loop
	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"a watchpoint in a hot loop", 20
	ret

/* ---- INT3 over the first byte of an instruction of a hot loop; its handler counts, and the loop goes on at the second,
 * which is a NOP, as the instruction is a NOP with a prefix */
	.text	1
patch_loop:
	add	eax, 1
patch_at:
	.byte	0x66, 0x90
	dec	ecx
	jnz	patch_loop
	ret
patch_end:
	.text	0
int3:
	PLACE	patch_loop, patch_end, CODE
	xor	ebx, ebx
	mov	esi, 40
1:	mov	dword ptr [breaks], 0
	mov	ebp, CODE
	xor	eax, eax
	mov	ecx, 50
	call	ebp
	mov	byte ptr [CODE + patch_at - patch_loop], 0xcc
	mov	ecx, 10
	call	ebp
	mov	byte ptr [CODE + patch_at - patch_loop], 0x66
	mov	ecx, 50
	call	ebp
	cmp	eax, 110
	jne	2f
	cmp	dword ptr [breaks], 10
	jne	2f
	cmp	dword ptr [break_eip], CODE + patch_at - patch_loop + 1
	jne	2f
	inc	ebx
2:	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"INT3 in a hot loop", 40
	ret

/* ---- What holds interrupts back.  The APIC sends one to us while IF is clear: it comes behind the instruction that
 * follows STI, MOV SS or POP SS, or at once by POPF; and when CLI follows STI, not at all. */
	.macro	SHADOW name:req, code:req
	xor	ebx, ebx
	mov	ecx, 50
1:	cli
	mov	dword ptr [tick_eip], 0
	mov	dword ptr [APIC + 0x300], 0x4402e
	nop
	cmp	dword ptr [tick_eip], 0
	jne	3f
	\code
	nop
	nop
	cli
	cmp	dword ptr [tick_eip], offset 2b
	jne	3f
	inc	ebx
3:	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"\name", 50
	.endm
	.macro	SHADOW_STI
	sti
	nop
2:	nop
	.endm
	.macro	SHADOW_STI_JUMP
	sti
	jmp	2f
	hlt
2:	nop
	.endm
	.macro	SHADOW_STI_CALL
	sti
	call	2f
	nop
2:	add	esp, 4
	.endm
	.macro	SHADOW_STI_STI	/* the second has none */
	sti
	sti
2:	nop
	.endm
	.macro	SHADOW_SS	/* behind STI: two instructions in all */
	mov	edx, ss
	sti
	mov	ss, edx
	mov	edx, 5
2:	nop
	.endm
	.macro	SHADOW_POP_SS
	push	ss
	sti
	pop	ss
	nop
2:	nop
	.endm
	.macro	SHADOW_POPF
	pushfd
	or	dword ptr [esp], 0x200
	popfd
2:	nop
	.endm
	.macro	SHADOW_IRET
	pushfd
	or	dword ptr [esp], 0x200
	push	cs
	push	offset 2f
	iretd
2:	nop
	.endm
	.macro	SHADOW_LOOP	/* a hot loop without interrupts before */
	mov	edx, 60
4:	dec	edx
	jnz	4b
	sti
	nop
2:	nop
	.endm
shadows:
	SHADOW	"STI", SHADOW_STI
	SHADOW	"STI, JMP", SHADOW_STI_JUMP
	SHADOW	"STI, CALL", SHADOW_STI_CALL
	SHADOW	"STI, STI", SHADOW_STI_STI
	SHADOW	"STI, MOV SS", SHADOW_SS
	SHADOW	"STI, POP SS", SHADOW_POP_SS
	SHADOW	"POPF", SHADOW_POPF
	SHADOW	"IRET", SHADOW_IRET
	SHADOW	"STI behind a loop", SHADOW_LOOP
	/* STI, CLI: it waits. */
	xor	ebx, ebx
	mov	ecx, 50
1:	mov	dword ptr [tick_eip], 0
	mov	dword ptr [APIC + 0x300], 0x4402e
	sti
	cli
	nop
	nop
	cmp	dword ptr [tick_eip], 0
	jne	2f
	inc	ebx
2:	sti
	nop
	nop
	cli
	cmp	dword ptr [tick_eip], 0
	jne	3f
	dec	ebx
3:	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"STI, CLI", 50
	/* With interrupts on, one to ourselves comes behind the instruction that asks for it. */
	xor	ebx, ebx
	mov	ecx, 50
	sti
1:	mov	dword ptr [APIC + 0x300], 0x4402e
2:	nop
	cmp	dword ptr [tick_eip], offset 2b
	jne	3f
	inc	ebx
3:	mov	dword ptr [tick_eip], 0
	dec	ecx
	jnz	1b
	cli
	mov	eax, ebx
	IS	"to ourselves", 50
	ret
