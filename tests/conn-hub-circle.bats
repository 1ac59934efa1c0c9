#!/usr/bin/env bats
# conn-hub-circle.bats: commands in, responses and events out, through rings on a real broker, the hub and the twin.
load helper/common
load helper/hub
load helper/mosquitto
load helper/rabbitmq

setup_file() {
    common_setup_file
    mosquitto_start
}
teardown_file() {
    common_teardown_file
}

connection_json() { # ID SOURCES TARGETS
    echo '{"id":"'"$1"'","connectionType":"mqtt-5","connectionStatus":"open","uri":"tcp://127.0.0.1:'"$MQTT_PORT"'",' \
        '"sources":['"$2"'],"targets":['"$3"']}'
}
# Starts the rings of a connection, as the supervisor does.
house() { # ID SOURCES TARGETS
    rings_of mqtt "$1" "$(connection_json "$@" | jq -c .)" "$2"
}
rings_of() { # PROTOCOL ID JSON SOURCES
    echo "$3" >"$WORK/$2.json"
    start "$2_out" ring -j '{"hello":1,"role":"out","client":0,"connection":'"$3"'}' \
        "ditto-map -o -c '$WORK/$2.json'" "$1-out -c '$WORK/$2.json'" </dev/null
    [ -z "$4" ] || start "$2_in" ring -j '{"hello":1,"role":"in","client":0,"connection":'"$3"'}' \
        "$1-in -c '$WORK/$2.json'" "ditto-map -i -c '$WORK/$2.json'" </dev/null
}
start_twin() {
    mkdir "$WORK/twin"
    start twin ring -j '{"hello":1,"role":"service","service":"twin","topics":["_/_/things/twin/commands","_/_/policies/commands"]}' \
        "ditto-twin -D '$WORK/twin'" </dev/null
}
publish() { # PAYLOAD [OPTION…]
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "dev/in" -m "$1" "${@:2}"
}
command() { # VERB PATH [VALUE] [HEADERS]
    echo '{"topic":"org.a/lamp/things/twin/commands/'"$1"'","headers":{"correlation-id":"'"$1"'"'"${4:+,$4}"'},"path":"'"$2"'"'"${3:+,\"value\":$3}"'}'
}
received() { # N
    [ "$(wc -l <"$WORK/sub.out")" -ge "$1" ]
}
# What the subscriber has got of a kind of address.
got() { # ADDRESS JQ
    sed -n "s|^$1||p" "$WORK/sub.out" | jq -rc "$2"
}

@test "MQTT 5: create, modify, merge, retrieve, delete and live messages; responses, events, errors" {
    hub
    start_twin
    house dev '{"addresses":["dev/in"],"qos":1,"authorizationContext":["a:b"],"replyTarget":{"enabled":true,"address":"replies/{{thing:name}}","expectedResponseTypes":["response","error"],"headerMapping":{"correlation-id":"{{header:correlation-id}}"}}}' \
        ''
    house sink '' '{"address":"hot/{{thing:name}}","qos":1,"topics":["_/_/things/twin/events?namespaces=org.a&filter=gt(attributes/t,20)&extraFields=attributes/place"],"authorizationContext":["a:b"]},
        {"address":"all/{{thing:name}}/{{topic:action}}","qos":1,"topics":["_/_/things/twin/events"],"authorizationContext":["a:b"],"issuedAcknowledgementLabel":"sink:done"},
        {"address":"live/{{thing:name}}/{{topic:subject}}","qos":1,"topics":["_/_/things/live/messages"],"authorizationContext":["a:b"]}'
    start sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i sub -q 1 -t 'replies/#' -t 'hot/#' -t 'all/#' -t 'live/#' -F '%t %p'
    wait_for 10 grep -q 'Sending SUBACK to sub' "$MQTT_DIR/log"
    wait_for 10 grep -q 'Sending SUBACK to .*dev' "$MQTT_DIR/log"
    wait_for 10 is_counter members 4
    publish "$(command create / '{"attributes":{"place":"here","t":1}}')"
    wait_for 10 received 2
    publish "$(command modify /attributes/t 30 '"requested-acks":["twin-persisted","sink:done"]')"
    wait_for 10 received 5
    publish "$(command merge /attributes '{"t":10}' '"content-type":"application/merge-patch+json"')"
    wait_for 10 received 7
    publish "$(command retrieve /attributes)"
    wait_for 10 received 8
    publish "$(command delete /attributes/place)"
    wait_for 10 received 10
    publish "$(command modify /features/none/properties/x/y 'nonsense')"
    publish '{"topic":"org.a/other/things/twin/commands/retrieve","headers":{"correlation-id":"other"},"path":"/"}'
    publish '{"topic":"org.a/lamp/things/live/messages/hi","headers":{"response-required":false},"path":"/inbox/messages/hi","value":"x"}'
    wait_for 10 received 13
    run got 'replies/lamp ' '[.topic, .headers."correlation-id", .status, .value] | map(tojson) | join(" ")'
    assert_output --partial '"org.a/lamp/things/twin/commands/create" "create" 201'
    assert_line --partial '"org.a/lamp/things/twin/acks" "modify" 200'
    assert_line --partial '"org.a/lamp/things/twin/commands/merge" "merge" 204'
    assert_line '"org.a/lamp/things/twin/commands/retrieve" "retrieve" 200 {"place":"here","t":10}'
    assert_line --partial '"org.a/lamp/things/twin/commands/delete" "delete" 204'
    run got 'replies/other ' '[.topic, .status, .value.error] | map(tojson) | join(" ")'
    assert_output '"org.a/other/things/twin/errors" 404 "things:thing.notfound"'
    run got 'hot/lamp ' '[.value, .extra] | map(tojson) | join(" ")'
    assert_output '30 {"attributes":{"place":"here"}}'
    run got 'replies/unknown ' '[.topic, .status, .value.error] | map(tojson) | join(" ")'
    assert_output '"unknown/unknown/things/twin/errors" 400 "json.invalid"'
    run got 'live/lamp/hi ' '.value'
    assert_output x
    run -0 grep -o '^all/lamp/[a-z]*' "$WORK/sub.out"
    assert_output 'all/lamp/created
all/lamp/modified
all/lamp/merged
all/lamp/deleted'
    [ "$(counter redelivered)" -eq 0 ]
}

@test "AMQP 1.0: commands in, responses and events out" {
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    rabbitmq_shared
    local queue=/queue/circle-$$ json
    export AMQP_USER=guest AMQP_PASSWORD=guest
    hub
    start_twin
    json=$(jq -nc --arg uri "amqp://guest:guest@127.0.0.1:$AMQP_PORT" --arg queue "$queue" '{id: "dev", connectionType: "amqp-10",
        connectionStatus: "open", uri: $uri,
        sources: [{addresses: [$queue], authorizationContext: ["a:b"],
            replyTarget: {enabled: true, address: ($queue + "-replies"), expectedResponseTypes: ["response", "error"],
                headerMapping: {"correlation-id": "{{header:correlation-id}}", "subject": "{{topic:action}}"}}}],
        targets: []}')
    rings_of amqp dev "$json" source
    json=$(jq -c --arg queue "$queue" '.id = "sink" | .sources = [] | .targets = [{address: ($queue + "-events"),
        topics: ["_/_/things/twin/events"], authorizationContext: ["a:b"]}]' <<<"$json")
    rings_of amqp sink "$json" ''
    wait_for 15 is_counter members 4
    start replies amqp-cat -p "$AMQP_PORT" -t 60 recv "$queue-replies" 3 </dev/null
    start events amqp-cat -p "$AMQP_PORT" -t 60 recv "$queue-events" 2 </dev/null
    {
        jq -nc --arg text "$(command create / '{"attributes":{"a":1}}')" '{text: $text}'
        jq -nc --arg text "$(command modify /attributes/a 2)" '{text: $text}'
        jq -nc --arg text "$(command retrieve /attributes)" '{text: $text}'
    } | amqp-cat -p "$AMQP_PORT" -t 60 send "$queue"
    wait_exit replies 60
    assert_status 0
    wait_exit events 60
    assert_status 0
    run jq -rc 'select(.n) | (.text // (.bytes | @base64d)) | fromjson | [.topic, .status] | map(tojson) | join(" ")' "$WORK/replies.out"
    assert_output '"org.a/lamp/things/twin/commands/create" 201
"org.a/lamp/things/twin/commands/modify" 204
"org.a/lamp/things/twin/commands/retrieve" 200'
    run jq -rc 'select(.n) | (.text // (.bytes | @base64d)) | fromjson | [.topic, .revision] | map(tojson) | join(" ")' "$WORK/events.out"
    assert_output '"org.a/lamp/things/twin/events/created" 1
"org.a/lamp/things/twin/events/modified" 2'
}
