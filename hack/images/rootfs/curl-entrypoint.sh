#!/bin/sh
# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs a program of the image, or curl with the arguments given.
set -eu

if [ $# -gt 0 ] && command -v -- "$1" >/dev/null 2>&1; then
	exec "$@"
fi
exec curl "$@"
