#!/bin/bash
# many.sh: a house with many open connections, half of them MQTT (a source and a target), half AMQP 1.0 (a source).
#
#   CONNECTIONS=500 IDLE_S=20 bench/many.sh
#
# Opens them all and says how long that took; counts processor time while nothing happens; adds up memory (PSS, so that
# shared pages count once); kills the supervisor with -9 and says how long its successor takes to have them all open again,
# each ring once. One private mosquitto, one AMQP container, loopback.
# Exit: 0, 1 something is not as it should be (not open, or there twice), 111 a part did not start.
# shellcheck disable=SC2128 # REPLY is what a helper made it
set -u
cd "$(dirname "$0")/.." || exit 111
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
ROOT=$PWD
CONNECTIONS=${CONNECTIONS:-500}
IDLE_S=${IDLE_S:-20}
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH:/usr/sbin
WORK=$(mktemp -d /tmp/conn-many.XXXXXX) || exit 111
export ROOT WORK CONN_DIR=$WORK/state CONN_RUN=$WORK/run
mkdir -m 700 "$CONN_DIR" "$CONN_RUN"
# shellcheck source-path=SCRIPTDIR/../tests/helper
source tests/helper/process.bash
source tests/helper/mosquitto.bash
source tests/helper/house.bash

give_up() {
    echo "many: error: $*" >&2
    tail -n 5 "$WORK"/*.err >&2
    exit "${code:-111}"
}
# shellcheck disable=SC2317 # called by the trap
clean_up() {
    end_tracked 2>/dev/null
    rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

amqp=$((CONNECTIONS / 2)) mqtt=$((CONNECTIONS - CONNECTIONS / 2))
rings=$((amqp + 2 * mqtt))

documents() {
    jq -nc --argjson n "$mqtt" --arg uri "tcp://127.0.0.1:$MQTT_PORT" '
        range($n) | "mqtt-\(.)" | {id: ., connectionType: "mqtt-5", connectionStatus: "open", uri: $uri,
            sources: [{addresses: ["in/\(.)"], qos: 1, authorizationContext: ["integration:x"], replyTarget: {enabled: false}}],
            targets: [{address: "out/\(.)", topics: ["_/_/things/twin/events"], qos: 1, authorizationContext: ["integration:x"]}]}'
    jq -nc --argjson n "$amqp" --arg uri "amqp://127.0.0.1:$AMQP_PORT" '
        range($n) | "amqp-\(.)" | {id: ., connectionType: "amqp-10", connectionStatus: "open", uri: $uri,
            sources: [{addresses: ["in-\(.)"], authorizationContext: ["integration:x"], replyTarget: {enabled: false}}]}'
}

# What the supervisor says of itself, after USR1: connections=N rings=N open=N.
rings_open() {
    kill -USR1 "${PIDS[supervise]}" 2>/dev/null || return 1
    tail -n 40 "$WORK/supervise.err" | grep 'connections=' | tail -n 1 | grep -q "open=$rings\$"
}

mappers() { house_ring ditto-map | wc -l; }
each_once() { [ "$(mappers)" -eq "$rings" ]; }

ticks() { # of all processes of the toolkit
    local pid
    for pid in $(house_pids); do
        sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null
    done | awk '{n += $12 + $13} END {print n + 0}'
}

pss_kib() { # PID…
    local pid
    for pid; do cat "/proc/$pid/smaps_rollup" 2>/dev/null; done | awk '/^Pss:/ {n += $2} END {print n + 0}'
}

open_all() { # WHAT SECONDS: waits until all are open, says how long it took
    local since
    now_ms && since=$REPLY
    code=1
    wait_for "$2" rings_open || give_up "not all $rings rings are open"
    now_ms
    printf '%-34s %8.1f s   (%d connections, %d rings, %d cores)\n' "$1" "$(((REPLY - since) / 100))e-1" \
        "$CONNECTIONS" $rings "$(nproc)"
    wait_for 10 each_once || give_up "$(mappers) mappers for $rings rings"
}

ulimit -n "$(ulimit -Hn)"
mosquitto_start 'log_type none' || give_up "no broker"
start peer amqp-peer -Q -d '{"do":"allow"}' - </dev/null
wait_for 10 grep -qs port "$WORK/peer.out" || give_up "no AMQP container"
AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
SUPERVISE_OPTS=${SUPERVISE_OPTS-}
house_start || give_up "no house"
documents | jq -c '{signal: {type: "connectivity.commands:createConnection", connection: .}}' >"$WORK/commands"
conn-ctl raw <"$WORK/commands" >"$WORK/created" || give_up "cannot create the connections"

open_all 'all open after' 300
before=$(ticks) && now_ms && since=$REPLY
sleep "$IDLE_S"
now_ms
printf '%-34s %8.2f %%   of one core, over %d s\n' 'processor while idle' \
    "$(jq -n "($(ticks) - $before) * 100000 / $(getconf CLK_TCK) / ($REPLY - $since)")" "$IDLE_S"
mapfile -t below < <(descendants "${PIDS[supervise]}" | tail -n +2)
printf '%-34s %8.2f MB  (%d processes)\n' 'memory (PSS) of rings/connection' \
    "$(jq -n "$(pss_kib "${below[@]}") / 1024 / $CONNECTIONS")" ${#below[@]}
for service in store hub supervise; do
    printf '%-34s %8.2f MB\n' "memory (PSS) of conn-$service" "$(jq -n "$(pss_kib "${PIDS[$service]}") / 1024")"
done
{ kill -KILL "${PIDS[supervise]}" && wait "${PIDS[supervise]}"; } 2>/dev/null
for pid in "${below[@]}"; do wait_for 20 not running "$pid" || give_up "pid $pid outlived the supervisor"; done
house_start || give_up "no supervisor"
open_all 'all open again after its kill -9' 300
code=1
stop supervise 60
# shellcheck disable=SC2154 # from stop
[ "$status" -eq 0 ] || give_up "the supervisor ended with $status"
