# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""What tests/disk/vmdk*.py share: the tool, disks made byte by byte, and the running of tests."""
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

BUILD = os.environ.get("VMM_BUILD", ".")
TOOL = os.path.join(BUILD, "tests/disk/vmdk_tool")
MIB = 1 << 20
GIB = 1 << 30
NONE = 0xFFFFFFFF
GD_AT_END = (1 << 64) - 1


class Failure(Exception):
    pass


def want(condition, *what):
    if not condition:
        raise Failure(" ".join(str(word) for word in what) or "it is not so")


def equal(have, wanted, what=""):
    want(have == wanted, "%s: %r, not %r" % (what, have, wanted))


def run(*words):
    """Its status and what it said on both streams, as bytes."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=60)
    # A crash, or a sanitizer's report.
    if done.returncode < 0 or b"Sanitizer" in done.stdout or b"runtime error" in done.stdout:
        raise Failure("%s: status %d\n%s" % (words, done.returncode, done.stdout.decode(errors="replace")))
    return done.returncode, done.stdout


def must(*words):
    status, text = run(*words)
    want(status == 0, words, "status", status, "\n" + text.decode(errors="replace"))
    return text.decode(errors="replace")


def tool(*words):
    return must(TOOL, *words)


def refused(verb, path, cause, *more):
    """It fails, names the cause and a remedy."""
    status, text = run(TOOL, verb, path, *more)
    text = text.decode(errors="replace")
    want(status == 1, verb, path, "is not refused:", status, text)
    want(cause in text, "`%s` is not said:\n%s" % (cause, text))
    remedy = re.search(r"remedy: (.+)", text)
    want(remedy is not None and len(remedy.group(1)) > 8, "no remedy is given:\n" + text)
    return text


def check(path, repair=False):
    """What check finds: 0 nothing, 2 something; and the text."""
    status, text = run(TOOL, "check", path, *(["repair"] if repair else []))
    text = text.decode(errors="replace")
    want(status in (0, 2), "check", path, "cannot be done:", text)
    return status, text


def clean(path):
    status, text = check(path)
    want(status == 0, "check of", path, "finds:", text)


def mends(path, cause):
    """Check names it, repair mends it, and nothing is left."""
    status, text = check(path)
    want(cause in text, "`%s` is not found:\n%s" % (cause, text))
    status, text = check(path, True)
    want(cause in text, "repair does not say `%s`:\n%s" % (cause, text))
    status, text = check(path)
    want(status == 0, "something is left after repair:\n" + text)
    want(cause not in text, "it is left after repair:\n" + text)


def contents(path):
    """Of a disk, through our format."""
    tool("read", path, path + ".raw")
    with open(path + ".raw", "rb") as file:
        data = file.read()
    os.unlink(path + ".raw")
    return data


def info(path):
    return dict(line.split(": ", 1) for line in tool("info", path).splitlines() if ": " in line)


def same(path, raw):
    """qemu-img finds a disk equal to a raw file, and as long."""
    must("qemu-img", "compare", "-f", "vmdk", "-F", "raw", path, raw)
    size = json.loads(must("qemu-img", "info", "--output=json", path))["virtual-size"]
    equal(size, os.path.getsize(raw), path)


def pattern(length, seed):
    """Bytes that do not repeat, each sector another."""
    return random.Random(seed).randbytes(length)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def poke(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def peek(path, offset, length):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(length)


def sparse_raw(path, length, pieces):
    """A raw file with {offset: bytes}."""
    with open(path, "wb") as file:
        file.truncate(length)
        for offset, data in pieces.items():
            file.seek(offset)
            file.write(data)


def header(capacity, grain=128, version=1, flags=3, descriptor=(0, 0), gtes=512, rgd=0, gd=0, overhead=128, unclean=0,
           newline=b"\n \r\n", compression=0):
    return struct.pack("<4sIIQQQQIQQQB4sH", b"KDMV", version, flags, capacity, grain, descriptor[0], descriptor[1],
                       gtes, rgd, gd, overhead, unclean, newline, compression).ljust(512, b"\0")


def fields(path, at=0):
    names = ("magic version flags capacity grainSize descriptorOffset descriptorSize numGTEsPerGT rgdOffset gdOffset "
             "overHead uncleanShutdown newline compressAlgorithm").split()
    return dict(zip(names, struct.unpack("<4sIIQQQQIQQQB4sH", peek(path, at, 79))))


def descriptor(extents, kind="monolithicSparse", cid="12345678", parent="ffffffff", head="", tail="", mark="# Disk DescriptorFile"):
    return ("%s\nversion=1\nCID=%s\nparentCID=%s\ncreateType=\"%s\"\n%s\n# Extent description\n%s\n\n"
            "# The Disk Data Base\n#DDB\n\nddb.adapterType = \"ide\"\nddb.geometry.cylinders = \"20\"\n"
            "ddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\nddb.virtualHWVersion = \"4\"\n%s" % (
                mark, cid, parent, kind, head, "\n".join(extents), tail))


def hosted(path, capacity, grains, grain=128, flags=3, version=1, text=None, gtes=512, unclean=0, order=None):
    """A hosted sparse extent, with {number: bytes, 0 or 1}; `order` is that of the grains in the file."""
    count = -(-capacity // grain)
    tables = -(-count // gtes)
    table = -(-gtes * 4 // 512)
    size = -(-tables * 4 // 512)
    at = 1 if text is None else 21
    rgd, gd = at, at + size + tables * table
    overhead = -(-(gd + size + tables * table) // grain) * grain
    entries = [0] * (tables * gtes)
    where = overhead
    places = {}
    for number in order or sorted(grains):
        if isinstance(grains[number], bytes):
            entries[number] = where
            places[where] = grains[number].ljust(grain * 512, b"\0")
            where += grain
        else:
            entries[number] = grains[number]
    with open(path, "wb") as file:
        file.write(header(capacity, grain, version, flags, (0, 0) if text is None else (1, 20), gtes, rgd, gd, overhead,
                          unclean))
        if text is not None:
            file.write(text.encode().ljust(20 * 512, b"\0"))
        for start in (rgd, gd):
            file.seek(start * 512)
            file.write(struct.pack("<%dI" % tables, *[start + size + i * table for i in range(tables)]))
            for i in range(tables):
                file.seek((start + size + i * table) * 512)
                file.write(struct.pack("<%dI" % gtes, *entries[i * gtes:(i + 1) * gtes]))
        for place, data in places.items():
            file.seek(place * 512)
            file.write(data)
        file.truncate(where * 512)


def tables_of(path):
    """Where the first entries of the grain tables are, the redundant one first."""
    head = fields(path)
    return [struct.unpack("<I", peek(path, head[name] * 512, 4))[0] * 512 for name in ("rgdOffset", "gdOffset")]


def entry(path, number, value=None, copies=(0, 1)):
    """An entry of the first grain table: read, or set."""
    tables = tables_of(path)
    if value is not None:
        for copy in copies:
            poke(path, tables[copy] + number * 4, struct.pack("<I", value))
    return struct.unpack("<I", peek(path, tables[1] + number * 4, 4))[0]


def marker(value, size, kind):
    return struct.pack("<QII", value, size, kind).ljust(512, b"\0")


def packed_grain(number, data, grain=128, raw=False):
    if raw:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packer.compress(data) + packer.flush()
    else:
        data = zlib.compress(data)
    return (struct.pack("<QI", number * grain, len(data)) + data).ljust(-(-(12 + len(data)) // 512) * 512, b"\0")


def main(tests, needs=("qemu-img",)):
    """Run the functions, each in a folder of its own; names on the command line pick some."""
    for program in needs:
        if shutil.which(program) is None:
            print("SKIP: %s is not installed" % program)
            sys.exit(77)
    if not os.access(TOOL, os.X_OK):
        print("SKIP: there is no", TOOL)
        sys.exit(77)
    chosen = [test for test in tests if not sys.argv[1:] or test.__name__ in sys.argv[1:]]
    failed = 0
    home = os.getcwd()
    for test in chosen:
        folder = tempfile.mkdtemp(prefix="vmm-vmdk-")
        os.chdir(folder)
        try:
            test()
            print("ok   ", test.__name__)
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            failed += 1
            print("FAIL ", test.__name__, ":", failure)
        finally:
            os.chdir(home)
            shutil.rmtree(folder)
    print("%d of %d passed" % (len(chosen) - failed, len(chosen)))
    sys.exit(failed > 0)


TOOL = os.path.abspath(TOOL)
