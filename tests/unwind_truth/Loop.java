// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/** Loop SECONDS: work for the JVM's own threads: its compilers and its collector. */
public class Loop {
	public static void main(String[] args) {
		long end = System.nanoTime() + (long) (Double.parseDouble(args[0]) * 1e9);
		java.util.HashMap<Integer, String> map = new java.util.HashMap<>();
		for (int i = 0; System.nanoTime() < end; i++)
			map.put(i % 100000, "value " + i);
		System.out.println(map.size());
	}
}
