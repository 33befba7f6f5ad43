#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# 1. As long as a version of the SDK is open, its frozen headers are the current ones: a change to a header is loud
#    until somebody refreshes the copy on purpose.  2. Plugins that were built from the frozen headers of each
#    version load into the current core and pass vmm-plugin-check.  Run in the build tree.
set -eu
build=$(pwd)
top=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd)
: "${CC:=cc}"
fail() {
  echo "frozen.sh: $*" >&2
  exit 1
}
work=$(mktemp -d "${TMPDIR:-/tmp}/vmm-frozen-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
chmod 755 "$work"
version=$(sed -n 's/^#define VMM_SDK_VERSION_M[A-Z]* \([0-9]*\)$/\1/p' "$top/sdk/include/vmm/base.h" | paste -sd.)
test -d "$top/tests/abi/$version" || fail "there are no frozen headers of SDK $version: see tests/abi/README.md"
for folder in "$top"/tests/abi/[0-9]*; do
  frozen=${folder##*/}
  # The open version must be as it was frozen; a closed one only has to go on working.
  if test "$frozen" = "$version"; then
    for header in "$top"/sdk/include/vmm/*.h "$folder"/include/vmm/*.h; do
      name=${header##*/}
      cmp -s "$top/sdk/include/vmm/$name" "$folder/include/vmm/$name" ||
        fail "vmm/$name is not what was frozen for SDK $version: if the change is wanted, run tests/abi/sizes.sh" \
          "and commit what it writes; if not, undo it"
    done
    $CC -std=c11 -fsyntax-only -I"$top/sdk/include" "$top/tests/abi/sizes.c" 2>"$work/log" || {
      cat "$work/log" >&2
      fail "a public struct has changed: see above; tests/abi/sizes.sh refreshes sizes.c"
    }
  fi
  # While the major number is 0, a core takes plugins of its own minor version only.
  case $frozen in
    0.*) test "$frozen" = "$version" || continue ;;
  esac
  # What is built is the header's inline code of that time, by a plain compiler.
  $CC -std=c99 -Wall -Wextra -fPIC -fvisibility=hidden -shared -Wl,-z,defs -Wl,-z,now -I"$folder/include" \
    -o "$work/abi-$frozen.so" "$folder/plugin.c" || fail "the plugin of SDK $frozen does not build"
  dashed=$(echo "$frozen" | tr . -)
  for id in "com.example.abi-device-$dashed" "com.example.abi-echo-$dashed"; do
    VMM_PLUGIN_PATH=$work "$build/vmm/vmm" plugin info "$id" >"$work/info" ||
      fail "the core does not load $id, built with SDK $frozen"
    grep -q "SDK $frozen" "$work/info" || fail "vmm plugin info $id does not describe it: $(cat "$work/info")"
  done
  # Both in one machine, joined by the current core, and by the fake host.
  cat >"$work/machine.ini" <<END
[machine]
base = none
memory = 16M
[isa0]
plugin = chipset-i440
[dev0]
plugin = com.example.abi-device-$dashed
port = 784
line = com.example.abi-echo-$dashed
END
  VMM_PLUGIN_PATH=$work:$build/plugins/chipset-i440/.libs "$build/vmm/vmm" config dump "$work/machine.ini" \
    >"$work/dump" || fail "a machine with plugins of SDK $frozen is not assembled"
  grep -q '^port = 784$' "$work/dump" || fail "the device's setting is lost: $(cat "$work/dump")"
  "$build/sdk/check/vmm-plugin-check" "$work/abi-$frozen.so" --seconds 0 >"$work/check" || {
    grep -v '^ok' "$work/check" >&2
    fail "the plugin of SDK $frozen fails vmm-plugin-check"
  }
  test "$(grep -c 'leaks' "$work/check")" -eq 2 || fail "vmm-plugin-check has not seen both plugins of SDK $frozen"
  echo "frozen.sh: SDK $frozen works"
done
