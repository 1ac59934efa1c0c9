#!/usr/bin/env bats
# ditto-map: payload mapping both ways, the programs of mappers, and what neither they nor it may do.

load helper/common
load helper/map

CONTENT_TYPE=application/vnd.eclipse.ditto+json

# The connection of the test, with a JQ mapper "m": jq_connection WAY PROGRAM [FILTER]
jq_connection() {
    connection "($(jq -n --arg way "$1" --arg program "$2" '{($way): $program}')) as \$o
        | .mappingDefinitions.m = {mappingEngine: \"JQ\", options: \$o}
        | .${4:-sources}[0].payloadMapping = [\"m\"] | ${3:-.}" >"$WORK/c.json"
}

# --- usage --------------------------------------------------------------------------------------------------------

@test "wrong usage ends with 100" {
    local args
    for args in '' '-i -o' '-i -k 0' '-o -r' '-i -r -c x' '-i x' '-i -t 0' '-z' '-i -m Ditto -c x' '-o -r -m Ditto' \
        "-i $(printf -- '-m Ditto %.0s' {1..11})"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr ditto-map $args </dev/null
        assert_status 100
        assert_output ''
        assert_stderr --partial 'usage: ditto-map '
    done
}

@test "a connection that cannot be read" {
    run --separate-stderr ditto-map -i -c "$WORK/none" </dev/null
    assert_status 111
    assert_stderr --partial "ditto-map: error: cannot read connection '$WORK/none': No such file or directory"
    echo '{"id":1}' >"$WORK/c.json"
    run --separate-stderr ditto-map -i -c "$WORK/c.json" </dev/null
    assert_status 100
    assert_stderr --partial "ditto-map: error: cannot read connection '$WORK/c.json': "
    connection >"$WORK/c.json"
    run --separate-stderr ditto-map -i -c "$WORK/c.json" -k 1 </dev/null
    assert_status 100
    assert_stderr 'ditto-map c1: error: cannot use source 1: the connection has 1'
    run --separate-stderr ditto-map -o -c "$WORK/c.json" -k 7 </dev/null
    assert_status 100
    assert_stderr 'ditto-map c1: error: cannot use target 7: the connection has 1'
}

@test "what cannot be used is refused at start, by name" {
    local way filter what
    while IFS=: read -r way filter what; do
        connection "${filter//@/:}" >"$WORK/c.json"
        run --separate-stderr ditto-map -n -"$way" -c "$WORK/c.json" </dev/null
        assert_status 100
        assert_output ''
        assert_stderr --partial "$what"
        [ "$(wc -l <<<"$stderr")" -eq 1 ] || fail "more than one line: $stderr"
    done <<'END'
i:.sources[0].payloadMapping = ["nope"]:nope
i:.sources[0].headerMapping = {a@ "{{ header@x | fn@nope() }}"}:fn:nope()
i:.sources[0].headerMapping = {a@ "{{ policy@id }}"}:policy:id
i:.sources[0].headerMapping = {a@ "{{ time@then }}"}:time:then
i:.sources[0].acknowledgementRequests = {includes@ [], filter@ "header@qos"}:header:qos
o:.targets[0].address = "{{ feature@ids }}":feature:ids
o:.targets[0].headerMapping = {a@ "{{ thing@id | fn@upper('x') }}"}:fn:upper('x')
END
}

@test "-n checks both ways and reads nothing" {
    connection >"$WORK/c.json"
    for way in -i -o; do
        run --separate-stderr ditto-map -n $way -c "$WORK/c.json" </dev/null
        assert_success
        assert_output ''
        assert_stderr ''
    done
}

# --- mappers without a connection ---------------------------------------------------------------------------------

@test "-m maps without a connection, each time with one more mapper" {
    local options
    options=$(jq -nc --argjson e "$(envelope)" '{incoming: ".text as $text | \($e) | .value = $text"}')
    map "$(external x hello)" -- -i -m "JQ=$options"
    assert_success
    assert_lines 'map([.topic, .path, .value, .id])' '[["ns/d/things/twin/commands/modify","/attributes/a","hello","x"]]'
    map "$(external x "$(envelope)")" -- -i -m Ditto -m "JQ=$options" -m "JavaScript=$(jq -nc '{incomingScript:
        "const mapToDittoProtocolMsg = (headers, text) => JSON.parse(text.replace(/1/, 2))"}')"
    assert_success
    assert_lines 'map(.parts // [(.value | if type == "string" then type else . end), .id])' \
        '[3,[1,"x/1"],["string","x/2"],[2,"x/3"]]'
    map "$(envelope)" -- -o -m Normalized -m Ditto -m Ditto='{"content-type-blocklist":""}'
    assert_success
    assert_lines 'map(.address)' '["ns/d/things/twin/commands/modify","ns/d/things/twin/commands/modify"]'
}

@test "a mapper of -m that cannot be used is refused at start, by name" {
    local mapper why
    while IFS=' ' read -r mapper why; do
        run --separate-stderr ditto-map -n -i -m Ditto -m "$mapper" </dev/null
        assert_status 100
        assert_output ''
        assert_stderr "ditto-map: error: cannot use mapper $why"
    done <<'END'
JQ=3 'JQ': its options are no JSON object
JQ={ 'JQ': its options are no JSON object
JQ= 'JQ': its options are no JSON object
JQ 1: connectivity:connection.configuration.invalid: The mapper <JQ> could not be loaded. It needs a mapping definition.
Nope 1: connectivity:connection.configuration.invalid: The mapper <Nope> could not be loaded. There is no mapper of that name.
Nope={} 1: connectivity:connection.configuration.invalid: The mapper <Nope> could not be loaded. Its mapping engine is not known.
END
}

# --- step by step -------------------------------------------------------------------------------------------------

# A word of each step.
STEPS='map(.step + (.of // .mapper // "" | if . == "" then . else " " + . end) + (.name // .skipped // .error.error // "" | if . == "" then . else " " + . end))'

steps_connection() {
    jq_connection incoming '{topic: "ns/j/things/twin/commands/delete", path: "/"}' '.mappingDefinitions.m.incomingConditions
        = {c: "fn:filter(header:kind,\u0027eq\u0027,\u0027big\u0027)"}
        | .mappingDefinitions.b = {mappingEngine: "Ditto", options: {"content-type-blocklist": "text/plain"}}
        | .sources[0] += {payloadMapping: ["Ditto", "m", "b"], authorizationContext: ["i:{{ header:who }}"],
            headerMapping: {dev: "{{ header:dev | fn:upper() }}", gone: "{{ header:dev | fn:delete() }}"},
            enforcement: {input: "{{ header:dev }}", filters: ["{{ thing:name }}"]}}
        | .targets[0] += {address: "t/{{ thing:name }}", headerMapping: {k: "{{ header:k }}"}}'
}

@test "-x tells of each step why a message became what it became" {
    steps_connection
    map "$(external x "$(envelope)" '{who: "w", dev: "d", "content-type": "text/plain"}')" -- -x -i -c "$WORK/c.json"
    assert_success
    assert_stderr ''
    assert_lines "$STEPS" '["message","template enforcement input","mapper Ditto","template condition c","mapper m conditions","mapper b content-type","template subject","template header dev","template header gone","template enforcement filter","output"]'
    assert_lines '.[0] | [.source, .mappers, .input.headers.dev, (.input.text | type)]' '[0,["Ditto","m","b"],"d","string"]'
    assert_lines 'map(select(.step == "template") | .values // with_entries(select(.value == true)))' \
        '[["d"],{"unresolved":true},["i:w"],["D"],{"deleted":true},["d"]]'
    assert_lines '.[2].output | map([.topic, .value])' '[["ns/d/things/twin/commands/modify",1]]'
    local line
    line=$(jq -c .line <<<"${lines[-1]}")
    map -i -c "$WORK/c.json"
    assert_output "$line"
}

@test "-x tells of each part, and of what was refused or dropped" {
    steps_connection
    map "$(external x "$(envelope)" '{who: "w", dev: "d", kind: "big"}')" "$(external y '' '{dev: "d"}')" \
        '{"address":"a","headers":{},"text":""}' '{"id":"z"' '{"id":"x","status":200}' -- -x -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(select(.line.id // "" | startswith("x")).line | .parts // .error.error // .topic)' \
        '[3,"ns/d/things/twin/commands/modify","connectivity:connection.id.enforcement.failed","ns/d/things/twin/commands/modify"]'
    assert_lines 'map(select(.step == "part") | [.part, .mapper])' '[[1,"Ditto"],[2,"m"],[3,"b"],[1,"Ditto"],[2,"b"]]'
    assert_lines 'map(select(.step == "refused").error.error) | sort' '["connectivity:connection.id.enforcement.failed","connectivity:message.mapping.failed","connectivity:message.mapping.failed","json.invalid","placeholder:unresolved"]'
    assert_lines '.[-1]' '{"id":"x","status":200}'
    jq_connection incoming empty
    map "$(external x hello)" -- -x -i -c "$WORK/c.json"
    assert_lines 'map([.step, .output, .line.status])' '[["message",null,null],["mapper",[],null],["dropped",null,null],["output",null,200]]'
}

@test "-x tells where a message goes to" {
    steps_connection
    map "$(envelope '{headers: {k: "v"}}')" -- -x -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines "$STEPS" '["message","mapper Ditto","template address","template header k","output"]'
    assert_lines '.[0].target, .[2].values, .[3].values, .[4].line.address' $'0\n["t/d"]\n["v"]\n"t/d"'
    jq_connection outgoing '{text: "t", address: "other", headers: {a: "b"}}, {json: [1]}, {bytes: "AA=="}, {}' . targets
    map "$(envelope)" -- -x -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines '.[1].output' '[{"address":"other","headers":{"a":"b"},"text":"t"},{"headers":{"content-type":"application/json"},"text":"[1]"},{"headers":{},"bytes":"AA=="},{"headers":{}}]'
    assert_lines "$STEPS" '["message","mapper m","part m","output","part m","template address","output","part m","template address","output","part m","template address","output"]'
}

# --- the Ditto mapper ---------------------------------------------------------------------------------------------

@test "without a connection: the Ditto mapper, and the topic as address" {
    map "$(external x "$(envelope)")" -- -i
    assert_success
    assert_output '{"topic":"ns/d/things/twin/commands/modify","headers":{"correlation-id":"c"},"path":"/attributes/a","value":1,"id":"x"}'
    assert_stderr ''
    map "$output" -- -o
    assert_success
    assert_output '{"address":"ns/d/things/twin/commands/modify","headers":{"content-type":"'$CONTENT_TYPE'","correlation-id":"c"},"text":"{\"topic\":\"ns/d/things/twin/commands/modify\",\"headers\":{\"correlation-id\":\"c\"},\"path\":\"/attributes/a\",\"value\":1}","id":"x"}'
}

# The bytes of $WORK/value there and back.
round_trip() {
    { printf '{"topic":"n/d/things/live/messages/s","headers":{"correlation-id":"c"},"path":"/","value":' &&
        cat "$WORK/value" && printf '}'; } >"$WORK/payload"
    jq -Rsc '{id: "x", address: "a", text: .}' "$WORK/payload" >"$WORK/external"
    ditto-map -i <"$WORK/external" >"$WORK/ditto"
    ditto-map -o <"$WORK/ditto" >"$WORK/again"
    jq -j .text "$WORK/again" >"$WORK/out"
    cmp "$WORK/payload" "$WORK/out"
    sed -e 's/.*"value"://' -e 's/,"id":"x"}$//' "$WORK/ditto" | tr -d '\n' | cmp "$WORK/value" -
}

@test "values leave byte for byte" {
    local value
    for value in 12345678901234567890 1.0 1e400 -0 1E+2 0.10 '"\u0000"' '"\ud83d"' '"\u00e9é\/"' '""' null '{}' \
        '[]' '{ "a" : [ 1 ,2 ] }' '{"a":1,"a":2}'; do
        printf '%s' "$value" >"$WORK/value"
        round_trip
    done
}

@test "256 different bytes, 1 MiB and 16 MiB leave byte for byte" {
    jq -nc '[range(256)] | implode' | tr -d '\n' >"$WORK/value"
    round_trip
    head -c 786400 /dev/urandom | base64 -w 0 | sed 's/.*/"&"/' | tr -d '\n' >"$WORK/value"
    round_trip
    head -c 12582000 /dev/urandom | base64 -w 0 | sed 's/.*/"&"/' | tr -d '\n' >"$WORK/value"
    round_trip
}

@test "a payload whose escaped form is too long for a line goes as bytes" {
    { printf '{"topic":"n/d/things/live/messages/s","headers":{"correlation-id":"c"},"path":"/","value":"' &&
        yes '\"' | head -n 8700000 | tr -d '\n' && printf '"}'; } >"$WORK/payload" # 17 MB that would double
    ditto-map -o <<<"$(cat "$WORK/payload")" >"$WORK/out"
    [ "$(wc -l <"$WORK/out")" -eq 1 ]
    jq -j .bytes "$WORK/out" | base64 -d | cmp - "$WORK/payload"
}

@test "a value over several lines stays one line, with its tokens" {
    map "$(external x $'{"topic":"n/d/things/twin/commands/modify",\n "headers":{\n},"path":"/",\n"value":{ "a":\n[1.0,"x \\n"] }}')" -- -i
    assert_success
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *'"value":{"a":[1.0,"x \n"]}'* ]] || fail "$output"
}

@test "a payload sets neither id nor context nor unknown members" {
    map "$(external x "$(envelope '{id: "forged", context: {target: 7}, address: "forged", other: 1, extra: {a: 1}, status: 200, revision: 3, timestamp: "t", metadata: {}, fields: "f"}')")" \
        "$(external '' "$(envelope '{id: "forged"}')" | jq -c 'del(.id)')" -- -i
    assert_success
    assert_lines '[.[] | keys_unsorted | join(" ")]' \
        '["topic headers path value extra status revision timestamp metadata fields id","topic headers path value"]'
    assert_lines '.[0].id' '"x"'
}

@test "lines of other kinds pass, in order" {
    printf '%s\n' '{"id":"x","status":200}' '{"id":"x","parts":2}' '{"signal":{"type":"t"}, "headers":{}}' \
        '{"address":"a","text":"{\"topic\":\"n/d/things/twin/commands/retrieve\",\"path\":\"/\",\"headers\":{\"correlation-id\":\"c\"}}"}' \
        '{"topic":"t"}' '{ "some" : 1.0 }' >"$WORK/in"
    map -i
    assert_success
    assert_output '{"id":"x","status":200}
{"id":"x","parts":2}
{"signal":{"type":"t"}, "headers":{}}
{"topic":"n/d/things/twin/commands/retrieve","headers":{"correlation-id":"c"},"path":"/"}
{"topic":"t"}
{ "some" : 1.0 }'
    assert_stderr ''
}

@test "payloads that are no Ditto Protocol message" {
    local payload code
    while IFS=' ' read -r code payload; do
        map "$(external x "$payload")" "$(external y "$(envelope)")" -- -i
        assert_error "$code"
        assert_lines '[.[1].id, .[1].value]' '["y",1]'
    done <<'END'
connectivity:message.mapping.failed
json.invalid nonsense
json.invalid []
json.invalid {"topic":
json.invalid {"topic":"n/d/things/twin/commands/modify","path":"/"}{}
json.invalid {"topic":"n/d/things/twin/commands/modify","path":"/","headers":[]}
json.invalid {"topic":1,"path":"/"}
json.field.missing {}
json.field.missing {"topic":"n/d/things/twin/commands/modify"}
json.field.missing {"topic":null,"path":"/"}
protocoladapter:unknown.topicpath {"topic":"n/d/foo/twin","path":"/"}
END
    map '{"id":"x","address":"a"}' -- -i
    assert_error connectivity:message.mapping.failed
    map '{"id":"x","address":"a","bytes":"???"}' -- -i
    assert_error connectivity:message.mapping.failed
}

@test "without an id nobody is told" {
    map '{"address":"a","text":"nonsense"}' -- -i
    assert_success
    assert_output ''
    assert_stderr --partial "ditto-map: warning: cannot map message '': json.invalid: "
}

@test "bytes are text in the charset of their content type" {
    local payload='{"topic":"n/ü/things/twin/commands/retrieve","path":"/","headers":{"correlation-id":"c"}}'
    map "$(jq -nc --arg b "$(base64 -w 0 <<<"$payload")" '{address: "a", bytes: $b}')" \
        "$(jq -nc --arg b "$(iconv -f utf-8 -t iso-8859-1 <<<"$payload" | base64 -w 0)" '{address: "a", bytes: $b, headers: {"content-type": "x/y; charset=ISO-8859-1"}}')" -- -i
    assert_success
    assert_lines '[.[].topic]' '["n/ü/things/twin/commands/retrieve","n/ü/things/twin/commands/retrieve"]'
}

@test "notifications are dropped: the content types that a mapper blocks" {
    map "$(external x '' '{"Content-Type": "application/vnd.eclipse-hono-empty-notification"}')" -- -i
    assert_success
    assert_output '{"id":"x","status":200}'
    assert_stderr ''
    connection '.mappingDefinitions.d = {mappingEngine: "Ditto", options: {"content-type-blocklist": "text/plain, x/y"}} | .sources[0].payloadMapping = ["d"]' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{"content-type": "x/y"}')" -- -i -c "$WORK/c.json"
    assert_output '{"id":"x","status":200}'
    map "$(external x '' '{"content-type": "application/vnd.eclipse-hono-empty-notification"}')" -- -i -c "$WORK/c.json"
    assert_error connectivity:message.mapping.failed
    map "$(external x "$(envelope)" '{"content-type": "text/plain; charset=utf-8"}')" -- -i -c "$WORK/c.json"
    assert_lines '.[0].value' 1
}

# --- inbound ------------------------------------------------------------------------------------------------------

@test "context names connection, source, client, subjects, mapper and reply target" {
    connection '.sources[0].authorizationContext = ["i:s", "d:{{ header:device }}"] | .sources += [.sources[0] | del(.replyTarget)]' >"$WORK/c.json"
    for source in 0 1; do
        external "x$source" "$(envelope)" '{device: "d\"1"}' | jq -c ".context = {connection: \"other\", source: $source, client: 2, target: 5}"
    done >"$WORK/in"
    map -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.context)' '[{"connection":"c1","source":0,"client":2,"subjects":["i:s","d:d\"1"],"mapper":"Ditto"},{"connection":"c1","source":1,"client":2,"subjects":["i:s","d:d\"1"],"mapper":"Ditto","reply":1,"expects":["response","error"]}]'
    map "$(external x "$(envelope)" '{device: "d"}' | jq -c '.context = {source: 2}')" -- -i -c "$WORK/c.json"
    assert_error connectivity:message.mapping.failed
    map "$(external x "$(envelope)" '{device: "d"}')" -- -i -c "$WORK/c.json" -k 1
    assert_lines '.[0].context.source' 1
    map "$(external x "$(envelope)" '{Device: "d"}')" -- -i -c "$WORK/c.json" -k 1
    assert_error placeholder:unresolved
}

@test "header mapping: the payload wins, names are lower case, what may not come in stays out" {
    connection '.sources[0].headerMapping = {"My-Header": "{{ header:FOO }}", a: "{{ header:none }}", static: "v/{{ thing:name }}", "ditto-origin": "x", etag: "x", mine: "mapped", "requested-acks": "a:b, c:d", "response-required": "false"}' >"$WORK/c.json"
    map "$(external x "$(envelope '{headers: {"correlation-id": "c", Mine: "payload", N: 5, "ditto-origin": "evil", "Ditto-Sudo": true, "ditto\u002dread-subjects": ["evil"], gone: null}}')" '{foo: "bar"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines '.[0].headers' '{"correlation-id":"c","mine":"payload","n":"5","my-header":"bar","static":"v/d","requested-acks":["a:b","c:d"],"response-required":false}'
    assert_stderr ''
}

@test "header mapping: a value that its header cannot have" {
    connection '.sources[0].headerMapping = {"response-required": "{{ header:r }}", timeout: "{{ header:t }}"}' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{r: "maybe"}')" -- -i -c "$WORK/c.json"
    assert_error header.invalid
    map "$(external x "$(envelope)" '{t: "soon"}')" -- -i -c "$WORK/c.json"
    assert_error timeout.invalid
}

@test "a message without a correlation id is given one" {
    connection >"$WORK/c.json"
    map "$(external x "$(envelope '{headers: {}}')")" "$(external y "$(envelope '{headers: {"Correlation-ID": "mine"}}')")" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines '[.[0].headers["correlation-id"] | test("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]' '[true]'
    assert_lines '.[1].headers' '{"correlation-id":"mine"}'
}

@test "a mapping of the correlation id that does not resolve keeps the random one away" {
    connection '.sources[0].headerMapping = {"correlation-id": "{{ header:none }}"}' >"$WORK/c.json"
    map "$(external x "$(envelope '{headers: {}}')")" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines '.[0].headers' '{}'
}

@test "header mapping: placeholders and functions" {
    connection '.sources[0] += {authorizationContext: ["i:s", "{{ header:subjects | fn:split(\u0027,\u0027) }}"], headerMapping: {
        first: "{{ header:list | fn:split(\u0027,\u0027) }}", features: "{{ feature:id | fn:join(\u0027+\u0027) }}", gone: "{{ header:list | fn:delete() }}",
        resource: "{{ resource:type }}{{ resource:path }}", subjects: "{{ request:subjectId | fn:join(\u0027 \u0027) }}",
        year: "{{ time:now[y] | fn:substring-after(\u0027-\u0027) }}", default: "{{ header:none | fn:default(topic:action) | fn:upper() }}", bad: "{{ header:bad | fn:base64-decode() }}"}}' >"$WORK/c.json"
    map "$(external x "$(envelope '{path: "/features", value: {f: {}, g: {}}}')" '{list: "a,b", subjects: "u:1,u:2"}')" \
        "$(external y "$(envelope)" '{subjects: "s", bad: "?"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines '.[0].headers, .[0].context.subjects' '{"correlation-id":"c","first":"a","features":"f+g","resource":"thing/features","subjects":"i:s u:1 u:2","year":"01-01T00:00:00Z","default":"MODIFY"}
["i:s","u:1","u:2"]'
    assert_lines '.[1].status, .[1].error.error' '400
"connectivity:message.mapping.failed"'
}

@test "headers of a payload: judged, typed, not too many" {
    local headers code
    connection >"$WORK/c.json"
    while IFS=' ' read -r code headers; do
        map "$(external x "$(envelope "{headers: $headers}")")" -- -i -c "$WORK/c.json"
        assert_success
        assert_lines '[.[0].id, .[0].status, .[0].error.error]' "[\"x\",${code%%:*},\"${code#*:}\"]"
    done <<'END'
400:header.invalid {"response-required": "maybe"}
400:timeout.invalid {timeout: "soon"}
400:header.invalid {"if-match": "rev 1"}
431:headers.too.large {a: ("x" * 5000)}
END
    map "$(external x "$(envelope '{headers: {"response-required": "true", "requested-acks": "[\"a:b\"]", Twice: "1", twice: "2", "correlation-id": "c"}}')")" -- -i -c "$WORK/c.json"
    assert_lines '.[0].headers' '{"response-required":true,"requested-acks":["a:b"],"twice":"2","correlation-id":"c"}'
    map "$(external x "$(envelope '{headers: {"requested-acks": "[\"a:b\",\n\"c:d\"]"}}')")" -- -i -c "$WORK/c.json"
    [ "${#lines[@]}" -eq 1 ]
    connection '.sources[0].authorizationContext = ["{{ header:s | fn:split(\u0027,\u0027) }}"]' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{s: ([range(101) | "s:\(.)"] | join(","))}')" "$(external y "$(envelope)" '{s: ([range(100) | "s:\(.)"] | join(","))}')" -- -i -c "$WORK/c.json"
    assert_lines '.[0].status, .[0].error.error, (.[1].context.subjects | length)' '431
"headers.too.large"
100'
}

@test "acknowledgements that a filter clears or sets" {
    connection '.sources[0].acknowledgementRequests = {includes: ["{{connection:id}}:done"], filter: "fn:filter(header:qos,\u0027ne\u0027,\u00270\u0027)"}' >"$WORK/c.json"
    map "$(external 1 "$(envelope)" '{QOS: "1"}')" "$(external 2 "$(envelope)" '{qos: "0"}')" \
        "$(external 3 "$(envelope '{topic: "n/d/things/twin/events/modified"}')" '{qos: "0"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.headers["requested-acks"])' '[["c1:done"],[],null]'
    connection '.sources[0].acknowledgementRequests = {includes: [], filter: "fn:default(\u0027[\"twin-persisted\"]\u0027)"}' >"$WORK/c.json"
    map "$(external 1 "$(envelope)")" "$(external 2 "$(envelope '{headers: {"requested-acks": ["a:b"]}}')")" -- -i -c "$WORK/c.json"
    assert_lines 'map(.headers["requested-acks"])' '[["twin-persisted"],["a:b"]]'
    connection '.sources[0].acknowledgementRequests = {includes: [], filter: "fn:default(header:acks)"}' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{acks: "a b"}')" -- -i -c "$WORK/c.json"
    assert_error header.invalid
}

@test "acknowledgements that a source requests" {
    connection '.sources[0].acknowledgementRequests = {includes: ["{{connection:id}}:done", "twin-persisted"]}' >"$WORK/c.json"
    map "$(external 1 "$(envelope)")" \
        "$(external 2 "$(envelope '{headers: {"requested-acks": ["a:b", "twin-persisted"]}}')")" \
        "$(external 3 "$(envelope '{headers: {"Requested-Acks": []}}')")" \
        "$(external 4 "$(envelope '{status: 204}')")" \
        "$(external 5 "$(envelope '{topic: "n/d/things/twin/commands/retrieve"}')")" \
        "$(external 6 "$(envelope '{topic: "n/d/things/live/commands/retrieve"}')")" \
        "$(external 7 "$(envelope '{topic: "n/d/things/live/messages/s"}')")" \
        "$(external 8 "$(envelope '{topic: "n/d/things/twin/events/modified"}')")" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.headers["requested-acks"])' '[["c1:done","twin-persisted"],["a:b","twin-persisted","c1:done"],[],null,null,["c1:done","twin-persisted"],["c1:done","twin-persisted"],null]'
}

@test "enforcement" {
    connection '.sources[0].enforcement = {input: "{{ header:device }}", filters: ["{{ thing:id }}", "x/{{ entity:name }}"]}' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{device: "ns:d"}')" "$(external y "$(envelope)" '{device: "x/d"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.id + (.value | tostring))' '["x1","y1"]'
    assert_stderr ''
    map "$(external x "$(envelope)" '{device: "ns:other"}')" "$(external y "$(envelope)" '{device: "ns:d"}')" -- -i -c "$WORK/c.json"
    assert_error connectivity:connection.id.enforcement.failed
    assert_lines '.[1].value' 1
    map "$(external x "$(envelope)" '{DEVICE: "ns:d"}')" -- -i -c "$WORK/c.json"
    assert_error placeholder:unresolved
    map "$(external x "$(envelope '{topic: "_/_/things/twin/search/subscribe"}')" '{device: "ns:d"}')" -- -i -c "$WORK/c.json"
    assert_error connectivity:connection.id.enforcement.failed
}

@test "enforcement: several values, one kind of entity at a time" {
    connection '.sources[0].enforcement = {input: "{{ header:device | fn:lower() }}", filters: ["{{ policy:id }}", "{{ thing:name | fn:default(policy:id) }}"]}' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{device: "D"}')" "$(external y "$(envelope '{topic: "n/p/policies/commands/delete", path: "/entries/e"}')" '{device: "n:P"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.id + .path)' '["x/attributes/a","y/entries/e"]'
    connection '.sources[0].enforcement = {input: "{{ header:device }}", filters: ["{{ policy:id }}"]}' >"$WORK/c.json"
    map "$(external x "$(envelope)" '{device: "ns:d"}')" -- -i -c "$WORK/c.json"
    assert_error placeholder:unresolved
}

# A connection whose source has a reply target: reply_connection [FILTER]
reply_connection() {
    connection '.sources[0] += {replyTarget: {address: "{{ header:reply-to }}", headerMapping: {id: "{{ header:correlation-id }}"}}, headerMapping: {"reply-to": "{{ header:reply-to }}"},
        enforcement: {input: "{{ header:device_id | fn:default(\u0027ns:d\u0027) }}", filters: ["{{ thing:id }}"]}} | '"${1:-.}" >"$WORK/c.json"
}

@test "an error reply goes beside the settlement, and to the reply target" {
    reply_connection
    map "$(external x nonsense '{"reply-to": "q", device_id: "ns:other", "correlation-id": "cid", "ditto-origin": "evil", n: "v"}' | jq -c '.context = {source: 0, client: 3}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.id, .status)' '[null,400,"x",400]'
    assert_lines '.[0] | del(.value.message, .value.description)' "$(tr -d '\n' <<'END'
{"topic":"ns/other/things/twin/errors","headers":{"reply-to":"q","device_id":"ns:other","correlation-id":"cid","n":"v","response-required":false,"content-type":"application/json"},
"path":"/","value":{"status":400,"error":"json.invalid"},"status":400,"context":{"connection":"c1","client":3,"reply":0,"expects":["response","error"]}}
END
)"
    map "$output" -- -o -c "$WORK/c.json"
    assert_success
    assert_lines '.[0] | [.address, .headers.id, (.text | fromjson | .topic, .status, .value.error, .headers["content-type"]), .context.reply]' '["q","cid","ns/other/things/twin/errors",400,"json.invalid","application/json",0]'
    assert_lines '.[1].id' '"x"'
}

@test "an error reply tells of the message as far as it could be read" {
    reply_connection
    map "$(external a "$(envelope '{topic: "n/x/things/live/messages/s", headers: {"correlation-id": "p", "reply-to": "mine", custom: "v"}}')" '{"reply-to": "q"}')" \
        "$(external b "$(envelope '{headers: {timeout: "soon"}}')" '{"reply-to": "q", device_id: "no id", channel: "live"}')" \
        "$(external '' "$(envelope '{topic: "n/p/policies/commands/delete"}')" '{"reply-to": "q"}' | jq -c 'del(.id)')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(select(.topic) | [.topic, (.headers["correlation-id"] | length), .headers["reply-to"], .headers.custom, .value.error, .context.mapper])' "$(tr -d '\n' <<'END'
[["n/x/things/live/errors",1,"q","v","connectivity:connection.id.enforcement.failed","Ditto"],
["ns/d/things/live/errors",36,"q",null,"timeout.invalid",null],
["n/p/policies/errors",1,"q",null,"placeholder:unresolved","Ditto"]]
END
)"
    assert_lines 'map(select(.id) | .id)' '["a","b"]'
}

@test "no error reply where none is expected" {
    reply_connection '.sources[0].replyTarget.expectedResponseTypes = ["response", "nack"]'
    map "$(external x nonsense '{"reply-to": "q"}')" -- -i -c "$WORK/c.json"
    assert_error json.invalid
    [ "${#lines[@]}" -eq 1 ]
    connection >"$WORK/c.json"
    map "$(external x nonsense '{"reply-to": "q"}')" -- -i -c "$WORK/c.json"
    [ "${#lines[@]}" -eq 1 ]
}

@test "an error reply does not go to a target" {
    reply_connection
    map "$(external x nonsense '{"reply-to": "q"}')" -- -i -c "$WORK/c.json"
    local reply=${lines[0]}
    map "$reply" "$(envelope '{id: "y", context: {source: 0, reply: 0}}')" -- -o -c "$WORK/c.json" -k 0
    assert_success
    assert_line --index 0 "$reply"
    assert_lines '.[1].address' '"t"'
}

# --- outbound -----------------------------------------------------------------------------------------------------

@test "address and headers of a target" {
    connection '.targets[0] += {address: "d/{{ thing:name }}/{{ header:room }}", headerMapping: {"X-Subject": "{{ topic:subject }}", none: "{{ header:none }}", "content-type": "{{ header:content-type }}", internal: "{{ header:ditto-origin }}"}}' >"$WORK/c.json"
    map '{"topic":"ns/d/things/live/messages/s","headers":{"room":"r","correlation-id":"c","content-type":"text/plain","ditto-origin":"o","if-match":"x","n":1.0},"path":"/","value":"v","id":"h","context":{"connection":"c1","target":0,"subjects":["s"]}}' -- -o -c "$WORK/c.json"
    assert_success
    assert_output '{"address":"d/d/r","headers":{"X-Subject":"s","content-type":"text/plain","internal":"o","correlation-id":"c"},"text":"{\"topic\":\"ns/d/things/live/messages/s\",\"headers\":{\"room\":\"r\",\"correlation-id\":\"c\",\"content-type\":\"text/plain\",\"n\":1.0},\"path\":\"/\",\"value\":\"v\"}","id":"h","context":{"connection":"c1","target":0}}'
    map "$(envelope '{id: "x", context: {target: 0}}')" "$(envelope '{id: "y", context: {target: 0}, headers: {room: "r"}}')" -- -o -c "$WORK/c.json"
    assert_error connectivity:message.sending.failed
    assert_lines '.[1].address' '"d/d/r"'
    map "$(envelope '{id: "x", context: {target: 1}}')" -- -o -c "$WORK/c.json"
    assert_error connectivity:message.sending.failed
    map "$(envelope '{id: "x"}')" -- -o -c "$WORK/c.json"
    assert_error connectivity:message.sending.failed
    map "$(envelope '{id: "x", topic: "nonsense", headers: {room: "r"}}')" -- -o -c "$WORK/c.json" -k 0
    assert_error protocoladapter:unknown.topicpath
}

@test "labels that only concern this side are not shown" {
    connection '.targets[0].issuedAcknowledgementLabel = "{{connection:id}}:out"' >"$WORK/c.json"
    for acks in '["c1:out","a:b","twin-persisted","live-response","search-persisted"]' '["c1:out"]' '[]' 'null'; do
        envelope "{headers: {\"requested-acks\": $acks}}"
    done >"$WORK/in"
    map -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines 'map(.text | fromjson.headers)' '[{"requested-acks":["a:b"]},{},{"requested-acks":[]},{}]'
}

@test "a reply leaves by the reply target, through the mapper that its command came in by" {
    connection '.sources[0] |= . + {payloadMapping: ["m", "Ditto"], replyTarget: {address: "{{ header:reply-to }}", headerMapping: {s: "{{ topic:action }}"}}}
        | .sources += [.sources[0] | .replyTarget = {enabled: false}]
        | .mappingDefinitions.m = {mappingEngine: "JQ", options: {outgoing: "{text: \"mapped\"}"}}' >"$WORK/c.json"
    for mapper in Ditto m none; do
        envelope "{id: \"$mapper\", headers: {\"reply-to\": \"q\"}, status: 204, context: {reply: 0, mapper: \"$mapper\"}}"
    done >"$WORK/in"
    for args in '' '-r' '-r -k 0'; do
        # shellcheck disable=SC2086 # words
        map -o -c "$WORK/c.json" $args
        assert_success
        assert_lines 'map([.id, .address, .headers.s, .text[:8], .context])' '[["Ditto","q","modify","{\"topic\"",{"connection":"c1","reply":0}],["m","q","modify","mapped",{"connection":"c1","reply":0}],["none","q","modify","{\"topic\"",{"connection":"c1","reply":0}]]'
    done
    map "$(envelope '{id: "x", context: {reply: 1}}')" -- -o -c "$WORK/c.json"
    assert_error connectivity:message.sending.failed
    map "$(envelope '{id: "x", context: {reply: 0}}')" -- -o -c "$WORK/c.json" -r -k 1
    assert_error connectivity:message.sending.failed
}

@test "a reply target takes the kinds of answers that it expects" {
    local topic status expects what
    connection '.sources[0].replyTarget = {address: "q", headerMapping: {}}' >"$WORK/c.json"
    while read -r topic status expects what; do
        map "$(envelope "{id: \"x\", topic: \"ns/d/things/$topic\", status: $status, context: {reply: 0, expects: $expects}}")" -- -o -c "$WORK/c.json"
        assert_success
        assert_lines '.[0] | .address // .status' "$what"
    done <<'END'
twin/commands/modify 204 ["response"] "q"
twin/commands/modify 404 ["response"] "q"
twin/commands/modify 204 ["error","nack"] 200
twin/commands/modify null [] "q"
live/messages/hi 200 ["nack"] 200
twin/errors 404 ["response","nack"] 200
twin/errors 404 ["error"] "q"
twin/acks/a 200 ["response"] "q"
twin/acks/a 400 ["response","error"] 200
twin/acks/a 424 ["nack"] "q"
END
    map "$(envelope '{id: "x", status: 204, context: {reply: 0, expects: ["nack"]}}')" -- -x -o -c "$WORK/c.json"
    assert_lines 'map([.step, .mappers])' '[["message",[]],["dropped",null],["output",null]]'
}

@test "thing-json, features, functions: of what a target publishes" {
    connection '.targets[0] += {address: "d/{{ thing:name | fn:upper() }}/{{ feature:id | fn:default(\u0027none\u0027) }}", headerMapping: {
        room: "{{ thing-json:attributes/room }}", temp: "{{ thing-json:features/f/properties/t }}", rev: "{{ thing-json:_revision }}", who: "{{ request:subjectId }}", bad: "{{ header:bad | fn:url-decode() }}"}}' >"$WORK/c.json"
    map "$(envelope '{id: "x", topic: "ns/d/things/twin/events/modified", path: "/features/f/properties/t", value: 1.5, revision: 7, extra: {attributes: {room: "r"}, features: {f: {properties: {t: 0}}}}, context: {subjects: ["s:1"]}}')" \
        "$(envelope '{id: "y", headers: {bad: "%"}}')" -- -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines '.[0] | .address, (.headers | [.room, .temp, .rev, .who])' '"d/D/f"
["r","1.5","7","s:1"]'
    assert_lines '.[1].status, .[1].error.error' '400
"connectivity:message.mapping.failed"'
}

# --- conditions -----------------------------------------------------------------------------------------------------

@test "conditions of mappers" {
    connection '.mappingDefinitions = {a: {mappingEngine: "Ditto", options: {}, incomingConditions: {x: "fn:filter(header:ty,\u0027eq\u0027,\u0027a\u0027)", y: "fn:filter(header:no,\u0027exists\u0027,\u0027false\u0027) | fn:trim()"}},
            b: {mappingEngine: "JQ", options: {incoming: "{topic: \"n/b/things/twin/commands/delete\", path: \"/\"}", outgoing: "{text: \"b\"}"}, incomingConditions: {x: "fn:filter(header:ty,\u0027eq\u0027,\u0027b\u0027)"}, outgoingConditions: {x: "fn:filter(resource:path,\u0027like\u0027,\u0027/features/*\u0027)"}},
            bad: {mappingEngine: "Ditto", options: {}, incomingConditions: {x: "fn:filter(\u0027a\u0027,\u0027eq\u0027,\u0027b\u0027)", y: "fn:nope()"}}}
        | .sources[0].payloadMapping = ["a", "b", "b"] | .targets[0].payloadMapping = ["b"]' >"$WORK/c.json"
    map "$(external 1 "$(envelope)" '{TY: "a"}')" "$(external 2 "$(envelope)" '{ty: "b"}')" "$(external 3 "$(envelope)" '{ty: "a", no: "x"}')" \
        "$(external 4 "$(envelope)" '{ty: "a"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map([.id, .parts // .status // .topic])' '[["1","ns/d/things/twin/commands/modify"],["2",2],["2/1","n/b/things/twin/commands/delete"],["2/2","n/b/things/twin/commands/delete"],["3",200],["4","ns/d/things/twin/commands/modify"]]'
    assert_stderr ''
    map "$(envelope '{id: "x", path: "/features/f"}')" "$(envelope '{id: "y"}')" -- -o -c "$WORK/c.json" -k 0
    assert_lines 'map([.id, .text // .status])' '[["x","b"],["y",200]]'
    jq '.sources[0].payloadMapping = ["bad", "a"]' "$WORK/c.json" >"$WORK/d.json"
    map "$(external x "$(envelope)" '{ty: "a"}')" -- -i -c "$WORK/d.json"
    assert_lines 'map([.id, .parts // .status // .topic, .error.error])' '[["x",2,null],["x/1",400,"placeholder:function.unknown"],["x/2","ns/d/things/twin/commands/modify",null]]'
}

@test "a condition that changes its mind does not shift answers" {
    connection '.mappingDefinitions = {a: {mappingEngine: "JQ", options: {incoming: "{topic: \"n/a/things/twin/commands/delete\", path: \"/\"}"}, incomingConditions: {x: "fn:default(time:now_epoch_millis) | fn:filter(\u0027like\u0027,\u0027*0|*2|*4|*6|*8\u0027)"}},
            b: {mappingEngine: "JQ", options: {incoming: "{topic: \"n/b/things/twin/commands/delete\", path: \"/\"}"}}} | .sources[0].payloadMapping = ["a", "b"]' >"$WORK/c.json"
    jq -nc 'range(2000) | {id: "x\(.)", address: "a"}' >"$WORK/in"
    map -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(select(.topic) | .context.mapper == (.topic | split("/")[1])) | all' true
    assert_lines 'map(select(.context.mapper == "b")) | length' 2000
}

# --- programs -----------------------------------------------------------------------------------------------------

TELEMETRY='{topic: "ns/\(.headers.device)/things/twin/commands/modify", path: "/", headers: {"correlation-id": "c"}, value: .json}'

@test "JQ inbound: a message, several, none, an error" {
    jq_connection incoming '.json as $j | if $j == 0 then empty elif $j == "e" then error("no use") elif $j < 0 then {topic: "n/d/things/twin/commands/modify", path: "/", value: .json} else range($j) | {topic: "n/d/things/twin/commands/modify", path: "/", value: ., id: "forged"} end'
    map "$(external a 1)" "$(external b 3)" "$(external c 0)" "$(external x '"e"')" "$(external e -1.50)" "$(external f 11)" "$(external g 1)" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map([.id, .value // .parts // .status])' '[["a",0],["b",3],["b/1",0],["b/2",1],["b/3",2],["c",200],["x",400],["e",-1.5],["f",400],["g",0]]'
    assert_lines '.[6].error.description, .[8].error.description' '"Its program failed: no use."
"It made more than 10 messages of one."'
    assert_lines '.[0].context' '{"connection":"c1","source":0,"subjects":["i:s"],"mapper":"m"}'
    assert_stderr --partial "cannot map message 'x': connectivity:message.mapping.failed: The message could not be mapped by the mapper <m>. Its program failed: no use."
}

@test "JQ inbound: what a program gets" {
    jq_connection incoming "${TELEMETRY/.json/del(.headers)}"
    map "$(external a '{"t":1.0}' '{device: "d"}')" "$(external b 'text é' '{device: "d"}')" \
        '{"id":"c","address":"a/b","headers":{"device":"d"},"bytes":"WzFd"}' '{"id":"d","address":"a","headers":{"device":"d"},"bytes":"/w=="}' '{"id":"e","address":"a","headers":{"device":"d"}}' -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.value)' '[{"address":"a","text":"{\"t\":1.0}","json":{"t":1}},{"address":"a","text":"text é"},{"address":"a/b","bytes":"WzFd","json":[1]},{"address":"a","bytes":"/w=="},{"address":"a"}]'
    assert_stderr ''
}

@test "JQ inbound: results that are no Ditto Protocol message" {
    local program code
    while IFS=' ' read -r code program; do
        jq_connection incoming "$program"
        map "$(external x 1)" -- -i -c "$WORK/c.json"
        assert_error "$code"
    done <<'END'
connectivity:message.mapping.failed 1
connectivity:message.mapping.failed null
connectivity:message.mapping.failed [{}]
json.field.missing {}
json.field.missing {topic: "n/d/things/twin/commands/modify"}
protocoladapter:unknown.topicpath {topic: "x", path: "/"}
END
}

@test "JQ outbound: address, headers, text, bytes, json" {
    jq_connection outgoing '.value as $v | if $v == 1 then {text: "t\n", headers: {n: 1, s: "x", "Content-Type": "text/plain"}} elif $v == 2 then {bytes: "/w==", address: "other"} elif $v == 3 then {json: {a: .headers}} elif $v == 4 then {} elif $v == 5 then {json: null}, {json: [1.5]} elif $v == 6 then {text: 5} else {headers: []} end' '.targets[0].headerMapping = {mapped: "{{ topic:action }}", s: "{{ header:s }}"}' targets
    for value in 1 2 3 4 5 6 7; do envelope "{id: \"$value\", value: $value, headers: {\"ditto-origin\": \"o\", a: \"b\"}}"; done >"$WORK/in"
    map -o -c "$WORK/c.json" -k 0
    assert_success
    assert_lines 'map(del(.context))' "$(tr -d '\n' <<'END'
[{"address":"t","headers":{"mapped":"modify","n":"1","s":"x","Content-Type":"text/plain"},"text":"t\n","id":"1"},
{"address":"other","headers":{"mapped":"modify"},"bytes":"/w==","id":"2"},
{"address":"t","headers":{"mapped":"modify","content-type":"application/json"},"text":"{\"a\":{\"a\":\"b\"}}","id":"3"},
{"address":"t","headers":{"mapped":"modify"},"id":"4"},
{"id":"5","parts":2},
{"address":"t","headers":{"mapped":"modify","content-type":"application/json"},"text":"null","id":"5/1"},
{"address":"t","headers":{"mapped":"modify","content-type":"application/json"},"text":"[1.5]","id":"5/2"},
{"id":"6","status":400,"error":{"status":400,"error":"connectivity:message.mapping.failed","message":"The message could not be mapped by the mapper <m>.","description":"The text or bytes of a result are not a string."}},
{"id":"7","status":400,"error":{"status":400,"error":"connectivity:message.mapping.failed","message":"The message could not be mapped by the mapper <m>.","description":"The headers of a result are not an object."}}]
END
)"
}

@test "JQ without a program of that way does what Ditto does" {
    jq_connection outgoing '{text: "x"}'
    map "$(external x "$(envelope)")" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines '.[0].value, .[0].context.mapper' '1
"m"'
    jq_connection incoming '  ' '.targets[0].payloadMapping = ["m"]'
    map "$(envelope)" -- -o -c "$WORK/c.json" -k 0
    assert_lines '.[0].text | fromjson.value' 1
}

@test "every mapper of a list gets the message" {
    jq_connection incoming "$TELEMETRY" '.sources[0].payloadMapping = ["Ditto", "m", "Ditto"]'
    map "$(external x "$(envelope)" '{device: "q"}')" "$(external y '5' '{device: "q"}')" -- -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map([.id, .parts // .status // .topic])' '[["x",3],["x/1","ns/d/things/twin/commands/modify"],["x/2","ns/q/things/twin/commands/modify"],["x/3","ns/d/things/twin/commands/modify"],["y",3],["y/1",400],["y/2","ns/q/things/twin/commands/modify"],["y/3",400]]'
    assert_lines 'map(.context.mapper // empty)' '["Ditto","m","Ditto","m"]'
}

@test "a program that does not compile ends with 100, by its line" {
    local program why
    while IFS=@ read -r program why; do
        jq_connection incoming "$(printf '%b' "$program")"
        run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
        assert_status 100
        assert_stderr "ditto-map c1: error: cannot use the incoming program of mapper 'm': connectivity:message.mapper.config.failed: $why"
    done <<'END'
.a |@syntax error, unexpected $end (Unix shell quoting issues?) at <top-level>, line 1
1 |\n nope@nope/0 is not defined at <top-level>, line 2
import "a" as a; .@syntax error, unexpected import (Unix shell quoting issues?) at <top-level>, line 1
include "a"; .@syntax error, unexpected include (Unix shell quoting issues?) at <top-level>, line 1
import "data" as $d {search: "/etc"}; $d@syntax error, unexpected import (Unix shell quoting issues?) at <top-level>, line 1
END
    jq_connection incoming "$(head -c 50001 /dev/zero | tr '\0' .)"
    run --separate-stderr ditto-map -n -i -c "$WORK/c.json" </dev/null
    assert_status 100
    assert_stderr --partial 'The program is longer than 50000 bytes.'
}

# A program that does BOMB for the payload "bomb", and what comes of it between two other messages.
bomb() { # BOMB OPTION…
    local program="if .text == \"bomb\" then ($1) else .text end | {topic: \"n/d/things/twin/commands/modify\", path: \"/\", value: .}"
    jq_connection incoming "$program"
    shift
    map "$(external a 1)" "$(external x bomb)" "$(external b 2)" "$(external y bomb)" "$(external c 3)" -- -i -c "$WORK/c.json" "$@"
    assert_success
}

@test "a program sees no files, no environment, no input" {
    local program want
    export SECRET=secret
    while IFS=@ read -r program want; do
        bomb "$program"
        assert_lines '[.[1].value // .[1].error.description, .[4].value]' "[$want,\"3\"]"
    done <<'END'
env@{}
$ENV@{}
env.SECRET@null
$ENV.SECRET@null
input_filename@null
get_search_list@[]
[inputs]@"Its program failed: not allowed."
input@"Its program failed: not allowed."
"a" | modulemeta@"Its program failed: not allowed."
halt@"Its program failed: not allowed."
"a" | halt_error(3)@"Its program failed: not allowed."
"stays here" | debug@"stays here"
"stays here" | stderr@"stays here"
now | localtime | length@8
0 | strflocaltime("%Z")@"UTC"
END
}

@test "a program that runs away costs its message" {
    local program want
    while IFS=@ read -r program want; do
        bomb "$program" -t 100
        assert_lines 'map([.id, .value // .status])' '[["a","1"],["x",400],["b","2"],["y",400],["c","3"]]'
        assert_lines '.[1].error.description' "\"Its program failed: $want.\""
    done <<'END'
def f: f; f@it took more than 100 ms of CPU time
[range(1e9)]@it took more than 100 ms of CPU time
getpath([range(1e7) | "a"])@it took more than 100 ms of CPU time
null | setpath([range(2e4) | "a"]; 1)@Path too deep
"abc" | gsub("";"x")@it took more than 100 ms of CPU time
"abc" | gsub("^";"x")@it took more than 100 ms of CPU time
reduce range(1e6) as $i (0; [.])@it took more than 100 ms of CPU time
1e300 | todate@its process crashed (signal 6)
"x" * 1e10@Repeat string result too long
reduce range(1001) as $i (0; [.])@its result is too large or nested too deeply
END
}

@test "a regular expression that runs away costs its message" {
    bomb '("a" * 30) | test("(a+)+$b")' -t 10000
    assert_lines 'map([.id, .value // .status])' '[["a","1"],["x",400],["b","2"],["y",400],["c","3"]]'
    assert_lines '.[1].error.description' '"Its program failed: Regex failure: retry-limit-in-match over."'
}

@test "a program that takes too much memory costs its message" {
    local program
    sanitized && skip 'the sanitizers need an address space without limits'
    for program in '[1] | .[1e9] = 1' 'reduce range(40) as $i ("x"; . + .)' 'def f: [f]; f' '[range(1e8)]'; do
        bomb "$program" -M 64 -t 5000
        assert_lines 'map([.id, .value // .status])' '[["a","1"],["x",400],["b","2"],["y",400],["c","3"]]'
        assert_lines '.[1].error.description' '"Its program failed: it ran out of memory."'
    done
}

@test "answers that never end are cut off" {
    jq_connection incoming 'range(1e9) | {topic: "n/d/things/twin/commands/modify", path: "/", value: .}'
    map "$(external x 1)" "$(external y 1)" -- -i -c "$WORK/c.json"
    assert_error connectivity:message.mapping.failed
    assert_lines '.[1].status' 400
}

@test "order is kept, whatever waits" {
    jq_connection incoming "$TELEMETRY" '.sources += [.sources[0] | .payloadMapping = ["Ditto"]]'
    seq 0 4999 | jq -c 'if . % 5 == 0 then {id: "s-\(.)", status: 200}
        elif . % 5 == 1 then {id: "d-\(.)", address: "a", headers: {}, context: {source: 1}, text: "{\"topic\":\"n/d/things/twin/commands/retrieve\",\"path\":\"/\"}"}
        else {id: "q-\(.)", address: "a", headers: {device: "d"}, context: {source: 0}, text: tostring} end' >"$WORK/in"
    map -i -c "$WORK/c.json"
    assert_success
    assert_lines 'map(.id | sub(".-"; "") | tonumber) == [range(5000)]' true
    assert_lines 'map(select(.value) | (.id == "q-\(.value)")) | [length, all]' '[3000,true]'
}

@test "1 MiB and 16 MiB through a program" {
    jq_connection incoming "${TELEMETRY/.json/.text}"
    for size in 786432 12582912; do
        head -c $size /dev/urandom | base64 -w 0 >"$WORK/payload"
        jq -Rsc '{id: "x", address: "a", headers: {device: "d"}, text: .}' "$WORK/payload" >"$WORK/in"
        ditto-map -i -c "$WORK/c.json" -t 10000 <"$WORK/in" >"$WORK/out"
        jq -j .value "$WORK/out" | cmp - "$WORK/payload"
    done
}

# --- lines --------------------------------------------------------------------------------------------------------

@test "lines that are none" {
    printf '%s\n' nonsense '{"id":"x","address":"a",' '{"address":"a","text":"{\"id\":\"no\"}' '{"id":"x2","te\uxt":1}' '' '[]' '{"id":"\u00e4","address":1,' '{"id":"\q","address":1,' >"$WORK/in"
    external y "$(envelope)" >>"$WORK/in"
    map -i
    assert_success
    assert_lines 'map([.id, .status // .value, .error.error])' '[["x",400,"json.invalid"],["x2",400,"json.invalid"],["ä",400,"json.invalid"],["y",1,null]]'
    [ "$(grep -c 'json.invalid: The line is not valid' <<<"$stderr")" -eq 8 ]
}

@test "a line that is cut off ends with 111, after what was before it" {
    external x "$(envelope)" >"$WORK/in"
    printf '{"id":"y","address":"a","text"' >>"$WORK/in"
    map -i
    assert_status 111
    assert_lines 'map(.id)' '["x"]'
    assert_stderr "ditto-map: error: cannot read 'stdin': the last line is cut off"
    jq_connection incoming "$TELEMETRY"
    map -i -c "$WORK/c.json"
    assert_status 111
    assert_lines 'map(.id)' '["x"]'
}

@test "a line of 33 MiB costs itself" {
    { printf '{"id":"x","address":"a","text":"' && head -c 34603008 /dev/zero | tr '\0' a && printf '"}\n' &&
        external y "$(envelope)"; } >"$WORK/in"
    map -i
    assert_success
    assert_stderr --partial "ditto-map: warning: cannot map message 'x': messages:payload.toolarge: The line is not valid: it is longer than 32 MiB"
    assert_lines 'map([.id, .error.status, .error.error, .value])' '[["x",413,"messages:payload.toolarge",null],["y",null,null,1]]'
}

@test "nonsense at full speed does not flood the log" {
    yes '{"id":"x","address":"a","text":"nonsense"}' | head -n 20000 >"$WORK/in"
    map -i
    assert_success
    [ "${#lines[@]}" -eq 20000 ]
    [ "$(wc -l <<<"$stderr")" -lt 200 ]
}

# --- processes ----------------------------------------------------------------------------------------------------

@test "every process is locked down before the first line" {
    sanitized && skip 'built with sanitizers'
    jq_connection incoming "$TELEMETRY"
    start_mapper -i -c "$WORK/c.json"
    local pid pids
    external x 1 '{device: "d"}' >&6
    wait_for 5 lines_out 1
    pids="${PIDS[mapper]} $(descendants_of "${PIDS[mapper]}")"
    [ "$(wc -w <<<"$pids")" -eq 3 ]
    for pid in $pids; do
        grep -q '^Seccomp:.*2$' "/proc/$pid/status"
        grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status"
        grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits"
    done
    # the worker: /dev/null and its socket
    pid=${pids##*[ $'\n']}
    grep -q '^Max file size  *0  *0 ' "/proc/$pid/limits"
    run ls "/proc/$pid/fd"
    [ "${#lines[@]}" -eq 4 ]
    end_mapper
    [ "$status" -eq 0 ]
}

@test "while it maps, it only reads, writes and waits" {
    sanitized && skip 'built with sanitizers'
    jq_connection incoming "$TELEMETRY"
    for i in $(seq 200); do external "x$i" "$i" '{device: "d"}'; done >"$WORK/in"
    run --separate-stderr strace -f -qq -e 'signal=none' -o "$WORK/trace" ditto-map -i -c "$WORK/c.json" <"$WORK/in"
    assert_success
    [ "${#lines[@]}" -eq 200 ]
    # after the filter is on (the last seccomp call of each process), nothing but this
    awk '{ sub(/\(.*/, "", $2); if ($2 == "seccomp") { on[$1] = 1; delete used[$1] } else if (on[$1] && $2 ~ /^[a-z]/) used[$1] = used[$1] " " $2 }
        END { for (p in used) print used[p] }' "$WORK/trace" | tr ' ' '\n' | sort -u | grep -v '^$' >"$WORK/calls"
    run grep -vxE 'read|write|poll|recvfrom|sendto|recvmsg|sendmsg|close|brk|mmap|munmap|mremap|madvise|getrandom|setitimer|getrusage|rt_sigaction|rt_sigprocmask|futex|socketpair|clone|prctl|getpid|getppid|kill|wait4|fcntl|lseek|fstat|newfstatat|exit_group|set_robust_list|rseq|gettid' "$WORK/calls"
    assert_failure
    assert_output ''
}

@test "a worker that is killed is replaced, and costs at most its message" {
    jq_connection incoming "$TELEMETRY"
    start_mapper -i -c "$WORK/c.json"
    local i worker
    for i in 1 2 3; do
        worker=$(descendants_of "${PIDS[mapper]}" | tail -n 1)
        kill -KILL "$worker"
        wait_for 5 not running "$worker"
        external "x$i" "$i" '{device: "d"}' >&6
        wait_for 5 lines_out "$i"
    done
    [ "$(descendants_of "${PIDS[mapper]}" | wc -l)" -eq 2 ]
    end_mapper
    [ "$status" -eq 0 ]
    [ "$(jq -sc 'map(.value)' "$WORK/mapper.out")" = '[1,2,3]' ]
    [ ! -s "$WORK/mapper.err" ]
}

@test "a worker that does not go on is replaced, and costs its message" {
    jq_connection incoming "$TELEMETRY"
    start_mapper -i -c "$WORK/c.json" -t 50
    kill -STOP "$(descendants_of "${PIDS[mapper]}" | tail -n 1)"
    { external x 1 '{device: "d"}' && external y 2 '{device: "d"}'; } >&6
    wait_for 5 lines_out 2
    end_mapper
    [ "$status" -eq 0 ]
    [ "$(jq -sc 'map([.id, .value // .error.description])' "$WORK/mapper.out")" = '[["x","Its program failed: it did not end in time."],["y",2]]' ]
}

@test "nothing outlives it, and it does not outlive its zygote" {
    jq_connection incoming "$TELEMETRY"
    start_mapper -i -c "$WORK/c.json"
    local pid children
    children=$(descendants_of "${PIDS[mapper]}")
    [ "$(wc -w <<<"$children")" -eq 2 ]
    kill -KILL "${PIDS[mapper]}"
    for pid in $children; do wait_for 5 not running "$pid"; done
    wait_exit mapper
    [ "$status" -eq 137 ]
    exec 6>&-
    rm "$WORK/fifo"
    start_mapper -i -c "$WORK/c.json"
    children=$(descendants_of "${PIDS[mapper]}")
    kill -KILL "${children%%[ $'\n']*}"
    external x 1 '{device: "d"}' >&6
    end_mapper
    [ "$status" -eq 111 ]
    assert_file "$WORK/mapper.err" 'ditto-map c1: error: cannot run scripts: the process that starts their workers is gone'
    for pid in $children; do wait_for 5 not running "$pid"; done
}

@test "a connection without programs has no processes for them" {
    connection >"$WORK/c.json"
    start_mapper -i -c "$WORK/c.json"
    [ -z "$(descendants_of "${PIDS[mapper]}")" ]
    end_mapper
    [ "$status" -eq 0 ]
}

@test "signals: counters on USR1, HUP is ignored, TERM ends it" {
    start_mapper -i
    { external x "$(envelope)" && external y nonsense; } >&6
    wait_for 5 lines_out 2
    kill -HUP "${PIDS[mapper]}"
    kill -USR1 "${PIDS[mapper]}"
    wait_for 5 grep -q 'received=2 mapped=1 dropped=0 rejected=1' "$WORK/mapper.err"
    wait_for 5 grep -qx "ditto-map: info: mapper 'Ditto' rejected=1" "$WORK/mapper.err"
    stop mapper
    [ "$status" -eq 0 ]
    exec 6>&-
}

@test "it ends when nobody reads it" {
    mkfifo "$WORK/out"
    mkfifo "$WORK/fifo"
    exec 6<>"$WORK/fifo" 7<>"$WORK/out"
    ditto-map -i <"$WORK/fifo" >"$WORK/out" 2>"$WORK/mapper.err" 3>&- 6>&- 7>&- &
    PIDS[mapper]=$!
    track $!
    external x "$(envelope)" >&6
    read -r -t 10 line <&7
    exec 7>&-
    wait_exit mapper
    [ "$status" -eq 0 ]
    exec 6>&-
    [ ! -s "$WORK/mapper.err" ]
}

@test "counters are reported" {
    connection '.sources[0].enforcement = {input: "{{ header:device }}", filters: ["{{ thing:id }}"]}' >"$WORK/c.json"
    {
        external a "$(envelope)" '{device: "ns:d", "correlation-id": "c-1"}'
        external b "$(envelope)" '{device: "ns:other", "correlation-id": "c-2"}'
        external c nonsense '{device: "ns:d"}'
        external d "$(envelope)"
        echo 'no line'
    } | jq -cR 'fromjson? // . | if type == "object" then .context = {source: 0} else . end' | sed 's/^"\(.*\)"$/\1/' >"$WORK/lines"
    CONN_REPORT_FD=5 run --separate-stderr ditto-map -i -c "$WORK/c.json" 5>"$WORK/report" <"$WORK/lines"
    assert_success
    run jq -c 'select(.report == "meter" and .category == "source") | del(.report, .from, .life, .category, .index, .address)' "$WORK/report"
    assert_output '{"mapped":[2,1],"enforced":[1,2]}'
    run jq -c 'select(.report == "log") | [.category, .type, .level, .correlationId, .entityId, .message[0:40]]' "$WORK/report"
    assert_output '["source","mapped","success","c","ns:d","Mapped a message."]
["source","enforced","success","c","ns:d","A message passed the enforcement."]
["source","mapped","success","c","ns:d","Mapped a message."]
["source","enforced","failure","c","ns:d","connectivity:connection.id.enforcement.f"]
["source","mapped","failure",null,null,"json.invalid: The payload is not valid J"]
["source","enforced","failure",null,null,"placeholder:unresolved: The placeholder "]
["connection","other","failure",null,null,"A line that is no message was refused: o"]'
}

@test "what fails is logged and counted with its mapper" {
    connection '.mappingDefinitions.strict = {mappingEngine: "JQ", options: {incoming: "{topic: 1}"}} | .sources[0].payloadMapping = ["Ditto", "strict"]' >"$WORK/c.json"
    start_mapper -i -c "$WORK/c.json"
    { external x nonsense && external y nonsense; } >&6
    wait_for 5 lines_out 6
    kill -USR1 "${PIDS[mapper]}"
    wait_for 5 grep -q "'strict' rejected" "$WORK/mapper.err"
    end_mapper
    assert_file "$WORK/mapper.err" "$(
        for id in x y; do
            echo "ditto-map c1: warning: cannot map message '$id/1': json.invalid: The payload is not valid JSON: object expected at byte 0. Mapper <Ditto>."
            echo "ditto-map c1: warning: cannot map message '$id/2': json.invalid: The payload is not valid JSON of a Ditto Protocol message. The member is not a string. Mapper <strict>."
        done
        echo 'ditto-map c1: info: received=2 mapped=0 dropped=0 rejected=4'
        printf "ditto-map c1: info: mapper '%s' rejected=2\n" Ditto strict
    )"
}

@test "headers and payload are in entries of the log only where connectivity-debug-log asks for them" {
    local asked long
    connection '.sources[0].headerMapping = {"x": "y"}' >"$WORK/c.json"
    long=$(printf '\\u0001ü%.0s' {1..3000})
    {
        for asked in none ALL HEADER PAYLOAD all ''; do
            external x 'no json "secret"' "{secret: \"s\", \"Connectivity-Debug-Log\": \"$asked\"}"
        done
        external x "$(envelope '.headers["connectivity-debug-log"] = "PAYLOAD"')"
        printf '{"id":"x","address":"a","headers":{"connectivity-debug-log":"ALL","correlation-id":"%s","l":"%s"},"text":"%s"}\n' "$long" "$long" "$long"
        printf '{"id":"x","address":"a","headers":{"connectivity-debug-log":"ALL"},"bytes":"gIA="}\n{"id":"x","address":"a","headers":{"connectivity-debug-log":"ALL"}}\n'
    } >"$WORK/lines"
    CONN_REPORT_FD=5 run --separate-stderr ditto-map -i -c "$WORK/c.json" 5>"$WORK/report" <"$WORK/lines"
    assert_success
    refute_output --partial secret
    [[ $stderr != *secret* ]]
    [ "$(wc -L <"$WORK/report")" -lt 4096 ]
    run jq -c 'select(.report == "log" and .type == "mapped") | .message | capture("(?<h> Headers: .*?)?(?<p> Payload: .*)?$") | [.h, .p] | map(.[0:70]?) | map(if . then gsub("\u0001ü"; "") | sub("\u0001$"; "") else . end)' "$WORK/report"
    assert_output '[null,null]
[" Headers: {\"secret\":\"s\",\"Connectivity-Debug-Log\":\"ALL\"}"," Payload: no json \"secret\""]
[" Headers: {\"secret\":\"s\",\"Connectivity-Debug-Log\":\"HEADER\"}",null]
[null," Payload: no json \"secret\""]
[null,null]
[null,null]
[null," Payload: {\"topic\":\"ns/d/things/twin/commands/modify\",\"headers\":{\"conn"]
[" Headers: {\"connectivity-debug-log\":\"ALL\",\"correlation-id\":\"\\u0001ü\\u0"," Payload: "]
[" Headers: {\"connectivity-debug-log\":\"ALL\"}"," Payload: gIA="]
[" Headers: {\"connectivity-debug-log\":\"ALL\"}",null]'
    connection '.sources[0].headerMapping = {"connectivity-debug-log": "{{ header:debug }}"}' >"$WORK/c.json"
    { external x nonsense '{debug: "PAYLOAD"}' && external x nonsense '{debug: "no"}'; } >"$WORK/lines"
    CONN_REPORT_FD=5 run --separate-stderr ditto-map -i -c "$WORK/c.json" 5>"$WORK/report" <"$WORK/lines"
    run jq -c 'select(.report == "log") | .message | endswith(" Payload: nonsense")' "$WORK/report"
    assert_output $'true\nfalse'
    connection >"$WORK/c.json"
    CONN_REPORT_FD=5 run --separate-stderr ditto-map -o -c "$WORK/c.json" -k 0 5>"$WORK/report" < <(envelope '.headers["connectivity-debug-log"] = "ALL"')
    run jq -c 'select(.report == "log") | .message' "$WORK/report"
    assert_output '"Mapped a message. Headers: {\"connectivity-debug-log\":\"ALL\"} Payload: 1"'
}

# --- documents ----------------------------------------------------------------------------------------------------

@test "map-telemetry.sh: from raw payloads to what a target publishes" {
    run --separate-stderr sh "$ROOT/examples/pipelines/map-telemetry.sh" < <(printf '{"temp":21.5}\n{"temp":-3}\nno temperature\n')
    assert_success
    assert_lines 'map([.id, .address // .status, .headers.device])' '[["m-1","devices/dev-1/temperature","org.example:dev-1"],["m-2","devices/dev-2/temperature","org.example:dev-2"],["m-3",400,null]]'
    assert_lines 'map(.text // empty | fromjson.value)' '[{"celsius":21.5},{"celsius":-3}]'
    assert_stderr --partial 'Its program failed: no temperature.'
}

@test "the examples of the page" {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$ROOT/man/ditto-map.1" | sed 's/\\e/\\/g' >"$WORK/example"
    cd "$WORK"
    run --separate-stderr bash -eu example
    assert_success
    assert_stderr ''
    assert_lines 'map(.step // .value // .text // .topic)' '["ns/d/things/twin/commands/retrieve",21.5,"hello","message","mapper","template","output"]'
}
