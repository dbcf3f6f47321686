/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * 64-bit ids of what was seen: one multiplication a word. Starts from a
 * secret seed, so that no process can choose frames that collide with
 * another's. Pure C: the host's tests compile it too.
 */
#pragma once

static inline unsigned long long hash_word(unsigned long long h, unsigned long long word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

/* 0 means "none" wherever an id stands. */
static inline unsigned long long hash_id(unsigned long long h)
{
	h = hash_word(h, h >> 29);
	return h ? h : 1;
}
