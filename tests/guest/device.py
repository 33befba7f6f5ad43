#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""A small guest of our own per device, which drives it by its datasheet (tests/guest/device/*.S says how)."""

import os
import re
import struct
import time
import zlib

import guest
import media

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "device")
CHECKS = re.compile(r'^\s*(?:IS|BITS|BETWEEN|CLEAR|CARRY)\s+"([^"\\]+)"', re.M)
LIMIT = 32 << 10
DISK = 1 << 20
PARTS = "[exit0]\nplugin = debug-exit\n"


def build(folder, name, *flags):
    """Assemble a guest; returns its image, which the BIOS loads at 7C00, and the names of its checks."""
    source = os.path.join(SOURCES, name + ".S")
    built = folder.file(name + ".o")
    image = folder.file(name + ".bin")
    media.run("gcc", "-m32", "-c", "-I", SOURCES, *flags, "-o", built, source)
    media.run("ld", "-m", "elf_i386", "-N", "-e", "start", "-Ttext", "0x7c00", "--oformat", "binary", "-o", image, built)
    with open(image, "rb") as f:
        data = f.read()
    assert data[510:512] == b"\x55\xaa" and len(data) <= LIMIT, "%s has %d bytes" % (name, len(data))
    media.run("gcc", "-m32", "-E", "-I", SOURCES, *flags, "-o", image + ".i", source)
    with open(image + ".i") as f:
        return data, CHECKS.findall(f.read())


def disk(folder, name, data, size=DISK):
    """A disk image of `size` bytes that begins with `data`."""
    path = folder.file(name)
    with open(path, "wb") as f:
        f.write(data)
        f.truncate(size)
    return path


def judge(it, names):
    """Every check must have come, and said ok."""
    lines = it.text.replace("\r", "").splitlines()
    wrong = [line for line in lines if ": FAIL" in line]
    wrong += ["%s: did not come" % name for name in dict.fromkeys(names)
              if not any(line.startswith(name + ": ") for line in lines)]
    if wrong:
        it.fail("\n".join(wrong))


def numbers(first, count):
    """Words of 32 bits that are their own numbers."""
    return struct.pack("<%dI" % count, *range(first, first + count))


def work(name, extra="", machine="", boot="disk", answer=None, status=33, flags=(), memory="64M", timeout=100):
    """Run a guest to its end from a disk, with more of a machine file; `answer(it, words)` does what it asks for."""
    with guest.Folder() as folder:
        data, names = build(folder, name, *flags)
        parts = {"disk": "[disk0]\nplugin = ide-disk\nmedia = %s\n", "floppy": "[floppy0]\nplugin = floppy-disk\nmedia = %s\n",
                 "none": "; %s\n"}
        image = disk(folder, "boot.img", data, 1474560 if boot == "floppy" else DISK)
        if callable(extra):
            extra = extra(folder, data)
        file = folder.file("guest.ini", "[machine]\nname = guest\nbase = pc\nmemory = %s\n%s%s%s%s" %
                           (memory, machine, PARTS, parts[boot] % image, extra))
        with guest.Guest(folder, file) as it:
            while answer:
                before = it.expect("\n", timeout)
                if before.startswith("HOST "):
                    answer(it, before.split()[1:])
                elif before.startswith("END "):
                    break
            ended = it.wait(timeout)
            judge(it, names)
            assert ended == status, "it ended with status %d" % ended


# Where rates are measured, guest time must not depend on how busy the host is.
COUNTED = "clock = instructions\n"


def timer():
    work("timer", machine=COUNTED)


def ide():
    """The boot disk has more sectors than 28 bits can number, and holes for nearly all of them."""
    sectors, blocks = 0x10000000 + 0x1000, 300

    def extra(folder, data):
        with open(folder.file("boot.img"), "r+b") as f:
            f.seek(64 * 512)
            f.write(numbers(64 * 128, (2048 - 64) * 128))
            f.seek((0x10000040) * 512)
            f.write(numbers(0x2000, 128))
            f.truncate(sectors * 512)
        return "[cd0]\nplugin = ide-cd\naddress = 1.0\nmedia = %s\n" % disk(folder, "disc", numbers(0, blocks * 512),
                                                                         blocks * 2048)

    work("ide", extra, flags=["-DSECTORS=%d" % sectors, "-DDISC_BLOCKS=%d" % blocks])


def floppy():
    size = 1474560

    def extra(folder, data):
        image = numbers(0, size // 4)
        return ("[floppy0]\nplugin = floppy-disk\nmedia = %s\n[floppy1]\nplugin = floppy-disk\nmedia = %s\n"
                "media.readonly = yes\n" % (disk(folder, "a.img", image, size), disk(folder, "b.img", image, size)))

    def answer(it, words):
        if words[0] == "change":
            it.call("attach", instance="floppy0",
                    value=disk(it.folder, "c.img", numbers(0x40000000, size // 4), size))
        else:
            it.call("detach", instance="floppy0")

    work("floppy", extra, answer=answer)


def keyboard():
    def answer(it, words):
        if words[0] == "keys":
            it.keys(*words[1:])
        else:
            dx, dy, buttons = [int(word) for word in words[1:] + ["0"]][:3]
            it.call("mouse", dx=dx, dy=dy, dz=0, buttons=buttons)

    work("keyboard", answer=answer)


def bios():
    work("bios")


def tables():
    work("tables", status=0)


def pixels(png):
    """The rows of a PNG of 8-bit colours, each a list of (red, green, blue)."""
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and interlace == 0, body
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    data = zlib.decompress(data)
    step = 3 if colour == 2 else 4
    above = bytearray(width * step)
    rows = []
    for y in range(height):
        start = y * (width * step + 1)
        line = bytearray(data[start + 1:start + 1 + width * step])
        kind = data[start]
        for i in range(len(line)) if kind else ():
            left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
            if kind == 1:
                guess = left
            elif kind == 2:
                guess = above[i]
            elif kind == 3:
                guess = (left + above[i]) // 2
            else:
                guess = min((left, above[i], corner), key=lambda value: abs(left + above[i] - corner - value))
            line[i] = line[i] + guess & 255
        rows.append(list(zip(line[0::step], line[1::step], line[2::step])))
        above = line
    return rows


def looked(it, what, more):
    """Is the picture what the guest has drawn?"""
    width, height, png = it.picture()
    rows = pixels(png)
    if what == "vbe":
        assert (width, height) == (800, 600), (width, height)
        for y, row in enumerate(rows, int(more)):
            assert row == [(x & 255, y & 255, (x ^ y) & 255) for x in range(800)], "line %d from the top of memory" % y
    elif what.startswith("mode13"):
        mask = 15 if what.endswith("masked") else 255
        assert width % 320 == 0 and height % 200 == 0, (width, height)
        six = [value << 2 | value >> 4 for value in range(64)]
        for y in range(200):
            for x in range(320):
                index = (x + 2 * y) & mask
                got = rows[y * height // 200][x * width // 320]
                assert got == (six[index >> 2], six[index >> 2 ^ 63], six[index & 63]), (x, y, index, got)
    elif what.startswith("mode12"):
        assert (width, height) == (640, 480), (width, height)
        colours = [rows[479][8 * c] for c in range(16)]
        assert len(set(colours)) == 16 and colours[0] == (0, 0, 0) and colours[15] == (255, 255, 255), colours
        want = [colours[x // 8 % 16] for x in range(640)]
        assert rows[200] == want
        if what.endswith("written"):
            five, six, nine = colours[5], colours[6], colours[9]
            want[82:86] = [five] * 4
            want[92:96] = [nine] * 4
            want[96:104] = want[80:88]
            want[104:108] = [six] * 4
        assert rows[0] == want, [(x, colours.index(rows[0][x]), colours.index(want[x])) for x in range(640)
                                 if rows[0][x] != want[x]]
    else:
        assert (width, height) in ((720, 400), (640, 400)), (width, height)
        cell = width // 80
        # White on blue: nothing else in those cells, and both of them.
        words = {rows[5 * 16 + y][10 * cell + x] for y in range(16) for x in range(18 * cell)}
        assert words == {(0, 0, 170), (255, 255, 255)}, words
        assert it.screen()[5][10:28] == "Written by a guest", it.screen()[5]


def video():
    def answer(it, words):
        try:
            looked(it, words[0], (words + [""])[1])
        except AssertionError as problem:
            it.fail("%s: %s" % (" ".join(words), problem))
        it.send("k")

    work("video", machine=COUNTED, answer=answer, flags=["-DMEMORY=%d" % (16 << 20)])


def from_disc(words, flag, prepare=lambda data: data, sectors=0):
    """Boot the guest from a CD: its image, as prepared, in a file system of ISO 9660."""
    def extra(folder, data):
        tree = folder.file("tree")
        os.mkdir(tree)
        data = prepare(data)
        with open(os.path.join(tree, "boot.img"), "wb") as f:
            f.write(data + bytes(-len(data) % 2048))
        load = ["-boot-load-size", str(-(-len(data) // 2048) * 4)] if "-no-emul-boot" in words else []
        media.run("xorriso", "-as", "mkisofs", "-quiet", "-b", "boot.img", "-c", "boot.cat", *words, *load, "-o",
                  folder.file("boot.iso"), tree)
        return "[cd0]\nplugin = ide-cd\naddress = 1.0\nmedia = %s\n" % folder.file("boot.iso")

    work("boot", extra, boot="none", flags=[flag])


def numbered(data, size):
    """An image of `size` bytes whose words are their numbers from sector 64 on."""
    return data + bytes(64 * 512 - len(data)) + numbers(64 * 128, size // 4 - 64 * 128)


def boot_disk():
    def extra(folder, data):
        disk(folder, "boot.img", numbered(data, 2 << 20), 64 << 20)
        return ""

    work("boot", extra, flags=["-DDISK"])


def boot_floppy():
    def extra(folder, data):
        disk(folder, "boot.img", numbered(data, 1474560), 1474560)
        return ""

    work("boot", extra, boot="floppy", flags=["-DFLOPPY"])


def boot_cd():
    from_disc(["-no-emul-boot"], "-DCD")


def boot_cd_floppy():
    from_disc([], "-DCD_FLOPPY", lambda data: numbered(data, 1474560))


def boot_cd_disk():
    def prepare(data):
        # Its geometry is told by where its one partition ends: 4 cylinders, 16 heads, 63 sectors.
        data = numbered(data, 4032 * 512)
        entry = struct.pack("<8B2I", 0x80, 1, 1, 0, 6, 15, 63, 3, 63, 4032 - 63)
        return data[:446] + entry + data[462:]

    from_disc(["-hard-disk-boot"], "-DCD_DISK", prepare)


def dma():
    work("dma")


def parallel():
    with guest.Folder() as elsewhere:
        path = elsewhere.file("printed")
        # Behind the serial port, which is to stay the first one with a byte stream.
        work("parallel", "[parallel0]\nbackend = char-file\nbackend.file = %s\n" % path)
        with open(path) as f:
            text = f.read()
    assert text == "By the BIOS\nBy the registers\nBy the FIFO, which has room for sixteen bytes\n", repr(text)


def reset():
    work("reset", answer=lambda it, words: it.keys(*words[1:]))


def interrupt():
    work("interrupt", machine=COUNTED)


def serial():
    with guest.Folder() as elsewhere:
        path = elsewhere.file("sent")
        work("serial", "[serial1]\nplugin = serial-16550\nport = com2\npace = yes\nbackend = char-file\n"
             "backend.file = %s\n" % path, machine=COUNTED)
        with open(path) as f:
            text = f.read()
    assert text == "Sent with interrupts\n", repr(text)


def power():
    work("power", answer=lambda it, words: it.call("button"), status=0)


def sleep():
    def answer(it, words):
        end = time.monotonic() + 60
        while it.call("status")["state"] != "sleeping":
            assert time.monotonic() < end, "it does not fall asleep"
            time.sleep(0.1)
        it.call("button")

    work("sleep", answer=answer)


if __name__ == "__main__":
    guest.main(timer, ide, floppy, keyboard, bios, tables, video, boot_disk, boot_floppy, boot_cd, boot_cd_floppy,
               boot_cd_disk, dma, parallel, reset, interrupt, serial, power, sleep)
