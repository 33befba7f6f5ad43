# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""What the scripts that compare image formats with other programs share."""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

MASK = (1 << 64) - 1


def pattern(length, seed):
    """The bytes that `TOOL act w=...` writes."""
    words = []
    z = seed
    for _ in range(length // 8):
        z = (z * 6364136223846793005 + 1442695040888963407) & MASK
        words.append(z)
    return struct.pack("=%dQ" % len(words), *words)


class Case:
    """A folder, a seed, and programs that must succeed."""

    def __init__(self, tool, needs):
        for program in needs:
            if shutil.which(program) is None:
                print("SKIP: %s is not installed" % program)
                sys.exit(77)
        self.tool_path = os.path.join(os.environ["VMM_BUILD"], tool)
        self.seed = int(os.environ.get("DISK_SEED", "1"))
        self.random = random.Random(self.seed)
        self.folder = tempfile.mkdtemp(prefix="vmm-disk-")
        self.count = 0
        print("seed %d, in %s" % (self.seed, self.folder))

    def path(self, name):
        return os.path.join(self.folder, name)

    def fail(self, text):
        sys.exit("FAIL (seed %d): %s; the files are in %s" % (self.seed, text, self.folder))

    def run(self, *words, status=0):
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, text=True,
                              errors="replace")
        if status is not None and done.returncode != status:
            self.fail("`%s` ended with %d, not %d:\n%s" % (" ".join(words), done.returncode, status, done.stdout))
        return done.stdout

    def tool(self, *words, status=0):
        return self.run(self.tool_path, *map(str, words), status=status)

    def qemu(self, *words, status=0):
        return self.run("qemu-img", *map(str, words), status=status)

    def passed(self):
        self.count += 1

    def raw(self, name, length, filling=0.5):
        """A raw file: stretches of patterns, of compressible text, and holes."""
        with open(self.path(name), "wb") as f:
            f.truncate(length)
            at = 0
            while at < length:
                part = min(length - at, 512 * self.random.randint(1, 400))
                if self.random.random() < filling:
                    data = pattern(part, self.random.getrandbits(60))
                    if self.random.random() < 0.4:
                        data = (b"%d " % self.random.getrandbits(30) * part)[:part]
                    f.seek(at)
                    f.write(data)
                at += part
        return name

    def acts(self, length, count, raw):
        """Words for `TOOL act`, done to the raw file, too."""
        words = []
        with open(self.path(raw), "r+b") as f:
            for _ in range(count):
                offset = 512 * self.random.randrange(length // 512)
                part = min(length - offset, 512 * self.random.randint(1, 1 << self.random.randint(0, 9)))
                kind = self.random.choice("wwwwzdf")
                f.seek(offset)
                if kind == "w":
                    seed = self.random.getrandbits(60)
                    words.append("w=%d,%d,%d" % (offset, part, seed))
                    f.write(pattern(part, seed))
                elif kind == "f":
                    words.append("f")
                else:
                    words.append("%s=%d,%d" % (kind, offset, part))
                    f.write(bytes(part))
        return words

    def same_raw(self, one, two):
        with open(self.path(one), "rb") as a, open(self.path(two), "rb") as b:
            at = 0
            while True:
                x, y = a.read(1 << 20), b.read(1 << 20)
                if x != y:
                    for i in range(0, max(len(x), len(y)), 512):
                        if x[i:i + 512] != y[i:i + 512]:
                            self.fail("%s and %s differ in the sector at %d (%d and %d bytes)" % (
                                one, two, at + i, os.path.getsize(self.path(one)), os.path.getsize(self.path(two))))
                if not x:
                    return
                at += len(x)

    def reads_as(self, image, raw):
        """Our code reads in the image what the raw file has."""
        self.tool("read", image, "read.raw")
        self.same_raw("read.raw", raw)

    def end(self):
        shutil.rmtree(self.folder)
        print("%d cases are right" % self.count)
