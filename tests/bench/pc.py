# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Benchmarks of a whole PC: from power-on to GRUB's menu and to the installer, timer interrupts, the disk; against QEMU's
TCG and Bochs in the same run.  Times are the host's, from exec to marks on the serial line."""
import os
import select
import shutil
import statistics
import struct
import subprocess
import time

import guest
import media

HERE = os.path.dirname(os.path.abspath(__file__))
QEMU = "qemu-system-i386"
# Debian's Bochs has its debugger built in, which "-rc" tells to go on; its sound needs a dummy where there is no card, and of
# its displays only "rfb" needs no terminal.  Its time goes by instructions: about as many a second as it runs.
BOCHS = """config_interface: textconfig
display_library: rfb, options="timeout=0"
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
megs: 512
cpu: model=p3_katmai, ips=100000000, reset_on_triple_fault=1
clock: sync=none
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata1-master: type=cdrom, path=%s, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=%s
log: %s
panic: action=report
error: action=report
info: action=ignore
"""
SAMPLES = 1000


def grub_iso(folder):
    """GRUB from a CD, whose menu is on the serial line too."""
    tree = folder.file("grub")
    os.makedirs(os.path.join(tree, "boot/grub"))
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w") as f:
        f.write("serial --unit=0 --speed=115200\nterminal_output console serial\nset timeout=600\n"
                "menuentry \"BENCH-MENU\" { true }\n")
    media.run("grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", os.path.join(tree, "boot/core.img"),
              "biosdisk", "iso9660", "normal", "serial", "terminal", "configfile", "test", "echo")
    iso = folder.file("grub.iso")
    media.run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-b", "boot/core.img", "-no-emul-boot", "-boot-load-size", "4",
              "-boot-info-table", "-o", iso, tree)
    return iso


def installer_iso(folder):
    """The installer, started on the serial line without asking."""
    tree = folder.file("installer")
    os.makedirs(os.path.join(tree, "isolinux"))
    for file in ("linux", "initrd.gz"):
        shutil.copy(os.path.join(guest.installer("i386"), file), tree)
    shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", os.path.join(tree, "isolinux"))
    shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", os.path.join(tree, "isolinux"))
    with open(os.path.join(tree, "isolinux/isolinux.cfg"), "w") as f:
        f.write("default serial\nprompt 0\nlabel serial\n  kernel /linux\n  append initrd=/initrd.gz console=ttyS0\n")
    iso = folder.file("installer.iso")
    media.run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
              "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-o", iso, tree)
    return iso


def until_piped(command, mark, env, timeout):
    """Seconds from exec to `mark` on standard output."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               env=env)
    text = b""
    try:
        while mark not in text:
            left = timeout - (time.monotonic() - start)
            ready, _, _ = select.select([process.stdout], [], [], max(0, left))
            data = os.read(process.stdout.fileno(), 65536) if ready else b""
            if not data:
                return None
            text += data
        return time.monotonic() - start
    finally:
        process.kill()
        process.wait()


def until_file(command, path, mark, timeout):
    """The same for a program that writes its serial line to a file."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        while time.monotonic() - start < timeout:
            if os.path.exists(path):
                with open(path, "rb") as f:
                    if mark in f.read():
                        return time.monotonic() - start
            if process.poll() is not None:
                return None
            time.sleep(0.02)
        return None
    finally:
        process.kill()
        process.wait()


class PcBench:
    """Mixed into Bench (tests/bench/run)."""

    def three(self, iso, mark, runs, timeout):
        """Medians for vmm, QEMU and Bochs; None where one does not get there."""
        ini = self.folder.file("pc.ini", "[machine]\nname = pc\nmemory = 512M\n[cd0]\nplugin = ide-cd\naddress = 1.0\n"
                               "media = %s\n[boot]\norder = cd\n" % iso)
        out, log = self.folder.file("bochs.out"), self.folder.file("bochs.log")
        go = self.folder.file("bochs.go", "c\n")
        bochs = self.folder.file("bochsrc", BOCHS % (iso, out, log))
        sides = []
        for side in range(3):
            times = []
            for _ in range(runs):
                if side == 0:
                    spent = until_piped([self.vmm, "run", ini, "--serial", "stdio", "--headless", "--tier", "T1"], mark, self.env,
                                        timeout)
                elif side == 1:
                    spent = until_piped([QEMU, "-M", "pc", "-accel", "tcg", "-m", "512", "-cdrom", iso, "-boot", "d",
                                         "-display", "none", "-serial", "stdio", "-monitor", "none", "-net", "none"],
                                        mark, self.env, timeout)
                else:
                    if os.path.exists(out):
                        os.unlink(out)
                    spent = until_file(["bochs", "-q", "-f", bochs, "-rc", go], out, mark, timeout)
                if spent is None:
                    break
                times.append(spent)
            sides.append(statistics.median(times) if times else None)
        return sides

    def show_three(self, name, sides):
        text = lambda t: "does not get there" if t is None else "%.2f s" % t
        ratio = lambda t: "" if t is None or sides[0] is None else " (ratio %.2f)" % (t / sides[0])
        self.show(name, "%s; QEMU TCG %s%s; Bochs %s%s" % (text(sides[0]), text(sides[1]), ratio(sides[1]),
                                                         text(sides[2]), ratio(sides[2])),
                  vmm=sides[0], qemu=sides[1], bochs=sides[2])

    def grub(self):
        self.show_three("power-on to GRUB's menu (CD)",
                        self.three(grub_iso(self.folder), b"BENCH-MENU", self.runs, 60))

    def installer(self):
        self.show_three("power-on to the installer (CD)",
                        self.three(installer_iso(self.folder), b"Select a language", max(1, self.runs // 2), 900))

    def lateness(self):
        """How late the guest's timer interrupts are while every core of the host is busy."""
        work = self.folder.file("lateness")
        media.run("gcc", "-m32", "-c", "-DSAMPLES=%d" % SAMPLES, os.path.join(HERE, "lateness.S"), "-o", work + ".o")
        media.run("ld", "-m", "elf_i386", "-Ttext", "0", "--oformat", "binary", "-o", work + ".rom", work + ".o")
        ini = self.folder.file("lateness.ini", "[machine]\nname = late\nbase = pc\nmemory = 32M\n[cpu]\napic = no\n[boot]\nrom = %s.rom\n"
                               "[exit0]\nplugin = debug-exit\n" % work)
        commands = ([self.vmm, "run", ini, "--serial", "stdio", "--headless", "--tier", "T1"],
                    [QEMU, "-M", "pc", "-accel", "tcg", "-cpu", "qemu32,-apic", "-m", "32", "-bios", work + ".rom", "-display", "none",
                     "-serial", "stdio", "-monitor", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                     "-no-reboot"])
        least = {}
        for loaded in (False, True):
            sides = []
            for number, command in enumerate(commands):
                load = guest.Load() if loaded else None
                if load:
                    load.__enter__()
                try:
                    data = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.env,
                                          stdin=subprocess.DEVNULL, timeout=300).stdout
                finally:
                    if load:
                        load.__exit__()
                ticks = [n for n, in struct.iter_unpack("<q", data[:len(data) // 8 * 8])]
                # QEMU's counter runs at the host's frequency, ours at 1 GHz: 2 ms is the least that there is.
                # That is told by the idle host: on a loaded one the guest may lose its core before it reads its clock.
                if not loaded:
                    least[number] = min(ticks)
                late = sorted((n - least[number]) * 2e6 / least[number] / 1e3 for n in ticks)
                sides.append((statistics.median(late), late[int(len(late) * 0.99)]))
            self.show("timer lateness, host %s" % ("loaded" if loaded else "idle"),
                      "median %.0f us, 99th percentile %.0f us; QEMU TCG %.0f us, %.0f us" % (sides[0] + sides[1]),
                      vmm=sides[0], qemu=sides[1])

    def disk(self):
        """What dd in the guest gets out of an IDE disk by DMA, and into it."""
        image = self.folder.file("disk.img")
        with open(image, "wb") as f:
            for _ in range(256):
                f.write(os.urandom(1 << 20))
        script = ("sleep 1; echo BEGIN-READ; dd if=/dev/sda of=/dev/null bs=1M iflag=direct 2>/dev/null; echo END-READ; "
                  "echo BEGIN-WRITE; dd if=/dev/zero of=/dev/sda bs=1M count=128 oflag=direct 2>/dev/null; "
                  "sync; echo END-WRITE")
        load = ["ata_piix", "sd_mod"]
        ini = self.folder.linux("disk", "686-pae", script, load=load,
                                extra="[disk0]\nplugin = ide-disk\nmedia = %s\n" % image)
        initrd, kernel = self.folder.file("disk.initrd"), guest.kernel("686-pae")
        commands = ([self.vmm, "run", ini, "--serial", "stdio", "--headless", "--tier", "T1"],
                    [QEMU, "-M", "pc", "-accel", "tcg", "-m", "256", "-kernel", kernel, "-initrd", initrd, "-append",
                     "console=ttyS0 quiet panic=-1 cryptomgr.notests=1", "-drive", "file=%s,format=raw,if=ide" % image,
                     "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot"])
        rates = []
        for command in commands:
            marks = {}
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       stdin=subprocess.PIPE, env=self.env)
            text = b""
            while b"END-WRITE" not in text:
                ready, _, _ = select.select([process.stdout], [], [], 600)
                data = os.read(process.stdout.fileno(), 65536) if ready else b""
                if not data:
                    raise RuntimeError("the guest did not come up: " + repr(text[-300:]))
                text += data
                for mark in (b"BEGIN-READ", b"END-READ", b"BEGIN-WRITE", b"END-WRITE"):
                    if mark in text:
                        marks.setdefault(mark, time.monotonic())
            process.kill()
            process.wait()
            rates.append((256 / (marks[b"END-READ"] - marks[b"BEGIN-READ"]),
                          128 / (marks[b"END-WRITE"] - marks[b"BEGIN-WRITE"])))
        for number, name in enumerate(("read", "write")):
            self.show("IDE disk, %s in the guest" % name, "%.0f MiB/s; QEMU TCG %.0f MiB/s; ratio %.2f" %
                      (rates[0][number], rates[1][number], rates[0][number] / rates[1][number]),
                      vmm=rates[0][number], qemu=rates[1][number])
