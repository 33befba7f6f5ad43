# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""The interpreter against Bochs, instruction by instruction, and how long two installed Debians take."""
import os
import shutil
import statistics

import guest
import media
import pc
import rom

QEMU64 = "qemu-system-x86_64"
BOCHS = """config_interface: textconfig
display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
romimage: file=%s, address=0xffff0000
vgaromimage: file=/usr/share/vgabios/vgabios.bin
megs: 32
cpu: model=p3_katmai, ips=100000000, reset_on_triple_fault=1
clock: sync=none
com1: enabled=1, mode=file, dev=%s
log: %s
panic: action=report
error: action=report
info: action=ignore
"""


class CpuBench:
    """Mixed into Bench (tests/bench/run)."""

    def bochs_loop(self, loop, small, large):
        """Nanoseconds a round of a loop in Bochs: the difference of a long and a short run, as for the others."""
        out, log = self.folder.file("loop.out"), self.folder.file("loop.log")
        image, go = self.folder.file("loop.rom"), self.folder.file("loop.go", "c\n")
        config = self.folder.file("loop.rc", BOCHS % (image, out, log))
        times = []
        for _ in range(self.runs):
            spent = []
            for count in (small, large):
                with open(image, "wb") as f:
                    f.write(rom.rom(rom.LOOPS[loop][0], count))
                if os.path.exists(out):
                    os.unlink(out)
                spent.append(pc.until_file(["bochs", "-q", "-f", config, "-rc", go], out, b"!", 300))
            if None in spent:
                return None
            times.append((spent[1] - spent[0]) / (large - small) * 1e9)
        return statistics.median(times)

    def bochs(self):
        for loop, small, large in (("registers", 1000000, 60000000), ("memory-and-calls", 1000000, 40000000)):
            ours, _ = self.loop(loop, small, large, sides=(0,), tier="T0")
            theirs = self.bochs_loop(loop, small, large)
            n = rom.LOOPS[loop][1]
            if theirs is None:
                self.show("interpreter, " + loop, "%.0f M instructions/s; Bochs does not get there" % (n * 1e3 / ours))
                continue
            self.show("interpreter, " + loop, "%.0f M instructions/s; Bochs %.0f M; ratio %.2f (wanted: 1)" %
                      (n * 1e3 / ours, n * 1e3 / theirs, theirs / ours), vmm=n * 1e3 / ours, bochs=n * 1e3 / theirs)

    def debians(self):
        """From exec to the login prompt on the serial line, by the BIOS, GRUB's three seconds included."""
        for name, disk, qemu in (("i386", media.debian_disk(), pc.QEMU), ("amd64", media.debian_disk_amd64(), QEMU64)):
            copy = self.folder.file("debian.img")
            ini = self.folder.file("debian.ini", "[machine]\nname = debian\nmemory = 1G\n[disk0]\nplugin = ide-disk\n"
                                   "media = %s\n" % copy)
            commands = ([self.vmm, "run", ini, "--serial", "stdio", "--headless", "--tier", "T1"],
                        [qemu, "-M", "pc", "-accel", "tcg", "-cpu", "max", "-m", "1024", "-drive",
                         "file=%s,format=raw,if=ide" % copy, "-display", "none", "-serial", "stdio", "-monitor", "none",
                         "-net", "none"])
            sides = []
            for command in commands:
                times = []
                for _ in range(max(1, self.runs // 2)):
                    shutil.copy(disk, copy)
                    times.append(pc.until_piped(command, b"login: ", self.env, 1200))
                sides.append(None if None in times else statistics.median(times))
            text = ["does not get there" if t is None else "%.0f s" % t for t in sides]
            self.show("power-on to login, Debian " + name, "%s; QEMU TCG %s%s" % (
                text[0], text[1], "; ratio %.2f" % (sides[1] / sides[0]) if None not in sides else ""),
                      vmm=sides[0], qemu=sides[1])
