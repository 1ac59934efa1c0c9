#!/usr/bin/env bats
# Bad company: rings that hang, limits of processes, bad connections among good ones. Real store, hub and broker.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"
source "$HELPER/supervise.bash"

setup() {
    common_setup
    export SUPERVISE_OPTS='-b 50 -B 400 -u 5000 -H 1000'
    if [ -n "${CONN_LONG-}" ]; then MANY=496; else MANY=20; fi
}

@test "a process that is stopped: the ring is ended and started again, and the status says why" {
    mosquitto_start
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put create "$WORK/c.json"
    for program in mqtt-in mqtt-out ditto-map; do
        wait_for 10 live_status_is c open
        old=$(house_ring $program | head -n 1)
        kill -STOP "$old"
        wait_for 10 says "$program stood still for 1000 ms and was ended"
        wait_for 5 not running "$old"
        wait_for 10 live_status_is c open
    done
    wait_for 5 count mqtt-in 1
    wait_for 5 count mqtt-out 1
    wait_for 5 count ditto-map 2
}

@test "a process that is stopped and goes on has harmed nothing" {
    mosquitto_start
    SUPERVISE_OPTS='-b 50 -B 400 -H 600000'
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 10 live_status_is c open
    old=$(house_ring mqtt-out)
    kill -STOP "$old"
    wait_for 5 says "process $old of its outbound ring was stopped"
    kill -CONT "$old"
    wait_for 5 says "process $old of its outbound ring goes on"
    assert_equal "$(house_ring mqtt-out)" "$old"
    live_status_is c open
}

# No program of ours can be made to compute for ever: the supervisor gets one that does instead of its mapper.
@test "a mapper that computes and does not look up is ended, one that waits for its reader is not" {
    mosquitto_start
    mkdir "$WORK/bin"
    cp "$BUILD/bin/conn-supervise" "$BUILD"/bin/mqtt-* "$WORK/bin"
    printf '#!/bin/sh\n[ ! -e "$WORK/endless" ] || while :; do :; done\n[ ! -e "$WORK/waits" ] || read -r never <"$WORK/waits"\nexec "$BUILD/bin/ditto-map" "$@"\n' \
        >"$WORK/bin/ditto-map"
    chmod +x "$WORK/bin/ditto-map"
    touch "$WORK/endless"
    export WORK BUILD PATH=$WORK/bin:$PATH SUPERVISE_OPTS='-b 50 -B 400 -H 300'
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.targets = []' >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 20 says 'ditto-map did not answer for 300 ms and was ended'
    mkfifo "$WORK/waits"
    rm "$WORK/endless"
    restarted() { [ "$(grep -c "inbound ring of client 0 is open" "$WORK/supervise.err")" -ge 2 ]; }
    wait_for 10 restarted
    wait_for 10 count mqtt-in 1
    waits=$(house_ring mqtt-in)
    asked() { [ "$(grep -c 'SIGUSR2' "$WORK/strace.out")" -ge 5 ]; }
    start strace strace -f -qq -e trace=none -e signal=SIGUSR2 -o "$WORK/strace.out" -p "$waits" </dev/null
    wait_for 20 asked
    stop strace
    assert_equal "$(house_ring mqtt-in)" "$waits"
    live_status_is c open
    # it may end now
    timeout 5 sh -c 'echo go >"$WORK/waits"'
    rm "$WORK/waits"
}

@test "a quiet ring is asked whether it lives, and left alone" {
    mosquitto_start
    SUPERVISE_OPTS='-b 50 -B 400 -H 100'
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 10 live_status_is c open
    in=$(house_ring mqtt-in) out=$(house_ring mqtt-out)
    # five questions, each of which it has 100 ms to answer
    asked() { [ "$(grep -c 'SIGUSR2' "$WORK/strace.out")" -ge 5 ]; }
    start strace strace -f -qq -e trace=none -e signal=SIGUSR2 -o "$WORK/strace.out" -p "$in" </dev/null
    wait_for 20 asked
    stop strace
    assert_equal "$(house_ring mqtt-in) $(house_ring mqtt-out)" "$in $out"
    live_status_is c open
}

@test "each process of a ring has its limits" {
    mosquitto_start
    SUPERVISE_OPTS='-m 300 -f 64 -N 7'
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 10 live_status_is c open
    niceness() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 17; }
    own=$(niceness "${PIDS[supervise]}")
    assert_equal "$own" "$(niceness $$)"
    for pid in $(house_ring mqtt-in) $(house_ring mqtt-out); do
        # the shadow of the sanitizer is larger than any limit
        [ "${BUILD##*/}" = asan ] || [ "$(awk '/^Max data size/ {print $4, $5}' "/proc/$pid/limits")" = '314572800 314572800' ]
        [ "$(awk '/^Max open files/ {print $4, $5}' "/proc/$pid/limits")" = '64 64' ]
        [ "$(niceness "$pid")" -eq $((own > 12 ? 19 : own + 7)) ]
    done
    # mappers limit their memory by themselves: engines of scripts reserve more than they use
    for pid in $(house_ring ditto-map); do
        [ "$(niceness "$pid")" -eq $((own > 12 ? 19 : own + 7)) ]
    done
}

@test "an engine of scripts runs within the limits" {
    mosquitto_start
    house_start
    both_ends out "tcp://127.0.0.1:$MQTT_PORT" '.sources = []' >"$WORK/out.json"
    put create "$WORK/out.json"
    both_ends js "tcp://127.0.0.1:$MQTT_PORT" '.targets = [] | .sources[0].payloadMapping = ["js"] | .mappingDefinitions.js = {
        mappingEngine: "JavaScript", options: {incomingScript: "function mapToDittoProtocolMsg(h, text) {
            return Ditto.buildDittoProtocolMsg(\"org.example\", \"x\", \"things\", \"live\", \"messages\", \"x\", \"/inbox/messages/x\", {\"response-required\": false}, text) }"}}' >"$WORK/js.json"
    put create "$WORK/js.json"
    wait_for 15 live_status_is out open
    wait_for 15 live_status_is js open
    start subscriber mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -i subscriber -t out/out -C 1 </dev/null
    wait_for 10 grep -q 'Received SUBSCRIBE from subscriber' "$WORK/mosquitto/log"
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -t in/js -m hello
    wait_exit subscriber
    assert_equal "$(jq -r .value "$WORK/subscriber.out")" hello
    run ! grep -q 'failed:' "$WORK/supervise.err"
}

@test "bad connections among good ones: the others do not notice, and the status says what is wrong" {
    mosquitto_start 'log_type none'
    start slammed tcp-relay "$MQTT_PORT" <<<slam
    start frozen tcp-relay "$MQTT_PORT" <<<freeze
    wait_for 5 grep -q '"done"' "$WORK/slammed.out"
    wait_for 5 grep -q '"done"' "$WORK/frozen.out"
    house_start
    for i in $(seq "$MANY"); do both_ends "good$i" "tcp://127.0.0.1:$MQTT_PORT" '.sources = [] | .targets[0].address = "out"'; done |
        jq -c '{signal: {type: "connectivity.commands:createConnection", connection: .}}' >"$WORK/commands"
    run --separate-stderr conn-ctl raw <"$WORK/commands"
    assert_success
    all_open() { [ "$(house_ring mqtt-out | wc -l)" -eq "$MANY" ] && for i in 1 $((MANY / 2)) "$MANY"; do live_status_is "good$i" open || return; done; }
    wait_for 60 all_open
    good=$(rings_of mqtt-out)
    port() { jq -r 'select(.port) | .port' "$WORK/$1.out"; }
    both_ends slams "tcp://127.0.0.1:$(port slammed)" '.sources = []' >"$WORK/slams.json"
    both_ends freezes "tcp://127.0.0.1:$(port frozen)" '.sources = [] | .specificConfig.keepAlive = "5s"' >"$WORK/freezes.json"
    both_ends wrong "tcp://127.0.0.1:$MQTT_PORT" '.targets[0].payloadMapping = ["bad"] | .mappingDefinitions.bad = {mappingEngine: "JQ", options: {outgoing: "{ no jq"}}' >"$WORK/wrong.json"
    both_ends burns "tcp://127.0.0.1:$MQTT_PORT" '.targets = [] | .sources[0].payloadMapping = ["burn"] | .mappingDefinitions.burn = {mappingEngine: "JQ", options: {incoming: "[range(1e12)] | length"}}' >"$WORK/burns.json"
    for c in slams freezes wrong burns; do put create "$WORK/$c.json"; done
    wait_for 15 live_status_is burns open
    mosquitto_pub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -t in/burns -m '{}'
    wait_for 15 live_status_is wrong misconfigured
    wait_for 15 details_say wrong "ditto-map ended with 100: cannot use the outgoing program of mapper 'bad'"
    wait_for 15 live_status_is slams failed
    wait_for 15 details_say slams "mqtt-out ended with 111: cannot connect to '127.0.0.1:$(port slammed)'"
    wait_for 15 details_say freezes "127.0.0.1:$(port frozen)"
    wait_for 15 details_say burns 'CONNECTED; last failure: '
    run ! live_status_is freezes open
    # the good ones are the same as before
    assert_equal "$(comm -23 <(echo "$good") <(rings_of mqtt-out))" ''
    for i in 1 $((MANY / 2)) "$MANY"; do live_status_is "good$i" open; done
}
