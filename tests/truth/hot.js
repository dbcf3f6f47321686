// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// hot.js SECONDS: all time is spent in the only call of hotLoop(). A second one could be compiled
// into its caller, and would be the caller's.
'use strict';

function hotLoop(deadline) {
  let x = 1;
  while (Date.now() < deadline)
    for (let i = 0; i < 200000; i++)
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
  return x;
}

process.exitCode = hotLoop(Date.now() + Number(process.argv[2] || 3) * 1000) === -1 ? 1 : 0;
