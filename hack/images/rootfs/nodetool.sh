#!/bin/sh
# Copyright The Quorate Authors.
# SPDX-License-Identifier: Apache-2.0

# Asks the daemon beside it over JMX. HOME is where it keeps its history.
set -eu

home=${CASSANDRA_HOME:-/opt/cassandra}
conf=${CASSANDRA_CONF:-/etc/cassandra}
exec java "@$conf/modules.options" -Xmx64M "-Duser.home=${TMPDIR:-/tmp}" -Dlogback.configurationFile=/dev/null \
	-cp "$conf:$home/lib/*" org.apache.cassandra.tools.NodeTool -p "${JMX_PORT:-7199}" "$@"
