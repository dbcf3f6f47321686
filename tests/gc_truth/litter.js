// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Makes garbage for about a second, and asks for two collections. Needs --expose-gc.
let kept = [];
const end = Date.now() + 1000;
for (let i = 0; Date.now() < end; i++) {
  const o = { i, next: [i, String(i)] };
  if (i % 16 === 0) kept.push(o);
  if (kept.length > 60000) kept = kept.slice(30000);
}
global.gc();
global.gc();
