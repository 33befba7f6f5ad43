/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Accesses of one block through one value of a register, which share a check in T1 (vmm/translate/group.c).
 *
 * A case is a piece of code that runs at CPL 3 around the border of two pages: dozens of times where all is well, with its
 * base at several places, and between those with one of the pages missing, read-only, not the user's, or another one
 * (ODD).  Where it ends, CR2 and the error code are constants; all else, that is registers and memory, must be what a
 * copy of the code leaves that has never run before and so is interpreted, at the same address.
 *
 * The code finds: ESI, EBP, ESP the base; EDI its own address; EBX a word in a third page, which is in the TLB every
 * second time; EDX the number of the run; EAX 11h, ECX 3.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"
#include "share.inc"

#define APIC 0xfee00000

main:
	cli
	call	catch_init
	mov	eax, cr4
	or	eax, 0x200
	mov	cr4, eax
	fninit
	call	paging_init
	call	fields
	call	stacks
	call	registers
	call	stack_pointers
	call	others
	call	devices
	ret

/* ---- Fields of a structure in two pages */
fields:
	CASE	"reads and writes"
1:	mov	eax, [esi - 8]
2:	mov	ecx, [esi + 4]
3:	mov	[esi - 4], eax
4:	mov	[esi + 8], ecx
5:	add	[esi - 0x10], ecx
	inc	dword ptr [esi]
	ODD	SECOND_MISSING, 0, 4, 2b, 4
	ODD	FIRST_MISSING, 0, 4, 1b, -8
	ODD	SECOND_READ_ONLY, 0, 7, 4b, 8
	ODD	FIRST_READ_ONLY, 0, 7, 3b, -4
	ODD	SECOND_KERNEL, 0, 5, 2b, 4
	ODD	FIRST_KERNEL, 0, 5, 1b, -8
	ODD	SECOND_MISSING, 0x80, 4, 1b, 0x78
	ODD	SECOND_READ_ONLY, 0x80, 7, 3b, 0x7c
	ODD	SECOND_KERNEL, 0x80, 5, 1b, 0x78
	ODD	FIRST_READ_ONLY, -0x80, 7, 3b, -0x84
	ODD	SECOND_READ_ONLY, -0x80
	ODD	FIRST_MISSING, 0x80
	ODD	ANOTHER, 0x80
	ODD	ANOTHER, 0
	ODD	BY_HANDLER, 0x80
	ODD	BY_HANDLER, 0
	END	"reads and writes"
	CASE	"writes, then reads"
1:	mov	[esi + 0x10], eax
2:	mov	dword ptr [esi - 0x10], 0x1234
3:	mov	[esi], cx
4:	mov	ecx, [esi + 4]
5:	mov	eax, [esi - 4]
	ODD	SECOND_MISSING, 0, 6, 1b, 0x10
	ODD	FIRST_MISSING, 0, 6, 2b, -0x10
	ODD	SECOND_READ_ONLY, 0, 7, 1b, 0x10
	ODD	FIRST_READ_ONLY, 0, 7, 2b, -0x10
	ODD	SECOND_KERNEL, 0, 7, 1b, 0x10
	ODD	FIRST_KERNEL, 0, 7, 2b, -0x10
	ODD	SECOND_READ_ONLY, 0x80, 7, 1b, 0x90
	ODD	BY_HANDLER, 0
	END	"writes, then reads"
	CASE	"the last byte is in the other page"
1:	mov	eax, [esi]
2:	mov	ecx, [esi + 4]
3:	mov	[esi + 2], al
	ODD	SECOND_MISSING, -7, 4, 2b, 0
	ODD	SECOND_KERNEL, -7, 5, 2b, 0
	ODD	SECOND_MISSING, -8
	ODD	SECOND_READ_ONLY, -7
	ODD	FIRST_MISSING, -1, 4, 1b, -1
	ODD	FIRST_MISSING, 0
	END	"the last byte is in the other page"
	CASE	"the first byte is in the other page"
1:	mov	eax, [esi + 4]
2:	mov	[esi], ecx
	ODD	FIRST_MISSING, -1, 6, 2b, -1
	ODD	FIRST_READ_ONLY, -1, 7, 2b, -1
	ODD	FIRST_MISSING, 0
	ODD	SECOND_MISSING, -8
	ODD	SECOND_MISSING, -7, 4, 1b, 0
	END	"the first byte is in the other page"
	CASE	"a byte behind"
1:	mov	al, [esi]
2:	mov	[esi + 1], al
3:	mov	cx, [esi - 2]
	ODD	SECOND_MISSING, -1, 6, 2b, 0
	ODD	SECOND_MISSING, -2
	ODD	FIRST_MISSING, 1, 4, 3b, -1
	ODD	FIRST_MISSING, 2
	END	"a byte behind"
	CASE	"a piece of 256 bytes, and more"
1:	mov	eax, [esi]
2:	mov	ecx, [esi + 0xfc]
3:	mov	edx, [esi + 0xfd]
4:	mov	[esi + 0x80], edx
	ODD	SECOND_MISSING, -0xff, 4, 2b, 0
	ODD	SECOND_MISSING, -0x100, 4, 3b, 0
	ODD	SECOND_MISSING, -0x101
	ODD	SECOND_READ_ONLY, -0x90
	ODD	SECOND_READ_ONLY, -0x80, 7, 4b, 0
	ODD	FIRST_MISSING, -1, 4, 1b, -1
	END	"a piece of 256 bytes, and more"
	CASE	"reads, and a write that is skipped"
1:	mov	eax, [esi]
2:	mov	ecx, [esi + 4]
	test	eax, eax
	jnz	5f
4:	mov	[esi + 8], ecx
5:	mov	edx, [esi + 12]
	ODD	SECOND_READ_ONLY, 0x80
	ODD	FIRST_READ_ONLY, -0x80
	ODD	SECOND_READ_ONLY, 0
	ODD	SECOND_MISSING, -8, 4, 5b, 4
	ODD	SECOND_MISSING, 0, 4, 1b, 0
	END	"reads, and a write that is skipped"
	CASE	"reads, and a write that is not"
1:	mov	eax, [esi]
2:	mov	ecx, [esi + 4]
	test	eax, eax
	jz	5f
4:	mov	[esi + 8], ecx
	mov	edx, [esi]
	add	[esi], edx
5:	nop
	ODD	SECOND_READ_ONLY, 0x80, 7, 4b, 0x88
	ODD	FIRST_READ_ONLY, -0x80, 7, 4b, -0x78
	ODD	SECOND_READ_ONLY, -8, 7, 4b, 0
	ODD	BY_HANDLER, -8
	END	"reads, and a write that is not"
	CASE	"written by the second alone"
1:	mov	eax, [esi]
2:	mov	[esi + 4], ecx
3:	mov	eax, [esi + 8]
	ODD	SECOND_READ_ONLY, 0x80, 7, 2b, 0x84
	ODD	FIRST_READ_ONLY, -0x80, 7, 2b, -0x7c
	ODD	SECOND_KERNEL, 0x80, 5, 1b, 0x80
	END	"written by the second alone"
	CASE	"absolute addresses"
1:	mov	eax, [MIDDLE - 12]
2:	mov	ecx, [MIDDLE - 20]
3:	mov	[MIDDLE - 16], eax
4:	mov	edx, [MIDDLE]
5:	add	[MIDDLE + 4], edx
	ODD	FIRST_MISSING, 0, 4, 1b, -12
	ODD	SECOND_MISSING, 0, 4, 4b, 0
	ODD	FIRST_READ_ONLY, 0, 7, 3b, -16
	ODD	SECOND_READ_ONLY, 0, 7, 5b, 4
	ODD	BY_HANDLER, 0
	END	"absolute addresses"
	CASE	"absolute addresses in one page"
1:	mov	eax, [MIDDLE + 0x24]
2:	mov	ecx, [MIDDLE + 0x20]
3:	mov	[MIDDLE + 0x30], eax
	xchg	[MIDDLE + 0x34], ecx
	ODD	SECOND_MISSING, 0, 4, 1b, 0x24
	ODD	SECOND_READ_ONLY, 0, 7, 3b, 0x30
	ODD	ANOTHER, 0
	END	"absolute addresses in one page"
	ret

/* ---- Pushes and pops */
stacks:
	CASE	"pushes"
1:	push	eax
2:	push	ecx
3:	push	edx
4:	push	0x77
5:	push	ebp
	mov	ecx, [esp + 8]
	ODD	FIRST_MISSING, 8, 6, 3b, -4
	ODD	FIRST_READ_ONLY, 8, 7, 3b, -4
	ODD	FIRST_KERNEL, 8, 7, 3b, -4
	ODD	FIRST_MISSING, 9, 6, 3b, -3
	ODD	FIRST_MISSING, 11, 6, 3b, -1
	ODD	FIRST_MISSING, 19, 6, 5b, -1
	ODD	FIRST_MISSING, 20
	ODD	SECOND_MISSING, 2, 6, 1b, 0
	ODD	SECOND_READ_ONLY, 0x80, 7, 1b, 0x7c
	END	"pushes"
	CASE	"pops"
1:	pop	eax
2:	pop	ecx
3:	pop	edx
4:	pop	ebx
	ODD	SECOND_MISSING, -8, 4, 3b, 0
	ODD	SECOND_KERNEL, -8, 5, 3b, 0
	ODD	SECOND_MISSING, -15, 4, 4b, 0
	ODD	SECOND_MISSING, -16
	ODD	SECOND_READ_ONLY, -8
	ODD	FIRST_MISSING, -2, 4, 1b, -2
	ODD	ANOTHER, -8
	END	"pops"
	CASE	"LEAVE"
1:	mov	eax, [ebp - 8]
2:	push	ecx
3:	leave
4:	pop	ecx
5:	pop	edx
	ODD	SECOND_MISSING, 0, 4, 3b, 0
	ODD	SECOND_MISSING, -4, 4, 4b, 0
	ODD	SECOND_MISSING, -11, 4, 5b, 0
	ODD	SECOND_MISSING, -12
	ODD	FIRST_READ_ONLY, 0, 7, 2b, -4
	END	"LEAVE"
	CASE	"LEAVE, and what EBP is then"
	lea	ebp, [esi + 0x100]
	lea	edx, [esi + 0x180]
	mov	[ebp], edx
	mov	eax, [ebp + 4]
	leave
	mov	[ebp + 4], eax
	add	eax, [ebp]
	END	"LEAVE, and what EBP is then"
	CASE	"CALL"
1:	push	eax
2:	push	ecx
3:	call	4f
	nop
4:	pop	eax
5:	push	edx
	ODD	FIRST_MISSING, 8, 6, 3b, -4
	ODD	FIRST_READ_ONLY, 8, 7, 3b, -4
	ODD	FIRST_KERNEL, 10, 7, 3b, -2
	ODD	FIRST_MISSING, 12
	END	"CALL"
	CASE	"CALL from memory"
1:	mov	ecx, [esi + 12]
2:	call	dword ptr [esi + 8]
	nop
5:	pop	eax
	push	ecx
	ODD	FIRST_MISSING, 0, 6, 2b, -4
	ODD	FIRST_READ_ONLY, 0, 7, 2b, -4
	ODD	SECOND_MISSING, 0, 4, 1b, 12
	ODD	SECOND_MISSING, -15, 4, 1b, 0
	END	"CALL from memory", (5b-7b)
	CASE	"RET"
1:	pop	ecx
2:	pop	edx
3:	ret
5:	pop	eax
	ODD	SECOND_MISSING, -8, 4, 3b, 0
	ODD	SECOND_MISSING, -10, 4, 3b, 0
	ODD	SECOND_KERNEL, -8, 5, 3b, 0
	ODD	SECOND_MISSING, -12, 4, 5b, 0
	ODD	SECOND_READ_ONLY, -8
	END	"RET", (5b-7b)
	CASE	"RET n"
1:	push	ecx
2:	pop	edx
	mov	edx, [esp]
	add	esp, 8
3:	ret	8
5:	pop	eax
	ODD	SECOND_MISSING, -8, 4, 3b, 0
	ODD	SECOND_MISSING, -20, 4, 5b, 0
	ODD	FIRST_READ_ONLY, 0, 7, 1b, -4
	END	"RET n", (5b-7b)
	CASE	"PUSH from memory, then others"
	mov	edx, [edi]	/* a block of the same groups, elsewhere */
	lea	esp, [esi + 0x180]
	push	eax
	push	eax
	mov	esp, esi
	jmp	1f
1:	push	dword ptr [ebx]
2:	push	eax
3:	push	ecx
	mov	edx, [esp + 4]
	ODD	FIRST_MISSING, 8, 6, 3b, -4
	ODD	FIRST_MISSING, 0, 6, 1b, -4
	ODD	FIRST_READ_ONLY, 4, 7, 2b, -4
	END	"PUSH from memory, then others"
	CASE	"PUSH from memory, twice, between others"
1:	push	eax
2:	push	dword ptr [ebx + 4]
3:	push	ecx
4:	push	dword ptr [ebx]
5:	push	edx
	pop	dword ptr [ebx + 8]
	mov	[esp - 12], ecx
	ODD	FIRST_MISSING, 12, 6, 4b, -4
	ODD	FIRST_READ_ONLY, 4, 7, 2b, -4
	END	"PUSH from memory, twice, between others"
	CASE	"PUSH through the stack pointer"
1:	push	dword ptr [esp + 4]
2:	push	dword ptr [esp]
	pop	eax
	pop	dword ptr [esp + 8]
3:	push	dword ptr [esi - 0x10]
	ODD	FIRST_MISSING, 0, 6, 1b, -4
	ODD	SECOND_MISSING, 0, 4, 1b, 4
	ODD	FIRST_MISSING, 4, 6, 2b, -4
	END	"PUSH through the stack pointer"
	CASE	"words on the stack"
1:	push	ax
2:	push	ecx
3:	pop	dx
4:	push	dword ptr [ebx]
	add	[esp + 2], cx
	ODD	FIRST_MISSING, 4, 6, 2b, -2
	ODD	FIRST_MISSING, 6, 6, 4b, -2
	END	"words on the stack"
	ret

/* ---- The register changes */
registers:
	CHANGE	"ADD", ebx, "add ebx, 0x20"
	CHANGE	"ADD of a register", ebx, "add ebx, ecx"
	CHANGE	"SUB from memory", edx, "sub edx, [edi - 4]"
	CHANGE	"ADC", edx, "cmp ecx, -1; adc edx, 0x10"
	CHANGE	"AND", edi, "and edi, -0x80"
	CHANGE	"OR", eax, "or eax, 0x44"
	CHANGE	"OR of the accumulator's byte", eax, "or al, 0x44"
	CHANGE	"INC", edi, "inc edi"
	CHANGE	"DEC", ebx, "dec ebx"
	CHANGE	"LEA", ebx, "lea ebx, [ebx + 0x24]"
	CHANGE	"MOV", ebx, "mov ebx, edx"
	CHANGE	"MOV of a word", ebx, "mov bx, dx"
	CHANGE	"MOV from memory", ebx, "mov ebx, [esi + 0x130]"
	CHANGE	"MOV of AL from memory", eax, "mov al, [esi + 0x130]"
	CHANGE	"MOV BH", ebx, "mov bh, 0x0f"
	CHANGE	"MOV BL", ebx, "mov bl, 0x24"
	CHANGE	"MOV BL, DL", ebx, "mov bl, dl"
	CHANGE	"MOV BH, CL", ebx, "mov cl, 0x0f; mov bh, cl"
	CHANGE	"ADD BH", ebx, "sub bh, 1"
	CHANGE	"ADD DH, BL", edx, "mov bl, -1; add dh, bl"
	CHANGE	"INC CH", ecx, "dec ch"
	CHANGE	"NOT CL", ecx, "not cl"
	CHANGE	"XCHG", ebx, "xchg ebx, edx"
	CHANGE	"XCHG with EAX", eax, "xchg eax, edx"
	CHANGE	"XCHG of EAX with it", edi, "mov eax, edx; xchg eax, edi"
	CHANGE	"XCHG AH, BH", ebx, "mov ah, 0x0f; xchg ah, bh"
	CHANGE	"XCHG BL, BH", ebx, "xchg bl, bh; mov bh, 0x10"
	CHANGE	"XCHG with memory", ebx, "xchg [esi + 0x130], ebx"
	CHANGE	"XADD", ebx, "xadd ebx, ecx"
	CHANGE	"XADD of the other", ebx, "xadd edx, ebx; sub ebx, 0x40"
	CHANGE	"XADD with memory", ebx, "xadd [esi + 0x130], ebx"
	CHANGE	"CMPXCHG", ebx, "mov eax, ebx; cmpxchg ebx, edx"
	CHANGE	"CMPXCHG of EAX", eax, "cmpxchg edx, ecx"
	CHANGE	"CMPXCHG of EAX from memory", eax, "cmpxchg [esi + 0x130], ecx"
	CHANGE	"CMOV", ebx, "cmp ecx, 0; cmovnz ebx, edx"
	CHANGE	"CMOV that does not", ebx, "cmp ecx, 0; cmovz ebx, edx"
	CHANGE	"POP", ebx, "lea esp, [esi + 0x60]; push edx; pop ebx"
	CHANGE	"POP of a word", ebx, "lea esp, [esi + 0x60]; push dx; pop bx"
	CHANGE	"SETcc", ebx, "cmp ecx, ecx; setnz bl"
	CHANGE	"SETcc of a high byte", eax, "cmp ecx, ecx; setnz ah"
	CHANGE	"BTS", ebx, "bts ebx, 4"
	CHANGE	"BTC", ebx, "btc ebx, 3"
	CHANGE	"LODSD", esi, "lodsd"
	CHANGE	"ROL of a byte", ebx, "mov bl, 0x11; rol bl, 2"
	CHANGE	"PEXTRD", ebx, "pextrd ebx, xmm0, 0"
	CHANGE	"MOVD", ebx, "movd ebx, xmm0"
	CHANGE	"PMOVMSKB", ebx, "pmovmskb ebx, xmm0; lea ebx, [esi + ebx + 0x30]"
	CHANGE	"LAHF", eax, "sahf; lahf; mov ah, 0x10"
	CHANGE	"MOV from the stack", ebp, "mov ebp, edx"
	CHANGE	"IMUL", ebx, "imul ebx, edx, 1"
	CHANGE	"LOOP's", edx, "3: add edx, 4; mov ebp, [edx]; mov [edx + 8], ebp; lea edx, [edx - 8]; add [edx], ebp; dec ecx; jnz 3b"
	CHANGE	"none", ebx, "nop"
	CHANGE_FAR "MUL, EAX", eax, "mul ecx"
	CHANGE_FAR "MUL, EDX", edx, "mul ecx"
	CHANGE_FAR "IMUL, EAX", eax, "imul eax, ecx"
	CHANGE_FAR "DIV, EAX", eax, "div edi"
	CHANGE_FAR "DIV, EDX", edx, "div edi"
	CHANGE_FAR "CDQ", edx, "cdq"
	CHANGE_FAR "CWDE", eax, "cwde"
	CHANGE_FAR "SHRD", ebx, "shrd ebx, edx, 8"
	CHANGE_FAR "SHLD by CL", ebx, "mov cl, 4; shld ebx, edx, cl"
	CHANGE_FAR "CRC32", ebx, "crc32 ebx, edx"
	CHANGE_FAR "BSWAP", ebx, "bswap ebx"
	CHANGE_FAR "MOVZX", ebx, "movzx ebx, bx"
	CHANGE_FAR "MOVZX of a byte", ebx, "movzx ebx, dl"
	CHANGE_FAR "MOVSX", ebx, "movsx ebx, dh"
	CHANGE_FAR "SHL", ebx, "shl ebx"
	CHANGE_FAR "SHR", ebx, "shr ebx, cl; shr ebx, 3"
	CHANGE_FAR "ROL", ebx, "rol ebx, 4"
	CHANGE_FAR "SAR by CL", edi, "mov cl, 5; sar edi, cl"
	CHANGE_FAR "NEG", ebx, "neg ebx"
	CHANGE_FAR "NOT", ebx, "not ebx"
	CHANGE_FAR "BSF", ebx, "bsf ebx, ecx"
	CHANGE_FAR "XOR", ebx, "xor ebx, ebx"
	CHANGE_FAR "SBB", ebx, "cmp ecx, ecx; sbb ebx, ebx"
	CHANGE_FAR "an immediate", ebx, "mov ebx, 0x7c00"
	CHANGE_FAR "FNSTSW", eax, "fnstsw ax"
	CHANGE_FAR "AAM", eax, "aam"
	CHANGE_FAR "CPUID", ebx, "xor eax, eax; cpuid"
	ret

/* ---- The stack pointer changes */
stack_pointers:
	STACK	"ESP: none", "nop"
	STACK	"ESP: AND", "and esp, -0x40"
	STACK	"ESP: SUB", "sub esp, 0x24"
	STACK	"ESP: SUB of a negative number", "sub esp, -0x24"
	STACK	"ESP: ADD", "add esp, 0x18"
	STACK	"ESP: ADD of a long number", "add esp, 0x94"
	STACK	"ESP: ADD of a register", "mov ecx, 0x14; add esp, ecx"
	STACK	"ESP: ADD to SP", "add sp, 0x14"
	STACK	"ESP: SUB, to the other page", "sub esp, 0x104"
	STACK	"ESP: SUB, far", "sub esp, 0x1004"
	STACK	"ESP: LEA", "lea esp, [esp - 0x14]"
	STACK	"ESP: LEA with another base", "lea esp, [ebp - 0x30]"
	STACK	"ESP: LEA with an index", "mov ecx, 8; lea esp, [esp + ecx * 4]"
	STACK	"ESP: MOV", "mov esp, ebp"
	STACK	"ESP: MOV of SP", "mov sp, bp"
	STACK	"ESP: POP", "push ebp; pop esp"
	STACK	"ESP: POP, deeper", "pop esp; mov [esp], edx"
	STACK	"ESP: LEAVE", "leave"
	STACK	"ESP: ENTER", "enter 8, 0"
	STACK	"ESP: INC", "inc esp"
	STACK	"ESP: OR", "or esp, 0x70"
	STACK	"ESP: XCHG", "xchg esp, ebp"
	STACK	"ESP: XCHG with EAX", "mov eax, ebp; xchg eax, esp"
	STACK	"ESP: CMOV", "test esp, esp; cmovnz esp, ebp"
	STACK	"ESP: PUSHA", "pushad"
	STACK	"ESP: POPA", "pushad; popad"
	STACK	"ESP: PUSHF", "pushfd; pop edx; push edx; popfd"
	STACK	"ESP: words", "push cx; push 1; pop ax"
	STACK	"ESP: two steps", "sub esp, 0x20; lea esp, [esp + 8]; pop edx; add esp, 4"
	ret

/* ---- SSE and x87 operands, two addresses of one page, pieces of code */
others:
	CASE	"SSE"
1:	mov	eax, [esi + 12]
2:	movups	xmm0, [esi - 8]
	paddd	xmm0, xmm0
3:	movups	[esi + 0x10], xmm0
4:	movq	qword ptr [esi], xmm0
5:	mov	[esi - 0x10], eax
	ODD	SECOND_MISSING, -0x1f, 6, 3b, 0
	ODD	SECOND_READ_ONLY, -0x1f, 7, 3b, 0
	ODD	FIRST_MISSING, 7, 4, 2b, -1
	ODD	FIRST_MISSING, 8, 6, 5b, -8
	ODD	SECOND_READ_ONLY, 0x80, 7, 3b, 0x90
	ODD	ANOTHER, 0x80
	END	"SSE"
	CASE	"SSE, aligned"
1:	movaps	xmm0, [esi]
2:	mov	[esi + 0x14], ecx
3:	movaps	xmm1, [esi + 0x10]
	paddd	xmm0, [esi + 0x20]
4:	movaps	[esi + 0x30], xmm0
	ODD	SECOND_MISSING, -0x10, 6, 2b, 4
	ODD	SECOND_READ_ONLY, -0x30, 7, 4b, 0
	ODD	SECOND_MISSING, -0x40
	END	"SSE, aligned"
	CASE	"x87"
1:	mov	eax, [esi]
2:	fild	qword ptr [esi + 8]
	fild	dword ptr [esi + 4]
	faddp
3:	fistp	qword ptr [esi + 0x10]
4:	fnstcw	word ptr [esi + 0x18]
5:	mov	ecx, [esi + 0x10]
	add	[esi + 0x1c], ecx
	ODD	SECOND_MISSING, -0xf, 4, 2b, 0
	ODD	SECOND_MISSING, -0x17, 6, 3b, 0
	ODD	SECOND_READ_ONLY, -0x17, 7, 3b, 0
	ODD	FIRST_MISSING, 0
	END	"x87"
	CASE	"two addresses of one page"
	lea	edx, [esi + 0x5100]	/* in ALIAS_AT */
	lea	esi, [esi + 0x100]
	mov	[esi], eax
	mov	ecx, [edx]
	mov	[edx + 4], ebp
	add	ecx, [esi + 4]
	mov	[esi + 8], ecx
	add	ebx, [edx + 8]
	mov	word ptr [edx + 2], 0x4321
	mov	ebp, [esi]
	ODD	ANOTHER, 0
	END	"two addresses of one page"
	/* The write is to the MOV's immediate every eighth time. */
	CASE	"a group whose page holds code"
	test	dl, 7
	lea	ecx, [edi + (3f - 7b) + 1 - 5]
	cmovz	esi, ecx
	jmp	2f
2:	mov	ecx, [esi]
	mov	[esi + 5], dl
3:	mov	eax, 0x7f
	mov	ebp, [esi + 5]
	jmp	4f
4:	test	dl, 7		/* else the immediate is of a run before */
	jz	5f
	xor	eax, eax
5:
	END	"a group whose page holds code"
	CASE	"next block"
	mov	eax, [esi]
	mov	[esi + 4], ecx
	jmp	2f
2:	lea	esi, [esi + 0x10]
	mov	[esi + 4], edx
	mov	eax, [esi]
	jmp	3f
3:	mov	ecx, [esi + 8]
	mov	[esi + 4], esi
4:	push	ecx
	push	edx
	ODD	FIRST_MISSING, 4, 6, 4b + 1, -4
	ODD	SECOND_READ_ONLY, -0x20
	END	"next block"
	CASE	"more groups than there are"
	lea	eax, [esi + 4]
	lea	ecx, [esi + 0x24]
	lea	ebp, [esi + 0x48]
	.rept	2
	.irp	register, eax, ecx, ebp, esi
	mov	edx, [\register]
	mov	[\register + 4], edx
	inc	\register
	.endr
	.endr
	END	"more groups than there are"
	CASE	"a long block of groups of one register"
	.rept	10
	mov	eax, [esi]
	add	[esi + 4], eax
	inc	esi
	.endr
	END	"a long block of groups of one register"
	ret

/* ---- Registers of the local APIC, and memory, by the same block */
	.text	1
	.balign	4
spare_words: .fill 64, 4, 0x55
	.text	0
device_turn: /* ESI a device's page or memory: EAX and EDX what is at +30h and +20h */
	mov	eax, [esi + 0x30]
	mov	edx, [esi + 0x20]
	mov	[esi + 0x80], ecx
	add	ebx, [esi + 0x80]
	ret
devices:
	mov	esi, APIC
	mov	ebp, [esi + 0x30]
	mov	edi, [esi + 0x20]
	mov	dword ptr [spare_words + 0x30], 0x3333
	mov	dword ptr [spare_words + 0x20], 0x2222
	xor	ebx, ebx
	mov	ecx, 120
	push	0
1:	mov	esi, offset spare_words
	call	device_turn
	cmp	eax, 0x3333
	jne	2f
	cmp	edx, 0x2222
	jne	2f
	test	cl, 3
	jnz	3f
	mov	esi, APIC
	call	device_turn
	cmp	eax, ebp
	jne	2f
	cmp	edx, edi
	je	3f
2:	inc	dword ptr [esp]
3:	dec	ecx
	jnz	1b
	mov	dword ptr [APIC + 0x80], 0
	pop	eax
	IS	"a device's registers", 0
	mov	eax, ebx
	IS	"what has been written there", (60*121+2*30*31)
	ret
