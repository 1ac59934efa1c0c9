#!/bin/bash
# protocol.sh [-n COUNT] [-r ROUNDS]: ditto-adapt beside `jq -c .` and `wc -l`, on Ditto Protocol messages of 400 bytes and on the
# signals that they become.
#
# Each round runs every program once over COUNT (200000) lines in a file, output to /dev/null; jq, which is slow, over a tenth
# of them. What counts is CPU time, user and system, so that a busy machine does not matter much. Prints one NDJSON record a
# program: the median of ROUNDS (5), in lines a second, and the ratios to jq and to wc on the same lines.
set -eu
cd "${0%/*}/.."
BUILD=${BUILD:-build}
COUNT=200000 ROUNDS=5
while getopts n:r: opt; do
    case $opt in
    n) COUNT=$OPTARG ;;
    r) ROUNDS=$OPTARG ;;
    *) exit 100 ;;
    esac
done

dir=$(mktemp -d /tmp/conntools-bench.XXXXXX)
trap 'rm -rf "$dir"' EXIT

# half of them commands, half events
awk -v count="$COUNT" 'BEGIN {
    for (i = 0; i < count; i++) {
        command = i % 2
        printf "{\"topic\":\"org.eclipse.conntools/sensor-%05d/things/twin/%s\",", i % 1000, command ? "commands/modify" : "events/modified"
        printf "\"headers\":{\"correlation-id\":\"0f4c9c1e-7f6b-4a52-%012d\",\"content-type\":\"application/json\"},", i
        printf "\"path\":\"/features/temperature/properties\",\"value\":{\"value\":%d.5,\"unit\":\"Cel\",\"location\":{\"lat\":52.5163,\"lon\":13.3777,\"tags\":[\"roof\",\"north\"]},\"ok\":true%s}", \
            i % 40, command ? ",\"n\":12345678,\"note\":\"greenhouse in the north\"" : ""
        if (!command)
            printf ",\"revision\":%07d,\"timestamp\":\"2026-01-01T00:00:00.%03dZ\"", i + 1000000, i % 1000
        print "}"
    }
}' >"$dir/messages"
"$BUILD/bin/ditto-adapt" -s <"$dir/messages" >"$dir/signals"
[ "$(grep -c '"signal":' "$dir/signals")" -eq "$COUNT" ] || exit 1
for kind in messages signals; do
    head -n $((COUNT / 10)) "$dir/$kind" >"$dir/$kind.some"
done

# Appends NAME, KIND, LINES and the CPU time of CMD in microseconds.
measure() { # NAME KIND LINES FILE CMD…
    local name=$1 kind=$2 lines=$3 file=$4 user system TIMEFORMAT='%U %S'
    shift 4
    { time "$@" <"$file" >/dev/null; } 2>"$dir/time"
    read -r user system < <(tr -d . <"$dir/time")
    printf '%s\t%s\t%s\t%s\n' "$name" "$kind" "$lines" $(((10#$user + 10#$system) * 1000)) >>"$dir/results"
}

for ((round = 0; round < ROUNDS; round++)); do
    for kind in messages signals; do
        measure 'jq -c .' $kind $((COUNT / 10)) "$dir/$kind.some" jq -c .
        measure 'wc -l' $kind "$COUNT" "$dir/$kind" wc -l
    done
    measure 'ditto-adapt -s' messages "$COUNT" "$dir/messages" "$BUILD/bin/ditto-adapt" -s
    measure 'ditto-adapt -p' signals "$COUNT" "$dir/signals" "$BUILD/bin/ditto-adapt" -p
done

jq -Rnc --argjson messages $(($(stat -c %s "$dir/messages") / COUNT)) --argjson signals $(($(stat -c %s "$dir/signals") / COUNT)) '
    [inputs | split("\t") | {what: .[0], of: .[1], rate: ((.[2] | tonumber) / ([(.[3] | tonumber), 1000] | max) * 1e6)}]
    | group_by([.of, .what]) | map({what: .[0].what, of: .[0].of, rate: (map(.rate) | sort | .[length / 2 | floor])})
    | . as $all | .[] | . as $one | ($all | map(select(.of == $one.of) | {key: .what, value: .rate}) | from_entries) as $beside
    | {bench: "protocol", what, of, bytes: (if .of == "signals" then $signals else $messages end), lines_per_s: (.rate | round),
        per_jq: (.rate / $beside["jq -c ."] * 10 | round / 10), per_wc: (.rate / $beside["wc -l"] * 1000 | round / 1000)}' "$dir/results"
