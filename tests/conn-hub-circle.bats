#!/usr/bin/env bats
# conn-hub-circle.bats: commands in, responses and events out, through rings on a real broker, the hub and the twin.
load helper/common
load helper/hub
load helper/mosquitto

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
    local json
    json=$(connection_json "$@" | jq -c .)
    echo "$json" >"$WORK/$1.json"
    start "$1_out" ring -j '{"hello":1,"role":"out","client":0,"connection":'"$json"'}' \
        "ditto-map -o -c '$WORK/$1.json'" "mqtt-out -c '$WORK/$1.json'" </dev/null
    [ -z "$2" ] || start "$1_in" ring -j '{"hello":1,"role":"in","client":0,"connection":'"$json"'}' \
        "mqtt-in -c '$WORK/$1.json'" "ditto-map -i -c '$WORK/$1.json'" </dev/null
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
    local service_hello='{"hello":1,"role":"service","service":"twin","topics":["_/_/things/twin/commands","_/_/policies/commands"]}'
    mkdir "$WORK/twin"
    start twin ring -j "$service_hello" "ditto-twin -D '$WORK/twin'" </dev/null
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
