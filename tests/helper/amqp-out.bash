# amqp-out.bash: amqp-out between a test that gives it lines and the project's container. Needs common.bash and
# amqp-in.bash (peer, record).
# shellcheck shell=bash disable=SC2034

# Starts amqp-out with these arguments and waits until it is ready; lines for it are written to descriptor 6.
sink_ready() { # ARGS
    open_lines
    start_ready sink amqp-out -d 4 "$@" <"$WORK/lines" 5>&- 6>&-
}

# The same without waiting.
sink_start() { # ARGS
    open_lines
    start sink amqp-out "$@" <"$WORK/lines" 5>&- 6>&-
}

open_lines() {
    rm -f "$WORK/lines"
    mkfifo "$WORK/lines"
    exec 6<>"$WORK/lines"
}

# Waits until the sink has printed N lines.
settled() { # N
    wait_for 15 has_settled "$1"
}

has_settled() { # N
    [ "$(wc -l <"$WORK/sink.out")" -ge "$1" ]
}

# Waits until the sink's log has this text.
says() { # TEXT
    wait_for 15 grep -qF -- "$1" "$WORK/sink.err"
}

# Runs amqp-out until it ends, its streams apart; stdin is the caller's.
sink_run() { # ARGS
    run --separate-stderr timeout 60 amqp-out "$@"
}

# What clients have sent to the container, whole, without what differs from run to run.
messages() {
    jq -c 'select(.event == "message") | del(.event, .connection, .n, .delivery_count)' "$WORK/peer.out"
}

# Writes a connection with targets "a" and "b" to $WORK/connection; FILTER changes it.
target_connection() { # [FILTER]
    jq -n --arg uri "$URI" '{id: "conn-1", connectionType: "amqp-10", connectionStatus: "open", uri: $uri,
        targets: [{address: "a", topics: ["_/_/things/twin/events"], authorizationContext: ["x"]},
                  {address: "b", topics: ["_/_/things/live/events"], authorizationContext: ["x"]}]}' |
        jq "${1:-.}" >"$WORK/connection"
}

# N lines for ADDRESS with ids 1 to N.
numbered() { # N ADDRESS
    seq "$1" | jq -c --arg a "$2" '{id: "\(.)", address: $a, text: "message \(.)"}'
}
