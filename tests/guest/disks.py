#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Linux on disks of every format: it reads what qemu-img or vmm has made, and qemu-img reads what it has written."""
import hashlib
import json
import os
import subprocess

import boot
import guest
import media

MODULES = ("ata_piix", "sd_mod")
SIZE = 24 << 20
# Of a disk: name, qemu-img's format and options, ours for `vmm disk`; the last can only be read.
VARIANTS = {
    "sparse.vmdk": ("vmdk", "subformat=monolithicSparse", "vmdk:monolithicSparse"),
    "flat.vmdk": ("vmdk", "subformat=monolithicFlat", "vmdk:monolithicFlat"),
    "split.vmdk": ("vmdk", "subformat=twoGbMaxExtentSparse", "vmdk:twoGbMaxExtentSparse"),
    "split-flat.vmdk": ("vmdk", "subformat=twoGbMaxExtentFlat", "vmdk:twoGbMaxExtentFlat"),
    "dynamic.vhd": ("vpc", "subformat=dynamic,force_size=on", "vhd:dynamic"),
    "fixed.vhd": ("vpc", "subformat=fixed,force_size=on", "vhd:fixed"),
    "three.qcow2": ("qcow2", "compat=1.1", "qcow2"),
    "stream.vmdk": ("vmdk", "subformat=streamOptimized", "vmdk:streamOptimized"),
}
READABLE = ("stream.vmdk",)


def run(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, "%s: %s" % (" ".join(words), done.stdout.decode(errors="replace"))


def disk(*words, expected=(0,), timeout=600, folder=None):
    status, out, errors = guest.vmm("disk", *words, timeout=timeout, folder=folder)
    assert status in expected, "vmm disk %s: status %d: %s%s" % (" ".join(words), status, out, errors)
    return out


def source(folder):
    """Something, nothing, and something at the end."""
    text = os.urandom(8 << 20) + bytes(8 << 20) + os.urandom(SIZE - (16 << 20))
    path = folder.file("source.img")
    with open(path, "wb") as f:
        f.write(text)
    return path, hashlib.md5(text).hexdigest()


def make(folder, raw, name, by):
    image = folder.file(name)
    format, options, ours = VARIANTS[name]
    if by == "qemu":
        run("qemu-img", "convert", "-q", "-f", "raw", "-O", format, "-o", options, raw, image)
    else:
        disk("convert", raw, image, "--format", ours)
    return image


def content(folder, name):
    """The MD5 of a disk as qemu-img sees it."""
    raw = folder.file("content.img")
    run("qemu-img", "convert", "-q", "-f", VARIANTS[name][0], "-O", "raw", folder.file(name), raw)
    with open(raw, "rb") as f:
        return hashlib.md5(f.read()).hexdigest()


def file_digest(path):
    with open(path, "rb") as f:
        return hashlib.md5(f.read()).hexdigest()


# Known data over something, over nothing, and over the end; zeros over something.
WRITE = ("dd if=/tmp/a of=/dev/$d bs=4k seek=300 conv=fsync 2> /dev/null && dd if=/tmp/a of=/dev/$d bs=4k seek=2500 "
         "conv=fsync 2> /dev/null && dd if=/tmp/a of=/dev/$d bs=512 seek=49000 count=152 conv=fsync 2> /dev/null && "
         "dd if=/dev/zero of=/dev/$d bs=4k seek=1500 count=200 conv=fsync 2> /dev/null")


def four(folder, raw, digest, names, by):
    """As many as an IDE controller takes, in one guest."""
    images = [make(folder, raw, name, by) for name in names]
    before = {name: file_digest(folder.file(name)) for name in names if name in READABLE}
    extra = "[ide0]\nplugin = ide-piix\naddress = 01.1\n" + "".join(
        "[disk%d]\nplugin = ide-disk\nmedia = %s\n%s" % (i, image, "media.mode = nonpersistent\n"
                                                         if names[i] in READABLE else "")
        for i, image in enumerate(images))
    letters = "abcd"[:len(names)]
    with guest.Guest(folder, folder.linux(extra=extra, load=MODULES)) as shell:
        shell.ready(600)
        output, status = shell.run("for d in %s; do until test -e /dev/sd$d; do sleep 1; done; md5sum /dev/sd$d; done"
                                   % " ".join(letters), 600)
        assert status == 0 and output.count(digest) == len(names), output
        output, status = shell.run(
            "head -c 3000000 /dev/urandom > /tmp/a; for d in %s; do %s || echo NO; done; echo 3 > /proc/sys/vm/drop_caches; "
            "md5sum %s" % (" ".join("sd" + letter for letter in letters), WRITE,
                           " ".join("/dev/sd" + letter for letter in letters)), 600)
        written = {line.split()[0] for line in output.splitlines() if line.strip()}
        assert status == 0 and len(written) == 1 and digest not in written, output
        log, _ = shell.run("dmesg | grep -E 'ata[0-9].*(exception|failed|error)|I/O error'")
        assert not log.strip(), log
        shell.call("stop")
        shell.wait(60)
    for name in names:
        if name in READABLE:
            assert file_digest(folder.file(name)) == before[name], "%s has changed" % name
            continue
        disk("check", folder.file(name))
        assert {content(folder, name)} == written, "%s, by %s, is not what the guest wrote" % (name, by)
        if VARIANTS[name][0] in ("qcow2", "vmdk") and "flat" not in name:
            run("qemu-img", "check", "-q", "-f", VARIANTS[name][0], folder.file(name))


def all_of(by):
    names = list(VARIANTS)
    with guest.Folder() as folder:
        raw, digest = source(folder)
        four(folder, raw, digest, names[:4], by)
        four(folder, raw, digest, names[4:], by)


def of_qemu():
    all_of("qemu")


def of_ours():
    all_of("ours")


def snapshot():
    """A guest writes to a child; its parent stays as it was; and to a redo file, which is kept or dropped."""
    with guest.Folder() as folder:
        raw, digest = source(folder)
        parent = make(folder, raw, "sparse.vmdk", "ours")
        child = folder.file("child.vmdk")
        disk("snapshot", parent, child)
        text = file_digest(parent)
        extra = ("[ide0]\nplugin = ide-piix\naddress = 01.1\n[disk0]\nplugin = ide-disk\nmedia = %s\n" % child)
        with guest.Guest(folder, folder.linux(extra=extra, load=MODULES)) as shell:
            shell.ready(600)
            output, status = shell.run("until test -e /dev/sda; do sleep 1; done; md5sum /dev/sda; d=sda; "
                                       "head -c 3000000 /dev/urandom > /tmp/a; %s; md5sum /dev/sda" % WRITE, 600)
            first, second = (line.split()[0] for line in output.splitlines()[-2:])
            assert status == 0 and first == digest and second != digest, output
            shell.call("stop")
            shell.wait(60)
        assert file_digest(parent) == text, "the parent has changed"
        flat = folder.file("flat.img")
        disk("convert", child, flat, "--format", "raw")
        assert file_digest(flat) == second
        run("qemu-img", "compare", "-q", "-f", "vmdk", "-F", "raw", child, flat)


def backup():
    """Backups of a running guest's disk: a full one while it writes, then what has changed, one on the other.  With the guest
    at rest the last is the disk; and so is the first, once the others were committed to it."""
    with guest.Folder() as folder:
        raw, digest = source(folder)
        image = make(folder, raw, "three.qcow2", "ours")
        full, first, second, last = (folder.file(name) for name in ("full.img", "first.qcow2", "second.qcow2", "last.redo"))
        extra = ("[ide0]\nplugin = ide-piix\naddress = 01.1\n[disk0]\nplugin = ide-disk\nmedia = %s\n" % image)

        def of_it(*words, **more):
            return json.loads(disk(*words, "--json", folder=folder, **more))

        def pieces(mark):
            return of_it("map", image, "--changed-since", str(mark))["pieces"]

        with guest.Guest(folder, folder.linux(extra=extra, load=MODULES)) as shell:
            shell.ready(600)
            output, status = shell.run("until test -e /dev/sda; do sleep 1; done; d=sda; "
                                       "head -c 3000000 /dev/urandom > /tmp/a; md5sum /dev/sda", 600)
            assert status == 0 and digest in output, output
            # Nobody else may write to it, and there is no mark yet.
            status, _, errors = guest.vmm("disk", "mark", image, folder=folder)
            assert status == 1 and "keeps track" in errors and "--begin" in errors, errors
            status, _, errors = guest.vmm("disk", "mark", image)
            assert status == 1 and "is in use" in errors, "without its socket it is just in use: %s" % errors
            shell.run("{ (while test ! -e /tmp/enough; do dd if=/tmp/a of=/dev/sda bs=4k seek=$((RANDOM % 5000)) "
                                "count=20 conv=fsync; done) > /dev/null 2>&1 & }")
            answer = of_it("backup", image, full, "--begin")
            assert answer["copied"] == SIZE, answer
            # It is of an instant before all that the guest will write.
            mark = of_it("mark", image)["mark"]
            assert mark > answer["mark"], (mark, answer)
            assert not os.path.exists(first)
            one = of_it("backup", image, first, "--changed-since", str(answer["mark"]), "--parent", full)
            assert 0 < one["copied"] <= SIZE, one
            output, status = shell.run("touch /tmp/enough; wait; %s; sync" % WRITE, 600)
            assert status == 0, output
            assert pieces(one["mark"]), "the guest has written"
            two = of_it("backup", image, second, "--changed-since", str(one["mark"]), "--parent", first)
            assert 0 < two["copied"] < SIZE and not pieces(two["mark"]), two
            # A machine that is paused answers, too.
            output, status = shell.run("dd if=/tmp/a of=/dev/sda bs=4k seek=4000 count=30 conv=fsync", 600)
            assert status == 0, output
            shell.call("pause")
            three = of_it("backup", image, last, "--machine", "guest", "--changed-since", str(two["mark"]), "--parent",
                          second)
            assert three["copied"] in (131072, 196608), three
            shell.call("resume")
            output, status = shell.run("md5sum /dev/sda", 600)
            digest = output.split()[0]
            disk("backup", image, folder.file("no.qcow2"), "--changed-since", str(three["mark"] + 10 ** 6), "--parent",
                 last, expected=(1,), folder=folder)
            assert not os.path.exists(folder.file("no.qcow2")), "what failed has left something"
            shell.call("stop")
            shell.wait(60)
        disk("check", image)
        for path in (first, second):
            disk("check", path)
        disk("compare", image, last)
        for path in (last, second, first):
            disk("commit", path)
        assert file_digest(full) == digest, "the committed copy is not what the guest saw"
        disk("compare", image, full)
        # With the machine gone it is done without it.
        assert not json.loads(disk("map", image, "--changed-since", str(three["mark"]), "--json"))["pieces"]


def backup_killed():
    """vmm is killed while its guest writes: what it had written since a mark is among the changes."""
    with guest.Folder() as folder:
        raw, digest = source(folder)
        image = make(folder, raw, "sparse.vmdk", "ours")
        full = folder.file("full.img")
        extra = "[ide0]\nplugin = ide-piix\naddress = 01.1\n[disk0]\nplugin = ide-disk\nmedia = %s\n" % image
        mark = None
        for turn in range(2):
            with guest.Guest(folder, folder.linux(extra=extra, load=MODULES)) as shell:
                shell.ready(600)
                output, status = shell.run("until test -e /dev/sda; do sleep 1; done; head -c 3000000 /dev/urandom > /tmp/a",
                                           600)
                assert status == 0, output
                if mark is None:
                    mark = json.loads(disk("backup", image, full, "--begin", "--json", folder=folder))["mark"]
                shell.run("{ (while true; do dd if=/tmp/a of=/dev/sda bs=4k seek=$((RANDOM %% 1000)) count=20 "
                          "oflag=direct; done) > /dev/null 2>&1 & } ; sleep %d" % (1 + turn))
                shell.process.kill()
                shell.process.wait()
            child = folder.file("child-%d.redo" % turn)
            answer = json.loads(disk("backup", image, child, "--changed-since", str(mark), "--parent", full, "--json"))
            assert 0 < answer["copied"] < SIZE / 2, answer
            disk("compare", image, child)
            disk("commit", child)
            disk("compare", image, full)
            mark = answer["mark"]


def debian_on(name):
    """An installed Debian boots from a disk of that format, works, and boots again."""
    with guest.Folder() as folder:
        image = folder.file(name)
        disk("convert", media.debian_disk(), image, "--format", VARIANTS[name][2], timeout=1200)
        mode = "media.mode = nonpersistent\n" if name in READABLE else ""
        file = boot.machine(folder, "[disk0]\nplugin = ide-disk\nmedia = %s\n%s" % (image, mode), "512M")
        with guest.Guest(folder, file) as it:
            boot.login(it)
            output, status = it.run("head -c 30000000 /dev/urandom > /root/a && sync && sha256sum /root/a", 300)
            assert status == 0, output
            digest = output.split()[0]
            it.send("reboot\n")
            boot.login(it)
            output, status = it.run("sha256sum /root/a && e2fsck -n /dev/disk/by-label/root > /dev/null; dmesg | "
                                    "grep -c -E 'ata[0-9].*(exception|failed|error)|I/O error'", 300)
            assert digest in output and output.split()[-1] == "0", output
            it.call("button")
            assert it.wait(300) == 0, "the power button must end it"
        disk("check", image)
        if not mode and VARIANTS[name][0] in ("qcow2", "vmdk") and "flat" not in name:
            run("qemu-img", "check", "-q", "-f", VARIANTS[name][0], image)


def debian_vmdk():
    debian_on("sparse.vmdk")


def debian_flat():
    debian_on("flat.vmdk")


def debian_split():
    debian_on("split.vmdk")


def debian_vhd():
    debian_on("dynamic.vhd")


def debian_qcow2():
    debian_on("three.qcow2")


def debian_stream():
    debian_on("stream.vmdk")


if __name__ == "__main__":
    guest.main(of_qemu, of_ours, snapshot, backup, backup_killed, debian_vmdk,
               long=[debian_flat, debian_split, debian_vhd, debian_qcow2, debian_stream])
