# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the benches share: loads that end by themselves, paired rounds, medians."""
import atexit
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BPFPROF = os.path.join(os.path.dirname(os.path.dirname(HERE)), os.environ.get("BUILD", "build"), "bpfprof")
NR_CPUS = len(os.sched_getaffinity(0))


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            sys.exit(f"skipped: {p} is not installed")


def build(source, *flags):
    folder = tempfile.mkdtemp(prefix="bpfprof-bench-")
    atexit.register(shutil.rmtree, folder, True)
    out = os.path.join(folder, os.path.splitext(source)[0])
    subprocess.run(["cc", *flags, "-o", out, os.path.join(HERE, source)], check=True)
    return out


def busy(command):
    """One copy of a load on each CPU."""
    return [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(NR_CPUS)]


def wait(processes):
    for p in processes:
        p.wait()


def stop(process):
    process.send_signal(signal.SIGINT)
    process.wait()


def bpf_stats(pattern):
    """(runs, ns) of the loaded programs whose line matches."""
    text = subprocess.run(["bpftool", "--json", "prog", "show"], capture_output=True, text=True).stdout
    runs = ns = 0
    for prog in json.loads(text or "[]"):
        if re.search(pattern, f"{prog.get('type')} {prog.get('name')}"):
            runs += prog.get("run_cnt", 0)
            ns += prog.get("run_time_ns", 0)
    return runs, ns


def own_stats(pid):
    """(runs, ns) of the perf_event programs that this process holds: of nobody else's."""
    programs = {}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            text = open(f"/proc/{pid}/fdinfo/{fd}").read()
        except OSError:
            continue
        found = dict(re.findall(r"^(prog_\w+|run_\w+):\s*(\d+)", text, re.M))
        if found.get("prog_type") == "7":
            programs[found["prog_id"]] = int(found["run_cnt"]), int(found["run_time_ns"])
    return sum(p[0] for p in programs.values()), sum(p[1] for p in programs.values())


class sysctls:
    """Settings for the time of a run; what the kernel refuses (it does while in use) stays as it is."""

    def __init__(self, **wanted):
        self.wanted = {"/proc/sys/kernel/" + name: value for name, value in wanted.items()}
        self.before = {}

    def __enter__(self):
        for path, value in self.wanted.items():
            self.before[path] = open(path).read()
            self.write(path, value)
        return self

    def __exit__(self, *_):
        # Backwards: the limit of the rate may be written once the limit of time is a limit again.
        for path, value in reversed(self.before.items()):
            self.write(path, value)

    @staticmethod
    def write(path, value):
        for _ in range(100):
            try:
                with open(path, "w") as f:
                    f.write(str(value))
                return
            except OSError:
                time.sleep(0.2)
        print(f"  {path} stays {open(path).read().strip()}: in use", file=sys.stderr)


class stats_enabled:
    def __enter__(self):
        subprocess.run(["sysctl", "-q", "kernel.bpf_stats_enabled=1"], check=True)

    def __exit__(self, *_):
        subprocess.run(["sysctl", "-q", "kernel.bpf_stats_enabled=0"], check=True)


def cpu_seconds(pid):
    """User and system time; the scheduler's own count, in nanoseconds."""
    return int(open(f"/proc/{pid}/schedstat").read().split()[0]) / 1e9


def peak_rss_mb(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


def median(values):
    return statistics.median(values)


def show(name, values, unit):
    print(f"  {name:<28} {median(values):>12.4g} {unit}   (min {min(values):.4g}, max {max(values):.4g}, n={len(values)})")


def ratio(a_name, a, b_name, b):
    pairs = [x / y for x, y in zip(a, b) if y]
    print(f"  {a_name} / {b_name}: {median(pairs):.2f}   (pair by pair: {min(pairs):.2f} to {max(pairs):.2f})")
