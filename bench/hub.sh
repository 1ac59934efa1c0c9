#!/bin/bash
# hub.sh [-q] [-n COUNT] [-r ROUNDS]: conn-hub beside mosquitto at QoS 0, moving the same lines between the same processes.
#
# Both listen on a Unix socket; bench/hub-wire plays all sources and sinks: 1→1, 1→10 (every line to ten targets) and 100→1, lines
# of 600 bytes, COUNT (100000) of them a round. A round runs both, one after the other, the first one another each time. CPU is
# that of the hub or broker alone, per line published. A last row is the hub with an acknowledgement of each line, beside the
# same mosquitto. Prints one NDJSON record a shape: medians of ROUNDS (5) with the ratios of each round, hub to mosquitto.
# Exit: 0, 1 a line was lost or doubled, 100 bad usage.
set -eu
cd "${0%/*}/.."
ROOT=$PWD
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$ROOT/$BUILD ;;
esac
PATH=$BUILD/bin:$BUILD/bench:$PATH:/usr/sbin
COUNT=100000 ROUNDS=5
while getopts qn:r: opt; do
    case $opt in
    q) COUNT=20000 ROUNDS=3 ;;
    n) COUNT=$OPTARG ;;
    r) ROUNDS=$OPTARG ;;
    *) exit 100 ;;
    esac
done

dir=$(mktemp -d /tmp/conntools-bench.XXXXXX)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || :; wait; rm -rf "$dir"' EXIT

# Starts what listens at a socket, waits for it, leaves its pid in REPLY.
listen() { # SOCKET CMD…
    local socket=$1 i
    shift
    "$@" </dev/null >"$dir/log" 2>&1 &
    REPLY=$!
    pids+=("$REPLY")
    for ((i = 0; i < 100; i++)); do
        [ ! -S "$socket" ] || return 0
        sleep 0.1
    done
    cat "$dir/log" >&2
    exit 1
}

cat >"$dir/conf" <<END
listener 0 $dir/mosquitto.sock
allow_anonymous true
max_queued_messages 0
log_dest none
END
[ "$UID" -ne 0 ] || echo "user root" >>"$dir/conf"

measure() { # WHAT SIDE OPTION…
    local what=$1 side=$2 pid=$hub option=
    shift 2
    [ "$side" = hub ] || pid=$broker option=-m
    # shellcheck disable=SC2086
    hub-wire $option "$@" -p "$pid" "$dir/$side.sock" | jq -c --arg what "$what" --arg side "$side" '. + {$what, $side}' \
        >>"$dir/results"
}

# The messages of 1→10 are fewer, for the same time.
shape() { # WHAT ROUND COUNT OPTION…
    local what=$1 round=$2 count=$3 sides=(hub mosquitto) side
    shift 3
    ((round % 2)) || sides=(mosquitto hub)
    for side in "${sides[@]}"; do
        if [ "$what" = 'acknowledged' ] && [ "$side" = hub ]; then
            measure "$what" "$side" -a -n "$count" "$@"
        else
            measure "$what" "$side" -n "$count" "$@"
        fi
    done
}

listen "$dir/hub.sock" conn-hub -q -s "$dir/hub.sock"
hub=$REPLY
listen "$dir/mosquitto.sock" mosquitto -c "$dir/conf"
broker=$REPLY
for ((round = 0; round < ROUNDS; round++)); do
    shape '1→1' $round "$COUNT" -s 1 -t 1
    shape '1→10' $round $((COUNT / 5)) -s 1 -t 10 -w 200
    shape '100→1' $round "$COUNT" -s 100 -t 1
    shape 'acknowledged' $round "$COUNT" -s 1 -t 1
done

jq -sc '
    def median: sort | .[length / 2 | floor];
    def rounded: . * 1000 | round / 1000;
    group_by(.what)[] | .[0].what as $what | map(select(.side == "hub")) as $hub | map(select(.side == "mosquitto")) as $broker
    | {bench: "hub", $what, hub_per_s: ($hub | map(.per_s) | median), mosquitto_per_s: ($broker | map(.per_s) | median),
       hub_cpu_us: ($hub | map(.cpu_us) | median | rounded), mosquitto_cpu_us: ($broker | map(.cpu_us) | median | rounded),
       rate_ratio: ([range($hub | length) | $hub[.].per_s / $broker[.].per_s] | median | rounded),
       cpu_ratio: ([range($hub | length) | $hub[.].cpu_us / $broker[.].cpu_us] | median | rounded)}' "$dir/results"
