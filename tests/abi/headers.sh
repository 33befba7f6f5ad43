#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Each public header compiles by itself, as C99, C11 and C++11, with every compiler there is.
set -eu
top=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
work=$(mktemp -d "${TMPDIR:-/tmp}/vmm-headers-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
ran=0
failed=0
try() { # COMPILER LANGUAGE STANDARD HEADER
  printf '#include <%s>\nextern int nothing_else;\n' "$4" >"$work/one"
  "$1" -x "$2" "-std=$3" -Wall -Wextra -Werror -pedantic -fsyntax-only -I"$top/sdk/include" "$work/one" \
    2>"$work/log" || {
    echo "headers.sh: $4 does not compile alone with $1 as $3:" >&2
    cat "$work/log" >&2
    failed=1
  }
  ran=$((ran + 1))
}
for compiler in gcc clang; do
  command -v "$compiler" >/dev/null || {
    echo "headers.sh: $compiler is not installed, and left out"
    continue
  }
  for path in "$top"/sdk/include/vmm/*.h; do
    header=vmm/${path##*/}
    try "$compiler" c c99 "$header"
    try "$compiler" c c11 "$header"
    # A compiler may have been installed without its C++ half.
    if printf 'int one;\n' | "$compiler" -x c++ -std=c++11 -fsyntax-only - 2>/dev/null; then
      try "$compiler" c++ c++11 "$header"
    fi
  done
done
test "$ran" -gt 0 || exit 77
test "$failed" -eq 0 || exit 1
echo "headers.sh: $ran compilations"
