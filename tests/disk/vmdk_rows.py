#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Bugs that other implementations of VMDK had, and images that are odd, broken or hostile.

The functions row_N are named for the rows of the list in the project's shared/formats.md, section 4.3.
"""
import glob
import os
import shutil
import struct
import zlib

from vmdk_images import *

G = 65536  # bytes of a usual grain


def row_1_file_larger_than_4_gib():
    tool("create", "d.vmdk", "monolithicSparse", 64 * MIB)
    tool("patch", "d.vmdk", 0, 4096, 1)
    # What a guest wrote before: a hole, so that it costs nothing.
    size = 5 * GIB
    os.truncate("d.vmdk", size)
    tool("create", "p.vmdk", "monolithicSparse", 9 * GIB)
    entries = tables_of("d.vmdk")
    for number in range(1, 4):
        tool("zero", "d.vmdk", number * G, G, 0)
    # Grains behind 4 GiB: entries that another program made.
    for number, data in ((100, pattern(G, 7)), (101, pattern(G, 8))):
        sector = (4 * GIB + (number - 99) * G) // 512
        poke("d.vmdk", sector * 512, data)
        entry("d.vmdk", number, sector)
    now = contents("d.vmdk")
    equal(now[100 * G:101 * G], pattern(G, 7), "a grain behind 4 GiB")
    tool("patch", "d.vmdk", 100 * G + 512, 512, 3)
    tool("patch", "d.vmdk", 200 * G, 3 * G, 4, MIB)
    equal(contents("d.vmdk")[100 * G:100 * G + 512], now[100 * G:100 * G + 512])
    write("d.raw", contents("d.vmdk"))
    same("d.vmdk", "d.raw")
    want(tables_of("d.vmdk") == entries, "the tables moved")


def row_1_allocation_behind_4_gib():
    grains = {0: pattern(G, 1), 1: pattern(G, 2)}
    hosted("d.vmdk", 131072, grains, text=descriptor(['RW 131072 SPARSE "d.vmdk"']))
    # The second grain is behind 4 GiB, and the next ones come after it.
    place = (5 * GIB) // 512
    poke("d.vmdk", place * 512, pattern(G, 2))
    entry("d.vmdk", 1, place)
    free = [number for number in range(2, 12)]
    # Fill what is free before it, which is much: so begin at the end of the file instead.
    tool("patch", "d.vmdk", 2 * G, len(free) * G, 5, MIB)
    write("d.raw", contents("d.vmdk"))
    same("d.vmdk", "d.raw")
    equal(read("d.raw")[G:2 * G], pattern(G, 2))
    clean("d.vmdk")


def row_2_flat_lines_with_offsets():
    data = pattern(6 * MIB, 2)
    write("all.bin", data)
    write("d.vmdk", descriptor(['RW 2048 FLAT "all.bin" 4096', 'RW 1000 FLAT "all.bin" 0', 'RW 3096 FLAT "all.bin" 8192'],
                               kind="custom").encode())
    wanted = data[4096 * 512:6144 * 512] + data[:1000 * 512] + data[8192 * 512:(8192 + 3096) * 512]
    equal(contents("d.vmdk"), wanted)
    tool("patch", "d.vmdk", 2048 * 512 - 512, 2048, 9)
    now = contents("d.vmdk")
    equal(peek("all.bin", 0, 1536), now[2048 * 512:2048 * 512 + 1536])
    equal(peek("all.bin", 6143 * 512, 512), now[2047 * 512:2048 * 512])
    equal(peek("all.bin", 1000 * 512, 512), data[1000 * 512:1001 * 512], "what is behind the second extent")
    equal(read("all.bin")[6144 * 512:], data[6144 * 512:])
    clean("d.vmdk")


def row_3_renamed_file():
    sparse_raw("d.raw", 10 * MIB, {MIB: pattern(2 * MIB, 1)})
    for variant, verb in (("streamOptimized", "pack"), ("monolithicSparse", "write")):
        tool("create", "first name.vmdk", variant, 10 * MIB)
        tool(verb, "first name.vmdk", "d.raw")
        os.rename("first name.vmdk", "other.vmdk")
        equal(contents("other.vmdk"), read("d.raw"))
        want(b'"first name.vmdk"' in peek("other.vmdk", 512, 20 * 512), "the name was not the other")


def row_4_capacity_is_the_disks():
    for variant in ("monolithicSparse", "streamOptimized", "twoGbMaxExtentSparse"):
        tool("create", variant + ".vmdk", variant, 3 * GIB)
        equal(info(variant + ".vmdk")["length"], str(3 * GIB))


def row_5_room_behind_the_descriptor():
    for variant in ("monolithicSparse", "streamOptimized"):
        name = variant + ".vmdk"
        tool("create", name, variant, 10 * MIB)
        head = fields(name)
        text = peek(name, 512, head["descriptorSize"] * 512)
        used = len(text.rstrip(b"\0"))
        want(head["descriptorSize"] >= 20, "it has", head["descriptorSize"], "sectors")
        want(len(text) - used >= 10 * 512, "only", len(text) - used, "bytes are free")
    # VirtualBox adds its own, and they stay.
    extra = b'ddb.uuid.image="c9f1f7d2-ac34-4b51-8ab9-4be3c6a9b7b9"\nddb.uuid.modification="' + b"0" * 36 + b'"\n'
    poke("monolithicSparse.vmdk", 512, (text.rstrip(b"\0").replace(b"streamOptimized", b"monolithicSparse") + extra))
    tool("patch", "monolithicSparse.vmdk", 0, 4096, 1)
    want(extra in peek("monolithicSparse.vmdk", 512, 20 * 512), "the added lines are gone")
    clean("monolithicSparse.vmdk")


def row_6_descriptor_is_replaced():
    strange = '# a comment of mine\nsomething.else = "yes"  \nddb.comment = "x=y"\nisNativeSnapshot="no"\n'
    write("d-flat.vmdk", bytes(MIB))
    text = descriptor(['RW 2048 FLAT "d-flat.vmdk" 0'], kind="monolithicFlat", tail=strange)
    for end in ("\n", "\r\n"):
        write("d.vmdk", text.replace("\n", end).encode())
        tool("patch", "d.vmdk", 0, 512, 1)
        now = read("d.vmdk").decode()
        equal(now.count("CID="), 2, "CID and parentCID")
        equal(now.replace(now.split("\nCID=")[1][:8], "12345678"), text.replace("\n", end), "the rest")
        want("\nCID=12345678" not in now, "the content ID is the same")
        tool("resize", "d.vmdk", 2 * MIB)
        now = read("d.vmdk").decode()
        want(strange.replace("\n", end) in now and now.count("RW ") == 1 and "RW 4096 FLAT" in now, now)
        tool("resize", "d.vmdk", MIB)
    # As others left it behind: twice.
    write("d.vmdk", (text + text.replace("12345678", "99999999")).replace("RW 2048", "#RW", 1).encode())
    mends("d.vmdk", '"CID" a value 2 times')
    equal(info("d.vmdk")["content-id"], "12345678")


def row_7_first_line():
    write("x.bin", bytes(MIB))
    for mark in ("# Disk DescriptorFile", "# Disk Descriptor File", "# disk descriptorfile", "\n\n# Disk DescriptorFile",
                 "\ufeff# Disk DescriptorFile", "# by hand\n# Disk DescriptorFile"):
        write("d.vmdk", descriptor(['RW 2048 FLAT "x.bin"'], kind="custom", mark=mark).encode())
        equal(len(contents("d.vmdk")), MIB, mark)
    for mark in ("", "# Disk", "# Nothing\nversion=1", "#!/bin/sh"):
        write("d.vmdk", descriptor(['RW 2048 FLAT "x.bin"'], kind="custom", mark=mark).encode())
        refused("read", "d.vmdk", "is no VMDK", "x.raw")
    for variant in ("monolithicFlat", "monolithicSparse"):
        tool("create", variant + ".vmdk", variant, MIB)
        start = 512 if variant == "monolithicSparse" else 0
        equal(peek(variant + ".vmdk", start, 22), b"# Disk DescriptorFile\n")
    write("d.vmdk", descriptor(['RW 2048 FLAT "x.bin"'], kind="custom", mark="# by hand\n# Disk DescriptorFile").encode())
    mends("d.vmdk", "does not begin with")
    want(read("d.vmdk").startswith(b"# Disk DescriptorFile\n"), "the mark is not in the first line")


def row_8_stream_that_esxi_takes():
    sparse_raw("d.raw", 70 * MIB, {0: pattern(200000, 1), 40 * MIB: pattern(MIB, 2)})
    tool("create", "d.vmdk", "streamOptimized", 70 * MIB)
    tool("pack", "d.vmdk", "d.raw")
    head, size = fields("d.vmdk"), os.path.getsize("d.vmdk")
    foot = fields("d.vmdk", size - 1024)
    equal((head["version"], head["flags"], head["compressAlgorithm"], head["gdOffset"]), (3, 0x30001, 1, GD_AT_END))
    equal((head["rgdOffset"], head["numGTEsPerGT"], head["grainSize"], size % 512), (0, 512, 128, 0))
    want(foot["gdOffset"] not in (0, GD_AT_END), "the footer does not say where the directory is")
    equal({k: v for k, v in head.items() if k != "gdOffset"}, {k: v for k, v in foot.items() if k != "gdOffset"})
    equal(peek("d.vmdk", size - 1536, 512), marker(1, 0, 3), "footer marker")
    equal(peek("d.vmdk", size - 512, 512), bytes(512), "end-of-stream marker")
    equal(peek("d.vmdk", (foot["gdOffset"] - 1) * 512, 512), marker(1, 0, 2), "directory marker")
    # Read by its markers alone, in their order.
    at, disk, kinds, last = head["overHead"] * 512, bytearray(70 * MIB), [], -1
    while at < size:
        value, length = struct.unpack("<QI", peek("d.vmdk", at, 12))
        if length:
            want(value > last, "grains are not in order")
            last = value
            data = zlib.decompress(peek("d.vmdk", at + 12, length))
            disk[value * 512:value * 512 + len(data)] = data
            at += -(-(12 + length) // 512) * 512
            continue
        kinds.append(struct.unpack("<I", peek("d.vmdk", at + 12, 4))[0])
        at += 512 + value * 512
    equal(kinds, [1, 1, 2, 3, 0], "markers")
    want(bytes(disk) == read("d.raw"), "its markers tell another disk")
    for key in ("adapterType", "geometry.cylinders", "geometry.heads", "geometry.sectors", "virtualHWVersion",
                "toolsVersion", "longContentID", "uuid"):
        want(b"ddb." + key.encode() in peek("d.vmdk", 512, 10240), key)


def stream(path, capacity, grains, order=None, gd_first=False, footer=True, raw=False, tail=b"", markers=True):
    """A stream whose parts are in any order."""
    text = descriptor(['RW %d SPARSE "whatever.vmdk"' % capacity], kind="streamOptimized")
    tables = -(-capacity // (128 * 512))
    parts, places, at = [], {}, 128

    def add(data):
        nonlocal at
        parts.append(data)
        at += len(data) // 512
        return at - len(data) // 512

    flags = 0x30001
    if gd_first:
        gd = add(bytes(512))
        gts = [add(bytes(2048)) for _ in range(tables)]
    for number in order or sorted(grains):
        places[number] = add(packed_grain(number, grains[number], raw=raw))
    entries = [[places.get(table * 512 + i, 0) for i in range(512)] for table in range(tables)]
    packed = [struct.pack("<512I", *table) for table in entries]
    if gd_first:
        parts[0] = struct.pack("<%dI" % tables, *gts).ljust(512, b"\0")
        for table in range(tables):
            parts[1 + table] = packed[table]
    else:
        where = []
        for table in reversed(range(tables)):
            add(marker(4, 0, 1))
            where.insert(0, add(packed[table]))
        add(marker(1, 0, 2))
        gd = add(struct.pack("<%dI" % tables, *where).ljust(512, b"\0"))
    head = dict(capacity=capacity, version=3, flags=flags, descriptor=(1, 20), compression=1)
    if footer:
        add(marker(1, 0, 3))
        add(header(gd=gd, **head))
        add(bytes(512))
    write(path, header(gd=GD_AT_END if footer else gd, **head) + text.encode().ljust(127 * 512, b"\0") + b"".join(parts) +
          tail)


def row_9_markers_in_another_order():
    capacity = 70 * MIB // 512
    grains = {5: pattern(G, 1), 600: pattern(G, 2), 0: pattern(G, 3), 1119: pattern(G, 4)}
    wanted = bytearray(70 * MIB)
    for number, data in grains.items():
        wanted[number * G:(number + 1) * G] = data
    for case in (dict(), dict(order=[1119, 0, 600, 5]), dict(gd_first=True, footer=False),
                 dict(gd_first=True, order=[600, 5, 1119, 0], footer=False), dict(raw=True), dict(tail=bytes(65536)),
                 dict(gd_first=True)):
        stream("d.vmdk", capacity, grains, **case)
        want(contents("d.vmdk") == bytes(wanted), case)
        clean("d.vmdk")


def stream_cut_short_is_named_and_saved():
    capacity = 10 * MIB // 512
    grains = {n: pattern(G, n) for n in range(0, 160, 3)}
    stream("d.vmdk", capacity, grains, order=list(reversed(sorted(grains))))
    whole = os.path.getsize("d.vmdk")
    for cut in (whole - 512 * 20, whole // 2, whole // 2 + 100):
        stream("d.vmdk", capacity, grains, order=list(reversed(sorted(grains))))
        os.truncate("d.vmdk", cut)
        refused("read", "d.vmdk", "incomplete stream", "x.raw")
        mends("d.vmdk", "incomplete stream")
        data = contents("d.vmdk")
        saved = [n for n in grains if data[n * G:(n + 1) * G] == grains[n]]
        want(len(saved) >= len(grains) * cut // whole - 2, "only", len(saved), "grains are left")
        for n in range(160):
            want(n in saved or data[n * G:(n + 1) * G] == bytes(G), "grain", n, "is something else")


def stream_with_a_damaged_grain():
    stream("d.vmdk", 10 * MIB // 512, {n: pattern(G, n) for n in range(4)})
    place = struct.unpack("<Q", peek("d.vmdk", 128 * 512, 8))[0]
    equal(place, 0)
    poke("d.vmdk", 128 * 512 + 5000, b"damage")
    status, text = run(TOOL, "read", "d.vmdk", "x.raw")
    want(status == 1 and b"Input/output" in text, text)
    status, text = check("d.vmdk")
    want("1 of its 4 grains" in text, text)
    # A grain behind another's marker.
    stream("d.vmdk", 10 * MIB // 512, {n: pattern(G, n) for n in range(4)})
    poke("d.vmdk", 128 * 512, struct.pack("<Q", 128))
    want("1 of its 4 grains" in check("d.vmdk")[1], "a wrong marker is not found")


def stream_whose_directory_is_damaged():
    grains = {n: pattern(G, n) for n in range(5)}
    wanted = b"".join(grains.values()) + bytes(10 * MIB - 5 * G)
    for what in ("entry", "offset", "footer"):
        stream("d.vmdk", 10 * MIB // 512, grains)
        size = os.path.getsize("d.vmdk")
        gd = fields("d.vmdk", size - 1024)["gdOffset"]
        if what == "entry":
            poke("d.vmdk", gd * 512, struct.pack("<I", 0x7FFFFFFF))
        elif what == "offset":
            poke("d.vmdk", size - 1024 + 56, struct.pack("<Q", 1 << 40))
        else:
            poke("d.vmdk", size - 1024, b"X")
        status, text = run(TOOL, "read", "d.vmdk", "x.raw")
        want(status == 1, "it is read:", text)
        mends("d.vmdk", "incomplete stream")
        want(contents("d.vmdk") == wanted, "grains are gone:", what)


def stream_with_damage_in_its_middle():
    grains = {n: pattern(G, n) for n in range(100)}
    stream("d.vmdk", 10 * MIB // 512, grains)
    size = os.path.getsize("d.vmdk")
    poke("d.vmdk", (128 + 50 * 129) * 512, b"\xee" * 3 * 512)
    os.truncate("d.vmdk", size - 1024)
    mends("d.vmdk", "incomplete stream")
    data = contents("d.vmdk")
    lost = [n for n in grains if data[n * G:(n + 1) * G] != grains[n]]
    want(len(lost) == 1, "these are lost:", lost)
    want(data[lost[0] * G:(lost[0] + 1) * G] == bytes(G), "it is something else")


def vmware_has_locked_it():
    tool("create", "d.vmdk", "monolithicSparse", MIB)
    os.mkdir("d.vmdk.lck")
    tool("patch", "d.vmdk", 0, 512, 1)
    write("d.vmdk.lck/M12345.lck", b"\0\2other-host\0 4711-12345678(vmware-vmx)\0")
    text = refused("patch", "d.vmdk", "in use by VMware: other-host 4711", 0, 512, 1)
    want("d.vmdk.lck" in text, text)
    tool("read", "d.vmdk", "x.raw")
    os.unlink("d.vmdk.lck/M12345.lck")
    tool("patch", "d.vmdk", 0, 512, 1)


def disk_without_content_id():
    write("x.bin", bytes(MIB))
    text = descriptor(['RW 2048 FLAT "x.bin"'], kind="custom").replace("\nCID=12345678", "")
    write("d.vmdk", text.encode())
    tool("patch", "d.vmdk", 0, 512, 1)
    equal(read("d.vmdk").decode(), text)
    mends("d.vmdk", "no content ID")


def names_differ_in_case():
    tool("create", "Disk.vmdk", "twoGbMaxExtentSparse", 3 * GIB)
    tool("patch", "Disk.vmdk", 0, 4096, 1)
    os.rename("Disk-s001.vmdk", "DISK-S001.VMDK")
    tool("info", "Disk.vmdk")
    write("disk-s001.vmdk", b"another")
    refused("read", "Disk.vmdk", "Disk-s001.vmdk", "x.raw")


def row_10_odd_capacities():
    for capacity in (1, 127, 128, 129, 65535, 65536, 65537, 20000):
        last = (capacity - 1) // 128
        hosted("d.vmdk", capacity, {0: pattern(G, 1), last: pattern(G, 2)},
               text=descriptor(['RW %d SPARSE "d.vmdk"' % capacity]))
        data = contents("d.vmdk")
        equal(len(data), capacity * 512)
        equal(data[last * G:], pattern(G, 2)[:len(data) - last * G])
        tool("patch", "d.vmdk", capacity * 512 - 512, 512, 5)
        write("d.raw", contents("d.vmdk"))
        same("d.vmdk", "d.raw")
        clean("d.vmdk")
    # The extent is longer than the descriptor says.
    hosted("d.vmdk", 4096, {0: pattern(G, 1)}, text=descriptor(['RW 4000 SPARSE "d.vmdk"']))
    equal(len(contents("d.vmdk")), 4000 * 512)


def row_11_impossible_headers():
    good = dict(capacity=20480, grain=128, version=1, descriptor=(1, 20), rgd=21, gd=26, overhead=128)
    text = descriptor(['RW 20480 SPARSE "d.vmdk"']).encode().ljust(20 * 512, b"\0")
    huge = (1 << 64) - 1
    for cause, change in (("grains of", dict(grain=0)), ("grains of", dict(grain=huge)), ("grains of", dict(grain=1 << 22)),
                          ("grains of", dict(grain=100)), ("grain tables of", dict(gtes=0)),
                          ("grain tables of", dict(gtes=NONE)), ("grain tables of", dict(gtes=8193)),
                          ("capacity of", dict(capacity=0)), ("capacity of", dict(capacity=huge)),
                          ("not in the file", dict(capacity=1 << 50)), ("not in the file", dict(capacity=1 << 40)),
                          ("version 4", dict(version=4)), ("version 0", dict(version=0)),
                          ("not in the file", dict(gd=1 << 40)), ("not in the file", dict(gd=huge - 1)),
                          ("not in the file", dict(gd=0)), ("redundant", dict(rgd=huge - 3)),
                          ("redundant", dict(rgd=100000)), ("not in the file", dict(descriptor=(huge, huge))),
                          ("not in the file", dict(descriptor=(1, huge))), ("not in the file", dict(descriptor=(100000, 20))),
                          ("unknown flags", dict(flags=0x103)), ("markers", dict(flags=0x20003)), ("compression", dict(compression=7)),
                          ("compression", dict(flags=0x10003)), ("took it for text", dict(newline=b"\n \n\n")),
                          ("incomplete stream", dict(gd=GD_AT_END, flags=0x30001, compression=1))):
        write("d.vmdk", (header(**dict(good, **change)) + text).ljust(300 * 512, b"\0"))
        refused("read", "d.vmdk", cause, "x.raw")
        run(TOOL, "check", "d.vmdk")
        run(TOOL, "check", "d.vmdk", "repair")
    # Cut short anywhere.
    whole = (header(**good) + text).ljust(300 * 512, b"\0")
    for length in list(range(0, 600, 7)) + list(range(512, 40 * 512, 512)):
        write("d.vmdk", whole[:length])
        run(TOOL, "read", "d.vmdk", "x.raw")
        run(TOOL, "check", "d.vmdk", "repair")


def row_11_malformed_lines():
    for line, cause in (('RW 2048 VMFS "x.bin" 1', "only FLAT"), ("RW", "names no extents"), ("RW 2048", "no type"),
                        ("RW 2048 FLAT", "no file"), ('RW many FLAT "x.bin"', "no number"),
                        ('RW 99999999999999999999999 FLAT "x.bin"', "no number"), ('RW 0 FLAT "x.bin"', "out of range"),
                        ('RW 18446744073709551615 FLAT "x.bin"', "out of range"), ('RW 2048 ROUND "x.bin"', "unknown"),
                        ('RW 2048 FLAT "x.bin', "no file"), ('RW 2048 FLAT "x.bin" -5', "offset"),
                        ('RW 2048 FLAT "x.bin" 18446744073709551615', "offset"), ('RW 2048 FLAT "x.bin" 1', "has 1048576"),
                        ('RW 2049 FLAT "x.bin"', "has 1048576"), ('RW 2048 FLAT "no.bin"', "is missing"),
                        ('RW 2048 SPARSE "x.bin"', "is no sparse extent"), ('RW 2048 FLAT "."', "cannot open"),
                        ('RW 2048 FLAT "%s"' % ("x" * 5000), ""), ("", "names no extents")):
        write("x.bin", bytes(MIB))
        write("d.vmdk", descriptor([line], kind="custom").encode())
        refused("read", "d.vmdk", cause, "x.raw")
        run(TOOL, "check", "d.vmdk", "repair")
    write("x.bin", bytes(MIB))
    write("d.vmdk", descriptor(['RW %d FLAT "x.bin"' % (1 << 53)] * 3, kind="custom").encode())
    refused("read", "d.vmdk", "has 1048576", "x.raw")
    write("d.vmdk", descriptor(["RW %d ZERO" % (1 << 53)] * 3, kind="custom").encode())
    refused("read", "d.vmdk", "larger than", "x.raw")


def row_12_zeros_over_a_parent():
    for options in ([], ["zeroed_grain=yes"]):
        tool("create", "p.vmdk", "monolithicSparse", 4 * MIB)
        tool("patch", "p.vmdk", 0, 4 * MIB, 1, MIB)
        tool("create", "c.vmdk", "monolithicSparse", 4 * MIB, "p.vmdk", *options)
        parent = contents("p.vmdk")
        tool("zero", "c.vmdk", 0, G, 0)                  # a whole grain
        tool("zero", "c.vmdk", 3 * G, 5 * G, 1)          # discarded
        tool("zero", "c.vmdk", 10 * G + 512, 1024, 1)    # a part of one
        tool("zero", "c.vmdk", 20 * G + 512, 3 * G, 0)   # not at its edges
        tool("patch", "c.vmdk", 30 * G, G, 5)
        tool("zero", "c.vmdk", 30 * G, G, 1)             # what was there in the child
        tool("zero", "c.vmdk", 4 * MIB - 512, 512, 1)
        write("zeros.raw", b"")
        os.truncate("zeros.raw", 4 * MIB)
        wanted = bytearray(parent)
        for offset, length in ((0, G), (3 * G, 5 * G), (10 * G + 512, 1024), (20 * G + 512, 3 * G), (30 * G, G),
                               (4 * MIB - 512, 512)):
            wanted[offset:offset + length] = bytes(length)
        want(contents("c.vmdk") == bytes(wanted), "the parent's data came back", options)
        must("qemu-img", "convert", "-O", "raw", "c.vmdk", "c.raw")
        want(read("c.raw") == bytes(wanted), "qemu-img sees the parent's data", options)
        tool("compact", "c.vmdk")
        want(contents("c.vmdk") == bytes(wanted), "compacting brought them back", options)
        # Zeros as data, as a converter writes them.
        os.truncate("zeros.raw", 0)
        write("zeros.raw", bytes(4 * MIB))
        tool("write", "c.vmdk", "zeros.raw")
        want(contents("c.vmdk") == bytes(4 * MIB), "zeros that were written are not there")
        # Growing over a parent that is longer.
        tool("create", "s.vmdk", "monolithicSparse", 2 * MIB - 512 * 7, "p.vmdk", *options)
        tool("resize", "s.vmdk", 4 * MIB)
        want(contents("s.vmdk")[2 * MIB - 512 * 7:] == bytes(2 * MIB + 512 * 7), "growing shows the parent", options)
        want(contents("s.vmdk")[:2 * MIB - 512 * 7] == parent[:2 * MIB - 512 * 7], "growing hides the parent", options)
        tool("resize", "s.vmdk", MIB + 1024)
        tool("resize", "s.vmdk", 2 * MIB)
        want(contents("s.vmdk")[MIB + 1024:] == bytes(MIB - 1024), "shrinking and growing shows the parent", options)
        for name in glob.glob("*.vmdk"):
            os.unlink(name)


def row_15_cid_is_not_parent_cid():
    tool("create", "p.vmdk", "monolithicSparse", MIB)
    cid = info("p.vmdk")["content-id"]
    # parentCID first, and a text longer than 20 sectors.
    filler = "\n".join("# line %d" % i for i in range(3000))
    hosted("c-1.vmdk", 2048, {})
    write("c.vmdk", ('# Disk DescriptorFile\nversion=1\nparentCID=%s\n%s\nparentFileNameHint="p.vmdk"\ncreateType="custom"\n'
                     'CID=0badcafe\nRW 2048 SPARSE "c-1.vmdk"\nddb.adapterType = "ide"\n' % (cid, filler)).encode())
    equal(len(contents("c.vmdk")), MIB)
    equal(info("c.vmdk")["content-id"], "0badcafe")
    tool("patch", "c.vmdk", 0, 512, 1)
    want(info("c.vmdk")["content-id"] != "0badcafe", "the content ID did not change")
    equal(info("c.vmdk")["parent-content-id"], cid)
    equal(read("c.vmdk").count(b"CID="), 2)
    want(filler.encode() in read("c.vmdk"), "lines are gone")


def row_17_change_tracking_ends_with_a_write():
    write("d-flat.vmdk", bytes(MIB))
    write("d.vmdk", descriptor(['RW 2048 VMFS "d-flat.vmdk"'], kind="vmfs",
                               tail='\n# Change Tracking File\nchangeTrackPath="d-ctk.vmdk"\n').encode())
    tool("read", "d.vmdk", "x.raw")
    want(b"changeTrackPath" in read("d.vmdk"), "it ends with a look")
    text = tool("patch", "d.vmdk", 0, 512, 1)
    want("changed block tracking" in text, "nobody is told:", text)
    want(b"changeTrackPath" not in read("d.vmdk"), "a backup would miss the change")
    want(b"# Change Tracking File\n" in read("d.vmdk"), "another line is gone")


def children_say_what_their_parents_do():
    tool("create", "p.vmdk", "monolithicSparse", 40 * GIB, "adapter_type=lsilogic", "hwversion=10", "toolsversion=7")
    tool("create", "c.vmdk", "monolithicSparse", 40 * GIB, "p.vmdk")
    tool("create", "g.vmdk", "twoGbMaxExtentSparse", 80 * GIB, "c.vmdk")
    top, child, grandchild = info("p.vmdk"), info("c.vmdk"), info("g.vmdk")
    for key in ("adapter-type", "heads", "sectors", "hardware-version", "tools-version"):
        equal((child[key], grandchild[key]), (top[key], top[key]), key)
    equal((top["adapter-type"], top["heads"], top["cylinders"]), ("lsilogic", "255", "5221"))
    equal((child["cylinders"], grandchild["cylinders"]), ("5221", "10443"))
    equal(child["parent-content-id"], top["content-id"])
    want("uuid" in top and "uuid" not in child, "a child has a UUID of its own")


def changed_parent_is_refused():
    tool("create", "p.vmdk", "monolithicSparse", MIB)
    tool("create", "c.vmdk", "monolithicSparse", MIB, "p.vmdk")
    tool("read", "c.vmdk", "x.raw")
    tool("patch", "p.vmdk", 0, 512, 1)
    text = refused("read", "c.vmdk", "was changed after", "x.raw")
    want("rebase" in text, text)
    status, text = check("c.vmdk")
    want(status == 2 and "p.vmdk was changed after" in text, text)
    tool("rebase", "c.vmdk", "p.vmdk")
    clean("c.vmdk")
    tool("read", "c.vmdk", "x.raw")
    # Once for each time that it is open, and only when it is written.
    first = info("p.vmdk")["content-id"]
    tool("read", "p.vmdk", "x.raw")
    equal(info("p.vmdk")["content-id"], first)
    tool("patch", "p.vmdk", 0, 512, 1)
    want(info("p.vmdk")["content-id"] != first, "it did not change")
    equal(info("p.vmdk")["long-content-id"][-8:], info("p.vmdk")["content-id"])


def parents_are_found():
    os.mkdir("parents")
    tool("create", "parents/p.vmdk", "monolithicSparse", MIB)
    tool("patch", "parents/p.vmdk", 0, 4096, 1)
    data, cid = contents("parents/p.vmdk"), info("parents/p.vmdk")["content-id"]
    for hint in ("parents/p.vmdk", "parents\\p.vmdk", "./parents/p.vmdk", os.path.abspath("parents/p.vmdk")):
        hosted("c.vmdk", 2048, {}, text=descriptor(['RW 2048 SPARSE "c.vmdk"'], parent=cid,
                                                   head='parentFileNameHint="%s"' % hint))
        want(contents("c.vmdk") == data, hint)
    # From another machine: beside the child.
    shutil.copy("parents/p.vmdk", "p.vmdk")
    for hint in ("C:\\Virtual Machines\\p.vmdk", "/vmfs/volumes/4d/vm/p.vmdk", "\\\\server\\share\\p.vmdk"):
        hosted("c.vmdk", 2048, {}, text=descriptor(['RW 2048 SPARSE "c.vmdk"'], parent=cid,
                                                   head='parentFileNameHint="%s"' % hint))
        want(contents("c.vmdk") == data, hint)
    hosted("c.vmdk", 2048, {}, text=descriptor(['RW 2048 SPARSE "c.vmdk"'], parent=cid))
    refused("read", "c.vmdk", "does not say which", "x.raw")
    hosted("c.vmdk", 2048, {}, text=descriptor(['RW 2048 SPARSE "c.vmdk"'], parent=cid,
                                               head='parentFileNameHint="none.vmdk"'))
    refused("read", "c.vmdk", "none.vmdk", "x.raw")
    write("raw.img", bytes(MIB))
    hosted("c.vmdk", 2048, {}, text=descriptor(['RW 2048 SPARSE "c.vmdk"'], parent=cid,
                                               head='parentFileNameHint="raw.img"'))
    refused("read", "c.vmdk", "raw.img", "x.raw")


def access_words():
    write("a.bin", pattern(MIB, 1))
    write("b.bin", pattern(MIB, 2))
    os.chmod("b.bin", 0o444)
    write("d.vmdk", descriptor(['RW 2048 FLAT "a.bin"', "RW 100 ZERO", 'RDONLY 2048 FLAT "b.bin"', 'NOACCESS 300 FLAT "c"',
                                "rw 28 zero"], kind="custom").encode())
    equal(info("d.vmdk")["length"], str((2048 + 100 + 2048 + 300 + 28) * 512))
    tool("patch", "d.vmdk", 0, 512, 1)
    tool("zero", "d.vmdk", 2048 * 512, 51200, 0)
    for offset in (2048 * 512, 2148 * 512, 4196 * 512):
        status, text = run(TOOL, "patch", "d.vmdk", offset, 512, 1)
        want(status == 1, "a write at", offset, "succeeds:", text)
    equal(read("b.bin"), pattern(MIB, 2))
    status, text = run(TOOL, "read", "d.vmdk", "x.raw")
    want(status == 1 and b"Input/output" in text, text)
    write("d.vmdk", descriptor(['RDONLY 2048 FLAT "b.bin"', "RW 100 ZERO"], kind="custom").encode())
    equal(contents("d.vmdk"), pattern(MIB, 2) + bytes(51200))


def extents_not_at_multiples_of_a_grain():
    hosted("s1.vmdk", 1001, {0: pattern(G, 1)})
    write("f.bin", pattern(777 * 512, 2))
    hosted("s2.vmdk", 4096, {1: pattern(G, 3)}, grain=64)
    hosted("s3.vmdk", 3000, {})
    write("d.vmdk", descriptor(['RW 1001 SPARSE "s1.vmdk"', 'RW 777 FLAT "f.bin"', 'RW 4096 SPARSE "s2.vmdk"',
                                'RW 3000 SPARSE "s3.vmdk"'], kind="custom").encode())
    data = bytearray(contents("d.vmdk"))
    equal(len(data), 8874 * 512)
    equal(bytes(data[1001 * 512:1778 * 512]), pattern(777 * 512, 2))
    for number, (offset, length) in enumerate([(0, 512), (990 * 512, 20 * 512), (1700 * 512, 200 * 512),
                                               (8874 * 512 - 4096, 4096), (5800 * 512, 300 * 512), (70 * 512, 512)]):
        tool("patch", "d.vmdk", offset, length, number)
        now = contents("d.vmdk")
        want(now[offset:offset + length] != data[offset:offset + length], "nothing was written at", offset)
        data[offset:offset + length] = now[offset:offset + length]
        want(now == bytes(data), "a write at", offset, "changed something else")
    for offset, length in ((100 * 512, 512), (2000 * 512, 100 * 512), (5874 * 512 - 512, 1024)):
        tool("zero", "d.vmdk", offset, length, 1)
        data[offset:offset + length] = bytes(length)
        want(contents("d.vmdk") == bytes(data), "zeros at", offset, "changed something else")
    clean("d.vmdk")


def encodings():
    for encoding, codec, name in (("windows-1252", "cp1252", "Größe"), ("Shift_JIS", "shift_jis", "仮想ディスク"),
                                  ("GBK", "gbk", "虚拟磁盘"), ("UTF-8", "utf-8", "диск"), ("", "utf-8", "дом"),
                                  ("windows-1251", "cp1251", "диск два")):
        write(name + ".bin", pattern(MIB, 1))
        head = 'encoding="%s"' % encoding if encoding else ""
        write("d.vmdk", descriptor(['RW 2048 FLAT "%s.bin" 0' % name], kind="custom", head=head).encode(codec))
        equal(contents("d.vmdk"), pattern(MIB, 1), name)
        before = read("d.vmdk")
        tool("patch", "d.vmdk", 0, 512, 1)
        equal(read("d.vmdk").split(b"# Extent")[1], before.split(b"# Extent")[1], name)
    # A parent's name in the child's encoding.
    tool("create", "Größe.vmdk", "monolithicSparse", MIB)
    hosted("c.vmdk", 2048, {}, text=descriptor(['RW 2048 SPARSE "c.vmdk"'], head='encoding="windows-1252"'))
    tool("rebase", "c.vmdk", "Größe.vmdk")
    want('parentFileNameHint="Größe.vmdk"'.encode("cp1252") in peek("c.vmdk", 512, 10240), "it is in another encoding")
    tool("read", "c.vmdk", "x.raw")
    tool("create", "диск.vmdk", "monolithicSparse", MIB)
    status, text = run(TOOL, "rebase", "c.vmdk", "диск.vmdk")
    want(status == 1 and b"encoding" in text, text)
    tool("read", "c.vmdk", "x.raw")


def refused_by_name():
    for kind in ("fullDevice", "partitionedDevice", "vmfsRDM", "vmfsRawDeviceMap", "vmfsRDMP", "vmfsRaw",
                 "vmfsPassthroughRawDeviceMap"):
        write("d.vmdk", descriptor(['RW 63 FLAT "d-pt.vmdk" 0', 'RW 2048 FLAT "\\\\.\\PhysicalDrive0" 63'], kind=kind).encode())
        refused("read", "d.vmdk", kind, "x.raw")
    write("d.vmdk", descriptor(['RW 2048 FLAT "/dev/sda" 63'], kind="custom").encode())
    refused("read", "d.vmdk", "/dev/sda", "x.raw")
    write("d.vmdk", descriptor(['RW 2048 VMFSRDM "d-rdm.vmdk"'], kind="custom").encode())
    refused("read", "d.vmdk", "d-rdm.vmdk", "x.raw")
    write("x.bin", bytes(MIB))
    for line in ('encryptionKeys="vmware:key/list/(pair/(phrase/x"', 'ddb.iofilters = "vmwarevmcrypt"'):
        write("d.vmdk", descriptor(['RW 2048 FLAT "x.bin"'], kind="monolithicFlat", head=line).encode())
        refused("read", "d.vmdk", "is encrypted", "x.raw")
    tool("create", "t.vmdk", "twoGbMaxExtentSparse", MIB)
    refused("read", "t-s001.vmdk", "one extent of a disk", "x.raw")
    write("v.vmdk", descriptor(['RW 2048 FLAT "x.bin"'], kind="custom").replace("version=1", "version=9").encode())
    refused("read", "v.vmdk", "version 9", "x.raw")


def cowd_extents():
    capacity, at = 8192 + 10, 40
    gd = struct.pack("<3I", 8, 0, 0)
    table = [0] * 4096
    data = {3: pattern(512, 3), 4: pattern(512, 4), 100: pattern(512, 5)}
    blob = bytearray(64 * 512)
    for n, number in enumerate(data):
        table[number] = at + n
        blob[(at + n) * 512:(at + n + 1) * 512] = data[number]
    head = struct.pack("<4sIIIIIII", b"COWD", 1, 3, capacity, 1, 4, 3, at + 3).ljust(2048, b"\0")
    blob[:2048] = head
    blob[2048:2048 + 12] = gd
    blob[8 * 512:8 * 512 + 16384] = struct.pack("<4096I", *table)
    write("d-delta.vmdk", bytes(blob))
    tool("create", "p.vmdk", "monolithicSparse", capacity * 512)
    tool("patch", "p.vmdk", 0, capacity * 512, 1, MIB)
    wanted = bytearray(contents("p.vmdk"))
    for number in data:
        wanted[number * 512:(number + 1) * 512] = data[number]
    write("d.vmdk", descriptor(['RW %d VMFSSPARSE "d-delta.vmdk"' % capacity], kind="vmfsSparse",
                               parent=info("p.vmdk")["content-id"], head='parentFileNameHint="p.vmdk"').encode())
    want(contents("d.vmdk") == bytes(wanted), "COWD differs")
    equal(info("d.vmdk")["sparse-extent"], "COWD")
    clean("d.vmdk")
    must("qemu-img", "convert", "-O", "raw", "d.vmdk", "q.raw")
    want(read("q.raw") == bytes(wanted), "qemu-img reads another disk")
    status, text = run(TOOL, "patch", "d.vmdk", 0, 512, 1)
    want(status == 1 and b"Read-only" in text, text)
    poke("d-delta.vmdk", 8 * 512 + 7 * 4, struct.pack("<I", 99999))
    status, text = check("d.vmdk")
    want(status == 2 and "1 grains or tables" in text, text)
    for offset in range(4, 32, 4):
        for value in (0, 1, NONE, 1 << 31, 3000000000):
            write("d-delta.vmdk", bytes(blob))
            poke("d-delta.vmdk", offset, struct.pack("<I", value))
            run(TOOL, "read", "d.vmdk", "x.raw")
            run(TOOL, "check", "d.vmdk", "repair")


def sesparse_extents():
    capacity = 8 * 4096 + 80
    # Sections, in sectors: second header 1, journal 2, directory 8, tables 16, free bitmap, backmap, grains.
    blob = bytearray((16 + 128 + 16 + 64) * 512)
    grains = 16 + 128 + 16
    const = struct.pack("<QQQQQQ", 0xCAFEBABE, 0x200000001, capacity, 8, 64, 0).ljust(80, b"\0")
    const += struct.pack("<16Q", 1, 1, 2, 2, 4, 4, 8, 8, 16, 128, 144, 4, 148, 4, grains, 64)
    blob[:len(const)] = const
    blob[512:512 + 32] = struct.pack("<QQQQ", 0xCAFECAFE, 1, 1, 0)
    blob[8 * 512:8 * 512 + 16] = struct.pack("<QQ", 0x1000000000000001, 0x1000000000000000)

    def index(number):
        return 3 << 60 | (number & 0xFFF) << 48 | number >> 12

    first = [0] * 4096
    first[0], first[1], first[2], first[3] = index(2), index(3), 2 << 60, 1 << 60
    first[4095] = index(0)
    second = [0] * 4096
    second[9] = index(5)
    blob[(16 + 64) * 512:(16 + 128) * 512] = struct.pack("<4096Q", *first)
    blob[16 * 512:(16 + 64) * 512] = struct.pack("<4096Q", *second)
    data = pattern(64 * 512, 3)
    blob[grains * 512:] = data
    tool("create", "p.vmdk", "monolithicSparse", capacity * 512)
    tool("patch", "p.vmdk", 0, capacity * 512, 1, MIB)
    wanted = bytearray(contents("p.vmdk"))
    for place, source in ((0, 2), (1, 3), (4095, 0), (4096 + 9, 5)):
        wanted[place * 4096:(place + 1) * 4096] = data[source * 4096:(source + 1) * 4096]
    wanted[2 * 4096:4 * 4096] = bytes(8192)
    write("d-sesparse.vmdk", bytes(blob))
    text = descriptor(['RW %d SESPARSE "d-sesparse.vmdk"' % capacity], kind="seSparse",
                      parent=info("p.vmdk")["content-id"], head='parentFileNameHint="p.vmdk"')
    write("d.vmdk", text.encode())
    want(contents("d.vmdk") == bytes(wanted), "seSparse differs")
    must("qemu-img", "convert", "-O", "raw", "d.vmdk", "q.raw")
    want(read("q.raw") == bytes(wanted), "qemu-img reads another disk")
    clean("d.vmdk")
    poke("d-sesparse.vmdk", 512 + 24, struct.pack("<Q", 1))
    refused("read", "d.vmdk", "journal", "x.raw")
    for offset in list(range(0, 48, 8)) + list(range(80, 208, 8)) + [8 * 512, 16 * 512, 80 * 512]:
        for value in (0, 1, (1 << 64) - 1, 1 << 63, 1 << 40, 0x3FFF << 48):
            write("d-sesparse.vmdk", bytes(blob))
            poke("d-sesparse.vmdk", offset, struct.pack("<Q", value))
            run(TOOL, "read", "d.vmdk", "x.raw")
            run(TOOL, "check", "d.vmdk", "repair")


def headers_of_version_2_and_3():
    for version, flags in ((1, 3), (2, 7), (3, 3), (3, 7), (2, 3), (1, 1)):
        hosted("d.vmdk", 4096, {0: pattern(G, 1), 5: pattern(G, 2)}, version=version, flags=flags,
               text=descriptor(['RW 4096 SPARSE "d.vmdk"']))
        data = contents("d.vmdk")
        equal(data[5 * G:6 * G], pattern(G, 2))
        tool("patch", "d.vmdk", 7 * G, 512, 3)
        equal(contents("d.vmdk")[:7 * G], data[:7 * G])
        equal(fields("d.vmdk")["version"], version)
        clean("d.vmdk")


def damage(name="d.vmdk", grains=8):
    data = {n: pattern(G, n + 50) for n in range(grains)}
    hosted(name, 4096, data, text=descriptor(['RW 4096 SPARSE "%s"' % name]))
    return data


def mend_differing_tables():
    data = damage()
    good = entry("d.vmdk", 3)
    entry("d.vmdk", 3, 0, copies=(0,))
    mends("d.vmdk", "1 entries differ")
    equal(entry("d.vmdk", 3), good)
    entry("d.vmdk", 3, 0, copies=(1,))
    mends("d.vmdk", "1 entries differ")
    equal(entry("d.vmdk", 3), good)
    entry("d.vmdk", 3, 0x7FFFFFFF, copies=(1,))
    mends("d.vmdk", "1 entries differ")
    equal(entry("d.vmdk", 3), good)
    equal(contents("d.vmdk")[3 * G:4 * G], data[3])
    equal(peek("d.vmdk", tables_of("d.vmdk")[0], 2048), peek("d.vmdk", tables_of("d.vmdk")[1], 2048))


def mend_grains_at_impossible_places():
    for place, cause in ((0x7FFFFFFF, "behind the end"), (3, "where headers"), (30, "where headers"), (1, "zero")):
        data = damage()
        entry("d.vmdk", 2, place)
        status, text = run(TOOL, "read", "d.vmdk", "x.raw")
        want(status == 1 and b"Input/output" in text, "it is read:", text)
        # And nothing is written over what is there.
        before = peek("d.vmdk", 1024, 40 * 512)
        status, text = run(TOOL, "patch", "d.vmdk", 2 * G, G, 1)
        want(status == 1, "it is written to:", text)
        want(peek("d.vmdk", 1024, 40 * 512) == before, "headers or tables were written over")
        mends("d.vmdk", cause)
        now = contents("d.vmdk")
        equal(now[2 * G:3 * G], bytes(G), "the lost grain")
        equal(now[3 * G:4 * G], data[3], "another grain")
        must("qemu-img", "check", "d.vmdk")


def mend_doubly_used_grains():
    data = damage()
    entry("d.vmdk", 20, entry("d.vmdk", 2))
    entry("d.vmdk", 21, entry("d.vmdk", 3) + 64)
    mends("d.vmdk", "2 grains lie over other grains")
    tool("patch", "d.vmdk", 20 * G, G, 1)
    now = contents("d.vmdk")
    equal(now[2 * G:3 * G], data[2], "one that shared")
    equal(now[3 * G:4 * G], data[3], "one that was overlapped")


def mend_directories():
    for name, other in (("gdOffset", "rgdOffset"), ("rgdOffset", "gdOffset")):
        for value in (0x7FFFFFFF, 0, 5, 1):
            data = damage()
            head = fields("d.vmdk")
            poke("d.vmdk", head[name] * 512, struct.pack("<I", value))
            # It can be read as it is.
            equal(contents("d.vmdk")[3 * G:4 * G], data[3], (name, value)) if value != 5 and value != 1 else None
            mends("d.vmdk", "1 tables are at impossible places")
            equal(contents("d.vmdk")[:8 * G], b"".join(data.values()), (name, value))
            tool("patch", "d.vmdk", 30 * G, G, 3)
            clean("d.vmdk")
    data = damage()
    head = fields("d.vmdk")
    for name in ("gdOffset", "rgdOffset"):
        poke("d.vmdk", head[name] * 512, struct.pack("<I", 0x7FFFFFFF))
    status, text = run(TOOL, "patch", "d.vmdk", 0, 512, 1)
    want(status == 1, "it was written to")
    mends("d.vmdk", "1 grain tables are at impossible places")
    tool("patch", "d.vmdk", 0, 512, 1)


def mend_header_that_lost_a_directory():
    for place, word in ((48, "redundant grain directory"), (56, "grain directory")):
        for value in (1 << 40, 0x7FFFFFFF, 5000):
            data = damage()
            poke("d.vmdk", place, struct.pack("<Q", value))
            refused("read", "d.vmdk", word, "x.raw")
            before = read("d.vmdk")
            check("d.vmdk")
            equal(read("d.vmdk"), before, "check changed it")
            mends("d.vmdk", "directory is where it cannot be")
            equal(contents("d.vmdk")[:8 * G], b"".join(data.values()), (place, value))
            head = fields("d.vmdk")
            want(head["rgdOffset"] not in (0, head["gdOffset"]) and head["flags"] & 2, "there is only one directory")
            equal(peek("d.vmdk", tables_of("d.vmdk")[0], 2048), peek("d.vmdk", tables_of("d.vmdk")[1], 2048))
            tool("patch", "d.vmdk", 30 * G, G, 3)
            must("qemu-img", "check", "d.vmdk")
            clean("d.vmdk")


def mend_cut_file():
    data = damage()
    size = os.path.getsize("d.vmdk")
    os.truncate("d.vmdk", size - 1000)
    mends("d.vmdk", "cut off by the end")
    equal(os.path.getsize("d.vmdk"), size)
    equal(contents("d.vmdk")[7 * G:8 * G], data[7][:G - 1000] + bytes(1000))
    os.truncate("d.vmdk", size - 3 * G)
    mends("d.vmdk", "behind the end")
    write("x.bin", bytes(MIB - 100))
    write("f.vmdk", descriptor(['RW 2048 FLAT "x.bin" 0'], kind="monolithicFlat").encode())
    refused("read", "f.vmdk", "the descriptor wants", "x.raw")
    mends("f.vmdk", "what was behind is lost")
    equal(contents("f.vmdk"), bytes(MIB))


def mend_capacity_and_overhead():
    hosted("d.vmdk", 4096, {0: pattern(G, 1)}, text=descriptor(['RW 8192 SPARSE "d.vmdk"']))
    refused("read", "d.vmdk", "capacity of 4096", "x.raw")
    mends("d.vmdk", "capacity of 4096")
    equal(contents("d.vmdk"), pattern(G, 1) + bytes(8192 * 512 - G))
    damage()
    poke("d.vmdk", 64, struct.pack("<Q", 100000))
    mends("d.vmdk", "grains begin at sector 100000")
    damage()
    os.truncate("d.vmdk", os.path.getsize("d.vmdk") + 10 * G)
    mends("d.vmdk", "goes on for")


def mend_descriptor():
    damage()
    before = contents("d.vmdk")
    poke("d.vmdk", 512, b"\xff" * 512)
    refused("read", "d.vmdk", "descriptor of d.vmdk is damaged", "x.raw")
    mends("d.vmdk", "is no text")
    equal(contents("d.vmdk"), before)
    same_as = before
    write("d.raw", same_as)
    same("d.vmdk", "d.raw")
    damage()
    text = peek("d.vmdk", 512, 10240).replace(b"CID=12345678", b"CIX=12345678", 1)
    poke("d.vmdk", 512, text.replace(b"ddb.geometry.heads", b"ddb.geometry.xeads"))
    mends("d.vmdk", "no content ID")
    equal(info("d.vmdk")["heads"], "16")


def unclean_end_of_another_program():
    data = damage()
    poke("d.vmdk", 72, b"\1")
    entry("d.vmdk", 5, 0, copies=(1,))
    tool("patch", "d.vmdk", 20 * G, G, 1)
    equal(fields("d.vmdk")["uncleanShutdown"], 0)
    equal(contents("d.vmdk")[5 * G:6 * G], data[5])
    clean("d.vmdk")
    # What is not safe to write on is only read.
    damage()
    poke("d.vmdk", 72, b"\1")
    entry("d.vmdk", 5, entry("d.vmdk", 2))
    status, text = run(TOOL, "patch", "d.vmdk", 20 * G, G, 1)
    want(status == 1 and b"Read-only" in text, text)
    equal(fields("d.vmdk")["uncleanShutdown"], 1)
    equal(contents("d.vmdk")[2 * G:3 * G], data[2])
    mends("d.vmdk", "lie over other grains")
    equal(fields("d.vmdk")["uncleanShutdown"], 0)
    tool("patch", "d.vmdk", 20 * G, G, 1)


def missing_extents():
    tool("create", "t.vmdk", "twoGbMaxExtentSparse", 5 * GIB)
    os.unlink("t-s002.vmdk")
    refused("read", "t.vmdk", "t-s002.vmdk", "x.raw")
    status, text = check("t.vmdk")
    want(status == 2 and "t-s002.vmdk" in text, text)
    write("t-s002.vmdk", b"something else" * 100)
    refused("read", "t.vmdk", "is no sparse extent", "x.raw")
    status, text = check("t.vmdk")
    want(status == 2 and "is no sparse extent" in text, text)


def names_in_the_way():
    for variant in ("monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse"):
        tool("create", "d.vmdk", variant, MIB)
        before = {name: read(name) for name in glob.glob("*")}
        status, text = run(TOOL, "create", "d.vmdk", variant, 2 * MIB)
        want(status == 1 and b"exists" in text.lower(), text)
        equal({name: read(name) for name in glob.glob("*")}, before, "files changed")
        os.unlink("d.vmdk")
        if variant != "monolithicSparse":
            status, text = run(TOOL, "create", "d.vmdk", variant, 2 * MIB)
            want(status == 1 and b"exists" in text.lower(), text)
            want(not os.path.exists("d.vmdk"), "a descriptor is left behind")
            want(len(glob.glob("*")) == len(before) - 1, "extents of another disk were removed")
        for name in glob.glob("*"):
            os.unlink(name)
    for words in ((2 * MIB + 100,), (0,), (MIB, "grain_size=5000"), (MIB, "grain_size=4096"), (MIB, "adapter_type=x"),
                  (MIB, "nothing=1")):
        status, text = run(TOOL, "create", "d.vmdk", "monolithicSparse", *words)
        want(status == 1 and not os.path.exists("d.vmdk"), words, text)


def large_disks_open_quickly():
    for variant in ("monolithicSparse", "twoGbMaxExtentFlat"):
        length = 2 * 1024 * GIB if variant == "monolithicSparse" else 100 * GIB
        tool("create", variant + ".vmdk", variant, length)
        tool("patch", variant + ".vmdk", length - G, G, 1)
        equal(info(variant + ".vmdk")["length"], str(length))
    # As many bytes as it takes to know where things are.
    if shutil.which("strace") is None:
        return
    status, text = run("env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-e", "trace=pread64,preadv,read", TOOL, "info", "monolithicSparse.vmdk")
    if status == 0:
        total = sum(int(match) for match in re.findall(rb"= (\d+)$", text, re.M))
        want(total < 2 * MIB, "it reads", total, "bytes")


if __name__ == "__main__":
    main([row_1_file_larger_than_4_gib, row_1_allocation_behind_4_gib, row_2_flat_lines_with_offsets, row_3_renamed_file,
          row_4_capacity_is_the_disks, row_5_room_behind_the_descriptor, row_6_descriptor_is_replaced, row_7_first_line,
          row_8_stream_that_esxi_takes, row_9_markers_in_another_order, row_10_odd_capacities, row_11_impossible_headers,
          row_11_malformed_lines, row_12_zeros_over_a_parent, row_15_cid_is_not_parent_cid,
          row_17_change_tracking_ends_with_a_write, children_say_what_their_parents_do,
          stream_cut_short_is_named_and_saved, stream_with_a_damaged_grain,
          stream_whose_directory_is_damaged, stream_with_damage_in_its_middle,
          vmware_has_locked_it, disk_without_content_id, names_differ_in_case, changed_parent_is_refused, parents_are_found,
          access_words, extents_not_at_multiples_of_a_grain, encodings, refused_by_name, cowd_extents, sesparse_extents,
          headers_of_version_2_and_3, mend_differing_tables, mend_grains_at_impossible_places, mend_doubly_used_grains,
          mend_directories, mend_header_that_lost_a_directory, mend_cut_file, mend_capacity_and_overhead,
          mend_descriptor, unclean_end_of_another_program,
          missing_extents, names_in_the_way, large_disks_open_quickly])
