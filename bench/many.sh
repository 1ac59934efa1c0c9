#!/bin/bash
# many.sh: a house with many open connections, half of them MQTT (a source and a target), half AMQP 1.0 (a source).
#
#   CONNECTIONS=500 IDLE_S=20 PINGS=500 bench/many.sh        (PINGS=0: without the neighbours)
#
# Opens them all and says how long that took; counts processor time while nothing happens; adds up memory (PSS, so that
# shared pages count once); kills the supervisor with -9 and says how long its successor takes to have them all open again,
# each ring once. Before and after four bad neighbours move in (a broker that closes at once, one that never answers, a
# script that burns processor time, a mapping that is no program) it says how long a message takes from MQTT to MQTT through
# two of the good ones; and what status says of the four after 15 s. One private mosquitto, one AMQP container, loopback.
# Exit: 0, 1 something is not as it should be (not open, or there twice), 111 a part did not start.
# shellcheck disable=SC2128,SC2016 # REPLY is what a helper made it; jq has its own $
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
PINGS=${PINGS:-500}

documents() {
    jq -nc --argjson n "$mqtt" --arg uri "tcp://127.0.0.1:$MQTT_PORT" '
        range($n) | "mqtt-\(.)" | {id: ., connectionType: "mqtt-5", connectionStatus: "open", uri: $uri,
            sources: [{addresses: ["in/\(.)"], qos: 1, authorizationContext: ["integration:x"], replyTarget: {enabled: false}}],
            targets: [{address: "out/\(.)", topics: ["_/_/things/twin/events"], qos: 1, authorizationContext: ["integration:x"]}]}'
    jq -nc --argjson n "$amqp" --arg uri "amqp://127.0.0.1:$AMQP_PORT" '
        range($n) | "amqp-\(.)" | {id: ., connectionType: "amqp-10", connectionStatus: "open", uri: $uri,
            sources: [{addresses: ["in-\(.)"], authorizationContext: ["integration:x"], replyTarget: {enabled: false}}]}'
}

# Two that a message passes one after the other: in/ping, hub, out/ping.
ping_documents() {
    jq -nc --arg uri "tcp://127.0.0.1:$MQTT_PORT" '
        {connectionType: "mqtt-5", connectionStatus: "open", uri: $uri} | (. + {id: "ping-in",
            sources: [{addresses: ["in/ping"], qos: 1, authorizationContext: ["integration:x"], replyTarget: {enabled: false}}]}),
        (. + {id: "ping-out",
            targets: [{address: "out/ping", topics: ["_/_/things/live/messages"], qos: 1, authorizationContext: ["integration:x"]}]})'
}

bad_documents() { # PORT-THAT-CLOSES PORT-THAT-FREEZES
    jq -nc --arg mqtt "tcp://127.0.0.1:$MQTT_PORT" --arg slams "tcp://127.0.0.1:$1" --arg freezes "tcp://127.0.0.1:$2" '
        def target: {address: "out/bad", topics: ["_/_/things/twin/events"], qos: 1, authorizationContext: ["integration:x"]};
        {connectionType: "mqtt-5", connectionStatus: "open", specificConfig: {keepAlive: "5s"}}
        | (. + {id: "slams", uri: $slams, targets: [target]}), (. + {id: "freezes", uri: $freezes, targets: [target]}),
        (. + {id: "wrong", uri: $mqtt, targets: [target + {payloadMapping: ["bad"]}],
            mappingDefinitions: {bad: {mappingEngine: "JQ", options: {outgoing: "{ no jq"}}}}),
        (. + {id: "burns", uri: $mqtt, mappingDefinitions: {burn: {mappingEngine: "JQ", options: {incoming: "[range(1e12)] | length"}}},
            sources: [{addresses: ["in/burns"], qos: 1, authorizationContext: ["integration:x"], replyTarget: {enabled: false},
                payloadMapping: ["burn"]}]})'
}

create_all() { # documents on stdin
    jq -c '{headers: {"wait-for-verdict": false}, signal: {type: "connectivity.commands:createConnection", connection: .}}' >"$WORK/commands"
    conn-ctl raw <"$WORK/commands" >"$WORK/created" || give_up "cannot create the connections"
    ! grep errorResponse "$WORK/created" || give_up "cannot create all connections"
}

ping() { # WHAT: one message after the other
    # the subscriber ends after as many as latency sends, the first tenth to warm up
    export PINGS MQTT_PORT
    latency -n "$PINGS" bash -c '
        mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv311 -c -q 1 -i ping -t out/ping -C $((PINGS + PINGS / 10)) </dev/null &
        exec mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -t in/ping -l' <"$WORK/ping" >"$WORK/latency" || give_up "no message comes through"
    printf '%-34s %8.1f ms  (median; 99 %%: %.1f ms; %d messages, MQTT to MQTT)\n' "$1" \
        "$(jq .p50_us/1000 "$WORK/latency")" "$(jq .p99_us/1000 "$WORK/latency")" "$PINGS"
}

relay() { # NAME WHAT-IT-DOES: its port is in REPLY
    start "$1" tcp-relay "$MQTT_PORT" <<<"$2"
    wait_for 5 grep -qs '"done"' "$WORK/$1.out" || give_up "no relay"
    REPLY=$(jq -r 'select(.port) | .port' "$WORK/$1.out")
}

bad_neighbours() {
    local slams id
    relay slams slam && slams=$REPLY
    relay freezes freeze
    bad_documents "$slams" "$REPLY" | create_all
    code=1
    wait_for 15 status_has burns '"liveStatus":"open"' || give_up "burns is not open"
    start burner mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -t in/burns -m '{}' --repeat 100000 --repeat-delay 0.1 </dev/null
    sleep 15
    for id in slams freezes wrong burns; do
        conn-ctl status "$id" | jq -r '"  \(.connectionId): \(.liveStatus): \([.clientStatus[].statusDetails] | join("; "))"'
    done
    ping 'latency beside bad neighbours'
    end_processes 5 "${PIDS[burner]}"
    for id in slams freezes wrong burns; do conn-ctl delete "$id" >"$WORK/deleted" || give_up "cannot delete '$id'"; done
}

neighbours() {
    ping_documents | create_all
    rings=$((rings + 2))
    code=1
    wait_for 15 rings_open || give_up "the two for messages are not open"
    code=111
    mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv311 -c -q 1 -i ping -t out/ping -E </dev/null || give_up "cannot subscribe"
    echo '{"topic":"org.example/x/things/live/messages/ping","headers":{"response-required":false},"path":"/inbox/messages/ping","value":1}' >"$WORK/ping"
    ping 'latency before'
    bad_neighbours
}

status_has() { # ID TEXT
    conn-ctl status "$1" | grep -q -- "$2"
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
documents | create_all

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
[ "$PINGS" -eq 0 ] || neighbours
mapfile -t below < <(descendants "${PIDS[supervise]}" | tail -n +2)
{ kill -KILL "${PIDS[supervise]}" && wait "${PIDS[supervise]}"; } 2>/dev/null
for pid in "${below[@]}"; do wait_for 20 not running "$pid" || give_up "pid $pid outlived the supervisor"; done
house_start || give_up "no supervisor"
open_all 'all open again after its kill -9' 300
code=1
stop supervise 60
# shellcheck disable=SC2154 # from stop
[ "$status" -eq 0 ] || give_up "the supervisor ended with $status"
