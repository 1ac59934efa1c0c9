#!/bin/bash
# mapping.sh [-n COUNT] [-r ROUNDS] [CASE…]: each mapper of ditto-map on payloads of 400 bytes, beside the same in Node.js.
#
# A case is a mapper and a direction, such as JavaScript-in. Each round runs ditto-map and the function of bench/mapping.mjs
# (and for JQ the same program in `jq --unbuffered -c`) once over COUNT (100000) lines in a file, output to /dev/null.
# What counts is CPU time, user and system, of all processes: messages that one core maps in a second, though workers of
# scripts have a core of their own while there are two. Prints one NDJSON record a case: medians of ROUNDS (5), and the
# ratios of the same round. What both make of the first thousand lines must be the same, but for instants and new ids.
#
# At the end the latency of one message through an idle ditto-map: p50 and p99 of 2000, one at a time.
# Exit: 0, 1 outputs differ or a program failed, 100 bad usage. Without node only ours is measured, with a line that says so.
set -eu
cd "${0%/*}/.."
BUILD=${BUILD:-build}
COUNT=100000 ROUNDS=5
while getopts n:r: opt; do
    case $opt in
    n) COUNT=$OPTARG ;;
    r) ROUNDS=$OPTARG ;;
    *) exit 100 ;;
    esac
done
shift $((OPTIND - 1))

CASES=(Ditto-in Ditto-out JavaScript-in JavaScript-out JQ-in JQ-out Normalized-out CloudEvents-out RawMessage-in
    ConnectionStatus-in ImplicitThingCreation-in UpdateTwinWithLiveResponse-in)
[ $# -eq 0 ] || CASES=("$@")

# shellcheck disable=SC2016
JQ_IN='{topic: "org.example/\(.headers.device_id)/things/twin/commands/modify", headers: {"correlation-id": .headers["message-id"],
    "content-type": "application/json"}, path: "/features/climate/properties",
    value: {temperature: .json.temp, humidity: .json.hum, note: .json.note, place: .json.place}}'
# shellcheck disable=SC2016
JQ_OUT='(.topic | split("/")) as $t | {headers: {"content-type": "application/json"},
    json: {thing: "\($t[0]):\($t[1])", path, value}}'
# shellcheck disable=SC2016
JS_IN='function mapToDittoProtocolMsg(headers, textPayload, bytePayload, contentType) {
    const telemetry = JSON.parse(textPayload);
    return Ditto.buildDittoProtocolMsg("org.example", headers.device_id, "things", "twin", "commands", "modify",
        "/features/climate/properties", {"correlation-id": headers["message-id"], "content-type": "application/json"},
        {temperature: telemetry.temp, humidity: telemetry.hum, note: telemetry.note, place: telemetry.place});
}'
# shellcheck disable=SC2016
JS_OUT='function mapFromDittoProtocolMsg(namespace, name, group, channel, criterion, action, path, dittoHeaders, value) {
    return Ditto.buildExternalMsg({}, JSON.stringify({thing: namespace + ":" + name, path: path, value: value}), null,
        "application/json");
}'

# What -m says: MAPPER[=OPTIONS] of a case.
mapper() { # CASE
    case $1 in
    JavaScript-in) jq -nr --arg s "$JS_IN" '"JavaScript=\({incomingScript: $s} | tojson)"' ;;
    JavaScript-out) jq -nr --arg s "$JS_OUT" '"JavaScript=\({outgoingScript: $s} | tojson)"' ;;
    JQ-in) jq -nr --arg s "$JQ_IN" '"JQ=\({incoming: $s} | tojson)"' ;;
    JQ-out) jq -nr --arg s "$JQ_OUT" '"JQ=\({outgoing: $s} | tojson)"' ;;
    ConnectionStatus-in) echo 'ConnectionStatus={"thingId":"{{ header:device_id }}"}' ;;
    ImplicitThingCreation-in) echo 'ImplicitThingCreation={"thing":{"thingId":"{{ header:device_id }}","attributes":{"gateway":"{{ header:gateway }}","kind":"sensor"}}}' ;;
    *) echo "${1%-*}" ;;
    esac
}

# Members that make a payload 400 bytes long.
PLACE='"place":{"lat":52.5163,"lon":13.3777,"floor":3,"tags":["roof","north","greenhouse"],"owner":"facility management","since":"2025-04-01T10:20:30Z"}'
NOTE='"note":"second sensor of the pair, replaced after the storm, calibrated against the reference of the workshop, limits as agreed"'

lines() { # CASE
    awk -v count="$COUNT" -v kind="$1" -v place="$PLACE" -v note="$NOTE" '
        function quoted(text) { gsub(/"/, "\\\"", text); return "\"" text "\"" }
        function properties(i) { return sprintf("{\"temp\":%d.5,\"hum\":%d,%s,%s}", i % 40, i % 100, note, place) }
        function message(i, topic, rest) {
            return sprintf("{\"topic\":\"org.example/sensor-%05d/things/%s\",\"headers\":{\"correlation-id\":\"c-%08d\",\"content-type\":\"application/json\"},\"path\":\"/features/climate/properties\",\"value\":{\"temp\":%d.5,\"hum\":%d,%s}%s}",
                i % 1000, topic, i, i % 40, i % 100, place, rest)
        }
        function external(i, headers, payload) {
            printf "{\"id\":\"x%d\",\"address\":\"telemetry\",\"headers\":{%s},\"text\":%s}\n", i, headers, quoted(payload)
        }
        BEGIN {
            for (i = 0; i < count; i++) {
                device = sprintf("sensor-%05d", i % 1000)
                if (kind ~ /-out$/) {
                    line = message(i, "twin/events/modified", ",\"revision\":" i + 1 ",\"timestamp\":\"2026-01-01T00:00:00Z\"")
                    print substr(line, 1, length(line) - 1) ",\"id\":\"h" i "\"}"
                } else if (kind == "Ditto-in")
                    external(i, "\"content-type\":\"application/vnd.eclipse.ditto+json\"", message(i, "twin/commands/modify", ""))
                else if (kind == "UpdateTwinWithLiveResponse-in")
                    external(i, "\"content-type\":\"application/vnd.eclipse.ditto+json\"", message(i, "live/commands/retrieve", ",\"status\":200"))
                else if (kind == "RawMessage-in")
                    external(i, "\"content-type\":\"application/json\",\"ditto-message-thing-id\":\"org.example:" device "\",\"ditto-message-subject\":\"climate\",\"ditto-message-direction\":\"FROM\"", properties(i))
                else if (kind ~ /^(JavaScript|JQ)-in$/)
                    external(i, "\"device_id\":\"" device "\",\"message-id\":\"c-" i "\"", properties(i))
                else
                    external(i, "\"device_id\":\"org.example:" device "\",\"gateway\":\"gw-7\",\"creation-time\":\"1571214120000\",\"ttd\":\"20\"", properties(i))
            }
        }'
}

# The jq program of a case as a filter over the same lines.
JQ_FILTER_IN=". as \$m | (. + {json: (.text | fromjson)} | $JQ_IN) + {id: \$m.id}"
JQ_FILTER_OUT=". as \$m | ($JQ_OUT) | {address: \$m.topic, headers, text: (.json | tojson), id: \$m.id}"

dir=$(mktemp -d /tmp/conntools-bench.XXXXXX)
trap 'rm -rf "$dir"' EXIT
node=$(command -v node || :)
[ -n "$node" ] || echo "mapping.sh: info: no node: there is nothing to compare with" >&2

# What must be the same: instants and ids that are made on the way are not.
comparable() { # FILE
    head -n 1000 "$1" | jq -Sc 'del(.context) | if .headers["correlation-id"] // "" | test("^[0-9a-f-]{36}$") then
        del(.headers["correlation-id"]) else . end | if .text then .text |= (fromjson | del(.time)) else . end'
}

compare() { # CASE CMD…
    local name=$1
    shift
    head -n 1000 "$dir/lines" | "$@" >"$dir/theirs"
    comparable "$dir/ours" >"$dir/ours.same"
    comparable "$dir/theirs" >"$dir/theirs.same"
    [ "$(wc -l <"$dir/ours.same")" -eq 1000 ] || { echo "mapping.sh: error: $name: not 1000 results" >&2 && return 1; }
    diff "$dir/ours.same" "$dir/theirs.same" >"$dir/diff" ||
        { echo "mapping.sh: error: $name: results differ: $(head -c 2000 "$dir/diff")" >&2 && return 1; }
}

# Adds CASE, ROUND, WHO and the CPU time of CMD in microseconds to the results.
measure() { # CASE ROUND WHO CMD…
    local name=$1 round=$2 who=$3 user system TIMEFORMAT='%U %S'
    shift 3
    { time "$@" <"$dir/lines" >/dev/null; } 2>"$dir/time"
    read -r user system < <(tail -n 1 "$dir/time" | tr -d .)
    printf '%s\t%s\t%s\t%s\n' "$name" "$round" "$who" $(((10#$user + 10#$system) * 1000)) >>"$dir/results"
}

for name in "${CASES[@]}"; do
    side=-${name##*-}
    ours=("$BUILD/bin/ditto-map" "${side:0:2}" -q -m "$(mapper "$name")")
    lines "$name" >"$dir/lines"
    head -n 1000 "$dir/lines" | "${ours[@]}" >"$dir/ours"
    [ -z "$node" ] || compare "$name" "$node" bench/mapping.mjs "$name"
    program=
    case $name in
    JQ-in) program=$JQ_FILTER_IN ;;
    JQ-out) program=$JQ_FILTER_OUT ;;
    esac
    [ -z "$program" ] || compare "$name" jq --unbuffered -c "$program"
    for ((round = 0; round < ROUNDS; round++)); do
        measure "$name" $round ours "${ours[@]}"
        [ -z "$node" ] || measure "$name" $round node "$node" bench/mapping.mjs "$name"
        [ -z "$program" ] || measure "$name" $round jq jq --unbuffered -c "$program"
    done
    jq -Rnc --arg name "$name" --argjson count "$COUNT" '
        def median: sort | .[length / 2 | floor];
        def round(n): . * n | round / n;
        [inputs | split("\t") | select(.[0] == $name) | {round: .[1], who: .[2], us: ([(.[3] | tonumber), 1000] | max)}]
        | group_by(.round) | map(map({key: .who, value: .us}) | from_entries)
        | {bench: "mapping", case: $name, messages_per_s: ($count / (map(.ours) | median) * 1e6 | round(1)),
            us: ((map(.ours) | median) / $count | round(100))}
        + (if .[0].node then {per_node: (map(.node / .ours) | median | round(100))} else {} end)
        + (if .[0].jq then {per_jq: (map(.jq / .ours) | median | round(100))} else {} end)' "$dir/results"
done

"$BUILD/bench/latency" -n 2000 "$BUILD/bin/ditto-map" -i -q -m Ditto <<<'{"address":"a","headers":{},"text":"{\"topic\":\"org.example/d/things/twin/commands/modify\",\"path\":\"/attributes/a\",\"value\":1}"}' |
    jq -c '{bench: "mapping", case: "latency of Ditto-in"} + .'
"$BUILD/bench/latency" -n 2000 "$BUILD/bin/ditto-map" -i -q -m "$(mapper JavaScript-in)" <<<'{"address":"a","headers":{"device_id":"d"},"text":"{\"temp\":1,\"hum\":2}"}' |
    jq -c '{bench: "mapping", case: "latency of JavaScript-in"} + .'
