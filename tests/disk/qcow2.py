#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""qcow2: what qemu-img makes we read and write, and what we make qemu-img takes for sound and reads alike."""
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tools import Case, pattern  # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
LENGTH = 9 * MIB + 512 * 37  # no multiple of any cluster
case = Case("tests/disk/tool_qcow2", ["qemu-img", "qemu-io"])

QEMU = [
    "compat=0.10", "compat=1.1", "compat=0.10,cluster_size=512", "compat=1.1,cluster_size=512",
    "cluster_size=4096", "cluster_size=2M", "lazy_refcounts=on", "refcount_bits=1", "refcount_bits=2",
    "refcount_bits=4,cluster_size=1024", "refcount_bits=8", "refcount_bits=32", "refcount_bits=64,cluster_size=512",
    "extended_l2=on,cluster_size=16K", "extended_l2=on", "preallocation=metadata", "preallocation=falloc",
    "compression_type=zstd", "data_file=DATA", "data_file=DATA,data_file_raw=on",
    "extended_l2=on,data_file=DATA",
]
OURS = [
    ("v2", []), ("v3", []), ("v2", ["cluster_size=512"]), ("v3", ["cluster_size=512"]),
    ("v3", ["cluster_size=2097152"]), ("v3", ["refcount_bits=1"]), ("v3", ["refcount_bits=2", "cluster_size=1024"]),
    ("v3", ["refcount_bits=4"]), ("v3", ["refcount_bits=8"]), ("v3", ["refcount_bits=32"]),
    ("v3", ["refcount_bits=64", "cluster_size=512"]), ("v3", ["lazy_refcounts=yes"]),
    ("v3", ["extended_l2=yes", "cluster_size=16384"]), ("v3", ["extended_l2=yes"]),
    ("v3", ["compression_type=zstd"]), ("v3", ["data_file=DATA"]), ("v3", ["data_file=DATA", "data_file_raw=yes"]),
]


def sound(image):
    case.qemu("check", "-f", "qcow2", image)
    found = case.tool("check", image)
    if found:
        case.fail("check of %s finds %s" % (image, found))


def same(image, raw):
    """We and qemu-img both read in the image what the raw file has."""
    case.reads_as(image, raw)
    case.qemu("compare", "-f", "qcow2", "-F", "raw", image, raw)


def option(text):
    name = case.path("data-%d" % case.count)
    return text.replace("DATA", name)


def written(image, raw, count=60):
    case.tool("act", image, *case.acts(os.path.getsize(case.path(raw)), count, raw))
    sound(image)
    same(image, raw)


def qemu_made():
    for options in QEMU:
        raw = case.raw("a.raw", LENGTH)
        words = [option(options)]
        if "preallocation" in options or "DATA" in options:
            case.qemu("create", "-q", "-f", "qcow2", "-o", words[0], "a.qcow2", LENGTH)
            case.qemu("convert", "-n", "-f", "raw", "-O", "qcow2", raw, "a.qcow2")
        else:
            case.qemu("convert", "-f", "raw", "-O", "qcow2", "-o", words[0], raw, "a.qcow2")
        same("a.qcow2", raw)
        written("a.qcow2", raw)
        if "data_file_raw" in options:
            case.same_raw("data-%d" % case.count, raw)
        os.unlink(case.path("a.qcow2"))
        case.passed()


def qemu_compressed():
    for options in ["compat=0.10", "compression_type=zlib,cluster_size=512", "compression_type=zlib",
                    "compression_type=zlib,cluster_size=2M", "compression_type=zstd",
                    "compression_type=zstd,cluster_size=4K", "extended_l2=on,compression_type=zstd"]:
        raw = case.raw("c.raw", LENGTH)
        case.qemu("convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, raw, "c.qcow2")
        same("c.qcow2", raw)
        written("c.qcow2", raw)
        case.passed()


def we_made():
    for variant, options in OURS:
        raw = case.raw("o.raw", LENGTH)
        case.tool("create", "o.qcow2", variant, LENGTH, *[option(o) for o in options])
        sound("o.qcow2")
        case.tool("load", "o.qcow2", raw)
        sound("o.qcow2")
        same("o.qcow2", raw)
        written("o.qcow2", raw, 120)
        # What qemu writes afterwards is where it should be.
        case.run("qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 1M 300k", "-c", "write -z 3M 200k", "o.qcow2")
        with open(case.path(raw), "r+b") as f:
            f.seek(MIB)
            f.write(b"\x5a" * (300 << 10))
            f.seek(3 * MIB)
            f.write(bytes(200 << 10))
        same("o.qcow2", raw)
        written("o.qcow2", raw)
        os.unlink(case.path("o.qcow2"))
        case.passed()


def we_packed():
    for variant, options in [("v2-compressed", []), ("compressed", ["compression_type=zstd"]),
                             ("compressed", ["cluster_size=512"]), ("compressed", ["refcount_bits=1"]),
                             ("compressed", ["cluster_size=2097152", "refcount_bits=2"])]:
        raw = case.raw("p.raw", LENGTH)
        case.tool("create", "p.qcow2", variant, LENGTH, *options)
        case.tool("pack", "p.qcow2", raw)
        sound("p.qcow2")
        same("p.qcow2", raw)
        plain = os.stat(case.path(raw)).st_blocks * 512
        if os.stat(case.path("p.qcow2")).st_blocks * 512 > plain * 0.9 and "cluster_size=2097152" not in options \
                and "cluster_size=512" not in options:
            case.fail("packing %s %s does not make it smaller" % (variant, options))
        written("p.qcow2", raw)
        os.unlink(case.path("p.qcow2"))
        case.passed()


def we_converted():
    """Through vmm disk: compressed where that was asked for, and only there."""
    vmm = os.path.join(os.environ["VMM_BUILD"], "vmm-build")
    raw = case.raw("v.raw", LENGTH)
    sizes = {}
    for variant in ["v3", "compressed", "v2-compressed"]:
        case.run(vmm, "disk", "convert", raw, "v.qcow2", "--source-format", "raw", "--format", "qcow2:" + variant)
        sound("v.qcow2")
        same("v.qcow2", raw)
        sizes[variant] = os.path.getsize(case.path("v.qcow2"))
        os.unlink(case.path("v.qcow2"))
    if not sizes["compressed"] < sizes["v3"] * 0.8 or not sizes["v2-compressed"] < sizes["v3"] * 0.8:
        case.fail("the sizes are %s" % sizes)
    case.passed()


def foreign_parents():
    """A VHD as backing file, both ways: QEMU calls the format vpc."""
    vmm = os.path.join(os.environ["VMM_BUILD"], "vmm-build")
    raw = case.raw("x.raw", 6 * MIB)
    case.run(vmm, "disk", "convert", raw, "x.vhd", "--source-format", "raw", "--format", "vhd")
    case.run(vmm, "disk", "create", "ours.qcow2", "--parent", "x.vhd", "--format", "qcow2")
    case.qemu("create", "-q", "-f", "qcow2", "-b", "x.vhd", "-F", "vpc", "theirs.qcow2")
    for image in ["ours.qcow2", "theirs.qcow2"]:
        case.qemu("compare", "-f", "qcow2", "-F", "raw", image, raw)
        if "they are alike" not in case.run(vmm, "disk", "compare", image, raw):
            case.fail("we read something else in %s" % image)
        case.qemu("check", "-f", "qcow2", image)
        os.unlink(case.path(image))
        case.passed()


def chains():
    for grand, parent, child in [("raw", "compat=0.10", "compat=1.1"), ("raw", "cluster_size=4K", "extended_l2=on"),
                                 ("raw", "compat=1.1", "compat=0.10,cluster_size=2M")]:
        # The parents are shorter than their children.
        raw = case.raw("grand.raw", 4 * MIB + 512 * 3)
        case.qemu("create", "-q", "-f", "qcow2", "-b", raw, "-F", grand, "-o", parent, "parent.qcow2", 6 * MIB + 512)
        case.qemu("create", "-q", "-f", "qcow2", "-b", "parent.qcow2", "-F", "qcow2", "-o", child, "child.qcow2", LENGTH)
        case.qemu("convert", "-f", "qcow2", "-O", "raw", "child.qcow2", "flat.raw")
        same("child.qcow2", "flat.raw")
        written("child.qcow2", "flat.raw")
        case.passed()
    # Ours over theirs.
    case.tool("create", "ours.qcow2", "v3", LENGTH, "parent=child.qcow2,qcow2,child.qcow2")
    case.qemu("convert", "-f", "qcow2", "-O", "raw", "child.qcow2", "flat.raw")
    written("ours.qcow2", "flat.raw")
    if "child.qcow2" not in case.qemu("info", "ours.qcow2"):
        case.fail("qemu-img does not see our parent")
    case.passed()
    # Another parent: names only.
    case.qemu("convert", "-f", "qcow2", "-O", "qcow2", "child.qcow2", "merged.qcow2")
    case.tool("rebase", "ours.qcow2", "merged.qcow2", "qcow2", "merged.qcow2")
    sound("ours.qcow2")
    same("ours.qcow2", "flat.raw")
    case.passed()


def snapshots():
    for options in ["compat=0.10", "compat=1.1", "cluster_size=512", "extended_l2=on,cluster_size=16K",
                    "refcount_bits=2"]:
        raw = case.raw("s.raw", LENGTH)
        # With two bits no snapshot can have a cluster that three compressed ones are in.
        packed = [] if options == "refcount_bits=2" else ["-c"]
        case.qemu("convert", *packed, "-f", "raw", "-O", "qcow2", "-o", options, raw, "s.qcow2")
        case.tool("act", "s.qcow2", *case.acts(LENGTH, 20, raw))
        case.qemu("snapshot", "-c", "first", "s.qcow2")
        case.run("cp", raw, "first.raw")
        written("s.qcow2", raw)
        if "snapshots=1\nsnapshot=1 `first`" not in case.tool("info", "s.qcow2"):
            case.fail("info does not list the snapshot")
        if options != "refcount_bits=2":
            case.qemu("snapshot", "-c", "second", "s.qcow2")
            case.run("cp", raw, "second.raw")
            written("s.qcow2", raw)
            case.qemu("convert", "-l", "second", "-O", "raw", "s.qcow2", "back.raw")
            case.same_raw("back.raw", "second.raw")
        case.qemu("convert", "-l", "first", "-O", "raw", "s.qcow2", "back.raw")
        case.same_raw("back.raw", "first.raw")
        # Compacting moves nothing that a snapshot has.
        case.tool("act", "s.qcow2", "d=0,%d" % (4 * MIB))
        put(raw, 0, bytes(4 * MIB))
        case.tool("compact", "s.qcow2")
        sound("s.qcow2")
        same("s.qcow2", raw)
        case.qemu("convert", "-l", "first", "-O", "raw", "s.qcow2", "back.raw")
        case.same_raw("back.raw", "first.raw")
        case.qemu("snapshot", "-a", "first", "s.qcow2")
        sound("s.qcow2")
        same("s.qcow2", "first.raw")
        case.passed()


def resizes():
    for variant, options in [("v3", []), ("v2", []), ("v3", ["cluster_size=512"]),
                             ("v3", ["extended_l2=yes", "cluster_size=16384"])]:
        raw = case.raw("r.raw", LENGTH, 0.9)
        case.tool("create", "r.qcow2", variant, LENGTH, *options)
        case.tool("load", "r.qcow2", raw)
        for length in [3 * MIB + 512 * 5, 7 * MIB, 1024 * MIB, 5 * MIB]:
            case.tool("resize", "r.qcow2", length)
            os.truncate(case.path(raw), length)
            sound("r.qcow2")
            if length < 100 * MIB:
                same("r.qcow2", raw)
                case.tool("act", "r.qcow2", *case.acts(length, 20, raw))
                same("r.qcow2", raw)
        os.unlink(case.path("r.qcow2"))
        case.passed()


def compacted():
    for variant, options in [("v3", []), ("v2", ["cluster_size=4096"]), ("v3", ["cluster_size=512"]),
                             ("v3", ["refcount_bits=64", "cluster_size=512"]),
                             ("v3", ["extended_l2=yes", "cluster_size=16384"])]:
        raw = case.raw("k.raw", LENGTH, 0.9)
        case.tool("create", "k.qcow2", variant, LENGTH, *options)
        case.tool("load", "k.qcow2", raw)
        case.tool("act", "k.qcow2", "d=0,%d" % (6 * MIB), "w=%d,65536,1" % (2 * MIB))
        with open(case.path(raw), "r+b") as f:
            f.write(bytes(6 * MIB))
        case.tool("act", "k.qcow2", "z=%d,65536" % (2 * MIB))
        before = os.path.getsize(case.path("k.qcow2"))
        case.tool("compact", "k.qcow2")
        after = os.path.getsize(case.path("k.qcow2"))
        if after > before * 0.7:
            case.fail("compacting %s %s: %d bytes become %d" % (variant, options, before, after))
        sound("k.qcow2")
        written("k.qcow2", raw)
        os.unlink(case.path("k.qcow2"))
        case.passed()


def put(path, at, data):
    with open(case.path(path), "r+b") as f:
        f.seek(at)
        f.write(data)


def header(path):
    with open(case.path(path), "rb") as f:
        data = f.read(112)
    return {"l1": struct.unpack(">Q", data[40:48])[0], "refcounts": struct.unpack(">Q", data[48:56])[0],
            "incompatible": struct.unpack(">Q", data[72:80])[0]}


def entry(path, at):
    with open(case.path(path), "rb") as f:
        f.seek(at)
        return struct.unpack(">Q", f.read(8))[0]


OFFSET = 0x00fffffffffffe00


def damages():
    """Each damage is found, mended, and leaves an image that qemu-img takes for sound."""
    raw = case.raw("d.raw", LENGTH, 0.9)

    def mend(name, damage, loses=False):
        case.qemu("convert", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=4K", raw, "d.qcow2")
        damage(header("d.qcow2"))
        found = case.tool("check", "d.qcow2", status=3)
        case.tool("repair", "d.qcow2")
        sound("d.qcow2")
        if not loses:
            same("d.qcow2", raw)
        elif "damage" not in found:
            case.fail("%s is not called damage: %s" % (name, found))
        case.passed()

    def block(h):
        return entry("d.qcow2", h["refcounts"])

    def l2(h):
        return entry("d.qcow2", h["l1"]) & OFFSET

    def leak_at_end(h):
        size = os.path.getsize(case.path("d.qcow2"))
        put("d.qcow2", size, bytes(8192))
        cluster = size // 4096 + 1
        last = entry("d.qcow2", h["refcounts"] + cluster // 2048 * 8)
        put("d.qcow2", last + cluster % 2048 * 2, struct.pack(">H", 1))

    mend("refcount too low", lambda h: put("d.qcow2", block(h) + 2 * 20, struct.pack(">H", 0)))
    mend("leak", lambda h: put("d.qcow2", block(h) + 2 * 20, struct.pack(">H", 3)))
    mend("leak at the end", leak_at_end)
    mend("copied flag", lambda h: put("d.qcow2", l2(h), struct.pack(">Q", entry("d.qcow2", l2(h)) ^ 1 << 63)))
    mend("copied flag of L1", lambda h: put("d.qcow2", h["l1"], struct.pack(">Q", entry("d.qcow2", h["l1"]) ^ 1 << 63)))
    mend("no refcount block", lambda h: put("d.qcow2", h["refcounts"], bytes(8)))
    mend("refcount block misaligned", lambda h: put("d.qcow2", h["refcounts"], struct.pack(">Q", block(h) + 512)))
    mend("refcount block elsewhere", lambda h: put("d.qcow2", h["refcounts"], struct.pack(">Q", 1 << 40)))
    mend("refcount block on L1", lambda h: put("d.qcow2", h["refcounts"], struct.pack(">Q", h["l1"])))
    mend("refcount table elsewhere", lambda h: put("d.qcow2", 48, struct.pack(">Q", 1 << 40)))
    mend("refcount table on L1", lambda h: put("d.qcow2", 48, struct.pack(">Q", h["l1"])))
    mend("no refcount table", lambda h: put("d.qcow2", 56, bytes(4)))
    mend("marked corrupt", lambda h: put("d.qcow2", 72, struct.pack(">Q", h["incompatible"] | 2)))
    mend("L2 entry behind the end", lambda h: put("d.qcow2", l2(h) + 8, struct.pack(">Q", 1 << 63 | 1 << 40)), True)
    mend("L2 entry misaligned", lambda h: put("d.qcow2", l2(h) + 8, struct.pack(">Q", 1 << 63 | 0x5200)), True)
    mend("L2 entry names L1", lambda h: put("d.qcow2", l2(h) + 8, struct.pack(">Q", 1 << 63 | h["l1"])), True)
    mend("L2 entry names the header", lambda h: put("d.qcow2", l2(h) + 8, struct.pack(">Q", 3 << 62 | 8)), True)
    mend("L1 entry behind the end", lambda h: put("d.qcow2", h["l1"], struct.pack(">Q", 1 << 63 | 1 << 40)), True)
    mend("L1 entry names L1", lambda h: put("d.qcow2", h["l1"], struct.pack(">Q", 1 << 63 | h["l1"])), True)
    mend("two L2 entries for one cluster",
         lambda h: put("d.qcow2", l2(h) + 64, struct.pack(">Q", entry("d.qcow2", l2(h) + 72))), True)
    # Lazy refcounts after a crash: rebuilt when it is opened for writing.
    case.qemu("convert", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=4K,lazy_refcounts=on", raw, "d.qcow2")
    h = header("d.qcow2")
    put("d.qcow2", block(h) + 40, bytes(400))
    put("d.qcow2", 72, struct.pack(">Q", h["incompatible"] | 1))
    written("d.qcow2", raw)
    if header("d.qcow2")["incompatible"] & 1:
        case.fail("the dirty bit is still set")
    case.passed()
    # A corrupt image is only read.
    put("d.qcow2", 72, struct.pack(">Q", h["incompatible"] | 2))
    case.tool("act", "d.qcow2", "w=0,512,1", status=1)
    case.reads_as("d.qcow2", raw)
    case.passed()


def refusals():
    def refused(words, damage):
        case.qemu("create", "-q", "-f", "qcow2", "x.qcow2", "1M")
        damage()
        said = case.tool("read", "x.qcow2", "x.raw", status=1)
        if not all(word in said for word in words):
            case.fail("`%s` does not say %s" % (said, words))
        case.passed()

    refused(["AES"], lambda: put("x.qcow2", 32, struct.pack(">I", 1)))
    refused(["LUKS"], lambda: put("x.qcow2", 32, struct.pack(">I", 2)))
    refused(["incompatible bit 40"], lambda: put("x.qcow2", 72, struct.pack(">Q", 1 << 40)))
    # By the name that the image's own table has: here that of bit 3 is given to bit 30.
    def rename():
        with open(case.path("x.qcow2"), "rb") as f:
            data = f.read(4096)
        at = data.index(b"compression type") - 1
        put("x.qcow2", at, bytes([30]))
        put("x.qcow2", 72, struct.pack(">Q", 1 << 30))
    refused(["compression type", "incompatible bit 30"], rename)
    refused(["cluster size"], lambda: put("x.qcow2", 20, struct.pack(">I", 40)))
    refused(["L1 table"], lambda: put("x.qcow2", 36, struct.pack(">I", 0xffffffff)))
    refused(["L1 table"], lambda: put("x.qcow2", 24, struct.pack(">Q", 1 << 50)))
    refused(["L1 table"], lambda: put("x.qcow2", 40, struct.pack(">Q", 1 << 63)))
    refused(["refcounts"], lambda: put("x.qcow2", 96, struct.pack(">I", 7)))
    refused(["header length"], lambda: put("x.qcow2", 100, struct.pack(">I", 96)))
    refused(["version"], lambda: put("x.qcow2", 4, struct.pack(">I", 4)))
    refused(["backing file"], lambda: put("x.qcow2", 8, struct.pack(">QI", 1 << 30, 10)))


def bitmaps():
    raw = case.raw("b.raw", LENGTH)
    case.qemu("convert", "-f", "raw", "-O", "qcow2", raw, "b.qcow2")
    case.qemu("bitmap", "--add", "b.qcow2", "one")
    sound("b.qcow2")
    if "in step" not in case.tool("info", "b.qcow2"):
        case.fail("bitmaps are not told")
    case.tool("act", "b.qcow2", *case.acts(LENGTH, 5, raw))
    if "stale" not in case.tool("info", "b.qcow2"):
        case.fail("bitmaps are not stale after a write")
    same("b.qcow2", raw)
    case.tool("repair", "b.qcow2")
    sound("b.qcow2")
    case.passed()


def double_use():
    """Row 18: after much allocating and freeing no cluster is used twice."""
    length = 64 * MIB
    case.raw("u.raw", length, 0)
    case.tool("create", "u.qcow2", "v3", length, "cluster_size=4096")
    for _ in range(4):
        case.tool("act", "u.qcow2", *case.acts(length, 250, "u.raw"))
    sound("u.qcow2")
    same("u.qcow2", "u.raw")
    case.passed()


def room(path):
    return os.stat(case.path(path)).st_blocks * 512


def given_back():
    """What is discarded is a hole in the file, and the next data go there."""
    raw = case.raw("h.raw", LENGTH, 1)
    case.tool("create", "h.qcow2", "v3", LENGTH)
    case.tool("load", "h.qcow2", raw)
    full, length = room("h.qcow2"), os.path.getsize(case.path("h.qcow2"))
    case.tool("act", "h.qcow2", "d=0,%d" % LENGTH)
    if room("h.qcow2") > full // 4:
        case.fail("of %d bytes %d are left" % (full, room("h.qcow2")))
    sound("h.qcow2")
    case.tool("load", "h.qcow2", raw)
    if os.path.getsize(case.path("h.qcow2")) > length + (64 << 10):
        case.fail("the file has grown from %d bytes to %d" % (length, os.path.getsize(case.path("h.qcow2"))))
    same("h.qcow2", raw)
    case.passed()


def many_tables():
    """More L2 tables than are kept in memory: they come and go, dirty ones too."""
    count, step = 24, 512 * GIB
    places = [i * step + i * 4096 for i in range(count)]
    case.tool("create", "m.qcow2", "v3", count * step, "cluster_size=2097152")
    case.tool("act", "m.qcow2", *["w=%d,4096,%d" % (at, i + 1) for i, at in enumerate(places)],
              *["w=%d,4096,%d" % (at + 8192, i + 101) for i, at in enumerate(places)])
    case.qemu("check", "-f", "qcow2", "m.qcow2")
    for i, at in enumerate(places):
        for seed, where in [(i + 1, at), (i + 101, at + 8192)]:
            said = case.run("qemu-io", "-r", "-f", "qcow2", "-c", "read -v %d 16" % where, "m.qcow2").split()
            if bytes(int(x, 16) for x in said[1:17]) != pattern(16, seed):
                case.fail("qemu reads %s at %d" % (said[1:17], where))
    case.passed()


def far():
    """Rows 1 and 4: offsets past 4 GiB, and the disk's size is not the file's."""
    case.tool("create", "f.qcow2", "v3", 2 << 40)
    case.tool("act", "f.qcow2", "w=%d,65536,7" % (5 << 30), "w=%d,65536,8" % ((2 << 40) - 65536))
    sound("f.qcow2")
    case.run("qemu-io", "-r", "-f", "qcow2", "-c", "read %d 64k" % ((2 << 40) - 65536), "f.qcow2")
    if "virtual size: 2 TiB" not in case.qemu("info", "f.qcow2"):
        case.fail("qemu-img sees another size")
    case.passed()


for part in [qemu_made, qemu_compressed, we_made, we_packed, we_converted, foreign_parents, chains, snapshots, resizes, compacted, damages, refusals,
             bitmaps, double_use, given_back, many_tables, far]:
    if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
        continue
    before = case.count
    part()
    print("%s: %d" % (part.__name__, case.count - before))
case.end()
