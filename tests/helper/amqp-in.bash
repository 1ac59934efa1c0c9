# amqp-in.bash: amqp-in between the project's container and a test that settles. Needs common.bash.
# shellcheck shell=bash disable=SC2034 # PORT and URI are for the caller, too

# Starts amqp-peer with these arguments; messages and control lines are written to descriptor 5. Its port is then PORT.
peer() {
    mkfifo "$WORK/feed"
    exec 5<>"$WORK/feed"
    start peer amqp-peer -t 100 "$@" "$WORK/feed" </dev/null 5>&-
    wait_for 10 grep -q '^{"port":' "$WORK/peer.out"
    PORT=$(head -n 1 "$WORK/peer.out" | jq .port)
    URI=amqp://127.0.0.1:$PORT
}

# Starts amqp-in with these arguments and waits until it is ready; settlements are written to descriptor 6.
source_ready() { # ARGS
    open_home
    start_ready src amqp-in -d 4 "$@" <"$WORK/home" 5>&- 6>&-
}

# The same without waiting.
source_start() { # ARGS
    open_home
    start src amqp-in "$@" <"$WORK/home" 5>&- 6>&-
}

open_home() {
    rm -f "$WORK/home"
    mkfifo "$WORK/home"
    exec 6<>"$WORK/home"
}

# Waits until the source has printed N lines.
lines() { # N
    wait_for 15 has_lines "$1"
}

has_lines() { # N
    [ "$(wc -l <"$WORK/src.out")" -ge "$1" ]
}

# The id of the line N that the source printed.
id() { # N
    sed -n "$1p" "$WORK/src.out" | jq -r .id
}

settle() { # N STATUS
    echo "{\"id\":\"$(id "$1")\",\"status\":$2}" >&6
}

# Waits until the peer has printed N (1) records that match FILTER.
record() { # FILTER [N]
    wait_for 15 has_records "$@"
}

has_records() { # FILTER [N]
    [ "$(jq -c "select($1)" "$WORK/peer.out" | wc -l)" -ge "${2:-1}" ]
}

# The outcomes that the peer has seen, in order: "1 accepted", …
outcomes() {
    jq -r 'select(.event == "disposition") | "\(.n) \(.outcome)\(if .failed then " failed" else "" end)"' "$WORK/peer.out"
}

# The fields of the peer's summary that are not 0, address apart.
summary() {
    jq -c '.summary // empty | del(.address) | with_entries(select(.value != 0))' "$WORK/peer.out"
}

# Writes a connection to $WORK/connection; FILTER changes it.
connection() { # [FILTER]
    jq -n --arg uri "$URI" '{id: "conn-1", connectionType: "amqp-10", connectionStatus: "open", uri: $uri,
        sources: [{addresses: ["a"], authorizationContext: ["x"]}]}' | jq "${1:-.}" >"$WORK/connection"
}

# Is the last system call in the trace a poll of more than ten seconds?
waits_long() {
    tail -n 1 "$WORK/trace" | grep -qE 'poll\(.*, [1-9][0-9]{4,}$'
}

# Runs amqp-in until it ends, its streams apart.
source_run() { # ARGS
    run --separate-stderr timeout 30 amqp-in "$@" </dev/null
}

err() {
    cat "$WORK/src.err"
}
