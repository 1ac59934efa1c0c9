#!/usr/bin/env bats
# The example folders under real s6-svscan and real runsvdir: they start the house, bring back what is killed with -9, stay
# down where that is of no use, and stop in order on TERM. systemd's units are verified, readiness is announced as it asks.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/house.bash"

setup() {
    common_setup
    export CONN_LOG=$WORK/log
    mkdir -p "$CONN_LOG"
}

# Every process of the tree below the suite that is this program.
service() { # PROGRAM
    local pid comm
    for pid in $(descendants "${PIDS[suite]}"); do
        { read -r comm <"/proc/$pid/comm"; } 2>/dev/null && [ "$comm" = "$1" ] && echo "$pid"
    done
    return 0
}

is_another() { # PROGRAM OLD-PID
    local new
    new=$(service "$1")
    [ -n "$new" ] && [ "$new" != "$2" ]
}

answers() { conn-ctl list >"$WORK/list" 2>&1; }

# A connection is opened, each service is killed, and each time everything is as it was.
survives_kills() {
    mosquitto_start
    wait_for 15 answers
    house_connection mqtt-live "tcp://127.0.0.1:$MQTT_PORT" >"$WORK/mqtt-live.json"
    run --separate-stderr conn-ctl create "$WORK/mqtt-live.json"
    assert_success
    conn-ctl status -w 15 mqtt-live
    for program in conn-store conn-hub conn-supervise; do
        old=$(service $program)
        [ -n "$old" ]
        kill -KILL "$old"
        wait_for 15 is_another $program "$old"
        wait_for 15 answers
        conn-ctl status -w 15 mqtt-live
    done
}

# The whole tree is gone, and the log shows that rings were drained before.
stops_on_term() {
    mapfile -t pids < <(descendants "${PIDS[suite]}")
    [ "${#pids[@]}" -ge 7 ]
    kill -TERM "${PIDS[suite]}"
    wait_exit suite 30
    for pid in "${pids[@]}"; do wait_for 10 not running "$pid"; done
    grep -qs "connection 'mqtt-live': outbound ring of client 0 is open" "$CONN_LOG"/conn-supervise/current
}

@test "s6: starts, survives kill -9 of each service, stops on TERM" {
    cp -R "$ROOT/examples/s6" "$WORK/services"
    start suite s6-svscan "$WORK/services" </dev/null
    wait_for 15 s6-svok "$WORK/services/conn-supervise"
    for s in store hub supervise; do
        run --separate-stderr s6-svwait -U -t 15000 "$WORK/services/conn-$s"
        assert_success
    done
    survives_kills
    stops_on_term
    assert_status 0
}

@test "s6: a service that ends with 100 stays down" {
    cp -R "$ROOT/examples/s6" "$WORK/services"
    sed -i 's/conn-hub -d 3/conn-hub -X/' "$WORK/services/conn-hub/run"
    start suite s6-svscan "$WORK/services" </dev/null
    wait_for 15 s6-svok "$WORK/services/conn-hub"
    stays_down() { s6-svstat "$WORK/services/conn-hub" >"$WORK/stat" && grep -q '^down (exitcode 100)' "$WORK/stat"; }
    wait_for 15 stays_down
    wait_for 15 answers
    stays_down
    run ! grep -q 'want up' "$WORK/stat"
    kill -TERM "${PIDS[suite]}"
    wait_exit suite 30
    assert_status 0
}

@test "runit: starts, survives kill -9 of each service, stops on TERM" {
    cp -R "$ROOT/examples/runit" "$WORK/services"
    start suite "$WORK/services/house" </dev/null
    is_ready() { sv -w 1 check "$WORK/services/conn-$1" >"$WORK/check" 2>&1; }
    for s in store hub supervise; do wait_for 20 is_ready $s; done
    survives_kills
    stops_on_term
    assert_status 0
}

@test "runit: a service that ends with 100 stays down" {
    cp -R "$ROOT/examples/runit" "$WORK/services"
    sed -i 's/conn-hub -d 3/conn-hub -X/' "$WORK/services/conn-hub/run"
    start suite "$WORK/services/house" </dev/null
    stays_down() { sv status "$WORK/services/conn-hub" >"$WORK/stat" 2>&1 && grep -q '^down: .*/conn-hub: [0-9]*s, normally up; run: log' "$WORK/stat"; }
    wait_for 20 stays_down
    wait_for 15 answers
    stays_down
    kill -TERM "${PIDS[suite]}"
    wait_exit suite 30
    assert_status 0
}

@test "systemd: the units are sound" {
    command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
    mkdir "$WORK/units"
    cp "$ROOT"/examples/systemd/* "$WORK/units"
    sed -i "s,/usr/local/bin/,$BUILD/bin/," "$WORK"/units/*.service
    # the user and the pages are the installation's
    run --separate-stderr env SYSTEMD_LOG_LEVEL=warning SYSTEMD_UNIT_PATH="$WORK/units:" systemd-analyze verify --man=no "$WORK"/units/*
    assert_success
    run ! grep -i 'conntools\|conn-' <<<"$stderr"
}

@test "systemd: readiness is announced once, to NOTIFY_SOCKET" {
    start notify socat -u "UNIX-RECV:$WORK/notify" "OPEN:$WORK/notified,creat,append" </dev/null
    there() { [ -S "$WORK/notify" ]; }
    wait_for 5 there
    export NOTIFY_SOCKET=$WORK/notify
    start store conn-store </dev/null
    told() { [ "$(cat "$WORK/notified" 2>/dev/null)" = READY=1 ]; }
    wait_for 10 told
    unset NOTIFY_SOCKET
    stop store
    assert_status 0
    told
}
