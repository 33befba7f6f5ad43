#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Whole machines: two at once, repeatable runs, saved in mid-boot, parts left out, ports changed while they run."""
import json
import os
import time

import guest


def two_processes():
    with guest.Folder() as folder:
        with guest.Guest(folder, folder.linux("one")) as one, guest.Guest(folder, folder.linux("two")) as two:
            one.ready(600)
            two.ready(600)
            status, output, _ = guest.vmm("list", folder=folder)
            assert status == 0 and "one" in output and "two" in output, output
            for number, shell in enumerate((one, two)):
                shell.run("echo %d > /tmp/me" % number)
            for number, shell in enumerate((one, two)):
                assert shell.run("cat /tmp/me")[0].strip() == str(number)
                shell.send("poweroff -f\n")
                assert shell.wait() == 0
        status, output, _ = guest.vmm("list", folder=folder)
        assert output == "", "machines that have ended are not listed: " + output


def same_name_twice():
    with guest.Folder() as folder:
        file = folder.linux("one")
        with guest.Guest(folder, file) as one:
            time.sleep(2)
            status, _, error = guest.vmm("run", file, folder=folder)
            assert status == 1 and "runs already" in error and error.count("\n") == 1, error


def counted_run(folder, name):
    """Boot to a power-off under clock = instructions: the serial bytes, and how many instructions they took."""
    log = folder.file(name + ".log")
    script = "cat /proc/interrupts; sleep 2; cat /proc/uptime; head -c 64 /dev/urandom | md5sum; poweroff -f"
    file = folder.linux(name, script=script, machine="clock = instructions", cmdline="loglevel=7 ignore_loglevel")
    count = folder.file(name + ".count")
    status, _, error = guest.vmm("run", file, "--serial", log, "--report", count, folder=folder, timeout=900)
    assert status == 0, error
    with open(log, "rb") as f, open(count) as g:
        return f.read(), g.read()


def same_run_twice():
    with guest.Folder() as folder:
        first, count = counted_run(folder, "counted")
        second, again = counted_run(folder, "counted")
        assert b"GUEST-READY" in first, first[-2000:]
        assert first == second, "two runs under clock = instructions differ in their serial output"
        assert count == again and "instructions" in count, "%s and %s" % (count, again)


def saved_in_mid_boot():
    """A machine is saved while its kernel boots, ends, and goes on in another process."""
    with guest.Folder() as folder:
        file = folder.linux("saved", cmdline="loglevel=7 ignore_loglevel initcall_debug")
        state = folder.file("state")
        with guest.Guest(folder, file) as shell:
            shell.expect("calling  ", 300)
            shell.expect("calling  acpi_init", 300)
            shell.call("pause")
            shell.call("save", path=state)
            before = shell.call("status")
            shell.process.kill()
            shell.wait()
        with guest.Guest(folder, file, "--load", state) as shell:
            shell.ready(600)
            now = shell.call("status")
            assert now["time_ns"] > before["time_ns"]
            # translated code counts nothing
            assert "instructions" not in now or now["instructions"] > before["instructions"]
            assert "Linux version" not in shell.text, "it booted anew instead of going on"
            assert shell.run("echo $((6 * 7))")[0].strip() == "42"
            # Saved twice without running between, a machine is the same.
            shell.call("pause")
            for name in ("a", "b"):
                shell.call("save", path=folder.file(name))
            with open(folder.file("a"), "rb") as a, open(folder.file("b"), "rb") as b:
                assert a.read() == b.read(), "saving changes the machine"
            shell.call("load", path=folder.file("a"))
            shell.call("save", path=folder.file("b"))
            with open(folder.file("a"), "rb") as a, open(folder.file("b"), "rb") as b:
                assert a.read() == b.read(), "what is loaded is not what was saved"
            shell.call("resume")
            assert shell.run("echo again")[0].strip() == "again"
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def bad_states():
    """A damaged state is refused with a reason, whatever byte is hit."""
    with guest.Folder() as folder:
        file = folder.linux("broken", memory="64M")
        state = folder.file("state")
        with guest.Guest(folder, file) as shell:
            time.sleep(3)
            shell.call("pause")
            shell.call("save", path=state)
        with open(state, "rb") as f:
            good = f.read()
        length = int.from_bytes(good[:8], "little")
        places = [0, 3, 8, 12, 30, 100, length // 2, length - 20, length + 8, length + 14, length + 20, length + 90,
                  length + 100, len(good) // 2 + 5000, len(good) - 3]
        for place in places:
            with open(folder.file("bad"), "wb") as f:
                f.write(good[:place] + bytes([good[place] ^ 0x41]) + good[place + 1:])
            status, _, error = guest.vmm("run", file, "--load", folder.file("bad"), folder=folder)
            assert status == 1 and error.count("\n") == 1, "byte %d: status %d, %s" % (place, status, error)
        for end in (0, 4, 8, 20, length, length + 10, length + 200, len(good) - 1):
            with open(folder.file("bad"), "wb") as f:
                f.write(good[:end])
            status, _, error = guest.vmm("run", file, "--load", folder.file("bad"), folder=folder)
            assert status == 1 and error.count("\n") == 1, "cut at %d: status %d, %s" % (end, status, error)


def parts_left_out():
    with guest.Folder() as folder:
        file = folder.linux("bare", extra="[rtc0]\nplugin = none\n[ps2]\nplugin = none\n")
        with guest.Guest(folder, file) as shell:
            shell.ready(600)
            # What the kernel always reserves in /proc/ioports says nothing; who gets interrupts does.
            output, _ = shell.run("cat /proc/interrupts; cat /proc/bus/input/devices")
            assert "ttyS0" in output, output
            for word in ("rtc0", "i8042", "eyboard"):
                assert word not in output, output
            assert shell.run("ls /dev/rtc0")[1] != 0
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def live_ports():
    """The serial line goes from the terminal to a file and back without the guest noticing."""
    with guest.Folder() as folder:
        with guest.Guest(folder, folder.linux("live")) as shell:
            shell.ready(600)
            log = folder.file("serial.log")
            shell.send("sleep 5; echo to-the-file; sleep 8; echo on-the-line\n")
            time.sleep(1)
            status, _, error = guest.vmm("attach", "live", "serial0.backend", "char-file", "file=" + log, folder=folder)
            assert status == 0, error
            end = time.monotonic() + 60
            while not (os.path.exists(log) and "to-the-file" in open(log).read()):
                assert time.monotonic() < end, "the file never got the guest's words"
                time.sleep(0.2)
            status, _, error = guest.vmm("attach", "live", "serial0.backend", "no-such-plugin", folder=folder)
            assert status == 1 and "no plugin" in error, error
            status, _, error = guest.vmm("attach", "live", "serial0.backend", "char-stdio", folder=folder)
            assert status == 0, error
            shell.expect("on-the-line", 60)
            shell.expect("# ")
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def control():
    with guest.Folder() as folder:
        with guest.Guest(folder, folder.linux("steered")) as shell:
            shell.ready(600)
            status, output, error = guest.vmm("pause", "steered", folder=folder)
            assert status == 0, error
            a = shell.call("status")
            time.sleep(0.5)
            b = shell.call("status")
            assert a["state"] == "paused" and a["time_ns"] == b["time_ns"] and a.get("instructions") == b.get("instructions")
            assert guest.vmm("resume", "steered", folder=folder)[0] == 0
            assert shell.run("echo alive")[0].strip() == "alive"
            assert guest.vmm("reset", "steered", folder=folder)[0] == 0
            shell.ready(600)
            assert guest.vmm("stop", "steered", folder=folder)[0] == 0
            assert shell.wait() == 0


def counters(folder, name):
    status, output, error = guest.vmm("status", name, "--engine", "--json", folder=folder)
    assert status == 0, error
    engine = json.loads(output)["engine"]
    assert len(engine["cpus"]) == 1, engine
    return engine["tier"], engine["cpus"][0]


def engine_counters():
    """What the engine counts grows with what the guest does, and its parts add up."""
    with guest.Folder() as folder:
        for tier in ("T0", "T1", "T2"):
            with guest.Guest(folder, folder.linux("counted"), "--tier", tier) as shell:
                shell.ready(600)
                named, a = counters(folder, "counted")
                assert named == tier, named
                # CPUID is T0's on every tier; new programs need new blocks, address spaces and pages.
                shell.run("for i in 1 2 3 4 5 6 7 8; do cat /proc/cpuinfo | md5sum; done; dmesg | sort | md5sum")
                named, b = counters(folder, "counted")
                for group in a:
                    if group == "interpreted":
                        continue
                    for key in a[group]:
                        assert b[group][key] >= a[group][key] or "_used" in key, (group, key, a, b)
                for group, key in (("interpreter", "blocks_decoded"), ("tlb", "page_walks"), ("tlb", "flushes_but_global")):
                    assert b[group][key] > a[group][key] > 0, (group, key, a, b)
                assert 0 < b["interpreter"]["cache_bytes_used"] <= b["interpreter"]["cache_bytes"]
                status, text, _ = guest.vmm("status", "counted", "--engine", folder=folder)
                assert status == 0 and "tier " + tier in text and "page walks" in text, text
                if tier == "T0":
                    assert sorted(b) == ["interpreter", "tlb"], b
                    continue
                assert sorted(b) == ["exits", "interpreted", "interpreter", "superblocks", "tlb", "translator"], b
                loops = b["superblocks"]
                assert (loops["made"] > 0) == (loops["look_ups"] > 0) == (tier == "T2"), b
                assert loops["look_ups_in_vain"] <= loops["look_ups"] and loops["made"] <= loops["recordings"], b
                for group, key in (("translator", "blocks_translated"), ("translator", "links_made"), ("exits", "tlb_misses"),
                                   ("exits", "interpreted"), ("exits", "links_wanted"), ("tlb", "refills")):
                    assert b[group][key] > a[group][key] > 0, (group, key, a, b)
                translator, exits = b["translator"], b["exits"]
                assert 0 < translator["code_bytes_used"] <= translator["code_bytes"], b
                assert translator["bytes_translated"] > 20 * translator["blocks_translated"], b
                assert exits["blocks_left_by_those"] <= exits["interpreted"] + exits["tlb_misses"], b
                counts = list(b["interpreted"].values())
                assert len(counts) == 15 and counts == sorted(counts, reverse=True), b
                assert counts[0] > 0 and sum(counts) <= exits["interpreted"], b
                # What the second level does not have either is T0's, once; or a superblock's round with checks.
                shell.call("pause")
                _, a = counters(folder, "counted")
                lost = a["tlb"]["refills_failed"] - a["exits"]["tlb_misses"]
                assert 0 <= lost <= a["superblocks"]["look_ups_in_vain"], a
                assert counters(folder, "counted")[1] == a, "a paused engine counts"


def status_usage():
    with guest.Folder() as folder:
        for words, says in (((), "which NAME?"), (("x", "y"), "not expected"), (("x", "--enigne"), "not expected"),
                            (("x", "--watch"), "needs a value"), (("x", "--watch", "0"), "0.1 to 86400"),
                            (("x", "--watch=1s"), "0.1 to 86400")):
            status, output, error = guest.vmm("status", *words, folder=folder)
            assert status == 2 and not output and says in error and error.count("\n") == 1, (words, error)
        status, _, error = guest.vmm("status", "nobody", "--engine", folder=folder)
        assert status == 1 and "no machine called" in error, error


if __name__ == "__main__":
    guest.main(two_processes, same_name_twice, same_run_twice, saved_in_mid_boot, bad_states, parts_left_out, live_ports,
               control, engine_counters, status_usage)
