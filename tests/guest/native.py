# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""The files of a guest's disk, run by the host itself: what they compute and how long they take without a guest.

What a disk's Debian is to work on comes to it as a second disk, a tar archive, and here into a folder of its root."""
import os
import shutil
import subprocess
import tarfile
import tempfile


def pack(path, files):
    """A tar archive of (name, file or bytes) pairs, the same for the same contents."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, what in files:
            info = tarfile.TarInfo(name)
            if not isinstance(what, bytes):
                with open(what, "rb") as f:
                    what = f.read()
            info.size = len(what)
            with tempfile.TemporaryFile() as f:
                f.write(what)
                f.seek(0)
                tar.addfile(info, f)
    return path


class Native:
    """A folder in the root of a guest's disk with an archive unpacked in it."""

    def __init__(self, arch, root, archive):
        self.arch, self.root = arch, root
        self.path = tempfile.mkdtemp(prefix="vmm-work-", dir=os.path.join(root, "tmp"))
        self.inside = os.path.join("/tmp", os.path.basename(self.path))
        with tarfile.open(archive) as tar:
            tar.extractall(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        shutil.rmtree(self.path, ignore_errors=True)

    def command(self, *words):
        """The words for the host that run this there; uname says what it says in the guest."""
        machine = {"i386": "i686", "amd64": "x86_64"}[self.arch]
        return ["setarch", machine, "chroot", self.root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root", *words]

    def run(self, *words):
        """(output, status) as Guest.run has them."""
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return done.stdout.decode(errors="replace"), done.returncode
