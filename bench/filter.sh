#!/bin/bash
# filter.sh [-n COUNT] [-r ROUNDS]: ditto-filter beside `jq -c .` and `wc -l`, on Ditto Protocol messages of 400 bytes.
#
# Each round runs every program once over the same file of COUNT (200000) lines, output to /dev/null; jq, which is slow, over
# a tenth of them. What counts is CPU time, user and system, so that a busy machine does not matter much. Prints one NDJSON
# record a program: the median of ROUNDS (5), in lines a second, and the ratios to jq and to wc.
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

awk -v count="$COUNT" 'BEGIN {
    for (i = 0; i < count; i++)
        printf "{\"topic\":\"org.eclipse.conntools/sensor-%05d/things/twin/events/modified\",\"headers\":{\"correlation-id\":\"0f4c9c1e-7f6b-4a52-9a0e-%012d\",\"content-type\":\"application/json\"},\"path\":\"/features/temperature/properties\",\"value\":{\"value\":%d.5,\"unit\":\"Cel\",\"location\":{\"lat\":52.5163,\"lon\":13.3777,\"tags\":[\"roof\",\"north\"]},\"ok\":true,\"n\":12345678},\"revision\":%07d,\"timestamp\":\"2026-01-01T00:00:00.%03dZ\"}\n", i % 1000, i, i % 40, i, i % 1000
}' >"$dir/all"
head -n $((COUNT / 10)) "$dir/all" >"$dir/some"
bytes=$(($(stat -c %s "$dir/all") / COUNT))

# CPU time of CMD, in microseconds, in REPLY.
cpu() { # FILE CMD…
    local file=$1 user system TIMEFORMAT='%U %S'
    shift
    { time "$@" <"$file" >/dev/null; } 2>"$dir/time"
    read -r user system < <(tr -d . <"$dir/time")
    REPLY=$(((10#$user + 10#$system) * 1000))
}

measure() { # NAME LINES FILE CMD…
    local name=$1 lines=$2
    shift 2
    cpu "$@"
    echo "$name $lines $REPLY" >>"$dir/results"
}

topic=_/_/things/twin/events
for ((round = 0; round < ROUNDS; round++)); do
    measure 'jq -c .' $((COUNT / 10)) "$dir/some" jq -c .
    measure 'wc -l' "$COUNT" "$dir/all" wc -l
    measure 'stream and namespaces' "$COUNT" "$dir/all" "$BUILD/bin/ditto-filter" "$topic?namespaces=org.eclipse.conntools"
    measure 'topic and path' "$COUNT" "$dir/all" "$BUILD/bin/ditto-filter" \
        "$topic?filter=and(eq(topic:action,'modified'),like(resource:path,'/features/*'))"
    measure 'another path' "$COUNT" "$dir/all" "$BUILD/bin/ditto-filter" "$topic?filter=gt(attributes/counter,20)"
    measure 'a value' "$COUNT" "$dir/all" "$BUILD/bin/ditto-filter" \
        "$topic?filter=gt(features/temperature/properties/value,20)"
done

jq -Rnc --argjson bytes "$bytes" '
    [inputs | capture("^(?<name>.*) (?<lines>[0-9]+) (?<us>[0-9]+)$") | .rate = (.lines | tonumber) / ([(.us | tonumber), 1000] | max) * 1e6]
    | group_by(.name) | map({key: .[0].name, value: (map(.rate) | sort | .[length / 2 | floor])}) | from_entries as $rate
    | $rate | to_entries[] | {bench: "filter", what: .key, bytes: $bytes, lines_per_s: (.value | round),
        per_jq: (.value / $rate["jq -c ."] * 10 | round / 10), per_wc: (.value / $rate["wc -l"] * 1000 | round / 1000)}' "$dir/results"
