#!/usr/bin/env bats
# Byte for byte: what a device sends over AMQP 1.0 is what an MQTT subscriber gets, with the Ditto mapper through store,
# hub and both rings, and as raw payloads through a plain ring.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

setup() {
    common_setup
    mosquitto_start
    mkfifo "$WORK/devices"
    exec 7<>"$WORK/devices"
    start peer amqp-peer -Q - <"$WORK/devices" 7>&-
    wait_for 10 grep -q port "$WORK/peer.out"
    AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
}

teardown() {
    exec 7>&-
    common_teardown
}

# The payload of the next message at a topic goes to FILE, as it is.
expect() { # FILE TOPIC
    start "sub-$1" mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -i "sub-$1" -t "$2" -C 1 -N </dev/null
    wait_for 10 grep -q "Received SUBSCRIBE from sub-$1" "$WORK/mosquitto/log"
}

# A file as the text of an AMQP message: its bytes, in base64, become one data section.
send_file() { # FILE
    base64 -w 0 "$1" >"$WORK/base64"
    { printf '{"address":"telemetry","data":"'; cat "$WORK/base64"; printf '"}\n'; } >&7
}

# An envelope with these bytes as its value, and what of it arrives: the value's bytes, cut out of the payload.
crosses() { # NAME VALUE-FILE
    local topic='"topic":"org.example/dev/things/live/messages/m"'
    { printf '{%s,"headers":{"response-required":false},"path":"/outbox/messages/m","value":' "$topic"; cat "$2"; printf '}'; } >"$WORK/$1.sent"
    expect "$1" 'devices/#'
    send_file "$WORK/$1.sent"
    wait_exit "sub-$1" 20
    assert_status 0
    python3 - "$WORK/sub-$1.out" "$2" <<'PYTHON'
import sys
got, value = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read()
start = got.index(b'"value":') + len(b'"value":')
sys.exit(got[start:start + len(value)] != value or got[start + len(value):] != b"}")
PYTHON
}

ditto_house() {
    house_start
    house_connection mqtt-live "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/target.json"
    house_connection amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" \
        'del(.mappingDefinitions) | .sources[0].payloadMapping = ["Ditto"]' >"$WORK/source.json"
    run --separate-stderr conn-ctl create "$WORK/target.json" "$WORK/source.json"
    assert_success
    run --separate-stderr conn-ctl status -w 15 amqp-telemetry
    assert_success
    run --separate-stderr conn-ctl status -w 15 mqtt-live
    assert_success
}

@test "values cross the whole path with the Ditto mapper" {
    ditto_house
    cd "$WORK"
    printf '12345678901234567890' >big
    printf '1.0' >one
    printf '1e400' >huge
    printf '[1e3,-0,0.30000000000000004,9007199254740993,123456789012345678901234]' >numbers
    printf '"\\u0000"' >nul
    printf '"\\ud83d \\u00e9\\/ \xc3\xa9\xf0\x9f\x98\x80"' >escapes
    printf '""' >empty
    printf '{"a":1,"a":2,"":{"deep":[[[[[[]]]]]]}}' >twice
    printf 'null' >null
    { printf '"'; head -c 786432 /dev/urandom | base64 -w 0; printf '"'; } >megabyte
    python3 -c 'import json; print(json.dumps("".join(map(chr, range(256)))), end="")' >latin
    { printf '"'; python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)))' | base64 -w 0; printf '"'; } >bytes
    for name in big one huge numbers nul escapes empty twice null megabyte latin bytes; do
        echo "$name"
        crosses "$name" "$name"
    done
}

@test "an envelope without a value crosses, too" {
    ditto_house
    printf '{"topic":"org.example/dev/things/live/messages/m","headers":{"response-required":false},"path":"/outbox/messages/m"}' >"$WORK/none"
    expect none 'devices/#'
    send_file "$WORK/none"
    wait_exit sub-none 20
    assert_status 0
    run ! grep -q '"value"' "$WORK/sub-none.out"
    run --separate-stderr jq -r '.topic + .path' "$WORK/sub-none.out"
    assert_output org.example/dev/things/live/messages/m/outbox/messages/m
}

@test "raw payloads cross a plain ring: empty, 256 different bytes, a megabyte" {
    start ring ring "amqp-in -d 4 amqp://127.0.0.1:$AMQP_PORT telemetry" "mqtt-out tcp://127.0.0.1:$MQTT_PORT" </dev/null 4>"$WORK/ring.ready"
    wait_ready ring
    cd "$WORK"
    : >empty
    python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)))' >bytes
    head -c 1048576 /dev/urandom >megabyte
    head -c 1048576 /dev/zero | tr '\0' '\1' >controls
    for name in empty bytes megabyte controls; do
        expect "$name" telemetry
        send_file "$name"
        wait_exit "sub-$name" 20
        assert_status 0
        cmp "$name" "sub-$name.out"
    done
    stop ring
    assert_status 0
}
