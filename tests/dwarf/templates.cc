// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Many small functions in one another, some of them split off as cold. */
#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace shop
{

template <int N> struct Fold {
	static long run(const std::vector<long> &v, long x)
	{
		if (x < -1000000000)
			throw std::runtime_error("too small " + std::to_string(x) +
						 std::to_string(N));
		return Fold<N - 1>::run(v, x * N + v[(unsigned long)N % v.size()]);
	}
};

template <> struct Fold<0> {
	static long run(const std::vector<long> &v, long x)
	{
		return x + (long)v.size();
	}
};

struct Order {
	std::string name;
	long amount;
	bool operator<(const Order &o) const
	{
		return amount < o.amount || (amount == o.amount && name < o.name);
	}
};

__attribute__((noinline)) long total(std::vector<Order> orders)
{
	std::map<std::string, long> sums;

	std::sort(orders.begin(), orders.end());
	for (const auto &o : orders)
		sums[o.name.substr(0, 3)] += o.amount;
	return std::max_element(sums.begin(), sums.end(),
				[](const auto &a, const auto &b) { return a.second < b.second; })
		->second;
}

} // namespace shop

int main(int argc, char **)
{
	std::vector<long> v(64, argc);
	std::vector<shop::Order> orders;

	for (int i = 0; i < 100; i++)
		orders.push_back({ "order" + std::to_string(i % 7), i * argc });
	return (int)((shop::Fold<24>::run(v, argc) + shop::total(orders)) & 1);
}
