#!/bin/sh
# service-in-shell.sh NAME TOPIC…: answers the commands of TOPIC… through the hub, from a shell.
#
#   usage: service-in-shell.sh clock org.example/_/things/live/messages
#
# A service is a filter on a ring that hangs on the hub: a line comes in, the answer is the same line with a status and another
# value. Its id stays, and so the hub knows whose command it answers; the response leaves through the reply target of whoever
# asked. Here every command is told the time and gets its own payload back. TERM ends it.
set -eu

name=$1
shift
hello=$(printf '%s\n' "$@" | jq -cRn --arg name "$name" '{hello: 1, role: "service", service: $name, topics: [inputs]}')

exec ring -j "$hello" "jq -c --unbuffered 'select(.topic) | . + {status: 200, value: {now: (now | todate), asked: .value}}'"
