/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * 16-bit code in real mode: self-modification, one page at two addresses, what wraps at 64 KiB, limits that unreal mode
 * lifts, interrupts by INT, and A20.  `real' calls AX in real mode, with all data segments 0 and the stack at STACK16.
 */
#include "common.inc"
#include "catch.inc"

#define SEGMENT 0x2000	/* for code of its own, at BUFFER */
#define DATA 0x3000	/* and data */
#define DATA_OFFSET 0x2000

real:
	mov	[real_call], ax
	pushad
	mov	[our_esp], esp
	.byte	0xea
	.long	1f
	.word	CODE16
	.code16
1:	mov	ax, DATA16
	mov	ds, ax
	mov	es, ax
	mov	fs, ax
	mov	gs, ax
	mov	ss, ax
	mov	eax, cr0
	and	al, 0xfe
	mov	cr0, eax
	.byte	0xea
	.word	1f, 0
1:	xor	ax, ax
	mov	ss, ax
	mov	ds, ax
	mov	es, ax
	mov	fs, ax
	mov	gs, ax
	mov	esp, STACK16
	lidt	[ivt_pointer]
	call	[real_call]
	cli
	cld
	xor	cx, cx
	mov	ds, cx
	mov	[real_result], eax
	mov	[real_ebx], ebx
	lgdt	[gdt2_pointer]
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
	.byte	0x66, 0xea
	.long	1f
	.word	CODE32
	.code32
1:	mov	eax, DATA32
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	mov	esp, [our_esp]
	lidt	[idt2_pointer]
	popad
	mov	eax, [real_result]
	ret
	.text	1
	.balign	4
real_call: .long 0
real_result: .long 0
gp_count: .word	0
gp_ip:	.word	0
gp_resume: .word 0
	.text	0

	.macro	REAL name:req, function:req, want:req
	mov	eax, offset \function
	call	real
	IS	"\name", \want
	.endm

main:
	cli
	call	catch_init
	REAL	"ADD AX, imm16 changed by the instruction before", modify_16, 14080
	REAL	"the same by REP STOSW through another segment", modify_string, 14080
	REAL	"one page at two CS:IP", two_addresses, 2000
	REAL	"a stack that wraps", stack_wraps, 0
	REAL	"addresses that wrap", address_wraps, 3000
	REAL	"strings that wrap", string_wraps, 100
	REAL	"a jump that wraps", jump_wraps, 50
	REAL	"a word across the limit", word_limit, 40
	REAL	"unreal mode under a hot loop", unreal, 20
	REAL	"counters of 16 and 32 bits", counters, 60
	REAL	"INT and IRET", interrupts, 5000
	REAL	"far calls", far_calls, 1000
	/* Port 92h or the keyboard controller, either lets A20 through: from here on only the first. */
	OUTB	0x92, 2
	OUTB	0x64, 0xd1
	DELAY	2000
	OUTB	0x60, 0xdd
	DELAY	2000
	REAL	"A20: data", a20_data, 60
	REAL	"A20: code", a20_code, 60
	ret

	.code16
/* Like the loop in self_modify.S: EAX = 14080 */
	.text	1
modify:	xor	ax, ax
	mov	cx, 160
1:	mov	di, DATA_OFFSET
	test	cl, 15
	jnz	2f
	mov	di, modify_imm - modify
2:	mov	cs:[di], cl
	.byte	0x05
modify_imm:
	.word	0
	dec	cx
	jnz	1b
	retf
modify_string_code:
	xor	ax, ax
	mov	cx, 160
1:	mov	di, DATA_OFFSET
	test	cl, 15
	jnz	2f
	mov	di, modify_string_imm - modify_string_code
2:	push	ax
	push	cx
	mov	ax, cx
	mov	cx, 1
	rep stosw
	pop	cx
	pop	ax
	jmp	3f
	nop
3:	.byte	0x05
modify_string_imm:
	.word	0
	loop	1b
	retf
modify_end:
	.text	0
	/* Copy code to SEGMENT:0. */
	.macro	PLACE16 from:req, to:req
	mov	ax, SEGMENT
	mov	es, ax
	mov	si, offset \from
	xor	di, di
	mov	cx, offset \to - \from
	rep movsb
	.endm
modify_16:
	PLACE16	modify, modify_end
	xor	eax, eax
	call	SEGMENT, 0
	ret
modify_string:
	PLACE16	modify_string_code, modify_end
	mov	ax, SEGMENT
	mov	es, ax
	xor	eax, eax
	call	SEGMENT, 0
	ret

/* A function that says where it is, by its return address, called at SEGMENT:0 and at SEGMENT-1:10. */
	.text	1
here:	call	1f
1:	pop	ax
	retf
here_end:
	.text	0
two_addresses:
	PLACE16	here, here_end
	xor	ebx, ebx
	mov	cx, 1000
1:	call	SEGMENT, 0
	cmp	ax, 3
	jne	2f
	inc	bx
2:	call	SEGMENT - 1, 16
	cmp	ax, 19
	jne	2f
	inc	bx
2:	loop	1b
	mov	eax, ebx
	ret

/* PUSH from SS:2 on goes to 0, FFFE ...; 20,000 words and doublewords, and back: EAX = 0 */
stack_wraps:
	mov	[saved_sp], sp
	xor	ebx, ebx
	mov	dx, 5
1:	mov	ax, DATA
	mov	ss, ax
	mov	sp, 0x2000
	mov	cx, 20000
2:	push	cx
	loop	2b
	cmp	sp, (0x2000 - 40000) & 0xffff
	je	3f
	inc	bx
3:	mov	cx, 20000
	mov	si, 1
4:	pop	ax
	cmp	ax, si
	je	5f
	inc	bx
5:	inc	si
	loop	4b
	mov	sp, 0x2000
	mov	ecx, 10000
2:	push	ecx
	loop	2b
	mov	cx, 10000
	mov	esi, 1
4:	pop	eax
	cmp	eax, esi
	je	5f
	inc	bx
5:	inc	esi
	loop	4b
	/* CALL and RET across it */
	mov	sp, 2
	mov	cx, 200
6:	call	7f
	jmp	8f
7:	call	9f
	ret
9:	cmp	sp, 0xfffe
	je	9f
	inc	bx
9:	ret
8:	loop	6b
	dec	dx
	jnz	1b
	xor	ax, ax
	mov	ss, ax
	mov	sp, [saved_sp]
	mov	eax, ebx
	ret
	.text	1
	.balign	4
saved_sp: .word	0
	.text	0

/* [BX + SI] and its like are 16 bits; with 67h they are not. */
address_wraps:
	mov	ax, DATA
	mov	ds, ax
	mov	es, ax
	xor	ebx, ebx
	mov	byte ptr ds:[0x10], 7
	mov	cx, 1000
	xor	edx, edx
1:	mov	bx, 0xfff0
	mov	si, 0x20
	cmp	byte ptr [bx + si], 7
	jne	2f
	inc	dx
2:	mov	di, 0xffff
	mov	bp, 0x0012
	cmp	byte ptr ds:[bp + di - 1], 7
	jne	2f
	inc	dx
2:	lea	ax, [bx + si + 5]
	cmp	ax, 0x15
	jne	2f
	lea	eax, [bx + si + 6]
	cmp	eax, 0x16
	jne	2f
	inc	dx
2:	loop	1b
	mov	eax, edx
	ret

/* MOVSB at FFFF goes on at 0; the upper half of ESI stays. */
string_wraps:
	mov	ax, DATA
	mov	ds, ax
	mov	es, ax
	xor	edx, edx
	mov	bx, 100
1:	xor	di, di
	mov	cx, 0x8000
	mov	ax, bx
	rep stosw		/* ends at 0 */
	test	di, di
	jnz	2f
	mov	byte ptr ds:[0xffff], 0x55
	mov	byte ptr ds:[0], 0xaa
	mov	esi, 0x12340000 + 0xfff8
	mov	edi, 0x43214000
	mov	ecx, 0x5678000a
	rep movsb
	cmp	esi, 0x12340002
	jne	2f
	cmp	edi, 0x4321400a
	jne	2f
	cmp	ecx, 0x56780000
	jne	2f
	cmp	word ptr ds:[0x4007], 0xaa55
	jne	2f
	inc	dx
2:	dec	bx
	jnz	1b
	mov	eax, edx
	ret

/* From FFF0 to 10 by JMP rel8 and back by JMP rel16, 50 times, with CX. */
	.text	1
wrap_high:
	inc	ax
	dec	cx
	jz	1f
	.byte	0xeb, 0x10 + 0x10 - 6	/* FFF6 + 1A = 10010 */
1:	retf
wrap_high_end:
wrap_low:
	.byte	0xe9
	.word	0xfff0 - 0x13
wrap_low_end:
	.text	0
jump_wraps:
	mov	ax, SEGMENT
	mov	es, ax
	mov	si, offset wrap_high
	mov	di, 0xfff0
	mov	cx, offset wrap_high_end - wrap_high
	rep movsb
	mov	si, offset wrap_low
	mov	di, 0x10
	mov	cx, offset wrap_low_end - wrap_low
	rep movsb
	xor	eax, eax
	mov	cx, 50
	call	SEGMENT, 0xfff0
	ret

/* #GP counts, says where, and goes on at gp_resume. */
gp:	push	bp
	push	ax
	mov	bp, sp
	mov	ax, [bp + 4]
	mov	cs:[gp_ip], ax
	mov	ax, cs:[gp_resume]
	mov	[bp + 4], ax
	inc	word ptr cs:[gp_count]
	pop	ax
	pop	bp
	iret
	.macro	GP_TO label:req
	mov	word ptr [13 * 4], offset gp
	mov	word ptr [13 * 4 + 2], 0
	mov	word ptr [gp_resume], offset \label
	mov	word ptr [gp_count], 0
	.endm

/* A word that moves up by one until it reaches FFFF. */
word_limit:
	GP_TO	3f
	mov	ax, DATA
	mov	es, ax
	xor	ebx, ebx
	mov	dx, 20
1:	mov	di, 0xff80
2:	inc	word ptr es:[di]
	inc	di
	jmp	2b
3:	cmp	di, 0xffff
	jne	4f
	cmp	word ptr [gp_ip], offset 2b
	jne	4f
	inc	bx
4:	mov	word ptr [gp_resume], offset 6f
	mov	edi, 0xff80
5:	mov	eax, es:[edi]
	inc	edi
	jmp	5b
6:	cmp	edi, 0xfffd
	jne	7f
	inc	bx
7:	mov	word ptr [gp_resume], offset 3b
	dec	dx
	jnz	1b
	mov	eax, ebx
	ret

/* A loop by ESI that ends at 10000 with #GP, and in unreal mode runs on; in turn. */
unreal:	GP_TO	4f
	xor	ebx, ebx
	mov	dx, 20
1:	mov	esi, 0xff00
	call	3f
	cmp	esi, 0x10000
	jne	2f
	call	unreal_on
	mov	esi, 0xff00
	call	3f
	cmp	esi, 0x10100
	jne	2f
	inc	bx
2:	call	unreal_off
	dec	dx
	jnz	1b
	mov	eax, ebx
	ret
3:	mov	[saved_sp], sp
5:	mov	al, fs:[esi]
	inc	esi
	cmp	esi, 0x10100
	jb	5b
	ret
4:	mov	sp, [saved_sp]
	ret
unreal_on:
	mov	cx, DATA32
	jmp	1f
unreal_off:
	mov	cx, DATA16
1:	cli
	lgdt	[gdt2_pointer]
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
	jmp	1f
1:	mov	fs, cx
	and	al, 0xfe
	mov	cr0, eax
	jmp	1f
1:	xor	ax, ax
	mov	fs, ax
	ret

/* LOOP with CX leaves the upper half; with 67h it counts ECX.  JCXZ and JECXZ. */
counters:
	xor	ebx, ebx
	mov	dx, 20
1:	mov	ecx, 0x10000 + 50
2:	loop	2b
	cmp	ecx, 0x10000
	jne	3f
	inc	bx
3:	jcxz	4f
	jmp	5f
4:	jecxz	5f
	inc	bx
5:	mov	ecx, 0x10032
	xor	eax, eax
6:	inc	eax
	addr32 loop 6b
	cmp	eax, 0x10032
	jne	7f
	inc	bx
7:	dec	dx
	jnz	1b
	mov	eax, ebx
	ret

/* INT 61h adds CF; IRET gives it back. */
interrupt_61:
	adc	ax, 0
	xor	dx, dx
	iret
interrupts:
	mov	word ptr [0x61 * 4], offset interrupt_61
	mov	word ptr [0x61 * 4 + 2], 0
	xor	eax, eax
	mov	cx, 5000
1:	mov	dx, 5
	cmp	dx, 6
	int	0x61
	jc	2f
	dec	ax
2:	loop	1b
	ret

	.text	1
far_function:
	add	bx, 1
	lret	2
far_end:
far_pointer:
	.word	0x100, SEGMENT - 0x10
	.text	0
far_calls:
	PLACE16	far_function, far_end
	xor	ebx, ebx
	mov	cx, 500
1:	push	cx
	call	SEGMENT, 0
	push	cx
	call	dword ptr [far_pointer]
	loop	1b
	mov	eax, ebx
	ret

/* FFFF:0610 is 100600, or with A20 off 600. */
	.macro	A20 on:req
	in	al, 0x92
	and	al, 0xfc
	or	al, \on * 2
	out	0x92, al
	.endm
a20_data:
	mov	ax, 0xffff
	mov	es, ax
	A20	1
	xor	ebx, ebx
	mov	dx, 20
1:	mov	cx, 0x1234
	mov	[0x600], cx
	mov	es:[0x610], dx
	call	2f
	cmp	si, dx
	jne	4f
	inc	bx
4:	A20	0
	mov	si, es:[0x610]	/* at once */
	cmp	si, 0x1234
	jne	4f
	inc	bx
4:	call	2f
	cmp	si, 0x1234
	jne	4f
	inc	bx
4:	A20	1
	dec	dx
	jnz	1b
	mov	eax, ebx
	ret
2:	mov	cx, 20
3:	mov	si, es:[0x610]
	loop	3b
	ret

	.text	1
a20_function:
	mov	ax, 1
	retf
	.text	0
a20_code:
	mov	ax, 0xffff
	mov	es, ax
	A20	1
	mov	si, offset a20_function
	mov	di, 0x610
	mov	cx, 4
	rep movsb
	mov	byte ptr es:[0x611], 2
	xor	ax, ax
	mov	es, ax
	mov	si, offset a20_function
	mov	di, 0x600
	mov	cx, 4
	rep movsb
	xor	ebx, ebx
	mov	dx, 20
1:	mov	bp, 2
	call	2f
	A20	0
	mov	bp, 1
	call	2f
	A20	1
	call	0xffff, 0x610
	cmp	ax, 2
	jne	5f
	inc	bx
5:	dec	dx
	jnz	1b
	mov	eax, ebx
	ret
2:	mov	cx, 20		/* BX is one more if all 20 were BP */
	xor	si, si
3:	call	0xffff, 0x610
	cmp	ax, bp
	je	4f
	inc	si
4:	loop	3b
	test	si, si
	jnz	5f
	inc	bx
5:	ret
	.code32
