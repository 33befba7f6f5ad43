# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Driving guests: an initramfs to boot, a machine file, and a vmm process whose serial line is a pipe."""
import gzip
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("VMM_BUILD", os.getcwd())
CACHE = os.environ.get("VMM_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", "/root"), ".cache"), "vmm")
GUEST = os.path.join(CACHE, "guest-i386")
VMM = os.environ.get("VMM", os.path.join(BUILD, "vmm-build"))
INSTALLER = "/usr/lib/debian-installer/images/12/i386/text/debian-installer/i386"

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null || true
mount -t tmpfs tmpfs /tmp
# Keep what the kernel says out of our dialogue; dmesg still has it.
echo 1 > /proc/sys/kernel/printk
stty -F /dev/ttyS0 -echo 2>/dev/null
echo GUEST-READY
%s
exec setsid cttyhack sh
"""


class Skip(Exception):
    """The test cannot run here; the reason is its text."""


def kernel(flavour):
    if flavour == "installer":
        path = os.path.join(INSTALLER, "linux")
    else:
        folder = os.path.join(GUEST, "boot")
        names = sorted(n for n in os.listdir(folder) if n.startswith("vmlinuz-") and
                       n.split("-", 3)[-1] == flavour) if os.path.isdir(folder) else []
        path = os.path.join(folder, names[-1]) if names else ""
    if not os.path.exists(path):
        raise RuntimeError("the guest's kernel %s is missing: run scripts/deps" % flavour)
    return path


def _newc(out, name, mode, data=b"", device=(0, 0)):
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, device[0], device[1], len(name) + 1, 0]
    out.append(b"070701" + b"".join(b"%08x" % f for f in fields))
    body = name.encode() + b"\0"
    out.append(body + b"\0" * (-(110 + len(body)) % 4))
    out.append(data + b"\0" * (-len(data) % 4))


def initramfs(path, script=""):
    """Write an initramfs with busybox and an init that says GUEST-READY, runs `script`, then a shell."""
    with open(os.path.join(GUEST, "bin/busybox"), "rb") as f:
        busybox = f.read()
    out = []
    for folder in ("bin", "dev", "proc", "sys", "tmp", "root"):
        _newc(out, folder, stat.S_IFDIR | 0o755)
    _newc(out, "bin/busybox", stat.S_IFREG | 0o755, busybox)
    _newc(out, "bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    _newc(out, "dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    _newc(out, "dev/ttyS0", stat.S_IFCHR | 0o600, device=(4, 64))
    _newc(out, "dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    _newc(out, "init", stat.S_IFREG | 0o755, (INIT % script).encode())
    _newc(out, "TRAILER!!!", 0)
    with gzip.open(path, "wb", 1) as f:
        f.write(b"".join(out))
    return path


class Folder:
    """A private folder with a runtime directory for control sockets."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="vmm-test-")
        self.runtime = os.path.join(self.path, "run")
        os.mkdir(self.runtime, 0o700)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name, text=None):
        path = os.path.join(self.path, name)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        return path

    def linux(self, name="guest", flavour="686-pae", script="", memory="256M", cmdline="", extra="", machine=""):
        """A machine file that boots a kernel with our initramfs."""
        initrd = initramfs(self.file(name + ".initrd"), script)
        return self.file(name + ".ini", "[machine]\nname = %s\nmemory = %s\n%s\n[boot]\nkernel = %s\ninitrd = %s\n"
                         "cmdline = console=ttyS0 panic=-1 quiet cryptomgr.notests=1 %s\n%s\n" %
                         (name, memory, machine, kernel(flavour), initrd, cmdline, extra))


class Guest:
    """A running `vmm run FILE --serial stdio`."""

    def __init__(self, folder, file, *options):
        self.folder = folder
        env = dict(os.environ, XDG_RUNTIME_DIR=folder.runtime)
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([VMM, "run", file, "--serial", "stdio", *options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, env=env)
        self.text = ""
        self.position = 0
        self.start = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _read(self, timeout):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        self.text += data.decode(errors="replace")
        return bool(data)

    def fail(self, why):
        self.errors.seek(0)
        raise AssertionError("%s; the last of the guest's output:\n%s\nand of vmm's:\n%s" %
                             (why, self.text[-3000:], self.errors.read().decode(errors="replace")[-2000:]))

    def expect(self, words, timeout=240):
        """Wait for text that has not been matched yet; returns what came before it."""
        end = time.monotonic() + timeout
        while True:
            at = self.text.find(words, self.position)
            if at >= 0:
                before = self.text[self.position:at]
                self.position = at + len(words)
                return before
            if time.monotonic() > end:
                self.fail("no \"%s\" within %d s" % (words, timeout))
            if not self._read(1.0):
                self.fail("the guest ended (status %s) before \"%s\"" % (self.process.wait(), words))

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def ready(self, timeout=300):
        self.expect("GUEST-READY", timeout)
        self.expect("# ", timeout)

    def run(self, command, timeout=240):
        """Run a shell command in the guest; returns its output."""
        self.send(command + "; echo \"DONE\"-$?\n")
        output = self.expect("DONE-", timeout)
        status = self.expect("\n", timeout).strip()
        self.expect("# ", timeout)
        return output.replace("\r", ""), int(status)

    def wait(self, timeout=120):
        """Wait for the end of vmm; returns its status."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            if time.monotonic() > end:
                self.fail("vmm has not ended within %d s" % timeout)
            if not self._read(0.5):
                self.process.wait(max(1, end - time.monotonic()))
        while self._read(0) and select.select([self.process.stdout], [], [], 0)[0]:
            pass
        return self.process.returncode

    def call(self, method, **params):
        """A request on the control socket."""
        name = next(n for n in os.listdir(os.path.join(self.folder.runtime, "vmm")) if n.endswith(".sock"))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.folder.runtime, "vmm", name))
            s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
            reply = json.loads(s.makefile().readline())
        if "error" in reply:
            raise RuntimeError(reply["error"]["message"])
        return reply["result"]


def vmm(*words, folder=None, timeout=60, env=None, **more):
    """Run a vmm command; returns (status, stdout, stderr)."""
    environment = dict(os.environ)
    if folder:
        environment["XDG_RUNTIME_DIR"] = folder.runtime
    environment.update(env or {})
    done = subprocess.run([VMM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                          timeout=timeout, stdin=subprocess.DEVNULL, **more)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


class Load:
    """Keeps every core of the host busy while it is entered."""

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
                          for _ in range(os.cpu_count() or 1)]
        return self

    def __exit__(self, *ignored):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


def main(*tests):
    """Run the tests given by name on the command line, or all; the exit status is Automake's."""
    wanted = sys.argv[1:]
    failed = skipped = 0
    for test in tests:
        name = test.__name__.replace("_", "-")
        if wanted and name not in wanted:
            continue
        begin = time.monotonic()
        try:
            test()
            print("PASS: %s (%.0f s)" % (name, time.monotonic() - begin), flush=True)
        except Skip as reason:
            skipped += 1
            print("SKIP: %s: %s" % (name, reason), flush=True)
        except Exception as problem:
            failed += 1
            print("FAIL: %s: %s: %s" % (name, type(problem).__name__, problem), flush=True)
    sys.exit(1 if failed else 77 if skipped else 0)
