#!/bin/sh
# telemetry-ring.sh: device messages from AMQP 1.0 to MQTT 5, as live messages of the Ditto Protocol.
#
#   usage: telemetry-ring.sh [SOURCE-CONNECTION TARGET-CONNECTION]
#
# The connections are those of examples/connections, unless others are named. A JQ mapper of the source makes Ditto
# Protocol messages of raw payloads; the address of the target makes their MQTT topics. Each message is accepted at the
# AMQP peer when the MQTT broker has acknowledged it, not before. No store, hub or supervisor: this is all that runs.
# TERM ends it when what is in flight has arrived; kill -9 loses nothing, the peer delivers it again.
set -eu

connections=${0%/*}/../connections
source=${1:-$connections/amqp-telemetry.json}
target=${2:-$connections/mqtt-live.json}

exec ring \
    "amqp-in -c '$source'" \
    "ditto-map -i -c '$source'" \
    "ditto-map -o -c '$target' -k 0" \
    "mqtt-out -c '$target' -k 0"
