# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# One step of the soak's work: sh work.sh STEP.  What it prints is the same in every round and on every machine; what it
# cannot do right ends it with a status and a reason.  In the folder beside it are the sources, and room for what it makes.
set -e
export LC_ALL=C
cd "$(dirname "$0")"

fail() {
  echo "$*"
  exit 1
}

# Run a command, and show what it said only if it fails.
quietly() {
  "$@" > said 2>&1 || { tail -n 20 said; fail "failed: $*"; }
}

unpack() {
  rm -rf "$1"
  mkdir "$1"
  tar -xf "$1".orig.tar* -C "$1" --strip-components=1
  cd "$1"
}

# A known answer: the digest or cipher of what comes in must be this.
known() {
  wanted=$1
  shift
  got=$(openssl "$@" | od -An -v -tx1 | tr -d ' \n')
  [ "$got" = "$wanted" ] || fail "openssl $*: $got is not $wanted"
}

# There and back.
pressed() {
  "$@" < data > packed
  "$1" -d < packed | cmp - data || fail "$*: what comes back is not what went in"
  echo "$* $(sha256sum < packed)"
}

case $1 in
data)
  cat /usr/lib/python3.11/*.py | head -c 3000000 > data
  sha256sum data
  ;;
digests)
  # FIPS 180-4, FIPS 202, RFC 1321, RFC 7693: "abc"; FIPS 197, appendix C.
  printf abc | known 900150983cd24fb0d6963f7d28e17f72 dgst -md5 -binary
  printf abc | known a9993e364706816aba3e25717850c26c9cd0d89d dgst -sha1 -binary
  printf abc | known ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad dgst -sha256 -binary
  printf abc | known 3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532 dgst -sha3-256 -binary
  wanted=ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
  printf abc | known ${wanted}2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f dgst -sha512 -binary
  plain() { printf '\000\021\042\063\104\125\146\167\210\231\252\273\314\335\356\377'; }
  key=000102030405060708090a0b0c0d0e0f
  plain | known 69c4e0d86a7b0430d8cdb78070b4c55a enc -aes-128-ecb -nopad -K $key
  plain | known 8ea2b7ca516745bfeafc49904b496089 enc -aes-256-ecb -nopad -K ${key}101112131415161718191a1b1c1d1e1f
  for name in md5 sha1 sha256 sha512 sha3-256 blake2b512 blake2s256 sm3; do openssl dgst -$name -r data; done
  # What is too long a key for one of them it cuts, and says so.
  for name in aes-128-ctr aes-256-cbc aria-256-cbc camellia-256-cbc chacha20; do
    quietly openssl enc -$name -K $key$key -iv $key -in data -out packed
    quietly openssl enc -d -$name -K $key$key -iv $key -in packed -out unpacked
    cmp unpacked data || fail "$name: what comes back is not what went in"
    echo "$name $(sha256sum < packed)"
  done
  ;;
compress)
  # Without -n it would keep when the data was made.
  pressed gzip -n -1
  pressed gzip -n -9
  pressed bzip2 -9
  pressed xz -1
  pressed xz -6
  ;;
bzip2)
  unpack bzip2
  # Its tests are part of it.
  quietly make CFLAGS="-O2 -D_FILE_OFFSET_BITS=64"
  sha256sum ./*.o bzip2 bzip2recover ./sample*.rb2 ./sample*.tst
  ;;
zlib)
  unpack zlib
  quietly ./configure --static
  quietly make
  quietly make test
  grep -q 'zlib test OK' said || fail "make test does not say that all is well: $(cat said)"
  sha256sum ./*.o example minigzip
  ;;
calculate)
  for options in -O0 "-O3 -funroll-loops" "-O2 -msse2 -mfpmath=sse"; do
    quietly gcc -w $options -o calculate calculate.c -lm
    ./calculate
  done
  ;;
sqlite)
  rm -f soak.db
  sqlite3 soak.db < sqlite.sql
  sqlite3 soak.db .dump | sha256sum
  ;;
python)
  python3 calculate.py
  ;;
openssl)
  quietly openssl speed -seconds 1 -bytes 8192 rsa1024 ecdsap256 aes-256-cbc sha512
  # What it was compiled with, which it says too, has "-Werror" in it.
  ! grep -iE 'failure|failed|error[: ]' said || fail "openssl speed complains"
  # On the interpreter, larger keys take minutes.
  quietly openssl genrsa -out key.pem 1024
  quietly openssl rsa -in key.pem -pubout -out public.pem
  quietly openssl dgst -sha256 -sign key.pem -out signature data
  openssl dgst -sha256 -verify public.pem -signature signature data
  ;;
test_*)
  # Python's own tests; what it says about them has times in it.
  python3 -m test "$1" > said 2>&1 || { tail -n 40 said; fail "python3 -m test $1 fails"; }
  grep -q "Tests result: SUCCESS" said || fail "python3 -m test $1 ends without a result"
  echo passed
  ;;
*)
  fail "there is no step $1"
  ;;
esac
