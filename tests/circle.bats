#!/usr/bin/env bats
# circle.bats: the whole circle, from create to event, over an AMQP container and an MQTT broker: under conn-up -t, and with
# random kills of everything between the brokers.
load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

setup() {
    common_setup
    mosquitto_start
}

# An AMQP container that takes messages, and orders, from descriptor 6.
amqp() { # OPTION…
    mkfifo "$WORK/amqp.in"
    exec 6<>"$WORK/amqp.in"
    start amqp amqp-peer -t 600 "$@" - <"$WORK/amqp.in" 6>&-
    wait_for 10 grep -q '^{"port":' "$WORK/amqp.out"
    AMQP_PORT=$(head -n 1 "$WORK/amqp.out" | jq .port)
}
sub() { # FILTER
    start sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i sub -q 1 -t "$1" -F '{"topic":"%t","user":"%P","m":%p}'
    wait_for 10 grep -q 'Sending SUBACK to sub' "$MQTT_DIR/log"
}
create() { # ID JQ-PROGRAM
    jq -n --arg amqp "amqp://127.0.0.1:${AMQP_PORT-1}" --arg mqtt "tcp://127.0.0.1:$MQTT_PORT" --arg id "$1" \
        '{$id, connectionStatus: "open"} + '"$2" >"$WORK/$1.json"
    run --separate-stderr conn-ctl create "$WORK/$1.json"
    assert_success
}
is_open() { # ID…
    local id
    for id; do conn-ctl status -w 20 "$id" || return; done
}
# What came to an AMQP address, or to an MQTT topic; the messages themselves.
at_amqp() { # ADDRESS
    jq -c --arg a "$1" 'select(.event == "message" and .address == $a)' "$WORK/amqp.out"
}
at_mqtt() { # TOPIC
    jq -c --arg t "$1" 'select(.topic == $t)' "$WORK/sub.out"
}
has() { # N AT ADDRESS
    [ "$("$2" "$3" | wc -l)" -ge "$1" ]
}
command() { # VERB PATH [VALUE] [HEADERS]
    jq -nc --arg verb "$1" --arg path "$2" --argjson value "${3:-null}" --argjson headers "{${4-}}" \
        '{topic: "org.a/lamp/things/twin/commands/\($verb)", headers: ({"correlation-id": $verb} + $headers), $path} + if $value != null then {$value} else {} end'
}
by_amqp() { # MESSAGE
    jq -nc --arg text "$1" '{address: "commands", $text, "content-type": "application/vnd.eclipse.ditto+json"}' >&6
}
by_mqtt() { # MESSAGE
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t commands -m "$1"
}
both_connections() {
    local reply='headerMapping: {"correlation-id": "{{header:correlation-id}}", "thing": "{{thing:id}}", "how": "{{topic:action}}"}, expectedResponseTypes: ["response", "error", "nack"]'
    create dev '{connectionType: "amqp-10", uri: $amqp, sources: [{addresses: ["commands"], authorizationContext: ["x:dev"],
        acknowledgementRequests: {includes: ["app:seen"]}, replyTarget: {enabled: true, address: "replies", '"$reply"'}}],
        targets: [{address: "events", topics: ["_/_/things/twin/events?namespaces=org.a&filter=gt(attributes/t,20)&extraFields=attributes/place",
            "_/_/things/live/messages"], authorizationContext: ["x:dev"]}]}'
    create app '{connectionType: "mqtt-5", uri: $mqtt, sources: [{addresses: ["commands"], qos: 1, authorizationContext: ["x:app"],
        replyTarget: {enabled: true, address: "replies/{{thing:name}}", '"$reply"'}}],
        targets: [{address: "events/{{topic:action}}", qos: 1, topics: ["_/_/things/twin/events"], authorizationContext: ["x:app"], issuedAcknowledgementLabel: "app:seen"},
            {address: "live/{{topic:subject}}", qos: 1, topics: ["_/_/things/live/messages"], authorizationContext: ["x:app"]}]}'
    is_open dev app
}

@test "under conn-up -t: commands by AMQP, events by MQTT, and the other way round" {
    amqp
    sub '#'
    start_ready up conn-up -t -d 4 </dev/null
    both_connections
    # AMQP in: the responses where they belong, with mapped headers; every event at MQTT
    by_amqp "$(command create / '{"attributes":{"place":"hall","t":1}}')"
    wait_for 10 has 1 at_amqp replies
    by_amqp "$(command modify /attributes/t 30 '"requested-acks":["twin-persisted"]')"
    wait_for 10 has 2 at_amqp replies
    by_amqp "$(command merge /attributes '{"t":25}' '"content-type":"application/merge-patch+json"')"
    wait_for 10 has 3 at_amqp replies
    by_amqp "$(command retrieve /attributes)"
    by_amqp "$(command delete /attributes/none '' '"requested-acks":["twin-persisted"]')"
    wait_for 10 has 5 at_amqp replies
    run jq -rc '[.properties."correlation-id", ."application-properties"["thing", "how"], ((.text // (.bytes | @base64d)) | fromjson | .status, (.value | keys_unsorted))] | map(tojson) | join(" ")' < <(at_amqp replies)
    assert_line '"create" "org.a:lamp" null 200 ["app:seen"]'
    assert_line '"modify" "org.a:lamp" null 200 ["twin-persisted","app:seen"]'
    assert_line '"merge" "org.a:lamp" null 200 ["app:seen"]'
    assert_line '"retrieve" "org.a:lamp" "retrieve" 200 ["place","t"]'
    assert_line '"delete" "org.a:lamp" null 404 ["status","error","message","description"]'
    run jq -rc '[.topic, .m.path, .m.revision] | map(tojson) | join(" ")' < <(grep '"topic":"events/' "$WORK/sub.out")
    assert_output '"events/created" "/" 1
"events/modified" "/attributes/t" 2
"events/merged" "/attributes" 3'
    # MQTT in: filtered events, and live messages, at AMQP, with extra fields
    by_mqtt "$(command modify /attributes/t 21)"
    wait_for 10 has 1 at_mqtt replies/lamp
    by_mqtt "$(command modify /attributes/t 5)"
    wait_for 10 has 2 at_mqtt replies/lamp
    by_mqtt '{"topic":"org.a/lamp/things/live/messages/hi","headers":{"response-required":false},"path":"/inbox/messages/hi","value":"x"}'
    wait_for 10 has 2 at_amqp events
    run jq -rc '(.text // (.bytes | @base64d)) | fromjson | [.topic, .value, .extra] | map(tojson) | join(" ")' < <(at_amqp events)
    assert_output '"org.a/lamp/things/twin/events/modified" 21 {"attributes":{"place":"hall"}}
"org.a/lamp/things/live/messages/hi" "x" null'
    run jq -rc '[.user, .m.status] | map(tojson) | join(" ")' < <(at_mqtt replies/lamp)
    assert_output '"thing:org.a:lamp how:modify" 204
"thing:org.a:lamp how:modify" 204'
    stop up 30
    assert_status 0
}

# --- kills -----------------------------------------------------------------------------------------------------------

TWIN='{"hello":1,"role":"service","service":"twin","topics":["_/_/things/twin/commands","_/_/policies/commands"]}'

# Starts what is not running.
house() {
    house_start || return
    [ -n "${PIDS[twin]-}" ] && running "${PIDS[twin]}" || start twin ring -j "$TWIN" "ditto-twin -D '$WORK/twin'" </dev/null
}
victims() {
    descendants "${PIDS[store]}" "${PIDS[hub]}" "${PIDS[supervise]}" "${PIDS[twin]}"
}
accepted() {
    jq -rR 'fromjson? | select(.event == "disposition" and .outcome == "accepted") | .n' "$WORK/amqp.out" | sort -un
}
all_accepted() { # N
    house && [ "$(accepted | wc -l)" -ge "$1" ]
}
# The numbers in the attributes of things and events.
numbers() {
    jq -rR 'fromjson? | (.m // .) | .value.attributes // empty | keys[] | select(startswith("n")) | .[1:]' "$@" | sort -un
}
# Prints all things that there are.
things() {
    cat >"$WORK/ask" <<'END'
ids=$(seq 0 9 | sed 's/.*/"org.example:dev-&"/' | paste -sd ,)
echo '{"id":"q-1","topic":"_/_/things/twin/commands/retrieve","headers":{"correlation-id":"all"},"path":"/","value":{"thingIds":['"$ids"']},"context":{"subjects":["x:dev"]}}'
head -n 1 >&8
END
    timeout 20 ring -j '{"hello":1,"role":"service","service":"asker"}' "sh $WORK/ask" 8>&1
}

@test "whatever is killed between the brokers, what is accepted is stored and published" {
    local n=1500 kills=6 rate=150 i pid killed=''
    [ -z "${CONN_LONG-}" ] || n=20000 kills=60 rate=150
    SUPERVISE_OPTS='-b 50 -B 500 -u 1000 -H 5000'
    mkdir "$WORK/twin"
    amqp -q -g "$n,telemetry,80,$rate"
    sub 'events/#'
    house
    create app '{connectionType: "mqtt-5", uri: $mqtt, sources: [], targets: [{address: "events/{{thing:name}}", qos: 1,
        topics: ["_/_/things/twin/events"], authorizationContext: ["x:app"], issuedAcknowledgementLabel: "app:seen"}]}'
    is_open app
    create dev '{connectionType: "amqp-10", uri: $amqp, sources: [{addresses: ["telemetry"], authorizationContext: ["x:dev"],
        acknowledgementRequests: {includes: ["twin-persisted", "app:seen"]}, headerMapping: {"correlation-id": "{{header:message-id}}"},
        payloadMapping: ["twin"], replyTarget: {enabled: false}}],
        mappingDefinitions: {twin: {mappingEngine: "JQ", options: {incoming: ("{topic: \"org.example/\\(.headers.device_id)/things/twin/commands/merge\",
            path: \"/\", headers: {\"content-type\": \"application/merge-patch+json\", timeout: \"5s\"}, value: {attributes: {\"n\\(.json.n)\": 1}}}")}}}}'
    for ((i = 1; i <= kills; i++)); do
        wait_for 60 all_accepted $((n * i / (kills + 1)))
        pid=$(victims | shuf -n 1)
        killed+="$(cat "/proc/$pid/comm" 2>/dev/null) "
        kill -KILL "$pid" || :
    done
    wait_for 120 all_accepted "$n"
    echo "# killed: $killed" >&3
    wait_for 10 has_answer
    numbers "$WORK/sub.out" >"$WORK/published"
    jq -c '.value[]' "$WORK/things" | jq -c '{value: .}' | numbers >"$WORK/stored"
    accepted >"$WORK/accepted"
    assert_equal "$(wc -l <"$WORK/accepted")" "$n"
    assert_equal "$(comm -23 <(sort "$WORK/accepted") <(sort "$WORK/published") | head)" ''
    assert_equal "$(comm -23 <(sort "$WORK/accepted") <(sort "$WORK/stored") | head)" ''
}
has_answer() {
    house && things >"$WORK/things" && [ "$(jq -r '.status' "$WORK/things")" = 200 ]
}
