// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Arguments of a USDT probe: "N@OPERAND", with a blank between them, where N is the size in bytes,
 * below 0 of a signed one, and the operand as assembler has it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "site/usdt.h"

enum {
	LONGEST_OPERAND = 63,
	ARM64_STACK = 31, /* its word in struct pt_regs */
};

/* Names of x86-64's registers by their word in struct pt_regs, of 8, 4, 2 and 1 byte. */
static const struct {
	uint8_t word;
	const char *names[4];
} x86_registers[] = {
	{ 0, { "r15", "r15d", "r15w", "r15b" } }, { 1, { "r14", "r14d", "r14w", "r14b" } },
	{ 2, { "r13", "r13d", "r13w", "r13b" } }, { 3, { "r12", "r12d", "r12w", "r12b" } },
	{ 4, { "rbp", "ebp", "bp", "bpl" } },	  { 5, { "rbx", "ebx", "bx", "bl" } },
	{ 6, { "r11", "r11d", "r11w", "r11b" } }, { 7, { "r10", "r10d", "r10w", "r10b" } },
	{ 8, { "r9", "r9d", "r9w", "r9b" } },	  { 9, { "r8", "r8d", "r8w", "r8b" } },
	{ 10, { "rax", "eax", "ax", "al" } },	  { 11, { "rcx", "ecx", "cx", "cl" } },
	{ 12, { "rdx", "edx", "dx", "dl" } },	  { 13, { "rsi", "esi", "si", "sil" } },
	{ 14, { "rdi", "edi", "di", "dil" } },	  { 19, { "rsp", "esp", "sp", "spl" } },
};

static bool read_number(const char **at, int64_t *ret)
{
	const char *digit = **at == '-' ? *at + 1 : *at;
	char *end;

	if (*digit < '0' || *digit > '9')
		return false;
	errno = 0;
	*ret = strtoll(*at, &end, 10);
	if (errno || *ret < INT32_MIN || *ret > UINT32_MAX)
		return false;
	*at = end;
	return true;
}

/* Moves *at behind the register's name; only those of 8 bytes hold addresses. */
static bool read_x86_register(const char **at, bool whole, uint8_t *ret)
{
	size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz0123456789");

	for (size_t i = 0; i < ARRAY_SIZE(x86_registers); i++)
		for (size_t k = 0; k < (whole ? 1 : 4); k++) {
			const char *name = x86_registers[i].names[k];

			if (strlen(name) != length || strncmp(name, *at, length) != 0)
				continue;
			*ret = x86_registers[i].word;
			*at += length;
			return true;
		}
	return false;
}

/* $2, %edi, 112(%rsp), (%rax) */
static bool read_x86(const char *at, struct abi_argument *ret)
{
	int64_t number = 0;
	bool said;

	if (*at == '%') {
		at++;
		ret->how = ABI_ARGUMENT_REGISTER;
		return read_x86_register(&at, false, &ret->reg) && !*at;
	}
	if (*at == '$') {
		at++;
		said = read_number(&at, &number);
		ret->how = ABI_ARGUMENT_VALUE;
		ret->offset = (int32_t)(uint32_t)number;
		return said && !*at;
	}
	if (*at != '(' && !read_number(&at, &number))
		return false;
	if (number > INT32_MAX || strncmp(at, "(%", 2) != 0)
		return false;
	at += 2;
	ret->how = ABI_ARGUMENT_MEMORY;
	ret->offset = (int32_t)number;
	return read_x86_register(&at, true, &ret->reg) && !strcmp(at, ")");
}

static bool read_arm64_register(const char **at, uint8_t *ret)
{
	int64_t number;

	if (!strncmp(*at, "sp", 2)) {
		*ret = ARM64_STACK;
		*at += 2;
		return true;
	}
	if ((**at != 'x' && **at != 'w') || (*at)[1] == '-')
		return false;
	++*at;
	if (!read_number(at, &number) || number < 0 || number > 30)
		return false;
	*ret = (uint8_t)number;
	return true;
}

/* 2, x0, [sp], [x29, -12] */
static bool read_arm64(const char *at, struct abi_argument *ret)
{
	int64_t number = 0;

	if (*at != '[' && read_number(&at, &number)) {
		ret->how = ABI_ARGUMENT_VALUE;
		ret->offset = (int32_t)(uint32_t)number;
		return !*at;
	}
	if (*at != '[') {
		ret->how = ABI_ARGUMENT_REGISTER;
		return read_arm64_register(&at, &ret->reg) && !*at;
	}
	at++;
	ret->how = ABI_ARGUMENT_MEMORY;
	if (*at == 'w' || !read_arm64_register(&at, &ret->reg))
		return false;
	if (*at == ',') {
		at++;
		at += strspn(at, " ");
		if (!read_number(&at, &number) || number > INT32_MAX)
			return false;
	}
	ret->offset = (int32_t)number;
	return !strcmp(at, "]");
}

/* Where an operand ends: at a blank that is not within brackets. */
static const char *end_of(const char *at)
{
	bool inside = false;

	for (; *at && (inside || *at != ' '); at++)
		inside = *at == '[' || (inside && *at != ']');
	return at;
}

bool usdt_argument(const char *arguments, unsigned n, uint16_t machine, struct abi_argument *ret)
{
	struct abi_argument argument = { 0 };
	char operand[LONGEST_OPERAND + 1];
	const char *at = arguments + strspn(arguments, " "), *end = end_of(at);
	int64_t size;

	for (; n && *end; n--) {
		at = end + strspn(end, " ");
		end = end_of(at);
	}
	if (n || !read_number(&at, &size) || *at++ != '@' || end - at > LONGEST_OPERAND || end < at)
		return false;
	argument.is_signed = size < 0;
	size = size < 0 ? -size : size;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return false;
	argument.size = (uint8_t)size;
	snprintf(operand, sizeof(operand), "%.*s", (int)(end - at), at);
	if (machine == EM_X86_64    ? !read_x86(operand, &argument)
	    : machine == EM_AARCH64 ? !read_arm64(operand, &argument)
				    : true)
		return false;
	*ret = argument;
	return true;
}
