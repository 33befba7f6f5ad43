#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""64-bit Debian: its installer, an installed system that compiles and calculates, the kernel's own tests of its code."""

import hashlib
import re
import subprocess

import boot
import guest
import media

MEMTEST = "/boot/memtest86+x64.bin"

C_PROGRAM = r"""
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b)
{
	return (*(const long *)a > *(const long *)b) - (*(const long *)a < *(const long *)b);
}
int main(void)
{
	static long values[20000];
	unsigned long state = 1, sum = 0;
	double series = 0;
	for (int i = 0; i < 20000; i++)
		values[i] = (long)((state = state * 6364136223846793005ul + 1442695040888963407ul) >> 20);
	qsort(values, 20000, sizeof(values[0]), compare);
	for (int i = 0; i < 20000; i++)
		sum = sum * 31 + (unsigned long)values[i];
	for (int i = 1; i < 100000; i++)
		series += sin(i) / i;
	printf("%lx %.17g %.17Lg\n", sum, series, sqrtl(2.0L) * 3);
	return 0;
}
"""


def installer_screen():
    with guest.Folder() as folder:
        # With less it falls into its low memory mode, which asks for no language.
        file = boot.machine(folder, boot.CD % media.installer_iso_amd64(), "1G")
        with guest.Guest(folder, file) as it:
            it.expect_screen("Install on the screen", 120)
            it.keys("ret")
            it.expect_screen(["Select a language", "English"], 900)


def memtest():
    boot.memtest_pass(False, MEMTEST)


def host(*words, data=None):
    return subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout.decode()


def compile_here(folder, source, options):
    with open(folder.file("here.c"), "w") as f:
        f.write(source)
    host("gcc", *options, "-o", folder.file("here"), folder.file("here.c"), "-lm")
    return host(folder.file("here"))


def debian():
    """Installed Debian: a compiler and what it makes, OpenSSL, and Python's own numeric tests, all with right results."""
    with guest.Folder() as folder:
        file = boot.machine(folder, "[disk0]\nplugin = ide-disk\nmedia = %s\nmedia.mode = nonpersistent\n" %
                            media.debian_disk_amd64(), "1G")
        with guest.Guest(folder, file) as it:
            boot.login(it, 900)
            assert it.run("uname -m")[0].strip() == "x86_64"
            log, _ = it.run("dmesg")
            for bad in ("alternatives: apply failed", "invalid opcode", "general protection", "Oops", "soft lockup",
                        "BUG:", "WARNING:"):
                assert bad not in log, [line for line in log.splitlines() if bad in line]
            # A program from its source, twice: what it prints is what the same source prints on the host.
            lines = C_PROGRAM.strip().replace("\t", "  ").replace("'", "'\\''").split("\n")
            for at in range(0, len(lines), 12):
                it.run("printf '%%s\\n' %s >> /tmp/a.c" % " ".join("'%s'" % line for line in lines[at:at + 12]))
            for options in (("-O0",), ("-O3", "-ffast-math", "-fno-fast-math")):
                output, status = it.run("gcc %s -o /tmp/a /tmp/a.c -lm && /tmp/a" % " ".join(options), 300)
                assert status == 0 and output == compile_here(folder, C_PROGRAM, options), output
            # OpenSSL checks its own signatures in `speed`; its digests are compared with Python's on the host.
            output, status = it.run("openssl speed -seconds 1 rsa1024 ecdsap256 aes-256-cbc sha512 2>&1", 600)
            # What it was compiled with has "-Werror" in it.
            assert status == 0 and not re.search(r"(?i)failure|failed|error[: ]", output), output
            for name in ("md5", "sha1", "sha256", "sha512", "sha3-256", "blake2b512"):
                output, status = it.run("seq 200000 | openssl dgst -%s -r" % name, 300)
                data = "".join("%d\n" % i for i in range(1, 200001)).encode()
                known = {"sha3-256": "sha3_256", "blake2b512": "blake2b"}.get(name, name)
                assert status == 0 and output.split()[0] == hashlib.new(known, data).hexdigest(), name + ": " + output
            output, status = it.run("python3 -m test test_float test_struct test_complex 2>&1 | tail -n 30", 900)
            assert "Tests result: SUCCESS" in output, output
            it.call("button")
            assert it.wait(300) == 0, "the power button must end it"


def python_math():
    """The longer of Python's numeric tests."""
    with guest.Folder() as folder:
        file = boot.machine(folder, "[disk0]\nplugin = ide-disk\nmedia = %s\nmedia.mode = nonpersistent\n" %
                            media.debian_disk_amd64(), "1G")
        with guest.Guest(folder, file) as it:
            boot.login(it, 900)
            output, _ = it.run("python3 -m test test_math test_cmath test_fractions test_decimal test_long test_random "
                               "test_statistics 2>&1 | tail -n 40", 6000)
            assert "Tests result: SUCCESS" in output, output


# What registers implementations for each set of instructions; the crypto manager tries every one against its vectors.
CRYPTO = ["aesni-intel", "ghash-clmulni-intel", "crct10dif-pclmul", "crc32-pclmul", "crc32c-intel", "sha1-ssse3",
          "sha256-ssse3", "sha512-ssse3", "chacha-x86_64", "poly1305-x86_64", "nhpoly1305-avx2", "nhpoly1305-sse2",
          "camellia-aesni-avx2", "serpent-avx2", "serpent-sse2-x86_64", "twofish-avx-x86_64", "cast6-avx-x86_64",
          "blowfish-x86_64", "sm4-aesni-avx2-x86_64", "sm3-avx-x86_64", "polyval-clmulni", "curve25519-x86_64",
          "xor", "raid6_pq"]


def kernel_tests():
    """The kernel's tests of its own vector routines find nothing wrong, and they ran."""
    with guest.Folder() as folder:
        file = folder.linux(flavour="amd64", memory="512M", load=CRYPTO, selftests=True)
        with guest.Guest(folder, file) as shell:
            shell.ready(1500)
            log, _ = shell.run("dmesg")
            bad = [line for line in log.splitlines() if re.search(
                r"alg: .*(fail|mismatch|wrong)|self-test.* failed|raid6: .*(fail|corrupt)|invalid opcode|BUG|WARNING", line)]
            assert not bad, bad
            assert "xor: " in log and "raid6: using algorithm" in log, log
            # Each is instantiated by name: that is when the manager tries it.
            output, _ = shell.run("cat /proc/crypto")
            passed = re.findall(r"driver\s+: (\S+)\n(?:.*\n){1,3}?selftest\s+: passed", output)
            failed = re.findall(r"driver\s+: (\S+)\n(?:.*\n){1,3}?selftest\s+: (?!passed)(\S+)", output)
            assert not failed, failed
            assert len(passed) > 10, output


if __name__ == "__main__":
    guest.main(debian, installer_screen, kernel_tests, memtest, long=[python_math])
