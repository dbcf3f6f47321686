// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// template SECONDS: all time is spent in shapes::Grid<double, 64>::cell(), which is inlined into
// row(), which is inlined into total(), which is a function of its own.
#include <cstdint>

#include "work.h"

namespace shapes
{

template <typename T, int N> class Grid
{
      public:
	explicit Grid(T start)
	{
		for (int i = 0; i < N; i++)
			cells[i] = start + i;
	}
	__attribute__((noinline)) T total(int rounds)
	{
		T sum = 0;

		/* As in work.h: it is to have a frame. */
		__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
		for (int r = 0; r < rounds; r++)
			sum += row(r);
		return sum;
	}

      private:
	__attribute__((always_inline)) inline T row(int r)
	{
		T sum = 0;

		for (int i = 0; i < N; i++)
			sum = cell(sum, i + r);
		return sum;
	}
	__attribute__((always_inline)) inline T cell(T sum, int at)
	{
		return sum * T(0.999) + cells[at % N] * T(1.001);
	}
	T cells[N];
};

} // namespace shapes

int main(int argc, char **argv)
{
	shapes::Grid<double, 64> grid(1.5);
	volatile double kept = 0;
	uint64_t deadline;

	if (argc < 2)
		return 2;
	deadline = work_deadline(argv[1]);
	while (work_clock_ns(CLOCK_MONOTONIC) < deadline)
		kept = kept + grid.total(1000);
	return 0;
}
