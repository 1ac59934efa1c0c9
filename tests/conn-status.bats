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

# --- totals --------------------------------------------------------------------------------------------------------

messages() { # N
    jq -nc --argjson n "$1" 'range($n) | {address: "telemetry", text: "{\"temp\":1}", "application-properties": {device_id: "dev-\(.)"}}'
}

telemetry_house() {
    mosquitto_start
    peer
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    create amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT"
    run conn-ctl status -w 20 mqtt-live
    assert_success
    run conn-ctl status -w 20 amqp-telemetry
    assert_success
}

CONSUMED='.totals.source.telemetry | [.consumed.success, .acknowledged.success]'
PUBLISHED='.totals.target | to_entries[0].value | [.published.success, .dispatched.success]'

@test "counts go on over restarts of rings and a modification; another connection's are untouched" {
    telemetry_house
    messages 10 >&5
    wait_for 10 metrics_are amqp-telemetry "$CONSUMED" '[10,10]'
    wait_for 10 metrics_are mqtt-live "$PUBLISHED" '[10,10]'
    local before out
    before=$(status_of mqtt-live .connectedSince) out=$(house_ring mqtt-out)
    # what was reported before a kill counts; what comes afterwards is added
    kill -KILL "$(house_ring amqp-in)"
    wait_for 10 status_is amqp-telemetry '[.liveStatus, .recoveryStatus]' '["open","succeeded"]'
    messages 5 >&5
    wait_for 10 metrics_are amqp-telemetry "$CONSUMED" '[15,15]'
    jq '.sources[0].consumerCount = 2 | .name = "more"' "$WORK/amqp-telemetry.json" >"$WORK/changed.json"
    run --separate-stderr conn-ctl modify "$WORK/changed.json"
    assert_success
    run conn-ctl status -w 20 amqp-telemetry
    assert_success
    messages 5 >&5
    wait_for 10 metrics_are amqp-telemetry "$CONSUMED" '[20,20]'
    wait_for 10 metrics_are mqtt-live "$PUBLISHED" '[20,20]'
    assert_equal "$(status_of mqtt-live .connectedSince) $(house_ring mqtt-out)" "$before $out"
    exec 5>&-
}

@test "metrics are reset, totals are not; logs are reset and enabled" {
    telemetry_house
    messages 10 >&5
    wait_for 10 metrics_are amqp-telemetry "$CONSUMED" '[10,10]'
    run --separate-stderr conn-ctl metrics -r amqp-telemetry
    assert_success
    assert_output '{"type":"connectivity.responses:resetConnectionMetrics","status":200,"connectionId":"amqp-telemetry"}'
    metrics_are amqp-telemetry '[.sourceMetrics.addressMetrics.telemetry.consumed.success | .PT1M, .PT1H, .PT24H, .lastMessageAt]' '[0,0,0,null]'
    metrics_are amqp-telemetry "$CONSUMED" '[10,10]'
    [ "$(conn-ctl logs amqp-telemetry | jq '.connectionLogs | length')" -gt 20 ]
    run --separate-stderr conn-ctl logs -r amqp-telemetry
    assert_success
    assert_output '{"type":"connectivity.responses:resetConnectionLogs","status":200,"connectionId":"amqp-telemetry"}'
    run --separate-stderr conn-ctl logs amqp-telemetry
    assert_equal "$(jq -c '[.connectionLogs, .suppressed, (.enabledSince | type), (.enabledUntil > .enabledSince)]' <<<"$output")" '[[],[],"string",true]'
    run --separate-stderr conn-ctl logs -e amqp-telemetry
    assert_output '{"type":"connectivity.responses:enableConnectionLogs","status":200,"connectionId":"amqp-telemetry"}'
    messages 1 >&5
    wait_for 5 eval '[ "$(conn-ctl logs amqp-telemetry | jq "[.connectionLogs[].type] | unique | length")" -eq 4 ]'
    exec 5>&-
}

@test "metrics have Ditto's shape" {
    telemetry_house
    run --separate-stderr conn-ctl metrics mqtt-live
    assert_success
    assert_equal "$(jq -c keys_unsorted <<<"$output")" \
        '["type","status","connectionId","containsFailures","connectionMetrics","sourceMetrics","targetMetrics","totals","backlog"]'
    assert_equal "$(jq -c '.connectionMetrics | map_values(keys_unsorted)' <<<"$output")" \
        '{"inbound":["consumed","mapped","enforced","dropped","acknowledged","throttled"],"outbound":["dispatched","filtered","mapped","dropped","published","acknowledged"]}'
    assert_equal "$(jq -c '.connectionMetrics.inbound.consumed' <<<"$output")" \
        '{"success":{"PT1M":0,"PT1H":0,"PT24H":0,"lastMessageAt":null},"failure":{"PT1M":0,"PT1H":0,"PT24H":0,"lastMessageAt":null}}'
    assert_equal "$(jq -c '[.containsFailures, .sourceMetrics.addressMetrics, (.targetMetrics.addressMetrics | keys)]' <<<"$output")" \
        '[false,null,["devices/{{ thing:name }}/messages/{{ topic:subject }}"]]'
    exec 5>&-
}

# --- status --------------------------------------------------------------------------------------------------------

@test "status: of a connection that is open, per client, source and target" {
    mosquitto_start
    peer
    house_start
    create amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" '.clientCount = 2 | .sources[0].addresses = ["telemetry", "more"]'
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    run conn-ctl status -w 20 mqtt-live
    run conn-ctl status -w 20 amqp-telemetry
    assert_success
    assert_equal "$(jq -c 'keys_unsorted' <<<"$output")" '["type","status","connectionId","connectionStatus","liveStatus","recoveryStatus","connectedSince","clientStatus","sourceStatus"]'
    assert_equal "$(jq -c '[.connectionStatus, .liveStatus, .recoveryStatus]' <<<"$output")" '["open","open","succeeded"]'
    assert_equal "$(jq -c '.clientStatus[] | del(.inStateSince)' <<<"$output")" '{"type":"client","client":"0","status":"open","recoveryStatus":"succeeded","statusDetails":"CONNECTED"}
{"type":"client","client":"1","status":"open","recoveryStatus":"succeeded","statusDetails":"CONNECTED"}'
    assert_equal "$(jq -c '.sourceStatus[] | [.type, .client, .address, .status]' <<<"$output")" '["source","0","telemetry","open"]
["source","0","more","open"]
["source","1","telemetry","open"]
["source","1","more","open"]'
    jq -e '[.connectedSince, (.clientStatus + .sourceStatus)[].inStateSince] | all(test("^20[0-9-]+T[0-9:.]+Z$"))' <<<"$output" >/dev/null
    assert_equal "$(status_of mqtt-live '.targetStatus[] | del(.inStateSince)' | head -n 1 | jq -c '[.type, .client, .address, .status]')" \
        '["target","0","devices/{{ thing:name }}/messages/{{ topic:subject }}","open"]'
    exec 5>&-
}

@test "status: what is wrong, in words, and since when; attempts that fail again are no news" {
    house_start
    local port
    port=$(free_port)
    house_connection mqtt-live "tcp://127.0.0.1:$port" >"$WORK/c.json"
    run --separate-stderr conn-ctl -a create "$WORK/c.json"
    assert_success
    wait_for 10 status_is mqtt-live '[.liveStatus, .recoveryStatus]' '["failed","ongoing"]'
    run --separate-stderr conn-ctl status mqtt-live
    assert_equal "$(jq -r '.clientStatus[].statusDetails' <<<"$output")" \
        "outbound: mqtt-out ended with 111: cannot connect to '127.0.0.1:$port': Connection refused"
    assert_equal "$(jq -c '.targetStatus[] | [.status, .statusDetails]' <<<"$output")" '["closed","closed because its client is failed"]'
    local since
    since=$(status_of mqtt-live '.clientStatus[0].inStateSince')
    wait_for 10 eval '[ "$(grep -c "cannot connect" "$WORK/supervise.err")" -ge 3 ]'
    assert_equal "$(status_of mqtt-live '.clientStatus[0].inStateSince')" "$since"
    run --separate-stderr conn-ctl close mqtt-live
    wait_for 10 status_is mqtt-live '[.connectionStatus, .liveStatus, .clientStatus[0].statusDetails]' '["closed","closed","[DISCONNECTED] connection is closed"]'
    # the log tells the story
    run conn-ctl logs mqtt-live
    assert_equal "$(jq -c '[.connectionLogs[] | select(.category == "connection") | .level] | unique' <<<"$output")" '["failure","success"]'
    assert_output --partial "Cannot connect to '127.0.0.1:$port': Connection refused"
}

@test "status: one part of a connection that its peer refuses" {
    peer -d '{"do":"refuse","by":"detach","address":"secret-place","condition":"amqp:unauthorized-access","description":"not for you"}'
    house_start
    house_connection amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" '.sources[0].addresses = ["telemetry", "secret-place"]' >"$WORK/c.json"
    run --separate-stderr conn-ctl -a create "$WORK/c.json"
    assert_success
    wait_for 15 eval '[[ $(status_of amqp-telemetry .) == *"not for you"* ]]'
    [ "$(status_of amqp-telemetry .liveStatus)" != '"open"' ]
    exec 5>&-
}

@test "status: a target that its peer refuses, beside one that it takes" {
    peer -d '{"do":"refuse","by":"detach","address":"b","condition":"amqp:unauthorized-access","description":"not for you"}'
    house_start
    house_connection mqtt-live "amqp://127.0.0.1:$AMQP_PORT" '.id = "two" | .connectionType = "amqp-10" | del(.targets[0].qos)
        | .targets = [.targets[0] + {address: "a"}, (.targets[0] | del(.issuedAcknowledgementLabel)) + {address: "b"}]' >"$WORK/c.json"
    run --separate-stderr conn-ctl -a create "$WORK/c.json"
    assert_success
    wait_for 15 status_is two '[.liveStatus, (.targetStatus[] | [.address, .status])]' '["failed",["a","open"],["b","failed"]]' || {
        status_of two .
        false
    }
    assert_equal "$(status_of two '.clientStatus[0].status')" '"open"'
    [[ $(status_of two '.targetStatus[1].statusDetails') == *'not for you'* ]]
    exec 5>&-
}

@test "commands about what is not there" {
    house_start
    local verb
    for verb in status metrics 'metrics -r' logs 'logs -e' 'logs -r'; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr conn-ctl $verb nobody
        assert_equal "$verb: $status" "$verb: 1"
        assert_output --partial '"error":"connectivity:connection.notfound"'
    done
}

# --- for people ----------------------------------------------------------------------------------------------------

# Nothing is wider than 80 columns, and no control byte is among it.
readable() {
    [ "$(LC_ALL=C.UTF-8 wc -L <<<"$output")" -le 80 ]
    [ "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <<<"$output" | wc -c)" -eq 0 ]
}

@test "status, metrics and logs as text of 80 columns" {
    telemetry_house
    house_connection mqtt-live tcp://127.0.0.1:1 '.id = "gone" | .targets[0].topics = ["_/_/things/twin/events"]' >"$WORK/gone.json"
    run --separate-stderr conn-ctl -a create "$WORK/gone.json"
    # one with a thing that would colour a terminal, one that cannot be mapped
    {
        messages 3
        echo '{"address":"telemetry","text":"1","application-properties":{"device_id":"dev\u001b[31m"}}'
        echo '{"address":"telemetry","text":"1"}'
    } >&5
    wait_for 10 metrics_are amqp-telemetry '.totals.source.telemetry | [.consumed.success, .mapped.failure // 0]' '[5,1]'
    wait_for 10 status_is gone .liveStatus '"failed"'
    run --separate-stderr conn-ctl status -p amqp-telemetry gone
    assert_success
    readable
    assert_line --index 0 'amqp-telemetry: open, should be open, recovery succeeded'
    assert_line --regexp '^  source telemetry                         open          20[0-9-]+ [0-9:]+Z$'
    assert_line 'gone: failed, should be open, recovery ongoing'
    assert_line "      outbound: mqtt-out ended with 111: cannot connect to '127.0.0.1:1':"
    assert_line '      Connection refused'
    run --separate-stderr conn-ctl status -p -w 5 amqp-telemetry
    assert_success
    assert_line --index 0 'amqp-telemetry: open, should be open, recovery succeeded'
    run --separate-stderr conn-ctl metrics -p amqp-telemetry gone
    assert_success
    readable
    assert_line --index 0 'amqp-telemetry                                  1 minute      1 hour    24 hours'
    assert_line '  consumed                                             5           5           5'
    assert_line '  mapped, failed                                       1           1           1'
    assert_line '  last message more than 24 hours ago, or never'
    run --separate-stderr conn-ctl logs -p amqp-telemetry
    assert_success
    readable
    assert_line --regexp '^20[0-9-]+ [0-9:]+Z source mapped FAILED telemetry$'
    assert_line '      Received a message.'
    assert_line '      thing org.example:dev?[31m'
    run --separate-stderr conn-ctl metrics -p -r amqp-telemetry
    assert_output 'amqp-telemetry: done'
    exec 5>&-
}

@test "top: text where there is no terminal, a screen where there is one" {
    telemetry_house
    house_connection mqtt-live tcp://127.0.0.1:1 '.id = "gone" | .targets[0].topics = ["_/_/things/twin/events"]' >"$WORK/gone.json"
    run --separate-stderr conn-ctl -a create "$WORK/gone.json"
    messages 60 >&5
    wait_for 10 metrics_are amqp-telemetry "$CONSUMED" '[60,60]'
    wait_for 10 metrics_are mqtt-live "$PUBLISHED" '[60,60]'
    wait_for 10 status_is gone .liveStatus '"failed"'
    run --separate-stderr conn-ctl top
    assert_success
    assert_stderr ''
    readable
    assert_line --index 0 --regexp '^20[0-9-]+ [0-9:]+Z  3 connections, 2 open, 1 failed$'
    assert_line --index 1 'CONNECTION                        STATE           IN/s   OUT/s  FAIL/s  BACKLOG'
    assert_line --index 2 'gone                              failed           0.0     0.0     0.0        0'
    assert_line --index 3 --partial "  outbound: mqtt-out ended with 111: cannot connect to '127.0.0.1:1'"
    assert_line 'amqp-telemetry                    open             1.0     0.0     0.0        0'
    assert_line 'mqtt-live                         open             0.0     1.0     0.0        0'
    # later screens have the rates since the one before
    run --separate-stderr conn-ctl top -n 2 -i 1
    assert_success
    assert_equal "$(grep -c CONNECTION <<<"$output")" 2
    assert_equal "$(grep -c '^amqp-telemetry  *open  *0.0' <<<"$output")" 1
    # on a terminal of 24 lines and 80 columns, which is as before when it ends
    mkfifo "$WORK/keys"
    exec 6<>"$WORK/keys"
    start screen script -qec "stty rows 24 cols 80; conn-ctl top" /dev/null <"$WORK/keys" 6>&-
    wait_for 10 grep -q BACKLOG "$WORK/screen.out"
    printf q >&6
    wait_exit screen
    assert_status 0
    exec 6>&-
    grep -q $'^\033\\[?1049h\033\\[?25l' "$WORK/screen.out"
    grep -q $'\033\\[?25h\033\\[?1049l' "$WORK/screen.out"
    exec 5>&-
}

@test "top: without a supervisor it is 1, without a store 111" {
    run --separate-stderr conn-ctl top
    assert_equal "$status" 111
    start_ready store conn-store -d 4 </dev/null
    house_connection mqtt-live tcp://127.0.0.1:1 '.connectionStatus = "closed"' >"$WORK/c.json"
    run --separate-stderr conn-ctl -a create "$WORK/c.json"
    run --separate-stderr conn-ctl top
    assert_equal "$status" 1
    assert_output --partial '0 connections, no supervisor'
}
