#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Whole machines: two at once, repeatable runs, saved in mid-boot, parts left out, ports changed while they run."""
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


if __name__ == "__main__":
    guest.main(two_processes, same_name_twice, same_run_twice, saved_in_mid_boot, bad_states, parts_left_out, live_ports,
               control)
