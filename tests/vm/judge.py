# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Boots a guest and judges what it left: each step's NAME.out, NAME.err and NAME.status."""
import json
import os
import shutil
import tempfile

import guest

BOOT_S = 540


class Judge:
    """Collects what is wrong; prints what was measured either way."""

    def __init__(self, left):
        self.left = left
        self.wrong = []

    def text(self, name):
        return self.left.get(name, b"").decode(errors="replace")

    def check(self, good, what):
        print("%s  %s" % ("ok  " if good else "FAIL", what))
        if not good:
            self.wrong.append(what)

    def step(self, name):
        """Did it exit with 0? Shows what it said if not."""
        status = self.text(name + ".status").strip()
        self.check(status == "0", "%s: exit status %s" % (name, status or "missing"))
        if status != "0":
            print(self.text(name + ".out")[-1500:] + self.text(name + ".err")[-6000:])
        return status == "0"

    def report(self, name):
        """The JSON report of a step, of the shape that every mode has."""
        if not self.step(name):
            return None
        try:
            report = json.loads(self.text(name + ".out"))
            quality = report["quality"]
            self.check(quality["lost"] == 0, "%s: %d events, %d lost"
                       % (name, quality["events"], quality["lost"]))
            return report if isinstance(report["rows"], list) else None
        except (ValueError, KeyError, TypeError) as e:
            self.check(False, "%s: no JSON report: %r" % (name, e))
            return None

    def histograms(self, name):
        """The rows of a report, of which each has all of its count in buckets."""
        report = self.report(name)
        rows = report["rows"] if report else []
        held = [(row["labels"], row["count"], sum(b[2] for b in row.get("buckets", [])))
                for row in rows]
        self.check(rows and all(count == nr for _, count, nr in held),
                   "%s: %d rows, each with its count in buckets %s"
                   % (name, len(held), [h for h in held if h[1] != h[2]] or ""))
        return rows

    def folded(self, name, file=None):
        """[(frames, count)] of a step's folded lines; the first frame is the command."""
        if not self.step(name):
            return []
        found = []
        for line in self.text(file or name + ".out").splitlines():
            stack, _, count = line.rpartition(" ")
            if not stack or not count.isdigit():
                self.check(False, "%s: not a folded line: %r" % (name, line))
                return []
            found.append((stack.split(";"), int(count)))
        return found


def share(stacks, wanted):
    total = sum(n for _, n in stacks)
    return sum(n for frames, n in stacks if wanted(frames)) / total if total else 0.0


def boot(folder, fs, keep, machine="x86_64"):
    """What the guest left, or None; also as files in `keep`, beside its console."""
    with tempfile.TemporaryDirectory(prefix="bpfprof-vm-") as scratch:
        try:
            left = guest.boot(folder, fs, scratch, BOOT_S, machine)
        except guest.Failed as e:
            print("FAIL  %s" % e)
            left = None
        if keep:
            shutil.rmtree(keep, ignore_errors=True)
            os.makedirs(keep)
            shutil.copy(os.path.join(scratch, "console"), keep)
            for name, data in (left or {}).items():
                with open(os.path.join(keep, name), "wb") as f:
                    f.write(data)
    return left
