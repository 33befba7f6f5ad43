#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Branch coverage of vmm/cpu: builds with gcov's counters in the folder given, runs the CPU's unit tests and the oracle,
# and prints for each file how many of its branches were taken.
#
#   tests/coverage.sh FOLDER
set -uo pipefail
folder=${1:?tests/coverage.sh FOLDER}
source=$(cd "$(dirname "$0")/.." && pwd)
jobs=${JOBS:-$(nproc)}
mkdir -p "$folder"
cd "$folder" || exit 1
[ -e Makefile ] || "$source/configure" -q CC=gcc CFLAGS='-O1 -g --coverage' LDFLAGS=--coverage || exit 1
tests=$(sed -n '/^unit_cpu = /,/[^\\]$/p' "$source/tests/tests.mk" | tr -d '\\' | tr -s ' \t\n' '\n' | grep '^tests/')
[ -n "$tests" ] || { echo "tests/coverage.sh: no tests were found in tests/tests.mk" >&2; exit 1; }
# shellcheck disable=SC2086 # one word a test
make -s -j "$jobs" $tests tests/cpu/oracle > /dev/null || exit 1
find vmm/cpu -name '*.gcda' -delete
# Each counts into the same files, so one after the other.
# shellcheck disable=SC2086
make -s check TESTS="$(echo $tests) tests/cpu/oracle.test" ORACLE_COUNT="${ORACLE_COUNT:-200000}" > coverage.log 2>&1 ||
  { tail -n 30 coverage.log; exit 1; }
find vmm/cpu -name '*.gcda' -print0 | xargs -0 gcov -b -n 2> /dev/null | awk -v prefix="$source/" '
  /^File / { file = $2; gsub(/\047/, "", file); sub(prefix, "", file); wanted = file ~ /^vmm\/cpu\/.*\.c$/ }
  wanted && /^Lines executed:/ { split($0, part, /[:% ]+/); lines = part[3] }
  wanted && /^Taken at least once:/ {
    split($0, part, /[:%]| of /)
    taken[file] += part[2] * part[4] / 100; all[file] += part[4]
  }
  END {
    for (file in all) {
      printf "%-32s %5.1f %% of %d branches\n", file, 100 * taken[file] / all[file], all[file] | "sort"
      sum += all[file]; hit += taken[file]
    }
    close("sort")
    if (!sum) exit 1
    printf "%-32s %5.1f %% of %d branches\n", "vmm/cpu", 100 * hit / sum, sum
  }'
