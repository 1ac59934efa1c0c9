#!/bin/bash
# edges.sh [-n COUNT] [-r ROUNDS] [-b BYTES]: the MQTT edges beside what they stand on, in one run, as ratios.
#
#   out  mqtt-out, mosquitto_pub -l and bare libmosquitto (bench/mqtt-bare.c) publish COUNT (50000) lines of BYTES (300) with
#        QoS 1 into a private mosquitto, 100 in flight
#   in   mqtt-in -S write, mosquitto_sub and bare libmosquitto consume COUNT messages that wait for their session there
#
# Those of a round (5) run one after the other, the first one another each round. CPU is user + system of the one process.
# A ratio is the median of the rounds' ratios: above 1 is in our favour for CPU (theirs / ours). A run fails if
# something is lost. Exit: 0, 1 a run failed, 100 bad usage.
set -u
cd "${0%/*}/.." || exit 111
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH:/usr/sbin
# shellcheck source-path=SCRIPTDIR source=../tests/helper/process.bash
source tests/helper/process.bash
# shellcheck source-path=SCRIPTDIR source=../tests/helper/mosquitto.bash
source tests/helper/mosquitto.bash

COUNT=50000 ROUNDS=5 BYTES=300
while getopts n:r:b: opt; do
    case $opt in
    n) COUNT=$OPTARG ;;
    r) ROUNDS=$OPTARG ;;
    b) BYTES=$OPTARG ;;
    *) exit 100 ;;
    esac
done
WORK=$(mktemp -d /tmp/conntools-bench.XXXXXX) || exit 111
trap 'end_tracked; rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM

failed() {
    echo "edges.sh: error: $*" >&2
    exit 1
}

# Runs CMD with stdin from FILE; a record of its CPU and its time goes to results.
measured() { # TABLE NAME FILE CMD…
    local table=$1 name=$2 file=$3 before after times TIMEFORMAT='%U %S'
    shift 3
    before=${EPOCHREALTIME/[.,]/}
    { time "$@" <"$file" >"$WORK/out" 2>"$WORK/err"; } 2>"$WORK/times"
    after=${EPOCHREALTIME/[.,]/}
    read -r -a times <"$WORK/times"
    jq -cn --arg table "$table" --arg name "$name" --argjson user "${times[0]}" --argjson system "${times[1]}" \
        --argjson us $((after - before)) --argjson n "$COUNT" \
        '{table: $table, name: $name, cpu_us: (($user + $system) * 1e6 / $n), rate: ($n * 1e6 / $us)}' >>"$WORK/results"
}

out_of() { # NAME
    case $1 in
    mqtt-out)
        measured out "$1" "$WORK/external" mqtt-out -w 200 "tcp://127.0.0.1:$MQTT_PORT"
        [ "$(grep -c '"status":200' "$WORK/out")" -eq "$COUNT" ] || failed "mqtt-out did not publish everything"
        ;;
    mosquitto_pub) measured out "$1" "$WORK/plain" mosquitto_pub -p "$MQTT_PORT" -V 5 -q 1 -t bench -l ;;
    bare) measured out "$1" "$WORK/plain" mqtt-bare pub "$MQTT_PORT" bench ;;
    esac
}

# A session that has COUNT messages waiting.
in_of() { # NAME
    local id=edge
    timeout 5 mosquitto_sub -p "$MQTT_PORT" -V 5 -x 600 -c -i $id -q 1 -t bench -E >/dev/null || failed "no session"
    mqtt-bare pub "$MQTT_PORT" bench <"$WORK/plain" || failed "nothing is published"
    case $1 in
    mqtt-in)
        jq -n --arg uri "tcp://127.0.0.1:$MQTT_PORT" --arg id $id '{id: "edge", connectionType: "mqtt-5", connectionStatus: "open",
            uri: $uri, specificConfig: {clientId: $id}, sources: [{addresses: ["bench"], authorizationContext: ["x"], qos: 1}]}' >"$WORK/connection"
        measured in "$1" /dev/null take "$COUNT" mqtt-in -S write -c "$WORK/connection"
        ;;
    mosquitto_sub) measured in "$1" /dev/null mosquitto_sub -p "$MQTT_PORT" -V 5 -x 600 -c -i $id -q 1 -t bench -C "$COUNT" ;;
    bare) measured in "$1" /dev/null mqtt-bare sub "$MQTT_PORT" $id "$COUNT" ;;
    esac
    [ "$(wc -l <"$WORK/out")" -ge "$COUNT" ] || failed "$1 did not get everything"
    timeout 5 mosquitto_sub -p "$MQTT_PORT" -V 5 -i $id -t none -E >/dev/null
}

# Runs CMD until it has written N lines, then ends it.
take() { # N CMD…
    local n=$1 pid
    shift
    "$@" >"$WORK/taken" 2>"$WORK/err" &
    pid=$!
    wait_for 60 took "$n"
    kill "$pid"
    wait "$pid"
    cat "$WORK/taken"
}

took() { # N
    [ "$(tail -n 1 "$WORK/taken" | grep -c "\"line $1 ")" -eq 1 ]
}

rounds() { # FUNCTION NAME…
    local f=$1 round i
    shift
    for ((round = 0; round < ROUNDS; round++)); do
        for ((i = 0; i < $#; i++)); do
            "$f" "${@:(i + round) % $# + 1:1}"
        done
    done
}

mosquitto_start 'log_type none' || failed "no broker"
seq "$COUNT" | awk -v bytes="$BYTES" '{ s = "line " $1 " "; while (length(s) < bytes) s = s "x"; print s }' >"$WORK/plain"
jq -cR '{id: "x-\(input_line_number)", address: "bench", text: .}' "$WORK/plain" >"$WORK/external"
rounds out_of mqtt-out mosquitto_pub bare
rounds in_of mqtt-in mosquitto_sub bare
jq -rs '
    def median: sort | .[length / 2 | floor];
    def table($t; $ours; $others):
        map(select(.table == $t)) as $all | ($all | map(select(.name == $ours))) as $o
        | "== \($t)", ($all | group_by(.name)[] | "\(.[0].name): \(map(.cpu_us) | median * 100 | round / 100) us of CPU a message, \(map(.rate) | median | round) messages/s"),
        ($others[] as $name | ($all | map(select(.name == $name))) as $theirs
            | "\($name) / \($ours): CPU \([range($o | length)] | map($theirs[.].cpu_us / $o[.].cpu_us) | median * 100 | round / 100); throughput of \($ours) is \([range($o | length)] | map($o[.].rate / $theirs[.].rate) | median * 100 | round / 100) of it");
    table("out"; "mqtt-out"; ["mosquitto_pub", "bare"]), table("in"; "mqtt-in"; ["mosquitto_sub", "bare"])' "$WORK/results"
