# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Functions for names.py, whose names need one, two and four bytes a letter."""


def größe(weight):
    total = 0
    for i in range(10000 * weight):
        total += i
    return total


def функция(weight):
    total = 0
    for i in range(20000 * weight):
        total += i
    return total


class Größe:
    def 𐌰𐌱𐌲(self, weight):
        total = 0
        for i in range(30000 * weight):
            total += i
        return total


PARTS = [größe, функция, Größe().𐌰𐌱𐌲]
