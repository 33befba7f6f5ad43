#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""VMDKs that qemu-img writes are read by vmm, and those that vmm writes by qemu-img and vmdkinfo."""
import glob
import os
import shutil

from vmdk_images import *

SUBFORMATS = ["monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized"]
WRITABLE = SUBFORMATS[:4]
OURS = WRITABLE + ["vmfs", "vmfsThin"]
LENGTH = 40 * MIB + 512 * 37


def sample(name="sample.raw", length=LENGTH, seed=1):
    sparse_raw(name, length, {0: pattern(100000, seed), 5 * MIB + 512: pattern(3 * MIB, seed + 1),
                              33 * MIB: b"\x55" * MIB, length - 4096: pattern(4096, seed + 2)})
    return name


def read_what_qemu_writes():
    raw = sample()
    for subformat in SUBFORMATS:
        for options in ("", ",adapter_type=lsilogic", ",compat6=on", ",hwversion=14", ",zeroed_grain=on"):
            if "zeroed" in options and "Flat" in subformat:
                continue
            name = "q-%s%s.vmdk" % (subformat, options.replace(",", "-").replace("=", "-"))
            must("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=" + subformat + options, raw, name)
            want(contents(name) == read(raw), name, "differs")
            equal(info(name)["variant"], subformat)
            clean(name)


def write_what_qemu_made():
    raw = sample()
    for subformat in WRITABLE:
        name = "q-%s.vmdk" % subformat
        must("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=" + subformat, raw, name)
        shutil.copy(raw, "both.raw")
        for number, (offset, length) in enumerate([(512, 4096), (10 * MIB - 512, 3 * MIB), (LENGTH - 1024, 1024),
                                                   (0, 512), (20 * MIB, 65536)]):
            data = pattern(length, 100 + number)
            write("piece.raw", b"")
            sparse_raw("piece.raw", LENGTH, {offset: data})
            poke("both.raw", offset, data)
            tool("patch", name, offset, length, number)
            # What the tool wrote is its own; so take it over from there.
            poke("both.raw", offset, contents(name)[offset:offset + length])
        same(name, "both.raw")
        want(contents(name) == read("both.raw"), name, "differs")
        if "Sparse" in subformat:
            must("qemu-img", "check", "-f", "vmdk", name)
        # And it goes on with it.
        must("qemu-io", "-f", "vmdk", "-c", "write -P 0x11 30M 1M", "-c", "write -P 0x22 512 512", name)
        poke("both.raw", 30 * MIB, b"\x11" * MIB)
        poke("both.raw", 512, b"\x22" * 512)
        want(contents(name) == read("both.raw"), name, "differs after qemu wrote to it")
        clean(name)


def qemu_reads_what_we_write():
    raw = sample()
    for variant in OURS:
        name = variant + ".vmdk"
        tool("create", name, variant, LENGTH)
        equal(set(contents(name)), {0}, name)
        tool("write", name, raw)
        same(name, raw)
        equal(int(must("qemu-img", "info", "--output=json", name).split('"virtual-size": ')[1].split(",")[0]), LENGTH)
        if "Sparse" in variant:
            must("qemu-img", "check", "-f", "vmdk", name)
        want(contents(name) == read(raw), name, "differs")
        clean(name)
        must("qemu-io", "-f", "vmdk", "-c", "write -P 0x77 21M 128K", name)
        equal(contents(name)[21 * MIB:21 * MIB + 131072], b"\x77" * 131072, name)


def stream_round_trip():
    raw = sample()
    tool("create", "s.vmdk", "streamOptimized", LENGTH)
    want(contents("s.vmdk") == bytes(LENGTH), "an empty stream is not empty")
    clean("s.vmdk")
    tool("pack", "s.vmdk", raw)
    same("s.vmdk", raw)
    must("qemu-img", "check", "-f", "vmdk", "s.vmdk")
    want(contents("s.vmdk") == read(raw), "differs")
    clean("s.vmdk")
    want(os.path.getsize("s.vmdk") < 4 * MIB, "it is not packed")
    # There is nothing to write into any more.
    refused_text = run(TOOL, "patch", "s.vmdk", 0, 512, 1)[1].decode()
    want("Read-only" in refused_text, refused_text)
    must("qemu-img", "convert", "-O", "raw", "s.vmdk", "back.raw")
    want(read("back.raw") == read(raw), "qemu-img reads something else")


def vmdkinfo_reads_ours():
    if shutil.which("vmdkinfo") is None:
        print("      (no vmdkinfo)")
        return
    raw = sample()
    for variant, kind in (("monolithicSparse", "Monolithic sparse"), ("monolithicFlat", "Monolithic flat"),
                          ("twoGbMaxExtentSparse", "2GB extent sparse"), ("twoGbMaxExtentFlat", "2GB extent flat"),
                          ("streamOptimized", "Stream optimized")):
        tool("create", variant + ".vmdk", variant, LENGTH)
        tool("pack" if variant == "streamOptimized" else "write", variant + ".vmdk", raw)
        text = must("vmdkinfo", variant + ".vmdk")
        want(str(LENGTH) in text, variant, text)
        want(kind.lower() in text.lower(), variant, text)
        want("Parent content identifier:\t0xffffffff" in text, text)


def chains_with_qemu():
    sample("base.raw")
    must("qemu-img", "convert", "-O", "vmdk", "base.raw", "base.vmdk")
    must("qemu-img", "create", "-f", "vmdk", "-b", "base.vmdk", "-F", "vmdk", "theirs.vmdk")
    must("qemu-io", "-f", "vmdk", "-c", "write -P 0x33 1M 64K", "-c", "write -P 0x44 5M 512", "theirs.vmdk")
    must("qemu-img", "convert", "-O", "raw", "theirs.vmdk", "theirs.raw")
    want(contents("theirs.vmdk") == read("theirs.raw"), "a child of qemu's differs")
    for variant in ("monolithicSparse", "twoGbMaxExtentSparse"):
        name = variant + ".vmdk"
        tool("create", name, variant, LENGTH, "theirs.vmdk")
        want(contents(name) == read("theirs.raw"), "a new child of ours differs")
        tool("patch", name, 2 * MIB - 512, 70000 // 512 * 512, 3)
        tool("patch", name, LENGTH - 512, 512, 4)
        must("qemu-img", "convert", "-O", "raw", name, "ours.raw")
        want(contents(name) == read("ours.raw"), "qemu-img sees another child than we")
        want(read("ours.raw")[:MIB] == read("theirs.raw")[:MIB], "the parent's contents are gone")
        clean(name)


def conversions_of_odd_sizes():
    for length in (512, 65536 - 512, 65536, 65536 + 512, 32 * MIB - 512, 32 * MIB + 512, 2 * MIB + 1536):
        sparse_raw("odd.raw", length, {length - 512: pattern(512, length)})
        for variant in ("monolithicSparse", "streamOptimized", "twoGbMaxExtentSparse"):
            tool("create", "o.vmdk", variant, length)
            tool("pack" if variant == "streamOptimized" else "write", "o.vmdk", "odd.raw")
            want(contents("o.vmdk") == read("odd.raw"), variant, length)
            same("o.vmdk", "odd.raw")
            clean("o.vmdk")
            for file in glob.glob("o*.vmdk"):
                os.unlink(file)


def grain_sizes():
    sparse_raw("g.raw", 9 * MIB + 512, {3: b"x", 5 * MIB - 100: pattern(MIB, 9), 9 * MIB: pattern(512, 4)})
    for grain in (8192, 16384, 131072, MIB, 4 * MIB):
        name = "g%d.vmdk" % grain
        tool("create", name, "monolithicSparse", 9 * MIB + 512, "grain_size=%d" % grain)
        tool("write", name, "g.raw")
        want(contents(name) == read("g.raw"), grain)
        equal(info(name)["unit"], str(grain))
        same(name, "g.raw")
        must("qemu-img", "check", "-f", "vmdk", name)
        clean(name)


def five_gib_with_data_at_both_ends():
    for variant in ("twoGbMaxExtentSparse", "monolithicSparse", "twoGbMaxExtentFlat"):
        name = variant + ".vmdk"
        pieces = {0: pattern(MIB, 1), 5 * GIB - MIB: pattern(MIB, 2), 2145386496 - 4096: pattern(8192, 3),
                  4 * GIB - 512: pattern(1024, 4)}
        sparse_raw("big.raw", 5 * GIB, pieces)
        tool("create", name, variant, 5 * GIB)
        tool("write", name, "big.raw")
        same(name, "big.raw")
        tool("read", name, "back.raw")
        for offset, data in pieces.items():
            want(peek("back.raw", offset, len(data)) == data, variant, "differs at", offset)
        same(name, "back.raw")
        clean(name)
        for file in glob.glob(variant + "*") + ["big.raw", "back.raw"]:
            os.unlink(file)


def resizing():
    raw = sample()
    for variant in ("monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat"):
        name = variant + ".vmdk"
        tool("create", name, variant, LENGTH)
        tool("write", name, raw)
        before = read(raw)
        for length in (LENGTH + 512, 48 * MIB, 33 * MIB + 1024, 33 * MIB + 65536, 64 * MIB):
            tool("resize", name, length)
            before = before[:length].ljust(length, b"\0")
            write("now.raw", before)
            same(name, "now.raw")
            want(contents(name) == before, variant, "differs at", length)
            clean(name)
        tool("resize", name, 5 * GIB)
        tool("patch", name, 5 * GIB - 65536, 65536, 1)
        tool("patch", name, 2145386496 - 512, 1024, 2)
        tool("read", name, "back.raw")
        same(name, "back.raw")
        equal(peek("back.raw", 0, len(before)), before, variant)
        clean(name)
        equal(len(glob.glob(variant + "*")), {"monolithicSparse": 1, "monolithicFlat": 2}.get(variant, 4))
        tool("resize", name, MIB)
        want(contents(name) == before[:MIB], variant, "differs after shrinking")
        equal(len(glob.glob(variant + "*")), {"monolithicSparse": 1}.get(variant, 2))
        clean(name)
        os.unlink("back.raw")


def growth_beyond_the_room_for_the_directory():
    tool("create", "g.vmdk", "monolithicSparse", 100 * MIB)
    tool("patch", "g.vmdk", 0, 4 * MIB, 1, MIB)
    before = contents("g.vmdk")
    first = fields("g.vmdk")
    tool("resize", "g.vmdk", 40 * GIB)
    now = fields("g.vmdk")
    want(now["gdOffset"] != first["gdOffset"], "the directory did not move")
    tool("patch", "g.vmdk", 40 * GIB - 65536, 65536, 2)
    tool("read", "g.vmdk", "back.raw")
    same("g.vmdk", "back.raw")
    equal(peek("back.raw", 0, len(before)), before)
    must("qemu-img", "check", "g.vmdk")
    clean("g.vmdk")


def compacting():
    raw = sample()
    tool("create", "c.vmdk", "monolithicSparse", LENGTH)
    tool("write", "c.vmdk", raw)
    tool("patch", "c.vmdk", 10 * MIB, 8 * MIB, 1, MIB)
    full = os.path.getsize("c.vmdk")
    tool("zero", "c.vmdk", 10 * MIB, 7 * MIB, 0)
    tool("zero", "c.vmdk", 0, 65536, 1)
    now = contents("c.vmdk")
    want(os.path.getsize("c.vmdk") > full - 65536, "it was compact already")
    tool("compact", "c.vmdk")
    want(os.path.getsize("c.vmdk") <= full - 7 * MIB - 65536, "it did not become shorter")
    want(contents("c.vmdk") == now, "compacting changed it")
    clean("c.vmdk")
    must("qemu-img", "check", "c.vmdk")
    write("now.raw", now)
    same("c.vmdk", "now.raw")
    # A child keeps its zeros over the parent's data.
    tool("create", "d.vmdk", "monolithicSparse", LENGTH, "c.vmdk")
    tool("zero", "d.vmdk", 5 * MIB, MIB, 1)
    tool("patch", "d.vmdk", 20 * MIB, MIB, 5)
    now = contents("d.vmdk")
    tool("compact", "d.vmdk")
    want(contents("d.vmdk") == now, "compacting changed the child")


def room_that_was_discarded_is_used_again():
    tool("create", "r.vmdk", "monolithicSparse", 64 * MIB)
    tool("patch", "r.vmdk", 0, 16 * MIB, 1, MIB)
    full = os.path.getsize("r.vmdk")
    for turn in range(4):
        tool("zero", "r.vmdk", turn * MIB, 4 * MIB, 1)
        tool("patch", "r.vmdk", 20 * MIB + turn * 4 * MIB, MIB, turn, MIB)
    want(os.path.getsize("r.vmdk") <= full + 65536, "it grows though there is room:", os.path.getsize("r.vmdk"), full)
    clean("r.vmdk")
    write("r.raw", contents("r.vmdk"))
    same("r.vmdk", "r.raw")


def a_killed_writer_loses_nothing_that_was_flushed():
    for seed in range(4):
        name = "k%d.vmdk" % seed
        tool("create", name, "monolithicSparse", 64 * MIB)
        tool("patch", name, 0, MIB, seed)
        tool("die", name, 3 * MIB + 4096 * seed, 5 * MIB, seed + 10)
        equal(fields(name)["uncleanShutdown"], 1)
        flushed = contents(name)
        # The same, without being killed.
        tool("create", "other.vmdk", "monolithicSparse", 64 * MIB)
        tool("patch", "other.vmdk", 0, MIB, seed)
        tool("patch", "other.vmdk", 3 * MIB + 4096 * seed, 5 * MIB, seed + 10)
        want(contents("other.vmdk")[:8 * MIB] == flushed[:8 * MIB], "what was flushed is not there")
        tool("patch", name, 40 * MIB, MIB, 3)
        equal(fields(name)["uncleanShutdown"], 0)
        clean(name)
        must("qemu-img", "check", name)
        os.unlink("other.vmdk")


def rebasing():
    raw = sample()
    for name, seed in (("a", 1), ("b", 1)):
        tool("create", name + ".vmdk", "monolithicSparse", LENGTH)
        tool("write", name + ".vmdk", raw)
    tool("create", "c.vmdk", "monolithicSparse", LENGTH, "a.vmdk")
    tool("patch", "c.vmdk", MIB, 4096, 1)
    now = contents("c.vmdk")
    os.mkdir("folder")
    os.rename("a.vmdk", "folder/a.vmdk")
    refused("read", "c.vmdk", "cannot", "x.raw")
    tool("rebase", "c.vmdk", "folder/a.vmdk")
    want(contents("c.vmdk") == now, "it differs with its parent elsewhere")
    tool("rebase", "c.vmdk", "b.vmdk")
    want(contents("c.vmdk") == now, "it differs with an equal parent")
    must("qemu-img", "convert", "-O", "raw", "c.vmdk", "c.raw")
    want(read("c.raw") == now, "qemu-img sees something else")
    tool("rebase", "c.vmdk")
    equal(info("c.vmdk")["parent"], "")
    want(contents("c.vmdk")[5 * MIB:6 * MIB] == bytes(MIB), "the parent is still there")


def descriptor_of(name):
    """Its text, where the header says that it is, and how much room it has."""
    header = fields(name)
    return peek(name, header["descriptorOffset"] * 512, header["descriptorSize"] * 512)


def fill_descriptor(name):
    """Lines that nobody knows, to the last byte of its room."""
    text = descriptor_of(name).rstrip(b"\0")
    note = b'acme.note="'
    while True:
        left = fields(name)["descriptorSize"] * 512 - len(text)
        if left == 0:
            break
        line = min(80, left) if left > 160 or left <= 80 else 60
        text += (note + b"x" * (line - len(note) - 2) + b'"\n') if line > 16 else b"#" * (line - 1) + b"\n"
    poke(name, fields(name)["descriptorOffset"] * 512, text)
    return text


def a_full_descriptor_moves():
    raw = sample()
    for maker in ("vmm", "qemu"):
        name = "full-%s.vmdk" % maker
        if maker == "vmm":
            tool("create", name, "monolithicSparse", LENGTH)
            tool("write", name, raw)
        else:
            must("qemu-img", "convert", "-f", "raw", "-O", "vmdk", raw, name)
        text, first = fill_descriptor(name), fields(name)
        equal(first["descriptorOffset"], 1)
        # What stays as long as it is stays where it is.
        tool("patch", name, 0, 4096, 5)
        equal(fields(name)["descriptorOffset"], 1)
        tool("resize", name, 60 * MIB)
        now = fields(name)
        want(now["descriptorOffset"] > now["overHead"] and now["descriptorSize"] > first["descriptorSize"], now)
        moved = descriptor_of(name).rstrip(b"\0")
        equal(int(info(name)["descriptor-sector"]), now["descriptorOffset"])
        want(len(moved) > len(text) and moved.count(b"acme.note") == text.count(b"acme.note"), "lines were lost")
        clean(name)
        before = contents(name)[:LENGTH]
        must("qemu-img", "check", "-f", "vmdk", name)
        write("back.raw", contents(name))
        same(name, "back.raw")
        # A second time; compacting takes it down again, and grains do not lie over it.
        fill_descriptor(name)
        tool("resize", name, 500 * MIB)
        again = fields(name)
        want(again["descriptorOffset"] != now["descriptorOffset"], "it did not move")
        tool("patch", name, 60 * MIB, 3 * MIB, 9)
        tool("zero", name, 0, 30 * MIB, 1)
        tool("compact", name)
        clean(name)
        want(fields(name)["descriptorOffset"] < again["descriptorOffset"], "it stayed behind")
        want(descriptor_of(name).count(b"acme.note") > text.count(b"acme.note"), "lines were lost")
        must("qemu-img", "check", "-f", "vmdk", name)
        os.unlink("back.raw")
        tool("read", name, "back.raw")
        want(peek("back.raw", 30 * MIB, LENGTH - 30 * MIB) == before[30 * MIB:], "compacting has changed it")
        same(name, "back.raw")


def a_child_with_a_full_descriptor_gets_another_parent():
    raw = sample()
    folder = "a-folder-with-quite-a-long-name-so-that-the-line-grows"
    os.mkdir(folder)
    for name in ("old.vmdk", folder + "/new.vmdk"):
        tool("create", name, "monolithicSparse", LENGTH)
        tool("write", name, raw)
    tool("create", "child.vmdk", "monolithicSparse", LENGTH, "old.vmdk")
    tool("patch", "child.vmdk", MIB, 65536, 4)
    now = contents("child.vmdk")
    fill_descriptor("child.vmdk")
    tool("rebase", "child.vmdk", folder + "/new.vmdk")
    want(fields("child.vmdk")["descriptorOffset"] > 1, "it did not move")
    want(contents("child.vmdk") == now, "it differs")
    os.unlink("old.vmdk")
    clean("child.vmdk")
    # QEMU looks at sector 1, and must not find the old parent's name there.
    must("qemu-img", "convert", "-O", "raw", "child.vmdk", "child.raw")
    want(read("child.raw") == now, "qemu-img sees something else")
    # The content ID that QEMU sees is the one that counts for a child of this one.
    tool("patch", "child.vmdk", 2 * MIB, 65536, 5)
    tool("create", "grandchild.vmdk", "monolithicSparse", LENGTH, "child.vmdk")
    must("qemu-img", "convert", "-O", "raw", "grandchild.vmdk", "grandchild.raw")
    want(read("grandchild.raw") == contents("child.vmdk"), "qemu-img sees something else in its child")


if __name__ == "__main__":
    main([read_what_qemu_writes, write_what_qemu_made, qemu_reads_what_we_write, stream_round_trip,
          vmdkinfo_reads_ours, chains_with_qemu, conversions_of_odd_sizes, grain_sizes, five_gib_with_data_at_both_ends,
          resizing, growth_beyond_the_room_for_the_directory, compacting, room_that_was_discarded_is_used_again,
          a_killed_writer_loses_nothing_that_was_flushed, rebasing, a_full_descriptor_moves,
          a_child_with_a_full_descriptor_gets_another_parent])
