#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# A plugin author's day: install vmm in a folder of its own, copy the template, build it there with nothing but what
# is installed, check it, and have it in a machine.  Run by make check in the build tree.
set -eu
build=$(pwd)
: "${MAKE:=make}"
work=$(mktemp -d "${TMPDIR:-/tmp}/vmm-outside-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
chmod 755 "$work"
fail() {
  echo "outside.sh: $*" >&2
  exit 1
}

# A prefix of its own would need another configure: DESTDIR does, and pkg-config's sysroot finds it.
# libtool relinks what it installs; its chatter is only of interest when it fails.
"$MAKE" -C "$build" install DESTDIR="$work/root" >"$work/install.log" 2>&1 || {
  cat "$work/install.log" >&2
  fail "make install failed"
}
pc=$(find "$work/root" -name vmm-sdk.pc)
test -n "$pc" || fail "vmm-sdk.pc was not installed"
PKG_CONFIG_PATH=$(dirname "$pc")
PKG_CONFIG_SYSROOT_DIR=$work/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
template=$work/root$(pkg-config --variable=templatedir vmm-sdk | sed "s|^$work/root||")
plugins=$work/root$(pkg-config --variable=plugindir vmm-sdk | sed "s|^$work/root||")
bin=$(dirname "$(find "$work/root" -name vmm-plugin-check -type f)")
test -d "$template" || fail "the template was not installed"
cp -r "$template" "$work/counter"

cd "$work/counter"
"$MAKE" -s || fail "the template does not build against the installed SDK"
"$MAKE" -s check CHECK="$bin/vmm-plugin-check --seconds 0" >check.log 2>&1 || {
  cat check.log >&2
  fail "the template's own check failed"
}
grep -q '^ok *counter_test' check.log || fail "the template's unit test did not run"
grep -q '^ok *com.example.counter state' check.log || fail "vmm-plugin-check did not run"

# It is found in a folder that only VMM_PLUGIN_PATH names.
cat >machine.ini <<END
[machine]
name = outside
memory = 64M
[fw0]
plugin = none
[counter0]
plugin = com.example.counter
rate = 1000
END
machines=$(find "$work/root" -name machines -type d)
# Installed programs would look in the prefix that configure was given; here they lie in DESTDIR.
VMM_PLUGIN_PATH=$work/counter:$plugins VMM_MACHINE_PATH=$machines \
  "$bin/vmm" config dump machine.ini >dump.ini || fail "vmm config dump failed"
sed -n '/^\[counter0\]/,/^\[/p' dump.ini >section.ini
for line in 'plugin = com.example.counter' 'bus = @pci0' 'rate = 1000' 'msi = yes'; do
  grep -qF "$line" section.ini || {
    cat dump.ini >&2
    fail "vmm config dump does not show \`$line\` for counter0"
  }
done
grep -q '^address = ' section.ini || fail "counter0 has no address on the bus"
if VMM_PLUGIN_PATH=$plugins VMM_MACHINE_PATH=$machines "$bin/vmm" config dump machine.ini >/dev/null 2>missing.log; then
  fail "a machine with a plugin that is nowhere was accepted"
fi
grep -q 'com.example.counter' missing.log || fail "the message does not name the missing plugin"
echo "outside.sh: the template builds, passes and is in the machine"
