/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions as compilers make them of CPython's collector and of what calls it. Nothing of it is
 * executed.
 */
#pragma once
/* Each with an FDE, as what compilers make. */
#define FUNCTION(name, body)                                                   \
	"	.type " name ", @function\n" name ":\n	.cfi_startproc\n" body \
	"	.cfi_endproc\n"                                                      \
	"	.size " name ", .-" name "\n	.balign 16\n"

/* The callback's arguments: as they are most often, behind a branch that may skip them. */
#define ARGUMENTS                       \
	"	mov 8(%rsp), %rax\n"          \
	"	xor %ecx, %ecx\n"             \
	"	lea text_start(%rip), %rsi\n" \
	"	mov 0x10(%rax), %rdi\n"

__asm__(".text\n"
	".balign 16\n" FUNCTION("called_back", "	ret\n")

	/* From 3.13 on: the callback's call in line. */
	".globl branch_of_main\n" FUNCTION("gc_collect_main", "	push %rbx\n"
							      "	sub $64, %rsp\n"
							      "	mov %esi, 56(%rsp)\n"
							      "	cmp $-2, %esi\n"
							      "	je 1f\n"
							      "	cmp $1, %edx\n"
							      "branch_of_main:\n"
							      "	je 1f\n"
							      "	mov 56(%rsp), %edx\n" ARGUMENTS
							      "	call called_back\n"
							      "1:	add $64, %rsp\n"
							      "	pop %rbx\n"
							      "	ret\n")
		FUNCTION("PyGC_Collect", "	push %rbx\n"
					 "	call called_back\n"
					 "	mov $2, %esi\n"
					 "	mov %rbx, %rdi\n"
					 "	mov $2, %edx\n"
					 "	call gc_collect_main\n"
					 "	pop %rbx\n"
					 "	ret\n")
			FUNCTION("run_gc", "	mov $-1, %esi\n"
					   "	xor %edx, %edx\n"
					   "	{disp32} jmp gc_collect_main\n")

	/* The call out of line, the generation in a register. */
	".globl branch_out_of_line\n" FUNCTION("out_of_line", "	push %r12\n"
							      "	mov %esi, %r12d\n"
							      "	cmp $1, %edx\n"
							      "branch_out_of_line:\n"
							      "	jne 2f\n"
							      "1:	pop %r12\n"
							      "	ret\n"
							      "	nop\n"
							      "2:	mov %r12d, %edx\n" ARGUMENTS
							      "	call called_back\n"
							      "	jmp 1b\n")

	/* The same, where what follows was doubled. */
	".globl branch_doubled\n" FUNCTION("doubled",
					   "	push %r12\n"
					   "	mov %esi, %r12d\n"
					   "	cmp $1, %edx\n"
					   "branch_doubled:\n"
					   "	jne 2f\n"
					   "	pop %r12\n"
					   "	ret\n"
					   "	nopw 0(%rax, %rax)\n"
					   "2:	mov %r12d, %edx\n" ARGUMENTS "	call called_back\n"
					   "	pop %r12\n"
					   "	ret\n")

	/* What says that it is done, too, by two calls; the reason is in memory. */
	".globl branch_says_both, start_says_both, stop_says_both, stop_again\n" FUNCTION(
		"says_both_calls", "	push %rbx\n"
				   "	sub $64, %rsp\n"
				   "	mov %esi, 56(%rsp)\n"
				   "	mov %edx, 60(%rsp)\n"
				   "	cmpl $1, 60(%rsp)\n"
				   "branch_says_both:\n"
				   "	jne 2f\n"
				   "1:	test %eax, %eax\n"
				   "	je 3f\n"
				   "	lea text_stop(%rip), %rsi\n"
				   "stop_says_both:\n"
				   "	call called_back\n"
				   "	jmp 4f\n"
				   "3:	lea text_stop(%rip), %rsi\n"
				   "	mov 56(%rsp), %edx\n"
				   "stop_again:\n"
				   "	call called_back\n"
				   "4:	add $64, %rsp\n"
				   "	pop %rbx\n"
				   "	ret\n"
				   "	nop\n"
				   "2:	mov 56(%rsp), %edx\n" ARGUMENTS "start_says_both:\n"
				   "	call called_back\n"
				   "	jmp 1b\n")

	/* What must not be taken for it: the block moves the stack; */
	FUNCTION("no_start_push", "	je 1f\n"
				  "	push %rax\n"
				  "	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				  "1:	ret\n")
	/* the branch does not lead behind the call; */
	FUNCTION("no_start_branch", "	je 1f\n"
				    "	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				    "	nop\n"
				    "1:	ret\n")
	/* there is none; */
	FUNCTION("no_start_always", "	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				    "	ret\n")
	/* the generation comes from elsewhere; */
	FUNCTION("no_start_generation",
		 "	je 1f\n"
		 "	mov 56(%rax), %edx\n" ARGUMENTS "	call called_back\n"
		 "1:	ret\n")
	/* there are two; */
	FUNCTION("no_start_two", "	je 1f\n"
				 "	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				 "1:	je 1f\n"
				 "	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				 "1:	ret\n")
	/* it is another text; */
	FUNCTION("no_start_text", "	je 1f\n"
				  "	mov 56(%rsp), %edx\n"
				  "	lea text_stop(%rip), %rsi\n"
				  "	call called_back\n"
				  "1:	ret\n")
	/* the branch is not the only way to the call; */
	FUNCTION("no_start_ways", "	cmp $1, %esi\n"
				  "	je 2f\n"
				  "	cmp $1, %edx\n"
				  "	jne 2f\n"
				  "1:	ret\n"
				  "2:	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				  "	jmp 1b\n")
		FUNCTION("no_start_into",
			 "	je 2f\n"
			 "	cmp $1, %edx\n"
			 "	je 1f\n"
			 "2:	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
			 "1:	ret\n")
	/* nor by the reason; */
	FUNCTION("no_start_reason", "	cmp $2, %edx\n"
				    "	jne 2f\n"
				    "	ret\n"
				    "2:	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				    "	ret\n")
	/* what follows is no instruction. */
	FUNCTION("no_start_code", "	je 1f\n"
				  "	mov 56(%rsp), %edx\n" ARGUMENTS "	call called_back\n"
				  "1:	.byte 0x06\n")

	/* 3.8: clones without the state, and without the generation. */
	FUNCTION("collect.constprop.1", "	ret\n")
		FUNCTION("collect.constprop.0", "	ret\n")
			FUNCTION("collect.cold", "	ret\n")
				FUNCTION("gc_collect_old", "	lea 24(%rsp), %rdx\n"
							   "	lea 16(%rsp), %rsi\n"
							   "	mov %ebx, %edi\n"
							   "	call collect.constprop.1\n"
							   "	mov $1, %edx\n"
							   "	lea 16(%rsp), %rsi\n"
							   "	mov %rsp, %rdi\n"
							   "	call collect.constprop.0\n"
							   "	ret\n")
					FUNCTION("collect_no_fail", "	xor %esi, %esi\n"
								    "	xor %edi, %edi\n"
								    "	call collect.constprop.0\n"
								    "	ret\n")

	/* Clones of other names, each called in its own way. */
	FUNCTION("of_thread.constprop.0", "	ret\n") /* (thread, &n, &m) */
	FUNCTION("of_both.isra.0", "	ret\n")		/* (thread, generation, &n, &m) */
	FUNCTION("of_two.constprop.0", "	ret\n") /* in two ways */
	FUNCTION("of_none.constprop.0", "	ret\n") /* by nobody */
	FUNCTION("calls_clones", "	lea 24(%rsp), %rdx\n"
				 "	lea 16(%rsp), %rsi\n"
				 "	mov %rbx, %rdi\n"
				 "	call of_thread.constprop.0\n"
				 "	lea 24(%rsp), %rcx\n"
				 "	lea 16(%rsp), %rdx\n"
				 "	mov $2, %esi\n"
				 "	mov %rbx, %rdi\n"
				 "	call of_both.isra.0\n"
				 "	lea 24(%rsp), %rcx\n"
				 "	lea 16(%rsp), %rdx\n"
				 "	mov %ebx, %esi\n"
				 "	call of_two.constprop.0\n"
				 "	lea 24(%rsp), %rdx\n"
				 "	lea 16(%rsp), %rsi\n"
				 "	mov %ebx, %edi\n"
				 "	call of_two.constprop.0\n"
				 "	ret\n")

	/* 3.12: who asks, and says then that it is done; goes on; may come there otherwise. */
	FUNCTION("asked_by_three_others",
		 "	ret\n") ".globl ask_says, says, ask_goes_on, goes_on, ask_joins, "
				"joins\n" FUNCTION("asks_says",
						   "	mov $2, %esi\n"
						   "ask_says:\n"
						   "	call asked_by_three_others\n"
						   "	mov %rax, %rbx\n"
						   "	lea text_stop(%rip), %rsi\n"
						   "says:\n"
						   "	call called_back\n"
						   "	ret\n")
					FUNCTION("asks_goes_on",
						 "ask_goes_on:\n"
						 "	call asked_by_three_others\n"
						 "goes_on:\n"
						 "	movl $0, 8(%rbx)\n"
						 "	pop %rbx\n"
						 "	ret\n")
						FUNCTION("asks_joins",
							 "	je 1f\n"
							 "ask_joins:\n"
							 "	call asked_by_three_others\n"
							 "joins:\n"
							 "	mov %eax, %ebx\n"
							 "1:	mov $1, %ecx\n"
							 "	call called_back\n"
							 "	ret\n")
	/* A part of it that stands elsewhere comes back behind it. */
	FUNCTION("asked_by_parts",
		 "	ret\n") ".globl ask_parts, parts\n" FUNCTION("asks_by_parts",
								     "	push %rbx\n"
								     "	je part_of_asks\n"
								     "ask_parts:\n"
								     "	call asked_by_parts\n"
								     "parts:\n"
								     "	mov %eax, %ebx\n"
								     "joins_parts:\n"
								     "	mov $1, %ecx\n"
								     "	call called_back\n"
								     "	pop %rbx\n"
								     "	ret\n")
		FUNCTION("part_of_asks", "	.cfi_def_cfa_offset 16\n"
					 "	xor %ebx, %ebx\n"
					 "	{disp32} jmp joins_parts\n")
	/* So it does right behind it; */
	FUNCTION("asked_by_part", "	ret\n")
		FUNCTION("asks_by_part", "	push %rbx\n"
					 "	je part_of_ask\n"
					 "	call asked_by_part\n"
					 "joins_part:\n"
					 "	call called_back\n"
					 "	pop %rbx\n"
					 "	ret\n")
			FUNCTION("part_of_ask", "	.cfi_def_cfa_offset 16\n"
						"	{disp32} jmp joins_part\n")
	/* jumps may lead anywhere; */
	FUNCTION("asked_in_switch", "	ret\n")
		FUNCTION("asks_in_switch", "	notrack jmp *%rax\n"
					   "	call asked_in_switch\n"
					   "	call called_back\n"
					   "	ret\n")
	/* one ends where the next one begins; */
	FUNCTION("asked_again", "	ret\n") FUNCTION("asks_again", "	call asked_again\n"
								       "	xor %edi, %edi\n"
								       "	call asked_again\n"
								       "	pop %rbx\n"
								       "	ret\n")
	/* what is behind it can't be probed. */
	FUNCTION("asked_for_vectors", "	ret\n")
		FUNCTION("asks_for_vectors", "	je 1f\n"
					     "	call asked_for_vectors\n"
					     "	vmovd %eax, %xmm0\n"
					     "1:	mov $1, %ecx\n"
					     "	call called_back\n"
					     "	ret\n")
	/* Not for sure: what is right behind is come to otherwise, or not at all; no call. */
	FUNCTION("asked_or_not", "	ret\n") FUNCTION("asks_or_not",
							 "	je 1f\n"
							 "	call asked_or_not\n"
							 "1:	mov $1, %ecx\n"
							 "	ret\n") FUNCTION("asked_for_good",
										 "	ret\n")
		FUNCTION("asks_for_good", "	call asked_for_good\n") FUNCTION("asked_at_last",
										 "	ret\n")
			FUNCTION("asks_at_last", "	{disp32} jmp asked_at_last\n")
				FUNCTION("asked_by_nobody_known",
					 "	ret\n") FUNCTION("asked_in_data", "	ret\n")
					FUNCTION("asks_in_data",
						 "	.byte 0x48, 0xb8\n"
						 "	call asked_in_data\n"
						 "	.byte 0, 0, 0\n"
						 "	ret\n") ".section .rodata\n"
								"text_start: .asciz \"start\"\n"
								"text_stop: .asciz \"stop\"\n"
								".text\n");

#undef ARGUMENTS
#undef FUNCTION
