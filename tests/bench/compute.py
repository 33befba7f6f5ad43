# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""How fast compute-bound and kernel-bound programs run: natively, in QEMU's TCG, and in vmm on each of its tiers.

The programs (tests/bench/programs) are one static binary.  The same file runs on one core of the host and, under Debian's
kernels, in the guests: it reads from its standard input, which in a guest is the serial line, what to run and for how many
rounds, and says when each begins and ends.  All time is the host's, at which those marks arrive.  A figure is the time of
a round: the difference between a long and a short run, so that starting costs nothing."""
import collections
import glob
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import guest
import media
import report

HERE = os.path.dirname(os.path.abspath(__file__))
QEMU = "qemu-system-x86_64"
KERNELS = {32: "686-pae", 64: "amd64"}
TIERS = ("T0", "T1", "T2", "T3")
MEMORY = 512  # MiB
CMDLINE = "console=ttyS0 quiet panic=-1 cryptomgr.notests=1"
PATIENCE = 300  # seconds for a boot, or beyond what a program should take


class Dead(Exception):
    """The side has ended or hangs."""


class Wrong(Exception):
    """A program says that it failed."""


class Session:
    """A process, a guest or not, in which programs are run one by one."""

    def __init__(self, command, env):
        self.errors = tempfile.TemporaryFile()
        self.start = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=env)
        self.rest = b""
        self.lines = collections.deque()
        self.last = collections.deque(maxlen=8)
        self.counted = 0  # rounds of the last run: those that were asked for, if it has not counted itself

    def read(self, end):
        """Wait for more of what it says."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
        if not ready:
            raise Dead("hangs; the last it said: " + self.said())
        data = os.read(self.process.stdout.fileno(), 65536)
        now = time.monotonic()
        if not data:
            raise Dead("ended; the last it said: " + self.said())
        *whole, self.rest = (self.rest + data).split(b"\n")
        self.lines.extend((line.decode(errors="replace").strip(), now) for line in whole)

    def line(self, end):
        """The next line, and when it came."""
        while not self.lines:
            self.read(end)
        self.last.append(self.lines[0][0])
        return self.lines.popleft()

    def said(self):
        errors = os.pread(self.errors.fileno(), 1 << 20, 0).decode(errors="replace")[-300:]
        return " | ".join(list(self.last) + [self.rest.decode(errors="replace")] + errors.split("\n"))

    def until(self, mark):
        """Seconds from exec to a line that ends so: what the kernel or the firmware left there may stand before it."""
        end = time.monotonic() + PATIENCE
        while True:
            line, when = self.line(end)
            if line.endswith(mark):
                return when - self.start

    def send(self, line):
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise Dead("ended; the last it said: " + self.said())

    def run(self, name, rounds, expected=0.0):
        """Seconds between the marks; what it should take, if that is known, makes a hang known."""
        self.send("%s %d" % (name, rounds))
        end = time.monotonic() + PATIENCE + expected * 10
        marks = {}
        self.counted = rounds
        while "DONE" not in marks:
            line, when = self.line(end)
            words = line.split()
            if words[:1] == ["FAIL"]:
                marks["FAIL"] = line
            elif words[1:2] == [name]:
                marks[words[0]] = when
                if words[0] == "COUNT":
                    self.counted = int(words[2])
        if "FAIL" in marks or "BEGIN" not in marks or "END" not in marks:
            raise Wrong(marks.get("FAIL", "it said neither how it ended nor why not"))
        return marks["END"] - marks["BEGIN"]

    def off(self):
        """Switch it off; whether it went well."""
        try:
            self.send("off")
            self.until("OFF")
            while True:
                self.line(time.monotonic() + 60)
        except Dead:
            pass
        try:
            return self.process.wait(1) == 0
        except subprocess.TimeoutExpired:
            return False

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout, self.errors):
            try:
                file.close()
            except OSError:
                pass  # what was still to be sent


class Side:
    """Where programs run, and what came of it."""

    def __init__(self, name, command, boots):
        self.name, self.command, self.boots = name, command, boots
        self.rounds = {}  # by program, calibrated once
        self.samples = collections.defaultdict(list)  # seconds a round
        self.failed = {}
        self.ready = []  # seconds
        self.resident = []  # KiB
        self.session = None

    def enter(self, env):
        self.session = Session(self.command, env)
        if self.boots:
            self.ready.append(self.session.until("GUEST-READY"))
        self.session.until("SERVING")

    def leave(self):
        if self.session:
            self.session.close()
        self.session = None

    def calibrate(self, name, target):
        """Rounds that take about so long."""
        rounds = 1
        while True:
            spent = max(self.session.run(name, rounds), 1e-5)
            if spent >= target / 4:
                return max(4, round(rounds * target / spent))
            rounds = max(rounds * 2, min(rounds * 16, int(rounds * target / spent / 2)))

    def sample(self, name, target):
        if name not in self.rounds:
            self.rounds[name] = self.calibrate(name, target)
        many = self.rounds[name]
        few = max(1, many // 10)
        spent = [self.session.run(name, n, target) for n in (many, few)]
        self.samples[name].append((spent[0] - spent[1]) / (many - few))


def build(folder, bits):
    """The programs for a word size: Debian's default processor and mathematics, optimised, static."""
    binary = folder.file("bench%d" % bits)
    media.run("gcc", "-std=gnu17", "-O2", "-static", "-m%d" % bits, "-o", binary,
              *sorted(glob.glob(os.path.join(HERE, "programs", "*.c"))))
    return binary


class ComputeBench:
    """Mixed into Bench (tests/bench/run), which has the attributes tiers, programs and target besides its own."""

    def tiers_there(self, slow=False):
        """The tiers of this vmm that are wanted; if none are named, those that it has, the interpreter only if it is the only
        one or asked for."""
        ini = self.folder.file("tier.ini", "[machine]\nname = tier\nmemory = 32M\n")
        there = [tier for tier in TIERS if subprocess.run(
            [self.vmm, "config", "check", ini, "--set", "engine.tier=" + tier], env=self.env, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode == 0]
        wanted = self.tiers or (there if slow else there[1:] or there)
        for tier in wanted:
            if tier not in there:
                sys.exit("this vmm has no tier %s; it has %s" % (tier, ", ".join(there)))
        return wanted

    def sides(self, bits, binary, scratch):
        flavour = KERNELS[bits]
        kernel = guest.kernel(flavour)
        initrd = guest.initramfs(self.folder.file("compute%d.initrd" % bits), "exec /bin/bench serve /tmp", (), flavour,
                                 [("bench", binary)])
        ini = self.folder.file("compute%d.ini" % bits, "[machine]\nname = compute%d\nmemory = %dM\n[boot]\nkernel = %s\n"
                               "initrd = %s\ncmdline = %s\n" % (bits, MEMORY, kernel, initrd, CMDLINE))
        core = str(max(os.sched_getaffinity(0)))
        sides = [Side("native", ["taskset", "-c", core, binary, "serve", scratch], False),
                 Side("TCG", [QEMU, "-M", "pc", "-accel", "tcg", "-cpu", "max", "-m", str(MEMORY), "-kernel", kernel,
                              "-initrd", initrd, "-append", CMDLINE, "-display", "none", "-serial", "stdio", "-monitor",
                              "none", "-net", "none", "-no-reboot"], True)]
        return sides + [Side(tier, [self.vmm, "run", ini, "--serial", "stdio", "--headless", "--tier", tier], True)
                        for tier in self.tiers_there()]

    def visit(self, side, names, target, memory):
        """One run: a boot, every program once, how much memory that took; it starts anew after one that ends the side."""
        for name in names:
            if name in side.failed:
                continue
            try:
                if not side.session:
                    side.enter(self.env)
            except Dead as why:
                side.leave()
                for other in names:
                    side.failed.setdefault(other, "%s does not boot: %s" % (side.name, why))
                break
            try:
                side.sample(name, target)
            except Wrong as why:
                side.failed[name] = str(why)
            except Dead as why:
                side.failed[name] = str(why)
                side.leave()
        if side.session:
            if side.boots:
                side.resident.append(self.resident(side.session.process.pid, memory * 1024)[0])
            if not side.session.off():
                side.failed["power-off"] = "did not switch off well: " + side.session.said()
        side.leave()

    def chosen(self, programs):
        """Those of the programs that are wanted."""
        unknown = [name for name in self.programs if name not in programs]
        if unknown:
            sys.exit("there is no program %s; there are %s" % (", ".join(unknown), ", ".join(programs)))
        return [name for name in programs if not self.programs or name in self.programs]

    def measure(self, sides, names, target, memory):
        try:
            for _ in range(self.runs):
                for side in sides:
                    self.visit(side, names, target, memory)
        finally:
            for side in sides:
                side.leave()

    def tell(self, key, title, bits, groups, sides):
        """Show what the sides have measured, and keep it; `groups` has the programs."""
        median = lambda values: statistics.median(values) if values else None
        result = {
            "title": title,
            "bits": bits, "runs": self.runs, "sides": [side.name for side in sides],
            "groups": groups,
            "seconds": {side.name: {name: middle for name in groups if name not in side.failed
                                    for middle in [median(side.samples[name])] if middle > 0} for side in sides},
            "samples": {side.name: side.samples for side in sides},
            "rounds": {side.name: side.rounds for side in sides},
            "failed": {side.name: side.failed for side in sides if side.failed},
            "ready": {side.name: median(side.ready) for side in sides if side.boots},
            "resident": {side.name: median(side.resident) for side in sides if side.boots},
        }
        self.results[key] = result
        print(report.text(result), flush=True)

    def compute(self, bits):
        binary = build(self.folder, bits)
        groups = dict(line.split() for line in media.run(binary, "list").splitlines())
        names = self.chosen(groups)
        scratch = tempfile.mkdtemp(prefix="vmm-bench-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        try:
            sides = self.sides(bits, binary, scratch)
            self.measure(sides, names, self.target, MEMORY)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        kernel = os.path.basename(guest.kernel(KERNELS[bits])).split("-", 1)[1]
        self.tell("compute%d" % bits, "%d-bit programs, Debian %s" % (bits, kernel), bits,
                  {name: groups[name] for name in names}, sides)

    def compute32(self):
        self.compute(32)

    def compute64(self):
        self.compute(64)
