# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's kernels, and its packages for another machine, by suite, kept outside the tree.

apt itself resolves, downloads and verifies, in folders of its own: the machine's sources say where
Debian is and which proxy leads there, and its keyring says whom to believe. Nothing is installed.
What cannot be had raises Unavailable, which the test shows as skipped.
"""
import glob
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import time

MODULES = ["virtio_pci", "virtio_blk"]
KEYRINGS = ["/usr/share/keyrings/debian-archive-keyring.gpg",
            "/usr/share/keyrings/debian-archive-keyring.pgp"]
LOOK_AGAIN_S = 30 * 24 * 3600


class Unavailable(Exception):
    """Why this could not be fetched."""


def table(path):
    rows = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if words:
                name, suites, package, release = words
                rows[name] = (suites.split(","), package, release)
    return rows


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME")
    if not base:
        base = "/var/cache" if os.geteuid() == 0 else os.path.expanduser("~/.cache")
    return os.path.join(base, "bpfprof")


def mirrors():
    """Where this machine's apt finds Debian, and Debian's security updates."""
    form = "$(REPO_URI) $(LABEL)"
    targets = subprocess.run(["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
                             stdout=subprocess.PIPE, text=True, check=False).stdout.splitlines()
    found = {}
    for target in targets:
        uri, _, label = target.partition(" ")
        uri = uri.rstrip("/")
        # Before the first apt-get update there is no label.
        by_path = {"debian": "Debian", "debian-security": "Debian-Security"}
        found.setdefault(by_path.get(os.path.basename(uri), label), uri)
    # A mirror keeps the security updates beside itself, where it has them.
    named = os.environ.get("BPFPROF_DEBIAN_MIRROR")
    if named:
        return named, named + "-security"
    if "Debian" not in found:
        raise Unavailable("apt's sources on this machine name no Debian mirror "
                          "(BPFPROF_DEBIAN_MIRROR=URI names one)")
    return found["Debian"], found.get("Debian-Security", found["Debian"] + "-security")


class Apt:
    """apt with its own sources, lists and cache below `root`; the machine's proxies and keys."""

    def __init__(self, root, suites, arch):
        shutil.rmtree(root, ignore_errors=True)
        os.makedirs(os.path.join(root, "lists", "partial"))
        os.makedirs(os.path.join(root, "archives", "partial"))
        main, security = mirrors()
        keyring = next((k for k in KEYRINGS if os.path.exists(k)), None)
        signed = " [arch=%s%s]" % (arch, " signed-by=" + keyring if keyring else "")
        with open(os.path.join(root, "sources.list"), "w", encoding="utf-8") as f:
            for suite in suites:
                uri = security if suite.endswith("-security") else main
                f.write("deb%s %s %s main\n" % (signed, uri, suite))
        open(os.path.join(root, "status"), "w", encoding="utf-8").close()
        self.root = root
        self.options = []
        for option in ["Dir::Etc::SourceList=%s/sources.list" % root, "Dir::Etc::SourceParts=-",
                       "Dir::Etc::Preferences=-", "Dir::Etc::PreferencesParts=-",
                       "Dir::State::lists=%s/lists" % root, "Dir::State::status=%s/status" % root,
                       "Dir::Cache=%s" % root, "Acquire::Languages=none", "Acquire::Retries=2",
                       "Acquire::http::Timeout=30", "APT::Sandbox::User=root",
                       # Archived suites are signed, but not anew.
                       "Acquire::Check-Valid-Until=false",
                       "APT::Architecture=" + arch, "APT::Architectures=" + arch]:
            self.options += ["-o", option]

    def run(self, tool, *words):
        return subprocess.run([tool, "-q"] + self.options + list(words), cwd=self.root,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)

    def update(self):
        """Its complaint, if it had one."""
        said = self.run("apt-get", "update").stdout.splitlines()
        return next((line for line in said if line[:2] in ("E:", "W:")), "no such package")

    def field(self, package, field):
        shown = self.run("apt-cache", "show", "--no-all-versions", package).stdout
        found = re.search("^%s: (.*)$" % field, shown, re.M)
        return found.group(1) if found else None

    def packages(self, names):
        """The files of these and of all that they depend on."""
        complaint = self.update()
        got = self.run("apt-get", "install", "--download-only", "--no-install-recommends", "-y",
                       "-o", "Debug::NoLocking=true", *names)
        debs = sorted(glob.glob(os.path.join(self.root, "archives", "*.deb")))
        if got.returncode or not debs:
            raise Unavailable("%s: %s" % (complaint, got.stdout.strip()[-300:]))
        return debs

    def kernel_packages(self, package):
        """What a metapackage leads to: the image, and its modules where they are apart."""
        found, todo = [], [package]
        while todo:
            package = todo.pop()
            if package in found:
                continue
            found.append(package)
            names = re.findall(r"\blinux-(?:image|binary|modules)-\d[^\s,(|]*",
                               self.field(package, "Depends") or "")
            todo += names
        return found[1:]


def version_of(package, debs):
    name = next(n for n in map(os.path.basename, debs) if n.startswith(package + "_"))
    return name.split("_")[1]


def unpacked(member, data):
    """A module as insmod takes it, and its name."""
    name = os.path.basename(member)
    if name.endswith(".ko.xz"):
        data, name = lzma.decompress(data), name[:-3]
    return name[:-3].replace("-", "_"), data


def module_needs(data):
    found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + data)
    return [n.replace("-", "_") for n in found.group(1).decode().split(",") if n] if found else []


def extract(debs, into):
    """vmlinuz and modules-NN-name.ko, in the order in which they are to be loaded."""
    modules, vmlinuz = {}, None
    for deb in debs:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as p:
            with tarfile.open(fileobj=p.stdout, mode="r|") as tar:
                for member in tar:
                    if re.search(r"/vmlinuz[^/]*$", member.name) and member.isfile():
                        vmlinuz = tar.extractfile(member).read()
                    elif re.search(r"/drivers/(virtio|block)/.*\.ko(\.xz)?$", member.name):
                        name, data = unpacked(member.name, tar.extractfile(member).read())
                        modules[name] = data
    if not vmlinuz:
        raise Unavailable("no kernel in " + " ".join(map(os.path.basename, debs)))
    with open(os.path.join(into, "vmlinuz"), "wb") as f:
        f.write(vmlinuz)

    order = []

    def want(name):
        # What is not among the modules is built in.
        if name in modules and name not in order:
            for needed in module_needs(modules[name]):
                want(needed)
            order.append(name)

    for name in MODULES:
        want(name)
    for i, name in enumerate(order):
        with open(os.path.join(into, "module-%02d-%s.ko" % (i, name)), "wb") as f:
            f.write(modules[name])


def download(row, apt, into):
    """A row's kernel."""
    suites, package, release = row
    complaint = apt.update()
    packages = apt.kernel_packages(package)
    if not packages:
        raise Unavailable("apt found no %s in %s: %s" % (package, ", ".join(suites), complaint))
    version = packages[0].replace("linux-image-", "")
    if not version.startswith(release.rstrip("*")):
        raise Unavailable("%s has kernel %s, not %s" % (", ".join(suites), version, release))
    got = apt.run("apt-get", "download", *packages)
    debs = glob.glob(os.path.join(apt.root, "*.deb"))
    if got.returncode or len(debs) != len(packages):
        raise Unavailable("%s: %s" % (" ".join(packages), got.stdout.strip()[-200:]))
    extract(debs, into)
    return version


def renew(folder, suites, arch, fill):
    scratch = "%s.apt.%d" % (folder, os.getpid())
    fresh = "%s.new.%d" % (folder, os.getpid())
    try:
        os.makedirs(fresh)
        version = fill(Apt(scratch, suites, arch), fresh)
        with open(os.path.join(fresh, "release"), "w", encoding="utf-8") as f:
            f.write(version + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(fresh, folder)
    except FileNotFoundError as e:
        raise Unavailable("%s is not installed" % e.filename) from e
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(fresh, ignore_errors=True)


def cached(kind, name, suites, arch, fill):
    """The cache's folder kind/name, made by fill(apt, folder), which says what it is (`release`)."""
    folder = os.path.join(cache_folder(), kind, name)
    stamp = os.path.join(folder, "release")
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
    except OSError as e:
        raise Unavailable("%s: %s" % (e.filename, e.strerror)) from e
    if os.path.exists(stamp) and time.time() - os.path.getmtime(stamp) < LOOK_AGAIN_S:
        return folder
    try:
        renew(folder, suites, arch, fill)
    except Unavailable as e:
        if not os.path.exists(stamp):
            raise
        print("kept what is in the cache: %s" % e)
    return folder


def fetch(name, row):
    """The folder with vmlinuz, the modules and `release` of a kernel of the table."""
    suites, package, _ = row
    return cached("kernels", name, suites, package.rsplit("-", 1)[1],
                  lambda apt, into: download(row, apt, into))
