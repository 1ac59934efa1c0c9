#!/usr/bin/env bats
# The whole path through crashes: AMQP 1.0 device messages to an MQTT subscriber while one process of the toolkit after
# the other is killed at a random moment. Nothing is lost; duplicates are counted and printed.

load helper/common
source "$HELPER/mosquitto.bash"
source "$HELPER/rabbitmq.bash"
source "$HELPER/house.bash"

RATE=1000 # messages a second, and for each kill one second's worth of them
PROGRAMS=(amqp-in ditto-map-in ditto-map-out ditto-map-worker mqtt-out conn-hub conn-store conn-supervise)

setup() {
    common_setup
    export SUPERVISE_OPTS='-b 50 -B 400 -u 5000'
    if [ -n "${CONN_LONG-}" ]; then ROUNDS=10; else ROUNDS=1; fi
}

create() { # NAME URI
    house_connection "$1" "$2" >"$WORK/$1.json"
    run --separate-stderr conn-ctl create "$WORK/$1.json"
    assert_success
}

open_now() { [ "$(conn-ctl status "$1" | jq -r .liveStatus)" = open ]; }

both_open() { open_now amqp-telemetry && open_now mqtt-live; }

subscribe() {
    start subscriber mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -i subscriber -t 'devices/#' </dev/null
    wait_for 10 grep -q 'Received SUBSCRIBE from subscriber' "$WORK/mosquitto/log"
}

# The pid of a program of the path, by role; empty while it is not there.
victim() { # ROLE
    local pid
    case $1 in
    conn-hub) echo "${PIDS[hub]}" ;;
    conn-store) echo "${PIDS[store]}" ;;
    conn-supervise) echo "${PIDS[supervise]}" ;;
    ditto-map-in) with_argument -i ;;
    ditto-map-out) with_argument -o ;;
    ditto-map-worker)
        # the zygote and worker below the inbound mapper: whichever is the youngest
        for pid in $(with_argument -i); do descendants "$pid" | tail -n +2 | tail -n 1; done
        ;;
    *) house_ring "$1" ;;
    esac
}

with_argument() { # -i | -o: the mapper itself, not its workers
    local pid
    for pid in $(cat /proc/"${PIDS[supervise]}"/task/*/children 2>/dev/null); do
        tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "^ditto-map $1 " && echo "$pid"
    done
    return 0
}

there() { [ -n "$(victim "$1")" ]; }

kill_one() { # ROLE
    local pid
    # mostly into an open path, sometimes into one that is coming back
    [ $((RANDOM % 4)) -eq 0 ] || wait_for 15 both_open
    wait_for 15 there "$1"
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))" # any moment will do
    wait_for 15 there "$1"
    for pid in $(victim "$1"); do kill -KILL "$pid" 2>/dev/null || :; done
    for pid in $(victim "$1"); do [ "${1#conn-}" = "$1" ] || wait_for 5 not running "$pid"; done
    case $1 in conn-*) house_start ;; esac
}

ids() { jq -r '.headers["correlation-id"]' "$WORK/subscriber.out"; }

# Are all N there? Prints what is lost and how many came twice.
verdict() { # SENT-IDS-FILE
    ids | sort >"$WORK/ids"
    sort -u "$WORK/ids" >"$WORK/unique"
    comm -23 "$1" "$WORK/unique" >"$WORK/lost"
    echo "# sent=$(wc -l <"$1") arrived=$(wc -l <"$WORK/unique") duplicates=$(($(wc -l <"$WORK/ids") - $(wc -l <"$WORK/unique"))) lost=$(wc -l <"$WORK/lost")" >&3
    [ ! -s "$WORK/lost" ]
}

all_accepted() {
    echo '{"do":"summary"}' >&7
    [ "$(jq -r 'select(.summary.address == "telemetry") | .summary.queued' "$WORK/peer.out" | tail -n 1)" = 0 ]
}

seen_at_least() { [ "$(wc -l <"$WORK/subscriber.out")" -ge "$1" ]; }

@test "each process of the path is killed at a random moment: nothing is lost" {
    mosquitto_start
    sent=$((ROUNDS * ${#PROGRAMS[@]} * RATE))
    mkfifo "$WORK/control"
    exec 7<>"$WORK/control"
    start peer amqp-peer -Q -g "$sent,telemetry,200,$RATE" - <"$WORK/control"
    wait_for 10 grep -q port "$WORK/peer.out"
    AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
    house_start
    subscribe
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    create amqp-telemetry "amqp://127.0.0.1:$AMQP_PORT"
    wait_for 15 both_open
    for round in $(seq "$ROUNDS"); do
        for role in "${PROGRAMS[@]}"; do kill_one "$role"; done
    done
    seq -f 'm-%010.0f' "$sent" | sort >"$WORK/sent"
    wait_for 120 all_accepted
    verdict "$WORK/sent"
    both_open
    # the settlements were true: what the container counts as accepted is what was sent
    [ "$(jq -r 'select(.summary.address == "telemetry") | .summary.accepted' "$WORK/peer.out" | tail -n 1)" -eq "$sent" ]
    exec 7>&-
}

@test "the same with RabbitMQ at the other end: kill -9 of everything, nothing is lost" {
    rabbitmq_installed || skip "rabbitmq-server is not installed"
    rabbitmq_shared
    mosquitto_start
    queue="telemetry-$RANDOM$RANDOM" n=15000
    house_start
    create mqtt-live "tcp://127.0.0.1:$MQTT_PORT"
    house_connection amqp-telemetry "amqp://guest:guest@127.0.0.1:$AMQP_PORT" ".sources[0].addresses = [\"$queue\"]" >"$WORK/source.json"
    run --separate-stderr conn-ctl create "$WORK/source.json"
    assert_success
    wait_for 20 both_open
    subscribe
    start sender env AMQP_USER=guest AMQP_PASSWORD=guest amqp-cat -Q -p "$AMQP_PORT" -g "$n,$queue,200" send </dev/null
    wait_for 20 seen_at_least 500
    house_kill9
    before=$(wc -l <"$WORK/subscriber.out")
    [ "$before" -lt "$n" ]
    house_start
    wait_for 20 both_open
    wait_exit sender 30
    assert_status 0
    unique() { [ "$(ids | sort -u | wc -l)" -ge "$n" ]; }
    wait_for 60 unique
    seq -f 'm-%010.0f' "$n" | sort >"$WORK/sent"
    verdict "$WORK/sent"
    run --separate-stderr conn-ctl delete amqp-telemetry
    assert_success
}
