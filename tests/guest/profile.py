#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""`vmm profile`: what is known to keep a guest busy comes first, in samples, in folded stacks and in perf's map."""

import json
import os
import re
import shutil
import stat
import subprocess
import time

import guest
import media

# Three parts of its time go to busy(), one to other().  Functions in another order than they call each other.
PROGRAM = r"""
unsigned state = 1;
void busy(int n) { while (n--) state = state * 1103515245u + 12345u; }
void outer(void);
void other(int n) { while (n--) state = state * 1103515245u + 12345u; }
void _start(void) { for (;;) outer(); }
void outer(void) { busy(30000); other(10000); }
"""


def program(folder, bits):
    """A program for guests, and a file with its symbols."""
    built, symbols = folder.file("spin"), folder.file("spin.map")
    media.run("gcc", "-m%d" % bits, "-static", "-nostdlib", "-O0", "-fno-pie", "-no-pie", "-fno-omit-frame-pointer",
              "-fno-stack-protector", "-fcf-protection=none", "-o", built, folder.file("spin.c", PROGRAM))
    with open(symbols, "wb") as f:
        subprocess.run(["nm", built], stdout=f, check=True)
    return built, symbols


def spinning(folder, flavour, bits, tier):
    """A Linux guest that can run the program, and its symbols."""
    built, symbols = program(folder, bits)
    file = folder.linux("spun", flavour=flavour, memory="512M", programs=[("spin", built)])
    return guest.Guest(folder, file, "--tier", tier), symbols


def profile(folder, *words):
    status, output, error = guest.vmm("profile", "spun", *words, folder=folder)
    assert status == 0 and not error, error
    return output


def samples_of(flavour, bits, tier):
    with guest.Folder() as folder:
        it, symbols = spinning(folder, flavour, bits, tier)
        with it as shell:
            shell.ready(600)
            # An idle guest is asleep.
            idle = json.loads(profile(folder, "--seconds", "1", "--json"))
            assert idle["idle"] > idle["running"], idle
            shell.run("spin & sleep 1")
            folded = folder.file("folded")
            found = json.loads(profile(folder, "--seconds", "3", "--symbols", symbols, "--folded", folded, "--json"))
            names = {row["name"].split()[-1]: row["samples"] for row in found["functions"] if row["name"].startswith("user")}
            assert found["running"] == sum(row["samples"] for row in found["functions"]), found
            assert found["user"] == sum(names.values()) and found["running"] > 100, found
            assert found["functions"][0]["name"] == "user    busy", found["functions"][:5]
            assert names["busy"] > 0.5 * found["running"], found["functions"][:5]
            # What else the host does takes from both.
            assert 1.8 < names["busy"] / names["other"] < 5, names
            with open(folded) as f:
                stacks = {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in f}
            assert sum(stacks.values()) == found["running"] + found["idle"], (found, stacks)
            assert stacks["user;_start;outer;busy"] > 0.9 * names["busy"], stacks
            assert stacks["user;_start;outer;other"] > 0.9 * names["other"], stacks
            # Without symbols: addresses, which lie in the same function, and the address space.
            text = profile(folder, "--seconds", "1", "--hz", "500")
            first = re.search(r"user +([0-9a-f]+)@[0-9a-f]+000$", text, re.M)
            with open(symbols) as f:
                places = {line.split()[2]: int(line.split()[0], 16) for line in f}
            assert first and places["busy"] <= int(first.group(1), 16) < places["outer"], text
            assert re.match(r"\d+ samples: running [0-9.]+% \(kernel", text), text
            # The guest has noticed nothing.
            shell.send("kill %1; sleep 1; poweroff -f\n")
            assert shell.wait() == 0


def samples_t0():
    samples_of("amd64", 64, "T0")


def samples_t1():
    samples_of("amd64", 64, "T1")


def samples_32_bit():
    samples_of("686-pae", 32, "T1")


def kernel():
    """The kernel's own function that dominates, by its kallsyms, and who called it: Debian's i386 kernel keeps frames."""
    with guest.Folder() as folder:
        with guest.Guest(folder, folder.linux("spun", memory="256M"), "--tier", "T1") as shell:
            shell.ready(600)
            lines, status = shell.run("grep -E -A1 ' (chacha_permute|chacha_block_generic|vfs_read|ksys_read)$' /proc/kallsyms"
                                      " | grep -v -e --")
            assert status == 0, lines
            symbols, folded = folder.file("symbols", lines), folder.file("folded")
            shell.run("dd if=/dev/urandom of=/dev/null bs=64k & sleep 1")
            found = json.loads(profile(folder, "--seconds", "3", "--symbols", symbols, "--folded", folded, "--json"))
            assert found["functions"][0]["name"] == "kernel  chacha_permute", found["functions"][:5]
            with open(folded) as f:
                lines = sorted(f, key=lambda line: -int(line.split()[-1]))
            assert re.search(r"^kernel;.*;ksys_read;vfs_read;.*;chacha_block_generic;chacha_permute \d+$", lines[0]), lines[:5]
            # Where the kernel is moved by 16 MiB, its names are too.
            moved = folder.file("moved", "".join("%x %s" % (int(line.split()[0], 16) - 0x1000000, line.split(" ", 1)[1])
                                                 for line in open(symbols)))
            text = profile(folder, "--seconds", "1", "--symbols", moved, "--slide", "1000000")
            assert "chacha_permute" in text.splitlines()[1], text


def counted(tier, sampled):
    """A run to its end under clock = instructions: what it said, and how many instructions it took."""
    with guest.Folder() as folder:
        file = folder.linux("spun", script="dmesg | md5sum; head -c 1M /dev/urandom | md5sum; poweroff -f",
                            machine="clock = instructions")
        count = folder.file("count")
        with guest.Guest(folder, file, "--tier", tier, "--report", count) as it:
            if sampled:
                sock = os.path.join(folder.runtime, "vmm", "spun.sock")
                while not os.path.exists(sock):
                    time.sleep(0.01)
                it.call("profile", do="start", seconds=600, hz=2000, depth=16)
                it.expect("GUEST-READY", 600)
                assert it.call("profile", do="read")["samples"], "it was not sampled"
            assert it.wait(600) == 0
            with open(count) as f:
                return it.text, f.read()


def unnoticed():
    """Where time is counted, a run that is sampled is the same to the instruction as one that is not."""
    for tier in ("T0", "T1"):
        plain, sampled = counted(tier, False), counted(tier, True)
        assert "GUEST-READY" in plain[0] and plain == sampled, (tier, plain, sampled)


def mappings(pid):
    """The places of the code cache: what is executable and no file's of the disk."""
    with open("/proc/%d/maps" % pid) as f:
        rows = [line.split(None, 5) for line in f]
    return [tuple(int(n, 16) for n in row[0].split("-")) for row in rows if row[1].startswith("r-x") and len(row) > 5 and
            ("/dev/zero" in row[5] or "memfd:vmm-code" in row[5])]


def perf_map():
    """Each entry of the map is code in the cache, which no other claims; perf itself, if it may look, finds the names."""
    with guest.Folder() as folder:
        it, symbols = spinning(folder, "amd64", 64, "T1")
        with it as shell:
            shell.ready(600)
            shell.run("spin & sleep 1")
            pid = shell.call("status")["pid"]
            # A link in the way is replaced, not followed.
            path, aim = folder.file("code.map"), folder.file("aim", "kept")
            os.symlink(aim, path)
            output = profile(folder, "--perf-map", "--output", path, "--symbols", symbols)
            with open(path) as f:
                entries = [line.split(" ", 2) for line in f]
            assert open(aim).read() == "kept" and stat.S_ISREG(os.lstat(path).st_mode), "the link was followed"
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert output == "%s: %d pieces of code\n" % (path, len(entries)), output
            places = mappings(pid)
            assert len(places) == 1 and len(entries) > 1000, (places, len(entries))
            spans = sorted((int(start, 16), int(start, 16) + int(size, 16), name.strip()) for start, size, name in entries)
            for (_, end, name), (start, _, _) in zip(spans, spans[1:]):
                assert end <= start, name
            assert all(start < end for start, end, _ in spans)
            assert spans[0][0] == places[0][0] and spans[0][2] == "vmm:translator" and spans[-1][1] <= places[0][1]
            used = json.loads(guest.vmm("status", "spun", "--engine", "--json", folder=folder)[1])
            used = used["engine"]["cpus"][0]["translator"]["code_bytes_used"]
            assert spans[-1][1] <= places[0][0] + used and sum(end - start for start, end, _ in spans) <= used
            names = {name for _, _, name in spans}
            assert {"guest:busy", "guest:other", "guest:outer"} <= names
            assert all(re.match(r"guest:([uk](16|32|64):[0-9a-f]+|\w+)$|vmm:translator$", name) for name in names)
            # The default place is where perf looks.
            default = "/tmp/perf-%d.map" % pid
            try:
                profile(folder, "--perf-map", "--symbols", symbols)
                assert os.path.exists(default)
                data = folder.file("perf.data")
                if shutil.which("perf") and not subprocess.run(
                        ["perf", "record", "-e", "cpu-clock", "-o", data, "-p", str(pid), "--", "sleep", "2"],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
                    report = subprocess.run(["perf", "report", "-i", data, "--stdio", "-F", "overhead,sym"], check=True,
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
                    shares = re.findall(r"^ +([0-9.]+)% +\[.\] (\S+)", report, re.M)
                    busy = sum(float(share) for share, name in shares if name == "guest:busy")
                    assert busy > 40 and busy > sum(float(share) for share, name in shares if name == "guest:other"), report
            finally:
                if os.path.exists(default):
                    os.unlink(default)
            assert shell.run("echo alive")[0].strip() == "alive"


def usage():
    with guest.Folder() as folder:
        empty, hidden = folder.file("empty", "nothing here\n"), folder.file("hidden", "00000000 T _text\n00000000 t x\n")
        for words, code, says in (
                ((), 2, "which NAME?"), (("x", "y"), 2, "not expected"), (("x", "--seconds"), 2, "needs a value"),
                (("x", "--seconds", "0"), 2, "1 to 86400"), (("x", "--seconds=1x"), 2, "1 to 86400"),
                (("x", "--hz", "-1"), 2, "1 to 10000"), (("x", "--depth", "65"), 2, "1 to 64"),
                (("x", "--slide", "zz"), 2, "hexadecimal"), (("x", "--slide", "10"), 2, "--symbols"),
                (("x", "--output", "f"), 2, "--perf-map"), (("x", "--perf-map", "--folded", "f"), 2, "--perf-map goes"),
                (("x", "--symbols", folder.file("none")), 1, "No such file"),
                (("x", "--symbols", empty), 1, "ADDRESS TYPE NAME"), (("x", "--symbols", hidden), 1, "are zero"),
                (("x",), 1, "no machine called"), (("x", "--perf-map"), 1, "no machine called")):
            status, output, error = guest.vmm("profile", *words, folder=folder)
            assert status == code and not output and says in error and error.count("\n") == 1, (words, status, error)
        with guest.Guest(folder, folder.linux("spun", memory="64M"), "--tier", "T0") as shell:
            shell.ready(600)
            status, _, error = guest.vmm("profile", "spun", "--perf-map", folder=folder)
            assert status == 1 and "interpreter" in error, error
            shell.call("profile", do="start", seconds=60)
            status, output, error = guest.vmm("profile", "spun", folder=folder)
            assert status == 1 and "already" in error and not output, error
            shell.call("profile", do="stop")
            for params in ({"method": "perf-map", "path": "relative"}, {}, {"do": "begin"}, {"do": "start", "hz": 0}, {"do": "start", "hz": "9"}, {"do": "read"},
                           {"do": "start", "depth": 65}, {"do": "start", "seconds": 0}):
                try:
                    answer = shell.call(**dict({"method": "profile"}, **params))
                except RuntimeError:
                    continue
                raise AssertionError("%s: %s" % (params, answer))
            # Nobody reads: what does not fit is lost, and said to be.
            shell.call("profile", do="start", seconds=2, hz=10000)
            shell.run("i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 2")
            answer, ticks = {"more": True}, 0
            while answer["more"]:
                answer = shell.call("profile", do="read")
                ticks += answer["lost"] + answer["idle"] + sum(sample["ticks"] for sample in answer["samples"])
            assert not answer["running"] and abs(ticks - 20000) < 20, (ticks, answer)


if __name__ == "__main__":
    guest.main(samples_t0, samples_t1, samples_32_bit, kernel, unnoticed, perf_map, usage)
