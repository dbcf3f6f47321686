// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Exceptions through frames that have something to tidy up. Traps before the first.
#include <stdexcept>
#include <string>
#include <vector>

namespace
{
volatile int sink;

struct Tidy {
	std::string name;
	explicit Tidy(int n) : name(40, char('a' + n % 26)) {}
	~Tidy() { sink = sink + int(name.size()); }
};

__attribute__((noinline)) int deep(int n)
{
	Tidy tidy(n);

	if (!n)
		throw std::runtime_error("at the bottom of it");
	return deep(n - 1) + int(tidy.name[0]);
}

__attribute__((noinline)) int again(int n)
{
	alignas(64) char place[64] = { char(n) };

	__asm__ volatile("" : : "r"(place) : "memory");
	try {
		return deep(n) + place[0];
	} catch (const std::logic_error &) {
		return 0;
	} catch (...) {
		std::vector<Tidy> more(3, Tidy(n));
		throw;
	}
}
}

int main()
{
	int caught = 0;

	for (int i = 0; i < 4; i++) {
		try {
			if (i)
				__asm__ volatile("int3");
			again(i + 1);
		} catch (const std::exception &e) {
			caught += e.what()[0] == 'a';
		}
	}
	return caught != 4;
}
