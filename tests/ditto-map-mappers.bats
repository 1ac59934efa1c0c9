#!/usr/bin/env bats
# ditto-map: Ditto's mappers that need no script.

load helper/common
load helper/map

DITTO=application/vnd.eclipse.ditto+json
EVENT='{"topic":"ns/d/things/twin/events/ACTION","headers":{"correlation-id":"c","n":5},"path":"PATH","value":VALUE,"revision":7,"timestamp":"2024-05-06T07:08:09Z"}'

event() { # ACTION PATH VALUE [MEMBERS]
    local line=${EVENT/ACTION/$1}
    line=${line/PATH/$2}
    line=${line/VALUE/$3}
    jq -c "${4:-.}" <<<"$line"
}

# The only message that the mapper publishes of these lines, or the settlement: publish LINE…
publish() {
    map "$@" -- -o -c "$WORK/c.json" -k 0
    assert_success
    assert_stderr ''
}

receive() {
    map "$@" -- -i -c "$WORK/c.json" -k 0
    assert_success
    assert_stderr ''
}

# --- all of them --------------------------------------------------------------------------------------------------

@test "mappers go by their alias and by the name of Ditto's class" {
    local class
    while read -r class; do
        mapper_connection "org.eclipse.ditto.connectivity.service.mapping.$class" '{thingId: "a:b", thing: {thingId: "a:b"}}'
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
        assert_success
        assert_stderr ''
    done <<'END'
DittoMessageMapper
NormalizedMessageMapper
RawMessageMapper
ImplicitThingCreationMessageMapper
UpdateTwinWithLiveResponseMessageMapper
ConnectionStatusMessageMapper
CloudEventsMapper
javascript.JavaScriptMessageMapperRhino
END
}

@test "some mappers need no definition" {
    local mapper
    for mapper in Ditto Normalized RawMessage UpdateTwinWithLiveResponse CloudEvents; do
        connection ".sources[0].payloadMapping = [\"$mapper\"]" >"$WORK/c.json"
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
        assert_success
    done
    for mapper in JavaScript ConnectionStatus ImplicitThingCreation JQ; do
        connection ".sources[0].payloadMapping = [\"$mapper\"]" >"$WORK/c.json"
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
        assert_status 100
        assert_stderr --partial "$mapper"
    done
}

@test "the rows of the vectors" {
    local vectors=${VECTORS:-$ROOT/../shared/vectors} conform=${VECTORS:-$ROOT/../shared}/conform.py
    [ -e "$vectors/mapping/mappers.ndjson" ] && [ -e "$conform" ] || skip 'there are none here'
    cd "$ROOT"
    BIN=$BUILD/bin run --separate-stderr python3 "$conform" "$vectors" mappers
    assert_success
    assert_stderr ''
}

# --- Normalized ---------------------------------------------------------------------------------------------------

normalized() { mapper_connection Normalized "${1:-"{}"}" . targets; }

@test "Normalized: an event becomes the part of the thing that changed" {
    normalized
    publish "$(event modified /attributes/a 1)"
    assert_lines 'map(del(.context, .text))' '[{"address":"t","headers":{"content-type":"application/json"}}]'
    assert_lines '.[0].text' '"{\"thingId\":\"ns:d\",\"attributes\":{\"a\":1},\"_modified\":\"2024-05-06T07:08:09Z\",\"_revision\":7,\"_context\":{\"topic\":\"ns/d/things/twin/events/modified\",\"path\":\"/attributes/a\",\"value\":1,\"headers\":{\"correlation-id\":\"c\",\"n\":\"5\"}}}"'
}

@test "Normalized: numbers stay as written, and so does what is not touched" {
    normalized
    map '{"topic":"ns/d/things/twin/events/created","path":"/","value":{"thingId":"ns:d","attributes":{"a":12345678901234567890,"b":1.0,"c":1e400, "d" : [ 1.50 ]}},"extra":{"attributes":{"e":-0,"a":1}}}' -- -o -c "$WORK/c.json" -k 0
    assert_success
    [[ $output == *'{\"attributes\":{\"e\":-0,\"a\":12345678901234567890,\"b\":1.0,\"c\":1e400,\"d\":[ 1.50 ]},\"thingId\":\"ns:d\",\"_context\":'* ]] || fail "$output"
}

@test "Normalized: what the event says wins over extra fields, objects are merged" {
    normalized
    publish "$(event modified /features/f/properties/p '{"x":2}' '.extra = {policyId: "p:q", features: {f: {properties: {p: {x: 1, y: 1}, q: 3}}}}')"
    assert_lines '.[0].text | fromjson | [.policyId, .features]' '["p:q",{"f":{"properties":{"p":{"x":2,"y":1},"q":3}}}]'
}

@test "Normalized: merges lose what is null, deletions tell on request" {
    normalized
    publish "$(event merged /features/f '{"properties":{"a":null,"b":1,"c":{"d":null}}}')" "$(event merged /attributes '{"a":null}')"
    assert_lines 'map(.text | fromjson | [.features, .attributes, ._context.value, ._deletedFields])' \
        '[[{"f":{"properties":{"b":1}}},null,{"properties":{"b":1}},null],[null,null,null,null]]'
    publish "$(event deleted /attributes/a null 'del(.value)' | jq -c '.id = "x"')"
    assert_lines . '[{"id":"x","status":200}]'
    publish "$(event deleted / null 'del(.value)')"
    assert_lines '.[0].text | fromjson | del(._context)' '{"thingId":"ns:d","_modified":"2024-05-06T07:08:09Z","_revision":7,"_deleted":"2024-05-06T07:08:09Z"}'
    normalized '{includeDeletedFields: "true"}'
    publish "$(event deleted /attributes/a/b null 'del(.value)')" \
        "$(event merged /features '{"{{~x.*~}}":null,"{{ /y/ }}":null,"g":null,"f":{"properties":{"z":null,"k":[null]}}}')" \
        "$(event merged /attributes/q null)"
    assert_lines 'map(.text | fromjson._deletedFields)' \
        '[{"attributes":{"a":{"b":"2024-05-06T07:08:09Z"}}},{"features":{"g":"2024-05-06T07:08:09Z","f":{"properties":{"z":"2024-05-06T07:08:09Z"}}}},{"attributes":{"q":"2024-05-06T07:08:09Z"}}]'
}

@test "Normalized: fields select" {
    normalized '{fields: "thingId,attributes(a,b/c),_context/topic"}'
    publish "$(event modified /attributes '{"a":1.5,"b":{"c":2,"d":3},"e":4}')"
    assert_lines '.[0].text' '"{\"thingId\":\"ns:d\",\"attributes\":{\"a\":1.5,\"b\":{\"c\":2}},\"_context\":{\"topic\":\"ns/d/things/twin/events/modified\"}}"'
    normalized '{fields: "a(b"}'
    run --separate-stderr ditto-map -n -o -c "$WORK/c.json" </dev/null
    assert_status 100
    assert_stderr --partial 'connectivity:message.mapper.config.invalid: The option <fields> of the mapper <m> cannot be used.'
}

@test "Normalized: other messages make nothing, either way" {
    local topic
    normalized
    for topic in ns/d/things/twin/commands/modify ns/d/things/live/messages/s ns/p/policies/events/modified ns/d/things/twin/errors; do
        publish "$(jq -c --arg t $topic '.topic = $t | .id = "x"' <<<"$(event modified / '{}')")"
        assert_lines . '[{"id":"x","status":200}]'
    done
    publish "$(event modified /attributes/a 1 '.topic |= sub("twin"; "live")')"
    assert_lines 'length' 1
    mapper_connection Normalized '{}'
    receive "$(external x "$(envelope)")"
    assert_lines . '[{"id":"x","status":200}]'
}

# --- RawMessage ---------------------------------------------------------------------------------------------------

message() { # MEMBERS: of a live message
    jq -nc '{id: "x", topic: "ns/d/things/live/messages/my/sub", headers: {}, path: "/inbox/messages/my/sub"} * ('"${1:-"{}"}"')'
}

@test "RawMessage outbound: headers tell what the message is, its value is the payload" {
    mapper_connection RawMessage '{}' . targets
    publish "$(message '{value: "h\u0000", headers: {"correlation-id": "c"}}')" \
        "$(message '{value: {a: 1.5}, path: "/features/f/outbox/messages/my/sub", headers: {"content-type": "application/x+json; v=1"}, status: 418}')" \
        "$(message '{value: "/wA=", headers: {"content-type": "application/octet-stream"}}')" "$(message)"
    assert_lines '.[0] | del(.context)' '{"address":"t","headers":{"content-type":"text/plain; charset=utf-8","ditto-message-direction":"TO","ditto-message-subject":"my/sub","ditto-message-thing-id":"ns:d"},"text":"h\u0000","id":"x"}'
    assert_lines '.[1] | [.headers, .text]' '[{"content-type":"application/x+json; v=1","ditto-message-direction":"FROM","ditto-message-subject":"my/sub","ditto-message-thing-id":"ns:d","ditto-message-feature-id":"f","status":"418"},"{\"a\":1.5}"]'
    assert_lines '.[2] | [.bytes, .text]' '["/wA=",null]'
    assert_lines '.[3] | has("text"), has("bytes")' $'false\nfalse'
}

@test "RawMessage outbound: all else goes as Ditto does it, bytes have to be some" {
    mapper_connection RawMessage '{outgoingContentType: "Application/JSON"}' . targets
    publish "$(message "{value: \"x\", headers: {\"content-type\": \"$DITTO\"}}")" "$(envelope)" "$(message '{value: "x"}')"
    assert_lines 'map([.headers["content-type"], (.text | fromjson? // .)])' \
        "[[\"$DITTO\",{\"topic\":\"ns/d/things/live/messages/my/sub\",\"headers\":{\"content-type\":\"$DITTO\"},\"path\":\"/inbox/messages/my/sub\",\"value\":\"x\"}],[\"$DITTO\",{\"topic\":\"ns/d/things/twin/commands/modify\",\"headers\":{\"correlation-id\":\"c\"},\"path\":\"/attributes/a\",\"value\":1}],[\"application/json\",\"x\"]]"
    for value in '"no base64"' '{}' 1; do
        map "$(message "{value: $value, headers: {\"content-type\": \"image/png\"}}")" -- -o -c "$WORK/c.json" -k 0
        assert_error messages:messageformat.invalid
    done
}

raw_headers() { # JQ object that is added
    jq -nc '{"ditto-message-subject": "s/1", "ditto-message-thing-id": "ns:d", "content-type": "text/plain"} + ('"${1:-"{}"}"')'
}

@test "RawMessage inbound: the message is what the headers say, its value the payload" {
    mapper_connection RawMessage '{}'
    receive "$(external 1 'h"i' "$(raw_headers)")" \
        "$(external 2 '{ "a": 1.0 }' "$(raw_headers '{"content-type": "application/json", "ditto-message-direction": "from", "ditto-message-feature-id": "f", status: "204"}')")" \
        "$(external 3 'hü' "$(raw_headers '{"content-type": "image/png"}')")" \
        '{"id":"4","address":"a","headers":'"$(raw_headers '{"content-type": "image/png"}')"',"bytes":"/wA="}' \
        '{"id":"5","address":"a","headers":'"$(raw_headers '{"content-type": "text/plain; charset=iso-8859-1"}')"',"bytes":"/GI="}' \
        "$(external 6 'x' "$(raw_headers 'null')" | jq -c 'del(.text)')" \
        "$(external 7 "$(envelope)" "$(raw_headers "{\"content-type\": \"$DITTO; x=y\"}")")"
    assert_lines '.[0] | [.topic, .path, .value, .headers["content-type"]]' '["ns/d/things/live/messages/s/1","/inbox/messages/s/1","h\"i","text/plain"]'
    [[ ${lines[1]} == *'"path":"/features/f/outbox/messages/s/1","value":{ "a": 1.0 },"status":204,'* ]] || fail "${lines[1]}"
    assert_lines 'map(.value)[2:5]' '["aMO8","/wA=","üb"]'
    assert_lines '.[5] | has("value")' false
    assert_lines '.[6].path' '"/attributes/a"'
}

@test "RawMessage inbound: what is missing or wrong" {
    local headers code
    mapper_connection RawMessage '{}'
    while IFS=' ' read -r code headers; do
        map "$(external x x "$(raw_headers "$headers")")" -- -i -c "$WORK/c.json"
        assert_error "$code"
    done <<'END'
connectivity:message.mapping.failed {"ditto-message-subject": null}
connectivity:message.mapping.failed {"ditto-message-thing-id": null}
connectivity:message.mapping.failed {"ditto-message-direction": "UP"}
connectivity:message.mapping.failed {"content-type": "application/json"}
things:id.invalid {"ditto-message-thing-id": "no id"}
header.invalid {"status": "abc"}
header.invalid {"status": "99"}
END
    mapper_connection RawMessage '{incomingMessageHeaders: {"content-type": "{{ header:nope }}"}}'
    map "$(external x x "$(raw_headers)")" -- -i -c "$WORK/c.json"
    assert_error messages:messageformat.invalid
}

@test "RawMessage inbound: configured headers are templates" {
    mapper_connection RawMessage '{incomingMessageHeaders: {"ditto-message-subject": "{{ request:subjectId }}", "ditto-message-thing-id": "{{ header:dev | fn:lower() }}", "ditto-message-feature-id": "{{ header:none }}", mine: "x"}}'
    receive "$(external x x '{dev: "NS:D", "content-type": "text/plain"}')"
    assert_lines '.[0] | [.topic, .path, (.headers | del(.["correlation-id"]))]' '["ns/d/things/live/messages/i:s","/inbox/messages/i:s",{"content-type":"text/plain"}]'
}

# --- ImplicitThingCreation ------------------------------------------------------------------------------------------

creation() { # OPTIONS [sources|targets]
    mapper_connection ImplicitThingCreation "$1" . "${2:-sources}"
}

@test "ImplicitThingCreation: a thing of a template, unless it exists" {
    creation '{thing: {thingId: "{{ header:device_id }}", policyId: "p:q", attributes: {v: "BIG", at: "{{ header:at }}"}, _policy: {}, _copyPolicyFrom: "{{ ref:things/a:b/policyId }}", unknown: 1}, commandHeaders: {a: "{{ header:at }}", b: "{{ header:none }}", c: true, "if-none-match": "*"}, allowPolicyLockout: "false"}'
    sed -i 's/"BIG"/12345678901234567890/' "$WORK/c.json"
    receive "$(external x ignored '{device_id: "ns:d", at: "roof"}')"
    assert_lines '.[0] | [.topic, .path, (.headers | del(."correlation-id"))]' '["ns/d/things/twin/commands/create","/",{"if-none-match":"*","a":"roof","c":"true","allow-policy-lockout":false}]'
    [[ $output == *'"value":{"_namespace":"ns","thingId":"ns:d","policyId":"p:q","attributes":{"v":12345678901234567890,"at":"roof"},"_policy":{},"_copyPolicyFrom":"{{ref:things/a:b/policyId }}"},'* ]] || fail "$output"
}

@test "ImplicitThingCreation: what a template cannot be made of" {
    local headers code
    creation '{thing: {thingId: "{{ header:device_id }}", attributes: {at: "{{ header:at }}"}}}'
    while IFS=' ' read -r code headers; do
        map "$(external x ignored "$headers")" -- -i -c "$WORK/c.json"
        assert_error "$code"
    done <<'END'
placeholder:unresolved {"at": "x"}
things:id.invalid {"device_id": "no id", "at": "x"}
json.invalid {"device_id": "ns:d", "at": "say \"hi\""}
END
}

@test "ImplicitThingCreation: options that cannot be used" {
    local options
    while read -r options; do
        creation "$options"
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
        assert_status 100
        assert_output ''
    done <<'END'
{}
{"thing": 1}
{"thing": {}}
{"thing": {"policyId": "a:b"}}
{"thing": {"thingId": "no id"}}
END
}

@test "ImplicitThingCreation outbound: an error is one, all else goes nowhere" {
    creation '{thing: {thingId: "a:b"}}' targets
    map "$(envelope '{id: "x", topic: "ns/d/things/twin/errors", status: 409, value: {status: 409, error: "things:thing.conflict", message: "it exists"}}')" \
        "$(envelope '{id: "y", status: 201}')" -- -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines . '[{"id":"x","status":409,"error":{"status":409,"error":"things:thing.conflict","message":"it exists"}},{"id":"y","status":200}]'
}

# --- UpdateTwinWithLiveResponse --------------------------------------------------------------------------------------

response() { # MEMBERS
    jq -nc '{topic: "ns/d/things/live/commands/retrieve", headers: {"correlation-id": "c-1", "response-required": true}, path: "/attributes/a", value: 1, status: 200} + ('"${1:-"{}"}"') | tostring'
}

@test "UpdateTwinWithLiveResponse: a live response becomes a merge" {
    mapper_connection UpdateTwinWithLiveResponse '{}' '.sources[0].payloadMapping = ["Ditto", "m"]'
    receive '{"id":"x","address":"a","text":'"$(response)"'}'
    assert_lines '.[0]' '{"id":"x","parts":2}'
    assert_lines '.[1].topic' '"ns/d/things/live/commands/retrieve"'
    assert_lines '.[2] | del(.context)' '{"topic":"ns/d/things/twin/commands/merge","headers":{"response-required":false,"if-match":"*","correlation-id":"c-1-merge-into-twin","content-type":"application/merge-patch+json"},"path":"/attributes/a","value":1,"id":"x/2"}'
}

@test "UpdateTwinWithLiveResponse: configured headers replace the standard ones" {
    mapper_connection UpdateTwinWithLiveResponse '{dittoHeadersForMerge: {"response-required": true, x: "{{ header:h }}-{{  header:none }}", list: ["{{ header:h }}"]}}'
    receive '{"id":"x","address":"a","headers":{"h":"v"},"text":'"$(response '{headers: {}, value: 1.50}')"'}'
    assert_lines '.[0].headers | .["correlation-id"] |= sub("^[0-9a-f-]{36}-"; "")' '{"response-required":true,"x":"v-{{header:none }}","list":"[\"v\"]","correlation-id":"merge-into-twin","content-type":"application/merge-patch+json"}'
}

@test "UpdateTwinWithLiveResponse: of all else nothing" {
    local members
    mapper_connection UpdateTwinWithLiveResponse '{}'
    while read -r members; do
        receive '{"id":"x","address":"a","text":'"$(response "$members")"'}'
        assert_lines . '[{"id":"x","status":200}]'
    done <<'END'
{topic: "ns/d/things/twin/commands/retrieve"}
{topic: "ns/d/things/live/commands/modify"}
{topic: "ns/d/things/live/errors"}
{topic: "nonsense"}
{status: null}
END
    receive '{"id":"x","address":"a","text":"nonsense"}' '{"id":"x","address":"a"}'
    assert_lines . '[{"id":"x","status":200},{"id":"x","status":200}]'
    mapper_connection UpdateTwinWithLiveResponse '{}' . targets
    publish "$(envelope '{id: "x"}')"
    assert_lines . '[{"id":"x","status":200}]'
}

# --- ConnectionStatus -----------------------------------------------------------------------------------------------

@test "ConnectionStatus: for how long a device can be reached" {
    mapper_connection ConnectionStatus '{thingId: "{{ header:device_id }}", featureId: "f-{{ header:n }}"}'
    receive "$(external 1 ignored '{device_id: "ns:d", n: "1", ttd: "20", "creation-time": "1571214120000"}')" \
        "$(external 2 ignored '{device_id: "ns:d", n: "2", ttd: "-1", "creation-time": "1571214120500"}')" \
        "$(external 3 ignored '{device_id: "ns:d", n: "3", ttd: "0", "creation-time": "1571214120000"}')"
    assert_lines '.[0] | [.topic, .headers["response-required"], .headers["requested-acks"], .headers["content-type"], .path, .value]' \
        '["ns/d/things/twin/commands/modify",false,[],"application/json","/features/f-1",{"definition":["org.eclipse.ditto:ConnectionStatus:1.0.0"],"properties":{"status":{"readySince":"2019-10-16T08:22:00Z","readyUntil":"2019-10-16T08:22:20Z"}}}]'
    assert_lines '.[1].value.properties' '{"status":{"readySince":"2019-10-16T08:22:00.500Z","readyUntil":"9999-12-31T23:59:59Z"}}'
    assert_lines '.[2] | [.path, .value]' '["/features/f-3/properties/status/readyUntil","2019-10-16T08:22:00Z"]'
}

@test "ConnectionStatus: what makes no sense makes nothing" {
    local headers
    mapper_connection ConnectionStatus '{thingId: "{{ header:device_id }}"}'
    while read -r headers; do
        receive "$(external x ignored "$headers")"
        assert_lines . '[{"id":"x","status":200}]'
    done <<'END'
{"device_id": "ns:d", "creation-time": "1"}
{"device_id": "ns:d", "ttd": "1"}
{"device_id": "ns:d", "ttd": "-2", "creation-time": "1"}
{"device_id": "ns:d", "ttd": "1", "creation-time": "-1"}
{"device_id": "ns:d", "ttd": "x", "creation-time": "1"}
{"device_id": "ns:d", "TTD": "1", "creation-time": "1"}
{"device_id": "ns:d", "ttd": "9223372036854775807", "creation-time": "1"}
{"device_id": "ns:d", "ttd": "1", "creation-time": "9223372036854775807"}
{"device_id": "no id", "ttd": "1", "creation-time": "1"}
{"ttd": "1", "creation-time": "1"}
END
    for options in '{}' '{thingId: "no id"}'; do
        mapper_connection ConnectionStatus "$options"
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
        assert_status 100
    done
}

# --- CloudEvents ----------------------------------------------------------------------------------------------------

cloud_event() { # MEMBERS: a text
    jq -nc '{specversion: "1.0", id: "e-1", source: "s", type: "t", data: {topic: "ns/d/things/twin/commands/modify", headers: {"correlation-id": "old", h: "v"}, path: "/", value: {n: 1}}} + ('"${1:-"{}"}"') | tostring'
}

@test "CloudEvents inbound: structured and binary" {
    mapper_connection CloudEvents '{}'
    receive '{"id":"1","address":"a","headers":{"content-type":"application/cloudevents+json"},"text":'"$(cloud_event)"'}' \
        '{"id":"2","address":"a","headers":{"content-type":"application/cloudevents+json"},"text":'"$(cloud_event "{data: null, data_base64: \"$(envelope | base64 -w 0)\"}")"'}' \
        "$(external 3 "$(envelope '{value: 2}')" "{\"content-type\": \"$DITTO\", \"ce-id\": \"e-3\", \"ce-source\": \"s\", \"ce-type\": \"t\", \"ce-specversion\": \"1.0\"}")" \
        "$(external 4 "$(envelope)" '{"content-type": "application/cloudevents+json; charset=utf-8"}')" "$(external 5 x)"
    assert_lines 'map([.id, .headers["correlation-id"], .headers.h, .value // .status])' \
        '[["1","e-1","v",{"n":1}],["2","e-1",null,1],["3","e-3",null,2],["4",null,null,200],["5",null,null,200]]'
}

@test "CloudEvents inbound: what is no event" {
    local text
    mapper_connection CloudEvents '{}'
    for text in "$(cloud_event '{id: null}')" "$(cloud_event '{specversion: null}')" "$(cloud_event '{type: null}')" \
        "$(cloud_event '{source: null}')" "$(cloud_event | jq -c 'fromjson | del(.data) | tostring')" '""' \
        "$(cloud_event '{data_base64: "!"}')"; do
        map '{"id":"x","address":"a","headers":{"content-type":"application/cloudevents+json"},"text":'"$text"'}' -- -i -c "$WORK/c.json"
        assert_error connectivity:message.mapping.failed
    done
    map "$(external x "$(envelope)" "{\"content-type\": \"$DITTO\", \"ce-id\": \"e\"}")" -- -i -c "$WORK/c.json"
    assert_error connectivity:message.mapping.failed
    map "$(external x 'no JSON' '{"content-type": "application/cloudevents+json"}')" -- -i -c "$WORK/c.json"
    assert_error connectivity:message.mapping.failed
    map "$(external x '')" -- -i -c "$WORK/c.json"
    assert_error connectivity:message.mapping.failed
}

@test "CloudEvents outbound" {
    mapper_connection CloudEvents '{}' . targets
    publish "$(envelope)" "$(envelope '{headers: {}}')"
    assert_lines '.[0].headers' '{"content-type":"application/cloudevents+json"}'
    assert_lines '.[0].text | fromjson | .time |= test("^[0-9-]+T[0-9:.]+Z$")' '{"data":{"topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c"},"path":"/attributes/a","value":1},"specversion":"1.0","id":"c","source":"https://github.com/eclipse-ditto/ditto","type":"org.eclipse.ditto.outbound:things/twin/commands/modify","datacontenttype":"application/vnd.eclipse.ditto+json","time":true,"subject":"ns:d"}'
    assert_lines '.[1].text | fromjson.id | test("^[0-9a-f-]{36}$")' true
}
