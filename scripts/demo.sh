#!/bin/bash
# demo.sh: the main job on real input, told step by step.
#
#   AMQP=peer|rabbitmq MESSAGES=2000 scripts/demo.sh
#
# Devices send telemetry over AMQP 1.0; a JQ mapper makes Ditto Protocol live messages of it; an MQTT subscriber gets
# them. In the middle of the stream every process of the toolkit is killed with SIGKILL and the house is started again.
# The ids tell whether every message arrived. Everything runs in a private folder, on loopback, and is gone afterwards.
# Exit: 0 nothing lost, 1 something was lost, 111 a part did not start.
# shellcheck disable=SC2128 # REPLY is what a helper made it
set -u
cd "$(dirname "$0")/.." || exit 111
BUILD=${BUILD:-build}
ROOT=$PWD
AMQP=${AMQP:-peer}
MESSAGES=${MESSAGES:-2000}
PATH=$PWD/$BUILD/bin:$PWD/$BUILD/tests:$PATH:/usr/sbin
WORK=$(mktemp -d /tmp/conn-demo.XXXXXX) || exit 111
export WORK CONN_DIR=$WORK/state CONN_RUN=$WORK/run
mkdir -m 700 "$CONN_DIR" "$CONN_RUN"
# shellcheck source-path=SCRIPTDIR/../tests/helper
source tests/helper/process.bash
source tests/helper/mosquitto.bash
source tests/helper/rabbitmq.bash
source tests/helper/house.bash

if [ -t 1 ]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' off=$'\e[0m'
else
    bold='' dim='' red='' green='' off=''
fi
steps=8 step=0

say() {
    step=$((step + 1))
    printf '%s[%d/%d] %s%s\n' "$bold" $step $steps "$*" "$off"
}
note() { printf '      %s%s%s\n' "$dim" "$*" "$off"; }
give_up() {
    printf '%scannot go on: %s%s\n' "$red" "$*" "$off" >&2
    tail -n 5 "$WORK"/*.err >&2
    exit 111
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    end_tracked 2>/dev/null
    [ -z "${RABBITMQ_DIR-}" ] || rabbitmq_stop
    [ -n "${KEEP-}" ] || rm -rf "$WORK"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

start_brokers() {
    # shellcheck disable=SC2119
    mosquitto_start || give_up "mosquitto does not start"
    note "mosquitto on port $MQTT_PORT"
    case $AMQP in
    rabbitmq)
        rabbitmq_installed || give_up "rabbitmq-server is not installed: make deps"
        note "RabbitMQ takes its time (10 to 25 s) …"
        rabbitmq_start "$WORK/rabbitmq" || give_up "RabbitMQ does not start"
        export AMQP_USER=guest AMQP_PASSWORD=guest
        note "RabbitMQ on port $AMQP_PORT"
        ;;
    peer)
        mkfifo "$WORK/devices"
        exec 7<>"$WORK/devices" # open for both, so that no side ever sees an end before we say so
        start peer amqp-peer -Q - <"$WORK/devices"
        wait_for 10 grep -q port "$WORK/peer.out" || give_up "the AMQP container does not start"
        AMQP_PORT=$(jq -r 'select(.port) | .port' "$WORK/peer.out")
        note "an AMQP 1.0 container on port $AMQP_PORT"
        ;;
    *) give_up "AMQP=$AMQP is neither peer nor rabbitmq" ;;
    esac
}

# The devices: batches of messages with a breath between them, so that there is a middle to be killed in.
devices() {
    awk -v n="$MESSAGES" 'BEGIN { for (i = 1; i <= n; i++) {
        printf "{\"address\":\"telemetry\",\"properties\":{\"message-id\":\"m-%d\"},", i
        printf "\"application-properties\":{\"device_id\":\"dev-%d\"},", i % 10
        printf "\"data-text\":\"{\\\"temp\\\":%.1f,\\\"ts\\\":%d}\"}\n", 20 + i % 50 / 10, 1700000000000 + i
        if (i % 20 == 0) { fflush(); system("sleep 0.02") }
    } }' | sed -u 's/"data-text"/"text"/'
}

start_devices() {
    if [ "$AMQP" = peer ]; then
        devices >&7 &
    else
        devices | amqp-cat -Q -p "$AMQP_PORT" send telemetry >"$WORK/devices.out" 2>"$WORK/devices.err" &
    fi
    track $!
}

both_open() {
    conn-ctl status -w 30 amqp-telemetry >"$WORK/status.out" && conn-ctl status -w 30 mqtt-live >>"$WORK/status.out"
}

arrived() { jq -r '.headers["correlation-id"]' "$WORK/subscriber.out" 2>/dev/null | sort -u | wc -l; }
reached() { [ "$(wc -l <"$WORK/subscriber.out")" -ge "$1" ]; }

# A line that moves on a terminal, and says a few words where there is none.
progress() { # UNTIL SECONDS
    local deadline
    now_ms
    deadline=$((REPLY + $2 * 1000))
    while ! reached "$1"; do
        [ ! -t 1 ] || printf '\r      %6d of %d' "$(wc -l <"$WORK/subscriber.out")" "$MESSAGES"
        now_ms
        [ "$REPLY" -lt "$deadline" ] || break
        sleep 0.05
    done
    [ ! -t 1 ] || printf '\r'
    note "$(wc -l <"$WORK/subscriber.out") of $MESSAGES messages seen"
}

all_arrived() { [ "$(arrived)" -ge "$MESSAGES" ]; }

say "start the brokers, privately, on loopback"
start_brokers

say "start the house: conn-store, conn-hub, conn-supervise"
house_start || give_up "the house does not start"
note "three processes, $(du -sh "$CONN_DIR" | cut -f1) of state in $CONN_DIR"

say "create two connections from examples/connections"
declare -A uri=([amqp-telemetry]=amqp://127.0.0.1:$AMQP_PORT [mqtt-live]=tcp://127.0.0.1:$MQTT_PORT)
for name in amqp-telemetry mqtt-live; do
    house_connection $name "${uri[$name]}" >"$WORK/$name.json"
    conn-ctl create "$WORK/$name.json" >"$WORK/created.out" || give_up "conn-ctl create $name: $(cat "$WORK/created.out")"
    note "$name: $(jq -r '[.connectionType, (.sources[]? | "from \(.addresses[0])"), (.targets[]? | "to \(.address)")] | join(" ")' "$WORK/$name.json")"
done
both_open || give_up "the connections do not open"
note "both are open"

say "subscribe to devices/# at mosquitto; $MESSAGES device messages start to flow over AMQP"
start subscriber mosquitto_sub -h 127.0.0.1 -p "$MQTT_PORT" -V mqttv5 -q 1 -i demo-subscriber -t 'devices/#' </dev/null
wait_for 10 grep -q 'Received SUBSCRIBE from demo-subscriber' "$WORK/mosquitto/log" || give_up "the subscriber does not start"
start_devices
progress $((MESSAGES / 10)) 30
head -n 3 "$WORK/subscriber.out" | cut -c 1-200 | sed 's/^/      /'

say "in the middle of the stream: kill -9 every process of the toolkit"
progress $((MESSAGES * 2 / 5)) 30
house_kill9 || give_up "a process outlives SIGKILL"
killed=$REPLY
seen=$(wc -l <"$WORK/subscriber.out")
note "$killed processes are gone; the subscriber has seen $seen messages; the devices go on sending"

say "start the house again: the connections come back from the event log"
house_start || give_up "the house does not start"
both_open || give_up "the connections do not come back"
note "both are open again"

say "wait for the rest"
progress "$MESSAGES" 60
wait_for 60 all_arrived 2>/dev/null || note "not all within a minute"
for name in amqp-telemetry mqtt-live; do
    note "conn-ctl status $name: $(conn-ctl status $name | jq -r '"desired \(.connectionStatus), live \(.liveStatus) since \(.connectedSince)"')"
done

say "count by id"
jq -r '.headers["correlation-id"]' "$WORK/subscriber.out" >"$WORK/ids"
seq -f 'm-%.0f' "$MESSAGES" | sort >"$WORK/sent"
sort -u "$WORK/ids" >"$WORK/unique"
count=$(comm -12 "$WORK/sent" "$WORK/unique" | wc -l)
lost=$((MESSAGES - count))
duplicates=$(($(wc -l <"$WORK/ids") - $(wc -l <"$WORK/unique")))
if [ $lost -eq 0 ]; then
    note "${green}every message arrived${dim}; duplicates are deliveries that were under way when the kill came"
else
    note "${red}messages are missing:${dim} $(comm -23 "$WORK/sent" "$WORK/unique" | head -n 5 | tr '\n' ' ')"
fi

cat <<END

What you could type next:
  $BUILD/bin/conn-ctl validate examples/connections/*.json
  make demo AMQP=rabbitmq
  man ./man/conn-ctl.1

END
echo "sent=$MESSAGES arrived=$count duplicates=$duplicates lost=$lost"
[ $lost -eq 0 ]
