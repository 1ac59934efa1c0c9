#!/usr/bin/env bats
# conn-status: what the operator sees: status, metrics and logs, and that they are true. Real store, hub, brokers.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

setup() {
    common_setup
    export SUPERVISE_OPTS='-b 50 -B 400 -u 5000'
}

create() { # NAME URI [JQ-FILTER]
    house_connection "$1" "$2" "${3:-.}" >"$WORK/$1.json"
    run --separate-stderr conn-ctl create "$WORK/$1.json"
    assert_success
}

# An AMQP broker in memory; messages and control lines go to descriptor 5.
peer() { # OPTION…
    mkfifo "$WORK/control"
    exec 5<>"$WORK/control"
    start peer amqp-peer -Q "$@" - <"$WORK/control" 5>&-
    wait_for 10 grep -q port "$WORK/peer.out"
    AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
}

status_of() { # ID JQ-FILTER
    conn-ctl status "$1" | jq -c "$2"
}

status_is() { # ID JQ-FILTER WANTED
    [ "$(status_of "$1" "$2")" = "$3" ]
}

metrics_are() { # ID JQ-FILTER WANTED
    [ "$(conn-ctl metrics "$1" | jq -c "$2")" = "$3" ]
}

# --- a mix of messages ---------------------------------------------------------------------------------------------

# The telemetry connection, with a mapper that fails, drops or maps as the header `kind` says, and enforcement.
MIXED='.mappingDefinitions.telemetry.options.incoming = "
        if .headers.kind == \"error\" then error(\"this kind cannot be mapped\")
        elif .headers.kind == \"drop\" then empty
        else {topic: \"org.example/\\(.headers.kind)/things/live/messages/\\(.headers.what)\",
            path: \"/outbox/messages/\\(.headers.what)\", value: .json,
            headers: {\"content-type\": \"application/json\", \"response-required\": false, \"correlation-id\": .headers[\"correlation-id\"]}} end"
    | .sources[0].enforcement = {input: "{{ header:device_id }}", filters: ["{{ thing:id }}"]}'
# Where they go, by the name of their thing; messages about what is hidden are filtered.
SINK='.id = "amqp-live" | .connectionType = "amqp-10" | .targets[0] += {address: "{{ thing:name }}", issuedAcknowledgementLabel: "amqp-live:published",
    topics: ["_/_/things/live/messages?filter=ne(topic:subject,\"hidden\")"]} | del(.targets[0].qos, .name)'

# One broker on both sides, which rejects what is for `denied`.
mixed_house() {
    peer -d '{"do":"answer","outcome":"rejected","address":"denied"}'
    house_start
    house_connection mqtt-live "amqp://127.0.0.1:$AMQP_PORT" "$SINK" >"$WORK/amqp-live.json"
    run --separate-stderr conn-ctl create "$WORK/amqp-live.json"
    assert_success
    create amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" "$MIXED | .sources[0].acknowledgementRequests.includes = [\"amqp-live:published\"]"
    run conn-ctl status -w 20 amqp-live
    assert_success
    run conn-ctl status -w 20 amqp-telemetry
    assert_success
}

# N times: one that cannot be mapped, one of a foreign device, one that is dropped, one that the target filters, one that
# the broker refuses, and five good ones.
mixed_messages() { # N
    jq -nc --argjson n "$1" 'range($n) as $i | ["error", "foreign", "drop", "hidden", "denied", range(5)][] as $k
        | {address: "telemetry", text: "{\"n\":\($i)}", properties: {"correlation-id": "c-\($i)-\($k)"}, "application-properties": {
            kind: (if $k == "hidden" or ($k | type) == "number" then "good" elif $k == "foreign" then "other" else $k end),
            device_id: (if $k == "denied" then "org.example:denied" else "org.example:good" end),
            what: (if $k == "hidden" then $k else "temperature" end)}}'
}

# Asks the broker until it knows the fate of N messages of the sender; $WORK/counts then has what it counted last, by address:
# accepted, rejected and given back of what it sent, and what it received.
broker_counts() { # N SECONDS
    wait_for "$2" broker_knows "$1"
}

broker_knows() {
    local before
    before=$(grep -c telemetry "$WORK/peer.out") || :
    echo '{"do":"summary"}' >&5
    wait_for 5 summary_after "$before"
    jq -scS '[.[] | .summary // empty] | reduce .[] as $s ({}; .[$s.address] = [$s.accepted, $s.rejected, $s.released + $s.modified, $s.received])' "$WORK/peer.out" >"$WORK/counts"
    [ "$(jq '.telemetry | .[0] + .[1] + .[2]' "$WORK/counts")" -ge "$1" ]
}

summary_after() {
    [ "$(grep -c telemetry "$WORK/peer.out")" -gt "$1" ]
}

SOURCE='.sourceMetrics.addressMetrics.telemetry | map_values([.success.PT24H, .failure.PT24H])'
TARGET='.targetMetrics.addressMetrics | to_entries[0].value | map_values([.success.PT24H, .failure.PT24H])'

@test "every message is counted, by senders, receivers, metrics, Prometheus and logs alike" {
    local n=500 seconds=60
    [ -z "${CONN_LONG-}" ] || { n=10000 seconds=600; }
    mixed_house
    mixed_messages $n >&5
    broker_counts $((10 * n)) $seconds
    assert_equal "$(cat "$WORK/counts")" "{\"denied\":[0,0,0,$n],\"good\":[0,0,0,$((5 * n))],\"telemetry\":[$((7 * n)),$((3 * n)),0,0]}"

    wait_for 10 metrics_are amqp-telemetry "$SOURCE | del(.throttled)" \
        "{\"consumed\":[$((10 * n)),0],\"mapped\":[$((8 * n)),$n],\"enforced\":[$((7 * n)),$n],\"dropped\":[$n,0],\"acknowledged\":[$((7 * n)),$((3 * n))]}" || {
        conn-ctl metrics amqp-telemetry | jq -c "$SOURCE"
        false
    }
    wait_for 10 metrics_are amqp-live "$TARGET" \
        "{\"dispatched\":[$((7 * n)),0],\"filtered\":[$n,0],\"mapped\":[$((6 * n)),0],\"dropped\":[0,0],\"published\":[$((5 * n)),$n],\"acknowledged\":[$((5 * n)),$n]}" || {
        conn-ctl metrics amqp-live | jq -c "$TARGET"
        false
    }
    # what is in the log, and what it says it left out, are all that was counted
    for id in amqp-telemetry amqp-live; do
        conn-ctl logs $id >"$WORK/logs"
        conn-ctl metrics $id >"$WORK/metrics"
        run jq -c '[(.connectionLogs[] | {k: [.category, .type, .level], n: 1}), (.suppressed[] | {k: [.category, .type, .level], n: .count})]
            | group_by(.k) | map({k: .[0].k, n: (map(.n) | add)}) | map(select(.k[0] != "connection"))' "$WORK/logs"
        assert_success
        assert_output "$(jq -c '[.totals | to_entries[] | .key as $c | .value[] | to_entries[] | .key as $t | .value | to_entries[]
            | {k: [$c, $t, .key], n: .value}] | sort_by(.k)' "$WORK/metrics")"
        run jq -c '[.connectionLogs[] | [.category, .type, .level, .address]] | group_by(.) | map(length) | max' "$WORK/logs"
        assert_output 10
    done
    # and so does Prometheus
    run --separate-stderr conn-metrics
    assert_success
    assert_equal "$(grep '^connection_messages_total' <<<"$output" | grep -v throttled | sed 's/.*id="\([^"]*\)",type="\([^"]*\)",.*success="\([^"]*\)"} /\1 \2 \3 /' | sort)" "$(sort <<END
amqp-telemetry acknowledged false $((3 * n))
amqp-telemetry acknowledged true $((7 * n))
amqp-telemetry consumed true $((10 * n))
amqp-telemetry dropped true $n
amqp-telemetry enforced false $n
amqp-telemetry enforced true $((7 * n))
amqp-telemetry mapped false $n
amqp-telemetry mapped true $((8 * n))
amqp-live acknowledged false $n
amqp-live acknowledged true $((5 * n))
amqp-live dispatched true $((7 * n))
amqp-live filtered true $n
amqp-live mapped true $((6 * n))
amqp-live published false $n
amqp-live published true $((5 * n))
END
)"
    exec 5>&-
}
