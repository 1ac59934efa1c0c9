#!/usr/bin/env bats
# conn-up: the whole house in the foreground. Real services, real kills.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

service() { # PROGRAM: its pid below conn-up
    local pid comm
    for pid in $(descendants "${PIDS[up]}"); do
        { read -r comm <"/proc/$pid/comm"; } 2>/dev/null && [ "$comm" = "$1" ] && echo "$pid"
    done
    return 0
}

answers() { conn-ctl list >"$WORK/list" 2>&1; }

is_another() { # PROGRAM OLD-PID
    local new
    new=$(service "$1")
    [ -n "$new" ] && [ "$new" != "$2" ]
}

open_connection() {
    house_connection mqtt-live "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/mqtt-live.json"
    run --separate-stderr conn-ctl create "$WORK/mqtt-live.json"
    assert_success
    conn-ctl status -w 15 mqtt-live
}

@test "starts everything in order, and ends everything on TERM" {
    mosquitto_start
    start_ready up conn-up -d 4 </dev/null
    open_connection
    stop up 20
    assert_status 0
    [ ! -s "$WORK/up.out" ]
}

@test "a service that is killed comes back, and what was open is open" {
    mosquitto_start
    start_ready up conn-up -d 4 </dev/null
    open_connection
    for program in conn-hub conn-supervise conn-store; do
        old=$(service "$program")
        kill -KILL "$old"
        wait_for 10 is_another "$program" "$old"
        wait_for 10 answers
        conn-ctl status -w 15 mqtt-live
    done
    grep -q "conn-up: warning: 'conn-store' was ended by signal 9" "$WORK/up.err"
    stop up 20
    assert_status 0
}

@test "with the twin: a service at the hub is answered" {
    start_ready up conn-up -t -d 4 </dev/null
    cat >"$WORK/ask" <<'END'
echo '{"id":"q-1","topic":"org.example/lamp/things/twin/commands/create","headers":{"correlation-id":"c"},"path":"/","value":{"attributes":{"on":false}},"context":{"subjects":["integration:x"]}}'
head -n 1 >"$WORK/answer"
END
    run --separate-stderr timeout 10 ring -j '{"hello":1,"role":"service","service":"asker"}' "sh $WORK/ask"
    assert_success
    assert_equal "$(jq -c '[.id, .status, .topic]' "$WORK/answer")" '["q-1",201,"org.example/lamp/things/twin/commands/create"]'
    stop up 20
    assert_status 0
}

@test "one that cannot be helped ends everything: 100" {
    # a conn-hub that says so; the programs stand beside conn-up
    cp "$BUILD/bin/conn-up" "$BUILD/bin/conn-store" "$BUILD/bin/conn-supervise" "$WORK"
    printf '#!/bin/sh\nexit 100\n' >"$WORK/conn-hub"
    chmod +x "$WORK/conn-hub"
    run --separate-stderr timeout 20 "$WORK/conn-up"
    assert_status 100
    assert_output ''
    assert_stderr "conn-up: warning: 'conn-hub' ended with 100"
}

@test "wrong usage" {
    run --separate-stderr timeout 20 conn-up operand
    assert_status 100
    assert_stderr --partial 'no operands are taken'
}

@test "killed itself, it leaves nothing behind" {
    start_ready up conn-up -d 4 </dev/null
    mapfile -t pids < <(descendants "${PIDS[up]}")
    [ "${#pids[@]}" -eq 4 ]
    kill -KILL "${PIDS[up]}"
    for pid in "${pids[@]}"; do wait_for 5 not running "$pid"; done
}

@test "a second house with the same state stands by, and takes over" {
    start_ready up conn-up -d 4 </dev/null
    : >"$WORK/second.ready"
    start second conn-up -w -d 4 4>"$WORK/second.ready" </dev/null
    wait_for 10 grep -q "conn-store: info: standing by until '$CONN_DIR/events.lock' is free" "$WORK/second.err"
    [ ! -s "$WORK/second.ready" ]
    kill -KILL "${PIDS[up]}"
    wait_ready second
    wait_for 10 answers
    stop second 20
    assert_status 0
}
