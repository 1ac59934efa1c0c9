#!/usr/bin/env bats
# pipelines.bats: the scripts of examples/pipelines, on a real broker and the project's AMQP container.
load helper/common
load helper/mosquitto
load helper/rabbitmq
load helper/hub

PIPELINES=$ROOT/examples/pipelines

# Programs through which messages flow; the others are services and their tools.
DATA_PLANE='amqp-in amqp-out mqtt-in mqtt-out ditto-map ditto-adapt ditto-filter ditto-expand ditto-parse ditto-twin ring'

setup_file() {
    common_setup_file
    mosquitto_start
}

teardown_file() {
    common_teardown_file
}

peer() { # ARGS
    start peer amqp-peer -t 100 "$@" </dev/null
    wait_for 10 grep -q '^{"port":' "$WORK/peer.out"
    PORT=$(head -n 1 "$WORK/peer.out" | jq .port)
}

# Subscribes FILTER; each message is printed as FORMAT (of mosquitto_sub).
sub() { # FILTER FORMAT
    start sub mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i "sub-$BATS_TEST_NUMBER" -q 1 -t "$1" -F "$2"
    wait_for 10 grep -q "Sending SUBACK to sub-$BATS_TEST_NUMBER" "$MQTT_DIR/log"
}

has_lines() { # NAME N
    [ "$(wc -l <"$WORK/$1.out")" -ge "$2" ]
}

# The connections of examples/connections, with the ports of this test.
connections() { # AMQP-URI
    jq --arg uri "$1" '.uri = $uri' "$ROOT/examples/connections/amqp-telemetry.json" >"$WORK/source.json"
    jq --arg uri "tcp://127.0.0.1:$MQTT_PORT" '.uri = $uri' "$ROOT/examples/connections/mqtt-live.json" >"$WORK/target.json"
}

all_accepted() { # N
    [ "$(jq -c 'select(.event == "disposition" and .outcome == "accepted") | .n' "$WORK/peer.out" | sort -u | wc -l)" -ge "$1" ]
}

# The numbers of the messages at the subscriber: all of 1 to N?
superset() { # N
    jq -r '.value.n' "$WORK/sub.out" | sort -nu | diff -q - <(seq "$1") >/dev/null
}

# Prints what is not as it should be.
uncovered() {
    local program script
    for program in $DATA_PLANE; do
        ! ls "$ROOT/bin/$program".* >/dev/null 2>&1 || grep -qE "^[^#]*\b$program\b" "$PIPELINES"/*.sh || echo "$program is in no script"
    done
    for script in "$PIPELINES"/*.sh; do
        grep -qw "${script##*/}" "$ROOT"/tests/*.bats || echo "${script##*/} is not tested"
        [ -x "$script" ] || echo "${script##*/} is not executable"
    done
}

@test "every data-plane program stands in a script, every script in a test" {
    run uncovered
    assert_output ''
}

@test "expand-topics.sh: where a target publishes" {
    run --separate-stderr "$PIPELINES/expand-topics.sh" "$ROOT/examples/connections/mqtt-live.json" <<'END'
{"topic":"org.example/lamp/things/live/messages/on","path":"/inbox/messages/on"}
{"topic":"org.example/door/things/live/messages/a/b","path":"/inbox/messages/a/b"}
END
    assert_status 0
    assert_output 'devices/lamp/messages/on
devices/door/messages/a/b'
    assert_stderr ''
}

@test "amqp-to-mqtt.sh: messages as they are" {
    peer -q -g 100,telemetry,60
    sub telemetry '%t %q %P %p'
    start ring "$PIPELINES/amqp-to-mqtt.sh" "amqp://127.0.0.1:$PORT" telemetry "tcp://127.0.0.1:$MQTT_PORT" </dev/null
    wait_for 20 all_accepted 100
    kill -TERM "${PIDS[ring]}"
    wait_exit ring
    assert_status 0
    assert_equal "$(cat "$WORK/ring.err")" ''
    wait_for 10 has_lines sub 100
    run grep -cE '^telemetry 1 message-id:m-[0-9]{10} device_id:dev-[0-9] n:[0-9]+ \{"temp":' "$WORK/sub.out"
    assert_output 100
}

@test "telemetry-ring.sh: raw payloads arrive as Ditto Protocol messages, each settled by the MQTT broker" {
    peer -q -g 200,telemetry,80
    connections "amqp://127.0.0.1:$PORT"
    sub 'devices/#' '%p'
    sub_topics
    start ring "$PIPELINES/telemetry-ring.sh" "$WORK/source.json" "$WORK/target.json" </dev/null
    wait_for 30 all_accepted 200
    kill -TERM "${PIDS[ring]}"
    wait_exit ring
    assert_status 0
    assert_equal "$(cat "$WORK/ring.err")" ''
    wait_for 10 has_lines sub 200
    wait_for 10 superset 200
    run jq -c '[.topic, .path, .headers["content-type"], .headers["response-required"], (.value.temp | type)]' <(head -n 1 "$WORK/sub.out")
    assert_output '["org.example/dev-1/things/live/messages/temperature","/outbox/messages/temperature","application/json",false,"number"]'
    assert_equal "$(sort -u "$WORK/topics.out" | head -n 2)" $'devices/dev-0/messages/temperature\ndevices/dev-1/messages/temperature'
}

sub_topics() {
    start topics mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -i topics -q 1 -t 'devices/#' -F %t
    wait_for 10 grep -q 'Sending SUBACK to topics' "$MQTT_DIR/log"
}

ring_parts() { cat "/proc/${PIDS[ring]}/task/${PIDS[ring]}/children"; }

four_parts() { [ "$(ring_parts | wc -w)" -eq 4 ]; }

@test "telemetry-ring.sh: kill -9 of each program of it at a random moment loses nothing" {
    local count=$((${CONN_LONG:-0} ? 20000 : 2000)) rounds=$((${CONN_LONG:-0} ? 40 : 4)) round victim pids
    peer -q -g "$count,telemetry,80,$((count / 2))"
    connections "amqp://127.0.0.1:$PORT"
    sub 'devices/#' '%p'
    for round in $(seq "$rounds"); do
        start ring "$PIPELINES/telemetry-ring.sh" "$WORK/source.json" "$WORK/target.json" </dev/null
        wait_for 20 four_parts
        wait_for 20 all_accepted $((count * (round - 1) / rounds / 2 + RANDOM % (count / rounds / 2) + 1))
        pids=$(ring_parts)
        victim=$(cut -d ' ' -f $((round % 4 + 1)) <<<"$pids")
        kill -KILL "$victim"
        wait_exit ring
        assert_status 111
    done
    start ring "$PIPELINES/telemetry-ring.sh" "$WORK/source.json" "$WORK/target.json" </dev/null
    wait_for 60 all_accepted "$count"
    wait_for 10 superset "$count"
    echo "# sent=$count arrived=$(jq -r .value.n "$WORK/sub.out" | sort -nu | wc -l) duplicates=$(($(wc -l <"$WORK/sub.out") - count))" >&3
    stop ring
    assert_status 0
}

@test "a broker that goes away ends the ring with 111; what it had not confirmed comes again" {
    WORK=$WORK/own
    mkdir "$WORK"
    mosquitto_start
    peer -q -g 500,telemetry,60,1000
    sub telemetry '%p'
    start ring "$PIPELINES/amqp-to-mqtt.sh" "amqp://127.0.0.1:$PORT" telemetry "tcp://127.0.0.1:$MQTT_PORT" </dev/null
    wait_for 20 all_accepted 50
    kill -STOP "$MQTT_PID"
    mosquitto_kill9
    wait_exit ring
    assert_status 111
    grep -q "^mqtt-out: error: cannot keep the connection to '127.0.0.1:$MQTT_PORT'" "$WORK/ring.err"
    mosquitto_restart
    start ring "$PIPELINES/amqp-to-mqtt.sh" "amqp://127.0.0.1:$PORT" telemetry "tcp://127.0.0.1:$MQTT_PORT" </dev/null
    wait_for 20 all_accepted 500
    stop ring
    assert_status 0
    end_tracked
}

at_peer() { # ADDRESS: what came there
    jq -c --arg a "$1" 'select(.event == "message" and .address == $a) | (.text // (.bytes | @base64d)) | fromjson' "$WORK/peer.out"
}

# Are there N messages at the address?
arrived() { # ADDRESS N
    [ "$(at_peer "$1" | wc -l)" -ge "$2" ]
}

@test "twin-between.sh: commands by MQTT, answers and events by AMQP; what was done stays done" {
    start peer amqp-peer -t 100 - </dev/null
    wait_for 10 grep -q '^{"port":' "$WORK/peer.out"
    PORT=$(head -n 1 "$WORK/peer.out" | jq .port)
    between() {
        start ring "$PIPELINES/twin-between.sh" "tcp://127.0.0.1:$MQTT_PORT" "commands/$$/#" "amqp://127.0.0.1:$PORT" </dev/null
        wait_for 10 grown subscribed
    }
    subscribed() { grep -c "^[0-9]*: 	commands/$$/#" "$MQTT_DIR/log"; }
    grown() { [ "$($1)" -ge "$rings" ]; }
    send() { # VERB PATH [VALUE]
        mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V 5 -q 1 -t "commands/$$/x" \
            -m '{"topic":"org.a/lamp/things/twin/commands/'"$1"'","headers":{"correlation-id":"'"$1"'"},"path":"'"$2"'"'"${3:+,\"value\":$3}"'}'
    }
    local rings=1
    between
    send create / '{"attributes":{"on":false}}'
    send modify /attributes/on true
    send modify /features/none/properties/x 1
    wait_for 10 arrived answers 3
    wait_for 10 arrived events 2
    run jq -c '[.headers["correlation-id"], .status, .value.error // null]' < <(at_peer answers)
    assert_output '["create",201,null]
["modify",204,null]
["modify",404,"things:feature.notfound"]'
    run jq -c '[.topic, .path, .revision]' < <(at_peer events)
    assert_output '["org.a/lamp/things/twin/events/created","/",1]
["org.a/lamp/things/twin/events/modified","/attributes/on",2]'
    kill -KILL "${PIDS[ring]}"
    wait_exit ring
    rings=2
    between
    send retrieve /attributes
    wait_for 10 arrived answers 4
    run jq -c .value < <(at_peer answers | tail -n 1)
    assert_output '{"on":true}'
    stop ring
    assert_status 0
}

@test "service-in-shell.sh answers commands of a connection through the hub" {
    hub
    local json
    json=$(source_json dev)
    member dev_in in "$json"
    member dev_out out "$json" -a 200
    start shell "$PIPELINES/service-in-shell.sh" clock _/_/things/live/messages _/_/policies </dev/null
    wait_for 10 is_counter members 3
    say dev_in '{"id":"x-1","context":{"source":0,"reply":0},"topic":"ns/t/things/live/messages/time","headers":{"correlation-id":"c"},"path":"/inbox/messages/time","value":[1]}'
    told dev_out 1
    run jq -c '[.context, .headers, .status, .value.asked, (.value.now | fromdate | type)]' <<<"$TOLD"
    assert_output '[{"connection":"dev","reply":0},{"correlation-id":"c"},200,[1],"number"]'
    told dev_in 1
    assert_equal "$TOLD" '{"id":"x-1","status":200}'
    stop shell
    assert_status 0
    wait_for 10 is_counter members 2
}

@test "RabbitMQ as the source: telemetry-ring.sh loses nothing when it is killed" {
    rabbitmq_installed || skip 'RabbitMQ is not installed'
    rabbitmq_shared
    local queue=/queue/pipelines-$$
    AMQP_USER=guest AMQP_PASSWORD=guest amqp-cat -p "$AMQP_PORT" -Q -g "1000,$queue,80" send
    connections "amqp://guest:guest@127.0.0.1:$AMQP_PORT"
    jq --arg queue "$queue" '.sources[].addresses = [$queue]' "$WORK/source.json" >"$WORK/rabbit.json"
    sub 'devices/#' '%p'
    start ring "$PIPELINES/telemetry-ring.sh" "$WORK/rabbit.json" "$WORK/target.json" </dev/null
    wait_for 20 has_lines sub 300
    kill -KILL "${PIDS[ring]}"
    wait_exit ring
    start ring "$PIPELINES/telemetry-ring.sh" "$WORK/rabbit.json" "$WORK/target.json" </dev/null
    wait_for 30 superset 1000
    stop ring
    assert_status 0
}
