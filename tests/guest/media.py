# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Media to boot from, made out of Debian packages: an installer's ISO, an installed disk, a live ISO.

What takes long to make is kept in the cache folder, under a name that changes with what it is made of."""
import fcntl
import functools
import glob
import hashlib
import inspect
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import guest

FOLDER = os.path.join(guest.CACHE, "media")
GRUB = "/usr/lib/grub/i386-pc"
SUITE = "bookworm"
PACKAGES = "initramfs-tools,zstd,systemd-sysv,systemd,dbus,udev,kmod,login,passwd,e2fsprogs,fdisk,procps,util-linux"
# What the 64-bit disk works with.
TOOLS = "gcc,libc6-dev,openssl,python3,libpython3.11-testsuite"
# What the soak and the benchmark work with on both.
WORK = TOOLS + ",make,bzip2,gzip,xz-utils,sqlite3"
WEEK = 7 * 24 * 3600  # seconds


def run(*words, **more):
    """Run a command; what it says is shown only when it fails."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
    if done.returncode:
        raise RuntimeError("%s failed:\n%s" % (" ".join(words), done.stdout.decode(errors="replace")[-2000:]))
    return done.stdout.decode(errors="replace")


def recipe(function, seen):
    """The source of a function, and of those of this file that it calls."""
    function = inspect.unwrap(function)
    if function in seen:
        return ""
    seen.add(function)
    called = [globals().get(name) for name in function.__code__.co_names]
    return inspect.getsource(function) + "".join(
        recipe(f, seen) if inspect.isfunction(f) else repr(f) for f in called if inspect.isfunction(f) or
        isinstance(f, str))


def remove(path):
    # A debootstrap that was killed leaves its /proc mounted.
    with open("/proc/self/mountinfo") as f:
        places = [line.split()[4] for line in f]
    for place in reversed(places):
        if place.startswith(path + "/"):
            run("umount", place)
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def kept(make):
    """Give a function that makes a file or a folder the cache: it is called with the name to make."""
    kind = make.__name__.replace("_", "-")

    @functools.wraps(make)
    def cached():
        source = recipe(make, set()).encode()
        path = os.path.join(FOLDER, "%s-%s" % (kind, hashlib.sha256(source).hexdigest()[:12]))
        if os.path.exists(path):
            os.utime(path)
            return path
        os.makedirs(FOLDER, exist_ok=True)
        with open(os.path.join(FOLDER, kind + ".lock"), "w") as lock:
            # Whoever else makes it now, makes it for us.
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another tree may have another recipe, and still want its own.
            for old in os.listdir(FOLDER):
                if re.fullmatch(re.escape(kind) + "-[0-9a-f]{12}", old) and \
                        os.path.getmtime(os.path.join(FOLDER, old)) < time.time() - WEEK:
                    remove(os.path.join(FOLDER, old))
            if not os.path.exists(path):
                remove(path + ".part")
                make(path + ".part")
                os.rename(path + ".part", path)
        os.utime(path)
        return path
    return cached


@kept
def installer_iso(path):
    installer_make(path, "i386")


@kept
def installer_iso_amd64(path):
    installer_make(path, "amd64")


def installer_make(path, arch):
    """Debian's netboot installer behind ISOLINUX, as its own CD is made (El Torito, no emulation)."""
    with tempfile.TemporaryDirectory() as tree:
        os.mkdir(os.path.join(tree, "isolinux"))
        for file in ("linux", "initrd.gz"):
            shutil.copy(os.path.join(guest.installer(arch), file), os.path.join(tree, file))
        shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", os.path.join(tree, "isolinux"))
        for file in ("ldlinux.c32", "libutil.c32", "libcom32.c32", "menu.c32"):
            shutil.copy(os.path.join("/usr/lib/syslinux/modules/bios", file), os.path.join(tree, "isolinux"))
        with open(os.path.join(tree, "isolinux/isolinux.cfg"), "w") as f:
            f.write("""ui menu.c32
prompt 0
timeout 600
menu title Debian installer
label screen
  menu label Install on the screen
  kernel /linux
  append initrd=/initrd.gz vga=normal nomodeset fb=false
label framebuffer
  menu label Install on the framebuffer
  kernel /linux
  append initrd=/initrd.gz
label serial
  menu label Install on the serial line
  kernel /linux
  append initrd=/initrd.gz console=ttyS0
""")
        run("xorriso", "-as", "mkisofs", "-quiet", "-V", "INSTALLER", "-J", "-R", "-b", "isolinux/isolinux.bin",
            "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-o", path, tree)


def debian_root(folder, arch, packages):
    """A Debian system in a folder, with root logging in without a password."""
    image = {"i386": "linux-image-686", "amd64": "linux-image-amd64"}[arch]
    run("debootstrap", "--arch=" + arch, "--variant=minbase", "--include=%s,%s" % (image, packages), SUITE, folder)
    run("chroot", folder, "passwd", "-d", "root")
    with open(os.path.join(folder, "etc/hostname"), "w") as f:
        f.write("vmmguest\n")
    for line in ("tty1", "ttyS0"):
        service = "serial-getty@ttyS0" if line == "ttyS0" else "getty@tty1"
        os.makedirs(os.path.join(folder, "etc/systemd/system/getty.target.wants"), exist_ok=True)
        link = os.path.join(folder, "etc/systemd/system/getty.target.wants", service + ".service")
        if not os.path.lexists(link):
            os.symlink("/lib/systemd/system/" + service.split("@")[0] + "@.service", link)
    # What only takes time in a test.
    for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer",
                 "systemd-networkd-wait-online.service"):
        link = os.path.join(folder, "etc/systemd/system", unit)
        if not os.path.lexists(link):
            os.symlink("/dev/null", link)
    shutil.rmtree(os.path.join(folder, "var/cache/apt/archives"), ignore_errors=True)
    shutil.rmtree(os.path.join(folder, "var/lib/apt/lists"), ignore_errors=True)
    os.makedirs(os.path.join(folder, "var/lib/apt/lists/partial"))
    os.makedirs(os.path.join(folder, "var/cache/apt/archives/partial"))


def partitioned(path, size, filesystem_offset=1 << 20):
    """A disk image with one bootable Linux partition that takes all but the first MiB."""
    with open(path, "wb") as f:
        f.truncate(size)
        first = filesystem_offset // 512
        entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", first, size // 512 - first)
        f.seek(440)
        f.write(struct.pack("<IH", 0x766d6d31, 0) + entry + bytes(48) + b"\x55\xaa")


def grub_install(path, folder):
    """GRUB in the master boot record and the sectors behind it, as grub-install puts it there."""
    modules = ["biosdisk", "part_msdos", "ext2", "normal", "linux", "configfile", "echo", "serial", "terminal", "ls",
               "search", "test", "minicmd", "reboot", "halt", "boot", "cat"]
    core = os.path.join(folder, "core.img")
    run("grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub", *modules)
    with open(os.path.join(GRUB, "boot.img"), "rb") as f:
        boot = bytearray(f.read())
    with open(core, "rb") as f:
        image = f.read()
    assert len(image) < (1 << 20) - 512
    # 64: drive FF, the one that was booted from; 66: two NOPs, as grub-setup writes them for a hard disk.
    boot[0x64] = 0xff
    boot[0x66:0x68] = b"\x90\x90"
    with open(path, "r+b") as f:
        f.write(boot[:440])
        f.seek(512)
        f.write(image)


@kept
def debian_disk(path):
    debian_make(path, "i386", PACKAGES, 1200 << 20)


@kept
def debian_disk_amd64(path):
    debian_make(path, "amd64", PACKAGES + "," + TOOLS, 2000 << 20)


@kept
def work_root_i386(path):
    debian_root(path, "i386", PACKAGES + "," + WORK)


@kept
def work_root_amd64(path):
    debian_root(path, "amd64", PACKAGES + "," + WORK)


@kept
def work_disk_i386(path):
    disk_make(path, work_root_i386(), 2600 << 20)


@kept
def work_disk_amd64(path):
    disk_make(path, work_root_amd64(), 2600 << 20)


def work(arch):
    """(disk, root): an installed Debian with a compiler and tools, and the same files in a folder, to run natively."""
    disk, root = {"i386": (work_disk_i386, work_root_i386), "amd64": (work_disk_amd64, work_root_amd64)}[arch]
    return disk(), root()


def source(name):
    """The upstream source of a Debian package, an archive."""
    found = sorted(glob.glob(os.path.join(guest.CACHE, "source", name + "_*.orig.tar.*[!c]")))
    if not found:
        raise RuntimeError("the source of %s is missing: run scripts/deps" % name)
    return found[-1]


def debian_make(path, arch, packages, size):
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "root")
        debian_root(root, arch, packages)
        disk_make(path, root, size)


def disk_make(path, root, size):
    """An installed Debian: MBR, GRUB, ext4, systemd; a menu of three seconds; console on screen and serial.  Linux looks at disks
    side by side, so which of two is sda is not known: the root has a label."""
    kernel = sorted(n for n in os.listdir(os.path.join(root, "boot")) if n.startswith("vmlinuz-"))[-1]
    with open(os.path.join(root, "etc/fstab"), "w") as f:
        f.write("LABEL=root / ext4 errors=remount-ro 0 1\n")
    os.makedirs(os.path.join(root, "boot/grub"), exist_ok=True)
    with open(os.path.join(root, "boot/grub/grub.cfg"), "w") as f:
        f.write("""set timeout=3
set default=0
menuentry "Debian" {
  linux /boot/%s root=LABEL=root ro console=tty0 console=ttyS0 quiet
  initrd /boot/%s
}
""" % (kernel, kernel.replace("vmlinuz-", "initrd.img-")))
    partitioned(path, size)
    run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "root", "-d", root, "-E",
        "offset=%d,lazy_itable_init=0,lazy_journal_init=0" % (1 << 20), path, "%dk" % ((size - (1 << 20)) >> 10))
    with tempfile.TemporaryDirectory() as folder:
        grub_install(path, folder)


@kept
def live_iso(path):
    """A Debian whose root is a squashfs on the CD, with changes kept in memory, as live-boot does it."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "root")
        tree = os.path.join(folder, "tree")
        debian_root(root, "i386", PACKAGES + ",live-boot,live-boot-initramfs-tools")
        os.makedirs(os.path.join(tree, "live"))
        os.makedirs(os.path.join(tree, "isolinux"))
        boot = os.path.join(root, "boot")
        for kind, name in (("vmlinuz-", "vmlinuz"), ("initrd.img-", "initrd.img")):
            file = sorted(n for n in os.listdir(boot) if n.startswith(kind))[-1]
            shutil.move(os.path.join(boot, file), os.path.join(tree, "live", name))
        run("mksquashfs", root, os.path.join(tree, "live/filesystem.squashfs"), "-comp", "lzo", "-no-progress",
            "-quiet")
        shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", os.path.join(tree, "isolinux"))
        shutil.copy("/usr/lib/syslinux/modules/bios/ldlinux.c32", os.path.join(tree, "isolinux"))
        with open(os.path.join(tree, "isolinux/isolinux.cfg"), "w") as f:
            f.write("default live\nprompt 0\nlabel live\n  kernel /live/vmlinuz\n"
                    "  append initrd=/live/initrd.img boot=live console=tty0 console=ttyS0 quiet\n")
        run("xorriso", "-as", "mkisofs", "-quiet", "-V", "LIVE", "-J", "-R", "-b", "isolinux/isolinux.bin",
            "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-o", path, tree)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("installer_iso", "installer_iso_amd64", "debian_disk", "debian_disk_amd64", "live_iso",
                                 "work_disk_i386", "work_disk_amd64"):
        print(globals()[name]())
