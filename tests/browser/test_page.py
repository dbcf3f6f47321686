#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""test_page.py SYNTHETIC FOLDER: uses the flame graphs of made-up profiles as a reader would.

SYNTHETIC is the program that writes them; screenshots stay in FOLDER. Exits 77 without a browser.
"""
import os
import subprocess
import sys
import unittest

import webdriver

SYNTHETIC, FOLDER = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])

# All boxes as they stand on the screen, by the page's own elements.
BOXES = """
const names = JSON.parse(arguments[0]).name;
return [...document.querySelectorAll(".boxes rect")]
  .filter((r) => r.place && !r.hasAttribute("display"))
  .map((r) => { const b = r.getBoundingClientRect(); return {
    name: names[r.place.box.fn],
    value: r.place.box.value, top: +r.getAttribute('y'), depth: r.place.box.depth, class: r.getAttribute("class"),
    x: b.x, y: b.y, width: b.width, height: b.height }; });
"""


class PageTest(unittest.TestCase):
    name, suffix = "known", ".html"

    @classmethod
    def setUpClass(cls):
        subprocess.run([SYNTHETIC, cls.name, FOLDER], check=True, stdout=subprocess.DEVNULL)
        cls.browser = webdriver.Browser().__enter__()
        cls.file = os.path.join(FOLDER, cls.name + cls.suffix)
        with open(cls.file, encoding="utf-8") as text:
            cls.data = text.read().split('id="bpfprof-data">\n')[1].split("</script>")[0]

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()

    def open(self, fragment=""):
        self.browser.open("file://" + self.file + fragment)

    def setUp(self):
        self.browser.size(1200, 700)
        self.open()
        self.browser.log()

    def tearDown(self):
        self.assertEqual(self.browser.log(), [])

    def boxes(self, **wanted):
        return [b for b in self.browser.run(BOXES, self.data)
                if all(b[key] == value for key, value in wanted.items())]

    def box(self, **wanted):
        found = self.boxes(**wanted)
        self.assertEqual(len(found), 1, f"{wanted}: {found}")
        return found[0]

    def click(self, **wanted):
        box = self.box(**wanted)
        self.browser.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def text(self, selector):
        return self.browser.run("return document.querySelector(arguments[0]).innerText", selector)

    def shoot(self, name):
        self.browser.screenshot(os.path.join(FOLDER, f"{name}{self.suffix}.png"))


class Known(PageTest):
    def test_widths_are_values(self):
        whole = self.box(name="all")
        for box in self.boxes():
            share = box["width"] / whole["width"]
            self.assertAlmostEqual(share, box["value"] / 1000, delta=0.002, msg=box["name"])
        self.assertEqual(self.box(name="web")["value"], 620)
        self.assertEqual(self.box(name="parse_header")["value"], 300)
        # main's two lines are one box, two files' __init__ are two.
        self.assertEqual(self.box(name="main")["value"], 620)
        self.assertEqual(self.box(name="__init__ (/srv/jobs/a.py)")["value"], 110)
        self.assertEqual(self.box(name="__init__ (/srv/jobs/b.py)")["value"], 90)
        self.assertLess(self.box(name="web")["y"], whole["y"])
        self.shoot("known")

    def test_click_zooms_and_escape_resets(self):
        before = self.boxes()
        self.click(name="parse_header")
        whole, zoomed = self.box(name="all"), self.box(name="parse_header")
        self.assertAlmostEqual(zoomed["width"], whole["width"], delta=0.1)
        self.assertIn("faded", self.box(name="main")["class"])
        self.assertNotIn("faded", zoomed["class"])
        self.assertEqual(self.boxes(name="python3"), [])
        self.assertAlmostEqual(self.box(name="memcpy")["width"], whole["width"] / 3, delta=1)
        self.assertEqual(self.text(".crumbs [aria-current]"), "parse_header")
        self.shoot("zoomed")
        self.browser.key("Escape")
        self.assertEqual(self.boxes(), before)

    def test_crumbs_and_back(self):
        self.click(name="entry_SYSCALL_64")
        self.click(name="vfs_read")
        self.browser.back()
        self.assertEqual(self.text(".crumbs [aria-current]"), "entry_SYSCALL_64")
        self.browser.run("document.querySelectorAll('.crumbs button')[1].click()")
        self.assertEqual(self.text(".crumbs [aria-current]"), "web")
        # A faded caller is a way out, too.
        self.click(name="all")
        self.assertEqual(self.text(".crumbs [aria-current]"), "all")

    def test_search(self):
        for pattern, share, nr in (("memcpy", "41.0 %", 4),  # 100 + 50 + 150 + 110
                                   ("serve", "60.0 %", 3),   # recursion counted once
                                   ("^(serve|memcpy)$", "71.0 %", 7),
                                   ("MEMCPY", "0.0 %", 0),   # a capital means capitals
                                   ("(/srv/jobs/a.py", "11.0 %", 1),   # no regular expression: literal
                                   ("@libc", "28.0 %", 4),   # 100 + 50 + 20 + 110
                                   ("@jobs/b", "9.0 %", 1)):
            self.browser.key("/")
            self.browser.type(pattern)
            self.assertEqual(self.text(".matched"), f"matched {share}", pattern)
            matched = [b for b in self.boxes() if "match" in b["class"].split()]
            self.assertEqual(len(matched), nr, pattern)
            if pattern == "memcpy":
                self.shoot("search")
            self.browser.key("Escape")
            self.assertEqual(self.text(".matched"), "")
        self.assertEqual(self.browser.run("return document.activeElement.localName"), "body")

    def test_search_keys(self):
        for key in ("Control+f", "/"):
            self.browser.key(key)
            self.browser.type("read")
            self.assertEqual(self.text(".matched"), "matched 18.0 %")
            self.browser.key("Escape")
        self.browser.key("/", *"memcpy", "Enter", "n")
        first = self.text(".details b")
        self.browser.key("n", "n", "n", "n")
        self.assertEqual((first, self.text(".details b")), ("memcpy", "memcpy"))
        focus = self.browser.run("return document.querySelector('.focus').getAttribute('y')")
        self.assertIn(focus, [str(b["top"]) for b in self.boxes(name="memcpy")])

    def test_icicle(self):
        self.browser.key("i")
        rows = sorted(self.boxes(), key=lambda b: b["depth"])
        self.assertEqual(sorted(b["y"] for b in rows), [b["y"] for b in rows])
        self.assertGreater(self.box(name="web")["y"], self.box(name="all")["y"])
        self.shoot("icicle")
        self.browser.key("i")
        self.assertLess(self.box(name="web")["y"], self.box(name="all")["y"])

    def test_reversed(self):
        self.browser.key("r")
        leaves = {b["name"]: b["value"] for b in self.boxes(depth=1)}
        self.assertEqual(sum(b["value"] for b in self.boxes(depth=1)), 1000)
        # memcpy of libc is one function with three callers, the kernel's another.
        memcpy = sorted(b["value"] for b in self.boxes(depth=1, name="memcpy"))
        self.assertEqual(memcpy, [150, 260])
        self.assertEqual(leaves["parse_header"], 200)
        self.assertEqual(leaves["node"], 4)
        self.click(depth=1, name="memcpy", value=260)
        callers = {b["name"]: b["value"] for b in self.boxes(depth=2)}
        self.assertEqual(callers, {"__init__ (/srv/jobs/a.py)": 110, "parse_header": 100, "serve": 50})
        self.shoot("reversed")
        self.browser.key("Escape", "r")
        self.assertEqual(self.box(name="web")["value"], 620)

    def test_sort(self):
        def order():
            return [b["name"] for b in sorted(self.boxes(depth=1), key=lambda b: b["x"])]
        self.assertEqual(order(), ["web", "python3", "node"])
        self.browser.key("s")
        self.assertEqual(order(), ["node", "python3", "web"])
        self.browser.key("s")
        self.assertEqual(order(), ["web", "python3", "node"])

    def test_tooltip(self):
        box = self.box(name="vfs_read")
        self.browser.hover(box["x"] + 8, box["y"] + 8)
        tip = self.text(".tip")
        for part in ("vfs_read", "kernel", "180 samples", "18.0 % of all", "self 30 samples, 3.0 %",
                     "[kernel]"):
            self.assertIn(part, tip)
        self.shoot("tooltip")
        self.click(name="serve", value=600)
        box = self.box(name="parse_header")
        self.browser.hover(box["x"] + 8, box["y"] + 8)
        for part in ("300 samples", "30.0 % of all", "50.0 % of the view", "self 200 samples",
                     "src/http.h:9", "/usr/bin/web"):
            self.assertIn(part, self.text(".tip"))
        box = self.box(name="main")
        self.browser.hover(box["x"] + 8, box["y"] + 8)
        self.assertIn("src/main.c:40–52", self.text(".tip"))
        self.browser.hover(5, 5)
        self.assertTrue(self.browser.run("return document.querySelector('.tip').hidden"))

    def test_keyboard(self):
        self.browser.key("ArrowUp")
        self.assertIn("all", self.text(".details b"))
        seen = []
        for key in ("ArrowUp", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown"):
            self.browser.key(key)
            seen.append(self.text(".details b"))
        self.assertEqual(seen, ["web", "python3", "<module> (/srv/jobs/run.py)", "__init__ (/srv/jobs/a.py)",
                                "__init__ (/srv/jobs/b.py)", "<module> (/srv/jobs/run.py)"])
        self.browser.key("Enter")
        self.assertEqual(self.text(".crumbs [aria-current]"), "<module> (/srv/jobs/run.py)")
        self.browser.key("Backspace")
        self.assertEqual(self.text(".crumbs [aria-current]"), "python3")

    def test_address_keeps_the_view(self):
        self.browser.key("i", "s", "/", *"copy & 100% <", "Enter")
        self.click(name="python3")
        address, boxes = self.browser.url(), self.boxes()
        self.assertIn("#", address)
        self.browser.open(address)
        self.assertEqual(self.boxes(), boxes)
        self.assertEqual(self.browser.run("return document.querySelector('input').value"),
                         "copy & 100% <")
        self.assertEqual(self.text(".crumbs [aria-current]"), "python3")
        # An address of another profile leads as far as it can, not to an error.
        self.open("#zoom=9999.1&search=%E0%A4%A&what")
        self.assertEqual(self.text(".crumbs [aria-current]"), "all")

    def test_resize(self):
        for width in (1600, 400):
            self.browser.size(width, 700, dark=width == 400)
            self.browser.run_async(
                "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
            whole = self.box(name="all")
            self.assertGreater(whole["width"], width - 60)
            self.assertLessEqual(whole["x"] + whole["width"], width)
            self.assertFalse(self.browser.run(
                "return document.documentElement.scrollWidth > innerWidth"))
            self.shoot(f"known-{width}")

    def test_labels_fit(self):
        over = self.browser.run("""
          const rects = [...document.querySelectorAll(".boxes rect")];
          return [...document.querySelectorAll(".boxes text")].map((t) => {
            const b = t.getBoundingClientRect();
            const under = rects.find((r) => { const c = r.getBoundingClientRect();
              return c.x <= b.x && c.right >= b.x + 1 && Math.abs(c.y - b.y) < 10; });
            return [t.textContent, b.right - under.getBoundingClientRect().right]; })
            .filter(([, over]) => over > 0);""")
        self.assertEqual(over, [])

    def test_nothing_is_loaded(self):
        self.assertEqual(self.browser.run(
            "return performance.getEntriesByType('resource').map((e) => e.name)"), [])


class KnownSvg(Known):
    suffix = ".svg"


class Hostile(PageTest):
    name = "hostile"

    def test_names_stay_text(self):
        self.assertIsNone(self.browser.run("return window.pwned ?? null"))
        self.assertEqual(self.browser.run("return document.querySelectorAll('img').length"), 0)
        for box in self.boxes(depth=2):
            self.browser.hover(box["x"] + 3, box["y"] + 8)
            tip = self.text(".tip b")
            self.assertEqual(" ".join(tip.split()), " ".join(box["name"].split()))
        self.click(depth=19)
        self.assertEqual(len(self.boxes()), 21)
        self.shoot("hostile")
        self.assertIsNone(self.browser.run("return window.pwned ?? null"))

    def test_escapes(self):
        names = {b["name"].split(" (")[0] for b in self.boxes()}
        for name in ("]]>", "bell\\x07 esc\\x1b[31m tab\\x09 nl\\x0a", "bad \\xff\\xfe utf8 \\xc3",
                     "nonchar \\xef\\xbf\\xbe \\xef\\xbf\\xbf", "rtl \\xe2\\x80\\xae gpj.exe",
                     "漢字の関数名がここに長く続く場合", "__proto__"):
            self.assertIn(name, names)

    def test_search(self):
        self.browser.key("/", *"__proto__")
        self.assertEqual(self.text(".matched"), "matched 14.3 %")  # (10 + 5) / 105


class HostileSvg(Hostile):
    suffix = ".svg"


class Large(PageTest):
    name = "large"

    def test_speed(self):
        """Drawing must feel immediate; the limit leaves room for a busy machine."""
        for action in ("resize", "zoom", "reverse"):
            best = min(self.browser.run("""
              const pane = document.querySelector(".pane"), key = (k) => document.dispatchEvent(
                new KeyboardEvent("keydown", { key: k, bubbles: true }));
              const start = performance.now();
              if (arguments[0] === "zoom") {
                document.querySelectorAll(".boxes rect")[1].dispatchEvent(
                  new MouseEvent("click", { bubbles: true }));
              } else if (arguments[0] === "reverse") {
                key("r");
              } else {
                key("i");
              }
              pane.getBoundingClientRect();
              const took = performance.now() - start;
              key("Escape");
              return took;""", action) for _ in range(4))
            print(f"{action}: {best:.0f} ms")
            self.assertLess(best, 400, action)
        self.assertEqual(sum(b["value"] for b in self.boxes(depth=0)), 20000)

    def test_pictures(self):
        for width, height, dark in ((1400, 900, False), (1400, 900, True), (400, 800, True)):
            self.browser.size(width, height, dark)
            self.open()
            self.shoot(f"large-{width}-{'dark' if dark else 'light'}")


class LargeSvg(Large):
    suffix = ".svg"


if __name__ == "__main__":
    if webdriver.missing():
        print(f"skipped: {webdriver.missing()}")
        sys.exit(77)
    os.makedirs(FOLDER, exist_ok=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
