# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""How fast an installed Debian's own programs run: in vmm on each of its tiers, in QEMU's TCG, and natively, where the host runs
the files of the same disk in a chroot on one core.

It is compute.py's measurement on other sides: debian.sh answers as the static programs do.  A round takes long enough to be
timed by itself, after one that is not counted, in which the guest reads its disk."""
import os
import time

import boot
import compute
import media
import native

ARCHS = {32: "i386", 64: "amd64"}
# What openssl counts, and how many of it make a round: a MiB of blocks, ten signatures.
COUNTED = {"openssl-sha256": 64, "openssl-aes": 64, "openssl-rsa": 10}
PROGRAMS = ("gzip", "xz", *COUNTED, "sqlite", "python", "gcc")
MEMORY = 1024  # MiB
SECONDS = 3  # of --seconds
PATIENCE = 1800  # seconds for a boot of the interpreter on a busy host
SOAK = os.path.join(os.path.dirname(compute.HERE), "soak")


class Session(compute.Session):
    def prompt(self, words):
        """Seconds from exec to a prompt, after which no line ends."""
        end = time.monotonic() + PATIENCE
        while words.encode() not in self.rest:
            self.read(end)
        return time.monotonic() - self.start


class Side(compute.Side):
    def enter(self, env):
        self.session = Session(self.command, env)
        if self.boots:
            self.ready.append(self.session.prompt("login: "))
            self.session.send("root")
            self.session.prompt("# ")
            self.session.send("stty -echo; " + boot.OTHER + "mkdir /work && tar -C /work -xf /dev/$d && "
                              "exec sh /work/debian.sh serve guest")
        self.session.until("SERVING")

    def sample(self, name, target):
        # The interpreter may need a hundred times as long for one as the host.
        spent = self.session.run(name, 1, target * 30)
        if name not in self.rounds:
            self.rounds[name] = max(1, round(target / spent))
        spent = self.session.run(name, self.rounds[name], target)
        self.samples[name].append(spent / self.session.counted * COUNTED.get(name, 1))


class DebianBench:
    """Mixed into Bench (tests/bench/run) beside ComputeBench."""

    def debian_sides(self, arch, disk, archive, here):
        name = "debian-" + arch
        ini = self.folder.file(name + ".ini", "[machine]\nname = %s\nmemory = %dM\n[disk0]\nplugin = ide-disk\nmedia = %s\n"
                               "media.mode = nonpersistent\n[disk1]\nplugin = ide-disk\nmedia = %s\n"
                               "media.mode = nonpersistent\n" % (name, MEMORY, disk, archive))
        core = str(max(os.sched_getaffinity(0)))
        drives = [word for file in (disk, archive) for word in ("-drive", "file=%s,format=raw,if=ide,snapshot=on" % file)]
        serve = here.command("sh", here.inside + "/debian.sh", "serve", "native")
        sides = [Side("native", ["taskset", "-c", core, *serve], False),
                 Side("TCG", [compute.QEMU, "-M", "pc", "-accel", "tcg", "-cpu", "max", "-m", str(MEMORY), *drives, "-display",
                              "none", "-serial", "stdio", "-monitor", "none", "-net", "none", "-no-reboot"], True)]
        return sides + [Side(tier, [self.vmm, "run", ini, "--serial", "stdio", "--headless", "--tier", tier], True)
                        for tier in self.tiers_there(slow=True)]

    def debian(self, bits):
        arch = ARCHS[bits]
        names = self.chosen(PROGRAMS)
        disk, root = media.work(arch)
        files = [("bzip2.orig.tar", media.source("bzip2")), ("debian.sh", os.path.join(compute.HERE, "debian.sh"))]
        files += [(name, os.path.join(SOAK, name)) for name in ("sqlite.sql", "calculate.py")]
        archive = native.pack(self.folder.file("debian-%s.tar" % arch), files)
        with native.Native(arch, root, archive) as here:
            sums, status = here.run("sh", here.inside + "/debian.sh", "sums")
            if status:
                raise RuntimeError("the programs do not run natively: " + sums)
            native.pack(archive, files + [("sums", sums.encode())])
            with open(os.path.join(here.path, "sums"), "w") as f:
                f.write(sums)
            sides = self.debian_sides(arch, disk, archive, here)
            self.measure(sides, names, self.target * SECONDS, MEMORY)
        self.tell("disk%d" % bits, "%d-bit Debian on its disk" % bits, bits, {name: "tools" for name in names}, sides)

    def disk32(self):
        self.debian(32)

    def disk64(self):
        self.debian(64)
