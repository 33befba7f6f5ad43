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
VMM = os.environ.get("VMM", os.path.join(BUILD, "vmm-build"))


def installer(arch):
    """The folder of Debian's installer for an architecture."""
    return "/usr/lib/debian-installer/images/12/%s/text/debian-installer/%s" % (arch, arch)


def packages(flavour):
    """The folder with the guests' packages, by the kernel that will run them."""
    return os.path.join(CACHE, "guest-amd64" if flavour.endswith("amd64") else "guest-i386")


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
    if flavour.startswith("installer"):
        path = os.path.join(installer("amd64" if flavour.endswith("amd64") else "i386"), "linux")
    else:
        folder = os.path.join(packages(flavour), "boot")
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


def modules(flavour, names):
    """The files of these modules and of those they need, in the order to load them."""
    root = os.path.join(packages(flavour), "lib/modules")
    names_of = sorted(n for n in os.listdir(root) if n.split("-", 2)[-1] == flavour) if os.path.isdir(root) else []
    if not names_of:
        raise Skip("the guest's modules for %s are missing: run scripts/deps" % flavour)
    files = {}
    for folder, _, found in os.walk(os.path.join(root, names_of[-1])):
        files.update((n[:-3].replace("-", "_"), os.path.join(folder, n)) for n in found if n.endswith(".ko"))
    order = []

    def add(name):
        # What is not there is built into the kernel.
        if name in order or name not in files:
            return
        with open(files[name], "rb") as f:
            text = f.read()
        start = text.index(b"depends=") + 8
        for need in text[start:text.index(b"\0", start)].decode().split(","):
            add(need.replace("-", "_"))
        order.append(name)

    for name in names:
        add(name)
    return [files[name] for name in order]


def initramfs(path, script="", module_files=(), flavour="686-pae", programs=()):
    """Write an initramfs with busybox and an init that says GUEST-READY, runs `script`, then a shell; `programs` are names
    in /bin and the files that they are."""
    with open(os.path.join(packages(flavour), "bin/busybox"), "rb") as f:
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
    for name, file in programs:
        with open(file, "rb") as f:
            _newc(out, "bin/" + name, stat.S_IFREG | 0o755, f.read())
    for number, name in enumerate(module_files):
        with open(name, "rb") as f:
            _newc(out, "root/%02d-%s" % (number, os.path.basename(name)), stat.S_IFREG | 0o644, f.read())
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

    def linux(self, name="guest", flavour="686-pae", script="", memory="256M", cmdline="", extra="", machine="",
              load=(), selftests=False, programs=()):
        """A machine file that boots a kernel with our initramfs, which loads the modules `load`."""
        if load:
            # Options are on the command line, as modprobe takes them.
            script = ("for m in /root/*.ko; do n=${m#/root/??-}; "
                      "insmod $m $(tr ' ' '\\n' < /proc/cmdline | sed -n \"s/^${n%.ko}[.]//p\"); done\n" + script)
        initrd = initramfs(self.file(name + ".initrd"), script, modules(flavour, load) if load else (),
                           flavour, programs)
        return self.file(name + ".ini", "[machine]\nname = %s\nmemory = %s\n%s\n[boot]\nkernel = %s\ninitrd = %s\n"
                         "cmdline = console=ttyS0 panic=-1 quiet %s %s\n%s\n" %
                         (name, memory, machine, kernel(flavour), initrd,
                          "" if selftests else "cryptomgr.notests=1", cmdline, extra))


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

    def log(self):
        """What vmm has said on standard error.  The offset is vmm's own: it must not be moved while it writes."""
        return os.pread(self.errors.fileno(), os.fstat(self.errors.fileno()).st_size, 0).decode(errors="replace")

    def fail(self, why):
        raise AssertionError("%s; the last of the guest's output:\n%s\nand of vmm's:\n%s" %
                             (why, self.text[-3000:], self.log()[-2000:]))

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


    def screen(self):
        """The guest's text screen, a list of lines; None in a graphics mode."""
        return self.call("screenshot").get("text")

    def expect_screen(self, words, timeout=240):
        """Wait until the text screen shows `words`, a string or several; returns its lines."""
        words = [words] if isinstance(words, str) else words
        end = time.monotonic() + timeout
        lines = None
        while time.monotonic() < end:
            if self.process.poll() is not None:
                self.fail("the guest ended (status %s) before its screen showed %s" % (self.process.returncode, words))
            self._read(0)
            try:
                lines = self.screen()
            except (OSError, StopIteration):
                lines = None  # it has not begun to listen
            if lines and all(any(word in line for line in lines) for word in words):
                return lines
            time.sleep(0.2)
        self.fail("the screen does not show %s within %d s, but:\n%s" % (words, timeout, "\n".join(lines or ["(graphics)"])))

    def keys(self, *keys):
        """Press keys by name; a pair ("text", STRING) types it."""
        self.call("keys", keys=[{"text": key[1]} if isinstance(key, tuple) else key for key in keys])

    def picture(self):
        """A picture of the screen: (width, height, bytes of its PNG file)."""
        path = self.folder.file("picture.png")
        answer = self.call("screenshot", path=path)
        with open(path, "rb") as f:
            return answer["width"], answer["height"], f.read()


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


def main(*tests, long=()):
    """Run the tests given by name on the command line, or all but the long ones; the exit status is Automake's.  --list
    and --list-long print their names."""
    wanted = sys.argv[1:]
    failed = skipped = 0
    names = {test.__name__.replace("_", "-"): test for test in (*tests, *long)}
    if wanted[:1] in (["--list"], ["--list-long"]):
        print("\n".join(name for name, test in names.items() if (test in long) == (wanted[0] == "--list-long")))
        return
    for name in wanted:
        if name not in names:
            sys.exit("%s: there is no test %s; it has %s" % (sys.argv[0], name, ", ".join(names)))
    for name, test in names.items():
        if name not in wanted if wanted else test in long:
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
