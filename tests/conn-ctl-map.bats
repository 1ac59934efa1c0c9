#!/usr/bin/env bats
# conn-ctl map (a dry run of a connection's mapping) and test, and what is not waited for.
# shellcheck disable=SC2016 # jq programs
load helper/common
load helper/mosquitto
load helper/house

connection() { # [JSON to merge in]
    jq -nc --argjson more "${1:-"{}"}" '{id: "c", connectionType: "amqp-10", connectionStatus: "closed",
        uri: "amqp://127.0.0.1:5672", sources: [{addresses: ["telemetry", "t2"], authorizationContext: ["{{ header:device_id }}"],
            payloadMapping: ["m"], headerMapping: {subject: "{{ header:subject | fn:default(\"none\") }}"}, replyTarget: {enabled: false},
            enforcement: {input: "{{ header:device_id }}", filters: ["{{ entity:id }}"]}}],
        targets: [{address: "out/{{ thing:name }}", authorizationContext: ["a:b"],
            headerMapping: {authorization: "Bearer s3cr3t", name: "{{ thing:name }}"}}],
        mappingDefinitions: {m: {mappingEngine: "JQ", options: {incoming:
            "{topic: \"a/\\(.headers.device_id[2:])/things/twin/commands/modify\", path: \"/features\", headers: {\"correlation-id\": \"k\"}, value: .json}"}}}} * $more'
}

message() { # [HEADERS]
    jq -nc --argjson headers "${1:-"{}"}" '{id: "x", address: "telemetry", headers: ({device_id: "a:d"} + $headers), text: "{\"t\":1}"}'
}
COMMAND='{"topic":"a/d/things/twin/events/modified","path":"/","headers":{"x":"y"},"value":{"n":1}}'

@test "map: what the mapper gets and makes, each template, what comes out" {
    connection >"$WORK/c.json"
    run --separate-stderr conn-ctl map "$WORK/c.json" < <(message '{"subject": "s"}')
    assert_success
    assert_stderr ''
    assert_output 'source 0: input of m
    address: telemetry
    header device_id: a:d
    header subject: s
    text: {"t":1}
enforcement input: {{ header:device_id }}
    = a:d
mapper m (JQ)
    topic: a/d/things/twin/commands/modify
    path: /features
    header correlation-id: k
    value: {"t":1}
subject: {{ header:device_id }}
    = a:d
header subject: {{ header:subject | fn:default("none") }}
    = s
enforcement filter: {{ entity:id }}
    = a:d
output
    topic: a/d/things/twin/commands/modify
    header correlation-id: k
    header subject: s
    path: /features
    value: {"t":1}
    id: x
    context: {"connection":"c","source":0,"subjects":["a:d"],"mapper":"m"}'
}

@test "map: a refused message says why, and is 1; what comes after it is mapped" {
    connection '{"mappingDefinitions": {"m": {"options": {"incoming": "if .text == \"no\" then error(\"not this\") elif .text == \"two\" then (1, 2 | {topic: \"a/d/things/live/messages/x\", path: \"/outbox/messages/x\", value: .}) else empty end"}}}}' >"$WORK/c.json"
    run --separate-stderr conn-ctl map -k 0 "$WORK/c.json" < <(message | jq -c '.text = ("no", "two", "zero")')
    assert_status 1
    assert_stderr ''
    assert_line '    error: connectivity:message.mapping.failed: The message could not be mapped by the mapper <m>.'
    assert_line '    Its program failed: not this.'
    assert_line refused
    assert_line '  2 of 2'
    assert_line 'part 2, of mapper m'
    assert_line parts
    assert_line dropped
    assert_line '    status: 200'
    assert_equal "$(grep -c '^source 0: input of m$' <<<"$output")" 3
    assert_equal "$(grep -c '^$' <<<"$output")" 2
}

@test "map: a Ditto Protocol line goes to a target, its secrets masked" {
    connection >"$WORK/c.json"
    run --separate-stderr conn-ctl map "$WORK/c.json" <<<"$COMMAND"
    assert_success
    assert_stderr ''
    assert_line --index 0 'target 0: input of Ditto'
    assert_line '    = out/d'
    assert_line '    address: out/d'
    assert_line '    header name: d'
    assert_line '    header authorization: *****'
    refute_output --partial s3cr3t
}

@test "map: control characters of a payload do not reach the terminal" {
    connection '{"sources": []}' >"$WORK/c.json"
    run --separate-stderr conn-ctl map -i -k 0 <<<'{"address":"a","headers":{},"text":"\u001b[2J\n\u009bx\u007f"}' \
        <(connection '{"sources": [{"addresses": ["a"], "authorizationContext": ["a:b"], "payloadMapping": ["RawMessage"], "replyTarget": {"enabled": false}}]}')
    assert_line '    text: \x1b[2J\n\u009bx\x7f'
    [[ $output != *$'\x1b'* && $output != *$'\x7f'* ]]
}

@test "map: which source or target" {
    connection '{"sources": [{"addresses": ["a"], "authorizationContext": ["x:y"], "payloadMapping": ["Ditto"]},
        {"addresses": ["telemetry"], "authorizationContext": ["{{ header:device_id }}"], "payloadMapping": ["m"]}], "targets": []}' >"$WORK/c.json"
    run --separate-stderr conn-ctl map -j "$WORK/c.json" < <(message)
    assert_success
    assert_equal "$(jq -c 'select(.step == "message") | [.source, .mappers]' <<<"$output")" '[1,["m"]]'
    run --separate-stderr conn-ctl map "$WORK/c.json" < <(message | jq -c '.address = "elsewhere"')
    assert_status 100
    assert_output ''
    assert_stderr "conn-ctl: error: cannot map 'stdin': connection 'c' has 2 sources (-k N chooses one)"
    run --separate-stderr conn-ctl map -j "$WORK/c.json" < <(message | jq -c '.address = "elsewhere" | .context = {source: 1}')
    assert_success
    run --separate-stderr conn-ctl map -o "$WORK/c.json" <<<"$COMMAND"
    assert_status 100
    assert_stderr "conn-ctl: error: cannot map 'stdin': connection 'c' has 0 targets (-k N chooses one)"
    # the reply target that every source has without saying so
    run --separate-stderr conn-ctl map -r -k 0 -j "$WORK/c.json" < <(jq -c '.headers["reply-to"] = "back"' <<<"$COMMAND")
    assert_success
    assert_equal "$(jq -c 'select(.step == "output").line.address' <<<"$output")" '"back"'
    run --separate-stderr conn-ctl map "$WORK/c.json" <<<'{"id":"x"}'
    assert_status 100
    assert_stderr "conn-ctl: error: cannot map 'stdin': its first line has neither 'address' nor 'topic' (-i or -o says what it is)"
    run --separate-stderr conn-ctl map -k 7 "$WORK/c.json" < <(message)
    assert_status 100
    assert_output ''
    assert_stderr 'ditto-map c: error: cannot use source 7: the connection has 2'
    for options in '-i -o' '-k x' ''; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr conn-ctl map $options "$WORK/c.json" "$WORK/d.json" </dev/null
        assert_status 100
        assert_output ''
    done
    run --separate-stderr conn-ctl map - < <(message)
    assert_status 100
}

@test "map: a stored connection; one that is not there; one that is not valid; none of all this stored" {
    start_ready store conn-store -d 4 </dev/null
    conn-ctl create - < <(connection) >/dev/null
    run --separate-stderr conn-ctl map c <<<"$COMMAND"
    assert_success
    assert_line '    header authorization: *****'
    run --separate-stderr conn-ctl map d <<<"$COMMAND"
    assert_status 1
    assert_stderr ''
    assert_equal "$(jq -r .error <<<"$output")" connectivity:connection.notfound
    connection '{"uri": "x"}' >"$WORK/bad.json"
    run --separate-stderr conn-ctl map "$WORK/bad.json" <<<"$COMMAND"
    assert_status 1
    assert_equal "$(jq -r .pointer <<<"$output")" /uri
    assert_equal "$(conn-ctl list)" c
}

# --- test -------------------------------------------------------------------------------------------------------------

@test "test: without a supervisor it is unavailable, of a document that is bad 400" {
    start_ready store conn-store -d 4 </dev/null
    conn-ctl create - < <(connection) >/dev/null
    connection '{"id": "new"}' >"$WORK/new.json"
    for operand in c "$WORK/new.json"; do
        run --separate-stderr conn-ctl test "$operand"
        assert_status 1
        assert_stderr ''
        assert_equal "$(jq -r '"\(.status) \(.error)"' <<<"$output")" '503 connectivity:connection.unavailable'
    done
    connection '{"id": "new", "uri": "amqp://h"}' >"$WORK/new.json"
    run --separate-stderr conn-ctl test "$WORK/new.json"
    assert_status 1
    assert_equal "$(jq -r .pointer <<<"$output")" /uri
    run --separate-stderr conn-ctl test none
    assert_status 1
    assert_equal "$(jq -r .error <<<"$output")" connectivity:connection.notfound
    # a file with the id of one that is stored
    run --separate-stderr conn-ctl test - < <(connection)
    assert_status 1
    assert_equal "$(jq -r .status <<<"$output")" 409
}

@test "test: a broker that is there, one that is not; labels go with the id; nothing stays" {
    mosquitto_start
    house_start
    jq -nc --arg uri "tcp://u:s3cr3t@127.0.0.1:$MQTT_PORT" '{id: "one", connectionType: "mqtt-5", connectionStatus: "closed", uri: $uri,
        sources: [{addresses: ["in"], qos: 1, authorizationContext: ["a:b"], declaredAcks: ["one:read"]}],
        targets: [{address: "out", qos: 1, topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"],
            issuedAcknowledgementLabel: "one:sent"}]}' >"$WORK/one.json"
    conn-ctl create "$WORK/one.json" >/dev/null
    run --separate-stderr conn-ctl test one
    assert_success
    assert_stderr ''
    assert_equal "$(jq -r 'if .type then "\(.type) \(.status) \(.parts)" else "\(.part), \(.program): \(.status) \(.message)" end' <<<"$output")" \
        'sources, mqtt-in: 200 connected
inbound mapping, ditto-map: 200 initialized
targets, mqtt-out: 200 connected
outbound mapping, ditto-map: 200 initialized
connectivity.responses:testConnection 200 null'
    refute_output --partial s3cr3t
    jq '.id = "two" | .targets[0].issuedAcknowledgementLabel = "two:sent" | .sources = [] | .uri = "tcp://u:s3cr3t@127.0.0.1:1"' "$WORK/one.json" >"$WORK/two.json"
    run --separate-stderr conn-ctl test "$WORK/two.json"
    assert_status 1
    assert_stderr ''
    assert_equal "$(jq -r '"\(.part): \(.status) \(.error)"' <<<"$output")" 'targets: 504 null
outbound mapping: 200 null
null: 504 connectivity:connection.failed'
    refute_output --partial s3cr3t
    assert_equal "$(conn-ctl list)" one
}

# --- what is not waited for -------------------------------------------------------------------------------------------

@test "-a: the supervisor's verdict is not waited for" {
    house_start
    conn-ctl create - < <(connection '{"uri": "amqp://127.0.0.1:1"}') >/dev/null
    run --separate-stderr conn-ctl open c
    assert_status 1
    assert_stderr ''
    assert_equal "$(jq -r .status <<<"$output")" 504
    run --separate-stderr conn-ctl -a close c
    assert_success
    run --separate-stderr conn-ctl open -a c
    assert_success
    assert_equal "$(jq -r '"\(.type) \(.status)"' <<<"$output")" 'connectivity.responses:openConnection 200'
}

@test "the folder of sockets is not made by who only asks" {
    rmdir "$CONN_RUN"
    run --separate-stderr conn-ctl list
    assert_status 111
    assert_output ''
    assert_stderr "conn-ctl: error: cannot reach store '$CONN_RUN/store.sock': No such file or directory"
    [ ! -e "$CONN_RUN" ]
}

@test "apply --prune of nothing is refused" {
    start_ready store conn-store -d 4 </dev/null
    conn-ctl create - < <(connection) >/dev/null
    mkdir "$WORK/empty"
    for options in '-n -P' --prune; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr conn-ctl apply $options "$WORK/empty"
        assert_status 100
        assert_output ''
        assert_stderr 'conn-ctl: error: cannot prune: nothing describes a connection, so that all would be deleted'
    done
    run --separate-stderr conn-ctl apply "$WORK/empty"
    assert_success
    assert_output ''
    assert_equal "$(conn-ctl list)" c
}
