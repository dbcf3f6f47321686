/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Functions of somebody who wrote no call-frame information: one keeps a frame pointer, one not. */
	.text

	.globl	with_pointer
	.type	with_pointer, @function
with_pointer:
	push	%rbp
	mov	%rsp, %rbp
	sub	$64, %rsp
	mov	%rdi, %rax
	mov	$20000, %ecx
1:	imul	$1103515245, %rax, %rax
	add	$12345, %rax
	mov	%rax, -8(%rbp)
	dec	%ecx
	jnz	1b
	leave
	ret
	.size	with_pointer, . - with_pointer

	/* It calls, so that a frame without information lies between two that have it. */
	.globl	with_pointer_between
	.type	with_pointer_between, @function
with_pointer_between:
	push	%rbp
	mov	%rsp, %rbp
	sub	$48, %rsp
	call	spin@PLT
	inc	%rax
	leave
	ret
	.size	with_pointer_between, . - with_pointer_between

	.globl	without_pointer
	.type	without_pointer, @function
without_pointer:
	sub	$40, %rsp
	mov	%rdi, %rax
	mov	$20000, %ecx
1:	imul	$1103515245, %rax, %rax
	add	$12345, %rax
	mov	%rax, 8(%rsp)
	dec	%ecx
	jnz	1b
	add	$40, %rsp
	ret
	.size	without_pointer, . - without_pointer

	.section .note.GNU-stack, "", @progbits
