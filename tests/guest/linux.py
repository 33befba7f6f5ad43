#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Debian's i386 kernels boot directly to a busybox shell, work, switch off and start again."""

import os
import subprocess
import tempfile

import guest

# Shell words that write 100 MB to standard output, with a scratch file.
MAKE = "f=%s; seq 100001 250000 | head -c 1000000 > $f; for i in $(seq 100); do cat $f; done"

BAD_TIME = ("TSC unstable", "Marking clocksource", "timer not connected to IO-APIC", "clocksource watchdog",
            "soft lockup", "rcu_sched self-detected", "spurious 8259A", "irq 4: nobody cared")


def check_log(shell):
    log, _ = shell.run("dmesg")
    for line in log.splitlines():
        for bad in BAD_TIME:
            assert bad.lower() not in line.lower(), "the kernel complains: " + line


def boot_and_work(flavour):
    with guest.Folder() as folder:
        file = folder.linux(flavour=flavour, memory="512M")
        with guest.Guest(folder, file) as shell:
            shell.ready()
            assert shell.run("echo $((6 * 7))")[0].strip() == "42"
            # 100 MB that the host can make as well: a megabyte of numbers, a hundred times.
            output, status = shell.run(
                "mount -o remount,size=400m /tmp; { " + MAKE % "/tmp/m" + "; } > /tmp/a && wc -c < /tmp/a && md5sum < /tmp/a && "
                "gzip -c /tmp/a > /tmp/a.gz && rm /tmp/a && gunzip -c /tmp/a.gz | sha256sum", 1500)
            assert status == 0, output
            words = output.split()
            assert words[0] == "100000000", output
            md5, sha256 = host_sums()
            assert words[1] == md5, "MD5 %s in the guest, %s on the host" % (words[1], md5)
            assert words[3] == sha256, "SHA-256 differs after gzip and gunzip: " + output
            check_log(shell)
            shell.send("poweroff -f\n")
            assert shell.wait() == 0, "poweroff must end vmm run with status 0"


_sums = []


def host_sums():
    """MD5 and SHA-256 of the same 100 MB, by the host's own programs."""
    if not _sums:
        with tempfile.TemporaryDirectory() as folder:
            data = MAKE % os.path.join(folder, "m")
            run = lambda c: subprocess.check_output(["sh", "-c", "{ " + data + "; } | " + c]).decode().split()[0]
            _sums.extend([run("md5sum"), run("sha256sum")])
    return _sums


def linux_686():
    boot_and_work("686")


def linux_686_pae():
    boot_and_work("686-pae")


def linux_amd64():
    boot_and_work("amd64")


def i386_on_amd64():
    """32-bit programs on a 64-bit kernel: compatibility mode, SYSENTER and INT 80, signals, threads of control."""
    with guest.Folder() as folder:
        busybox = os.path.join(guest.packages("686"), "bin/busybox")
        file = folder.linux(flavour="amd64", memory="512M", programs=[("busybox32", busybox)])
        with guest.Guest(folder, file) as shell:
            shell.ready(900)
            # ELF class 1: it is a 32-bit program.
            assert shell.run("busybox32 od -An -t u1 -j 4 -N 1 /bin/busybox32")[0].split() == ["1"]
            output, status = shell.run(
                "mount -o remount,size=400m /tmp; { " + MAKE % "/tmp/m" + "; } | busybox32 head -c 20000000 > /tmp/a; "
                "busybox32 gzip -c /tmp/a | busybox32 gunzip -c | busybox32 sha256sum; sha256sum < /tmp/a", 900)
            words = output.split()
            assert status == 0 and words[0] == words[2], output
            output, status = shell.run("busybox32 sh -c 'trap \"echo caught\" USR1; kill -USR1 $$; "
                                       "(exit 7); echo $?; i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; echo $i'")
            assert output.split() == ["caught", "7", "2000"], output
            output, status = shell.run("for i in $(seq 50); do busybox32 true || echo bad; done; busybox32 awk 'BEGIN { "
                                       "for (i = 1; i <= 1000; i++) s += 1 / i; printf \"%.12f\\n\", s }'")
            assert output.split() == ["7.485470860550"], output
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def installer_kernel():
    boot_and_work("installer")


def reboot():
    with guest.Folder() as folder:
        with guest.Guest(folder, folder.linux()) as shell:
            shell.ready()
            shell.send("reboot -f\n")
            shell.ready()
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def loaded_host():
    """With every host core busy Linux's clocks stay right, and sleeping takes the time it should."""
    with guest.Folder() as folder, guest.Load():
        with guest.Guest(folder, folder.linux()) as shell:
            shell.ready(900)
            output, status = shell.run("a=$(cut -d. -f1 /proc/uptime); sleep 10; b=$(cut -d. -f1 /proc/uptime); "
                                       "echo $((b - a))", 300)
            assert status == 0 and 9 <= int(output) <= 30, "sleep 10 took %s s" % output.strip()
            check_log(shell)
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def no_acpi():
    """Without ACPI, without I/O APIC, without local APIC: the 8259 pair and the 8254 carry the machine."""
    with guest.Folder() as folder:
        file = folder.linux(flavour="686", extra="[cpu]\napic = no\n[ioapic0]\nplugin = none\n", cmdline="acpi=off")
        with guest.Guest(folder, file) as shell:
            shell.ready()
            output, _ = shell.run("cat /proc/interrupts")
            assert "XT-PIC" in output and "IO-APIC" not in output, output
            check_log(shell)
            shell.send("reboot -f\n")
            shell.ready()


if __name__ == "__main__":
    guest.main(linux_686, linux_686_pae, linux_amd64, i386_on_amd64, installer_kernel, reboot, loaded_host, no_acpi)
