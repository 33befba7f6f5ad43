#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""vmm disk: every action, what it answers and with which status, on each format that this build has.

Contents are compared byte for byte with a plain file; what qemu-img thinks of the images is its formats' own tests' affair."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("VMM_BUILD", os.getcwd())
VMM = os.path.join(BUILD, "vmm-build")
SEED = int(os.environ.get("DISK_SEED", "1"))
MIB = 1 << 20
CHILDREN = ("differencing",)  # variants that are nothing without a parent
DONE, FAILED, USAGE, FOUND = 0, 1, 2, 3


def vmm(*words, status=DONE, says=None):
    """The answer; JSON if that was asked for."""
    done = subprocess.run([VMM, "disk", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    text = "vmm disk %s: status %d\n%s%s" % (" ".join(map(str, words)), done.returncode, done.stdout, done.stderr)
    assert done.returncode == status, text
    assert says is None or says in done.stderr + done.stdout, "%s\ndoes not say \"%s\"" % (text, says)
    # Why it failed, on one line, and no progress where there is no terminal.
    assert status not in (FAILED, USAGE) or (done.stderr.startswith("vmm") and done.stderr.count("\n") == 1), text
    assert "\r" not in done.stderr, text
    return json.loads(done.stdout) if "--json" in words and status in (DONE, FOUND) else done.stdout


def pattern(chance, length):
    """Data here and there, zeros elsewhere, some of them written."""
    data = bytearray(length)
    for _ in range(24):
        at, size = chance.randrange(length), chance.choice((512, 4096, 65536, 300000))
        data[at:at + size] = chance.randbytes(len(data[at:at + size]))
    return bytes(data)


def write_file(path, data):
    with open(path, "wb") as f:
        f.write(data)


def contents(path, source):
    """An image's, by way of a conversion to raw."""
    raw = path + ".raw-copy"
    vmm("convert", path, raw, "--source-format", source, "--format", "raw")
    with open(raw, "rb") as f:
        data = f.read()
    os.unlink(raw)
    return data


def raw_images(chance):
    assert vmm("create", "a.img", "10M") == ""
    info = vmm("info", "a.img", "--json")
    assert (info["format"], info["size"], info["parents"]) == ("raw", 10 * MIB, []), info
    vmm("create", "a.img", "10M", status=FAILED, says="File exists")
    vmm("create", "b.img", status=USAGE, says="what size")
    vmm("create", "b.img", "ten", status=USAGE, says="ten")
    vmm("create", "b.img", "1M", "--format", "rwa", status=FAILED, says="raw")
    vmm("create", "b.img", "1M", "--format", "raw:round", status=FAILED, says="sparse|preallocated")
    vmm("create", "b.img", "1M", "--option", "x=y", status=FAILED, says="\"x\"")
    vmm("create", "b.img", "1M", "--parent", "a.img", "--format", "raw", status=FAILED, says="parents")
    assert not os.path.exists("b.img")
    vmm("create", "b.img", "1000", "--format", "raw:preallocated")
    assert os.path.getsize("b.img") == 1024 and os.stat("b.img").st_blocks > 0
    vmm("resize", "b.img", "+3K")
    assert os.path.getsize("b.img") == 4096
    vmm("resize", "b.img", "2K", status=FAILED, says="--shrink")
    vmm("resize", "b.img", "-2K", "--shrink")
    assert os.path.getsize("b.img") == 2048
    vmm("compact", "b.img", status=FAILED, says="raw")
    vmm("check", "b.img", says="sound")
    vmm("info", "nowhere.img", status=FAILED, says="nowhere.img")
    vmm("info", "/dev/null", status=FAILED, says="/dev/null")
    vmm("frobnicate", status=USAGE)
    vmm("cehck", "b.img", status=USAGE, says="check")
    vmm("info", status=USAGE, says="info FILE")
    vmm("info", "a.img", "b.img", status=USAGE)
    vmm("info", "a.img", "--yes", status=USAGE, says="--yes")
    data = pattern(chance, 10 * MIB)
    write_file("a.img", data)
    os.truncate("a.img", 40 * MIB)
    pieces = vmm("map", "a.img", "--json")["pieces"]
    assert sum(piece["length"] for piece in pieces) == 40 * MIB and pieces[-1]["kind"] == "hole", pieces
    vmm("convert", "a.img", "c.img")
    assert vmm("compare", "a.img", "c.img", "--json")["alike"]
    # Zeros that were written are holes now.
    assert os.stat("c.img").st_blocks < os.stat("a.img").st_blocks
    with open("c.img", "r+b") as f:
        f.seek(5 * MIB)
        byte = f.read(1)[0]
        f.seek(5 * MIB)
        f.write(bytes((byte ^ 1,)))
    assert vmm("compare", "a.img", "c.img", "--json", status=FOUND) == {"alike": False, "offset": 5 * MIB}
    vmm("convert", "a.img", "c.img", status=FAILED, says="exists")
    vmm("convert", "a.img", "nowhere/c.img", status=FAILED, says="nowhere")


def undoable(chance):
    """Changes that are kept apart, committed or dropped; cut short in the midst, and done again."""
    data = pattern(chance, 6 * MIB)
    write_file("undo.img", data)
    vmm("discard", "undo.img", status=FAILED, says="no undoable changes")
    vmm("create", "undo.img.redo", "--parent", "undo.img", "--format", "delta")
    assert vmm("info", "undo.img", "--json")["undoable"] == "undo.img.redo"
    vmm("info", "undo.img", says="commit or discard")
    vmm("bench", "undo.img.redo", "--write", "--count", "40", "--size", "8K", "--random")
    want = contents("undo.img.redo", "delta")
    assert want != data
    with open("undo.img", "rb") as f:
        assert f.read() == data
    shutil.copy("undo.img.redo", "again")
    shutil.copy("undo.img", "before.img")
    answer = vmm("commit", "undo.img", "--json")
    assert answer["file"] == "undo.img.redo" and 0 < answer["committed"] < 6 * MIB, answer
    assert not os.path.exists("undo.img.redo")
    with open("undo.img", "rb") as f:
        assert f.read() == want
    os.rename("again", "undo.img.redo")
    vmm("commit", "undo.img")
    with open("undo.img", "rb") as f:
        assert f.read() == want
    vmm("create", "undo.img.redo", "--parent", "undo.img", "--format", "delta")
    vmm("bench", "undo.img.redo", "--write", "--count", "4")
    vmm("discard", "undo.img")
    assert not os.path.exists("undo.img.redo")
    with open("undo.img", "rb") as f:
        assert f.read() == want
    vmm("commit", "undo.img", status=FAILED, says="no parent")
    # What is damaged can be dropped, too.
    write_file("undo.img.redo", b"VMM DELT" + bytes(10000))
    vmm("info", "undo.img.redo", status=FAILED, says="undo.img.redo")
    vmm("discard", "undo.img")


def tracking():
    vmm("create", "tracked.img", "4M")
    vmm("map", "tracked.img", "--changed-since", "1", status=FAILED, says="keeps track")
    vmm("mark", "tracked.img", status=FAILED, says="--begin")
    first = vmm("mark", "tracked.img", "--begin", "--json")["mark"]
    assert vmm("map", "tracked.img", "--changed-since", first, "--json")["pieces"] == []
    vmm("bench", "tracked.img", "--write", "--count", "2", "--size", "64K", "--step", "1M")
    want = [{"offset": at, "length": 65536, "kind": "changed"} for at in (0, MIB)]
    assert vmm("map", "tracked.img", "--changed-since", first, "--json")["pieces"] == want
    second = int(vmm("mark", "tracked.img"))
    assert second > first and vmm("map", "tracked.img", "--changed-since", second, "--json")["pieces"] == []
    assert vmm("map", "tracked.img", "--changed-since", first, "--json")["pieces"] == want
    vmm("map", "tracked.img", "--changed-since", second + 10 ** 6, status=FAILED, says="no mark")
    vmm("map", "tracked.img", "--changed-since", "yesterday", status=USAGE)


    # What is told of these files.
    assert vmm("info", "tracked.img", "--json")["tracked"] == "tracked.img.cbt" and "undoable" not in vmm(
        "info", "tracked.img", "--json")
    vmm("info", "tracked.img", says="tracked    in tracked.img.cbt")
    assert vmm("check", "tracked.img", "--json")["notes"] == 0
    with open("tracked.img.cbt", "r+b") as f:
        f.write(b"x")
    answer = vmm("check", "tracked.img", "--json")
    assert (answer["notes"], answer["damage"]) == (1, 0) and "every block" in answer["findings"][0]["text"], answer
    vmm("check", "tracked.img", says="with notes")
    assert vmm("map", "tracked.img", "--changed-since", second, "--json")["pieces"] == [
        {"offset": 0, "length": 4 * MIB, "kind": "changed"}]


def backups():
    """Of an image that nobody uses."""
    write_file("plain.img", bytes(MIB) + os.urandom(3 * MIB))
    answer = vmm("backup", "plain.img", "plain.redo-0", "--format", "raw", "--json")
    assert answer == {"file": "plain.redo-0", "copied": 4 * MIB}, answer
    assert not os.path.exists("plain.img.cbt") and vmm("compare", "plain.img", "plain.redo-0", "--json")["alike"]
    first = vmm("backup", "plain.img", "full.img", "--begin", "--json")["mark"]
    vmm("bench", "plain.img", "--write", "--count", "3", "--size", "64K", "--step", "1M")
    with open("plain.img", "rb") as f:
        assert f.read(65536) != bytes(65536)
    words = ("backup", "plain.img", "inc.redo", "--format", "delta", "--changed-since", first)
    vmm(*words, status=USAGE, says="--parent")
    vmm(*words, "--parent", "nowhere.img", status=FAILED, says="nowhere.img")
    vmm(*words, "--parent", "full.img", "--machine", "nobody", status=FAILED, says="nobody")
    vmm("backup", "plain.img", "inc.img", "--format", "raw", "--changed-since", first, "--parent", "full.img", status=FAILED,
        says="parents")
    vmm(*words[:-1], first + 10 ** 6, "--parent", "full.img", status=FAILED, says="no mark")
    assert not os.path.exists("inc.redo") and not os.path.exists("inc.img")
    answer = vmm(*words, "--parent", "full.img", "--json")
    assert answer["copied"] == 3 * 65536 and answer["mark"] > first, answer
    vmm(*words, "--parent", "full.img", status=FAILED, says="exists")
    assert vmm("compare", "plain.img", "inc.redo", "--json")["alike"]
    vmm("compare", "plain.img", "full.img", status=FOUND)
    vmm("commit", "inc.redo")
    assert vmm("compare", "plain.img", "full.img", "--json")["alike"]


def bench():
    vmm("create", "bench.img", "16M")
    for words in ((), ("--write",), ("--random",), ("--write", "--random", "--depth", "1"), ("--step", "1M"), ("--cache", "none")):
        answer = vmm("bench", "bench.img", "--count", "200", "--size", "64K", "--json", *words)
        assert answer["seconds"] > 0 and answer["count"] == 200 and answer["operation"] == (
            "write" if "--write" in words else "read"), answer
    vmm("bench", "bench.img", "--size", "1000", status=USAGE)
    vmm("bench", "bench.img", "--size", "32M", status=FAILED, says="shorter")
    vmm("bench", "bench.img", "--depth", "0", status=USAGE)


def interrupt():
    """Ctrl-C in the midst of a conversion: nothing of the target is left."""
    with open("long.img", "wb") as f:
        block = os.urandom(MIB)
        for _ in range(400):
            f.write(block)
    for delay in (0.05, 0.15, 0.3):
        before = sorted(os.listdir("."))
        process = subprocess.Popen([VMM, "disk", "convert", "long.img", "target.img"], stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, text = process.communicate()
        if process.returncode == DONE:
            os.unlink("target.img")
        elif process.returncode == -signal.SIGINT:
            pass  # before it had begun
        else:
            assert process.returncode == FAILED and b"cancelled" in text, (process.returncode, text)
        assert sorted(os.listdir(".")) == before, os.listdir(".")
    os.unlink("long.img")


def in_use():
    """An image that somebody writes is left alone, and info looks all the same."""
    vmm("create", "used.img", "1M")
    code = ("import fcntl, struct, sys, time\nf = open('used.img', 'r+b')\n"
            "fcntl.fcntl(f, 37, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0))\nprint('x', flush=True)\ntime.sleep(60)\n")
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    holder.stdout.read(1)
    try:
        vmm("check", "used.img", status=FAILED, says="process %d" % holder.pid)
        vmm("resize", "used.img", "2M", status=FAILED, says="in use")
        vmm("info", "used.img")
        vmm("map", "used.img")
    finally:
        holder.kill()
        holder.wait()


def device(chance):
    """A block device of the host's, where we may have one."""
    data = pattern(chance, 4 * MIB)
    write_file("device.img", data)
    loop = subprocess.run(["losetup", "-f", "--show", "device.img"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if loop.returncode != 0:
        print("no block device to try: " + loop.stderr.strip())
        return
    path = loop.stdout.strip()
    try:
        info = vmm("info", path, "--json")
        assert (info["variant"], info["size"]) == ("device", 4 * MIB), info
        assert vmm("compare", path, "device.img", "--json")["alike"]
        for cache in ("writeback", "none"):
            vmm("bench", path, "--write", "--count", "50", "--size", "12K", "--random", "--cache", cache)
            vmm("bench", path, "--count", "50", "--size", "512", "--random", "--cache", cache)
        vmm("resize", path, "8M", status=FAILED, says="device")
        vmm("convert", path, "from-device.img")
        vmm("compare", path, "from-device.img")
    finally:
        subprocess.run(["losetup", "-d", path])


def format_images(chance, known):
    """All that a format says that it can."""
    name, can = known["name"], known["can"]
    if name in ("raw", "delta") or "create" not in can:
        return
    data = pattern(chance, 10 * MIB)
    write_file("source.img", data)
    for number, variant in enumerate(known["variants"].split("|")):
        path = "%s-%d.%s" % (name, number, known["suffixes"].split("|")[0])
        words = ("convert", "source.img", path, "--format", "%s:%s" % (name, variant), "--source-format", "raw")
        if variant in CHILDREN:
            vmm(*words, status=FAILED, says="parent")
            continue
        vmm(*words)
        info = vmm("info", path, "--json")
        assert info["format"] == name and info["size"] >= 10 * MIB, info
        assert contents(path, name)[:10 * MIB] == data, path
        assert vmm("check", path, "--json")["damage"] == 0
        assert vmm("repair", path, "--json")["damage"] == 0
        if not info["readonly"] and "resize" in can:
            vmm("resize", path, "+4M")
            assert vmm("info", path, "--json")["size"] >= 14 * MIB
            assert contents(path, name)[:10 * MIB] == data
    if "parents" in can:
        children(chance, known, data)


def children(chance, known, data):
    name, suffix = known["name"], known["suffixes"].split("|")[0]
    base, middle, top = ("chain-%d.%s" % (i, suffix) for i in range(3))
    vmm("convert", "source.img", base, "--format", name, "--source-format", "raw")
    vmm("snapshot", base, middle)
    vmm("snapshot", middle, top)
    info = vmm("info", top, "--json")
    assert [parent["format"] for parent in info["parents"]] == [name, name], info
    assert contents(top, name)[:len(data)] == data
    vmm("snapshot", top, "last." + suffix)
    vmm("bench", "last." + suffix, "--write", "--count", "30", "--random", "--size", "12K")
    want = contents("last." + suffix, name)
    vmm("commit", "last." + suffix)
    assert not os.path.exists("last." + suffix) and contents(top, name) == want
    os.unlink(top)
    vmm("snapshot", middle, top)
    if "rebase" in known["can"]:
        # The child does not see the change: it had its parent's contents when it was rebased.
        vmm("rebase", top, "--parent", "nowhere." + suffix, status=FAILED, says="nowhere")
        write_file("other.img", chance.randbytes(3 * MIB))
        vmm("convert", "other.img", "other." + suffix, "--format", name, "--source-format", "raw")
        vmm("snapshot", base, "child." + suffix)
        vmm("rebase", "child." + suffix, "--parent", "other." + suffix)
        assert vmm("info", "child." + suffix, "--json")["parent"].endswith("other." + suffix)
        assert contents("child." + suffix, name)[:len(data)] == data
        vmm("rebase", "child." + suffix, "--parent", "none")
        assert not vmm("info", "child." + suffix, "--json")["parents"]
        assert contents("child." + suffix, name)[:len(data)] == data
    orphan(name, base, top)
    os.rename(base, base + ".away")
    answer = subprocess.run([VMM, "disk", "info", top, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert answer.returncode == FAILED and base in json.loads(answer.stdout)["trouble"]
    os.rename(base + ".away", base)


def spoil(name, path):
    """Something that repair can mend without any parent; says what check calls it."""
    with open(path, "r+b") as f:
        if name == "qcow2":
            f.seek(72)
            features = int.from_bytes(f.read(8), "big")
            f.seek(72)
            f.write((features | 1).to_bytes(8, "big"))
            return "not closed cleanly"
        if name == "vhd":
            f.seek(64)
            f.write(b"\0\0\0\0")
            return "copy of the footer"
        # The second copy of a grain table names one grain less.
        f.seek(48)
        f.seek(int.from_bytes(f.read(8), "little") * 512)
        table = int.from_bytes(f.read(4), "little") * 512
        f.seek(table)
        entries = f.read(2048)
        used = next(i for i in range(512) if entries[4 * i:4 * i + 4] > b"\1\0\0\0")
        f.seek(table + 4 * used)
        f.write(b"\0\0\0\0")
        return "grain"


def orphan(name, base, top):
    """A child without its parents is checked, and mended, for itself."""
    vmm("bench", top, "--write", "--count", "20", "--random", "--size", "64K")
    want = contents(top, name)
    os.rename(base, base + ".away")
    answer = vmm("check", top, "--json", status=FOUND)
    assert (answer["damage"], answer["waste"], answer["mendable"]) == (1, 0, 0), answer
    assert base in answer["findings"][0]["text"] and "rebase" in answer["findings"][0]["remedy"], answer
    vmm("check", top, status=FOUND, says="rebase")
    answer = vmm("repair", top, "--yes", "--json", status=FOUND)
    assert (answer["damage"], answer["mended"]) == (1, 0), answer
    what = spoil(name, top)
    answer = vmm("check", top, "--json", status=FOUND)
    assert answer["damage"] + answer["waste"] >= 2 and answer["mendable"] >= 1, answer
    assert any(what in entry["text"] for entry in answer["findings"]), answer
    vmm("repair", top, "--yes", status=FOUND, says="1 are left")
    os.rename(base + ".away", base)
    vmm("check", top, says="sound")
    assert contents(top, name) == want
    # A parent that was moved is named anew.
    if name == "qcow2":
        os.rename(base, "elsewhere")
        vmm("check", "chain-1.qcow2", status=FOUND, says="--unsafe --parent")
        vmm("rebase", "chain-1.qcow2", "--unsafe", "--parent", "elsewhere")
        vmm("check", "chain-1.qcow2", says="sound")
        vmm("rebase", "chain-1.qcow2", "--unsafe", "--parent", base, status=FAILED, says=base)
        os.rename("elsewhere", base)
        vmm("rebase", "chain-1.qcow2", "--unsafe", "--parent", base)
        assert contents(top, name) == want


def strangers(chance, formats):
    """A parent of another plugin's format."""
    names = {known["name"]: known for known in formats}
    if "qcow2" not in names or "vmdk" not in names:
        return
    data = pattern(chance, 10 * MIB)
    write_file("strange.img", data)
    vmm("convert", "strange.img", "strange.vmdk", "--source-format", "raw")
    vmm("create", "strange.qcow2", "--parent", "strange.vmdk")
    info = vmm("info", "strange.qcow2", "--json")
    assert [parent["format"] for parent in info["parents"]] == ["vmdk"], info
    assert contents("strange.qcow2", "qcow2") == data


def main():
    chance = random.Random(SEED)
    folder = tempfile.mkdtemp(prefix="vmm-disk-")
    os.chdir(folder)
    try:
        formats = vmm("formats", "--json")["formats"]
        vmm("formats")
        raw_images(chance)
        bench()
        undoable(chance)
        tracking()
        backups()
        interrupt()
        in_use()
        device(chance)
        for known in formats:
            format_images(chance, known)
        strangers(chance, formats)
    except BaseException:
        print("seed %d; the files were in %s" % (SEED, folder))
        raise
    finally:
        os.chdir("/")
        shutil.rmtree(folder)
    print("vmm disk: seed %d, formats %s" % (SEED, ", ".join(known["name"] for known in formats)))


main()
