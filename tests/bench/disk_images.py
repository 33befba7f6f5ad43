# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""`vmm disk bench` against `qemu-img bench`: the same requests, each on its own fresh file.

Reads are of a disk full of data that the host has in its memory; writes make a new disk grow.  "scattered" is a step of many
requests and a bit, which qemu-img can do too.  Both sides take turns; what counts is the median of several runs, as it is the
disk of this machine that is written to.  VMM_BENCH_IMAGES=FORMAT,... and VMM_BENCH_CASES=WORD,... (words of a case's name,
parted by commas, all of which it must have) pick some."""
import json
import os
import re
import statistics
import subprocess

FORMATS = (("raw", "raw", "raw"), ("vmdk", "vmdk:monolithicSparse", "vmdk"), ("vhd", "vhd:dynamic", "vpc"),
           ("qcow2", "qcow2", "qcow2"))
# Of the same size here and there: a VHD of qemu-img's is as long as a geometry otherwise.
EXACT = {"vpc": ("-o", "force_size=on")}
MIB = 1 << 20
LENGTH = 512 * MIB
# Requests of each size, and the step of those that are scattered: odd in units of a request, so that no place comes twice.
WORK = {4096: (32768, 4096 * 4909), MIB: (384, MIB * 37)}
DEPTHS = (1, 16)
GROWING = 3.0  # times as fast as qemu-img that growing VMDKs are wanted


def cases():
    for kind in ("read", "write"):
        for size in WORK:
            for depth in DEPTHS:
                for order in ("sequential", "scattered"):
                    yield kind, size, depth, order


def settle(path):
    if os.path.exists(path):
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


class ImagesBench:
    """Mixed into Bench (tests/bench/run)."""

    def images_run(self, *command):
        done = subprocess.run(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError("%s: %s" % (" ".join(command), done.stderr.decode(errors="replace")))
        return done.stdout.decode()

    def images_make(self, side, path, form, theirs):
        if os.path.exists(path):
            os.unlink(path)
        if side == 0:
            self.images_run(self.vmm, "disk", "create", path, str(LENGTH), "--format", form)
        else:
            self.images_run("qemu-img", "create", "-q", "-f", theirs, *EXACT.get(theirs, ()), path, str(LENGTH))

    def images_fill(self, side, path, form, theirs, full):
        if side == 0:
            self.images_run(self.vmm, "disk", "convert", full, path, "--format", form, "--source-format", "raw")
        else:
            self.images_run("qemu-img", "convert", "-f", "raw", "-O", theirs, *EXACT.get(theirs, ()), full, path)

    def images_once(self, side, path, form, theirs, case):
        kind, size, depth, order = case
        count, far = WORK[size]
        step = far if order == "scattered" else size
        if side == 0:
            out = self.images_run(self.vmm, "disk", "bench", path, "--source-format", form.split(":")[0], "--json", "--count",
                                  str(count), "--size", str(size), "--step", str(step), "--depth", str(depth),
                                  *(["--write"] if kind == "write" else []))
            return json.loads(out)["seconds"]
        out = self.images_run("qemu-img", "bench", "-f", theirs, "-t", "writeback", "-c", str(count), "-s", str(size), "-S",
                              str(step), "-d", str(depth), *(["-w"] if kind == "write" else []), path)
        return float(re.search(r"completed in ([0-9.]+) sec", out).group(1))

    def images_case(self, name, form, theirs, case, full):
        paths = [self.folder.file("bench-%s-%s" % (side, name)) for side in ("vmm", "qemu")]
        times = [[], []]
        if case[0] == "read":
            for side in (0, 1):
                if os.path.exists(paths[side]):
                    os.unlink(paths[side])
                self.images_fill(side, paths[side], form, theirs, full)
        for _ in range(self.runs):
            for side in (0, 1):
                if case[0] == "write":
                    self.images_make(side, paths[side], form, theirs)
                # What the last ones have left to be written is not this one's.
                for path in paths:
                    settle(path)
                times[side].append(self.images_once(side, paths[side], form, theirs, case))
        for path in paths:
            os.unlink(path)
        return [statistics.median(side) for side in times]

    def images(self):
        full = self.folder.file("full.raw")
        with open("/dev/urandom", "rb") as chance, open(full, "wb") as f:
            for _ in range(LENGTH // MIB):
                f.write(chance.read(MIB))
        wanted = [word for word in os.environ.get("VMM_BENCH_IMAGES", "").split(",") if word]
        words = [word for word in os.environ.get("VMM_BENCH_CASES", "").split(",") if word]
        ratios = {}
        for name, form, theirs in FORMATS:
            if wanted and name not in wanted:
                continue
            for case in cases():
                kind, size, depth, order = case
                label = "%s %s %s, depth %d, %s" % (name, kind, "4 KiB" if size == 4096 else "1 MiB", depth, order)
                if any(word not in label for word in words):
                    continue
                ours, qemu = self.images_case(name, form, theirs, case, full)
                ratios.setdefault((name, kind), []).append(qemu / ours)
                goal = GROWING if (name, kind) == ("vmdk", "write") else 1.0
                self.show(label, "%.3f s; qemu-img %.3f s; ratio %.2f%s" %
                          (ours, qemu, qemu / ours, "" if qemu / ours >= goal else " (wanted: %.0f)" % goal),
                          vmm=ours, qemu=qemu, wanted=goal)
        for (name, kind), values in ratios.items():
            mean = statistics.geometric_mean(values)
            self.show("%s %s, geometric mean" % (name, kind), "%.2f times as fast as qemu-img, %.2f at least" %
                      (mean, min(values)), ratio=mean, least=min(values))
