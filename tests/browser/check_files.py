#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_files.py SYNTHETIC FOLDER: the flame graphs of made-up profiles, read by other parsers.

Python's own XML, HTML and JSON parsers say whether the files are what they claim, and the static
picture is summed up: a box is as wide as its value and stands on its caller.
"""
import html.parser
import json
import os
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ET

SYNTHETIC, FOLDER = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
SVG = "{http://www.w3.org/2000/svg}"
MARGIN, WIDTH, ROW = 16, 1200, 20


def made(name, suffix):
    subprocess.run([SYNTHETIC, name, FOLDER], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(FOLDER, name + suffix), encoding="utf-8", newline="") as text:
        return text.read()


class Scripts(html.parser.HTMLParser):
    """The scripts of a page as a browser would cut them, and every tag that it would see."""

    def __init__(self, text):
        super().__init__()
        self.scripts, self.tags, self.inside = [], [], False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append("")
        for name, value in attrs:
            assert name not in ("src", "href"), f"{tag} {name}={value}: not self-contained"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


class Files(unittest.TestCase):
    def tree(self, data):
        """[(path of names, self)] from the arrays, by a reading of their own."""
        path, rows = [], []
        for i, fn in enumerate(data["node"]):
            if i:
                del path[len(path) - data["up"][i]:]
            path = path + [data["name"][fn]]
            rows.append((tuple(path), data["self"][i]))
        return rows

    def test_svg_is_xml(self):
        for name in ("known", "hostile", "large"):
            root = ET.fromstring(made(name, ".svg"))
            self.assertEqual(root.tag, SVG + "svg")
            self.assertEqual(len(root.findall(f".//{SVG}script")), 2)
            # Self-contained: no reference to anything, in attributes or in the style.
            for element in root.iter():
                for attribute in element.attrib:
                    self.assertNotRegex(attribute, r"(?:^|})(?:href|src)$")
            self.assertIsNone(re.search(r"url\(|@import", root.find(f"{SVG}style").text))

    def test_html_has_the_same_data(self):
        for name in ("known", "hostile", "large"):
            page = Scripts(made(name, ".html"))
            self.assertEqual(page.tags, ["html", "head", "meta", "meta", "title", "style", "body",
                                         "noscript", "script", "script"])
            root = ET.fromstring(made(name, ".svg"))
            in_html, in_svg = json.loads(page.scripts[0]), json.loads(
                root.find(f".//{SVG}script[@id='bpfprof-data']").text)
            self.assertEqual(in_html.pop("page"), True)
            self.assertEqual(in_svg.pop("page"), False)
            self.assertEqual(in_html, in_svg)

    def test_known_values(self):
        data = json.loads(Scripts(made("known", ".html")).scripts[0])
        rows = dict(self.tree(data))
        self.assertEqual(len(rows), len(data["node"]))
        self.assertEqual(sum(rows.values()), 1000)
        for path, value in (("all;web;main;serve;parse_header", 200),
                            ("all;web;main;serve;parse_header;memcpy", 100),
                            ("all;web;main;serve;serve;serve", 70),
                            ("all;web;main;[libc.so.6+0x1234]", 20),
                            ("all;python3;<module> (/srv/jobs/run.py);__init__ (/srv/jobs/b.py)", 90),
                            ("all;node", 4), ("all;node;[stack lost]", 36)):
            self.assertEqual(rows[tuple(path.split(";"))], value, path)

    def test_hostile_names_are_kept(self):
        data = json.loads(Scripts(made("hostile", ".html")).scripts[0])
        names = {name.split(" (")[0] for name in data["name"]}
        self.assertLessEqual({"]]>", "</script><script>window.pwned=1</script>", "&amp;&#x3c;",
                              "bad \\xff\\xfe utf8 \\xc3", "c1 \\xc2\\x85 ls \\xe2\\x80\\xa8"}, names)
        self.assertEqual(sum(data["self"]), 105)

    def test_picture(self):
        for name, total in (("known", 1000), ("hostile", 105), ("large", 20000)):
            root = ET.fromstring(made(name, ".svg"))
            data = json.loads(root.find(f".//{SVG}script[@id='bpfprof-data']").text)
            boxes = [(float(r.get("x")), float(r.get("width")), int(r.get("y")))
                     for r in root.find(f"{SVG}g[@class='boxes']").findall(f"{SVG}rect")]
            scale = (WIDTH - 2 * MARGIN) / total
            totals = {}
            for path, value in self.tree(data):
                for depth in range(1, len(path) + 1):
                    totals[path[:depth]] = totals.get(path[:depth], 0) + value
            # By level: the boxes drawn are the values that are wide enough, to a gap.
            bottom = max(y for _, _, y in boxes)
            for level in range((bottom - min(y for _, _, y in boxes)) // ROW + 1):
                drawn = sorted(w for _, w, y in boxes if y == bottom - level * ROW)
                due = sorted(v * scale for p, v in totals.items()
                             if len(p) == level + 1 and v * scale >= 0.5)
                if name != "hostile":
                    self.assertEqual(len(drawn), len(due), (name, level))
                for box, value in zip(drawn, due):
                    self.assertAlmostEqual(box, value, delta=0.7, msg=(name, level))
            self.assertGreater(len(boxes), 15)
            # Nobody overlaps a neighbour, and everybody stands on somebody.
            spans = {}
            for x, width, y in sorted(boxes):
                row = spans.setdefault(y, [])
                self.assertTrue(not row or x >= row[-1][1] - 0.02, (name, x, y))
                row.append((x, x + width))
            for y, row in spans.items():
                below = spans.get(y + ROW, [(MARGIN, WIDTH - MARGIN)])
                for left, right in row:
                    self.assertTrue(any(a - 0.02 <= left and right <= b + 0.7 for a, b in below))

    def test_size(self):
        """Compact: a box of the tree costs some ten bytes, not an element."""
        text = made("large", ".html")
        data = json.loads(Scripts(text).scripts[0])
        self.assertLess(len(re.search(r'"node":.*', text).group(0)) / len(data["node"]), 12)


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
