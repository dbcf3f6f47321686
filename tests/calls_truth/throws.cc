// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Exceptions through functions that are measured, and names that compilers mangle. */
#include "known.h"

static volatile unsigned sink;

namespace shapes
{
struct Shape {
	KNOWN void area(int n)
	{
		sink += static_cast<unsigned>(n);
	}
};

template <typename T> KNOWN void scale(T by)
{
	sink += static_cast<unsigned>(by);
}

KNOWN void throws(int n)
{
	if (n % 3 == 0)
		throw n;
	sink++;
}

KNOWN void passes(int n)
{
	throws(n);
	sink++;
}
} // namespace shapes

int main()
{
	shapes::Shape shape;
	int caught = 0;

	if (known_wait())
		return 1;
	for (int i = 0; i < 300; i++) {
		shape.area(i);
		shapes::scale(i);
		shapes::scale(1.5 * i);
		try {
			shapes::passes(i);
		} catch (int) {
			caught++;
		}
	}
	printf("shapes::Shape::area(int) 300\nvoid shapes::scale<int>(int) 300\n"
	       "void shapes::scale<double>(double) 300\nshapes::throws(int) 300\n"
	       "shapes::passes(int) 300\ncaught %d\n",
	       caught);
	return 0;
}
