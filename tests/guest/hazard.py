#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""A small guest of our own per hazard that a translator can fall into (tests/guest/hazard/*.S), on every tier.

What a guest must find is a constant in it, derived from the manual."""

import os
import struct
import zlib

import device
import guest
import media

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hazard")
TIERS = os.environ.get("VMM_TIERS", "T0 T1 T2").split()
TIMEOUT = 30
# Where interrupts come at counted instants, every run is the same.
COUNTED = "clock = instructions\n"


def build(folder, name, *flags):
    """Assemble a guest; returns its image, which the BIOS loads at 7C00, and the names of its checks."""
    source = os.path.join(SOURCES, name + ".S")
    built, image = folder.file("guest.o"), folder.file("guest.bin")
    flags = ["-I", SOURCES, "-I", device.SOURCES, *flags]
    # Code of 64 bits has relocations of its own, which serve the others too.
    media.run("gcc", "-m64", "-c", *flags, "-o", built, source)
    media.run("ld", "-m", "elf_x86_64", "-N", "-e", "start", "-Ttext", "0x7c00", "--oformat", "binary", "-o", image, built)
    with open(image, "rb") as f:
        data = f.read()
    assert data[510:512] == b"\x55\xaa" and len(data) <= device.LIMIT, "%s has %d bytes" % (name, len(data))
    media.run("gcc", "-m64", "-E", *flags, "-o", image + ".i", source)
    with open(image + ".i") as f:
        return data, device.CHECKS.findall(f.read())


def run(name, tier, prepare, machine, model, engine, flags):
    """Run a guest on a tier to its end; what is wrong with it, or nothing."""
    with guest.Folder() as folder:
        data, names = build(folder, name, *flags)
        image = device.disk(folder, "boot.img", prepare(data))
        file = folder.file("guest.ini", "[machine]\nname = guest\nbase = pc\nmemory = 64M\n%s[cpu]\nmodel = %s\n"
                           "[engine]\ntier = %s\nhot = 2\n%s%s[disk0]\nplugin = ide-disk\nmedia = %s\n" %
                           (machine, model, tier, engine, device.PARTS, image))
        with guest.Guest(folder, file) as it:
            try:
                ended = it.wait(TIMEOUT)
                device.judge(it, names)
                assert ended == 33, "it ended with status %d" % ended
            except AssertionError as problem:
                return "%s: %s" % (tier, problem)
    return None


def work(name, prepare=lambda data: data, machine="", model="x86-64-v2", engine="", flags=(), tiers=TIERS):
    """Run a guest on each tier, all of them in any case."""
    wrong = list(filter(None, [run(name, tier, prepare, machine, model, engine, flags) for tier in tiers]))
    assert not wrong, "\n".join(wrong)


def avx():
    with open("/proc/cpuinfo") as f:
        if " avx2 " not in f.read():
            raise guest.Skip("the host has no AVX2")
    work("avx", machine=COUNTED, model="x86-64-v3")


def checksum():
    def prepare(data):
        at = data.index(b"SUMS") + 4
        begin, end = [address - 0x7c00 for address in struct.unpack_from("<2I", data, at)]
        rotated = 0
        for byte in data[begin:end]:
            rotated = ((rotated << 1 | rotated >> 31) + byte) & 0xffffffff
        sums = struct.pack("<3I", zlib.crc32(data[begin:end]), sum(data[begin:end]), rotated)
        return data[:at + 8] + sums + data[at + 20:]

    work("checksum", prepare, machine=COUNTED)


def cross():
    work("cross")


def debug():
    work("debug")


def dma_code():
    def prepare(data):
        functions = [struct.pack("<BI", 0xb8, number) + b"\x85\xc0\x74\xf7\xc3" for number in range(64)]
        return data + bytes(128 * 512 - len(data)) + b"".join(code + bytes(512 - len(code)) for code in functions)

    work("dma_code", prepare)


def evict():
    work("evict", engine="cache = 2\n")


def flags():
    work("flags", machine=COUNTED, flags=["-DSUMS"])


def flags_precise():
    """Flags that nothing reads any more, as a fault or an interrupt pushes them: T1 does not keep those (docs/engine.md)."""
    work("flags", tiers=[tier for tier in TIERS if tier == "T0"])


def kernel():
    work("kernel", machine=COUNTED)


def kernel_clock():
    """By the host's clock code does not count, and is not told of requests at counted instants."""
    work("kernel")


def long():
    work("long", machine=COUNTED, model="host")


def mmx():
    work("mmx", machine=COUNTED)


def privilege():
    work("privilege", model="host")  # the one with SMEP and SMAP


def real():
    work("real")


def remap():
    work("remap")


def segment():
    work("segment")


def share():
    work("share")


def share_long():
    work("share_long")


def string():
    work("string")


def self_modify():
    work("self_modify")


def sse():
    work("sse", machine=COUNTED)


def task():
    work("task")


def wake():
    """A timer that may fire between STI and HLT always ends the HLT: an interrupt there would leave it waiting for ever."""
    source = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench", "lateness.S")
    for tier, count in ((tier, count) for tier in TIERS for count in (1, 12, 60)):
        with guest.Folder() as folder:
            built, rom = folder.file("wake.o"), folder.file("wake.rom")
            media.run("gcc", "-m32", "-c", "-DSAMPLES=2000", "-DCOUNT=%d" % count, "-o", built, source)
            media.run("ld", "-m", "elf_i386", "-Ttext", "0", "--oformat", "binary", "-o", rom, built)
            file = folder.file("guest.ini", "[machine]\nname = guest\nbase = pc\nmemory = 32M\n[cpu]\napic = no\n"
                               "[engine]\ntier = %s\n[boot]\nrom = %s\n[exit0]\nplugin = debug-exit\n" % (tier, rom))
            with guest.Guest(folder, file) as it:
                ended = it.wait(TIMEOUT)
                assert ended == 1, "%s, a count of %d: it ended with status %s" % (tier, count, ended)


if __name__ == "__main__":
    guest.main(avx, checksum, cross, debug, dma_code, evict, flags, flags_precise, kernel, kernel_clock, long, mmx, privilege, real, remap, segment, self_modify, share, share_long, sse, string, task, wake)
