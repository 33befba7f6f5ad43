/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Accesses that share a check in T1, as in share.S, in 64-bit mode at CPL 0 with CR0.WP set.
 *
 * The code finds: RSI, RBP, RSP and R8 to R15 the base; RDI its own address; RBX a word in a third page, which is in the
 * TLB every second time; RDX the number of the run; RAX a number, RCX 3.
 */
#include "common.inc"
#include "catch.inc"
#include "long.inc"

#define FIRST RAM64
#define SECOND (RAM64 + 0x1000)
#define THIRD (RAM64 + 0x2000)
#define OTHER (RAM64 + 0x3000)
#define PATTERN (RAM64 + 0x4000)
#define MIDDLE (WINDOW64 + 0x1000)
#define THIRD_AT (WINDOW64 + 0x5000)
#define CODE_AT (WINDOW64 + 0x8000)
#define CODE_PAGES 0x400000
#define PD_FAR 0x130000
#define TABLE_FAR 0x131000
#define AROUND 0x280

#define GOOD 0
#define SECOND_MISSING 1
#define FIRST_MISSING 2
#define SECOND_READ_ONLY 3
#define FIRST_READ_ONLY 4
#define ANOTHER 5
	.text	1
	.balign	8
kinds:	.long	FIRST + 7, SECOND + 7, 15
	.long	FIRST + 7, 0, 3
	.long	0, SECOND + 7, 12
	.long	FIRST + 7, SECOND + 5, 7
	.long	FIRST + 5, SECOND + 7, 13
	.long	FIRST + 7, OTHER + 7, 15
places:	.long	0, 0x80, -0x80, 0x40, -0x41, 0x20, 8, -0x14
next_code: .long CODE_PAGES
run_number: .long 0
	.balign	8
run_wrong: .quad 0
case_at: .quad	0
hot_code: .quad	0
run_kind: .quad	0
run_base: .quad	0
run_rsi: .quad	0
run_probe: .quad 0
found:	.quad	0, 0, 0, 0, 0	/* vector, RIP, CR2, error code, sum of all else */
wanted:	.quad	0, 0, 0, 0, 0
	.text	0

	.macro	CASE name:req
	.text	2
	.balign	8
6:	.text	1
	.code64
7:
	.endm
	.macro	ODD kind:req, base:req, error=0, at=0, cr2=0
	.text	2
	.ifc	\at, 0
	.quad	\kind, \base, STOP, 0, 0, 0
	.else
	.quad	\kind, \base, 14, CODE_AT + 16 + \at - 7b, MIDDLE + \cr2, \error
	.endif
	.text	1
	.endm
	.macro	END name:req, poke=0
	int	STOP
8:	.text	2
	.quad	-1
9:	.quad	7b, 8b - 7b, \poke, 6b
	.text	0
	.code32
	mov	dword ptr [case_at], offset 9b
	mov	eax, offset share64
	call	long
	IS	"\name", 0
	.endm
	.macro	CHANGE name:req, reg:req, change:req
	CASE	"\name"
	lea	rdx, [rsi + 0x1c0]
	mov	[rsi + 0x130], rdx
	mov	ecx, 0x20
	lea	\reg, [rsi + 0x100]
	mov	rbp, [\reg]
	mov	[\reg + 8], rbp
	\change
	mov	[\reg + 4], rbp
	mov	rbp, [\reg + 12]
	add	[\reg], ebp
	END	"\name"
	.endm
	.macro	CHANGE_FAR name:req, reg:req, change:req
	CASE	"\name"
	lea	rdx, [rsi + 0x1c0]
	mov	ecx, 0x20
	lea	\reg, [rsi + 0x100]
	mov	rbp, [\reg]
	\change
	add	rbp, [\reg + 8]
	END	"\name"
	.endm
	.macro	STACK name:req, change:req
	CASE	"\name"
	lea	rsp, [rsi + 0x100]
	lea	rbp, [rsi + 0x144]
	lea	rdx, [rsi + 0xa4]
	mov	[rbp], rdx
	push	rax
	push	rbp
	mov	rcx, [rsp + 24]
	\change
	push	rcx
	mov	[rsp - 16], rdi
	mov	rcx, [rsp + 8]
	push	rcx
	add	[rsp + 32], rsi
	pop	rax
	END	"\name"
	.endm

main:
	cli
	call	catch_init
	call	long_init
	mov	eax, cr4
	or	eax, 0x200
	mov	cr4, eax
	mov	eax, cr0
	or	eax, 0x10000
	mov	cr0, eax

	.irp	register, r8, r9, r10, r11, r13, r15, rsi
	CASE	"fields, \register"
1:	mov	rax, [\register - 8]
2:	mov	ecx, [\register + 4]
3:	mov	[\register - 8], rcx
4:	mov	[\register + 8], rax
5:	add	[\register - 0x10], ecx
	movups	xmm0, [\register - 0x10]
	movups	[\register + 0x10], xmm0
	ODD	SECOND_MISSING, 0, 0, 2b, 4
	ODD	FIRST_MISSING, 0, 0, 1b, -8
	ODD	SECOND_READ_ONLY, 0, 3, 4b, 8
	ODD	FIRST_READ_ONLY, 0, 3, 3b, -8
	ODD	SECOND_READ_ONLY, 0x80, 3, 3b, 0x78
	ODD	FIRST_READ_ONLY, -0x80, 3, 3b, -0x88
	ODD	SECOND_MISSING, -7, 0, 2b, 0
	ODD	ANOTHER, 0x80
	END	"fields, \register"
	.endr
	CASE	"reads, and a write that is skipped"
1:	mov	rax, [r10]
2:	mov	r9, [r10 + 8]
	test	rax, rax
	jnz	5f
4:	mov	[r10 + 16], r9
5:	mov	edx, [r10]
	ODD	SECOND_READ_ONLY, 0x80
	ODD	FIRST_READ_ONLY, -0x80
	ODD	SECOND_READ_ONLY, 0
	END	"reads, and a write that is skipped"
	CASE	"RIP-relative"
1:	mov	eax, [rip + MIDDLE + 4 - CODE_AT - 16 - 6]
2:	mov	ecx, [rip + MIDDLE - 8 - CODE_AT - 16 - 12]
3:	mov	[rip + MIDDLE + 16 - CODE_AT - 16 - 18], eax
	ODD	SECOND_MISSING, 0, 0, 1b, 4
	ODD	FIRST_MISSING, 0, 0, 2b, -8
	ODD	SECOND_READ_ONLY, 0, 3, 3b, 16
	END	"RIP-relative"
	CASE	"absolute addresses"
1:	mov	rax, [SECOND + 0x40]
2:	mov	[SECOND + 0x30], edx
3:	add	rax, [SECOND + 0x2e]
4:	add	[SECOND + 0x50], rax
	movups	xmm0, [SECOND + 0x34]
	movaps	[SECOND + 0x20], xmm0
	END	"absolute addresses"

	CASE	"pushes"
1:	push	rax
2:	push	r9
3:	push	0x77
4:	push	r12
5:	push	rbp
	mov	r10, [rsp + 16]
	ODD	FIRST_MISSING, 16, 2, 3b, -8
	ODD	FIRST_READ_ONLY, 16, 3, 3b, -8
	ODD	FIRST_MISSING, 17, 2, 3b, -7
	ODD	FIRST_MISSING, 23, 2, 3b, -1
	ODD	FIRST_MISSING, 40
	END	"pushes"
	CASE	"pops"
1:	pop	r11
2:	pop	rcx
3:	pop	r9
4:	pop	r14
	ODD	SECOND_MISSING, -16, 0, 3b, 0
	ODD	SECOND_MISSING, -23, 0, 3b, 0
	ODD	SECOND_MISSING, -32
	ODD	SECOND_READ_ONLY, -8
	END	"pops"
	CASE	"LEAVE"
1:	mov	r9, [rbp - 16]
2:	push	rcx
3:	leave
4:	pop	rcx
5:	pop	r10
	ODD	SECOND_MISSING, 0, 0, 3b, 0
	ODD	SECOND_MISSING, -8, 0, 4b, 0
	ODD	FIRST_READ_ONLY, 0, 3, 2b, -8
	END	"LEAVE"
	CASE	"LEAVE, and what RBP is then"
	lea	rbp, [rsi + 0x100]
	lea	rdx, [rsi + 0x180]
	mov	[rbp], rdx
	mov	rax, [rbp + 8]
	leave
	mov	[rbp + 8], rax
	add	rax, [rbp]
	END	"LEAVE, and what RBP is then"
	CASE	"CALL"
1:	push	rax
2:	push	rcx
3:	call	4f
	nop
4:	pop	r9
5:	push	rdx
	ODD	FIRST_MISSING, 16, 2, 3b, -8
	ODD	FIRST_READ_ONLY, 16, 3, 3b, -8
	END	"CALL"
	CASE	"CALL from memory"
1:	mov	rcx, [r9 + 16]
2:	call	[r9 + 8]
	nop
5:	pop	rax
	ODD	FIRST_MISSING, 0, 2, 2b, -8
	ODD	FIRST_READ_ONLY, 0, 3, 2b, -8
	ODD	SECOND_MISSING, -16, 0, 1b, 0
	END	"CALL from memory", (5b-7b)
	CASE	"RET"
1:	pop	r10
3:	ret
5:	pop	rax
	ODD	SECOND_MISSING, -8, 0, 3b, 0
	ODD	SECOND_MISSING, -10, 0, 3b, 0
	ODD	SECOND_READ_ONLY, -8
	END	"RET", (5b-7b)
	CASE	"RET n"
1:	push	rcx
2:	pop	rdx
	add	rsp, 8
3:	ret	8
5:	pop	rax
	ODD	SECOND_MISSING, -8, 0, 3b, 0
	ODD	SECOND_MISSING, -24, 0, 5b, 0
	END	"RET n", (5b-7b)
	CASE	"PUSH from memory, then others"
	mov	r9, [rdi]	/* a block of the same groups, elsewhere */
	lea	rsp, [rsi + 0x180]
	push	rax
	push	rax
	mov	rsp, rsi
	jmp	1f
1:	push	qword ptr [rbx]
2:	push	r9
3:	push	rcx
	mov	rdx, [rsp + 8]
	ODD	FIRST_MISSING, 16, 2, 3b, -8
	ODD	FIRST_MISSING, 0, 2, 1b, -8
	ODD	FIRST_READ_ONLY, 8, 3, 2b, -8
	END	"PUSH from memory, then others"
	CASE	"words on the stack"
1:	push	ax
2:	push	rcx
3:	pop	dx
4:	push	qword ptr [rbx]
	add	[rsp + 2], rcx
	ODD	FIRST_MISSING, 4, 2, 2b, -6
	END	"words on the stack"

	.irp	register, r8, r9, r10, r11, r12, r14
	CHANGE	"\register: none", \register, "nop"
	CHANGE	"\register: ADD", \register, "add \register, 0x20"
	CHANGE	"\register: ADD of a register", \register, "add \register, rcx"
	CHANGE	"\register: LEA", \register, "lea \register, [\register + 0x24]"
	CHANGE	"\register: MOV", \register, "mov \register, rdx"
	CHANGE	"\register: MOV of a byte", \register, "mov \register\()b, 0x44"
	CHANGE	"\register: XCHG", \register, "xchg rdx, \register"
	CHANGE	"\register: XCHG with RAX", \register, "mov rax, rdx; xchg rax, \register"
	CHANGE	"\register: POP", \register, "lea rsp, [rsi + 0x60]; push rdx; pop \register"
	.endr
	CHANGE	"INC", r9, "inc r9"
	CHANGE	"XADD", r10, "xadd r10, rcx"
	CHANGE	"XADD with memory", r11, "xadd [rsi + 0x130], r11"
	CHANGE	"CMPXCHG", r9, "mov rax, r9; cmpxchg r9, rdx"
	CHANGE	"CMPXCHG of RAX", rax, "cmpxchg rdx, rcx"
	CHANGE	"CMOV", r13, "cmp ecx, 0; cmovnz r13, rdx"
	CHANGE	"MOV from memory", r9, "mov r9, [rsi + 0x130]"
	CHANGE	"SETcc", r9, "cmp ecx, ecx; setnz r9b"
	CHANGE	"SETcc of DIL", rdi, "cmp ecx, ecx; setnz dil"
	CHANGE	"MOV BH", rbx, "mov bh, 0x0f"
	CHANGE	"MOV DIL", rdi, "mov dil, 0x24"
	CHANGE	"MOVD", r9, "movq xmm0, rdx; movq r9, xmm0"
	CHANGE	"BTS", r12, "bts r12, 4"
	CHANGE	"LODSQ", rsi, "lodsq"
	CHANGE	"MOVSX", r9, "movsxd r9, ecx; add r9, rdx"
	CHANGE	"32 bits", r9, "mov r10d, r9d; mov r9, rdx"
	CHANGE_FAR "MOV of 32 bits", r9, "mov r9d, r9d"
	CHANGE_FAR "ADD to 32 bits", r10, "add r10d, 0x20"
	CHANGE_FAR "CMOV of 32 bits, not taken", r11, "cmp ecx, ecx; cmovnz r11d, edx"
	CHANGE_FAR "CQO", rdx, "cqo"
	CHANGE_FAR "CDQE", rax, "cdqe"
	CHANGE_FAR "MUL, RAX", rax, "mul rcx"
	CHANGE_FAR "MUL, RDX", rdx, "mul rcx"
	CHANGE_FAR "IMUL", r9, "imul r9, rcx"
	CHANGE_FAR "BSWAP", r11, "bswap r11"
	CHANGE_FAR "MOVZX", r9, "movzx r9, dl"
	CHANGE_FAR "SHR", r10, "shr r10, 8"
	CHANGE_FAR "SHL by CL", r11, "shl r11, cl"
	CHANGE_FAR "NEG", r8, "neg r8"
	CHANGE_FAR "ADD to ESP", rsp, "add esp, 0x20"
	CHANGE_FAR "SUB from ESP", rsp, "sub esp, 0x20"
	CHANGE_FAR "LEA of ESP", rsp, "lea esp, [rsp + 0x20]"
	CHANGE_FAR "LEA by ESP", rsp, "lea rsp, [esp + 0x20]"
	STACK	"RSP: none", "nop"
	STACK	"RSP: AND", "and rsp, -0x40"
	STACK	"RSP: SUB", "sub rsp, 0x28"
	STACK	"RSP: ADD", "add rsp, 0x98"
	STACK	"RSP: SUB, far", "sub rsp, 0x1004"
	STACK	"RSP: LEA", "lea rsp, [rsp - 0x14]"
	STACK	"RSP: LEA with another base", "lea rsp, [r12 + 0x90]"
	STACK	"RSP: LEA with an index", "mov ecx, 8; lea rsp, [rsp + rcx * 4]"
	STACK	"RSP: MOV", "mov rsp, rbp"
	STACK	"RSP: MOV of SPL", "mov spl, 0x44"
	STACK	"RSP: MOV of SP", "mov sp, bp"
	STACK	"RSP: POP", "push rbp; pop rsp"
	STACK	"RSP: LEAVE", "leave"
	STACK	"RSP: ENTER", "enter 8, 0"
	STACK	"RSP: XCHG", "xchg rsp, rbp"
	STACK	"RSP: two steps", "sub rsp, 0x20; lea rsp, [rsp + 8]; pop r9; add rsp, 4"
	mov	eax, offset below
	call	long
	IS	"2 GiB below the stack pointer", 0
	ret

/* A group that begins more than 2 GiB below its first access's base; 4 GiB above there is memory, too. */
	.code64
below:	mov	dword ptr [PDPT_A + 8 * 4], PD_FAR + 7
	mov	dword ptr [PD_FAR], TABLE_FAR + 7
	mov	dword ptr [TABLE_FAR + 8], OTHER + 7
	MAP64	TABLE_A, 1, SECOND + 7
	mov	dword ptr [SECOND + 0x100], 0x11
	mov	dword ptr [SECOND + 0xf8], 0x22
	mov	dword ptr [OTHER + 0x100], 0x3300
	mov	dword ptr [OTHER + 0xf8], 0x4400
	xor	ebx, ebx
	mov	r12, rsp
	mov	esi, 40
1:	mov	rdx, MIDDLE + 0x100000000
	mov	ecx, [rdx]
	mov	rsp, MIDDLE + 0x80000100
	jmp	2f
2:	mov	eax, [rsp - 0x80000000]
	lea	rsp, [rsp - 8]
	add	eax, [rsp - 0x80000000]
	mov	rsp, r12
	cmp	eax, 0x33
	je	3f
	inc	ebx
3:	dec	esi
	jnz	1b
	mov	eax, ebx
	ret

/* ---- Running them */
	.code64
share64: /* EAX = what is wrong, as in share.inc */
	mov	qword ptr [run_wrong], 0
	mov	edi, PATTERN
	mov	eax, 0xa0010203
	mov	ecx, 0x1000
1:	stosd
	add	eax, 0x1030507
	loop	1b
	call	share_code
	mov	[hot_code], rax
	mov	ecx, 32
	call	share_good
	mov	rsi, [case_at]
	mov	rbx, [rsi + 24]
1:	cmp	qword ptr [rbx], -1
	je	2f
	call	share_odd
	mov	ecx, 8
	call	share_good
	call	share_odd
	add	rbx, 48
	jmp	1b
2:	mov	eax, [run_wrong]
	ret
share_code: /* EAX = a page with the case's code */
	mov	eax, [next_code]
	add	dword ptr [next_code], 0x1000
	mov	rdx, [case_at]
	mov	rcx, [rdx + 8]
	mov	rsi, [rdx]
	lea	edi, [rax + 16]
	rep movsb
	ret
share_good: /* ECX times */
	mov	qword ptr [run_kind], GOOD
1:	push	rcx
	and	ecx, 7
	movsxd	rax, [places + rcx * 4]
	mov	[run_base], rax
	call	share_pair
	pop	rcx
	dec	ecx
	jnz	1b
	ret
share_odd: /* RBX: an ODD */
	mov	rax, [rbx]
	mov	[run_kind], rax
	mov	rax, [rbx + 8]
	mov	[run_base], rax
	call	share_pair
	xor	eax, eax
	mov	edx, 0x10
1:	mov	rcx, [rbx + 16 + rax * 8]
	cmp	rcx, [found + rax * 8]
	je	2f
	call	share_differ
2:	add	edx, edx
	inc	eax
	cmp	eax, 4
	jb	1b
	ret
share_differ:
	mov	ecx, [run_kind]
	shl	ecx, 8
	or	ecx, edx
	or	ecx, 0x10000
	or	[run_wrong], ecx
	ret
share_pair: /* once new, once hot */
	inc	dword ptr [run_number]
	call	share_code
	call	share_run
	mov	esi, offset found
	mov	edi, offset wanted
	mov	ecx, 5
	rep movsq
	mov	rax, [hot_code]
	call	share_run
	xor	eax, eax
	mov	edx, 1
1:	mov	rcx, [wanted + rax * 8]
	cmp	rcx, [found + rax * 8]
	je	2f
	call	share_differ
2:	add	edx, edx
	inc	eax
	cmp	eax, 5
	jb	1b
	ret
share_run: /* the code in the page EAX */
	push	rbx
	or	eax, 7
	mov	[TABLE_A + 8 * 8], eax
	mov	eax, [run_kind]
	lea	eax, [eax + eax * 2]
	mov	ecx, [kinds + rax * 4]
	mov	[TABLE_A], ecx
	mov	ecx, [kinds + rax * 4 + 4]
	mov	[TABLE_A + 8], ecx
	mov	ebp, [kinds + rax * 4 + 8]
	mov	dword ptr [TABLE_A + 8 * 5], THIRD + 7
	test	dword ptr [run_number], 1
	jz	1f
	mov	rax, cr3
	mov	cr3, rax
	or	ebp, 0x10
	jmp	2f
1:	mov	rax, WINDOW64
	invlpg	[rax]
	invlpg	[rax + 0x1000]
	invlpg	[rax + 0x5000]
	invlpg	[rax + 0x8000]
2:	mov	esi, PATTERN
	mov	edi, FIRST
	mov	ecx, 0x800
	rep movsq
	mov	rdx, [run_base]
	mov	rsi, [case_at]
	mov	rax, [rsi + 16]
	test	rax, rax
	jz	1f
	mov	rcx, CODE_AT + 16
	add	rax, rcx
	mov	[rdx + SECOND + 8], rax
1:	mov	rcx, MIDDLE
	add	rdx, rcx
	mov	[run_rsi], rdx
	mov	[run_probe], rbp
	mov	eax, offset share_start
	call	try64
	xor	ecx, ecx
	xor	edx, edx
	cmp	eax, 14
	jne	1f
	mov	rcx, [caught64_cr2]
	mov	rdx, [caught64_error]
1:	mov	[found], rax
	mov	[found + 16], rcx
	mov	[found + 24], rdx
	xor	ecx, ecx
	cmp	eax, STOP
	je	1f
	mov	rcx, [caught64_rip]
1:	mov	[found + 8], rcx
	xor	eax, eax
	mov	esi, offset caught64
	mov	ecx, 16
	call	share_sum
	mov	esi, offset caught64_rsp
	mov	ecx, 1
	call	share_sum
	mov	esi, SECOND - AROUND
	mov	ecx, 2 * AROUND / 8
	call	share_sum
	mov	esi, OTHER
	mov	ecx, AROUND / 8
	call	share_sum
	mov	esi, THIRD
	mov	ecx, 16
	call	share_sum
	mov	[found + 32], rax
	pop	rbx
	ret
share_sum:
	rol	rax, 5
	add	rax, [rsi]
	add	esi, 8
	dec	ecx
	jnz	share_sum
	ret
share_start: /* have in the TLB what can be there */
	mov	eax, [run_probe]
	mov	rdx, WINDOW64
	mov	ecx, [rdx + 0x8800]
	test	al, 1
	jz	1f
	mov	ecx, [rdx + 0x800]
1:	test	al, 2
	jz	1f
	mov	[rdx + 0x800], ecx
1:	test	al, 4
	jz	1f
	mov	ecx, [rdx + 0x1800]
1:	test	al, 8
	jz	1f
	mov	[rdx + 0x1800], ecx
1:	test	al, 0x10
	jz	1f
	mov	ecx, [rdx + 0x5800]
	mov	[rdx + 0x5800], ecx
1:	lea	rbx, [rdx + 0x5020]
	lea	rdi, [rdx + 0x8010]
	mov	rax, 0x1122334455667788
	mov	ecx, 3
	mov	edx, [run_number]
	mov	rsi, [run_rsi]
	.irp	register, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15
	mov	\register, rsi
	.endr
	jmp	rdi
	.code32
