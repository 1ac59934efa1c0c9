#!/usr/bin/env bats
# What a modification touches and what not, tests of connections, announcements, and a standby that takes over. Real store,
# hub and brokers.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"
source "$HELPER/supervise.bash"

setup() {
    common_setup
    export SUPERVISE_OPTS='-b 50 -B 400 -u 5000 -H 1000'
    if [ -n "${CONN_LONG-}" ]; then EDITS=10; else EDITS=2; fi
}

@test "name and tags touch nothing, targets the outbound ring only, sources the inbound one only" {
    mosquitto_start
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 10 live_status_is c open
    in=$(rings_of mqtt-in) out=$(rings_of mqtt-out)
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.name = "another" | .tags = ["x"]' >"$WORK/c.json"
    put modify "$WORK/c.json"
    live_status_is c open
    assert_equal "$(rings_of mqtt-in) $(rings_of mqtt-out)" "$in $out"
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.targets[0].address = "other/c"' >"$WORK/c.json"
    put modify "$WORK/c.json"
    is_new() { [ -n "$(rings_of "$1")" ] && [ "$(rings_of "$1")" != "$2" ] && count "$1" 1; }
    wait_for 10 is_new mqtt-out "$out"
    wait_for 10 live_status_is c open
    assert_equal "$(rings_of mqtt-in)" "$in"
    out=$(rings_of mqtt-out)
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.targets[0].address = "other/c" | .sources[0].addresses = ["in/other"]' >"$WORK/c.json"
    put modify "$WORK/c.json"
    wait_for 10 is_new mqtt-in "$in"
    wait_for 10 live_status_is c open
    assert_equal "$(rings_of mqtt-out)" "$out"
    in=$(rings_of mqtt-in)
    # without sources the inbound ring goes, the outbound one stays; and back
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.targets[0].address = "other/c" | .sources = []' >"$WORK/c.json"
    put modify "$WORK/c.json"
    wait_for 10 count mqtt-in 0
    assert_equal "$(rings_of mqtt-out)" "$out"
    # everything else touches both
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.specificConfig.keepAlive = "33s"' >"$WORK/c.json"
    put modify "$WORK/c.json"
    wait_for 10 count mqtt-in 1
    wait_for 10 is_new mqtt-out "$out"
    wait_for 10 live_status_is c open
}

@test "each client has its rings, and more clients come with a modification" {
    mosquitto_start
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.clientCount = 2' >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 10 live_status_is c open
    count mqtt-in 2
    count mqtt-out 2
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.clientCount = 3' >"$WORK/c.json"
    put modify "$WORK/c.json"
    wait_for 10 count mqtt-in 3
    wait_for 10 count mqtt-out 3
    wait_for 10 live_status_is c open
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put modify "$WORK/c.json"
    wait_for 10 count mqtt-in 1
    wait_for 10 count mqtt-out 1
    wait_for 10 live_status_is c open
}

telemetry() { # MESSAGES RATE: a house with both connections of the examples, a subscriber and a feed
    mkfifo "$WORK/control"
    exec 7<>"$WORK/control"
    start peer amqp-peer -Q -g "$1,telemetry,200,$2" - <"$WORK/control" 7>&-
    wait_for 10 grep -q port "$WORK/peer.out"
    AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
    start subscriber mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -i subscriber -t 'devices/#' </dev/null 7>&-
    wait_for 10 grep -q 'Received SUBSCRIBE from subscriber' "$WORK/mosquitto/log"
}

telemetry_open() {
    house_connection mqtt-live "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/mqtt-live.json"
    put create "$WORK/mqtt-live.json"
    house_connection amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT" >"$WORK/amqp-telemetry.json"
    put create "$WORK/amqp-telemetry.json"
    wait_for 15 live_status_is mqtt-live open
    wait_for 15 live_status_is amqp-telemetry open
}

ids() { jq -r '.headers["correlation-id"]' "$WORK/subscriber.out"; }
seen() { [ "$(wc -l <"$WORK/subscriber.out")" -ge "$1" ]; }
all_accepted() {
    echo '{"do":"summary"}' >&7
    [ "$(jq -r 'select(.summary.address == "telemetry") | .summary.queued' "$WORK/peer.out" | tail -n 1)" = 0 ]
}
nothing_lost() { # MESSAGES
    wait_for 60 all_accepted
    [ "$(jq -r 'select(.summary.address == "telemetry") | .summary.accepted' "$WORK/peer.out" | tail -n 1)" -eq "$1" ]
    all_here() { ids | sort -u >"$WORK/unique" && seq -f 'm-%010.0f' "$1" | sort | comm -23 - "$WORK/unique" >"$WORK/lost" && [ ! -s "$WORK/lost" ]; }
    wait_for 10 all_here "$1"
    echo "# sent=$1 duplicates=$(($(ids | wc -l) - $1)) lost=$(wc -l <"$WORK/lost")" >&3
}

@test "modifying one of two open connections: the other goes on as it is, and nothing is lost" {
    mosquitto_start
    n=$((EDITS * 2000))
    telemetry $n 1000
    house_start
    telemetry_open
    consumed() { conn-ctl metrics amqp-telemetry | jq '.totals.source.telemetry.consumed.success // 0'; }
    in=$(rings_of amqp-in) map=$(rings_of ditto-map) before=0
    for i in $(seq "$EDITS"); do
        wait_for 30 seen $((i * 500))
        jq ".targets[0].headerMapping = {edit: \"$i\"}" "$WORK/mqtt-live.json" >"$WORK/edit.json"
        old=$(rings_of mqtt-out)
        put modify "$WORK/edit.json"
        another() { [ -n "$(rings_of mqtt-out)" ] && [ "$(rings_of mqtt-out)" != "$old" ]; }
        wait_for 10 another
        wait_for 10 live_status_is mqtt-live open
        now=$(consumed)
        [ "$now" -ge "$before" ] # counting goes on; tests/conn-status.bats has the sums
        before=$now
    done
    all_counted() { [ "$(consumed)" -ge $((EDITS * 500)) ]; } # a report may be half a second behind
    wait_for 10 all_counted
    assert_equal "$(rings_of amqp-in)" "$in"
    out=$(rings_of mqtt-out)
    for i in $(seq "$EDITS"); do
        wait_for 30 seen $(((EDITS + i) * 500))
        jq ".sources[0].headerMapping = {edit: \"$i\"}" "$WORK/amqp-telemetry.json" >"$WORK/edit.json"
        put modify "$WORK/edit.json"
        wait_for 10 live_status_is amqp-telemetry open
    done
    assert_equal "$(rings_of mqtt-out)" "$out"
    nothing_lost $n
    exec 7>&-
}

@test "a test of a connection: a word about each part, and nothing is left of it" {
    mosquitto_start
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    run --separate-stderr conn-ctl test "$WORK/c.json"
    assert_success
    assert_output --partial 'sources: connected; inbound mapping: initialized; targets: connected; outbound mapping: initialized'
    both_ends c tcp://127.0.0.1:1 >"$WORK/c.json"
    run --separate-stderr conn-ctl test "$WORK/c.json"
    assert_failure
    [[ "$output$stderr" == *"connectivity:connection.failed"* ]]
    [[ "$output$stderr" == *"mqtt-in: cannot connect to '127.0.0.1:1': Connection refused"* ]]
    [[ "$output$stderr" == *"inbound mapping: initialized"* ]]
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.targets[0].payloadMapping = ["bad"] | .mappingDefinitions.bad = {mappingEngine: "JQ", options: {outgoing: "{ no jq"}}' >"$WORK/c.json"
    run --separate-stderr conn-ctl test "$WORK/c.json"
    assert_failure
    [[ "$output$stderr" == *"outbound mapping: ditto-map: cannot use the outgoing program"* ]]
    run --separate-stderr conn-ctl list
    assert_success
    assert_output ''
    wait_for 5 count mqtt-in 0
    wait_for 5 count mqtt-out 0
}

@test "a test of a copy leaves the session of the running connection alone" {
    mosquitto_start
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put create "$WORK/c.json"
    wait_for 10 live_status_is c open
    in=$(house_ring mqtt-in) out=$(house_ring mqtt-out)
    # the same client ids, under another id
    both_ends d "tcp://127.0.0.1:$MQTT_PORT" '.specificConfig = {clientId: "c", publisherId: "cp"}' >"$WORK/d.json"
    run --separate-stderr conn-ctl test "$WORK/d.json"
    assert_success
    assert_equal "$(house_ring mqtt-in) $(house_ring mqtt-out)" "$in $out"
    live_status_is c open
    run ! grep -q 'already connected' "$WORK/mosquitto/log"
}

@test "opening, closing and modifying tell what became of it" {
    mosquitto_start
    house_start
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.connectionStatus = "closed"' >"$WORK/c.json"
    put create "$WORK/c.json"
    run --separate-stderr conn-ctl open c
    assert_success
    live_status_is c open
    count mqtt-in 1
    run --separate-stderr conn-ctl close c
    assert_success
    live_status_is c closed
    count mqtt-in 0
    # open, with a broker that is not there: the wish is kept, the answer says what is wrong
    both_ends c tcp://127.0.0.1:1 >"$WORK/c.json"
    run --separate-stderr conn-ctl modify "$WORK/c.json"
    assert_failure
    [[ "$output$stderr" == *connectivity:connection.failed* ]]
    [[ "$output$stderr" == *"cannot connect to '127.0.0.1:1': Connection refused"* ]]
    live_status_is c failed
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/c.json"
    put modify "$WORK/c.json"
    live_status_is c open
    # what touches nothing is answered at once
    in=$(house_ring mqtt-in)
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.name = "other"' >"$WORK/c.json"
    put modify "$WORK/c.json"
    assert_equal "$(house_ring mqtt-in)" "$in"
    # opened while it is open
    run --separate-stderr conn-ctl open c
    assert_success
    assert_equal "$(house_ring mqtt-in)" "$in"
}

@test "a connection announces to its own targets that it has opened, and that it closes" {
    mosquitto_start
    house_start
    start subscriber mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -i subscriber -t 'news/#' </dev/null
    wait_for 10 grep -q 'Received SUBSCRIBE from subscriber' "$WORK/mosquitto/log"
    heard() { [ "$(jq -r .topic "$WORK/subscriber.out" | tr '\n' ' ')" = "$1" ]; }
    opened=_/c/connections/announcements/opened closed=_/c/connections/announcements/closed
    both_ends c "tcp://127.0.0.1:$MQTT_PORT" '.targets[0] += {address: "news/c", topics: ["_/_/connections/announcements"]}' >"$WORK/c.json"
    both_ends d "tcp://127.0.0.1:$MQTT_PORT" '.targets[0] += {address: "news/d", topics: ["_/_/connections/announcements"]}' >"$WORK/d.json"
    put create "$WORK/c.json"
    wait_for 10 heard "$opened "
    run --separate-stderr conn-ctl close c
    assert_success
    wait_for 10 heard "$opened $closed "
    # to nobody else's; a modification that touches a ring closes and opens; one that does not is silent
    run --separate-stderr conn-ctl open c
    assert_success
    wait_for 10 heard "$opened $closed $opened "
    jq '.name = "x"' "$WORK/c.json" >"$WORK/edit.json"
    put modify "$WORK/edit.json"
    jq '.sources[0].addresses = ["in/x"]' "$WORK/c.json" >"$WORK/edit.json"
    put modify "$WORK/edit.json"
    wait_for 10 heard "$opened $closed $opened $closed $opened "
    jq -e 'select(.topic | endswith("opened")) | .value.openedAt' "$WORK/subscriber.out" >"$WORK/times"
    stop supervise
    assert_status 0
    wait_for 10 heard "$opened $closed $opened $closed $opened $closed "
}

@test "failover: a standby takes over when the active pair is killed; every ring once, nothing lost" {
    mosquitto_start
    n=4000
    telemetry $n 800
    house_start
    telemetry_open
    # the standby has sockets of its own
    other=$(mktemp -d /tmp/conn.XXXXXX)
    export CONN_RUN_ACTIVE=$CONN_RUN
    : >"$WORK/store2.ready"
    : >"$WORK/supervise2.ready"
    CONN_RUN=$other start store2 conn-store -w -d 4 4>"$WORK/store2.ready" </dev/null 7>&-
    CONN_RUN=$other start hub2 conn-hub </dev/null 7>&-
    # shellcheck disable=SC2086 # options are words
    CONN_RUN=$other start supervise2 conn-supervise -w -d 4 $SUPERVISE_OPTS 4>"$WORK/supervise2.ready" </dev/null 7>&-
    wait_for 5 grep -q 'standing by' "$WORK/store2.err"
    wait_for 5 grep -q 'standing by' "$WORK/supervise2.err"
    wait_for 20 seen 1000
    kill -KILL "${PIDS[store]}" "${PIDS[supervise]}"
    wait_for 5 not running "${PIDS[store]}"
    wait_for 5 not running "${PIDS[supervise]}"
    export CONN_RUN=$other
    PIDS[supervise]=${PIDS[supervise2]}
    now_ms && since=$REPLY
    wait_for 10 live_status_is mqtt-live open
    wait_for 10 live_status_is amqp-telemetry open
    now_ms && echo "# open again after $((REPLY - since)) ms" >&3
    count amqp-in 1
    count mqtt-out 1
    nothing_lost $n
    exec 7>&-
    CONN_RUN=$CONN_RUN_ACTIVE
    stop supervise2
    assert_status 0
    stop store2
    assert_status 0
    stop hub2
    rm -rf "$other"
}

@test "a standby that is not needed ends with 0" {
    house_start
    start standby conn-supervise -w </dev/null
    wait_for 5 grep -q "conn-supervise: info: standing by until '$CONN_RUN/supervise.lock' is free" "$WORK/standby.err"
    stop standby
    assert_status 0
    start standby conn-store -w </dev/null
    wait_for 5 grep -q 'standing by' "$WORK/standby.err"
    stop standby
    assert_status 0
}
