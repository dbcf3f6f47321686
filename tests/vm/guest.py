# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A machine that lives some seconds: qemu without acceleration, an initramfs, two disks.

The first disk is there to be read. On the second the guest leaves a tar archive with what it found,
so that nothing has to be picked out of the console.
"""
import glob
import os
import re
import subprocess
import tarfile

# What qemu is started as, by machine; the last word goes on the kernel's command line.
# One thread for both CPUs: with two, qemu may run code that the other CPU is just patching, and
# the kernel, which does that where a tracepoint is switched on, panics.
MACHINES = {
    "x86_64": ["qemu-system-x86_64", "-cpu", "max,la57=off", "console=ttyS0 mitigations=off"],
    # A signature of return addresses that is quick to compute here.
    "aarch64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on",
                "console=ttyAMA0"],
}
QEMU = MACHINES["x86_64"][0]
BUSYBOX = "/bin/busybox"
DISK_BYTES = 64 << 20
RESULT_BYTES = 64 << 20


class Failed(Exception):
    """The machine did not come to its end; the message has the console's last lines."""


def libraries(program):
    """The libraries that a program is linked to, with the loader; none: it is static."""
    ldd = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, check=False).stdout
    return re.findall(r"(/\S+) \(0x", ldd)


def is_static(program):
    return not libraries(program)


class Initramfs:
    """A cpio archive (newc) in memory."""

    def __init__(self):
        self.parts = []
        self.names = set()

    def entry(self, name, mode, data=b"", device=(0, 0)):
        name = name.strip("/")
        parent = os.path.dirname(name)
        if parent and parent not in self.names:
            self.entry(parent, 0o40755)
        if name in self.names:
            return
        self.names.add(name)
        path = name.encode() + b"\0"
        head = "070701" + "".join("%08x" % n for n in (
            len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0))
        self.parts += [head.encode() + path, b"\0" * (-(110 + len(path)) % 4),
                       data, b"\0" * (-len(data) % 4)]

    def folder(self, name):
        self.entry(name, 0o40755)

    def file(self, path, source, mode=0o755):
        with open(source, "rb") as f:
            self.entry(path, 0o100000 | mode, f.read())

    def program(self, path, source):
        """A program with the libraries that it is linked to, where the loader expects them."""
        self.file(path, source)
        for lib in libraries(source):
            self.file(lib, lib)

    def write(self, path):
        self.entry("TRAILER!!!", 0)
        with open(path, "wb") as f:
            f.writelines(self.parts)


def base(kernel, init, busybox=BUSYBOX):
    """An initramfs with busybox, the kernel's modules and `init` as its first program."""
    fs = Initramfs()
    for folder in ("proc", "sys", "dev", "tmp", "root", "out"):
        fs.folder(folder)
    fs.entry("dev/console", 0o20600, device=(5, 1))
    fs.file("bin/busybox", busybox)
    fs.entry("bin/sh", 0o120777, b"busybox")
    fs.file("init", init)
    for module in sorted(glob.glob(os.path.join(kernel, "module-*.ko"))):
        fs.file("modules/" + os.path.basename(module), module, 0o644)
    return fs


def boot(kernel, fs, folder, timeout_s, machine="x86_64"):
    """Runs the machine to its end. {name: bytes} of the files that it left."""
    paths = {name: os.path.join(folder, name) for name in ("initramfs", "disk", "result", "console")}
    fs.write(paths["initramfs"])
    for name, size in (("disk", DISK_BYTES), ("result", RESULT_BYTES)):
        with open(paths[name], "wb") as f:
            f.truncate(size)
    *started_as, console = MACHINES[machine]
    command = started_as + [
        "-accel", "tcg,thread=single", "-smp", "2", "-m", "1G", "-nodefaults", "-no-reboot",
        "-nographic", "-serial", "file:" + paths["console"],
        "-kernel", os.path.join(kernel, "vmlinuz"), "-initrd", paths["initramfs"],
        "-append", console + " panic=-1 loglevel=7 nowatchdog rcupdate.rcu_cpu_stall_suppress=1"]
    for name in ("disk", "result"):
        command += ["-drive", "if=virtio,format=raw,file=" + paths[name]]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, timeout=timeout_s, check=True)
        why = "left no results"
    except subprocess.TimeoutExpired:
        why = "was not done after %d s" % timeout_s
    except subprocess.CalledProcessError as e:
        why = "%s: exit status %d" % (command[0], e.returncode)
    try:
        with tarfile.open(paths["result"]) as tar:
            found = {os.path.basename(m.name): tar.extractfile(m).read() for m in tar if m.isfile()}
    except (tarfile.TarError, EOFError):
        found = {}
    if found:
        return found
    with open(paths["console"], "rb") as f:
        last = f.read()[-4000:].decode(errors="replace")
    raise Failed("the machine %s; its console ended with:\n%s" % (why, last))
