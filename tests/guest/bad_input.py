#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""Bad input of every kind ends with one line on standard error, that says what is wrong, where, and what to do."""

import os
import shlex
import subprocess

import guest

SDK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "sdk", "include")
ROM = b"\xf4" * 65536

PLUGIN = """
#include <vmm/port.h>
#include <vmm/plugin.h>
%(extra)s
static int32_t init(void *self) { %(init)s }
static void destroy(void *self) { (void)self; }
static int32_t no_port(void *self, const char *key, struct vmm_port_side *side)
{ (void)self; (void)key; (void)side; return -2; }
static const struct vmm_instance_ops ops = {
	.struct_size = sizeof(ops), .init = init, .destroy = destroy, .get_port = no_port };
static const struct vmm_param params[] = {
	{ sizeof(params[0]), VMM_PARAM_INT, 0, 0, "number", "3", 1, 9, 0, "A number." },
	{ sizeof(params[0]), VMM_PARAM_SIZE, 0, 0, "size", "4K", 1, 1 << 20, 0, "A size." },
	{ sizeof(params[0]), VMM_PARAM_BOOL, 0, 0, "bool", "no", 0, 0, 0, "A switch." },
	{ sizeof(params[0]), VMM_PARAM_MAC, 0, 0, "mac", 0, 0, 0, 0, "An address." },
	{ sizeof(params[0]), VMM_PARAM_CHOICE, 0, 0, "choice", "one", 0, 0, "one|two", "A choice." },
	{ sizeof(params[0]), VMM_PARAM_STRING, %(required)s, 0, "needed", 0, 1, 8, 0, "Something that must be there." },
};
static const struct vmm_descriptor descriptor = { .struct_size = sizeof(descriptor), .state_version = 1,
	.param_count = sizeof(params) / sizeof(params[0]), .param_stride = sizeof(params[0]), .params = params,
	.port_stride = sizeof(struct vmm_port_row), .id = "com.acme.%(name)s", .name = "Test", .version = "1",
	.licence = "BSD-2-Clause", .description = "A test" };
static int32_t create(uint32_t index, const struct vmm_host *host, struct vmm_instance *instance)
{ (void)index; instance->ops = &ops; instance->self = (void *)(uintptr_t)host; return 0; }
static const struct vmm_descriptor *const descriptors[] = { &descriptor };
static const struct vmm_factory factory = { sizeof(factory), 1, descriptors, create };
static const struct vmm_factory *get_factory(const char *kind)
{ return __builtin_strcmp(kind, VMM_KIND_DEVICE) ? 0 : &factory; }
VMM_EXTERN_C VMM_EXPORT const struct vmm_plugin vmm_plugin;
const struct vmm_plugin vmm_plugin = { %(magic)s, %(abi)s, sizeof(struct vmm_plugin), %(sdk)s, get_factory };
"""


def build(folder, name, source=None, **changes):
    """Compile a plugin into folder/plugins."""
    place = os.path.join(folder.path, "plugins")
    os.makedirs(place, 0o755, exist_ok=True)
    values = dict(name=name, extra="", init="(void)self; return 0;", required="0", magic="VMM_ABI_MAGIC",
                  abi="VMM_ABI_MAJOR", sdk="VMM_SDK_VERSION")
    values.update(changes)
    code = folder.file(name + ".c", source if source is not None else PLUGIN % values)
    path = os.path.join(place, name + ".so")
    subprocess.run(shlex.split(os.environ.get("CC", "cc")) + ["-shared", "-fPIC", "-I" + SDK, "-o", path, code],
                   check=True)
    os.chmod(path, 0o755)
    return path


def refuse(folder, *words, says=(), status=1, env=None, **more):
    """Run vmm and see it refuse: the status, exactly one line, and the words in it."""
    environment = dict(env or {})
    if os.path.isdir(os.path.join(folder.path, "plugins")):
        environment.setdefault("VMM_PLUGIN_PATH", os.path.join(folder.path, "plugins"))
    what = "vmm " + " ".join(words)
    try:
        got, out, err = guest.vmm(*words, folder=folder, timeout=30, env=environment, **more)
    except subprocess.TimeoutExpired as late:
        raise AssertionError("%s does not end" % what) from late
    assert got == status, "%s: status %d instead of %d: %s" % (what, got, status, err[:500])
    assert err.endswith("\n") and err.count("\n") == 1, "%s: not exactly one line: %r" % (what, err[:800])
    assert err.startswith("vmm"), "%s: who says %r?" % (what, err)
    assert not out, "%s: said %r" % (what, out[:200])
    for word in (says,) if isinstance(says, str) else says:
        assert word in err, "%s: no %r in %r" % (what, word, err)
    return err


def machine(folder, text, base="none"):
    return folder.file("bad.ini", "[machine]\nname = bad\nbase = %s\n%s" % (base, text))


def rom(folder, data=ROM, name="rom.bin"):
    path = folder.file(name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def refuse_text(folder, text, says, base="none", line=None):
    """Refuse a machine file; `line` counts from the first line of `text`, which is the file's fourth."""
    file = machine(folder, text, base)
    place = [] if line is None else ["%s:%d: " % (file, line + 3)]
    return refuse(folder, "run", file, says=place + ([says] if isinstance(says, str) else list(says)))


def grammar():
    with guest.Folder() as folder:
        for text, line, says in (
                ("hello\n", 1, "neither a section"),
                ("9key = 1\n", 1, "is not a key"),
                ("a..b = 1\n", 1, "is not a key"),
                ("= 1\n", 1, "is not a key"),
                ("[x\n", 1, "[NAME]"),
                ("[]\n", 1, "[NAME]"),
                ("[a b]\n", 1, "[NAME]"),
                ("[a] x\n", 1, "[NAME]"),
                ("[a.b]\n", 1, "[NAME]"),
                ("[%s]\n" % ("a" * 64), 1, "63 at most"),
                ("[x]\nplugin = none\n[x]\n", 3, "second time (first in line 4)"),
                ("\n[machine]\n", 2, "second time (first in line 1)"),
                ("cmdline = %s\n" % ("x" * 5000), 1, "longer than 4096"),
        ):
            refuse_text(folder, text, says, line=line)
        file = folder.file("early.ini", "name = x\n")
        refuse(folder, "run", file, says=[file + ":1: ", "put [machine] above it"])
        for data in (b"[machine]\nname = a\0b\n", b"[machine]\nname = a\0b", b"[machine]\nna\0me = ab\n",
                     b"[machine]\nname = ab\n\0", b"\0"):
            path = rom(folder, data, "nul.ini")
            refuse(folder, "run", path, says=[path + ":", "plain text"])
        path = rom(folder, os.urandom(4096).replace(b"\n", b"?"), "noise.ini")
        refuse(folder, "run", path, says=path)
        path = rom(folder, b"# x\n" * 300000, "long.ini")
        refuse(folder, "run", path, says=[path, "larger than 1 MiB"])


def files():
    with guest.Folder() as folder:
        missing = folder.file("missing.ini")
        refuse(folder, "run", missing, says=[missing, "No such file"])
        refuse(folder, "run", folder.path, says=[folder.path, "folder"])
        refuse(folder, "run", "/dev/null/x", says="Not a directory")
        loop = folder.file("loop.ini")
        os.symlink(loop, loop)
        refuse(folder, "run", loop, says=loop)
        file = folder.file("base.ini", "[machine]\nname = x\nbase = nowhere\n")
        refuse(folder, "run", file, says=[file + ":3: ", "no base machine", "base = pc"])
        file = folder.file("base.ini", "[machine]\nbase = ./gone.ini\n")
        refuse(folder, "run", file, says="gone.ini")
        other = folder.file("other.ini", "[machine]\nmemmory = 1M\n")
        file = folder.file("base.ini", "[machine]\nbase = ./other.ini\n")
        refuse(folder, "run", file, says=["other.ini:2: ", 'did you mean "memory"'])
        if os.geteuid() == 0:
            more = dict(user=65534, group=65534, extra_groups=[])
            os.chmod(folder.path, 0o755)
        else:
            more = {}
        secret = folder.file("secret.ini", "[machine]\nname = x\n")
        os.chmod(secret, 0)
        refuse(folder, "run", secret, says=[secret, "Permission denied"], **more)


def keys():
    with guest.Folder() as folder:
        build(folder, "thing")
        for text, line, says in (
                ("memmory = 64M\n", 1, 'did you mean "memory"'),
                ("zebra = 64M\n", 1, 'no key "zebra"'),
                ("uuid = 1234\n", 1, "36"),
                ("uuid = 0123456789-ab-cdef-0123-456789abcdef\n", 1, "is not a UUID"),
                ("clock = sundial\n", 1, "host|instructions"),
                ("seed = many\n", 1, "a number"),
                ("[cpu]\ncount = 0\n", 2, "from 1"),
                ("[cpu]\ncount = 99\n", 2, "from 1"),
                ("[cpu]\nmodel = 8008\n", 2, "no CPU model"),
                ("[cpu]\napic = maybe\n", 2, "yes or no"),
                ("[engine]\ntier = T9\n", 2, "auto|T0"),
                ("[boot]\nkernal = x\n", 2, 'did you mean "kernel"'),
                ("[boot]\nkernel =\n", 2, "a path"),
                ("[x]\n", 1, "names no plugin"),
                ("[x]\nplugin =\n", 1, "names no plugin"),
                ("[x]\nplugin = com.acme.thing\nnumbre = 1\n", 3, 'did you mean "number"'),
                ("[x]\nplugin = com.acme.thing\ncolour = 1\n", 3, "vmm plugin info"),
                ("[x]\nplugin = com.acme.thing\nnumber = 0\n", 3, "from 1 to 9"),
                ("[x]\nplugin = com.acme.thing\nnumber = 1x\n", 3, "from 1 to 9"),
                ("[x]\nplugin = com.acme.thing\nnumber = 99999999999999999999\n", 3, "from 1 to 9"),
                ("[x]\nplugin = com.acme.thing\nnumber =\n", 3, "from 1 to 9"),
                ("[x]\nplugin = com.acme.thing\nsize = 2M\n", 3, "a size"),
                ("[x]\nplugin = com.acme.thing\nsize = 1Q\n", 3, "a size"),
                ("[x]\nplugin = com.acme.thing\nbool = perhaps\n", 3, "yes or no"),
                ("[x]\nplugin = com.acme.thing\nmac = 01:00:00:00:00:00\n", 3, "unicast"),
                ("[x]\nplugin = com.acme.thing\nmac = 00:00:00\n", 3, "MAC"),
                ("[x]\nplugin = com.acme.thing\nchoice = three\n", 3, "one of one|two"),
                ("[x]\nplugin = com.acme.thing\nneeded = 123456789\n", 3, "1 to 8 bytes"),
                ("[x]\nplugin = com.acme.thing\nnumber = 1\nnumber = 2\n", 4, "second time (first in line 6)"),
                ("[x]\nplugin = com.acme.thing\nplugin = none\n", None, "second time"),
        ):
            refuse_text(folder, text, says, line=line)
        file = machine(folder, "")
        refuse(folder, "run", file, "--set", "machine.memory=lots", says=["--set", "a size"])
        refuse(folder, "run", file, "--set", "machine.memmory=1M", says=["--set", 'did you mean "memory"'])
        refuse(folder, "run", file, "--set", "nothing", says=["--set", "SECTION.KEY=VALUE"])
        refuse(folder, "run", file, "--set", "=", says=["--set", "SECTION.KEY=VALUE"])
        refuse(folder, "run", file, "--set", "a=b.c", says=["--set", "SECTION.KEY=VALUE"])
        refuse(folder, "run", file, "--set", "x.plugin=\x1b[31mred\n", says="there is no plugin")
        build(folder, "needy", required="VMM_PARAM_REQUIRED")
        refuse_text(folder, "[x]\nplugin = com.acme.needy\n", ['"needed" must be set', "Something that must be there"],
                    line=1)


def sizes():
    with guest.Folder() as folder:
        for size in ("100T", "0", "-1", "-4096", "1", "4K", "lots", "", "1 M", "16777216T", "99999999999999999999",
                     "0x", "1e6", "2M2", "1048577", "1025K"):
            refuse_text(folder, "memory = %s\n" % size, "memory", line=1)
        refuse(folder, "run", machine(folder, ""), "--set", "machine.memory=100T", says=["--set", "memory"])


def plugins():
    with guest.Folder() as folder:
        text = "[x]\nplugin = com.acme.%s\n"

        def wrong(name, *says, **changes):
            path = build(folder, name, **changes)
            refuse_text(folder, text % name, list(says) + [path], line=2)
            return path

        refuse_text(folder, text % "absent", ["there is no plugin", "VMM_PLUGIN_PATH"], line=2)
        refuse_text(folder, "[x]\nplugin = serial-16540\n", 'did you mean "serial-16550"', line=2)
        refuse_text(folder, "[x]\nplugin = ../../x\n", "there is no plugin", line=2)
        wrong("abi", "ABI 9", "rebuild", abi="9")
        wrong("sdk", "built with SDK", "rebuild", sdk="1")
        wrong("magic", "wrong magic number", "VMM_PLUGIN()", magic="7")
        wrong("undefined", "nowhere_to_be_found", "rebuild", extra="int nowhere_to_be_found(void);",
              init="(void)self; return nowhere_to_be_found();")
        wrong("empty", "no symbol vmm_plugin", "VMM_PLUGIN()", source="int nothing;\n")
        path = build(folder, "noise")
        with open(path, "wb") as f:
            f.write(b"\x7fELF" + os.urandom(2000))
        refuse_text(folder, text % "noise", path, line=2)
        with open(path, "wb") as f:
            f.write(b"")
        refuse_text(folder, text % "noise", path, line=2)
        os.unlink(path)
        os.mkdir(path, 0o755)
        refuse_text(folder, text % "noise", path, line=2)
        path = build(folder, "open")
        with open(path, "rb") as f:
            whole = f.read()
        for mode in (0o777, 0o757, 0o775):
            os.chmod(path, mode)
            refuse_text(folder, text % "open", [path, "can be written by other users", "chmod go-w"], line=2)
        os.chmod(path, 0o755)
        for length in list(range(0, 65, 8)) + [200, 1000, 4096, len(whole) // 2]:
            copy = build_copy(folder, "cut%d" % length, whole[:length])
            refuse_text(folder, text % ("cut%d" % length), copy, line=2)
        place = os.path.join(folder.path, "plugins")
        os.chmod(place, 0o777)
        refuse_text(folder, text % "open", [place, "can be written by other users", "chmod go-w"], line=2)
        os.chmod(place, 0o755)
        link = os.path.join(place, "link.so")
        os.symlink("nowhere.so", link)
        refuse_text(folder, text % "link", "no plugin", line=2)
        build(folder, "fails", init="(void)self; return -12;")
        refuse_text(folder, text % "fails", ["[x]", "Cannot allocate memory"], line=1)
        build(folder, "says", extra="#include <vmm/host.h>",
              init='const struct vmm_host *host = self; host->fail(host->context, "the moon is full", '
              '"wait a week"); return -5;')
        refuse_text(folder, text % "says", ["[x]: the moon is full: wait a week"], line=1)
        if os.geteuid() == 0:
            path = build(folder, "theirs")
            os.chown(path, 12345, 12345)
            refuse_text(folder, text % "theirs", [path, "belongs to another user", "make it root's or yours"], line=2)


def build_copy(folder, name, data):
    path = os.path.join(folder.path, "plugins", name + ".so")
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    return path


def empty_folder():
    """With no plugin at all the core starts, and says what it lacks."""
    with guest.Folder() as folder:
        program = os.path.join(guest.BUILD, "vmm", "vmm")
        nothing = dict(os.environ, VMM_PLUGIN_PATH=folder.runtime, HOME=folder.path, XDG_DATA_HOME=folder.path,
                       VMM_MACHINE_PATH=os.path.join(os.path.dirname(SDK), "..", "machines"))
        file = folder.file("m.ini", "[machine]\nname = x\n")
        done = subprocess.run([program, "run", file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=nothing,
                              timeout=30, stdin=subprocess.DEVNULL)
        text = done.stderr.decode()
        assert done.returncode == 1 and text.count("\n") == 1, text
        assert "there is no plugin" in text and "VMM_PLUGIN_PATH" in text, text
        done = subprocess.run([program, "plugin", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=nothing,
                              timeout=30, stdin=subprocess.DEVNULL)
        assert done.returncode == 0 and b"There is no plugin in" in done.stdout, done


def joins():
    with guest.Folder() as folder:
        image = "[boot]\nrom = %s\n" % rom(folder)
        for text, line, says in (
                ("[serial0]\nbackend = @nowhere\n", 4, "no section [nowhere]"),
                ("[serial0]\nbackend = @\n", 4, "no section []"),
                ("[serial0]\nbackend = @serial0\n", 4, "backend"),
                ("[serial0]\nbackend = char-nulk\n", 4, 'did you mean "char-null"'),
                ("[serial0]\nbackend = pit-8254\n", 4, "at most one"),
                ("[serial0]\nbackend = debug-exit\n", 4, "does not fit"),
                ("[serial0]\nbackend = @pit0\n", 4, "does not fit"),
                ("[serial0]\nbackend = char-null\nbackend = char-null\n", None, "second time"),
                ("[serial0]\nbackend = char-null\nbackend.colour = red\n", 5, 'no key "colour"'),
                ("[serial0]\nbackend = @null0\nbackend.colour = red\n[null0]\nplugin = char-null\n", 5, "no effect"),
                ("[serial0]\nbackend.colour = red\n", 4, "no effect"),
                ("[null0]\nplugin = char-null\n[serial0]\nbackend = @null0\n[serial1]\nplugin = serial-16550\n"
                 "backend = @null0\n", None, "taken already"),
                ("[serial0]\nbus = pci0\n", 4, "@SECTION"),
                ("[serial0]\nbus = @nowhere\n", 4, "no section [nowhere]"),
                ("[serial0]\nbus = @rtc0\n", 4, "no bus"),
                ("[serial0]\naddress = 1\n", 4, "remove this line"),
                ("[serial1]\nplugin = serial-16550\nport = com1\n", None, "are taken"),
                ("[serial0]\nport = 0x3f8\n", 4, "com1|com2"),
                ("[pci1]\nplugin = chipset-i440\n", 4, "at most one"),
                ("[fw1]\nplugin = firmware-bios\n", 4, "at most one"),
        ):
            refuse_text(folder, image + text, says, base="pc", line=line)


def kernels():
    with guest.Folder() as folder:
        good = guest.kernel("686")
        with open(good, "rb") as f:
            data = f.read()
        file = folder.file("cut")
        lengths = sorted({0, 1, 2, 0x1f0, 0x1f1, 0x1fe, 0x1ff, 0x200, 0x201, 0x202, 0x205, 0x206, 0x207, 0x210, 0x230,
                          0x238, 0x260, 0x268, 0x270, 0x280, 512 * 4, 4096, 8192, 16384, 65536, len(data) // 2,
                          len(data) - 65536})
        for length in lengths:
            with open(file, "wb") as f:
                f.write(data[:length])
            refuse_text(folder, "[boot]\nkernel = cut\n", file, base="pc")
        for byte, value in ((0x202, 0), (0x1fe, 0), (0x207, 0), (0x1f7, 0xff)):
            broken = bytearray(data)
            broken[byte] = value
            with open(file, "wb") as f:
                f.write(broken)
            refuse_text(folder, "[boot]\nkernel = cut\n", "kernel" if byte in (0x202, 0x1fe) else file, base="pc")
        with open(file, "wb") as f:
            f.write(os.urandom(65536))
        refuse_text(folder, "[boot]\nkernel = cut\n", [file, "bzImage"], base="pc")
        refuse_text(folder, "[boot]\nkernel = gone\n", ["gone", "No such file"], base="pc")
        refuse_text(folder, "[boot]\nkernel = .\n", [folder.path, "not a file"], base="pc")
        refuse_text(folder, "[boot]\nkernel = /dev/zero\n", ["/dev/zero", "not a file"], base="pc")
        os.mkfifo(folder.file("pipe"))
        refuse_text(folder, "[boot]\nkernel = pipe\n", ["pipe", "not a file"], base="pc")
        refuse_text(folder, "memory = 1M\n[boot]\nkernel = %s\n" % good, "memory", base="pc")
        refuse_text(folder, "memory = 4M\n[boot]\nkernel = %s\n" % good, "memory", base="pc")
        for text in ("kernel = %s\ninitrd = gone\n", "kernel = %s\ninitrd = .\n", "kernel = %s\ninitrd = /dev/zero\n",
                     "kernel = %s\ninitrd = pipe\n"):
            refuse_text(folder, "[boot]\n" + text % good, "initrd", base="pc")
        with open(folder.file("big"), "wb") as f:
            f.truncate(300 << 20)
        refuse_text(folder, "memory = 256M\n[boot]\nkernel = %s\ninitrd = big\n" % good, ["initrd", "memory"], base="pc")
        with open(folder.file("big"), "wb") as f:
            f.truncate(1 << 42)
        refuse_text(folder, "memory = 256M\n[boot]\nkernel = %s\ninitrd = big\n" % good, ["initrd", "memory"], base="pc")
        refuse_text(folder, "[boot]\nkernel = %s\nrom = cut\n" % good, "remove one", base="pc")
        refuse_text(folder, "[boot]\nkernel = %s\ncmdline = %s\n" % (good, "x" * 4000), "cmdline", base="pc")
        if os.geteuid() != 0:
            os.chmod(file, 0)
            refuse_text(folder, "[boot]\nkernel = cut\n", "Permission denied", base="pc")


def roms():
    with guest.Folder() as folder:
        for length in (0, 1, 15, 16, 511, 4095, 4097, 65535, 65537, (16 << 20) + 4096, 1 << 40):
            with open(rom(folder, b""), "wb") as f:
                f.truncate(length)
            refuse_text(folder, "[boot]\nrom = rom.bin\n", [folder.file("rom.bin"), "raw BIOS image"], base="pc")
        refuse_text(folder, "[boot]\nrom = gone\n", ["gone", "No such file"], base="pc")
        refuse_text(folder, "[boot]\nrom = .\n", "not a file", base="pc")
        refuse_text(folder, "[fw0]\nbios = gone.bin\n", ["gone.bin", "seabios"], base="pc")


def states():
    with guest.Folder() as folder:
        file = machine(folder, "[boot]\nrom = %s\n" % rom(folder), base="pc")
        refuse(folder, "run", file, "--load", folder.file("gone"), says=["gone", "No such file"])
        refuse(folder, "run", file, "--load", folder.path, says=folder.path)
        for data in (b"", b"x", b"VMMSTATE", b"\xff" * 4096, b"\0" * 4096, ROM,
                     (16).to_bytes(8, "little") + b"VMMSTATE" + b"\x02\0\0\0" + b"\0" * 4,
                     (20).to_bytes(8, "little") + b"VMMSTATE" + b"\x01\0\0\0" + b"\0" * 4 + b"END!"):
            path = rom(folder, data, "state")
            refuse(folder, "run", file, "--load", path, says=path)


def usage():
    """Wrong words are status 2."""
    with guest.Folder() as folder:
        file = machine(folder, "")
        for words in (["rum"], ["frobnicate"], ["run"], ["run", file, file], ["run", "--bogus", file],
                      ["run", file, "--set"], ["run", file, "--serial"], ["run", file, "--load"],
                      ["run", file, "--trace", "everything"], ["run", file, "--log", "loud"], ["run", file, "--tier"],
                      ["plugin"], ["plugin", "frob"], ["plugin", "info"], ["plugin", "list", "x"],
                      ["plugin", "list", "--bogus"], ["config"], ["config", "frob", file], ["config", "check"],
                      ["config", "check", file, file], ["config", "dump", "--bogus"], ["config", "check", file, "--set"],
                      ["status"], ["pause"], ["resume"], ["reset"], ["stop"], ["pause", "a", "b"], ["attach"],
                      ["attach", "a"], ["attach", "a", "b"], ["detach"], ["detach", "a"],
                      ["trace"], ["trace", "a"], ["list", "x"], ["status", "a", "b"],
                      ["stop", "--bogus", "a"], ["--bogus"], [""]):
            refuse(folder, *words, status=2, says="vmm")
        status, _, err = guest.vmm(folder=folder)
        assert status == 2 and "Usage:" in err
        for words in (["status", "ghost"], ["pause", "ghost"], ["stop", "ghost"], ["attach", "ghost", "a.b", "c"],
                      ["detach", "ghost", "a.b"], ["trace", "ghost", "int"], ["pause", "../../x"], ["pause", ""]):
            refuse(folder, *words, says="vmm list")
        refuse(folder, "plugin", "info", "ghost", says="no plugin")


if __name__ == "__main__":
    guest.main(grammar, files, keys, sizes, plugins, empty_folder, joins, kernels, roms, states, usage)
