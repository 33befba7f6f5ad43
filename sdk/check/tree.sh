#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# vmm-plugin-check on every plugin of the build tree.  Run in the build tree.
set -eu
build=$(pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/vmm-tree-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
failed=0
count=0
# A firmware needs something to start: a ROM image will do.
dd if=/dev/zero of="$work/rom" bs=65536 count=2 2>/dev/null
# A disk that many instances may have at a time: those that write would lock each other out.
dd if=/dev/urandom of="$work/disk" bs=1000 count=300 2>/dev/null
for file in "$build"/plugins/*/.libs/*.so; do
  test -f "$file" || continue
  set --
  case $file in
    */firmware-*) set -- --set "boot.rom=$work/rom" ;;
    */storage-raw.so) set -- --set "path=$work/disk" --set mode=nonpersistent ;;
    */storage-*.so)
      name=${file##*/storage-}
      name=${name%.so}
      "$build/vmm-build" disk create "$work/disk.$name" 300K --format "$name"
      set -- --set "path=$work/disk.$name" --set mode=nonpersistent
      ;;
    */net-segment.so) set -- --set "folder=$work/segment" ;;
    */char-socket.so) set -- --set "path=$work/socket" ;;
  esac
  "$build/sdk/check/vmm-plugin-check" "$file" --seconds "${VMM_CHECK_SECONDS:-0}" "$@" || failed=1
  count=$((count + 1))
done
test "$count" -gt 0 || exit 77
exit "$failed"
