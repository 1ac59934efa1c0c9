#!/usr/bin/env bats
# conn-supervise: rings as the store says, through crashes of everything. Real store, hub and brokers.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

setup() {
    common_setup
    export SUPERVISE_OPTS='-b 50 -B 400 -u 5000'
}

amqp_peer() {
    start peer amqp-peer -Q -g "${1:-0},telemetry,200" -d '{"do":"allow"}' </dev/null
    wait_for 10 grep -q port "$WORK/peer.out"
    AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
}

create() { # NAME URI [JQ-FILTER]
    house_connection "$1" "$2" "${3:-.}" >"$WORK/$1.json"
    run --separate-stderr conn-ctl create "$WORK/$1.json"
    assert_success
}

live_status_is() { # ID STATUS
    [ "$(conn-ctl status "$1" | jq -r .liveStatus)" = "$2" ]
}

says() { grep -q -- "$1" "$WORK/supervise.err"; }

count() { # PROGRAM N
    [ "$(house_ring "$1" | wc -l)" -eq "$2" ]
}

@test "an open connection gets its rings, a closed one none" {
    mosquitto_start
    amqp_peer
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    create amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" '.connectionStatus = "closed"'
    wait_for 10 live_status_is mqtt-live open
    live_status_is amqp-telemetry closed
    count mqtt-out 1
    count amqp-in 0
    run --separate-stderr conn-ctl open amqp-telemetry
    assert_success
    wait_for 10 live_status_is amqp-telemetry open
    run --separate-stderr conn-ctl close mqtt-live
    assert_success
    wait_for 10 live_status_is mqtt-live closed
    wait_for 5 count mqtt-out 0
    count amqp-in 1
    stop supervise
    assert_status 0
}

@test "after kill -9 of everything, open connections run again and closed ones do not" {
    mosquitto_start
    amqp_peer
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    create amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT"
    wait_for 10 live_status_is mqtt-live open
    wait_for 10 live_status_is amqp-telemetry open
    run --separate-stderr conn-ctl close amqp-telemetry
    assert_success
    house_kill9
    [ "$REPLY" -ge 5 ]
    house_start
    wait_for 10 live_status_is mqtt-live open
    live_status_is amqp-telemetry closed
    count mqtt-out 1
    count amqp-in 0
}

@test "closed and opened again while it drains: it is open in the end" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    old=$(house_ring mqtt-out)
    printf '{"signal":{"type":"connectivity.commands:%sConnection","connectionId":"mqtt-live"}}\n' close open >"$WORK/commands"
    run --separate-stderr conn-ctl raw <"$WORK/commands"
    assert_success
    wait_for 10 not running "$old"
    wait_for 10 live_status_is mqtt-live open
    count mqtt-out 1
}

@test "a hub that stands still holds nothing else up" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    kill -STOP "${PIDS[hub]}"
    # a hello that is larger than the socket's buffer
    house_connection mqtt-live "tcp://127.0.0.1:$MQTT_PORT" \
        '.id = "large" | .targets[0].issuedAcknowledgementLabel = "large:x" | .name = ("x" * 700000)' >"$WORK/large.json"
    run --separate-stderr conn-ctl create "$WORK/large.json"
    assert_success
    live_status_is mqtt-live open
    kill -CONT "${PIDS[hub]}"
    wait_for 10 live_status_is large open
}

@test "without descriptors it goes on as soon as there are some again" {
    mosquitto_start
    start_ready store conn-store -d 4 </dev/null
    start_ready hub conn-hub -d 4 </dev/null
    start_ready supervise bash -c 'ulimit -n 40 && exec conn-supervise -d 4 -b 50 -B 400' </dev/null
    for i in 1 2 3 4 5 6 7 8; do
        create mqtt-live "tcp://127.0.0.1:$MQTT_PORT" ".id = \"c$i\" | .targets[0].issuedAcknowledgementLabel = \"c$i:x\""
    done
    wait_for 10 says 'Too many open files'
    run --separate-stderr conn-ctl close c1 c2 c3 c4
    assert_success
    for i in 5 6 7 8; do wait_for 15 live_status_is "c$i" open; done
}

@test "two supervisors on one house: the second one says so and ends" {
    start_ready store conn-store -d 4 </dev/null
    start_ready supervise conn-supervise -d 4 </dev/null
    run --separate-stderr timeout 10 conn-supervise
    assert_status 111
    assert_stderr "conn-supervise: error: cannot lock '$CONN_RUN/supervise.lock': another supervisor is there"
}

@test "a peer that refuses the login makes the connection misconfigured, whoever ends first" {
    mosquitto_start
    export AMQP_USER=device AMQP_PASSWORD=right
    start peer amqp-peer -Q -a -d '{"do":"allow"}' - </dev/null
    wait_for 10 grep -q port "$WORK/peer.out"
    AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
    house_start
    for i in 1 2 3 4 5 6; do
        create amqp-telemetry "amqp://device:wrong@127.0.0.1:$AMQP_PORT" ".id = \"c$i\""
    done
    for i in 1 2 3 4 5 6; do wait_for 10 live_status_is "c$i" misconfigured; done
    run ! grep -q 'failed:' "$WORK/supervise.err"
}

@test "a killed supervisor leaves no process behind, and its successor starts every ring once" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    old=$(house_ring mqtt-out)
    kill -KILL "${PIDS[supervise]}"
    wait_for 5 not running "$old"
    wait_for 5 not running "${PIDS[supervise]}"
    house_start
    wait_for 10 live_status_is mqtt-live open
    count mqtt-out 1
    count ditto-map 1
}

@test "a killed process of a ring: the ring is started again" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    for program in mqtt-out ditto-map; do
        wait_for 10 live_status_is mqtt-live open
        old=$(house_ring $program)
        kill -KILL "$old"
        wait_for 10 says "$program was ended by signal 9 (Killed): retry"
        wait_for 10 live_status_is mqtt-live open
        wait_for 5 count mqtt-out 1
        wait_for 5 count ditto-map 1
        [ "$(house_ring $program)" != "$old" ]
    done
}

@test "a broker that is down is tried again after growing delays, and found when it is back" {
    mosquitto_start
    mosquitto_stop
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 20 says 'mqtt-out ended with 111: retry 4 in'
    live_status_is mqtt-live failed
    mapfile -t delays < <(sed -n 's/.*mqtt-out ended with 111: retry [0-9]* in \([0-9]*\) ms$/\1/p' "$WORK/supervise.err")
    # each is twice the one before, give or take the jitter of 20 %
    [ "${delays[0]}" -lt "${delays[1]}" ]
    [ "${delays[1]}" -lt "${delays[2]}" ]
    [ "${delays[2]}" -lt "${delays[3]}" ]
    says "cannot connect to '127.0.0.1:$MQTT_PORT': Connection refused"
    mosquitto_restart
    wait_for 10 live_status_is mqtt-live open
}

@test "one bad connection harms no other, and a misconfigured one stays down until it is modified" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    create amqp-telemetry "amqp://127.0.0.1:1" '.mappingDefinitions.telemetry.options = {"incoming": "{ this is no jq"}'
    wait_for 10 live_status_is amqp-telemetry misconfigured
    wait_for 10 live_status_is mqtt-live open
    says "cannot use the incoming program of mapper 'telemetry'"
    says 'ditto-map ended with 100: it stays down'
    [ "$(grep -c 'ditto-map ended with 100' "$WORK/supervise.err")" -eq 1 ]
    amqp_peer
    house_connection amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" >"$WORK/good.json"
    run --separate-stderr conn-ctl modify "$WORK/good.json"
    assert_success
    wait_for 10 live_status_is amqp-telemetry open
}

@test "a modification restarts the rings of its connection only" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT" '.id = "second" | .targets[0].issuedAcknowledgementLabel = "second:done"'
    wait_for 10 live_status_is mqtt-live open
    wait_for 10 live_status_is second open
    first=$(house_ring mqtt-out | sort)
    jq '.id = "second" | .targets[0].issuedAcknowledgementLabel = "second:other"' "$WORK/mqtt-live.json" >"$WORK/second.json"
    run --separate-stderr conn-ctl modify "$WORK/second.json"
    assert_success
    restarted() { [ "$(comm -12 <(echo "$first") <(house_ring mqtt-out | sort) | wc -l)" -eq 1 ] && count mqtt-out 2; }
    wait_for 10 restarted
    wait_for 10 live_status_is second open
    live_status_is mqtt-live open
}

@test "the hub's death is no failure: the rings come back with it" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    old=$(house_ring mqtt-out)
    kill -KILL "${PIDS[hub]}"
    wait_for 5 not running "$old"
    house_start
    wait_for 10 live_status_is mqtt-live open
    run ! grep -q 'failed:' "$WORK/supervise.err"
}

@test "the store's death changes nothing; what happened meanwhile is caught up with" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    old=$(house_ring mqtt-out)
    kill -KILL "${PIDS[store]}"
    wait_for 5 not running "${PIDS[store]}"
    echo '{"signal":{"type":"connectivity.commands:closeConnection","connectionId":"mqtt-live"}}' >"$WORK/command"
    running "$old"
    run --separate-stderr conn-store -1 <"$WORK/command"
    assert_success
    running "$old"
    house_start
    wait_for 10 not running "$old"
    wait_for 10 live_status_is mqtt-live closed
}

@test "a store that knows nothing any more ends what runs" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    old=$(house_ring mqtt-out)
    stop store
    assert_status 0
    rm -r "$CONN_DIR"
    mkdir -m 700 "$CONN_DIR"
    house_start
    wait_for 10 not running "$old"
}

@test "no secret in arguments or environment of any process, or in a log" {
    mosquitto_start
    house_start
    create mqtt-live "tcp://user:canary-4711@127.0.0.1:$MQTT_PORT"
    wait_for 10 live_status_is mqtt-live open
    for pid in $(house_pids); do
        run ! grep -q canary-4711 "/proc/$pid/cmdline" "/proc/$pid/environ"
    done
    run ! grep -q canary-4711 "$WORK/supervise.err" "$WORK/store.err" "$WORK/hub.err"
    run conn-ctl get mqtt-live
    refute_output --partial canary-4711
}

@test "it waits for hub and store, and says so once each" {
    start supervise conn-supervise </dev/null
    wait_for 5 says "cannot reach the hub at '$CONN_RUN/hub.sock'"
    wait_for 5 says "cannot reach the store at '$CONN_RUN/store.sock'"
    stop supervise
    assert_status 0
    [ "$(wc -l <"$WORK/supervise.err")" -eq 2 ]
}

@test "a folder that cannot be used is named" {
    CONN_RUN=$WORK/none/deep run --separate-stderr timeout 10 conn-supervise
    assert_status 111
    assert_output ''
    assert_stderr "conn-supervise: error: cannot use the folder for 'supervise.lock' (\$CONN_RUN): No such file or directory"
}

@test "wrong usage" {
    run --separate-stderr conn-supervise operand
    assert_status 100
    assert_output ''
    run --separate-stderr conn-supervise -b nonsense
    assert_status 100
    assert_output ''
}
