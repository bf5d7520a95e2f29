#!/bin/sh
# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Starts the daemon in the foreground, as the flag -f asks; all else is Java's. Memory is what MAX_HEAP_SIZE and
# HEAP_NEWSIZE say, and little where they say nothing: this image is for tests.
set -eu

options=
for option in "$@"; do
	case "$option" in
	-f) options="$options -Dcassandra-foreground=yes" ;;
	-R) ;;
	*) options="$options $option" ;;
	esac
done

home=${CASSANDRA_HOME:-/opt/cassandra}
conf=${CASSANDRA_CONF:-/etc/cassandra}
heap=${MAX_HEAP_SIZE:-256M}
# shellcheck disable=SC2086 # options are words
exec java "@$conf/modules.options" "-Xms$heap" "-Xmx$heap" ${HEAP_NEWSIZE:+"-Xmn$HEAP_NEWSIZE"} -XX:+ExitOnOutOfMemoryError \
	"-Dcassandra.storagedir=/var/lib/cassandra" "-Dcassandra.jmx.local.port=${JMX_PORT:-7199}" \
	${JVM_EXTRA_OPTS:-} $options -cp "$conf:$home/lib/*" org.apache.cassandra.service.CassandraDaemon
