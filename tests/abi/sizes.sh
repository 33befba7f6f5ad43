#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Freezes the public headers: copies them to tests/abi/VERSION/include/vmm and writes sizes.c, which asserts the size
# of every public struct and the place of every member as they are now.  Run it on purpose, from the top of the source:
#   tests/abi/sizes.sh           after a change to the headers while their version is still open
#   tests/abi/sizes.sh --print   only print what sizes.c would be
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
include=$top/sdk/include
version=$(sed -n 's/^#define VMM_SDK_VERSION_M[A-Z]* \([0-9]*\)$/\1/p' "$include/vmm/base.h" | paste -sd.)
work=$(mktemp -d "${TMPDIR:-/tmp}/vmm-sizes-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

cd "$include"
for header in vmm/*.h; do
  printf '#include <%s>\n' "$header"
done >"$work/all.c"

# "struct member" lines, from the headers without comments; a function pointer's name is after "(*".
cat vmm/*.h | awk '
  { text = text $0 "\n" }
  END {
    while (match(text, /\/\*([^*]|\*+[^*\/])*\*+\//))
      text = substr(text, 1, RSTART - 1) " " substr(text, RSTART + RLENGTH)
    count = split(text, lines, "\n")
    body = ""; name = ""
    for (i = 1; i <= count; i++) {
      line = lines[i]
      if (name == "" && line ~ /^struct vmm_[a-z_0-9]* \{/) {
        split(line, words, " "); name = words[2]; body = ""
      } else if (name != "" && line ~ /^\};/) {
        members = split(body, items, ";")
        for (k = 1; k <= members; k++) {
          item = items[k]
          if (match(item, /\(\*[a-z_0-9]*\)/)) {
            print name, substr(item, RSTART + 2, RLENGTH - 3)
            continue
          }
          parts = split(item, names, ",")
          for (p = 1; p <= parts; p++) {
            sub(/\[[^]]*\]/, "", names[p])
            if (match(names[p], /[a-z_0-9]+[ \t]*$/)) {
              member = substr(names[p], RSTART, RLENGTH); gsub(/[ \t]/, "", member)
              print name, member
            }
          }
        }
        name = ""
      } else if (name != "") {
        body = body " " line
      }
    }
  }' >"$work/members"
{
  cat "$work/all.c"
  cat <<'END'
#include <stdio.h>
#define SIZE(name) \
  printf("_Static_assert(sizeof(struct %s) == %zu, \"the size of struct %s has changed\");\n", #name, \
         sizeof(struct name), #name)
#define PLACE(name, member) \
  printf("_Static_assert(offsetof(struct %s, %s) == %zu, \"struct %s: %s has moved\");\n", #name, #member, \
         offsetof(struct name, member), #name, #member)
int main(void)
{
END
  cut -d' ' -f1 "$work/members" | uniq | while read -r name; do
    printf '  SIZE(%s);\n' "$name"
    sed -n "s/^$name //p" "$work/members" | while read -r member; do
      printf '  PLACE(%s, %s);\n' "$name" "$member"
    done
  done
  printf '  return 0;\n}\n'
} >"$work/print.c"
${CC:-cc} -std=c11 -I"$include" -o "$work/print" "$work/print.c"
{
  echo '/* SPDX-License-Identifier: BSD-2-Clause */'
  echo '/* Copyright (c) The vmm authors */'
  echo '/* clang-format off */'
  echo '/* Made by tests/abi/sizes.sh; it compiles as long as no public struct has changed what it had. */'
  cat "$work/all.c"
  echo
  "$work/print"
} >"$work/sizes.c"

if test "x${1-}" = x--print; then
  cat "$work/sizes.c"
  exit 0
fi
mkdir -p "$top/tests/abi/$version/include/vmm"
rm -f "$top/tests/abi/$version/include/vmm/"*.h
cp vmm/*.h "$top/tests/abi/$version/include/vmm/"
cp "$work/sizes.c" "$top/tests/abi/sizes.c"
echo "headers of $version and sizes.c are refreshed: look at git diff before you commit them"
