#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Linux has a network card: DHCP, ping, TCP both ways with what the host serves, and its cable pulled."""
import hashlib
import os
import socket
import threading

import guest

# What udhcpc calls; busybox has it as a program of its own.
SCRIPT = """cat > /tmp/dhcp << 'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ifconfig $interface $ip netmask $subnet
route add default gw $router
END
chmod +x /tmp/dhcp
"""
SIZE = 3 << 20


class Server:
    """Two ports of 127.0.0.1: one gives a file of noise, the other takes one."""

    def __enter__(self):
        self.given = os.urandom(SIZE)
        self.taken = b""
        self.sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.ports = [s.getsockname()[1] for s in self.sockets]
        self.done = threading.Event()
        for work in (self.give, self.take):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *ignored):
        for s in self.sockets:
            s.close()

    def give(self):
        while True:
            try:
                peer, _ = self.sockets[0].accept()
            except OSError:
                return
            with peer:
                peer.sendall(self.given)

    def take(self):
        try:
            peer, _ = self.sockets[1].accept()
        except OSError:
            return
        with peer:
            pieces = []
            while piece := peer.recv(65536):
                pieces.append(piece)
        self.taken = b"".join(pieces)
        self.done.set()


def carrier(shell, value):
    output, status = shell.run("until [ \"$(cat /sys/class/net/eth0/carrier)\" = %d ]; do sleep 1; done" % value, 120)
    assert status == 0, output


# What has to be loaded.
MODULES = {"e1000": ("e1000",), "pcnet": ("pcnet32",), "ne2000": ("ne2k_pci",), "virtio-net": ("virtio_pci", "virtio_net")}


def work(card, flavour, extra="", tells=True):
    with guest.Folder() as folder, Server() as server:
        file = folder.linux(flavour=flavour, load=(*MODULES[card], "af_packet"), script=SCRIPT,
                            extra="[net0]\nplugin = %s\nbackend = net-nat\n%s\n" % (card, extra))
        with guest.Guest(folder, file) as shell:
            shell.ready(600)
            output, status = shell.run("ifconfig eth0 up; udhcpc -i eth0 -s /tmp/dhcp -n -q 2>&1", 300)
            assert status == 0 and "10.0.2.15" in output, output
            output, status = shell.run("ping -c 3 -s 1000 10.0.2.2", 120)
            assert status == 0 and "3 packets received" in output, output
            output, status = shell.run("nc 10.0.2.2 %d < /dev/null > /tmp/in; md5sum < /tmp/in" % server.ports[0], 600)
            assert status == 0 and output.split()[0] == hashlib.md5(server.given).hexdigest(), output
            output, status = shell.run("head -c %d /dev/urandom > /tmp/out; md5sum < /tmp/out; "
                                       "nc 10.0.2.2 %d < /tmp/out" % (SIZE, server.ports[1]), 600)
            assert server.done.wait(60)
            assert len(server.taken) == SIZE
            assert output.split()[0] == hashlib.md5(server.taken).hexdigest(), output
            # The cable.
            shell.call("net0.link", up=False)
            if tells:
                carrier(shell, 0)
            _, status = shell.run("ping -c 1 -W 2 10.0.2.2", 60)
            assert status != 0
            shell.call("net0.link", up=True)
            if tells:
                carrier(shell, 1)
            output, status = shell.run("for i in 1 2 3 4 5; do ping -c 1 -W 2 10.0.2.2 && break; done", 120)
            assert status == 0, output
            log, _ = shell.run("dmesg | grep -iE 'eth0.*(hang|timed out|timeout)|NETDEV WATCHDOG|tx.*error'")
            assert not log.strip(), log


def e1000_i386():
    work("e1000", "686-pae")


def e1000_amd64():
    work("e1000", "amd64")


def e1000_82540em():
    work("e1000", "686-pae", extra="model = 82540em")


def pcnet():
    work("pcnet", "686-pae")


def ne2000():
    # Its driver cannot tell whether there is a link.
    work("ne2000", "686-pae", tells=False)


def virtio_i386():
    work("virtio-net", "686-pae")


def virtio_amd64():
    work("virtio-net", "amd64", extra="queues = 2")


def saved():
    """A machine is saved with frames on their way, and goes on in another process with a network that knows nothing."""
    for card, modules in MODULES.items():
        with guest.Folder() as folder, Server() as server:
            file = folder.linux(load=(*modules, "af_packet"), script=SCRIPT,
                                extra="[net0]\nplugin = %s\nbackend = net-nat\n" % card)
            state = folder.file("state")
            with guest.Guest(folder, file) as shell:
                shell.ready(600)
                output, status = shell.run("ifconfig eth0 up; udhcpc -i eth0 -s /tmp/dhcp -n -q 2>&1", 300)
                assert status == 0, output
                shell.run("(while true; do ping -c 1 -W 1 10.0.2.2 > /dev/null; done) & true")
                shell.call("pause")
                shell.call("save", path=state)
            with guest.Guest(folder, file, "--load", state) as shell:
                shell.send("\n")
                shell.expect("# ", 120)
                output, status = shell.run("ping -c 3 10.0.2.2", 120)
                assert status == 0, output
                output, status = shell.run("nc 10.0.2.2 %d < /dev/null | md5sum" % server.ports[0], 600)
                assert output.split()[0] == hashlib.md5(server.given).hexdigest(), output
                log, _ = shell.run("dmesg | grep -E 'NETDEV WATCHDOG|Link is Down|link down'")
                assert not log.strip(), log


def boot():
    """Each card's ROM starts what net-nat has for it."""
    for card in ("e1000", "e1000\nmodel = 82540em", "pcnet", "ne2000", "virtio-net"):
        with guest.Folder() as folder:
            os.mkdir(folder.file("tftp"))
            folder.file("tftp/boot.ipxe", "#!ipxe\necho BOOTED-BY-NETWORK\nsleep 600\n")
            file = folder.file("boot.ini", "[machine]\nname = guest\nbase = pc\nmemory = 64M\n[boot]\norder = net\n"
                               "[net0]\nplugin = %s\nbackend = net-nat\nbackend.tftp = %s\n"
                               "backend.bootfile = boot.ipxe\n" % (card, folder.file("tftp")))
            with guest.Guest(folder, file) as it:
                it.expect_screen("BOOTED-BY-NETWORK", 240)


if __name__ == "__main__":
    guest.main(e1000_i386, e1000_amd64, e1000_82540em, pcnet, ne2000, virtio_i386, virtio_amd64, saved, boot)
