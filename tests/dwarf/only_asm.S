/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A unit in assembler: it has lines; whether it has functions is up to the assembler. */
	.text
	.globl _start
	.type _start, %function
_start:
	nop
	nop /* second */
	.size _start, . - _start
	.section .note.GNU-stack, "", %progbits
