#!/bin/bash
# amqp.sh [-n COUNT] [-r ROUNDS] [-b BYTES]: the AMQP edges beside bare proton, in one run, as ratios.
#
#   out  amqp-out and bare proton (bench/amqp-bare.c) send COUNT (200000) lines of BYTES (300) to the tests' container, 200
#        unconfirmed at most
#   in   amqp-in -S write and bare proton consume COUNT messages that the container makes as credit allows, window 200
#
# Those of a round (5) run one after the other, the first one another each round. CPU is user + system of the one process.
# A ratio is the median of the rounds' ratios, ours in the numerator: rate (more is better), CPU a message (less is
# better). A run fails if something is lost. Exit: 0, 1 a run failed, 100 bad usage.
set -u
cd "${0%/*}/.." || exit 111
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$PWD/$BUILD ;;
esac
PATH=$BUILD/bin:$BUILD/tests:$BUILD/bench:$PATH
# shellcheck source-path=SCRIPTDIR source=../tests/helper/process.bash
source tests/helper/process.bash

COUNT=200000 ROUNDS=5 BYTES=300 WINDOW=200
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
    echo "amqp.sh: error: $*" >&2
    exit 1
}

# A fresh container, so that no queue of an earlier run is in its memory; sets PORT.
peer() { # ARGS…
    start peer amqp-peer -Q "$@" </dev/null
    wait_for 10 grep -qs '^{"port":' "$WORK/peer.out" || failed 'the container does not start'
    PORT=$(head -n 1 "$WORK/peer.out" | jq .port)
}

# Runs CMD with stdin from FILE; a record of its CPU and its time goes to results.
measured() { # TABLE NAME FILE CMD…
    local table=$1 name=$2 file=$3 before after times TIMEFORMAT='%U %S'
    shift 3
    before=${EPOCHREALTIME/[.,]/}
    { time "$@" <"$file" >"$WORK/out" 2>"$WORK/err"; } 2>"$WORK/times" || failed "$name: $(tail -n 1 "$WORK/err")"
    after=${EPOCHREALTIME/[.,]/}
    read -r -a times <"$WORK/times"
    jq -cn --arg table "$table" --arg name "$name" --argjson user "${times[0]}" --argjson system "${times[1]}" \
        --argjson us $((after - before)) --argjson n "$COUNT" \
        '{table: $table, name: $name, cpu_us: (($user + $system) * 1e6 / $n), rate: ($n * 1e6 / $us)}' >>"$WORK/results"
}

out_of() { # NAME
    peer
    case $1 in
    amqp-out)
        measured out "$1" "$WORK/external" amqp-out -w $WINDOW "amqp://127.0.0.1:$PORT"
        [ "$(grep -c '"status":200' "$WORK/out")" -eq "$COUNT" ] || failed 'amqp-out did not publish everything'
        ;;
    proton) measured out "$1" "$WORK/lines" amqp-bare send "$PORT" q $WINDOW ;;
    esac
    stop peer || failed 'the container does not end'
    jq -e --argjson n "$COUNT" 'select(.summary) | .summary.received == $n' "$WORK/peer.out" >/dev/null ||
        failed "$1 lost messages: $(head -n 1 "$WORK/err")"
}

# amqp-in goes on for ever: it is ended when all of it is accepted; the container then ends by itself (-x).
in_of() { # NAME
    peer -x -g "$COUNT,q,$BYTES"
    case $1 in
    amqp-in) measured in "$1" /dev/null consume ;;
    proton) measured in "$1" /dev/null amqp-bare recv "$PORT" q $WINDOW "$COUNT" ;;
    esac
    wait_exit peer 30 || failed 'the container does not end'
    jq -e --argjson n "$COUNT" 'select(.summary) | .summary.accepted == $n' "$WORK/peer.out" >/dev/null ||
        failed "$1 lost messages: $(head -n 1 "$WORK/err")"
}

# The container closes the connection when all of its messages are accepted: that ends it, with 111.
consume() {
    amqp-in -S write -w $WINDOW "amqp://127.0.0.1:$PORT" q
    [ $? -eq 111 ]
}

round() { # TABLE FUNCTION N NAME…
    local table=$1 each=$2 n=$3 i names
    shift 3
    names=("$@")
    for ((i = 0; i < ${#names[@]}; i++)); do
        "$each" "${names[(i + n) % ${#names[@]}]}"
    done
}

seq "$COUNT" | awk -v n="$BYTES" '{s = sprintf("%-*s", n, "{\"n\":" $1 "}"); print s}' >"$WORK/lines"
jq -cR '{id: "x\(input_line_number)", address: "q", text: .}' <"$WORK/lines" >"$WORK/external"
for ((r = 0; r < ROUNDS; r++)); do
    round out out_of "$r" amqp-out proton
    round in in_of "$r" amqp-in proton
done

jq -rs '
    def median: sort | .[length / 2 | floor];
    def of($table; $name): map(select(.table == $table and .name == $name));
    def show: . * 100 | round / 100;
    . as $all |
    (["out", "amqp-out"], ["in", "amqp-in"]) as [$table, $ours] |
    ($all | of($table; $ours)) as $a | ($all | of($table; "proton")) as $b |
    "\($ours)\t\($a | map(.rate) | median | floor) /s, \($a | map(.cpu_us) | median | show) us a message; " +
    "bare proton \($b | map(.rate) | median | floor) /s, \($b | map(.cpu_us) | median | show) us; " +
    "rate \([$a, $b] | transpose | map(.[0].rate / .[1].rate) | median | show), " +
    "CPU \([$a, $b] | transpose | map(.[0].cpu_us / .[1].cpu_us) | median | show)"' "$WORK/results" |
    tee "$BUILD/bench/amqp.txt"
