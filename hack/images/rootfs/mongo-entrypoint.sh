#!/bin/sh
# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs mongod, as which flags alone are taken too, or another program. Where nothing says on which addresses mongod
# listens it listens on all. Where it runs as root, mongod itself runs as the user mongodb, to whom the folders are given
# first.
set -eu

case "${1:-}" in
-*) set -- mongod "$@" ;;
esac

if [ "${1:-}" = mongod ]; then
	case " $* " in
	*" --bind_ip"* | *" --config"* | *" -f "*) ;;
	*) set -- "$@" --bind_ip_all ;;
	esac
	if [ "$(id -u)" = 0 ]; then
		chown mongodb:mongodb /data/db /data/configdb
		shift
		exec su -p -s /usr/bin/mongod mongodb -- "$@"
	fi
fi
exec "$@"
