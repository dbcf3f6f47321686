// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/function_pattern.h"

#include <string.h>

#include "base/array.h"
#include "symbolize/demangle.h"

/*
 * Words of readable names that a mangled one abbreviates or implies. Sources: the Itanium C++ ABI,
 * 5.1; Rust's RFC 2603; what libiberty writes for both.
 */
static const char *const shorthands[] = {
	/* types, literals and words of them */
	"signed",
	"unsigned",
	"char",
	"char8_t",
	"char16_t",
	"char32_t",
	"wchar_t",
	"short",
	"int",
	"long",
	"__int128",
	"float",
	"double",
	"__float128",
	"_Float16",
	"_Float32",
	"_Float64",
	"_Float128",
	"_Float32x",
	"_Float64x",
	"_Float128x",
	"decimal32",
	"decimal64",
	"decimal128",
	"bfloat16_t",
	"void",
	"bool",
	"true",
	"false",
	"auto",
	"decltype",
	"decltype_auto",
	"nullptr",
	"nullptr_t",
	"half",
	"_Complex",
	"_Imaginary",
	"_Accum",
	"_Fract",
	"_Sat",
	"__vector",
	"ull",
	"usize",
	"isize",
	"str",
	"i8",
	"i16",
	"i32",
	"i64",
	"i128",
	"u8",
	"u16",
	"u32",
	"u64",
	"u128",
	"f32",
	"f64",
	/* qualifiers and operators */
	"const",
	"volatile",
	"restrict",
	"__restrict",
	"transaction_safe",
	"noexcept",
	"throw",
	"operator",
	"new",
	"delete",
	"sizeof",
	"alignof",
	"typeid",
	"static_cast",
	"dynamic_cast",
	"const_cast",
	"reinterpret_cast",
	"co_await",
	"requires",
	"typename",
	"template",
	"this",
	"dyn",
	"mut",
	"fn",
	"unsafe",
	"extern",
	"impl",
	"as",
	"for",
	/* the library */
	"std",
	"allocator",
	"basic_string",
	"string",
	"istream",
	"ostream",
	"iostream",
	"basic_istream",
	"basic_ostream",
	"basic_iostream",
	"char_traits",
	/* what has no name of its own */
	"anonymous",
	"namespace",
	"unnamed",
	"type",
	"lambda",
	"default",
	"arg",
	"parm",
	"literal",
	"closure",
	"shim",
	"guard",
	"variable",
	"reference",
	"temporary",
	"vtable",
	"VTT",
	"typeinfo",
	"name",
	"construction",
	"in",
	"non",
	"virtual",
	"covariant",
	"return",
	"thunk",
	"to",
	"TLS",
	"init",
	"wrapper",
	"function",
	"hidden",
	"alias",
	"java",
	"Class",
	"resource",
	"transaction",
	"clone",
	"abi",
	"initializer",
	"module",
	"template_parameter",
	"object",
	"friend",
	"packs",
	"constraint",
	"lifetime",
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* "5ul", or the end of "0x5f". */
static bool is_number(const char *word, size_t size)
{
	if (word[0] >= '0' && word[0] <= '9')
		return true;
	return word[0] == 'x' && strspn(word + 1, "0123456789abcdef_") >= size - 1;
}

bool function_pattern_is_shorthand(const char *word, size_t size)
{
	/* Numbers are written in more ways than one. */
	if (is_number(word, size))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(shorthands); i++)
		if (memmem(shorthands[i], strlen(shorthands[i]), word, size))
			return true;
	return false;
}

/* Where a set's text goes on behind it; NULL: it has no end, and '[' is itself. */
static const char *end_of_set(const char *set)
{
	const char *p = set + 1;

	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	p = strchr(p, ']');
	return p ? p + 1 : NULL;
}

static bool in_set(const char *set, const char *end, char c)
{
	const unsigned char *p = (const unsigned char *)set + 1, *last = (const void *)(end - 1);
	bool inverted = *p == '!' || *p == '^', found = false;
	unsigned char byte = (unsigned char)c;

	for (p += inverted; p < last; p++) {
		if (p + 2 < last && p[1] == '-') {
			found |= byte >= p[0] && byte <= p[2];
			p += 2;
		} else {
			found |= byte == *p;
		}
	}
	return found != inverted;
}

/* One element of the pattern that is no '*' against a byte: what is behind it; NULL: no match. */
static const char *match_one(const char *p, char c)
{
	const char *end;

	if (*p == '?')
		return p + 1;
	if (*p == '[' && (end = end_of_set(p)))
		return in_set(p, end, c) ? end : NULL;
	if (*p == '\\' && p[1])
		p++;
	return *p && *p == c ? p + 1 : NULL;
}

bool function_pattern_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	/* Only the last '*' needs to be tried again: what is before it was matched shortest. */
	while (*text) {
		const char *next;

		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			continue;
		}
		next = match_one(pattern, *text);
		if (next) {
			pattern = next;
			text++;
		} else if (star) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* The longest word of the pattern that no demangler makes up. */
static void find_needle(struct function_pattern *p)
{
	const char *at = p->text, *end;

	while (*at) {
		const char *word = at;

		if (*at == '[' && (end = end_of_set(at))) {
			at = end;
			continue;
		}
		while (is_word(*at))
			at++;
		if ((size_t)(at - word) > p->needle_size &&
		    !function_pattern_is_shorthand(word, (size_t)(at - word))) {
			p->needle = word;
			p->needle_size = (size_t)(at - word);
		}
		if (*at == '\\' && at[1])
			at += 2;
		else if (*at && !is_word(*at) && *at != '[')
			at++;
		else if (*at == '[' && !end_of_set(at))
			at++;
	}
}

void function_pattern_init(struct function_pattern *p, const char *text)
{
	*p = (struct function_pattern){ .text = text,
					.has_parameters = strchr(text, '('),
					.is_plain = !strpbrk(text, "*?[\\") };
	find_needle(p);
}

static bool is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' ||
				  (name[1] == '_' && (name[2] == 'Z' || name[2] == 'R')));
}

bool function_pattern_match(const struct function_pattern *p, const char *name, size_t size,
			    struct strbuf *scratch)
{
	if (function_pattern_glob(p->text, name))
		return true;
	if (!is_mangled(name) || (p->needle && !memmem(name, size, p->needle, p->needle_size)))
		return false;
	strbuf_reset(scratch);
	demangle_short(name, scratch);
	if (function_pattern_glob(p->text, strbuf_str(scratch)))
		return true;
	if (!p->has_parameters)
		return false;
	strbuf_reset(scratch);
	demangle(name, scratch);
	return function_pattern_glob(p->text, strbuf_str(scratch));
}
