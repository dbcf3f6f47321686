<?php
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Makes garbage, and collects it itself ("asked") or lets it be collected. Prints how often that was,
// and the milliseconds that it waited, where it asked. First it gives time to be seen.
class Node { public $me; }

usleep(1500000);
$asked = $argv[1] == "asked";
if ($asked)
    gc_disable();
$waited = 0;
for ($round = 0; $round < 300; $round++) {
    for ($i = 0; $i < 5000; $i++) {
        $node = new Node;
        $node->me = $node;
    }
    if ($asked) {
        $start = hrtime(true);
        gc_collect_cycles();
        $waited += hrtime(true) - $start;
    }
}
printf("%d %f\n", gc_status()["runs"], $waited / 1e6);
