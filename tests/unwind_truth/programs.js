// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// programs.js SECONDS: JavaScript that V8 runs in all its ways: compiled, by its builtins, by
// native code that calls back.
'use strict';
const end = Date.now() + Number(process.argv[2]) * 1000;

class Shape {
  constructor(n) { this.n = n; this.parts = Array.from({ length: 8 }, (_, i) => i * n); }
  area(depth) { return depth ? this.area(depth - 1) + 1 : this.parts.reduce((a, b) => a + b, 0); }
}

function sorted(n) {
  return Array.from({ length: n }, (_, i) => (i * 7919) % n).sort((a, b) => a - b);
}

function texts(n) {
  const object = { name: 'x'.repeat(n), list: sorted(n), inner: { a: [1, 2, { b: 'c' }] } };
  return JSON.parse(JSON.stringify(object)).list.length;
}

function replaced(n) {
  return 'abc def '.repeat(n).replace(/(\w+) (\w+)/g, (_, a, b) => b + a).length;
}

let sum = 0;
while (Date.now() < end) {
  sum += new Shape(sum % 100).area(20) + sorted(300).length + texts(200) + replaced(50);
  try { null.x; } catch (e) { sum += e.message.length; }
}
console.log(sum);
