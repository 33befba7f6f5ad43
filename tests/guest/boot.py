#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Operating systems and boot loaders start from CD, floppy and disk, by the machine's own BIOS."""

import os
import re
import shutil
import struct
import time

import guest
import media

GRUB_CD = "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
GRUB_FLOPPY = "/usr/lib/grub-rescue/grub-rescue-floppy.img"
IPXE = "/usr/lib/ipxe/ipxe.iso"
MEMTEST = "/boot/memtest86+ia32.bin"
MACHINE = "[machine]\nname = guest\nbase = pc\nmemory = %s\n"
CD = "[cd0]\nplugin = ide-cd\naddress = 1.0\nmedia = %s\n"


def machine(folder, text, memory="128M"):
    return folder.file("guest.ini", MACHINE % memory + text)


def grub_prompt(file, folder):
    """GRUB answers to what is typed."""
    with guest.Guest(folder, file) as it:
        it.expect_screen("GNU GRUB", 120)
        if not any("grub>" in line for line in it.screen()):
            it.keys("c")
        it.expect_screen("grub>", 60)
        it.keys(("text", "echo Six times seven is 42"), "ret")
        # Once as it is typed, once as the answer.
        end = time.monotonic() + 60
        while sum("Six times seven is 42" in line for line in it.screen()) < 2:
            assert time.monotonic() < end, "\n".join(it.screen())
            time.sleep(0.2)
        it.keys(("text", "lspci"), "ret")
        it.expect_screen("8086:7190", 60)
        width, height, png = it.picture()
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (width, height), (width, height)
        assert (width, height) in ((720, 400), (640, 400)), (width, height)


def grub_cd():
    with guest.Folder() as folder:
        grub_prompt(machine(folder, CD % GRUB_CD), folder)


def grub_floppy():
    with guest.Folder() as folder:
        grub_prompt(machine(folder, "[floppy0]\nplugin = floppy-disk\nmedia = %s\nmedia.readonly = yes\n" % GRUB_FLOPPY),
                    folder)


def changed_cd():
    """A CD that is put in while the machine runs is booted after a reset, and not once it is out again."""
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, CD % "")) as it:
            it.expect_screen("No bootable device", 120)
            it.call("attach", instance="cd0", value=GRUB_CD)
            it.call("reset")
            it.expect_screen("GNU GRUB", 120)
            it.call("detach", instance="cd0")
            it.call("reset")
            it.expect_screen("No bootable device", 120)


def system_management():
    """SeaBIOS moves its SMI handler to SMRAM, and calls itself through it from then on."""
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, CD % GRUB_CD), "--trace", "int") as it:
            it.expect_screen("GNU GRUB", 120)
            it.call("reset")
            end = time.monotonic() + 120
            while True:
                text = it.log()
                if len(re.findall("^smi at .* smbase 00030000 n", text, re.M)) > 1 or time.monotonic() > end:
                    break
                time.sleep(0.1)
            it.expect_screen("GNU GRUB", 120)
            text = it.log()
        smis = re.findall(r"^.*\b(smi|rsm) at .* smbase (\w+) n", text, re.M)
        assert smis[:2] == [("smi", "00030000"), ("rsm", "000a0000")], smis[:4]
        assert [what for what, _ in smis[::2]] == ["smi"] * len(smis[::2]), "SMIs nest"
        assert {base for what, base in smis if what == "rsm"} == {"000a0000"}, smis
        # Twice, for the reset, and once more at least for a call.
        assert [base for what, base in smis if what == "smi"].count("00030000") == 2 and len(smis) >= 6, smis


# A boot sector that divides by zero with CR0.NE clear and IRQ13 open: the BIOS's INT 75 calls INT 2.
COPROCESSOR = bytes.fromhex(
    "fa 31c0 8ed8 8ed0 bc007c"                 # cli; no segments, stack at 7c00
    "c7060800607c a30a00"                      # INT 2 to 0000:7c60
    "e4a1 24df e6a1 e421 24fb e621"            # IRQ13 and IRQ2 open
    "0f20c0 6683e0d1 0f22c0"                   # clear CR0.NE, TS, EM, MP
    "dbe3 d92e707c d9ee d9e8 d8f1"             # fninit; fldcw [7c70]; fldz; fld1; fdiv st, st(1)
    "fb 9b"                                    # sti; fwait
    "be727c ac 08c0 7409 b40e bb0700 cd10 ebf2 ebfe"  # print what is at 7c72
).ljust(0x60, b"\0") + bytes.fromhex("dbe2 cf").ljust(0x10, b"\0") + struct.pack("<H", 0x37b)  # fnclex; iret


def coprocessor_error():
    """An x87 exception reaches a real-mode handler as on a PC: FERR#, IRQ13, port F0."""
    with guest.Folder() as folder:
        image = folder.file("boot.img")
        with open(image, "wb") as f:
            f.write((COPROCESSOR + b"It came and went").ljust(510, b"\0") + b"\x55\xaa" + bytes(1440 * 1024 - 512))
        text = "[floppy0]\nplugin = floppy-disk\nmedia = %s\nmedia.readonly = yes\n" % image
        with guest.Guest(folder, machine(folder, text), "--trace", "int") as it:
            it.expect_screen("It came and went", 60)
            trace = it.log()
        assert len(re.findall("interrupt 75 at 0000:00007c36", trace)) == 1, trace[-2000:]
        assert "int 02" in trace, trace[-2000:]


def ipxe_iso():
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, CD % IPXE)) as it:
            it.expect_screen("Ctrl-B", 120)
            it.keys("ctrl-b")
            it.expect_screen("iPXE>", 60)
            it.keys(("text", "echo Six times ${buildarch}"), "ret")
            it.expect_screen("Six times i386", 60)


def memtest_pass(whole, program=MEMTEST):
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, "[boot]\nkernel = %s\n" % program, "32M")) as it:
            it.expect_screen("Memtest86+", 60)
            end = time.monotonic() + 2400
            seen = []
            while True:
                text = "\n".join(it.screen() or [])
                test = re.search(r"Test #(\d+)", text)
                errors = re.search(r"Errors: *(\d+)", text)
                done = re.search(r"Pass: *(\d+)", text)
                if test and int(test.group(1)) not in seen[-1:]:
                    seen.append(int(test.group(1)))
                assert not errors or errors.group(1) == "0", text
                if done and int(done.group(1)) > 0 or (not whole and 10 in seen):
                    break
                assert time.monotonic() < end, text
                time.sleep(0.1)
            # It goes through its tests in order; some are over before they are seen.
            first = seen[:seen.index(10) + 1] if 10 in seen else seen
            assert first == sorted(first) and len(first) >= 5 and (10 in seen or done), "tests that were seen: %s" % seen


def memtest():
    memtest_pass(False)


def memtest_whole():
    memtest_pass(True)


def installer_screen():
    """Debian's installer, from its CD, asks for a language on the screen."""
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, CD % media.installer_iso(), "512M")) as it:
            it.expect_screen("Install on the screen", 120)
            it.keys("ret")
            it.expect_screen(["Select a language", "English"], 600)
            # It can be worked: down to another language and back.
            it.keys("down")
            it.keys("up", "ret")
            it.expect_screen("Select your location", 300)


def installer_serial():
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, CD % media.installer_iso(), "512M")) as it:
            it.expect_screen("Install on the serial line", 120)
            it.keys("down", "down", "ret")
            it.expect("Select a language", 600)


def login(it, timeout=900):
    it.expect("login: ", timeout)
    it.send("root\n")
    it.expect("# ", 120)
    # A prompt that ends in "# ", and nothing else of what the shell says about itself.
    it.send("export PS1='# ' TERM=dumb; bind 'set enable-bracketed-paste off'; stty -echo\n")
    it.expect("# ", 60)
    it.run("true")


# Linux looks at disks side by side: which is sda differs from boot to boot.  $d is the one that is not the root's.
OTHER = "d=sda; [ $(findmnt -n -o SOURCE /) != /dev/sda1 ] || d=sdb; "


def debian_disk():
    """An installed Debian: a second disk is partitioned, filled, checked after a reboot; it sleeps; the button ends it."""
    with guest.Folder() as folder:
        second = folder.file("second.img")
        with open(second, "wb") as f:
            f.truncate(1 << 30)
        file = machine(folder, "[disk0]\nplugin = ide-disk\nmedia = %s\nmedia.mode = nonpersistent\n"
                       "[disk1]\nplugin = ide-disk\nmedia = %s\n" % (media.debian_disk(), second), "512M")
        with guest.Guest(folder, file) as it:
            login(it)
            log, _ = it.run("dmesg")
            for bad in ("ACPI Error", "ACPI BIOS Error", "ata1.00: failed", "ata2.00: failed", "DMA: Out of SW-IOMMU",
                        "I/O error", "lost interrupt", "nobody cared"):
                assert bad not in log, [line for line in log.splitlines() if bad in line]
            output, status = it.run(OTHER + "echo ',,83' | sfdisk -q /dev/$d && udevadm settle && mkfs.ext4 -q -F /dev/${d}1 && "
                                    "mount /dev/${d}1 /mnt && "
                                    "head -c 20000000 /dev/urandom > /mnt/a && "
                                    # Nearly all of the disk, more than there is RAM to keep it in.
                                    "for i in $(seq 44); do cp /mnt/a /mnt/f$i || exit; done; sync; df -k /mnt | tail -n 1; "
                                    "sha256sum /mnt/a | cut -c 1-64; cat /mnt/f* | cksum; umount /mnt", 900)
            assert status == 0, output
            used, checksum, crc = output.splitlines()[-3:]
            assert int(used.split()[2]) > 850000, output
            # S3 and back, through the BIOS.
            it.send("echo mem > /sys/power/state; echo WO''KE\n")
            end = time.monotonic() + 60
            while it.call("status")["state"] != "sleeping":
                assert time.monotonic() < end, "it does not fall asleep"
                time.sleep(0.2)
            time.sleep(1)
            it.call("button")
            it.expect("WOKE", 60)
            it.expect("# ", 60)
            it.send("reboot\n")
            login(it)
            output, status = it.run(OTHER + "mount /dev/${d}1 /mnt && sha256sum /mnt/a && cat /mnt/f* | cksum && "
                                    "e2fsck -n /dev/disk/by-label/root > /dev/null; umount /mnt; e2fsck -f -n /dev/${d}1", 600)
            assert status == 0 and checksum in output and crc in output.splitlines(), output
            it.call("button")
            assert it.wait(300) == 0, "the power button must end it"
            assert "Power down" in it.text or "Powering" in it.text or "reboot: " in it.text, it.text[-500:]
        # What the guest wrote is in the image: the partition's file system is clean.
        with open(second, "rb") as f:
            f.seek(510)
            assert f.read(2) == b"\x55\xaa"
        media.run("e2fsck", "-f", "-n", second + "?offset=%d" % (1 << 20))


def live_cd():
    """A live Debian with no disk: its root is a squashfs on the CD."""
    with guest.Folder() as folder:
        with guest.Guest(folder, machine(folder, CD % media.live_iso(), "768M")) as it:
            login(it)
            output, _ = it.run("findmnt -n -o FSTYPE /; findmnt -n -o FSTYPE -t squashfs; md5sum /bin/bash; ls /dev/sd* 2>&1")
            assert "overlay" in output and "squashfs" in output and "No such file" in output, output


if __name__ == "__main__":
    guest.main(debian_disk, live_cd, installer_screen, installer_serial, memtest, grub_cd, grub_floppy, changed_cd,
               system_management, coprocessor_error, ipxe_iso, long=[memtest_whole])
