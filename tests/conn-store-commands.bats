#!/usr/bin/env bats
# conn-store-commands.bats: the rest of the commands, preconditions, the vectors, a client that is a shell script.
load helper/common

document() { # ID [MEMBERS]
    jq -cn --arg id "$1" '{id: $id, name: "first", connectionType: "mqtt-5", connectionStatus: "closed",
        uri: "tcp://user:geheim@localhost:1883", sources: [], targets: [{address: "out", qos: 1,
        topics: ["_/_/things/live/messages"], authorizationContext: ["a:b"]}]} + ($ARGS.named.more // "{}" | fromjson)' \
        --arg more "${2-{\}}"
}
signal() { # NAME MEMBERS [HEADERS]
    echo '{"headers":{'"${3-}"'},"signal":{"type":"connectivity.commands:'"$1"'"'"${2:+,}$2"'}}'
}
sudo_signal() { signal "$@" | sed 's/connectivity.commands/connectivity.sudo.commands/'; }
on() { # NAME ID [HEADERS]
    signal "$1" '"connectionId":"'"$2"'"' "${3-}"
}
create() { signal createConnection '"connection":'"$(document "$1" "${2-{\}}")" "${3-}"; }
modify() { signal modifyConnection '"connection":'"$(document "$1" "${2-{\}}")" "${3-}"; }
store() {
    run --separate-stderr conn-store -1 < <(printf '%s\n' "$@")
}
assert_lines() { # FILTER EXPECTED
    [ "$(jq -sc "$1" <<<"$output")" = "$2" ] ||
        fail "expected: $2"$'\n'"got:      $(jq -sc "$1" <<<"$output")"$'\n'"from:     $output"
}
fine() {
    assert_status 0
    assert_stderr ''
}
codes='[.[].signal|.payload.error // .status]'

@test "all that is wrong with a document is told in one answer, Ditto's first problem first" {
    local bad='{"connectionStatus":"odd","uri":"x","targets":[{"address":"a/#","topics":["no"],"qos":9,"authorizationContext":[]}]}'
    store "$(create a "$bad")" "$(create a '{"uri":"x"}')" "$(create a)" "$(modify a "$bad")" "$(signal testConnection "\"connection\":$(document b "$bad")")"
    fine
    assert_lines '[.[1].signal.payload|.pointer,.problems]' '["/uri",null]'
    local pointers='["/connectionStatus","/targets/0/topics/0","/targets/0/authorizationContext","/uri","/targets/0/address","/targets/0/qos"]'
    assert_lines '[.[]|.signal.payload|select(.problems)|[.problems[].pointer]]' "[$pointers,$pointers,$pointers]"
    assert_lines '[.[]|.signal.payload|select(.problems)|del(.problems) == .problems[0]]' '[true,true,true]'
}

@test "preconditions: entity tags and the expected revision" {
    store "$(create a '{}' '"expected-revision":1')" "$(create a '{}' '"if-match":"*"')" "$(create a '{}' '"if-none-match":"*","expected-revision":0')" \
        "$(create a '{}' '"if-none-match":"*"')" "$(on openConnection a '"expected-revision":"1"')" \
        "$(on openConnection a '"expected-revision":1')" "$(modify a '{"name":"n"}' '"if-match":"\"rev:1\""')" \
        "$(modify a '{"name":"n"}' '"if-match":"\"rev:1\", \"rev:2\""')" "$(modify a '{"name":"m"}' '"if-match":"\"rev:3\", \"rev:9\""')" \
        "$(on retrieveConnection a '"if-none-match":"\"rev:4\""')" "$(on retrieveConnection a '"if-none-match":"\"rev:3\""')" \
        "$(on deleteConnection a '"expected-revision":true')" "$(on deleteConnection a '"if-match":"\"rev:3\""')" "$(on deleteConnection a '"if-match":"*"')" \
        "$(create a '{}' '"expected-revision":5')"
    fine
    p='"connectivity:precondition.failed"'
    assert_lines "$codes" "[$p,$p,201,$p,200,$p,204,$p,204,\"connectivity:precondition.notmodified\",200,\"json.invalid\",$p,204,201]"
    assert_lines '[.[].signal.payload|select(.)|.status]' '[412,412,412,412,412,304,400,412]'
    assert_lines '[.[].headers.etag|select(.)]|unique' '["\"rev:1\"","\"rev:3\"","\"rev:4\"","\"rev:6\""]'
}

@test "tags, several connections, ids only" {
    store "$(create a '{"tags":["mail","x"]}')" "$(create b)" "$(create c '{"tags":["mail"]}')" "$(on deleteConnection c)" \
        "$(sudo_signal sudoRetrieveConnectionIdsByTag '"tag":"mail"')" "$(sudo_signal sudoRetrieveConnectionTags '"connectionId":"a"')" \
        "$(sudo_signal sudoRetrieveConnectionTags '"connectionId":"b"')" "$(sudo_signal sudoRetrieveConnectionIdsByTag '')" \
        "$(signal retrieveConnections '"idsOnly":true')" "$(signal retrieveConnections '"selectedFields":"id,name,_revision"')" \
        "$(signal retrieveConnections '')" "$(signal sudoRetrieveConnectionTags '"connectionId":"a"')"
    fine
    assert_lines '[.[4:7][].signal|del(.status)]' '[{"type":"connectivity.sudo.responses:sudoRetrieveConnectionIdsByTag","connectionIds":["a"]},{"type":"connectivity.sudo.responses:sudoRetrieveConnectionTags","connectionId":"a","connectionTags":["mail","x"]},{"type":"connectivity.sudo.responses:sudoRetrieveConnectionTags","connectionId":"b","connectionTags":[]}]'
    assert_lines '[.[7,11].signal.payload.error]' '["json.field.missing","json.type.notparsable"]'
    assert_lines '[.[8:10][].signal.connections]' '[["a","b"],[{"id":"a","name":"first","_revision":1},{"id":"b","name":"first","_revision":1}]]'
    assert_lines '[.[10].signal.connections[].uri]' '["tcp://user:*****@localhost:1883","tcp://user:*****@localhost:1883"]'
}

@test "another type with ditto-sudo; secrets are kept" {
    amqp='{"connectionType":"amqp-10","uri":"amqp://user:*****@localhost:5672","targets":[{"address":"out","topics":["_/_/things/live/messages"],"authorizationContext":["a:b"]}]}'
    store "$(create a)" "$(modify a "$amqp")" "$(modify a "$amqp" '"ditto-sudo":true')"
    fine
    assert_lines "$codes" '[201,"connectivity:connection.configuration.invalid",204]'
    run --separate-stderr conn-store -1 < <(on retrieveConnection a | sed 's/^{/{"secrets":true,/')
    assert_lines '.[0].signal.connection|[.connectionType,.uri]' '["amqp-10","amqp://user:geheim@localhost:5672"]'
}

@test "what only the supervisor can do" {
    store "$(create a)" "$(on retrieveConnectionMetrics a)" "$(on retrieveConnectionLogs a)" "$(on resetConnectionMetrics a)" \
        "$(on resetConnectionLogs a)" "$(on enableConnectionLogs a)" "$(signal testConnection '"connection":'"$(document t)")" \
        "$(signal testConnection '"connection":'"$(document a)")" "$(signal testConnection '"connection":'"$(document t '{"uri":"x"}')")" \
        "$(on retrieveConnectionLogs none)" "$(sudo_signal sudoAddConnectionLogEntry '"connectionId":"a","logEntry":{}')" "$(on retrieveConnection a)"
    fine
    u='"connectivity:connection.unavailable"'
    assert_lines "$codes" "[201,$u,$u,$u,$u,$u,$u,409,\"connectivity:connection.uri.invalid\",\"connectivity:connection.notfound\",200]"
    assert_lines '.[7].signal|[.connectionId,(.testResult|type)]' '["a","string"]'
}

@test "tests and log entries reach the supervisor" {
    start_ready store conn-store -d 4 </dev/null
    run store-client -k -n 1 < <(create a)
    mkfifo "$WORK/in"
    exec 9<>"$WORK/in"
    start boss store-client <"$WORK/in"
    echo '{"follow":{"from":1,"role":"supervise"}}' >&9
    has() { [ "$(wc -l <"$WORK/boss.out")" -ge "$1" ]; }
    wait_for 10 has 1
    start asker store-client -k -n 1 < <(sudo_signal sudoAddConnectionLogEntry '"connectionId":"a","logEntry":{"message":"m"}'
        signal testConnection '"connection":'"$(document t)")
    wait_for 10 has 3
    run sed -n 2p "$WORK/boss.out"
    assert_lines '.[0]' '{"headers":{},"signal":{"type":"connectivity.sudo.commands:sudoAddConnectionLogEntry","connectionId":"a","logEntry":{"message":"m"}}}'
    run sed -n 3p "$WORK/boss.out"
    assert_lines '.[0].signal|[.type,.connection.id]' '["connectivity.commands:testConnection","t"]'
    echo '{"id":'"$(jq .id <<<"$output")"',"signal":{"type":"connectivity.responses:testConnection","status":200,"connectionId":"t","testResult":"fine"}}' >&9
    wait_exit asker
    run cat "$WORK/asker.out"
    assert_lines '.[0].signal.testResult' '"fine"'
    exec 9>&-
}

@test "a resolved hono connection" {
    hono='{"connectionType":"hono","uri":"","sources":[{"addresses":["telemetry"],"authorizationContext":["a:b"]}],"targets":[],"specificConfig":{"groupId":"g"}}'
    store "$(create h "$hono")" "$(on retrieveResolvedHonoConnection h)" "$(create m)" "$(on retrieveResolvedHonoConnection m)"
    fine
    assert_lines "$codes" '[201,200,201,"connectivity:connection.notfound"]'
    assert_lines '.[1].signal.connection|[.uri,.sources[0].addresses[0],.specificConfig.bootstrapServers]' '["tcp://localhost:9092","hono.telemetry.h","localhost:9092"]'
}

@test "migrateEncryption tells how far the sealing is" {
    store "$(signal migrateEncryption '')" "$(signal migrateEncryptionStatus '')"
    assert_lines "$codes" '["connectivity:connection.configuration.invalid",200]'
    (umask 077 && head -c 32 /dev/urandom | base64 -w 0 >"$WORK/keys")
    run --separate-stderr conn-store -1 -K "$WORK/keys" < <(signal migrateEncryption '"dryRun":true'; signal migrateEncryptionStatus '')
    assert_lines '[.[].signal|.status,.phase]' '[200,"already_completed",200,"completed"]'
}

# --- vectors -----------------------------------------------------------------------------------------------------

vector() { # FILE of shared vectors, as one line
    jq -c . "$VECTORS/connections/$1"
}
of_kind() { # KIND: files
    jq -r --arg k "$1" '.[]|select(.kind == $k).file' "$VECTORS/connections/index.json"
}

@test "commands and events of the vectors" {
    VECTORS=${VECTORS:-$ROOT/../shared/vectors}
    [ -e "$VECTORS/connections/index.json" ] || skip 'there are none here'
    # connections with the ids that the commands name
    {
        jq -c '{signal: {type: "connectivity.commands:createConnection", connection: (.connection + {uri: "amqps://user:password@hono.eclipseprojects.io:5671", tags: ["mail"]})}}' \
            "$VECTORS/connections/response-createConnection.json"
        create hono-1 '{"connectionType":"hono","uri":"","sources":[{"addresses":["telemetry"],"authorizationContext":["a:b"]}],"targets":[],"specificConfig":{"groupId":"g"}}'
        for file in $(of_kind command); do
            [ "$file" = command-deleteConnection.json ] || echo '{"id":"'"$file"'","signal":'"$(vector "$file")"'}'
        done
        echo '{"id":"command-deleteConnection.json","signal":'"$(vector command-deleteConnection.json)"'}'
        echo '{"follow":{"from":0}}'
    } >"$WORK/lines"
    run --separate-stderr conn-store -1 <"$WORK/lines"
    assert_status 0
    echo "$output" >"$WORK/answers"
    # each is understood: nothing is called unreadable
    assert_lines '[.[]|select(.id)|[.id,(.signal.payload.error // .signal.status)]|select(.[1]|tostring|startswith("json."))]' '[]'
    for name in openConnection closeConnection modifyConnection createConnection deleteConnection retrieveConnection retrieveConnections; do
        [ -e "$VECTORS/connections/response-$name.json" ] || continue
        same_members "$VECTORS/connections/response-$name.json" \
            "$(jq -c --arg t "connectivity.responses:$name" 'select(.signal.type == $t).signal' "$WORK/answers" | head -n 1)"
    done
    for name in Opened Closed Deleted; do
        same_members "$VECTORS/connections/event-connection$name.json" \
            "$(jq -c --arg t "connectivity.events:connection$name" 'select(.signal.type == $t).signal' "$WORK/answers" | head -n 1)"
    done
}
# Same type, status and members.
same_members() { # FILE SIGNAL
    [ -n "$2" ] || return 0
    assert_equal "$(jq -c '[.type,.status,keys]' <<<"$2")" "$(jq -c '[.type,.status,keys]' "$1")"
}

# --- others ------------------------------------------------------------------------------------------------------

@test "a shell script that knows nothing but the socket" {
    assert [ "$(grep -c . "$ROOT/examples/pipelines/store-socket.sh")" -le 15 ]
    start_ready store conn-store -d 4 </dev/null
    {
        for name in create modify test; do
            echo "${name}Connection \"connection\":$(document "$([ $name = test ] && echo t || echo a)")"
        done
        for name in open close; do echo "${name}Connection \"connectionId\":\"a\""; done
        for name in '' Status Metrics Logs; do echo "retrieveConnection$name \"connectionId\":\"a\""; done
        for name in resetConnectionMetrics resetConnectionLogs enableConnectionLogs deleteConnection; do
            echo "$name \"connectionId\":\"a\""
        done
        echo retrieveAllConnectionIds
        echo 'retrieveConnections "idsOnly":true'
    } >"$WORK/commands"
    start script sh "$ROOT/examples/pipelines/store-socket.sh" <"$WORK/commands"
    has() { [ "$(wc -l <"$WORK/script.out")" -ge "$1" ]; }
    wait_for 10 has 21
    run store-client -k -n 1 < <(create b)
    wait_for 10 has 22
    output=$(<"$WORK/script.out")
    assert_lines '[.[]|select(.id).id]' "$(cut -d ' ' -f 1 "$WORK/commands" | jq -Rsc 'split("\n")[:-1]')"
    assert_lines '[.[].signal|select(.revision)|.type|sub(".*:connection";"")]' '["Created","Modified","Opened","Closed","Deleted","Created"]'
    stop store
    wait_exit script
}
