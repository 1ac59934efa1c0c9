#!/bin/sh
# store-socket.sh <commands: sends each to conn-store, prints each answer and every event, until it is interrupted.
#
# All it knows is the socket: a line is a signal, whose type is connectivity.commands:NAME. A command is a name and its
# members:   openConnection "connectionId":"mqtt-live"
{
    echo '{"follow":{"from":0}}'
    while read -r name members; do
        echo '{"id":"'"$name"'","signal":{"type":"connectivity.commands:'"$name"'"'"${members:+,$members}"'}}'
    done
} | socat STDIO,ignoreeof UNIX-CONNECT:"${CONN_RUN:-/run/conntools}/store.sock"
