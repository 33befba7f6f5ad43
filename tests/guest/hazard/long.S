/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The hazards in 64-bit mode: self-modification, RIP-relative data of a page that is mapped twice, address spaces, flags in
 * all registers, FS and GS, NX, faults of the stack and at the end of the canonical addresses, compatibility mode.
 */
#include "common.inc"
#include "catch.inc"
#include "long.inc"

#define APIC 0xfee00000
#define DATA 0x1f0000
#define N 200000
	/* N times K, in 192 bits */
#define K0 0x9e3779b97f4a7c15
#define K1 0xf39cc0605cedc834
#define K2 0xc2b2ae3d27d4eb4f
#define P0 0xcc3957b60f2b1640
#define P1 0x1e161398a73a93d6
#define P2 0xca3c21ce871dbe32
#define CARRIES 152107	/* N * K / 2^192 */

	.macro	LONG name:req, function:req, want:req
	mov	eax, offset \function
	call	long
	IS	"\name", \want
	.endm
	.macro	PLACE64 from:req, to:req, at:req
	mov	esi, offset \from
	mov	edi, \at
	mov	ecx, offset \to - \from
	rep movsb
	.endm

main:
	cli
	call	catch_init
	call	long_init
	LONG	"next instruction changed by MOV", modify_mov, 14080
	LONG	"by PUSH", modify_push, 14080
	LONG	"by LOCK CMPXCHG16B", modify_cmpxchg, 14080
	LONG	"next block by REP MOVSQ", modify_movs, 14080
	LONG	"at another address", modify_alias, 14080
	LONG	"RIP-relative data of one page at two addresses", relative, 2000
	LONG	"two address spaces", spaces, 4500
	LONG	"ADC in all registers", products, 0
	LONG	"and with interrupts", storm, 0
	FOUND	"the storm came", storm_seen, 1
	LONG	"FS and GS", bases, 0
	LONG	"SWAPGS", swaps, 20100
	LONG	"NX under hot code", no_execute, 20
	LONG	"not canonical", canonical, 60
	LONG	"faults of the stack", stacks, 180
	LONG	"32-bit results", extensions, 0
	LONG	"compatibility mode", compatibility, 3000
	ret

	.code64
	/* As in self_modify.S; EAX = 14080.  The ADD's immediate is at RBP, for which `at' is the address to write. */
	.macro	SUMMING label:req, store:req, between=nop, alias=0
	.text	1
7:	xor	eax, eax
	mov	ecx, 160
	mov	edi, DATA
1:	mov	rsi, rdi
	test	cl, 15
	cmovz	rsi, rbp
	\store
	\between
2:	.byte	0x05
	.long	0
	dec	ecx
	jnz	1b
	ret
8:	.set	place, 2b + 1 - 7b
	.text	0
\label:
	PLACE64	7b, 8b, RAM64
	MAP64	TABLE_A, 0, RAM64 + 7
	MAP64	TABLE_A, 1, RAM64 + 7
	mov	rbx, WINDOW64
	lea	rbp, [rbx + place + \alias]
	call	rbx
	ret
	.endm
	.macro	STORE_MOV
	mov	[rsi], cl
	.endm
	.macro	STORE_PUSH	/* eight bytes: what follows the immediate must stay */
	mov	rdx, [rsi]
	mov	dl, cl
	mov	r8, rsp
	lea	rsp, [rsi + 8]
	push	rdx
	mov	rsp, r8
	.endm
	.macro	STORE_CMPXCHG16B	/* aligned */
	mov	r8, rax
	mov	r9, rcx
	mov	r10, rsi
	and	rsi, -16
	movdqu	xmm0, [rsi]
	movdqu	[DATA + 64], xmm0
	and	r10d, 15
	mov	[DATA + 64 + r10], cl
	mov	rax, [rsi]
	mov	rdx, [rsi + 8]
	mov	rbx, [DATA + 64]
	mov	rcx, [DATA + 72]
	lock cmpxchg16b [rsi]
	mov	rcx, r9
	mov	rax, r8
	.endm
	.macro	STORE_MOVSQ
	mov	rdx, [rsi]
	mov	dl, cl
	mov	[DATA + 64], rdx
	mov	r8, rcx
	mov	rdi, rsi
	mov	esi, DATA + 64
	mov	ecx, 1
	rep movsq
	mov	edi, DATA
	mov	rcx, r8
	.endm
	.macro	BLOCK_BETWEEN
	jmp	3f
	hlt
3:
	.endm
	SUMMING	modify_mov, STORE_MOV
	SUMMING	modify_push, STORE_PUSH
	SUMMING	modify_cmpxchg, STORE_CMPXCHG16B
	SUMMING	modify_movs, STORE_MOVSQ, BLOCK_BETWEEN
	SUMMING	modify_alias, STORE_MOV, BLOCK_BETWEEN, 0x1000

/* One page of code at two addresses, with another page of data behind each. */
	.text	1
	.balign	16
get:	lea	rdx, [rip]		/* 7 bytes */
	mov	eax, [rip + 0x1000 - 13]	/* the first word of the next page */
	add	dword ptr [rip + 0x1004 - 20], 1
	ret
get_end:
	.text	0
relative:
	PLACE64	get, get_end, RAM64
	mov	dword ptr [RAM64 + 0x1000], 1
	mov	dword ptr [RAM64 + 0x2000], 1000000
	mov	dword ptr [RAM64 + 0x1004], 0
	mov	dword ptr [RAM64 + 0x2004], 0
	MAP64	TABLE_A, 0, RAM64 + 7
	MAP64	TABLE_A, 1, RAM64 + 0x1007
	MAP64	TABLE_A, 8, RAM64 + 7
	MAP64	TABLE_A, 9, RAM64 + 0x2007
	mov	rbx, WINDOW64
	lea	rbp, [rbx + 0x8000]
	xor	edi, edi
	mov	ecx, 1000
1:	call	rbx
	cmp	eax, 1
	jne	2f
	lea	rax, [rbx + 7]
	cmp	rax, rdx
	jne	2f
	inc	edi
2:	call	rbp
	cmp	eax, 1000000
	jne	3f
	lea	rax, [rbp + 7]
	cmp	rax, rdx
	jne	3f
	inc	edi
3:	dec	ecx
	jnz	1b
	cmp	dword ptr [RAM64 + 0x1004], 1000
	jne	4f
	cmp	dword ptr [RAM64 + 0x2004], 1000
	jne	4f
	mov	eax, edi
4:	ret

/* Other code at one address: 60 times 5 + 70, 20 calls each, switched between loops and between calls. */
	.text	1
five:	mov	eax, 5
	ret
seventy:
	push	70
	pop	rax
	ret
seventy_end:
	.text	0
spaces:
	PLACE64	five, seventy, RAM64
	PLACE64	seventy, seventy_end, RAM64 + 0x1000
	mov	dword ptr [TABLE_A], RAM64 + 7
	mov	dword ptr [TABLE_B], RAM64 + 0x1007
	xor	ebx, ebx
	mov	rbp, WINDOW64
	mov	ecx, 60
1:	mov	eax, PML4_A
	mov	cr3, rax
	call	rbp
	add	ebx, eax
	mov	eax, PML4_B
	mov	cr3, rax
	call	rbp
	add	ebx, eax
	dec	ecx
	jnz	1b
	mov	eax, PML4_A
	mov	cr3, rax
	mov	eax, ebx
	ret

/* N * K in R9 to R11, which have no host register of their own, and the others. */
	.macro	TIMES a:req, b:req, c:req, carries:req
	mov	r8, K0
	xor	\a, \a
	xor	\b, \b
	xor	\c, \c
	xor	\carries, \carries
	mov	rsi, K1
	mov	rdi, K2
	mov	ecx, N
9:	add	\a, r8
	mov	[DATA], \b
	adc	\b, rsi
	call	leaf
	adc	\c, rdi
	jmp	8f
8:	adc	\carries, 0
	dec	ecx
	jnz	9b
	mov	r8, P0
	cmp	\a, r8
	jne	products_wrong
	mov	r8, P1
	cmp	\b, r8
	jne	products_wrong
	mov	r8, P2
	cmp	\c, r8
	jne	products_wrong
	cmp	\carries, CARRIES
	jne	products_wrong
	.endm
leaf:	mov	[DATA + 8], rsp
	ret
products:
	TIMES	r9, r10, r11, r12
	TIMES	r13, r9, rax, r10
	TIMES	rdx, rbx, rbp, r15
	TIMES	r11, r14, r10, r9
	xor	eax, eax
	ret
products_wrong:
	mov	eax, 1
	ret
tick64:	push	rax
	inc	dword ptr [ticks]
	mov	eax, APIC
	mov	dword ptr [rax + 0xb0], 0
	pop	rax
	iretq
storm:	mov	eax, offset tick64
	mov	[GATES64 + 16 * 0x2e], ax
	mov	eax, APIC
	mov	dword ptr [rax + 0xf0], 0x1ff
	mov	dword ptr [rax + 0x3e0], 0xb
	mov	dword ptr [rax + 0x320], 0x2002e
	mov	dword ptr [rax + 0x380], 300
	sti
	call	products
	cli
	mov	ecx, APIC
	mov	dword ptr [rcx + 0x320], 0x1002e
	cmp	dword ptr [ticks], 1000
	seta	byte ptr [storm_seen]
	ret
	.text	1
	.balign	4
ticks:	.long	0
storm_seen: .long 0
	.text	0

/* FS and GS bases by WRMSR, under one loop, the same word: bases 8 apart.  EAX = 0 */
bases:	mov	edi, DATA
	xor	eax, eax
	mov	ecx, 4096
1:	mov	[rdi + rax * 8], rax
	inc	eax
	cmp	eax, ecx
	jb	1b
	xor	ebx, ebx
	xor	esi, esi
1:	mov	ecx, 0xc0000100
	lea	eax, [rsi * 8 + DATA]
	xor	edx, edx
	wrmsr
	inc	ecx
	lea	eax, [rsi * 8 + DATA + 80]
	wrmsr
	mov	ecx, 10
2:	mov	rax, fs:[16]
	sub	rax, rsi
	sub	rax, 2
	or	rbx, rax
	mov	rax, gs:[rcx * 8 - 8]
	sub	rax, rsi
	sub	rax, rcx
	sub	rax, 9
	or	rbx, rax
	/* with 67h the offset is 32 bits, the base all */
	mov	r9, 0x500000010
	mov	rax, gs:[r9d]
	sub	rax, rsi
	sub	rax, 12
	or	rbx, rax
	dec	ecx
	jnz	2b
	inc	esi
	cmp	esi, 200
	jb	1b
	mov	rax, rbx
	shr	rax, 32
	or	eax, ebx
	ret
swaps:	/* 100 times GS:0 is 1 and 200 in turn */
	mov	ecx, 0xc0000101
	mov	eax, DATA + 8
	xor	edx, edx
	wrmsr
	inc	ecx
	mov	eax, DATA + 1600
	wrmsr
	xor	eax, eax
	mov	ecx, 100
1:	add	rax, gs:[0]
	swapgs
	add	rax, gs:[0]
	swapgs
	loop	1b
	ret

/* NX on a page that is hot: 20 times it runs, faults, and runs again. */
no_execute:
	PLACE64	five, seventy, RAM64
	xor	ebx, ebx
	mov	rbp, WINDOW64
	mov	ecx, 20
1:	mov	dword ptr [TABLE_A + 4], 0
	MAP64	TABLE_A, 0, RAM64 + 7
	call	twenty
	cmp	eax, 100
	jne	2f
	mov	dword ptr [TABLE_A + 4], 0x80000000
	MAP64	TABLE_A, 0, RAM64 + 7
	mov	eax, offset twenty
	call	try64
	cmp	eax, 14
	jne	2f
	cmp	dword ptr [caught64_error], 0x11
	jne	2f
	cmp	[caught64_rip], rbp
	jne	2f
	cmp	[caught64_cr2], rbp
	jne	2f
	inc	ebx
2:	dec	ecx
	jnz	1b
	mov	dword ptr [TABLE_A + 4], 0
	mov	eax, ebx
	ret
twenty:	mov	edx, 20
	xor	esi, esi
1:	call	rbp
	add	esi, eax
	dec	edx
	jnz	1b
	mov	eax, esi
	ret

/* What is not canonical: data is #GP, the stack is #SS, a jump there #GP at the jump. */
climb:	mov	rsi, DATA
	mov	ecx, 30
1:	cmp	ecx, 5
	jne	climb_at
	mov	rsi, 0x7ffffffffffd
climb_at:
	mov	eax, [rsi]
	dec	ecx
	jnz	1b
climb_stack:
	mov	ecx, 30
	mov	rsi, rsp
1:	cmp	ecx, 5
	jne	2f
	mov	rsp, 0x800000000008
2:	dec	ecx
climb_push:
	push	rax
	pop	rax
	jmp	1b
climb_jump:
	mov	ecx, 30
	mov	esi, offset 2f
1:	cmp	ecx, 5
	jne	climb_jmp
	mov	rsi, 0x800000000000
climb_jmp:
	jmp	rsi
2:	dec	ecx
	jmp	1b
	.macro	CLIMB code:req, vector:req, at:req, ecx:req
	mov	eax, offset \code
	call	try64
	cmp	eax, \vector
	jne	9f
	cmp	dword ptr [caught64_error], 0
	jne	9f
	cmp	dword ptr [caught64_rip], offset \at
	jne	9f
	cmp	dword ptr [caught64_rcx], \ecx
	jne	9f
	inc	ebx
9:
	.endm
canonical:
	xor	ebx, ebx
	mov	ebp, 20
1:	CLIMB	climb, 13, climb_at, 5
	CLIMB	climb_stack, 12, climb_push, 4
	CLIMB	climb_jump, 13, climb_jmp, 5
	dec	ebp
	jnz	1b
	mov	eax, ebx
	ret

/* The stack runs into a page that is not there, after 0x100 / 8 turns; RSP stays.  Nine ways, 20 times. */
	.macro	STACK way:req, code:req, error:req, up:req
	.text	1
7:	mov	rsp, WINDOW64 + 0x1000 + (0x100 * (1 - 2 * \up))
	xor	ecx, ecx
1:	mov	rbp, rsp
	mov	rdi, rsp
	inc	ecx
8:	\code
9:	lea	rsp, [rdi + 8 * (2 * \up - 1)]
	jmp	1b
	.text	0
	mov	eax, offset 7b
	call	try64
	cmp	eax, 14
	jne	6f
	cmp	dword ptr [caught64_error], \error
	jne	6f
	cmp	dword ptr [caught64_rip], offset 8b
	jne	6f
	cmp	dword ptr [caught64_rcx], 33
	jne	6f
	mov	rax, WINDOW64 + 0x1000
	cmp	[caught64_rsp], rax
	jne	6f
	cmp	[caught64_rbp], rax
	jne	6f
	sub	rax, 8 * (1 - \up)
	cmp	[caught64_cr2], rax
	jne	6f
	inc	ebx
6:
	.endm
stacks:
	mov	dword ptr [TABLE_A + 4], 0
	xor	ebx, ebx
	mov	r12d, 20
stacks_again:
	mov	[saved64], r12
	mov	[saved64 + 8], rbx
	MAP64	TABLE_A, 0, RAM64 + 7
	MAP64	TABLE_A, 1, 0
	STACK	"POP", "pop rdx", 0, 1
	STACK	"LEAVE", "leave", 0, 1
	STACK	"POP R9", "pop r9", 0, 1
	STACK	"POPF", "popfq", 0, 1
	MAP64	TABLE_A, 0, 0
	MAP64	TABLE_A, 1, RAM64 + 0x1007
	STACK	"PUSH", "push rdx", 2, 0
	STACK	"PUSH R10", "push r10", 2, 0
	STACK	"CALL", "call 9f", 2, 0
	STACK	"ENTER", "enter 0, 0", 2, 0
	STACK	"PUSH imm", "push 0x12345678", 2, 0
	mov	r12, [saved64]
	dec	r12d
	jnz	stacks_again
	mov	eax, ebx
	ret

/* 32-bit results clear the upper half, 8 and 16 bits keep it; CMOV too, whether it moves or not. */
extensions:
	xor	ebx, ebx
	mov	ecx, 100
1:	.irp	register, rax, rdx, r8, r9, r10, r11, r12
	mov	\register, -1
	.endr
	mov	eax, eax
	add	r9d, 0
	lea	r10d, [r10 + 1]
	cmp	ecx, 1000
	cmovae	r11d, ecx
	movzx	r8d, r8b
	xchg	edx, edx
	xchg	r12d, edx
	shr	rax, 32
	shr	r9, 32
	shr	r10, 32
	shr	r11, 32
	shr	r8, 8
	shr	rdx, 32
	shr	r12, 32
	or	rbx, rax
	or	rbx, r9
	or	rbx, r10
	or	rbx, r11
	or	rbx, r8
	or	rbx, rdx
	or	rbx, r12
	mov	r9, -1
	mov	r9b, 5
	mov	r10, -1
	add	r10w, 6
	mov	rdx, -1
	mov	dh, 7
	lea	rax, [r9 + 0xfb]	/* ...FF05 + FB = 0 */
	or	rbx, rax
	add	r10, 0xfffb	/* ...0005 + FFFB: what carries out */
	inc	r10
	sub	r10, 1
	or	rbx, r10
	sub	rdx, -1
	add	rdx, 0xf800
	or	rbx, rdx
	dec	ecx
	jnz	1b
	mov	rax, rbx
	shr	rax, 32
	or	eax, ebx
	ret

/* 32-bit code with all upper halves set: they are not part of addresses, counts, or the stack. */
compatibility:
	mov	[saved64], rsp
	mov	[saved64 + 8], rbp
	mov	r8d, 300
	xor	ebx, ebx
	mov	[saved64 + 16], r8
1:	mov	rax, 0xdeadbeef00000000
	mov	rcx, 0xdeadbeef0000000a
	mov	rdx, 0xdeadbeef00000000
	mov	rsi, 0xdeadbeef00000000 + DATA + 512
	mov	rdi, 0xdeadbeef00000000 + DATA + 512
	mov	rbp, 0xdeadbeef00000000 + DATA + 1024
	mov	r8, 0xdeadbeef00000000
	or	rbx, r8
	or	rsp, r8
	mov	dword ptr [DATA + 1024], 0
	jmp	fword ptr [to_32]
to_64:	mov	rsp, [saved64]
	add	[saved64 + 24], eax
	dec	dword ptr [saved64 + 16]
	jnz	1b
	mov	rbp, [saved64 + 8]
	mov	eax, [saved64 + 24]
	ret
	.text	1
	.balign	4
to_32:	.long	in_32
	.word	CODE32
	.text	0
	.code32
in_32:	mov	[edi], ecx
	push	dword ptr [edi]
	pop	edx
	cmp	edx, ecx
	jne	2f
	inc	dword ptr [ebp]
	call	3f
	lea	esi, [edi + ecx * 4]
	mov	[esi], edx
	cmp	[edi + edx * 4], ecx
	jne	2f
	loop	in_32
	mov	eax, [ebp]
	.byte	0xea
	.long	to_64
	.word	CODE64
2:	mov	eax, -1000
	.byte	0xea
	.long	to_64
	.word	CODE64
3:	ret
