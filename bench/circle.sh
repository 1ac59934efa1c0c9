#!/bin/bash
# circle.sh [-q] [-r ROUNDS] [-s SECONDS]: the whole circle under its house: AMQP 1.0 in → hub → ditto-twin → event → MQTT 5 out.
#
# conn-store, conn-hub, conn-supervise and ditto-twin (durable, on the disk of $TMPDIR, /tmp) run two connections against
# private peers; bench/circle plays 1000 devices and the subscriber. Each message is settled at the AMQP container when its change is
# durable (twin-persisted), in the second part also when the MQTT broker has confirmed its event (QoS 1). For SECONDS (5) as many
# as go, and 1000 a second for the latency from writing a command to its event at the subscriber. CPU is that of
# hub, twin and rings, per event. Median [least–most] of ROUNDS (3); -q: 1 round of 2 s.
# Exit: 0, 1 an event is missing or came twice, 111 the house does not start.
set -u
cd "${0%/*}/.." || exit 111
ROOT=$PWD BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH:/usr/sbin
export ROOT
# shellcheck source-path=SCRIPTDIR source=../tests/helper/process.bash
source tests/helper/process.bash
# shellcheck source-path=SCRIPTDIR source=../tests/helper/mosquitto.bash
source tests/helper/mosquitto.bash
# shellcheck source-path=SCRIPTDIR source=../tests/helper/house.bash
source tests/helper/house.bash

ROUNDS=3 SECONDS_EACH=5
while getopts qr:s: opt; do
    case $opt in
    q) ROUNDS=1 SECONDS_EACH=2 ;;
    r) ROUNDS=$OPTARG ;;
    s) SECONDS_EACH=$OPTARG ;;
    *) exit 100 ;;
    esac
done
WORK=$(mktemp -d "${TMPDIR:-/tmp}/conntools-bench.XXXXXX") || exit 111
CONN_RUN=$(mktemp -d /tmp/conn.XXXXXX) || exit 111 # short: a socket's path must fit into 107 bytes
trap 'end_tracked; rm -rf "$WORK" "$CONN_RUN"' EXIT
trap 'exit 1' HUP INT TERM

failed() {
    echo "circle.sh: error: $*" >&2
    tail -n 3 "$WORK"/*.err >&2
    exit 111
}

connection() { # ID JSON
    echo "$2" >"$WORK/$1.json"
    conn-ctl create "$WORK/$1.json" >/dev/null || failed "cannot create '$1'"
    conn-ctl status -w 20 "$1" >/dev/null || failed "'$1' is not open"
}

start_house() { # LABELS
    local twin='{"hello":1,"role":"service","service":"twin","topics":["_/_/things/twin/commands","_/_/policies/commands"]}'
    rm -rf "$WORK/state" "$WORK/twin" "$WORK/feed"
    export CONN_DIR=$WORK/state CONN_RUN
    mkdir -m 700 "$CONN_DIR" "$WORK/twin"
    mkfifo "$WORK/feed"
    exec 6<>"$WORK/feed"
    mosquitto_start 'log_type none' || failed 'no broker'
    start amqp amqp-peer -Q - <"$WORK/feed" 6>&-
    wait_for 10 grep -qs '^{"port":' "$WORK/amqp.out" || failed 'no container'
    house_start || failed 'no house'
    start twin ring -j "$twin" "ditto-twin -D '$WORK/twin'" </dev/null
    connection app '{"id":"app","connectionType":"mqtt-5","connectionStatus":"open","uri":"tcp://127.0.0.1:'"$MQTT_PORT"'",
        "targets":[{"address":"events/{{thing:name}}","qos":1,"topics":["_/_/things/twin/events"],"authorizationContext":["x:app"],
        "issuedAcknowledgementLabel":"app:seen"}]}'
    connection dev '{"id":"dev","connectionType":"amqp-10","connectionStatus":"open","uri":"amqp://127.0.0.1:'"$(head -n 1 "$WORK/amqp.out" | jq .port)"'",
        "sources":[{"addresses":["commands"],"authorizationContext":["x:dev"],"acknowledgementRequests":{"includes":['"$1"']},
        "replyTarget":{"enabled":false}}]}'
}

cpu_us() {
    usage "${PIDS[hub]}" "${PIDS[twin]}" "${PIDS[supervise]}" | jq 'select(.total) | .total.cpu_us'
}

run() { # WHAT RATE
    local before after
    before=$(cpu_us)
    circle -p "$MQTT_PORT" -s "$SECONDS_EACH" -r "$2" 1000 "$WORK/feed" >"$WORK/circle.out" 2>"$WORK/circle.err" || failed "$1: $(<"$WORK/circle.err")"
    after=$(cpu_us)
    jq -c --arg what "$1" --argjson rate "$2" --argjson us $((after - before)) '. + {$what, $rate, us: $us}' "$WORK/circle.out" >>"$WORK/results"
    [ "$(jq .again "$WORK/circle.out")" -eq 0 ] || failed 'an event came twice'
}

for labels in '"twin-persisted"' '"twin-persisted","app:seen"'; do
    for ((i = 0; i < ROUNDS; i++)); do
        for rate in 0 1000; do
            start_house "$labels"
            run "$(tr -d '"' <<<"$labels")" $rate
            exec 6>&-
            end_tracked 2>/dev/null
        done
    done
done
jq -rs '
    def median: sort | .[length / 2 | floor];
    def spread: "\(median) [\(min)–\(max)]";
    "== circle: AMQP 1.0 in, hub, durable twin, event, MQTT 5 out; 1000 devices",
    (group_by([.what, .rate])[] | "settled by \(.[0].what), \(if .[0].rate == 0 then "as many as go" else "\(.[0].rate)/s" end): \(map(.per_s) | spread) events/s, p50 \(map(.p50_us) | spread) us, p99 \(map(.p99_us) | spread) us, CPU \(map(.us / .all | round) | spread) us an event")' "$WORK/results"
