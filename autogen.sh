#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
# Makes ./configure.  scripts/deps installs what it needs.
set -e
cd "$(dirname "$0")"
mkdir -p m4
exec autoreconf --install --force
