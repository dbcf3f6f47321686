#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof doctor against real attempts with some rights, all of them, and none.

Usage: test_doctor.py BPFPROF FOLDER-OF-PROGRAMS [Case.test ...]
"""

import json
import os
import re
import shutil
import subprocess

import truth
from truth import Case, Folded

NOBODY = "65534"


class Doctor(Case):
    def setUp(self):
        super().setUp()
        if not shutil.which("setpriv"):
            self.skipTest("no setpriv")
        # Where nobody may execute it, whatever the folder is like that it was built in.
        self.binary = self.path("bpfprof")
        shutil.copy2(truth.BPFPROF, self.binary)
        os.chmod(self.binary, 0o755)

    def run_with(self, capabilities, *args):
        """As nobody, with these capabilities ("cap_bpf", ...) and no others."""
        bits = ",".join(["-all"] + ["+" + c.removeprefix("cap_") for c in capabilities])
        return subprocess.run(["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups",
                               "--inh-caps", bits, "--ambient-caps", bits, self.binary,
                               *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=truth.LIMIT_S, check=False)

    def account(self, capabilities):
        done = self.run_with(capabilities, "doctor", "--json")
        report = json.loads(done.stdout)
        features = {f["name"]: f for f in report["features"]}
        modes = {m["name"]: m for m in report["modes"]}
        return done.returncode, features, modes

    def listed(self):
        done = self.bpfprof("doctor", "--json", status=None)
        return json.loads(done.stdout)["capabilities"].split(",")

    def test_root(self):
        done = self.bpfprof("doctor")
        self.assertEqual(done.stderr, "")
        for name in ("BTF", "CAP_BPF", "lockdown", "perf_event_paranoid", "cpu", "io"):
            self.assertRegex(done.stdout, rf"(?m)^  ok +{name} ")
        version = re.search(r"(?m)^  ok +version +(\S+)", done.stdout).group(1)
        self.assertEqual(version, os.uname().release)

    def test_sysctls(self):
        report = json.loads(self.bpfprof("doctor", "--json").stdout)
        for f in report["features"]:
            path = "/proc/sys/kernel/" + f["name"]
            if "_" in f["name"] and os.path.exists(path):
                with open(path, encoding="utf-8") as value:
                    self.assertEqual(re.match(r"-?\d+", f["found"]).group(), value.read().strip())

    def test_nobody(self):
        status, features, modes = self.account([])
        self.assertEqual(status, 1)
        self.assertEqual({m["state"] for m in modes.values()}, {"missing"})
        for name in self.listed():
            f = features[name.upper()]
            self.assertNotEqual(f["state"], "ok", name)
            self.assertIn("setcap " + ",".join(self.listed()), f["cure"])
        text = self.run_with([], "doctor")
        self.assertEqual(text.returncode, 1)
        self.assertIn("cure: ", text.stdout)
        self.assertEqual(text.stderr, "")

    def test_listed_capabilities_are_enough(self):
        status, features, modes = self.account(self.listed())
        self.assertEqual(status, 0)
        self.assertEqual({m["state"] for m in modes.values()}, {"ok"})
        for name in ("kernel symbols", "processes", "system-wide events", "side-band records"):
            self.assertEqual(features[name]["state"], "ok", features[name]["found"])

    def test_each_listed_capability_is_needed(self):
        effects = {
            "cap_bpf": "ring buffer",
            "cap_perfmon": "system-wide events",
            "cap_sys_ptrace": "processes",
            "cap_dac_read_search": "processes",
            "cap_checkpoint_restore": "processes",
            "cap_syslog": "kernel symbols",
        }
        for name in self.listed():
            if name not in effects:
                continue
            status, features, _ = self.account([c for c in self.listed() if c != name])
            self.assertNotEqual(features[name.upper()]["state"], "ok", name)
            self.assertNotEqual(features[effects[name]]["state"], "ok", name)
            # All modes run without those that are only nice to have.
            self.assertEqual(status, 1 if features[name.upper()]["weight"] == "needed" else 0)

    def test_file_capabilities(self):
        """The cure, taken by the word."""
        setcap = shutil.which("setcap", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
        if not setcap:
            self.skipTest("no setcap")
        cure = self.account([])[1]["CAP_BPF"]["cure"]
        words = cure[cure.index("setcap"):].split()
        self.assertEqual(words[0], "setcap")
        if subprocess.run([setcap, words[1], self.binary], check=False).returncode:
            self.skipTest("the file system keeps no capabilities")
        self.assertEqual(os.path.realpath(words[2]), os.path.realpath(self.binary))
        status, features, _ = self.account([])
        self.assertEqual(status, 0)
        self.assertEqual(features["CAP_BPF"]["state"], "ok")

    def test_profile_with_listed_capabilities(self):
        """Root's process, measured by nobody with these rights: names of kernel and program."""
        child = self.start(self.need("split"), 20)
        done = self.run_with(self.listed(), "cpu", "-q", "-F", 999, "-d", 1, "-f", "folded",
                             "-p", child.pid)
        self.assertEqual(done.returncode, 0, done.stderr)
        stacks = Folded(truth.Stack(line) for line in done.stdout.splitlines())
        self.assertGreater(stacks.total("burn_sixty"), 50, stacks.heaviest())

    def test_profile_without_rights(self):
        done = self.run_with([], "cpu", "-d", 1)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_usage(self):
        self.bpfprof("doctor", "--jsn", status=2)
        self.bpfprof("doctor", "now", status=2)


if __name__ == "__main__":
    truth.need_root_and_bpf()
    truth.main()
