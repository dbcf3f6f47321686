/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spin(): what .eh_frame says of it is KIND. Its own section stands alone, so that a test may
 * change what it says.
 */
	.text
	.globl spin
	.type spin, @function
	.p2align 12
spin:
	.cfi_startproc
#if KIND == 1
	/* The caller is where we are: CFA = rsp, its address is read at spin itself. */
	.cfi_escape 0x0c, 0x07, 0x00
	.cfi_escape 0x16, 0x10, 0x03, 0x77, 0x80, 0x7f
#elif KIND == 2
	/* CFA = *(rsp), which may be anything. */
	.cfi_escape 0x0f, 0x03, 0x77, 0x00, 0x06
#elif KIND == 3
	/* Advances by 2 GB. */
	.cfi_escape 0x04, 0xff, 0xff, 0xff, 0x7f
	.cfi_def_cfa_offset 64
#elif KIND == 4
	/* A CFA far below, and far above. */
	.cfi_escape 0x0e, 0xff, 0xff, 0xff, 0xff, 0x07
#endif
	mov $3000000, %ecx
1:
	dec %ecx
	jnz 1b
#if KIND == 5
	/* A row each byte. */
	.set i, 0
	.rept 60000
	nop
	.set i, i + 1
	.cfi_def_cfa_offset 8 + 8 * (i % 64)
	.endr
	.cfi_def_cfa_offset 8
#endif
	ret
	.cfi_endproc
	.size spin, . - spin

#if KIND == 6
	/* A megabyte of augmentation, and an FDE of it. */
	.section .eh_frame, "a", @progbits
2:	.long 4f - 3f
3:	.long 0
	.byte 1
	.byte 'z'
	.fill 1048576, 1, 'R'
	.byte 0
	.byte 1, 0x78, 16, 1, 0x1b
	.p2align 3
4:	.long 6f - 5f
5:	.long 5b - 2b
	.long 0
	.long 64
	.byte 0
	.p2align 3
6:
#endif
	.section .note.GNU-stack, "", @progbits
