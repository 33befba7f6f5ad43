/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A guest that checksums all of its own code while it runs it, over and over, with interrupts; and again after it has
 * changed a byte and changed it back.  The test tells what must come out, behind the mark "SUMS".
 */
#include "common.inc"
#include "catch.inc"

#define APIC 0xfee00000
#define COPY 0x300000
#define ROUNDS 60

main:
	cli
	call	catch_init
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	mov	dword ptr [APIC + 0x3e0], 0xb
	mov	dword ptr [APIC + 0x320], 0x2002e
	mov	dword ptr [APIC + 0x380], 5000
	sti
	xor	edi, edi
	mov	ecx, ROUNDS
1:	push	ecx
	call	crc
	cmp	eax, [sums]
	je	2f
	inc	edi
2:	call	add_all
	cmp	eax, [sums + 4]
	je	2f
	inc	edi
2:	call	rotate_all
	cmp	eax, [sums + 8]
	je	2f
	inc	edi
2:	pop	ecx
	loop	1b
	cli
	mov	eax, edi
	IS	"its code is as it was built, 60 times", 0
	mov	eax, [ticks]
	BETWEEN	"there were interrupts", 100, 1000000000
	/* A change shows at once, in what runs and in what is read: from ADD to SUB, which negates. */
	xor	edi, edi
	mov	ecx, 50
1:	push	ecx
	call	add_all
	mov	ebx, eax
	xor	byte ptr [adding], 0x28	/* 01 is ADD, 29 is SUB */
	call	add_all
	neg	eax
	sub	eax, ebx		/* which has been summed with 28h more */
	cmp	eax, 0x28
	je	2f
	inc	edi
2:	xor	byte ptr [adding], 0x28
	call	add_all
	cmp	eax, ebx
	je	2f
	inc	edi
2:	pop	ecx
	loop	1b
	mov	eax, edi
	IS	"a change shows, 50 times", 0
	call	crc
	mov	ebx, [sums]
	IS	"and is undone", ebx
	/* All of it, copied, is equal, and runs the same from there. */
	mov	esi, offset begin
	mov	edi, COPY
	mov	ecx, offset code_end - begin
	rep movsb
	mov	esi, offset begin
	mov	edi, COPY
	mov	ecx, offset code_end - begin
	repe cmpsb
	mov	eax, ecx
	sete	ah
	IS	"a copy is equal", 0x100
	mov	esi, 20
	mov	eax, offset crc
	lea	ebx, [eax + COPY]
	sub	ebx, offset begin
	xor	edi, edi
1:	push	esi
	call	ebx
	pop	esi
	cmp	eax, [sums]
	je	2f
	inc	edi
2:	dec	esi
	jnz	1b
	mov	eax, edi
	IS	"a copy computes the same", 0
	ret

tick:	push	eax
	inc	dword ptr [ticks]
	mov	dword ptr [APIC + 0xb0], 0
	pop	eax
	iretd

crc:	/* CRC-32, by bits: EAX */
	mov	esi, offset begin
	or	eax, -1
1:	xor	al, [esi]
	inc	esi
	mov	ecx, 8
2:	shr	eax, 1
	jnc	3f
	xor	eax, 0xedb88320
3:	dec	ecx
	jnz	2b
	cmp	esi, offset code_end
	jb	1b
	not	eax
	ret
add_all: /* the sum of its bytes */
	mov	esi, offset begin
	xor	eax, eax
1:	movzx	edx, byte ptr [esi]
adding:	.byte	0x01, 0xd0	/* add eax, edx */
	inc	esi
	cmp	esi, offset code_end
	jne	1b
	ret
rotate_all: /* each byte added to the rest rotated by one, by LODSB and LOOP */
	mov	esi, offset begin
	mov	ecx, offset code_end
	sub	ecx, esi
	xor	ebx, ebx
	xor	eax, eax
1:	lodsb
	rol	ebx, 1
	add	ebx, eax
	loop	1b
	mov	eax, ebx
	ret

	.text	1	/* which is behind all code */
	.balign	4
ticks:	.long	0
	.ascii	"SUMS"
	.long	begin, code_end
sums:	.long	0, 0, 0
	.text	0
code_end:
