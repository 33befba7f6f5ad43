# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# The half of the benchmark that works on an installed Debian (tests/bench/debian.py).
#   sh debian.sh sums            what a round of each program comes to
#   sh debian.sh serve HOW       runs programs as lines "NAME ROUNDS" ask; "off" ends it, with the machine if HOW is guest
export LC_ALL=C
cd "$(dirname "$0")" || exit 1

prepare() {
  cat /usr/lib/python3.11/*.py | head -c 4000000 > text
  head -c 1000000 text > less
  mkdir -p bzip2 && tar -xf bzip2.orig.tar* -C bzip2 --strip-components=1
}

# A round, and its sum on standard output.
round_gzip() {
  gzip -n -6 < text > packed && cksum < packed && gzip -d < packed | cksum
}
round_xz() {
  xz -6 < less > packed && cksum < packed && xz -d < packed | cksum
}
round_sqlite() {
  rm -f bench.db && sqlite3 bench.db < sqlite.sql | cksum
}
round_python() {
  python3 calculate.py | cksum
}
round_gcc() {
  (cd bzip2 && gcc -O2 -w -D_FILE_OFFSET_BITS=64 -o ../made blocksort.c huffman.c crctable.c randtable.c compress.c \
    decompress.c bzlib.c bzip2.c) && cksum < made
}

# So many seconds of what openssl counts: its own words say when it begins and how often it got round.
speed() {
  name=$1 begun=
  shift
  openssl speed -mr "$@" 2>&1 | while IFS=: read -r mark count rest; do
    case $mark in
    +DT | +DTP) [ "$begun" ] || echo "BEGIN $name"; begun=yes ;;
    +R | +R1) echo "END $name"; echo "COUNT $name $count" ;;
    *rror*) echo "FAIL $name $mark $count $rest" ;;
    esac
  done
}

work() {
  case $1 in
  openssl-sha256) speed "$1" -seconds "$2" -bytes 16384 -evp sha256 ;;
  openssl-aes) speed "$1" -seconds "$2" -bytes 16384 -evp aes-256-cbc ;;
  openssl-rsa) speed "$1" -seconds "$2" rsa2048 ;;
  *)
    wanted=$(sed -n "s/^$1 //p" sums)
    left=$2
    echo "BEGIN $1"
    while [ "$left" -gt 0 ]; do
      got=$(echo $("round_$1" 2>&1))
      [ "$got" = "$wanted" ] || echo "FAIL $1 it comes to $got, not to $wanted"
      left=$((left - 1))
    done
    echo "END $1"
    ;;
  esac
  echo "DONE $1"
}

prepare
if [ "$1" = sums ]; then
  for name in gzip xz sqlite python gcc; do
    got=$("round_$name") || exit 1
    echo "$name" $got
  done
  exit 0
fi
echo SERVING
while read -r name rounds && [ "$name" != off ]; do work "$name" "$rounds" < /dev/null; done
echo OFF
[ "$2" != guest ] || poweroff -f
