// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// hot.js SECONDS: all time is spent in hotLoop().
'use strict';

function hotLoop(seed) {
  let x = seed >>> 0;
  for (let i = 0; i < 200000; i++)
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
  return x;
}

const deadline = Date.now() + Number(process.argv[2] || 3) * 1000;
let kept = 1;
while (Date.now() < deadline)
  kept = hotLoop(kept);
process.exitCode = kept === -1 ? 1 : 0;
