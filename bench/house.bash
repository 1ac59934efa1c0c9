# house.bash: the part `idle` of the bench: the whole house, two open connections, no traffic.
#
# conn-store, conn-hub and conn-supervise run the two connections of examples/connections against private peers. One message
# goes through first, so that everything is warm. Then nothing happens but what the protocols ask for, with keepalives
# short enough to see: MQTT's is KEEPALIVE_S, the AMQP peer announces an idle timeout of twice that (half of it is when a
# sender must speak). strace counts for two of those periods; memory is read before.
# shellcheck shell=bash

KEEPALIVE_S=5
QUIET_S=6 # for what is due once, soon after the start or the last message
AIM_MB=30

part_idle() {
    progress "idle: starting the house"
    idle_house
    idle_message
    progress "idle: counting system calls"
    sleep $QUIET_S
    idle_memory
    idle_calls $((2 * KEEPALIVE_S))
    progress
    idle_report
    end_tracked
}

idle_house() {
    export CONN_DIR=$WORK/state CONN_RUN=$WORK/run
    mkdir -m 700 "$CONN_DIR" "$CONN_RUN"
    [ -n "${MQTT_PORT-}" ] || mosquitto_start 'log_type none' || failed "no broker"
    rm -f "$WORK/control"
    mkfifo "$WORK/control"
    exec 5<>"$WORK/control"
    start source amqp-peer -Q -I $((2000 * KEEPALIVE_S)) - <"$WORK/control" 5>&-
    wait_record source .port
    SOURCE_PORT=$REPLY
    start_ready store conn-store -d 4 </dev/null || failed "no store"
    start_ready hub conn-hub -d 4 </dev/null || failed "no hub"
    idle_connection amqp-telemetry "amqp://127.0.0.1:$SOURCE_PORT"
    idle_connection mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    start_ready supervise conn-supervise -d 4 </dev/null || failed "no supervisor"
    PIDS["bridge"]=${PIDS[supervise]}
    for id in amqp-telemetry mqtt-live; do
        conn-ctl status -w 20 "$id" >"$WORK/status" 2>&1 || failed "$id is not open: $(cat "$WORK/status")"
    done
}

idle_connection() { # ID URI
    jq --arg uri "$2" --arg keepalive ${KEEPALIVE_S}s '.uri = $uri | if .connectionType == "mqtt-5" then
        .specificConfig.keepAlive = $keepalive else . end' "examples/connections/$1.json" >"$WORK/$1.json"
    conn-ctl create "$WORK/$1.json" >"$WORK/created" 2>&1 || failed "cannot create $1: $(cat "$WORK/created")"
}

idle_message() {
    generate 1
    wait_accepted 1
}

idle_memory() {
    usage -m "${PIDS[store]}" "${PIDS[hub]}" "${PIDS[supervise]}" >"$WORK/memory" || failed "the house is gone"
}

# What strace saw: the calls that ended. What was under way when it came and when it went does not count.
idle_calls() { # SECONDS
    local pids
    mapfile -t pids < <(jq -r '.pid // empty' "$WORK/memory")
    : >"$WORK/strace.out"
    start strace strace -f -qq -o "$WORK/calls" "${pids[@]/#/-p}" </dev/null
    sleep "$1"
    end_processes 5 "${PIDS[strace]}" || failed "strace does not end"
    grep -vE 'unfinished|detached|\+\+\+|---' "$WORK/calls" >"$WORK/seen" || :
}

idle_report() {
    echo
    echo "== idle: two open connections, no traffic, $((2 * KEEPALIVE_S)) s (keepalive of MQTT and heartbeat of AMQP every $KEEPALIVE_S s)"
    jq -rs --rawfile seen "$WORK/seen" --argjson aim $AIM_MB -f bench/idle.jq "$WORK/memory"
}
