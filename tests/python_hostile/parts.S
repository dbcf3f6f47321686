/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A loop that jumps to 6,000 parts, each of which says that it has its frame at once. */
	.set	NR, 6000
	.text
	.globl	Py_GetVersion
	.type	Py_GetVersion, @function
Py_GetVersion:
	ret
	.size	Py_GetVersion, . - Py_GetVersion

	.globl	_PyEval_EvalFrameDefault
	.type	_PyEval_EvalFrameDefault, @function
_PyEval_EvalFrameDefault:
	.cfi_startproc
	.set	n, 0
	.rept	NR
	.byte	0xe9
	.long	parts + 16 * n - (. + 4)
	.set	n, n + 1
	.endr
	.cfi_endproc
	.size	_PyEval_EvalFrameDefault, . - _PyEval_EvalFrameDefault

	.balign	16
parts:
	.rept	NR
	.cfi_startproc
	.cfi_def_cfa_offset 64
	nop
	.cfi_endproc
	.balign	16
	.endr
	.skip	2 << 20
	.section .note.GNU-stack,"",@progbits
