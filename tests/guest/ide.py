#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Linux reads and writes an IDE disk and a CD, with DMA and without, and has its CD changed."""
import hashlib
import os

import guest

MODULES = ("ata_piix", "sd_mod", "sr_mod")


def image(folder, name, size):
    """An image of noise; its path, and its MD5 as the guest sees it."""
    text = os.urandom(size)
    path = folder.file(name)
    with open(path, "wb") as f:
        f.write(text)
    return path, hashlib.md5(text + bytes(-size % 2048)).hexdigest()


def md5(shell, name):
    output, status = shell.run("until test -e %s; do sleep 1; done; md5sum %s" % (name, name), 600)
    assert status == 0, output
    return output.split()[0]


def work(cmdline, mode):
    with guest.Folder() as folder:
        disk, disk_md5 = image(folder, "disk.img", 16 << 20)
        first, first_md5 = image(folder, "first.iso", (3 << 20) + 512)
        second, second_md5 = image(folder, "second.iso", 1 << 20)
        extra = ("[ide0]\nplugin = ide-piix\naddress = 01.1\n[disk0]\nplugin = ide-disk\nmedia = %s\n"
                 "[cd0]\nplugin = ide-cd\naddress = 1.0\nmedia = %s\n" % (disk, first))
        file = folder.linux(cmdline=cmdline, extra=extra, load=MODULES)
        with guest.Guest(folder, file) as shell:
            shell.ready(600)
            assert md5(shell, "/dev/sda") == disk_md5
            assert md5(shell, "/dev/sr0") == first_md5
            modes, _ = shell.run("cat /sys/class/ata_device/dev?.0/xfer_mode")
            assert modes.count(mode) == 2, modes
            output, status = shell.run(
                "head -c 3000000 /dev/urandom > /tmp/a; dd if=/tmp/a of=/dev/sda bs=5k seek=77 conv=fsync 2> /dev/null; "
                "echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/sda bs=5k skip=77 count=600 2> /dev/null | "
                "head -c 3000000 | cmp - /tmp/a && md5sum < /tmp/a", 300)
            assert status == 0, output
            with open(disk, "rb") as f:
                f.seek(77 * 5120)
                assert hashlib.md5(f.read(3000000)).hexdigest() == output.split()[0]
            # Another disc, and none.
            assert guest.vmm("attach", "guest", "cd0.media", second, folder=folder)[0] == 0
            assert md5(shell, "/dev/sr0") == second_md5
            assert guest.vmm("detach", "guest", "cd0.media", folder=folder)[0] == 0
            output, status = shell.run("md5sum /dev/sr0 2>&1")
            assert status != 0 and "o medium" in output, output
            log, _ = shell.run("dmesg | grep -E 'ata[0-9].*(exception|failed|error)|I/O error'")
            assert not log.strip(), log


def dma():
    work("", "UDMA")


def pio():
    work("libata.dma=0", "PIO")


if __name__ == "__main__":
    guest.main(dma, pio)
