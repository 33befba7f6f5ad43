#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Linux behind NAT, a shaper and a capture, reached through a forward that is made while it runs; and Linux machines on a
segment, of which one is killed."""
import hashlib
import json
import os
import socket
import struct
import subprocess

import guest

CARD = "[net0]\nplugin = e1000\n"
SIZE = 2 << 20


def call(shell, *words):
    """vmm call, as a user would; its answer."""
    name = os.path.splitext(os.listdir(os.path.join(shell.folder.runtime, "vmm"))[0])[0]
    done = subprocess.run([guest.VMM, "call", name, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, XDG_RUNTIME_DIR=shell.folder.runtime), text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def records(path):
    """The frames of a pcap file with nanoseconds."""
    with open(path, "rb") as f:
        data = f.read()
    magic, link = struct.unpack("<I16xI", data[:24])
    assert magic == 0xA1B23C4D and link == 1
    at = 24
    while at < len(data):
        length, whole = struct.unpack("<8xII", data[at:at + 16])
        assert length == whole
        yield data[at + 16:at + 16 + length]
        at += 16 + length
    assert at == len(data)


def chain():
    with guest.Folder() as folder:
        extra = CARD + ("backend = net-dump\nbackend.file = net.pcap\nbackend.limit = 64M\n"
                        "backend.backend = net-shape\nbackend.backend.latency = 2ms\nbackend.backend.bandwidth = 100M\n"
                        "backend.backend.backend = net-nat\n")
        file = folder.linux(load=("e1000", "af_packet"), extra=extra)
        with guest.Guest(folder, file) as shell:
            shell.ready(600)
            output, status = shell.run("ifconfig eth0 10.0.2.15 up; ping -c 2 10.0.2.2", 120)
            assert status == 0, output
            with socket.create_server(("127.0.0.1", 0)) as s:
                port = s.getsockname()[1]
            nat = "net0.backend.backend.backend"
            answer = call(shell, nat + ".forward", "forward=tcp:%d:99" % port)
            assert answer == {"forwards": ["tcp:127.0.0.1:%d:10.0.2.15:99" % port]}, answer
            given = os.urandom(SIZE)
            # The guest says back what it is told, then its sum.
            shell.run("(nc -l -p 99 > /tmp/in; md5sum < /tmp/in > /tmp/sum) & sleep 1")
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.sendall(given)
            output, status = shell.run("wait; cat /tmp/sum", 240)
            assert output.split()[0] == hashlib.md5(given).hexdigest(), output
            try:
                call(shell, nat + ".forward", "forward=tcp:%d:99" % port)
                assert False
            except RuntimeError as error:
                assert "already" in str(error), error
            assert call(shell, nat + ".unforward", "forward=tcp:%d" % port) == {"forwards": []}
            shaped = call(shell, "net0.backend.backend.set", "loss=100%")
            assert shaped["up"]["loss"] == 100 and shaped["down"]["passed"] > SIZE // 1500, shaped
            _, status = shell.run("ping -c 1 -W 2 10.0.2.2", 60)
            assert status != 0
            call(shell, "net0.backend.backend.set", '{"loss": 0, "latency": "1ms"}')
            output, status = shell.run("for i in 1 2 3 4 5; do ping -c 1 -W 2 10.0.2.2 && break; done", 120)
            assert status == 0, output
            capture = call(shell, "net0.backend.info")
            assert capture["dropped"] == 0 and capture["error"] is None, capture
            shell.call("pause")
            frames = list(records(folder.file("net.pcap")))
            assert len(frames) == call(shell, "net0.backend.info")["frames"]
            # What the guest was told is in it, with no frame longer than the network takes.
            assert max(map(len, frames)) <= 1514
            taken = sum(len(f) - 54 for f in frames if f[23:24] == b"\x06" and f[12:14] == b"\x08\0" and
                        f[36:38] == struct.pack(">H", 99) and len(f) > 60)
            assert taken >= SIZE, taken


def machine(folder, segment, number):
    extra = CARD + "backend = net-segment\nbackend.folder = %s\nmac = 52:54:00:00:00:%02x\n" % (segment, number)
    file = folder.linux("guest%d" % number, load=("e1000", "af_packet"), extra=extra, memory="128M")
    return guest.Guest(folder, file)


def begin(shell, number):
    shell.ready(600)
    output, status = shell.run("ifconfig eth0 10.9.0.%d up" % number, 60)
    assert status == 0, output


def segment():
    with guest.Folder() as one, guest.Folder() as two, guest.Folder() as three:
        place = one.file("segment")
        with machine(one, place, 1) as a, machine(two, place, 2) as b:
            begin(a, 1)
            begin(b, 2)
            output, status = a.run("ping -c 3 -s 1000 10.9.0.2", 120)
            assert status == 0 and "3 packets received" in output, output
            b.run("(nc -l -p 99 > /tmp/in; md5sum < /tmp/in > /tmp/sum) & sleep 1")
            output, status = a.run("head -c %d /dev/urandom > /tmp/out; md5sum < /tmp/out; nc 10.9.0.2 99 < /tmp/out" %
                                   SIZE, 240)
            assert status == 0, output
            sums, _ = b.run("wait; cat /tmp/sum", 240)
            assert sums.split()[0] == output.split()[0], sums + output
            assert call(b, "net0.backend.info")["addresses"] == ["52:54:00:00:00:01"]
            # The first one is killed; the segment is still there for a third.
            a.process.kill()
            a.process.wait()
            with machine(three, place, 3) as c:
                begin(c, 3)
                output, status = c.run("ping -c 3 10.9.0.2", 120)
                assert status == 0, output
                assert call(c, "net0.backend.info")["others"] == 1


if __name__ == "__main__":
    guest.main(chain, segment)
