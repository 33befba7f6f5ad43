#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""VHD: what qemu-img makes we read and write, what we make qemu-img and libvhdi read; and bugs that others had."""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tools import Case, pattern  # noqa: E402

MIB = 1 << 20
GIB = 1 << 30
LENGTH = 9 * MIB + 512 * 37  # no multiple of a block
ABSENT = 0xffffffff
case = Case("tests/disk/tool_vhd", ["qemu-img", "vhdiinfo"])


def sound(image):
    found = case.tool("check", image)
    if "damage" in found or "waste" in found:
        case.fail("check of %s finds %s" % (image, found))


def same(image, raw):
    """We and qemu-img both read in the image what the raw file has."""
    case.reads_as(image, raw)
    case.qemu("compare", "-f", "vpc", "-F", "raw", image, raw)


def written(image, raw, count=60):
    case.tool("act", image, *case.acts(os.path.getsize(case.path(raw)), count, raw))
    sound(image)
    same(image, raw)


def put(path, at, data):
    with open(case.path(path), "r+b") as f:
        f.seek(at)
        f.write(data)


def get(path, at, length):
    with open(case.path(path), "rb") as f:
        f.seek(at)
        return f.read(length)


def size(path):
    return os.path.getsize(case.path(path))


def footer(path):
    return get(path, size(path) - 512, 512)


def sealed(data, at):
    """With the right checksum in the field at `at`."""
    data = data[:at] + bytes(4) + data[at + 4:]
    return data[:at] + struct.pack(">I", ~sum(data) & 0xffffffff) + data[at + 4:]


def information(image):
    return dict(line.split("=", 1) for line in case.tool("info", image).splitlines() if "=" in line)


def vhdi(image):
    """What libvhdi says: disk type and size."""
    said = case.run("vhdiinfo", image)
    facts = {}
    for line in said.splitlines():
        if ":" in line:
            key, value = line.split(":", 1)
            facts[key.strip()] = value.strip()
    return facts


def qemu_made():
    for options in ["subformat=dynamic", "subformat=fixed", "subformat=dynamic,force_size=on",
                    "subformat=fixed,force_size=on"]:
        raw = case.raw("a.raw", LENGTH)
        case.qemu("convert", "-f", "raw", "-O", "vpc", "-o", options, raw, "a.vhd")
        # Without force_size the disk is as long as the geometry makes it: a little longer here.
        length = int(information("a.vhd")["length"])
        if "force_size" in options and length != LENGTH or length < LENGTH:
            case.fail("%s: the disk has %d bytes" % (options, length))
        os.truncate(case.path(raw), length)
        same("a.vhd", raw)
        written("a.vhd", raw)
        if "%d bytes" % length not in case.qemu("info", "-f", "vpc", "a.vhd"):
            case.fail("qemu-img sees another length")
        case.passed()


def we_made():
    for variant, options in [("dynamic", []), ("fixed", []), ("dynamic", ["block_size=524288"]),
                             ("dynamic", ["block_size=4096"]), ("dynamic", ["block_size=16777216"])]:
        raw = case.raw("o.raw", LENGTH)
        case.tool("create", "o.vhd", variant, LENGTH, *options)
        facts = vhdi("o.vhd")
        if variant.capitalize() not in facts["Disk type"] or "(%d bytes)" % LENGTH not in facts["Media size"]:
            case.fail("libvhdi says %s" % facts)
        case.tool("load", "o.vhd", raw)
        sound("o.vhd")
        same("o.vhd", raw)
        written("o.vhd", raw, 120)
        if footer("o.vhd")[28:32] != b"win ":
            case.fail("the creator is %r" % footer("o.vhd")[28:32])
        if variant == "dynamic" and get("o.vhd", 0, 512) != footer("o.vhd"):
            case.fail("the footer and its copy differ")
        # What qemu writes afterwards is where it should be.
        case.run("qemu-io", "-f", "vpc", "-c", "write -P 0x5a 1M 300k", "-c", "write -P 0x5b 8M 700k", "o.vhd")
        put(raw, MIB, b"\x5a" * (300 << 10))
        put(raw, 8 * MIB, b"\x5b" * (700 << 10))
        same("o.vhd", raw)
        written("o.vhd", raw)
        os.unlink(case.path("o.vhd"))
        case.passed()


def differencing():
    raw = case.raw("base.raw", LENGTH)
    case.tool("create", "base.vhd", "dynamic", LENGTH)
    case.tool("load", "base.vhd", raw)
    kept = case.run("cp", raw, "kept.raw")
    case.tool("create", "child.vhd", "differencing", LENGTH, "parent=base.vhd,vhd,base.vhd")
    same_us = lambda: case.reads_as("child.vhd", raw)  # noqa: E731
    same_us()
    # Row 12: zeros that are written to a child do not show the parent.
    case.tool("act", "child.vhd", "z=0,%d" % (3 * MIB), "d=%d,512" % (5 * MIB), "w=%d,4096,3" % (5 * MIB + 512))
    put(raw, 0, bytes(3 * MIB))
    put(raw, 5 * MIB, bytes(512) + pattern(4096, 3))
    same_us()
    case.tool("act", "child.vhd", *case.acts(LENGTH, 100, raw))
    sound("child.vhd")
    same_us()
    case.reads_as("base.vhd", "kept.raw")
    # The bits are those of the sectors that were written, and the names lead to the parent.
    header = get("child.vhd", 512, 1024)
    codes = [header[576 + 24 * i:580 + 24 * i] for i in range(8)]
    if codes[:2] != [b"W2ru", b"W2ku"]:
        case.fail("the locators are %s" % codes)
    texts = []
    for i in range(2):
        _, _, length, _, at = struct.unpack(">4sIIIQ", header[576 + 24 * i:600 + 24 * i])
        texts.append(get("child.vhd", at, length).decode("utf-16-le"))
    if texts != [".\\base.vhd", case.path("base.vhd")]:
        case.fail("the locators say %s" % texts)
    if header[64:80] != "base.vhd".encode("utf-16-be"):
        case.fail("the header has the name %r" % header[64:80])
    if header[40:56] != footer("base.vhd")[68:84]:
        case.fail("the parent's UUID is not the parent's")
    said = vhdi("child.vhd")
    if "Differen" not in said["Disk type"] or "base.vhd" not in said.get("Parent filename", ""):
        case.fail("libvhdi says %s" % said)
    case.passed()
    # A chain, moved as a whole to another folder: the relative name leads.
    case.tool("create", "leaf.vhd", "differencing", LENGTH + MIB, "parent=child.vhd,vhd,child.vhd")
    os.truncate(case.path(raw), LENGTH + MIB)
    case.tool("act", "leaf.vhd", *case.acts(LENGTH + MIB, 40, raw))
    os.mkdir(case.path("moved"))
    for name in ["base.vhd", "child.vhd", "leaf.vhd"]:
        os.rename(case.path(name), case.path("moved/" + name))
    case.reads_as("moved/leaf.vhd", raw)
    case.passed()
    # The wrong parent is refused, with the reason; the right one, by another name, is found by rebase.
    case.tool("create", "moved/other.vhd", "dynamic", LENGTH)
    os.rename(case.path("moved/child.vhd"), case.path("moved/son.vhd"))
    os.rename(case.path("moved/other.vhd"), case.path("moved/child.vhd"))
    said = case.tool("read", "moved/leaf.vhd", "x.raw", status=1)
    if "UUID" not in said or "rebase" not in said:
        case.fail("of the wrong parent it says %s" % said)
    case.tool("rebase", "moved/leaf.vhd", "son.vhd", "vhd", "moved/son.vhd")
    case.reads_as("moved/leaf.vhd", raw)
    sound("moved/leaf.vhd")
    if struct.unpack(">Q", footer("moved/leaf.vhd")[16:24])[0] != 512:
        case.fail("after a rebase the header is elsewhere")
    case.passed()
    # A parent with a name in other letters.
    case.run("cp", "moved/base.vhd", "Größe 日本 \U0001f4be.vhd")
    case.tool("create", "utf.vhd", "differencing", LENGTH, "parent=Größe 日本 \U0001f4be.vhd,vhd,Größe 日本 \U0001f4be.vhd")
    case.reads_as("utf.vhd", "kept.raw")
    if information("utf.vhd")["parent"] != "./Größe 日本 \U0001f4be.vhd" and "日本" not in information("utf.vhd")["parent"]:
        case.fail("the parent is called %s" % information("utf.vhd")["parent"])
    case.passed()
    # A parent that has lost its footer, which looks raw, is not taken.
    case.tool("create", "lost.vhd", "fixed", LENGTH)
    case.tool("create", "orphan.vhd", "differencing", LENGTH, "parent=lost.vhd,vhd,lost.vhd")
    os.truncate(case.path("lost.vhd"), LENGTH)
    said = case.tool("read", "orphan.vhd", "x.raw", status=1)
    if "lost.vhd" not in said or "VHD" not in said:
        case.fail("of a parent without a footer it says %s" % said)
    case.passed()
    # No parent any more: what it showed is gone, what the child has stays, and no old data come up.
    case.tool("act", "utf.vhd", "w=0,512,9", "w=%d,1024,10" % (4 * MIB + 512))
    case.tool("rebase", "utf.vhd")
    with open(case.path("u.raw"), "wb") as f:
        f.truncate(LENGTH)
    put("u.raw", 0, pattern(512, 9))
    put("u.raw", 4 * MIB + 512, pattern(1024, 10))
    sound("utf.vhd")
    same("utf.vhd", "u.raw")
    case.passed()
    assert kept == ""


def locators():
    """Names of all kinds lead to the parent, each alone."""
    case.tool("create", "p.vhd", "dynamic", MIB)
    case.tool("act", "p.vhd", "w=0,4096,5")
    with open(case.path("p.raw"), "wb") as f:
        f.write(pattern(4096, 5))
        f.truncate(MIB)
    for code, name in [(b"W2ru", ".\\p.vhd".encode("utf-16-le")), (b"W2ru", "p.vhd".encode("utf-16-le")),
                       (b"W2ku", "C:\\Users\\me\\p.vhd".encode("utf-16-le")), (b"Wi2r", b".\\p.vhd"),
                       (b"Wi2k", b"D:\\p.vhd"), (b"MacX", b"file://localhost/Users/me/%70.vhd"), (None, b"")]:
        case.tool("create", "l.vhd", "differencing", MIB, "parent=p.vhd,vhd,p.vhd")
        header = get("l.vhd", 512, 1024)
        at = struct.unpack(">Q", header[592:600])[0]
        locator = struct.pack(">4sIIIQ", code, 512, len(name), 0, at) if code else bytes(24)
        header = header[:576] + locator + bytes(7 * 24) + header[768:]
        if code:
            header = header[:64] + bytes(512) + header[576:]
            put("l.vhd", at, name + bytes(512 - len(name)))
        put("l.vhd", 512, sealed(header, 36))
        case.reads_as("l.vhd", "p.raw")
        os.unlink(case.path("l.vhd"))
        case.passed()


def size_rule():
    """Whose creator is believed what."""
    for creator, by_geometry in [(b"vpc ", True), (b"vs  ", True), (b"qemu", True), (b"win ", False),
                                 (b"qem2", False), (b"d2v ", False), (b"tap\0", False), (b"CTXS", False),
                                 (b"vbox", False)]:
        case.tool("create", "g.vhd", "dynamic", LENGTH)
        data = bytearray(footer("g.vhd"))
        cylinders, heads, sectors = struct.unpack(">HBB", data[56:60])
        data[28:32] = creator
        data = sealed(bytes(data), 64)
        put("g.vhd", size("g.vhd") - 512, data)
        put("g.vhd", 0, data)
        want = cylinders * heads * sectors * 512 if by_geometry else LENGTH
        if int(information("g.vhd")["length"]) != want:
            case.fail("%r has %s bytes, not %d" % (creator, information("g.vhd")["length"], want))
        if creator != b"vbox" and creator != b"vs  " and "%d bytes" % want not in case.qemu("info", "-f", "vpc", "g.vhd"):
            case.fail("qemu-img sees another length for %r" % creator)
        os.unlink(case.path("g.vhd"))
        case.passed()


def large():
    """Row 16: more than 127 GiB, up to 2040, and no wrap at 8 GiB; row 1: offsets past 4 GiB."""
    for length in [130 * GIB, 2040 * GIB]:
        case.tool("create", "l.vhd", "dynamic", length)
        places = [0, 8 * GIB, 8 * GIB + 4096, 127 * GIB, length - 4096]
        case.tool("act", "l.vhd", *["w=%d,4096,%d" % (at, i + 1) for i, at in enumerate(places)])
        sound("l.vhd")
        if int(information("l.vhd")["length"]) != length or "%d bytes" % length not in case.qemu("info", "-f", "vpc", "l.vhd"):
            case.fail("the disk of %d bytes has another length" % length)
        for i, at in enumerate(places):
            got = subprocess.run(["qemu-io", "-r", "-f", "vpc", "-c", "read -v %d 16" % at, case.path("l.vhd")],
                                 stdout=subprocess.PIPE, text=True).stdout.split()[1:17]
            if bytes(int(x, 16) for x in got) != pattern(16, i + 1):
                case.fail("qemu reads %s at %d" % (got, at))
        os.unlink(case.path("l.vhd"))
        case.passed()
    said = case.tool("create", "l.vhd", "dynamic", 2041 * GIB, status=1)
    if "2040 GiB" not in said or os.path.exists(case.path("l.vhd")):
        case.fail("too large a disk: %s" % said)
    case.passed()
    # A file that is longer than 4 GiB: the block after a hole.
    case.tool("create", "l.vhd", "dynamic", 10 * GIB)
    end = size("l.vhd") - 512
    data = footer("l.vhd")
    os.truncate(case.path("l.vhd"), 5 * GIB)
    put("l.vhd", 5 * GIB, data)
    put("l.vhd", end, bytes(512))
    case.tool("act", "l.vhd", "w=%d,4096,5" % (9 * GIB), "w=0,4096,6")
    sound("l.vhd")
    case.run("qemu-io", "-r", "-f", "vpc", "-c", "read %d 4k" % (9 * GIB), "l.vhd")
    os.unlink(case.path("l.vhd"))
    case.passed()


def bat(path):
    entries = struct.unpack(">I", get(path, 512 + 28, 4))[0]
    return list(struct.unpack(">%dI" % entries, get(path, 1536, entries * 4)))


def bat_tail():
    """Row 16: the end of the BAT's last sector is initialised; and garbage there is no harm."""
    case.tool("create", "t.vhd", "dynamic", LENGTH)
    if get("t.vhd", 1536, 512) != b"\xff" * 512:
        case.fail("the BAT is not all ones")
    raw = case.raw("t.raw", LENGTH)
    case.tool("load", "t.vhd", raw)
    count = len(bat("t.vhd"))
    put("t.vhd", 1536 + 4 * count, b"\0\0\0\1" * ((512 - 4 * count) // 4))
    sound("t.vhd")
    written("t.vhd", raw)
    case.passed()


def footer_far():
    """Row 16: the footer is not right behind the last block."""
    raw = case.raw("w.raw", LENGTH)
    case.tool("create", "w.vhd", "dynamic", LENGTH)
    case.tool("load", "w.vhd", raw)
    data = footer("w.vhd")
    put("w.vhd", size("w.vhd") - 512, bytes(512))
    put("w.vhd", size("w.vhd") + 512 * 1001, data)
    same("w.vhd", raw)
    written("w.vhd", raw)
    case.passed()


def footers():
    """Row 16: footers that are broken, short, missing."""
    raw = case.raw("f.raw", LENGTH)

    def fresh(variant="dynamic"):
        if os.path.exists(case.path("f.vhd")):
            os.unlink(case.path("f.vhd"))
        case.tool("create", "f.vhd", variant, LENGTH)
        case.tool("load", "f.vhd", raw)
        return size("f.vhd") - 512

    # At the end: the copy tells.
    for damage in [bytes(512), b"\xff" * 512, b"conectix" + bytes(504)]:
        at = fresh()
        put("f.vhd", at, damage)
        case.reads_as("f.vhd", raw)
        case.tool("check", "f.vhd", status=3)
        case.tool("repair", "f.vhd")
        sound("f.vhd")
        if footer("f.vhd") != get("f.vhd", 0, 512):
            case.fail("the footer was not mended")
        written("f.vhd", raw)
        case.passed()
    # Cut off with it; then written, which mends it.
    at = fresh()
    os.truncate(case.path("f.vhd"), at)
    case.reads_as("f.vhd", raw)
    written("f.vhd", raw)
    case.passed()
    # The copy.
    fresh()
    put("f.vhd", 64, b"\0\0\0\0")
    case.reads_as("f.vhd", raw)
    case.tool("check", "f.vhd", status=3)
    case.tool("repair", "f.vhd")
    sound("f.vhd")
    written("f.vhd", raw)
    case.passed()
    # Both: refused with the reason, opened for repair.
    at = fresh()
    put("f.vhd", 64, b"\0\0\0\0")
    put("f.vhd", at + 64, b"\0\0\0\0")
    if "checksum" not in case.tool("read", "f.vhd", "x.raw", status=1):
        case.fail("a wrong checksum is not told")
    case.tool("repair", "f.vhd")
    sound("f.vhd")
    same("f.vhd", raw)
    case.passed()
    # Neither, and no file at all.
    at = fresh()
    put("f.vhd", 0, bytes(8))
    put("f.vhd", at, bytes(8))
    if "missing" not in case.tool("repair", "f.vhd", status=1):
        case.fail("missing footers are not told")
    case.passed()
    # A fixed disk has no copy.
    at = fresh("fixed")
    put("f.vhd", at + 64, b"\0\0\0\0")
    if "checksum" not in case.tool("read", "f.vhd", "x.raw", status=1):
        case.fail("a wrong checksum is not told")
    case.tool("repair", "f.vhd")
    sound("f.vhd")
    same("f.vhd", raw)
    os.truncate(case.path("f.vhd"), at)
    case.tool("read", "f.vhd", "x.raw", status=1)
    case.passed()
    # A guest cannot make a fixed disk something else by what it writes to its first sector.
    fresh()
    fake = get("f.vhd", 0, 4096)
    at = fresh("fixed")
    put("f.vhd", 0, fake)
    if information("f.vhd")["variant"] != "fixed":
        case.fail("a fixed disk is taken for a dynamic one")
    case.passed()
    # Of 511 bytes, as before Virtual PC 2004.
    for variant in ["dynamic", "fixed"]:
        at = fresh(variant)
        os.truncate(case.path("f.vhd"), at + 511)
        case.reads_as("f.vhd", raw)
        sound("f.vhd")
        case.tool("act", "f.vhd", *case.acts(LENGTH, 20, raw))
        case.reads_as("f.vhd", raw)
        case.tool("repair", "f.vhd")
        same("f.vhd", raw)
        case.passed()
    # The header's checksum.
    fresh()
    put("f.vhd", 512 + 36, b"\0\0\0\0")
    if "checksum" not in case.tool("read", "f.vhd", "x.raw", status=1):
        case.fail("a wrong checksum is not told")
    case.tool("repair", "f.vhd")
    sound("f.vhd")
    same("f.vhd", raw)
    case.passed()


def tables():
    """BAT entries that cannot be, and bitmaps that hide data."""
    raw = case.raw("b.raw", LENGTH, 1)

    def mend(damage, loses=None):
        if os.path.exists(case.path("b.vhd")):
            os.unlink(case.path("b.vhd"))
        case.tool("create", "b.vhd", "dynamic", LENGTH, "block_size=65536")
        case.tool("load", "b.vhd", raw)
        damage()
        found = case.tool("check", "b.vhd", status=3)
        if "damage" not in found:
            case.fail("it is not called damage: %s" % found)
        case.tool("repair", "b.vhd")
        sound("b.vhd")
        case.run("cp", raw, "want.raw")
        if loses is not None:
            put("want.raw", loses * 65536, bytes(65536))
        same("b.vhd", "want.raw")
        written("b.vhd", "want.raw")
        case.passed()

    def entry(i, value):
        put("b.vhd", 1536 + 4 * i, struct.pack(">I", value))

    mend(lambda: entry(3, 0x7fffffff), 3)
    mend(lambda: entry(3, 0), 3)
    mend(lambda: entry(3, 1), 3)
    mend(lambda: entry(3, 3), 3)
    mend(lambda: entry(3, 0xfffffffe), 3)
    # Bits of a dynamic disk that are clear although there are data.
    mend(lambda: put("b.vhd", bat("b.vhd")[5] * 512, bytes(512)))
    # Nobody's data are given up with a block that claims the same room, or a table's.
    case.tool("create", "e.vhd", "dynamic", LENGTH, "block_size=65536")
    case.tool("load", "e.vhd", raw)
    put("e.vhd", 1536 + 4 * 7, struct.pack(">I", bat("e.vhd")[6]))
    put("e.vhd", 1536 + 4 * 9, struct.pack(">I", 1))
    case.tool("act", "e.vhd", "d=%d,65536" % (7 * 65536))
    case.tool("act", "e.vhd", "w=%d,65536,8" % (7 * 65536))
    case.tool("resize", "e.vhd", 9 * 65536)
    case.run("cp", raw, "want.raw")
    os.truncate(case.path("want.raw"), 9 * 65536)
    put("want.raw", 7 * 65536, pattern(65536, 8))
    sound("e.vhd")
    same("e.vhd", "want.raw")
    case.passed()
    # Two entries for one block: what is there both had, and neither shows in the other what is written now.
    case.tool("create", "d.vhd", "dynamic", LENGTH, "block_size=65536")
    case.tool("load", "d.vhd", raw)
    put("d.vhd", 1536 + 4 * 7, struct.pack(">I", bat("d.vhd")[6]))
    case.tool("check", "d.vhd", status=3)
    case.tool("repair", "d.vhd")
    sound("d.vhd")
    case.run("cp", raw, "want.raw")
    put("want.raw", 7 * 65536, get(raw, 6 * 65536, 65536))
    same("d.vhd", "want.raw")
    written("d.vhd", "want.raw")
    case.passed()


def resizes():
    for variant in ["dynamic", "fixed"]:
        raw = case.raw("r.raw", LENGTH, 0.9)
        case.tool("create", "r.vhd", variant, LENGTH)
        case.tool("load", "r.vhd", raw)
        lengths = [3 * MIB + 512 * 5, 7 * MIB, 5 * MIB, 40 * MIB]
        if variant == "dynamic":
            lengths += [600 * GIB, 8 * MIB + 512]
        for length in lengths:
            case.tool("resize", "r.vhd", length)
            os.truncate(case.path(raw), length)
            sound("r.vhd")
            if "%d bytes" % length not in case.qemu("info", "-f", "vpc", "r.vhd"):
                case.fail("qemu-img sees another length")
            if length < 100 * MIB:
                same("r.vhd", raw)
                written("r.vhd", raw, 20)
        os.unlink(case.path("r.vhd"))
        case.passed()


def compacted():
    for options in [[], ["block_size=65536"]]:
        raw = case.raw("k.raw", LENGTH, 0.9)
        case.tool("create", "k.vhd", "dynamic", LENGTH, *options)
        case.tool("load", "k.vhd", raw)
        case.tool("act", "k.vhd", "d=0,%d" % (4 * MIB), "z=%d,%d" % (4 * MIB, 2 * MIB))
        put(raw, 0, bytes(6 * MIB))
        before = size("k.vhd")
        case.tool("compact", "k.vhd")
        if size("k.vhd") > before * 0.55:
            case.fail("compacting: %d bytes become %d" % (before, size("k.vhd")))
        sound("k.vhd")
        same("k.vhd", raw)
        written("k.vhd", raw)
        os.unlink(case.path("k.vhd"))
        case.passed()
    # A child: what it has not got stays the parent's.
    case.tool("create", "kp.vhd", "dynamic", LENGTH)
    case.tool("load", "kp.vhd", raw)
    case.tool("create", "kc.vhd", "differencing", LENGTH, "parent=kp.vhd,vhd,kp.vhd")
    case.tool("act", "kc.vhd", *case.acts(LENGTH, 30, raw))
    case.tool("compact", "kc.vhd")
    sound("kc.vhd")
    case.reads_as("kc.vhd", raw)
    case.passed()


def double_use():
    """Row 18: after much allocating and freeing no block is used twice."""
    length = 64 * MIB
    case.raw("u.raw", length, 0)
    case.tool("create", "u.vhd", "dynamic", length, "block_size=65536")
    for _ in range(4):
        case.tool("act", "u.vhd", *case.acts(length, 250, "u.raw"))
        blocks = [x for x in bat("u.vhd") if x != ABSENT]
        if len(blocks) != len(set(blocks)):
            case.fail("a block is used twice")
    sound("u.vhd")
    same("u.vhd", "u.raw")
    case.passed()


def given_back():
    """Blocks that are discarded are holes in the file, and the next data go there."""
    raw = case.raw("h.raw", LENGTH, 1)
    case.tool("create", "h.vhd", "dynamic", LENGTH)
    case.tool("load", "h.vhd", raw)
    full, length = os.stat(case.path("h.vhd")).st_blocks * 512, size("h.vhd")
    case.tool("act", "h.vhd", "d=0,%d" % LENGTH)
    if os.stat(case.path("h.vhd")).st_blocks * 512 > full // 4:
        case.fail("of %d bytes %d are left" % (full, os.stat(case.path("h.vhd")).st_blocks * 512))
    sound("h.vhd")
    case.tool("load", "h.vhd", raw)
    if size("h.vhd") > length:
        case.fail("the file has grown from %d bytes to %d" % (length, size("h.vhd")))
    same("h.vhd", raw)
    case.passed()


def many_bitmaps():
    """More blocks of a child than bitmaps are kept in memory: they come and go, dirty ones too."""
    block, count = 256 * MIB, 300
    case.tool("create", "mp.vhd", "dynamic", block * count)
    places = [i * block + i * 512 for i in range(count)]
    case.tool("act", "mp.vhd", *["w=%d,1536,%d" % (at, i + 1) for i, at in enumerate(places)])
    case.tool("create", "mc.vhd", "differencing", block * count, "block_size=%d" % block, "parent=mp.vhd,vhd,mp.vhd")
    case.tool("act", "mc.vhd", *["w=%d,512,%d" % (at + 512, i + 1001) for i, at in enumerate(places)],
              *["w=%d,512,%d" % (at + 4096, i + 2001) for i, at in enumerate(places)])
    sound("mc.vhd")
    case.tool("rebase", "mc.vhd")
    # Without its parent it has what was written to it alone, and in a dynamic disk qemu reads it, too.
    for i in case.random.sample(range(count), 40):
        want = bytes(512) + pattern(512, i + 1001) + bytes(3072) + pattern(512, i + 2001) + bytes(512)
        said = case.run("qemu-io", "-r", "-f", "vpc", "-c", "read -v %d 5120" % places[i], "mc.vhd").splitlines()
        got = bytes(int(x, 16) for line in said if ":" in line for x in line.split()[1:17] if len(x) == 2)
        if got[:5120] != want:
            case.fail("qemu reads something else in block %d" % i)
    case.passed()


def refusals():
    def refused(words, damage):
        if os.path.exists(case.path("x.vhd")):
            os.unlink(case.path("x.vhd"))
        case.tool("create", "x.vhd", "dynamic", LENGTH)
        damage()
        said = case.tool("read", "x.vhd", "x.raw", status=1)
        if not all(word in said for word in words):
            case.fail("`%s` does not say %s" % (said, words))
        case.passed()

    def in_footer(at, data):
        def damage():
            f = footer("x.vhd")
            f = sealed(f[:at] + data + f[at + len(data):], 64)
            put("x.vhd", 0, f)
            put("x.vhd", size("x.vhd") - 512, f)
        return damage

    def in_header(at, data):
        def damage():
            h = get("x.vhd", 512, 1024)
            put("x.vhd", 512, sealed(h[:at] + data + h[at + len(data):], 36))
        return damage

    refused(["disk type 5"], in_footer(60, struct.pack(">I", 5)))
    refused(["has 0 bytes"], in_footer(48, bytes(8)))
    refused(["header", "behind the end"], in_footer(16, struct.pack(">Q", 1 << 40)))
    refused(["header", "behind the end"], in_footer(16, struct.pack(">Q", 1536)))
    refused(["header is missing"], lambda: put("x.vhd", 512, bytes(8)))
    refused(["too short"], in_footer(48, struct.pack(">Q", 1 << 40)))
    refused(["block size"], in_header(32, struct.pack(">I", 3 << 20)))
    refused(["block size"], in_header(32, bytes(4)))
    refused(["block allocation table", "behind the end"], in_header(16, struct.pack(">Q", 1 << 40)))
    refused(["too short"], in_header(28, bytes(4)))
    refused(["version"], in_header(24, bytes(4)))


for part in [qemu_made, we_made, differencing, locators, size_rule, large, bat_tail, footer_far, footers, tables,
             resizes, compacted, double_use, given_back, many_bitmaps, refusals]:
    if len(sys.argv) > 1 and part.__name__ not in sys.argv[1:]:
        continue
    before = case.count
    part()
    print("%s: %d" % (part.__name__, case.count - before))
case.end()
