#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""The interpreter and the translator side by side (docs/engine.md, "Lockstep"): whole boots, and our small guests, without
a difference.  That differences are found is tests/unit/translate_lockstep.c's to show."""

import re

import device
import guest
import hazard

SUMMARY = re.compile(r"lockstep: (\d+) blocks, (\d+) instructions compared, (\d+) differences")
CHECK = ("--check", "lockstep")


def judge(it, least):
    """No difference, and at least so many blocks compared."""
    found = SUMMARY.search(it.log())
    assert found, "there is no summary:\n" + it.log()[-2000:]
    assert int(found[3]) == 0, "the tiers differ:\n" + it.log()[:6000]
    assert int(found[1]) >= least, "too little was compared: " + found[0]


def boot_and_work(flavour, machine=hazard.COUNTED):
    with guest.Folder() as folder:
        with guest.Guest(folder, folder.linux(flavour=flavour, machine=machine), *CHECK) as shell:
            shell.ready(900)
            output, status = shell.run("seq 3000 | gzip -c | gunzip -c | md5sum; "
                                       "awk 'BEGIN { for (i = 1; i <= 1000; i++) s += 1 / i; printf \"%.12f\\n\", s }'", 300)
            assert status == 0 and output.split() == ["ee9762749fc5338b6c9b0948d14219c7", "-", "7.485470860550"], output
            shell.send("poweroff -f\n")
            assert shell.wait() == 0, "it ended with a status of its own:\n" + shell.log()[:6000]
            judge(shell, 1000000)


def linux_686_pae():
    boot_and_work("686-pae")


def linux_amd64():
    boot_and_work("amd64")


def host_clock():
    """By the host's clock, with devices at work on other threads."""
    boot_and_work("686-pae", machine="")


def hazards():
    """Those of the small guests that need no more than their code; what they must find they find as well."""
    wrong = []
    for name, machine, model, flags in (
            ("cross", "", "x86-64-v2", []), ("flags", hazard.COUNTED, "x86-64-v2", ["-DSUMS"]),
            ("kernel", hazard.COUNTED, "x86-64-v2", []), ("long", hazard.COUNTED, "host", []),
            ("mmx", hazard.COUNTED, "x86-64-v2", []), ("privilege", "", "host", []), ("real", "", "x86-64-v2", []),
            ("remap", "", "x86-64-v2", []), ("segment", "", "x86-64-v2", []), ("self_modify", "", "x86-64-v2", []),
            ("sse", hazard.COUNTED, "x86-64-v2", []),
            # not "string": where T0 stops in a long REP depends on the host's time, and it asks for time to pass
            ("task", "", "x86-64-v2", [])):
        with guest.Folder() as folder:
            data, names = hazard.build(folder, name, *flags)
            image = device.disk(folder, "boot.img", data)
            file = folder.file("guest.ini", "[machine]\nname = guest\nbase = pc\nmemory = 64M\n%s[cpu]\nmodel = %s\n"
                               "%s[disk0]\nplugin = ide-disk\nmedia = %s\n" % (machine, model, device.PARTS, image))
            with guest.Guest(folder, file, *CHECK) as it:
                try:
                    ended = it.wait(300)
                    device.judge(it, names)
                    judge(it, 1000)
                    assert ended == 33, "it ended with status %d" % ended
                except AssertionError as problem:
                    wrong.append("%s: %s" % (name, problem))
    assert not wrong, "\n".join(wrong)


if __name__ == "__main__":
    guest.main(hazards, linux_686_pae, linux_amd64, long=[host_clock])
