#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Linux's diskette driver reads and writes what is in the image."""

import hashlib
import os

import guest

PARTS = """[floppy0]
media = %s
media.mode = %s
"""


def drive(folder, mode):
    """A machine with a disk of noise, and what is on it."""
    data = os.urandom(1474560)
    image = folder.file("floppy.img")
    with open(image, "wb") as f:
        f.write(data)
    file = folder.linux(flavour="686", extra=PARTS % (image, mode), script="sleep 2", load=["floppy"])
    return file, image, data


def transfer(mode):
    with guest.Folder() as folder:
        file, image, data = drive(folder, mode)
        with guest.Guest(folder, file) as shell:
            shell.ready()
            output, status = shell.run("dmesg | grep 82077; dd if=/dev/fd0 bs=18k 2>/dev/null | md5sum", 600)
            assert status == 0 and "post-1991 82077" in output, output
            assert hashlib.md5(data).hexdigest() in output, "what the guest read is not what is in the image: " + output
            output, status = shell.run(
                "seq 1 100000 | head -c 307200 > /tmp/x; dd if=/tmp/x of=/dev/fd0 bs=1k seek=100 2>/dev/null && sync && "
                "echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/fd0 bs=1k skip=100 count=300 2>/dev/null | cmp - /tmp/x && "
                "echo SAME", 600)
            assert "SAME" in output, output
            output, _ = shell.run("dmesg | grep -i -E 'floppy0?: |I/O error' | grep -v CMOS")
            assert not output.strip(), "the driver complains: " + output
            shell.send("poweroff -f\n")
            assert shell.wait() == 0
        with open(image, "rb") as f:
            now = f.read()
        if mode == "persistent":
            text = "".join("%d\n" % i for i in range(1, 100001))[:307200].encode()
            data = data[:102400] + text + data[102400 + 307200:]
        assert now == data, "the image is not what the guest wrote"


def persistent():
    transfer("persistent")


def nonpersistent():
    transfer("nonpersistent")


if __name__ == "__main__":
    guest.main(persistent, nonpersistent)
