#!/usr/bin/env bats
# conn-hub-services.bats: services at the hub: commands, responses, events and the acknowledgements that go with them.
load helper/common
load helper/hub

TWIN='"topics":["_/_/things/twin/commands"]'

# A connection with a source that has a reply target, and a target with topic TOPIC and the label ID:done.
whole_json() { # ID [TOPIC] [MEMBERS]
    echo '{"id":"'"$1"'","connectionType":"mqtt-5","connectionStatus":"open","uri":"tcp://127.0.0.1:1883",' \
        '"sources":[{"addresses":["in"],"qos":1,"authorizationContext":["a:b"],"declaredAcks":["'"$1"':device"],' \
        '"replyTarget":{"enabled":true,"address":"replies","expectedResponseTypes":["response","error","nack"]}}],' \
        '"targets":[{"address":"out","qos":1,"topics":["'"${2-_/_/things/twin/events}"'"],' \
        '"authorizationContext":["a:b"],"issuedAcknowledgementLabel":"'"$1"':done"}]'"${3-}"'}'
}
# Both rings of a connection: ID_in and ID_out.
rings() { # ID [TOPIC] [OUT-OPTION…]
    local json
    json=$(whole_json "$1" "${2-_/_/things/twin/events}")
    member "$1_in" in "$json"
    member "$1_out" out "$json" "${@:3}"
}
CONTEXT='"context":{"connection":"dev","source":0,"subjects":["a:b"],"mapper":"Ditto","reply":0,"expects":["response","error","nack"]}'
# A command of connection dev for thing ns:t. VERB is commands/modify or the like.
command() { # ID VERB HEADERS [CONTEXT]
    echo '{"id":"'"$1"'",'"${4-$CONTEXT}"',"topic":"ns/t/things/twin/commands/'"$2"'","headers":{"correlation-id":"c-'"$1"'"'"${3:+,$3}"'},"path":"/attributes/a","value":1}'
}
id_of() { # NAME [LINE]
    sed -n "${2-\$}p" "$WORK/$1.out" | jq -r .id
}
response() { # ID STATUS
    echo '{"id":"'"$1"'","topic":"ns/t/things/twin/commands/modify","headers":{},"path":"/attributes/a","status":'"$2"'}'
}
error() { # ID STATUS
    echo '{"id":"'"$1"'","topic":"ns/t/things/twin/errors","headers":{},"path":"/","value":{"status":'"$2"',"error":"things:x","message":"m"},"status":'"$2"'}'
}
event() { # CONTEXT [MEMBERS]
    echo '{'"${2-}"'"context":{'"$1"'},"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/attributes/a","value":1,"revision":7}'
}

# --- commands and responses ---------------------------------------------------------------------------------------

@test "a command goes to its service with all of its context, the response to the reply target" {
    hub
    rings dev
    service twin "$TWIN"
    say dev_in "$(command x-1 modify)"
    told twin 1
    run jq -cS 'del(.id)' <<<"$TOLD"
    assert_output '{"context":{"client":0,"connection":"dev","expects":["response","error","nack"],"mapper":"Ditto","reply":0,"source":0,"subjects":["a:b"]},"headers":{"correlation-id":"c-x-1"},"path":"/attributes/a","topic":"ns/t/things/twin/commands/modify","value":1}'
    say twin "$(response "$(id_of twin)" 204)"
    told dev_out 1
    run jq -c 'del(.id)' <<<"$TOLD"
    assert_output '{"context":{"connection":"dev","reply":0,"expects":["response","error","nack"],"mapper":"Ditto"},"topic":"ns/t/things/twin/commands/modify","headers":{"correlation-id":"c-x-1"},"path":"/attributes/a","status":204}'
    [ ! -s "$WORK/dev_in.out" ] # before the response has arrived
    say dev_out '{"id":"'"$(id_of dev_out)"'","status":200}'
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    say twin "$(response "$(id_of twin)" 204)" # once more
    wait_for 5 is_counter unknown 1
    is_counter waits 0
}

@test "ditto-map -o maps what an outbound ring is given, responses and events" {
    hub
    rings dev
    service twin "$TWIN"
    say dev_in "$(command x-1 modify)"
    told twin 1
    say twin '{"context":{},"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/attributes/a","value":1,"revision":7}' \
        "$(response "$(id_of twin)" 204)"
    told dev_out 2
    whole_json dev >"$WORK/dev.json"
    run --separate-stderr ditto-map -o -c "$WORK/dev.json" <"$WORK/dev_out.out"
    assert_status 0
    assert_stderr ''
    run jq -rc '[.address, (.text | fromjson | .topic, .status)]' <<<"$output"
    assert_output '["out","ns/t/things/twin/events/modified",null]
["replies","ns/t/things/twin/commands/modify",204]'
}

@test "the settlement table: response-required, requested-acks, timeout, what the service says" {
    hub
    rings dev _/_/things/twin/events -a 200
    service twin "$TWIN"
    rings sink
    member boss control '{}'
    say boss '{"expect":'"$(whole_json away)"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
    local n=0 asked=0 replies wrong='' headers answer want got
    # headers | the service's answer (error N, response N, settle N, -: none, =: it is not asked) | settlement, reply
    while IFS='|' read -r headers answer want; do
        n=$((n + 1))
        replies=$(wc -l <"$WORK/dev_out.out")
        say dev_in "$(command x-$n modify "$headers")"
        [ "$answer" = = ] || asked=$((asked + 1))
        wait_for 5 has_lines twin $asked
        case $answer in
        error*) say twin "$(error "$(id_of twin)" "${answer#* }")" ;;
        response*) say twin "$(response "$(id_of twin)" "${answer#* }")" ;;
        settle*) say twin '{"id":"'"$(id_of twin)"'","status":'"${answer#* }"'}' ;;
        esac
        wait_for 5 has_lines dev_in $n
        got=$(tail -n 1 "$WORK/dev_in.out" | jq -r .status),
        got+=$(tail -n +$((replies + 1)) "$WORK/dev_out.out" | jq -r '[(.topic | split("/")[4]), .status] | join(" ")')
        [ "$got" = "$want" ] || wrong+="$headers | $answer: $got, not $want"$'\n'
    done <<'END'
|response 204|200,commands 204
|response 201|200,commands 201
|error 404|400,errors 404
|error 412|200,errors 412
|error 503|503,errors 503
|error 424|503,errors 424
|response 400|400,commands 400
|settle 204|200,acks 204
"timeout":"50ms"|-|503,errors 408
"timeout":"0"|-|200,
"timeout":"0","response-required":true|=|400,errors 400
"timeout":"0","response-required":false|-|200,
"timeout":"0","requested-acks":["twin-persisted"]|=|400,
"response-required":false|-|200,
"response-required":false,"requested-acks":[]|response 204|200,
"response-required":false,"requested-acks":["twin-persisted"]|response 204|200,
"response-required":false,"requested-acks":["twin-persisted"]|error 404|400,
"response-required":false,"requested-acks":["twin-persisted"]|error 412|200,
"response-required":false,"requested-acks":["twin-persisted"],"timeout":"50ms"|-|503,
"requested-acks":[]|response 204|200,commands 204
"requested-acks":[]|error 404|200,errors 404
"requested-acks":[],"timeout":"50ms"|-|503,errors 408
"requested-acks":["twin-persisted"]|response 204|200,commands 204
"requested-acks":["twin-persisted","sink:done"]|response 204|200,acks 200
"requested-acks":["sink:done"]|response 204|200,acks 200
"requested-acks":["sink:done"]|error 404|400,errors 404
"requested-acks":["twin-persisted","away:done"]|response 204|503,acks 424
"requested-acks":["twin-persisted","dev:done"],"timeout":"50ms"|response 204|503,acks 424
"requested-acks":["twin-persisted","other:x"],"timeout":"50ms"|response 204|503,acks 424
"requested-acks":["twin-persisted","other:x"]|error 404|400,errors 404
"requested-acks":["live-response"]|response 204|200,commands 204
END
    [ "$n" -eq 31 ]
    assert_equal "$wrong" ''
}

@test "the settlement table, whole: all kinds of commands, all combinations, against a model of the rules" {
    hub
    run --separate-stderr timeout 100 "$HELPER/settlement-table" "$CONN_RUN/hub.sock"
    assert_status 0
    assert_output '3636 rows'
    assert_stderr ''
    is_counter waits 0
}

@test "only the kinds of answers that the reply target expects are told, the command is settled all the same" {
    hub
    rings dev _/_/things/twin/events -a 200
    service twin "$TWIN"
    say dev_in "$(command x-1 modify '' "${CONTEXT/'"response","error","nack"'/'"error"'}")"
    told twin 1
    say twin "$(response "$(id_of twin)" 204)"
    told dev_in 1
    say dev_in "$(command x-2 modify '' "${CONTEXT/'"response","error","nack"'/'"response"'}")"
    told twin 2
    say twin "$(error "$(id_of twin)" 404)"
    told dev_in 2
    run outcome <<<"$TOLD"
    assert_output 'x-1 200
x-2 400 404 things:x'
    [ ! -s "$WORK/dev_out.out" ]
}

@test "queries are answered, and settled whatever the answer is" {
    hub
    rings dev _/_/things/twin/events -a 200
    service twin "$TWIN"
    say dev_in "$(command x-1 retrieve)" "$(command x-2 retrieve)"
    told twin 2
    say twin "$(response "$(id_of twin 2)" 200)" "$(error "$(id_of twin 1)" 404)"
    told dev_in 2
    run -0 sort <(outcome <<<"$TOLD")
    assert_output 'x-1 200
x-2 200'
    told dev_out 2
    run jq -r '[.headers."correlation-id", .status] | join(" ")' <<<"$TOLD"
    assert_output 'c-x-2 200
c-x-1 404'
}

@test "a response that cannot be delivered holds the settlement back until its ring is there" {
    hub
    local json
    json=$(whole_json dev)
    member dev_in in "$json"
    member boss control '{}'
    say boss '{"expect":'"$json"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
    service twin "$TWIN"
    say dev_in "$(command x-1 modify)"
    told twin 1
    say twin "$(response "$(id_of twin)" 204)"
    wait_for 5 is_counter held 1
    [ ! -s "$WORK/dev_in.out" ]
    member dev_out out "$json"
    told dev_out 1
    kill -KILL "${PIDS[dev_out]}" # and once more: what it had not settled
    wait_exit dev_out
    rm "$WORK/dev_out.in"
    member dev_out out "$json" -a 200
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    run jq -c .status "$WORK/dev_out.out"
    assert_output 204
    is_counter held 0
}

@test "without an outbound ring that is there or expected a response is dropped and counted" {
    hub
    member dev_in in "$(whole_json dev)"
    service twin "$TWIN"
    say dev_in "$(command x-1 modify)"
    told twin 1
    say twin "$(response "$(id_of twin)" 204)"
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    is_counter undelivered 1
}

@test "held responses slow the intake: the inbound ring is not read while they are too many bytes" {
    hub -B 100000
    local json value
    json=$(whole_json dev)
    member dev_in in "$json"
    member boss control '{}'
    say boss '{"expect":'"$json"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
    service twin "$TWIN"
    value=$(bytes 30000)
    local i
    for i in 1 2 3 4 5; do
        say dev_in "$(command x-$i retrieve)"
        [ $i -gt 4 ] || told twin $i
        [ $i -gt 4 ] || say twin '{"id":"'"$(id_of twin)"'","topic":"ns/t/things/twin/commands/retrieve","headers":{},"path":"/","value":"'"$value"'","status":200}'
        [ $i -gt 4 ] || wait_for 5 is_counter held $i
    done
    told twin 4
    is_counter received 4
    member dev_out out "$json" -a 200
    told dev_in 4
    told twin 5
}

@test "replies go to the client that asked" {
    hub
    local json
    json=$(whole_json dev _/_/things/twin/events ',"clientCount":2')
    member one_in in "$json" -C 1
    member zero out "$json" -a 200
    member one out "$json" -C 1 -a 200
    service twin "$TWIN"
    local i
    for i in 1 2 3; do
        say one_in "$(command x-$i modify)"
        told twin $i
        say twin "$(response "$(id_of twin)" 204)"
    done
    told one_in 3
    told one 3
    [ ! -s "$WORK/zero.out" ]
}

@test "a service that leaves: what it had is 503, what comes then is refused at once" {
    hub
    rings dev _/_/things/twin/events -a 200
    service twin "$TWIN"
    say dev_in "$(command x-1 modify)" "$(command x-2 modify '"requested-acks":["other:x"]')" "$(command x-3 retrieve)"
    told twin 3
    kill -KILL "${PIDS[twin]}"
    told dev_in 3
    run -0 sort <(outcome <<<"$TOLD")
    assert_output "$(printf 'x-%s 503 503 connectivity:connection.unavailable\n' 1 2 3)"
    say dev_in "$(command x-4 modify)"
    told dev_in 4
    run tail -n 1 <(outcome <<<"$TOLD")
    assert_output 'x-4 503 503 things:thing.unavailable'
    told dev_out 4
    run -0 sort <(jq -r '[.headers."correlation-id", .topic, .value.error // (.value | keys[])] | join(" ")' <<<"$TOLD")
    assert_output 'c-x-1 ns/t/things/twin/errors connectivity:connection.unavailable
c-x-2 ns/t/things/twin/acks other:x
c-x-3 ns/t/things/twin/errors connectivity:connection.unavailable
c-x-4 ns/t/things/twin/errors things:thing.unavailable'
}

@test "services of one topic, labels of one name: refused until the other is gone; the longest pattern is asked" {
    hub
    service twin "$TWIN"',"labels":["twin:stored"]'
    echo '{"hello":1,"role":"service","service":"other","topics":["_/_/things/twin/commands"]}' >"$WORK/hello"
    refused -H "$WORK/hello" service
    assert_output --partial "\"status\":409,\"error\":\"connectivity:connection.configuration.invalid\",\"message\":\"The topic '_/_/things/twin/commands' of the service 'other' is served by another one."
    echo '{"hello":1,"role":"service","service":"other","labels":["twin:stored"]}' >"$WORK/hello"
    refused -H "$WORK/hello" service
    assert_output --partial "\"status\":409,\"error\":\"acknowledgement:label.not.unique\",\"message\":\"The acknowledgement label 'twin:stored' of the service 'other' is taken by another member."
    service special '"topics":["_/_/things/twin/commands/retrieve","ns/t/things/twin/commands/delete/"]'
    rings dev
    say dev_in "$(command x-1 modify)" "$(command x-2 retrieve)" "$(command x-3 delete)" \
        "$(command x-4 delete | sed s,ns/t/,ns/u/,)"
    told twin 2
    told special 2
    run jq -r .topic "$WORK/twin.out" "$WORK/special.out"
    assert_output 'ns/t/things/twin/commands/modify
ns/u/things/twin/commands/delete
ns/t/things/twin/commands/retrieve
ns/t/things/twin/commands/delete'
}

@test "what no service serves is told through the reply target, too" {
    hub
    rings dev _/_/things/twin/events -a 200
    say dev_in "$(command x-1 modify)" "$(command x-2 retrieve | sed s,commands/retrieve,search/subscribe,)" \
        "$(command x-3 retrieve | sed s,things/twin/commands/retrieve,policies/commands/checkPermissions,)"
    told dev_in 3
    run -0 sort <(outcome <<<"$TOLD")
    assert_output 'x-1 503 503 things:thing.unavailable
x-2 400 400 signal.unsupported
x-3 400 400 signal.unsupported'
    told dev_out 3
    run jq -r '[.topic, .headers."correlation-id", .status, .value.error] | join(" ")' <<<"$TOLD"
    assert_output 'ns/t/things/twin/errors c-x-1 503 things:thing.unavailable
ns/t/things/twin/errors c-x-2 400 signal.unsupported
ns/t/policies/errors c-x-3 400 signal.unsupported'
}

@test "search and streaming: a service answers one command with many lines" {
    hub
    rings dev _/_/things/twin/events -a 200
    service search '"topics":["_/_/things/twin/search"]'
    say dev_in "$(command x-1 retrieve | sed s,commands/retrieve,search/subscribe,)"
    told dev_in 1 # settled when handed on
    told search 1
    local context
    context=$(jq -c .context <<<"$TOLD")
    say search '{"context":'"$context"',"topic":"_/_/things/twin/search/created","headers":{},"path":"/","value":{"subscriptionId":"1"}}' \
        '{"id":"s-1","context":'"$context"',"topic":"_/_/things/twin/search/next","headers":{},"path":"/","value":{"items":[]}}'
    told dev_out 2
    run jq -c '[.topic, .context.reply, has("id")]' <<<"$TOLD"
    assert_output '["_/_/things/twin/search/created",0,false]
["_/_/things/twin/search/next",0,true]'
    told search 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-1","status":200}'
}

@test "an error of the inbound mapper goes to the reply target of its own source" {
    hub
    rings dev _/_/things/twin/events -a 200
    say dev_in '{"topic":"ns/t/things/twin/errors","headers":{"correlation-id":"c"},"path":"/","value":{"status":400,"error":"json.invalid"},"status":400,"context":{"connection":"dev","mapper":"m","reply":0,"expects":["error"]}}' \
        '{"topic":"ns/t/things/twin/errors","headers":{},"path":"/","value":{},"status":400,"context":{"connection":"dev","reply":0,"expects":["response"]}}' \
        '{"id":"x-1","topic":"ns/t/things/twin/errors","headers":{},"path":"/","value":{},"status":400,"context":{"source":0,"reply":0}}'
    told dev_in 1
    run outcome <<<"$TOLD"
    assert_output 'x-1 400 400 signal.unsupported'
    told dev_out 2
    run jq -c '[.context, .value.error]' <<<"$TOLD"
    assert_output '[{"connection":"dev","reply":0,"expects":["error"],"mapper":"m"},"json.invalid"]
[{"connection":"dev","reply":0},"signal.unsupported"]'
}

# --- events, causes, acknowledgements -------------------------------------------------------------------------------

@test "the whole circle: twin-persisted and the target's label, the event before the answer" {
    hub
    rings dev _/_/things/twin/events -a 200
    rings sink
    service twin "$TWIN"
    say dev_in "$(command x-1 modify '"requested-acks":["twin-persisted","sink:done"]')"
    told twin 1
    say twin "$(event '"cause":"'"$(id_of twin)"'"' '"id":"s-1",')" "$(response "$(id_of twin)" 204)"
    told sink_out 1
    [ ! -s "$WORK/dev_in.out" ]
    [ ! -s "$WORK/dev_out.out" ] # not back to the origin
    say sink_out '{"id":"'"$(id_of sink_out)"'","status":200}'
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    told twin 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-1","status":200}'
    told dev_out 1
    run jq -cS '.topic, .status, .value' <<<"$TOLD"
    assert_output '"ns/t/things/twin/acks"
200
{"sink:done":{"headers":{"correlation-id":"c-x-1","response-required":false},"status":200},"twin-persisted":{"headers":{"correlation-id":"c-x-1","response-required":false},"status":204}}'
}

@test "an event that its target refuses, or whose target is away, is not lost from sight" {
    hub
    rings dev _/_/things/twin/events -a 200
    rings sink _/_/things/twin/events -a 503
    service twin "$TWIN"
    local acks='"response-required":false,"requested-acks":["twin-persisted","sink:done"]'
    say dev_in "$(command x-1 modify "$acks")"
    told twin 1
    say twin "$(event '"cause":"'"$(id_of twin)"'"' '"id":"s-1",')" "$(response "$(id_of twin)" 204)"
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":503}'
    told twin 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-1","status":503}'
    member boss control '{}'
    say boss '{"expect":'"$(whole_json sink)"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
    stop sink_out
    say dev_in "$(command x-2 modify "$acks")"
    told twin 3
    say twin "$(event '"cause":"'"$(id_of twin)"'"' '"id":"s-2",')" "$(response "$(id_of twin)" 204)"
    told dev_in 2
    run tail -n 1 <(outcome <<<"$TOLD")
    assert_output 'x-2 503 503 connectivity:connection.unavailable'
    told twin 4
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-2","status":503}'
}

@test "a command whose only labels end with its event is over before its answer" {
    hub
    rings dev
    rings one
    rings two
    service twin "$TWIN"
    member boss control '{}'
    say boss '{"expect":'"$(whole_json away)"'}' '{"expect":'"$(whole_json gone)"'}' '{"x":1}'
    wait_for 5 is_counter bad 1
    say dev_in "$(command x-1 modify '"response-required":false,"requested-acks":["away:done","gone:done"]')"
    told twin 1
    say twin "$(event '"cause":"'"$(id_of twin)"'","origin":"dev"' '"id":"s-1",')" "$(response "$(id_of twin)" 204)"
    told dev_in 1
    run outcome <<<"$TOLD"
    assert_output 'x-1 503 503 connectivity:connection.unavailable'
    told one_out 1
    told two_out 1
    wait_for 5 is_counter unknown 1
    say one_out '{"id":"'"$(id_of one_out)"'","status":200}'
    say two_out '{"id":"'"$(id_of two_out)"'","status":200}'
    told twin 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-1","status":503}'
    is_counter waits 0
}

@test "what a service publishes is settled once all targets have, at once when nobody wants it" {
    hub
    service twin "$TWIN"
    say twin "$(event '' '"id":"s-1",')"
    told twin 1
    assert_equal "$TOLD" '{"id":"s-1","status":200}'
    say twin '{"id":"s-0","topic":"ns/p/policies/events/modified","headers":{},"path":"/","value":{}}'
    told twin 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-0","status":200}'
    rings one
    rings two
    say twin "$(event '' '"id":"s-2",')"
    told one_out 1
    told two_out 1
    say one_out '{"id":"'"$(id_of one_out)"'","status":200}'
    is_counter waits 1
    say two_out '{"id":"'"$(id_of two_out)"'","status":400}'
    told twin 3
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"s-2","status":400}'
}

@test "filters: RQL, readers, origin" {
    hub
    rings hot '_/_/things/twin/events?filter=gt(attributes/a,10)'
    rings all
    service watcher '"subscribe":["_/_/things/twin/events?namespaces=ns&filter=lt(attributes/a,10)"]'
    service twin "$TWIN"
    say twin '{"context":{},"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/attributes/a","value":11,"revision":1}' \
        '{"context":{"readers":["a:c"]},"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/attributes/a","value":12,"revision":2}' \
        '{"context":{"readers":["a:c","a:b"],"subjects":["x:y"]},"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/attributes/a","value":13,"revision":3}' \
        '{"context":{"origin":"all"},"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/attributes/a","value":9,"revision":4}'
    told watcher 1
    run jq -c '[.value, .context]' <<<"$TOLD"
    assert_output '[9,{}]'
    told hot_out 2
    run jq -c '[.value, .context.subjects]' <<<"$TOLD"
    assert_output '[11,null]
[13,["x:y"]]'
    told all_out 2
    run jq -c .value <<<"$TOLD"
    assert_output '11
13'
}

@test "an event that some may read in part: a target gets that part, or nothing" {
    hub
    rings sink
    service twin "$TWIN"
    partly() { # SUBJECT PATHS VALUE
        say twin '{"context":{"readers":["a:b","a:c"]},"topic":"ns/t/things/twin/events/modified","headers":{"ditto-partial-access-paths":{"subjects":["'"$1"'"],"paths":'"$2"'}},"path":"/","value":'"$3"',"revision":1}'
    }
    partly a:b '{"/attributes/x":[0]}' '{"attributes":{"x":1,"y":2}}'
    partly a:c '{"/attributes/x":[0]}' '{"attributes":{"x":1,"y":2}}' # others than the target
    partly a:b '{"/features":[0]}' '{"attributes":{"y":2}}'
    partly a:b '{"/attributes":[0]}' '{"attributes":{"y":3}}'
    told sink_out 3
    run jq -c '[.value, .revision]' <<<"$TOLD"
    assert_output '[{"attributes":{"x":1}},1]
[{"attributes":{"x":1,"y":2}},1]
[{"attributes":{"y":3}},1]'
}

@test "a service answers its own labels, by settlement or by acknowledgement; nobody else's" {
    hub
    source_ring src
    service store '"subscribe":["_/_/things/live/messages"],"labels":["store:one","store:two"]'
    service thief '"subscribe":["_/_/things/live/messages"],"labels":["thief:own"]'
    say src "$(message x-1 ns/t "$(acks store:one store:two thief:own)")"
    told store 1
    told thief 1
    say thief '{"id":"'"$(id_of thief)"'","topic":"ns/t/things/live/acks/store:one","headers":{},"path":"/","status":500}' \
        '{"id":"'"$(id_of store)"'","status":500}'
    wait_for 5 is_counter bad 1
    say thief '{"id":"'"$(id_of thief)"'","status":200}'
    say store '{"id":"'"$(id_of store)"'","topic":"ns/t/things/live/acks/store:one","headers":{},"path":"/","status":404,"value":{"a":1}}' \
        '{"id":"'"$(id_of store)"'","status":200}'
    told src 1
    run outcome <<<"$TOLD"
    assert_output 'x-1 400'
}

# --- live ------------------------------------------------------------------------------------------------------------

LIVE='"topic":"ns/t/things/live/messages/ask","headers":{"correlation-id":"c-1"},"path":"/inbox/messages/ask"'

@test "a device answers a live message by its correlation id" {
    hub
    rings dev _/_/things/twin/events -a 200
    rings thing _/_/things/live/messages
    say dev_in '{"id":"x-1",'"$CONTEXT,$LIVE"',"value":1}'
    told thing_out 1
    run jq -c '[has("id"), .context.subjects]' <<<"$TOLD"
    assert_output '[false,["a:b"]]'
    say thing_in '{"id":"y-1","context":{"source":0},'"${LIVE/c-1/c-2}"',"value":2,"status":200}' \
        '{"id":"y-2","context":{"source":0},'"${LIVE/inbox/outbox}"',"value":2,"status":200}' \
        '{"id":"y-3","context":{"source":0},'"$LIVE"',"value":2,"status":404}' \
        '{"id":"y-4","context":{"source":0},'"$LIVE"',"value":3,"status":200}'
    told thing_in 4
    run outcome <<<"$TOLD"
    assert_output "$(printf 'y-%s 200\n' 1 2 3 4)"
    told dev_out 1
    run jq -c '[.value, .status, .headers]' <<<"$TOLD"
    assert_output '[2,404,{"correlation-id":"c-1"}]'
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}' # whatever a device says, it was there
    is_counter unknown 3
}

@test "a service answers live messages; nobody there is told at once" {
    hub
    rings dev _/_/things/twin/events -a 200
    say dev_in '{"id":"x-1",'"$CONTEXT,$LIVE"',"value":1}'
    told dev_in 1
    run outcome <<<"$TOLD"
    assert_output 'x-1 503 408 command.timeout'
    service lamp '"topics":["ns/t/things/live/messages"]'
    say dev_in '{"id":"x-2",'"$CONTEXT,$LIVE"',"value":1}'
    told lamp 1
    say lamp "$(jq -c '. + {status: 200, value: 2}' <<<"$TOLD")" # all a shell has to do
    told dev_in 2
    run tail -n 1 <(outcome <<<"$TOLD")
    assert_output 'x-2 200'
    told dev_out 2
    run tail -n 1 <(jq -c '[.context.reply, .value, .status]' <<<"$TOLD")
    assert_output '[0,2,200]'
}

@test "acknowledgements of devices: declared labels only" {
    hub
    rings dev _/_/things/twin/events -a 200
    rings thing _/_/things/live/messages
    say dev_in '{"id":"x-1",'"$CONTEXT,${LIVE/'"c-1"'/'"c-1","response-required":false,"requested-acks":["thing:device"]'}"',"value":1}'
    told thing_out 1
    local ack='"headers":{"correlation-id":"c-1"},"path":"/","status":200'
    say thing_in '{"id":"y-1",'"$CONTEXT"',"topic":"ns/t/things/live/acks/dev:device",'"$ack"'}' \
        '{"id":"y-2","context":{"source":0},"topic":"ns/t/things/live/acks/live-response",'"$ack"'}'
    told thing_out 2 # an error, for y-1
    say thing_out '{"id":"'"$(id_of thing_out)"'","status":200}'
    say thing_in '{"id":"y-3","context":{"source":0},"topic":"ns/t/things/live/acks/thing:device",'"$ack"'}'
    told thing_in 3
    run -0 sort <(outcome <<<"$TOLD")
    assert_output 'y-1 400 400 acknowledgement:label.not.declared
y-2 400 400 acknowledgement:ditto.acklabel.forbidden
y-3 200'
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    # a connection none of whose targets got the message says so
    say dev_in '{"id":"x-2",'"$CONTEXT,${LIVE/'"c-1"'/'"c-1","response-required":false,"requested-acks":["dev:device"]'}"',"value":1}'
    told dev_in 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"x-2","status":200}'
}

@test "services speak to each other and to devices" {
    hub
    rings thing _/_/things/live/messages -a 200
    service twin "$TWIN"
    service rules
    say rules "$(command r-1 retrieve '' '"context":{"subjects":["s:r"]}')" '{"id":"r-2",'"$LIVE"',"value":1}'
    told twin 1
    run jq -c '[.context, .topic]' <<<"$TOLD"
    assert_output '[{"subjects":["s:r"]},"ns/t/things/twin/commands/retrieve"]'
    say twin "$(response "$(id_of twin)" 200)"
    told rules 1
    run jq -c '[.id, .status, .headers."correlation-id"]' <<<"$TOLD"
    assert_output '["r-1",200,"c-r-1"]'
    told thing_out 1
    say thing_in '{"id":"y-1","context":{"source":0},'"$LIVE"',"value":2,"status":200}'
    told rules 2
    run tail -n 1 <<<"$TOLD"
    assert_output '{"id":"r-2",'"$LIVE"',"value":2,"status":200}'
}

# --- announcements, diversion ------------------------------------------------------------------------------------------

@test "announcements: of a connection to its own targets, of policies to all that subscribe them" {
    hub
    rings dev _/_/connections/announcements
    rings other _/_/connections/announcements
    rings both _/_/policies/announcements -a 200
    member boss control '{}'
    service policies
    say boss '{"id":"b-1","context":{"connection":"dev"},"topic":"_/dev/connections/announcements/opened","headers":{},"path":"/","value":{"openedAt":"x"}}' \
        '{"topic":"ns/t/things/twin/events/modified","path":"/","value":1}'
    told dev_out 1
    run jq -c '[.topic, .context.target]' <<<"$TOLD"
    assert_output '["_/dev/connections/announcements/opened",0]'
    say dev_out '{"id":"'"$(id_of dev_out)"'","status":200}'
    told boss 1
    assert_equal "$TOLD" '{"id":"b-1","status":200}'
    is_counter bad 1
    say policies '{"id":"p-1","topic":"ns/p/policies/announcements/subjectDeletion","headers":{"requested-acks":["both:done"]},"path":"/","value":{}}'
    told policies 1
    assert_equal "$TOLD" '{"id":"p-1","status":200}'
    told both_out 1
    [ ! -s "$WORK/other.out" ]
}

diversion() { # ID SOURCE-MEMBERS SPECIFIC TOPICS
    echo '{"id":"'"$1"'","connectionType":"mqtt-5","connectionStatus":"open","uri":"tcp://127.0.0.1:1883",' \
        '"sources":[{"addresses":["in"],"qos":1,"authorizationContext":["a:b"]'"$2"',' \
        '"replyTarget":{"enabled":true,"address":"replies","expectedResponseTypes":["response","error"]}}],' \
        '"targets":[{"address":"out","qos":1,"topics":['"$4"'],"authorizationContext":["a:b"]}],"specificConfig":{'"$3"'}}'
}

@test "responses are diverted to the connection that allows it" {
    hub
    local dev
    dev=$(diversion dev ',"headerMapping":{"divert-response-to-connection":"sink"}' '"is-diversion-source":"true"' '"_/_/things/twin/events"')
    member dev_in in "$dev"
    member dev_out out "$dev" -a 200
    member sink out "$(diversion sink '' '"is-diversion-target":"true","authorized-connections-as-sources":"x, dev"' '')" -a 200
    member wary out "$(diversion wary '' '"is-diversion-target":"true","authorized-connections-as-sources":"x"' '')" -a 200
    service twin "$TWIN"
    say dev_in "$(command x-1 modify '"divert-response-to-connection":"sink"')"
    told twin 1
    say twin "$(response "$(id_of twin)" 204)"
    told dev_in 1
    told sink 1
    run jq -c '[.context, .headers, .status]' <<<"$TOLD"
    assert_output '[{"connection":"sink","target":0},{"correlation-id":"c-x-1","diverted-response-from-connection":"dev"},204]'
    say dev_in "$(command x-2 modify '"divert-response-to-connection":"sink","divert-expected-response-types":"error"')" \
        "$(command x-3 modify '"divert-response-to-connection":"wary"')" "$(command x-4 modify '"divert-response-to-connection":"dev"')"
    told twin 4
    local i
    for i in 2 3 4; do say twin "$(response "$(id_of twin $i)" 204)"; done
    told dev_in 4
    told dev_out 2 # of x-2 and x-4
    is_counter undelivered 1
    [ ! -s "$WORK/wary.out" ]
    grep -q "cannot divert a response of 'dev' to 'wary': it does not take responses of that connection" "$WORK/hub.err"
}

# --- extra fields ----------------------------------------------------------------------------------------------------

thing() { # ID REVISION ATTRIBUTES
    echo '{"id":"'"$1"'","topic":"ns/t/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingId":"ns:t","attributes":{'"$3"'},"_revision":'"$2"'},"status":200}'
}
changed() { # PATH VALUE REVISION
    echo '{"topic":"ns/t/things/twin/events/modified","headers":{},"path":"'"$1"'","value":'"$2"',"revision":'"$3"'}'
}

@test "extra fields: asked for once, kept true by events, asked for again after a gap" {
    hub
    rings sink '_/_/things/twin/events?extraFields=attributes/place'
    service twin "$TWIN"
    say twin "$(changed /attributes/a 1 5)" "$(changed /attributes/a 2 6)"
    told twin 1
    run jq -c '[.topic, .fields, .context]' <<<"$TOLD"
    assert_output '["ns/t/things/twin/commands/retrieve","thingId,policyId,definition,attributes,features,_revision,_modified,_created,_metadata",{"subjects":["a:b"]}]'
    [ ! -s "$WORK/sink_out.out" ]
    say twin "$(thing "$(id_of twin)" 6 '"a":2,"place":"here"')"
    told sink_out 2
    say twin "$(changed /attributes/a 3 7)" "$(changed /attributes/place '"there"' 8)" "$(changed /attributes/a 4 9)"
    told sink_out 5
    run jq -c '[.value, .extra]' <<<"$TOLD"
    assert_output '[1,{"attributes":{"place":"here"}}]
[2,{"attributes":{"place":"here"}}]
[3,{"attributes":{"place":"here"}}]
["there",{"attributes":{"place":"there"}}]
[4,{"attributes":{"place":"there"}}]'
    told twin 1
    say twin "$(changed /attributes/a 5 11)"
    told twin 2
    say twin "$(thing "$(id_of twin)" 11 '"a":5,"place":"gone"')"
    told sink_out 6
    run tail -n 1 <(jq -c .extra <<<"$TOLD")
    assert_output '{"attributes":{"place":"gone"}}'
}

@test "extra fields: placeholders stand for what the message says" {
    hub
    rings sink '_/_/things/twin/events?extraFields=features/%7B%7Bfeature:id%7D%7D/definition,attributes/place'
    service twin "$TWIN"
    say twin "$(changed /features/lamp/properties/on true 5)"
    told twin 1
    say twin '{"id":"'"$(id_of twin)"'","topic":"ns/t/things/twin/commands/retrieve","headers":{},"path":"/","value":{"thingId":"ns:t","attributes":{"place":"here","a":1},"features":{"lamp":{"definition":["a:b:1"],"properties":{}},"door":{"definition":["a:c:1"]}},"_revision":5},"status":200}'
    told sink_out 1
    say twin "$(changed /attributes/a 2 6)" # about no feature
    told sink_out 2
    run jq -c .extra <<<"$TOLD"
    assert_output '{"attributes":{"place":"here"},"features":{"lamp":{"definition":["a:b:1"]}}}
{"attributes":{"place":"here"}}'
}

@test "extra fields: the filter sees them; what it stops is a weak acknowledgement; errors are the label's" {
    hub
    rings dev _/_/things/twin/events -a 200
    rings sink '_/_/things/twin/events?filter=eq(attributes/place,%22here%22)&extraFields=attributes/place' -a 200
    service twin "$TWIN"
    local acks='"response-required":false,"requested-acks":["twin-persisted","sink:done"]' cause
    publish() { # ID REVISION ANSWER
        say dev_in "$(command "$1" modify "$acks")"
        told twin $((asked + 1))
        cause=$(id_of twin)
        say twin "$(changed /attributes/a 1 "$2" | sed 's/^{/{"context":{"cause":"'"$cause"'"},/')" "$(response "$cause" 204)"
        told twin $((asked + 2))
        asked=$((asked + 2))
        say twin "${3/ID/$(id_of twin)}"
        told dev_in $((asked / 2))
    }
    local asked=0
    publish x-1 5 "$(thing ID 5 '"place":"here"')"
    told sink_out 1
    say twin '{"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/","value":{},"revision":6}' # forget
    told twin 3
    say twin "$(thing "$(id_of twin)" 6 '"place":"x"')"
    asked=3
    say twin '{"topic":"ns/t/things/twin/events/modified","headers":{},"path":"/","value":{},"revision":8}'
    told twin 4
    say twin "$(error "$(id_of twin)" 404)"
    asked=4
    say dev_in "$(command x-2 modify "$acks")"
    told twin 5
    cause=$(id_of twin)
    say twin "$(changed /attributes/a 1 9 | sed 's/^{/{"context":{"cause":"'"$cause"'"},/')" "$(response "$cause" 204)"
    told twin 6
    say twin "$(thing "$(id_of twin)" 9 '"place":"there"')"
    told dev_in 2
    stop twin
    service lone '"subscribe":["_/_/things/twin/events"]'
    told sink_out 1
    run -0 sort <(outcome <"$WORK/dev_in.out")
    assert_output 'x-1 200
x-2 200'
    is_counter handed 3 # two to dev
}
