#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""GDB itself debugs guests over `vmm run --gdb`."""

import re
import socket
import subprocess
import time

import guest

COMMANDS = "set pagination off\nset confirm off\nset tcp connect-timeout 60\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def gdb(folder, port, commands, timeout=300):
    """What GDB says to these commands, and how they fail."""
    script = folder.file("commands.gdb", COMMANDS + "target remote 127.0.0.1:%d\n" % port + commands)
    done = subprocess.run(["gdb", "-nx", "-batch", "-x", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0 and "Error" not in text and "Remote failure" not in text, text
    return text


def symbols(shell, *names):
    """Where the running kernel has these."""
    output, status = shell.run("grep -E ' (%s)$' /proc/kallsyms" % "|".join(names), 300)
    found = {line.split()[2]: int(line.split()[0], 16) for line in output.splitlines() if len(line.split()) == 3}
    assert status == 0 and all(found.get(name) for name in names), output
    return found


def kernel(flavour, word, arch):
    """Breakpoints, watchpoints, steps, registers and memory in a running Linux, which does not notice."""
    with guest.Folder() as folder:
        port = free_port()
        file = folder.linux(flavour=flavour, memory="512M", cmdline="nokaslr")
        with guest.Guest(folder, file, "--gdb", str(port), "--set", "gdb0.arch=" + arch) as shell:
            shell.ready(900)
            names = symbols(shell, "kernel_clone", "wake_up_new_task", "_text")
            # A process is made: its breakpoint comes, the stack leads back, a step goes one instruction on.
            pc, sp = ("rip", "rsp") if word == 8 else ("eip", "esp")
            shell.send("while :; do /bin/true; done &\n")
            time.sleep(1)
            text = gdb(folder, port, """
hbreak *%#x
continue
printf "pc %%#lx\\n", $%s
x/2xw $%s
stepi
printf "then %%#lx\\n", $%s
delete
break *%#x
continue
printf "pc %%#lx\\n", $%s
delete
watch -l *(int *)$%s
continue
printf "changed\\n"
delete
detach
""" % (names["kernel_clone"], pc, sp, pc, names["wake_up_new_task"], pc, sp))
            stops = [int(n, 16) for n in re.findall(r"^pc (0x\w+)$", text, re.M)]
            assert stops == [names["kernel_clone"], names["wake_up_new_task"]], (text, stops)
            then = int(re.search(r"^then (0x\w+)$", text, re.M).group(1), 16)
            assert 0 < then - names["kernel_clone"] <= 15, text
            assert re.search(r"Old value = (-?\d+)\s+New value = (-?\d+)", text) and "changed" in text, text
            # Memory: linear and physical addresses show the same bytes; what is written is read by the guest.
            # The kernel's first bytes have run when it started, and never will again.
            start = names["_text"]
            text = gdb(folder, port, """
set var $was = *(int *)%#x
printf "linear %%x\\n", $was
monitor registers
monitor physical on
printf "physical %%x\\n", *(int *)%#x
monitor physical off
set var *(int *)%#x = 0x51525354
printf "changed %%x\\n", *(int *)%#x
set var *(int *)%#x = $was
printf "again %%x\\n", *(int *)%#x
info threads
p $cr0
p $st0
p $xmm0
p $mxcsr
set var $xmm0.uint128 = 5
p $xmm0.v4_int32[0]
detach
""" % (start, start - (0xffffffff80000000 if word == 8 else 0xc0000000), start, start, start, start))
            found = dict(re.findall(r"^(linear|physical|changed|again) (\w+)$", text, re.M))
            assert found["linear"] == found["physical"] == found["again"] and found["changed"] == "51525354", text
            assert "efer" in text and "CPU 0" in text and re.search(r"\$\d+ = 5$", text, re.M), text
            output, status = shell.run("kill %1; wait; uname -s")
            assert status == 0 and "Linux" in output, output
            shell.send("poweroff -f\n")
            assert shell.wait() == 0


def linux_686():
    kernel("686", 4, "i386")


def linux_amd64():
    kernel("amd64", 8, "x86-64")


def first_instruction():
    """With wait = yes the machine stands at the reset vector; a hang-up lets it go, a reset brings it back."""
    with guest.Folder() as folder:
        port = free_port()
        file = folder.file("guest.ini", "[machine]\nname = guest\nmemory = 32M\n")
        with guest.Guest(folder, file, "--gdb", "127.0.0.1:%d" % port, "--set", "gdb0.wait=yes") as it:
            text = gdb(folder, port, """
printf "ip %x cs %x\\n", $eip, $cs
stepi
printf "ip %x cs %x\\n", $eip, $cs
x/1xb 0xffff0
monitor reset
stepi
printf "ip %x cs %x\\n", $eip, $cs
detach
""")
            places = re.findall(r"^ip (\w+) cs (\w+)$", text, re.M)
            assert places[:2] == [("fff0", "f000"), ("e05b", "f000")], text
            it.expect_screen("No bootable device", 60)


if __name__ == "__main__":
    guest.main(linux_686, linux_amd64, first_instruction)
