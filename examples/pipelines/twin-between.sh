#!/bin/sh
# twin-between.sh: devices speak Ditto Protocol over MQTT, their twins live here, an AMQP 1.0 peer hears of them.
#
#   usage: twin-between.sh MQTT-URI FILTER AMQP-URI
#
# Commands that are published to FILTER are carried out by ditto-twin, which keeps its log in $CONN_DIR/twin. What they change
# goes to the address `events`, their answers, errors too, to `answers`. A command is acknowledged at the MQTT broker when the
# AMQP peer has accepted its answer, an event leaves again after a crash until the peer has accepted it. No hub: one ring.
set -eu

# shellcheck disable=SC2016 # for jq
where='if .address then .address |= if test("/events/") then "events" else "answers" end else . end'

exec ring \
    "mqtt-in '$1' '$2'" \
    'ditto-map -i' \
    ditto-twin \
    'ditto-map -o' \
    "jq -c --unbuffered '$where'" \
    "amqp-out '$3'"
