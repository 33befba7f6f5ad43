#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""A Linux guest that compresses and checks data for as long as it is told, saved and loaded now and then.

tests/soak/linux.py [--minutes N]   (30 by default; VMM_BUILD names the build tree)
"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "guest"))
import guest
import linux

WORK = "seq 1 200000 > /tmp/a; a=$(md5sum < /tmp/a); gzip -c /tmp/a > /tmp/b; b=$(gunzip -c /tmp/b | md5sum); echo \"$a$b\""


def main():
    minutes = int(sys.argv[sys.argv.index("--minutes") + 1]) if "--minutes" in sys.argv else 30
    end, rounds, saves = time.monotonic() + minutes * 60, 0, 0
    with guest.Folder() as folder:
        file, options = folder.linux("soak"), ()
        while time.monotonic() < end:
            with guest.Guest(folder, file, *options) as shell:
                if not options:
                    shell.ready(600)
                    first = shell.run(WORK, 600)[0]
                for _ in range(20):
                    output, status = shell.run(WORK, 600)
                    if status or output != first or len(set(output.replace("-", " ").split())) != 1:
                        shell.fail("round %d gives %r, the first gave %r" % (rounds, output, first))
                    rounds += 1
                    if time.monotonic() >= end:
                        break
                linux.check_log(shell)
                shell.call("pause")
                state = folder.file("state")
                shell.call("save", path=state)
                saves += 1
            options = ("--load", state)
            print("soak: %d rounds, %d saves, %d minutes left" % (rounds, saves, (end - time.monotonic()) / 60), flush=True)


if __name__ == "__main__":
    main()
