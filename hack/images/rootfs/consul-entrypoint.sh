#!/bin/sh
# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Starts a Consul agent with the image's folders, or any other subcommand of Consul, or another program. Where it runs
# as root, Consul itself runs as the user consul, to whom the folders are given first.
set -eu

data=${CONSUL_DATA_DIR:-/consul/data}
config=${CONSUL_CONFIG_DIR:-/consul/config}

case "${1:-}" in
agent)
	shift
	set -- consul agent -data-dir="$data" -config-dir="$config" "$@"
	;;
-*)
	set -- consul "$@"
	;;
*)
	# A word that is no program is taken for a subcommand.
	if [ $# -gt 0 ] && ! command -v -- "$1" >/dev/null 2>&1; then
		set -- consul "$@"
	fi
	;;
esac

if [ "${1:-}" = consul ] && [ "$(id -u)" = 0 ]; then
	chown consul:consul "$data" "$config"
	shift
	exec su -p -s /bin/consul consul -- "$@"
fi
exec "$@"
