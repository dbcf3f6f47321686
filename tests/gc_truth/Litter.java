// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import java.util.ArrayList;
import java.util.List;

/**
 * Makes garbage for about a second; collections are the JVM's own, and two that are asked for. First
 * it gives time to be seen.
 */
public class Litter {
    static List<byte[]> kept = new ArrayList<>();

    public static void main(String[] args) throws InterruptedException {
        Thread.sleep(500);
        long end = System.nanoTime() + 1_000_000_000L;

        for (int i = 0; System.nanoTime() < end; i++) {
            byte[] b = new byte[512 + i % 4096];

            if (i % 64 == 0)
                kept.add(b);
            if (kept.size() > 12000)
                kept = new ArrayList<>(kept.subList(6000, kept.size()));
        }
        System.gc();
        System.gc();
    }
}
