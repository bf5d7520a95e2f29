#!/bin/sh
# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Runs Cassandra with the settings that the variables CASSANDRA_* give, as which flags alone are taken too, or another
# program. Where it runs as root, Cassandra itself runs as the user cassandra, to whom the folders are given first.
set -eu

case "${1:-cassandra}" in
-*) set -- cassandra -f "$@" ;;
esac

conf=${CASSANDRA_CONF:-/etc/cassandra}

# set_yaml replaces a line of cassandra.yaml.
set_yaml() {
	[ -z "$2" ] || sed -i "s|^\(# *\)\?$1:.*|$1: $2|" "$conf/cassandra.yaml"
}

set_rack() {
	[ -z "$2" ] || sed -i "s|^$1=.*|$1=$2|" "$conf/cassandra-rackdc.properties"
}

if [ "${1:-}" = cassandra ]; then
	if [ "$(id -u)" = 0 ]; then
		chown cassandra:cassandra /var/lib/cassandra "$conf"
		exec su -p -s /usr/local/bin/docker-entrypoint.sh cassandra -- "$@"
	fi
	address=${CASSANDRA_LISTEN_ADDRESS:-auto}
	if [ "$address" = auto ]; then
		address=$(hostname -i | cut -d ' ' -f 1)
	fi
	set_yaml listen_address "$address"
	set_yaml broadcast_address "${CASSANDRA_BROADCAST_ADDRESS:-$address}"
	set_yaml rpc_address "${CASSANDRA_RPC_ADDRESS:-0.0.0.0}"
	set_yaml broadcast_rpc_address "${CASSANDRA_BROADCAST_RPC_ADDRESS:-${CASSANDRA_BROADCAST_ADDRESS:-$address}}"
	set_yaml cluster_name "${CASSANDRA_CLUSTER_NAME:+\"$CASSANDRA_CLUSTER_NAME\"}"
	set_yaml num_tokens "${CASSANDRA_NUM_TOKENS:-}"
	set_yaml endpoint_snitch "${CASSANDRA_ENDPOINT_SNITCH:-${CASSANDRA_DC:+GossipingPropertyFileSnitch}}"
	seeds=${CASSANDRA_SEEDS:-${CASSANDRA_BROADCAST_ADDRESS:-$address}}
	sed -i "s|seeds: .*|seeds: \"$seeds\"|" "$conf/cassandra.yaml"
	set_rack dc "${CASSANDRA_DC:-}"
	set_rack rack "${CASSANDRA_RACK:-}"
fi
exec "$@"
