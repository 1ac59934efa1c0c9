# mqtt-in.bash: mqtt-in between a broker and a test that settles. Needs common.bash and mosquitto.bash.
# shellcheck shell=bash disable=SC2034 # what is set is for the caller, too

# Starts mqtt-in under NAME (src) with these arguments and waits until it is ready; settlements are written to
# descriptor 6. MODE none: does not wait.
source_ready() { # ARGS
    open_home
    start_ready src mqtt-in -d 4 "$@" <"$WORK/home" 6>&-
}

source_start() { # ARGS
    open_home
    start src mqtt-in "$@" <"$WORK/home" 6>&-
}

open_home() {
    rm -f "$WORK/home"
    mkfifo "$WORK/home"
    exec 6<>"$WORK/home"
}

# Writes a connection to $WORK/connection; FILTER changes it. Its client id is conn-1.
connection() { # [FILTER]
    jq -n --arg uri "tcp://127.0.0.1:$MQTT_PORT" '{id: "conn-1", connectionType: "mqtt-5", connectionStatus: "open",
        uri: $uri, sources: [{addresses: ["in/#"], authorizationContext: ["x"], qos: 1}]}' |
        jq "${1:-.}" >"$WORK/connection"
}

pub() { # TOPIC PAYLOAD [ARGS]
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "$1" -m "$2" "${@:3}"
}

# Publishes 1 … N, each line of its own.
pub_many() { # TOPIC N [ARGS]
    seq "$2" | mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "$1" -l "${@:3}"
}

# Waits until the source has printed N lines.
lines() { # N [SECONDS]
    wait_for "${2:-15}" has_lines src "$1"
}

has_lines() { # NAME N
    [ "$(wc -l <"$WORK/$1.out")" -ge "$2" ]
}

# The id of the N'th line (from 1).
id() { # N
    sed -n "$1p" "$WORK/src.out" | jq -r .id
}

settle() { # N STATUS
    printf '{"id":"%s","status":%d}\n' "$(id "$1")" "$2" >&6
}

# What of all lines: payloads in order.
payloads() {
    jq -r '.text // .bytes' "$WORK/src.out"
}

# How many PUBACKs of CLIENT the broker has seen; waits for N of them.
pubacks() { # CLIENT
    grep -c "Received PUBACK from $1 " "$MQTT_DIR/log"
}

acknowledged() { # CLIENT N
    wait_for 15 has_pubacks "$1" "$2" || return
    [ "$(pubacks "$1")" -eq "$2" ]
}

has_pubacks() { # CLIENT N
    [ "$(pubacks "$1")" -ge "$2" ]
}

counters() { # TEXT: asks for them, and waits for those
    wait_for 15 counted "$1"
}

counted() { # TEXT
    kill -USR1 "${PIDS[src]}"
    grep -qF "info: $1" "$WORK/src.err"
}

err() {
    grep -v ' info: ' "$WORK/src.err" || :
}
